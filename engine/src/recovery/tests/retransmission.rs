//! Messages of the feed again, over UDP: who is answered, with what, and how much of it.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::atomic::Ordering::Relaxed;

use protocol::packet::{DATAGRAM_BYTES_MAX, Packet, RequestPacket};

use super::world::{CLIENT, Got, MILLISECOND, SECOND, World, config, order};
use crate::recovery::retransmission::RetransmissionConfig;
use crate::runtime::Stage;
use crate::runtime::seams::DatagramSink;
use crate::runtime::sim_net::{SimSocket, TcpSettings};

const DOOR: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 26_478);
const STRANGER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 0, 1, 66), 5_000);
const TODAY: &[u8; 10] = b"ITCH000001";

fn limits() -> RetransmissionConfig {
    RetransmissionConfig {
        networks: vec!["10.0.0.0/24".parse().expect("it is one")],
        bytes_per_second: 1 << 20,
        requests_per_ms: 32,
        addresses_max: 16,
        datagram_bytes_max: 1_472,
    }
}

/// A world whose feed has some hundred messages, and whose door is open.
fn world(limits: &RetransmissionConfig) -> World {
    let mut world = World::new();
    open(&mut world, limits);
    quote(&mut world, 1, 300);
    world
}

fn open(world: &mut World, limits: &RetransmissionConfig) {
    let (requests, answers) = (world.board.bind(DOOR), world.board.sender(DOOR));
    world.stage.open_retransmission(requests, answers, limits);
}

fn quote(world: &mut World, from: u32, to: u32) {
    for user_ref in from..=to {
        world.enter(0, order(user_ref, b'B', 10, 1_000_000));
    }
    world.run();
}

fn send(socket: &mut SimSocket, bytes: &[u8]) {
    socket
        .send(DOOR, bytes)
        .expect("the switchboard takes everything");
}

fn ask(socket: &mut SimSocket, session: &[u8; 10], from: u64, count: u16) {
    send(socket, &RequestPacket::new(*session, from, count).to_bytes());
}

/// The messages that came, and in how many packets.
fn receive(socket: &mut SimSocket) -> (usize, Vec<(u64, Vec<u8>)>) {
    let (mut packets, mut messages) = (0, Vec::new());
    while let Some((from, datagram)) = socket.receive() {
        assert_eq!(from, DOOR);
        assert!(datagram.len() <= DATAGRAM_BYTES_MAX);
        let packet = Packet::parse(&datagram).expect("well formed");
        packets += 1;
        messages.extend(
            packet
                .numbered()
                .map(|(sequence, message)| (sequence, message.to_vec())),
        );
    }
    (packets, messages)
}

fn numbered(feed: &[Vec<u8>], from: u64, count: usize) -> Vec<(u64, Vec<u8>)> {
    let messages = feed[from as usize - 1..].iter().take(count);
    (from..).zip(messages.cloned()).collect()
}

#[test]
fn a_request_gets_one_packet_of_what_it_asks_for() {
    let mut world = world(&limits());
    let mut socket = world.board.bind(CLIENT);
    let last = world.said.feed.len() as u64;
    ask(&mut socket, TODAY, 7, 5);
    world.run();
    assert_eq!(receive(&mut socket), (1, numbered(&world.said.feed, 7, 5)));
    // As many as fit, and no more than there are.
    ask(&mut socket, TODAY, 7, u16::MAX);
    world.run();
    let (packets, messages) = receive(&mut socket);
    assert_eq!(
        (packets, &messages),
        (1, &numbered(&world.said.feed, 7, messages.len()))
    );
    assert!((36..40).contains(&messages.len()), "{}", messages.len());
    ask(&mut socket, TODAY, last, 100);
    world.run();
    assert_eq!(receive(&mut socket), (1, numbered(&world.said.feed, last, 100)));
    // Several at once are answered each.
    for from in [100, 1, 50] {
        ask(&mut socket, TODAY, from, 2);
    }
    world.run();
    let (packets, messages) = receive(&mut socket);
    let numbers: Vec<_> = messages.iter().map(|(sequence, _)| *sequence).collect();
    assert_eq!((packets, numbers), (3, vec![100, 101, 1, 2, 50, 51]));
    assert!(world.told().is_empty(), "the engine never hears of it");
}

#[test]
fn what_is_no_request_or_can_not_be_had_gets_nothing() {
    let mut world = world(&limits());
    let mut socket = world.board.bind(CLIENT);
    let next = world.said.feed.len() as u64 + 1;
    for bytes in [&b""[..], b"x", &[b'I'; 19], &[b'I'; 21], &[0; 1_400]] {
        send(&mut socket, bytes);
    }
    for (session, from, count) in [
        (b"ITCH000002", 1, 1),
        (b"ITCH000000", 1, 1),
        (b"O000000001", 1, 1),
        (b"          ", 1, 1),
        (TODAY, 0, 1),
        (TODAY, 1, 0),
        (TODAY, next, 1),
        (TODAY, next + 1_000, 1),
        (TODAY, u64::MAX, u16::MAX),
    ] {
        ask(&mut socket, session, from, count);
    }
    world.run();
    assert_eq!(receive(&mut socket).0, 0);
    let counters = world.stage.counters().retransmission.expect("it is open");
    assert_eq!(
        (
            counters.requests.get(),
            counters.malformed.get(),
            counters.unknown_session.get(),
            counters.not_stored.get(),
            counters.answered.get()
        ),
        (14, 5, 4, 5, 0)
    );
}

#[test]
fn strangers_get_nothing_until_they_are_logged_in_and_after_they_left() {
    let mut world = world(&limits());
    let mut stranger = world.board.bind(STRANGER);
    ask(&mut stranger, TODAY, 1, 10);
    world.run();
    assert_eq!(receive(&mut stranger).0, 0);
    // A connection is no login.
    let mut subscriber = world.subscriber_from(STRANGER);
    world.run();
    ask(&mut stranger, TODAY, 1, 10);
    world.run();
    assert_eq!(receive(&mut stranger).0, 0);
    subscriber.login("any", "", "", 0);
    world.run();
    ask(&mut stranger, TODAY, 1, 10);
    world.run();
    assert_eq!(receive(&mut stranger), (1, numbered(&world.said.feed, 1, 10)));
    // A login at another door is none here.
    let mut other = world
        .board
        .bind(SocketAddrV4::new(Ipv4Addr::new(10, 0, 1, 67), 5_000));
    let mut client = world.client_from(other.address());
    client.login("ALICE0", "ALICE0pw", "", 0);
    world.run();
    ask(&mut other, TODAY, 1, 10);
    subscriber.stream = None;
    world.run();
    ask(&mut stranger, TODAY, 1, 10);
    world.run();
    assert_eq!((receive(&mut other).0, receive(&mut stranger).0), (0, 0));
    let counters = world.stage.counters().retransmission.expect("it is open");
    assert_eq!((counters.strangers.get(), counters.answered.get()), (4, 1));
}

#[test]
fn an_address_gets_its_bytes_of_a_second_and_no_more() {
    let mut world = world(&RetransmissionConfig {
        bytes_per_second: 10_000,
        ..limits()
    });
    let mut socket = world.board.bind(CLIENT);
    // The same address, another port: one budget.
    let mut same = world.board.bind(SocketAddrV4::new(*CLIENT.ip(), 41_000));
    let mut other = world
        .board
        .bind(SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 8), 5_000));
    world.now.store(9 * SECOND, Relaxed);
    let mut bytes = 0;
    for _ in 0..10 {
        ask(&mut socket, TODAY, 1, u16::MAX);
        ask(&mut same, TODAY, 1, u16::MAX);
    }
    world.run();
    for socket in [&mut socket, &mut same] {
        while let Some((_, datagram)) = socket.receive() {
            bytes += datagram.len();
        }
    }
    assert!((8_000..=10_000).contains(&bytes), "{bytes}");
    ask(&mut socket, TODAY, 1, 1);
    ask(&mut other, TODAY, 1, 1);
    world.run();
    assert_eq!((receive(&mut socket).0, receive(&mut other).0), (0, 1));
    world.now.store(10 * SECOND, Relaxed);
    ask(&mut socket, TODAY, 1, 1);
    world.run();
    assert_eq!(receive(&mut socket), (1, numbered(&world.said.feed, 1, 1)));
    let counters = world.stage.counters().retransmission.expect("it is open");
    assert!(counters.over_budget.get() >= 14, "{counters:?}");
}

#[test]
fn so_many_addresses_are_answered_in_a_second() {
    let mut world = world(&limits());
    let mut sockets: Vec<_> = (1..=40)
        .map(|host| {
            world
                .board
                .bind(SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, host), 5_000))
        })
        .collect();
    for round in 1..=2 {
        world.now.store((10 + round) * SECOND, Relaxed);
        let mut answered = 0;
        for socket in &mut sockets {
            ask(socket, TODAY, 1, 1);
            world.run();
            answered += receive(socket).0;
        }
        assert_eq!(answered, 16);
    }
    let counters = world.stage.counters().retransmission.expect("it is open");
    assert_eq!(counters.crowded.get(), 48);
}

/// A storm is looked at in small pieces; who asks over TCP meanwhile is served as ever.
#[test]
fn a_storm_is_held_back() {
    let mut world = world(&RetransmissionConfig {
        requests_per_ms: 4,
        ..limits()
    });
    let mut storming = world.board.bind(CLIENT);
    let mut subscriber = world.subscriber();
    subscriber.login("any", "", "", 1);
    for _ in 0..1_000 {
        ask(&mut storming, TODAY, 1, 1);
    }
    for _ in 0..20 {
        // Many turns in each millisecond.
        world.now.fetch_add(MILLISECOND, Relaxed);
        for _ in 0..50 {
            world.stage.poll();
        }
    }
    let (packets, _) = receive(&mut storming);
    assert_eq!(packets, 80, "four in each of twenty milliseconds");
    let got = subscriber.receive();
    let expected: Vec<_> = world.said.feed.iter().cloned().map(Got::Sequenced).collect();
    assert!(
        got[2..] == expected,
        "{} of {} came",
        got.len() - 2,
        expected.len()
    );
    let counters = world.stage.counters().retransmission.expect("it is open");
    assert_eq!(counters.held_back.get(), 20);
}

#[test]
fn what_was_overwritten_is_not_made_again() {
    let mut config = config();
    config.store_bytes = 64 * 1_024;
    let mut world = World::with(config, TcpSettings::default(), 1_024 * 1_024);
    open(&mut world, &limits());
    quote(&mut world, 1, 1_500);
    let mut socket = world.board.bind(CLIENT);
    ask(&mut socket, TODAY, 1, 10);
    world.run();
    assert_eq!(receive(&mut socket).0, 0);
    let last = world.said.feed.len() as u64;
    ask(&mut socket, TODAY, last - 20, 10);
    world.run();
    assert_eq!(
        receive(&mut socket),
        (1, numbered(&world.said.feed, last - 20, 10))
    );
}

#[test]
fn the_day_before_is_answered_while_it_is_kept() {
    let mut world = world(&limits());
    let mut socket = world.board.bind(CLIENT);
    world.roll();
    world.run();
    ask(&mut socket, TODAY, 7, 3);
    ask(&mut socket, b"ITCH000002", 2, 3);
    world.run();
    let expected = [
        numbered(&world.said_before.feed, 7, 3),
        numbered(&world.said.feed, 2, 3),
    ]
    .concat();
    assert_eq!(receive(&mut socket), (2, expected));
    world.pass(601 * SECOND);
    ask(&mut socket, TODAY, 7, 3);
    world.run();
    assert_eq!(receive(&mut socket).0, 0);
}

/// Whatever comes, whoever sends it: nothing is answered that is longer than a datagram, or to a stranger, or beyond the budget.
#[test]
fn random_datagrams_get_no_more_than_they_may() {
    use protocol::testing::Random;
    let mut world = world(&RetransmissionConfig {
        bytes_per_second: 20_000,
        ..limits()
    });
    let mut sockets = [CLIENT, STRANGER].map(|address| world.board.bind(address));
    let mut random = Random::new(7);
    let mut sent = 0;
    for _ in 0..3_000 {
        let mut bytes = RequestPacket::new(*TODAY, random.below(500), random.below(50) as u16)
            .to_bytes()
            .to_vec();
        if random.chance(1, 2) {
            let place = random.below(20) as usize;
            bytes[place] ^= 1 << random.below(8);
        }
        if random.chance(1, 10) {
            bytes.truncate(random.below(20) as usize);
        }
        let socket = random.below(2) as usize;
        send(&mut sockets[socket], &bytes);
        world.stage.poll();
        world.now.fetch_add(MILLISECOND / 10, Relaxed);
    }
    world.run();
    while let Some((_, datagram)) = sockets[0].receive() {
        sent += datagram.len();
        let packet = Packet::parse(&datagram).expect("well formed");
        assert!(packet.count() > 0 && datagram.len() <= 1_472);
    }
    // 0.3 s and a little more: two of the clock's seconds at most.
    assert!((1_000..=40_000).contains(&sent), "{sent}");
    assert_eq!(receive(&mut sockets[1]).0, 0);
}
