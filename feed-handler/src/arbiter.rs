//! Two lines and the recovery stream into one ordered stream: the first copy of a message wins.
//!
//! Lives here: which session is followed, what counts as a sign of life, statistics of each line. Order, and what
//! came before its turn, is [`protocol::session::Receiver`]'s.
//! Must not be here: sockets, patience, what to ask for ([`crate::gap`]).
//!
//! Invariant: messages of a session are delivered in order, each once, without holes.

use crate::lead::Leads;
use protocol::packet::{Packet, PacketKind};
use protocol::session::{Receiver, ReceiverConfig};
use protocol::text::SessionName;
use std::ops::Range;

/// One of the two lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Line {
    /// The first.
    A = 0,
    /// The second, with the same packets.
    B = 1,
}

impl Line {
    /// Both.
    pub const ALL: [Self; 2] = [Self::A, Self::B];
}

/// Where the ordered stream begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At this sequence number; what has passed is to be recovered.
    At(u64),
    /// With the first message that comes.
    Now,
}

/// Who takes the ordered stream.
pub trait Delivery {
    /// A session begins: its messages follow, those of another session never again.
    fn session(&mut self, session: SessionName);
    /// The next message in order.
    fn message(&mut self, sequence: u64, message: &[u8]);
}

/// What one line did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LineStatistics {
    /// Packets of the current or a newer session.
    pub packets: u64,
    /// Of these, heartbeats.
    pub heartbeats: u64,
    /// Messages in them.
    pub messages: u64,
    /// Messages that came on this line first.
    pub first: u64,
    /// Messages that had come on the other line or by recovery before.
    pub late: u64,
    /// Messages this line skipped and did not bring later, judged by the numbers of its packets.
    pub lost: u64,
    /// Packets behind one with a higher number.
    pub reordered: u64,
    /// Packets of an older session, or of what cannot be one, dropped.
    pub foreign: u64,
    /// Messages dropped because they were too far ahead to be held; they come again by recovery.
    pub not_held: u64,
    /// Packets of which this line brought the first copy and the other line the second.
    pub leads: u64,
    /// Sum of the time between those copies, nanoseconds, as exact as the caller's clock.
    pub lead_ns: u64,
}

/// What all of it came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ArbiterStatistics {
    /// Messages delivered in order.
    pub delivered: u64,
    /// Of these, brought by recovery after the lines had passed them.
    pub recovered: u64,
    /// Of these, brought by recovery before the lines came that far.
    pub ahead: u64,
    /// Messages of an old session that were still missing when a new one began.
    pub abandoned: u64,
    /// Sessions begun.
    pub sessions: u64,
}

/// Puts the stream together.
#[derive(Debug)]
pub struct Arbiter {
    receiver: Receiver,
    /// False until the first packet says where a stream from now begins.
    begun: bool,
    /// A snapshot will say where the stream begins: until then nothing is delivered.
    waits: bool,
    current_ns: Option<u64>,
    /// What each line brings next.
    expected: [Option<u64>; 2],
    leads: Leads,
    lines: [LineStatistics; 2],
    statistics: ArbiterStatistics,
}

impl Arbiter {
    /// Waits for the first packet. `held_max` is the number of messages kept that came before their turn.
    pub fn new(start: Start, held_max: u32) -> Self {
        let (first, begun) = match start {
            Start::At(sequence) => (sequence.max(1), true),
            Start::Now => (1, false),
        };
        let config = ReceiverConfig {
            held_max: held_max as usize,
            ..ReceiverConfig::default()
        };
        Self {
            receiver: Receiver::new(config, None, first, 0),
            begun,
            waits: false,
            current_ns: None,
            expected: [None; 2],
            leads: Leads::new(),
            lines: [LineStatistics::default(); 2],
            statistics: ArbiterStatistics::default(),
        }
    }

    /// Before the first packet: nothing is delivered until [`Arbiter::go_on`] says where the stream begins; what comes
    /// meanwhile is held.
    pub fn wait(&mut self) {
        self.receiver.wait();
        (self.waits, self.begun) = (true, false);
    }

    /// True until a snapshot has said where the stream begins.
    pub fn waits(&self) -> bool {
        self.waits
    }

    /// A snapshot of `session` is whole, and the stream goes on with message `next`. False when the lines are in a newer
    /// session already: then another snapshot is needed, and nothing is delivered.
    pub fn go_on(
        &mut self,
        session: SessionName,
        next: u64,
        now_ns: u64,
        delivery: &mut impl Delivery,
    ) -> bool {
        match self.receiver.session() {
            Some(current) if current > session => return false,
            Some(current) if current == session => {}
            _ => {
                self.receiver.restart(Some(session), next, now_ns);
                self.expected = [None; 2];
                self.leads.clear();
                self.statistics.sessions += 1;
            }
        }
        (self.waits, self.begun) = (false, true);
        delivery.session(session);
        self.receiver.go_on(now_ns, next, |sequence, message| {
            delivery.message(sequence, message);
        });
        true
    }

    /// The session being followed.
    pub fn session(&self) -> Option<SessionName> {
        self.receiver.session()
    }

    /// The next message to deliver; `None` before the first packet of a subscription from now.
    pub fn next(&self) -> Option<u64> {
        (self.begun && !self.waits).then(|| self.receiver.next_sequence())
    }

    /// One past the highest message known to exist.
    pub fn known(&self) -> u64 {
        self.receiver.known_sequence()
    }

    /// From the first missing message up to what is known to exist; some of it may be held already.
    pub fn missing(&self) -> Option<Range<u64>> {
        self.receiver
            .has_gap()
            .then_some(())
            .filter(|()| !crate::planted::ignores_gaps())
            .map(|()| self.receiver.next_sequence()..self.receiver.known_sequence())
    }

    /// How many messages are missing, those that are held not counted.
    pub fn missing_count(&self) -> u64 {
        self.receiver.missing()
    }

    /// The first messages that are missing, at most `most` of them, up to the next one that is held.
    pub fn hole(&self, most: u64) -> Range<u64> {
        self.receiver.hole(most)
    }

    /// True when the session's end was announced and everything before it was delivered.
    pub fn is_complete(&self) -> bool {
        self.receiver.is_finished()
    }

    /// When a line last brought something not behind the delivered stream: old packets are no sign of life. The end of the
    /// session is one of the lines, not of the stream.
    pub fn last_current_ns(&self) -> Option<u64> {
        self.current_ns
    }

    /// Statistics of one line.
    pub fn line(&self, line: Line) -> &LineStatistics {
        &self.lines[line as usize]
    }

    /// Statistics of the whole.
    pub fn statistics(&self) -> ArbiterStatistics {
        ArbiterStatistics {
            delivered: self.receiver.counts().delivered,
            ..self.statistics
        }
    }

    /// Takes a packet of a line. `now_ns` is any clock that does not go back.
    pub fn packet(&mut self, line: Line, packet: &Packet<'_>, now_ns: u64, delivery: &mut impl Delivery) {
        if !is_plausible(packet) {
            self.lines[line as usize].foreign += 1;
            return;
        }
        if !self.begun {
            // What waits is held behind the next message.
            let next = packet.sequence() - u64::from(self.waits);
            self.receiver.restart(None, next, now_ns);
            self.begun = true;
        }
        if !self.follow(packet.session(), now_ns, delivery) {
            self.lines[line as usize].foreign += 1;
            return;
        }
        self.count(line, packet, now_ns);
        if packet.next_sequence() >= self.receiver.next_sequence() {
            self.current_ns = Some(now_ns);
        }
        let before = self.receiver.counts();
        self.receiver.packet(now_ns, packet, |sequence, message| {
            delivery.message(sequence, message)
        });
        let after = self.receiver.counts();
        let late = after.duplicates - before.duplicates;
        let not_held = after.not_held - before.not_held;
        let statistics = &mut self.lines[line as usize];
        statistics.late += late;
        statistics.not_held += not_held;
        statistics.first += u64::from(packet.count()) - late - not_held;
    }

    /// Takes the next message of the recovery stream of `session`, which comes in order from where it was asked.
    pub fn recovered(
        &mut self,
        session: SessionName,
        sequence: u64,
        message: &[u8],
        now_ns: u64,
        delivery: &mut impl Delivery,
    ) {
        if !self.begun || !self.follow(session, now_ns, delivery) {
            return;
        }
        if sequence == self.receiver.next_sequence() {
            // What is held was delivered when its turn came, so that this message is in no line's packets yet.
            if self
                .expected
                .iter()
                .flatten()
                .any(|expected| sequence < *expected)
            {
                self.statistics.recovered += 1;
            } else {
                self.statistics.ahead += 1;
            }
        }
        self.receiver
            .message(now_ns, sequence, message, |sequence, message| {
                delivery.message(sequence, message)
            });
    }

    /// True when packets of `session` belong to the stream: the first session seen, or a newer one; names ascend.
    fn follow(&mut self, session: SessionName, now_ns: u64, delivery: &mut impl Delivery) -> bool {
        match self.receiver.session() {
            Some(current) if current == session => return true,
            Some(current) if current > session => return false,
            Some(_) => {
                // A packet of garbage may have said that messages up to any number exist.
                let missing = self.receiver.missing();
                self.statistics.abandoned = self.statistics.abandoned.saturating_add(missing);
                self.receiver.restart(Some(session), 1, now_ns);
                self.expected = [None; 2];
                self.leads.clear();
            }
            None => self
                .receiver
                .restart(Some(session), self.receiver.next_sequence(), now_ns),
        }
        self.statistics.sessions += 1;
        delivery.session(session);
        true
    }

    fn count(&mut self, line: Line, packet: &Packet<'_>, now_ns: u64) {
        let index = line as usize;
        let (sequence, end) = (packet.sequence(), packet.next_sequence());
        let statistics = &mut self.lines[index];
        statistics.packets += 1;
        statistics.messages += u64::from(packet.count());
        match self.expected[index] {
            None => self.expected[index] = Some(end),
            Some(expected) if sequence >= expected => {
                statistics.lost = statistics.lost.saturating_add(sequence - expected);
                self.expected[index] = Some(end);
            }
            Some(expected) => {
                statistics.reordered += 1;
                statistics.lost = statistics.lost.saturating_sub(end.min(expected) - sequence);
                self.expected[index] = Some(end.max(expected));
            }
        }
        if packet.kind() != PacketKind::Messages {
            statistics.heartbeats += 1;
        } else if let Some(lead) = self.leads.note(line, sequence, now_ns) {
            let leader = &mut self.lines[lead.line as usize];
            leader.leads += 1;
            leader.lead_ns += lead.ns;
        }
    }
}

/// Names are text and numbers start at 1: what is neither must not begin a session.
fn is_plausible(packet: &Packet<'_>) -> bool {
    packet.sequence() > 0 && packet.session().iter().all(|byte| (b' '..=b'~').contains(byte))
}
