//! `client-sim demo`: one process embeds an exchange on loopback, lets customers trade on it, follows its market data,
//! and checks all of it at the end.
//!
//! Three parts: the exchange on its own threads, the floor (customers and subscribers) on one thread, and the display
//! on the caller's.

mod checks;
mod dashboard;
mod directory;
mod floor;
mod late;
mod lines;
mod snapshot;
mod ticker_check;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use clap::{Args, ValueEnum};
use engine::assembly::{self, Running};
use engine::config::{Config, Durability};
use serde_json::{Value, json};

use crate::cli::arguments::{self, Rate};
use crate::pacer::Arrivals;
use checks::Checks;
pub use checks::equal_books;
use directory::DataDirectory;
use feed_handler::interrupt::Interrupt;
use floor::{Floor, FloorPlan};
use snapshot::Snapshot;

/// Time between two looks of a display.
const REFRESH: Duration = Duration::from_millis(100);
/// How long a demo runs that nobody watches, unless said otherwise.
const UNWATCHED: Duration = Duration::from_secs(10);

/// An exchange, its customers and a subscriber in one process, and a live view of them.
#[derive(Debug, Clone, Args)]
pub struct DemoArguments {
    /// How long to trade; until `q` or Ctrl-C in a terminal, else 10 seconds.
    #[arg(long = "for", value_parser = arguments::duration)]
    pub duration: Option<Duration>,
    /// Orders a second, such as 5000 or 20k, or `max`.
    #[arg(long, default_value = "5000")]
    pub rate: Rate,
    /// How orders are spread over the time.
    #[arg(long, value_enum, default_value_t = Arrivals::Even)]
    pub arrivals: Arrivals,
    /// Seed of everything that looks random.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// When an acknowledgement may leave.
    #[arg(long, value_enum, default_value_t = DurabilityChoice::Sync)]
    pub durability: DurabilityChoice,
    /// Keeps the exchange's data in this directory (and goes on with what is there); a temporary one otherwise.
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// Share of market-data packets lost on purpose on each of the lines A and B, in percent.
    #[arg(long, default_value_t = 5.0, value_parser = crate::cli::load::percent)]
    pub loss: f64,
    /// Share of order datagrams lost on purpose in each direction, in percent.
    #[arg(long, default_value_t = 0.2, value_parser = crate::cli::load::percent)]
    pub order_loss: f64,
    /// One JSON object a line; the last has the figures of the whole run.
    #[arg(long)]
    pub json: bool,
    /// A line a second instead of the live view.
    #[arg(long)]
    pub plain: bool,
}

/// The configuration's word for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DurabilityChoice {
    /// Once it is on disk.
    Sync,
    /// Once it is handed to the kernel.
    Async,
    /// At once; nothing is kept.
    None,
}

impl DurabilityChoice {
    fn name(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Async => "async",
            Self::None => "none",
        }
    }

    fn of_engine(self) -> Durability {
        match self {
            Self::Sync => Durability::Sync,
            Self::Async => Durability::Async,
            Self::None => Durability::None,
        }
    }
}

/// Runs the demo. True when every check passed.
pub fn run(arguments: &DemoArguments) -> Result<bool, String> {
    let interrupt = Interrupt::listen().map_err(|error| format!("cannot listen to signals: {error}"))?;
    let directory = DataDirectory::choose(arguments.data.clone())?;
    let told = Arc::new(Mutex::new(Vec::new()));
    let running = start(arguments, &directory, &told)?;
    let result = trade(arguments, running, &interrupt);
    directory.remove()?;
    let (report, checks, floor) = result?;
    let passed = checks.all();
    let mut out = io::stdout().lock();
    let written = if arguments.json {
        writeln!(
            out,
            "{}",
            Value::Object(summary(arguments, &report, &checks, &floor))
        )
    } else {
        write!(out, "\n{report}{floor}{checks}")
    };
    written
        .and_then(|()| out.flush())
        .map_err(|error| format!("cannot write the summary: {error}"))?;
    Ok(passed)
}

/// Starts an exchange that disturbs nobody: every port is one that is free.
fn start(
    arguments: &DemoArguments,
    directory: &DataDirectory,
    told: &Arc<Mutex<Vec<String>>>,
) -> Result<Running, String> {
    let mut config = Config::built_in();
    config.network.use_free_ports();
    config.journal.durability = arguments.durability.of_engine();
    config.journal.directory = directory.path().to_owned();
    let show = !arguments.json;
    assembly::start_telling(&config, |line| {
        if show {
            eprintln!("{line}");
        }
        told.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line.to_owned());
    })
    .map_err(|error| format!("the exchange does not start: {error}"))
}

type Outcome = (crate::report::Report, Checks, floor::Figures);

/// Lets the customers trade, shows them, stops the exchange, compares.
fn trade(arguments: &DemoArguments, running: Running, interrupt: &Interrupt) -> Result<Outcome, String> {
    let is_watched = io::stdout().is_terminal() && !arguments.json;
    let duration = arguments.duration.or((!is_watched).then_some(UNWATCHED));
    let snapshot = Arc::new(Mutex::new(Snapshot::default()));
    let plan = FloorPlan {
        addresses: running.addresses(),
        rate: arguments.rate,
        arrivals: arguments.arrivals,
        seed: arguments.seed,
        duration,
        feed_loss: arguments.loss / 100.0,
        order_loss_per_million: crate::cli::load::millionths(arguments.order_loss),
    };
    let floor = Floor::open(&plan, Arc::clone(&snapshot), interrupt.clone())?;
    let trading = thread::Builder::new()
        .name("floor".to_owned())
        .spawn(move || floor.run())
        .map_err(|error| format!("cannot start a thread: {error}"))?;
    let display = || {
        if arguments.json {
            lines::show_json(&snapshot, || trading.is_finished())
        } else if is_watched && !arguments.plain {
            let about = format!(
                "durability {}, rate {}",
                arguments.durability.name(),
                match arguments.rate {
                    Rate::Max => "max".to_owned(),
                    Rate::PerSecond(rate) => format!("{rate}/s"),
                }
            );
            dashboard::show(&snapshot, interrupt, &about, || trading.is_finished())
        } else {
            lines::show_text(&snapshot, || trading.is_finished())
        }
    };
    let shown = display();
    if shown.is_err() {
        // Nobody sees it any more: it ends in order, and the reason is told.
        interrupt.ask();
    }
    let ended = trading.join().map_err(|_| "the floor's thread failed".to_owned());
    let finished = running.stop();
    let mut floor = ended??;
    shown.map_err(|error| format!("cannot write: {error}"))?;
    let last = finished.map_err(|error| format!("the exchange failed: {error}"))?;
    let report = floor.report();
    let checks = Checks::new(&report, &floor, &last);
    Ok((report, checks, floor.figures()))
}

/// The object that `--json` ends with.
fn summary(
    arguments: &DemoArguments,
    report: &crate::report::Report,
    checks: &Checks,
    floor: &floor::Figures,
) -> serde_json::Map<String, Value> {
    let mut members = report.members();
    members.insert("durability".to_owned(), json!(arguments.durability.name()));
    members.insert("seed".to_owned(), json!(arguments.seed));
    members.insert("feed_latency_ns".to_owned(), report.feed_latency.json());
    for (name, value) in floor.members() {
        members.insert(name.to_owned(), value);
    }
    members.insert("checks".to_owned(), checks.json());
    members.insert("complaints".to_owned(), json!(checks.complaints()));
    members
}
