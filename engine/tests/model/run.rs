//! One seed: commands one after the other, until they are over or the two disagree.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::generator::Generator;
use super::setting;
use super::world::tell;

/// How often a long run says how far it is.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// So many commands apart the second exchange is replaced by one that is loaded from what the first one saves.
const SNAPSHOT_EVERY: u64 = 997;

/// Where the whole run stands.
pub(crate) struct Progress {
    pub(crate) begun: Instant,
    /// Commands of the seeds before.
    pub(crate) done: u64,
    pub(crate) all: u64,
    /// Somebody watches.
    pub(crate) is_told: bool,
}

/// Gives what was met. A failure names the seed and the command.
pub(crate) fn run(seed: u64, commands: u64, progress: &Progress) -> Result<BTreeMap<String, u64>, String> {
    let mut generator = Generator::new(seed);
    let mut world = setting::world(seed).with_twin(seed ^ 0xDEAD_BEEF);
    let mut longer = 0;
    let mut told = Instant::now();
    for index in 0..commands {
        if index % SNAPSHOT_EVERY == SNAPSHOT_EVERY - 1 {
            world.reload_twin(seed ^ index);
        }
        let command = generator.next(&mut world);
        match catch_unwind(AssertUnwindSafe(|| world.apply(command).steps)) {
            Ok(1) => {}
            Ok(_) => longer += 1,
            Err(_) => {
                return Err(format!(
                    "seed {seed}, command {index} of its run: {}\n\
                     cargo model -- --seed {seed} --for {} runs it again",
                    tell(world.log.last().unwrap_or(&command)),
                    index + 1
                ));
            }
        }
        if progress.is_told && told.elapsed() >= TELL_EVERY {
            told = Instant::now();
            let (done, seconds) = (progress.done + index + 1, progress.begun.elapsed().as_secs());
            println!(
                "seed {seed}: {done} of {} commands, {} a second",
                progress.all,
                done / seconds.max(1)
            );
        }
    }
    // As after a restart: the log alone gives the same state.
    if world.rebuilt(seed).state_hash() != world.exchange.state_hash() {
        return Err(format!("seed {seed}: rebuilt from its commands it is another"));
    }
    let mut coverage = std::mem::take(&mut world.model.coverage);
    coverage.insert("commands of more than a step".into(), longer);
    Ok(coverage)
}
