//! Recovery: what was released, kept for those who missed it, and what the exchange knows, told to those who ask.
//!
//! ```text
//!  output --window--> store ----------------> SoupBinTCP: order entry, gap recovery; over UDP: re-requests, retransmission
//!  journal --durable commands--> replica ---> answers to questions
//!                         |         \--> store, when the window has overtaken its reader
//!                         \---> keeper: snapshots, on a thread of its own
//!                         \---> GLIMPSE: images of the displayed books, for who comes late
//!  journal, snapshots --> archive, on a thread of its own --> SoupBinTCP: what the store does not have any more
//! ```
//!
//! Lives here: the TCP doors, the store, the replica. Must not be here: anything the engine waits for. The engine is
//! told over a ring, and tells over a ring; when the former is full, connections are not read until there is room.
//!
//! **As of.** The replica applies a command only when the store has everything that commands up to it caused. So an
//! answer never speaks of what the session's stream does not hold; and it carries the session's sequence number as of
//! exactly the command it was read at, because the replica counts along: it encodes what it applies.
//! **Mending.** When the window overtakes its reader, the reader says from which command on it goes on. The replica is
//! not past what the store has, so it applies the missing commands and puts their messages into the store itself.
//! **Lent.** While the keeper copies the replica into a snapshot, everything goes on that does not need it. Questions wait
//! and commands gather in their ring, for as long as copying takes; what the ring has no room for is read from the journal
//! then.

mod addresses;
mod answers;
pub mod archive;
mod connection;
pub mod credentials;
mod days;
pub mod door;
pub mod drop_copy;
pub mod durable;
mod feeder;
mod follower;
mod gap_service;
mod glimpse;
pub mod history;
mod order_entry;
pub mod re_request;
pub mod replica;
pub mod retransmission;
mod service;
mod start;
pub mod store;
#[cfg(test)]
mod tests;
mod visitor;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crossbeam_utils::CachePadded;
use protocol::authentication::MacSecret;
use protocol::text;
use rtrb::{Consumer, Producer};

use crate::admin::Desk;
use crate::exchange::{DAYS_MAX, Exchange, Limits};
use crate::output::window::{self, Lapped, Record};
use crate::output::{MessageSink, Numbers, market_data_name, order_entry_name};
use crate::runtime::clock::{Clock, since};
use crate::runtime::counters::{Counters, Named};
use crate::runtime::histogram::Histogram;
use crate::runtime::links::{EngineNote, Inbound, Rouse};
use crate::runtime::seams::{DatagramSink, DatagramSource, Listener};
use crate::runtime::shared::Follow;
use crate::runtime::{Hurry, Stage, Waker, Watch};
use crate::snapshot::Keeper;
use archive::Archive;
use credentials::{Credentials, MarketDataLogins};
use days::DAY_BEFORE_NS;
use door::{Door, DoorConfig, DoorCounters};
use durable::Durable;
use gap_service::GapService;
use glimpse::Glimpse;
use order_entry::OrderEntry;
use re_request::{ReRequestConfig, ReRequestCounters, ReRequests};
use replica::Replica;
use retransmission::{RequestDoor, Retransmission, RetransmissionConfig, RetransmissionCounters};
use service::{Close, View};
use store::{FEED_STREAM, Store, StoreCounters};

pub use glimpse::{IMAGES_MAX, PACKET_BYTES_MAX};
pub use start::{Catching, Start};

const _: () = assert!(FEED_STREAM == window::FEED_STREAM);
const _: () = assert!(window::MESSAGE_BYTES_MAX <= store::STORED_BYTES_MAX);

/// Records and steps that another thread takes when it helps out: some microseconds.
const FOLLOWED_RECORDS: usize = 16;
const FOLLOWED_STEPS: usize = 4;
/// Records and steps that have come during a rest and are no longer few: some tens of microseconds' work.
const MUCH_FOUND: usize = 512;

/// Turns that an orderly end gives the doors to say what they have.
const CLOSING_TURNS_MAX: usize = 10_000;

/// What the recovery stage must know. Everything it sizes is allocated at start.
#[derive(Debug, Clone)]
pub struct RecoveryConfig {
    /// Capacities of the exchange, as the engine has them.
    pub limits: Limits,
    /// Secret of the replica's index, from the operating system's random source: see [`crate::exchange::Exchange`].
    pub hash_seed: u64,
    /// Bytes of the store of released messages. Older ones are made again by the archive, if there
    /// is a journal.
    pub store_bytes: usize,
    /// Finished orders, and as many replaced numbers, that are remembered for each account.
    pub finished_orders: usize,
    /// Logins of order-entry sessions.
    pub credentials: Credentials,
    /// What the datagrams of sessions are authenticated with; for those that are not named the token is enough.
    pub mac_secrets: BTreeMap<u32, MacSecret>,
    /// Logins of the gap-recovery service.
    pub market_data_logins: MarketDataLogins,
    /// The exchange's port for orders over UDP, told to who binds.
    pub udp_port: u16,
    /// Questions of one connection that may wait at once; then it is not read on.
    pub questions_max: usize,
    /// Limits of the order-entry door.
    pub order_entry: DoorConfig,
    /// Limits of the gap-recovery door.
    pub gap_recovery: DoorConfig,
    /// Limits on acknowledgements sent again over UDP.
    pub re_requests: ReRequestConfig,
    /// Window records taken in one turn.
    pub records_per_poll: usize,
    /// Steps of commands applied in one turn.
    pub steps_per_poll: usize,
    /// Nanoseconds between two snapshots.
    pub snapshot_interval_ns: u64,
    /// Commands that a snapshot must bring.
    pub snapshot_commands: u64,
}

impl RecoveryConfig {
    /// The usual limits, for an exchange of these capacities that nobody can log in to.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            hash_seed: 0,
            store_bytes: 256 * 1_024 * 1_024,
            finished_orders: 1_024,
            credentials: Credentials::default(),
            mac_secrets: BTreeMap::new(),
            market_data_logins: MarketDataLogins::Open,
            udp_port: 26_400,
            questions_max: 64,
            order_entry: DoorConfig::default(),
            gap_recovery: DoorConfig::default(),
            re_requests: ReRequestConfig::default(),
            records_per_poll: 4_096,
            steps_per_poll: 512,
            snapshot_interval_ns: 30_000_000_000,
            snapshot_commands: 1,
        }
    }
}

/// What connects the recovery stage with the others.
#[derive(Debug)]
pub struct RecoveryLinks {
    /// Released messages, from output.
    pub window: window::Reader,
    /// Durable commands, from the journal, without holes from the first one that start-up did not replay.
    pub commands: Durable,
    /// From the engine.
    pub notes: Consumer<EngineNote>,
    /// By which the engine ends this stage's rest.
    pub rouse: Rouse,
    /// To the engine.
    pub inbound: Producer<Inbound>,
}

crate::counters! {
    /// What the recovery stage counts.
    pub struct RecoveryCounters: "recovery" {
        turns: "Turns of the stage.",
        idle_turns: "Turns in which there was nothing to do.",
        images: "Images of the books made for late subscribers.",
        stored: "Messages and marks taken from the output's window.",
        steps: "Steps of commands that the replica applied.",
        applied: "The last command that the replica has applied.",
        window_full_turns: "Turns that took as much from the window as one may: more was waiting.",
        lapped: "Times the output's window overtook its reader.",
        read_from_disk: "Commands that the replica read from the journal, because its ring was full.",
    }
}

/// The groups of the recovery stage.
#[derive(Debug, Clone)]
pub struct RecoveryGroups {
    /// The stage.
    pub stage: Arc<CachePadded<RecoveryCounters>>,
    /// The order-entry door.
    pub order_entry: Arc<CachePadded<DoorCounters>>,
    /// The gap-recovery door.
    pub gap_recovery: Arc<CachePadded<DoorCounters>>,
    /// The snapshot door, where there is one.
    pub glimpse: Option<Arc<CachePadded<DoorCounters>>>,
    /// Acknowledgements sent again.
    pub re_requests: Arc<CachePadded<ReRequestCounters>>,
    /// Messages of the feed sent again over UDP, where that door is open.
    pub retransmission: Option<Arc<CachePadded<RetransmissionCounters>>>,
    /// The store.
    pub store: Arc<CachePadded<StoreCounters>>,
}

impl RecoveryGroups {
    /// All of them, under their names.
    pub fn all(&self) -> Vec<Arc<dyn Counters>> {
        let mut all: Vec<Arc<dyn Counters>> = vec![
            Arc::clone(&self.stage) as Arc<dyn Counters>,
            Named::new("order_entry", &self.order_entry),
            Named::new("gap_recovery", &self.gap_recovery),
        ];
        if let Some(door) = &self.glimpse {
            all.push(Named::new("glimpse", door));
        }
        all.push(Arc::clone(&self.re_requests) as Arc<dyn Counters>);
        if let Some(retransmission) = &self.retransmission {
            all.push(Arc::clone(retransmission) as Arc<dyn Counters>);
        }
        all.push(Arc::clone(&self.store) as Arc<dyn Counters>);
        all
    }
}

/// The recovery stage: `O` is the order-entry door's listener, `G` the gap-recovery door's, `A` sends acknowledgements.
pub struct RecoveryStage<O: Listener, G: Listener, A> {
    clock: Clock,
    window: window::Reader,
    /// A record's bytes.
    buffer: [u8; window::MESSAGE_BYTES_MAX],
    notes: Consumer<EngineNote>,
    rouse: Rouse,
    commands: Durable,
    store: Store,
    /// `None` while it is lent to the keeper.
    replica: Option<Box<Replica>>,
    snapshots: Snapshooting,
    /// Makes again what the store does not have any more; `None` when there is no journal.
    archive: Option<Archive>,
    order_entry: Door<O, OrderEntry>,
    gap_recovery: Door<G, GapService>,
    /// GLIMPSE; `None` where the door is not open.
    glimpse: Option<Door<G, Glimpse>>,
    re_requests: ReRequests<A>,
    /// Messages of the feed again, over UDP; `None` where that door is not open.
    retransmission: Option<Box<dyn RequestDoor>>,
    /// The window goes on behind this command; until the replica is there, it fills the store.
    mending: Option<u64>,
    /// Serves operators; `None`: there are none.
    desk: Option<Desk>,
    /// When the day began, as long as the one before is kept.
    rolled_ns: Option<u64>,
    counters: Arc<CachePadded<RecoveryCounters>>,
    /// How far the replica was behind.
    behind: Arc<CachePadded<Histogram>>,
    records_per_poll: usize,
    steps_per_poll: usize,
    /// Records and steps since the last turn without any.
    found: usize,
    /// As many as were found between the two last turns without any.
    found_last: usize,
}

/// When the next snapshot is taken, and by whom.
struct Snapshooting {
    /// `None`: none are taken.
    keeper: Option<Keeper>,
    interval_ns: u64,
    commands_min: u64,
    /// Not before this time; `None` before the first turn.
    due_ns: Option<u64>,
    /// The last command that the newest one knows.
    newest: u64,
}

impl<O: Listener, G: Listener, A> fmt::Debug for RecoveryStage<O, G, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecoveryStage")
            .field("applied", &self.replica.as_ref().map(|replica| replica.applied()))
            .field("released", &self.store.released())
            .field("mending", &self.mending)
            .finish_non_exhaustive()
    }
}

/// The messages are in the store already.
struct Known;

impl MessageSink for Known {
    const WANTS_MESSAGES: bool = false;

    fn feed(&mut self, _sequence: u64, _message: &[u8]) {}
    fn session(&mut self, _session: u32, _sequence: u64, _message: &[u8]) {}
}

impl MessageSink for Store {
    fn feed(&mut self, sequence: u64, message: &[u8]) {
        self.push(FEED_STREAM, sequence, message);
    }

    fn session(&mut self, session: u32, sequence: u64, message: &[u8]) {
        self.push(session, sequence, message);
    }

    fn new_day(&mut self, day: u32, _ended: &Numbers) {
        self.begin_day(day);
    }
}

/// The store while the replica fills it. The replica may begin in a day whose end is stored already.
struct Mending<'a> {
    store: &'a mut Store,
    /// The day of the next message.
    day: u32,
}

impl MessageSink for Mending<'_> {
    fn feed(&mut self, sequence: u64, message: &[u8]) {
        if self.day == self.store.day() {
            self.store.feed(sequence, message);
        }
    }

    fn session(&mut self, session: u32, sequence: u64, message: &[u8]) {
        if self.day == self.store.day() {
            self.store.session(session, sequence, message);
        }
    }

    fn new_day(&mut self, day: u32, ended: &Numbers) {
        self.day = day;
        if day > self.store.day() {
            self.store.new_day(day, ended);
        }
    }
}

impl<O: Listener, G: Listener, A: DatagramSink> RecoveryStage<O, G, A> {
    /// An empty stage. Everything it sizes is allocated now.
    ///
    /// # Panics
    /// When a limit of `config` makes no sense; the configuration is checked before.
    pub fn new(
        config: RecoveryConfig,
        links: RecoveryLinks,
        clock: Clock,
        order_entry: O,
        gap_recovery: G,
        acknowledgements: A,
    ) -> Self {
        let start = Start::empty(&config);
        Self::resume(
            config,
            links,
            start,
            clock,
            order_entry,
            gap_recovery,
            acknowledgements,
        )
    }

    /// A stage that goes on where `start` stands, which was made for the same `config`.
    ///
    /// # Panics
    /// As [`RecoveryStage::new`].
    pub fn resume(
        config: RecoveryConfig,
        links: RecoveryLinks,
        start: Start,
        clock: Clock,
        order_entry: O,
        gap_recovery: G,
        acknowledgements: A,
    ) -> Self {
        assert!(config.questions_max >= 1, "questions_max");
        assert!(
            config.records_per_poll >= 1 && config.steps_per_poll >= 1,
            "work per poll"
        );
        let sessions = config.limits.sessions;
        let last_session = sessions.saturating_sub(1);
        assert!(
            text::order_entry_session(last_session, DAYS_MAX).is_some(),
            "sessions"
        );
        let service = OrderEntry::new(
            config.credentials,
            config.mac_secrets,
            sessions,
            config.udp_port,
            config.questions_max,
            links.inbound,
        );
        let gap_service = GapService::new(config.market_data_logins, config.gap_recovery.connections_max);
        let counters = RecoveryCounters::shared();
        counters.applied.set(start.replica.applied());
        Self {
            clock,
            window: links.window,
            buffer: [0; window::MESSAGE_BYTES_MAX],
            notes: links.notes,
            rouse: links.rouse,
            commands: links.commands,
            store: start.store,
            replica: Some(start.replica),
            snapshots: Snapshooting {
                keeper: None,
                interval_ns: config.snapshot_interval_ns,
                commands_min: config.snapshot_commands,
                due_ns: None,
                newest: start.newest_snapshot,
            },
            archive: None,
            order_entry: Door::new(order_entry, service, config.order_entry),
            gap_recovery: Door::new(gap_recovery, gap_service, config.gap_recovery),
            glimpse: None,
            re_requests: ReRequests::new(acknowledgements, sessions, config.re_requests),
            retransmission: None,
            mending: None,
            desk: None,
            rolled_ns: start.rolled_ns,
            counters,
            behind: Histogram::shared(
                "replica",
                "From numbering a command to its effect in the replica, which answers questions. The last command of each turn.",
            ),
            records_per_poll: config.records_per_poll,
            steps_per_poll: config.steps_per_poll,
            found: 0,
            found_last: 0,
        }
    }

    /// From now on snapshots are taken, by `keeper`.
    pub fn keep_snapshots(&mut self, keeper: Keeper) {
        self.snapshots.keeper = Some(keeper);
    }

    /// From now on snapshots of the books are given to subscribers, at the door behind `listener`.
    ///
    /// # Panics
    /// When a limit of `config` makes no sense.
    pub fn open_glimpse(&mut self, listener: G, logins: MarketDataLogins, config: DoorConfig) {
        self.glimpse = Some(Door::new(listener, Glimpse::new(logins), config));
    }

    /// From now on messages of the feed are sent again over UDP: requests come by `requests`, answers go by `answers`.
    ///
    /// # Panics
    /// When a limit of `config` makes no sense.
    pub fn open_retransmission(
        &mut self,
        requests: impl DatagramSource + Send + 'static,
        answers: impl DatagramSink + Send + 'static,
        config: &RetransmissionConfig,
    ) {
        self.retransmission = Some(Box::new(Retransmission::new(requests, answers, config)));
    }

    /// By which others end its rest.
    pub fn rouse(&self) -> &Rouse {
        &self.rouse
    }

    /// From now on operators are served at `desk`.
    pub fn keep_desk(&mut self, desk: Desk) {
        self.desk = Some(desk);
    }

    /// From now on old messages are made again, by `archive`.
    pub fn keep_archive(&mut self, archive: Archive) {
        self.order_entry.service.set_archive(archive.asker());
        self.gap_recovery.service.set_archive(archive.asker());
        self.archive = Some(archive);
    }

    /// What the exchange knows, as of the last command applied; `None` while a snapshot is taken of it.
    pub fn replica(&self) -> Option<&Replica> {
        self.replica.as_deref()
    }

    /// The replica's exchange, when the stage has ended.
    pub fn into_exchange(mut self) -> Exchange {
        self.wait_for_replica();
        let replica = self.replica.take();
        replica.expect("it was waited for").into_exchange()
    }

    /// The orderly end's snapshot, if the replica has applied all commands up to `last`. Behind it there is nothing: even
    /// other matching code may begin with it.
    pub fn take_last_snapshot(&mut self, last: u64) {
        self.wait_for_replica();
        let is_last = |replica: &Replica| replica.applied() == last && replica.is_between_commands();
        if let Some(keeper) = &mut self.snapshots.keeper
            && let Some(replica) = self.replica.take_if(|replica| is_last(replica))
        {
            keeper.lend(replica, true);
            self.wait_for_replica();
        }
    }

    /// The keeper gives it back as soon as it is copied.
    fn wait_for_replica(&mut self) {
        while self.take_back() == 0 && self.replica.is_none() {
            std::thread::yield_now();
        }
    }

    /// Takes the replica back when it was copied.
    fn take_back(&mut self) -> usize {
        if self.replica.is_some() {
            return 0;
        }
        let keeper = self.snapshots.keeper.as_mut();
        self.replica = keeper.and_then(Keeper::give_back);
        usize::from(self.replica.is_some())
    }

    /// Lends the replica to the keeper when a snapshot is due.
    fn lend(&mut self, now_ns: u64) -> usize {
        let Self {
            replica,
            snapshots,
            desk,
            ..
        } = self;
        let is_asked = desk.as_ref().is_some_and(Desk::wants_snapshot);
        let Some(keeper) = &mut snapshots.keeper else {
            return 0;
        };
        let due_ns = *snapshots.due_ns.get_or_insert(now_ns + snapshots.interval_ns);
        let is_imaged = self.glimpse.as_ref().is_some_and(|door| door.service.is_making());
        if (now_ns < due_ns && !is_asked) || !keeper.is_idle() || is_imaged {
            return 0;
        }
        let wanted = snapshots.newest + if is_asked { 1 } else { snapshots.commands_min };
        let lent = replica.take_if(|replica| replica.is_between_commands() && replica.applied() >= wanted);
        let Some(replica) = lent else {
            return 0;
        };
        snapshots.due_ns = Some(now_ns + snapshots.interval_ns);
        snapshots.newest = replica.applied();
        keeper.lend(replica, false);
        if let Some(desk) = desk {
            desk.takes_snapshot();
        }
        1
    }

    /// Serves operators; returns the work done.
    fn attend(&mut self) -> usize {
        let Some(desk) = &mut self.desk else {
            return 0;
        };
        let snapshots = &self.snapshots;
        let newest = snapshots.keeper.is_some().then_some(snapshots.newest);
        let (service, opens) = self.order_entry.parts();
        let store = &self.store;
        let readings = || {
            let readings = opens.clone().filter_map(|(peer, open)| open.reading(peer, store));
            readings.collect()
        };
        let operate = |command| service.operate(command);
        desk.poll(self.replica.as_deref(), newest, operate, readings)
    }

    /// The released messages.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What it counts.
    pub fn counters(&self) -> RecoveryGroups {
        RecoveryGroups {
            stage: Arc::clone(&self.counters),
            order_entry: Arc::clone(self.order_entry.counters()),
            gap_recovery: Arc::clone(self.gap_recovery.counters()),
            glimpse: self.glimpse.as_ref().map(|door| Arc::clone(door.counters())),
            re_requests: Arc::clone(self.re_requests.counters()),
            retransmission: self
                .retransmission
                .as_ref()
                .map(|door| Arc::clone(door.counters())),
            store: Arc::clone(self.store.counters()),
        }
    }

    /// How far the replica was behind.
    pub fn behind(&self) -> &Arc<CachePadded<Histogram>> {
        &self.behind
    }

    /// The orderly end, after the other stages have ended: says what is left to say as far as clients take it, and
    /// closes every connection.
    pub fn close(&mut self) {
        for _ in 0..CLOSING_TURNS_MAX {
            let is_flushed = self.order_entry.is_flushed() && self.gap_recovery.is_flushed();
            if self.poll() == 0 && is_flushed && self.glimpse.as_ref().is_none_or(Door::is_flushed) {
                break;
            }
        }
        let now_ns = self.clock.now_ns();
        self.order_entry.close(now_ns);
        self.gap_recovery.close(now_ns);
        if let Some(door) = &mut self.glimpse {
            door.close(now_ns);
        }
    }

    /// A day begins, unless it has: a reader that was lapped in the middle of the roll has put it into the store.
    fn begin_day(&mut self, day: u32) {
        if day > self.store.day() {
            self.store.begin_day(day);
            self.rolled_ns = Some(self.clock.now_ns());
        }
    }

    /// True where more comes than its thread, or another one, may do in passing.
    fn has_much(&self) -> bool {
        self.found_last >= MUCH_FOUND
    }

    /// The day before is kept for some minutes.
    fn forget(&mut self, now_ns: u64) {
        if self
            .rolled_ns
            .is_some_and(|rolled_ns| now_ns.saturating_sub(rolled_ns) >= DAY_BEFORE_NS)
        {
            self.rolled_ns = None;
            self.store.forget_day_before();
        }
    }

    fn count_turn(&mut self, now_ns: u64, work: usize, stored: usize, steps: usize) {
        let counters = &self.counters;
        counters.turns.increment();
        if work == 0 {
            counters.idle_turns.increment();
            self.found_last = std::mem::take(&mut self.found);
            return;
        }
        self.found += stored + steps;
        counters
            .window_full_turns
            .add(u64::from(stored == self.records_per_poll));
        counters.read_from_disk.set(self.commands.read_from_disk());
        self.count_followed(now_ns, stored, steps);
    }

    fn count_followed(&self, now_ns: u64, stored: usize, steps: usize) {
        let counters = &self.counters;
        counters.stored.add(stored as u64);
        counters.steps.add(steps as u64);
        if steps > 0
            && let Some(replica) = &self.replica
        {
            counters.applied.set(replica.applied());
            self.behind.record(since(replica.exchange().now(), now_ns));
        }
    }

    /// Takes what was released into the store, so many records at most; returns how many.
    fn drain_window(&mut self, records: usize) -> usize {
        for taken in 0..records {
            if self.mending.is_some() {
                return taken;
            }
            match self.window.next(&mut self.buffer) {
                Ok(Some(Record::Message {
                    stream,
                    sequence,
                    length,
                })) => self.store.push(stream, sequence, &self.buffer[..length]),
                Ok(Some(Record::Released(command_sequence))) => self.store.set_released(command_sequence),
                Ok(Some(Record::Day(day))) => self.begin_day(day),
                Ok(None) => return taken,
                Err(Lapped { released }) => {
                    self.counters.lapped.increment();
                    self.mending = Some(released);
                }
            }
        }
        records
    }

    /// Applies durable commands, so many steps at most; returns how many.
    fn apply(&mut self, steps: usize) -> usize {
        let Some(replica) = &mut self.replica else {
            return 0;
        };
        // An image is as of one command.
        if self.glimpse.as_ref().is_some_and(|door| door.service.is_making()) {
            return 0;
        }
        let Some(missing) = self.mending else {
            return replica.poll(&mut self.commands, self.store.released(), steps, &mut Known);
        };
        let before = self.store.day();
        let mut messages = Mending {
            day: replica.exchange().day(),
            store: &mut self.store,
        };
        let steps = replica.poll(&mut self.commands, missing, steps, &mut messages);
        if self.store.day() != before {
            self.rolled_ns = Some(self.clock.now_ns());
        }
        if replica.applied() >= missing && replica.is_between_commands() {
            self.store.set_released(missing);
            self.mending = None;
        }
        steps
    }

    /// Does what the engine says; returns how many notes.
    fn take_notes(&mut self) -> usize {
        const NOTES_MAX: usize = 256;
        for taken in 0..NOTES_MAX {
            match self.notes.pop() {
                Ok(EngineNote::Answerable { ticket, sequence }) => {
                    if let Some(open) = self.order_entry.open_mut(ticket) {
                        open.set_answerable(sequence);
                    }
                }
                Ok(EngineNote::Close { connection }) => self.order_entry.end(connection, Close::Silent),
                Ok(EngineNote::ReRequest {
                    session,
                    address,
                    from,
                    count,
                }) => self
                    .re_requests
                    .request(&self.store, session, address, from, count),
                Err(_) => return taken,
            }
        }
        NOTES_MAX
    }
}

impl<O: Listener, G: Listener, A: DatagramSink> Follow for RecoveryStage<O, G, A> {
    /// Follows what was released, unless that needs the disk, or the replica is lent.
    fn follow(&mut self) -> usize {
        let applied = self.replica.as_ref().map(|replica| replica.applied());
        if self.mending.is_some() || applied.is_none_or(|applied| self.commands.is_on_disk(applied)) {
            return 0;
        }
        let stored = self.drain_window(FOLLOWED_RECORDS);
        let steps = match self.mending {
            None => self.apply(FOLLOWED_STEPS),
            Some(_) => 0,
        };
        if stored + steps > 0 {
            self.count_followed(self.clock.now_ns(), stored, steps);
        }
        stored + steps
    }

    fn wants_help(&self) -> bool {
        !self.has_much()
    }
}

impl<O: Listener, G: Listener, A: DatagramSink> Stage for RecoveryStage<O, G, A> {
    fn name(&self) -> &'static str {
        "recovery"
    }

    fn start(&mut self, waker: &Waker) {
        self.rouse.set(waker);
    }

    fn poll(&mut self) -> usize {
        let now_ns = self.clock.now_ns();
        self.forget(now_ns);
        let mut work = self.take_back();
        let stored = self.drain_window(self.records_per_poll);
        let steps = self.apply(self.steps_per_poll);
        work += stored + steps;
        work += self.take_notes();
        work += self
            .re_requests
            .poll(&self.store, &mut self.order_entry.service.sealers, now_ns);
        if let Some(door) = &mut self.retransmission {
            work += door.poll(self.gap_recovery.service.guests(), &self.store, now_ns);
        }
        let view = View {
            store: &self.store,
            replica: self.replica.as_deref(),
            now_ns,
        };
        work += self.order_entry.poll(view);
        work += self.gap_recovery.poll(view);
        if let Some(door) = &mut self.glimpse {
            work += door.poll(view);
            work += view
                .replica
                .map_or(0, |replica| door.service.make(replica, now_ns));
            self.counters.images.set(door.service.made());
        }
        work += self.attend();
        work += self.lend(now_ns);
        work += self.archive.as_mut().map_or(0, Archive::poll);
        self.count_turn(now_ns, work, stored, steps);
        work
    }

    /// Acknowledgements that go over TCP are waited for, and answers a little. What is missed elsewhere is mended soon enough.
    fn hurry(&self) -> Hurry {
        // The longer it rests, the longer it works then: where there is much to do, it does not rest for long.
        let is_at_work = self.replica.is_none() || self.desk.as_ref().is_some_and(Desk::is_at_work);
        let alone = if is_at_work || self.has_much() {
            Hurry::Leisure
        } else {
            Hurry::Solitude
        };
        let orders = self.order_entry.hurry(order_entry::Open::hurry);
        let glimpse = self.glimpse.as_ref().map(|door| door.hurry(|_| Hurry::Leisure));
        orders
            .max(self.gap_recovery.hurry(|_| Hurry::Leisure))
            .max(glimpse.unwrap_or(alone))
            .max(alone)
    }

    fn watch(&self, watch: &mut Watch) {
        self.order_entry.watch(watch);
        self.gap_recovery.watch(watch);
        if let Some(door) = &self.glimpse {
            door.watch(watch);
        }
        if let Some(door) = &self.retransmission {
            door.watch(watch);
        }
    }
}
