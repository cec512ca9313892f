//! What a subscriber reads who comes late, given valid bytes that were changed a little: no panic, and the books that come of it
//! are books. `FUZZ_SECONDS=60 cargo test --release -p feed-handler --test fuzz -- --nocapture` runs each target for a minute.

#[path = "../support/mod.rs"]
mod support;
mod targets;

use protocol::market_data::glimpse::EndOfSnapshot;
use protocol::soup::encode;
use protocol::testing::fuzz::fuzz;
use support::{SESSION, Script, bytes};

/// Executions of a target among all tests.
const USUAL: u64 = 10_000;

/// What a server says to one who comes when `count` messages have been sent. With `is_whole`, to its end.
fn snapshot(seed: u64, count: usize, is_whole: bool) -> Vec<u8> {
    let mut script = Script::new(seed, 3);
    script.run(count);
    let mut buffer = [0; 64];
    let length = encode::login_accepted(SESSION, 1, &mut buffer).expect("it fits");
    let mut said = buffer[..length].to_vec();
    let length = encode::debug(b"exchange", &mut buffer).expect("it fits");
    said.extend_from_slice(&buffer[..length]);
    let end = is_whole.then(|| bytes(&EndOfSnapshot::new(count as u64 + 1)));
    for message in script.messages.into_iter().chain(end) {
        let length = encode::sequenced(&message, &mut buffer).expect("it fits");
        said.extend_from_slice(&buffer[..length]);
    }
    said.extend(encode::SERVER_HEARTBEAT);
    said
}

/// Several connections in one: each with its length before it.
fn joined(connections: &[Vec<u8>]) -> Vec<u8> {
    let mut all = Vec::new();
    for said in connections {
        all.extend((said.len() as u16).to_be_bytes());
        all.extend(said);
    }
    all
}

#[test]
fn snapshot_joins() {
    let mut buffer = [0; 64];
    let length = encode::login_rejected(b'A', &mut buffer).expect("it fits");
    let refusal = buffer[..length].to_vec();
    let corpus = [
        joined(&[snapshot(1, 10, true)]),
        joined(&[snapshot(2, 30, false), snapshot(2, 30, true)]),
        joined(&[refusal, snapshot(3, 0, true), snapshot(4, 60, true)]),
    ];
    fuzz("snapshot_joins", USUAL, &corpus, targets::snapshot_joins);
}
