//! The program itself: table, object, exit codes, what it refuses.

use std::process::Command;

use tuning::knobs::KNOBS;

use crate::tree::Tree;
use crate::{BAD, GOOD};

/// Runs the program on a tree; gives exit code and standard output.
fn doctor(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_doctor"))
        .args(arguments)
        .output()
        .expect("the binary was built");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_program_tells_it_as_table_and_as_object() {
    let good = Tree::new(GOOD);
    let root = good.root().to_str().expect("text");
    let (code, table, _) = doctor(&["--root", root, "--interface", "eth0"]);
    assert_eq!(code, Some(0), "{table}");
    for part in [
        "processor\n  good             isolated-cores",
        "\n27 good, 5 not applicable\n",
    ] {
        assert!(table.contains(part), "{part:?} in {table}");
    }
    let (_, all, _) = doctor(&["--root", root, "--all"]);
    assert_eq!(all.matches("    why     ").count(), KNOBS.len(), "{all}");

    let bad = Tree::new(BAD);
    let root = bad.root().to_str().expect("text");
    let (code, text, _) = doctor(&["--root", root, "--interface", "eth0", "--json"]);
    assert_eq!(code, Some(1));
    let object: serde_json::Value = serde_json::from_str(&text).expect("an object");
    assert_eq!(object["bad"], true);
    let lines = object["findings"].as_array().expect("a list");
    assert_eq!(lines.len(), KNOBS.len());
    for (line, knob) in lines.iter().zip(&KNOBS) {
        assert_eq!(line["key"], knob.key);
        for name in ["part", "verdict", "found", "wanted", "why", "brings", "section"] {
            assert!(
                line[name].as_str().is_some_and(|text| !text.is_empty()),
                "{name} of {line}"
            );
        }
        assert!(line["command"].is_string() || line["command"].is_null());
    }
    let (_, table, _) = doctor(&["--root", root]);
    assert!(table.lines().all(|line| line.chars().count() <= 120), "{table}");
}

#[test]
fn the_program_refuses_what_it_can_not_do() {
    for arguments in [
        &["--cores", "x"][..],
        &["--cores", ""],
        &["--json", "--all"],
        &["jitter", "--for", "0s"],
        &["jitter", "--for", "10"],
        &["jitter", "--for", "2h", "--core"],
        &["--unknown"],
    ] {
        let (code, _, errors) = doctor(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {errors}");
    }
    let (code, _, errors) = doctor(&["jitter", "--core", "60000", "--for", "1ms"]);
    assert_eq!(code, Some(2), "{errors}");
    assert!(
        errors.contains("there is no core 60000: this host has "),
        "{errors}"
    );
    assert!(errors.contains("Name one of those"), "{errors}");
}

#[test]
fn jitter_is_told_as_table_and_as_object() {
    let (code, text, _) = doctor(&["jitter", "--for", "5ms"]);
    assert_eq!(code, Some(0));
    assert!(
        text.contains("above 100 us") && text.contains("longest"),
        "{text}"
    );
    let (code, text, _) = doctor(&["jitter", "--for", "5ms", "--floor", "1us", "--json"]);
    assert_eq!(code, Some(0));
    let object: serde_json::Value = serde_json::from_str(&text).expect("an object");
    assert_eq!(object["floor_ns"], 1_000);
    assert!(object["readings"].as_u64().is_some_and(|count| count > 0));
}

#[test]
fn the_program_looks_at_this_host() {
    let (code, text, errors) = doctor(&["--json", "--data", env!("CARGO_TARGET_TMPDIR")]);
    assert!(matches!(code, Some(0 | 1)), "{code:?} {errors}");
    let object: serde_json::Value = serde_json::from_str(&text).expect("an object");
    assert_eq!(object["findings"].as_array().map(Vec::len), Some(KNOBS.len()));
}
