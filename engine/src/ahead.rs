//! Commands that wait for their turn, each looked at three times before: so the engine does with those of its datagrams,
//! and a replay with those of the journal.
//!
//! PERF: what a command touches is fetched while those before it are applied (`docs/decisions/0030-fetching-ahead.md`).
//! `cargo bench -p benches --bench exchange` and `--bench replay` show both, with looks and without.

use std::collections::VecDeque;

use crate::exchange::command::Command;
use crate::exchange::{Exchange, Outlook};

/// Commands that stand in line while what they touch is fetched, as long as more of them are there to be read.
const AHEAD: usize = 6;
/// The second look is taken when so many have come behind.
const LOOK_AGAIN: usize = 2;
/// The third look.
const LOOK_AROUND: usize = 4;

/// The line.
///
/// PERF: those that are looked at go round in a kilobyte. A ring with room for all that may ever wait would be walked through
/// from end to end, and every place of it be cold.
#[derive(Debug)]
pub struct Ahead<T> {
    /// The first of them.
    near: VecDeque<Foreseen<T>>,
    /// Those behind, when more wait than are looked at: what comes before them can not be applied now. They are not looked
    /// at any more.
    far: VecDeque<(Command, T)>,
}

/// A command in line.
#[derive(Debug, Clone, Copy)]
pub struct Foreseen<T> {
    /// The command.
    pub command: Command,
    /// What was seen of it.
    pub outlook: Outlook,
    /// What its owner knows of it.
    pub note: T,
}

impl<T> Ahead<T> {
    /// Nobody waits; there is room for so many.
    pub fn with_capacity(commands: usize) -> Self {
        Self {
            near: VecDeque::with_capacity(AHEAD + 1),
            far: VecDeque::with_capacity(commands.saturating_sub(AHEAD + 1)),
        }
    }

    /// Nobody waits; there is room for those that are looked at. For who [`Ahead::pass`]es commands through.
    pub fn short() -> Self {
        Self::with_capacity(AHEAD + 1)
    }

    /// Puts a command behind the others; gives the first when the line is long.
    #[inline]
    pub fn pass(&mut self, exchange: &Exchange, command: Command, note: T) -> Option<Foreseen<T>> {
        self.push(exchange, command, note);
        if self.is_long() { self.pop() } else { None }
    }

    /// Puts a command behind the others.
    ///
    /// PERF: the looks of `look` below, the first of them made before the command has its place: with one piece of code for both
    /// the column *ahead* of `cargo bench -p benches --bench replay -- base` was 2 to 11 % lower, by turns.
    #[inline]
    pub fn push(&mut self, exchange: &Exchange, command: Command, note: T) {
        if self.near.len() > AHEAD {
            self.far.push_back((command, note));
            return;
        }
        self.near.push_back(Foreseen {
            outlook: exchange.look_out(&command),
            command,
            note,
        });
        let waiting = self.near.len();
        let behind = |count: usize| waiting.checked_sub(1 + count);
        if let Some(foreseen) = behind(LOOK_AGAIN).and_then(|place| self.near.get_mut(place)) {
            exchange.look_again(&foreseen.command, &mut foreseen.outlook);
        }
        if let Some(foreseen) = behind(LOOK_AROUND).and_then(|place| self.near.get(place)) {
            exchange.look_around(&foreseen.command, &foreseen.outlook);
        }
    }

    /// True when the first command has been looked at as often as it will be.
    #[inline]
    pub fn is_long(&self) -> bool {
        self.near.len() > AHEAD
    }

    /// Takes the first command.
    #[inline]
    pub fn pop(&mut self) -> Option<Foreseen<T>> {
        let first = self.near.pop_front();
        if let Some((command, note)) = self.far.pop_front() {
            self.near.push_back(Foreseen {
                command,
                outlook: Outlook::NONE,
                note,
            });
        }
        first
    }

    /// Commands in line.
    pub fn len(&self) -> usize {
        self.near.len() + self.far.len()
    }

    /// True when nobody waits.
    pub fn is_empty(&self) -> bool {
        self.near.is_empty()
    }
}

/// Looks at commands that are all there, before the first of them is applied.
pub fn look_at_first<T>(exchange: &Exchange, line: &mut [Foreseen<T>]) {
    for last in 0..AHEAD {
        look(exchange, line, last);
    }
}

/// The looks that are due before the command at `place` is applied, for each place in order.
#[inline]
pub fn look_ahead<T>(exchange: &Exchange, line: &mut [Foreseen<T>], place: usize) {
    look(exchange, line, place + AHEAD);
}

/// The looks that are due when the line is as long as that `last` is in it.
#[inline(always)]
fn look<T>(exchange: &Exchange, line: &mut [Foreseen<T>], last: usize) {
    if let Some(foreseen) = line.get_mut(last) {
        foreseen.outlook = exchange.look_out(&foreseen.command);
    }
    if let Some(foreseen) = line.get_mut(last.wrapping_sub(LOOK_AGAIN)) {
        exchange.look_again(&foreseen.command, &mut foreseen.outlook);
    }
    if let Some(foreseen) = line.get(last.wrapping_sub(LOOK_AROUND)) {
        exchange.look_around(&foreseen.command, &foreseen.outlook);
    }
}
