//! States, and the crosses that come between them.
//!
//! While an instrument collects, orders come in and none matches. When trading begins, from whatever state, all that can
//! trade at one price does so at once, and a closing auction ends in the same way. The price is `cross`'s business; here
//! orders meet at it, pair by pair, in steps like any other work: of each side the market orders first, then the better
//! price, at one price the displayed and the auction-only orders by their numbers, then those that are not displayed. A limit
//! beyond a market order's bound goes before it: else the book could be crossed behind the cross.
//!
//! There is no maker in a cross: both sides pay the taker's fee. Nobody is incoming either, so that orders of one account
//! may meet. What a buyer held above the price of the cross is free at once.
//!
//! Afterwards what waited for this cross only is canceled, and so are market orders: they never rest. In that order, each
//! in the order of `waiting`. Where an instrument closes without a cross they are canceled too: none goes over night, and
//! what waits for a certain cross only, waits on.

use super::book::arena::{FLAG_WAITS, NONE, OrderTotals};
use super::book::ladder::Ladder;
use super::book::{Book, Side};
use super::command::{Command, halves};
use super::cross::{self, Clearing};
use super::dark::Resting;
use super::event::{Event, EventKind, Refusal};
use super::instrument::{CrossKind, LastTrade, State};
use super::ledger::Settlement;
use super::matching::fee_report;
use super::setup::{refuse, trading_action};
use super::sink::{Progress, Sink, Step};
use super::unseen::Part;
use super::waiting::Waiting;
use super::{Exchange, Work, money};

/// What an instrument needs for its crosses only.
#[derive(Debug)]
pub(super) struct Auction {
    /// The cross that it collects for, while it does.
    pub(super) kind: CrossKind,
    pub(super) waiting: Waiting,
}

impl Auction {
    pub(super) fn new(locate: u16, tick_max: u32) -> Self {
        Self {
            kind: CrossKind::behind(State::PreOpen),
            waiting: Waiting::new(locate, tick_max),
        }
    }
}

/// Most market orders that a step passes over because the cross is beyond their bounds.
const LOOKS_PER_STEP: u32 = 1_024;

/// A cross under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Uncross {
    /// Its instrument's.
    place: usize,
    kind: CrossKind,
    /// The state behind it.
    state: State,
    tick: u32,
    /// Lots that have traded.
    volume: u64,
    /// Where the market orders are come to: buyers and sellers; those for this cross only, those for any.
    markets: [[u32; 2]; 2],
}

impl Uncross {
    /// Lots that have traded so far.
    pub(super) fn volume(&self) -> u64 {
        self.volume
    }

    pub(super) const NONE: Self = Self {
        place: 0,
        kind: CrossKind::Opening,
        state: State::PreOpen,
        tick: 0,
        volume: 0,
        markets: [[NONE; 2]; 2],
    };
}

/// Who is next in a cross.
enum Next {
    /// This slot.
    Order(u32),
    Nobody,
    /// The step has looked enough.
    Later,
}

impl Exchange {
    pub(super) fn set_state<S: Sink>(&mut self, command: &Command, step: &mut Step<'_, S>) -> Progress {
        let change = command.state_change();
        let auction = match change.auction {
            0 => Some(None),
            byte => CrossKind::from_byte(byte).map(Some),
        };
        let (Some(state), Some(auction)) = (State::from_byte(change.value), auction) else {
            return refuse(step, Refusal::Invalid);
        };
        let locate = command.instrument;
        let place = usize::from(locate).wrapping_sub(1);
        let Some(instrument) = self.instruments.get(place) else {
            return refuse(step, Refusal::Unknown);
        };
        let before = instrument.state;
        match (before, state) {
            (State::Trading, State::Trading) => {}
            (_, State::Trading) | (State::Auction, State::Closed) => return self.uncross(place, state, step),
            (_, State::PreOpen | State::Auction) => {
                self.auctions[place].kind = auction.unwrap_or(CrossKind::behind(before));
            }
            (_, State::VolatilityPause) => self.auctions[place].kind = CrossKind::Halt,
            _ => {}
        }
        self.change_state(place, state);
        step.emit(trading_action(locate, &self.instruments[place]));
        if state == State::Closed {
            return self.clear_market_orders(place, step);
        }
        Progress::Done
    }

    /// Writes the state down; whatever was to happen by itself in the one before does not.
    pub(super) fn change_state(&mut self, place: usize, state: State) {
        let before = std::mem::replace(&mut self.instruments[place].state, state);
        self.timers.change_state(place, before, state, self.now);
    }

    /// The cross before `state`.
    pub(super) fn uncross<S: Sink>(
        &mut self,
        place: usize,
        state: State,
        step: &mut Step<'_, S>,
    ) -> Progress {
        let kind = match self.instruments[place].state {
            State::PreOpen | State::Auction => self.auctions[place].kind,
            other => CrossKind::behind(other),
        };
        let waiting = &self.auctions[place].waiting;
        let first = |side| [Some(kind), None].map(|kind| waiting.line(kind, side).first());
        self.uncross = Uncross {
            place,
            kind,
            state,
            markets: [first(Side::Buy), first(Side::Sell)],
            ..Uncross::NONE
        };
        match self.clearing(place, kind) {
            Some(clearing) => {
                self.uncross.tick = clearing.tick;
                self.meet_all(step)
            }
            None => self.end_cross(step),
        }
    }

    /// Where a cross of this kind would be now.
    pub(super) fn clearing(&self, place: usize, kind: CrossKind) -> Option<Clearing> {
        let (instrument, waiting) = (&self.instruments[place], &self.auctions[place].waiting);
        let dark = &self.unseen[place].dark;
        let ladders = |side| {
            [
                instrument.book.side(side),
                dark.side(side),
                waiting.limits(kind).side(side),
                waiting.line(Some(kind), side).bounds(),
                waiting.line(None, side).bounds(),
            ]
        };
        self.clearing_of(place, &ladders(Side::Buy), &ladders(Side::Sell))
    }

    /// Where it would be if only those took part that wait for crosses.
    pub(super) fn clearing_without_book(&self, place: usize, kind: CrossKind) -> Option<Clearing> {
        let waiting = &self.auctions[place].waiting;
        let ladders = |side| {
            [
                waiting.limits(kind).side(side),
                waiting.line(Some(kind), side).bounds(),
                waiting.line(None, side).bounds(),
            ]
        };
        self.clearing_of(place, &ladders(Side::Buy), &ladders(Side::Sell))
    }

    fn clearing_of(&self, place: usize, bids: &[&Ladder], asks: &[&Ladder]) -> Option<Clearing> {
        let instrument = &self.instruments[place];
        cross::clearing(
            &self.pools,
            bids,
            asks,
            instrument.reference(),
            instrument.definition.tick_size,
        )
    }

    /// Lets orders meet until one side is done, or the step is full.
    pub(super) fn meet_all<S: Sink>(&mut self, step: &mut Step<'_, S>) -> Progress {
        let mut looks = 0;
        while step.has_room() {
            let (buyer, seller) = (
                self.next_to_meet(Side::Buy, &mut looks),
                self.next_to_meet(Side::Sell, &mut looks),
            );
            match (buyer, seller) {
                (Next::Nobody, _) | (_, Next::Nobody) => return self.end_cross(step),
                (Next::Order(buyer), Next::Order(seller)) => self.meet([buyer, seller], step),
                _ => break,
            }
        }
        self.work = Work::Meet;
        Progress::More
    }

    /// Who is next on a side.
    fn next_to_meet(&mut self, side: Side, looks: &mut u32) -> Next {
        let Uncross {
            place, kind, tick, ..
        } = self.uncross;
        for next in &mut self.uncross.markets[side as usize] {
            while *next != NONE && !side.crosses(self.arena.get(*next).tick, tick) {
                if *looks == LOOKS_PER_STEP {
                    return Next::Later;
                }
                *looks += 1;
                *next = self.arena.get(*next).next;
            }
        }
        let number = |handle: u32| self.arena.get(handle).number;
        let markets = self.uncross.markets[side as usize].into_iter();
        let oldest = markets
            .filter(|&handle| handle != NONE)
            .min_by_key(|&handle| number(handle));
        // The lower, the better.
        let key = |tick| match side {
            Side::Buy => u32::MAX - tick,
            Side::Sell => tick,
        };
        // The first order of each book, with its price: the better price first, then displayed and auction-only orders by
        // their numbers, then dark ones.
        let first = |book: &Book, is_dark: bool| {
            let level = book.side(side).best();
            (level != NONE).then(|| {
                let level = self.pools.level(level);
                let rank = if is_dark { 0 } else { number(level.head) };
                (key(level.tick), is_dark, rank, level.head)
            })
        };
        let heads = [
            first(&self.instruments[place].book, false),
            first(self.auctions[place].waiting.limits(kind), false),
            first(&self.unseen[place].dark, true),
        ];
        let limit = heads.into_iter().flatten().min();
        if let Some(oldest) = oldest {
            let bound = key(self.arena.get(oldest).tick);
            return Next::Order(match limit {
                Some((price, .., head)) if price < bound => head,
                _ => oldest,
            });
        }
        match limit {
            Some((.., head)) if side.crosses(self.arena.get(head).tick, tick) => Next::Order(head),
            _ => Next::Nobody,
        }
    }

    /// The slots of a buyer and a seller meet at the price of the cross.
    fn meet<S: Sink>(&mut self, slots: [u32; 2], step: &mut Step<'_, S>) {
        let Uncross {
            place, kind, tick, ..
        } = self.uncross;
        let [buyer, seller] = slots.map(|slot| self.resting_part(slot));
        let instrument = &self.instruments[place];
        let (base, quote) = (instrument.definition.base, instrument.definition.quote);
        let (lot_size, price) = (instrument.lot_size, instrument.price(tick));
        let quantity = buyer.slot.open.min(seller.slot.open);
        let value = money::notional(tick, quantity, instrument.tick_value);

        let hold = self.bound_by(buyer.order);
        let fees = slots.map(|slot| self.charge(slot, quantity, value));
        self.ledger.settle(&Settlement {
            buyer: buyer.slot.account,
            seller: seller.slot.account,
            base,
            quote,
            amount: u128::from(quantity) * lot_size,
            value,
            buyer_hold_drop: hold - self.bound_by(buyer.order),
            buyer_fee: fees[0],
            seller_fee: fees[1],
        });
        self.match_number += 1;
        self.uncross.volume += u64::from(quantity);

        step.emit(Event {
            code: kind as u8,
            instrument: buyer.slot.instrument,
            quantity,
            price,
            number: self.match_number,
            ..Event::new(EventKind::CrossMatch)
        });
        for (Resting { slot, is_unseen, .. }, fee) in [buyer, seller].into_iter().zip(fees) {
            if self.accounts[slot.account as usize].definition.fee_reports != 0 {
                step.emit(fee_report(slot.session, slot.user_ref, fee));
            }
            let event = if is_unseen || slot.is(FLAG_WAITS) {
                EventKind::CrossExecutedUnseen
            } else {
                EventKind::CrossExecuted
            };
            step.emit(Event {
                code: kind as u8,
                instrument: slot.instrument,
                session: slot.session,
                user_ref: slot.user_ref,
                quantity,
                price,
                number: slot.number,
                ..Event::new(event)
            });
        }
        for slot in slots {
            if self.arena.get(slot).open == 0 {
                self.leave_cross(slot, step);
            }
        }
    }

    /// What a buyer's order binds; nothing when it is filled.
    fn bound_by(&self, order: u32) -> u128 {
        match self.open_of(order) {
            0 => 0,
            open => self.hold_of(self.arena.get(order), open).1,
        }
    }

    /// What the order of one slot pays; the slot has `quantity` lots less afterwards.
    fn charge(&mut self, handle: u32, quantity: u32, value: u128) -> i128 {
        let order = self.order_of(handle);
        let view = self.view(order);
        let slot = *self.arena.get(order);
        let rate = self.schedules.get(slot.schedule).taker_ppm;
        let (fee, remainder) = money::fee(value, rate, slot.fee_remainder);
        let executed = slot.executed + quantity;
        self.reduce_in_book(handle, quantity);
        let slot = self.arena.get_mut(order);
        (slot.executed, slot.fee_remainder) = (executed, remainder);
        // It traded at a price that may not be its own, and at another rate than one that rests.
        self.arena.set_totals(
            order,
            OrderTotals {
                notional: halves(view.executed_notional + value),
                fees: halves((view.fees + fee) as u128),
                executed,
                remainder,
                ..OrderTotals::EMPTY
            },
        );
        fee
    }

    /// A slot that has nothing left leaves its place, and its order ends unless it has more.
    fn leave_cross<S: Sink>(&mut self, handle: u32, step: &mut Step<'_, S>) {
        let slot = *self.arena.get(handle);
        if slot.is(FLAG_WAITS) {
            for next in self.uncross.markets.as_flattened_mut() {
                if *next == handle {
                    *next = slot.next;
                }
            }
            self.stop_waiting(handle, &slot);
            return self.finish(handle, b'F', step);
        }
        match self.part(handle) {
            Part::Displayed | Part::Shown(_) => self.remove_from_book(handle),
            Part::Hidden | Part::Reserve(_) => self.leave_dark(handle),
        }
        self.use_up(handle, step);
    }

    /// All that could meet has met: the cross is told, and the state changes.
    fn end_cross<S: Sink>(&mut self, step: &mut Step<'_, S>) -> Progress {
        let Uncross {
            place,
            kind,
            state,
            tick,
            volume,
            ..
        } = self.uncross;
        let locate = place as u16 + 1;
        let instrument = &mut self.instruments[place];
        if volume > 0 || instrument.state.collects() {
            // Where nothing traded there is nothing to have a number.
            self.match_number += u64::from(volume > 0);
            let number = if volume > 0 { self.match_number } else { 0 };
            let price = instrument.price(tick);
            step.emit(Event {
                code: kind as u8,
                instrument: locate,
                quantity: volume as u32,
                price,
                detail: (volume >> 32) as u32,
                number,
                ..Event::new(EventKind::CrossDone)
            });
            if volume > 0 {
                self.reached.widen(tick);
                instrument.last_trade = LastTrade {
                    price,
                    quantity: u32::try_from(volume).unwrap_or(u32::MAX),
                    match_number: number,
                    time: self.now,
                };
            }
        }
        self.change_state(place, state);
        // The cross has found a price: what enters because of it is measured from that.
        self.band = self.new_band(place);
        step.emit(trading_action(locate, &self.instruments[place]));
        self.clear_auction(step)
    }

    /// Cancels what the cross has left of those that waited for it.
    pub(super) fn clear_auction<S: Sink>(&mut self, step: &mut Step<'_, S>) -> Progress {
        let Uncross { place, kind, .. } = self.uncross;
        for (kind, reason) in [(Some(kind), b'H'), (None, b'I')] {
            if self.clear_waiting(place, kind, reason, step) == Progress::More {
                self.work = Work::ClearAuction;
                return Progress::More;
            }
        }
        self.settle_down(place, step)
    }

    /// Cancels the market orders that wait for any cross: the instrument has closed, and there is none before the next
    /// day's.
    pub(super) fn clear_market_orders<S: Sink>(&mut self, place: usize, step: &mut Step<'_, S>) -> Progress {
        let progress = self.clear_waiting(place, None, b'I', step);
        if progress == Progress::More {
            self.work = Work::ClearMarketOrders { place };
        }
        progress
    }

    /// Cancels those that wait for this cross only, or the market orders that wait for any.
    fn clear_waiting<S: Sink>(
        &mut self,
        place: usize,
        kind: Option<CrossKind>,
        reason: u8,
        step: &mut Step<'_, S>,
    ) -> Progress {
        let locate = place as u16 + 1;
        loop {
            let next = self.waiting_for(locate, kind).next();
            let Some(handle) = next else {
                return Progress::Done;
            };
            if !step.has_room() {
                return Progress::More;
            }
            self.cancel_resting(handle, reason, step);
        }
    }

    /// An order comes in while nothing matches, or one that matches in a cross only.
    pub(super) fn collect<S: Sink>(&mut self, handle: u32, step: &mut Step<'_, S>) -> Progress {
        if self.arena.get(handle).is(FLAG_WAITS) {
            self.wait(handle);
        } else {
            self.come_to_rest(handle, step);
        }
        Progress::Done
    }
}
