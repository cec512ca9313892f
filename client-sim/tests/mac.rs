//! Customers whose datagrams have tags, at an exchange on real sockets: lost datagrams are mended, every order is answered,
//! and nothing that one side sends is refused by the other.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use client_sim::cli::arguments;
use client_sim::connection::UdpCounters;
use client_sim::fleet::{Fleet, FleetConfig, Stage};
use engine::assembly::{self, Running};
use engine::config::{Authentication, Config, Durability};
use feed_handler::clock::Clock;
use protocol::authentication::{MacAlgorithm, MacSecret, Secret};

/// Requests of a run at least.
const REQUESTS: u64 = 3_000;
/// The longest that a run may take; reached only when something is broken.
const LIMIT: Duration = Duration::from_secs(60);
const DIGITS: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn mac(algorithm: MacAlgorithm) -> MacSecret {
    let secret = Secret::from_hex(DIGITS).expect("64 digits");
    MacSecret { algorithm, secret }
}

fn start(algorithm: MacAlgorithm) -> Running {
    let mut config = Config::built_in();
    config.network.use_free_ports();
    config.journal.durability = Durability::None;
    config.capacities.store = 1 << 24;
    for account in &mut config.accounts {
        account.authentication = Authentication::Mac(mac(algorithm));
    }
    assembly::start(&config).unwrap_or_else(|error| panic!("does not start: {error}"))
}

/// A counter of the engine stage, by its name.
fn counter(exchange: &Running, name: &str) -> u64 {
    of_group(exchange, "engine", name)
}

fn of_group(exchange: &Running, wanted: &str, name: &str) -> u64 {
    let mut found = None;
    for group in exchange.counters().iter().filter(|group| group.group() == wanted) {
        group.each(&mut |reading| {
            if reading.label == name {
                found = Some(reading.value);
            }
        });
    }
    found.unwrap_or_else(|| panic!("no counter {name:?}"))
}

fn trade(algorithm: MacAlgorithm, orders_per_datagram: u16, loss_per_million: u32) {
    let exchange = start(algorithm);
    let clock = Clock::new();
    let config = FleetConfig {
        mac: Some(mac(algorithm)),
        rate: 3_000,
        orders_per_datagram,
        loss_per_million,
        references: arguments::demo_references(),
        ..FleetConfig::new(
            exchange.addresses().order_entry_tcp,
            arguments::demo_participants(4),
        )
    };
    let mut fleet = Fleet::new(config, clock.now_ns()).expect("the settings can work");
    let started = Instant::now();
    while fleet.stage() != Stage::Done {
        let now_ns = clock.now_ns();
        if fleet.poll(now_ns).unwrap_or_else(|error| panic!("{error}")) == 0 {
            thread::yield_now();
        }
        if fleet.totals().requests >= REQUESTS {
            fleet.stop(now_ns);
        }
        assert!(
            started.elapsed() < LIMIT,
            "{:?} {:?}",
            fleet.stage(),
            fleet.totals()
        );
    }
    let verdict = fleet.verdict();
    assert!(
        verdict.every_order_answered && verdict.balances_as_implied && verdict.conserved_between,
        "{verdict:?}"
    );
    let mut received = 0;
    for member in fleet.members() {
        let UdpCounters {
            received: of_member,
            unauthenticated,
            replayed,
            ..
        } = member.client.udp_counters();
        assert_eq!((unauthenticated, replayed), (0, 0));
        received += of_member;
    }
    assert!(received > 100, "acknowledgements came over UDP");
    fleet.logout(clock.now_ns());
    for name in ["unauthenticated", "replayed", "malformed", "strangers"] {
        assert_eq!(counter(&exchange, name), 0, "{name}");
    }
    assert!(counter(&exchange, "datagrams") > 100);
    assert!(
        loss_per_million == 0 || of_group(&exchange, "re_requests", "datagrams") > 0,
        "answers to re-requests are sealed too"
    );
    let last = exchange.stop().expect("it ends in order");
    assert!(last.is_equal());
}

#[test]
fn every_order_is_answered_though_datagrams_are_lost() {
    for algorithm in MacAlgorithm::ALL {
        trade(algorithm, 4, 50_000);
    }
}

#[test]
fn full_datagrams_have_room_for_their_tag() {
    trade(MacAlgorithm::Aes128Gmac, 28, 0);
}

#[test]
fn a_person_trades_with_a_secret_file() {
    let exchange = start(MacAlgorithm::Aes128Gmac);
    let file = std::env::temp_dir().join(format!("trade-secret-{}", std::process::id()));
    let write = |digits: &str| {
        let opened = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(0o600)
            .open(&file);
        opened
            .and_then(|mut opened| opened.write_all(digits.as_bytes()))
            .expect("the directory is there");
    };
    write(DIGITS);
    let trade = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_client-sim"))
            .args(["trade", "--account", "A", "--server"])
            .arg(exchange.addresses().order_entry_tcp.to_string())
            .args(arguments)
            .output()
            .expect("the binary of this package runs")
    };
    let path = file.to_str().expect("a temporary directory has a name in UTF-8");
    let buy = ["buy", "BTC-USD", "0.5", "--limit", "59000"];
    let output = trade(&[&["--secret-file", path], &buy[..]].concat());
    assert!(output.status.success(), "{output:?}");
    assert_eq!(counter(&exchange, "unauthenticated"), 0);
    // Another algorithm makes other tags.
    let other = ["--secret-file", path, "--mac", "siphash-2-4-128"];
    let output = trade(&[&other[..], &buy].concat());
    assert!(!output.status.success(), "{output:?}");
    assert!(counter(&exchange, "unauthenticated") > 0);
    // A file that is not private is not used.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    fs::set_permissions(&file, open).expect("it is ours");
    let output = trade(&[&["--secret-file", path], &buy[..]].concat());
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains("chmod 600"), "{told}");
    fs::remove_file(&file).expect("it is ours");
    exchange.stop().expect("it ends in order");
}
