//! How still a core is: a loop that does nothing but read the clock, and the gaps in it.
//!
//! Whatever takes the core away (an interrupt, another thread, the machine below) shows as two readings that lie further
//! apart than one takes. This is the floor of every latency: no program can answer while its core is somewhere else.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use crate::cores::Cores;
use crate::host::Host;

/// Gaps longer than these are counted each, in ns.
pub const STEPS_NS: [u64; 4] = [1_000, 10_000, 100_000, 1_000_000];
/// Gaps up to a minute are told apart, with three digits.
const GAP_NS_MAX: u64 = 60_000_000_000;
/// What is told of the gaps.
const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)];

/// What a watch saw.
#[derive(Debug, Clone)]
pub struct Gaps {
    /// Gaps longer than the floor, in ns.
    histogram: Histogram<u64>,
    /// Shortest gap that counts, in ns.
    pub floor_ns: u64,
    /// How long it watched.
    pub elapsed: Duration,
    /// How often it read the clock.
    pub readings: u64,
    /// Gaps longer than each of [`STEPS_NS`].
    pub longer: [u64; STEPS_NS.len()],
    /// All gaps above the floor together, in ns.
    pub lost_ns: u64,
    /// The longest, in ns; 0 for none above the floor.
    pub longest_ns: u64,
}

impl Gaps {
    fn new(floor_ns: u64) -> Self {
        Self {
            histogram: Histogram::new_with_max(GAP_NS_MAX, 3).expect("the bounds are a histogram's"),
            floor_ns,
            elapsed: Duration::ZERO,
            readings: 0,
            longer: [0; STEPS_NS.len()],
            lost_ns: 0,
            longest_ns: 0,
        }
    }

    /// Takes the time between two readings, in ns.
    #[inline]
    fn take(&mut self, gap_ns: u64) {
        self.readings += 1;
        if gap_ns <= self.floor_ns {
            return;
        }
        self.histogram.saturating_record(gap_ns);
        self.lost_ns += gap_ns;
        self.longest_ns = self.longest_ns.max(gap_ns);
        for (count, step) in self.longer.iter_mut().zip(STEPS_NS) {
            *count += u64::from(gap_ns > step);
        }
    }

    /// Gaps above the floor.
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// Share of the time that was gone in them, 0 to 1.
    pub fn lost_share(&self) -> f64 {
        self.lost_ns as f64 / self.elapsed.as_nanos().max(1) as f64
    }

    fn per_second(&self, count: u64) -> f64 {
        count as f64 / self.elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// Mean time of a reading, in ns: what is below the floor.
    fn reading_ns(&self) -> f64 {
        let calm = (self.elapsed.as_nanos() as u64).saturating_sub(self.lost_ns);
        calm as f64 / (self.readings - self.count()).max(1) as f64
    }

    /// A table for people. `core` is where it watched.
    pub fn text(&self, core: Option<usize>) -> String {
        let place = core.map_or("any core".to_owned(), |core| format!("core {core}"));
        let mut text = format!(
            "{place}, {:.1} s, {} readings of the clock, one each {:.0} ns\n{} gaps above {}, {:.3} % of the time\n\n",
            self.elapsed.as_secs_f64(),
            self.readings,
            self.reading_ns(),
            self.count(),
            time(self.floor_ns),
            self.lost_share() * 100.0,
        );
        for (name, quantile) in QUANTILES {
            if self.count() > 0 {
                text.push_str(&format!(
                    "{name:<10} {:>12}\n",
                    time(self.histogram.value_at_quantile(quantile))
                ));
            }
        }
        text.push_str(&format!("{:<10} {:>12}\n\n", "longest", time(self.longest_ns)));
        for (step, count) in STEPS_NS.into_iter().zip(self.longer) {
            text.push_str(&format!(
                "above {:<8} {count:>8}  {:>10.1} a second\n",
                time(step),
                self.per_second(count)
            ));
        }
        text
    }

    /// The same for programs.
    pub fn json(&self, core: Option<usize>) -> Value {
        let quantiles: serde_json::Map<_, _> = QUANTILES
            .into_iter()
            .map(|(name, quantile)| {
                let value = (self.count() > 0).then(|| self.histogram.value_at_quantile(quantile));
                (name.to_owned(), json!(value))
            })
            .collect();
        let longer: serde_json::Map<_, _> = STEPS_NS
            .into_iter()
            .zip(self.longer)
            .map(|(step, count)| (step.to_string(), json!(count)))
            .collect();
        json!({
            "core": core,
            "seconds": self.elapsed.as_secs_f64(),
            "readings": self.readings,
            "reading_ns": self.reading_ns(),
            "floor_ns": self.floor_ns,
            "gaps": self.count(),
            "lost_share": self.lost_share(),
            "longest_ns": self.longest_ns,
            "gap_ns": quantiles,
            "gaps_longer_than_ns": longer,
        })
    }
}

/// A time as people say it.
fn time(nanoseconds: u64) -> String {
    match nanoseconds {
        0..1_000 => format!("{nanoseconds} ns"),
        1_000..1_000_000 => format!("{} us", short(nanoseconds as f64 / 1e3)),
        1_000_000..1_000_000_000 => format!("{} ms", short(nanoseconds as f64 / 1e6)),
        _ => format!("{} s", short(nanoseconds as f64 / 1e9)),
    }
}

/// One decimal, unless it is nothing.
fn short(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// Reads the clock for so long on the core that the thread is on.
pub fn watch(duration: Duration, floor_ns: u64) -> Gaps {
    let mut gaps = Gaps::new(floor_ns);
    let begun = Instant::now();
    let mut before = begun;
    loop {
        let now = Instant::now();
        gaps.take(now.duration_since(before).as_nanos() as u64);
        before = now;
        if now.duration_since(begun) >= duration {
            gaps.elapsed = now.duration_since(begun);
            return gaps;
        }
    }
}

/// Checks that a thread of this process can run on `core`.
///
/// # Errors
/// It can not; how to get one that can.
pub fn check_core(host: &Host, core: usize) -> Result<(), String> {
    let online = host.cores("/sys/devices/system/cpu/online").unwrap_or_default();
    if !online.is_empty() && !online.contains(core) {
        return Err(format!(
            "there is no core {core}: this host has {online}. Name one of those; a core that is switched off comes back with \
             `echo 1 > /sys/devices/system/cpu/cpu{core}/online`"
        ));
    }
    let isolated = host.cores("/sys/devices/system/cpu/isolated").unwrap_or_default();
    let allowed = host.field("/proc/self/status", "Cpus_allowed_list");
    let allowed = allowed.and_then(|list| Cores::parse(&list)).unwrap_or_default();
    if !allowed.is_empty() && !allowed.contains(core) && !isolated.contains(core) {
        return Err(format!(
            "core {core} is not allowed to this process, which has {allowed}. Name one of those, or give its cgroup the core \
             (cpuset.cpus)"
        ));
    }
    Ok(())
}

/// Runs the calling thread on `core` only.
///
/// # Errors
/// The kernel refuses, and why as far as it says so.
pub fn pin(host: &Host, core: usize) -> Result<(), String> {
    check_core(host, core)?;
    match core_affinity::set_for_current(core_affinity::CoreId { id: core }) {
        true => Ok(()),
        false => Err(format!(
            "the kernel refuses core {core}: {}. A container or cpuset may allow fewer: see Cpus_allowed_list in \
             /proc/self/status",
            std::io::Error::last_os_error()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_above_the_floor_are_counted_by_their_length() {
        let mut gaps = Gaps::new(500);
        for gap in [30, 500, 501, 1_000, 1_001, 20_000, 2_000_000] {
            gaps.take(gap);
        }
        gaps.elapsed = Duration::from_millis(10);
        assert_eq!((gaps.readings, gaps.count()), (7, 5));
        assert_eq!(gaps.longer, [3, 2, 1, 1]);
        assert_eq!(gaps.longest_ns, 2_000_000);
        assert_eq!(gaps.lost_ns, 501 + 1_000 + 1_001 + 20_000 + 2_000_000);
        let json = gaps.json(Some(3));
        assert_eq!(json["core"], 3);
        assert_eq!(json["gaps_longer_than_ns"]["10000"], 2);
        assert_eq!(json["gap_ns"]["p50"], 1_001);
        let text = gaps.text(Some(3));
        for part in [
            "core 3, 0.0 s",
            "5 gaps above 500 ns",
            "longest            2 ms",
            "above 10 us",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn no_gaps_are_told_too() {
        let gaps = Gaps::new(1_000);
        assert_eq!(gaps.json(None)["gap_ns"]["p99"], Value::Null);
        assert!(gaps.text(None).contains("any core"));
    }

    #[test]
    fn a_watch_sees_every_reading() {
        let gaps = watch(Duration::from_millis(2), 0);
        assert!(gaps.elapsed >= Duration::from_millis(2));
        assert!(gaps.readings > 0 && gaps.count() <= gaps.readings);
        assert!(gaps.lost_ns <= gaps.elapsed.as_nanos() as u64);
    }

    #[test]
    fn times_are_told_in_their_unit() {
        for (nanoseconds, text) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_500, "1.5 us"),
            (100_000, "100 us"),
            (12_300_000, "12.3 ms"),
            (2_000_000_000, "2 s"),
        ] {
            assert_eq!(time(nanoseconds), text);
        }
    }
}
