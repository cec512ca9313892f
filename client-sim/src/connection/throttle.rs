//! A client's own limit on requests: it keeps below the account's limit at the exchange, instead of being refused there.

/// So many requests a second, and so many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Requests a second in the long run.
    pub per_second: u32,
    /// Requests at once after a pause.
    pub burst: u32,
}

/// Counts requests against a limit, by one number: the time up to which what was sent would have been spread evenly.
#[derive(Debug, Clone, Copy)]
pub(super) struct Throttle {
    /// Between two requests at the limit; 0 = no limit.
    interval_ns: u64,
    /// How far that time may be ahead.
    ahead_ns: u64,
    until_ns: u64,
}

impl Throttle {
    pub(super) fn new(limit: Option<Limit>) -> Self {
        let interval_ns = limit.map_or(0, |limit| 1_000_000_000 / u64::from(limit.per_second.max(1)));
        let burst = limit.map_or(0, |limit| u64::from(limit.burst.max(1)) - 1);
        Self {
            interval_ns,
            ahead_ns: burst * interval_ns,
            until_ns: 0,
        }
    }

    /// Nanoseconds to wait before the next request may be sent; 0 = now.
    pub(super) fn wait_ns(&self, now_ns: u64) -> u64 {
        self.until_ns.saturating_sub(now_ns.saturating_add(self.ahead_ns))
    }

    /// A request was sent.
    pub(super) fn sent(&mut self, now_ns: u64) {
        self.until_ns = self.until_ns.max(now_ns) + self.interval_ns;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_the_rate() {
        let mut throttle = Throttle::new(Some(Limit {
            per_second: 1_000,
            burst: 3,
        }));
        let send = |throttle: &mut Throttle, now_ns: u64| {
            let wait_ns = throttle.wait_ns(now_ns);
            if wait_ns == 0 {
                throttle.sent(now_ns);
            }
            wait_ns
        };
        let now_ns = 5_000_000_000;
        let waits: Vec<u64> = (0..5).map(|_| send(&mut throttle, now_ns)).collect();
        assert_eq!(waits, [0, 0, 0, 1_000_000, 1_000_000]);
        assert_eq!(send(&mut throttle, now_ns + 1_000_000), 0);
        let sent = (0..1_000_000).filter(|step| send(&mut throttle, now_ns + 2_000_000 + step * 1_000) == 0);
        assert_eq!(sent.count(), 1_000);
        let mut none = Throttle::new(None);
        assert!((0..100).all(|_| send(&mut none, now_ns) == 0));
    }
}
