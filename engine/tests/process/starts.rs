//! Starts that must fail clearly, and starts that must continue.

use std::fs;
use std::io::Write;
use std::net::{TcpStream, UdpSocket};

use protocol::market_data::FeedMessage;
use protocol::market_data::binary_file::Reader;
use protocol::testing::Random;

use crate::client::{Client, Refused};
use crate::exchange::{Directory, Exchange, run};

#[test]
fn a_configuration_is_checked_and_its_errors_teach() {
    let directory = Directory::new();
    let file = directory.configuration(|text| text.replace("tick_size = \"0.01\"", "tick_size = 0.01"));
    let name = file.to_str().expect("text");
    for verb in ["check", "run"] {
        let (code, _, errors) = run(&[verb, "--config", name]);
        assert_eq!(code, Some(2), "{errors}");
        assert!(errors.contains("exchange.toml:8: tick_size"), "{errors}");
        assert!(errors.contains("remedy"), "{errors}");
    }
    assert!(!directory.path().join("data").exists(), "nothing was begun");
}

#[test]
fn the_printed_default_is_a_valid_file() {
    let (code, text, _) = run(&["check", "--print-default"]);
    assert_eq!(code, Some(0));
    let directory = Directory::new();
    let file = directory.path().join("exchange.toml");
    fs::write(&file, text).expect("the build directory can be written");
    let (code, summary, errors) = run(&["check", "--config", file.to_str().expect("text")]);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert!(summary.contains("valid") && summary.contains("MiB"), "{summary}");
    let (code, rows, _) = run(&["instruments", "--json"]);
    assert_eq!(code, Some(0));
    let rows: serde_json::Value = serde_json::from_str(&rows).expect("JSON");
    assert_eq!(rows[0]["symbol"], "BTC-USD");
    assert_eq!(
        (&rows[3]["locate"], &rows[3]["price_unit"]),
        (&4.into(), &"1000".into())
    );
}

#[test]
fn two_starts_on_one_data_directory_conflict_clearly() {
    let directory = Directory::new();
    let file = directory.configuration(|text| text);
    let first = Exchange::start(&file);
    let Err(second) = Exchange::try_start(&file, &[]) else {
        panic!("two exchanges have one data directory");
    };
    assert_eq!(second.status.code(), Some(3), "{}", second.errors);
    assert!(
        second.errors.contains(&format!("process {}", first.process())),
        "{}",
        second.errors
    );
    assert!(second.errors.contains("data"), "{}", second.errors);
    first.stop();
}

#[test]
fn two_starts_on_one_port_conflict_clearly() {
    let (one, other) = (Directory::new(), Directory::new());
    let first = Exchange::start(&one.configuration(|text| text));
    for door in [
        "order_entry_tcp",
        "order_entry_udp",
        "recovery_tcp",
        "snapshot_tcp",
    ] {
        let address = first.address(door).to_string();
        let taken = other.configuration(|text| {
            text.replace(
                &format!("{door} = \"127.0.0.1:0\""),
                &format!("{door} = \"{address}\""),
            )
        });
        let Err(second) = Exchange::try_start(&taken, &[]) else {
            panic!("two exchanges have one {door}");
        };
        assert_eq!(second.status.code(), Some(3), "{}", second.errors);
        assert!(second.errors.contains(&address), "{}", second.errors);
        assert!(
            second.errors.contains("configure another port"),
            "{}",
            second.errors
        );
    }
    first.stop();
}

#[test]
fn logins_are_refused_with_their_reason() {
    let directory = Directory::new();
    let exchange = Exchange::start(&directory.configuration(|text| text));
    let door = exchange.address("order_entry_tcp");
    for (username, password) in [("T0", "wrong"), ("NOBODY", "secret")] {
        let refused = Client::login(door, username, password, 1).err();
        assert!(
            matches!(refused, Some(Refused::Rejected(b'A'))),
            "{username}: {refused:?}"
        );
    }
    assert!(
        Client::login(door, "t0", "SECRET", 1).is_ok(),
        "case does not count"
    );
    exchange.stop();
}

#[test]
fn an_orderly_end_and_the_next_start_go_on() {
    let directory = Directory::new();
    let file = directory.configuration(|text| text);
    for signal in ["INT", "TERM"] {
        let exchange = Exchange::start(&file);
        let mut client =
            Client::login(exchange.address("order_entry_tcp"), "T0", "secret", 1).expect("login");
        client.user_ref = if signal == "INT" { 0 } else { 1 };
        let order = client.order(b'B', 5, 500_000_000);
        client.send(&[order]).expect("connected");
        let number = client.user_ref;
        client
            .receive(|client| client.is_answered(number))
            .expect("connected");
        exchange.signal(signal);
        let ended = exchange.ended();
        assert!(ended.status.success(), "{}", ended.errors);
    }
    let exchange = Exchange::start(&file);
    let mut client = Client::login(exchange.address("order_entry_tcp"), "T0", "secret", 1).expect("login");
    client.receive(|client| client.is_answered(2)).expect("connected");
    assert!(client.is_answered(1), "both orders are in the stream");
    let lot = 500_000_000;
    assert_eq!(client.balance("USD").1, 2 * 5 * lot, "both orders rest");
    exchange.stop();
    let (data, itch) = (directory.path().join("data"), directory.path().join("feed.itch"));
    let (data, itch) = (data.to_str().expect("text"), itch.to_str().expect("text"));
    let (code, report, errors) = run(&["verify", "--data", data]);
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{report}");
    let (code, told, errors) = run(&["replay", "--data", data, "--itch", itch]);
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{told}");
    let hash = |text: &str| {
        let line = text.lines().find(|line| line.starts_with("state hash"));
        line.and_then(|line| line.split_whitespace().last())
            .map(str::to_owned)
    };
    assert!(hash(&report).is_some());
    assert_eq!(hash(&report), hash(&told));
    let file = fs::read(itch).expect("it was written");
    let messages: Vec<_> = Reader::new(&file)
        .map(|record| record.expect("BinaryFILE"))
        .collect();
    assert!(
        told.contains(&format!("feed messages {}", messages.len())),
        "{told}"
    );
    let added = messages
        .iter()
        .filter(|message| matches!(FeedMessage::decode(message), Ok(FeedMessage::AddOrder(_))));
    assert_eq!(added.count(), 2, "two orders rested");
}

#[test]
fn without_durability_nothing_is_kept_and_that_is_said() {
    let directory = Directory::new();
    let file = directory.configuration(|text| text);
    for _ in 0..2 {
        let exchange = Exchange::try_start(&file, &["--durability", "none"])
            .unwrap_or_else(|ended| panic!("did not start: {}", ended.errors));
        let mut client =
            Client::login(exchange.address("order_entry_tcp"), "T0", "secret", 1).expect("login");
        let order = client.order(b'B', 5, 500_000_000);
        client.send(&[order]).expect("connected");
        client.receive(|client| client.is_answered(1)).expect("connected");
        assert_eq!(
            client.messages.len(),
            2,
            "the day begins anew: system event, accepted"
        );
        assert!(exchange.stop().contains("NOTHING IS KEPT"));
    }
    assert!(!directory.path().join("data").exists());
}

#[test]
fn garbage_at_the_doors_harms_nobody() {
    let directory = Directory::new();
    let exchange = Exchange::start(&directory.configuration(|text| text));
    let (tcp, udp) = (
        exchange.address("order_entry_tcp"),
        exchange.address("order_entry_udp"),
    );
    let mut client = Client::login(tcp, "T0", "secret", 1).expect("login");
    client.bind();
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let mut random = Random::new(1);
    let mut silent = Vec::new();
    for round in 0..200_u32 {
        let mut garbage = vec![0; random.below(3_000) as usize];
        random.fill(&mut garbage);
        socket.send_to(&garbage, udp).expect("loopback takes it");
        // A datagram of the customer's token from a foreign address, and cut anywhere.
        let forged = client.datagram_of(&[Client::cancel(round)]);
        socket.send_to(&forged, udp).expect("loopback takes it");
        client.send_raw(&forged[..random.below(forged.len() as u64) as usize]);
        if round % 10 == 0 {
            for door in ["order_entry_tcp", "recovery_tcp", "snapshot_tcp"] {
                let mut stream = TcpStream::connect(exchange.address(door)).expect("the door is open");
                // It may be closed before all of it was taken.
                let _ = stream.write_all(&garbage);
                silent.push(stream);
            }
        }
        let order = client.order(b'B', 1, 500_000_000);
        let number = client.user_ref;
        client.send(&[order]).expect("bound");
        client
            .receive(|client| client.is_answered(number))
            .expect("bound");
    }
    assert_eq!(
        client.balance("USD").1,
        200 * 500_000_000,
        "all orders rest, none was canceled by others"
    );
    exchange.stop();
}

#[test]
fn what_the_journal_began_with_can_not_be_changed() {
    let directory = Directory::new();
    Exchange::start(&directory.configuration(|text| text)).stop();
    let changed =
        directory.configuration(|text| text.replace("tick_size = \"0.01\"", "tick_size = \"0.02\""));
    let Err(ended) = Exchange::try_start(&changed, &[]) else {
        panic!("a tick was changed in silence");
    };
    assert_eq!(ended.status.code(), Some(2), "{}", ended.errors);
    assert!(
        ended.errors.contains("instruments.BTC-USD.tick_size"),
        "{}",
        ended.errors
    );
    assert!(ended.errors.contains("was \"0.01\""), "{}", ended.errors);
    let larger = directory.configuration(|text| text.replace("orders = 16384", "orders = 32768"));
    let Err(ended) = Exchange::try_start(&larger, &[]) else {
        panic!("a capacity was changed in silence");
    };
    assert_eq!(ended.status.code(), Some(2), "{}", ended.errors);
    assert!(ended.errors.contains("capacities.orders"), "{}", ended.errors);
    assert!(ended.errors.contains("16384"), "{}", ended.errors);
}
