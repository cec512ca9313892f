//! Pages and completions of a made-up program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command as Process;

use clap::{Arg, Command};

fn program() -> Command {
    Command::new("kettle")
        .version("1.0")
        .about("Boils water for tea.")
        .after_help("Exit codes:\n  0  it boils\n  1  no water")
        .subcommand(
            Command::new("boil").about("Boil it until told otherwise.").arg(
                Arg::new("degrees")
                    .long("degrees")
                    .help("How hot, in degrees Celsius."),
            ),
        )
        .subcommand(Command::new("secret").about("Not for everybody.").hide(true))
}

/// A directory of the test's own, without what an earlier run left.
fn directory(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    path
}

#[test]
fn pages_and_completions_lie_where_a_prefix_keeps_them() {
    let prefix = directory("manual");
    let written = manual::write(&program(), &prefix).expect("the build directory can be written");
    let names: Vec<_> = written
        .iter()
        .map(|path| {
            path.strip_prefix(&prefix)
                .expect("below it")
                .display()
                .to_string()
        })
        .collect();
    assert_eq!(
        names,
        [
            "share/man/man1/kettle.1",
            "share/man/man1/kettle-boil.1",
            "share/bash-completion/completions/kettle",
            "share/zsh/site-functions/_kettle",
            "share/fish/vendor_completions.d/kettle.fish",
        ]
    );
    for page in &written[..2] {
        let text = fs::read_to_string(page).expect("it was written");
        assert!(text.contains(".SH \"EXIT CODES\""), "{text}");
        assert!(text.contains("no water"), "{text}");
        let Ok(shown) = Process::new("man")
            .arg("-l")
            .arg(page)
            .env("MANWIDTH", "100")
            .output()
        else {
            eprintln!("skipped: there is no man to show the page");
            continue;
        };
        // Some systems have a `man` that only says that pages were left out.
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(
            !shown.contains("KETTLE") || shown.contains("1  no water"),
            "{shown}"
        );
    }
    for completion in &written[2..] {
        let text = fs::read_to_string(completion).expect("it was written");
        assert!(text.contains("boil") && text.contains("degrees"), "{text}");
    }
    fs::remove_dir_all(prefix).expect("it is ours");
}

#[test]
fn what_is_not_explained_is_named() {
    assert_eq!(manual::complaints(&program()), Vec::<String>::new());
    let mute = program().subcommand(
        Command::new("pour")
            .about("Pour")
            .arg(Arg::new("cups").long("cups")),
    );
    let found = manual::complaints(&mute);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0].starts_with("kettle-pour:") && found[1].starts_with("kettle-pour cups"),
        "{found:?}"
    );
}
