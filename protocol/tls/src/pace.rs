//! How much of a thread handshakes may take.
//!
//! A handshake costs a door what hundreds of messages cost it, and is to be had without a password. Who opens connections for
//! nothing else must not have the thread that serves those who are logged in.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// After a handshake's step nobody has one for so many times as long as it took.
const REST: u64 = 3;

/// When the next step of a handshake may be made, by whomever.
#[derive(Debug)]
pub(crate) struct Pace {
    since: Instant,
    /// Nanoseconds after `since`.
    next_ns: AtomicU64,
}

impl Pace {
    pub(crate) fn new() -> Self {
        Self {
            since: Instant::now(),
            next_ns: AtomicU64::new(0),
        }
    }

    /// The time now.
    pub(crate) fn now_ns(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// True when a step may be made at `now_ns`.
    pub(crate) fn is_due(&self, now_ns: u64) -> bool {
        now_ns >= self.next_ns.load(Ordering::Relaxed)
    }

    /// A step was made between these times.
    pub(crate) fn made(&self, begun_ns: u64, ended_ns: u64) {
        let rest_ns = REST * ended_ns.saturating_sub(begun_ns).min(MOST_NS);
        self.next_ns
            .store(ended_ns.saturating_add(rest_ns), Ordering::Relaxed);
    }
}

/// Longer than this only a thread takes that was not running.
const MOST_NS: u64 = Duration::from_millis(5).as_nanos() as u64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handshakes_have_a_quarter_of_the_time() {
        let pace = Pace::new();
        let (mut now_ns, mut busy_ns) = (1_000, 0);
        while now_ns < 100_000_000 {
            if pace.is_due(now_ns) {
                pace.made(now_ns, now_ns + 200_000);
                busy_ns += 200_000;
                now_ns += 200_000;
            }
            now_ns += 1_000;
        }
        assert!((24_000_000..=25_000_000).contains(&busy_ns), "{busy_ns}");
    }

    #[test]
    fn a_thread_that_did_not_run_costs_no_more_than_a_moment() {
        let pace = Pace::new();
        pace.made(0, 10_000_000_000);
        assert!(pace.is_due(10_000_000_000 + REST * MOST_NS));
    }
}
