//! Does one job after the other, a frame of the journal in each turn.

use std::sync::{Arc, Mutex};

use crossbeam_utils::CachePadded;

use super::regenerator::{Advanced, Regenerator};
use super::{ArchiveCounters, CHUNKS_MAX, Chunk, Job, STALLED_TURNS, Shared, Sources, lock};

/// A chunk goes out when it is this long.
const CHUNK_BYTES: usize = 32 * 1_024;

pub(super) struct Worker {
    sources: Sources,
    shared: Arc<Mutex<Shared>>,
    /// As far as the job before came: the next one may go on from there.
    regenerator: Option<Regenerator>,
    job: Option<Job>,
    /// The regenerator is where the job's first message is ahead, or beyond it by the job's own doing.
    is_placed: bool,
    chunk: Chunk,
    /// Turns in which the job's chunks were not taken.
    stalled: u32,
    counters: Arc<CachePadded<ArchiveCounters>>,
}

impl Worker {
    pub(super) fn new(sources: Sources, shared: Arc<Mutex<Shared>>) -> Self {
        Self {
            sources,
            shared,
            regenerator: None,
            job: None,
            is_placed: false,
            chunk: Chunk::default(),
            stalled: 0,
            counters: ArchiveCounters::shared(),
        }
    }

    pub(super) fn counters(&self) -> &Arc<CachePadded<ArchiveCounters>> {
        &self.counters
    }

    /// Forgets how far it came: the memory is free again.
    pub(super) fn give_up(&mut self) {
        self.regenerator = None;
    }

    /// A turn; returns the work done.
    pub(super) fn poll(&mut self) -> usize {
        let Some(job) = self.next_job() else {
            return 0;
        };
        let advanced = self.advance(&job);
        // What was made is not asked for again, whatever becomes of the regenerator meanwhile.
        if let (Some(job), Some(regenerator)) = (&mut self.job, &self.regenerator) {
            job.from = regenerator.first_ahead(job);
        }
        let ended = match &advanced {
            Ok(Advanced::More) => None,
            Ok(Advanced::End) => Some(true),
            // What exactly is wrong with the journal a start or `exchange verify` tells.
            Err(_) => Some(false),
        };
        if ended == Some(false) {
            self.counters.failed.increment();
            self.regenerator = None;
        }
        if ended.is_some() {
            self.job = None;
        }
        if ended.is_some() || self.chunk.packets.len() >= CHUNK_BYTES {
            self.hand_over(&job, ended);
        }
        1
    }

    /// The job at hand, if there is one that is still wanted and whose chunks are taken.
    fn next_job(&mut self) -> Option<Job> {
        let mut shared = lock(&self.shared);
        if let Some(job) = self.job {
            let others_wait = !shared.waiting.is_empty();
            match shared.outputs.get_mut(&job.ticket) {
                Some(output) if output.chunks.len() < CHUNKS_MAX => {
                    self.stalled = 0;
                    return self.job;
                }
                Some(_) if self.stalled < STALLED_TURNS || !others_wait => {
                    self.stalled = self.stalled.saturating_add(1);
                    return None;
                }
                // What was made is enough for now.
                Some(output) => output.ended = Some(true),
                // Canceled.
                None => {}
            }
            self.job = None;
            // What is begun belongs to messages that are asked for again.
            self.chunk = Chunk::default();
        }
        (self.stalled, self.is_placed) = (0, false);
        self.job = shared.waiting.pop_front();
        if self.job.is_some() {
            self.counters.jobs.increment();
        }
        self.job
    }

    fn advance(&mut self, job: &Job) -> Result<Advanced, String> {
        let can_serve = |regenerator: &Regenerator| self.is_placed || regenerator.can_serve(job);
        if !self.regenerator.as_ref().is_some_and(can_serve) {
            // The old one first: there is memory for one.
            self.regenerator = None;
            self.regenerator = Some(Regenerator::new(&mut self.sources, job)?);
        }
        self.is_placed = true;
        let Some(regenerator) = &mut self.regenerator else {
            unreachable!("it was made");
        };
        let (sequence, count) = (regenerator.sequence(), self.chunk.count);
        let advanced = regenerator.advance(job, &mut self.chunk);
        self.counters.commands.add(regenerator.sequence() - sequence);
        self.counters.messages.add(self.chunk.count - count);
        advanced
    }

    fn hand_over(&mut self, job: &Job, ended: Option<bool>) {
        let chunk = std::mem::take(&mut self.chunk);
        let mut shared = lock(&self.shared);
        // Canceled meanwhile: nobody waits for it.
        let Some(output) = shared.outputs.get_mut(&job.ticket) else {
            return;
        };
        if chunk.count > 0 {
            output.chunks.push_back(chunk);
        }
        output.ended = ended;
    }
}
