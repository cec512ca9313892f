//! What lies behind the last whole frame: nothing, the rest of one write, or something that must not be there.

use std::io;

use zerocopy::FromBytes;

use super::disk::Segments;
use super::frame::{BLOCK_BYTES, Found, FrameHeader, SegmentHeader};

const CHUNK_BYTES: usize = 256 * BLOCK_BYTES;
const ZEROS: [u8; BLOCK_BYTES] = [0; BLOCK_BYTES];

/// What was found from an offset to the end of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// Zeros up to the end, but for the bytes before this offset (the offset looked from: zeros only).
    Until(u64),
    /// A whole frame, or a segment's header, at `offset`; `sequence` is its first command.
    Whole {
        /// Where.
        offset: u64,
        /// Its first command.
        sequence: u64,
    },
}

/// Looks at every block of `segment` from `from`, a multiple of a block, on.
pub(super) fn scan(segments: &mut impl Segments, segment: u64, from: u64) -> io::Result<Rest> {
    // No longer than what there is to look at, in whole blocks.
    let rest = segments.length(segment)?.saturating_sub(from) + 1;
    let rest = usize::try_from(rest).map_or(CHUNK_BYTES, |rest| rest.next_multiple_of(BLOCK_BYTES));
    let mut chunk = vec![0; rest.min(CHUNK_BYTES)];
    let (mut offset, mut until) = (from, from);
    loop {
        let read = segments.read_at(segment, offset, &mut chunk)?;
        for (index, block) in chunk[..read].chunks(BLOCK_BYTES).enumerate() {
            let at = offset + (index * BLOCK_BYTES) as u64;
            // PERF: comparing memory is many times faster than looking at each byte, and nearly all blocks are zero.
            if block == &ZEROS[..block.len()] {
                continue;
            }
            let last = block.iter().rposition(|byte| *byte != 0).unwrap_or(0);
            until = at + last as u64 + 1;
            if let Some(sequence) = whole(segments, segment, at, block)? {
                return Ok(Rest::Whole { offset: at, sequence });
            }
        }
        if read < chunk.len() {
            return Ok(Rest::Until(until));
        }
        offset += read as u64;
    }
}

/// The first sequence number of what begins at `at`, if that is whole, in this or another version of the layout.
fn whole(segments: &mut impl Segments, segment: u64, at: u64, block: &[u8]) -> io::Result<Option<u64>> {
    if at == 0 && matches!(SegmentHeader::read(block), Found::Valid(_) | Found::Version(_)) {
        let header = SegmentHeader::read_from_prefix(block);
        return Ok(header.ok().map(|(header, _)| header.first_sequence));
    }
    let Some(bytes) = FrameHeader::frame_bytes(block) else {
        return Ok(None);
    };
    let mut frame = vec![0; bytes];
    let read = segments.read_at(segment, at, &mut frame)?;
    if !matches!(
        FrameHeader::read(&frame[..read]),
        Found::Valid(_) | Found::Version(_)
    ) {
        return Ok(None);
    }
    let header = FrameHeader::read_from_prefix(block);
    Ok(header.ok().map(|(header, _)| header.first_sequence))
}
