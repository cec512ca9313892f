//! What an operation costs in the output: events become OUCH and ITCH messages with their numbers, copied into a
//! preallocated buffer as the window of released messages takes them: stream, number, bytes.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use benches::{Mode, Options, Recorded, Spread, Stream, Workload, hash, machine, report, workload};
use engine::output::{Encoder, MessageSink};

/// Steps between two looks at the clock.
const BATCH: usize = 1_024;
/// Room for the messages of a batch: five times what one has on the average.
const BYTES: usize = 1 << 20;
/// Operations of the smoke test.
const SMOKE_OPERATIONS: u32 = 20_000;
/// The feed's name in front of its messages; else the session's index.
const FEED: u32 = u32::MAX;

/// Messages of the reduced workloads' first operations, on every machine.
const EXPECTED: [(&str, u64); 5] = [
    ("base", 0x46d6_8de9_41bc_503e),
    ("deep", 0xb928_3964_1ef6_a867),
    ("multi", 0xfd40_87a5_2c63_be4a),
    ("flow", 0x2a1c_2c7c_ee9e_c187),
    ("sparse", 0x6bf5_dc3c_768c_6057),
];

fn main() -> ExitCode {
    Mode::run(smoke, |options| {
        measure(options);
        Ok(())
    })
}

fn smoke() {
    let mut found = Vec::new();
    for workload in workload::WORKLOADS.map(Workload::reduced) {
        let stream = workload.stream(SMOKE_OPERATIONS);
        let encoded = encode(&stream, &Recorded::of(&stream));
        assert!(
            encoded.session_messages >= u64::from(SMOKE_OPERATIONS),
            "every operation is answered"
        );
        found.push((workload.name, encoded.hash));
    }
    assert!(
        found == EXPECTED,
        "other messages are told than before: {found:#x?}"
    );
}

fn measure(options: &Options) {
    println!("{}", machine::line());
    println!(
        "{} operations, {} runs: median (least-most)",
        report::thousands(u64::from(options.operations)),
        options.runs
    );
    println!(
        "{:<9}{:<24}{:<24}{:<20}{:<20}messages",
        "workload", "ns/operation", "ns/message", "OUCH an operation", "ITCH an operation"
    );
    for workload in &options.workloads_or_all() {
        row(workload, options);
    }
}

fn row(workload: &Workload, options: &Options) {
    let stream = workload.stream(options.operations);
    let recorded = Recorded::of(&stream);
    let runs: Vec<Encoded> = (0..options.runs).map(|_| encode(&stream, &recorded)).collect();
    let one = &runs[0];
    assert!(
        runs.iter().all(|run| run.hash == one.hash),
        "all runs make the same bytes"
    );
    let operations = f64::from(options.operations);
    let messages = (one.session_messages + one.feed_messages) as f64;
    let each = |parts: f64| Spread::of(runs.iter().map(|run| run.time.as_nanos() as f64 / parts)).to_string();
    let traffic = |messages: u64, bytes: u64| {
        format!(
            "{:.2} in {:.0} bytes",
            messages as f64 / operations,
            bytes as f64 / operations
        )
    };
    println!(
        "{:<9}{:<24}{:<24}{:<20}{:<20}{:016x}",
        workload.name,
        each(operations),
        each(messages),
        traffic(one.session_messages, one.session_bytes),
        traffic(one.feed_messages, one.feed_bytes),
        one.hash,
    );
}

/// What a run made of the measured part.
struct Encoded {
    time: Duration,
    hash: u64,
    session_messages: u64,
    session_bytes: u64,
    feed_messages: u64,
    feed_bytes: u64,
}

fn encode(stream: &Stream, recorded: &Recorded<'_>) -> Encoded {
    let instruments = u32::from(stream.workload.instruments);
    let mut encoder = Encoder::new(instruments, stream.workload.accounts);
    let mut messages = Messages {
        bytes: Vec::with_capacity(BYTES),
    };
    for (command, events) in recorded.setup() {
        messages.bytes.clear();
        encoder.encode(command, events, &mut messages);
    }
    messages.bytes.clear();

    let mut encoded = Encoded {
        time: Duration::ZERO,
        hash: 0,
        session_messages: 0,
        session_bytes: 0,
        feed_messages: 0,
        feed_bytes: 0,
    };
    let mut steps = recorded.measured().peekable();
    while steps.peek().is_some() {
        let start = Instant::now();
        for (command, events) in steps.by_ref().take(BATCH) {
            encoder.encode(command, events, &mut messages);
        }
        encoded.time += start.elapsed();
        encoded.add(&messages.bytes);
        messages.bytes.clear();
    }
    assert_eq!(messages.bytes.capacity(), BYTES, "the buffer did not grow");
    encoded
}

impl Encoded {
    /// Counts a batch's messages, and adds them to the hash.
    fn add(&mut self, mut bytes: &[u8]) {
        self.hash = hash::mix(self.hash, bytes);
        while let Some((head, rest)) = bytes.split_first_chunk::<HEAD>() {
            let [a, b, c, d, .., high, low] = *head;
            let length = usize::from(u16::from_le_bytes([high, low]));
            if u32::from_le_bytes([a, b, c, d]) == FEED {
                self.feed_messages += 1;
                self.feed_bytes += length as u64;
            } else {
                self.session_messages += 1;
                self.session_bytes += length as u64;
            }
            bytes = &rest[length..];
        }
    }
}

/// Bytes in front of a message: stream, number, length.
const HEAD: usize = 14;

/// Keeps every message of a batch.
struct Messages {
    bytes: Vec<u8>,
}

impl Messages {
    fn keep(&mut self, stream: u32, sequence: u64, message: &[u8]) {
        let mut head = [0; HEAD];
        head[..4].copy_from_slice(&stream.to_le_bytes());
        head[4..12].copy_from_slice(&sequence.to_le_bytes());
        head[12..].copy_from_slice(&(message.len() as u16).to_le_bytes());
        self.bytes.extend_from_slice(&head);
        self.bytes.extend_from_slice(message);
    }
}

impl MessageSink for Messages {
    fn feed(&mut self, sequence: u64, message: &[u8]) {
        self.keep(FEED, sequence, message);
    }

    fn session(&mut self, session: u32, sequence: u64, message: &[u8]) {
        self.keep(session, sequence, message);
    }
}
