//! SoupBinTCP packets: u16 length, type byte, payload.
//!
//! Lives here: the layouts of logins ([`messages`]), the [`Decoder`] of a byte stream, both directions' packets
//! ([`ClientPacket`], [`ServerPacket`]) and the encoders ([`encode`]).
//! Must not be here: who may log in, sequence numbers of a stream, timers.

mod decoder;
pub mod encode;
pub mod messages;
mod packets;

pub use decoder::{Decoder, RawPacket};
pub use packets::{ClientPacket, Login, ServerPacket};

/// Bytes in front of a packet's payload: length and type.
pub const HEADER_BYTES: usize = 3;

/// Login Rejected: user name or password is wrong.
pub const REJECT_NOT_AUTHORIZED: u8 = b'A';
/// Login Rejected: the session is unknown, or cannot be served from the requested number on.
pub const REJECT_SESSION: u8 = b'S';
