//! What executions cause beyond themselves, at the end of the command that brought them: what reserve orders display is
//! filled up.
//!
//! Only instruments with dark orders come here. Each piece is an internal step: a full one ends there, and
//! the command goes on when it is resumed.

use super::book::arena::NONE;
use super::sink::{Progress, Sink, Step};
use super::{Exchange, Work};

impl Exchange {
    /// Does all that is left to do in the instrument at this place, as far as the step reaches.
    pub(super) fn settle_down<S: Sink>(&mut self, place: usize, step: &mut Step<'_, S>) -> Progress {
        while self.run_out.first() != NONE {
            if !step.has_room() {
                self.work = Work::Settle { place };
                return Progress::More;
            }
            self.refresh_first(step);
        }
        Progress::Done
    }
}
