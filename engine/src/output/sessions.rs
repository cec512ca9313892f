//! Acknowledgements over UDP: which sessions are bound, and the packets of one release, sealed for those that want it.

use std::net::SocketAddrV4;
use std::sync::Arc;

use crossbeam_utils::CachePadded;
use protocol::authentication::{Sealer, TRAILER_BYTES};
use protocol::packet::{END_OF_SESSION, HEADER_BYTES, Packer};
use protocol::text::SessionName;
use zerocopy::IntoBytes;

use super::counters::StreamCounters;
use super::line::{HEARTBEAT_NS, Line, empty_packet};
use super::names::order_entry_name;
use crate::runtime::seams::DatagramSink;

/// Sessions whose packets are being filled at once. When a release touches more, the packets so far leave early.
const BURSTS: usize = 64;
/// Packets of a session that leave together at most.
const BURST_PACKETS: usize = 32;
/// Bound sessions looked at for a heartbeat in one poll.
const SWEEP_SESSIONS_MAX: usize = 64;
/// The least time between two sweeps for heartbeats.
const SWEEP_NS_MIN: u64 = 1_000_000;

#[derive(Debug)]
struct Session {
    name: SessionName,
    binding: Option<Binding>,
    /// With `mac` authentication, while it is bound.
    sealer: Option<Box<Sealer>>,
}

impl Session {
    /// A packet without messages, and how many of its bytes are sent.
    fn empty_packet(
        &mut self,
        next_sequence: u64,
        count: u16,
    ) -> ([u8; HEADER_BYTES + TRAILER_BYTES], usize) {
        let mut bytes = [0; HEADER_BYTES + TRAILER_BYTES];
        bytes[..HEADER_BYTES].copy_from_slice(empty_packet(self.name, next_sequence, count).as_bytes());
        match &mut self.sealer {
            None => (bytes, HEADER_BYTES),
            Some(sealer) => {
                sealer.seal(&mut bytes);
                (bytes, HEADER_BYTES + TRAILER_BYTES)
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Binding {
    address: SocketAddrV4,
    /// Place in [`Sessions::bound`].
    place: usize,
    /// The burst that is being filled for it, if the release has touched the session.
    burst: Option<usize>,
    last_ns: u64,
}

/// Packets of one session: those that are full, padded to one size so that the kernel can cut them from one piece, and the
/// one that is being filled.
#[derive(Debug)]
struct Burst {
    full: Vec<u8>,
    packet: Packer,
}

/// All order-entry sessions, as the output stage sees them.
#[derive(Debug)]
pub(super) struct Sessions<A> {
    line: Line<A>,
    sessions: Box<[Session]>,
    bursts: Box<[Burst]>,
    /// The session of each burst in use.
    touched: Vec<u32>,
    datagram_bytes_max: usize,
    /// The bound sessions, in no order.
    bound: Vec<u32>,
    sweep: Sweep,
    now_ns: u64,
}

/// A walk over the bound sessions, looking for silent ones, a portion each poll.
#[derive(Debug, Default)]
struct Sweep {
    /// Place in [`Sessions::bound`] to go on at.
    cursor: usize,
    /// No session can be due before this time.
    next_ns: u64,
    /// The earliest time at which one of those seen in this walk is due.
    earliest_ns: u64,
}

impl Sweep {
    fn restart(next_ns: u64) -> Self {
        Self {
            cursor: 0,
            next_ns,
            earliest_ns: u64::MAX,
        }
    }
}

impl<A: DatagramSink> Sessions<A> {
    /// Room for `sessions` sessions, none bound, all named for the day `roll`.
    pub(super) fn new(sink: A, sessions: u32, roll: u32, datagram_bytes_max: usize) -> Self {
        Self {
            line: Line::new(sink),
            sessions: (0..sessions)
                .map(|session| Session {
                    name: order_entry_name(session, roll),
                    binding: None,
                    sealer: None,
                })
                .collect(),
            bursts: (0..BURSTS)
                .map(|_| Burst {
                    full: Vec::with_capacity(BURST_PACKETS * datagram_bytes_max),
                    packet: Packer::new([b' '; 10], 1, datagram_bytes_max),
                })
                .collect(),
            datagram_bytes_max,
            touched: Vec::with_capacity(BURSTS),
            bound: Vec::with_capacity(sessions as usize),
            sweep: Sweep::restart(0),
            now_ns: 0,
        }
    }

    pub(super) fn counters(&self) -> &Arc<CachePadded<StreamCounters>> {
        &self.line.counters
    }

    /// The time of everything that is sent until the next call.
    pub(super) fn set_time(&mut self, now_ns: u64) {
        self.now_ns = now_ns;
    }

    /// Packs a message of a bound session.
    pub(super) fn message(&mut self, session: u32, sequence: u64, message: &[u8]) {
        let Some(binding) = self.sessions[session as usize].binding else {
            return;
        };
        self.line.counters.messages.increment();
        let index = match binding.burst {
            Some(index) => index,
            None => self.touch(session, sequence),
        };
        let packet = &mut self.bursts[index].packet;
        debug_assert_eq!(
            packet.next_sequence(),
            sequence,
            "a session's stream has no holes"
        );
        if packet.push(message) {
            return;
        }
        self.finish(index);
        assert!(
            self.bursts[index].packet.push(message),
            "an empty packet has room for any message"
        );
    }

    /// Sends what was packed.
    pub(super) fn flush(&mut self) {
        for index in 0..self.touched.len() {
            self.send(index);
            let binding = self.sessions[self.touched[index] as usize].binding.as_mut();
            binding.expect("sending has seen the binding").burst = None;
        }
        self.touched.clear();
    }

    /// The session's messages go to `address` from now on, sealed if there is a `sealer`, beginning with a heartbeat that
    /// names the next of them.
    pub(super) fn bind(
        &mut self,
        session: u32,
        address: SocketAddrV4,
        next_sequence: u64,
        sealer: Option<Box<Sealer>>,
    ) {
        self.unbind(session);
        let place = self.bound.len();
        self.bound.push(session);
        let entry = &mut self.sessions[session as usize];
        entry.binding = Some(Binding {
            address,
            place,
            burst: None,
            last_ns: self.now_ns,
        });
        entry.sealer = sealer;
        let (packet, length) = entry.empty_packet(next_sequence, 0);
        self.line.heartbeat(address, &packet[..length]);
        // The walk in progress, if any, passes the new place too; a finished one has to come back in time.
        self.sweep.next_ns = self.sweep.next_ns.min(self.now_ns + HEARTBEAT_NS);
    }

    /// The session's messages go nowhere from now on. What was packed for it leaves.
    pub(super) fn unbind(&mut self, session: u32) {
        let Some(binding) = self.sessions[session as usize].binding else {
            return;
        };
        // The other packets may leave as well: they are acknowledgements of the same release.
        if binding.burst.is_some() {
            self.flush();
        }
        let entry = &mut self.sessions[session as usize];
        (entry.binding, entry.sealer) = (None, None);
        self.bound.swap_remove(binding.place);
        if let Some(moved) = self.bound.get(binding.place) {
            let entry = &mut self.sessions[*moved as usize];
            entry
                .binding
                .as_mut()
                .expect("only bound sessions are in the list")
                .place = binding.place;
        }
        // The moved session may have been moved behind the walk: start over.
        self.sweep = Sweep::restart(0);
    }

    /// Sends heartbeats to bound sessions that were silent for a second; looks at a bounded number of them. Returns the
    /// heartbeats sent. `next_sequence` gives the number of a session's next message.
    pub(super) fn heartbeats(&mut self, next_sequence: impl Fn(u32) -> u64) -> usize {
        if self.now_ns < self.sweep.next_ns || self.bound.is_empty() {
            return 0;
        }
        let mut sent = 0;
        let end = self.bound.len().min(self.sweep.cursor + SWEEP_SESSIONS_MAX);
        for session in &self.bound[self.sweep.cursor..end] {
            let entry = &mut self.sessions[*session as usize];
            let binding = entry
                .binding
                .as_mut()
                .expect("only bound sessions are in the list");
            if self.now_ns.saturating_sub(binding.last_ns) >= HEARTBEAT_NS {
                binding.last_ns = self.now_ns;
                let address = binding.address;
                let (packet, length) = entry.empty_packet(next_sequence(*session), 0);
                self.line.heartbeat(address, &packet[..length]);
                sent += 1;
            }
            let last_ns = entry.binding.map_or(self.now_ns, |binding| binding.last_ns);
            self.sweep.earliest_ns = self.sweep.earliest_ns.min(last_ns + HEARTBEAT_NS);
        }
        self.sweep.cursor = end;
        if end == self.bound.len() {
            self.sweep = Sweep::restart(self.sweep.earliest_ns.max(self.now_ns + SWEEP_NS_MIN));
        }
        sent
    }

    /// The day rolls: what was packed leaves, every bound session hears that its stream has ended and the next message will
    /// never come, and nobody is bound any more. The streams of the day `roll` begin.
    pub(super) fn roll(&mut self, roll: u32, next_sequence: impl Fn(u32) -> u64) {
        self.flush();
        for session in self.bound.drain(..) {
            let entry = &mut self.sessions[session as usize];
            let binding = entry.binding.take().expect("only bound sessions are in the list");
            let (packet, length) = entry.empty_packet(next_sequence(session), END_OF_SESSION);
            self.line.send(binding.address, &packet[..length]);
            entry.sealer = None;
        }
        for (session, entry) in (0..).zip(&mut self.sessions) {
            entry.name = order_entry_name(session, roll);
        }
        self.sweep = Sweep::restart(0);
    }

    /// Gives the session a burst to fill.
    fn touch(&mut self, session: u32, sequence: u64) -> usize {
        if self.touched.len() == self.bursts.len() {
            self.flush();
        }
        let index = self.touched.len();
        self.touched.push(session);
        let entry = &mut self.sessions[session as usize];
        let binding = entry.binding.as_mut().expect("the caller has seen the binding");
        binding.burst = Some(index);
        let trailer = if entry.sealer.is_some() { TRAILER_BYTES } else { 0 };
        let packet = &mut self.bursts[index].packet;
        packet.restart(entry.name, sequence);
        packet.set_limit(self.datagram_bytes_max - trailer);
        index
    }

    /// A packet is full: it waits for those behind it, as long as there is room for them. Where the sink takes one
    /// datagram at a time it leaves at once, without padding.
    fn finish(&mut self, index: usize) {
        if self.line.sink.burst_max() == 1 {
            self.send(index);
            return;
        }
        self.add(index, Some(self.datagram_bytes_max));
        if self.bursts[index].full.len() == (BURST_PACKETS - 1) * self.datagram_bytes_max {
            self.leave(index);
        }
    }

    /// Sends the packets of a burst, the last as short as it is.
    fn send(&mut self, index: usize) {
        self.add(index, None);
        self.leave(index);
    }

    /// Puts the packet in work behind the full ones; the next goes on with the next number. What is padded and sealed has
    /// the size of what is padded only: all packets of a burst are cut alike.
    fn add(&mut self, index: usize, pad_to: Option<usize>) {
        let Burst { full, packet } = &mut self.bursts[index];
        let begin = full.len();
        full.extend_from_slice(packet.finish(pad_to).expect("a packet in use has a message"));
        if let Some(sealer) = &mut self.sessions[self.touched[index] as usize].sealer {
            full.resize(full.len() + TRAILER_BYTES, 0);
            sealer.seal(&mut full[begin..]);
        }
    }

    fn leave(&mut self, index: usize) {
        let entry = &mut self.sessions[self.touched[index] as usize];
        let binding = entry
            .binding
            .as_mut()
            .expect("bursts in use are flushed before their session is unbound");
        let full = &mut self.bursts[index].full;
        self.line.burst(binding.address, full, self.datagram_bytes_max);
        full.clear();
        binding.last_ns = self.now_ns;
    }
}
