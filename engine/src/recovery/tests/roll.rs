//! The roll of the day at the doors: streams end, those of the next day begin, the day before stays for ten minutes.

use std::io::Read;
use std::sync::atomic::Ordering;

use super::world::{Got, SECOND, World, config, order};
use crate::exchange::command::Order;
use crate::runtime::Stage;
use crate::runtime::links::Inbound;
use crate::runtime::sim_net::TcpSettings;

/// One that outlives the day.
fn lasting(user_ref: u32) -> Order {
    Order {
        time_in_force: b'G',
        ..order(user_ref, b'B', 10, 1_000_000)
    }
}

/// Two orders of the day, and two that outlive it.
fn rolled() -> World {
    let mut world = World::new();
    for user_ref in 1..=2 {
        world.enter(0, order(user_ref, b'B', 10, 1_000_000));
    }
    for user_ref in 3..=4 {
        world.enter(0, lasting(user_ref));
    }
    world.run();
    world
}

fn sequenced(messages: &[Vec<u8>]) -> Vec<Got> {
    messages.iter().cloned().map(Got::Sequenced).collect()
}

/// What came of a stream, and how it ended.
fn stream(got: Vec<Got>) -> Vec<Got> {
    let is_stream = |got: &Got| !matches!(got, Got::Heartbeat | Got::Debug(_) | Got::Accepted(..));
    got.into_iter().filter(is_stream).collect()
}

fn whole(messages: &[Vec<u8>]) -> Vec<Got> {
    let mut whole = sequenced(messages);
    whole.extend([Got::EndOfSession, Got::End]);
    whole
}

#[test]
fn streams_end_and_the_engine_hears_nothing_of_it() {
    let mut world = rolled();
    let mut client = world.logged_in("ALICE0", "", 1);
    let mut subscriber = world.subscriber();
    subscriber.login("any", "", "", 1);
    world.run();
    world.told();
    world.roll();
    world.run();
    assert_eq!(stream(client.receive()), whole(&world.said_before.sessions[0]));
    assert_eq!(stream(subscriber.receive()), whole(&world.said_before.feed));
    assert!(
        world.told().is_empty(),
        "nothing is to be canceled because of that"
    );
    let counters = world.stage.counters();
    assert_eq!(
        (
            counters.order_entry.rolled.get(),
            counters.gap_recovery.rolled.get()
        ),
        (1, 1)
    );

    let mut client = world.logged_in("ALICE0", "O000000002", 1);
    assert_eq!(client.messages(), world.said.sessions[0]);
    assert_eq!(world.said.sessions[0].len(), 2, "what was left");
    assert!(matches!(world.told()[..], [Inbound::Login { day: 2, .. }]));
    let mut subscriber = world.subscriber();
    subscriber.login("any", "", "", 1);
    world.run();
    assert_eq!(stream(subscriber.receive()), sequenced(&world.said.feed));
}

#[test]
fn a_connection_stays_while_its_last_words_move() {
    let tcp = TcpSettings {
        buffer_bytes: 400,
        ..TcpSettings::default()
    };
    let mut world = World::with(config(), tcp, 1_024 * 1_024);
    for user_ref in 1..=20 {
        world.enter(0, order(user_ref, b'B', 10, 1_000_000));
    }
    let mut slow = world.subscriber();
    slow.login("any", "", "", 1);
    let mut stuck = world.subscriber();
    stuck.login("any", "", "", 1);
    world.run();
    world.roll();
    world.pass(SECOND / 2);
    let counters = world.stage.counters().gap_recovery;
    assert_eq!((counters.rolled.get(), counters.open.get()), (2, 2));
    let stream = slow.stream.as_mut().expect("connected");
    let mut read = 0;
    while counters.open.get() > 0 {
        stream.read_exact(&mut [0; 40]).expect("there is more");
        read += 40;
        world.now.fetch_add(SECOND * 9 / 10, Ordering::Relaxed);
        world.stage.poll();
        assert!(read > 40 || counters.open.get() == 1, "the one that moves");
    }
    assert!(read > 500, "{read}");
    assert!(
        stream.waiting() <= tcp.buffer_bytes / 2,
        "what is left has arrived"
    );
}

#[test]
fn the_day_before_is_read_for_ten_minutes() {
    let mut world = rolled();
    world.roll();
    world.run();
    let read = |world: &mut World, session: &str, from: u64| {
        let mut client = world.client();
        client.login("ALICE0", "ALICE0pw", session, from);
        world.run();
        world.pass(SECOND);
        let got = client.receive();
        (got[0].clone(), stream(got))
    };
    let before = world.said_before.sessions[0].clone();
    let (first, got) = read(&mut world, "O000000001", 2);
    assert_eq!(first, Got::Accepted("O000000001".into(), 2));
    assert_eq!(got, whole(&before[1..]));
    let behind = before.len() as u64 + 1;
    assert_eq!(read(&mut world, "O000000001", behind).1, whole(&[]));
    assert!(world.told().is_empty(), "it is read, nothing more");
    assert_eq!(read(&mut world, "O000000003", 1).0, Got::Rejected('S'), "not yet");

    let mut subscriber = world.subscriber();
    subscriber.login("any", "", "ITCH000001", 3);
    world.run();
    assert_eq!(stream(subscriber.receive()), whole(&world.said_before.feed[2..]));

    world.pass(600 * SECOND);
    assert_eq!(read(&mut world, "O000000001", 2).0, Got::Rejected('S'));
    let mut subscriber = world.subscriber();
    subscriber.login("any", "", "ITCH000001", 3);
    world.run();
    assert_eq!(subscriber.receive()[0], Got::Rejected('S'));
}

/// Who hears of the roll by UDP may be here before this stage knows of it.
#[test]
fn a_login_for_the_next_day_waits_for_it() {
    let mut world = rolled();
    let mut client = world.client();
    client.login("ALICE0", "ALICE0pw", "O000000002", 1);
    world.run();
    assert_eq!(client.receive(), []);
    world.roll();
    world.run();
    let got = client.receive();
    assert_eq!(got[0], Got::Accepted("O000000002".into(), 1));
    assert_eq!(stream(got), sequenced(&world.said.sessions[0]));
}

/// The window overtakes its reader before, within and behind the roll; the replica has both days.
#[test]
fn a_roll_that_was_overtaken_is_mended() {
    for (before, within, behind) in [(2_000, 10, 10), (10, 1_500, 10), (10, 10, 2_000), (900, 700, 900)] {
        for reads in [false, true] {
            let mut world = World::with(config(), TcpSettings::default(), 0);
            let mut subscriber = world.subscriber();
            subscriber.login("any", "", "", 1);
            world.run();
            for user_ref in 1..=within {
                world.enter(0, lasting(user_ref));
                if user_ref % 100 == 0 {
                    world.run();
                }
            }
            for user_ref in 1..=before {
                world.enter(1, order(user_ref, b'B', 10, 900_000));
                world.enter(1, order(user_ref, b'B', 10, 900_000));
            }
            if reads {
                world.run();
            }
            world.roll();
            if reads {
                world.stage.poll();
            }
            for user_ref in 1..=behind {
                // Refused, as nothing is open; each has its answer.
                world.enter(1, order(user_ref, b'B', 10, 900_000));
            }
            let mut got = Vec::new();
            for _ in 0..40 {
                world.run();
                got.extend(subscriber.receive());
            }
            let case = format!("{before} {within} {behind} {reads}");
            assert_eq!(world.stage.counters().store.holes.get(), 0, "{case}");
            assert!(stream(got) == whole(&world.said_before.feed), "{case}");
            let mut fresh = world.subscriber();
            fresh.login("any", "", "ITCH000002", 1);
            let mut client = world.logged_in("ALICE1", "", 1);
            let (mut feed, mut acknowledgements) = (Vec::new(), Vec::new());
            for _ in 0..40 {
                world.run();
                feed.extend(fresh.receive());
                acknowledgements.extend(client.messages());
            }
            assert!(stream(feed) == sequenced(&world.said.feed), "{case}");
            assert!(acknowledgements == world.said.sessions[1], "{case}");
        }
    }
}
