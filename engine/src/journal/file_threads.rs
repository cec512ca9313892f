//! The two threads behind a [`super::FileDisk`]: one makes segments ahead of time, closes the files of those that are
//! full and looks at the free space, the other writes where io_uring is refused. The stage meets them in rings and
//! atomics only.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use rtrb::{Consumer, Producer, RingBuffer};
use zerocopy::{Immutable, IntoBytes};

use super::disk::{Write, file_name};
use super::file_disk::sync_directory;
use super::frame::BLOCK_BYTES;
use crate::private;
use crate::runtime::helper::Helper;
use crate::sys::file::{allocate, free_bytes, short_write};

/// How often the free space is looked at, and how soon a full disk is tried again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Zeros are written and synced in pieces of this size, so that a frame's sync never waits for a whole segment.
const ZEROS_BYTES: usize = 1 << 20;

/// Zeros as they go to the disk past the kernel's cache: where a block begins.
#[derive(Clone, IntoBytes, Immutable)]
#[repr(C, align(4096))]
struct Zeros([u8; BLOCK_BYTES]);

/// Makes segments, and closes their files.
pub(super) struct Preparer {
    shared: Arc<Shared>,
    done: Consumer<io::Result<Made>>,
    full: Producer<Arc<File>>,
    helper: Helper,
}

/// A new segment and its file, opened here so that the stage need not.
pub(super) type Made = (u64, Arc<File>);

struct Shared {
    /// The segment asked for; 0 = none yet.
    wanted: AtomicU64,
    free_bytes: AtomicU64,
}

impl Preparer {
    pub(super) fn start(directory: &Path, segment_bytes: u64) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            wanted: AtomicU64::new(0),
            free_bytes: AtomicU64::new(free_bytes(directory)?),
        });
        let (notes, done) = RingBuffer::new(4);
        let (full, files) = RingBuffer::new(4);
        let work = Preparing {
            directory: directory.to_path_buf(),
            segment_bytes,
            shared: Arc::clone(&shared),
            notes,
            files,
        };
        let helper = Helper::start("journal-segments", move |stop| work.run(stop))?;
        Ok(Self {
            shared,
            done,
            full,
            helper,
        })
    }

    /// Closing a file is a system call and frees memory: the thread does it, before it makes the next segment.
    pub(super) fn close(&mut self, file: Arc<File>) {
        // No room is no harm: the thread has ended, or nobody asked it for these segments. Then it is closed here.
        drop(self.full.push(file));
    }

    pub(super) fn prepare(&mut self, segment: u64) {
        self.shared.wanted.store(segment, Ordering::Release);
        self.helper.wake();
    }

    pub(super) fn poll(&mut self) -> Option<io::Result<Made>> {
        match self.done.pop() {
            Ok(note) => Some(note),
            Err(_) if self.done.is_abandoned() => {
                Some(Err(io::Error::other("the thread that makes segments has ended")))
            }
            Err(_) => None,
        }
    }

    pub(super) fn free_bytes(&self) -> u64 {
        self.shared.free_bytes.load(Ordering::Relaxed)
    }
}

struct Preparing {
    directory: PathBuf,
    segment_bytes: u64,
    shared: Arc<Shared>,
    notes: Producer<io::Result<Made>>,
    /// Of segments that the stage has left.
    files: Consumer<Arc<File>>,
}

impl Preparing {
    fn run(mut self, stop: &AtomicBool) {
        let mut made = 0;
        while !stop.load(Ordering::Acquire) {
            while let Ok(file) = self.files.pop() {
                drop(file);
            }
            let wanted = self.shared.wanted.load(Ordering::Acquire);
            if wanted != made {
                match self.make(wanted, stop) {
                    Ok(None) => return,
                    Ok(Some(file)) => {
                        made = wanted;
                        self.note(Ok((wanted, Arc::new(file))));
                    }
                    Err(error) => {
                        let full = is_full(&error);
                        self.note(Err(error));
                        if !full {
                            return;
                        }
                    }
                }
            }
            match free_bytes(&self.directory) {
                Ok(bytes) => self.shared.free_bytes.store(bytes, Ordering::Relaxed),
                Err(error) => return self.note(Err(error)),
            }
            thread::park_timeout(LOOK_AGAIN);
        }
    }

    /// A note that finds the ring full repeats one that the stage has not read yet: only "full" can come twice.
    fn note(&mut self, mut note: io::Result<Made>) {
        if let Err(error) = &note
            && is_full(error)
        {
            note = Err(io::ErrorKind::StorageFull.into());
            if self.notes.slots() < 2 {
                return;
            }
        }
        let pushed = self.notes.push(note);
        assert!(pushed.is_ok(), "one slot is kept for what comes once");
    }

    /// `None` when asked to stop meanwhile.
    fn make(&self, segment: u64, stop: &AtomicBool) -> io::Result<Option<File>> {
        let name = self.directory.join(file_name(segment));
        let unfinished = name.with_extension("journal.new");
        let made = self.fill(&unfinished, stop);
        if !matches!(made, Ok(Some(_))) {
            if unfinished.exists() {
                fs::remove_file(&unfinished)?;
            }
            return made;
        }
        // A segment that is there already is not ours to replace: the stage asks for new ones only.
        if name.exists() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        fs::rename(&unfinished, &name)?;
        sync_directory(&self.directory)?;
        made
    }

    fn fill(&self, path: &Path, stop: &AtomicBool) -> io::Result<Option<File>> {
        let file = private::create(path)?;
        allocate(&file, self.segment_bytes)?;
        let zeros = vec![Zeros([0; BLOCK_BYTES]); ZEROS_BYTES / BLOCK_BYTES];
        let zeros = zeros.as_bytes();
        let past_cache = past_cache(path)?;
        let zeroed = past_cache.as_ref().unwrap_or(&file);
        let mut offset = 0;
        while offset < self.segment_bytes {
            if stop.load(Ordering::Acquire) {
                return Ok(None);
            }
            let length = usize::try_from(self.segment_bytes - offset)
                .map_or(ZEROS_BYTES, |left| left.min(ZEROS_BYTES));
            zeroed.write_all_at(&zeros[..length], offset)?;
            zeroed.sync_data()?;
            offset += length as u64;
        }
        file.sync_all()?;
        Ok(Some(file))
    }
}

/// The file past the kernel's cache; `None` where the file system has no such way.
///
/// PERF: zeros that nobody reads need not be copied there, nor take the place of what is read. Only zeros, and only before the
/// segment has its name: whoever reads a file in the common way while it is written in this one can make the next sync fail.
fn past_cache(path: &Path) -> io::Result<Option<File>> {
    let opened = OpenOptions::new()
        .write(true)
        .custom_flags(libc::O_DIRECT)
        .open(path);
    match opened {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// Writes where io_uring is refused.
pub(super) struct WriteThread {
    jobs: Producer<(Arc<File>, Write)>,
    done: Consumer<io::Result<Vec<u8>>>,
    helper: Helper,
}

impl WriteThread {
    pub(super) fn start() -> io::Result<Self> {
        let (jobs, mut its_jobs) = RingBuffer::<(Arc<File>, Write)>::new(1);
        let (mut results, done) = RingBuffer::new(1);
        let helper = Helper::start("journal-write", move |stop| {
            loop {
                if let Ok((file, write)) = its_jobs.pop() {
                    let result = write_and_sync(&file, write);
                    assert!(results.push(result).is_ok(), "one write at a time");
                } else if stop.load(Ordering::Acquire) {
                    return;
                } else {
                    thread::park();
                }
            }
        })?;
        Ok(Self { jobs, done, helper })
    }

    pub(super) fn submit(&mut self, file: Arc<File>, write: Write) {
        assert!(self.jobs.push((file, write)).is_ok(), "one write at a time");
        self.helper.wake();
    }

    pub(super) fn poll(&mut self) -> Option<io::Result<Vec<u8>>> {
        match self.done.pop() {
            Ok(result) => Some(result),
            Err(_) if self.done.is_abandoned() => Some(Err(io::Error::other("the writing thread has ended"))),
            Err(_) => None,
        }
    }
}

/// One write, never repeated when it falls short, and one sync.
pub(super) fn write_and_sync(file: &File, write: Write) -> io::Result<Vec<u8>> {
    let written = loop {
        match file.write_at(&write.buffer[..write.length], write.offset) {
            // Nothing was written: the signal came first.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => break result?,
        }
    };
    if written != write.length {
        return Err(short_write(written, write.length));
    }
    file.sync_data()?;
    Ok(write.buffer)
}
