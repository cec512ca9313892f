//! An exchange that goes through the past once more, and the messages that are wanted on its way.

use std::cmp::Ordering;

use protocol::soup::encode;

use super::worker::Active;
use super::{Job, Sources};
use crate::ahead::{look_ahead, look_at_first};
use crate::exchange::event::Event;
use crate::exchange::{Exchange, Outlook};
use crate::journal::{ReadOptions, Reader, Segments};
use crate::output::{Encoder, MessageSink, Numbers};
use crate::recovery::store::{FEED_STREAM, STORED_BYTES_MAX};
use crate::replay::{Recorded, Replay};
use crate::snapshot;

/// A packet's length, its type, and the longest message.
const PACKET_BYTES_MAX: usize = 3 + STORED_BYTES_MAX;

pub(super) struct Regenerator {
    replay: Replay,
    reader: Reader<Box<dyn Segments + Send>>,
    /// The reader stops at this command.
    until: u64,
    /// The commands of a frame.
    frame: Vec<Recorded>,
}

impl Regenerator {
    /// Begins with the newest snapshot that is older than what is asked for, else with the journal's first command.
    pub(super) fn new(sources: &mut Sources, job: &Job) -> Result<Self, String> {
        let mut replay = Self::begin(sources, job)?;
        replay.leave_out(sources.skips.clone());
        let options = ReadOptions {
            from: replay.exchange.sequence() + 1,
            until: job.until,
            ..ReadOptions::default()
        };
        let reader = Reader::new((sources.journal)(), options).map_err(|error| error.to_string())?;
        Ok(Self {
            replay,
            reader,
            until: job.until,
            frame: Vec::new(),
        })
    }

    fn begin(sources: &mut Sources, job: &Job) -> Result<Replay, String> {
        let limits = sources.limits;
        let list = sources.snapshots.list().map_err(|error| error.to_string())?;
        for sequence in list.into_iter().rev().filter(|&sequence| sequence <= job.until) {
            // One that is damaged, or was removed just now, is passed over.
            let Ok(bytes) = sources.snapshots.read(sequence) else {
                continue;
            };
            let Ok(image) = snapshot::open(&bytes) else {
                continue;
            };
            let is_own = image.header.matching_hash == snapshot::matching_hash();
            let Ok(encoder) = image.encoder(limits) else {
                continue;
            };
            if is_own
                && let Ok(exchange) = image.exchange(limits, 0)
                && is_before(&exchange, &encoder, job)
            {
                return Ok(Replay::resume(exchange, encoder, image.events_hash()));
            }
        }
        Ok(Replay::new(limits, 0))
    }

    /// The last command applied.
    pub(super) fn sequence(&self) -> u64 {
        self.replay.exchange.sequence()
    }

    /// The first message of a job that is still ahead. Numbers of the days before say nothing about it.
    pub(super) fn first_ahead(&self, job: &Job) -> u64 {
        if self.replay.exchange.day() == job.day {
            job.from.max(next_of(&self.replay.encoder, job.stream))
        } else {
            job.from
        }
    }

    /// True when the job's first message is still ahead.
    pub(super) fn can_serve(&self, job: &Job) -> bool {
        is_before(&self.replay.exchange, &self.replay.encoder, job) && self.sequence() <= job.until
    }

    /// Applies the next frame, which one of the jobs needs; messages that they asked for are put behind those of their chunks. Says
    /// how many.
    pub(super) fn advance(&mut self, jobs: &mut [Active]) -> Result<u64, String> {
        let until = jobs.iter().map(|active| active.job.until).max().unwrap_or(0);
        if self.until < until {
            self.until = until;
            self.reader.go_on(until).map_err(|error| error.to_string())?;
        }
        let batch = self.reader.next_batch().map_err(|error| error.to_string())?;
        let Some(batch) = batch else {
            return if self.sequence() >= until {
                Ok(0)
            } else {
                Err("the journal ends before what it should hold".to_owned())
            };
        };
        let mut expected = Some(batch.header.events_hash_before);
        let applied = self.replay.exchange.sequence();
        let commands = batch.commands().map(|command| Recorded {
            command,
            outlook: Outlook::NONE,
            note: expected.take(),
        });
        self.frame.clear();
        // The first frame may begin before the snapshot's end.
        self.frame
            .extend(commands.filter(|recorded| recorded.command.sequence > applied));
        let mut picker = Picker {
            day: self.replay.exchange.day(),
            wants_feed: jobs.iter().any(|active| active.job.stream == FEED_STREAM),
            jobs,
            count: 0,
        };
        look_at_first(&self.replay.exchange, &mut self.frame);
        for place in 0..self.frame.len() {
            look_ahead(&self.replay.exchange, &mut self.frame, place);
            let applied = self.replay.apply_foreseen(&self.frame[place], &mut picker);
            applied.map_err(|diverged| diverged.to_string())?;
        }
        Ok(picker.count)
    }
}

/// True when the job's first message is ahead of this place.
fn is_before(exchange: &Exchange, encoder: &Encoder, job: &Job) -> bool {
    match exchange.day().cmp(&job.day) {
        Ordering::Less => true,
        Ordering::Equal => next_of(encoder, job.stream) <= job.from,
        Ordering::Greater => false,
    }
}

/// Number of the stream's next message.
fn next_of(encoder: &Encoder, stream: u32) -> u64 {
    if stream == FEED_STREAM {
        encoder.feed_next()
    } else {
        encoder.session_next(stream)
    }
}

/// Takes the messages of the jobs' streams, each from its number on.
struct Picker<'a> {
    jobs: &'a mut [Active],
    wants_feed: bool,
    /// The day of the next message.
    day: u32,
    /// Messages taken.
    count: u64,
}

impl Picker<'_> {
    fn message(&mut self, stream: u32, sequence: u64, message: &[u8]) {
        let mut packet = [0; PACKET_BYTES_MAX];
        let mut length = None;
        for Active { job, chunk } in self.jobs.iter_mut() {
            if self.day != job.day || stream != job.stream || sequence < job.from {
                continue;
            }
            let length = *length.get_or_insert_with(|| {
                encode::sequenced(message, &mut packet).expect("it has room for the longest message")
            });
            chunk.packets.extend_from_slice(&packet[..length]);
            chunk.count += 1;
            self.count += 1;
        }
    }
}

impl MessageSink for Picker<'_> {
    /// PERF: of all that a day says, a session is told little.
    fn wants(&self, events: &[Event]) -> bool {
        let is_told = |event: &Event| self.jobs.iter().any(|active| active.job.stream == event.session);
        self.wants_feed || events.iter().any(is_told)
    }

    fn feed(&mut self, sequence: u64, message: &[u8]) {
        self.message(FEED_STREAM, sequence, message);
    }

    fn session(&mut self, session: u32, sequence: u64, message: &[u8]) {
        self.message(session, sequence, message);
    }

    fn new_day(&mut self, day: u32, _ended: &Numbers) {
        self.day = day;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::command::{Command, CommandKind};
    use crate::journal::SimDisk;
    use crate::recovery::archive::LIMITS;
    use crate::replay::Nobody;

    /// However many messages the days before had: what is asked for of a later day begins where it was asked to.
    #[test]
    fn the_numbers_of_another_day_say_nothing() {
        let disk: Box<dyn Segments + Send> = Box::new(SimDisk::new(1, 1 << 16, 1 << 20, 0));
        let mut regenerator = Regenerator {
            replay: Replay::new(LIMITS, 0),
            reader: Reader::new(disk, ReadOptions::default()).expect("an empty disk"),
            until: 0,
            frame: Vec::new(),
        };
        for sequence in 1..=5 {
            let command = Command {
                sequence,
                time: sequence,
                ..Command::new(CommandKind::SystemEvent).with_state(b'O')
            };
            let applied = regenerator.replay.apply(&command, None, &mut Nobody);
            applied.expect("nothing is compared");
        }
        let job = |day, from| Job {
            ticket: 1,
            day,
            stream: FEED_STREAM,
            from,
            last: 9,
            until: 9,
        };
        assert_eq!(regenerator.first_ahead(&job(1, 2)), 6, "five were made");
        assert_eq!(regenerator.first_ahead(&job(1, 8)), 8);
        assert_eq!(regenerator.first_ahead(&job(2, 2)), 2, "of the next day none was");
    }
}
