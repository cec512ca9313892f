//! What a chart shows, and where the lines of its grid are. Integers; how it looks is up to [`super::svg`] and [`super::text`].

use feed_handler::bar::Bar;
use feed_handler::candle::{Candle, Interval};
use feed_handler::{Charts, Market, decimal};

/// The newest candles of one instrument.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) symbol: String,
    pub(crate) interval: Interval,
    /// Oldest first, at least one, each with the day's average price up to its end.
    pub(crate) candles: Vec<(Candle, u32)>,
    /// The whole day.
    pub(crate) session: Bar,
    pub(crate) lots_per_unit: u32,
}

impl View {
    /// The candles of the last `slots` intervals up to the newest; `None` when nothing has traded.
    pub(crate) fn new(
        market: &Market,
        charts: &Charts,
        locate: u16,
        interval: Interval,
        slots: usize,
    ) -> Option<Self> {
        let instrument = market.instrument(locate)?;
        let series = charts.series(locate, interval)?;
        let newest = series.candles().next_back()?.start_ns;
        let oldest = newest.saturating_sub((slots.max(1) as u64 - 1) * interval.ns());
        Some(Self {
            symbol: instrument.symbol().to_owned(),
            interval,
            candles: series
                .with_session_vwap()
                .filter(|(candle, _)| candle.start_ns >= oldest)
                .map(|(candle, average)| (*candle, average))
                .collect(),
            session: *charts.day(locate)?,
            lots_per_unit: instrument.lots_per_unit,
        })
    }

    /// The newest candle.
    pub(crate) fn last(&self) -> &Candle {
        &self.candles[self.candles.len() - 1].0
    }

    /// Where the first interval begins.
    pub(crate) fn begin_ns(&self) -> u64 {
        self.candles[0].0.start_ns
    }

    /// Intervals from the first candle to the last, those without one among them.
    pub(crate) fn slots(&self) -> usize {
        self.slot(self.last()) + 1
    }

    /// Which interval a candle is in, from 0.
    pub(crate) fn slot(&self, candle: &Candle) -> usize {
        ((candle.start_ns - self.begin_ns()) / self.interval.ns()) as usize
    }

    /// Lowest and highest price that must be seen; never equal.
    pub(crate) fn prices(&self) -> (u32, u32) {
        let lows = self
            .candles
            .iter()
            .map(|(candle, average)| candle.bar.low.min(*average));
        let highs = self
            .candles
            .iter()
            .map(|(candle, average)| candle.bar.high.max(*average));
        let (low, high) = (lows.min().unwrap_or(0), highs.max().unwrap_or(0));
        // A line of one price lies in the middle; a little air is left above and below.
        let air = ((high - low) / 20).max(low / 100_000).max(1);
        (low.saturating_sub(air), high.saturating_add(air))
    }

    /// Highest volume, at least 1.
    pub(crate) fn volume_max(&self) -> u64 {
        let volumes = self.candles.iter().map(|(candle, _)| candle.bar.volume);
        volumes.max().unwrap_or(0).max(1)
    }

    /// A number of lots for people.
    pub(crate) fn quantity(&self, lots: u64) -> String {
        decimal::quantity(lots, self.lots_per_unit).to_string()
    }

    /// Places that all prices of the chart need, two at least.
    pub(crate) fn places(&self) -> u32 {
        let prices = self.candles.iter().flat_map(|(candle, _)| {
            let bar = &candle.bar;
            [bar.open, bar.high, bar.low, bar.close]
        });
        prices.map(places).max().unwrap_or(0).max(2)
    }

    /// `O 60000.00  H ...` of the day, and what the newest candle stands for.
    pub(crate) fn summary(&self) -> Vec<(&'static str, String)> {
        let places = self.places();
        let bar = &self.session;
        vec![
            ("open", price(bar.open, places)),
            ("high", price(bar.high, places)),
            ("low", price(bar.low, places)),
            ("last", price(bar.close, places)),
            ("vwap", price(bar.vwap(), places)),
            ("volume", self.quantity(bar.volume)),
            ("trades", bar.trades.to_string()),
        ]
    }
}

/// Prices for the lines of a grid, ascending, at round numbers, with the places they need.
pub(crate) fn price_ticks(low: u32, high: u32, count_max: u32) -> (Vec<u32>, u32) {
    let rough = u64::from(high - low) / u64::from(count_max.max(1)) + 1;
    let step = round_up(rough);
    let first = u64::from(low).div_ceil(step);
    let ticks: Vec<u32> = (first..)
        .map(|index| index * step)
        .take_while(|tick| *tick <= u64::from(high))
        .filter_map(|tick| u32::try_from(tick).ok())
        .collect();
    let places = u32::try_from(step).map_or(0, places);
    (ticks, places)
}

/// The next of 1, 2, 5, 10, 20, 50 ...
fn round_up(number: u64) -> u64 {
    let mut power = 1;
    loop {
        for step in [1, 2, 5] {
            if step * power >= number {
                return step * power;
            }
        }
        power *= 10;
    }
}

/// Decimal places of a price, without trailing zeros.
pub(crate) fn places(price: u32) -> u32 {
    match price {
        _ if price.is_multiple_of(10_000) => 0,
        _ if price.is_multiple_of(1_000) => 1,
        _ if price.is_multiple_of(100) => 2,
        _ if price.is_multiple_of(10) => 3,
        _ => 4,
    }
}

/// A price with that many places, rounded half up.
pub(crate) fn price(price: u32, places: u32) -> String {
    let unit = 10_u64.pow(4 - places.min(4));
    let rounded = (u64::from(price) + unit / 2) / unit;
    let whole = 10_u64.pow(places.min(4));
    match places {
        0 => rounded.to_string(),
        places => format!(
            "{}.{:0width$}",
            rounded / whole,
            rounded % whole,
            width = places.min(4) as usize
        ),
    }
}

/// Times for the lines of a grid: starts of intervals at round times, at most about `count_max`.
pub(crate) fn time_ticks(begin_ns: u64, end_ns: u64, count_max: u64) -> Vec<u64> {
    const STEPS: [u64; 17] = [
        1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200,
    ];
    let step = STEPS
        .into_iter()
        .map(|seconds| seconds * 1_000_000_000)
        .find(|step| (end_ns - begin_ns) / step <= count_max)
        .unwrap_or(86_400_000_000_000);
    (begin_ns.div_ceil(step)..)
        .map(|index| index * step)
        .take_while(|tick| *tick <= end_ns)
        .collect()
}

/// `08:30`, or `08:30:05` where seconds matter.
pub(crate) fn time(ns: u64, seconds: bool) -> String {
    let text = decimal::time_of_day(ns);
    let end = text.find('.').unwrap_or(text.len());
    text[..if seconds { end } else { end - 3 }].to_owned()
}

/// True when these times need seconds.
pub(crate) fn needs_seconds(ticks: &[u64]) -> bool {
    ticks.iter().any(|tick| tick % 60_000_000_000 != 0)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A day of its own: a price that wanders, one minute without a trade.
    pub(crate) fn view(candles: u64) -> View {
        let interval = Interval::MINUTE;
        let mut session = Bar::EMPTY;
        let mut state = 7_u64;
        let mut close: u32 = 600_000_000;
        let candles = (0..candles)
            .filter(|index| *index != 5)
            .map(|index| {
                let mut random = || {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (state >> 40) as u32
                };
                let open = close;
                close = close + random() % 40_000 * 10 - 195_000;
                let bar = Bar {
                    open,
                    high: open.max(close) + random() % 10_000 * 10,
                    low: open.min(close) - random() % 10_000 * 10,
                    close,
                    trades: 3,
                    volume: 1_000 + u64::from(random() % 20_000),
                    turnover: 0,
                };
                session = Bar {
                    open: 600_000_000,
                    high: session.high.max(bar.high),
                    low: if session.is_empty() {
                        bar.low
                    } else {
                        session.low.min(bar.low)
                    },
                    close,
                    trades: session.trades + 3,
                    volume: session.volume + bar.volume,
                    turnover: session.turnover + u128::from(bar.volume) * u128::from(close),
                };
                let candle = Candle {
                    start_ns: (8 * 60 + index) * 60_000_000_000,
                    bar,
                };
                (candle, session.vwap())
            })
            .collect();
        View {
            symbol: "BTC-USD".to_owned(),
            interval,
            candles,
            session,
            lots_per_unit: 10_000,
        }
    }

    #[test]
    fn ticks_are_round_and_within() {
        let (ticks, places) = price_ticks(599_984_000, 600_016_500, 6);
        assert_eq!(ticks, [599_990_000, 600_000_000, 600_010_000]);
        assert_eq!(places, 0);
        let (ticks, places) = price_ticks(10_000, 10_003, 6);
        assert_eq!((ticks, places), (vec![10_000, 10_001, 10_002, 10_003], 4));
        assert_eq!(price_ticks(0, u32::MAX, 4).0.len(), 3);
        let minute = 60_000_000_000;
        assert_eq!(
            time_ticks(3 * minute, 9 * minute, 4),
            [4 * minute, 6 * minute, 8 * minute]
        );
        assert!(!needs_seconds(&[minute]) && needs_seconds(&[minute / 2]));
        assert_eq!(
            (time(minute * 61, false), time(minute * 61, true)),
            ("01:01".into(), "01:01:00".into())
        );
    }

    #[test]
    fn prices_have_the_places_asked_for() {
        let texts = [0, 1, 2, 4].map(|places| price(600_004_550, places));
        assert_eq!(texts, ["60000", "60000.5", "60000.46", "60000.4550"]);
        assert_eq!(view(20).places(), 3);
    }
}
