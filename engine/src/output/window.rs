//! The shared window of released messages: one writer that never waits, any number of readers that may fall behind.
//!
//! A ring of words. The writer appends records; positions count words since the start and never wrap, so that a word
//! lives at its position modulo the capacity. A reader keeps its own position and reads what is published. When it was
//! too slow, what it wanted has been overwritten: it notices, and goes on from the newest place where it can say
//! exactly what it missed.
//!
//! # Why this is correct
//!
//! Everything shared is atomic, so that a torn *record* is possible, a data race is not.
//!
//! - *A reader sees at least what was published.* Words are stored before `published` is stored with Release; a reader
//!   loads `published` with Acquire and reads words below it only. So each word it loads is that store or a later one.
//! - *A reader notices when it was a later one.* Before the writer stores any word at a position below `reserved + n` it
//!   raises `reserved` to that (Relaxed) and passes a Release fence; all its later word stores come after that fence.
//!   A reader loads words (Relaxed), passes an Acquire fence, then loads `reserved`. If one of the loads took its value
//!   from a store of the next lap, that store came after the writer's fence and that load before the reader's fence:
//!   the fences synchronize, and the reader's load of `reserved` gives the raised value or a later one. It is then
//!   above the record's position plus the capacity, which is exactly the test in `Reader::is_intact`.
//! - *A whole record is never called torn.* `reserved` runs ahead of the writer by less than the capacity, and the test
//!   fails only when it has passed the record's position by the whole capacity. What is lost by reserving in portions
//!   is history, one portion of it; what is won is that the readers' copy of `reserved` stays in their cache.
//!
//! The word loads happen before the test, the values are used after it: a length found in a torn head is bounded.
//!
//! `engine/loom` tries this in every interleaving of a writer and a reader, with a window of eight words.

use std::sync::Arc;

use crossbeam_utils::CachePadded;

use crate::sys::atomic::{AtomicU64, Ordering, fence};

/// The stream of the market data feed; every other stream number is a session index.
pub const FEED_STREAM: u32 = u32::MAX;

/// Longest message in the window, and the size of a reader's buffer.
pub const MESSAGE_BYTES_MAX: usize = if cfg!(loom) { 8 } else { 256 };

/// Smallest window. Below it a reader would be lapped by a single release.
pub const WINDOW_BYTES_MIN: usize = if cfg!(loom) { 64 } else { 64 * 1024 };

/// Words in front of a record's bytes: what it is, and its number.
const HEAD_WORDS: u64 = 2;
/// Words of the longest record.
const RECORD_WORDS_MAX: u64 = HEAD_WORDS + (MESSAGE_BYTES_MAX / 8) as u64;
/// Most words reserved at once.
const PORTION_WORDS_MAX: u64 = 4096;

const MESSAGE: u64 = 1;
const RELEASED: u64 = 2;
const DAY: u64 = 3;

/// A record of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record {
    /// A message; its bytes are in the reader's buffer.
    Message {
        /// [`FEED_STREAM`] or a session index.
        stream: u32,
        /// Its number in that stream.
        sequence: u64,
        /// Bytes of the buffer that it fills.
        length: usize,
    },
    /// All messages of the commands up to this number came before, and none of a later one.
    Released(u64),
    /// All streams have ended. What follows is of those of this day, each from number 1 on.
    Day(u32),
}

/// The reader was too slow. It goes on directly behind the commands up to `released`: their messages that it has not
/// read are lost to it, the messages of all later commands follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("lapped: the messages up to command {released} have to come from the journal")]
pub struct Lapped {
    /// Command sequence number.
    pub released: u64,
}

#[derive(Debug)]
struct Shared {
    words: Box<[AtomicU64]>,
    /// Words below this position may have been overwritten one capacity later.
    reserved: CachePadded<AtomicU64>,
    published: CachePadded<AtomicU64>,
    /// Position of the newest published "released" record.
    checkpoint: AtomicU64,
}

impl Shared {
    fn word(&self, position: u64) -> &AtomicU64 {
        // The capacity is a power of two that fits in memory, so the masked position is an index.
        &self.words[(position as usize) & (self.words.len() - 1)]
    }

    fn capacity(&self) -> u64 {
        self.words.len() as u64
    }
}

/// The one writer.
#[derive(Debug)]
pub struct Writer {
    shared: Arc<Shared>,
    at: u64,
    reserved: u64,
    published: u64,
    checkpoint: u64,
    portion: u64,
}

/// A reader. A clone is a further reader at the same place.
#[derive(Debug, Clone)]
pub struct Reader {
    shared: Arc<Shared>,
    at: u64,
    published: u64,
    is_lost: bool,
}

/// Creates a window of at least `bytes` bytes (rounded up to a power of two, [`WINDOW_BYTES_MIN`] or more), all of it
/// allocated and touched now. Nothing is released yet: the reader starts at command 0.
pub fn create(bytes: usize) -> (Writer, Reader) {
    let words = (bytes.max(WINDOW_BYTES_MIN) / size_of::<u64>()).next_power_of_two();
    let shared = Arc::new(Shared {
        words: (0..words).map(|_| AtomicU64::new(0)).collect(),
        reserved: CachePadded::new(AtomicU64::new(0)),
        published: CachePadded::new(AtomicU64::new(0)),
        checkpoint: AtomicU64::new(0),
    });
    let mut writer = Writer {
        at: 0,
        reserved: 0,
        published: 0,
        checkpoint: 0,
        portion: PORTION_WORDS_MAX.min(shared.capacity() / 8),
        shared: Arc::clone(&shared),
    };
    // The first checkpoint, so that there always is one; readers start behind it.
    writer.released(0);
    writer.publish();
    let reader = Reader {
        at: writer.at,
        published: writer.at,
        is_lost: false,
        shared,
    };
    (writer, reader)
}

impl Writer {
    /// Appends a message of `stream`. Readers see it after [`Writer::publish`].
    ///
    /// # Panics
    /// When `message` is longer than [`MESSAGE_BYTES_MAX`].
    pub fn message(&mut self, stream: u32, sequence: u64, message: &[u8]) {
        assert!(message.len() <= MESSAGE_BYTES_MAX, "no message of ours is longer");
        self.reserve();
        self.push(u64::from(stream) << 32 | MESSAGE << 16 | message.len() as u64);
        self.push(sequence);
        let (words, rest) = message.as_chunks::<8>();
        for word in words {
            self.push(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            self.push(last_word(message, rest));
        }
    }

    /// Says that all messages of the commands up to `command_sequence` were appended, and none of a later command: a
    /// lapped reader continues here.
    pub fn released(&mut self, command_sequence: u64) {
        self.reserve();
        self.checkpoint = self.at;
        self.push(RELEASED << 16);
        self.push(command_sequence);
    }

    /// Says that all streams end here, and those of `day` begin.
    pub fn day(&mut self, day: u32) {
        self.reserve();
        self.push(DAY << 16);
        self.push(u64::from(day));
    }

    /// Shows readers what was appended.
    pub fn publish(&mut self) {
        if self.at == self.published {
            return;
        }
        self.published = self.at;
        self.shared.published.store(self.at, Ordering::Release);
        // After `published`, so that whoever sees this checkpoint also sees that it is published.
        self.shared.checkpoint.store(self.checkpoint, Ordering::Release);
    }

    /// Announces that the words of one more record are about to be overwritten.
    fn reserve(&mut self) {
        if self.at + RECORD_WORDS_MAX > self.reserved {
            self.reserved = self.at + RECORD_WORDS_MAX + self.portion;
            self.shared.reserved.store(self.reserved, Ordering::Relaxed);
            // No store of a word below may become visible before the store above: see the module's proof.
            fence(Ordering::Release);
        }
    }

    fn push(&mut self, word: u64) {
        debug_assert!(self.at < self.reserved, "readers were told before");
        self.shared.word(self.at).store(word, Ordering::Relaxed);
        self.at += 1;
    }
}

/// The bytes behind the whole words of a message, with zeros behind them.
///
/// PERF: as the upper part of the eight bytes before the message's end. Copied byte by byte into a word, they have to reach the
/// cache before that word can be read.
#[inline(always)]
fn last_word(message: &[u8], rest: &[u8]) -> u64 {
    match message.last_chunk::<8>() {
        Some(end) => u64::from_le_bytes(*end) >> (8 * (8 - rest.len())),
        None => rest
            .iter()
            .rev()
            .fold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}

impl Reader {
    /// The next record; a message's bytes are put into `buffer`. `Ok(None)` when there is nothing new.
    ///
    /// # Errors
    /// [`Lapped`] once each time the writer overtook this reader, as soon as there is a place to go on from (while a
    /// single command fills the whole window there is none, and the answer is `Ok(None)`).
    pub fn next(&mut self, buffer: &mut [u8; MESSAGE_BYTES_MAX]) -> Result<Option<Record>, Lapped> {
        if self.is_lost {
            return self.resume();
        }
        if self.at == self.published {
            self.published = self.shared.published.load(Ordering::Acquire);
            if self.at == self.published {
                return Ok(None);
            }
        }
        let head = self.load(self.at);
        let number = self.load(self.at + 1);
        // A torn head may say anything.
        let length = ((head & 0xFFFF) as usize).min(MESSAGE_BYTES_MAX);
        let words = length.div_ceil(8);
        for (position, bytes) in
            (self.at + HEAD_WORDS..).zip(buffer.as_chunks_mut::<8>().0.iter_mut().take(words))
        {
            *bytes = self.load(position).to_le_bytes();
        }
        if !self.is_intact(self.at) {
            self.is_lost = true;
            return self.resume();
        }
        self.at += HEAD_WORDS + words as u64;
        Ok(Some(match head >> 16 & 0xFFFF {
            RELEASED => Record::Released(number),
            DAY => Record::Day(number as u32),
            _ => Record::Message {
                stream: (head >> 32) as u32,
                sequence: number,
                length,
            },
        }))
    }

    /// Goes to the newest checkpoint, if that is not overwritten in its turn.
    fn resume(&mut self) -> Result<Option<Record>, Lapped> {
        let checkpoint = self.shared.checkpoint.load(Ordering::Acquire);
        let released = self.load(checkpoint + 1);
        if !self.is_intact(checkpoint) {
            return Ok(None);
        }
        self.at = checkpoint + HEAD_WORDS;
        self.published = self.shared.published.load(Ordering::Acquire);
        self.is_lost = false;
        Err(Lapped { released })
    }

    fn load(&self, position: u64) -> u64 {
        self.shared.word(position).load(Ordering::Relaxed)
    }

    /// True when the words that were loaded from `position` on, up to here, are the ones written for it.
    fn is_intact(&self, position: u64) -> bool {
        // No load above may be satisfied after the load below: see the module's proof.
        fence(Ordering::Acquire);
        self.shared.reserved.load(Ordering::Relaxed) <= position + self.shared.capacity()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    /// The bytes that message `sequence` of `stream` must have: any mixture of two messages differs from both.
    fn content(stream: u32, sequence: u64) -> Vec<u8> {
        let mut state = sequence.wrapping_mul(0x9E37_79B9_7F4A_7C15)
            ^ u64::from(stream).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        let length = (state >> 32) as usize % (MESSAGE_BYTES_MAX + 1);
        let mut bytes = Vec::with_capacity(length);
        while bytes.len() < length {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            bytes.push((state >> 56) as u8);
        }
        bytes
    }

    fn next(reader: &mut Reader) -> Result<Option<(Record, Vec<u8>)>, Lapped> {
        let mut buffer = [0; MESSAGE_BYTES_MAX];
        Ok(reader.next(&mut buffer)?.map(|record| {
            let length = match record {
                Record::Message { length, .. } => length,
                Record::Released(_) | Record::Day(_) => 0,
            };
            (record, buffer[..length].to_vec())
        }))
    }

    #[test]
    fn records_come_out_as_they_went_in_once_published() {
        let (mut writer, mut reader) = create(0);
        for length in 0..=MESSAGE_BYTES_MAX {
            let message: Vec<u8> = (0..length).map(|index| (index + length) as u8).collect();
            writer.message(7, length as u64 + 1, &message);
            writer.released(length as u64 + 100);
            writer.day(length as u32 + 2);
            assert_eq!(next(&mut reader), Ok(None), "not published yet");
            writer.publish();
            assert_eq!(
                next(&mut reader),
                Ok(Some((
                    Record::Message {
                        stream: 7,
                        sequence: length as u64 + 1,
                        length
                    },
                    message
                )))
            );
            assert_eq!(
                next(&mut reader),
                Ok(Some((Record::Released(length as u64 + 100), vec![])))
            );
            let day = Record::Day(length as u32 + 2);
            assert_eq!(next(&mut reader), Ok(Some((day, vec![]))));
            assert_eq!(next(&mut reader), Ok(None));
        }
    }

    #[test]
    fn each_reader_has_its_own_place() {
        let (mut writer, mut first) = create(0);
        writer.message(FEED_STREAM, 1, b"one");
        writer.message(FEED_STREAM, 2, b"two");
        writer.publish();
        assert!(next(&mut first).unwrap().is_some());
        let mut second = first.clone();
        let two = Ok(Some((
            Record::Message {
                stream: FEED_STREAM,
                sequence: 2,
                length: 3,
            },
            b"two".to_vec(),
        )));
        assert_eq!(next(&mut first), two);
        assert_eq!(next(&mut second), two);
    }

    /// A reader that falls behind by exactly as much as the window keeps reads on; one record more and it is lapped.
    #[test]
    fn a_reader_is_lapped_exactly_when_its_record_may_be_overwritten() {
        for records in 1..2_000_u64 {
            let (mut writer, mut reader) = create(0);
            let start = reader.at;
            for sequence in 1..=records {
                writer.message(1, sequence, &content(1, 1));
                writer.released(sequence);
            }
            writer.publish();
            let expected_lapped = writer.reserved > start + reader.shared.capacity();
            match next(&mut reader) {
                Err(lapped) => {
                    assert!(expected_lapped);
                    assert_eq!(lapped.released, records);
                    return;
                }
                Ok(record) => {
                    assert!(!expected_lapped);
                    assert_eq!(record.expect("published").1, content(1, 1));
                }
            }
        }
        panic!("the window never ended");
    }

    #[test]
    fn a_lapped_reader_continues_behind_the_newest_released_record() {
        let (mut writer, mut reader) = create(0);
        for sequence in 1..=5_000_u64 {
            writer.message(1, sequence, &[0; 40]);
        }
        writer.released(17);
        writer.message(1, 5_001, b"after");
        writer.publish();
        assert_eq!(next(&mut reader), Err(Lapped { released: 17 }));
        assert_eq!(next(&mut reader).unwrap().unwrap().1, b"after");
        assert_eq!(next(&mut reader), Ok(None));
    }

    #[test]
    fn a_lapped_reader_waits_while_one_command_fills_the_window() {
        let (mut writer, mut reader) = create(0);
        for sequence in 1..=5_000_u64 {
            writer.message(1, sequence, &[0; 40]);
            writer.publish();
        }
        assert_eq!(next(&mut reader), Ok(None), "there is no place to go on from");
        assert_eq!(next(&mut reader), Ok(None));
        writer.released(1);
        writer.publish();
        assert_eq!(next(&mut reader), Err(Lapped { released: 1 }));
        assert_eq!(next(&mut reader), Ok(None));
        writer.message(1, 5_001, b"next");
        writer.publish();
        assert_eq!(next(&mut reader).unwrap().unwrap().1, b"next");
    }

    /// A writer at full speed against a reader that pauses now and then: what is read is right, in order, and complete
    /// but for what the reader was told it missed.
    #[test]
    fn two_threads_agree_on_every_byte() {
        const COMMANDS: u64 = 60_000;
        const EXTRA: u64 = 10;
        let (mut writer, mut reader) = create(0);
        let caught_up = Arc::new(AtomicBool::new(false));
        let reader_caught_up = Arc::clone(&caught_up);
        let reading = std::thread::spawn(move || {
            let mut buffer = [0; MESSAGE_BYTES_MAX];
            let (mut messages, mut laps) = (0_u64, 0_u64);
            // Command n has one message of stream n % 3 with sequence n.
            let mut completed = 0;
            let mut read_of_command = false;
            while completed < COMMANDS + EXTRA {
                match reader.next(&mut buffer) {
                    Ok(None) => {
                        if completed == COMMANDS {
                            reader_caught_up.store(true, Ordering::Release);
                        }
                        std::thread::yield_now();
                    }
                    Ok(Some(Record::Message {
                        stream,
                        sequence,
                        length,
                    })) => {
                        assert_eq!(sequence, completed + 1);
                        assert_eq!(u64::from(stream), sequence % 3);
                        assert_eq!(buffer[..length], content(stream, sequence));
                        assert!(!read_of_command);
                        read_of_command = true;
                        messages += 1;
                        if sequence % 4_096 == 0 {
                            std::thread::sleep(std::time::Duration::from_millis(1));
                        }
                    }
                    Ok(Some(Record::Day(day))) => panic!("day {day} was not written"),
                    Ok(Some(Record::Released(command))) => {
                        assert_eq!(command, completed + 1);
                        assert!(read_of_command);
                        read_of_command = false;
                        completed = command;
                    }
                    Err(Lapped { released }) => {
                        assert!(released > completed);
                        completed = released;
                        read_of_command = false;
                        laps += 1;
                    }
                }
            }
            (messages, laps)
        });
        let mut write = |command: u64, publish: bool| {
            let stream = (command % 3) as u32;
            writer.message(stream, command, &content(stream, command));
            writer.released(command);
            if publish {
                writer.publish();
            }
        };
        for command in 1..=COMMANDS {
            write(command, command % 7 == 0 || command == COMMANDS);
        }
        while !caught_up.load(Ordering::Acquire) && !reading.is_finished() {
            std::thread::yield_now();
        }
        for command in COMMANDS + 1..=COMMANDS + EXTRA {
            write(command, true);
        }
        let (messages, laps) = reading.join().expect("the reader found nothing wrong");
        assert!(messages >= EXTRA, "read {messages}, lapped {laps} times");
    }
}
