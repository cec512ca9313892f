//! What the figures were measured on.

use std::fs;
use std::thread::available_parallelism;
use std::time::Instant;

/// One line: processor, usable cores, kernel, transparent huge pages, load, and what reading the clock costs.
/// What can not be read is shown as `?`.
pub fn line() -> String {
    format!(
        "machine: {}, {} cores, Linux {}, huge pages {}, load {}, clock {} ns a reading, {} build",
        processor().unwrap_or_else(unknown),
        available_parallelism().map_or_else(|_| unknown(), |cores| cores.to_string()),
        first_line("/proc/sys/kernel/osrelease").unwrap_or_else(unknown),
        huge_pages().unwrap_or_else(unknown),
        first_line("/proc/loadavg")
            .and_then(|line| line.split(' ').next().map(str::to_owned))
            .unwrap_or_else(unknown),
        clock_ns(),
        if cfg!(debug_assertions) {
            "debug"
        } else {
            "release"
        },
    )
}

fn unknown() -> String {
    "?".to_owned()
}

fn first_line(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.lines().next()?.trim().to_owned())
}

fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The setting in force is the one in brackets.
fn huge_pages() -> Option<String> {
    let line = first_line("/sys/kernel/mm/transparent_hugepage/enabled")?;
    let (_, rest) = line.split_once('[')?;
    Some(rest.split_once(']')?.0.to_owned())
}

/// Nanoseconds one reading of the clock takes: the least of several counts, because the machine may be busy.
pub fn clock_ns() -> u32 {
    const READINGS: u32 = 10_000;
    let count = || {
        let start = Instant::now();
        for _ in 0..READINGS {
            std::hint::black_box(Instant::now());
        }
        (start.elapsed().as_nanos() / u128::from(READINGS)) as u32
    };
    (0..20).map(|_| count()).min().unwrap_or(0)
}
