//! The client against a small exchange on loopback, with and without loss.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use protocol::units::Symbol;

use super::test_server::TestServer;
use super::*;
use crate::faults::Faults;
use crate::orders::{Change, Update};
use crate::request::GOOD_TILL_CANCELED;

/// Longest a test may take; reached only when something is broken.
const LIMIT: Duration = Duration::from_secs(60);

struct Pair {
    server: TestServer,
    client: OrderEntryClient,
    started: Instant,
    updates: Vec<Update>,
    lost_connections: u32,
    /// Orders of ended days: number and state.
    ended: Vec<(u32, OrderState)>,
}

impl Pair {
    fn new(server: TestServer, configure: impl FnOnce(&mut ClientConfig)) -> Self {
        let mut config = ClientConfig::new(server.address(), "maker1", "secret");
        config.timing.resend_ns = 5_000_000;
        config.timing.gap_retry_ns = 2_000_000;
        config.timing.gap_fetch_ns = 30_000_000;
        config.timing.reconnect_ns = 5_000_000;
        configure(&mut config);
        Self {
            server,
            client: OrderEntryClient::new(config, 0).expect("a good configuration"),
            started: Instant::now(),
            updates: Vec::new(),
            lost_connections: 0,
            ended: Vec::new(),
        }
    }

    fn now(&self) -> u64 {
        self.started.elapsed().as_nanos() as u64
    }

    fn step(&mut self) {
        self.server.poll();
        let now = self.now();
        let Self {
            client,
            updates,
            lost_connections,
            ended,
            ..
        } = self;
        let mut handler = |_: u64, event: Event<'_>| match event {
            Event::Order(update) => updates.push(*update),
            Event::Lost(_) => *lost_connections += 1,
            Event::DayEnded(orders) => {
                ended.extend(orders.iter().map(|order| (order.user_ref, order.state)));
                ended.sort_unstable_by_key(|(user_ref, _)| *user_ref);
            }
            Event::Fault(fault) => panic!("{fault}"),
            _ => {}
        };
        client.poll(now, &mut handler);
    }

    fn until(&mut self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        while !done(self) {
            assert!(
                self.started.elapsed() < LIMIT,
                "{what}: {:?} {:?}",
                self.client.phase(),
                self.client.counters()
            );
            self.step();
        }
    }

    fn ready(&mut self) {
        self.until("never ready", |pair| pair.client.is_ready());
    }

    fn settle(&mut self) {
        self.until("never settled", |pair| {
            pair.client.is_ready() && pair.client.is_settled()
        });
    }

    fn enter(&mut self, quantity: u32) -> u32 {
        let now = self.now();
        let symbol = Symbol::new("BTC-USD").expect("short");
        self.client
            .enter(&NewOrder::limit(symbol, b'B', quantity, 1_000_000), now, now)
            .expect("ready")
    }

    /// Client and exchange must know the same orders in the same states.
    fn compare(&self) {
        let orders = self.client.orders();
        let live: BTreeSet<(u32, u32)> = orders
            .iter()
            .filter(|order| order.state == OrderState::Live)
            .map(|order| (order.user_ref, order.open))
            .collect();
        let resting: BTreeSet<(u32, u32)> = self
            .server
            .resting
            .iter()
            .map(|(number, order)| (*number, order.open))
            .collect();
        assert_eq!(live, resting);
        let applied: Vec<u32> = self
            .updates
            .iter()
            .filter(|update| matches!(update.change, Change::Accepted | Change::Replaced { .. }))
            .map(|update| update.order.user_ref)
            .collect();
        assert_eq!(applied, self.server.applied);
        let executed: u64 = self
            .updates
            .iter()
            .filter_map(|update| match update.change {
                Change::Executed { quantity, .. } => Some(u64::from(quantity)),
                _ => None,
            })
            .sum();
        assert_eq!(executed, self.server.executed_lots);
        let totals = orders.totals();
        assert_eq!(totals.answered + totals.not_applied, totals.requests);
        assert_eq!(self.server.malformed, 0);
        assert_eq!(self.client.counters().faults, 0);
    }

    /// Enters, replaces and cancels in bursts.
    fn trade(&mut self, rounds: u32) {
        for round in 0..rounds {
            let numbers: Vec<u32> = (0..round % 40).map(|index| self.enter(1 + index % 6)).collect();
            let now = self.now();
            self.client.flush(now);
            for _ in 0..3 {
                self.step();
            }
            let now = self.now();
            for number in numbers {
                // Those that already executed, or were lost, have nothing to cancel: that is the answer.
                match number % 5 {
                    0 => drop(self.client.cancel(number, 0, now)),
                    1 => drop(self.client.cancel(number, 1, now)),
                    _ => {}
                }
            }
            self.client.flush(now);
            self.step();
            if round % 7 == 0 {
                self.until("not ready in time", |pair| pair.client.is_ready());
            }
        }
    }
}

#[test]
fn nothing_is_lost_or_doubled_over_udp() {
    let mut pair = Pair::new(TestServer::start(Faults::none()), |config| {
        config.pad_to = Some(1_400)
    });
    pair.ready();
    pair.trade(60);
    pair.settle();
    pair.compare();
    assert_eq!(pair.client.orders().totals().not_applied, 0);
    assert_eq!(pair.client.counters().gaps, 0);
    assert_eq!(pair.client.orders().instruments().len(), 1);
}

#[test]
fn nothing_is_lost_or_doubled_under_loss_in_both_directions() {
    let (mut resends, mut lost) = (0, 0);
    for seed in 1..=4 {
        let mut pair = Pair::new(TestServer::start(Faults::new(100_000, seed)), |config| {
            config.outgoing = Faults::new(100_000, seed + 10);
            config.incoming = Faults::new(100_000, seed + 20);
        });
        pair.ready();
        pair.trade(80);
        pair.settle();
        pair.compare();
        assert!(pair.client.udp_counters().dropped_out > 0 && pair.client.udp_counters().dropped_in > 0);
        assert!(pair.client.counters().gaps > 0 && pair.client.counters().re_requests > 0);
        resends += pair.client.counters().resends + pair.client.counters().cancel_resends;
        lost += pair.client.orders().totals().not_applied;
    }
    assert!(
        resends > 0 && lost > 0,
        "{resends} sent again, {lost} not applied"
    );
}

#[test]
fn what_re_requests_do_not_mend_is_fetched_over_tcp() {
    let mut server = TestServer::start(Faults::new(300_000, 5));
    server.answers_re_requests = false;
    let mut pair = Pair::new(server, |_| {});
    pair.ready();
    pair.trade(40);
    pair.settle();
    pair.compare();
    assert!(pair.client.counters().replays > 0);
}

#[test]
fn tcp_alone_is_enough() {
    let mut pair = Pair::new(TestServer::start(Faults::none()), |config| {
        config.door = Door::Tcp
    });
    pair.ready();
    pair.trade(40);
    pair.settle();
    pair.compare();
    assert_eq!(pair.client.udp_counters(), UdpCounters::default());
}

#[test]
fn a_broken_connection_is_made_anew_and_the_stream_goes_on() {
    for door in [Door::Udp, Door::Tcp] {
        let mut pair = Pair::new(TestServer::start(Faults::none()), |config| config.door = door);
        pair.ready();
        for _ in 0..3 {
            pair.trade(20);
            // Some requests are under way when it breaks.
            for quantity in 1..20 {
                pair.enter(quantity);
            }
            let now = pair.now();
            pair.client.flush(now);
            pair.server.break_connections();
            let before = pair.client.counters().logins;
            pair.until("never logged in again", |pair| {
                pair.client.is_ready() && pair.client.counters().logins > before
            });
        }
        pair.settle();
        pair.compare();
        assert_eq!(pair.lost_connections, 3);
        assert_eq!(pair.client.counters().logins, 4);
    }
}

#[test]
fn replaces_and_mass_cancel() {
    let mut pair = Pair::new(TestServer::start(Faults::none()), |_| {});
    pair.ready();
    let first = pair.enter(10);
    pair.settle_flushed();
    let now = pair.now();
    let second = pair.client.replace(first, 20, 1_000_100, now, now).expect("live");
    pair.settle_flushed();
    let orders = pair.client.orders();
    assert_eq!(
        orders.get(first).map(|order| order.state),
        Some(OrderState::Replaced)
    );
    assert_eq!(orders.get(second).map(|order| order.open), Some(20));
    // The old name still finds the order.
    let now = pair.now();
    pair.client.cancel(first, 5, now).expect("live");
    pair.settle_flushed();
    assert_eq!(pair.client.orders().get(second).map(|order| order.open), Some(5));
    assert_eq!(
        pair.client.cancel(99, 0, now),
        Err(SendError::NotLive(99)),
        "never entered"
    );
    let now = pair.now();
    pair.client.mass_cancel(None, now, now).expect("ready");
    pair.settle_flushed();
    pair.compare();
    assert_eq!(pair.client.orders().live_count(), 0);
}

#[test]
fn a_limit_holds_up_orders_and_nothing_that_takes_them_back() {
    let limit = Limit {
        per_second: 1,
        burst: 2,
    };
    let mut pair = Pair::new(TestServer::start(Faults::none()), |config| {
        config.limit = Some(limit);
    });
    pair.ready();
    let numbers = [pair.enter(10), pair.enter(10)];
    let now = pair.now();
    let symbol = Symbol::new("BTC-USD").expect("short");
    let third = pair
        .client
        .enter(&NewOrder::limit(symbol, b'B', 1, 1_000_000), now, now);
    assert!(
        matches!(third, Err(SendError::Throttled(1..=1_000_000_000))),
        "{third:?}"
    );
    pair.settle_flushed();
    let now = pair.now();
    pair.client
        .cancel(numbers[0], 0, now)
        .expect("cancels are not limited");
    pair.client
        .mass_cancel(None, now, now)
        .expect("nor are mass cancels");
    pair.settle_flushed();
    pair.compare();
    assert_eq!(pair.client.orders().live_count(), 0);
}

#[test]
fn a_second_life_of_the_session_takes_over() {
    let mut pair = Pair::new(TestServer::start(Faults::none()), |_| {});
    pair.ready();
    for quantity in 1..=10 {
        pair.enter(quantity);
    }
    pair.settle_flushed();
    // From the beginning: everything is known again.
    let again = |pair: Pair, start| Pair::new(pair.server, |config| config.start = start);
    let mut pair = again(pair, Start::Beginning);
    pair.ready();
    assert_eq!(pair.client.orders().live_count(), 5);
    assert_eq!(pair.client.orders().next_user_ref(), 11);
    // From the latest message: only the next number.
    let mut pair = again(pair, Start::Latest);
    pair.ready();
    assert_eq!(pair.client.orders().next_user_ref(), 11);
    assert_eq!(pair.client.orders().live_count(), 0);
    let number = pair.enter(2);
    pair.settle_flushed();
    assert_eq!(number, 11);
    assert_eq!(pair.server.resting.len(), 6);
}

#[test]
fn garbage_is_counted_and_harms_nothing() {
    let mut pair = Pair::new(TestServer::start(Faults::none()), |_| {});
    pair.ready();
    pair.server.send_garbage();
    pair.trade(10);
    pair.settle();
    pair.compare();
    assert_eq!(pair.client.counters().malformed, 4);
}

#[test]
fn a_wrong_password_ends_the_client() {
    let server = TestServer::start(Faults::none());
    let mut config = ClientConfig::new(server.address(), "maker1", "wrong");
    config.timing.patience_ns = 1_000_000_000;
    let mut pair = Pair::new(server, |_| {});
    pair.client = OrderEntryClient::new(config, 0).expect("a good configuration");
    pair.until("never ended", |pair| {
        matches!(pair.client.phase(), Phase::Ended(_))
    });
    assert_eq!(pair.client.phase(), Phase::Ended(EndReason::NotAuthorized));
    let now = pair.now();
    assert_eq!(pair.client.mass_cancel(None, now, now), Err(SendError::NotReady));
}

#[test]
fn nobody_at_the_door_ends_the_client_in_time() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
    let std::net::SocketAddr::V4(address) = free.local_addr().expect("bound") else {
        panic!("bound to IPv4")
    };
    drop(free);
    let mut config = ClientConfig::new(address, "maker1", "secret");
    config.timing.patience_ns = 20_000_000;
    config.timing.reconnect_ns = 1_000_000;
    let mut client = OrderEntryClient::new(config, 0).expect("a good configuration");
    let started = Instant::now();
    while !matches!(client.phase(), Phase::Ended(_)) {
        assert!(started.elapsed() < LIMIT);
        client.poll(
            started.elapsed().as_nanos() as u64,
            &mut |_: u64, _: Event<'_>| {},
        );
    }
    assert_eq!(client.phase(), Phase::Ended(EndReason::Unreachable));
}

#[test]
fn what_was_never_applied_can_be_entered_again() {
    let mut pair = Pair::new(TestServer::start(Faults::none()), |config| {
        config.outgoing = Faults::new(400_000, 3);
    });
    pair.ready();
    for _ in 0..200 {
        pair.enter(2);
        let now = pair.now();
        pair.client.flush(now);
        pair.step();
    }
    pair.settle();
    let lost: Vec<u32> = pair
        .client
        .orders()
        .iter()
        .filter(|order| order.state == OrderState::NotApplied)
        .map(|order| order.user_ref)
        .collect();
    assert!(!lost.is_empty());
    for number in &lost {
        let now = pair.now();
        pair.client.enter_again(*number, now).expect("lost before");
        pair.settle_flushed();
    }
    pair.compare();
    assert_eq!(pair.server.resting.len(), 200);
    let now = pair.now();
    assert!(pair.client.enter_again(1_000_000, now).is_err());
}

#[test]
fn settings_that_can_not_work_are_refused() {
    let server = TestServer::start(Faults::none());
    let good = ClientConfig::new(server.address(), "maker1", "secret");
    let refused = |change: fn(&mut ClientConfig)| {
        let mut config = good.clone();
        change(&mut config);
        OrderEntryClient::new(config, 0).err()
    };
    assert_eq!(
        refused(|config| config.orders_per_datagram = 0),
        Some(ConfigError::OrdersPerDatagram)
    );
    assert_eq!(
        refused(|config| config.orders_per_datagram = 29),
        Some(ConfigError::OrdersPerDatagram)
    );
    assert_eq!(
        refused(|config| config.username = "toolong".to_owned()),
        Some(ConfigError::Login)
    );
    assert_eq!(refused(|config| config.orders = 0), Some(ConfigError::Orders));
    assert_eq!(refused(|_| {}), None);
}

impl Pair {
    fn settle_flushed(&mut self) {
        let now = self.now();
        self.client.flush(now);
        self.settle();
    }
}

impl Pair {
    /// Good till canceled.
    fn enter_lasting(&mut self, quantity: u32) -> u32 {
        let now = self.now();
        let symbol = Symbol::new("BTC-USD").expect("short");
        let order = NewOrder {
            time_in_force: GOOD_TILL_CANCELED,
            ..NewOrder::limit(symbol, b'B', quantity, 1_000_000)
        };
        self.client.enter(&order, now, now).expect("ready")
    }

    fn until_next_day(&mut self) {
        self.until("never in the next day", |pair| {
            pair.client.is_ready() && pair.client.counters().days == 1
        });
        assert_eq!(self.client.session(), Some(*b"O000000002"));
        assert_eq!(self.client.counters().faults, 0);
    }

    /// Numbers of the day before of what was carried, in the order of the new ones.
    fn carried(&self) -> Vec<u32> {
        let carried = |update: &Update| match update.change {
            Change::Carried { before } => Some(before),
            _ => None,
        };
        self.updates.iter().filter_map(carried).collect()
    }

    /// Live orders: number and open lots.
    fn live(&self) -> BTreeSet<(u32, u32)> {
        let live = |order: &&Order| order.state == OrderState::Live;
        let orders = self.client.orders().iter().filter(live);
        orders.map(|order| (order.user_ref, order.open)).collect()
    }
}

#[test]
fn the_roll_of_the_day_is_gone_over() {
    for door in [Door::Udp, Door::Tcp] {
        let mut pair = Pair::new(TestServer::start(Faults::none()), |config| config.door = door);
        pair.ready();
        let day = pair.enter(10);
        let first = pair.enter_lasting(20);
        let replaced = pair.enter_lasting(30);
        pair.settle_flushed();
        let now = pair.now();
        let terms = Terms {
            time_in_force: GOOD_TILL_CANCELED,
            ..Terms::default()
        };
        let second = pair
            .client
            .replace_on(&terms, replaced, 40, 1_000_100, now, now)
            .expect("live");
        pair.settle_flushed();
        pair.server.cancel_day_orders();
        pair.server.tell_end();
        pair.server.roll();
        pair.until_next_day();
        assert_eq!(
            pair.ended,
            [
                (day, OrderState::Canceled),
                (first, OrderState::Live),
                (replaced, OrderState::Replaced),
                (second, OrderState::Live)
            ]
        );
        assert_eq!(pair.carried(), [first, second]);
        assert_eq!(pair.live(), BTreeSet::from([(1, 20), (2, 40)]));
        assert_eq!(pair.client.orders().totals().carried, 2);
        assert_eq!(pair.lost_connections, 0);
        // It trades on, under the numbers of the new day.
        assert_eq!(pair.enter(4), 3);
        pair.settle_flushed();
        let now = pair.now();
        pair.client.cancel(2, 10, now).expect("live");
        pair.settle_flushed();
        assert_eq!(pair.live(), BTreeSet::from([(1, 20), (2, 10), (3, 4)]));
    }
}

/// The last acknowledgements and the end over UDP are lost: the old day is read to its end first.
#[test]
fn the_end_of_the_old_day_is_read_before_the_new_one_begins() {
    let mut pair = Pair::new(TestServer::start(Faults::none()), |_| {});
    pair.ready();
    let lasting = pair.enter_lasting(20);
    let day = pair.enter(10);
    pair.settle_flushed();
    let taken = pair.enter(8);
    let now = pair.now();
    pair.client.flush(now);
    let was_taken = |pair: &Pair| pair.server.applied.contains(&taken);
    while !was_taken(&pair) {
        // The exchange takes it, and what it says of it is lost.
        pair.server.faults = Faults::new(1_000_000, 1);
        pair.server.poll();
    }
    let lost = pair.enter(6);
    pair.server.cancel_day_orders();
    pair.server.tell_end();
    pair.server.faults = Faults::none();
    pair.server.roll();
    pair.until_next_day();
    assert_eq!(
        pair.ended,
        [
            (lasting, OrderState::Live),
            (day, OrderState::Canceled),
            (taken, OrderState::Canceled),
            (lost, OrderState::NotApplied)
        ]
    );
    assert_eq!(pair.client.counters().logins, 3, "the old day's once more");
    assert_eq!(pair.live(), BTreeSet::from([(1, 20)]));
    let totals = pair.client.orders().totals();
    assert_eq!((totals.answered, totals.not_applied, totals.requests), (3, 1, 4));
}

/// The end over UDP is faster than the doors: a login that comes too early waits for the new day.
#[test]
fn a_login_before_the_doors_know_of_the_roll_comes_again() {
    let mut pair = Pair::new(TestServer::start(Faults::none()), |_| {});
    pair.ready();
    pair.enter_lasting(20);
    pair.settle_flushed();
    pair.server.tell_end();
    pair.until("the end is not heard", |pair| pair.client.counters().days == 1);
    for _ in 0..3 {
        pair.until("never away", |pair| pair.client.phase() == Phase::Waiting);
        pair.until("never at the door", |pair| {
            pair.client.phase() == Phase::LoggingIn
        });
    }
    pair.server.roll();
    pair.until_next_day();
    assert_eq!(pair.live(), BTreeSet::from([(1, 20)]));
}

/// A cancel that the old day did not take is meant for the order, whatever its number.
#[test]
fn a_cancel_goes_on_in_the_new_day() {
    let mut pair = Pair::new(TestServer::start(Faults::none()), |_| {});
    pair.ready();
    let order = pair.enter_lasting(20);
    let kept = pair.enter_lasting(30);
    pair.settle_flushed();
    let now = pair.now();
    // It stays in a datagram that is never sent.
    pair.client.cancel(order, 6, now).expect("live");
    pair.server.tell_end();
    pair.server.roll();
    pair.until_next_day();
    assert_eq!(pair.carried(), [order, kept]);
    pair.settle_flushed();
    assert_eq!(pair.live(), BTreeSet::from([(1, 6), (2, 30)]));
    assert_eq!(pair.server.resting[&1].open, 6);
}

/// Whoever was away when the day rolled reads its end, then the new one.
#[test]
fn who_was_away_goes_over_too() {
    let mut pair = Pair::new(TestServer::start(Faults::none()), |_| {});
    pair.ready();
    let day = pair.enter(10);
    pair.enter_lasting(20);
    pair.settle_flushed();
    pair.server.break_connections();
    pair.server.cancel_day_orders();
    pair.server.roll();
    pair.until_next_day();
    assert_eq!(pair.ended[0], (day, OrderState::Canceled));
    assert_eq!(pair.live(), BTreeSet::from([(1, 20)]));
}

#[test]
fn who_waits_is_woken_by_what_comes_and_by_nothing_else() {
    let mut pair = Pair::new(TestServer::start(Faults::none()), |_| {});
    pair.ready();
    pair.enter(1);
    let now = pair.now();
    pair.client.flush(now);
    // It answers, and nobody has looked.
    while pair.server.applied.is_empty() {
        pair.server.poll();
    }
    let began = Instant::now();
    pair.client.wait(LIMIT);
    assert!(began.elapsed() < LIMIT / 2);
    pair.settle();
    // From here on it says nothing.
    let began = Instant::now();
    let short = Duration::from_millis(2);
    pair.client.wait(short);
    assert!(began.elapsed() >= short);
}
