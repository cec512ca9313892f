//! Money into lots, without a division of wide integers for each order.

use crate::instruments::Instrument;

/// How many lots an amount buys of one instrument.
#[derive(Debug, Clone, Copy)]
pub struct Sizing {
    /// Lots that one whole unit of the quote asset buys at a price of 0.0001.
    lots: f64,
    most: u32,
}

impl Sizing {
    /// For `instrument`.
    pub fn new(instrument: &Instrument) -> Self {
        let unit = 10_f64.powi(i32::from(instrument.quote_decimals));
        let tick = instrument.value(instrument.tick_size, 1).unwrap_or(1).max(1) as f64;
        Self {
            lots: unit * instrument.tick_size as f64 / tick,
            most: instrument.max_quantity.max(1),
        }
    }

    /// Lots worth about `units` whole units of the quote asset at `price`; at least one.
    pub fn lots_worth(&self, price: u64, units: f64) -> u32 {
        // A conversion that does not fit ends at the largest number.
        ((units * self.lots / price as f64) as u32).clamp(1, self.most)
    }

    /// What `lots` are worth at `price`, in whole units of the quote asset.
    pub fn worth(&self, price: u64, lots: u32) -> f64 {
        f64::from(lots) * price as f64 / self.lots
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_become_lots_and_back() {
        let bitcoin = crate::instruments::tests::bitcoin();
        let sizing = Sizing::new(&bitcoin);
        assert_eq!(sizing.lots_worth(60_000_000, 600.5), 1_000);
        assert_eq!(sizing.lots_worth(60_000_000, 0.0), 1);
        assert_eq!(sizing.lots_worth(100, 1e30), bitcoin.max_quantity);
        assert!((sizing.worth(60_000_000, 1_000) - 600.0).abs() < 1e-6);
    }
}
