//! `record`: the ordered stream to a file of u16 length + message.

use super::Failure;
use super::feed::Feed;
use super::options::{Common, From, RecordOptions};
use super::output::session_text;
use feed_handler::arbiter::Start;
use feed_handler::{Market, Observer};
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};

/// Writes messages. An error is kept until the poll is over.
struct Recorder {
    out: BufWriter<File>,
    sessions: u32,
    first: Option<u64>,
    messages: u64,
    bytes: u64,
    error: Option<io::Error>,
}

impl Recorder {
    fn write(&mut self, message: &[u8]) -> io::Result<()> {
        let length = u16::try_from(message.len()).map_err(|_| ErrorKind::InvalidData)?;
        self.out.write_all(&length.to_be_bytes())?;
        self.out.write_all(message)
    }
}

impl Observer for Recorder {
    fn session(&mut self, _session: [u8; 10]) {
        self.sessions += 1;
    }

    fn message(&mut self, sequence: u64, message: &[u8], _market: &Market) {
        // One file is one session.
        if self.sessions > 1 || self.error.is_some() {
            return;
        }
        self.first.get_or_insert(sequence);
        self.error = self.write(message).err();
        self.messages += 1;
        self.bytes += message.len() as u64 + 2;
    }
}

pub(crate) fn run(common: &Common, options: &RecordOptions) -> Result<(), Failure> {
    let start = match options.from {
        From::Sequence(sequence) => Start::At(sequence),
        From::Now => Start::Now,
    };
    let mut feed = Feed::open(common, start)?;
    let path = options.file.display();
    let failed = |source| Failure::File {
        what: format!("cannot write {path}"),
        source,
    };
    let mut open = OpenOptions::new();
    open.write(true);
    if options.force {
        open.create(true).truncate(true);
    } else {
        open.create_new(true);
    }
    let file = open.open(&options.file).map_err(|source| match source.kind() {
        ErrorKind::AlreadyExists => Failure::Usage(format!("{path} exists; give another name, or --force")),
        _ => failed(source),
    })?;
    let mut recorder = Recorder {
        out: BufWriter::with_capacity(1 << 20, file),
        sessions: 0,
        first: None,
        messages: 0,
        bytes: 0,
        error: None,
    };
    let outcome = follow(&mut feed, options, &mut recorder);
    if let Some(error) = recorder.error.take() {
        return Err(failed(error));
    }
    recorder.out.flush().map_err(failed)?;
    let file = recorder.out.get_ref();
    // Pipes and devices have nothing to sync.
    if file.metadata().map_err(failed)?.is_file() {
        file.sync_all().map_err(failed)?;
    }
    let statistics = feed.subscriber.statistics();
    eprintln!(
        "{path}: {} messages from {} on, {} bytes; session {}; {} replayed, {} gaps, {} recovered",
        recorder.messages,
        recorder.first.unwrap_or(1),
        recorder.bytes,
        session_text(feed.subscriber.session()),
        statistics.replayed,
        statistics.gaps.gaps + statistics.gaps.gaps_provoked,
        statistics.recovered,
    );
    outcome
}

/// Records until the end that was asked for. What was recorded before a failure is kept.
fn follow(feed: &mut Feed<'_>, options: &RecordOptions, recorder: &mut Recorder) -> Result<(), Failure> {
    feed.join(recorder)?;
    let begun_ns = feed.now_ns();
    let limit_ns = options.duration.map_or(u64::MAX, |limit| limit.as_nanos() as u64);
    loop {
        if recorder.error.is_some() || feed.is_interrupted() {
            return Ok(());
        }
        if recorder.sessions > 1 {
            eprintln!("feed-handler: the session has ended");
            return Ok(());
        }
        if feed.subscriber.is_complete() {
            feed.tell_state();
            return Ok(());
        }
        if feed.now_ns() - begun_ns >= limit_ns {
            return feed.check_trust();
        }
        feed.turn(recorder);
        feed.tell_state();
    }
}
