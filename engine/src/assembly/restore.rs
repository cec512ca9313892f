//! A start's way back: the newest snapshot that is whole and may be used, then the journal from there; all into one replica,
//! of which the engine gets a copy.

#[cfg(test)]
mod tests;

use std::cell::Cell;

use super::error::StartError;
use crate::exchange::snapshot::Input;
use crate::exchange::{Exchange, Limits};
use crate::journal::{self, Disk, PAYLOAD_BYTES_MAX, PROGRESS_BYTES, ReadOptions, Recovered};
use crate::poison::Skips;
use crate::recovery::{RecoveryConfig, Start};
use crate::snapshot::{self, Header, Snapshots};

/// The longest write, and as much again; none is longer than a segment.
const IN_FLIGHT_BYTES: u64 = 2 * PAYLOAD_BYTES_MAX as u64;

/// What a start found.
#[derive(Debug)]
pub(super) struct Restored {
    /// As of the journal's last command.
    pub(super) start: Start,
    /// How the journal ends.
    pub(super) recovered: Recovered,
    /// Commands that the snapshot spared; 0 without one.
    pub(super) snapshot: u64,
    /// Snapshots that were not used, and why.
    pub(super) refused: Vec<String>,
}

/// Where reading the journal stands, for who waits.
#[derive(Debug, Clone, Copy)]
pub(super) enum Progress {
    /// A snapshot was loaded.
    Loaded {
        /// Its last command.
        sequence: u64,
    },
    /// The journal is read.
    Reading(journal::Progress),
}

/// Why the journal can not be read on from a snapshot.
enum Stopped {
    /// It was taken by another program or with another configuration, and is not the end.
    Foreign,
    Failed(StartError),
}

impl<T: Into<StartError>> From<T> for Stopped {
    fn from(error: T) -> Self {
        Self::Failed(error.into())
    }
}

/// Finds the state again. `configuration_hash` is the present configuration's.
///
/// # Errors
/// A journal that can not be read, or gives another state than it did, or ends before a snapshot that was taken of it.
pub(super) fn restore(
    configuration_hash: u64,
    recovery: &RecoveryConfig,
    skips: &Skips,
    disk: &mut impl Disk,
    snapshots: &mut impl Snapshots,
    mut progress: impl FnMut(Progress),
) -> Result<Restored, StartError> {
    let failed = |action, path: String| move |source| StartError::Directory { action, path, source };
    let mut list = snapshots
        .list()
        .map_err(failed("list the snapshots in", disk.place()))?;
    let mut refused = Vec::new();
    while let Some(sequence) = list.pop() {
        let path = snapshots.path(sequence);
        let loaded = load(recovery, snapshots, sequence);
        let (header, start) = match loaded {
            Ok(loaded) => loaded,
            Err(what) => {
                refused.push(format!("snapshot refused: {path}: {what}"));
                continue;
            }
        };
        let is_own = header.matching_hash == snapshot::matching_hash()
            && header.configuration_hash == configuration_hash;
        if !is_own && !header.is_clean() {
            refused.push(foreign(&path));
            continue;
        }
        progress(Progress::Loaded { sequence });
        match read_on(start, recovery, skips, disk, !is_own, &mut progress) {
            Ok((start, recovered)) if recovered.last_sequence >= sequence => {
                return Ok(Restored {
                    start,
                    recovered,
                    snapshot: sequence,
                    refused,
                });
            }
            Ok((_, recovered)) => {
                return Err(StartError::Shortened {
                    path,
                    known: sequence,
                    last: recovered.last_sequence,
                });
            }
            Err(Stopped::Foreign) => refused.push(foreign(&path)),
            Err(Stopped::Failed(error)) => return Err(error),
        }
    }
    match read_on(
        Start::empty(recovery),
        recovery,
        skips,
        disk,
        false,
        &mut progress,
    ) {
        Ok((start, recovered)) => Ok(Restored {
            start,
            recovered,
            snapshot: 0,
            refused,
        }),
        Err(Stopped::Failed(error)) => Err(error),
        Err(Stopped::Foreign) => unreachable!("nothing is foreign to an empty exchange"),
    }
}

fn foreign(path: &str) -> String {
    format!(
        "snapshot refused: {path}: another version or configuration took it, and not at an orderly end; the journal is \
         applied instead"
    )
}

/// Loads a snapshot; what is wrong with it is told in words.
fn load(
    recovery: &RecoveryConfig,
    snapshots: &mut impl Snapshots,
    sequence: u64,
) -> Result<(Header, Start), String> {
    let bytes = snapshots.read(sequence).map_err(|error| error.to_string())?;
    let image = snapshot::open(&bytes).map_err(|broken| broken.to_string())?;
    let replica = image
        .replica(recovery.limits, recovery.hash_seed, recovery.finished_orders)
        .map_err(|broken| broken.to_string())?;
    if replica.applied() != sequence {
        return Err("it has another's name".to_owned());
    }
    let mut start = Start::empty_store(recovery, Box::new(replica));
    start.begin_store();
    start.newest_snapshot = sequence;
    Ok((image.header, start))
}

/// Applies the journal from where `start` stands. `must_end`: there may be nothing.
fn read_on(
    mut start: Start,
    recovery: &RecoveryConfig,
    skips: &Skips,
    disk: &mut impl Disk,
    must_end: bool,
    progress: &mut impl FnMut(Progress),
) -> Result<(Start, Recovered), Stopped> {
    let options = ReadOptions {
        from: start.replica.applied() + 1,
        ..ReadOptions::default()
    };
    // PERF: a message that is overwritten before the end need not be stored. A command's messages take two to four times the
    // room there that the command takes on disk, so the last bytes of the journal, half as many as the store has, fill it; what
    // a day of silent commands leaves out of it is made again from the journal when somebody asks. Where the journal ends is
    // known but for a write that was in flight.
    let unused_bytes = journal::unused_bytes(disk)?;
    let in_flight_bytes = IN_FLIGHT_BYTES.min(disk.segment_bytes());
    let stored_bytes = recovery.store_bytes as u64 / 2 + unused_bytes + in_flight_bytes + PROGRESS_BYTES;
    let is_stored = Cell::new(true);
    let tell = |now: journal::Progress| {
        is_stored.set(now.bytes_total - now.bytes <= stored_bytes);
        progress(Progress::Reading(now));
    };
    let recovered = start.catch_up(skips, |catching| {
        journal::recover(disk, options, tell, |command, expected| {
            if must_end {
                return Err(Stopped::Foreign);
            }
            catching.set_stored(is_stored.get());
            catching.pass(command, expected);
            Ok(())
        })
    })?;
    Ok((start, recovered))
}

/// A copy of an exchange: what a snapshot of it would give.
pub(super) fn copy(exchange: &Exchange, limits: Limits, hash_seed: u64) -> Exchange {
    let mut bytes = Vec::new();
    exchange.save(&mut bytes);
    let copy = Exchange::load(limits, hash_seed, &mut Input(&bytes)).expect("what was saved can be loaded");
    assert_eq!(copy.state_hash(), exchange.state_hash(), "a copy is equal");
    copy
}
