//! An exchange of its own on free ports, whose clock stands still but for logins: what happens to it depends on nothing but
//! what it takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use engine::assembly::{self, Running};
use engine::config::{Authentication, Config, Durability};
use engine::runtime::clock::Clock;
use protocol::authentication::{MacAlgorithm, MacSecret, Secret};

use crate::customer::Customer;

/// A moment of the day.
const NOW_NS: u64 = (20_000 * 86_400 + 9 * 3_600) * 1_000_000_000;
/// A login is over in so long, and the clock stands at the end of it then.
const LOGIN_NS: u64 = 5_000_000_000;
/// What passes while a login waits: doors look at their listener again after a while.
const TICK_NS: u64 = 1_000_000;
/// Nothing here takes that long, on a machine that has other work too.
const PATIENCE: Duration = Duration::from_secs(120);

/// The secret of an account.
pub(crate) fn secret_of(algorithm: MacAlgorithm, account: &str) -> MacSecret {
    MacSecret {
        algorithm,
        secret: Secret::new([account.as_bytes()[0]; 32]),
    }
}

fn start(algorithm: MacAlgorithm, time: &Arc<AtomicU64>) -> Running {
    let mut config = Config::built_in();
    config.network.use_free_ports();
    config.journal.durability = Durability::None;
    config.capacities.limits.orders = 4_096;
    config.capacities.store = 1 << 20;
    for account in &mut config.accounts {
        account.authentication = Authentication::Mac(secret_of(algorithm, account.name()));
    }
    let clock = Clock::Manual(Arc::clone(time));
    assembly::start_by(&config, clock, |_| {}).unwrap_or_else(|error| panic!("does not start: {error}"))
}

/// A counter of the engine stage, by its name.
fn counter(exchange: &Running, name: &str) -> u64 {
    counter_of(exchange, "engine", name)
}

fn counter_of(exchange: &Running, group: &str, name: &str) -> u64 {
    let mut found = None;
    for group in exchange.counters().iter().filter(|some| some.group() == group) {
        group.each(&mut |reading| {
            if reading.label == name {
                found = Some(reading.value);
            }
        });
    }
    found.unwrap_or_else(|| panic!("no counter {name:?}"))
}

/// The exchange under attack.
pub(crate) struct Attacked {
    exchange: Running,
    time: Arc<AtomicU64>,
    algorithm: MacAlgorithm,
    logins: Vec<&'static str>,
}

impl Attacked {
    pub(crate) fn start(algorithm: MacAlgorithm) -> Self {
        let time = Arc::new(AtomicU64::new(NOW_NS));
        Self {
            exchange: start(algorithm, &time),
            time,
            algorithm,
            logins: Vec::new(),
        }
    }

    /// Logs in and binds.
    pub(crate) fn customer(&mut self, account: &'static str) -> Customer {
        self.login(account, None)
    }

    /// The same once more, with the UDP socket of the login before.
    pub(crate) fn customer_from(&mut self, account: &'static str, before: &Customer) -> Customer {
        self.login(account, Some(before))
    }

    fn login(&mut self, account: &'static str, before: Option<&Customer>) -> Customer {
        self.logins.push(account);
        let secret = secret_of(self.algorithm, account);
        let address = self.exchange.addresses().order_entry_tcp;
        let end = NOW_NS + self.logins.len() as u64 * LOGIN_NS;
        let customer = Customer::login(address, account, &secret, before, || {
            let now = self.time.fetch_add(TICK_NS, Ordering::Relaxed);
            assert!(now < end, "the login takes too long");
        });
        self.time.store(end, Ordering::Relaxed);
        customer
    }

    /// Does something, and waits until a counter has grown by `more`: not less, and not more.
    pub(crate) fn expect(&mut self, name: &str, more: u64, act: impl FnOnce()) {
        let wanted = counter(&self.exchange, name) + more;
        act();
        let started = Instant::now();
        while counter(&self.exchange, name) < wanted {
            assert!(
                started.elapsed() < PATIENCE,
                "{name}: {} of {wanted}",
                counter(&self.exchange, name)
            );
            thread::yield_now();
        }
        assert_eq!(counter(&self.exchange, name), wanted, "{name}");
    }

    pub(crate) fn counter(&self, name: &str) -> u64 {
        counter(&self.exchange, name)
    }

    /// Datagrams that have not come so far as to a thread of the exchange. The kernel tells with the next one that does.
    pub(crate) fn dropped_by_the_kernel(&self) -> u64 {
        counter_of(&self.exchange, "source", "kernel_drops")
    }

    pub(crate) fn expect_all(&self, counters: &[(&str, u64)]) {
        for (name, wanted) in counters {
            assert_eq!(counter(&self.exchange, name), *wanted, "{name}");
        }
    }

    /// Ends it: its state is that of an exchange to which the same customers logged in and sent as many orders, and nobody
    /// sent anything else. There is one at least: when logins come by the clock is not the same each time.
    pub(crate) fn compare(self, orders: u64) {
        let mut calm = Self::start(self.algorithm);
        let mut customers: Vec<_> = self.logins.iter().map(|name| calm.customer(name)).collect();
        for _ in 0..orders {
            let order = customers[0].order();
            calm.expect("requests", 1, || customers[0].send(&order));
        }
        self.end(calm);
    }

    /// The same when the customer logged in once more behind its orders, and then sent one more.
    pub(crate) fn compare_logged_in_twice(self, orders: u64) {
        let mut calm = Self::start(self.algorithm);
        let mut first = calm.customer(self.logins[0]);
        for _ in 0..orders {
            let order = first.order();
            calm.expect("requests", 1, || first.send(&order));
        }
        let mut second = calm.customer_from(self.logins[0], &first);
        let order = second.order();
        calm.expect("requests", 1, || second.send(&order));
        self.end(calm);
    }

    fn end(self, calm: Self) {
        // A request is counted before its command.
        let wanted = counter(&self.exchange, "commands");
        let started = Instant::now();
        while counter(&calm.exchange, "commands") < wanted && started.elapsed() < PATIENCE {
            thread::yield_now();
        }
        let commands = [&self, &calm].map(|exchange| counter(&exchange.exchange, "commands"));
        assert_eq!(commands[0], commands[1], "as many commands");
        let [attacked, calm] =
            [self, calm].map(|exchange| exchange.exchange.stop().expect("it ends in order"));
        assert_eq!(attacked.exchange.state_hash(), calm.exchange.state_hash());
        attacked
            .exchange
            .check_invariants()
            .expect("books and balances add up");
    }
}
