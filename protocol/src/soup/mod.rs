//! SoupBinTCP packets.

pub mod messages;
