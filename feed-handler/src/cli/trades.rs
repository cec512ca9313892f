//! `trades`: a line for each trade.

use super::Failure;
use super::feed::Feed;
use super::options::{Common, From, TradesOptions};
use super::output::{nature_text, symbol_field, trade_json};
use feed_handler::arbiter::Start;
use feed_handler::ticker::Trade;
use feed_handler::{Market, Observer, decimal};
use serde_json::json;
use std::io::{self, BufWriter, Write, stdout};

/// Prints trades. An error of the output is kept until the poll is over.
struct Printer<'a, W> {
    out: W,
    options: &'a TradesOptions,
    symbol: Option<[u8; 8]>,
    /// First message whose trades are shown.
    from: u64,
    sessions: u32,
    left: u64,
    error: Option<io::Error>,
}

impl<W: Write> Printer<'_, W> {
    fn print(&mut self, sequence: u64, trade: &Trade, market: &Market) -> io::Result<()> {
        let Some(instrument) = market.instrument(trade.locate) else {
            return Ok(());
        };
        if self.symbol.is_some_and(|symbol| symbol != instrument.symbol) {
            return Ok(());
        }
        self.left -= 1;
        if self.options.json {
            let mut object = trade_json(trade, instrument);
            object["symbol"] = json!(instrument.symbol());
            object["sequence"] = json!(sequence);
            return writeln!(self.out, "{object}");
        }
        writeln!(
            self.out,
            "{}  {:<8}  {:>12} x {:<14} {:<7}  match {}",
            decimal::time_of_day(trade.timestamp),
            instrument.symbol(),
            decimal::price(trade.price).to_string(),
            decimal::quantity(trade.quantity, instrument.lots_per_unit).to_string(),
            nature_text(trade),
            trade.match_number
        )
    }
}

impl<W: Write> Observer for Printer<'_, W> {
    fn message(&mut self, sequence: u64, _message: &[u8], market: &Market) {
        if sequence < self.from || self.left == 0 || self.error.is_some() {
            return;
        }
        if let Some(trade) = market.trade() {
            self.error = self.print(sequence, &trade, market).err();
        }
    }

    fn session(&mut self, _session: [u8; 10]) {
        self.sessions += 1;
        if self.sessions > 1 {
            // The numbers of a new day begin at 1 again, and all of it is new.
            self.from = 1;
        }
    }
}

pub(crate) fn run(common: &Common, options: &TradesOptions) -> Result<(), Failure> {
    let symbol = options.symbol.as_deref().map(symbol_field).transpose()?;
    let mut feed = Feed::open(common, Start::At(1))?;
    let mut printer = Printer {
        out: BufWriter::new(stdout().lock()),
        options,
        symbol,
        from: match options.from {
            From::Sequence(sequence) => sequence,
            From::Now => u64::MAX,
        },
        sessions: 0,
        left: options.count.unwrap_or(u64::MAX),
        error: None,
    };
    feed.join(&mut printer)?;
    if let Some(symbol) = &options.symbol {
        feed.find(symbol)?;
    }
    if options.from == From::Now {
        printer.from = feed.subscriber.next_sequence().unwrap_or(1);
    }
    let begun_ns = feed.now_ns();
    let limit_ns = options.duration.map_or(u64::MAX, |limit| limit.as_nanos() as u64);
    loop {
        // Once a poll, so that a reader sees trades at once and a burst costs one write.
        printer.out.flush()?;
        if let Some(error) = printer.error.take() {
            return Err(error.into());
        }
        if printer.left == 0 || feed.is_interrupted() {
            return Ok(());
        }
        if feed.now_ns() - begun_ns >= limit_ns {
            return feed.check_trust();
        }
        feed.turn(&mut printer);
        feed.tell_state();
    }
}
