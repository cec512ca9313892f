//! Joining by a snapshot over real sockets, while the lines go on: the books are those of who was there all day.

mod support;

use feed_handler::book::Capacity;
use feed_handler::clock::Clock;
use feed_handler::recovery::RecoveryFailure;
use feed_handler::{Market, Retransmission, State, Subscriber, SubscriberConfig, snapshot};
use protocol::Malformed;
use protocol::market_data::glimpse::EndOfSnapshot;
use protocol::soup::encode;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};
use support::publisher::Publisher;
use support::{SESSION, Script, added, bytes, directory, state};

/// Far longer than anything here takes; a test that waits for it has failed.
const PATIENCE: Duration = Duration::from_secs(20);
const CAPACITY: Capacity = Capacity {
    instruments: 16,
    orders: 8_192,
    levels: 8_192,
};

/// The snapshot of what a script has made so far.
fn messages(script: &Script) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    for locate in 1..=3 {
        messages.push(directory(locate, &format!("SYM{locate}"), 10_000));
        messages.push(state(locate, b'T'));
    }
    let mut orders = script.resting.clone();
    orders.sort_by_key(|order| order.arrival);
    messages.extend(orders.iter().map(|order| {
        added(
            order.locate,
            order.number,
            order.side,
            order.quantity,
            order.price,
        )
    }));
    messages.push(bytes(&EndOfSnapshot::new(script.messages.len() as u64 + 1)));
    messages
}

/// A snapshot service: each connection gets the next of what is sent to it, and then its end.
fn serve() -> (SocketAddr, Sender<Vec<Vec<u8>>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let (sender, snapshots) = channel::<Vec<Vec<u8>>>();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("somebody has come");
            let mut login = [0; 49];
            stream.read_exact(&mut login).expect("a login comes first");
            assert_eq!(&login[29..49], b"                   1");
            let Ok(messages) = snapshots.recv() else { return };
            let mut buffer = [0; 64];
            let length = encode::login_accepted(SESSION, 1, &mut buffer).expect("it fits");
            let mut outgoing = buffer[..length].to_vec();
            for message in messages {
                let length = encode::sequenced(&message, &mut buffer).expect("it fits");
                outgoing.extend_from_slice(&buffer[..length]);
            }
            // A client that has left needs no snapshot.
            let _left = stream.write_all(&outgoing);
        }
    });
    (address, sender)
}

fn subscriber(publisher: &Publisher, snapshot: SocketAddr, held_max: u32) -> Subscriber {
    Subscriber::new(&SubscriberConfig {
        line_a: publisher.lines[0],
        line_b: Some(publisher.lines[1]),
        recovery: Some(publisher.recovery),
        retransmission: Retransmission::Off,
        snapshot: Some(snapshot),
        capacity: CAPACITY,
        held_max,
        ..SubscriberConfig::default()
    })
    .expect("the lines can be joined")
}

fn poll_until(subscriber: &mut Subscriber, publisher: &Publisher, done: impl Fn(&Subscriber) -> bool) {
    let (begun, clock) = (Instant::now(), Clock::new());
    let mut polls = 0_u32;
    while !done(subscriber) {
        if subscriber.poll(clock.now_ns()) == 0 {
            polls += 1;
            if polls.is_multiple_of(100) {
                publisher.heartbeat();
            }
            std::thread::yield_now();
        }
        assert!(
            begun.elapsed() < PATIENCE,
            "{:?} {:?} {:?}",
            subscriber.state(),
            subscriber.recovery_failure(),
            subscriber.statistics()
        );
    }
}

fn assert_equal_books(subscriber: &Subscriber, script: &Script) {
    assert_eq!(subscriber.next_sequence(), Some(script.messages.len() as u64 + 1));
    for locate in 1..=3 {
        assert_eq!(subscriber.market().book(locate).digest(), script.digest(locate));
    }
    assert_eq!(subscriber.market().statistics().error_count(), 0);
}

/// Joins while messages come; the snapshot is as of before, or behind, what the lines have brought when it comes.
fn join(seed: u64, held_max: u32, is_old: bool) {
    let publisher = Publisher::new();
    let mut script = Script::new(seed, 3);
    script.run(20_000);
    publisher.publish_unheard(&script.messages);
    let (address, snapshots) = serve();
    let mut late = subscriber(&publisher, address, held_max);
    let old = messages(&script);
    let before = script.messages.len();
    script.run(500);
    // Only who asks again gets these.
    publisher.publish_unheard(&script.messages[before..before + 100]);
    publisher.publish(&script.messages[before + 100..], 20);
    let heard = script.messages.len() as u64 + 1;
    poll_until(&mut late, &publisher, |late| late.known_sequence() == heard);
    assert!(late.waits_for_snapshot() && late.next_sequence().is_none());
    assert_eq!((late.state(), late.has_joined()), (State::Recovering, false));
    if is_old {
        snapshots.send(old).expect("it is served");
    } else {
        // The first connection breaks in the middle: what came of it is forgotten.
        snapshots.send(old[..200].to_vec()).expect("it is served");
        snapshots.send(messages(&script)).expect("it is served");
    }
    poll_until(&mut late, &publisher, |late| late.state() == State::Live);
    assert_equal_books(&late, &script);
    let before = script.messages.len();
    script.run(2_000);
    for chunk in script.messages[before..].chunks(100) {
        publisher.publish(chunk, 20);
        poll_until(&mut late, &publisher, |late| late.behind() == 0);
    }
    let end = script.messages.len() as u64 + 1;
    poll_until(&mut late, &publisher, |late| {
        late.next_sequence() == Some(end) && late.state() == State::Live
    });
    assert_equal_books(&late, &script);
    let statistics = late.statistics();
    assert!(statistics.snapshot > 0);
    assert!(
        statistics.replayed + statistics.recovered <= 500,
        "the day was not replayed: {statistics:?}"
    );
}

#[test]
fn what_came_meanwhile_is_held() {
    join(1, 1 << 15, true);
}

#[test]
fn what_has_no_room_is_recovered() {
    join(2, 64, true);
}

#[test]
fn a_broken_snapshot_is_taken_again() {
    join(3, 1 << 15, false);
}

#[test]
fn a_service_that_is_not_there_is_said() {
    let publisher = Publisher::new();
    let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = nobody.local_addr().expect("it is bound");
    drop(nobody);
    let mut late = subscriber(&publisher, address, 16);
    poll_until(&mut late, &publisher, |late| late.recovery_failure().is_some());
    assert!(matches!(
        late.recovery_failure(),
        Some(RecoveryFailure::Connect(_))
    ));
    assert!(!late.has_joined());
}

#[test]
fn the_messages_say_where_to_go_on() {
    let mut market = Market::new(CAPACITY);
    assert_eq!(snapshot::take(&directory(1, "SYM1", 10), &mut market), Ok(None));
    assert_eq!(
        snapshot::take(&bytes(&EndOfSnapshot::new(77)), &mut market),
        Ok(Some(77))
    );
    assert_eq!(snapshot::take(b"A", &mut market), Err(Malformed::Short));
    assert_eq!(snapshot::take(b"", &mut market), Err(Malformed::Empty));
    assert_eq!(market.instruments().count(), 1);
}
