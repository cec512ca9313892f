//! Datagrams through `recvmmsg`: the fall-back where io_uring is forbidden or too old. An empty poll costs a system call
//! (160-260 ns).

use std::io;
use std::net::SocketAddrV4;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;

use socket2::Socket;

use super::control::CONTROL_BYTES;
use super::hugepage::Region;
use super::parker::Watch;
use super::received::{Delivered, NAME_BYTES, PREFIX_BYTES, Reception, SourceCounters};
use crate::runtime::counters::CachePadded;
use crate::runtime::seams::DatagramSource;

/// Datagrams of one system call.
const BATCH: usize = 64;

/// Datagrams from a socket by system calls.
pub struct RecvmmsgSource {
    socket: Socket,
    slots: Slots,
    reception: Reception,
}

/// Receive buffers (address, control data, datagram) and the structures that describe them to the kernel.
struct Slots {
    memory: Region,
    slot_bytes: usize,
    headers: Vec<libc::mmsghdr>,
    /// `headers` points to its elements; neither grows nor is touched after the start.
    _vectors: Vec<libc::iovec>,
}

// SAFETY: the pointers in `headers` and `_vectors` lead to memory that the struct owns and that does not move with it.
unsafe impl Send for Slots {}

impl RecvmmsgSource {
    /// Reads a bound UDP socket into buffers of `buffer_bytes`, of which 64 hold address and control data.
    ///
    /// # Errors
    ///
    /// When there is no memory, or a buffer would leave no room for a datagram.
    pub fn new(socket: Socket, buffer_bytes: usize) -> io::Result<Self> {
        Ok(Self {
            socket,
            slots: Slots::new(buffer_bytes)?,
            reception: Reception::new(),
        })
    }

    /// The socket that it reads.
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// The memory of the receive buffers.
    pub fn memory(&self) -> &Region {
        &self.slots.memory
    }

    /// What it counts.
    pub fn counters(&self) -> &Arc<CachePadded<SourceCounters>> {
        &self.reception.counters
    }
}

impl Slots {
    fn new(slot_bytes: usize) -> io::Result<Self> {
        if slot_bytes <= PREFIX_BYTES || !slot_bytes.is_multiple_of(align_of::<usize>()) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "receive buffers of {slot_bytes} bytes: they must be longer than {PREFIX_BYTES} and a multiple of 8"
                ),
            ));
        }
        let bytes = slot_bytes
            .checked_mul(BATCH)
            .ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
        let memory = Region::new(bytes)?;
        let slot = |index: usize| {
            // SAFETY: `index < BATCH`, so the slot lies within the region (invariant Region).
            unsafe { memory.start().as_ptr().add(index * slot_bytes) }
        };
        let mut vectors: Vec<libc::iovec> = (0..BATCH)
            .map(|index| libc::iovec {
                // SAFETY: a slot is longer than its prefix.
                iov_base: unsafe { slot(index).add(PREFIX_BYTES) }.cast(),
                iov_len: slot_bytes - PREFIX_BYTES,
            })
            .collect();
        let first_vector = vectors.as_mut_ptr();
        let headers = (0..BATCH)
            .map(|index| {
                // SAFETY: `mmsghdr` consists of integers and raw pointers, for which zero is a value.
                let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
                header.msg_hdr.msg_name = slot(index).cast();
                // SAFETY: a slot is longer than its prefix, which has the control data after the name.
                header.msg_hdr.msg_control = unsafe { slot(index).add(NAME_BYTES) }.cast();
                // SAFETY: there are `BATCH` vectors.
                header.msg_hdr.msg_iov = unsafe { first_vector.add(index) };
                header.msg_hdr.msg_iovlen = 1;
                header
            })
            .collect();
        Ok(Self {
            memory,
            slot_bytes,
            headers,
            _vectors: vectors,
        })
    }

    /// Receives up to `max` datagrams without waiting; returns how many slots were filled, from the first on.
    fn receive(&mut self, socket: &Socket, max: usize) -> io::Result<usize> {
        let headers = &mut self.headers[..max.min(BATCH)];
        for header in headers.iter_mut() {
            header.msg_hdr.msg_namelen = NAME_BYTES as libc::socklen_t;
            header.msg_hdr.msg_controllen = CONTROL_BYTES as _;
        }
        // SAFETY: each header describes its own slot and vector, all owned by `self`, and no reference to them exists
        // during the call. No timeout is given.
        let received = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr(),
                headers.len() as libc::c_uint,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        usize::try_from(received).map_err(|_| io::Error::last_os_error())
    }

    /// A slot that the last `receive` filled.
    fn delivered(&self, index: usize) -> Delivered<'_> {
        let header = &self.headers[index];
        let slot = &self.memory.as_slice()[index * self.slot_bytes..][..self.slot_bytes];
        let name_length = (header.msg_hdr.msg_namelen as usize).min(NAME_BYTES);
        let control_length = header.msg_hdr.msg_controllen.min(CONTROL_BYTES);
        let payload_length = (header.msg_len as usize).min(self.slot_bytes - PREFIX_BYTES);
        Delivered {
            name: &slot[..name_length],
            control: &slot[NAME_BYTES..][..control_length],
            payload: &slot[PREFIX_BYTES..][..payload_length],
            truncated: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
        }
    }
}

impl DatagramSource for RecvmmsgSource {
    fn poll(&mut self, max: usize, mut take: impl FnMut(SocketAddrV4, &[u8])) -> usize {
        let filled = match self.slots.receive(&self.socket, max) {
            Ok(filled) => filled,
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) =>
            {
                0
            }
            Err(error) => {
                self.reception.failed("receiving with recvmmsg", &error);
                0
            }
        };
        let mut count = 0;
        for index in 0..filled {
            count += self.reception.deliver(&self.slots.delivered(index), &mut take);
        }
        count
    }

    fn watch(&self, watch: &mut Watch) {
        watch.add(self.socket.as_fd());
    }
}
