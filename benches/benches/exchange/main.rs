//! What a command costs in the matching core, and what it would cost in books that do less.
//!
//! All contenders work off the same stream in the same run, in turns. Two kinds of passes: the first reads the clock
//! twice a batch and gives operations a second; the second reads it after each operation and gives percentiles, the
//! reading included. Hashing what was told is outside the measured time.

mod goals;
mod growth;
mod ours;
mod peers;
mod tables;

use std::process::ExitCode;

use benches::contender::Case;
use benches::contender::round::{Entrant, Standing, compare};
use benches::report::thousands;
use benches::workload::{CROWD, WORKLOADS};
use benches::{Mode, Options, Workload, document, machine};

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

/// A workload and how everyone did.
struct Round {
    workload: Workload,
    operations: u32,
    standings: Vec<Standing>,
}

fn everyone() -> Vec<Entrant> {
    let mut all = ours::entrants();
    all.extend(peers::entrants());
    all
}

fn main() -> ExitCode {
    Mode::run(smoke, measure)
}

fn smoke() {
    let mut found = Vec::new();
    for workload in WORKLOADS.into_iter().chain([CROWD]).map(Workload::reduced) {
        let case = Case::new(workload.stream(SMOKE_OPERATIONS));
        for standing in compare(&case, &everyone(), 1) {
            assert!(
                standing.is_right || standing.name == peers::WRONG,
                "{} fills otherwise in {}",
                standing.name,
                workload.name
            );
        }
        found.push((workload.name, case.stream.events_hash));
    }
    assert!(
        found == EXPECTED,
        "the exchange tells other events than before: {found:#x?}"
    );
}

/// All that was asked for; goals and growth when nothing was named.
fn measure(options: &Options) -> Result<(), String> {
    let is_whole = options.workloads.is_empty();
    let workloads = if is_whole {
        WORKLOADS.into_iter().chain([CROWD]).collect()
    } else {
        options.workloads.clone()
    };
    if options.write && !is_whole {
        return Err("only a whole run is written down: name no workloads".to_owned());
    }
    let mut text = format!(
        "{}\n\nCommand: `cargo bench -p benches --bench exchange{} -- --operations {} --runs {} --write`.\n",
        machine::line(),
        peers::FEATURES,
        options.operations,
        options.runs
    );
    println!("{text}");
    let mut rounds = Vec::new();
    for workload in workloads {
        let case = Case::new(workload.stream(options.operations));
        let standings = compare(&case, &everyone(), options.runs);
        let part = tables::workload(&case, &standings, options);
        println!("{part}");
        text.push_str(&part);
        rounds.push(Round {
            workload,
            operations: options.operations,
            standings,
        });
    }
    if !is_whole {
        return Ok(());
    }
    let grown = growth::measure(options);
    let part = format!(
        "\n### Growth\n\n{}\n### Goals\n\n{}",
        growth::table(&grown),
        goals::table(&rounds, &grown)
    );
    println!("{part}");
    text.push_str(&part);
    println!("{} operations each", thousands(u64::from(options.operations)));
    if options.write {
        document::write("exchange", &text)?;
    }
    Ok(())
}
