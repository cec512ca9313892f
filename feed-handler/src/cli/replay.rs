//! `replay`: a recorded day through the books, as fast as it goes.

use super::Failure;
use super::options::{Common, ReplayOptions};
use super::output::{level_json, level_text};
use feed_handler::decimal;
use feed_handler::file::{FileError, FileErrorKind, ItchFile};
use feed_handler::ticker::Instrument;
use feed_handler::{BookError, Market, Side};
use indicatif::{ProgressBar, ProgressStyle};
use protocol::layout::Layout;
use protocol::market_data::messages::LAYOUTS;
use serde_json::{Map, Value, json};
use std::io::{IsTerminal, Write, stderr, stdout};
use std::path::Path;
use std::time::{Duration, Instant};

/// Length of a record's length field.
const LENGTH_BYTES: u64 = 2;

/// What a replay came to.
struct Day {
    market: Market,
    took: Duration,
    /// Messages by locate.
    messages: Vec<u64>,
    /// Bytes before the first message that is not ITCH 5.0.
    first_malformed: Option<u64>,
    /// Why the file was not read to its end.
    damage: Option<FileError>,
}

pub(crate) fn run(common: &Common, options: &ReplayOptions) -> Result<(), Failure> {
    let day = read(Market::new(common.capacity()), &options.file)?;
    if options.json {
        writeln!(stdout(), "{}", report_json(&day, options.instruments))?;
    } else {
        report_text(&mut stdout().lock(), &day, options.instruments)?;
    }
    verdict(&day, &options.file)
}

/// What is wrong with the file or with the room for it.
fn verdict(day: &Day, path: &Path) -> Result<(), Failure> {
    if let Some(overflow) = day.market.overflow() {
        return Err(Failure::Untrusted(format!(
            "{overflow}: more --max-orders or --max-levels are needed for this file"
        )));
    }
    let path = path.display();
    if let Some(damage) = &day.damage {
        return Err(Failure::Damaged(format!("{path}: {damage}")));
    }
    let statistics = day.market.statistics();
    match day.first_malformed {
        None => Ok(()),
        Some(position) if statistics.malformed + statistics.unknown > statistics.total() / 2 => {
            Err(Failure::Damaged(format!(
                "{path}: the record at byte {position} is not ITCH 5.0, nor are most others. A file of records is needed: u16 \
                 length, message, without any headers; a capture of packets is not one"
            )))
        }
        Some(position) => Err(Failure::Damaged(format!(
            "{path}: {} messages are not ITCH 5.0, the first in the record at byte {position}; the books are wrong from \
             there on. Fetch the file again",
            statistics.malformed
        ))),
    }
}

fn read(mut market: Market, path: &Path) -> Result<Day, Failure> {
    let failed = |source| Failure::File {
        what: format!("cannot read {}", path.display()),
        source,
    };
    let mut file = ItchFile::open(path).map_err(failed)?;
    let length = std::fs::metadata(path).map_err(failed)?.len();
    let bar = bar(length);
    let mut messages = vec![0; 1 << 16];
    let (mut position, mut first_malformed) = (0, None);
    let begun = Instant::now();
    let damage = loop {
        match file.next_piece() {
            Ok(None) => break None,
            Err(damage) => break Some(damage),
            Ok(Some(records)) => market.apply_all(records, |_, message, result| {
                if result.is_err() {
                    first_malformed.get_or_insert(position);
                } else {
                    messages[usize::from(locate(message))] += 1;
                }
                position += LENGTH_BYTES + message.len() as u64;
            }),
        }
        if let Some(bar) = &bar {
            bar.set_position(file.taken());
        }
    };
    let took = begun.elapsed();
    if let Some(bar) = &bar {
        bar.finish_and_clear();
    }
    Ok(Day {
        market,
        took,
        messages,
        first_malformed,
        damage,
    })
}

/// On a terminal only.
fn bar(length: u64) -> Option<ProgressBar> {
    if !stderr().is_terminal() {
        return None;
    }
    let style =
        ProgressStyle::with_template("{wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left")
            .expect("the template is right");
    Some(ProgressBar::new(length).with_style(style))
}

/// The instrument a well-formed message is about; 0 when about none, or when its type is unknown.
fn locate(message: &[u8]) -> u16 {
    match message {
        [_, high, low, _, ..] => u16::from_be_bytes([*high, *low]),
        _ => 0,
    }
}

fn counts(market: &Market) -> impl Iterator<Item = (&'static Layout, u64)> {
    let messages = &market.statistics().messages;
    LAYOUTS
        .iter()
        .map(|layout| (layout, messages[usize::from(layout.message_type)]))
        .filter(|(_, count)| *count > 0)
}

fn errors(market: &Market) -> impl Iterator<Item = (BookError, u64)> {
    BookError::ALL
        .into_iter()
        .map(|error| (error, market.statistics().error(error)))
        .filter(|(_, count)| *count > 0)
}

impl Day {
    fn per_second(&self) -> u64 {
        (self.market.statistics().total() as f64 / self.took.as_secs_f64().max(1e-9)) as u64
    }

    /// The instruments with the most messages, and how many those are.
    fn busiest(&self, count: usize) -> Vec<(&Instrument, u64)> {
        let mut instruments: Vec<_> = self
            .market
            .instruments()
            .map(|instrument| (instrument, self.messages[usize::from(instrument.locate)]))
            .collect();
        instruments.sort_by_key(|(instrument, messages)| (u64::MAX - messages, instrument.locate));
        instruments.truncate(count);
        instruments
    }
}

fn report_json(day: &Day, instruments: usize) -> Value {
    let market = &day.market;
    let statistics = market.statistics();
    let by_type: Map<_, _> = counts(market)
        .map(|(layout, count)| (char::from(layout.message_type).to_string(), json!(count)))
        .collect();
    let by_error: Map<_, _> = errors(market)
        .map(|(error, count)| (error.to_string(), json!(count)))
        .collect();
    let cut = |damage: &FileError| matches!(damage.kind, FileErrorKind::Cut).then_some(damage.position);
    json!({
        "messages": statistics.total(),
        "seconds": day.took.as_secs_f64(),
        "messages_per_second": day.per_second(),
        "by_type": by_type,
        "malformed": statistics.malformed,
        "first_malformed_at_byte": day.first_malformed,
        "unknown": statistics.unknown,
        "book_errors": by_error,
        "instruments": market.instruments().count(),
        "busiest": day.busiest(instruments).into_iter().map(|(instrument, messages)| {
            instrument_json(market, instrument, messages)
        }).collect::<Vec<_>>(),
        "resting_orders": market.books().order_count(),
        "trades": statistics.trades,
        "digest": format!("{:016x}", market.books().digest()),
        "cut_at_byte": day.damage.as_ref().and_then(cut),
    })
}

fn instrument_json(market: &Market, instrument: &Instrument, messages: u64) -> Value {
    let lots = instrument.lots_per_unit;
    let book = market.book(instrument.locate);
    json!({
        "symbol": instrument.symbol(),
        "messages": messages,
        "trades": instrument.trades,
        "volume": decimal::quantity(instrument.volume, lots).to_string(),
        "bid": book.best(Side::Buy).map(|level| level_json(level, lots)),
        "ask": book.best(Side::Sell).map(|level| level_json(level, lots)),
        "misfits": book.is_damaged(),
    })
}

fn report_text(out: &mut impl Write, day: &Day, instruments: usize) -> std::io::Result<()> {
    let market = &day.market;
    let statistics = market.statistics();
    for (layout, count) in counts(market) {
        writeln!(
            out,
            "{count:>12}  {}  {}",
            char::from(layout.message_type),
            layout.name
        )?;
    }
    writeln!(
        out,
        "{:>12}     messages in {:.3} s",
        statistics.total(),
        day.took.as_secs_f64()
    )?;
    writeln!(out, "{:>12}     messages/s", day.per_second())?;
    writeln!(out, "{:>12}     malformed", statistics.malformed)?;
    writeln!(out, "{:>12}     of unknown types", statistics.unknown)?;
    for (error, count) in errors(market) {
        writeln!(out, "{count:>12}     did not fit: {error}")?;
    }
    writeln!(out, "{:>12}     instruments", market.instruments().count())?;
    writeln!(
        out,
        "{:>12}     orders left in the books",
        market.books().order_count()
    )?;
    writeln!(out, "{:016x} digest of the books", market.books().digest())?;
    if instruments > 0 {
        writeln!(out)?;
        writeln!(
            out,
            "{:>12}  {:<8}  {:>10}  {:>16}  bid; ask",
            "messages", "symbol", "trades", "volume"
        )?;
    }
    for (instrument, messages) in day.busiest(instruments) {
        let book = market.book(instrument.locate);
        let lots = instrument.lots_per_unit;
        writeln!(
            out,
            "{messages:>12}  {:<8}  {:>10}  {:>16}  {}; {}{}",
            instrument.symbol(),
            instrument.trades,
            decimal::quantity(instrument.volume, lots).to_string(),
            level_text(book.best(Side::Buy), lots),
            level_text(book.best(Side::Sell), lots),
            if book.is_damaged() { "  (misfits)" } else { "" }
        )?;
    }
    Ok(())
}
