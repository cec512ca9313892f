//! Exchange, client and subscriber as three hosts, with and without losses: the load's checks hold, and what subscribers
//! heard by multicast and mended over TCP is what the exchange has published, byte for byte.
//!
//! Needs root and what `lab.sh check` names; says why and is counted as passed where that is not there.

mod lab;

use std::fs;
use std::path::{Path, PathBuf};

use lab::{Lab, programs, text};
use serde_json::Value;

/// The exchange's doors, as `lab.sh` gives it its address.
const ORDERS: &str = "10.77.0.1:26400";
const RECOVERY: &str = "10.77.0.1:26478";

/// A directory that is removed with its contents.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let name = format!("lab-{name}-{}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).expect("the build directory can be written");
        Self(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("it is text").to_owned()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What can not be removed stays in the build directory.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The built-in configuration with the lab's addresses.
fn configuration(default: &str, data: &str) -> String {
    let changes = [
        ("order_entry_udp", ORDERS),
        ("order_entry_tcp", ORDERS),
        ("recovery_tcp", RECOVERY),
        ("plain_tcp", "i-accept-that-passwords-travel-in-the-clear"),
        ("interface", "10.77.0.1"),
        ("plain_passwords", "anywhere"),
        ("directory", data),
    ];
    let line = |line: &str| {
        let key = line.split_once(" = ").map_or("", |(key, _)| key);
        match changes.iter().find(|(name, _)| *name == key) {
            Some((_, value)) => format!("{key} = \"{value}\"\n"),
            None => format!("{line}\n"),
        }
    };
    default.lines().map(line).collect()
}

/// A load from one host to another, heard by a third.
fn trade(name: &str, percent: &str) {
    let lab = match Lab::up(name) {
        Ok(lab) => lab,
        Err(reason) => {
            eprintln!("skipped: {reason}");
            return;
        }
    };
    let [exchange, client, subscriber] = programs();
    let directory = Directory::new(name);
    let data = directory.file("data");
    let default = lab.run("exchange", &exchange, &["check", "--print-default"]);
    let file = directory.file("exchange.toml");
    fs::write(&file, configuration(&text(&default.stdout), &data)).expect("it can be written");

    let running = lab.start("exchange", &exchange, &["run", "--config", &file]);
    let line = running.first_line().unwrap_or_default();
    if !line.starts_with("ready ") {
        panic!("the exchange does not start: {}", running.ended().2);
    }
    lab.script(&["loss", percent]);
    let feed = [
        "--interface",
        "10.77.0.3",
        "--recovery",
        RECOVERY,
        "--username",
        "A",
        "--password",
        "demo",
    ];
    let heard = directory.file("heard.itch");
    let recorder = lab.start(
        "subscriber",
        &subscriber,
        &[&feed[..], &["record", &heard]].concat(),
    );

    let load = lab.run(
        "client",
        &client,
        &[
            "load",
            "--server",
            ORDERS,
            "--recovery",
            RECOVERY,
            "--interface",
            "10.77.0.2",
            "--rate",
            "2k",
            "--for",
            "3s",
            "--json",
        ],
    );
    let report: Value = serde_json::from_slice(&load.stdout)
        .unwrap_or_else(|error| panic!("no report ({error}): {}", text(&load.stderr)));
    for check in [
        "every_order_answered",
        "balances_as_implied",
        "feed_whole_and_right",
    ] {
        assert_eq!(report["checks"][check], true, "{check}: {report}");
    }
    assert!(load.status.success(), "{report}");
    let published = report["feed_messages"].as_u64().expect("a number");
    assert!(published > 1_000, "{report}");

    // Who comes late has everything that was published before it is said to have joined, however long that takes.
    let late = directory.file("late.itch");
    let output = lab.run(
        "subscriber",
        &subscriber,
        &[&feed[..], &["record", &late, "--for", "2s"]].concat(),
    );
    assert!(output.status.success(), "{}", text(&output.stderr));
    recorder.interrupt();
    let (succeeded, _, errors) = recorder.ended();
    assert!(succeeded, "{errors}");
    let lost = lab.script(&["status"]);
    assert_eq!(lost.contains("loses"), percent != "0", "{lost}");

    running.interrupt();
    let (succeeded, _, errors) = running.ended();
    assert!(succeeded, "{errors}");
    let own = directory.file("own.itch");
    let replay = lab.run(
        "exchange",
        &exchange,
        &["replay", "--data", &data, "--itch", &own],
    );
    assert!(replay.status.success(), "{}", text(&replay.stderr));
    let own = fs::read(&own).expect("it was written");
    // What the end of the sessions causes comes behind both recordings. The one that was there all the time may have been
    // interrupted while it mended what it lost last.
    for (name, file, least) in [("heard", &heard, published / 2), ("late", &late, published)] {
        let file = fs::read(file).expect("it was recorded");
        let length = file.len();
        assert!(
            own.starts_with(&file),
            "{name}: {length} bytes are not the first of {}",
            own.len()
        );
        let count = messages(&file);
        assert!(count >= least, "{name}: {count} messages of {published}");
    }
}

/// Messages of a recording: each has its length in front.
fn messages(file: &[u8]) -> u64 {
    let (mut rest, mut count) = (file, 0);
    while let [high, low, more @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        rest = more.get(length..).expect("a recording ends with a message");
        count += 1;
    }
    count
}

#[test]
fn three_hosts_agree() {
    trade("calm", "0");
}

#[test]
fn three_hosts_agree_when_one_packet_in_twenty_is_lost() {
    trade("lossy", "5");
}
