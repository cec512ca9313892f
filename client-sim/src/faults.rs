//! Loss on purpose: a share of datagrams is dropped, so that recovery can be seen at work.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// Decides which datagrams to drop.
#[derive(Debug, Clone)]
pub struct Faults {
    random: Pcg64Mcg,
    per_million: u32,
    dropped: u64,
    passed: u64,
}

impl Faults {
    /// Drops `per_million` of a million, chosen by `seed`.
    pub fn new(per_million: u32, seed: u64) -> Self {
        Self {
            random: Pcg64Mcg::seed_from_u64(seed),
            per_million,
            dropped: 0,
            passed: 0,
        }
    }

    /// Drops nothing.
    pub fn none() -> Self {
        Self::new(0, 0)
    }

    /// True when the next datagram is to be dropped; it is counted.
    pub fn drops(&mut self) -> bool {
        let drop = self.per_million > 0 && self.random.random_range(0..1_000_000) < self.per_million;
        self.dropped += u64::from(drop);
        self.passed += u64::from(!drop);
        drop
    }

    /// Datagrams dropped so far.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Datagrams let through so far.
    pub fn passed(&self) -> u64 {
        self.passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_kept_and_follows_the_seed() {
        let run = |seed| {
            let mut faults = Faults::new(100_000, seed);
            (0..10_000).map(|_| faults.drops()).collect::<Vec<bool>>()
        };
        let dropped = run(1).iter().filter(|dropped| **dropped).count();
        assert!((800..1_200).contains(&dropped), "{dropped} of 10,000");
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
        let mut none = Faults::none();
        assert!((0..1_000).all(|_| !none.drops()));
        assert_eq!((none.dropped(), none.passed()), (0, 1_000));
    }
}
