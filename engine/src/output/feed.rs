//! The market data feed: packets of one release, the same on both lines.

use std::net::SocketAddrV4;

use protocol::packet::{END_OF_SESSION, Packer};
use protocol::text::SessionName;
use zerocopy::IntoBytes;

use super::counters::StreamCounters;
use super::line::{HEARTBEAT_NS, Line, empty_packet};
use crate::runtime::seams::DatagramSink;

/// Market data on its way out. Packets are kept until [`Feed::flush`], so that acknowledgements can leave first.
#[derive(Debug)]
pub(super) struct Feed<M> {
    line: Line<M>,
    name: SessionName,
    /// Line A, and line B unless it is off.
    addresses: [Option<SocketAddrV4>; 2],
    packets: Box<[Packer]>,
    /// Packets in use. The last of them may have room.
    used: usize,
    /// When something was sent last; `None` before the first.
    last_ns: Option<u64>,
}

impl<M: DatagramSink> Feed<M> {
    /// `packets`: the most that one release can fill.
    pub(super) fn new(
        sink: M,
        name: SessionName,
        line_a: SocketAddrV4,
        line_b: Option<SocketAddrV4>,
        packets: usize,
        datagram_bytes_max: usize,
    ) -> Self {
        Self {
            line: Line::new(sink),
            name,
            addresses: [Some(line_a), line_b],
            packets: (0..packets)
                .map(|_| Packer::new(name, 1, datagram_bytes_max))
                .collect(),
            used: 0,
            last_ns: None,
        }
    }

    pub(super) fn counters(&self) -> StreamCounters {
        self.line.counters
    }

    /// Packs a message; nothing leaves yet.
    pub(super) fn message(&mut self, sequence: u64, message: &[u8]) {
        self.line.counters.messages += 1;
        if self.used > 0 {
            let packet = &mut self.packets[self.used - 1];
            debug_assert_eq!(packet.next_sequence(), sequence, "the feed has no holes");
            if packet.push(message) {
                return;
            }
        }
        let packet = &mut self.packets[self.used];
        packet.seek(sequence);
        assert!(packet.push(message), "an empty packet has room for any message");
        self.used += 1;
    }

    /// Sends what was packed.
    pub(super) fn flush(&mut self, now_ns: u64) {
        for packet in &mut self.packets[..self.used] {
            let bytes = packet.finish(None).expect("a packet in use has a message");
            for address in self.addresses.iter().flatten() {
                self.line.send(*address, bytes);
            }
            self.last_ns = Some(now_ns);
        }
        self.used = 0;
    }

    /// Sends a heartbeat when nothing has been sent for a second, or ever. Returns the heartbeats sent (0 or 1, on both lines).
    pub(super) fn heartbeat(&mut self, now_ns: u64, next_sequence: u64) -> usize {
        if self
            .last_ns
            .is_some_and(|last| now_ns.saturating_sub(last) < HEARTBEAT_NS)
        {
            return 0;
        }
        let packet = empty_packet(self.name, next_sequence, 0);
        for address in self.addresses.iter().flatten() {
            self.line.heartbeat(*address, &packet);
        }
        self.last_ns = Some(now_ns);
        1
    }

    /// Says that the stream has ended; `next_sequence` will never come.
    pub(super) fn end(&mut self, next_sequence: u64) {
        let packet = empty_packet(self.name, next_sequence, END_OF_SESSION);
        for address in self.addresses.iter().flatten() {
            self.line.send(*address, packet.as_bytes());
        }
    }
}
