//! A hash of a book that two sides compute independently and compare.
//!
//! Definition, all arithmetic modulo 2^64. The state starts as [`Digest::START`]. To take in a 64-bit word `w`:
//! `state = (state ^ w) * 0x9E3779B97F4A7C15`, then `state = state ^ (state >> 32)`.
//! A book is, for each displayed order in price-time order, buys (highest price first) before sells (lowest price
//! first), oldest first within a price, the words: side byte (`B` 0x42, `S` 0x53), price (0.0001), order number,
//! open quantity (lots). The digest of an empty book is the start value.
//! A market is, for each locate in ascending order whose book is not empty, the words: locate, digest of its book.

use crate::side::Side;

/// The state of a digest being computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest(u64);

impl Digest {
    /// The digest of nothing.
    pub const START: u64 = 0x6265_7374_5F62_6964;

    /// Of nothing so far.
    pub fn new() -> Self {
        Self(Self::START)
    }

    /// Takes in the next order of a book. `price` in 0.0001, `quantity` in lots still open.
    pub fn order(&mut self, side: Side, price: u32, number: u64, quantity: u32) {
        self.word(u64::from(side.to_byte()));
        self.word(u64::from(price));
        self.word(number);
        self.word(u64::from(quantity));
    }

    /// Takes in the digest of one instrument's book, when computing a market's.
    pub fn book(&mut self, locate: u16, digest: u64) {
        self.word(u64::from(locate));
        self.word(digest);
    }

    /// The value.
    pub fn finish(self) -> u64 {
        self.0
    }

    fn word(&mut self, word: u64) {
        let mixed = (self.0 ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

impl Default for Digest {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_pinned() {
        assert_eq!(Digest::new().finish(), Digest::START);
        let mut digest = Digest::new();
        digest.order(Side::Buy, 1_000_000, 7, 25);
        digest.order(Side::Sell, 1_000_100, 8, 30);
        let by_hand = [0x42_u64, 1_000_000, 7, 25, 0x53, 1_000_100, 8, 30].iter().fold(
            0x6265_7374_5F62_6964_u64,
            |state, word| {
                let mixed = (state ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                mixed ^ (mixed >> 32)
            },
        );
        assert_eq!(digest.finish(), by_hand);
    }

    #[test]
    fn order_of_orders_matters() {
        let digest = |numbers: [u64; 2]| {
            let mut digest = Digest::new();
            for number in numbers {
                digest.order(Side::Buy, 100, number, 1);
            }
            digest.finish()
        };
        assert_ne!(digest([1, 2]), digest([2, 1]));
    }
}
