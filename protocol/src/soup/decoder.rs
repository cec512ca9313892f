//! Cuts a byte stream into packets, whatever pieces it arrives in.

use super::HEADER_BYTES;
use super::packets::{ClientPacket, ServerPacket};
use crate::malformed::Malformed;

/// Bytes of the length field.
const LENGTH_BYTES: usize = 2;

/// One whole packet of the stream, not yet understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawPacket<'a> {
    /// Length, type and payload: at least three bytes.
    bytes: &'a [u8],
}

impl<'a> RawPacket<'a> {
    /// Takes the packet in front of `bytes`; `None` when it is not whole yet.
    fn take(bytes: &'a [u8]) -> Result<Option<Self>, Malformed> {
        let Some(length) = bytes.first_chunk::<LENGTH_BYTES>() else {
            return Ok(None);
        };
        let length = usize::from(u16::from_be_bytes(*length));
        if length == 0 {
            return Err(Malformed::Empty);
        }
        Ok(bytes.get(..LENGTH_BYTES + length).map(|bytes| Self { bytes }))
    }

    /// Length field, type and payload.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The type byte.
    pub fn packet_type(&self) -> u8 {
        self.bytes[LENGTH_BYTES]
    }

    /// What follows the type.
    pub fn payload(&self) -> &'a [u8] {
        &self.bytes[HEADER_BYTES..]
    }
}

/// Holds what was read of a stream and not yet understood. Its memory is fixed: a packet longer than the capacity is
/// malformed. After an error the stream has no meaning any more; close the connection.
///
/// Read into [`Decoder::space`], tell how much with [`Decoder::filled`], then take packets until there is none.
#[derive(Debug, Clone)]
pub struct Decoder {
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Decoder {
    /// Room for `capacity` bytes, allocated here and never again. The longest packet there can be has 65,537 bytes.
    ///
    /// # Panics
    /// When there is no room for a login.
    pub fn new(capacity: usize) -> Self {
        assert!(
            capacity >= 64,
            "a decoder of {capacity} bytes has no room for a login"
        );
        Self {
            buffer: vec![0; capacity].into_boxed_slice(),
            start: 0,
            end: 0,
        }
    }

    /// Where the next bytes of the stream go. Never empty once every whole packet was taken.
    pub fn space(&mut self) -> &mut [u8] {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        } else if self.start > 0 && self.buffer.len() - self.end < self.buffer.len() / 2 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        &mut self.buffer[self.end..]
    }

    /// Says that the first `count` bytes of [`Decoder::space`] were filled.
    ///
    /// # Panics
    /// When it had fewer.
    pub fn filled(&mut self, count: usize) {
        assert!(
            count <= self.buffer.len() - self.end,
            "more was filled than there was room for"
        );
        self.end += count;
    }

    /// Takes bytes from a slice; answers how many had room.
    pub fn feed(&mut self, bytes: &[u8]) -> usize {
        let space = self.space();
        let count = space.len().min(bytes.len());
        space[..count].copy_from_slice(&bytes[..count]);
        self.filled(count);
        count
    }

    /// Bytes held.
    pub fn held(&self) -> usize {
        self.end - self.start
    }

    /// Forgets everything: for a new connection.
    pub fn clear(&mut self) {
        self.start = 0;
        self.end = 0;
    }

    /// The next whole packet; `None` when more bytes are needed.
    pub fn next_packet(&mut self) -> Result<Option<RawPacket<'_>>, Malformed> {
        let held = &self.buffer[self.start..self.end];
        // A packet that can never be whole is refused at once, not when the buffer is full.
        if let Some(length) = held.first_chunk::<LENGTH_BYTES>()
            && LENGTH_BYTES + usize::from(u16::from_be_bytes(*length)) > self.buffer.len()
        {
            return Err(Malformed::Long);
        }
        let packet = RawPacket::take(held)?;
        self.start += packet.map_or(0, |packet| packet.bytes.len());
        Ok(packet)
    }

    /// The next whole packet of a client's stream; `None` when more bytes are needed.
    pub fn next_from_client(&mut self) -> Result<Option<ClientPacket<'_>>, Malformed> {
        self.next_packet()?.map(ClientPacket::decode).transpose()
    }

    /// The next whole packet of a server's stream; `None` when more bytes are needed.
    pub fn next_from_server(&mut self) -> Result<Option<ServerPacket<'_>>, Malformed> {
        self.next_packet()?.map(ServerPacket::decode).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_in_any_pieces_gives_the_same_packets() {
        let stream = [
            &b"\0\x01H"[..],
            b"\0\x04Sabc",
            b"\0\x01Z",
            &[0, 60, b'S'],
            &[7; 59],
        ]
        .concat()
        .repeat(5);
        for piece in 1..stream.len() {
            let mut decoder = Decoder::new(64);
            let mut packets = Vec::new();
            for bytes in stream.chunks(piece) {
                let mut rest = bytes;
                while !rest.is_empty() {
                    let taken = decoder.feed(rest);
                    assert!(taken > 0, "a drained decoder has room");
                    rest = &rest[taken..];
                    while let Some(packet) = decoder.next_packet().unwrap() {
                        packets.push((packet.packet_type(), packet.payload().to_vec()));
                    }
                }
            }
            assert_eq!(packets.len(), 20, "pieces of {piece}");
            assert_eq!(packets[1], (b'S', b"abc".to_vec()));
            assert_eq!(packets[19], (b'S', vec![7; 59]));
            assert_eq!(decoder.held(), 0);
        }
    }

    #[test]
    fn lengths_that_cannot_be_are_errors_and_stay_so() {
        let mut decoder = Decoder::new(64);
        decoder.feed(&[0, 0, b'H']);
        assert_eq!(decoder.next_packet(), Err(Malformed::Empty));
        assert_eq!(decoder.next_packet(), Err(Malformed::Empty));
        decoder.clear();
        decoder.feed(&[0, 63]);
        assert_eq!(
            decoder.next_packet(),
            Err(Malformed::Long),
            "known before the rest is there"
        );
        decoder.clear();
        decoder.feed(&[0]);
        assert_eq!(decoder.next_packet(), Ok(None));
    }
}
