//! What `doctor` thinks of hosts made of files: a good one, a bad one, a container that shows nothing; and of the good one
//! with one thing changed.

mod agreement;
mod changes;
mod pinned;
mod program;
mod tree;

use std::collections::BTreeMap;
use std::path::PathBuf;

use Verdict::{Bad, CanNotBeSeen, CouldBeBetter, Good, NotApplicable};
use tree::Tree;
use tuning::checks::{self, Context, Wishes};
use tuning::cores::Cores;
use tuning::finding::{Finding, Verdict};
use tuning::host::Host;
use tuning::knobs::KNOBS;
use tuning::measure::{Latency, Measurements, Ring, Sync};
use tuning::report;

const GOOD: &str = include_str!("hosts/good.txt");
const BAD: &str = include_str!("hosts/bad.txt");
const CONTAINER: &str = include_str!("hosts/container.txt");

/// What the operator of the good host says.
fn wishes() -> Wishes {
    Wishes {
        interface: Some("eth0".to_owned()),
        cores: None,
        data: Some(PathBuf::from("/var/lib/exchange/data")),
    }
}

fn cores(list: &str) -> Option<Cores> {
    Some(Cores::parse(list).expect("a list of cores"))
}

/// Measurements of a disk with such a p99, in ms.
fn disk(p99_ms: f64) -> Measurements {
    let latency = Latency {
        count: 300,
        p50_ms: 0.1,
        p99_ms,
    };
    Measurements {
        sync: Some(Ok(Sync {
            filled: latency,
            appended: latency,
        })),
        ..Measurements::default()
    }
}

fn look(tree: &Tree, wishes: &Wishes, measured: &Measurements) -> BTreeMap<&'static str, Finding> {
    let host = Host::at(tree.root());
    let context = Context {
        host: &host,
        wishes,
        measured,
    };
    checks::look(&context)
        .into_iter()
        .map(|(knob, finding)| (knob.key, finding))
        .collect()
}

/// Compares every verdict; `expected` names those that differ from `usual`.
#[track_caller]
fn check(found: &BTreeMap<&str, Finding>, usual: Verdict, expected: &[(&str, Verdict)]) {
    let expected: BTreeMap<_, _> = expected.iter().copied().collect();
    for (key, finding) in found {
        let wanted = expected.get(key).copied().unwrap_or(usual);
        assert_eq!(finding.verdict, wanted, "{key}: {finding:?}");
        let is_wrong = matches!(finding.verdict, Bad | CouldBeBetter);
        assert_eq!(
            finding.command.is_some(),
            is_wrong,
            "{key}: a command where something is to be done: {finding:?}"
        );
        assert!(
            !finding.found.is_empty() && !finding.wanted.is_empty(),
            "{key}: {finding:?}"
        );
    }
    for key in expected.keys() {
        assert!(found.contains_key(key), "there is no knob {key}");
    }
}

#[test]
fn a_good_host_is_good() {
    let found = look(&Tree::new(GOOD), &wishes(), &disk(0.5));
    check(&found, Good, &[("stolen-time", NotApplicable)]);
    assert_eq!(
        found["isolated-cores"].found,
        "isolated: 2-5, without ticks and callbacks"
    );
    assert_eq!(
        found["interface-rings"].found,
        "receive 8192 of 8192, transmit 8192 of 8192"
    );
    assert_eq!(found["multicast-route"].found, "a route of /4 by eth0");
    assert_eq!(
        found["file-system"].found,
        "xfs at /var/lib/exchange (rw,noatime)"
    );
}

#[test]
fn a_bad_host_is_bad() {
    let wishes = Wishes {
        cores: cores("2-3"),
        data: Some(PathBuf::from("/dev/shm/exchange")),
        ..wishes()
    };
    let found = look(&Tree::new(BAD), &wishes, &disk(120.0));
    let bad = [
        "allowed-cores",
        "smt-siblings",
        "frequency-governor",
        "clock-source",
        "stolen-time",
        "receive-buffer",
        "send-buffer",
        "backlog",
        "interface-state",
        "open-files",
        "file-system",
        "sync-latency",
    ];
    let mut expected: Vec<_> = bad.into_iter().map(|key| (key, Bad)).collect();
    expected.extend([
        ("mitigations", Good),
        ("realtime-limits", Good),
        // On a card polling is the operator's choice.
        ("busy-polling", Good),
        // The journal is in memory: there is no disk below it.
        ("write-cache", CanNotBeSeen),
        ("disk-scheduler", CanNotBeSeen),
    ]);
    check(&found, CouldBeBetter, &expected);
    assert!(
        found["interrupts"].found.starts_with("5: 24 (virtio0) on 2-3, "),
        "{:?}",
        found["interrupts"]
    );
    assert!(
        found["interrupts"].found.ends_with("...; irqbalance runs"),
        "{:?}",
        found["interrupts"]
    );
    assert_eq!(
        found["timer-noise"].command.as_deref(),
        Some("sysctl -w kernel.nmi_watchdog=0 kernel.numa_balancing=0 vm.stat_interval=10")
    );
}

#[test]
fn a_container_that_shows_nothing_is_said_to_show_nothing() {
    let wishes = Wishes {
        cores: cores("2"),
        ..wishes()
    };
    let found = look(&Tree::new(CONTAINER), &wishes, &Measurements::default());
    check(&found, CanNotBeSeen, &[]);
}

#[test]
fn what_nobody_asked_for_is_not_judged() {
    let found = look(&Tree::new(GOOD), &Wishes::default(), &Measurements::default());
    let not_asked = [
        "interface-state",
        "interface-queues",
        "interface-rings",
        "interface-offloads",
        "file-system",
        "write-cache",
        "disk-scheduler",
        "sync-latency",
        "stolen-time",
    ];
    let mut expected: Vec<_> = not_asked.into_iter().map(|key| (key, NotApplicable)).collect();
    // The exchange is on loopback then, and groups go by the card.
    expected.push(("multicast-route", CouldBeBetter));
    check(&found, Good, &expected);
}

#[test]
fn measurements_decide_where_there_are_some() {
    let tree = Tree::new(GOOD);
    let at =
        |measured: &Measurements, key: &str| look(&tree, &wishes(), measured).remove(key).expect("a knob");
    for (p99_ms, verdict) in [(0.5, Good), (5.0, CouldBeBetter), (50.0, Bad)] {
        assert_eq!(at(&disk(p99_ms), "sync-latency").verdict, verdict, "{p99_ms} ms");
    }
    let refused = Measurements {
        ring: Some(Ring::Refused("Operation not permitted".to_owned())),
        sync: Some(Err("/nowhere can not be written to".to_owned())),
        ..Measurements::default()
    };
    assert_eq!(at(&refused, "io_uring").verdict, CouldBeBetter);
    assert_eq!(at(&refused, "sync-latency").verdict, Bad);
    assert_eq!(at(&Measurements::default(), "sync-latency").verdict, CanNotBeSeen);
}

#[test]
fn few_cores_are_not_asked_to_stay_free() {
    let tree = Tree::new(GOOD);
    tree.write("/sys/devices/system/cpu/online", "0-1");
    tree.write("/sys/devices/system/cpu/isolated", "");
    let found = look(&tree, &wishes(), &disk(0.5));
    assert_eq!(found["isolated-cores"].verdict, NotApplicable);
    assert_eq!(found["interrupts"].verdict, NotApplicable);
}

#[test]
fn something_bad_is_what_the_exit_code_tells() {
    let finding = |verdict| (&KNOBS[0], Finding::new(verdict, "found", "wanted"));
    assert!(!report::is_any_bad(&[
        finding(Good),
        finding(CouldBeBetter),
        finding(CanNotBeSeen)
    ]));
    assert!(report::is_any_bad(&[finding(Good), finding(Bad)]));
}
