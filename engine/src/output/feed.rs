//! The market data feed: packets of one release, the same on both lines.

use std::net::SocketAddrV4;
use std::sync::Arc;

use crossbeam_utils::CachePadded;
use protocol::packet::{END_OF_SESSION, Packer};
use protocol::text::SessionName;
use zerocopy::IntoBytes;

use super::counters::StreamCounters;
use super::line::{HEARTBEAT_NS, Line, empty_packet};
use crate::runtime::seams::DatagramSink;

/// How long the end of a stream is told.
pub const ENDING_NS: u64 = 30_000_000_000;

/// A stream that has ended.
#[derive(Debug, Clone, Copy)]
struct Ended {
    name: SessionName,
    next_sequence: u64,
    /// When it was told last.
    told_ns: u64,
    /// Told up to this time.
    until_ns: u64,
}

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
    /// Nothing more comes in this stream: its end is told instead of heartbeats, since this time.
    ending_ns: Option<u64>,
    /// The stream of the day before, as long as its end is told.
    ended: Option<Ended>,
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
            ending_ns: None,
            ended: None,
        }
    }

    pub(super) fn counters(&self) -> &Arc<CachePadded<StreamCounters>> {
        &self.line.counters
    }

    /// Packs a message; nothing leaves yet.
    pub(super) fn message(&mut self, sequence: u64, message: &[u8]) {
        self.line.counters.messages.increment();
        self.ending_ns = None;
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
            // That the stream has ended is told at once.
            self.last_ns = self.ending_ns.is_none().then_some(now_ns);
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
        let count = if self.ending_ns.is_some() {
            END_OF_SESSION
        } else {
            0
        };
        self.send_empty(self.name, next_sequence, count);
        self.last_ns = Some(now_ns);
        1
    }

    /// The end of messages was packed: if nothing comes behind it, receivers are told that the stream has ended.
    pub(super) fn end(&mut self, now_ns: u64) {
        self.ending_ns = Some(now_ns);
    }

    /// The day rolls: what was packed leaves, and the stream `name` begins. That the old one has ended before
    /// `next_sequence` is told until it was told for long enough.
    pub(super) fn roll(&mut self, name: SessionName, next_sequence: u64, now_ns: u64) {
        self.flush(now_ns);
        let ended = Ended {
            name: self.name,
            next_sequence,
            told_ns: now_ns,
            until_ns: self.ending_ns.take().unwrap_or(now_ns) + ENDING_NS,
        };
        self.send_empty(ended.name, next_sequence, END_OF_SESSION);
        self.ended = Some(ended);
        self.name = name;
        for packet in &mut self.packets {
            packet.restart(name, 1);
        }
        self.last_ns = None;
    }

    /// Says again that the old day's stream has ended. Returns how often (0 or 1, on both lines).
    pub(super) fn tell_ended(&mut self, now_ns: u64) -> usize {
        let Some(ended) = &mut self.ended else {
            return 0;
        };
        if now_ns >= ended.until_ns {
            self.ended = None;
            return 0;
        }
        if now_ns.saturating_sub(ended.told_ns) < HEARTBEAT_NS {
            return 0;
        }
        ended.told_ns = now_ns;
        let Ended {
            name, next_sequence, ..
        } = *ended;
        self.send_empty(name, next_sequence, END_OF_SESSION);
        1
    }

    /// A packet without messages to both lines.
    fn send_empty(&mut self, name: SessionName, next_sequence: u64, count: u16) {
        let packet = empty_packet(name, next_sequence, count);
        for address in self.addresses.iter().flatten() {
            self.line.heartbeat(*address, packet.as_bytes());
        }
    }
}
