//! What the day must have brought, and what everybody must agree on.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use engine::assembly::{Replay, StartError};
use engine::exchange::book::Side;
use engine::journal::{self, ReadOptions};
use engine::output::{MessageSink, Numbers};
use feed_handler::{Capacity, Market};
use itch5::messages as theirs;
use itch5::{MessageHandler, Parser};
use protocol::market_data::FeedMessage;
use protocol::order_entry::{Answer, Response};
use slouch::msg::OuchResponse;

use crate::world::Day;

/// All that the exchange may send in the market data.
const FEED: &str = "ACDEFHIPQRSUX";
/// All that it may send to a session; AIQ Canceled is `D`.
const RESPONSES: &str = "ACDEGJKMQRSTUX";

/// The characters of a set, for a comparison that reads well.
fn text(set: &BTreeSet<u8>) -> String {
    set.iter().map(|byte| char::from(*byte)).collect()
}

/// Our feed handler, message by message, and a public decoder.
pub(crate) fn feed(day: &Day) {
    let mut market = Market::new(Capacity {
        instruments: 8,
        orders: 4_096,
        levels: 4_096,
    });
    let mut kinds = BTreeSet::new();
    let (mut events, mut states, mut crosses) = (String::new(), BTreeSet::new(), String::new());
    let mut directions = BTreeSet::new();
    for bytes in &day.feed {
        market.apply(bytes).expect("it is well formed");
        let message = FeedMessage::decode(bytes).expect("it is well formed");
        kinds.insert(bytes[0]);
        match message {
            FeedMessage::SystemEvent(event) => events.push(char::from(event.event_code)),
            FeedMessage::StockTradingAction(action) => drop(states.insert(action.trading_state)),
            FeedMessage::CrossTrade(cross) if cross.shares.get() > 0 => {
                crosses.push(char::from(cross.cross_type));
            }
            FeedMessage::Noii(imbalance) => drop(directions.insert(imbalance.imbalance_direction)),
            _ => {}
        }
        for instrument in market.instruments() {
            let is_crossed = market.book(instrument.locate).is_crossed();
            assert!(
                !(instrument.state == b'T' && is_crossed),
                "crossed while it trades: {message:?}"
            );
        }
    }
    let statistics = market.statistics();
    assert_eq!(
        (statistics.unknown, statistics.malformed, statistics.error_count()),
        (0, 0, 0)
    );
    assert_eq!(text(&kinds), FEED, "each kind of message occurs");
    assert_eq!(events, "OSQMEC");
    assert_eq!(text(&states), "HPQT");
    assert_eq!(
        crosses, "OHHCC",
        "opening, halt, volatility pause, closing of both"
    );
    assert!(directions.len() >= 3, "{}", text(&directions));

    books(day, &market);
    for locate in 1..=day.last.exchange.instrument_count() {
        let known = day.last.exchange.instrument(locate).expect("it is there");
        let last = market.instrument(locate).and_then(|instrument| instrument.last);
        assert_eq!(
            last.map(|trade| (trade.price, trade.match_number)),
            Some((known.last_trade.price, known.last_trade.match_number))
        );
    }

    let mut counts = Counts::default();
    Parser::new(&day.file())
        .parse_stream(&mut counts)
        .expect("they read all of it");
    let mut ours = BTreeMap::new();
    for bytes in &day.feed {
        *ours.entry(bytes[0]).or_insert(0) += 1;
    }
    assert_eq!(counts.0, ours, "they count what we sent");
}

/// The books that the feed gives are the exchange's.
fn books(day: &Day, market: &Market) {
    for locate in 1..=day.last.exchange.instrument_count() {
        for (side, ours) in [
            (Side::Buy, feed_handler::Side::Buy),
            (Side::Sell, feed_handler::Side::Sell),
        ] {
            let book: Vec<_> = market
                .book(locate)
                .levels(ours)
                .map(|level| (level.price, level.quantity))
                .collect();
            let levels: Vec<_> = day
                .last
                .exchange
                .levels(locate, side)
                .map(|(price, quantity, _)| (price, quantity))
                .collect();
            assert_eq!(book, levels, "instrument {locate}, {side:?}");
        }
    }
}

/// The feed of the new day alone gives its books.
pub(crate) fn feed_of_the_next_day(day: &Day) {
    let mut market = Market::new(Capacity {
        instruments: 8,
        orders: 4_096,
        levels: 4_096,
    });
    for bytes in &day.feed {
        market.apply(bytes).expect("it is well formed");
    }
    let statistics = market.statistics();
    assert_eq!(
        (statistics.unknown, statistics.malformed, statistics.error_count()),
        (0, 0, 0)
    );
    books(day, &market);
}

/// How often a public decoder saw each kind.
#[derive(Default)]
struct Counts(BTreeMap<u8, i32>);

macro_rules! count {
    ($( $method:ident($message:ident), $kind:literal; )*) => {
        impl MessageHandler for Counts {
            $(
                fn $method(&mut self, _message: &theirs::$message) -> ControlFlow<()> {
                    *self.0.entry($kind).or_default() += 1;
                    ControlFlow::Continue(())
                }
            )*
        }
    };
}

count! {
    on_system_event(SystemEvent), b'S';
    on_stock_directory(StockDirectory), b'R';
    on_stock_trading_action(StockTradingAction), b'H';
    on_add_order_no_mpid_attribution(AddOrderNoMPIDAttribution), b'A';
    on_add_order_with_mpid_attribution(AddOrderWithMPIDAttribution), b'F';
    on_order_executed(OrderExecuted), b'E';
    on_order_executed_with_price(OrderExecutedWithPrice), b'C';
    on_order_cancel(OrderCancel), b'X';
    on_order_delete(OrderDelete), b'D';
    on_order_replace(OrderReplace), b'U';
    on_trade(Trade), b'P';
    on_cross_trade(CrossTrade), b'Q';
    on_net_order_imbalance_indicator(NetOrderImbalanceIndicator), b'I';
}

/// What customers were told: each kind of message, each reason, each flag.
pub(crate) fn streams(day: &Day) {
    let (mut kinds, mut reasons, mut flags) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for customer in &day.customers {
        for bytes in &customer.messages {
            kinds.insert(bytes[0]);
            match Response::decode(bytes).expect("it is well formed") {
                Response::Canceled(canceled, _) => drop(reasons.insert(canceled.reason)),
                Response::AiqCanceled(canceled, _) => drop(reasons.insert(canceled.reason)),
                Response::Executed(executed, _) => drop(flags.insert(executed.liquidity_flag)),
                Response::Unknown(kind) => panic!("{kind} is unknown"),
                _ => {}
            }
            if customer.username != "CAT" {
                // She alone uses what is our own: others' clients read every byte that they get.
                let (_, message) = OuchResponse::parse(bytes).unwrap_or_else(|error| {
                    panic!("{}: they do not read {bytes:?}: {error:?}", customer.username)
                });
                assert!(!matches!(message, OuchResponse::Unknown(..)), "{message:?}");
            }
        }
        for bytes in &customer.answers {
            assert!(Answer::decode(bytes).is_ok());
        }
    }
    assert_eq!(text(&kinds), RESPONSES, "each kind of message occurs");
    assert_eq!(text(&reasons), "EGHIKQSTUZ", "each reason occurs");
    assert_eq!(text(&flags), "ACHJOR", "each liquidity flag occurs");
}

/// The journal, applied again, gives the same state and every byte that anybody was told.
pub(crate) fn journal(day: &Day) {
    assert!(day.last.is_equal(), "engine and replica have different states");
    day.last
        .exchange
        .check_invariants()
        .expect("books and balances add up");
    let mut replay = Replay::new(day.config.capacities.limits, 2);
    let mut told = Days(vec![Told::default()]);
    journal::replay(
        &mut day.disk.copy(),
        ReadOptions::default(),
        |_| {},
        |command, expected| -> Result<(), StartError> { Ok(replay.apply(command, expected, &mut told)?) },
    )
    .unwrap_or_else(|error| panic!("the journal is not whole: {error}"));
    assert_eq!(replay.exchange.state_hash(), day.last.exchange.state_hash());
    let feeds: Vec<_> = day.feeds_before.iter().chain([&day.feed]).collect();
    assert_eq!(told.0.iter().map(|day| &day.feed).collect::<Vec<_>>(), feeds);
    for (session, customer) in (0..).zip(&day.customers) {
        let streams = customer.messages_before.iter().chain([&customer.messages]);
        for (number, (told, stream)) in told.0.iter().zip(streams).enumerate() {
            let told = told.sessions.get(&session).map_or(&[][..], |stream| stream);
            assert_eq!(told, stream, "{}, day {number}", customer.username);
        }
    }
}

/// What was told, day by day.
struct Days(Vec<Told>);

impl Days {
    fn today(&mut self) -> &mut Told {
        self.0.last_mut().expect("there always is a day")
    }
}

#[derive(Default)]
struct Told {
    feed: Vec<Vec<u8>>,
    sessions: BTreeMap<u32, Vec<Vec<u8>>>,
}

impl MessageSink for Days {
    fn feed(&mut self, sequence: u64, message: &[u8]) {
        let feed = &mut self.today().feed;
        feed.push(message.to_vec());
        assert_eq!(sequence, feed.len() as u64);
    }

    fn session(&mut self, session: u32, sequence: u64, message: &[u8]) {
        let stream = self.today().sessions.entry(session).or_default();
        stream.push(message.to_vec());
        assert_eq!(sequence, stream.len() as u64);
    }

    fn new_day(&mut self, _day: u32, _ended: &Numbers) {
        self.0.push(Told::default());
    }
}
