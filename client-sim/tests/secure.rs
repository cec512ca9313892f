//! A customer, and a subscriber, at doors under TLS: the programs trade and show prices, and say what is wrong when they do not.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use engine::assembly::{self, Running};
use engine::config::{Config, Durability, Tls};
use tls::testing::Authority;

fn start(authority: &Authority) -> Running {
    let files = authority.identity(&["127.0.0.1"]);
    let mut config = Config::built_in();
    config.network.use_free_ports();
    config.journal.durability = Durability::None;
    config.tls = Some(Tls {
        certificate: files.certificate,
        key: files.key,
        client_authority: None,
    });
    assembly::start(&config).unwrap_or_else(|error| panic!("{error}"))
}

/// What the program says to these words, and whether it succeeds.
fn says(exchange: &Running, verb: &str, words: &[&str]) -> (bool, String) {
    let server = exchange.addresses().order_entry_tcp.to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_client-sim"))
        .args([verb, "--server", &server])
        .args(words)
        .output()
        .expect("the binary of this package runs");
    heard(output)
}

/// Whether a program has succeeded, and what it said.
fn heard(output: Output) -> (bool, String) {
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (output.status.success(), text.concat())
}

#[test]
fn orders_by_hand_and_a_load_over_tls() {
    let authority = Authority::new("ours");
    let exchange = start(&authority);
    let file = authority.file();
    let file = file.to_str().expect("the path is text");
    for door in [&[][..], &["--tcp"]] {
        let order = [
            "--account",
            "A",
            "--tls-ca",
            file,
            "buy",
            "BTC-USD",
            "0.01",
            "--limit",
            "50000",
        ];
        let (is_good, text) = says(&exchange, "trade", &[door, &order].concat());
        assert!(is_good && text.contains("live"), "{text}");
    }
    let addresses = exchange.addresses();
    let (line_a, line_b) = (
        addresses.line_a.to_string(),
        addresses.line_b.expect("both").to_string(),
    );
    let recovery = addresses.recovery_tcp.to_string();
    let load = [
        "--tls-ca",
        file,
        "--rate",
        "2000",
        "--for",
        "1s",
        "--a",
        &line_a,
        "--b",
        &line_b,
        "--recovery",
        &recovery,
    ];
    let (is_good, text) = says(&exchange, "load", &load);
    assert!(is_good, "{text}");
    exchange.stop().expect("it ends in order");
}

#[test]
fn what_is_wrong_is_said_at_once_and_with_its_remedy() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let exchange = start(&ours);
    let [our_file, their_file] =
        [&ours, &theirs].map(|authority| authority.file().to_str().expect("text").to_owned());
    for (options, words) in [
        (
            vec!["--tls-ca", &their_file],
            "was not signed by the authority of --tls-ca",
        ),
        (
            vec!["--tls-ca", &our_file, "--tls-name", "exchange.example"],
            "give the name it was made for with --tls-name",
        ),
        (
            vec![],
            "the door is under TLS: give the authority of its certificate with --tls-ca",
        ),
        (
            vec!["--tls-ca", "/nowhere/authority.pem"],
            "/nowhere/authority.pem can not be read",
        ),
        (vec!["--tls-name", "exchange.example"], "give --tls-ca FILE"),
    ] {
        let words_of_order = ["--account", "A", "orders"];
        let (is_good, text) = says(&exchange, "trade", &[&options[..], &words_of_order].concat());
        assert!(!is_good && text.contains(words), "{text}\nwithout:\n{words}");
    }
    exchange.stop().expect("it ends in order");
}

/// The subscriber's program, as it lies beside this one. It is built where it is not there yet: only `cargo test --workspace`
/// builds it by itself.
fn feed_handler() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a file");
    let directory = test
        .parent()
        .and_then(Path::parent)
        .expect("it lies in target/PROFILE/deps");
    let path = directory.join("feed-handler");
    if !path.exists() {
        let mut command = Command::new(env!("CARGO"));
        command.args(["build", "--bin", "feed-handler", "-p", "feed-handler"]);
        if directory.ends_with("release") {
            command.arg("--release");
        }
        let status = command.current_dir(env!("CARGO_MANIFEST_DIR")).status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "the subscriber's program can be built"
        );
    }
    path
}

/// What a subscriber's `quote` says, and whether it succeeds. Everything it has not heard comes over TCP.
fn quoted(exchange: &Running, words: &[&str]) -> (bool, String) {
    let addresses = exchange.addresses();
    let line_b = addresses.line_b.expect("both").to_string();
    let output = Command::new(feed_handler())
        .args(["quote", "BTC-USD", "--retransmission", "off"])
        .args(["--a", &addresses.line_a.to_string(), "--b", &line_b])
        .args(["--recovery", &addresses.recovery_tcp.to_string()])
        .args(words)
        .output()
        .expect("the program runs");
    heard(output)
}

#[test]
fn a_subscriber_takes_the_day_and_snapshots_over_tls() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let exchange = start(&ours);
    let [our_file, their_file] =
        [&ours, &theirs].map(|authority| authority.file().to_str().expect("text").to_owned());
    let trust = ["--tls-ca", our_file.as_str()];
    let order = ["--account", "A", "buy", "BTC-USD", "0.01", "--limit", "50000"];
    let (is_good, text) = says(&exchange, "trade", &[&trust[..], &order].concat());
    assert!(is_good && text.contains("live"), "{text}");

    let snapshot = exchange.addresses().snapshot_tcp.to_string();
    for door in [&[][..], &["--snapshot", &snapshot]] {
        let (is_good, text) = quoted(&exchange, &[&trust[..], door].concat());
        assert!(is_good && text.contains("bid   50000.00"), "{text}");
        for (options, words) in [
            (
                &["--tls-ca", their_file.as_str()][..],
                "was not signed by the authority of --tls-ca",
            ),
            (
                &["--tls-ca", &our_file, "--tls-name", "exchange.example"],
                "give the name it was made for with --tls-name",
            ),
            (
                &[],
                "the door is under TLS: give the authority of its certificate with --tls-ca",
            ),
        ] {
            let (is_good, text) = quoted(&exchange, &[options, door].concat());
            assert!(
                !is_good && text.contains(words),
                "{door:?}: {text}\nwithout:\n{words}"
            );
        }
    }
    exchange.stop().expect("it ends in order");
}
