//! Market data: TotalView-ITCH 5.0, GLIMPSE 5.0 snapshots and recorded days.
//!
//! Lives here: layouts ([`messages`], [`glimpse`]), the decoder ([`FeedMessage`]) and the values of fields ([`values`]).

pub mod feed;
pub mod glimpse;
pub mod messages;
pub mod values;

pub use feed::{FeedMessage, SnapshotMessage};
