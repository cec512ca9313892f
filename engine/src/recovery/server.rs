//! A SoupBinTCP door: accepts, reads, tells logged-in connections what they asked for, and lets each have its bounded
//! turn. What a login may do and what a message means is the [`Service`]'s business.

use std::io::{Read, Write};
use std::net::SocketAddrV4;

use protocol::soup::messages::LoginRequest410;
use protocol::soup::{
    ClientPacket, HEADER_BYTES, Login, REJECT_NOT_AUTHORIZED, REJECT_SESSION, RawPacket, encode,
};
use protocol::text::SessionName;

use super::connection::{Connection, Filled};
use super::replica::Replica;
use super::store::Store;
use crate::runtime::links;
use crate::runtime::seams::Listener;

/// Connections are named by their slot and a number that is never used again.
const SLOT_BITS: u32 = 16;
/// Most connections of one door.
pub const CONNECTIONS_MAX: usize = 1 << SLOT_BITS;
/// Bytes of a login's payload, 4.10 form.
const LOGIN_BYTES_MAX: usize = size_of::<LoginRequest410>() - HEADER_BYTES;
/// Packets taken from one connection in one turn.
const PACKETS_MAX: usize = 64;
/// Connections accepted in one turn.
const ACCEPTS_MAX: usize = 8;
/// A server sends something at least this often.
const HEARTBEAT_NS: u64 = 1_000_000_000;
/// How long what was said last may take to leave before the connection is closed anyway.
const CLOSING_NS: u64 = 1_000_000_000;

/// Limits of one door. Times in nanoseconds.
#[derive(Debug, Clone)]
pub struct DoorConfig {
    /// Most connections at once; further ones are closed at once. At most [`CONNECTIONS_MAX`].
    pub connections_max: usize,
    /// Connections looked at in one turn.
    pub connections_per_poll: usize,
    /// Buffer for what came from a client, per connection. Longer packets end the connection.
    pub input_bytes: usize,
    /// Buffer for what goes to a client, per connection.
    pub output_bytes: usize,
    /// Sequenced Data queued for one connection in one turn, bytes.
    pub stream_bytes_per_poll: usize,
    /// A connection that has not logged in by then is closed.
    pub login_timeout_ns: u64,
    /// A login for messages that have not come yet waits this long for them: the client may know more than this stage.
    pub login_patience_ns: u64,
    /// Silence of a client that says nothing else in its login.
    pub silence_ns: u64,
    /// A reader that takes nothing for so long is closed.
    pub stuck_ns: u64,
    /// Sent as Debug packet after each login: program, version, configuration hash.
    pub banner: String,
}

impl Default for DoorConfig {
    fn default() -> Self {
        Self {
            connections_max: 256,
            connections_per_poll: 32,
            input_bytes: 4 * 1_024,
            output_bytes: 64 * 1_024,
            stream_bytes_per_poll: 32 * 1_024,
            login_timeout_ns: 5_000_000_000,
            login_patience_ns: 250_000_000,
            silence_ns: 15_000_000_000,
            stuck_ns: 15_000_000_000,
            banner: concat!("exchange ", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// What happened at a door, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DoorCounters {
    /// Connections taken.
    pub accepted: u64,
    /// Connections closed at once because all places were taken.
    pub refused: u64,
    /// Accepting failed.
    pub accept_errors: u64,
    /// Logins accepted.
    pub logins: u64,
    /// Logins rejected: name or password.
    pub rejected_not_authorized: u64,
    /// Logins rejected: session or sequence number.
    pub rejected_session: u64,
    /// Connections closed because no login came.
    pub login_timeouts: u64,
    /// Connections closed because what came is not SoupBinTCP, or not in its order.
    pub malformed: u64,
    /// Packets and messages ignored because they have no meaning here.
    pub ignored: u64,
    /// Messages dropped because they are too long or not decodable.
    pub dropped: u64,
    /// Connections closed for silence.
    pub silent: u64,
    /// Readers closed because they took nothing for too long.
    pub stuck: u64,
    /// Readers closed because their next message was overwritten.
    pub fell_off: u64,
    /// Connections that their session's next login replaced.
    pub taken_over: u64,
    /// Connections that clients ended, in order or not.
    pub ended: u64,
}

/// Why a connection is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Close {
    /// Logout, end of the stream, or an error of it.
    Ended,
    /// Something that no client of this protocol sends.
    Malformed,
    /// No login came.
    LoginTimeout,
    /// Nothing came for too long.
    Silent,
    /// It takes nothing.
    Stuck,
    /// It was too slow for the store.
    FellOff,
    /// A newer login of the session took over.
    TakenOver,
}

/// What a service says to a login.
pub(super) enum Verdict<T> {
    /// Come in: the stream's name, the number of the next message, what the service keeps of it.
    Accept(SessionName, u64, T),
    /// `J` `A`.
    NotAuthorized,
    /// `J` `S`.
    SessionNotAvailable,
    /// `J` `S`, unless the messages asked for come soon.
    NotYet,
    /// The door is busy: ask again.
    Busy,
}

/// What the services read.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) store: &'a Store,
    pub(super) replica: &'a Replica,
    /// The turn's time.
    pub(super) now_ns: u64,
}

/// Who a login comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller {
    pub(super) id: links::Connection,
    pub(super) peer: SocketAddrV4,
}

/// What is behind a door.
pub(super) trait Service {
    /// What it keeps of a logged-in connection.
    type Open;

    /// Judges a login. Asked again while it says [`Verdict::NotYet`] or [`Verdict::Busy`].
    fn login(&mut self, login: &Login<'_>, caller: Caller, view: View<'_>) -> Verdict<Self::Open>;

    /// True when the connection's next packet can be taken, whatever it is.
    fn is_ready(&self, open: &Self::Open) -> bool;

    /// Takes Unsequenced Data.
    fn message(&mut self, open: &mut Self::Open, caller: Caller, bytes: &[u8], counters: &mut DoorCounters);

    /// Queues what the connection is to get, Sequenced Data up to about `budget` bytes; returns the work done.
    fn turn<S: Read + Write>(
        &mut self,
        open: &mut Self::Open,
        caller: Caller,
        connection: &mut Connection<S>,
        budget: usize,
        view: View<'_>,
    ) -> Result<usize, Close>;

    /// Nothing came for `limit_ns`, and everything that came was seen: over, or not?
    fn silence(&mut self, open: &mut Self::Open, caller: Caller, limit_ns: u64, now_ns: u64)
    -> Result<(), Close>;

    /// The connection is over. False when this could not be said on: ask again.
    fn end(&mut self, open: &Self::Open, caller: Caller, close: Close) -> bool;
}

/// A login that waits for its verdict.
#[derive(Debug)]
struct PendingLogin {
    payload: [u8; LOGIN_BYTES_MAX],
    length: usize,
    asked_ns: u64,
}

#[derive(Debug)]
enum Phase<T> {
    /// Connected since this time; nothing but a login is taken.
    Login(u64, Option<PendingLogin>),
    /// Logged in; closed after so many nanoseconds of silence.
    Open(T, u64),
    /// Over, and the service could not say so yet.
    Ending(T, Close),
    /// Over since this time; what is queued may still leave.
    Closing(u64),
}

#[derive(Debug)]
struct Entry<S, T> {
    id: links::Connection,
    connection: Connection<S>,
    phase: Phase<T>,
}

/// A listener, its connections, and the service behind them.
#[derive(Debug)]
pub(super) struct Door<L: Listener, V: Service> {
    listener: L,
    pub(super) service: V,
    slots: Box<[Option<Entry<L::Stream, V::Open>>]>,
    free: Vec<usize>,
    /// Connections ever taken.
    count: u64,
    /// Where the next turn begins.
    next_slot: usize,
    config: DoorConfig,
    counters: DoorCounters,
}

impl<L: Listener, V: Service> Door<L, V> {
    /// # Panics
    /// When a limit of `config` makes no sense.
    pub(super) fn new(listener: L, service: V, config: DoorConfig) -> Self {
        assert!((1..=CONNECTIONS_MAX).contains(&config.connections_max), "connections_max");
        assert!(config.connections_per_poll >= 1, "connections_per_poll");
        assert!(config.input_bytes >= 512, "input_bytes");
        assert!(config.output_bytes >= 4 * 1_024, "output_bytes");
        assert!(config.banner.len() <= 1_024, "banner");
        Self {
            listener,
            service,
            slots: (0..config.connections_max).map(|_| None).collect(),
            free: (0..config.connections_max).rev().collect(),
            count: 0,
            next_slot: 0,
            config,
            counters: DoorCounters::default(),
        }
    }

    pub(super) fn counters(&self) -> DoorCounters {
        self.counters
    }

    /// Connections there are, logged in or not.
    pub(super) fn connections(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Accepts, then gives the next connections a turn each. Returns the work done.
    pub(super) fn poll(&mut self, view: View<'_>) -> usize {
        let mut work = self.accept(view.now_ns);
        let mut turns = self.config.connections_per_poll.min(self.connections());
        // At most once around.
        for _ in 0..self.slots.len() {
            if turns == 0 {
                break;
            }
            let slot = self.next_slot;
            self.next_slot = (slot + 1) % self.slots.len();
            if let Some(mut entry) = self.slots[slot].take() {
                turns -= 1;
                match entry.turn(&mut self.service, view, &self.config, &mut self.counters) {
                    Some(done) => {
                        work += done;
                        self.slots[slot] = Some(entry);
                    }
                    None => {
                        work += 1;
                        self.free.push(slot);
                    }
                }
            }
        }
        work
    }

    fn accept(&mut self, now_ns: u64) -> usize {
        for done in 0..ACCEPTS_MAX {
            let (stream, peer) = match self.listener.accept() {
                Ok(Some(accepted)) => accepted,
                Ok(None) => return done,
                Err(_) => {
                    self.counters.accept_errors += 1;
                    return done;
                }
            };
            let Some(slot) = self.free.pop() else {
                self.counters.refused += 1;
                continue;
            };
            self.counters.accepted += 1;
            self.count += 1;
            let DoorConfig {
                input_bytes,
                output_bytes,
                ..
            } = self.config;
            self.slots[slot] = Some(Entry {
                id: self.count << SLOT_BITS | slot as u64,
                connection: Connection::new(stream, peer, now_ns, input_bytes, output_bytes),
                phase: Phase::Login(now_ns, None),
            });
        }
        ACCEPTS_MAX
    }

    /// What the service keeps of the logged-in connection.
    pub(super) fn open_mut(&mut self, id: links::Connection) -> Option<&mut V::Open> {
        match &mut self.entry_mut(id)?.phase {
            Phase::Open(open, _) => Some(open),
            _ => None,
        }
    }

    /// Ends a logged-in connection, if it is still there.
    pub(super) fn end(&mut self, id: links::Connection, close: Close) {
        let Some(entry) = self.entry_mut(id) else { return };
        let closing = Phase::Closing(entry.connection.heard_ns());
        match std::mem::replace(&mut entry.phase, closing) {
            Phase::Open(open, _) => {
                entry.phase = Phase::Ending(open, close);
                self.counters.count(close);
            }
            other => entry.phase = other,
        }
    }

    /// Writes once more what is queued, then closes every connection.
    pub(super) fn close(&mut self, now_ns: u64) {
        for (slot, place) in self.slots.iter_mut().enumerate() {
            if let Some(mut entry) = place.take() {
                self.free.push(slot);
                if entry.connection.flush(now_ns).is_ok() {
                    entry.connection.discard_input();
                }
            }
        }
    }

    /// True when nothing queued waits to be written.
    pub(super) fn is_flushed(&self) -> bool {
        self.slots.iter().flatten().all(|entry| entry.connection.waiting() == 0)
    }

    fn entry_mut(&mut self, id: links::Connection) -> Option<&mut Entry<L::Stream, V::Open>> {
        let slot = (id & (CONNECTIONS_MAX as u64 - 1)) as usize;
        let entry = self.slots.get_mut(slot)?.as_mut();
        entry.filter(|entry| entry.id == id)
    }
}

impl DoorCounters {
    fn count(&mut self, close: Close) {
        let counter = match close {
            Close::Ended => &mut self.ended,
            Close::Malformed => &mut self.malformed,
            Close::LoginTimeout => &mut self.login_timeouts,
            Close::Silent => &mut self.silent,
            Close::Stuck => &mut self.stuck,
            Close::FellOff => &mut self.fell_off,
            Close::TakenOver => &mut self.taken_over,
        };
        *counter += 1;
    }
}

impl<S: Read + Write, T> Entry<S, T> {
    /// One turn; returns the work done, or `None` when the connection is to be dropped.
    fn turn<V: Service<Open = T>>(
        &mut self,
        service: &mut V,
        view: View<'_>,
        config: &DoorConfig,
        counters: &mut DoorCounters,
    ) -> Option<usize> {
        let caller = Caller {
            id: self.id,
            peer: self.connection.peer(),
        };
        if let Phase::Login(..) | Phase::Open(..) = self.phase {
            match self.live_turn(service, caller, view, config, counters) {
                Ok(work) => return Some(work),
                Err(close) => {
                    counters.count(close);
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
        let is_late = view.now_ns.saturating_sub(since_ns) >= CLOSING_NS;
        match self.connection.flush(view.now_ns) {
            Ok(written) if self.connection.waiting() > 0 && !is_late => Some(written),
            Ok(_) => {
                self.connection.discard_input();
                None
            }
            Err(_) => None,
        }
    }

    fn live_turn<V: Service<Open = T>>(
        &mut self,
        service: &mut V,
        caller: Caller,
        view: View<'_>,
        config: &DoorConfig,
        counters: &mut DoorCounters,
    ) -> Result<usize, Close> {
        let filled = self.connection.fill(view.now_ns).map_err(|_| Close::Ended)?;
        let mut work = usize::from(matches!(filled, Filled::Bytes(_)));
        let (taken, is_drained) = self.take_packets(service, caller, view.now_ns, counters)?;
        work += taken;
        if is_drained && filled == Filled::End {
            return Err(Close::Ended);
        }
        if let Phase::Login(since_ns, pending) = &mut self.phase {
            if view.now_ns.saturating_sub(*since_ns) >= config.login_timeout_ns {
                return Err(Close::LoginTimeout);
            }
            if let Some(login) = pending.take() {
                work += self.judge(login, service, caller, view, config, counters)?;
            }
        }
        if let Phase::Open(open, limit_ns) = &mut self.phase {
            // Only who could have been heard can be silent.
            let is_heard = is_drained && filled == Filled::Nothing;
            if is_heard && view.now_ns.saturating_sub(self.connection.heard_ns()) >= *limit_ns {
                service.silence(open, caller, *limit_ns, view.now_ns)?;
            }
            work += service.turn(open, caller, &mut self.connection, config.stream_bytes_per_poll, view)?;
            work += usize::from(self.connection.put_heartbeat(view.now_ns, HEARTBEAT_NS));
        }
        work += self.connection.flush(view.now_ns).map_err(|_| Close::Ended)?;
        if self.connection.is_stuck(view.now_ns, config.stuck_ns) {
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
        counters: &mut DoorCounters,
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
            let packet = self.connection.decoder.next_packet().map_err(|_| Close::Malformed)?;
            let Some(raw) = packet else {
                return Ok((taken, true));
            };
            let packet = ClientPacket::decode(raw).map_err(|_| Close::Malformed)?;
            match (&mut self.phase, packet) {
                (_, ClientPacket::Heartbeat | ClientPacket::Debug(_)) => {}
                (_, ClientPacket::Logout) => return Err(Close::Ended),
                (Phase::Login(_, pending), ClientPacket::Login(_)) => {
                    *pending = PendingLogin::new(raw.payload, now_ns);
                }
                (Phase::Open(open, _), ClientPacket::Unsequenced(bytes)) => {
                    service.message(open, caller, bytes, counters);
                }
                (Phase::Open(..), ClientPacket::Unknown(_)) => counters.ignored += 1,
                _ => return Err(Close::Malformed),
            }
        }
        Ok((PACKETS_MAX, false))
    }

    /// Asks the service about a login and does what it says; returns the work done.
    fn judge<V: Service<Open = T>>(
        &mut self,
        pending: PendingLogin,
        service: &mut V,
        caller: Caller,
        view: View<'_>,
        config: &DoorConfig,
        counters: &mut DoorCounters,
    ) -> Result<usize, Close> {
        let login = pending.login()?;
        let is_patient = view.now_ns.saturating_sub(pending.asked_ns) < config.login_patience_ns;
        let verdict = service.login(&login, caller, view);
        let reject = match verdict {
            Verdict::Accept(name, next_sequence, open) => {
                let silence_ns = login.heartbeat_timeout_ms.map_or(config.silence_ns, |limit_ms| {
                    u64::from(limit_ms.clamp(1_000, 60_000)) * 1_000_000
                });
                counters.logins += 1;
                self.phase = Phase::Open(open, silence_ns);
                let accepted = |buffer: &mut [u8]| encode::login_accepted(name, next_sequence, buffer);
                let has_room = self.connection.put(view.now_ns, accepted)
                    && self
                        .connection
                        .put(view.now_ns, |buffer| encode::debug(config.banner.as_bytes(), buffer));
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
                    REJECT_NOT_AUTHORIZED => counters.rejected_not_authorized += 1,
                    _ => counters.rejected_session += 1,
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
    /// `None` when the payload is longer than a login's: it was decoded, so that it is not.
    fn new(bytes: &[u8], asked_ns: u64) -> Option<Self> {
        let mut payload = [0; LOGIN_BYTES_MAX];
        payload.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Self {
            payload,
            length: bytes.len(),
            asked_ns,
        })
    }

    fn login(&self) -> Result<Login<'_>, Close> {
        let raw = RawPacket {
            packet_type: b'L',
            payload: &self.payload[..self.length],
        };
        match ClientPacket::decode(raw) {
            Ok(ClientPacket::Login(login)) => Ok(login),
            _ => Err(Close::Malformed),
        }
    }
}
