//! What is inside a TLS connection, as a stream that never waits. Everything it holds is bounded.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

use rustls::Connection;

use crate::failure::Failure;
use crate::pace::Pace;

/// Plaintext taken at once: a record's most.
const RECORD_BYTES: usize = 16 * 1_024;
/// Records taken from the socket in one read, so that one of them without contents after the other keeps nobody waiting.
const TAKES_MAX: usize = 4;
/// What a connection holds at most, whatever the other side sends: a handshake's message as it comes in (64 KiB), and what
/// it has itself. Measured by a test.
pub const BYTES_MAX: usize = 128 * 1_024;

/// TLS over `S`, which does not wait either. Reading makes the handshake; what is written before it is over goes out behind it.
///
/// [`Write::flush`] says `WouldBlock` while something that was written is still here. What is here when the stream is dropped
/// goes out as far as the socket takes it at once, with a good-bye behind it.
pub struct Stream<S: Read + Write> {
    socket: S,
    tls: Connection,
    /// Where handshakes are made for many.
    pace: Option<Arc<Pace>>,
}

impl<S: Read + Write> Stream<S> {
    pub(crate) fn new(socket: S, mut tls: Connection, pace: Option<Arc<Pace>>) -> Self {
        tls.set_buffer_limit(Some(RECORD_BYTES));
        Self { socket, tls, pace }
    }

    /// What it is over.
    pub fn socket(&self) -> &S {
        &self.socket
    }

    /// Takes what came, once. False: the other side has closed the connection.
    fn take(&mut self) -> io::Result<bool> {
        let pace = self.pace.clone().filter(|_| self.tls.is_handshaking());
        let begun_ns = match &pace {
            None => 0,
            Some(pace) => {
                let now_ns = pace.now_ns();
                if !pace.is_due(now_ns) {
                    return Err(ErrorKind::WouldBlock.into());
                }
                now_ns
            }
        };
        // A client that reads first says its hello first: nobody answers before, and the read would wait for ever.
        self.push_what_goes()?;
        let is_open = self.tls.read_tls(&mut self.socket)? > 0;
        let processed = self.tls.process_new_packets();
        if let Some(pace) = pace {
            pace.made(begun_ns, pace.now_ns());
        }
        // The answer of a handshake, or why it is over. What does not go out now goes out with the next read or write.
        let pushed = self.push_what_goes();
        processed.map_err(|error| Failure::from(&error).into_error())?;
        pushed.map(|()| is_open)
    }

    /// Hands on what the socket takes now; the rest goes with the next read or write.
    fn push_what_goes(&mut self) -> io::Result<()> {
        match self.push() {
            Err(error) if is_not_now(&error) => Ok(()),
            done => done,
        }
    }

    /// Hands on what is here, as far as the socket takes it.
    fn push(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut self.socket) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl<S: Read + Write> Read for Stream<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        for _ in 0..TAKES_MAX {
            match self.tls.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // Closed without a good-bye. What is said inside has an end of its own, so that nothing can be cut off unseen.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(0),
                done => return done,
            }
            if !self.take()? && self.tls.is_handshaking() {
                return Ok(0);
            }
        }
        Err(ErrorKind::WouldBlock.into())
    }
}

impl<S: Read + Write> Write for Stream<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // One record at a time: what is here is never more.
        self.push()?;
        let record = &bytes[..bytes.len().min(RECORD_BYTES)];
        let count = self.tls.writer().write(record)?;
        if count == 0 && !record.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.push_what_goes().map(|()| count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.push()
    }
}

impl<S: Read + Write> Drop for Stream<S> {
    fn drop(&mut self) {
        self.tls.send_close_notify();
        // The connection is closed next, whatever becomes of this.
        let _ = self.push();
    }
}

impl<S: Read + Write + std::fmt::Debug> std::fmt::Debug for Stream<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream")
            .field("socket", &self.socket)
            .finish_non_exhaustive()
    }
}

/// A connection with TLS or without.
#[derive(Debug)]
pub enum MaybeTls<S: Read + Write> {
    /// As it is.
    Plain(S),
    /// With TLS.
    Tls(Box<Stream<S>>),
}

impl<S: Read + Write> MaybeTls<S> {
    /// What it is over.
    pub fn socket(&self) -> &S {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => stream.socket(),
        }
    }
}

impl<S: Read + Write> Read for MaybeTls<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl<S: Read + Write> Write for MaybeTls<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

/// True for "try again later".
fn is_not_now(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
