//! What a command costs in the matching core, and what it would cost in books that do less.
//!
//! All contenders work off the same stream in the same run, in turns. Two kinds of passes: the first reads the clock
//! twice a batch and gives operations a second; the second reads it after each operation and gives percentiles, the
//! reading included. Hashing what was told is outside the measured time.

use std::process::ExitCode;

use benches::ceiling::{Balances, NoMoney};
use benches::contender::round::{Entrant, Standing, compare};
use benches::contender::{Array, Case, Core, OurBook, run};
use benches::report::thousands;
use benches::workload::{CROWD, WORKLOADS};
use benches::{Mode, Options, Workload, machine};

/// Operations of the smoke test.
const SMOKE_OPERATIONS: u32 = 20_000;

/// Events of the reduced workloads' first operations, on every machine.
const EXPECTED: [(&str, u64); 6] = [
    ("base", 0x0773_a224_850c_78cb),
    ("deep", 0xd887_781b_5745_f8af),
    ("multi", 0x564a_7455_ba00_dfeb),
    ("flow", 0x9476_3fa0_0c51_2910),
    ("sparse", 0x85c0_85c8_6119_f364),
    ("crowd", 0x7363_f43d_e6d5_c83f),
];

/// Ours first, then the ceilings that ratios are to.
fn entrants() -> Vec<Entrant> {
    vec![
        Entrant {
            name: "exchange",
            run: |case, each| run::<Core<'_>>(case, each),
        },
        Entrant {
            name: "our book alone",
            run: |case, each| run::<OurBook<'_>>(case, each),
        },
        Entrant {
            name: "array book",
            run: |case, each| run::<Array<'_, NoMoney, false>>(case, each),
        },
        Entrant {
            name: "array book, touched ahead",
            run: |case, each| run::<Array<'_, NoMoney, true>>(case, each),
        },
        Entrant {
            name: "array book with balances",
            run: |case, each| run::<Array<'_, Balances, false>>(case, each),
        },
    ]
}

fn main() -> ExitCode {
    match Mode::of(std::env::args().skip(1)) {
        Mode::Smoke => smoke(),
        Mode::Measure(options) => measure(&options),
        Mode::Wrong(wrong) => {
            eprintln!("{wrong}");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn smoke() {
    let mut found = Vec::new();
    for workload in WORKLOADS.into_iter().chain([CROWD]).map(Workload::reduced) {
        let case = Case::new(workload.stream(SMOKE_OPERATIONS));
        for standing in compare(&case, &entrants(), 1) {
            assert!(
                standing.is_right,
                "{} fills otherwise in {}",
                standing.name, workload.name
            );
        }
        found.push((workload.name, case.stream.events_hash));
    }
    assert!(
        found == EXPECTED,
        "the exchange tells other events than before: {found:#x?}"
    );
}

fn measure(options: &Options) {
    println!("{}", machine::line());
    println!(
        "{} operations, {} runs: median (least-most); percentiles include a reading of the clock",
        thousands(u64::from(options.operations)),
        options.runs
    );
    for workload in &options.workloads {
        let case = Case::new(workload.stream(options.operations));
        tell_counts(&case, options);
        let standings = compare(&case, &entrants(), options.runs);
        println!(
            "{:<28}{:<22}{:<18}{:<18}{:<28}{:<28}fills",
            "",
            "M operations/s",
            "of array book",
            "of it + balances",
            "ns p50 / p99 / p99.9 / max",
            "without sweeps"
        );
        let named = |name| {
            standings
                .iter()
                .find(|standing: &&Standing| standing.name == name)
        };
        let (Some(bare), Some(balances)) = (named("array book"), named("array book with balances")) else {
            unreachable!("the ceilings always run");
        };
        for standing in &standings {
            println!(
                "{:<28}{:<22}{:<18}{:<18}{:<28}{:<28}{}",
                standing.name,
                standing.mops(options.operations).to_string(),
                standing.ratio_to(bare).to_string(),
                standing.ratio_to(balances).to_string(),
                standing.percentiles.to_string(),
                standing.no_sweeps.to_string(),
                if standing.is_right { "equal" } else { "DIFFERENT" },
            );
        }
    }
}

fn tell_counts(case: &Case, options: &Options) {
    let (workload, counts) = (case.stream.workload, case.stream.counts);
    let share = |count: u64| count as f64 * 100.0 / f64::from(options.operations);
    println!(
        "\n{}: seed {}, {} accounts, {} live, events {:016x}",
        workload.name,
        workload.seed,
        thousands(u64::from(workload.accounts)),
        thousands(u64::from(workload.live)),
        case.stream.events_hash,
    );
    println!(
        "  limit {:.1} % ({:.1} % of them crossing), cancel {:.1} %, market {:.1} %, immediate {:.1} %, replace {:.1} %; \
         {:.2} matches and {:.2} events an operation; {} to {} live; {} refused",
        share(counts.limits),
        counts.limits_crossing as f64 * 100.0 / counts.limits as f64,
        share(counts.cancels),
        share(counts.markets),
        share(counts.immediates),
        share(counts.replaces),
        share(counts.matches) / 100.0,
        share(counts.events) / 100.0,
        thousands(counts.live_least),
        thousands(counts.live_most),
        counts.rejected,
    );
}
