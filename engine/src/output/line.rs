//! Handing datagrams to the kernel, and counting what became of them.

use std::io::ErrorKind;
use std::net::SocketAddrV4;

use protocol::packet::messages::PacketHeader;
use protocol::text::SessionName;
use zerocopy::IntoBytes;

use super::counters::StreamCounters;
use crate::runtime::seams::DatagramSink;

/// Nanoseconds of silence after which a stream sends a heartbeat.
pub const HEARTBEAT_NS: u64 = 1_000_000_000;

/// A packet without messages: a heartbeat (count 0) or the end of a session.
pub(super) fn empty_packet(session: SessionName, next_sequence: u64, count: u16) -> PacketHeader {
    PacketHeader {
        session,
        sequence_number: next_sequence.into(),
        message_count: count.into(),
    }
}

/// A datagram sink with its counters.
#[derive(Debug)]
pub(super) struct Line<S> {
    pub(super) sink: S,
    pub(super) counters: StreamCounters,
}

impl<S: DatagramSink> Line<S> {
    pub(super) fn new(sink: S) -> Self {
        Self {
            sink,
            counters: StreamCounters::default(),
        }
    }

    /// Sends a datagram, or drops and counts it: receivers recover it as any lost one.
    pub(super) fn send(&mut self, to: SocketAddrV4, bytes: &[u8]) {
        match self.sink.send(to, bytes) {
            Ok(()) => {
                self.counters.datagrams += 1;
                self.counters.bytes += bytes.len() as u64;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.counters.dropped += 1,
            Err(_) => self.counters.failed += 1,
        }
    }

    /// Sends a heartbeat; counted as one when it left.
    pub(super) fn heartbeat(&mut self, to: SocketAddrV4, packet: &PacketHeader) {
        let before = self.counters.datagrams;
        self.send(to, packet.as_bytes());
        self.counters.heartbeats += self.counters.datagrams - before;
    }
}
