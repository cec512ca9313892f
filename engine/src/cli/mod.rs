//! The command line: what was typed, and what it means. The only place that reads arguments, prints and exits.

mod admin;
mod audit;
mod check;
mod instruments;
mod journal;
mod log;
mod notify;
mod run;
mod secret;
mod socket;
mod stat;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use engine::config::{Config, ConfigError, Durability, Environment};
use zeroize::Zeroizing;

/// How the process ended, beside 0: everything went well.
const EXIT_CODES: &str = "\
Exit codes:
  0  ended in order, or found everything well
  1  the exchange failed while it ran, or a check found something wrong
  2  the command line or the configuration is refused
  3  the exchange could not start: a port, the data directory, the journal, memory
  130  ended at once by a signal: before it was ready, or by one 0.2 s and more after the first";

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
    /// Print the hash of a password, for password_hash in the configuration. It is asked for, and shown nowhere.
    HashPassword(secret::HashArguments),
    /// Write man pages and shell completions below a prefix.
    #[command(hide = true)]
    Pages(manual::Arguments),
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

impl Failure {
    /// What is told.
    fn text(self) -> String {
        match self {
            Self::Ended(text) | Self::Refused(text) | Self::NotStarted(text) => text,
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Refused(error.to_string())
    }
}

/// Runs the command that was typed.
pub(crate) fn main() -> ExitCode {
    let verb = Arguments::parse().verb;
    let is_run = matches!(verb, Verb::Run(_));
    let result = match verb {
        Verb::Run(arguments) => run::run(&arguments),
        Verb::Check(arguments) => check::run(&arguments),
        Verb::Instruments(arguments) => instruments::run(&arguments),
        Verb::Verify(arguments) => journal::verify(&arguments),
        Verb::Replay(arguments) => journal::replay_to(&arguments),
        Verb::Admin(arguments) => admin::run(arguments),
        Verb::Stat(arguments) => stat::run(&arguments),
        Verb::Audit(arguments) => audit::run(&arguments),
        Verb::Skip(arguments) => journal::skip(&arguments),
        Verb::HashPassword(arguments) => secret::run(&arguments),
        Verb::Pages(arguments) => manual::run(&Arguments::command(), &arguments)
            .map_err(|error| Failure::Ended(format!("{}: {error}", arguments.out.display())))
            .and_then(|written| print(&written)),
    };
    let (text, code) = match result {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Ended(text)) => (text, 1),
        Err(Failure::Refused(text)) => (text, 2),
        Err(Failure::NotStarted(text)) => (text, 3),
    };
    let text = format!("exchange: {text}");
    if is_run {
        log::failure(&text);
    } else {
        eprintln!("{text}");
    }
    ExitCode::from(code)
}

/// Arguments that name a configuration.
#[derive(Debug, clap::Args)]
struct ConfigArgument {
    /// Configuration file; left out: the built-in configuration.
    #[arg(long = "config", value_name = "FILE")]
    file: Option<PathBuf>,
}

impl ConfigArgument {
    /// The file, and what the environment says instead; its text too.
    fn read(&self) -> Result<(Config, Zeroizing<String>), ConfigError> {
        Config::read_with(self.file.as_deref(), &Environment::of_process())
    }
}

/// Arguments that hold instead of the configuration, and of the environment.
#[derive(Debug, clap::Args)]
struct Overrides {
    /// The data directory, instead of the configuration's.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// When something may leave, instead of the configuration's.
    #[arg(long, value_enum)]
    durability: Option<DurabilityArgument>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum DurabilityArgument {
    /// Once it is on disk.
    Sync,
    /// Once it is handed to the kernel: a crash may lose what was acknowledged last.
    Async,
    /// At once, and nothing is written: for measuring.
    None,
}

impl Overrides {
    fn apply(&self, config: &mut Config) {
        if let Some(directory) = &self.data {
            config.journal.directory.clone_from(directory);
        }
        if let Some(durability) = self.durability {
            config.journal.durability = match durability {
                DurabilityArgument::Sync => Durability::Sync,
                DurabilityArgument::Async => Durability::Async,
                DurabilityArgument::None => Durability::None,
            };
        }
    }

    /// Flags that were given, and the keys they stand for.
    fn given(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        [
            (self.data.is_some(), "--data", "journal.directory"),
            (self.durability.is_some(), "--durability", "journal.durability"),
        ]
        .into_iter()
        .filter_map(|(is_given, flag, key)| is_given.then_some((flag, key)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_and_option_is_explained() {
        assert_eq!(manual::complaints(&Arguments::command()), Vec::<String>::new());
    }
}
