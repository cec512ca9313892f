//! The binary as a user runs it, against a publisher on real sockets.

mod support;

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;
use support::exchange::{Exchange, command};
use support::publisher::Publisher;
use support::{Script, cross, hidden_trade, imbalance, record, state};

fn script() -> Script {
    let mut script = Script::new(11, 3);
    script.run(3_000);
    script
}

fn json(output: &Output) -> serde_json::Value {
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn temporary(name: &str) -> PathBuf {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

#[test]
fn quote_and_book_show_the_book() {
    let script = script();
    let exchange = Exchange::new(&script);
    let book = json(&exchange.run(&["book", "SYM2", "--levels", "3", "--json"]));
    assert_eq!(book["digest"], format!("{:016x}", script.digest(2)));
    assert_eq!(
        (
            book["bids"].as_array().unwrap().len(),
            book["asks"].as_array().unwrap().len()
        ),
        (3, 3)
    );
    assert_eq!(book["next_sequence"], script.messages.len() + 1);
    let quote = json(&exchange.run(&["quote", "SYM2", "--json"]));
    assert_eq!(
        (&quote["bid"], &quote["ask"]),
        (&book["bids"][0], &book["asks"][0])
    );
    assert_eq!(
        (&quote["state"], &quote["session"]),
        (&"trading".into(), &"ITCH000001".into())
    );
    let best = book["bids"][0]["price"].as_str().unwrap();
    let output = exchange.run(&["quote", "SYM2"]);
    assert!(
        text(&output.stdout).contains(&format!("bid   {best} x ")),
        "{output:?}"
    );
    let output = exchange.run(&["book", "SYM2", "--levels", "2"]);
    assert_eq!(text(&output.stdout).lines().count(), 4, "{output:?}");
    // Text for pipes: no spaces at the ends of lines, no colors.
    let trades = ["trades", "--from", "start", "--count", "20"];
    for arguments in [&["quote", "SYM2"][..], &["book", "SYM2"], &trades] {
        let shown = text(&exchange.run(arguments).stdout);
        assert!(
            shown
                .lines()
                .all(|line| line.trim_end() == line && !line.contains('\x1b')),
            "{shown}"
        );
    }
}

#[test]
fn trades_from_the_start_and_live() {
    let mut script = script();
    let exchange = Exchange::new(&script);
    let output = exchange.run(&["trades", "SYM1", "--json", "--from", "start", "--count", "5"]);
    let lines: Vec<serde_json::Value> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 5);
    assert!(
        lines
            .iter()
            .all(|trade| trade["symbol"] == "SYM1" && trade["kind"] == "displayed")
    );
    assert!(lines.is_sorted_by_key(|trade| trade["match_number"].as_u64()));

    // From now on: nothing of before is shown, and the first line comes with the first trade.
    let passed = script.messages.len();
    let mut child = exchange
        .command(&["trades", "--json", "--count", "3"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    // Live messages are published until the child has seen its three; it cannot say that it has joined.
    let live = Arc::clone(&exchange.publisher);
    let (stop, stopped) = mpsc::channel::<()>();
    let publishing = thread::spawn(move || {
        while stopped.recv_timeout(Duration::from_millis(5)) == Err(RecvTimeoutError::Timeout) {
            let done = script.messages.len();
            script.run(20);
            live.publish(&script.messages[done..], 20);
        }
    });
    let mut line = String::new();
    for _ in 0..3 {
        line.clear();
        out.read_line(&mut line).unwrap();
        let trade: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert!(trade["sequence"].as_u64() > Some(passed as u64), "{trade}");
    }
    drop(stop);
    publishing.join().unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn auctions_are_shown() {
    let mut script = script();
    script
        .messages
        .extend([hidden_trade(3, 5_000, 99_0000, 900_001), state(3, b'Q')]);
    script.messages.push(imbalance(3, 20_000, 10_000, 101_0000));
    script
        .messages
        .extend([state(2, b'Q'), cross(2, 30_000, 100_5000, 900_002)]);
    let exchange = Exchange::new(&script);
    let quote = json(&exchange.run(&["quote", "SYM3", "--json"]));
    assert_eq!(quote["state"], "quotation only");
    let told = &quote["imbalance"];
    assert_eq!(
        (&told["auction"], &told["paired"], &told["imbalance"]),
        (&"opening".into(), &"2".into(), &"1".into())
    );
    assert_eq!(
        (&told["direction"], &told["near"]),
        (&"sell".into(), &"101.0000".into())
    );
    assert_eq!(quote["cross"], serde_json::Value::Null);
    assert_eq!(
        json(&exchange.run(&["book", "SYM3", "--json"]))["imbalance"],
        *told
    );
    let shown = text(&exchange.run(&["book", "SYM3"]).stdout);
    let expected = "auction  opening: 2 paired at 101.0000, 1 more to sell; far 50.5000; reference 100.0000, \
                    variation 1%";
    assert_eq!(shown.lines().nth(1), Some(expected), "{shown}");
    assert!(shown.starts_with("SYM3 (quotation only)  after"), "{shown}");

    let quote = json(&exchange.run(&["quote", "SYM2", "--json"]));
    assert_eq!(
        (&quote["cross"]["auction"], &quote["cross"]["quantity"]),
        (&"opening".into(), &"3".into())
    );
    let shown = text(&exchange.run(&["quote", "SYM2"]).stdout);
    assert!(shown.contains("cross  opening: 100.5000 x 3  at"), "{shown}");

    let trades = ["trades", "--from", "start", "--for", "100ms", "--json"];
    let lines = text(&exchange.run(&trades).stdout);
    let last: Vec<serde_json::Value> = lines
        .lines()
        .rev()
        .take(2)
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        (&last[0]["kind"], &last[0]["cross"]),
        (&"cross".into(), &"opening".into())
    );
    assert_eq!(
        (&last[1]["kind"], &last[1]["symbol"]),
        (&"hidden".into(), &"SYM3".into())
    );
    let lines = text(
        &exchange
            .run(&["trades", "--from", "start", "--for", "100ms"])
            .stdout,
    );
    assert!(lines.contains(" hidden   match 900001"), "{lines}");
    assert!(lines.contains(" opening  match 900002"), "{lines}");
}

#[test]
fn record_and_replay_come_to_the_same_books() {
    let script = script();
    let exchange = Exchange::new(&script);
    let directory = temporary("record");
    let file = directory.join("day.itch");
    let path = file.to_str().unwrap();
    let output = exchange.run(&["record", path, "--for", "100ms", "--drop", "0.2"]);
    assert!(output.status.success(), "{output:?}");
    let expected: Vec<u8> = script
        .messages
        .iter()
        .flat_map(|message| [&(message.len() as u16).to_be_bytes()[..], message].concat())
        .collect();
    assert_eq!(std::fs::read(&file).unwrap(), expected);
    let again = exchange.run(&["record", path, "--for", "100ms"]);
    assert_eq!(
        again.status.code(),
        Some(2),
        "an existing file is not overwritten"
    );
    let replay = json(&command(&["replay", path, "--json"]).output().unwrap());
    assert_eq!(replay["messages"], script.messages.len());
    assert_eq!(
        (&replay["malformed"], &replay["resting_orders"]),
        (&0.into(), &script.resting.len().into())
    );
    assert_eq!(replay["book_errors"], serde_json::json!({}));

    std::fs::write(&file, &expected[..expected.len() - 1]).unwrap();
    let cut = command(&["replay", path]).output().unwrap();
    assert_eq!(cut.status.code(), Some(1));
    assert!(text(&cut.stderr).contains("is cut"), "{cut:?}");
    let small = command(&["replay", path, "--max-orders", "10"]).output().unwrap();
    assert_eq!(small.status.code(), Some(6), "{small:?}");
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_second_day_begins_with_empty_books() {
    let mut days = [1, 2].map(|seed| Script::new(seed, 3));
    days.iter_mut().for_each(|day| day.run(2_000));
    let directory = temporary("days");
    let write = |name: &str, days: &[&Script]| {
        let messages: Vec<_> = days.iter().flat_map(|day| day.messages.clone()).collect();
        record(&directory.join(name), &messages)
    };
    let files = [
        write("second.itch", &[&days[1]]),
        write("both.itch", &[&days[0], &days[1]]),
    ];
    let [second, both] = files.map(|file| {
        let output = command(&["replay", file.to_str().unwrap(), "--json"])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        json(&output)
    });
    assert_eq!(both["digest"], second["digest"]);
    assert_eq!(both["resting_orders"], days[1].resting.len());
    assert_eq!(
        both["book_errors"],
        serde_json::json!({}),
        "the same numbers come again"
    );
    let messages = days[0].messages.len() + days[1].messages.len();
    assert_eq!(both["messages"], messages);
    assert!(
        both["trades"].as_u64() > second["trades"].as_u64(),
        "trades of both days"
    );
    std::fs::remove_dir_all(directory).unwrap();
}

/// Built by `cargo test` with the tests, unless only some were asked for.
#[test]
fn the_example_prints_best_prices() {
    let tests = std::env::current_exe().unwrap();
    let example = tests
        .parent()
        .unwrap()
        .with_file_name("examples")
        .join("best_prices");
    if !example.exists() {
        println!("skipped: {} is not built", example.display());
        return;
    }
    let publisher = Publisher::new();
    publisher.publish_unheard(&script().messages);
    let lines = publisher.lines.map(|line| line.to_string());
    let run = Command::new(example)
        .args([&lines[0], &lines[1], &publisher.recovery.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = heard(&publisher, run);
    let told = text(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(told.lines().count() == 3 && told.contains("SYM1: bid "), "{told}");
}

/// Heartbeats until a program has ended.
fn heard(publisher: &Publisher, mut run: Child) -> Output {
    while run.try_wait().unwrap().is_none() {
        publisher.heartbeat();
        thread::sleep(Duration::from_millis(5));
    }
    run.wait_with_output().unwrap()
}

#[test]
fn replay_reads_gzip_and_tells_of_the_busiest() {
    let directory = temporary("replay");
    let plain = directory.join("day.itch");
    // By its content, whatever its name.
    let packed = directory.join("packed.itch");
    let script = script();
    let mut bytes = Vec::new();
    let mut second = 0;
    for (place, message) in script.messages.iter().enumerate() {
        if place == 1 {
            second = bytes.len();
        }
        bytes.extend_from_slice(&(message.len() as u16).to_be_bytes());
        bytes.extend_from_slice(message);
    }
    std::fs::write(&plain, &bytes).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&bytes).unwrap();
    let mut gzip = encoder.finish().unwrap();
    std::fs::write(&packed, &gzip).unwrap();
    let replay = |path: &std::path::Path, more: &[&str]| {
        command(&[&["replay", path.to_str().unwrap()], more].concat())
            .output()
            .unwrap()
    };
    let [told, unpacked] =
        [&plain, &packed].map(|path| json(&replay(path, &["--json", "--instruments", "2"])));
    assert_eq!(told["digest"], unpacked["digest"]);
    assert_eq!(told["messages"], script.messages.len());
    let busiest = told["busiest"].as_array().unwrap();
    assert_eq!(busiest.len(), 2);
    assert!(busiest[0]["messages"].as_u64() >= busiest[1]["messages"].as_u64());
    let shown = replay(&packed, &["--instruments", "1"]);
    assert!(text(&shown.stdout).contains(busiest[0]["symbol"].as_str().unwrap()));
    assert!(shown.stderr.is_empty(), "a progress bar is for terminals");

    gzip.truncate(gzip.len() - 20);
    std::fs::write(&packed, &gzip).unwrap();
    let cut = replay(&packed, &[]);
    assert_eq!(cut.status.code(), Some(1));
    assert!(text(&cut.stderr).contains("must be fetched again"), "{cut:?}");

    // A message that is not what its type says: where it is, is told.
    bytes[second + 2] = b'S';
    std::fs::write(&plain, &bytes).unwrap();
    let damaged = replay(&plain, &[]);
    assert_eq!(damaged.status.code(), Some(1));
    let told = text(&damaged.stderr);
    assert!(told.contains(&format!("byte {second};")), "{told}");
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn what_is_wrong_is_told_with_its_exit_code() {
    let script = script();
    let exchange = Exchange::new(&script);
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let dead_line = format!("239.255.255.1:{}", nobody.rsplit(':').next().unwrap());
    let table: [(i32, &str, Command); 7] = [
        (2, "Usage", command(&["quote"])),
        (1, "cannot read", command(&["replay", "/nonexistent/file"])),
        (5, "SYM1, SYM2, SYM3", exchange.command(&["quote", "SYM9"])),
        (3, "nobody publishes", {
            command(&[
                "quote",
                "SYM1",
                "--wait",
                "200ms",
                "--a",
                &dead_line,
                "--b",
                "off",
                "--recovery",
                &nobody,
            ])
        }),
        (3, "while the recovery service", {
            let mut dead = command(&[
                "quote", "SYM1", "--wait", "200ms", "--a", &dead_line, "--b", "off",
            ]);
            dead.arg(format!("--recovery={}", exchange.publisher.recovery));
            dead
        }),
        (4, "Check --recovery", {
            let mut alone = command(&[
                "quote",
                "SYM1",
                "--wait",
                "300ms",
                "--b",
                "off",
                "--recovery",
                &nobody,
            ]);
            alone.arg(format!("--a={}", exchange.publisher.lines[0]));
            alone
        }),
        (4, "no longer kept there, or not published yet", {
            exchange.command(&[
                "record",
                "/dev/null",
                "--force",
                "--wait",
                "300ms",
                "--from",
                "999999",
            ])
        }),
    ];
    for (code, message, mut command) in table {
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{command:?} {output:?}");
        assert!(text(&output.stderr).contains(message), "{output:?}");
    }
    let help = command(&["--help"]).output().unwrap();
    assert!(text(&help.stdout).contains("Exit codes:"));
}

#[test]
fn a_closed_pipe_and_interruption_end_quietly() {
    let mut script = script();
    let exchange = Exchange::new(&script);
    let mut child = exchange
        .command(&["trades", "--from", "start"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert!(line.contains("match 1"), "{line}");
    drop(out);
    // The child writes the next trades and finds that nobody reads.
    let done = script.messages.len();
    script.run(3_000);
    exchange.publisher.publish(&script.messages[done..], 20);
    assert_quiet_end(child);

    let mut child = exchange
        .command(&["trades", "--from", "start"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    // As `timeout` says it: to the process, and to its group.
    for _ in 0..2 {
        interrupt(&child);
    }
    // What it had to say still comes, as whole lines.
    let rest = std::io::read_to_string(out).unwrap();
    assert!(rest.is_empty() || rest.ends_with('\n'));
    assert_quiet_end(child);
}

#[test]
fn who_is_asked_again_does_not_wait_for_a_full_pipe() {
    let mut script = Script::new(34, 3);
    script.run(20_000);
    let exchange = Exchange::new(&script);
    let mut child = exchange
        .command(&["trades", "--from", "start", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut String::new()).unwrap();
    let status = loop {
        interrupt(&child);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
    };
    assert_eq!(status.code(), Some(130));
}

fn interrupt(child: &Child) {
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
}

fn assert_quiet_end(child: Child) {
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), text(&output.stderr)),
        (Some(0), String::new())
    );
}
