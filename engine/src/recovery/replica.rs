//! A second exchange, applied on what is durable. Everything that is asked is read here, so that a question never
//! touches the engine.

use std::sync::Arc;

use super::durable::Durable;
use super::follower::{Follower, Told};
use super::history::{History, OrderStatus};
use super::kept::Kept;
use super::store::{FEED_STREAM, Store};
use crate::exchange::command::Command;
use crate::exchange::event::{Event, EventKind};
use crate::exchange::snapshot::{Broken, Input};
use crate::exchange::{Exchange, Limits, Outlook, Progress};
use crate::ingress::EventsHash;
use crate::output::{Encoder, MessageSink};
use crate::poison;
use crate::runtime::counters::Counter;
use crate::runtime::links::STEP_EVENTS_MAX;

/// The exchange as of the last durable command that was applied, with the numbers of its streams.
///
/// It encodes what it applies as the output stage does: so it knows how far each stream reaches as of exactly this
/// command, and has the messages at hand when the store must be mended.
#[derive(Debug)]
pub struct Replica {
    core: Core,
    follower: Follower,
    /// The command whose steps have not all been taken.
    unfinished: Option<Command>,
    /// Of the step at hand.
    told: Told,
    operated: Operated,
    /// By session: requests that were refused since the start.
    refused: Arc<[Counter]>,
    /// The newest message of each stream, when they were last noted.
    newest: Kept,
}

/// What became of the last command that an operator asked for since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Operated {
    /// Its number; 0: there was none.
    pub sequence: u64,
    /// Its time, nanoseconds since the day's midnight.
    pub time: u64,
    /// Why it was not carried out: a [`crate::exchange::event::Refusal`] as a number; 0: it was.
    pub refusal: u32,
    /// Orders that it canceled, whole or in part.
    pub canceled: u64,
}

impl Operated {
    /// Takes a step of the operator's `command`.
    fn note(&mut self, command: &Command, events: &[Event]) {
        if self.sequence != command.sequence {
            *self = Self {
                sequence: command.sequence,
                time: command.time,
                ..Self::default()
            };
        }
        for event in events {
            match event.kind() {
                EventKind::OperationRefused => self.refusal = event.detail,
                EventKind::CanceledUnbooked | EventKind::CanceledReduced | EventKind::CanceledDeleted => {
                    self.canceled += 1;
                }
                _ => {}
            }
        }
    }
}

/// The exchange, and where it stands in the journal.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) exchange: Exchange,
    /// The last command applied whole.
    pub(super) applied: u64,
}

impl Core {
    /// The first step of `command`, or the next one.
    #[inline]
    pub(super) fn step(&mut self, command: &Command, outlook: &Outlook, told: &mut Told) -> Progress {
        let exchange = &mut self.exchange;
        let progress = poison::applying(command, || {
            if exchange.is_busy() {
                exchange.resume(told)
            } else {
                exchange.apply_foreseen(command, outlook, told)
            }
        });
        told.end_step(command, exchange);
        if progress == Progress::Done {
            self.applied = command.sequence;
        }
        progress
    }

    /// Leaves `command` out, as the operator wants.
    pub(super) fn skip(&mut self, command: &Command, told: &mut Told) -> Progress {
        let progress = self.exchange.skip(command, told);
        assert!(
            progress == Progress::Done,
            "nothing is left of a command that is left out"
        );
        told.end_step(command, &self.exchange);
        self.applied = command.sequence;
        progress
    }
}

impl Replica {
    /// An empty exchange of these capacities (and secret of its index); remembers the last `finished_orders` of each
    /// account.
    pub fn new(limits: Limits, hash_seed: u64, finished_orders: usize) -> Self {
        Self::resume(
            Exchange::with_hash_seed(limits, hash_seed),
            Encoder::new(limits.instruments, limits.sessions),
            EventsHash::default(),
            finished_orders,
        )
    }

    /// Goes on where `exchange` stands, with the numbers and events' hash of that time.
    pub fn resume(
        exchange: Exchange,
        encoder: Encoder,
        events_hash: EventsHash,
        finished_orders: usize,
    ) -> Self {
        let limits = exchange.limits();
        Self {
            follower: Follower::new(&limits, encoder, events_hash, finished_orders),
            core: Core {
                applied: exchange.sequence(),
                exchange,
            },
            unfinished: None,
            told: Told::with_capacity(STEP_EVENTS_MAX),
            operated: Operated::default(),
            refused: (0..limits.sessions).map(|_| Counter::default()).collect(),
            newest: Kept::new(limits.sessions as usize + 1),
        }
    }

    /// Applies durable commands up to number `up_to`, at most `steps` steps; returns how many were taken. Commands that
    /// start-up has applied already are passed over. What the commands say goes to `messages`.
    ///
    /// # Panics
    /// When a command is missing: the replica would answer wrongly from then on.
    pub fn poll(
        &mut self,
        commands: &mut Durable,
        up_to: u64,
        steps: usize,
        messages: &mut impl MessageSink,
    ) -> usize {
        for taken in 0..steps {
            let Some(command) = self.unfinished.or_else(|| self.next(commands, up_to)) else {
                return taken;
            };
            let progress = self.step(&command, messages);
            self.unfinished = (progress == Progress::More).then_some(command);
        }
        steps
    }

    /// Applies one command of the journal whole.
    ///
    /// # Panics
    /// When it is not the next one.
    pub fn replay(&mut self, command: &Command, messages: &mut impl MessageSink) {
        assert!(self.unfinished.is_none(), "a command is half applied");
        assert_eq!(command.sequence, self.applied() + 1, "commands have no holes");
        while self.step(command, messages) == Progress::More {}
    }

    /// Its two halves, for who applies many commands: the second is told by the first, and may be behind it.
    pub(super) fn halves(&mut self) -> (&mut Core, &mut Follower) {
        (&mut self.core, &mut self.follower)
    }

    /// The next command to be applied, if there is one up to `up_to`.
    fn next(&self, commands: &mut Durable, up_to: u64) -> Option<Command> {
        let command = commands.next(self.applied(), up_to)?;
        assert_eq!(command.sequence, self.applied() + 1, "commands have no holes");
        Some(command)
    }

    /// One step of `command`.
    fn step(&mut self, command: &Command, messages: &mut impl MessageSink) -> Progress {
        let Self {
            core,
            follower,
            told,
            operated,
            refused,
            ..
        } = self;
        told.clear();
        let progress = core.step(command, &Outlook::NONE, told);
        follower.follow(command, told, messages);
        for session in told.refusals() {
            if let Some(counter) = refused.get(session as usize) {
                counter.increment();
            }
        }
        if command.operator().is_some() {
            operated.note(command, &told.events);
        }
        progress
    }

    /// The last command applied whole. Between its steps a long command shows its effects already; see
    /// [`Replica::is_between_commands`].
    pub fn applied(&self) -> u64 {
        self.core.applied
    }

    /// By session: orders and replacements that were refused since the start.
    pub fn refused(&self) -> &Arc<[Counter]> {
        &self.refused
    }

    /// What became of the last command that an operator asked for.
    pub fn operated(&self) -> Operated {
        self.operated
    }

    /// True when no command is half applied, so that the state is "as of" [`Replica::applied`].
    pub fn is_between_commands(&self) -> bool {
        self.unfinished.is_none()
    }

    /// Number of the session's newest message as of the last command.
    pub fn session_sequence(&self, session: u32) -> u64 {
        self.follower.encoder.session_next(session) - 1
    }

    /// Number of the feed's newest message as of the last command.
    pub fn feed_sequence(&self) -> u64 {
        self.follower.encoder.feed_next() - 1
    }

    /// The exchange itself, when nothing more comes.
    pub fn into_exchange(self) -> Exchange {
        self.core.exchange
    }

    /// The numbers of all streams as of the last step.
    pub fn encoder(&self) -> &Encoder {
        &self.follower.encoder
    }

    /// Orders that ended.
    pub fn history(&self) -> &History {
        &self.follower.history
    }

    /// Notes the newest message of each stream as of the last command, as far as `store` has it: a snapshot knows them then.
    pub(crate) fn note_newest(&mut self, store: &Store) {
        self.newest.clear();
        let day = self.exchange().day();
        for session in 0..self.refused.len() as u32 {
            let sequence = self.session_sequence(session);
            store.note(&mut self.newest, day, session, sequence);
        }
        let sequence = self.feed_sequence();
        store.note(&mut self.newest, day, FEED_STREAM, sequence);
    }

    /// Those messages.
    pub(super) fn newest(&self) -> &Kept {
        &self.newest
    }

    /// Appends what it remembers beside the exchange and the numbers of its streams.
    pub fn save_history(&self, into: &mut Vec<u8>) {
        self.history().save(into);
        self.newest.save(into);
    }

    /// Takes in what was saved.
    ///
    /// # Errors
    /// When the bytes are something else.
    pub fn load_history(&mut self, from: &mut Input<'_>) -> Result<(), Broken> {
        self.follower.history.load(from)?;
        self.newest.load(from)
    }

    /// Over all events up to the last step.
    pub fn events_hash(&self) -> EventsHash {
        self.follower.events_hash
    }

    /// The exchange, for reading.
    pub fn exchange(&self) -> &Exchange {
        &self.core.exchange
    }

    /// What is known of the session's order under any number of its chain.
    pub fn order_status(&self, session: u32, user_ref: u32) -> OrderStatus {
        let Some(owner) = self.core.exchange.session(session) else {
            return OrderStatus::unknown(user_ref);
        };
        let newest = self.follower.history.newest(owner.account, session, user_ref);
        if let Some(order) = self.core.exchange.order(session, newest) {
            return OrderStatus::live(&order);
        }
        let found = self.follower.history.find(owner.account, session, newest);
        found.unwrap_or_else(|| OrderStatus::unknown(user_ref))
    }
}
