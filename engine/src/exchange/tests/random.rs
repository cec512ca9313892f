//! Seeded random runs against the model.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::generator::{Generator, world};
use super::world::tell;

type Coverage = BTreeMap<String, u64>;

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// Runs a seed; a failure names the seed and the command.
fn run(seed: u64, commands: u64) -> Coverage {
    let mut generator = Generator::new(seed);
    let mut world = world();
    let mut steps = 0;
    for index in 0..commands {
        world.time += generator.random.below(1_200_000);
        let command = generator.next(&world);
        let outcome = catch_unwind(AssertUnwindSafe(|| world.apply(command).steps));
        match outcome {
            Ok(1) => {}
            Ok(_) => steps += 1,
            Err(_) => panic!(
                "seed {seed}, command {index} of the run: {}\n\
                 MODEL_SEED={seed} MODEL_COMMANDS={} cargo test -p engine --lib model runs it again",
                tell(&world.stamp(command)),
                index + 1
            ),
        }
    }
    let mut coverage = std::mem::take(&mut world.model.coverage);
    coverage.insert("commands of more than a step".into(), steps);
    coverage
}

/// What a run must meet, each at least so often in 20,000 commands; a blind generator proves nothing.
const REQUIRED: &[(&str, u64)] = &[
    ("cancel of nothing live", 100),
    ("cancel that raises", 20),
    ("cancels longer than a step", 1),
    ("commands of more than a step", 3),
    ("highest number", 10),
    ("immediate remainder I", 100),
    ("market remainder I", 5),
    ("market remainder K", 20),
    ("market remainder Z", 8),
    ("minimum met", 20),
    ("minimum missed", 50),
    ("minimum missed for funds", 3),
    ("minimum missed for own orders B", 3),
    ("minimum missed for own orders D", 3),
    ("minimum missed for own orders O", 3),
    ("minimum missed for own orders W", 3),
    ("minimum missed with own orders there", 3),
    ("modify", 50),
    ("modify ignored", 20),
    ("modify to nothing", 3),
    ("number gap", 100),
    ("orders canceled together S", 5),
    ("orders canceled together U", 20),
    ("orders canceled together Z", 5),
    ("operation refused 5", 20),
    ("partial cancel", 100),
    ("partial cancel at or below executed", 20),
    ("partial fill of incoming", 200),
    ("partial fill of resting", 200),
    ("post-only dead", 20),
    ("price improvement", 200),
    ("rebate", 100),
    ("refused 0x0002", 20),
    ("refused 0x0003", 5),
    ("refused 0x0004", 5),
    ("refused 0x0006", 5),
    ("refused 0x0007", 20),
    ("refused 0x0009", 1),
    ("refused 0x000a", 10),
    ("refused 0x000c", 20),
    ("refused 0x000d", 5),
    ("refused 0x000f", 50),
    ("refused 0x0011", 5),
    ("refused 0x0013", 5),
    ("refused 0x0014", 20),
    ("refused 0x0015", 50),
    ("refused 0x0016", 5),
    ("refused 0x0017", 5),
    ("refused 0x001d", 5),
    ("refused 0x001f", 5),
    ("refused 0x0020", 100),
    ("refused 0x0026", 10),
    ("refused 0x0029", 10),
    ("refused 0x002b", 1),
    ("refused 0x002f", 1),
    ("refused 0x0031", 5),
    ("repeated number", 50),
    ("replace at or below executed", 10),
    ("replace that crosses", 100),
    ("replace that crosses after executions", 10),
    ("replace that keeps its place", 50),
    ("replace that needs the old hold", 4),
    ("replace that rests whole", 100),
    ("self match B", 12),
    ("self match D", 20),
    ("self match O", 20),
    ("self match W", 20),
    ("sweep longer than a step", 1),
];

/// `MODEL_SEED` alone, or a few seeds; together `MODEL_COMMANDS`, or 20,000 commands. What was met is asserted of the few.
#[test]
fn the_exchange_equals_the_model() {
    let commands = number("MODEL_COMMANDS").unwrap_or(20_000);
    let seeds = match number("MODEL_SEED") {
        Some(seed) => vec![seed],
        None => (1..=4).collect(),
    };
    let mut coverage = Coverage::new();
    for &seed in &seeds {
        for (case, times) in run(seed, commands / seeds.len() as u64) {
            *coverage.entry(case).or_default() += times;
        }
    }
    for (case, times) in &coverage {
        println!("{times:>9} {case}");
    }
    if number("MODEL_SEED").is_some() || commands < 20_000 {
        return;
    }
    for &(case, least) in REQUIRED {
        let times = coverage.get(case).copied().unwrap_or(0);
        assert!(times >= least, "{case}: met {times} times, {least} wanted");
    }
}
