//! `exchange verify` and `exchange replay`: the journal of a stopped exchange, and the snapshots beside it, read and
//! applied again.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use std::time::{Duration, Instant};

use engine::ahead::Ahead;
use engine::assembly::{StartError, capacities};
use engine::exchange::Limits;
use engine::exchange::snapshot::Broken;
use engine::journal::{self, Directory, DirectoryLock, JournalError, ReadOptions};
use engine::limits::DATA_DIRECTORY;
use engine::output::{MessageSink, Numbers};
use engine::poison::{self, Skips};
use engine::replay::{Nobody, Recorded, Replay};
use engine::snapshot::{self, SnapshotDirectory, Snapshots};
use protocol::market_data::binary_file::write_record;

use super::{Failure, print};

/// Names a data directory.
#[derive(Debug, clap::Args)]
struct DataArgument {
    /// The data directory.
    #[arg(long = "data", value_name = "DIR", default_value = DATA_DIRECTORY)]
    directory: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(super) struct VerifyArguments {
    #[command(flatten)]
    data: DataArgument,
}

#[derive(Debug, clap::Args)]
pub(super) struct ReplayArguments {
    #[command(flatten)]
    data: DataArgument,
    /// Write all market data to this file: ITCH 5.0 messages, each behind its length (BinaryFILE).
    #[arg(long, value_name = "FILE")]
    itch: Option<PathBuf>,
    /// Only this day's, as the roll counter in session names has it; else of all days, one behind the other.
    #[arg(long, value_name = "NUMBER", requires = "itch", value_parser = clap::value_parser!(u32).range(1..))]
    day: Option<u32>,
    /// Begin with the newest snapshot that is whole, instead of the journal's first command.
    #[arg(long)]
    from_snapshot: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct SkipArguments {
    #[command(flatten)]
    data: DataArgument,
    /// The command, as the start that was refused names it.
    #[arg(long, value_name = "NUMBER")]
    command: u64,
}

/// Where a replay begins, how far it came, and how fast.
struct Replayed {
    replay: Replay,
    recovered: journal::Recovered,
    /// The last command of the snapshot that it began with; 0 = none.
    snapshot: u64,
    took: Duration,
}

impl Replayed {
    /// Commands and rate, in words.
    fn pace(&self) -> String {
        let commands = self.replay.exchange.sequence() - self.snapshot;
        let rate = commands as f64 / self.took.as_secs_f64().max(1e-9) / 1e6;
        format!(
            "{commands} commands in {} ms, {rate:.2} million a second",
            self.took.as_millis()
        )
    }
}

/// A state that a snapshot must agree with.
struct Checked {
    /// The snapshot's last command.
    sequence: u64,
    state_hash: u64,
    events_hash: u64,
}

/// Anything that is wrong with a journal.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReplayError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Diverged(#[from] engine::assembly::Diverged),
    #[error("{file}: can not be written: {source}")]
    Itch { file: String, source: std::io::Error },
    #[error("{file}: can not be read: {source}")]
    Snapshot { file: String, source: std::io::Error },
    #[error("{file}: {broken}")]
    Broken { file: String, broken: Broken },
    #[error(
        "after command {sequence} the journal gives another state ({found:016x}) than the snapshot was taken of \
         ({expected:016x})"
    )]
    Another {
        sequence: u64,
        expected: u64,
        found: u64,
    },
    #[error(
        "{directory}: there is no day {wanted}: the messages are those of {days}\n    remedy: name another one with --day, or \
         leave it out for all of them{more}"
    )]
    NoDay {
        directory: String,
        wanted: u32,
        days: String,
        more: &'static str,
    },
    #[error("{file}: it knows commands up to {sequence}, and the journal ends with {last}")]
    Shortened { file: String, sequence: u64, last: u64 },
}

impl From<ReplayError> for Failure {
    fn from(error: ReplayError) -> Self {
        Self::Ended(error.to_string())
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Config(error) => error.into(),
            other => Self::NotStarted(other.to_string()),
        }
    }
}

/// Writes the feed, and keeps the first error until somebody can be told.
struct ItchFile {
    path: PathBuf,
    /// The file, from the first day that is wanted on: a day that there is not leaves what was there.
    out: Option<BufWriter<File>>,
    /// The day that is wanted; `None` for all.
    wanted: Option<u32>,
    /// The day of the next message.
    day: u32,
    error: Option<std::io::Error>,
}

impl ItchFile {
    /// `day`: that of the first message.
    fn new(path: &Path, wanted: Option<u32>, day: u32) -> Self {
        let mut file = Self {
            path: path.to_owned(),
            out: None,
            wanted,
            day,
            error: None,
        };
        file.begin_day(day);
        file
    }

    fn is_wanted(&self) -> bool {
        self.wanted.is_none_or(|wanted| wanted == self.day)
    }

    fn begin_day(&mut self, day: u32) {
        self.day = day;
        if self.is_wanted() && self.out.is_none() && self.error.is_none() {
            match File::create(&self.path) {
                Ok(file) => self.out = Some(BufWriter::new(file)),
                Err(error) => self.error = Some(error),
            }
        }
    }
}

impl MessageSink for ItchFile {
    fn feed(&mut self, _sequence: u64, message: &[u8]) {
        let mut record = [0; 256];
        let Some(length) = write_record(message, &mut record) else {
            unreachable!("feed messages are shorter than {}", record.len());
        };
        if self.is_wanted()
            && self.error.is_none()
            && let Some(out) = &mut self.out
        {
            self.error = out.write_all(&record[..length]).err();
        }
    }

    fn session(&mut self, _session: u32, _sequence: u64, _message: &[u8]) {}

    fn new_day(&mut self, day: u32, _ended: &Numbers) {
        self.begin_day(day);
    }
}

pub(super) fn skips(directory: &Path) -> Result<Skips, ReplayError> {
    let failed = |source| ReplayError::Snapshot {
        file: directory.display().to_string(),
        source,
    };
    Skips::read(directory).map_err(failed)
}

pub(super) fn skip(arguments: &SkipArguments) -> Result<(), Failure> {
    let directory = &arguments.data.directory;
    // Nobody else may work on the directory.
    let _lock = DirectoryLock::acquire(directory).map_err(|error| Failure::NotStarted(error.to_string()))?;
    let command =
        poison::skip(directory, arguments.command).map_err(|error| Failure::Ended(error.to_string()))?;
    print(&format!(
        "{} is left out from now on; the next start journals that it was\n",
        poison::tell(&command)
    ))
}

pub(super) fn limits(directory: &Path) -> Result<Limits, Failure> {
    capacities::read(directory)?.ok_or_else(|| {
        Failure::NotStarted(format!(
            "{}: there is no journal\n    remedy: name the directory of an exchange that ran, with --data",
            directory.display()
        ))
    })
}

/// The snapshots of `directory`, the oldest first, each with its path.
fn snapshots(directory: &Path) -> Result<Vec<(u64, String, Vec<u8>)>, ReplayError> {
    let mut files = SnapshotDirectory::new(directory);
    let path = directory.display().to_string();
    let list = files
        .list()
        .map_err(|source| ReplayError::Snapshot { file: path, source })?;
    let read = |sequence| {
        let file = files.path(sequence);
        match files.read(sequence) {
            Ok(bytes) => Ok((sequence, file, bytes)),
            Err(source) => Err(ReplayError::Snapshot { file, source }),
        }
    };
    list.into_iter().map(read).collect()
}

/// Where a replay begins: with the newest snapshot that is whole, or with the journal's first command. Where older segments
/// were removed, that is the oldest snapshot that what is left goes on from.
fn begin(directory: &Path, limits: Limits, from_newest: bool) -> Result<Replay, Failure> {
    let first = journal::first_command(&mut Directory::new(directory)).map_err(ReplayError::from)?;
    if first == 1 && !from_newest {
        return Ok(Replay::new(limits, 0));
    }
    let mut snapshots = snapshots(directory)?;
    if from_newest {
        snapshots.reverse();
    }
    for (sequence, _, bytes) in snapshots {
        let Ok(image) = snapshot::open(&bytes) else {
            continue;
        };
        if sequence + 1 >= first
            && let (Ok(exchange), Ok(encoder)) = (image.exchange(limits, 0), image.encoder(limits))
        {
            return Ok(Replay::resume(exchange, encoder, image.events_hash()));
        }
    }
    // Reading says what is missing, if it is.
    Ok(Replay::new(limits, 0))
}

/// Where a replay begins that wants all from command `from` on: with the newest snapshot before it that is whole, else as
/// [`begin`].
pub(super) fn begin_before(directory: &Path, limits: Limits, from: u64) -> Result<Replay, Failure> {
    let mut snapshots = snapshots(directory)?;
    snapshots.retain(|(sequence, _, _)| *sequence < from);
    for (_, _, bytes) in snapshots.iter().rev() {
        if let Ok(image) = snapshot::open(bytes)
            && let (Ok(exchange), Ok(encoder)) = (image.exchange(limits, 0), image.encoder(limits))
        {
            return Ok(Replay::resume(exchange, encoder, image.events_hash()));
        }
    }
    begin(directory, limits, false)
}

/// Applies the journal of `directory` from where `replay` stands; the states at `checked` are compared on the way.
fn replay(
    directory: &Path,
    mut replay: Replay,
    checked: &[Checked],
    messages: &mut impl MessageSink,
) -> Result<Replayed, Failure> {
    let snapshot = replay.exchange.sequence();
    replay.leave_out(skips(directory)?);
    let options = ReadOptions {
        from: snapshot + 1,
        ..ReadOptions::default()
    };
    let began = Instant::now();
    let mut ahead = Ahead::short();
    let mut checked = checked.iter().peekable();
    let mut apply = |replay: &mut Replay, foreseen: &Recorded| -> Result<(), ReplayError> {
        replay.apply_foreseen(foreseen, messages)?;
        while let Some(state) = checked.next_if(|state| state.sequence <= foreseen.command.sequence) {
            let (found, events_hash) = (replay.exchange.state_hash(), replay.events_hash.value());
            if state.sequence == foreseen.command.sequence
                && (found, events_hash) != (state.state_hash, state.events_hash)
            {
                return Err(ReplayError::Another {
                    sequence: state.sequence,
                    expected: state.state_hash,
                    found,
                });
            }
        }
        Ok(())
    };
    let recovered = journal::replay(
        &mut Directory::new(directory),
        options,
        |_| {},
        |command, expected| -> Result<(), ReplayError> {
            match ahead.pass(&replay.exchange, *command, expected) {
                Some(foreseen) => apply(&mut replay, &foreseen),
                None => Ok(()),
            }
        },
    )?;
    while let Some(foreseen) = ahead.pop() {
        apply(&mut replay, &foreseen)?;
    }
    Ok(Replayed {
        replay,
        recovered,
        snapshot,
        took: began.elapsed(),
    })
}

pub(super) fn verify(arguments: &VerifyArguments) -> Result<(), Failure> {
    let directory = &arguments.data.directory;
    let report = journal::verify(directory).map_err(ReplayError::from)?;
    let limits = limits(directory)?;
    let mut checked = Vec::new();
    for (sequence, file, bytes) in snapshots(directory)? {
        let broken = |broken| ReplayError::Broken {
            file: file.clone(),
            broken,
        };
        let image = snapshot::open(&bytes).map_err(broken)?;
        // As a start would: all of it, but the finished orders' meaning.
        image.replica(limits, 0, 1).map_err(broken)?;
        if sequence > report.commands {
            let last = report.commands;
            return Err(ReplayError::Shortened { file, sequence, last }.into());
        }
        checked.push(Checked {
            sequence,
            state_hash: image.header.state_hash,
            events_hash: image.header.events_hash,
        });
    }
    let beginning = begin(directory, limits, false)?;
    let replayed = replay(directory, beginning, &checked, &mut Nobody)?;
    let pace = replayed.pace();
    let Replayed {
        replay, recovered, ..
    } = replayed;
    replay.exchange.check_invariants().map_err(Failure::Ended)?;
    let first = match report.first {
        1 => String::new(),
        first => format!("begins      with command {first}: older segments were removed\n"),
    };
    let torn = match &recovered.torn {
        Some(torn) => format!("tail        {torn}\n"),
        None => String::new(),
    };
    print(&format!(
        "{}: whole\n\
         commands    {} in {} frames, {} segments, {} bytes\n\
         {first}\
         {torn}\
         snapshots   {}, each the journal's state after its command\n\
         replayed    {pace}\n\
         state hash  {:016x}\n\
         events hash {:016x}\n\
         books, holds and balances add up\n",
        directory.display(),
        report.commands,
        report.end.frames,
        report.segments,
        report.bytes,
        checked.len(),
        replay.exchange.state_hash(),
        replay.events_hash.value(),
    ))
}

/// The days that a replay has gone through are `first` to `last`, and `wanted` is none of them.
fn no_day(directory: &Path, wanted: u32, first: u32, last: u32) -> ReplayError {
    let days = if first == last {
        format!("day {first}")
    } else {
        format!("days {first} to {last}")
    };
    let more = if wanted < first {
        "; earlier days need a replay without --from-snapshot"
    } else {
        ""
    };
    ReplayError::NoDay {
        directory: directory.display().to_string(),
        wanted,
        days,
        more,
    }
}

pub(super) fn replay_to(arguments: &ReplayArguments) -> Result<(), Failure> {
    let directory = &arguments.data.directory;
    let limits = limits(directory)?;
    let beginning = begin(directory, limits, arguments.from_snapshot)?;
    let replayed = match &arguments.itch {
        None => replay(directory, beginning, &[], &mut Nobody)?,
        Some(path) => {
            let failed = |source| ReplayError::Itch {
                file: path.display().to_string(),
                source,
            };
            let first = beginning.exchange.day();
            let mut file = ItchFile::new(path, arguments.day, first);
            if let Some(error) = file.error {
                return Err(failed(error).into());
            }
            let result = replay(directory, beginning, &[], &mut file)?;
            if let Some(error) = file.error {
                return Err(failed(error).into());
            }
            match (&mut file.out, arguments.day) {
                (Some(out), _) => out.flush().map_err(failed)?,
                (None, Some(wanted)) => {
                    let last = result.replay.exchange.day();
                    return Err(no_day(directory, wanted, first, last).into());
                }
                (None, None) => unreachable!("every day is wanted"),
            }
            result
        }
    };
    let (pace, replay) = (replayed.pace(), replayed.replay);
    let from = match replayed.snapshot {
        0 => String::new(),
        sequence => format!("snapshot      of command {sequence}\n"),
    };
    print(&format!(
        "{from}commands      {}\nreplayed      {pace}\nstate hash    {:016x}\nfeed messages {}\n",
        replay.exchange.sequence(),
        replay.exchange.state_hash(),
        replay.encoder.feed_next() - 1,
    ))
}
