//! The seam between snapshots and storage.

use std::io;

/// The storage of snapshots, each named by the number of the last command that it knows.
pub trait Snapshots {
    /// The numbers of those there are, ascending.
    ///
    /// # Errors
    /// The directory can not be read.
    fn list(&mut self) -> io::Result<Vec<u64>>;

    /// A snapshot's bytes.
    ///
    /// # Errors
    /// It is not there, or can not be read.
    fn read(&mut self, sequence: u64) -> io::Result<Vec<u8>>;

    /// Writes a snapshot: whole and durable, or not at all. One of the same number is replaced.
    ///
    /// # Errors
    /// What the storage says; then nothing is there that was not before.
    fn write(&mut self, sequence: u64, bytes: &[u8]) -> io::Result<()>;

    /// Removes a snapshot.
    ///
    /// # Errors
    /// What the storage says.
    fn remove(&mut self, sequence: u64) -> io::Result<()>;

    /// Bytes that may still be written.
    ///
    /// # Errors
    /// What the storage says.
    fn free_bytes(&mut self) -> io::Result<u64>;

    /// The snapshot's file, for messages.
    fn path(&self, sequence: u64) -> String;
}
