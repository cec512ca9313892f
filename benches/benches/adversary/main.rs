//! What the dearest operations cost that somebody can ask for, beside a typical one of the same run.

mod cases;

use std::process::ExitCode;

use benches::contender::{Case, Core, run};
use benches::report::thousands;
use benches::workload::WORKLOADS;
use benches::{Mode, Options, Percentiles, Workload, document, machine};
use cases::{CASES, Scale};

/// What the smoke test's cases tell, on every machine.
const EXPECTED: [u64; CASES.len()] = [
    0xf746_49b5_db19_bb4c,
    0xbf00_f424_c174_2223,
    0xb210_17e9_6e9f_f335,
    0xb572_390a_54b6_d12d,
    0x27a8_486a_7c6c_e2a9,
    0xb26a_49d7_b473_0ffa,
    0xec6b_a4f6_309a_9dce,
    0x14c5_9cdb_f21d_2d23,
    0xae31_38e2_8381_bc6a,
];

const FULL: Scale = Scale {
    orders: 1_000_000,
    levels: 100_000,
    operations: 200_000,
    long: 40,
};

const SMALL: Scale = Scale {
    orders: 1_000,
    levels: 300,
    operations: 1_000,
    long: 5,
};

fn main() -> ExitCode {
    Mode::run(smoke, measure)
}

fn smoke() {
    let mut each = Vec::new();
    let found = CASES.map(|(_, script)| script(SMALL).run(&mut each));
    assert!(found == EXPECTED, "other events than before: {found:#x?}");
}

fn measure(options: &Options) -> Result<(), String> {
    let typical = typical(options);
    let clock = u64::from(machine::clock_ns());
    let mut table = document::Table::new(&["case", "ns p50 / p99 / max", "times the typical p50"]);
    table.row([
        "typical: workload base".to_owned(),
        told(&typical),
        "1".to_owned(),
    ]);
    let mut each = Vec::new();
    for (name, script) in CASES {
        let script = script(FULL);
        let runs: Vec<Percentiles> = (0..options.runs)
            .map(|_| {
                script.run(&mut each);
                Percentiles::of(each.iter().copied())
            })
            .collect();
        let found = Percentiles::median(&runs);
        let net = |time: u64| time.saturating_sub(clock).max(1) as f64;
        table.row([
            name.to_owned(),
            told(&found),
            format!("{:.1}", net(found.p50) / net(typical.p50)),
        ]);
        println!("{name}: {found}");
    }
    let text = format!(
        "{}\n\nCommand: `cargo bench -p benches --bench adversary -- --runs {} --write`; medians of the runs. Times include a reading \
         of the clock ({clock} ns); the last column is without it.\n\n{table}",
        machine::line(),
        options.runs
    );
    println!("\n{text}");
    if options.write {
        document::write("adversary", &text)?;
    }
    Ok(())
}

fn told(found: &Percentiles) -> String {
    [found.p50, found.p99, found.max].map(thousands).join(" / ")
}

/// Single operations of the base workload.
fn typical(options: &Options) -> Percentiles {
    let workload: Workload = WORKLOADS[0];
    let case = Case::new(workload.stream(FULL.operations));
    let mut each = Vec::new();
    let runs: Vec<Percentiles> = (0..options.runs)
        .map(|_| {
            run::<Core<'_, 0>>(&case, Some(&mut each));
            Percentiles::of(each.iter().copied())
        })
        .collect();
    Percentiles::median(&runs)
}
