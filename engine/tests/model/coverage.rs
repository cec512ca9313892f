//! What a run met, and what it must meet.

use std::collections::BTreeMap;
use std::fmt;

/// Cases and how often each was met.
#[derive(Debug, Default)]
pub(crate) struct Coverage(BTreeMap<String, u64>);

impl Coverage {
    pub(crate) fn add(&mut self, met: BTreeMap<String, u64>) {
        for (case, times) in met {
            *self.0.entry(case).or_default() += times;
        }
    }

    /// Cases that were met less often than they must be: times, and times wanted.
    pub(crate) fn missing(&self) -> Vec<(&'static str, u64, u64)> {
        required()
            .map(|(least, case)| (case, self.0.get(case).copied().unwrap_or(0), least))
            .filter(|&(_, times, least)| times < least)
            .collect()
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|(case, times)| writeln!(f, "{times:>9} {case}"))
    }
}

/// What must be met: a line says how often at least in 500,000 commands, and the case.
const CASES: &str = include_str!("cases.txt");

fn required() -> impl Iterator<Item = (u64, &'static str)> {
    CASES.lines().map(|line| {
        let (times, case) = line.trim().split_once(' ').expect("a number and a case");
        (times.parse().expect("a number"), case)
    })
}
