//! Orders that wait for a cross and are in no book: auction-only ones, whenever they come, and market orders that come
//! while an instrument collects. Nobody sees them; what they may cost is held.
//!
//! Auction-only limit orders stand in books of their own. Market orders stand in line as they came, whatever the bound of
//! each; beside the line there are levels without orders that say how many lots go up to which bound, so that the price
//! of a cross is found without a look at each order.
//!
//! Where the waiting orders of an instrument are listed (they are canceled, carried into the next day and hashed in this
//! order): the opening cross's, the closing cross's, those after a halt, then the market orders for any cross; of each
//! the buyers, then the sellers; of these the market orders as they came, then the limits, best price first.

use super::Exchange;
use super::book::arena::{Arena, FLAG_MARKET, FLAG_WAITS, NONE, OrderSlot};
use super::book::ladder::{Ladder, Pools};
use super::book::queue::Queue;
use super::book::{Book, Side};
use super::checks::Terms;
use super::instrument::CrossKind;

/// Book numbers of one instrument: 0 is the displayed book's. See [`Book::new`].
const LIMIT_BOOKS: u32 = 8;
const LINES: u32 = 12;

/// Market orders of one side that wait for the same crosses, first come first.
#[derive(Debug)]
pub(super) struct MarketLine {
    queue: Queue,
    /// Levels without orders: lots by bound.
    bounds: Ladder,
}

impl MarketLine {
    fn new(side: Side, id: u32, tick_max: u32) -> Self {
        Self {
            queue: Queue::EMPTY,
            bounds: Ladder::new(side, id, tick_max),
        }
    }

    /// The oldest order; [`NONE`] when there is none.
    pub(super) fn first(&self) -> u32 {
        self.queue.first()
    }

    /// True when this order is the last, or, of [`NONE`], when nobody is in line.
    pub(super) fn ends_with(&self, handle: u32) -> bool {
        self.queue.last() == handle
    }

    /// Lots by bound.
    pub(super) fn bounds(&self) -> &Ladder {
        &self.bounds
    }

    fn add(&mut self, pools: &mut Pools, arena: &mut Arena, handle: u32) {
        self.queue.push(arena, handle);
        let slot = arena.get_mut(handle);
        let bucket = self.bounds.bucket(pools, slot.tick);
        slot.level = self.bounds.find_or_insert(pools, bucket, slot.tick);
        pools.level_mut(slot.level).quantity += u64::from(slot.open);
    }

    fn remove(&mut self, pools: &mut Pools, arena: &mut Arena, slot: &OrderSlot) {
        self.queue.remove(arena, slot);
        let level = pools.level_mut(slot.level);
        level.quantity -= u64::from(slot.open);
        if level.quantity == 0 {
            self.bounds.remove(pools, slot.level);
        }
    }
}

/// What waits in one instrument.
#[derive(Debug)]
pub(super) struct Waiting {
    /// Auction-only limit orders, by kind of cross.
    limits: [Book; 3],
    /// Market orders: by kind of cross, then those for any; buyers and sellers.
    lines: [[MarketLine; 2]; 4],
}

/// A place of [`Waiting::limits`], or one of [`Waiting::lines`].
fn place(kind: Option<CrossKind>) -> usize {
    match kind {
        Some(CrossKind::Opening) => 0,
        Some(CrossKind::Closing) => 1,
        Some(CrossKind::Halt) => 2,
        None => 3,
    }
}

impl Waiting {
    /// Nothing waits.
    pub(super) fn new(locate: u16, tick_max: u32) -> Self {
        let line = |number, side| MarketLine::new(side, Book::id(locate, LINES + number, side), tick_max);
        Self {
            limits: [0, 1, 2].map(|number| Book::new(locate, LIMIT_BOOKS + number, tick_max)),
            lines: [0, 1, 2, 3].map(|number| [line(number, Side::Buy), line(number, Side::Sell)]),
        }
    }

    /// Auction-only limit orders for this cross.
    pub(super) fn limits(&self, kind: CrossKind) -> &Book {
        &self.limits[place(Some(kind))]
    }

    /// Market orders for this cross only, or for any.
    pub(super) fn line(&self, kind: Option<CrossKind>, side: Side) -> &MarketLine {
        &self.lines[place(kind)][side as usize]
    }

    /// True when there is room for an order's level.
    fn has_room(&self, pools: &Pools, side: Side, terms: &Terms) -> bool {
        let ladder = match terms.auction {
            Some(kind) if !terms.is_market => self.limits(kind).side(side),
            kind => self.line(kind, side).bounds(),
        };
        ladder.has_room(pools) || ladder.find(pools, terms.tick) != NONE
    }

    fn add(&mut self, pools: &mut Pools, arena: &mut Arena, handle: u32, kind: Option<CrossKind>) {
        let slot = arena.get(handle);
        let (is_market, side) = (slot.is(FLAG_MARKET), slot.side as usize);
        if is_market {
            self.lines[place(kind)][side].add(pools, arena, handle);
        } else {
            self.limits[place(kind)].add(pools, arena, handle);
        }
    }

    fn remove(&mut self, pools: &mut Pools, arena: &mut Arena, slot: &OrderSlot, kind: Option<CrossKind>) {
        if slot.is(FLAG_MARKET) {
            self.lines[place(kind)][slot.side as usize].remove(pools, arena, slot);
        } else {
            self.limits[place(kind)].remove(pools, arena, slot);
        }
    }
}

impl Exchange {
    /// The only cross that an order takes part in; `None` for one that takes part in any.
    pub(super) fn cross_kind(&self, handle: u32) -> Option<CrossKind> {
        CrossKind::from_byte(self.arena.details(handle).cross_type)
    }

    /// Room for the level of an order that will wait.
    pub(super) fn has_room_to_wait(&self, locate: u16, side: Side, terms: &Terms) -> bool {
        let waiting = &self.auctions[usize::from(locate) - 1].waiting;
        waiting.has_room(&self.pools, side, terms)
    }

    /// An order that is nowhere yet waits from now on.
    pub(super) fn wait(&mut self, handle: u32) {
        self.join_waiting(handle);
        self.enlist(handle);
    }

    /// Puts an order behind those that wait for the same.
    pub(super) fn join_waiting(&mut self, handle: u32) {
        let kind = self.cross_kind(handle);
        let place = usize::from(self.arena.get(handle).instrument) - 1;
        let waiting = &mut self.auctions[place].waiting;
        waiting.add(&mut self.pools, &mut self.arena, handle, kind);
    }

    /// A waiting order, of which `slot` is what it says now, is nowhere any more.
    pub(super) fn stop_waiting(&mut self, handle: u32, slot: &OrderSlot) {
        debug_assert!(slot.is(FLAG_WAITS), "who waits says so");
        let kind = self.cross_kind(handle);
        let waiting = &mut self.auctions[usize::from(slot.instrument) - 1].waiting;
        waiting.remove(&mut self.pools, &mut self.arena, slot, kind);
    }

    /// The waiting orders of an instrument; see the module's head.
    pub(super) fn waiting_handles(&self, locate: u16) -> impl Iterator<Item = u32> + '_ {
        let kinds = CrossKind::ALL.map(Some).into_iter().chain([None]);
        kinds.flat_map(move |kind| self.waiting_for(locate, kind))
    }

    /// Those that wait for this cross only, or the market orders that wait for any.
    pub(super) fn waiting_for(&self, locate: u16, kind: Option<CrossKind>) -> impl Iterator<Item = u32> + '_ {
        let waiting = self.auctions.get(usize::from(locate).wrapping_sub(1));
        [Side::Buy, Side::Sell].into_iter().flat_map(move |side| {
            let line = waiting.map_or(NONE, |auction| auction.waiting.line(kind, side).first());
            let limits = waiting
                .zip(kind)
                .map(|(auction, kind)| auction.waiting.limits(kind).side(side));
            self.queue_from(line).chain(self.orders_of(limits))
        })
    }
}
