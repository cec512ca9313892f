//! A single order in flight: order to acknowledgement, beside the echo of a bare socket and of the exchange's own source.

use std::fmt;
use std::net::SocketAddrV4;
use std::time::Duration;

use benches::document::Table;
use benches::venue::Venue;
use client_sim::cli::arguments::{demo_participants, demo_references};
use client_sim::connection::{ClientConfig, Event, OrderEntryClient};
use client_sim::latency::{Latency, Percentiles};
use client_sim::orders::Change;
use client_sim::request::NewOrder;
use engine::config::Durability;
use engine::sys::affinity;
use feed_handler::clock::Clock;
use protocol::units::Symbol;

use crate::echo::{Echo, Server, cache_line_ns};

/// Trips between durable acknowledgements are longer: so much fewer of them.
const DURABLE_SHARE: u32 = 10;

/// Between two orders.
const PAUSE: Duration = Duration::from_micros(30);

/// Contenders without an exchange.
const ECHOES: usize = 3;

/// One of those that take turns.
#[derive(Debug)]
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    /// Trips in all.
    pub(crate) trips: u64,
    /// Percentiles of each round.
    rounds: Vec<Percentiles>,
}

/// What came out.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) contenders: Vec<Contender>,
    cache_line_ns: u64,
}

/// A client with one order in flight at most.
struct Trader {
    client: OrderEntryClient,
    clock: Clock,
    order: NewOrder,
}

impl Trader {
    fn login(server: SocketAddrV4) -> Result<Self, String> {
        let participant = demo_participants(1).remove(0);
        let (symbol, price) = demo_references()[0];
        let clock = Clock::new();
        let config = ClientConfig {
            orders_per_datagram: 1,
            ..ClientConfig::new(server, &participant.username, &participant.password)
        };
        let mut client = OrderEntryClient::new(config, clock.now_ns()).map_err(|error| error.to_string())?;
        while !client.is_ready() {
            client.poll(clock.now_ns(), &mut |_, _: Event<'_>| {});
            if clock.now_ns() > 10_000_000_000 {
                return Err(format!("no login within 10 s: {:?}", client.phase()));
            }
        }
        Ok(Self {
            order: order_below(&client, symbol, price)?,
            client,
            clock,
        })
    }

    /// Enters an order that rests and takes it back; the first half is measured.
    fn trip(&mut self, latency: &mut Latency) -> Result<(), String> {
        let began = self.clock.now_ns();
        let told = |error: client_sim::connection::SendError| error.to_string();
        let number = self.client.enter(&self.order, began, began).map_err(told)?;
        self.client.flush(began);
        self.wait(|change| matches!(change, Change::Accepted))?;
        let now = self.clock.now_ns();
        latency.record(began, now);
        self.client.cancel(number, 0, now).map_err(told)?;
        self.client.flush(now);
        self.wait(|change| matches!(change, Change::Canceled { .. }))?;
        // The market data of what was answered leaves after the answer: the next order does not wait for it.
        let until = self.clock.now_ns() + PAUSE.as_nanos() as u64;
        while self.clock.now_ns() < until {
            std::hint::spin_loop();
        }
        Ok(())
    }

    /// Spins until it has happened.
    fn wait(&mut self, wanted: impl Fn(&Change) -> bool) -> Result<(), String> {
        let (mut has_come, mut other) = (false, None);
        let until = self.clock.now_ns() + 10_000_000_000;
        while !has_come {
            let now = self.clock.now_ns();
            self.client.poll(now, &mut |_, event: Event<'_>| {
                if let Event::Order(update) = event {
                    if wanted(&update.change) {
                        has_come = true;
                    } else {
                        other = Some(update.change);
                    }
                }
            });
            if let Some(change) = other {
                return Err(format!("unexpected: {change:?}"));
            }
            if now > until {
                return Err("no answer within 10 s".to_owned());
            }
        }
        Ok(())
    }
}

/// How market data finds its way, which tails depend on.
fn groups_route() -> String {
    let context = tuning::checks::Context {
        host: &tuning::host::Host::this(),
        wishes: &tuning::checks::Wishes::default(),
        measured: &tuning::measure::Measurements::default(),
    };
    tuning::checks::multicast::route(&context).found
}

/// A limit order to buy that rests below the market.
fn order_below(client: &OrderEntryClient, symbol: Symbol, price: u64) -> Result<NewOrder, String> {
    let instruments = client.orders().instruments();
    let instrument = instruments
        .iter()
        .find(|instrument| instrument.symbol == symbol)
        .ok_or("the exchange does not list what the demo trades")?;
    let below = price - price / 100;
    Ok(NewOrder::limit(
        symbol,
        b'B',
        1,
        below - below % instrument.tick_size,
    ))
}

/// Does it on a thread of its own, pinned to `core`: the threads of an exchange that is started elsewhere are not.
fn on_core<T: Send>(core: Option<usize>, work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let pinned = scope.spawn(|| {
            // Refused: the figures say what it is without.
            let _refused = core.map(affinity::pin);
            work()
        });
        pinned.join().expect("a panic there has been told")
    })
}

/// Lets all take turns.
pub(crate) fn compare(rounds: u32, trips: u32) -> Result<Comparison, String> {
    let cores = affinity::available();
    let (server, client) = (cores.first().copied(), cores.get(1).copied());
    let told = |error: std::io::Error| error.to_string();
    let names = [
        "echo of a plain socket, spinning (F)",
        "the same, trips as far apart as below",
        "echo through the exchange's source and sink",
        "order to acknowledgement, durability none",
        "order to acknowledgement, durability sync",
    ];
    let mut contenders: Vec<Contender> = names
        .into_iter()
        .map(|name| Contender {
            name,
            trips: 0,
            rounds: Vec::new(),
        })
        .collect();
    for round in 1..=rounds {
        eprintln!("round trip: round {round} of {rounds}");
        for (index, contender) in contenders.iter_mut().enumerate() {
            let mut latency = Latency::default();
            match index {
                0..ECHOES => {
                    let kind = [Server::Spinning, Server::Spinning, Server::Uring][index];
                    let pause = [Duration::ZERO, PAUSE, PAUSE][index];
                    let mut echo = Echo::start(kind, server).map_err(told)?;
                    on_core(client, || {
                        echo.trips(trips / 10, pause, &mut Latency::default())?;
                        echo.trips(trips, pause, &mut latency)
                    })
                    .map_err(told)?;
                }
                _ => {
                    let (durability, share) =
                        [(Durability::None, 1), (Durability::Sync, DURABLE_SHARE)][index - ECHOES];
                    let venue = Venue::start(durability, server.as_slice())?;
                    let server_address = venue.running.addresses().order_entry_tcp;
                    let trips = if rounds < 3 { trips } else { trips / share };
                    on_core(client, || {
                        let mut trader = Trader::login(server_address)?;
                        for _ in 0..trips / 10 {
                            trader.trip(&mut Latency::default())?;
                        }
                        (0..trips).try_for_each(|_| trader.trip(&mut latency))
                    })?;
                    if !venue.stop()?.is_equal() {
                        return Err("engine and replica differ".to_owned());
                    }
                }
            }
            let percentiles = latency.percentiles();
            contender.trips += percentiles.count;
            contender.rounds.push(percentiles);
        }
    }
    Ok(Comparison {
        contenders,
        cache_line_ns: cache_line_ns(server),
    })
}

impl Contender {
    /// Median of the rounds, the least and the most.
    fn spread(&self, of: impl Fn(&Percentiles) -> u64) -> (u64, u64, u64) {
        let mut values: Vec<u64> = self.rounds.iter().map(of).collect();
        values.sort_unstable();
        (values[values.len() / 2], values[0], values[values.len() - 1])
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let us = |(middle, least, most): (u64, u64, u64)| {
            format!(
                "{:.1} ({:.1}-{:.1})",
                middle as f64 / 1e3,
                least as f64 / 1e3,
                most as f64 / 1e3
            )
        };
        let mut table = Table::new(&["one in flight, us", "p50", "p99", "p99.9", "p50 of F"]);
        let floor = self.contenders[0].spread(|round| round.p50).0.max(1);
        for contender in &self.contenders {
            let p50 = contender.spread(|round| round.p50);
            table.row([
                contender.name.to_owned(),
                us(p50),
                us(contender.spread(|round| round.p99)),
                us(contender.spread(|round| round.p999)),
                format!("{:.2}", p50.0 as f64 / floor as f64),
            ]);
        }
        write!(
            f,
            "### Round trip\n\n{table}\nMedians of {} rounds (least to most); server and client pinned to a core each; {} us between an order's end and the next order, so that its market data has left; a cache line goes to the other core and back in {} ns. Market data goes by: {}.\n",
            self.contenders[0].rounds.len(),
            PAUSE.as_micros(),
            self.cache_line_ns,
            groups_route(),
        )
    }
}
