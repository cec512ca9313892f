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
mod config;
mod connection;
mod counting;
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
mod kept;
mod lending;
mod mirror;
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

use std::fmt;
use std::sync::Arc;

use crossbeam_utils::CachePadded;
use protocol::text;
use rtrb::{Consumer, Producer};

use crate::admin::Desk;
use crate::exchange::{DAYS_MAX, Exchange};
use crate::output::{market_data_name, order_entry_name, window};
use crate::runtime::clock::Clock;
use crate::runtime::histogram::Histogram;
use crate::runtime::links::{EngineNote, Inbound, Rouse};
use crate::runtime::seams::{DatagramSink, DatagramSource, Listener};
use crate::runtime::shared::Follow;
use crate::runtime::{Hurry, Stage, Waker, Watch};
use crate::snapshot::Keeper;
use archive::Archive;
use credentials::MarketDataLogins;
use door::{Door, DoorConfig};
use durable::Durable;
use gap_service::GapService;
use glimpse::Glimpse;
use lending::Lending;
use mirror::Mirror;
use order_entry::OrderEntry;
use re_request::ReRequests;
use replica::Replica;
use retransmission::{RequestDoor, Retransmission, RetransmissionConfig};
use service::{Close, View};
use store::Store;

pub use config::RecoveryConfig;
pub use counting::{RecoveryCounters, RecoveryGroups};
pub use glimpse::{IMAGES_MAX, PACKET_BYTES_MAX};
pub(crate) use kept::{KEPT_BYTES_MAX, KEPT_ROW_BYTES};
pub use start::{Catching, Start};

/// Turns that an orderly end gives the doors to say what they have.
const CLOSING_TURNS_MAX: usize = 10_000;

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

/// The recovery stage: `O` is the order-entry door's listener, `G` the gap-recovery door's, `A` sends acknowledgements.
pub struct RecoveryStage<O: Listener, G: Listener, A> {
    clock: Clock,
    notes: Consumer<EngineNote>,
    rouse: Rouse,
    mirror: Mirror,
    lending: Lending,
    /// Makes again what the store does not have any more; `None` when there is no journal.
    archive: Option<Archive>,
    order_entry: Door<O, OrderEntry>,
    gap_recovery: Door<G, GapService>,
    /// GLIMPSE; `None` where the door is not open.
    glimpse: Option<Door<G, Glimpse>>,
    re_requests: ReRequests<A>,
    /// Messages of the feed again, over UDP; `None` where that door is not open.
    retransmission: Option<Box<dyn RequestDoor>>,
    /// Serves operators; `None`: there are none.
    desk: Option<Desk>,
    records_per_poll: usize,
    steps_per_poll: usize,
}

impl<O: Listener, G: Listener, A> fmt::Debug for RecoveryStage<O, G, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecoveryStage")
            .field("mirror", &self.mirror)
            .finish_non_exhaustive()
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
            config.tokens,
            sessions,
            config.udp_port,
            config.questions_max,
            links.inbound,
        );
        let gap_service = GapService::new(config.market_data_logins, config.gap_recovery.connections_max);
        Self {
            mirror: Mirror::new(
                clock.clone(),
                links.window,
                links.commands,
                start.store,
                start.replica,
                start.rolled_ns,
            ),
            clock,
            notes: links.notes,
            rouse: links.rouse,
            lending: Lending::new(
                config.snapshot_interval_ns,
                config.snapshot_commands,
                start.newest_snapshot,
            ),
            archive: None,
            order_entry: Door::new(order_entry, service, config.order_entry),
            gap_recovery: Door::new(gap_recovery, gap_service, config.gap_recovery),
            glimpse: None,
            re_requests: ReRequests::new(acknowledgements, sessions, config.re_requests),
            retransmission: None,
            desk: None,
            records_per_poll: config.records_per_poll,
            steps_per_poll: config.steps_per_poll,
        }
    }

    /// From now on snapshots are taken, by `keeper`.
    pub fn keep_snapshots(&mut self, keeper: Keeper) {
        self.lending.set_keeper(keeper);
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
        self.mirror.replica.as_deref()
    }

    /// The replica's exchange, when the stage has ended.
    pub fn into_exchange(mut self) -> Exchange {
        self.lending.wait_for(&mut self.mirror.replica);
        let replica = self.mirror.replica.take();
        replica.expect("it was waited for").into_exchange()
    }

    /// The orderly end's snapshot, if the replica has applied all commands up to `last`. Behind it there is nothing: even
    /// other matching code may begin with it.
    pub fn take_last_snapshot(&mut self, last: u64) {
        let Mirror { replica, store, .. } = &mut self.mirror;
        self.lending.take_last(replica, store, last);
    }

    /// True while an image of the books is made, which is as of one command.
    fn is_imaging(&self) -> bool {
        self.glimpse.as_ref().is_some_and(|door| door.service.is_making())
    }

    /// Lends the replica to the keeper when a snapshot is due; returns the work done.
    fn lend(&mut self, now_ns: u64) -> usize {
        if self.is_imaging() {
            return 0;
        }
        let is_asked = self.desk.as_ref().is_some_and(Desk::wants_snapshot);
        let Mirror { replica, store, .. } = &mut self.mirror;
        let is_lent = self.lending.lend(replica, store, now_ns, is_asked);
        if is_lent && let Some(desk) = &mut self.desk {
            desk.takes_snapshot();
        }
        usize::from(is_lent)
    }

    /// Serves operators; returns the work done.
    fn attend(&mut self) -> usize {
        let Some(desk) = &mut self.desk else {
            return 0;
        };
        let (service, opens) = self.order_entry.parts();
        let readings = || order_entry::readings(opens.clone(), &self.mirror.store).collect();
        let operate = |command| service.operate(command);
        desk.poll(
            self.mirror.replica.as_deref(),
            self.lending.newest(),
            operate,
            readings,
        )
    }

    /// The released messages.
    pub fn store(&self) -> &Store {
        &self.mirror.store
    }

    /// What it counts.
    pub fn counters(&self) -> RecoveryGroups {
        RecoveryGroups {
            stage: Arc::clone(&self.mirror.counters),
            order_entry: Arc::clone(self.order_entry.counters()),
            gap_recovery: Arc::clone(self.gap_recovery.counters()),
            glimpse: self.glimpse.as_ref().map(|door| Arc::clone(door.counters())),
            re_requests: Arc::clone(self.re_requests.counters()),
            retransmission: self
                .retransmission
                .as_ref()
                .map(|door| Arc::clone(door.counters())),
            store: Arc::clone(self.mirror.store.counters()),
        }
    }

    /// How far the replica was behind.
    pub fn behind(&self) -> &Arc<CachePadded<Histogram>> {
        &self.mirror.behind
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
                    .request(&self.mirror.store, session, address, from, count),
                Err(_) => return taken,
            }
        }
        NOTES_MAX
    }
}

impl<O: Listener, G: Listener, A: DatagramSink> Follow for RecoveryStage<O, G, A> {
    fn follow(&mut self) -> usize {
        let is_imaging = self.is_imaging();
        self.mirror.turn_in_passing(is_imaging)
    }

    fn wants_help(&self) -> bool {
        !self.mirror.has_much()
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
        let is_imaging = self.is_imaging();
        let mirror = &mut self.mirror;
        mirror.forget(now_ns);
        let mut work = usize::from(self.lending.take_back(&mut mirror.replica));
        let followed = mirror.turn(self.records_per_poll, self.steps_per_poll, is_imaging);
        work += followed.work();
        work += self.take_notes();
        let store = &self.mirror.store;
        work += self
            .re_requests
            .poll(store, &mut self.order_entry.service.sealers, now_ns);
        if let Some(door) = &mut self.retransmission {
            work += door.poll(self.gap_recovery.service.guests(), store, now_ns);
        }
        let view = View {
            store,
            replica: self.mirror.replica.as_deref(),
            now_ns,
        };
        work += self.order_entry.poll(view);
        work += self.gap_recovery.poll(view);
        if let Some(door) = &mut self.glimpse {
            work += door.poll(view);
            work += view
                .replica
                .map_or(0, |replica| door.service.make(replica, now_ns));
            self.mirror.counters.images.set(door.service.made());
        }
        work += self.attend();
        work += self.lend(now_ns);
        work += self.archive.as_mut().map_or(0, Archive::poll);
        self.mirror.count_turn(now_ns, work, followed);
        work
    }

    /// Acknowledgements that go over TCP are waited for, and answers a little. What is missed elsewhere is mended soon enough.
    fn hurry(&self) -> Hurry {
        // The longer it rests, the longer it works then: where there is much to do, it does not rest for long.
        let is_at_work = self.mirror.replica.is_none() || self.desk.as_ref().is_some_and(Desk::is_at_work);
        let alone = if is_at_work || self.mirror.has_much() {
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
