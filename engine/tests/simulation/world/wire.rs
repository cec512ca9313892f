//! Watches the wire and the disk: what was said, and how much was durable when it was.
//!
//! Every message that anybody was sent must be what the journal gives for its number, however often it was sent and by
//! whichever door, and its command must have been durable before it left (P4, P10). Which command a message comes from is
//! known at the end, from the journal; so the watch only remembers.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddrV4;

use protocol::packet::Packet;

use crate::hash_of;

/// A numbered stream: the feed, or a customer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stream {
    Feed,
    Customer(usize),
}

/// A message as it was first seen.
#[derive(Debug, Clone, Copy)]
struct Seen {
    hash: u64,
    /// The last durable command then.
    durable: u64,
}

#[derive(Debug, Default)]
pub(super) struct Wire {
    customers: BTreeMap<SocketAddrV4, usize>,
    seen: BTreeMap<(Stream, u64), Seen>,
    /// How long the feed was, by time.
    lengths: VecDeque<(u64, u64)>,
    /// Over every datagram.
    pub(super) hash: u64,
    pub(super) datagrams: u64,
}

impl Wire {
    pub(super) fn new(customers: impl Iterator<Item = SocketAddrV4>) -> Self {
        Self {
            customers: customers.zip(0..).collect(),
            ..Self::default()
        }
    }

    /// A datagram of the exchange, when so many commands were durable.
    pub(super) fn datagram(&mut self, now: u64, to: SocketAddrV4, bytes: &[u8], durable: u64) {
        self.datagrams += 1;
        self.hash = self.hash.rotate_left(5) ^ hash_of(bytes) ^ u64::from(to.ip().to_bits());
        let stream = match self.customers.get(&to) {
            Some(index) => Stream::Customer(*index),
            None => Stream::Feed,
        };
        let packet = Packet::parse(bytes).expect("the exchange sends MoldUDP64");
        for (sequence, message) in packet.numbered() {
            self.message(stream, sequence, message, durable);
        }
        let next = packet.next_sequence();
        if stream == Stream::Feed && self.lengths.back().is_none_or(|(_, length)| *length + 1 < next) {
            self.lengths.push_back((now, next - 1));
        }
    }

    /// A message that somebody was told, by whichever door.
    pub(super) fn message(&mut self, stream: Stream, sequence: u64, message: &[u8], durable: u64) {
        let hash = hash_of(message);
        let seen = self
            .seen
            .entry((stream, sequence))
            .or_insert(Seen { hash, durable });
        assert_eq!(
            seen.hash, hash,
            "message {sequence} of {stream:?} is not what it was when it was sent first"
        );
    }

    /// How many messages of the feed had been sent at a time.
    pub(super) fn length_at(&mut self, time: u64) -> u64 {
        while self.lengths.get(1).is_some_and(|(since, _)| *since <= time) {
            self.lengths.pop_front();
        }
        match self.lengths.front() {
            Some((since, length)) if *since <= time => *length,
            _ => 0,
        }
    }

    /// How many messages of a stream were sent so far.
    pub(super) fn length(&self, stream: Stream) -> usize {
        let seen = self.seen.range((stream, 0)..=(stream, u64::MAX));
        seen.last().map_or(0, |((_, sequence), _)| *sequence as usize)
    }

    /// Compares with the journal: the hash of each message and the command it comes from, by stream.
    pub(super) fn compare(&self, told: &BTreeMap<Stream, Vec<(u64, u64)>>) {
        for ((stream, sequence), seen) in &self.seen {
            let by_journal = told
                .get(stream)
                .and_then(|messages| messages.get(*sequence as usize - 1));
            let Some((hash, command)) = by_journal else {
                panic!("message {sequence} of {stream:?} was sent, and the journal does not give it");
            };
            assert_eq!(
                *hash, seen.hash,
                "message {sequence} of {stream:?} is not what the journal gives"
            );
            assert!(
                *command <= seen.durable,
                "message {sequence} of {stream:?} was sent when commands up to {} were durable; it comes from command \
                 {command}",
                seen.durable
            );
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.seen.len() as u64
    }
}
