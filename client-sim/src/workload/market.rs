//! The market as a customer sees it: best prices and the last trade of each instrument, and what the news says of it.

/// One instrument's market.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Quote {
    /// Best bid: wire price and lots.
    pub bid: Option<(u64, u64)>,
    /// Best ask: wire price and lots.
    pub ask: Option<(u64, u64)>,
    /// Last trade: wire price and lots.
    pub last: Option<(u64, u32)>,
    /// The fair price by the news; 0 = not known.
    pub fair: u64,
    /// How far prices move now, as a multiple of what is usual.
    pub nervous: f32,
}

impl Quote {
    /// The middle of bid and ask, else the last trade, else what there is of bid and ask.
    pub fn middle(&self) -> Option<u64> {
        match (self.bid, self.ask) {
            (Some((bid, _)), Some((ask, _))) => Some(bid / 2 + ask / 2),
            (bid, ask) => self
                .last
                .map(|(price, _)| price)
                .or(bid.or(ask).map(|(price, _)| price)),
        }
    }

    /// The best price an order of `side` would trade at.
    pub fn opposite(&self, side: u8) -> Option<(u64, u64)> {
        if side == b'B' { self.ask } else { self.bid }
    }
}

/// All instruments, by their position in [`crate::instruments::Instruments`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Market {
    quotes: Vec<Quote>,
}

impl Market {
    /// An empty market.
    pub fn new(instruments: usize) -> Self {
        Self {
            quotes: vec![Quote::default(); instruments],
        }
    }

    /// One instrument; empty when there is none at `instrument`.
    pub fn quote(&self, instrument: usize) -> Quote {
        self.quotes.get(instrument).copied().unwrap_or_default()
    }

    /// How many instruments.
    pub fn len(&self) -> usize {
        self.quotes.len()
    }

    /// True without instruments.
    pub fn is_empty(&self) -> bool {
        self.quotes.is_empty()
    }

    /// Notes the best prices.
    pub fn set_best(&mut self, instrument: usize, bid: Option<(u64, u64)>, ask: Option<(u64, u64)>) {
        if let Some(quote) = self.quotes.get_mut(instrument) {
            (quote.bid, quote.ask) = (bid, ask);
        }
    }

    /// Notes the news.
    pub fn set_news(&mut self, instrument: usize, fair: u64, nervous: f32) {
        if let Some(quote) = self.quotes.get_mut(instrument) {
            (quote.fair, quote.nervous) = (fair, nervous);
        }
    }

    /// Notes a trade.
    pub fn set_last(&mut self, instrument: usize, price: u64, quantity: u32) {
        if let Some(quote) = self.quotes.get_mut(instrument) {
            quote.last = Some((price, quantity));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_uses_the_best_there_is() {
        let mut market = Market::new(1);
        assert_eq!(market.quote(0).middle(), None);
        market.set_best(0, Some((100, 1)), None);
        assert_eq!(market.quote(0).middle(), Some(100));
        market.set_last(0, 110, 1);
        assert_eq!(market.quote(0).middle(), Some(110));
        market.set_best(0, Some((100, 1)), Some((200, 1)));
        assert_eq!(market.quote(0).middle(), Some(150));
        assert_eq!(market.quote(0).opposite(b'B'), Some((200, 1)));
        assert_eq!(market.quote(5), Quote::default());
    }
}
