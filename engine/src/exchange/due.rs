//! What the exchange wants done when a time has come: it has no clock, so whoever sequences commands asks it.

use super::Exchange;
use super::command::{Command, CommandKind};

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

impl Exchange {
    /// What is due next; `None` while nothing will be. Whoever sequences commands sends it when the time has come, and asks
    /// again.
    pub fn next_due(&self) -> Option<Due> {
        self.next_expiry().map(|time| Due {
            time,
            kind: CommandKind::Expire,
            instrument: 0,
        })
    }
}
