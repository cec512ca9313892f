//! What an [`EntryClient`](super::EntryClient) is told, and what it answers.

use crate::malformed::Malformed;

/// Bounds and times of an [`EntryClient`](super::EntryClient). Memory is allocated once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryClientConfig {
    /// Most live orders.
    pub orders_max: usize,
    /// Most requests with a number of their own that wait for an answer.
    pub requests_max: usize,
    /// Most cancels and modifies that wait for their effect.
    pub reductions_max: usize,
    /// Time until the first re-send, nanoseconds; doubled with each further one.
    pub resend_ns: u64,
    /// Longest time between two re-sends, nanoseconds.
    pub resend_max_ns: u64,
}

impl Default for EntryClientConfig {
    /// 16,384 orders, 1,024 of each kind waiting, re-sends after 20 ms up to 1 s.
    fn default() -> Self {
        Self {
            orders_max: 16_384,
            requests_max: 1_024,
            reductions_max: 1_024,
            resend_ns: 20_000_000,
            resend_max_ns: 1_000_000_000,
        }
    }
}

/// Why a request was not kept; it should not be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotKept {
    /// The exchange could not decode it either.
    Malformed(Malformed),
    /// Its number is not above those used before, is not one that [`next_user_ref`](super::EntryClient::next_user_ref) would give, or is the
    /// last there is.
    Number,
    /// As many are waiting as may.
    Full,
    /// It is longer than any sensible request.
    TooLong,
    /// It cancels or modifies an order that is not known to live.
    NoSuchOrder,
}

impl core::fmt::Display for NotKept {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Malformed(malformed) => write!(f, "malformed request: {malformed}"),
            Self::Number => f.write_str("the UserRefNum cannot be used"),
            Self::Full => f.write_str("too many requests wait for their answers"),
            Self::TooLong => f.write_str("the request is too long"),
            Self::NoSuchOrder => f.write_str("no such order is live"),
        }
    }
}

impl core::error::Error for NotKept {}

/// How long a request is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Until its number is answered.
    UntilAnswered,
    /// Until the order is at or below what it asks, or has ended.
    UntilEffective,
    /// Not at all: account queries, re-requests, a cancel or modify to no less than the order has.
    NotNeeded,
}

/// What a response meant for what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Effect {
    /// The number whose first answer it is.
    pub answered: Option<u32>,
    /// The order that has ended with it.
    pub finished: Option<u32>,
}
