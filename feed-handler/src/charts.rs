//! Candles and session statistics of instruments, as the feed goes by.
//!
//! Counted is what [`Market::trade`] reports: executions at the displayed price, printable ones at another, hidden ones,
//! and a cross once with all its volume. An execution that is not printable is in a cross already. A broken trade (ITCH
//! `B`) is taken back as if it had never been, as far as the trades around it are remembered.
//!
//! Must not be here: clocks, files, decimals. Nothing is allocated but the room of an instrument, when the feed names it.

use crate::bar::{Bar, Print};
use crate::candle::{Interval, Series};
use crate::market::Market;
use crate::subscriber::Observer;
use crate::timestamp;
use protocol::market_data::FeedMessage;
use protocol::text::SessionName;
use std::collections::VecDeque;

/// What to keep.
#[derive(Debug, Clone)]
pub struct ChartsConfig {
    /// Candles of these intervals.
    pub intervals: Vec<Interval>,
    /// Candles kept of each instrument and interval.
    pub candles: usize,
    /// Trades remembered of all instruments, so that they can be taken back.
    pub remembered: usize,
    /// Only these instruments; empty: all.
    pub symbols: Vec<[u8; 8]>,
}

impl Default for ChartsConfig {
    /// Session statistics of all instruments, no candles, the last 65,536 trades.
    fn default() -> Self {
        Self {
            intervals: Vec::new(),
            candles: 1,
            remembered: 1 << 16,
            symbols: Vec::new(),
        }
    }
}

/// One instrument's.
#[derive(Debug)]
struct Chart {
    session: Bar,
    series: Box<[Series]>,
}

/// Counts of what could not be charted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChartsStatistics {
    /// Trades broken and taken back.
    pub broken: u64,
    /// Broken trades that are not remembered, or never counted: nothing was taken back.
    pub broken_unknown: u64,
    /// Trades with a time before that of candles there are: counted in the session only.
    pub late: u64,
}

/// Candles and session statistics; an [`Observer`] of a subscriber or of a file.
#[derive(Debug)]
pub struct Charts {
    config: ChartsConfig,
    /// By locate.
    charts: Vec<Option<Chart>>,
    prints: VecDeque<Print>,
    statistics: ChartsStatistics,
    now_ns: u64,
}

impl Charts {
    /// Nothing yet.
    pub fn new(config: ChartsConfig) -> Self {
        let remembered = config.remembered;
        Self {
            config,
            charts: Vec::new(),
            prints: VecDeque::with_capacity(remembered),
            statistics: ChartsStatistics::default(),
            now_ns: 0,
        }
    }

    /// The day so far; `None` for an instrument that is not charted.
    pub fn day(&self, locate: u16) -> Option<&Bar> {
        self.chart(locate).map(|chart| &chart.session)
    }

    /// The candles of an instrument; `None` when they are not kept.
    pub fn series(&self, locate: u16, interval: Interval) -> Option<&Series> {
        let mut series = self.chart(locate)?.series.iter();
        series.find(|series| series.interval() == interval)
    }

    /// Time of the last message: nanoseconds since the midnight UTC before the trading day's start.
    pub fn now_ns(&self) -> u64 {
        self.now_ns
    }

    /// What could not be charted.
    pub fn statistics(&self) -> ChartsStatistics {
        self.statistics
    }

    fn chart(&self, locate: u16) -> Option<&Chart> {
        self.charts.get(usize::from(locate))?.as_ref()
    }

    /// Makes room for an instrument that the feed has named.
    fn open(&mut self, locate: u16, symbol: [u8; 8]) {
        if !self.config.symbols.is_empty() && !self.config.symbols.contains(&symbol) {
            return;
        }
        let index = usize::from(locate);
        if index >= self.charts.len() {
            self.charts.resize_with(index + 1, || None);
        }
        let config = &self.config;
        self.charts[index].get_or_insert_with(|| Chart {
            session: Bar::EMPTY,
            series: config
                .intervals
                .iter()
                .map(|interval| Series::new(*interval, config.candles))
                .collect(),
        });
    }

    fn print(&mut self, print: Print) {
        let Some(Some(chart)) = self.charts.get_mut(usize::from(print.locate)) else {
            return;
        };
        chart.session.add(print.price, print.quantity);
        let mut late = false;
        for series in &mut chart.series {
            late |= !series.add(print.timestamp, print.price, print.quantity);
        }
        self.statistics.late += u64::from(late);
        if self.config.remembered > 0 {
            if self.prints.len() == self.config.remembered {
                self.prints.pop_front();
            }
            self.prints.push_back(print);
        }
    }

    fn take_back(&mut self, match_number: u64) {
        let found = self
            .prints
            .iter()
            .rposition(|print| print.match_number == match_number);
        let Some(print) = found.and_then(|index| self.prints.remove(index)) else {
            self.statistics.broken_unknown += 1;
            return;
        };
        self.statistics.broken += 1;
        let Some(Some(chart)) = self.charts.get_mut(usize::from(print.locate)) else {
            return;
        };
        let prints = &self.prints;
        let others = |start_ns: u64, length_ns: u64| {
            prints
                .iter()
                .filter(move |other| {
                    let in_span = other.timestamp >= start_ns && other.timestamp - start_ns < length_ns;
                    in_span && other.locate == print.locate
                })
                .map(|other| (other.price, other.quantity))
        };
        let (price, quantity) = (print.price, print.quantity);
        chart.session.take_back(price, quantity, others(0, u64::MAX));
        for series in &mut chart.series {
            let interval = series.interval();
            let start_ns = interval.start_of(print.timestamp);
            if let Some(candle) = series.find(start_ns) {
                candle
                    .bar
                    .take_back(price, quantity, others(start_ns, interval.ns()));
            }
        }
    }
}

impl Observer for Charts {
    fn session(&mut self, _session: SessionName) {
        for chart in self.charts.iter_mut().flatten() {
            chart.session = Bar::EMPTY;
            chart.series.iter_mut().for_each(Series::clear);
        }
        self.prints.clear();
        self.now_ns = 0;
    }

    fn message(&mut self, _sequence: u64, message: &[u8], market: &Market) {
        self.now_ns = timestamp::of(message);
        if let Some(trade) = market.trade() {
            if trade.quantity > 0 {
                self.print(trade.into());
            }
            return;
        }
        match message.first() {
            Some(b'R') => {
                if let Ok(FeedMessage::StockDirectory(directory)) = FeedMessage::decode(message) {
                    self.open(directory.stock_locate.get(), directory.stock);
                }
            }
            Some(b'B') => {
                if let Ok(FeedMessage::BrokenTrade(broken)) = FeedMessage::decode(message) {
                    self.take_back(broken.match_number.get());
                }
            }
            _ => {}
        }
    }
}
