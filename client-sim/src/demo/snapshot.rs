//! What the floor shows to the displays: a copy, made a few times a second.

use std::sync::{Mutex, PoisonError};

use crate::fleet::FleetTotals;
use crate::latency::Percentiles;

/// Levels of a book that are shown on each side.
pub(super) const LEVELS: usize = 10;

/// One instrument.
#[derive(Debug, Clone, Default)]
pub(super) struct InstrumentView {
    pub(super) symbol: String,
    pub(super) last: Option<(String, String)>,
    /// Price and quantity, best first.
    pub(super) bids: Vec<(String, String)>,
    pub(super) asks: Vec<(String, String)>,
    pub(super) trades: u64,
}

/// One moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Snapshot {
    /// What is going on.
    pub(super) stage: &'static str,
    /// Nanoseconds of trading.
    pub(super) running_ns: u64,
    pub(super) totals: FleetTotals,
    /// Order to acknowledgement in the last second.
    pub(super) ack_recent: Percentiles,
    pub(super) ack: Percentiles,
    pub(super) feed: Percentiles,
    pub(super) feed_messages: u64,
    pub(super) feed_state: &'static str,
    pub(super) feed_gaps: u64,
    pub(super) feed_recovered: u64,
    pub(super) feed_dropped: u64,
    pub(super) feed_arbitrated: u64,
    /// Messages that the late subscriber has read.
    pub(super) late_messages: u64,
    /// Best prices of the exchange that agreed, or not, with the feed's.
    pub(super) tickers: (u64, u64),
    pub(super) faults: u64,
    pub(super) instruments: Vec<InstrumentView>,
}

impl Snapshot {
    /// A copy of the newest.
    pub(super) fn read(shared: &Mutex<Self>) -> Self {
        shared.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Orders and cancels sent.
    pub(super) fn sent(&self) -> u64 {
        self.totals.requests + self.totals.cancels
    }
}
