//! Figures: medians with their spread, percentiles.

use std::fmt;

use hdrhistogram::Histogram;

/// Longest time told apart, nanoseconds: ten seconds. Longer ones are counted as this.
const LONGEST_NS: u64 = 10_000_000_000;

/// The median of several runs, and how far they lay apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The middle one; of an even number the lower of the two.
    pub median: f64,
    /// The least.
    pub least: f64,
    /// The most.
    pub most: f64,
}

impl Spread {
    /// Of the figures of all runs.
    ///
    /// # Panics
    /// When there are none.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        Self {
            median: figures[(figures.len() - 1) / 2],
            least: figures[0],
            most: figures[figures.len() - 1],
        }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:.2} ({:.2}-{:.2})", self.median, self.least, self.most);
        f.pad(&text)
    }
}

/// Percentiles of one run, nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percentiles {
    /// Half are at most this.
    pub p50: u64,
    /// 99 of 100 are at most this.
    pub p99: u64,
    /// 999 of 1,000 are at most this.
    pub p999: u64,
    /// The longest.
    pub max: u64,
}

impl Percentiles {
    /// Of the times of all operations, nanoseconds.
    pub fn of(times_ns: impl IntoIterator<Item = u32>) -> Self {
        let mut histogram = Histogram::<u64>::new_with_bounds(1, LONGEST_NS, 3)
            .expect("three digits up to ten seconds are valid");
        for time in times_ns {
            histogram.saturating_record(u64::from(time));
        }
        Self {
            p50: histogram.value_at_quantile(0.5),
            p99: histogram.value_at_quantile(0.99),
            p999: histogram.value_at_quantile(0.999),
            max: histogram.max(),
        }
    }

    /// Each percentile's median over several runs.
    ///
    /// # Panics
    /// When there are none.
    pub fn median(runs: &[Self]) -> Self {
        let middle = |percentile: fn(&Self) -> u64| {
            let mut all: Vec<u64> = runs.iter().map(percentile).collect();
            all.sort_unstable();
            all[(all.len() - 1) / 2]
        };
        Self {
            p50: middle(|run| run.p50),
            p99: middle(|run| run.p99),
            p999: middle(|run| run.p999),
            max: middle(|run| run.max),
        }
    }
}

impl fmt::Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!(
            "{} / {} / {} / {}",
            self.p50, self.p99, self.p999, self.max
        ))
    }
}

/// A number with its thousands apart.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_several() {
        let spread = Spread::of([3.0, 1.0, 2.0, 9.0]);
        assert_eq!((spread.median, spread.least, spread.most), (2.0, 1.0, 9.0));
        assert_eq!(spread.to_string(), "2.00 (1.00-9.00)");
    }

    #[test]
    fn percentiles_of_a_ramp() {
        let ramp: Vec<u32> = (1..=1_000).collect();
        let run = Percentiles::of(ramp);
        assert_eq!((run.p50, run.p99, run.p999, run.max), (500, 990, 999, 1_000));
        let slow = Percentiles {
            p50: 700,
            max: 5,
            ..run
        };
        assert_eq!(
            Percentiles::median(&[slow, run, run]),
            run,
            "each percentile has its own middle"
        );
    }

    #[test]
    fn thousands_are_apart() {
        let told: Vec<_> = [0, 999, 1_000, 1_234_567].map(thousands).to_vec();
        assert_eq!(told, ["0", "999", "1,000", "1,234,567"]);
    }
}
