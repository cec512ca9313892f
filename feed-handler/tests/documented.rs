//! The commands of docs/feed-handler.md, each as it is written there, against a market with the names of the page.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use support::exchange::Exchange;
use support::{Script, at, directory};

/// Lines of the page's `sh` blocks that begin with the program's name.
fn commands(page: &str) -> Vec<String> {
    let mut is_shell = false;
    let mut commands = Vec::new();
    for line in page.lines() {
        match line {
            "```sh" => is_shell = true,
            "```" => is_shell = false,
            line if is_shell && line.starts_with("feed-handler ") => commands.push(line.to_owned()),
            _ => {}
        }
    }
    commands
}

#[test]
fn every_command_of_the_page_works() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/feed-handler.md");
    let commands = commands(&fs::read_to_string(page).unwrap());
    assert!(commands.len() >= 20, "{commands:?}");
    let mut script = Script::new(61, 2);
    script.run(3_000);
    script.messages[1] = directory(1, "BTC-USD", 10_000);
    script.messages[3] = directory(2, "ETH-USD", 10_000);
    script.messages = (0..)
        .zip(std::mem::take(&mut script.messages))
        .map(|(index, message)| at(message, index * 3_000_000_000))
        .collect();
    let exchange = Exchange::new(&script);
    let home = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("documented-{}", std::process::id()));
    fs::create_dir_all(&home).unwrap();
    for command in commands {
        let words: Vec<_> = command
            .split(" #")
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .skip(1)
            .collect();
        if words[0] == "watch" {
            // It needs a terminal: tests/watch.rs.
            continue;
        }
        let output = exchange.command(&words).current_dir(&home).output().unwrap();
        assert!(output.status.success(), "{command}: {output:?}");
    }
    for made in [
        "btc.svg",
        "day.itch",
        "day-ITCH000001-000000000001.itch",
        "tables/quotes.csv",
        "btc.npy",
    ] {
        assert!(home.join(made).exists(), "{made}");
    }
    fs::remove_dir_all(home).unwrap();
}
