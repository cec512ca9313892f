//! What an operation costs as the book grows, at the same mix and the same density.

use benches::contender::Case;
use benches::contender::round::{Standing, compare_all};
use benches::document::Table;
use benches::report::thousands;
use benches::workload::WORKLOADS;
use benches::{Options, Spread, Workload};

use crate::ours;
use crate::tables::named;

/// Live orders.
const SIZES: [u32; 4] = [1_000, 10_000, 100_000, 1_000_000];

/// A size and how everyone did.
pub(crate) struct Grown {
    pub(crate) live: u32,
    pub(crate) standings: Vec<Standing>,
    operations: u32,
}

/// All sizes in turns.
pub(crate) fn measure(options: &Options) -> Vec<Grown> {
    let base = WORKLOADS[0];
    let cases: Vec<Case> = SIZES
        .iter()
        .map(|&live| {
            let workload = Workload {
                live,
                width: (base.width * (live / 1_000) / (base.live / 1_000)).max(1),
                ..base
            };
            Case::new(workload.stream(options.operations))
        })
        .collect();
    SIZES
        .iter()
        .zip(compare_all(&cases, &ours::exchange_and_ceiling(), options.runs))
        .map(|(&live, standings)| Grown {
            live,
            standings,
            operations: options.operations,
        })
        .collect()
}

impl Grown {
    /// Nanoseconds an operation.
    pub(crate) fn cost(&self, name: &str) -> Spread {
        let standing = named(&self.standings, name);
        Spread::of(
            standing
                .times_ns
                .iter()
                .map(|&time| time as f64 / f64::from(self.operations)),
        )
    }
}

/// How much dearer an operation is at the largest size than at the smallest.
pub(crate) fn factor(grown: &[Grown], name: &str) -> f64 {
    let (first, last) = (&grown[0], &grown[grown.len() - 1]);
    last.cost(name).median / first.cost(name).median
}

/// As text.
pub(crate) fn table(grown: &[Grown]) -> String {
    let names = [ours::EXCHANGE, ours::EXCHANGE_AHEAD, ours::BALANCES];
    let mut table = Table::new(&[
        "live orders",
        "exchange, ns an operation",
        "fetched ahead",
        "array book with balances",
        "exchange ns p50 / p99 / p99.9 / max, sweeps apart",
    ]);
    for size in grown {
        let cost = |name| {
            let times = size.cost(name).median / grown[0].cost(name).median;
            format!("{:.0} ({times:.2} times)", size.cost(name).median)
        };
        let mut row = vec![thousands(u64::from(size.live))];
        row.extend(names.map(cost));
        row.push(named(&size.standings, ours::EXCHANGE_AHEAD).no_sweeps.to_string());
        table.row(row);
    }
    table.to_string()
}
