//! What a connection gets of its stream: from the store, or, before what that has, from the archive.

use super::archive::{Asker, Chunk, Taken, Ticket};
use super::connection::Connection;
use super::service::{Close, View};
use super::store::{Cursor, FEED_STREAM, NotServable};
use crate::runtime::seams::Stream;

/// A place in a stream, and where its next message comes from.
#[derive(Debug)]
pub(super) enum Feeder {
    /// From the store.
    Stored(Cursor),
    /// From the archive, until the store has it.
    Archived(Archived),
}

/// A place before what the store has.
#[derive(Debug)]
pub(super) struct Archived {
    day: u32,
    stream: u32,
    /// The first message that was neither sent nor is in `chunk`.
    next: u64,
    ticket: Option<Ticket>,
    chunk: Chunk,
    /// Bytes of the chunk that were sent.
    sent: usize,
}

impl Feeder {
    /// The day of its stream.
    pub(super) fn day(&self) -> u32 {
        match self {
            Self::Stored(cursor) => cursor.day(),
            Self::Archived(archived) => archived.day,
        }
    }

    /// Number of the next message; those before it are on their way.
    pub(super) fn next_sequence(&self) -> u64 {
        match self {
            Self::Stored(cursor) => cursor.next_sequence(),
            Self::Archived(archived) => archived.next,
        }
    }

    /// True when its stream has ended, and all of it was queued.
    pub(super) fn is_at_end(&self, view: View<'_>) -> bool {
        match self {
            Self::Stored(cursor) => view.store.is_at_end(cursor),
            Self::Archived(_) => false,
        }
    }

    /// Starts in a stream of this day or of the day before, with message `requested`, 0 meaning the newest; returns its number too.
    ///
    /// # Errors
    /// When it can not be had.
    pub(super) fn start(
        view: View<'_>,
        archive: Option<&Asker>,
        day: u32,
        stream: u32,
        requested: u64,
    ) -> Result<(Self, u64), NotServable> {
        match view.store.cursor_of(day, stream, requested) {
            Ok(cursor) => Ok((Self::Stored(cursor), cursor.next_sequence())),
            Err(NotServable::Gone) if archive.is_some() => {
                let next = if requested == 0 {
                    view.store.last_of(day, stream).unwrap_or(0)
                } else {
                    requested
                };
                let archived = Archived {
                    day,
                    stream,
                    next,
                    ticket: None,
                    chunk: Chunk::default(),
                    sent: 0,
                };
                Ok((Self::Archived(archived), next))
            }
            Err(error) => Err(error),
        }
    }

    /// Queues what comes next, about `budget` bytes at most; returns how many bytes.
    pub(super) fn put<S: Stream>(
        &mut self,
        connection: &mut Connection<S>,
        budget: usize,
        view: View<'_>,
        archive: Option<&Asker>,
    ) -> Result<usize, Close> {
        let mut queued = 0;
        if let (Self::Archived(archived), Some(archive)) = (&mut *self, archive) {
            while queued < budget {
                queued += archived.put_chunk(connection, view);
                if archived.sent < archived.chunk.packets.len() {
                    return Ok(queued);
                }
                match archived.next_chunk(view, archive)? {
                    Next::Chunk => {}
                    Next::Later => return Ok(queued),
                    Next::Stored(cursor) => {
                        *self = Self::Stored(cursor);
                        break;
                    }
                }
            }
        }
        if let Self::Stored(cursor) = self {
            let rest = budget.saturating_sub(queued);
            let stored = connection.put_stream(view.now_ns, view.store, cursor, rest);
            queued += stored.map_err(|_| Close::FellOff)?;
        }
        Ok(queued)
    }

    /// The connection is over.
    pub(super) fn end(&self, archive: Option<&Asker>) {
        if let (
            Self::Archived(Archived {
                ticket: Some(ticket), ..
            }),
            Some(archive),
        ) = (self, archive)
        {
            archive.cancel(*ticket);
        }
    }
}

enum Next {
    Chunk,
    Later,
    /// The store has what comes next.
    Stored(Cursor),
}

impl Archived {
    fn put_chunk<S: Stream>(&mut self, connection: &mut Connection<S>, view: View<'_>) -> usize {
        let rest = &self.chunk.packets[self.sent..];
        if rest.is_empty() {
            return 0;
        }
        let queued = connection.put_packets(view.now_ns, rest);
        self.sent += queued;
        queued
    }

    /// The chunk at hand is sent: the next one, or the store, or a further job where the store is not reached.
    fn next_chunk(&mut self, view: View<'_>, archive: &Asker) -> Result<Next, Close> {
        if let Some(ticket) = self.ticket {
            match archive.take(ticket) {
                Taken::Nothing => return Ok(Next::Later),
                Taken::Chunk(chunk) => {
                    self.next += chunk.count;
                    (self.chunk, self.sent) = (chunk, 0);
                    return Ok(Next::Chunk);
                }
                Taken::Done => self.ticket = None,
                Taken::Failed => {
                    self.ticket = None;
                    return Err(Close::FellOff);
                }
            }
        }
        if let Ok(cursor) = view.store.cursor_of(self.day, self.stream, self.next) {
            return Ok(Next::Stored(cursor));
        }
        // A day that is forgotten meanwhile can not be read on.
        let last_stored = view.store.last_of(self.day, self.stream).ok_or(Close::FellOff)?;
        // As far as the journal has it for sure: the replica knows only what is durable.
        if let Some(replica) = view.replica.filter(|replica| replica.is_between_commands()) {
            let last = match self.stream {
                _ if self.day < replica.exchange().day() => last_stored,
                FEED_STREAM => replica.feed_sequence(),
                session => replica.session_sequence(session),
            };
            if last >= self.next {
                self.ticket = archive.ask(self.day, self.stream, self.next..=last, replica.applied());
            }
        }
        Ok(Next::Later)
    }
}
