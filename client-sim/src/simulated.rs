//! A market in one thread and in simulated time: a whole exchange without sockets and threads, its customers, and one who
//! watches the feed. The same seed gives the same market, message by message, faster than it would be lived.
//!
//! The customers are those of the load and the demo; their orders go over the order-entry door's TCP protocol. Each order
//! is answered before the next one is meant to be sent.

mod customer;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use engine::assembly::{Inline, Simulated};
use engine::config::Config;
use engine::journal::SimDisk;
use engine::poison::Skips;
use engine::runtime::clock::Clock;
use engine::runtime::sim_net::{SimSocket, Switchboard, TcpSettings, tcp};
use feed_handler::{Capacity, Market as FeedMarket, Observer, Side};
use protocol::packet::{Packet, PacketKind};

use crate::cli::arguments::{DEMO_PASSWORD, demo_participants, demo_references};
use crate::fleet::{Mix, schedule};
use crate::instruments::Instruments;
use crate::market_statistics::MarketStatistics;
use crate::pacer::{Arrivals, Pacer};
use crate::workload::{LEVELS, Market, News, Role};
use customer::Customer;

/// Where the exchange is, on a network that is not there.
const EXCHANGE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
/// One o'clock on a day long ago.
const BEGINNING_NS: u64 = (20_000 * 86_400 + 3_600) * 1_000_000_000;
/// What passes in a turn of the exchange.
const TURN_NS: u64 = 10_000;
/// Turns that anything may take.
const TURNS_MAX: usize = 20_000;
/// Between two heartbeats of each customer.
const HEARTBEAT_NS: u64 = 1_000_000_000;
/// Bytes on their way over TCP, and in a piece.
const TCP: TcpSettings = TcpSettings {
    buffer_bytes: 256 << 10,
    piece_bytes: 64 << 10,
};

/// What to simulate.
#[derive(Debug, Clone, Copy)]
pub struct MarketPlan {
    /// Everything follows from it.
    pub seed: u64,
    /// Orders a second of all customers together.
    pub rate: u64,
    /// How they are spread.
    pub arrivals: Arrivals,
    /// Who sends how much.
    pub mix: Mix,
    /// How long, in the time of the simulation.
    pub duration: Duration,
    /// The time before that, of which nothing is counted: books fill, prices settle.
    pub warm_up: Duration,
    /// Between two looks at the books.
    pub step: Duration,
}

impl Default for MarketPlan {
    fn default() -> Self {
        Self {
            seed: 1,
            rate: 200,
            arrivals: Arrivals::Bursts,
            mix: Mix {
                makers: 12,
                traders: 6,
                investors: 1,
            },
            duration: Duration::from_secs(600),
            warm_up: Duration::from_secs(20),
            step: Duration::from_millis(500),
        }
    }
}

/// What was simulated.
#[derive(Debug)]
pub struct SimulatedMarket {
    /// What was seen of it.
    pub statistics: MarketStatistics,
    /// What was traded.
    pub instruments: Instruments,
    /// Orders, replacements and cancels sent, of market makers, traders, investors.
    pub sent: [u64; 3],
    /// Requests refused.
    pub refused: u64,
    /// A number made of everything the feed said: equal for equal markets.
    pub fingerprint: u64,
}

/// Simulates a market.
///
/// # Errors
/// The exchange does not start or ends, or something is not answered.
pub fn simulate(plan: &MarketPlan) -> Result<SimulatedMarket, String> {
    let mut venue = Venue::open(plan)?;
    venue.turn_until("the logins", |venue| {
        venue.customers.iter().all(Customer::is_ready)
    })?;
    venue.begin(plan);
    let mut pacer = Pacer::arriving(plan.arrivals, plan.rate.max(1), venue.now_ns(), plan.seed);
    let began_ns = venue.now_ns();
    let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX / 4);
    let counted_ns = began_ns + nanoseconds(plan.warm_up);
    let end_ns = counted_ns + nanoseconds(plan.duration);
    while pacer.next_ns() < end_ns {
        venue.wait_until(pacer.next_ns())?;
        if !venue.is_counted && venue.now_ns() >= counted_ns {
            venue.is_counted = true;
        }
        venue.act()?;
        pacer.taken();
    }
    Ok(SimulatedMarket {
        refused: venue
            .customers
            .iter()
            .map(|customer| customer.orders.totals().rejected)
            .sum(),
        statistics: venue.statistics,
        instruments: venue.instruments,
        sent: venue.sent,
        fingerprint: venue.fingerprint,
    })
}

/// The exchange and everybody around it.
struct Venue {
    time: Arc<AtomicU64>,
    exchange: Inline,
    line: SimSocket,
    feed: FeedMarket,
    statistics: MarketStatistics,
    fingerprint: u64,
    customers: Vec<Customer>,
    instruments: Instruments,
    market: Market,
    news: News,
    schedule: Vec<usize>,
    turn: usize,
    heartbeat_due_ns: u64,
    is_counted: bool,
    sent: [u64; 3],
}

impl Venue {
    fn open(plan: &MarketPlan) -> Result<Self, String> {
        let mut config = Config::built_in();
        config.capacities.store = 16 << 20;
        config.capacities.window = 4 << 20;
        let time = Arc::new(AtomicU64::new(BEGINNING_NS));
        let network = Switchboard::new(plan.seed, 1 << 16);
        let outside = Simulated {
            clock: Clock::Manual(Arc::clone(&time)),
            network: network.clone(),
            disk: SimDisk::new(plan.seed, 64 << 20, 1 << 40, 1),
            address: EXCHANGE,
            hash_seed: 1,
            skips: Skips::default(),
        };
        let line_a = config.network.line_a;
        let line = network.bind(SocketAddrV4::new(Ipv4Addr::new(10, 0, 2, 1), line_a.port()));
        line.join(*line_a.ip());
        let (order_entry, door) = tcp(TCP);
        let (gap_recovery, _) = tcp(TCP);
        let mut exchange = Inline::start(&config, &outside, order_entry, gap_recovery)
            .map_err(|error| format!("the exchange does not start: {error}"))?;
        exchange.turn_until_ready()?;
        let participants = demo_participants(10);
        let schedule = schedule(participants.iter().map(|one| one.role), plan.mix);
        let customers = participants
            .iter()
            .zip(1..)
            .map(|(participant, host)| {
                let address = SocketAddrV4::new(Ipv4Addr::new(10, 0, 1, host), 5_000);
                let stream = door
                    .connect(address)
                    .map_err(|error| format!("{}: {error}", participant.username))?;
                Customer::new(&participant.username, DEMO_PASSWORD, participant.role, stream)
            })
            .collect::<Result<_, String>>()?;
        let step_ns = u64::try_from(plan.step.as_nanos()).unwrap_or(u64::MAX);
        Ok(Self {
            time,
            exchange,
            line,
            feed: FeedMarket::new(Capacity {
                instruments: 64,
                orders: 1 << 16,
                levels: 1 << 15,
            }),
            statistics: MarketStatistics::new(step_ns),
            fingerprint: 0,
            customers,
            instruments: Instruments::default(),
            market: Market::default(),
            news: News::new(&Instruments::default(), &[], 0),
            schedule,
            turn: 0,
            heartbeat_due_ns: 0,
            is_counted: false,
            sent: [0; 3],
        })
    }

    /// Everybody knows the instruments: they get their characters.
    fn begin(&mut self, plan: &MarketPlan) {
        self.instruments = self.customers[0].orders.instruments().clone();
        let references: Vec<u64> = self
            .instruments
            .iter()
            .map(|instrument| {
                let known = demo_references();
                let found = known.iter().find(|(symbol, _)| *symbol == instrument.symbol);
                found.map_or(0, |(_, price)| *price)
            })
            .collect();
        self.market = Market::new(self.instruments.len());
        self.news = News::new(&self.instruments, &references, plan.seed);
        for (customer, index) in self.customers.iter_mut().zip(0..) {
            customer.begin(&self.instruments, LEVELS, plan.seed.wrapping_mul(1_000) + index);
        }
    }

    fn now_ns(&self) -> u64 {
        self.time.load(Ordering::Relaxed)
    }

    /// Lets time pass, with heartbeats in between.
    fn wait_until(&mut self, end_ns: u64) -> Result<(), String> {
        while self.now_ns() < end_ns {
            let next_ns = end_ns.min(self.heartbeat_due_ns.max(self.now_ns() + 1));
            self.time.store(next_ns, Ordering::Relaxed);
            if next_ns >= self.heartbeat_due_ns {
                self.heartbeat_due_ns = next_ns + HEARTBEAT_NS;
                self.customers.iter_mut().for_each(Customer::heartbeat);
                self.turn()?;
            }
        }
        Ok(())
    }

    /// The next customer in turn that has something to send sends it, and has its answer.
    fn act(&mut self) -> Result<(), String> {
        self.news.order(&mut self.market);
        for _ in 0..self.schedule.len() {
            let index = self.schedule[self.turn];
            self.turn = (self.turn + 1) % self.schedule.len();
            let now_ns = self.now_ns();
            if self.customers[index].act(&self.market, now_ns)? {
                self.sent[self.customers[index].role as usize] += 1;
                self.turn_until("an answer", |venue| venue.customers[index].is_answered())?;
                return Ok(());
            }
        }
        Ok(())
    }

    fn turn_until(&mut self, what: &str, is_done: impl Fn(&Self) -> bool) -> Result<(), String> {
        for _ in 0..TURNS_MAX {
            self.turn()?;
            if is_done(self) {
                // What the order did to others is on its way, too.
                self.turn()?;
                return self.turn().map(drop);
            }
        }
        Err(format!("{what} did not come"))
    }

    fn turn(&mut self) -> Result<(), String> {
        self.time.fetch_add(TURN_NS, Ordering::Relaxed);
        self.exchange.turn();
        if let Some(failure) = self.exchange.failure() {
            return Err(format!("the exchange failed: {failure}"));
        }
        for customer in &mut self.customers {
            customer.poll()?;
        }
        while let Some((_, bytes)) = self.line.receive() {
            let packet = Packet::parse(&bytes).map_err(|error| format!("a packet of the feed: {error}"))?;
            if packet.kind() == PacketKind::EndOfSession {
                return Err("the trading day has ended: simulate less".to_owned());
            }
            for (sequence, message) in packet.numbered() {
                self.hear(sequence, message)?;
            }
        }
        Ok(())
    }

    fn hear(&mut self, sequence: u64, message: &[u8]) -> Result<(), String> {
        self.feed
            .apply(message)
            .map_err(|error| format!("message {sequence} of the feed: {error}"))?;
        for byte in message {
            self.fingerprint = (self.fingerprint ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        }
        if self.is_counted {
            self.statistics.message(sequence, message, &self.feed);
        }
        let position = |locate: u16| {
            self.instruments
                .iter()
                .position(|instrument| instrument.locate == locate)
        };
        let touched = self.feed.touched();
        if let Some(index) = position(touched) {
            let book = self.feed.book(touched);
            let best = |side| {
                book.best(side)
                    .map(|level| (u64::from(level.price), level.quantity))
            };
            self.market.set_best(index, best(Side::Buy), best(Side::Sell));
        }
        if let Some(trade) = self.feed.trade()
            && let Some(index) = position(trade.locate)
        {
            let lots = u32::try_from(trade.quantity).unwrap_or(u32::MAX);
            self.market.set_last(index, u64::from(trade.price), lots);
            for customer in &mut self.customers {
                customer.trade(index, u64::from(trade.price), lots);
            }
        }
        Ok(())
    }
}

/// The role's place in [`SimulatedMarket::sent`] is its discriminant.
const _: () =
    assert!(Role::MarketMaker as usize == 0 && Role::Trader as usize == 1 && Role::Investor as usize == 2);
