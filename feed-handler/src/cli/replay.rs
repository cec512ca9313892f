//! `replay`: a recorded day through the books, as fast as it goes.

use super::Failure;
use super::options::{Common, ReplayOptions};
use feed_handler::{BookError, Market};
use protocol::layout::Layout;
use protocol::market_data::messages::LAYOUTS;
use serde_json::{Map, Value, json};
use std::fs::File;
use std::io::{Read, Write, stdout};
use std::path::Path;
use std::time::{Duration, Instant};

/// Read at once; longer than any record.
const CHUNK_BYTES: usize = 1 << 20;

pub(crate) fn run(common: &Common, options: &ReplayOptions) -> Result<(), Failure> {
    let mut market = Market::new(common.capacity());
    let begun = Instant::now();
    let damage = read(&options.file, |message| {
        // A malformed message is counted by the market.
        let _counted = market.apply(message);
    })?;
    let took = begun.elapsed();
    if options.json {
        writeln!(stdout(), "{}", report_json(&market, took, damage))?;
    } else {
        report_text(&mut stdout().lock(), &market, took)?;
    }
    if let Some(overflow) = market.overflow() {
        return Err(Failure::Untrusted(format!(
            "{overflow}: more --max-orders or --max-levels are needed for this file"
        )));
    }
    if let Some(position) = damage {
        return Err(Failure::Damaged(format!(
            "{}: the record at byte {position} is cut; everything before it was read",
            options.file.display()
        )));
    }
    match market.statistics().malformed {
        0 => Ok(()),
        malformed => Err(Failure::Damaged(format!(
            "{}: {malformed} messages are not ITCH 5.0",
            options.file.display()
        ))),
    }
}

/// Gives each record to `apply`. Answers the position of a record that is cut at the end of the file.
fn read(path: &Path, mut apply: impl FnMut(&[u8])) -> Result<Option<u64>, Failure> {
    let failed = |source| Failure::File {
        what: format!("cannot read {}", path.display()),
        source,
    };
    let mut file = File::open(path).map_err(failed)?;
    let mut buffer = vec![0; CHUNK_BYTES];
    let (mut position, mut held) = (0, 0);
    loop {
        let count = file.read(&mut buffer[held..]).map_err(failed)?;
        if count == 0 {
            return Ok((held > 0).then_some(position));
        }
        let mut rest = &buffer[..held + count];
        while let Some((length, after)) = rest.split_first_chunk()
            && let Some((message, next)) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))
        {
            apply(message);
            rest = next;
        }
        let (end, left) = (held + count, rest.len());
        position += (end - left) as u64;
        buffer.copy_within(end - left..end, 0);
        held = left;
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

fn per_second(market: &Market, took: Duration) -> u64 {
    (market.statistics().total() as f64 / took.as_secs_f64().max(1e-9)) as u64
}

fn report_json(market: &Market, took: Duration, damage: Option<u64>) -> Value {
    let statistics = market.statistics();
    let by_type: Map<_, _> = counts(market)
        .map(|(layout, count)| (char::from(layout.message_type).to_string(), json!(count)))
        .collect();
    let by_error: Map<_, _> = errors(market)
        .map(|(error, count)| (error.to_string(), json!(count)))
        .collect();
    json!({
        "messages": statistics.total(),
        "seconds": took.as_secs_f64(),
        "messages_per_second": per_second(market, took),
        "by_type": by_type,
        "malformed": statistics.malformed,
        "unknown": statistics.unknown,
        "book_errors": by_error,
        "instruments": market.instruments().count(),
        "resting_orders": market.books().order_count(),
        "trades": market.instruments().map(|instrument| instrument.trades).sum::<u64>(),
        "digest": format!("{:016x}", market.books().digest()),
        "cut_at_byte": damage,
    })
}

fn report_text(out: &mut impl Write, market: &Market, took: Duration) -> std::io::Result<()> {
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
        took.as_secs_f64()
    )?;
    writeln!(out, "{:>12}     messages/s", per_second(market, took))?;
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
    writeln!(out, "{:016x} digest of the books", market.books().digest())
}
