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
    0x1c2f_f87d_1202_b4ad,
    0xa9ab_ca3d_f22c_7275,
    0xcde2_c23e_5aec_c345,
    0xfa70_c3ba_3451_34a0,
    0x3035_2e7a_26c2_f82c,
    0x7857_0dbd_6d74_2d9e,
    0xa286_7736_120c_d02d,
    0x9b2d_eb24_1144_1e25,
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
