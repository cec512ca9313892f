//! How many resting orders are looked at for a minimum.

use super::market::{ONE, enter, instrument, market_of, next};
use super::world::{World, no_options, plain_order};
use engine::exchange::command::{Command, CommandKind, InstrumentDefinition, OrderOptions};
use engine::exchange::event::{Event, EventKind};

const TAKER: u32 = 0;
const MAKER: u32 = 1;
const BOUND: u32 = 1_024;

/// One-lot asks at 10 and 11, so that level totals alone do not bound the walk, some of them the taker's own.
fn asks(own: u32, others: u32) -> World {
    let mut world = market_of(
        2,
        InstrumentDefinition {
            quantity_max: 2 * BOUND,
            ..instrument()
        },
    );
    for order in 0..own + others {
        let session = if order < own { TAKER } else { MAKER };
        enter(&mut world, session, b'S', 1, 10 + u64::from(order % 2));
    }
    world
}

/// An immediate buy of `quantity` with a minimum: the lots executed.
fn take(world: &mut World, quantity: u32, minimum: u32) -> u32 {
    let mut order = plain_order();
    (order.user_ref, order.quantity) = (next(world, TAKER), quantity);
    (order.price, order.time_in_force) = (11 * ONE, b'3');
    let mut options = no_options();
    options.present = OrderOptions::HAS_MIN_QUANTITY;
    options.min_quantity = minimum;
    let mut command = Command::new(CommandKind::Enter)
        .with_order(order)
        .with_options(options);
    (command.session, command.instrument) = (TAKER, 1);
    let caused = world.apply(command);
    let executed = |event: &&Event| event.kind() == EventKind::ExecutedIncoming;
    caused
        .events
        .iter()
        .filter(executed)
        .map(|event| event.quantity)
        .sum()
}

#[test]
fn a_minimum_may_need_as_many_orders_as_the_bound_and_no_more() {
    let mut world = asks(0, BOUND + 1);
    assert_eq!(take(&mut world, BOUND + 1, BOUND + 1), 0);
    assert_eq!(world.model.coverage["minimum missed for the bound"], 1);
    // It is the minimum that is bounded, not what executes.
    assert_eq!(take(&mut world, BOUND + 1, BOUND), BOUND + 1);
}

#[test]
fn own_orders_are_looked_at_too() {
    let mut world = asks(10, BOUND);
    // All of the level at 10, with five own orders, and of that at 11 what is left of the bound.
    assert_eq!(take(&mut world, BOUND, BOUND - 9), 0);
    assert_eq!(world.model.coverage["minimum missed for the bound"], 1);
    assert_eq!(take(&mut world, BOUND, BOUND - 10), BOUND);
}
