//! Datagrams through io_uring: one multishot receive that fills provided buffers.
//!
//! Of all set-ups measured on a two-core machine this one had the shortest round trip (5.4-7.4 us against 7.3-8.0 with
//! `COOP_TASKRUN`, 10.9 with neither, 114 with `SQPOLL`): a single issuer, task work deferred to our own call. An idle
//! poll reads two words of the ring (about 5 ns); the kernel is entered only when it flags work to be done.

use std::io;
use std::net::SocketAddrV4;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;

use io_uring::types::{CancelBuilder, Fixed, RecvMsgOut};
use io_uring::{IoUring, cqueue, opcode};
use socket2::Socket;

use super::buffers::{Buffers, GROUP};
use super::control::CONTROL_BYTES;
use super::hugepage::Region;
use super::parker::Watch;
use super::received::{Delivered, NAME_BYTES, PREFIX_BYTES, Reception, SourceCounters};
use crate::runtime::counters::CachePadded;
use crate::runtime::seams::DatagramSource;

/// Room for the receive and for a second submission that the kernel did not take at once.
const SUBMISSION_ENTRIES: u32 = 8;

/// Smallest completion queue. It must hold a completion for every buffer, so that it never overflows.
const COMPLETION_ENTRIES_MIN: u32 = 4_096;

/// Bytes at the start of a buffer before address and control data.
const HEADER_BYTES: usize = 16;

/// Datagrams from a socket through a ring. The ring belongs to the thread that polls first.
pub struct UringSource {
    // Field order is invariant Ring first.
    ring: IoUring,
    buffers: Buffers,
    socket: Socket,
    reception: Reception,
    enabled: bool,
    armed: bool,
}

impl UringSource {
    /// Sets up a ring for a bound UDP socket, with `buffer_count` (a power of two) buffers of `buffer_bytes`; a
    /// datagram may have 80 bytes less. The socket must be in blocking mode: the ring would hear `EAGAIN` otherwise.
    ///
    /// # Errors
    ///
    /// What the kernel says when it has no io_uring, forbids it, or is older than Linux 6.1.
    pub fn new(socket: Socket, buffer_count: u16, buffer_bytes: usize) -> io::Result<Self> {
        if buffer_bytes <= HEADER_BYTES + PREFIX_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("receive buffers of {buffer_bytes} bytes leave no room for a datagram"),
            ));
        }
        // Disabled: the ring takes the thread that enables it as its single issuer, not this one.
        let ring = IoUring::builder()
            .setup_r_disabled()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_taskrun_flag()
            .setup_cqsize(COMPLETION_ENTRIES_MIN.max(2 * u32::from(buffer_count)))
            .build(SUBMISSION_ENTRIES)?;
        ring.submitter().register_files(&[socket.as_raw_fd()])?;
        let mut buffers = Buffers::new(buffer_count, buffer_bytes)?;
        // SAFETY: both become fields of the same struct, the ring first, and fields are dropped in that order. When this
        // fails `buffers` is dropped first, but then the kernel has not taken it.
        unsafe { buffers.register(&ring) }?;
        Ok(Self {
            ring,
            buffers,
            socket,
            reception: Reception::new(),
            enabled: false,
            armed: false,
        })
    }

    /// The socket that it reads.
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// The memory of the receive buffers.
    pub fn memory(&self) -> &Region {
        self.buffers.memory()
    }

    /// What it counts.
    pub fn counters(&self) -> &Arc<CachePadded<SourceCounters>> {
        &self.reception.counters
    }

    /// Makes sure that the receive is armed and that the kernel has done the work it flagged.
    #[inline]
    fn prepare(&mut self) {
        if !self.armed {
            self.arm();
        }
        let (submitter, submissions, completions) = self.ring.split();
        if completions.is_empty() && (submissions.taskrun() || submissions.cq_overflow()) {
            drop((submissions, completions));
            // Enters with GETEVENTS, because one of the two flags is set.
            if let Err(error) = submitter.submit() {
                self.refused(&error);
            }
        }
    }

    #[cold]
    fn arm(&mut self) {
        if !self.enabled {
            if let Err(error) = self.ring.submitter().register_enable_rings() {
                self.refused(&error);
                return;
            }
            self.enabled = true;
        }
        let mut submissions = self.ring.submission();
        // An entry that the kernel refused to take stays in the queue.
        if submissions.is_empty() {
            let receive = opcode::RecvMsgMulti::new(Fixed(0), &raw const SHAPE.0, GROUP).build();
            // SAFETY: the entry refers to a static and to buffers that live as long as the ring.
            unsafe { submissions.push(&receive) }.expect("an empty queue has room");
        }
        submissions.sync();
        drop(submissions);
        match self.ring.submit() {
            Ok(_) => self.armed = self.ring.submission().is_empty(),
            Err(error) => self.refused(&error),
        }
    }

    #[cold]
    fn refused(&mut self, error: &io::Error) {
        assert_ne!(
            error.raw_os_error(),
            Some(libc::EEXIST),
            "an io_uring source must be polled by one thread only"
        );
        self.reception.failed("receiving through io_uring", error);
    }
}

impl DatagramSource for UringSource {
    fn poll(&mut self, max: usize, mut take: impl FnMut(SocketAddrV4, &[u8])) -> usize {
        self.prepare();
        let Self {
            ring,
            buffers,
            reception,
            armed,
            ..
        } = self;
        let mut count = 0;
        let mut returned = false;
        let mut completions = ring.completion();
        while count < max {
            let Some(completion) = completions.next() else {
                break;
            };
            if !cqueue::more(completion.flags()) {
                *armed = false;
                reception.counters.rearmed.increment();
            }
            if completion.result() < 0 {
                failed(reception, -completion.result());
            }
            if let Some(buffer) = cqueue::buffer_select(completion.flags()) {
                // SAFETY: invariant Handed over: this completion named the buffer, and it is given back only below.
                let bytes = unsafe { buffers.bytes(buffer) };
                if completion.result() >= 0 {
                    count += deliver(reception, bytes, &mut take);
                }
                // SAFETY: named by this completion; `bytes` is not used any more.
                unsafe { buffers.give_back(buffer) };
                returned = true;
            }
        }
        drop(completions);
        if returned {
            buffers.publish();
        }
        count
    }

    fn watch(&self, watch: &mut Watch) {
        // While the thread is parked nothing takes datagrams out of the socket (invariant One issuer), so it stays
        // readable until the next poll.
        watch.add(self.socket.as_fd());
    }
}

impl Drop for UringSource {
    fn drop(&mut self) {
        // A ring dies some time after it was closed; until then the receive would hold the port. So it is canceled here,
        // and the task work that ends it is run. On another thread than the one that polled the kernel refuses this
        // (EEXIST) and the port is free only when the ring is; nothing else depends on it, so a refusal needs no answer.
        let submitter = self.ring.submitter();
        if self.enabled && submitter.register_sync_cancel(None, CancelBuilder::any()).is_ok() {
            let _ = submitter.submit();
        }
        let _ = submitter.unregister_files();
    }
}

/// Takes a filled buffer apart.
#[inline]
fn deliver(reception: &mut Reception, buffer: &[u8], take: &mut impl FnMut(SocketAddrV4, &[u8])) -> usize {
    let message = RecvMsgOut::parse(buffer, &SHAPE.0)
        .expect("a buffer is longer than header, address and control data");
    let delivered = Delivered {
        name: message.name_data(),
        control: message.control_data(),
        payload: message.payload_data(),
        truncated: message.is_payload_truncated(),
    };
    reception.deliver(&delivered, take)
}

#[cold]
fn failed(reception: &mut Reception, code: i32) {
    if code == libc::ENOBUFS {
        reception.counters.buffers_exhausted.increment();
    } else {
        reception.failed("receiving through io_uring", &io::Error::from_raw_os_error(code));
    }
}

/// What the receive asks for besides the datagram: address and control data, written to the start of the buffer.
struct Shape(libc::msghdr);

// SAFETY: all pointers in it are null and it is never written: a multishot receive writes the lengths to the buffer.
unsafe impl Sync for Shape {}

static SHAPE: Shape = Shape({
    // SAFETY: `msghdr` consists of integers and raw pointers, for which zero is a value.
    let mut shape: libc::msghdr = unsafe { std::mem::zeroed() };
    shape.msg_namelen = NAME_BYTES as u32;
    shape.msg_controllen = CONTROL_BYTES as _;
    shape
});
