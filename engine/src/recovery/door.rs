//! A SoupBinTCP door: accepts, bounds how many come in, gives each connection its turn. What a login may do and what a
//! message means is the `Service`'s business.

use std::net::SocketAddrV4;
use std::sync::Arc;

use crossbeam_utils::CachePadded;

use super::addresses::{Attempts, Crowd};
use super::connection::Connection;
use super::service::{Close, Service, View};
use super::visitor::{Phase, Visitor};
use crate::runtime::seams::Listener;
use crate::runtime::{Hurry, Watch, links};

/// Connections are named by their slot and a number that is never used again.
const SLOT_BITS: u32 = 16;
/// Most connections of one door.
pub const CONNECTIONS_MAX: usize = 1 << SLOT_BITS;
/// Connections accepted in one turn.
const ACCEPTS_MAX: usize = 8;
/// How long until the listener is asked again after it had none.
const ACCEPT_NS: u64 = 200_000;
/// Idle connections that nobody follows are read about once in this time, all together.
const READ_NS: u64 = 4_000;
const MILLISECOND_NS: u64 = 1_000_000;
/// How often the listener is asked which connections can be read.
const READABLE_NS: u64 = 10_000;

/// Limits of one door. Times in nanoseconds.
#[derive(Debug, Clone)]
pub struct DoorConfig {
    /// Most connections at once; further ones are closed at once. At most [`CONNECTIONS_MAX`].
    pub connections_max: usize,
    /// Most connections at once from one address, loopback apart; further ones are closed at once.
    pub connections_per_address_max: usize,
    /// Connections looked at in one turn.
    pub connections_per_poll: usize,
    /// Connections accepted in a millisecond; further ones wait in the kernel. Taking one in takes as long as sending it some
    /// tens of KiB, and a thousand at once would keep a core from those whom somebody waits for.
    pub accepts_per_ms: usize,
    /// Buffer for what came from a client, per connection. Longer packets end the connection.
    pub input_bytes: usize,
    /// Buffer for what goes to a client, per connection.
    pub output_bytes: usize,
    /// Sequenced Data queued for one connection in one turn, bytes.
    pub stream_bytes_per_poll: usize,
    /// The same for all connections together in a millisecond. Who replays a day takes what he gets, and the thread that gives
    /// it would keep a core from those whom somebody waits for.
    pub stream_bytes_per_ms: usize,
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
            connections_per_address_max: 64,
            connections_per_poll: 32,
            accepts_per_ms: usize::MAX,
            input_bytes: 4 * 1_024,
            output_bytes: 64 * 1_024,
            stream_bytes_per_poll: 32 * 1_024,
            stream_bytes_per_ms: usize::MAX,
            login_timeout_ns: 5_000_000_000,
            login_patience_ns: 250_000_000,
            silence_ns: 15_000_000_000,
            stuck_ns: 15_000_000_000,
            banner: concat!("exchange ", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

crate::counters! {
    /// What happened at a door.
    pub struct DoorCounters: "door" {
        accepted: "Connections taken.",
        refused: "Connections closed at once because all places were taken.",
        crowded: "Connections closed at once because their address had as many as it may.",
        accept_errors: "Accepting failed.",
        logins: "Logins accepted.",
        rejected_not_authorized: "Logins rejected: name or password.",
        delayed: "Logins that had to wait because logins from their address had failed.",
        rejected_session: "Logins rejected: session or sequence number.",
        login_timeouts: "Connections closed because no login came.",
        malformed: "Connections closed because what came is not SoupBinTCP, or not in its order.",
        untrusted: "Connections closed because TLS failed: what came is not TLS 1.3, or no certificate that is asked for.",
        ignored: "Packets and messages ignored because they have no meaning here.",
        dropped: "Messages dropped because they are too long or not decodable.",
        silent: "Connections closed for silence.",
        stuck: "Readers closed because they took nothing for too long.",
        fell_off: "Readers closed because their next message was overwritten.",
        taken_over: "Connections that their session's next login replaced.",
        rolled: "Connections closed because their stream has ended: the day has rolled.",
        ended: "Connections that clients ended, in order or not.",
        open: "Connections there are.",
    }
}

impl DoorCounters {
    pub(super) fn count(&self, close: Close) {
        let counter = match close {
            Close::Ended => &self.ended,
            Close::Malformed => &self.malformed,
            Close::Untrusted => &self.untrusted,
            Close::LoginTimeout => &self.login_timeouts,
            Close::Silent => &self.silent,
            Close::Stuck => &self.stuck,
            Close::FellOff => &self.fell_off,
            Close::Rolled => &self.rolled,
            Close::TakenOver => &self.taken_over,
        };
        counter.increment();
    }
}

type Slot<L, V> = Option<Visitor<<L as Listener>::Stream, <V as Service>::Open>>;

/// A listener, its connections, and the service behind them.
pub(super) struct Door<L: Listener, V: Service> {
    listener: L,
    pub(super) service: V,
    slots: Box<[Slot<L, V>]>,
    free: Vec<usize>,
    /// The slots in use, in no order.
    used: Vec<usize>,
    /// Connections ever taken.
    count: u64,
    /// Which of the used slots has the next turn.
    next: usize,
    /// Not asked for further connections before.
    accept_ns: u64,
    /// Connections that may be accepted until then.
    accepts: usize,
    /// Not asked which can be read before.
    readable_ns: u64,
    /// Sequenced Data that may be queued until then.
    allowance: usize,
    allowance_ns: u64,
    crowd: Crowd,
    desk: Desk,
}

/// What every connection's turn goes by, and notes.
pub(super) struct Desk {
    pub(super) config: DoorConfig,
    pub(super) counters: Arc<CachePadded<DoorCounters>>,
    pub(super) attempts: Attempts,
}

impl<L: Listener, V: Service> Door<L, V> {
    /// # Panics
    /// When a limit of `config` makes no sense.
    pub(super) fn new(listener: L, service: V, config: DoorConfig) -> Self {
        assert!(
            (1..=CONNECTIONS_MAX).contains(&config.connections_max),
            "connections_max"
        );
        assert!(
            config.connections_per_address_max >= 1,
            "connections_per_address_max"
        );
        assert!(config.connections_per_poll >= 1, "connections_per_poll");
        assert!(config.accepts_per_ms >= 1, "accepts_per_ms");
        assert!(config.input_bytes >= 512, "input_bytes");
        assert!(config.output_bytes >= 4 * 1_024, "output_bytes");
        assert!(config.banner.len() <= 1_024, "banner");
        Self {
            listener,
            service,
            slots: (0..config.connections_max).map(|_| None).collect(),
            free: (0..config.connections_max).rev().collect(),
            used: Vec::with_capacity(config.connections_max),
            count: 0,
            next: 0,
            accept_ns: 0,
            accepts: 0,
            readable_ns: 0,
            allowance: 0,
            allowance_ns: 0,
            crowd: Crowd::new(config.connections_max, config.connections_per_address_max),
            desk: Desk {
                config,
                counters: DoorCounters::shared(),
                attempts: Attempts::new(),
            },
        }
    }

    /// Names what becomes readable when somebody says something, or comes: unless enough came in this millisecond. Who waits
    /// then would not let the thread sleep.
    pub(super) fn watch(&self, watch: &mut Watch) {
        self.listener.watch(watch, self.accepts > 0);
    }

    pub(super) fn counters(&self) -> &Arc<CachePadded<DoorCounters>> {
        &self.desk.counters
    }

    /// Accepts, then gives the next connections a turn each. Returns the work done.
    pub(super) fn poll(&mut self, view: View<'_>) -> usize {
        self.allow(view.now_ns);
        let mut work = self.accept(view.now_ns);
        self.look(view.now_ns);
        let Self {
            service,
            slots,
            free,
            used,
            next,
            allowance,
            crowd,
            desk,
            ..
        } = self;
        // Reading an idle connection is a system call for nothing: the more there are, the rarer it is done.
        let idle_ns = used.len() as u64 * READ_NS;
        for _ in 0..desk.config.connections_per_poll.min(used.len()) {
            if *next >= used.len() {
                *next = 0;
            }
            let slot = used[*next];
            let Some(visitor) = &mut slots[slot] else {
                unreachable!("used slots have a connection")
            };
            let queued = visitor.connection.queued_bytes();
            let budget = desk.config.stream_bytes_per_poll.min(*allowance);
            match visitor.turn(service, view, idle_ns, budget, desk) {
                Some(done) => {
                    work += done;
                    let queued = visitor.connection.queued_bytes() - queued;
                    *allowance = allowance.saturating_sub(queued as usize);
                    *next += 1;
                }
                None => {
                    work += 1;
                    crowd.leaves(*visitor.connection.peer().ip());
                    slots[slot] = None;
                    free.push(slot);
                    used.swap_remove(*next);
                    desk.counters.open.set(used.len() as u64);
                }
            }
        }
        work
    }

    /// Renews what may be sent and who may come in.
    fn allow(&mut self, now_ns: u64) {
        if now_ns >= self.allowance_ns {
            self.allowance_ns = now_ns + MILLISECOND_NS;
            self.allowance = self.desk.config.stream_bytes_per_ms;
            self.accepts = self.desk.config.accepts_per_ms;
        }
    }

    fn accept(&mut self, now_ns: u64) -> usize {
        if now_ns < self.accept_ns {
            return 0;
        }
        self.accept_ns = now_ns + ACCEPT_NS;
        for done in 0..ACCEPTS_MAX {
            if self.accepts == 0 {
                // There may be more when they may come in.
                self.accept_ns = now_ns;
                return done;
            }
            let (stream, peer) = match self.listener.accept() {
                Ok(Some(accepted)) => accepted,
                Ok(None) => return done,
                Err(_) => {
                    self.desk.counters.accept_errors.increment();
                    return done;
                }
            };
            self.accepts -= 1;
            let Some(slot) = self.free.last().copied() else {
                self.desk.counters.refused.increment();
                continue;
            };
            if !self.crowd.enters(*peer.ip()) {
                self.desk.counters.crowded.increment();
                continue;
            }
            self.free.pop();
            self.desk.counters.accepted.increment();
            self.count += 1;
            let DoorConfig {
                input_bytes,
                output_bytes,
                ..
            } = self.desk.config;
            self.used.push(slot);
            let id = self.count << SLOT_BITS | slot as u64;
            let is_followed = self.listener.follow(&stream, id);
            let connection = Connection::new(stream, peer, now_ns, input_bytes, output_bytes);
            self.slots[slot] = Some(Visitor::new(id, connection, is_followed, now_ns));
            self.desk.counters.open.set(self.used.len() as u64);
        }
        // There may be more.
        self.accept_ns = now_ns;
        ACCEPTS_MAX
    }

    /// Finds out which connections can be read.
    fn look(&mut self, now_ns: u64) {
        if now_ns < self.readable_ns {
            return;
        }
        self.readable_ns = now_ns + READABLE_NS;
        let slots = &mut self.slots;
        self.listener.readable(|id| {
            if let Some(Some(visitor)) = slots.get_mut(slot_of(id))
                && visitor.id == id
            {
                visitor.is_readable = true;
            }
        });
    }

    /// What the service keeps of the logged-in connection.
    pub(super) fn open_mut(&mut self, id: links::Connection) -> Option<&mut V::Open> {
        match &mut self.visitor_mut(id)?.phase {
            Phase::Open(open, _) => Some(open),
            _ => None,
        }
    }

    /// The service, and beside it the logged-in connections: where each comes from, and what the service keeps of it.
    pub(super) fn parts(&mut self) -> (&mut V, impl Iterator<Item = (SocketAddrV4, &V::Open)> + Clone) {
        let Self {
            service, slots, used, ..
        } = self;
        let slots = &*slots;
        let visitors = used.iter().filter_map(|slot| slots[*slot].as_ref());
        let opens = visitors.filter_map(|visitor| match &visitor.phase {
            Phase::Open(open, _) => Some((visitor.connection.peer(), open)),
            _ => None,
        });
        (service, opens)
    }

    /// The greatest hurry of any connection: usual when one comes or goes, what `open` says of one that is logged in.
    pub(super) fn hurry(&self, open: impl Fn(&V::Open) -> Hurry) -> Hurry {
        let visitors = self.used.iter().filter_map(|slot| self.slots[*slot].as_ref());
        let hurries = visitors.map(|visitor| match &visitor.phase {
            Phase::Open(kept, _) => open(kept),
            _ => Hurry::Usual,
        });
        // Until more may come in, who comes ends no rest.
        let least = match self.accepts {
            0 => Hurry::Leisure,
            _ => Hurry::Solitude,
        };
        hurries.max().unwrap_or(least).max(least)
    }

    /// Ends a logged-in connection, if it is still there.
    pub(super) fn end(&mut self, id: links::Connection, close: Close) {
        let Some(visitor) = self.visitor_mut(id) else {
            return;
        };
        match std::mem::replace(&mut visitor.phase, Phase::Closing(0)) {
            Phase::Open(open, _) => {
                visitor.phase = Phase::Ending(open, close);
                self.desk.counters.count(close);
            }
            other => visitor.phase = other,
        }
    }

    /// Writes once more what is queued, then closes every connection.
    pub(super) fn close(&mut self, now_ns: u64) {
        for slot in self.used.drain(..) {
            self.free.push(slot);
            let Some(mut visitor) = self.slots[slot].take() else {
                continue;
            };
            self.crowd.leaves(*visitor.connection.peer().ip());
            if visitor.connection.flush(now_ns).is_ok() {
                visitor.connection.discard_input();
            }
        }
    }

    /// True when nothing queued waits to be written.
    pub(super) fn is_flushed(&self) -> bool {
        self.slots
            .iter()
            .flatten()
            .all(|visitor| !visitor.connection.is_waiting())
    }

    fn visitor_mut(&mut self, id: links::Connection) -> Option<&mut Visitor<L::Stream, V::Open>> {
        let visitor = self.slots.get_mut(slot_of(id))?.as_mut();
        visitor.filter(|visitor| visitor.id == id)
    }
}

/// The slot that a connection's name begins with.
fn slot_of(id: links::Connection) -> usize {
    (id & (CONNECTIONS_MAX as u64 - 1)) as usize
}
