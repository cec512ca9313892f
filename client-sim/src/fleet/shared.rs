//! What the members of a fleet add to together.

use protocol::order_entry::own::Ticker;

use crate::checker::Checker;
use crate::instruments::Instruments;
use crate::latency::feed::OrdersEnd;
use crate::latency::{FeedLatency, Latencies};

/// What all members add to.
#[derive(Debug)]
pub struct Shared {
    /// Follows orders and money.
    pub checker: Checker,
    /// From the intended times of orders to what was heard of them; the feed's are in [`Shared::feed`].
    pub latencies: Latencies,
    /// Order to feed, from the intended time.
    pub feed: FeedJoin,
    /// Only what was meant to be sent within these times is measured: `(from, until)`.
    pub(super) measured: (u64, u64),
    /// Refusals by reason.
    pub rejected: [u64; 64],
    /// The instruments, as the first member learned them.
    pub instruments: Instruments,
    /// Lost connections.
    pub lost_connections: u64,
    /// Why the last one was lost.
    pub trouble: Option<String>,
    /// Days ended, each counted by each member.
    pub days_ended: u64,
    /// Answers to ticker questions that nobody looked at yet.
    pub tickers: Vec<Ticker>,
}

/// Who joins an order with its message on the feed.
#[derive(Debug)]
pub enum FeedJoin {
    /// Nobody.
    Nobody,
    /// The fleet, whose thread hears the feed too.
    Here(FeedLatency),
    /// Another thread.
    There(OrdersEnd),
}

impl FeedJoin {
    /// The latencies joined here.
    pub fn here(&self) -> Option<&FeedLatency> {
        match self {
            Self::Here(joined) => Some(joined),
            Self::Nobody | Self::There(_) => None,
        }
    }

    pub(super) fn forget(&mut self) {
        if let Self::Here(joined) = self {
            joined.forget();
        }
    }
}
