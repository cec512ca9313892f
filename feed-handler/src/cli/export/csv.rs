//! Trades and best prices as CSV (RFC 4180: commas, CRLF, quotes where needed): `trades.csv` and `quotes.csv`.

use super::{Writer, failed};
use crate::cli::Failure;
use feed_handler::book::PriceLevel;
use feed_handler::ticker::{Instrument, Trade, TradeKind};
use feed_handler::{Market, Side, decimal, timestamp};
use protocol::market_data::FeedMessage;
use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

const BUFFER_BYTES: usize = 1 << 20;

/// One file.
struct Table {
    path: PathBuf,
    out: BufWriter<File>,
    rows: u64,
}

impl Table {
    fn new(path: PathBuf, head: &str) -> Result<Self, Failure> {
        let made = File::create(&path).and_then(|file| {
            let mut out = BufWriter::with_capacity(BUFFER_BYTES, file);
            write!(out, "{head}\r\n")?;
            Ok(out)
        });
        match made {
            Ok(out) => Ok(Self { path, out, rows: 0 }),
            Err(source) => Err(failed(&path, source)),
        }
    }

    fn row(&mut self, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<(), Failure> {
        self.rows += 1;
        write(&mut self.out).map_err(|source| failed(&self.path, source))
    }
}

/// Best bid and best offer as price and lots.
type Best = [Option<(u32, u64)>; 2];

/// Both files.
pub(super) struct Tables {
    trades: Table,
    quotes: Table,
    only: Option<[u8; 8]>,
    /// Nanoseconds since 1970 at the midnight that the feed's time counts from, or 0.
    midnight_ns: i64,
    /// What was said last, by locate.
    said: Vec<Best>,
}

impl Tables {
    pub(super) fn new(directory: &Path, only: Option<[u8; 8]>, midnight_ns: i64) -> Result<Self, Failure> {
        Ok(Self {
            trades: Table::new(
                directory.join("trades.csv"),
                "timestamp_ns,symbol,price,quantity,aggressor,kind,match_number",
            )?,
            quotes: Table::new(
                directory.join("quotes.csv"),
                "timestamp_ns,symbol,bid_price,bid_quantity,ask_price,ask_quantity",
            )?,
            only,
            midnight_ns,
            said: Vec::new(),
        })
    }

    /// The instrument, when it is wanted.
    fn wanted<'a>(&self, market: &'a Market, locate: u16) -> Option<&'a Instrument> {
        market
            .instrument(locate)
            .filter(|instrument| self.only.is_none_or(|only| only == instrument.symbol))
    }

    fn trade(&mut self, trade: &Trade, market: &Market) -> Result<(), Failure> {
        let Some(instrument) = self.wanted(market, trade.locate) else {
            return Ok(());
        };
        let time = self.midnight_ns + trade.timestamp as i64;
        let kind = match (trade.kind, trade.cross) {
            (_, Some(cross)) => cross.name(),
            (TradeKind::Hidden, _) => "hidden",
            _ => "displayed",
        };
        self.trades.row(|out| {
            write!(
                out,
                "{time},{},{},{},{},{kind},{}\r\n",
                field(instrument.symbol()),
                decimal::price(trade.price),
                decimal::quantity(trade.quantity, instrument.lots_per_unit),
                crate::cli::output::aggressor_text(trade).unwrap_or(""),
                trade.match_number
            )
        })
    }

    fn quote(&mut self, locate: u16, time: i64, market: &Market) -> Result<(), Failure> {
        let Some(instrument) = self.wanted(market, locate) else {
            return Ok(());
        };
        let book = market.book(locate);
        let short = |level: PriceLevel| (level.price, level.quantity);
        let best = [Side::Buy, Side::Sell].map(|side| book.best(side).map(short));
        let index = usize::from(locate);
        if index >= self.said.len() {
            self.said.resize(index + 1, [None; 2]);
        }
        if core::mem::replace(&mut self.said[index], best) == best {
            return Ok(());
        }
        self.quotes.row(|out| {
            write!(out, "{time},{}", field(instrument.symbol()))?;
            for side in best {
                match side {
                    Some((price, lots)) => write!(
                        out,
                        ",{},{}",
                        decimal::price(price),
                        decimal::quantity(lots, instrument.lots_per_unit)
                    )?,
                    None => write!(out, ",,")?,
                }
            }
            write!(out, "\r\n")
        })
    }

    /// A trade that was broken later: a row with its match number, so that the reader can leave it out.
    fn broken(&mut self, message: &[u8], time: i64, market: &Market) -> Result<(), Failure> {
        let Ok(FeedMessage::BrokenTrade(broken)) = FeedMessage::decode(message) else {
            return Ok(());
        };
        let Some(instrument) = self.wanted(market, broken.stock_locate.get()) else {
            return Ok(());
        };
        self.trades.row(|out| {
            let symbol = field(instrument.symbol());
            write!(out, "{time},{symbol},,,,broken,{}\r\n", broken.match_number.get())
        })
    }
}

impl Writer for Tables {
    fn message(&mut self, message: &[u8], market: &Market) -> Result<(), Failure> {
        let time = self.midnight_ns + timestamp::of(message) as i64;
        if let Some(trade) = market.trade() {
            self.trade(&trade, market)?;
        }
        if message.first() == Some(&b'B') {
            self.broken(message, time, market)?;
        }
        match market.touched() {
            0 => Ok(()),
            locate => self.quote(locate, time, market),
        }
    }

    fn finish(&mut self) -> Result<Vec<String>, Failure> {
        let mut told = Vec::new();
        for table in [&mut self.trades, &mut self.quotes] {
            table.out.flush().map_err(|source| failed(&table.path, source))?;
            told.push(format!("{}: {} rows", table.path.display(), table.rows));
        }
        Ok(told)
    }
}

/// A text field: in quotes where it holds what separates fields.
fn field(text: &str) -> Cow<'_, str> {
    if text.contains([',', '"', '\r', '\n']) {
        Cow::Owned(format!("\"{}\"", text.replace('"', "\"\"")))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        assert_eq!(field("BTC-USD"), "BTC-USD");
        assert_eq!(field("A,B"), "\"A,B\"");
        assert_eq!(field("A\"B"), "\"A\"\"B\"");
    }
}
