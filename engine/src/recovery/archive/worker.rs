//! Goes through the journal, a frame in each turn, for all jobs whose messages are ahead.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use crossbeam_utils::CachePadded;

use super::regenerator::Regenerator;
use super::{ArchiveCounters, CHUNKS_MAX, Chunk, JOBS_AT_ONCE, Job, STALLED_TURNS, Shared, Sources, lock};

/// A chunk goes out when it is this long.
const CHUNK_BYTES: usize = 32 * 1_024;

/// A job on its way, and what was made for it and is not handed over.
pub(super) struct Active {
    pub(super) job: Job,
    pub(super) chunk: Chunk,
}

pub(super) struct Worker {
    sources: Sources,
    shared: Arc<Mutex<Shared>>,
    /// As far as it came: the next jobs may go on from there.
    regenerator: Option<Regenerator>,
    active: Vec<Active>,
    /// Turns in which somebody's chunks were not taken.
    stalled: u32,
    counters: Arc<CachePadded<ArchiveCounters>>,
}

impl Worker {
    pub(super) fn new(sources: Sources, shared: Arc<Mutex<Shared>>) -> Self {
        Self {
            sources,
            shared,
            regenerator: None,
            active: Vec::with_capacity(JOBS_AT_ONCE),
            stalled: 0,
            counters: ArchiveCounters::shared(),
        }
    }

    pub(super) fn counters(&self) -> &Arc<CachePadded<ArchiveCounters>> {
        &self.counters
    }

    /// Forgets how far it came: the memory is free again. Jobs whose chunks nobody takes are over for now: another regenerator would
    /// begin where the first of them needs it, which may be behind what the others do.
    pub(super) fn give_up(&mut self) {
        self.regenerator = None;
        for active in self.active.drain(..) {
            hand_over(&self.shared, &active.job, Chunk::default(), Some(true));
        }
    }

    /// A turn; returns the work done.
    pub(super) fn poll(&mut self) -> usize {
        if !self.has_jobs() {
            return 0;
        }
        let failed = self.advance().is_err();
        // What exactly is wrong with the journal a start or `exchange verify` tells.
        if failed {
            self.counters.failed.add(self.active.len() as u64);
            self.regenerator = None;
        }
        let mut place = 0;
        while let Some(active) = self.active.get_mut(place) {
            let ended = match &self.regenerator {
                None => Some(false),
                Some(regenerator) => {
                    // What was made is not asked for again, whatever becomes of the regenerator meanwhile.
                    active.job.from = regenerator.first_ahead(&active.job);
                    let has_all = active.job.from > active.job.last;
                    (has_all || regenerator.sequence() >= active.job.until).then_some(true)
                }
            };
            if ended.is_some() || active.chunk.packets.len() >= CHUNK_BYTES {
                let chunk = std::mem::take(&mut active.chunk);
                hand_over(&self.shared, &active.job, chunk, ended);
            }
            match ended {
                None => place += 1,
                Some(_) => _ = self.active.remove(place),
            }
        }
        1
    }

    /// True when there are jobs that are still wanted, and whose chunks are taken.
    fn has_jobs(&mut self) -> bool {
        let Self {
            shared,
            regenerator,
            active,
            stalled,
            counters,
            ..
        } = self;
        let shared = &mut *lock(shared);
        let Shared { waiting, outputs, .. } = shared;
        active.retain(|active| outputs.contains_key(&active.job.ticket));
        let mut full = 0;
        for active in active.iter() {
            let output = outputs.get(&active.job.ticket);
            full += usize::from(output.is_some_and(|output| output.chunks.len() >= CHUNKS_MAX));
        }
        if full > 0 {
            let others_wait = full < active.len() || !waiting.is_empty();
            if *stalled < STALLED_TURNS || !others_wait {
                *stalled = stalled.saturating_add(1);
                return false;
            }
            // What was made is enough for now. What is begun belongs to messages that are asked for again.
            active.retain(|active| match outputs.get_mut(&active.job.ticket) {
                Some(output) if output.chunks.len() >= CHUNKS_MAX => {
                    output.ended = Some(true);
                    false
                }
                _ => true,
            });
        }
        *stalled = 0;
        admit(active, waiting, regenerator, counters);
        !active.is_empty()
    }

    fn advance(&mut self) -> Result<(), String> {
        if self.regenerator.is_none() {
            self.regenerator = Some(Regenerator::new(&mut self.sources, &self.active[0].job)?);
            // Who waits for the same goes along from the beginning.
            let waiting = &mut lock(&self.shared).waiting;
            admit(&mut self.active, waiting, &mut self.regenerator, &self.counters);
        }
        let Some(regenerator) = &mut self.regenerator else {
            unreachable!("it was made")
        };
        let sequence = regenerator.sequence();
        let advanced = regenerator.advance(&mut self.active);
        self.counters.commands.add(regenerator.sequence() - sequence);
        self.counters.messages.add(advanced?);
        Ok(())
    }
}

/// Takes the jobs that come next: those ahead of the regenerator; where there are none under way, whichever is first. In their
/// order, so that who has to wait for the next way through does not wait for ever.
fn admit(
    active: &mut Vec<Active>,
    waiting: &mut VecDeque<Job>,
    regenerator: &mut Option<Regenerator>,
    counters: &ArchiveCounters,
) {
    while active.len() < JOBS_AT_ONCE
        && let Some(job) = waiting.front()
    {
        let is_ahead = regenerator
            .as_ref()
            .is_some_and(|regenerator| regenerator.can_serve(job));
        if !is_ahead {
            if !active.is_empty() {
                return;
            }
            // The old one first: there is memory for one.
            *regenerator = None;
        }
        counters.jobs.increment();
        active.push(Active {
            job: *job,
            chunk: Chunk::default(),
        });
        waiting.pop_front();
    }
}

fn hand_over(shared: &Mutex<Shared>, job: &Job, chunk: Chunk, ended: Option<bool>) {
    let mut shared = lock(shared);
    // Canceled meanwhile: nobody waits for it.
    let Some(output) = shared.outputs.get_mut(&job.ticket) else {
        return;
    };
    if chunk.count > 0 {
        output.chunks.push_back(chunk);
    }
    output.ended = ended;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::SimDisk;
    use crate::poison::Skips;
    use crate::recovery::archive::{LIMITS, Output};
    use crate::recovery::store::FEED_STREAM;

    /// Jobs that went together need not find what they miss in one place: each asks again.
    #[test]
    fn jobs_under_way_are_over_when_the_regenerator_is_given_up() {
        let disk = || SimDisk::new(1, 1 << 16, 1 << 20, 0);
        let sources = Sources {
            journal: Arc::new(move || Box::new(disk())),
            snapshots: Box::new(disk()),
            limits: LIMITS,
            skips: Skips::default(),
        };
        let shared = Arc::new(Mutex::new(Shared::default()));
        let mut worker = Worker::new(sources, Arc::clone(&shared));
        for (ticket, stream) in [(1, 0), (2, FEED_STREAM)] {
            let mut output = Output::default();
            output.chunks.extend((0..CHUNKS_MAX).map(|_| Chunk::default()));
            let mut shared = lock(&shared);
            shared.outputs.insert(ticket, output);
            shared.waiting.push_back(Job {
                ticket,
                day: 1,
                stream,
                from: 1,
                last: 9,
                until: 9,
            });
        }
        assert!(worker.has_jobs());
        worker.regenerator = Regenerator::new(&mut worker.sources, &worker.active[0].job).ok();
        assert!(worker.regenerator.is_some());
        {
            let waiting = &mut lock(&worker.shared).waiting;
            admit(
                &mut worker.active,
                waiting,
                &mut worker.regenerator,
                &worker.counters,
            );
        }
        assert_eq!(worker.active.len(), 2);
        assert_eq!(
            worker.poll(),
            0,
            "nobody takes what there is, and nobody else waits"
        );
        worker.give_up();
        assert!(worker.active.is_empty() && worker.regenerator.is_none());
        let shared = lock(&shared);
        for output in shared.outputs.values() {
            assert_eq!((output.ended, output.chunks.len()), (Some(true), CHUNKS_MAX));
        }
    }
}
