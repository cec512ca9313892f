//! How much of the journal's files has not been written yet.

use std::io;

use super::disk::Segments;
use super::error::JournalError;
use super::frame::BLOCK_BYTES;

/// Bytes behind the last written block, for who plans by how much there is to read: a write in flight when the process
/// stopped may have left holes or a part, and then it is off by as much as that.
///
/// # Errors
/// What the storage says.
pub fn unused_bytes(segments: &mut impl Segments) -> Result<u64, JournalError> {
    unused(segments).map_err(JournalError::io("look for the end of", segments.place()))
}

fn unused(segments: &mut impl Segments) -> io::Result<u64> {
    let mut unused = 0;
    for segment in segments.list()?.into_iter().rev() {
        let length = segments.length(segment)?;
        let used = used_bytes(segments, segment, length)?;
        unused += length - used;
        if used > 0 {
            break;
        }
    }
    Ok(unused)
}

/// Segments are written from the front, and no written block is all zeros: by halving.
fn used_bytes(segments: &mut impl Segments, segment: u64, length: u64) -> io::Result<u64> {
    let block_bytes = BLOCK_BYTES as u64;
    let mut block = [0; BLOCK_BYTES];
    let (mut used, mut unused) = (0, length.div_ceil(block_bytes));
    while used < unused {
        let middle = used.midpoint(unused);
        let read = segments.read_at(segment, middle * block_bytes, &mut block)?;
        if block[..read].iter().any(|&byte| byte != 0) {
            used = middle + 1;
        } else {
            unused = middle;
        }
    }
    Ok(length.min(used * block_bytes))
}
