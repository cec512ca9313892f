//! How a run ends when it does not end well: a sentence with what to do, and an exit code.

use feed_handler::receiver::ListenError;
use std::io;
use std::process::ExitCode;

/// Why a run failed. The exit codes are documented in `--help`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Exit code 1.
    #[error("{what}: {source}")]
    File { what: String, source: io::Error },
    /// Exit code 1.
    #[error("{0}")]
    Damaged(String),
    /// Exit code 0 when the reader went away, else 1.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
    /// Exit code 2.
    #[error("{0}")]
    Usage(String),
    /// Exit code 3.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Exit code 3.
    #[error("{0}")]
    NobodyPublishes(String),
    /// Exit code 4.
    #[error("{0}")]
    CannotJoin(String),
    /// Exit code 5.
    #[error("{0}")]
    NoInstrument(String),
    /// Exit code 6.
    #[error("{0}")]
    Untrusted(String),
    /// Ctrl-C before there was anything to show: exit code 0.
    #[error("interrupted")]
    Interrupted,
}

impl Failure {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Interrupted => 0,
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            Self::File { .. } | Self::Damaged(_) | Self::Output(_) => 1,
            Self::Usage(_) => 2,
            Self::Listen(_) | Self::NobodyPublishes(_) => 3,
            Self::CannotJoin(_) => 4,
            Self::NoInstrument(_) => 5,
            Self::Untrusted(_) => 6,
        }
    }

    /// Says what happened, unless it is no failure, and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        let code = self.exit_code();
        if code != 0 {
            eprintln!("feed-handler: {self}");
        }
        ExitCode::from(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        let output = |kind| Failure::from(io::Error::from(kind)).exit_code();
        assert_eq!(output(io::ErrorKind::BrokenPipe), 0);
        assert_eq!(output(io::ErrorKind::StorageFull), 1);
    }
}
