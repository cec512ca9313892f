//! Which numbers have come: each is taken once, in any order, as long as it is not far behind the highest.

/// How far behind the highest a number may be, itself counted.
pub const WINDOW_NUMBERS: u64 = 1_024;

/// Words of the map: so many numbers lie in at most one word more than they fill.
const WORDS: u64 = WINDOW_NUMBERS / u64::BITS as u64 + 1;

/// The numbers seen of one direction of one login. Ask it only about what was authenticated: whoever can move it can make
/// it refuse what comes.
#[derive(Debug, Clone)]
pub struct ReplayWindow {
    highest: u64,
    /// A bit for each number up to `highest`, in a circle.
    seen: [u64; WORDS as usize],
}

impl Default for ReplayWindow {
    fn default() -> Self {
        let mut window = Self {
            highest: 0,
            seen: [0; WORDS as usize],
        };
        // Numbers begin at 1.
        window.seen[0] = 1;
        window
    }
}

impl ReplayWindow {
    /// Nothing has come, and numbers begin behind `before`.
    pub fn behind(before: u64) -> Self {
        let mut window = Self {
            highest: before,
            seen: [u64::MAX; WORDS as usize],
        };
        // The numbers of its word that are still to come.
        let above = u64::MAX.checked_shl((before % 64) as u32 + 1).unwrap_or(0);
        window.seen[(before / 64 % WORDS) as usize] = !above;
        window
    }

    /// True when the number is new and not too old; then it is seen.
    #[must_use]
    pub fn take(&mut self, number: u64) -> bool {
        if number > self.highest {
            let (from, to) = (self.highest / 64, number / 64);
            for word in from + 1..=to.min(from + WORDS) {
                self.seen[(word % WORDS) as usize] = 0;
            }
            self.highest = number;
        } else if self.highest - number >= WINDOW_NUMBERS {
            return false;
        }
        let (word, bit) = (&mut self.seen[(number / 64 % WORDS) as usize], 1 << (number % 64));
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;
    use std::collections::BTreeSet;

    #[test]
    fn each_number_is_taken_once() {
        let mut window = ReplayWindow::default();
        assert!(!window.take(0), "numbers begin at 1");
        for number in 1..5_000 {
            assert!(window.take(number), "{number}");
            assert!(!window.take(number), "{number} again");
        }
        assert!(!window.take(4_999 - 1_024));
        assert!(!window.take(4_999 - 1_023));
    }

    #[test]
    fn numbers_may_come_late_but_not_too_late() {
        let mut window = ReplayWindow::default();
        assert!(window.take(2_000));
        assert!(!window.take(976), "1,024 behind");
        assert!(window.take(977), "1,023 behind");
        assert!(!window.take(977));
        assert!(window.take(1_999));
        assert!(window.take(u64::MAX));
        assert!(!window.take(2_001));
        assert!(window.take(u64::MAX - 1_023));
        assert!(!window.take(u64::MAX - 1_024));
        assert!(!window.take(u64::MAX));
    }

    #[test]
    fn it_may_begin_anywhere() {
        for before in [0, 1, 62, 63, 64, 1_087, 1_088, 1 << 63, (1 << 63) - 1] {
            let mut window = ReplayWindow::behind(before);
            assert!(!window.take(before), "{before}");
            assert!(!window.take(before.saturating_sub(1)), "{before}");
            assert!(!window.take(before.saturating_sub(1_000)), "{before}");
            for number in before + 1..before + 2_500 {
                assert!(window.take(number), "{number} behind {before}");
                assert!(!window.take(number), "{number} behind {before}");
            }
        }
    }

    #[test]
    fn it_does_as_a_set_of_all_numbers_does() {
        for seed in 0..20 {
            let mut random = Random::new(seed);
            let (mut window, mut seen, mut highest) = (ReplayWindow::default(), BTreeSet::new(), 0_u64);
            for _ in 0..5_000 {
                let number = match random.below(8) {
                    0 => highest + random.below(3_000),
                    1..=4 => highest + random.below(4),
                    _ => highest.saturating_sub(random.below(1_100)),
                };
                let is_new = number > 0 && number + WINDOW_NUMBERS > highest && seen.insert(number);
                assert_eq!(window.take(number), is_new, "{number}, the highest is {highest}");
                highest = highest.max(number);
            }
        }
    }
}
