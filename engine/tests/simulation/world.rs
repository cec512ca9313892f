//! One simulated world: its clocks, its network, its disk, the exchange and those around it.

mod account;
mod answers;
mod calm;
mod configuration;
mod days;
mod disturb;
mod life;
mod operator;
mod permitted;
mod restarts;
mod told;
mod wire;

use std::collections::VecDeque;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use engine::assembly::{Inline, Simulated, StartError};
use engine::config::{Config, Durability};
use engine::exchange::Exchange;
use engine::exchange::command::Command;
use engine::journal::{self, ReadOptions, SimDisk};
use engine::poison::{Skips, simulated};
use engine::runtime::clock::Clock;
use engine::runtime::seams::DatagramSink;
use engine::runtime::sim_net::{SimConnector, SimSender, Switchboard, tcp};
use protocol::testing::Random;

use crate::attacker::{self, Attacker};
use crate::coverage::Coverage;
use crate::customer::Customer;
use crate::handler::{Door, Handler};
use crate::permits;
use crate::setting::Setting;
use crate::trace;
use configuration::File;
pub(crate) use wire::{Announced, Place};
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
    /// Since it has been for longer than anybody waits.
    turns_over: u64,
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
    glimpse: Door,
    customers: Vec<Customer>,
    handlers: Vec<Handler>,
    deaths: Vec<Death>,
    /// What was released, and for how many turns it has been that while more was to come.
    waiting: (u64, u64),
    noise: SimSender,
    attacker: Option<Attacker>,
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
        let mut setting = Setting::draw(&mut random);
        setting.has_attacker = attacker::is_in(seed);
        setting.permissions = permits::draw(seed, setting.customers);
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
                let secret = configuration::secret(&setting, index);
                Customer::new(&network, address, entry, index, secret, wishes, random.split())
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
        let (_, glimpse) = tcp(setting.tcp);
        let glimpse = Arc::new(Mutex::new(glimpse));
        let handlers = (0..setting.handlers)
            .map(|index| {
                let address = SocketAddrV4::new(Ipv4Addr::new(10, 0, 2, index), 5_000);
                Handler::new(&network, address, lines, &gap_recovery, &glimpse, random.split())
            })
            .collect();
        let attacker = setting.has_attacker.then(|| Attacker::new(&network, entry, seed));
        Self {
            wire: Wire::new(customers.iter().map(Customer::address), setting.sealed),
            attacker,
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
            glimpse,
            customers,
            handlers,
            deaths: Vec::new(),
            waiting: (0, 0),
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
        match &mut self.attacker {
            Some(attacker) if trades => attacker.turn(&self.order_entry, &self.customers),
            Some(attacker) => attacker.leave(),
            None => {}
        }
        let announced = self
            .wire
            .announced_at(self.now_ns.saturating_sub(Handler::patience_ns()));
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
                    exchange.turn_one(random.below(5) as usize);
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

    /// Strangers send garbage: nobody may notice.
    fn make_noise(&mut self) {
        if self.random.below(10) > 0 {
            return;
        }
        let mut datagram = vec![0; self.random.below(200) as usize];
        self.random.fill(&mut datagram);
        let entry = SocketAddrV4::new(EXCHANGE, self.config.network.order_entry_udp.port());
        self.noise
            .send(entry, &datagram)
            .expect("the switchboard takes everything");
    }
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
