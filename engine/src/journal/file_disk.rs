//! Segments as files of a directory.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{Disk, Segments, Write, file_name};
use super::error::JournalError;
use super::file_threads::{Preparer, WriteThread, write_and_sync};
use super::frame::BLOCK_BYTES;
use super::lock::DirectoryLock;
use crate::private;
use crate::runtime::Watch;
use crate::sys::file::{self, UringWriter};

/// How a write gets to the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Backend {
    /// io_uring where the kernel allows it, else a thread.
    #[default]
    Auto,
    /// io_uring: a write and a linked sync.
    Uring,
    /// A thread that writes and syncs, one system call after the other.
    Thread,
}

/// Reads the segments of a directory. No lock: for segments that nobody appends to, or up to what was released.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    /// The segment read last.
    open: Option<(u64, File)>,
}

impl Directory {
    /// Nothing is opened yet.
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
            open: None,
        }
    }

    fn segment_path(&self, segment: u64) -> PathBuf {
        self.path.join(file_name(segment))
    }

    fn file(&mut self, segment: u64) -> io::Result<&File> {
        let opened = match self.open.take() {
            Some((open, file)) if open == segment => file,
            _ => File::open(self.segment_path(segment))?,
        };
        Ok(&self.open.insert((segment, opened)).1)
    }

    fn open_for_writing(&self, segment: u64) -> io::Result<File> {
        let path = self.segment_path(segment);
        OpenOptions::new().read(true).write(true).open(path)
    }
}

impl Segments for Directory {
    fn list(&mut self) -> io::Result<Vec<u64>> {
        let mut segments = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(".journal"));
            let Some(number) = number.and_then(|digits| digits.parse().ok()) else {
                continue;
            };
            // Only names that we would give: nothing else is ours to read or to remove.
            if name.to_str() == Some(&file_name(number)) {
                segments.push(number);
            }
        }
        segments.sort_unstable();
        Ok(segments)
    }

    fn length(&mut self, segment: u64) -> io::Result<u64> {
        Ok(self.file(segment)?.metadata()?.len())
    }

    fn read_at(&mut self, segment: u64, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let file = self.file(segment)?;
        let mut filled = 0;
        while filled < into.len() {
            match file.read_at(&mut into[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn path(&self, segment: u64) -> String {
        self.segment_path(segment).display().to_string()
    }
}

enum Writer {
    Uring(Box<UringWriter>),
    Thread(WriteThread),
}

/// The real storage: a locked directory.
pub struct FileDisk {
    directory: Directory,
    segment_bytes: u64,
    writer: Writer,
    /// The segment written last, or erased at start.
    open: Option<(u64, Arc<File>)>,
    /// The one to be written next, once it is made.
    next: Option<(u64, Arc<File>)>,
    /// The end of a write that is not the writer's: it did not even begin, or was waited for.
    ended: Option<io::Result<Vec<u8>>>,
    preparer: Preparer,
    /// Dropped last: until then nobody else may touch the files.
    _lock: DirectoryLock,
}

impl FileDisk {
    /// Makes the directory where it is missing, locks it, removes what an earlier process left half made.
    /// `segment_bytes` is the size of new segments, a multiple of 4 KiB.
    ///
    /// # Errors
    /// The directory is locked or can not be used; io_uring is refused and [`Backend::Uring`] was asked for.
    pub fn open(path: &Path, backend: Backend, segment_bytes: u64) -> Result<Self, JournalError> {
        let name = path.display().to_string();
        if segment_bytes == 0 || !segment_bytes.is_multiple_of(BLOCK_BYTES as u64) {
            let reason = format!("a segment of {segment_bytes} bytes is not a multiple of {BLOCK_BYTES}");
            return Err(JournalError::Settings(reason));
        }
        private::create_directory(path).map_err(JournalError::io("create", &name))?;
        let lock = DirectoryLock::acquire(path)?;
        remove_unfinished(path).map_err(JournalError::io("clean up", &name))?;
        sync_with_parent(path).map_err(JournalError::io("sync", &name))?;
        let writer = match (backend, UringWriter::new()) {
            (Backend::Auto | Backend::Uring, Ok(writer)) => Writer::Uring(Box::new(writer)),
            (Backend::Uring, Err(error)) => return Err(JournalError::io("use io_uring for", &name)(error)),
            (Backend::Auto | Backend::Thread, _) => {
                Writer::Thread(WriteThread::start().map_err(JournalError::io("start a thread for", &name))?)
            }
        };
        let preparer = Preparer::start(path, segment_bytes).map_err(JournalError::io("look after", &name))?;
        Ok(Self {
            directory: Directory::new(path),
            segment_bytes,
            writer,
            open: None,
            next: None,
            ended: None,
            preparer,
            _lock: lock,
        })
    }

    /// What was chosen, for the line printed at start: `io_uring` or `thread`.
    pub fn backend(&self) -> &'static str {
        match self.writer {
            Writer::Uring(_) => "io_uring",
            Writer::Thread(_) => "thread",
        }
    }

    /// Opens nothing for the stage: what it writes to was made by the helper, or was opened by the erasing at start.
    fn file(&mut self, segment: u64) -> io::Result<Arc<File>> {
        if let Some((open, file)) = &self.open
            && *open == segment
        {
            return Ok(Arc::clone(file));
        }
        let file = match self.next.take() {
            Some((next, file)) if next == segment => file,
            _ => Arc::new(self.directory.open_for_writing(segment)?),
        };
        if let Some((_, written)) = self.open.replace((segment, Arc::clone(&file))) {
            self.preparer.close(written);
        }
        Ok(file)
    }
}

impl Segments for FileDisk {
    fn list(&mut self) -> io::Result<Vec<u64>> {
        self.directory.list()
    }

    fn length(&mut self, segment: u64) -> io::Result<u64> {
        self.directory.length(segment)
    }

    fn read_at(&mut self, segment: u64, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.directory.read_at(segment, offset, into)
    }

    fn place(&self) -> String {
        self.directory.place()
    }

    fn path(&self, segment: u64) -> String {
        self.directory.path(segment)
    }
}

impl Disk for FileDisk {
    fn segment_bytes(&self) -> u64 {
        self.segment_bytes
    }

    fn settle(&mut self) -> io::Result<()> {
        self.directory.open = None;
        // A process leaves at most its current segment unsynced; its neighbours cost nothing.
        for segment in self.list()?.into_iter().rev().take(3) {
            let file = self.directory.open_for_writing(segment)?;
            file.sync_all()?;
            file::forget_cached(&file)?;
        }
        sync_directory(&self.directory.path)
    }

    fn erase(&mut self, segment: u64, from: u64) -> io::Result<()> {
        let file = self.directory.open_for_writing(segment)?;
        let length = file.metadata()?.len();
        let mut buffer = vec![0; 256 * BLOCK_BYTES];
        let mut offset = from;
        let mut written = false;
        while offset < length {
            let read = self.directory.read_at(segment, offset, &mut buffer)?;
            for (index, block) in buffer[..read].chunks(BLOCK_BYTES).enumerate() {
                if block.iter().any(|byte| *byte != 0) {
                    let zeros = &[0; BLOCK_BYTES][..block.len()];
                    file.write_all_at(zeros, offset + (index * BLOCK_BYTES) as u64)?;
                    written = true;
                }
            }
            offset += buffer.len() as u64;
        }
        if written {
            file.sync_data()?;
        }
        self.open = Some((segment, Arc::new(file)));
        Ok(())
    }

    fn remove(&mut self, segment: u64) -> io::Result<()> {
        self.directory.open = None;
        self.open = None;
        fs::remove_file(self.directory.segment_path(segment))?;
        sync_directory(&self.directory.path)
    }

    fn prepare(&mut self, segment: u64) {
        self.preparer.prepare(segment);
    }

    fn poll_prepared(&mut self) -> Option<io::Result<u64>> {
        Some(self.preparer.poll()?.map(|(segment, file)| {
            self.next = Some((segment, file));
            segment
        }))
    }

    fn submit(&mut self, write: Write) {
        match self.file(write.segment) {
            Err(error) => self.ended = Some(Err(error)),
            Ok(file) if write.is_waited_for => self.ended = Some(write_and_sync(&file, write)),
            Ok(file) => match &mut self.writer {
                Writer::Uring(writer) => writer.submit(file, write.offset, write.buffer, write.length),
                Writer::Thread(writer) => writer.submit(file, write),
            },
        }
    }

    fn poll(&mut self) -> Option<io::Result<Vec<u8>>> {
        if let Some(ended) = self.ended.take() {
            return Some(ended);
        }
        match &mut self.writer {
            Writer::Uring(writer) => writer.poll(),
            Writer::Thread(writer) => writer.poll(),
        }
    }

    fn watch(&self, watch: &mut Watch) {
        if let Writer::Uring(writer) = &self.writer {
            writer.watch(watch);
        }
    }

    fn free_bytes(&self) -> u64 {
        self.preparer.free_bytes()
    }
}

/// Makes new, renamed and removed names durable.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn sync_with_parent(path: &Path) -> io::Result<()> {
    sync_directory(path)?;
    match fs::canonicalize(path)?.parent() {
        Some(parent) => sync_directory(parent),
        None => Ok(()),
    }
}

fn remove_unfinished(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.ends_with(".journal.new"))
        {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::TemporaryDirectory;
    use super::*;

    const SEGMENT: u64 = 64 * 1024;

    fn prepared(disk: &mut FileDisk, segment: u64) {
        disk.prepare(segment);
        loop {
            if let Some(result) = disk.poll_prepared() {
                return assert_eq!(result.expect("there is room"), segment);
            }
            std::thread::yield_now();
        }
    }

    fn written(disk: &mut FileDisk, write: Write) -> io::Result<Vec<u8>> {
        disk.submit(write);
        loop {
            if let Some(result) = disk.poll() {
                return result;
            }
            std::thread::yield_now();
        }
    }

    fn both(test: impl Fn(&Path, Backend)) {
        for backend in [Backend::Thread, Backend::Uring] {
            if backend == Backend::Uring && UringWriter::new().is_err() {
                eprintln!("skipped: the kernel refuses io_uring");
                continue;
            }
            test(TemporaryDirectory::new().path(), backend);
        }
    }

    #[test]
    fn a_segment_is_made_written_read_erased_and_removed() {
        both(|path, backend| {
            fs::write(path.join("0000000007.journal.new"), b"half").expect("temporary file");
            fs::write(path.join("7.journal"), b"not ours").expect("temporary file");
            let mut disk = FileDisk::open(path, backend, SEGMENT).expect("an empty directory");
            assert!(!path.join("0000000007.journal.new").exists());
            prepared(&mut disk, 1);
            assert_eq!(disk.list().expect("list"), [1]);
            assert_eq!(disk.length(1).expect("length"), SEGMENT);
            let write = Write {
                segment: 1,
                offset: 4096,
                buffer: vec![5; 3 * 4096],
                length: 2 * 4096,
                is_waited_for: false,
            };
            assert_eq!(written(&mut disk, write).expect("written").len(), 3 * 4096);
            disk.submit(Write {
                segment: 1,
                offset: 2 * 4096,
                buffer: vec![6; 4096],
                length: 4096,
                is_waited_for: true,
            });
            let waited = disk.poll().expect("it was waited for").expect("written");
            assert_eq!((waited, disk.poll().is_none()), (vec![6; 4096], true));
            let mut whole = vec![9; 2 * SEGMENT as usize];
            assert_eq!(disk.read_at(1, 0, &mut whole).expect("read"), SEGMENT as usize);
            let expected: Vec<u8> = [
                vec![0; 4096],
                vec![5; 4096],
                vec![6; 4096],
                vec![0; SEGMENT as usize - 3 * 4096],
            ]
            .concat();
            assert!(whole[..SEGMENT as usize] == expected);
            disk.settle().expect("settle");
            disk.erase(1, 8192).expect("erase");
            assert_eq!(disk.read_at(1, 0, &mut whole).expect("read"), SEGMENT as usize);
            assert!(whole[4096..8192].iter().all(|byte| *byte == 5));
            assert!(whole[8192..SEGMENT as usize].iter().all(|byte| *byte == 0));
            disk.remove(1).expect("remove");
            assert_eq!(disk.list().expect("list"), [0; 0]);
            assert!(disk.free_bytes() > 0);
        });
    }

    #[test]
    fn a_write_to_a_segment_that_is_not_there_fails() {
        both(|path, backend| {
            let mut disk = FileDisk::open(path, backend, SEGMENT).expect("an empty directory");
            for is_waited_for in [false, true] {
                let write = Write {
                    segment: 3,
                    offset: 0,
                    buffer: vec![0; 4096],
                    length: 4096,
                    is_waited_for,
                };
                let error = written(&mut disk, write).unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::NotFound);
            }
        });
    }

    #[test]
    fn one_directory_one_disk() {
        both(|path, backend| {
            let disk = FileDisk::open(path, backend, SEGMENT).expect("an empty directory");
            let second = FileDisk::open(path, backend, SEGMENT);
            assert!(matches!(second, Err(JournalError::Locked { .. })));
            drop(disk);
            FileDisk::open(path, backend, SEGMENT).expect("the lock was released");
        });
    }

    #[test]
    fn odd_segments_are_refused() {
        let directory = TemporaryDirectory::new();
        for bytes in [0, 4095, 5000] {
            let refused = FileDisk::open(directory.path(), Backend::Auto, bytes);
            assert!(matches!(refused, Err(JournalError::Settings(_))));
        }
    }
}
