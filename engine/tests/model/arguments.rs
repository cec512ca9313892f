//! The command line: ours, and what `cargo test` hands to every test.

/// The test's name, for those who ask for some by name.
pub(crate) const NAME: &str = "the_exchange_equals_the_model";

/// Commands of a run among all tests.
pub(crate) const COMMANDS_TESTED: u64 = 500_000;
/// Seeds of it.
const SEEDS_TESTED: u64 = 10;

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Wanted {
    Run(Arguments),
    /// Only the names of the tests.
    Names,
    /// Other tests were asked for.
    Nothing,
}

/// A run.
#[derive(Debug)]
pub(crate) struct Arguments {
    /// The first seed.
    pub(crate) seed: u64,
    pub(crate) commands: u64,
    pub(crate) commands_per_seed: u64,
    /// Asked for by hand.
    pub(crate) is_long: bool,
}

impl Arguments {
    /// # Errors
    /// A number that is none.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Wanted, String> {
        let mut run = Self {
            seed: 1,
            commands: COMMANDS_TESTED,
            commands_per_seed: COMMANDS_TESTED / SEEDS_TESTED,
            is_long: false,
        };
        let mut filters = Vec::new();
        let (mut is_exact, mut is_ignored) = (false, false);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--seed" => run.seed = number(&argument, arguments.next())?,
                "--for" => {
                    run.commands = number(&argument, arguments.next())?;
                    run.commands_per_seed = super::COMMANDS_PER_SEED;
                    run.is_long = true;
                }
                "--list" => return Ok(Wanted::Names),
                "--exact" => is_exact = true,
                "--ignored" => is_ignored = true,
                // Those of the test harness that have a value of their own.
                "--skip" | "--test-threads" | "--format" | "--color" | "--logfile" => {
                    let value = arguments.next();
                    if argument == "--skip" && value.is_some_and(|value| NAME.contains(&value)) {
                        return Ok(Wanted::Nothing);
                    }
                }
                other if other.starts_with('-') => {}
                _ => filters.push(argument),
            }
        }
        let matches = |filter: &String| {
            if is_exact {
                NAME == filter
            } else {
                NAME.contains(filter.as_str())
            }
        };
        if is_ignored || (!filters.is_empty() && !filters.iter().any(matches)) {
            return Ok(Wanted::Nothing);
        }
        Ok(Wanted::Run(run))
    }
}

/// A number, with or without underscores.
fn number(name: &str, value: Option<String>) -> Result<u64, String> {
    let value = value.ok_or_else(|| format!("{name} needs a number"))?;
    value
        .replace('_', "")
        .parse()
        .map_err(|_| format!("{name} {value}: not a number"))
}
