//! The command line: what was typed, and what it means. The only place that reads arguments, prints and exits.

mod admin;
mod audit;
mod check;
mod instruments;
mod journal;
mod notify;
mod run;
mod secret;
mod socket;
mod stat;
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use engine::config::{Config, ConfigError};

/// How the process ended, beside 0: everything went well.
const EXIT_CODES: &str = "\
Exit codes:
  0  ended in order, or found everything well
  1  the exchange failed while it ran, or a check found something wrong
  2  the command line or the configuration is refused
  3  the exchange could not start: a port, the data directory, the journal, memory
  130  ended at once by a signal: before it was ready, or the second one";

/// A spot exchange: OUCH 5.0 orders over UDP and TCP, ITCH 5.0 market data over multicast, a journal behind both.
#[derive(Debug, Parser)]
#[command(name = "exchange", version, about, after_help = EXIT_CODES, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the exchange until it is interrupted. Its last line on standard output before is "ready" and its addresses.
    Run(run::Arguments),
    /// Read a configuration and say what is wrong with it, or what it adds up to.
    Check(check::Arguments),
    /// Print the instruments: the authority for ticks, lots and decimals.
    Instruments(instruments::Arguments),
    /// Check that the journal is whole, applies again to the same state, and that all money is accounted for.
    Verify(journal::VerifyArguments),
    /// Apply the journal again: state hash, and all market data as a file.
    Replay(journal::ReplayArguments),
    /// Ask a running exchange, and change it: accounts, instruments, halts, kill switch, the end of the day.
    Admin(admin::Arguments),
    /// Show what a running exchange counts: rates, what waits, how long things take, who is refused.
    Stat(stat::Arguments),
    /// Say what happened, from the journal: what operators did, logins, system events, states of instruments.
    Audit(audit::Arguments),
    /// Leave out the command that ended the last process, so that the next start goes on without it.
    Skip(journal::SkipArguments),
}

/// A failure that ends the process.
#[derive(Debug)]
enum Failure {
    /// While it ran, or a check that found something. Exit code 1.
    Ended(String),
    /// Configuration. Exit code 2.
    Refused(String),
    /// At start. Exit code 3.
    NotStarted(String),
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Refused(error.to_string())
    }
}

/// Runs the command that was typed.
pub(crate) fn main() -> ExitCode {
    let result = match Arguments::parse().verb {
        Verb::Run(arguments) => run::run(&arguments),
        Verb::Check(arguments) => check::run(&arguments),
        Verb::Instruments(arguments) => instruments::run(&arguments),
        Verb::Verify(arguments) => journal::verify(&arguments),
        Verb::Replay(arguments) => journal::replay_to(&arguments),
        Verb::Admin(arguments) => admin::run(arguments),
        Verb::Stat(arguments) => stat::run(&arguments),
        Verb::Audit(arguments) => audit::run(&arguments),
        Verb::Skip(arguments) => journal::skip(&arguments),
    };
    let (text, code) = match result {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Ended(text)) => (text, 1),
        Err(Failure::Refused(text)) => (text, 2),
        Err(Failure::NotStarted(text)) => (text, 3),
    };
    eprintln!("exchange: {text}");
    ExitCode::from(code)
}

/// The configuration of `--config`, else the built-in one.
fn configuration(file: Option<&Path>) -> Result<Config, ConfigError> {
    file.map_or_else(|| Ok(Config::built_in()), Config::read)
}

/// Arguments that name a configuration.
#[derive(Debug, clap::Args)]
struct ConfigArgument {
    /// Configuration file; left out: the built-in configuration.
    #[arg(long = "config", value_name = "FILE")]
    file: Option<PathBuf>,
}

impl ConfigArgument {
    fn read(&self) -> Result<Config, ConfigError> {
        configuration(self.file.as_deref())
    }
}

/// Writes to standard output; a reader that has gone away (`| head`) is no error.
fn print(text: &str) -> Result<(), Failure> {
    use std::io::{ErrorKind, Write};
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::Ended(format!(
            "can not write to standard output: {error}"
        ))),
        _ => Ok(()),
    }
}
