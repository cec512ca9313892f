//! Is the journal whole? For `exchange verify`.

use std::io;
use std::path::Path;

use super::disk::Segments;
use super::error::JournalError;
use super::file_disk::Directory;
use super::lock::DirectoryLock;
use super::reader::{ReadOptions, Reader};
use super::recovered::Recovered;
use super::retention::first_command;

/// What a whole journal holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Files, the one prepared included.
    pub segments: u64,
    /// Bytes of these files.
    pub bytes: u64,
    /// Number of the first command: 1, unless older segments were removed.
    pub first: u64,
    /// Number of the last command.
    pub commands: u64,
    /// The configurations it was written with, in order of their first use, repetitions left out.
    pub configurations: Vec<u64>,
    /// How it ends: frames, bytes of commands, a torn tail.
    pub end: Recovered,
}

/// Reads all of the journal in `directory` and changes nothing. Takes the lock where the directory can be written, as
/// a journal that somebody writes looks torn.
///
/// # Errors
/// The first damage, or that the directory is locked or can not be read.
pub fn verify(directory: &Path) -> Result<Report, JournalError> {
    let _lock = match DirectoryLock::acquire(directory) {
        Ok(lock) => Some(lock),
        Err(JournalError::Io { source, .. })
            if matches!(
                source.kind(),
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
            ) =>
        {
            None
        }
        Err(error) => return Err(error),
    };
    verify_segments(&mut Directory::new(directory))
}

/// As [`verify`], for any segments.
///
/// # Errors
/// The first damage, or what the storage says.
pub fn verify_segments(segments: &mut impl Segments) -> Result<Report, JournalError> {
    let list = segments
        .list()
        .map_err(JournalError::io("list the segments in", segments.place()))?;
    let first = first_command(segments)?;
    let options = ReadOptions {
        from: first,
        ..ReadOptions::default()
    };
    let mut reader = Reader::new(segments, options)?;
    let mut configurations = Vec::new();
    while let Some(batch) = reader.next_batch()? {
        let hash = batch.header.configuration_hash;
        if !configurations.contains(&hash) {
            configurations.push(hash);
        }
    }
    let bytes = reader.progress().bytes_total;
    let end = reader.finish();
    Ok(Report {
        segments: list.len() as u64,
        bytes,
        first,
        commands: end.last_sequence,
        configurations,
        end,
    })
}
