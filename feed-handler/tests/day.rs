//! `candles`, `stats` and `chart` from the live feed and from files, plain and compressed.

mod support;

use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Output, Stdio};
use support::exchange::{Exchange, command};
use support::{Script, at, record, stdout_of};

const SECOND_NS: u64 = 1_000_000_000;

fn temporary(name: &str) -> PathBuf {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    directory
}

/// A message each half second.
fn script(messages: usize) -> Script {
    let mut script = Script::new(51, 2);
    script.run(messages);
    script.messages = (0..)
        .zip(std::mem::take(&mut script.messages))
        .map(|(index, message)| at(message, index * SECOND_NS / 2))
        .collect();
    script
}

fn lines(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{output:?}");
    let text = stdout_of(output);
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn sum(lines: &[Value], name: &str) -> u64 {
    lines.iter().map(|line| line[name].as_u64().unwrap()).sum()
}

#[test]
fn live_feed_and_files_say_the_same() {
    let script = script(2_000);
    let exchange = Exchange::new(&script);
    let directory = temporary("same");
    let plain = record(&directory.join("day.itch"), &script.messages);
    let packed = directory.join("day.itch.gz");
    let mut gzip =
        flate2::write::GzEncoder::new(fs::File::create(&packed).unwrap(), flate2::Compression::fast());
    gzip.write_all(&fs::read(&plain).unwrap()).unwrap();
    gzip.finish().unwrap();
    let files = [plain.to_str().unwrap(), packed.to_str().unwrap()];

    let candles = ["candles", "SYM1", "--interval", "1m", "--json"];
    let mut live = lines(&exchange.run(&[&candles[..], &["--for", "0s"]].concat()));
    let stats = lines(&exchange.run(&["stats", "SYM1", "--json"]));
    for file in files {
        let read = lines(
            &command(&[&candles[..], &["--file", file]].concat())
                .output()
                .unwrap(),
        );
        // Of the live day the last minute is not over.
        let last = live.last_mut().unwrap();
        assert!(last["complete"] == false || last["complete"] == true);
        last["complete"] = true.into();
        assert_eq!(read, live);
        assert_eq!(
            lines(
                &command(&["stats", "SYM1", "--json", "--file", file])
                    .output()
                    .unwrap()
            ),
            stats
        );
    }
    assert!(live.len() > 10);
    assert_eq!(sum(&live, "trades"), stats[0]["trades"].as_u64().unwrap());
    assert!(live.is_sorted_by_key(|candle| candle["start_ns"].as_u64()));
    assert_eq!(
        (&live[0]["open"], &live[live.len() - 1]["close"]),
        (&stats[0]["open"], &stats[0]["close"])
    );
    assert_eq!(
        (&live[0]["symbol"], &live[0]["interval"]),
        (&"SYM1".into(), &"1m".into())
    );
    assert_eq!(lines(&exchange.run(&["stats", "--json"])).len(), 2);

    // For people: a head and a line each, no space at the end.
    let output = command(&["candles", "SYM1", "--file", files[0]])
        .output()
        .unwrap();
    let text = stdout_of(&output);
    assert_eq!(text.lines().count(), live.len() + 1);
    assert!(text.lines().all(|line| line.trim_end() == line), "{text}");
    assert!(text.lines().nth(1).unwrap().starts_with("00:00:00 "), "{text}");

    // A cut archive: what could be read is shown, and the end is an error.
    let bytes = fs::read(&packed).unwrap();
    fs::write(&packed, &bytes[..bytes.len() / 2]).unwrap();
    let output = command(&["stats", "--file", files[1]]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout_of(&output).contains("SYM2"), "{output:?}");
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("is cut"),
        "{output:?}"
    );
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn each_day_of_a_file_begins_anew() {
    let script = script(600);
    let directory = temporary("days");
    let two = [script.messages.clone(), script.messages.clone()].concat();
    let one = record(&directory.join("one.itch"), &script.messages);
    let two = record(&directory.join("two.itch"), &two);
    let run = |arguments: &[&str]| lines(&command(arguments).output().unwrap());
    let [one, two] = [one.to_str().unwrap(), two.to_str().unwrap()];
    assert_eq!(
        run(&["stats", "--json", "--file", two]),
        run(&["stats", "--json", "--file", one])
    );
    let candles = |file| run(&["candles", "SYM2", "--json", "--file", file]);
    assert_eq!(candles(two), [candles(one), candles(one)].concat());
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_candle_comes_when_it_is_over() {
    let mut script = script(400);
    let exchange = Exchange::new(&script);
    let mut child = exchange
        .command(&["candles", "SYM1", "--interval", "1s", "--json", "--from", "now"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let live = std::sync::Arc::clone(&exchange.publisher);
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let begun = script.messages.len() as u64 * SECOND_NS / 2;
    let publishing = std::thread::spawn(move || {
        let timeout = Err(std::sync::mpsc::RecvTimeoutError::Timeout);
        while stopped.recv_timeout(std::time::Duration::from_millis(5)) == timeout {
            let done = script.messages.len();
            script.run(20);
            for (index, message) in script.messages.iter_mut().enumerate().skip(done) {
                *message = at(std::mem::take(message), index as u64 * SECOND_NS / 2);
            }
            live.publish(&script.messages[done..], 20);
        }
    });
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    let candle: Value = serde_json::from_str(&line).unwrap();
    assert!(
        candle["start_ns"].as_u64() >= Some(begun - 2 * SECOND_NS) && candle["complete"] == true,
        "{candle}"
    );
    drop(out);
    drop(stop);
    publishing.join().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn charts_are_drawn_as_text_and_as_a_file() {
    let script = script(2_000);
    let exchange = Exchange::new(&script);
    let directory = temporary("chart");
    let svg = directory.join("chart.svg");
    let output = exchange.run(&[
        "chart",
        "SYM1",
        "--interval",
        "1m",
        "--out",
        svg.to_str().unwrap(),
    ]);
    assert!(output.status.success(), "{output:?}");
    let drawn = fs::read_to_string(&svg).unwrap();
    assert!(drawn.starts_with("<svg xmlns=") && drawn.ends_with("</svg>\n"));
    for text in ["SYM1", "1m candles, UTC", "<polyline", "volume", "00:05"] {
        assert!(drawn.contains(text), "{text} is missing");
    }
    // Without --out, and without a terminal: text of 100 columns without colors.
    let file = record(&directory.join("day.itch"), &script.messages);
    let output = command(&["chart", "SYM2", "--file", file.to_str().unwrap()])
        .output()
        .unwrap();
    let text = stdout_of(&output);
    assert!(
        text.starts_with("SYM2 ") && text.contains("vwap") && !text.contains('\x1b'),
        "{text}"
    );
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");

    let nothing = record(&directory.join("empty.itch"), &script.messages[..5]);
    let output = command(&["chart", "SYM1", "--file", nothing.to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("nothing has traded"));
    fs::remove_dir_all(directory).unwrap();
}
