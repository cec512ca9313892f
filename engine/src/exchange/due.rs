//! What the exchange wants done when a time has come: it has no clock, so whoever sequences commands asks it.

use super::Exchange;
use super::command::{Command, CommandKind};
use super::instrument::State;

const SECOND_NS: u64 = 1_000_000_000;

/// "At no time".
const NEVER: u64 = u64::MAX;

/// A command that is to be sent when the clock reaches a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// In the commands' time.
    pub time: u64,
    /// What is to be sent.
    pub kind: CommandKind,
    /// The stock locate it is for; 0 = none.
    pub instrument: u16,
}

impl Due {
    /// The command to be sent; the sequencer gives number and time.
    pub fn command(&self) -> Command {
        Command {
            instrument: self.instrument,
            ..Command::new(self.kind)
        }
    }
}

/// When instruments are to reopen, and when imbalances are to be told.
#[derive(Debug)]
pub(super) struct Timers {
    /// Instruments that show their imbalance.
    showing: u32,
    /// When they are to be told next; [`NEVER`] while there are none.
    imbalance_at: u64,
    /// When each instrument's pause ends; [`NEVER`] for those that do not pause.
    reopens: Vec<u64>,
    /// The earliest of them, and its place: the first of those with the same time.
    next_reopen: (u64, usize),
}

impl Timers {
    /// Room for `instruments`.
    pub(super) fn new(instruments: u32) -> Self {
        Self {
            showing: 0,
            imbalance_at: NEVER,
            reopens: Vec::with_capacity(instruments as usize),
            next_reopen: (NEVER, 0),
        }
    }

    /// One more instrument.
    pub(super) fn add_instrument(&mut self) {
        self.reopens.push(NEVER);
    }

    /// An instrument's state changes at `now`.
    pub(super) fn change_state(&mut self, place: usize, before: State, state: State, now: u64) {
        self.showing += u32::from(state.shows_imbalance());
        self.showing -= u32::from(before.shows_imbalance());
        if self.showing == 0 {
            self.imbalance_at = NEVER;
        } else if self.imbalance_at == NEVER {
            self.imbalance_at = now + SECOND_NS;
        }
        self.reopen_at(place, NEVER);
    }

    /// An instrument's pause will end by itself.
    pub(super) fn reopen_at(&mut self, place: usize, time: u64) {
        if std::mem::replace(&mut self.reopens[place], time) != time {
            let places = self.reopens.iter().copied().zip(0..);
            self.next_reopen = places.min().unwrap_or((NEVER, 0));
        }
    }

    /// True when an instrument's pause has ended at `now`.
    pub(super) fn reopens_by(&self, place: usize, now: u64) -> bool {
        self.reopens[place] <= now
    }

    /// Imbalances have been told at `now`.
    pub(super) fn imbalances_told(&mut self, now: u64) {
        if self.showing > 0 {
            self.imbalance_at = now + SECOND_NS;
        }
    }

    /// All times: imbalances', then each instrument's.
    pub(super) fn times(&self) -> impl Iterator<Item = u64> + '_ {
        let Self {
            showing: _,
            imbalance_at,
            reopens,
            next_reopen: _,
        } = self;
        std::iter::once(*imbalance_at).chain(reopens.iter().copied())
    }

    /// Takes what [`Timers::times`] gave, for instruments that are there, in these states.
    pub(super) fn restore(&mut self, states: impl Iterator<Item = State>, times: &[u64]) {
        self.showing = states.map(|state| u32::from(state.shows_imbalance())).sum();
        if let Some((imbalance_at, reopens)) = times.split_first() {
            self.imbalance_at = *imbalance_at;
            for (place, time) in reopens.iter().enumerate() {
                self.reopen_at(place, *time);
            }
        }
    }

    /// Feeds everything to `mix`, for the state hash.
    pub(super) fn visit(&self, mut mix: impl FnMut(u64)) {
        mix(self.imbalance_at);
        for (place, &time) in (0..).zip(&self.reopens) {
            if time != NEVER {
                mix(place);
                mix(time);
            }
        }
    }

    /// The timers agree with the instruments' states.
    pub(super) fn check(&self, states: impl Iterator<Item = State>) -> Result<(), String> {
        let mut showing = 0;
        for (place, state) in states.enumerate() {
            showing += u32::from(state.shows_imbalance());
            if self.reopens[place] != NEVER && state != State::VolatilityPause {
                return Err(format!("instrument {} does not pause, and reopens", place + 1));
            }
        }
        let least = self.reopens.iter().min().copied().unwrap_or(NEVER);
        if showing != self.showing
            || (showing == 0) != (self.imbalance_at == NEVER)
            || least != self.next_reopen.0
        {
            return Err(format!("{showing} instruments show imbalances: {self:?}"));
        }
        Ok(())
    }
}

impl Exchange {
    /// What is due next; `None` while nothing will be. Whoever sequences commands sends it when the time has come, and asks
    /// again. Of one time ends of orders come first, then ends of pauses, then imbalances.
    pub fn next_due(&self) -> Option<Due> {
        let due = |time, kind, instrument| Due {
            time,
            kind,
            instrument,
        };
        let expiry = due(self.next_expiry().unwrap_or(NEVER), CommandKind::Expire, 0);
        let (time, place) = self.timers.next_reopen;
        let reopen = due(time, CommandKind::Reopen, place as u16 + 1);
        let imbalance = due(self.timers.imbalance_at, CommandKind::Imbalance, 0);
        let first = [expiry, reopen, imbalance].into_iter().min_by_key(|due| due.time);
        first.filter(|due| due.time != NEVER)
    }
}
