//! What a contender tells of its work, and a hash by which contenders are compared: all fills in their order.

use engine::exchange::book::Side;

use crate::operations::Operation;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum What {
    /// An order came.
    Accepted,
    /// Two orders met.
    Filled,
    /// An order, or the rest of it, went.
    Canceled,
    /// An order became smaller, or moved.
    Replaced,
}

/// One event of a bare book, as large as the exchange's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Told {
    /// Number of the match.
    pub match_number: u64,
    /// The order; of a fill the incoming one.
    pub number: u32,
    /// The resting order of a fill.
    pub maker: u32,
    /// Owner.
    pub account: u32,
    /// Price.
    pub tick: u32,
    /// Lots.
    pub quantity: u32,
    /// Stock locate.
    pub instrument: u16,
    /// Of the order.
    pub side: Side,
    /// What happened.
    pub what: What,
}

const _: () = assert!(size_of::<Told>() == 32);

impl Told {
    /// Of an operation.
    #[inline]
    pub fn of(operation: &Operation, what: What, quantity: u32) -> Self {
        Self {
            match_number: 0,
            number: operation.number,
            maker: operation.new_number,
            account: operation.account,
            tick: operation.tick,
            quantity,
            instrument: operation.instrument,
            side: operation.side,
            what,
        }
    }
}

/// Over fills, in order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FillsHash {
    hash: u64,
    count: u64,
}

impl FillsHash {
    /// A fill: the incoming and the resting order's number, the price in ticks, lots.
    pub fn add(&mut self, taker: u32, maker: u32, tick: u32, quantity: u32) {
        self.hash = fold(
            self.hash ^ (u64::from(taker) << 32 | u64::from(maker)),
            (u64::from(tick) << 32 | u64::from(quantity)) ^ 0xD6E8_FEB8_6659_FD93,
        ) ^ self.hash.rotate_left(29);
        self.count += 1;
    }

    /// The fills among what was told.
    pub fn add_told(&mut self, told: &[Told]) {
        for fill in told.iter().filter(|told| told.what == What::Filled) {
            self.add(fill.number, fill.maker, fill.tick, fill.quantity);
        }
    }

    /// The hash so far.
    pub fn value(&self) -> u64 {
        self.hash
    }

    /// Fills so far.
    pub fn count(&self) -> u64 {
        self.count
    }
}

/// Both halves of the product, one upon the other.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ 0x9E37_79B9_7F4A_7C15) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::FillsHash;

    #[test]
    fn each_field_and_the_order_count() {
        let hash = |fills: &[(u32, u32, u32, u32)]| {
            let mut hash = FillsHash::default();
            for &(taker, maker, tick, quantity) in fills {
                hash.add(taker, maker, tick, quantity);
            }
            hash.value()
        };
        let fill = (2, 1, 100, 5);
        for other in [(3, 1, 100, 5), (2, 0, 100, 5), (2, 1, 101, 5), (2, 1, 100, 6)] {
            assert_ne!(hash(&[fill]), hash(&[other]));
            assert_ne!(hash(&[fill, other]), hash(&[other, fill]));
        }
    }
}
