//! The floor of a durable acknowledgement: a bare group commit of the same records to the same disk, without a network.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::time::Duration;

use benches::document::Table;
use client_sim::latency::{Latency, Nanoseconds, Percentiles};
use client_sim::pacer::Pacer;
use engine::config::Durability;
use feed_handler::clock::Clock;

use crate::load::{self, Load};

/// A journaled command.
const RECORD_BYTES: usize = 64;
/// What a frame has besides.
const HEADER_BYTES: usize = 64;
/// The file is written to its end and then from its beginning.
const FILE_BYTES: usize = 64 << 20;
/// Writes are whole blocks.
const BLOCK_BYTES: usize = 4_096;
/// Rates that are compared.
const RATES: [u64; 3] = [1_000, 20_000, 200_000];

/// Commits records that come at `rate` a second: all that have come are one write, one sync at a time.
pub(crate) fn run(rate: u64, duration: Duration) -> io::Result<Percentiles> {
    let path = std::env::temp_dir().join(format!("exchange-commit-{}", std::process::id()));
    let outcome = commit(&path, rate, duration);
    std::fs::remove_file(&path)?;
    outcome
}

fn commit(path: &std::path::Path, rate: u64, duration: Duration) -> io::Result<Percentiles> {
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .open(path)?;
    // Zeros on disk: an extent that was never written costs a second sync of its own.
    let zeros = vec![0; 1 << 20];
    for _ in 0..FILE_BYTES / zeros.len() {
        file.write_all(&zeros)?;
    }
    file.sync_all()?;
    let clock = Clock::new();
    let mut pacer = Pacer::new(rate, clock.now_ns());
    let all = (u128::from(rate) * duration.as_nanos() / 1_000_000_000) as u64;
    let (mut latency, mut buffer, mut place) = (Latency::default(), vec![7; 4 << 20], 0);
    let mut waiting = Vec::new();
    while pacer.sent() < all {
        let now = clock.now_ns();
        while pacer.sent() < all
            && let Some(intended) = pacer.due(now)
        {
            waiting.push(intended);
            pacer.taken();
        }
        if waiting.is_empty() {
            std::hint::spin_loop();
            continue;
        }
        let bytes = (HEADER_BYTES + waiting.len() * RECORD_BYTES).next_multiple_of(BLOCK_BYTES);
        buffer.resize(bytes.max(buffer.len()), 7);
        if place + bytes > FILE_BYTES {
            place = 0;
        }
        file.write_all_at(&buffer[..bytes], place as u64)?;
        file.sync_data()?;
        place += bytes;
        let done = clock.now_ns();
        for intended in waiting.drain(..) {
            latency.record(intended, done);
        }
    }
    Ok(latency.percentiles())
}

/// The exchange beside it at the same rates.
pub(crate) fn compare(duration: Duration) -> Result<String, String> {
    let mut table = Table::new(&[
        "orders/s",
        "bare group commit p50 / p99",
        "durable acknowledgement p50 / p99",
        "p50, times the bare one's",
    ]);
    let pair = |percentiles: &Percentiles| {
        format!(
            "{} / {}",
            Nanoseconds(percentiles.p50),
            Nanoseconds(percentiles.p99)
        )
    };
    for rate in RATES {
        let before = run(rate, duration / 2).map_err(|error| error.to_string())?;
        let outcome = load::run(&Load {
            durability: Durability::Sync,
            orders_per_datagram: 28,
            rate,
            duration,
        })?;
        eprintln!("durable acknowledgements, {rate} orders/s: {}", outcome.latency);
        let after = run(rate, duration / 2).map_err(|error| error.to_string())?;
        let floor = if before.p50 < after.p50 { before } else { after };
        table.row([
            rate.to_string(),
            pair(&floor),
            pair(&outcome.latency),
            format!("{:.2}", outcome.latency.p50 as f64 / floor.p50.max(1) as f64),
        ]);
    }
    Ok(format!(
        "### Durable acknowledgements\n\n{table}\nThe bare commit ran before and after; the quicker one stands here.\n"
    ))
}
