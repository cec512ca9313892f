//! Acknowledgements sent again over UDP.

use std::net::SocketAddrV4;

use super::world::{CLIENT, EXCHANGE, SECOND, World, config, order};
use crate::runtime::Stage;
use crate::runtime::links::EngineNote;
use crate::runtime::sim_net::{SimSocket, TcpSettings};
use protocol::packet::Packet;

fn again(world: &mut World, address: SocketAddrV4, from: u64, count: u16) {
    let note = EngineNote::ReRequest {
        session: 0,
        address,
        from,
        count,
    };
    world.notes.push(note).expect("room");
    world.run();
}

fn receive(socket: &mut SimSocket) -> Vec<(u64, Vec<u8>)> {
    let mut messages = Vec::new();
    while let Some((from, datagram)) = socket.receive() {
        assert_eq!(from, EXCHANGE);
        assert!(datagram.len() <= 1_472);
        let packet = Packet::parse(&datagram).expect("well formed");
        assert_eq!(&packet.session(), b"O000000001");
        messages.extend(
            packet
                .numbered()
                .map(|(sequence, message)| (sequence, message.to_vec())),
        );
    }
    messages
}

#[test]
fn the_same_messages_come_again_in_packets() {
    let mut world = World::new();
    let mut socket = world.board.bind(CLIENT);
    for user_ref in 1..=200 {
        world.enter(0, order(user_ref, b'B', 1, 1_000_000));
    }
    again(&mut world, CLIENT, 10, 150);
    let expected: Vec<_> = (10..160)
        .map(|sequence| (sequence, world.said.sessions[0][sequence as usize - 1].clone()))
        .collect();
    assert_eq!(receive(&mut socket), expected);
    // No more than there are.
    again(&mut world, CLIENT, 199, u16::MAX);
    assert_eq!(receive(&mut socket).len(), 3);
    // Nothing that is not there: none, newest, next, beyond.
    for (from, count) in [(1, 0), (0, 5), (202, 1), (5_000, 1)] {
        again(&mut world, CLIENT, from, count);
        assert!(receive(&mut socket).is_empty());
    }
    let counters = world.stage.counters().re_requests;
    assert_eq!(
        (counters.requests, counters.not_servable, counters.messages),
        (6, 3, 153)
    );
}

#[test]
fn what_is_sent_again_is_bounded() {
    let mut config = config();
    config.re_requests.messages_max = 100;
    config.re_requests.session_bytes_per_second = 20_000;
    config.re_requests.requests_max = 4;
    let mut world = World::with(config, TcpSettings::default(), 1_024 * 1_024);
    let mut socket = world.board.bind(CLIENT);
    for user_ref in 1..=300 {
        world.enter(0, order(user_ref, b'B', 1, 1_000_000));
    }
    world.run();
    again(&mut world, CLIENT, 1, 300);
    assert_eq!(receive(&mut socket).len(), 100);
    for _ in 0..10 {
        again(&mut world, CLIENT, 1, 300);
    }
    let counters = world.stage.counters().re_requests;
    assert!(counters.over_budget > 0);
    let sent: usize = receive(&mut socket).len();
    assert!((100..300).contains(&sent), "{sent}");
    // The next second has its own bytes.
    world.pass(SECOND);
    again(&mut world, CLIENT, 1, 300);
    assert_eq!(receive(&mut socket).len(), 100);
    // Too many at once are dropped.
    for _ in 0..10 {
        let note = EngineNote::ReRequest {
            session: 0,
            address: CLIENT,
            from: 1,
            count: 1,
        };
        world.notes.push(note).expect("room");
    }
    world.run();
    assert_eq!(world.stage.counters().re_requests.overflowed, 6);
}

/// One session asks without end, at a rate that no turn keeps up with; another one's requests are answered in the turn they come
/// in, and what the first one gets is bounded all the same.
#[test]
fn a_storm_of_one_session_moves_no_other() {
    let mut config = config();
    config.re_requests.session_bytes_per_second = 100_000;
    let mut world = World::with(config, TcpSettings::default(), 1_024 * 1_024);
    let other: SocketAddrV4 = "10.0.0.8:40000".parse().expect("an address");
    let (mut storming, mut calm) = (world.board.bind(CLIENT), world.board.bind(other));
    for user_ref in 1..=500 {
        world.enter(0, order(user_ref, b'B', 1, 1_000_000));
    }
    let bob = crate::exchange::command::Order {
        user_ref: 1,
        ..order(1, b'B', 1, 1_000_000)
    };
    world.enter(2, bob);
    world.run();
    let mut answered = 0;
    for _ in 0..100 {
        let ask = |session, address, count| EngineNote::ReRequest {
            session,
            address,
            from: 1,
            count,
        };
        for _ in 0..250 {
            world.notes.push(ask(0, CLIENT, u16::MAX)).expect("room");
        }
        world.notes.push(ask(2, other, 1)).expect("room");
        // Sixteen datagrams leave in a turn, one of each request; those of a session that has had its bytes are dropped.
        for _ in 0..5 {
            world.stage.poll();
        }
        while let Some((_, datagram)) = calm.receive() {
            answered += usize::from(Packet::parse(&datagram).expect("well formed").count());
        }
    }
    assert_eq!(answered, 100, "everything that the calm one asked for");
    let mut bytes = 0;
    while let Some((_, datagram)) = storming.receive() {
        bytes += datagram.len();
    }
    assert!((50_000..=100_000).contains(&bytes), "{bytes}");
    let counters = world.stage.counters().re_requests;
    assert!(
        counters.overflowed > 10_000 && counters.over_budget > 0,
        "{counters:?}"
    );
}
