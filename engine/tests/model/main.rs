//! Random commands from a seed: the exchange and a naive model side by side, everything compared after every command.
//!
//! `cargo model -- --seed N --for COMMANDS` runs as long as wanted, in a release build. Without arguments, as a part of
//! all tests, it runs a few seeds and asserts that they met every case there is.

mod arguments;
mod coverage;
mod run;

// The library's own tests use the same world for cases of their own.
#[path = "../../src/exchange/tests/compare.rs"]
mod compare;
#[path = "../../src/exchange/tests/generator.rs"]
mod generator;
#[path = "../../src/exchange/tests/model/mod.rs"]
mod model;
#[path = "../../src/exchange/tests/operator.rs"]
mod operator;
#[path = "../../src/exchange/tests/plans.rs"]
mod plans;
#[path = "../../src/exchange/tests/requests.rs"]
mod requests;
#[path = "../../src/exchange/tests/setting.rs"]
mod setting;
#[path = "../../src/exchange/tests/terms.rs"]
mod terms;
#[path = "../../src/exchange/tests/world.rs"]
mod world;

use std::process::ExitCode;
use std::time::Instant;

use arguments::{Arguments, Wanted};
use coverage::Coverage;

/// Commands of a seed; a long run takes one seed after the other, so that it does not stay in one world.
const COMMANDS_PER_SEED: u64 = 500_000;

fn main() -> ExitCode {
    let wanted = match Arguments::parse(std::env::args().skip(1)) {
        Ok(Wanted::Run(wanted)) => wanted,
        Ok(Wanted::Names) => {
            println!("{}: test", arguments::NAME);
            return ExitCode::SUCCESS;
        }
        Ok(Wanted::Nothing) => return ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let begun = Instant::now();
    let mut coverage = Coverage::default();
    let mut left = wanted.commands;
    let mut seed = wanted.seed;
    while left > 0 {
        let commands = left.min(wanted.commands_per_seed);
        let progress = run::Progress {
            begun,
            done: wanted.commands - left,
            all: wanted.commands,
            is_told: wanted.is_long,
        };
        match run::run(seed, commands, &progress) {
            Ok(met) => coverage.add(met),
            Err(failure) => {
                eprintln!("{failure}");
                return ExitCode::FAILURE;
            }
        }
        left -= commands;
        seed += 1;
    }
    let seconds = begun.elapsed().as_secs_f64();
    print!("{coverage}");
    println!(
        "{} commands of seeds {} to {}: exchange and model agree, in {seconds:.0} s",
        wanted.commands,
        wanted.seed,
        seed - 1
    );
    // A run cut short by hand meets what it meets.
    if wanted.commands < arguments::COMMANDS_TESTED {
        return ExitCode::SUCCESS;
    }
    let missing = coverage.missing();
    for (case, times, least) in &missing {
        eprintln!("{case}: met {times} times, {least} wanted: a blind generator proves nothing");
    }
    ExitCode::from(u8::from(!missing.is_empty()))
}
