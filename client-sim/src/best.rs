//! Best prices, as the exchange names them and as a book that was rebuilt from the feed has them.

use feed_handler::{Market, Side};
use protocol::order_entry::own::Ticker;

/// Best bid and ask: price and lots, 0 where there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Best {
    bid: (u64, u64),
    ask: (u64, u64),
}

impl Best {
    /// What the exchange has answered.
    pub(crate) fn told(ticker: &Ticker) -> Self {
        Self {
            bid: (ticker.bid_price.get(), ticker.bid_quantity.get()),
            ask: (ticker.ask_price.get(), ticker.ask_quantity.get()),
        }
    }

    /// What the book of the instrument `locate` has.
    pub(crate) fn rebuilt(market: &Market, locate: u16) -> Self {
        let book = market.book(locate);
        let level = |side| {
            book.best(side)
                .map_or((0, 0), |level| (u64::from(level.price), level.quantity))
        };
        Self {
            bid: level(Side::Buy),
            ask: level(Side::Sell),
        }
    }
}
