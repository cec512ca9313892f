//! Where the writer is in its segments: the current one, the next one, what is cut before the first.

use std::io;

use super::disk::{Disk, Write};
use super::error::JournalError;
use super::frame::{BLOCK_BYTES, FrameBuffer, SegmentHeader, padded};
use super::recovered::{Position, Recovered};
use super::settings::Settings;

/// With less room than this many segments, only cancels are accepted.
const FREE_SEGMENTS_MIN: u64 = 2;

/// The disk and where the next frame goes.
pub(super) struct Segmented<D> {
    pub(super) disk: D,
    current: Option<Current>,
    next: NextSegment,
    /// For the headers of segments; with the disk while one is written.
    block: Vec<u8>,
    previous_checksum: u32,
    /// The segment being written, for messages.
    writing: u64,
}

/// A segment with a header, and where its next frame goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Current {
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

/// What the disk refused.
pub(super) struct Failure {
    pub(super) action: &'static str,
    pub(super) segment: u64,
    pub(super) source: io::Error,
}

impl<D: Disk> Segmented<D> {
    pub(super) fn new(mut disk: D, settings: &Settings, recovered: &Recovered) -> Result<Self, JournalError> {
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
            writing: 0,
        })
    }

    /// The buffer of the write in flight, when that has ended well.
    pub(super) fn poll(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        self.disk.poll().transpose().map_err(|source| Failure {
            action: "write and sync",
            segment: self.writing,
            source,
        })
    }

    /// The header of `next` is written: frames go there from now on.
    pub(super) fn enter(&mut self, next: Current, block: Vec<u8>) {
        self.block = block;
        self.current = Some(next);
        self.next = NextSegment::Preparing;
        self.disk.prepare(next.segment + 1);
    }

    pub(super) fn is_low(&self) -> bool {
        self.next == NextSegment::NoRoom
            || self.disk.free_bytes() < FREE_SEGMENTS_MIN * self.disk.segment_bytes()
    }

    pub(super) fn path(&self, segment: u64) -> String {
        self.disk.path(segment)
    }

    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.current
            .is_some_and(|current| current.offset + bytes as u64 <= current.length)
    }

    /// Begins the next segment, if it is there; waits for it while it is being made.
    pub(super) fn submit_header(
        &mut self,
        settings: &Settings,
        first: &FrameBuffer,
    ) -> Result<Option<Current>, Failure> {
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
        self.writing = segment;
        self.disk.submit(Write {
            segment,
            offset: 0,
            buffer: std::mem::take(&mut self.block),
            length: BLOCK_BYTES,
            is_waited_for: false,
        });
        Ok(Some(Current {
            segment,
            offset: BLOCK_BYTES as u64,
            length: self.disk.segment_bytes(),
        }))
    }

    /// Only when there is room.
    pub(super) fn submit_frame(
        &mut self,
        configuration_hash: u64,
        frame: &mut FrameBuffer,
        is_waited_for: bool,
    ) {
        let current = self.current.as_mut().expect("there is room in it");
        let length = frame.padded_bytes();
        self.previous_checksum = frame.seal(configuration_hash, self.previous_checksum);
        self.writing = current.segment;
        self.disk.submit(Write {
            segment: current.segment,
            offset: current.offset,
            buffer: frame.take(),
            length,
            is_waited_for,
        });
        current.offset += length as u64;
    }

    pub(super) fn look_at_next(&mut self) -> Result<(), Failure> {
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
    let list = disk
        .list()
        .map_err(JournalError::io("list the segments in", disk.place()))?;
    for segment in list.into_iter().rev().take_while(|segment| *segment > last) {
        disk.remove(segment)
            .map_err(JournalError::io("remove", disk.path(segment)))?;
    }
    let Some(Position { segment, offset }) = position else {
        return Ok(None);
    };
    disk.erase(segment, offset)
        .map_err(JournalError::io("cut the end of", disk.path(segment)))?;
    let length = disk
        .length(segment)
        .map_err(JournalError::io("look at", disk.path(segment)))?;
    Ok(Some(Current {
        segment,
        offset,
        length,
    }))
}
