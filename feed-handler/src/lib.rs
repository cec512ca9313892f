//! A subscriber of the market-data feed: two lines into one ordered stream, gaps recovered over TCP, books rebuilt.
//!
//! From the wire to the reader: [`receiver`] (sockets), [`arbiter`] (lines A and B into one stream), [`gap`] and
//! [`recovery`] (what is missing), [`market`] with [`book`] and [`ticker`] (what it means). [`subscriber`] ties them
//! together; [`handler`] is for those who want the messages themselves. [`charts`] watches the stream and keeps candles
//! ([`candle`]) and session statistics ([`bar`]).
//! Must not be here: anything of the exchange but its words (`protocol`).
#![forbid(unsafe_code)]

pub mod arbiter;
pub mod auction;
pub mod bar;
pub mod book;
mod book_error;
pub mod candle;
pub mod charts;
pub mod clock;
pub mod decimal;
pub mod digest;
pub mod gap;
pub mod handler;
mod lead;
pub mod loss;
pub mod market;
mod orders;
pub mod planted;
pub mod receiver;
pub mod recovery;
pub mod recovery_link;
pub mod subscriber;
pub mod ticker;
pub mod timestamp;
mod view;

pub use book::{BookError, BookView, Books, Capacity};
pub use charts::Charts;
pub use digest::Digest;
pub use handler::Handler;
pub use market::Market;
pub use orders::Side;
pub use subscriber::{Observer, State, Subscriber, SubscriberConfig};
