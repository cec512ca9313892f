//! `export`: a recorded day as files that other programs read: CSV, or the rows of hftbacktest.

mod backtest;
mod csv;
mod npy;

use super::Failure;
use super::day::{self, Reader};
use super::options::{Common, DayOptions, ExportOptions, Format};
use super::output::symbol_field;
use feed_handler::{Market, Observer};
use protocol::text::SessionName;
use std::io::{self, ErrorKind};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longer ones are mistakes.
const LATENCY_MAX_NS: u128 = 3_600_000_000_000;

/// Writes files of a kind.
trait Writer {
    /// A message was applied to the market.
    fn message(&mut self, message: &[u8], market: &Market) -> Result<(), Failure>;
    /// All is written and in the files. Answers what was written, a line for each file.
    fn finish(&mut self) -> Result<Vec<String>, Failure>;
}

/// Gives one day to a writer. A failure is kept until the turn.
struct Export {
    writer: Box<dyn Writer>,
    days: u32,
    failure: Option<Failure>,
}

impl Observer for Export {
    fn session(&mut self, _session: SessionName) {
        self.days += 1;
        if self.days > 1 && self.failure.is_none() {
            self.failure = Some(Failure::Usage(
                "the file holds several days, and the feed's time does not say which: export them one by one \
                 (`exchange replay --itch FILE --day N` writes a day)"
                    .to_owned(),
            ));
        }
    }

    fn message(&mut self, _sequence: u64, message: &[u8], market: &Market) {
        if self.failure.is_none() {
            self.failure = self.writer.message(message, market).err();
        }
    }
}

impl Reader for Export {
    fn turn(&mut self) -> io::Result<ControlFlow<()>> {
        Ok(match self.failure {
            Some(_) => ControlFlow::Break(()),
            None => ControlFlow::Continue(()),
        })
    }
}

pub(crate) fn run(common: &Common, options: &ExportOptions) -> Result<(), Failure> {
    let only = options.symbol.as_deref().map(symbol_field).transpose()?;
    let midnight_ns = options.date.map_or(0, |date| date.midnight_ns());
    let writer: Box<dyn Writer> = match options.format {
        Format::Csv => {
            make_directory(&options.to)?;
            Box::new(csv::Tables::new(&options.to, only, midnight_ns)?)
        }
        Format::Hftbacktest => {
            let is_file = options.to.extension().is_some_and(|extension| extension == "npy");
            match (is_file, only) {
                (true, None) => {
                    return Err(Failure::Usage(
                        "an .npy file holds one instrument: give --symbol, or a directory for --to"
                            .to_owned(),
                    ));
                }
                (true, Some(_)) => {}
                (false, _) => make_directory(&options.to)?,
            }
            let latency_ns = options.latency.as_nanos();
            if latency_ns > LATENCY_MAX_NS {
                return Err(Failure::Usage("--latency is an hour at most".to_owned()));
            }
            let latency_ns = latency_ns as i64;
            Box::new(backtest::Events::new(
                &options.to,
                only,
                midnight_ns,
                latency_ns,
                options.by,
            ))
        }
    };
    let mut export = Export {
        writer,
        days: 0,
        failure: None,
    };
    let from = DayOptions {
        file: Some(options.file.clone()),
    };
    let symbol = options.symbol.as_deref();
    let day = day::follow(common, &from, symbol, Duration::ZERO, &mut export);
    // What stopped it comes first: the market then lacks the rest.
    if let Some(failure) = export.failure.take() {
        return Err(failure);
    }
    let day = day?;
    for line in export.writer.finish()? {
        eprintln!("{line}");
    }
    day.finish()
}

fn make_directory(path: &Path) -> Result<(), Failure> {
    match std::fs::create_dir_all(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(Failure::Usage(format!(
            "{} is a file; --to wants a directory here",
            path.display()
        ))),
        made => made.map_err(|source| failed(path, source)),
    }
}

fn failed(path: &Path, source: io::Error) -> Failure {
    Failure::File {
        what: format!("cannot write {}", path.display()),
        source,
    }
}

/// `BTC-USD.npy`; what a file name cannot hold becomes a dash.
fn file_of(directory: &Path, symbol: &str, extension: &str) -> PathBuf {
    let name: String = symbol
        .chars()
        .map(|character| match character {
            'A'..='Z' | 'a'..='z' | '0'..='9' | '-' | '_' => character,
            _ => '-',
        })
        .collect();
    directory.join(format!("{name}.{extension}"))
}
