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
}

/// A TCP door. Everything is non-blocking: `WouldBlock` where there is nothing to do yet.
pub trait Listener {
    /// A connection.
    type Stream: io::Read + io::Write;

    /// The next waiting connection, if any.
    fn accept(&mut self) -> io::Result<Option<(Self::Stream, SocketAddrV4)>>;

    /// Names the descriptor that becomes readable when a connection waits; simulated doors have none.
    fn watch(&self, _watch: &mut Watch) {}

    /// Names the descriptor of a connection, which becomes readable when bytes or its end have arrived.
    fn watch_stream(_stream: &Self::Stream, _watch: &mut Watch) {}
}
