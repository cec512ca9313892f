//! The exchange: ledger, all checks, events.

use engine::exchange::event::{Event, EventKind};
use engine::exchange::{Exchange, Outlook};
use engine::ingress::EventsHash;

use super::{Case, Contender, ROOM};
use crate::fills::FillsHash;
use crate::market::TICK_SIZE;
use crate::replay;

/// Commands behind the present one that are looked at, a power of two.
pub(super) const OUTLOOKS: usize = 8;

/// Our matching core. With an `AHEAD` above 0, as a receive loop runs it that knows the commands behind the present one:
/// it looks at each three times, so many commands apart.
#[derive(Debug)]
pub struct Core<'a, const AHEAD: usize> {
    case: &'a Case,
    exchange: Exchange,
    events: Vec<Event>,
    events_hash: EventsHash,
    /// Of the commands whose places have these lowest bits.
    outlooks: [Outlook; OUTLOOKS],
    /// The incoming order's number.
    taker: u32,
}

impl<'a, const AHEAD: usize> Contender<'a> for Core<'a, AHEAD> {
    fn prepared(case: &'a Case) -> Self {
        Self {
            case,
            exchange: replay::prepared(&case.stream),
            events: Vec::with_capacity(ROOM),
            events_hash: EventsHash::default(),
            outlooks: [Outlook::NONE; OUTLOOKS],
            taker: 0,
        }
    }

    fn operations(&self) -> usize {
        self.case.stream.measured.len()
    }

    fn fills(case: &'a Case) -> &'a [u8] {
        &case.operations.fills_by_command
    }

    #[inline]
    fn ahead(&mut self, place: usize) {
        const { assert!(3 * AHEAD < OUTLOOKS) };
        if AHEAD > 0 {
            let commands = &self.case.stream.measured;
            if let Some(command) = commands.get(place + 3 * AHEAD) {
                self.outlooks[(place + 3 * AHEAD) % OUTLOOKS] = self.exchange.look_out(command);
            }
            if let Some(command) = commands.get(place + 2 * AHEAD) {
                self.exchange
                    .look_again(command, &mut self.outlooks[(place + 2 * AHEAD) % OUTLOOKS]);
            }
            if let Some(command) = commands.get(place + AHEAD) {
                self.exchange
                    .look_around(command, &self.outlooks[(place + AHEAD) % OUTLOOKS]);
            }
        }
    }

    #[inline]
    fn apply(&mut self, place: usize) {
        replay::apply_foreseen(
            &mut self.exchange,
            &self.case.stream.measured[place],
            &self.outlooks[place % OUTLOOKS],
            &mut self.events,
        );
    }

    fn drain(&mut self, hash: &mut FillsHash) {
        self.events_hash.add(&self.events);
        for event in &self.events {
            let number = event.number as u32;
            match event.kind() {
                EventKind::Accepted | EventKind::Replaced => self.taker = number,
                EventKind::ExecutedResting => {
                    hash.add(self.taker, number, event.price / TICK_SIZE, event.quantity);
                }
                _ => {}
            }
        }
        assert_eq!(self.events.capacity(), ROOM, "the buffer did not grow");
        self.events.clear();
    }

    fn check(&self) {
        let stream = &self.case.stream;
        assert_eq!(
            self.events_hash.value(),
            stream.events_hash,
            "the run told the generator's events"
        );
        assert_eq!(
            self.exchange.state_hash(),
            stream.state_hash,
            "the run ended in the generator's state"
        );
    }
}
