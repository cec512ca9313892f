//! The exchange on its threads, customers and a subscriber on the test's, one clock for all.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use client_sim::connection::{Door, Timing};
use client_sim::fleet::{Fleet, FleetConfig, Participant, Stage};
use client_sim::workload::Role;
use engine::assembly::{self, Addresses, Running};
use engine::config::Config;
use engine::runtime::clock::Clock;
use feed_handler::loss::LossPlan;
use feed_handler::{Capacity, Subscriber, SubscriberConfig};
use protocol::units::Symbol;

use crate::books;

const SECOND_NS: u64 = 1_000_000_000;
/// A while before the day ends.
const BEGINNING_NS: u64 = (20_000 * 86_400 + 7 * 3_600 - 75) * SECOND_NS;
/// What passes in a turn without work.
const TURN_NS: u64 = 1_000_000;
/// The longest that a test may take; reached only when something is broken.
const LIMIT: Duration = Duration::from_secs(120);

pub(crate) struct World {
    time: Arc<AtomicU64>,
    started: Instant,
    exchange: Option<Running>,
    addresses: Addresses,
    pub(crate) fleet: Fleet,
    pub(crate) subscriber: Subscriber,
}

impl World {
    pub(crate) fn new(door: Door, loss_per_million: u32, feed_loss: f64) -> Self {
        let config = Config::parse("roll.toml", CONFIGURATION).unwrap_or_else(|error| panic!("{error}"));
        let time = Arc::new(AtomicU64::new(BEGINNING_NS));
        let clock = Clock::Manual(Arc::clone(&time));
        let exchange = assembly::start_by(&config, clock, |_| {})
            .unwrap_or_else(|error| panic!("does not start: {error}"));
        let addresses = exchange.addresses();
        let roles = [Role::MarketMaker, Role::MarketMaker, Role::Trader, Role::Investor];
        let participants = ["ANN", "BOB", "CAT", "DAN"]
            .into_iter()
            .zip(roles)
            .map(|(name, role)| Participant {
                username: name.to_owned(),
                password: "secret".to_owned(),
                account: name.to_owned(),
                role,
            })
            .collect();
        // By this clock a turn of the machine's scheduler is a while.
        let timing = Timing {
            resend_ns: SECOND_NS,
            gap_retry_ns: SECOND_NS / 10,
            gap_fetch_ns: SECOND_NS,
            ..Timing::default()
        };
        let fleet = FleetConfig {
            rate: 300,
            seed: 5,
            door,
            loss_per_million,
            references: ["BTC-USD", "ETH-USD"]
                .into_iter()
                .zip([600_000_000, 30_000_000])
                .map(|(name, price)| (Symbol::new(name).expect("it is short"), price))
                .collect(),
            levels: 8,
            stay: 1,
            outlive_day: true,
            timing,
            ..FleetConfig::new(addresses.order_entry_tcp, participants)
        };
        let now_ns = time.load(Ordering::Relaxed);
        Self {
            fleet: Fleet::new(fleet, now_ns).unwrap_or_else(|error| panic!("{error}")),
            subscriber: subscribe(&addresses, feed_loss),
            time,
            started: Instant::now(),
            exchange: Some(exchange),
            addresses,
        }
    }

    pub(crate) fn now_ns(&self) -> u64 {
        self.time.load(Ordering::Relaxed)
    }

    pub(crate) fn sessions(&self) -> u64 {
        self.fleet.members().len() as u64
    }

    /// Another subscriber of the feed.
    pub(crate) fn subscribe(&self, loss: f64) -> Subscriber {
        subscribe(&self.addresses, loss)
    }

    fn turn(&mut self) {
        assert!(
            self.started.elapsed() < LIMIT,
            "{:?} {:?}",
            self.fleet.stage(),
            self.fleet.totals()
        );
        let now_ns = self.now_ns();
        let mut work = self
            .fleet
            .poll(now_ns)
            .unwrap_or_else(|error| panic!("{error} at {} s", (now_ns - BEGINNING_NS) / SECOND_NS));
        let mut ears = self.fleet.feed_ears(now_ns);
        work += self.subscriber.poll_with(now_ns, &mut ears);
        if work == 0 {
            self.time.fetch_add(TURN_NS, Ordering::Relaxed);
            std::thread::yield_now();
        }
    }

    /// Until so many seconds have passed since the beginning.
    pub(crate) fn until(&mut self, second: u64) {
        while self.now_ns() < BEGINNING_NS + second * SECOND_NS {
            self.turn();
        }
    }

    pub(crate) fn until_stage(&mut self, stage: Stage) {
        while self.fleet.stage() != stage {
            self.turn();
        }
    }

    pub(crate) fn until_running(&mut self) {
        self.until_stage(Stage::Running);
    }

    /// Ends the load, up to the last answer.
    pub(crate) fn stop(&mut self) {
        let now_ns = self.now_ns();
        self.fleet.stop(now_ns);
        self.until_stage(Stage::Done);
    }

    /// Lets `other` hear all that the subscriber of this world has heard.
    pub(crate) fn catch_up(&mut self, other: &mut Subscriber) {
        self.hear_all();
        while other.next_sequence() < self.subscriber.next_sequence() || !other.has_joined() {
            self.turn();
            other.poll(self.now_ns());
        }
    }

    /// Hears the feed for some seconds without orders, and until nothing is missing.
    fn hear_all(&mut self) {
        let end_ns = self.now_ns() + 3 * SECOND_NS;
        while self.now_ns() < end_ns || self.subscriber.behind() > 0 {
            self.turn();
        }
    }

    /// Ends the exchange. What it has left is in the subscriber's books.
    pub(crate) fn books_are_equal(&mut self) {
        self.hear_all();
        let exchange = self.exchange.take().expect("it runs");
        let last = exchange.stop().expect("it ends in order");
        let count = books::are_equal(&last, self.subscriber.market());
        assert!(count > 10, "{count} orders were there to be compared");
        assert_eq!(last.exchange.day(), 2);
    }
}

fn subscribe(addresses: &Addresses, loss: f64) -> Subscriber {
    let config = SubscriberConfig {
        line_a: addresses.line_a,
        line_b: addresses.line_b,
        interface: Ipv4Addr::LOCALHOST,
        recovery: Some(SocketAddr::V4(addresses.recovery_tcp)),
        capacity: Capacity {
            instruments: 4,
            orders: 1 << 14,
            levels: 1 << 12,
        },
        patience_ns: SECOND_NS / 10,
        loss: Some(LossPlan {
            seed: 9,
            share: [loss; 2],
        }),
        ..SubscriberConfig::default()
    };
    Subscriber::new(&config).unwrap_or_else(|error| panic!("{error}"))
}

/// The day ends 18 s before the next one begins, and rolls in between.
const CONFIGURATION: &str = r#"
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
maker_fee = "0.0123%"
taker_fee = "0.05%"

[day]
pre_open = "06:59:40"
opening_auction = "06:59:41"
open = "06:59:42"
closing_auction = "06:59:03"
close = "06:59:05"
roll = "06:59:07"

[[accounts]]
name = "ANN"
sessions = [{ username = "ANN", password = "secret" }]
deposits = { USD = "100000000", BTC = "1000", ETH = "10000" }

[[accounts]]
name = "BOB"
sessions = [{ username = "BOB", password = "secret" }]
deposits = { USD = "100000000", BTC = "1000", ETH = "10000" }

[[accounts]]
name = "CAT"
sessions = [{ username = "CAT", password = "secret" }]
deposits = { USD = "100000000", BTC = "1000", ETH = "10000" }

[[accounts]]
name = "DAN"
sessions = [{ username = "DAN", password = "secret" }]
deposits = { USD = "100000000", BTC = "1000", ETH = "10000" }

[network]
order_entry_udp = "127.0.0.1:0"
order_entry_tcp = "127.0.0.1:0"
recovery_tcp = "127.0.0.1:0"
snapshot_tcp = "127.0.0.1:0"
retransmission_udp = "127.0.0.1:0"
line_a = "239.192.0.1:0"
line_b = "239.192.0.2:0"

[journal]
durability = "none"

[capacities]
assets = 4
instruments = 4
accounts = 8
sessions = 8
orders = 16384
levels = 4096
connections = 16
finished_orders = 64
store = "64 MiB"
"#;
