//! Both ends of the conversations, without sockets: bytes and time come in as arguments, bytes and deadlines go out.
//!
//! Time is nanoseconds of any clock that never goes backwards; only differences matter.
//!
//! | piece | end | what it knows |
//! | --- | --- | --- |
//! | [`Receiver`] | of a numbered stream | order, duplicates, gaps, what to ask for again and when, silence, the end |
//! | [`Sender`] | of a numbered stream | numbers, packets, heartbeats |
//! | [`EntryClient`] | client of order entry | UserRefNums, what was not answered yet and must be sent again |
//! | [`ReplayWindow`], [`is_silent`] | server of order entry | datagram numbers seen, dead connections |

mod entry_client;
mod entry_server;
mod held;
mod receiver;
mod sender;

pub use entry_client::{Effect, EntryClient, EntryClientConfig, Kept, NotKept};
pub use entry_server::{ReplayWindow, SILENCE_NS, is_silent, silence_limit_ns};
pub use receiver::{Arrival, Receiver, ReceiverConfig, ReceiverCounts};
pub use sender::Sender;

/// Silence after which either end says that it lives.
pub const HEARTBEAT_NS: u64 = 1_000_000_000;
