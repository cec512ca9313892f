//! Latencies: histograms from the intended send time, and the matching of an order with its message on the feed.

use hdrhistogram::Histogram;
use serde_json::{Value, json};

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
    /// Median, nanoseconds.
    pub p50: u64,
    /// 99 of 100 are at most this.
    pub p99: u64,
    /// 999 of 1000 are at most this.
    pub p999: u64,
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
            p50: self.histogram.value_at_quantile(0.5),
            p99: self.histogram.value_at_quantile(0.99),
            p999: self.histogram.value_at_quantile(0.999),
            max: self.histogram.max(),
        }
    }
}

impl Percentiles {
    /// `{"p50":..,"p99":..,"p999":..,"max":..}` in nanoseconds.
    pub fn json(&self) -> Value {
        json!({ "p50": self.p50, "p99": self.p99, "p999": self.p999, "max": self.max })
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

/// Joins what two doors tell about an order: its acknowledgement knows when it was meant to be sent, the feed when it
/// was seen. They come in any order; a fixed table remembers the first until the second comes. An entry that another
/// order number pushes out is counted: its latency is not known.
#[derive(Debug)]
pub struct FeedLatency {
    slots: Vec<Half>,
    latency: Latency,
    unmatched: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Half {
    /// 0: empty.
    order_number: u64,
    /// From the acknowledgement; 0 = not yet.
    intended_ns: u64,
    /// From the feed; 0 = not yet.
    seen_ns: u64,
}

impl FeedLatency {
    /// Remembers up to `slots` orders (rounded up to a power of two).
    pub fn new(slots: usize) -> Self {
        Self {
            slots: vec![Half::default(); slots.next_power_of_two()],
            latency: Latency::default(),
            unmatched: 0,
        }
    }

    /// An order that rests was acknowledged; it was meant to be sent at `intended_ns`.
    pub fn acknowledged(&mut self, order_number: u64, intended_ns: u64) {
        let half = self.half(order_number);
        half.intended_ns = intended_ns;
        self.join(order_number);
    }

    /// The feed showed the order at `now_ns`.
    pub fn seen(&mut self, order_number: u64, now_ns: u64) {
        let half = self.half(order_number);
        half.seen_ns = now_ns;
        self.join(order_number);
    }

    /// Forgets halves: order numbers begin again.
    pub fn forget(&mut self) {
        self.slots.fill(Half::default());
    }

    /// The latencies joined so far.
    pub fn latency(&self) -> &Latency {
        &self.latency
    }

    /// Mutable: for a display that starts again each second.
    pub fn latency_mut(&mut self) -> &mut Latency {
        &mut self.latency
    }

    /// Orders of which only one half was ever known.
    pub fn unmatched(&self) -> u64 {
        self.unmatched
    }

    fn slot(&self, order_number: u64) -> usize {
        (order_number as usize) & (self.slots.len() - 1)
    }

    fn half(&mut self, order_number: u64) -> &mut Half {
        let slot = self.slot(order_number);
        let half = &mut self.slots[slot];
        if half.order_number != order_number {
            self.unmatched += u64::from(half.order_number != 0);
            *half = Half {
                order_number,
                ..Half::default()
            };
        }
        half
    }

    fn join(&mut self, order_number: u64) {
        let slot = self.slot(order_number);
        let half = self.slots[slot];
        if half.intended_ns != 0 && half.seen_ns != 0 {
            self.latency.record(half.intended_ns, half.seen_ns);
            self.slots[slot] = Half::default();
        }
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
    fn halves_join_in_any_order() {
        let mut feed = FeedLatency::new(4);
        feed.acknowledged(1, 100);
        feed.seen(1, 150);
        feed.seen(2, 300);
        feed.acknowledged(2, 200);
        assert_eq!(feed.latency().percentiles().count, 2);
        assert_eq!(feed.latency().percentiles().max, 100);
        // 3 never appears on the feed; 7 takes its slot.
        feed.acknowledged(3, 1);
        feed.acknowledged(7, 2);
        assert_eq!(feed.unmatched(), 1);
        // On the next day 7 is another order.
        feed.forget();
        feed.seen(7, 900);
        assert_eq!(feed.latency().percentiles().count, 2);
    }

    #[test]
    fn times_print_in_the_unit_that_fits() {
        let shown = [850, 85_000, 1_400_000, 2_000_000_000].map(|ns| Nanoseconds(ns).to_string());
        assert_eq!(shown, ["850ns", "85.0us", "1.4ms", "2.00s"]);
    }
}
