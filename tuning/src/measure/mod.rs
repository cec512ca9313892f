//! What this host's settings cost, measured in about two seconds.
//!
//! Nothing is changed: sockets on loopback that are closed again, a ring that is given back, a file in the data directory
//! that is removed. Neighbours disturb the figures, so medians are told, and a second run is worth more than digits.

mod net;
pub mod pages;
mod sync;
mod time;

use std::path::Path;

pub use net::{Buffer, Ring, RoundTrip};
pub use pages::Pages;
pub use sync::{Latency, Sync};
pub use time::{Noise, Wake};

/// What was measured; nothing of what was not.
#[derive(Debug, Clone, Default)]
pub struct Measurements {
    /// A look at the clock, in ns.
    pub clock_ns: Option<f64>,
    /// The cheapest system call, in ns.
    pub system_call_ns: Option<f64>,
    /// How late a short sleep ends.
    pub wake: Option<Wake>,
    /// Gaps in a busy loop.
    pub gaps: Option<Noise>,
    /// Two threads over loopback.
    pub round_trip: Option<RoundTrip>,
    /// What a socket's buffer holds.
    pub buffer: Option<Buffer>,
    /// Random reads by the size of pages.
    pub pages: Option<Pages>,
    /// Whether a ring could be had.
    pub ring: Option<Ring>,
    /// Writes to the data directory, or why there were none.
    pub sync: Option<Result<Sync, String>>,
}

impl Measurements {
    /// Measures everything; the disk where a data directory is named.
    pub fn take(data: Option<&Path>) -> Self {
        Self {
            clock_ns: Some(time::clock()),
            system_call_ns: Some(time::system_call()),
            wake: time::wake(),
            gaps: Some(time::noise()),
            round_trip: net::round_trip(),
            buffer: net::buffer(),
            pages: pages::measure(),
            ring: Some(net::ring()),
            sync: data.map(sync::measure),
        }
    }
}

/// The value below which so large a share (0 to 1) of the sorted values lies; 0 for none.
fn quantile(sorted: &[u64], share: f64) -> u64 {
    let last = sorted.len().saturating_sub(1);
    let index = (last as f64 * share).round() as usize;
    sorted.get(index).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_values() {
        let values: Vec<u64> = (1..=101).collect();
        assert_eq!(quantile(&values, 0.5), 51);
        assert_eq!(quantile(&values, 0.99), 100);
        assert_eq!(quantile(&values, 1.0), 101);
        assert_eq!(quantile(&[], 0.5), 0);
    }

    #[test]
    fn this_host_can_be_measured() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
        let measured = Measurements::take(Some(&directory));
        assert!(measured.clock_ns.is_some_and(|cost| cost > 0.0));
        assert!(measured.system_call_ns.is_some_and(|cost| cost > 0.0));
        let buffer = measured.buffer.expect("loopback is there");
        assert!(buffer.held > 0 && buffer.held_by_default > 0, "{buffer:?}");
        let sync = measured
            .sync
            .expect("it was asked for")
            .expect("the build directory can be written");
        assert!(sync.filled.count > 0 && sync.filled.p99_ms >= sync.filled.p50_ms);
        let left = std::fs::read_dir(&directory).expect("it is there").flatten();
        assert_eq!(
            left.filter(|entry| entry.file_name().to_string_lossy().starts_with(".doctor-"))
                .count(),
            0
        );
    }
}
