//! Watches the wire and the disk: what was said, and how much was durable when it was.
//!
//! Every message that anybody was sent must be what the journal gives for its number, however often it was sent and by
//! whichever door, and its command must have been durable before it left (P4, P10). Which command a message comes from is
//! known at the end, from the journal; so the watch only remembers.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddrV4;

use protocol::authentication::TRAILER_BYTES;
use protocol::packet::{Packet, PacketKind};

use crate::attacker;
use crate::customer::number_of;
use crate::hash_of;

/// No stream of a run is so long.
const NUMBERS_MAX: u64 = 1 << 20;

/// Whose stream it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Whose {
    Feed,
    Customer(usize),
    Attacker,
}

/// A numbered stream: a day's feed, or a customer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stream {
    pub(super) day: u32,
    pub(super) whose: Whose,
}

impl Stream {
    pub(super) fn feed(day: u32) -> Self {
        Self {
            day,
            whose: Whose::Feed,
        }
    }

    pub(super) fn customer(day: u32, customer: usize) -> Self {
        Self {
            day,
            whose: Whose::Customer(customer),
        }
    }

    pub(super) fn attacker(day: u32) -> Self {
        Self {
            day,
            whose: Whose::Attacker,
        }
    }
}

/// A message as it was first seen.
#[derive(Debug, Clone, Copy)]
struct Seen {
    hash: u64,
    /// The last durable command then.
    durable: u64,
}

/// A day, and messages of its feed.
pub(crate) type Place = (u32, u64);

/// How far a feed was told: its place, and whether its end was told there.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Announced {
    pub(crate) place: Place,
    pub(crate) has_ended: bool,
}

#[derive(Debug, Default)]
pub(super) struct Wire {
    customers: BTreeMap<SocketAddrV4, usize>,
    /// A bit for each customer whose packets are sealed.
    sealed: u8,
    /// By number, from 1 on.
    seen: BTreeMap<Stream, Vec<Option<Seen>>>,
    count: u64,
    /// Which day's feed there was, and how long, by time.
    lengths: VecDeque<(u64, Announced)>,
    /// Over every datagram.
    pub(super) hash: u64,
    pub(super) datagrams: u64,
}

impl Wire {
    pub(super) fn new(customers: impl Iterator<Item = SocketAddrV4>, sealed: u8) -> Self {
        Self {
            customers: customers.zip(0..).collect(),
            sealed,
            ..Self::default()
        }
    }

    /// A datagram of the exchange, when so many commands were durable.
    pub(super) fn datagram(&mut self, now: u64, to: SocketAddrV4, bytes: &[u8], durable: u64) {
        self.datagrams += 1;
        // Tags are no seed's: the salt is from the operating system.
        let is_sealed = self
            .customers
            .get(&to)
            .is_some_and(|index| (self.sealed >> index) & 1 == 1);
        let bytes = &bytes[..bytes.len() - if is_sealed { TRAILER_BYTES } else { 0 }];
        self.hash = self.hash.rotate_left(5) ^ hash_of(bytes) ^ u64::from(to.ip().to_bits());
        let packet = Packet::parse(bytes).expect("the exchange sends MoldUDP64");
        let day = number_of(packet.session());
        let stream = match self.customers.get(&to) {
            Some(index) => Stream::customer(day, *index),
            None if *to.ip() == attacker::MACHINE => Stream::attacker(day),
            None => Stream::feed(day),
        };
        for (sequence, message) in packet.numbered() {
            self.message(stream, sequence, message, durable);
        }
        let announced = Announced {
            place: (day, packet.next_sequence() - 1),
            has_ended: packet.kind() == PacketKind::EndOfSession,
        };
        // The end of the day before, told beside the new day's feed, is nothing new.
        let is_new = self.lengths.back().is_none_or(|(_, before)| *before < announced);
        if stream.whose == Whose::Feed && is_new {
            self.lengths.push_back((now, announced));
        }
    }

    /// A message that somebody was told, by whichever door.
    pub(super) fn message(&mut self, stream: Stream, sequence: u64, message: &[u8], durable: u64) {
        self.hashed(stream, sequence, hash_of(message), durable);
    }

    /// The same for one whose hash is known.
    pub(super) fn hashed(&mut self, stream: Stream, sequence: u64, hash: u64, durable: u64) {
        assert!(
            (1..NUMBERS_MAX).contains(&sequence),
            "message {sequence} of {stream:?}"
        );
        let place = sequence as usize - 1;
        let seen = self.seen.entry(stream).or_default();
        if seen.len() <= place {
            seen.resize(place + 1, None);
        }
        match seen[place] {
            None => {
                seen[place] = Some(Seen { hash, durable });
                self.count += 1;
            }
            Some(seen) => assert_eq!(
                seen.hash, hash,
                "message {sequence} of {stream:?} is not what it was when it was sent first"
            ),
        }
    }

    /// How far the feed was at a time.
    pub(super) fn announced_at(&mut self, time: u64) -> Announced {
        while self.lengths.get(1).is_some_and(|(since, _)| *since <= time) {
            self.lengths.pop_front();
        }
        match self.lengths.front() {
            Some((since, announced)) if *since <= time => *announced,
            _ => Announced::default(),
        }
    }

    /// The clock leapt to `now`: nobody had the time to hear what was said before.
    pub(super) fn leap(&mut self, now: u64) {
        if let Some((_, announced)) = self.lengths.pop_back() {
            self.lengths.clear();
            self.lengths.push_back((now, announced));
        }
    }

    /// How many messages of a stream were sent so far.
    pub(super) fn length(&self, stream: Stream) -> usize {
        self.seen.get(&stream).map_or(0, Vec::len)
    }

    /// Compares with the journal: the hash of each message and the command it comes from, by stream.
    pub(super) fn compare(&self, told: &BTreeMap<Stream, Vec<(u64, u64)>>) {
        let all = self.seen.iter().flat_map(|(stream, seen)| {
            let numbered = (1_u64..).zip(seen);
            numbered.filter_map(move |(sequence, seen)| Some((stream, sequence, (*seen)?)))
        });
        for (stream, sequence, seen) in all {
            let by_journal = told
                .get(stream)
                .and_then(|messages| messages.get(sequence as usize - 1));
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
        self.count
    }
}
