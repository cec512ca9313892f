//! Durable commands on their way to the replica: from the journal's ring and, where that was full, from the journal itself.
//!
//! While the replica is lent to a snapshot nobody takes from the ring. The journal does not wait for that: what the ring has
//! no room for stays on disk, and is read from there when the replica is back. So nothing that recovery does holds up the
//! engine (`docs/decisions/0050-the-replica-catches-up-from-disk.md`).

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_utils::CachePadded;
use rtrb::Consumer;

use crate::exchange::command::Command;
use crate::journal::{JournalError, ReadOptions, Reader, Segments};
use crate::runtime::shutdown::Shutdown;

/// Opens the journal for reading.
pub type OpenJournal = Arc<dyn Fn() -> Box<dyn Segments + Send> + Send + Sync>;

/// Durable commands in order, wherever they come from.
pub struct Durable {
    ring: Consumer<Command>,
    /// Commands up to this one did not all go into the ring; they are in the journal.
    left_to_disk: Arc<CachePadded<AtomicU64>>,
    /// `None` without a journal: then everything comes through the ring.
    journal: Option<OpenJournal>,
    shutdown: Shutdown,
    /// While there is something to be read from disk.
    reader: Option<Reader<Box<dyn Segments + Send>>>,
    /// It stops at this command.
    until: u64,
    /// Read from disk, in order.
    read: VecDeque<Command>,
    /// How many were.
    count: u64,
}

impl Durable {
    /// What comes through `ring`, and from `journal` up to `left_to_disk`. A journal that can not be read stops the exchange
    /// by `shutdown`.
    pub fn new(
        ring: Consumer<Command>,
        left_to_disk: Arc<CachePadded<AtomicU64>>,
        journal: Option<OpenJournal>,
        shutdown: Shutdown,
    ) -> Self {
        Self {
            ring,
            left_to_disk,
            journal,
            shutdown,
            reader: None,
            until: 0,
            read: VecDeque::new(),
            count: 0,
        }
    }

    /// What comes through a ring that is never full.
    pub fn ring(ring: Consumer<Command>) -> Self {
        Self::new(ring, Arc::default(), None, Shutdown::default())
    }

    /// Commands that were read from disk.
    pub fn read_from_disk(&self) -> u64 {
        self.count
    }

    /// True when the one behind `applied` has to be read from disk.
    pub(crate) fn is_on_disk(&self, applied: u64) -> bool {
        applied < self.left_to_disk.load(Ordering::Acquire)
    }

    /// The command behind `applied`, unless it is above `up_to` or not there yet.
    pub(crate) fn next(&mut self, applied: u64, up_to: u64) -> Option<Command> {
        if applied >= up_to {
            return None;
        }
        while let Ok(front) = self.ring.peek() {
            if front.sequence <= applied {
                // The start has applied it already, or it was read from disk.
                let _ = self.ring.pop();
                continue;
            }
            if front.sequence == applied + 1 {
                (self.reader, self.read) = (None, VecDeque::new());
                return self.ring.pop().ok();
            }
            break;
        }
        let left_to_disk = self.left_to_disk.load(Ordering::Acquire);
        if applied >= left_to_disk {
            // With a hole in front nobody may go on: the replica looks at the number.
            return self.ring.pop().ok();
        }
        match self.read_again(applied, left_to_disk) {
            Ok(command) => Some(command).filter(|command| command.sequence <= up_to),
            Err(error) => {
                self.shutdown.fail(format!(
                    "recovery: commands that are durable can not be read again: {error}"
                ));
                None
            }
        }
    }

    /// The command behind `applied`, which stays in front until it is applied.
    fn read_again(&mut self, applied: u64, until: u64) -> Result<Command, String> {
        let told = |error: JournalError| error.to_string();
        while self
            .read
            .front()
            .is_some_and(|command| command.sequence <= applied)
        {
            self.read.pop_front();
        }
        loop {
            if let Some(command) = self.read.front() {
                return Ok(*command);
            }
            let reader = match &mut self.reader {
                Some(reader) => reader,
                None => {
                    let journal = self.journal.as_ref().ok_or("there is no journal")?;
                    let options = ReadOptions {
                        from: applied + 1,
                        until,
                        ..ReadOptions::default()
                    };
                    self.until = until;
                    self.reader.insert(Reader::new(journal(), options).map_err(told)?)
                }
            };
            if self.until < until {
                self.until = until;
                reader.go_on(until).map_err(told)?;
            }
            let batch = reader.next_batch().map_err(told)?;
            let batch = batch.ok_or("the journal ends before what it should hold")?;
            self.read
                .extend(batch.commands().filter(|command| command.sequence > applied));
            self.count += self.read.len() as u64;
        }
    }
}

impl fmt::Debug for Durable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Durable")
            .field("left_to_disk", &self.left_to_disk)
            .field("read_from_disk", &self.count)
            .finish_non_exhaustive()
    }
}
