//! Stops: orders that wait unseen until a trade reaches their price.
//!
//! One that waits has its hold, counts as an open order, and is found by everything that ends or changes orders. It also has
//! room set aside for the levels that it may rest at later: once it is reached nobody refuses it any more.
//!
//! When the executions of a command have reached stops, they enter at its end, one after the other, under new numbers: buys
//! first, the lowest stop price first, then sells, the highest first; at one price as they came. What each of them executes
//! may reach further ones.

use super::Exchange;
use super::book::Side;
use super::book::arena::{FLAG_MARKET, FLAG_STOP, NONE};
use super::event::{Event, EventKind};
use super::instrument::{Instrument, State};
use super::sink::{Sink, Step};
use super::unseen::Part;
use protocol::units::Price;

/// Lowest and highest tick of the present command's executions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reached {
    pub(super) low: u32,
    pub(super) high: u32,
}

impl Reached {
    /// Nothing was executed.
    pub(super) const NOTHING: Self = Self {
        low: u32::MAX,
        high: 0,
    };

    /// There was an execution at `tick`.
    #[inline(always)]
    pub(super) fn widen(&mut self, tick: u32) {
        self.low = self.low.min(tick);
        self.high = self.high.max(tick);
    }
}

impl Instrument {
    /// True when the last trade has reached a stop, and there is trading: it does not wait.
    pub(super) fn has_reached(&self, side: Side, stop_tick: u32) -> bool {
        let last = self.last_trade.price / self.definition.tick_size;
        let is_there = match side {
            Side::Buy => last >= stop_tick,
            Side::Sell => last <= stop_tick,
        };
        self.state == State::Trading && last != 0 && is_there
    }
}

impl Exchange {
    /// A stop waits from now on.
    pub(super) fn wait_for_price(&mut self, handle: u32) {
        self.join_stops_with_room(handle);
        self.enlist(handle);
    }

    /// Puts a stop behind those at its price, with room for what comes of it.
    pub(super) fn join_stops_with_room(&mut self, handle: u32) {
        let (place, levels) = self.set_aside_for(handle);
        let ladder = self.instruments[place].book.side(Side::Buy);
        self.pools.set_aside(ladder, levels);
        self.join_stops(handle);
    }

    /// A stop waits no more; it is still an order.
    pub(super) fn stop_waiting_for_price(&mut self, handle: u32) {
        let (place, levels) = self.set_aside_for(handle);
        self.leave_stops(handle);
        let ladder = self.instruments[place].book.side(Side::Buy);
        self.pools.give_back(ladder, levels);
    }

    /// The place of a stop's instrument, and how many levels are set aside for it.
    fn set_aside_for(&self, handle: u32) -> (usize, u32) {
        let slot = self.arena.get(handle);
        let levels = match self.part(handle) {
            _ if slot.is(FLAG_MARKET) => 0,
            Part::Shown(_) => 2,
            _ => 1,
        };
        (usize::from(slot.instrument) - 1, levels)
    }

    /// The next stop that the command's executions have reached; [`NONE`] when there is none, or no trading.
    pub(super) fn next_reached(&self, place: usize) -> u32 {
        if !self.has_stops(place) || self.instruments[place].state != State::Trading {
            return NONE;
        }
        let first = |side, is_reached: &dyn Fn(u32) -> bool| {
            let stop = self.first_stop(place, side);
            let is_there = stop != NONE && is_reached(self.arena.details(stop).stop_tick);
            is_there.then_some(stop)
        };
        first(Side::Buy, &|tick| tick <= self.reached.high)
            .or_else(|| first(Side::Sell, &|tick| tick >= self.reached.low))
            .unwrap_or(NONE)
    }

    /// A stop was reached: it gets a new number, and is incoming from now on.
    pub(super) fn trigger<S: Sink>(&mut self, handle: u32, step: &mut Step<'_, S>) {
        self.stop_waiting_for_price(handle);
        self.unschedule_expiry(handle);
        self.order_number += 1;
        let slot = self.arena.get_mut(handle);
        slot.number = self.order_number;
        // One without a limit has its hold, and keeps it.
        if !slot.is(FLAG_MARKET) {
            slot.flags &= !FLAG_STOP;
        }
        let slot = *slot;
        let details = self.arena.details_mut(handle);
        details.stop_tick = 0;
        step.emit(Event {
            code: details.display,
            instrument: slot.instrument,
            session: slot.session,
            user_ref: slot.user_ref,
            price: if slot.is(FLAG_MARKET) {
                Price::MARKET.0 as u32
            } else {
                self.instrument_of(slot.instrument).price(slot.tick)
            },
            number: slot.number,
            ..Event::new(EventKind::PriorityUpdated)
        });
    }
}
