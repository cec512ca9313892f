//! Makes packets of numbered messages in a buffer of its own.

use super::messages::PacketHeader;
use super::{BLOCK_BYTES, END_OF_SESSION, HEADER_BYTES};
use crate::blocks::Blocks;
use crate::text::SessionName;
use zerocopy::IntoBytes;

/// Numbers messages and packs them into datagrams: push until it answers false, finish, push again.
#[derive(Debug, Clone)]
pub struct Packer {
    session: SessionName,
    /// Number of the first message in the packet at work.
    first: u64,
    blocks: Blocks,
    message_bytes_max: usize,
}

impl Packer {
    /// Packets of `session` of at most `limit` bytes (more than [`super::DATAGRAM_BYTES_MAX`] is taken as that). The
    /// first message gets the number `next_sequence`.
    ///
    /// # Panics
    /// When `limit` has no room for a header and a block.
    pub fn new(session: SessionName, next_sequence: u64, limit: usize) -> Self {
        let limit = limit.min(super::DATAGRAM_BYTES_MAX);
        Self {
            session,
            first: next_sequence,
            blocks: Blocks::new(HEADER_BYTES, limit),
            message_bytes_max: message_bytes_max(limit),
        }
    }

    /// Appends a message, which gets the number [`Packer::next_sequence`]. False, and nothing changed, when the packet
    /// is full: finish it and push again.
    ///
    /// # Panics
    /// When the message is too long even for an empty packet: no message of ours is.
    #[must_use]
    pub fn push(&mut self, message: &[u8]) -> bool {
        assert!(
            message.len() <= self.message_bytes_max,
            "a message of {} bytes fits no packet",
            message.len()
        );
        self.blocks.push(message)
    }

    /// The packet, padded with zeros to `pad_to` bytes (at most the limit), and the start of the next one. `None` when
    /// no message is in it.
    pub fn finish(&mut self, pad_to: Option<usize>) -> Option<&[u8]> {
        let count = self.blocks.count();
        if count == 0 {
            return None;
        }
        let header = self.header(count, self.first);
        let end = self.blocks.seal(header.as_bytes(), pad_to);
        self.blocks.clear();
        self.first += u64::from(count);
        Some(self.blocks.bytes(end))
    }

    /// A heartbeat: nothing new, and the number of the next message. Send it only when the packet at work is empty;
    /// otherwise the receiver would think that it lost what is not sent yet.
    pub fn heartbeat(&self) -> [u8; HEADER_BYTES] {
        zerocopy::transmute!(self.header(0, self.next_sequence()))
    }

    /// The end of the session, with the number after its last message.
    pub fn end_of_session(&self) -> [u8; HEADER_BYTES] {
        zerocopy::transmute!(self.header(END_OF_SESSION, self.next_sequence()))
    }

    /// The number that the next pushed message gets.
    pub fn next_sequence(&self) -> u64 {
        self.first + u64::from(self.blocks.count())
    }

    /// Drops what is not finished and goes on with the number `next_sequence`: for packets of old messages.
    pub fn seek(&mut self, next_sequence: u64) {
        self.blocks.clear();
        self.first = next_sequence;
    }

    /// Drops what is not finished and goes on with another stream: for a packer that several streams use in turn.
    pub fn restart(&mut self, session: SessionName, next_sequence: u64) {
        self.session = session;
        self.seek(next_sequence);
    }

    /// From now on packets have at most `limit` bytes. Nothing is in the packet at work.
    ///
    /// # Panics
    /// As [`Packer::new`].
    pub fn set_limit(&mut self, limit: usize) {
        debug_assert!(self.is_empty(), "a packet keeps the limit it was begun with");
        let limit = limit.min(super::DATAGRAM_BYTES_MAX);
        self.message_bytes_max = message_bytes_max(limit);
        self.blocks.set_limit(limit);
    }

    /// True when no message waits to be finished.
    pub fn is_empty(&self) -> bool {
        self.blocks.count() == 0
    }

    /// Number of messages in the packet at work.
    pub fn count(&self) -> u16 {
        self.blocks.count()
    }

    /// Bytes of the packet at work, header included.
    pub fn length(&self) -> usize {
        self.blocks.length()
    }

    /// The stream's name.
    pub fn session(&self) -> SessionName {
        self.session
    }

    fn header(&self, count: u16, sequence: u64) -> PacketHeader {
        PacketHeader {
            session: self.session,
            sequence_number: sequence.into(),
            message_count: count.into(),
        }
    }
}

/// The longest message of a packet of at most `limit` bytes.
fn message_bytes_max(limit: usize) -> usize {
    limit
        .checked_sub(HEADER_BYTES + BLOCK_BYTES)
        .unwrap_or_else(|| panic!("a packet of {limit} bytes has no room for a message"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{Packet, PacketKind};

    #[test]
    fn numbers_go_on_from_packet_to_packet() {
        let mut packer = Packer::new(*b"ITCH000001", 1, 64);
        let mut received = Vec::new();
        for index in 0_u8..10 {
            let message = [index; 10];
            if !packer.push(&message) {
                let packet = packer.finish(None).unwrap();
                assert!(packet.len() <= 64);
                received.extend(
                    Packet::parse(packet)
                        .unwrap()
                        .numbered()
                        .map(|(sequence, m)| (sequence, m.to_vec())),
                );
                assert!(packer.push(&message));
            }
        }
        let packet = packer.finish(Some(64)).unwrap();
        assert_eq!(packet.len(), 64);
        received.extend(
            Packet::parse(packet)
                .unwrap()
                .numbered()
                .map(|(sequence, m)| (sequence, m.to_vec())),
        );
        assert_eq!(
            received,
            (0..10)
                .map(|index| (u64::from(index) + 1, vec![index; 10]))
                .collect::<Vec<_>>()
        );
        assert_eq!(packer.next_sequence(), 11);
        assert!(packer.finish(None).is_none());
    }

    #[test]
    fn heartbeat_and_end_say_the_next_number() {
        let packer = Packer::new(*b"ITCH000001", 42, 1_472);
        for (bytes, kind) in [
            (packer.heartbeat(), PacketKind::Heartbeat),
            (packer.end_of_session(), PacketKind::EndOfSession),
        ] {
            let packet = Packet::parse(&bytes).unwrap();
            assert_eq!(
                (packet.kind(), packet.sequence(), packet.session()),
                (kind, 42, *b"ITCH000001")
            );
        }
    }

    #[test]
    fn seeking_forgets_what_waits() {
        let mut packer = Packer::new(*b"ITCH000001", 42, 1_472);
        assert!(packer.push(b"new"));
        packer.seek(3);
        assert!(packer.is_empty());
        assert!(packer.push(b"old"));
        assert_eq!(Packet::parse(packer.finish(None).unwrap()).unwrap().sequence(), 3);
    }

    #[test]
    fn a_packer_may_serve_several_streams_in_turn() {
        let mut packer = Packer::new(*b"O000000001", 1, 1_472);
        assert!(packer.push(b"one"));
        packer.restart(*b"O000010001", 9);
        assert!(packer.is_empty());
        assert!(packer.push(b"other"));
        let packet = Packet::parse(packer.finish(None).unwrap()).unwrap();
        assert_eq!((packet.session(), packet.sequence()), (*b"O000010001", 9));
        assert_eq!(packer.next_sequence(), 10);
    }

    #[test]
    #[should_panic(expected = "fits no packet")]
    fn a_message_for_which_no_packet_is_large_enough_is_a_bug() {
        let _ = Packer::new(*b"ITCH000001", 1, 64).push(&[0; 43]);
    }
}
