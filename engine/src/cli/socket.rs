//! The other end of the operator's socket: one line out, one line back.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use engine::admin::{Answer, Request};
use engine::config::{Config, Environment};

use super::Failure;

/// An answer is waited for no longer than this: a snapshot of a large state takes that long.
const PATIENCE: Duration = Duration::from_secs(90);
/// Bytes of an answer: as many rows as there can be.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// Names the socket of a running exchange.
#[derive(Debug, clap::Args)]
pub(super) struct SocketArgument {
    /// Its configuration file; left out: the built-in configuration.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Its data directory, instead of the configuration's.
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// Its socket, instead of the one in its data directory.
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

/// A connection to a running exchange.
pub(super) struct Socket {
    stream: BufReader<UnixStream>,
    path: PathBuf,
}

impl SocketArgument {
    /// The data directory.
    pub(super) fn directory(&self) -> Result<PathBuf, Failure> {
        match &self.data {
            Some(directory) => Ok(directory.clone()),
            None => Ok(self.configuration()?.journal.directory),
        }
    }

    fn configuration(&self) -> Result<Config, Failure> {
        Ok(Config::read_with(self.config.as_deref(), &Environment::of_process())?.0)
    }

    fn path(&self) -> Result<PathBuf, Failure> {
        if let Some(path) = &self.socket {
            return Ok(path.clone());
        }
        let config = self.configuration()?;
        let directory = self.data.as_ref().unwrap_or(&config.journal.directory);
        let off = "the configuration says operating.socket = \"off\": name the socket with --socket";
        let path = config.operating.socket_in(directory);
        path.ok_or_else(|| Failure::Refused(off.to_owned()))
    }

    /// Connects to it.
    pub(super) fn connect(&self) -> Result<Socket, Failure> {
        let path = self.path()?;
        let stream = UnixStream::connect(&path).and_then(|stream| {
            stream.set_read_timeout(Some(PATIENCE))?;
            Ok(stream)
        });
        let stream = stream.map_err(|error| {
            Failure::Ended(format!(
                "{}: {error}\n    remedy: name the data directory of an exchange that runs with --data, and be its user",
                path.display()
            ))
        })?;
        Ok(Socket {
            stream: BufReader::new(stream),
            path,
        })
    }
}

impl Socket {
    /// Asks, and gives the answer.
    pub(super) fn ask(&mut self, request: &Request) -> Result<Answer, Failure> {
        let failed = |what: String| Failure::Ended(format!("{}: {what}", self.path.display()));
        let line = serde_json::to_string(request).map_err(|error| failed(error.to_string()))? + "\n";
        let mut answer = String::new();
        self.stream
            .get_mut()
            .write_all(line.as_bytes())
            .and_then(|()| (&mut self.stream).take(ANSWER_BYTES_MAX).read_line(&mut answer))
            .map_err(|error| failed(format!("no answer: {error}")))?;
        if answer.is_empty() {
            return Err(failed("no answer: the connection was closed".to_owned()));
        }
        serde_json::from_str(&answer)
            .map_err(|error| failed(format!("the answer can not be understood: {error}")))
    }
}
