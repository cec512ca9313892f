//! A small market: one instrument, lots and ticks of one unit each, accounts with plenty of both.

use super::world::{World, blank, plain_account, plain_order};
use engine::exchange::Limits;
use engine::exchange::command::{Command, CommandKind, InstrumentDefinition, halves};
use engine::exchange::event::Event;
use protocol::units::text_field;

pub(super) const SECOND: u64 = 1_000_000_000;
/// Price of one lot's worth of one quote unit.
pub(super) const ONE: u64 = 10_000;
/// What each account has of both assets.
pub(super) const PLENTY: u128 = 100_000_000;

/// The instrument, without fees.
pub(super) fn instrument() -> InstrumentDefinition {
    InstrumentDefinition {
        symbol: text_field("BTC-USD").expect("short"),
        lot_size: halves(1),
        price_unit: halves(1),
        tick_size: ONE as u32,
        price_max: 100_000 * ONE as u32,
        quantity_max: 500,
        base: 1,
        quote: 0,
        ..blank()
    }
}

/// So many accounts with a session each.
pub(super) fn market(accounts: u32) -> World {
    market_of(accounts, instrument())
}

/// As [`market`], with another instrument.
pub(super) fn market_of(accounts: u32, instrument: InstrumentDefinition) -> World {
    let mut world = World::new(Limits {
        assets: 2,
        instruments: 1,
        accounts,
        sessions: accounts,
        orders: 2_000,
        levels: 100,
        fee_schedules: 64,
    });
    world.add_asset("USD", 0);
    world.add_asset("BTC", 0);
    world.add_instrument(instrument);
    for account in 0..accounts {
        world.add_account(plain_account(&format!("A{account}")));
        world.deposit(account, 0, PLENTY);
        world.deposit(account, 1, PLENTY);
    }
    world.time = SECOND;
    world
}

/// The next number of a session.
pub(super) fn next(world: &World, session: u32) -> u32 {
    world.model.sessions[session as usize].mark + 1
}

/// A limit order for the day at `price` units.
pub(super) fn enter(world: &mut World, session: u32, side: u8, quantity: u32, price: u64) -> Vec<Event> {
    let mut order = plain_order();
    order.user_ref = next(world, session);
    (order.side, order.quantity, order.price) = (side, quantity, price * ONE);
    let mut command = Command::new(CommandKind::Enter).with_order(order);
    (command.session, command.instrument) = (session, 1);
    world.apply(command).events
}

/// A request that brings a number and nothing else.
pub(super) fn request(world: &mut World, session: u32, kind: CommandKind) -> Vec<Event> {
    let mut order = plain_order();
    order.user_ref = next(world, session);
    let mut command = Command::new(kind).with_order(order);
    command.session = session;
    world.apply(command).events
}
