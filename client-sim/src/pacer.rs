//! When to send: an open loop. The intended times follow from the rate (and a seed) alone; a sender that falls behind does
//! not make them later, so that the waiting shows in the latencies.
//!
//! Sends are spread evenly, or they come in bursts as in a market, where an order brings others: a Hawkes process. There each
//! send raises the rate at once, which then falls back; the mean is the rate that was asked for.

use crate::workload::draws::Draws;

/// How sends are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Arrivals {
    /// One after the other, at equal distances.
    #[default]
    Even,
    /// In bursts: a Hawkes process.
    Bursts,
}

/// Sends due at a fixed rate.
#[derive(Debug, Clone)]
pub struct Pacer {
    start_ns: u64,
    rate_per_second: u64,
    sent: u64,
    bursts: Option<Hawkes>,
}

/// Of sends, those that others have brought.
const BROUGHT: f64 = 0.7;
/// A burst fades in the time of so many sends at the mean rate.
const FADES: f64 = 50.0;

/// A Hawkes process with an exponential kernel, drawn exactly (Dassios and Zhao, 2013).
#[derive(Debug, Clone)]
struct Hawkes {
    draws: Draws,
    /// Sends a nanosecond that nothing has brought.
    base: f64,
    /// What a send adds.
    jump: f64,
    /// How fast that fades, a nanosecond.
    decay: f64,
    /// What is left of all jumps, after the last send.
    excited: f64,
    next_ns: f64,
}

impl Hawkes {
    fn new(rate_per_second: u64, seed: u64) -> Self {
        let rate = rate_per_second as f64 / 1e9;
        let decay = rate / FADES;
        Self {
            draws: Draws::new(seed),
            base: rate * (1.0 - BROUGHT),
            jump: decay * BROUGHT,
            decay,
            excited: 0.0,
            next_ns: 0.0,
        }
    }

    fn advance(&mut self) {
        let mut pieces = self.draws.pieces();
        let unbrought = f64::from(pieces.exponential()) / self.base;
        // The wait of a process whose rate fades: it may never come.
        let left = 1.0 - self.decay * f64::from(pieces.exponential()) / self.excited;
        let wait = match left > 0.0 {
            true => unbrought.min(-left.ln() / self.decay),
            false => unbrought,
        };
        self.excited = self.excited * (-self.decay * wait).exp() + self.jump;
        self.next_ns += wait;
    }
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
            bursts: None,
        }
    }

    /// As [`Pacer::new`], with sends spread as `arrivals` says.
    pub fn arriving(arrivals: Arrivals, rate_per_second: u64, now_ns: u64, seed: u64) -> Self {
        let bursts =
            (arrivals == Arrivals::Bursts && rate_per_second > 0).then(|| Hawkes::new(rate_per_second, seed));
        Self {
            bursts,
            ..Self::new(rate_per_second, now_ns)
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
        if let Some(bursts) = &mut self.bursts {
            bursts.advance();
        }
    }

    /// The intended time of the next send.
    pub fn next_ns(&self) -> u64 {
        if self.rate_per_second == 0 {
            return 0;
        }
        if let Some(bursts) = &self.bursts {
            return self.start_ns.saturating_add(bursts.next_ns as u64);
        }
        let offset = u128::from(self.sent) * SECOND_NS / u128::from(self.rate_per_second);
        self.start_ns
            .saturating_add(u64::try_from(offset).unwrap_or(u64::MAX))
    }

    /// Sends made so far.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Sends that are due until `now_ns`, made or not; `None` when everything is due at once.
    pub fn due_until(&self, now_ns: u64) -> Option<u64> {
        let passed = u128::from(now_ns.saturating_sub(self.start_ns));
        match &self.bursts {
            _ if self.rate_per_second == 0 => None,
            None => u64::try_from(passed * u128::from(self.rate_per_second) / SECOND_NS).ok(),
            Some(_) => {
                // Draws on, as it would.
                let mut ahead = self.clone();
                while ahead.next_ns() <= now_ns {
                    ahead.taken();
                }
                Some(ahead.sent)
            }
        }
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
    fn bursts_have_the_mean_rate_and_are_no_even_stream() {
        let end_ns = 200_000_000_000;
        let mut pacer = Pacer::arriving(Arrivals::Bursts, 1_000, 0, 7);
        // In pieces of half a second: bursts are shorter.
        let mut counts = vec![0_u64; 400];
        while pacer.next_ns() < end_ns {
            counts[(pacer.next_ns() / 500_000_000) as usize] += 1;
            pacer.taken();
        }
        let mean = counts.iter().sum::<u64>() as f64 / counts.len() as f64;
        assert!((450.0..550.0).contains(&mean), "{mean} in half a second");
        let variance = counts
            .iter()
            .map(|count| (*count as f64 - mean).powi(2))
            .sum::<f64>()
            / counts.len() as f64;
        // A Poisson process has a ratio of 1, an even stream 0.
        assert!((3.0..20.0).contains(&(variance / mean)), "{}", variance / mean);
        let same = Pacer::arriving(Arrivals::Bursts, 1_000, 0, 7);
        assert_eq!(same.due_until(end_ns - 1), Some(pacer.sent()));
        assert_eq!(Pacer::new(1_000, 5).due_until(2_000_000_005), Some(2_000));
        assert_eq!(Pacer::new(0, 5).due_until(9), None);
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
