//! A disk that becomes full: the program on a small file system of its own.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};

use super::Directory;
use super::client::Client;

/// Room for five segments of 4 MiB and a little more.
const MEBIBYTES: u32 = 23;
/// The account's orders with one in flight take a block of 4 KiB each: more than there is room for.
const ORDERS_MAX: u32 = 10_000;
/// OUCH reject reason: no room.
const NO_ROOM: u16 = 0x000A;

/// The small file system lives as long as the shell that mounted it: the program runs in it, then the journal is looked at;
/// with more room it runs once more.
const SCRIPT: &str = r#"mount -t tmpfs -o size="$SIZE"m tmpfs "$DATA" || { echo refused; exit 0; }
"$EXCHANGE" run --config "$CONFIG" --data "$DATA"
echo "ended $?"
"$EXCHANGE" verify --data "$DATA"
echo "verified $?"
mount -o remount,size=200m "$DATA"
"$EXCHANGE" run --config "$CONFIG" --data "$DATA"
echo "ended again $?"
"#;

/// The shell, and what it and the program say on standard output.
struct Small {
    shell: Child,
    out: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Small {
    /// Waits until the program is ready. `None`: no file system can be mounted here.
    fn start(directory: &Directory) -> Option<Self> {
        let data = directory.0.join("data");
        fs::create_dir_all(&data).expect("the build directory can be written");
        let program = env!("CARGO_BIN_EXE_exchange");
        let defaults = Command::new(program).args(["check", "--print-default"]).output();
        let defaults = String::from_utf8(defaults.expect("the binary was built").stdout).expect("text");
        let text = defaults
            .replace("127.0.0.1:26400", "127.0.0.1:0")
            .replace("127.0.0.1:26478", "127.0.0.1:0")
            .replace("239.192.0.1:26477", "239.192.0.1:0")
            .replace("239.192.0.2:26477", "239.192.0.2:0")
            .replace("segment_size = \"64 MiB\"", "segment_size = \"4 MiB\"");
        let config = directory.0.join("exchange.toml");
        fs::write(&config, text).expect("the build directory can be written");
        let shell = Command::new("unshare")
            .args(["-rm", "sh", "-c", SCRIPT])
            .envs([("EXCHANGE", program), ("SIZE", &MEBIBYTES.to_string())])
            .env("CONFIG", &config)
            .env("DATA", &data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut shell) = shell else {
            eprintln!("skipped: there is no unshare command");
            return None;
        };
        let mut out = BufReader::new(shell.stdout.take().expect("it is piped"));
        let Some(address) = ready(&mut out) else {
            shell.wait().expect("it was started");
            eprintln!("skipped: no file system can be mounted here");
            return None;
        };
        Some(Self { shell, out, address })
    }

    /// What is said up to the next line that begins with `word`, which is the last.
    fn until(&mut self, word: &str) -> String {
        let mut said = String::new();
        loop {
            let before = said.len();
            let count = self.out.read_line(&mut said).expect("the pipe can be read");
            if count == 0 || said[before..].starts_with(word) {
                return said;
            }
        }
    }

    /// Asks the program, which is the shell's only child, to end.
    fn interrupt(&self) {
        let shell = self.shell.id();
        let children = fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).expect("it runs");
        let status = Command::new("kill").args(["-s", "INT", children.trim()]).status();
        assert!(status.expect("there is a kill command").success());
    }

    /// What was said on standard error, when all has ended.
    fn errors(mut self) -> String {
        let mut errors = String::new();
        let stderr = self.shell.stderr.take();
        let read = stderr.expect("it is piped").read_to_string(&mut errors);
        read.expect("text");
        self.shell.wait().expect("it was started");
        errors
    }
}

/// Where order entry over TCP is, once the program is ready.
fn ready(out: &mut impl BufRead) -> Option<SocketAddr> {
    let mut line = String::new();
    out.read_line(&mut line).expect("the pipe can be read");
    let pairs = line.strip_prefix("ready ")?;
    let mut addresses = pairs
        .split_whitespace()
        .filter_map(|pair| pair.strip_prefix("order_entry_tcp="));
    Some(
        addresses
            .next()
            .expect("it is there")
            .parse()
            .expect("an address"),
    )
}

/// Orders until one is refused for want of room; gives its number.
fn fill(client: &mut Client) -> u32 {
    let refused = (1..=ORDERS_MAX).find(|&user_ref| {
        client.enter(user_ref);
        client.wait_for(user_ref);
        client.refusal().is_some()
    });
    assert_eq!(client.refusal(), Some(NO_ROOM));
    refused.expect("the disk becomes full")
}

/// With room for fewer than two segments orders are refused and cancels are taken; nothing fails, nothing acknowledged is
/// lost, and the end is an orderly one.
#[test]
fn a_nearly_full_disk_takes_cancels_only() {
    let directory = Directory::new();
    let Some(mut small) = Small::start(&directory) else {
        return;
    };
    let mut client = Client::login(small.address, "MAKER1", "demo", 0);
    let refused = fill(&mut client);
    // What takes orders out is taken: there is room kept for it.
    client.cancel(refused - 1);
    client.wait_for_cancel();
    small.interrupt();
    let said = small.until("verified");
    assert!(said.contains("ended 0") && said.contains("verified 0"), "{said}");
    assert!(said.contains("books, holds and balances add up"), "{said}");
    ready(&mut small.out).expect("it starts with more room");
    small.interrupt();
    assert_eq!(small.until("ended again"), "ended again 0\n");
    let errors = small.errors();
    assert!(errors.contains("the disk is nearly full"), "{errors}");
}

/// Refusals are journaled too. When there is no room for these either it stops, says why, and has lost nothing: with more
/// room it goes on, and the stream is what it was, byte for byte.
#[test]
fn a_full_disk_stops_it_and_nothing_is_lost() {
    let directory = Directory::new();
    let Some(mut small) = Small::start(&directory) else {
        return;
    };
    let mut client = Client::login(small.address, "MAKER1", "demo", 0);
    let refused = fill(&mut client);
    let mut user_ref = refused;
    while client.is_open() {
        user_ref += 1;
        assert!(user_ref < refused + ORDERS_MAX, "it becomes full");
        client.try_to_enter(user_ref);
    }
    let known = client.finish();
    let said = small.until("verified");
    assert!(said.contains("ended 1") && said.contains("verified 0"), "{said}");
    let address = ready(&mut small.out).expect("it starts with more room");
    let mut client = Client::login(address, "MAKER1", "demo", 1);
    assert!(client.take(known.len()) == known, "what was told stays told");
    // Those that were sent last may or may not have been taken.
    client.enter(user_ref + 1);
    client.wait_for(user_ref + 1);
    assert_eq!(client.refusal(), None);
    small.interrupt();
    assert_eq!(small.until("ended again"), "ended again 0\n");
    let errors = small.errors();
    assert!(errors.contains("journal: can not begin"), "{errors}");
}
