//! Incoming meets resting: matches, self-match prevention, what becomes of the rest.

use super::book::Side;
use super::book::arena::{FLAG_ATTRIBUTED, FLAG_LISTED, FLAG_MARKET, FLAG_TOTALS, NONE, OrderSlot};
use super::checks::{GOOD_TILL_TIME, IMMEDIATE};
use super::command::{halves, whole};
use super::event::{Event, EventKind};
use super::instrument::LastTrade;
use super::ledger::Settlement;
use super::money;
use super::sink::{Progress, Sink, Step};
use super::{Exchange, Work};

/// Liquidity flag of the resting side.
const ADDED: u8 = b'A';
/// Liquidity flag of the incoming side.
const REMOVED: u8 = b'R';

impl Exchange {
    /// True when the order would execute against the best of the other side (its own orders included).
    pub(super) fn would_take(&self, slot: &OrderSlot) -> bool {
        match self
            .instrument_of(slot.instrument)
            .book
            .side(slot.side.opposite())
            .best()
        {
            NONE => false,
            level => slot.side.crosses(slot.tick, self.pools.level(level).tick),
        }
    }

    /// True when at least `quantity` lots of others rest within the order's limit.
    pub(super) fn can_fill(&self, slot: &OrderSlot, quantity: u32) -> bool {
        let within = |tick| slot.side.crosses(slot.tick, tick);
        let mut needed = u64::from(quantity);
        let mut own = self.accounts[slot.account as usize].oldest;
        while own != NONE {
            let order = self.arena.get(own);
            if order.instrument == slot.instrument && order.side != slot.side && within(order.tick) {
                needed += u64::from(order.open);
            }
            own = order.owner_next;
        }
        for index in self.level_handles(slot.instrument, slot.side.opposite()) {
            let level = self.pools.level(index);
            if !within(level.tick) {
                return false;
            }
            if level.quantity >= needed {
                return true;
            }
            needed -= level.quantity;
        }
        false
    }

    /// Matches an incoming order until it is done, nothing crosses any more, or the step is full.
    pub(super) fn cross<S: Sink>(&mut self, handle: u32, step: &mut Step<'_, S>) -> Progress {
        let OrderSlot {
            side,
            tick,
            instrument,
            account,
            ..
        } = *self.arena.get(handle);
        let opposite = side.opposite();
        loop {
            if !step.has_room() {
                self.work = Work::Cross { handle };
                return Progress::More;
            }
            let best = self.instrument_of(instrument).book.side(opposite).best();
            if best == NONE {
                return self.end_incoming(handle, b'I', step);
            }
            let level = *self.pools.level(best);
            if !side.crosses(tick, level.tick) {
                // A market order's limit is the collar.
                let is_market = self.arena.get(handle).is(FLAG_MARKET);
                return self.end_incoming(handle, if is_market { b'K' } else { b'I' }, step);
            }
            let resting = level.head;
            if self.arena.get(resting).account == account {
                self.prevent_self_match(handle, resting, step);
            } else if !self.execute(handle, resting, step) {
                return self.end_incoming(handle, b'Z', step);
            }
            if self.arena.get(handle).open == 0 {
                return Progress::Done;
            }
        }
    }

    /// One match at the resting order's price. False, and nothing done, when a market buyer's funds have ended.
    /// An incoming order that is filled has ended when this returns: its slot reads open 0.
    fn execute<S: Sink>(&mut self, incoming: u32, resting: u32, step: &mut Step<'_, S>) -> bool {
        let taker = *self.arena.get(incoming);
        let maker = *self.arena.get(resting);
        let place = usize::from(taker.instrument) - 1;
        let (tick_value, lot_size, definition) = {
            let instrument = &self.instruments[place];
            (instrument.tick_value, instrument.lot_size, &instrument.definition)
        };
        let (base, quote) = (definition.base, definition.quote);
        let maker_rate = self.schedules.get(maker.schedule).maker_ppm;
        let taker_rate = self.schedules.get(taker.schedule).taker_ppm;
        let price = maker.tick * definition.tick_size;

        let mut quantity = taker.open.min(maker.open);
        if taker.side == Side::Buy && taker.is(FLAG_MARKET) {
            let funds = self.ledger.balance(taker.account, quote).available;
            let remainder = taker.fee_remainder;
            if money::cost(maker.tick, quantity, tick_value, taker_rate, remainder) > funds {
                quantity = money::affordable(funds, quantity, maker.tick, tick_value, taker_rate, remainder);
                if quantity == 0 {
                    return false;
                }
            }
        }

        let value = money::notional(maker.tick, quantity, tick_value);
        let (maker_fee, maker_remainder) = money::fee(value, maker_rate, maker.fee_remainder);
        let (taker_fee, taker_remainder) = money::fee(value, taker_rate, taker.fee_remainder);
        let filled = |order: &OrderSlot, remainder| OrderSlot {
            open: order.open - quantity,
            executed: order.executed + quantity,
            fee_remainder: remainder,
            ..*order
        };
        let (maker_after, taker_after) = (filled(&maker, maker_remainder), filled(&taker, taker_remainder));
        let (buyer, buyer_after) = match taker.side {
            Side::Buy => (&taker, &taker_after),
            Side::Sell => (&maker, &maker_after),
        };
        let hold_before = self.hold_of(buyer, buyer.open).1;
        let hold_after = if buyer_after.open == 0 {
            0
        } else {
            self.hold_of(buyer_after, buyer_after.open).1
        };
        let (seller, buyer_fee, seller_fee) = match taker.side {
            Side::Buy => (maker.account, taker_fee, maker_fee),
            Side::Sell => (taker.account, maker_fee, taker_fee),
        };
        self.ledger.settle(&Settlement {
            buyer: buyer.account,
            seller,
            base,
            quote,
            amount: u128::from(quantity) * lot_size,
            value,
            buyer_hold_drop: hold_before - hold_after,
            buyer_fee,
            seller_fee,
        });

        self.match_number += 1;
        let (match_number, now) = (self.match_number, self.now);
        let instrument = &mut self.instruments[place];
        instrument.last_trade = LastTrade {
            price,
            quantity,
            match_number,
            time: now,
        };
        let pools = &mut self.pools;
        instrument.book.reduce(pools, &mut self.arena, resting, quantity);
        let slot = self.arena.get_mut(resting);
        (slot.executed, slot.fee_remainder) = (maker_after.executed, maker_remainder);
        let slot = self.arena.get_mut(incoming);
        (slot.open, slot.executed, slot.fee_remainder) =
            (taker_after.open, taker_after.executed, taker_remainder);
        self.add_taken(incoming, value, taker_fee);

        let report = |order: &OrderSlot, kind, code, number| Event {
            code,
            instrument: taker.instrument,
            session: order.session,
            user_ref: order.user_ref,
            quantity,
            price,
            number,
            ..Event::new(kind)
        };
        self.report_fee(&maker, maker_fee, step);
        step.emit(report(&maker, EventKind::ExecutedResting, ADDED, maker.number));
        self.report_fee(&taker, taker_fee, step);
        step.emit(report(&taker, EventKind::ExecutedIncoming, REMOVED, match_number));
        if maker_after.open == 0 {
            self.remove_from_book(resting);
            self.finish(resting, b'F', step);
        }
        if taker_after.open == 0 {
            self.finish(incoming, b'F', step);
        }
        true
    }

    fn report_fee<S: Sink>(&self, order: &OrderSlot, fee: i128, step: &mut Step<'_, S>) {
        if self.accounts[order.account as usize].definition.fee_reports != 0 {
            // The option has 64 bits; a larger fee is reported as the nearest they can say.
            let fee = i64::try_from(fee).unwrap_or(if fee < 0 { i64::MIN } else { i64::MAX });
            step.emit(Event {
                session: order.session,
                user_ref: order.user_ref,
                number: fee as u64,
                ..Event::new(EventKind::Fee)
            });
        }
    }

    /// Adds a fill of an incoming order to its totals.
    fn add_taken(&mut self, handle: u32, value: u128, fee: i128) {
        let slot = self.arena.get_mut(handle);
        let had_totals = slot.is(FLAG_TOTALS);
        slot.flags |= FLAG_TOTALS;
        let (executed, remainder) = (slot.executed, slot.fee_remainder);
        let details = self.arena.details_mut(handle);
        let (notional, fees) = if had_totals {
            (whole(details.base_notional), whole(details.base_fees) as i128)
        } else {
            (0, 0)
        };
        details.base_notional = halves(notional + value);
        details.base_fees = halves((fees + fee) as u128);
        details.base_executed = executed;
        details.base_remainder = remainder;
    }

    /// Two orders of one account would match. The incoming order's mode decides. Afterwards either the resting order is
    /// out of the way or the incoming one has ended (its slot reads open 0).
    fn prevent_self_match<S: Sink>(&mut self, incoming: u32, resting: u32, step: &mut Step<'_, S>) {
        let taker = *self.arena.get(incoming);
        let maker = *self.arena.get(resting);
        let price = self.instrument_of(taker.instrument).price(maker.tick);
        let prevented = taker.open.min(maker.open);
        let (from_maker, from_taker) = match taker.self_match {
            b'W' => (0, taker.open),
            b'D' => (prevented, prevented),
            b'B' => (maker.open, taker.open),
            _ => (maker.open, 0),
        };
        let report = |order: &OrderSlot, kind, decrement| Event {
            code: taker.self_match,
            instrument: taker.instrument,
            session: order.session,
            user_ref: order.user_ref,
            quantity: decrement,
            price,
            detail: prevented,
            number: order.number,
            ..Event::new(kind)
        };
        if from_maker > 0 {
            self.release_hold(resting, maker.open, maker.open - from_maker);
            self.reduce_in_book(resting, from_maker);
            let ends = from_maker == maker.open;
            let kind = if ends {
                EventKind::SelfMatchDeleted
            } else {
                EventKind::SelfMatchReduced
            };
            step.emit(report(&maker, kind, from_maker));
            if ends {
                self.remove_from_book(resting);
                self.finish(resting, b'C', step);
            }
        }
        if from_taker > 0 {
            self.release_hold(incoming, taker.open, taker.open - from_taker);
            self.arena.get_mut(incoming).open -= from_taker;
            step.emit(report(&taker, EventKind::SelfMatchIncoming, from_taker));
            if from_taker == taker.open {
                self.finish(incoming, b'C', step);
            }
        }
    }

    /// Nothing more to match: the rest stays in the book, or is canceled for `reason`.
    fn end_incoming<S: Sink>(&mut self, handle: u32, reason: u8, step: &mut Step<'_, S>) -> Progress {
        let slot = *self.arena.get(handle);
        if slot.is(FLAG_MARKET) || slot.time_in_force == IMMEDIATE {
            return self.cancel_incoming(handle, reason, step);
        }
        self.rest(handle);
        let firm = self.arena.details(handle).firm;
        step.emit(Event {
            code: slot.side.byte(),
            instrument: slot.instrument,
            session: slot.session,
            user_ref: slot.user_ref,
            quantity: slot.open,
            price: self.instrument_of(slot.instrument).price(slot.tick),
            detail: if slot.is(FLAG_ATTRIBUTED) {
                u32::from_le_bytes(firm)
            } else {
                0
            },
            number: slot.number,
            ..Event::new(EventKind::Added)
        });
        Progress::Done
    }

    /// Puts an incoming order into the book, the index and its account's list.
    pub(super) fn rest(&mut self, handle: u32) {
        let slot = self.arena.get(handle);
        let (instrument, is_listed) = (usize::from(slot.instrument) - 1, slot.is(FLAG_LISTED));
        let expires = slot.time_in_force == GOOD_TILL_TIME;
        self.instruments[instrument]
            .book
            .add(&mut self.pools, &mut self.arena, handle);
        if !is_listed {
            self.list(handle);
        }
        if expires {
            self.schedule_expiry(handle);
        }
    }

    /// Cancels what is left of an order that is not in the book.
    pub(super) fn cancel_incoming<S: Sink>(
        &mut self,
        handle: u32,
        reason: u8,
        step: &mut Step<'_, S>,
    ) -> Progress {
        let slot = *self.arena.get(handle);
        self.release_hold(handle, slot.open, 0);
        step.emit(Event {
            code: reason,
            instrument: slot.instrument,
            session: slot.session,
            user_ref: slot.user_ref,
            quantity: slot.open,
            number: slot.number,
            ..Event::new(EventKind::CanceledUnbooked)
        });
        self.arena.get_mut(handle).open = 0;
        self.finish(handle, b'C', step);
        Progress::Done
    }

    /// Out of its level; still an order.
    pub(super) fn remove_from_book(&mut self, handle: u32) {
        let instrument = usize::from(self.arena.get(handle).instrument) - 1;
        self.instruments[instrument]
            .book
            .remove(&mut self.pools, &mut self.arena, handle);
    }

    /// A resting order's open quantity goes down by `by`.
    pub(super) fn reduce_in_book(&mut self, handle: u32, by: u32) {
        let instrument = usize::from(self.arena.get(handle).instrument) - 1;
        self.instruments[instrument]
            .book
            .reduce(&mut self.pools, &mut self.arena, handle, by);
    }
}
