//! A MoldUDP64 packet being filled, in a buffer of its own that lives as long as the stage.

use protocol::packet::messages::PacketHeader;
use zerocopy::IntoBytes;

/// Bytes of a packet without messages.
const HEADER_BYTES: usize = size_of::<PacketHeader>();
/// Bytes in front of each message: its length.
const LENGTH_BYTES: usize = 2;
/// Message count that ends a session.
pub(super) const END_OF_SESSION: u16 = 0xFFFF;

/// A packet without messages: a heartbeat (count 0) or the end of a session.
pub(super) fn empty_packet(session: [u8; 10], next_sequence: u64, count: u16) -> PacketHeader {
    PacketHeader {
        session,
        sequence_number: next_sequence.into(),
        message_count: count.into(),
    }
}

/// Buffer of one packet.
#[derive(Debug)]
pub(super) struct PacketBuffer {
    bytes: Box<[u8]>,
    used: usize,
    first: u64,
    count: u16,
}

impl PacketBuffer {
    /// For datagrams of at most `bytes_max` bytes.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            bytes: vec![0; bytes_max].into(),
            used: HEADER_BYTES,
            first: 0,
            count: 0,
        }
    }

    /// Appends the message if the packet has room for it. An empty packet has room for any.
    #[must_use]
    pub(super) fn push(&mut self, sequence: u64, message: &[u8]) -> bool {
        let end = self.used + LENGTH_BYTES + message.len();
        if end > self.bytes.len() {
            return false;
        }
        if self.count == 0 {
            self.first = sequence;
        }
        debug_assert_eq!(
            sequence,
            self.first + u64::from(self.count),
            "a packet numbers its messages by their place"
        );
        let (length, rest) = self.bytes[self.used..end].split_at_mut(LENGTH_BYTES);
        length.copy_from_slice(&(message.len() as u16).to_be_bytes());
        rest.copy_from_slice(message);
        self.used = end;
        self.count += 1;
        true
    }

    /// Messages in it.
    pub(super) fn count(&self) -> u16 {
        self.count
    }

    /// The packet, for sending.
    pub(super) fn finish(&mut self, session: [u8; 10]) -> &[u8] {
        let header = empty_packet(session, self.first, self.count);
        self.bytes[..HEADER_BYTES].copy_from_slice(header.as_bytes());
        &self.bytes[..self.used]
    }

    /// Empties it.
    pub(super) fn clear(&mut self) {
        self.used = HEADER_BYTES;
        self.count = 0;
    }
}
