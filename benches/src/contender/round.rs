//! A comparison: every contender works off the same case in every round, so that the machine's moods hit all alike.

use super::{Case, Run};
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
    let mut times = vec![Vec::new(); entrants.len()];
    let mut walls = vec![Vec::new(); entrants.len()];
    let mut percentiles = vec![Vec::new(); entrants.len()];
    let mut no_sweeps = vec![Vec::new(); entrants.len()];
    let mut is_right = vec![true; entrants.len()];
    let mut each = Vec::new();
    for round in 0..rounds as usize {
        for turn in 0..entrants.len() {
            // Another one begins in each round.
            let place = (turn + round) % entrants.len();
            let pass = (entrants[place].run)(case, None);
            times[place].push(pass.quiet_ns);
            walls[place].push(pass.time_ns);
            is_right[place] &= case.is_right(&pass);
        }
    }
    for round in 0..rounds as usize {
        for turn in 0..entrants.len() {
            let place = (turn + round) % entrants.len();
            let pass = (entrants[place].run)(case, Some(&mut each));
            is_right[place] &= case.is_right(&pass);
            percentiles[place].push(Percentiles::of(each.iter().copied()));
            no_sweeps[place].push(Percentiles::of(case.without_sweeps(&each)));
        }
    }
    (0..entrants.len())
        .map(|place| Standing {
            name: entrants[place].name,
            times_ns: std::mem::take(&mut times[place]),
            wall_ns: std::mem::take(&mut walls[place]),
            percentiles: Percentiles::median(&percentiles[place]),
            no_sweeps: Percentiles::median(&no_sweeps[place]),
            is_right: is_right[place],
        })
        .collect()
}

impl Standing {
    /// Millions of operations a second.
    pub fn mops(&self, operations: u32) -> Spread {
        Spread::of(
            self.times_ns
                .iter()
                .map(|&time| f64::from(operations) * 1_000.0 / time as f64),
        )
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
