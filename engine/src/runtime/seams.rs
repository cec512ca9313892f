//! The seams to the outside: real sockets in [`crate::sys`], simulated ones in tests.

use std::io;
use std::net::SocketAddrV4;

use crate::sys::parker::Watch;

/// Where order-entry datagrams come from.
pub trait DatagramSource {
    /// Lends up to about `max` datagrams (whole receive batches are finished) to `take`; returns how many.
    fn poll(&mut self, max: usize, take: impl FnMut(SocketAddrV4, &[u8])) -> usize;

    /// Names the descriptor that becomes readable when there is something to poll; simulated sources have none.
    fn watch(&self, _watch: &mut Watch) {}
}

/// Where datagrams go: acknowledgements, market data.
pub trait DatagramSink {
    /// Sends one datagram at once. `WouldBlock` means the kernel had no room: the datagram is dropped and counted by
    /// the caller, the receiver recovers it as any lost datagram.
    fn send(&mut self, to: SocketAddrV4, bytes: &[u8]) -> io::Result<()>;

    /// How many datagrams [`DatagramSink::send_burst`] takes at once; 1 where nothing is gained by it.
    fn burst_max(&self) -> usize {
        1
    }

    /// Sends `bytes` as datagrams of `each` bytes, of which the last may be shorter, at most
    /// [`DatagramSink::burst_max`] of them: all or none.
    fn send_burst(&mut self, to: SocketAddrV4, bytes: &[u8], each: usize) -> io::Result<()> {
        debug_assert!(bytes.len() <= each, "one at a time");
        self.send(to, bytes)
    }
}

/// A TCP connection. Everything is non-blocking.
pub trait Stream: io::Read + io::Write {
    /// Bytes written that the machine at the other end does not have yet: lost, if it says something after this end is closed.
    fn unsent(&self) -> usize;
}

/// A TCP door. Everything is non-blocking: `WouldBlock` where there is nothing to do yet.
pub trait Listener {
    /// A connection.
    type Stream: Stream;

    /// The next waiting connection, if any.
    fn accept(&mut self) -> io::Result<Option<(Self::Stream, SocketAddrV4)>>;

    /// Names the descriptors that become readable when one that is followed can be read and, with `accepts`, when a connection
    /// waits; simulated doors have none.
    fn watch(&self, _watch: &mut Watch, _accepts: bool) {}

    /// From now on [`Listener::readable`] names the connection by `id` while there is something to read. False: it can not,
    /// and the connection has to be read to find out.
    fn follow(&mut self, _stream: &Self::Stream, _id: u64) -> bool {
        false
    }

    /// Names those of the followed connections that can be read now, a bounded number; the others have their turn next
    /// time.
    fn readable(&mut self, _name: impl FnMut(u64)) {}
}
