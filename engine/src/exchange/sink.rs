//! Where events go, and how many of them a step may have.

use super::event::Event;
use super::view::EndedOrder;

/// Takes what a command causes.
pub trait Sink {
    /// True when [`Sink::order_finished`] does something; the engine's own sink saves the work of reckoning it.
    const WANTS_FINISHED: bool = false;

    /// One event, in order.
    fn event(&mut self, event: Event);

    /// An order ended: `state` is `F` (filled) or `C` (canceled). Called before its slot is freed.
    fn order_finished(&mut self, _order: &EndedOrder, _state: u8) {}
}

impl Sink for Vec<Event> {
    #[inline(always)]
    fn event(&mut self, event: Event) {
        self.push(event);
    }
}

/// Whether a command has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Progress {
    /// It has.
    Done,
    /// The step is full: make room for the next and call `resume`.
    More,
}

/// Most events of a step.
pub const STEP_EVENTS_MAX: u32 = 256;

/// Most events that one indivisible piece of work emits: a match with fee reports (4), or the end of an incoming order
/// after it (2), with some to spare.
const PIECE_EVENTS_MAX: u32 = 8;

/// A sink that counts the step's events.
pub(super) struct Step<'a, S> {
    pub(super) sink: &'a mut S,
    count: u32,
}

impl<'a, S: Sink> Step<'a, S> {
    pub(super) fn new(sink: &'a mut S) -> Self {
        Self { sink, count: 0 }
    }

    #[inline(always)]
    pub(super) fn emit(&mut self, event: Event) {
        // It starts at 0 with each step, and a step ends long before.
        self.count = self.count.wrapping_add(1);
        debug_assert!(self.count <= STEP_EVENTS_MAX);
        self.sink.event(event);
    }

    /// True while another piece of work fits the step.
    pub(super) fn has_room(&self) -> bool {
        self.count + PIECE_EVENTS_MAX <= STEP_EVENTS_MAX
    }
}
