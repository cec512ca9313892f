//! Two bad lines and a recovery service, without sockets: the stream comes out whole and in order.

use feed_handler::arbiter::{Arbiter, Delivery, Line, Start};
use feed_handler::gap::{GapDetector, Missing};
use protocol::packet::{Packer, Packet};
use protocol::testing::{Faults, Link, Random};

const SESSION: [u8; 10] = *b"ITCH000001";
const LATENCY_NS: u64 = 10_000;
const PATIENCE_NS: u64 = 500_000;

/// Message n of a session says its session's last digit and n.
fn message(session: [u8; 10], sequence: u64) -> Vec<u8> {
    [&session[9..], &sequence.to_be_bytes()].concat()
}

/// Checks order while it collects.
#[derive(Default)]
struct Checked {
    session: Option<[u8; 10]>,
    next: u64,
    sessions: u32,
}

impl Delivery for Checked {
    fn session(&mut self, session: [u8; 10]) {
        assert!(self.session < Some(session), "sessions ascend");
        self.session = Some(session);
        self.sessions += 1;
        self.next = 1;
    }

    fn message(&mut self, sequence: u64, bytes: &[u8]) {
        assert_eq!(sequence, self.next);
        assert_eq!(
            bytes,
            message(self.session.expect("a session begins first"), sequence)
        );
        self.next += 1;
    }
}

struct Outcome {
    arbiter: Arbiter,
    gaps: GapDetector,
    checked: Checked,
    asked: u64,
}

/// Sends `messages` in random packets over two links; recovery, when there is one, answers each ask with what exists.
fn run(seed: u64, messages: u64, faults: [Faults; 2], recovers: bool, held_max: u32) -> Outcome {
    let mut random = Random::new(seed);
    let mut links = faults.map(|faults| Link::new(faults, random.next_u64()));
    let mut outcome = Outcome {
        arbiter: Arbiter::new(Start::At(1), held_max),
        gaps: GapDetector::new(PATIENCE_NS),
        checked: Checked::default(),
        asked: 0,
    };
    let mut packer = Packer::new(SESSION, 1, 1_472);
    let mut now = 0;
    let quiet_ns = 50 * LATENCY_NS + 3 * PATIENCE_NS;
    let mut end_ns = None;
    while end_ns.is_none_or(|end| now < end) {
        now += random.between(1_000, 30_000);
        let published = packer.next_sequence() - 1;
        if published < messages {
            for sequence in 0..random.between(1, 40).min(messages - published) {
                assert!(packer.push(&message(SESSION, published + 1 + sequence)));
            }
            let packet = packer.finish(None).expect("there are messages").to_vec();
            links.iter_mut().for_each(|link| link.send(now, &packet));
        } else {
            end_ns.get_or_insert(now + quiet_ns);
            let heartbeat = packer.heartbeat();
            links.iter_mut().for_each(|link| link.send(now, &heartbeat));
        }
        turn(&mut outcome, &mut links, now, recovers, packer.next_sequence());
    }
    outcome
}

fn turn(outcome: &mut Outcome, links: &mut [Link; 2], now: u64, recovers: bool, published: u64) {
    let Outcome {
        arbiter,
        gaps,
        checked,
        asked,
    } = outcome;
    for line in Line::ALL {
        while let Some((_, bytes)) = links[line as usize].receive(now) {
            match Packet::parse(&bytes) {
                Ok(packet) => arbiter.packet(line, &packet, now, checked),
                Err(malformed) => panic!("the links damage nothing: {malformed}"),
            }
        }
    }
    if arbiter.last_current_ns().is_some() && arbiter.missing().is_none() {
        gaps.joined();
    }
    let missing = Missing {
        range: arbiter.missing(),
        recovered: arbiter.statistics().recovered,
    };
    if let Some(ask) = gaps.watch(&missing, now, |_| false)
        && recovers
    {
        *asked += 1;
        for sequence in ask.from..published {
            arbiter.recovered(SESSION, sequence, &message(SESSION, sequence), now, checked);
        }
    }
}

#[test]
fn perfect_lines_need_no_recovery() {
    let outcome = run(
        1,
        20_000,
        [Faults::none(LATENCY_NS), Faults::none(2 * LATENCY_NS)],
        false,
        1_024,
    );
    assert_eq!((outcome.checked.next, outcome.asked), (20_001, 0));
    let (a, b) = (outcome.arbiter.line(Line::A), outcome.arbiter.line(Line::B));
    assert_eq!((a.first, a.late, a.lost), (20_000, 0, 0));
    assert_eq!((b.first, b.late, b.lost), (0, 20_000, 0));
    assert_eq!((a.leads, b.leads), (a.packets - a.heartbeats, 0));
    assert!(a.lead_ns >= a.leads * 1_000);
    assert_eq!(outcome.gaps.statistics().gaps, 0);
}

#[test]
fn one_good_line_is_enough() {
    for seed in 0..10 {
        let outcome = run(
            seed,
            5_000,
            [Faults::bad(LATENCY_NS), Faults::none(LATENCY_NS)],
            false,
            1_024,
        );
        assert_eq!(outcome.checked.next, 5_001, "seed {seed}");
        assert_eq!(outcome.gaps.statistics().gaps, 0);
        let (a, b) = (outcome.arbiter.line(Line::A), outcome.arbiter.line(Line::B));
        assert_eq!((a.first + b.first, b.lost), (5_000, 0));
        assert!(a.lost > 200 && a.reordered > 0 && b.first > 200, "{a:?} {b:?}");
    }
}

#[test]
fn two_bad_lines_and_recovery_end_in_order() {
    for seed in 0..30 {
        // With few slots, messages far ahead are dropped too.
        let faults = [Faults::bad(LATENCY_NS), Faults::bad(LATENCY_NS)];
        let held_max = if seed % 2 == 0 { 64 } else { 4_096 };
        let outcome = run(seed, 5_000, faults, true, held_max);
        assert_eq!(outcome.checked.next, 5_001, "seed {seed}");
        let statistics = outcome.arbiter.statistics();
        let firsts: u64 = Line::ALL
            .iter()
            .map(|line| outcome.arbiter.line(*line).first)
            .sum();
        assert_eq!(firsts + statistics.recovered + statistics.ahead, 5_000);
        assert_eq!(
            (statistics.delivered, statistics.sessions, statistics.abandoned),
            (5_000, 1, 0)
        );
        assert!(
            outcome.gaps.statistics().gaps > 0 && statistics.recovered > 0,
            "seed {seed}: {statistics:?}"
        );
        assert!(outcome.gaps.statistics().arbitrated > 0);
    }
}

#[test]
fn without_recovery_the_stream_stops_at_the_hole() {
    let mut stopped = 0;
    for seed in 0..10 {
        let bad = Faults::bad(LATENCY_NS);
        let outcome = run(seed, 5_000, [bad, bad], false, 4_096);
        stopped += u32::from(outcome.checked.next < 5_001);
        assert_eq!(outcome.arbiter.next(), Some(outcome.checked.next));
        assert_eq!(
            outcome.gaps.stuck_since_ns().is_some(),
            outcome.checked.next < 5_001
        );
    }
    assert!(stopped > 5);
}

fn packet(session: [u8; 10], first: u64, count: u64) -> Vec<u8> {
    let mut packer = Packer::new(session, first, 1_472);
    for sequence in first..first + count {
        assert!(packer.push(&message(session, sequence)));
    }
    match count {
        0 => packer.heartbeat().to_vec(),
        _ => packer.finish(None).expect("there are messages").to_vec(),
    }
}

fn take(arbiter: &mut Arbiter, checked: &mut Checked, bytes: &[u8], now_ns: u64) {
    arbiter.packet(Line::A, &Packet::parse(bytes).unwrap(), now_ns, checked);
}

#[test]
fn a_new_session_begins_at_one_and_an_old_one_is_foreign() {
    let (mut arbiter, mut checked) = (Arbiter::new(Start::At(1), 64), Checked::default());
    take(&mut arbiter, &mut checked, &packet(SESSION, 1, 10), 1);
    take(&mut arbiter, &mut checked, &packet(SESSION, 13, 2), 2);
    let end = Packer::new(SESSION, 15, 1_472).end_of_session();
    take(&mut arbiter, &mut checked, &end, 3);
    assert!(!arbiter.is_complete(), "two messages are missing");
    let tomorrow = *b"ITCH000002";
    take(&mut arbiter, &mut checked, &packet(tomorrow, 1, 5), 4);
    take(&mut arbiter, &mut checked, &packet(SESSION, 11, 2), 5);
    arbiter.recovered(SESSION, 11, &message(SESSION, 11), 6, &mut checked);
    assert_eq!((checked.sessions, checked.next, arbiter.next()), (2, 6, Some(6)));
    assert_eq!(
        (arbiter.statistics().abandoned, arbiter.line(Line::A).foreign),
        (2, 1)
    );
    let end = Packer::new(tomorrow, 6, 1_472).end_of_session();
    take(&mut arbiter, &mut checked, &end, 7);
    assert!(arbiter.is_complete());
}

#[test]
fn what_cannot_be_a_session_begins_none() {
    let (mut arbiter, mut checked) = (Arbiter::new(Start::Now, 64), Checked::default());
    take(&mut arbiter, &mut checked, &[0; 20], 1);
    take(&mut arbiter, &mut checked, &packet(SESSION, 0, 0), 1);
    take(&mut arbiter, &mut checked, &packet(*b"ITCH\n00001", 1, 1), 1);
    assert_eq!(
        (arbiter.session(), arbiter.next(), arbiter.line(Line::A).foreign),
        (None, None, 3)
    );
    assert_eq!(arbiter.last_current_ns(), None);
}

#[test]
fn packets_of_the_past_are_no_sign_of_life() {
    let (mut arbiter, mut checked) = (Arbiter::new(Start::At(1), 64), Checked::default());
    take(&mut arbiter, &mut checked, &packet(SESSION, 1, 10), 1);
    take(&mut arbiter, &mut checked, &packet(SESSION, 11, 0), 2);
    assert_eq!(arbiter.last_current_ns(), Some(2));
    take(&mut arbiter, &mut checked, &packet(SESSION, 3, 4), 3);
    take(&mut arbiter, &mut checked, &packet(SESSION, 7, 0), 4);
    assert_eq!(arbiter.last_current_ns(), Some(2));
}

#[test]
fn a_stream_from_now_begins_with_the_first_packet() {
    let mut arbiter = Arbiter::new(Start::Now, 64);
    let mut checked = Checked::default();
    assert_eq!(arbiter.next(), None);
    struct Collected(Vec<u64>);
    impl Delivery for Collected {
        fn session(&mut self, _session: [u8; 10]) {}
        fn message(&mut self, sequence: u64, _message: &[u8]) {
            self.0.push(sequence);
        }
    }
    arbiter.recovered(SESSION, 1, b"too early", 0, &mut checked);
    let mut delivered = Collected(Vec::new());
    arbiter.packet(
        Line::B,
        &Packet::parse(&packet(SESSION, 100, 3)).unwrap(),
        1,
        &mut delivered,
    );
    assert_eq!((delivered.0, arbiter.missing()), (vec![100, 101, 102], None));
}

#[test]
fn random_bytes_never_panic() {
    let mut random = Random::new(5);
    let mut arbiter = Arbiter::new(Start::At(1), 64);
    struct Nothing;
    impl Delivery for Nothing {
        fn session(&mut self, _session: [u8; 10]) {}
        fn message(&mut self, _sequence: u64, _message: &[u8]) {}
    }
    let mut parsed = 0;
    for now in 0..100_000 {
        let mut bytes = packet(SESSION, random.below(100).max(1), random.below(5));
        for _ in 0..random.below(4) {
            let place = random.below(bytes.len() as u64) as usize;
            bytes[place] = random.next_u64() as u8;
        }
        bytes.truncate(random.between(15, 200) as usize);
        if let Ok(packet) = Packet::parse(&bytes) {
            parsed += 1;
            arbiter.packet(*random.pick(&Line::ALL), &packet, now, &mut Nothing);
        }
    }
    assert!(parsed > 10_000);
}
