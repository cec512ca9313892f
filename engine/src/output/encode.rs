//! From what happened to what is said: OUCH and ITCH messages with their sequence numbers.
//!
//! A pure function of the commands and their events since the first one. Whoever encodes the same commands and events
//! (the output stage, recovery from the journal, a replay) makes the same bytes with the same numbers.

use protocol::units::U48;
use zerocopy::IntoBytes;

use super::acknowledgements::{self as ouch, Draft};
use super::market_data as itch;
use crate::exchange::command::{Command, UNKNOWN_INSTRUMENT};
use crate::exchange::event::{Event, EventKind};
use crate::exchange::snapshot::{self, Broken};
use crate::planted::{self, Bug};

/// Takes the messages of a step, each stream's in ascending order without holes.
pub trait MessageSink {
    /// False when messages are only to be counted: then they are not made, and the sink hears of new days only.
    const WANTS_MESSAGES: bool = true;

    /// False when none of a step's messages is wanted: then they are only counted.
    #[inline]
    fn wants(&self, _events: &[Event]) -> bool {
        Self::WANTS_MESSAGES
    }

    /// A message of the market data feed.
    fn feed(&mut self, sequence: u64, message: &[u8]);
    /// A message of a session's stream.
    fn session(&mut self, session: u32, sequence: u64, message: &[u8]);
    /// Day number `day` begins: all streams end here, with these numbers to come that never will, and what follows begins
    /// new ones with number 1.
    fn new_day(&mut self, _day: u32, _ended: &Numbers) {}
}

/// The encoder's state: the next sequence numbers and the symbols of the listed instruments.
#[derive(Debug, Clone)]
pub struct Encoder {
    numbers: Numbers,
    /// By stock locate; 0 is blank ("no instrument", "all").
    symbols: Box<[[u8; 8]]>,
    draft: Draft,
}

/// Numbers the messages on their way to the sink.
#[derive(Debug, Clone)]
pub struct Numbers {
    feed_next: u64,
    session_next: Box<[u64]>,
}

impl Numbers {
    /// Number of the feed's next message.
    pub fn feed_next(&self) -> u64 {
        self.feed_next
    }

    /// Number of the session's next message.
    pub fn session_next(&self, session: u32) -> u64 {
        self.session_next[session as usize]
    }

    fn publish(&mut self, sink: &mut impl MessageSink, message: &[u8]) {
        sink.feed(self.feed_next, message);
        self.feed_next += 1;
    }

    fn acknowledge(&mut self, sink: &mut impl MessageSink, session: u32, message: &[u8]) {
        let next = &mut self.session_next[session as usize];
        sink.session(session, *next, message);
        *next += 1;
    }

    /// Every stream begins again.
    fn restart(&mut self) {
        self.feed_next = 1;
        self.session_next.fill(1);
    }
}

/// What an event leaves for the next one of its step.
#[derive(Default)]
struct Context {
    /// Half of something: its other half comes next.
    half: Half,
    /// The fee of the next execution.
    fee: Option<i64>,
    /// The event directly before, if it was [`EventKind::Replaced`].
    replaced: Option<Event>,
}

/// Events that say only together what they say.
#[derive(Debug, Default, Clone, Copy)]
enum Half {
    /// Nothing is begun.
    #[default]
    None,
    /// The resting side of a match, with its fee, until the incoming side brings the match number.
    Resting(Event, Option<i64>),
    /// A match of a cross, and how many of its two sides are still to come.
    Cross { match_number: u64, sides: u8 },
    /// Prices and paired lots of an imbalance.
    Imbalance(Event),
    /// Texts of a surviving order.
    CarriedText(Event),
}

impl Half {
    /// True when an event of `kind` may come now.
    fn allows(&self, kind: EventKind) -> bool {
        match self {
            Self::None => !matches!(
                kind,
                EventKind::ExecutedIncoming
                    | EventKind::CrossExecuted
                    | EventKind::CrossExecutedUnseen
                    | EventKind::ImbalanceSide
                    | EventKind::Carried
            ),
            Self::Resting(..) => matches!(kind, EventKind::Fee | EventKind::ExecutedIncoming),
            Self::Cross { .. } => matches!(
                kind,
                EventKind::Fee | EventKind::CrossExecuted | EventKind::CrossExecutedUnseen
            ),
            Self::Imbalance(_) => kind == EventKind::ImbalanceSide,
            Self::CarriedText(_) => kind == EventKind::Carried,
        }
    }

    /// One side of a cross's match: gives its number.
    fn cross_side(&mut self) -> u64 {
        let Self::Cross { match_number, sides } = *self else {
            unreachable!("a side of a cross is allowed behind its match only");
        };
        *self = match sides {
            2 => Self::Cross {
                match_number,
                sides: 1,
            },
            _ => Self::None,
        };
        match_number
    }
}

/// How many messages an event stands for.
#[derive(Clone, Copy)]
struct Said {
    to_session: u8,
    to_feed: u8,
    /// It changes what later messages say.
    is_kept: bool,
}

/// For each kind, as a byte, what [`Encoder::encode`] makes of it. Of two events that are told by one message the second
/// counts.
const SAID: [Said; 256] = {
    let nothing = Said {
        to_session: 0,
        to_feed: 0,
        is_kept: false,
    };
    let mut said = [nothing; 256];
    let mut kind = 0;
    while kind < said.len() {
        if let Some(known) = EventKind::from_byte(kind as u8) {
            said[kind] = known.said();
        }
        kind += 1;
    }
    said
};

impl EventKind {
    const fn said(self) -> Said {
        let (to_session, to_feed) = match self {
            Self::Accepted
            | Self::Rejected
            | Self::Replaced
            | Self::CanceledUnbooked
            | Self::SelfMatchIncoming
            | Self::SelfMatchUnseen
            | Self::ExecutedIncoming
            | Self::CrossExecutedUnseen
            | Self::PriorityUpdated
            | Self::Restated
            | Self::Modified
            | Self::CancelRefused
            | Self::MassCanceled
            | Self::OrderEntryDisabled
            | Self::OrderEntryEnabled
            | Self::AccountAnswered
            | Self::Carried
            | Self::SessionEvent => (1, 0),
            Self::CanceledReduced
            | Self::CanceledDeleted
            | Self::SelfMatchReduced
            | Self::SelfMatchDeleted
            | Self::ExecutedResting
            | Self::ExecutedUnseen
            | Self::CrossExecuted => (1, 1),
            Self::CrossDone
            | Self::ImbalanceSide
            | Self::Added
            | Self::Deleted
            | Self::Reduced
            | Self::BookReplaced
            | Self::InstrumentListed
            | Self::TradingAction
            | Self::SystemEvent => (0, 1),
            Self::CrossMatch
            | Self::ImbalanceVolume
            | Self::OperationRefused
            | Self::CarriedText
            | Self::DayRolled
            | Self::Fee => (0, 0),
        };
        Said {
            to_session,
            to_feed,
            is_kept: matches!(self, Self::InstrumentListed | Self::DayRolled),
        }
    }
}

impl Encoder {
    /// For at most so many instruments and sessions; everything is allocated now. The next number is 1 everywhere.
    pub fn new(instruments: u32, sessions: u32) -> Self {
        Self {
            numbers: Numbers {
                feed_next: 1,
                session_next: vec![1; sessions as usize].into(),
            },
            symbols: vec![[b' '; 8]; instruments as usize + 1].into(),
            draft: Draft::new(),
        }
    }

    /// Appends all numbers and symbols to `into`: what [`Encoder::load`] makes an equal encoder of.
    pub fn save(&self, into: &mut Vec<u8>) {
        let Self {
            numbers: Numbers {
                feed_next,
                session_next,
            },
            symbols,
            // Written anew by each message.
            draft: _,
        } = self;
        let out = &mut snapshot::Output(into);
        out.u64(*feed_next);
        for next in session_next {
            out.u64(*next);
        }
        for symbol in symbols {
            out.record(symbol);
        }
    }

    /// The encoder that was saved, which had the same capacities.
    ///
    /// # Errors
    /// When the bytes end too early, or a number is none.
    pub fn load(instruments: u32, sessions: u32, from: &mut snapshot::Input<'_>) -> Result<Self, Broken> {
        let mut encoder = Self::new(instruments, sessions);
        let mut number = || {
            from.u64().and_then(|number| match number {
                0 => Err(Broken("a stream that begins with number 0")),
                _ => Ok(number),
            })
        };
        encoder.numbers.feed_next = number()?;
        for next in &mut encoder.numbers.session_next {
            *next = number()?;
        }
        for symbol in &mut encoder.symbols {
            *symbol = from.record()?;
        }
        Ok(encoder)
    }

    /// Number of the feed's next message.
    pub fn feed_next(&self) -> u64 {
        self.numbers.feed_next
    }

    /// Number of the session's next message.
    ///
    /// # Panics
    /// When there is no such session.
    pub fn session_next(&self, session: u32) -> u64 {
        self.numbers.session_next[session as usize]
    }

    /// Sessions are 0 .. this.
    pub fn sessions(&self) -> u32 {
        self.numbers.session_next.len() as u32
    }

    /// Encodes one step of `command`. Steps have to come in order.
    ///
    /// # Panics
    /// When the events contradict their own rules (a resting side without its incoming one, an unknown instrument):
    /// then the exchange has a bug, and what it would say next can not be trusted. Who only counts does not notice.
    #[inline]
    pub fn encode<S: MessageSink>(&mut self, command: &Command, events: &[Event], sink: &mut S) {
        if sink.wants(events) {
            self.encode_step(command, events, sink);
        } else {
            self.count(events, sink);
        }
    }

    /// Counts what steps say, whose commands nobody needs for that; the sink hears of new days.
    ///
    /// PERF: a restart does this with all commands but the last ones; which kind comes next is as good as random, so that a
    /// branch for each would cost more than all the rest.
    pub fn count(&mut self, events: &[Event], sink: &mut impl MessageSink) {
        for event in events {
            let said = SAID[usize::from(event.kind)];
            self.numbers.session_next[event.session as usize] += u64::from(said.to_session);
            self.numbers.feed_next += u64::from(said.to_feed);
            if said.is_kept {
                self.keep(event, sink);
            }
        }
    }

    /// Takes an event that says something about all that come.
    #[cold]
    fn keep(&mut self, event: &Event, sink: &mut impl MessageSink) {
        if event.kind == EventKind::InstrumentListed as u8 {
            self.symbols[usize::from(event.instrument)] = event.number.to_be_bytes();
        } else {
            self.begin_day(event, sink);
        }
    }

    fn begin_day(&mut self, event: &Event, sink: &mut impl MessageSink) {
        let day = u32::try_from(event.number).expect("days are few");
        sink.new_day(day, &self.numbers);
        if !planted::is(Bug::StreamsGoOn) {
            self.numbers.restart();
        }
    }

    fn encode_step(&mut self, command: &Command, events: &[Event], sink: &mut impl MessageSink) {
        let mut context = Context::default();
        for event in events {
            self.encode_event(command, event, &mut context, sink);
        }
        assert!(
            matches!(context.half, Half::None),
            "a match's two sides are in one step, and so is all that is said by two events"
        );
        assert!(context.fee.is_none(), "a fee and its execution are in one step");
    }

    fn encode_event(
        &mut self,
        command: &Command,
        event: &Event,
        context: &mut Context,
        sink: &mut impl MessageSink,
    ) {
        let Self {
            numbers,
            symbols,
            draft,
        } = self;
        let time = command.time;
        let feed_time = U48::new(time);
        let replaced = context.replaced.take();
        let kind = event.kind();
        assert!(
            context.half.allows(kind),
            "{kind:?} can not follow: {:?} has begun",
            context.half
        );
        match kind {
            EventKind::Accepted => {
                let message = ouch::accepted(draft, command, event, symbols[usize::from(event.instrument)]);
                numbers.acknowledge(sink, event.session, message);
            }
            EventKind::Rejected => {
                numbers.acknowledge(sink, event.session, ouch::rejected(command, event).as_bytes());
            }
            EventKind::Replaced => {
                let message = ouch::replaced(draft, command, event, symbols[usize::from(event.instrument)]);
                numbers.acknowledge(sink, event.session, message);
                context.replaced = Some(*event);
            }
            EventKind::CanceledUnbooked => {
                numbers.acknowledge(sink, event.session, ouch::canceled(time, event).as_bytes());
            }
            EventKind::CanceledReduced => {
                numbers.acknowledge(sink, event.session, ouch::canceled(time, event).as_bytes());
                numbers.publish(sink, itch::order_cancel(feed_time, event).as_bytes());
            }
            EventKind::CanceledDeleted => {
                numbers.acknowledge(sink, event.session, ouch::canceled(time, event).as_bytes());
                numbers.publish(sink, itch::order_delete(feed_time, event).as_bytes());
            }
            EventKind::SelfMatchIncoming | EventKind::SelfMatchUnseen => {
                numbers.acknowledge(sink, event.session, ouch::self_match(time, event).as_bytes());
            }
            EventKind::SelfMatchReduced => {
                numbers.acknowledge(sink, event.session, ouch::self_match(time, event).as_bytes());
                numbers.publish(sink, itch::order_cancel(feed_time, event).as_bytes());
            }
            EventKind::SelfMatchDeleted => {
                numbers.acknowledge(sink, event.session, ouch::self_match(time, event).as_bytes());
                numbers.publish(sink, itch::order_delete(feed_time, event).as_bytes());
            }
            EventKind::ExecutedResting | EventKind::ExecutedUnseen => {
                context.half = Half::Resting(*event, context.fee.take());
            }
            EventKind::ExecutedIncoming => {
                let Half::Resting(resting, resting_fee) = std::mem::take(&mut context.half) else {
                    unreachable!("the incoming side is allowed behind its resting side only");
                };
                let match_number = event.number;
                let message = ouch::executed(draft, time, &resting, match_number, resting_fee);
                numbers.acknowledge(sink, resting.session, message);
                let message = ouch::executed(draft, time, event, match_number, context.fee.take());
                numbers.acknowledge(sink, event.session, message);
                if resting.kind() == EventKind::ExecutedResting {
                    let message = itch::order_executed(feed_time, &resting, match_number);
                    numbers.publish(sink, message.as_bytes());
                } else {
                    let symbol = symbols[usize::from(resting.instrument)];
                    let message = itch::trade(feed_time, &resting, match_number, symbol);
                    numbers.publish(sink, message.as_bytes());
                }
            }
            EventKind::CrossMatch => {
                context.half = Half::Cross {
                    match_number: event.number,
                    sides: 2,
                };
            }
            EventKind::CrossExecuted | EventKind::CrossExecutedUnseen => {
                let match_number = context.half.cross_side();
                let message = ouch::executed(draft, time, event, match_number, context.fee.take());
                numbers.acknowledge(sink, event.session, message);
                if kind == EventKind::CrossExecuted {
                    let message = itch::order_executed_in_cross(feed_time, event, match_number);
                    numbers.publish(sink, message.as_bytes());
                }
            }
            EventKind::CrossDone => {
                let symbol = symbols[usize::from(event.instrument)];
                numbers.publish(sink, itch::cross_trade(feed_time, event, symbol).as_bytes());
            }
            EventKind::ImbalanceVolume => context.half = Half::Imbalance(*event),
            EventKind::ImbalanceSide => {
                let Half::Imbalance(volume) = std::mem::take(&mut context.half) else {
                    unreachable!("the side is allowed behind the volume only");
                };
                let symbol = symbols[usize::from(volume.instrument)];
                let message = itch::imbalance(feed_time, &volume, event, symbol);
                numbers.publish(sink, message.as_bytes());
            }
            EventKind::PriorityUpdated => {
                let message = ouch::priority_updated(time, event);
                numbers.acknowledge(sink, event.session, message.as_bytes());
            }
            EventKind::Restated => {
                numbers.acknowledge(sink, event.session, ouch::restated(draft, time, event));
            }
            EventKind::Added => {
                let symbol = symbols[usize::from(event.instrument)];
                if event.detail == 0 {
                    numbers.publish(sink, itch::add_order(feed_time, event, symbol).as_bytes());
                } else {
                    numbers.publish(
                        sink,
                        itch::add_order_attributed(feed_time, event, symbol).as_bytes(),
                    );
                }
            }
            EventKind::Deleted => numbers.publish(sink, itch::order_delete(feed_time, event).as_bytes()),
            EventKind::Reduced => numbers.publish(sink, itch::order_cancel(feed_time, event).as_bytes()),
            EventKind::BookReplaced => {
                let replaced = replaced.expect("the book's replacement follows the owner's");
                numbers.publish(
                    sink,
                    itch::order_replace(feed_time, &replaced, event.number).as_bytes(),
                );
            }
            EventKind::Modified => {
                numbers.acknowledge(sink, event.session, ouch::modified(time, event).as_bytes());
            }
            EventKind::CancelRefused => {
                numbers.acknowledge(sink, event.session, ouch::cancel_refused(time, event).as_bytes());
            }
            EventKind::MassCanceled => {
                let message =
                    ouch::mass_canceled(draft, command, event, mass_cancel_symbol(command, symbols));
                numbers.acknowledge(sink, event.session, message);
            }
            EventKind::OrderEntryDisabled => {
                let message = ouch::order_entry_disabled(draft, command, event);
                numbers.acknowledge(sink, event.session, message);
            }
            EventKind::OrderEntryEnabled => {
                let message = ouch::order_entry_enabled(draft, command, event);
                numbers.acknowledge(sink, event.session, message);
            }
            EventKind::AccountAnswered => {
                numbers.acknowledge(
                    sink,
                    event.session,
                    ouch::account_answered(time, event).as_bytes(),
                );
            }
            EventKind::InstrumentListed => {
                symbols[usize::from(event.instrument)] = event.number.to_be_bytes();
                numbers.publish(sink, itch::stock_directory(feed_time, event).as_bytes());
            }
            EventKind::TradingAction => {
                numbers.publish(sink, itch::stock_trading_action(feed_time, event).as_bytes());
            }
            EventKind::OperationRefused => {}
            EventKind::CarriedText => context.half = Half::CarriedText(*event),
            EventKind::Carried => {
                let Half::CarriedText(text) = std::mem::take(&mut context.half) else {
                    unreachable!("a surviving order is allowed behind its texts only");
                };
                let symbol = symbols[usize::from(event.instrument)];
                let message = ouch::carried(time, event, &text.texts(), symbol);
                numbers.acknowledge(sink, event.session, message.as_bytes());
            }
            EventKind::DayRolled => self.begin_day(event, sink),
            EventKind::SystemEvent => numbers.publish(sink, itch::system_event(feed_time, event).as_bytes()),
            EventKind::Fee => {
                assert!(context.fee.is_none(), "each fee has its execution");
                context.fee = Some(event.number.cast_signed());
            }
            EventKind::SessionEvent => {
                numbers.acknowledge(sink, event.session, ouch::session_event(time, event).as_bytes());
            }
        }
    }
}

/// The symbol as the client sent it: blank for "all", and one that we do not have comes in the command's text field.
fn mass_cancel_symbol(command: &Command, symbols: &[[u8; 8]]) -> [u8; 8] {
    if command.instrument == UNKNOWN_INSTRUMENT {
        let text = command.order().cl_ord_id;
        *text.first_chunk().expect("the field has 14 bytes")
    } else {
        symbols[usize::from(command.instrument)]
    }
}
