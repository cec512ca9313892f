//! `client-sim compare`: two reports of `load` side by side, with the ratio of the second to the first.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value, json};

use super::load::REPORT;
use crate::latency::{Kind, Nanoseconds};

/// Compares two runs of `load`.
#[derive(Debug, Args)]
pub struct CompareArguments {
    /// The first run: what `--json` printed, or a directory of `--out`.
    pub first: PathBuf,
    /// The second run.
    pub second: PathBuf,
    /// Fails (exit code 1) when the second run's p99 of any kind is more than this many times the first's.
    #[arg(long, value_name = "RATIO", value_parser = ratio)]
    pub fail_above: Option<f64>,
    /// One JSON object instead of a table.
    #[arg(long)]
    pub json: bool,
}

fn ratio(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|ratio: &f64| ratio.is_finite() && *ratio > 0.0)
        .ok_or_else(|| "a ratio such as 1.2".to_owned())
}

/// The figures of a latency, by their names in the report and for people.
const FIGURES: [(&str, &str); 7] = [
    ("mean", "mean"),
    ("p50", "p50"),
    ("p90", "p90"),
    ("p99", "p99"),
    ("p999", "p99.9"),
    ("p9999", "p99.99"),
    ("max", "max"),
];

/// Compares. True unless a ratio is above the one that was said.
pub fn run(arguments: &CompareArguments) -> Result<bool, String> {
    let comparison = Comparison::new(&read(&arguments.first)?, &read(&arguments.second)?)?;
    let mut out = io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", comparison.json())
    } else {
        write!(out, "{}", comparison.text())
    }
    .map_err(|error| format!("cannot write: {error}"))?;
    let most = arguments.fail_above.unwrap_or(f64::INFINITY);
    let mut is_good = true;
    for line in comparison.lines.iter().filter(|line| line.name.ends_with(" p99")) {
        if line.ratio().is_some_and(|ratio| ratio > most) {
            eprintln!("{} is more than {most} times the first run's", line.name);
            is_good = false;
        }
    }
    Ok(is_good)
}

/// The last object of a file, or of the report in a directory.
fn read(path: &Path) -> Result<Value, String> {
    let path = if path.is_dir() {
        path.join(REPORT)
    } else {
        path.to_owned()
    };
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    // A report is one object; a file that a soak or a demo wrote has an object on each line.
    serde_json::from_str(&text)
        .or_else(|error| {
            let last = text.lines().rev().find(|line| !line.trim().is_empty());
            last.map_or(Err(error), serde_json::from_str)
        })
        .map_err(|error| format!("{}: not a report of `load --json`: {error}", path.display()))
}

struct Line {
    name: String,
    first: Option<f64>,
    second: Option<f64>,
    is_time: bool,
}

impl Line {
    fn ratio(&self) -> Option<f64> {
        let (first, second) = (self.first?, self.second?);
        (first > 0.0).then(|| second / first)
    }
}

struct Comparison {
    lines: Vec<Line>,
}

impl Comparison {
    fn new(first: &Value, second: &Value) -> Result<Self, String> {
        let mut lines = Vec::new();
        let mut put = |name: String, is_time, of: &dyn Fn(&Value) -> Option<f64>| {
            let (first, second) = (of(first), of(second));
            if first.is_some() || second.is_some() {
                lines.push(Line {
                    name,
                    first,
                    second,
                    is_time,
                });
            }
        };
        for (name, member) in [
            ("orders/s answered", "orders_per_second"),
            ("executions", "executions"),
            ("requests refused", "requests_refused"),
            ("sent again", "order_resends"),
        ] {
            put(name.to_owned(), false, &|report| report[member].as_f64());
        }
        for kind in Kind::ALL {
            for (member, name) in FIGURES {
                put(format!("{} {name}", kind.name()), true, &|report| {
                    report["latency_ns"][kind.name()][member].as_f64()
                });
            }
        }
        if !lines.iter().any(|line| line.is_time) {
            return Err("neither report has latencies (`latency_ns`): was it written by `load`?".to_owned());
        }
        Ok(Self { lines })
    }

    fn text(&self) -> String {
        let mut text = format!("{:<22} {:>12} {:>12} {:>8}\n", "", "first", "second", "ratio");
        for line in &self.lines {
            let shown = |value: Option<f64>| match value {
                None => "none".to_owned(),
                Some(ns) if line.is_time => Nanoseconds(ns as u64).to_string(),
                Some(number) => format!("{number:.0}"),
            };
            let ratio = line
                .ratio()
                .map_or_else(String::new, |ratio| format!("{ratio:.2}"));
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                "{:<22} {:>12} {:>12} {ratio:>8}",
                line.name,
                shown(line.first),
                shown(line.second)
            );
        }
        text
    }

    fn json(&self) -> Value {
        let members: Map<String, Value> = self
            .lines
            .iter()
            .map(|line| {
                let values = json!({ "first": line.first, "second": line.second, "ratio": line.ratio() });
                (line.name.clone(), values)
            })
            .collect();
        Value::Object(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_of_the_second_to_the_first() {
        let report = |p50: u64, rate: f64| json!({ "orders_per_second": rate, "latency_ns": { "order-ack": { "p50": p50, "p99": 4 * p50 } } });
        let comparison =
            Comparison::new(&report(1_000, 10.0), &report(1_500, 5.0)).expect("both have latencies");
        assert_eq!(comparison.json()["order-ack p99"]["ratio"], 1.5);
        assert_eq!(comparison.json()["orders/s answered"]["ratio"], 0.5);
        let text = comparison.text();
        assert!(
            text.contains("order-ack p50") && text.contains("1.50") && !text.contains("cancel-ack"),
            "{text}"
        );
        assert!(Comparison::new(&json!({}), &json!([])).is_err());
    }

    #[test]
    fn a_kind_that_only_one_run_has_is_shown_without_ratio() {
        let one = json!({ "latency_ns": { "order-ack": { "p50": 5 } } });
        let both = json!({ "latency_ns": { "order-ack": { "p50": 5 }, "order-feed": { "p50": 9 } } });
        let comparison = Comparison::new(&one, &both).expect("both have latencies");
        assert_eq!(comparison.json()["order-feed p50"]["ratio"], Value::Null);
        assert!(comparison.text().contains("none"));
    }
}
