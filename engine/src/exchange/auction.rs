//! States, and the crosses that come between them.
//!
//! While an instrument collects, orders come in and none matches. When trading begins, from whatever state, all that can
//! trade at one price does so at once, and a closing auction ends in the same way. The price is `cross`'s business; here
//! orders meet at it, pair by pair, in steps like any other work: of each side the market orders first, then the better
//! price, at one price the displayed and the auction-only orders by their numbers, then those that are not displayed.
//!
//! There is no maker in a cross: both sides pay the taker's fee. Nobody is incoming either, so that orders of one account
//! may meet. What a buyer held above the price of the cross is free at once.
//!
//! Afterwards what waited for this cross only is canceled, and so are market orders: they never rest. In that order, each
//! in the order of `waiting`.

use super::book::arena::{FLAG_WAITS, NONE, OrderTotals};
use super::book::ladder::Ladder;
use super::book::{Book, Side};
use super::command::{Command, halves};
use super::cross::{self, Clearing};
use super::event::{Event, EventKind, Refusal};
use super::instrument::{CrossKind, LastTrade, State};
use super::ledger::Settlement;
use super::matching::fee_report;
use super::setup::{refuse, trading_action};
use super::sink::{Progress, Sink, Step};
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
    Order {
        handle: u32,
        is_displayed: bool,
    },
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
        let ladders = |side| {
            [
                instrument.book.side(side),
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
            match (
                self.next_to_meet(Side::Buy, &mut looks),
                self.next_to_meet(Side::Sell, &mut looks),
            ) {
                (Next::Nobody, _) | (_, Next::Nobody) => return self.end_cross(step),
                (
                    Next::Order {
                        handle: buyer,
                        is_displayed: buyer_is_displayed,
                    },
                    Next::Order {
                        handle: seller,
                        is_displayed: seller_is_displayed,
                    },
                ) => self.meet([(buyer, buyer_is_displayed), (seller, seller_is_displayed)], step),
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
        let markets = self.uncross.markets[side as usize].iter();
        let oldest = |handle: &&u32| self.arena.get(**handle).number;
        if let Some(&handle) = markets.filter(|&&handle| handle != NONE).min_by_key(oldest) {
            return Next::Order {
                handle,
                is_displayed: false,
            };
        }
        let head = |book: &Book| match book.side(side).best() {
            NONE => None,
            level => {
                let level = self.pools.level(level);
                side.crosses(level.tick, tick).then_some((level.tick, level.head))
            }
        };
        let displayed = head(&self.instruments[place].book);
        let auction_only = head(self.auctions[place].waiting.limits(kind));
        let number = |handle| self.arena.get(handle).number;
        let is_first = |(tick, handle), (other_tick, other)| {
            side.is_better(tick, other_tick) || (tick == other_tick && number(handle) < number(other))
        };
        match (displayed, auction_only) {
            (None, None) => Next::Nobody,
            (Some(one), other) if other.is_none_or(|other| is_first(one, other)) => Next::Order {
                handle: one.1,
                is_displayed: true,
            },
            (_, other) => Next::Order {
                handle: other.expect("one of them is there").1,
                is_displayed: false,
            },
        }
    }

    /// A buyer and a seller, and whether each is displayed, meet at the price of the cross.
    fn meet<S: Sink>(&mut self, pair: [(u32, bool); 2], step: &mut Step<'_, S>) {
        let Uncross {
            place, kind, tick, ..
        } = self.uncross;
        let [buyer, seller] = pair.map(|(handle, _)| *self.arena.get(handle));
        let instrument = &self.instruments[place];
        let (base, quote) = (instrument.definition.base, instrument.definition.quote);
        let (lot_size, price) = (instrument.lot_size, instrument.price(tick));
        let quantity = buyer.open.min(seller.open);
        let value = money::notional(tick, quantity, instrument.tick_value);

        let (_, hold) = self.hold_of(&buyer, buyer.open);
        let fees = pair.map(|(handle, _)| self.charge(handle, quantity, value));
        let left = *self.arena.get(pair[0].0);
        let hold_left = match left.open {
            0 => 0,
            open => self.hold_of(&left, open).1,
        };
        self.ledger.settle(&Settlement {
            buyer: buyer.account,
            seller: seller.account,
            base,
            quote,
            amount: u128::from(quantity) * lot_size,
            value,
            buyer_hold_drop: hold - hold_left,
            buyer_fee: fees[0],
            seller_fee: fees[1],
        });
        self.match_number += 1;
        self.uncross.volume += u64::from(quantity);

        step.emit(Event {
            code: kind as u8,
            instrument: buyer.instrument,
            quantity,
            price,
            number: self.match_number,
            ..Event::new(EventKind::CrossMatch)
        });
        for ((slot, (_, is_displayed)), fee) in [buyer, seller].iter().zip(pair).zip(fees) {
            if self.accounts[slot.account as usize].definition.fee_reports != 0 {
                step.emit(fee_report(slot.session, slot.user_ref, fee));
            }
            let event = if is_displayed {
                EventKind::CrossExecuted
            } else {
                EventKind::CrossExecutedUnseen
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
        for (handle, _) in pair {
            if self.arena.get(handle).open == 0 {
                self.leave_cross(handle, step);
            }
        }
    }

    /// What one order of a cross pays; it has `quantity` lots less afterwards.
    fn charge(&mut self, handle: u32, quantity: u32, value: u128) -> i128 {
        let view = self.view(handle);
        let slot = *self.arena.get(handle);
        let rate = self.schedules.get(slot.schedule).taker_ppm;
        let (fee, remainder) = money::fee(value, rate, slot.fee_remainder);
        let executed = slot.executed + quantity;
        self.reduce_in_book(handle, quantity);
        let slot = self.arena.get_mut(handle);
        (slot.executed, slot.fee_remainder) = (executed, remainder);
        // It traded at a price that may not be its own, and at another rate than one that rests.
        self.arena.set_totals(
            handle,
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

    /// An order that has nothing left leaves its place and ends.
    fn leave_cross<S: Sink>(&mut self, handle: u32, step: &mut Step<'_, S>) {
        let slot = *self.arena.get(handle);
        for next in self.uncross.markets.as_flattened_mut() {
            if *next == handle {
                *next = slot.next;
            }
        }
        self.remove_from_book(handle);
        self.finish(handle, b'F', step);
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
            self.match_number += 1;
            let price = instrument.price(tick);
            step.emit(Event {
                code: kind as u8,
                instrument: locate,
                quantity: volume as u32,
                price,
                detail: (volume >> 32) as u32,
                number: self.match_number,
                ..Event::new(EventKind::CrossDone)
            });
            if volume > 0 {
                instrument.last_trade = LastTrade {
                    price,
                    quantity: u32::try_from(volume).unwrap_or(u32::MAX),
                    match_number: self.match_number,
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
        let locate = place as u16 + 1;
        for (kind, reason) in [(Some(kind), b'H'), (None, b'I')] {
            loop {
                let next = self.waiting_for(locate, kind).next();
                let Some(handle) = next else {
                    break;
                };
                if !step.has_room() {
                    self.work = Work::ClearAuction;
                    return Progress::More;
                }
                self.cancel_resting(handle, reason, step);
            }
        }
        Progress::Done
    }

    /// An order comes in while nothing matches, or one that matches in a cross only.
    pub(super) fn collect<S: Sink>(&mut self, handle: u32, step: &mut Step<'_, S>) -> Progress {
        if self.arena.get(handle).is(FLAG_WAITS) {
            self.wait(handle);
            Progress::Done
        } else {
            self.come_to_rest(handle, step)
        }
    }
}
