//! Takes snapshots: the replica is lent to it, written into memory and given back; then the bytes go to disk.
//!
//! A thread of its own does both, so that neither a large state nor a slow disk stops the recovery stage. While the replica
//! is away the stage goes on with everything else; questions wait, and commands gather in their ring. In a simulation
//! everything happens in the caller's turn.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crossbeam_utils::CachePadded;
use rtrb::{Consumer, Producer, RingBuffer};

use super::files::Snapshots;
use super::image::{self, Origin};
use crate::journal::Removed;
use crate::recovery::replica::Replica;
use crate::runtime::helper::Helper;
use crate::runtime::notices::Notices;

/// Snapshots that are kept, whatever else is.
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

/// How long the past is kept.
pub struct Retention {
    /// Days before today that stay whole.
    days: u32,
    /// Removes the segments of the journal that have no command behind this one; gives their number and bytes.
    remove_before: Box<dyn FnMut(u64) -> io::Result<Removed> + Send>,
    /// Tells the console.
    notices: Notices,
    /// That was done, with this command.
    removed_before: u64,
}

impl Retention {
    /// Today and `days` days before it stay whole; `remove_before` removes what the journal has before a command.
    pub fn new(
        days: u32,
        remove_before: Box<dyn FnMut(u64) -> io::Result<Removed> + Send>,
        notices: Notices,
    ) -> Self {
        Self {
            days,
            remove_before,
            notices,
            removed_before: 0,
        }
    }
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
    /// `None`: the journal is kept for ever.
    retention: Option<Retention>,
    /// The trading day of each snapshot there is, as far as it was looked at.
    days: BTreeMap<u64, u32>,
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
    pub fn inline(
        files: Box<dyn Snapshots + Send>,
        settings: KeeperSettings,
        retention: Option<Retention>,
    ) -> Self {
        let work = Work::new(files, settings, retention);
        Self {
            counters: Arc::clone(&work.counters),
            runs: Runs::Here(Box::new(work), None),
        }
    }

    /// Works on a thread of its own, which ends with the keeper after what it was given.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(
        files: Box<dyn Snapshots + Send>,
        settings: KeeperSettings,
        retention: Option<Retention>,
    ) -> io::Result<Self> {
        let mut work = Work::new(files, settings, retention);
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
    fn new(files: Box<dyn Snapshots + Send>, settings: KeeperSettings, retention: Option<Retention>) -> Self {
        Self {
            retention,
            days: BTreeMap::new(),
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

    /// Only those that are kept stay. One that can not be removed stays as well, and is tried again with the next.
    fn prune(&mut self) {
        let Ok(list) = self.files.list() else { return };
        let mut kept: BTreeSet<u64> = list.iter().rev().take(KEPT).copied().collect();
        if self.retention.is_some() {
            kept.extend(self.of_the_days(&list));
        }
        for sequence in list {
            if !kept.contains(&sequence) && self.files.remove(sequence).is_err() {
                self.counters.failed.increment();
            }
        }
        self.days.retain(|sequence, _| kept.contains(sequence));
    }

    /// The newest snapshot of each day, from the last day on that need not stay whole: what is behind that one can be made
    /// again from it. The journal before it is removed.
    fn of_the_days(&mut self, list: &[u64]) -> Vec<u64> {
        for sequence in list {
            if !self.days.contains_key(sequence) {
                let bytes = self.files.read(*sequence).unwrap_or_default();
                // A damaged one is of no day.
                let day = image::open(&bytes).map_or(0, |image| image.header.trading_day);
                self.days.insert(*sequence, day);
            }
        }
        let (Some(retention), Some(today)) = (&mut self.retention, self.days.values().max().copied()) else {
            return Vec::new();
        };
        let mut newest = BTreeMap::new();
        for (sequence, day) in &self.days {
            if *day > 0 {
                newest.insert(*day, *sequence);
            }
        }
        let first_whole = today.saturating_sub(retention.days);
        let Some(base) = newest
            .range(..first_whole)
            .next_back()
            .map(|(_, sequence)| *sequence)
        else {
            return newest.into_values().collect();
        };
        if retention.removed_before < base {
            // The journal goes only when what stands for it is whole.
            let bytes = self.files.read(base).unwrap_or_default();
            let removed = match image::open(&bytes) {
                Ok(_) => (retention.remove_before)(base),
                Err(broken) => Err(io::Error::other(broken.to_string())),
            };
            match removed {
                Ok(Removed { segments, bytes }) => {
                    retention.removed_before = base;
                    if segments > 0 {
                        retention.notices.tell(format!(
                            "journal: {segments} segments, {bytes} bytes, removed: nothing of today and of the {} days before \
                             is in them",
                            retention.days
                        ));
                    }
                }
                Err(error) => {
                    self.counters.failed.increment();
                    retention
                        .notices
                        .tell(format!("journal: old segments can not be removed: {error}"));
                    return newest.into_values().collect();
                }
            }
        }
        newest
            .into_values()
            .filter(|sequence| *sequence >= base)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

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
            &mut Keeper::inline(Box::new(here.clone()), SETTINGS, None),
            replica(),
            5,
        );
        let mut keeper =
            Keeper::start(Box::new(there.clone()), SETTINGS, None).expect("threads can be started");
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
        let mut keeper = Keeper::inline(Box::new(disk.clone()), SETTINGS, None);
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

    /// The next day begins.
    fn roll(replica: &mut Replica) {
        let day = replica.exchange().day();
        let roll = Command {
            sequence: replica.applied() + 1,
            ..Command::new(CommandKind::RollDay).with_new_day(u64::from(day) * 1_000)
        };
        replica.replay(&roll, &mut Nobody);
        assert_eq!(replica.exchange().day(), day + 1);
    }

    /// With one day to keep: the newest of each day stays from the day before yesterday's day on, and the journal goes up to
    /// that one, once, and only if that one is whole.
    #[test]
    fn days_are_kept_and_what_is_older_goes() {
        let disk = disk();
        let asked: Arc<Mutex<Vec<u64>>> = Arc::default();
        let its_asked = Arc::clone(&asked);
        let notices = Notices::default();
        let retention = || {
            let its_asked = Arc::clone(&its_asked);
            let remove = move |sequence| {
                its_asked.lock().expect("nobody panics").push(sequence);
                Ok(Removed {
                    segments: 2,
                    bytes: 100,
                })
            };
            Some(Retention::new(1, Box::new(remove), notices.clone()))
        };
        let mut keeper = Keeper::inline(Box::new(disk.clone()), SETTINGS, retention());
        let mut replica = Box::new(Replica::new(LIMITS, 0, 4));
        // Day 1: commands 1 to 3; a roll takes a number too.
        replica = run(&mut keeper, replica, 3);
        roll(&mut replica);
        replica = run(&mut keeper, replica, 3);
        assert_eq!(list(&disk), [3, 6, 7], "of day 1, and two of day 2");
        roll(&mut replica);
        replica = run(&mut keeper, replica, 2);
        assert_eq!(
            list(&disk),
            [3, 7, 9, 10],
            "day 2 stays whole: from the end of day 1 on"
        );
        assert_eq!(*asked.lock().expect("nobody panics"), [3]);
        // Another process goes on: it has to look which day each is of. The one that would be the base is damaged now.
        let whole = Snapshots::read(&mut disk.clone(), 7).expect("it is there");
        assert!(disk.change_snapshot(7, |bytes| bytes[40] ^= 1));
        let mut keeper = Keeper::inline(Box::new(disk.clone()), SETTINGS, retention());
        roll(&mut replica);
        replica = run(&mut keeper, replica, 1);
        assert_eq!(
            *asked.lock().expect("nobody panics"),
            [3, 3],
            "the one before stands for it"
        );
        Snapshots::write(&mut disk.clone(), 7, &whole).expect("there is room");
        let mut keeper = Keeper::inline(Box::new(disk.clone()), SETTINGS, retention());
        run(&mut keeper, replica, 2);
        assert_eq!(list(&disk), [7, 10, 13, 14]);
        assert_eq!(*asked.lock().expect("nobody panics"), [3, 3, 7]);
        assert_eq!(notices.take().len(), 3);
    }
}
