//! Who comes too often, guesses, dawdles or never reads: bounded by the doors, and nobody else notices.

use std::net::{Ipv4Addr, SocketAddrV4};

use protocol::soup::encode;

use super::world::{CLIENT, Got, MILLISECOND, SECOND, World, config};
use crate::runtime::sim_net::TcpSettings;

const STRANGER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 66), 1_024);

#[test]
fn an_address_gets_so_many_places_and_others_get_theirs() {
    let mut config = config();
    config.order_entry.connections_max = 8;
    config.order_entry.connections_per_address_max = 3;
    let mut world = World::with(config, TcpSettings::default(), 0);
    let mut strangers: Vec<_> = (0..20).map(|_| world.client_from(STRANGER)).collect();
    world.run();
    let closed = strangers
        .iter_mut()
        .filter_map(|stranger| stranger.is_closed().then_some(()));
    assert_eq!(closed.count(), 17);
    let counters = world.stage.counters().order_entry;
    assert_eq!(
        (
            counters.crowded.get(),
            counters.accepted.get(),
            counters.refused.get()
        ),
        (17, 3, 0)
    );
    world.logged_in("ALICE0", "", 0);
    // Loopback is everybody on the machine: only the door's own bound holds.
    let local = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1_024);
    let mut locals: Vec<_> = (0..4).map(|_| world.client_from(local)).collect();
    world.run();
    let closed = locals
        .iter_mut()
        .filter_map(|local| local.is_closed().then_some(()));
    assert_eq!(
        closed.count(),
        0,
        "three strangers, one client, and four more fit"
    );
    drop((strangers, locals));
    world.pass(SECOND);
    let mut again = world.client_from(STRANGER);
    world.run();
    assert!(!again.is_closed(), "places come back");
}

#[test]
fn guessing_gets_slower_and_no_quicker_with_more_connections() {
    let mut world = World::new();
    let login = |world: &mut World, address, password: &str| {
        let mut client = world.client_from(address);
        client.login("ALICE0", password, "", 0);
        world.run();
        client
    };
    let rejected = vec![Got::Rejected('A'), Got::End];
    assert_eq!(login(&mut world, STRANGER, "wrong").receive(), rejected);
    let mut guesses: Vec<_> = (0..8).map(|_| login(&mut world, STRANGER, "guess")).collect();
    let mut right = login(&mut world, STRANGER, "ALICE0pw");
    for guess in &mut guesses {
        assert_eq!(guess.receive(), [], "nobody looks at it yet");
    }
    assert_eq!(right.receive(), [], "nor at a right one");
    // Others do not wait.
    let got = login(&mut world, CLIENT, "ALICE0pw").receive();
    assert!(matches!(got[..], [Got::Accepted(..), ..]), "{got:?}");
    world.pass(4 * SECOND);
    let counters = world.stage.counters().order_entry;
    assert!(counters.rejected_not_authorized.get() <= 6, "{counters:?}");
    assert_eq!(counters.delayed.get(), 9);
    world.pass(2 * SECOND);
    let counters = world.stage.counters().order_entry;
    assert!(
        counters.login_timeouts.get() >= 3,
        "they can not wait for ever: {counters:?}"
    );
    // A minute later all is forgiven, and one failure costs little.
    world.pass(61 * SECOND);
    assert_eq!(login(&mut world, STRANGER, "wrong").receive(), rejected);
    world.pass(150 * MILLISECOND);
    let got = login(&mut world, STRANGER, "ALICE0pw").receive();
    assert!(matches!(got[..], [Got::Accepted(..), ..]), "{got:?}");
}

#[test]
fn a_login_that_dribbles_in_is_not_waited_for() {
    let mut world = World::new();
    let mut loris = world.client_from(STRANGER);
    let mut bytes = [0; 64];
    let length = encode::login("ALICE0", "ALICE0pw", "", 0, None, &mut bytes).expect("fits");
    for byte in &bytes[..length] {
        if loris.is_closed() {
            break;
        }
        loris.send(&[*byte]);
        world.pass(150 * MILLISECOND);
    }
    assert!(loris.is_closed(), "49 bytes take 7 s, and 5 s are given");
    assert_eq!(world.stage.counters().order_entry.login_timeouts.get(), 1);
    assert!(world.told().is_empty());
}

#[test]
fn who_never_reads_holds_no_more_than_its_buffer() {
    let tcp = TcpSettings {
        buffer_bytes: 64,
        piece_bytes: 64,
    };
    let mut world = World::with(config(), tcp, 1_024 * 1_024);
    let mut deaf = world.client_from(STRANGER);
    deaf.login("BOB", "BOBpw", "", 0);
    // Answers wait until its heartbeats are due too; then nothing moves for as long as anybody waits.
    for _ in 0..60 {
        world.pass(SECOND / 2);
        if let Some(stream) = &mut deaf.stream {
            let _ = std::io::Write::write(stream, &encode::CLIENT_HEARTBEAT);
        }
    }
    assert_eq!(world.stage.counters().order_entry.stuck.get(), 1);
    world.logged_in("ALICE0", "", 0);
}
