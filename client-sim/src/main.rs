//! `client-sim`: customers of the exchange.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use client_sim::cli::{compare, load, market, soak, trade};
use client_sim::demo;

/// How the process ended.
const EXIT_CODES: &str = "\
Exit codes:
  0  done, and every check passed
  1  a check failed, or the exchange refused what was asked of it
  2  the command line is wrong, or the exchange can not be reached
  130  Ctrl-C pressed twice";

/// Customers of the exchange: demo, load generator, order entry by hand.
#[derive(Debug, Parser)]
#[command(version, about, after_help = EXIT_CODES)]
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
    /// Writes man pages and shell completions below a prefix.
    #[command(hide = true)]
    Pages(manual::Arguments),
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
        Verb::Pages(arguments) => manual::run(&Arguments::command(), &arguments)
            .map(|written| {
                print!("{written}");
                true
            })
            .map_err(|error| format!("{}: {error}", arguments.out.display())),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_and_option_is_explained() {
        assert_eq!(manual::complaints(&Arguments::command()), Vec::<String>::new());
    }
}
