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
        REQUIRED
            .iter()
            .map(|&(case, least)| (case, self.0.get(case).copied().unwrap_or(0), least))
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

/// Each at least so often in 500,000 commands.
const REQUIRED: &[(&str, u64)] = &[
    ("account changed", 1000),
    ("buy sweep longer than a step", 8),
    ("cancel of nothing live", 10_000),
    ("cancel that raises", 1000),
    ("cancels longer than a step S", 37),
    ("cancels longer than a step T", 14),
    ("cancels longer than a step U", 11),
    ("cancels longer than a step Z", 14),
    ("commands of more than a step", 90),
    ("fees changed while orders rest", 400),
    ("highest number", 600),
    ("immediate remainder I", 10_000),
    ("instrument changed", 800),
    ("kill switch for all", 38),
    ("kill switch for all longer than a step", 13),
    ("kill switch for one", 100),
    ("kill switch for one longer than a step", 10),
    ("market remainder I", 3000),
    ("market remainder K", 1000),
    ("market remainder Z", 200),
    ("mass cancel by firm", 27),
    ("mass cancel by group", 42),
    ("mass cancel by side", 100),
    ("mass cancel by symbol", 100),
    ("match of an order with old fees", 1000),
    ("minimum met", 600),
    ("minimum met with own orders there", 50),
    ("minimum missed", 6000),
    ("minimum missed for funds", 30),
    ("minimum missed for own orders B", 190),
    ("minimum missed for own orders D", 150),
    ("minimum missed for own orders O", 100),
    ("minimum missed for own orders W", 180),
    ("minimum missed with own orders there", 100),
    ("modify", 1000),
    ("modify ignored", 1000),
    ("modify to nothing", 500),
    ("no room for a level", 1000),
    ("no room for an order", 1000),
    ("number gap", 3000),
    ("operation refused 1", 300),
    ("operation refused 2", 200),
    ("operation refused 4", 90),
    ("operation refused 5", 1000),
    ("orders canceled together S", 500),
    ("orders canceled together T", 100),
    ("orders canceled together U", 400),
    ("orders canceled together Z", 200),
    ("partial cancel", 1000),
    ("partial cancel at or below executed", 600),
    ("partial fill of incoming", 10_000),
    ("partial fill of resting", 7000),
    ("post-only dead", 400),
    ("price improvement", 4000),
    ("price improvement with fees", 3000),
    ("rebate", 4000),
    ("refused 0x0002", 3000),
    ("refused 0x0003", 300),
    ("refused 0x0004", 300),
    ("refused 0x0006", 1000),
    ("refused 0x0007", 2000),
    ("refused 0x0009", 100),
    ("refused 0x000a", 3000),
    ("refused 0x000c", 6000),
    ("refused 0x000d", 400),
    ("refused 0x000f", 3000),
    ("refused 0x0011", 300),
    ("refused 0x0013", 1000),
    ("refused 0x0014", 3000),
    ("refused 0x0015", 10_000),
    ("refused 0x0016", 300),
    ("refused 0x0017", 300),
    ("refused 0x001d", 300),
    ("refused 0x001f", 1000),
    ("refused 0x0020", 3000),
    ("refused 0x0026", 3000),
    ("refused 0x0029", 10_000),
    ("refused 0x002b", 100),
    ("refused 0x002f", 100),
    ("refused 0x0031", 3000),
    ("refused by the operator's kill switch", 2000),
    ("repeated number", 2000),
    ("replace across the spread that needs the old hold", 34),
    ("replace at or below executed", 300),
    ("replace refused for the higher fees of its time", 20),
    ("replace that crosses", 2000),
    ("replace that crosses after executions", 200),
    ("replace that keeps its place", 1000),
    ("replace that keeps its place and old fees", 80),
    ("replace that keeps the order from ending, anew", 1000),
    ("replace that keeps the order from ending, in its place", 200),
    ("replace that makes the order end, anew", 800),
    ("replace that makes the order end, in its place", 200),
    ("replace that moves the order's end, anew", 100),
    ("replace that moves the order's end, in its place", 30),
    ("replace that needs the old hold", 100),
    ("replace that rests whole", 4000),
    ("self match B", 600),
    ("self match D", 500),
    ("self match O", 1000),
    ("self match W", 500),
    ("sell sweep longer than a step", 6),
];
