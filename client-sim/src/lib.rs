//! Customers of the exchange: the order-entry client as a library, customers with a character, and what measures and
//! checks them.
//!
//! Lives here: the client of the order-entry doors ([`connection`]) with its own orders ([`orders`]), instruments and
//! their decimals ([`instruments`]), customers without sockets ([`workload`]) and a market of them in simulated time
//! ([`simulated`]), the open loop ([`pacer`]), latencies ([`latency`]), the checker ([`checker`]), the subscriber that
//! checks the feed of a load ([`feed_check`]), what a market looks like ([`market_statistics`]).
//! Must not be here: how the exchange works inside; only the demo and the simulated market may embed one.
//!
//! A market maker in forty lines, `examples/quote.rs` (the exchange of `exchange run` must be there to run it):
#![doc = concat!("```no_run\n", include_str!("../examples/quote.rs"), "```")]
#![forbid(unsafe_code)]

mod best;
pub mod checker;
pub mod cli;
pub mod connection;
pub mod demo;
pub mod faults;
pub mod feed_check;
pub mod fleet;
pub mod instruments;
pub mod latency;
pub mod market_statistics;
pub mod orders;
pub mod pacer;
pub mod reason;
pub mod report;
pub mod request;
pub mod simulated;
pub mod workload;
