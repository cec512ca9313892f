//! Retransmission over UDP: a MoldUDP64 request is answered with one packet of the feed, from the store.
//!
//! Twenty bytes get a datagram, and nobody proves where they come from: who answers everybody is an amplifier. So only those
//! are answered whose address is logged in at the gap-recovery door or lies in a configured network, each within its bytes of
//! a second; all others get nothing at all, whatever they say. What the store does not have any more is made again over TCP
//! only. And only so many requests are looked at in a millisecond: a storm waits in the kernel's buffer, or is dropped there.
//!
//! Lives here: who is answered, how much, with what (`Answers`: bytes and time are arguments), and its turn.
//! Must not be here: who is logged in.

use std::collections::HashMap;
use std::hash::RandomState;
use std::net::Ipv4Addr;
use std::sync::Arc;

use crossbeam_utils::CachePadded;
use protocol::packet::{Packer, RequestPacket};

use super::addresses::Guests;
use super::market_data_name;
use super::store::{Cursor, FEED_STREAM, Store};
use crate::config::Subnet;
use crate::runtime::Watch;
use crate::runtime::seams::{DatagramSink, DatagramSource};

const SECOND_NS: u64 = 1_000_000_000;
const MILLISECOND_NS: u64 = 1_000_000;
/// How long until the socket is asked again after it had nothing: asking is a system call.
const LOOK_NS: u64 = 10_000;

/// Who is answered, and how much.
#[derive(Debug, Clone)]
pub struct RetransmissionConfig {
    /// Who is answered without a login.
    pub networks: Vec<Subnet>,
    /// Bytes sent to one address in a second: at least those of a datagram.
    pub bytes_per_second: u64,
    /// Requests looked at in a millisecond, all together.
    pub requests_per_ms: usize,
    /// Addresses answered in a second.
    pub addresses_max: usize,
    /// Longest datagram, bytes of UDP payload.
    pub datagram_bytes_max: usize,
}

crate::counters! {
    /// What became of requests for messages of the feed.
    pub struct RetransmissionCounters: "retransmission" {
        requests: "Datagrams that came.",
        answered: "Requests answered, each with one packet.",
        messages: "Messages sent again.",
        malformed: "Datagrams dropped that are no request.",
        strangers: "Requests dropped because their address is neither logged in at the gap-recovery door nor in a configured network.",
        unknown_session: "Requests dropped because they name no session that there is.",
        not_stored: "Requests dropped because their first message is not in the store: overwritten, not there yet, or none.",
        over_budget: "Requests dropped because their address had its bytes of this second.",
        crowded: "Requests dropped because too many addresses were answered in this second.",
        held_back: "Milliseconds in which as many requests came as are looked at: further ones waited, or the kernel dropped them.",
        send_errors: "Answers that could not be sent.",
    }
}

/// What an address may still get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Budget {
    Enough,
    Spent,
    Crowded,
}

/// Bytes sent by address, of this second.
#[derive(Debug)]
struct Budgets {
    /// Has its size from the start. Its keys are others' choice, so it hashes with a secret.
    sent: HashMap<Ipv4Addr, u64, RandomState>,
    second: u64,
    addresses_max: usize,
    bytes_max: u64,
}

impl Budgets {
    fn new(config: &RetransmissionConfig) -> Self {
        Self {
            sent: HashMap::with_capacity(config.addresses_max),
            second: 0,
            addresses_max: config.addresses_max,
            bytes_max: config.bytes_per_second,
        }
    }

    /// Whether `address` may get `bytes`.
    fn check(&mut self, address: Ipv4Addr, bytes: u64, now_ns: u64) -> Budget {
        let second = now_ns / SECOND_NS;
        if second != self.second {
            self.second = second;
            self.sent.clear();
        }
        match self.sent.get(&address) {
            Some(sent) if sent + bytes > self.bytes_max => Budget::Spent,
            None if self.sent.len() >= self.addresses_max => Budget::Crowded,
            _ => Budget::Enough,
        }
    }

    /// It gets them.
    fn charge(&mut self, address: Ipv4Addr, bytes: u64) {
        *self.sent.entry(address).or_insert(0) += bytes;
    }
}

/// Judges requests and makes their answers.
#[derive(Debug)]
pub(super) struct Answers {
    networks: Vec<Subnet>,
    budgets: Budgets,
    datagram_bytes_max: usize,
    packer: Packer,
    counters: Arc<CachePadded<RetransmissionCounters>>,
}

impl Answers {
    /// # Panics
    /// When a limit of `config` makes no sense; the configuration is checked before.
    pub(super) fn new(config: &RetransmissionConfig) -> Self {
        assert!(config.requests_per_ms >= 1, "requests_per_ms");
        assert!(config.addresses_max >= 1, "addresses_max");
        Self {
            networks: config.networks.clone(),
            budgets: Budgets::new(config),
            datagram_bytes_max: config.datagram_bytes_max,
            packer: Packer::new(market_data_name(1), 1, config.datagram_bytes_max),
            counters: RetransmissionCounters::shared(),
        }
    }

    /// The packet that answers the datagram `bytes`, if it gets one.
    pub(super) fn answer(
        &mut self,
        from: Ipv4Addr,
        bytes: &[u8],
        guests: &Guests,
        store: &Store,
        now_ns: u64,
    ) -> Option<&[u8]> {
        self.counters.requests.increment();
        let Ok(request) = RequestPacket::parse(bytes) else {
            self.counters.malformed.increment();
            return None;
        };
        if !guests.has(from) && !self.networks.iter().any(|network| network.contains(from)) {
            self.counters.strangers.increment();
            return None;
        }
        // Before anything is looked for: who has had enough costs nothing more. No answer is longer than a datagram.
        match self.budgets.check(from, self.datagram_bytes_max as u64, now_ns) {
            Budget::Enough => {}
            Budget::Spent => {
                self.counters.over_budget.increment();
                return None;
            }
            Budget::Crowded => {
                self.counters.crowded.increment();
                return None;
            }
        }
        let days = [Some(store.day()), store.day_before()];
        let day = days
            .into_iter()
            .flatten()
            .find(|day| market_data_name(*day) == request.session);
        let Some(day) = day else {
            self.counters.unknown_session.increment();
            return None;
        };
        let first = request.sequence_number.get();
        // Zero, which means "the newest" in a login, names no message here.
        let cursor = store
            .cursor_of(day, FEED_STREAM, first)
            .ok()
            .filter(|_| first > 0);
        self.packer.restart(request.session, first);
        if let Some(cursor) = cursor {
            pack(
                &mut self.packer,
                store,
                cursor,
                request.requested_message_count.get(),
            );
        }
        if self.packer.is_empty() {
            self.counters.not_stored.increment();
            return None;
        }
        self.budgets.charge(from, self.packer.length() as u64);
        self.counters.answered.increment();
        self.counters.messages.add(u64::from(self.packer.count()));
        self.packer.finish(None)
    }
}

/// Puts up to `count` messages into one packet, as many as fit.
fn pack(packer: &mut Packer, store: &Store, mut cursor: Cursor, count: u16) {
    for _ in 0..count {
        // What is overwritten while it is read, or has not come, ends the answer: who asked asks again.
        let Ok(Some(stored)) = store.read(&cursor) else {
            return;
        };
        if !packer.push(stored.bytes) {
            return;
        }
        cursor.advance(&stored);
    }
}

/// The door as its stage sees it, whatever it hears and speaks by.
pub(super) trait RequestDoor: Send {
    /// Answers what came, a bounded number of requests; returns how many.
    fn poll(&mut self, guests: &Guests, store: &Store, now_ns: u64) -> usize;

    /// Names what becomes readable when a request comes, unless enough have come for now.
    fn watch(&self, watch: &mut Watch);

    /// What it counts.
    fn counters(&self) -> &Arc<CachePadded<RetransmissionCounters>>;
}

/// Requests from `R`, answered by `A`.
#[derive(Debug)]
pub(super) struct Retransmission<R, A> {
    requests: R,
    sink: A,
    answers: Answers,
    counters: Arc<CachePadded<RetransmissionCounters>>,
    requests_per_ms: usize,
    /// Requests that are still looked at until then.
    left: usize,
    renewed_ns: u64,
    /// The socket is not asked before.
    look_ns: u64,
}

impl<R, A> Retransmission<R, A> {
    /// # Panics
    /// As [`Answers::new`].
    pub(super) fn new(requests: R, sink: A, config: &RetransmissionConfig) -> Self {
        let answers = Answers::new(config);
        Self {
            requests,
            sink,
            counters: Arc::clone(&answers.counters),
            answers,
            requests_per_ms: config.requests_per_ms,
            left: 0,
            renewed_ns: 0,
            look_ns: 0,
        }
    }
}

impl<R: DatagramSource + Send, A: DatagramSink + Send> RequestDoor for Retransmission<R, A> {
    fn poll(&mut self, guests: &Guests, store: &Store, now_ns: u64) -> usize {
        if now_ns >= self.renewed_ns {
            self.renewed_ns = now_ns + MILLISECOND_NS;
            self.left = self.requests_per_ms;
        }
        if self.left == 0 || now_ns < self.look_ns {
            return 0;
        }
        let Self {
            requests,
            sink,
            answers,
            counters,
            ..
        } = self;
        let taken = requests.poll(self.left, |from, bytes| {
            if let Some(packet) = answers.answer(*from.ip(), bytes, guests, store, now_ns)
                && sink.send(from, packet).is_err()
            {
                // As any lost datagram: who asked asks again.
                counters.send_errors.increment();
            }
        });
        self.left = self.left.saturating_sub(taken);
        self.counters.held_back.add(u64::from(self.left == 0));
        if taken == 0 {
            self.look_ns = now_ns + LOOK_NS;
        }
        taken
    }

    fn watch(&self, watch: &mut Watch) {
        // Else a storm would not let the thread sleep until the next millisecond.
        if self.left > 0 {
            self.requests.watch(watch);
        }
    }

    fn counters(&self) -> &Arc<CachePadded<RetransmissionCounters>> {
        &self.counters
    }
}
