//! Order entry: OUCH 5.0 and the messages of our own beside it.

pub mod own;
pub mod requests;
pub mod responses;
