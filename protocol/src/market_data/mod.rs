//! Market data: TotalView-ITCH 5.0, GLIMPSE 5.0 snapshots and recorded days.
//!
//! Lives here: layouts ([`messages`], [`glimpse`]), the decoder ([`FeedMessage`]), the framing of files ([`binary_file`]) and the values of fields ([`values`]).

pub mod binary_file;
pub mod feed;
pub mod glimpse;
pub mod messages;
pub mod values;

pub use feed::{FeedMessage, SnapshotMessage};
