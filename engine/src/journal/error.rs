//! What can go wrong with a journal, in words that say what to do.

use std::io;

/// Why a journal can not be opened, read or continued.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The operating system refused something.
    #[error("journal: can not {action} {file}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// Path of the file or directory.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// Another process works on the directory.
    #[error(
        "{directory} is in use by {holder} (lock file {directory}/lock); stop it first, or give another directory"
    )]
    Locked {
        /// The directory.
        directory: String,
        /// `process 1234`, or `another process` where it did not write its number.
        holder: String,
    },
    /// Something that was once written and synced is not there any more, or not as it was.
    #[error(
        "journal damaged: {file}, offset {offset}, command {sequence}: {what}. Commands from {sequence} on can not be \
         trusted; restore the file from a copy, do not delete it"
    )]
    Damaged {
        /// Path of the segment.
        file: String,
        /// Where in the file, bytes.
        offset: u64,
        /// Sequence number of the first command that can not be read.
        sequence: u64,
        /// What was found.
        what: String,
    },
    /// Written with another configuration than the caller's.
    #[error(
        "journal: {file}, offset {offset}, command {sequence}: written with configuration {found:016x}, expected \
         {expected:016x}; start with the configuration it was written with"
    )]
    Configuration {
        /// Path of the segment.
        file: String,
        /// Where in the file, bytes.
        offset: u64,
        /// First sequence number with the other configuration.
        sequence: u64,
        /// The caller's hash.
        expected: u64,
        /// The journal's hash.
        found: u64,
    },
    /// Written by another version of the program.
    #[error(
        "journal: {file}, offset {offset}: format {found}, this program reads format {expected}; use the program that \
         wrote it"
    )]
    Version {
        /// Path of the segment.
        file: String,
        /// Where in the file, bytes.
        offset: u64,
        /// The version found.
        found: u32,
        /// The version this program reads.
        expected: u32,
    },
    /// The settings can not work.
    #[error("journal settings: {0}")]
    Settings(String),
}

impl JournalError {
    pub(super) fn io(action: &'static str, file: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let file = file.into();
        move |source| Self::Io { action, file, source }
    }
}
