//! The words of the exchange: wire messages, units, packets, and both ends of each conversation without sockets.
//!
//! Lives here: byte layouts ([`order_entry`], [`market_data`], [`packet`], [`soup`]), their units ([`units`]), and the
//! numbering rules of sessions ([`session`]), where time and bytes are arguments.
//! Must not be here: sockets, clocks, threads, allocation on a per-message path, decimals, floats.
#![forbid(unsafe_code)]

pub mod layout;
pub mod market_data;
pub mod order_entry;
pub mod packet;
pub mod soup;
pub mod units;
