//! The session machines: whatever comes, a stream is delivered in order and once, and nothing grows.

use protocol::order_entry::{Request, Response};
use protocol::packet::Packet;
use protocol::session::{EntryClient, EntryClientConfig, Receiver, ReceiverConfig, ReplayWindow};
use protocol::testing::fuzz::fuzz;

use super::{USUAL, corpus};

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

/// Takes them apart again; the last one is as long as there are bytes.
fn parts(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut all = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
        let (part, others) = rest.split_at(length);
        all.push(part);
        bytes = others;
    }
    all
}

#[test]
fn receivers() {
    let corpus = joined(&corpus::packets(), 6);
    fuzz("receivers", USUAL / 4, &corpus, |bytes| {
        let config = ReceiverConfig {
            held_max: 64,
            window: 32,
            ..ReceiverConfig::default()
        };
        let mut receiver = Receiver::new(config, None, 1, 0);
        let (mut now, mut expected) = (0, 1);
        for part in parts(bytes) {
            now += 3_000_000;
            let mut deliver = |sequence: u64, _: &[u8]| {
                assert_eq!(sequence, expected, "in order, each once");
                expected += 1;
            };
            match Packet::parse(part) {
                Ok(packet) => {
                    let _ = receiver.packet(now, &packet, &mut deliver);
                }
                // What is no packet may be a message with its number, as it comes over TCP.
                Err(_) => {
                    let number = part
                        .first_chunk::<8>()
                        .map_or(0, |number| u64::from_be_bytes(*number));
                    receiver.message(now, number, part, &mut deliver);
                }
            }
            let next = receiver.next_sequence();
            assert_eq!(next, expected);
            let mut asked = 0;
            receiver.requests(now, |first, count| {
                assert!(first >= next && count > 0);
                asked += u64::from(count);
            });
            assert!(asked <= 32, "{asked} messages asked for at once");
            assert!(receiver.known_sequence() >= next);
            let _ = (
                receiver.missing(),
                receiver.has_gap(),
                receiver.deadline(),
                receiver.is_finished(),
            );
        }
        receiver.skip_to(expected.saturating_add(1), |_, _| {});
        expected > 1
    });
}

#[test]
fn entry_clients() {
    let mut inputs = corpus::requests();
    for (place, response) in corpus::responses().into_iter().enumerate() {
        inputs.insert((2 * place).min(inputs.len()), response);
    }
    let config = EntryClientConfig {
        orders_max: 16,
        requests_max: 8,
        reductions_max: 8,
        ..EntryClientConfig::default()
    };
    fuzz("entry_clients", USUAL / 4, &joined(&inputs, 8), |bytes| {
        let mut client = EntryClient::new(config);
        let (mut now, mut has_kept) = (0, false);
        for part in parts(bytes) {
            now += 10_000_000;
            // Half of what is kept has the number that is next.
            let mut request = part.to_vec();
            if let (Some(next), true) = (client.next_user_ref(), part.len() >= 5 && part[4] & 1 == 0)
                && matches!(part[0], b'O' | b'C' | b'D' | b'E')
            {
                request[1..5].copy_from_slice(&next.to_be_bytes());
            }
            has_kept |= client.keep(now, &request).is_ok();
            if let Ok(response) = Response::decode(part) {
                let _ = client.response(&response, |_, request| {
                    assert!(Request::decode(request).is_ok(), "what was kept is a request");
                });
            }
            client.poll(now, |request| assert!(Request::decode(request).is_ok()));
            assert!(client.unanswered_count() <= 8 && client.waiting_count() <= 16);
            assert!(client.live_count() <= 16);
            let _ = client.deadline();
        }
        has_kept
    });
}

#[test]
fn replay_windows() {
    let numbers =
        |numbers: &[u64]| -> Vec<u8> { numbers.iter().flat_map(|number| number.to_be_bytes()).collect() };
    let corpus = [
        numbers(&[1, 2, 3, 5, 4, 1_025, 1, 2_049, 1_026]),
        numbers(&[u64::MAX, u64::MAX - 1, 1, u64::MAX - 1_024, 0]),
    ];
    fuzz("replay_windows", USUAL, &corpus, |bytes| {
        let mut window = ReplayWindow::new();
        let mut taken = Vec::new();
        for number in bytes.as_chunks::<8>().0 {
            let number = u64::from_be_bytes(*number);
            if window.accept(number) {
                assert!(!taken.contains(&number), "{number} was taken twice");
                taken.push(number);
            }
            assert!(!window.accept(number), "{number} is new for ever");
        }
        taken.len() > 4
    });
}
