//! The operator's commands as they are typed: admin, stat, audit.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::client::Client;
use crate::exchange::{Directory, Exchange, run};

/// Runs a command on the exchange in `data`; gives what it said.
#[track_caller]
fn typed(data: &Path, arguments: &[&str]) -> String {
    let (verb, rest) = arguments.split_first().expect("a verb");
    let data = ["--data", data.to_str().expect("text")];
    let (code, said, errors) = run(&[&[*verb], &data[..], rest].concat());
    assert_eq!(code, Some(0), "{arguments:?}: {errors}");
    said
}

#[test]
fn a_reload_takes_over_who_may_log_in_and_a_wrong_file_changes_nothing() {
    let directory = Directory::new();
    let file = directory.configuration(|text| text);
    let first = fs::read_to_string(&file).expect("it is there");
    let exchange = Exchange::start(&file);
    let door = exchange.address("order_entry_tcp");
    let old = Client::login(door, "T0", "secret", 1).expect("the password is right");
    let reload = |text: &str, said: &str| {
        fs::write(&file, text).expect("it can be written");
        exchange.signal("HUP");
        exchange.wait_until_said(said);
    };
    let wrong = first.replacen("password = \"secret\"", "password = \"other\"", 1);
    let said = "reload refused, nothing is changed: ";
    reload(&wrong.replace("collar = \"10%\"", "collar = \"0%\""), said);
    exchange.wait_until_said("remedy:");
    drop(Client::login(door, "T0", "secret", 1).expect("nothing was changed"));
    let copy = "[[drop_copy]]\nusername = \"COPY\"\nfirm = \"RISK\"\npassword = \"watch\"\n";
    let changed = wrong.replace("store = \"64 MiB\"", "store = \"65 MiB\"") + copy;
    reload(
        &changed,
        "1 passwords are new; drop copies: 1 more, 0 changed, 0 gone",
    );
    exchange.wait_until_said("reload: restart needed for capacities");
    drop(Client::login(door, "T0", "other", 1).expect("it holds at once"));
    let data = directory.path().join("data");
    let said = typed(&data, &["admin", "drop-copies"]);
    let words: Vec<_> = said
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .collect();
    assert_eq!(words[1], ["COPY", "RISK", "false", "-", "-", "-", "-"], "{said}");
    assert!(Client::login(door, "T0", "secret", 1).is_err());
    drop(old);
    exchange.stop();
}

#[test]
fn a_reload_takes_over_the_level_of_the_log() {
    let directory = Directory::new();
    let file = directory.configuration(|text| text);
    let text = fs::read_to_string(&file).expect("it is there");
    let reload = |exchange: &Exchange, level: &str, password: &str| {
        let text = text.replacen("password = \"secret\"", &format!("password = \"{password}\""), 1);
        fs::write(&file, format!("{text}\n[log]\nlevel = \"{level}\"\n")).expect("it can be written");
        exchange.signal("HUP");
    };
    // What is not said is known from what it does.
    let until_it_holds = |exchange: &Exchange, password: &str| {
        let began = Instant::now();
        while Client::login(exchange.address("order_entry_tcp"), "T0", password, 1).is_err() {
            assert!(
                began.elapsed() < Duration::from_secs(90),
                "{password} holds in time"
            );
        }
    };
    let exchange = Exchange::start(&file);
    reload(&exchange, "error", "first");
    exchange.wait_until_said(
        "1 passwords are new; drop copies: 0 more, 0 changed, 0 gone; log level error, was info",
    );
    reload(&exchange, "error", "second");
    until_it_holds(&exchange, "second");
    reload(&exchange, "info", "third");
    exchange.wait_until_said("0 gone; log level info, was error");
    let said = exchange.stop();
    assert_eq!(said.matches("reload: ").count(), 2, "{said}");
    assert!(said.contains("ended in order"), "{said}");

    // The file says error at the start; the flag holds over the file, then and later.
    fs::write(&file, format!("{text}\n[log]\nlevel = \"error\"\n")).expect("it can be written");
    let exchange = Exchange::start(&file);
    assert_eq!(exchange.stop(), "");
    let exchange = Exchange::try_start(&file, &["--log", "warn"]);
    let exchange = exchange.unwrap_or_else(|ended| panic!("{}", ended.errors));
    reload(&exchange, "info", "first");
    until_it_holds(&exchange, "first");
    let said = exchange.stop();
    assert!(
        !said.contains("reload: ") && !said.contains("ended in order"),
        "{said}"
    );
}

#[test]
fn an_exchange_is_operated_from_the_command_line() {
    let directory = Directory::new();
    let file = directory.configuration(|text| text);
    let data = directory.path().join("data");
    let exchange = Exchange::start(&file);
    let said = typed(&data, &["admin", "accounts"]);
    assert!(
        said.starts_with("account  firm") && said.lines().count() == 5,
        "{said}"
    );
    let said = typed(&data, &["admin", "deposit", "T1", "USD", "12.5"]);
    assert!(said.contains("deposit 12.5 USD to account T1"), "{said}");
    let said = typed(&data, &["admin", "account", "T1"]);
    assert!(
        said.contains("1000000012.5") && said.contains("max_open_orders"),
        "{said}"
    );

    let secret = directory.path().join("secret");
    fs::write(&secret, "hidden\n").expect("it can be written");
    let secret = secret.to_str().expect("text");
    let add = [
        "admin",
        "add-account",
        "NEW",
        "--max-rate",
        "100",
        "--password-file",
        secret,
    ];
    assert!(typed(&data, &add).contains("add session NEW to account NEW"));
    let client = Client::login(exchange.address("order_entry_tcp"), "NEW", "hidden", 1);
    drop(client.expect("the password is right"));

    // A hash for the configuration file; each has its own salt.
    let hashes = [(); 2].map(|()| {
        let (code, said, errors) = run(&["hash-password", "--password-file", secret]);
        assert_eq!(code, Some(0), "{errors}");
        assert!(
            said.starts_with("$argon2id$v=19$m=19456") && said.lines().count() == 1,
            "{said}"
        );
        said
    });
    assert_ne!(hashes[0], hashes[1]);

    let arguments = [
        "admin",
        "--data",
        data.to_str().expect("text"),
        "withdraw",
        "T1",
        "USD",
        "9e99",
    ];
    let (code, _, errors) = run(&arguments);
    assert!(code == Some(1) && errors.contains("9e99"), "{errors}");
    let said = typed(&data, &["admin", "--json", "halt", "BTC-USD"]);
    let answer: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(
        (&answer["ok"], &answer["done"][0]["what"]),
        (&true.into(), &"BTC-USD: halted".into())
    );
    typed(
        &data,
        &[
            "admin", "fees", "BTC-USD", "--maker", "-0.001%", "--taker", "0.01%",
        ],
    );
    typed(
        &data,
        &["admin", "limits", "instrument", "BTC-USD", "--collar", "5%"],
    );
    typed(&data, &["admin", "kill", "--all"]);
    typed(&data, &["admin", "release", "--all"]);

    let said = typed(&data, &["stat"]);
    for words in [
        "what waits",
        "how long it took",
        "mean batches",
        "commands",
        "a second",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let said = typed(&data, &["stat", "--json"]);
    let reading: Value = serde_json::from_str(&said).expect("JSON");
    assert!(reading["per_second"]["engine"]["commands"].is_number(), "{said}");

    let audit = |arguments: &[&str]| typed(&data, &[&["audit"], arguments].concat());
    let running = audit(&[]);
    for words in [
        "system event O: start of messages",
        "add account T0",
        "login: session NEW of account NEW",
        "deposit 12.5 USD to account T1",
        "kill switch on for all accounts",
        "fees and limits of BTC-USD: maker -0.001%, taker 0.01%",
    ] {
        assert!(running.contains(words), "{words}: {running}");
    }
    let operators = audit(&["--operators"]);
    assert_eq!(operators.lines().count(), 8, "{operators}");
    let said = typed(&data, &["admin", "stop"]);
    assert!(said.contains("the exchange ends"), "{said}");
    let ended = exchange.ended();
    assert!(ended.status.success(), "{}", ended.errors);
    assert!(ended.errors.contains("stop: "), "{}", ended.errors);

    // Stopped, it says the same, and what came at the end.
    let stopped = audit(&[]);
    assert!(stopped.starts_with(&running), "{stopped}");
    let lines = audit(&["--operators", "--json"]);
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(lines.len(), 8);
    assert!(
        lines
            .iter()
            .all(|line| line["user"].is_number() && line["refused"] == false)
    );
    let last = lines[7]["command"].as_u64().expect("a number");
    let said = audit(&["--operators", "--from", &last.to_string()]);
    assert_eq!(said.lines().count(), 1, "{said}");
    let (code, _, errors) = run(&["admin", "--data", data.to_str().expect("text"), "accounts"]);
    assert!(code == Some(1) && errors.contains("remedy"), "{errors}");

    let exchange = Exchange::start(&file);
    let said = typed(&data, &["admin", "instruments"]);
    assert!(
        said.contains("halted") && said.contains("-0.001%") && said.contains("5%"),
        "{said}"
    );
    exchange.stop();
    let (code, _, errors) = run(&["verify", "--data", data.to_str().expect("text")]);
    assert_eq!(code, Some(0), "{errors}");
}

/// `timeout` sends its signal to the process and to its group.
#[test]
fn a_signal_said_twice_is_one() {
    let directory = Directory::new();
    let exchange = Exchange::start(&directory.configuration(|text| text));
    exchange.signal("TERM");
    exchange.wait_until_said("ending in order");
    exchange.signal("TERM");
    let ended = exchange.ended();
    assert!(ended.status.success(), "{}: {}", ended.status, ended.errors);
    assert!(ended.errors.contains("ended in order"), "{}", ended.errors);
}
