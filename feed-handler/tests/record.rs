//! `record` with rotation: files that follow each other without a hole, and only as many as wanted.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use support::exchange::{Exchange, command};
use support::{Script, at};

fn directory(name: &str) -> PathBuf {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    directory
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// A message each 10 s.
fn script() -> Script {
    let mut script = Script::new(31, 3);
    script.run(1_000);
    script.messages = (0..)
        .zip(std::mem::take(&mut script.messages))
        .map(|(index, message)| at(message, index * 10_000_000_000))
        .collect();
    script
}

fn records(messages: &[Vec<u8>]) -> Vec<u8> {
    let records = messages
        .iter()
        .map(|message| [&(message.len() as u16).to_be_bytes()[..], message].concat());
    records.collect::<Vec<_>>().concat()
}

#[test]
fn each_hour_has_a_file() {
    let script = script();
    let exchange = Exchange::new(&script);
    let directory = directory("hours");
    let path = directory.join("day.itch");
    let output = exchange.run(&[
        "record",
        path.to_str().unwrap(),
        "--rotate",
        "1h",
        "--for",
        "50ms",
    ]);
    assert!(output.status.success(), "{output:?}");
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("in 3 files"),
        "{output:?}"
    );
    let expected =
        ["000000000001", "000000000361", "000000000721"].map(|first| format!("day-ITCH000001-{first}.itch"));
    assert_eq!(names(&directory), expected);
    for (name, messages) in expected.iter().zip(script.messages.chunks(360)) {
        assert!(
            fs::read(directory.join(name)).unwrap() == records(messages),
            "{name}"
        );
        // Each can be read by itself.
        let read = command(&["replay", directory.join(name).to_str().unwrap(), "--json"])
            .output()
            .unwrap();
        let report: serde_json::Value = serde_json::from_slice(&read.stdout).unwrap();
        assert_eq!(
            (&report["messages"], &report["malformed"]),
            (&messages.len().into(), &0.into())
        );
    }
    // Nothing is overwritten.
    let again = exchange.run(&[
        "record",
        path.to_str().unwrap(),
        "--rotate",
        "1h",
        "--for",
        "50ms",
    ]);
    assert_eq!(again.status.code(), Some(2), "{again:?}");
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn sizes_are_kept_and_old_files_go() {
    let script = script();
    let exchange = Exchange::new(&script);
    let directory = directory("sizes");
    // Neighbours that only look alike stay.
    for other in [
        "day.itch",
        "day-1.itch",
        "day-ITCH000001-1.itch",
        "other-ITCH000001-000000000001.itch",
    ] {
        fs::write(directory.join(other), "").unwrap();
    }
    let path = directory.join("day.itch");
    let arguments = [
        "record",
        path.to_str().unwrap(),
        "--rotate",
        "8KiB",
        "--keep",
        "2",
        "--for",
        "50ms",
    ];
    let output = exchange.run(&arguments);
    assert!(output.status.success(), "{output:?}");
    let kept: Vec<_> = names(&directory)
        .into_iter()
        .filter(|name| name.starts_with("day-ITCH000001-0"))
        .collect();
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert_eq!(names(&directory).len(), 6);
    let bytes: Vec<_> = kept
        .iter()
        .map(|name| fs::read(directory.join(name)).unwrap())
        .collect();
    assert!(bytes.iter().all(|bytes| bytes.len() <= 8 << 10));
    // The two newest, without a hole between them up to the end.
    let first: usize = kept[0][15..27].parse().unwrap();
    assert!(bytes.concat() == records(&script.messages[first - 1..]));
    fs::remove_dir_all(directory).unwrap();
}
