//! Where the random run takes place: instruments, accounts, and what there is room for.

use engine::exchange::Limits;
use engine::exchange::command::{InstrumentDefinition, halves};
use protocol::units::text_field;

use super::world::{World, blank, plain_account};

pub(super) const ACCOUNTS: u32 = 8;
pub(super) const USD: u32 = 0;
pub(super) const BTC: u32 = 1;
pub(super) const ETH: u32 = 2;
/// The account that floods the book; it has more of everything.
pub(super) const WHALE: u32 = 7;
/// Middle of each instrument's prices, in ticks.
pub(super) const MIDDLE: [u64; 3] = [1_000, 500, 250];

/// Fees that the operator changes to, maker's and taker's; more than there is room for.
pub(super) const FEES: [(i32, i32); 10] = [
    (-77, 333),
    (1_003, 2_501),
    (0, 0),
    (-500, 500),
    (7, 13),
    (50_000, 0),
    (0, 100_000),
    (30_001, 29_999),
    (-1, 1_000),
    (999, 1_001),
];

fn instrument(symbol: &str, base: u32, quote: u32) -> InstrumentDefinition {
    InstrumentDefinition {
        symbol: text_field(symbol).expect("short"),
        price_unit: halves(100_000_000),
        base: base as u16,
        quote: quote as u16,
        ..blank()
    }
}

/// Three instruments: fees with a rebate and a collar; fees on both sides, no collar; no fees, value limits and prices
/// where others read "market". Eight accounts, two with a second session. The seed chooses the room there is.
pub(super) fn world(seed: u64) -> World {
    let mut world = World::new(Limits {
        assets: 4,
        instruments: 4,
        accounts: 16,
        sessions: 16,
        orders: 900,
        // Room for all, or for fewer than there mostly are.
        levels: if seed.is_multiple_of(2) { 48 } else { 4_000 },
        fee_schedules: FEES.len() as u32 - 2,
    });
    for name in ["USD", "BTC", "ETH"] {
        world.add_asset(name, 8);
    }
    world.add_instrument(InstrumentDefinition {
        lot_size: halves(10_000),
        tick_size: 10_000,
        price_max: 50_000_000,
        quantity_max: 1_000_000,
        collar_ppm: 20_000,
        reference_price: 10_000_000,
        taker_fee_ppm: 333,
        maker_fee_ppm: -77,
        ..instrument("BTC-USD", BTC, USD)
    });
    world.add_instrument(InstrumentDefinition {
        lot_size: halves(70_000),
        tick_size: 1,
        price_max: 2_000,
        quantity_max: 5_000,
        taker_fee_ppm: 2_501,
        maker_fee_ppm: 1_003,
        ..instrument("ETH-USD", ETH, USD)
    });
    world.add_instrument(InstrumentDefinition {
        lot_size: halves(1),
        tick_size: 10_000_000,
        price_max: 4_000_000_000,
        quantity_max: 5_000,
        collar_ppm: 100_000,
        reference_price: 2_500_000_000,
        notional_max: halves(62_500_000),
        fat_finger: halves(30_000_000),
        ..instrument("ETH-BTC", ETH, BTC)
    });
    for index in 0..ACCOUNTS {
        let mut account = plain_account(&format!("ACCOUNT{index}"));
        account.self_match = b"OWDB"[index as usize % 4];
        account.fee_reports = u8::from(index % 3 == 1);
        account.cancel_on_disconnect = u8::from(index % 2 == 1);
        account.firm = [b'F', b'0' + index as u8, b' ', b' '];
        match index {
            2 => account.open_orders_max = 12,
            3 => account.quantity_max = 150,
            5 => (account.rate_per_second, account.rate_burst) = (60, 3),
            _ => {}
        }
        world.add_account(account);
    }
    world.add_session(0);
    world.add_session(1);
    for account in 0..ACCOUNTS {
        for asset in [USD, BTC, ETH] {
            let amount = if account == WHALE {
                1 << 50
            } else {
                endowment(account, asset)
            };
            world.deposit(account, asset, amount);
        }
    }
    world
}

/// What an account starts with; some have little, so that funds end.
pub(super) fn endowment(account: u32, asset: u32) -> u128 {
    let plenty = account.is_multiple_of(2);
    match asset {
        USD if plenty => 60_000_000_000,
        USD => 300_000_000,
        BTC if plenty => 20_000_000,
        BTC => 4_000_000,
        _ => 60_000_000,
    }
}

/// Price step, 0.0001.
pub(super) fn tick_size(instrument: u16) -> u64 {
    [10_000, 1, 10_000_000][usize::from(instrument) - 1]
}
