//! Scenarios: text in, events and balances out. One file beside this one for each rule of trading; the language is in
//! `docs/scenarios.md`.
//!
//! A line of a scenario is a statement. `given` says what there is; `after` lets time pass; a customer or the operator
//! asks something, and behind `->` stands every event that it causes, in order, and no other; `balance`, `book`,
//! `queue`, `order`, `last` and `fees` say how things stand. After each request the runner also checks that books and
//! balances add up and that no step of the command was too long.
//!
//! What does not hold is told in the scenarios' own words, to be compared and perhaps put in place of what was written.
//! `SCENARIOS=write cargo test -p engine --test scenarios` puts it there: then read the change before you keep it, line
//! for line, against the rules.

mod check;
mod decimal;
mod define;
mod given;
mod operator;
mod options;
mod request;
mod runs;
mod script;
mod state;
mod tell;
mod words;
mod world;

use std::fs;
use std::path::{Path, PathBuf};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

#[test]
fn the_exchange_does_what_the_scenarios_say() {
    let writes = std::env::var("SCENARIOS").is_ok_and(|value| value == "write");
    let mut files: Vec<_> = fs::read_dir(directory())
        .expect("the directory is there")
        .map(|entry| entry.expect("it can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no scenarios in {}", directory().display());
    let mut told = Vec::new();
    for path in &files {
        let name = path.file_name().expect("files have names").to_string_lossy();
        let text = fs::read_to_string(path).expect("it can be read");
        let found = check::file(&text);
        for trouble in &found {
            told.push(format!("engine/tests/scenarios/{name}:{trouble}"));
        }
        if writes {
            fs::write(path, check::corrected(&text, &found)).expect("it can be written");
        }
    }
    assert!(
        told.is_empty(),
        "{} of the scenarios' lines do not hold:\n\n{}\n",
        told.len(),
        told.join("\n\n")
    );
}

/// The document's example is a scenario like any other.
#[test]
fn what_the_document_shows_holds() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/scenarios.md");
    let text = fs::read_to_string(path).expect("it can be read");
    let example = text.split("```\n").nth(1).expect("it has an example");
    let found: Vec<_> = check::file(example).iter().map(ToString::to_string).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// A runner that finds nothing wrong proves nothing.
#[test]
fn what_is_wrong_is_told_with_its_place() {
    let given = "given instrument BTC-USD\ngiven account ANN has 100 USD\nscenario s\n";
    let of = |lines: &str| {
        let found = check::file(&format!("{given}{lines}"));
        found
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    };
    let right = "ANN buy 1 BTC-USD at 60 -> accepted #1; book adds #1 buy 1 at 60.00\n";
    assert_eq!(of(right), "");
    assert_eq!(of(&format!("{right}balance ANN USD available 40 held 60")), "");
    for (lines, expected) in [
        ("ANN buy 1 BTC-USD at 60", "4: what it causes must be listed"),
        ("ANN buy 1 BTC-USD at 60 -> accepted #1", "4: event 2"),
        (
            "ANN buy 1 BTC-USD at 60 -> accepted #2; book adds #1 buy 1 at 60.00",
            "4:28: event 1",
        ),
        ("ANN buy 1 BTC-USD at 60 -> nothing", "4: event 1"),
        ("ANN buy 1 BTC-USD at 60 -> acepted #1", "4:28: `acepted`"),
        (
            "ANN buys 1 BTC-USD at 60 -> nothing",
            "4:5: `buys`: allowed here: buy, sell",
        ),
        (
            "ANN buy 1 BTC-USD for 60 -> nothing",
            "4:19: `for`: allowed here: at",
        ),
        (
            "ANN buy 1 BTC-USD at 60 iok -> nothing",
            "4:25: `iok`: allowed here: ioc",
        ),
        ("ANN buy 1 BTC-USD at", "4:21: the line ends too early"),
        (
            "ANN buy 0.000000001 BTC-USD at 60 -> nothing",
            "4:9: `0.000000001`",
        ),
        ("BOB buy 1 BTC-USD at 60 -> nothing", "4:1: `BOB`"),
        ("  balance ANN USD available 99 held 0", "4: this does not hold"),
        ("given colour red", "4:7: `colour`: allowed here: capacity"),
        ("given ANN buy 1 BTC-USD at 0", "4:7: `ANN`: this is refused"),
        ("after 5 seconds", "4:7: `5`"),
    ] {
        let told = of(lines);
        assert!(
            told.starts_with(expected),
            "`{lines}` gives\n{told}\nand not\n{expected}"
        );
    }
}

#[test]
fn what_is_corrected_holds() {
    let text = "given instrument BTC-USD\ngiven account ANN has 100 USD\n# A comment.\nscenario s\n\
                ANN buy 1 BTC-USD at 60 -> accepted #7\nbalance ANN USD available 1 held 2\n\n\
                ANN cancel 1\n";
    let corrected = check::corrected(text, &check::file(text));
    assert_eq!(
        corrected,
        "given instrument BTC-USD\ngiven account ANN has 100 USD\n# A comment.\nscenario s\n\
         ANN buy 1 BTC-USD at 60\n        -> accepted #1\n        -> book adds #1 buy 1 at 60.00\n\
         balance ANN USD available 40.00 held 60.00\n\n\
         ANN cancel 1  -> canceled 1 #1 U user, book deletes it\n"
    );
    assert!(check::file(&corrected).is_empty());
}
