//! Acknowledgements sent again over UDP: what `r` Re-request asks for, bounded in every direction.

use std::collections::VecDeque;
use std::net::SocketAddrV4;
use std::sync::Arc;

use crossbeam_utils::CachePadded;
use protocol::authentication::{Sealer, TRAILER_BYTES};
use protocol::packet::{DATAGRAM_BYTES_MAX, Packer};

use super::order_entry_name;
use super::store::{Cursor, Store};
use crate::planted::{self, Bug};
use crate::runtime::seams::DatagramSink;

const SECOND_NS: u64 = 1_000_000_000;

/// Limits on what is sent again.
#[derive(Debug, Clone, Copy)]
pub struct ReRequestConfig {
    /// Messages sent for one request; the client asks for the rest again.
    pub messages_max: u16,
    /// Requests at work at once; further ones are dropped.
    pub requests_max: usize,
    /// The same of one session: whoever asks without end fills no more than his part.
    pub session_requests_max: u32,
    /// Datagrams sent in one turn.
    pub datagrams_per_poll: usize,
    /// Bytes sent to one session in a second; what goes beyond is dropped.
    pub session_bytes_per_second: u64,
    /// Longest datagram, bytes of UDP payload.
    pub datagram_bytes_max: usize,
}

impl Default for ReRequestConfig {
    fn default() -> Self {
        Self {
            messages_max: 2_000,
            requests_max: 1_024,
            session_requests_max: 64,
            datagrams_per_poll: 16,
            session_bytes_per_second: 16 * 1_024 * 1_024,
            datagram_bytes_max: 1_472,
        }
    }
}

crate::counters! {
    /// What became of re-requests.
    pub struct ReRequestCounters: "re_requests" {
        requests: "Requests taken.",
        not_servable: "Requests for messages that are not stored, or were overwritten on the way.",
        overflowed: "Requests dropped because too many are at work.",
        over_budget: "Requests cut because the session had its bytes of this second.",
        datagrams: "Datagrams sent.",
        messages: "Messages sent.",
        send_errors: "Datagrams that could not be sent.",
    }
}

#[derive(Debug, Clone, Copy)]
struct Request {
    session: u32,
    address: SocketAddrV4,
    cursor: Cursor,
    /// Messages still to send.
    left: u16,
}

#[derive(Debug, Clone, Copy, Default)]
struct Budget {
    since_ns: u64,
    used: u64,
    /// Requests at work.
    requests: u32,
}

/// Requests at work.
#[derive(Debug)]
pub(super) struct ReRequests<A> {
    sink: A,
    requests: VecDeque<Request>,
    budgets: Box<[Budget]>,
    config: ReRequestConfig,
    counters: Arc<CachePadded<ReRequestCounters>>,
}

impl<A: DatagramSink> ReRequests<A> {
    pub(super) fn new(sink: A, sessions: u32, config: ReRequestConfig) -> Self {
        Self {
            sink,
            requests: VecDeque::with_capacity(config.requests_max),
            budgets: vec![Budget::default(); sessions as usize].into_boxed_slice(),
            config,
            counters: ReRequestCounters::shared(),
        }
    }

    pub(super) fn counters(&self) -> &Arc<CachePadded<ReRequestCounters>> {
        &self.counters
    }

    /// Takes a request for `count` messages of `session` from `from` on, to be sent to `address`.
    pub(super) fn request(
        &mut self,
        store: &Store,
        session: u32,
        address: SocketAddrV4,
        from: u64,
        count: u16,
    ) {
        self.counters.requests.increment();
        // Zero, which means "the newest" in a login, names no message here.
        let cursor = store.cursor(session, from).ok().filter(|_| from > 0 && count > 0);
        let Some(cursor) = cursor else {
            self.counters.not_servable.increment();
            return;
        };
        let of_session = &mut self.budgets[session as usize].requests;
        if self.requests.len() >= self.config.requests_max || *of_session >= self.config.session_requests_max
        {
            self.counters.overflowed.increment();
            return;
        }
        *of_session += 1;
        self.requests.push_back(Request {
            session,
            address,
            cursor,
            left: count.min(self.config.messages_max),
        });
    }

    /// Sends the next datagrams, one of each request in turn; returns how many. Those of a session that has one of the
    /// `sealers` are sealed.
    pub(super) fn poll(&mut self, store: &Store, sealers: &mut [Option<Box<Sealer>>], now_ns: u64) -> usize {
        for sent in 0..self.config.datagrams_per_poll {
            let Some(mut request) = self.requests.pop_front() else {
                return sent;
            };
            let sealer = sealers[request.session as usize].as_deref_mut();
            if self.send_next(store, &mut request, sealer, now_ns) {
                self.requests.push_back(request);
            } else {
                self.budgets[request.session as usize].requests -= 1;
            }
        }
        self.config.datagrams_per_poll
    }

    /// Sends one datagram of a request; false when nothing is left to send.
    fn send_next(
        &mut self,
        store: &Store,
        request: &mut Request,
        sealer: Option<&mut Sealer>,
        now_ns: u64,
    ) -> bool {
        let trailer = if sealer.is_some() { TRAILER_BYTES } else { 0 };
        let name = order_entry_name(request.session, request.cursor.day());
        let mut packer = Packer::new(
            name,
            request.cursor.next_sequence() + u64::from(planted::is(Bug::ResentOffByOne)),
            self.config.datagram_bytes_max - trailer,
        );
        let mut is_more = false;
        while request.left > 0 {
            let stored = match store.read(&request.cursor) {
                Ok(Some(stored)) => stored,
                Ok(None) => break,
                Err(_) => {
                    self.counters.not_servable.increment();
                    break;
                }
            };
            if !packer.push(stored.bytes) {
                is_more = true;
                break;
            }
            request.cursor.advance(&stored);
            request.left -= 1;
        }
        let messages = u64::from(packer.count());
        let Some(packet) = packer.finish(None) else {
            return false;
        };
        let mut sealed = [0; DATAGRAM_BYTES_MAX];
        let datagram = match sealer {
            None => packet,
            Some(sealer) => {
                let datagram = &mut sealed[..packet.len() + trailer];
                datagram[..packet.len()].copy_from_slice(packet);
                sealer.seal(datagram);
                datagram
            }
        };
        let budget = &mut self.budgets[request.session as usize];
        if now_ns.saturating_sub(budget.since_ns) >= SECOND_NS {
            (budget.since_ns, budget.used) = (now_ns, 0);
        }
        budget.used += datagram.len() as u64;
        if budget.used > self.config.session_bytes_per_second {
            self.counters.over_budget.increment();
            return false;
        }
        match self.sink.send(request.address, datagram) {
            Ok(()) => {
                self.counters.datagrams.increment();
                self.counters.messages.add(messages);
            }
            // As any lost datagram: the client asks again.
            Err(_) => self.counters.send_errors.increment(),
        }
        is_more
    }
}
