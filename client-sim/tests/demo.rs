//! The demo as a user starts it: an exchange, customers, loss on purpose, and every check measured.

use std::process::{Command, Output};

use serde_json::Value;

fn demo(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_client-sim"))
        .args(arguments)
        .output()
        .expect("the binary of this package runs")
}

fn last_line(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().last().unwrap_or_default();
    serde_json::from_str(line)
        .unwrap_or_else(|error| panic!("{error}: {line}\n{}", String::from_utf8_lossy(&output.stderr)))
}

/// Runs the demo without a verb, as `cargo run` does.
fn check(durability: &str, rate: &str) -> Value {
    let output = demo(&[
        "--for",
        "2s",
        "--json",
        "--durability",
        durability,
        "--rate",
        rate,
        "--seed",
        "7",
    ]);
    let summary = last_line(&output);
    let checks = summary["checks"].as_object().expect("checks");
    for name in [
        "every_order_answered",
        "feed_books_equal",
        "money_conserved",
        "recovery_equal",
    ] {
        assert_eq!(checks[name], true, "{name}: {:#}", summary);
    }
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(summary["durability"], durability);
    summary
}

#[test]
fn everything_adds_up_with_losses_on_both_lines_and_both_ways() {
    let summary = check("none", "3000");
    let number = |name: &str| {
        summary[name]
            .as_u64()
            .unwrap_or_else(|| panic!("{name}: {summary:#}"))
    };
    for name in [
        "orders_sent",
        "acks_received",
        "executions",
        "feed_messages",
        "feed_datagrams_dropped",
        "order_datagrams_dropped",
        "late_subscriber_messages",
        "tickers_equal",
    ] {
        assert!(number(name) > 0, "{name}: {summary:#}");
    }
    assert_eq!(
        number("requests_sent"),
        number("requests_answered") + number("requests_not_applied")
    );
    assert_eq!(number("late_subscriber_messages"), number("feed_messages"));
    let latency = &summary["ack_latency_ns"];
    for pair in [["p50", "p99"], ["p99", "p999"], ["p999", "max"]] {
        let [low, high] = pair.map(|name| latency[name].as_u64().expect("a number of nanoseconds"));
        assert!(0 < low && low <= high, "{latency}");
    }
    assert!(
        summary["orders_per_second"]
            .as_f64()
            .is_some_and(|rate| rate > 0.0)
    );
}

#[test]
fn everything_adds_up_on_disk() {
    check("sync", "1000");
}

#[test]
fn arguments_that_make_no_sense_are_told() {
    for wrong in [
        &["--rate", "0"][..],
        &["--for", "0s"],
        &["--durability", "maybe"],
        &["--loss", "80"],
        &["dance"],
    ] {
        let output = demo(wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
        assert!(!output.stderr.is_empty());
    }
}
