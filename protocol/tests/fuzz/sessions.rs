//! The session machines: whatever comes, a stream is delivered in order and once, and nothing grows.

use protocol::testing::fuzz::fuzz;

use super::{USUAL, corpus, targets};

/// Several inputs in one: each with its length before it.
fn joined(all: &[Vec<u8>], count: usize) -> Vec<Vec<u8>> {
    let join = |some: &[Vec<u8>]| {
        let mut bytes = Vec::new();
        for one in some {
            bytes.extend((one.len() as u16).to_be_bytes());
            bytes.extend(one);
        }
        bytes
    };
    all.chunks(count).map(join).collect()
}

#[test]
fn receivers() {
    let corpus = joined(&corpus::packets(), 6);
    fuzz("receivers", USUAL / 4, &corpus, targets::receivers);
}

#[test]
fn entry_clients() {
    let mut inputs = corpus::requests();
    for (place, response) in corpus::responses().into_iter().enumerate() {
        inputs.insert((2 * place).min(inputs.len()), response);
    }
    fuzz(
        "entry_clients",
        USUAL / 4,
        &joined(&inputs, 8),
        targets::entry_clients,
    );
}

#[test]
fn replay_windows() {
    let numbers =
        |numbers: &[u64]| -> Vec<u8> { numbers.iter().flat_map(|number| number.to_be_bytes()).collect() };
    let corpus = [
        numbers(&[1, 2, 3, 5, 4, 1_025, 1, 2_049, 1_026]),
        numbers(&[u64::MAX, u64::MAX - 1, 1, u64::MAX - 1_024, 0]),
    ];
    fuzz("replay_windows", USUAL, &corpus, targets::replay_windows);
}
