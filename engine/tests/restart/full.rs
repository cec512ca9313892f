//! A disk that becomes full: the program on a small file system of its own.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use super::Directory;
use super::client::Client;

/// Room for five segments of 4 MiB and a little more.
const MEBIBYTES: u32 = 23;
/// The account's orders with one in flight take a block of 4 KiB each: more than there is room for.
const ORDERS_MAX: u32 = 10_000;
/// OUCH reject reason: no room.
const NO_ROOM: u16 = 0x000A;

/// The small file system lives as long as the shell that mounted it: the program runs in it, then the journal is looked at.
const SCRIPT: &str = r#"mount -t tmpfs -o size="$SIZE"m tmpfs "$DATA" || { echo refused; exit 0; }
"$EXCHANGE" run --config "$CONFIG" --data "$DATA"
echo "ended $?"
"$EXCHANGE" verify --data "$DATA"
echo "verified $?"
"#;

/// With room for fewer than two segments orders are refused and cancels are taken; nothing fails, nothing acknowledged is
/// lost, and the end is an orderly one.
#[test]
fn a_nearly_full_disk_takes_cancels_only() {
    let directory = Directory::new();
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
    let child = Command::new("unshare")
        .args(["-rm", "sh", "-c", SCRIPT])
        .envs([("EXCHANGE", program), ("SIZE", &MEBIBYTES.to_string())])
        .env("CONFIG", &config)
        .env("DATA", &data)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        return eprintln!("skipped: there is no unshare command");
    };
    let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut line = String::new();
    out.read_line(&mut line).expect("the pipe can be read");
    let Some(ready) = line.strip_prefix("ready ") else {
        child.wait().expect("it was started");
        return eprintln!("skipped: no file system can be mounted here");
    };
    let address = |name: &str| -> SocketAddr {
        let pair = ready.split_whitespace().find_map(|pair| pair.strip_prefix(name));
        pair.expect("it is there").parse().expect("an address")
    };
    let mut client = Client::login(address("order_entry_tcp="), "MAKER1", "demo", 0);
    let mut accepted = 0;
    let refused = (1..=ORDERS_MAX).find(|&user_ref| {
        client.enter(user_ref);
        client.wait_for(user_ref);
        accepted += u32::from(client.refusal().is_none());
        client.refusal().is_some()
    });
    let refused = refused.expect("the disk becomes full");
    assert_eq!(client.refusal(), Some(NO_ROOM));
    assert_eq!(accepted, refused - 1);
    // What takes orders out is taken: there is room kept for it.
    client.cancel(refused - 1);
    client.wait_for_cancel();

    // The shell's only child is the program.
    let shell = child.id();
    let children = fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).expect("it runs");
    let status = Command::new("kill").args(["-s", "INT", children.trim()]).status();
    assert!(status.expect("there is a kill command").success());
    let mut rest = String::new();
    out.read_to_string(&mut rest).expect("text");
    let mut errors = String::new();
    let stderr = child.stderr.take();
    stderr
        .expect("it is piped")
        .read_to_string(&mut errors)
        .expect("text");
    child.wait().expect("it was started");
    assert!(
        rest.contains("ended 0") && rest.contains("verified 0"),
        "{rest}{errors}"
    );
    assert!(
        rest.contains("books, holds and balances add up"),
        "{rest}{errors}"
    );
}
