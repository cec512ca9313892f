//! An exchange that goes through the past once more, and the messages of one stream on its way.

use std::cmp::Ordering;

use protocol::soup::encode;

use super::{Chunk, Job, Sources};
use crate::exchange::Exchange;
use crate::journal::{ReadOptions, Reader, Segments};
use crate::output::{Encoder, MessageSink, Numbers};
use crate::recovery::store::{FEED_STREAM, STORED_BYTES_MAX};
use crate::replay::Replay;
use crate::snapshot;

/// A packet's length, its type, and the longest message.
const PACKET_BYTES_MAX: usize = 3 + STORED_BYTES_MAX;

/// How far a turn came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Advanced {
    /// There is more.
    More,
    /// All commands that the job asked for are applied.
    End,
}

pub(super) struct Regenerator {
    replay: Replay,
    reader: Reader<Box<dyn Segments + Send>>,
    /// The reader stops at this command.
    until: u64,
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

    /// Applies the next frame; messages that the job asked for are put behind those of `chunk`.
    pub(super) fn advance(&mut self, job: &Job, chunk: &mut Chunk) -> Result<Advanced, String> {
        if self.until != job.until {
            self.until = job.until;
            self.reader.go_on(job.until).map_err(|error| error.to_string())?;
        }
        let Some(batch) = self.reader.next_batch().map_err(|error| error.to_string())? else {
            return if self.sequence() >= job.until {
                Ok(Advanced::End)
            } else {
                Err("the journal ends before what it should hold".to_owned())
            };
        };
        let mut expected = Some(batch.header.events_hash_before);
        let mut picker = Picker {
            job,
            day: self.replay.exchange.day(),
            chunk,
        };
        for command in batch.commands() {
            let expected = expected.take();
            // The first frame may begin before the snapshot's end.
            if command.sequence > self.replay.exchange.sequence() {
                let applied = self.replay.apply(&command, expected, &mut picker);
                applied.map_err(|diverged| diverged.to_string())?;
            }
        }
        Ok(if self.sequence() >= job.until {
            Advanced::End
        } else {
            Advanced::More
        })
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

/// Takes the messages of one stream, from a number on.
struct Picker<'a> {
    job: &'a Job,
    /// The day of the next message.
    day: u32,
    chunk: &'a mut Chunk,
}

impl Picker<'_> {
    fn message(&mut self, stream: u32, sequence: u64, message: &[u8]) {
        if self.day != self.job.day || stream != self.job.stream || sequence < self.job.from {
            return;
        }
        let mut packet = [0; PACKET_BYTES_MAX];
        let length = encode::sequenced(message, &mut packet).expect("it has room for the longest message");
        self.chunk.packets.extend_from_slice(&packet[..length]);
        self.chunk.count += 1;
    }
}

impl MessageSink for Picker<'_> {
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
    use crate::exchange::Limits;
    use crate::exchange::command::{Command, CommandKind};
    use crate::journal::SimDisk;
    use crate::replay::Nobody;

    const LIMITS: Limits = Limits {
        assets: 1,
        instruments: 1,
        accounts: 1,
        sessions: 1,
        orders: 16,
        levels: 16,
        fee_schedules: 1,
    };

    /// However many messages the days before had: what is asked for of a later day begins where it was asked to.
    #[test]
    fn the_numbers_of_another_day_say_nothing() {
        let disk: Box<dyn Segments + Send> = Box::new(SimDisk::new(1, 1 << 16, 1 << 20, 0));
        let mut regenerator = Regenerator {
            replay: Replay::new(LIMITS, 0),
            reader: Reader::new(disk, ReadOptions::default()).expect("an empty disk"),
            until: 0,
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
            until: 9,
        };
        assert_eq!(regenerator.first_ahead(&job(1, 2)), 6, "five were made");
        assert_eq!(regenerator.first_ahead(&job(1, 8)), 8);
        assert_eq!(regenerator.first_ahead(&job(2, 2)), 2, "of the next day none was");
    }
}
