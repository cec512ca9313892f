//! Commands that the operator leaves out: they would end the process.

use super::Exchange;
use super::checks::Reason;
use super::command::{Command, CommandKind};
use super::entering::reject;
use super::sink::{Progress, Sink, Step};

impl Exchange {
    /// Takes number and time of a command, and nothing else of it; who sent it is told that it was rejected, and may use the
    /// number no more.
    ///
    /// # Panics
    /// As [`Exchange::apply`].
    pub fn skip(&mut self, command: &Command, sink: &mut impl Sink) -> Progress {
        assert!(!self.is_busy(), "the command before is unfinished");
        assert!(
            command.sequence == self.sequence.wrapping_add(1),
            "commands are numbered without holes"
        );
        self.sequence = command.sequence;
        // A new day that does not begin has no midnight.
        self.now = self.now.max(command.time);
        let step = &mut Step::new(sink);
        use CommandKind::{DisableOrderEntry, EnableOrderEntry, Enter, MassCancel, Replace};
        let brings_number = [Enter, Replace, MassCancel, DisableOrderEntry, EnableOrderEntry]
            .iter()
            .any(|&kind| command.kind == kind as u8);
        let user_ref = command.order().user_ref;
        if brings_number && let Some(client) = self.consume_number(command, user_ref, step) {
            reject(client, user_ref, Reason::Other, step);
        }
        Progress::Done
    }

    /// It is journaled that a command was left out.
    pub(super) fn skip_poison(&mut self) -> Progress {
        self.skips += 1;
        Progress::Done
    }

    /// Commands that were left out, as far as it is journaled.
    pub fn skips(&self) -> u32 {
        self.skips
    }
}
