//! One simulated world: its clock, its network, its disk, the exchange and those around it; and the final account.

mod restarts;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use engine::assembly::{Final, Inline, Replay, Simulated, StartError};
use engine::config::{Config, Durability};
use engine::exchange::book::Side;
use engine::journal::{self, Crash, Fault, ReadOptions, SimDisk};
use engine::output::MessageSink;
use engine::runtime::clock::Clock;
use engine::runtime::seams::DatagramSink;
use engine::runtime::sim_net::{Faults, SimConnector, SimSender, Switchboard, TcpSettings, tcp};
use protocol::testing::Random;

use crate::customer::Customer;
use crate::subscriber::Subscriber;

const CUSTOMERS: u8 = 5;
const EXCHANGE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
/// Turns with trading, at most; the crash is somewhere among them.
const TURNS: u64 = 3_000;
/// More than ever needed to become quiet: reaching it is a failure.
const QUIET_TURNS: u64 = 200_000;
const MIDNIGHT_NS: u64 = 20_000 * 86_400_000_000_000;

/// What a run comes to: equal for equal seeds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Digest {
    /// Of every customer's stream and the feed.
    pub(crate) streams: u64,
    pub(crate) state: u64,
    pub(crate) executions: u64,
    pub(crate) canceled: u64,
    pub(crate) replaced: u64,
    pub(crate) rejected: u64,
    pub(crate) resent: u64,
    pub(crate) re_requested: u64,
    pub(crate) triggered: u64,
    pub(crate) restated: u64,
    pub(crate) unseen: u64,
    pub(crate) recovered: u64,
    pub(crate) lost: u64,
    pub(crate) disk_failures: u64,
}

impl Digest {
    pub(crate) fn add(&mut self, other: &Self) {
        self.executions += other.executions;
        self.canceled += other.canceled;
        self.replaced += other.replaced;
        self.rejected += other.rejected;
        self.resent += other.resent;
        self.re_requested += other.re_requested;
        self.triggered += other.triggered;
        self.restated += other.restated;
        self.unseen += other.unseen;
        self.recovered += other.recovered;
        self.lost += other.lost;
        self.disk_failures += other.disk_failures;
    }
}

pub(crate) struct World {
    random: Random,
    time: Arc<AtomicU64>,
    config: Config,
    outside: Simulated,
    exchange: Option<Inline>,
    order_entry: SimConnector,
    gap_recovery: SimConnector,
    tcp: TcpSettings,
    customers: Vec<Customer>,
    subscriber: Subscriber,
    noise: SimSender,
    disk_failures: u64,
}

impl World {
    pub(crate) fn new(seed: u64, durability: Durability) -> Self {
        let mut random = Random::new(seed);
        let mut config = configuration();
        config.journal.durability = durability;
        let time = Arc::new(AtomicU64::new(MIDNIGHT_NS + 9 * 3_600_000_000_000));
        let network = Switchboard::new(random.next_u64(), 4_096);
        network.set_faults(Faults {
            loss_ppm: random.below(80_000) as u32,
            duplicate_ppm: random.below(50_000) as u32,
            reorder_ppm: random.below(80_000) as u32,
            damage_ppm: 0,
            reorder_depth: 8,
        });
        let outside = Simulated {
            clock: Clock::Manual(Arc::clone(&time)),
            network: network.clone(),
            disk: SimDisk::new(random.next_u64(), 4 << 20, 1 << 30, 1 + random.below(12)),
            address: EXCHANGE,
            hash_seed: random.next_u64(),
        };
        let door = SocketAddrV4::new(EXCHANGE, config.network.order_entry_udp.port());
        let customers = (0..CUSTOMERS)
            .map(|index| {
                let address = SocketAddrV4::new(Ipv4Addr::new(10, 0, 1, index), 5_000);
                Customer::new(&network, address, door, format!("T{index}"), random.split())
            })
            .collect();
        let lines = [
            config.network.line_a,
            config.network.line_b.expect("both lines are on"),
        ];
        let subscriber = Subscriber::new(
            &network,
            SocketAddrV4::new(Ipv4Addr::new(10, 0, 2, 1), 5_000),
            lines,
        );
        let tcp_settings = TcpSettings {
            buffer_bytes: 8 << 10,
            piece_bytes: 1 + random.below(1_400) as usize,
        };
        // Nobody listens yet.
        let (_, order_entry) = tcp(tcp_settings);
        let (_, gap_recovery) = tcp(tcp_settings);
        Self {
            noise: network.sender(SocketAddrV4::new(Ipv4Addr::new(10, 0, 3, 1), 1)),
            random,
            time,
            config,
            outside,
            exchange: None,
            order_entry,
            gap_recovery,
            tcp: tcp_settings,
            customers,
            subscriber,
            disk_failures: 0,
        }
    }

    pub(crate) fn run(mut self) -> Digest {
        self.start();
        for _ in 0..1 + self.random.below(2) {
            let until = self.random.below(TURNS);
            for _ in 0..until {
                self.turn(true);
            }
            self.crash();
            self.start();
        }
        for _ in 0..TURNS {
            self.turn(true);
        }
        let mut turns = 0;
        while !self.is_quiet() {
            self.turn(false);
            turns += 1;
            assert!(turns < QUIET_TURNS, "the world does not become quiet");
        }
        self.account()
    }

    fn start(&mut self) {
        let (order_entry, to_order_entry) = tcp(self.tcp);
        let (gap_recovery, to_gap_recovery) = tcp(self.tcp);
        (self.order_entry, self.gap_recovery) = (to_order_entry, to_gap_recovery);
        let mut exchange = Inline::start(&self.config, &self.outside, order_entry, gap_recovery)
            .unwrap_or_else(|error| panic!("does not start: {error}"));
        exchange.turn_until_ready().expect("nothing fails");
        self.exchange = Some(exchange);
    }

    /// The process is gone, and perhaps the power; or the disk fails first, and the exchange must end by itself.
    fn crash(&mut self) {
        if self.random.below(3) == 0 {
            self.fail_disk();
        }
        self.exchange = None;
        let crash = match (self.config.journal.durability, self.random.below(2)) {
            (Durability::Sync, 0) => Crash::Kill,
            _ => Crash::PowerLoss,
        };
        self.outside.disk.crash(crash);
        // Some time passes, and people talk to nobody.
        for _ in 0..self.random.below(50) {
            self.turn(true);
        }
    }

    fn fail_disk(&mut self) {
        let fault = *self.random.pick(&[
            Fault::WriteError,
            Fault::ShortWrite,
            Fault::NoSpace,
            Fault::SyncError,
        ]);
        self.outside.disk.fail(1 + self.random.below(3), fault);
        self.disk_failures += 1;
        let mut turns = 0;
        while self.exchange.is_some() {
            self.turn_with(true, true);
            turns += 1;
            assert!(turns < QUIET_TURNS, "a write failed, and the exchange goes on");
        }
    }

    fn turn(&mut self, trades: bool) {
        self.turn_with(trades, false);
    }

    /// `may_fail`: a failure is expected, and takes the exchange away.
    fn turn_with(&mut self, trades: bool, may_fail: bool) {
        let now = self
            .time
            .fetch_add(1_000 + self.random.below(200_000), Ordering::Relaxed);
        if self.random.below(20) == 0 {
            let mut garbage = vec![0; self.random.below(200) as usize];
            self.random.fill(&mut garbage);
            let door = SocketAddrV4::new(EXCHANGE, self.config.network.order_entry_udp.port());
            self.noise
                .send(door, &garbage)
                .expect("the switchboard takes everything");
        }
        if let Some(exchange) = &mut self.exchange {
            exchange.turn();
            if let Some(failure) = exchange.failure() {
                assert!(may_fail, "the exchange failed: {failure}");
                self.exchange = None;
            }
        }
        for customer in &mut self.customers {
            customer.turn(now, &self.order_entry, trades);
        }
        self.subscriber.turn(now, &self.gap_recovery);
    }

    /// Everybody has everything: known by the numbers of those who have most, so the network must be given the time of
    /// some heartbeats as well.
    fn is_quiet(&mut self) -> bool {
        let quiet =
            |world: &Self| world.customers.iter().all(Customer::is_quiet) && world.subscriber.is_whole();
        if !quiet(self) {
            return false;
        }
        // Heartbeats tell of what was lost at the end.
        let until = self.time.load(Ordering::Relaxed) + 5_000_000_000;
        let before = self.size();
        while self.time.load(Ordering::Relaxed) < until {
            self.turn(false);
        }
        quiet(self) && self.size() == before
    }

    fn size(&self) -> usize {
        let streams = self.customers.iter().map(|customer| customer.stream.len());
        streams.sum::<usize>() + self.subscriber.feed.len()
    }

    /// Every account of what happened must agree.
    fn account(mut self) -> Digest {
        let exchange = self.exchange.take().expect("it runs");
        let last = exchange.stop().expect("it ends in order");
        assert!(last.is_equal(), "engine and replica have different states");
        last.exchange
            .check_invariants()
            .expect("books and balances add up");
        self.compare_books(&last);
        self.compare_open_orders(&last);
        self.compare_with_the_journal(&last);

        let mut digest = Digest {
            streams: hash(self.streams()),
            state: last.exchange.state_hash(),
            recovered: self.subscriber.recovered,
            lost: self.outside.network.counters().lost,
            disk_failures: self.disk_failures,
            ..Digest::default()
        };
        for customer in &self.customers {
            digest.executions += customer.done.executions;
            digest.canceled += customer.done.canceled;
            digest.replaced += customer.done.replaced;
            digest.rejected += customer.done.rejected;
            digest.re_requested += customer.done.re_requested;
            digest.triggered += customer.done.triggered;
            digest.restated += customer.done.restated;
            digest.unseen += customer.done.unseen;
            digest.resent += customer.entry.resent();
        }
        digest
    }

    /// All bytes that anybody was told.
    fn streams(&self) -> impl Iterator<Item = &Vec<u8>> {
        let customers = self.customers.iter().flat_map(|customer| &customer.stream);
        customers.chain(&self.subscriber.feed)
    }

    /// The subscriber's books are the exchange's.
    fn compare_books(&self, last: &Final) {
        let books = &self.subscriber.books;
        assert_eq!(books.symbols.len(), usize::from(last.exchange.instrument_count()));
        for locate in 1..=last.exchange.instrument_count() {
            for (side, byte) in [(Side::Buy, b'B'), (Side::Sell, b'S')] {
                let levels: BTreeMap<_, _> = last
                    .exchange
                    .levels(locate, side)
                    .map(|(price, quantity, _)| (price, quantity))
                    .collect();
                assert_eq!(
                    books.ladder(locate, byte),
                    levels,
                    "instrument {locate}, side {side:?}"
                );
            }
        }
    }

    /// What customers think is open, is.
    fn compare_open_orders(&self, last: &Final) {
        for session in 0..last.exchange.session_count() {
            let known = last.exchange.session(session).expect("it is below the count");
            let name = String::from_utf8_lossy(&known.username).trim().to_owned();
            let Some(customer) = self.customers.iter().find(|customer| customer.username == name) else {
                continue;
            };
            let orders: Vec<_> = last.exchange.open_orders(known.account).collect();
            assert_eq!(orders.len(), customer.entry.live_count(), "{name}");
            for order in orders {
                assert_eq!(
                    customer.entry.open_quantity(order.user_ref),
                    Some(order.open),
                    "{name}"
                );
            }
        }
    }

    /// The journal, applied again, gives the same state and every byte that anybody was told.
    fn compare_with_the_journal(&self, last: &Final) {
        let mut replay = Replay::new(self.config.capacities.limits, 1);
        let mut told = Told::default();
        let disk = &mut self.outside.disk.copy();
        journal::replay(
            disk,
            ReadOptions::default(),
            |_| {},
            |command, expected| -> Result<(), StartError> { Ok(replay.apply(command, expected, &mut told)?) },
        )
        .unwrap_or_else(|error| panic!("the journal is not whole: {error}"));
        assert_eq!(replay.exchange.state_hash(), last.exchange.state_hash());
        assert_eq!(told.feed, self.subscriber.feed, "the feed is the journal's");
        for session in 0..last.exchange.session_count() {
            let known = last.exchange.session(session).expect("it is below the count");
            let name = String::from_utf8_lossy(&known.username).trim().to_owned();
            if let Some(customer) = self.customers.iter().find(|customer| customer.username == name) {
                let stream = told.sessions.remove(&session).unwrap_or_default();
                assert_eq!(stream, customer.stream, "the stream of {name} is the journal's");
            }
        }
    }
}

/// Everything that was ever told, by the journal.
#[derive(Default)]
struct Told {
    feed: Vec<Vec<u8>>,
    sessions: BTreeMap<u32, Vec<Vec<u8>>>,
}

impl MessageSink for Told {
    fn feed(&mut self, sequence: u64, message: &[u8]) {
        self.feed.push(message.to_vec());
        assert_eq!(sequence, self.feed.len() as u64);
    }

    fn session(&mut self, session: u32, sequence: u64, message: &[u8]) {
        let stream = self.sessions.entry(session).or_default();
        stream.push(message.to_vec());
        assert_eq!(sequence, stream.len() as u64);
    }
}

/// FNV-1a.
fn hash<'a>(messages: impl Iterator<Item = &'a Vec<u8>>) -> u64 {
    messages.flatten().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Two instruments, an account and session for each customer, and capacities small enough to be reached by rings.
fn configuration() -> Config {
    let mut text = String::from(
        r#"
assets = [{ name = "USD", decimals = 8 }, { name = "BTC", decimals = 8 }, { name = "ETH", decimals = 18 }]

[[instruments]]
symbol = "BTC-USD"
base = "BTC"
quote = "USD"
tick_size = "0.01"
lot_size = "0.0001"
reference_price = "60000"
max_quantity = 1000000
max_notional = "10000000"
collar = "10%"
maker_fee = "-0.01%"
taker_fee = "0.03%"

[[instruments]]
symbol = "ETH-USD"
base = "ETH"
quote = "USD"
tick_size = "0.01"
lot_size = "0.001"
reference_price = "3000"
max_quantity = 1000000
max_notional = "10000000"
collar = "10%"
maker_fee = "0%"
taker_fee = "0.05%"

[capacities]
assets = 4
instruments = 4
accounts = 8
sessions = 8
orders = 4096
levels = 1024
connections = 16
finished_orders = 16
journal_ring = 1024
output_ring = "64 KiB"
replica_ring = 1024
window = "64 KiB"
store = "16 MiB"
"#,
    );
    for account in 0..CUSTOMERS {
        text += &format!(
            r#"
[[accounts]]
name = "T{account}"
firm = "FRM{account}"
cancel_on_disconnect = {}
sessions = [{{ username = "T{account}", password = "secret" }}]
deposits = {{ USD = "{}", BTC = "100", ETH = "1000" }}
"#,
            account % 2 == 1,
            // One of them runs out of money now and then.
            if account == 0 { 5_000 } else { 10_000_000 },
        );
    }
    Config::parse("simulation.toml", &text).unwrap_or_else(|error| panic!("{error}"))
}
