//! `exchange check`: what is wrong with a configuration, or what it adds up to.

use engine::config::{Config, DEFAULT, Environment, Origin};
use engine::memory;

use super::{ConfigArgument, Failure, Overrides, print};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArgument,
    #[command(flatten)]
    overrides: Overrides,
    /// Print the built-in configuration, commented, as a file to start from.
    #[arg(long, conflicts_with = "file")]
    print_default: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.print_default {
        return print(DEFAULT);
    }
    let (mut config, text) = arguments.config.read()?;
    arguments.overrides.apply(&mut config);
    let origins = match &arguments.config.file {
        Some(_) => Environment::of_process().origins(&text),
        None => Environment::of_process().origins(""),
    };
    print(&summary(&config))?;
    print(&told(&arguments.overrides, &origins))
}

/// Where the keys have their values from: one line a source, the strongest first.
fn told(overrides: &Overrides, origins: &[Origin]) -> String {
    let flags: Vec<_> = overrides.given().collect();
    let is_flag = |key: &str| flags.iter().any(|(_, flagged)| *flagged == key);
    let mut text = String::from("values\n");
    let mut line = |source: &str, keys: Vec<String>| {
        if !keys.is_empty() {
            text += &format!("  {source:<12} {}\n", keys.join(", "));
        }
    };
    line(
        "command line",
        flags
            .iter()
            .map(|(flag, key)| format!("{key} ({flag})"))
            .collect(),
    );
    let left = origins.iter().filter(|origin| !is_flag(&origin.key));
    let (variables, file): (Vec<_>, Vec<_>) = left.partition(|origin| origin.variable.is_some());
    line(
        "environment",
        variables
            .iter()
            .map(|origin| {
                format!(
                    "{} ({})",
                    origin.key,
                    origin.variable.as_deref().unwrap_or_default()
                )
            })
            .collect(),
    );
    line("file", file.iter().map(|origin| origin.key.clone()).collect());
    line(
        "built in",
        vec!["what is not named here; `exchange check --print-default` shows it".to_owned()],
    );
    text
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
