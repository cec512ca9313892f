//! What a workload's comparison comes to, as text.

use benches::Options;
use benches::contender::Case;
use benches::contender::round::Standing;
use benches::document::Table;
use benches::report::thousands;

use crate::ours;

/// The standing of that name.
pub(crate) fn named<'a>(standings: &'a [Standing], name: &str) -> &'a Standing {
    standings
        .iter()
        .find(|standing| standing.name == name)
        .expect("our own always run")
}

/// A workload's part of the document.
pub(crate) fn workload(case: &Case, standings: &[Standing], options: &Options) -> String {
    let mut table = Table::new(&[
        "contender",
        "M operations/s",
        "pauses included",
        "of the array book",
        "of it with balances",
        "ns p50 / p99 / p99.9 / max",
        "sweeps apart",
        "fills",
    ]);
    let bare = named(standings, ours::ARRAY);
    let balances = named(standings, ours::BALANCES);
    for standing in standings {
        table.row([
            standing.name.to_owned(),
            standing.mops(options.operations).to_string(),
            format!("{:.2}", standing.wall_mops(options.operations).median),
            format!("{:.2}", standing.ratio_to(bare).median),
            format!("{:.2}", standing.ratio_to(balances).median),
            standing.percentiles.to_string(),
            standing.no_sweeps.to_string(),
            if standing.is_right {
                "equal"
            } else {
                "**different**"
            }
            .to_owned(),
        ]);
    }
    format!(
        "\n### Workload {}\n\n{}\n\n{table}",
        case.stream.workload.name,
        head(case, options)
    )
}

fn head(case: &Case, options: &Options) -> String {
    let (workload, counts) = (case.stream.workload, case.stream.counts);
    let share = |count: u64| count as f64 * 100.0 / f64::from(options.operations);
    format!(
        "Seed {}, {} accounts, {} operations, instruments: {}, {} to {} live orders; limit {:.1} % ({:.1} % of them crossing), \
         cancel {:.1} %, market {:.1} %, immediate {:.1} %, replace {:.1} %; {:.2} matches and {:.2} events an operation; \
         hash of the events `{:016x}`.",
        workload.seed,
        thousands(u64::from(workload.accounts)),
        thousands(u64::from(options.operations)),
        workload.instruments,
        thousands(counts.live_least),
        thousands(counts.live_most),
        share(counts.limits),
        counts.limits_crossing as f64 * 100.0 / counts.limits as f64,
        share(counts.cancels),
        share(counts.markets),
        share(counts.immediates),
        share(counts.replaces),
        share(counts.matches) / 100.0,
        share(counts.events) / 100.0,
        case.stream.events_hash,
    )
}
