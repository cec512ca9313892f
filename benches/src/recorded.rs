//! A stream with the events it caused, step by step: what the output stage gets from the engine stage.

use engine::exchange::command::Command;
use engine::exchange::event::Event;
use engine::exchange::{Exchange, Progress};

use crate::workload::Stream;

/// Commands' steps and their events.
#[derive(Debug, Default)]
pub struct Steps {
    /// Of each step the command's place among the commands, and the end of its events; they begin where those of the
    /// step before end.
    ends: Vec<(u32, u32)>,
    events: Vec<Event>,
}

/// Both parts of a stream.
#[derive(Debug)]
pub struct Recorded<'a> {
    stream: &'a Stream,
    setup: Steps,
    measured: Steps,
}

impl<'a> Recorded<'a> {
    /// Runs the stream once and writes everything down.
    pub fn of(stream: &'a Stream) -> Self {
        let mut exchange = Exchange::new(stream.workload.limits());
        let setup = Steps::of(&mut exchange, &stream.setup);
        let measured = Steps::of(&mut exchange, &stream.measured);
        assert_eq!(
            exchange.state_hash(),
            stream.state_hash,
            "equal commands lead to equal states"
        );
        Self {
            stream,
            setup,
            measured,
        }
    }

    /// The steps before the measured part.
    pub fn setup(&self) -> impl Iterator<Item = (&Command, &[Event])> {
        self.setup.iter(&self.stream.setup)
    }

    /// The measured steps.
    pub fn measured(&self) -> impl Iterator<Item = (&Command, &[Event])> {
        self.measured.iter(&self.stream.measured)
    }
}

impl Steps {
    fn of(exchange: &mut Exchange, commands: &[Command]) -> Self {
        let mut steps = Self::default();
        for (place, command) in (0_u32..).zip(commands) {
            let mut progress = exchange.apply(command, &mut steps.events);
            steps.end(place);
            while progress == Progress::More {
                progress = exchange.resume(&mut steps.events);
                steps.end(place);
            }
        }
        steps
    }

    fn end(&mut self, command: u32) {
        let end = u32::try_from(self.events.len()).expect("a stream has fewer than 4 billion events");
        self.ends.push((command, end));
    }

    fn iter<'b>(&'b self, commands: &'b [Command]) -> impl Iterator<Item = (&'b Command, &'b [Event])> {
        let mut begin = 0;
        self.ends.iter().map(move |&(command, end)| {
            let events = &self.events[begin..end as usize];
            begin = end as usize;
            (&commands[command as usize], events)
        })
    }
}
