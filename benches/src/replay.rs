//! Runs a stream through an exchange.

use engine::exchange::command::Command;
use engine::exchange::{Exchange, Outlook, Progress, Sink};

use crate::workload::Stream;

/// All steps of a command.
#[inline]
pub fn apply(exchange: &mut Exchange, command: &Command, sink: &mut impl Sink) {
    apply_foreseen(exchange, command, &Outlook::NONE, sink);
}

/// The same for a command that was looked at before.
#[inline]
pub fn apply_foreseen(exchange: &mut Exchange, command: &Command, outlook: &Outlook, sink: &mut impl Sink) {
    let mut progress = exchange.apply_foreseen(command, outlook, sink);
    while progress == Progress::More {
        progress = exchange.resume(sink);
    }
}

/// An exchange that stands where the stream's measured part begins.
pub fn prepared(stream: &Stream) -> Exchange {
    let mut exchange = Exchange::new(stream.workload.limits());
    let mut events = Vec::new();
    for command in &stream.setup {
        events.clear();
        apply(&mut exchange, command, &mut events);
    }
    exchange
}
