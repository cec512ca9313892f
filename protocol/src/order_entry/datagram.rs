//! The UDP envelope of orders: token, datagram number, message count, blocks, zero padding, and in `mac` mode a tag, which is
//! verified and taken off before the rest is parsed.
//!
//! A datagram is taken whole or not at all: [`OrderDatagram::parse`] looks at every message in it, so that what is
//! inside cannot be malformed afterwards.

use super::request::Request;
use crate::blocks::{self, Blocks};
use crate::layout::wire_messages;
use crate::malformed::Malformed;
use zerocopy::network_endian::{U16, U64};
use zerocopy::{FromBytes, IntoBytes};

pub use crate::blocks::{DATAGRAM_BYTES_MAX, Messages};

wire_messages! {
    /// Order datagram header.
    struct DatagramHeader = "Order Datagram header", 0, 18 {
        /// Token: names the binding.
        token: [u8; 8] = "Token",
        /// Datagram Number: 1, 2, 3 ... per binding; each sending gets a new one, re-sends too.
        datagram_number: U64 = "Datagram Number",
        /// Message Count.
        message_count: U16 = "Message Count",
    }
}

/// Bytes in front of the first block.
pub const HEADER_BYTES: usize = size_of::<DatagramHeader>();
/// Bytes of the tag at the end in `mac` mode.
pub const TAG_BYTES: usize = 16;

/// A checked datagram of requests.
#[derive(Debug, Clone, Copy)]
pub struct OrderDatagram<'a> {
    header: &'a DatagramHeader,
    blocks: &'a [u8],
}

impl<'a> OrderDatagram<'a> {
    /// Checks a datagram without its tag, if it has one: its size, its blocks, zeros after the last one, and
    /// that each message is decodable. A message of an unknown type is decodable; the receiver counts and ignores it.
    /// A datagram without messages is well formed: it says that the client lives.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let datagram = Self::parse_envelope(bytes)?;
        for message in datagram.messages() {
            Request::decode(message)?;
        }
        Ok(datagram)
    }

    /// The token alone, to find the account (and so the form of the datagram) before parsing the rest.
    pub fn token_of(bytes: &[u8]) -> Option<[u8; 8]> {
        bytes.first_chunk().copied()
    }

    /// The number alone: an account with `mac` authentication needs it to verify the tag, before the rest is parsed.
    pub fn number_of(bytes: &[u8]) -> Option<u64> {
        let (_, rest) = bytes.split_first_chunk::<8>()?;
        rest.first_chunk().copied().map(u64::from_be_bytes)
    }

    fn parse_envelope(bytes: &'a [u8]) -> Result<Self, Malformed> {
        if bytes.len() > DATAGRAM_BYTES_MAX {
            return Err(Malformed::Long);
        }
        let (header, rest) = DatagramHeader::ref_from_prefix(bytes).map_err(|_| Malformed::Short)?;
        Ok(Self {
            header,
            blocks: blocks::check(rest, header.message_count.get())?,
        })
    }

    /// The binding it claims to come from.
    pub fn token(&self) -> [u8; 8] {
        self.header.token
    }

    /// The number of this sending.
    pub fn number(&self) -> u64 {
        self.header.datagram_number.get()
    }

    /// Number of messages.
    pub fn message_count(&self) -> u16 {
        self.header.message_count.get()
    }

    /// The bytes of each message.
    pub fn messages(&self) -> Messages<'a> {
        Messages::new(self.blocks)
    }

    /// Each message, decoded.
    pub fn requests(&self) -> impl Iterator<Item = Request<'a>> + use<'a> {
        self.messages()
            .map(|message| Request::decode(message).expect("parse decoded every message before"))
    }
}

/// Makes datagrams of requests in a buffer of its own.
#[derive(Debug, Clone)]
pub struct DatagramPacker {
    blocks: Blocks,
    header: DatagramHeader,
}

impl Default for DatagramPacker {
    fn default() -> Self {
        Self::new(DATAGRAM_BYTES_MAX)
    }
}

impl DatagramPacker {
    /// Datagrams of at most `limit` bytes (a larger limit means [`DATAGRAM_BYTES_MAX`]).
    ///
    /// # Panics
    /// When `limit` has no room for the header.
    pub fn new(limit: usize) -> Self {
        Self {
            blocks: Blocks::new(HEADER_BYTES, limit),
            header: DatagramHeader {
                token: [0; 8],
                datagram_number: U64::ZERO,
                message_count: U16::ZERO,
            },
        }
    }

    /// Begins a datagram, forgetting the one before.
    pub fn start(&mut self, token: [u8; 8], number: u64) {
        self.blocks.clear();
        self.header = DatagramHeader {
            token,
            datagram_number: number.into(),
            message_count: U16::ZERO,
        };
    }

    /// Appends a message. False, and nothing changed, when it does not fit any more: finish this datagram, start the
    /// next.
    #[must_use]
    pub fn push(&mut self, message: &[u8]) -> bool {
        self.blocks.push(message)
    }

    /// Number of messages so far.
    pub fn message_count(&self) -> u16 {
        self.blocks.count()
    }

    /// True when there is no message in it.
    pub fn is_empty(&self) -> bool {
        self.blocks.count() == 0
    }

    /// Bytes so far.
    pub fn length(&self) -> usize {
        self.blocks.length()
    }

    /// The datagram, padded with zeros to `pad_to` bytes (at most the limit).
    pub fn finish(&mut self, pad_to: Option<usize>) -> &[u8] {
        let end = self.seal(pad_to);
        self.blocks.bytes(end)
    }

    /// The datagram in `mac` form: `tag` is given the bytes it covers. `pad_to` counts the tag. Make the packer with a
    /// limit of [`DATAGRAM_BYTES_MAX`] - [`TAG_BYTES`] at most, so that the tag has room.
    ///
    /// # Panics
    /// When the tag has no room.
    pub fn finish_mac(&mut self, pad_to: Option<usize>, tag: impl FnOnce(&[u8]) -> [u8; TAG_BYTES]) -> &[u8] {
        let end = self.seal(pad_to.map(|length| length.saturating_sub(TAG_BYTES)));
        let tag = tag(self.blocks.bytes(end));
        self.blocks.buffer()[end..end + TAG_BYTES].copy_from_slice(&tag);
        self.blocks.bytes(end + TAG_BYTES)
    }

    fn seal(&mut self, pad_to: Option<usize>) -> usize {
        self.header.message_count = self.blocks.count().into();
        self.blocks.seal(self.header.as_bytes(), pad_to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANCEL: &[u8] = b"X\0\0\0\x01\0\0\0\0";

    fn packed(messages: &[&[u8]], pad_to: Option<usize>) -> Vec<u8> {
        let mut packer = DatagramPacker::default();
        packer.start(*b"TOKEN001", 9);
        for message in messages {
            assert!(packer.push(message));
        }
        packer.finish(pad_to).to_vec()
    }

    #[test]
    fn what_is_packed_is_parsed() {
        let bytes = packed(&[CANCEL, b"Q", b"z?"], Some(100));
        assert_eq!(bytes.len(), 100);
        let datagram = OrderDatagram::parse(&bytes).unwrap();
        assert_eq!(
            (datagram.token(), datagram.number(), datagram.message_count()),
            (*b"TOKEN001", 9, 3)
        );
        assert_eq!(datagram.messages().collect::<Vec<_>>(), [CANCEL, b"Q", b"z?"]);
        let requests: Vec<_> = datagram.requests().collect();
        assert!(matches!(
            requests[..],
            [
                Request::Cancel(..),
                Request::AccountQuery(..),
                Request::Unknown(b'z')
            ]
        ));
        assert_eq!(OrderDatagram::token_of(&bytes), Some(*b"TOKEN001"));
    }

    #[test]
    fn one_bad_message_spoils_the_datagram() {
        assert_eq!(
            OrderDatagram::parse(&packed(&[CANCEL, b"X\0"], None)).unwrap_err(),
            Malformed::Short
        );
        assert_eq!(
            OrderDatagram::parse(&packed(&[CANCEL, b""], None)).unwrap_err(),
            Malformed::Empty
        );
    }

    #[test]
    fn a_wrong_count_wrong_padding_or_wrong_size_spoils_it_too() {
        let mut bytes = packed(&[CANCEL], Some(64));
        bytes[17] = 2;
        assert_eq!(
            OrderDatagram::parse(&bytes).unwrap_err(),
            Malformed::Empty,
            "the padding reads as empty messages"
        );
        bytes[17] = 60;
        assert_eq!(OrderDatagram::parse(&bytes).unwrap_err(), Malformed::Inconsistent);
        bytes[17] = 1;
        assert!(OrderDatagram::parse(&bytes).is_ok());
        bytes[63] = 1;
        assert_eq!(OrderDatagram::parse(&bytes).unwrap_err(), Malformed::Long);
        assert_eq!(
            OrderDatagram::parse(&[0; HEADER_BYTES - 1]).unwrap_err(),
            Malformed::Short
        );
        assert_eq!(
            OrderDatagram::parse(&[0; DATAGRAM_BYTES_MAX + 1]).unwrap_err(),
            Malformed::Long
        );
        assert!(OrderDatagram::parse(&[0; DATAGRAM_BYTES_MAX]).is_ok());
    }

    #[test]
    fn a_full_datagram_takes_nothing_more() {
        let mut packer = DatagramPacker::default();
        packer.start([0; 8], 1);
        let mut count = 0;
        while packer.push(CANCEL) {
            count += 1;
        }
        assert_eq!(count, (DATAGRAM_BYTES_MAX - HEADER_BYTES) / 11);
        assert_eq!(packer.message_count(), count as u16);
        assert_eq!(
            OrderDatagram::parse(packer.finish(None))
                .unwrap()
                .messages()
                .count(),
            count
        );
        packer.start([0; 8], 2);
        assert!(packer.is_empty());
        assert_eq!(
            packer.finish(Some(9_999)).len(),
            DATAGRAM_BYTES_MAX,
            "padding ends at the limit"
        );
    }

    #[test]
    fn padding_never_shows_bytes_of_the_datagram_before() {
        let mut packer = DatagramPacker::default();
        packer.start([0; 8], 1);
        while packer.push(b"zzzzzzzz") {}
        packer.finish(None);
        packer.start([0; 8], 2);
        assert!(packer.push(b"Q"));
        assert!(OrderDatagram::parse(packer.finish(Some(500))).is_ok());
    }

    #[test]
    fn the_mac_form_has_a_tag_at_its_end() {
        let mut packer = DatagramPacker::new(DATAGRAM_BYTES_MAX - TAG_BYTES);
        packer.start([1; 8], 1);
        assert!(packer.push(CANCEL));
        let bytes = packer.finish_mac(Some(200), |covered| [covered.len() as u8; TAG_BYTES]);
        assert_eq!(bytes.len(), 200);
        let (covered, tag) = bytes.split_last_chunk::<TAG_BYTES>().unwrap();
        assert_eq!((covered.len(), *tag), (184, [184; TAG_BYTES]));
        assert_eq!(OrderDatagram::number_of(covered), Some(1));
        assert_eq!(OrderDatagram::parse(covered).unwrap().message_count(), 1);
        assert_eq!(OrderDatagram::number_of(&bytes[..15]), None);
    }
}
