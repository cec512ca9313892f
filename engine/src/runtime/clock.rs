//! Time: monotonic, anchored to UTC once at start.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A clock that a stage asks: the machine's, or one that a test turns by hand.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's monotonic clock plus the UTC time at start.
    System {
        /// When the anchor was taken.
        start: Instant,
        /// Nanoseconds since 1970 at that instant.
        utc_ns: u64,
    },
    /// Nanoseconds since 1970, set by the simulation.
    Manual(Arc<AtomicU64>),
}

impl Clock {
    /// Anchors the machine's clock now.
    pub fn system() -> Self {
        let utc = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::System {
            start: Instant::now(),
            utc_ns: u64::try_from(utc.as_nanos()).unwrap_or(u64::MAX),
        }
    }

    /// Nanoseconds since 1970, never backwards.
    pub fn now_ns(&self) -> u64 {
        match self {
            Self::System { start, utc_ns } => {
                utc_ns + u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX - utc_ns)
            }
            Self::Manual(ns) => ns.load(Ordering::Relaxed),
        }
    }
}

/// How long ago something was stamped `time`, nanoseconds since some midnight. 0 when that was in the future, or yesterday: the
/// clock was set, or the day has stood still.
pub fn since(time: u64, now_ns: u64) -> u64 {
    const DAY_NS: u64 = 86_400_000_000_000;
    const HOUR_NS: u64 = DAY_NS / 24;
    // Whatever midnight it was: all of them lie whole days apart.
    let elapsed = (now_ns % DAY_NS + DAY_NS - time % DAY_NS) % DAY_NS;
    if elapsed < HOUR_NS { elapsed } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_whatever_day_is_so_long_ago() {
        const DAY_NS: u64 = 86_400_000_000_000;
        let now_ns = 20_000 * DAY_NS + 5;
        for (time, elapsed) in [
            (5, 0),
            (2, 3),
            (DAY_NS + 1, 4),
            (DAY_NS - 1, 6),
            (6, 0),
            (DAY_NS / 2, 0),
        ] {
            assert_eq!(since(time, now_ns), elapsed, "{time}");
        }
    }
}
