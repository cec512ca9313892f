//! The receiving end of a numbered stream that comes in packets which may be lost, doubled and reordered.
//!
//! Messages are delivered in order, each once. What comes before its turn is held; what is missing is asked for again in
//! pieces, a bounded number of messages at a time, and again after an interval until it comes by whatever way.

use super::held::Held;
use crate::packet::{Packet, PacketKind};
use crate::text::SessionName;

/// How a [`Receiver`] behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiverConfig {
    /// Messages that may be held before their turn; about 128 bytes each, allocated at the start.
    pub held_max: usize,
    /// How long a hole may be mere reordering before it is asked for, nanoseconds.
    pub patience_ns: u64,
    /// How long an answer may take before the request is repeated, nanoseconds.
    pub retry_ns: u64,
    /// Most messages in one request (at least 1); what the other side packs into one datagram is a good choice.
    pub request_max: u16,
    /// Most messages asked for and not yet come, over all requests (at least 1).
    pub window: u64,
    /// Silence after which the stream counts as stale, nanoseconds.
    pub silence_ns: u64,
}

impl Default for ReceiverConfig {
    /// For a network of one building: 0.2 ms of patience, retry after 5 ms, 3 heartbeats of silence.
    fn default() -> Self {
        Self {
            held_max: 8_192,
            patience_ns: 200_000,
            retry_ns: 5_000_000,
            request_max: 32,
            window: 2_048,
            silence_ns: 3 * super::HEARTBEAT_NS,
        }
    }
}

/// What a packet brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// This many messages were delivered: its own, and those held that followed.
    Delivered(u64),
    /// It came before its turn; nothing was delivered.
    Ahead,
    /// Nothing in it was new.
    Duplicate,
    /// It had no messages.
    Heartbeat,
    /// The stream has ended (its last messages may still be missing).
    End,
    /// It belongs to another session; nothing of it was used.
    OtherSession,
}

/// What a [`Receiver`] has seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReceiverCounts {
    /// Messages delivered in order.
    pub delivered: u64,
    /// Messages that had come before.
    pub duplicates: u64,
    /// Messages held before their turn.
    pub held: u64,
    /// Messages too far ahead to be held; they are asked for later.
    pub not_held: u64,
    /// Times the stream went from whole to having a gap.
    pub gaps: u64,
    /// Requests made.
    pub requests: u64,
    /// Packets of another session.
    pub other_session: u64,
}

/// Puts a stream together.
#[derive(Debug, Clone)]
pub struct Receiver {
    config: ReceiverConfig,
    /// The stream; learnt from the first packet where it was not known.
    session: Option<SessionName>,
    /// The message whose turn it is.
    next: u64,
    /// One past the last message known to exist.
    known: u64,
    /// Where the stream ends, once said.
    end: Option<u64>,
    held: Held,
    /// Holes below this number were asked for.
    requested: u64,
    /// Messages missing below `requested`.
    awaited: u64,
    /// When the holes below `requested` are asked for again.
    retry_at: u64,
    /// When the holes from `requested` on are asked for, where there are any.
    fresh_at: Option<u64>,
    heard_at: u64,
    counts: ReceiverCounts,
}

impl Receiver {
    /// A receiver whose first message is `next`, of a session to be learnt when `session` is `None`.
    pub fn new(config: ReceiverConfig, session: Option<SessionName>, next: u64, now: u64) -> Self {
        let config = ReceiverConfig {
            request_max: config.request_max.max(1),
            window: config.window.max(1),
            ..config
        };
        Self {
            config,
            session,
            next,
            known: next,
            end: None,
            held: Held::new(config.held_max),
            requested: next,
            awaited: 0,
            retry_at: now,
            fresh_at: None,
            heard_at: now,
            counts: ReceiverCounts::default(),
        }
    }

    /// Takes a packet. `deliver` gets number and bytes of each message whose turn it is.
    pub fn packet(&mut self, now: u64, packet: &Packet<'_>, mut deliver: impl FnMut(u64, &[u8])) -> Arrival {
        if *self.session.get_or_insert(packet.session()) != packet.session() {
            self.counts.other_session += 1;
            return Arrival::OtherSession;
        }
        self.heard_at = now;
        let before = self.counts.delivered;
        let had_gap = self.has_gap();
        for (sequence, message) in packet.numbered() {
            self.accept(sequence, message, &mut deliver);
        }
        self.learn(now, packet.next_sequence(), had_gap);
        match packet.kind() {
            PacketKind::Heartbeat => Arrival::Heartbeat,
            PacketKind::EndOfSession => {
                self.end = Some(packet.sequence());
                Arrival::End
            }
            PacketKind::Messages if self.counts.delivered > before => {
                Arrival::Delivered(self.counts.delivered - before)
            }
            PacketKind::Messages if packet.next_sequence() <= self.next => Arrival::Duplicate,
            PacketKind::Messages => Arrival::Ahead,
        }
    }

    /// Takes one message that came another way, as from a SoupBinTCP connection.
    pub fn message(&mut self, now: u64, sequence: u64, message: &[u8], mut deliver: impl FnMut(u64, &[u8])) {
        self.heard_at = now;
        let had_gap = self.has_gap();
        self.accept(sequence, message, &mut deliver);
        self.learn(now, sequence.saturating_add(1), had_gap);
    }

    /// Something was heard of the stream that is no packet of it, as a heartbeat over TCP.
    pub fn heard(&mut self, now: u64) {
        self.heard_at = now;
    }

    /// Tells `request` which messages to ask for now: first number and count, ascending. Returns how many requests
    /// there were. Call it again at [`Receiver::deadline`], and after packets came.
    pub fn requests(&mut self, now: u64, mut request: impl FnMut(u64, u16)) -> usize {
        let mut made = 0;
        if self.awaited > 0 && now >= self.retry_at {
            self.holes(self.next, self.requested, u64::MAX, |first, count| {
                made += 1;
                request(first, count);
            });
            self.retry_at = now + self.config.retry_ns;
        }
        if self.fresh_at.is_some_and(|at| now >= at) && self.awaited < self.config.window {
            let from = self.requested.max(self.next);
            if self.awaited == 0 {
                self.retry_at = now + self.config.retry_ns;
            }
            let (end, missing) = self.holes(
                from,
                self.known,
                self.config.window - self.awaited,
                |first, count| {
                    made += 1;
                    request(first, count);
                },
            );
            self.requested = end;
            self.awaited += missing;
            if end == self.known {
                self.fresh_at = None;
            }
        }
        self.counts.requests += made as u64;
        made
    }

    /// When [`Receiver::requests`] has something to say next; `None` while nothing is missing.
    pub fn deadline(&self) -> Option<u64> {
        let fresh = self.fresh_at.filter(|_| self.awaited < self.config.window);
        let retry = (self.awaited > 0).then_some(self.retry_at);
        fresh.into_iter().chain(retry).min()
    }

    /// The message whose turn it is.
    pub fn next_sequence(&self) -> u64 {
        self.next
    }

    /// One past the last message known to exist.
    pub fn known_sequence(&self) -> u64 {
        self.known
    }

    /// The session, once known.
    pub fn session(&self) -> Option<SessionName> {
        self.session
    }

    /// True when messages are missing that are known to exist.
    pub fn has_gap(&self) -> bool {
        self.next < self.known
    }

    /// Messages missing that are known to exist.
    pub fn missing(&self) -> u64 {
        self.known - self.next - self.held.count() as u64
    }

    /// True when nothing was heard for too long: what was put together may be old.
    pub fn is_silent(&self, now: u64) -> bool {
        now.saturating_sub(self.heard_at) > self.config.silence_ns
    }

    /// When the last thing was heard.
    pub fn heard_at(&self) -> u64 {
        self.heard_at
    }

    /// True when the stream has ended and every message was delivered.
    pub fn is_finished(&self) -> bool {
        self.end.is_some_and(|end| self.next >= end)
    }

    /// What it has seen.
    pub fn counts(&self) -> ReceiverCounts {
        self.counts
    }

    /// Goes on with message `next`, forgetting what is missing before it: after a snapshot. What is held from there on
    /// is delivered when its turn comes; `deliver` gets what is in turn at once.
    pub fn skip_to(&mut self, next: u64, mut deliver: impl FnMut(u64, &[u8])) {
        if next < self.next {
            return;
        }
        self.awaited = self.count_missing_from(next);
        self.held.forget_below(next);
        self.next = next;
        self.known = self.known.max(next);
        self.requested = self.requested.max(next);
        self.deliver_held(&mut deliver);
        self.settle();
    }

    /// Begins another session at message `next`, as after the roll of the day.
    pub fn restart(&mut self, session: Option<SessionName>, next: u64, now: u64) {
        self.held.clear();
        self.session = session;
        self.next = next;
        self.known = next;
        self.requested = next;
        self.awaited = 0;
        self.fresh_at = None;
        self.end = None;
        self.heard_at = now;
    }

    fn accept(&mut self, sequence: u64, message: &[u8], deliver: &mut impl FnMut(u64, &[u8])) {
        if sequence < self.next {
            self.counts.duplicates += 1;
            return;
        }
        // The last number there is would leave no next one; no stream comes that far.
        if sequence > self.next || sequence == u64::MAX {
            if self.held.insert(self.next, sequence, message) {
                self.counts.held += 1;
                self.came(sequence);
            } else if self.held.has(sequence) {
                self.counts.duplicates += 1;
            } else {
                self.counts.not_held += 1;
            }
            return;
        }
        self.came(sequence);
        deliver(sequence, message);
        self.counts.delivered += 1;
        self.next += 1;
        self.deliver_held(deliver);
    }

    /// A missing message came.
    fn came(&mut self, sequence: u64) {
        if sequence < self.requested {
            self.awaited -= 1;
        }
    }

    fn deliver_held(&mut self, deliver: &mut impl FnMut(u64, &[u8])) {
        loop {
            let next = self.next;
            if self.held.count() == 0 || !self.held.take(next, |message| deliver(next, message)) {
                return;
            }
            self.counts.delivered += 1;
            self.next += 1;
        }
    }

    /// Messages up to `known` exist.
    fn learn(&mut self, now: u64, known: u64, had_gap: bool) {
        self.known = self.known.max(known).max(self.next);
        self.requested = self.requested.max(self.next);
        if self.has_gap() {
            self.counts.gaps += u64::from(!had_gap);
            if self.requested < self.known && self.fresh_at.is_none() {
                self.fresh_at = Some(now + self.config.patience_ns);
            }
        }
        self.settle();
    }

    fn settle(&mut self) {
        if self.requested == self.known || !self.has_gap() {
            self.fresh_at = None;
        }
    }

    /// Tells `request` the holes from `from` up to `to`, at most `most` messages. Returns where it stopped, and how many
    /// messages are missing up to there.
    fn holes(&self, from: u64, to: u64, most: u64, mut request: impl FnMut(u64, u16)) -> (u64, u64) {
        let mut missing = 0;
        let mut at = from;
        let (mut first, mut count) = (from, 0_u16);
        while at < to && missing < most {
            if self.held.has(at) {
                if count > 0 {
                    request(first, count);
                }
                (first, count) = (at + 1, 0);
            } else {
                count += 1;
                missing += 1;
                if count == self.config.request_max {
                    request(first, count);
                    (first, count) = (at + 1, 0);
                }
            }
            at += 1;
        }
        if count > 0 {
            request(first, count);
        }
        (at, missing)
    }

    /// Messages missing from `from` up to `requested`.
    fn count_missing_from(&self, from: u64) -> u64 {
        self.holes(from.max(self.next), self.requested, u64::MAX, |_, _| ())
            .1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Packer;
    use crate::session::Sender;
    use crate::testing::{Faults, Link, Random};

    const SESSION: SessionName = *b"ITCH000001";
    const CONFIG: ReceiverConfig = ReceiverConfig {
        held_max: 16,
        patience_ns: 10,
        retry_ns: 100,
        request_max: 4,
        window: 6,
        silence_ns: 1_000,
    };

    fn packet(first: u64, count: u64) -> Vec<u8> {
        let mut packer = Packer::new(SESSION, first, 1_472);
        for number in first..first + count {
            assert!(packer.push(&number.to_be_bytes()));
        }
        packer
            .finish(None)
            .map_or_else(|| packer_heartbeat(first), <[u8]>::to_vec)
    }

    fn packer_heartbeat(next: u64) -> Vec<u8> {
        Packer::new(SESSION, next, 1_472).heartbeat().to_vec()
    }

    /// Gives a packet; answers what it was and the numbers delivered.
    fn give(receiver: &mut Receiver, now: u64, bytes: &[u8]) -> (Arrival, Vec<u64>) {
        let mut delivered = Vec::new();
        let arrival = receiver.packet(now, &Packet::parse(bytes).unwrap(), |sequence, message| {
            assert_eq!(message, sequence.to_be_bytes());
            delivered.push(sequence);
        });
        (arrival, delivered)
    }

    fn requests(receiver: &mut Receiver, now: u64) -> Vec<(u64, u16)> {
        let mut requests = Vec::new();
        let count = receiver.requests(now, |first, count| requests.push((first, count)));
        assert_eq!(count, requests.len());
        requests
    }

    #[test]
    fn in_order_twice_overlapping() {
        let mut receiver = Receiver::new(CONFIG, None, 1, 0);
        assert_eq!(
            give(&mut receiver, 1, &packet(1, 3)),
            (Arrival::Delivered(3), vec![1, 2, 3])
        );
        assert_eq!(
            give(&mut receiver, 1, &packet(1, 3)),
            (Arrival::Duplicate, vec![])
        );
        assert_eq!(
            give(&mut receiver, 1, &packet(2, 4)),
            (Arrival::Delivered(2), vec![4, 5])
        );
        assert_eq!(
            give(&mut receiver, 1, &packet(6, 0)),
            (Arrival::Heartbeat, vec![])
        );
        assert!(!receiver.has_gap() && receiver.deadline().is_none());
        assert_eq!(receiver.counts().duplicates, 5);
    }

    #[test]
    fn what_comes_early_is_held_and_only_holes_are_asked_for() {
        let mut receiver = Receiver::new(CONFIG, Some(SESSION), 1, 0);
        assert_eq!(give(&mut receiver, 0, &packet(3, 2)), (Arrival::Ahead, vec![]));
        assert_eq!(give(&mut receiver, 0, &packet(6, 1)), (Arrival::Ahead, vec![]));
        assert_eq!(receiver.missing(), 3);
        assert_eq!(requests(&mut receiver, 9), [], "it may be mere reordering");
        assert_eq!(receiver.deadline(), Some(10));
        assert_eq!(requests(&mut receiver, 10), [(1, 2), (5, 1)]);
        assert_eq!(requests(&mut receiver, 109), []);
        assert_eq!(receiver.deadline(), Some(110));
        assert_eq!(
            give(&mut receiver, 109, &packet(1, 2)),
            (Arrival::Delivered(4), vec![1, 2, 3, 4])
        );
        assert_eq!(
            requests(&mut receiver, 110),
            [(5, 1)],
            "asked again: only what is still missing"
        );
        assert_eq!(
            give(&mut receiver, 111, &packet(5, 1)),
            (Arrival::Delivered(2), vec![5, 6])
        );
        assert_eq!((receiver.deadline(), receiver.missing()), (None, 0));
        assert_eq!(receiver.counts().gaps, 1);
    }

    #[test]
    fn reordering_alone_asks_for_nothing() {
        let mut receiver = Receiver::new(CONFIG, Some(SESSION), 1, 0);
        give(&mut receiver, 0, &packet(2, 1));
        give(&mut receiver, 5, &packet(1, 1));
        assert_eq!(requests(&mut receiver, 1_000), []);
    }

    #[test]
    fn a_heartbeat_reveals_a_loss_and_requests_stay_within_the_window() {
        let mut receiver = Receiver::new(CONFIG, Some(SESSION), 1, 0);
        assert_eq!(give(&mut receiver, 0, &packet(101, 0)).0, Arrival::Heartbeat);
        assert_eq!(receiver.missing(), 100);
        assert_eq!(requests(&mut receiver, 10), [(1, 4), (5, 2)]);
        assert_eq!(requests(&mut receiver, 11), []);
        give(&mut receiver, 12, &packet(1, 4));
        assert_eq!(
            requests(&mut receiver, 12),
            [(7, 4)],
            "as answers come, the window moves on"
        );
        give(&mut receiver, 13, &packet(50, 5));
        assert_eq!(receiver.counts().not_held, 5, "too far ahead to be held");
    }

    #[test]
    fn the_end_is_reached_when_all_before_it_came() {
        let mut receiver = Receiver::new(CONFIG, Some(SESSION), 1, 0);
        let end = Packer::new(SESSION, 3, 1_472).end_of_session();
        assert_eq!(give(&mut receiver, 0, &end).0, Arrival::End);
        assert!(!receiver.is_finished());
        assert_eq!(requests(&mut receiver, 10), [(1, 2)]);
        give(&mut receiver, 11, &packet(1, 2));
        assert!(receiver.is_finished());
    }

    #[test]
    fn another_session_is_not_listened_to_and_silence_is_noticed() {
        let mut receiver = Receiver::new(CONFIG, None, 1, 0);
        give(&mut receiver, 500, &packet(1, 1));
        assert_eq!(receiver.session(), Some(SESSION));
        let other = Packer::new(*b"ITCH000002", 1, 1_472).heartbeat();
        assert_eq!(give(&mut receiver, 1_500, &other).0, Arrival::OtherSession);
        assert!(!receiver.is_silent(1_500) && receiver.is_silent(1_501));
        receiver.heard(1_501);
        assert!(!receiver.is_silent(1_501));
    }

    #[test]
    fn after_a_snapshot_the_rest_goes_on() {
        let mut receiver = Receiver::new(CONFIG, Some(SESSION), 1, 0);
        give(&mut receiver, 0, &packet(10, 2));
        give(&mut receiver, 0, &packet(13, 1));
        requests(&mut receiver, 10);
        let mut delivered = Vec::new();
        receiver.skip_to(10, |sequence, _| delivered.push(sequence));
        assert_eq!(delivered, [10, 11]);
        assert_eq!((receiver.next_sequence(), receiver.missing()), (12, 1));
        assert_eq!(requests(&mut receiver, 11), [(12, 1)]);
        receiver.message(12, 12, &12_u64.to_be_bytes(), |sequence, _| {
            delivered.push(sequence)
        });
        assert_eq!((delivered, receiver.missing()), (vec![10, 11, 12, 13], 0));
        receiver.skip_to(5, |_, _| panic!("never backwards"));
        receiver.restart(None, 1, 20);
        assert_eq!(
            (receiver.next_sequence(), receiver.session(), receiver.has_gap()),
            (1, None, false)
        );
    }

    #[test]
    fn the_last_number_there_is_does_no_harm() {
        let mut receiver = Receiver::new(CONFIG, Some(SESSION), u64::MAX, 0);
        receiver.message(0, u64::MAX, b"", |_, _| panic!("it is never delivered"));
        assert_eq!(receiver.next_sequence(), u64::MAX);
        let mut receiver = Receiver::new(CONFIG, Some(SESSION), 1, 0);
        receiver.message(0, u64::MAX, b"", |_, _| panic!("it is ahead"));
        assert_eq!(requests(&mut receiver, 10).len(), 2);
    }

    /// A sender and a receiver over a bad network both ways: every message is delivered once, in order.
    /// A burst is sent every `rarity` ticks on average; the network takes 50.
    fn over_a_bad_network(seed: u64, rarity: u64) -> ReceiverCounts {
        const MESSAGES: u64 = 3_000;
        let mut random = Random::new(seed);
        let mut down = Link::new(Faults::bad(50), random.next_u64());
        let mut up = Link::new(Faults::bad(50), random.next_u64());
        let mut sender = Sender::new(SESSION, 1, 200, 0).with_heartbeat(2_000);
        let mut answers = Packer::new(SESSION, 1, 200);
        let config = ReceiverConfig {
            held_max: 256,
            window: 64,
            retry_ns: 500,
            request_max: 8,
            ..CONFIG
        };
        let mut receiver = Receiver::new(config, Some(SESSION), 1, 0);
        let mut delivered = 0_u64;
        for now in 0..2_000_000_u64 {
            if sender.next_sequence() <= MESSAGES && random.chance(1, rarity) {
                for _ in 0..random.between(1, 20).min(MESSAGES + 1 - sender.next_sequence()) {
                    let message = sender.next_sequence().to_be_bytes();
                    sender.push(now, &message, None, |packet| down.send(now, packet));
                }
                sender.flush(now, None, |packet| down.send(now, packet));
            }
            sender.poll(now, |packet| down.send(now, packet));
            while let Some((_, bytes)) = up.receive(now) {
                let first = u64::from_be_bytes(bytes[..8].try_into().unwrap());
                let count = u64::from(u16::from_be_bytes(bytes[8..].try_into().unwrap()));
                answers.seek(first);
                for sequence in first..first + count {
                    assert!(sequence < sender.next_sequence(), "only what exists is asked for");
                    assert!(answers.push(&sequence.to_be_bytes()));
                }
                down.send(now, answers.finish(None).unwrap());
            }
            while let Some((_, bytes)) = down.receive(now) {
                receiver.packet(now, &Packet::parse(&bytes).unwrap(), |sequence, message| {
                    delivered += 1;
                    assert_eq!((sequence, message), (delivered, &delivered.to_be_bytes()[..]));
                });
                assert!(receiver.awaited <= config.window);
                assert_eq!(receiver.awaited, receiver.count_missing_from(receiver.next));
            }
            receiver.requests(now, |first, count| {
                up.send(now, &[&first.to_be_bytes()[..], &count.to_be_bytes()].concat());
            });
            if delivered == MESSAGES {
                return receiver.counts();
            }
        }
        panic!(
            "seed {seed}: {delivered} of {MESSAGES} messages, {:?}",
            receiver.counts()
        );
    }

    #[test]
    fn a_bad_network_loses_nothing() {
        for seed in 0..10 {
            let calm = over_a_bad_network(seed, 400);
            assert!(
                calm.gaps > 10 && calm.held > 100 && calm.duplicates > 100,
                "{calm:?}"
            );
            let flood = over_a_bad_network(seed, 20);
            assert!(flood.not_held > 100, "more is ahead than can be held: {flood:?}");
        }
    }
}
