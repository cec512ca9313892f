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

/// Counts of gaps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GapStatistics {
    /// Gaps that neither line filled in time, those provoked by loss on purpose not counted.
    pub gaps: u64,
    /// Gaps after loss on purpose.
    pub gaps_provoked: u64,
    /// Holes that filled in time, by the other line or late packets.
    pub arbitrated: u64,
    /// The longest time from the first sight of a hole to its filling by recovery, nanoseconds.
    pub longest_ns: u64,
}

/// What the detector sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    Whole,
    Hole { from: u64, since_ns: u64 },
    Gap { to: u64, since_ns: u64 },
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

    /// Looks at what is missing: from the first missing message to what is known to exist. A gap lasts until everything
    /// known when it was declared is there. `caused` tells whether the loss of a message was on purpose. Answers what
    /// must be asked for as long as the gap lasts; the caller asks unless it is asking already.
    pub fn watch(
        &mut self,
        missing: Option<Range<u64>>,
        now_ns: u64,
        caused: impl FnOnce(u64) -> bool,
    ) -> Option<Ask> {
        let Some(hole) = missing else {
            self.close(now_ns);
            self.stuck = None;
            return None;
        };
        let ask = Ask { from: hole.start };
        if self.stuck.is_none_or(|(from, _)| from != hole.start) {
            self.stuck = Some((hole.start, now_ns));
        }
        match self.sight {
            Sight::Gap { to, .. } if hole.start < to => return Some(ask),
            Sight::Hole { from, .. } if hole.start == from => {}
            _ => {
                self.close(now_ns);
                self.sight = Sight::Hole {
                    from: hole.start,
                    since_ns: now_ns,
                };
            }
        }
        let Sight::Hole { since_ns, .. } = self.sight else { return None };
        if self.joined && now_ns.saturating_sub(since_ns) < self.patience_ns {
            return None;
        }
        if self.joined {
            if caused(hole.start) {
                self.statistics.gaps_provoked += 1;
            } else {
                self.statistics.gaps += 1;
            }
        }
        self.sight = Sight::Gap {
            to: hole.end,
            since_ns,
        };
        Some(ask)
    }

    /// Says that the stream is whole up to what is known: from here on missing messages are gaps, no late join.
    pub fn joined(&mut self) {
        self.joined = true;
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

    fn close(&mut self, now_ns: u64) {
        match self.sight {
            Sight::Whole => {}
            Sight::Hole { .. } => self.statistics.arbitrated += 1,
            Sight::Gap { since_ns, .. } if self.joined => {
                let lasted = now_ns.saturating_sub(since_ns);
                self.statistics.longest_ns = self.statistics.longest_ns.max(lasted);
            }
            Sight::Gap { .. } => {}
        }
        self.sight = Sight::Whole;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: fn(u64) -> bool = |_| false;

    fn joined() -> GapDetector {
        let mut detector = GapDetector::new(100);
        detector.joined();
        detector
    }

    #[test]
    fn a_late_join_asks_at_once_and_is_no_gap() {
        let mut detector = GapDetector::new(100);
        assert_eq!(detector.watch(Some(1..50), 0, NEVER), Some(Ask { from: 1 }));
        assert_eq!(detector.watch(Some(20..50), 10, NEVER), Some(Ask { from: 20 }));
        assert_eq!(detector.stuck_since_ns(), Some(10));
        assert_eq!(detector.watch(None, 20, NEVER), None);
        assert_eq!((detector.stuck_since_ns(), detector.is_open()), (None, false));
        assert_eq!(*detector.statistics(), GapStatistics::default());
    }

    #[test]
    fn a_hole_becomes_a_gap_when_patience_ends() {
        let mut detector = joined();
        assert_eq!(detector.watch(Some(5..7), 1_000, NEVER), None);
        assert_eq!(detector.watch(Some(5..7), 1_099, NEVER), None);
        assert_eq!(detector.watch(Some(5..7), 1_100, NEVER), Some(Ask { from: 5 }));
        assert_eq!(detector.watch(Some(6..7), 1_150, NEVER), Some(Ask { from: 6 }));
        assert_eq!(detector.watch(None, 1_180, NEVER), None);
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
        assert_eq!(detector.watch(Some(5..7), 0, NEVER), None);
        assert_eq!(detector.watch(Some(9..10), 99, NEVER), None, "another hole, new patience");
        assert_eq!(detector.watch(Some(9..10), 198, NEVER), None);
        assert_eq!(detector.watch(None, 199, NEVER), None);
        let expected = GapStatistics {
            arbitrated: 2,
            ..GapStatistics::default()
        };
        assert_eq!(*detector.statistics(), expected);
    }

    #[test]
    fn the_hole_behind_a_gap_is_counted_by_itself() {
        let mut detector = joined();
        detector.watch(Some(5..7), 0, NEVER);
        assert!(detector.watch(Some(5..7), 100, |sequence| sequence == 5).is_some());
        assert_eq!(detector.watch(Some(9..10), 110, NEVER), None);
        assert!(detector.watch(Some(9..10), 210, NEVER).is_some());
        assert_eq!((detector.statistics().gaps_provoked, detector.statistics().gaps), (1, 1));
    }
}
