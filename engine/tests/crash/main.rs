//! The real program killed with `kill -9` under load at random moments, again and again: after each start customers,
//! market data and money are reconciled with what was known, at the end the journal with both, and snapshots with it.
//!
//! `cargo crash -- --rounds 200 --seed 7` runs as many rounds as wanted; without arguments, as a part of all tests, ten.
//! A seed draws what customers do and when the process dies; threads and sockets make runs differ all the same.

#[path = "../process/client.rs"]
#[allow(dead_code, reason = "the tests of the process use the rest")]
mod client;
#[path = "../process/exchange.rs"]
#[allow(dead_code, reason = "the tests of the process use the rest")]
mod exchange;
mod feed;
mod round;

use std::fs;
use std::process::ExitCode;

use exchange::{Directory, Exchange, run};
use protocol::market_data::binary_file::Reader;
use round::{Knowledge, crash, reconcile};

const NAME: &str = "kill_9_under_load_loses_nothing_acknowledged_and_no_money";
const USAGE: &str = "usage: cargo crash -- [--rounds N] [--seed N]";
const ROUNDS: u64 = 10;
/// Then another begins: everybody is told everything again in each round.
const ROUNDS_OF_A_DIRECTORY: u64 = 20;

fn main() -> ExitCode {
    let (mut rounds, mut seed) = (ROUNDS, 1);
    let mut names = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let number = match argument.as_str() {
            "--rounds" => &mut rounds,
            "--seed" => &mut seed,
            "--list" => {
                println!("{NAME}: test");
                return ExitCode::SUCCESS;
            }
            // Those of the test harness that have a value of their own.
            "--skip" | "--test-threads" | "--format" | "--color" | "--logfile" => {
                let value = arguments.next();
                if argument == "--skip" && value.is_some_and(|value| NAME.contains(&value)) {
                    return ExitCode::SUCCESS;
                }
                continue;
            }
            "--ignored" => return ExitCode::SUCCESS,
            other if other.starts_with("--") && !HARNESS.contains(&other) => {
                eprintln!("{other} is not known here\n{USAGE}");
                return ExitCode::from(2);
            }
            other if other.starts_with('-') => continue,
            _ => {
                names.push(argument);
                continue;
            }
        };
        let value = arguments.next().unwrap_or_default();
        match value.replace('_', "").parse() {
            Ok(value) => *number = value,
            Err(_) => {
                eprintln!("{argument} {value}: a number is needed\n{USAGE}");
                return ExitCode::from(2);
            }
        }
    }
    if names.is_empty() || names.iter().any(|name| NAME.contains(name.as_str())) {
        let mut done = 0;
        while done < rounds {
            let some = (rounds - done).min(ROUNDS_OF_A_DIRECTORY);
            rounds_from(seed + done, some);
            done += some;
        }
    }
    ExitCode::SUCCESS
}

/// Of the test harness, without a value.
const HARNESS: [&str; 6] = [
    "--nocapture",
    "--no-capture",
    "--show-output",
    "--include-ignored",
    "--quiet",
    "--exact",
];

fn rounds_from(seed: u64, rounds: u64) {
    let directory = Directory::new();
    // Who lives a second has taken a snapshot.
    let file = directory.configuration(|text| text + "snapshot_interval = 1\nsnapshot_commands = 1\n");
    let mut known = Knowledge::none();
    for round in 0..rounds {
        println!("round {} of {rounds}, seed {}", round + 1, seed + round);
        known = crash(&file, seed + round, &known);
    }
    let exchange = Exchange::start(&file);
    reconcile(&exchange, &known);
    exchange.stop();
    // The journal is whole, gives one state, and what subscribers were sent is its beginning.
    let (data, itch) = (directory.path().join("data"), directory.path().join("feed.itch"));
    let (data, itch) = (data.to_str().expect("text"), itch.to_str().expect("text"));
    let (code, report, errors) = run(&["verify", "--data", data]);
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{report}");
    let (code, told, errors) = run(&["replay", "--data", data, "--itch", itch]);
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{told}");
    let bytes = fs::read(itch).expect("it was written");
    let messages: Vec<_> = Reader::new(&bytes)
        .map(|record| record.expect("BinaryFILE"))
        .collect();
    let feed = known.feed();
    assert!(
        feed.len() <= messages.len(),
        "{} messages were sent, the journal has {}",
        feed.len(),
        messages.len()
    );
    for (number, (sent, journaled)) in (1..).zip(feed.iter().zip(&messages)) {
        assert_eq!(
            sent, journaled,
            "message {number} of the feed is not the journal's"
        );
    }
    println!(
        "{rounds} rounds, {} began with a snapshot: {} messages of the feed, all as the journal has them",
        known.snapshots_used(),
        feed.len()
    );
}
