//! Random reads in pages of 4 KiB and of 2 MiB.
//!
//! The allocator asks for huge pages when it is told to before the program starts. So the program runs itself again, once
//! for each kind of pages, and reads what it prints.

use std::fs;
use std::hint::black_box;
use std::process::{Command, Stdio};
use std::time::Instant;

use super::quantile;

/// Read from: more than caches and address caches hold.
const WORDS: usize = (256 << 20) / size_of::<u64>();
/// Memory that has to be there for it.
const AVAILABLE_KIB_MIN: u64 = 1 << 20;
/// Reads timed together, and how often: the median is not disturbed by whoever else runs.
const READS: usize = 2_000;
const ROUNDS: usize = 201;
/// What the C library is told in this variable.
const TUNABLES: &str = "GLIBC_TUNABLES";
/// The program.
const PROGRAM: &str = "doctor";
/// Its hidden verb that prints what [`read_ns`] gives.
pub const VERB: &str = "reads";

/// A read that waits for the one before it, in ns.
#[derive(Debug, Clone, Copy)]
pub struct Pages {
    /// With pages of 4 KiB.
    pub small_ns: f64,
    /// With transparent huge pages; nothing where the kernel gives none.
    pub huge_ns: Option<f64>,
}

/// Reads words at random places, each place known only when the word before has come; gives the time of one in ns, and how
/// many KiB of this process lie in huge pages.
pub fn read_ns() -> (f64, u64) {
    // Written, so that each page is there.
    let words = black_box(vec![1_u64; WORDS]);
    let mut state = 1_u64;
    let mut rounds = [0_u64; ROUNDS];
    for round in &mut rounds {
        let begun = Instant::now();
        for _ in 0..READS {
            let place = (state >> 33) as usize % WORDS;
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(words[place]);
        }
        *round = begun.elapsed().as_nanos() as u64;
    }
    black_box(state);
    rounds.sort_unstable();
    let huge_kib = kib("/proc/self/smaps_rollup", "AnonHugePages:").unwrap_or(0);
    (quantile(&rounds, 0.5) as f64 / READS as f64, huge_kib)
}

/// Both kinds; nothing where there is little memory, or the program is not the one that knows the verb.
pub(super) fn measure() -> Option<Pages> {
    // A test of the library is another program, to which the verb means something else.
    if std::env::current_exe().ok()?.file_stem()? != PROGRAM {
        return None;
    }
    if kib("/proc/meminfo", "MemAvailable:")? < AVAILABLE_KIB_MIN {
        return None;
    }
    let (small_ns, _) = run("glibc.malloc.hugetlb=0")?;
    let huge = run("glibc.malloc.hugetlb=1").filter(|(_, huge_kib)| *huge_kib > 0);
    Some(Pages {
        small_ns,
        huge_ns: huge.map(|(cost, _)| cost),
    })
}

/// A number of this process or this host.
fn kib(path: &str, key: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let rest = text.lines().find_map(|line| line.strip_prefix(key))?;
    rest.split_whitespace().next()?.parse().ok()
}

fn run(tunables: &str) -> Option<(f64, u64)> {
    let output = Command::new(std::env::current_exe().ok()?)
        .arg(VERB)
        .env(TUNABLES, tunables)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (cost, huge) = text.trim().split_once(' ')?;
    Some((cost.parse().ok()?, huge.parse().ok()?))
}
