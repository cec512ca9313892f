//! The released messages of all streams, as many as fit into one circular arena of bytes.
//!
//! Lives here: where each message is. Must not be here: sockets, packets, sessions' logins.
//!
//! Every record links to the next and the previous record of its stream, and back to the one whose sequence number is
//! its own with the lowest set bit cleared. So a message is found from the newest one in O(log² n) hops without any
//! index beside the arena, and a cursor follows its stream in O(1). Positions are absolute and only grow; a record
//! lives as long as its position is not below the tail, and as positions of a stream ascend with its sequence numbers,
//! one comparison tells whether a link still leads anywhere. The newest message of a stream outlives its record (`recovery::kept`).

use std::mem::offset_of;
use std::sync::Arc;

use crossbeam_utils::CachePadded;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::kept::Kept;
use crate::sys::table::{prefetch_at, table};

/// The stream of market data; any other number is a session index.
pub const FEED_STREAM: u32 = u32::MAX;

/// Longest message the store takes, bytes.
pub const STORED_BYTES_MAX: usize = 1_024;

/// Links count in units of this many bytes, so that four bytes span 32 GiB.
const UNIT: u64 = 8;
const HEADER_BYTES: usize = size_of::<Header>();
/// [`Header::stream`] of the filler before the end of the arena.
const FILLER: u32 = u32::MAX - 1;

#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
struct Header {
    sequence: u64,
    /// Units forward to the stream's next record; 0 = none yet.
    next: u32,
    /// Units back to the record before; 0 = none, or gone when this one was written.
    previous: u32,
    /// Units back to the record of `sequence & (sequence - 1)`; 0 = none, or gone when this one was written.
    skip: u32,
    stream: u32,
    length: u16,
    spare: [u8; 6],
}

const _: () = assert!(HEADER_BYTES == 32);

/// What the next message needs lies in the first cache line, but for one in 64 messages.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Stream {
    /// Sequence number of the newest message; 0 = none yet.
    last: u64,
    /// Its position.
    position: u64,
    /// Position of the newest message whose sequence number has its lowest set bit at the index; 0 = none.
    marks: [u64; u64::BITS as usize],
}

crate::counters! {
    /// What the store was given.
    pub struct StoreCounters: "store" {
        messages: "Messages taken.",
        repeats: "Messages that overwrote nothing because their number was already there: ignored.",
        holes: "Holes: a message came whose number is not the next one; what is older can not be served any more.",
    }
}

/// The messages released so far, bounded.
#[derive(Debug)]
pub struct Store {
    arena: Vec<u8>,
    /// Where the next record goes.
    head: u64,
    /// The position that is the arena's first byte for what was written since the head came by there.
    lap: u64,
    /// Records below are gone.
    tail: u64,
    /// Number of the day whose streams are written.
    day: u32,
    /// Its streams: sessions by index, then the feed.
    streams: Box<[Stream]>,
    /// Those of the day before.
    streams_before: Box<[Stream]>,
    /// True while these can be read.
    has_day_before: bool,
    /// Messages of this day that are the newest of their streams, and have no record any more.
    kept: Kept,
    released: u64,
    counters: Arc<CachePadded<StoreCounters>>,
}

/// A place in a stream: the next message to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    day: u32,
    stream: u32,
    next: u64,
    /// Position of the message before `next`; 0 = not known.
    before: u64,
}

/// A message in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored<'store> {
    /// Its sequence number.
    pub sequence: u64,
    /// The message.
    pub bytes: &'store [u8],
    position: u64,
}

/// Why a cursor can not start where it was asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotServable {
    /// Asked for a message behind the next one to come.
    #[error("the stream's next sequence number is {next}")]
    Beyond {
        /// The next one to come.
        next: u64,
    },
    /// Asked for a message that is no longer stored.
    #[error("the message is no longer stored")]
    Gone,
    /// No such stream.
    #[error("there is no such stream")]
    UnknownStream,
}

/// The cursor's next message was overwritten before it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the message was overwritten before it was read")]
pub struct FellOff;

impl Stream {
    const EMPTY: Self = Self {
        last: 0,
        position: 0,
        marks: [0; u64::BITS as usize],
    };
}

impl Cursor {
    /// The day of its stream.
    pub fn day(&self) -> u32 {
        self.day
    }

    /// Sequence number of the next message to read.
    pub fn next_sequence(&self) -> u64 {
        self.next
    }

    /// Moves behind `stored`, which was read with this cursor.
    pub fn advance(&mut self, stored: &Stored<'_>) {
        debug_assert_eq!(stored.sequence, self.next, "a cursor moves by what it read");
        self.next = stored.sequence + 1;
        self.before = stored.position;
    }
}

impl Store {
    /// A store of `bytes` (rounded down to whole units) for `sessions` sessions and the feed. All memory is taken here.
    ///
    /// # Panics
    /// When `bytes` is less than 8 of the longest records, or more than 32 GiB.
    pub fn new(bytes: usize, sessions: u32) -> Self {
        let bytes = bytes / UNIT as usize * UNIT as usize;
        assert!(
            bytes >= 8 * (HEADER_BYTES + STORED_BYTES_MAX),
            "the store is too small: {bytes} bytes"
        );
        assert!(
            bytes as u64 / UNIT <= u64::from(u32::MAX),
            "the store is too large: {bytes} bytes"
        );
        Self {
            arena: table(bytes, 0),
            // Not 0, which means "none" in links and marks.
            head: bytes as u64,
            lap: bytes as u64,
            tail: bytes as u64,
            day: 1,
            streams: vec![Stream::EMPTY; sessions as usize + 1].into_boxed_slice(),
            streams_before: vec![Stream::EMPTY; sessions as usize + 1].into_boxed_slice(),
            has_day_before: false,
            kept: Kept::new(sessions as usize + 1),
            released: 0,
            counters: StoreCounters::shared(),
        }
    }

    /// Takes the next message of `stream`. A number that is already there is ignored (start-up and window may overlap);
    /// one that leaves a hole makes everything older of that stream unreachable.
    ///
    /// # Panics
    /// When the stream does not exist or the message is longer than [`STORED_BYTES_MAX`]: our own output made it.
    pub fn push(&mut self, stream: u32, sequence: u64, bytes: &[u8]) {
        assert!(
            bytes.len() <= STORED_BYTES_MAX,
            "a message of {} bytes",
            bytes.len()
        );
        let index = self.index(stream).expect("output writes only streams that exist");
        if sequence != self.streams[index].last + 1 && !self.is_new(index, sequence) {
            return;
        }
        let position = self.make_room(HEADER_BYTES + bytes.len());
        let state = &mut self.streams[index];
        let skip_sequence = sequence & (sequence - 1);
        let skip = if skip_sequence == 0 {
            0
        } else {
            state.marks[skip_sequence.trailing_zeros() as usize]
        };
        let previous = state.position;
        state.last = sequence;
        state.position = position;
        state.marks[sequence.trailing_zeros() as usize] = position;
        let header = Header {
            sequence,
            next: 0,
            previous: self.units_between(previous, position),
            skip: self.units_between(skip, position),
            stream,
            length: bytes.len() as u16,
            spare: [0; 6],
        };
        if header.previous != 0 {
            // PERF: written without being read. It lies anywhere, and nobody has to wait until it is there.
            let link = self.offset(previous) + offset_of!(Header, next);
            self.arena[link..link + 4].copy_from_slice(&header.previous.to_ne_bytes());
        }
        let start = self.offset(position);
        let record = &mut self.arena[start..start + HEADER_BYTES + bytes.len()];
        let (head, body) = record.split_at_mut(HEADER_BYTES);
        head.copy_from_slice(header.as_bytes());
        body.copy_from_slice(bytes);
        self.counters.messages.increment();
    }

    /// A number that is not the next one: false when it is there already, else it leaves a hole.
    #[cold]
    fn is_new(&mut self, index: usize, sequence: u64) -> bool {
        let stream = &mut self.streams[index];
        if sequence <= stream.last {
            self.counters.repeats.increment();
            return false;
        }
        self.counters.holes.increment();
        stream.position = 0;
        stream.marks = [0; u64::BITS as usize];
        true
    }

    /// Has fetched what the next message of the session writes to, beside the arena's head.
    #[inline]
    pub(super) fn prefetch(&self, session: u32) {
        if let Some(stream) = self.streams.get(session as usize)
            && stream.position >= self.tail
        {
            let record = &self.arena[self.offset(stream.position)..];
            prefetch_at(record, offset_of!(Header, next) as u32);
        }
    }

    /// All streams end, and those of `day` begin with number 1. Those of the day before can still be read, as far as their
    /// messages are there; what is older can not.
    pub fn begin_day(&mut self, day: u32) {
        std::mem::swap(&mut self.streams, &mut self.streams_before);
        self.streams.fill(Stream::EMPTY);
        self.has_day_before = true;
        self.day = day;
    }

    /// The streams of the day before can not be read any more.
    pub fn forget_day_before(&mut self) {
        self.has_day_before = false;
    }

    /// Number of the day whose streams are written.
    pub fn day(&self) -> u32 {
        self.day
    }

    /// The day before, while its streams can be read.
    pub fn day_before(&self) -> Option<u32> {
        self.has_day_before.then(|| self.day - 1)
    }

    /// True when nothing comes behind what this cursor has read: its stream has ended.
    pub fn is_at_end(&self, cursor: &Cursor) -> bool {
        let streams = self.streams_of(cursor.day);
        let last = streams.and_then(|streams| Some(streams[self.index(cursor.stream)?].last));
        cursor.day != self.day && last.is_some_and(|last| last < cursor.next)
    }

    fn streams_of(&self, day: u32) -> Option<&[Stream]> {
        if day == self.day {
            Some(&self.streams)
        } else if Some(day) == self.day_before() {
            Some(&self.streams_before)
        } else {
            None
        }
    }

    /// Number of the newest message of a stream of this day or of the day before; 0 when there is none, `None` when there is
    /// no such stream.
    pub fn last_of(&self, day: u32, stream: u32) -> Option<u64> {
        Some(self.streams_of(day)?[self.index(stream)?].last)
    }

    /// It is this day. For an empty store, at start.
    pub fn go_on_in(&mut self, day: u32) {
        self.day = day;
    }

    /// The stream's next message has this number; what is older was never stored. For an empty store, at start.
    ///
    /// # Panics
    /// When the stream does not exist.
    pub fn begin(&mut self, stream: u32, next: u64) {
        let index = self.index(stream).expect("output writes only streams that exist");
        self.streams[index].last = next - 1;
    }

    /// Everything that commands up to `command_sequence` said is in the store.
    pub fn set_released(&mut self, command_sequence: u64) {
        self.released = self.released.max(command_sequence);
    }

    /// The last command whose messages are all in the store.
    pub fn released(&self) -> u64 {
        self.released
    }

    /// Sequence number of the newest message of `stream`; 0 when there is none.
    pub fn last(&self, stream: u32) -> u64 {
        self.index(stream).map_or(0, |index| self.streams[index].last)
    }

    /// Counted so far.
    pub fn counters(&self) -> &Arc<CachePadded<StoreCounters>> {
        &self.counters
    }

    /// A cursor whose next message is `sequence`, at most one more than the newest; 0 means the newest message.
    pub fn cursor(&self, stream: u32, sequence: u64) -> Result<Cursor, NotServable> {
        self.cursor_of(self.day, stream, sequence)
    }

    /// The same in a stream of this day or of the day before.
    pub fn cursor_of(&self, day: u32, stream: u32, sequence: u64) -> Result<Cursor, NotServable> {
        let index = self.index(stream).ok_or(NotServable::UnknownStream)?;
        let streams = self.streams_of(day).ok_or(NotServable::UnknownStream)?;
        let last = streams[index].last;
        let next = if sequence == 0 { last.max(1) } else { sequence };
        if next > last + 1 {
            return Err(NotServable::Beyond { next: last + 1 });
        }
        let has = |sequence| self.find(&streams[index], sequence).is_some();
        // Of what is kept it can be gone on: nothing is behind it, or the store has that.
        let is_kept = || self.kept.get(index, day, next).is_some() && (next == last || has(next + 1));
        if next <= last && !has(next) && !is_kept() {
            return Err(NotServable::Gone);
        }
        Ok(Cursor {
            day,
            stream,
            next,
            before: 0,
        })
    }

    /// Keeps in `newest`, too, a message of `day` that is here.
    pub(super) fn note(&self, newest: &mut Kept, day: u32, stream: u32, sequence: u64) {
        if sequence > 0
            && let Some(index) = self.index(stream)
            && let Ok(cursor) = self.cursor_of(day, stream, sequence)
            && let Ok(Some(stored)) = self.read(&cursor)
        {
            newest.keep(index, day, sequence, stored.bytes);
        }
    }

    /// Keeps what `newest` has: for an empty store, at start.
    pub(super) fn begin_with(&mut self, newest: &Kept) {
        self.kept.keep_all(newest);
    }

    /// The cursor's next message; `None` while it has not come.
    pub fn read(&self, cursor: &Cursor) -> Result<Option<Stored<'_>>, FellOff> {
        let index = self.index(cursor.stream).ok_or(FellOff)?;
        let stream = &self.streams_of(cursor.day).ok_or(FellOff)?[index];
        if stream.last < cursor.next {
            return Ok(None);
        }
        let position = self.after(cursor).or_else(|| self.find(stream, cursor.next));
        let Some(position) = position else {
            let kept = self.kept.get(index, cursor.day, cursor.next).ok_or(FellOff)?;
            return Ok(Some(Stored {
                sequence: cursor.next,
                bytes: kept,
                position: 0,
            }));
        };
        let header = self.header(position);
        debug_assert_eq!((header.stream, header.sequence), (cursor.stream, cursor.next));
        let start = self.offset(position) + HEADER_BYTES;
        Ok(Some(Stored {
            sequence: header.sequence,
            bytes: &self.arena[start..start + usize::from(header.length)],
            position,
        }))
    }

    /// Follows the link of the message before the cursor's next, if that message is still there.
    fn after(&self, cursor: &Cursor) -> Option<u64> {
        if cursor.before < self.tail {
            return None;
        }
        let next = self.header(cursor.before).next;
        (next != 0).then(|| cursor.before + u64::from(next) * UNIT)
    }

    /// Position of message `wanted` (1 ..= last) if it is stored.
    fn find(&self, stream: &Stream, wanted: u64) -> Option<u64> {
        let (mut sequence, mut position) = (stream.last, stream.position);
        loop {
            if position < self.tail {
                return None;
            }
            if sequence == wanted {
                return Some(position);
            }
            let header = self.header(position);
            let skip_sequence = sequence & (sequence - 1);
            let back = if skip_sequence >= wanted {
                sequence = skip_sequence;
                header.skip
            } else {
                sequence -= 1;
                header.previous
            };
            if back == 0 {
                return None;
            }
            position -= u64::from(back) * UNIT;
        }
    }

    fn index(&self, stream: u32) -> Option<usize> {
        let sessions = self.streams.len() - 1;
        match stream {
            FEED_STREAM => Some(sessions),
            _ => Some(stream as usize).filter(|index| *index < sessions),
        }
    }

    /// Lets the oldest records go until `bytes` fit in one piece; returns where. The head moves behind them.
    fn make_room(&mut self, bytes: usize) -> u64 {
        let size = (bytes as u64).next_multiple_of(UNIT);
        let length = self.arena.len() as u64;
        let lap_end = self.lap + length;
        let to_end = lap_end - self.head;
        let filler = if to_end < size { to_end } else { 0 };
        while self.head + filler + size - self.tail > length {
            self.let_oldest_go();
        }
        if filler >= HEADER_BYTES as u64 {
            let header = Header {
                sequence: 0,
                next: 0,
                previous: 0,
                skip: 0,
                stream: FILLER,
                length: 0,
                spare: [0; 6],
            };
            self.write_header(self.head, header);
        }
        let position = self.head + filler;
        self.head = position + size;
        if position == lap_end {
            self.lap = lap_end;
        }
        position
    }

    /// Lets the oldest record go; its message is kept where it is the newest of its stream. A filler reaches to the end of the
    /// arena, and so does a rest too short for a header.
    fn let_oldest_go(&mut self) {
        let start = self.offset(self.tail);
        let to_end = self.arena.len() - start;
        let header = (to_end >= HEADER_BYTES).then(|| self.header(self.tail));
        let Some(header) = header.filter(|header| header.stream != FILLER) else {
            self.tail += to_end as u64;
            return;
        };
        let end = HEADER_BYTES + usize::from(header.length);
        // PERF: nearly all have a next one, which says without a look at the stream that they are not its newest.
        if header.next == 0
            && let Some(index) = self.index(header.stream)
            && self.streams[index].position == self.tail
        {
            let message = &self.arena[start + HEADER_BYTES..start + end];
            self.kept.keep(index, self.day, header.sequence, message);
        }
        self.tail += (end as u64).next_multiple_of(UNIT);
    }

    /// Units from a record that may be gone to a new one; 0 when it is.
    fn units_between(&self, from: u64, to: u64) -> u32 {
        if from < self.tail {
            return 0;
        }
        // Live records are less than the arena apart, which is at most so many units.
        ((to - from) / UNIT) as u32
    }

    /// Where a live record is in the arena: it was written in this lap of the head's or in the one before.
    fn offset(&self, position: u64) -> usize {
        let before = if position < self.lap {
            self.arena.len() as u64
        } else {
            0
        };
        (position + before - self.lap) as usize
    }

    fn header(&self, position: u64) -> Header {
        let start = self.offset(position);
        Header::read_from_bytes(&self.arena[start..start + HEADER_BYTES])
            .expect("the slice has a header's size")
    }

    fn write_header(&mut self, position: u64, header: Header) {
        let start = self.offset(position);
        self.arena[start..start + HEADER_BYTES].copy_from_slice(header.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: usize = 16 * 1_024;

    fn message(stream: u32, sequence: u64) -> Vec<u8> {
        let length = 8 + (sequence as usize * 7 + stream as usize % 13) % 60;
        let mut bytes = vec![stream as u8; length];
        bytes[..8].copy_from_slice(&sequence.to_be_bytes());
        bytes
    }

    fn push(store: &mut Store, stream: u32, sequence: u64) {
        store.push(stream, sequence, &message(stream, sequence));
    }

    fn read_all(store: &Store, cursor: &mut Cursor, stream: u32) -> Result<u64, FellOff> {
        let mut count = 0;
        while let Some(stored) = store.read(cursor)? {
            assert_eq!(stored.bytes, message(stream, stored.sequence));
            cursor.advance(&stored);
            count += 1;
        }
        Ok(count)
    }

    #[test]
    fn every_stored_message_is_found_and_older_ones_are_gone() {
        let mut store = Store::new(SMALL, 3);
        let mut next = [1_u64; 4];
        let streams = [0, 1, 2, FEED_STREAM];
        // An uneven mix over many turns of the arena: stream 2 is rare, the feed frequent.
        for step in 0..20_000_u64 {
            let pick = match step % 97 {
                0 => 2,
                n if n % 5 == 0 => 0,
                n if n % 3 == 0 => 1,
                _ => 3,
            };
            push(&mut store, streams[pick], next[pick]);
            next[pick] += 1;
            if step % 501 != 0 {
                continue;
            }
            for (pick, stream) in streams.into_iter().enumerate() {
                let mut servable = 0;
                for sequence in 1..next[pick] {
                    match store.cursor(stream, sequence) {
                        Ok(mut cursor) => {
                            servable += 1;
                            assert_eq!(read_all(&store, &mut cursor, stream), Ok(next[pick] - sequence));
                        }
                        Err(error) => {
                            assert_eq!(error, NotServable::Gone);
                            assert_eq!(servable, 0, "what is servable has no holes");
                        }
                    }
                }
                assert_eq!(store.last(stream), next[pick] - 1);
            }
        }
        let feed_oldest = (1..next[3]).find(|sequence| store.cursor(FEED_STREAM, *sequence).is_ok());
        // 16 KiB hold a good hundred records of 32 + about 38 bytes.
        assert!(next[3] - feed_oldest.expect("the newest is there") > 80);
        assert_eq!(store.counters().messages.get(), 20_000);
    }

    #[test]
    fn a_cursor_follows_live_without_hole_or_repeat() {
        let mut store = Store::new(SMALL, 1);
        let mut cursor = store.cursor(0, 1).expect("the first message to come");
        let mut seen = 0;
        for sequence in 1..=3_000 {
            push(&mut store, 0, sequence);
            // The feed pushes the session's last message off the tail now and then: the cursor finds its way anyway.
            if sequence % 100 == 0 {
                seen += read_all(&store, &mut cursor, 0).expect("read in time");
                for _ in 0..400 {
                    let next = store.last(FEED_STREAM) + 1;
                    push(&mut store, FEED_STREAM, next);
                }
            }
            if sequence % 3 == 0 {
                seen += read_all(&store, &mut cursor, 0).expect("read in time");
            }
        }
        assert_eq!(seen, 3_000);
        assert_eq!(cursor.next_sequence(), 3_001);
    }

    #[test]
    fn a_cursor_that_is_too_slow_is_told() {
        let mut store = Store::new(SMALL, 1);
        let mut cursor = store.cursor(0, 1).expect("the first message to come");
        push(&mut store, 0, 1);
        assert_eq!(read_all(&store, &mut cursor, 0), Ok(1));
        for sequence in 2..=2_000 {
            push(&mut store, 0, sequence);
        }
        assert_eq!(store.read(&cursor), Err(FellOff));
        assert_eq!(store.cursor(0, 2), Err(NotServable::Gone));
    }

    #[test]
    fn zero_asks_for_the_newest_and_beyond_the_next_is_refused() {
        let mut store = Store::new(SMALL, 1);
        assert_eq!(store.cursor(0, 0).map(|cursor| cursor.next_sequence()), Ok(1));
        assert_eq!(store.cursor(0, 2), Err(NotServable::Beyond { next: 1 }));
        for sequence in 1..=7 {
            push(&mut store, 0, sequence);
        }
        assert_eq!(store.cursor(0, 0).map(|cursor| cursor.next_sequence()), Ok(7));
        assert_eq!(store.cursor(0, 8).map(|cursor| cursor.next_sequence()), Ok(8));
        assert_eq!(store.cursor(0, 9), Err(NotServable::Beyond { next: 8 }));
        assert_eq!(store.cursor(0, u64::MAX), Err(NotServable::Beyond { next: 8 }));
        assert_eq!(store.cursor(1, 1), Err(NotServable::UnknownStream));
    }

    /// Somebody who has been silent for long asks for the newest: it is there, and what comes behind it.
    #[test]
    fn the_newest_of_a_silent_stream_stays() {
        let mut store = Store::new(SMALL, 3);
        for sequence in 1..=9 {
            push(&mut store, 0, sequence);
            push(&mut store, 1, sequence);
        }
        for sequence in 1..=1_000 {
            push(&mut store, FEED_STREAM, sequence);
        }
        for stream in [0, 1] {
            for sequence in 1..9 {
                assert_eq!(
                    store.cursor(stream, sequence),
                    Err(NotServable::Gone),
                    "{sequence}"
                );
            }
            let mut newest = store.cursor(stream, 0).expect("kept");
            assert_eq!(
                (newest.next_sequence(), read_all(&store, &mut newest, stream)),
                (9, Ok(1))
            );
            assert_eq!(store.read(&newest), Ok(None), "nothing behind it");
        }
        // The next ones come behind what is kept, until they are as many as it is worth forgetting.
        let mut newest = store.cursor(0, 9).expect("kept");
        for sequence in 10..=12 {
            push(&mut store, 0, sequence);
        }
        assert_eq!(read_all(&store, &mut newest, 0), Ok(4));
        assert_eq!(store.cursor(0, 0).map(|cursor| cursor.next_sequence()), Ok(12));
        assert_eq!(store.cursor(2, 0).map(|cursor| cursor.next_sequence()), Ok(1));
        // A day has its own.
        store.begin_day(2);
        assert_eq!(store.cursor(1, 0).map(|cursor| cursor.next_sequence()), Ok(1));
        push(&mut store, 1, 1);
        assert_eq!(store.cursor(1, 9), Err(NotServable::Beyond { next: 2 }));
        for sequence in 1..=1_000 {
            push(&mut store, FEED_STREAM, sequence);
        }
        let mut newest = store.cursor(1, 0).expect("kept");
        assert_eq!(
            (newest.next_sequence(), read_all(&store, &mut newest, 1)),
            (1, Ok(1))
        );
    }

    #[test]
    fn a_hole_cuts_the_stream_and_repeats_are_ignored() {
        let mut store = Store::new(SMALL, 1);
        for sequence in [1, 2, 3, 2, 3, 4, 5] {
            push(&mut store, 0, sequence);
        }
        let waiting = store.cursor(0, 6).expect("the next to come");
        let mut behind = store.cursor(0, 2).expect("stored");
        for sequence in 14..=40 {
            push(&mut store, 0, sequence);
        }
        assert_eq!(
            (store.counters().repeats.get(), store.counters().holes.get()),
            (2, 1)
        );
        assert_eq!(store.read(&waiting), Err(FellOff));
        assert_eq!(read_all(&store, &mut behind, 0), Err(FellOff));
        for sequence in 1..14 {
            assert_eq!(store.cursor(0, sequence), Err(NotServable::Gone), "{sequence}");
        }
        for sequence in 14..=40 {
            let mut cursor = store.cursor(0, sequence).expect("stored");
            assert_eq!(read_all(&store, &mut cursor, 0), Ok(41 - sequence));
        }
    }

    #[test]
    fn a_day_is_read_to_its_end_while_the_next_is_written() {
        let mut store = Store::new(SMALL, 1);
        for sequence in 1..=5 {
            push(&mut store, 0, sequence);
        }
        let mut live = store.cursor(0, 3).expect("stored");
        let ahead = store.cursor(0, 6).expect("the next to come");
        assert!(!store.is_at_end(&ahead), "it may still come");
        assert_eq!(store.cursor_of(2, 0, 1), Err(NotServable::UnknownStream));
        store.begin_day(2);
        assert_eq!((store.day(), store.day_before()), (2, Some(1)));
        assert!(store.is_at_end(&ahead) && !store.is_at_end(&live));
        for sequence in 1..=2 {
            push(&mut store, 0, sequence);
        }
        assert_eq!(read_all(&store, &mut live, 0), Ok(3));
        assert!(store.is_at_end(&live));
        let mut fresh = store.cursor(0, 1).expect("stored");
        assert_eq!(read_all(&store, &mut fresh, 0), Ok(2));
        assert!(!store.is_at_end(&fresh));
        let mut old = store.cursor_of(1, 0, 0).expect("stored");
        assert_eq!((old.day(), old.next_sequence()), (1, 5));
        assert_eq!(read_all(&store, &mut old, 0), Ok(1));
        assert_eq!(store.cursor_of(1, 0, 7), Err(NotServable::Beyond { next: 6 }));
        // The new day's messages take the room.
        for sequence in 3..=1_000 {
            push(&mut store, 0, sequence);
        }
        assert_eq!(store.cursor_of(1, 0, 5), Err(NotServable::Gone));
        assert!(store.cursor_of(1, 0, 6).is_ok(), "its end can still be told");
        store.forget_day_before();
        assert_eq!(store.cursor_of(1, 0, 6), Err(NotServable::UnknownStream));
        assert_eq!(store.read(&old), Err(FellOff));
        store.begin_day(3);
        assert_eq!(store.cursor_of(1, 0, 1), Err(NotServable::UnknownStream));
        assert_eq!(
            store.cursor_of(2, 0, 0).map(|cursor| cursor.next_sequence()),
            Ok(1_000)
        );
    }
}
