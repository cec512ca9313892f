//! The files of `--out`: the report for people and for programs, the log, the drawing.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::json;

use super::{LoadArguments, Outcome};
use crate::cli::arguments::Rate;
use crate::latency::log::IntervalLog;
use crate::latency::plot;

/// The report's name in the directory.
pub(crate) const REPORT: &str = "report.json";

/// A directory for them.
#[derive(Debug)]
pub(crate) struct Files {
    directory: PathBuf,
}

impl Files {
    /// Makes the directory where it is missing.
    pub(crate) fn create(directory: &Path) -> Result<Self, String> {
        fs::create_dir_all(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
        Ok(Self {
            directory: directory.to_owned(),
        })
    }

    /// Begins the log.
    pub(crate) fn log(&self) -> Result<IntervalLog<File>, String> {
        let path = self.directory.join("latency.hlog");
        let told = |error| format!("{}: {error}", path.display());
        let file = File::create(&path).map_err(told)?;
        let comment = "client-sim load: nanoseconds; a tag for each kind of message";
        IntervalLog::begin(file, comment, SystemTime::now()).map_err(told)
    }

    /// Writes the others.
    pub(crate) fn write(&self, arguments: &LoadArguments, outcome: &Outcome) -> Result<(), String> {
        let put = |name: &str, text: String| {
            let path = self.directory.join(name);
            fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
        };
        let rate = match arguments.rate {
            Rate::Max => "max".to_owned(),
            Rate::PerSecond(rate) => rate.to_string(),
        };
        let mut report = outcome.json();
        report["settings"] = json!({
            "rate": rate,
            "seconds": arguments.duration.as_secs_f64(),
            "warm_up_seconds": arguments.warm_up.map_or(0.0, |time| time.as_secs_f64()),
            "sessions": arguments.participants().len(),
            "orders_per_datagram": arguments.orders_per_datagram,
            "seed": arguments.seed,
            "tcp": arguments.tcp,
        });
        put(REPORT, format!("{report:#}\n"))?;
        put("report.txt", outcome.to_string())?;
        let title = format!(
            "rate {rate}, up to {} orders a datagram: {:.0} orders/s answered",
            arguments.orders_per_datagram,
            outcome.report.orders_per_second()
        );
        put("latency.svg", plot::percentiles(&title, &outcome.report.kinds))
    }
}
