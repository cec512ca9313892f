//! Auctions, pauses and the day: collected, told, crossed, canceled, carried, each in many steps.

use engine::exchange::command::{Command, CommandKind};
use engine::exchange::event::EventKind;

use super::exchange::{MAKER, TAKER, World};
use super::market::{self, DOLLAR, LIMITS};

const MARKET: u64 = 0x7FFF_FFFF;

fn state(world: &mut World, state: u8) -> usize {
    let came = world.run(market::value(CommandKind::SetState, 1, state));
    assert_ne!(came.first, Some(EventKind::OperationRefused));
    came.steps
}

/// Orders of one side that wait for a cross of this type, or rest, one lot each.
fn collect(world: &mut World, session: u32, count: u32, cross_type: u8, price: u64) {
    for _ in 0..count {
        let came = world.ask(CommandKind::Enter, session, |order, _| {
            order.side = if session == MAKER { b'S' } else { b'B' };
            (order.cross_type, order.price, order.time_in_force) = (cross_type, price, b'G');
        });
        assert_eq!(came.first, Some(EventKind::Accepted));
    }
}

/// A cross of all kinds of orders, and what it leaves.
pub(crate) fn crosses(world: &mut World) {
    let part = LIMITS.orders / 8;
    for (begins, kind, ends) in [(b'P', b'O', b'T'), (b'A', b'C', b'X'), (b'P', b'O', b'T')] {
        state(world, begins);
        for (cross_type, price) in [
            (b'N', 100 * DOLLAR),
            (kind, 99 * DOLLAR),
            (b'N', MARKET),
            (kind, MARKET),
        ] {
            collect(world, MAKER, part, cross_type, price);
        }
        for (cross_type, price) in [(b'N', 101 * DOLLAR), (kind, 100 * DOLLAR), (kind, MARKET)] {
            collect(world, TAKER, part, cross_type, price);
        }
        let last = world.next(TAKER) - 1;
        for (kind, quantity) in [(CommandKind::Replace, 1), (CommandKind::Cancel, 0)] {
            world.ask(kind, TAKER, |order, _| {
                order.quantity = quantity;
                if kind == CommandKind::Replace {
                    (order.orig_user_ref, order.time_in_force) = (last, b'0');
                } else {
                    order.user_ref = last - 1;
                }
            });
        }
        world.run(Command::new(CommandKind::Imbalance));
        assert!(state(world, ends) > 1, "the cross has many steps");
        for session in [MAKER, TAKER] {
            world.ask(CommandKind::MassCancel, session, |_, _| {});
        }
        state(world, b'T');
    }
}

/// An instrument pauses by itself and reopens.
pub(crate) fn pause(world: &mut World) {
    let last = world
        .exchange
        .instrument(1)
        .expect("it was added")
        .last_trade
        .price;
    let far = u64::from(last) * 12 / 10 / 100 * 100;
    let mut protection = Command::new(CommandKind::SetProtection).with_protection(100_000, 30);
    protection.instrument = 1;
    assert_eq!(world.run(protection).first, None);
    world.enter(MAKER, b'S', 1, far);
    world.enter(TAKER, b'B', 1, far);
    let due = world.exchange.next_due().expect("imbalances are told");
    assert_eq!(due.kind, CommandKind::Imbalance);
    world.time += 1_000_000_000;
    assert_eq!(world.run(due.command()).first, Some(EventKind::ImbalanceVolume));
    let mut reopen = Command::new(CommandKind::Reopen);
    reopen.instrument = 1;
    assert_eq!(world.run(reopen).first, Some(EventKind::OperationRefused));
    world.time += 29_000_000_000;
    assert_eq!(world.run(reopen).first, Some(EventKind::CrossMatch));
    let mut protection = protection.with_protection(0, 0);
    protection.instrument = 1;
    world.run(protection);
}

/// The day ends, and the next begins with what is left.
pub(crate) fn rolls(world: &mut World) {
    let half = LIMITS.orders / 2;
    collect(world, MAKER, half, b'N', 110 * DOLLAR);
    for _ in 0..half {
        world.enter(TAKER, b'B', 1, 90 * DOLLAR);
    }
    let came = world.run(market::value(CommandKind::SystemEvent, 0, b'M'));
    assert!(came.steps > 1, "{came:?}");
    assert_eq!(
        world.run(Command::new(CommandKind::RollDay)).first,
        Some(EventKind::OperationRefused)
    );
    for instrument in 1..=world.exchange.instrument_count() {
        world.run(market::value(CommandKind::SetState, instrument, b'X'));
    }
    world.time = 0;
    let came = world.run(Command::new(CommandKind::RollDay));
    assert_eq!(came.first, Some(EventKind::DayRolled));
    assert!(came.steps > 1, "{came:?}");
    world.ask(CommandKind::MassCancel, MAKER, |_, _| {});
    for instrument in 1..=world.exchange.instrument_count() {
        world.run(market::value(CommandKind::SetState, instrument, b'T'));
    }
}
