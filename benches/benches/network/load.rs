//! Loads: the customers of `client-sim` on one thread, every answer and every balance checked.

use std::time::Duration;

use benches::document::Table;
use benches::venue::Venue;
use client_sim::cli::arguments::Rate;
use client_sim::cli::arguments::{demo_participants, demo_references};
use client_sim::cli::load::{drive, window};
use client_sim::fleet::{Fleet, FleetConfig};
use client_sim::latency::{Nanoseconds, Percentiles};
use client_sim::report::Report;
use engine::config::Durability;
use feed_handler::clock::Clock;

/// Of everything that looks random.
pub(crate) const SEED: u64 = 1;
/// Sessions.
const SESSIONS: usize = 6;

/// A load.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) durability: Durability,
    pub(crate) orders_per_datagram: u16,
    /// Orders a second; 0: as fast as they are answered.
    pub(crate) rate: u64,
    pub(crate) duration: Duration,
}

/// What became of it.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) orders_per_second: f64,
    pub(crate) latency: Percentiles,
    sent: u64,
    never_applied: u64,
    kernel_drops: u64,
    every_order_answered: bool,
    balances_as_implied: bool,
    replica_is_equal: bool,
}

impl Outcome {
    /// Every order answered, every balance what the executions imply, engine and replica in one state.
    pub(crate) fn is_whole(&self) -> bool {
        self.every_order_answered && self.balances_as_implied && self.replica_is_equal
    }
}

/// Runs a load on an exchange of its own.
pub(crate) fn run(load: &Load) -> Result<Outcome, String> {
    let venue = Venue::start(load.durability, &[])?;
    let config = FleetConfig {
        rate: load.rate,
        seed: SEED,
        orders_per_datagram: load.orders_per_datagram,
        references: demo_references(),
        levels: 16,
        orders: 32_768,
        window: window(match load.rate {
            0 => Rate::Max,
            rate => Rate::PerSecond(rate),
        }),
        ..FleetConfig::new(
            venue.running.addresses().order_entry_tcp,
            demo_participants(SESSIONS),
        )
    };
    let clock = Clock::new();
    let mut fleet = Fleet::new(config, clock.now_ns()).map_err(|error| error.to_string())?;
    drive(&mut fleet, &clock, load.duration, || false, |_, _| {})?;
    let report = Report::new(&mut fleet);
    fleet.logout(clock.now_ns());
    let kernel_drops = venue.counter("source", "kernel_drops");
    let replica_is_equal = venue.stop()?;
    Ok(Outcome {
        orders_per_second: report.orders_per_second(),
        latency: report.ack_latency,
        sent: report.orders_sent(),
        never_applied: report.totals.not_applied,
        kernel_drops,
        every_order_answered: report.verdict.every_order_answered,
        balances_as_implied: report.verdict.balances_as_implied,
        replica_is_equal,
    })
}

/// As fast as it is answered, in each kind of durability and with datagrams of each size.
pub(crate) fn throughput(duration: Duration) -> Result<String, String> {
    let mut table = Table::new(&[
        "durability",
        "orders a datagram",
        "orders/s",
        "orders",
        "ack p50",
        "ack p99",
        "ack p99.9",
        "dropped by the kernel",
        "never applied",
        "all answered, balances and replica right",
    ]);
    for (durability, name) in [
        (Durability::Sync, "sync"),
        (Durability::Async, "async"),
        (Durability::None, "none"),
    ] {
        for orders_per_datagram in [1, 8, 28] {
            let outcome = run(&Load {
                durability,
                orders_per_datagram,
                rate: 0,
                duration,
            })?;
            eprintln!(
                "{name}, {orders_per_datagram}: {:.0} orders/s",
                outcome.orders_per_second
            );
            table.row([
                name.to_owned(),
                orders_per_datagram.to_string(),
                format!("{:.0}", outcome.orders_per_second),
                outcome.sent.to_string(),
                Nanoseconds(outcome.latency.p50).to_string(),
                Nanoseconds(outcome.latency.p99).to_string(),
                Nanoseconds(outcome.latency.p999).to_string(),
                outcome.kernel_drops.to_string(),
                outcome.never_applied.to_string(),
                if outcome.is_whole() { "yes" } else { "**no**" }.to_owned(),
            ]);
        }
    }
    Ok(format!(
        "### Throughput\n\n{table}\n{} sessions, {} s each, one thread of customers; latencies are those of the queue, for the customers send as much as is answered.\n",
        SESSIONS,
        duration.as_secs()
    ))
}
