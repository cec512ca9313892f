//! A reading as Prometheus reads it: text, a metric for each number.

use std::fmt::Write;

use super::{Stat, Took};

/// Upper ends of the buckets that are told, nanoseconds: 1, 2 and 5 of each decade from a microsecond to ten seconds.
const ENDS_NS: [u64; 22] = {
    let (mut ends, mut place, mut decade) = ([0; 22], 0, 1_000);
    while place < ends.len() {
        ends[place] = decade * [1, 2, 5][place % 3];
        if place % 3 == 2 {
            decade *= 10;
        }
        place += 1;
    }
    ends
};

/// A family of metrics: its help and type.
fn family(text: &mut String, name: &str, kind: &str, help: &str) {
    let help = help.replace('\\', "\\\\").replace('\n', "\\n");
    // Writing to a string can not fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn one(text: &mut String, name: &str, kind: &str, help: &str, value: u64) {
    family(text, name, kind, help);
    let _ = writeln!(text, "{name} {value}");
}

/// Nanoseconds as seconds, exact.
fn seconds(ns: u64) -> String {
    let text = format!("{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn histogram(text: &mut String, took: &Took) {
    let name = format!("exchange_{}_seconds", took.label);
    family(text, &name, "histogram", &took.sentence);
    let (mut buckets, mut seen) = (took.buckets.iter().peekable(), 0);
    for end_ns in ENDS_NS {
        while let Some((_, count)) = buckets.next_if(|(end, _)| *end <= end_ns) {
            seen += count;
        }
        let _ = writeln!(text, "{name}_bucket{{le=\"{}\"}} {seen}", seconds(end_ns));
    }
    // Numbers were read one by one while they grew: the whole is never less than its parts.
    let total = seen + buckets.map(|(_, count)| count).sum::<u64>();
    let sum = seconds(took.sum_ns);
    let _ = writeln!(
        text,
        "{name}_bucket{{le=\"+Inf\"}} {total}\n{name}_sum {sum}\n{name}_count {total}"
    );
}

/// The whole reading.
pub fn metrics(stat: &Stat) -> String {
    let text = &mut String::new();
    family(text, "exchange_info", "gauge", "What runs here.");
    let _ = writeln!(text, "exchange_info{{version=\"{}\"}} 1", stat.version);
    family(
        text,
        "exchange_uptime_seconds",
        "gauge",
        "How long it has been running.",
    );
    let _ = writeln!(text, "exchange_uptime_seconds {}", seconds(stat.at_ns));
    let help = "The last command that may be told.";
    one(text, "exchange_released_command", "gauge", help, stat.released);
    let help = "1: the disk is nearly full, orders are refused.";
    one(text, "exchange_low_space", "gauge", help, stat.low_space.into());
    for depth in &stat.depths {
        let name = format!("exchange_depth_{}", depth.label);
        one(text, &name, "gauge", &depth.sentence, depth.value);
    }
    for group in &stat.groups {
        for number in &group.counters {
            let (kind, end) = if number.is_level {
                ("gauge", "")
            } else {
                ("counter", "_total")
            };
            let name = format!("exchange_{}_{}{end}", group.group, number.label);
            one(text, &name, kind, &number.sentence, number.value);
        }
    }
    for took in &stat.times {
        histogram(text, took);
    }
    let name = "exchange_refused_requests_total";
    family(
        text,
        name,
        "counter",
        "Orders and replacements that were refused, by session.",
    );
    for refused in &stat.refused {
        let session = refused.session.replace('\\', "\\\\").replace('"', "\\\"");
        let _ = writeln!(text, "{name}{{session=\"{session}\"}} {}", refused.requests);
    }
    std::mem::take(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stat::{Group, Number, Refused};

    #[test]
    fn a_reading_is_text_that_prometheus_reads() {
        let number = |label: &str, value, is_level| Number {
            label: label.to_owned(),
            value,
            is_level,
            sentence: "What it is.".to_owned(),
        };
        let stat = Stat {
            at_ns: 1_500_000_000,
            version: "1.2".to_owned(),
            released: 9,
            low_space: true,
            depths: vec![number("to_journal", 3, true)],
            groups: vec![Group {
                group: "engine".to_owned(),
                counters: vec![number("commands", 7, false), number("batch_most", 2, true)],
            }],
            times: vec![Took {
                label: "release".to_owned(),
                sentence: "How long.".to_owned(),
                total: 3,
                sum_ns: 20_000_003_000,
                most_ns: 20_000_000_000,
                buckets: vec![(900, 1), (1_900, 1), (20_000_000_000, 1)],
            }],
            refused: vec![Refused {
                session: "A\"B".to_owned(),
                requests: 4,
            }],
        };
        let text = metrics(&stat);
        for line in [
            "exchange_info{version=\"1.2\"} 1",
            "exchange_uptime_seconds 1.5",
            "exchange_low_space 1",
            "exchange_depth_to_journal 3",
            "# HELP exchange_engine_commands_total What it is.",
            "# TYPE exchange_engine_commands_total counter",
            "exchange_engine_commands_total 7",
            "# TYPE exchange_engine_batch_most gauge",
            "# TYPE exchange_release_seconds histogram",
            "exchange_release_seconds_bucket{le=\"0.000001\"} 1",
            "exchange_release_seconds_bucket{le=\"0.000002\"} 2",
            "exchange_release_seconds_bucket{le=\"10\"} 2",
            "exchange_release_seconds_bucket{le=\"+Inf\"} 3",
            "exchange_release_seconds_sum 20.000003",
            "exchange_release_seconds_count 3",
            "exchange_refused_requests_total{session=\"A\\\"B\"} 4",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }
}
