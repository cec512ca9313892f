//! A slot of the arena in the file.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::bytes::Broken;
use crate::exchange::book::Side;
use crate::exchange::book::arena::{FLAG_DARK, FLAG_EXPIRES, NONE, OrderDetails, OrderSlot, OrderTotals};

/// An order, or a part of one, without its links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub(super) struct SlotRecord {
    number: u64,
    expire_time: u64,
    /// The number that its owner knows it by, when that is another one.
    owner_number: u64,
    funds: u64,
    /// The slot's handle: its name in the file.
    pub(super) handle: u32,
    open: u32,
    account: u32,
    session: u32,
    user_ref: u32,
    executed: u32,
    tick: u32,
    fee_remainder: u32,
    max_floor: u32,
    other: u32,
    stop_tick: u32,
    instrument: u16,
    schedule: u16,
    group: u16,
    firm: [u8; 4],
    cl_ord_id: [u8; 14],
    side: u8,
    pub(super) flags: u8,
    time_in_force: u8,
    self_match: u8,
    capacity: u8,
    cross_type: u8,
    display: u8,
    sweep: u8,
    spare: [u8; 4],
}

/// What an order had executed when it came to rest; follows the slot when its flags say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub(super) struct TotalsRecord {
    notional: [u64; 2],
    fees: [u64; 2],
    executed: u32,
    remainder: u32,
}

impl SlotRecord {
    pub(super) fn new(handle: u32, slot: &OrderSlot, details: &OrderDetails) -> Self {
        let OrderSlot {
            next: _,
            prev: _,
            level: _,
            open,
            account,
            session,
            user_ref,
            executed,
            number,
            tick,
            fee_remainder,
            place: _,
            chain: _,
            instrument,
            side,
            flags,
            time_in_force,
            self_match,
            schedule,
        } = *slot;
        let OrderDetails {
            cl_ord_id,
            capacity,
            cross_type,
            firm,
            group,
            display,
            sweep,
            max_floor,
            other,
            stop_tick,
            expire_place: _,
            expire_time,
            number: owner_number,
            funds,
        } = *details;
        Self {
            number,
            expire_time,
            owner_number,
            funds,
            handle,
            open,
            account,
            session,
            user_ref,
            executed,
            tick,
            fee_remainder,
            max_floor,
            other,
            stop_tick,
            instrument,
            schedule,
            group,
            firm,
            cl_ord_id,
            side: side.byte(),
            flags,
            time_in_force,
            self_match,
            capacity,
            cross_type,
            display,
            sweep,
            spare: [0; 4],
        }
    }

    /// The slot, in no queue and no list yet.
    pub(super) fn slot(&self) -> Result<OrderSlot, Broken> {
        Ok(OrderSlot {
            next: NONE,
            prev: NONE,
            level: NONE,
            open: self.open,
            account: self.account,
            session: self.session,
            user_ref: self.user_ref,
            executed: self.executed,
            number: self.number,
            tick: self.tick,
            fee_remainder: self.fee_remainder,
            place: NONE,
            chain: NONE,
            instrument: self.instrument,
            side: Side::from_byte(self.side).ok_or(Broken("an order of neither side"))?,
            flags: self.flags & !FLAG_EXPIRES,
            time_in_force: self.time_in_force,
            self_match: self.self_match,
            schedule: self.schedule,
        })
    }

    pub(super) fn details(&self) -> OrderDetails {
        OrderDetails {
            cl_ord_id: self.cl_ord_id,
            capacity: self.capacity,
            cross_type: self.cross_type,
            firm: self.firm,
            group: self.group,
            display: self.display,
            sweep: self.sweep,
            max_floor: self.max_floor,
            other: self.other,
            stop_tick: self.stop_tick,
            expire_place: 0,
            expire_time: self.expire_time,
            number: self.owner_number,
            funds: self.funds,
        }
    }

    /// True for a reserve order, whose reserve has a slot of its own.
    pub(super) fn has_reserve(&self) -> bool {
        self.is(FLAG_DARK) && self.display != b'N' && self.max_floor > 0
    }

    /// True when the other slot of its order, if it can have one, is one of so many.
    pub(super) fn has_other_within(&self, slots: usize) -> bool {
        !self.is(FLAG_DARK) || self.display == b'N' || (self.other as usize) < slots
    }

    /// True when the flag is set.
    pub(super) fn is(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

impl TotalsRecord {
    pub(super) fn new(totals: &OrderTotals) -> Self {
        let OrderTotals {
            notional,
            fees,
            executed,
            remainder,
            spare: _,
        } = *totals;
        Self {
            notional,
            fees,
            executed,
            remainder,
        }
    }

    pub(super) fn totals(&self) -> OrderTotals {
        OrderTotals {
            notional: self.notional,
            fees: self.fees,
            executed: self.executed,
            remainder: self.remainder,
            spare: [0; 24],
        }
    }
}
