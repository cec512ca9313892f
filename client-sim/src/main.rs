//! `client-sim`: customers of the exchange.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use client_sim::cli::{compare, load, market, soak, trade};
use client_sim::demo;

/// Customers of the exchange: demo, load generator, order entry by hand.
#[derive(Debug, Parser)]
#[command(version, about)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// The demo is what runs without a verb.
    #[command(flatten)]
    demo: demo::DemoArguments,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// An exchange, its customers and a subscriber in one process, and a live view of them (the default).
    Demo(demo::DemoArguments),
    /// Sends orders at a rate to a running exchange, checks every answer, measures latencies.
    Load(load::LoadArguments),
    /// Sends a load for hours in windows, and tells whether latency, rate or memory drift.
    Soak(soak::SoakArguments),
    /// Compares two runs of `load`.
    Compare(compare::CompareArguments),
    /// Simulates the customers' market, without network and faster than time, and prints its statistics.
    Market(market::MarketArguments),
    /// Enters orders by hand: one on the command line, or many at a prompt.
    Trade(trade::TradeArguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.verb.unwrap_or(Verb::Demo(arguments.demo)) {
        Verb::Demo(arguments) => demo::run(&arguments),
        Verb::Load(arguments) => load::run(&arguments),
        Verb::Soak(arguments) => soak::run(&arguments),
        Verb::Compare(arguments) => compare::run(&arguments),
        Verb::Market(arguments) => market::run(&arguments),
        Verb::Trade(arguments) => trade::run(&arguments),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("client-sim: {error}");
            ExitCode::from(2)
        }
    }
}
