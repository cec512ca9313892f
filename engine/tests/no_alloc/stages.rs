//! The way of an order through the stages: engine, journal (with real files) and output, each polled by itself, and what the first
//! thread may do for recovery.

use std::cell::Cell as Allowed;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crossbeam_utils::CachePadded;
use engine::exchange::Exchange;
use engine::ingress::{EngineConfig, EngineLinks, EngineStage, EventsHash};
use engine::journal::{self, Backend, FileDisk, JournalStage, ReadOptions, Settings};
use engine::output::{Encoder, HEARTBEAT_NS, OutputConfig, OutputLinks, OutputStage, window};
use engine::recovery::durable::Durable;
use engine::recovery::{RecoveryConfig, RecoveryLinks, RecoveryStage};
use engine::runtime::Stage;
use engine::runtime::clock::Clock;
use engine::runtime::links::{Inbound, Message, Rouse};
use engine::runtime::seams::{DatagramSink, DatagramSource};
use engine::runtime::shared::Follow;
use engine::runtime::shutdown::Shutdown;
use engine::runtime::sim_net::{SimListener, TcpSettings, tcp};
use protocol::order_entry::requests::AccountQuery;
use rtrb::{Producer, RingBuffer};

use super::market::{self, LIMITS};
use super::none;
use super::traffic::{DATAGRAMS, SESSIONS, address, keys, traffic, written};

const WARM_UP: usize = 300;
/// So small that several are written.
const SEGMENT_BYTES: u64 = 256 << 10;
const DAY_NS: u64 = 20_000 * 86_400_000_000_000;

/// Datagrams made beforehand, given out as far as is allowed.
struct Made {
    datagrams: Vec<(SocketAddrV4, Vec<u8>)>,
    next: usize,
    allowed: Rc<Allowed<usize>>,
}

impl DatagramSource for Made {
    fn poll(&mut self, max: usize, mut take: impl FnMut(SocketAddrV4, &[u8])) -> usize {
        let until = self.allowed.get().min(self.next + max);
        for (from, bytes) in &self.datagrams[self.next..until] {
            take(*from, bytes);
        }
        let count = until - self.next;
        self.next = until;
        count
    }
}

/// Takes everything.
struct Anywhere;

impl DatagramSink for Anywhere {
    fn send(&mut self, _to: SocketAddrV4, _bytes: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

/// The stages and their surroundings.
struct World {
    engine: EngineStage<Made>,
    journal: JournalStage<FileDisk>,
    output: OutputStage<Anywhere, Anywhere>,
    inbound: Producer<Inbound>,
    recovery: RecoveryStage<SimListener, SimListener, Anywhere>,
    allowed: Rc<Allowed<usize>>,
    time: Arc<AtomicU64>,
    shutdown: Shutdown,
}

impl World {
    fn new(directory: &Path) -> Self {
        let time = Arc::new(AtomicU64::new(DAY_NS + 1_000_000_000));
        let clock = Clock::Manual(Arc::clone(&time));
        let (inbound, inbound_from) = RingBuffer::new(1_024);
        let (notes_to, notes) = RingBuffer::new(1_024);
        let (journaled_to, journaled) = RingBuffer::new(4_096);
        let (cells_to, cells) = RingBuffer::new(1 << 16);
        let (replica_to, replica) = RingBuffer::new(1 << 14);
        let (window_to, window_from) = window::create(1 << 20);
        let released = Arc::new(CachePadded::new(AtomicU64::new(0)));
        let low_space = Arc::new(AtomicBool::new(false));
        let shutdown = Shutdown::default();
        let allowed = Rc::new(Allowed::new(0));

        let mut disk = FileDisk::open(directory, Backend::Auto, SEGMENT_BYTES)
            .expect("the build directory can be written");
        let recovered = journal::recover(
            &mut disk,
            ReadOptions::default(),
            |_| {},
            |_, _| -> Result<(), journal::JournalError> { unreachable!("the directory is new") },
        )
        .expect("there is nothing to read");
        let journal_links = journal::Links {
            commands: journaled,
            replica: replica_to,
            left_to_disk: Arc::default(),
            released: Arc::clone(&released),
            low_space: Arc::clone(&low_space),
            shutdown: shutdown.clone(),
        };
        let journal = JournalStage::new(Settings::new(1, DAY_NS), Some(disk), &recovered, journal_links)
            .expect("the settings are right");
        let output_config = OutputConfig {
            sessions: LIMITS.sessions,
            day: 1,
            has_ended: false,
            line_a: SocketAddrV4::new(Ipv4Addr::new(239, 192, 0, 1), 26_477),
            line_b: Some(SocketAddrV4::new(Ipv4Addr::new(239, 192, 0, 2), 26_477)),
            datagram_bytes_max: 1_472,
            replayed: 0,
        };
        let output_links = OutputLinks {
            records: cells,
            released,
            window: window_to,
        };
        let encoder = Encoder::new(LIMITS.instruments, LIMITS.sessions);
        let output = OutputStage::new(
            output_config,
            output_links,
            encoder,
            clock.clone(),
            Anywhere,
            Anywhere,
        );
        let engine_config = EngineConfig {
            schedule: None,
            day_ns: DAY_NS,
            events_hash: EventsHash::default(),
            ready_at: 0,
        };
        let engine_links = EngineLinks {
            inbound: inbound_from,
            notes: notes_to,
            rouse: Rouse::default(),
            journal: journaled_to,
            output: cells_to,
            low_space,
            shutdown: shutdown.clone(),
        };
        let (recovery_inbound, _) = RingBuffer::new(16);
        let recovery_links = RecoveryLinks {
            window: window_from,
            commands: Durable::ring(replica),
            notes,
            rouse: Rouse::default(),
            inbound: recovery_inbound,
        };
        let recovery_config = RecoveryConfig {
            store_bytes: 1 << 20,
            ..RecoveryConfig::new(LIMITS)
        };
        let recovery = RecoveryStage::new(
            recovery_config,
            recovery_links,
            clock.clone(),
            tcp(TcpSettings::default()).0,
            tcp(TcpSettings::default()).0,
            Anywhere,
        );
        let source = Made {
            datagrams: traffic(),
            next: 0,
            allowed: Rc::clone(&allowed),
        };
        Self {
            engine: EngineStage::new(engine_config, engine_links, Exchange::new(LIMITS), source, clock),
            journal,
            output,
            inbound,
            recovery,
            allowed,
            time,
            shutdown,
        }
    }

    /// A turn of each stage, in the allocator's sight when it counts; gives the work done.
    fn turn(&mut self, counts: bool) -> usize {
        self.time.fetch_add(50_000, Ordering::Relaxed);
        let work = if counts {
            none("the engine stage", || self.engine.poll())
                + none("the journal stage", || self.journal.poll())
                + none("the output stage", || self.output.poll())
        } else {
            self.engine.poll() + self.journal.poll() + self.output.poll()
        };
        assert_eq!(self.shutdown.failure(), None);
        while (if counts {
            none("help for the recovery stage", || self.recovery.follow())
        } else {
            self.recovery.follow()
        }) > 0
        {}
        // What only its own thread does: notes.
        self.recovery.poll();
        work
    }

    /// Turns until everything is written and told.
    fn settle(&mut self, counts: bool) {
        while self.turn(counts) > 0 || !self.journal.is_drained() {
            std::thread::yield_now();
        }
        self.turn(counts);
    }
}

#[test]
fn the_way_of_an_order_allocates_nothing() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("no-alloc-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("the build directory can be written");
    let mut world = World::new(&directory);
    for command in market::setup() {
        world
            .inbound
            .push(Inbound::Command(command))
            .expect("the ring has room");
    }
    for session in 0..SESSIONS {
        let connection = u64::from(session) + 1;
        let login = Inbound::Login {
            session,
            connection,
            day: 1,
        };
        let bind = Inbound::Bind {
            session,
            connection,
            token: [session as u8 + 1; 8],
            address: address(session),
            keys: keys(session),
        };
        for inbound in [login, bind] {
            world.inbound.push(inbound).expect("the ring has room");
        }
    }
    world.allowed.set(WARM_UP);
    world.settle(false);

    let question = written(&AccountQuery { message_type: b'Q' });
    let mut allowed = WARM_UP;
    while allowed < DATAGRAMS {
        allowed = (allowed + 37).min(DATAGRAMS);
        world.allowed.set(allowed);
        // And something over TCP.
        let message = Message::new(&question).expect("it is short");
        for inbound in [
            Inbound::Question { ticket: 1 },
            Inbound::Message {
                session: 0,
                connection: 1,
                message,
            },
        ] {
            world.inbound.push(inbound).expect("the ring has room");
        }
        world.turn(true);
    }
    world.settle(true);
    // Quiet: heartbeats on all streams.
    world.time.fetch_add(2 * HEARTBEAT_NS, Ordering::Relaxed);
    world.settle(true);

    let counted = world.output.counters().stage;
    let exchange = world.engine.into_exchange();
    let matches = exchange
        .instrument(1)
        .expect("it was set up")
        .last_trade
        .match_number;
    assert!(matches > 1_000, "only {matches} matches: this proves nothing");
    let followed = world.recovery.counters().stage;
    assert!(followed.steps.get() > 5_000, "{followed:?}");
    let replica = world.recovery.into_exchange();
    assert_eq!(replica.state_hash(), exchange.state_hash());
    assert!(counted.records.get() > 5_000, "{counted:?}");
    exchange.check_invariants().expect("books and balances add up");
    drop(world.journal);
    let segments = std::fs::read_dir(&directory)
        .expect("it is there")
        .filter_map(Result::ok);
    let segments = segments.filter(|entry| entry.path().extension().is_some_and(|end| end == "journal"));
    assert!(segments.count() > 2, "the journal went on in new segments");
    // What can not be removed stays in the build directory.
    let _ = std::fs::remove_dir_all(directory);
}
