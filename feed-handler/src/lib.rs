//! A subscriber of the market-data feed: two lines into one ordered stream, gaps recovered over TCP, books rebuilt.
//!
//! The pieces stand alone, and none but the last two has a socket:
//!
//! - [`handler`]: one method for each message of ITCH 5.0, for those who want the messages themselves.
//! - [`Market`]: a handler that keeps the [`book`]s of all instruments, by order and by price level, and the [`ticker`] beside
//!   them. Message by message, or many at once, which is faster ([`Market::apply_all`]).
//! - `file`, with the feature `files`: recorded days, plain or packed by gzip.
//! - [`arbiter`]: lines A and B into one stream without holes. [`gap`]: when a hole is a gap. [`recovery`]: the conversation that
//!   fills it, without its connection, which is [`recovery_link`]. [`retransmission`]: a small gap is asked for over UDP first, and
//!   its socket, [`retransmission_link`]. [`snapshot`]: where a late comer begins.
//! - [`charts`] watches the stream and keeps candles ([`candle`]) and session statistics ([`bar`]).
//! - [`receiver`]: the lines' sockets. [`subscriber`]: all of it together, one call of `poll` at a time.
//!
//! A market takes its room at the start ([`Capacity`]); nothing is allocated for a message. What is wrong with a message is an error value:
//! malformed bytes change nothing, and what does not fit a book is counted and marks the book ([`BookError`]).
//!
//! ```
//! use feed_handler::{Capacity, Market, Side, decimal};
//! use protocol::{layout::WireMessage, market_data::messages::AddOrder, units::U48};
//!
//! let mut market = Market::new(Capacity { orders: 1_000, levels: 1_000, ..Capacity::default() });
//! let mut message = [0; 36];
//! for (number, side, price) in [(1, b'B', 99_0000), (2, b'B', 98_5000), (3, b'S', 101_0000)] {
//!     let order = AddOrder {
//!         message_type: b'A', stock_locate: 1.into(), tracking_number: 0.into(), timestamp: U48::new(7),
//!         order_reference_number: number.into(), buy_sell_indicator: side, shares: 100.into(),
//!         stock: *b"BTC-USD ", price: price.into(),
//!     };
//!     order.write(&mut message);
//!     market.apply(&message)?;
//! }
//! let best = |side| market.book(1).best(side).map(|level| decimal::price(level.price).to_string());
//! assert_eq!((best(Side::Buy).as_deref(), best(Side::Sell).as_deref()), (Some("99.0000"), Some("101.0000")));
//! # Ok::<(), protocol::Malformed>(())
//! ```
//!
//! `examples/best_prices.rs` does the same from the live feed.
//!
//! Must not be here: anything of the exchange but its words (`protocol`).
#![forbid(unsafe_code)]

mod ahead;
pub mod arbiter;
pub mod auction;
pub mod bar;
mod blocks;
pub mod book;
mod book_error;
pub mod candle;
pub mod charts;
pub mod clock;
pub mod decimal;
pub mod digest;
#[cfg(feature = "files")]
pub mod file;
pub mod gap;
pub mod handler;
mod index;
#[cfg(feature = "interrupt")]
pub mod interrupt;
mod ladder;
mod lead;
pub mod loss;
pub mod market;
mod orders;
mod pages;
pub mod planted;
pub mod receiver;
pub mod recovery;
pub mod recovery_link;
pub mod retransmission;
pub mod retransmission_link;
#[cfg(feature = "tls")]
pub mod secure;
mod side;
pub mod snapshot;
pub mod subscriber;
pub mod switchable;
pub mod ticker;
pub mod timestamp;
mod view;

pub use book::{BookError, BookView, Books, Capacity};
pub use charts::Charts;
pub use digest::Digest;
pub use handler::Handler;
pub use market::Market;
pub use side::Side;
pub use subscriber::{Observer, Retransmission, State, Subscriber, SubscriberConfig};
