//! Starts that must fail clearly, and starts that must continue.

use std::fs;

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
    for door in ["order_entry_tcp", "order_entry_udp", "recovery_tcp"] {
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
    let data = directory.path().join("data");
    let (code, report, errors) = run(&["verify", "--data", data.to_str().expect("text")]);
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{report}");
}

#[test]
fn what_the_journal_began_with_can_not_be_changed() {
    let directory = Directory::new();
    Exchange::start(&directory.configuration(|text| text)).stop();
    let changed = directory.configuration(|text| text.replace("taker_fee = \"0%\"", "taker_fee = \"1%\""));
    let Err(ended) = Exchange::try_start(&changed, &[]) else {
        panic!("a fee was changed in silence");
    };
    assert_eq!(ended.status.code(), Some(2), "{}", ended.errors);
    assert!(
        ended.errors.contains("instruments.BTC-USD.taker_fee"),
        "{}",
        ended.errors
    );
    assert!(ended.errors.contains("was \"0%\""), "{}", ended.errors);
    let larger = directory.configuration(|text| text.replace("orders = 16384", "orders = 32768"));
    let Err(ended) = Exchange::try_start(&larger, &[]) else {
        panic!("a capacity was changed in silence");
    };
    assert_eq!(ended.status.code(), Some(2), "{}", ended.errors);
    assert!(ended.errors.contains("capacities.orders"), "{}", ended.errors);
    assert!(ended.errors.contains("16384"), "{}", ended.errors);
}
