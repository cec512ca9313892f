//! Books that nobody sees, beside the displayed one of each instrument: dark orders, and stops.
//!
//! They lie apart from the instruments, whose lines every order reads. An instrument keeps a bit for each side of them that
//! has an order ([`Instrument::beside`]): while there is none, an incoming order looks at one byte and goes its way.
//!
//! In the dark book stand hidden orders and the reserves of reserve orders, at their limits. In the book of stops they
//! stand at their stop prices, on the other side: those that buy are reached from below, so the lowest is the first.

use super::Exchange;
use super::book::arena::{FLAG_DARK, NONE, OrderSlot};
use super::book::{Book, Side};
use super::instrument::Instrument;

/// Book numbers of one instrument: 0 is the displayed book's. See [`Book::new`].
const DARK_BOOK: u32 = 1;
const STOP_BOOK: u32 = 2;

/// Bits of [`Instrument::beside`], by side: there are dark orders.
const DARK: [u8; 2] = [1, 2];
/// There are stops.
const STOPS: [u8; 2] = [4, 8];

/// Bit of [`Instrument::beside`]: it pauses when a match would be too far away.
const PROTECTED: u8 = 16;

/// An instrument's books that nobody sees.
#[derive(Debug)]
pub(super) struct Unseen {
    /// By limit.
    pub(super) dark: Book,
    /// By stop price; buyers on the side of the sellers, and the other way round.
    pub(super) stops: Book,
}

impl Unseen {
    /// Nothing is in them.
    pub(super) fn new(locate: u16, tick_max: u32) -> Self {
        Self {
            dark: Book::new(locate, DARK_BOOK, tick_max),
            stops: Book::new(locate, STOP_BOOK, tick_max),
        }
    }
}

/// What a slot is to its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it, displayed if it rests.
    Displayed,
    /// All of it, hidden if it rests.
    Hidden,
    /// The displayed part of a reserve order, which has the order's name; with the slot of its reserve.
    Shown(u32),
    /// The reserve; with the slot of its order.
    Reserve(u32),
}

impl Instrument {
    /// True when matches may be too far from the last price.
    pub(super) fn is_protected(&self) -> bool {
        self.beside & PROTECTED != 0
    }

    /// True when there are dark orders of this side.
    #[inline(always)]
    pub(super) fn has_dark(&self, side: Side) -> bool {
        self.beside & DARK[side as usize] != 0
    }

    /// Its protection has changed.
    pub(super) fn note_protection(&mut self) {
        self.beside &= !PROTECTED;
        if self.volatility_ppm > 0 {
            self.beside |= PROTECTED;
        }
    }
}

impl Exchange {
    /// What a slot is to its order.
    #[inline(always)]
    pub(super) fn part(&self, handle: u32) -> Part {
        if self.arena.get(handle).is(FLAG_DARK) {
            self.dark_part(handle)
        } else {
            Part::Displayed
        }
    }

    #[inline(never)]
    fn dark_part(&self, handle: u32) -> Part {
        let details = self.arena.details(handle);
        if details.display == b'N' {
            Part::Hidden
        } else if details.max_floor > 0 {
            Part::Shown(details.other)
        } else {
            Part::Reserve(details.other)
        }
    }

    /// The order that a slot in a book is a part of: the one with the name and the owner's lists.
    pub(super) fn order_of(&self, handle: u32) -> u32 {
        match self.part(handle) {
            Part::Reserve(order) => order,
            _ => handle,
        }
    }

    /// Lots of an order that can still trade, whether displayed or not.
    #[inline(always)]
    pub(super) fn open_of(&self, handle: u32) -> u32 {
        let open = self.arena.get(handle).open;
        match self.part(handle) {
            Part::Shown(reserve) => open + self.arena.get(reserve).open,
            _ => open,
        }
    }

    /// The best level of a side. At one price the displayed one is first.
    #[inline(always)]
    pub(super) fn best_of_both(&self, place: usize, side: Side) -> u32 {
        let displayed = self.instruments[place].book.side(side).best();
        if self.instruments[place].has_dark(side) {
            let dark = self.unseen[place].dark.side(side).best();
            if displayed == NONE
                || side.is_better(self.pools.level(dark).tick, self.pools.level(displayed).tick)
            {
                return dark;
            }
        }
        displayed
    }

    /// Puts a slot at the tail of its level in the dark book. There is room for the level.
    pub(super) fn join_dark(&mut self, handle: u32) {
        let slot = *self.arena.get(handle);
        let place = usize::from(slot.instrument) - 1;
        self.unseen[place]
            .dark
            .add(&mut self.pools, &mut self.arena, handle);
        self.instruments[place].beside |= DARK[slot.side as usize];
    }

    /// Takes a slot out of the dark book.
    pub(super) fn leave_dark(&mut self, handle: u32) {
        let slot = *self.arena.get(handle);
        let place = usize::from(slot.instrument) - 1;
        self.unseen[place]
            .dark
            .remove(&mut self.pools, &mut self.arena, &slot);
        self.arena.get_mut(handle).level = NONE;
        self.look_at_dark(place, slot.side);
    }

    /// Takes an empty level out of the dark book.
    pub(super) fn remove_dark_level(&mut self, place: usize, side: Side, level: u32) {
        self.unseen[place].dark.remove_level(&mut self.pools, side, level);
        self.look_at_dark(place, side);
    }

    fn look_at_dark(&mut self, place: usize, side: Side) {
        if self.unseen[place].dark.side(side).best() == NONE {
            self.instruments[place].beside &= !DARK[side as usize];
        }
    }

    /// True when stops of either side wait in the instrument at this place.
    #[inline(always)]
    pub(super) fn has_stops(&self, place: usize) -> bool {
        self.instruments[place].beside & (STOPS[0] | STOPS[1]) != 0
    }

    /// True when stops of this side wait there.
    pub(super) fn has_stops_of(&self, place: usize, side: Side) -> bool {
        self.instruments[place].beside & STOPS[side as usize] != 0
    }

    /// The first stop of those that `side` to be reached; [`NONE`] when there is none.
    pub(super) fn first_stop(&self, place: usize, side: Side) -> u32 {
        match self.unseen[place].stops.side(side.opposite()).best() {
            NONE => NONE,
            level => self.pools.level(level).head,
        }
    }

    /// Puts a stop at the tail of its level. There is room for the level.
    pub(super) fn join_stops(&mut self, handle: u32) {
        let OrderSlot { side, instrument, .. } = *self.arena.get(handle);
        let (other, tick) = (side.opposite(), self.arena.details(handle).stop_tick);
        let place = usize::from(instrument) - 1;
        self.unseen[place]
            .stops
            .add_at(&mut self.pools, &mut self.arena, other, tick, handle);
        self.instruments[place].beside |= STOPS[side as usize];
    }

    /// Takes a stop out of its level.
    pub(super) fn leave_stops(&mut self, handle: u32) {
        let slot = *self.arena.get(handle);
        let side = slot.side.opposite();
        let place = usize::from(slot.instrument) - 1;
        let stops = &mut self.unseen[place].stops;
        stops.remove(&mut self.pools, &mut self.arena, &OrderSlot { side, ..slot });
        let is_empty = stops.side(side).best() == NONE;
        self.arena.get_mut(handle).level = NONE;
        if is_empty {
            self.instruments[place].beside &= !STOPS[slot.side as usize];
        }
    }
}
