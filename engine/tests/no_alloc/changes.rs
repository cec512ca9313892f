//! What the operator and time do while orders rest: changes, the kill switch, expiry.

use engine::exchange::command::{
    ALL_ACCOUNTS, AccountChange, Command, CommandKind, InstrumentChange, KillSwitch, OrderOptions,
};
use engine::exchange::event::EventKind;
use zerocopy::IntoBytes;

use super::exchange::{MAKER, World};
use super::market::LIMITS;

/// Changes, one after the other; fees until the table is full.
pub(crate) fn changes(world: &mut World) {
    let refused = Some(EventKind::OperationRefused);
    let account = world.exchange.account(MAKER).expect("it was added").definition;
    let change = AccountChange::new(MAKER, &account);
    let mut command = Command::new(CommandKind::ChangeAccount).with_definition(&change);
    assert_eq!(world.run(command).first, None);
    let unknown = AccountChange { account: 9, ..change };
    command = command.with_definition(&unknown);
    assert_eq!(world.run(command).first, refused);

    let definition = world.exchange.instrument(1).expect("it was added").definition;
    let change = |taker_fee_ppm| {
        let change = InstrumentChange {
            taker_fee_ppm,
            ..InstrumentChange::new(&definition)
        };
        Command {
            instrument: 1,
            ..Command::new(CommandKind::ChangeInstrument).with_definition(&change)
        }
    };
    let mut full = 0;
    for taker_fee_ppm in 300..300 + LIMITS.fee_schedules as i32 + 2 {
        full += u32::from(world.run(change(taker_fee_ppm)).first == refused);
    }
    assert!(full >= 2, "{full} found no room");
    assert_eq!(world.run(change(-1)).first, refused);
    assert_eq!(world.run(change(definition.taker_fee_ppm)).first, None);
}

fn switch(account: u32, is_on: u8) -> Command {
    let mut command = Command::new(CommandKind::KillSwitch);
    command.body.copy_from_slice(
        KillSwitch {
            account,
            is_on,
            spare: [0; 35],
        }
        .as_bytes(),
    );
    command
}

/// Everything goes at once, by the switch and by its time.
pub(crate) fn ends_of_many(world: &mut World) {
    for account in [MAKER, ALL_ACCOUNTS] {
        world.fill(0);
        let came = world.run(switch(account, 1));
        assert_eq!(came.first, Some(EventKind::CanceledDeleted));
        assert!(came.steps > 1, "kill switch in {came:?}");
        assert_eq!(world.run(switch(account, 0)).first, None);
    }
    for nonsense in [switch(9, 1), switch(MAKER, 2)] {
        assert_eq!(world.run(nonsense).first, Some(EventKind::OperationRefused));
    }
    let expire = Command::new(CommandKind::Expire);
    assert_eq!(world.run(expire).first, None);
    for place in 0..LIMITS.orders {
        let came = world.ask(CommandKind::Enter, MAKER, |order, options| {
            (order.side, order.time_in_force) = (b'S', b'6');
            options.present = OrderOptions::HAS_EXPIRE_TIME;
            // All over the queue.
            options.expire_time = 1 + place * 7_919 % 86_399;
        });
        assert_eq!(came.first, Some(EventKind::Accepted));
    }
    let came = world.run(Command {
        time: 86_400_000_000_000,
        ..expire
    });
    assert_eq!(came.first, Some(EventKind::CanceledDeleted));
    assert!(came.steps > 1, "expiry in {came:?}");
    assert_eq!(world.exchange.next_expiry(), None);
}
