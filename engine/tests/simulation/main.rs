//! The whole exchange in one thread, from a seed: customers and feed handlers over a network that loses, doubles, reorders,
//! delays, damages and is cut; a disk that is slow, full, fails and tears; clocks that jump; crashes anywhere. At each step
//! and at the end every account of what happened must agree.
//!
//! `cargo sim -- --seeds 0..1000` runs many, `cargo sim -- --seed N` one, told line by line. Without arguments, as a part
//! of all tests, it runs some. A failure names its seed; the same seed gives the same bytes, and the same hash.

mod arguments;
mod attacker;
mod book;
mod coverage;
mod customer;
mod handler;
mod link;
mod permits;
mod planted;
mod setting;
mod statement;
mod trace;
mod world;

use std::any::Any;
use std::cell::RefCell;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use arguments::Wanted;
use coverage::{Coverage, SEEDS_JUDGED};
use engine::config::Durability;
use world::{Digest, World};

/// Seeds among all tests.
const SEEDS_TESTED: u64 = 100;
/// Seeds in which a planted bug must be caught.
pub(crate) const PLANTED_SEEDS: u64 = 100;

thread_local! {
    /// What the last panic of this thread said, and where.
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// FNV-1a.
pub(crate) fn hash_of(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

fn main() -> ExitCode {
    let wanted = match Wanted::parse(std::env::args().skip(1)) {
        Ok(wanted) => wanted,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let outcome = match wanted {
        Wanted::Tests {
            names,
            is_exact,
            skipped,
        } => tests(&names, is_exact, &skipped),
        Wanted::Names => {
            TESTS.iter().for_each(|(name, _)| println!("{name}: test"));
            Ok(())
        }
        Wanted::Seeds { seeds, threads } => run_seeds(seeds, threads, true),
        Wanted::Trace(seed) => {
            trace::switch(true);
            let digest = World::new(seed, Durability::Sync).run();
            print!("{}", digest.coverage);
            println!(
                "seed {seed}: {} commands, hash {:016x}",
                digest.commands, digest.hash
            );
            Ok(())
        }
        Wanted::Planted { name, seeds } => planted::run(name.as_deref(), seeds),
        Wanted::Nothing => Ok(()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

type Test = fn() -> Result<(), String>;

const TESTS: [(&str, Test); 4] = [
    ("nothing_acknowledged_is_lost_and_everybody_agrees", || {
        run_seeds(0..SEEDS_TESTED, arguments::cores(), false)
    }),
    (
        "the_same_seed_gives_the_same_bytes",
        the_same_seed_gives_the_same_bytes,
    ),
    (
        "the_journal_gives_the_state_at_every_cut",
        the_journal_gives_the_state_at_every_cut,
    ),
    (
        "an_acknowledgement_before_its_sync_is_noticed",
        an_acknowledgement_before_its_sync_is_noticed,
    ),
];

fn tests(names: &[String], is_exact: bool, skipped: &[String]) -> Result<(), String> {
    let matches = |name: &str, part: &String| {
        if is_exact {
            name == part
        } else {
            name.contains(part.as_str())
        }
    };
    for (name, test) in TESTS {
        let is_wanted = names.is_empty() || names.iter().any(|part| matches(name, part));
        if is_wanted && !skipped.iter().any(|part| matches(name, part)) {
            test().map_err(|error| format!("{name}: {error}"))?;
            println!("test {name} ... ok");
        }
    }
    Ok(())
}

/// Runs quietly; a panic becomes what it said.
fn caught<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|_: Box<dyn Any + Send>| PANIC.take())
}

/// From now on panics are kept, not printed.
fn keep_panics() {
    std::panic::set_hook(Box::new(|info| PANIC.set(info.to_string())));
}

fn run(seed: u64) -> Result<Digest, String> {
    caught(|| World::new(seed, Durability::Sync).run()).map_err(|error| {
        format!("seed {seed}: {error}\n    cargo sim -- --seed {seed} runs it again and tells what happens")
    })
}

/// Runs seeds on some threads, each seed on one. `is_told`: prints what was met.
fn run_seeds(seeds: Range<u64>, threads: usize, is_told: bool) -> Result<(), String> {
    keep_panics();
    let began = Instant::now();
    let next = AtomicU64::new(seeds.start);
    let all = Mutex::new((Coverage::default(), 0_u64, Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let outcome = run(seed);
                    let mut all = all.lock().expect("nobody panics here");
                    match outcome {
                        Ok(digest) => {
                            all.0.add(&digest.coverage);
                            // In whatever order they end.
                            all.1 = all.1.wrapping_add(digest.hash.wrapping_mul(2 * seed + 1));
                        }
                        Err(failure) => {
                            eprintln!("{failure}");
                            all.2.push(seed);
                        }
                    }
                }
            });
        }
    });
    let _kept = std::panic::take_hook();
    let (coverage, hash, mut failed) = all.into_inner().expect("nobody panics here");
    failed.sort_unstable();
    let count = seeds.end - seeds.start;
    if is_told {
        print!("{coverage}");
    }
    println!(
        "seeds {} to {}: {} failed, hash {hash:016x}, {:.1} s",
        seeds.start,
        seeds.end - 1,
        failed.len(),
        began.elapsed().as_secs_f64()
    );
    if !failed.is_empty() {
        return Err(format!("failed seeds: {failed:?}"));
    }
    let missing = if count >= SEEDS_JUDGED {
        coverage.missing(count)
    } else {
        Vec::new()
    };
    for (case, times, least) in &missing {
        eprintln!("{case}: met {times} times, {least} wanted: a blind generator proves nothing");
    }
    if missing.is_empty() {
        Ok(())
    } else {
        Err("some cases were not met often enough".to_owned())
    }
}

fn the_same_seed_gives_the_same_bytes() -> Result<(), String> {
    // Poison panics on purpose.
    keep_panics();
    let outcome = same_seeds();
    let _kept = std::panic::take_hook();
    outcome
}

fn same_seeds() -> Result<(), String> {
    for seed in 0..4 {
        let (one, other) = (run(seed)?, run(seed)?);
        if one != other {
            return Err(format!(
                "seed {seed}: hash {:016x}, then {:016x}",
                one.hash, other.hash
            ));
        }
    }
    if run(1)?.hash == run(2)?.hash {
        return Err("two seeds give the same run".to_owned());
    }
    Ok(())
}

/// The state after each ordered end, and at places between, is what the journal gives there.
fn the_journal_gives_the_state_at_every_cut() -> Result<(), String> {
    let mut commands = 0;
    for seed in 0..6 {
        commands += World::new(seed, Durability::Sync).restarts(4);
    }
    if commands < 1_000 {
        return Err(format!("only {commands} commands"));
    }
    Ok(())
}

/// The checker is checked: where acknowledgements do not wait for the disk, it must be noticed.
fn an_acknowledgement_before_its_sync_is_noticed() -> Result<(), String> {
    keep_panics();
    let noticed = (0..10).any(|seed| caught(|| World::new(seed, Durability::Async).run()).is_err());
    let _kept = std::panic::take_hook();
    if noticed {
        Ok(())
    } else {
        Err("ten runs did not wait for the disk, and nobody noticed".to_owned())
    }
}
