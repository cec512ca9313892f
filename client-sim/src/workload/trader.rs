//! The retail trader: joins or improves the best price with limit orders, takes with IOC orders when trades run one way,
//! cancels what has waited too long.

use std::collections::VecDeque;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::{Intent, Market, Persona, lots_worth, on_grid};
use crate::instruments::{Instrument, Instruments};
use crate::orders::{Change, OrderState, Orders, Update};
use crate::request::{DAY, IMMEDIATE_OR_CANCEL, NewOrder};

/// Orders left in the book at most.
const OPEN_MAX: usize = 8;

/// A trader.
#[derive(Debug)]
pub struct Trader {
    random: Pcg64Mcg,
    instruments: Vec<Instrument>,
    /// Own limit orders, oldest first; at most [`OPEN_MAX`] + 1.
    open: VecDeque<u32>,
    /// Those of the day before that were not told of yet.
    before: Vec<u32>,
    /// The last traded price of each instrument; 0 = none yet.
    last: Vec<u64>,
    /// Trades in a row that went up (positive) or down, of each instrument.
    run: Vec<i32>,
}

impl Trader {
    /// Trades all `instruments`.
    pub fn new(instruments: &Instruments, seed: u64) -> Self {
        let instruments: Vec<Instrument> = instruments.iter().copied().collect();
        Self {
            random: Pcg64Mcg::seed_from_u64(seed),
            last: vec![0; instruments.len()],
            run: vec![0; instruments.len()],
            open: VecDeque::with_capacity(OPEN_MAX + 1),
            before: Vec::new(),
            instruments,
        }
    }
}

impl Persona for Trader {
    fn name(&self) -> &'static str {
        "trader"
    }

    fn next(&mut self, market: &Market, orders: &Orders) -> Option<Intent> {
        self.open
            .retain(|number| orders.get(*number).is_some_and(|order| !order.state.is_final()));
        if self.open.len() >= OPEN_MAX || (!self.open.is_empty() && self.random.random_range(0..5) == 0) {
            let oldest = self.open.pop_front()?;
            let order = orders.get(oldest)?;
            // Now and then only half of what is left.
            let half = order.executed + order.open / 2;
            if order.state == OrderState::Live && half > 0 && self.random.random_range(0..4) == 0 {
                self.open.push_back(oldest);
                return Some(Intent::Cancel {
                    user_ref: oldest,
                    quantity: half,
                });
            }
            return Some(Intent::Cancel {
                user_ref: oldest,
                quantity: 0,
            });
        }
        if self.instruments.is_empty() {
            return None;
        }
        let index = self.random.random_range(0..self.instruments.len());
        let instrument = &self.instruments[index];
        let quote = market.quote(index);
        let middle = quote.middle()?;
        let worth = self.random.random_range(20..200);
        // Three trades in one direction: go with them. Else toss a coin.
        let side = match self.run[index] {
            3.. => b'B',
            ..=-3 => b'S',
            _ if self.random.random_bool(0.5) => b'B',
            _ => b'S',
        };
        let lots = lots_worth(instrument, middle, worth);
        if self.random.random_range(0..3) == 0 {
            let (price, _) = quote.opposite(side)?;
            let slack = instrument.tick_size * self.random.random_range(0..3);
            let price = if side == b'B' {
                price + slack
            } else {
                on_grid(instrument, price.saturating_sub(slack))
            };
            let fill_or_kill = self.random.random_range(0..8) == 0;
            return Some(Intent::Enter(NewOrder {
                time_in_force: IMMEDIATE_OR_CANCEL,
                min_quantity: if fill_or_kill { lots } else { 0 },
                ..NewOrder::limit(instrument.symbol, side, lots, price)
            }));
        }
        let depth = instrument.tick_size * self.random.random_range(0..20);
        let price = if side == b'B' {
            let best = quote.bid.map_or(middle, |(price, _)| price);
            on_grid(instrument, (best + instrument.tick_size).saturating_sub(depth))
        } else {
            let best = quote.ask.map_or(middle, |(price, _)| price);
            on_grid(instrument, best.saturating_sub(instrument.tick_size) + depth)
        };
        Some(Intent::Enter(NewOrder {
            time_in_force: DAY,
            ..NewOrder::limit(instrument.symbol, side, lots, price)
        }))
    }

    fn numbered(&mut self, intent: &Intent, user_ref: u32) {
        if matches!(intent, Intent::Enter(order) if order.time_in_force == DAY) {
            self.open.push_back(user_ref);
        }
    }

    fn update(&mut self, update: &Update) {
        if let Change::Carried { before } = update.change
            && self.before.contains(&before)
        {
            self.open.push_back(update.order.user_ref);
        }
    }

    fn day_ended(&mut self) {
        self.before = self.open.drain(..).collect();
    }

    fn trade(&mut self, instrument: usize, price: u64, _quantity: u32) {
        let Some(last) = self.last.get_mut(instrument) else {
            return;
        };
        let run = &mut self.run[instrument];
        *run = match price.cmp(last) {
            _ if *last == 0 => 0,
            std::cmp::Ordering::Greater => (*run).max(0) + 1,
            std::cmp::Ordering::Less => (*run).min(0) - 1,
            std::cmp::Ordering::Equal => *run,
        };
        *last = price;
    }

    fn finish(&mut self, orders: &Orders) -> Option<Intent> {
        while let Some(user_ref) = self.open.pop_front() {
            if orders.get(user_ref).is_some_and(|order| !order.state.is_final()) {
                return Some(Intent::Cancel {
                    user_ref,
                    quantity: 0,
                });
            }
        }
        None
    }
}
