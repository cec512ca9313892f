//! Orders go out: cancel, modify, mass cancel, kill switch, disconnect.

use super::book::Side;
use super::book::arena::{FLAGS_UNSEEN, NONE, OrderSlot};
use super::command::{Command, OrderOptions};
use super::entering::{answer, is_unknown};
use super::event::{Event, EventKind};
use super::index::Place;
use super::reserve::tell_reduced;
use super::sink::{Progress, Sink, Step};
use super::{Exchange, Outlook, Work};
use crate::planted::{self, Bug};

/// Which of an account's orders a mass cancel takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CancelFilter {
    session: Option<u32>,
    /// Stock locate, 0 = all.
    instrument: u16,
    side: Option<Side>,
    firm: Option<[u8; 4]>,
    group: Option<u16>,
}

impl CancelFilter {
    pub(super) const ALL: Self = Self {
        session: None,
        instrument: 0,
        side: None,
        firm: None,
        group: None,
    };

    /// Those of one session, or of all; of one stock locate, or of all (0).
    pub(super) fn of(session: Option<u32>, instrument: u16) -> Self {
        Self {
            session,
            instrument,
            ..Self::ALL
        }
    }
}

impl Exchange {
    /// Cancel names the order's new total, executed lots included; 0 is all of it. Nothing live, or nothing to reduce:
    /// ignored silently.
    pub(super) fn cancel<S: Sink>(
        &mut self,
        command: &Command,
        outlook: &Outlook,
        step: &mut Step<'_, S>,
    ) -> Progress {
        let order = command.order();
        let name = self.place_of(outlook, command.session, order.user_ref);
        let handle = self
            .index
            .find(&self.arena, name, command.session, order.user_ref);
        if handle != NONE {
            if self.refuse_cancel(handle, step) {
                return Progress::Done;
            }
            let left = order.quantity.saturating_sub(self.arena.get(handle).executed);
            if left == 0 {
                if !outlook.is_fetched() {
                    self.prefetch_neighbors(handle);
                }
                self.cancel_named(handle, name, b'U', step);
            } else {
                let open = self.open_of(handle);
                if left < open {
                    self.cancel_part(handle, open - left, step);
                }
            }
        }
        Progress::Done
    }

    /// Modify only reduces, and cannot change a side here (there are no short sales).
    pub(super) fn modify<S: Sink>(&mut self, command: &Command, step: &mut Step<'_, S>) -> Progress {
        let order = command.order();
        let handle = self.find_order(command.session, order.user_ref);
        if handle == NONE || self.refuse_cancel(handle, step) {
            return Progress::Done;
        }
        let (slot, open) = (*self.arena.get(handle), self.open_of(handle));
        let left = order.quantity.saturating_sub(slot.executed);
        if order.side != slot.side.byte() || left >= open {
            return Progress::Done;
        }
        if left == 0 {
            self.cancel_resting(handle, b'U', step);
            return Progress::Done;
        }
        self.release_hold(handle, open, left);
        let shown = self.reduce_order(handle, open - left);
        step.emit(Event {
            code: slot.side.byte(),
            instrument: slot.instrument,
            session: slot.session,
            user_ref: slot.user_ref,
            quantity: left,
            ..Event::new(EventKind::Modified)
        });
        tell_reduced(&slot, shown, step);
        Progress::Done
    }

    /// True, and told, when the order's account may only view: nothing of its order is canceled at its own wish.
    #[inline(always)]
    fn refuse_cancel<S: Sink>(&self, handle: u32, step: &mut Step<'_, S>) -> bool {
        let slot = self.arena.get(handle);
        let is_refused = self.accounts[slot.account as usize].may_only_view();
        if is_refused {
            step.emit(Event {
                session: slot.session,
                user_ref: slot.user_ref,
                ..Event::new(EventKind::CancelRefused)
            });
        }
        is_refused
    }

    pub(super) fn mass_cancel<S: Sink>(&mut self, command: &Command, step: &mut Step<'_, S>) -> Progress {
        let user_ref = command.order().user_ref;
        let Some(client) = self.consume_number_to_act(command, step) else {
            return Progress::Done;
        };
        answer(EventKind::MassCanceled, client, user_ref, step);
        let options = command.options();
        let side = options
            .has(OrderOptions::HAS_SIDE)
            .then(|| Side::from_byte(options.side));
        // A symbol we do not have, a side that no order here can have, or options that say nothing certain: nothing
        // matches. Guessing would cancel more than was meant.
        let is_malformed = options.has(OrderOptions::MALFORMED);
        if is_unknown(command.instrument) || side == Some(None) || is_malformed {
            return Progress::Done;
        }
        let filter = CancelFilter {
            session: None,
            instrument: command.instrument,
            side: side.flatten(),
            firm: (options.has(OrderOptions::HAS_FIRM) && options.firm != [b' '; 4]).then_some(options.firm),
            group: options.has(OrderOptions::HAS_GROUP).then_some(options.group),
        };
        let oldest = self.oldest_of(&self.accounts[client.account as usize]);
        self.cancel_all(oldest, filter, b'U', step)
    }

    pub(super) fn disable_order_entry<S: Sink>(
        &mut self,
        command: &Command,
        step: &mut Step<'_, S>,
    ) -> Progress {
        let user_ref = command.order().user_ref;
        let Some(client) = self.consume_number_to_act(command, step) else {
            return Progress::Done;
        };
        self.accounts[client.account as usize].order_entry_enabled = false;
        answer(EventKind::OrderEntryDisabled, client, user_ref, step);
        let oldest = self.oldest_of(&self.accounts[client.account as usize]);
        self.cancel_all(oldest, CancelFilter::ALL, b'S', step)
    }

    pub(super) fn connection_end<S: Sink>(&mut self, command: &Command, step: &mut Step<'_, S>) -> Progress {
        let Some(session) = self.sessions.get_mut(command.session as usize) else {
            return Progress::Done;
        };
        session.connected = false;
        let account = self.accounts[session.account as usize];
        if account.definition.cancel_on_disconnect == 0 || planted::is(Bug::DisconnectIgnored) {
            return Progress::Done;
        }
        let filter = CancelFilter {
            session: Some(command.session),
            ..CancelFilter::ALL
        };
        self.cancel_all(self.oldest_of(&account), filter, b'Z', step)
    }

    /// Cancels an account's orders that match, oldest first, from `next` on, as far as the step reaches.
    pub(super) fn cancel_all<S: Sink>(
        &mut self,
        mut next: u32,
        filter: CancelFilter,
        reason: u8,
        step: &mut Step<'_, S>,
    ) -> Progress {
        while next != NONE {
            if !step.has_room() {
                self.work = Work::CancelAll { next, filter, reason };
                return Progress::More;
            }
            let handle = next;
            next = self.behind(handle);
            if self.matches(handle, &filter) {
                self.cancel_resting(handle, reason, step);
            }
        }
        Progress::Done
    }

    fn matches(&self, handle: u32, filter: &CancelFilter) -> bool {
        let slot = self.arena.get(handle);
        filter.session.is_none_or(|session| session == slot.session)
            && (filter.instrument == 0 || filter.instrument == slot.instrument)
            && filter.side.is_none_or(|side| side == slot.side)
            && filter
                .firm
                .is_none_or(|firm| firm == self.arena.details(handle).firm)
            && filter
                .group
                .is_none_or(|group| group == self.arena.details(handle).group)
    }

    /// Cancels all that is left of a resting order.
    pub(super) fn cancel_resting<S: Sink>(&mut self, handle: u32, reason: u8, step: &mut Step<'_, S>) {
        self.prefetch_neighbors(handle);
        let slot = self.arena.get(handle);
        let name = self.index.place(slot.session, slot.user_ref);
        self.cancel_named(handle, name, reason, step);
    }

    /// The same for an order whose name is found there.
    #[inline(always)]
    fn cancel_named<S: Sink>(&mut self, handle: u32, name: Place, reason: u8, step: &mut Step<'_, S>) {
        let slot = *self.arena.get(handle);
        if slot.is(FLAGS_UNSEEN) {
            return self.cancel_unseen(handle, reason, step);
        }
        let (asset, hold) = self.hold_of(&slot, slot.open);
        self.ledger.release(slot.account, asset, hold);
        self.instruments[usize::from(slot.instrument) - 1].book.remove(
            &mut self.pools,
            &mut self.arena,
            &slot,
        );
        self.arena.get_mut(handle).open = 0;
        step.emit(canceled(&slot, EventKind::CanceledDeleted, reason, slot.open));
        self.tell_finished(handle, &slot, b'C', step);
        self.release_order(handle, &slot, name);
    }

    /// Lowers what is open of a resting order by less than all of it. Returns how many displayed lots that took.
    pub(super) fn reduce_order(&mut self, handle: u32, by: u32) -> u32 {
        if self.arena.get(handle).is(FLAGS_UNSEEN) {
            return self.reduce_unseen(handle, by);
        }
        self.reduce_in_book(handle, by);
        by
    }

    /// Cancels `quantity` lots of a resting order, which keeps its place.
    fn cancel_part<S: Sink>(&mut self, handle: u32, quantity: u32, step: &mut Step<'_, S>) {
        let slot = *self.arena.get(handle);
        if slot.is(FLAGS_UNSEEN) {
            return self.cancel_part_unseen(handle, quantity, step);
        }
        self.release_hold(handle, slot.open, slot.open - quantity);
        self.reduce_in_book(handle, quantity);
        step.emit(canceled(&slot, EventKind::CanceledReduced, b'U', quantity));
    }
}

/// OUCH Canceled of an order of which `slot` says what it was before.
pub(super) fn canceled(slot: &OrderSlot, kind: EventKind, reason: u8, quantity: u32) -> Event {
    Event {
        code: reason,
        instrument: slot.instrument,
        session: slot.session,
        user_ref: slot.user_ref,
        quantity,
        number: slot.number,
        ..Event::new(kind)
    }
}
