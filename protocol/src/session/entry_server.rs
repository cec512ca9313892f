//! What the exchange's end of order entry decides without sockets: datagram numbers and silence.

/// Silence of a connection on both doors after which it counts as dead.
pub const SILENCE_NS: u64 = 15_000_000_000;

/// Width of the window, in datagram numbers.
const WIDTH: u64 = 1_024;
/// Width of the window in words.
const WORDS: usize = (WIDTH / 64) as usize;

/// Datagram numbers seen, for `mac` authentication: a number is taken once, and only while it is less than 1,024 behind
/// the highest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReplayWindow {
    highest: u64,
    /// One bit for each of the last 1,024 numbers, at its remainder.
    seen: [u64; WORDS],
}

impl ReplayWindow {
    /// A window that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// True when `number` is new; it is seen from now on. Call it only for a datagram whose tag is right. Numbers start
    /// at 1.
    #[must_use]
    pub fn accept(&mut self, number: u64) -> bool {
        if number == 0 {
            return false;
        }
        if number > self.highest {
            if number - self.highest >= WIDTH {
                self.seen = [0; WORDS];
            } else {
                for passed in self.highest + 1..number {
                    self.set(passed, false);
                }
            }
            self.highest = number;
        } else if self.highest - number >= WIDTH || self.is_set(number) {
            return false;
        }
        self.set(number, true);
        true
    }

    /// The highest number seen; 0 before the first.
    pub fn highest(&self) -> u64 {
        self.highest
    }

    fn place(number: u64) -> (usize, u64) {
        // Both remainders are small.
        ((number % WIDTH / 64) as usize, 1 << (number % 64))
    }

    fn is_set(&self, number: u64) -> bool {
        let (word, bit) = Self::place(number);
        self.seen[word] & bit != 0
    }

    fn set(&mut self, number: u64, seen: bool) {
        let (word, bit) = Self::place(number);
        if seen {
            self.seen[word] |= bit;
        } else {
            self.seen[word] &= !bit;
        }
    }
}

/// The silence after which a connection counts as dead: 15 s, or what a 4.10 login asked for, kept between 1 and 60 s.
pub fn silence_limit_ns(heartbeat_timeout_ms: Option<u32>) -> u64 {
    heartbeat_timeout_ms.map_or(SILENCE_NS, |timeout| {
        u64::from(timeout.clamp(1_000, 60_000)) * 1_000_000
    })
}

/// True when neither door heard anything for longer than `limit_ns`. To be asked after the sockets were drained.
pub fn is_silent(heard_tcp_at: u64, heard_udp_at: Option<u64>, limit_ns: u64, now: u64) -> bool {
    let heard_at = heard_tcp_at.max(heard_udp_at.unwrap_or(0));
    now.saturating_sub(heard_at) > limit_ns
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_number_is_taken_once_and_old_ones_never() {
        let mut window = ReplayWindow::new();
        assert!(!window.accept(0));
        assert!(window.accept(1) && !window.accept(1));
        assert!(window.accept(1_024) && window.accept(2));
        assert!(window.accept(1_025) && !window.accept(1), "1 is 1,024 behind");
        assert!(!window.accept(2) && window.accept(3));
        assert!(window.accept(u64::MAX) && !window.accept(u64::MAX) && !window.accept(3));
        assert!(window.accept(u64::MAX - 1_023) && !window.accept(u64::MAX - 1_024));
    }

    #[test]
    fn the_window_agrees_with_a_set_of_numbers() {
        let mut random = crate::testing::Random::new(7);
        let mut window = ReplayWindow::new();
        let mut seen = BTreeSet::new();
        let (mut center, mut highest) = (2_000_u64, 0);
        let mut taken = 0;
        for _ in 0..200_000 {
            center += random.below(3);
            if random.chance(1, 2_000) {
                center += random.below(3_000);
            }
            let number = center - random.below(1_200);
            let is_new = highest < number + WIDTH && seen.insert(number);
            assert_eq!(
                window.accept(number),
                is_new,
                "number {number}, highest {highest}"
            );
            highest = highest.max(number);
            taken += u32::from(is_new);
        }
        assert!(
            (50_000..190_000).contains(&taken),
            "{taken}: both answers are tried"
        );
    }

    #[test]
    fn silence_is_judged_over_both_doors() {
        assert!(!is_silent(100, None, SILENCE_NS, 100 + SILENCE_NS));
        assert!(is_silent(100, None, SILENCE_NS, 101 + SILENCE_NS));
        assert!(!is_silent(100, Some(500), SILENCE_NS, 101 + SILENCE_NS));
        assert!(
            !is_silent(500, None, SILENCE_NS, 100),
            "a clock read before the sockets were drained"
        );
        assert_eq!(silence_limit_ns(None), SILENCE_NS);
        assert_eq!(silence_limit_ns(Some(5_000)), 5_000_000_000);
        assert_eq!(silence_limit_ns(Some(0)), 1_000_000_000);
        assert_eq!(silence_limit_ns(Some(99_999)), 60_000_000_000);
    }
}
