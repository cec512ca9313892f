//! The trading day by the clock: which command its times ask for next.
//!
//! A function of the configured times, the clock, and what the journal says: the day's midnight, the last System Event and
//! each instrument's state. So a start in the middle of a day, and a start after a crash at any point, find what is still to
//! be done, do it, and repeat nothing. What an operator has halted stays so until the close.
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
//! A day that was not ended in time (the exchange was down) is ended as soon as it can be, and rolls.
//!
//! Whatever the times say, and without any, a day is ended so that it has rolled 71 hours after its midnight: all closed, M,
//! E and C at once, the roll 30 s later. So no day comes near the 72 hours at which its clock stops. Without times the
//! instruments are opened behind the roll, and trade around the clock until the next one.

use protocol::market_data::values::{cross_type, event_code};

use crate::config::Day;
use crate::exchange::LastSystemEvent;
use crate::exchange::command::{Command, CommandKind};
use crate::exchange::instrument::State;
use crate::output::ENDING_NS;

const SECOND_NS: u64 = 1_000_000_000;
const DAY_SECONDS: u32 = 86_400;
const DAY_NS: u64 = DAY_SECONDS as u64 * SECOND_NS;
/// A day rolls at this time at the latest, counted from its midnight.
const DAY_NS_MAX: u64 = 71 * 3_600 * SECOND_NS;

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
    /// `None`: around the clock.
    times: Option<Times>,
    /// What the times of the day's commands count from, nanoseconds since 1970.
    midnight_ns: u64,
    /// Code of the last System Event.
    system_event: u8,
    /// The day has rolled since the start, and without times of the day its instruments are not all opened yet.
    is_opening: bool,
    /// When that was given, nanoseconds since 1970. The wait behind the end of messages counts from it.
    since_ns: u64,
    /// Before this time there is nothing to do.
    next_ns: u64,
}

/// The configured times.
#[derive(Debug, Clone)]
struct Times {
    /// Of the day's start since midnight, nanoseconds.
    pre_open_ns: u64,
    /// When each phase begins, since the day's start.
    begins_ns: [(Phase, u64); 6],
    /// When the day that the exchange is in began, nanoseconds since 1970.
    began_ns: u64,
}

impl Schedule {
    /// The schedule of an exchange whose last System Event was `told`, if there was one, whose last command was given at
    /// `last_ns` (now, when there was none, or when nobody knows because the day's clock stood still), and whose day counts
    /// from `midnight_ns`, nanoseconds since 1970. Without a `day` instruments trade around the clock.
    pub fn new(day: Option<&Day>, told: Option<LastSystemEvent>, last_ns: u64, midnight_ns: u64) -> Self {
        Self {
            times: day.map(|day| Times::new(day, last_ns)),
            midnight_ns,
            system_event: told.map_or(b' ', |told| told.code),
            is_opening: false,
            since_ns: midnight_ns + told.map_or(0, |told| told.time),
            next_ns: 0,
        }
    }

    /// A command was taken at `now_ns`, whoever gave it.
    pub(super) fn taken(&mut self, command: &Command, now_ns: u64) {
        if command.kind == CommandKind::SystemEvent as u8 {
            self.system_event = command.state_change().value;
            self.since_ns = now_ns;
            self.next_ns = 0;
        }
    }

    /// The day has rolled, whoever wanted it. The new one counts from `midnight_ns`.
    pub(super) fn rolled(&mut self, midnight_ns: u64) {
        self.midnight_ns = midnight_ns;
        self.is_opening = true;
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
        if matches!(
            self.system_event,
            event_code::END_OF_MARKET_HOURS | event_code::END_OF_SYSTEM_HOURS | event_code::END_OF_MESSAGES
        ) {
            return self.ending(now_ns, instruments, may_roll);
        }
        if now_ns >= self.ends_ns() {
            return Some(closing(instruments));
        }
        let has_opened = self.system_event == event_code::START_OF_MARKET_HOURS;
        let phase = match &mut self.times {
            Some(times) => {
                if !has_opened && times.phase(now_ns) >= Phase::Closed {
                    // Nothing was opened on this day: its orders wait for the next one.
                    let waits =
                        |standing: &Standing| matches!(standing.state, State::PreOpen | State::Auction);
                    if let Some(standing) = instruments().find(waits) {
                        return Some(set_state(&standing, State::Closed, 0));
                    }
                    times.began_ns = times.day_of(now_ns).max(times.began_ns);
                }
                times.phase(now_ns)
            }
            None if self.is_opening => Phase::Open,
            None => {
                // What is to be opened at a start is the setup's.
                self.wait_from(now_ns);
                return None;
            }
        };
        let command = if has_opened {
            opened(phase, instruments)
        } else {
            opening(phase, instruments)
        };
        if command.is_none() {
            self.is_opening = false;
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
            event_code::END_OF_SYSTEM_HOURS if self.is_over(now_ns) => {
                return Some(system_event(event_code::END_OF_MESSAGES));
            }
            event_code::END_OF_SYSTEM_HOURS => self.wait_from(now_ns),
            _ if now_ns < self.since_ns.saturating_add(ENDING_NS) => self.next_ns = self.since_ns + ENDING_NS,
            _ => return Some(rolling(instruments, may_roll)),
        }
        None
    }

    /// Nothing more is to be done before the next phase, the next day, or the latest end of this one.
    fn wait_from(&mut self, now_ns: u64) {
        let ends_ns = self.ends_ns();
        self.next_ns = match &self.times {
            Some(times) => times.next_ns(now_ns).min(ends_ns),
            None => ends_ns,
        };
    }

    /// Messages end here at the latest, so that the day has rolled in time.
    fn ends_ns(&self) -> u64 {
        self.midnight_ns + DAY_NS_MAX - ENDING_NS
    }

    /// True when a day that is closed can have its end of messages. Without times there is nothing to wait for.
    fn is_over(&self, now_ns: u64) -> bool {
        let times = self.times.as_ref();
        now_ns >= self.ends_ns() || times.is_none_or(|times| times.phase(now_ns) == Phase::Over)
    }
}

impl Times {
    /// The day that the exchange is in has `ns` in it.
    fn new(day: &Day, ns: u64) -> Self {
        let since_pre_open =
            |time: u32| u64::from((time + DAY_SECONDS - day.pre_open) % DAY_SECONDS) * SECOND_NS;
        let mut times = Self {
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
        };
        times.began_ns = times.day_of(ns);
        times
    }

    /// When the next phase begins, or the next day.
    fn next_ns(&self, now_ns: u64) -> u64 {
        let elapsed_ns = now_ns.saturating_sub(self.began_ns);
        let next = self
            .begins_ns
            .iter()
            .find(|(_, begins_ns)| *begins_ns > elapsed_ns);
        self.began_ns + next.map_or(DAY_NS, |(_, begins_ns)| *begins_ns)
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
        Phase::Closed | Phase::Over => Some(closing(instruments)),
    }
}

/// All instruments are closed, then market hours end.
fn closing<I: Iterator<Item = Standing>>(instruments: impl Fn() -> I) -> Command {
    match instruments().find(is_open) {
        Some(standing) => set_state(&standing, State::Closed, 0),
        None => system_event(event_code::END_OF_MARKET_HOURS),
    }
}

fn is_open(standing: &Standing) -> bool {
    standing.state != State::Closed
}

/// The day rolls. What somebody opened behind its end is closed before, and what was entered there ended.
fn rolling<I: Iterator<Item = Standing>>(
    instruments: impl Fn() -> I,
    may_roll: impl Fn() -> bool,
) -> Command {
    if let Some(standing) = instruments().find(is_open) {
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
    use crate::sequencer::TIME_MAX_NS;

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
    #[derive(Debug)]
    struct World {
        day: Option<Day>,
        /// Of the exchange's day.
        midnight_ns: u64,
        /// How long the longest day was that has rolled.
        longest_ns: u64,
        standings: [Standing; 2],
        told_event: Option<LastSystemEvent>,
        now_ns: u64,
        /// Of the last command.
        last_ns: u64,
        schedule: Schedule,
        /// No order of the day is left.
        may_roll: bool,
        /// What was done: states as `1P`, events as `Q`.
        told: Vec<String>,
    }

    impl World {
        /// First start, at this hour of the first day; the setup has listed the instruments and said S.
        fn at(day: Day, hour: f64) -> Self {
            Self::with(Some(day), hour)
        }

        /// The same without times: the setup has opened it as well.
        fn around_the_clock(hour: f64) -> Self {
            let mut world = Self::with(None, hour);
            for standing in &mut world.standings {
                standing.state = State::Trading;
            }
            world.say(b'Q');
            world.restart();
            world
        }

        fn with(day: Option<Day>, hour: f64) -> Self {
            let standing = |locate| Standing {
                locate,
                state: State::PreOpen,
                auction: b'O',
            };
            let now_ns = MIDNIGHT_NS + (hour * HOUR_NS as f64) as u64;
            let midnight_ns = MIDNIGHT_NS + (hour / 24.0) as u64 * DAY_NS;
            let mut world = Self {
                day,
                midnight_ns,
                longest_ns: 0,
                standings: [standing(1), standing(2)],
                told_event: None,
                now_ns,
                last_ns: now_ns,
                schedule: Schedule::new(day.as_ref(), None, now_ns, midnight_ns),
                may_roll: true,
                told: Vec::new(),
            };
            world.say(b'S');
            world.restart();
            world
        }

        /// A System Event comes into the exchange's state. The clock of a day that is overdue stands still.
        fn say(&mut self, code: u8) {
            let time = (self.now_ns - self.midnight_ns).min(TIME_MAX_NS);
            self.told_event = Some(LastSystemEvent { code, time });
        }

        fn restart(&mut self) {
            let is_known = self.last_ns < self.midnight_ns + TIME_MAX_NS;
            let last_ns = if is_known { self.last_ns } else { self.now_ns };
            self.schedule = Schedule::new(self.day.as_ref(), self.told_event, last_ns, self.midnight_ns);
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
            self.last_ns = self.now_ns;
            if command.kind == CommandKind::RollDay as u8 {
                assert!(
                    self.standings
                        .iter()
                        .all(|standing| standing.state == State::Closed)
                );
                let lasted_ns = self.now_ns - self.midnight_ns;
                self.longest_ns = self.longest_ns.max(lasted_ns);
                self.midnight_ns = self.now_ns - self.now_ns % DAY_NS;
                self.schedule.rolled(self.midnight_ns);
                self.say(b'S');
                self.told.push("roll".to_owned());
                return true;
            }
            self.may_roll |= command == system_event(b'M');
            let change = command.state_change();
            let mut told = String::new();
            if command.kind == CommandKind::SystemEvent as u8 {
                self.say(change.value);
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

    /// The half minute behind the end of messages counts from there, also for a process that never lives as long and takes
    /// commands meanwhile. When it began is not known when the day's clock stood still: then it is over.
    #[test]
    fn a_process_that_does_not_live_half_a_minute_rolls() {
        let mut world = World::at(DAY, 6.0);
        assert!(world.until(18.0).ends_with("M E C"));
        for lived in [10, 20, 29] {
            world.now_ns = MIDNIGHT_NS + 18 * HOUR_NS + lived * SECOND_NS;
            world.last_ns = world.now_ns;
            world.restart();
            assert!(!world.one(), "after {lived} s");
        }
        world.now_ns = MIDNIGHT_NS + 18 * HOUR_NS + 30 * SECOND_NS;
        world.restart();
        world.turn();
        assert_eq!(world.told.join(" "), "roll");

        let mut late = World::around_the_clock(10.0);
        late.now_ns = MIDNIGHT_NS + 80 * HOUR_NS;
        late.restart();
        late.turn();
        assert_eq!(late.told.join(" "), "1X 2X M E C");
        late.now_ns += SECOND_NS;
        assert!(!late.one(), "receivers are being told");
        late.restart();
        late.turn();
        assert_eq!(late.told.join(" "), "1X 2X M E C roll 1PO 2PO Q 1T 2T");
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
        world.say(b'C');
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

    #[test]
    fn around_the_clock_a_day_rolls_at_71_hours() {
        let mut world = World::around_the_clock(10.0);
        assert_eq!(world.until(70.5), "");
        world.now_ns = MIDNIGHT_NS + 71 * HOUR_NS - 31 * SECOND_NS;
        world.turn();
        assert_eq!(world.told.join(" "), "");
        world.now_ns += SECOND_NS;
        world.turn();
        assert_eq!(world.told.join(" "), "1X 2X M E C");
        world.now_ns += 29 * SECOND_NS;
        assert!(!world.one(), "receivers are still being told");
        world.now_ns += SECOND_NS;
        world.turn();
        let whole = "1X 2X M E C roll 1PO 2PO Q 1T 2T";
        assert_eq!(world.told.join(" "), whole);
        assert_eq!(world.longest_ns, 71 * HOUR_NS);
        // What was said at its opening is not asked for again, whatever somebody does then.
        world.told.clear();
        world.standings[0].state = State::Halted;
        world.standings[1].state = State::PreOpen;
        // The next one began at 23 h, so that it rolls two days later.
        world.now_ns = MIDNIGHT_NS + (48 + 71) * HOUR_NS - 30 * SECOND_NS - 1;
        world.turn();
        assert_eq!(world.told.join(" "), "");
        world.now_ns += 1;
        world.turn();
        world.now_ns += ENDING_NS;
        world.turn();
        assert_eq!(world.told.join(" "), whole);
        assert_eq!(world.longest_ns, 71 * HOUR_NS);
    }

    /// Around the clock too, a day that is cut off after any number of commands is the same: what a start finds behind the
    /// roll is opened by the setup, and all before by the schedule.
    #[test]
    fn a_restart_in_the_forced_end_repeats_and_omits_nothing() {
        let ends_ns = MIDNIGHT_NS + 71 * HOUR_NS - ENDING_NS;
        for cut in 0..=6 {
            let mut world = World::around_the_clock(10.0);
            for now_ns in [ends_ns, ends_ns + ENDING_NS] {
                world.now_ns = now_ns;
                loop {
                    if world.told.len() == cut {
                        world.restart();
                    }
                    if !world.one() {
                        break;
                    }
                }
            }
            let whole = match cut {
                6 => "1X 2X M E C roll",
                _ => "1X 2X M E C roll 1PO 2PO Q 1T 2T",
            };
            assert_eq!(world.told.join(" "), whole, "cut at {cut}");
        }
    }

    #[test]
    fn a_day_that_was_down_at_its_latest_end_is_ended_at_once() {
        for hour in [72.5, 200.0] {
            let mut world = World::around_the_clock(10.0);
            world.now_ns = MIDNIGHT_NS + (hour * HOUR_NS as f64) as u64;
            world.restart();
            world.turn();
            assert_eq!(world.told.join(" "), "1X 2X M E C");
            world.now_ns += ENDING_NS;
            world.turn();
            assert_eq!(
                world.told.join(" "),
                "1X 2X M E C roll 1PO 2PO Q 1T 2T",
                "at {hour}"
            );
            world.told.clear();
            assert_eq!(world.until(hour + 46.0), "");
        }
    }

    /// An end that times began is ended without them.
    #[test]
    fn a_day_whose_times_are_taken_away_rolls() {
        for (hour, expected) in [(17.0, "C roll 1PO 2PO Q 1T 2T"), (18.0, "roll 1PO 2PO Q 1T 2T")] {
            let mut world = World::at(DAY, 6.0);
            world.until(hour);
            world.day = None;
            world.restart();
            world.turn();
            world.now_ns += ENDING_NS;
            world.turn();
            assert_eq!(world.told.join(" "), expected);
        }
    }

    /// By its times a day lasts two nights and a day at most. Only the first one, begun behind a late close, could last
    /// longer.
    #[test]
    fn with_times_only_a_first_day_comes_near_the_latest_end() {
        let late = Day {
            pre_open: 23 * 3600 + 300,
            opening_auction: 23 * 3600 + 310,
            open: 23 * 3600 + 320,
            closing_auction: 23 * 3600 + 330,
            close: 23 * 3600 + 600,
            roll: 23 * 3600 + 240,
        };
        for start in 0..96 {
            let mut world = World::at(DAY, f64::from(start) / 4.0);
            world.turn();
            world.until(96.0);
            assert!(world.longest_ns < 48 * HOUR_NS, "{start} {world:?}");
        }
        let mut world = World::at(late, 23.5);
        world.turn();
        assert_eq!(world.until(24.0), "1X 2X");
        world.now_ns = MIDNIGHT_NS + 47 * HOUR_NS + 400 * SECOND_NS;
        world.turn();
        assert_eq!(world.until(48.0), "1PO 2PO Q 1T 2T 1AC 2AC 1X 2X M E");
        assert_eq!(world.until(70.5), "");
        world.now_ns = MIDNIGHT_NS + 71 * HOUR_NS - ENDING_NS;
        world.turn();
        assert_eq!(world.until(71.0), "C roll");
        assert_eq!(world.longest_ns, 71 * HOUR_NS);
    }

    /// Days that are not opened are passed over, one after the other, when the exchange is down in their hours. They are one
    /// day to its clock, and that ends in time.
    #[test]
    fn days_that_nobody_opened_end_together() {
        let mut world = World::at(DAY, 19.0);
        world.turn();
        for hour in [19.0 + 24.0, 19.0 + 48.0] {
            world.now_ns = MIDNIGHT_NS + (hour * HOUR_NS as f64) as u64;
            world.restart();
            world.turn();
        }
        assert_eq!(world.told.join(" "), "1X 2X");
        world.told.clear();
        assert_eq!(world.until(70.5), "");
        assert_eq!(world.until(71.5), "M E C roll");
        assert_eq!(world.until(79.0), "1PO 2PO");
        // In the middle of trading: it goes on behind the roll.
        let late = Day {
            close: 23 * 3600 + 2700,
            roll: 23 * 3600 + 3000,
            ..DAY
        };
        let mut world = World::at(late, 23.9);
        world.turn();
        assert_eq!(world.told.join(" "), "1X 2X");
        world.told.clear();
        world.now_ns = MIDNIGHT_NS + 56 * HOUR_NS;
        world.restart();
        assert_eq!(world.until(70.5), "1PO 2PO 1AO 2AO Q 1T 2T 1AC 2AC");
        assert_eq!(world.until(71.0), "1X 2X M E C");
        assert_eq!(world.until(71.25), "roll 1PO 2PO Q 1T 2T 1AC 2AC");
    }
}
