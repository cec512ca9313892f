//! `stats`: what the day's trades came to, by instrument.

use super::Failure;
use super::day::{self, Reader};
use super::options::{Common, StatsOptions};
use super::output::{bar_json, symbol_field};
use feed_handler::bar::Bar;
use feed_handler::charts::ChartsConfig;
use feed_handler::ticker::Instrument;
use feed_handler::{Charts, decimal};
use serde_json::json;
use std::io::{self, Write, stdout};
use std::time::Duration;

/// Only what happens to be watched; there is nothing to do in between.
impl Reader for Charts {}

pub(crate) fn run(common: &Common, options: &StatsOptions) -> Result<(), Failure> {
    let mut charts = Charts::new(ChartsConfig {
        symbols: options
            .symbol
            .iter()
            .map(|symbol| symbol_field(symbol))
            .collect::<Result<_, _>>()?,
        ..ChartsConfig::default()
    });
    let symbol = options.symbol.as_deref();
    let day = day::follow(common, &options.day, symbol, Duration::ZERO, &mut charts)?;
    let mut out = stdout().lock();
    if !options.json {
        writeln!(
            out,
            "{:<8}  {:<14}  {:>12} {:>12} {:>12} {:>12}  {:>8}  {:>14}  {:>12}  {:>18}  {:>8}",
            "symbol",
            "state",
            "open",
            "high",
            "low",
            "last",
            "change",
            "volume",
            "vwap",
            "turnover",
            "trades"
        )?;
    }
    for instrument in day.market.instruments() {
        if let Some(session) = charts.day(instrument.locate) {
            print(&mut out, instrument, session, options.json)?;
        }
    }
    out.flush()?;
    day.finish()
}

fn print(out: &mut impl Write, instrument: &Instrument, session: &Bar, json: bool) -> io::Result<()> {
    if json {
        let mut object = bar_json(session, instrument.lots_per_unit);
        object["symbol"] = json!(instrument.symbol());
        object["state"] = json!(instrument.state_name());
        object["change_percent"] = json!((!session.is_empty()).then(|| change(session)));
        return writeln!(out, "{object}");
    }
    let price = |price: u32| match session.is_empty() {
        true => "-".to_owned(),
        false => decimal::price(price).to_string(),
    };
    let change = match session.is_empty() {
        true => "-".to_owned(),
        false => format!("{}%", change(session)),
    };
    writeln!(
        out,
        "{:<8}  {:<14}  {:>12} {:>12} {:>12} {:>12}  {:>8}  {:>14}  {:>12}  {:>18}  {:>8}",
        instrument.symbol(),
        instrument.state_name(),
        price(session.open),
        price(session.high),
        price(session.low),
        price(session.close),
        change,
        decimal::quantity(session.volume, instrument.lots_per_unit).to_string(),
        price(session.vwap()),
        decimal::turnover(session.turnover, instrument.lots_per_unit).to_string(),
        session.trades,
    )
}

/// From open to last in percent, with sign and two places, rounded half away from zero.
pub(crate) fn change(bar: &Bar) -> String {
    let (open, close) = (i64::from(bar.open), i64::from(bar.close));
    if open == 0 {
        return "+0.00".to_owned();
    }
    let hundredths = ((close - open).abs() * 10_000 + open / 2) / open;
    let sign = if close < open { '-' } else { '+' };
    format!("{sign}{}.{:02}", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_rounded_to_hundredths_of_a_percent() {
        let bar = |open, close| Bar {
            open,
            close,
            ..Bar::EMPTY
        };
        assert_eq!(change(&bar(100_0000, 101_2350)), "+1.24");
        assert_eq!(change(&bar(100_0000, 99_0000)), "-1.00");
        assert_eq!(change(&bar(3, 4)), "+33.33");
        assert_eq!(change(&bar(5, 5)), "+0.00");
    }
}
