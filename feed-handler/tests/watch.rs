//! `watch` in a real terminal, as far as there is one: tmux holds it, types and reads the screen.

mod support;

use std::process::{Command, Output};
use std::sync::mpsc;
use std::time::Duration;
use support::Script;
use support::exchange::{Exchange, command};

/// Half a minute and more.
const LOOKS_MAX: u32 = 1_500;

/// A tmux server of this test alone; ended with it.
struct Terminal {
    socket: String,
}

impl Terminal {
    /// `None` where there is no tmux.
    fn start(program: &Command) -> Option<Self> {
        let words = std::iter::once(program.get_program()).chain(program.get_args());
        let line: Vec<_> = words
            .map(|word| format!("'{}'", word.to_str().unwrap()))
            .collect();
        let terminal = Self {
            socket: format!("feed-handler-watch-{}", std::process::id()),
        };
        // What the program leaves behind stays to be read.
        let line = format!("{}; echo ended with $?; read -r wait", line.join(" "));
        let size = ["new-session", "-d", "-x", "120", "-y", "40"];
        let output = terminal.tmux(&[&size[..], &["sh", "-c", &line]].concat());
        match output {
            Ok(output) if output.status.success() => Some(terminal),
            Ok(output) => panic!("tmux does not start: {output:?}"),
            Err(_) => None,
        }
    }

    fn tmux(&self, arguments: &[&str]) -> std::io::Result<Output> {
        Command::new("tmux")
            .args(["-L", &self.socket, "-f", "/dev/null"])
            .args(arguments)
            .output()
    }

    fn screen(&self) -> String {
        let output = self.tmux(&["capture-pane", "-p"]).unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    fn key(&self, name: &str) {
        assert!(self.tmux(&["send-keys", name]).unwrap().status.success());
    }

    /// Looks until the screen has all of it. Looks are counted, not seconds: a machine that stands still for a while is not
    /// the program's fault.
    #[track_caller]
    fn wait_for(&self, wanted: &[&str]) {
        let (_never, tick) = mpsc::channel::<()>();
        let mut screen = String::new();
        for _ in 0..LOOKS_MAX {
            screen = self.screen();
            if wanted.iter().all(|text| screen.contains(text)) {
                return;
            }
            let _timeout = tick.recv_timeout(Duration::from_millis(20));
        }
        panic!("{wanted:?} is not on the screen:\n{screen}");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // When it is gone already, all the better.
        let _gone = self.tmux(&["kill-server"]);
    }
}

#[test]
fn the_market_is_watched_until_q() {
    let mut script = Script::new(21, 3);
    script.run(2_000);
    let exchange = Exchange::new(&script);
    let Some(terminal) = Terminal::start(&exchange.command(&["watch"])) else {
        println!("skipped: tmux is not installed");
        return;
    };
    terminal.wait_for(&[
        "LIVE",
        "SYM1 (trading)",
        "SYM3",
        "trades of SYM1",
        "candles of 1s",
        "q: quit",
    ]);
    terminal.key("j");
    terminal.wait_for(&["SYM2 (trading)", "trades of SYM2"]);
    terminal.key("Up");
    terminal.key("Up");
    terminal.wait_for(&["SYM3 (trading)"]);
    terminal.key("i");
    terminal.key("t");
    terminal.wait_for(&["candles of 1m", "trades of all"]);
    // What comes is shown: one more instrument's worth of messages.
    let done = script.messages.len();
    script.run(500);
    exchange.publisher.publish(&script.messages[done..], 20);
    terminal.wait_for(&[&format!("next message {}", script.messages.len() + 1)]);
    terminal.key("q");
    terminal.wait_for(&["ended with 0"]);
}

#[test]
fn without_a_terminal_it_says_what_to_use() {
    let output = command(&["watch"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8(output.stderr).unwrap();
    for verb in ["quote", "trades", "book", "candles", "--json"] {
        assert!(told.contains(verb), "{told}");
    }
}
