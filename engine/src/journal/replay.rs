//! Reading the whole journal, or all from a command on, in one call.

use super::ahead::replay_ahead;
use super::disk::{Disk, Segments};
use super::error::JournalError;
use super::reader::{Progress, ReadOptions, Reader};
use super::recovered::Recovered;
use crate::exchange::command::Command;
use crate::planted::{self, Bug};

/// Bytes between two calls of the progress function, at most a frame more.
pub const PROGRESS_BYTES: u64 = 64 << 10;

/// Reads everything from `options.from` on: `command` gets every command, and with the first of each frame the hash of all events before it;
/// `progress` is called before the first, now and then, and at the end.
///
/// # Errors
/// As [`Reader::next_batch`], or what `command` returns.
pub fn replay<S: Segments, E: From<JournalError>>(
    segments: &mut S,
    options: ReadOptions,
    mut progress: impl FnMut(Progress),
    mut command: impl FnMut(&Command, Option<u64>) -> Result<(), E>,
) -> Result<Recovered, E> {
    let mut reader = Reader::new(segments, options)?;
    progress(reader.progress());
    let mut next_report = PROGRESS_BYTES;
    while let Some(batch) = reader.next_batch()? {
        let mut events_hash = Some(batch.header.events_hash_before);
        for each in batch.commands() {
            let expected = events_hash.take();
            if each.sequence >= options.from {
                command(&each, expected)?;
            }
        }
        let now = reader.progress();
        if now.bytes >= next_report {
            next_report = now.bytes + PROGRESS_BYTES;
            progress(now);
        }
    }
    progress(reader.progress());
    Ok(reader.finish())
}

/// [`replay`] for the one who will continue the journal: settles the disk first, so that what is read can not be lost
/// any more and may be released. A thread reads ahead of `command`.
///
/// # Errors
/// As [`replay`], or what the disk says.
pub fn recover<D: Disk, E: From<JournalError>>(
    disk: &mut D,
    options: ReadOptions,
    progress: impl FnMut(Progress),
    command: impl FnMut(&Command, Option<u64>) -> Result<(), E>,
) -> Result<Recovered, E> {
    if !planted::is(Bug::CacheNotSettled) {
        disk.settle().map_err(JournalError::io("sync", disk.place()))?;
    }
    let options = ReadOptions {
        until: u64::MAX,
        ..options
    };
    let mut recovered = replay_ahead(disk, options, progress, command)?;
    recovered.settled = true;
    Ok(recovered)
}
