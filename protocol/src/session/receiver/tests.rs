//! The receiver by itself, and with a sender over a bad network.

use super::*;
use crate::packet::Packer;
use crate::session::Sender;
use crate::testing::{Faults, Link, Random};

const SESSION: SessionName = *b"ITCH000001";
const CONFIG: ReceiverConfig = ReceiverConfig {
    held_max: 16,
    patience_ns: 10,
    retry_ns: 100,
    request_max: 4,
    window: 6,
    silence_ns: 1_000,
};

fn packet(first: u64, count: u64) -> Vec<u8> {
    let mut packer = Packer::new(SESSION, first, 1_472);
    for number in first..first + count {
        assert!(packer.push(&number.to_be_bytes()));
    }
    packer
        .finish(None)
        .map_or_else(|| packer_heartbeat(first), <[u8]>::to_vec)
}

fn packer_heartbeat(next: u64) -> Vec<u8> {
    Packer::new(SESSION, next, 1_472).heartbeat().to_vec()
}

/// Gives a packet; answers what it was and the numbers delivered.
fn give(receiver: &mut Receiver, now: u64, bytes: &[u8]) -> (Arrival, Vec<u64>) {
    let mut delivered = Vec::new();
    let arrival = receiver.packet(now, &Packet::parse(bytes).unwrap(), |sequence, message| {
        assert_eq!(message, sequence.to_be_bytes());
        delivered.push(sequence);
    });
    (arrival, delivered)
}

fn requests(receiver: &mut Receiver, now: u64) -> Vec<(u64, u16)> {
    let mut requests = Vec::new();
    let count = receiver.requests(now, |first, count| requests.push((first, count)));
    assert_eq!(count, requests.len());
    requests
}

#[test]
fn in_order_twice_overlapping() {
    let mut receiver = Receiver::new(CONFIG, None, 1, 0);
    assert_eq!(
        give(&mut receiver, 1, &packet(1, 3)),
        (Arrival::Delivered(3), vec![1, 2, 3])
    );
    assert_eq!(
        give(&mut receiver, 1, &packet(1, 3)),
        (Arrival::Duplicate, vec![])
    );
    assert_eq!(
        give(&mut receiver, 1, &packet(2, 4)),
        (Arrival::Delivered(2), vec![4, 5])
    );
    assert_eq!(
        give(&mut receiver, 1, &packet(6, 0)),
        (Arrival::Heartbeat, vec![])
    );
    assert!(!receiver.has_gap() && receiver.deadline().is_none());
    assert_eq!(receiver.counts().duplicates, 5);
}

#[test]
fn what_comes_early_is_held_and_only_holes_are_asked_for() {
    let mut receiver = Receiver::new(CONFIG, Some(SESSION), 1, 0);
    assert_eq!(give(&mut receiver, 0, &packet(3, 2)), (Arrival::Ahead, vec![]));
    assert_eq!(give(&mut receiver, 0, &packet(6, 1)), (Arrival::Ahead, vec![]));
    assert_eq!(receiver.missing(), 3);
    assert_eq!(requests(&mut receiver, 9), [], "it may be mere reordering");
    assert_eq!(receiver.deadline(), Some(10));
    assert_eq!(requests(&mut receiver, 10), [(1, 2), (5, 1)]);
    assert_eq!(requests(&mut receiver, 109), []);
    assert_eq!(receiver.deadline(), Some(110));
    assert_eq!(
        give(&mut receiver, 109, &packet(1, 2)),
        (Arrival::Delivered(4), vec![1, 2, 3, 4])
    );
    assert_eq!(
        requests(&mut receiver, 110),
        [(5, 1)],
        "asked again: only what is still missing"
    );
    assert_eq!(
        give(&mut receiver, 111, &packet(5, 1)),
        (Arrival::Delivered(2), vec![5, 6])
    );
    assert_eq!((receiver.deadline(), receiver.missing()), (None, 0));
    assert_eq!(receiver.counts().gaps, 1);
}

#[test]
fn reordering_alone_asks_for_nothing() {
    let mut receiver = Receiver::new(CONFIG, Some(SESSION), 1, 0);
    give(&mut receiver, 0, &packet(2, 1));
    give(&mut receiver, 5, &packet(1, 1));
    assert_eq!(requests(&mut receiver, 1_000), []);
}

#[test]
fn a_heartbeat_reveals_a_loss_and_requests_stay_within_the_window() {
    let mut receiver = Receiver::new(CONFIG, Some(SESSION), 1, 0);
    assert_eq!(give(&mut receiver, 0, &packet(101, 0)).0, Arrival::Heartbeat);
    assert_eq!(receiver.missing(), 100);
    assert_eq!(requests(&mut receiver, 10), [(1, 4), (5, 2)]);
    assert_eq!(requests(&mut receiver, 11), []);
    give(&mut receiver, 12, &packet(1, 4));
    assert_eq!(
        requests(&mut receiver, 12),
        [(7, 4)],
        "as answers come, the window moves on"
    );
    give(&mut receiver, 13, &packet(50, 5));
    assert_eq!(receiver.counts().not_held, 5, "too far ahead to be held");
}

#[test]
fn the_end_is_reached_when_all_before_it_came() {
    let mut receiver = Receiver::new(CONFIG, Some(SESSION), 1, 0);
    let end = Packer::new(SESSION, 3, 1_472).end_of_session();
    assert_eq!(give(&mut receiver, 0, &end).0, Arrival::End);
    assert!(!receiver.is_finished());
    assert_eq!(requests(&mut receiver, 10), [(1, 2)]);
    give(&mut receiver, 11, &packet(1, 2));
    assert!(receiver.is_finished());
}

#[test]
fn a_message_behind_the_end_takes_it_back() {
    let mut receiver = Receiver::new(CONFIG, Some(SESSION), 1, 0);
    let end = |next| Packer::new(SESSION, next, 1_472).end_of_session();
    give(&mut receiver, 0, &packet(1, 2));
    give(&mut receiver, 0, &end(3));
    assert!(receiver.is_finished());
    // A heartbeat tells of a message that was lost.
    give(&mut receiver, 1, &packet(4, 0));
    assert!(!receiver.is_finished());
    give(&mut receiver, 2, &packet(3, 1));
    assert!(!receiver.is_finished(), "its end was not told yet");
    give(&mut receiver, 3, &end(4));
    assert!(receiver.is_finished());
    give(&mut receiver, 4, &end(3));
    assert!(receiver.is_finished(), "that one was overtaken");
}

#[test]
fn another_session_is_not_listened_to_and_silence_is_noticed() {
    let mut receiver = Receiver::new(CONFIG, None, 1, 0);
    give(&mut receiver, 500, &packet(1, 1));
    assert_eq!(receiver.session(), Some(SESSION));
    let other = Packer::new(*b"ITCH000002", 1, 1_472).heartbeat();
    assert_eq!(give(&mut receiver, 1_500, &other).0, Arrival::OtherSession);
    assert!(!receiver.is_silent(1_500) && receiver.is_silent(1_501));
    receiver.heard(1_501);
    assert!(!receiver.is_silent(1_501));
}

#[test]
fn after_a_snapshot_the_rest_goes_on() {
    let mut receiver = Receiver::new(CONFIG, Some(SESSION), 1, 0);
    give(&mut receiver, 0, &packet(10, 2));
    give(&mut receiver, 0, &packet(13, 1));
    requests(&mut receiver, 10);
    let mut delivered = Vec::new();
    receiver.skip_to(10, |sequence, _| delivered.push(sequence));
    assert_eq!(delivered, [10, 11]);
    assert_eq!((receiver.next_sequence(), receiver.missing()), (12, 1));
    assert_eq!(requests(&mut receiver, 11), [(12, 1)]);
    receiver.message(12, 12, &12_u64.to_be_bytes(), |sequence, _| {
        delivered.push(sequence)
    });
    assert_eq!((delivered, receiver.missing()), (vec![10, 11, 12, 13], 0));
    receiver.skip_to(5, |_, _| panic!("never backwards"));
    receiver.restart(None, 1, 20);
    assert_eq!(
        (receiver.next_sequence(), receiver.session(), receiver.has_gap()),
        (1, None, false)
    );
}

#[test]
fn the_last_number_there_is_does_no_harm() {
    let mut receiver = Receiver::new(CONFIG, Some(SESSION), u64::MAX, 0);
    receiver.message(0, u64::MAX, b"", |_, _| panic!("it is never delivered"));
    assert_eq!(receiver.next_sequence(), u64::MAX);
    let mut receiver = Receiver::new(CONFIG, Some(SESSION), 1, 0);
    receiver.message(0, u64::MAX, b"", |_, _| panic!("it is ahead"));
    assert_eq!(requests(&mut receiver, 10).len(), 2);
}

/// A sender and a receiver over a bad network both ways: every message is delivered once, in order.
/// A burst is sent every `rarity` ticks on average; the network takes 50.
fn over_a_bad_network(seed: u64, rarity: u64) -> ReceiverCounts {
    const MESSAGES: u64 = 3_000;
    let mut random = Random::new(seed);
    let mut down = Link::new(Faults::bad(50), random.next_u64());
    let mut up = Link::new(Faults::bad(50), random.next_u64());
    let mut sender = Sender::new(SESSION, 1, 200, 0).with_heartbeat(2_000);
    let mut answers = Packer::new(SESSION, 1, 200);
    let config = ReceiverConfig {
        held_max: 256,
        window: 64,
        retry_ns: 500,
        request_max: 8,
        ..CONFIG
    };
    let mut receiver = Receiver::new(config, Some(SESSION), 1, 0);
    let mut delivered = 0_u64;
    for now in 0..2_000_000_u64 {
        if sender.next_sequence() <= MESSAGES && random.chance(1, rarity) {
            for _ in 0..random.between(1, 20).min(MESSAGES + 1 - sender.next_sequence()) {
                let message = sender.next_sequence().to_be_bytes();
                sender.push(now, &message, None, |packet| down.send(now, packet));
            }
            sender.flush(now, None, |packet| down.send(now, packet));
        }
        sender.poll(now, |packet| down.send(now, packet));
        while let Some((_, bytes)) = up.receive(now) {
            let first = u64::from_be_bytes(bytes[..8].try_into().unwrap());
            let count = u64::from(u16::from_be_bytes(bytes[8..].try_into().unwrap()));
            answers.seek(first);
            for sequence in first..first + count {
                assert!(sequence < sender.next_sequence(), "only what exists is asked for");
                assert!(answers.push(&sequence.to_be_bytes()));
            }
            down.send(now, answers.finish(None).unwrap());
        }
        while let Some((_, bytes)) = down.receive(now) {
            receiver.packet(now, &Packet::parse(&bytes).unwrap(), |sequence, message| {
                delivered += 1;
                assert_eq!((sequence, message), (delivered, &delivered.to_be_bytes()[..]));
            });
            assert!(receiver.awaited <= config.window);
            assert_eq!(receiver.awaited, receiver.count_missing_from(receiver.next));
        }
        receiver.requests(now, |first, count| {
            up.send(now, &[&first.to_be_bytes()[..], &count.to_be_bytes()].concat());
        });
        if delivered == MESSAGES {
            return receiver.counts();
        }
    }
    panic!(
        "seed {seed}: {delivered} of {MESSAGES} messages, {:?}",
        receiver.counts()
    );
}

#[test]
fn a_bad_network_loses_nothing() {
    for seed in 0..10 {
        let calm = over_a_bad_network(seed, 400);
        assert!(
            calm.gaps > 10 && calm.held > 100 && calm.duplicates > 100,
            "{calm:?}"
        );
        let flood = over_a_bad_network(seed, 20);
        assert!(flood.not_held > 100, "more is ahead than can be held: {flood:?}");
    }
}

/// A snapshot comes while the stream is heard: nothing is delivered before, and then everything from its number on, wherever
/// that is.
#[test]
fn waits_until_it_is_said_where_the_stream_begins() {
    let mut random = Random::new(5);
    for _ in 0..2_000 {
        let heard = random.between(2, 60);
        let until = heard + random.between(1, 40);
        let begins = random.between(1, until + 5);
        let mut receiver = Receiver::new(CONFIG, None, 1, 0);
        receiver.wait();
        receiver.restart(None, heard - 1, 0);
        for number in heard..until {
            // Some were lost.
            if number == heard || random.chance(3, 4) {
                assert_eq!(give(&mut receiver, 1, &packet(number, 1)).1, []);
            }
        }
        // Late ones change nothing.
        assert_eq!(give(&mut receiver, 1, &packet(heard - 1, 1)).1, []);
        let mut delivered = Vec::new();
        receiver.go_on(2, begins, |number, message| {
            assert_eq!(message, number.to_be_bytes());
            delivered.push(number);
        });
        let end = until.max(begins) + 3;
        // Whatever is missing comes again, and what follows comes too.
        for number in begins..end {
            delivered.extend(give(&mut receiver, 3, &packet(number, 1)).1);
        }
        assert_eq!(delivered, (begins..end).collect::<Vec<_>>());
        assert!(!receiver.has_gap());
        assert_eq!((receiver.next_sequence(), receiver.missing()), (end, 0));
    }
}
