//! The market that all benches trade in: the operator's commands that set it up.
//!
//! Every check of the exchange has something to do: notional and fat-finger limits, a collar, quantity and open-order
//! limits, a request rate, fees on both sides. All of them are wide enough to refuse nothing.

use engine::exchange::Limits;
use engine::exchange::command::{
    AccountDefinition, AssetDefinition, Command, CommandKind, InstrumentDefinition, SessionDefinition, halves,
};

/// Accounts of most workloads, each with one session of the same index.
pub const ACCOUNTS: u32 = 1_000;
/// 0.01 of the quote asset, in 0.0001.
pub const TICK_SIZE: u32 = 100;
/// The highest price, in 0.0001.
pub const PRICE_MAX: u32 = 1_999_999_900;
/// Where prices start, in ticks: 60,000.00.
pub const START_TICK: u32 = 6_000_000;
/// Asset index of the quote asset of every instrument; instrument `i` trades asset `i`.
const QUOTE: u32 = 0;
/// Of every asset.
const DECIMALS: u8 = 8;
/// Smallest units that each account gets of each asset: enough for any stream.
const DEPOSIT: u128 = 1 << 80;

/// The commands, neither numbered nor timed: assets, instruments, accounts, sessions, money, and trading starts.
pub fn commands(instruments: u16, accounts: u32) -> Vec<Command> {
    let mut commands = Vec::new();
    commands.push(asset(*b"USD     "));
    commands.extend((1..=instruments).map(|locate| asset(padded(&format!("B{locate:03}")))));
    commands.extend((1..=instruments).map(instrument));
    for account in 0..accounts {
        commands.push(
            Command::new(CommandKind::AddAccount).with_definition(&AccountDefinition {
                name: padded(&format!("account {account}")),
                firm: *b"BNCH",
                open_orders_max: 1_000_000,
                quantity_max: 1_000_000,
                rate_per_second: 1_000_000,
                rate_burst: 10_000,
                self_match: b'O',
                cancel_on_disconnect: 0,
                fee_reports: 0,
                permissions: 0,
                spare: [0; 64],
            }),
        );
        commands.push(
            Command::new(CommandKind::AddSession).with_definition(&SessionDefinition {
                username: username(account),
                spare: [0; 2],
                account,
                spare_two: [0; 92],
            }),
        );
        commands.extend(
            (0..=u32::from(instruments))
                .map(|asset| Command::new(CommandKind::Deposit).with_transfer(account, asset, DEPOSIT)),
        );
    }
    commands.extend((1..=instruments).map(|locate| {
        let mut command = Command::new(CommandKind::SetState).with_state(b'T');
        command.instrument = locate;
        command
    }));
    commands
}

/// The symbol of a locate.
pub fn symbol(locate: u16) -> [u8; 8] {
    padded(&format!("B{locate:03}-USD"))
}

/// A session's login name: `S` and its number to the base of 36, so that a million have room in six characters. Names
/// are in the order of the sessions.
fn username(session: u32) -> [u8; 6] {
    const DIGITS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let mut name = *b"S00000";
    let mut rest = session as usize;
    for place in name[1..].iter_mut().rev() {
        *place = DIGITS[rest % 36];
        rest /= 36;
    }
    name
}

/// Capacities for this market, `orders` at once and `levels` price levels.
pub fn limits(instruments: u16, accounts: u32, orders: u32, levels: u32) -> Limits {
    Limits {
        assets: u32::from(instruments) + 1,
        instruments: u32::from(instruments),
        accounts,
        sessions: accounts,
        orders,
        levels,
        fee_schedules: 1_024,
    }
}

fn asset(name: [u8; 8]) -> Command {
    Command::new(CommandKind::AddAsset).with_definition(&AssetDefinition {
        name,
        decimals: DECIMALS,
        spare: [0; 95],
    })
}

fn instrument(locate: u16) -> Command {
    Command::new(CommandKind::AddInstrument).with_definition(&InstrumentDefinition {
        symbol: symbol(locate),
        lot_size: halves(10_000),
        price_unit: halves(100_000_000),
        notional_max: halves(100_000_000 * 100_000_000),
        fat_finger: halves(20_000_000 * 100_000_000),
        tick_size: TICK_SIZE,
        price_max: PRICE_MAX,
        quantity_max: 1_000_000,
        collar_ppm: 100_000,
        maker_fee_ppm: -50,
        taker_fee_ppm: 200,
        reference_price: START_TICK * TICK_SIZE,
        base: locate,
        quote: QUOTE as u16,
    })
}

fn padded<const LENGTH: usize>(text: &str) -> [u8; LENGTH] {
    let mut bytes = [b' '; LENGTH];
    bytes[..text.len()].copy_from_slice(text.as_bytes());
    bytes
}
