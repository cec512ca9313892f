//! `stat` and metrics of a real exchange: what they say is so, and whatever the dashboard and the alerts ask for is there.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use engine::admin::Request;
use engine::stat::Stat;

use crate::client::Client;
use crate::world::{Directory, World};

fn page(world: &World) -> String {
    let address = world.running().addresses().metrics.expect("they are served");
    let mut stream = TcpStream::connect(address).expect("it is open");
    stream
        .write_all(b"GET /metrics HTTP/1.0\r\n\r\n")
        .expect("it is taken");
    let mut page = String::new();
    stream.read_to_string(&mut page).expect("it is text");
    let (head, body) = page.split_once("\r\n\r\n").expect("there is a head");
    assert!(head.starts_with("HTTP/1.0 200 OK"), "{head}");
    body.to_owned()
}

/// The value of a metric without labels.
fn metric(page: &str, name: &str) -> u64 {
    let lines = page.lines().filter_map(|line| line.split_once(' '));
    let mut values = lines.filter(|(known, _)| *known == name).map(|(_, value)| value);
    let value = values.next().unwrap_or_else(|| panic!("{name} in\n{page}"));
    value.parse().expect("a number")
}

/// Everything in `text` that is a metric of ours.
fn names(text: &str) -> BTreeSet<&str> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with("exchange_")).collect()
}

#[test]
fn what_happened_is_counted() {
    let directory = Directory::new();
    let mut world = World::start(&directory.config());
    let mut client = Client::login(world.door(), "A", "demo", 1);
    for user_ref in 1..=20 {
        client.enter(user_ref);
    }
    client.wait_for(20);
    world.must(&Request::Kill {
        account: Some("A".to_owned()),
        on: true,
    });
    for user_ref in 21..=23 {
        client.enter(user_ref);
    }
    client.wait_for(23);
    let mut stat = None;
    world.wait_until("the replica", |world| {
        let about = world.must(&Request::Stat {}).about.expect("about");
        let read: Stat = serde_json::from_value(about).expect("a reading");
        let is_there = read.depths.iter().all(|depth| depth.value == 0);
        stat = Some(read);
        is_there
    });
    let stat = stat.expect("it was read");
    let value = |group: &str, label: &str| {
        let mut groups = stat.groups.iter().filter(|known| known.group == group);
        let group = groups
            .next()
            .unwrap_or_else(|| panic!("there is no group {group}"));
        let mut numbers = group.counters.iter().filter(|number| number.label == label);
        numbers
            .next()
            .unwrap_or_else(|| panic!("there is no {label}"))
            .value
    };
    assert_eq!(value("engine", "requests"), 23);
    assert_eq!(value("order_entry", "logins"), 1);
    assert_eq!(value("order_entry", "open"), 1);
    assert_eq!(value("recovery", "applied"), stat.released);
    assert_eq!(value("engine", "commands"), value("journal", "commands"));
    assert_eq!((stat.refused.len(), &*stat.refused[0].session), (1, "A"));
    assert_eq!(stat.refused[0].requests, 3);
    for took in &stat.times {
        assert!(took.total > 0 && took.most_ns > 0, "{took:?}");
        let counted: u64 = took.buckets.iter().map(|(_, count)| count).sum();
        assert_eq!(counted, took.total, "{}", took.label);
    }

    let page = page(&world);
    assert_eq!(metric(&page, "exchange_engine_requests_total"), 23);
    assert_eq!(metric(&page, "exchange_released_command"), stat.released);
    assert!(
        page.contains("exchange_refused_requests_total{session=\"A\"} 3"),
        "{page}"
    );
    let release = metric(&page, "exchange_release_seconds_count");
    assert!(release > 0 && page.contains("exchange_release_seconds_bucket{le=\"+Inf\"}"));
    world.stop();
}

#[test]
fn dashboard_and_alerts_ask_for_what_there_is() {
    let directory = Directory::new();
    let world = World::start(&directory.config());
    let page = page(&world);
    let told = names(&page);
    let documents = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operating");
    for file in ["grafana.json", "alerts.yml"] {
        let text = std::fs::read_to_string(documents.join(file)).expect("it is there");
        if file.ends_with("json") {
            serde_json::from_str::<serde_json::Value>(&text).expect("JSON");
        }
        let wanted = names(&text);
        assert!(wanted.len() > 10, "{file}");
        let missing: Vec<_> = wanted.difference(&told).collect();
        assert!(missing.is_empty(), "{file}: {missing:?} are no metrics");
    }
    // Every number has its help and type, once.
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split([' ', '{']).next().expect("a name");
        let family = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|end| name.strip_suffix(end).filter(|name| name.ends_with("_seconds")));
        let family = family.unwrap_or(name);
        for kind in ["HELP", "TYPE"] {
            let head = format!("# {kind} {family} ");
            assert_eq!(page.matches(&head).count(), 1, "{head}");
        }
    }
    promtool(&["check", "metrics"], Some(&page));
    let alerts = documents.join("alerts.yml");
    promtool(&["check", "rules", alerts.to_str().expect("text")], None);
    world.stop();
}

/// Has `promtool` judge, where it is there.
fn promtool(arguments: &[&str], input: Option<&str>) {
    use std::process::Stdio;
    let started = Command::new("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut process) = started else {
        eprintln!("promtool is not there: {arguments:?} is not tried (Debian: apt-get install prometheus)");
        return;
    };
    let mut pipe = process.stdin.take().expect("it is piped");
    pipe.write_all(input.unwrap_or_default().as_bytes())
        .expect("it reads");
    drop(pipe);
    let output = process.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "promtool {arguments:?}: {said}");
}
