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
    /// The order; of a fill the incoming one.
    pub number: u32,
    /// The resting order of a fill; the new number of a moved order.
    pub maker: u32,
    /// Price.
    pub tick: u32,
    /// Lots.
    pub quantity: u32,
    /// Owner.
    pub account: u32,
    /// Stock locate.
    pub instrument: u16,
    /// Of the order.
    pub side: Side,
    /// What happened.
    pub what: What,
    /// Number of the match.
    pub match_number: u64,
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

/// What is told between two times it is read: as much as a ring to the next stage would have room for.
#[derive(Debug)]
pub struct Tape {
    told: Vec<Told>,
    written: usize,
}

impl Tape {
    /// Records that have room.
    pub const ROOM: usize = 1 << 16;

    /// An empty one, all its pages touched.
    pub fn new() -> Self {
        let nothing = Told {
            match_number: 0,
            number: 0,
            maker: 0,
            account: 0,
            tick: 0,
            quantity: 0,
            instrument: 0,
            side: Side::Buy,
            what: What::Accepted,
        };
        Self {
            told: vec![nothing; Self::ROOM],
            written: 0,
        }
    }

    /// Writes one down.
    #[inline]
    pub fn write(&mut self, told: Told) {
        // The mask spares a branch; `drain` sees to it that nothing was overwritten.
        let last = self.told.len().wrapping_sub(1);
        if let Some(place) = self.told.get_mut(self.written & last) {
            *place = told;
        }
        self.written = self.written.wrapping_add(1);
    }

    /// Adds what was told to `hash` and forgets it.
    ///
    /// # Panics
    /// When there was more than there is room for.
    pub fn drain(&mut self, hash: &mut FillsHash) {
        assert!(self.written <= Self::ROOM, "the tape was long enough");
        hash.add_told(&self.told[..self.written]);
        self.written = 0;
    }
}

impl Default for Tape {
    fn default() -> Self {
        Self::new()
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
