//! Files: one write with its data sync through io_uring, and three calls that the standard library does not have.
//!
//! Invariants of [`UringWriter`]:
//! - I1: a buffer that the kernel may read is owned by `flight` and neither moved within the heap, changed nor freed
//!   before the completions of both of its entries were seen.
//! - I2: at most one write is in flight, so two entries always fit into the ring.
//! - I3: once submitting went wrong, the ring is never entered again (entries that the kernel did not take stay where
//!   they are and are never read), and the buffer is leaked rather than freed.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use io_uring::squeue::Flags;
use io_uring::types::{Fd, FsyncFlags};
use io_uring::{IoUring, Probe, opcode};

use super::parker::Watch;

const WRITE: u64 = 1;
const SYNC: u64 = 2;

/// Writes buffers and syncs them, one at a time, without blocking the caller.
pub struct UringWriter {
    ring: IoUring,
    flight: Option<Flight>,
    failed: Option<io::Error>,
}

struct Flight {
    /// Open for as long as the kernel works on it.
    file: Arc<File>,
    buffer: Vec<u8>,
    length: u32,
    write: Option<i32>,
    sync: Option<i32>,
}

impl UringWriter {
    /// A ring of its own.
    ///
    /// # Errors
    /// The kernel refuses io_uring, or does not know a write or a sync.
    pub fn new() -> io::Result<Self> {
        let ring = IoUring::new(4)?;
        let mut probe = Probe::new();
        ring.submitter().register_probe(&mut probe)?;
        if !probe.is_supported(opcode::Write::CODE) || !probe.is_supported(opcode::Fsync::CODE) {
            return Err(io::Error::from(io::ErrorKind::Unsupported));
        }
        Ok(Self {
            ring,
            flight: None,
            failed: None,
        })
    }

    /// Begins to write the first `length` bytes of `buffer` at `offset` and to sync the file's data after that. One
    /// system call. What goes wrong is told by [`Self::poll`].
    ///
    /// # Panics
    /// When a write is in flight already, or `length` exceeds the buffer.
    pub fn submit(&mut self, file: Arc<File>, offset: u64, buffer: Vec<u8>, length: usize) {
        assert!(self.flight.is_none(), "one write at a time");
        assert!(length <= buffer.len(), "the buffer holds what is to be written");
        if self.failed.is_some() {
            return;
        }
        let length = u32::try_from(length).expect("a frame is at most a few MiB");
        let fd = Fd(file.as_raw_fd());
        // A write that fails or falls short cancels what is linked to it: no sync of half a frame.
        let write = opcode::Write::new(fd, buffer.as_ptr(), length)
            .offset(offset)
            .build()
            .flags(Flags::IO_LINK)
            .user_data(WRITE);
        let sync = opcode::Fsync::new(fd)
            .flags(FsyncFlags::DATASYNC)
            .build()
            .user_data(SYNC);
        self.flight = Some(Flight {
            file,
            buffer,
            length,
            write: None,
            sync: None,
        });
        // SAFETY: the entries name the flight's file and buffer. `flight` owns both and keeps them until both
        // completions were seen (I1); moving the `Vec` did not move its heap block, and `length` lies within it.
        let pushed = unsafe { self.ring.submission().push_multiple(&[write, sync]) };
        if pushed.is_err() {
            self.give_up(io::Error::other("the submission queue is full"));
            return;
        }
        loop {
            match self.ring.submit() {
                Ok(2) => return,
                Ok(taken) => {
                    let reason = format!("the kernel took {taken} of 2 entries");
                    return self.give_up(io::Error::other(reason));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return self.give_up(error),
            }
        }
    }

    /// The outcome of the write in flight, once it is known: the buffer back, or what went wrong. A write that fell
    /// short went wrong. Reads memory only, no system call.
    pub fn poll(&mut self) -> Option<io::Result<Vec<u8>>> {
        if let Some(error) = self.failed.as_ref() {
            return Some(Err(io::Error::new(error.kind(), error.to_string())));
        }
        let flight = self.flight.as_mut()?;
        for entry in self.ring.completion() {
            match entry.user_data() {
                WRITE => flight.write = Some(entry.result()),
                _ => flight.sync = Some(entry.result()),
            }
        }
        let (write, sync) = (flight.write?, flight.sync?);
        let flight = self.flight.take()?;
        Some(outcome(write, sync, flight.length).map(|()| flight.buffer))
    }

    /// The ring becomes readable when a completion is there.
    pub fn watch(&self, watch: &mut Watch) {
        // SAFETY: the ring owns its descriptor and outlives the borrow, which ends with this call.
        watch.add(unsafe { BorrowedFd::borrow_raw(self.ring.as_raw_fd()) });
    }

    fn give_up(&mut self, error: io::Error) {
        if let Some(flight) = self.flight.take() {
            std::mem::forget(flight.buffer); // I3: the kernel may have taken the write without the sync.
        }
        self.failed = Some(error);
    }
}

fn outcome(write: i32, sync: i32, length: u32) -> io::Result<()> {
    match u32::try_from(write) {
        Err(_) => return Err(io::Error::from_raw_os_error(-write)),
        Ok(written) if written != length => {
            return Err(short_write(written as usize, length as usize));
        }
        Ok(_) => {}
    }
    if sync < 0 {
        return Err(io::Error::from_raw_os_error(-sync));
    }
    Ok(())
}

/// The error of a write that wrote only part of what it was given.
pub fn short_write(written: usize, length: usize) -> io::Error {
    io::Error::new(
        io::ErrorKind::WriteZero,
        format!("short write: {written} of {length} bytes"),
    )
}

impl Drop for UringWriter {
    fn drop(&mut self) {
        while let Some(mut flight) = self.flight.take() {
            let waited = self.ring.submit_and_wait(1);
            for entry in self.ring.completion() {
                match entry.user_data() {
                    WRITE => flight.write = Some(entry.result()),
                    _ => flight.sync = Some(entry.result()),
                }
            }
            let finished = flight.write.is_some() && flight.sync.is_some();
            let interrupted = waited
                .as_ref()
                .is_err_and(|error| error.kind() == io::ErrorKind::Interrupted);
            if finished {
                drop(flight.file);
            } else if waited.is_ok() || interrupted {
                self.flight = Some(flight);
            } else {
                std::mem::forget(flight.buffer); // I1: the kernel may still read it.
            }
        }
    }
}

/// Bytes that an unprivileged process may still write to the file system of `path`.
///
/// # Errors
/// What `statvfs` says.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: `statvfs` is plain integers, for which zero is a value.
    let mut figures: libc::statvfs = unsafe { std::mem::zeroed() };
    // SAFETY: the path ends with a zero byte, `figures` is writable and of the right type; both outlive the call.
    if unsafe { libc::statvfs(path.as_ptr(), &raw mut figures) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(figures.f_bavail.saturating_mul(figures.f_frsize))
}

/// Reserves `length` bytes from the start of `file`. A file system that can not do that is no error: the zeros written
/// afterwards allocate as well.
///
/// # Errors
/// What `fallocate` says, for example that the disk is full.
pub fn allocate(file: &File, length: u64) -> io::Result<()> {
    let length = libc::off_t::try_from(length).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: plain integers; the descriptor is open as long as `file` is borrowed.
    if unsafe { libc::fallocate(file.as_raw_fd(), 0, 0, length) } == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::EOPNOTSUPP | libc::ENOSYS) => Ok(()),
        _ => Err(error),
    }
}

/// Drops the kernel's cached pages of `file`, so that the next read shows what the disk holds. Pages not yet written
/// stay: sync first.
///
/// # Errors
/// What `posix_fadvise` says.
pub fn forget_cached(file: &File) -> io::Result<()> {
    // SAFETY: plain integers; the descriptor is open as long as `file` is borrowed.
    match unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) } {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_of_write_and_sync() {
        assert!(outcome(4096, 0, 4096).is_ok());
        let canceled = -libc::ECANCELED;
        let short = outcome(512, canceled, 4096).unwrap_err();
        assert_eq!(short.kind(), io::ErrorKind::WriteZero);
        assert_eq!(short.to_string(), "short write: 512 of 4096 bytes");
        let full = outcome(-libc::ENOSPC, canceled, 4096).unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        let sync = outcome(4096, -libc::EIO, 4096).unwrap_err();
        assert_eq!(sync.raw_os_error(), Some(libc::EIO));
    }

    #[test]
    fn a_file_that_can_not_be_written_is_an_error() {
        let Ok(mut writer) = UringWriter::new() else {
            return eprintln!("skipped: the kernel refuses io_uring");
        };
        let file = Arc::new(File::open("/proc/self/exe").expect("the test program"));
        writer.submit(file, 0, vec![0; 4096], 4096);
        let error = loop {
            if let Some(result) = writer.poll() {
                break result.unwrap_err();
            }
            std::thread::yield_now();
        };
        assert_eq!(error.raw_os_error(), Some(libc::EBADF));
    }

    #[test]
    fn a_full_disk_is_an_error() {
        let Ok(mut writer) = UringWriter::new() else {
            return eprintln!("skipped: the kernel refuses io_uring");
        };
        let file = std::fs::OpenOptions::new().write(true).open("/dev/full");
        writer.submit(
            Arc::new(file.expect("a device of every Linux")),
            0,
            vec![0; 4096],
            4096,
        );
        let error = loop {
            if let Some(result) = writer.poll() {
                break result.unwrap_err();
            }
            std::thread::yield_now();
        };
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn dropped_in_flight() {
        let Ok(mut writer) = UringWriter::new() else {
            return eprintln!("skipped: the kernel refuses io_uring");
        };
        let path = std::env::temp_dir().join(format!("uring-writer-{}", std::process::id()));
        let file = File::create(&path).expect("temporary file");
        writer.submit(Arc::new(file), 0, vec![7; 1 << 20], 1 << 20);
        drop(writer);
        let written = std::fs::read(&path).expect("temporary file");
        std::fs::remove_file(&path).expect("temporary file");
        assert_eq!(written, vec![7; 1 << 20]);
    }

    #[test]
    fn free_space_of_a_real_and_of_no_directory() {
        assert!(free_bytes(Path::new("/")).is_ok());
        assert!(free_bytes(Path::new("/nowhere/at/all")).is_err());
    }
}
