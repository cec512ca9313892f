//! Every interleaving of two threads, and every value that their loads may see.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64 as Plain, Ordering::SeqCst};

use engine_loom::parked::{Parked, after_publishing};
use engine_loom::window::{self, Lapped, MESSAGE_BYTES_MAX, Reader, Record};
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;

const STREAM: u32 = 7;

/// Any mixture of two messages differs from both: each byte says which it is of.
fn content(sequence: u64) -> [u8; 8] {
    [sequence as u8; 8]
}

/// What a reader has understood so far.
#[derive(Default)]
struct Heard {
    /// The last message.
    message: u64,
    /// Up to this command nothing is missed that it was not told of.
    released: u64,
    lapped: u64,
}

impl Heard {
    /// Reads a record, if there is one, and checks that it can be true. Command `n` says message `n` and no other.
    fn read(&mut self, reader: &mut Reader) -> bool {
        let mut buffer = [0; MESSAGE_BYTES_MAX];
        match reader.next(&mut buffer) {
            Ok(None) => return false,
            Ok(Some(Record::Message {
                stream,
                sequence,
                length,
            })) => {
                assert_eq!((stream, length), (STREAM, 8));
                assert_eq!(
                    sequence,
                    self.message + 1,
                    "in order, without a hole that was not told"
                );
                assert_eq!(buffer[..8], content(sequence), "not torn");
                self.message = sequence;
            }
            Ok(Some(Record::Released(command))) => {
                assert_eq!(command, self.message, "behind its message");
                self.released = command;
            }
            Ok(Some(Record::Day(day))) => panic!("no day {day} was said"),
            Err(Lapped { released }) => {
                assert!(released > self.released, "lapped by what is new");
                (self.message, self.released) = (released, released);
                self.lapped += 1;
            }
        }
        true
    }
}

/// The window has eight words; each command takes five. So the reader is overtaken, in the middle of records too.
#[test]
fn a_reader_that_is_overtaken_is_never_told_a_mixture() {
    let beside = Arc::new(Plain::new(0));
    let lapped = Arc::new(Plain::new(0));
    let (read_beside, overtaken) = (Arc::clone(&beside), Arc::clone(&lapped));
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(move || {
        const COMMANDS: u64 = 3;
        let (mut writer, mut reader) = window::create(0);
        let writing = thread::spawn(move || {
            for command in 1..=COMMANDS {
                writer.message(STREAM, command, &content(command));
                writer.released(command);
                writer.publish();
            }
        });
        let mut heard = Heard::default();
        for _ in 0..2 {
            heard.read(&mut reader);
        }
        read_beside.fetch_add(heard.message, SeqCst);
        writing.join().expect("it only writes");
        while heard.read(&mut reader) {}
        assert_eq!(heard.released, COMMANDS, "all is heard, or told to be missed");
        overtaken.fetch_add(heard.lapped, SeqCst);
    });
    // Both happen, else this has shown nothing.
    assert!(beside.load(SeqCst) > 0, "nothing was read while it was written");
    assert!(lapped.load(SeqCst) > 0);
}

/// The sleeper sleeps only if somebody wakes it, or if there was no work.
#[test]
fn nobody_sleeps_beside_work() {
    loom::model(|| {
        let parked = Arc::new(Parked::default());
        let work = Arc::new(AtomicU64::new(0));
        let (other, published) = (Arc::clone(&parked), Arc::clone(&work));
        let waking = thread::spawn(move || {
            published.store(1, Ordering::Relaxed);
            after_publishing();
            other.take()
        });
        parked.announce();
        let sees_work = work.load(Ordering::Relaxed) == 1;
        let was_woken = waking.join().expect("it only publishes");
        assert!(sees_work || was_woken, "asleep, and nobody wakes it");
        parked.retract();
        assert!(!parked.take());
    });
}

/// Of two that ask, one wakes.
#[test]
fn one_of_them_wakes_it() {
    loom::model(|| {
        let parked = Arc::new(Parked::default());
        parked.announce();
        let other = Arc::clone(&parked);
        let asking = thread::spawn(move || other.take());
        let mine = parked.take();
        let theirs = asking.join().expect("it only asks");
        assert!(mine != theirs);
    });
}
