//! The displayed state told anew, for who was not there from the beginning of the day: the last System Event, every
//! instrument with its state, every displayed order in price-time order. In pieces: between two of them nothing may change.

use super::Exchange;
use super::book::Side;
use super::book::arena::{FLAG_ATTRIBUTED, NONE};
use super::entering::added;
use super::event::{Event, EventKind};
use super::setup::{listed, trading_action};

const SIDES: [Side; 2] = [Side::Buy, Side::Sell];

/// How far a telling is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Telling(At);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    SystemEvent,
    /// The next instrument to be told.
    Instrument(usize),
    /// The next order of one side of an instrument's book; [`NONE`] when the next side's turn has come.
    Order {
        place: usize,
        side: usize,
        handle: u32,
    },
    End,
}

impl Telling {
    /// Nothing is told yet.
    pub const BEGINNING: Self = Self(At::SystemEvent);

    /// True when everything is told.
    pub fn is_over(&self) -> bool {
        self.0 == At::End
    }
}

impl Exchange {
    /// Tells the next things, about `budget` of them at most (a side without orders counts as one), and moves `telling` on.
    /// `tell` gets each with the time that it holds since, as far as that is known, else the time of the last command.
    pub fn tell_displayed(&self, telling: &mut Telling, budget: usize, mut tell: impl FnMut(u64, Event)) {
        for _ in 0..budget {
            telling.0 = match telling.0 {
                At::SystemEvent => {
                    if let Some(last) = self.last_system_event() {
                        tell(
                            last.time,
                            Event {
                                code: last.code,
                                ..Event::new(EventKind::SystemEvent)
                            },
                        );
                    }
                    At::Instrument(0)
                }
                At::Instrument(place) => match self.instruments.get(place) {
                    Some(instrument) => {
                        let locate = place as u16 + 1;
                        tell(self.now, listed(locate, instrument));
                        tell(self.now, trading_action(locate, instrument));
                        At::Instrument(place + 1)
                    }
                    None => self.first_displayed(0, 0),
                },
                At::Order { place, side, handle } if handle != NONE => {
                    tell(self.now, self.added_displayed(place, handle));
                    At::Order {
                        place,
                        side,
                        handle: self.behind_displayed(place, side, handle),
                    }
                }
                At::Order { place, side: 0, .. } => self.first_displayed(place, 1),
                At::Order { place, .. } => self.first_displayed(place + 1, 0),
                At::End => return,
            };
        }
    }

    fn first_displayed(&self, place: usize, side: usize) -> At {
        let Some(instrument) = self.instruments.get(place) else {
            return At::End;
        };
        let handle = match instrument.book.side(SIDES[side]).best() {
            NONE => NONE,
            level => self.pools.level(level).head,
        };
        At::Order { place, side, handle }
    }

    fn behind_displayed(&self, place: usize, side: usize, handle: u32) -> u32 {
        let slot = self.arena.get(handle);
        let next = if slot.next == NONE {
            let ladder = self.instruments[place].book.side(SIDES[side]);
            match ladder.behind(&self.pools, slot.level) {
                NONE => NONE,
                level => self.pools.level(level).head,
            }
        } else {
            slot.next
        };
        if next != NONE {
            self.arena.prefetch(next);
        }
        next
    }

    fn added_displayed(&self, place: usize, handle: u32) -> Event {
        let slot = self.arena.get(handle);
        let firm = if slot.is(FLAG_ATTRIBUTED) {
            self.arena.details(handle).firm
        } else {
            [0; 4]
        };
        added(slot, self.instruments[place].price(slot.tick), firm)
    }
}
