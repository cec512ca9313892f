//! What the operator and the clock do: set up, expiry, kill switches, changes.

use engine::exchange::command::{
    ALL_ACCOUNTS, AccountChange, Command, CommandKind, InstrumentChange, KillSwitch, OrderOptions,
};
use engine::exchange::event::EventKind;

use super::exchange::{MAKER, TAKER, World};
use super::market::{self, DOLLAR, LIMITS};

/// Set up while it runs, as far as there is room and further.
pub(crate) fn operator(world: &mut World) {
    let refused = Some(EventKind::OperationRefused);
    for command in market::setup() {
        assert_ne!(world.run(command).first, refused);
    }
    for command in [
        market::asset("ETH"),
        market::instrument("ETH-USD", 2),
        market::account("A2"),
        market::session("S2", 2),
        market::value(CommandKind::SetState, 2, b'T'),
        market::transfer(CommandKind::Withdraw, 0, 0, 1),
        market::value(CommandKind::SystemEvent, 0, b'M'),
    ] {
        assert_ne!(world.run(command).first, refused);
    }
    for command in [
        market::asset("ETH"),
        market::asset("SOL"),
        market::instrument("ETH-USD", 2),
        market::instrument("BTC-ETH", 1),
        market::account("A3"),
        market::session("S2", 2),
        market::session("S3", 2),
        market::session("S3", 9),
        market::value(CommandKind::SetState, 9, b'T'),
        market::value(CommandKind::SetState, 1, b'?'),
        market::transfer(CommandKind::Deposit, 9, 0, 1),
        market::transfer(CommandKind::Deposit, 0, 0, u128::MAX),
        market::transfer(CommandKind::Withdraw, 2, 0, 1),
        Command {
            kind: u8::MAX,
            ..Command::new(CommandKind::Enter)
        },
    ] {
        assert_eq!(world.run(command).first, refused);
    }
}

/// Orders that are good till a time: replaced, canceled, executed, and the rest of them expired.
pub(crate) fn ends(world: &mut World) {
    let expire = Command::new(CommandKind::Expire);
    assert_eq!(world.run(expire).first, None);
    let count = LIMITS.orders - 1;
    for place in 0..count {
        let came = world.ask(CommandKind::Enter, MAKER, |order, options| {
            (order.side, order.time_in_force) = (b'S', b'6');
            // In no order.
            options.expire_time = 1 + place * 7 % 50;
            options.present = OrderOptions::HAS_EXPIRE_TIME;
        });
        assert_eq!(came.first, Some(EventKind::Accepted));
    }
    let last = world.next(MAKER) - 1;
    for place in 0..20 {
        let came = world.ask(CommandKind::Replace, MAKER, |order, options| {
            order.orig_user_ref = last - place;
            order.time_in_force = if place % 2 == 0 { b'6' } else { b'G' };
            (options.expire_time, options.present) = (60, OrderOptions::HAS_EXPIRE_TIME);
        });
        assert_eq!(came.first, Some(EventKind::Replaced));
    }
    world.ask(CommandKind::Cancel, MAKER, |order, _| {
        (order.user_ref, order.quantity) = (last - 30, 0);
    });
    world.enter(TAKER, b'B', 10, 100 * DOLLAR);
    world.time += 50_000_000_000;
    let came = world.run(expire);
    assert_eq!(came.first, Some(EventKind::CanceledDeleted));
    assert!(came.steps > 1, "{came:?}");
    world.ask(CommandKind::MassCancel, MAKER, |_, _| {});
}

/// What the clock asks for, the roll of a day that is not over, and what is journaled only.
pub(crate) fn the_day(world: &mut World) {
    world.run(Command::new(CommandKind::Imbalance));
    world.run(Command::new(CommandKind::SkipPoison));
    world.run(Command::new(CommandKind::ChangePassword).with_password_change(0));
    for kind in [
        CommandKind::Reopen,
        CommandKind::SetProtection,
        CommandKind::RollDay,
    ] {
        let came = world.run(Command {
            instrument: 99,
            ..Command::new(kind)
        });
        assert_eq!(came.first, Some(EventKind::OperationRefused), "{kind:?}");
    }
}

pub(crate) fn kill_switches(world: &mut World) {
    let refused = Some(EventKind::OperationRefused);
    for (account, is_on, first) in [
        (MAKER, 1, Some(EventKind::CanceledDeleted)),
        (MAKER, 0, None),
        (ALL_ACCOUNTS, 1, Some(EventKind::CanceledDeleted)),
        (ALL_ACCOUNTS, 1, None),
        (ALL_ACCOUNTS, 0, None),
        (99, 1, refused),
        (MAKER, 2, refused),
    ] {
        if first == Some(EventKind::CanceledDeleted) {
            world.fill(0);
        }
        let mut command = Command::new(CommandKind::KillSwitch);
        command.body = zerocopy::transmute!(KillSwitch {
            account,
            is_on,
            spare: [0; 35],
        });
        let came = world.run(command);
        assert_eq!(came.first, first, "account {account} to {is_on}");
        assert_eq!(came.steps > 1, first == Some(EventKind::CanceledDeleted));
        let enters = world.enter(MAKER, b'S', 1, 100 * DOLLAR).first;
        let is_stopped = is_on == 1 && first != refused;
        assert_eq!(enters == Some(EventKind::Rejected), is_stopped);
    }
    for (account, session, first) in [
        (MAKER, None, Some(EventKind::CanceledDeleted)),
        (MAKER, None, None),
        (99, None, refused),
    ] {
        if first == Some(EventKind::CanceledDeleted) {
            world.fill(0);
        }
        let command = Command::new(CommandKind::CancelOrders).with_cancel_orders(account, session);
        assert_eq!(world.run(command).first, first, "orders of {account}");
    }
}

pub(crate) fn changes(world: &mut World) {
    let refused = Some(EventKind::OperationRefused);
    let known = world.exchange.account(MAKER).expect("it was added").definition;
    for (account, self_match, first) in [(MAKER, b'W', None), (99, b'W', refused), (MAKER, b'?', refused)] {
        let mut change = AccountChange::new(account, &known);
        change.self_match = self_match;
        let command = Command::new(CommandKind::ChangeAccount).with_definition(&change);
        assert_eq!(world.run(command).first, first);
    }
    let known = world.exchange.instrument(1).expect("it was added").definition;
    // The schedule it has, new ones as far as there is room, one that contradicts itself.
    for (instrument, taker_fee_ppm, first) in [
        (1, 300, None),
        (1, 400, None),
        (1, 500, None),
        (1, 600, refused),
        (1, 400, None),
        (9, 300, refused),
        (1, -1, refused),
    ] {
        let mut change = InstrumentChange::new(&known);
        change.taker_fee_ppm = taker_fee_ppm;
        let mut command = Command::new(CommandKind::ChangeInstrument).with_definition(&change);
        command.instrument = instrument;
        assert_eq!(world.run(command).first, first, "{taker_fee_ppm} of {instrument}");
        world.enter(TAKER, b'B', 1, 100 * DOLLAR);
    }
}
