//! Garbage, endless lines, readers that do not read: nobody else notices.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;

use engine::admin::Request;

use crate::client::Client;
use crate::world::{Directory, World};

fn counted(world: &World, label: &str) -> u64 {
    let mut value = None;
    for group in world.running().counters() {
        if group.group() == "admin" {
            group.each(&mut |reading| {
                if reading.label == label {
                    value = Some(reading.value);
                }
            });
        }
    }
    value.unwrap_or_else(|| panic!("there is a counter {label}"))
}

#[test]
fn the_socket_is_its_owners_and_goes_with_the_exchange() {
    let directory = Directory::new();
    let config = directory.config();
    let path = directory.path().join("admin.sock");
    // Left behind by one that was killed.
    drop(std::os::unix::net::UnixListener::bind(&path).expect("it can be made"));
    let world = World::start(&config);
    let mode = std::fs::metadata(&path)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    world.stop();
    assert!(!path.exists());
    std::fs::write(&path, "something else").expect("it can be written");
    let error = engine::assembly::start(&config)
        .err()
        .expect("it is no socket")
        .to_string();
    assert!(error.contains("no socket") && error.contains("remedy"), "{error}");
}

#[test]
fn nonsense_is_answered_and_harms_nobody() {
    let directory = Directory::new();
    let mut world = World::start(&directory.config());
    for line in [
        "",
        "hello",
        "{}",
        "[]",
        "{\"verb\":\"explode\"}",
        "{\"verb\":\"deposit\"}",
        "{\"verb\":\"deposit\",\"account\":1,\"asset\":2,\"amount\":3}",
        "{\"verb\":\"stop\",\"now\":true}",
        "{\"verb\":\"accounts\"} trailing",
        "\u{0}\u{1}",
    ] {
        let answer = world.say(line);
        let error = answer.error.expect(line);
        assert!(error.contains("can not be understood"), "{line}: {error}");
    }
    assert_eq!(counted(&world, "malformed"), 10);

    let mut raw = world.connect();
    raw.write_all(b"\xFF\xFE\n").expect("it is open");
    let mut line = String::new();
    BufReader::new(&raw).read_line(&mut line).expect("it is answered");
    assert!(line.contains("no text"), "{line}");

    // Two requests at once are two answers; the half of a third is nothing.
    let mut raw = world.connect();
    raw.write_all(b"{\"verb\":\"position\"}\n{\"verb\":\"position\"}\n{\"verb\":")
        .expect("it is open");
    let mut lines = BufReader::new(&raw).lines();
    for _ in 0..2 {
        let line = lines.next().expect("it comes").expect("it is text");
        assert!(line.contains("\"command\""), "{line}");
    }
    world.must(&Request::Position {});
    world.stop();
}

#[test]
fn an_endless_line_ends_its_connection_only() {
    let directory = Directory::new();
    let mut world = World::start(&directory.config());
    let mut raw = world.connect();
    // The last write may find it closed.
    let _ = raw.write_all(&vec![b'x'; 200_000]);
    let mut rest = Vec::new();
    let _ = raw.read_to_end(&mut rest);
    world.wait_until("its end", |world| counted(world, "too_long") == 1);
    world.must(&Request::Accounts {});
    world.stop();
}

#[test]
fn who_does_not_read_and_who_says_nothing_are_not_waited_for() {
    let directory = Directory::new();
    let mut world = World::start(&directory.config());
    let mut deaf = world.connect();
    let request = b"{\"verb\":\"instruments\"}\n".repeat(200);
    // It may be closed before all of it is taken.
    deaf.set_write_timeout(Some(std::time::Duration::from_millis(10)))
        .expect("a timeout");
    for _ in 0..50 {
        if deaf.write_all(&request).is_err() {
            break;
        }
    }
    let silent = [world.connect(), world.connect()];
    let mut client = Client::login(world.door(), "A", "demo", 1);
    for user_ref in 1..=50 {
        client.enter(user_ref);
        client.wait_for(user_ref);
        world.must(&Request::Position {});
    }
    world.wait_until("its end", |world| counted(world, "stuck") == 1);
    drop(silent);
    world.stop();
}

#[test]
fn a_crowd_is_told_so_and_makes_room_again() {
    let directory = Directory::new();
    let mut world = World::start(&directory.config());
    let crowd: Vec<_> = (0..20).map(|_| world.connect()).collect();
    world.wait_until("the crowd", |world| {
        counted(world, "crowded") + counted(world, "connections") == 21
    });
    assert_eq!(counted(&world, "connections"), 8);
    let mut line = String::new();
    BufReader::new(&crowd[19])
        .read_line(&mut line)
        .expect("it is told");
    assert!(line.contains("8 others are connected"), "{line}");
    world.must(&Request::Position {});
    drop(crowd);
    world.wait_until("room", |world| {
        let mut raw = world.connect();
        // One that is turned away may be closed by now.
        let _ = raw.write_all(b"{\"verb\":\"position\"}\n");
        let mut line = String::new();
        let _ = BufReader::new(&raw).read_line(&mut line);
        line.contains("\"ok\":true")
    });
    world.stop();
}
