//! Files and directories for the exchange's user alone, whatever the umask of the process.
//!
//! The journal has orders, snapshots have balances. Who could read them would know what nobody is told.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Its user reads and writes.
const FILE_MODE: u32 = 0o600;
/// Its user reads, writes and enters.
const DIRECTORY_MODE: u32 = 0o700;

/// Makes a file and opens it for writing. One of this name is removed: a crash has left it, with whatever mode.
///
/// # Errors
/// What the file system says.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(path)
}

/// Opens a file for reading and writing, and makes it when it is not there.
///
/// # Errors
/// What the file system says.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(FILE_MODE)
        .open(path)
}

/// Makes a directory and those above it that are missing. One that is there stays as it is: its owner has chosen its mode.
///
/// # Errors
/// What the file system says.
pub(crate) fn create_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(DIRECTORY_MODE)
        .create(path)
}
