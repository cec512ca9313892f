//! What surrounds the program: variables, log, pages.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::client::Client;
use crate::exchange::{Directory, Exchange, run};

/// `exchange check` with variables; gives exit code, standard output, standard error.
fn check(arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_exchange"))
        .arg("check")
        .args(arguments)
        .envs(variables.iter().copied())
        .output()
        .expect("the binary was built");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn flags_hold_over_variables_and_variables_over_the_file() {
    let directory = Directory::new();
    let file = directory.configuration(|text| text);
    let file = file.to_str().expect("the path is text");
    let variables = [
        ("EXCHANGE_JOURNAL_DIRECTORY", "/of/the/environment"),
        ("EXCHANGE_NETWORK_MULTICAST_TTL", "3"),
    ];
    let (code, out, _) = check(&["--config", file], &variables);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("data         /of/the/environment"), "{out}");
    assert!(
        out.contains(
            "  environment  journal.directory (EXCHANGE_JOURNAL_DIRECTORY), \
             network.multicast_ttl (EXCHANGE_NETWORK_MULTICAST_TTL)\n"
        ),
        "{out}"
    );
    assert!(out.contains("journal.segment_size"), "{out}");

    let (code, out, _) = check(&["--config", file, "--data", "/of/the/flag"], &variables);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("data         /of/the/flag"), "{out}");
    assert!(
        out.contains("  command line journal.directory (--data)\n"),
        "{out}"
    );
    assert!(!out.contains("EXCHANGE_JOURNAL_DIRECTORY"), "{out}");

    let (code, _, errors) = check(&["--config", file], &[("EXCHANGE_NETWORK_LINE_A", "10.0.0.1:1")]);
    assert_eq!(code, Some(2), "{errors}");
    assert!(
        errors.contains("EXCHANGE_NETWORK_LINE_A: network.line_a: ") && errors.contains("remedy: "),
        "{errors}"
    );
}

#[test]
fn a_log_is_json_when_asked_and_says_less_when_asked() {
    let directory = Directory::new();
    let file = directory.configuration(|text| text);
    let exchange = Exchange::try_start(&file, &["--log-format", "json"])
        .unwrap_or_else(|ended| panic!("did not start: {}", ended.errors));
    let log = exchange.stop();
    let events: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
        .collect();
    assert!(events.len() > 5, "{log}");
    for event in &events {
        let level = event["level"].as_str().expect("it has a level");
        assert!(["INFO", "WARN"].contains(&level), "{event}");
        assert!(
            event["message"].is_string() && event["timestamp"].is_string(),
            "{event}"
        );
    }
    let last = events.last().expect("there are some")["message"].as_str();
    assert!(
        last.is_some_and(|text| text.starts_with("ended in order")),
        "{log}"
    );

    let exchange = Exchange::try_start(&file, &["--log", "error"])
        .unwrap_or_else(|ended| panic!("did not start: {}", ended.errors));
    assert_eq!(exchange.stop(), "");
}

#[test]
fn pages_are_of_all_verbs_but_hidden_ones() {
    let directory = Directory::new();
    let prefix = directory.path().join("prefix");
    let (code, out, errors) = run(&["pages", "--out", prefix.to_str().expect("the path is text")]);
    assert_eq!(code, Some(0), "{errors}");
    for verb in ["", "-run", "-check", "-verify", "-replay", "-skip"] {
        let page = prefix.join(format!("share/man/man1/exchange{verb}.1"));
        assert!(out.contains(&page.display().to_string()), "{out}");
        let text = fs::read_to_string(&page).expect("it was written");
        assert!(text.contains("EXIT CODES") && text.contains("130"), "{text}");
    }
    assert!(!out.contains("exchange-pages"), "{out}");
}

#[test]
fn a_service_manager_hears_when_it_is_ready_and_when_it_ends() {
    let directory = Directory::new();
    let file = directory.configuration(|text| text);
    let path = directory.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("the build directory takes sockets");
    socket
        .set_read_timeout(Some(Duration::from_secs(60)))
        .expect("it is a time");
    let hear = || {
        let mut bytes = [0; 4096];
        let length = socket
            .recv(&mut bytes)
            .expect("something is said within a minute");
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    };
    let place = path.to_str().expect("the path is text");
    let exchange = Exchange::start_with(&file, &[("NOTIFY_SOCKET", place), ("JOURNAL_STREAM", "8:1")]);
    assert!(hear().starts_with("READY=1\n"));
    let log = exchange.stop();
    assert!(hear().starts_with("STOPPING=1\n"));
    // Where the log is systemd's journal, each line begins with its level.
    assert!(
        log.lines()
            .all(|line| line.starts_with("<6>") || line.starts_with("<4>")),
        "{log}"
    );
}

/// Names in a directory whose permissions are more than `mode`.
fn open_to_others(directory: &Path, mode: u32) -> (Vec<String>, Vec<String>) {
    let entries = fs::read_dir(directory).expect("it is there");
    let entries: Vec<_> = entries
        .map(|entry| {
            let entry = entry.expect("a directory can be read to its end");
            let name = entry.file_name().into_string().expect("names are text");
            (name, entry.metadata().expect("it is there").mode() & 0o777)
        })
        .collect();
    let open = entries.iter().filter(|(_, found)| found & !mode != 0);
    (
        entries.iter().map(|(name, _)| name.clone()).collect(),
        open.map(|(name, found)| format!("{name} {found:04o}")).collect(),
    )
}

#[test]
fn files_are_for_the_exchanges_user_alone_whatever_the_umask() {
    let directory = Directory::new();
    // Two directories that are not there yet.
    let configuration = directory.configuration(|text| text.replace("/data\"", "/here/data\""));
    let data = directory.path().join("here/data");
    let names = |exchange: Exchange| {
        let mut client =
            Client::login(exchange.address("order_entry_tcp"), "T0", "secret", 1).expect("login");
        let order = client.order(b'B', 1, 500_000_000);
        client.send(&[order]).expect("the connection stands");
        client
            .receive(|client| client.is_answered(client.user_ref))
            .expect("it is answered");
        let (running, open) = open_to_others(&data, 0o600);
        assert_eq!(open, Vec::<String>::new(), "of {running:?}");
        exchange.stop();
        let (ended, open) = open_to_others(&data, 0o600);
        assert_eq!(open, Vec::<String>::new(), "of {ended:?}");
        [running, ended].concat()
    };
    let names = names(Exchange::start_without_umask(&configuration));
    for part in ["admin.sock", "capacities.toml", "lock", ".journal", ".snapshot"] {
        assert!(
            names.iter().any(|name| name.contains(part)),
            "{part} is not in {names:?}"
        );
    }
    for made in [&data, &directory.path().join("here")] {
        assert_eq!(
            fs::metadata(made).expect("it was made").mode() & 0o777,
            0o700,
            "{made:?}"
        );
    }
}
