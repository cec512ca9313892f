//! The connection of a customer: it logs in to the stream of its day, takes what comes over TCP and UDP, and goes on with
//! the next day when that stream has ended.

use engine::runtime::sim_net::{SimConnector, Switchboard};
use protocol::authentication::{LoginKeys, open_packet};
use protocol::order_entry::Answer;
use protocol::order_entry::own::BindUdp;
use protocol::packet::Packet;
use protocol::session::Arrival;
use protocol::soup::REJECT_SESSION;
use protocol::text::SessionName;
use zerocopy::IntoBytes;

use super::{
    Customer, Day, GAP_NS, HEARTBEAT_NS, Manner, OLD_NS, RETRY_NS, SILENCE_NS, day, new_entry, new_receiver,
    number_of,
};
use crate::link::{Heard, Link};
use crate::trace;

impl Customer {
    pub(super) fn connect(&mut self, now: u64, door: &SimConnector) {
        // What is asked for and does not come is older than what the exchange remembers: a login brings it.
        if self.receiver.has_gap() {
            let next = self.receiver.next_sequence();
            let (since, _) = *self.gap.get_or_insert((now, next));
            if self.gap.is_some_and(|(_, before)| before < next) {
                // It is being filled.
                self.gap = Some((now, next));
            } else if now - since > if self.waits_for_stream { OLD_NS } else { GAP_NS } {
                self.gap = None;
                self.waits_for_stream = true;
                self.hang_up();
                self.coverage.met("gaps that a login fills");
            }
        } else {
            self.gap = None;
            self.waits_for_stream = false;
        }
        if self.link.is_some() && now.saturating_sub(self.heard_at) > SILENCE_NS {
            self.coverage.met("connections given up by a customer");
            self.hang_up();
        }
        if self.link.is_none() {
            self.hang_up();
            if self.cut == (false, false) && now >= self.login_at {
                self.login_at = now + RETRY_NS;
                self.heard_at = now;
                let (name, next) = match self.is_in_doubt {
                    true => (String::new(), 1),
                    false => (self.today().text(), self.receiver.next_sequence()),
                };
                self.link = Link::login(door, self.socket.address(), &self.username, &name, next);
                self.logins += u64::from(self.link.is_some());
            }
        }
        if now >= self.heartbeat_at
            && let Some(link) = &mut self.link
        {
            self.heartbeat_at = now + HEARTBEAT_NS;
            link.heartbeat();
        }
    }

    pub(super) fn listen(&mut self, now: u64) {
        let mut messages = Vec::new();
        while let Some(link) = &mut self.link {
            let heard = link.poll();
            if heard.is_some() {
                self.heard_at = now;
            }
            match heard {
                None => break,
                Some(Heard::Accepted(name)) => {
                    let before = self.days.iter().rev().nth(1).map_or(0, Day::number);
                    if self.today().name.is_none() && number_of(name) <= before {
                        // The end was heard before those at the doors knew.
                        self.hang_up();
                        continue;
                    }
                    if self.today().name.is_none() {
                        self.enter(Some(name), now);
                    } else if self.today().name != Some(name) {
                        assert!(self.is_in_doubt, "another stream was asked for");
                        self.coverage.met("days that a customer lost the end of");
                        let link = self.link.take();
                        self.begin_day(Some(name), now);
                        self.link = link;
                    }
                    self.is_in_doubt = false;
                    self.is_in = true;
                    self.coverage.met("logins");
                    trace::tell(
                        now,
                        &self.username,
                        format_args!("logged in to {}", self.today().text()),
                    );
                    if self.manner == Manner::Tcp {
                        self.entry.resend_all(now);
                    }
                    self.has_asked = false;
                }
                Some(Heard::Message(sequence, message)) => {
                    trace::tell(now, &self.username, format_args!("hears {sequence} over TCP"));
                    self.receiver
                        .message(now, sequence, &message, |sequence, message| {
                            messages.push((sequence, message.to_vec()));
                        });
                }
                Some(Heard::Answer(answer)) => {
                    if let Ok(Answer::UdpBound(bound)) = Answer::decode(&answer) {
                        self.token = Some(bound.token);
                        let name = self.today().name.expect("it is logged in");
                        let secret = self.secret.as_ref();
                        self.keys = secret.map(|secret| LoginKeys::derive(secret, &bound.salt, &name));
                        self.number = 0;
                        self.entry.resend_all(now);
                        continue;
                    }
                    if let Some(answered) = self.questions.take(answer) {
                        self.coverage
                            .met(format!("answered: {}", answered.question.name()));
                        self.answers.push(answered);
                    }
                }
                Some(Heard::Rejected(reason)) => {
                    // It may be over for long.
                    self.is_in_doubt = reason == REJECT_SESSION && !self.is_in_doubt;
                    self.hang_up();
                }
                Some(Heard::End) => {
                    self.take(now, std::mem::take(&mut messages));
                    self.coverage.met("ends of a stream over TCP");
                    // Who gets the stream over UDP is not told by TCP how long it is.
                    if self.has_asked || self.receiver.has_gap() {
                        self.today_mut().is_ending = true;
                        self.hang_up();
                    } else {
                        self.end_day(now);
                    }
                }
                Some(Heard::Over) => self.hang_up(),
                Some(Heard::Other) => {}
            }
        }
        self.take(now, messages);
        let is_ending = self.today().is_ending;
        let waits = self.waits_for_stream && self.receiver.has_gap();
        if let Some(link) = &mut self.link
            && self.is_in
            && self.manner != Manner::Tcp
            && !self.has_asked
            && !waits
            && !is_ending
        {
            self.has_asked = true;
            let bind = BindUdp {
                message_type: b'u',
                udp_port: self.socket.address().port().into(),
            };
            link.say(bind.as_bytes());
        }
    }

    pub(super) fn listen_to_datagrams(&mut self, now: u64) {
        while let Some((_, bytes)) = self.socket.receive() {
            let opened = match (&self.secret, &self.keys) {
                (None, _) => Some(&bytes[..]),
                (Some(_), Some(keys)) => open_packet(&keys.to_client.mac(), &bytes).map(|(_, packet)| packet),
                // It comes before the answer that has the salt, or after its connection.
                (Some(_), None) => None,
            };
            let Some(opened) = opened else {
                self.coverage.met("acknowledgements whose tag is not right");
                continue;
            };
            // What is cut short is no packet.
            let Ok(packet) = Packet::parse(opened) else {
                self.coverage.met("acknowledgements cut short");
                continue;
            };
            // Which stream is today's the login says, not what is still on its way.
            if self.today().name != Some(packet.session()) {
                self.coverage.met("acknowledgements of another day");
                continue;
            }
            trace::tell(
                now,
                &self.username,
                format_args!("hears {} and {} more over UDP", packet.sequence(), packet.count()),
            );
            let mut messages = Vec::new();
            let arrival = self.receiver.packet(now, &packet, |sequence, message| {
                messages.push((sequence, message.to_vec()))
            });
            self.take(now, messages);
            if arrival == Arrival::End {
                self.coverage.met("ends of a stream over UDP");
                if self.receiver.is_finished() {
                    self.end_day(now);
                } else {
                    self.today_mut().is_ending = true;
                    self.hang_up();
                }
            }
        }
    }

    /// Cuts, or mends, the way to it and the way from it.
    pub(crate) fn cut(&mut self, network: &Switchboard, incoming: bool, outgoing: bool) {
        let (us, exchange) = (*self.address().ip(), *self.exchange.ip());
        let set = |is_cut, from, to| match is_cut {
            true => network.cut(from, to),
            false => network.mend(from, to),
        };
        set(incoming, exchange, us);
        set(outgoing, us, exchange);
        self.cut = (incoming, outgoing);
        if let Some(link) = &self.link {
            link.stream.hold(incoming, outgoing);
        }
        self.reader = None;
    }

    pub(super) fn hang_up(&mut self) {
        self.link = None;
        (self.token, self.keys, self.is_in) = (None, None, false);
        self.sent_over_link = 0;
        self.questions.forget();
    }

    /// All of today's stream was heard: what comes now is another day's.
    pub(super) fn end_day(&mut self, now: u64) {
        trace::tell(now, &self.username, format_args!("the day is over"));
        self.coverage.met("days that a customer heard to their end");
        self.today_mut().is_whole = true;
        let expected = self.today().name.map(day::next_name);
        self.begin_day(None, now);
        self.today_mut().expected = expected;
    }

    pub(super) fn begin_day(&mut self, name: Option<SessionName>, now: u64) {
        self.hang_up();
        self.days.push(Day::default());
        self.entry = new_entry();
        self.accepted.clear();
        self.query_at = now;
        self.login_at = now;
        self.enter(name, now);
    }

    /// Today's stream has this name, if it is known.
    pub(super) fn enter(&mut self, name: Option<SessionName>, now: u64) {
        let today = self.today_mut();
        today.name = name;
        today.knows_numbers = today.number() == 1;
        self.receiver = new_receiver(name, now);
    }
}
