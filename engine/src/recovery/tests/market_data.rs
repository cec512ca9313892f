//! The gap-recovery service, and a window that overtakes its reader.

use super::world::{Got, MILLISECOND, SECOND, World, config, order};
use crate::recovery::credentials::{Credentials, MarketDataLogins};
use crate::runtime::sim_net::TcpSettings;
use protocol::soup::encode;

fn quote(world: &mut World, count: u32) {
    let first = world.said.sessions[0].len() as u32 + 1;
    for user_ref in first..first + count {
        world.enter(0, order(user_ref, b'B', 10, 1_000_000));
    }
}

#[test]
fn a_subscriber_replays_then_follows() {
    let mut world = World::new();
    quote(&mut world, 100);
    let mut subscriber = world.subscriber();
    subscriber.login("any", "thing", "", 17);
    world.run();
    let got = subscriber.receive();
    assert_eq!(got[0], Got::Accepted("ITCH000001".into(), 17));
    quote(&mut world, 100);
    world.run();
    let mut messages: Vec<_> = got[2..].to_vec();
    messages.extend(subscriber.receive());
    let expected: Vec<_> = world.said.feed[16..]
        .iter()
        .cloned()
        .map(Got::Sequenced)
        .collect();
    assert!(
        messages == expected,
        "{} of {} messages came",
        messages.len(),
        expected.len()
    );
    assert!(world.told().is_empty(), "the engine never hears of subscribers");
}

#[test]
fn many_subscribers_share_the_door_fairly() {
    let mut config = config();
    config.gap_recovery.connections_per_poll = 3;
    config.gap_recovery.stream_bytes_per_poll = 200;
    let tcp = TcpSettings {
        buffer_bytes: 600,
        piece_bytes: 111,
    };
    let mut world = World::with(config, tcp, 1_024 * 1_024);
    quote(&mut world, 300);
    world.run();
    let mut subscribers: Vec<_> = (0..20).map(|_| world.subscriber()).collect();
    for (number, subscriber) in subscribers.iter_mut().enumerate() {
        subscriber.login("any", "", "ITCH000001", number as u64 + 1);
    }
    let mut got = vec![Vec::new(); 20];
    let mut spread = 0;
    for _ in 0..4_000 {
        world.pass(50 * MILLISECOND);
        for (subscriber, got) in subscribers.iter_mut().zip(&mut got) {
            got.extend(subscriber.receive());
            if subscriber.stream.is_some() {
                subscriber.send(&encode::CLIENT_HEARTBEAT);
            }
        }
        let most = got.iter().map(Vec::len).max().unwrap_or(0);
        let least = got.iter().map(Vec::len).min().unwrap_or(0);
        spread = spread.max(most - least);
    }
    for (number, got) in got.into_iter().enumerate() {
        let messages: Vec<_> = got
            .into_iter()
            .filter_map(|got| match got {
                Got::Sequenced(message) => Some(message),
                _ => None,
            })
            .collect();
        assert!(
            messages == world.said.feed[number..],
            "{} messages came",
            messages.len()
        );
    }
    assert!(spread < 120, "nobody is far ahead: {spread} packets");
}

#[test]
fn logins_are_judged() {
    let listed = Credentials::default();
    listed.add("FEED", "pw", 0).expect("valid");
    let mut config = config();
    config.market_data_logins = MarketDataLogins::Listed(listed);
    let mut world = World::with(config, TcpSettings::default(), 0);
    let next = world.said.feed.len() as u64 + 1;
    for (username, password, session, sequence, expected) in [
        ("FEED", "wrong", "", 1, Got::Rejected('A')),
        ("ALICE0", "ALICE0pw", "", 1, Got::Rejected('A')),
        ("FEED", "pw", "ITCH000002", 1, Got::Rejected('S')),
        ("FEED", "pw", "", next + 1, Got::Rejected('S')),
        (
            "FEED",
            "pw",
            "itch000001",
            next,
            Got::Accepted("ITCH000001".into(), next),
        ),
        ("feed", "PW", "", 0, Got::Accepted("ITCH000001".into(), next - 1)),
    ] {
        let mut subscriber = world.subscriber();
        subscriber.login(username, password, session, sequence);
        world.run();
        world.pass(SECOND);
        let got = subscriber.receive();
        assert_eq!(got.first(), Some(&expected), "{username} {session} {sequence}");
    }
}

#[test]
fn silent_subscribers_are_closed() {
    let mut world = World::new();
    let mut subscriber = world.subscriber();
    subscriber.login("any", "", "", 0);
    world.run();
    world.pass(14 * SECOND);
    assert!(!subscriber.is_closed());
    world.pass(2 * SECOND);
    assert!(subscriber.is_closed());
    assert_eq!(world.stage.counters().gap_recovery.silent.get(), 1);
}

#[test]
fn a_store_that_missed_the_window_is_mended_from_the_commands() {
    // The smallest window, overtaken several times while nobody reads it.
    let mut world = World::with(config(), TcpSettings::default(), 0);
    let mut client = world.logged_in("ALICE0", "", 1);
    let mut subscriber = world.subscriber();
    subscriber.login("any", "", "", 1);
    world.run();
    let (mut acknowledgements, mut feed) = (Vec::new(), Vec::new());
    for round in 0..5 {
        quote(&mut world, 300);
        // Once the commands come late, too.
        world.withhold = round == 3;
        quote(&mut world, 1_000);
        world.run();
        world.withhold = false;
        world.give_commands();
        quote(&mut world, 3);
        for _ in 0..10 {
            world.run();
            acknowledgements.extend(client.messages());
            feed.extend(subscriber.receive());
        }
    }
    let counters = world.stage.counters();
    assert!(counters.stage.lapped.get() >= 5, "{counters:?}");
    assert_eq!(counters.store.holes.get(), 0);
    assert_eq!(
        world.stage.replica().expect("it is not lent").applied(),
        world.sequence()
    );
    assert!(
        acknowledgements == world.said.sessions[0],
        "{} came",
        acknowledgements.len()
    );
    let expected: Vec<_> = world.said.feed.iter().cloned().map(Got::Sequenced).collect();
    assert!(feed[2..] == expected, "{} came", feed.len());
}
