//! The layout on disk: segment header, frame header, commands; building a frame and taking one apart.
//!
//! Both headers are 64 bytes and have the checksum at offset 60, over all other bytes of the block or frame, padding
//! included. Magic, version and checksum keep their place in every format version.

use std::mem::offset_of;

use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, transmute};

use crate::exchange::command::{Command, CommandKind, LONG_BYTES, SHORT_BYTES};
use crate::planted::{self, Bug};
use crate::runtime::links::Journaled;

#[cfg(target_endian = "big")]
compile_error!("the journal's layout is little-endian, and its structs are the host's");

/// What is written is a multiple of this and begins at a multiple of it.
pub const BLOCK_BYTES: usize = 4096;
/// Version of the layout in this file.
pub const FORMAT_VERSION: u32 = 1;
/// Bytes of commands in a frame, at most, where nothing else is configured.
pub const PAYLOAD_BYTES_DEFAULT: usize = 64 * 1024;
/// Highest value that can be configured.
pub const PAYLOAD_BYTES_MAX: usize = 1024 * 1024;

pub(super) const HEADER_BYTES: usize = 64;
pub(super) const FRAME_BYTES_MAX: usize = padded(PAYLOAD_BYTES_MAX);
const CHECKSUM_OFFSET: usize = 60;
/// On disk only: in `Command::flags` of a command that is followed by its extension.
const EXTENDED: u8 = 0x80;

const SEGMENT_MAGIC: [u8; 8] = *b"XJSEGMT\n";
/// Never a command's first eight bytes (as a number it is beyond 10^17) nor an extension's (it has bits of
/// `OrderOptions::present` that mean nothing), so no block of a torn frame passes for a frame.
pub(super) const FRAME_MAGIC: [u8; 8] = *b"XJFRAME\n";

/// First block of a segment: this, then zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct SegmentHeader {
    /// `XJSEGMT` and a line feed.
    pub magic: [u8; 8],
    /// [`FORMAT_VERSION`].
    pub version: u32,
    /// Checksum of the last frame of the segment before; 0 in the first segment.
    pub previous_checksum: u32,
    /// Hash of the configuration that every frame of this segment was written with.
    pub configuration_hash: u64,
    /// Nanoseconds from 1970 to the midnight (UTC) that `Command::time` counts from.
    pub day_ns: u64,
    /// The number in the file's name.
    pub segment: u64,
    /// Sequence number of the first command of the first frame.
    pub first_sequence: u64,
    /// Zero.
    pub spare: [u8; 12],
    /// CRC32C over all other bytes of the block.
    pub checksum: u32,
}

/// First 64 bytes of a frame; the payload and zeros up to the next block follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct FrameHeader {
    /// `XJFRAME` and a line feed.
    pub magic: [u8; 8],
    /// [`FORMAT_VERSION`].
    pub version: u32,
    /// Checksum of the frame before, in whatever segment; 0 in the first frame of all.
    pub previous_checksum: u32,
    /// Hash of the configuration; the same as in the segment's header.
    pub configuration_hash: u64,
    /// Sequence number of the first command.
    pub first_sequence: u64,
    /// Running hash over all events of the commands before the first.
    pub events_hash_before: u64,
    /// Commands, at least 1.
    pub count: u32,
    /// Bytes of the commands.
    pub payload_bytes: u32,
    /// Zero.
    pub spare: [u8; 12],
    /// CRC32C over all other bytes of the frame, padding included.
    pub checksum: u32,
}

const _: () = assert!(size_of::<SegmentHeader>() == HEADER_BYTES && size_of::<FrameHeader>() == HEADER_BYTES);
const _: () = assert!(
    offset_of!(SegmentHeader, checksum) == CHECKSUM_OFFSET
        && offset_of!(FrameHeader, checksum) == CHECKSUM_OFFSET
);
const _: () = assert!(offset_of!(Command, flags) == FLAGS_OFFSET && offset_of!(Command, sequence) == 0);
const FLAGS_OFFSET: usize = 17;
const KIND_OFFSET: usize = 16;

/// Bytes of a frame with so many bytes of commands.
pub(super) const fn padded(payload_bytes: usize) -> usize {
    (HEADER_BYTES + payload_bytes).next_multiple_of(BLOCK_BYTES)
}

fn checksum(bytes: &[u8]) -> u32 {
    let before = crc32c::crc32c(&bytes[..CHECKSUM_OFFSET]);
    crc32c::crc32c_append(before, &bytes[HEADER_BYTES..])
}

fn seal(bytes: &mut [u8]) -> u32 {
    let checksum = checksum(bytes);
    bytes[CHECKSUM_OFFSET..HEADER_BYTES].copy_from_slice(&checksum.to_le_bytes());
    checksum
}

/// What a block that should begin a frame, or be a segment's header, turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found<T> {
    /// What was looked for, with a right checksum.
    Valid(T),
    /// The first 64 bytes are zero.
    Nothing,
    /// Right magic and checksum, another version.
    Version(u32),
    /// Anything else, and why.
    Invalid(&'static str),
}

impl SegmentHeader {
    /// The header; its checksum is filled in by [`Self::write`].
    pub(super) fn new(segment: u64, first_sequence: u64) -> Self {
        Self {
            magic: SEGMENT_MAGIC,
            version: FORMAT_VERSION,
            segment,
            first_sequence,
            ..Self::new_zeroed()
        }
    }

    /// Writes header and zeros over `block`.
    pub(super) fn write(&self, block: &mut [u8]) {
        assert_eq!(block.len(), BLOCK_BYTES);
        block.fill(0);
        block[..HEADER_BYTES].copy_from_slice(self.as_bytes());
        seal(block);
    }

    pub(super) fn read(block: &[u8]) -> Found<Self> {
        let Some(Ok(header)) = block.get(..HEADER_BYTES).map(Self::read_from_bytes) else {
            return Found::Invalid("the file ends within the segment's header");
        };
        if header.as_bytes() == [0; HEADER_BYTES] {
            return Found::Nothing;
        }
        if header.magic != SEGMENT_MAGIC {
            return Found::Invalid("no segment header");
        }
        if block.len() != BLOCK_BYTES || checksum(block) != header.checksum {
            return Found::Invalid("the segment header's checksum is wrong");
        }
        if header.version != FORMAT_VERSION {
            return Found::Version(header.version);
        }
        Found::Valid(header)
    }
}

impl FrameHeader {
    /// Bytes of the frame, padding included, as far as the header can be believed: `None` when it can not.
    pub(super) fn frame_bytes(head: &[u8]) -> Option<usize> {
        let header = Self::read_from_prefix(head).ok()?.0;
        let payload_bytes = header.payload_bytes as usize;
        (header.magic == FRAME_MAGIC && payload_bytes <= PAYLOAD_BYTES_MAX).then(|| padded(payload_bytes))
    }

    /// Judges `frame`: as many bytes as [`Self::frame_bytes`] says, or as there are.
    pub(super) fn read(frame: &[u8]) -> Found<Self> {
        let Ok((header, _)) = Self::read_from_prefix(frame) else {
            return Found::Invalid("the file ends within the frame's header");
        };
        if header.as_bytes() == [0; HEADER_BYTES] {
            return Found::Nothing;
        }
        if header.magic != FRAME_MAGIC {
            return Found::Invalid("no frame header");
        }
        match Self::frame_bytes(frame) {
            None => return Found::Invalid("the frame's length is impossible"),
            Some(bytes) if frame.len() < bytes => return Found::Invalid("the file ends within the frame"),
            Some(bytes)
                if checksum(&frame[..bytes]) != header.checksum && !planted::is(Bug::ChecksumNotVerified) =>
            {
                return Found::Invalid("the frame's checksum is wrong");
            }
            Some(_) => {}
        }
        if header.version != FORMAT_VERSION {
            return Found::Version(header.version);
        }
        Found::Valid(header)
    }

    /// Sequence number of the last command.
    pub fn last_sequence(&self) -> u64 {
        self.first_sequence + u64::from(self.count) - 1
    }
}

/// Checks what the checksum can not: that the commands are as many as the header says, numbered without a hole, of
/// known kinds. A difference is a mistake of the program that wrote it.
pub(super) fn check_payload(header: &FrameHeader, payload: &[u8]) -> Result<(), String> {
    if header.count == 0 {
        return Err("a frame without commands".into());
    }
    let (mut rest, mut sequence) = (payload, header.first_sequence);
    while let Some(bytes) = command_bytes(rest) {
        if rest[..8] != sequence.to_le_bytes() {
            return Err(format!("command {sequence} has another number"));
        }
        if CommandKind::from_byte(rest[KIND_OFFSET]).is_none() {
            return Err(format!(
                "command {sequence} is of unknown kind {}",
                rest[KIND_OFFSET]
            ));
        }
        rest = &rest[bytes..];
        sequence = sequence.checked_add(1).ok_or("sequence numbers are used up")?;
    }
    if !rest.is_empty() || sequence - header.first_sequence != u64::from(header.count) {
        return Err(format!(
            "{} commands announced, {} found",
            header.count,
            sequence - header.first_sequence
        ));
    }
    Ok(())
}

/// Bytes of the first command of `payload`; `None` when there is no whole one.
fn command_bytes(payload: &[u8]) -> Option<usize> {
    let bytes = if payload.get(FLAGS_OFFSET)? & EXTENDED == 0 {
        SHORT_BYTES
    } else {
        LONG_BYTES
    };
    (bytes <= payload.len()).then_some(bytes)
}

/// The commands of a frame that was checked.
#[derive(Debug, Clone)]
pub struct Commands<'a> {
    payload: &'a [u8],
}

impl<'a> Commands<'a> {
    /// `payload` was checked, or begins and ends where commands begin and end.
    pub(super) fn new(payload: &'a [u8]) -> Self {
        Self { payload }
    }

    /// Bytes not yet taken.
    pub(super) fn bytes_left(&self) -> usize {
        self.payload.len()
    }
}

impl Iterator for Commands<'_> {
    type Item = Command;

    // PERF: a copy of known length for either, made in one go: a command that is put together from pieces and then read in
    // others has to reach the cache in between.
    #[inline]
    fn next(&mut self) -> Option<Command> {
        let (short, rest) = self.payload.split_first_chunk::<SHORT_BYTES>()?;
        if short[FLAGS_OFFSET] & EXTENDED == 0 {
            self.payload = rest;
            return Some(transmute!([*short, [0; LONG_BYTES - SHORT_BYTES]]));
        }
        let (long, rest) = self.payload.split_first_chunk::<LONG_BYTES>()?;
        self.payload = rest;
        let mut long = *long;
        long[FLAGS_OFFSET] &= !EXTENDED;
        Some(transmute!(long))
    }
}

/// A frame in the making; its memory is used again and again.
#[derive(Debug)]
pub(super) struct FrameBuffer {
    /// Header, payload, and room for the padding.
    bytes: Vec<u8>,
    payload_bytes_max: usize,
    payload_bytes: usize,
    count: u32,
    first_sequence: u64,
    events_hash_before: u64,
}

impl FrameBuffer {
    pub(super) fn new(payload_bytes_max: usize) -> Self {
        Self {
            bytes: vec![0; padded(payload_bytes_max)],
            payload_bytes_max,
            payload_bytes: 0,
            count: 0,
            first_sequence: 0,
            events_hash_before: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn clear(&mut self) {
        self.payload_bytes = 0;
        self.count = 0;
    }

    /// Sequence number of the first command. Not to be asked of an empty frame.
    pub(super) fn first_sequence(&self) -> u64 {
        self.first_sequence
    }

    /// Sequence number of the last command. Not to be asked of an empty frame.
    pub(super) fn last_sequence(&self) -> u64 {
        self.first_sequence + u64::from(self.count) - 1
    }

    /// Commands in it.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// Bytes of the frame when it is written.
    pub(super) fn padded_bytes(&self) -> usize {
        padded(self.payload_bytes)
    }

    /// Appends a command; false when there is no room for it.
    pub(super) fn push(&mut self, journaled: &Journaled) -> bool {
        let command = &journaled.command;
        assert!(command.flags & EXTENDED == 0, "the highest flag is the journal's");
        let extended = command.is_extended();
        let length = if extended { LONG_BYTES } else { SHORT_BYTES };
        if self.payload_bytes + length > self.payload_bytes_max {
            return false;
        }
        if self.is_empty() {
            self.first_sequence = command.sequence;
            self.events_hash_before = journaled.events_hash_before;
        }
        let start = HEADER_BYTES + self.payload_bytes;
        // PERF: copies of known lengths.
        if extended {
            self.bytes[start..start + LONG_BYTES].copy_from_slice(command.as_bytes());
            self.bytes[start + FLAGS_OFFSET] |= EXTENDED;
        } else {
            self.bytes[start..start + SHORT_BYTES].copy_from_slice(&command.as_bytes()[..SHORT_BYTES]);
        }
        self.payload_bytes += length;
        self.count += 1;
        true
    }

    /// Writes header, padding and checksum; returns the checksum.
    pub(super) fn seal(&mut self, configuration_hash: u64, previous_checksum: u32) -> u32 {
        let header = FrameHeader {
            magic: FRAME_MAGIC,
            version: FORMAT_VERSION,
            previous_checksum,
            configuration_hash,
            first_sequence: self.first_sequence,
            events_hash_before: self.events_hash_before,
            count: self.count,
            payload_bytes: u32::try_from(self.payload_bytes).expect("at most PAYLOAD_BYTES_MAX"),
            ..FrameHeader::new_zeroed()
        };
        let length = self.padded_bytes();
        self.bytes[..HEADER_BYTES].copy_from_slice(header.as_bytes());
        self.bytes[HEADER_BYTES + self.payload_bytes..length].fill(0);
        seal(&mut self.bytes[..length])
    }

    /// Hands the bytes to the disk; [`Self::give_back`] returns them.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    pub(super) fn give_back(&mut self, bytes: Vec<u8>) {
        self.bytes = bytes;
    }

    /// The commands from byte `from` of the payload on.
    pub(super) fn commands(&self, from: usize) -> Commands<'_> {
        Commands::new(&self.bytes[HEADER_BYTES + from..HEADER_BYTES + self.payload_bytes])
    }

    #[cfg(test)]
    pub(super) fn sealed(&self) -> &[u8] {
        &self.bytes[..self.padded_bytes()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::command::{Order, OrderOptions};

    fn frame(count: u64) -> (FrameBuffer, Vec<Command>) {
        let mut frame = FrameBuffer::new(PAYLOAD_BYTES_DEFAULT);
        let mut commands = Vec::new();
        for sequence in 7..7 + count {
            let mut command = Command::new(CommandKind::Enter);
            command.sequence = sequence;
            command.time = sequence * 1000;
            command = command.with_order(Order {
                price: sequence * 10,
                quantity: 5,
                ..Order::new_zeroed()
            });
            if sequence % 3 == 0 {
                command = command.with_options(OrderOptions {
                    present: OrderOptions::HAS_GROUP,
                    group: 9,
                    ..OrderOptions::new_zeroed()
                });
            }
            assert!(frame.push(&Journaled {
                command,
                events_hash_before: sequence + 100,
            }));
            commands.push(command);
        }
        frame.seal(11, 22);
        (frame, commands)
    }

    fn read(bytes: &[u8]) -> Found<FrameHeader> {
        let length = FrameHeader::frame_bytes(bytes).unwrap_or(bytes.len());
        FrameHeader::read(&bytes[..length.min(bytes.len())])
    }

    #[test]
    fn a_frame_comes_back_as_it_was_written() {
        let (frame, commands) = frame(100);
        let bytes = frame.sealed();
        assert_eq!(bytes.len() % BLOCK_BYTES, 0);
        let Found::Valid(header) = read(bytes) else {
            panic!("a sealed frame is valid");
        };
        assert_eq!((header.first_sequence, header.last_sequence()), (7, 106));
        assert_eq!((header.configuration_hash, header.previous_checksum), (11, 22));
        assert_eq!(header.events_hash_before, 107);
        let payload = &bytes[HEADER_BYTES..HEADER_BYTES + header.payload_bytes as usize];
        assert_eq!(check_payload(&header, payload), Ok(()));
        assert_eq!(Commands::new(payload).collect::<Vec<_>>(), commands);
        assert_eq!(frame.commands(0).collect::<Vec<_>>(), commands);
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let (frame, _) = frame(3);
        let mut bytes = frame.sealed().to_vec();
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(read(&bytes), Found::Invalid(_)), "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        let mut block = [0; BLOCK_BYTES];
        SegmentHeader::new(3, 77).write(&mut block);
        assert!(matches!(SegmentHeader::read(&block), Found::Valid(_)));
        for bit in 0..block.len() * 8 {
            block[bit / 8] ^= 1 << (bit % 8);
            assert!(
                matches!(SegmentHeader::read(&block), Found::Invalid(_)),
                "bit {bit}"
            );
            block[bit / 8] ^= 1 << (bit % 8);
        }
    }

    #[test]
    fn a_frame_used_again_keeps_nothing_of_its_past() {
        let (mut frame, _) = frame(100);
        frame.clear();
        let mut command = Command::new(CommandKind::Cancel);
        command.sequence = 1;
        assert!(frame.push(&Journaled {
            command,
            events_hash_before: 0
        }));
        frame.seal(0, 0);
        assert_eq!(frame.sealed().len(), BLOCK_BYTES);
        assert!(
            frame.sealed()[HEADER_BYTES + SHORT_BYTES..]
                .iter()
                .all(|byte| *byte == 0)
        );
        assert_eq!(frame.commands(0).collect::<Vec<_>>(), [command]);
    }

    #[test]
    fn a_full_frame_takes_no_more() {
        let mut frame = FrameBuffer::new(LONG_BYTES);
        let mut long = Command::new(CommandKind::Enter);
        long.sequence = 1;
        let short = Journaled {
            command: long,
            events_hash_before: 0,
        };
        long.extension[7] = 1;
        let long = Journaled {
            command: long,
            ..short
        };
        assert!(frame.push(&short));
        assert!(!frame.push(&long));
        assert!(frame.push(&short));
        assert!(!frame.push(&short));
        frame.clear();
        assert!(frame.push(&long));
        assert!(!frame.push(&short));
    }

    #[test]
    fn payloads_that_contradict_their_header() {
        let (frame, _) = frame(2);
        let Found::Valid(header) = read(frame.sealed()) else {
            panic!("a sealed frame is valid");
        };
        let mut payload = frame.sealed()[HEADER_BYTES..HEADER_BYTES + 64 + 64].to_vec();
        assert_eq!(check_payload(&header, &payload), Ok(()));
        let check = |payload: &[u8], count| check_payload(&FrameHeader { count, ..header }, payload).is_err();
        assert!(check(&payload, 0) && check(&payload, 1) && check(&payload, 3));
        assert!(check(&payload[..127], 2));
        payload[64] = 9;
        assert!(check(&payload, 2), "a hole");
        payload[64] = 8;
        payload[64 + KIND_OFFSET] = 255;
        assert!(check(&payload, 2), "unknown kind");
    }

    #[test]
    fn another_version_is_told_from_damage() {
        let (frame, _) = frame(1);
        let mut bytes = frame.sealed().to_vec();
        bytes[8] = 2;
        seal(&mut bytes);
        assert_eq!(read(&bytes), Found::Version(2));
    }

    /// The tables of the document, row by row.
    #[test]
    fn the_document_says_the_same() {
        let document = include_str!("../../../docs/protocol/journal.md");
        macro_rules! rows {
            ($layout:ty: $($field:ident $name:literal),+) => {
                $({
                    let offset = offset_of!($layout, $field);
                    let value = <$layout>::new_zeroed();
                    let row = format!("| {offset} | {} | {} |", size_of_val(&value.$field), $name);
                    assert!(document.contains(&row), "{row}");
                })+
            };
        }
        rows!(SegmentHeader: magic "Segment Magic", version "Version", previous_checksum "Previous Checksum",
            configuration_hash "Configuration Hash", day_ns "Day", segment "Segment", first_sequence "First Sequence",
            spare "Spare", checksum "Checksum");
        rows!(FrameHeader: magic "Frame Magic", version "Version", previous_checksum "Previous Checksum",
            configuration_hash "Configuration Hash", first_sequence "First Sequence",
            events_hash_before "Events Hash Before", count "Count", payload_bytes "Payload Length", spare "Spare",
            checksum "Checksum");
        rows!(Command: sequence "Sequence", time "Time", kind "Kind", flags "Flags", instrument "Instrument",
            session "Session", body "Body", extension "Extension");
    }
}
