//! Message blocks: u16 length + message, one behind the other, and zero padding after the last. MoldUDP64 packets and
//! our order datagrams share them.

use crate::malformed::Malformed;

/// Bytes of a block's length field.
pub(crate) const LENGTH_BYTES: usize = 2;

/// The largest UDP payload of an Ethernet frame of 1,500 bytes: no datagram of ours is longer.
pub const DATAGRAM_BYTES_MAX: usize = 1_472;

/// Checks that `bytes` are `count` blocks and then zeros only; answers the blocks without the padding.
pub(crate) fn check(bytes: &[u8], count: u16) -> Result<&[u8], Malformed> {
    let mut rest = bytes;
    for _ in 0..count {
        let (length, after) = rest
            .split_first_chunk::<LENGTH_BYTES>()
            .ok_or(Malformed::Inconsistent)?;
        rest = after
            .get(usize::from(u16::from_be_bytes(*length))..)
            .ok_or(Malformed::Inconsistent)?;
    }
    // Every byte is looked at: a loop that stops early is not turned into vector instructions.
    if rest.iter().fold(0, |bits, byte| bits | byte) != 0 {
        return Err(Malformed::Long);
    }
    Ok(&bytes[..bytes.len() - rest.len()])
}

/// The messages of checked blocks.
#[derive(Debug, Clone)]
pub struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Messages<'a> {
    /// Goes through blocks that [`check`] answered.
    pub(crate) fn new(blocks: &'a [u8]) -> Self {
        Self { rest: blocks }
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, after) = self.rest.split_first_chunk::<LENGTH_BYTES>()?;
        let (message, rest) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        self.rest = rest;
        Some(message)
    }
}

/// A datagram in the making: a header of fixed size, then blocks, at most `limit` bytes.
#[derive(Debug, Clone)]
pub(crate) struct Blocks {
    bytes: [u8; DATAGRAM_BYTES_MAX],
    header: usize,
    limit: usize,
    length: usize,
    count: u16,
}

impl Blocks {
    /// Room for `limit` bytes behind a header of `header` bytes. A limit above [`DATAGRAM_BYTES_MAX`] is taken as that.
    pub(crate) fn new(header: usize, limit: usize) -> Self {
        let limit = limit.min(DATAGRAM_BYTES_MAX);
        assert!(
            header <= limit,
            "a datagram of {limit} bytes has no room for its header"
        );
        Self {
            bytes: [0; DATAGRAM_BYTES_MAX],
            header,
            limit,
            length: header,
            count: 0,
        }
    }

    /// Another limit, as in [`Blocks::new`].
    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.limit = limit.min(DATAGRAM_BYTES_MAX);
    }

    /// Forgets the blocks.
    pub(crate) fn clear(&mut self) {
        self.length = self.header;
        self.count = 0;
    }

    /// Appends a block. False, and nothing changed, when there is no room or the count is at its end.
    pub(crate) fn push(&mut self, message: &[u8]) -> bool {
        let end = self.length + LENGTH_BYTES + message.len();
        if end > self.limit {
            return false;
        }
        let block = &mut self.bytes[self.length..end];
        // The limit is below 65,536, so that the length fits.
        block[..LENGTH_BYTES].copy_from_slice(&(message.len() as u16).to_be_bytes());
        block[LENGTH_BYTES..].copy_from_slice(message);
        self.length = end;
        self.count += 1;
        true
    }

    /// Number of blocks.
    pub(crate) fn count(&self) -> u16 {
        self.count
    }

    /// Bytes so far, header included.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// Puts `header` in front and pads with zeros to `pad_to` bytes (at most the limit; never cuts). Answers the length.
    pub(crate) fn seal(&mut self, header: &[u8], pad_to: Option<usize>) -> usize {
        self.bytes[..self.header].copy_from_slice(header);
        let end = pad_to.map_or(self.length, |length| length.min(self.limit).max(self.length));
        self.bytes[self.length..end].fill(0);
        end
    }

    /// The bytes up to `end`.
    pub(crate) fn bytes(&self, end: usize) -> &[u8] {
        &self.bytes[..end]
    }

    /// The whole buffer.
    pub(crate) fn buffer(&mut self) -> &mut [u8; DATAGRAM_BYTES_MAX] {
        &mut self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_then_zeros() {
        let bytes = [0, 1, b'a', 0, 0, 0, 2, b'b', b'c', 0, 0];
        let blocks = check(&bytes, 3).unwrap();
        assert_eq!(blocks.len(), 9);
        assert_eq!(Messages::new(blocks).collect::<Vec<_>>(), [&b"a"[..], b"", b"bc"]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(check(&[0, 1], 1), Err(Malformed::Inconsistent));
        assert_eq!(check(&[0], 1), Err(Malformed::Inconsistent));
        assert_eq!(check(&[0, 1, b'a'], 0), Err(Malformed::Long));
        assert_eq!(check(&[0, 0, 0, 1], 1), Err(Malformed::Long));
        assert_eq!(check(&[], 0), Ok(&[][..]));
    }
}
