//! The retail trader: goes with the market's moves, or against them, by its character. It wants more than one order shows:
//! a program of orders in one direction, the most of one or two, a few very long. It joins the best price with limit
//! orders, takes with IOC orders when it is in a hurry, guards itself with stop orders, cancels what has waited too long.

use std::collections::VecDeque;

use super::draws::{Draws, Pieces};
use super::sizing::Sizing;
use super::{Intent, Market, Persona, on_grid};
use crate::instruments::{Instrument, Instruments};
use crate::orders::{Change, OrderState, Orders, Update};
use crate::request::{DAY, IMMEDIATE_OR_CANCEL, NewOrder};

/// Orders left in the book at most.
const OPEN_MAX: usize = 8;
/// What the smallest order is worth, in whole units of the quote asset.
const ORDER_WORTH: f64 = 25.0;
/// No order is larger than this many of the smallest, in sixteenths: an account must last.
const SIZE_MOST: u32 = 16 * 80;
/// What a trade's move leaves of the trend before it, in 64ths.
const TREND_STAYS: i64 = 56;
/// A trend counts that is stronger than the price by this part.
const TREND_PART: u64 = 20_000;

/// A trader.
#[derive(Debug)]
pub struct Trader {
    draws: Draws,
    instruments: Vec<Watched>,
    /// Goes with the trend; else against it.
    follows: bool,
    program: Program,
    /// Own limit orders, oldest first; at most [`OPEN_MAX`] + 1.
    open: VecDeque<u32>,
    /// Those of the day before that were not told of yet.
    before: Vec<u32>,
}

#[derive(Debug)]
struct Watched {
    instrument: Instrument,
    sizing: Sizing,
    /// The last traded price; 0 = none yet.
    last: u64,
    /// Where prices go: moves of the last trades, the newest most.
    trend: i64,
    /// The last move was up.
    went_up: bool,
}

/// Orders in one direction.
#[derive(Debug, Clone, Copy)]
struct Program {
    instrument: usize,
    side: u8,
    /// Orders left.
    left: u16,
}

impl Trader {
    /// Trades all `instruments`. Every second seed follows the trend.
    pub fn new(instruments: &Instruments, seed: u64) -> Self {
        let instruments = instruments
            .iter()
            .map(|instrument| Watched {
                instrument: *instrument,
                sizing: Sizing::new(instrument),
                last: 0,
                trend: 0,
                went_up: true,
            })
            .collect();
        Self {
            draws: Draws::new(seed),
            instruments,
            follows: seed % 2 == 1,
            program: Program {
                instrument: 0,
                side: b'B',
                left: 0,
            },
            open: VecDeque::with_capacity(OPEN_MAX + 1),
            before: Vec::new(),
        }
    }

    /// Takes back the oldest order, or half of what is left of it.
    fn give_up(&mut self, orders: &Orders, pieces: &mut Pieces) -> Option<Intent> {
        let oldest = self.open.pop_front()?;
        let order = orders.get(oldest)?;
        let half = order.executed + order.open / 2;
        if order.state == OrderState::Live && half > 0 && pieces.is(16) {
            self.open.push_back(oldest);
            return Some(Intent::Cancel {
                user_ref: oldest,
                quantity: half,
            });
        }
        Some(Intent::Cancel {
            user_ref: oldest,
            quantity: 0,
        })
    }

    /// A new program when the last one is done: with the trend or against it; without one, by chance.
    fn plan(&mut self, pieces: &mut Pieces) -> Program {
        if self.program.left == 0 {
            let instrument = pieces.below(self.instruments.len());
            let watched = &self.instruments[instrument];
            let is_up = match watched.trend.unsigned_abs() > watched.last / TREND_PART {
                true => (watched.trend > 0) == self.follows,
                // Most do what was done last.
                false => watched.went_up == pieces.is(42),
            };
            self.program = Program {
                instrument,
                side: if is_up { b'B' } else { b'S' },
                left: pieces.program(),
            };
        }
        self.program.left -= 1;
        self.program
    }
}

impl Persona for Trader {
    fn name(&self) -> &'static str {
        "trader"
    }

    fn next(&mut self, market: &Market, orders: &Orders) -> Option<Intent> {
        self.open
            .retain(|number| orders.get(*number).is_some_and(|order| !order.state.is_final()));
        let mut pieces = self.draws.pieces();
        if self.open.len() >= OPEN_MAX || (!self.open.is_empty() && pieces.is(13)) {
            return self.give_up(orders, &mut pieces);
        }
        if self.instruments.is_empty() {
            return None;
        }
        let Program {
            instrument: index,
            side,
            left,
        } = self.plan(&mut pieces);
        let quote = market.quote(index);
        let middle = quote.middle()?;
        let mut pieces = self.draws.pieces();
        let watched = &self.instruments[index];
        let (instrument, tick) = (&watched.instrument, watched.instrument.tick_size);
        let worth = ORDER_WORTH * f64::from(pieces.size().min(SIZE_MOST)) / 16.0;
        let lots = watched.sizing.lots_worth(middle, worth);
        // Who has much left to do takes what there is.
        if pieces.is(if left > 3 { 30 } else { 13 }) {
            let (price, _) = quote.opposite(side)?;
            let slack = tick * pieces.below(3) as u64;
            let price = if side == b'B' {
                price + slack
            } else {
                on_grid(instrument, price.saturating_sub(slack))
            };
            return Some(Intent::Enter(NewOrder {
                time_in_force: IMMEDIATE_OR_CANCEL,
                min_quantity: if pieces.is(8) { lots } else { 0 },
                ..NewOrder::limit(instrument.symbol, side, lots, price)
            }));
        }
        if pieces.is(4) {
            // Beyond the market: it wakes when the price runs away (1 to 16 basis points), and follows it a little.
            let away = middle / 10_000 * (pieces.below(16) as u64 + 1) + tick;
            let (stop, price) = if side == b'B' {
                let stop = on_grid(instrument, middle + away) + tick;
                (stop, on_grid(instrument, stop + away))
            } else {
                let stop = on_grid(instrument, middle.saturating_sub(away));
                (stop, on_grid(instrument, stop.saturating_sub(away)))
            };
            return Some(Intent::Enter(NewOrder {
                stop_price: stop,
                ..NewOrder::limit(instrument.symbol, side, lots, price)
            }));
        }
        // At the best price or behind it, now and then a tick before it.
        let depth = middle / 100_000 * pieces.below(20) as u64;
        let price = if side == b'B' {
            let best = quote.bid.map_or(middle, |(price, _)| price);
            on_grid(instrument, (best + tick).saturating_sub(depth))
        } else {
            let best = quote.ask.map_or(middle, |(price, _)| price);
            on_grid(instrument, best.saturating_sub(tick) + depth)
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
        let Some(watched) = self.instruments.get_mut(instrument) else {
            return;
        };
        if watched.last != 0 {
            let moved = price as i64 - watched.last as i64;
            watched.trend = watched.trend * TREND_STAYS / 64 + moved;
            if moved != 0 {
                watched.went_up = moved > 0;
            }
        }
        watched.last = price;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instruments::tests::bitcoin;

    /// Buys among the first orders of many traders after a rise.
    fn buys_after_a_rise(seeds: impl Iterator<Item = u64>) -> (usize, usize) {
        let instruments: Instruments = [bitcoin()].into_iter().collect();
        let mut market = Market::new(1);
        market.set_best(0, Some((59_990_000, 40)), Some((60_010_000, 40)));
        let orders = Orders::new(16);
        let (mut buys, mut all) = (0, 0);
        for seed in seeds {
            let mut trader = Trader::new(&instruments, seed);
            (0..10).for_each(|step| trader.trade(0, 60_000_000 + step * 20_000, 1));
            if let Some(Intent::Enter(order)) = trader.next(&market, &orders) {
                all += 1;
                buys += usize::from(order.side == b'B');
            }
        }
        (buys, all)
    }

    #[test]
    fn half_of_the_traders_follow_the_trend_and_half_go_against_it() {
        let (buys, all) = buys_after_a_rise((0..200).map(|number| 2 * number + 1));
        assert!(all > 100 && buys == all, "{buys} of {all}");
        let (buys, all) = buys_after_a_rise((0..200).map(|number| 2 * number));
        assert!(all > 100 && buys == 0, "{buys} of {all}");
    }
}
