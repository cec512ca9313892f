//! MoldUDP64 packets.

pub mod messages;
