//! Candles of one instrument and one interval: the newest, up to a fixed number.
//!
//! Intervals without a trade have no candle.

use crate::bar::{Bar, vwap};
use std::collections::VecDeque;

/// Nanoseconds in a second.
const SECOND_NS: u64 = 1_000_000_000;

/// How much time a candle stands for: whole seconds. Intervals begin at midnight UTC, as the feed's time does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval(u32);

impl Interval {
    /// One second.
    pub const SECOND: Self = Self(1);
    /// One minute.
    pub const MINUTE: Self = Self(60);
    /// One hour.
    pub const HOUR: Self = Self(3_600);

    /// From 1 second to 24 hours.
    pub fn from_seconds(seconds: u32) -> Option<Self> {
        (1..=86_400).contains(&seconds).then_some(Self(seconds))
    }

    /// Seconds.
    pub fn seconds(self) -> u32 {
        self.0
    }

    /// Nanoseconds.
    pub fn ns(self) -> u64 {
        u64::from(self.0) * SECOND_NS
    }

    /// Where the interval begins that this time is in.
    pub fn start_of(self, timestamp: u64) -> u64 {
        timestamp - timestamp % self.ns()
    }
}

impl core::fmt::Display for Interval {
    /// `1h`, `5m`, `15s`.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0 {
            seconds if seconds % 3_600 == 0 => write!(f, "{}h", seconds / 3_600),
            seconds if seconds % 60 == 0 => write!(f, "{}m", seconds / 60),
            seconds => write!(f, "{seconds}s"),
        }
    }
}

/// The trades of one interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candle {
    /// Where the interval begins: nanoseconds since the midnight UTC before the trading day's start.
    pub start_ns: u64,
    /// Its trades; at least one.
    pub bar: Bar,
}

/// The newest candles, oldest first. Nothing is allocated after [`Series::new`].
#[derive(Debug, Clone)]
pub struct Series {
    interval: Interval,
    capacity: usize,
    candles: VecDeque<Candle>,
    /// Volume and turnover of candles that are no longer kept.
    gone: (u64, u128),
}

impl Series {
    /// Room for `capacity` candles, at least one.
    pub fn new(interval: Interval, capacity: usize) -> Self {
        let capacity = capacity.max(1);
        Self {
            interval,
            capacity,
            candles: VecDeque::with_capacity(capacity),
            gone: (0, 0),
        }
    }

    /// How much time each candle stands for.
    pub fn interval(&self) -> Interval {
        self.interval
    }

    /// The candles kept, oldest first.
    pub fn candles(&self) -> impl DoubleEndedIterator<Item = &Candle> {
        self.candles.iter().filter(|candle| !candle.bar.is_empty())
    }

    /// The candles kept, each with the day's average price up to its end, 0.0001.
    pub fn with_session_vwap(&self) -> impl Iterator<Item = (&Candle, u32)> {
        let (mut volume, mut turnover) = self.gone;
        self.candles().map(move |candle| {
            volume = volume.saturating_add(candle.bar.volume);
            turnover = turnover.saturating_add(candle.bar.turnover);
            (candle, vwap(volume, turnover))
        })
    }

    /// Takes in a trade. False when its interval is no longer kept, or was passed without a trade.
    pub(crate) fn add(&mut self, timestamp: u64, price: u32, quantity: u64) -> bool {
        let start_ns = self.interval.start_of(timestamp);
        if self.candles.back().is_none_or(|last| last.start_ns < start_ns) {
            if self.candles.len() == self.capacity
                && let Some(oldest) = self.candles.pop_front()
            {
                self.gone.0 = self.gone.0.saturating_add(oldest.bar.volume);
                self.gone.1 = self.gone.1.saturating_add(oldest.bar.turnover);
            }
            self.candles.push_back(Candle {
                start_ns,
                bar: Bar::EMPTY,
            });
        }
        match self.find(start_ns) {
            Some(candle) => {
                candle.bar.add(price, quantity);
                true
            }
            None => false,
        }
    }

    /// The candle of the interval that begins there.
    pub(crate) fn find(&mut self, start_ns: u64) -> Option<&mut Candle> {
        let newest = self.candles.len().checked_sub(1)?;
        let index = match self.candles[newest].start_ns == start_ns {
            true => newest,
            false => self
                .candles
                .binary_search_by_key(&start_ns, |candle| candle.start_ns)
                .ok()?,
        };
        self.candles.get_mut(index)
    }

    pub(crate) fn clear(&mut self) {
        self.candles.clear();
        self.gone = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_named_as_they_are_typed() {
        let named = [1, 15, 60, 300, 3_600, 86_400].map(|seconds| {
            Interval::from_seconds(seconds).map_or(String::new(), |interval| interval.to_string())
        });
        assert_eq!(named, ["1s", "15s", "1m", "5m", "1h", "24h"]);
        assert_eq!(Interval::from_seconds(0), None);
        assert_eq!(Interval::from_seconds(86_401), None);
        assert_eq!(Interval::MINUTE.start_of(119 * SECOND_NS), 60 * SECOND_NS);
    }

    #[test]
    fn the_oldest_go_and_stay_in_the_average() {
        let mut series = Series::new(Interval::SECOND, 2);
        for (second, price) in [(1, 100), (1, 120), (3, 200), (7, 300)] {
            assert!(series.add(second * SECOND_NS + 5, price, 10));
        }
        let starts: Vec<_> = series
            .candles()
            .map(|candle| candle.start_ns / SECOND_NS)
            .collect();
        assert_eq!(starts, [3, 7]);
        let averages: Vec<_> = series.with_session_vwap().map(|(_, average)| average).collect();
        assert_eq!(averages, [140, 180]);
        // Late, into an interval that is kept, that was empty, that is gone.
        assert!(series.add(3 * SECOND_NS, 1, 1));
        assert!(!series.add(5 * SECOND_NS, 1, 1));
        assert!(!series.add(SECOND_NS, 1, 1));
    }
}
