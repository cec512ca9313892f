//! The seam between the journal and storage: segments are read through [`Segments`] and written through [`Disk`].

use std::io;

use crate::runtime::Watch;

/// Size of a segment where nothing else is configured: some seconds of full load.
pub const SEGMENT_BYTES_DEFAULT: u64 = 256 << 20;

/// The name of a segment's file.
pub fn file_name(segment: u64) -> String {
    format!("{segment:010}.journal")
}

/// Reading segments.
pub trait Segments {
    /// Numbers of the segments there are, ascending.
    ///
    /// # Errors
    /// The directory can not be read.
    fn list(&mut self) -> io::Result<Vec<u64>>;

    /// Bytes of a segment, unused ones included.
    ///
    /// # Errors
    /// The segment is not there.
    fn length(&mut self, segment: u64) -> io::Result<u64>;

    /// Reads at `offset`; fewer bytes than `into` holds only where the segment ends.
    ///
    /// # Errors
    /// What the storage says.
    fn read_at(&mut self, segment: u64, offset: u64, into: &mut [u8]) -> io::Result<usize>;

    /// Where the segments are, for messages.
    fn place(&self) -> String;

    /// The segment's file, for messages.
    fn path(&self, segment: u64) -> String;
}

impl<S: Segments + ?Sized> Segments for &mut S {
    fn list(&mut self) -> io::Result<Vec<u64>> {
        (**self).list()
    }

    fn length(&mut self, segment: u64) -> io::Result<u64> {
        (**self).length(segment)
    }

    fn read_at(&mut self, segment: u64, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        (**self).read_at(segment, offset, into)
    }

    fn place(&self) -> String {
        (**self).place()
    }

    fn path(&self, segment: u64) -> String {
        (**self).path(segment)
    }
}

impl<S: Segments + ?Sized> Segments for Box<S> {
    fn list(&mut self) -> io::Result<Vec<u64>> {
        (**self).list()
    }

    fn length(&mut self, segment: u64) -> io::Result<u64> {
        (**self).length(segment)
    }

    fn read_at(&mut self, segment: u64, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        (**self).read_at(segment, offset, into)
    }

    fn place(&self) -> String {
        (**self).place()
    }

    fn path(&self, segment: u64) -> String {
        (**self).path(segment)
    }
}

/// A write that is to become durable.
#[derive(Debug)]
pub struct Write {
    /// Where: the segment ...
    pub segment: u64,
    /// ... and the byte in it.
    pub offset: u64,
    /// What, and perhaps more.
    pub buffer: Vec<u8>,
    /// How much of `buffer`.
    pub length: usize,
    /// Whoever submits it has nothing better to do than to wait for it: a disk that can do so has it ended when
    /// [`Disk::submit`] returns.
    pub is_waited_for: bool,
}

/// Storage of the one who writes. Nobody else changes it.
///
/// The first four are called at start and may block; the others are the stage's and do not, nor do they allocate or free.
pub trait Disk: Segments {
    /// Bytes of a new segment.
    fn segment_bytes(&self) -> u64;

    /// Makes durable what a killed process may have left in caches, and forgets the caches, so that what is read from
    /// now on is what the storage holds.
    ///
    /// # Errors
    /// What the storage says.
    fn settle(&mut self) -> io::Result<()>;

    /// Zeroes everything from `from`, a multiple of a block, to the segment's end, durably.
    ///
    /// # Errors
    /// What the storage says.
    fn erase(&mut self, segment: u64, from: u64) -> io::Result<()>;

    /// Removes a segment, durably.
    ///
    /// # Errors
    /// What the storage says.
    fn remove(&mut self, segment: u64) -> io::Result<()>;

    /// Begins to make a new segment: allocated, full of zeros, durable, and only then visible under its name.
    fn prepare(&mut self, segment: u64);

    /// What became of [`Self::prepare`]: the segment's number when it is ready, an error when it can not be made.
    /// After [`io::ErrorKind::StorageFull`] the storage goes on trying by itself; any other error is final.
    fn poll_prepared(&mut self) -> Option<io::Result<u64>>;

    /// Begins to write and, when all of it is written, to sync the segment's data. One at a time: not before
    /// [`Self::poll`] has told the end of the one before.
    fn submit(&mut self, write: Write);

    /// The end of the write in flight: the buffer when everything was written and the sync after it returned without
    /// an error. After an error the storage must not be written again.
    fn poll(&mut self) -> Option<io::Result<Vec<u8>>>;

    /// Names the descriptor that becomes readable when the write in flight has ended; simulated disks have none.
    fn watch(&self, _watch: &mut Watch) {}

    /// Bytes that new segments may still take, as known now.
    fn free_bytes(&self) -> u64;
}
