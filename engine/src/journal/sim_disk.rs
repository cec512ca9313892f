//! Storage in memory that fails on demand: for tests and the simulation.
//!
//! It keeps two images of each segment: what a process sees (the kernel's cache) and what survives the loss of power.
//! Everything random comes from the seed.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::disk::{Disk, Segments, Write, file_name};
use super::frame::{BLOCK_BYTES, FRAME_MAGIC};
use crate::snapshot::Snapshots;

/// Power is lost by sectors: each unsynced one is old or new, and of the write in flight perhaps neither.
const SECTOR_BYTES: usize = 512;

/// What [`SimDisk::last_frame`] keeps of a frame.
const FRAME_HEADER_BYTES: usize = 64;

/// What ends the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// `kill -9`: what was handed to the kernel stays, synced or not.
    Kill,
    /// Power is lost: what was not synced is there, gone or torn, sector by sector.
    PowerLoss,
}

/// What goes wrong with a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The write fails, some of it may be there.
    WriteError,
    /// The write ends early.
    ShortWrite,
    /// The disk is full.
    NoSpace,
    /// The write goes well, the sync fails: the cache shows the data as written, the disk has some of it, and a later
    /// sync would succeed without writing the rest.
    SyncError,
}

/// A handle of a simulated disk; clones share it, so a test can hold one beside the stage's.
#[derive(Debug, Clone)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    random: Random,
    segment_bytes: u64,
    capacity_bytes: u64,
    polls_max: u64,
    files: BTreeMap<u64, SimFile>,
    /// Snapshots, by the last command that they know.
    snapshots: BTreeMap<u64, Vec<u8>>,
    /// Snapshots can not be written.
    snapshot_error: bool,
    pending: Option<Pending>,
    preparing: Option<Preparing>,
    /// The write with this number (from 1) goes wrong.
    fault: Option<(u64, Fault)>,
    prepare_error: bool,
    /// The next write takes so many polls more.
    stall: u64,
    /// The first bytes of the last frame that became durable.
    last_frame: Option<[u8; FRAME_HEADER_BYTES]>,
    writes: u64,
    syncs: u64,
    failed: u64,
    /// A planted bug, to see that the tests find it: caches are believed at start.
    #[cfg(test)]
    settle_skipped: bool,
}

#[derive(Debug, Clone)]
struct SimFile {
    cached: Vec<u8>,
    durable: Vec<u8>,
    /// Where the two may differ.
    dirty: Vec<Range<usize>>,
    /// A sync failed: the kernel believes that `cached` is on the disk.
    believed: bool,
}

#[derive(Debug)]
struct Pending {
    write: Write,
    fault: Option<Fault>,
    polls: u64,
}

#[derive(Debug)]
struct Preparing {
    segment: u64,
    polls: u64,
    told: bool,
}

impl SimDisk {
    /// An empty disk of `capacity_bytes`; new segments have `segment_bytes`. A write, and making a segment, takes
    /// 0 to `polls_max` polls.
    pub fn new(seed: u64, segment_bytes: u64, capacity_bytes: u64, polls_max: u64) -> Self {
        Self {
            state: Arc::new(Mutex::new(State {
                random: Random(seed),
                segment_bytes,
                capacity_bytes,
                polls_max,
                files: BTreeMap::new(),
                snapshots: BTreeMap::new(),
                snapshot_error: false,
                pending: None,
                preparing: None,
                fault: None,
                prepare_error: false,
                stall: 0,
                last_frame: None,
                writes: 0,
                syncs: 0,
                failed: 0,
                #[cfg(test)]
                settle_skipped: false,
            })),
        }
    }

    /// The `number`-th write from now on (1 = the next) goes wrong.
    pub fn fail(&self, number: u64, fault: Fault) {
        let mut state = self.state();
        state.fault = Some((state.writes + number, fault));
    }

    /// Segments can not be made any more, for another reason than a full disk.
    pub fn fail_prepare(&self) {
        self.state().prepare_error = true;
    }

    /// The next write takes `polls` polls more than it would.
    pub fn stall(&self, polls: u64) {
        self.state().stall = polls;
    }

    /// The header of the last frame whose sync has returned, as it is on the disk: whoever watches the wire can tell
    /// what may be there.
    pub fn last_frame(&self) -> Option<[u8; FRAME_HEADER_BYTES]> {
        self.state().last_frame
    }

    /// Writes that failed so far.
    pub fn failed(&self) -> u64 {
        self.state().failed
    }

    /// True when the loss of power would change nothing that can be read.
    pub fn is_settled(&self) -> bool {
        let state = self.state();
        let mut files = state.files.values();
        files.all(|file| {
            file.dirty
                .iter()
                .all(|place| file.cached[place.clone()] == file.durable[place.clone()])
        })
    }

    /// Bytes that new segments may still take.
    pub fn room_bytes(&self) -> u64 {
        self.state().free_bytes()
    }

    /// Bytes of all segments.
    pub fn used_bytes(&self) -> u64 {
        self.state().used_bytes()
    }

    /// Snapshots can not be written from now on, or can again.
    pub fn fail_snapshots(&self, fails: bool) {
        self.state().snapshot_error = fails;
    }

    /// Changes a snapshot at rest. Returns false when there is none of this number.
    pub fn change_snapshot(&self, sequence: u64, change: impl FnOnce(&mut Vec<u8>)) -> bool {
        self.state().snapshots.get_mut(&sequence).map(change).is_some()
    }

    /// Gives the disk another size.
    pub fn set_capacity(&self, bytes: u64) {
        self.state().capacity_bytes = bytes;
    }

    /// Writes begun so far.
    pub fn writes(&self) -> u64 {
        self.state().writes
    }

    /// Writes that are durable so far.
    pub fn syncs(&self) -> u64 {
        self.state().syncs
    }

    /// Plants a bug: settling does nothing.
    #[cfg(test)]
    pub(super) fn skip_settle(&self) {
        self.state().settle_skipped = true;
    }

    /// Changes a byte at rest.
    pub fn corrupt(&self, segment: u64, offset: u64, change: impl FnOnce(&mut u8)) {
        let mut state = self.state();
        let file = state.files.get_mut(&segment).expect("the segment is there");
        let byte = &mut file.durable[usize::try_from(offset).expect("an offset in memory")];
        change(byte);
        file.cached.clone_from(&file.durable);
        file.dirty.clear();
    }

    /// Flips a bit that `choice` picks among those of blocks that are not empty; gives segment, offset and bit, `None` when
    /// nothing was ever written.
    pub fn flip(&self, choice: u64) -> Option<(u64, u64, u8)> {
        const EMPTY: [u8; BLOCK_BYTES] = [0; BLOCK_BYTES];
        let state = self.state();
        let mut random = Random(choice);
        let blocks: Vec<(u64, usize)> = state
            .files
            .iter()
            .flat_map(|(segment, file)| {
                let used = |(_, block): &(usize, &[u8])| **block != EMPTY[..block.len()];
                let blocks = file.durable.chunks(BLOCK_BYTES).enumerate().filter(used);
                blocks.map(|(index, _)| (*segment, index * BLOCK_BYTES))
            })
            .collect();
        let count = u64::try_from(blocks.len()).ok().filter(|count| *count > 0)?;
        let (segment, block) = blocks[usize::try_from(random.below(count)).ok()?];
        let length = state.files.get(&segment)?.durable.len();
        let offset = block + usize::try_from(random.below(BLOCK_BYTES as u64)).ok()?;
        if offset >= length {
            return None;
        }
        let bit = 1 << random.below(8);
        drop(state);
        self.flip_bit(segment, offset as u64, bit);
        Some((segment, offset as u64, bit))
    }

    /// Flips a bit, or flips it back.
    pub fn flip_bit(&self, segment: u64, offset: u64, bit: u8) {
        let mut state = self.state();
        let file = state.files.get_mut(&segment).expect("the segment is there");
        let offset = usize::try_from(offset).expect("an offset in memory");
        file.durable[offset] ^= bit;
        file.cached[offset] ^= bit;
    }

    /// Cuts a segment short.
    pub fn truncate(&self, segment: u64, bytes: u64) {
        let mut state = self.state();
        let file = state.files.get_mut(&segment).expect("the segment is there");
        file.durable
            .truncate(usize::try_from(bytes).expect("a size in memory"));
        file.cached.clone_from(&file.durable);
        file.dirty.clear();
    }

    /// A disk with the same content and a life of its own.
    pub fn copy(&self) -> Self {
        let state = self.state();
        let copy = Self::new(
            state.random.0,
            state.segment_bytes,
            state.capacity_bytes,
            state.polls_max,
        );
        copy.state().files = state.files.clone();
        copy.state().snapshots = state.snapshots.clone();
        drop(state);
        copy
    }

    /// Ends the process that wrote. What is read afterwards is what the next process sees. A disk that the old process
    /// still holds must not be used any more.
    pub fn crash(&self, crash: Crash) {
        let mut state = self.state();
        let state = &mut *state;
        state.preparing = None;
        state.fault = None;
        let pending = state.pending.take().map(|pending| pending.write);
        if let Some(write) = &pending
            && let Some(file) = state.files.get_mut(&write.segment)
        {
            // The kernel had copied some of its pages, or waited for the sync already.
            let start = usize::try_from(write.offset).expect("an offset in memory");
            let is_whole = state.random.below(2) == 0;
            for from in (0..write.length).step_by(SECTOR_BYTES) {
                if is_whole || state.random.below(2) == 0 {
                    let to = (from + SECTOR_BYTES).min(write.length);
                    file.cache(start + from, &write.buffer[from..to]);
                }
            }
        }
        if crash == Crash::Kill {
            return;
        }
        for (segment, file) in &mut state.files {
            for sector in file.dirty_sectors() {
                let SimFile { cached, durable, .. } = &mut *file;
                let (new, old) = (&cached[sector.clone()], &mut durable[sector.clone()]);
                if new == old || state.random.below(2) == 0 {
                    continue;
                }
                old.copy_from_slice(new);
                let offset = sector.start as u64;
                let in_flight = pending.as_ref().is_some_and(|write| {
                    write.segment == *segment
                        && (write.offset..write.offset + write.length as u64).contains(&offset)
                });
                if in_flight && state.random.below(3) == 0 {
                    let torn =
                        usize::try_from(state.random.below(old.len() as u64)).expect("within a sector");
                    old[torn..]
                        .iter_mut()
                        .for_each(|byte| *byte = state.random.next() as u8);
                }
            }
            file.forget_cache();
            file.believed = false;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn free_bytes(&self) -> u64 {
        self.capacity_bytes.saturating_sub(self.used_bytes())
    }

    fn used_bytes(&self) -> u64 {
        let segments = self.files.values().map(|file| file.cached.len());
        let used: usize = segments.chain(self.snapshots.values().map(Vec::len)).sum();
        used as u64
    }

    fn delay(&mut self) -> u64 {
        self.random.below(self.polls_max + 1)
    }

    fn finish(&mut self, write: Write, fault: Option<Fault>) -> io::Result<Vec<u8>> {
        let file = self
            .files
            .get_mut(&write.segment)
            .ok_or(io::ErrorKind::NotFound)?;
        let start = usize::try_from(write.offset).expect("an offset in memory");
        let written = match fault {
            None | Some(Fault::SyncError) => write.length,
            Some(_) => usize::try_from(self.random.below(write.length as u64)).expect("within the write"),
        };
        file.cache(start, &write.buffer[..written]);
        self.failed += u64::from(fault.is_some());
        match fault {
            None => {
                if file.believed {
                    // What the failed sync left behind counts as clean: only what is newly written goes to the disk.
                    file.durable[start..start + written].copy_from_slice(&write.buffer[..written]);
                } else {
                    file.make_durable();
                }
                self.syncs += 1;
                if let Some(header) = write.buffer[..write.length].first_chunk()
                    && header.starts_with(FRAME_MAGIC.as_slice())
                {
                    self.last_frame = Some(*header);
                }
                Ok(write.buffer)
            }
            Some(Fault::SyncError) => {
                file.believed = true;
                for sector in file.dirty_sectors() {
                    if self.random.below(2) == 0 {
                        let SimFile { cached, durable, .. } = &mut *file;
                        durable[sector.clone()].copy_from_slice(&cached[sector]);
                    }
                }
                Err(io::Error::other("simulated: sync failed"))
            }
            Some(Fault::ShortWrite) => Err(crate::sys::file::short_write(written, write.length)),
            Some(Fault::WriteError) => Err(io::Error::other("simulated: write failed")),
            Some(Fault::NoSpace) => Err(io::ErrorKind::StorageFull.into()),
        }
    }
}

impl SimFile {
    /// Writes into the cache.
    fn cache(&mut self, start: usize, bytes: &[u8]) {
        let place = start..start + bytes.len();
        self.cached[place.clone()].copy_from_slice(bytes);
        self.dirty.push(place);
    }

    /// What the cache holds is on the disk.
    fn make_durable(&mut self) {
        for place in self.dirty.drain(..) {
            self.durable[place.clone()].copy_from_slice(&self.cached[place]);
        }
    }

    /// What the disk holds is in the cache.
    fn forget_cache(&mut self) {
        for place in self.dirty.drain(..) {
            self.cached[place.clone()].copy_from_slice(&self.durable[place]);
        }
    }

    /// The sectors where cache and disk may differ, ascending, each once.
    fn dirty_sectors(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let length = self.durable.len();
        let sectors = self
            .dirty
            .iter()
            .flat_map(|place| place.start / SECTOR_BYTES..place.end.div_ceil(SECTOR_BYTES));
        let sectors: BTreeSet<usize> = sectors.collect();
        sectors
            .into_iter()
            .map(move |sector| sector * SECTOR_BYTES..((sector + 1) * SECTOR_BYTES).min(length))
    }
}

impl Segments for SimDisk {
    fn list(&mut self) -> io::Result<Vec<u64>> {
        Ok(self.state().files.keys().copied().collect())
    }

    fn length(&mut self, segment: u64) -> io::Result<u64> {
        let state = self.state();
        let file = state.files.get(&segment).ok_or(io::ErrorKind::NotFound)?;
        Ok(file.cached.len() as u64)
    }

    fn read_at(&mut self, segment: u64, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let state = self.state();
        let file = state.files.get(&segment).ok_or(io::ErrorKind::NotFound)?;
        let offset =
            usize::try_from(offset).map_or(file.cached.len(), |offset| offset.min(file.cached.len()));
        let bytes = &file.cached[offset..];
        let length = bytes.len().min(into.len());
        into[..length].copy_from_slice(&bytes[..length]);
        Ok(length)
    }

    fn place(&self) -> String {
        "simulated".into()
    }

    fn path(&self, segment: u64) -> String {
        format!("simulated/{}", file_name(segment))
    }
}

/// A snapshot is renamed when it is synced, so that a crash leaves it whole or not there.
impl Snapshots for SimDisk {
    fn list(&mut self) -> io::Result<Vec<u64>> {
        Ok(self.state().snapshots.keys().copied().collect())
    }

    fn read(&mut self, sequence: u64) -> io::Result<Vec<u8>> {
        let state = self.state();
        let bytes = state.snapshots.get(&sequence).cloned();
        bytes.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn write(&mut self, sequence: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        if state.snapshot_error {
            return Err(io::Error::other("simulated: no snapshots"));
        }
        state.snapshots.insert(sequence, bytes.to_vec());
        Ok(())
    }

    fn remove(&mut self, sequence: u64) -> io::Result<()> {
        let removed = self.state().snapshots.remove(&sequence);
        removed.map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn free_bytes(&mut self) -> io::Result<u64> {
        Ok(self.state().free_bytes())
    }

    fn path(&self, sequence: u64) -> String {
        format!("simulated/{sequence:020}.snapshot")
    }
}

impl Disk for SimDisk {
    fn segment_bytes(&self) -> u64 {
        self.state().segment_bytes
    }

    fn settle(&mut self) -> io::Result<()> {
        let mut state = self.state();
        #[cfg(test)]
        if state.settle_skipped {
            return Ok(());
        }
        for file in state.files.values_mut() {
            if std::mem::take(&mut file.believed) {
                file.forget_cache();
            } else {
                file.make_durable();
            }
        }
        Ok(())
    }

    fn erase(&mut self, segment: u64, from: u64) -> io::Result<()> {
        let mut state = self.state();
        let file = state.files.get_mut(&segment).ok_or(io::ErrorKind::NotFound)?;
        let from = usize::try_from(from).expect("an offset in memory");
        if file.cached[from..].iter().any(|byte| *byte != 0) {
            file.cached[from..].fill(0);
            file.make_durable();
            file.durable[from..].fill(0);
        }
        Ok(())
    }

    fn remove(&mut self, segment: u64) -> io::Result<()> {
        let removed = self.state().files.remove(&segment);
        removed.map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn prepare(&mut self, segment: u64) {
        let mut state = self.state();
        let polls = state.delay();
        state.preparing = Some(Preparing {
            segment,
            polls,
            told: false,
        });
    }

    fn poll_prepared(&mut self) -> Option<io::Result<u64>> {
        let mut state = self.state();
        let (free_bytes, segment_bytes, error) =
            (state.free_bytes(), state.segment_bytes, state.prepare_error);
        let preparing = state.preparing.as_mut()?;
        if preparing.polls > 0 {
            preparing.polls -= 1;
            return None;
        }
        if error {
            return Some(Err(io::Error::other("simulated: no segments")));
        }
        if free_bytes < segment_bytes {
            let told = std::mem::replace(&mut preparing.told, true);
            return (!told).then(|| Err(io::ErrorKind::StorageFull.into()));
        }
        let segment = preparing.segment;
        state.preparing = None;
        let zeros = vec![0; usize::try_from(segment_bytes).expect("a size in memory")];
        let file = SimFile {
            cached: zeros.clone(),
            durable: zeros,
            dirty: Vec::new(),
            believed: false,
        };
        let replaced = state.files.insert(segment, file);
        assert!(replaced.is_none(), "a segment is made once");
        Some(Ok(segment))
    }

    fn submit(&mut self, write: Write) {
        let mut state = self.state();
        assert!(state.pending.is_none(), "one write at a time");
        state.writes += 1;
        let fault = state
            .fault
            .and_then(|(number, fault)| (number == state.writes).then_some(fault));
        let polls = state.delay() + std::mem::take(&mut state.stall);
        state.pending = Some(Pending { write, fault, polls });
    }

    fn poll(&mut self) -> Option<io::Result<Vec<u8>>> {
        let mut state = self.state();
        let pending = state.pending.as_mut()?;
        if pending.polls > 0 {
            pending.polls -= 1;
            return None;
        }
        let Pending { write, fault, .. } = state.pending.take()?;
        Some(state.finish(write, fault))
    }

    fn free_bytes(&self) -> u64 {
        self.state().free_bytes()
    }
}

/// SplitMix64: small, and the same everywhere.
#[derive(Debug, Clone)]
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}
