//! Market data: TotalView-ITCH 5.0 and the end of a GLIMPSE 5.0 snapshot.

pub mod glimpse;
pub mod messages;
