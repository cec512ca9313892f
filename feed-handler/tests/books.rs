//! The books against a naive model, a recorded day of the outside world, and garbage.

mod support;

use feed_handler::book::Capacity;
use feed_handler::ticker::TradeKind;
use feed_handler::{BookError, Market, Side};
use protocol::market_data::binary_file;
use protocol::market_data::messages::LAYOUTS;
use protocol::testing::Random;
use std::path::PathBuf;
use support::{
    Script, added, canceled, cross, deleted, directory, executed, executed_in_cross, hidden_trade, imbalance,
    replaced, state,
};

const CAPACITY: Capacity = Capacity {
    instruments: 16,
    orders: 4_096,
    levels: 4_096,
};

fn apply(market: &mut Market, messages: &[Vec<u8>]) {
    for message in messages {
        market.apply(message).expect("scripts make well-formed messages");
    }
}

#[test]
fn books_equal_a_naive_model() {
    for seed in 0..5 {
        let mut script = Script::new(seed, 3);
        let mut market = Market::new(CAPACITY);
        let mut done = 0;
        for _ in 0..40 {
            script.run(500);
            apply(&mut market, &script.messages[done..]);
            done = script.messages.len();
            for locate in 1..=3 {
                assert_eq!(market.book(locate).digest(), script.digest(locate), "seed {seed}");
                assert!(!market.book(locate).is_crossed());
            }
            assert_eq!(market.books().order_count(), script.resting.len());
        }
        assert_eq!(market.statistics().error_count(), 0);
        assert_eq!(market.statistics().total(), script.messages.len() as u64);
        assert!(
            market
                .instruments()
                .all(|instrument| instrument.trades > 100 && instrument.state == b'T')
        );
    }
}

#[test]
fn a_day_in_small() {
    let mut market = Market::new(CAPACITY);
    let day = [
        directory(1, "SYM1", 100),
        added(1, 10, Side::Buy, 500, 99_0000),
        added(1, 11, Side::Sell, 300, 101_0000),
        added(1, 12, Side::Sell, 200, 102_0000),
        executed(1, 11, 100, 1),
        canceled(1, 10, 50),
        replaced(1, 12, 13, 250, 100_5000),
        deleted(1, 10),
    ];
    apply(&mut market, &day[..5]);
    let trade = market.trade().expect("an execution is a trade");
    assert_eq!(
        (trade.kind, trade.aggressor),
        (TradeKind::Displayed, Some(Side::Buy))
    );
    assert_eq!(
        (trade.price, trade.quantity, trade.match_number),
        (101_0000, 100, 1)
    );
    assert_eq!(market.touched(), 1);
    apply(&mut market, &day[5..]);
    assert_eq!(market.trade(), None);
    let locate = market.find(*b"SYM1    ").unwrap();
    let quote = market.quote(locate).unwrap();
    assert_eq!(quote.bid, None);
    let ask = quote.ask.unwrap();
    assert_eq!((ask.price, ask.quantity, ask.orders), (100_5000, 250, 1));
    assert_eq!(quote.instrument.last, Some(trade));
    assert_eq!(
        (quote.instrument.volume, quote.instrument.lots_per_unit),
        (100, 100)
    );
    market.clear();
    assert_eq!(
        (market.find(*b"SYM1    "), market.instruments().count()),
        (None, 0)
    );
}

#[test]
fn an_auction_is_seen() {
    let mut market = Market::new(CAPACITY);
    let seen = |market: &Market| *market.instrument(1).expect("it was named");
    apply(
        &mut market,
        &[
            directory(1, "SYM1", 100),
            state(1, b'Q'),
            imbalance(1, 0, 0, 0),
            // Orders collect: the book may be crossed.
            added(1, 10, Side::Buy, 500, 102_0000),
            added(1, 11, Side::Sell, 300, 101_0000),
            imbalance(1, 300, 200, 101_0000),
        ],
    );
    let told = seen(&market).imbalance.expect("it was told");
    assert_eq!(
        (told.kind.name(), told.paired, told.quantity, told.near, told.far),
        ("opening", 300, 200, 101_0000, 50_5000)
    );
    assert_eq!(
        (told.side(), told.variation_name(), told.reference),
        (Some(Side::Sell), Some("1%"), 100_0000)
    );
    assert_eq!((market.trade(), seen(&market).state), (None, b'Q'));

    // Matches of a cross move no volume: the cross trade carries it once.
    apply(
        &mut market,
        &[
            executed_in_cross(1, 10, 300, 101_0000, 1),
            executed_in_cross(1, 11, 300, 101_0000, 1),
        ],
    );
    assert_eq!((market.trade(), seen(&market).volume), (None, 0));
    apply(&mut market, &[cross(1, 300, 101_0000, 2)]);
    let trade = market.trade().expect("the cross is a trade");
    assert_eq!((trade.kind, trade.aggressor), (TradeKind::Cross, None));
    assert_eq!((trade.quantity, trade.price), (300, 101_0000));
    assert_eq!(trade.cross.map(|kind| kind.name()), Some("opening"));
    apply(&mut market, &[state(1, b'T')]);
    let after = seen(&market);
    assert_eq!(
        (after.imbalance, after.last, after.volume),
        (None, Some(trade), 300)
    );
    assert_eq!(after.cross.map(|cross| cross.quantity), Some(300));
    assert!(!market.book(1).is_crossed());

    // Hidden orders are seen when they trade, and never in the book.
    apply(&mut market, &[hidden_trade(1, 40, 101_5000, 3)]);
    let trade = market.trade().expect("it is a trade");
    assert_eq!((trade.kind, trade.cross), (TradeKind::Hidden, None));
    assert_eq!((seen(&market).volume, seen(&market).trades), (340, 2));
    assert_eq!(market.books().order_count(), 1);

    // An auction in which nothing traded is no trade.
    apply(&mut market, &[state(1, b'Q'), cross(1, 0, 0, 4)]);
    assert_eq!((market.trade(), seen(&market).trades), (None, 2));
    assert_eq!(seen(&market).cross.map(|cross| cross.quantity), Some(0));
    assert_eq!(market.statistics().error_count(), 0);
}

#[test]
fn a_market_that_does_not_fit_says_so() {
    let mut market = Market::new(Capacity {
        orders: 2,
        ..CAPACITY
    });
    apply(
        &mut market,
        &[added(1, 1, Side::Buy, 1, 1), added(1, 2, Side::Buy, 1, 1)],
    );
    assert_eq!(market.overflow(), None);
    apply(&mut market, &[added(1, 3, Side::Buy, 1, 1)]);
    assert_eq!(market.overflow(), Some(BookError::OrderCapacity));
    apply(&mut market, &[directory(17, "SYM17", 1)]);
    assert_eq!(market.statistics().error(BookError::InstrumentCapacity), 1);
    market.clear();
    assert_eq!(market.overflow(), None);
}

#[test]
fn garbage_is_counted_and_never_panics() {
    let mut random = Random::new(99);
    let mut market = Market::new(Capacity {
        instruments: 100,
        orders: 64,
        levels: 32,
    });
    let mut malformed = 0;
    for round in 0..200_000_u64 {
        let mut message = vec![0; random.below(60) as usize];
        random.fill(&mut message);
        // Half of them look right at first sight, so that the books get their share.
        if round % 2 == 0 {
            let layout = random.pick(LAYOUTS);
            message.resize(layout.size, 0);
            message[0] = layout.message_type;
            message[1..3].copy_from_slice(&(random.below(110) as u16).to_be_bytes());
            if layout.size >= 19 {
                message[11..19].copy_from_slice(&random.below(100).to_be_bytes());
            }
        }
        malformed += u64::from(market.apply(&message).is_err());
    }
    assert_eq!(market.statistics().malformed, malformed);
    assert!(malformed > 5_000 && market.statistics().error_count() > 1_000);
    for locate in 0..=market.books().highest_locate() {
        let book = market.book(locate);
        for side in [Side::Buy, Side::Sell] {
            let orders: u64 = book.orders(side).map(|order| u64::from(order.quantity)).sum();
            let levels: u64 = book.levels(side).map(|level| level.quantity).sum();
            assert_eq!(orders, levels);
        }
    }
}

#[test]
fn a_recorded_day_of_nasdaq_is_understood() {
    let path = std::env::var_os("ITCH_SAMPLE").map_or_else(
        || {
            PathBuf::from(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../../shared/data/ritch_ex20101224.itch"
            ))
        },
        PathBuf::from,
    );
    let Ok(file) = std::fs::read(&path) else {
        println!(
            "skipped: no file {} (set ITCH_SAMPLE to an ITCH 5.0 BinaryFILE)",
            path.display()
        );
        return;
    };
    let mut market = Market::new(Capacity::default());
    for record in binary_file::Reader::new(&file) {
        market
            .apply(record.expect("records are whole"))
            .expect("messages are ITCH 5.0");
    }
    let statistics = market.statistics();
    assert!(statistics.total() > 1_000);
    assert_eq!((statistics.malformed, statistics.unknown), (0, 0));
    assert_eq!(market.overflow(), None);
}

/// The messages one by one and in groups, of any number, come to the same. Answers what was counted.
fn check_together(
    capacity: Capacity,
    messages: &[Vec<u8>],
    random: &mut Random,
) -> feed_handler::market::MarketStatistics {
    let mut alone = Market::new(capacity);
    let mut together = Market::new(capacity);
    let mut rest = messages;
    while !rest.is_empty() {
        let (some, after) = rest.split_at(random.between(0, 100).min(rest.len() as u64) as usize);
        let mut seen = some.iter();
        together.apply_all(some.iter().map(Vec::as_slice), |market, message, result| {
            assert_eq!(seen.next().map(Vec::as_slice), Some(message));
            assert_eq!(alone.apply(message), result);
            assert_eq!(
                (alone.trade(), alone.touched()),
                (market.trade(), market.touched())
            );
        });
        assert_eq!(seen.next(), None);
        assert_eq!(alone.books().digest(), together.books().digest());
        rest = after;
    }
    assert_eq!(alone.statistics(), together.statistics());
    assert_eq!(alone.overflow(), together.overflow());
    *together.statistics()
}

#[test]
fn looking_ahead_changes_nothing() {
    let mut random = Random::new(11);
    let mut script = Script::new(7, 3);
    script.run(10_000);
    let counted = check_together(CAPACITY, &script.messages, &mut random);
    assert_eq!((counted.error_count(), counted.malformed), (0, 0));

    // Garbage: few numbers and prices, so that orders are added twice, named when they are gone, and run out of room.
    let tight = Capacity {
        instruments: 5,
        orders: 40,
        levels: 20,
    };
    let mut garbage = Vec::new();
    for _ in 0..50_000 {
        let layout = random.pick(LAYOUTS);
        let mut message = vec![0; layout.size];
        for byte in &mut message {
            *byte = random.below(3) as u8;
        }
        message[0] = layout.message_type;
        if message.len() > 19 && random.chance(9, 10) {
            message[19] = *random.pick(b"BS");
        }
        message.truncate(if random.chance(1, 50) {
            random.below(40) as usize
        } else {
            usize::MAX
        });
        let number = random.below(100).to_be_bytes();
        if let Some(place) = message.get_mut(11..19) {
            place.copy_from_slice(&number);
        }
        garbage.push(message);
    }
    let counted = check_together(tight, &garbage, &mut random);
    assert!(counted.error(BookError::UnknownOrder) > 1_000 && counted.error(BookError::DuplicateOrder) > 50);
    assert!(counted.malformed > 100);
    let tighter = Capacity {
        orders: 8,
        levels: 6,
        ..tight
    };
    let counted = check_together(tighter, &garbage, &mut random);
    for error in BookError::ALL {
        assert!(
            counted.error(error) > 0,
            "no message was wrong in this way: {error}"
        );
    }
}

#[test]
fn order_numbers_may_be_any() {
    type Number = fn(&mut Random, u64) -> u64;
    let kinds: [Number; 5] = [
        |_, step| step,
        |_, step| step << 40,
        |_, step| step * 4_096,
        |random, _| random.next_u64(),
        |_, step| u64::MAX - step,
    ];
    for kind in kinds {
        let mut random = Random::new(3);
        let mut market = Market::new(CAPACITY);
        let mut live: Vec<u64> = Vec::new();
        for step in 0..20_000 {
            let number = kind(&mut random, step);
            if live.len() < 3_000 {
                market
                    .apply(&added(1, number, Side::Sell, 1, 1 + (step % 7) as u32))
                    .unwrap();
                live.push(number);
            }
            if random.chance(live.len() as u64, 3_000) {
                let gone = live.swap_remove(random.below(live.len() as u64) as usize);
                market.apply(&deleted(1, gone)).unwrap();
            }
        }
        assert_eq!(market.statistics().error_count(), 0);
        assert_eq!(market.books().order_count(), live.len());
        let mut resting: Vec<u64> = market
            .book(1)
            .orders(Side::Sell)
            .map(|order| order.number)
            .collect();
        resting.sort_unstable();
        live.sort_unstable();
        assert_eq!(resting, live);
    }
}
