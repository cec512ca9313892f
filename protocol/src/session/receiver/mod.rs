//! The receiving end of a numbered stream that comes in packets which may be lost, doubled and reordered.
//!
//! Messages are delivered in order, each once. What comes before its turn is held; what is missing is asked for again in
//! pieces, a bounded number of messages at a time, and again after an interval until it comes by whatever way.

use super::held::Held;
use crate::packet::{Packet, PacketKind};
use crate::text::SessionName;
use core::ops::Range;

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
    /// Nothing is delivered yet: somebody else will say where the stream begins.
    waits: bool,
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
            waits: false,
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
                // One that was overtaken says nothing new.
                self.end = self.end.max(Some(packet.sequence()));
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

    /// The first messages that are missing, at most `most` of them, up to the next one that is held.
    pub fn hole(&self, most: u64) -> Range<u64> {
        let end = self.known.min(self.next.saturating_add(most));
        let held = (self.next..end).find(|sequence| self.held.has(*sequence));
        self.next..held.unwrap_or(end)
    }

    /// True when nothing was heard for too long: what was put together may be old.
    pub fn is_silent(&self, now: u64) -> bool {
        now.saturating_sub(self.heard_at) > self.config.silence_ns
    }

    /// When the last thing was heard.
    pub fn heard_at(&self) -> u64 {
        self.heard_at
    }

    /// True when the stream has ended and every message was delivered. A message behind the end takes it back, until the
    /// end is told behind that one.
    pub fn is_finished(&self) -> bool {
        self.end.is_some_and(|end| self.next >= end && self.known <= end)
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

    /// Delivers nothing until [`Receiver::go_on`] says where the stream begins: what comes behind the next message is held.
    pub fn wait(&mut self) {
        self.waits = true;
    }

    /// Ends [`Receiver::wait`]: the stream begins at message `next`, which may be before what has passed meanwhile; then
    /// there is a gap. `deliver` gets what is held and in turn.
    pub fn go_on(&mut self, now: u64, next: u64, deliver: impl FnMut(u64, &[u8])) {
        self.waits = false;
        if next >= self.next {
            self.skip_to(next, deliver);
            return;
        }
        // Within one turn of the ring no two numbers share a slot.
        self.held
            .forget_from(next.saturating_add(self.config.held_max as u64));
        (self.next, self.requested, self.awaited) = (next, next, 0);
        self.fresh_at = Some(now + self.config.patience_ns);
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
        if sequence > self.next || self.waits || sequence == u64::MAX {
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
mod tests;
