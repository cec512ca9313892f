//! Matching where there is more than the displayed book: dark orders, and stops that executions may reach.
//!
//! At one price displayed orders are first, then dark ones as they came: each price is the displayed level and behind it the
//! dark one. What is open of an order, and what becomes of it, is the business of `reserve`.

use super::Exchange;
use super::book::Side;
use super::book::arena::{NONE, OrderSlot};
use super::event::{Event, EventKind};
use super::reserve::tell_reduced;
use super::sink::{Sink, Step};
use super::unseen::Part;

/// A resting slot, as a match sees it.
pub(super) struct Resting {
    /// What the order says; links, level and open quantity are the slot's.
    pub(super) slot: OrderSlot,
    /// The order's own slot.
    pub(super) order: u32,
    /// Lots of the order in its other slot.
    pub(super) beside: u32,
    pub(super) is_unseen: bool,
}

impl Resting {
    /// A slot that is all of a displayed order.
    #[inline(always)]
    pub(super) fn displayed(slot: OrderSlot, order: u32) -> Self {
        Self {
            slot,
            order,
            beside: 0,
            is_unseen: false,
        }
    }
}

impl Exchange {
    /// A resting slot, as a match sees it.
    #[inline(always)]
    pub(super) fn resting_part(&self, handle: u32) -> Resting {
        let slot = *self.arena.get(handle);
        match self.part(handle) {
            Part::Displayed => Resting::displayed(slot, handle),
            Part::Hidden => Resting {
                is_unseen: true,
                ..Resting::displayed(slot, handle)
            },
            Part::Shown(reserve) => Resting {
                beside: self.arena.get(reserve).open,
                ..Resting::displayed(slot, handle)
            },
            Part::Reserve(order) => {
                let whole = *self.arena.get(order);
                Resting {
                    slot: OrderSlot {
                        next: slot.next,
                        prev: slot.prev,
                        level: slot.level,
                        open: slot.open,
                        number: slot.number,
                        ..whole
                    },
                    order,
                    beside: whole.open,
                    is_unseen: true,
                }
            }
        }
    }

    /// What incoming orders of the other side meet, in that order: slots of the displayed and the dark book.
    pub(super) fn meeting_handles(&self, locate: u16, side: Side) -> impl Iterator<Item = u32> + '_ {
        let place = usize::from(locate) - 1;
        let book = self.instruments[place].book.side(side);
        let dark = self.unseen[place].dark.side(side);
        let (mut displayed_level, mut dark_level) = (book.best(), dark.best());
        std::iter::from_fn(move || {
            let tick = |level| self.pools.level(level).tick;
            let is_displayed = match (displayed_level, dark_level) {
                (NONE, NONE) => return None,
                (NONE, _) => false,
                (_, NONE) => true,
                (displayed, dark) => !side.is_better(tick(dark), tick(displayed)),
            };
            let (ladder, next) = if is_displayed {
                (book, &mut displayed_level)
            } else {
                (dark, &mut dark_level)
            };
            let level = *next;
            *next = ladder.behind(&self.pools, level);
            Some(level)
        })
        .flat_map(|level| self.queue(level))
    }

    /// An order that is not, or not all, displayed would match one of its own account: what the resting one loses, all or a
    /// part, its reserve first. `event` tells its owner.
    #[inline(never)]
    pub(super) fn prevent_unseen<S: Sink>(
        &mut self,
        order: u32,
        by: u32,
        event: Event,
        step: &mut Step<'_, S>,
    ) {
        let open = self.open_of(order);
        self.release_hold(order, open, open - by);
        let slot = *self.arena.get(order);
        let event = Event {
            number: self.arena.number(order),
            ..event
        };
        if by < open {
            let shown = self.reduce_unseen(order, by);
            step.emit(event);
            tell_reduced(&slot, shown, step);
            return;
        }
        step.emit(match self.take_out(order) {
            0 => event,
            _ => Event {
                kind: EventKind::SelfMatchDeleted as u8,
                number: slot.number,
                ..event
            },
        });
        self.arena.get_mut(order).open = 0;
        self.finish(order, b'C', step);
    }
}
