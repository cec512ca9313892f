//! Where orders are stored: one preallocated table for the whole exchange, handles instead of pointers.
//!
//! An order is three records of one cache line each. [`OrderSlot`] is what queues, matches and cancels touch.
//! [`OrderDetails`] is written when an order enters and read when it is replaced or asked about. [`OrderTotals`] is
//! written only for orders that took before they rested, and for those that are replaced after executions.
//! Slots are reused last-in first-out: a short-lived order finds its slot still in the cache.

use super::Side;
use crate::sys::table::{prefetch_at, prefetch_if_any, table};

/// "No handle".
pub const NONE: u32 = u32::MAX;

/// The order takes whatever price the collar allows; `tick` is that bound.
pub const FLAG_MARKET: u8 = 1 << 0;
/// In the index and its account's list.
pub const FLAG_LISTED: u8 = 1 << 1;
/// [`OrderTotals`] says something.
pub const FLAG_TOTALS: u8 = 1 << 2;
/// Attributed: ITCH `F`.
pub const FLAG_ATTRIBUTED: u8 = 1 << 3;
/// In the expiry queue.
pub const FLAG_EXPIRES: u8 = 1 << 4;
/// It, or a part of it, is not displayed: a hidden order, a reserve order, or the reserve of one. Its details say which.
pub const FLAG_DARK: u8 = 1 << 5;
/// A stop that was not reached yet, or a market order that was one: it holds what it may cost.
pub const FLAG_STOP: u8 = 1 << 6;
/// Waits for a cross, in no book; holds what it may cost, a market order too.
pub const FLAG_WAITS: u8 = 1 << 7;

/// Orders that are not all in the displayed book.
pub const FLAGS_UNSEEN: u8 = FLAG_DARK | FLAG_STOP | FLAG_WAITS;

/// The part of an order that trading touches: one cache line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct OrderSlot {
    /// The order behind in its level; free list when the slot is free.
    pub next: u32,
    /// The order before in its level.
    pub prev: u32,
    /// Its level, while it is in the book.
    pub level: u32,
    /// Lots that can still trade.
    pub open: u32,
    /// Owner.
    pub account: u32,
    /// Owner's session.
    pub session: u32,
    /// The client's newest name for it.
    pub user_ref: u32,
    /// Lots traded, over the whole chain of replacements.
    pub executed: u32,
    /// Order reference number.
    pub number: u64,
    /// Limit in ticks; a market order's collar bound.
    pub tick: u32,
    /// See [`crate::exchange::money::fee`].
    pub fee_remainder: u32,
    /// Where it stands in its account's list, while it rests.
    pub place: u32,
    /// The next order whose name has the same hash.
    pub chain: u32,
    /// Stock locate.
    pub instrument: u16,
    /// Buy or sell.
    pub side: Side,
    /// `FLAG_*`.
    pub flags: u8,
    /// OUCH time in force.
    pub time_in_force: u8,
    /// Self-match mode when it is incoming.
    pub self_match: u8,
    /// The fee schedule it entered under.
    pub schedule: u16,
}

/// The part of an order that only its ends touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct OrderDetails {
    /// As entered.
    pub cl_ord_id: [u8; 14],
    /// OUCH capacity.
    pub capacity: u8,
    /// OUCH cross type.
    pub cross_type: u8,
    /// The order's firm, its account's when it named none.
    pub firm: [u8; 4],
    /// Option 24, 0 = none.
    pub group: u16,
    /// OUCH display.
    pub display: u8,
    /// OUCH InterMarket Sweep Eligibility.
    pub sweep: u8,
    /// Most lots displayed at once, if it is or was a reserve order; else 0.
    pub max_floor: u32,
    /// A reserve order's: the slot of its reserve. A reserve's: the slot of its order. Else [`NONE`].
    pub other: u32,
    /// A stop's price in ticks; else 0.
    pub stop_tick: u32,
    /// Where it stands in the expiry queue, while it does.
    pub expire_place: u32,
    /// When an order that is good till a time ends, in the commands' time; else 0.
    pub expire_time: u64,
    /// The number that its owner knows it by, when the slot has a further one for the feed; else 0.
    pub number: u64,
    /// Quote units that a market buy may still spend; [`u64::MAX`] = all there are.
    pub funds: u64,
}

/// What was executed up to the moment an order came to rest at its present price. Since then everything was executed at
/// that price, so that the rest is computed when somebody asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct OrderTotals {
    /// Value executed, quote units; low and high half.
    pub notional: [u64; 2],
    /// Fees charged, quote units, two's complement.
    pub fees: [u64; 2],
    /// Lots executed.
    pub executed: u32,
    /// Fee remainder then.
    pub remainder: u32,
    /// Spare, zero.
    pub spare: [u8; 24],
}

const _: () = assert!(
    size_of::<OrderSlot>() == 64 && size_of::<OrderDetails>() == 64 && size_of::<OrderTotals>() == 64
);

impl OrderSlot {
    /// A slot that belongs to nothing.
    pub const EMPTY: Self = Self {
        next: NONE,
        prev: NONE,
        level: NONE,
        open: 0,
        account: 0,
        session: 0,
        user_ref: 0,
        executed: 0,
        number: 0,
        tick: 0,
        fee_remainder: 0,
        place: NONE,
        chain: NONE,
        instrument: 0,
        side: Side::Buy,
        flags: 0,
        time_in_force: 0,
        self_match: 0,
        schedule: 0,
    };

    /// True for a market order that executes at once: it holds nothing, and a buyer's pays as it goes.
    #[inline(always)]
    pub fn pays_as_it_goes(&self) -> bool {
        self.flags & (FLAG_MARKET | FLAG_STOP | FLAG_WAITS) == FLAG_MARKET
    }

    /// True when `flag` is set, or one of several.
    pub fn is(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

impl OrderDetails {
    /// Details that say nothing.
    pub const EMPTY: Self = Self {
        cl_ord_id: [b' '; 14],
        capacity: 0,
        cross_type: 0,
        firm: [b' '; 4],
        group: 0,
        display: 0,
        sweep: 0,
        max_floor: 0,
        other: NONE,
        stop_tick: 0,
        expire_place: 0,
        expire_time: 0,
        number: 0,
        funds: u64::MAX,
    };
}

impl OrderTotals {
    /// Nothing executed.
    pub const EMPTY: Self = Self {
        notional: [0; 2],
        fees: [0; 2],
        executed: 0,
        remainder: 0,
        spare: [0; 24],
    };
}

/// The table.
#[derive(Debug)]
pub struct Arena {
    /// PERF: side by side, so that both are on one page.
    orders: Vec<(OrderSlot, OrderDetails)>,
    totals: Vec<OrderTotals>,
    free: u32,
    /// Slots from here on were never used.
    fresh: u32,
    used: u32,
}

impl Arena {
    /// Room for `capacity` orders.
    pub fn new(capacity: u32) -> Self {
        Self {
            orders: table(capacity as usize, (OrderSlot::EMPTY, OrderDetails::EMPTY)),
            totals: table(capacity as usize, OrderTotals::EMPTY),
            free: NONE,
            fresh: 0,
            used: 0,
        }
    }

    /// True when no slot is left.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.used as usize == self.orders.len()
    }

    /// True when so many slots are left.
    pub fn has_room_for(&self, orders: u32) -> bool {
        self.used as usize + orders as usize <= self.orders.len()
    }

    /// Orders stored.
    pub fn used(&self) -> u32 {
        self.used
    }

    /// Takes a free slot, whatever is in it. The caller has checked [`Arena::is_full`].
    #[inline(always)]
    pub fn take(&mut self) -> u32 {
        debug_assert!(!self.is_full());
        // Neither gets beyond the capacity, which is a u32.
        self.used = self.used.wrapping_add(1);
        if self.free == NONE {
            self.fresh = self.fresh.wrapping_add(1);
            return self.fresh.wrapping_sub(1);
        }
        let handle = self.free;
        self.free = self.orders[handle as usize].0.next;
        handle
    }

    /// Stores an order. The caller has checked [`Arena::is_full`].
    pub fn insert(&mut self, slot: &OrderSlot) -> u32 {
        let handle = self.take();
        self.orders[handle as usize].0 = *slot;
        handle
    }

    /// Puts a slot where it was when it was saved. Nothing may be taken before [`Arena::close`].
    pub fn restore(&mut self, handle: u32, slot: OrderSlot, details: OrderDetails) {
        self.orders[handle as usize] = (slot, details);
        self.used += 1;
        self.fresh = self.fresh.max(handle + 1);
    }

    /// The end of restoring: slots that are not `taken` are free.
    pub fn close(&mut self, taken: &[bool]) {
        for handle in (0..self.fresh).rev() {
            if !taken[handle as usize] {
                self.orders[handle as usize].0.next = self.free;
                self.free = handle;
            }
        }
    }

    /// Frees a slot.
    #[inline]
    pub fn remove(&mut self, handle: u32) {
        let slot = &mut self.orders[handle as usize].0;
        slot.next = self.free;
        slot.open = 0;
        slot.flags = 0;
        self.free = handle;
        self.used -= 1;
    }

    /// The order.
    #[inline]
    pub fn get(&self, handle: u32) -> &OrderSlot {
        &self.orders[handle as usize].0
    }

    /// The order, to change.
    #[inline]
    pub fn get_mut(&mut self, handle: u32) -> &mut OrderSlot {
        &mut self.orders[handle as usize].0
    }

    /// The order's details.
    #[inline]
    pub fn details(&self, handle: u32) -> &OrderDetails {
        &self.orders[handle as usize].1
    }

    /// The number that the order's owner knows it by; the feed may know it by its slot's.
    pub fn number(&self, handle: u32) -> u64 {
        let (slot, details) = &self.orders[handle as usize];
        match details.number {
            0 => slot.number,
            number => number,
        }
    }

    /// The order's details, to change.
    #[inline]
    pub fn details_mut(&mut self, handle: u32) -> &mut OrderDetails {
        &mut self.orders[handle as usize].1
    }

    /// What the order had executed when it came to rest.
    #[inline]
    pub fn totals(&self, handle: u32) -> OrderTotals {
        if self.orders[handle as usize].0.is(FLAG_TOTALS) {
            self.totals[handle as usize]
        } else {
            OrderTotals::EMPTY
        }
    }

    /// Writes that down.
    #[inline]
    pub fn set_totals(&mut self, handle: u32, totals: OrderTotals) {
        self.orders[handle as usize].0.flags |= FLAG_TOTALS;
        self.totals[handle as usize] = totals;
    }

    /// Has the order's details fetched before they are needed.
    #[inline(always)]
    pub fn prefetch_details(&self, handle: u32) {
        if let Some((_, details)) = self.orders.get(handle as usize) {
            prefetch_at(std::slice::from_ref(details), 0);
        }
    }

    /// The order, or one whose neighbors, level and place are the first there are, when there is none: they are cheap to
    /// fetch.
    #[inline(always)]
    pub fn peek(&self, handle: u32) -> &OrderSlot {
        const NOTHING: &OrderSlot = &OrderSlot {
            next: 0,
            prev: 0,
            level: 0,
            place: 0,
            ..OrderSlot::EMPTY
        };
        self.orders.get(handle as usize).map_or(NOTHING, |order| &order.0)
    }

    /// Has the order's line fetched before it is needed.
    #[inline(always)]
    pub fn prefetch(&self, handle: u32) {
        prefetch_if_any(&self.orders, handle);
    }
}
