//! A second exchange, applied on what is durable. Everything that is asked is read here, so that a question never
//! touches the engine.

use super::durable::Durable;
use super::history::{History, OrderStatus};
use crate::exchange::command::{Command, CommandKind};
use crate::exchange::event::{Event, EventKind};
use crate::exchange::{Exchange, Limits, OrderView, Outlook, Progress, Sink};
use crate::ingress::EventsHash;
use crate::output::{Encoder, MessageSink};
use crate::poison;
use crate::runtime::links::STEP_EVENTS_MAX;

/// The exchange as of the last durable command that was applied, with the numbers of its streams.
///
/// It encodes what it applies as the output stage does: so it knows how far each stream reaches as of exactly this
/// command, and has the messages at hand when the store must be mended.
#[derive(Debug)]
pub struct Replica {
    exchange: Exchange,
    encoder: Encoder,
    history: History,
    /// Over all events up to the last step.
    events_hash: EventsHash,
    /// The command whose steps have not all been taken.
    unfinished: Option<Command>,
    applied: u64,
    /// Of the step at hand.
    events: Vec<Event>,
}

/// Takes the events of a step and the orders that end in it.
struct StepSink<'a> {
    events: &'a mut Vec<Event>,
    history: &'a mut History,
}

impl Sink for StepSink<'_> {
    const WANTS_FINISHED: bool = true;

    fn event(&mut self, event: Event) {
        self.events.push(event);
    }

    fn order_finished(&mut self, order: &OrderView, state: u8) {
        let mut status = OrderStatus::of(order, state);
        // A canceled order was as large as what it executed and what the cancel, which was told just now, took away.
        let canceled = self.events.last().filter(|event| {
            state == b'C' && event.session == order.session && event.user_ref == order.user_ref
        });
        if let Some(canceled) = canceled {
            status.quantity = order.executed + canceled.quantity;
        }
        self.history.finish(order.account, order.session, status);
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
        Self {
            history: History::new(exchange.limits().accounts, finished_orders),
            encoder,
            events_hash,
            unfinished: None,
            applied: exchange.sequence(),
            events: Vec::with_capacity(STEP_EVENTS_MAX),
            exchange,
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
            if self.unfinished.is_none() && !self.begin(commands, up_to) {
                return taken;
            }
            self.step(messages);
        }
        steps
    }

    /// Applies one command of the journal whole: the start-up's way.
    ///
    /// # Panics
    /// When it is not the next one.
    pub fn replay(&mut self, command: &Command, messages: &mut impl MessageSink) {
        self.replay_foreseen(command, &Outlook::NONE, messages);
    }

    /// The same for a command that stood in line.
    ///
    /// # Panics
    /// As [`Replica::replay`].
    pub fn replay_foreseen(&mut self, command: &Command, outlook: &Outlook, messages: &mut impl MessageSink) {
        assert!(self.unfinished.is_none(), "start-up is over");
        assert_eq!(command.sequence, self.applied + 1, "commands have no holes");
        self.unfinished = Some(*command);
        self.step_foreseen(outlook, messages);
        while self.unfinished.is_some() {
            self.step(messages);
        }
    }

    /// Leaves one command of the journal out, as the operator wants.
    ///
    /// # Panics
    /// As [`Replica::replay`].
    pub fn skip(&mut self, command: &Command, messages: &mut impl MessageSink) {
        assert!(self.unfinished.is_none(), "start-up is over");
        self.events.clear();
        let progress = self.exchange.skip(command, &mut self.events);
        assert!(
            progress == Progress::Done,
            "nothing is left of a command that is left out"
        );
        self.events_hash.add(&self.events);
        self.encoder.encode(command, &self.events, messages);
        self.remember(command);
        self.applied = command.sequence;
    }

    /// Takes the next command to be applied. False when there is none up to `up_to`.
    fn begin(&mut self, commands: &mut Durable, up_to: u64) -> bool {
        let Some(command) = commands.next(self.applied, up_to) else {
            return false;
        };
        assert_eq!(command.sequence, self.applied + 1, "commands have no holes");
        self.unfinished = Some(command);
        true
    }

    /// One step of the unfinished command.
    fn step(&mut self, messages: &mut impl MessageSink) {
        self.step_foreseen(&Outlook::NONE, messages);
    }

    fn step_foreseen(&mut self, outlook: &Outlook, messages: &mut impl MessageSink) {
        let Some(command) = self.unfinished else {
            return;
        };
        self.events.clear();
        let mut sink = StepSink {
            events: &mut self.events,
            history: &mut self.history,
        };
        let exchange = &mut self.exchange;
        let progress = poison::applying(&command, || {
            if exchange.is_busy() {
                exchange.resume(&mut sink)
            } else {
                exchange.apply_foreseen(&command, outlook, &mut sink)
            }
        });
        self.events_hash.add(&self.events);
        self.encoder.encode(&command, &self.events, messages);
        self.remember(&command);
        if progress == Progress::Done {
            self.unfinished = None;
            self.applied = command.sequence;
        }
    }

    /// Puts what the step refused or replaced into the history.
    fn remember(&mut self, command: &Command) {
        for event in &self.events {
            if event.kind == EventKind::DayRolled as u8 {
                // Numbers of orders begin again.
                self.history.forget_all();
                continue;
            }
            let replaced = event.kind == EventKind::Replaced as u8;
            if !replaced && event.kind != EventKind::Rejected as u8 {
                continue;
            }
            let Some(session) = self.exchange.session(event.session) else {
                continue;
            };
            if replaced {
                let from = command.order().orig_user_ref;
                self.history
                    .replace(session.account, event.session, from, event.user_ref);
            } else if is_order(command) {
                self.history.finish(
                    session.account,
                    event.session,
                    OrderStatus::rejected(command, event),
                );
            }
        }
    }

    /// The last command applied whole. Between its steps a long command shows its effects already; see
    /// [`Replica::is_between_commands`].
    pub fn applied(&self) -> u64 {
        self.applied
    }

    /// True when no command is half applied, so that the state is "as of" [`Replica::applied`].
    pub fn is_between_commands(&self) -> bool {
        self.unfinished.is_none()
    }

    /// Number of the session's newest message as of the last command.
    pub fn session_sequence(&self, session: u32) -> u64 {
        self.encoder.session_next(session) - 1
    }

    /// Number of the feed's newest message as of the last command.
    pub fn feed_sequence(&self) -> u64 {
        self.encoder.feed_next() - 1
    }

    /// The exchange itself, when nothing more comes.
    pub fn into_exchange(self) -> Exchange {
        self.exchange
    }

    /// The numbers of all streams as of the last step.
    pub fn encoder(&self) -> &Encoder {
        &self.encoder
    }

    /// Orders that ended.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Orders that ended, to be loaded.
    pub fn history_mut(&mut self) -> &mut History {
        &mut self.history
    }

    /// Over all events up to the last step.
    pub fn events_hash(&self) -> EventsHash {
        self.events_hash
    }

    /// The exchange, for reading.
    pub fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// What is known of the session's order under any number of its chain.
    pub fn order_status(&self, session: u32, user_ref: u32) -> OrderStatus {
        let Some(owner) = self.exchange.session(session) else {
            return OrderStatus::unknown(user_ref);
        };
        let newest = self.history.newest(owner.account, session, user_ref);
        if let Some(order) = self.exchange.order(session, newest) {
            return OrderStatus::of(&order, b'L');
        }
        let found = self.history.find(owner.account, session, newest);
        found.unwrap_or_else(|| OrderStatus::unknown(user_ref))
    }
}

/// True for the requests that question `s` knows by their number.
fn is_order(command: &Command) -> bool {
    command.kind == CommandKind::Enter as u8 || command.kind == CommandKind::Replace as u8
}
