//! The exchange, its clock, its disk, its customers, and a subscriber.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use engine::assembly::{Final, Inline, Simulated};
use engine::config::Config;
use engine::exchange::command::Command;
use engine::journal::{Crash, SimDisk};
use engine::poison::Skips;
use engine::runtime::clock::Clock;
use engine::runtime::sim_net::{SimConnector, SimSocket, Switchboard, TcpSettings, tcp};
use protocol::market_data::{FeedMessage, binary_file};
use protocol::packet::{Packet, PacketKind};
use protocol::text::SessionName;

use crate::customer::Customer;

const EXCHANGE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const SECOND_NS: u64 = 1_000_000_000;
const TURN_NS: u64 = 100_000;
/// Seven o'clock, in seconds: when the day begins.
const SEVEN: u64 = 7 * 3600;
const MIDNIGHT_NS: u64 = 20_000 * 86_400 * SECOND_NS;
const TCP: TcpSettings = TcpSettings {
    buffer_bytes: 64 << 10,
    piece_bytes: 4 << 10,
};

/// All that is left of the day.
pub(crate) struct Day {
    pub(crate) config: Config,
    pub(crate) disk: SimDisk,
    /// The feeds of the days before, each from message 1.
    pub(crate) feeds_before: Vec<Vec<Vec<u8>>>,
    /// The feed, from message 1.
    pub(crate) feed: Vec<Vec<u8>>,
    pub(crate) customers: Vec<Customer>,
    pub(crate) last: Final,
}

impl Day {
    /// The feed as a file.
    pub(crate) fn file(&self) -> Vec<u8> {
        let mut file = Vec::new();
        for message in &self.feed {
            let start = file.len();
            file.resize(start + 2 + message.len(), 0);
            binary_file::write_record(message, &mut file[start..]).expect("it has room");
        }
        file
    }
}

pub(crate) struct World {
    time: Arc<AtomicU64>,
    config: Config,
    outside: Simulated,
    exchange: Option<Inline>,
    order_entry: SimConnector,
    line: SimSocket,
    feeds_before: Vec<Vec<Vec<u8>>>,
    feed: Vec<Vec<u8>>,
    /// The feed's name, once it was heard.
    name: Option<SessionName>,
    /// The name of the feed whose end was told last, and how often that was.
    pub(crate) ended: (SessionName, usize),
    pub(crate) customers: Vec<Customer>,
}

impl World {
    /// A few seconds before the day begins.
    pub(crate) fn before_the_day() -> Self {
        Self::at(SEVEN - 5, TIMES)
    }

    /// The first start, so many seconds after seven.
    pub(crate) fn within_the_day(second: u64) -> Self {
        Self::at(SEVEN + second, TIMES)
    }

    /// The first start of an exchange without times of the day, at seven.
    pub(crate) fn around_the_clock() -> Self {
        Self::at(SEVEN, "")
    }

    fn at(second: u64, times: &str) -> Self {
        let text = format!("{CONFIGURATION}{times}");
        let config = Config::parse("day.toml", &text).unwrap_or_else(|error| panic!("{error}"));
        let time = Arc::new(AtomicU64::new(MIDNIGHT_NS + second * SECOND_NS));
        let network = Switchboard::new(1, 1 << 16);
        let outside = Simulated {
            clock: Clock::Manual(Arc::clone(&time)),
            network: network.clone(),
            disk: SimDisk::new(1, 4 << 20, 1 << 30, 1),
            address: EXCHANGE,
            hash_seed: 1,
            skips: Skips::default(),
        };
        let line_a = config.network.line_a;
        let line = network.bind(SocketAddrV4::new(Ipv4Addr::new(10, 0, 2, 1), line_a.port()));
        line.join(*line_a.ip());
        let customers = ["ANN", "BOB", "CAT", "DAN"]
            .into_iter()
            .zip(1..)
            .map(|(name, host)| Customer::new(name, SocketAddrV4::new(Ipv4Addr::new(10, 0, 1, host), 5_000)))
            .collect();
        let (_, order_entry) = tcp(TCP);
        let mut world = Self {
            time,
            config,
            outside,
            exchange: None,
            order_entry,
            line,
            feeds_before: Vec::new(),
            feed: Vec::new(),
            name: None,
            ended: ([b' '; 10], 0),
            customers,
        };
        world.begin();
        world
    }

    fn begin(&mut self) {
        let (order_entry, to_order_entry) = tcp(TCP);
        let (gap_recovery, _) = tcp(TCP);
        self.order_entry = to_order_entry;
        let mut exchange = Inline::start(&self.config, &self.outside, order_entry, gap_recovery)
            .unwrap_or_else(|error| panic!("does not start: {error}"));
        exchange.turn_until_ready().expect("nothing fails");
        self.exchange = Some(exchange);
        for customer in &mut self.customers {
            customer.connect(&self.order_entry);
        }
        self.settle();
    }

    /// The power goes and comes back; everybody logs in again.
    pub(crate) fn restart(&mut self) {
        self.lose_power();
        self.begin();
    }

    /// The power goes, and comes back so many seconds after seven.
    pub(crate) fn restart_at(&mut self, second: u64) {
        self.lose_power();
        let ns = MIDNIGHT_NS + (SEVEN + second) * SECOND_NS;
        self.time.fetch_max(ns, Ordering::Relaxed);
        self.begin();
    }

    fn lose_power(&mut self) {
        self.exchange = None;
        self.outside.disk.crash(Crash::PowerLoss);
        self.customers.iter_mut().for_each(Customer::hang_up);
    }

    /// The day so far in a line: events, crosses with their volume, states, by instrument where it has one.
    pub(crate) fn told(&self) -> String {
        let words = self
            .feed
            .iter()
            .filter_map(|bytes| match FeedMessage::decode(bytes) {
                Ok(FeedMessage::SystemEvent(event)) => Some(char::from(event.event_code).to_string()),
                Ok(FeedMessage::CrossTrade(cross)) => {
                    Some(format!("{}Q{}", cross.stock_locate, cross.shares))
                }
                Ok(FeedMessage::StockTradingAction(action)) => Some(format!(
                    "{}{}",
                    action.stock_locate,
                    char::from(action.trading_state)
                )),
                _ => None,
            });
        words.collect::<Vec<_>>().join(" ")
    }

    /// Until nothing more happens by itself.
    pub(crate) fn settle(&mut self) {
        let exchange = self.exchange.as_mut().expect("it runs");
        let mut quiet = 0;
        while quiet < 8 {
            // Idle connections are looked at every now and then only.
            self.time.fetch_add(TURN_NS, Ordering::Relaxed);
            let mut did = exchange.turn() > 0;
            assert_eq!(exchange.failure(), None);
            for customer in &mut self.customers {
                did |= customer.poll();
            }
            while let Some((_, bytes)) = self.line.receive() {
                let packet = Packet::parse(&bytes).expect("MoldUDP64");
                if packet.kind() == PacketKind::EndOfSession {
                    let times = if self.ended.0 == packet.session() {
                        self.ended.1
                    } else {
                        0
                    };
                    self.ended = (packet.session(), times + 1);
                    continue;
                }
                let before = self.name.replace(packet.session());
                if let Some(before) = before
                    && before != packet.session()
                {
                    assert_eq!(self.ended.0, before, "the end was told first");
                    self.feeds_before.push(std::mem::take(&mut self.feed));
                }
                for (sequence, message) in packet.numbered() {
                    assert_eq!(sequence, self.feed.len() as u64 + 1, "nothing is lost here");
                    self.feed.push(message.to_vec());
                }
            }
            quiet = if did { 0 } else { quiet + 1 };
        }
    }

    /// Lets time pass, a quarter of a second at a time.
    pub(crate) fn pass(&mut self, seconds: u64) {
        for quarter in 0..4 * seconds {
            self.time.fetch_add(SECOND_NS / 4, Ordering::Relaxed);
            if quarter % 4 == 0 {
                self.customers.iter_mut().for_each(Customer::heartbeat);
            }
            self.settle();
        }
    }

    /// Lets time pass up to so many seconds after seven.
    pub(crate) fn until(&mut self, second: u64) {
        let now = (self.time.load(Ordering::Relaxed) - MIDNIGHT_NS) / SECOND_NS;
        self.pass((SEVEN + second).checked_sub(now).expect("time goes forward"));
    }

    /// A customer does something, and it has its effect.
    pub(crate) fn by<T>(&mut self, name: &str, act: impl FnOnce(&mut Customer) -> T) -> T {
        let done = act(self.customer(name));
        self.settle();
        done
    }

    pub(crate) fn customer(&mut self, name: &str) -> &mut Customer {
        let found = self
            .customers
            .iter_mut()
            .find(|customer| customer.username == name);
        found.expect("there are four")
    }

    /// Those whose day has ended log in to the next one.
    pub(crate) fn reconnect_all(&mut self) {
        for customer in &mut self.customers {
            assert!(customer.is_away(), "{}: the day has ended", customer.username);
            customer.connect(&self.order_entry);
        }
        self.settle();
    }

    pub(crate) fn reconnect(&mut self, name: &str) {
        let door = self.order_entry.clone();
        self.customer(name).connect(&door);
        self.settle();
    }

    /// The same by the name of a stream.
    pub(crate) fn reconnect_to(&mut self, name: &str, session: &str) {
        let door = self.order_entry.clone();
        self.customer(name).connect_to(&door, session);
        self.settle();
    }

    pub(crate) fn operate(&mut self, command: Command) {
        self.exchange.as_mut().expect("it runs").operate(command);
        self.settle();
    }

    pub(crate) fn end(mut self) -> Day {
        let exchange = self.exchange.take().expect("it runs");
        let last = exchange.stop().expect("it ends in order");
        Day {
            config: self.config,
            disk: self.outside.disk.copy(),
            feeds_before: self.feeds_before,
            feed: self.feed,
            customers: self.customers,
            last,
        }
    }
}

/// Two minutes and a half.
const TIMES: &str = r#"
[day]
pre_open = "07:00"
opening_auction = "07:00:10"
open = "07:00:20"
closing_auction = "07:02:00"
close = "07:02:10"
roll = "07:02:20"
"#;

/// One instrument has a protection, one reports its fees to nobody.
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
volatility = "5%"
pause = "5 s"

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

[[accounts]]
name = "ANN"
firm = "ANNS"
sessions = [{ username = "ANN", password = "secret" }]
deposits = { USD = "1000000", BTC = "100", ETH = "1000" }

[[accounts]]
name = "BOB"
firm = "BOBS"
self_match = "decrement"
sessions = [{ username = "BOB", password = "secret" }]
deposits = { USD = "1000000", BTC = "100", ETH = "1000" }

[[accounts]]
name = "CAT"
firm = "CATS"
fee_reports = true
sessions = [{ username = "CAT", password = "secret" }]
deposits = { USD = "1000000", BTC = "100", ETH = "1000" }

[[accounts]]
name = "DAN"
firm = "DANS"
cancel_on_disconnect = true
sessions = [{ username = "DAN", password = "secret" }]
deposits = { USD = "1000000", BTC = "100", ETH = "1000" }

[capacities]
assets = 4
instruments = 4
accounts = 8
sessions = 8
orders = 4096
levels = 1024
connections = 16
finished_orders = 64
journal_ring = 1024
output_ring = "1 MiB"
replica_ring = 1024
window = "1 MiB"
store = "16 MiB"
"#;
