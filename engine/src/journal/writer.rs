//! The journal stage: commands in, durable commands out.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crossbeam_utils::CachePadded;
use rtrb::chunks::ChunkError;
use rtrb::{Consumer, Producer};

use super::disk::{Disk, Write};
use super::error::JournalError;
use super::frame::{BLOCK_BYTES, FrameBuffer, PAYLOAD_BYTES_DEFAULT, PAYLOAD_BYTES_MAX, SegmentHeader, padded};
use super::reader::{Position, Recovered};
use crate::exchange::command::{Command, LONG_BYTES};
use crate::runtime::Stage;
use crate::runtime::links::Journaled;
use crate::runtime::shutdown::Shutdown;

/// One frame gathers, one is written, the others wait for the replica to take them.
const FRAMES: usize = 4;
/// Commands moved in one poll, each way.
const COMMANDS_PER_POLL: usize = 4096;
/// With less room than this many segments, only cancels are accepted.
const FREE_SEGMENTS_MIN: u64 = 2;

/// When a command may be told to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// When its write and the sync after it have returned.
    #[default]
    Sync,
    /// When its write has begun. A crash may lose the last write; everything else is as with `Sync`.
    Async,
    /// At once: there is no journal.
    None,
}

/// What the stage needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// When commands are released.
    pub durability: Durability,
    /// Written into every frame. With another one than the last segment's, a new segment is begun.
    pub configuration_hash: u64,
    /// Nanoseconds from 1970 to the midnight that `Command::time` counts from. With another one than the last
    /// segment's, a new segment is begun.
    pub day_ns: u64,
    /// Most bytes of commands in a frame, 128 to [`PAYLOAD_BYTES_MAX`].
    pub frame_payload_bytes_max: usize,
}

impl Settings {
    /// Durability `Sync` and frames of [`PAYLOAD_BYTES_DEFAULT`].
    pub fn new(configuration_hash: u64, day_ns: u64) -> Self {
        Self {
            durability: Durability::Sync,
            configuration_hash,
            day_ns,
            frame_payload_bytes_max: PAYLOAD_BYTES_DEFAULT,
        }
    }
}

/// What the stage shares with others.
pub struct Links {
    /// From the engine: commands in order, without a hole.
    pub commands: Consumer<Journaled>,
    /// To the replica: the same commands, when they are written. A full ring makes the journal wait.
    pub replica: Producer<Command>,
    /// Commands up to this one may be told. Set to the last recovered one at start.
    pub released: Arc<CachePadded<AtomicU64>>,
    /// The disk is nearly full: cancels only.
    pub low_space: Arc<AtomicBool>,
    /// How a failure stops the exchange.
    pub shutdown: Shutdown,
}

/// Writes commands to disk in batches: while one is written and synced, the next one gathers.
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
    failed: bool,
}

/// What is being written.
enum Flight {
    /// The header of a new segment.
    Header(Current),
    /// A frame, whose bytes are with the disk.
    Frame(FrameBuffer),
}

/// The disk and where the next frame goes.
struct Segmented<D> {
    disk: D,
    current: Option<Current>,
    next: NextSegment,
    /// For the headers of segments; with the disk while one is written.
    block: Vec<u8>,
    previous_checksum: u32,
}

#[derive(Debug, Clone, Copy)]
struct Current {
    segment: u64,
    offset: u64,
    length: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NextSegment {
    Preparing,
    /// The disk has no room for it at the moment.
    NoRoom,
    Ready,
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
        let disk = disk.map(|disk| Segmented::new(disk, &settings, recovered)).transpose()?;
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
            failed: false,
        })
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
        let Some(result) = disk.disk.poll() else {
            return Ok(0);
        };
        let segment = match &self.flight {
            Some(Flight::Header(next)) => next.segment,
            _ => disk.current.map_or(0, |current| current.segment),
        };
        let bytes = result.map_err(|source| Failure {
            action: "write and sync",
            segment,
            source,
        })?;
        match self.flight.take() {
            Some(Flight::Header(next)) => {
                disk.block = bytes;
                disk.current = Some(next);
                disk.next = NextSegment::Preparing;
                disk.disk.prepare(next.segment + 1);
            }
            Some(Flight::Frame(mut frame)) => {
                frame.give_back(bytes);
                if self.settings.durability == Durability::Sync {
                    self.links.released.store(frame.last_sequence(), Ordering::Release);
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
            assert_eq!(sequence, self.next_sequence, "commands come in order, without a hole");
            if !self.gathering.push(journaled) {
                break;
            }
            self.next_sequence += 1;
            taken += 1;
        }
        chunk.commit(taken);
        taken
    }

    /// Begins to write what has gathered, unless a write is in flight.
    fn submit(&mut self) -> Result<usize, Failure> {
        let Some(disk) = &mut self.disk else {
            return Ok(0);
        };
        if self.flight.is_some() || self.gathering.is_empty() || self.free.is_empty() {
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
        disk.submit_frame(self.settings.configuration_hash, &mut frame);
        if self.settings.durability == Durability::Async {
            self.links.released.store(frame.last_sequence(), Ordering::Release);
        }
        self.flight = Some(Flight::Frame(frame));
        Ok(1)
    }

    /// Without a disk: what has gathered counts as written.
    fn release_at_once(&mut self) -> usize {
        if self.gathering.is_empty() {
            return 0;
        }
        self.links.released.store(self.gathering.last_sequence(), Ordering::Release);
        let Some(free) = self.free.pop() else {
            return 0;
        };
        self.written.push_back(std::mem::replace(&mut self.gathering, free));
        1
    }

    /// To the replica, as many as its ring takes.
    fn forward(&mut self) -> usize {
        let mut left = COMMANDS_PER_POLL;
        while left > 0
            && let Some(frame) = self.written.front()
        {
            if self.links.replica.is_abandoned() {
                // The replica has ended: nobody is left to be told.
                self.forwarded_bytes = 0;
            } else {
                let mut commands = frame.commands(self.forwarded_bytes);
                let before = commands.bytes_left();
                let slots = self.links.replica.slots().min(left);
                if slots == 0 {
                    break;
                }
                let chunk = match self.links.replica.write_chunk_uninit(slots) {
                    Ok(chunk) => chunk,
                    Err(ChunkError::TooFewSlots(_)) => unreachable!("so many were free"),
                };
                left -= chunk.fill_from_iter(&mut commands);
                self.forwarded_bytes += before - commands.bytes_left();
                if commands.bytes_left() > 0 {
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
        let low = disk.next == NextSegment::NoRoom
            || disk.disk.free_bytes() < FREE_SEGMENTS_MIN * disk.disk.segment_bytes();
        if self.links.low_space.load(Ordering::Relaxed) != low {
            self.links.low_space.store(low, Ordering::Relaxed);
        }
        Ok(())
    }

    fn fail(&mut self, failure: &Failure) {
        self.failed = true;
        let Failure {
            action,
            segment,
            source,
        } = failure;
        let path = self.disk.as_ref().map(|disk| disk.disk.path(*segment)).unwrap_or_default();
        let released = self.links.released.load(Ordering::Relaxed);
        self.links.shutdown.fail(format!(
            "journal: can not {action} {path}: {source}. The exchange stops; nothing after command {released} was \
             acknowledged. Look at the disk (space, health), run `exchange verify`, then start again"
        ));
    }
}

/// What the disk refused.
struct Failure {
    action: &'static str,
    segment: u64,
    source: io::Error,
}

impl<D: Disk> Segmented<D> {
    fn new(mut disk: D, settings: &Settings, recovered: &Recovered) -> Result<Self, JournalError> {
        let frame_bytes_max = padded(settings.frame_payload_bytes_max) as u64;
        let segment_bytes_min = BLOCK_BYTES as u64 + frame_bytes_max;
        if disk.segment_bytes() < segment_bytes_min {
            return Err(JournalError::Settings(format!(
                "a segment of {} bytes can not hold a frame of {frame_bytes_max}: at least {segment_bytes_min}",
                disk.segment_bytes()
            )));
        }
        if !recovered.settled {
            let reason = "the journal must be recovered before it is continued";
            return Err(JournalError::Settings(reason.into()));
        }
        let current = cut(&mut disk, recovered.position)?.map(|current| {
            let continues = recovered.configuration_hash == Some(settings.configuration_hash)
                && recovered.day_ns == Some(settings.day_ns);
            // A segment has one configuration and one day: another one begins another segment.
            let length = if continues { current.length } else { current.offset };
            Current { length, ..current }
        });
        disk.prepare(current.map_or(1, |current| current.segment + 1));
        Ok(Self {
            disk,
            current,
            next: NextSegment::Preparing,
            block: vec![0; BLOCK_BYTES],
            previous_checksum: recovered.last_frame_checksum,
        })
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.current.is_some_and(|current| current.offset + bytes as u64 <= current.length)
    }

    /// Begins the next segment, if it is there; waits for it while it is being made.
    fn submit_header(&mut self, settings: &Settings, first: &FrameBuffer) -> Result<Option<Current>, Failure> {
        let segment = self.current.map_or(1, |current| current.segment + 1);
        match self.next {
            NextSegment::Preparing => return Ok(None),
            NextSegment::NoRoom => {
                return Err(Failure {
                    action: "begin",
                    segment,
                    source: io::ErrorKind::StorageFull.into(),
                });
            }
            NextSegment::Ready => {}
        }
        let header = SegmentHeader {
            previous_checksum: self.previous_checksum,
            configuration_hash: settings.configuration_hash,
            day_ns: settings.day_ns,
            ..SegmentHeader::new(segment, first.first_sequence())
        };
        header.write(&mut self.block);
        self.disk.submit(Write {
            segment,
            offset: 0,
            buffer: std::mem::take(&mut self.block),
            length: BLOCK_BYTES,
        });
        Ok(Some(Current {
            segment,
            offset: BLOCK_BYTES as u64,
            length: self.disk.segment_bytes(),
        }))
    }

    /// Only when there is room.
    fn submit_frame(&mut self, configuration_hash: u64, frame: &mut FrameBuffer) {
        let current = self.current.as_mut().expect("there is room in it");
        let length = frame.padded_bytes();
        self.previous_checksum = frame.seal(configuration_hash, self.previous_checksum);
        self.disk.submit(Write {
            segment: current.segment,
            offset: current.offset,
            buffer: frame.take(),
            length,
        });
        current.offset += length as u64;
    }

    fn look_at_next(&mut self) -> Result<(), Failure> {
        match self.disk.poll_prepared() {
            None => {}
            Some(Ok(_)) => self.next = NextSegment::Ready,
            Some(Err(error)) if error.kind() == io::ErrorKind::StorageFull => self.next = NextSegment::NoRoom,
            Some(Err(source)) => {
                return Err(Failure {
                    action: "make",
                    segment: self.current.map_or(1, |current| current.segment + 1),
                    source,
                });
            }
        }
        Ok(())
    }
}

/// Leaves nothing but zeros behind `position`, so that what is written there can be told from what was.
fn cut<D: Disk>(disk: &mut D, position: Option<Position>) -> Result<Option<Current>, JournalError> {
    let last = position.map_or(0, |position| position.segment);
    let list = disk.list().map_err(JournalError::io("list segments at", disk.path(1)))?;
    for segment in list.into_iter().rev().take_while(|segment| *segment > last) {
        disk.remove(segment).map_err(JournalError::io("remove", disk.path(segment)))?;
    }
    let Some(Position { segment, offset }) = position else {
        return Ok(None);
    };
    disk.erase(segment, offset).map_err(JournalError::io("cut the end of", disk.path(segment)))?;
    let length = disk.length(segment).map_err(JournalError::io("look at", disk.path(segment)))?;
    Ok(Some(Current { segment, offset, length }))
}

impl<D: Disk> Stage for JournalStage<D> {
    fn name(&self) -> &'static str {
        "journal"
    }

    fn poll(&mut self) -> usize {
        if self.failed {
            return 0;
        }
        match self.work() {
            Ok(work) => work,
            Err(failure) => {
                self.fail(&failure);
                1
            }
        }
    }
}
