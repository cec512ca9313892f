//! The order-entry door: logins of sessions, their orders on the way to the engine, Bind UDP, questions, and each
//! session's stream from any number on. Decides nothing about trading and nothing about silence on both doors: that is
//! the engine's, which hears UDP too.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddrV4;

use protocol::authentication::{LoginKeys, MacSecret, Sealer};
use protocol::order_entry::own;
use protocol::order_entry::question::Question;
use protocol::soup::Login;
use rtrb::Producer;

use super::answers::{self, Ask};
use super::archive::Asker;
use super::connection::Connection;
use super::credentials::{Checked, Credentials, normal};
use super::days::{Wanted, wanted_day};
use super::door::DoorCounters;
use super::drop_copy::{self, Reader, Reading};
use super::feeder::Feeder;
use super::order_entry_name;
use super::service::{Caller, Close, Service, Verdict, View};
use super::store::{NotServable, Store};
use crate::exchange::command::Command;
use crate::planted::{self, Bug};
use crate::runtime::Hurry;
use crate::runtime::links::{self, Inbound, Message};
use crate::runtime::seams::Stream;
use crate::token::TokenMint;

/// The engine is told of a silence this often, until it ends the connection or something comes.
const SILENT_AGAIN_NS: u64 = 1_000_000_000;
/// An answer's memory is kept for the next one up to this size.
const ANSWER_BYTES_KEPT: usize = 16 * 1_024;

/// A question on its way.
#[derive(Debug)]
struct Asked {
    ask: Ask,
    /// The answer must reflect this command; `None` until the engine has said which.
    up_to: Option<u64>,
}

/// A logged-in connection of a session.
#[derive(Debug)]
pub(super) struct Open {
    session: u32,
    /// Read-only, beside the live connection.
    is_replay: bool,
    /// Who it is, when it is a drop copy.
    reader: Option<Reader>,
    /// Acknowledgements go over UDP: no Sequenced Data here any more.
    is_bound: bool,
    feeder: Feeder,
    questions: VecDeque<Asked>,
    /// The answer at hand, as packets, and how much of it was queued.
    answer: Vec<u8>,
    answered: usize,
    /// When the engine was last told of the silence.
    silent_ns: u64,
}

impl Open {
    /// How much somebody at this connection waits for what the engine does: orders over TCP wait for acknowledgements.
    pub(super) fn hurry(&self) -> Hurry {
        if !self.is_bound {
            Hurry::Usual
        } else if !self.questions.is_empty() {
            Hurry::Calm
        } else if self.reader.is_some() {
            Hurry::Leisure
        } else {
            // Its messages came over UDP.
            Hurry::Solitude
        }
    }

    /// How far it has read, when it is a drop copy. `peer` is where it comes from.
    fn reading(&self, peer: SocketAddrV4, store: &Store) -> Option<Reading> {
        let Reader { username, firm } = self.reader?;
        let next = self.feeder.next_sequence();
        let last = store.last_of(self.feeder.day(), self.session);
        Some(Reading {
            username,
            firm,
            session: self.session,
            address: peer,
            next,
            behind: last.map_or(0, |last| (last + 1).saturating_sub(next)),
        })
    }

    /// The oldest question that waits for the engine must reflect command `sequence`.
    pub(super) fn set_answerable(&mut self, sequence: u64) {
        if let Some(asked) = self.questions.iter_mut().find(|asked| asked.up_to.is_none()) {
            asked.up_to = Some(sequence);
        }
    }
}

/// How far each drop copy of these connections has read.
pub(super) fn readings<'a>(
    opens: impl Iterator<Item = (SocketAddrV4, &'a Open)>,
    store: &Store,
) -> impl Iterator<Item = Reading> {
    opens.filter_map(|(peer, open)| open.reading(peer, store))
}

/// What is behind the order-entry door.
#[derive(Debug)]
pub(super) struct OrderEntry {
    credentials: Credentials,
    tokens: TokenMint,
    udp_port: u16,
    questions_max: usize,
    inbound: Producer<Inbound>,
    /// The live connection of each session; 0 = none.
    live: Box<[links::Connection]>,
    archive: Option<Asker>,
    /// Of the sessions with `mac` authentication.
    secrets: BTreeMap<u32, MacSecret>,
    /// What seals the answers to re-requests of each session, with the keys of its newest binding.
    pub(super) sealers: Box<[Option<Box<Sealer>>]>,
}

impl OrderEntry {
    /// For `sessions` sessions; `udp_port` is the exchange's for orders over UDP.
    pub(super) fn new(
        credentials: Credentials,
        secrets: BTreeMap<u32, MacSecret>,
        tokens: TokenMint,
        sessions: u32,
        udp_port: u16,
        questions_max: usize,
        inbound: Producer<Inbound>,
    ) -> Self {
        Self {
            credentials,
            secrets,
            tokens,
            udp_port,
            questions_max,
            inbound,
            live: vec![0; sessions as usize].into_boxed_slice(),
            archive: None,
            sealers: (0..sessions).map(|_| None).collect(),
        }
    }

    /// What the store does not have any more is asked for there.
    pub(super) fn set_archive(&mut self, archive: Asker) {
        self.archive = Some(archive);
    }

    /// Tells the engine. Asked only when there is room: [`Service::is_ready`] and [`Service::login`] look first.
    fn tell(&mut self, inbound: Inbound) {
        self.inbound
            .push(inbound)
            .expect("there was room, and nobody else fills it");
    }

    /// Hands on what the operator asked for. False while there is no room.
    pub(super) fn operate(&mut self, command: Command) -> bool {
        let has_room = !self.inbound.is_full();
        if has_room {
            self.tell(Inbound::Command(command));
        }
        has_room
    }

    fn bind(&mut self, open: &mut Open, caller: Caller, udp_port: u16, counters: &DoorCounters) {
        let mut salt = [0; 16];
        let token = self.tokens.mint().ok();
        let token = token.filter(|_| udp_port != 0 && getrandom::fill(&mut salt).is_ok());
        let Some(token) = token else {
            // No answer: the client asks again, or stays on TCP.
            counters.dropped.increment();
            return;
        };
        let name = order_entry_name(open.session, open.feeder.day());
        let secret = self.secrets.get(&open.session);
        let keys = secret.map(|secret| LoginKeys::derive(secret, &salt, &name));
        self.sealers[open.session as usize] = keys.map(|keys| Box::new(Sealer::of_answers(&keys.to_client)));
        self.tell(Inbound::Bind {
            session: open.session,
            connection: caller.id,
            token,
            address: SocketAddrV4::new(*caller.peer.ip(), udp_port),
            keys,
        });
        let bound = own::UdpBound {
            message_type: b'u',
            token,
            salt,
            udp_port: self.udp_port.into(),
        };
        // Told once the engine has bound it: its datagrams are taken from then on.
        open.questions.push_back(Asked {
            ask: Ask::Bound(bound),
            up_to: None,
        });
    }
}

impl Service for OrderEntry {
    type Open = Open;

    fn login(&mut self, login: &Login<'_>, caller: Caller, view: View<'_>) -> Verdict<Open> {
        let (session, login, reader) = match self.credentials.check(login.username, login.password) {
            Checked::Session(session) => (session, *login, None),
            Checked::DropCopy(firm) => {
                let Some(replica) = view.replica else {
                    return Verdict::Busy;
                };
                match drop_copy::stream(replica.exchange(), firm, login, view.store) {
                    Some((session, asked)) => {
                        let username = normal(login.username);
                        (session, asked, Some(Reader { username, firm }))
                    }
                    None => return Verdict::SessionNotAvailable,
                }
            }
            Checked::Wrong => return Verdict::NotAuthorized,
            Checked::Later => return Verdict::Busy,
        };
        if session as usize >= self.live.len() {
            return Verdict::SessionNotAvailable;
        }
        let wanted = wanted_day(&login, view.store, |day| order_entry_name(session, day));
        let (day, name) = match wanted {
            Wanted::Day(day, name) => (day, name),
            Wanted::Tomorrow => return Verdict::NotYet,
            Wanted::Nothing => return Verdict::SessionNotAvailable,
        };
        match view.replica.map(|replica| replica.exchange().session(session)) {
            None => return Verdict::Busy,
            Some(None) => return Verdict::NotYet,
            Some(Some(_)) => {}
        }
        let start = Feeder::start(
            view,
            self.archive.as_ref(),
            day,
            session,
            login.requested_sequence,
        );
        let (feeder, next) = match start {
            Ok(start) => start,
            Err(NotServable::Beyond { .. }) => return Verdict::NotYet,
            Err(NotServable::Gone | NotServable::UnknownStream) => return Verdict::SessionNotAvailable,
        };
        // The day before can be read, nothing more.
        let takes_over = planted::is(Bug::ReplayTakesOver);
        let is_replay = reader.is_some() || (login.is_replay() && !takes_over) || day != view.store.day();
        if !is_replay {
            if self.inbound.is_full() {
                return Verdict::Busy;
            }
            self.tell(Inbound::Login {
                session,
                connection: caller.id,
                day,
            });
            // The connection that was live so far notices in its next turn.
            self.live[session as usize] = caller.id;
        }
        let questions = if is_replay { 0 } else { self.questions_max };
        let open = Open {
            session,
            is_replay,
            reader,
            is_bound: false,
            feeder,
            questions: VecDeque::with_capacity(questions),
            answer: Vec::new(),
            answered: 0,
            silent_ns: 0,
        };
        Verdict::Accept(name, next, open)
    }

    fn is_ready(&self, open: &Open) -> bool {
        open.is_replay || (!self.inbound.is_full() && open.questions.len() < self.questions_max)
    }

    fn message(&mut self, open: &mut Open, caller: Caller, bytes: &[u8], counters: &DoorCounters) {
        if open.is_replay {
            counters.ignored.increment();
            return;
        }
        let ask = match Question::decode(bytes) {
            Ok(Question::BindUdp(request)) => {
                return self.bind(open, caller, request.udp_port.get(), counters);
            }
            Ok(Question::OrderStatus(request)) => Ask::OrderStatus(request.user_ref_num.get()),
            Ok(Question::OpenOrders(_)) => Ask::OpenOrders,
            Ok(Question::Balance(request)) => Ask::Balance(request.asset),
            Ok(Question::Ticker(request)) => Ask::Ticker(request.symbol),
            Ok(Question::Instruments(_)) => Ask::Instruments,
            Ok(Question::Unknown(b'O' | b'U' | b'X' | b'M' | b'C' | b'D' | b'E' | b'Q')) => {
                match Message::new(bytes) {
                    Some(message) => self.tell(Inbound::Message {
                        session: open.session,
                        connection: caller.id,
                        message,
                    }),
                    None => counters.dropped.increment(),
                }
                return;
            }
            Ok(Question::Unknown(_)) => {
                counters.ignored.increment();
                return;
            }
            Err(_) => {
                counters.dropped.increment();
                return;
            }
        };
        // Behind the orders of the same connection, so that the answer sees them.
        self.tell(Inbound::Question { ticket: caller.id });
        open.questions.push_back(Asked { ask, up_to: None });
    }

    fn turn<S: Stream>(
        &mut self,
        open: &mut Open,
        caller: Caller,
        connection: &mut Connection<S>,
        budget: usize,
        view: View<'_>,
    ) -> Result<usize, Close> {
        let has_ended = open.feeder.day() != view.store.day();
        if !open.is_replay && !has_ended && self.live[open.session as usize] != caller.id {
            return Err(Close::TakenOver);
        }
        let mut work = 0;
        // Who gets the stream elsewhere does not read it to its end here; questions of the day before stay unanswered.
        let is_at_end = open.is_bound || open.feeder.is_at_end(view);
        if has_ended && is_at_end && connection.put_end(view.now_ns) {
            return Err(Close::Rolled);
        }
        loop {
            let rest = &open.answer[open.answered..];
            if !rest.is_empty() {
                let queued = connection.put_packets(view.now_ns, rest);
                open.answered += queued;
                work += queued;
                if open.answered < open.answer.len() {
                    break;
                }
            }
            open.answer.clear();
            open.answer.shrink_to(ANSWER_BYTES_KEPT);
            open.answered = 0;
            // What the replica knows is the new day's, and this connection's numbers are the old one's.
            let Some(replica) = view.replica.filter(|_| !has_ended) else {
                break;
            };
            let is_as_of = replica.is_between_commands();
            let is_early = planted::is(Bug::AnsweredTooEarly);
            let reached = |up_to: u64| is_early || (is_as_of && up_to <= replica.applied());
            let Some(Asked { ask, .. }) = open
                .questions
                .pop_front_if(|asked| asked.up_to.is_some_and(reached))
            else {
                break;
            };
            answers::write(&ask, open.session, replica, &mut open.answer);
            if matches!(ask, Ask::Bound(_)) {
                open.is_bound = true;
                open.feeder.end(self.archive.as_ref());
            }
        }
        if !open.is_bound {
            work += open.feeder.put(connection, budget, view, self.archive.as_ref())?;
        }
        Ok(work)
    }

    fn silence(&mut self, open: &mut Open, caller: Caller, limit_ns: u64, now_ns: u64) -> Result<(), Close> {
        if open.is_replay {
            return Err(Close::Silent);
        }
        if planted::is(Bug::SilenceUnnoticed) {
            return Ok(());
        }
        if now_ns.saturating_sub(open.silent_ns) >= SILENT_AGAIN_NS && !self.inbound.is_full() {
            open.silent_ns = now_ns;
            self.tell(Inbound::Silent {
                session: open.session,
                connection: caller.id,
                since_ns: now_ns - limit_ns,
            });
        }
        Ok(())
    }

    fn end(&mut self, open: &Open, caller: Caller, close: Close) -> bool {
        if open.is_replay {
            open.feeder.end(self.archive.as_ref());
            return true;
        }
        // The engine ended it by itself, or has the session's new connection.
        let is_known = matches!(close, Close::Silent | Close::TakenOver | Close::Rolled);
        if !is_known {
            if self.inbound.is_full() {
                return false;
            }
            self.tell(Inbound::Ended {
                session: open.session,
                connection: caller.id,
            });
        }
        open.feeder.end(self.archive.as_ref());
        let live = &mut self.live[open.session as usize];
        if *live == caller.id {
            *live = 0;
        }
        true
    }
}
