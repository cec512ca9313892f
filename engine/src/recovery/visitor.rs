//! One connection of a door on its way: it logs in, is served, ends.

use std::io;

use protocol::soup::{ClientPacket, Login, REJECT_NOT_AUTHORIZED, REJECT_SESSION, encode};
use protocol::text::trim;

use super::connection::{Connection, Filled};
use super::door::{Desk, DoorCounters};
use super::service::{Caller, Close, Service, Verdict, View};
use crate::runtime::links;
use crate::runtime::seams::Stream;

/// Packets taken from one connection in one turn.
const PACKETS_MAX: usize = 64;
/// A server sends something at least this often.
const HEARTBEAT_NS: u64 = 1_000_000_000;
/// How long what was said last may not move on its way before the connection is closed anyway.
const CLOSING_NS: u64 = 1_000_000_000;

/// A login that waits for its verdict.
#[derive(Debug)]
pub(super) struct PendingLogin {
    username: [u8; 6],
    password: [u8; 10],
    requested_session: [u8; 10],
    requested_sequence: u64,
    heartbeat_timeout_ms: Option<u32>,
    asked_ns: u64,
    /// It had to wait for its address.
    is_delayed: bool,
}

/// How far a connection is.
#[derive(Debug)]
pub(super) enum Phase<T> {
    /// Connected since this time; nothing but a login is taken.
    Login(u64, Option<PendingLogin>),
    /// Logged in; closed after so many nanoseconds of silence.
    Open(T, u64),
    /// Over, and the service could not say so yet.
    Ending(T, Close),
    /// Over since this time; what is queued may still leave.
    Closing(u64),
}

/// A connection, what became of its login, and what the service keeps of it.
#[derive(Debug)]
pub(super) struct Visitor<S, T> {
    pub(super) id: links::Connection,
    pub(super) connection: Connection<S>,
    pub(super) phase: Phase<T>,
    /// The listener tells when there is something to read.
    is_followed: bool,
    /// It has.
    pub(super) is_readable: bool,
    /// Not read before, unless the listener says that there is something.
    read_ns: u64,
}

/// A connection that is followed is read so often within its time of silence without being told: only who was read is known to be
/// silent. Each read is a system call for nothing, of each of maybe thousands.
const SILENCE_LOOKS: u64 = 64;

impl<S: Stream, T> Visitor<S, T> {
    /// Who just came in.
    pub(super) fn new(
        id: links::Connection,
        connection: Connection<S>,
        is_followed: bool,
        now_ns: u64,
    ) -> Self {
        Self {
            id,
            connection,
            phase: Phase::Login(now_ns, None),
            is_followed,
            is_readable: false,
            read_ns: now_ns,
        }
    }

    /// One turn, for about `budget` bytes of Sequenced Data; returns the work done, or `None` when the connection is to be dropped.
    pub(super) fn turn<V: Service<Open = T>>(
        &mut self,
        service: &mut V,
        view: View<'_>,
        idle_ns: u64,
        budget: usize,
        desk: &mut Desk,
    ) -> Option<usize> {
        let caller = Caller {
            id: self.id,
            peer: self.connection.peer(),
        };
        if let Phase::Login(..) | Phase::Open(..) = self.phase {
            match self.live_turn(service, caller, view, (idle_ns, budget), desk) {
                Ok(work) => return Some(work),
                Err(close) => {
                    desk.counters.count(close);
                    let closing = Phase::Closing(view.now_ns);
                    if let Phase::Open(open, _) = std::mem::replace(&mut self.phase, closing) {
                        self.phase = Phase::Ending(open, close);
                    }
                }
            }
        }
        if let Phase::Ending(open, close) = &self.phase {
            if !service.end(open, caller, *close) {
                return Some(0);
            }
            self.phase = Phase::Closing(view.now_ns);
        }
        let Phase::Closing(since_ns) = self.phase else {
            return Some(1);
        };
        let Ok(written) = self.connection.flush(view.now_ns) else {
            return None;
        };
        // What a peer says to a connection that is closed throws away what it has not got yet.
        let has_arrived = self.connection.has_arrived(view.now_ns);
        let is_late = view.now_ns.saturating_sub(since_ns) >= CLOSING_NS
            && self.connection.is_stuck(view.now_ns, CLOSING_NS);
        if !has_arrived && !is_late {
            return Some(written);
        }
        self.connection.discard_input();
        None
    }

    fn live_turn<V: Service<Open = T>>(
        &mut self,
        service: &mut V,
        caller: Caller,
        view: View<'_>,
        (idle_ns, budget): (u64, usize),
        desk: &mut Desk,
    ) -> Result<usize, Close> {
        let filled = if self.is_readable || view.now_ns >= self.read_ns {
            self.connection.fill(view.now_ns).map_err(|error| why(&error))?
        } else {
            Filled::NotRead
        };
        if filled == Filled::Nothing {
            let silence_ns = view.now_ns.saturating_sub(self.connection.heard_ns());
            self.is_readable = false;
            let limit_ns = match &self.phase {
                Phase::Open(_, limit_ns) => *limit_ns,
                _ => desk.config.silence_ns,
            };
            self.read_ns = view.now_ns
                + if self.is_followed {
                    limit_ns / SILENCE_LOOKS
                } else {
                    idle_ns.min(silence_ns / 16)
                };
        }
        let mut work = usize::from(matches!(filled, Filled::Bytes(_)));
        let (taken, is_drained) = self.take_packets(service, caller, view.now_ns, &desk.counters)?;
        work += taken;
        if is_drained && filled == Filled::End {
            return Err(Close::Ended);
        }
        if let Phase::Login(since_ns, pending) = &mut self.phase {
            if view.now_ns.saturating_sub(*since_ns) >= desk.config.login_timeout_ns {
                return Err(Close::LoginTimeout);
            }
            if let Some(login) = pending.take() {
                work += self.judge(login, service, caller, view, desk)?;
            }
        }
        if let Phase::Open(open, limit_ns) = &mut self.phase {
            // Only who could have been heard can be silent.
            let is_heard = is_drained && filled == Filled::Nothing;
            if is_heard && view.now_ns.saturating_sub(self.connection.heard_ns()) >= *limit_ns {
                service.silence(open, caller, *limit_ns, view.now_ns)?;
            }
            work += service.turn(open, caller, &mut self.connection, budget, view)?;
            work += usize::from(self.connection.put_heartbeat(view.now_ns, HEARTBEAT_NS));
        }
        work += self.connection.flush(view.now_ns).map_err(|error| why(&error))?;
        if self.connection.is_stuck(view.now_ns, desk.config.stuck_ns) {
            return Err(Close::Stuck);
        }
        Ok(work)
    }

    /// Takes what came, boundedly; returns how many packets, and whether these were all.
    fn take_packets<V: Service<Open = T>>(
        &mut self,
        service: &mut V,
        caller: Caller,
        now_ns: u64,
        counters: &DoorCounters,
    ) -> Result<(usize, bool), Close> {
        for taken in 0..PACKETS_MAX {
            let may_take = match &self.phase {
                Phase::Login(_, pending) => pending.is_none(),
                Phase::Open(open, _) => service.is_ready(open),
                Phase::Ending(..) | Phase::Closing(_) => false,
            };
            if !may_take {
                return Ok((taken, false));
            }
            let packet = self.connection.decoder.next_from_client();
            let Some(packet) = packet.map_err(|_| Close::Malformed)? else {
                return Ok((taken, true));
            };
            match (&mut self.phase, packet) {
                (_, ClientPacket::Heartbeat | ClientPacket::Debug(_)) => {}
                (_, ClientPacket::Logout) => return Err(Close::Ended),
                (Phase::Login(_, pending), ClientPacket::Login(login)) => {
                    *pending = Some(PendingLogin::new(&login, now_ns));
                }
                (Phase::Open(open, _), ClientPacket::Unsequenced(bytes)) => {
                    service.message(open, caller, bytes, counters);
                }
                (Phase::Open(..), ClientPacket::Unknown(_)) => counters.ignored.increment(),
                _ => return Err(Close::Malformed),
            }
        }
        Ok((PACKETS_MAX, false))
    }

    /// Asks the service about a login and does what it says; returns the work done.
    fn judge<V: Service<Open = T>>(
        &mut self,
        mut pending: PendingLogin,
        service: &mut V,
        caller: Caller,
        view: View<'_>,
        desk: &mut Desk,
    ) -> Result<usize, Close> {
        let Desk {
            config,
            counters,
            attempts,
        } = desk;
        if attempts.is_delayed(*caller.peer.ip(), view.now_ns) {
            counters.delayed.add(u64::from(!pending.is_delayed));
            pending.is_delayed = true;
            // Its patience begins when it is looked at.
            pending.asked_ns = view.now_ns;
            if let Phase::Login(_, place) = &mut self.phase {
                *place = Some(pending);
            }
            return Ok(0);
        }
        let login = pending.login();
        let is_patient = view.now_ns.saturating_sub(pending.asked_ns) < config.login_patience_ns;
        let verdict = service.login(&login, caller, view);
        let reject = match verdict {
            Verdict::Accept(name, next_sequence, open) => {
                let silence_ns = login.heartbeat_timeout_ms.map_or(config.silence_ns, |limit_ms| {
                    u64::from(limit_ms.clamp(1_000, 60_000)) * 1_000_000
                });
                counters.logins.increment();
                self.phase = Phase::Open(open, silence_ns);
                let accepted = |buffer: &mut [u8]| encode::login_accepted(name, next_sequence, buffer);
                let has_room = self.connection.put(view.now_ns, accepted)
                    && self.connection.put(view.now_ns, |buffer| {
                        encode::debug(config.banner.as_bytes(), buffer)
                    });
                // The buffer was empty, and is larger than both.
                return if has_room { Ok(1) } else { Err(Close::Stuck) };
            }
            Verdict::NotYet if is_patient => None,
            Verdict::Busy => None,
            Verdict::NotAuthorized => Some(REJECT_NOT_AUTHORIZED),
            Verdict::SessionNotAvailable | Verdict::NotYet => Some(REJECT_SESSION),
        };
        match reject {
            None => {
                if let Phase::Login(_, place) = &mut self.phase {
                    *place = Some(pending);
                }
                Ok(0)
            }
            Some(reason) => {
                match reason {
                    REJECT_NOT_AUTHORIZED => {
                        counters.rejected_not_authorized.increment();
                        attempts.failed(*caller.peer.ip(), view.now_ns);
                    }
                    _ => counters.rejected_session.increment(),
                }
                self.connection
                    .put(view.now_ns, |buffer| encode::login_rejected(reason, buffer));
                self.phase = Phase::Closing(view.now_ns);
                Ok(1)
            }
        }
    }
}

impl PendingLogin {
    fn new(login: &Login<'_>, asked_ns: u64) -> Self {
        Self {
            username: padded(login.username),
            password: padded(login.password),
            requested_session: padded(login.requested_session),
            requested_sequence: login.requested_sequence,
            heartbeat_timeout_ms: login.heartbeat_timeout_ms,
            asked_ns,
            is_delayed: false,
        }
    }

    fn login(&self) -> Login<'_> {
        Login {
            username: trim(&self.username),
            password: trim(&self.password),
            requested_session: trim(&self.requested_session),
            requested_sequence: self.requested_sequence,
            heartbeat_timeout_ms: self.heartbeat_timeout_ms,
        }
    }
}

/// What the error of a stream means. Bytes that are wrong before anybody has looked at what they say are no good TLS.
fn why(error: &io::Error) -> Close {
    match error.kind() {
        io::ErrorKind::InvalidData => Close::Untrusted,
        _ => Close::Ended,
    }
}

/// A trimmed field of `N` bytes at most, as it stood in its message.
fn padded<const N: usize>(field: &[u8]) -> [u8; N] {
    let mut padded = [b' '; N];
    padded[..field.len()].copy_from_slice(field);
    padded
}
