//! More than the exchange can take: what it serves then, what customers see who ask for little, and how soon all is as before.
//!
//! A flood of orders and a few customers share the exchange. The customers are those of every load: each answer and each
//! balance is checked, what the kernel drops they send again, and latencies count from the time at which an order was meant
//! to leave.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use benches::document::Table;
use benches::venue::Venue;
use client_sim::cli::arguments::{demo_participants, demo_references};
use client_sim::fleet::{FleetConfig, Stage};
use client_sim::latency::{Latency, Nanoseconds};
use engine::config::{Config, Durability};

use crate::customers::{Customers, PATIENCE};
use crate::flood::{Dial, Flood, REQUESTS};
use crate::load::{SEED, SESSIONS};

/// What the flood is turned up to until no more is served.
const RATES: [u64; 8] = [
    400_000, 600_000, 800_000, 1_000_000, 1_200_000, 1_600_000, 2_000_000, 2_400_000,
];
/// Steps of priority that the exchange's first thread has above the others in the second part.
const RAISED: u32 = 10;
/// Orders a second of the customers.
const CUSTOMERS_RATE: u64 = 20_000;
/// Customers' latencies are looked at for each such piece of time.
const SLICE: Duration = Duration::from_millis(50);
/// Instruments that the flood trades in: two of its sessions in each.
const INSTRUMENTS: usize = 3;

/// Some time at one rate of the flood.
struct Phase {
    offered: f64,
    served: f64,
    dropped: u64,
    latency: Latency,
    /// When each slice ended, since the phase began, and its 99th percentile, if somebody was answered in it.
    slices: Vec<(Duration, Option<u64>)>,
}

/// Exchange, flood and customers.
struct Scene<'a> {
    venue: &'a Venue,
    dial: &'a Dial,
    customers: Customers,
}

impl Scene<'_> {
    /// Requests that the exchange has read, datagrams that have not come, requests that were sent.
    fn counts(&self) -> [u64; 3] {
        let totals = self.customers.fleet.totals();
        [
            self.venue.counter("engine", "requests"),
            self.venue.counter("engine", "missing"),
            self.dial.sent.load(Ordering::Relaxed) * REQUESTS + totals.requests + totals.cancels,
        ]
    }

    fn phase(&mut self, rate: u64, duration: Duration) -> Result<Phase, String> {
        self.dial.rate.store(rate, Ordering::Relaxed);
        let before = self.counts();
        self.customers.fleet.shared_mut().latencies.fold();
        let began = Instant::now();
        let (mut latency, mut slices) = (Latency::default(), Vec::new());
        while began.elapsed() < duration {
            self.customers.poll()?;
            let now = began.elapsed();
            if now >= SLICE * (slices.len() as u32 + 1) {
                let latencies = &mut self.customers.fleet.shared_mut().latencies;
                let recent = latencies.interval().acknowledgements();
                let told = recent.percentiles();
                slices.push((now, (told.count > 0).then_some(told.p99)));
                latency.merge(&recent);
                latencies.fold();
            }
        }
        let seconds = began.elapsed().as_secs_f64();
        let after = self.counts();
        Ok(Phase {
            offered: (after[2] - before[2]) as f64 / seconds,
            served: (after[0] - before[0]) as f64 / seconds,
            dropped: after[1] - before[1],
            latency,
            slices,
        })
    }
}

impl Phase {
    fn row(&self, name: &str, table: &mut Table) {
        let told = self.latency.percentiles();
        eprintln!(
            "{name}: {:.0} offered, {:.0} served, {told}",
            self.offered, self.served
        );
        table.row([
            name.to_owned(),
            format!("{:.0}", self.offered),
            format!("{:.0}", self.served),
            self.dropped.to_string(),
            told.count.to_string(),
            Nanoseconds(told.p50).to_string(),
            Nanoseconds(told.p99).to_string(),
            Nanoseconds(told.max).to_string(),
        ]);
    }

    /// The slowest slice.
    fn slowest(&self) -> u64 {
        self.slices.iter().filter_map(|(_, p99)| *p99).max().unwrap_or(0)
    }

    /// When a slice was first as good as that.
    fn is_normal_after(&self, normal_ns: u64) -> Option<Duration> {
        let is_normal = |(_, p99): &&(_, Option<u64>)| p99.is_some_and(|p99| p99 <= normal_ns);
        self.slices.iter().find(is_normal).map(|(end, _)| *end)
    }
}

/// Turns the flood up through `rates`, then to seven tenths of the best that was served, to twice of it, and back.
fn scene(rates: &[u64], duration: Duration, priority: u32) -> Result<String, String> {
    let mut config = Config::built_in();
    config.threads.priority = priority;
    let venue = Venue::with(config, Durability::Sync)?;
    let server = venue.running.addresses().order_entry_tcp;
    let (participants, references) = (demo_participants(10), demo_references());
    let (flooding, customers) = participants.split_at(SESSIONS);
    let flood = Flood::login(server, flooding, &references[..INSTRUMENTS])?;
    let config = FleetConfig {
        rate: CUSTOMERS_RATE,
        seed: SEED,
        references: references.clone(),
        window: 4_096,
        orders: 16_384,
        ..FleetConfig::new(server, customers.to_vec())
    };
    let dial = Dial::default();
    let mut scene = Scene {
        venue: &venue,
        dial: &dial,
        customers: Customers::new(config)?,
    };
    let told = thread::scope(|scope| {
        let flooding = scope.spawn(|| flood.run(&dial));
        let told = play(&mut scene, rates, duration);
        dial.is_over.store(true, Ordering::Relaxed);
        let flooded = flooding.join().map_err(|_| "the flood has panicked".to_owned())?;
        flooded.map_err(|error| format!("the flood: {error}"))?;
        told
    })?;
    let report = scene.customers.leave();
    let datagrams = scene.customers.fleet.totals().datagrams + dial.sent.load(Ordering::Relaxed);
    let taken = || venue.counter("source", "datagrams") + venue.counter("engine", "missing");
    let since = Instant::now();
    while taken() < datagrams && since.elapsed() < PATIENCE {
        thread::yield_now();
    }
    let taken = taken();
    let last = venue.stop()?;
    let wrong = [
        (
            report.verdict.every_order_answered,
            "orders without a right answer",
        ),
        (
            report.verdict.balances_as_implied,
            "balances that executions do not imply",
        ),
        (last.is_equal(), "engine and replica in different states"),
    ];
    let mut wrong: Vec<_> = wrong
        .iter()
        .filter(|(is_right, _)| !is_right)
        .map(|(_, name)| (*name).to_owned())
        .collect();
    if datagrams != taken {
        wrong.push(format!(
            "{datagrams} datagrams sent, {taken} received or counted as missing"
        ));
    }
    match wrong.is_empty() {
        true => Ok(format!(
            "{told}\nEvery order of the customers was answered, each balance is what executions and fees imply, engine and replica are in one state; datagrams sent: {datagrams}, received or counted as missing: as many.\n"
        )),
        false => Err(wrong.join("; ")),
    }
}

fn play(scene: &mut Scene<'_>, rates: &[u64], duration: Duration) -> Result<String, String> {
    let mut table = Table::new(&[
        "flood",
        "requests/s offered",
        "served a second",
        "datagrams dropped at the door",
        "customers' orders answered",
        "p50",
        "p99",
        "max",
    ]);
    scene.customers.until(Stage::Running)?;
    let mut best: f64 = 0.0;
    for &rate in rates {
        let phase = scene.phase(rate, duration)?;
        phase.row(&format!("{rate}/s"), &mut table);
        best = best.max(phase.served);
        // What was sent again is answered before the next.
        scene.phase(0, duration / 5)?;
    }
    let share = |part: f64| (best * part) as u64;
    let calm = scene.phase(share(0.7), duration)?;
    let burst = scene.phase(share(2.0), duration)?;
    let after = scene.phase(share(0.7), duration)?;
    for (phase, name) in [
        (&calm, "0.7 of the best"),
        (&burst, "twice the best"),
        (&after, "0.7 again"),
    ] {
        phase.row(name, &mut table);
    }
    scene.dial.rate.store(0, Ordering::Relaxed);
    scene.customers.finish()?;
    let normal_ns = calm.slowest();
    let recovered = after.is_normal_after(normal_ns).map_or_else(
        || "not as before until the end".to_owned(),
        |time| format!("as before after {} ms", time.as_millis()),
    );
    Ok(format!(
        "{table}\nAt twice the best rate the exchange served {:.2} of it. Behind the burst the customers' latencies were {recovered}: the first {} ms whose p99 is no worse than {}, the worst of the calm.\n",
        burst.served / best,
        SLICE.as_millis(),
        Nanoseconds(normal_ns),
    ))
}

/// The table.
pub(crate) fn measure(duration: Duration) -> Result<String, String> {
    let usual = scene(&RATES, duration, 0)?;
    let raised = scene(&RATES, duration, RAISED)?;
    Ok(format!(
        "### Overload\n\nWith the priority that every program has:\n\n{usual}\nWith `priority = {RAISED}`:\n\n{raised}\nDurable; {SESSIONS} sessions flood with {REQUESTS} requests a datagram and do not check their answers, 4 customers send {CUSTOMERS_RATE} orders a second and check all, {} s each.\n",
        duration.as_secs()
    ))
}

/// A small one.
pub(crate) fn smoke() {
    let told = scene(&[20_000], Duration::from_millis(200), 0).expect("a flood on loopback");
    assert!(told.contains("twice the best"), "{told}");
}
