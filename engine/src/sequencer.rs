//! Number and time of every command; the only reader of the clock on the engine's way.

use crate::exchange::command::Command;
use crate::planted::{self, Bug};
use crate::runtime::clock::Clock;

/// Gives the next number, and a time that never runs backwards.
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
        self.time = (self.time + 1).max(self.now_ns.saturating_sub(self.day_ns));
        if planted::is(Bug::ClockBelieved) {
            self.time = self.now_ns.saturating_sub(self.day_ns);
        }
        command.sequence = self.sequence;
        command.time = self.time;
    }

    /// True when the next command will be stamped `time` or later.
    pub fn has_reached(&self, time: u64) -> bool {
        time <= (self.time + 1).max(self.now_ns.saturating_sub(self.day_ns))
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
}
