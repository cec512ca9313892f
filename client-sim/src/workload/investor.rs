//! The retail investor: buys and sells small amounts with market orders, asks how the order went and what the balance is.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::{Intent, Market, Persona, lots_worth};
use crate::instruments::{Instrument, Instruments};
use crate::orders::{Orders, Update};
use crate::request::NewOrder;

/// An investor.
#[derive(Debug)]
pub struct Investor {
    random: Pcg64Mcg,
    instruments: Vec<Instrument>,
    /// The order to ask about; 0 = none.
    latest: u32,
}

impl Investor {
    /// Invests in all `instruments`.
    pub fn new(instruments: &Instruments, seed: u64) -> Self {
        Self {
            random: Pcg64Mcg::seed_from_u64(seed),
            instruments: instruments.iter().copied().collect(),
            latest: 0,
        }
    }
}

impl Persona for Investor {
    fn name(&self) -> &'static str {
        "investor"
    }

    fn next(&mut self, market: &Market, _orders: &Orders) -> Option<Intent> {
        match self.random.random_range(0..32) {
            0 => return Some(Intent::AskBalances),
            1 if self.latest != 0 => return Some(Intent::AskStatus(self.latest)),
            _ => {}
        }
        if self.instruments.is_empty() {
            return None;
        }
        let index = self.random.random_range(0..self.instruments.len());
        let instrument = &self.instruments[index];
        let side = if self.random.random_bool(0.5) { b'B' } else { b'S' };
        let worth = self.random.random_range(10..60);
        // Nothing to trade against: a market order would only be canceled.
        let (price, _) = market.quote(index).opposite(side)?;
        let lots = lots_worth(instrument, price, worth);
        Some(Intent::Enter(NewOrder::market(instrument.symbol, side, lots)))
    }

    fn numbered(&mut self, intent: &Intent, user_ref: u32) {
        if matches!(intent, Intent::Enter(_)) {
            self.latest = user_ref;
        }
    }

    fn update(&mut self, _update: &Update) {}

    fn day_ended(&mut self) {
        self.latest = 0;
    }

    fn trade(&mut self, _instrument: usize, _price: u64, _quantity: u32) {}

    fn finish(&mut self, _orders: &Orders) -> Option<Intent> {
        None
    }
}
