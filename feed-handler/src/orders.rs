//! Storage of resting orders and price levels: fixed capacity, found by order number in O(1), oldest first in a level.
//!
//! Lives here: the nodes, the queue links, the index by order number.
//! Must not be here: which level a price has ([`crate::ladder`]).
//!
//! Orders and levels are nodes of one kind, and a level's queue is a ring that begins and ends at the level itself.
//! PERF: so an order is put in and taken out by the same four writes whether it is the first, the last or the only one;
//! with ends to look for, each would be a branch that can not be foretold.
//!
//! PERF: sums are not checked for overflow, as they can not: there are at most 2^30 orders and levels, of less than 2^32 lots each.
//!
//! Invariants: every order in the index is in exactly one ring; a level's `quantity` and `orders` are the
//! sums over its ring. A level without orders is nothing: what else it has is left from before.

use crate::index::{Index, Place};
use crate::ladder::PRICES;
use crate::pages::Pages;
use crate::side::Side;
use prefetch_index::prefetch_index;
use std::hint::select_unpredictable;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// "No node". PERF: there is a node of that number, which is nothing: so a look ahead need not ask first.
pub(crate) const NONE: u32 = 0;

/// Bytes of a node.
const NODE_BYTES: usize = 32;

/// An order, a level, or free: then `next` is the next free node.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C, packed)]
struct Node {
    /// Of an order its number; of a level the lots of all its orders.
    long: u64,
    /// Of an order its open lots; of a level its price, 0.0001.
    value: u32,
    /// Of an order the firm; of a level how many orders it has.
    label: u32,
    /// Of an order its level; of a level the instrument and its side, see [`book_of`].
    owner: u32,
    /// The next younger order; the oldest of a level.
    next: u32,
    /// The next older order; the youngest of a level.
    previous: u32,
    /// Of an order the next one in the chain of its place in the index.
    chain: u32,
}

impl Node {
    const NOTHING: Self = Self {
        long: 0,
        value: 0,
        label: 0,
        owner: 0,
        next: NONE,
        previous: NONE,
        chain: NONE,
    };
}

#[inline]
fn at(nodes: &[[u8; NODE_BYTES]], node: u32) -> &Node {
    zerocopy::transmute_ref!(&nodes[node as usize])
}

#[inline]
fn at_mut(nodes: &mut [[u8; NODE_BYTES]], node: u32) -> &mut Node {
    zerocopy::transmute_mut!(&mut nodes[node as usize])
}

/// A resting, displayed order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Order {
    pub(crate) number: u64,
    pub(crate) quantity: u32,
    pub(crate) attribution: [u8; 4],
    pub(crate) level: u32,
    /// The next younger one; the level behind the youngest.
    pub(crate) next: u32,
}

/// All orders of one instrument and side at one price.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Level {
    pub(crate) quantity: u64,
    pub(crate) price: u32,
    pub(crate) orders: u32,
    /// The oldest order.
    pub(crate) head: u32,
    pub(crate) locate: u16,
    pub(crate) side: Side,
}

/// What an order rests at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewLevel {
    pub(crate) row: u32,
    pub(crate) locate: u16,
    pub(crate) side: Side,
    pub(crate) price: u32,
}

/// An order that comes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewOrder {
    pub(crate) number: u64,
    pub(crate) quantity: u32,
    pub(crate) attribution: [u8; 4],
}

/// An order that was found: its node, and the one before it in the chain of its place, if any.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    place: Place,
    before: u32,
    pub(crate) node: u32,
}

/// An instrument and its side in one number.
fn book_of(locate: u16, side: Side) -> u32 {
    u32::from(locate) | (side.index() as u32) << 16
}

/// The orders and levels of all instruments.
#[derive(Debug)]
pub(crate) struct Orders {
    nodes: Pages,
    /// Behind the nodes of orders: the level of row 0.
    first_level: u32,
    /// Nodes of orders that were ever in use.
    used: u32,
    /// Orders by number.
    index: Index,
    free: u32,
    orders: u32,
    order_capacity: u32,
    /// The highest number that was ever put in.
    highest: u64,
}

impl Orders {
    /// Room for `order_capacity` orders, at most 2^30, and for the levels of so many pages of prices.
    pub(crate) fn new(order_capacity: u32, pages: u32) -> Self {
        let order_capacity = order_capacity.min(1 << 30);
        let first_level = (1 + order_capacity).next_multiple_of(PRICES);
        let rows = pages as usize * PRICES as usize;
        Self {
            nodes: Pages::new(first_level as usize + rows, NODE_BYTES),
            first_level,
            used: 1,
            index: Index::new(order_capacity),
            free: NONE,
            orders: 0,
            order_capacity,
            highest: 0,
        }
    }

    /// Forgets all; so many pages of prices had levels.
    pub(crate) fn clear(&mut self, pages: usize) {
        *self.node_mut(NONE) = Node::NOTHING;
        let levels = &mut self.nodes.rows_mut::<NODE_BYTES>()[self.first_level as usize..];
        levels[..pages * PRICES as usize].fill([0; NODE_BYTES]);
        self.used = 1;
        self.index.clear();
        self.free = NONE;
        self.orders = 0;
        self.highest = 0;
    }

    pub(crate) fn len(&self) -> usize {
        self.orders as usize
    }

    pub(crate) fn is_full(&self) -> bool {
        self.orders >= self.order_capacity
    }

    pub(crate) fn place(&self, number: u64) -> Place {
        self.index.place(number)
    }

    /// Whether an order of this number rests.
    ///
    /// PERF: numbers of one exchange ascend, and whether a chain has another order can not be foretold.
    #[inline]
    pub(crate) fn has(&self, place: Place, number: u64) -> bool {
        number <= self.highest && self.find(place, number).is_some()
    }

    #[inline]
    pub(crate) fn find(&self, place: Place, number: u64) -> Option<Found> {
        let nodes = self.nodes.rows();
        let (mut before, mut node) = (NONE, self.index.head(place));
        while node != NONE {
            let order = at(nodes, node);
            if order.long == number {
                return Some(Found { place, before, node });
            }
            (before, node) = (node, order.chain);
        }
        None
    }

    #[inline]
    pub(crate) fn order(&self, node: u32) -> Order {
        let order = self.node(node);
        Order {
            number: order.long,
            quantity: order.value,
            attribution: order.label.to_ne_bytes(),
            level: order.owner,
            next: order.next,
        }
    }

    #[inline]
    pub(crate) fn level(&self, node: u32) -> Level {
        let level = self.node(node);
        Level {
            quantity: level.long,
            price: level.value,
            orders: level.label,
            head: level.next,
            locate: level.owner as u16,
            side: Side::from_index(level.owner >> 16),
        }
    }

    /// The level of a row.
    #[inline]
    pub(crate) fn level_of(&self, row: u32) -> u32 {
        self.first_level.wrapping_add(row)
    }

    /// The row of a level.
    #[inline]
    pub(crate) fn row(&self, level: u32) -> u32 {
        level.wrapping_sub(self.first_level)
    }

    /// Moves a level and its orders from one row to another, which has none.
    pub(crate) fn move_level(&mut self, from: u32, to: u32) {
        let (from, to) = (self.level_of(from), self.level_of(to));
        if from == to {
            return;
        }
        let nodes = self.nodes.rows_mut();
        let level = std::mem::replace(at_mut(nodes, from), Node::NOTHING);
        *at_mut(nodes, to) = level;
        at_mut(nodes, level.next).previous = to;
        at_mut(nodes, level.previous).next = to;
        let mut order = level.next;
        while order != to {
            let moved = at_mut(nodes, order);
            moved.owner = to;
            order = moved.next;
        }
    }

    /// Puts an order at the end of a level's queue. The caller has checked room and that the number is new.
    #[inline]
    pub(crate) fn append(&mut self, place: Place, level: NewLevel, order: NewOrder) {
        debug_assert!(!self.is_full(), "the caller checks for room");
        let node = self.take_node();
        let chain = self.index.replace_head(place, node);
        let level_node = self.level_of(level.row);
        let nodes = self.nodes.rows_mut();
        let known = at_mut(nodes, level_node);
        // What a level without orders has is of another time.
        let last = select_unpredictable(known.label == 0, level_node, known.previous);
        known.long = known.long.wrapping_add(u64::from(order.quantity));
        known.value = level.price;
        known.label = known.label.wrapping_add(1);
        known.owner = book_of(level.locate, level.side);
        known.previous = node;
        at_mut(nodes, last).next = node;
        *at_mut(nodes, node) = Node {
            long: order.number,
            value: order.quantity,
            label: u32::from_ne_bytes(order.attribution),
            owner: level_node,
            next: level_node,
            previous: last,
            chain,
        };
        self.orders = self.orders.wrapping_add(1);
        self.highest = self.highest.max(order.number);
    }

    /// Takes `quantity`, which is less than what the order has, off an order.
    #[inline]
    pub(crate) fn reduce(&mut self, node: u32, quantity: u32) {
        let nodes = self.nodes.rows_mut();
        let order = at_mut(nodes, node);
        debug_assert!(quantity < order.value, "an order keeps at least one lot");
        order.value = order.value.wrapping_sub(quantity);
        let level = order.owner;
        let level = at_mut(nodes, level);
        level.long = level.long.wrapping_sub(u64::from(quantity));
    }

    /// Takes an order out of its queue and the index; answers the row of its level, and whether it was the last one: 1 or 0.
    #[inline]
    pub(crate) fn remove(&mut self, found: Found) -> (u32, u32) {
        let nodes = self.nodes.rows_mut();
        let order = *at(nodes, found.node);
        at_mut(nodes, order.previous).next = order.next;
        at_mut(nodes, order.next).previous = order.previous;
        let level = at_mut(nodes, order.owner);
        level.label = level.label.wrapping_sub(1);
        level.long = level.long.wrapping_sub(u64::from(order.value));
        // PERF: without a branch, because that can not be foretold; of a comparison the compiler may make one.
        let is_empty = level.label.wrapping_sub(1) >> 31;
        at_mut(nodes, found.node).next = self.free;
        self.free = found.node;
        match found.before {
            NONE => self.index.set_head(found.place, order.chain),
            before => at_mut(nodes, before).chain = order.chain,
        }
        self.orders = self.orders.wrapping_sub(1);
        (self.row(order.owner), is_empty)
    }

    /// Fetches where the search for a number begins; answers that place.
    #[inline]
    pub(crate) fn fetch_place(&self, number: u64) -> Place {
        let place = self.index.place(number);
        self.index.fetch(place);
        place
    }

    /// Fetches the node that probably has a place's number; answers it.
    #[inline]
    pub(crate) fn fetch_order(&self, place: Place) -> u32 {
        let node = self.index.head(place);
        self.fetch_node(node);
        node
    }

    /// Fetches what is changed when this order goes: its neighbors and its level. Answers the level.
    #[inline]
    pub(crate) fn fetch_neighbors(&self, node: u32) -> u32 {
        let order = self.node(node);
        for other in [order.owner, order.next, order.previous] {
            self.fetch_node(other);
        }
        order.owner
    }

    /// The side of a level.
    #[inline]
    pub(crate) fn side(&self, level: u32) -> Side {
        Side::from_index(self.node(level).owner >> 16)
    }

    /// Fetches the youngest order of a level.
    #[inline]
    pub(crate) fn fetch_youngest(&self, level: u32) {
        self.fetch_node(self.node(level).previous);
    }

    /// Fetches a node.
    #[inline]
    pub(crate) fn fetch_node(&self, node: u32) {
        prefetch_index(self.nodes.rows::<NODE_BYTES>(), node as usize);
    }

    #[inline]
    fn node(&self, node: u32) -> &Node {
        at(self.nodes.rows(), node)
    }

    #[inline]
    fn node_mut(&mut self, node: u32) -> &mut Node {
        at_mut(self.nodes.rows_mut(), node)
    }

    fn take_node(&mut self) -> u32 {
        if self.free != NONE {
            let node = self.free;
            self.free = self.node(node).next;
            return node;
        }
        let node = self.used;
        self.used = node.wrapping_add(1);
        node
    }
}
