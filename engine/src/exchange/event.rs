//! Events: what a command caused, in the order it happened. 32 bytes each, so that two share a cache line.
//!
//! Acknowledgements and market data are a function of a command and its events alone (`output::encode`).

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// What happened. The field each kind uses beyond those common to all is named here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum EventKind {
    /// OUCH Accepted. `code` order state (`L`, `D`), `number` order number, `quantity`, `price` (wire units; a market
    /// order's is 0x7FFFFFFF). The rest of the message comes from the command.
    Accepted = 1,
    /// OUCH Rejected. `detail` the reason.
    Rejected = 2,
    /// OUCH Replaced. `user_ref` the new number, `code` order state, `number` the (possibly new) order number,
    /// `quantity` outstanding, `price`; `detail` = side, capacity, cross type, 0 as four bytes, low first.
    /// The rest, with the original's number, comes from the command.
    Replaced = 3,
    /// OUCH Canceled of lots that are not displayed in the book: of an incoming order, or of a resting one that is hidden,
    /// waits, or has a reserve. `code` reason, `quantity` decrement, `number`. When a reserve did not suffice,
    /// [`EventKind::Reduced`] follows with what the book loses.
    CanceledUnbooked = 4,
    /// OUCH Canceled, ITCH Order Cancel: the rest stays in the book. `code`, `quantity`, `number`.
    CanceledReduced = 5,
    /// OUCH Canceled, ITCH Order Delete. `code`, `quantity`, `number`.
    CanceledDeleted = 6,
    /// OUCH AIQ Canceled of the incoming order. `code` mode, `quantity` decrement, `detail` prevented, `price`, `number`.
    SelfMatchIncoming = 7,
    /// OUCH AIQ Canceled of a resting order, ITCH Order Cancel. As above.
    SelfMatchReduced = 8,
    /// OUCH AIQ Canceled of a resting order, ITCH Order Delete. As above.
    SelfMatchDeleted = 9,
    /// The resting side of a match: OUCH Executed to its owner, ITCH Order Executed. `number` order number,
    /// `quantity`, `price`, `code` liquidity flag. Always followed by its [`EventKind::ExecutedIncoming`]; only that
    /// one's [`EventKind::Fee`] may be between them.
    ExecutedResting = 10,
    /// The incoming side of a match: OUCH Executed. `number` match number, `quantity`, `price`, `code` liquidity flag.
    ExecutedIncoming = 11,
    /// ITCH Add Order: the order rests. `number`, `quantity`, `price`, `code` side; `detail` = the firm's four bytes,
    /// low first, when the order is attributed (ITCH `F`), else 0.
    Added = 12,
    /// ITCH Order Delete without a message to the owner (a replaced order leaves the book). `number`.
    Deleted = 13,
    /// ITCH Order Cancel without a message to the owner, or with another quantity than the message says (a replace that only
    /// reduces, a reserve order that loses more than its reserve). `number`, `quantity` removed.
    Reduced = 14,
    /// ITCH Order Replace: `number` the *old* order number; directly after its [`EventKind::Replaced`], which has the
    /// new number, and the quantity and price that rest.
    BookReplaced = 15,
    /// OUCH Modified. `quantity` outstanding; `code` side.
    Modified = 16,
    /// OUCH Mass Cancel Response; the rest comes from the command.
    MassCanceled = 17,
    /// OUCH Disable Order Entry Response.
    OrderEntryDisabled = 18,
    /// OUCH Enable Order Entry Response.
    OrderEntryEnabled = 19,
    /// OUCH Account Query Response. `quantity` the next UserRefNum.
    AccountAnswered = 20,
    /// ITCH Stock Directory. `number` = the symbol's bytes, big-endian; `quantity` lots in one price unit (round lot size).
    InstrumentListed = 21,
    /// ITCH Stock Trading Action. `code` trading state; `number` = the symbol's bytes, big-endian.
    TradingAction = 22,
    /// ITCH System Event. `code`.
    SystemEvent = 23,
    /// Option 131 Fee for the execution that the next [`EventKind::ExecutedResting`] or
    /// [`EventKind::ExecutedIncoming`] reports. `number` quote units, two's complement.
    Fee = 24,
    /// OUCH System Event to one session. `code`.
    SessionEvent = 25,
    /// A command of the operator was not carried out. `detail` a [`Refusal`] number. Neither stream tells it.
    OperationRefused = 26,
    /// The resting side of a match, where it or this part of it is not displayed: as [`EventKind::ExecutedResting`], and
    /// as that followed by its [`EventKind::ExecutedIncoming`]. `number` is the order's newest. OUCH Executed to its owner, ITCH
    /// Trade (order reference 0, side `B`, the match number of the incoming side).
    ExecutedUnseen = 27,
    /// Two orders meet in a cross. `number` match number, `quantity`, `price`, `code` cross type. Followed by the buyer's
    /// and then the seller's [`EventKind::CrossExecuted`] or [`EventKind::CrossExecutedUnseen`]; only their
    /// [`EventKind::Fee`] may be between them.
    CrossMatch = 28,
    /// A displayed order's side of the [`EventKind::CrossMatch`] before: OUCH Executed, ITCH Order Executed With Price,
    /// printable `N`. `number` order number, `quantity`, `price` of the cross, `code` liquidity flag (`O`, `C`, `H`).
    CrossExecuted = 29,
    /// The same of an order, or part of one, that is not displayed: OUCH only.
    CrossExecutedUnseen = 30,
    /// ITCH Cross Trade: the cross is over. `number` match number, one of its own (0 when nothing traded, and so is
    /// `price`), `quantity` and `detail` the low and high half of the volume in lots, `code` cross type.
    CrossDone = 31,
    /// First half of ITCH Net Order Imbalance Indicator: `number` lots that would be paired, `price` near, `detail` far,
    /// `user_ref` reference, `code` cross type, `quantity` the price variation indicator (a byte). Directly followed by
    /// its [`EventKind::ImbalanceSide`].
    ImbalanceVolume = 32,
    /// Second half: `number` lots of imbalance, `code` direction.
    ImbalanceSide = 33,
    /// OUCH Order Priority Update: a stop was reached and enters the market. `number` its new order number, `price`, `code`
    /// display. ITCH says nothing here; [`EventKind::Added`] does when it comes to rest.
    PriorityUpdated = 34,
    /// OUCH Order Restated, reason `R`: a reserve order's displayed part was filled up. `number` the new ITCH order number
    /// (option 1), `quantity` displayed now (option 22). Directly before the [`EventKind::Added`] of that part.
    Restated = 35,
    /// First half of OUCH Accepted of an order that survived the roll of the day; directly followed by its
    /// [`EventKind::Carried`]. See [`CarriedText`].
    CarriedText = 36,
    /// Second half: as [`EventKind::Accepted`]; `detail` low byte side.
    Carried = 37,
    /// The day has rolled: both streams end before what follows. `number` the day's number.
    DayRolled = 38,
    /// OUCH AIQ Canceled of a resting order that loses nothing displayed, or not only (then [`EventKind::Reduced`] follows).
    /// As [`EventKind::SelfMatchReduced`], without ITCH.
    SelfMatchUnseen = 39,
    /// OUCH Cancel Reject, of a cancel or modify: the account may only view.
    CancelRefused = 40,
}

/// What an [`EventKind::CarriedText`] says of a surviving order, beside its kind, instrument and session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CarriedText {
    /// As entered.
    pub cl_ord_id: [u8; 14],
    /// OUCH time in force.
    pub time_in_force: u8,
    /// OUCH display.
    pub display: u8,
    /// OUCH capacity.
    pub capacity: u8,
    /// OUCH InterMarket Sweep Eligibility.
    pub sweep: u8,
    /// OUCH CrossType.
    pub cross_type: u8,
}

/// Why a command of the operator was not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Refusal {
    /// This version does not know the command, or it contradicts itself.
    Invalid = 1,
    /// It names an account, asset, instrument or session that does not exist.
    Unknown = 2,
    /// The name is taken.
    Duplicate = 3,
    /// The configured capacity is used up.
    Full = 4,
    /// More than is available.
    Insufficient = 5,
}

/// One event. Fields that a kind does not name are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Event {
    /// An [`EventKind`].
    pub kind: u8,
    /// See the kind.
    pub code: u8,
    /// Stock locate, where the event has one.
    pub instrument: u16,
    /// Session index of the order's owner.
    pub session: u32,
    /// The order's UserRefNum.
    pub user_ref: u32,
    /// Lots.
    pub quantity: u32,
    /// 0.0001 of the quote asset; at most [`protocol::units::Price::MAX`].
    pub price: u32,
    /// See the kind.
    pub detail: u32,
    /// See the kind.
    pub number: u64,
}

const _: () = assert!(size_of::<Event>() == 32);

impl EventKind {
    /// The kind for a byte.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        const KINDS: [EventKind; 40] = [
            EventKind::Accepted,
            EventKind::Rejected,
            EventKind::Replaced,
            EventKind::CanceledUnbooked,
            EventKind::CanceledReduced,
            EventKind::CanceledDeleted,
            EventKind::SelfMatchIncoming,
            EventKind::SelfMatchReduced,
            EventKind::SelfMatchDeleted,
            EventKind::ExecutedResting,
            EventKind::ExecutedIncoming,
            EventKind::Added,
            EventKind::Deleted,
            EventKind::Reduced,
            EventKind::BookReplaced,
            EventKind::Modified,
            EventKind::MassCanceled,
            EventKind::OrderEntryDisabled,
            EventKind::OrderEntryEnabled,
            EventKind::AccountAnswered,
            EventKind::InstrumentListed,
            EventKind::TradingAction,
            EventKind::SystemEvent,
            EventKind::Fee,
            EventKind::SessionEvent,
            EventKind::OperationRefused,
            EventKind::ExecutedUnseen,
            EventKind::CrossMatch,
            EventKind::CrossExecuted,
            EventKind::CrossExecutedUnseen,
            EventKind::CrossDone,
            EventKind::ImbalanceVolume,
            EventKind::ImbalanceSide,
            EventKind::PriorityUpdated,
            EventKind::Restated,
            EventKind::CarriedText,
            EventKind::Carried,
            EventKind::DayRolled,
            EventKind::SelfMatchUnseen,
            EventKind::CancelRefused,
        ];
        // A constant function: no `?`, no iterators.
        match byte as usize {
            0 => None,
            place if place > KINDS.len() => None,
            place => Some(KINDS[place - 1]),
        }
    }
}

impl Event {
    /// An event of `kind` with everything else zero.
    #[inline(always)]
    pub fn new(kind: EventKind) -> Self {
        Self {
            kind: kind as u8,
            code: 0,
            instrument: 0,
            session: 0,
            user_ref: 0,
            quantity: 0,
            price: 0,
            detail: 0,
            number: 0,
        }
    }

    /// A surviving order's texts: `number` and the bytes of `price` and the lower half of `detail` are the ClOrdID,
    /// `code` is the time in force, `quantity` the display, capacity, sweep and cross type as bytes.
    pub fn carried_text(instrument: u16, session: u32, user_ref: u32, text: &CarriedText) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = text.cl_ord_id;
        Self {
            code: text.time_in_force,
            instrument,
            session,
            user_ref,
            quantity: u32::from_be_bytes([text.display, text.capacity, text.sweep, text.cross_type]),
            price: u32::from_be_bytes([i, j, k, l]),
            detail: u32::from_be_bytes([0, 0, m, n]),
            number: u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            ..Self::new(EventKind::CarriedText)
        }
    }

    /// What [`Event::carried_text`] was made of.
    pub fn texts(&self) -> CarriedText {
        let mut cl_ord_id = [0; 14];
        cl_ord_id[..8].copy_from_slice(&self.number.to_be_bytes());
        cl_ord_id[8..12].copy_from_slice(&self.price.to_be_bytes());
        cl_ord_id[12..].copy_from_slice(&self.detail.to_be_bytes()[2..]);
        let [display, capacity, sweep, cross_type] = self.quantity.to_be_bytes();
        CarriedText {
            cl_ord_id,
            time_in_force: self.code,
            display,
            capacity,
            sweep,
            cross_type,
        }
    }

    /// Its kind. The exchange makes events only through [`Event::new`], so that the byte is always a kind.
    pub fn kind(&self) -> EventKind {
        EventKind::from_byte(self.kind).expect("events are made by Event::new")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_byte() {
        let kinds: Vec<_> = (0..=u8::MAX).filter_map(EventKind::from_byte).collect();
        assert_eq!(kinds.first(), Some(&EventKind::Accepted));
        assert_eq!(kinds.last(), Some(&EventKind::CancelRefused));
        for (byte, kind) in (1..).zip(kinds) {
            assert_eq!(kind as u8, byte);
        }
    }

    #[test]
    fn texts_of_a_surviving_order_come_out_as_they_went_in() {
        let text = CarriedText {
            cl_ord_id: *b"abcdefghijklmn",
            time_in_force: b'G',
            display: b'Y',
            capacity: b'A',
            sweep: b'N',
            cross_type: b'O',
        };
        assert_eq!(Event::carried_text(1, 2, 3, &text).texts(), text);
    }
}
