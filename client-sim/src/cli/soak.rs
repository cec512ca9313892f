//! `client-sim soak`: a load for hours, cut into windows, and whether its end is as its beginning: latency, rate, memory of
//! the exchange and of this program.

pub(crate) mod drift;
pub(crate) mod window;

use std::io::{self, Write};
use std::time::Duration;

use clap::Args;

use super::arguments;
use super::load::recorder::Windows;
use super::load::{self, Files, LoadArguments};
use drift::{Bounds, Drift};
use window::WindowSink;

/// Sends a load for a long time, and tells whether anything drifts.
#[derive(Debug, Args)]
pub struct SoakArguments {
    /// The load; `--for` says how long.
    #[command(flatten)]
    pub load: LoadArguments,
    /// How long a window is.
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = arguments::duration)]
    pub each: Duration,
    /// The exchange's process, whose memory is looked at.
    #[arg(long, value_name = "PROCESS")]
    pub pid: Option<u32>,
    /// How many times the first windows' latency (p50 and p99 of orders) the last windows' may be.
    #[arg(long, value_name = "RATIO", default_value_t = 1.5)]
    pub latency_drift: f64,
    /// How many times the first windows' memory the last windows' may be.
    #[arg(long, value_name = "RATIO", default_value_t = 1.1)]
    pub memory_drift: f64,
}

/// Runs the soak. True when every check of the load passed and nothing drifted.
pub fn run(arguments: &SoakArguments) -> Result<bool, String> {
    let whole = arguments.load.duration.as_secs_f64() / arguments.each.as_secs_f64();
    if whole < drift::WINDOWS_MIN as f64 {
        return Err(format!(
            "a drift shows in {} windows or more: make --for longer or --each shorter",
            drift::WINDOWS_MIN
        ));
    }
    let sink = WindowSink::new(arguments.pid, arguments.load.json)?;
    let windows = Windows {
        length: arguments.each,
        sink,
    };
    let files = arguments.load.out.as_deref().map(Files::create).transpose()?;
    let outcome = load::execute(&arguments.load, files.as_ref(), Some(windows))?;
    if let Some(files) = &files {
        files.write(&arguments.load, &outcome)?;
    }
    let bounds = Bounds {
        latency: arguments.latency_drift,
        memory: arguments.memory_drift,
    };
    let drift = Drift::of(&outcome.recorded.windows, bounds);
    let mut out = io::stdout().lock();
    if arguments.load.json {
        let mut json = outcome.json();
        json["drift"] = drift.json();
        writeln!(out, "{json}")
    } else {
        write!(out, "{outcome}{drift}")
    }
    .map_err(|error| format!("cannot write the report: {error}"))?;
    Ok(outcome.passed() && drift.is_none())
}
