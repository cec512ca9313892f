//! Customers without sockets: they look at the market and at their own orders and say what to send next. Everything
//! they do follows from a seed and from what they are told, so that a run can be repeated. Chance comes from tables
//! ([`draws`]), and nothing is allocated for an order: a load is to measure the exchange, not its customers.

pub mod draws;
mod investor;
mod market;
mod market_maker;
mod news;
mod sizing;
mod trader;

use protocol::units::Symbol;

pub use investor::Investor;
pub use market::{Market, Quote};
pub use market_maker::{LEVELS, MarketMaker};
pub use news::News;
pub use sizing::Sizing;
pub use trader::Trader;

use crate::instruments::{Instrument, Instruments};
use crate::orders::{Orders, Update};
use crate::request::NewOrder;

/// What a customer wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// Enter an order.
    Enter(NewOrder),
    /// Replace an order: the quantity is the chain's total, executed lots included.
    Replace {
        /// The order.
        user_ref: u32,
        /// Lots.
        quantity: u32,
        /// Wire price.
        price: u64,
    },
    /// Cancel an order down to `quantity` lots in total; 0 = all of it.
    Cancel {
        /// The order.
        user_ref: u32,
        /// Lots.
        quantity: u32,
    },
    /// Cancel all orders of the account, or those of one instrument.
    MassCancel(Option<Symbol>),
    /// Ask how an order is.
    AskStatus(u32),
    /// Ask for all balances.
    AskBalances,
}

/// A customer.
pub trait Persona: Send {
    /// A word for reports.
    fn name(&self) -> &'static str;

    /// What to send now; `None` when there is nothing sensible to do.
    fn next(&mut self, market: &Market, orders: &Orders) -> Option<Intent>;

    /// The last intent that names an order got this number.
    fn numbered(&mut self, intent: &Intent, user_ref: u32);

    /// Something happened to an own order.
    fn update(&mut self, update: &Update);

    /// The day has ended: numbers begin again. What goes on is told of by [`crate::orders::Change::Carried`].
    fn day_ended(&mut self);

    /// The feed showed a trade.
    fn trade(&mut self, instrument: usize, price: u64, quantity: u32);

    /// What to send at the end; called until it answers `None`.
    fn finish(&mut self, orders: &Orders) -> Option<Intent>;
}

/// Which customer to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Two-sided quotes.
    MarketMaker,
    /// Limit and IOC orders, cancels.
    Trader,
    /// Market orders, status, balances.
    Investor,
}

impl Role {
    /// Makes the customer; `levels` is for market makers.
    pub fn persona(self, instruments: &Instruments, levels: u64, seed: u64) -> Box<dyn Persona> {
        match self {
            Self::MarketMaker => Box::new(MarketMaker::new(instruments, levels, seed)),
            Self::Trader => Box::new(Trader::new(instruments, seed)),
            Self::Investor => Box::new(Investor::new(instruments, seed)),
        }
    }
}

/// `price` on the instrument's grid, at least one tick.
fn on_grid(instrument: &Instrument, price: u64) -> u64 {
    (price - price % instrument.tick_size).max(instrument.tick_size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instruments::tests::reply;
    use crate::orders::{Change, OrderState};
    use crate::request::{DAY, IMMEDIATE_OR_CANCEL};

    fn instruments() -> Instruments {
        ["BTC-USD", "ETH-USD"]
            .iter()
            .enumerate()
            .map(|(index, symbol)| {
                Instrument::from_reply(&reply(symbol, index as u16 + 1)).expect("consistent")
            })
            .collect()
    }

    fn market() -> Market {
        let mut market = Market::new(2);
        for instrument in 0..2 {
            market.set_best(instrument, Some((59_990_000, 40)), Some((60_010_000, 40)));
            market.set_last(instrument, 60_000_000, 3);
        }
        market
    }

    /// Lets a persona act `turns` times on an exchange that accepts everything and fills some.
    fn run(role: Role, seed: u64, turns: u32) -> Vec<Intent> {
        let instruments = instruments();
        let mut persona = role.persona(&instruments, market_maker::LEVELS, seed);
        let mut news = News::new(&instruments, &[60_000_000, 60_000_000], seed);
        let mut orders = Orders::new(1_024);
        orders.set_instruments(instruments);
        orders.start_at(1);
        let mut market = market();
        let mut intents = Vec::new();
        for turn in 0..turns {
            persona.trade(
                (turn % 2) as usize,
                60_000_000 + u64::from(turn % 7) * 10_000,
                turn % 5 + 1,
            );
            news.order(&mut market);
            let Some(intent) = persona.next(&market, &orders) else {
                continue;
            };
            intents.push(intent);
            let Some(number) = orders.simulate(&intent) else {
                continue;
            };
            persona.numbered(&intent, number);
            let order = *orders.get(number).expect("just made");
            let change = match order.state {
                OrderState::Live if order.original != 0 => Change::Replaced {
                    original: order.original,
                },
                OrderState::Live => Change::Accepted,
                _ => Change::Canceled {
                    quantity: order.quantity,
                    reason: b'U',
                },
            };
            persona.update(&Update { order, change });
        }
        while let Some(intent) = persona.finish(&orders) {
            intents.push(intent);
        }
        intents
    }

    #[test]
    fn the_same_seed_does_the_same() {
        for role in [Role::MarketMaker, Role::Trader, Role::Investor] {
            assert_eq!(run(role, 7, 500), run(role, 7, 500));
            assert_ne!(run(role, 7, 500), run(role, 8, 500), "{role:?} ignores its seed");
        }
    }

    #[test]
    fn a_market_maker_quotes_both_sides_replaces_and_ends_with_a_mass_cancel() {
        let intents = run(Role::MarketMaker, 1, 500);
        let entered = |wanted: u8| {
            intents
                .iter()
                .filter(|intent| matches!(intent, Intent::Enter(order) if order.side == wanted))
                .count()
        };
        assert!(entered(b'B') > 1 && entered(b'S') > 1);
        let replaces = intents
            .iter()
            .filter(|intent| matches!(intent, Intent::Replace { .. }))
            .count();
        assert!(replaces > 100, "{replaces} replaces");
        assert_eq!(intents.last(), Some(&Intent::MassCancel(None)));
        for intent in &intents {
            if let Intent::Enter(order) = intent {
                assert!(order.post_only);
                let bought_low = order.side == b'B' && order.price < 61_000_000;
                let sold_high = order.side == b'S' && order.price > 59_000_000;
                assert!(bought_low || sold_high, "{order:?}");
            }
        }
    }

    #[test]
    fn a_trader_uses_limits_ioc_and_cancels() {
        let intents = run(Role::Trader, 1, 500);
        let count = |test: fn(&Intent) -> bool| intents.iter().filter(|intent| test(intent)).count();
        assert!(count(|intent| matches!(intent, Intent::Enter(order) if order.time_in_force == DAY)) > 20);
        assert!(
            count(
                |intent| matches!(intent, Intent::Enter(order) if order.time_in_force == IMMEDIATE_OR_CANCEL)
            ) > 20
        );
        assert!(count(|intent| matches!(intent, Intent::Cancel { .. })) > 20);
        assert!(count(|intent| matches!(intent, Intent::Enter(order) if order.stop_price > 0)) > 3);
    }

    #[test]
    fn an_investor_uses_market_orders_and_asks() {
        let intents = run(Role::Investor, 1, 500);
        let count = |test: fn(&Intent) -> bool| intents.iter().filter(|intent| test(intent)).count();
        assert!(
            count(|intent| {
                matches!(intent, Intent::Enter(order) if order.price == protocol::units::Price::MARKET.0)
            }) > 50
        );
        assert!(count(|intent| matches!(intent, Intent::AskBalances)) > 5);
        assert!(count(|intent| matches!(intent, Intent::AskStatus(_))) > 5);
    }

    #[test]
    fn prices_are_put_on_the_grid() {
        let bitcoin = crate::instruments::tests::bitcoin();
        assert_eq!(on_grid(&bitcoin, 12_345), 12_300);
        assert_eq!(on_grid(&bitcoin, 3), 100);
    }
}
