//! The first bytes of a snapshot: what it is of, and whether it is whole.

use std::mem::offset_of;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::exchange::MATCHING_VERSION;
use crate::exchange::snapshot::Broken;

/// Version of the layout.
pub const FORMAT_VERSION: u32 = 4;
/// Taken at the end of an exchange that ended in order, after its last command.
pub const FLAG_CLEAN: u32 = 1;

const MAGIC: [u8; 8] = *b"XJSNAPS\n";
pub(super) const HEADER_BYTES: usize = size_of::<Header>();

/// A snapshot's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Header {
    /// `XJSNAPS` and a line feed.
    pub magic: [u8; 8],
    /// [`FORMAT_VERSION`].
    pub version: u32,
    /// [`FLAG_CLEAN`].
    pub flags: u32,
    /// The last command that it knows.
    pub sequence: u64,
    /// That command's time.
    pub time: u64,
    /// Nanoseconds from 1970 to the midnight (UTC) that commands' times count from.
    pub day_ns: u64,
    /// The configuration of the process that took it.
    pub configuration_hash: u64,
    /// The matching code of the process that took it: [`matching_hash`].
    pub matching_hash: u64,
    /// The exchange's state hash.
    pub state_hash: u64,
    /// Over all events up to the last command.
    pub events_hash: u64,
    /// Number of the feed's next message.
    pub feed_next: u64,
    /// Bytes of the exchange's state, which comes first.
    pub core_bytes: u64,
    /// Bytes of the streams' numbers, which come next.
    pub streams_bytes: u64,
    /// Bytes of what is remembered beside these, which comes last.
    pub history_bytes: u64,
    /// Number of the trading day, as in session names.
    pub trading_day: u32,
    /// Zero.
    pub spare: [u8; 12],
    /// CRC32C over everything behind the header.
    pub body_checksum: u32,
    /// CRC32C over the header before this field.
    pub checksum: u32,
}

const CHECKSUM_OFFSET: usize = offset_of!(Header, checksum);
const _: () = assert!(HEADER_BYTES == 128 && CHECKSUM_OFFSET == HEADER_BYTES - 4);

/// Says which matching code this is: the program's version, and the number that is raised when the same commands come to
/// cause other events.
pub fn matching_hash() -> u64 {
    let version = crc32c::crc32c(env!("CARGO_PKG_VERSION").as_bytes());
    u64::from(version) << 32 | u64::from(MATCHING_VERSION)
}

impl Header {
    /// True when it was taken at an orderly end.
    pub fn is_clean(&self) -> bool {
        self.flags & FLAG_CLEAN != 0
    }

    /// Fills in what every header has, and the checksums.
    pub(super) fn seal(mut self, body: &[u8]) -> Self {
        self.magic = MAGIC;
        self.version = FORMAT_VERSION;
        self.body_checksum = crc32c::crc32c(body);
        self.checksum = crc32c::crc32c(&self.as_bytes()[..CHECKSUM_OFFSET]);
        self
    }

    /// The header of `bytes`, and what is behind it, if all of it is as it was written.
    pub(super) fn read(bytes: &[u8]) -> Result<(Self, &[u8]), Broken> {
        let (header, body) =
            Self::read_from_prefix(bytes).map_err(|_| Broken("it ends within its header"))?;
        if header.magic != MAGIC {
            return Err(Broken("it is no snapshot"));
        }
        if crc32c::crc32c(&bytes[..CHECKSUM_OFFSET]) != header.checksum {
            return Err(Broken("its header's checksum is wrong"));
        }
        if header.version != FORMAT_VERSION {
            return Err(Broken("it has another format"));
        }
        let parts = [header.core_bytes, header.streams_bytes, header.history_bytes];
        if parts.into_iter().try_fold(0, u64::checked_add) != Some(body.len() as u64) {
            return Err(Broken("it is not as long as its header says"));
        }
        if crc32c::crc32c(body) != header.body_checksum {
            return Err(Broken("its checksum is wrong"));
        }
        Ok((header, body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerocopy::FromZeros;

    /// The table of the document, row by row.
    #[test]
    fn the_document_says_the_same() {
        let document = include_str!("../../../docs/protocol/snapshot.md");
        let zero = Header::new_zeroed();
        macro_rules! rows {
            ($($field:ident $name:literal),+) => {
                $({
                    let (offset, length) = (offset_of!(Header, $field), size_of_val(&zero.$field));
                    let row = format!("| {offset} | {length} | {} |", $name);
                    assert!(document.contains(&row), "{row}");
                })+
            };
        }
        rows!(magic "Snapshot Magic", version "Version", flags "Flags", sequence "Sequence", time "Time", day_ns "Day",
            configuration_hash "Configuration Hash", matching_hash "Matching Hash", state_hash "State Hash",
            events_hash "Events Hash", feed_next "Feed Next", core_bytes "Core Length", streams_bytes "Streams Length",
            history_bytes "History Length", trading_day "Trading Day", spare "Spare", body_checksum "Body Checksum",
            checksum "Checksum");
    }

    #[test]
    fn every_flipped_bit_of_the_header_is_found() {
        let body = [7; 10];
        let header = Header {
            core_bytes: 4,
            streams_bytes: 5,
            history_bytes: 1,
            ..Header::new_zeroed()
        };
        let mut bytes = [header.seal(&body).as_bytes(), &body].concat();
        assert!(Header::read(&bytes).is_ok());
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::read(&bytes).is_err(), "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}
