//! The beginning of the journal: where it is, and how what nobody needs any more goes.

use std::fs;
use std::io;
use std::path::Path;

use super::disk::Segments;
use super::error::JournalError;
use super::file_disk::{Directory, sync_directory};
use super::frame::{BLOCK_BYTES, Found, SegmentHeader};

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Removed {
    /// Files.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Number of the first command that the journal has, or would have: 1 unless older segments were removed.
///
/// # Errors
/// What the storage says.
pub fn first_command(segments: &mut impl Segments) -> Result<u64, JournalError> {
    let list = segments
        .list()
        .map_err(JournalError::io("list the segments in", segments.place()))?;
    let Some(&oldest) = list.first() else {
        return Ok(1);
    };
    let first = first_of(segments, oldest).map_err(JournalError::io("read", segments.path(oldest)))?;
    // Without a whole header it is torn or damaged: whoever reads it says so.
    Ok(first.filter(|_| oldest > 1).unwrap_or(1))
}

/// Removes the segments of `directory` whose commands are all up to `sequence`, the oldest first, durably. A snapshot of
/// that command or a later one must be there, and whole. The segment behind them stays, whoever writes the journal.
///
/// # Errors
/// What the file system says; some may be gone then.
pub fn remove_before(directory: &Path, sequence: u64) -> io::Result<Removed> {
    let mut segments = Directory::new(directory);
    let list = segments.list()?;
    let mut removed = Removed::default();
    for (segment, next) in list.iter().zip(list.iter().skip(1)) {
        match first_of(&mut segments, *next)? {
            Some(first) if first <= sequence + 1 => {}
            _ => break,
        }
        let bytes = segments.length(*segment)?;
        fs::remove_file(segments.path(*segment))?;
        removed.segments += 1;
        removed.bytes += bytes;
    }
    if removed.segments > 0 {
        sync_directory(directory)?;
    }
    Ok(removed)
}

/// The first command of a segment; `None` when it has no whole header.
fn first_of(segments: &mut impl Segments, segment: u64) -> io::Result<Option<u64>> {
    let mut block = [0; BLOCK_BYTES];
    let read = segments.read_at(segment, 0, &mut block)?;
    Ok(match SegmentHeader::read(&block[..read]) {
        Found::Valid(header) => Some(header.first_sequence),
        Found::Nothing | Found::Invalid(_) | Found::Version(_) => None,
    })
}
