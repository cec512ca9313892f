//! Replacements: a new price, a new quantity, other terms for an order that rests.

use super::book::arena::{
    FLAG_ATTRIBUTED, FLAG_MARKET, FLAG_STOP, FLAG_WAITS, FLAGS_UNSEEN, NONE, OrderTotals,
};
use super::checks::{self, Chain, Reason, Terms};
use super::command::{Command, Order, halves};
use super::entering::{Client, reject, set_terms};
use super::event::{Event, EventKind};
use super::reserve::tell_reduced;
use super::sink::{Progress, Sink, Step};
use super::unseen::Part;
use super::{Exchange, Outlook};
use protocol::units::Price;

impl Exchange {
    pub(super) fn replace<S: Sink>(
        &mut self,
        command: &Command,
        outlook: &Outlook,
        step: &mut Step<'_, S>,
    ) -> Progress {
        let order = command.order();
        let Some(client) = self.consume_number(command, order.user_ref, step) else {
            return Progress::Done;
        };
        match self.check_replace(command, order, outlook, client) {
            Err(reason) => {
                reject(client, order.user_ref, reason, step);
                Progress::Done
            }
            Ok((handle, None)) => self.replace_by_nothing(handle, order, step),
            Ok((handle, Some((terms, keeps_its_place)))) => {
                self.replace_order(handle, &terms, keeps_its_place, command, step)
            }
        }
    }

    /// All rungs of a replacement: its terms, and whether the order keeps its place; `None` when its quantity is executed
    /// already.
    #[inline(always)]
    fn check_replace(
        &mut self,
        command: &Command,
        order: &Order,
        outlook: &Outlook,
        client: Client,
    ) -> Result<(u32, Option<(Terms, bool)>), Reason> {
        self.check_client(client)?;
        let name = self.place_of(outlook, client.session, order.orig_user_ref);
        let handle = self
            .index
            .find(&self.arena, name, client.session, order.orig_user_ref);
        if handle == NONE {
            return Err(Reason::Replace);
        }
        let old = *self.arena.get(handle);
        let account = &self.accounts[client.account as usize];
        let instrument = self.instrument_of(old.instrument);
        checks::state(instrument, order, command)?;
        // A replacement has no side and cross type of its own.
        let inherited = Order {
            cross_type: self.arena.details(handle).cross_type,
            ..*order
        };
        let chain = Chain::Replacement {
            executed: old.executed,
            stop_tick: self.arena.details(handle).stop_tick,
        };
        let terms = checks::terms(instrument, account, old.side, &inherited, command, chain)?;
        if order.quantity <= old.executed {
            return Ok((handle, None));
        }
        checks::space(command)?;
        let open = order.quantity - old.executed;
        self.check_level_room(old.instrument, old.side, &terms, open)?;
        // Its own reserve's slot, if it has one, is free by then.
        if terms.floor(open) > 0 && self.arena.is_full() && !matches!(self.part(handle), Part::Shown(_)) {
            return Err(Reason::Capacity);
        }
        let mut new = old;
        set_terms(&mut new, order, &terms, open);
        let keeps_its_place = self.keeps_its_place(handle, &terms, open);
        if keeps_its_place {
            // A market order that waits keeps the bound it came with.
            new.tick = old.tick;
        } else {
            new.schedule = instrument.schedule;
        }
        let (_, freed) = self.hold_of(&old, self.open_of(handle));
        self.check_funds(&new, freed)?;
        Ok((handle, Some((terms, keeps_its_place))))
    }

    /// At or below what was executed: the rest is canceled, under the new number.
    fn replace_by_nothing<S: Sink>(
        &mut self,
        handle: u32,
        order: &Order,
        step: &mut Step<'_, S>,
    ) -> Progress {
        self.rename(handle, order);
        self.emit_replaced(handle, b'D', step);
        self.cancel_resting(handle, b'U', step);
        Progress::Done
    }

    fn replace_order<S: Sink>(
        &mut self,
        handle: u32,
        terms: &Terms,
        keeps_its_place: bool,
        command: &Command,
        step: &mut Step<'_, S>,
    ) -> Progress {
        let order = command.order();
        let old = *self.arena.get(handle);
        let open = order.quantity - old.executed;
        self.rename(handle, order);
        if keeps_its_place {
            return self.reduce_in_place(handle, open, order, terms, step);
        }

        // The old order leaves the book; its hold becomes the new one's in one step.
        let (asset, freed) = self.hold_of(&old, self.open_of(handle));
        self.close_base(handle);
        let was_displayed = if old.is(FLAGS_UNSEEN) {
            self.take_out_whole(handle)
        } else {
            self.remove_from_book(handle);
            true
        };
        self.unschedule_expiry(handle);
        self.order_number += 1;
        let number = self.order_number;
        let schedule = self.instrument_of(old.instrument).schedule;
        let slot = self.arena.get_mut(handle);
        set_terms(slot, order, terms, open);
        (slot.number, slot.schedule) = (number, schedule);
        self.arena.details_mut(handle).number = 0;
        self.set_details(handle, order, terms);
        let floor = terms.floor(open);
        if floor > 0 {
            self.set_up_reserve(handle, floor);
        }
        let slot = *self.arena.get(handle);
        let (_, needed) = self.hold_of(&slot, open);
        let is_held = self.ledger.hold_instead(slot.account, asset, freed, needed);
        assert!(is_held, "the rungs have seen that it is there");

        let crosses = !terms.is_passive && self.would_take(&slot);
        let dies = terms.wishes.is_post_only && crosses;
        self.emit_replaced(handle, if dies { b'D' } else { b'L' }, step);
        // ITCH U inherits the attribution of the old order: a change of it is a new order for the feed.
        let same_display = old.is(FLAG_ATTRIBUTED) == terms.is_attributed();
        let is_displayed_whole = terms.rests() && !crosses && !slot.is(FLAGS_UNSEEN);
        let as_replace = was_displayed && is_displayed_whole && same_display;
        if was_displayed {
            let kind = if as_replace {
                EventKind::BookReplaced
            } else {
                EventKind::Deleted
            };
            step.emit(Event {
                instrument: slot.instrument,
                number: old.number,
                ..Event::new(kind)
            });
        }
        if dies {
            return self.cancel_incoming(handle, b'G', step);
        }
        let min_quantity = terms.wishes.min_quantity;
        if min_quantity > 0 && !self.can_fill(&slot, min_quantity, terms.wishes.funds) {
            return self.cancel_incoming(handle, b'I', step);
        }
        if terms.waits_for_price {
            self.wait_for_price(handle);
            return Progress::Done;
        }
        if as_replace {
            self.rest(handle);
            return Progress::Done;
        }
        if terms.is_passive {
            return self.collect(handle, step);
        }
        self.cross(handle, step)
    }

    /// Takes an order that is not, or not all, displayed out of its books, and makes it one slot. True when some of it was
    /// displayed.
    #[inline(never)]
    fn take_out_whole(&mut self, handle: u32) -> bool {
        let was_displayed = self.take_out(handle) > 0;
        if let Part::Shown(reserve) = self.part(handle) {
            self.drop_reserve(handle, reserve);
        }
        was_displayed
    }

    /// The same price, nothing raised: place in the queue and order number stay.
    fn reduce_in_place<S: Sink>(
        &mut self,
        handle: u32,
        open: u32,
        order: &Order,
        terms: &Terms,
        step: &mut Step<'_, S>,
    ) -> Progress {
        let before = self.open_of(handle);
        self.release_hold(handle, before, open);
        let shown = match before - open {
            0 => 0,
            by => self.reduce_order(handle, by),
        };
        let slot = self.arena.get_mut(handle);
        slot.time_in_force = order.time_in_force;
        slot.self_match = terms.wishes.self_match;
        let slot = *slot;
        self.unschedule_expiry(handle);
        self.set_details(handle, order, terms);
        if terms.wishes.lifetime_seconds > 0 {
            self.schedule_expiry(handle);
        }
        self.emit_replaced(handle, b'L', step);
        tell_reduced(&slot, shown, step);
        Progress::Done
    }

    /// The order's newest name takes the place of the one before in the index.
    fn rename(&mut self, handle: u32, order: &Order) {
        let slot = *self.arena.get(handle);
        let (old, new) = (
            self.index.place(slot.session, slot.user_ref),
            self.index.place(slot.session, order.user_ref),
        );
        self.index.remove(&mut self.arena, old, handle, slot.chain);
        let chain = self.index.insert(new, handle);
        let slot = self.arena.get_mut(handle);
        (slot.user_ref, slot.chain) = (order.user_ref, chain);
    }

    /// What a replacement says anew about the order.
    fn set_details(&mut self, handle: u32, order: &Order, terms: &Terms) {
        let (expire_time, executed) = (self.expiry_of(terms), self.arena.get(handle).executed);
        let details = self.arena.details_mut(handle);
        details.cl_ord_id = order.cl_ord_id;
        details.display = order.display;
        details.sweep = order.sweep;
        details.expire_time = expire_time;
        details.max_floor = terms.floor(order.quantity - executed);
        (details.stop_tick, details.funds) = (terms.awaited_tick(), terms.wishes.funds);
    }

    /// Writes down what was executed so far, before the order's price changes or it starts to take.
    pub(super) fn close_base(&mut self, handle: u32) {
        if self.arena.get(handle).executed == 0 {
            return;
        }
        let view = self.view(handle);
        let totals = OrderTotals {
            notional: halves(view.executed_notional),
            fees: halves(view.fees as u128),
            executed: view.executed,
            remainder: self.arena.get(handle).fee_remainder,
            ..OrderTotals::EMPTY
        };
        self.arena.set_totals(handle, totals);
    }

    fn emit_replaced<S: Sink>(&self, handle: u32, state: u8, step: &mut Step<'_, S>) {
        let slot = self.arena.get(handle);
        let details = self.arena.details(handle);
        let instrument = self.instrument_of(slot.instrument);
        let price = if slot.is(FLAG_MARKET) {
            Price::MARKET.0 as u32
        } else {
            instrument.price(slot.tick)
        };
        step.emit(Event {
            code: state,
            instrument: slot.instrument,
            session: slot.session,
            user_ref: slot.user_ref,
            quantity: self.open_of(handle),
            price,
            detail: u32::from_le_bytes([slot.side.byte(), details.capacity, details.cross_type, 0]),
            number: self.arena.number(handle),
            ..Event::new(EventKind::Replaced)
        });
    }

    /// True when a replacement only reduces: the order stays where it is, with its number and its fee schedule.
    #[inline(always)]
    fn keeps_its_place(&self, handle: u32, terms: &Terms, open: u32) -> bool {
        let old = self.arena.get(handle);
        let same_kind = old.is(FLAG_WAITS) == terms.waits
            && old.is(FLAG_STOP) == terms.waits_for_price
            && old.is(FLAG_MARKET) == terms.is_market;
        // Whatever the bounds of the two: both are at market.
        let same_price = terms.is_market || terms.tick == old.tick;
        if !(terms.rests() && same_kind && same_price) || open > self.open_of(handle) {
            return false;
        }
        let details = self.arena.details(handle);
        terms.awaited_tick() == details.stop_tick
            && terms.display == details.display
            && terms.floor(open) == details.max_floor
    }
}
