//! The order book: price levels of queued orders. No money and no sessions here.
//!
//! Cache lines an operation touches, beyond its own order's. An add: a line of sixteen buckets, the level, the order at
//! its tail. A cancel: the level and both neighbors. An execution: the level and the order behind. A level that comes or
//! goes: a leaf and its way up, of which the upper nodes are always in the cache. What the exchange adds to each:
//! session, account, balance (two accounts' for an execution), a line of sixteen names, a block of the account's list;
//! an add writes the order's second line as well.

pub mod arena;
pub mod ladder;
pub mod queue;

use arena::{Arena, NONE, OrderSlot};
use ladder::{Bucket, Ladder, Pools};

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
    /// An empty book for ticks up to `tick_max`: an instrument's `number`th; 0 is the displayed one.
    pub fn new(locate: u16, number: u32, tick_max: u32) -> Self {
        let ladder = |side| Ladder::new(side, Self::id(locate, number, side), tick_max);
        Self {
            ladders: [ladder(Side::Buy), ladder(Side::Sell)],
        }
    }

    /// What a ladder is known by in the pools: instrument, number of the book, side.
    pub fn id(locate: u16, number: u32, side: Side) -> u32 {
        number << 17 | u32::from(locate) << 1 | side as u32
    }

    /// One side.
    #[inline(always)]
    pub fn side(&self, side: Side) -> &Ladder {
        &self.ladders[side as usize]
    }

    /// Puts an order at the tail of its level. The caller has checked that there is room for the level.
    #[inline(always)]
    pub fn add(&mut self, pools: &mut Pools, arena: &mut Arena, handle: u32) {
        let OrderSlot { side, tick, .. } = *arena.get(handle);
        self.add_at(pools, arena, side, tick, handle);
    }

    /// The same at another side and price than the order's own.
    #[inline(always)]
    pub fn add_at(&mut self, pools: &mut Pools, arena: &mut Arena, side: Side, tick: u32, handle: u32) {
        let open = arena.get(handle).open;
        let bucket = self.side(side).bucket(pools, tick);
        let (level, tail) = self.join(pools, bucket, side, tick, open, handle);
        if tail != NONE {
            arena.get_mut(tail).next = handle;
        }
        let slot = arena.get_mut(handle);
        (slot.level, slot.prev, slot.next) = (level, tail, NONE);
    }

    /// Makes an order the last of the level whose bucket is given; returns the level and the order before it, both to be
    /// told to the orders.
    #[inline(always)]
    pub fn join(
        &mut self,
        pools: &mut Pools,
        bucket: Bucket,
        side: Side,
        tick: u32,
        open: u32,
        handle: u32,
    ) -> (u32, u32) {
        let index = self.ladders[side as usize].find_or_insert(pools, bucket, tick);
        let level = pools.level_mut(index);
        level.quantity += u64::from(open);
        let tail = std::mem::replace(&mut level.tail, handle);
        if tail == NONE {
            level.head = handle;
        }
        (index, tail)
    }

    /// Takes an order, of which `slot` is what it says now, out of its level, and the level out when it was the last.
    #[inline(always)]
    pub fn remove(&mut self, pools: &mut Pools, arena: &mut Arena, slot: &OrderSlot) {
        let level = pools.level_mut(slot.level);
        level.quantity -= u64::from(slot.open);
        if slot.next == NONE {
            level.tail = slot.prev;
        } else {
            arena.get_mut(slot.next).prev = slot.prev;
        }
        if slot.prev != NONE {
            arena.get_mut(slot.prev).next = slot.next;
            return;
        }
        level.head = slot.next;
        if slot.next == NONE {
            self.ladders[slot.side as usize].remove(pools, slot.level);
        }
    }

    /// Takes an empty level out.
    #[inline(always)]
    pub fn remove_level(&mut self, pools: &mut Pools, side: Side, level: u32) {
        self.ladders[side as usize].remove(pools, level);
    }

    /// Lowers a resting order's open quantity; its place in the queue stays.
    #[inline(always)]
    pub fn reduce(&mut self, pools: &mut Pools, arena: &mut Arena, handle: u32, by: u32) {
        let slot = arena.get_mut(handle);
        slot.open -= by;
        pools.level_mut(slot.level).quantity -= u64::from(by);
    }
}
