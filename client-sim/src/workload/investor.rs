//! The retail investor: comes rarely (its weight in the mix says how rarely), buys small amounts with market orders, holds
//! them, sells some when it has what it wanted, asks how the order went and what the balance is.

use super::draws::Draws;
use super::sizing::Sizing;
use super::{Intent, Market, Persona};
use crate::instruments::{Instrument, Instruments};
use crate::orders::{Change, Orders, Update};
use crate::request::NewOrder;

/// What the smallest order is worth, in whole units of the quote asset.
const ORDER_WORTH: f64 = 10.0;
/// No order is larger than this many of the smallest, in sixteenths.
const SIZE_MOST: u32 = 16 * 100;
/// It buys until what it bought of an instrument is worth this much, then it holds, and sells now and then.
const WANTED_WORTH: f64 = 5_000.0;

/// An investor.
#[derive(Debug)]
pub struct Investor {
    draws: Draws,
    instruments: Vec<Held>,
    /// The order to ask about; 0 = none.
    latest: u32,
}

#[derive(Debug)]
struct Held {
    instrument: Instrument,
    sizing: Sizing,
    /// Lots bought, less those sold.
    position: i64,
}

impl Investor {
    /// Invests in all `instruments`.
    pub fn new(instruments: &Instruments, seed: u64) -> Self {
        let instruments = instruments
            .iter()
            .map(|instrument| Held {
                instrument: *instrument,
                sizing: Sizing::new(instrument),
                position: 0,
            })
            .collect();
        Self {
            draws: Draws::new(seed),
            instruments,
            latest: 0,
        }
    }
}

impl Persona for Investor {
    fn name(&self) -> &'static str {
        "investor"
    }

    fn next(&mut self, market: &Market, _orders: &Orders) -> Option<Intent> {
        let mut pieces = self.draws.pieces();
        match pieces.below(32) {
            0 => return Some(Intent::AskBalances),
            1 if self.latest != 0 => return Some(Intent::AskStatus(self.latest)),
            _ => {}
        }
        if self.instruments.is_empty() {
            return None;
        }
        let index = pieces.below(self.instruments.len());
        let held = &self.instruments[index];
        let quote = market.quote(index);
        let lots = u32::try_from(held.position.max(0)).unwrap_or(u32::MAX);
        let has_enough = held.sizing.worth(quote.middle()?, lots) >= WANTED_WORTH;
        // Three of four orders go where it wants to be: up to what it wanted, and no farther.
        let side = if has_enough == pieces.is(48) { b'S' } else { b'B' };
        let worth = ORDER_WORTH * f64::from(pieces.size().min(SIZE_MOST)) / 16.0;
        // Nothing to trade against: a market order would only be canceled.
        let (price, _) = quote.opposite(side)?;
        let lots = held.sizing.lots_worth(price, worth);
        Some(Intent::Enter(NewOrder::market(
            held.instrument.symbol,
            side,
            lots,
        )))
    }

    fn numbered(&mut self, intent: &Intent, user_ref: u32) {
        if matches!(intent, Intent::Enter(_)) {
            self.latest = user_ref;
        }
    }

    fn update(&mut self, update: &Update) {
        let Change::Executed { quantity, .. } = update.change else {
            return;
        };
        let index = update.order.instrument.map(usize::from);
        if let Some(held) = index.and_then(|index| self.instruments.get_mut(index)) {
            let lots = i64::from(quantity);
            held.position += if update.order.side == b'B' { lots } else { -lots };
        }
    }

    fn day_ended(&mut self) {
        self.latest = 0;
    }

    fn trade(&mut self, _instrument: usize, _price: u64, _quantity: u32) {}

    fn finish(&mut self, _orders: &Orders) -> Option<Intent> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instruments::tests::bitcoin;

    #[test]
    fn it_buys_until_it_has_enough_and_sells_from_then_on() {
        let instruments: Instruments = [bitcoin()].into_iter().collect();
        let mut market = Market::new(1);
        market.set_best(0, Some((59_990_000, 40)), Some((60_010_000, 40)));
        let orders = Orders::new(16);
        let buys = |position: i64| {
            let mut investor = Investor::new(&instruments, 5);
            investor.instruments[0].position = position;
            let sides: Vec<u8> = (0..400)
                .filter_map(|_| match investor.next(&market, &orders) {
                    Some(Intent::Enter(order)) => Some(order.side),
                    _ => None,
                })
                .collect();
            100 * sides.iter().filter(|side| **side == b'B').count() / sides.len()
        };
        let (empty, full) = (buys(0), buys(1_000_000));
        assert!(
            (65..85).contains(&empty) && (15..35).contains(&full),
            "{empty} {full}"
        );
    }
}
