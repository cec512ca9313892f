//! The real program, real sockets, and a network that loses: 1, 5 and 20 of 100 datagrams of market data at random, line A and
//! line B failing in turn, then both. Whoever subscribes, from the first message, late by a replay, or late by a snapshot, ends
//! with the books of the whole stream, and says STALE while nothing reaches him.
//!
//! Small gaps are asked for over UDP first, larger ones and those that are not answered over TCP.
//!
//! As root the kernel loses (nftables in a network namespace of its own, which this program enters by `unshare`): as many of the
//! requests over UDP and of their answers as of market data, and of the TCP connections of recovery and snapshots one packet
//! of a hundred; elsewhere the subscribers' own sockets do.

#[path = "../process/client.rs"]
#[allow(dead_code, reason = "the tests of the process use the rest")]
mod client;
#[path = "../process/exchange.rs"]
#[allow(dead_code, reason = "the tests of the process use the rest")]
mod exchange;
mod network;
mod subscribers;
mod trading;

use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use exchange::{Directory, Exchange};
use network::Network;
use subscribers::{Join, Subscription};
use trading::Traders;

const NAME: &str = "subscribers_have_the_books_whatever_the_network_loses";
/// Of a hundred datagrams.
const SHARES: [u32; 3] = [1, 5, 20];
/// Orders in each part of a round.
const ORDERS: u32 = 400;
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let mut names = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--list" => {
                println!("{NAME}: test");
                return ExitCode::SUCCESS;
            }
            "--ignored" => return ExitCode::SUCCESS,
            // Those of the test harness that have a value of their own.
            "--skip" | "--test-threads" | "--format" | "--color" | "--logfile" => {
                let value = arguments.next();
                if argument == "--skip" && value.is_some_and(|value| NAME.contains(&value)) {
                    return ExitCode::SUCCESS;
                }
            }
            other if other.starts_with('-') => {}
            _ => names.push(argument),
        }
    }
    if !names.is_empty() && !names.iter().any(|name| NAME.contains(name.as_str())) {
        return ExitCode::SUCCESS;
    }
    if let Some(code) = network::enter() {
        return code;
    }
    run();
    println!("test {NAME} ... ok");
    ExitCode::SUCCESS
}

fn run() {
    let directory = Directory::new();
    let exchange = Exchange::start(&directory.configuration(|text| text));
    let network = Arc::new(Network::new(&exchange));
    println!("loss by {}", network.means());
    let mut traders = Traders::login(&exchange);
    let mut answered = 0;
    for (round, share) in SHARES.into_iter().enumerate() {
        network.lose(share, [false, false]);
        let began = Instant::now();
        let subscribe = |join| Subscription::start(&exchange, &network, join);
        let mut subscriptions = vec![subscribe(Join::First)];
        traders.trade(ORDERS);
        subscriptions.extend([subscribe(Join::Replay), subscribe(Join::Snapshot)]);
        traders.trade(ORDERS);
        // One line after the other is gone; what is left loses all the same.
        for cut in [[true, false], [false, true]] {
            network.lose(share, cut);
            traders.trade(ORDERS);
        }
        network.lose(share, [false, false]);
        traders.trade(ORDERS);
        if round + 1 == SHARES.len() {
            network.lose(share, [true, true]);
            traders.trade(ORDERS);
            wait("stale", || subscriptions.iter().all(Subscription::is_stale));
            network.lose(share, [false, false]);
        }
        let reference = subscribers::reference(&exchange);
        for subscription in subscriptions {
            let told = subscription.told();
            let (outcome, answers) = subscription.ended(&reference);
            answered += answers;
            println!("{share} %: {told}: {outcome}");
        }
        println!(
            "{share} %: {} messages, {:.1?}",
            reference.messages(),
            began.elapsed()
        );
    }
    assert!(answered > 0, "nothing was mended over UDP");
    exchange.stop();
}

/// Waits until it is so.
fn wait(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "not {what} within {PATIENCE:?}");
        thread::sleep(Duration::from_millis(5));
    }
}
