//! What the feed says of auctions: the imbalance while orders collect, and the cross that ends it.

use crate::side::Side;
use protocol::market_data::messages::{CrossTrade, Noii};
use protocol::market_data::values::{cross_type, imbalance_direction};

/// Which auction it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuctionKind(pub u8);

impl AuctionKind {
    /// In a word.
    pub fn name(self) -> &'static str {
        match self.0 {
            cross_type::OPENING => "opening",
            cross_type::CLOSING => "closing",
            cross_type::HALT => "halt",
            _ => "other",
        }
    }
}

/// ITCH `I`: what would happen if the auction ended now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Imbalance {
    /// Which auction.
    pub kind: AuctionKind,
    /// Lots that would trade.
    pub paired: u64,
    /// Lots at that price that would find nobody.
    pub quantity: u64,
    /// `B`, `S`, `N` none, `O` nothing crosses, `P` paused.
    pub direction: u8,
    /// Price of the cross, 0.0001; 0 when there would be none.
    pub near: u32,
    /// Price of a cross of those orders alone that are for the auction; 0 when there would be none.
    pub far: u32,
    /// What the variation is measured from.
    pub reference: u32,
    /// How far the near price is from the reference: `L`, `1` to `9`, `A`, `B`, `C`, a space.
    pub variation: u8,
    /// Nanoseconds since the midnight UTC before the trading day's start.
    pub timestamp: u64,
}

impl From<&Noii> for Imbalance {
    fn from(message: &Noii) -> Self {
        Self {
            kind: AuctionKind(message.cross_type),
            paired: message.paired_shares.get(),
            quantity: message.imbalance_shares.get(),
            direction: message.imbalance_direction,
            near: message.near_price.get(),
            far: message.far_price.get(),
            reference: message.current_reference_price.get(),
            variation: message.price_variation_indicator,
            timestamp: message.timestamp.get(),
        }
    }
}

impl Imbalance {
    /// The side that has more; `None` when neither has, or nothing crosses.
    pub fn side(&self) -> Option<Side> {
        Side::from_byte(self.direction)
    }

    /// The direction in words.
    pub fn direction_name(&self) -> &'static str {
        match self.direction {
            imbalance_direction::BUY => "buy",
            imbalance_direction::SELL => "sell",
            imbalance_direction::NONE => "none",
            imbalance_direction::INSUFFICIENT => "nothing crosses",
            imbalance_direction::PAUSED => "paused",
            _ => "unknown",
        }
    }

    /// The variation in percent: `below 1%`, `3%`, `10% or more`; `None` when there is no near price.
    pub fn variation_name(&self) -> Option<&'static str> {
        const WHOLE: [&str; 9] = ["1%", "2%", "3%", "4%", "5%", "6%", "7%", "8%", "9%"];
        match self.variation {
            b'L' => Some("below 1%"),
            digit @ b'1'..=b'9' => Some(WHOLE[usize::from(digit - b'1')]),
            b'A' => Some("10% or more"),
            b'B' => Some("20% or more"),
            b'C' => Some("30% or more"),
            _ => None,
        }
    }
}

/// ITCH `Q`: an auction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cross {
    /// Which auction.
    pub kind: AuctionKind,
    /// Price of all its matches, 0.0001; 0 when there was none.
    pub price: u32,
    /// Lots; 0 when nothing traded.
    pub quantity: u64,
    /// Match number.
    pub match_number: u64,
    /// Nanoseconds since the midnight UTC before the trading day's start.
    pub timestamp: u64,
}

impl From<&CrossTrade> for Cross {
    fn from(message: &CrossTrade) -> Self {
        Self {
            kind: AuctionKind(message.cross_type),
            price: message.cross_price.get(),
            quantity: message.shares.get(),
            match_number: message.match_number.get(),
            timestamp: message.timestamp.get(),
        }
    }
}
