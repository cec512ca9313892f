//! The words of the exchange: wire messages, units, packets, and both ends of each conversation without sockets.
//!
//! Lives here: byte layouts ([`order_entry`], [`market_data`], [`packet`], [`soup`]) and their units ([`units`], [`text`]), and
//! the numbering rules of sessions ([`session`]), where time and bytes are arguments; keys and tags of datagrams
//! (`authentication`, a feature).
//! Must not be here: sockets, clocks, threads, allocation on a per-message path, decimals, floats.
#![forbid(unsafe_code)]

#[cfg(feature = "authentication")]
pub mod authentication;
mod blocks;
pub mod layout;
pub mod malformed;
pub mod market_data;
pub mod order_entry;
pub mod packet;
pub mod session;
pub mod soup;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod text;
pub mod units;

pub use malformed::Malformed;
