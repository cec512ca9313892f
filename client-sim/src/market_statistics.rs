//! How much a market looks like a market: its spread, depth, volatility, sizes and memory, from the feed alone.
//!
//! The books are looked at in equal steps of the exchange's time, so that means are means over time. Returns are those of
//! the middle of bid and ask. Executions of one incoming order are one trade. What is known of real markets, and should be
//! found here: a spread of a few basis points, returns that can not be foretold while their size can (volatility comes in
//! clusters), more large returns than a normal variable has (kurtosis above 3), trades of one direction that follow each
//! other, sizes with a heavy tail, instruments that move together.

mod series;

use std::fmt;

use feed_handler::{Market, Observer, Side};
use serde_json::{Value, json};

use crate::instruments::Instruments;
use crate::workload::Sizing;
use series::{autocorrelation, correlation, hill, kurtosis, mean, percentile, standard_deviation};

/// Values of one series kept: what comes later is not looked at any more.
const SERIES_MAX: usize = 1 << 20;
/// Levels that count as the book's depth.
const LEVELS: usize = 5;
/// Nanoseconds of a second.
const SECOND_NS: u64 = 1_000_000_000;

/// Watches the feed of a market.
#[derive(Debug)]
pub struct MarketStatistics {
    step_ns: u64,
    /// The next look; 0 before the first message.
    due_ns: u64,
    /// By locate.
    watched: Vec<Watched>,
}

#[derive(Debug, Default)]
struct Watched {
    looks: u64,
    /// Looks at a book with both sides.
    both: u64,
    spread: f64,
    spread_ratio: f64,
    depth: [f64; 2],
    /// Middles, each with its step: returns are of neighbours.
    middles: Vec<f64>,
    trades: Vec<OneTrade>,
}

/// All executions of one incoming order.
#[derive(Debug, Clone, Copy, PartialEq)]
struct OneTrade {
    time_ns: u64,
    is_buy: bool,
    price: u32,
    lots: u64,
}

impl MarketStatistics {
    /// Looks at the books every `step_ns` of the exchange's time.
    pub fn new(step_ns: u64) -> Self {
        Self {
            step_ns: step_ns.max(1),
            due_ns: 0,
            watched: Vec::new(),
        }
    }

    fn look(&mut self, market: &Market) {
        for (locate, watched) in (0_u16..).zip(&mut self.watched) {
            let book = market.book(locate);
            let (Some(bid), Some(ask)) = (book.best(Side::Buy), book.best(Side::Sell)) else {
                watched.looks += 1;
                continue;
            };
            watched.looks += 1;
            watched.both += 1;
            let middle = f64::midpoint(f64::from(bid.price), f64::from(ask.price));
            let spread = f64::from(ask.price) - f64::from(bid.price);
            watched.spread += spread;
            watched.spread_ratio += spread / middle;
            let depth = |levels: usize| -> f64 {
                [Side::Buy, Side::Sell]
                    .into_iter()
                    .flat_map(|side| book.levels(side).take(levels))
                    .map(|level| level.quantity as f64)
                    .sum()
            };
            watched.depth[0] += depth(1) / 2.0;
            watched.depth[1] += depth(LEVELS) / 2.0;
            if watched.middles.len() < SERIES_MAX {
                watched.middles.push(middle);
            }
        }
    }

    /// What was seen of `instruments`.
    pub fn report(&self, instruments: &Instruments) -> MarketReport {
        let step_seconds = self.step_ns as f64 / SECOND_NS as f64;
        let mut returns = Vec::new();
        let mut reports = Vec::new();
        for instrument in instruments.iter() {
            let Some(watched) = self
                .watched
                .get(usize::from(instrument.locate))
                .filter(|watched| watched.both > 0)
            else {
                continue;
            };
            let its_returns: Vec<f64> = watched
                .middles
                .windows(2)
                .map(|pair| (pair[1] / pair[0]).ln())
                .collect();
            let sizing = Sizing::new(instrument);
            let both = watched.both as f64;
            let middle = mean(&watched.middles) as u64;
            let worth = |lots: f64| sizing.worth(middle, 1) * lots;
            let sizes: Vec<f64> = watched
                .trades
                .iter()
                .map(|trade| sizing.worth(u64::from(trade.price), 1) * trade.lots as f64)
                .collect();
            let signs: Vec<f64> = watched
                .trades
                .iter()
                .map(|trade| if trade.is_buy { 1.0 } else { -1.0 })
                .collect();
            let moves: Vec<f64> = its_returns.iter().map(|one| one.abs()).collect();
            reports.push(InstrumentReport {
                name: instrument.symbol.to_string(),
                two_sided: both / watched.looks as f64,
                spread_ticks: watched.spread / both / instrument.tick_size as f64,
                spread_bps: 1e4 * watched.spread_ratio / both,
                depth_touch: worth(watched.depth[0] / both),
                depth_levels: worth(watched.depth[1] / both),
                volatility_bps: 1e4 * standard_deviation(&its_returns) / step_seconds.sqrt(),
                kurtosis: kurtosis(&its_returns),
                return_memory: autocorrelation(&its_returns, 1),
                move_memory: [1, 5, 20].map(|lag| autocorrelation(&moves, lag)),
                trades: watched.trades.len() as u64,
                sign_memory: [1, 5, 20].map(|lag| autocorrelation(&signs, lag)),
                size_p50: percentile(&sizes, 0.5),
                size_p99: percentile(&sizes, 0.99),
                size_max: percentile(&sizes, 1.0),
                size_tail: hill(&sizes, 0.05),
            });
            returns.push(its_returns);
        }
        let mut pairs = Vec::new();
        for (index, one) in returns.iter().enumerate() {
            for other in &returns[index + 1..] {
                pairs.push(correlation(one, other));
            }
        }
        MarketReport {
            step_seconds,
            instruments: reports,
            correlation: (!pairs.is_empty()).then(|| mean(&pairs)),
        }
    }
}

impl Observer for MarketStatistics {
    fn message(&mut self, _sequence: u64, message: &[u8], market: &Market) {
        let Some(time_ns) = timestamp(message) else {
            return;
        };
        let touched = usize::from(market.touched());
        if self.watched.len() <= touched {
            self.watched.resize_with(touched + 1, Watched::default);
        }
        if self.due_ns == 0 {
            self.due_ns = time_ns - time_ns % self.step_ns + self.step_ns;
        }
        // A quiet time counts for as long as it is, but not more than anybody wants to know.
        let mut looks = 0;
        while time_ns >= self.due_ns {
            if looks < 1_000 {
                self.look(market);
            }
            looks += 1;
            self.due_ns += self.step_ns;
        }
        let Some(trade) = market.trade() else {
            return;
        };
        let (Some(side), Some(watched)) = (trade.aggressor, self.watched.get_mut(usize::from(trade.locate)))
        else {
            return;
        };
        let is_buy = side == Side::Buy;
        if let Some(last) = watched.trades.last_mut()
            && last.time_ns == time_ns
            && last.is_buy == is_buy
        {
            last.lots += trade.quantity;
        } else if watched.trades.len() < SERIES_MAX {
            watched.trades.push(OneTrade {
                time_ns,
                is_buy,
                price: trade.price,
                lots: trade.quantity,
            });
        }
    }
}

/// Nanoseconds since midnight: every message of the feed has them at the same place.
fn timestamp(message: &[u8]) -> Option<u64> {
    let bytes = message.get(5..11)?;
    Some(bytes.iter().fold(0, |time, byte| time << 8 | u64::from(*byte)))
}

/// One instrument's market.
#[derive(Debug, Clone, PartialEq)]
pub struct InstrumentReport {
    /// Its symbol.
    pub name: String,
    /// Share of the time with bids and asks.
    pub two_sided: f64,
    /// Mean spread over time, ticks.
    pub spread_ticks: f64,
    /// The same in parts of 10,000 of the price.
    pub spread_bps: f64,
    /// Mean of what stands at the best price of a side, in whole units of the quote asset.
    pub depth_touch: f64,
    /// The same of the best five prices.
    pub depth_levels: f64,
    /// Standard deviation of a second's return, in parts of 10,000.
    pub volatility_bps: f64,
    /// Of the returns of a step; a normal variable has 3.
    pub kurtosis: f64,
    /// Autocorrelation of returns, one step apart.
    pub return_memory: f64,
    /// Autocorrelation of the size of returns, 1, 5 and 20 steps apart.
    pub move_memory: [f64; 3],
    /// Trades.
    pub trades: u64,
    /// Autocorrelation of their directions, 1, 5 and 20 trades apart.
    pub sign_memory: [f64; 3],
    /// Median of the trades' worth, in whole units of the quote asset.
    pub size_p50: f64,
    /// 99 of 100 are worth at most this.
    pub size_p99: f64,
    /// The largest.
    pub size_max: f64,
    /// Tail index of sizes by Hill's estimator over the largest twentieth: below 2 to 3 is a heavy tail.
    pub size_tail: f64,
}

/// A whole market.
#[derive(Debug, Clone, PartialEq)]
pub struct MarketReport {
    /// Between two looks.
    pub step_seconds: f64,
    /// Those that had a market.
    pub instruments: Vec<InstrumentReport>,
    /// Mean correlation of two instruments' returns; `None` with fewer than two.
    pub correlation: Option<f64>,
}

impl MarketReport {
    /// For programs.
    pub fn json(&self) -> Value {
        let instruments: Vec<Value> = self
            .instruments
            .iter()
            .map(|of| {
                json!({
                    "symbol": of.name, "two_sided": of.two_sided, "spread_ticks": of.spread_ticks,
                    "spread_bps": of.spread_bps, "depth_touch": of.depth_touch, "depth_5": of.depth_levels,
                    "volatility_bps": of.volatility_bps, "kurtosis": of.kurtosis,
                    "return_autocorrelation": of.return_memory, "move_autocorrelation": of.move_memory,
                    "trades": of.trades, "sign_autocorrelation": of.sign_memory, "size_p50": of.size_p50,
                    "size_p99": of.size_p99, "size_max": of.size_max, "size_tail": of.size_tail,
                })
            })
            .collect();
        json!({
            "step_seconds": self.step_seconds, "instruments": instruments, "correlation": self.correlation,
        })
    }
}

impl fmt::Display for MarketReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the market, looked at every {} s:", self.step_seconds)?;
        writeln!(
            f,
            "{:<9} {:>9} {:>8} {:>11} {:>11} {:>10} {:>8} {:>7} {:>17} {:>8} {:>17} {:>8} {:>8} {:>6}",
            "symbol",
            "spread",
            "spread",
            "at touch",
            "5 levels",
            "volatility",
            "kurtosis",
            "returns",
            "their sizes",
            "trades",
            "their directions",
            "median",
            "p99",
            "tail"
        )?;
        writeln!(
            f,
            "{:<9} {:>9} {:>8} {:>11} {:>11} {:>10} {:>8} {:>7} {:>17} {:>8} {:>17} {:>8} {:>8} {:>6}",
            "",
            "ticks",
            "bps",
            "worth",
            "worth",
            "bps/s",
            "",
            "acf 1",
            "acf 1, 5, 20",
            "",
            "acf 1, 5, 20",
            "worth",
            "worth",
            "index"
        )?;
        let three = |values: [f64; 3]| values.map(|value| format!("{value:.2}")).join(" ");
        for of in &self.instruments {
            writeln!(
                f,
                "{:<9} {:>9.1} {:>8.2} {:>11.0} {:>11.0} {:>10.2} {:>8.1} {:>7.2} {:>17} {:>8} {:>17} {:>8.0} {:>8.0} {:>6.2}",
                of.name,
                of.spread_ticks,
                of.spread_bps,
                of.depth_touch,
                of.depth_levels,
                of.volatility_bps,
                of.kurtosis,
                of.return_memory,
                three(of.move_memory),
                of.trades,
                three(of.sign_memory),
                of.size_p50,
                of.size_p99,
                of.size_tail
            )?;
        }
        match self.correlation {
            Some(correlation) => writeln!(
                f,
                "mean correlation of two instruments' returns: {correlation:.2}"
            ),
            None => Ok(()),
        }
    }
}
