//! Old messages, made again: what the store does not have any more comes from a snapshot and the journal.
//!
//! ```text
//!  service --job: stream, from, up to which command--> worker: load, apply, encode --chunks of packets--> service
//! ```
//!
//! The worker has an exchange of its own while there is something to do, and applies the journal as a start does; the
//! messages of each job's stream are put into chunks. Jobs whose first message is still ahead are done on the same way
//! through the journal, others wait for the next one, in their order. A few chunks ahead of who reads them, it waits; when
//! others wait too, the job is over for now, and its reader asks again for the rest.
//!
//! **Without effect on trading.** The worker is a thread of lower priority that rests as long as it works. It reads
//! files of the journal that nobody writes any more, or up to what is durable, and shares nothing with the stages but
//! this queue, which the recovery stage looks at.
//!
//! **The same bytes.** What comes out is compared with the hash of all events in every frame. A journal that other
//! matching code wrote gives no old messages: the job fails, and nobody is told anything wrong.

mod regenerator;
mod worker;

use std::collections::{BTreeMap, VecDeque};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};
use std::{fmt, io};

use crossbeam_utils::CachePadded;

use super::durable::OpenJournal;
use crate::exchange::Limits;
use crate::poison::Skips;
use crate::runtime::helper::Helper;
use crate::snapshot::Snapshots;
use crate::sys::priority;
use worker::Worker;

/// Jobs that may wait; who comes then asks again.
const JOBS_MAX: usize = 256;
/// Jobs that are done at once: each keeps chunks, and is asked about with each message.
const JOBS_AT_ONCE: usize = 32;
/// Chunks of a job that wait to be taken; then the worker waits.
const CHUNKS_MAX: usize = 8;
/// Turns in which nobody takes a chunk of a job, after which one that waits has its turn: two seconds of the thread's.
const STALLED_TURNS: u32 = 40;
/// Frames that are applied in a turn of the recovery stage, where the worker has no thread.
const FRAMES_PER_TURN: u32 = 8;
/// The thread works so long, then rests as long.
const SLICE: Duration = Duration::from_millis(2);
/// Without work it looks around so often.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// After so long without work its exchange is given up.
const IDLE_MAX: Duration = Duration::from_secs(30);

crate::counters! {
    /// What the archive counts.
    pub struct ArchiveCounters: "archive" {
        jobs: "Old ranges asked for.",
        failed: "Old ranges that could not be made again.",
        commands: "Commands applied again for them.",
        messages: "Old messages made again.",
    }
}

/// What the archive reads.
pub struct Sources {
    /// Opens the journal for reading.
    pub journal: OpenJournal,
    /// The snapshots beside it.
    pub snapshots: Box<dyn Snapshots + Send>,
    /// Capacities of the exchange.
    pub limits: Limits,
    /// Commands of the journal that are left out.
    pub skips: Skips,
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Names a job.
pub(super) type Ticket = u64;

/// What is to be made again: messages of `stream` from number `from` to `last`, as far as commands up to `until` caused them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Job {
    ticket: Ticket,
    day: u32,
    stream: u32,
    from: u64,
    last: u64,
    until: u64,
}

/// Messages, each as a Sequenced Data packet.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    /// The packets, one behind the other.
    pub(super) packets: Vec<u8>,
    /// How many they are.
    pub(super) count: u64,
}

/// What there is of a job.
pub(super) enum Taken {
    /// Nothing yet.
    Nothing,
    /// The next messages.
    Chunk(Chunk),
    /// All was taken.
    Done,
    /// It can not be done.
    Failed,
}

#[derive(Debug, Default)]
struct Shared {
    tickets: Ticket,
    waiting: VecDeque<Job>,
    /// What there is of each job that somebody wants.
    outputs: BTreeMap<Ticket, Output>,
}

/// What there is of a job.
#[derive(Debug, Default)]
struct Output {
    chunks: VecDeque<Chunk>,
    /// How it ended, if it has.
    ended: Option<bool>,
}

/// Where services ask.
#[derive(Debug, Clone)]
pub(super) struct Asker {
    shared: Arc<Mutex<Shared>>,
    thread: Option<Thread>,
}

impl Asker {
    /// Asks for these messages of `stream` of `day`, all caused by commands up to `until`. `None`: too many wait.
    pub(super) fn ask(
        &self,
        day: u32,
        stream: u32,
        messages: RangeInclusive<u64>,
        until: u64,
    ) -> Option<Ticket> {
        let mut shared = lock(&self.shared);
        if shared.waiting.len() >= JOBS_MAX {
            return None;
        }
        shared.tickets += 1;
        let ticket = shared.tickets;
        shared.outputs.insert(ticket, Output::default());
        shared.waiting.push_back(Job {
            ticket,
            day,
            stream,
            from: *messages.start(),
            last: *messages.end(),
            until,
        });
        drop(shared);
        self.wake();
        Some(ticket)
    }

    /// What there is of a job now.
    pub(super) fn take(&self, ticket: Ticket) -> Taken {
        let mut shared = lock(&self.shared);
        let Some(output) = shared.outputs.get_mut(&ticket) else {
            return Taken::Failed;
        };
        if let Some(chunk) = output.chunks.pop_front() {
            drop(shared);
            self.wake();
            return Taken::Chunk(chunk);
        }
        match output.ended {
            None => Taken::Nothing,
            Some(is_done) => {
                shared.outputs.remove(&ticket);
                if is_done { Taken::Done } else { Taken::Failed }
            }
        }
    }

    /// Nobody wants the job any more.
    pub(super) fn cancel(&self, ticket: Ticket) {
        let mut shared = lock(&self.shared);
        shared.waiting.retain(|job| job.ticket != ticket);
        shared.outputs.remove(&ticket);
        drop(shared);
        self.wake();
    }

    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.unpark();
        }
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The worker, wherever it works.
pub struct Archive {
    asker: Asker,
    counters: Arc<CachePadded<ArchiveCounters>>,
    runs: Runs,
}

enum Runs {
    /// In the recovery stage's turns.
    Here(Box<Worker>),
    /// On a thread, which ends with the archive.
    Thread { _helper: Helper },
}

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Archive")
            .field("asker", &self.asker)
            .finish_non_exhaustive()
    }
}

impl Archive {
    /// Works in the caller's turns.
    pub fn inline(sources: Sources) -> Self {
        let shared = Arc::default();
        let worker = Worker::new(sources, Arc::clone(&shared));
        Self {
            asker: Asker { shared, thread: None },
            counters: Arc::clone(worker.counters()),
            runs: Runs::Here(Box::new(worker)),
        }
    }

    /// Works on a thread of its own, which ends with the archive.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(sources: Sources) -> io::Result<Self> {
        let shared = Arc::default();
        let mut worker = Worker::new(sources, Arc::clone(&shared));
        let counters = Arc::clone(worker.counters());
        let helper = Helper::start("archive", move |stop| work(&mut worker, stop))?;
        Ok(Self {
            asker: Asker {
                shared,
                thread: helper.thread().cloned(),
            },
            counters,
            runs: Runs::Thread { _helper: helper },
        })
    }

    /// What it counts.
    pub fn counters(&self) -> &Arc<CachePadded<ArchiveCounters>> {
        &self.counters
    }

    /// Where services ask.
    pub(super) fn asker(&self) -> Asker {
        self.asker.clone()
    }

    /// A turn of a worker that works here.
    pub(super) fn poll(&mut self) -> usize {
        match &mut self.runs {
            // A thread would do far more in the time of a turn; nobody should have to wait for minutes.
            Runs::Here(worker) => (0..FRAMES_PER_TURN).map(|_| worker.poll()).sum(),
            Runs::Thread { .. } => 0,
        }
    }
}

/// The thread: works a slice, rests as long.
fn work(worker: &mut Worker, stop: &AtomicBool) {
    // Refused, it works at the priority of everybody, and rests all the same.
    let _ = priority::lower();
    let mut busy = Instant::now();
    while !stop.load(Ordering::Acquire) {
        let began = Instant::now();
        let mut done = 0;
        while began.elapsed() < SLICE {
            match worker.poll() {
                0 => break,
                work => done += work,
            }
        }
        if done > 0 {
            busy = Instant::now();
            // Where others want the core a slice takes longer: that was rest enough.
            thread::sleep(SLICE);
        } else {
            if busy.elapsed() > IDLE_MAX {
                worker.give_up();
            }
            thread::park_timeout(LOOK_AGAIN);
        }
    }
}

/// An exchange for hardly anything, of tests.
#[cfg(test)]
pub(crate) const LIMITS: Limits = Limits {
    assets: 1,
    instruments: 1,
    accounts: 1,
    sessions: 1,
    orders: 16,
    levels: 16,
    fee_schedules: 1,
};
