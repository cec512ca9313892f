//! New orders come in, and the requests that carry a UserRefNum without an order.

use super::book::Side;
use super::book::arena::{
    FLAG_ATTRIBUTED, FLAG_DARK, FLAG_LISTED, FLAG_MARKET, FLAG_STOP, FLAG_TOTALS, FLAG_WAITS, OrderDetails,
    OrderSlot,
};
use super::checks::{self, Chain, Reason, Terms};
use super::command::{Command, Order, OrderOptions, UNKNOWN_INSTRUMENT};
use super::event::{Event, EventKind};
use super::instrument::Instrument;
use super::money;
use super::sink::{Progress, Sink, Step};
use super::{Exchange, Outlook};
use crate::planted::{self, Bug};
use protocol::units::Price;

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Client {
    pub(super) session: u32,
    pub(super) account: u32,
}

impl Exchange {
    /// The client of a request that brings a new number, its mark advanced. `None`: the request is dropped without a
    /// trace (no such session, or a number at or below the mark: the first answer is in the stream), or refused because
    /// its number is the last there is.
    #[inline(always)]
    pub(super) fn consume_number<S: Sink>(
        &mut self,
        command: &Command,
        user_ref: u32,
        step: &mut Step<'_, S>,
    ) -> Option<Client> {
        let session = self.sessions.get_mut(command.session as usize)?;
        if user_ref <= session.mark && !planted::is(Bug::DuplicateMissed) {
            return None;
        }
        let client = Client {
            session: command.session,
            account: session.account,
        };
        // The last number is never consumed: the mark stays below it, so that "next" can not wrap.
        if user_ref == u32::MAX {
            reject(client, user_ref, Reason::Other, step);
            return None;
        }
        session.mark = user_ref;
        Some(client)
    }

    /// The first rungs, common to enter and replace.
    #[inline(always)]
    pub(super) fn check_client(&mut self, client: Client) -> Result<(), Reason> {
        let account = &self.accounts[client.account as usize];
        if !account.order_entry_enabled || self.is_killed(account) || !account.may_trade() {
            return Err(Reason::Disabled);
        }
        let (rate, burst) = (account.definition.rate_per_second, account.definition.rate_burst);
        if !self.sessions[client.session as usize]
            .bucket
            .charge(self.now, rate, burst)
        {
            return Err(Reason::Rate);
        }
        Ok(())
    }

    /// [`Exchange::consume_number`] for a request that an account which may only view has no use of: refused there.
    pub(super) fn consume_number_to_act<S: Sink>(
        &mut self,
        command: &Command,
        step: &mut Step<'_, S>,
    ) -> Option<Client> {
        let user_ref = command.order().user_ref;
        let client = self.consume_number(command, user_ref, step)?;
        if self.accounts[client.account as usize].may_only_view() {
            reject(client, user_ref, Reason::Disabled, step);
            return None;
        }
        Some(client)
    }

    pub(super) fn enter<S: Sink>(
        &mut self,
        command: &Command,
        outlook: &Outlook,
        step: &mut Step<'_, S>,
    ) -> Progress {
        let order = command.order();
        let Some(client) = self.consume_number(command, order.user_ref, step) else {
            return Progress::Done;
        };
        match self.enter_plain(command, order, outlook, client, step) {
            Some(progress) => progress,
            None => self.enter_any(command, order, client, step),
        }
    }

    /// The long way in, for every order.
    #[inline(never)]
    fn enter_any<S: Sink>(
        &mut self,
        command: &Command,
        order: &Order,
        client: Client,
        step: &mut Step<'_, S>,
    ) -> Progress {
        match self.admit(command, order, client) {
            Err(reason) => {
                reject(client, order.user_ref, reason, step);
                Progress::Done
            }
            Ok((handle, terms)) => self.accept(handle, &terms, command, step),
        }
    }

    /// All rungs; the last one takes the hold. What passes is accepted, and stored.
    #[inline(always)]
    fn admit(&mut self, command: &Command, order: &Order, client: Client) -> Result<(u32, Terms), Reason> {
        self.check_client(client)?;
        let account = &self.accounts[client.account as usize];
        let instrument = self.instrument(command.instrument).ok_or(Reason::Symbol)?;
        checks::state(instrument, order, command)?;
        let side = checks::side(order.side)?;
        // PERF: what is needed at the end of the rungs and beyond is fetched meanwhile.
        self.index
            .prefetch(self.index.place(client.session, order.user_ref));
        let asset = instrument.asset(side);
        self.ledger.prefetch(client.account, asset);
        let terms = checks::terms(instrument, account, side, order, command, Chain::New)?;
        self.check_open_orders(account, &terms)?;
        checks::space(command)?;
        self.check_room(command.instrument, side, &terms, order.quantity)?;
        let firm = account.definition.firm;
        let schedule = instrument.schedule;
        let hold = self.hold(instrument, side, &terms, order.quantity);
        if !self.ledger.hold(client.account, asset, hold) {
            return Err(Reason::Funds);
        }
        self.order_number += 1;
        let handle = self.arena.take();
        let slot = self.arena.get_mut(handle);
        *slot = OrderSlot {
            account: client.account,
            session: client.session,
            user_ref: order.user_ref,
            number: self.order_number,
            instrument: command.instrument,
            side,
            schedule,
            ..OrderSlot::EMPTY
        };
        set_terms(slot, order, &terms, order.quantity);
        *self.arena.details_mut(handle) = details(order, firm);
        if command.is_extended() {
            self.set_options(handle, &terms, &command.options());
        }
        let floor = terms.floor(order.quantity);
        if floor > 0 {
            self.set_up_reserve(handle, floor);
        }
        Ok((handle, terms))
    }

    /// What a new order with these terms binds.
    #[inline(always)]
    fn hold(&self, instrument: &Instrument, side: Side, terms: &Terms, open: u32) -> u128 {
        match side {
            Side::Sell => u128::from(open) * instrument.lot_size,
            Side::Buy if terms.pays_as_it_goes() => 0,
            Side::Buy => {
                let rate_max = self.schedules.get(instrument.schedule).rate_max_ppm;
                money::buy_hold(terms.tick, open, instrument.tick_value, rate_max, 0)
            }
        }
    }

    /// What options say about an order that is stored.
    fn set_options(&mut self, handle: u32, terms: &Terms, options: &OrderOptions) {
        let expire_time = self.expiry_of(terms);
        let details = self.arena.details_mut(handle);
        if options.has(OrderOptions::HAS_FIRM) {
            details.firm = options.firm;
        }
        (details.group, details.expire_time) = (options.group, expire_time);
        (details.stop_tick, details.funds) = (terms.awaited_tick(), terms.wishes.funds);
    }

    #[inline(always)]
    fn accept<S: Sink>(
        &mut self,
        handle: u32,
        terms: &Terms,
        command: &Command,
        step: &mut Step<'_, S>,
    ) -> Progress {
        let slot = self.arena.get(handle);
        let takes = !terms.is_passive && self.would_take(slot);
        let dies = takes && terms.wishes.is_post_only;
        let price = if terms.is_market {
            Price::MARKET.0 as u32
        } else {
            // It was checked to be the tick's.
            command.order().price as u32
        };
        step.emit(Event {
            code: if dies { b'D' } else { b'L' },
            instrument: slot.instrument,
            session: slot.session,
            user_ref: slot.user_ref,
            quantity: slot.open,
            price,
            number: slot.number,
            ..Event::new(EventKind::Accepted)
        });
        if dies {
            return self.cancel_incoming(handle, b'G', step);
        }
        let min_quantity = terms.wishes.min_quantity;
        if min_quantity > 0 && !self.can_fill(slot, min_quantity, terms.wishes.funds) {
            return self.cancel_incoming(handle, b'I', step);
        }
        if terms.waits_for_price {
            self.wait_for_price(handle);
            return Progress::Done;
        }
        if terms.is_passive {
            return self.collect(handle, step);
        }
        if takes || !terms.rests() {
            return self.cross(handle, step);
        }
        self.come_to_rest(handle, step);
        Progress::Done
    }

    /// When an order with these terms ends by itself; 0 = never.
    pub(super) fn expiry_of(&self, terms: &Terms) -> u64 {
        match terms.wishes.lifetime_seconds {
            0 => 0,
            seconds => self.expiry_after(seconds),
        }
    }

    pub(super) fn account_query<S: Sink>(&mut self, command: &Command, step: &mut Step<'_, S>) -> Progress {
        if let Some(session) = self.sessions.get(command.session as usize) {
            step.emit(Event {
                session: command.session,
                quantity: session.mark + 1,
                ..Event::new(EventKind::AccountAnswered)
            });
        }
        Progress::Done
    }

    pub(super) fn enable_order_entry<S: Sink>(
        &mut self,
        command: &Command,
        step: &mut Step<'_, S>,
    ) -> Progress {
        let user_ref = command.order().user_ref;
        let Some(client) = self.consume_number_to_act(command, step) else {
            return Progress::Done;
        };
        self.accounts[client.account as usize].order_entry_enabled = true;
        answer(EventKind::OrderEntryEnabled, client, user_ref, step);
        Progress::Done
    }
}

/// What a new order and a replacement set alike.
#[inline(always)]
pub(super) fn set_terms(slot: &mut OrderSlot, order: &Order, terms: &Terms, open: u32) {
    slot.tick = terms.tick;
    slot.open = open;
    slot.time_in_force = order.time_in_force;
    slot.self_match = terms.wishes.self_match;
    slot.flags &= FLAG_LISTED | FLAG_TOTALS;
    if terms.is_market {
        slot.flags |= FLAG_MARKET;
    }
    if terms.is_attributed() {
        slot.flags |= FLAG_ATTRIBUTED;
    }
    if terms.waits_for_price || (terms.is_market && terms.stop_tick > 0) {
        slot.flags |= FLAG_STOP;
    }
    if terms.waits {
        slot.flags |= FLAG_WAITS;
    } else if terms.is_hidden() {
        slot.flags |= FLAG_DARK;
    }
}

/// What a new order says that only its ends need; `firm` is its account's.
#[inline(always)]
pub(super) fn details(order: &Order, firm: [u8; 4]) -> OrderDetails {
    OrderDetails {
        cl_ord_id: order.cl_ord_id,
        capacity: order.capacity,
        cross_type: order.cross_type,
        firm,
        display: order.display,
        sweep: order.sweep,
        ..OrderDetails::EMPTY
    }
}

/// ITCH Add Order of an order that comes to rest.
#[inline]
pub(super) fn added(slot: &OrderSlot, price: u32, firm: [u8; 4]) -> Event {
    Event {
        code: slot.side.byte(),
        instrument: slot.instrument,
        session: slot.session,
        user_ref: slot.user_ref,
        quantity: slot.open,
        price,
        detail: if slot.is(FLAG_ATTRIBUTED) {
            u32::from_le_bytes(firm)
        } else {
            0
        },
        number: slot.number,
        ..Event::new(EventKind::Added)
    }
}

pub(super) fn reject<S: Sink>(client: Client, user_ref: u32, reason: Reason, step: &mut Step<'_, S>) {
    step.emit(Event {
        session: client.session,
        user_ref,
        detail: u32::from(reason as u16),
        ..Event::new(EventKind::Rejected)
    });
}

/// An answer that says no more than the request's number; the rest of the message comes from the command.
pub(super) fn answer<S: Sink>(kind: EventKind, client: Client, user_ref: u32, step: &mut Step<'_, S>) {
    step.emit(Event {
        session: client.session,
        user_ref,
        ..Event::new(kind)
    });
}

/// True for the locate of a symbol that is not in the table.
pub(super) fn is_unknown(locate: u16) -> bool {
    locate == UNKNOWN_INSTRUMENT
}
