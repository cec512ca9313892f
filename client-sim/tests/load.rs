//! `load`, `compare` and `soak` as a user starts them, against an exchange in this process.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use engine::assembly::{self, Running};
use engine::config::{Config, Durability};
use serde_json::Value;

struct Load {
    exchange: Running,
    directory: PathBuf,
}

impl Load {
    fn begin(name: &str) -> Self {
        let mut config = Config::built_in();
        config.network.use_free_ports();
        config.journal.durability = Durability::None;
        let exchange = assembly::start_telling(&config, |_| {}).unwrap_or_else(|error| panic!("{error}"));
        let directory = std::env::temp_dir().join(format!("client-sim-{name}-{}", std::process::id()));
        Self { exchange, directory }
    }

    /// Runs a verb that sends a load.
    fn run(&self, verb: &str, more: &[&str]) -> Output {
        let addresses = self.exchange.addresses();
        let line_b = addresses
            .line_b
            .expect("the built-in configuration has both lines");
        let places = [
            ("--server", addresses.order_entry_tcp.to_string()),
            ("--a", addresses.line_a.to_string()),
            ("--b", line_b.to_string()),
            ("--recovery", addresses.recovery_tcp.to_string()),
        ];
        client_sim(
            &[verb],
            &places.map(|(name, value)| [name.to_owned(), value]).concat(),
            more,
        )
    }

    fn end(self) {
        fs::remove_dir_all(&self.directory)
            .unwrap_or_else(|error| panic!("{}: {error}", self.directory.display()));
        self.exchange.stop().expect("it ends in order");
    }
}

fn client_sim(verb: &[&str], places: &[String], more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_client-sim"))
        .args(verb)
        .args(places)
        .args(more)
        .output()
        .expect("the binary of this package runs")
}

#[track_caller]
fn succeeds(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{told}");
    text
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn a_load_writes_its_files_and_two_are_compared() {
    let load = Load::begin("load");
    let places = ["one", "two"].map(|name| load.directory.join(name).display().to_string());
    // The second one comes when the day has begun, and takes the books from a snapshot.
    let snapshot = load.exchange.addresses().snapshot_tcp.to_string();
    for (out, (arrivals, snapshot)) in places.iter().zip([("even", "off"), ("bursts", &snapshot)]) {
        let output = load.run(
            "load",
            &[
                "--rate",
                "3000",
                "--for",
                "1s",
                "--warm-up",
                "500ms",
                "--arrivals",
                arrivals,
                "--snapshot",
                snapshot,
                "--market",
                "--out",
                out,
            ],
        );
        let text = succeeds(&output);
        for kind in ["order-ack", "replace-ack", "cancel-ack", "order-feed"] {
            assert!(text.contains(kind), "{text}");
        }
        let out = Path::new(out);
        assert_eq!(read(&out.join("report.txt")), text);
        assert!(text.contains("mean correlation of two instruments"), "{text}");
        let report: Value = serde_json::from_str(&read(&out.join("report.json"))).expect("it is JSON");
        assert_eq!(report["checks"]["feed_whole_and_right"], true, "{report:#}");
        assert_eq!(report["settings"]["warm_up_seconds"], 0.5);
        let from_snapshot = report["feed_from_snapshot"].as_u64().expect("a number");
        assert_eq!(from_snapshot > 0, snapshot != "off", "{report:#}");
        // What was warmed up with is sent, and not counted.
        let counted: u64 = ["order-ack", "replace-ack"]
            .iter()
            .map(|kind| report["latency_ns"][kind]["count"].as_u64().expect("measured"))
            .sum();
        let sent = report["requests_sent"].as_u64().expect("a number");
        assert!(counted > 0 && counted < sent, "{counted} of {sent}");
        let seconds = report["seconds"].as_f64().expect("a number");
        assert!(seconds >= 1.0, "{seconds}");
        let log = read(&out.join("latency.hlog"));
        assert!(
            log.contains("#[Histogram log format version 1.3]") && log.contains("Tag=order-feed,"),
            "{log}"
        );
        let svg = read(&out.join("latency.svg"));
        assert_eq!(svg.matches("<polyline").count(), 4);
    }
    let [one, two] = &places;
    let text = succeeds(&client_sim(&["compare", one, two], &[], &[]));
    assert!(
        text.contains("order-feed p99.9") && text.contains("ratio"),
        "{text}"
    );
    let same: Value = serde_json::from_str(&succeeds(&client_sim(
        &["compare", one, one, "--json", "--fail-above", "1"],
        &[],
        &[],
    )))
    .expect("it is JSON");
    assert_eq!(same["order-ack p50"]["ratio"], 1.0);
    let strict = client_sim(&["compare", one, two, "--fail-above", "0.000001"], &[], &[]);
    assert_eq!(strict.status.code(), Some(1));
    load.end();
}

#[test]
fn a_soak_tells_its_windows_and_its_drift() {
    let load = Load::begin("soak");
    let pid = std::process::id().to_string();
    let out = load.directory.display().to_string();
    let output = load.run(
        "soak",
        &[
            "--rate",
            "1000",
            "--for",
            "5s",
            "--each",
            "900ms",
            "--pid",
            &pid,
            "--json",
            "--out",
            &out,
            // A test shares its machine: how long anything takes says nothing here.
            "--latency-drift",
            "1000000",
            "--memory-drift",
            "100",
        ],
    );
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let objects: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("an object a line"))
        .collect();
    let (last, windows) = objects.split_last().expect("something was told");
    // How many of them end depends on the machine: a busy one has long seconds.
    assert!(!windows.is_empty(), "{text}");
    for (number, window) in (1..).zip(windows) {
        assert_eq!(window["window"], number);
        assert!(
            window["exchange_memory_bytes"].as_u64() > Some(1 << 20),
            "{window}"
        );
    }
    assert_eq!(last["checks"]["every_order_answered"], true);
    assert_eq!(last["drift"]["windows"], windows.len());
    assert_eq!(
        last["drift"]["checks"].as_array().map(Vec::len),
        Some(5),
        "{last:#}"
    );
    let short = load.run("soak", &["--for", "2s", "--each", "1s"]);
    assert_eq!(short.status.code(), Some(2));
    load.end();
}
