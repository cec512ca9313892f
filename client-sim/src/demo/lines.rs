//! The display without a terminal: one line a second.

use std::io::{self, Write};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::REFRESH;
use super::snapshot::Snapshot;

/// Time between two lines.
const SECOND: Duration = Duration::from_secs(1);

/// What grew in the time of a line.
struct Rates {
    orders: u64,
    acks: u64,
    feed: u64,
}

/// A line of text a second, until `is_over`.
pub(super) fn show_text(snapshot: &Mutex<Snapshot>, is_over: impl Fn() -> bool) -> io::Result<()> {
    each_second(snapshot, is_over, |now, rates| {
        let first = now.instruments.first();
        let best =
            |side: Option<&(String, String)>| side.map_or_else(|| "-".to_owned(), |(price, _)| price.clone());
        format!(
            "{:>5.1} s  {}: {} orders/s, {} acks/s, {} feed/s; ack p50 {} p99 {}; {} last {} bid {} ask {}; gaps {}, recovered {}; wrong {}",
            now.running_ns as f64 / 1e9,
            now.stage,
            rates.orders,
            rates.acks,
            rates.feed,
            crate::latency::Nanoseconds(now.ack_recent.p50),
            crate::latency::Nanoseconds(now.ack_recent.p99),
            first.map_or("-", |instrument| &instrument.symbol),
            best(first.and_then(|instrument| instrument.last.as_ref())),
            best(first.and_then(|instrument| instrument.bids.first())),
            best(first.and_then(|instrument| instrument.asks.first())),
            now.feed_gaps,
            now.feed_recovered,
            now.faults + now.tickers.1,
        )
    })
}

/// A JSON object a second, until `is_over`.
pub(super) fn show_json(snapshot: &Mutex<Snapshot>, is_over: impl Fn() -> bool) -> io::Result<()> {
    each_second(snapshot, is_over, |now, rates| {
        json!({
            "progress": now.stage,
            "seconds": now.running_ns as f64 / 1e9,
            "orders_sent": now.sent(),
            "orders_per_second": rates.orders,
            "acks_per_second": rates.acks,
            "feed_messages_per_second": rates.feed,
            "ack_latency_ns": now.ack_recent.json(),
            "feed_state": now.feed_state,
            "feed_gaps": now.feed_gaps,
            "feed_recovered": now.feed_recovered,
            "faults": now.faults,
        })
        .to_string()
    })
}

fn each_second(
    snapshot: &Mutex<Snapshot>,
    is_over: impl Fn() -> bool,
    line: impl Fn(&Snapshot, &Rates) -> String,
) -> io::Result<()> {
    let mut before = Snapshot::read(snapshot);
    let mut due = Instant::now() + SECOND;
    while !is_over() {
        thread::sleep(REFRESH);
        if Instant::now() < due {
            continue;
        }
        due += SECOND;
        let now = Snapshot::read(snapshot);
        let rates = Rates {
            orders: now.sent().saturating_sub(before.sent()),
            acks: now.totals.messages.saturating_sub(before.totals.messages),
            feed: now.feed_messages.saturating_sub(before.feed_messages),
        };
        let mut out = io::stdout().lock();
        writeln!(out, "{}", line(&now, &rates))?;
        out.flush()?;
        before = now;
    }
    Ok(())
}
