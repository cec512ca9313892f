//! The trading day by the clock: which command its times ask for next.
//!
//! A function of the configured times, the clock, and what the journal says: the last System Event and each instrument's
//! state. So a start in the middle of a day, and a start after a crash at any point, find what is still to be done, do it,
//! and repeat nothing. What an operator has halted stays so until the close.
//!
//! ```text
//!  pre_open         closed instruments take orders
//!  opening_auction  the imbalance is told
//!  open             System Event Q; the opening cross, continuous trading
//!  closing_auction
//!  close            the closing cross, all closed; System Event M (the orders of the day end), E
//!  roll             System Event C: the end of messages. Receivers hear for 30 s that the stream has ended, then the day
//!                   rolls; the next one begins, and waits for its pre_open
//! ```
//!
//! A day that was not ended in time (the exchange was down) is ended as soon as it can be, and rolls: so no day comes near
//! the 72 hours after which its clock stops.

use protocol::market_data::values::{cross_type, event_code};

use crate::config::Day;
use crate::exchange::command::{Command, CommandKind};
use crate::exchange::instrument::State;
use crate::output::ENDING_NS;

const SECOND_NS: u64 = 1_000_000_000;
const DAY_SECONDS: u32 = 86_400;
const DAY_NS: u64 = DAY_SECONDS as u64 * SECOND_NS;

/// How an instrument stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// Stock locate.
    pub(super) locate: u16,
    /// What may happen in it.
    pub(super) state: State,
    /// Which cross it collects orders for, while it does.
    pub(super) auction: u8,
}

/// A part of the day; later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    PreOpen,
    OpeningAuction,
    Open,
    ClosingAuction,
    Closed,
    Over,
}

/// The schedule of one exchange.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Of the day's start since midnight, nanoseconds.
    pre_open_ns: u64,
    /// When each phase begins, since the day's start.
    begins_ns: [(Phase, u64); 6],
    /// When the day that the exchange is in began, nanoseconds since 1970.
    began_ns: u64,
    /// Code of the last System Event.
    system_event: u8,
    /// When the last command was given, as far as the wait behind the end of messages is concerned.
    since_ns: u64,
    /// Before this time there is nothing to do.
    next_ns: u64,
}

impl Schedule {
    /// The schedule of an exchange whose last System Event was `system_event`, if there was one, and whose last command was
    /// given at `since_ns` (now, when there was none), nanoseconds since 1970.
    pub fn new(day: &Day, system_event: Option<u8>, since_ns: u64) -> Self {
        let since_pre_open =
            |time: u32| u64::from((time + DAY_SECONDS - day.pre_open) % DAY_SECONDS) * SECOND_NS;
        let mut schedule = Self {
            pre_open_ns: u64::from(day.pre_open) * SECOND_NS,
            begins_ns: [
                (Phase::PreOpen, 0),
                (Phase::OpeningAuction, since_pre_open(day.opening_auction)),
                (Phase::Open, since_pre_open(day.open)),
                (Phase::ClosingAuction, since_pre_open(day.closing_auction)),
                (Phase::Closed, since_pre_open(day.close)),
                (Phase::Over, since_pre_open(day.roll)),
            ],
            began_ns: 0,
            system_event: system_event.unwrap_or(b' '),
            since_ns,
            next_ns: 0,
        };
        schedule.began_ns = schedule.day_of(since_ns);
        schedule
    }

    /// A command was taken at `now_ns`, whoever gave it.
    pub(super) fn taken(&mut self, command: &Command, now_ns: u64) {
        if command.kind == CommandKind::SystemEvent as u8 {
            self.system_event = command.state_change().value;
            self.since_ns = now_ns;
            self.next_ns = 0;
        }
    }

    /// The day has rolled, whoever wanted it.
    pub(super) fn rolled(&mut self) {
        self.system_event = event_code::START_OF_SYSTEM_HOURS;
        self.next_ns = 0;
    }

    /// The command that is to be given now; ask again until there is none. `instruments` is asked for when the time for
    /// something has come, `may_roll` when that is the roll.
    pub(super) fn next<I: Iterator<Item = Standing>>(
        &mut self,
        now_ns: u64,
        instruments: impl Fn() -> I,
        may_roll: impl Fn() -> bool,
    ) -> Option<Command> {
        if now_ns < self.next_ns {
            return None;
        }
        let has_opened = self.system_event == event_code::START_OF_MARKET_HOURS;
        if matches!(
            self.system_event,
            event_code::END_OF_MARKET_HOURS | event_code::END_OF_SYSTEM_HOURS | event_code::END_OF_MESSAGES
        ) {
            return self.ending(now_ns, instruments, may_roll);
        }
        if !has_opened && self.phase(now_ns) >= Phase::Closed {
            // Nothing was opened on this day: its orders wait for the next one.
            let waits = |standing: &Standing| matches!(standing.state, State::PreOpen | State::Auction);
            if let Some(standing) = instruments().find(waits) {
                return Some(set_state(&standing, State::Closed, 0));
            }
            self.began_ns = self.day_of(now_ns).max(self.began_ns);
        }
        let phase = self.phase(now_ns);
        let command = if has_opened {
            opened(phase, instruments)
        } else {
            opening(phase, instruments)
        };
        if command.is_none() {
            self.wait_from(now_ns);
        }
        command
    }

    /// After the close.
    fn ending<I: Iterator<Item = Standing>>(
        &mut self,
        now_ns: u64,
        instruments: impl Fn() -> I,
        may_roll: impl Fn() -> bool,
    ) -> Option<Command> {
        match self.system_event {
            event_code::END_OF_MARKET_HOURS => return Some(system_event(event_code::END_OF_SYSTEM_HOURS)),
            event_code::END_OF_SYSTEM_HOURS if self.phase(now_ns) == Phase::Over => {
                return Some(system_event(event_code::END_OF_MESSAGES));
            }
            event_code::END_OF_SYSTEM_HOURS => self.wait_from(now_ns),
            _ if now_ns < self.since_ns.saturating_add(ENDING_NS) => self.next_ns = self.since_ns + ENDING_NS,
            _ => return Some(rolling(instruments, may_roll)),
        }
        None
    }

    /// Nothing more is to be done before the next phase, or the next day.
    fn wait_from(&mut self, now_ns: u64) {
        let elapsed_ns = now_ns.saturating_sub(self.began_ns);
        let next = self
            .begins_ns
            .iter()
            .find(|(_, begins_ns)| *begins_ns > elapsed_ns);
        self.next_ns = self.began_ns + next.map_or(DAY_NS, |(_, begins_ns)| *begins_ns);
    }

    /// The phase of the exchange's day. A day that has not been ended stays over however late it is.
    fn phase(&self, now_ns: u64) -> Phase {
        let elapsed_ns = now_ns.saturating_sub(self.began_ns);
        let mut phase = Phase::PreOpen;
        for (begun, begins_ns) in self.begins_ns {
            if begins_ns <= elapsed_ns {
                phase = begun;
            }
        }
        phase
    }

    /// When the day began that `ns` is in.
    fn day_of(&self, ns: u64) -> u64 {
        let midnight_ns = ns - ns % DAY_NS;
        let began_ns = midnight_ns + self.pre_open_ns;
        if began_ns <= ns {
            began_ns
        } else {
            began_ns.saturating_sub(DAY_NS)
        }
    }
}

/// Before the market has opened: through pre-open and auction, however late it is.
fn opening<I: Iterator<Item = Standing>>(phase: Phase, instruments: impl Fn() -> I) -> Option<Command> {
    if phase >= Phase::Closed {
        return None;
    }
    let in_state = |state| instruments().find(|standing| standing.state == state);
    if let Some(closed) = in_state(State::Closed) {
        return Some(set_state(&closed, State::PreOpen, cross_type::OPENING));
    }
    match phase {
        Phase::PreOpen => None,
        Phase::OpeningAuction => {
            in_state(State::PreOpen).map(|standing| set_state(&standing, State::Auction, cross_type::OPENING))
        }
        _ => Some(system_event(event_code::START_OF_MARKET_HOURS)),
    }
}

/// While the market is open, up to its close.
fn opened<I: Iterator<Item = Standing>>(phase: Phase, instruments: impl Fn() -> I) -> Option<Command> {
    let is_to_open = |standing: &Standing| match standing.state {
        State::PreOpen => true,
        State::Auction => standing.auction == cross_type::OPENING,
        _ => false,
    };
    // An auction after a halt, of whoever began it, becomes the closing one.
    let is_to_close = |standing: &Standing| match standing.state {
        State::Trading | State::VolatilityPause => true,
        State::Auction => standing.auction == cross_type::HALT,
        _ => false,
    };
    match phase {
        Phase::PreOpen | Phase::OpeningAuction => None,
        Phase::Open | Phase::ClosingAuction => {
            if let Some(standing) = instruments().find(is_to_open) {
                return Some(set_state(&standing, State::Trading, 0));
            }
            let standing = instruments()
                .find(is_to_close)
                .filter(|_| phase == Phase::ClosingAuction)?;
            Some(set_state(&standing, State::Auction, cross_type::CLOSING))
        }
        Phase::Closed | Phase::Over => {
            let is_open = |standing: &Standing| standing.state != State::Closed;
            Some(match instruments().find(is_open) {
                Some(standing) => set_state(&standing, State::Closed, 0),
                None => system_event(event_code::END_OF_MARKET_HOURS),
            })
        }
    }
}

/// The day rolls. What somebody opened behind its end is closed before, and what was entered there ended.
fn rolling<I: Iterator<Item = Standing>>(
    instruments: impl Fn() -> I,
    may_roll: impl Fn() -> bool,
) -> Command {
    if let Some(standing) = instruments().find(|standing| standing.state != State::Closed) {
        return set_state(&standing, State::Closed, 0);
    }
    if may_roll() {
        Command::new(CommandKind::RollDay)
    } else {
        system_event(event_code::END_OF_MARKET_HOURS)
    }
}

fn set_state(standing: &Standing, state: State, auction: u8) -> Command {
    Command {
        instrument: standing.locate,
        ..Command::new(CommandKind::SetState).with_auction(state as u8, auction)
    }
}

fn system_event(code: u8) -> Command {
    Command::new(CommandKind::SystemEvent).with_state(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_NS: u64 = 3_600 * SECOND_NS;
    /// Some midnight.
    const MIDNIGHT_NS: u64 = 20_000 * DAY_NS;
    const DAY: Day = Day {
        pre_open: 7 * 3600,
        opening_auction: 8 * 3600,
        open: 9 * 3600,
        closing_auction: 16 * 3600,
        close: 17 * 3600,
        roll: 18 * 3600,
    };

    /// Two instruments, a clock, and a schedule that may be thrown away at any time.
    struct World {
        day: Day,
        standings: [Standing; 2],
        system_event: Option<u8>,
        now_ns: u64,
        since_ns: u64,
        schedule: Schedule,
        /// No order of the day is left.
        may_roll: bool,
        /// What was done: states as `1P`, events as `Q`.
        told: Vec<String>,
    }

    impl World {
        /// First start, at this hour of the first day; the setup has listed the instruments and said S.
        fn at(day: Day, hour: f64) -> Self {
            let standing = |locate| Standing {
                locate,
                state: State::PreOpen,
                auction: b'O',
            };
            let now_ns = MIDNIGHT_NS + (hour * HOUR_NS as f64) as u64;
            Self {
                day,
                standings: [standing(1), standing(2)],
                system_event: Some(b'S'),
                now_ns,
                since_ns: now_ns,
                schedule: Schedule::new(&day, Some(b'S'), now_ns),
                may_roll: true,
                told: Vec::new(),
            }
        }

        fn restart(&mut self) {
            self.schedule = Schedule::new(&self.day, self.system_event, self.since_ns);
        }

        /// Carries out the next command; false when there is none.
        fn one(&mut self) -> bool {
            let standings = self.standings;
            let may_roll = self.may_roll;
            let next = self
                .schedule
                .next(self.now_ns, || standings.into_iter(), || may_roll);
            let Some(command) = next else {
                return false;
            };
            self.schedule.taken(&command, self.now_ns);
            self.since_ns = self.now_ns;
            if command.kind == CommandKind::RollDay as u8 {
                self.schedule.rolled();
                self.system_event = Some(b'S');
                self.told.push("roll".to_owned());
                return true;
            }
            self.may_roll |= command == system_event(b'M');
            let change = command.state_change();
            let mut told = String::new();
            if command.kind == CommandKind::SystemEvent as u8 {
                self.system_event = Some(change.value);
            } else {
                let standing = &mut self.standings[usize::from(command.instrument) - 1];
                standing.state = State::from_byte(change.value).expect("a state");
                standing.auction = change.auction;
                told = command.instrument.to_string();
            }
            told.push(char::from(change.value));
            told.extend((change.auction != 0).then_some(char::from(change.auction)));
            self.told.push(told);
            true
        }

        /// Carries out what is to be done now.
        fn turn(&mut self) {
            for _ in 0..20 {
                if !self.one() {
                    return;
                }
            }
            panic!("the schedule finds no end: {:?}", self.told);
        }

        /// Passes the time up to an hour of the first day, in steps of half an hour; what was told.
        fn until(&mut self, hour: f64) -> String {
            let end_ns = MIDNIGHT_NS + (hour * HOUR_NS as f64) as u64;
            while self.now_ns < end_ns {
                self.now_ns = end_ns.min(self.now_ns + HOUR_NS / 2);
                self.turn();
            }
            std::mem::take(&mut self.told).join(" ")
        }
    }

    #[test]
    fn a_day_from_the_night_to_the_end() {
        let mut world = World::at(DAY, 5.0);
        world.turn();
        assert_eq!(world.until(6.5), "1X 2X", "nobody trades at night");
        assert_eq!(world.until(7.0), "1PO 2PO");
        assert_eq!(world.until(8.0), "1AO 2AO");
        assert_eq!(world.until(8.5), "");
        assert_eq!(world.until(9.0), "Q 1T 2T");
        assert_eq!(world.until(15.5), "");
        assert_eq!(world.until(16.0), "1AC 2AC");
        assert_eq!(world.until(17.0), "1X 2X M E");
        assert_eq!(world.until(17.5), "");
        assert_eq!(world.until(18.0), "C");
        world.now_ns += 29 * SECOND_NS;
        world.turn();
        assert_eq!(world.told.join(" "), "", "receivers are still being told");
        assert_eq!(world.until(18.5), "roll");
        assert_eq!(world.until(30.5), "");
        assert_eq!(world.until(32.5), "1PO 2PO 1AO 2AO", "the next day");
        assert_eq!(world.until(54.5), "Q 1T 2T 1AC 2AC 1X 2X M E C roll");
        assert_eq!(world.until(55.0), "1PO 2PO", "and the one after it");
    }

    #[test]
    fn a_start_in_the_middle_goes_to_where_the_day_is() {
        for (hour, expected) in [
            (7.5, ""),
            (8.5, "1AO 2AO"),
            (12.0, "Q 1T 2T"),
            (16.5, "Q 1T 2T 1AC 2AC"),
            (17.5, "1X 2X"),
            (19.0, "1X 2X"),
        ] {
            let mut world = World::at(DAY, hour);
            world.turn();
            assert_eq!(world.told.join(" "), expected, "at {hour}");
        }
        // A day that was not opened is not ended, and the next one comes.
        let mut world = World::at(DAY, 17.5);
        world.turn();
        assert_eq!(world.until(30.5), "1X 2X");
        assert_eq!(world.until(31.0), "1PO 2PO");
    }

    #[test]
    fn a_day_may_pass_midnight() {
        let late = Day {
            pre_open: 22 * 3600,
            opening_auction: 23 * 3600,
            open: 0,
            closing_auction: 20 * 3600,
            close: 21 * 3600,
            roll: 21 * 3600 + 1800,
        };
        let mut world = World::at(late, 21.5);
        world.turn();
        assert_eq!(world.until(22.0), "1X 2X 1PO 2PO");
        assert_eq!(world.until(24.0), "1AO 2AO Q 1T 2T");
        assert_eq!(world.until(44.0), "1AC 2AC");
        assert_eq!(world.until(45.5), "1X 2X M E C");
        assert_eq!(world.until(46.0), "roll 1PO 2PO");
        let mut world = World::at(late, 3.0);
        world.turn();
        assert_eq!(world.told.join(" "), "Q 1T 2T");
    }

    /// Cut off after any number of commands and started again, the day is the same.
    #[test]
    fn a_restart_at_any_point_repeats_and_omits_nothing() {
        let times = [6.0, 7.0, 8.0, 9.0, 16.0, 17.0, 18.0, 18.5, 31.0];
        let whole = {
            let mut world = World::at(DAY, times[0]);
            let told: Vec<_> = times.iter().map(|time| world.until(*time)).collect();
            told.join(" ").trim().to_owned()
        };
        for cut in 0..whole.split(' ').count() {
            let mut world = World::at(DAY, times[0]);
            for time in times {
                world.now_ns = MIDNIGHT_NS + (time * HOUR_NS as f64) as u64;
                loop {
                    if world.told.len() == cut {
                        world.restart();
                    }
                    if !world.one() {
                        break;
                    }
                }
            }
            assert_eq!(world.told.join(" "), whole, "cut at {cut}");
        }
    }

    #[test]
    fn what_was_missed_is_made_up_for() {
        let down = |from: f64, to: f64| {
            let mut world = World::at(DAY, 6.0);
            world.until(from);
            world.now_ns = MIDNIGHT_NS + (to * HOUR_NS as f64) as u64;
            world.restart();
            world.turn();
            world.told.join(" ")
        };
        assert_eq!(down(8.5, 12.0), "Q 1T 2T", "the opening");
        assert_eq!(down(12.0, 16.5), "1AC 2AC", "the closing auction's beginning");
        assert_eq!(down(12.0, 17.5), "1X 2X M E", "the close, without an auction");
        assert_eq!(
            down(12.0, 36.0),
            "1X 2X M E C",
            "a whole night: the day before is ended"
        );
        assert_eq!(down(17.5, 33.0), "C", "the end of messages");
        assert_eq!(
            down(18.0, 33.0),
            "roll 1PO 2PO Q 1T 2T",
            "the roll, and the next day"
        );
        assert_eq!(down(8.5, 19.0), "1X 2X", "a day that never opened");
    }

    #[test]
    fn what_is_halted_or_paused_stays_so_until_the_close() {
        let mut world = World::at(DAY, 8.5);
        world.turn();
        world.standings[0].state = State::Halted;
        assert_eq!(world.until(9.0), "1AO 2AO Q 2T");
        world.standings[1].state = State::VolatilityPause;
        assert_eq!(world.until(13.0), "");
        world.standings[1].state = State::Auction;
        world.standings[1].auction = b'H';
        assert_eq!(world.until(15.5), "");
        assert_eq!(world.until(16.0), "2AC");
        assert_eq!(world.until(17.0), "1X 2X M E");
    }

    #[test]
    fn what_was_opened_behind_the_end_ends_again() {
        let mut world = World::at(DAY, 17.0);
        world.system_event = Some(b'C');
        world.standings = world.standings.map(|standing| Standing {
            state: State::Closed,
            ..standing
        });
        world.standings[1].state = State::Trading;
        world.may_roll = false;
        world.restart();
        assert_eq!(world.until(17.5), "2X M E");
        assert_eq!(world.until(18.5), "C roll");
    }

    #[test]
    fn a_clock_that_steps_back_does_nothing() {
        let mut world = World::at(DAY, 9.0);
        world.turn();
        world.now_ns -= HOUR_NS;
        world.restart();
        assert_eq!(world.until(8.5), "Q 1T 2T");
        assert_eq!(world.until(9.5), "");
    }
}
