//! Receive buffers that the kernel takes from a ring (`IORING_REGISTER_PBUF_RING`).

use std::io;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::IoUring;
use io_uring::types::BufRingEntry;

use super::hugepage::Region;

/// The one buffer group of a ring.
pub(super) const GROUP: u16 = 0;

/// Buffers of one size in huge pages, and the ring by which they are given to the kernel.
pub(super) struct Buffers {
    ring: Region,
    memory: Region,
    count: u16,
    buffer_bytes: usize,
    /// Buffers ever given to the kernel, modulo 2^16, the unpublished ones included.
    tail: u16,
}

impl Buffers {
    /// `count` (a power of two, 32,768 at most) buffers of `buffer_bytes`.
    pub(super) fn new(count: u16, buffer_bytes: usize) -> io::Result<Self> {
        if !count.is_power_of_two() || count > 1 << 15 || buffer_bytes == 0 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "{count} receive buffers of {buffer_bytes} bytes: the count must be a power of two up to 32768"
                ),
            ));
        }
        let bytes = usize::from(count)
            .checked_mul(buffer_bytes)
            .ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
        Ok(Self {
            ring: Region::ordinary(usize::from(count) * size_of::<BufRingEntry>())?,
            memory: Region::new(bytes)?,
            count,
            buffer_bytes,
            tail: 0,
        })
    }

    /// The memory of the buffers.
    pub(super) fn memory(&self) -> &Region {
        &self.memory
    }

    /// Tells the kernel about the ring and gives it all buffers.
    ///
    /// # Safety
    ///
    /// `self` must not be dropped before `ring` (invariant Ring first), and must be registered with one ring only.
    pub(super) unsafe fn register(&mut self, ring: &IoUring) -> io::Result<()> {
        let address = self.ring.start().as_ptr().expose_provenance() as u64;
        // SAFETY: invariant Region: page aligned, `count` entries long, never moves; it outlives `ring` by this
        // function's contract.
        unsafe {
            ring.submitter()
                .register_buf_ring_with_flags(address, self.count, GROUP, 0)
        }?;
        for buffer in 0..self.count {
            // SAFETY: the kernel has no buffer yet, so each is ours and given away once.
            unsafe { self.give_back(buffer) };
        }
        self.publish();
        Ok(())
    }

    /// The bytes of a buffer.
    ///
    /// # Safety
    ///
    /// The buffer must be ours (invariant Handed over) until the returned borrow ends.
    pub(super) unsafe fn bytes(&self, buffer: u16) -> &[u8] {
        assert!(
            buffer < self.count,
            "the kernel named buffer {buffer} of {}",
            self.count
        );
        let offset = usize::from(buffer) * self.buffer_bytes;
        // SAFETY: `buffer < count`, so the range lies within `memory` (invariant Region); the kernel does not write to
        // it meanwhile by this function's contract, and we never make an exclusive reference to it.
        unsafe { std::slice::from_raw_parts(self.memory.start().as_ptr().add(offset), self.buffer_bytes) }
    }

    /// Puts a buffer into the ring; the kernel sees it with the next [`Self::publish`].
    ///
    /// # Safety
    ///
    /// The buffer must be ours (invariant Handed over) and is not any more from then on.
    pub(super) unsafe fn give_back(&mut self, buffer: u16) {
        assert!(
            buffer < self.count,
            "there is no buffer {buffer} of {}",
            self.count
        );
        let address =
            self.memory.start().as_ptr().expose_provenance() + usize::from(buffer) * self.buffer_bytes;
        let slot = usize::from(self.tail & (self.count - 1));
        // SAFETY: `slot < count`, within the ring's region. The kernel only reads entries before the published tail.
        // There are `count` buffers and each is given once, so this slot's previous entry was consumed.
        let entry = unsafe { &mut *self.ring.start().as_ptr().cast::<BufRingEntry>().add(slot) };
        entry.set_addr(address as u64);
        entry.set_len(u32::try_from(self.buffer_bytes).expect("buffers are shorter than 4 GiB"));
        entry.set_bid(buffer);
        self.tail = self.tail.wrapping_add(1);
    }

    /// Lets the kernel use what was given back.
    pub(super) fn publish(&mut self) {
        // SAFETY: `ring` starts with the first entry, which is initialised (zeroed at least).
        let tail = unsafe { BufRingEntry::tail(self.ring.start().as_ptr().cast()) };
        // SAFETY: the tail is two aligned bytes in the ring's region, read by the kernel and written by nobody else.
        // Release: the entries are written before the kernel sees them counted.
        unsafe { AtomicU16::from_ptr(tail.cast_mut()) }.store(self.tail, Ordering::Release);
    }
}
