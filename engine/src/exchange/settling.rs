//! What executions cause beyond themselves, at the end of the command that brought them: stops that they reached come in,
//! and then what reserve orders display is filled up.
//!
//! Only instruments with dark orders or stops come here. Each stop that comes in is an internal step like the command's own
//! order; where a step is full the command goes on when it is resumed.

use super::book::arena::NONE;
use super::sink::{Progress, Sink, Step};
use super::stops::Reached;
use super::{Exchange, Work};

impl Exchange {
    /// Does all that is left to do in the instrument at this place, as far as the step reaches.
    pub(super) fn settle_down<S: Sink>(&mut self, place: usize, step: &mut Step<'_, S>) -> Progress {
        loop {
            if !step.has_room() {
                self.work = Work::Settle { place };
                return Progress::More;
            }
            let stop = self.next_reached(place);
            if stop != NONE {
                self.trigger(stop, step);
                if self.cross_beside(stop, step) == Progress::More {
                    return Progress::More;
                }
            } else if self.run_out.first() != NONE {
                self.refresh_first(step);
            } else {
                self.reached = Reached::NOTHING;
                return Progress::Done;
            }
        }
    }
}
