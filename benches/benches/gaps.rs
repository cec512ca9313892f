//! How long a subscriber's gap lasts: both lines lose the same messages under load, the subscriber notices, and the exchange's
//! recovery service mends it. Real sockets; exchange, load and subscriber share the machine.
//!
//! A gap's time counts from the poll that notices it (the first packet behind it) to the one that leaves the subscriber live:
//! what it waits for the other line, the login if there is one, and what came in behind the gap meanwhile are in it.

use std::cell::Cell;
use std::io;
use std::net::SocketAddrV4;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use benches::document::Table;
use benches::venue::Venue;
use benches::{Mode, machine};
use client_sim::cli::arguments::{demo_participants, demo_references};
use client_sim::cli::load::drive;
use client_sim::fleet::{Fleet, FleetConfig};
use client_sim::latency::Nanoseconds;
use engine::config::Durability;
use feed_handler::clock::Clock;
use feed_handler::receiver::{Datagrams, Receiver};
use feed_handler::recovery_link::TcpConnect;
use feed_handler::{State, Subscriber, SubscriberConfig};
use hdrhistogram::Histogram;
use protocol::packet::Packet;

/// Orders a second while gaps are made.
const RATE: u64 = 50_000;
/// Messages that are missing; the last is what the promise speaks of.
const SIZES: [u64; 5] = [1, 100, 500, 1_000, 10_000];
/// A gap of that many is mended in this time, p99.
const GOAL: Duration = Duration::from_millis(100);
/// A gap that lasts longer is a fault.
const PATIENCE_NS: u64 = 10_000_000_000;
/// A subscriber keeps its connection for less than that behind a gap.
const LINGER_NS: u64 = 100_000_000;
/// Longest load.
const LOAD: Duration = Duration::from_secs(3_600);
/// Gaps of each size for each run that is asked for.
const GAPS_PER_RUN: u32 = 100;

fn main() -> ExitCode {
    Mode::run(smoke, |options| {
        let count = options.runs * GAPS_PER_RUN;
        let mut text = format!(
            "{}\n\nCommand: `cargo bench -p benches --bench gaps -- --runs {} --write`; {RATE} orders/s meanwhile, {count} gaps \
             of each size.\n\n",
            machine::line(),
            options.runs
        );
        println!("{text}");
        text.push_str(&measure(RATE, &SIZES, count)?.to_string());
        println!("{text}");
        if options.write {
            benches::document::write("gaps", &text)?;
        }
        Ok(())
    })
}

fn smoke() {
    let table = measure(2_000, &[1, 200], 2).expect("gaps are mended").to_string();
    assert_eq!(table.lines().count(), 4, "{table}");
}

/// A line that loses the messages in the range.
struct Lossy {
    receiver: Receiver,
    lost: Rc<Cell<(u64, u64)>>,
}

impl Datagrams for Lossy {
    fn receive<'a>(&mut self, buffer: &'a mut [u8]) -> io::Result<Option<&'a [u8]>> {
        loop {
            let Some(length) = self.receiver.receive(buffer)?.map(<[u8]>::len) else {
                return Ok(None);
            };
            let (from, to) = self.lost.get();
            let is_lost = Packet::parse(&buffer[..length])
                .is_ok_and(|packet| packet.sequence() < to && packet.next_sequence() > from);
            if !is_lost {
                return Ok(Some(&buffer[..length]));
            }
        }
    }
}

/// The subscriber, and what it loses.
struct Watcher {
    subscriber: Subscriber<Lossy, TcpConnect>,
    lost: Rc<Cell<(u64, u64)>>,
    clock: Clock,
}

impl Watcher {
    fn new(venue: &Venue) -> Result<Self, String> {
        let addresses = venue.running.addresses();
        let config = SubscriberConfig {
            line_a: addresses.line_a,
            line_b: addresses.line_b,
            recovery: Some(addresses.recovery_tcp.into()),
            ..SubscriberConfig::default()
        };
        let lost = Rc::new(Cell::new((0, 0)));
        let line = |address| {
            let receiver = Receiver::join(address, config.interface).map_err(|error| error.to_string())?;
            let lost = Rc::clone(&lost);
            Ok::<_, String>(Lossy { receiver, lost })
        };
        let lines = [Some(line(config.line_a)?), config.line_b.map(&line).transpose()?];
        let connect = TcpConnect(addresses.recovery_tcp.into());
        Ok(Self {
            subscriber: Subscriber::over(&config, lines, Some(connect)),
            lost,
            clock: Clock::new(),
        })
    }

    /// Polls until it is so, told of the nanoseconds since the call; the time of that poll.
    fn until(&mut self, is_so: impl Fn(&Subscriber<Lossy, TcpConnect>, u64) -> bool) -> Result<u64, String> {
        let since_ns = self.clock.now_ns();
        loop {
            let now_ns = self.clock.now_ns();
            let work = self.subscriber.poll(now_ns);
            if is_so(&self.subscriber, now_ns - since_ns) {
                return Ok(now_ns);
            }
            if now_ns - since_ns > PATIENCE_NS {
                let (subscriber, lost) = (&self.subscriber, self.lost.get());
                return Err(format!(
                    "{:?} for too long, next message {:?}, lost {lost:?}, {:?}",
                    subscriber.state(),
                    subscriber.next_sequence(),
                    subscriber.statistics()
                ));
            }
            if work == 0 {
                thread::yield_now();
            }
        }
    }

    /// Loses that many messages; nanoseconds until they are there, and all that came behind.
    fn gap(&mut self, messages: u64) -> Result<u64, String> {
        let is_live = |subscriber: &Subscriber<Lossy, TcpConnect>| subscriber.state() == State::Live;
        // The connection that mended the gap before is gone: each costs a login.
        self.until(|subscriber, _| is_live(subscriber))?;
        self.until(|subscriber, elapsed_ns| is_live(subscriber) && elapsed_ns > LINGER_NS)?;
        let from = self.subscriber.known_sequence();
        self.lost.set((from, from + messages));
        let noticed_ns = self.until(|subscriber, _| subscriber.known_sequence() >= from + messages)?;
        let before = self.subscriber.statistics().recovered;
        let mended_ns = self.until(|subscriber, _| {
            let next = subscriber.next_sequence();
            next.is_some_and(|next| next >= from + messages) && is_live(subscriber)
        })?;
        let recovered = self.subscriber.statistics().recovered - before;
        if recovered < messages {
            return Err(format!("{recovered} messages recovered of {messages} lost"));
        }
        Ok(mended_ns - noticed_ns)
    }
}

/// Customers who trade until they are told.
fn trade(order_entry: SocketAddrV4, rate: u64, is_over: &AtomicBool) -> Result<(), String> {
    let config = FleetConfig {
        rate,
        references: demo_references(),
        levels: 16,
        orders: 32_768,
        ..FleetConfig::new(order_entry, demo_participants(6))
    };
    let clock = Clock::new();
    let mut fleet = Fleet::new(config, clock.now_ns()).map_err(|error| error.to_string())?;
    drive(
        &mut fleet,
        &clock,
        LOAD,
        || is_over.load(Ordering::Relaxed),
        |_, _| {},
    )?;
    fleet.logout(clock.now_ns());
    Ok(())
}

fn measure(rate: u64, sizes: &[u64], count: u32) -> Result<Table, String> {
    let venue = Venue::start(Durability::Sync, &[])?;
    let order_entry = venue.running.addresses().order_entry_tcp;
    let is_over = AtomicBool::new(false);
    let watched = thread::scope(|scope| {
        let trading = scope.spawn(|| trade(order_entry, rate, &is_over));
        let watched = watch(&venue, sizes, count);
        is_over.store(true, Ordering::Relaxed);
        let traded = trading.join().map_err(|_| "the load has panicked".to_owned())?;
        watched.and_then(|table| traded.map(|()| table))
    });
    let is_equal = venue.stop()?.is_equal();
    let table = watched?;
    if is_equal {
        Ok(table)
    } else {
        Err("engine and replica have come to different states".to_owned())
    }
}

fn watch(venue: &Venue, sizes: &[u64], count: u32) -> Result<Table, String> {
    let mut watcher = Watcher::new(venue)?;
    let mut table = Table::new(&["messages missing", "p50", "p90", "p99", "max", "goal (p99)"]);
    for &messages in sizes {
        let mut times = Histogram::<u64>::new(3).map_err(|error| error.to_string())?;
        for _ in 0..count {
            let time_ns = watcher.gap(messages)?;
            times.record(time_ns).map_err(|error| error.to_string())?;
        }
        let at = |quantile| Nanoseconds(times.value_at_quantile(quantile)).to_string();
        eprintln!("{messages}: p50 {}, p99 {}", at(0.5), at(0.99));
        table.row([
            messages.to_string(),
            at(0.5),
            at(0.9),
            at(0.99),
            at(1.0),
            Nanoseconds(GOAL.as_nanos() as u64).to_string(),
        ]);
    }
    Ok(table)
}
