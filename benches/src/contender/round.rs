//! A comparison: every contender works off the same case in every round, so that the machine's moods hit all alike.

use super::{Case, Pass, Run};
use crate::{Percentiles, Spread};

/// A contender's place in a comparison.
#[derive(Debug, Clone, Copy)]
pub struct Entrant {
    /// What tables call it.
    pub name: &'static str,
    /// Its passes.
    pub run: Run,
}

/// What a contender did in all rounds.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Which.
    pub name: &'static str,
    /// By round, nanoseconds of all operations together, by the middle batch.
    pub times_ns: Vec<u64>,
    /// By round, with all that the host took away.
    pub wall_ns: Vec<u64>,
    /// Of single operations; each includes one reading of the clock.
    pub percentiles: Percentiles,
    /// The same without those that filled more than [`SWEEP`] orders.
    pub no_sweeps: Percentiles,
    /// Its fills are the exchange's.
    pub is_right: bool,
}

/// More fills than this are a sweep.
pub const SWEEP: u32 = 2;

/// Runs all `entrants`, one after the other, `rounds` times; then again with a clock between the operations.
pub fn compare(case: &Case, entrants: &[Entrant], rounds: u32) -> Vec<Standing> {
    let mut standings = compare_all(std::slice::from_ref(case), entrants, rounds);
    standings.pop().expect("one case has one comparison")
}

/// The same on several cases, which take turns too. By case.
pub fn compare_all(cases: &[Case], entrants: &[Entrant], rounds: u32) -> Vec<Vec<Standing>> {
    let mut gathered: Vec<Vec<Gathered>> = cases
        .iter()
        .map(|_| entrants.iter().map(|_| Gathered::default()).collect())
        .collect();
    let mut each = Vec::new();
    for is_timed_each in [false, true] {
        for round in 0..rounds as usize {
            for (case, gathered) in cases.iter().zip(&mut gathered) {
                for turn in 0..entrants.len() {
                    // Another one begins in each round.
                    let place = (turn + round) % entrants.len();
                    let pass = (entrants[place].run)(case, is_timed_each.then_some(&mut each));
                    gathered[place].add(&pass, is_timed_each.then_some(&each));
                }
            }
        }
    }
    let standings = gathered.into_iter().map(|gathered| {
        let both = entrants.iter().zip(gathered);
        both.map(|(entrant, gathered)| gathered.standing(entrant.name))
            .collect()
    });
    standings.collect()
}

/// What a contender's passes gave so far.
#[derive(Default)]
struct Gathered {
    times_ns: Vec<u64>,
    wall_ns: Vec<u64>,
    percentiles: Vec<Percentiles>,
    no_sweeps: Vec<Percentiles>,
    is_wrong: bool,
}

impl Gathered {
    fn add(&mut self, pass: &Pass<'_>, each: Option<&Vec<u32>>) {
        self.is_wrong |= !pass.is_right;
        match each {
            None => {
                self.times_ns.push(pass.quiet_ns);
                self.wall_ns.push(pass.time_ns);
            }
            Some(each) => {
                self.percentiles.push(Percentiles::of(each.iter().copied()));
                self.no_sweeps
                    .push(Percentiles::of(without_sweeps(each, pass.fills)));
            }
        }
    }

    fn standing(self, name: &'static str) -> Standing {
        Standing {
            name,
            percentiles: Percentiles::median(&self.percentiles),
            no_sweeps: Percentiles::median(&self.no_sweeps),
            times_ns: self.times_ns,
            wall_ns: self.wall_ns,
            is_right: !self.is_wrong,
        }
    }
}

impl Standing {
    /// Millions of operations a second.
    pub fn mops(&self, operations: u32) -> Spread {
        mops(&self.times_ns, operations)
    }

    /// The same with all that the host took away.
    pub fn wall_mops(&self, operations: u32) -> Spread {
        mops(&self.wall_ns, operations)
    }

    /// Speed as a part of another's, round by round.
    pub fn ratio_to(&self, other: &Self) -> Spread {
        Spread::of(
            self.times_ns
                .iter()
                .zip(&other.times_ns)
                .map(|(&own, &other)| other as f64 / own as f64),
        )
    }
}

fn mops(times_ns: &[u64], operations: u32) -> Spread {
    Spread::of(
        times_ns
            .iter()
            .map(|&time| f64::from(operations) * 1_000.0 / time as f64),
    )
}

/// The times of operations that are no sweeps.
fn without_sweeps(each: &[u32], fills: &[u8]) -> impl Iterator<Item = u32> {
    each.iter()
        .zip(fills)
        .filter(|&(_, &fills)| u32::from(fills) <= SWEEP)
        .map(|(&time, _)| time)
}
