//! How often something took how long: buckets that one thread counts in and any thread reads.
//!
//! Eight buckets to a doubling, so that a bucket is at most an eighth wider than where it begins. Counting is a few
//! instructions and one store: a stage does it once for a batch, not for an order.

use std::sync::Arc;

pub use crossbeam_utils::CachePadded;

use super::counters::Counter;

/// Buckets to a doubling.
const PARTS: u64 = 8;
const PARTS_LOG: u32 = PARTS.trailing_zeros();
/// Longer times count as this: 2^36 ns, 69 s.
const LONGEST_LOG: u32 = 36;
/// Those below `PARTS` have a bucket each.
const BUCKETS: usize = ((LONGEST_LOG - PARTS_LOG + 1) as usize) << PARTS_LOG;

/// Times of one kind, nanoseconds.
#[derive(Debug)]
pub struct Histogram {
    label: &'static str,
    sentence: &'static str,
    buckets: [Counter; BUCKETS],
    total: Counter,
    sum: Counter,
    most: Counter,
}

/// What a histogram had when it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Times {
    /// Name: lower case with underscores.
    pub label: &'static str,
    /// What takes so long.
    pub sentence: &'static str,
    /// Times counted.
    pub total: u64,
    /// All of them together, nanoseconds.
    pub sum: u64,
    /// The longest, nanoseconds.
    pub most: u64,
    /// Upper ends of the buckets that are not empty, nanoseconds, and what is in them.
    pub buckets: Vec<(u64, u64)>,
}

/// The bucket of a time.
#[inline]
fn place(ns: u64) -> usize {
    let ns = ns.min((1 << LONGEST_LOG) - 1);
    if ns < PARTS {
        return ns as usize;
    }
    let log = ns.ilog2();
    let part = (ns >> (log - PARTS_LOG)) - PARTS;
    (u64::from(log - PARTS_LOG + 1) * PARTS + part) as usize
}

/// The longest time in a bucket.
fn end(place: usize) -> u64 {
    let (row, part) = (place as u64 / PARTS, place as u64 % PARTS);
    match row {
        0 => part,
        row => ((PARTS + part + 1) << (row - 1)) - 1,
    }
}

impl Histogram {
    /// Empty, to be shared between its writer and its readers.
    pub fn shared(label: &'static str, sentence: &'static str) -> Arc<CachePadded<Self>> {
        Arc::new(CachePadded::new(Self {
            label,
            sentence,
            buckets: std::array::from_fn(|_| Counter::default()),
            total: Counter::default(),
            sum: Counter::default(),
            most: Counter::default(),
        }))
    }

    /// Counts a time. Only for the thread that owns the histogram.
    #[inline]
    pub fn record(&self, ns: u64) {
        self.buckets[place(ns)].increment();
        self.total.increment();
        self.sum.add(ns);
        self.most.at_least(ns);
    }

    /// What it has now.
    pub fn read(&self) -> Times {
        let counted = self.buckets.iter().map(Counter::get).enumerate();
        Times {
            label: self.label,
            sentence: self.sentence,
            total: self.total.get(),
            sum: self.sum.get(),
            most: self.most.get(),
            buckets: counted
                .filter(|(_, count)| *count > 0)
                .map(|(place, count)| (end(place), count))
                .collect(),
        }
    }
}

/// The time that `parts` of a million are not longer than, from buckets as [`Times`] has them; 0 when there are none.
pub fn percentile(buckets: &[(u64, u64)], parts: u64) -> u64 {
    let total: u64 = buckets.iter().map(|(_, count)| count).sum();
    let wanted = (u128::from(total) * u128::from(parts)).div_ceil(1_000_000).max(1);
    let mut seen = 0;
    for (end, count) in buckets {
        seen += u128::from(*count);
        if seen >= wanted {
            return *end;
        }
    }
    0
}

/// What was counted since an earlier reading.
pub fn since(now: &[(u64, u64)], before: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let counted_before = |end: u64| {
        let place = before.binary_search_by_key(&end, |(end, _)| *end);
        place.map_or(0, |place| before[place].1)
    };
    let left = now
        .iter()
        .map(|(end, count)| (*end, count.saturating_sub(counted_before(*end))));
    left.filter(|(_, count)| *count > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_has_a_bucket_that_is_hardly_wider() {
        let mut last = 0;
        for ns in (0..5_000).chain([1 << 20, (1 << 36) - 1, 1 << 36, u64::MAX]) {
            let at = place(ns);
            assert!(at >= last && at < BUCKETS, "{ns}");
            last = at;
            if ns < 1 << LONGEST_LOG {
                assert!(
                    end(at) >= ns && end(at) - ns <= ns / PARTS,
                    "{ns} up to {}",
                    end(at)
                );
                assert_eq!(place(end(at)), at);
            }
        }
        assert_eq!(place(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn percentiles_are_read_from_buckets() {
        let histogram = Histogram::shared("test", "For the test.");
        assert_eq!(percentile(&histogram.read().buckets, 500_000), 0);
        for ns in 1..=100_000 {
            histogram.record(ns);
        }
        let first = histogram.read();
        assert_eq!(
            (first.total, first.sum, first.most),
            (100_000, 5_000_050_000, 100_000)
        );
        for (parts, exact) in [(500_000, 50_000), (990_000, 99_000), (999_000, 99_900), (1, 1)] {
            let read = percentile(&first.buckets, parts);
            assert!(read >= exact && read <= exact + exact / PARTS, "{parts}: {read}");
        }
        for _ in 0..10 {
            histogram.record(7_000_000);
        }
        let new = since(&histogram.read().buckets, &first.buckets);
        assert_eq!(new.len(), 1);
        assert_eq!(new[0].1, 10);
        assert!(percentile(&new, 500_000) >= 7_000_000);
    }
}
