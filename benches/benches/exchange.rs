//! What a command costs in the matching core: ledger, all checks, events written into a preallocated buffer.
//!
//! Two passes. The first reads the clock twice for [`BATCH`] commands and gives operations a second; the second reads it
//! after each command and gives percentiles, the reading included. Hashing the events is outside the measured time.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use benches::report::thousands;
use benches::{Mode, Options, Percentiles, Spread, Stream, Workload, machine, replay, workload};
use engine::exchange::Exchange;
use engine::exchange::event::Event;
use engine::ingress::EventsHash;

/// Commands between two looks at the clock, about what a busy turn of the engine stage takes.
const BATCH: usize = 1_024;
/// Room for the events of a batch: 40 times what one has on the average.
const EVENTS: usize = 1 << 16;
/// Operations of the smoke test.
const SMOKE_OPERATIONS: u32 = 20_000;

/// Events of the reduced workloads' first operations, on every machine.
const EXPECTED: [(&str, u64); 4] = [
    ("base", 0x0773_a224_850c_78cb),
    ("deep", 0xd887_781b_5745_f8af),
    ("multi", 0x564a_7455_ba00_dfeb),
    ("flow", 0x9476_3fa0_0c51_2910),
];

fn main() -> ExitCode {
    match Mode::of(std::env::args().skip(1)) {
        Mode::Smoke => smoke(),
        Mode::Measure(options) => measure(&options),
        Mode::Wrong(wrong) => {
            eprintln!("{wrong}");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn smoke() {
    let mut found = Vec::new();
    for workload in workload::WORKLOADS.map(Workload::reduced) {
        let stream = workload.stream(SMOKE_OPERATIONS);
        throughput(&stream);
        let mut times = vec![0; stream.measured.len()];
        latencies(&stream, &mut times);
        assert!(times.iter().any(|&time| time > 0), "the clock goes on");
        found.push((workload.name, stream.events_hash));
    }
    assert!(
        found == EXPECTED,
        "the exchange tells other events than before: {found:#x?}"
    );
}

fn measure(options: &Options) {
    println!("{}", machine::line());
    println!(
        "{} operations, {} accounts, {} runs: median (least-most); percentiles include a reading of the clock",
        thousands(u64::from(options.operations)),
        thousands(u64::from(benches::market::ACCOUNTS)),
        options.runs
    );
    println!(
        "{:<9}{:>10}  {:<22}{:<24}{:<34}events",
        "workload", "live", "M operations/s", "ns/operation", "ns p50 / p99 / p99.9 / max"
    );
    for workload in &options.workloads {
        row(workload, options);
    }
}

fn row(workload: &Workload, options: &Options) {
    let stream = workload.stream(options.operations);
    let times: Vec<f64> = (0..options.runs)
        .map(|_| throughput(&stream).as_nanos() as f64 / f64::from(options.operations))
        .collect();
    let mut each = vec![0; stream.measured.len()];
    let percentiles: Vec<_> = (0..options.runs)
        .map(|_| {
            latencies(&stream, &mut each);
            Percentiles::of(&each)
        })
        .collect();
    println!(
        "{:<9}{:>10}  {:<22}{:<24}{:<34}{:016x}",
        workload.name,
        thousands(u64::from(workload.live)),
        Spread::of(times.iter().map(|ns| 1_000.0 / ns)).to_string(),
        Spread::of(times.iter().copied()).to_string(),
        Percentiles::median(&percentiles).to_string(),
        stream.events_hash,
    );
    let counts = stream.counts;
    let share = |count: u64| count as f64 * 100.0 / f64::from(options.operations);
    println!(
        "         limit {:.1} % ({:.1} % of them crossing), cancel {:.1} %, market {:.1} %, immediate {:.1} %, replace {:.1} %; \
         {:.2} matches and {:.2} events an operation; {} to {} live; {} refused",
        share(counts.limits),
        counts.limits_crossing as f64 * 100.0 / counts.limits as f64,
        share(counts.cancels),
        share(counts.markets),
        share(counts.immediates),
        share(counts.replaces),
        share(counts.matches) / 100.0,
        share(counts.events) / 100.0,
        thousands(counts.live_least),
        thousands(counts.live_most),
        counts.rejected,
    );
}

/// The time of the whole measured part.
fn throughput(stream: &Stream) -> Duration {
    let mut exchange = replay::prepared(stream);
    let mut events = Vec::with_capacity(EVENTS);
    let mut hash = EventsHash::default();
    let mut time = Duration::ZERO;
    for batch in stream.measured.chunks(BATCH) {
        let start = Instant::now();
        for command in batch {
            replay::apply(&mut exchange, command, &mut events);
        }
        time += start.elapsed();
        hash.add(&events);
        events.clear();
    }
    check(stream, &exchange, hash, &events);
    time
}

/// The time of each command of the measured part, nanoseconds.
fn latencies(stream: &Stream, times: &mut [u32]) {
    let mut exchange = replay::prepared(stream);
    let mut events = Vec::with_capacity(EVENTS);
    let mut hash = EventsHash::default();
    for (batch, times) in stream.measured.chunks(BATCH).zip(times.chunks_mut(BATCH)) {
        let mut before = Instant::now();
        for (command, time) in batch.iter().zip(times) {
            replay::apply(&mut exchange, command, &mut events);
            let now = Instant::now();
            *time = u32::try_from((now - before).as_nanos()).unwrap_or(u32::MAX);
            before = now;
        }
        hash.add(&events);
        events.clear();
    }
    check(stream, &exchange, hash, &events);
}

/// The run did what the generator saw, and its buffer was large enough.
fn check(stream: &Stream, exchange: &Exchange, hash: EventsHash, events: &Vec<Event>) {
    assert_eq!(
        hash.value(),
        stream.events_hash,
        "the run told the generator's events"
    );
    assert_eq!(
        exchange.state_hash(),
        stream.state_hash,
        "the run ended in the generator's state"
    );
    assert_eq!(events.capacity(), EVENTS, "the buffer did not grow");
}
