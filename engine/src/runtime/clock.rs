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
