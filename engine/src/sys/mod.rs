//! The machine: sockets, io_uring, huge pages, tables in them, cores, locked memory, parked threads.
//!
//! Knows nothing of orders and sessions; it delivers and sends bytes. This is the only module with `unsafe`.
//!
//! Invariants that the `SAFETY` comments lean on:
//!
//! - **Region**: a [`hugepage::Region`] owns its mapping; the mapping is readable, writable, zeroed, page aligned, never
//!   moves and lives until the region is dropped.
//! - **Handed over**: a receive buffer belongs either to the kernel or to us. It is ours from the completion that names
//!   it until it is published in the buffer ring again; only then does the kernel write to it.
//! - **One issuer**: a ring runs with `DEFER_TASKRUN`, so the kernel executes a receive (writes to user memory) only
//!   inside a system call on the ring by the one thread that enabled it. Outside of such a call, nothing writes.
//! - **Ring first**: a ring is dropped before the memory that it was given. Nobody can enter it any more then, and
//!   what it had under way is canceled without being executed.

#![allow(unsafe_code, reason = "the seams to the kernel; every block has its proof")]

pub mod affinity;
pub mod atomic;
mod buffers;
mod control;
pub mod file;
pub mod hugepage;
pub mod memory;
pub mod parked;
pub mod parker;
pub mod priority;
mod received;
pub mod recvmmsg;
#[cfg(feature = "tls")]
pub mod secure;
pub mod socket;
pub mod source;
pub mod table;
pub mod tcp;
pub mod udp;
pub mod uring;
