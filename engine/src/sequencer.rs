//! Number and time of every command; the only reader of the clock on the engine's way.

use crate::exchange::command::Command;
use crate::planted::{self, Bug};
use crate::runtime::clock::Clock;

const DAY_NS: u64 = 86_400_000_000_000;
/// A day that is overdue stays at this time, so that ITCH's 48 bits hold whatever is still said of it.
pub const TIME_MAX_NS: u64 = 72 * 3_600_000_000_000;

/// Gives the next number, and a time that never runs backwards within a day.
#[derive(Debug)]
pub struct Sequencer {
    sequence: u64,
    time: u64,
    day_ns: u64,
    clock: Clock,
    /// The clock as it was read last, nanoseconds since 1970.
    now_ns: u64,
}

impl Sequencer {
    /// Goes on after command `sequence`, which was stamped `time`. `day_ns`: the midnight UTC before the trading day's
    /// start, in nanoseconds since 1970.
    pub fn new(sequence: u64, time: u64, day_ns: u64, clock: Clock) -> Self {
        let now_ns = clock.now_ns();
        Self {
            sequence,
            time,
            day_ns,
            clock,
            now_ns,
        }
    }

    /// Reads the clock: once for each turn and each datagram, not for each command.
    pub fn read_clock(&mut self) -> u64 {
        self.now_ns = self.clock.now_ns();
        self.now_ns
    }

    /// Stamps a command: max(time before + 1, now).
    pub fn stamp(&mut self, command: &mut Command) {
        self.sequence += 1;
        self.time = self.next_time();
        if planted::is(Bug::ClockBelieved) {
            self.time = self.now_ns.saturating_sub(self.day_ns);
        }
        command.sequence = self.sequence;
        command.time = self.time;
    }

    /// Stamps the command that begins a new day: gives it the midnight UTC before, and the time since then. What its time
    /// stands for is not before what the last command's stands for.
    pub fn stamp_new_day(&mut self, command: &mut Command) {
        let moment_ns = self.now_ns.max(self.day_ns + self.time + 1);
        self.day_ns = moment_ns - moment_ns % DAY_NS;
        self.sequence += 1;
        self.time = moment_ns - self.day_ns;
        *command = command.with_new_day(self.day_ns);
        command.sequence = self.sequence;
        command.time = self.time;
    }

    /// The midnight UTC that the day's times count from, nanoseconds since 1970.
    pub fn midnight_ns(&self) -> u64 {
        self.day_ns
    }

    /// The clock as it was read last, nanoseconds since 1970.
    pub fn now_ns(&self) -> u64 {
        self.now_ns
    }

    /// True when the next command will be stamped `time` or later.
    pub fn has_reached(&self, time: u64) -> bool {
        time <= self.next_time()
    }

    fn next_time(&self) -> u64 {
        let now = self.now_ns.saturating_sub(self.day_ns);
        (self.time + 1).max(now.min(TIME_MAX_NS))
    }

    /// Number of the last command; 0 before the first.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::command::CommandKind;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn time_never_runs_backwards() {
        let ns = Arc::new(AtomicU64::new(5_000));
        let mut sequencer = Sequencer::new(10, 900, 4_000, Clock::Manual(Arc::clone(&ns)));
        let mut stamp = |set: u64| {
            ns.store(set, Ordering::Relaxed);
            sequencer.read_clock();
            let mut command = Command::new(CommandKind::AccountQuery);
            sequencer.stamp(&mut command);
            (command.sequence, command.time)
        };
        assert_eq!(stamp(5_000), (11, 1_000));
        assert_eq!(stamp(5_000), (12, 1_001), "two commands never share a time");
        assert_eq!(stamp(4_500), (13, 1_002), "the clock stepped back");
        assert_eq!(stamp(3_000), (14, 1_003), "before the day began");
        assert_eq!(stamp(9_000), (15, 5_000));
    }

    #[test]
    fn a_new_day_counts_from_its_own_midnight() {
        let ns = Arc::new(AtomicU64::new(0));
        let first_ns = 20_000 * DAY_NS;
        let mut sequencer = Sequencer::new(10, 0, first_ns, Clock::Manual(Arc::clone(&ns)));
        let mut stamp = |set: u64, rolls: bool| {
            ns.store(set, Ordering::Relaxed);
            sequencer.read_clock();
            let mut command = Command::new(CommandKind::RollDay);
            if rolls {
                sequencer.stamp_new_day(&mut command);
            } else {
                sequencer.stamp(&mut command);
            }
            (command.time, command.new_day().midnight_ns)
        };
        assert_eq!(
            stamp(first_ns + 30 * 3_600_000_000_000, false),
            (DAY_NS / 4 * 5, 0)
        );
        assert_eq!(stamp(first_ns + DAY_NS + 7, true).1, first_ns + DAY_NS);
        assert_eq!(
            stamp(first_ns + DAY_NS + 9, false).0,
            DAY_NS / 4 + 2,
            "the clock stepped back"
        );
        assert_eq!(
            stamp(first_ns + 2 * DAY_NS + 5, true),
            (5, first_ns + 2 * DAY_NS),
            "before the hour of the day before"
        );
        assert_eq!(
            stamp(first_ns + 9 * DAY_NS, false).0,
            TIME_MAX_NS,
            "a day that nobody ended"
        );
        assert_eq!(stamp(first_ns + 9 * DAY_NS, false).0, TIME_MAX_NS + 1);
        assert_eq!(stamp(first_ns + 9 * DAY_NS, true), (0, first_ns + 9 * DAY_NS));
    }
}
