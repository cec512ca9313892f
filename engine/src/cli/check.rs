//! `exchange check`: what is wrong with a configuration, or what it adds up to.

use engine::config::{Config, DEFAULT};
use engine::memory;

use super::{ConfigArgument, Failure, print};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArgument,
    /// Print the built-in configuration, commented, as a file to start from.
    #[arg(long, conflicts_with = "file")]
    print_default: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.print_default {
        return print(DEFAULT);
    }
    print(&summary(&arguments.config.read()?))
}

fn summary(config: &Config) -> String {
    let sessions: usize = config.accounts.iter().map(|account| account.sessions.len()).sum();
    let symbols: Vec<_> = config
        .instruments
        .iter()
        .map(|instrument| instrument.symbol.as_str())
        .collect();
    let limits = &config.capacities.limits;
    format!(
        "{}: valid\n\
         instruments  {} of {}: {}\n\
         assets       {} of {}\n\
         accounts     {} of {}, sessions {sessions} of {}\n\
         day          {}\n\
         data         {} ({:?}, hash {:016x})\n\
         {}",
        config.file,
        config.instruments.len(),
        limits.instruments,
        symbols.join(" "),
        config.assets.len(),
        limits.assets,
        config.accounts.len(),
        limits.accounts,
        limits.sessions,
        config.day_sentence(),
        config.journal.directory.display(),
        config.journal.durability,
        config.configuration_hash(),
        memory::table(&memory::needed(config)),
    )
}
