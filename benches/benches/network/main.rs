//! The whole path over loopback: a datagram of orders in, acknowledgements and market data out, with the exchange and the
//! load on the same machine.
//!
//! Every figure has its floor in the same run: a round trip stands beside that of two bare sockets, a durable acknowledgement
//! beside a bare group commit. Loads are open loops: latencies count from the time at which an order was meant to leave.

mod commit;
mod crowd;
mod curve;
mod customers;
mod echo;
mod flood;
mod load;
mod mock;
mod overload;
mod single;
mod stages;
mod start;

use std::process::ExitCode;
use std::time::Duration;

use benches::{document, machine};

/// Rounds in which the contenders of a round trip take turns.
const ROUNDS: u32 = 7;
/// Trips of each in a round.
const TRIPS: u32 = 3_000;

/// What may be typed.
const USAGE: &str = "usage: [--smoke] [--seconds N] [--write] [round-trip|commit|mock|stages|throughput|curve|crowd|overload|start]...\n(all parts when none is named)";

const PARTS: [&str; 9] = [
    "round-trip",
    "commit",
    "mock",
    "stages",
    "throughput",
    "curve",
    "crowd",
    "overload",
    "start",
];

/// Those that share a place in the document.
const TOGETHER: [&str; 5] = ["round-trip", "commit", "mock", "stages", "curve"];

struct Options {
    /// Of each load.
    seconds: u64,
    write: bool,
    parts: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seconds: 5,
            write: false,
            parts: Vec::new(),
        }
    }
}

impl Options {
    fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--bench" | "--smoke" => {}
                "--write" => options.write = true,
                "--seconds" => {
                    let value = arguments.next().unwrap_or_default();
                    options.seconds = value
                        .parse()
                        .ok()
                        .filter(|seconds| (1..=3_600).contains(seconds))
                        .ok_or_else(|| format!("--seconds: {value:?} is not a number from 1 to 3600"))?;
                }
                part if PARTS.contains(&part) => options.parts.push(argument),
                other => return Err(format!("{other}: not understood")),
            }
        }
        Ok(options)
    }

    fn has(&self, part: &str) -> bool {
        self.parts.is_empty() || self.parts.iter().any(|named| named == part)
    }

    /// Those of `parts` that are run, one behind the other.
    fn named(&self, parts: &[&str]) -> String {
        let run: Vec<&str> = parts.iter().copied().filter(|part| self.has(part)).collect();
        run.join(" ")
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let is_smoke = has("--smoke");
    // Only `cargo bench` says so; `cargo test` passes on what was meant for other tests.
    if !is_smoke && !has("--bench") {
        smoke(&Options::default());
        return ExitCode::SUCCESS;
    }
    let outcome = Options::parse(arguments)
        .map_err(|wrong| format!("{wrong}\n{USAGE}"))
        .and_then(|options| {
            if is_smoke {
                smoke(&options);
                Ok(())
            } else {
                measure(&options)
            }
        });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(wrong) => {
            eprintln!("{wrong}");
            ExitCode::FAILURE
        }
    }
}

/// Small runs of what is named: all checks, no time looked at.
fn smoke(options: &Options) {
    if options.has("round-trip") {
        let told = single::compare(2, 50).expect("loopback");
        assert_eq!(told.contenders.len(), 5);
        for contender in &told.contenders {
            assert_eq!(contender.trips, 100, "{}", contender.name);
        }
    }
    if options.has("throughput") || options.has("curve") {
        let run = load::run(&load::Load {
            durability: engine::config::Durability::Sync,
            orders_per_datagram: 28,
            rate: 20_000,
            duration: Duration::from_millis(300),
        })
        .expect("a load on loopback");
        assert!(run.is_whole(), "{run:?}");
        let drawn = curve::draw(&[(10_000, run.latency), (20_000, run.latency)]);
        assert!(drawn.starts_with("<svg ") && drawn.ends_with("</svg>\n"));
    }
    if options.has("commit") {
        let commits = commit::run(10_000, Duration::from_millis(200)).expect("a file can be written");
        assert_eq!(commits.count, 2_000);
    }
    let others: [(&str, fn()); 5] = [
        ("mock", mock::smoke),
        ("stages", stages::smoke),
        ("crowd", crowd::smoke),
        ("overload", overload::smoke),
        ("start", start::smoke),
    ];
    for (_, smoke) in others.iter().filter(|(part, _)| options.has(part)) {
        smoke();
    }
}

/// Measures with loads of so long; what the document says of it.
type Part = fn(Duration) -> Result<String, String>;

/// Parts with a place of their own in the document.
fn measure_alone(options: &Options, seconds: Duration) -> Result<(), String> {
    let parts: [(&str, Part); 4] = [
        ("throughput", load::throughput),
        ("crowd", crowd::measure),
        ("overload", overload::measure),
        ("start", start::measure),
    ];
    for (part, measure) in parts {
        if !options.has(part) {
            continue;
        }
        let told = measure(seconds)?;
        println!("{told}");
        if options.write {
            let text = format!(
                "{}\n\nCommand: `cargo bench -p benches --bench network -- --seconds {} --write {part}`\n\n{told}",
                machine::line(),
                options.seconds
            );
            document::write(part, &text)?;
        }
    }
    Ok(())
}

fn measure(options: &Options) -> Result<(), String> {
    let mut text = format!(
        "{}\n\nCommand: `cargo bench -p benches --bench network -- --seconds {} --write {}`, seed {}.\n",
        machine::line(),
        options.seconds,
        options.named(&TOGETHER),
        load::SEED
    );
    if TOGETHER.iter().any(|part| options.has(part)) {
        println!("{text}");
    }
    let mut tell = |part: String| {
        println!("{part}");
        text.push('\n');
        text.push_str(&part);
    };
    let seconds = Duration::from_secs(options.seconds);
    if options.has("round-trip") {
        tell(single::compare(ROUNDS, TRIPS)?.to_string());
    }
    if options.has("commit") {
        tell(commit::compare(seconds)?);
    }
    if options.has("mock") {
        tell(mock::compare(seconds)?);
    }
    if options.has("stages") {
        tell(stages::measure(ROUNDS)?);
    }
    if options.has("curve") {
        tell(curve::measure(seconds, options.write)?);
    }
    // None of its parts was run: what the document says of them stays.
    if options.write && text.contains("\n### ") {
        document::write("network", &text)?;
    }
    measure_alone(options, seconds)
}
