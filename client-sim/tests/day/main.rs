//! One trading day with everything in it: pre-open, opening auction, trading with hidden, reserve and stop orders, a
//! restart, a halt, a volatility pause, closing auction, end of messages. The whole exchange in one thread, with a clock
//! that the test turns.
//!
//! Every message type that the exchange may send must occur, in the feed and to the customers. The feed is read by our own
//! feed handler and by public decoders; nothing may be unknown, and no book crossed while its instrument trades. With
//! `DAY_FILE=FILE` the recorded feed is written there, for others to read.

mod checks;
mod customer;
mod script;
mod world;

use protocol::order_entry::Response;
use world::World;

#[test]
fn a_day_in_which_everything_occurs() {
    let mut world = World::before_the_day();
    script::play(&mut world);
    let day = world.end();
    checks::feed(&day);
    checks::streams(&day);
    checks::journal(&day);
    if let Some(path) = std::env::var_os("DAY_FILE") {
        std::fs::write(&path, day.file()).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

/// A first start in trading hours opens at once; a cross of nothing is a cross.
#[test]
fn a_start_at_noon_opens_at_once() {
    let world = World::within_the_day(60);
    assert_eq!(world.told(), "O 1Q 2Q S Q 1Q0 1T 2Q0 2T");
    checks::journal(&world.end());
}

/// What had collected when the power went crosses when it is back, however late that is.
#[test]
fn what_waited_crosses_when_the_opening_was_missed() {
    let mut world = World::before_the_day();
    world.until(12);
    script::two_that_cross(&mut world);
    let before = world.told();
    world.restart_at(40);
    assert_eq!(
        world.told().strip_prefix(&before),
        Some(" Q 1Q5 1T 2Q0 2T"),
        "nothing is repeated"
    );
    checks::journal(&world.end());
}

/// A close that was missed is made up for, without an auction that nobody saw: the orders of the day end.
#[test]
fn a_missed_close_ends_the_day() {
    let mut world = World::before_the_day();
    world.until(60);
    script::two_that_rest(&mut world);
    let before = world.told();
    world.restart_at(3_600);
    assert_eq!(world.told().strip_prefix(&before), Some(" 1H 2H M E C"));
    let reason = world.customer("ANN").last(|response| match response {
        Response::Canceled(canceled, _) => Some(canceled.reason),
        _ => None,
    });
    assert_eq!(reason, b'E');
    let day = world.end();
    checks::journal(&day);
    assert_eq!(
        day.last.exchange.open_orders(1).count(),
        1,
        "one was to outlive it"
    );
}

/// What is good till canceled goes over the roll, whatever it is, and trades on the next day. The power goes twice.
#[test]
fn the_next_day_begins_with_what_is_left() {
    let mut world = World::before_the_day();
    world.until(30);
    script::all_that_lasts(&mut world);
    world.until(145);
    assert_eq!(&world.ended.0, b"ITCH000001", "the end is told");
    assert!(world.customers.iter().all(|customer| !customer.is_away()));
    world.until(175);
    assert!((29..=33).contains(&world.ended.1), "told {} times", world.ended.1);
    assert_eq!(world.told(), "O 1H 2H S", "the new day's");
    world.reconnect_all();
    script::all_is_carried(&mut world);
    world.restart();
    script::all_is_carried(&mut world);
    world.restart_at(86_400 - 5);
    world.until(86_400 + 30);
    assert_eq!(world.told(), "O 1H 2H S 1Q 2Q 1Q 2Q Q 1Q0 1T 2Q0 2T");
    script::the_carried_trade(&mut world);
    let before = world.customer("ANN").messages_before.len();
    assert_eq!(before, 1, "one day has ended");
    let day = world.end();
    assert_eq!((day.last.exchange.day(), day.feeds_before.len()), (2, 1));
    checks::feed_of_the_next_day(&day);
    checks::journal(&day);
}

/// What is asked for too late, or again, after the roll: the old day is read to its end for ten minutes.
#[test]
fn a_day_that_was_missed_is_read_to_its_end() {
    let mut world = World::before_the_day();
    world.until(30);
    script::two_that_rest(&mut world);
    world.customer("BOB").hang_up();
    world.until(175);
    let before = world.customer("BOB").messages.len();
    world.reconnect_to("BOB", "O000010001");
    let bob = world.customer("BOB");
    assert!(bob.is_away(), "the end was told");
    assert_eq!(bob.messages_before.len(), 1);
    assert!(bob.messages_before[0].len() >= before);
    world.reconnect("BOB");
    assert_eq!(
        world.customer("BOB").messages.len(),
        1,
        "the order that outlived the day"
    );
    checks::journal(&world.end());
}

/// Without times of the day it ends by itself, at 23:00 of the third date, and the next one trades half a minute later. The
/// power goes after the end of messages, and again in the new day.
#[test]
fn a_day_without_times_rolls_before_its_clock_ends() {
    // In seconds after seven.
    const ROLL: u64 = (71 - 7) * 3_600;
    let mut world = World::around_the_clock();
    assert_eq!(world.told(), "O 1Q 2Q S Q 1Q0 1T 2Q0 2T");
    script::all_that_lasts(&mut world);
    let before = world.told();
    world.restart_at(ROLL - 40);
    world.until(ROLL - 31);
    assert_eq!(world.told(), before);
    world.until(ROLL - 28);
    assert_eq!(world.told().strip_prefix(&before), Some(" 1H 2H M E C"));
    world.restart();
    world.until(ROLL - 5);
    assert_eq!(world.told().strip_prefix(&before), Some(" 1H 2H M E C"), "once");
    world.until(ROLL + 5);
    assert_eq!(&world.ended.0, b"ITCH000001", "the end is told");
    assert_eq!(world.told(), "O 1H 2H S 1Q 2Q Q 1Q0 1T 2Q0 2T", "the new day's");
    world.reconnect_all();
    script::all_is_carried(&mut world);
    world.restart();
    script::all_is_carried(&mut world);
    script::the_carried_trade(&mut world);
    let day = world.end();
    assert_eq!((day.last.exchange.day(), day.feeds_before.len()), (2, 1));
    checks::feed_of_the_next_day(&day);
    checks::journal(&day);
}

/// An exchange that was down when its day should have ended ends it at the next start. The power goes in that as well.
#[test]
fn a_day_without_times_that_is_overdue_rolls_at_the_start() {
    const LATE: u64 = 100 * 3_600;
    let mut world = World::around_the_clock();
    script::all_that_lasts(&mut world);
    let before = world.told();
    world.restart_at(LATE);
    assert_eq!(world.told().strip_prefix(&before), Some(" 1H 2H M E C"));
    world.pass(20);
    world.restart();
    world.pass(1);
    assert_eq!(
        world.told(),
        "O 1H 2H S 1Q 2Q Q 1Q0 1T 2Q0 2T",
        "the new day's: how long receivers have heard of the end is not known"
    );
    world.reconnect_all();
    script::all_is_carried(&mut world);
    script::the_carried_trade(&mut world);
    // It counts from its own midnight, so that the next one is two days away.
    world.restart_at(LATE + 40 * 3_600);
    let day = world.end();
    assert_eq!(day.last.exchange.day(), 2);
    assert!(day.last.exchange.now() < 72 * 3_600_000_000_000);
    checks::journal(&day);
}
