//! Candles and session statistics against the most obvious way to make them, and what counts as a trade.

mod support;

use feed_handler::bar::Bar;
use feed_handler::book::Capacity;
use feed_handler::candle::Interval;
use feed_handler::charts::ChartsConfig;
use feed_handler::ticker::Trade;
use feed_handler::{Charts, Market, Observer, Side};
use std::collections::BTreeMap;
use support::{Script, added, at, broken, cross, directory, executed, executed_in_cross, hidden_trade};

const SECOND_NS: u64 = 1_000_000_000;

struct Day {
    market: Market,
    charts: Charts,
    trades: Vec<Trade>,
}

impl Day {
    fn new(config: ChartsConfig) -> Self {
        let capacity = Capacity {
            instruments: 8,
            orders: 4_096,
            levels: 4_096,
        };
        Self {
            market: Market::new(capacity),
            charts: Charts::new(config),
            trades: Vec::with_capacity(10_000),
        }
    }

    fn apply(&mut self, message: &[u8]) {
        self.market.apply(message).unwrap();
        self.charts.message(1, message, &self.market);
        self.trades.extend(self.market.trade());
    }
}

fn config() -> ChartsConfig {
    ChartsConfig {
        intervals: vec![Interval::SECOND, Interval::MINUTE, Interval::HOUR],
        candles: 4_000,
        ..ChartsConfig::default()
    }
}

/// A bar of trades, from scratch.
fn bar<'a>(trades: impl Iterator<Item = &'a Trade> + Clone) -> Bar {
    let prices = || trades.clone().map(|trade| trade.price);
    Bar {
        open: prices().next().unwrap(),
        high: prices().max().unwrap(),
        low: prices().min().unwrap(),
        close: prices().last().unwrap(),
        trades: prices().count() as u64,
        volume: trades.clone().map(|trade| trade.quantity).sum(),
        turnover: trades
            .clone()
            .map(|trade| u128::from(trade.price) * u128::from(trade.quantity))
            .sum(),
    }
}

#[test]
fn candles_are_what_the_trades_come_to() {
    let mut script = Script::new(5, 3);
    script.run(9_000);
    let mut day = Day::new(config());
    for (index, message) in script.messages.into_iter().enumerate() {
        // About two hours.
        day.apply(&at(message, index as u64 * 800_000_000));
    }
    for locate in 1..=3 {
        let trades = || day.trades.iter().filter(move |trade| trade.locate == locate);
        assert!(trades().count() > 500);
        assert_eq!(day.charts.day(locate), Some(&bar(trades())));
        for interval in [Interval::SECOND, Interval::MINUTE, Interval::HOUR] {
            let mut expected: BTreeMap<u64, Vec<Trade>> = BTreeMap::new();
            for trade in trades() {
                let start = trade.timestamp / interval.ns() * interval.ns();
                expected.entry(start).or_default().push(*trade);
            }
            let expected: Vec<_> = expected
                .iter()
                .map(|(start, trades)| (*start, bar(trades.iter())))
                .collect();
            let series = day.charts.series(locate, interval).unwrap();
            let made: Vec<_> = series
                .candles()
                .map(|candle| (candle.start_ns, candle.bar))
                .collect();
            assert_eq!(made, expected, "{interval}");
            let last = series.with_session_vwap().last().unwrap().1;
            assert_eq!(last, day.charts.day(locate).unwrap().vwap());
        }
    }
    assert_eq!(
        day.charts
            .series(1, Interval::from_seconds(5).unwrap())
            .map(|_| ()),
        None
    );
    assert_eq!(day.charts.day(4), None);
    day.charts.session(*b"ITCH000002");
    assert_eq!(day.charts.day(1), Some(&Bar::EMPTY));
}

#[test]
fn volume_counts_once() {
    let mut day = Day::new(config());
    day.apply(&directory(1, "SYM1", 100));
    day.apply(&directory(2, "SYM2", 100));
    day.apply(&added(1, 10, Side::Sell, 50, 1_000));
    day.apply(&added(1, 11, Side::Buy, 50, 900));
    // Not printable: the cross says it.
    day.apply(&executed_in_cross(1, 10, 20, 950, 1));
    day.apply(&executed_in_cross(1, 11, 20, 950, 1));
    day.apply(&cross(1, 20, 950, 2));
    // A cross in which nothing traded.
    day.apply(&cross(2, 0, 0, 3));
    day.apply(&executed(1, 10, 10, 4));
    day.apply(&hidden_trade(1, 5, 960, 5));
    let session = *day.charts.day(1).unwrap();
    assert_eq!((session.trades, session.volume), (3, 35));
    assert_eq!(
        (session.open, session.high, session.low, session.close),
        (950, 1_000, 950, 960)
    );
    assert_eq!(session.turnover, 20 * 950 + 10 * 1_000 + 5 * 960);
    assert!(day.charts.day(2).unwrap().is_empty());

    // The highest is broken, then one that never counted, then one that nobody knows.
    day.apply(&broken(1, 4));
    day.apply(&broken(1, 1));
    day.apply(&broken(1, 77));
    let session = *day.charts.day(1).unwrap();
    assert_eq!((session.trades, session.volume, session.high), (2, 25, 960));
    let candle = *day
        .charts
        .series(1, Interval::SECOND)
        .unwrap()
        .candles()
        .next()
        .unwrap();
    assert_eq!((candle.start_ns, candle.bar), (0, session));
    let statistics = day.charts.statistics();
    assert_eq!((statistics.broken, statistics.broken_unknown), (1, 2));
    // Without a trade left, there is no candle.
    day.apply(&broken(1, 2));
    day.apply(&broken(1, 5));
    assert!(day.charts.day(1).unwrap().is_empty());
    assert_eq!(
        day.charts.series(1, Interval::SECOND).unwrap().candles().count(),
        0
    );
}

#[test]
fn one_symbol_and_late_trades() {
    let mut day = Day::new(ChartsConfig {
        symbols: vec![*b"SYM2    "],
        ..config()
    });
    day.apply(&directory(1, "SYM1", 100));
    day.apply(&directory(2, "SYM2", 100));
    for locate in [1, 2] {
        day.apply(&at(
            hidden_trade(locate, 5, 960, u64::from(locate)),
            9 * SECOND_NS,
        ));
    }
    day.apply(&at(hidden_trade(2, 5, 970, 3), 2 * SECOND_NS));
    assert_eq!(day.charts.day(1), None);
    assert_eq!(day.charts.day(2).unwrap().trades, 2);
    assert_eq!(
        day.charts.series(2, Interval::SECOND).unwrap().candles().count(),
        1
    );
    assert_eq!(day.charts.statistics().late, 1);
    assert_eq!(day.charts.now_ns(), 2 * SECOND_NS);
}

#[test]
fn nothing_is_allocated_for_a_message() {
    let mut script = Script::new(6, 3);
    script.run(6_000);
    // Few candles and few trades: all that wraps around does.
    let mut day = Day::new(ChartsConfig {
        candles: 10,
        remembered: 100,
        ..config()
    });
    let messages: Vec<_> = (0..)
        .zip(script.messages)
        .map(|(index, message)| at(message, index * 800_000_000))
        .collect();
    // Instruments have their candles by then.
    let (before, after) = messages.split_at(3_000);
    before.iter().for_each(|message| day.apply(message));
    let counted = allocation_counter::measure(|| {
        after.iter().for_each(|message| day.apply(message));
        day.apply(&messages[0]);
    });
    assert!(day.trades.len() > 500);
    assert_eq!((counted.count_total, counted.count_current), (0, 0));
}
