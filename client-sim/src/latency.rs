//! Latencies: histograms from the intended send time, one for each kind of message ([`kinds`]); the matching of an order
//! with its message on the feed ([`feed`]); the log that other programs read ([`log`]), and a drawing ([`plot`]).

pub mod feed;
pub mod kinds;
pub mod log;
pub mod plot;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

pub use feed::FeedLatency;
pub use kinds::{Kind, Kinds, Latencies};

/// Longest time told apart: a minute. Longer ones are counted as this.
const LONGEST_NS: u64 = 60_000_000_000;

/// A histogram of nanoseconds with three significant digits.
#[derive(Debug, Clone)]
pub struct Latency {
    histogram: Histogram<u64>,
}

impl Default for Latency {
    fn default() -> Self {
        Self {
            histogram: Histogram::new_with_bounds(1, LONGEST_NS, 3)
                .expect("1 ns to a minute with three digits is a valid range"),
        }
    }
}

/// The percentiles that reports show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Percentiles {
    /// Values behind the percentiles.
    pub count: u64,
    /// Their mean, nanoseconds.
    pub mean: u64,
    /// Median, nanoseconds.
    pub p50: u64,
    /// 90 of 100 are at most this.
    pub p90: u64,
    /// 99 of 100 are at most this.
    pub p99: u64,
    /// 999 of 1000 are at most this.
    pub p999: u64,
    /// 9,999 of 10,000 are at most this.
    pub p9999: u64,
    /// The longest.
    pub max: u64,
}

impl Latency {
    /// Counts one that began at `from_ns` and ended at `to_ns` of the same clock.
    pub fn record(&mut self, from_ns: u64, to_ns: u64) {
        self.histogram
            .saturating_record(to_ns.saturating_sub(from_ns).max(1));
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.histogram
            .add(&other.histogram)
            .expect("all histograms here have the same range");
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.histogram.reset();
    }

    /// The percentiles so far; all zero when there is nothing.
    pub fn percentiles(&self) -> Percentiles {
        if self.histogram.is_empty() {
            return Percentiles::default();
        }
        Percentiles {
            count: self.histogram.len(),
            mean: self.histogram.mean().round() as u64,
            p50: self.histogram.value_at_quantile(0.5),
            p90: self.histogram.value_at_quantile(0.9),
            p99: self.histogram.value_at_quantile(0.99),
            p999: self.histogram.value_at_quantile(0.999),
            p9999: self.histogram.value_at_quantile(0.9999),
            max: self.histogram.max(),
        }
    }

    /// The histogram itself.
    pub fn histogram(&self) -> &Histogram<u64> {
        &self.histogram
    }
}

impl Percentiles {
    /// `{"p50":..,"p99":..,"p999":..,"max":..}` in nanoseconds.
    pub fn json(&self) -> Value {
        json!({ "p50": self.p50, "p99": self.p99, "p999": self.p999, "max": self.max })
    }

    /// All of them, with how many there were.
    pub fn json_whole(&self) -> Value {
        json!({
            "count": self.count, "mean": self.mean, "p50": self.p50, "p90": self.p90, "p99": self.p99,
            "p999": self.p999, "p9999": self.p9999, "max": self.max,
        })
    }
}

impl std::fmt::Display for Percentiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "p50 {} p99 {} p99.9 {} max {}",
            Nanoseconds(self.p50),
            Nanoseconds(self.p99),
            Nanoseconds(self.p999),
            Nanoseconds(self.max)
        )
    }
}

/// A time for people: `85us`, `1.4ms`.
#[derive(Debug, Clone, Copy)]
pub struct Nanoseconds(pub u64);

impl std::fmt::Display for Nanoseconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = match self.0 {
            ns @ 0..1_000 => format!("{ns}ns"),
            ns @ 1_000..1_000_000 => format!("{:.1}us", ns as f64 / 1e3),
            ns @ 1_000_000..1_000_000_000 => format!("{:.1}ms", ns as f64 / 1e6),
            ns => format!("{:.2}s", ns as f64 / 1e9),
        };
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_known_values() {
        let mut latency = Latency::default();
        assert_eq!(latency.percentiles(), Percentiles::default());
        for value in 1..=1_000 {
            latency.record(5, 5 + value);
        }
        let percentiles = latency.percentiles();
        assert_eq!(percentiles.count, 1_000);
        assert_eq!(percentiles.p50, 500);
        assert_eq!(percentiles.p99, 990);
        assert_eq!(percentiles.max, 1_000);
    }

    #[test]
    fn times_print_in_the_unit_that_fits() {
        let shown = [850, 85_000, 1_400_000, 2_000_000_000].map(|ns| Nanoseconds(ns).to_string());
        assert_eq!(shown, ["850ns", "85.0us", "1.4ms", "2.00s"]);
    }
}
