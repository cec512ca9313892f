//! `record`: the ordered stream to files of u16 length + message.

mod files;

use super::Failure;
use super::feed::Feed;
use super::options::{Common, From, RecordOptions};
use super::output::session_text;
use feed_handler::arbiter::Start;
use feed_handler::{Market, Observer};
use files::Files;
use protocol::text::SessionName;

/// Writes messages. A failure is kept until the poll is over.
struct Recorder {
    files: Files,
    /// Go on with the next session, in a file of its own.
    goes_on: bool,
    sessions: u32,
    failure: Option<Failure>,
}

impl Recorder {
    /// One file is one session.
    fn is_over(&self) -> bool {
        self.sessions > 1 && !self.goes_on
    }

    fn note(&mut self, result: Result<(), Failure>) {
        self.failure = self.failure.take().or(result.err());
    }
}

impl Observer for Recorder {
    fn session(&mut self, session: SessionName) {
        self.sessions += 1;
        if !self.is_over() && self.failure.is_none() {
            let begun = self.files.session(session);
            self.note(begun);
        }
    }

    fn message(&mut self, sequence: u64, message: &[u8], _market: &Market) {
        if !self.is_over() && self.failure.is_none() {
            let written = self.files.write(sequence, message);
            self.note(written);
        }
    }
}

pub(crate) fn run(common: &Common, options: &RecordOptions) -> Result<(), Failure> {
    let start = match options.from {
        From::Sequence(sequence) => Start::At(sequence),
        From::Now => Start::Now,
    };
    let mut feed = Feed::open(common, start)?;
    let mut recorder = Recorder {
        files: Files::new(options)?,
        goes_on: options.rotate.is_some(),
        sessions: 0,
        failure: None,
    };
    let outcome = follow(&mut feed, options, &mut recorder);
    if let Some(failure) = recorder.failure.take() {
        return Err(failure);
    }
    recorder.files.end()?;
    let statistics = feed.subscriber.statistics();
    let files = &recorder.files;
    let several = match options.rotate {
        Some(_) => format!(" in {} files", files.files),
        None => String::new(),
    };
    eprintln!(
        "{}: {} messages from {} on, {} bytes{several}; session {}; {} replayed, {} gaps, {} recovered",
        options.file.display(),
        files.messages,
        files.first.unwrap_or(1),
        files.bytes,
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
        if recorder.failure.is_some() || feed.is_interrupted() {
            return Ok(());
        }
        if recorder.is_over() {
            eprintln!("feed-handler: the session has ended");
            return Ok(());
        }
        if feed.subscriber.is_complete() && !recorder.goes_on {
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
