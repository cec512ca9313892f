//! The journal as a whole: written, crashed, damaged, read, continued.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crossbeam_utils::CachePadded;
use rtrb::{Consumer, Producer, RingBuffer};

use super::frame::{BLOCK_BYTES, padded};
use super::sim_disk::Random;
use super::*;
use crate::exchange::command::{Command, CommandKind};
use crate::recovery::durable::{Durable, OpenJournal};
use crate::runtime::Stage;
use crate::runtime::links::Journaled;
use crate::runtime::shutdown::Shutdown;

mod ahead;
mod crash;
mod damage;
mod files;
mod stage;

/// An empty directory that is gone when the test is.
pub(crate) struct TemporaryDirectory(PathBuf);

impl TemporaryDirectory {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("exchange-journal-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("temporary directory");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryDirectory {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("{}: {error}", self.0.display());
        }
    }
}

const CONFIGURATION: u64 = 0xC0FF_EE00;
const DAY: u64 = 1_700_000_000_000_000_000;
/// 64 KiB frames fit, and a few of them.
const SEGMENT: u64 = 256 * 1024;
const ROOMY: u64 = 1 << 40;

/// The command with this number, always the same; every fifth has an extension.
fn command(sequence: u64) -> Command {
    let mut random = Random(sequence);
    let mut command = Command::new(CommandKind::Enter);
    command.sequence = sequence;
    command.time = sequence * 10;
    command.instrument = random.next() as u16;
    command.session = random.next() as u32;
    command.body.iter_mut().for_each(|word| *word = random.next());
    if sequence.is_multiple_of(5) {
        command
            .extension
            .iter_mut()
            .for_each(|word| *word = random.next());
    }
    command
}

fn events_hash(sequence: u64) -> u64 {
    Random(!sequence).next()
}

fn journaled(sequence: u64) -> Journaled {
    Journaled {
        command: command(sequence),
        events_hash_before: events_hash(sequence),
    }
}

/// Reads everything and compares it with what was written.
fn recovered<D: Disk>(disk: &mut D) -> Result<Recovered, JournalError> {
    let mut next = 1;
    let recovered = recover(
        disk,
        ReadOptions::default(),
        |_| {},
        |read, hash| {
            assert_eq!(*read, command(next));
            assert!(hash.is_none_or(|hash| hash == events_hash(next)));
            next += 1;
            Ok::<(), JournalError>(())
        },
    )?;
    assert_eq!(recovered.last_sequence, next - 1);
    Ok(recovered)
}

/// A stage and the other ends of everything it is linked to.
struct Rig<D: Disk> {
    stage: JournalStage<D>,
    commands: Producer<Journaled>,
    replica: Consumer<Command>,
    released: Arc<CachePadded<AtomicU64>>,
    left_to_disk: Arc<CachePadded<AtomicU64>>,
    low_space: Arc<AtomicBool>,
    shutdown: Shutdown,
    /// The next command to push, and to see at the replica.
    next: u64,
    next_forwarded: u64,
}

impl<D: Disk> Rig<D> {
    fn new(settings: Settings, disk: Option<D>, recovered: &Recovered, replica_slots: usize) -> Self {
        Self::refusable(settings, disk, recovered, replica_slots).expect("settings that work")
    }

    fn refusable(
        settings: Settings,
        disk: Option<D>,
        recovered: &Recovered,
        replica_slots: usize,
    ) -> Result<Self, JournalError> {
        let (commands, their_commands) = RingBuffer::new(100_000);
        let (their_replica, replica) = RingBuffer::new(replica_slots);
        let released = Arc::new(CachePadded::new(AtomicU64::new(0)));
        let left_to_disk = Arc::new(CachePadded::new(AtomicU64::new(0)));
        let low_space = Arc::new(AtomicBool::new(false));
        let shutdown = Shutdown::default();
        let links = Links {
            commands: their_commands,
            replica: their_replica,
            left_to_disk: Arc::clone(&left_to_disk),
            released: Arc::clone(&released),
            low_space: Arc::clone(&low_space),
            shutdown: shutdown.clone(),
        };
        Ok(Self {
            stage: JournalStage::new(settings, disk, recovered, links)?,
            commands,
            replica,
            released,
            left_to_disk,
            low_space,
            shutdown,
            next: recovered.last_sequence + 1,
            next_forwarded: recovered.last_sequence + 1,
        })
    }

    /// Recovers `disk` and continues it.
    fn continued(settings: Settings, mut disk: D) -> Result<Self, JournalError> {
        let recovered = recovered(&mut disk)?;
        Ok(Self::new(settings, Some(disk), &recovered, 100_000))
    }

    fn push(&mut self, count: u64) {
        for _ in 0..count {
            self.commands
                .push(journaled(self.next))
                .expect("the ring has room");
            self.next += 1;
        }
    }

    /// Takes from the replica's ring, and checks what comes.
    fn take_forwarded(&mut self, count: usize) {
        for _ in 0..count {
            let Ok(forwarded) = self.replica.pop() else {
                return;
            };
            assert_eq!(forwarded, command(self.next_forwarded));
            self.next_forwarded += 1;
        }
    }

    fn released(&self) -> u64 {
        self.released.load(Ordering::Acquire)
    }

    /// Polls until `done`, but not for ever.
    fn poll_until(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let start = std::time::Instant::now();
        while !done(self) {
            assert!(start.elapsed().as_secs() < 60, "waited in vain until {what}");
            if self.stage.poll() == 0 {
                std::thread::yield_now();
            }
        }
    }

    /// Writes `count` commands as one frame.
    fn write_frame(&mut self, count: u64) {
        self.push(count);
        self.poll_until("the frame is written", |rig| rig.released() == rig.next - 1);
        self.poll_until("all is forwarded", |rig| {
            rig.take_forwarded(usize::MAX);
            rig.stage.is_drained()
        });
    }
}

fn settings() -> Settings {
    Settings::new(CONFIGURATION, DAY)
}

fn disk() -> SimDisk {
    SimDisk::new(1, SEGMENT, ROOMY, 2)
}

/// A disk with a frame for each of `counts`.
fn written(counts: &[u64]) -> SimDisk {
    let disk = disk();
    let mut rig = Rig::continued(settings(), disk.clone()).expect("an empty disk");
    for count in counts {
        rig.write_frame(*count);
    }
    disk
}

/// Bytes of the frame of these commands.
fn frame_bytes(commands: std::ops::RangeInclusive<u64>) -> u64 {
    let payload = commands
        .map(|number| if number % 5 == 0 { 128 } else { 64 })
        .sum();
    padded(payload) as u64
}
