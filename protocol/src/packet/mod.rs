//! MoldUDP64 packets: a session's name, the sequence number of the first message, a count, the messages.
//!
//! Lives here: the layouts ([`messages`]), the checked view of a received packet ([`Packet`]) and the [`Packer`].

pub mod messages;
mod packer;

pub use crate::blocks::{DATAGRAM_BYTES_MAX, Messages};
pub use messages::RequestPacket;
pub use packer::Packer;

use crate::blocks;
use crate::layout::exact;
use crate::malformed::Malformed;
use crate::text::SessionName;
use messages::PacketHeader;
use zerocopy::FromBytes;

/// Bytes in front of the first message block.
pub const HEADER_BYTES: usize = size_of::<PacketHeader>();
/// Bytes a message needs in a packet besides its own.
pub const BLOCK_BYTES: usize = blocks::LENGTH_BYTES;
/// The message count that says: end of session.
pub const END_OF_SESSION: u16 = u16::MAX;

/// What a packet says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PacketKind {
    /// Messages, at least one.
    Messages,
    /// Nothing new; its sequence number is the next one.
    Heartbeat,
    /// The stream has ended; its sequence number is one past the last message.
    EndOfSession,
}

/// A checked packet. After [`Packet::parse`] nothing of it can fail.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    header: &'a PacketHeader,
    blocks: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Checks a received packet: header, blocks, and nothing but zeros after the last one. Packets of any length are
    /// read; those that we make have at most [`DATAGRAM_BYTES_MAX`] bytes.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (header, rest) = PacketHeader::ref_from_prefix(bytes).map_err(|_| Malformed::Short)?;
        let count = match header.message_count.get() {
            END_OF_SESSION => 0,
            count => count,
        };
        header
            .sequence_number
            .get()
            .checked_add(count.into())
            .ok_or(Malformed::Inconsistent)?;
        Ok(Self {
            header,
            blocks: blocks::check(rest, count)?,
        })
    }

    /// The stream's name.
    pub fn session(&self) -> SessionName {
        self.header.session
    }

    /// The number of the first message, or of the next one where there is none.
    pub fn sequence(&self) -> u64 {
        self.header.sequence_number.get()
    }

    /// Number of messages; 0 for a heartbeat and an end of session.
    pub fn count(&self) -> u16 {
        match self.header.message_count.get() {
            END_OF_SESSION => 0,
            count => count,
        }
    }

    /// The number after the last message.
    pub fn next_sequence(&self) -> u64 {
        self.sequence() + u64::from(self.count())
    }

    /// What the packet says.
    pub fn kind(&self) -> PacketKind {
        match self.header.message_count.get() {
            0 => PacketKind::Heartbeat,
            END_OF_SESSION => PacketKind::EndOfSession,
            _ => PacketKind::Messages,
        }
    }

    /// The messages in order.
    pub fn messages(&self) -> Messages<'a> {
        Messages::new(self.blocks)
    }

    /// The messages with their sequence numbers.
    pub fn numbered(&self) -> impl Iterator<Item = (u64, &'a [u8])> + use<'a> {
        let first = self.sequence();
        // The sum of first and count was checked to fit.
        self.messages()
            .enumerate()
            .map(move |(index, message)| (first + index as u64, message))
    }
}

impl RequestPacket {
    /// Asks for `count` messages of `session` from `sequence` on.
    pub fn new(session: SessionName, sequence: u64, count: u16) -> Self {
        Self {
            session,
            sequence_number: sequence.into(),
            requested_message_count: count.into(),
        }
    }

    /// As it is sent.
    pub fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        zerocopy::transmute!(*self)
    }

    /// Views a received request; it has exactly its size.
    pub fn parse(bytes: &[u8]) -> Result<&Self, Malformed> {
        exact(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerocopy::IntoBytes;

    const SESSION: SessionName = *b"ITCH000001";

    fn header(sequence: u64, count: u16) -> Vec<u8> {
        [&SESSION[..], &sequence.to_be_bytes(), &count.to_be_bytes()].concat()
    }

    #[test]
    fn messages_have_numbers() {
        let bytes = [&header(7, 2)[..], b"\0\x03abc\0\x01d", &[0; 30]].concat();
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!((packet.kind(), packet.session()), (PacketKind::Messages, SESSION));
        assert_eq!(
            packet.numbered().collect::<Vec<_>>(),
            [(7, &b"abc"[..]), (8, b"d")]
        );
        assert_eq!(packet.next_sequence(), 9);
    }

    #[test]
    fn heartbeat_and_end_have_none() {
        for (count, kind) in [
            (0, PacketKind::Heartbeat),
            (END_OF_SESSION, PacketKind::EndOfSession),
        ] {
            let bytes = [header(7, count), vec![0; 9]].concat();
            let packet = Packet::parse(&bytes).unwrap();
            assert_eq!(
                (packet.kind(), packet.count(), packet.next_sequence()),
                (kind, 0, 7)
            );
            assert_eq!(packet.messages().count(), 0);
        }
    }

    #[test]
    fn damaged_packets_are_refused() {
        assert_eq!(Packet::parse(&header(1, 0)[..19]).unwrap_err(), Malformed::Short);
        assert_eq!(Packet::parse(&header(1, 1)).unwrap_err(), Malformed::Inconsistent);
        assert_eq!(
            Packet::parse(&header(u64::MAX, 1)).unwrap_err(),
            Malformed::Inconsistent
        );
        assert!(Packet::parse(&header(u64::MAX, 0)).is_ok());
        let junk = [&header(1, 1)[..], b"\0\x01a", b"x"].concat();
        assert_eq!(Packet::parse(&junk).unwrap_err(), Malformed::Long);
    }

    #[test]
    fn requests_have_their_size() {
        let request = RequestPacket::new(SESSION, 5, 100);
        assert_eq!(RequestPacket::parse(request.as_bytes()), Ok(&request));
        assert_eq!(RequestPacket::parse(&[0; 21]), Err(Malformed::Long));
        assert_eq!(RequestPacket::parse(&[0; 19]), Err(Malformed::Short));
    }
}
