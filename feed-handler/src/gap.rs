//! When a hole in the stream is a gap, and what to ask for.
//!
//! The other line usually brings what one line lost within microseconds, so that a hole is given a little patience
//! before it is a gap. Then everything from the first missing message on is asked for over TCP, once: that stream
//! stays live, so that it also fills holes behind the first.
//! Must not be here: sockets, messages.

use core::ops::Range;

/// What to ask the recovery service for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// The first message wanted.
    pub from: u64,
}

/// Counts of gaps. A hole is a gap when it outlasts the patience, or when recovery fills it before a line does (a
/// recovery connection stays a moment for the next gap).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GapStatistics {
    /// Gaps that began with a message not lost on purpose.
    pub gaps: u64,
    /// Gaps that began with a message lost on purpose.
    pub gaps_provoked: u64,
    /// Holes that a line filled in time.
    pub arbitrated: u64,
    /// The longest time from the first sight of a gap to its filling, nanoseconds.
    pub longest_ns: u64,
}

/// What is missing now.
#[derive(Debug, Clone)]
pub struct Missing {
    /// From the first missing message to what is known to exist; `None` when the stream is whole.
    pub range: Option<Range<u64>>,
    /// Messages that recovery has brought so far in place of the lines.
    pub recovered: u64,
}

/// What the detector sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    Whole,
    Hole {
        from: u64,
        since_ns: u64,
        recovered: u64,
    },
    Gap {
        to: u64,
        since_ns: u64,
    },
}

/// Watches what is missing.
#[derive(Debug)]
pub struct GapDetector {
    patience_ns: u64,
    joined: bool,
    sight: Sight,
    /// The first missing message, and since when it has been this one.
    stuck: Option<(u64, u64)>,
    statistics: GapStatistics,
}

impl GapDetector {
    /// A hole older than `patience_ns` is a gap. What is missing at first, when joining late, is asked for at once and
    /// not counted.
    pub fn new(patience_ns: u64) -> Self {
        Self {
            patience_ns,
            joined: false,
            sight: Sight::Whole,
            stuck: None,
            statistics: GapStatistics::default(),
        }
    }

    /// Looks at what is missing. A gap lasts until everything known when it was declared is there. `caused` tells
    /// whether the loss of a message was on purpose. Answers what must be asked for as long as the gap lasts; the caller
    /// asks unless it is asking already.
    pub fn watch(&mut self, missing: &Missing, now_ns: u64, caused: impl Fn(u64) -> bool) -> Option<Ask> {
        let recovered = missing.recovered;
        let Some(range) = &missing.range else {
            self.close(recovered, now_ns, caused);
            self.stuck = None;
            return None;
        };
        let ask = Ask { from: range.start };
        if self.stuck.is_none_or(|(from, _)| from != range.start) {
            self.stuck = Some((range.start, now_ns));
        }
        match self.sight {
            Sight::Gap { to, .. } if range.start < to => return Some(ask),
            Sight::Hole { from, .. } if range.start == from => {}
            _ => {
                self.close(recovered, now_ns, &caused);
                self.sight = Sight::Hole {
                    from: range.start,
                    since_ns: now_ns,
                    recovered,
                };
            }
        }
        let Sight::Hole { since_ns, .. } = self.sight else {
            return None;
        };
        if self.joined && now_ns.saturating_sub(since_ns) < self.patience_ns {
            return None;
        }
        self.count(range.start, caused);
        self.sight = Sight::Gap {
            to: range.end,
            since_ns,
        };
        Some(ask)
    }

    /// Says that the stream is whole up to what is known: from here on missing messages are gaps, no late join.
    pub fn joined(&mut self) {
        self.joined = true;
    }

    /// Forgets what is missing: another session begins, with numbers of its own.
    pub fn forget(&mut self) {
        self.sight = Sight::Whole;
        self.stuck = None;
    }

    /// True once [`GapDetector::joined`] was said.
    pub fn has_joined(&self) -> bool {
        self.joined
    }

    /// While messages are missing: since when the first missing one is the first.
    pub fn stuck_since_ns(&self) -> Option<u64> {
        self.stuck.map(|(_, since_ns)| since_ns)
    }

    /// True while something is missing that must be asked for.
    pub fn is_open(&self) -> bool {
        matches!(self.sight, Sight::Gap { .. })
    }

    /// Counts so far.
    pub fn statistics(&self) -> &GapStatistics {
        &self.statistics
    }

    fn count(&mut self, from: u64, caused: impl Fn(u64) -> bool) {
        if !self.joined {
            return;
        }
        if caused(from) {
            self.statistics.gaps_provoked += 1;
        } else {
            self.statistics.gaps += 1;
        }
    }

    fn close(&mut self, recovered_now: u64, now_ns: u64, caused: impl Fn(u64) -> bool) {
        let gap_since_ns = match self.sight {
            Sight::Whole => return,
            Sight::Hole { recovered, .. } if recovered == recovered_now => {
                self.statistics.arbitrated += 1;
                None
            }
            Sight::Hole { from, since_ns, .. } => {
                self.count(from, caused);
                Some(since_ns)
            }
            Sight::Gap { since_ns, .. } => Some(since_ns),
        };
        if let Some(since_ns) = gap_since_ns.filter(|_| self.joined) {
            let lasted = now_ns.saturating_sub(since_ns);
            self.statistics.longest_ns = self.statistics.longest_ns.max(lasted);
        }
        self.sight = Sight::Whole;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: fn(u64) -> bool = |_| false;

    fn is_missing(from: u64, to: u64) -> Missing {
        Missing {
            range: Some(from..to),
            recovered: 0,
        }
    }

    fn whole(recovered: u64) -> Missing {
        Missing {
            range: None,
            recovered,
        }
    }

    fn joined() -> GapDetector {
        let mut detector = GapDetector::new(100);
        detector.joined();
        detector
    }

    #[test]
    fn a_late_join_asks_at_once_and_is_no_gap() {
        let mut detector = GapDetector::new(100);
        assert_eq!(
            detector.watch(&is_missing(1, 50), 0, NEVER),
            Some(Ask { from: 1 })
        );
        assert_eq!(
            detector.watch(&is_missing(20, 50), 10, NEVER),
            Some(Ask { from: 20 })
        );
        assert_eq!(detector.stuck_since_ns(), Some(10));
        assert_eq!(detector.watch(&whole(0), 20, NEVER), None);
        assert_eq!((detector.stuck_since_ns(), detector.is_open()), (None, false));
        assert_eq!(*detector.statistics(), GapStatistics::default());
    }

    #[test]
    fn a_hole_becomes_a_gap_when_patience_ends() {
        let mut detector = joined();
        assert_eq!(detector.watch(&is_missing(5, 7), 1_000, NEVER), None);
        assert_eq!(detector.watch(&is_missing(5, 7), 1_099, NEVER), None);
        assert_eq!(
            detector.watch(&is_missing(5, 7), 1_100, NEVER),
            Some(Ask { from: 5 })
        );
        assert_eq!(
            detector.watch(&is_missing(6, 7), 1_150, NEVER),
            Some(Ask { from: 6 })
        );
        assert_eq!(detector.watch(&whole(0), 1_180, NEVER), None);
        let expected = GapStatistics {
            gaps: 1,
            longest_ns: 180,
            ..GapStatistics::default()
        };
        assert_eq!(*detector.statistics(), expected);
    }

    #[test]
    fn a_hole_filled_in_time_is_arbitration() {
        let mut detector = joined();
        assert_eq!(detector.watch(&is_missing(5, 7), 0, NEVER), None);
        assert_eq!(
            detector.watch(&is_missing(9, 10), 99, NEVER),
            None,
            "another hole, new patience"
        );
        assert_eq!(detector.watch(&is_missing(9, 10), 198, NEVER), None);
        assert_eq!(detector.watch(&whole(0), 199, NEVER), None);
        let expected = GapStatistics {
            arbitrated: 2,
            ..GapStatistics::default()
        };
        assert_eq!(*detector.statistics(), expected);
    }

    #[test]
    fn the_hole_behind_a_gap_is_counted_by_itself() {
        let mut detector = joined();
        detector.watch(&is_missing(5, 7), 0, NEVER);
        assert!(
            detector
                .watch(&is_missing(5, 7), 100, |sequence| sequence == 5)
                .is_some()
        );
        assert_eq!(detector.watch(&is_missing(9, 10), 110, NEVER), None);
        assert!(detector.watch(&is_missing(9, 10), 210, NEVER).is_some());
        assert_eq!(
            (detector.statistics().gaps_provoked, detector.statistics().gaps),
            (1, 1)
        );
    }

    #[test]
    fn a_gap_of_a_session_that_is_over_is_forgotten() {
        let mut detector = joined();
        detector.watch(&is_missing(5, 900), 0, NEVER);
        assert!(detector.watch(&is_missing(5, 900), 100, NEVER).is_some());
        detector.forget();
        assert_eq!(
            detector.watch(&is_missing(1, 3), 110, NEVER),
            None,
            "patience begins anew"
        );
        assert!(detector.watch(&is_missing(1, 3), 210, NEVER).is_some());
        assert_eq!(detector.statistics().gaps, 2);
    }

    #[test]
    fn a_hole_that_recovery_filled_is_a_gap_however_short() {
        let mut detector = joined();
        assert_eq!(detector.watch(&is_missing(5, 7), 0, NEVER), None);
        assert_eq!(detector.watch(&whole(2), 60, NEVER), None);
        let expected = GapStatistics {
            gaps: 1,
            longest_ns: 60,
            ..GapStatistics::default()
        };
        assert_eq!(*detector.statistics(), expected);
    }
}
