//! Clock, system calls, sleeps, gaps.

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use super::quantile;
use crate::jitter;

/// Calls timed together, and how often.
const CALLS: u32 = 2_000;
const ROUNDS: usize = 21;
/// Sleeps, and how long each is meant to be.
const SLEEPS: usize = 200;
const SLEEP: Duration = Duration::from_micros(50);
/// How long the busy loop runs, and what counts as a gap.
const WATCH: Duration = Duration::from_millis(200);
const GAP_NS: u64 = 1_000;

/// How late a sleep ends, in us.
#[derive(Debug, Clone, Copy)]
pub struct Wake {
    /// The median.
    pub p50_us: f64,
    /// One in a hundred.
    pub p99_us: f64,
}

/// Gaps in a busy loop.
#[derive(Debug, Clone, Copy)]
pub struct Noise {
    /// How long it ran.
    pub seconds: f64,
    /// Gaps longer than 1 us, a second.
    pub above_1us_per_second: f64,
    /// The longest.
    pub longest_us: f64,
    /// Share of the time in gaps, in percent.
    pub lost_percent: f64,
}

/// Cost of a call in ns: the median of several rounds.
fn cost<T>(call: impl Fn() -> T) -> f64 {
    let mut rounds: Vec<u64> = (0..ROUNDS)
        .map(|_| {
            let begun = Instant::now();
            for _ in 0..CALLS {
                black_box(call());
            }
            begun.elapsed().as_nanos() as u64
        })
        .collect();
    rounds.sort_unstable();
    quantile(&rounds, 0.5) as f64 / f64::from(CALLS)
}

/// A look at the clock, in ns.
pub(super) fn clock() -> f64 {
    cost(Instant::now)
}

/// The cheapest system call, in ns.
pub(super) fn system_call() -> f64 {
    cost(nix::unistd::getppid)
}

/// How late sleeps end, on a thread whose timers the kernel may not put together with others; nothing when it may.
pub(super) fn wake() -> Option<Wake> {
    let sleeps = || {
        nix::sys::prctl::set_timerslack(1).ok()?;
        let late = || {
            let begun = Instant::now();
            thread::sleep(SLEEP);
            begun.elapsed().saturating_sub(SLEEP).as_nanos() as u64
        };
        let mut late: Vec<u64> = std::iter::repeat_with(late).take(SLEEPS).collect();
        late.sort_unstable();
        Some(Wake {
            p50_us: quantile(&late, 0.5) as f64 / 1e3,
            p99_us: quantile(&late, 0.99) as f64 / 1e3,
        })
    };
    thread::spawn(sleeps).join().expect("sleeping does not panic")
}

/// Gaps in a busy loop on whatever core this runs.
pub(super) fn noise() -> Noise {
    let gaps = jitter::watch(WATCH, GAP_NS);
    let seconds = gaps.elapsed.as_secs_f64();
    Noise {
        seconds,
        above_1us_per_second: gaps.count() as f64 / seconds,
        longest_us: gaps.longest_ns as f64 / 1e3,
        lost_percent: gaps.lost_share() * 100.0,
    }
}
