//! Takes snapshots: the replica is lent to it, written into memory and given back; then the bytes go to disk.
//!
//! A thread of its own does both, so that neither a large state nor a slow disk stops the recovery stage. While the replica
//! is away the stage goes on with everything else; questions wait, and commands gather in their ring. In a simulation
//! everything happens in the caller's turn.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crossbeam_utils::CachePadded;
use rtrb::{Consumer, Producer, RingBuffer};

use super::files::Snapshots;
use super::image::{self, Origin};
use crate::recovery::replica::Replica;
use crate::runtime::helper::Helper;

/// Snapshots that are kept.
const KEPT: usize = 2;

crate::counters! {
    /// What became of snapshots.
    pub struct SnapshotCounters: "snapshots" {
        written: "Snapshots written.",
        bytes: "Bytes of the last snapshot.",
        last: "The last command of the newest snapshot.",
        no_room: "Snapshots left out because the disk is nearly full: the journal comes first.",
        failed: "Snapshots that could not be written.",
    }
}

/// What a keeper is told.
#[derive(Debug, Clone, Copy)]
pub struct KeeperSettings {
    /// Written into each snapshot.
    pub origin: Origin,
    /// A snapshot is left out when less than this would remain free: room for the journal.
    pub reserve_bytes: u64,
    /// Bytes that a snapshot may have, as estimated: allocated at start.
    pub buffer_bytes: usize,
}

/// A replica on its way to be written.
struct Job {
    replica: Box<Replica>,
    is_clean: bool,
}

/// Does the work, on whichever thread.
struct Work {
    files: Box<dyn Snapshots + Send>,
    settings: KeeperSettings,
    buffer: Vec<u8>,
    counters: Arc<CachePadded<SnapshotCounters>>,
}

/// Whom the replica is lent to.
pub struct Keeper {
    runs: Runs,
    counters: Arc<CachePadded<SnapshotCounters>>,
}

enum Runs {
    /// In the caller's turn; the replica that was lent.
    Here(Box<Work>, Option<Box<Replica>>),
    Thread(Writing),
}

/// The thread. When it ends it has written what it was given: an orderly end wants its last snapshot.
struct Writing {
    /// The first to be dropped: what it was given it still takes.
    helper: Helper,
    jobs: Producer<Job>,
    back: Consumer<Box<Replica>>,
    /// It has something to copy or to write.
    is_busy: Arc<AtomicBool>,
}

impl Keeper {
    /// Works in the caller's turn.
    pub fn inline(files: Box<dyn Snapshots + Send>, settings: KeeperSettings) -> Self {
        let work = Work::new(files, settings);
        Self {
            counters: Arc::clone(&work.counters),
            runs: Runs::Here(Box::new(work), None),
        }
    }

    /// Works on a thread of its own, which ends with the keeper after what it was given.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(files: Box<dyn Snapshots + Send>, settings: KeeperSettings) -> io::Result<Self> {
        let mut work = Work::new(files, settings);
        let counters = Arc::clone(&work.counters);
        let (jobs, mut its_jobs) = RingBuffer::<Job>::new(1);
        let (mut its_back, back) = RingBuffer::new(1);
        let is_busy = Arc::new(AtomicBool::new(false));
        let its_busy = Arc::clone(&is_busy);
        let helper = Helper::start("snapshots", move |stop| {
            loop {
                // Before the jobs are looked at: what came before the end is written.
                let ends = stop.load(Ordering::Acquire);
                if let Ok(job) = its_jobs.pop() {
                    let sequence = work.copy(&job);
                    // Nobody wants it back when the stage has ended.
                    drop(its_back.push(job.replica));
                    work.write(sequence);
                    its_busy.store(false, Ordering::Release);
                } else if ends {
                    return;
                } else {
                    thread::park();
                }
            }
        })?;
        let writing = Writing {
            helper,
            jobs,
            back,
            is_busy,
        };
        Ok(Self {
            runs: Runs::Thread(writing),
            counters,
        })
    }

    /// What it counts.
    pub fn counters(&self) -> &Arc<CachePadded<SnapshotCounters>> {
        &self.counters
    }

    /// True when it would copy a replica at once.
    pub fn is_idle(&self) -> bool {
        match &self.runs {
            Runs::Here(..) => true,
            Runs::Thread(writing) => !writing.is_busy.load(Ordering::Acquire),
        }
    }

    /// Lends it a replica that is between two commands. `is_clean`: nothing comes behind its last command, the exchange
    /// ends in order.
    ///
    /// # Panics
    /// When it still has the one before.
    pub fn lend(&mut self, replica: Box<Replica>, is_clean: bool) {
        let job = Job { replica, is_clean };
        match &mut self.runs {
            Runs::Here(work, back) => {
                let sequence = work.copy(&job);
                work.write(sequence);
                *back = Some(job.replica);
            }
            Runs::Thread(writing) => {
                writing.is_busy.store(true, Ordering::Release);
                assert!(writing.jobs.push(job).is_ok(), "one replica, lent once");
                writing.helper.wake();
            }
        }
    }

    /// Gives the replica back, once it was copied. The next may be lent then.
    pub fn give_back(&mut self) -> Option<Box<Replica>> {
        match &mut self.runs {
            Runs::Here(_, back) => back.take(),
            Runs::Thread(writing) => {
                let back = writing.back.pop().ok();
                assert!(
                    back.is_some() || !writing.back.is_abandoned(),
                    "the thread that writes snapshots lives as long as its keeper"
                );
                back
            }
        }
    }
}

impl Work {
    fn new(files: Box<dyn Snapshots + Send>, settings: KeeperSettings) -> Self {
        Self {
            files,
            settings,
            buffer: Vec::with_capacity(settings.buffer_bytes),
            counters: SnapshotCounters::shared(),
        }
    }

    /// Into memory: as long as this takes the replica is away.
    fn copy(&mut self, job: &Job) -> u64 {
        image::build(&job.replica, self.settings.origin, job.is_clean, &mut self.buffer)
    }

    /// To disk. A snapshot that can not be written is none: the journal has everything, and the next one is tried as if
    /// nothing had happened.
    fn write(&mut self, sequence: u64) {
        image::seal(&mut self.buffer);
        let needed = self.buffer.len() as u64 + self.settings.reserve_bytes;
        match self.files.free_bytes() {
            Ok(free) if free < needed => self.counters.no_room.increment(),
            Ok(_) => match self.files.write(sequence, &self.buffer) {
                Ok(()) => {
                    self.counters.written.increment();
                    self.counters.bytes.set(self.buffer.len() as u64);
                    self.counters.last.set(sequence);
                    self.prune();
                }
                Err(_) => self.counters.failed.increment(),
            },
            Err(_) => self.counters.failed.increment(),
        }
    }

    /// Only as many as are kept stay. One that can not be removed stays as well, and is tried again with the next.
    fn prune(&mut self) {
        let Ok(list) = self.files.list() else { return };
        let old = list.len().saturating_sub(KEPT);
        for sequence in &list[..old] {
            if self.files.remove(*sequence).is_err() {
                self.counters.failed.increment();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Limits;
    use crate::exchange::command::{Command, CommandKind};
    use crate::journal::SimDisk;
    use crate::output::MessageSink;
    use crate::snapshot;

    const LIMITS: Limits = Limits {
        assets: 2,
        instruments: 1,
        accounts: 1,
        sessions: 1,
        orders: 16,
        levels: 16,
        fee_schedules: 1,
    };
    const SETTINGS: KeeperSettings = KeeperSettings {
        origin: Origin {
            configuration_hash: 3,
            day_ns: 4,
        },
        reserve_bytes: 10_000,
        buffer_bytes: 1_024,
    };

    struct Nobody;

    impl MessageSink for Nobody {
        fn feed(&mut self, _sequence: u64, _message: &[u8]) {}
        fn session(&mut self, _session: u32, _sequence: u64, _message: &[u8]) {}
    }

    /// The next command, which changes nothing but the number.
    fn step(replica: &mut Replica) {
        let command = Command {
            sequence: replica.applied() + 1,
            ..Command::new(CommandKind::AccountQuery)
        };
        replica.replay(&command, &mut Nobody);
    }

    fn disk() -> SimDisk {
        SimDisk::new(1, 4_096, 1 << 20, 0)
    }

    /// Lends, takes back and goes on, until so many commands are applied.
    fn run(keeper: &mut Keeper, mut replica: Box<Replica>, commands: u64) -> Box<Replica> {
        for _ in 0..commands {
            step(&mut replica);
            while !keeper.is_idle() {
                thread::yield_now();
            }
            keeper.lend(replica, false);
            replica = loop {
                match keeper.give_back() {
                    Some(replica) => break replica,
                    None => thread::yield_now(),
                }
            };
        }
        replica
    }

    fn list(disk: &SimDisk) -> Vec<u64> {
        Snapshots::list(&mut disk.clone()).expect("in memory")
    }

    #[test]
    fn the_two_newest_are_kept_wherever_it_works() {
        let replica = || Box::new(Replica::new(LIMITS, 0, 4));
        let (here, there) = (disk(), disk());
        run(
            &mut Keeper::inline(Box::new(here.clone()), SETTINGS),
            replica(),
            5,
        );
        let mut keeper = Keeper::start(Box::new(there.clone()), SETTINGS).expect("threads can be started");
        run(&mut keeper, replica(), 5);
        // Dropping it waits for the last one.
        drop(keeper);
        for disk in [here, there] {
            assert_eq!(list(&disk), [4, 5]);
            let bytes = Snapshots::read(&mut disk.clone(), 5).expect("it is there");
            let header = snapshot::open(&bytes).expect("it is whole").header;
            assert_eq!(
                (header.sequence, header.configuration_hash, header.day_ns),
                (5, 3, 4)
            );
            assert!(!header.is_clean());
        }
    }

    #[test]
    fn without_room_or_with_an_error_there_is_none_and_everything_goes_on() {
        let disk = disk();
        let mut keeper = Keeper::inline(Box::new(disk.clone()), SETTINGS);
        let replica = run(&mut keeper, Box::new(Replica::new(LIMITS, 0, 4)), 1);
        disk.set_capacity(10_000);
        let replica = run(&mut keeper, replica, 1);
        disk.set_capacity(1 << 20);
        disk.fail_snapshots(true);
        let replica = run(&mut keeper, replica, 2);
        assert_eq!(list(&disk), [1]);
        let counters = keeper.counters();
        assert_eq!(
            (
                counters.no_room.get(),
                counters.failed.get(),
                counters.written.get()
            ),
            (1, 2, 1)
        );
        disk.fail_snapshots(false);
        run(&mut keeper, replica, 1);
        assert_eq!(list(&disk), [1, 5]);
    }
}
