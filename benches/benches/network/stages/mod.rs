//! What each stage of the whole path costs, measured by itself: the real stages on one thread, one after the other, with
//! batches of the size that a busy exchange has. What is measured alone costs less than in the crowd: caches are its own.
//!
//! Where a stage does several things, those that can be done alone are measured alone, and the rest is what is left of the
//! stage's turn.

mod ingress;
mod kernel;
mod output;
mod traffic;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use benches::document::Table;
use benches::{Spread, Stream, replay};
use engine::ahead::{Ahead, Foreseen};
use engine::exchange::command::Command;
use engine::exchange::event::Event;
use engine::exchange::{Exchange, Progress};
use engine::journal::{self, Backend, FileDisk, JournalStage, ReadOptions, Recovered};
use engine::runtime::Stage;
use engine::runtime::links::{Cell as RingCell, Journaled, write_step};
use engine::runtime::shutdown::Shutdown;
use protocol::order_entry::OrderDatagram;

use crate::load::SESSIONS;
use ingress::{Engine, engine};
use output::{encode, output};
use traffic::{Traffic, WORKLOAD};

/// Datagrams of a turn: what the engine takes at once.
const DATAGRAMS_PER_TURN: usize = 64;
/// Room in the rings between the stages.
const RING: usize = 1 << 18;
/// Bytes that a sink of acknowledgements sends at once at most, in datagrams.
const BURST: usize = 44;
/// Bytes of a datagram at most, as configured.
const DATAGRAM_BYTES: usize = 1_472;

/// Nanoseconds an order.
#[derive(Debug, Clone, Copy)]
struct Costs {
    rows: [f64; ROWS.len()],
}

/// What is measured, and what the budget for 1,000,000 orders/s on two cores allows for it.
const ROWS: [(&str, &str); 13] = [
    (
        "load: orders through the kernel, sending",
        "network, all of it: 85-165",
    ),
    ("receive: the exchange's source", ""),
    ("decode", "session and sequence: 30"),
    ("session, door, number, look ahead", ""),
    ("apply: checks, ledger, book, events", "83-170"),
    ("rings to output and journal", "150"),
    ("journal: copy, without a disk", "40"),
    ("journal: copy, checksum, hand to the disk (instead)", ""),
    ("encode", "60"),
    ("window, packing, rest of the output's turn", "30"),
    ("send: acknowledgements", ""),
    ("send: market data on two lines", ""),
    ("recovery: replica, store, views", "100-150"),
];

/// The table for 28 orders and for one order a datagram.
pub(crate) fn measure(runs: u32) -> Result<String, String> {
    let mut table = Table::new(&[
        "ns an order",
        "28 orders a datagram",
        "1 order a datagram",
        "budget",
    ]);
    let stream = WORKLOAD.stream(200_000);
    let mut columns = Vec::new();
    for size in [28, 1] {
        let mut rows = [const { Vec::new() }; ROWS.len()];
        for run in 1..=runs {
            let costs = costs(&stream, size)?;
            for (row, cost) in rows.iter_mut().zip(costs.rows) {
                row.push(cost);
            }
            eprintln!("stages, {size} orders a datagram: run {run} of {runs}");
        }
        columns.push(rows.map(Spread::of));
    }
    let shown = |spread: &Spread| format!("{:.0} ({:.0}-{:.0})", spread.median, spread.least, spread.most);
    for (index, (name, budget)) in ROWS.iter().enumerate() {
        table.row([
            (*name).to_owned(),
            shown(&columns[0][index]),
            shown(&columns[1][index]),
            (*budget).to_owned(),
        ]);
    }
    let sum = |column: &[Spread; ROWS.len()]| -> String {
        let all: f64 = column.iter().map(|spread| spread.median).sum();
        format!("{:.0}", all - column[JOURNAL_TO_DISK].median)
    };
    table.row([
        "sum, without a disk".to_owned(),
        sum(&columns[0]),
        sum(&columns[1]),
        String::new(),
    ]);
    Ok(format!(
        "### Cost of each stage\n\n{table}\nMedians of {runs} runs (least-most) of {} orders in turns of {DATAGRAMS_PER_TURN} datagrams, {SESSIONS} sessions, {} instruments, {} resting orders. The stages are the real ones, each alone on a thread; the budget is for 1,000,000 orders/s on two cores.\n",
        stream.measured.len(),
        WORKLOAD.instruments,
        WORKLOAD.live,
    ))
}

/// A small run: everything comes through.
pub(crate) fn smoke() {
    let stream = WORKLOAD.reduced().stream(3_000);
    let costs = costs(&stream, 28).expect("all stages work");
    assert!(costs.rows.iter().all(|cost| cost.is_finite()), "{costs:?}");
}

const JOURNAL_TO_DISK: usize = 7;

fn costs(stream: &Stream, size: usize) -> Result<Costs, String> {
    let told = |error: std::io::Error| error.to_string();
    let traffic = Traffic::of(stream, size);
    let engine = engine(stream, &traffic);
    let decode = decode(&traffic);
    let (apply, steps) = apply(stream, &engine);
    let ring = rings(&steps, &engine);
    let copied = journal(stream, &engine, None)?;
    let directory = std::env::temp_dir().join(format!("exchange-stages-{}", std::process::id()));
    let disk = FileDisk::open(&directory, Backend::Auto, 64 << 20).map_err(|error| error.to_string())?;
    let kept = journal(stream, &engine, Some(disk));
    std::fs::remove_dir_all(&directory).map_err(told)?;
    let encode = encode(stream, &steps);
    let out = output(stream, &engine);
    let (send_orders, receive) = kernel::orders(&traffic).map_err(told)?;
    let (acknowledge, _) = kernel::acknowledgements(&out.acknowledgements).map_err(told)?;
    let (tell, _) = kernel::market_data(&out.market_data).map_err(told)?;
    let each = |time: Duration| time.as_nanos() as f64 / traffic.orders as f64;
    let rest =
        |whole: Duration, parts: &[Duration]| each(whole) - parts.iter().map(|part| each(*part)).sum::<f64>();
    Ok(Costs {
        rows: [
            each(send_orders),
            each(receive),
            each(decode),
            rest(engine.time, &[decode, apply, ring]),
            each(apply),
            each(ring),
            each(copied),
            each(kept?),
            each(encode),
            rest(out.time, &[encode]),
            each(acknowledge),
            each(tell),
            each(out.recovery),
        ],
    })
}

fn decode(traffic: &Traffic) -> Duration {
    let began = Instant::now();
    for bytes in traffic.datagrams() {
        let datagram = OrderDatagram::parse(bytes).expect("all are well formed");
        for request in datagram.requests() {
            std::hint::black_box(&request);
        }
    }
    began.elapsed()
}

/// Commands' steps with their events.
struct Steps {
    steps: Vec<(Command, usize)>,
    events: Vec<Event>,
}

impl Steps {
    fn iter(&self) -> impl Iterator<Item = (&Command, &[Event])> {
        let mut begin = 0;
        self.steps.iter().map(move |(command, end)| {
            let events = &self.events[begin..*end];
            begin = *end;
            (command, events)
        })
    }
}

/// The commands once more, on an exchange alone: looked at ahead as the engine does.
fn apply(stream: &Stream, engine: &Engine) -> (Duration, Steps) {
    let commands = || {
        engine
            .turns
            .iter()
            .flat_map(|(journaled, _)| journaled)
            .map(|journaled| journaled.command)
    };
    let mut exchange = replay::prepared(stream);
    let (mut ahead, mut events) = (Ahead::short(), Vec::new());
    let began = Instant::now();
    let mut take = |exchange: &mut Exchange, next: &Foreseen<()>| {
        events.clear();
        replay::apply_foreseen(exchange, &next.command, &next.outlook, &mut events);
    };
    for command in commands() {
        if let Some(next) = ahead.pass(&exchange, command, ()) {
            take(&mut exchange, &next);
        }
    }
    while let Some(next) = ahead.pop() {
        take(&mut exchange, &next);
    }
    let time = began.elapsed();

    let mut exchange = replay::prepared(stream);
    let mut steps = Steps {
        steps: Vec::new(),
        events: Vec::new(),
    };
    for command in commands() {
        let mut progress = exchange.apply(&command, &mut steps.events);
        steps.steps.push((command, steps.events.len()));
        while progress == Progress::More {
            progress = exchange.resume(&mut steps.events);
            steps.steps.push((command, steps.events.len()));
        }
    }
    (time, steps)
}

/// What the engine puts into its rings, and nothing else.
fn rings(steps: &Steps, engine: &Engine) -> Duration {
    let (mut output, mut cells_from) = rtrb::RingBuffer::<RingCell>::new(RING);
    let (mut journal, mut commands_from) = rtrb::RingBuffer::<Journaled>::new(RING);
    let mut cells = Vec::with_capacity(RING);
    let mut time = Duration::ZERO;
    let mut steps = steps.iter();
    for (journaled, _) in &engine.turns {
        let began = Instant::now();
        for command in journaled {
            journal.push(*command).expect("it has room");
        }
        for (command, events) in steps.by_ref().take(journaled.len()) {
            write_step(&mut cells, command, true, events);
        }
        output.push_entire_slice(&cells).expect("it has room");
        time += began.elapsed();
        cells.clear();
        while cells_from.pop().is_ok() {}
        while commands_from.pop().is_ok() {}
    }
    time
}

/// The journal stage's turns with work; it waits for the disk in others.
fn journal(stream: &Stream, engine: &Engine, mut disk: Option<FileDisk>) -> Result<Duration, String> {
    let recovered = match &mut disk {
        Some(disk) => journal::recover(
            disk,
            ReadOptions::default(),
            |_| {},
            |_, _| Ok::<_, journal::JournalError>(()),
        )
        .map_err(|error| error.to_string())?,
        None => Recovered::default(),
    };
    let (mut commands_to, commands) = rtrb::RingBuffer::new(RING);
    let (replica, mut replica_from) = rtrb::RingBuffer::new(RING);
    let released = Arc::default();
    let links = journal::Links {
        commands,
        replica,
        left_to_disk: Arc::default(),
        released: Arc::clone(&released),
        low_space: Arc::default(),
        shutdown: Shutdown::default(),
    };
    let settings = journal::Settings {
        durability: match disk {
            Some(_) => journal::Durability::Sync,
            None => journal::Durability::None,
        },
        ..journal::Settings::new(1, 0)
    };
    let mut stage =
        JournalStage::new(settings, disk, &recovered, links).map_err(|error| error.to_string())?;
    let mut write = |turn: &mut dyn Iterator<Item = Journaled>| {
        let mut time = Duration::ZERO;
        for journaled in turn {
            commands_to.push(journaled).expect("it has room");
        }
        while !stage.is_drained() {
            let began = Instant::now();
            if stage.poll() > 0 {
                time += began.elapsed();
            } else {
                std::thread::yield_now();
            }
            while replica_from.pop().is_ok() {}
        }
        time
    };
    let events_hash_before = 0;
    for setup in stream.setup.chunks(1_000) {
        write(&mut setup.iter().map(|&command| Journaled {
            command,
            events_hash_before,
        }));
    }
    let times = engine
        .turns
        .iter()
        .map(|(journaled, _)| write(&mut journaled.iter().copied()));
    let time = times.sum();
    let all: usize = engine.turns.iter().map(|(journaled, _)| journaled.len()).sum();
    let last: &AtomicU64 = &released;
    assert_eq!(
        last.load(Ordering::Acquire),
        (stream.setup.len() + all) as u64,
        "all are released"
    );
    Ok(time)
}
