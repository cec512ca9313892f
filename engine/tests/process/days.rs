//! Two days in one journal, written by a clock that the test turns, and read back day by day by the binary.

use std::fs;
use std::net::SocketAddrV4;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use engine::assembly::{self, Final, Running};
use engine::config::Config;
use engine::exchange::book::Side as EngineSide;
use engine::runtime::clock::Clock;
use feed_handler::{Capacity, Digest, Market, Side};
use protocol::market_data::FeedMessage;
use protocol::market_data::binary_file::Reader;

use crate::client::Client;
use crate::exchange::{Directory, run};

const SECOND_NS: u64 = 1_000_000_000;
const HOUR: u64 = 3_600;
const MIDNIGHT_NS: u64 = 20_000 * 86_400 * SECOND_NS;
const LIMIT: Duration = Duration::from_secs(30);
const PRICE: u64 = 600_000_000;

const DAY: &str = r#"
[day]
pre_open = "07:00"
opening_auction = "08:00"
open = "09:00"
closing_auction = "16:00"
close = "17:00"
roll = "18:00"
"#;

struct World {
    time: Arc<AtomicU64>,
    exchange: Running,
}

impl World {
    /// Turns the clock, and waits until `commands` more are released.
    fn at(&self, second: u64, commands: u64) {
        let wanted = self.exchange.released() + commands;
        self.time
            .store(MIDNIGHT_NS + second * SECOND_NS, Ordering::Relaxed);
        self.until_released(wanted);
    }

    /// A moment passes: the doors look at idle connections by the clock.
    fn tick(&self) {
        self.time.fetch_add(SECOND_NS / 100_000, Ordering::Relaxed);
        std::thread::yield_now();
    }

    fn until_released(&self, wanted: u64) {
        let started = Instant::now();
        while self.exchange.released() < wanted {
            assert!(
                started.elapsed() < LIMIT,
                "{} of {wanted}",
                self.exchange.released()
            );
            self.tick();
        }
    }

    /// Enters orders of an account and waits for their answers, while the clock goes on.
    fn enter(&self, username: &str, first: u32, orders: &[(u8, u32, u64, u8)]) {
        self.trade(|door| enter(door, username, first, orders));
    }

    /// Lets a customer come, while the clock goes on, and go again.
    fn trade(&self, trade: impl FnOnce(SocketAddrV4) -> Client + Send) {
        let door = self.exchange.addresses().order_entry_tcp;
        let customer = std::thread::scope(|scope| {
            let customer = scope.spawn(move || trade(door));
            while !customer.is_finished() {
                self.tick();
            }
            customer.join().expect("it is answered")
        });
        // The end of the connection is a command too.
        let wanted = self.exchange.released() + 1;
        drop(customer);
        self.until_released(wanted);
    }
}

fn enter(door: SocketAddrV4, username: &str, first: u32, orders: &[(u8, u32, u64, u8)]) -> Client {
    let mut client = bound(door, username, first);
    let mut requests = Vec::new();
    for &order in orders {
        requests.push(request(&mut client, order));
    }
    client.send(&requests).expect("bound");
    let last = client.user_ref;
    client.receive(|client| client.is_answered(last)).expect("bound");
    client
}

/// So many orders, the next one when the one before is answered: each is a frame of the journal.
fn enter_alone(door: SocketAddrV4, username: &str, count: u32, order: (u8, u32, u64, u8)) -> Client {
    let mut client = bound(door, username, 1);
    for number in 1..=count {
        let request = request(&mut client, order);
        client.send(&[request]).expect("bound");
        client
            .receive(|client| client.is_answered(number))
            .expect("bound");
    }
    client
}

fn bound(door: SocketAddrV4, username: &str, first: u32) -> Client {
    let mut client = Client::login(door.into(), username, "secret", 1).expect("login");
    client.bind();
    client.user_ref = first - 1;
    client
}

fn request(client: &mut Client, (side, lots, price, time_in_force): (u8, u32, u64, u8)) -> Vec<u8> {
    let mut order = client.order(side, lots, price);
    order[26] = time_in_force;
    order
}

/// A day with orders, and half of the next one; what is left in the end.
fn two_days(file: &Path) -> Final {
    let config = Config::read(file).expect("it is valid");
    let time = Arc::new(AtomicU64::new(MIDNIGHT_NS + 10 * HOUR * SECOND_NS));
    let clock = Clock::Manual(Arc::clone(&time));
    let exchange = assembly::start_by(&config, clock, |_| {}).expect("it starts");
    let world = World { time, exchange };
    // It opens at once.
    world.enter("T0", 1, &[(b'B', 5, PRICE, b'G'), (b'B', 7, PRICE - 100, b'0')]);
    world.enter("T1", 1, &[(b'S', 2, PRICE, b'0'), (b'S', 9, PRICE + 100, b'G')]);
    // It closes; the events M, E and C; then, half a minute later, it rolls.
    world.at(19 * HOUR, 4);
    world.at(19 * HOUR + 31, 1);
    // Pre-open, Q, the opening.
    world.at((24 + 10) * HOUR, 3);
    world.enter("T2", 1, &[(b'S', 1, PRICE, b'0'), (b'S', 4, PRICE + 300, b'0')]);
    world.exchange.stop().expect("it ends in order")
}

/// What a subscriber makes of a file, and its System Events.
fn market(path: &Path) -> (Market, String) {
    let bytes = fs::read(path).expect("it was written");
    let mut market = Market::new(Capacity {
        instruments: 4,
        orders: 64,
        levels: 64,
    });
    let mut events = String::new();
    for message in Reader::new(&bytes) {
        let message = message.expect("whole records");
        market.apply(message).expect("ITCH 5.0");
        if let Ok(FeedMessage::SystemEvent(event)) = FeedMessage::decode(message) {
            events.push(char::from(event.event_code));
        }
    }
    let statistics = market.statistics();
    assert_eq!(statistics.error_count() + statistics.unknown, 0, "{statistics:?}");
    (market, events)
}

fn digest(last: &Final) -> u64 {
    let mut digest = Digest::new();
    for (side, name) in [(EngineSide::Buy, Side::Buy), (EngineSide::Sell, Side::Sell)] {
        for order in last.exchange.resting(1, side) {
            digest.order(name, order.price, order.feed_number, order.displayed);
        }
    }
    digest.finish()
}

#[test]
fn each_day_of_a_journal_is_a_file_of_its_own() {
    let directory = Directory::new();
    let file = directory.configuration(|text| text + DAY);
    let last = two_days(&file);
    assert_eq!(last.exchange.day(), 2);
    let data = directory.path().join("data");
    let replay = |name: &str, more: &[&str]| {
        let path = directory.path().join(name);
        let (data, itch) = (data.to_str().expect("text"), path.to_str().expect("text"));
        let (code, _, errors) = run(&[&["replay", "--data", data, "--itch", itch], more].concat());
        (path, code, errors)
    };
    let written = |name: &str, more: &[&str]| {
        let (path, code, errors) = replay(name, more);
        assert_eq!(code, Some(0), "{errors}");
        path
    };
    let all = written("all.itch", &[]);
    let first = written("first.itch", &["--day", "1"]);
    let second = written("second.itch", &["--day", "2"]);
    let both = [fs::read(&first), fs::read(&second)].map(|read| read.expect("it was written"));
    assert_eq!(fs::read(all).expect("it was written"), both.concat());

    // Of the first day the orders that outlived it are left; the second begins with them.
    let (market_of_first, events) = market(&first);
    assert_eq!(events, "OSQMEC");
    assert_eq!(market_of_first.books().order_count(), 2);
    let (market_of_second, events) = market(&second);
    assert_eq!(events, "OSQ");
    assert_eq!(market_of_second.books().order_count(), 3);
    assert_eq!(market_of_second.book(1).digest(), digest(&last));

    // A day that there is not: what the file had stays, and the message says which days there are.
    for (wanted, code_wanted, teaches) in [
        ("3", 1, "the messages are those of days 1 to 2"),
        ("0", 2, "0 is not in 1.."),
    ] {
        let (path, code, errors) = replay("first.itch", &["--day", wanted]);
        assert_eq!(code, Some(code_wanted), "{errors}");
        assert!(errors.contains(teaches), "{errors}");
        assert_eq!(fs::read(path).expect("it was written"), both[0]);
    }
    let (path, code, errors) = replay("never.itch", &["--day", "7"]);
    assert_eq!(code, Some(1));
    assert!(
        errors.contains("there is no day 7") && errors.contains("remedy"),
        "{errors}"
    );
    assert!(!path.exists());
}

/// With `keep_days` the journal begins with the state of the day before those that stay whole, and is a journal still.
#[test]
fn old_days_of_a_journal_go_by_themselves() {
    const DAYS: u64 = 4;
    /// More frames than a segment has blocks.
    const ORDERS: u32 = 1_100;
    const IMMEDIATE: u8 = b'3';
    let directory = Directory::new();
    let keep = "keep_days = 1\nsnapshot_interval = 1\nsnapshot_commands = 1\n";
    let file = directory.configuration(|text| text + keep + DAY);
    let config = Config::read(&file).expect("it is valid");
    let time = Arc::new(AtomicU64::new(MIDNIGHT_NS + 10 * HOUR * SECOND_NS));
    let clock = Clock::Manual(Arc::clone(&time));
    let exchange = assembly::start_by(&config, clock, |_| {}).expect("it starts");
    let mut world = World { time, exchange };
    let data = directory.path().join("data");
    let segment = |number: u32| data.join(format!("{number:010}.journal"));
    for day in 0..DAYS {
        if day > 0 {
            // Pre-open, Q, the opening.
            world.at((24 * day + 10) * HOUR, 3);
        }
        // A buyer that stays, and those that nobody sells to.
        world.enter("T0", 1 + day as u32, &[(b'B', 5, PRICE - 100 * day, b'G')]);
        world.trade(|door| enter_alone(door, "T1", ORDERS, (b'B', 1, PRICE / 2, IMMEDIATE)));
        if day + 1 < DAYS {
            // It closes; M, E, C; it rolls.
            world.at((24 * day + 19) * HOUR, 4);
            world.at((24 * day + 19) * HOUR + 31, 1);
        }
    }
    let started = Instant::now();
    while segment(1).exists() {
        assert!(started.elapsed() < LIMIT, "the first segment is still there");
        world.time.fetch_add(SECOND_NS, Ordering::Relaxed);
        std::thread::yield_now();
    }

    // What is left is whole: it starts, is verified, and the days that stay are there.
    let now_ns = world.time.load(Ordering::Relaxed);
    let last = world.exchange.stop().expect("it ends in order");
    assert_eq!(u64::from(last.exchange.day()), DAYS);
    let clock = Clock::Manual(Arc::new(AtomicU64::new(now_ns)));
    world.exchange = assembly::start_by(&config, clock, |_| {}).expect("it starts again");
    let again = world.exchange.stop().expect("it ends in order");
    assert_eq!(digest(&again), digest(&last));
    let data = data.to_str().expect("text");
    let (code, told, errors) = run(&["verify", "--data", data]);
    assert_eq!(code, Some(0), "{told}{errors}");
    for day in [DAYS - 1, DAYS] {
        let path = directory.path().join(format!("{day}.itch"));
        let (text, itch) = (day.to_string(), path.to_str().expect("text"));
        let (code, _, errors) = run(&["replay", "--data", data, "--itch", itch, "--day", &text]);
        assert_eq!(code, Some(0), "day {day}: {errors}");
        let (market, _) = market(&path);
        assert_eq!(market.books().order_count() as u64, day);
    }
}
