//! Reading the journal on a thread of its own, ahead of the one who applies it.
//!
//! The thread reads and checks frames and hands their commands on as they lie in the journal, in pieces. They are taken in order,
//! so that everything is told, and goes wrong, where it does without the thread: an error comes behind the commands before it.
//!
//! PERF: a start takes as long as the slower of both, instead of their sum. Bytes of commands are half of what commands are, and
//! are used again and again while they lie in the caches. `cargo bench -p benches --bench replay`, *from files*.

use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::{mem, thread};

use super::disk::Segments;
use super::error::JournalError;
use super::frame::Commands;
use super::reader::{Batch, Progress, ReadOptions, Reader};
use super::recovered::Recovered;
use super::replay::PROGRESS_BYTES;
use crate::exchange::command::Command;
use crate::planted;

/// Pieces that wait at most: a megabyte.
const PIECES: usize = 16;

/// Frames, as much as lies between two calls of the progress function.
#[derive(Debug, Default)]
struct Piece {
    /// Payloads, one behind the other.
    bytes: Vec<u8>,
    frames: Vec<Frame>,
    /// Where reading stands behind it, if that is to be told.
    progress: Option<Progress>,
}

#[derive(Debug)]
struct Frame {
    events_hash_before: u64,
    /// Where its payload ends.
    end: usize,
}

impl Piece {
    fn add(&mut self, batch: &Batch<'_>) {
        self.bytes.extend_from_slice(batch.payload());
        self.frames.push(Frame {
            events_hash_before: batch.header.events_hash_before,
            end: self.bytes.len(),
        });
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.frames.clear();
        self.progress = None;
    }

    /// Its commands from number `from` on, as [`super::replay()`] gives them.
    fn pass<E>(
        &self,
        from: u64,
        command: &mut impl FnMut(&Command, Option<u64>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut begin = 0;
        for frame in &self.frames {
            let mut events_hash = Some(frame.events_hash_before);
            for each in Commands::new(&self.bytes[begin..frame.end]) {
                let expected = events_hash.take();
                if each.sequence >= from {
                    command(&each, expected)?;
                }
            }
            begin = frame.end;
        }
        Ok(())
    }
}

/// Does what [`super::replay()`] does; reading may be ahead of `command`.
pub(super) fn replay_ahead<S: Segments + Send, E: From<JournalError>>(
    segments: &mut S,
    options: ReadOptions,
    mut progress: impl FnMut(Progress),
    mut command: impl FnMut(&Command, Option<u64>) -> Result<(), E>,
) -> Result<Recovered, E> {
    let place = segments.place();
    let reader = Reader::new(segments, options)?;
    progress(reader.progress());
    thread::scope(|scope| {
        let (filled, to_apply) = sync_channel(PIECES);
        let (emptied, to_fill) = channel();
        let reading = thread::Builder::new()
            .name("journal-reader".into())
            .spawn_scoped(scope, planted::with_ours(move || read(reader, &filled, &to_fill)))
            .map_err(JournalError::io("start a thread that reads", place))?;
        // Leaving it drops the channel: the thread ends at its next piece.
        for mut piece in to_apply {
            piece.pass(options.from, &mut command)?;
            if let Some(now) = piece.progress {
                progress(now);
            }
            piece.clear();
            // At its end the thread takes none any more.
            let _ = emptied.send(piece);
        }
        let (recovered, end) = reading.join().unwrap_or_else(|panic| resume_unwind(panic))?;
        progress(end);
        Ok(recovered)
    })
}

/// Reads to the end, or until nobody takes what is read.
fn read<S: Segments>(
    mut reader: Reader<S>,
    filled: &SyncSender<Piece>,
    to_fill: &Receiver<Piece>,
) -> Result<(Recovered, Progress), JournalError> {
    let mut next_report = PROGRESS_BYTES;
    let mut piece = Piece::default();
    let result = loop {
        match reader.next_batch() {
            Ok(Some(batch)) => piece.add(&batch),
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
        let now = reader.progress();
        if now.bytes >= next_report {
            next_report = now.bytes + PROGRESS_BYTES;
            piece.progress = Some(now);
            let empty = to_fill.try_recv().unwrap_or_default();
            if filled.send(mem::replace(&mut piece, empty)).is_err() {
                break Ok(());
            }
        }
    };
    // What came before the end, or before an error, counts. Who takes nothing any more knows why.
    let _ = filled.send(piece);
    result?;
    let end = reader.progress();
    Ok((reader.finish(), end))
}
