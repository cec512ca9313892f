//! Where the search for an order begins, by its number: the head of a chain of nodes.
//!
//! PERF: numbers of one exchange ascend. 4,096 numbers in a row have their heads in a row, so that what is new shares
//! cache lines; where such a block begins is hashed, so that any other numbers (strides, random ones) are spread over lines.
//! Nobody but the exchange chooses numbers; against one that wants collisions this is no help.
//!
//! Must not be here: what an order is, and the chains behind the heads.

use crate::orders::NONE;
use crate::pages::Pages;
use prefetch_index::prefetch_index;

/// Bytes of a head.
const HEAD_BYTES: usize = size_of::<u32>();
/// Numbers that stand in a row, as a power of two.
const BLOCK_BITS: u32 = 12;
/// A block begins at a multiple of this: the heads of a cache line.
const LINE: u32 = 16;
/// 2^64 divided by the golden ratio: blocks in a row begin as far from each other as can be.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// A place in the table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Place(u32);

/// The heads. An empty table is zeros.
#[derive(Debug)]
pub(crate) struct Index {
    heads: Pages,
    mask: u32,
    shift: u32,
}

impl Index {
    /// For so many orders, at most 2^30: as many places or up to twice as many.
    pub(crate) fn new(entries: u32) -> Self {
        let places = u64::from(entries.min(1 << 30)).next_power_of_two().max(64);
        Self {
            heads: Pages::new(places as usize, HEAD_BYTES),
            mask: (places - 1) as u32,
            shift: places.leading_zeros() + 1,
        }
    }

    pub(crate) fn clear(&mut self) {
        self.heads.rows_mut::<HEAD_BYTES>().fill([0; HEAD_BYTES]);
    }

    /// Where the chain of a number begins.
    #[inline]
    pub(crate) fn place(&self, number: u64) -> Place {
        let block = (number >> BLOCK_BITS)
            .wrapping_mul(SPREAD)
            .wrapping_shr(self.shift);
        let within = number as u32 & ((1 << BLOCK_BITS) - 1);
        Place((block as u32 & !(LINE - 1)).wrapping_add(within) & self.mask)
    }

    /// The first node of a chain, [`NONE`] when there is none.
    #[inline]
    pub(crate) fn head(&self, place: Place) -> u32 {
        u32::from_ne_bytes(self.heads.rows()[place.0 as usize])
    }

    /// Another node, or [`NONE`], is the first of a chain.
    #[inline]
    pub(crate) fn set_head(&mut self, place: Place, node: u32) {
        self.heads.rows_mut()[place.0 as usize] = node.to_ne_bytes();
    }

    /// Another node is the first of a chain; answers which was.
    #[inline]
    pub(crate) fn replace_head(&mut self, place: Place, node: u32) -> u32 {
        let head = &mut self.heads.rows_mut()[place.0 as usize];
        u32::from_ne_bytes(std::mem::replace(head, node.to_ne_bytes()))
    }

    /// Fetches the line of a place.
    #[inline]
    pub(crate) fn fetch(&self, place: Place) {
        prefetch_index(self.heads.rows::<HEAD_BYTES>(), place.0 as usize);
    }
}

const _: () = assert!(NONE == 0, "an empty table is zeros");

#[cfg(test)]
mod tests {
    use super::*;

    /// The longest chain of so many numbers in a table of twice as many places.
    fn longest(numbers: impl Fn(u64) -> u64) -> usize {
        const ORDERS: u32 = 1 << 14;
        let index = Index::new(2 * ORDERS);
        let mut chains = vec![0; index.heads.rows::<HEAD_BYTES>().len()];
        for order in 0..u64::from(ORDERS) {
            chains[index.place(numbers(order)).0 as usize] += 1;
        }
        chains.into_iter().max().unwrap_or(0)
    }

    #[test]
    fn numbers_of_every_kind_are_spread() {
        assert_eq!(longest(|order| order + 1_000_000), 1, "in a row");
        for stride in [2, 4, 100, 4_096, 1 << 20, 1 << 33, (1 << 40) + 1] {
            assert!(longest(|order| order * stride) < 40, "stride {stride}");
        }
        assert!(
            longest(|order| (order ^ 0x5555).wrapping_mul(0xD6E8_FEB8_6659_FD93)) < 12,
            "at random"
        );
    }
}
