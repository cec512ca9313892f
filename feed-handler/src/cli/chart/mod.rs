//! `chart`: candles, volume and the average price of one instrument, as text or as an SVG file.

mod svg;
pub(crate) mod text;
pub(crate) mod view;

use super::day::{self, Reader};
use super::options::{ChartOptions, Common};
use super::{Failure, charts_of};
use feed_handler::candle::Interval;
use feed_handler::{Charts, Market, Observer};
use protocol::text::SessionName;
use std::io::{IsTerminal, Write, stdout};
use std::time::Duration;
use view::View;

/// What is chosen from when no interval is asked for, in seconds.
const INTERVALS: [u32; 8] = [3_600, 900, 300, 60, 30, 15, 5, 1];
/// A chart of fewer is not worth looking at while there is a shorter interval.
const CANDLES_MIN: usize = 30;
/// Candles drawn, unless asked otherwise.
const CANDLES: u16 = 120;
/// Text on an output that is no terminal.
const PLAIN_SIZE: (u16, u16) = (100, 30);

/// Charts the day, and does nothing in between.
struct Follower(Charts);

impl Observer for Follower {
    fn session(&mut self, session: SessionName) {
        self.0.session(session);
    }

    fn message(&mut self, sequence: u64, message: &[u8], market: &Market) {
        self.0.message(sequence, message, market);
    }
}

impl Reader for Follower {}

pub(crate) fn run(common: &Common, options: &ChartOptions) -> Result<(), Failure> {
    let is_terminal = stdout().is_terminal();
    let size = match is_terminal {
        true => crossterm::terminal::size().unwrap_or(PLAIN_SIZE),
        false => PLAIN_SIZE,
    };
    let fits = match options.out {
        Some(_) => CANDLES,
        None => text::candles_that_fit(size.0),
    };
    let last = usize::from(options.last.unwrap_or(fits));
    let intervals: Vec<_> = match options.interval {
        Some(interval) => vec![interval],
        None => INTERVALS.into_iter().filter_map(Interval::from_seconds).collect(),
    };
    let mut follower = Follower(charts_of(&options.symbol, &intervals, last)?);
    let limit = options.duration.unwrap_or(Duration::ZERO);
    let day = day::follow(common, &options.day, Some(&options.symbol), limit, &mut follower)?;
    let locate = super::feed::find(&day.market, &options.symbol)?;
    let views = || {
        intervals
            .iter()
            .filter_map(|interval| View::new(&day.market, &follower.0, locate, *interval, last))
    };
    let view = views()
        .find(|view| view.slots() >= CANDLES_MIN.min(last))
        .or_else(|| views().next_back())
        .ok_or_else(|| {
            Failure::NoInstrument(format!(
                "{}: nothing has traded yet, so there is nothing to draw",
                options.symbol
            ))
        })?;
    match &options.out {
        Some(path) => {
            std::fs::write(path, svg::draw(&view)).map_err(|source| Failure::File {
                what: format!("cannot write {}", path.display()),
                source,
            })?;
            eprintln!(
                "{}: {} candles of {}, {}",
                path.display(),
                view.candles.len(),
                view.interval,
                view.symbol
            );
        }
        None => {
            // The prompt needs a line too.
            let grid = text::draw(&view, size.0, size.1.saturating_sub(1));
            let is_colored = is_terminal && std::env::var_os("NO_COLOR").is_none();
            let mut out = stdout().lock();
            for row in &grid {
                writeln!(out, "{}", text::line(row, is_colored))?;
            }
            out.flush()?;
        }
    }
    day.finish()
}
