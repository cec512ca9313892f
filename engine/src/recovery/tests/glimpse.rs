//! The snapshot door: images of the books, who shares them, who has to go.

use std::sync::atomic::Ordering;

use feed_handler::{Capacity, Market, snapshot};
use protocol::soup::encode;

use super::world::{Client, Got, MILLISECOND, SECOND, World, config, order};
use crate::exchange::command::{CommandKind, Order};
use crate::recovery::IMAGES_MAX;
use crate::recovery::credentials::{Credentials, MarketDataLogins};
use crate::recovery::tests::world::request;
use crate::runtime::Stage;
use crate::runtime::sim_net::TcpSettings;

fn quote(world: &mut World, count: u32) {
    let first = world.said.sessions[0].len() as u32 + 1;
    for user_ref in first..first + count {
        world.enter(
            0,
            order(user_ref, b'B', 10, 1_000_000 - u64::from(user_ref % 7) * 100),
        );
    }
}

fn market() -> Market {
    Market::new(Capacity {
        instruments: 4,
        orders: 4_096,
        levels: 1_024,
    })
}

/// What the feed's messages before number `next` make of the books.
fn followed(world: &World, next: u64) -> Market {
    let mut market = market();
    for message in &world.said.feed[..next as usize - 1] {
        market.apply(message).expect("the feed is well formed");
    }
    market
}

/// The books of a snapshot that was received, and the number with which the feed goes on.
fn taken(got: &[Got]) -> (Market, u64) {
    assert!(
        matches!(got.first(), Some(Got::Accepted(name, 1)) if name == "ITCH000001"),
        "{:?}",
        got.first()
    );
    let mut market = market();
    let mut end = None;
    for got in &got[2..] {
        match got {
            Got::Sequenced(message) => {
                assert_eq!(end, None, "nothing comes behind the end");
                end = snapshot::take(message, &mut market).expect("the snapshot is well formed");
            }
            Got::Heartbeat | Got::End => {}
            other => panic!("unexpected: {other:?}"),
        }
    }
    (market, end.expect("the end came"))
}

fn assert_equal(world: &World, got: &[Got]) -> u64 {
    let (snapshot, next) = taken(got);
    let followed = followed(world, next);
    assert_eq!(snapshot.book(1).digest(), followed.book(1).digest());
    let states = |market: &Market| {
        market
            .instrument(1)
            .map(|instrument| (instrument.symbol, instrument.state))
    };
    assert_eq!(states(&snapshot), states(&followed));
    assert_eq!(snapshot.system_event(), followed.system_event());
    assert_eq!(snapshot.statistics().error_count(), 0);
    next
}

fn log_in(world: &World) -> Client {
    let mut client = world.late_comer();
    client.login("any", "", "", 1);
    client
}

#[test]
fn a_snapshot_is_the_books_and_where_they_go_on() {
    let mut world = World::new();
    quote(&mut world, 900);
    let next = |world: &World| world.said.sessions[0].len() as u32 + 1;
    // Attributed, hidden, partly executed, reduced: each is told as the feed has it.
    for change in [
        |order: &mut Order| order.display = b'A',
        |order: &mut Order| order.display = b'N',
    ] {
        let mut special = order(next(&world), b'B', 10, 1_000_100);
        change(&mut special);
        world.enter(0, special);
    }
    world.enter(2, order(1, b'S', 7, 1_000_100));
    world.enter(2, order(2, b'S', 5, 2_000_000));
    let canceled = Order {
        user_ref: 17,
        ..order(17, b'B', 4, 0)
    };
    world.apply(request(CommandKind::Cancel, 0, canceled));
    world.run();
    let mut client = log_in(&world);
    world.run();
    let got = client.receive();
    let end = assert_equal(&world, &got);
    assert_eq!(end, world.said.feed.len() as u64 + 1);
    let types: Vec<_> = got
        .iter()
        .filter_map(|got| match got {
            Got::Sequenced(message) => Some(message[0]),
            _ => None,
        })
        .collect();
    assert_eq!((&types[..2], types.last()), (&b"RH"[..], Some(&b'G')));
    assert!(types.contains(&b'F'));
    // It stays a while, as a client that does not leave by itself.
    world.pass(4 * SECOND);
    client.send(&encode::CLIENT_HEARTBEAT);
    assert!(!client.is_closed());
    world.pass(2 * SECOND);
    assert!(client.is_closed());
    assert!(world.told().is_empty(), "the engine never hears of it");
}

#[test]
fn an_image_is_as_of_one_command_while_others_come() {
    let mut world = World::new();
    quote(&mut world, 1_000);
    world.run();
    let before = world.said.feed.len() as u64 + 1;
    let mut client = log_in(&world);
    for _ in 0..3 {
        world.now.fetch_add(MILLISECOND, Ordering::Relaxed);
        world.stage.poll();
    }
    quote(&mut world, 500);
    world.enter(2, order(1, b'S', 5_000, 900_000));
    world.run();
    assert_eq!(assert_equal(&world, &client.receive()), before);
    let replica = world.stage.replica().expect("nobody has it");
    assert_eq!(replica.applied(), world.sequence(), "it has gone on");
}

#[test]
fn all_who_ask_within_a_second_share_one_image() {
    let mut config = config();
    // They all come from one address.
    config.gap_recovery.connections_per_address_max = 128;
    let mut world = World::with(config, TcpSettings::default(), 1_024 * 1_024);
    quote(&mut world, 300);
    let mut clients: Vec<_> = (0..100).map(|_| log_in(&world)).collect();
    // A turn that serves only those who have everything is no work.
    for _ in 0..20 {
        world.run();
    }
    quote(&mut world, 5);
    world.pass(500 * MILLISECOND);
    clients.push(log_in(&world));
    for _ in 0..20 {
        world.run();
    }
    let images: Vec<_> = clients.iter_mut().map(Client::receive).collect();
    let next = assert_equal(&world, &images[0]);
    assert!(images.iter().all(|got| taken(got).1 == next));
    assert_eq!(world.stage.counters().stage.images.get(), 1);
    world.pass(SECOND);
    let mut late = log_in(&world);
    for _ in 0..20 {
        world.run();
    }
    assert_eq!(assert_equal(&world, &late.receive()), next + 5);
    assert_eq!(world.stage.counters().stage.images.get(), 2);
}

#[test]
fn logins_are_judged() {
    let listed = Credentials::default();
    listed.add("FEED", "pw", 0).expect("valid");
    let mut config = config();
    config.market_data_logins = MarketDataLogins::Listed(listed);
    let mut world = World::with(config, TcpSettings::default(), 0);
    for (username, password, session, sequence, expected) in [
        ("FEED", "wrong", "", 1, Got::Rejected('A')),
        ("FEED", "pw", "ITCH000002", 1, Got::Rejected('S')),
        ("FEED", "pw", "", 2, Got::Rejected('S')),
        ("FEED", "pw", "", 0, Got::Accepted("ITCH000001".into(), 1)),
        (
            "feed",
            "PW",
            "itch000001",
            1,
            Got::Accepted("ITCH000001".into(), 1),
        ),
    ] {
        let mut client = world.late_comer();
        client.login(username, password, session, sequence);
        world.pass(SECOND);
        assert_eq!(
            client.receive().first(),
            Some(&expected),
            "{username} {session} {sequence}"
        );
    }
    world.roll();
    world.run();
    let mut client = world.late_comer();
    client.login("FEED", "pw", "", 1);
    world.pass(SECOND);
    assert_eq!(client.receive()[0], Got::Accepted("ITCH000002".into(), 1));
    let mut client = world.late_comer();
    client.login("FEED", "pw", "ITCH000001", 1);
    world.pass(SECOND);
    assert_eq!(
        client.receive()[0],
        Got::Rejected('S'),
        "the books of yesterday are gone"
    );
    // Nobody logs in.
    let mut silent = world.late_comer();
    world.pass(6 * SECOND);
    assert!(silent.is_closed());
    assert_eq!(
        world
            .stage
            .counters()
            .glimpse
            .expect("it is open")
            .login_timeouts
            .get(),
        1
    );
}

#[test]
fn who_does_not_read_is_dropped_and_harms_nobody() {
    let mut config = config();
    // Only room for images drives them out.
    config.gap_recovery.stuck_ns = 1_000 * SECOND;
    config.gap_recovery.silence_ns = 1_000 * SECOND;
    config.gap_recovery.output_bytes = 4 * 1_024;
    let tcp = TcpSettings {
        buffer_bytes: 2_000,
        piece_bytes: 700,
    };
    let mut world = World::with(config, tcp, 1_024 * 1_024);
    quote(&mut world, 1_000);
    world.run();
    let mut stuck = Vec::new();
    for number in 1..=IMAGES_MAX + 2 {
        // While all have readers the newest is shared for ten seconds.
        if number > IMAGES_MAX {
            world.pass(10 * SECOND);
        }
        stuck.push(log_in(&world));
        let mut reader = log_in(&world);
        let mut got = Vec::new();
        for _ in 0..200 {
            world.pass(50 * MILLISECOND);
            got.extend(reader.receive());
            if got
                .iter()
                .any(|got| matches!(got, Got::Sequenced(message) if message[0] == b'G'))
            {
                break;
            }
        }
        assert_equal(&world, &got);
        world.pass(SECOND);
    }
    let counters = world.stage.counters();
    assert_eq!(counters.stage.images.get(), IMAGES_MAX as u64 + 2);
    assert_eq!(
        counters.glimpse.expect("it is open").fell_off.get(),
        2,
        "the two oldest have gone"
    );
}

#[test]
fn the_end_is_counted_from_what_has_arrived() {
    // The whole snapshot has left long before anybody reads it.
    let tcp = TcpSettings {
        buffer_bytes: 24_000,
        ..TcpSettings::default()
    };
    let mut world = World::with(config(), tcp, 1_024 * 1_024);
    quote(&mut world, 500);
    world.run();
    let (mut slow, mut stuck) = (log_in(&world), log_in(&world));
    let pass = |world: &mut World, clients: &mut [&mut Client], seconds: u64| {
        for _ in 0..seconds {
            clients
                .iter_mut()
                .for_each(|client| client.send(&encode::CLIENT_HEARTBEAT));
            world.pass(SECOND);
        }
    };
    pass(&mut world, &mut [&mut slow, &mut stuck], 12);
    let got = slow.receive();
    assert_equal(&world, &got);
    assert!(!slow.is_closed());
    pass(&mut world, &mut [&mut slow, &mut stuck], 2);
    assert_eq!(world.stage.counters().glimpse.expect("it is open").open.get(), 2);
    world.pass(4 * SECOND);
    let counters = world.stage.counters().glimpse.expect("it is open");
    assert!(slow.is_closed());
    assert_eq!((counters.ended.get(), counters.stuck.get()), (1, 1));
    assert_eq!(counters.open.get(), 0);
}
