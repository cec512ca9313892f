//! One simulated world: its clocks, its network, its disk, the exchange and those around it.

mod account;
mod answers;
mod configuration;
mod days;
mod disturb;
mod operator;
mod restarts;
mod told;
mod wire;

use std::collections::VecDeque;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use engine::assembly::{Inline, Simulated, StartError};
use engine::config::{Config, Durability};
use engine::exchange::Exchange;
use engine::exchange::command::Command;
use engine::journal::{self, Crash, ReadOptions, SimDisk};
use engine::poison::{self, Skips, simulated};
use engine::runtime::clock::Clock;
use engine::runtime::seams::DatagramSink;
use engine::runtime::sim_net::{SimConnector, SimSender, Switchboard, tcp};
use engine::snapshot::Snapshots;
use protocol::testing::Random;

use crate::coverage::Coverage;
use crate::customer::Customer;
use crate::handler::{Door, Handler};
use crate::setting::Setting;
use crate::trace;
use configuration::File;
pub(crate) use wire::Place;
use wire::{Stream, Wire};

const EXCHANGE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
/// More than ever needed to become quiet: reaching it is a failure.
const QUIET_TURNS: u64 = 20_000;
/// Time of a turn while somebody is dead, and at the end: nothing happens fast then.
const SLOW_NS: u64 = 300_000_000;
const QUIET_NS: u64 = 40_000_000;
/// Everything an exchange knows is compared with itself so often.
const AUDIT_TURNS: u64 = 40;
/// A failed write must end the exchange within so many turns.
const FAILING_TURNS: u64 = 100;
/// A disk that is nearly full must be noticed within so many turns.
const LOW_TURNS: u64 = 60;
const MIDNIGHT_NS: u64 = 20_000 * 86_400_000_000_000;
const DISK_BYTES: u64 = 1 << 30;

/// What a run comes to: equal for equal seeds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Digest {
    /// Over every datagram of the exchange and every byte anybody was told.
    pub(crate) hash: u64,
    pub(crate) commands: u64,
    pub(crate) coverage: Coverage,
}

/// A customer that is dead.
struct Death {
    customer: usize,
    /// By the exchange's clock.
    since_ns: u64,
    /// Of the exchange.
    day: u32,
    /// It had been connected on that day.
    was_there: bool,
    turns: u64,
}

pub(crate) struct World {
    setting: Setting,
    random: Random,
    /// True time, nanoseconds since 1970.
    now_ns: u64,
    /// What the exchange's clock is off.
    offset_ns: i64,
    clock: Arc<AtomicU64>,
    /// What the file says.
    file: File,
    config: Config,
    outside: Simulated,
    exchange: Option<Inline>,
    /// A command has ended the process.
    was_poisoned: bool,
    /// Commands that the operator has left out.
    skipped: u32,
    /// What the operator is about to do.
    plan: VecDeque<Command>,
    /// By the exchange's clock.
    started_ns: u64,
    /// Durable when the exchange started.
    recovered: u64,
    /// The disk was told to fail, or is full.
    may_fail: bool,
    /// Writes that had failed when the exchange started, and turns since another one did.
    failures: u64,
    failed_turns: u64,
    /// Turns since the disk is nearly full.
    low_turns: u64,
    /// Commands taken when it had been for long: from behind the first to the second.
    low: Vec<(u64, u64)>,
    order_entry: SimConnector,
    gap_recovery: Door,
    customers: Vec<Customer>,
    handlers: Vec<Handler>,
    deaths: Vec<Death>,
    noise: SimSender,
    /// Datagrams that strangers copy.
    overheard: Vec<Vec<u8>>,
    wire: Wire,
    turns: u64,
    coverage: Coverage,
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("world")
    }
}

impl World {
    pub(crate) fn new(seed: u64, durability: Durability) -> Self {
        let mut random = Random::new(seed);
        let setting = Setting::draw(&mut random);
        simulated::set_deadly(true);
        let file = File {
            accounts: setting.customers - setting.late,
            fees: [0; 2],
        };
        let mut config = configuration::of(&setting, file);
        config.journal.durability = durability;
        let now_ns = MIDNIGHT_NS + u64::from(configuration::BEGINS_S) * 1_000_000_000;
        let clock = Arc::new(AtomicU64::new(now_ns));
        let network = Switchboard::new(random.next_u64(), 4_096);
        network.set_faults(setting.network);
        network.advance(now_ns);
        network.tap(EXCHANGE);
        let outside = Simulated {
            clock: Clock::Manual(Arc::clone(&clock)),
            network: network.clone(),
            disk: SimDisk::new(
                random.next_u64(),
                setting.segment_bytes,
                DISK_BYTES,
                setting.disk_polls_max,
            ),
            address: EXCHANGE,
            hash_seed: random.next_u64(),
            skips: Skips::default(),
        };
        let entry = SocketAddrV4::new(EXCHANGE, config.network.order_entry_udp.port());
        let customers: Vec<_> = (0..setting.customers)
            .map(|index| {
                let address = SocketAddrV4::new(Ipv4Addr::new(10, 0, 1, index), 5_000);
                let wishes = setting.wishes.clone();
                Customer::new(&network, address, entry, index, wishes, random.split())
            })
            .collect();
        let lines = [
            config.network.line_a,
            config.network.line_b.expect("both lines are on"),
        ];
        // Nobody listens yet.
        let (_, order_entry) = tcp(setting.tcp);
        let (_, gap_recovery) = tcp(setting.tcp);
        let gap_recovery = Arc::new(Mutex::new(gap_recovery));
        let handlers = (0..setting.handlers)
            .map(|index| {
                let address = SocketAddrV4::new(Ipv4Addr::new(10, 0, 2, index), 5_000);
                Handler::new(&network, address, lines, &gap_recovery, random.split())
            })
            .collect();
        Self {
            wire: Wire::new(customers.iter().map(Customer::address)),
            noise: network.sender(SocketAddrV4::new(Ipv4Addr::new(10, 0, 3, 1), 1)),
            setting,
            random,
            now_ns,
            offset_ns: 0,
            clock,
            file,
            config,
            outside,
            exchange: None,
            was_poisoned: false,
            skipped: 0,
            plan: VecDeque::new(),
            started_ns: 0,
            recovered: 0,
            may_fail: false,
            failures: 0,
            failed_turns: 0,
            low_turns: 0,
            low: Vec::new(),
            order_entry,
            gap_recovery,
            customers,
            handlers,
            deaths: Vec::new(),
            overheard: Vec::new(),
            turns: 0,
            coverage: Coverage::default(),
        }
    }

    /// The whole life of a world; panics when something is not as it must be.
    pub(crate) fn run(mut self) -> Digest {
        self.tell(format_args!("{}", self.setting));
        self.start();
        for _ in 0..self.setting.crashes {
            for _ in 0..self.random.below(self.setting.turns) {
                self.turn(true);
            }
            self.crash();
        }
        for _ in 0..self.setting.turns {
            self.turn(true);
        }
        self.calm_down();
        self.account()
    }

    fn tell(&self, what: fmt::Arguments<'_>) {
        trace::tell(self.now_ns, self, what);
    }

    /// The exchange's clock.
    fn exchange_ns(&self) -> u64 {
        self.clock.load(Ordering::Relaxed)
    }

    fn set_clock(&self) {
        let ns = self.now_ns.saturating_add_signed(self.offset_ns);
        self.clock.store(ns, Ordering::Relaxed);
    }

    /// The last command that is on the disk for good.
    fn durable(&self) -> u64 {
        let on_disk = self.outside.disk.last_frame().map_or(0, |header| {
            // As docs/protocol/journal.md has it: First Sequence, Count.
            let first = u64::from_le_bytes(header[24..32].try_into().expect("eight bytes"));
            let count = u32::from_le_bytes(header[40..44].try_into().expect("four bytes"));
            first + u64::from(count) - 1
        });
        on_disk.max(self.recovered)
    }

    /// Starts; the exchange may be killed before it is ready, several times.
    fn start(&mut self) {
        loop {
            self.start_once();
            let is_killed = self.setting.has_crashes_at_start && self.random.below(3) == 0;
            let turns = if is_killed {
                self.random.below(6)
            } else {
                u64::from(u32::MAX)
            };
            for _ in 0..turns {
                if self.exchange.as_ref().is_none_or(Inline::is_ready) {
                    break;
                }
                self.turn(false);
            }
            if !is_killed {
                return;
            }
            self.coverage.met("crashes at start");
            self.kill();
        }
    }

    fn start_once(&mut self) {
        self.failures = self.outside.disk.failed();
        self.failed_turns = 0;
        self.low_turns = 0;
        self.outside.disk.set_capacity(DISK_BYTES);
        self.may_fail = false;
        self.was_poisoned = false;
        self.change_file();
        self.recovered = last_sequence(&self.outside.disk);
        self.started_ns = self.exchange_ns();
        for death in &mut self.deaths {
            death.turns = 0;
        }
        self.exchange = Some(self.started());
        // Whatever the start has read, it tells: so it must not be lost any more.
        assert!(
            self.outside.disk.is_settled(),
            "the exchange has started on what is in caches only"
        );
        let mut disk = self.outside.disk.clone();
        if Snapshots::list(&mut disk).is_ok_and(|all| !all.is_empty()) {
            self.coverage.met("starts with a snapshot there");
        }
        if self.today() > 1 {
            self.coverage.met("starts on a later day");
        }
        self.coverage.met("starts");
        self.tell(format_args!(
            "the exchange starts after command {}, on day {}",
            self.recovered,
            self.today()
        ));
    }

    /// A start; the operator leaves out whatever ends it.
    fn started(&mut self) -> Inline {
        loop {
            let (order_entry, to_order_entry) = tcp(self.setting.tcp);
            let (gap_recovery, to_gap_recovery) = tcp(self.setting.tcp);
            self.order_entry = to_order_entry;
            *self.gap_recovery.lock().unwrap_or_else(PoisonError::into_inner) = to_gap_recovery;
            let start = || Inline::start(&self.config, &self.outside, order_entry, gap_recovery);
            match catch_unwind(AssertUnwindSafe(start)) {
                Ok(started) => return started.unwrap_or_else(|error| panic!("does not start: {error}")),
                Err(panic) => {
                    let Some(command) = poison::take_applying().filter(is_poison) else {
                        resume_unwind(panic);
                    };
                    assert!(!self.outside.skips.contains(&command), "it was left out");
                    self.outside.skips.leave_out(&command);
                    self.skipped += 1;
                    self.coverage.met("starts that a command has ended");
                    self.tell(format_args!("command {} is left out", command.sequence));
                }
            }
        }
    }

    /// The process is gone, and perhaps the power.
    fn kill(&mut self) {
        self.exchange = None;
        (self.may_fail, self.was_poisoned) = (false, false);
        // Where power is lost the process is killed now and then, too: what it left in caches may be lost later.
        let is_power = self.setting.has_power_losses && self.random.below(3) > 0;
        let crash = if is_power || self.config.journal.durability != Durability::Sync {
            Crash::PowerLoss
        } else {
            Crash::Kill
        };
        self.outside.disk.crash(crash);
        self.coverage.met(format!("crashes: {crash:?}"));
        self.tell(format_args!("the process is gone: {crash:?}"));
        // What was not durable is gone, and its numbers are given again.
        let frames = sequences(&self.outside.disk).expect("the journal is whole");
        let last = frames.last().copied().unwrap_or(0);
        for (from, to) in &mut self.low {
            (*from, *to) = ((*from).min(last), (*to).min(last));
        }
        self.flip_a_bit(&frames);
        if self.setting.has_bad_snapshots {
            self.harm_snapshots();
        }
    }

    /// A bit of the newest snapshot flips, or its end is missing: a start must do with an older one, or none. Or none can
    /// be written until the next crash.
    fn harm_snapshots(&mut self) {
        let mut disk = self.outside.disk.clone();
        disk.fail_snapshots(self.random.below(4) == 0);
        let newest = Snapshots::list(&mut disk)
            .ok()
            .and_then(|all| all.last().copied());
        let Some(newest) = newest.filter(|_| self.random.chance(1, 2)) else {
            return;
        };
        let random = &mut self.random;
        disk.change_snapshot(newest, |bytes| {
            if bytes.is_empty() {
                return;
            }
            let place = random.below(bytes.len() as u64) as usize;
            if random.chance(1, 2) {
                bytes[place] ^= 1 << random.below(8);
            } else {
                bytes.truncate(place);
            }
        });
        self.coverage.met("snapshots damaged");
        self.tell(format_args!("snapshot {newest} is damaged"));
    }

    fn crash(&mut self) {
        if self.setting.is_uneven {
            // In the middle of a turn.
            self.turn_stages();
        }
        self.kill();
        self.revive();
    }

    /// Some time passes, people talk to nobody, and the exchange starts again.
    fn revive(&mut self) {
        if self.setting.has_clock_steps {
            let step = self.random.below(120_000_000_000) as i64 - 60_000_000_000;
            self.offset_ns += step;
            self.coverage.met(if step < 0 {
                "clock steps back"
            } else {
                "clock steps forward"
            });
        }
        for _ in 0..self.random.below(50) {
            self.turn(true);
        }
        self.start();
    }

    fn turn(&mut self, trades: bool) {
        let pace_ns = if self.deaths.is_empty() {
            self.setting.pace_ns
        } else {
            SLOW_NS
        };
        if trades {
            self.disturb();
        }
        self.pass(trades, pace_ns);
        // It ended by itself: somebody starts it again.
        if self.has_ended() {
            self.kill();
            self.revive();
        }
    }

    /// The exchange ended by itself.
    fn has_ended(&self) -> bool {
        (self.may_fail || self.was_poisoned) && self.exchange.is_none()
    }

    /// Time passes, and everybody has a turn.
    fn pass(&mut self, trades: bool, pace_ns: u64) {
        self.turns += 1;
        self.now_ns += 1 + self.random.below(2 * pace_ns);
        self.set_clock();
        self.outside.network.advance(self.now_ns);
        if self.setting.has_noise {
            self.make_noise();
        }
        self.turn_stages();
        for customer in &mut self.customers {
            customer.turn(self.now_ns, &self.order_entry, trades);
        }
        let announced = self
            .wire
            .place_at(self.now_ns.saturating_sub(Handler::patience_ns()));
        for handler in &mut self.handlers {
            handler.turn(self.now_ns, announced);
        }
        self.watch();
        self.watch_space();
        self.judge_the_dead();
        if self.turns.is_multiple_of(AUDIT_TURNS)
            && let Some(exchange) = &self.exchange
        {
            exchange
                .exchange()
                .check_invariants()
                .unwrap_or_else(|error| panic!("books and balances: {error}"));
        }
    }

    /// Notes which commands are taken while the disk has been nearly full for some time.
    fn watch_space(&mut self) {
        let Some(exchange) = &self.exchange else { return };
        let is_low = self.outside.disk.room_bytes() < 2 * self.setting.segment_bytes;
        self.low_turns = if is_low { self.low_turns + 1 } else { 0 };
        let sequence = exchange.exchange().sequence();
        match self.low.last_mut() {
            _ if self.low_turns == LOW_TURNS => self.low.push((sequence, sequence)),
            Some((_, to)) if self.low_turns > LOW_TURNS => *to = sequence,
            _ => {}
        }
    }

    fn turn_stages(&mut self) {
        let is_uneven = self.setting.is_uneven;
        self.guarded(|exchange, random| {
            if is_uneven {
                for _ in 0..1 + random.below(8) {
                    exchange.turn_one(random.below(4) as usize);
                }
            } else {
                exchange.turn();
            }
        });
        let Some(exchange) = &self.exchange else {
            return;
        };
        let Some(failure) = exchange.failure() else {
            let has_failed = self.outside.disk.failed() > self.failures;
            self.failed_turns = if has_failed { self.failed_turns + 1 } else { 0 };
            assert!(
                self.failed_turns < FAILING_TURNS,
                "a write failed long ago, and the exchange does not say so"
            );
            return;
        };
        assert!(self.may_fail, "the exchange failed: {failure}");
        // It has failed for good: whatever it is still given, it writes no more and releases no more (P12).
        let writes = self.outside.disk.writes();
        self.guarded(|exchange, _| {
            let released = exchange.released();
            for _ in 0..20 {
                exchange.turn();
            }
            assert_eq!(exchange.released(), released, "it goes on after a write failed");
        });
        assert_eq!(
            self.outside.disk.writes(),
            writes,
            "it goes on writing after a write failed"
        );
        self.coverage.met("failures that end the exchange");
        self.tell(format_args!("{failure}"));
        self.watch();
        self.exchange = None;
    }

    /// Lets the exchange do something, unless a command ends the process meanwhile.
    fn guarded(&mut self, run: impl FnOnce(&mut Inline, &mut Random)) {
        let Self { exchange, random, .. } = self;
        let Some(exchange) = exchange else { return };
        let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(exchange, random))) else {
            return;
        };
        match poison::take_applying().filter(is_poison) {
            Some(command) => self.die_of(&command),
            None => resume_unwind(panic),
        }
    }

    /// The operator does something for certain, in a world that is calm.
    fn operate_surely(&mut self, command: Command) {
        let is_taken = |exchange: &mut Inline| exchange.is_ready() && exchange.try_operate(command);
        while !self.exchange.as_mut().is_some_and(is_taken) {
            self.calm_turn(QUIET_NS);
        }
    }

    /// A command has ended the process. Threads that do not apply it go on until they are gone too.
    fn die_of(&mut self, command: &Command) {
        if let Some(exchange) = &mut self.exchange {
            for _ in 0..self.random.below(30) {
                exchange.turn_one(1);
            }
        }
        self.exchange = None;
        self.was_poisoned = true;
        self.coverage.met("commands that ended the process");
        self.tell(format_args!("command {} has ended the process", command.sequence));
    }

    /// What was said meanwhile, and how much was durable.
    fn watch(&mut self) {
        let durable = self.durable();
        for (to, bytes) in self.outside.network.take_tapped() {
            self.wire.datagram(self.now_ns, to, &bytes, durable);
        }
        for (index, customer) in self.customers.iter_mut().enumerate() {
            for (day, sequence, hash) in customer.told.drain(..) {
                self.wire
                    .hashed(Stream::customer(day, index), sequence, hash, durable);
            }
            for answer in &mut customer.answers[customer.answers_seen..] {
                answer.durable = durable;
            }
            customer.answers_seen = customer.answers.len();
        }
    }

    /// Strangers send garbage, and what they overheard: nobody may notice.
    fn make_noise(&mut self) {
        if self.random.below(10) > 0 {
            return;
        }
        let mut datagram = vec![0; self.random.below(200) as usize];
        self.random.fill(&mut datagram);
        if let Some(overheard) = self.overheard.pop() {
            datagram = overheard;
        }
        let entry = SocketAddrV4::new(EXCHANGE, self.config.network.order_entry_udp.port());
        self.noise
            .send(entry, &datagram)
            .expect("the switchboard takes everything");
    }

    /// A bit flips in the journal at rest: a start on it is refused, or gives a journal that is whole up to the frame
    /// with the flipped bit, if that is the last one (it can not be told from one that was never written whole).
    fn flip_a_bit(&mut self, before: &[u64]) {
        let disk = self.outside.disk.copy();
        let Some(place) = disk.flip(self.random.next_u64()) else {
            return;
        };
        self.coverage.met("bits flipped at rest");
        match sequences(&disk) {
            Err(error) => {
                self.coverage.met("flipped bits refused");
                self.tell(format_args!("a bit flipped at {place:?}: {error}"));
            }
            Ok(after) => {
                let is_beginning = before.starts_with(&after);
                let cut = before.len() - after.len().min(before.len());
                assert!(
                    is_beginning && cut <= 1,
                    "a bit flipped at {place:?} and {cut} frames are gone, silently"
                );
                self.coverage.met("flipped bits in the last frame, or behind it");
            }
        }
    }

    /// The faults end, everybody comes back, and everything that is on its way arrives.
    fn calm_down(&mut self) {
        self.tell(format_args!("calm"));
        self.mend_all();
        if self.may_fail || self.file.accounts < self.setting.customers {
            self.file.accounts = self.setting.customers;
            self.kill();
            self.start();
        }
        self.finish_plan();
        self.open_everything();
        let mut turns = 0;
        while !self.deaths.is_empty() {
            self.calm_turn(SLOW_NS);
            turns += 1;
            assert!(turns < QUIET_TURNS, "the dead do not come back");
        }
        while !self.is_quiet() {
            self.calm_turn(QUIET_NS);
            turns += 1;
            assert!(
                turns < QUIET_TURNS,
                "the world does not become quiet: {}",
                self.whats_missing()
            );
        }
    }

    /// A turn in which nobody asks for anything new. What was asked for before may still end the process.
    fn calm_turn(&mut self, pace_ns: u64) {
        self.pass(false, pace_ns);
        if self.has_ended() {
            self.kill();
            self.start();
        }
    }

    fn whats_missing(&self) -> String {
        let customers = self.customers.iter().filter(|customer| !customer.is_quiet());
        let place = self.feed_place();
        let handlers = self.handlers.iter().filter(|handler| !handler.is_whole(place));
        let names: Vec<_> = customers.map(|customer| &customer.username).collect();
        format!("customers {names:?}, {} subscribers", handlers.count())
    }

    /// The day, and how much of its feed was sent.
    fn feed_place(&self) -> Place {
        let day = self.today();
        (day, self.wire.length(Stream::feed(day)) as u64)
    }

    /// Everybody has everything: known by the numbers of those who have most, so the network must be given the time of
    /// some heartbeats as well.
    fn is_quiet(&mut self) -> bool {
        let quiet = |world: &Self| {
            let place = world.feed_place();
            let (day, _) = place;
            let is_released = world
                .exchange
                .as_ref()
                .is_some_and(|exchange| exchange.released() == exchange.exchange().sequence());
            if !is_released {
                return false;
            }
            let mut customers = world.customers.iter().enumerate();
            // Whoever missed the last message does not know it before a heartbeat comes through.
            customers.all(|(index, customer)| {
                let today = customer.today();
                customer.is_quiet()
                    && today.number() == day
                    && today.stream.len() >= world.wire.length(Stream::customer(day, index))
            }) && world.handlers.iter().all(|handler| handler.is_whole(place))
        };
        if !quiet(self) {
            return false;
        }
        // Heartbeats tell of what was lost at the end.
        let until = self.now_ns + 5_000_000_000;
        let before = self.size();
        while self.now_ns < until {
            self.calm_turn(QUIET_NS);
        }
        quiet(self) && self.size() == before
    }

    /// Commands, messages sent, messages heard.
    fn size(&self) -> (u64, u64, usize) {
        let exchange = self.exchange.as_ref();
        let commands = exchange.map_or(0, |exchange| exchange.exchange().sequence());
        let days = self.customers.iter().flat_map(|customer| &customer.days);
        (
            commands,
            self.wire.count(),
            days.map(|day| day.stream.len()).sum(),
        )
    }
}

/// True for a command that ends the process whenever it is applied.
fn is_poison(command: &Command) -> bool {
    command.order().cl_ord_id.starts_with(simulated::CL_ORD_ID)
}

/// Session index of a user name.
fn session_of(exchange: &Exchange, username: &str) -> Option<u32> {
    (0..exchange.session_count()).find(|session| {
        let known = exchange.session(*session).expect("it is below the count");
        String::from_utf8_lossy(&known.username).trim() == username
    })
}

/// The last command of each frame that a start would read.
fn sequences(disk: &SimDisk) -> Result<Vec<u64>, StartError> {
    let mut frames: Vec<u64> = Vec::new();
    journal::replay(
        &mut disk.clone(),
        ReadOptions::default(),
        |_| {},
        |command, first| -> Result<(), StartError> {
            match frames.last_mut() {
                Some(last) if first.is_none() => *last = command.sequence,
                _ => frames.push(command.sequence),
            }
            Ok(())
        },
    )?;
    Ok(frames)
}

fn last_sequence(disk: &SimDisk) -> u64 {
    let frames = sequences(disk).unwrap_or_else(|error| panic!("the journal is not whole: {error}"));
    frames.last().copied().unwrap_or(0)
}
