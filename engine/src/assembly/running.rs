//! An exchange on threads, with real sockets and a real disk.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;

use super::capacities;
use super::doors::{Doors, TcpDoor};
use super::error::StartError;
use super::operate;
use super::reload::Reloadable;
use super::restore::Progress;
use super::stages::{Outside, RemoveBefore, SUBSCRIBERS_ALONE, SUBSCRIBERS_BESIDE, Seams, Stages, build};
use crate::admin;
use crate::config::{Config, Durability, IdleChoice, LayoutChoice, ReceiveChoice, Retransmission};
use crate::exchange::Exchange;
use crate::journal::{self, Backend, Directory, FileDisk, ReadOptions, Segments};
use crate::memory;
use crate::poison::{self, Skips};
use crate::recovery::archive;
use crate::recovery::durable::OpenJournal;
use crate::runtime::clock::Clock;
use crate::runtime::counters::{Counters, Named};
use crate::runtime::helper::Helper;
use crate::runtime::idle::IdleStrategy;
use crate::runtime::notices::Notices;
use crate::runtime::shared::Shared;
use crate::runtime::shutdown::Shutdown;
use crate::runtime::threading::{self, BoxedStage, Layout, Role};
use crate::runtime::{Hurry, Stage, Waker, Watch};
use crate::sequencer::TIME_MAX_NS;
use crate::setup;
use crate::snapshot::SnapshotDirectory;
use crate::stat::MetricsDoor;
use crate::sys::source::{self, Method, Options, Source};
use crate::sys::udp::{MulticastOptions, MulticastSink, UdpSink};
use crate::sys::{self, affinity};
use crate::token::TokenMint;

/// How often a start looks whether the setup has been released.
const LOOK: Duration = Duration::from_micros(200);

/// How often a long replay is told of.
const TELL_AGAIN: Duration = Duration::from_secs(1);
/// A request and what the kernel says of it. What is longer is dropped and counted.
const REQUEST_BYTES: usize = 256;
/// The kernel's receive buffer for requests.
const REQUESTS_BUFFER_BYTES: usize = 256 << 10;
const HOUR_NS: u64 = 3_600_000_000_000;

/// Where the doors are, with the ports that were free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// Orders over UDP.
    pub order_entry_udp: SocketAddrV4,
    /// Order entry over TCP.
    pub order_entry_tcp: SocketAddrV4,
    /// Market data, line A.
    pub line_a: SocketAddrV4,
    /// Market data, line B, unless it is off.
    pub line_b: Option<SocketAddrV4>,
    /// Gap recovery over TCP.
    pub recovery_tcp: SocketAddrV4,
    /// Snapshots of the books over TCP.
    pub snapshot_tcp: SocketAddrV4,
    /// Retransmission over UDP, unless it is off.
    pub retransmission_udp: Option<SocketAddrV4>,
    /// Metrics, if they are served.
    pub metrics: Option<SocketAddrV4>,
}

impl fmt::Display for Addresses {
    /// As `name=address` pairs, for programs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "order_entry_udp={} order_entry_tcp={} recovery_tcp={} snapshot_tcp={} line_a={}",
            self.order_entry_udp, self.order_entry_tcp, self.recovery_tcp, self.snapshot_tcp, self.line_a
        )?;
        for (name, address) in [
            ("line_b", self.line_b),
            ("retransmission_udp", self.retransmission_udp),
            ("metrics", self.metrics),
        ] {
            if let Some(address) = address {
                write!(f, " {name}={address}")?;
            }
        }
        Ok(())
    }
}

/// What is left of an exchange that has ended.
#[derive(Debug)]
pub struct Final {
    /// The engine's.
    pub exchange: Exchange,
    /// Recovery's replica: as of the last durable command.
    pub replica: Exchange,
}

impl Final {
    /// True when engine and replica have the same state.
    pub fn is_equal(&self) -> bool {
        self.exchange.state_hash() == self.replica.state_hash()
    }
}

/// What a stage leaves when its thread ends.
enum Left {
    Engine(Box<Exchange>),
    Recovery(Box<Exchange>),
}

/// A running exchange. Dropping it without [`Running::stop`] asks it to end and does not wait.
pub struct Running {
    addresses: Addresses,
    released: Arc<CachePadded<AtomicU64>>,
    low_space: Arc<AtomicBool>,
    notices: Notices,
    shutdown: Shutdown,
    threads: Option<threading::Running>,
    left: Receiver<Left>,
    counters: Vec<Arc<dyn Counters>>,
    served: Option<operate::Served>,
    /// Looks whether the certificate was renewed, for as long as the exchange runs.
    _certificate: Option<Helper>,
    reloadable: Reloadable,
}

/// Starts an exchange and returns when it is ready: its setup is released, its doors are served.
///
/// # Errors
/// When it can not start; nothing of it runs then.
pub fn start(config: &Config) -> Result<Running, StartError> {
    start_telling(config, |_| {})
}

/// As [`start`]; `tell` gets a line for each thing that a person at the console should know.
///
/// # Errors
/// As [`start`].
pub fn start_telling(config: &Config, tell: impl FnMut(&str)) -> Result<Running, StartError> {
    start_by(config, Clock::system(), tell)
}

/// As [`start_telling`], by another clock: a test lets a day pass in seconds.
///
/// # Errors
/// As [`start`].
pub fn start_by(config: &Config, clock: Clock, mut tell: impl FnMut(&str)) -> Result<Running, StartError> {
    setup::rehearse(config)?;
    let loaded = config;
    let mut config = config.clone();
    let mut disk = open_disk(&config, &mut tell)?;
    if let Some(disk) = &mut disk {
        check_capacities(&config, disk)?;
    }
    let operators = operate::open(&mut config, disk.is_some(), &mut tell)?;
    let skips = match &mut disk {
        Some(disk) => {
            refuse_poison(&config, disk, &mut tell)?;
            read_skips(&config)?
        }
        None => Skips::default(),
    };
    tell(&format!("memory: {}", memory::sentence(&memory::needed(&config))));
    tell_passwords(&config, &mut tell);

    let shutdown = Shutdown::default();
    let (left_to, left) = mpsc::channel();
    let doors = Doors::of(&config)?;
    let seams = open_doors(&mut config, &doors, clock, disk, skips, &mut tell)?;
    let mut counters: Vec<Arc<dyn Counters>> = vec![Arc::clone(seams.orders.counters()) as Arc<dyn Counters>];
    if let Some((requests, _)) = &seams.retransmission {
        counters.push(Named::new("retransmission_source", requests.counters()));
    }
    let addresses = Addresses {
        order_entry_udp: config.network.order_entry_udp,
        order_entry_tcp: config.network.order_entry_tcp,
        line_a: config.network.line_a,
        line_b: config.network.line_b,
        recovery_tcp: config.network.recovery_tcp,
        snapshot_tcp: config.network.snapshot_tcp,
        retransmission_udp: config.network.retransmission.as_ref().map(|door| door.address),
        metrics: None,
    };

    let (began, now_ns) = (Instant::now(), seams.clock.now_ns());
    let mut pace = Pace::new();
    let mut stages = build(&config, seams, &shutdown, |progress| {
        if let Some(line) = pace.line(progress) {
            tell(&line);
        }
    })?;
    if config.journal.durability != Durability::None {
        for refused in &stages.refused {
            tell(refused);
        }
        tell_recovered(&stages, began.elapsed(), now_ns, &mut tell);
    }
    tell(&format!("day: {}", config.day_sentence()));
    if stages.day_has_ended {
        tell("the trading day has ended: nothing trades until it has rolled, in half a minute");
    }
    let set_up = stages.ready_at - stages.recovered.last_sequence;
    if set_up > 0 {
        tell(&format!(
            "configuration: {set_up} commands for what is new or changed in it"
        ));
    }
    counters.push(Arc::clone(stages.engine.counters()) as Arc<dyn Counters>);
    counters.push(Arc::clone(stages.journal.counters()) as Arc<dyn Counters>);
    counters.extend(stages.output.counters().all());
    counters.extend(stages.recovery.counters().all());
    if let Some(archive) = &stages.archive_counters {
        counters.push(Arc::clone(archive) as Arc<dyn Counters>);
    }
    if let Some(snapshots) = &stages.snapshot_counters {
        counters.push(Arc::clone(snapshots) as Arc<dyn Counters>);
    }
    let (released, ready_at) = (Arc::clone(&stages.released), stages.ready_at);
    let (low_space, notices) = (Arc::clone(&stages.low_space), stages.notices.clone());
    let certificate = doors
        .look_after(notices.clone())
        .map_err(|source| StartError::Machine {
            what: "the thread that looks after the certificate can not be started",
            source,
        })?;
    let reloadable = Reloadable::new(loaded, stages.credentials.clone());
    let prepared = operators.prepare(&config, &mut stages, &shutdown, &mut counters);

    if config.threads.lock_memory
        && let Err(reason) = sys::memory::lock()
    {
        tell(&reason);
    }
    let plans = plans(&config, stages, &left_to, &shutdown).map_err(|source| StartError::Machine {
        what: "threads can not be prepared",
        source,
    })?;
    for plan in &plans {
        tell(&format!("thread: {plan}"));
    }
    let threads = threading::spawn(plans, &shutdown).map_err(|source| StartError::Machine {
        what: "threads can not be started",
        source,
    })?;
    for refusal in threads.refusals() {
        tell(refusal);
    }
    let mut running = Running {
        addresses,
        released,
        low_space,
        notices,
        shutdown,
        threads: Some(threads),
        left,
        counters,
        served: None,
        _certificate: certificate,
        reloadable,
    };
    running.wait_until_released(ready_at)?;
    let (served, refusal) = prepared.serve(&config)?;
    match (refusal, &served.metrics) {
        (Some(refusal), _) => tell(&refusal),
        (None, Some(door)) => tell(&format!("metrics: http://{}/metrics", door.address())),
        (None, None) => {}
    }
    running.addresses.metrics = served.metrics.as_ref().map(MetricsDoor::address);
    running.served = Some(served);
    Ok(running)
}

/// Tells of passwords that the file has as they are, where strangers may log in.
fn tell_passwords(config: &Config, tell: &mut impl FnMut(&str)) {
    let plain = config.plain_passwords();
    if let (1.., Some(door)) = (plain, config.network.open_door()) {
        tell(&format!(
            "passwords: {} has {plain} as they are, and {door} is not on loopback\n    remedy: password_hash = what \
             `exchange hash-password` prints, for each session",
            config.file
        ));
    }
}

/// Opens and locks the data directory, unless nothing is to be kept.
fn open_disk(config: &Config, tell: &mut impl FnMut(&str)) -> Result<Option<FileDisk>, StartError> {
    let journal = &config.journal;
    if journal.durability == Durability::None {
        tell("durability: none. NOTHING IS KEPT: a crash loses everything, a restart begins anew");
        return Ok(None);
    }
    let disk = FileDisk::open(&journal.directory, Backend::Auto, journal.segment_bytes)?;
    let promise = match journal.durability {
        Durability::Sync => "sync: nothing leaves before it is on disk",
        _ => "async: written, not waited for. A crash may lose what was acknowledged last",
    };
    tell(&format!("durability: {promise}"));
    tell(&format!(
        "data: {}, written through {}",
        journal.directory.display(),
        disk.backend()
    ));
    Ok(Some(disk))
}

/// Compares the capacities with those the directory was made with, or records them.
fn check_capacities(config: &Config, disk: &mut FileDisk) -> Result<(), StartError> {
    let directory = &config.journal.directory;
    let failed = |source| StartError::Directory {
        action: "find the capacities of the journal in",
        path: directory.display().to_string(),
        source,
    };
    match capacities::read(directory)? {
        Some(recorded) => Ok(capacities::compare(config, recorded)?),
        None if disk.list().map_err(failed)?.is_empty() => {
            capacities::write(directory, config.capacities.limits)
        }
        None => Err(failed(io::Error::new(
            io::ErrorKind::NotFound,
            "capacities.toml is missing beside the journal",
        ))),
    }
}

fn read_skips(config: &Config) -> Result<Skips, StartError> {
    let directory = &config.journal.directory;
    Skips::read(directory).map_err(|source| StartError::Directory {
        action: "understand the commands that are left out in",
        path: directory.display().to_string(),
        source,
    })
}

/// Refuses to apply the command again that ended the last process. One that the journal does not have was never
/// acknowledged: nothing is left of it but the file.
fn refuse_poison(
    config: &Config,
    disk: &mut FileDisk,
    tell: &mut impl FnMut(&str),
) -> Result<(), StartError> {
    let directory = &config.journal.directory;
    let failed = |action| {
        let path = directory.display().to_string();
        move |source| StartError::Directory { action, path, source }
    };
    let Some(command) = poison::read(directory).map_err(failed("read the poison in"))? else {
        return Ok(());
    };
    let options = ReadOptions {
        from: command.sequence,
        until: command.sequence,
        ..ReadOptions::default()
    };
    let mut is_there = false;
    journal::replay(
        disk,
        options,
        |_| {},
        |read, _| {
            is_there |= *read == command;
            Ok::<_, StartError>(())
        },
    )?;
    if is_there {
        return Err(StartError::Poisoned {
            command: poison::tell(&command),
            sequence: command.sequence,
            directory: directory.display().to_string(),
        });
    }
    tell(&format!(
        "{} ended the last process before it was in the journal: it was never acknowledged, and is gone",
        poison::tell(&command)
    ));
    poison::forget(directory).map_err(failed("remove the poison in"))
}

/// The real outside.
enum Machine {}

impl Outside for Machine {
    type Orders = Source;
    type Acknowledgements = UdpSink;
    type MarketData = MulticastSink;
    type Door = TcpDoor;
    type Disk = FileDisk;
    type Snapshots = SnapshotDirectory;
}

/// Opens everything that others can reach us by; writes the ports that were free into `config`.
fn open_journal(directory: &Path) -> OpenJournal {
    let directory = directory.to_path_buf();
    Arc::new(move || Box::new(Directory::new(&directory)))
}

fn open_doors(
    config: &mut Config,
    doors: &Doors,
    clock: Clock,
    disk: Option<FileDisk>,
    skips: Skips,
    tell: &mut impl FnMut(&str),
) -> Result<Seams<Machine>, StartError> {
    let machine = |what| move |source| StartError::Machine { what, source };
    let random = || {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes)
            .map_err(io::Error::other)
            .map_err(machine("the operating system gives no random numbers"))?;
        Ok::<_, StartError>(u64::from_ne_bytes(bytes))
    };
    let tokens = TokenMint::new(random()?);
    let network = &mut config.network;
    let offload = if network.receive_offload {
        Options::with_offload()
    } else {
        Options::default()
    };
    let options = Options {
        method: match network.receive {
            ReceiveChoice::Auto => Method::Auto,
            ReceiveChoice::IoUring => Method::IoUring,
            ReceiveChoice::Recvmmsg => Method::Recvmmsg,
        },
        receive_buffer_bytes: network.receive_buffer,
        tokens: Some(tokens),
        ..offload
    };
    let (orders, description) = source::open(network.order_entry_udp, &options)?;
    network.order_entry_udp = description.address;
    tell(&format!("orders: {description}"));
    for hint in &description.hints {
        tell(&format!("  {hint}"));
    }
    let order_entry = doors.open(network.order_entry_tcp)?;
    network.order_entry_tcp = order_entry.address();
    let gap_recovery = doors.open(network.recovery_tcp)?;
    network.recovery_tcp = gap_recovery.address();
    let glimpse = doors.open(network.snapshot_tcp)?;
    network.snapshot_tcp = glimpse.address();
    tell(&format!("order entry: TCP {}", network.order_entry_tcp));
    tell(&format!("gap recovery: TCP {}", network.recovery_tcp));
    tell(&format!("snapshots: TCP {}", network.snapshot_tcp));
    let retransmission = match &mut network.retransmission {
        Some(door) => Some(open_retransmission(door, tell)?),
        None => None,
    };
    if let Some(sentence) = doors.sentence() {
        tell(&sentence);
    }

    for line in std::iter::once(&mut network.line_a).chain(&mut network.line_b) {
        if line.port() == 0 {
            line.set_port(free_port(*line.ip()).map_err(machine("no port is free for market data"))?);
        }
    }
    let groups: Vec<_> = std::iter::once(network.line_a).chain(network.line_b).collect();
    let multicast = MulticastOptions {
        interface: network.interface,
        ttl: network.multicast_ttl,
        ..MulticastOptions::default()
    };
    let market_data = MulticastSink::open(&groups, &multicast)?;
    let lines: Vec<_> = groups.iter().map(ToString::to_string).collect();
    tell(&format!(
        "market data: {} by {}",
        lines.join(" and "),
        network.interface
    ));

    let sink = || {
        orders
            .sink(network.send_offload)
            .map_err(machine("the order socket can not be shared"))
    };
    let (acknowledgements, re_requests) = (sink()?, sink()?);
    Ok(Seams {
        clock,
        orders,
        acknowledgements,
        market_data,
        order_entry,
        gap_recovery,
        glimpse: Some(glimpse),
        re_requests,
        retransmission,
        snapshots: disk
            .is_some()
            .then(|| SnapshotDirectory::new(&config.journal.directory)),
        remove_before: disk.is_some().then(|| {
            let directory = config.journal.directory.clone();
            let remove: RemoveBefore = Box::new(move |sequence| journal::remove_before(&directory, sequence));
            remove
        }),
        journal: disk.is_some().then(|| open_journal(&config.journal.directory)),
        archive: disk.is_some().then(|| {
            let directory = config.journal.directory.clone();
            archive::Sources {
                skips: skips.clone(),
                snapshots: Box::new(SnapshotDirectory::new(&directory)),
                journal: open_journal(&directory),
                limits: config.capacities.limits,
            }
        }),
        skips,
        has_helpers: true,
        subscribers: match layout(config.threads.layout) {
            Layout::One | Layout::Two => SUBSCRIBERS_BESIDE,
            Layout::Three | Layout::Four => SUBSCRIBERS_ALONE,
        },
        disk,
        udp_port: network.order_entry_udp.port(),
        hash_seed: random()?,
        tokens,
    })
}

/// Opens the door for requests over UDP. Requests are short, and an answer may wait for a turn of the recovery stage.
fn open_retransmission(
    door: &mut Retransmission,
    tell: &mut impl FnMut(&str),
) -> Result<(Source, UdpSink), StartError> {
    let options = Options {
        method: Method::Recvmmsg,
        receive_buffer_bytes: REQUESTS_BUFFER_BYTES,
        buffer_bytes: REQUEST_BYTES,
        ..Options::default()
    };
    let (requests, description) = source::open(door.address, &options)?;
    door.address = description.address;
    let networks: Vec<_> = door.networks.iter().map(ToString::to_string).collect();
    let who = if networks.is_empty() {
        String::new()
    } else {
        format!("{}, and ", networks.join(", "))
    };
    tell(&format!(
        "retransmission: UDP {}, for {who}who is logged in at gap recovery",
        door.address
    ));
    let answers = requests.sink(false).map_err(|source| StartError::Machine {
        what: "the socket of requests can not be shared",
        source,
    })?;
    Ok((requests, answers))
}

/// A port on which nobody listens to `group` now.
fn free_port(group: Ipv4Addr) -> io::Result<u16> {
    Ok(UdpSocket::bind((group, 0))?.local_addr()?.port())
}

/// Makes a line now and then of how far reading is.
struct Pace {
    told: Instant,
    /// The last command that was told of.
    sequence: u64,
}

impl Pace {
    fn new() -> Self {
        Self {
            told: Instant::now(),
            sequence: 0,
        }
    }

    fn line(&mut self, progress: Progress) -> Option<String> {
        let now = match progress {
            Progress::Loaded { sequence } => {
                (self.told, self.sequence) = (Instant::now(), sequence);
                return Some(format!("snapshot: state after command {sequence} loaded"));
            }
            Progress::Reading(now) => now,
        };
        let elapsed = self.told.elapsed();
        if elapsed < TELL_AGAIN {
            return None;
        }
        let commands = now.sequence.saturating_sub(self.sequence) as f64 / elapsed.as_secs_f64();
        (self.told, self.sequence) = (Instant::now(), now.sequence);
        Some(format!(
            "journal: replaying, {} %, command {}, {:.2} million a second",
            now.bytes * 100 / now.bytes_total.max(1),
            now.sequence,
            commands / 1e6
        ))
    }
}

fn tell_recovered(stages: &Stages<Machine>, took: Duration, now_ns: u64, tell: &mut impl FnMut(&str)) {
    let (recovered, snapshot) = (&stages.recovered, stages.snapshot);
    let age_ns = now_ns.saturating_sub(stages.day_ns);
    if age_ns > TIME_MAX_NS {
        tell(&format!(
            "the trading day began {} hours ago: it is ended and rolls, and its clock stands still at 72 until then",
            age_ns / HOUR_NS
        ));
    }
    if recovered.last_sequence == 0 {
        tell("journal: empty, the first day begins");
        return;
    }
    if let Some(torn) = &recovered.torn {
        tell(&torn.to_string());
    }
    let behind = match snapshot {
        0 => String::new(),
        sequence => format!(" behind the snapshot of command {sequence}"),
    };
    tell(&format!(
        "journal: {} commands replayed{behind} in {} ms",
        recovered.last_sequence - snapshot,
        took.as_millis()
    ));
}

/// How many threads there will be.
fn layout(choice: LayoutChoice) -> Layout {
    match choice {
        LayoutChoice::Auto => Layout::for_cores(affinity::available().len()),
        LayoutChoice::One => Layout::One,
        LayoutChoice::Two => Layout::Two,
        LayoutChoice::Three => Layout::Three,
        LayoutChoice::Four => Layout::Four,
    }
}

/// Puts the stages on threads.
fn plans(
    config: &Config,
    stages: Stages<Machine>,
    left: &Sender<Left>,
    shutdown: &Shutdown,
) -> io::Result<Vec<threading::Plan>> {
    let layout = layout(config.threads.layout);
    let idle = match config.threads.idle {
        IdleChoice::Auto => None,
        IdleChoice::Spin => Some(IdleStrategy::Spin),
        IdleChoice::Yield => Some(IdleStrategy::Yield),
        IdleChoice::Park => Some(IdleStrategy::Park),
    };
    let engine_left = left.clone();
    let engine = Leaving::new(stages.engine, move |engine| {
        // Nobody may be waiting any more.
        let _ = engine_left.send(Left::Engine(Box::new(engine.into_exchange())));
    });
    let (recovery_left, shutdown) = (left.clone(), shutdown.clone());
    let released = stages.released;
    let recovery = Shared::new(stages.recovery);
    let spare = recovery.spare();
    let recovery = Leaving::new(recovery, move |recovery| {
        let mut recovery = recovery.into_inner();
        // After a failure nothing more leaves.
        if shutdown.failure().is_none() {
            recovery.close();
            recovery.take_last_snapshot(released.load(Ordering::Acquire));
        }
        let _ = recovery_left.send(Left::Recovery(Box::new(recovery.into_exchange())));
    });
    let mut journal = stages.journal;
    if !layout.share_a_thread(Role::Journal, Role::Recovery) {
        journal.may_wait();
    }
    let stages: Vec<(Role, BoxedStage)> = vec![
        (Role::Engine, Box::new(engine)),
        (Role::Output, Box::new(stages.output)),
        (Role::Journal, Box::new(journal)),
        (Role::Recovery, Box::new(recovery)),
    ];
    let mut plans = layout.plans(stages, &config.threads.cores, idle)?;
    plans[0].raise(config.threads.priority);
    // Recovery's thread takes turns with others then, and each of its turns holds one of them up.
    if let [first, second] = &mut plans[..]
        && second.idle() != IdleStrategy::Spin
    {
        first.help(Box::new(spare));
        first.wake_promptly();
    }
    Ok(plans)
}

/// A stage that leaves something behind when its thread drops it in order.
struct Leaving<T, F: FnOnce(T)> {
    inner: Option<(T, F)>,
}

impl<T, F: FnOnce(T)> Leaving<T, F> {
    fn new(stage: T, leave: F) -> Self {
        Self {
            inner: Some((stage, leave)),
        }
    }

    fn stage(&self) -> &T {
        let (stage, _) = self.inner.as_ref().expect("it is taken when dropped");
        stage
    }

    fn stage_mut(&mut self) -> &mut T {
        let (stage, _) = self.inner.as_mut().expect("it is taken when dropped");
        stage
    }
}

impl<T: Stage, F: FnOnce(T)> Stage for Leaving<T, F> {
    fn name(&self) -> &'static str {
        self.stage().name()
    }

    fn start(&mut self, waker: &Waker) {
        self.stage_mut().start(waker);
    }

    #[inline]
    fn poll(&mut self) -> usize {
        self.stage_mut().poll()
    }

    fn hurry(&self) -> Hurry {
        self.stage().hurry()
    }

    fn watch(&self, watch: &mut Watch) {
        self.stage().watch(watch);
    }

    fn is_drained(&self) -> bool {
        self.stage().is_drained()
    }
}

impl<T, F: FnOnce(T)> Drop for Leaving<T, F> {
    fn drop(&mut self) {
        // What a panic left half done is worth nothing.
        if !thread::panicking()
            && let Some((stage, leave)) = self.inner.take()
        {
            leave(stage);
        }
    }
}

impl Running {
    /// Where the doors are.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Where operators are served, if they are.
    pub fn admin_socket(&self) -> Option<&Path> {
        let served = self.served.as_ref()?;
        served.admin.as_ref().map(admin::Server::path)
    }

    /// Live counters of the stages.
    pub fn counters(&self) -> &[Arc<dyn Counters>] {
        &self.counters
    }

    /// Number of the last command that may be told to the world.
    pub fn released(&self) -> u64 {
        self.released.load(Ordering::Acquire)
    }

    /// Lines that helpers have for who runs it, since the last call.
    pub fn notices(&self) -> Vec<String> {
        self.notices.take()
    }

    /// Takes over from a changed configuration who may log in; says what was done and what waits for a restart, a line each.
    /// It says too that the level of the log is another one; who logs, changes it.
    ///
    /// # Errors
    /// Why nothing was done.
    pub fn reload(&mut self, config: &Config) -> Result<Vec<String>, String> {
        self.reloadable.reload(config)
    }

    /// True while the disk is nearly full: cancels only.
    pub fn is_low_on_space(&self) -> bool {
        self.low_space.load(Ordering::Relaxed)
    }

    /// True once it is about to end, by failure or because it was asked to.
    pub fn is_ending(&self) -> bool {
        self.shutdown.is_requested()
    }

    /// Ends in order: what was taken is decided, written, told; then the doors close.
    ///
    /// # Errors
    /// Why it failed, now or before.
    pub fn stop(mut self) -> Result<Final, String> {
        self.shutdown.request();
        if let Some(threads) = self.threads.take() {
            threads.join()?;
        }
        let (mut exchange, mut replica) = (None, None);
        for left in self.left.try_iter() {
            match left {
                Left::Engine(left) => exchange = Some(*left),
                Left::Recovery(left) => replica = Some(*left),
            }
        }
        match (exchange, replica) {
            (Some(exchange), Some(replica)) => Ok(Final { exchange, replica }),
            _ => Err("a stage ended without leaving what it had".to_owned()),
        }
    }

    fn wait_until_released(&self, sequence: u64) -> Result<(), StartError> {
        while self.released() < sequence {
            if let Some(failure) = self.shutdown.failure() {
                return Err(StartError::Failed(failure));
            }
            thread::sleep(LOOK);
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.request();
    }
}
