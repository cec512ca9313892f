//! Snapshots and a journal, whole and damaged in every way: a start comes to the same state, or says why it can not.

use std::sync::Arc;

use protocol::testing::Random;
use protocol::units::text_field;
use rtrb::RingBuffer;
use zerocopy::{FromZeros, Immutable, IntoBytes};

use super::{Progress, Restored, load, restore};
use crate::assembly::StartError;
use crate::exchange::Limits;
use crate::exchange::command::{
    AccountDefinition, AssetDefinition, Command, CommandKind, InstrumentDefinition, Order, SessionDefinition,
    halves,
};
use crate::journal::{self, Disk, JournalStage, Recovered, Segments, Settings, SimDisk};
use crate::poison::Skips;
use crate::recovery::replica::Replica;
use crate::recovery::store::{FEED_STREAM, NotServable, Store};
use crate::recovery::{RecoveryConfig, Start};
use crate::replay::Nobody;
use crate::runtime::links::Journaled;
use crate::snapshot::{self, Origin, Snapshots};

const LIMITS: Limits = Limits {
    assets: 2,
    instruments: 1,
    accounts: 3,
    sessions: 3,
    orders: 500,
    levels: 100,
    fee_schedules: 4,
};
const CONFIGURATION: u64 = 0xC0FFEE;
const DAY_NS: u64 = 86_400_000_000_000;
const COMMANDS: u64 = 3_000;
/// Where snapshots are taken.
const FIRST: u64 = 1_000;
const SECOND: u64 = 2_345;
const STREAMS: [u32; 4] = [0, 1, 2, FEED_STREAM];

fn define<T: IntoBytes + Immutable>(kind: CommandKind, definition: &T) -> Command {
    Command::new(kind).with_definition(definition)
}

fn setup() -> Vec<Command> {
    let mut commands = vec![];
    for name in ["USD", "BTC"] {
        let definition = AssetDefinition {
            name: text_field(name).expect("short"),
            ..AssetDefinition::new_zeroed()
        };
        commands.push(define(CommandKind::AddAsset, &definition));
    }
    let definition = InstrumentDefinition {
        symbol: text_field("BTC-USD").expect("short"),
        lot_size: halves(1),
        price_unit: halves(1),
        tick_size: 10_000,
        price_max: 10_000_000,
        quantity_max: 1_000,
        taker_fee_ppm: 1_000,
        base: 1,
        ..InstrumentDefinition::new_zeroed()
    };
    commands.push(define(CommandKind::AddInstrument, &definition));
    let mut open = Command::new(CommandKind::SetState).with_state(b'T');
    open.instrument = 1;
    commands.push(open);
    for account in 0..3 {
        let definition = AccountDefinition {
            name: text_field(&format!("A{account}")).expect("short"),
            self_match: b'O',
            ..AccountDefinition::new_zeroed()
        };
        commands.push(define(CommandKind::AddAccount, &definition));
        let definition = SessionDefinition {
            username: text_field(&format!("S{account}")).expect("short"),
            account,
            ..SessionDefinition::new_zeroed()
        };
        commands.push(define(CommandKind::AddSession, &definition));
        for asset in 0..2 {
            commands.push(Command::new(CommandKind::Deposit).with_transfer(account, asset, 1 << 60));
        }
    }
    commands
}

/// Orders, cancels, now and then something that is refused.
fn trade(random: &mut Random, marks: &mut [u32; 3]) -> Command {
    let session = random.below(3) as u32;
    let mark = &mut marks[session as usize];
    let mut order = Order {
        price: (90 + random.below(20)) * 10_000,
        user_ref: *mark + 1,
        quantity: random.below(20) as u32,
        cl_ord_id: *b"              ",
        side: *random.pick(b"BS"),
        time_in_force: b'0',
        display: b'Y',
        capacity: b'A',
        sweep: b'N',
        cross_type: b'N',
        ..Order::new_zeroed()
    };
    let kind = if random.chance(2, 3) {
        *mark += 1;
        CommandKind::Enter
    } else {
        order.user_ref = mark.saturating_sub(random.below(30) as u32);
        order.quantity = 0;
        CommandKind::Cancel
    };
    let mut command = Command::new(kind).with_order(order);
    (command.session, command.instrument) = (session, 1);
    command
}

fn recovery() -> RecoveryConfig {
    RecoveryConfig {
        store_bytes: 1 << 20,
        finished_orders: 100,
        ..RecoveryConfig::new(LIMITS)
    }
}

/// What who logs in and asks for the newest message is told first.
fn newest_of(store: &Store, stream: u32) -> Vec<u8> {
    let cursor = store.cursor(stream, 0).expect("the newest message is there");
    let newest = store.read(&cursor).expect("nothing was overwritten");
    newest.expect("something was told").bytes.to_vec()
}

/// A journal with two snapshots beside it, and the state at its end.
struct Past {
    disk: SimDisk,
    end: Replica,
    /// The newest message of each stream at the second snapshot.
    newest: Vec<(u32, Vec<u8>)>,
}

impl Past {
    /// Snapshots are taken by `taker`; `is_clean` says which are of an orderly end.
    fn new(taker: u64, is_clean: bool) -> Self {
        Self::in_segments(1 << 20, taker, is_clean)
    }

    fn in_segments(bytes: u64, taker: u64, is_clean: bool) -> Self {
        let mut disk = SimDisk::new(1, bytes, 1 << 30, 0);
        let mut stage = Writer::new(&disk, &Recovered::default());
        let mut replica = Replica::new(LIMITS, 5, 100);
        let mut store = Store::new(1 << 20, LIMITS.sessions);
        let mut newest = Vec::new();
        let (mut random, mut marks) = (Random::new(9), [0; 3]);
        let mut commands = setup();
        for sequence in 1..=COMMANDS {
            let next = commands.first().copied();
            let command = next.unwrap_or_else(|| trade(&mut random, &mut marks));
            commands.drain(..commands.len().min(1));
            let command = Command {
                sequence,
                time: sequence * 1_000,
                ..command
            };
            stage.write(Journaled {
                command,
                events_hash_before: replica.events_hash().value(),
            });
            replica.replay(&command, &mut store);
            if sequence == FIRST || sequence == SECOND {
                stage.finish();
                replica.note_newest(&store);
                take(&replica, taker, is_clean, &mut disk);
                newest = STREAMS.map(|stream| (stream, newest_of(&store, stream))).to_vec();
            }
        }
        stage.finish();
        Self {
            disk,
            end: replica,
            newest,
        }
    }

    fn restore(&self, configuration: u64) -> Result<Restored, StartError> {
        self.restore_into(&recovery(), configuration)
    }

    fn restore_into(&self, recovery: &RecoveryConfig, configuration: u64) -> Result<Restored, StartError> {
        let (mut disk, mut snapshots) = (self.disk.clone(), self.disk.clone());
        restore(
            configuration,
            recovery,
            &Skips::default(),
            &mut disk,
            &mut snapshots,
            |_: Progress| {},
        )
    }

    /// A start comes to the state at the journal's end, from this snapshot, with so many left aside.
    fn check(&self, snapshot: u64, refused: usize) -> Restored {
        self.check_into(&recovery(), snapshot, refused)
    }

    fn check_into(&self, recovery: &RecoveryConfig, snapshot: u64, refused: usize) -> Restored {
        let restored = self
            .restore_into(recovery, CONFIGURATION)
            .expect("nothing is lost");
        assert_eq!(
            (restored.snapshot, restored.refused.len()),
            (snapshot, refused),
            "{:?}",
            restored.refused
        );
        let Start { replica, store, .. } = &restored.start;
        assert_eq!(replica.applied(), COMMANDS);
        assert_eq!(replica.exchange().state_hash(), self.end.exchange().state_hash());
        assert_eq!(replica.events_hash(), self.end.events_hash());
        assert_eq!(store.released(), COMMANDS);
        assert_eq!(store.last(FEED_STREAM), self.end.feed_sequence());
        let saved = |replica: &Replica| {
            let (mut streams, mut history) = (Vec::new(), Vec::new());
            replica.encoder().save(&mut streams);
            replica.history().save(&mut history);
            (streams, history)
        };
        assert!(saved(replica) == saved(&self.end), "numbers and finished orders");
        for session in 0..3 {
            let last = self.end.session_sequence(session);
            assert_eq!(store.last(session), last);
            store.cursor(session, last + 1).expect("the next message to come");
        }
        restored
    }
}

fn take(replica: &Replica, configuration_hash: u64, is_clean: bool, snapshots: &mut SimDisk) {
    let origin = Origin {
        configuration_hash,
        day_ns: DAY_NS,
    };
    let mut bytes = Vec::new();
    let sequence = snapshot::build(replica, origin, is_clean, &mut bytes);
    snapshot::seal(&mut bytes);
    snapshots.write(sequence, &bytes).expect("there is room");
}

/// A journal stage that is fed and polled here.
struct Writer {
    commands: rtrb::Producer<Journaled>,
    replica: rtrb::Consumer<Command>,
    stage: JournalStage<SimDisk>,
}

impl Writer {
    fn new(disk: &SimDisk, recovered: &Recovered) -> Self {
        let (commands, commands_end) = RingBuffer::new(8_192);
        let (replica_end, replica) = RingBuffer::new(8_192);
        let links = journal::Links {
            commands: commands_end,
            replica: replica_end,
            left_to_disk: Arc::default(),
            released: Arc::default(),
            low_space: Arc::default(),
            shutdown: Default::default(),
        };
        let settled = if recovered.last_sequence == 0 {
            let options = journal::ReadOptions::default();
            journal::recover(
                &mut disk.clone(),
                options,
                |_| {},
                |_, _| Ok::<_, journal::JournalError>(()),
            )
            .expect("an empty disk")
        } else {
            recovered.clone()
        };
        let settings = Settings {
            frame_payload_bytes_max: 4_096,
            ..Settings::new(CONFIGURATION, DAY_NS)
        };
        let stage = JournalStage::new(settings, Some(disk.clone()), &settled, links);
        Self {
            commands,
            replica,
            stage: stage.expect("settings that work"),
        }
    }

    fn write(&mut self, journaled: Journaled) {
        assert!(self.commands.push(journaled).is_ok(), "room for all");
        if journaled.command.sequence.is_multiple_of(50) {
            self.finish();
        }
    }

    fn finish(&mut self) {
        assert!(self.stage.drain(), "nothing fails");
        while self.replica.pop().is_ok() {}
    }
}

/// What a small store would have overwritten is not stored; what it can hold is there, from whichever message on.
#[test]
fn a_store_is_filled_with_the_end_only() {
    let past = Past::in_segments(16 << 10, CONFIGURATION, false);
    for sequence in [SECOND, FIRST] {
        assert!(past.disk.change_snapshot(sequence, |bytes| bytes.clear()));
    }
    let small = RecoveryConfig {
        store_bytes: 16 << 10,
        ..recovery()
    };
    let (large, small) = (past.check(0, 2), past.check_into(&small, 0, 2));
    let (large, small) = (&large.start.store, &small.start.store);
    assert!(
        small.counters().messages.get() < large.counters().messages.get() / 2,
        "{:?}, {:?}",
        small.counters(),
        large.counters()
    );
    assert_eq!(
        (small.counters().holes.get(), small.counters().repeats.get()),
        (0, 0)
    );
    let last = small.last(FEED_STREAM);
    let first = (1..=last).find(|&number| small.cursor(FEED_STREAM, number).is_ok());
    let first = first.expect("the newest is there");
    assert!(first > 1 && last - first > 50, "{first} to {last}");
    for number in first..=last {
        let read = |store: &Store| {
            let cursor = store.cursor(FEED_STREAM, number).expect("it is stored");
            let stored = store.read(&cursor).expect("it is stored").expect("it has come");
            stored.bytes.to_vec()
        };
        assert_eq!(read(small), read(large), "message {number}");
    }
}

#[test]
fn the_newest_whole_snapshot_is_the_beginning() {
    let past = Past::new(CONFIGURATION, false);
    past.check(SECOND, 0);
    let flip = |bytes: &mut Vec<u8>| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    };
    assert!(past.disk.change_snapshot(SECOND, flip));
    let restored = past.check(FIRST, 1);
    assert!(restored.refused[0].contains("checksum"), "{:?}", restored.refused);
    assert!(
        past.disk
            .change_snapshot(FIRST, |bytes| bytes.truncate(bytes.len() - 1))
    );
    past.check(0, 2);
}

#[test]
fn whatever_is_wrong_with_a_snapshot_the_journal_has_everything() {
    let past = Past::new(CONFIGURATION, false);
    let whole = past.disk.clone().read(SECOND).expect("it is there");
    let mut random = Random::new(3);
    for round in 0..60 {
        let mut bytes = whole.clone();
        let place = match round {
            0..30 => round * 4,
            _ => random.below(bytes.len() as u64) as usize,
        };
        match round % 3 {
            0 => bytes[place] ^= 1 << random.below(8),
            1 => bytes.truncate(place),
            _ => bytes.insert(place, 0),
        }
        let error = snapshot::open(&bytes).map(|image| image.header);
        assert!(error.is_err(), "round {round}, at {place}: {error:?}");
    }
    // Right checksums, another state: what only the state's own hash can tell.
    assert!(past.disk.change_snapshot(SECOND, |bytes| {
        let (mut random, mut marks) = (Random::new(9), [0; 3]);
        let mut other = Replica::new(LIMITS, 5, 100);
        let trades = std::iter::repeat_with(|| trade(&mut random, &mut marks));
        for (sequence, command) in (1..=SECOND).zip(setup().into_iter().chain(trades)) {
            let time = sequence * 1_000;
            other.replay(
                &Command {
                    sequence,
                    time,
                    ..command
                },
                &mut Nobody,
            );
        }
        let origin = Origin {
            configuration_hash: CONFIGURATION,
            day_ns: DAY_NS,
        };
        let mut honest = Vec::new();
        snapshot::build(&other, origin, false, &mut honest);
        // Somewhere among the orders: behind the header, in the middle of the exchange's state.
        let core = u64::from_le_bytes(*honest[80..].first_chunk().expect("a header"));
        honest[128 + core as usize / 2] ^= 1;
        snapshot::seal(&mut honest);
        *bytes = honest;
    }));
    past.check(FIRST, 1);
}

#[test]
fn a_journal_that_lost_what_a_snapshot_knows_is_damaged() {
    let past = Past::new(CONFIGURATION, false);
    let mut lost = past.disk.clone();
    let last = *Segments::list(&mut lost)
        .expect("in memory")
        .last()
        .expect("there are some");
    assert_eq!(last, 2, "the journal's one segment, and the next one prepared");
    // The last frames before the second snapshot's command, and all behind it, are gone: as if never written.
    let options = journal::ReadOptions {
        until: 2_000,
        ..Default::default()
    };
    let read = journal::replay(
        &mut lost,
        options,
        |_| {},
        |_, _| Ok::<_, journal::JournalError>(()),
    );
    let position = read.expect("it is whole").position.expect("there are frames");
    lost.erase(1, position.offset).expect("in memory");
    let error = past
        .restore(CONFIGURATION)
        .expect_err("commands are missing")
        .to_string();
    assert!(error.contains("ends with command 20"), "{error}");
    assert!(
        error.contains(&format!("knows commands up to {SECOND}")),
        "{error}"
    );
}

#[test]
fn anothers_snapshot_counts_only_when_nothing_came_behind_it() {
    let past = Past::new(CONFIGURATION + 1, false);
    let restored = past.check(0, 2);
    assert!(restored.refused[0].contains("another version or configuration"));
    // At an orderly end, but not the last.
    let past = Past::new(CONFIGURATION + 1, true);
    past.check(0, 2);
    take(&past.end, CONFIGURATION + 1, true, &mut past.disk.clone());
    past.check(COMMANDS, 0);
    take(&past.end, CONFIGURATION + 1, false, &mut past.disk.clone());
    past.check(0, 3);
}

/// A start from a snapshot goes on writing where the journal ends, and the next start reads on over that.
#[test]
fn what_is_written_behind_a_snapshot_is_read_on() {
    let mut past = Past::new(CONFIGURATION, false);
    for _ in 0..3 {
        let restored = past.restore(CONFIGURATION).expect("nothing is lost");
        assert_eq!(restored.snapshot, SECOND);
        let mut writer = Writer::new(&past.disk, &restored.recovered);
        for sequence in past.end.applied() + 1..past.end.applied() + 11 {
            let command = Command {
                sequence,
                time: sequence * 1_000,
                ..Command::new(CommandKind::AccountQuery)
            };
            writer.write(Journaled {
                command,
                events_hash_before: past.end.events_hash().value(),
            });
            past.end.replay(&command, &mut Nobody);
        }
        writer.finish();
        let again = past.restore(CONFIGURATION).expect("nothing is lost");
        assert_eq!(
            again.start.replica.exchange().state_hash(),
            past.end.exchange().state_hash()
        );
    }
}

/// Nothing of the journal is applied: a customer who was silent since then goes on at once.
#[test]
fn a_snapshot_has_the_newest_message_of_each_stream() {
    let mut past = Past::new(CONFIGURATION, false);
    let (_, start) = load(&recovery(), &mut past.disk, SECOND).expect("it is whole");
    for (stream, newest) in past.newest {
        assert!(newest_of(&start.store, stream) == newest, "stream {stream}");
        let last = start.store.last(stream);
        assert_eq!(start.store.cursor(stream, last - 1), Err(NotServable::Gone));
    }
}
