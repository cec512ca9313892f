//! The end of the day, and the roll to the next one.
//!
//! Market hours end: all orders that are good for the day or till a time are canceled, account by account, of each the
//! oldest first. Then, when nothing trades any more, the day rolls: numbers of orders, of matches and of clients' requests
//! begin again, and so does the clock; what is still there is told to its owners and to subscribers as if it had come in
//! now, one order behind the other as they stand in line. So nothing of the new day depends on a message of the old one.

use super::account::RateBucket;
use super::book::Side;
use super::book::arena::{FLAG_MARKET, FLAG_STOP, FLAG_TOTALS, FLAGS_UNSEEN, NONE, OrderTotals};
use super::book::ladder::Ladder;
use super::checks::{DAY, GOOD_TILL_TIME};
use super::command::Command;
use super::entering::added;
use super::event::{CarriedText, Event, EventKind, Refusal};
use super::instrument::{CrossKind, State};
use super::setup::{listed, refuse, trading_action};
use super::sink::{Progress, Sink, Step};
use super::unseen::Part;
use super::{Exchange, Work};
use crate::planted::{self, Bug};
use protocol::units::Price;

/// System event: the start of messages.
const START_OF_MESSAGES: u8 = b'O';
/// System event: the start of system hours.
const START_OF_SYSTEM_HOURS: u8 = b'S';
/// System event: the end of market hours.
const END_OF_MARKET_HOURS: u8 = b'M';

/// Number of the last day: names of streams have four digits for it.
pub const DAYS_MAX: u32 = 9_999;

/// The last System Event, and when it was given. Who continues a day goes on from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastSystemEvent {
    /// Its code.
    pub code: u8,
    /// Time of its command, nanoseconds since the day's midnight. A day that rolls begins with one of its own.
    pub time: u64,
}

/// Most instruments that a step looks at, so that a step stays short when few of them have orders.
const INSTRUMENTS_PER_STEP: usize = 1_024;

/// Lines of orders that an instrument has: buyers and sellers of the displayed book, dark ones, stops; then those of
/// `waiting` in its order, without the market orders for any cross: they ended when their instrument closed.
const LINES: usize = 18;

/// The next order to be carried into the new day.
#[derive(Debug, Clone, Copy)]
pub(super) struct Carrying {
    /// Its instrument's.
    place: usize,
    /// Which of its lines.
    line: usize,
    handle: u32,
}

impl Carrying {
    pub(super) fn place(&self) -> usize {
        self.place
    }

    pub(super) fn handle(&self) -> u32 {
        self.handle
    }
}

impl Exchange {
    fn say_system_event<S: Sink>(&mut self, code: u8, step: &mut Step<'_, S>) {
        let time = self.now;
        self.system_event = Some(LastSystemEvent { code, time });
        step.emit(Event {
            code,
            ..Event::new(EventKind::SystemEvent)
        });
    }

    pub(super) fn system_event<S: Sink>(&mut self, command: &Command, step: &mut Step<'_, S>) -> Progress {
        let code = command.state_change().value;
        self.say_system_event(code, step);
        if code != END_OF_MARKET_HOURS {
            return Progress::Done;
        }
        self.cancel_everybody(0, self.oldest_of_first(), b'E', step)
    }

    /// True for an order that does not outlive its day.
    pub(super) fn ends_with_day(&self, handle: u32) -> bool {
        let time_in_force = self.arena.get(handle).time_in_force;
        if time_in_force == DAY && planted::is(Bug::DayOrderSurvives) {
            return false;
        }
        matches!(time_in_force, DAY | GOOD_TILL_TIME)
    }

    /// Number of the day; the first is 1. Names of streams have it.
    pub fn day(&self) -> u32 {
        self.day
    }

    /// The last System Event; `None` before the first one.
    pub fn last_system_event(&self) -> Option<LastSystemEvent> {
        self.system_event
    }

    /// What the times of this day's commands count from, nanoseconds since 1970; `None` on the first day, whose midnight is
    /// the journal's.
    pub fn midnight_ns(&self) -> Option<u64> {
        self.midnight_ns
    }

    /// True when [`super::command::CommandKind::RollDay`] would not be refused: all is closed, no order of the day is left.
    pub fn may_roll(&self) -> bool {
        let mut instruments = self.instruments.iter();
        let mut orders = (0..self.account_count()).flat_map(|account| self.handles_of(account));
        self.day < DAYS_MAX
            && instruments.all(|instrument| instrument.state == State::Closed)
            && orders.all(|handle| !self.ends_with_day(handle))
    }

    /// `before`: the time of the command before. It stays when the command is refused and was earlier.
    pub(super) fn roll_day<S: Sink>(
        &mut self,
        command: &Command,
        before: u64,
        step: &mut Step<'_, S>,
    ) -> Progress {
        if !self.may_roll() {
            self.now = self.now.max(before);
            return refuse(step, Refusal::Invalid);
        }
        self.day += 1;
        self.midnight_ns = Some(command.new_day().midnight_ns);
        if !planted::is(Bug::OrderNumbersGoOn) {
            self.order_number = 0;
        }
        self.match_number = 0;
        for session in &mut self.sessions {
            (session.mark, session.bucket, session.connected) = (0, RateBucket::default(), false);
        }
        for instrument in &mut self.instruments {
            // The price stays the reference; number and time were the old day's.
            (instrument.last_trade.match_number, instrument.last_trade.time) = (0, 0);
        }
        step.emit(Event {
            number: u64::from(self.day),
            ..Event::new(EventKind::DayRolled)
        });
        self.say_system_event(START_OF_MESSAGES, step);
        self.list_again(0, step)
    }

    /// Tells the instruments from this place on, as far as the step reaches.
    pub(super) fn list_again<S: Sink>(&mut self, first: usize, step: &mut Step<'_, S>) -> Progress {
        for place in first..self.instruments.len() {
            if !step.has_room() {
                self.work = Work::ListAgain { place };
                return Progress::More;
            }
            let (locate, instrument) = (place as u16 + 1, &self.instruments[place]);
            step.emit(listed(locate, instrument));
            step.emit(trading_action(locate, instrument));
        }
        self.say_system_event(START_OF_SYSTEM_HOURS, step);
        let first = Carrying {
            place: 0,
            line: 0,
            handle: self.first_in_line(0, 0),
        };
        self.carry_all(first, step)
    }

    /// Carries orders into the new day from this one on, as far as the step reaches.
    pub(super) fn carry_all<S: Sink>(&mut self, mut at: Carrying, step: &mut Step<'_, S>) -> Progress {
        let end = at.place + INSTRUMENTS_PER_STEP;
        while at.place < self.instruments.len() {
            if !step.has_room() || at.place == end {
                self.work = Work::Carry { at };
                return Progress::More;
            }
            if at.handle != NONE {
                // A reserve is carried with its order.
                let is_lost =
                    planted::is(Bug::OrderLostAtRoll) && self.arena.get(at.handle).number.is_multiple_of(3);
                if !matches!(self.part(at.handle), Part::Reserve(_)) && !is_lost {
                    self.carry(at.handle, step);
                }
                at.handle = self.behind_in_line(at);
                continue;
            }
            at.line += 1;
            if at.line == LINES {
                (at.place, at.line) = (at.place + 1, 0);
            }
            at.handle = self.first_in_line(at.place, at.line);
        }
        Progress::Done
    }

    /// The first of the market orders in this line, or the ladder that the line is.
    fn line(&self, place: usize, line: usize) -> (u32, Option<&Ladder>) {
        let (Some(instrument), Some(auction)) = (self.instruments.get(place), self.auctions.get(place))
        else {
            return (NONE, None);
        };
        let (unseen, waiting) = (&self.unseen[place], &auction.waiting);
        let side = |number: usize| [Side::Buy, Side::Sell][number % 2];
        match line {
            0 | 1 => (NONE, Some(instrument.book.side(side(line)))),
            2 | 3 => (NONE, Some(unseen.dark.side(side(line)))),
            4 | 5 => (NONE, Some(unseen.stops.side(side(line).opposite()))),
            // Four of each kind of cross: buyers at market and with a limit, and sellers.
            _ => {
                let kind = CrossKind::ALL[(line - 6) / 4];
                let side = side((line - 6) / 2);
                if line.is_multiple_of(2) {
                    (waiting.line(Some(kind), side).first(), None)
                } else {
                    (NONE, Some(waiting.limits(kind).side(side)))
                }
            }
        }
    }

    fn first_in_line(&self, place: usize, line: usize) -> u32 {
        match self.line(place, line) {
            (first, None) => first,
            (_, Some(ladder)) => match ladder.best() {
                NONE => NONE,
                level => self.pools.level(level).head,
            },
        }
    }

    fn behind_in_line(&self, at: Carrying) -> u32 {
        let slot = self.arena.get(at.handle);
        match self.line(at.place, at.line).1 {
            Some(ladder) if slot.next == NONE => match ladder.behind(&self.pools, slot.level) {
                NONE => NONE,
                level => self.pools.level(level).head,
            },
            _ => slot.next,
        }
    }

    /// An order gets its names of the new day, and its owner and the subscribers hear of it.
    fn carry<S: Sink>(&mut self, handle: u32, step: &mut Step<'_, S>) {
        let (old, open) = (*self.arena.get(handle), self.open_of(handle));
        self.order_number += 1;
        let number = self.order_number;
        let session = &mut self.sessions[old.session as usize];
        session.mark += 1;
        let user_ref = session.mark;
        // A name may be there twice until the last order has its new one: nobody looks one up meanwhile.
        let (before, after) = (
            self.index.place(old.session, old.user_ref),
            self.index.place(old.session, user_ref),
        );
        self.index.remove(&mut self.arena, before, handle, old.chain);
        let chain = self.index.insert(after, handle);
        let slot = self.arena.get_mut(handle);
        (slot.number, slot.user_ref, slot.chain, slot.executed) = (number, user_ref, chain, 0);
        slot.flags &= !FLAG_TOTALS;
        if slot.fee_remainder > 0 {
            // What rounding has charged in advance is still to the order's credit.
            let totals = OrderTotals {
                remainder: slot.fee_remainder,
                ..OrderTotals::EMPTY
            };
            self.arena.set_totals(handle, totals);
        }
        self.arena.details_mut(handle).number = 0;
        if let Part::Shown(reserve) = self.part(handle) {
            self.arena.get_mut(reserve).number = number;
        }

        let (slot, details) = (self.arena.get(handle), self.arena.details(handle));
        let price = if slot.is(FLAG_MARKET) {
            Price::MARKET.0 as u32
        } else {
            self.instrument_of(slot.instrument).price(slot.tick)
        };
        let text = CarriedText {
            cl_ord_id: details.cl_ord_id,
            time_in_force: slot.time_in_force,
            display: details.display,
            capacity: details.capacity,
            sweep: details.sweep,
            cross_type: details.cross_type,
        };
        step.emit(Event::carried_text(
            slot.instrument,
            slot.session,
            user_ref,
            &text,
        ));
        step.emit(Event {
            code: b'L',
            instrument: slot.instrument,
            session: slot.session,
            user_ref,
            quantity: open,
            price,
            detail: u32::from(slot.side.byte()),
            number,
            ..Event::new(EventKind::Carried)
        });
        let is_displayed = match self.part(handle) {
            Part::Displayed => !slot.is(FLAGS_UNSEEN),
            Part::Shown(_) => !slot.is(FLAG_STOP),
            Part::Hidden | Part::Reserve(_) => false,
        };
        if is_displayed {
            step.emit(added(slot, price, details.firm));
        }
    }
}
