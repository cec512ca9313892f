//! Why an exchange could not start.

use std::io;

use crate::config::ConfigError;
use crate::journal::JournalError;
use crate::replay::Diverged;
use crate::sys::socket::OpenError;

/// Why an exchange could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration contradicts the journal.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A file of the data directory that is not the journal's.
    #[error(
        "can not {action} {path}: {source}\n    remedy: look after the file and its directory, or name another one with --data"
    )]
    Directory {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: String,
        /// Why it failed.
        source: io::Error,
    },
    /// The journal can not be opened, read or continued.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The journal gives another state than it did.
    #[error(transparent)]
    Diverged(#[from] Diverged),
    /// The journal has lost what a snapshot knows.
    #[error(
        "journal damaged: it ends with command {last}, and {path} knows commands up to {known}; they were acknowledged\n    \
         remedy: restore the data directory from a copy"
    )]
    Shortened {
        /// The snapshot.
        path: String,
        /// Its last command.
        known: u64,
        /// The journal's last command.
        last: u64,
    },
    /// A command ended the process, and would again.
    #[error(
        "{command} ended the last process while it was applied\n    remedy: keep a copy of the data directory and report \
         this; to start without the command, which is then rejected: exchange skip --data {directory} --command {sequence}"
    )]
    Poisoned {
        /// The command in words.
        command: String,
        /// Its number.
        sequence: u64,
        /// The data directory.
        directory: String,
    },
    /// A door can not be opened.
    #[error(transparent)]
    Door(#[from] OpenError),
    /// The operator's socket can not be opened.
    #[error(
        "can not open the operator's socket {path}: {source}\n    remedy: end who uses it, or name another one in the section \
         [operating]: socket = \"/run/exchange/admin.sock\", or \"off\""
    )]
    Socket {
        /// Where.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The machine refused something that the exchange can not do without.
    #[error("{what}: {source}")]
    Machine {
        /// What was refused.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
    /// It started, and failed before it was ready.
    #[error("failed before it was ready: {0}")]
    Failed(String),
}
