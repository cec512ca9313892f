//! The journal stage: commands in, durable commands out.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crossbeam_utils::CachePadded;
use rtrb::chunks::ChunkError;

use super::disk::Disk;
use super::error::JournalError;
use super::frame::{FrameBuffer, PAYLOAD_BYTES_MAX};
use super::recovered::Recovered;
use super::segmented::{Current, Failure, Segmented};
use super::settings::{Durability, Links, Settings};
use crate::exchange::command::LONG_BYTES;
use crate::planted::{self, Bug};
use crate::runtime::clock::Clock;
use crate::runtime::histogram::Histogram;
use crate::runtime::{Hurry, Stage, Watch};

/// One frame gathers, one is written, the others are put into the replica's ring.
const FRAMES: usize = 4;
/// A frame of at most so many is waited for, where its thread may wait: handing the write over would cost more than what can
/// be done meanwhile.
const WAITED_COMMANDS_MAX: u64 = 32;
/// Commands moved in one poll, each way.
const COMMANDS_PER_POLL: usize = 4096;

crate::counters! {
    /// What the journal stage counts.
    pub struct JournalCounters: "journal" {
        turns: "Turns of the stage.",
        idle_turns: "Turns in which there was nothing to do.",
        commands: "Commands taken from the engine.",
        frames: "Frames written, or without a disk released.",
        frame_most: "The most commands of one frame.",
        bytes: "Bytes of the frames that were given to the disk.",
        disk_busy: "Turns in which commands waited, because the write and sync before were under way.",
        frames_used_up: "Turns in which commands waited, because the replica had not taken what was written.",
        left_to_disk: "Frames that the replica has to read from the disk, because it was too far behind.",
    }
}

/// Writes commands to disk in batches: while one is written and synced, the next one gathers. After the first failure
/// it does nothing any more.
///
/// Polling panics when the engine pushes a command whose number is not the next: a journal with a hole is worse than
/// an exchange that is down.
pub struct JournalStage<D: Disk> {
    settings: Settings,
    links: Links,
    /// `None` exactly with [`Durability::None`].
    disk: Option<Segmented<D>>,
    gathering: FrameBuffer,
    flight: Option<Flight>,
    /// Written; the replica has not taken all of the first one.
    written: VecDeque<FrameBuffer>,
    /// Bytes of the first one of `written` that the replica has taken.
    forwarded_bytes: usize,
    free: Vec<FrameBuffer>,
    next_sequence: u64,
    /// Its thread may wait for the disk.
    may_wait: bool,
    failed: bool,
    counters: Arc<CachePadded<JournalCounters>>,
    timing: Timing,
}

/// How long writes take. The clock is read twice for a write, and not at all where nothing is written.
struct Timing {
    clock: Clock,
    /// When the write in flight was given to the disk.
    began_ns: u64,
    writes: Arc<CachePadded<Histogram>>,
}

impl Timing {
    fn begin(&mut self) {
        self.began_ns = self.clock.now_ns();
    }

    fn end(&self) {
        self.writes
            .record(self.clock.now_ns().saturating_sub(self.began_ns));
    }
}

/// What is being written.
enum Flight {
    /// The header of a new segment.
    Header(Current),
    /// A frame, whose bytes are with the disk.
    Frame(FrameBuffer),
}

impl<D: Disk> JournalStage<D> {
    /// Continues a journal behind what `recovered` says, after cutting a torn tail; or none at all, where `disk` is
    /// `None` and the durability too.
    ///
    /// # Errors
    /// Settings that can not work; a disk that can not be cut; a `recovered` that is not from [`super::recover`].
    pub fn new(
        settings: Settings,
        disk: Option<D>,
        recovered: &Recovered,
        links: Links,
    ) -> Result<Self, JournalError> {
        let payload_bytes_max = settings.frame_payload_bytes_max;
        if !(LONG_BYTES..=PAYLOAD_BYTES_MAX).contains(&payload_bytes_max) {
            return Err(JournalError::Settings(format!(
                "a frame's payload of {payload_bytes_max} bytes is not in {LONG_BYTES} to {PAYLOAD_BYTES_MAX}"
            )));
        }
        if disk.is_none() != (settings.durability == Durability::None) {
            let reason = "durability none goes without a directory, the others with one";
            return Err(JournalError::Settings(reason.into()));
        }
        let disk = disk
            .map(|disk| Segmented::new(disk, &settings, recovered))
            .transpose()?;
        let frame = || FrameBuffer::new(payload_bytes_max);
        links.released.store(recovered.last_sequence, Ordering::Release);
        Ok(Self {
            settings,
            links,
            disk,
            gathering: frame(),
            flight: None,
            written: VecDeque::with_capacity(FRAMES),
            forwarded_bytes: 0,
            free: (1..FRAMES).map(|_| frame()).collect(),
            next_sequence: recovered.last_sequence + 1,
            may_wait: false,
            failed: false,
            counters: JournalCounters::shared(),
            timing: Timing {
                clock: Clock::system(),
                began_ns: 0,
                writes: Histogram::shared(
                    "journal_write",
                    "From giving a frame to the disk to its end there: write and sync.",
                ),
            },
        })
    }

    /// What it counts.
    pub fn counters(&self) -> &Arc<CachePadded<JournalCounters>> {
        &self.counters
    }

    /// How long frames took.
    pub fn writes(&self) -> &Arc<CachePadded<Histogram>> {
        &self.timing.writes
    }

    /// Lets the stage's thread wait for the disk while there is little to be written. For a thread that has nothing to do for
    /// anybody who does not wait for the journal as well.
    pub fn may_wait(&mut self) {
        self.may_wait = self.settings.durability == Durability::Sync;
    }

    /// True when everything that came in is written and forwarded, or nothing ever will be.
    pub fn is_drained(&self) -> bool {
        let idle = self.gathering.is_empty() && self.flight.is_none() && self.written.is_empty();
        self.failed || (idle && self.links.commands.is_empty())
    }

    /// Writes, syncs and forwards everything that the engine has pushed before it ended. The replica's ring must still
    /// be read, or abandoned. False when the journal has failed, now or before.
    pub fn drain(&mut self) -> bool {
        while !self.is_drained() {
            if self.poll() == 0 {
                std::thread::yield_now();
            }
        }
        !self.failed
    }

    fn work(&mut self) -> Result<usize, Failure> {
        let mut work = self.complete()?;
        work += self.gather();
        work += match &self.disk {
            Some(_) => self.submit()?,
            None => self.release_at_once(),
        };
        work += self.forward();
        self.look_at_space()?;
        Ok(work)
    }

    /// The end of a write: releases.
    fn complete(&mut self) -> Result<usize, Failure> {
        let Some(disk) = &mut self.disk else {
            return Ok(0);
        };
        if self.flight.is_none() {
            return Ok(0);
        }
        let Some(bytes) = disk.poll()? else {
            return Ok(0);
        };
        match self.flight.take() {
            Some(Flight::Header(next)) => {
                disk.enter(next, bytes);
            }
            Some(Flight::Frame(mut frame)) => {
                frame.give_back(bytes);
                self.timing.end();
                if self.settings.durability == Durability::Sync {
                    let beyond = u64::from(planted::is(Bug::ReleasedTooFar));
                    self.links
                        .released
                        .store(frame.last_sequence() + beyond, Ordering::Release);
                }
                self.written.push_back(frame);
            }
            None => unreachable!("looked at above"),
        }
        Ok(1)
    }

    /// From the ring into the frame, as many as it takes.
    fn gather(&mut self) -> usize {
        let count = self.links.commands.slots().min(COMMANDS_PER_POLL);
        let Ok(chunk) = self.links.commands.read_chunk(count) else {
            unreachable!("so many were there");
        };
        let (first, second) = chunk.as_slices();
        let mut taken = 0;
        for journaled in first.iter().chain(second) {
            let sequence = journaled.command.sequence;
            assert_eq!(
                sequence, self.next_sequence,
                "commands come in order, without a hole"
            );
            if !self.gathering.push(journaled) {
                break;
            }
            self.next_sequence += 1;
            taken += 1;
        }
        chunk.commit(taken);
        self.counters.commands.add(taken as u64);
        taken
    }

    /// Begins to write what has gathered, unless a write is in flight.
    fn submit(&mut self) -> Result<usize, Failure> {
        let Some(disk) = &mut self.disk else {
            return Ok(0);
        };
        if self.gathering.is_empty() {
            return Ok(0);
        }
        if self.flight.is_some() {
            self.counters.disk_busy.increment();
            return Ok(0);
        }
        if self.free.is_empty() {
            self.counters.frames_used_up.increment();
            return Ok(0);
        }
        if !disk.has_room(self.gathering.padded_bytes()) {
            let next = disk.submit_header(&self.settings, &self.gathering)?;
            self.flight = next.map(Flight::Header);
            return Ok(usize::from(self.flight.is_some()));
        }
        let Some(free) = self.free.pop() else {
            return Ok(0);
        };
        let mut frame = std::mem::replace(&mut self.gathering, free);
        count_frame(&self.counters, &frame);
        self.counters.bytes.add(frame.padded_bytes() as u64);
        self.timing.begin();
        let is_waited_for = self.may_wait && u64::from(frame.count()) <= WAITED_COMMANDS_MAX;
        disk.submit_frame(self.settings.configuration_hash, &mut frame, is_waited_for);
        if self.settings.durability == Durability::Async || planted::is(Bug::AcknowledgedBeforeSync) {
            self.links
                .released
                .store(frame.last_sequence(), Ordering::Release);
        }
        self.flight = Some(Flight::Frame(frame));
        let ended = if is_waited_for { self.complete()? } else { 0 };
        Ok(1 + ended)
    }

    /// Without a disk: what has gathered counts as written.
    fn release_at_once(&mut self) -> usize {
        if self.gathering.is_empty() {
            return 0;
        }
        self.links
            .released
            .store(self.gathering.last_sequence(), Ordering::Release);
        let Some(free) = self.free.pop() else {
            self.counters.frames_used_up.increment();
            return 0;
        };
        count_frame(&self.counters, &self.gathering);
        self.written
            .push_back(std::mem::replace(&mut self.gathering, free));
        1
    }

    /// To the replica, as many as its ring takes. A frame whose memory is needed is left to the disk, where it is: nobody
    /// who waits for the journal waits for the replica.
    fn forward(&mut self) -> usize {
        let mut left = COMMANDS_PER_POLL;
        while left > 0
            && let Some(frame) = self.written.front()
        {
            if self.links.replica.is_abandoned() {
                // The replica has ended: nobody is left to be told.
                self.forwarded_bytes = 0;
            } else {
                let slots = self.links.replica.slots().min(left);
                if slots > 0 {
                    let mut commands = frame.commands(self.forwarded_bytes);
                    let before = commands.bytes_left();
                    let chunk = match self.links.replica.write_chunk_uninit(slots) {
                        Ok(chunk) => chunk,
                        Err(ChunkError::TooFewSlots(_)) => unreachable!("so many were free"),
                    };
                    left -= chunk.fill_from_iter(&mut commands);
                    self.forwarded_bytes += before - commands.bytes_left();
                    if commands.bytes_left() > 0 {
                        continue;
                    }
                } else if self.disk.is_some() && self.free.is_empty() {
                    self.links
                        .left_to_disk
                        .store(frame.last_sequence(), Ordering::Release);
                    self.counters.left_to_disk.increment();
                } else {
                    break;
                }
                self.forwarded_bytes = 0;
            }
            let mut frame = self.written.pop_front().expect("it is the one just forwarded");
            frame.clear();
            self.free.push(frame);
        }
        COMMANDS_PER_POLL - left
    }

    fn look_at_space(&mut self) -> Result<(), Failure> {
        let Some(disk) = &mut self.disk else {
            return Ok(());
        };
        disk.look_at_next()?;
        let low = disk.is_low();
        if self.links.low_space.load(Ordering::Relaxed) != low {
            self.links.low_space.store(low, Ordering::Relaxed);
        }
        Ok(())
    }

    fn fail(&mut self, failure: &Failure) {
        self.failed = true;
        if planted::is(Bug::FailureIgnored) {
            (self.failed, self.flight) = (false, None);
        }
        if planted::is(Bug::FailureKeptSecret) {
            return;
        }
        let Failure {
            action,
            segment,
            source,
        } = failure;
        let path = self
            .disk
            .as_ref()
            .map(|disk| disk.path(*segment))
            .unwrap_or_default();
        let released = self.links.released.load(Ordering::Relaxed);
        let lost = match self.settings.durability {
            Durability::Async => ", and the last acknowledged ones may be lost (durability async)",
            Durability::Sync | Durability::None => "",
        };
        self.links.shutdown.fail(format!(
            "journal: can not {action} {path}: {source}. The exchange stops; nothing after command {released} was \
             acknowledged{lost}. Look at the disk (space, health), run `exchange verify`, then start again"
        ));
    }
}

/// A frame is about to be written, or counts as written.
fn count_frame(counters: &JournalCounters, frame: &FrameBuffer) {
    counters.frames.increment();
    counters.frame_most.at_least(u64::from(frame.count()));
}

impl<D: Disk> Stage for JournalStage<D> {
    fn name(&self) -> &'static str {
        "journal"
    }

    fn poll(&mut self) -> usize {
        if self.failed {
            return 0;
        }
        self.counters.turns.increment();
        match self.work() {
            Ok(work) => {
                self.counters.idle_turns.add(u64::from(work == 0));
                work
            }
            Err(failure) => {
                self.fail(&failure);
                1
            }
        }
    }

    /// A write in flight comes back soon, and everything waits for it.
    fn hurry(&self) -> Hurry {
        if self.flight.is_some() {
            Hurry::Soon
        } else {
            Hurry::Usual
        }
    }

    fn watch(&self, watch: &mut Watch) {
        if let Some(disk) = &self.disk {
            disk.disk.watch(watch);
        }
    }

    fn is_drained(&self) -> bool {
        self.is_drained()
    }
}
