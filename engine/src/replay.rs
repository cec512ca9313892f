//! The journal's way back into memory: the same commands through the same exchange and the same encoder. What comes out
//! is compared with what the process that wrote the journal had: a hash of all events, in every frame.

use crate::ahead::Foreseen;
use crate::exchange::command::Command;
use crate::exchange::event::Event;
use crate::exchange::{Exchange, Limits, Outlook, Progress, Sink};
use crate::ingress::EventsHash;
use crate::output::{Encoder, MessageSink};
use crate::poison::Skips;
use crate::runtime::links::STEP_EVENTS_MAX;

/// A replay that does not give what the journal says it gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "command {sequence}: what the commands before it caused is not what they caused when the journal was written \
     (hash {found:016x}, the journal has {expected:016x})\n    remedy: start the version of the exchange that wrote this \
     journal, or report this: the same commands must always do the same"
)]
pub struct Diverged {
    /// The first command of the frame that says so.
    pub sequence: u64,
    /// What the journal says.
    pub expected: u64,
    /// What came out.
    pub found: u64,
}

/// A command of the journal that stood in line, with the hash of all events before it, where the journal has it.
pub type Recorded = Foreseen<Option<u64>>;

/// An exchange that is being rebuilt.
#[derive(Debug)]
pub struct Replay {
    /// As of the last command.
    pub exchange: Exchange,
    /// The numbers of all streams as of the last command.
    pub encoder: Encoder,
    /// Over all events.
    pub events_hash: EventsHash,
    events: Events,
    /// Commands that are left out.
    skips: Skips,
}

/// The events of one step.
#[derive(Debug)]
struct Events(Vec<Event>);

impl Sink for Events {
    fn event(&mut self, event: Event) {
        self.0.push(event);
    }
}

impl Replay {
    /// An empty exchange of these capacities; see [`Exchange::with_hash_seed`].
    pub fn new(limits: Limits, hash_seed: u64) -> Self {
        Self::resume(
            Exchange::with_hash_seed(limits, hash_seed),
            Encoder::new(limits.instruments, limits.sessions),
            EventsHash::default(),
        )
    }

    /// Goes on where `exchange` stands, with the numbers and events' hash of that time.
    pub fn resume(exchange: Exchange, encoder: Encoder, events_hash: EventsHash) -> Self {
        Self {
            exchange,
            encoder,
            events_hash,
            events: Events(Vec::with_capacity(STEP_EVENTS_MAX)),
            skips: Skips::default(),
        }
    }

    /// Leaves these commands out.
    pub fn leave_out(&mut self, skips: Skips) {
        self.skips = skips;
    }

    /// Applies a command of the journal. `expected` is the hash of all events before it, where the journal has it; the
    /// messages go to `messages`.
    ///
    /// # Errors
    /// When the events before it were others.
    pub fn apply(
        &mut self,
        command: &Command,
        expected: Option<u64>,
        messages: &mut impl MessageSink,
    ) -> Result<(), Diverged> {
        let foreseen = Recorded {
            command: *command,
            outlook: Outlook::NONE,
            note: expected,
        };
        self.apply_foreseen(&foreseen, messages)
    }

    /// The same for a command that stood in line.
    ///
    /// # Errors
    /// As [`Replay::apply`].
    pub fn apply_foreseen(
        &mut self,
        foreseen: &Recorded,
        messages: &mut impl MessageSink,
    ) -> Result<(), Diverged> {
        let Foreseen {
            command,
            outlook,
            note: expected,
        } = foreseen;
        compare(command, *expected, self.events_hash)?;
        let mut progress = if self.skips.contains(command) {
            self.exchange.skip(command, &mut self.events)
        } else {
            self.exchange.apply_foreseen(command, outlook, &mut self.events)
        };
        loop {
            self.events_hash.add(&self.events.0);
            self.encoder.encode(command, &self.events.0, messages);
            self.events.0.clear();
            if progress == Progress::Done {
                break;
            }
            progress = self.exchange.resume(&mut self.events);
        }
        Ok(())
    }
}

/// Compares the hash of all events so far with what the journal has of them before `command`.
///
/// # Errors
/// When they differ.
pub fn compare(command: &Command, expected: Option<u64>, events_hash: EventsHash) -> Result<(), Diverged> {
    let found = events_hash.value();
    match expected {
        Some(expected) if expected != found => Err(Diverged {
            sequence: command.sequence,
            expected,
            found,
        }),
        _ => Ok(()),
    }
}

/// Takes messages that nobody wants: they are counted.
#[derive(Debug, Clone, Copy)]
pub struct Nobody;

impl MessageSink for Nobody {
    const WANTS_MESSAGES: bool = false;

    fn feed(&mut self, _sequence: u64, _message: &[u8]) {}
    fn session(&mut self, _session: u32, _sequence: u64, _message: &[u8]) {}
}
