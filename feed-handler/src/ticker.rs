//! What a person asks first: the instruments that exist, their last trade, and the best bid and offer.

use crate::auction::{AuctionKind, Cross, Imbalance};
use crate::book::PriceLevel;
use crate::side::Side;

/// Which message reported a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum TradeKind {
    /// ITCH `E`, `C`: against a displayed order.
    Displayed = b'E',
    /// ITCH `P`: against a non-displayed order.
    Hidden = b'P',
    /// ITCH `Q`: the bulk of an auction.
    Cross = b'Q',
}

/// One trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trade {
    /// Instrument.
    pub locate: u16,
    /// Which message reported it.
    pub kind: TradeKind,
    /// Which auction, of a cross.
    pub cross: Option<AuctionKind>,
    /// The side that took: opposite of the resting order's. `None` for hidden executions and crosses, where the feed
    /// does not say.
    pub aggressor: Option<Side>,
    /// 0.0001 of the quote asset.
    pub price: u32,
    /// Lots.
    pub quantity: u64,
    /// Match number.
    pub match_number: u64,
    /// Nanoseconds since the midnight UTC before the trading day's start.
    pub timestamp: u64,
}

/// One instrument as the feed describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instrument {
    /// Number of the instrument; 0 while the feed has not named it.
    pub locate: u16,
    /// Eight characters, padded with spaces.
    pub symbol: [u8; 8],
    /// Lots in one unit the price is quoted for (ITCH Round Lot Size).
    pub lots_per_unit: u32,
    /// Trading state: `T` trading, `Q` quotation only, `P` paused, `H` halted; a space before the first.
    pub state: u8,
    /// The most recent trade.
    pub last: Option<Trade>,
    /// Trades so far.
    pub trades: u64,
    /// Lots traded so far.
    pub volume: u64,
    /// The newest imbalance, while orders collect.
    pub imbalance: Option<Imbalance>,
    /// The most recent cross, whether anything traded in it or not.
    pub cross: Option<Cross>,
}

impl Instrument {
    /// One that the feed has not named.
    pub const UNNAMED: Self = Self {
        locate: 0,
        symbol: [b' '; 8],
        lots_per_unit: 1,
        state: b' ',
        last: None,
        trades: 0,
        volume: 0,
        imbalance: None,
        cross: None,
    };

    /// The symbol without its padding; `?` in place of anything that is not text.
    pub fn symbol(&self) -> &str {
        core::str::from_utf8(&self.symbol).unwrap_or("?").trim_end()
    }

    /// The trading state in words.
    pub fn state_name(&self) -> &'static str {
        match self.state {
            b'T' => "trading",
            b'Q' => "quotation only",
            b'P' => "paused",
            b'H' => "halted",
            _ => "unknown",
        }
    }
}

/// An instrument with its best prices: one moment of the market.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// The instrument and its last trade.
    pub instrument: Instrument,
    /// Best bid.
    pub bid: Option<PriceLevel>,
    /// Best offer.
    pub ask: Option<PriceLevel>,
}
