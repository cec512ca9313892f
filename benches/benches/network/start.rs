//! A start behind a load: how long until the exchange trades again when all that it has is the journal of that load.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, Instant};

use benches::venue::Venue;
use client_sim::cli::load::drive;
use client_sim::fleet::Fleet;
use client_sim::report::Report;
use engine::config::Durability;
use engine::snapshot::{SnapshotDirectory, Snapshots};
use engine::sys::file::forget_cached;
use feed_handler::clock::Clock;

use crate::load::Load;

/// As many orders as are answered for `duration`, then a start without any snapshot, on files that the kernel does not have
/// in memory.
pub(crate) fn measure(duration: Duration) -> Result<String, String> {
    let venue = Venue::start(Durability::Sync, &[])?;
    let load = Load {
        durability: Durability::Sync,
        orders_per_datagram: 28,
        rate: 0,
        duration,
    };
    let clock = Clock::new();
    let config = load.fleet(venue.running.addresses().order_entry_tcp);
    let mut fleet = Fleet::new(config, clock.now_ns()).map_err(|error| error.to_string())?;
    drive(&mut fleet, &clock, duration, || false, |_, _| {})?;
    let report = Report::new(&mut fleet);
    fleet.logout(clock.now_ns());
    if !(report.verdict.every_order_answered && report.verdict.balances_as_implied) {
        return Err("the load before is not right".to_owned());
    }
    let (mut before, mut began, mut told) = ((0, 0), Instant::now(), Vec::new());
    let venue = venue.restart(
        |directory, last| {
            before = (last.exchange.sequence(), last.exchange.state_hash());
            only_the_journal(directory)?;
            began = Instant::now();
            Ok(())
        },
        &mut |line| {
            if line.starts_with("journal: ") {
                eprintln!("  {line}");
                told.push(line.to_owned());
            }
        },
    )?;
    let took = began.elapsed().as_secs_f64();
    let last = venue.stop()?;
    let after = (last.exchange.sequence(), last.exchange.state_hash());
    if before != after {
        return Err(format!("stopped at {before:?}, started to {after:?}"));
    }
    let mut text = "### A start behind a load\n\n".to_owned();
    let _ = writeln!(
        text,
        "{} s of load, {:.0} orders/s answered, {} commands in the journal; ready {took:.1} s after the start, without a \
         snapshot, {:.2} million commands a second, in the state of before. Goal: 30 s behind a minute.",
        duration.as_secs(),
        report.orders_per_second(),
        before.0,
        before.0 as f64 / took / 1e6
    );
    match told.last() {
        Some(_) => Ok(text),
        None => Err("the start has not told of its journal".to_owned()),
    }
}

/// Removes the snapshots, and what the kernel has of the files in memory.
fn only_the_journal(directory: &Path) -> Result<(), String> {
    let told = |error: std::io::Error| format!("{}: {error}", directory.display());
    let mut snapshots = SnapshotDirectory::new(directory);
    for sequence in snapshots.list().map_err(told)? {
        snapshots.remove(sequence).map_err(told)?;
    }
    for entry in fs::read_dir(directory).map_err(told)? {
        let file = File::open(entry.map_err(told)?.path()).map_err(told)?;
        file.sync_all()
            .and_then(|()| forget_cached(&file))
            .map_err(told)?;
    }
    Ok(())
}

/// A small one.
pub(crate) fn smoke() {
    let told = measure(Duration::from_millis(200)).expect("a load and a start");
    assert!(told.contains("in the state of before"), "{told}");
}
