//! Volatility pauses: a match too far from the last price does not happen, and the instrument collects for a while.
//!
//! The price that distances are measured from is the last one before the command; of orders that enter by a cross, the
//! cross's. So an order that sweeps the book is stopped at the same price however many orders it meets on its way.

use super::Exchange;
use super::command::Command;
use super::event::Refusal;
use super::instrument::{CrossKind, State};
use super::setup::{refuse, trading_action};
use super::sink::{Progress, Sink, Step};

const SECOND_NS: u64 = 1_000_000_000;

/// The ticks at which an incoming order may match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Band {
    low: u32,
    /// How many they are.
    ticks: u32,
    /// The command it was made for.
    sequence: u64,
}

impl Band {
    /// All ticks.
    pub(super) const ALL: Self = Self {
        low: 0,
        ticks: u32::MAX,
        sequence: 0,
    };

    #[inline(always)]
    pub(super) fn contains(&self, tick: u32) -> bool {
        tick.wrapping_sub(self.low) < self.ticks
    }
}

impl Exchange {
    pub(super) fn set_protection<S: Sink>(&mut self, command: &Command, step: &mut Step<'_, S>) -> Progress {
        let protection = command.protection();
        let place = usize::from(command.instrument).wrapping_sub(1);
        let Some(instrument) = self.instruments.get_mut(place) else {
            return refuse(step, Refusal::Unknown);
        };
        instrument.volatility_ppm = protection.volatility_ppm;
        instrument.pause_seconds = protection.pause_seconds;
        instrument.note_protection();
        Progress::Done
    }

    /// Where orders of the present command may match.
    pub(super) fn band(&mut self, place: usize) -> Band {
        if self.instruments[place].volatility_ppm == 0 {
            return Band::ALL;
        }
        if self.band.sequence != self.sequence {
            self.band = self.new_band(place);
        }
        self.band
    }

    /// Where orders may match that are measured from the last price there is now.
    pub(super) fn new_band(&self, place: usize) -> Band {
        let instrument = &self.instruments[place];
        let (high, low) = instrument.band(instrument.volatility_ppm);
        Band {
            low,
            ticks: (high + 1).saturating_sub(low),
            sequence: self.sequence,
        }
    }

    /// An incoming order would match too far away: the instrument pauses. A limit order waits for the cross that ends
    /// the pause, as far as it may rest.
    #[inline(never)]
    pub(super) fn pause<S: Sink>(&mut self, handle: u32, step: &mut Step<'_, S>) -> Progress {
        let slot = *self.arena.get(handle);
        let place = usize::from(slot.instrument) - 1;
        self.auctions[place].kind = CrossKind::Halt;
        self.change_state(place, State::VolatilityPause);
        let instrument = &self.instruments[place];
        let end = self.now + u64::from(instrument.pause_seconds) * SECOND_NS;
        step.emit(trading_action(slot.instrument, instrument));
        self.timers.reopen_at(place, end);
        let reason = if slot.is(super::book::arena::FLAG_MARKET) {
            b'K'
        } else {
            b'I'
        };
        self.end_incoming(handle, reason, step)
    }

    /// The pause has lasted its time: what was collected crosses, and trading goes on.
    pub(super) fn reopen<S: Sink>(&mut self, command: &Command, step: &mut Step<'_, S>) -> Progress {
        let place = usize::from(command.instrument).wrapping_sub(1);
        let Some(instrument) = self.instruments.get(place) else {
            return refuse(step, Refusal::Unknown);
        };
        let is_over = self.timers.reopens_by(place, self.now);
        if instrument.state != State::VolatilityPause || !is_over {
            return refuse(step, Refusal::Invalid);
        }
        self.uncross(place, State::Trading, step)
    }
}
