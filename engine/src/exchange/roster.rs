//! Each account's resting orders, oldest first: lists of blocks, a block a cache line.
//!
//! An order's entry is written where the account's last block ends, and emptied when the order ends; an empty block
//! leaves its list. So a new order touches a line that its account used lately, and an order that ends touches one, where
//! links from order to order would touch two anywhere in memory. There are as many blocks as orders: an account
//! that leaves one order in each block can not use them up.

use super::book::arena::NONE;
use crate::sys::table::{prefetch_at, prefetch_if_any, table};

/// Orders in a block.
const BLOCK_ORDERS: usize = 13;
/// A place is a block's index and an entry's within it.
const ENTRY_BITS: u32 = 4;
/// Most orders, so that every place has its number.
pub(super) const ORDERS_MAX: u32 = 1 << (32 - ENTRY_BITS);

#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Block {
    /// Handles; [`NONE`] where an order has ended.
    orders: [u32; BLOCK_ORDERS],
    /// Next block of the account, newer; next free block when it is free.
    next: u32,
    /// The one before.
    prev: u32,
    /// Entries written.
    filled: u16,
    /// Entries whose order rests.
    live: u16,
}

const _: () = assert!(size_of::<Block>() == 64 && BLOCK_ORDERS < 1 << ENTRY_BITS);

impl Block {
    const FREE: Self = Self {
        orders: [NONE; BLOCK_ORDERS],
        next: NONE,
        prev: NONE,
        filled: 0,
        live: 0,
    };
}

/// An account's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct List {
    first: u32,
    last: u32,
}

impl List {
    pub(super) const EMPTY: Self = Self {
        first: NONE,
        last: NONE,
    };
}

/// The blocks of all lists.
#[derive(Debug)]
pub(super) struct Roster {
    blocks: Vec<Block>,
    free: u32,
    /// Blocks from here on were never used.
    fresh: u32,
}

impl Roster {
    /// Room for `capacity` orders.
    pub(super) fn new(capacity: u32) -> Self {
        Self {
            blocks: table(capacity as usize, Block::FREE),
            free: NONE,
            fresh: 0,
        }
    }

    /// Puts an order behind the others; returns its place.
    #[inline(always)]
    pub(super) fn push(&mut self, list: &mut List, handle: u32) -> u32 {
        let last = match self.blocks.get(list.last as usize) {
            Some(block) if usize::from(block.filled) < BLOCK_ORDERS => list.last,
            _ => self.append(list),
        };
        let block = &mut self.blocks[last as usize];
        let entry = block.filled;
        block.orders[usize::from(entry)] = handle;
        block.filled += 1;
        block.live += 1;
        last << ENTRY_BITS | u32::from(entry)
    }

    /// A new last block.
    #[inline(never)]
    fn append(&mut self, list: &mut List) -> u32 {
        let block = if self.free == NONE {
            self.fresh += 1;
            self.fresh - 1
        } else {
            let block = self.free;
            self.free = self.blocks[block as usize].next;
            block
        };
        let before = std::mem::replace(&mut list.last, block);
        self.blocks[block as usize] = Block {
            prev: before,
            ..Block::FREE
        };
        if before == NONE {
            list.first = block;
        } else {
            self.blocks[before as usize].next = block;
        }
        block
    }

    /// Takes an order out.
    #[inline(always)]
    pub(super) fn remove(&mut self, list: &mut List, place: u32) {
        let block = &mut self.blocks[(place >> ENTRY_BITS) as usize];
        block.orders[entry(place)] = NONE;
        block.live -= 1;
        if block.live == 0 {
            self.release(list, place >> ENTRY_BITS);
        }
    }

    /// Takes an empty block out of its list.
    #[inline(never)]
    fn release(&mut self, list: &mut List, index: u32) {
        let Block { prev, next, .. } = self.blocks[index as usize];
        if prev == NONE {
            list.first = next;
        } else {
            self.blocks[prev as usize].next = next;
        }
        if next == NONE {
            list.last = prev;
        } else {
            self.blocks[next as usize].prev = prev;
        }
        self.blocks[index as usize].next = self.free;
        self.free = index;
    }

    /// The oldest order; [`NONE`] when there is none.
    pub(super) fn first(&self, list: &List) -> u32 {
        self.first_from(list.first, 0)
    }

    /// The order behind the one at `place`; [`NONE`] at the end.
    pub(super) fn behind(&self, place: u32) -> u32 {
        self.first_from(place >> ENTRY_BITS, entry(place) + 1)
    }

    /// The order at a place; [`NONE`] when none is.
    pub(super) fn at(&self, place: u32) -> u32 {
        let block = self.blocks.get((place >> ENTRY_BITS) as usize);
        block.map_or(NONE, |block| block.orders[entry(place)])
    }

    fn first_from(&self, mut index: u32, mut entry: usize) -> u32 {
        while let Some(block) = self.blocks.get(index as usize) {
            let rest = &block.orders[entry.min(BLOCK_ORDERS)..];
            if let Some(&handle) = rest.iter().find(|&&handle| handle != NONE) {
                return handle;
            }
            (index, entry) = (block.next, 0);
        }
        NONE
    }

    /// Has the line of an order's place fetched before it is needed.
    #[inline(always)]
    pub(super) fn prefetch(&self, place: u32) {
        prefetch_at(&self.blocks, place >> ENTRY_BITS);
    }

    /// Has the block fetched where the next order of a list will stand, unless there is none or it is full.
    #[inline(always)]
    pub(super) fn prefetch_end(&self, list: &List) {
        prefetch_if_any(&self.blocks, list.last);
    }
}

fn entry(place: u32) -> usize {
    (place & ((1 << ENTRY_BITS) - 1)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::testing::Random;

    /// Random orders of three accounts against plain lists, with no more blocks than orders.
    #[test]
    fn agrees_with_plain_lists() {
        const CAPACITY: usize = 200;
        let mut random = Random::new(1);
        let mut roster = Roster::new(CAPACITY as u32);
        let mut lists = [List::EMPTY; 3];
        let mut model: [Vec<(u32, u32)>; 3] = Default::default();
        for handle in 0..50_000_u32 {
            let account = random.below(3) as usize;
            let live: usize = model.iter().map(Vec::len).sum();
            // Long lists and short ones in turn.
            let grows = handle / 1_000 % 2 == 0;
            if live < CAPACITY && random.chance(if grows { 2 } else { 1 }, 3) {
                let place = roster.push(&mut lists[account], handle);
                model[account].push((handle, place));
            } else if !model[account].is_empty() {
                let index = random.below(model[account].len() as u64) as usize;
                let (_, place) = model[account].remove(index);
                roster.remove(&mut lists[account], place);
            }
            let mut next = roster.first(&lists[account]);
            for &(expected, place) in &model[account] {
                assert_eq!(next, expected);
                next = roster.behind(place);
            }
            assert_eq!(next, NONE);
        }
        for (list, orders) in lists.iter_mut().zip(model) {
            for (_, place) in orders {
                roster.remove(list, place);
            }
            assert_eq!(*list, List::EMPTY);
        }
    }
}
