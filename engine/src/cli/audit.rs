//! `exchange audit`: what happened, from the journal of an exchange that runs or has stopped: what operators changed and who
//! they were, logins and their ends, system events, states of instruments.

use std::io::{BufWriter, Write};
use std::path::Path;

use engine::admin::{Names, Request, is_told, user_name, utc, words};
use engine::exchange::command::{Command, CommandKind};
use engine::exchange::event::{Event, EventKind};
use engine::exchange::{Exchange, Progress};
use engine::ingress::EventsHash;
use engine::journal::{self, Directory, ReadOptions};
use engine::poison::Skips;
use engine::replay;
use serde_json::json;

use super::Failure;
use super::journal::{ReplayError, begin_before, limits, skips};
use super::socket::SocketArgument;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    exchange: SocketArgument,
    /// Begin with this command; a snapshot before it spares applying what precedes.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    from: u64,
    /// Only what operators asked for.
    #[arg(long)]
    operators: bool,
    /// An object a line, for programs.
    #[arg(long)]
    json: bool,
}

/// The exchange as of the command before, and who reads on.
struct Reading<'a> {
    arguments: &'a Arguments,
    exchange: Exchange,
    events_hash: EventsHash,
    skips: Skips,
    /// What times of the first day count from.
    first_day_ns: u64,
    out: BufWriter<std::io::Stdout>,
    /// Whoever read has gone.
    is_closed: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let directory = &arguments.exchange.directory()?;
    let limits = limits(directory)?;
    let until = durable(&arguments.exchange);
    let beginning = begin_before(directory, limits, arguments.from)?;
    let first = beginning.exchange.sequence() + 1;
    let mut reading = Reading {
        arguments,
        events_hash: beginning.events_hash,
        exchange: beginning.exchange,
        skips: skips(directory)?,
        first_day_ns: first_day(directory)?,
        out: BufWriter::new(std::io::stdout()),
        is_closed: false,
    };
    let options = ReadOptions {
        from: first,
        until,
        ..ReadOptions::default()
    };
    if until >= first {
        journal::replay(
            &mut Directory::new(directory),
            options,
            |_| {},
            |command, expected| -> Result<(), ReplayError> {
                if command.sequence > until {
                    return Ok(());
                }
                replay::compare(command, expected, reading.events_hash)?;
                reading.take(command);
                Ok(())
            },
        )?;
    }
    // A reader that has gone away (`| head`) is no error.
    let _ = reading.out.flush();
    Ok(())
}

/// The last command of a running exchange that is surely written; of one that does not run, all that there is.
fn durable(exchange: &SocketArgument) -> u64 {
    let asked = exchange
        .connect()
        .and_then(|mut socket| socket.ask(&Request::Position {}));
    let position = asked
        .ok()
        .and_then(|answer| answer.about?.get("command")?.as_u64());
    position.unwrap_or(u64::MAX)
}

/// The midnight that the first day's times count from.
fn first_day(directory: &Path) -> Result<u64, ReplayError> {
    let mut segments = Directory::new(directory);
    let first = journal::first_command(&mut segments)?;
    let options = ReadOptions {
        from: first,
        until: first,
        ..ReadOptions::default()
    };
    let recovered = journal::replay(&mut segments, options, |_| {}, |_, _| Ok::<_, ReplayError>(()))?;
    Ok(recovered.day_ns.unwrap_or(0))
}

impl Reading<'_> {
    fn take(&mut self, command: &Command) {
        let kind = CommandKind::from_byte(command.kind);
        let is_wanted = command.sequence >= self.arguments.from
            && kind.is_some_and(is_told)
            && (command.operator().is_some() || !self.arguments.operators)
            && !self.is_closed;
        // Before it is applied: names that it takes away are still there. None does.
        let what = is_wanted.then(|| words(command, Names(&self.exchange)));
        let (refused, canceled) = self.apply(command);
        if let Some(what) = what {
            let midnight_ns = self.exchange.midnight_ns().unwrap_or(self.first_day_ns);
            let time = utc(midnight_ns + command.time);
            let line = self.line(command, kind, &time, &what, refused, canceled);
            self.is_closed = writeln!(self.out, "{line}").is_err();
        }
    }

    /// Applies it; whether it was refused, and how many orders it canceled.
    fn apply(&mut self, command: &Command) -> (bool, u64) {
        let mut events: Vec<Event> = Vec::new();
        let (mut refused, mut canceled) = (false, 0);
        let mut progress = if self.skips.contains(command) {
            self.exchange.skip(command, &mut events)
        } else {
            self.exchange.apply(command, &mut events)
        };
        loop {
            self.events_hash.add(&events);
            for event in &events {
                match event.kind() {
                    EventKind::OperationRefused => refused = true,
                    EventKind::CanceledUnbooked | EventKind::CanceledReduced | EventKind::CanceledDeleted => {
                        canceled += 1;
                    }
                    _ => {}
                }
            }
            events.clear();
            if progress == Progress::Done {
                return (refused, canceled);
            }
            progress = self.exchange.resume(&mut events);
        }
    }

    fn line(
        &self,
        command: &Command,
        kind: Option<CommandKind>,
        time: &str,
        what: &str,
        refused: bool,
        canceled: u64,
    ) -> String {
        let who = command.operator();
        if self.arguments.json {
            let line = json!({
                "command": command.sequence,
                "time": time,
                "user": who,
                "who": who.map(user_name),
                "kind": kind.map(|kind| format!("{kind:?}")),
                "what": what,
                "refused": refused,
                "canceled": canceled,
            });
            return line.to_string();
        }
        let who = who.map_or_else(|| "-".to_owned(), user_name);
        let mut line = format!("{time}  {:>10}  {who:<10}  {what}", command.sequence);
        if refused {
            line += "  REFUSED";
        }
        if canceled > 0 {
            line += &format!("  ({canceled} orders canceled)");
        }
        line
    }
}
