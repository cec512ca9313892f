//! Orders that are good till a time.

use super::market::{ONE, SECOND, market};
use super::world::{World, no_options, plain_order};
use engine::exchange::command::{Command, CommandKind, OrderOptions};
use engine::exchange::event::{Event, EventKind};

const OWNER: u32 = 0;
const OTHER: u32 = 1;

/// What is asked about time.
#[derive(Clone, Copy)]
struct Lifetime {
    time_in_force: u8,
    seconds: Option<u32>,
}

const fn till(seconds: u32) -> Lifetime {
    Lifetime {
        time_in_force: b'6',
        seconds: Some(seconds),
    }
}

const DAY: Lifetime = Lifetime {
    time_in_force: b'0',
    seconds: None,
};

/// A limit order for `quantity` lots at 10; `replaces` an order when that is not 0. Gives its number and the events.
fn send(world: &mut World, side: u8, quantity: u32, replaces: u32, lifetime: Lifetime) -> (u32, Vec<Event>) {
    let session = if side == b'B' { OWNER } else { OTHER };
    let mut order = plain_order();
    order.user_ref = world.model.sessions[session as usize].mark + 1;
    (order.orig_user_ref, order.side) = (replaces, side);
    (order.quantity, order.price) = (quantity, 10 * ONE);
    order.time_in_force = lifetime.time_in_force;
    let mut options = no_options();
    if let Some(seconds) = lifetime.seconds {
        options.present = OrderOptions::HAS_EXPIRE_TIME;
        options.expire_time = seconds;
    }
    let kind = if replaces == 0 {
        CommandKind::Enter
    } else {
        CommandKind::Replace
    };
    let mut command = Command::new(kind).with_order(order).with_options(options);
    (command.session, command.instrument) = (session, u16::from(replaces == 0));
    (order.user_ref, world.apply(command).events)
}

fn buy(world: &mut World, lifetime: Lifetime) -> u32 {
    let (user_ref, events) = send(world, b'B', 2, 0, lifetime);
    assert_eq!(events[0].kind(), EventKind::Accepted);
    user_ref
}

fn replace(world: &mut World, user_ref: u32, quantity: u32, lifetime: Lifetime) -> u32 {
    let (user_ref, events) = send(world, b'B', quantity, user_ref, lifetime);
    assert_eq!(events[0].kind(), EventKind::Replaced);
    user_ref
}

/// Numbers of the orders that end at a time.
fn expire(world: &mut World, time: u64) -> Vec<u32> {
    world.time = time;
    let caused = world.apply(Command::new(CommandKind::Expire));
    for event in &caused.events {
        assert_eq!((event.kind(), event.code), (EventKind::CanceledDeleted, b'T'));
    }
    caused.events.iter().map(|event| event.user_ref).collect()
}

#[test]
fn an_order_ends_when_its_time_has_come() {
    let mut world = market(2);
    assert_eq!(world.exchange.next_due().map(|due| due.time), None);
    let order = buy(&mut world, till(3));
    assert_eq!(world.exchange.next_due().map(|due| due.time), Some(4 * SECOND));
    assert_eq!(expire(&mut world, 4 * SECOND - 1), [0; 0]);
    assert_eq!(expire(&mut world, 4 * SECOND), [order]);
    assert_eq!(world.exchange.next_due().map(|due| due.time), None);
}

#[test]
fn the_earliest_end_first_and_at_one_time_the_lower_number() {
    let mut world = market(2);
    let orders: Vec<_> = [5, 2, 9, 2, 86_399, 5, 1]
        .map(|seconds| buy(&mut world, till(seconds)))
        .into();
    let of = |places: &[usize]| places.iter().map(|&place| orders[place]).collect::<Vec<_>>();
    assert_eq!(expire(&mut world, 3 * SECOND), of(&[6, 1, 3]));
    assert_eq!(expire(&mut world, 20 * SECOND), of(&[0, 5, 2]));
    assert_eq!(
        world.exchange.next_due().map(|due| due.time),
        Some(86_400 * SECOND)
    );
}

#[test]
fn a_lifetime_of_nothing_or_a_day_is_refused() {
    let mut world = market(2);
    let missing = Lifetime {
        seconds: None,
        ..till(0)
    };
    for lifetime in [missing, till(0), till(86_400), till(u32::MAX)] {
        let (_, events) = send(&mut world, b'B', 1, 0, lifetime);
        assert_eq!(
            (events[0].kind(), events[0].detail),
            (EventKind::Rejected, 0x000F)
        );
    }
    buy(&mut world, till(86_399));
}

#[test]
fn with_another_time_in_force_the_option_says_nothing() {
    let mut world = market(2);
    for time_in_force in [b'0', b'G'] {
        for seconds in [0, 5, 86_400] {
            buy(
                &mut world,
                Lifetime {
                    time_in_force,
                    seconds: Some(seconds),
                },
            );
        }
    }
    assert_eq!(world.exchange.next_due().map(|due| due.time), None);
}

#[test]
fn a_replacement_says_anew_when_the_order_ends() {
    let mut world = market(2);
    // With a place of its own, and in place.
    for quantity in [3, 2] {
        let order = buy(&mut world, till(3));
        let order = replace(&mut world, order, quantity, till(8));
        assert_eq!(
            world.exchange.next_due().map(|due| due.time),
            Some(world.time + 8 * SECOND)
        );
        let order = replace(&mut world, order, quantity, DAY);
        assert_eq!(world.exchange.next_due().map(|due| due.time), None);
        let order = replace(&mut world, order, quantity, till(1));
        let end = world.time + SECOND;
        assert_eq!(expire(&mut world, end), [order]);
    }
}

#[test]
fn who_ends_otherwise_is_not_waited_for() {
    let mut world = market(2);
    for seconds in [3, 1, 2] {
        buy(&mut world, till(seconds));
    }
    // Two in full, and one lot of the last.
    send(&mut world, b'S', 5, 0, DAY);
    assert_eq!(
        world.exchange.next_due().map(|due| due.time),
        Some(world.time + 2 * SECOND)
    );
    let end = world.time + 10 * SECOND;
    assert_eq!(expire(&mut world, end).len(), 1);
}

#[test]
fn what_does_not_rest_does_not_wait() {
    let mut world = market(2);
    send(&mut world, b'S', 2, 0, DAY);
    buy(&mut world, till(5));
    assert_eq!(world.exchange.next_due().map(|due| due.time), None);
}

#[test]
fn many_at_once_end_in_steps() {
    let mut world = market(2);
    for index in 0..600 {
        buy(&mut world, till(1 + index % 7));
    }
    world.time += 6 * SECOND;
    let caused = world.apply(Command::new(CommandKind::Expire));
    assert!(caused.steps > 2);
    assert_eq!(caused.events.len(), 515);
}
