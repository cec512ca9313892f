//! A load that runs across the roll of the day: the exchange on its threads and real sockets, by a clock that the test
//! turns, so that the last minute of one day and the first of the next pass in seconds.
//!
//! The customers' clients go over by themselves. Afterwards every request is answered or known not to have been applied,
//! what was good till canceled went on in the new day, the balances are what the executions of both days imply, and the
//! books that a subscriber has rebuilt through the roll are the exchange's.

mod books;
mod world;

use client_sim::connection::Door;
use client_sim::fleet::{Fleet, Stage};
use world::World;

/// The market closes; see the world's configuration.
const CLOSE: u64 = 20;
/// The day has rolled, and the next one has begun.
const ROLLED: u64 = 54;
/// It trades.
const TRADING: u64 = 66;

/// A load of several seconds on each side of the roll.
fn load(door: Door, loss_per_million: u32, feed_loss: f64) -> World {
    let mut world = World::new(door, loss_per_million, feed_loss);
    world.until_running();
    world.until(CLOSE - 2);
    let before = world.fleet.totals();
    assert!(before.executions > 100 && before.live > 50, "{before:?}");
    world.until(ROLLED);
    let after = world.fleet.totals();
    assert_eq!(
        world.fleet.shared().days_ended,
        world.sessions(),
        "each went over"
    );
    assert!(after.carried > 50, "what was to outlive the day did: {after:?}");
    world.until(TRADING);
    let traded = world.fleet.totals();
    assert!(
        traded.executions > after.executions + 100,
        "the new day trades: {traded:?}"
    );
    world
}

fn all_is_reconciled(fleet: &mut Fleet) {
    let verdict = fleet.verdict();
    let shared = fleet.shared();
    assert!(
        verdict.every_order_answered && verdict.balances_as_implied && verdict.conserved_between,
        "{verdict:?}: {:?}",
        shared.checker.faults()
    );
    assert_eq!(shared.checker.faults(), [""; 0]);
    assert_eq!(shared.lost_connections, 0, "{:?}", shared.trouble);
}

/// Who joins the market data after the roll sees the new day only, and the same books.
#[test]
fn a_load_goes_over_the_roll_by_udp() {
    let mut world = load(Door::Udp, 0, 0.0);
    let mut late = world.subscribe(0.0);
    world.stop();
    all_is_reconciled(&mut world.fleet);
    world.catch_up(&mut late);
    let (heard, heard_late) = (world.subscriber.statistics().stream, late.statistics().stream);
    assert_eq!(
        (heard.sessions, heard.abandoned),
        (2, 0),
        "both days, and all of them"
    );
    assert_eq!(heard_late.sessions, 1);
    assert_eq!(Some(heard_late.delivered + 1), late.next_sequence());
    assert_eq!(late.session(), world.subscriber.session());
    assert_eq!(
        late.market().books().digest(),
        world.subscriber.market().books().digest()
    );
    world.books_are_equal();
}

#[test]
fn a_load_goes_over_the_roll_by_tcp() {
    let mut world = load(Door::Tcp, 0, 0.0);
    world.stop();
    all_is_reconciled(&mut world.fleet);
    world.books_are_equal();
}

/// Loss on purpose on all ways: of orders, of acknowledgements (the end of the day among them), of market data.
#[test]
fn a_load_goes_over_the_roll_with_loss() {
    let mut world = load(Door::Udp, 20_000, 0.02);
    assert!(world.subscriber.statistics().recovered > 0);
    world.stop();
    let totals = world.fleet.totals();
    assert!(totals.dropped > 0 && totals.gaps > 0, "{totals:?}");
    all_is_reconciled(&mut world.fleet);
    world.books_are_equal();
}

/// The load ends while the day is over: orders that were entered for the next day are taken back in it.
#[test]
fn a_load_ends_at_the_roll() {
    let mut world = World::new(Door::Udp, 0, 0.0);
    world.until_running();
    world.until(CLOSE + 20);
    world.fleet.stop(world.now_ns());
    world.until(ROLLED);
    world.until_stage(Stage::Done);
    all_is_reconciled(&mut world.fleet);
}
