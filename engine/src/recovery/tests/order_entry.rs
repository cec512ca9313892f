//! Logins, streams, takeover, replay, binding, silence, and who is closed for what.

use std::sync::atomic::Ordering;

use super::world::{CLIENT, EXCHANGE, Got, MILLISECOND, SECOND, World, config, order, setup_commands};
use crate::exchange::command::Command;
use crate::password::{Password, Proof};
use crate::recovery::drop_copy::Reading;
use crate::recovery::order_entry::readings;
use crate::recovery::{RecoveryConfig, Start};
use crate::runtime::Stage;
use crate::runtime::links::{EngineNote, Inbound};
use crate::runtime::sim_net::TcpSettings;
use protocol::layout::WireMessage;
use protocol::order_entry::own::UdpBound;
use protocol::soup::encode;

fn trade(world: &mut World, count: u32) {
    let first = world.said.sessions[0].len() as u32 + 1;
    for user_ref in first..first + count {
        world.enter(0, order(user_ref, b'B', 10, 1_000_000));
    }
}

#[test]
fn the_ladder_of_a_login() {
    // What is sent: name, password, session, number. What comes first: accepted with its number, or rejected.
    let accepted = |sequence| Got::Accepted("O000000001".into(), sequence);
    let rows = [
        ("NOBODY", "ALICE0pw", "", 1, Got::Rejected('A')),
        ("ALICE0", "BOBpw", "", 1, Got::Rejected('A')),
        ("ALICE0", "ALICE0pw", "O000010001", 1, Got::Rejected('S')),
        ("ALICE0", "ALICE0pw", "O000000002", 1, Got::Rejected('S')),
        ("ALICE0", "ALICE0pw", "+000010001", 1, Got::Rejected('S')),
        ("ALICE0", "ALICE0pw", "", 8, Got::Rejected('S')),
        ("ALICE0", "ALICE0pw", "", u64::MAX, Got::Rejected('S')),
        ("ALICE0", "ALICE0pw", "", 7, accepted(7)),
        ("ALICE0", "ALICE0pw", "", 0, accepted(6)),
        ("alice0", "alice0PW", "o000000001", 1, accepted(1)),
        ("ALICE0", "ALICE0pw", "+", 2, accepted(2)),
        ("ALICE0", "ALICE0pw", "+000000001", 3, accepted(3)),
    ];
    let mut world = World::new();
    trade(&mut world, 5);
    world.run();
    assert_eq!(
        world.said.sessions[0].len(),
        6,
        "a start-of-session message and five answers"
    );
    for (username, password, session, sequence, expected) in rows {
        let mut client = world.client();
        client.login(username, password, session, sequence);
        world.run();
        // A number that may come yet is waited for before it is refused.
        world.pass(SECOND);
        let got = client.receive();
        assert_eq!(
            got.first(),
            Some(&expected),
            "{username} {password} {session} {sequence}"
        );
        match expected {
            Got::Rejected(_) => assert_eq!(got.last(), Some(&Got::End)),
            _ => assert!(matches!(got.get(1), Some(Got::Debug(text)) if text.starts_with("exchange "))),
        }
    }
    let counters = world.stage.counters().order_entry;
    assert_eq!(
        (
            counters.rejected_not_authorized.get(),
            counters.rejected_session.get(),
            counters.logins.get()
        ),
        (2, 5, 5)
    );
}

#[test]
fn a_login_ahead_of_the_store_waits_for_it() {
    let mut world = World::new();
    let mut client = world.client();
    client.login("ALICE0", "ALICE0pw", "", 3);
    world.run();
    assert_eq!(client.receive(), []);
    trade(&mut world, 3);
    world.run();
    let got = client.receive();
    assert_eq!(got[0], Got::Accepted("O000000001".into(), 3));
    assert_eq!(got[2..].len(), world.said.sessions[0].len() - 2);
}

#[test]
fn replay_goes_over_into_live_without_hole_or_repeat() {
    // Narrow pipes, so that packets are cut everywhere and the reader lags behind.
    let tcp = TcpSettings {
        buffer_bytes: 150,
        piece_bytes: 37,
    };
    let mut world = World::with(config(), tcp, 1_024 * 1_024);
    trade(&mut world, 20);
    world.run();
    let mut client = world.client();
    client.login("ALICE0", "ALICE0pw", "", 5);
    let mut got = Vec::new();
    for _ in 0..40 {
        trade(&mut world, 2);
        world.run();
        got.extend(client.receive());
    }
    for _ in 0..500 {
        world.run();
        got.extend(client.receive());
    }
    let stream: Vec<_> = got
        .into_iter()
        .filter_map(|got| match got {
            Got::Sequenced(message) => Some(message),
            _ => None,
        })
        .collect();
    assert!(
        stream == world.said.sessions[0][4..],
        "{} messages came",
        stream.len()
    );
}

#[test]
fn orders_go_to_the_engine_in_order() {
    let mut world = World::new();
    let mut client = world.logged_in("ALICE0", "", 0);
    let Some(Inbound::Login {
        session: 0,
        connection,
        day: 1,
    }) = world.told().pop()
    else {
        panic!("the engine was not told of the login");
    };
    client.unsequenced(b"Q");
    client.unsequenced(&[&b"X"[..], &[7; 8]].concat());
    client.unsequenced(b"?unknown");
    client.unsequenced(&[b'O'; 300]);
    client.unsequenced(b"");
    client.unsequenced(b"u1");
    world.run();
    let told = world.told();
    let messages: Vec<_> = told
        .iter()
        .map(|inbound| match inbound {
            Inbound::Message {
                session: 0,
                connection: from,
                message,
            } if *from == connection => message.bytes(),
            other => panic!("unexpected: {other:?}"),
        })
        .collect();
    assert_eq!(messages, [b"Q".as_slice(), &[b'X', 7, 7, 7, 7, 7, 7, 7, 7]]);
    let counters = world.stage.counters().order_entry;
    assert_eq!((counters.ignored.get(), counters.dropped.get()), (1, 3));
    client.send(&encode::LOGOUT);
    world.run();
    assert!(client.is_closed());
    let told = world.told();
    assert!(
        matches!(told[..], [Inbound::Ended { session: 0, connection: ended }] if ended == connection),
        "{told:?}"
    );
}

#[test]
fn a_full_ring_stops_reading_and_loses_nothing() {
    let mut world = World::empty(config(), TcpSettings::default(), 0, 3);
    for command in setup_commands() {
        world.apply(command);
    }
    world.run();
    let mut client = world.logged_in("ALICE0", "", 0);
    for number in 0..200_u32 {
        client.unsequenced(&[&b"X"[..], &[0; 4], &number.to_be_bytes()].concat());
    }
    client.stream = None;
    let mut seen = Vec::new();
    let mut is_ended = false;
    for _ in 0..200 {
        world.run();
        for inbound in world.told() {
            match inbound {
                Inbound::Message { message, .. } => {
                    assert!(!is_ended, "the end comes after the orders");
                    seen.push(u32::from_be_bytes(
                        message.bytes()[5..].try_into().expect("four bytes"),
                    ));
                }
                Inbound::Ended { .. } => is_ended = true,
                Inbound::Login { .. } => {}
                other => panic!("unexpected: {other:?}"),
            }
        }
    }
    assert!(is_ended);
    assert_eq!(seen, (0..200).collect::<Vec<_>>());
}

#[test]
fn a_new_login_takes_over() {
    let mut world = World::new();
    let mut old = world.logged_in("ALICE0", "", 0);
    let mut replay = world.logged_in("ALICE0", "+", 0);
    let mut other = world.logged_in("ALICE1", "", 0);
    world.told();
    let mut new = world.logged_in("ALICE0", "", 0);
    assert!(old.is_closed());
    assert!(!replay.is_closed() && !other.is_closed() && !new.is_closed());
    // The engine hears of the new connection only: an end of the old one would cancel its orders.
    let told = world.told();
    assert!(
        matches!(told[..], [Inbound::Login { session: 0, .. }]),
        "{told:?}"
    );
    assert_eq!(world.stage.counters().order_entry.taken_over.get(), 1);
}

/// A world with a drop copy of the firm that all its accounts have, and one of another.
fn with_copies() -> World {
    let config = config();
    for (username, firm) in [("COPY", *b"FIRM"), ("OTHER", *b"ELSE")] {
        let proof = Proof::Plain(Password::new(b"copypw"));
        let added = config.credentials.add_drop_copy(username, proof, firm);
        added.expect("valid");
    }
    World::with(config, TcpSettings::default(), 1_024 * 1_024)
}

#[test]
fn a_drop_copy_reads_what_its_firms_sessions_are_told_and_can_send_nothing() {
    let mut world = with_copies();
    trade(&mut world, 10);
    let mut owner = world.logged_in("ALICE0", "", 1);
    world.told();
    let mut copy = world.client();
    copy.login("copy", "copypw", "alice0", 1);
    world.run();
    let got = copy.receive();
    assert_eq!(got.first(), Some(&Got::Accepted("O000000001".into(), 1)));
    let mut stream: Vec<_> = got
        .into_iter()
        .filter(|got| matches!(got, Got::Sequenced(_)))
        .collect();
    // What it sends is of no effect, and the owner's connection stays.
    copy.unsequenced(b"Q");
    copy.unsequenced(b"u\x10\x00");
    copy.unsequenced(b"b        ");
    trade(&mut world, 3);
    world.run();
    assert!(world.told().is_empty(), "the engine never hears of it");
    stream.extend(copy.receive());
    let said = world.said.sessions[0].iter().cloned().map(Got::Sequenced);
    assert_eq!(stream, said.collect::<Vec<_>>(), "from the start, and live");
    assert_eq!(owner.messages(), world.said.sessions[0]);
    copy.send(&encode::LOGOUT);
    world.run();
    assert!(copy.is_closed() && !owner.is_closed() && world.told().is_empty());
}

#[test]
fn a_drop_copy_names_a_session_of_its_firm() {
    let mut world = with_copies();
    world.enter(2, order(1, b'B', 10, 1_000_000));
    world.run();
    let accepted = |name: &str| Got::Accepted(name.into(), 1);
    for (username, session, expected) in [
        ("COPY", "BOB", accepted("O000020001")),
        ("COPY", "+bob", accepted("O000020001")),
        ("COPY", "O000020001", accepted("O000020001")),
        ("COPY", "+000010001", accepted("O000010001")),
        ("COPY", "", Got::Rejected('S')),
        ("COPY", "+", Got::Rejected('S')),
        ("COPY", "NOBODY", Got::Rejected('S')),
        ("COPY", "O000090001", Got::Rejected('S')),
        ("OTHER", "BOB", Got::Rejected('S')),
        ("OTHER", "O000020001", Got::Rejected('S')),
        ("OTHER", "+000020001", Got::Rejected('S')),
    ] {
        let mut client = world.client();
        client.login(username, "copypw", session, 1);
        world.run();
        assert_eq!(client.receive().first(), Some(&expected), "{username} {session}");
    }
    let mut client = world.client();
    client.login("COPY", "ALICE0pw", "ALICE0", 1);
    world.run();
    assert_eq!(client.receive().first(), Some(&Got::Rejected('A')));
}

#[test]
fn who_reads_as_a_drop_copy_is_told_and_how_far() {
    let mut config = config();
    config.order_entry.output_bytes = 4 * 1_024;
    let added = |name, firm| {
        let proof = Proof::Plain(Password::new(b"copypw"));
        config.credentials.add_drop_copy(name, proof, firm)
    };
    added("copy", *b"FIRM").expect("valid");
    added("IDLE", *b"ELSE").expect("valid");
    assert_eq!(
        config.credentials.drop_copies(),
        [(*b"COPY  ", *b"FIRM"), (*b"IDLE  ", *b"ELSE")]
    );
    let tcp = TcpSettings {
        buffer_bytes: 1_000,
        ..TcpSettings::default()
    };
    let mut world = World::with(config, tcp, 1_024 * 1_024);
    let readings = |world: &mut World| {
        let (_, opens) = world.stage.order_entry.parts();
        readings(opens, &world.stage.mirror.store).collect::<Vec<_>>()
    };
    trade(&mut world, 9);
    let mut owner = world.logged_in("ALICE0", "", 1);
    let mut copy = world.client();
    copy.login("Copy", "copypw", "alice0", 1);
    world.run();
    let got = copy.receive();
    let messages = got.iter().filter(|got| matches!(got, Got::Sequenced(_)));
    assert_eq!(messages.count(), 10);
    let mut expected = Reading {
        username: *b"COPY  ",
        firm: *b"FIRM",
        session: 0,
        address: CLIENT,
        next: 11,
        behind: 0,
    };
    assert_eq!(readings(&mut world), [expected], "its owner is no drop copy");
    // The owner takes what comes, and the copy takes nothing.
    trade(&mut world, 200);
    while world.stage.poll() > 0 || !owner.messages().is_empty() {
        world.now.fetch_add(MILLISECOND, Ordering::Relaxed);
    }
    let [reading] = readings(&mut world)[..] else {
        panic!("it is there");
    };
    assert!(reading.behind > 100 && reading.next > 11, "{reading:?}");
    assert_eq!(reading.next + reading.behind, 211);
    while world.stage.poll() > 0 || !copy.messages().is_empty() {
        world.now.fetch_add(MILLISECOND, Ordering::Relaxed);
    }
    expected.next = 211;
    assert_eq!(readings(&mut world), [expected]);
    copy.send(&encode::LOGOUT);
    world.run();
    assert_eq!(readings(&mut world), []);
}

#[test]
fn a_replay_is_read_only_and_beside_the_live_connection() {
    let mut world = World::new();
    trade(&mut world, 10);
    let mut live = world.logged_in("ALICE0", "", 1);
    let mut replay = world.logged_in("ALICE0", "+", 4);
    world.told();
    replay.unsequenced(b"Q");
    replay.unsequenced(b"u\x10\x00");
    replay.unsequenced(b"i");
    trade(&mut world, 3);
    world.run();
    assert_eq!(live.messages(), world.said.sessions[0]);
    assert_eq!(replay.messages(), world.said.sessions[0][3..]);
    replay.send(&encode::LOGOUT);
    world.run();
    assert!(replay.is_closed() && !live.is_closed());
    assert!(world.told().is_empty(), "the engine never hears of a replay");
}

#[test]
fn binding_answers_a_token_and_silences_the_stream() {
    let mut world = World::new();
    let mut client = world.logged_in("ALICE0", "", 0);
    world.told();
    client.messages();
    client.unsequenced(b"u\x12\x34");
    world.run();
    let told = world.told();
    let [
        Inbound::Bind {
            session: 0,
            connection,
            token,
            address,
            keys: None,
        },
    ] = told[..]
    else {
        panic!("unexpected: {told:?}");
    };
    assert_eq!((*address.ip(), address.port()), (*CLIENT.ip(), 0x1234));
    assert!(client.answers().is_empty(), "the engine has not bound it");
    let bound_by_engine = |world: &mut World| {
        let sequence = world.sequence();
        let ticket = connection;
        world
            .notes
            .push(EngineNote::Answerable { ticket, sequence })
            .expect("room");
        world.run();
    };
    bound_by_engine(&mut world);
    let answers = client.answers();
    let bound = *UdpBound::view(&answers[0]).expect("whole");
    assert_eq!((answers.len(), bound.message_type, bound.token), (1, b'u', token));
    assert_eq!(bound.udp_port.get(), EXCHANGE.port());
    // A second bind: another token and salt.
    client.unsequenced(b"u\x12\x34");
    world.run();
    bound_by_engine(&mut world);
    let answers = client.answers();
    let again = *UdpBound::view(&answers[0]).expect("whole");
    assert_ne!((again.token, again.salt), (bound.token, bound.salt));
    // Heartbeats only, whatever is said.
    trade(&mut world, 5);
    world.run();
    world.pass(2 * SECOND);
    assert!(client.receive().iter().all(|got| *got == Got::Heartbeat));
    // Orders may still come over TCP.
    client.unsequenced(b"Q");
    world.run();
    let told = world.told();
    assert!(
        matches!(told.last(), Some(Inbound::Message { connection: from, .. }) if *from == connection),
        "{told:?}"
    );
    // A bind to no port is no bind.
    client.unsequenced(b"u\0\0");
    world.run();
    assert!(world.told().is_empty() && client.answers().is_empty());
}

#[test]
fn silence_is_the_engines_to_judge() {
    let mut world = World::new();
    let mut client = world.logged_in("ALICE0", "", 0);
    let Some(Inbound::Login { connection, .. }) = world.told().pop() else {
        panic!("the engine was not told of the login");
    };
    let start = world.now.load(Ordering::Relaxed);
    world.pass(14 * SECOND);
    assert!(world.told().is_empty());
    client.send(&encode::CLIENT_HEARTBEAT);
    world.pass(14 * SECOND + 900 * MILLISECOND);
    assert!(world.told().is_empty());
    world.pass(3 * SECOND);
    let told = world.told();
    assert!((2..=4).contains(&told.len()), "about once a second: {told:?}");
    for inbound in told {
        match inbound {
            Inbound::Silent {
                session: 0,
                connection: silent,
                since_ns,
            } => {
                assert_eq!(silent, connection);
                assert!(since_ns >= start + 14 * SECOND, "after the heartbeat");
            }
            other => panic!("unexpected: {other:?}"),
        }
    }
    assert!(!client.is_closed(), "it may be heard over UDP");
    world.notes.push(EngineNote::Close { connection }).expect("room");
    world.run();
    assert!(client.is_closed());
    assert!(world.told().is_empty(), "the engine knows");
    assert_eq!(world.stage.counters().order_entry.silent.get(), 1);
}

#[test]
fn a_login_of_the_longer_form_says_its_own_limit() {
    let mut world = World::new();
    let mut client = world.client();
    let mut buffer = [0; 64];
    let length = encode::login("BOB", "BOBpw", "", 0, Some(2_000), &mut buffer).expect("fits");
    client.send(&buffer[..length]);
    world.run();
    world.told();
    world.pass(SECOND + 900 * MILLISECOND);
    assert!(world.told().is_empty());
    world.pass(200 * MILLISECOND);
    assert!(matches!(world.told()[..], [Inbound::Silent { session: 2, .. }]));
    // A silent replay is closed without asking anybody.
    let mut replay = world.client();
    let length = encode::login("BOB", "BOBpw", "+", 0, Some(1), &mut buffer).expect("fits");
    replay.send(&buffer[..length]);
    world.run();
    world.pass(900 * MILLISECOND);
    assert!(!replay.is_closed(), "one second is the least");
    world.pass(200 * MILLISECOND);
    assert!(replay.is_closed());
}

#[test]
fn the_server_is_heard_every_second() {
    let mut world = World::new();
    let mut client = world.logged_in("ALICE0", "", 0);
    client.messages();
    for _ in 0..5 {
        world.pass(SECOND);
        let got = client.receive();
        assert!(matches!(got[..], [Got::Heartbeat]), "{got:?}");
    }
}

#[test]
fn half_open_logins_time_out() {
    let mut world = World::new();
    let mut silent = world.client();
    let mut half = world.client();
    half.send(b"\0\x2fLALICE0");
    let mut chatty = world.client();
    world.run();
    for _ in 0..4 {
        chatty.send(&encode::CLIENT_HEARTBEAT);
        world.pass(SECOND);
    }
    assert!(!silent.is_closed() && !half.is_closed() && !chatty.is_closed());
    world.pass(SECOND + 100 * MILLISECOND);
    assert!(silent.is_closed() && half.is_closed() && chatty.is_closed());
    assert_eq!(world.stage.counters().order_entry.login_timeouts.get(), 3);
    assert!(world.told().is_empty());
}

#[test]
fn garbage_closes_only_its_connection() {
    let mut world = World::new();
    let mut good = world.logged_in("ALICE0", "", 0);
    good.messages();
    let mut random = 1_u64;
    for round in 0..200_u64 {
        let is_logged_in = round % 2 == 0;
        let mut bad = if is_logged_in {
            world.logged_in("BOB", "", 0)
        } else {
            world.client()
        };
        let garbage: Vec<u8> = (0..64)
            .map(|_| {
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (random >> 56) as u8
            })
            .collect();
        bad.send(&garbage);
        world.run();
    }
    let mut http = world.client();
    http.send(b"GET / HTTP/1.1\r\n\r\n");
    let mut early = world.client();
    early.unsequenced(b"Q");
    let mut empty = world.logged_in("BOB", "", 0);
    empty.send(b"\0\0");
    world.run();
    assert!(http.is_closed() && early.is_closed() && empty.is_closed());
    trade(&mut world, 1);
    world.run();
    assert_eq!(good.messages().len(), 1);
    assert!(world.stage.counters().order_entry.malformed.get() > 100);
}

#[test]
fn places_are_bounded_and_come_back() {
    let mut config = config();
    config.order_entry.connections_max = 2;
    let mut world = World::with(config, TcpSettings::default(), 0);
    let mut clients = [world.client(), world.client(), world.client()];
    world.run();
    assert!(!clients[0].is_closed() && !clients[1].is_closed() && clients[2].is_closed());
    drop(clients);
    world.run();
    world.logged_in("ALICE0", "", 0);
    assert_eq!(world.stage.counters().order_entry.refused.get(), 1);
}

#[test]
fn slow_readers_are_closed() {
    let base = config();
    let config = RecoveryConfig {
        store_bytes: 16 * 1_024,
        ..base
    };
    let tcp = TcpSettings {
        buffer_bytes: 256,
        piece_bytes: 256,
    };
    let mut world = World::with(config, tcp, 1_024 * 1_024);
    // This one never reads: what it was to get next is overwritten.
    let mut slow = world.client();
    slow.login("ALICE0", "ALICE0pw", "", 1);
    world.run();
    trade(&mut world, 1_500);
    world.run();
    assert_eq!(world.stage.counters().order_entry.fell_off.get(), 1);
    world.pass(2 * SECOND);
    let got = slow.receive();
    assert_eq!(got.last(), Some(&Got::End));
    let told = world.told();
    assert!(
        matches!(told.last(), Some(Inbound::Ended { session: 0, .. })),
        "{told:?}"
    );
    // What is gone can not be asked for.
    let mut late = world.client();
    late.login("ALICE0", "ALICE0pw", "", 1);
    world.run();
    assert_eq!(late.receive().first(), Some(&Got::Rejected('S')));
    // This one keeps heartbeats coming and does not read what it was sent: stuck.
    let mut stuck = world.client();
    stuck.login("ALICE1", "ALICE1pw", "", 2);
    world.run();
    for user_ref in 1..=20 {
        world.enter(1, order(user_ref, b'B', 10, 1_000_000));
    }
    for _ in 0..14 {
        stuck.send(&encode::CLIENT_HEARTBEAT);
        world.pass(SECOND);
    }
    assert_eq!(world.stage.counters().order_entry.stuck.get(), 0);
    world.pass(2 * SECOND);
    assert_eq!(world.stage.counters().order_entry.stuck.get(), 1);
    world.pass(2 * SECOND);
    assert_eq!(stuck.receive().last(), Some(&Got::End));
}

#[test]
fn a_reset_ends_the_connection() {
    let mut world = World::new();
    let client = world.logged_in("ALICE0", "", 0);
    world.told();
    client.stream.as_ref().expect("connected").reset();
    world.run();
    assert!(matches!(world.told()[..], [Inbound::Ended { session: 0, .. }]));
}

#[test]
fn start_up_fills_the_store_from_the_journal() {
    let mut before = World::new();
    trade(&mut before, 30);
    let mut start = Start::empty(&config());
    let entered = (2..=31).map(|user_ref| {
        super::world::request(
            crate::exchange::command::CommandKind::Enter,
            0,
            order(user_ref, b'B', 10, 1_000_000),
        )
    });
    for (sequence, command) in (1..).zip(setup_commands().into_iter().chain(entered)) {
        start.replay(&Command {
            sequence,
            time: sequence,
            ..command
        });
    }
    let mut world = World::resumed(config(), start, TcpSettings::default(), 0, 64);
    let mut client = world.client();
    client.login("ALICE0", "ALICE0pw", "", 1);
    world.run();
    let got = client.receive();
    let said = &before.said.sessions[0];
    let expected: Vec<_> = said.iter().cloned().map(Got::Sequenced).collect();
    assert!(got[2..] == expected, "the same messages as were said before");
    assert_eq!(
        world.stage.replica().expect("it is not lent").applied(),
        before.sequence()
    );
}

#[test]
fn an_orderly_end_says_what_is_left() {
    let mut world = World::new();
    let mut client = world.logged_in("ALICE0", "", 1);
    trade(&mut world, 50);
    world.stage.close();
    let got = client.receive();
    assert_eq!(got.len(), world.said.sessions[0].len() + 1);
    assert_eq!(got.last(), Some(&Got::End));
}
