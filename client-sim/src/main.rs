//! `client-sim`: customers of the exchange.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use client_sim::cli::{load, trade};

/// Customers of the exchange: demo, load generator, order entry by hand.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Sends orders at a rate to a running exchange, checks every answer, measures latencies.
    Load(load::LoadArguments),
    /// Enters orders by hand: one on the command line, or many at a prompt.
    Trade(trade::TradeArguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().verb {
        Verb::Load(arguments) => load::run(&arguments),
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
