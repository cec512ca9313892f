//! What may happen in an instrument: states, protection, and how a pause begins and ends.

use engine::exchange::command::{Command, StateChange};
use engine::exchange::event::{Event, EventKind};

use super::Model;
use super::types::{ModelOrder, is_at_least, is_at_most};

const SECOND: u64 = 1_000_000_000;

impl Model {
    pub(super) fn set_state(&mut self, command: &Command) {
        let StateChange { value, auction, .. } = command.state_change();
        if !b"PATVHCX".contains(&value) || ![0, b'O', b'C', b'H'].contains(&auction) {
            return self.refuse_operation(1);
        }
        let locate = command.instrument;
        if !self.is_there(locate) {
            return self.refuse_operation(2);
        }
        let from = self.instrument(locate).state;
        let by_rule = match from {
            b'P' | b'X' => b'O',
            b'T' => b'C',
            _ => b'H',
        };
        let kind = if auction == 0 { by_rule } else { auction };
        self.hit(format!("state {} to {}", char::from(from), char::from(value)));
        let crosses = (value == b'T' && from != b'T') || (value == b'X' && from == b'A');
        if crosses {
            let collected = self.instrument(locate).collects();
            let kind = if collected {
                self.instrument(locate).auction
            } else {
                by_rule
            };
            return self.uncross(locate, value, kind);
        }
        self.change_state(locate, value);
        match value {
            b'P' | b'A' => self.instrument_mut(locate).auction = kind,
            b'V' => self.instrument_mut(locate).auction = b'H',
            b'X' => self.end_auction(locate, None),
            _ => {}
        }
    }

    pub(super) fn change_state(&mut self, locate: u16, state: u8) {
        let instrument = self.instrument_mut(locate);
        instrument.state = state;
        instrument.reopens = None;
        if !self.shows_imbalances() {
            self.imbalances = None;
        } else if self.imbalances.is_none() {
            self.imbalances = Some(self.now + SECOND);
        }
        let event = self.trading_action(locate);
        self.events.push(event);
    }

    /// True when an instrument collects and says so.
    pub(super) fn shows_imbalances(&self) -> bool {
        let mut instruments = self.instruments.iter();
        instruments.any(|instrument| b"AV".contains(&instrument.state))
    }

    pub(super) fn trading_action(&self, locate: u16) -> Event {
        let instrument = self.instrument(locate);
        Event {
            instrument: locate,
            code: match instrument.state {
                b'P' | b'A' => b'Q',
                b'T' => b'T',
                b'V' => b'P',
                _ => b'H',
            },
            number: u64::from_be_bytes(instrument.definition.symbol),
            ..Event::new(EventKind::TradingAction)
        }
    }

    pub(super) fn set_protection(&mut self, command: &Command) {
        if !self.is_there(command.instrument) {
            return self.refuse_operation(2);
        }
        let protection = command.protection();
        let instrument = self.instrument_mut(command.instrument);
        instrument.volatility_ppm = protection.volatility_ppm;
        instrument.pause_seconds = protection.pause_seconds;
    }

    /// True when an order may execute at the price: it is not too far from where prices were when the command began.
    pub(super) fn is_inside_protection(&self, locate: u16, price: u64) -> bool {
        let ppm = self.instrument(locate).volatility_ppm;
        let reference = self.references[usize::from(locate) - 1];
        ppm == 0
            || reference == 0
            || (is_at_most(price, reference, ppm) && is_at_least(price, reference, ppm))
    }

    /// Trading stops before the order executes too far away.
    pub(super) fn pause(&mut self, incoming: &ModelOrder) {
        let by = if incoming.stop > 0 { "a stop" } else { "a taker" };
        let what = match (incoming.is_market, incoming.is_immediate()) {
            (true, _) => "market",
            (_, true) => "immediate",
            _ => "limit",
        };
        self.hit(format!("pause by {by}, {what}"));
        if incoming.executed > 0 {
            self.hit("pause after executions");
        }
        let locate = incoming.instrument;
        self.change_state(locate, b'V');
        let now = self.now;
        let instrument = self.instrument_mut(locate);
        instrument.auction = b'H';
        instrument.reopens = Some(now + SECOND * u64::from(instrument.pause_seconds));
    }

    pub(super) fn reopen(&mut self, locate: u16) {
        if !self.is_there(locate) {
            return self.refuse_operation(2);
        }
        let instrument = self.instrument(locate);
        let is_over = instrument.reopens.is_some_and(|time| time <= self.now);
        if instrument.state != b'V' || !is_over {
            self.hit("reopened too early");
            return self.refuse_operation(1);
        }
        self.hit("reopened after a pause");
        self.uncross(locate, b'T', b'H');
    }
}
