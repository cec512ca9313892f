//! What a customer notices when a thousand subscribers come late at once: order to acknowledgement of one who trades steadily,
//! before, and while they are served by the snapshot door or replay the day at the gap-recovery door.
//!
//! Real sockets; exchange, customer and subscribers share the machine. The subscribers read on one thread that gets what is left
//! of the cores, and the customer sleeps until something comes: in earnest they have machines of their own, and what they cost is
//! what the exchange does for them.
//!
//! Beside them the same crowd at a stand-in, which only sends bytes: what the machine does to the customer whatever the exchange does.

mod crowd;
mod stand_in;
mod steady;

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use benches::document::Table;
use benches::venue::Venue;
use benches::{Mode, machine};
use client_sim::latency::{Latency, Nanoseconds};
use engine::config::{Config, Durability};

use crowd::{Crowd, Door};
use stand_in::StandIn;
use steady::Steady;

/// Who come at once.
const JOINERS: usize = 1_000;
/// Orders that rest when they come: what a snapshot has, and the messages of the day so far.
const RESTING: u32 = 5_000;
/// Longest time that all of them may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The customer's latency may become so much greater, p99.
const GOAL: f64 = 1.2;

fn main() -> ExitCode {
    Mode::run(smoke, |options| {
        let mut text = format!(
            "{}\n\nCommand: `cargo bench -p benches --bench joiners -- --runs {} --write`; {JOINERS} subscribers at once, \
             {RESTING} resting orders, one customer with {} orders/s.\n\n",
            machine::line(),
            options.runs,
            steady::RATE
        );
        println!("{text}");
        text.push_str(&measure(JOINERS, RESTING, options.runs)?.to_string());
        println!("{text}");
        if options.write {
            benches::document::write("joiners", &text)?;
        }
        Ok(())
    })
}

fn smoke() {
    let table = measure(50, 300, 1).expect("everybody joins").to_string();
    assert_eq!(table.lines().count(), 5, "{table}");
}

/// What one door's crowd did to the customer.
#[derive(Default)]
struct Outcome {
    before: Vec<u64>,
    meanwhile: Vec<u64>,
    ratios: Vec<f64>,
    took: Vec<Duration>,
    bytes: u64,
}

fn measure(joiners: usize, resting: u32, runs: u32) -> Result<Table, String> {
    let mut table = Table::new(&[
        "door",
        "all have joined after",
        "bytes to each",
        "p99 before",
        "p99 meanwhile",
        "ratio (goal 1.2)",
        "least to most",
    ]);
    for door in [Door::Snapshot, Door::Recovery, Door::StandIn] {
        let mut outcome = Outcome::default();
        let mut config = Config::built_in();
        config.capacities.connections = 2 * joiners as u32;
        let venue = Venue::with(config, Durability::Sync)?;
        let done = rounds(&venue, door, joiners, resting, runs, &mut outcome);
        let is_equal = venue.stop()?.is_equal();
        done?;
        if !is_equal {
            return Err("engine and replica have come to different states".to_owned());
        }
        let median = |values: &[u64]| {
            let mut values = values.to_vec();
            values.sort_unstable();
            values[values.len() / 2]
        };
        outcome.ratios.sort_by(f64::total_cmp);
        outcome.took.sort_unstable();
        let (ratios, middle) = (&outcome.ratios, outcome.ratios.len() / 2);
        if ratios[middle] > GOAL {
            eprintln!(
                "{door}: p99 is {:.2} times of before, more than {GOAL}",
                ratios[middle]
            );
        }
        table.row([
            door.to_string(),
            Nanoseconds(outcome.took[middle].as_nanos() as u64).to_string(),
            (outcome.bytes / joiners as u64).to_string(),
            Nanoseconds(median(&outcome.before)).to_string(),
            Nanoseconds(median(&outcome.meanwhile)).to_string(),
            format!("{:.2}", ratios[middle]),
            format!("{:.2}-{:.2}", ratios[0], ratios[ratios.len() - 1]),
        ]);
    }
    Ok(table)
}

/// Before and meanwhile in turn, so that both see the same neighbors.
fn rounds(
    venue: &Venue,
    door: Door,
    joiners: usize,
    resting: u32,
    runs: u32,
    outcome: &mut Outcome,
) -> Result<(), String> {
    let addresses = venue.running.addresses();
    let mut steady = Steady::login(addresses.order_entry_tcp)?;
    steady.rest(resting)?;
    let stand_in = &StandIn::open(u64::from(resting)).map_err(|error| error.to_string())?;
    let address = match door {
        Door::Snapshot => addresses.snapshot_tcp,
        Door::Recovery => addresses.recovery_tcp,
        Door::StandIn => stand_in.address(),
    };
    for run in 1..=runs {
        let mut meanwhile = Latency::default();
        let crowd = Crowd::new(door, address, joiners, u64::from(resting));
        let is_over = AtomicBool::new(false);
        let began = Instant::now();
        let bytes = thread::scope(|scope| {
            let is_ended = || is_over.load(Ordering::Acquire);
            let server = (door == Door::StandIn).then(|| scope.spawn(move || stand_in.serve(is_ended)));
            let crowd = scope.spawn(|| {
                let joined = crowd.join(PATIENCE);
                is_over.store(true, Ordering::Release);
                joined
            });
            let traded = steady.trade(&mut meanwhile, is_ended);
            let joined = crowd.join().map_err(|_| "a subscriber has panicked".to_owned())?;
            let served = server.map_or(Ok(Ok(())), thread::ScopedJoinHandle::join);
            let served = served.map_err(|_| "the stand-in has panicked".to_owned())?;
            traded.and(served).and(joined)
        })?;
        let took = began.elapsed();
        // As long without them, once they are gone.
        thread::sleep(Duration::from_millis(200));
        let mut before = Latency::default();
        let until = Instant::now() + took;
        steady.trade(&mut before, || Instant::now() >= until)?;
        let (before, meanwhile) = (before.percentiles(), meanwhile.percentiles());
        eprintln!(
            "{door}, run {run}: {} orders, p50 {} p99 {} without, {} orders, p50 {} p99 {} with; joined in {took:.2?}",
            before.count,
            Nanoseconds(before.p50),
            Nanoseconds(before.p99),
            meanwhile.count,
            Nanoseconds(meanwhile.p50),
            Nanoseconds(meanwhile.p99),
        );
        outcome.before.push(before.p99);
        outcome.meanwhile.push(meanwhile.p99);
        outcome
            .ratios
            .push(meanwhile.p99 as f64 / before.p99.max(1) as f64);
        outcome.took.push(took);
        outcome.bytes = bytes;
    }
    Ok(())
}
