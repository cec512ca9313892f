//! A counting allocator around the books: once a market has its room, no message allocates, not the first of an instrument either,
//! and not a side of a book that has more prices than ever.

mod support;

use feed_handler::{Capacity, Market, Side};
use support::{Script, added, deleted, directory, state, system_event};

const CAPACITY: Capacity = Capacity {
    instruments: 16,
    orders: 8_192,
    levels: 4_096,
};

fn allocations(run: impl FnOnce()) -> u64 {
    allocation_counter::measure(run).count_total
}

#[test]
fn a_day_of_everything() {
    let mut script = Script::new(11, 2);
    script.run(50_000);
    let mut market = Market::new(CAPACITY);
    let counted = allocations(|| {
        for message in &script.messages {
            market.apply(message).expect("the script is well formed");
        }
    });
    assert_eq!(counted, 0, "one by one");
    assert_eq!(market.statistics().error_count(), 0);
    let digest = market.books().digest();
    let levels = |market: &Market| market.book(1).levels(Side::Buy).count();
    assert!(levels(&market) > 40, "{} prices on a side", levels(&market));
    let counted = allocations(|| {
        market.clear();
        let messages = script.messages.iter().map(Vec::as_slice);
        market.apply_all(messages, |_, _, result| assert!(result.is_ok()));
    });
    assert_eq!(
        (counted, market.books().digest()),
        (0, digest),
        "many at once, after another day"
    );
}

/// All levels there may be lie on one side, then on another, then everywhere.
#[test]
fn levels_wherever_they_lie() {
    let mut messages = vec![system_event(b'O')];
    for locate in 1..=16 {
        messages.push(directory(locate, &format!("SYM{locate}"), 1));
        messages.push(state(locate, b'T'));
    }
    let mut number = 0;
    for round in 0..6_u16 {
        let first = number;
        let place = |number: u64| {
            let side = if round % 2 == 0 { Side::Buy } else { Side::Sell };
            match round {
                0..4 => (1 + round, side),
                _ => (
                    1 + (number % 16) as u16,
                    if number % 32 < 16 { Side::Buy } else { Side::Sell },
                ),
            }
        };
        for _ in 0..CAPACITY.levels {
            number += 1;
            let (locate, side) = place(number);
            messages.push(added(locate, number, side, 1, number as u32));
        }
        for gone in first + 1..=number {
            messages.push(deleted(place(gone).0, gone));
        }
    }
    let mut market = Market::new(CAPACITY);
    let counted = allocations(|| {
        for message in &messages {
            market.apply(message).expect("well formed");
        }
    });
    assert_eq!((counted, market.statistics().error_count()), (0, 0));
    assert_eq!(market.books().order_count(), 0);
}

/// What does not fit is counted, and allocates no more than what does.
#[test]
fn more_than_there_is_room_for() {
    let mut script = Script::new(12, 40);
    script.run(20_000);
    let mut market = Market::new(Capacity {
        orders: 100,
        levels: 50,
        ..CAPACITY
    });
    let garbage = [&b""[..], b"A", b"\xff\0\0", &[0; 100]];
    let counted = allocations(|| {
        for message in &script.messages {
            market.apply(message).expect("well formed");
        }
        for message in garbage {
            // Unknown types are no errors.
            let _ = market.apply(message);
        }
    });
    assert_eq!(counted, 0);
    assert!(market.overflow().is_some() && market.statistics().error_count() > 1_000);
}
