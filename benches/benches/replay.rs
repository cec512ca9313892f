//! How fast a start is: commands applied again a second, and what saving and loading a state costs for each order.
//!
//! *Read* takes a journal's commands from its files, as the kernel has them in memory: checksums, chain, decoding; nothing is
//! applied. The other stages have the commands in memory. *Plain* applies one after the other and counts what it says,
//! *ahead* has six in line while what they touch is fetched. *Counted* is what a start does with all commands but the last:
//! batches, the events' hash, numbers of messages, finished orders; *stored* what it does with those whose messages the store
//! still has at the end. A restart takes *read* and one of these two for each command.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use benches::document::{self, Table};
use benches::{Mode, Options, Spread, Stream, Workload, machine, report, workload};
use engine::ahead::Ahead;
use engine::exchange::Exchange;
use engine::exchange::snapshot::Input;
use engine::journal::{
    self, Backend, Durability, FileDisk, JournalError, JournalStage, Links, ReadOptions, Settings,
};
use engine::poison::Skips;
use engine::recovery::{RecoveryConfig, Start};
use engine::replay::{Diverged, Nobody, Replay};
use engine::runtime::Stage;
use engine::runtime::links::Journaled;
use rtrb::RingBuffer;

/// Operations of the smoke test.
const SMOKE_OPERATIONS: u32 = 20_000;
/// Of a journal's file.
const SEGMENT_BYTES: u64 = 64 << 20;

fn main() -> ExitCode {
    Mode::run(smoke, |options| {
        let text = measure(options);
        if options.write {
            document::write("replay", &text)?;
        }
        Ok(())
    })
}

fn smoke() {
    for workload in workload::WORKLOADS.map(Workload::reduced) {
        let stream = workload.stream(SMOKE_OPERATIONS);
        let run = with_journal(&stream, |journal| Run::of(&stream, journal));
        assert!(
            run.hashes.iter().all(|&hash| hash == stream.state_hash),
            "{}",
            workload.name
        );
    }
}

/// One run over a stream: times of the measured commands, and of the state behind them.
struct Run {
    read: Duration,
    plain: Duration,
    ahead: Duration,
    counted: Duration,
    stored: Duration,
    save: Duration,
    load: Duration,
    orders: u64,
    bytes: usize,
    /// The state's, found in each way.
    hashes: [u64; 5],
}

impl Run {
    /// `journal` has the stream's commands.
    fn of(stream: &Stream, journal: &Path) -> Self {
        let limits = stream.workload.limits();
        let read = read(stream, journal);
        let mut plain = prepared(stream);
        let began = Instant::now();
        for command in &stream.measured {
            plain
                .apply(command, None, &mut Nobody)
                .expect("nothing is compared");
        }
        let plain_time = began.elapsed();

        let mut replay = prepared(stream);
        let mut line = Ahead::short();
        let began = Instant::now();
        for command in &stream.measured {
            if let Some(foreseen) = line.pass(&replay.exchange, *command, None) {
                replay
                    .apply_foreseen(&foreseen, &mut Nobody)
                    .expect("nothing is compared");
            }
        }
        while let Some(foreseen) = line.pop() {
            replay
                .apply_foreseen(&foreseen, &mut Nobody)
                .expect("nothing is compared");
        }
        let ahead_time = began.elapsed();

        let (counted, counted_time) = started(stream, false);
        let (stored, stored_time) = started(stream, true);

        let exchange = &replay.exchange;
        let mut bytes = Vec::new();
        exchange.save(&mut bytes);
        bytes.clear();
        let began = Instant::now();
        exchange.save(&mut bytes);
        let save = began.elapsed();
        let began = Instant::now();
        let loaded = Exchange::load(limits, 1, &mut Input(&bytes)).expect("it was saved");
        let load = began.elapsed();
        let accounts = 0..exchange.account_count();
        let orders = accounts.filter_map(|account| exchange.account(account));
        Self {
            read,
            plain: plain_time,
            ahead: ahead_time,
            counted: counted_time,
            stored: stored_time,
            save,
            load,
            orders: orders.map(|account| u64::from(account.open_orders)).sum(),
            bytes: bytes.len(),
            hashes: [
                plain.exchange.state_hash(),
                exchange.state_hash(),
                counted.replica.exchange().state_hash(),
                stored.replica.exchange().state_hash(),
                loaded.state_hash(),
            ],
        }
    }
}

/// A start that has applied all commands, and how long the measured ones took.
fn started(stream: &Stream, is_stored: bool) -> (Start, Duration) {
    let config = RecoveryConfig {
        store_bytes: 64 << 20,
        finished_orders: 64,
        ..RecoveryConfig::new(stream.workload.limits())
    };
    let mut start = Start::empty(&config);
    for command in &stream.setup {
        start.replay(command);
    }
    let began = Instant::now();
    let result = start.catch_up(&Skips::default(), |catching| {
        catching.set_stored(is_stored);
        for command in &stream.measured {
            catching.pass(command, None);
        }
        Ok::<_, Diverged>(())
    });
    result.expect("nothing is compared");
    (start, began.elapsed())
}

/// Runs `work` with a journal of the stream's commands; what can not be removed of it stays in the build directory.
fn with_journal<T>(stream: &Stream, work: impl FnOnce(&Path) -> T) -> T {
    let name = format!("replay-{}-{}", stream.workload.name, std::process::id());
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&directory).expect("the build directory can be written");
    write(stream, &directory);
    let result = work(&directory);
    let _ = fs::remove_dir_all(&directory);
    result
}

fn disk(directory: &Path) -> FileDisk {
    FileDisk::open(directory, Backend::Auto, SEGMENT_BYTES).unwrap_or_else(|error| panic!("{error}"))
}

fn write(stream: &Stream, directory: &Path) {
    let mut disk = disk(directory);
    let nothing = journal::recover(
        &mut disk,
        ReadOptions::default(),
        |_| {},
        |_, _| Ok::<_, JournalError>(()),
    );
    let nothing = nothing.unwrap_or_else(|error| panic!("{error}"));
    let settings = Settings {
        durability: Durability::Async,
        ..Settings::new(1, 0)
    };
    let (mut commands, from_commands) = RingBuffer::new(1 << 14);
    let (replica, _) = RingBuffer::new(1);
    let links = Links {
        commands: from_commands,
        replica,
        left_to_disk: Arc::default(),
        released: Arc::default(),
        low_space: Arc::default(),
        shutdown: Default::default(),
    };
    let mut stage =
        JournalStage::new(settings, Some(disk), &nothing, links).unwrap_or_else(|error| panic!("{error}"));
    for command in stream.setup.iter().chain(&stream.measured) {
        while commands.is_full() {
            stage.poll();
        }
        let journaled = Journaled {
            command: *command,
            events_hash_before: 0,
        };
        assert!(commands.push(journaled).is_ok(), "there is room");
    }
    assert!(stage.drain(), "the disk takes it");
}

/// How long reading takes for so many commands as are measured.
fn read(stream: &Stream, directory: &Path) -> Duration {
    let mut disk = disk(directory);
    let (mut sum, mut count) = (0_u64, 0_u32);
    let began = Instant::now();
    let recovered = journal::replay(
        &mut disk,
        ReadOptions::default(),
        |_| {},
        |command, _| {
            sum = sum.wrapping_add(command.body[0]);
            count += 1;
            Ok::<_, JournalError>(())
        },
    );
    let took = began.elapsed();
    recovered.unwrap_or_else(|error| panic!("{error}"));
    std::hint::black_box(sum);
    took * stream.measured.len() as u32 / count
}

/// A replay that stands where the measured part begins.
fn prepared(stream: &Stream) -> Replay {
    let mut replay = Replay::new(stream.workload.limits(), 0);
    for command in &stream.setup {
        replay
            .apply(command, None, &mut Nobody)
            .expect("nothing is compared");
    }
    replay
}

/// What it found, for the document; printed as well.
fn measure(options: &Options) -> String {
    let names: Vec<_> = options.workloads.iter().map(|workload| workload.name).collect();
    let mut text = format!(
        "{}\n\nCommand: `cargo bench -p benches --bench replay -- --operations {} --runs {} --write {}`; million commands a \
         second, medians (least to most); then the state behind them, the empty tables included\n\n",
        machine::line(),
        options.operations,
        options.runs,
        names.join(" ")
    );
    let mut table = Table::new(&[
        "workload",
        "read",
        "plain",
        "ahead",
        "counted",
        "stored",
        "open orders",
        "save ms",
        "load ms",
        "bytes",
    ]);
    for workload in options.workloads_or_all() {
        let stream = workload.stream(options.operations);
        let runs: Vec<Run> = with_journal(&stream, |journal| {
            (0..options.runs).map(|_| Run::of(&stream, journal)).collect()
        });
        let right = runs
            .iter()
            .all(|run| run.hashes.iter().all(|&hash| hash == stream.state_hash));
        let rate = |time: fn(&Run) -> Duration| {
            let rates = runs
                .iter()
                .map(|run| f64::from(options.operations) / time(run).as_secs_f64() / 1e6);
            Spread::of(rates).to_string()
        };
        let milliseconds = |time: fn(&Run) -> Duration| {
            Spread::of(runs.iter().map(|run| time(run).as_secs_f64() * 1e3)).to_string()
        };
        let another = if right { "" } else { ", another state" };
        table.row([
            format!("{}{another}", workload.name),
            rate(|run| run.read),
            rate(|run| run.plain),
            rate(|run| run.ahead),
            rate(|run| run.counted),
            rate(|run| run.stored),
            report::thousands(runs[0].orders),
            milliseconds(|run| run.save),
            milliseconds(|run| run.load),
            report::thousands(runs[0].bytes as u64),
        ]);
    }
    text += &table.to_string();
    print!("{text}");
    text
}
