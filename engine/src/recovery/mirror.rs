//! What was released and what is durable, mirrored: in the store and the replica.

use std::fmt;
use std::sync::Arc;

use crossbeam_utils::CachePadded;

use super::counting::RecoveryCounters;
use super::days::DAY_BEFORE_NS;
use super::durable::Durable;
use super::replica::Replica;
use super::store::{self, FEED_STREAM, Store};
use crate::output::window::{self, Lapped, Record};
use crate::output::{MessageSink, Numbers};
use crate::replay::Nobody;
use crate::runtime::clock::{Clock, since};
use crate::runtime::histogram::Histogram;

const _: () = assert!(FEED_STREAM == window::FEED_STREAM);
const _: () = assert!(window::MESSAGE_BYTES_MAX <= store::STORED_BYTES_MAX);

/// Records and steps that another thread takes when it helps out: some microseconds.
const FOLLOWED_RECORDS: usize = 16;
const FOLLOWED_STEPS: usize = 4;
/// Records and steps that have come during a rest and are no longer few: some tens of microseconds' work.
const MUCH_FOUND: usize = 512;

/// Store and replica, where they come from, and how far they are.
pub(super) struct Mirror {
    clock: Clock,
    window: window::Reader,
    /// A record's bytes.
    buffer: [u8; window::MESSAGE_BYTES_MAX],
    commands: Durable,
    pub(super) store: Store,
    /// `None` while it is lent.
    pub(super) replica: Option<Box<Replica>>,
    /// The window goes on behind this command; until the replica is there, it fills the store.
    mending: Option<u64>,
    /// When the day began, as long as the one before is kept.
    rolled_ns: Option<u64>,
    pub(super) counters: Arc<CachePadded<RecoveryCounters>>,
    /// How far the replica was behind.
    pub(super) behind: Arc<CachePadded<Histogram>>,
    /// Records and steps since the last turn without any.
    found: usize,
    /// As many as were found between the two last turns without any.
    found_last: usize,
}

impl fmt::Debug for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mirror")
            .field("applied", &self.replica.as_ref().map(|replica| replica.applied()))
            .field("released", &self.store.released())
            .field("mending", &self.mending)
            .finish_non_exhaustive()
    }
}

/// What a turn brought.
#[derive(Debug, Clone, Copy)]
pub(super) struct Followed {
    /// Records of the window.
    records: usize,
    /// Steps of commands.
    steps: usize,
}

impl Followed {
    /// All of it.
    pub(super) fn work(self) -> usize {
        self.records + self.steps
    }
}

impl MessageSink for Store {
    fn feed(&mut self, sequence: u64, message: &[u8]) {
        self.push(FEED_STREAM, sequence, message);
    }

    fn session(&mut self, session: u32, sequence: u64, message: &[u8]) {
        self.push(session, sequence, message);
    }

    fn new_day(&mut self, day: u32, _ended: &Numbers) {
        self.begin_day(day);
    }
}

/// The store while the replica fills it. The replica may begin in a day whose end is stored already.
struct Mending<'a> {
    store: &'a mut Store,
    /// The day of the next message.
    day: u32,
}

impl MessageSink for Mending<'_> {
    fn feed(&mut self, sequence: u64, message: &[u8]) {
        if self.day == self.store.day() {
            self.store.feed(sequence, message);
        }
    }

    fn session(&mut self, session: u32, sequence: u64, message: &[u8]) {
        if self.day == self.store.day() {
            self.store.session(session, sequence, message);
        }
    }

    fn new_day(&mut self, day: u32, ended: &Numbers) {
        self.day = day;
        if day > self.store.day() {
            self.store.new_day(day, ended);
        }
    }
}

impl Mirror {
    /// Goes on where a start stands.
    pub(super) fn new(
        clock: Clock,
        window: window::Reader,
        commands: Durable,
        store: Store,
        replica: Box<Replica>,
        rolled_ns: Option<u64>,
    ) -> Self {
        let counters = RecoveryCounters::shared();
        counters.applied.set(replica.applied());
        Self {
            clock,
            window,
            buffer: [0; window::MESSAGE_BYTES_MAX],
            commands,
            store,
            replica: Some(replica),
            mending: None,
            rolled_ns,
            counters,
            behind: Histogram::shared(
                "replica",
                "From numbering a command to its effect in the replica, which answers questions. The last command of each turn.",
            ),
            found: 0,
            found_last: 0,
        }
    }

    /// One turn: takes so many records of the window at most, and so many steps of commands, unless `is_held`: then the
    /// replica stays as of the command it has.
    pub(super) fn turn(&mut self, records: usize, steps: usize, is_held: bool) -> Followed {
        let taken = self.drain_window(records);
        self.counters.window_full_turns.add(u64::from(taken == records));
        let steps = if is_held { 0 } else { self.apply(steps) };
        Followed {
            records: taken,
            steps,
        }
    }

    /// As [`Mirror::turn`], a little, for a thread that helps out: unless that needs the disk, or the replica is lent.
    /// Returns the work done.
    pub(super) fn turn_in_passing(&mut self, is_held: bool) -> usize {
        let applied = self.replica.as_ref().map(|replica| replica.applied());
        if self.mending.is_some() || applied.is_none_or(|applied| self.commands.is_on_disk(applied)) {
            return 0;
        }
        let records = self.drain_window(FOLLOWED_RECORDS);
        let is_held = is_held || self.mending.is_some();
        let steps = if is_held { 0 } else { self.apply(FOLLOWED_STEPS) };
        let followed = Followed { records, steps };
        if followed.work() > 0 {
            self.count(self.clock.now_ns(), followed);
        }
        followed.work()
    }

    /// True where more comes than its thread, or another one, may do in passing.
    pub(super) fn has_much(&self) -> bool {
        self.found_last >= MUCH_FOUND
    }

    /// Notes what a turn brought that did so much work in all.
    pub(super) fn count_turn(&mut self, now_ns: u64, work: usize, followed: Followed) {
        let counters = &self.counters;
        counters.turns.increment();
        if work == 0 {
            counters.idle_turns.increment();
            self.found_last = std::mem::take(&mut self.found);
            return;
        }
        self.found += followed.work();
        counters.read_from_disk.set(self.commands.read_from_disk());
        self.count(now_ns, followed);
    }

    fn count(&self, now_ns: u64, followed: Followed) {
        let counters = &self.counters;
        counters.stored.add(followed.records as u64);
        counters.steps.add(followed.steps as u64);
        if followed.steps > 0
            && let Some(replica) = &self.replica
        {
            counters.applied.set(replica.applied());
            self.behind.record(since(replica.exchange().now(), now_ns));
        }
    }

    /// The day before is kept for some minutes.
    pub(super) fn forget(&mut self, now_ns: u64) {
        if self
            .rolled_ns
            .is_some_and(|rolled_ns| now_ns.saturating_sub(rolled_ns) >= DAY_BEFORE_NS)
        {
            self.rolled_ns = None;
            self.store.forget_day_before();
        }
    }

    /// A day begins, unless it has: a reader that was lapped in the middle of the roll has put it into the store.
    fn begin_day(&mut self, day: u32) {
        if day > self.store.day() {
            self.store.begin_day(day);
            self.rolled_ns = Some(self.clock.now_ns());
        }
    }

    /// Takes what was released into the store, so many records at most; returns how many.
    fn drain_window(&mut self, records: usize) -> usize {
        for taken in 0..records {
            if self.mending.is_some() {
                return taken;
            }
            match self.window.next(&mut self.buffer) {
                Ok(Some(Record::Message {
                    stream,
                    sequence,
                    length,
                })) => self.store.push(stream, sequence, &self.buffer[..length]),
                Ok(Some(Record::Released(command_sequence))) => self.store.set_released(command_sequence),
                Ok(Some(Record::Day(day))) => self.begin_day(day),
                Ok(None) => return taken,
                Err(Lapped { released }) => {
                    self.counters.lapped.increment();
                    self.mending = Some(released);
                }
            }
        }
        records
    }

    /// Applies durable commands, so many steps at most; returns how many.
    fn apply(&mut self, steps: usize) -> usize {
        let Some(replica) = &mut self.replica else {
            return 0;
        };
        let Some(missing) = self.mending else {
            // The messages are in the store already.
            return replica.poll(&mut self.commands, self.store.released(), steps, &mut Nobody);
        };
        let before = self.store.day();
        let mut messages = Mending {
            day: replica.exchange().day(),
            store: &mut self.store,
        };
        let steps = replica.poll(&mut self.commands, missing, steps, &mut messages);
        if self.store.day() != before {
            self.rolled_ns = Some(self.clock.now_ns());
        }
        if replica.applied() >= missing && replica.is_between_commands() {
            self.store.set_released(missing);
            self.mending = None;
        }
        steps
    }
}
