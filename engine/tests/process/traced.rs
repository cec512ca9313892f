//! The wire and the disk of the real program, watched by `strace`: no datagram leaves before the sync behind the command
//! that it tells of has returned. io_uring's writes can not be seen, so it is refused, and the journal's thread writes.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use engine::assembly::{Replay, capacities};
use engine::journal::{self, Directory as Journal, JournalError, ReadOptions};
use engine::output::MessageSink;
use protocol::packet::Packet;
use protocol::text::{SessionName, market_data_session, order_entry_session};

use crate::client::Client;
use crate::exchange::{Directory, Exchange};

const TRACED: &str = "trace=io_uring_setup,pwrite64,fdatasync,sendto,sendmsg,sendmmsg";
const REFUSED: &str = "inject=io_uring_setup:error=EPERM";
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn no_datagram_leaves_before_its_sync_has_returned() {
    let directory = Directory::new();
    let file = directory.configuration(|text| text);
    let trace = directory.path().join("trace");
    let name = trace.to_str().expect("text");
    // -D: the child is the exchange, and strace beside it.
    let strace = [
        "-D", "-f", "-xx", "-s", "4096", "-e", TRACED, "-e", REFUSED, "-o", name,
    ];
    let Some(exchange) = Exchange::start_traced(&file, &strace) else {
        println!("skipped: there is no strace here, or it may not trace");
        return;
    };
    let process = exchange.process();
    let mut client = Client::login(exchange.address("order_entry_tcp"), "T0", "secret", 1).expect("login");
    client.bind();
    for round in 0..50_u64 {
        let orders: Vec<_> = (0..4)
            .map(|index| client.order(b'B', 1, 500_000_000 + 100 * (4 * round + index)))
            .collect();
        let last = client.user_ref;
        client.send(&orders).expect("bound");
        client.receive(|client| client.is_answered(last)).expect("bound");
    }
    exchange.stop();
    let text = whole(&trace, process);
    let sent = sent(&text);
    let commands = commands(&directory);
    let mut compared = [0; 2];
    for (stream, sequence, durable) in &sent {
        let command = commands[&(*stream, *sequence)];
        assert!(
            command <= *durable,
            "message {sequence} of {} comes from command {command}, and left when {durable} were durable",
            String::from_utf8_lossy(stream)
        );
        compared[usize::from(stream.starts_with(b"ITCH"))] += 1;
    }
    assert!(
        compared.iter().all(|count| *count >= 100),
        "only {compared:?} messages of acknowledgements and market data were seen: what is traced is not what is used"
    );
}

/// The trace, when strace has written the end of the process.
pub(crate) fn whole(trace: &std::path::Path, process: u32) -> String {
    let began = Instant::now();
    loop {
        let text = fs::read_to_string(trace).unwrap_or_default();
        let is_last = |line: &str| line.starts_with(&format!("{process} ")) && line.contains("+++ exited");
        if text.lines().rev().take(64).any(is_last) {
            return text;
        }
        assert!(began.elapsed() < PATIENCE, "strace does not end");
        std::thread::yield_now();
    }
}

/// Every message that left, with the last command that was durable then.
fn sent(trace: &str) -> Vec<(SessionName, u64, u64)> {
    let (mut written, mut durable) = (0, 0);
    // Another thread makes segments ahead of time: its syncs are not the journal's.
    let mut writer = "";
    let mut sent = Vec::new();
    for line in trace.lines() {
        let thread = line.split_whitespace().next().unwrap_or_default();
        if line.contains("pwrite64(") {
            // As docs/protocol/journal.md has it: Frame Magic, First Sequence, Count.
            let bytes = strings(line).next().unwrap_or_default();
            if let (Some(header), true) = (bytes.first_chunk::<64>(), bytes.starts_with(b"XJFRAME\n")) {
                let first = u64::from_le_bytes(header[24..32].try_into().expect("eight bytes"));
                let count = u32::from_le_bytes(header[40..44].try_into().expect("four bytes"));
                written = first + u64::from(count) - 1;
                writer = thread;
            }
        } else if line.contains("fdatasync") && line.ends_with("= 0") && thread == writer {
            durable = written;
        } else if line.contains("send") {
            for bytes in strings(line) {
                // Over TCP go other packets, which begin with a length.
                let Ok(packet) = Packet::parse(&bytes) else {
                    continue;
                };
                if !packet.session().iter().all(u8::is_ascii_alphanumeric) {
                    continue;
                }
                for (sequence, _) in packet.numbered() {
                    sent.push((packet.session(), sequence, durable));
                }
            }
        }
    }
    sent
}

/// The strings of a line, each byte written as `\x` and two digits.
fn strings(line: &str) -> impl Iterator<Item = Vec<u8>> + '_ {
    line.split('"').skip(1).step_by(2).map(|text| {
        text.split("\\x")
            .skip(1)
            .filter_map(|digits| u8::from_str_radix(digits, 16).ok())
            .collect()
    })
}

/// The command that each message of each stream comes from, by the journal.
#[derive(Default)]
struct Commands {
    command: u64,
    by_message: BTreeMap<(SessionName, u64), u64>,
}

impl MessageSink for Commands {
    fn feed(&mut self, sequence: u64, _message: &[u8]) {
        let name = market_data_session(1).expect("it is a small number");
        self.by_message.insert((name, sequence), self.command);
    }

    fn session(&mut self, session: u32, sequence: u64, _message: &[u8]) {
        let name = order_entry_session(session, 1).expect("they are small numbers");
        self.by_message.insert((name, sequence), self.command);
    }
}

fn commands(directory: &Directory) -> BTreeMap<(SessionName, u64), u64> {
    let data = directory.path().join("data");
    let limits = capacities::read(&data)
        .ok()
        .flatten()
        .expect("there is a journal");
    let mut replay = Replay::new(limits, 0);
    let mut commands = Commands::default();
    journal::replay(
        &mut Journal::new(&data),
        ReadOptions::default(),
        |_| {},
        |command, expected| -> Result<(), Failed> {
            commands.command = command.sequence;
            replay.apply(command, expected, &mut commands).map_err(|_| Failed)
        },
    )
    .unwrap_or_else(|_| panic!("the journal is not whole"));
    commands.by_message
}

/// The journal could not be applied.
struct Failed;

impl From<JournalError> for Failed {
    fn from(_: JournalError) -> Self {
        Self
    }
}
