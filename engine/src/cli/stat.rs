//! `exchange stat`: what a running exchange counts, with rates from two readings.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::thread;
use std::time::Duration;

use engine::admin::Request;
use engine::runtime::histogram::{percentile, since};
use engine::stat::{Number, Stat, Took};
use serde::Serialize;

use super::socket::{Socket, SocketArgument};
use super::{Failure, print};

/// Percentiles that are told: name, and parts of a million.
const PERCENTILES: [(&str, u64); 4] = [
    ("p50", 500_000),
    ("p90", 900_000),
    ("p99", 990_000),
    ("p999", 999_000),
];
/// Puts the cursor to the top and clears what is below.
const CLEAR: &str = "\x1b[H\x1b[J";

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    socket: SocketArgument,
    /// Show it again and again, until interrupted.
    #[arg(long)]
    watch: bool,
    /// Seconds between the two readings that rates are reckoned from.
    #[arg(long, value_name = "SECONDS", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    interval: u64,
    /// Counters that are zero as well.
    #[arg(long)]
    all: bool,
    /// An object a line, for programs.
    #[arg(long)]
    json: bool,
}

/// What `--json` says.
#[derive(Debug, Serialize)]
struct Reading<'a> {
    /// Between the readings.
    seconds: f64,
    /// Of each counter a second, by group and label.
    per_second: BTreeMap<&'a str, BTreeMap<&'a str, f64>>,
    /// Between the readings, nanoseconds.
    percentiles_ns: BTreeMap<&'a str, BTreeMap<&'static str, u64>>,
    /// Mean batches.
    batches: BTreeMap<&'static str, f64>,
    #[serde(flatten)]
    stat: &'a Stat,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut socket = arguments.socket.connect()?;
    let mut before = read(&mut socket)?;
    loop {
        thread::sleep(Duration::from_secs(arguments.interval));
        let now = read(&mut socket)?;
        let seconds = (now.at_ns.saturating_sub(before.at_ns) as f64 / 1e9).max(1e-9);
        let text = if arguments.json {
            let json = serde_json::to_string(&reading(&now, &before, seconds));
            json.map_err(|error| Failure::Ended(error.to_string()))? + "\n"
        } else {
            let text = words(&now, &before, seconds, arguments.all);
            if arguments.watch {
                format!("{CLEAR}{text}")
            } else {
                text
            }
        };
        print(&text)?;
        if !arguments.watch {
            return Ok(());
        }
        before = now;
    }
}

fn read(socket: &mut Socket) -> Result<Stat, Failure> {
    let answer = socket.ask(&Request::Stat {})?;
    let wrong = || Failure::Ended("the answer can not be understood: another version runs there".to_owned());
    let about = answer.about.ok_or_else(wrong)?;
    serde_json::from_value(about).map_err(|_| wrong())
}

/// The value of a counter.
fn value(stat: &Stat, group: &str, label: &str) -> u64 {
    let counters = stat.groups.iter().filter(|known| known.group == group);
    let mut numbers = counters.flat_map(|known| &known.counters);
    numbers
        .find(|number| number.label == label)
        .map_or(0, |number| number.value)
}

/// How much more it has become, a second.
fn rate(now: &Number, group: &str, before: &Stat, seconds: f64) -> f64 {
    now.value.saturating_sub(value(before, group, &now.label)) as f64 / seconds
}

/// Buckets of what was counted since the reading before.
fn recent(took: &Took, before: &Stat) -> Vec<(u64, u64)> {
    let earlier = before.times.iter().find(|earlier| earlier.label == took.label);
    since(&took.buckets, earlier.map_or(&[], |earlier| &earlier.buckets))
}

/// Mean batches between two readings: of the engine, the journal, the output.
fn batches(now: &Stat, before: &Stat) -> [(&'static str, f64); 3] {
    let more = |group: &str, label: &str| {
        value(now, group, label).saturating_sub(value(before, group, label)) as f64
    };
    let mean = |sum: f64, count: f64| if count > 0.0 { sum / count } else { 0.0 };
    let busy_turns = more("engine", "turns") - more("engine", "idle_turns");
    [
        ("engine", mean(more("engine", "commands"), busy_turns)),
        (
            "journal",
            mean(more("journal", "commands"), more("journal", "frames")),
        ),
        (
            "output",
            mean(more("output", "records"), more("output", "releases")),
        ),
    ]
}

fn reading<'a>(now: &'a Stat, before: &Stat, seconds: f64) -> Reading<'a> {
    let mut per_second = BTreeMap::new();
    for group in &now.groups {
        let counters = group.counters.iter().filter(|number| !number.is_level);
        let rates: BTreeMap<_, _> = counters
            .map(|number| (number.label.as_str(), rate(number, &group.group, before, seconds)))
            .collect();
        per_second.insert(group.group.as_str(), rates);
    }
    let percentiles = now.times.iter().map(|took| {
        let buckets = recent(took, before);
        let each = PERCENTILES.map(|(name, parts)| (name, percentile(&buckets, parts)));
        (took.label.as_str(), each.into_iter().collect())
    });
    Reading {
        seconds,
        per_second,
        percentiles_ns: percentiles.collect(),
        batches: batches(now, before).into_iter().collect(),
        stat: now,
    }
}

/// A number with its thousands apart.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn time(ns: u64) -> String {
    match ns {
        0 => "-".to_owned(),
        1..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => format!("{:.1} us", ns as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} ms", ns as f64 / 1e6),
        _ => format!("{:.2} s", ns as f64 / 1e9),
    }
}

fn words(now: &Stat, before: &Stat, seconds: f64, all: bool) -> String {
    let mut text = String::new();
    // Writing to a string can not fail.
    let minutes = now.at_ns / 60_000_000_000;
    let _ = writeln!(
        text,
        "exchange {}, running for {} h {} min, command {}{}",
        now.version,
        minutes / 60,
        minutes % 60,
        thousands(now.released),
        if now.low_space {
            ", THE DISK IS NEARLY FULL: orders are refused"
        } else {
            ""
        }
    );
    let _ = writeln!(text, "\n{:<26}{:>14}", "what waits", "");
    for depth in &now.depths {
        let _ = writeln!(
            text,
            "  {:<24}{:>14}  {}",
            depth.label,
            thousands(depth.value),
            depth.sentence
        );
    }
    let _ = writeln!(
        text,
        "\n{:<26}{:>14}{:>10}{:>10}{:>10}{:>10}{:>10}",
        "how long it took", "times", "p50", "p90", "p99", "p99.9", "most ever"
    );
    for took in &now.times {
        let buckets = recent(took, before);
        let count: u64 = buckets.iter().map(|(_, count)| count).sum();
        let _ = write!(text, "  {:<24}{:>14}", took.label, thousands(count));
        for (_, parts) in PERCENTILES {
            let _ = write!(text, "{:>10}", time(percentile(&buckets, parts)));
        }
        let _ = writeln!(text, "{:>10}  {}", time(took.most_ns), took.sentence);
    }
    let _ = writeln!(text, "\nmean batches");
    for (stage, mean) in batches(now, before) {
        let _ = writeln!(text, "  {stage:<24}{mean:>14.1}");
    }
    for group in &now.groups {
        let counters = group.counters.iter().filter(|number| all || number.value > 0);
        let lines: Vec<_> = counters
            .map(|number| {
                let rate = if number.is_level {
                    String::new()
                } else {
                    thousands(rate(number, &group.group, before, seconds).round() as u64)
                };
                format!(
                    "  {:<24}{:>14}{rate:>14}  {}",
                    number.label,
                    thousands(number.value),
                    number.sentence
                )
            })
            .collect();
        if !lines.is_empty() {
            let _ = writeln!(text, "\n{:<26}{:>14}{:>14}", group.group, "", "a second");
            let _ = writeln!(text, "{}", lines.join("\n"));
        }
    }
    if !now.refused.is_empty() {
        let _ = writeln!(text, "\nrefused orders and replacements, by session");
        for refused in &now.refused {
            let _ = writeln!(
                text,
                "  {:<24}{:>14}",
                refused.session,
                thousands(refused.requests)
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(thousands(123_456), "123,456");
        let times = [0, 999, 1_500, 2_500_000, 3_000_000_000].map(time);
        assert_eq!(times, ["-", "999 ns", "1.5 us", "2.5 ms", "3.00 s"]);
    }
}
