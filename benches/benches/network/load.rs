//! Loads: the customers of `client-sim` on one thread, every answer and every balance checked, and a subscriber on another
//! that receives every message of the feed and rebuilds the books.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use benches::document::Table;
use benches::venue::Venue;
use client_sim::cli::arguments::{Rate, demo_participants, demo_references};
use client_sim::cli::load::{drive, last_tickers, room, window};
use client_sim::demo::equal_books;
use client_sim::feed_check::{FeedCheck, FeedLines};
use client_sim::fleet::{AtStop, Fleet, FleetConfig};
use client_sim::latency::{Nanoseconds, Percentiles};
use client_sim::report::Report;
use engine::config::Durability;
use feed_handler::clock::Clock;
use feed_handler::recovery::Credentials;

/// Of everything that looks random.
pub(crate) const SEED: u64 = 1;
/// Sessions.
pub(crate) const SESSIONS: usize = 6;

/// A load.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) durability: Durability,
    pub(crate) orders_per_datagram: u16,
    /// Orders a second; 0: as fast as they are answered.
    pub(crate) rate: u64,
    pub(crate) duration: Duration,
}

impl Load {
    /// Its customers.
    pub(crate) fn fleet(&self, server: SocketAddrV4) -> FleetConfig {
        let rate = match self.rate {
            0 => Rate::Max,
            rate => Rate::PerSecond(rate),
        };
        let most = window(rate, self.orders_per_datagram);
        FleetConfig {
            rate: self.rate,
            seed: SEED,
            orders_per_datagram: self.orders_per_datagram,
            references: demo_references(),
            levels: 16,
            orders: room(most),
            // Somebody's orders rest at the end: there are books to compare.
            stay: 1,
            window: most,
            ..FleetConfig::new(server, demo_participants(SESSIONS))
        }
    }
}

/// What became of it.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    /// Answered within the time, a second.
    pub(crate) orders_per_second: f64,
    pub(crate) latency: Percentiles,
    pub(crate) at_stop: AtStop,
    pub(crate) unanswered: u64,
    pub(crate) never_applied: u64,
    kernel_drops: u64,
    feed_messages: u64,
    /// Messages that the kernel dropped before the subscriber could take them, on lines A and B.
    feed_lost: [u64; 2],
    /// Those of them that came over TCP.
    feed_recovered: u64,
    /// What is wrong, a sentence each.
    pub(crate) complaints: Vec<String>,
}

impl Outcome {
    /// Every order answered, every balance what the executions imply, every message of the feed received, the books that
    /// were rebuilt from it and the replica equal to the engine's.
    pub(crate) fn is_whole(&self) -> bool {
        self.complaints.is_empty()
    }

    /// For a table.
    pub(crate) fn verdict(&self) -> String {
        if self.is_whole() {
            "yes".to_owned()
        } else {
            format!("**no**: {}", self.complaints.join("; "))
        }
    }
}

/// Runs a load on an exchange of its own.
pub(crate) fn run(load: &Load) -> Result<Outcome, String> {
    let venue = Venue::start(load.durability, &[])?;
    let addresses = venue.running.addresses();
    let feed = FeedCheck::start(&FeedLines {
        line_a: addresses.line_a,
        line_b: addresses.line_b,
        interface: Ipv4Addr::LOCALHOST,
        recovery: SocketAddr::V4(addresses.recovery_tcp),
        snapshot: None,
        trust: None,
        credentials: Credentials::default(),
    })?;
    let joined_at = feed.next();
    let clock = Clock::new();
    let mut fleet = Fleet::new(load.fleet(addresses.order_entry_tcp), clock.now_ns())
        .map_err(|error| error.to_string())?;
    drive(&mut fleet, &clock, load.duration, || false, |_, _| {})?;
    let report = Report::new(&mut fleet);
    let tickers = last_tickers(&mut fleet, &clock)?;
    let feed = feed.finish(joined_at, &tickers);
    fleet.logout(clock.now_ns());
    let kernel_drops = venue.counter("source", "kernel_drops");
    let last = venue.stop()?;
    let mut complaints = Vec::new();
    let mut holds = |is_right: bool, complaint: &str| {
        if !is_right {
            complaints.push(complaint.to_owned());
        }
    };
    holds(
        report.verdict.every_order_answered,
        "orders without a right answer",
    );
    holds(
        report.verdict.balances_as_implied,
        "balances that executions do not imply",
    );
    holds(last.is_equal(), "the replica has another state");
    holds(feed.is_whole, "the feed is not whole");
    holds(feed.misfits == 0, "messages of the feed do not fit their book");
    holds(
        feed.best_prices_equal == Some(true),
        "other best prices than the exchange says",
    );
    // Nobody else is there: each trade is an execution of two of our orders.
    holds(
        2 * feed.trades == report.totals.executions,
        "the feed tells of other trades than the answers",
    );
    if let Err(difference) = equal_books(&last.exchange, feed.market()) {
        complaints.push(difference);
    }
    Ok(Outcome {
        orders_per_second: report.orders_per_second(),
        latency: report.ack_latency,
        at_stop: report.at_stop,
        unanswered: report.unanswered(),
        never_applied: report.totals.not_applied,
        kernel_drops,
        feed_messages: feed.during_load,
        feed_lost: feed.lost_on_lines(),
        feed_recovered: feed.statistics.recovered,
        complaints,
    })
}

/// As fast as it is answered, in each kind of durability and with datagrams of each size.
pub(crate) fn throughput(duration: Duration) -> Result<String, String> {
    let mut table = Table::new(&[
        "durability",
        "orders a datagram",
        "answered a second",
        "sent in the time",
        "answered in the time",
        "ack p50 / p99 / p99.9",
        "dropped by the kernel",
        "never applied",
        "unanswered in the end",
        "feed messages",
        "lost on A / B, recovered",
        "all right",
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
            let Percentiles { p50, p99, p999, .. } = outcome.latency;
            let [lost_a, lost_b] = outcome.feed_lost;
            table.row([
                name.to_owned(),
                orders_per_datagram.to_string(),
                format!("{:.0}", outcome.orders_per_second),
                outcome.at_stop.sent.to_string(),
                outcome.at_stop.answered().to_string(),
                format!(
                    "{} / {} / {}",
                    Nanoseconds(p50),
                    Nanoseconds(p99),
                    Nanoseconds(p999)
                ),
                outcome.kernel_drops.to_string(),
                outcome.never_applied.to_string(),
                outcome.unanswered.to_string(),
                outcome.feed_messages.to_string(),
                format!("{lost_a} / {lost_b}, {}", outcome.feed_recovered),
                outcome.verdict(),
            ]);
        }
    }
    Ok(format!(
        "### Throughput\n\n{table}\n{SESSIONS} sessions, {} s each, one thread of customers, one of a subscriber to both lines; latencies are those of the queue, for the customers send as much as is answered. All right: every order answered, every balance what executions and fees imply, every message of the feed received in order (what the kernel dropped on a line came on the other or over TCP), each trade of the feed in two answers, the books rebuilt from it equal to the engine's order by order, replica and engine in one state.\n",
        duration.as_secs()
    ))
}
