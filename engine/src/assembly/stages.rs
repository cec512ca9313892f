//! The four stages and what connects them, whatever the outside is: real sockets and disks, or simulated ones.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::SocketAddrV4;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use crossbeam_utils::CachePadded;
use protocol::authentication::MacSecret;
use protocol::market_data::values::event_code;
use rtrb::RingBuffer;

use super::error::StartError;
use super::restore::{self, Progress, Restored, restore};
use crate::config::{Account, Authentication, Config, Durability, Session};
use crate::exchange::Exchange;
use crate::exchange::command::{Command, CommandKind, SessionDefinition};
use crate::ingress::{EngineConfig, EngineLinks, EngineStage, Schedule};
use crate::journal::{self, Disk, JournalStage, Recovered};
use crate::memory;
use crate::output::{Encoder, OutputConfig, OutputLinks, OutputStage, window};
use crate::password::{Checker, Proof};
use crate::planted::{self, Bug};
use crate::poison::Skips;
use crate::recovery::archive::{self, Archive, ArchiveCounters};
use crate::recovery::credentials::{Credentials, MarketDataLogins};
use crate::recovery::door::DoorConfig;
use crate::recovery::durable::{Durable, OpenJournal};
use crate::recovery::re_request::ReRequestConfig;
use crate::recovery::retransmission::RetransmissionConfig;
use crate::recovery::{RecoveryConfig, RecoveryLinks, RecoveryStage, Start};
use crate::runtime::clock::Clock;
use crate::runtime::links::{Cell, Inbound, Rouse};
use crate::runtime::notices::Notices;
use crate::runtime::seams::{DatagramSink, DatagramSource, Listener};
use crate::runtime::shutdown::Shutdown;
use crate::sequencer::TIME_MAX_NS;
use crate::setup;
use crate::snapshot::{Keeper, KeeperSettings, Origin, Retention, SnapshotCounters, Snapshots};
use crate::token::TokenMint;

/// What recovery may have on its way to the engine, beside the commands of the setup.
const INBOUND_RING: usize = 4_096;
/// What the engine may have on its way to recovery.
const NOTES_RING: usize = 4_096;
/// What subscribers get at each of their doors, all together, and how many come in, where recovery has a core of its own.
pub(super) const SUBSCRIBERS_ALONE: Subscribers = Subscribers {
    bytes_per_ms: 256 * 1_024,
    accepts_per_ms: 8,
};
/// The same where it takes turns with the thread that orders wait for.
pub(super) const SUBSCRIBERS_BESIDE: Subscribers = Subscribers {
    bytes_per_ms: 64 * 1_024,
    accepts_per_ms: 2,
};
const DAY_NS: u64 = 86_400_000_000_000;
/// A snapshot leaves at least so many segments' room to the journal: one more than it wants for itself.
const SEGMENTS_FREE: u64 = 3;

/// What the outside is made of.
pub(super) trait Outside {
    /// Where orders over UDP come from.
    type Orders: DatagramSource + Send + 'static;
    /// Sends acknowledgements, from the socket of the orders.
    type Acknowledgements: DatagramSink + Send + 'static;
    /// Sends market data.
    type MarketData: DatagramSink;
    /// Takes TCP connections.
    type Door: Listener;
    /// Holds the journal.
    type Disk: Disk;
    /// Holds snapshots.
    type Snapshots: Snapshots + Send + 'static;
}

/// Removes the segments that have no command behind this one.
pub(super) type RemoveBefore = Box<dyn FnMut(u64) -> io::Result<journal::Removed> + Send>;

/// How fast subscribers are served at each of their doors, all together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subscribers {
    /// Bytes of Sequenced Data in a millisecond.
    pub(super) bytes_per_ms: usize,
    /// Connections that come in in a millisecond.
    pub(super) accepts_per_ms: usize,
}

/// Everything that is outside.
pub(super) struct Seams<W: Outside> {
    /// The clock of all stages.
    pub(super) clock: Clock,
    /// Orders over UDP.
    pub(super) orders: W::Orders,
    /// Acknowledgements over UDP.
    pub(super) acknowledgements: W::Acknowledgements,
    /// Acknowledgements sent again.
    pub(super) re_requests: W::Acknowledgements,
    /// Requests for messages of the feed, and where their answers leave; `None` where that door is off.
    pub(super) retransmission: Option<(W::Orders, W::Acknowledgements)>,
    /// Market data.
    pub(super) market_data: W::MarketData,
    /// Order entry over TCP.
    pub(super) order_entry: W::Door,
    /// Gap recovery over TCP.
    pub(super) gap_recovery: W::Door,
    /// Snapshots of the books over TCP; `None` in a simulation that opens the door later, or not.
    pub(super) glimpse: Option<W::Door>,
    /// The journal's; `None` when nothing is kept.
    pub(super) disk: Option<W::Disk>,
    /// Beside the journal.
    pub(super) snapshots: Option<W::Snapshots>,
    /// Removes what the journal has before a command; `None`: it is kept for ever.
    pub(super) remove_before: Option<RemoveBefore>,
    /// Commands of the journal that are left out.
    pub(super) skips: Skips,
    /// Opens the journal for reading, for what the replica's ring had no room for.
    pub(super) journal: Option<OpenJournal>,
    /// Reads journal and snapshots once more, for who asks for old messages.
    pub(super) archive: Option<archive::Sources>,
    /// What is slow runs on threads of its own, not in the stages' turns.
    pub(super) has_helpers: bool,
    /// How fast subscribers are served.
    pub(super) subscribers: Subscribers,
    /// The port of the orders over UDP, told to those who bind.
    pub(super) udp_port: u16,
    /// From the operating system's random source; in a simulation from its seed.
    pub(super) hash_seed: u64,
    /// Makes the tokens of bindings; the source of orders knows it too.
    pub(super) tokens: TokenMint,
}

/// The stages of one exchange.
pub(super) struct Stages<W: Outside> {
    pub(super) engine: EngineStage<W::Orders>,
    pub(super) journal: JournalStage<W::Disk>,
    pub(super) output: OutputStage<W::Acknowledgements, W::MarketData>,
    pub(super) recovery: RecoveryStage<W::Door, W::Door, W::Acknowledgements>,
    /// Commands up to this one are released.
    pub(super) released: Arc<CachePadded<AtomicU64>>,
    /// The disk is nearly full.
    pub(super) low_space: Arc<AtomicBool>,
    /// What helpers say to who runs it.
    pub(super) notices: Notices,
    /// What the journal held.
    pub(super) recovered: Recovered,
    /// Commands that a snapshot spared; 0 without one.
    pub(super) snapshot: u64,
    /// Snapshots that were not used, and why.
    pub(super) refused: Vec<String>,
    /// What became of snapshots.
    pub(super) snapshot_counters: Option<Arc<CachePadded<SnapshotCounters>>>,
    /// What became of old messages that were asked for.
    pub(super) archive_counters: Option<Arc<CachePadded<ArchiveCounters>>>,
    /// The last command of the setup: with it the exchange is ready.
    pub(super) ready_at: u64,
    /// The midnight that the times of the day count from, nanoseconds since 1970.
    pub(super) day_ns: u64,
    /// That of the first day.
    pub(super) first_day_ns: u64,
    /// Who may log in.
    pub(super) credentials: Credentials,
    /// The day has ended, and has not rolled yet.
    pub(super) day_has_ended: bool,
}

/// Builds the stages: finds the state again, then hands the setup's commands to the engine as its first input. `progress`
/// is told how far that is.
///
/// # Errors
/// A journal that can not be continued, or a configuration that contradicts it.
pub(super) fn build<W: Outside>(
    config: &Config,
    seams: Seams<W>,
    shutdown: &Shutdown,
    progress: impl FnMut(Progress),
) -> Result<Stages<W>, StartError> {
    let mut disk = seams.disk;
    let capacities = &config.capacities;
    let limits = capacities.limits;
    let network = &config.network;

    let (journaled_to, journaled_from) = RingBuffer::new(capacities.journal_ring as usize);
    let (replica_to, replica_from) = RingBuffer::new(capacities.replica_ring as usize);
    let (cells_to, cells_from) = RingBuffer::new(capacities.output_ring as usize / size_of::<Cell>());
    let (notes_to, notes_from) = RingBuffer::new(NOTES_RING);
    let (window_to, window_from) = window::create(capacities.window as usize);
    let released = Arc::new(CachePadded::new(AtomicU64::new(0)));
    let low_space = Arc::new(AtomicBool::new(false));
    let left_to_disk = Arc::new(CachePadded::new(AtomicU64::new(0)));

    let mut recovery_config = RecoveryConfig {
        hash_seed: seams.hash_seed,
        store_bytes: capacities.store as usize,
        finished_orders: capacities.finished_orders as usize,
        tokens: seams.tokens,
        udp_port: seams.udp_port,
        re_requests: ReRequestConfig {
            datagram_bytes_max: network.datagram_bytes,
            ..ReRequestConfig::default()
        },
        snapshot_interval_ns: u64::from(config.journal.snapshot_interval_s) * 1_000_000_000,
        snapshot_commands: u64::from(config.journal.snapshot_commands),
        ..RecoveryConfig::new(limits)
    };
    // The replica, and with it the store of what those who come back may ask for.
    let mut snapshots = seams.snapshots;
    let Restored {
        start,
        recovered,
        snapshot,
        refused,
    } = match (&mut disk, &mut snapshots) {
        (Some(disk), Some(snapshots)) => {
            let hash = config.configuration_hash();
            restore(hash, &recovery_config, &seams.skips, disk, snapshots, progress)?
        }
        _ => Restored {
            start: Start::empty(&recovery_config),
            recovered: Recovered::default(),
            snapshot: 0,
            refused: Vec::new(),
        },
    };
    // What is to be set up, and which session is whose, follows from it.
    let exchange = restore::copy(start.replica.exchange(), limits, seams.hash_seed);
    let (encoder, events_hash) = (start.replica.encoder().clone(), start.replica.events_hash());
    let mut commands = setup::commands(config, &exchange)?;
    commands.extend(seams.skips.commands(exchange.skips()));
    let (mut inbound_to, inbound_from) = RingBuffer::new(INBOUND_RING + commands.len());
    for command in &commands {
        if inbound_to.push(Inbound::Command(*command)).is_err() {
            unreachable!("the ring has room for the setup");
        }
    }

    let mut credentials = credentials(config, &exchange, &commands);
    if seams.has_helpers {
        let checker = Checker::start().map_err(|source| StartError::Machine {
            what: "the thread that checks passwords can not be started",
            source,
        })?;
        credentials.check_by(checker);
    }
    let door = DoorConfig {
        connections_max: capacities.connections as usize,
        connections_per_address_max: capacities.connections_per_address as usize,
        banner: format!(
            "exchange {} configuration {:016x}",
            env!("CARGO_PKG_VERSION"),
            config.configuration_hash()
        ),
        ..DoorConfig::default()
    };
    let logins = |door: SocketAddrV4| {
        if door.ip().is_loopback() {
            MarketDataLogins::Open
        } else {
            MarketDataLogins::Listed(credentials.clone())
        }
    };
    let subscribers = DoorConfig {
        stream_bytes_per_ms: seams.subscribers.bytes_per_ms,
        accepts_per_ms: seams.subscribers.accepts_per_ms,
        ..door.clone()
    };
    let glimpse = (logins(network.snapshot_tcp), subscribers.clone());
    recovery_config.market_data_logins = logins(network.recovery_tcp);
    recovery_config.credentials = credentials.clone();
    recovery_config.mac_secrets = mac_secrets(config, &exchange, &commands);
    (recovery_config.order_entry, recovery_config.gap_recovery) = (door, subscribers);
    let rouse = Rouse::default();
    let recovery_links = RecoveryLinks {
        window: window_from,
        commands: Durable::new(
            replica_from,
            Arc::clone(&left_to_disk),
            seams.journal,
            shutdown.clone(),
        ),
        notes: notes_from,
        rouse: rouse.clone(),
        inbound: inbound_to,
    };
    let newest_snapshot = start.newest_snapshot;
    let mut recovery = RecoveryStage::resume(
        recovery_config,
        recovery_links,
        start,
        seams.clock.clone(),
        seams.order_entry,
        seams.gap_recovery,
        seams.re_requests,
    );
    if let Some(listener) = seams.glimpse {
        let (logins, door) = glimpse;
        recovery.open_glimpse(listener, logins, door);
    }
    if let (Some((requests, answers)), Some(door)) = (seams.retransmission, &network.retransmission) {
        let limits = RetransmissionConfig {
            networks: door.networks.clone(),
            bytes_per_second: door.bytes_per_second,
            requests_per_ms: door.requests_per_ms as usize,
            addresses_max: door.addresses as usize,
            datagram_bytes_max: network.datagram_bytes,
        };
        recovery.open_retransmission(requests, answers, &limits);
    }
    // The journal's day is its first one.
    let first_day_ns = recovered.day_ns.unwrap_or_else(|| {
        let now_ns = seams.clock.now_ns();
        now_ns - now_ns % DAY_NS
    });
    let day_ns = exchange.midnight_ns().unwrap_or(first_day_ns);
    let told = exchange.last_system_event();
    let day_has_ended = told.is_some_and(|event| event.code == event_code::END_OF_MESSAGES);
    let settings = journal::Settings {
        durability: match config.journal.durability {
            Durability::Sync => journal::Durability::Sync,
            Durability::Async => journal::Durability::Async,
            Durability::None => journal::Durability::None,
        },
        configuration_hash: config.configuration_hash(),
        day_ns: first_day_ns,
        frame_payload_bytes_max: config.journal.batch_bytes as usize,
    };
    let notices = Notices::default();
    let mut snapshot_counters = None;
    if let Some(snapshots) = snapshots {
        let keeper_settings = KeeperSettings {
            origin: Origin {
                configuration_hash: settings.configuration_hash,
                day_ns: first_day_ns,
            },
            reserve_bytes: SEGMENTS_FREE * config.journal.segment_bytes,
            buffer_bytes: memory::snapshot_bytes(config) as usize,
        };
        let retention = match (config.journal.keep_days, seams.remove_before) {
            (Some(days), Some(remove_before)) => Some(Retention::new(days, remove_before, notices.clone())),
            _ => None,
        };
        let keeper = if seams.has_helpers {
            let keeper = Keeper::start(Box::new(snapshots), keeper_settings, retention);
            keeper.map_err(|source| StartError::Machine {
                what: "the thread that writes snapshots can not be started",
                source,
            })?
        } else {
            Keeper::inline(Box::new(snapshots), keeper_settings, retention)
        };
        keeper.counters().last.set(newest_snapshot);
        snapshot_counters = Some(Arc::clone(keeper.counters()));
        recovery.keep_snapshots(keeper);
    }
    let mut archive_counters = None;
    if let Some(sources) = seams.archive {
        let archive = if seams.has_helpers {
            Archive::start(sources).map_err(|source| StartError::Machine {
                what: "the thread that makes old messages again can not be started",
                source,
            })?
        } else {
            Archive::inline(sources)
        };
        archive_counters = Some(Arc::clone(archive.counters()));
        recovery.keep_archive(archive);
    }
    let journal_links = journal::Links {
        commands: journaled_from,
        replica: replica_to,
        left_to_disk,
        released: Arc::clone(&released),
        low_space: Arc::clone(&low_space),
        shutdown: shutdown.clone(),
    };
    let journal = JournalStage::new(settings, disk, &recovered, journal_links)?;

    let output_config = OutputConfig {
        sessions: limits.sessions,
        day: exchange.day(),
        has_ended: day_has_ended,
        line_a: network.line_a,
        line_b: network.line_b,
        datagram_bytes_max: network.datagram_bytes,
        replayed: recovered.last_sequence,
    };
    let output_links = OutputLinks {
        records: cells_from,
        released: Arc::clone(&released),
        window: window_to,
    };
    let encoder = if planted::is(Bug::StreamsBeginAgain) {
        Encoder::new(limits.instruments, limits.sessions)
    } else {
        encoder
    };
    let output = OutputStage::new(
        output_config,
        output_links,
        encoder,
        seams.clock.clone(),
        seams.acknowledgements,
        seams.market_data,
    );

    let last_ns = match recovered.last_sequence {
        0 => seams.clock.now_ns(),
        // Its clock stood still.
        _ if exchange.now() >= TIME_MAX_NS => seams.clock.now_ns(),
        _ => day_ns + exchange.now(),
    };
    let schedule = Schedule::new(config.day.as_ref(), told, last_ns, day_ns);
    let ready_at = recovered.last_sequence + commands.len() as u64;
    let engine_config = EngineConfig {
        day_ns,
        events_hash,
        ready_at,
        schedule: Some(schedule),
    };
    let engine_links = EngineLinks {
        inbound: inbound_from,
        notes: notes_to,
        rouse,
        journal: journaled_to,
        output: cells_to,
        low_space: Arc::clone(&low_space),
        shutdown: shutdown.clone(),
    };
    let engine = EngineStage::new(engine_config, engine_links, exchange, seams.orders, seams.clock);
    Ok(Stages {
        engine,
        journal,
        output,
        recovery,
        released,
        low_space,
        notices,
        ready_at,
        recovered,
        snapshot,
        refused,
        snapshot_counters,
        archive_counters,
        day_ns,
        first_day_ns,
        credentials,
        day_has_ended,
    })
}

/// A session: index, login name, and what the configuration says of it. It says nothing of one that operators have added.
type Known<'a> = (u32, [u8; 6], Option<(&'a Account, &'a Session)>);

/// The sessions by their index: those of the exchange, then those the setup adds, in its order.
fn sessions<'a>(config: &'a Config, exchange: &Exchange, commands: &[Command]) -> Vec<Known<'a>> {
    let known = (0..exchange.session_count())
        .filter_map(|index| exchange.session(index))
        .map(|session| session.username);
    let added = commands
        .iter()
        .filter(|command| command.kind == CommandKind::AddSession as u8)
        .map(|command| command.definition::<SessionDefinition>().username);
    let configured: HashMap<_, _> = config
        .accounts
        .iter()
        .flat_map(|account| account.sessions.iter().map(move |session| (account, session)))
        .map(|(account, session)| (session.username, (account, session)))
        .collect();
    (0..)
        .zip(known.chain(added))
        .map(|(index, username)| (index, username, configured.get(&username).copied()))
        .collect()
}

/// Who may log in to which session.
fn credentials(config: &Config, exchange: &Exchange, commands: &[Command]) -> Credentials {
    let credentials = Credentials::default();
    for (index, username, configured) in sessions(config, exchange, commands) {
        let name = text(&username);
        let added = match configured {
            Some((_, session)) => credentials.configure(&name, session.proof.clone(), index),
            None => match config.remembered.hash(&name) {
                Some(hash) => credentials.add_hashed(&name, hash, index),
                None => unreachable!("the setup refuses a configuration that leaves a session out"),
            },
        };
        if let Err(error) = added {
            unreachable!("the configuration was checked: {error}");
        }
        let changed = configured.and_then(|(_, session)| config.remembered.password(&name, &session.proof));
        if let Some(hash) = changed {
            credentials.change(&name, Proof::Hashed(hash));
        }
    }
    for copy in &config.drop_copies {
        let added = credentials.add_drop_copy(&text(&copy.username), copy.proof.clone(), copy.firm);
        if let Err(error) = added {
            unreachable!("the setup refuses a drop copy with a session's name: {error}");
        }
    }
    credentials
}

/// What the datagrams of sessions are authenticated with, where the token is not enough.
fn mac_secrets(config: &Config, exchange: &Exchange, commands: &[Command]) -> BTreeMap<u32, MacSecret> {
    sessions(config, exchange, commands)
        .into_iter()
        .filter_map(|(index, _, configured)| match &configured?.0.authentication {
            Authentication::Token => None,
            Authentication::Mac(secret) => Some((index, secret.clone())),
        })
        .collect()
}

fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(field).trim().to_owned()
}
