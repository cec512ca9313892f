//! Real sockets: multicast over loopback and a recovery service over TCP. Needs no privileges.

mod support;

use feed_handler::arbiter::Start;
use feed_handler::book::Capacity;
use feed_handler::clock::Clock;
use feed_handler::loss::LossPlan;
use feed_handler::recovery::RecoveryFailure;
use feed_handler::retransmission::RetransmissionConfig;
use feed_handler::retransmission_link::UdpRequests;
use feed_handler::{Market, Observer, Retransmission, State, Subscriber, SubscriberConfig};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use support::Script;
use support::publisher::Publisher;

/// Far longer than anything here takes; a test that waits for it has failed.
const PATIENCE: Duration = Duration::from_secs(20);

fn config(publisher: &Publisher) -> SubscriberConfig {
    SubscriberConfig {
        line_a: publisher.lines[0],
        line_b: Some(publisher.lines[1]),
        recovery: Some(publisher.recovery),
        retransmission: Retransmission::Off,
        capacity: Capacity {
            instruments: 16,
            orders: 8_192,
            levels: 8_192,
        },
        ..SubscriberConfig::default()
    }
}

/// Polls, with heartbeats now and then, until `done`.
fn poll_until(
    publisher: &Publisher,
    subscriber: &mut Subscriber,
    clock: Clock,
    what: &str,
    done: impl Fn(&Subscriber) -> bool,
) {
    let begun = Instant::now();
    let mut polls = 0_u64;
    while !done(subscriber) {
        if subscriber.poll(clock.now_ns()) == 0 {
            if polls.is_multiple_of(100) {
                publisher.heartbeat();
            }
            polls += 1;
            std::thread::yield_now();
        }
        assert!(
            begun.elapsed() < PATIENCE,
            "{what}: {:?} {:?}",
            subscriber.state(),
            subscriber.statistics()
        );
    }
}

/// Polls with a clock of the test's own: each poll is `step_ns` later than the one before.
fn poll_steps(
    subscriber: &mut Subscriber,
    now_ns: &mut u64,
    step_ns: u64,
    done: impl Fn(&Subscriber) -> bool,
) {
    let begun = Instant::now();
    while !done(subscriber) {
        *now_ns += step_ns;
        subscriber.poll(*now_ns);
        assert!(begun.elapsed() < PATIENCE, "{:?}", subscriber.statistics());
    }
}

fn assert_equal_books(subscriber: &Subscriber, script: &Script) {
    assert_eq!(subscriber.next_sequence(), Some(script.messages.len() as u64 + 1));
    for locate in 1..=3 {
        assert_eq!(subscriber.market().book(locate).digest(), script.digest(locate));
    }
    assert_eq!(subscriber.market().statistics().error_count(), 0);
}

/// Publishes the rest of the script while polling, and then waits until everything is applied.
fn follow(
    publisher: &Publisher,
    subscriber: &mut Subscriber,
    clock: Clock,
    script: &mut Script,
    messages: usize,
) {
    let done = script.messages.len();
    script.run(messages);
    for chunk in script.messages[done..].chunks(100) {
        publisher.publish(chunk, 20);
        subscriber.poll(clock.now_ns());
    }
    let end = script.messages.len() as u64 + 1;
    poll_until(publisher, subscriber, clock, "to follow", |subscriber| {
        subscriber.state() == State::Live && subscriber.next_sequence() == Some(end)
    });
}

#[test]
fn joins_late_and_follows() {
    let (publisher, clock) = (Publisher::new(), Clock::new());
    let mut script = Script::new(1, 3);
    script.run(20_000);
    publisher.publish_unheard(&script.messages);
    let mut subscriber = Subscriber::new(&config(&publisher)).unwrap();
    assert_eq!(
        (subscriber.state(), subscriber.has_joined()),
        (State::Recovering, false)
    );
    poll_until(&publisher, &mut subscriber, clock, "to join", |subscriber| {
        subscriber.state() == State::Live
    });
    assert_equal_books(&subscriber, &script);
    let statistics = subscriber.statistics();
    assert_eq!(
        (statistics.replayed, statistics.recovered),
        (script.messages.len() as u64, 0)
    );
    follow(&publisher, &mut subscriber, clock, &mut script, 5_000);
    assert_equal_books(&subscriber, &script);
    let statistics = subscriber.statistics();
    assert_eq!(statistics.malformed, [0, 0]);
    assert!(
        statistics.lines.iter().all(|line| line.packets > 0),
        "{statistics:?}"
    );
}

#[test]
fn loss_on_purpose_is_recovered_and_counted_apart() {
    let (publisher, clock) = (Publisher::new(), Clock::new());
    let mut script = Script::new(2, 3);
    publisher.publish_unheard(&script.messages);
    let mut subscriber = Subscriber::new(&SubscriberConfig {
        loss: Some(LossPlan {
            seed: 9,
            share: [0.3, 0.3],
        }),
        ..config(&publisher)
    })
    .unwrap();
    poll_until(&publisher, &mut subscriber, clock, "to join", |subscriber| {
        subscriber.state() == State::Live
    });
    follow(&publisher, &mut subscriber, clock, &mut script, 20_000);
    assert_equal_books(&subscriber, &script);
    let statistics = subscriber.statistics();
    assert!(
        statistics.dropped_on_purpose.iter().all(|dropped| *dropped > 50),
        "{statistics:?}"
    );
    assert!(
        statistics.gaps.gaps_provoked > 0 && statistics.recovered > 0,
        "{statistics:?}"
    );
}

#[test]
fn a_gap_on_both_lines_is_asked_for_when_patience_ends() {
    let publisher = Publisher::new();
    let mut script = Script::new(7, 3);
    script.run(100);
    let mut subscriber = Subscriber::new(&config(&publisher)).unwrap();
    publisher.publish(&script.messages[..50], 10);
    poll_steps(&mut subscriber, &mut 0, 1, Subscriber::has_joined);
    // A second passes between polls, in the subscriber's time: the connection of the join is given up.
    subscriber.poll(1_000_000_000);
    subscriber.poll(2_000_000_000);
    let mut now_ns = 2_000_000_000;
    let joined = subscriber.statistics();
    publisher.publish_unheard(&script.messages[50..60]);
    publisher.publish(&script.messages[60..], 10);
    let end = script.messages.len() as u64 + 1;
    poll_steps(&mut subscriber, &mut now_ns, 10, |subscriber| {
        subscriber.known_sequence() == end
    });
    assert_eq!(
        subscriber.next_sequence(),
        Some(51),
        "patience: nothing is asked for yet"
    );
    assert_eq!(
        subscriber.statistics().recovery.connections,
        joined.recovery.connections
    );
    poll_steps(&mut subscriber, &mut now_ns, 100_000, |subscriber| {
        subscriber.behind() == 0 && subscriber.state() == State::Live
    });
    assert_equal_books(&subscriber, &script);
    let statistics = subscriber.statistics();
    assert_eq!(statistics.recovery.connections, joined.recovery.connections + 1);
    assert_eq!(
        (
            statistics.gaps.gaps,
            statistics.gaps.gaps_provoked,
            statistics.recovered
        ),
        (1, 0, 10)
    );
    assert!(statistics.gaps.longest_ns >= 1_000_000, "{statistics:?}");
}

/// A subscriber that asks over UDP, and has joined; the connection of the join is given up. Fifty messages of the script are
/// published, its clock stands at two seconds.
fn asking(publisher: &Publisher, script: &mut Script, door: SocketAddr, timeout_ns: u64) -> Subscriber {
    script.run(1_000);
    let requests = RetransmissionConfig {
        timeout_ns,
        ..RetransmissionConfig::default()
    };
    let mut subscriber = Subscriber::new(&config(publisher))
        .unwrap()
        .ask_over(UdpRequests::new(door), requests);
    publisher.publish(&script.messages[..50], 10);
    poll_steps(&mut subscriber, &mut 0, 1, Subscriber::has_joined);
    for second in 1..=2 {
        subscriber.poll(second * 1_000_000_000);
    }
    subscriber
}

/// Messages `from .. to` of the script are lost, those up to `until` are not; polls until it is mended.
fn mend(
    publisher: &Publisher,
    subscriber: &mut Subscriber,
    script: &Script,
    [from, to, until]: [usize; 3],
    now_ns: &mut u64,
) {
    publisher.publish_unheard(&script.messages[from..to]);
    publisher.publish(&script.messages[to..until], 10);
    let (begun, began_ns) = (Instant::now(), *now_ns);
    while subscriber.next_sequence() != Some(until as u64 + 1) || subscriber.state() != State::Live {
        *now_ns = began_ns + begun.elapsed().as_nanos() as u64;
        subscriber.poll(*now_ns);
        assert!(begun.elapsed() < PATIENCE, "{:?}", subscriber.statistics());
    }
}

#[test]
fn a_small_gap_is_mended_over_udp() {
    let publisher = Publisher::new();
    let mut script = Script::new(8, 3);
    // Far longer than an answer takes, however busy the machine is.
    let mut subscriber = asking(&publisher, &mut script, publisher.retransmission, 500_000_000);
    let joined = subscriber.statistics();
    let mut now_ns = 2_000_000_000;
    // One packet has some forty messages: several requests. The first of all is lost.
    publisher.unanswered.store(1, Ordering::Relaxed);
    mend(&publisher, &mut subscriber, &script, [50, 150, 200], &mut now_ns);
    let first = subscriber.statistics();
    assert_eq!(
        first.recovery.connections, joined.recovery.connections,
        "nobody connected"
    );
    assert_eq!(first.recovered, 100);
    assert_eq!((first.retransmission.repeated, first.retransmission.left), (1, 0));
    assert!((3..=6).contains(&first.retransmission.answers), "{first:?}");
    // Too much for UDP.
    let all = script.messages.len();
    mend(&publisher, &mut subscriber, &script, [200, 700, all], &mut now_ns);
    assert_equal_books(&subscriber, &script);
    let last = subscriber.statistics();
    assert_eq!(last.recovery.connections, joined.recovery.connections + 1);
    assert_eq!(last.retransmission, first.retransmission);
    assert_eq!((last.gaps.gaps, last.recovered), (2, 600));
}

#[test]
fn who_is_not_answered_goes_to_gap_recovery() {
    let publisher = Publisher::new();
    let mut script = Script::new(9, 3);
    let mut subscriber = asking(&publisher, &mut script, publisher.retransmission, 5_000_000);
    let joined = subscriber.statistics();
    publisher.unanswered.store(u32::MAX, Ordering::Relaxed);
    let mut now_ns = 2_000_000_000;
    mend(&publisher, &mut subscriber, &script, [50, 60, 100], &mut now_ns);
    let first = subscriber.statistics();
    assert_eq!(first.recovery.connections, joined.recovery.connections + 1);
    assert_eq!(
        (
            first.retransmission.requests,
            first.retransmission.repeated,
            first.retransmission.left
        ),
        (2, 1, 1)
    );
    // It is not asked again so soon; the connection is given up meanwhile.
    for _ in 0..3 {
        now_ns += 100_000_000;
        subscriber.poll(now_ns);
    }
    let all = script.messages.len();
    mend(&publisher, &mut subscriber, &script, [100, 110, all], &mut now_ns);
    assert_equal_books(&subscriber, &script);
    let last = subscriber.statistics();
    assert_eq!(last.retransmission, first.retransmission);
    assert_eq!(last.recovered, 20);
}

#[test]
fn where_nobody_answers_over_udp_gap_recovery_is_asked_at_once() {
    let publisher = Publisher::new();
    let mut script = Script::new(10, 3);
    // Bound and closed: the kernel says that nobody is there.
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut subscriber = asking(&publisher, &mut script, nobody, 5_000_000);
    let mut now_ns = 2_000_000_000;
    let all = script.messages.len();
    mend(&publisher, &mut subscriber, &script, [50, 60, all], &mut now_ns);
    assert_equal_books(&subscriber, &script);
    let statistics = subscriber.statistics().retransmission;
    assert_eq!((statistics.requests, statistics.left), (1, 1), "{statistics:?}");
}

#[test]
fn garbage_on_the_lines_is_counted() {
    let (publisher, clock) = (Publisher::new(), Clock::new());
    let mut script = Script::new(3, 3);
    let mut subscriber = Subscriber::new(&config(&publisher)).unwrap();
    for garbage in [&b""[..], b"short", &[0xFF; 1_400], &[0; 9_300]] {
        publisher.send(garbage);
    }
    publisher.publish(&script.messages, 20);
    follow(&publisher, &mut subscriber, clock, &mut script, 2_000);
    assert_equal_books(&subscriber, &script);
    let statistics = subscriber.statistics();
    assert_eq!(
        (statistics.malformed, statistics.lines.map(|line| line.foreign)),
        ([3, 3], [1, 1])
    );
}

/// Collects numbers.
struct Numbers(Vec<u64>);

impl Observer for Numbers {
    fn message(&mut self, sequence: u64, _message: &[u8], _market: &Market) {
        self.0.push(sequence);
    }
}

#[test]
fn a_subscription_from_now_needs_no_replay() {
    let (publisher, clock) = (Publisher::new(), Clock::new());
    let mut script = Script::new(4, 3);
    script.run(100);
    publisher.publish_unheard(&script.messages);
    let mut subscriber = Subscriber::new(&SubscriberConfig {
        start: Start::Now,
        ..config(&publisher)
    })
    .unwrap();
    publisher.publish(&script.messages[..30], 10);
    let (mut numbers, begun) = (Numbers(Vec::new()), Instant::now());
    while numbers.0.len() < 30 {
        subscriber.poll_with(clock.now_ns(), &mut numbers);
        assert!(begun.elapsed() < PATIENCE);
    }
    let first = script.messages.len() as u64 + 1;
    assert_eq!(numbers.0, (first..first + 30).collect::<Vec<_>>());
    assert_eq!(
        (subscriber.statistics().recovery.connections, subscriber.state()),
        (0, State::Live)
    );
}

#[test]
fn silence_and_a_gap_without_recovery_are_stale() {
    let (publisher, second_ns) = (Publisher::new(), 1_000_000_000);
    let script = Script::new(5, 3);
    let mut subscriber = Subscriber::new(&SubscriberConfig {
        recovery: None,
        ..config(&publisher)
    })
    .unwrap();
    // The subscriber's clock is ours to turn; only the arrival of datagrams is waited for.
    let arrive = |subscriber: &mut Subscriber, now_ns| {
        let begun = Instant::now();
        while subscriber.poll(now_ns) == 0 {
            assert!(begun.elapsed() < PATIENCE);
        }
        while subscriber.poll(now_ns) > 0 {}
    };
    subscriber.poll(0);
    assert_eq!(subscriber.state(), State::Recovering);
    subscriber.poll(3 * second_ns);
    assert_eq!(subscriber.state(), State::Stale, "never heard");
    publisher.publish(&script.messages[..3], 3);
    arrive(&mut subscriber, 4 * second_ns);
    assert_eq!(subscriber.state(), State::Live);
    subscriber.poll(7 * second_ns - 1);
    assert_eq!(subscriber.state(), State::Live);
    subscriber.poll(7 * second_ns);
    assert_eq!(subscriber.state(), State::Stale, "silence");
    publisher.heartbeat();
    arrive(&mut subscriber, 8 * second_ns);
    assert_eq!(subscriber.state(), State::Live);
    publisher.publish_unheard(&script.messages[3..5]);
    for second in 9..12 {
        publisher.heartbeat();
        arrive(&mut subscriber, second * second_ns);
        subscriber.poll(second * second_ns + 10_000_000);
        assert_eq!(subscriber.state(), State::Recovering);
    }
    publisher.heartbeat();
    arrive(&mut subscriber, 12 * second_ns);
    assert_eq!((subscriber.state(), subscriber.behind()), (State::Stale, 2));
}

#[test]
fn a_refused_connection_is_told_and_tried_again() {
    let (publisher, clock) = (Publisher::new(), Clock::new());
    let mut script = Script::new(6, 3);
    publisher.publish_unheard(&script.messages);
    // Bound and closed: nobody listens there.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut subscriber = Subscriber::new(&SubscriberConfig {
        recovery: Some(nobody),
        ..config(&publisher)
    })
    .unwrap();
    poll_until(
        &publisher,
        &mut subscriber,
        clock,
        "to fail twice",
        |subscriber| subscriber.statistics().recovery.failures >= 2,
    );
    let failure = subscriber.recovery_failure();
    assert_eq!(
        failure,
        Some(RecoveryFailure::Connect(std::io::ErrorKind::ConnectionRefused))
    );
    assert!(!subscriber.has_joined());
    drop(subscriber);
    let mut subscriber = Subscriber::new(&config(&publisher)).unwrap();
    follow(&publisher, &mut subscriber, clock, &mut script, 100);
    assert_equal_books(&subscriber, &script);
}
