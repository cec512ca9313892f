//! `candles`: a line for each interval of the day in which something traded, when the interval is over.

use super::day::{self, Reader};
use super::options::{CandlesOptions, Common, From};
use super::output::bar_json;
use super::{Failure, charts_of};
use feed_handler::candle::{Candle, Interval};
use feed_handler::{Charts, Market, Observer, decimal, timestamp};
use protocol::text::SessionName;
use serde_json::json;
use std::io::{self, BufWriter, Write, stdout};
use std::ops::ControlFlow;
use std::time::Duration;

/// Prints candles. An error of the output is kept until the turn.
struct Printer<W> {
    out: W,
    json: bool,
    symbol: String,
    charts: Charts,
    interval: Interval,
    /// First message whose candle is shown.
    from: u64,
    sequence: u64,
    /// 0 while the feed has not named it.
    locate: u16,
    lots_per_unit: u32,
    /// Where the newest candle that was shown or left out begins.
    done_ns: Option<u64>,
    /// When the open candle is over; never while there is none.
    end_ns: u64,
    error: Option<io::Error>,
}

impl<W: Write> Printer<W> {
    /// The newest candle, unless it was shown.
    fn open(&self) -> Option<Candle> {
        let newest = self
            .charts
            .series(self.locate, self.interval)?
            .candles()
            .next_back();
        newest
            .copied()
            .filter(|candle| self.done_ns.is_none_or(|done_ns| candle.start_ns > done_ns))
    }

    /// The open candle is over, or all is.
    fn close(&mut self, complete: bool) {
        self.end_ns = u64::MAX;
        let Some(candle) = self.open() else { return };
        self.done_ns = Some(candle.start_ns);
        if self.sequence >= self.from && self.error.is_none() {
            self.error = self.print(&candle, complete).err();
        }
    }

    fn print(&mut self, candle: &Candle, complete: bool) -> io::Result<()> {
        let bar = &candle.bar;
        if self.json {
            let mut object = bar_json(bar, self.lots_per_unit);
            object["symbol"] = json!(self.symbol);
            object["interval"] = json!(self.interval.to_string());
            object["start"] = json!(decimal::time_of_day(candle.start_ns));
            object["start_ns"] = json!(candle.start_ns);
            object["complete"] = json!(complete);
            return writeln!(self.out, "{object}");
        }
        let price = |price| decimal::price(price).to_string();
        writeln!(
            self.out,
            "{}  {:>12} {:>12} {:>12} {:>12}  {:>14}  {:>7}  {:>12}{}",
            &decimal::time_of_day(candle.start_ns)[..8],
            price(bar.open),
            price(bar.high),
            price(bar.low),
            price(bar.close),
            decimal::quantity(bar.volume, self.lots_per_unit).to_string(),
            bar.trades,
            price(bar.vwap()),
            if complete { "" } else { "  so far" },
        )
    }
}

impl<W: Write> Observer for Printer<W> {
    fn session(&mut self, session: SessionName) {
        self.close(true);
        self.charts.session(session);
        self.done_ns = None;
        self.locate = 0;
        if self.sequence > 0 {
            // A new day: its numbers begin at 1 again, and all of it is new.
            self.from = 1;
        }
    }

    fn message(&mut self, sequence: u64, message: &[u8], market: &Market) {
        self.sequence = sequence;
        if self.locate == 0
            && message.first() == Some(&b'R')
            && let Some(locate) = find(market, &self.symbol)
        {
            self.locate = locate;
            self.lots_per_unit = market
                .instrument(locate)
                .map_or(1, |instrument| instrument.lots_per_unit);
        }
        // Before the next trade makes another candle the newest.
        if timestamp::of(message) >= self.end_ns {
            self.close(true);
        }
        self.charts.message(sequence, message, market);
        if market.trade().is_some_and(|trade| trade.locate == self.locate)
            && let Some(open) = self.open()
        {
            self.end_ns = open.start_ns + self.interval.ns();
        }
    }
}

impl<W: Write> Reader for Printer<W> {
    fn joined(&mut self, next_sequence: u64) {
        if self.from == u64::MAX {
            self.from = next_sequence;
        }
    }

    fn turn(&mut self) -> io::Result<ControlFlow<()>> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        self.out.flush()?;
        Ok(ControlFlow::Continue(()))
    }
}

fn find(market: &Market, symbol: &str) -> Option<u16> {
    market.find(protocol::units::Symbol::new(symbol)?.0)
}

pub(crate) fn run(common: &Common, options: &CandlesOptions) -> Result<(), Failure> {
    let mut printer = Printer {
        out: BufWriter::new(stdout().lock()),
        json: options.json,
        symbol: options.symbol.clone(),
        charts: charts_of(&options.symbol, &[options.interval], 2)?,
        interval: options.interval,
        from: match options.from {
            From::Sequence(sequence) => sequence,
            From::Now => u64::MAX,
        },
        sequence: 0,
        locate: 0,
        lots_per_unit: 1,
        done_ns: None,
        end_ns: u64::MAX,
        error: None,
    };
    if !options.json {
        writeln!(
            printer.out,
            "{:<8}  {:>12} {:>12} {:>12} {:>12}  {:>14}  {:>7}  {:>12}",
            "start", "open", "high", "low", "close", "volume", "trades", "vwap"
        )?;
    }
    let limit = options.duration.unwrap_or(Duration::MAX);
    let day = day::follow(common, &options.day, Some(&options.symbol), limit, &mut printer)?;
    // Of a file, all has been said.
    printer.close(options.day.file.is_some());
    let _going = printer.turn()?;
    day.finish()
}
