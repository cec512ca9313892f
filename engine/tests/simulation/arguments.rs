//! The command line: ours, and what `cargo test` hands to every test.

use std::ops::Range;

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Wanted {
    /// Tests by a part of their names, as `cargo test` asks; no names: all.
    Tests {
        names: Vec<String>,
        is_exact: bool,
        skipped: Vec<String>,
    },
    /// Only the names of the tests.
    Names,
    /// Seeds one after the other, or on so many threads.
    Seeds { seeds: Range<u64>, threads: usize },
    /// One seed, told line by line.
    Trace(u64),
    /// Every planted bug, or one, over so many seeds.
    Planted { name: Option<String>, seeds: u64 },
    /// Other tests were asked for.
    Nothing,
}

const USAGE: &str = "\
usage: cargo sim -- --seeds A..B [--threads N]   runs the seeds from A up to, not including, B
       cargo sim -- --seed N                     runs one seed and tells what happens in it
       cargo planted -- [NAME] [--seeds N]       plants each bug there is, or one, and says what caught it";

impl Wanted {
    /// # Errors
    /// What is wrong, and how it is meant.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut names, mut skipped) = (Vec::new(), Vec::new());
        let (mut is_exact, mut is_planted, mut is_ignored) = (false, false, false);
        let (mut seeds, mut count, mut threads) = (None, None, None);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--seed" => return Ok(Self::Trace(number(&argument, arguments.next())?)),
                "--seeds" => {
                    let value = arguments
                        .next()
                        .ok_or_else(|| format!("--seeds needs A..B\n{USAGE}"))?;
                    match value.split_once("..") {
                        Some((from, to)) => {
                            let from = number("--seeds", Some(from.to_owned()))?;
                            let to = number("--seeds", Some(to.to_owned()))?;
                            if from >= to {
                                return Err(format!("--seeds {value}: no seed is in there\n{USAGE}"));
                            }
                            seeds = Some(from..to);
                        }
                        None => count = Some(number("--seeds", Some(value))?),
                    }
                }
                "--threads" => threads = Some(number(&argument, arguments.next())?.max(1)),
                "--planted" => is_planted = true,
                "--list" => return Ok(Self::Names),
                "--exact" => is_exact = true,
                "--ignored" => is_ignored = true,
                // Those of the test harness that have a value of their own.
                "--skip" => skipped.extend(arguments.next()),
                "--test-threads" | "--format" | "--color" | "--logfile" => drop(arguments.next()),
                "--nocapture" | "--no-capture" | "--show-output" | "--include-ignored" | "-q" | "--quiet" => {
                }
                other if other.starts_with('-') => return Err(format!("{other} is not known here\n{USAGE}")),
                _ => names.push(argument),
            }
        }
        if is_planted {
            let name = names.pop();
            let seeds = count
                .or(seeds.map(|seeds| seeds.end))
                .unwrap_or(super::PLANTED_SEEDS);
            return Ok(Self::Planted { name, seeds });
        }
        if is_ignored {
            return Ok(Self::Nothing);
        }
        let threads = threads.map_or_else(cores, |threads| threads as usize);
        Ok(match seeds.or(count.map(|count| 0..count)) {
            Some(seeds) => Self::Seeds { seeds, threads },
            None => Self::Tests {
                names,
                is_exact,
                skipped,
            },
        })
    }
}

/// Threads that have a core.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// A number, with or without underscores.
fn number(name: &str, value: Option<String>) -> Result<u64, String> {
    let value = value.ok_or_else(|| format!("{name} needs a number\n{USAGE}"))?;
    value
        .replace('_', "")
        .parse()
        .map_err(|_| format!("{name} {value}: not a number\n{USAGE}"))
}
