//! Whether the last windows are as the first: medians of both, their ratio, and what it may be.

use std::fmt;

use serde_json::{Value, json};

use super::window::Window;
use crate::latency::Kind;

/// Windows without which nothing can be said.
pub(crate) const WINDOWS_MIN: usize = 4;
/// The rate at the end is at least this share of that at the beginning.
const RATE_SHARE: f64 = 0.95;

/// What a ratio may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Of p50 and p99.
    pub(crate) latency: f64,
    /// Of resident memory.
    pub(crate) memory: f64,
}

/// One thing that was looked at.
#[derive(Debug, Clone)]
struct Check {
    name: &'static str,
    first: f64,
    last: f64,
    /// Too much (or, for the rate, too little).
    has_drifted: bool,
}

impl Check {
    fn ratio(&self) -> f64 {
        self.last / self.first
    }
}

/// The comparison.
#[derive(Debug, Clone)]
pub(crate) struct Drift {
    checks: Vec<Check>,
    windows: usize,
}

impl Drift {
    /// Compares the last third of the windows with the first third.
    pub(crate) fn of(windows: &[Window], bounds: Bounds) -> Self {
        let mut checks = Vec::new();
        let part = (windows.len() / 3).max(1);
        let mut look = |name, most: Option<f64>, of: &dyn Fn(&Window) -> Option<f64>| {
            let middle = |windows: &[Window]| median(windows.iter().filter_map(of).collect());
            let first = windows.get(..part).and_then(middle);
            let last = windows.get(windows.len().saturating_sub(part)..).and_then(middle);
            if let (Some(first), Some(last)) = (first, last)
                && first > 0.0
            {
                checks.push(Check {
                    name,
                    first,
                    last,
                    has_drifted: match most {
                        Some(most) => last > most * first,
                        None => last < RATE_SHARE * first,
                    },
                });
            }
        };
        let latency = |kind: Kind, of: fn(&crate::latency::Percentiles) -> u64| {
            move |window: &Window| Some(of(&window.latencies.of(kind)) as f64)
        };
        look("requests answered a second", None, &|window| Some(window.rate));
        look(
            "order-ack p50, ns",
            Some(bounds.latency),
            &latency(Kind::OrderAck, |of| of.p50),
        );
        look(
            "order-ack p99, ns",
            Some(bounds.latency),
            &latency(Kind::OrderAck, |of| of.p99),
        );
        look("memory of the exchange, bytes", Some(bounds.memory), &|window| {
            window.memory.exchange.map(|bytes| bytes as f64)
        });
        look("own memory, bytes", Some(bounds.memory), &|window| {
            window.memory.own.map(|bytes| bytes as f64)
        });
        Self {
            checks,
            windows: windows.len(),
        }
    }

    /// True when there were windows enough, and nothing drifted.
    pub(crate) fn is_none(&self) -> bool {
        self.windows >= WINDOWS_MIN && self.checks.iter().all(|check| !check.has_drifted)
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        let checks: Vec<Value> = self
            .checks
            .iter()
            .map(|check| {
                json!({
                    "of": check.name, "first": check.first, "last": check.last, "ratio": check.ratio(),
                    "has_drifted": check.has_drifted,
                })
            })
            .collect();
        json!({ "windows": self.windows, "none": self.is_none(), "checks": checks })
    }
}

/// The middle one; of an even number the mean of both.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = values[(values.len() - 1) / 2];
    Some(f64::midpoint(lower, upper))
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.windows < WINDOWS_MIN {
            return writeln!(
                f,
                "drift: only {} windows came to their end; {WINDOWS_MIN} are needed",
                self.windows
            );
        }
        writeln!(
            f,
            "drift, the last third of {} windows against the first:",
            self.windows
        )?;
        for check in &self.checks {
            writeln!(
                f,
                "  {:<30} {:>14.0} {:>14.0}  ratio {:.2}{}",
                check.name,
                check.first,
                check.last,
                check.ratio(),
                if check.has_drifted { "  DRIFTED" } else { "" }
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::window::Memory;
    use super::*;
    use crate::latency::Kinds;

    const BOUNDS: Bounds = Bounds {
        latency: 1.5,
        memory: 1.1,
    };

    fn windows(last: impl Fn(&mut u64, &mut f64, &mut Memory)) -> Vec<Window> {
        (0..9)
            .map(|number| {
                let (mut latency_ns, mut rate) = (20_000, 5_000.0);
                let mut memory = Memory {
                    exchange: Some(1_000_000),
                    own: Some(1_000_000),
                };
                if number >= 6 {
                    last(&mut latency_ns, &mut rate, &mut memory);
                }
                let mut kinds = Kinds::default();
                kinds.of_mut(Kind::OrderAck).record(0, latency_ns);
                Window::new(number, 1.0, rate, kinds.percentiles(), memory)
            })
            .collect()
    }

    #[test]
    fn a_steady_run_does_not_drift_and_each_drift_is_told() {
        assert!(Drift::of(&windows(|_, _, _| {}), BOUNDS).is_none());
        let slower = windows(|latency_ns, _, _| *latency_ns *= 2);
        let fewer = windows(|_, rate, _| *rate *= 0.9);
        let larger = windows(|_, _, memory| memory.exchange = Some(1_200_000));
        let fatter = windows(|_, _, memory| memory.own = Some(1_200_000));
        for (windows, drifted) in [(slower, 2), (fewer, 1), (larger, 1), (fatter, 1)] {
            let drift = Drift::of(&windows, BOUNDS);
            assert!(!drift.is_none());
            assert_eq!(drift.to_string().matches("DRIFTED").count(), drifted, "{drift}");
            assert_eq!(drift.json()["none"], false);
        }
    }

    #[test]
    fn too_few_windows_are_not_a_success() {
        let drift = Drift::of(&windows(|_, _, _| {})[..3], BOUNDS);
        assert!(!drift.is_none() && drift.to_string().contains("only 3"));
    }
}
