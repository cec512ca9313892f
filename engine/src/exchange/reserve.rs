//! Reserve orders: a part is displayed, the rest trades unseen behind all that is displayed at its price.
//!
//! Such an order is two slots. The one with its name, its place in the owner's lists and its money is the displayed part,
//! and stands in the displayed book; the other is its reserve, and stands in the dark book, under the number that the order
//! came with. Each knows the other. An order that comes in, or waits as a stop, has all its lots in the first; its reserve's
//! slot is empty, and taken beforehand, so that there is one when it comes to rest. An order whose reserve is used up, or
//! that was no larger than what it displays, is one slot and an order like any other.
//!
//! What is displayed is filled up at the end of a command, once: orders whose displayed part has run out stand in a list
//! until then, in the order in which they ran out, and go on trading from their reserves meanwhile.

use super::Exchange;
use super::book::arena::{FLAG_DARK, FLAG_STOP, FLAG_WAITS, NONE, OrderDetails, OrderSlot};
use super::canceling::canceled;
use super::entering::added;
use super::event::{Event, EventKind};
use super::sink::{Sink, Step};
use super::unseen::Part;

impl Exchange {
    /// Makes an order that is in no book a reserve order. There is room for a further slot.
    pub(super) fn set_up_reserve(&mut self, handle: u32, max_floor: u32) {
        let reserve = self.arena.take();
        let order = self.arena.get_mut(handle);
        order.flags |= FLAG_DARK;
        let slot = OrderSlot {
            account: order.account,
            session: order.session,
            user_ref: order.user_ref,
            instrument: order.instrument,
            side: order.side,
            flags: FLAG_DARK,
            ..OrderSlot::EMPTY
        };
        *self.arena.get_mut(reserve) = slot;
        *self.arena.details_mut(reserve) = OrderDetails {
            other: handle,
            ..OrderDetails::EMPTY
        };
        let details = self.arena.details_mut(handle);
        (details.max_floor, details.other) = (max_floor, reserve);
    }

    /// Makes a reserve order one like any other. Its reserve is in no book.
    pub(super) fn drop_reserve(&mut self, handle: u32, reserve: u32) {
        self.arena.remove(reserve);
        self.arena.get_mut(handle).flags &= !FLAG_DARK;
        self.arena.details_mut(handle).other = NONE;
    }

    /// An order that is not all displayed comes to rest.
    #[inline(never)]
    pub(super) fn rest_dark<S: Sink>(&mut self, handle: u32, step: &mut Step<'_, S>) {
        if let Part::Shown(reserve) = self.part(handle) {
            let slot = *self.arena.get(handle);
            let floor = self.arena.details(handle).max_floor;
            if slot.open > floor {
                self.arena.get_mut(handle).open = floor;
                let part = self.arena.get_mut(reserve);
                (part.open, part.tick, part.number) = (slot.open - floor, slot.tick, slot.number);
                self.join_dark(reserve);
            } else {
                self.drop_reserve(handle, reserve);
            }
            self.tell_added(handle, step);
            self.rest(handle);
        } else {
            self.join_dark(handle);
            self.enlist(handle);
        }
    }

    /// Takes a resting or waiting order that is not, or not all, in the displayed book out of wherever it is. All its lots
    /// are in its own slot then. Returns how many of them were displayed.
    pub(super) fn take_out(&mut self, handle: u32) -> u32 {
        let slot = *self.arena.get(handle);
        if slot.is(FLAG_STOP) {
            self.stop_waiting_for_price(handle);
            return 0;
        }
        if slot.is(FLAG_WAITS) {
            self.stop_waiting(handle, &slot);
            return 0;
        }
        match self.part(handle) {
            Part::Displayed => {
                self.remove_from_book(handle);
                slot.open
            }
            Part::Shown(reserve) => {
                if slot.level == NONE {
                    self.run_out.remove(&mut self.arena, &slot);
                } else {
                    self.remove_from_book(handle);
                }
                self.leave_dark(reserve);
                let hidden = std::mem::take(&mut self.arena.get_mut(reserve).open);
                let order = self.arena.get_mut(handle);
                (order.open, order.level) = (slot.open + hidden, NONE);
                slot.open
            }
            Part::Hidden | Part::Reserve(_) => {
                self.leave_dark(handle);
                0
            }
        }
    }

    /// Lowers what is open of such an order by less than all of it, its reserve first. Returns how many displayed lots that
    /// took.
    pub(super) fn reduce_unseen(&mut self, handle: u32, by: u32) -> u32 {
        let reserve = match self.part(handle) {
            Part::Shown(reserve) if !self.arena.get(handle).is(FLAG_STOP) => reserve,
            _ => {
                self.reduce_in_book(handle, by);
                return 0;
            }
        };
        let hidden = self.arena.get(reserve).open;
        if by < hidden {
            self.reduce_in_book(reserve, by);
            return 0;
        }
        self.leave_dark(reserve);
        self.drop_reserve(handle, reserve);
        if by > hidden {
            self.reduce_in_book(handle, by - hidden);
        }
        by - hidden
    }

    /// Cancels all that is left of such an order.
    #[inline(never)]
    pub(super) fn cancel_unseen<S: Sink>(&mut self, handle: u32, reason: u8, step: &mut Step<'_, S>) {
        let open = self.open_of(handle);
        self.release_hold(handle, open, 0);
        let kind = match self.take_out(handle) {
            0 => EventKind::CanceledUnbooked,
            _ => EventKind::CanceledDeleted,
        };
        let slot = self.arena.get_mut(handle);
        slot.open = 0;
        step.emit(canceled(slot, kind, reason, open));
        self.finish(handle, b'C', step);
    }

    /// Cancels `quantity` lots of such an order, less than are open.
    #[inline(never)]
    pub(super) fn cancel_part_unseen<S: Sink>(&mut self, handle: u32, quantity: u32, step: &mut Step<'_, S>) {
        let open = self.open_of(handle);
        self.release_hold(handle, open, open - quantity);
        let slot = *self.arena.get(handle);
        let shown = self.reduce_unseen(handle, quantity);
        step.emit(Event {
            number: self.arena.number(handle),
            ..canceled(&slot, EventKind::CanceledUnbooked, b'U', quantity)
        });
        tell_reduced(&slot, shown, step);
    }

    /// A slot of a resting order was executed to its end, and is in no level any more: its order may be filled.
    #[inline(never)]
    pub(super) fn use_up<S: Sink>(&mut self, handle: u32, step: &mut Step<'_, S>) {
        match self.part(handle) {
            Part::Displayed | Part::Hidden => self.finish(handle, b'F', step),
            Part::Shown(_) => {
                self.arena.get_mut(handle).level = NONE;
                self.run_out.push(&mut self.arena, handle);
            }
            Part::Reserve(order) => {
                let slot = *self.arena.get(order);
                let is_filled = slot.open == 0;
                if is_filled {
                    self.run_out.remove(&mut self.arena, &slot);
                }
                self.drop_reserve(order, handle);
                if is_filled {
                    self.finish(order, b'F', step);
                }
            }
        }
    }

    /// Fills up what the first order in the list displays: under a new number, at the tail of its price.
    pub(super) fn refresh_first<S: Sink>(&mut self, step: &mut Step<'_, S>) {
        let handle = self.run_out.first();
        let slot = *self.arena.get(handle);
        self.run_out.remove(&mut self.arena, &slot);
        let Part::Shown(reserve) = self.part(handle) else {
            unreachable!("only reserve orders run out");
        };
        self.order_number += 1;
        let number = self.arena.number(handle);
        let details = self.arena.details_mut(handle);
        details.number = number;
        let floor = details.max_floor;
        let hidden = self.arena.get(reserve).open;
        let slot = self.arena.get_mut(handle);
        (slot.number, slot.open) = (self.order_number, floor.min(hidden));
        let shown = slot.open;
        if shown < hidden {
            self.reduce_in_book(reserve, shown);
        } else {
            self.leave_dark(reserve);
            self.drop_reserve(handle, reserve);
        }
        let place = usize::from(self.arena.get(handle).instrument) - 1;
        self.instruments[place]
            .book
            .add(&mut self.pools, &mut self.arena, handle);
        let slot = self.arena.get(handle);
        step.emit(Event {
            instrument: slot.instrument,
            session: slot.session,
            user_ref: slot.user_ref,
            quantity: shown,
            number: slot.number,
            ..Event::new(EventKind::Restated)
        });
        self.tell_added(handle, step);
    }

    /// ITCH Add Order of what an order displays.
    pub(super) fn tell_added<S: Sink>(&self, handle: u32, step: &mut Step<'_, S>) {
        let slot = self.arena.get(handle);
        let price = self.instrument_of(slot.instrument).price(slot.tick);
        step.emit(added(slot, price, self.arena.details(handle).firm));
    }
}

/// ITCH Order Cancel of what an order displays less, when the message to its owner says another quantity.
pub(super) fn tell_reduced<S: Sink>(slot: &OrderSlot, shown: u32, step: &mut Step<'_, S>) {
    if shown > 0 {
        step.emit(Event {
            instrument: slot.instrument,
            quantity: shown,
            number: slot.number,
            ..Event::new(EventKind::Reduced)
        });
    }
}
