//! How fast a start is: commands applied again a second, and what saving and loading a state costs for each order.
//!
//! The commands are in memory; reading them from disk with their checksums costs about 30 ns each on top
//! (`exchange replay` measures with it). *Plain* applies one command after the other, *ahead* has six in line while what
//! they touch is fetched, *start* is what a start does: the line, the encoder, the store, the finished orders.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use benches::{Mode, Options, Spread, Stream, Workload, machine, report, workload};
use engine::ahead::Ahead;
use engine::exchange::Exchange;
use engine::exchange::snapshot::Input;
use engine::recovery::{RecoveryConfig, Start};
use engine::replay::{Nobody, Replay};

/// Operations of the smoke test.
const SMOKE_OPERATIONS: u32 = 20_000;

fn main() -> ExitCode {
    Mode::run(smoke, |options| {
        measure(options);
        Ok(())
    })
}

fn smoke() {
    for workload in workload::WORKLOADS.map(Workload::reduced) {
        let stream = workload.stream(SMOKE_OPERATIONS);
        let run = Run::of(&stream);
        assert!(
            run.hashes.iter().all(|&hash| hash == stream.state_hash),
            "{}",
            workload.name
        );
    }
}

/// One run over a stream: times of the measured commands, and of the state behind them.
struct Run {
    plain: Duration,
    ahead: Duration,
    start: Duration,
    save: Duration,
    load: Duration,
    orders: u64,
    bytes: usize,
    /// The state's, found in each way.
    hashes: [u64; 4],
}

impl Run {
    fn of(stream: &Stream) -> Self {
        let limits = stream.workload.limits();
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

        let config = RecoveryConfig {
            store_bytes: 64 << 20,
            finished_orders: 64,
            ..RecoveryConfig::new(limits)
        };
        let mut start = Start::empty(&config);
        for command in &stream.setup {
            start.replay(command);
        }
        let began = Instant::now();
        for command in &stream.measured {
            if let Some(foreseen) = line.pass(start.replica.exchange(), *command, None) {
                start.replay_foreseen(&foreseen);
            }
        }
        while let Some(foreseen) = line.pop() {
            start.replay_foreseen(&foreseen);
        }
        let start_time = began.elapsed();

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
            plain: plain_time,
            ahead: ahead_time,
            start: start_time,
            save,
            load,
            orders: orders.map(|account| u64::from(account.open_orders)).sum(),
            bytes: bytes.len(),
            hashes: [
                plain.exchange.state_hash(),
                exchange.state_hash(),
                start.replica.exchange().state_hash(),
                loaded.state_hash(),
            ],
        }
    }
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

fn measure(options: &Options) {
    println!("{}", machine::line());
    println!(
        "{} operations, {} runs: median (least-most)",
        report::thousands(u64::from(options.operations)),
        options.runs
    );
    println!(
        "million commands a second; then the state behind them: milliseconds, the empty tables included"
    );
    println!(
        "{:<9}{:<20}{:<20}{:<20}{:<14}{:<18}{:<18}bytes",
        "", "plain", "ahead", "start", "open orders", "save ms", "load ms"
    );
    for workload in options.workloads_or_all() {
        let stream = workload.stream(options.operations);
        let runs: Vec<Run> = (0..options.runs).map(|_| Run::of(&stream)).collect();
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
        println!(
            "{:<9}{:<20}{:<20}{:<20}{:<14}{:<18}{:<18}{}{}",
            workload.name,
            rate(|run| run.plain),
            rate(|run| run.ahead),
            rate(|run| run.start),
            runs[0].orders,
            milliseconds(|run| run.save),
            milliseconds(|run| run.load),
            runs[0].bytes,
            if right { "" } else { "  ANOTHER STATE" }
        );
    }
}
