//! How long a start takes with many open orders and a long journal behind the last snapshot, on real files.
//!
//! A data directory is made once: an exchange's own setup, orders until enough live, a snapshot, then `--operations` commands
//! that only the journal knows. Then it is started again and again, each time with what the kernel had cached of it dropped.
//! *Copied* is how long the replica is away while a snapshot of it is taken. `RESTART_DATA=DIR` keeps the directory, for
//! `exchange run --config DIR/exchange.toml`.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use benches::{Mode, Options, Spread, Workload, document, machine, market, report, workload};
use engine::assembly::{self, Nobody};
use engine::config::Config;
use engine::exchange::command::Command;
use engine::journal::{
    self, Backend, Durability, FileDisk, JournalError, JournalStage, Links, ReadOptions, Settings,
};
use engine::recovery::replica::Replica;
use engine::runtime::Stage;
use engine::runtime::links::Journaled;
use engine::snapshot::{self, Origin, SnapshotDirectory, Snapshots};
use engine::sys::file::forget_cached;
use rtrb::{Producer, RingBuffer};

/// A million open orders in one book.
const MILLION: Workload = Workload {
    name: "million",
    live: 1_000_000,
    width: 30_000,
    ..workload::WORKLOADS[1]
};
/// Operations of the smoke test.
const SMOKE_OPERATIONS: u32 = 20_000;
/// From one command to the next.
const STEP_NS: u64 = 1_000;
/// Additions and shifts of the control: what a core does at the moment.
const CONTROL_STEPS: u64 = 500_000_000;

fn main() -> ExitCode {
    Mode::run(smoke, |options| {
        let asked_for = std::env::var_os("RESTART_DATA").map(PathBuf::from);
        let directory = asked_for.clone().unwrap_or_else(|| temporary("restart"));
        let text = measure(options, &directory);
        if options.write {
            document::write("restart", &text)?;
        }
        if asked_for.is_none() {
            remove(&directory);
        }
        Ok(())
    })
}

fn smoke() {
    let directory = temporary("restart-smoke");
    let past = Past::make(MILLION.reduced(), SMOKE_OPERATIONS, &directory);
    let started = past.start(|_| {});
    assert!(
        started.told.iter().any(|line| line.starts_with("snapshot: ")),
        "{:?}",
        started.told
    );
    remove(&directory);
}

fn temporary(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()))
}

/// What can not be removed stays in the build directory.
fn remove(directory: &Path) {
    let _ = fs::remove_dir_all(directory);
}

/// What it found, for the document; progress is printed.
fn measure(options: &Options, directory: &Path) -> String {
    let workload = options.workloads.first().copied().unwrap_or(MILLION);
    let mut text = format!(
        "{}\n\nCommand: `cargo bench -p benches --bench restart -- --operations {} --runs {} --write`\n\n",
        machine::line(),
        options.operations,
        options.runs
    );
    print!("{text}");
    let began = Instant::now();
    let past = Past::make(workload, options.operations, directory);
    println!("made in {} s", began.elapsed().as_secs());
    let mut tell = |line: String| {
        println!("{line}");
        let _ = writeln!(text, "- {line}");
    };
    tell(format!(
        "workload {}: {} open orders, {} commands behind the snapshot",
        workload.name,
        report::thousands(past.open_orders),
        report::thousands(u64::from(options.operations))
    ));
    tell(format!(
        "snapshot of {} bytes, copied in {}",
        report::thousands(past.snapshot_bytes),
        past.copied
    ));
    let (mut walls, mut cores) = (Vec::new(), Vec::new());
    for run in 1..=options.runs {
        let control = control();
        let started = past.start(|line| {
            if run == 1 && (line.starts_with("snapshot") || line.starts_with("journal")) {
                println!("  {line}");
            }
        });
        tell(format!(
            "run {run}: ready after {}; {CONTROL_STEPS} steps of a loop in {control}",
            started.took
        ));
        walls.push(started.took.wall.as_secs_f64());
        cores.push(started.took.cores.as_secs_f64());
    }
    tell(format!(
        "ready after {} s, {} s on cores: median (least-most)",
        Spread::of(walls),
        Spread::of(cores)
    ));
    text
}

/// Time by the clock, and time on a core: where others want the cores too, only the second says something.
struct Took {
    wall: Duration,
    cores: Duration,
}

impl Took {
    fn of<T>(work: impl FnOnce() -> T) -> (Self, T) {
        let (began, before) = (Instant::now(), on_cores());
        let result = work();
        let took = Self {
            wall: began.elapsed(),
            cores: on_cores().saturating_sub(before),
        };
        (took, result)
    }
}

impl std::fmt::Display for Took {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [wall, cores] = [self.wall, self.cores].map(|time| time.as_secs_f64());
        write!(f, "{wall:.2} s ({cores:.2} s on cores)")
    }
}

/// What all threads of this process have used of the cores; hundredths of seconds.
fn on_cores() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let behind_name = stat.rsplit(')').next().unwrap_or_default();
    let hundredths = behind_name.split_whitespace().skip(11).take(2);
    let sum: u64 = hundredths.filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(10 * sum)
}

/// A loop that needs nothing but a core.
fn control() -> Took {
    Took::of(spin).0
}

fn spin() {
    let mut value = 1_u64;
    for step in 0..CONTROL_STEPS {
        value = (value ^ (value << 13)).wrapping_add(step);
    }
    std::hint::black_box(value);
}

/// A data directory, and what it holds.
struct Past {
    config: Config,
    /// The last command that its snapshot knows.
    snapshot: u64,
    snapshot_bytes: u64,
    /// How long the replica was not to be changed for the snapshot.
    copied: Took,
    open_orders: u64,
    sequence: u64,
    state_hash: u64,
}

struct Started {
    took: Took,
    told: Vec<String>,
}

impl Past {
    fn make(workload: Workload, operations: u32, directory: &Path) -> Self {
        remove(directory);
        fs::create_dir_all(directory).expect("the build directory can be written");
        let text = configuration(&workload, directory);
        fs::write(directory.join("exchange.toml"), &text).expect("the build directory can be written");
        let config = Config::parse("exchange.toml", &text).unwrap_or_else(|error| panic!("{error}"));
        let data = &config.journal.directory;
        let running = assembly::start(&config).unwrap_or_else(|error| panic!("{error}"));
        running.stop().unwrap_or_else(|error| panic!("{error}"));
        let mut snapshots = SnapshotDirectory::new(data);
        for sequence in snapshots.list().expect("it is there") {
            snapshots.remove(sequence).expect("it is there");
        }

        let stream = workload.stream(operations);
        let mut writer = Writer::continued(&config);
        let setup = market::commands(workload.instruments, workload.accounts).len();
        for command in &stream.setup[setup..] {
            writer.write(command);
        }
        writer.finish();
        let origin = Origin {
            configuration_hash: config.configuration_hash(),
            day_ns: writer.day_ns,
        };
        let mut bytes = Vec::new();
        snapshot::build(&writer.replica, origin, false, &mut bytes);
        let (copied, snapshot) = Took::of(|| snapshot::build(&writer.replica, origin, false, &mut bytes));
        snapshot::seal(&mut bytes);
        snapshots.write(snapshot, &bytes).expect("there is room");
        for command in &stream.measured {
            writer.write(command);
        }
        writer.finish();
        let exchange = writer.replica.exchange();
        let accounts = (0..exchange.account_count()).filter_map(|account| exchange.account(account));
        Self {
            snapshot,
            snapshot_bytes: bytes.len() as u64,
            copied,
            open_orders: accounts.map(|account| u64::from(account.open_orders)).sum(),
            sequence: exchange.sequence(),
            state_hash: exchange.state_hash(),
            config,
        }
    }

    /// Starts on it, compares what came out, ends, and leaves it as it was.
    fn start(&self, mut tell: impl FnMut(&str)) -> Started {
        let data = &self.config.journal.directory;
        for entry in fs::read_dir(data).expect("it is there").flatten() {
            let file = File::open(entry.path()).expect("it can be read");
            file.sync_all()
                .and_then(|()| forget_cached(&file))
                .expect("a file");
        }
        let mut told = Vec::new();
        let (took, running) = Took::of(|| {
            assembly::start_telling(&self.config, |line| {
                tell(line);
                told.push(line.to_owned());
            })
        });
        let running = running.unwrap_or_else(|error| panic!("{error}"));
        let ended = running.stop().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            (ended.exchange.sequence(), ended.exchange.state_hash()),
            (self.sequence, self.state_hash),
            "a start finds what was"
        );
        let mut snapshots = SnapshotDirectory::new(data);
        for sequence in snapshots.list().expect("it is there") {
            if sequence != self.snapshot {
                snapshots.remove(sequence).expect("it is there");
            }
        }
        Started { took, told }
    }
}

/// Applies commands, and journals them as an exchange does.
struct Writer {
    replica: Replica,
    stage: JournalStage<FileDisk>,
    commands: Producer<Journaled>,
    day_ns: u64,
    time: u64,
}

impl Writer {
    fn continued(config: &Config) -> Self {
        let journal = &config.journal;
        let disk = FileDisk::open(&journal.directory, Backend::Auto, journal.segment_bytes);
        let mut disk = disk.unwrap_or_else(|error| panic!("{error}"));
        let finished = config.capacities.finished_orders as usize;
        let mut replica = Replica::new(config.capacities.limits, 0, finished);
        let recovered = journal::recover(
            &mut disk,
            ReadOptions::default(),
            |_| {},
            |command, _| {
                replica.replay(command, &mut Nobody);
                Ok::<_, JournalError>(())
            },
        );
        let recovered = recovered.unwrap_or_else(|error| panic!("{error}"));
        let day_ns = recovered.day_ns.expect("the setup is in it");
        let settings = Settings {
            durability: Durability::Async,
            frame_payload_bytes_max: journal.batch_bytes as usize,
            ..Settings::new(config.configuration_hash(), day_ns)
        };
        let (commands, from_commands) = RingBuffer::new(1 << 14);
        // Nobody is at the other end: what is written is applied here.
        let (replica_ring, _) = RingBuffer::new(1);
        let links = Links {
            commands: from_commands,
            replica: replica_ring,
            left_to_disk: Arc::default(),
            released: Arc::default(),
            low_space: Arc::default(),
            shutdown: Default::default(),
        };
        let stage = JournalStage::new(settings, Some(disk), &recovered, links);
        Self {
            time: replica.exchange().now(),
            replica,
            stage: stage.unwrap_or_else(|error| panic!("{error}")),
            commands,
            day_ns,
        }
    }

    fn write(&mut self, command: &Command) {
        self.time += STEP_NS;
        let command = Command {
            sequence: self.replica.applied() + 1,
            time: self.time,
            ..*command
        };
        let journaled = Journaled {
            command,
            events_hash_before: self.replica.events_hash().value(),
        };
        self.replica.replay(&command, &mut Nobody);
        while self.commands.is_full() {
            self.stage.poll();
        }
        assert!(self.commands.push(journaled).is_ok(), "there is room");
    }

    fn finish(&mut self) {
        assert!(self.stage.drain(), "the disk takes it");
    }
}

/// The market of all benches, as a configuration.
fn configuration(workload: &Workload, directory: &Path) -> String {
    let limits = workload.limits();
    let mut text = String::from("[[assets]]\nname = \"USD\"\ndecimals = 8\n");
    let mut add = |part: std::fmt::Arguments<'_>| text.write_fmt(part).expect("strings take everything");
    for locate in 1..=workload.instruments {
        add(format_args!(
            "[[assets]]\nname = \"B{locate:03}\"\ndecimals = 8\n"
        ));
    }
    for locate in 1..=workload.instruments {
        add(format_args!(
            r#"[[instruments]]
symbol = "B{locate:03}-USD"
base = "B{locate:03}"
quote = "USD"
tick_size = "0.01"
lot_size = "0.0001"
reference_price = "60000"
max_quantity = 1000000
max_notional = "100000000"
fat_finger = "20000000"
collar = "10%"
maker_fee = "-0.005%"
taker_fee = "0.02%"
"#
        ));
    }
    for account in 0..workload.accounts {
        let bases: Vec<_> = (1..=workload.instruments)
            .map(|locate| format!("B{locate:03} = \"1000000000000000\""))
            .collect();
        add(format_args!(
            r#"[[accounts]]
name = "account_{account}"
firm = "BNCH"
max_open_orders = 1000000
max_quantity = 1000000
max_rate = 1000000
max_burst = 10000
self_match = "cancel-oldest"
sessions = [{{ username = "S{account:05}", password = "bench" }}]
deposits = {{ USD = "1000000000000000", {} }}
"#,
            bases.join(", ")
        ));
    }
    add(format_args!(
        r#"[network]
order_entry_udp = "127.0.0.1:0"
order_entry_tcp = "127.0.0.1:0"
recovery_tcp = "127.0.0.1:0"
snapshot_tcp = "127.0.0.1:0"
retransmission_udp = "127.0.0.1:0"
line_a = "239.192.0.1:0"
line_b = "off"

[capacities]
assets = {}
instruments = {}
accounts = {}
sessions = {}
orders = {}
levels = {}

[journal]
directory = "{}"
"#,
        limits.assets,
        limits.instruments,
        limits.accounts,
        limits.sessions,
        limits.orders,
        limits.levels,
        directory.join("data").display()
    ));
    text
}
