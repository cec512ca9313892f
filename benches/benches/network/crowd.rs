//! A thousand sessions at once: some silent, some that never read their answers, some that send ten times what they may, and
//! junk that belongs to nobody. What the ordinary ones among them feel of it.

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use benches::document::Table;
use benches::venue::Venue;
use client_sim::cli::arguments::demo_references;
use client_sim::fleet::{FleetConfig, Participant, Stage};
use client_sim::latency::{Nanoseconds, Percentiles};
use client_sim::workload::Role;
use engine::config::{Account, Config, Durability, Session};
use engine::password::{Password, Proof};
use protocol::order_entry::requests::EnterOrder;
use protocol::order_entry::write_message;
use protocol::soup::encode;
use protocol::testing::Random;
use protocol::units::text_field;

use crate::customers::Customers;
use crate::flood::{self, Dial, Flood, REQUESTS};
use crate::load::SEED;

/// Who is there.
#[derive(Debug, Clone, Copy)]
struct Crowd {
    ordinary: usize,
    greedy: usize,
    slow: usize,
    silent: usize,
}

const CROWD: Crowd = Crowd {
    ordinary: 12,
    greedy: 10,
    slow: 100,
    silent: 878,
};
/// Requests a second that each session may send.
const LIMIT: u32 = 2_000;
/// Orders a second of all ordinary sessions together: half their limit.
const ORDINARY_RATE: u64 = 12_000;
/// Datagrams of junk a second: half of what plain sockets take and answer one by one (`mock`, first row).
const JUNK_RATE: u64 = 50_000;
/// Orders a second of each session that does not read.
const SLOW_RATE: u64 = 100;
/// Between two looks at what is due: a network brings datagrams one by one, not fifty at once.
const TICK: Duration = Duration::from_micros(100);

/// What the others do in a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    /// They are there.
    Nothing,
    /// Junk to a socket of nobody's: what its sender costs the machine, and nothing else.
    JunkElsewhere,
    /// What is promised for: one session at ten times its limit, and junk.
    OneAndJunk,
    /// Everything at once.
    All,
}

impl Doing {
    const EACH: [Self; 4] = [Self::Nothing, Self::JunkElsewhere, Self::OneAndJunk, Self::All];

    fn of(number: usize) -> Self {
        Self::EACH[number]
    }
}

/// Whiles of each kind, in turn.
const ROUNDS: usize = 15;

/// What was seen.
struct Seen {
    /// The percentiles of each while, for each doing.
    whiles: [Vec<Percentiles>; Doing::EACH.len()],
    served: f64,
    throttled: u64,
    strangers: u64,
    missing: u64,
    memory: [u64; 2],
}

/// Accounts of one session each.
fn configuration(crowd: Crowd) -> (Config, Vec<Participant>) {
    let count = crowd.ordinary + crowd.greedy + crowd.slow + crowd.silent;
    let mut config = Config::built_in();
    let template: Account = config.accounts[0].clone();
    let participants: Vec<Participant> = (0..count)
        .map(|index| Participant {
            username: format!("C{index:05}"),
            password: "crowd".to_owned(),
            account: format!("C{index:05}"),
            role: [Role::MarketMaker, Role::Trader, Role::Investor][index % 3],
        })
        .collect();
    config.accounts = participants
        .iter()
        .map(|participant| Account {
            name: text_field(&participant.username).expect("it fits"),
            sessions: vec![Session {
                username: text_field(&participant.username).expect("it fits"),
                proof: Proof::Plain(Password::new(participant.password.as_bytes())),
            }],
            rate_per_second: LIMIT,
            rate_burst: LIMIT / 10,
            ..template.clone()
        })
        .collect();
    config.capacities.connections = 1_024;
    (config, participants)
}

/// What the others do while it lasts.
struct Others<'a> {
    is_over: &'a AtomicBool,
    /// A [`Doing`]'s place.
    doing: &'a AtomicUsize,
    slow: &'a [TcpStream],
    door: SocketAddrV4,
}

impl Others<'_> {
    /// Junk, and orders of those who do not read, until it is over.
    fn run(&self) -> io::Result<()> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let nobody = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let door = SocketAddr::V4(self.door);
        // Of no binding.
        let mut junk = [0; 1_400];
        let mut random = Random::new(SEED);
        let mut next_ref = 0;
        let mut doing = Doing::Nothing;
        let (mut since, mut sent, mut entered) = (Instant::now(), 0, 0);
        while !self.is_over.load(Ordering::Relaxed) {
            thread::sleep(TICK);
            let asked = Doing::of(self.doing.load(Ordering::Relaxed));
            if asked != doing {
                (doing, since, sent, entered) = (asked, Instant::now(), 0, 0);
            }
            let due = |rate: u64| (since.elapsed().as_nanos() * u128::from(rate) / 1_000_000_000) as u64;
            while doing != Doing::Nothing && sent < due(JUNK_RATE) {
                random.fill(&mut junk[..8]);
                let to = if doing == Doing::JunkElsewhere {
                    nobody
                } else {
                    door
                };
                // One that the kernel does not take is not missed.
                let _ = socket.send_to(&junk, to);
                sent += 1;
            }
            while doing == Doing::All && entered < due(SLOW_RATE) {
                next_ref += 1;
                self.enter(next_ref);
                entered += 1;
            }
        }
        Ok(())
    }

    /// An order of each that does not read. Where the connection takes nothing more, or is gone, that is what was wanted.
    fn enter(&self, user_ref: u32) {
        let message = EnterOrder {
            message_type: b'O',
            user_ref_num: user_ref.into(),
            side: b'B',
            quantity: 1.into(),
            symbol: *b"BTC-USD ",
            price: 590_000_000.into(),
            time_in_force: b'3',
            display: b'Y',
            capacity: b'P',
            inter_market_sweep_eligibility: b'N',
            cross_type: b'N',
            cl_ord_id: *b"slow          ",
            appendage_length: 0.into(),
        };
        let (mut bytes, mut packet) = ([0; 64], [0; 80]);
        let length = write_message(&message, &[], &mut bytes).expect("64 bytes are enough");
        let length = encode::unsequenced(&bytes[..length], &mut packet).expect("it fits");
        for mut connection in self.slow {
            let _ = connection.write(&packet[..length]);
        }
    }
}

/// How long the ordinary ones wait for answers.
fn trade(ordinary: &mut Customers, duration: Duration) -> Result<Percentiles, String> {
    ordinary.fleet.shared_mut().latencies.fold();
    let since = Instant::now();
    while since.elapsed() < duration {
        ordinary.poll()?;
    }
    let recent = ordinary.fleet.shared().latencies.interval();
    Ok(recent.acknowledgements().percentiles())
}

fn scene(crowd: Crowd, duration: Duration) -> Result<Seen, String> {
    let (config, participants) = configuration(crowd);
    let venue = Venue::with(config, Durability::Sync)?;
    let addresses = venue.running.addresses();
    let server = addresses.order_entry_tcp;
    let (ordinary, rest) = participants.split_at(crowd.ordinary);
    let (greedy, rest) = rest.split_at(crowd.greedy);
    let (slow, silent) = rest.split_at(crowd.slow);
    let told = |error: io::Error| error.to_string();
    let login = |greedy: &[Participant]| Flood::login(server, greedy, &demo_references()[..3]);
    let (one, others) = greedy.split_at(1);
    let floods = [login(one)?, login(others)?];
    // No port of theirs is ever read from.
    let join =
        |participant: &Participant| flood::login(server, participant, 9).map(|(connection, _)| connection);
    let slow: Vec<TcpStream> = slow.iter().map(join).collect::<Result<_, _>>().map_err(told)?;
    let _silent: Vec<TcpStream> = silent.iter().map(join).collect::<Result<_, _>>().map_err(told)?;
    for connection in &slow {
        connection.set_nonblocking(true).map_err(told)?;
    }
    let config = FleetConfig {
        rate: ORDINARY_RATE,
        seed: SEED,
        references: demo_references(),
        ..FleetConfig::new(server, ordinary.to_vec())
    };
    let mut ordinary = Customers::new(config)?;
    let dials = [Dial::default(), Dial::default()];
    let (is_over, doing) = (AtomicBool::new(false), AtomicUsize::new(0));
    let others = Others {
        is_over: &is_over,
        doing: &doing,
        slow: &slow,
        door: addresses.order_entry_udp,
    };
    let seen = thread::scope(|scope| {
        let mut threads = vec![scope.spawn(|| others.run())];
        for (flood, dial) in floods.into_iter().zip(&dials) {
            threads.push(scope.spawn(|| flood.run(dial)));
        }
        let seen = look(&mut ordinary, &venue, &dials, &doing, crowd, duration);
        is_over.store(true, Ordering::Relaxed);
        for dial in &dials {
            dial.is_over.store(true, Ordering::Relaxed);
        }
        for thread in threads {
            thread
                .join()
                .map_err(|_| "a thread of the crowd has panicked".to_owned())?
                .map_err(told)?;
        }
        seen
    })?;
    let report = ordinary.leave();
    let last = venue.stop()?;
    if !(report.verdict.every_order_answered && report.verdict.balances_as_implied && last.is_equal()) {
        return Err("answers, balances or states are not right".to_owned());
    }
    Ok(seen)
}

fn look(
    ordinary: &mut Customers,
    venue: &Venue,
    dials: &[Dial; 2],
    doing: &AtomicUsize,
    crowd: Crowd,
    duration: Duration,
) -> Result<Seen, String> {
    ordinary.until(Stage::Running)?;
    let set = |number: usize| {
        let each = 10 * u64::from(LIMIT);
        let greedy = match Doing::of(number) {
            Doing::Nothing | Doing::JunkElsewhere => [0, 0],
            Doing::OneAndJunk => [each, 0],
            Doing::All => [each, each * (crowd.greedy as u64 - 1)],
        };
        for (dial, rate) in dials.iter().zip(greedy) {
            dial.rate.store(rate, Ordering::Relaxed);
        }
        doing.store(number, Ordering::Relaxed);
    };
    let resident = memory_kib();
    let mut whiles: [Vec<Percentiles>; Doing::EACH.len()] = Default::default();
    let mut served = 0;
    for _ in 0..ROUNDS {
        for (number, seen) in whiles.iter_mut().enumerate() {
            set(number);
            // What the one before has left behind is worked off.
            trade(ordinary, duration / 4)?;
            let requests = venue.counter("engine", "requests");
            seen.push(trade(ordinary, duration)?);
            if Doing::of(number) == Doing::All {
                served += venue.counter("engine", "requests") - requests;
            }
        }
    }
    set(0);
    let memory = [resident, memory_kib()];
    ordinary.finish()?;
    Ok(Seen {
        whiles,
        served: served as f64 / duration.as_secs_f64() / ROUNDS as f64,
        throttled: venue.counter("engine", "throttled"),
        strangers: venue.counter("engine", "strangers"),
        missing: venue.counter("engine", "missing"),
        memory,
    })
}

/// Resident memory of this process, exchange and crowd, KiB; 0 where it is not told.
fn memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or(0)
}

/// The middle of them, and of those before and behind it.
fn quartiles(mut values: Vec<u64>) -> [u64; 3] {
    values.sort_unstable();
    [1, 2, 3].map(|quarter| values[(values.len() - 1) * quarter / 4])
}

/// The table.
pub(crate) fn measure(duration: Duration) -> Result<String, String> {
    let seen = scene(CROWD, duration)?;
    let mut table = Table::new(&[
        "what the others do",
        "p50",
        "p99",
        "quartiles of p99",
        "p99, times that without",
    ]);
    let of = |number: usize, what: fn(&Percentiles) -> u64| {
        quartiles(seen.whiles[number].iter().map(what).collect())
    };
    let [_, without, _] = of(0, |told| told.p99);
    let names = [
        "they are only there".to_owned(),
        "junk, to a socket of nobody's".to_owned(),
        "one session at ten times its limit, and junk".to_owned(),
        format!(
            "{} such sessions, {} that do not read, and junk",
            CROWD.greedy, CROWD.slow
        ),
    ];
    for (number, name) in names.into_iter().enumerate() {
        let ([_, median, _], [low, p99, high]) = (of(number, |told| told.p50), of(number, |told| told.p99));
        table.row([
            name,
            Nanoseconds(median).to_string(),
            Nanoseconds(p99).to_string(),
            format!("{} to {}", Nanoseconds(low), Nanoseconds(high)),
            format!("{:.2}", p99 as f64 / without.max(1) as f64),
        ]);
    }
    let all = CROWD.ordinary + CROWD.greedy + CROWD.slow + CROWD.silent;
    Ok(format!(
        "### A crowd\n\nWhat the ordinary sessions wait for their answers, medians of {ROUNDS} whiles of {} s of each kind, in turn:\n\n{table}\n{all} sessions, durable: {} ordinary ones with {ORDINARY_RATE} orders/s together; {} greedy ones, each sending {} requests/s in datagrams of {REQUESTS} where {LIMIT} are allowed; {} that enter {SLOW_RATE} orders/s each over TCP and never read; {} silent; and {JUNK_RATE} datagrams/s of junk, of 1,400 bytes, with tokens made up. Dropped at the door above twice the limit: {} requests; junk that the kernel's filter let pass: {} datagrams; missing: {}. With everything at once {:.0} requests/s were looked at. Resident memory of exchange and crowd: {} KiB before, {} after.\n",
        duration.as_secs_f64(),
        CROWD.ordinary,
        CROWD.greedy,
        10 * LIMIT,
        CROWD.slow,
        CROWD.silent,
        seen.throttled,
        seen.strangers,
        seen.missing,
        seen.served,
        seen.memory[0],
        seen.memory[1],
    ))
}

/// A small one.
pub(crate) fn smoke() {
    let crowd = Crowd {
        ordinary: 3,
        greedy: 2,
        slow: 2,
        silent: 5,
    };
    let seen = scene(crowd, Duration::from_millis(20)).expect("a crowd on loopback");
    let was_answered = |whiles: &Vec<Percentiles>| whiles.iter().any(|told| told.p50 > 0);
    assert!(seen.throttled > 0 && seen.whiles.iter().all(was_answered));
}
