//! What the trades of a span of time came to: open, high, low, close, volume, turnover.
//!
//! A candle is the bar of an interval, session statistics are the bar of the day. Integers only.

use crate::ticker::Trade;

/// The trades of a span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bar {
    /// Price of the first trade, 0.0001; this and the next three are 0 when there was none.
    pub open: u32,
    /// Highest price, 0.0001.
    pub high: u32,
    /// Lowest price, 0.0001.
    pub low: u32,
    /// Price of the last trade, 0.0001.
    pub close: u32,
    /// Trades.
    pub trades: u64,
    /// Lots.
    pub volume: u64,
    /// Sum of price times lots, 0.0001 of the quote asset times lots.
    pub turnover: u128,
}

impl Bar {
    /// Without a trade.
    pub const EMPTY: Self = Self {
        open: 0,
        high: 0,
        low: 0,
        close: 0,
        trades: 0,
        volume: 0,
        turnover: 0,
    };

    /// True without a trade.
    pub fn is_empty(&self) -> bool {
        self.trades == 0
    }

    /// Average price weighted with volume, 0.0001, rounded half up; 0 without a trade.
    pub fn vwap(&self) -> u32 {
        vwap(self.volume, self.turnover)
    }

    /// Takes in the next trade.
    pub(crate) fn add(&mut self, price: u32, quantity: u64) {
        if self.is_empty() {
            (self.open, self.high, self.low) = (price, price, price);
        }
        self.high = self.high.max(price);
        self.low = self.low.min(price);
        self.close = price;
        self.trades += 1;
        self.volume = self.volume.saturating_add(quantity);
        self.turnover = self.turnover.saturating_add(value(price, quantity));
    }

    /// Takes a trade back; `others` are the trades of the span that are remembered, oldest first. The prices are made anew
    /// when all are; otherwise open, high and low stay as they were.
    pub(crate) fn take_back(&mut self, price: u32, quantity: u64, others: impl Iterator<Item = (u32, u64)>) {
        let mut remembered = Self::EMPTY;
        others.for_each(|(price, quantity)| remembered.add(price, quantity));
        self.trades = self.trades.saturating_sub(1);
        self.volume = self.volume.saturating_sub(quantity);
        self.turnover = self.turnover.saturating_sub(value(price, quantity));
        if remembered.trades == self.trades {
            *self = remembered;
        } else if !remembered.is_empty() {
            self.close = remembered.close;
        }
    }
}

/// A trade that counts, short enough to be remembered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Print {
    pub(crate) locate: u16,
    pub(crate) price: u32,
    pub(crate) quantity: u64,
    pub(crate) timestamp: u64,
    pub(crate) match_number: u64,
}

impl From<Trade> for Print {
    fn from(trade: Trade) -> Self {
        Self {
            locate: trade.locate,
            price: trade.price,
            quantity: trade.quantity,
            timestamp: trade.timestamp,
            match_number: trade.match_number,
        }
    }
}

fn value(price: u32, quantity: u64) -> u128 {
    u128::from(price) * u128::from(quantity)
}

/// Turnover over volume, rounded half up; 0 without volume.
pub(crate) fn vwap(volume: u64, turnover: u128) -> u32 {
    let volume = u128::from(volume);
    let rounded = turnover
        .saturating_add(volume / 2)
        .checked_div(volume)
        .unwrap_or(0);
    u32::try_from(rounded).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_are_weighted_and_rounded() {
        let mut bar = Bar::EMPTY;
        assert_eq!(bar.vwap(), 0);
        for (price, quantity) in [(100, 1), (103, 2), (99, 1)] {
            bar.add(price, quantity);
        }
        // 405 / 4 = 101.25.
        assert_eq!((bar.open, bar.high, bar.low, bar.close), (100, 103, 99, 99));
        assert_eq!((bar.volume, bar.turnover, bar.vwap()), (4, 405, 101));
        assert_eq!(vwap(2, 203), 102);
        assert_eq!(vwap(u64::MAX, u128::MAX), u32::MAX);
    }

    #[test]
    fn a_trade_taken_back_never_was_when_the_others_are_known() {
        let mut bar = Bar::EMPTY;
        for price in [100, 150, 50, 110] {
            bar.add(price, 10);
        }
        let mut known = bar;
        known.take_back(150, 10, [(100, 10), (50, 10), (110, 10)].into_iter());
        assert_eq!(
            (known.high, known.low, known.trades, known.volume),
            (100 + 10, 50, 3, 30)
        );
        let mut forgotten = bar;
        forgotten.take_back(110, 10, [(50, 10)].into_iter());
        assert_eq!((forgotten.open, forgotten.high, forgotten.close), (100, 150, 50));
        assert_eq!(forgotten.turnover, 3_000);
        let mut only = Bar::EMPTY;
        only.add(7, 1);
        only.take_back(7, 1, std::iter::empty());
        assert_eq!(only, Bar::EMPTY);
    }
}
