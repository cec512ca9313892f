//! A customer who enters an order and takes it back, at a steady pace: latency counts from when the order was due.

use std::net::SocketAddrV4;
use std::time::Duration;

use client_sim::cli::arguments::{demo_participants, demo_references};
use client_sim::connection::{ClientConfig, Event, OrderEntryClient};
use client_sim::latency::Latency;
use client_sim::orders::Change;
use client_sim::request::NewOrder;
use engine::sys::priority;
use feed_handler::clock::Clock;

/// Orders a second.
pub(crate) const RATE: u64 = 1_000;
const PATIENCE_NS: u64 = 10_000_000_000;
/// Orders under way while the book is filled.
const BATCH: u32 = 16;

pub(crate) struct Steady {
    client: OrderEntryClient,
    clock: Clock,
    order: NewOrder,
}

impl Steady {
    /// On the calling thread, which wakes promptly from now on: in earnest a customer has a machine of its own.
    pub(crate) fn login(server: SocketAddrV4) -> Result<Self, String> {
        priority::wake_promptly()?;
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
            if clock.now_ns() > PATIENCE_NS {
                return Err(format!("no login within 10 s: {:?}", client.phase()));
            }
        }
        let instruments = client.orders().instruments();
        let instrument = instruments
            .iter()
            .find(|instrument| instrument.symbol == symbol)
            .ok_or("the exchange does not list what the demo trades")?;
        let below = price - price / 100;
        let order = NewOrder::limit(symbol, b'B', 1, below - below % instrument.tick_size);
        Ok(Self { client, clock, order })
    }

    /// Lets so many orders rest.
    pub(crate) fn rest(&mut self, orders: u32) -> Result<(), String> {
        let mut left = orders;
        while left > 0 {
            let batch = left.min(BATCH);
            for _ in 0..batch {
                self.enter()?;
            }
            self.wait(batch, |change| matches!(change, Change::Accepted))?;
            left -= batch;
        }
        Ok(())
    }

    /// An order each millisecond, until it is over.
    pub(crate) fn trade(&mut self, latency: &mut Latency, is_over: impl Fn() -> bool) -> Result<(), String> {
        let interval_ns = 1_000_000_000 / RATE;
        let mut due_ns = self.clock.now_ns() + interval_ns;
        while !is_over() {
            loop {
                let left_ns = due_ns.saturating_sub(self.clock.now_ns());
                if left_ns == 0 {
                    break;
                }
                self.client.wait(Duration::from_nanos(left_ns));
                self.client.poll(self.clock.now_ns(), &mut |_, _: Event<'_>| {});
            }
            let number = self.enter()?;
            self.wait(1, |change| matches!(change, Change::Accepted))?;
            let now = self.clock.now_ns();
            latency.record(due_ns, now);
            let told = |error: client_sim::connection::SendError| error.to_string();
            self.client.cancel(number, 0, now).map_err(told)?;
            self.client.flush(now);
            self.wait(1, |change| matches!(change, Change::Canceled { .. }))?;
            due_ns += interval_ns;
        }
        Ok(())
    }

    fn enter(&mut self) -> Result<u32, String> {
        let now = self.clock.now_ns();
        let number = self.client.enter(&self.order, now, now);
        self.client.flush(now);
        number.map_err(|error| error.to_string())
    }

    /// Looks until it has happened so often.
    fn wait(&mut self, times: u32, wanted: impl Fn(&Change) -> bool) -> Result<(), String> {
        let (mut came, mut other) = (0, None);
        let until = self.clock.now_ns() + PATIENCE_NS;
        while came < times {
            let now = self.clock.now_ns();
            let before = came;
            self.client.poll(now, &mut |_, event: Event<'_>| {
                if let Event::Order(update) = event {
                    if wanted(&update.change) {
                        came += 1;
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
            if came == before {
                self.client.wait(Duration::from_millis(1));
            }
        }
        Ok(())
    }
}
