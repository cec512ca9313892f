//! Loss on purpose: drops a share of the datagrams of each line, so that arbitration and recovery can be seen at work.
//!
//! Remembers what it dropped, so that a gap it caused is counted apart from a gap of the network.

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

/// How much to drop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LossPlan {
    /// The same seed drops the same datagrams of the same traffic.
    pub seed: u64,
    /// Share of the datagrams of lines A and B, 0 to 1.
    pub share: [f64; 2],
}

/// Dropped ranges remembered; a gap is declared milliseconds after its loss.
const REMEMBERED: usize = 4_096;

/// Drops datagrams as planned.
#[derive(Debug)]
pub struct Loss {
    random: Pcg64Mcg,
    /// Drop when a random u64 is below.
    thresholds: [u64; 2],
    dropped: Vec<(u64, u64)>,
    oldest: usize,
}

impl Loss {
    /// Starts from the plan's seed. A share outside 0 to 1 is taken as the nearer end.
    pub fn new(plan: LossPlan) -> Self {
        let threshold = |share: f64| (share.clamp(0.0, 1.0) * u64::MAX as f64) as u64;
        Self {
            random: Pcg64Mcg::seed_from_u64(plan.seed),
            thresholds: plan.share.map(threshold),
            dropped: Vec::with_capacity(REMEMBERED),
            oldest: 0,
        }
    }

    /// Decides about the next datagram of line `line` (0 is A).
    pub fn drops(&mut self, line: usize) -> bool {
        let threshold = self.thresholds[line];
        threshold > 0 && self.random.next_u64() <= threshold
    }

    /// Remembers that messages `from .. to` of one line were dropped.
    pub fn remember(&mut self, from: u64, to: u64) {
        if self.dropped.len() < REMEMBERED {
            self.dropped.push((from, to));
            return;
        }
        self.dropped[self.oldest] = (from, to);
        self.oldest = (self.oldest + 1) % REMEMBERED;
    }

    /// Another session begins: its messages have the same numbers.
    pub fn forget(&mut self) {
        self.dropped.clear();
        self.oldest = 0;
    }

    /// True when a copy of this message was dropped lately.
    pub fn caused(&self, sequence: u64) -> bool {
        self.dropped
            .iter()
            .any(|(from, to)| (*from..*to).contains(&sequence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_the_share_and_repeats_with_the_seed() {
        let plan = LossPlan {
            seed: 7,
            share: [0.25, 0.0],
        };
        let run = || {
            let mut loss = Loss::new(plan);
            (0..10_000).map(|_| loss.drops(0)).collect::<Vec<_>>()
        };
        let dropped = run().iter().filter(|dropped| **dropped).count();
        assert!((2_200..2_800).contains(&dropped), "{dropped}");
        assert_eq!(run(), run());
        assert!((0..1_000).all(|_| !Loss::new(plan).drops(1)));
    }

    #[test]
    fn everything_and_nothing() {
        let mut loss = Loss::new(LossPlan {
            seed: 1,
            share: [1.0, -1.0],
        });
        assert!((0..1_000).all(|_| loss.drops(0) && !loss.drops(1)));
    }

    #[test]
    fn remembers_the_latest() {
        let mut loss = Loss::new(LossPlan {
            seed: 1,
            share: [1.0, 1.0],
        });
        for number in 0..REMEMBERED as u64 + 1 {
            loss.remember(number * 10, number * 10 + 3);
        }
        assert!(!loss.caused(2) && loss.caused(12) && !loss.caused(13));
        loss.forget();
        assert!(!loss.caused(12));
    }
}
