//! Handing datagrams to the kernel, and counting what became of them.

use std::io::{self, ErrorKind};
use std::net::SocketAddrV4;
use std::sync::Arc;

use crossbeam_utils::CachePadded;
use protocol::packet::messages::PacketHeader;
use protocol::text::SessionName;

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
    pub(super) counters: Arc<CachePadded<StreamCounters>>,
}

impl<S: DatagramSink> Line<S> {
    pub(super) fn new(sink: S) -> Self {
        Self {
            sink,
            counters: StreamCounters::shared(),
        }
    }

    /// Sends a datagram, or drops and counts it: receivers recover it as any lost one.
    pub(super) fn send(&mut self, to: SocketAddrV4, bytes: &[u8]) {
        let result = self.sink.send(to, bytes);
        self.count(result, 1, bytes.len());
    }

    /// Sends datagrams of `each` bytes, of which the last may be shorter, with as few calls as the sink allows; what does
    /// not leave is dropped and counted.
    pub(super) fn burst(&mut self, to: SocketAddrV4, bytes: &[u8], each: usize) {
        for piece in bytes.chunks(each * self.sink.burst_max()) {
            let result = self.sink.send_burst(to, piece, each);
            self.count(result, piece.len().div_ceil(each) as u64, piece.len());
        }
    }

    fn count(&mut self, result: io::Result<()>, datagrams: u64, bytes: usize) {
        let counter = match result {
            Ok(()) => {
                self.counters.bytes.add(bytes as u64);
                &self.counters.datagrams
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => &self.counters.dropped,
            Err(_) => &self.counters.failed,
        };
        counter.add(datagrams);
    }

    /// Sends a heartbeat; counted as one when it left.
    pub(super) fn heartbeat(&mut self, to: SocketAddrV4, packet: &[u8]) {
        let before = self.counters.datagrams.get();
        self.send(to, packet);
        self.counters
            .heartbeats
            .add(self.counters.datagrams.get() - before);
    }
}
