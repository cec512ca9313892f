//! What follows from what the exchange did: messages with their numbers, orders that ended, the hash of all events.
//!
//! It asks no exchange: commands, their events and the [`Change`]s of the history are all it takes. So it can be behind: the
//! replica has it done after each step, a start after each batch of commands.

use super::history::{FinishedOrder, History};
use crate::exchange::command::{Command, CommandKind};
use crate::exchange::event::{Event, EventKind};
use crate::exchange::{EndedOrder, Exchange, Limits, Sink};
use crate::ingress::EventsHash;
use crate::output::{Encoder, MessageSink};

/// What the history is told, in order.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change {
    /// An order of the account ended, or a request was refused.
    Finished { account: u32, order: FinishedOrder },
    /// The order known by `from` goes on as `to`.
    Replaced {
        account: u32,
        session: u32,
        from: u32,
        to: u32,
    },
    /// The day rolled: numbers of orders begin again.
    ForgetAll,
}

/// What commands caused, step after step.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) events: Vec<Event>,
    pub(super) changes: Vec<Change>,
    /// Where the events of the step at hand begin.
    step: usize,
}

impl Sink for Told {
    const WANTS_FINISHED: bool = true;

    #[inline(always)]
    fn event(&mut self, event: Event) {
        self.events.push(event);
    }

    #[inline(always)]
    fn order_finished(&mut self, order: &EndedOrder, state: u8) {
        let mut finished = FinishedOrder::ended(order, state);
        // A canceled order was as large as what it executed and what the cancel, which was told just now, took away.
        let canceled = self.events[self.step..].last().filter(|event| {
            state == b'C' && event.session == order.session && event.user_ref == order.user_ref
        });
        if let Some(canceled) = canceled {
            finished.set_quantity(order.executed + canceled.quantity);
        }
        self.changes.push(Change::Finished {
            account: order.account,
            order: finished,
        });
    }
}

impl Told {
    /// Room for what `events` events tell; more than that is taken as well.
    pub(super) fn with_capacity(events: usize) -> Self {
        Self {
            events: Vec::with_capacity(events),
            changes: Vec::with_capacity(events),
            step: 0,
        }
    }

    pub(super) fn clear(&mut self) {
        self.events.clear();
        self.changes.clear();
        self.step = 0;
    }

    /// A step of `command` has ended: adds what it refused or replaced to the changes. What comes is the next step's.
    #[inline]
    pub(super) fn end_step(&mut self, command: &Command, exchange: &Exchange) {
        for place in self.step..self.events.len() {
            if CHANGES & 1 << self.events[place].kind != 0 {
                let event = self.events[place];
                self.add_change(command, &event, exchange);
            }
        }
        self.step = self.events.len();
    }

    /// Sessions whose orders and replacements were refused.
    pub(super) fn refusals(&self) -> impl Iterator<Item = u32> {
        self.changes.iter().filter_map(|change| match change {
            Change::Finished { order, .. } => order.refused_to(),
            _ => None,
        })
    }

    #[inline(never)]
    fn add_change(&mut self, command: &Command, event: &Event, exchange: &Exchange) {
        let session = event.session;
        let change = match (event.kind(), exchange.session(session)) {
            (EventKind::DayRolled, _) => Change::ForgetAll,
            (EventKind::Replaced, Some(owner)) => Change::Replaced {
                account: owner.account,
                session,
                from: command.order().orig_user_ref,
                to: event.user_ref,
            },
            (EventKind::Rejected, Some(owner)) if is_order(command) => Change::Finished {
                account: owner.account,
                order: FinishedOrder::rejected(session, command, event),
            },
            _ => return,
        };
        self.changes.push(change);
    }
}

/// The kinds of events that change the history by themselves, as bits.
const CHANGES: u64 =
    1 << EventKind::DayRolled as u8 | 1 << EventKind::Replaced as u8 | 1 << EventKind::Rejected as u8;

/// True for the requests that question `s` knows by their number.
fn is_order(command: &Command) -> bool {
    command.kind == CommandKind::Enter as u8 || command.kind == CommandKind::Replace as u8
}

/// Counts the streams, hashes the events and remembers what ended, up to the last step it was told.
#[derive(Debug)]
pub(super) struct Follower {
    pub(super) encoder: Encoder,
    pub(super) history: History,
    /// Over all events.
    pub(super) events_hash: EventsHash,
}

impl Follower {
    /// Goes on where the numbers and the events' hash stand; remembers the last `finished_orders` of each account.
    pub(super) fn new(
        limits: &Limits,
        encoder: Encoder,
        events_hash: EventsHash,
        finished_orders: usize,
    ) -> Self {
        Self {
            encoder,
            history: History::new(limits.accounts, finished_orders),
            events_hash,
        }
    }

    /// Takes a step of `command`. What it says goes to `messages`.
    pub(super) fn follow(&mut self, command: &Command, told: &Told, messages: &mut impl MessageSink) {
        self.events_hash.add(&told.events);
        self.encoder.encode(command, &told.events, messages);
        self.remember(&told.changes);
    }

    /// Takes `changes` into the history.
    pub(super) fn remember(&mut self, changes: &[Change]) {
        for change in changes {
            match *change {
                Change::Finished { account, order } => self.history.finish(account, order),
                Change::Replaced {
                    account,
                    session,
                    from,
                    to,
                } => self.history.replace(account, session, from, to),
                Change::ForgetAll => self.history.forget_all(),
            }
        }
    }

    /// Has fetched what `changes` will write to.
    pub(super) fn prefetch(&self, changes: &[Change]) {
        for change in changes {
            if let Change::Finished { account, .. } = change {
                self.history.prefetch(*account);
            }
        }
    }
}
