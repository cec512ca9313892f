//! `exchange verify` and `exchange replay`: the journal of a stopped exchange, read and applied again.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use engine::assembly::{Nobody, Replay, StartError, capacities};
use engine::journal::{self, Directory, JournalError, ReadOptions};
use engine::limits::DATA_DIRECTORY;
use engine::output::MessageSink;
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
}

/// Anything that is wrong with a journal.
#[derive(Debug, thiserror::Error)]
enum ReplayError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Diverged(#[from] engine::assembly::Diverged),
    #[error("{file}: can not be written: {source}")]
    Itch { file: String, source: std::io::Error },
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
    out: BufWriter<File>,
    error: Option<std::io::Error>,
}

impl MessageSink for ItchFile {
    fn feed(&mut self, _sequence: u64, message: &[u8]) {
        let mut record = [0; 256];
        let Some(length) = write_record(message, &mut record) else {
            unreachable!("feed messages are shorter than {}", record.len());
        };
        if self.error.is_none() {
            self.error = self.out.write_all(&record[..length]).err();
        }
    }

    fn session(&mut self, _session: u32, _sequence: u64, _message: &[u8]) {}
}

/// Applies the journal of `directory` from its first command.
fn replay(
    directory: &Path,
    messages: &mut impl MessageSink,
) -> Result<(Replay, journal::Recovered), Failure> {
    let limits = capacities::read(directory)?.ok_or_else(|| {
        Failure::NotStarted(format!(
            "{}: there is no journal\n    remedy: name the directory of an exchange that ran, with --data",
            directory.display()
        ))
    })?;
    let mut replay = Replay::new(limits, 0);
    let recovered = journal::replay(
        &mut Directory::new(directory),
        ReadOptions::default(),
        |_| {},
        |command, expected| -> Result<(), ReplayError> { Ok(replay.apply(command, expected, messages)?) },
    )?;
    Ok((replay, recovered))
}

pub(super) fn verify(arguments: &VerifyArguments) -> Result<(), Failure> {
    let directory = &arguments.data.directory;
    let report = journal::verify(directory).map_err(ReplayError::from)?;
    let (replay, recovered) = replay(directory, &mut Nobody)?;
    replay.exchange.check_invariants().map_err(Failure::Ended)?;
    let torn = match &recovered.torn {
        Some(torn) => format!("tail        {torn}\n"),
        None => String::new(),
    };
    print(&format!(
        "{}: whole\n\
         commands    {} in {} frames, {} segments, {} bytes\n\
         {torn}\
         state hash  {:016x}\n\
         events hash {:016x}\n\
         books, holds and balances add up\n",
        directory.display(),
        report.commands,
        report.end.frames,
        report.segments,
        report.bytes,
        replay.exchange.state_hash(),
        replay.events_hash.value(),
    ))
}

pub(super) fn replay_to(arguments: &ReplayArguments) -> Result<(), Failure> {
    let directory = &arguments.data.directory;
    let (replay, _) = match &arguments.itch {
        None => replay(directory, &mut Nobody)?,
        Some(path) => {
            let failed = |source| ReplayError::Itch {
                file: path.display().to_string(),
                source,
            };
            let mut file = ItchFile {
                out: BufWriter::new(File::create(path).map_err(failed)?),
                error: None,
            };
            let result = replay(directory, &mut file)?;
            match file.error {
                Some(error) => return Err(failed(error).into()),
                None => file.out.flush().map_err(failed)?,
            }
            result
        }
    };
    print(&format!(
        "commands      {}\nstate hash    {:016x}\nfeed messages {}\n",
        replay.exchange.sequence(),
        replay.exchange.state_hash(),
        replay.encoder.feed_next() - 1,
    ))
}
