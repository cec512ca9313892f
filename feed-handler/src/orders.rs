//! Storage of resting orders and price levels: fixed capacity, found by order number in O(1), oldest first in a level.
//!
//! Lives here: the arenas, the index by order number, the queue links.
//! Must not be here: which level a price belongs to ([`crate::book`]).
//!
//! Invariants: every order in the index is linked into exactly one level; a level's `quantity` and `orders` are the
//! sums over its queue; a level without orders is free.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Buy or sell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Side {
    /// A bid, `B` on the wire.
    Buy = b'B',
    /// An offer, `S` on the wire.
    Sell = b'S',
}

impl Side {
    /// The side for a wire byte; `None` for anything but `B` and `S`.
    pub fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            b'B' => Some(Self::Buy),
            b'S' => Some(Self::Sell),
            _ => None,
        }
    }

    /// The other side.
    pub fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    pub(crate) fn index(self) -> usize {
        match self {
            Self::Buy => 0,
            Self::Sell => 1,
        }
    }
}

/// "No order", "no level".
pub(crate) const NONE: u32 = u32::MAX;

/// A resting, displayed order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Order {
    pub(crate) number: u64,
    pub(crate) quantity: u32,
    pub(crate) attribution: [u8; 4],
    pub(crate) level: u32,
    pub(crate) next: u32,
    previous: u32,
}

/// All orders of one instrument and side at one price. While free, `head` is the next free level.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Level {
    pub(crate) quantity: u64,
    pub(crate) price: u32,
    pub(crate) orders: u32,
    pub(crate) head: u32,
    tail: u32,
    pub(crate) locate: u16,
    pub(crate) side: Side,
}

/// Multiplies and rotates: order numbers come from the exchange, ascending, so nobody can choose them to collide.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .rotate_left(26);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

type NumberIndex = HashMap<u64, u32, BuildHasherDefault<NumberHasher>>;

/// The arenas of all instruments' orders and levels.
#[derive(Debug)]
pub(crate) struct Orders {
    orders: Vec<Order>,
    levels: Vec<Level>,
    index: NumberIndex,
    free_order: u32,
    free_level: u32,
    order_capacity: usize,
    level_capacity: usize,
}

impl Orders {
    /// Room for `order_capacity` orders and `level_capacity` levels, each below 2^32 - 1.
    pub(crate) fn new(order_capacity: u32, level_capacity: u32) -> Self {
        let order_capacity = order_capacity.min(NONE - 1) as usize;
        let level_capacity = level_capacity.min(NONE - 1) as usize;
        Self {
            orders: Vec::with_capacity(order_capacity),
            levels: Vec::with_capacity(level_capacity),
            // Twice the room: the map then clears its tombstones in place and never grows.
            index: NumberIndex::with_capacity_and_hasher(2 * order_capacity, BuildHasherDefault::default()),
            free_order: NONE,
            free_level: NONE,
            order_capacity,
            level_capacity,
        }
    }

    pub(crate) fn clear(&mut self) {
        self.orders.clear();
        self.levels.clear();
        self.index.clear();
        self.free_order = NONE;
        self.free_level = NONE;
    }

    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.index.len() >= self.order_capacity
    }

    pub(crate) fn find(&self, number: u64) -> Option<u32> {
        self.index.get(&number).copied()
    }

    pub(crate) fn order(&self, slot: u32) -> &Order {
        &self.orders[slot as usize]
    }

    pub(crate) fn level(&self, slot: u32) -> &Level {
        &self.levels[slot as usize]
    }

    /// A new, empty level; `None` when all are taken. The caller puts an order in at once.
    pub(crate) fn new_level(&mut self, locate: u16, side: Side, price: u32) -> Option<u32> {
        let level = Level {
            quantity: 0,
            price,
            orders: 0,
            head: NONE,
            tail: NONE,
            locate,
            side,
        };
        if self.free_level != NONE {
            let slot = self.free_level;
            self.free_level = self.levels[slot as usize].head;
            self.levels[slot as usize] = level;
            return Some(slot);
        }
        if self.levels.len() >= self.level_capacity {
            return None;
        }
        self.levels.push(level);
        Some((self.levels.len() - 1) as u32)
    }

    /// Gives an empty level back.
    pub(crate) fn free_level(&mut self, slot: u32) {
        let level = &mut self.levels[slot as usize];
        debug_assert_eq!(level.orders, 0, "a freed level has no orders");
        level.head = self.free_level;
        self.free_level = slot;
    }

    /// Puts an order at the end of a level's queue. The caller has checked room and that the number is new.
    pub(crate) fn append(&mut self, level_slot: u32, number: u64, quantity: u32, attribution: [u8; 4]) {
        debug_assert!(!self.is_full(), "the caller checks for room");
        let level = &mut self.levels[level_slot as usize];
        let order = Order {
            number,
            quantity,
            attribution,
            level: level_slot,
            next: NONE,
            previous: level.tail,
        };
        let slot = if self.free_order == NONE {
            self.orders.push(order);
            (self.orders.len() - 1) as u32
        } else {
            let slot = self.free_order;
            self.free_order = self.orders[slot as usize].next;
            self.orders[slot as usize] = order;
            slot
        };
        if level.tail == NONE {
            level.head = slot;
        } else {
            self.orders[level.tail as usize].next = slot;
        }
        level.tail = slot;
        level.orders += 1;
        level.quantity += u64::from(quantity);
        self.index.insert(number, slot);
    }

    /// Takes `quantity`, which is less than what the order has, off an order.
    pub(crate) fn reduce(&mut self, slot: u32, quantity: u32) {
        let order = &mut self.orders[slot as usize];
        debug_assert!(quantity < order.quantity, "an order keeps at least one lot");
        order.quantity -= quantity;
        self.levels[order.level as usize].quantity -= u64::from(quantity);
    }

    /// Takes an order out of its queue and the index; true when its level is now empty.
    pub(crate) fn remove(&mut self, slot: u32) -> bool {
        let order = self.orders[slot as usize];
        if order.previous == NONE {
            self.levels[order.level as usize].head = order.next;
        } else {
            self.orders[order.previous as usize].next = order.next;
        }
        if order.next == NONE {
            self.levels[order.level as usize].tail = order.previous;
        } else {
            self.orders[order.next as usize].previous = order.previous;
        }
        let level = &mut self.levels[order.level as usize];
        level.orders -= 1;
        level.quantity -= u64::from(order.quantity);
        let empty = level.orders == 0;
        self.index.remove(&order.number);
        self.orders[slot as usize].next = self.free_order;
        self.free_order = slot;
        empty
    }
}
