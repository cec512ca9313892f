//! What keeps a connection whole: mending gaps, sending again, heartbeats.

use std::io;

use protocol::soup::encode;

use super::config::{Door, ORDERS_PER_DATAGRAM_MAX};
use super::event::{Event, Handler, Phase};
use super::replay::Replay;
use super::{OpenCancel, OrderEntryClient};
use crate::orders::{Order, OrderState};
use crate::request;

/// Unanswered requests sent again in one poll.
const RESENDS_PER_POLL: usize = 4 * ORDERS_PER_DATAGRAM_MAX as usize;
/// Messages asked for beyond the last known one.
const TAIL_MESSAGES: u16 = 256;
/// Over TCP a request is repeated only after this: the exchange may have dropped it at its rate limit.
const TCP_RESEND_NS: u64 = 2_000_000_000;

impl OrderEntryClient {
    /// Mends gaps: re-requests over UDP, then a replay over TCP.
    pub(super) fn keep_whole(&mut self, now_ns: u64, handler: &mut impl Handler) {
        if let Some(replay) = &mut self.replay {
            let core = &mut self.core;
            match replay.poll(&self.config, now_ns, |sequence, message| {
                core.replayed(sequence, message, now_ns, handler);
            }) {
                Ok(_) if !core.stream.has_gap() => {
                    if let Some(replay) = self.replay.take() {
                        replay.end();
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    handler.event(now_ns, Event::Lost(&error));
                    self.core.counters.replays_failed += 1;
                    self.replay = None;
                    self.replay_not_before_ns = now_ns + self.config.timing.reconnect_ns;
                }
            }
            return;
        }
        if self.core.phase != Phase::Ready || !self.core.stream.has_gap() {
            self.gap_progress = (0, now_ns);
            return;
        }
        let next = self.core.stream.next_sequence();
        if self.gap_progress.0 != next {
            self.gap_progress = (next, now_ns);
        }
        let stuck = now_ns.saturating_sub(self.gap_progress.1) > self.config.timing.gap_fetch_ns;
        let long = self.core.stream.missing() > self.config.timing.gap_messages_max;
        if let Some(session) = self.core.session
            && (stuck || long)
            && now_ns >= self.replay_not_before_ns
        {
            self.core.counters.replays += 1;
            match Replay::begin(&self.config, session, next, now_ns) {
                Ok(replay) => self.replay = Some(replay),
                Err(error) => {
                    handler.event(now_ns, Event::Lost(&error));
                    self.core.counters.replays_failed += 1;
                    self.replay_not_before_ns = now_ns + self.config.timing.reconnect_ns;
                }
            }
            return;
        }
        if let Some(udp) = &mut self.udp {
            let asked = self.core.stream.requests(now_ns, |from, count| {
                udp.push(request::re_request(from, count).as_slice(), now_ns);
            });
            if asked > 0 {
                self.core.counters.re_requests += asked as u64;
                udp.flush(now_ns);
            }
        }
    }

    /// Sends unanswered requests and cancels without effect again.
    pub(super) fn send_again(&mut self, now_ns: u64) {
        // What is missing may hold the answers.
        if self.core.stream.has_gap() {
            return;
        }
        let (first, end) = self.core.orders.unanswered();
        let mut sent = 0;
        for user_ref in first..end {
            let Some(order) = self
                .core
                .orders
                .get(user_ref)
                .filter(|order| order.state == OrderState::Pending)
            else {
                continue;
            };
            if now_ns.saturating_sub(order.sent_ns) < self.resend_after(order.sent_ns, order.sendings)
                || sent == RESENDS_PER_POLL
            {
                break;
            }
            if sent == 0 && self.config.door == Door::Udp {
                self.ask_for_tail(now_ns);
            }
            let mut bytes = [0; crate::orders::REQUEST_BYTES_MAX];
            let Some(request) = self.core.orders.request(user_ref) else {
                continue;
            };
            let length = request.len();
            bytes[..length].copy_from_slice(request);
            if self.send_message(&bytes[..length], now_ns).is_err() {
                break;
            }
            self.core.orders.sent(user_ref, now_ns);
            self.core.counters.resends += 1;
            sent += 1;
        }
        if now_ns >= self.next_cancel_check_ns {
            self.next_cancel_check_ns = now_ns + self.config.timing.gap_retry_ns;
            sent += self.cancel_again(now_ns);
        }
        if sent > 0 {
            self.flush(now_ns);
        }
    }

    /// The answer may have been the stream's last message, and lost: asks for what would come next.
    pub(super) fn ask_for_tail(&mut self, now_ns: u64) {
        let next = self.core.stream.next_sequence();
        if let Some(udp) = &mut self.udp {
            udp.push(request::re_request(next, TAIL_MESSAGES).as_slice(), now_ns);
            self.core.counters.re_requests += 1;
        }
    }

    /// How long to wait for an answer. Over TCP nothing is lost while the connection lives.
    pub(super) fn resend_after(&self, sent_ns: u64, sendings: u32) -> u64 {
        let doubled = self.config.timing.resend_ns << sendings.saturating_sub(1).min(5);
        if sent_ns < self.ready_since_ns {
            0
        } else if self.config.door == Door::Tcp {
            doubled.max(TCP_RESEND_NS)
        } else {
            doubled
        }
    }

    pub(super) fn cancel_again(&mut self, now_ns: u64) -> usize {
        self.forget_cancels();
        let mut sent = 0;
        for index in 0..self.cancels.len() {
            let cancel = self.cancels[index];
            let Some(order) = self.core.orders.newest(cancel.user_ref).copied() else {
                continue;
            };
            let moved = order.user_ref != cancel.user_ref;
            let waited = now_ns.saturating_sub(cancel.sent_ns);
            if !moved && waited < self.resend_after(cancel.sent_ns, cancel.sendings) {
                continue;
            }
            if sent == RESENDS_PER_POLL {
                break;
            }
            if sent == 0 && self.config.door == Door::Udp {
                self.ask_for_tail(now_ns);
            }
            let bytes = request::cancel(order.user_ref, order.cancel_to);
            if self.send_message(bytes.as_slice(), now_ns).is_err() {
                break;
            }
            self.core.counters.cancel_resends += 1;
            self.cancels[index] = OpenCancel {
                user_ref: order.user_ref,
                sent_ns: now_ns,
                sendings: if moved { 1 } else { cancel.sendings + 1 },
            };
            sent += 1;
        }
        sent
    }

    pub(super) fn forget_cancels(&mut self) {
        let orders = &self.core.orders;
        self.cancels
            .retain(|cancel| orders.newest(cancel.user_ref).is_some_and(Order::cancel_is_open));
    }

    /// Heartbeats, and what their absence means.
    pub(super) fn keep_alive(&mut self, now_ns: u64, handler: &mut impl Handler) {
        let timing = self.config.timing;
        if let Some(tcp) = &mut self.tcp
            && self.core.phase != Phase::Connecting
            && now_ns.saturating_sub(self.tcp_sent_ns) >= timing.heartbeat_ns
            && tcp.send(&encode::CLIENT_HEARTBEAT)
        {
            self.tcp_sent_ns = now_ns;
        }
        if self.core.phase != Phase::Ready {
            return;
        }
        if let Some(udp) = &mut self.udp
            && self.config.door == Door::Udp
        {
            if now_ns.saturating_sub(udp.last_sent_ns()) >= timing.heartbeat_ns {
                udp.heartbeat(now_ns);
            }
            let quiet = now_ns.saturating_sub(self.core.udp_heard_ns) > timing.udp_silence_ns;
            let alive = now_ns.saturating_sub(self.core.heard_ns) <= timing.udp_silence_ns;
            if quiet && alive {
                self.bind(now_ns, handler);
                return;
            }
        }
        let heard_ns = self.core.heard_ns.max(self.core.udp_heard_ns);
        if now_ns.saturating_sub(heard_ns) > timing.silence_ns {
            self.lost(&io::ErrorKind::TimedOut.into(), now_ns, handler);
        }
    }
}
