//! Latencies by the kind of message that ends them.

use std::fmt;

use serde_json::{Map, Value};

use super::{Latency, Nanoseconds, Percentiles};

/// What was waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// From an order's intended time to its acceptance or refusal.
    OrderAck,
    /// From a replacement's intended time to its acknowledgement or refusal.
    ReplaceAck,
    /// From a cancel's intended time to the message that it had its effect.
    CancelAck,
    /// From the intended time of an order that rests to its message on the feed.
    OrderFeed,
}

impl Kind {
    /// All of them, in the order of their positions.
    pub const ALL: [Self; 4] = [Self::OrderAck, Self::ReplaceAck, Self::CancelAck, Self::OrderFeed];

    /// Its name in reports and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::OrderAck => "order-ack",
            Self::ReplaceAck => "replace-ack",
            Self::CancelAck => "cancel-ack",
            Self::OrderFeed => "order-feed",
        }
    }
}

/// A histogram of each kind.
#[derive(Debug, Clone, Default)]
pub struct Kinds([Latency; 4]);

impl Kinds {
    /// One of them.
    pub fn of(&self, kind: Kind) -> &Latency {
        &self.0[kind as usize]
    }

    /// The same, to be added to.
    pub fn of_mut(&mut self, kind: Kind) -> &mut Latency {
        &mut self.0[kind as usize]
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            mine.merge(theirs);
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.0.iter_mut().for_each(Latency::clear);
    }

    /// What the exchange answered with a number of its own: orders and replacements together.
    pub fn acknowledgements(&self) -> Latency {
        let mut both = self.of(Kind::OrderAck).clone();
        both.merge(self.of(Kind::ReplaceAck));
        both
    }

    /// The percentiles of each.
    pub fn percentiles(&self) -> KindPercentiles {
        KindPercentiles(Kind::ALL.map(|kind| self.of(kind).percentiles()))
    }
}

/// The percentiles of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KindPercentiles([Percentiles; 4]);

impl KindPercentiles {
    /// One of them.
    pub fn of(&self, kind: Kind) -> Percentiles {
        self.0[kind as usize]
    }

    /// The kinds that were measured.
    pub fn measured(&self) -> impl Iterator<Item = (Kind, Percentiles)> {
        Kind::ALL
            .into_iter()
            .zip(self.0)
            .filter(|(_, percentiles)| percentiles.count > 0)
    }

    /// An object with a member for each kind that was measured.
    pub fn json(&self) -> Value {
        let members: Map<String, Value> = self
            .measured()
            .map(|(kind, percentiles)| (kind.name().to_owned(), percentiles.json_whole()))
            .collect();
        Value::Object(members)
    }
}

impl fmt::Display for KindPercentiles {
    /// A table with a line for each kind that was measured.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<12} {:>12} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
            "latency", "count", "mean", "p50", "p90", "p99", "p99.9", "p99.99", "max"
        )?;
        for (kind, of) in self.measured() {
            write!(f, "{:<12} {:>12}", kind.name(), of.count)?;
            for ns in [of.mean, of.p50, of.p90, of.p99, of.p999, of.p9999, of.max] {
                write!(f, " {:>9}", Nanoseconds(ns))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// What is being measured: an interval that somebody may take away, and all those before it that nobody took.
#[derive(Debug, Default)]
pub struct Latencies {
    /// Boxed, so that an interval is taken by exchanging two addresses: the sender of a load must not wait for a copy.
    interval: Box<Kinds>,
    before: Kinds,
}

impl Latencies {
    /// Counts one.
    pub fn record(&mut self, kind: Kind, from_ns: u64, to_ns: u64) {
        self.interval.of_mut(kind).record(from_ns, to_ns);
    }

    /// Takes the interval away; the next one is counted in `empty`.
    pub fn take(&mut self, empty: Box<Kinds>) -> Box<Kinds> {
        std::mem::replace(&mut self.interval, empty)
    }

    /// The interval so far.
    pub fn interval(&self) -> &Kinds {
        &self.interval
    }

    /// Ends the interval and keeps it.
    pub fn fold(&mut self) {
        self.before.merge(&self.interval);
        self.interval.clear();
    }

    /// Gives back what was taken.
    pub fn give_back(&mut self, taken: &Kinds) {
        self.before.merge(taken);
    }

    /// Everything that was not taken, or was given back.
    pub fn whole(&self) -> Kinds {
        let mut whole = self.before.clone();
        whole.merge(&self.interval);
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_taken_or_kept_and_never_counted_twice() {
        let mut latencies = Latencies::default();
        latencies.record(Kind::OrderAck, 0, 100);
        latencies.fold();
        latencies.record(Kind::OrderAck, 0, 200);
        latencies.record(Kind::CancelAck, 0, 300);
        let taken = latencies.take(Box::default());
        assert_eq!(taken.of(Kind::OrderAck).percentiles().max, 200);
        latencies.record(Kind::ReplaceAck, 0, 400);
        let count =
            |latencies: &Latencies| Kind::ALL.map(|kind| latencies.whole().of(kind).percentiles().count);
        assert_eq!(count(&latencies), [1, 1, 0, 0]);
        latencies.give_back(&taken);
        assert_eq!(count(&latencies), [2, 1, 1, 0]);
        let whole = latencies.whole();
        assert_eq!(whole.acknowledgements().percentiles().count, 3);
        let percentiles = whole.percentiles();
        assert_eq!(percentiles.to_string().lines().count(), 4, "{percentiles}");
        assert_eq!(percentiles.json()["cancel-ack"]["p50"], 300);
        assert!(percentiles.json().get("order-feed").is_none());
    }
}
