//! An exchange on threads and real sockets, ended and started again: the same streams from the first message on, however
//! old, from whichever snapshot it began.

mod client;
mod full;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use client::Client;
use engine::assembly::{self, Running};
use engine::config::Config;
use engine::exchange::command::CommandKind;
use engine::journal::{self, Directory as Journal, JournalError, ReadOptions};

/// Orders of a test: what they cause is several times what the store holds.
const ORDERS: u32 = 12_000;

/// A data directory that is removed with its contents.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("restart-{}-{number}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).expect("the build directory can be written");
        Self(path)
    }

    fn snapshots(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.0).expect("it is there");
        let paths = entries.map(|entry| entry.expect("it can be read").path());
        let mut snapshots: Vec<_> = paths
            .filter(|path| path.extension().is_some_and(|extension| extension == "snapshot"))
            .collect();
        snapshots.sort();
        snapshots
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What can not be removed stays in the build directory.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The built-in configuration on free ports, with a store for few messages.
fn config(directory: &Directory) -> Config {
    let mut config = Config::built_in();
    config.network.use_free_ports();
    config.network.line_b = None;
    config.capacities.limits.orders = 65_536;
    config.capacities.limits.accounts = 32;
    config.capacities.limits.sessions = 32;
    config.capacities.store = 1 << 20;
    config.journal.directory.clone_from(&directory.0);
    config.journal.segment_bytes = 4 << 20;
    config
}

fn start(config: &Config) -> (Running, Vec<String>) {
    let mut told = Vec::new();
    let running = assembly::start_telling(config, |line| told.push(line.to_owned()));
    (running.unwrap_or_else(|error| panic!("{error}; {told:?}")), told)
}

/// Everything the two streams say from their first message on: the session's and the feed's.
struct Said {
    session: Vec<Vec<u8>>,
    feed: Vec<Vec<u8>>,
}

fn all(running: &Running, session_messages: usize, feed_messages: usize) -> Said {
    let addresses = running.addresses();
    let mut session = Client::login(SocketAddr::V4(addresses.order_entry_tcp), "MAKER1", "demo", 1);
    let mut feed = Client::login(SocketAddr::V4(addresses.recovery_tcp), "", "", 1);
    Said {
        session: session.take(session_messages),
        feed: feed.take(feed_messages),
    }
}

/// Commands that were applied again for old messages.
fn made_again(running: &Running) -> u64 {
    let mut applied = 0;
    for group in running.counters() {
        group.each(&mut |reading| {
            if group.group() == "archive" && reading.label == "commands" {
                applied = reading.value;
            }
        });
    }
    applied
}

/// Commands that the journal has.
fn last_command(directory: &Directory) -> u64 {
    let mut last = 0;
    journal::replay(
        &mut Journal::new(&directory.0),
        ReadOptions::default(),
        |_| {},
        |command, _| {
            last = command.sequence;
            Ok::<_, JournalError>(())
        },
    )
    .expect("it is whole");
    last
}

/// Old messages over both doors while the exchange runs, after a restart from the last snapshot, and after one that has to
/// go without any: always the bytes that were said the first time.
#[test]
fn old_messages_are_made_again() {
    let directory = Directory::new();
    let config = config(&directory);
    let (running, _) = start(&config);
    let address = SocketAddr::V4(running.addresses().order_entry_tcp);
    // Somebody who says nothing from then on.
    let mut silent = Client::login(address, "MAKER2", "demo", 0);
    silent.enter(1);
    silent.cancel(1);
    silent.wait_for_cancel();
    let early = silent.finish();
    drop(silent);
    let mut maker = Client::login(address, "MAKER1", "demo", 0);
    let mut feed = Client::login(SocketAddr::V4(running.addresses().recovery_tcp), "", "", 1);
    let mut live = Said {
        session: Vec::new(),
        feed: Vec::new(),
    };
    for user_ref in 1..=ORDERS {
        maker.enter(user_ref);
        if user_ref % 500 == 0 {
            maker.wait_for(user_ref);
            // Who does not read along falls off the store. Each order is added to the feed.
            live.feed.extend(feed.take(500));
        }
    }
    live.session = maker.finish();
    let again = all(&running, live.session.len(), live.feed.len());
    assert!(again.session == live.session, "the session's stream, running");
    assert!(again.feed == live.feed, "the feed, running");
    let before = made_again(&running);
    let mut silent = Client::login(address, "MAKER2", "demo", 0);
    assert_eq!(silent.take(1), early[early.len() - 1..], "the newest alone");
    assert_eq!(made_again(&running), before, "the newest is kept");
    let mut silent = Client::login(address, "MAKER2", "demo", 1);
    assert_eq!(silent.take(early.len()), early);
    let applied = made_again(&running) - before;
    assert!(
        (1..last_command(&directory) / 4).contains(&applied),
        "{applied} commands for messages of the first ones"
    );
    drop((maker, feed, silent));
    let state = running.stop().expect("it ends in order").exchange.state_hash();

    let (running, told) = start(&config);
    assert!(
        told.iter()
            .any(|line| line.starts_with("snapshot: state after command")),
        "{told:?}"
    );
    assert!(
        told.iter()
            .any(|line| line.contains("journal: 0 commands replayed behind")),
        "{told:?}"
    );
    let again = all(&running, live.session.len(), live.feed.len());
    assert!(
        again.session == live.session,
        "the session's stream, from a snapshot"
    );
    assert!(again.feed == live.feed, "the feed, from a snapshot");
    let commands = last_command(&directory);
    let before = made_again(&running);
    let address = SocketAddr::V4(running.addresses().recovery_tcp);
    let mut crowd: Vec<_> = (0..8).map(|_| Client::login(address, "", "", 1)).collect();
    for (number, feed) in crowd.iter_mut().enumerate() {
        assert!(
            feed.take(live.feed.len()) == live.feed,
            "number {number} of several"
        );
    }
    // The first may be on its way when the others come; those go together.
    let applied = made_again(&running) - before;
    assert!(
        applied <= 3 * commands,
        "{applied} commands for eight who want the same {commands}"
    );
    drop(crowd);
    let last = running.stop().expect("it ends in order");
    assert!(last.is_equal());
    assert_ne!(last.exchange.state_hash(), state, "logins are commands too");

    for snapshot in directory.snapshots() {
        fs::remove_file(snapshot).expect("it is there");
    }
    let (running, told) = start(&config);
    assert!(
        !told.iter().any(|line| line.starts_with("snapshot: ")),
        "{told:?}"
    );
    let again = all(&running, live.session.len(), live.feed.len());
    assert!(
        again.session == live.session,
        "the session's stream, from the journal"
    );
    assert!(again.feed == live.feed, "the feed, from the journal");
    assert!(running.stop().expect("it ends in order").is_equal());
}

/// A command that ended the process: the next start refuses it until it is skipped; then it is rejected, everything else is
/// as it was, and the journal says so, once.
#[test]
fn a_poison_command_is_refused_until_it_is_skipped() {
    let directory = Directory::new();
    let mut config = config(&directory);
    config.capacities.store = 64 << 20;
    let (running, _) = start(&config);
    let address = SocketAddr::V4(running.addresses().order_entry_tcp);
    let mut maker = Client::login(address, "MAKER1", "demo", 0);
    for user_ref in 1..=50 {
        maker.enter(user_ref);
    }
    maker.wait_for(50);
    let said = maker.finish();
    let ended = running.stop().expect("it ends in order");
    assert!(ended.exchange.is_live(2, 40), "MAKER1 has the third session");

    // As the hook of a panic would have done it, with the order of number 40.
    let mut poison = None;
    let mut journal = Journal::new(&directory.0);
    journal::replay(
        &mut journal,
        ReadOptions::default(),
        |_| {},
        |command, _| {
            if command.kind == CommandKind::Enter as u8 && command.order().user_ref == 40 {
                poison = Some(*command);
            }
            Ok::<_, JournalError>(())
        },
    )
    .expect("it is whole");
    let poison = poison.expect("it is in the journal");
    engine::poison::record(&directory.0, &poison).expect("it can be written");
    for snapshot in directory.snapshots() {
        fs::remove_file(snapshot).expect("it is there");
    }
    let error = match assembly::start(&config) {
        Ok(_) => panic!("the command would end it again"),
        Err(error) => error.to_string(),
    };
    assert!(
        error.contains(&format!(
            "command {} (Enter, session 2, instrument 1)",
            poison.sequence
        )),
        "{error}"
    );
    assert!(error.contains("exchange skip --data"), "{error}");

    engine::poison::skip(&directory.0, poison.sequence).expect("that one");
    let (running, _) = start(&config);
    let again = all(&running, said.len(), 1).session;
    let last = running.stop().expect("it ends in order");
    assert!(last.is_equal());
    assert!(!last.exchange.is_live(2, 40) && last.exchange.is_live(2, 39) && last.exchange.is_live(2, 41));
    assert_eq!(last.exchange.session(2).expect("it is there").mark, 50);
    assert_eq!(last.exchange.skips(), 1);
    let differing: Vec<_> = (0..said.len())
        .filter(|&place| said[place] != again[place])
        .collect();
    assert_eq!(again[differing[0]][0], b'J', "its sender is told");
    let (running, _) = start(&config);
    assert_eq!(
        running.stop().expect("it ends in order").exchange.skips(),
        1,
        "journaled once"
    );
}

/// Snapshots while orders come in: two are kept, and a start begins with the newest, or with the one before when that is
/// damaged.
#[test]
fn snapshots_are_taken_under_load() {
    let directory = Directory::new();
    let mut config = config(&directory);
    (
        config.journal.snapshot_interval_s,
        config.journal.snapshot_commands,
    ) = (1, 100);
    // What comes while the replica is lent has no room: it is read from disk.
    config.capacities.replica_ring = 1_024;
    let (running, _) = start(&config);
    let address = SocketAddr::V4(running.addresses().order_entry_tcp);
    let mut maker = Client::login(address, "MAKER1", "demo", 0);
    let mut user_ref = 0;
    let mut seen = Vec::new();
    // Until three were there, of which the first is gone again.
    while seen.len() < 3 {
        for _ in 0..3_000 {
            user_ref += 1;
            maker.enter(user_ref);
        }
        maker.wait_for(user_ref);
        for snapshot in directory.snapshots() {
            if !seen.contains(&snapshot) {
                seen.push(snapshot);
            }
        }
        assert!(
            directory.snapshots().len() <= 3,
            "two, and one that is about to go"
        );
        assert!(user_ref < 1_000_000, "snapshots are taken");
    }
    let ended = running.stop().expect("it ends in order");
    assert!(ended.is_equal());
    let kept = directory.snapshots();
    assert_eq!(kept.len(), 2);
    let newest = kept.last().expect("two");
    let mut bytes = fs::read(newest).expect("it is there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(newest, bytes).expect("it is there");
    let (running, told) = start(&config);
    let refused = told
        .iter()
        .any(|line| line.contains("snapshot refused") && line.contains("checksum"));
    assert!(refused, "{told:?}");
    assert!(
        told.iter()
            .any(|line| line.contains("replayed behind the snapshot")),
        "{told:?}"
    );
    // A session that was connected when it ended is ended in its time; nothing else came.
    let again = running.stop().expect("it ends in order");
    assert_eq!(again.exchange.state_hash(), ended.exchange.state_hash());
}
