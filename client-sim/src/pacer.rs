//! When to send: an open loop. The intended times follow from the rate alone; a sender that falls behind does not make
//! them later, so that the waiting shows in the latencies.

/// Sends due at a fixed rate.
#[derive(Debug, Clone)]
pub struct Pacer {
    start_ns: u64,
    rate_per_second: u64,
    sent: u64,
}

/// Nanoseconds of a second.
const SECOND_NS: u128 = 1_000_000_000;

impl Pacer {
    /// Starts at `now_ns` (any clock, as long as it stays the same). A rate of 0 means: as fast as possible, every send
    /// is due at once.
    pub fn new(rate_per_second: u64, now_ns: u64) -> Self {
        Self {
            start_ns: now_ns,
            rate_per_second,
            sent: 0,
        }
    }

    /// The intended time of the next send if that is not after `now_ns`. It stays due until [`Pacer::taken`].
    pub fn due(&self, now_ns: u64) -> Option<u64> {
        if self.rate_per_second == 0 {
            return Some(now_ns);
        }
        let intended_ns = self.next_ns();
        (intended_ns <= now_ns).then_some(intended_ns)
    }

    /// The send that was due was made.
    pub fn taken(&mut self) {
        self.sent += 1;
    }

    /// The intended time of the next send.
    pub fn next_ns(&self) -> u64 {
        if self.rate_per_second == 0 {
            return 0;
        }
        let offset = u128::from(self.sent) * SECOND_NS / u128::from(self.rate_per_second);
        self.start_ns
            .saturating_add(u64::try_from(offset).unwrap_or(u64::MAX))
    }

    /// Sends made so far.
    pub fn sent(&self) -> u64 {
        self.sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(pacer: &mut Pacer, now_ns: u64) -> Option<u64> {
        let due = pacer.due(now_ns);
        if due.is_some() {
            pacer.taken();
        }
        due
    }

    #[test]
    fn sends_are_spread_evenly_and_exactly() {
        let mut pacer = Pacer::new(3, 1_000);
        assert_eq!(pacer.due(999), None);
        assert_eq!(pacer.due(1_000), Some(1_000));
        assert_eq!(pacer.due(1_000), Some(1_000), "due until it is taken");
        pacer.taken();
        assert_eq!(pacer.due(1_000), None);
        assert_eq!(pacer.next_ns(), 1_000 + 333_333_333);
        // A million seconds later exactly three million are due: no drift from rounding.
        let end = 1_000 + 1_000_000 * 1_000_000_000;
        let mut count = 1;
        while take(&mut pacer, end - 1).is_some() {
            count += 1;
        }
        assert_eq!(count, 3_000_000);
    }

    #[test]
    fn a_late_sender_keeps_the_intended_times() {
        let mut pacer = Pacer::new(1_000, 0);
        let times: Vec<u64> = std::iter::from_fn(|| take(&mut pacer, 3_000_000)).collect();
        assert_eq!(times, [0, 1_000_000, 2_000_000, 3_000_000]);
    }

    #[test]
    fn without_a_rate_everything_is_due_now() {
        let mut pacer = Pacer::new(0, 5);
        assert_eq!(take(&mut pacer, 7), Some(7));
        assert_eq!(take(&mut pacer, 7), Some(7));
        assert_eq!(pacer.sent(), 2);
    }
}
