//! Snapshots as files of the data directory.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::files::Snapshots;
use crate::private;
use crate::sys::file::free_bytes;

/// Where a snapshot is written before it has its name.
const UNFINISHED: &str = "snapshot.new";

/// The snapshots of a data directory. Only who holds the directory's lock may write.
#[derive(Debug)]
pub struct SnapshotDirectory {
    path: PathBuf,
}

impl SnapshotDirectory {
    /// Nothing is opened yet.
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
        }
    }

    fn file(&self, sequence: u64) -> PathBuf {
        self.path.join(file_name(sequence))
    }

    fn write_to(&self, unfinished: &Path, name: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = private::create(unfinished)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        drop(file);
        fs::rename(unfinished, name)?;
        self.sync()
    }

    /// Makes new, renamed and removed names durable.
    fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}

fn file_name(sequence: u64) -> String {
    format!("{sequence:020}.snapshot")
}

impl Snapshots for SnapshotDirectory {
    fn list(&mut self) -> io::Result<Vec<u64>> {
        let mut snapshots = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            let digits = name.to_str().and_then(|name| name.strip_suffix(".snapshot"));
            let Some(sequence) = digits.and_then(|digits| digits.parse().ok()) else {
                continue;
            };
            // Only names that we would give.
            if name.to_str() == Some(&file_name(sequence)) {
                snapshots.push(sequence);
            }
        }
        snapshots.sort_unstable();
        Ok(snapshots)
    }

    fn read(&mut self, sequence: u64) -> io::Result<Vec<u8>> {
        fs::read(self.file(sequence))
    }

    fn write(&mut self, sequence: u64, bytes: &[u8]) -> io::Result<()> {
        let unfinished = self.path.join(UNFINISHED);
        let written = self.write_to(&unfinished, &self.file(sequence), bytes);
        if written.is_err() && unfinished.exists() {
            // Half a snapshot only takes room; the error that counts is the first.
            let _ = fs::remove_file(&unfinished);
        }
        written
    }

    fn remove(&mut self, sequence: u64) -> io::Result<()> {
        fs::remove_file(self.file(sequence))?;
        self.sync()
    }

    fn free_bytes(&mut self) -> io::Result<u64> {
        free_bytes(&self.path)
    }

    fn path(&self, sequence: u64) -> String {
        self.file(sequence).display().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::TemporaryDirectory;

    #[test]
    fn a_snapshot_is_written_listed_read_replaced_and_removed() {
        let directory = TemporaryDirectory::new();
        let mut snapshots = SnapshotDirectory::new(directory.path());
        fs::write(directory.path().join("7.snapshot"), b"not ours").expect("temporary file");
        assert_eq!(snapshots.list().expect("a directory"), [0; 0]);
        for (sequence, bytes) in [(12, &b"twelve"[..]), (9, b"nine"), (12, b"twelve again")] {
            snapshots.write(sequence, bytes).expect("there is room");
        }
        assert_eq!(snapshots.list().expect("a directory"), [9, 12]);
        assert_eq!(snapshots.read(12).expect("it is there"), b"twelve again");
        assert!(!directory.path().join(UNFINISHED).exists());
        snapshots.remove(9).expect("it is there");
        assert_eq!(snapshots.list().expect("a directory"), [12]);
        assert!(snapshots.free_bytes().expect("a file system") > 0);
    }

    #[test]
    fn what_can_not_be_written_leaves_nothing() {
        let directory = TemporaryDirectory::new();
        let mut snapshots = SnapshotDirectory::new(directory.path());
        // A directory stands where the file should get its name.
        fs::create_dir_all(directory.path().join(file_name(3)).join("in the way")).expect("a directory");
        snapshots.write(3, b"three").expect_err("the name is taken");
        assert!(!directory.path().join(UNFINISHED).exists());
        let mut nowhere = SnapshotDirectory::new(&directory.path().join("nowhere"));
        nowhere.write(1, b"one").expect_err("no directory");
        nowhere.list().expect_err("no directory");
    }
}
