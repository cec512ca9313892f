//! What a start hands to the recovery stage, and how the journal fills it.
//!
//! Commands are taken in batches, in two passes: the exchange applies all of a batch, each looked at before its turn; then
//! follows what only depends on what they told: the events' hash, finished orders, messages or just their numbers, the store.
//! What comes out is what [`Start::replay`] gives command by command.
//!
//! PERF: a batch says which sessions and accounts come next, so that their places in store and history are fetched before they
//! are written to; and each pass is a loop that the processor can foretell. Both passes on a core of their own are no quicker:
//! what is told would travel from one core's cache to the other's. `cargo bench -p benches --bench replay`.

use super::RecoveryConfig;
use super::follower::{Follower, Told};
use super::replica::{Core, Replica};
use super::store::{FEED_STREAM, Store};
use crate::ahead::{look_ahead, look_at_first};
use crate::exchange::command::{Command, CommandKind};
use crate::exchange::{Outlook, Progress};
use crate::output::Encoder;
use crate::planted::{self, Bug};
use crate::poison::Skips;
use crate::replay::{self, Diverged, Nobody, Recorded};
use crate::runtime::links::STEP_EVENTS_MAX;

/// Commands of a batch. Few enough that what they tell stays in the first caches.
const BATCH_COMMANDS: usize = 64;
/// Events after which a batch ends, even in the middle of a command.
const BATCH_EVENTS: usize = 4 * BATCH_COMMANDS;
/// What recovery knows when the stages start.
#[derive(Debug)]
pub struct Start {
    /// As of the last command that start-up has applied.
    pub replica: Box<Replica>,
    /// What these commands said, as much as fits.
    pub store: Store,
    /// The last command that the newest snapshot knows.
    pub newest_snapshot: u64,
    /// When the day began, if that was after the first of these commands: the store may have the day before.
    pub rolled_ns: Option<u64>,
}

impl Start {
    /// Nothing has happened yet.
    pub fn empty(config: &RecoveryConfig) -> Self {
        let replica = Replica::new(config.limits, config.hash_seed, config.finished_orders);
        Self::empty_store(config, Box::new(replica))
    }

    /// With this replica, and nothing stored.
    pub fn empty_store(config: &RecoveryConfig, replica: Box<Replica>) -> Self {
        let mut store = Store::new(config.store_bytes, config.limits.sessions);
        store.go_on_in(replica.exchange().day());
        Self {
            replica,
            store,
            newest_snapshot: 0,
            rolled_ns: None,
        }
    }

    /// The store begins with what the next command says; of what was said before it has the newest messages that the
    /// replica's snapshot knew.
    pub(crate) fn begin_store(&mut self) {
        let (day, applied) = (self.replica.exchange().day(), self.replica.applied());
        begin_store(&mut self.store, self.replica.encoder(), day, applied);
        self.store.begin_with(self.replica.newest());
    }

    /// Applies one journaled command and stores what it says.
    ///
    /// # Panics
    /// When `command` is not the next one.
    pub fn replay(&mut self, command: &Command) {
        self.replica.replay(command, &mut self.store);
        self.store.set_released(command.sequence);
        if command.kind == CommandKind::RollDay as u8 && self.store.day_before().is_some() {
            self.rolled_ns = began_ns(command, self.replica.halves().0);
        }
    }

    /// Applies all commands that `read` passes on, but for those left out.
    ///
    /// # Errors
    /// What `read` returns, or that the journal tells other events than these commands cause.
    ///
    /// # Panics
    /// When a command is not the next one, or ends the process.
    pub fn catch_up<T, E: From<Diverged>>(
        &mut self,
        skips: &Skips,
        read: impl FnOnce(&mut Catching<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let Self {
            replica,
            store,
            rolled_ns,
            ..
        } = self;
        let (core, follower) = replica.halves();
        let mut catching = Catching {
            core,
            following: Following {
                follower,
                store,
                rolled_ns,
            },
            skips,
            is_stored: true,
            batch: Batch::new(),
            diverged: None,
        };
        let read = read(&mut catching);
        if read.is_ok() {
            catching.finish();
        }
        match catching.diverged {
            Some(diverged) => Err(diverged.into()),
            None => read,
        }
    }
}

/// Takes commands for [`Start::catch_up`].
pub struct Catching<'a> {
    core: &'a mut Core,
    skips: &'a Skips,
    is_stored: bool,
    batch: Batch,
    following: Following<'a>,
    diverged: Option<Diverged>,
}

impl Catching<'_> {
    /// Takes the journal's next command, with the hash of all events before it, where the journal has it. After a
    /// divergence nothing is applied any more.
    ///
    /// # Panics
    /// As [`Start::catch_up`].
    #[inline]
    pub fn pass(&mut self, command: &Command, expected: Option<u64>) {
        if self.batch.commands.len() == BATCH_COMMANDS {
            self.apply();
        }
        self.batch.commands.push(Recorded {
            command: *command,
            outlook: Outlook::NONE,
            note: expected,
        });
    }

    /// From now on what is said goes to the store, or does not: it would be overwritten before the end.
    pub fn set_stored(&mut self, is_stored: bool) {
        if self.is_stored != is_stored {
            self.apply();
            self.is_stored = is_stored;
        }
    }

    fn finish(&mut self) {
        if planted::is(Bug::RecoveryOffByOne) {
            self.batch.commands.pop();
        }
        self.apply();
    }

    /// Applies the batch's commands, and what follows.
    fn apply(&mut self) {
        self.begin();
        let mut place = 0;
        while place < self.batch.commands.len() && self.diverged.is_none() {
            let Batch {
                commands,
                told,
                steps,
                rolled_ns,
                ..
            } = &mut self.batch;
            look_ahead(&self.core.exchange, commands, place);
            if let Some(next) = commands.get(place + 3) {
                self.core.exchange.look_at_end(&next.outlook);
            }
            let Recorded { command, outlook, .. } = &commands[place];
            let progress = if !self.core.exchange.is_busy() && is_left_out(command, self.skips) {
                self.core.skip(command, told)
            } else {
                self.core.step(command, outlook, told)
            };
            steps.push(StepEnd {
                command: place,
                events: told.events.len(),
            });
            if progress == Progress::Done {
                if command.kind == CommandKind::RollDay as u8 {
                    *rolled_ns = began_ns(command, self.core);
                }
                place += 1;
            }
            if told.events.len() >= BATCH_EVENTS {
                let mut rest = commands[place..].to_vec();
                if progress == Progress::More {
                    // It was compared before its first step.
                    rest[0].note = None;
                }
                self.follow();
                self.batch.commands = rest;
                self.begin();
                place = 0;
            }
        }
        self.follow();
    }

    /// Before the batch's first command.
    fn begin(&mut self) {
        look_at_first(&self.core.exchange, &mut self.batch.commands);
        self.batch.is_stored = self.is_stored;
        self.batch.day = self.core.exchange.day();
        self.batch.applied_before = self.core.applied;
    }

    /// What follows from the batch, which is empty then.
    fn follow(&mut self) {
        self.batch.applied = self.core.applied;
        if let Err(diverged) = self.following.take(&self.batch) {
            self.diverged = Some(diverged);
        }
        self.batch.clear();
    }
}

fn is_left_out(command: &Command, skips: &Skips) -> bool {
    let is_planted = planted::is(Bug::SkippedUnasked)
        && command.kind == CommandKind::Enter as u8
        && command.sequence.is_multiple_of(16);
    is_planted || skips.contains(command)
}

/// When the day began that `command`, just applied, rolled to.
fn began_ns(command: &Command, core: &Core) -> Option<u64> {
    let midnight_ns = core.exchange.midnight_ns();
    midnight_ns.map(|midnight_ns| midnight_ns + command.time)
}

fn begin_store(store: &mut Store, encoder: &Encoder, day: u32, applied: u64) {
    store.go_on_in(day);
    for session in 0..encoder.sessions() {
        store.begin(session, encoder.session_next(session));
    }
    store.begin(FEED_STREAM, encoder.feed_next());
    store.set_released(applied);
}

/// Commands, and what they caused.
struct Batch {
    commands: Vec<Recorded>,
    told: Told,
    /// One after the other.
    steps: Vec<StepEnd>,
    /// What they say goes to the store.
    is_stored: bool,
    /// The day and the last command applied whole, before the first step.
    day: u32,
    applied_before: u64,
    /// The last command applied whole, after the last step.
    applied: u64,
    /// When the day began, if one of these commands rolled it.
    rolled_ns: Option<u64>,
}

/// Where a step ends.
struct StepEnd {
    /// The place of its command.
    command: usize,
    /// Events up to here.
    events: usize,
}

impl Batch {
    fn new() -> Self {
        Self {
            commands: Vec::with_capacity(BATCH_COMMANDS),
            told: Told::with_capacity(BATCH_EVENTS + STEP_EVENTS_MAX),
            steps: Vec::with_capacity(BATCH_COMMANDS),
            is_stored: false,
            day: 0,
            applied_before: 0,
            applied: 0,
            rolled_ns: None,
        }
    }

    fn clear(&mut self) {
        self.commands.clear();
        self.told.clear();
        self.steps.clear();
        self.rolled_ns = None;
    }
}

/// What follows from the batches goes here.
struct Following<'a> {
    follower: &'a mut Follower,
    store: &'a mut Store,
    rolled_ns: &'a mut Option<u64>,
}

impl Following<'_> {
    fn take(&mut self, batch: &Batch) -> Result<(), Diverged> {
        self.follower.prefetch(&batch.told.changes);
        self.compare(batch)?;
        self.follower.remember(&batch.told.changes);
        if batch.is_stored {
            self.store(batch);
        } else {
            self.follower.encoder.count(&batch.told.events, &mut Nobody);
        }
        Ok(())
    }

    /// Hashes the events, and compares where the journal has the hash of all events before a command.
    fn compare(&mut self, batch: &Batch) -> Result<(), Diverged> {
        let events_hash = &mut self.follower.events_hash;
        let (mut command, mut hashed, mut begin) = (0, 0, 0);
        for step in &batch.steps {
            // Its first step: the events before are all there.
            let Recorded {
                command: of, note, ..
            } = &batch.commands[step.command];
            if note.is_some() && (begin == 0 || command != step.command) {
                events_hash.add(&batch.told.events[hashed..begin]);
                hashed = begin;
                replay::compare(of, *note, *events_hash)?;
            }
            (command, begin) = (step.command, step.events);
        }
        events_hash.add(&batch.told.events[hashed..]);
        Ok(())
    }

    fn store(&mut self, batch: &Batch) {
        let Self {
            follower,
            store,
            rolled_ns,
        } = self;
        let events = &batch.told.events;
        if store.released() < batch.applied_before {
            begin_store(store, &follower.encoder, batch.day, batch.applied_before);
        }
        for event in events {
            store.prefetch(event.session);
        }
        let mut begin = 0;
        for step in &batch.steps {
            let command = &batch.commands[step.command].command;
            follower
                .encoder
                .encode(command, &events[begin..step.events], *store);
            begin = step.events;
        }
        store.set_released(batch.applied);
        if batch.rolled_ns.is_some() && store.day_before().is_some() {
            **rolled_ns = batch.rolled_ns;
        }
    }
}
