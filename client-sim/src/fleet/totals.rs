//! What a fleet has sent and heard.

/// Counts over all members.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FleetTotals {
    /// Enter and replace requests, and mass cancels: everything with a number.
    pub requests: u64,
    /// Cancels, which have no number.
    pub cancels: u64,
    /// Requests answered.
    pub answered: u64,
    /// Requests refused, among the answered.
    pub rejected: u64,
    /// Requests that never reached the exchange.
    pub not_applied: u64,
    /// Executions of own orders.
    pub executions: u64,
    /// Messages of the order-entry streams.
    pub messages: u64,
    /// Requests and cancels sent again.
    pub resends: u64,
    /// Gaps in the order-entry streams.
    pub gaps: u64,
    /// Messages fetched again, in requests made.
    pub re_requests: u64,
    /// Replays over TCP.
    pub replays: u64,
    /// Datagrams dropped on purpose.
    pub dropped: u64,
    /// Datagrams of orders sent.
    pub datagrams: u64,
    /// Orders in the book.
    pub live: u64,
    /// Orders that outlived their day.
    pub carried: u64,
}

/// Requests and cancels when the trading ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AtStop {
    /// Those due within the time; `None` where as many are sent as are answered.
    pub offered: Option<u64>,
    /// Those sent.
    pub sent: u64,
    /// Those of them that never reached the exchange.
    pub not_applied: u64,
    /// Those of them that still waited for their answer.
    pub waiting: u64,
}

impl AtStop {
    /// Those answered within the time.
    pub fn answered(&self) -> u64 {
        self.sent.saturating_sub(self.not_applied + self.waiting)
    }
}
