//! Incoming meets resting: matches, self-match prevention, what becomes of the rest.

use super::book::Side;
use super::book::arena::{
    FLAG_DARK, FLAG_LISTED, FLAG_MARKET, FLAG_TOTALS, FLAGS_UNSEEN, NONE, OrderSlot, OrderTotals,
};
use super::checks::{GOOD_TILL_TIME, IMMEDIATE};
use super::command::{halves, whole};
use super::event::{Event, EventKind};
use super::funds::limit_of;
use super::instrument::LastTrade;
use super::ledger::Settlement;
use super::money;
use super::schedule::FeeSchedule;
use super::sink::{Progress, Sink, Step};
use super::view::Executed;
use super::volatility::Band;
use super::{Exchange, Work};
use crate::planted::{self, Bug};
use crate::sys::table::prefetch_at;

/// Liquidity flag of the resting side.
const ADDED: u8 = b'A';
/// Liquidity flag of the resting side, where it is not displayed.
const ADDED_UNSEEN: u8 = b'J';
/// Liquidity flag of the incoming side.
const REMOVED: u8 = b'R';

/// What matching reads and changes of an incoming order, out of its slot while it takes.
struct Taker {
    handle: u32,
    account: u32,
    session: u32,
    user_ref: u32,
    /// Its instrument's.
    place: usize,
    side: Side,
    tick: u32,
    /// A market order that holds nothing.
    pays_as_it_goes: bool,
    open: u32,
    executed: u32,
    fee_remainder: u32,
    schedule: FeeSchedule,
    /// What it may still spend, if it pays as it goes.
    funds: u64,
    /// What it binds now; 0 for a market buyer. Not kept up for sellers.
    hold: u128,
    /// Its account wants fees reported.
    wants_fees: bool,
    has_totals: bool,
    notional: u128,
    fees: i128,
}

/// Option 131 of one side's execution.
pub(super) fn fee_report(session: u32, user_ref: u32, fee: i128) -> Event {
    // The option has 64 bits; a larger fee is reported as the nearest they can say.
    let fee = i64::try_from(fee).unwrap_or(if fee < 0 { i64::MIN } else { i64::MAX });
    Event {
        session,
        user_ref,
        number: fee as u64,
        ..Event::new(EventKind::Fee)
    }
}

impl Exchange {
    /// True when the order would execute against the best of the other side (its own orders included).
    #[inline(always)]
    pub(super) fn would_take(&self, slot: &OrderSlot) -> bool {
        match self.best_of_both(usize::from(slot.instrument) - 1, slot.side.opposite()) {
            NONE => false,
            level => slot.side.crosses(slot.tick, self.pools.level(level).tick),
        }
    }

    /// Matches an incoming order until it is done, nothing crosses any more, or the step is full; then what that has caused.
    #[inline(never)]
    pub(super) fn cross<S: Sink>(&mut self, handle: u32, step: &mut Step<'_, S>) -> Progress {
        let place = usize::from(self.arena.get(handle).instrument) - 1;
        if self.instruments[place].beside == 0 {
            self.cross_book::<S, false>(handle, step)
        } else {
            self.cross_all(handle, step)
        }
    }

    /// The same where there is more than the displayed book.
    #[inline(never)]
    pub(super) fn cross_all<S: Sink>(&mut self, handle: u32, step: &mut Step<'_, S>) -> Progress {
        let place = usize::from(self.arena.get(handle).instrument) - 1;
        match self.cross_beside(handle, step) {
            Progress::More => Progress::More,
            Progress::Done => self.settle_down(place, step),
        }
    }

    /// The same without what it causes.
    #[inline(never)]
    pub(super) fn cross_beside<S: Sink>(&mut self, handle: u32, step: &mut Step<'_, S>) -> Progress {
        self.cross_book::<S, true>(handle, step)
    }

    /// Matches an incoming order. `ALL`: there may be dark orders on the other side, stops, and prices that are too far.
    #[inline(always)]
    fn cross_book<S: Sink, const ALL: bool>(&mut self, handle: u32, step: &mut Step<'_, S>) -> Progress {
        let mut taker = self.taker(handle);
        let opposite = taker.side.opposite();
        let band = if ALL { self.band(taker.place) } else { Band::ALL };
        loop {
            if !step.has_room() {
                self.store_taker(&taker);
                self.work = Work::Cross {
                    handle,
                    looks_beside: ALL,
                };
                return Progress::More;
            }
            let best = if ALL {
                self.best_of_both(taker.place, opposite)
            } else {
                self.instruments[taker.place].book.side(opposite).best()
            };
            if best == NONE {
                self.store_taker(&taker);
                return self.end_incoming(handle, b'I', step);
            }
            let best = if planted::is(Bug::WrongPriority) {
                self.behind_best(taker.place, opposite, best)
            } else {
                best
            };
            let level = self.pools.level(best);
            if !taker.side.crosses(taker.tick, level.tick) && !planted::is(Bug::LimitIgnored) {
                self.store_taker(&taker);
                // A market order's limit is the collar.
                let is_market = self.arena.get(handle).is(FLAG_MARKET);
                return self.end_incoming(handle, if is_market { b'K' } else { b'I' }, step);
            }
            let resting = level.head;
            if self.arena.get(resting).account == taker.account && !planted::is(Bug::SelfMatchAllowed) {
                self.store_taker(&taker);
                self.prevent_self_match(handle, resting, step);
                if self.arena.get(handle).open == 0 {
                    return Progress::Done;
                }
                taker = self.taker(handle);
            } else if ALL && !band.contains(level.tick) {
                self.store_taker(&taker);
                return self.pause(handle, step);
            } else if !self.execute::<S, ALL>(&mut taker, best, resting, step) {
                self.store_taker(&taker);
                return self.end_incoming(handle, b'Z', step);
            } else if taker.open == 0 {
                if S::WANTS_FINISHED {
                    self.tell_filled(&taker, step);
                }
                self.release(handle);
                return Progress::Done;
            }
        }
    }

    /// For [`Bug::WrongPriority`]: the level behind the best, where there is one.
    fn behind_best(&self, place: usize, side: Side, best: u32) -> u32 {
        match self.instruments[place].book.side(side).behind(&self.pools, best) {
            NONE => best,
            behind => behind,
        }
    }

    /// Takes what matching changes of an incoming order out of its slot.
    #[inline(always)]
    fn taker(&self, handle: u32) -> Taker {
        let slot = self.arena.get(handle);
        let totals = self.arena.totals(handle);
        Taker {
            handle,
            account: slot.account,
            session: slot.session,
            user_ref: slot.user_ref,
            place: usize::from(slot.instrument) - 1,
            side: slot.side,
            tick: slot.tick,
            pays_as_it_goes: slot.pays_as_it_goes(),
            funds: self.funds_of(handle, slot),
            open: slot.open,
            executed: slot.executed,
            fee_remainder: slot.fee_remainder,
            schedule: *self.schedules.get(slot.schedule),
            hold: self.hold_of(slot, slot.open).1,
            wants_fees: self.accounts[slot.account as usize].definition.fee_reports != 0,
            has_totals: slot.is(FLAG_TOTALS),
            notional: whole(totals.notional),
            fees: whole(totals.fees) as i128,
        }
    }

    /// Puts it back.
    #[inline(always)]
    fn store_taker(&mut self, taker: &Taker) {
        let slot = self.arena.get_mut(taker.handle);
        (slot.open, slot.executed, slot.fee_remainder) = (taker.open, taker.executed, taker.fee_remainder);
        if taker.funds != u64::MAX {
            self.arena.details_mut(taker.handle).funds = taker.funds;
        }
        if taker.has_totals {
            self.arena.set_totals(
                taker.handle,
                OrderTotals {
                    notional: halves(taker.notional),
                    fees: halves(taker.fees as u128),
                    executed: taker.executed,
                    remainder: taker.fee_remainder,
                    ..OrderTotals::EMPTY
                },
            );
        }
    }

    /// Tells the sink that the incoming order is filled.
    ///
    /// PERF: from what is at hand. Written to the order's records and read from them again, it waited for them twice.
    #[inline(always)]
    fn tell_filled<S: Sink>(&self, taker: &Taker, step: &mut Step<'_, S>) {
        let slot = self.arena.get(taker.handle);
        let executed = Executed {
            quantity: taker.executed,
            notional: taker.notional,
            fees: taker.fees,
        };
        let reserve = self.open_of(taker.handle) - slot.open;
        let ended = self.ended_by(taker.handle, slot, reserve, executed);
        step.sink.order_finished(&ended, b'F');
    }

    /// One match at the price of the level `best`, whose first order is `resting`. False, and nothing done, when a
    /// market buyer's funds have ended.
    #[inline(always)]
    fn execute<S: Sink, const ALL: bool>(
        &mut self,
        taker: &mut Taker,
        best: u32,
        resting: u32,
        step: &mut Step<'_, S>,
    ) -> bool {
        let (mut order, mut beside, mut is_unseen) = (resting, 0, false);
        let maker = if ALL {
            let part = self.resting_part(resting);
            (order, beside, is_unseen) = (part.order, part.beside, part.is_unseen);
            part.slot
        } else {
            *self.arena.get(resting)
        };
        // PERF: the next match's order, and what the end of this one touches.
        self.arena.prefetch(maker.next);
        let name = self.index.place(maker.session, maker.user_ref);
        self.index.prefetch(name);
        self.roster.prefetch(maker.place);
        prefetch_at(&self.accounts, maker.account);
        if S::WANTS_FINISHED {
            self.arena.prefetch_details(resting);
        }
        let instrument = &mut self.instruments[taker.place];
        let (tick_value, definition) = (instrument.tick_value, &instrument.definition);
        let (base, quote) = (definition.base, definition.quote);
        let maker_schedule = *self.schedules.get(maker.schedule);
        let (mut maker_rate, rate_max) = (maker_schedule.maker_ppm, maker_schedule.rate_max_ppm);
        if planted::is(Bug::FeesOfToday) {
            maker_rate = self.schedules.get(instrument.schedule).maker_ppm.min(maker_rate);
        }
        if planted::is(Bug::MakerPaysTakersFee) {
            maker_rate = maker_schedule.taker_ppm;
        }
        let taker_rate = taker.schedule.taker_ppm;
        let tick = maker.tick;
        let price = tick * definition.tick_size;

        let mut quantity = taker.open.min(maker.open);
        if taker.pays_as_it_goes && taker.side == Side::Buy {
            let available = self.ledger.balance(taker.account, quote).available;
            let funds = available.min(limit_of(taker.funds));
            let remainder = taker.fee_remainder;
            if money::cost(tick, quantity, tick_value, taker_rate, remainder) > funds {
                quantity = money::affordable(funds, quantity, tick, tick_value, taker_rate, remainder);
                if quantity == 0 {
                    return false;
                }
            }
        }
        let maker_open = maker.open - quantity;
        let taker_open = taker.open - quantity;

        let value = money::notional(tick, quantity, tick_value);
        let (maker_fee, maker_remainder) = money::fee(value, maker_rate, maker.fee_remainder);
        let (taker_fee, taker_remainder) = money::fee(value, taker_rate, taker.fee_remainder);
        let taker_fee = taker_fee - i128::from(taker_fee > 0 && planted::is(Bug::FeeRoundedDown));
        let hold = |tick, open, rate_max, remainder| match open {
            0 => 0,
            _ => money::buy_hold(tick, open, tick_value, rate_max, remainder),
        };
        let amount = u128::from(quantity) * instrument.lot_size;
        let settlement = match taker.side {
            Side::Buy => {
                let before = taker.hold;
                if !taker.pays_as_it_goes {
                    taker.hold = hold(
                        taker.tick,
                        taker_open,
                        taker.schedule.rate_max_ppm,
                        taker_remainder,
                    );
                }
                Settlement {
                    buyer: taker.account,
                    seller: maker.account,
                    base,
                    quote,
                    amount,
                    value,
                    buyer_hold_drop: if planted::is(Bug::ImprovementKept) {
                        (before - taker.hold).min(value)
                    } else {
                        before - taker.hold
                    },
                    buyer_fee: taker_fee,
                    seller_fee: maker_fee,
                }
            }
            Side::Sell => Settlement {
                buyer: maker.account,
                seller: taker.account,
                base,
                quote,
                amount,
                value,
                buyer_hold_drop: hold(tick, maker.open + beside, rate_max, maker.fee_remainder)
                    - hold(tick, maker_open + beside, rate_max, maker_remainder),
                buyer_fee: maker_fee,
                seller_fee: taker_fee,
            },
        };
        self.ledger.settle(&settlement);

        self.match_number += 1;
        let match_number = self.match_number;
        instrument.last_trade = LastTrade {
            price,
            quantity,
            match_number,
            time: self.now,
        };
        self.arena.get_mut(resting).open = maker_open;
        if ALL {
            self.reached.widen(tick);
        }
        let slot = self.arena.get_mut(order);
        (slot.executed, slot.fee_remainder) = (maker.executed + quantity, maker_remainder);
        (taker.open, taker.executed, taker.fee_remainder) =
            (taker_open, taker.executed + quantity, taker_remainder);
        if taker.funds != u64::MAX {
            // What it costs is at most what it may spend.
            taker.funds -= value.wrapping_add_signed(taker_fee) as u64;
        }
        taker.has_totals = true;
        taker.notional += value;
        taker.fees += taker_fee;

        let locate = maker.instrument;
        if self.accounts[maker.account as usize].definition.fee_reports != 0 {
            step.emit(fee_report(maker.session, maker.user_ref, maker_fee));
        }
        let (kind, flag) = if is_unseen {
            (EventKind::ExecutedUnseen, ADDED_UNSEEN)
        } else {
            (EventKind::ExecutedResting, ADDED)
        };
        step.emit(Event {
            code: flag,
            instrument: locate,
            session: maker.session,
            user_ref: maker.user_ref,
            quantity,
            price,
            number: maker.number,
            ..Event::new(kind)
        });
        if taker.wants_fees {
            step.emit(fee_report(taker.session, taker.user_ref, taker_fee));
        }
        step.emit(Event {
            code: REMOVED,
            instrument: locate,
            session: taker.session,
            user_ref: taker.user_ref,
            quantity,
            price,
            number: match_number,
            ..Event::new(EventKind::ExecutedIncoming)
        });
        let level = self.pools.level_mut(best);
        level.quantity -= u64::from(quantity);
        if maker_open == 0 {
            level.head = maker.next;
            if maker.next != NONE {
                self.arena.get_mut(maker.next).prev = NONE;
            } else if is_unseen {
                self.remove_dark_level(taker.place, maker.side, best);
            } else {
                self.instruments[taker.place]
                    .book
                    .remove_level(&mut self.pools, maker.side, best);
            }
            if ALL {
                self.use_up(resting, step);
            } else {
                let filled = OrderSlot {
                    executed: maker.executed + quantity,
                    fee_remainder: maker_remainder,
                    ..maker
                };
                self.tell_finished(resting, &filled, b'F', step);
                self.release_order(resting, &maker, name);
            }
        }
        true
    }

    /// Two orders of one account would match. The incoming order's mode decides. Afterwards either the resting order is
    /// out of the way or the incoming one has ended (its slot reads open 0).
    fn prevent_self_match<S: Sink>(&mut self, incoming: u32, resting: u32, step: &mut Step<'_, S>) {
        let taker = *self.arena.get(incoming);
        let resting = self.order_of(resting);
        let maker = OrderSlot {
            open: self.open_of(resting),
            ..*self.arena.get(resting)
        };
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
        if from_maker > 0 && maker.is(FLAGS_UNSEEN) {
            let event = report(&maker, EventKind::SelfMatchUnseen, from_maker);
            self.prevent_unseen(resting, from_maker, event, step);
        } else if from_maker > 0 {
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
    pub(super) fn end_incoming<S: Sink>(
        &mut self,
        handle: u32,
        reason: u8,
        step: &mut Step<'_, S>,
    ) -> Progress {
        let slot = *self.arena.get(handle);
        if slot.is(FLAG_MARKET) || slot.time_in_force == IMMEDIATE {
            return self.cancel_incoming(handle, reason, step);
        }
        self.come_to_rest(handle, step);
        Progress::Done
    }

    /// An order rests from now on, displayed or not.
    #[inline(always)]
    pub(super) fn come_to_rest<S: Sink>(&mut self, handle: u32, step: &mut Step<'_, S>) {
        if self.arena.get(handle).is(FLAG_DARK) {
            self.rest_dark(handle, step);
        } else {
            self.tell_added(handle, step);
            self.rest(handle);
        }
    }

    /// Puts an incoming order into the displayed book, the index and its account's list.
    #[inline(always)]
    pub(super) fn rest(&mut self, handle: u32) {
        let place = usize::from(self.arena.get(handle).instrument) - 1;
        self.instruments[place]
            .book
            .add(&mut self.pools, &mut self.arena, handle);
        self.enlist(handle);
    }

    /// Puts an order that stays into the index, its account's list and the queue of those that expire.
    #[inline(always)]
    pub(super) fn enlist(&mut self, handle: u32) {
        let slot = self.arena.get(handle);
        let (account, session, user_ref) = (slot.account, slot.session, slot.user_ref);
        let (is_listed, expires) = (slot.is(FLAG_LISTED), slot.time_in_force == GOOD_TILL_TIME);
        if !is_listed {
            let owner = &mut self.accounts[account as usize];
            owner.open_orders += 1;
            let place = self.roster.push(&mut owner.list, handle);
            let chain = self.index.insert(self.index.place(session, user_ref), handle);
            let slot = self.arena.get_mut(handle);
            slot.flags |= FLAG_LISTED;
            (slot.place, slot.chain) = (place, chain);
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
        let slot = *self.arena.get(handle);
        self.instruments[usize::from(slot.instrument) - 1].book.remove(
            &mut self.pools,
            &mut self.arena,
            &slot,
        );
    }

    /// A resting order's open quantity goes down by `by`.
    pub(super) fn reduce_in_book(&mut self, handle: u32, by: u32) {
        let instrument = usize::from(self.arena.get(handle).instrument) - 1;
        self.instruments[instrument]
            .book
            .reduce(&mut self.pools, &mut self.arena, handle, by);
    }
}
