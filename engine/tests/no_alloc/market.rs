//! A small market: how it is set up, and orders for it.

use engine::exchange::Limits;
use engine::exchange::command::{
    AccountDefinition, AssetDefinition, Command, CommandKind, InstrumentDefinition, Order, SessionDefinition,
    halves,
};
use protocol::units::text_field;
use zerocopy::FromZeros;

/// One more asset, instrument, account and session than [`setup`] makes, and two more fee schedules.
pub(crate) const LIMITS: Limits = Limits {
    assets: 3,
    instruments: 2,
    accounts: 3,
    sessions: 3,
    orders: 600,
    levels: 300,
    fee_schedules: 3,
};
/// A price in whole dollars.
pub(crate) const DOLLAR: u64 = 10_000;

pub(crate) fn asset(name: &str) -> Command {
    Command::new(CommandKind::AddAsset).with_definition(&AssetDefinition {
        name: text_field(name).expect("short"),
        decimals: 8,
        ..AssetDefinition::new_zeroed()
    })
}

/// Priced in asset 0.
pub(crate) fn instrument(symbol: &str, base: u16) -> Command {
    Command::new(CommandKind::AddInstrument).with_definition(&InstrumentDefinition {
        symbol: text_field(symbol).expect("short"),
        lot_size: halves(10_000),
        price_unit: halves(100_000_000),
        tick_size: 100,
        price_max: 1_000_000_000,
        quantity_max: 1_000_000,
        reference_price: 100 * DOLLAR as u32,
        collar_ppm: 500_000,
        taker_fee_ppm: 300,
        maker_fee_ppm: -100,
        base,
        ..InstrumentDefinition::new_zeroed()
    })
}

pub(crate) fn account(name: &str) -> Command {
    Command::new(CommandKind::AddAccount).with_definition(&AccountDefinition {
        name: text_field(name).expect("short"),
        firm: *b"FIRM",
        self_match: b'O',
        cancel_on_disconnect: 1,
        fee_reports: 1,
        ..AccountDefinition::new_zeroed()
    })
}

pub(crate) fn session(username: &str, account: u32) -> Command {
    Command::new(CommandKind::AddSession).with_definition(&SessionDefinition {
        username: text_field(username).expect("short"),
        account,
        ..SessionDefinition::new_zeroed()
    })
}

pub(crate) fn value(kind: CommandKind, instrument: u16, value: u8) -> Command {
    let mut command = Command::new(kind).with_state(value);
    command.instrument = instrument;
    command
}

pub(crate) fn transfer(kind: CommandKind, account: u32, asset: u32, amount: u128) -> Command {
    Command::new(kind).with_transfer(account, asset, amount)
}

/// Two assets, an instrument that trades, two rich accounts with a session each.
pub(crate) fn setup() -> Vec<Command> {
    let mut commands = vec![asset("USD"), asset("BTC"), instrument("BTC-USD", 1)];
    commands.push(value(CommandKind::SetState, 1, b'T'));
    for index in 0..2 {
        commands.push(account(&format!("A{index}")));
        commands.push(session(&format!("S{index}"), index));
        for asset in 0..2 {
            commands.push(transfer(
                CommandKind::Deposit,
                index,
                asset,
                1_000_000_000_000_000_000,
            ));
        }
    }
    commands.push(value(CommandKind::SystemEvent, 0, b'Q'));
    commands
}

/// An order as nearly everybody sends it.
pub(crate) fn order(user_ref: u32, side: u8, quantity: u32, price: u64) -> Order {
    Order {
        price,
        user_ref,
        orig_user_ref: 0,
        quantity,
        cl_ord_id: *b"ORDER         ",
        side,
        time_in_force: b'0',
        display: b'Y',
        capacity: b'A',
        sweep: b'N',
        cross_type: b'N',
    }
}
