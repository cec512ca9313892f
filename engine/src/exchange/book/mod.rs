//! The order book: price levels of queued orders. No money and no sessions here.
//!
//! What an operation touches, beyond its own order's line: an add, the leaf, the level and the order before it; a
//! cancel, the level and both neighbours; an execution, the level and the order behind.

pub mod arena;
pub mod ladder;

use arena::{Arena, NONE, OrderSlot};
use ladder::{Ladder, Pools};

/// Buy or sell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Side {
    /// Bids: the highest price is best.
    Buy = 0,
    /// Asks: the lowest price is best.
    Sell = 1,
}

impl Side {
    /// The other side.
    pub fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// True when price `a` comes before price `b` on this side.
    pub fn is_better(self, a: u32, b: u32) -> bool {
        match self {
            Self::Buy => a > b,
            Self::Sell => a < b,
        }
    }

    /// True when an order of this side with limit `tick` takes a resting order at `resting`.
    pub fn crosses(self, tick: u32, resting: u32) -> bool {
        match self {
            Self::Buy => resting <= tick,
            Self::Sell => resting >= tick,
        }
    }

    /// `B` or `S`.
    pub fn byte(self) -> u8 {
        match self {
            Self::Buy => b'B',
            Self::Sell => b'S',
        }
    }

    /// Of `B` or `S`.
    pub fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            b'B' => Some(Self::Buy),
            b'S' => Some(Self::Sell),
            _ => None,
        }
    }
}

/// Both sides of one instrument.
#[derive(Debug)]
pub struct Book {
    ladders: [Ladder; 2],
}

impl Book {
    /// An empty book for ticks up to `tick_max`.
    pub fn new(pools: &mut Pools, locate: u16, tick_max: u32) -> Self {
        let id = u32::from(locate) * 2;
        Self {
            ladders: [
                Ladder::new(pools, Side::Buy, id, tick_max),
                Ladder::new(pools, Side::Sell, id + 1, tick_max),
            ],
        }
    }

    /// One side.
    #[inline(always)]
    pub fn side(&self, side: Side) -> &Ladder {
        &self.ladders[side as usize]
    }

    /// Puts an order at the tail of its level. The caller has checked that there is room for the level.
    #[inline(always)]
    pub fn add(&mut self, pools: &mut Pools, arena: &mut Arena, handle: u32) {
        let OrderSlot { side, tick, open, .. } = *arena.get(handle);
        let index = self.ladders[side as usize].find_or_insert(pools, tick);
        let level = pools.level_mut(index);
        let tail = level.tail;
        level.tail = handle;
        level.orders += 1;
        level.quantity += u64::from(open);
        if tail == NONE {
            level.head = handle;
        } else {
            arena.get_mut(tail).next = handle;
        }
        let slot = arena.get_mut(handle);
        (slot.level, slot.prev, slot.next) = (index, tail, NONE);
    }

    /// Takes an order out of its level, and the level out when it was the last.
    #[inline(always)]
    pub fn remove(&mut self, pools: &mut Pools, arena: &mut Arena, handle: u32) {
        let OrderSlot {
            side,
            level: index,
            prev,
            next,
            open,
            ..
        } = *arena.get(handle);
        let level = pools.level_mut(index);
        level.orders -= 1;
        level.quantity -= u64::from(open);
        if prev == NONE {
            level.head = next;
        } else {
            arena.get_mut(prev).next = next;
        }
        if next == NONE {
            level.tail = prev;
        } else {
            arena.get_mut(next).prev = prev;
        }
        if level.orders == 0 {
            self.ladders[side as usize].remove(pools, index);
        }
        arena.get_mut(handle).level = NONE;
    }

    /// Takes the first order, which has nothing open any more, out of its level, and the level out when it was the last.
    #[inline(always)]
    pub fn pop(&mut self, pools: &mut Pools, arena: &mut Arena, handle: u32) {
        let OrderSlot {
            side,
            level: index,
            next,
            ..
        } = *arena.get(handle);
        let level = pools.level_mut(index);
        level.orders -= 1;
        level.head = next;
        if next == NONE {
            self.ladders[side as usize].remove(pools, index);
        } else {
            arena.get_mut(next).prev = NONE;
        }
    }

    /// Lowers a resting order's open quantity; its place in the queue stays.
    #[inline(always)]
    pub fn reduce(&mut self, pools: &mut Pools, arena: &mut Arena, handle: u32, by: u32) {
        let slot = arena.get_mut(handle);
        slot.open -= by;
        pools.level_mut(slot.level).quantity -= u64::from(by);
    }
}
