//! A whole subscriber: lines, arbitration, gap recovery, market. Everything happens in [`Subscriber::poll`].
//!
//! A subscriber is never silently wrong: it is live, or recovering, or it says that its stream has ended or that it is stale.

use crate::arbiter::{Arbiter, ArbiterStatistics, Delivery, Line, LineStatistics, Start};
use crate::book::Capacity;
use crate::gap::{GapDetector, GapStatistics, Missing};
use crate::loss::{Loss, LossPlan};
use crate::market::Market;
use crate::receiver::{DATAGRAM_BYTES_MAX, Datagrams, ListenError, Receiver};
use crate::recovery::{Credentials, RecoveryFailure};
use crate::recovery_link::{Connect, RecoveryLink, RecoveryStatistics, TcpConnect};
use crate::retransmission::{Gap, Requester, RetransmissionConfig, RetransmissionStatistics, Step};
use crate::retransmission_link::{RequestLink, UdpRequests};
use crate::snapshot::SnapshotJoin;
use protocol::packet::Packet;
use protocol::text::SessionName;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

/// Datagrams taken from one line before the other has its turn.
const DATAGRAMS_MAX: usize = 64;
/// Messages taken from answers in one poll, about.
const ANSWERED_MAX: usize = 1_024;
/// Heartbeats that may be missed before a subscriber is stale.
const HEARTBEATS_MISSED: u64 = 3;

/// What to subscribe to, and how.
#[derive(Debug, Clone)]
pub struct SubscriberConfig {
    /// Line A.
    pub line_a: SocketAddrV4,
    /// Line B; `None` where it is switched off.
    pub line_b: Option<SocketAddrV4>,
    /// Address of the interface the groups are joined on.
    pub interface: Ipv4Addr,
    /// The gap recovery service; `None`: what both lines lose stays lost and the subscriber becomes stale.
    pub recovery: Option<SocketAddr>,
    /// Where a small gap is asked for over UDP, before gap recovery is.
    pub retransmission: Retransmission,
    /// The snapshot service: who comes late takes the books from there, and the stream from then on. `None`: the stream is
    /// recovered from `start` on.
    pub snapshot: Option<SocketAddr>,
    /// The login of both.
    pub credentials: Credentials,
    /// Where the stream begins. Books are right only from 1 on.
    pub start: Start,
    /// What the books can hold.
    pub capacity: Capacity,
    /// Messages held that came before their turn, about 128 bytes each.
    pub held_max: u32,
    /// How long a hole may wait for the other line before it is a gap, nanoseconds.
    pub patience_ns: u64,
    /// The publisher's heartbeat interval, nanoseconds.
    pub heartbeat_ns: u64,
    /// Loss on purpose.
    pub loss: Option<LossPlan>,
}

impl Default for SubscriberConfig {
    /// The default doors of the exchange, everything from 1 on, patience of 1 ms.
    fn default() -> Self {
        Self {
            line_a: SocketAddrV4::new(Ipv4Addr::new(239, 192, 0, 1), 26_477),
            line_b: Some(SocketAddrV4::new(Ipv4Addr::new(239, 192, 0, 2), 26_477)),
            interface: Ipv4Addr::LOCALHOST,
            recovery: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 26_478))),
            retransmission: Retransmission::LikeRecovery,
            snapshot: None,
            credentials: Credentials::default(),
            start: Start::At(1),
            capacity: Capacity::default(),
            held_max: 1 << 15,
            patience_ns: 1_000_000,
            heartbeat_ns: 1_000_000_000,
            loss: None,
        }
    }
}

/// Where messages are asked for over UDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retransmission {
    /// Nowhere.
    Off,
    /// At the address and port number of gap recovery, as the exchange has both unless it is told otherwise.
    LikeRecovery,
    /// There.
    At(SocketAddr),
}

impl Retransmission {
    fn address(self, recovery: Option<SocketAddr>) -> Option<SocketAddr> {
        match self {
            Self::Off => None,
            Self::LikeRecovery => recovery,
            Self::At(address) => Some(address),
        }
    }
}

/// How far the market can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Whole, and the lines are alive.
    Live,
    /// Joining late or filling a gap.
    Recovering,
    /// Whole up to the announced end of the session, and nothing was heard of the next one. The books are the last of their
    /// session; whether they are still the exchange's nobody can tell: the next session may have begun unheard.
    Ended,
    /// The lines are silent, a gap does not fill, or the books do not fit the capacity.
    Stale,
}

/// Who watches the ordered stream.
pub trait Observer {
    /// A session begins; the market was cleared.
    fn session(&mut self, _session: SessionName) {}
    /// A message was applied to the market.
    fn message(&mut self, _sequence: u64, _message: &[u8], _market: &Market) {}
}

/// Watches nothing.
impl Observer for () {}

/// Counts of a subscriber.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SubscriberStatistics {
    /// Lines A and B.
    pub lines: [LineStatistics; 2],
    /// Datagrams dropped on purpose on A and B.
    pub dropped_on_purpose: [u64; 2],
    /// Datagrams on A and B that are no packets, dropped.
    pub malformed: [u64; 2],
    /// Errors of the lines' sockets.
    pub receive_errors: u64,
    /// The ordered stream.
    pub stream: ArbiterStatistics,
    /// Messages of the snapshot.
    pub snapshot: u64,
    /// Messages replayed to join late.
    pub replayed: u64,
    /// Messages recovered in gaps since: those that both lines had passed.
    pub recovered: u64,
    /// Gaps since the join.
    pub gaps: GapStatistics,
    /// Requests over UDP.
    pub retransmission: RetransmissionStatistics,
    /// The recovery connection.
    pub recovery: RecoveryStatistics,
}

/// A subscriber of one feed: over sockets, or over what a simulation gives it.
#[derive(Debug)]
pub struct Subscriber<L = Receiver, C: Connect = TcpConnect> {
    receivers: [Option<L>; 2],
    buffer: Box<[u8]>,
    arbiter: Arbiter,
    gaps: GapDetector,
    recovery: Option<RecoveryLink<C>>,
    retransmission: Option<Asking>,
    snapshot: Option<SnapshotJoin<C>>,
    loss: Option<Loss>,
    market: Market,
    heartbeat_ns: u64,
    first_poll_ns: Option<u64>,
    polled_ns: u64,
    turn: usize,
    dropped_on_purpose: [u64; 2],
    malformed: [u64; 2],
    receive_errors: u64,
    /// The stream's counts when it was joined.
    joined_at: Option<ArbiterStatistics>,
    sessions: u64,
}

/// Requests over UDP, and what they go by.
#[derive(Debug)]
struct Asking {
    link: Box<dyn RequestLink>,
    requester: Requester,
}

/// Applies the ordered stream to the market and shows it to the observer.
struct Applying<'a, O> {
    market: &'a mut Market,
    observer: &'a mut O,
}

impl<O: Observer> Delivery for Applying<'_, O> {
    fn session(&mut self, session: SessionName) {
        self.market.clear();
        self.observer.session(session);
    }

    fn message(&mut self, sequence: u64, message: &[u8]) {
        // A malformed message is counted by the market and has no effect; it has its place in the stream all the same.
        let _counted = self.market.apply(message);
        self.observer.message(sequence, message, self.market);
    }
}

/// Before a snapshot is whole the lines are heard, and what they bring is held.
struct Waiting;

impl Delivery for Waiting {
    fn session(&mut self, _session: SessionName) {}
    fn message(&mut self, _sequence: u64, _message: &[u8]) {}
}

/// As [`Applying`], and the market has the snapshot: it is not cleared when the session begins.
struct Joining<'a, O>(Applying<'a, O>);

impl<O: Observer> Delivery for Joining<'_, O> {
    fn session(&mut self, session: SessionName) {
        self.0.observer.session(session);
    }

    fn message(&mut self, sequence: u64, message: &[u8]) {
        self.0.message(sequence, message);
    }
}

impl Subscriber {
    /// Joins the lines. Nothing is received before the first poll.
    pub fn new(config: &SubscriberConfig) -> Result<Self, ListenError> {
        Self::reach(config, TcpConnect)
    }
}

#[cfg(feature = "tls")]
impl Subscriber<Receiver, crate::secure::DoorConnect> {
    /// As [`Subscriber::new`]; with `trust`, recovery and snapshots come over TLS.
    pub fn through(config: &SubscriberConfig, trust: Option<&tls::Trust>) -> Result<Self, ListenError> {
        Self::reach(config, |address| {
            crate::secure::DoorConnect::new(address, trust.cloned())
        })
    }
}

impl<C: Connect> Subscriber<Receiver, C> {
    /// Joins the lines, and reaches TCP services by `connect`.
    fn reach(config: &SubscriberConfig, connect: impl Fn(SocketAddr) -> C) -> Result<Self, ListenError> {
        let line_a = Receiver::join(config.line_a, config.interface)?;
        let line_b = config
            .line_b
            .map(|line_b| Receiver::join(line_b, config.interface))
            .transpose()?;
        let lines = [Some(line_a), line_b];
        let mut subscriber = Self::over(config, lines, config.recovery.map(&connect));
        if let Some(address) = config.retransmission.address(config.recovery) {
            subscriber = subscriber.ask_over(UdpRequests::new(address), RetransmissionConfig::default());
        }
        Ok(match config.snapshot {
            Some(address) => subscriber.join_by(connect(address), config.credentials.clone()),
            None => subscriber,
        })
    }

    /// Where the lines are listened to.
    pub fn receivers(&self) -> impl Iterator<Item = &Receiver> {
        self.receivers.iter().flatten()
    }
}

impl<L: Datagrams, C: Connect> Subscriber<L, C> {
    /// Over lines and a recovery service that are there already; the addresses of `config` say nothing here.
    pub fn over(config: &SubscriberConfig, receivers: [Option<L>; 2], recovery: Option<C>) -> Self {
        Self {
            receivers,
            buffer: vec![0; DATAGRAM_BYTES_MAX].into_boxed_slice(),
            arbiter: Arbiter::new(config.start, config.held_max),
            gaps: GapDetector::new(config.patience_ns),
            recovery: recovery.map(|connect| RecoveryLink::over(connect, config.credentials.clone())),
            retransmission: None,
            snapshot: None,
            loss: config.loss.map(Loss::new),
            market: Market::new(config.capacity),
            heartbeat_ns: config.heartbeat_ns,
            first_poll_ns: None,
            polled_ns: 0,
            turn: 0,
            dropped_on_purpose: [0; 2],
            malformed: [0; 2],
            receive_errors: 0,
            joined_at: None,
            sessions: 0,
        }
    }

    /// Before the first poll: takes the books from the snapshot service behind `connect`, and the stream from then on,
    /// wherever the configuration's begins.
    #[must_use]
    pub fn join_by(mut self, connect: C, credentials: Credentials) -> Self {
        self.arbiter.wait();
        self.snapshot = Some(SnapshotJoin::new(connect, credentials));
        self
    }

    /// From now on small gaps are asked for over `link` first.
    #[must_use]
    pub fn ask_over(mut self, link: impl RequestLink + 'static, config: RetransmissionConfig) -> Self {
        self.retransmission = Some(Asking {
            link: Box::new(link),
            requester: Requester::new(config),
        });
        self
    }

    /// Receives, recovers, applies; never waits. `now_ns` is any clock that does not go back. Answers the number of
    /// datagrams and recovered messages taken: 0 means that there is nothing to do for now.
    pub fn poll(&mut self, now_ns: u64) -> usize {
        self.poll_with(now_ns, &mut ())
    }

    /// As [`Subscriber::poll`], and shows each message to `observer` after it was applied.
    pub fn poll_with(&mut self, now_ns: u64, observer: &mut impl Observer) -> usize {
        self.first_poll_ns.get_or_insert(now_ns);
        self.polled_ns = now_ns;
        // Each line is first in turn, so that neither seems to lead by the order of asking.
        self.turn ^= 1;
        let mut work = self.receive(Line::ALL[self.turn], now_ns, observer);
        work += self.receive(Line::ALL[self.turn ^ 1], now_ns, observer);
        if self.arbiter.waits() {
            work + self.take_snapshot(now_ns, observer)
        } else {
            work + self.recover(now_ns, observer)
        }
    }

    /// How far the market can be trusted, as of the last poll.
    pub fn state(&self) -> State {
        let limit_ns = HEARTBEATS_MISSED * self.heartbeat_ns;
        let long_ago = |since_ns: u64| self.polled_ns.saturating_sub(since_ns) >= limit_ns;
        let silent = self
            .arbiter
            .last_current_ns()
            .or(self.first_poll_ns)
            .is_some_and(long_ago);
        let stuck = self.gaps.stuck_since_ns().is_some_and(long_ago);
        if silent || stuck || self.market.overflow().is_some() {
            State::Stale
        } else if !self.gaps.has_joined() || self.gaps.is_open() {
            State::Recovering
        } else if self.is_complete() && !crate::planted::takes_ends_for_life() {
            // The end is told for some time beside the next stream: it is no sign that this one is the current one.
            State::Ended
        } else {
            State::Live
        }
    }

    /// The market, as of the last message in order.
    pub fn market(&self) -> &Market {
        &self.market
    }

    /// The market alone, when the subscription is over.
    pub fn into_market(self) -> Market {
        self.market
    }

    /// The session being followed.
    pub fn session(&self) -> Option<SessionName> {
        self.arbiter.session()
    }

    /// The number of the next message; the market reflects all before it. `None` before the first packet of a
    /// subscription from now.
    pub fn next_sequence(&self) -> Option<u64> {
        self.arbiter.next()
    }

    /// Messages known to exist and not applied yet.
    pub fn behind(&self) -> u64 {
        self.arbiter
            .missing()
            .map_or(0, |missing| missing.end - missing.start)
    }

    /// One past the highest message known to exist.
    pub fn known_sequence(&self) -> u64 {
        self.arbiter.known()
    }

    /// True once the stream was whole up to what the lines had announced.
    pub fn has_joined(&self) -> bool {
        self.gaps.has_joined()
    }

    /// True once a line brought a packet.
    pub fn has_heard(&self) -> bool {
        Line::ALL.iter().any(|line| self.arbiter.line(*line).packets > 0)
    }

    /// True when the session was announced to have ended and is whole.
    pub fn is_complete(&self) -> bool {
        self.arbiter.is_complete()
    }

    /// True until the snapshot that it joins by is whole.
    pub fn waits_for_snapshot(&self) -> bool {
        self.arbiter.waits()
    }

    /// Why recovery does not work, or the snapshot, while it does not.
    pub fn recovery_failure(&self) -> Option<RecoveryFailure> {
        if self.arbiter.waits() {
            return self.snapshot.as_ref().and_then(SnapshotJoin::failure);
        }
        self.recovery.as_ref().and_then(RecoveryLink::failure)
    }

    /// Counts so far.
    pub fn statistics(&self) -> SubscriberStatistics {
        let stream = self.arbiter.statistics();
        let join = self.joined_at.unwrap_or(stream);
        SubscriberStatistics {
            lines: Line::ALL.map(|line| *self.arbiter.line(line)),
            dropped_on_purpose: self.dropped_on_purpose,
            malformed: self.malformed,
            receive_errors: self.receive_errors,
            stream,
            snapshot: self.snapshot.as_ref().map_or(0, SnapshotJoin::messages),
            replayed: join.recovered + join.ahead,
            recovered: stream.recovered - join.recovered,
            gaps: *self.gaps.statistics(),
            retransmission: self
                .retransmission
                .as_ref()
                .map(|asking| *asking.requester.statistics())
                .unwrap_or_default(),
            recovery: self
                .recovery
                .as_ref()
                .map(|link| *link.statistics())
                .unwrap_or_default(),
        }
    }

    fn receive(&mut self, line: Line, now_ns: u64, observer: &mut impl Observer) -> usize {
        let index = line as usize;
        let Some(receiver) = &mut self.receivers[index] else {
            return 0;
        };
        let mut applying = Applying {
            market: &mut self.market,
            observer,
        };
        for taken in 0..DATAGRAMS_MAX {
            let datagram = match receiver.receive(&mut self.buffer) {
                Ok(Some(datagram)) => datagram,
                Ok(None) => return taken,
                Err(_) => {
                    // Counted; a line that stays broken is silent, which shows.
                    self.receive_errors += 1;
                    return taken;
                }
            };
            let Ok(packet) = Packet::parse(datagram) else {
                self.malformed[index] += 1;
                continue;
            };
            if let Some(loss) = &mut self.loss
                && loss.drops(index)
            {
                self.dropped_on_purpose[index] += 1;
                loss.remember(packet.sequence(), packet.next_sequence());
                continue;
            }
            if self.arbiter.waits() {
                self.arbiter.packet(line, &packet, now_ns, &mut Waiting);
            } else {
                self.arbiter.packet(line, &packet, now_ns, &mut applying);
            }
        }
        DATAGRAMS_MAX
    }

    /// Takes the snapshot; when it is whole, the stream goes on behind it.
    fn take_snapshot(&mut self, now_ns: u64, observer: &mut impl Observer) -> usize {
        let Some(snapshot) = &mut self.snapshot else {
            return 0;
        };
        let (taken, joined) = snapshot.poll(now_ns, &mut self.market);
        let Some(joined) = joined else { return taken };
        let mut joining = Joining(Applying {
            market: &mut self.market,
            observer,
        });
        // Where the lines have gone on to the next day the next poll takes another one.
        self.arbiter
            .go_on(joined.session, joined.next_sequence, now_ns, &mut joining);
        taken
    }

    fn recover(&mut self, now_ns: u64, observer: &mut impl Observer) -> usize {
        let statistics = self.arbiter.statistics();
        if statistics.sessions != self.sessions {
            self.sessions = statistics.sessions;
            self.gaps.forget();
            if let Some(loss) = &mut self.loss {
                loss.forget();
            }
        }
        let missing = Missing {
            range: self.arbiter.missing(),
            recovered: statistics.recovered,
        };
        let heard = self.arbiter.last_current_ns().is_some();
        if heard && missing.range.is_none() && !self.gaps.has_joined() {
            self.joined_at = Some(statistics);
            self.gaps.joined();
        }
        let loss = &self.loss;
        let caused = |sequence| loss.as_ref().is_some_and(|loss| loss.caused(sequence));
        let mut asked = self.gaps.watch(&missing, now_ns, caused).map(|ask| ask.from);
        let (taken, is_left) = self.ask_again(asked.is_some(), now_ns, observer);
        if !is_left {
            asked = None;
        }
        taken + self.replay(asked, heard, now_ns, observer)
    }

    /// While there is a gap, asks for it over UDP and takes the answers. The number of messages taken, and whether the gap is
    /// left to gap recovery.
    fn ask_again(&mut self, is_gap: bool, now_ns: u64, observer: &mut impl Observer) -> (usize, bool) {
        let Some(Asking { link, requester }) = &mut self.retransmission else {
            return (0, true);
        };
        // What is missing at first is a replay. A connection that stands brings whatever is missing.
        let is_replayed = self.recovery.as_ref().is_some_and(RecoveryLink::is_up);
        if !is_gap || !self.gaps.has_joined() || is_replayed {
            requester.done();
            return (0, true);
        }
        let Some(session) = self.arbiter.session() else {
            return (0, true);
        };
        let mut taken = 0;
        let mut applying = Applying {
            market: &mut self.market,
            observer,
        };
        while requester.is_asking() && taken < ANSWERED_MAX {
            let datagram = match link.receive(&mut self.buffer) {
                Ok(Some(datagram)) => datagram,
                Ok(None) => break,
                Err(_) => {
                    requester.failed(now_ns);
                    break;
                }
            };
            let Some(packet) = Packet::parse(datagram)
                .ok()
                .filter(|packet| packet.session() == session)
            else {
                requester.foreign();
                continue;
            };
            requester.answered(packet.count().into());
            taken += usize::from(packet.count());
            for (sequence, message) in packet.numbered() {
                self.arbiter
                    .recovered(session, sequence, message, now_ns, &mut applying);
            }
        }
        let missing = self.arbiter.missing_count();
        if missing == 0 {
            requester.done();
            return (taken, false);
        }
        let gap = Gap {
            session,
            hole: self.arbiter.hole(u16::MAX.into()),
            missing,
            can_leave: self.recovery.is_some(),
        };
        match requester.step(&gap, now_ns) {
            Step::Leave => return (taken, true),
            Step::Wait => {}
            Step::Ask(request) => {
                if link.send(&request.to_bytes()).is_err() {
                    requester.failed(now_ns);
                }
            }
        }
        (taken, false)
    }

    /// Has what is missing from `asked` on replayed by gap recovery, and takes what comes.
    fn replay(
        &mut self,
        asked: Option<u64>,
        heard: bool,
        now_ns: u64,
        observer: &mut impl Observer,
    ) -> usize {
        let Some(link) = &mut self.recovery else { return 0 };
        // Before the lines are heard nobody knows whether something is missing: the replay begins meanwhile.
        let from = if heard {
            asked
        } else {
            asked.or(self.arbiter.next())
        };
        match from {
            // That stream has no more: the current one is the next day's.
            Some(from) if link.has_ended_at(self.arbiter.session(), from) => link.ask(None, 1, now_ns),
            Some(from) => link.ask(self.arbiter.session(), from, now_ns),
            None => link.release(now_ns),
        }
        let mut applying = Applying {
            market: &mut self.market,
            observer,
        };
        let arbiter = &mut self.arbiter;
        link.poll(now_ns, |session, sequence, message| {
            arbiter.recovered(session, sequence, message, now_ns, &mut applying);
        })
    }
}
