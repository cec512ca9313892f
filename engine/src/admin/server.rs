//! The socket: a thread that accepts, and one for each connection. Bounded everywhere: connections, bytes of a line, how long
//! somebody may be silent, how long he may take to read.

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;

use super::answer::Answer;
use super::office::Office;
use super::peer::Peer;
use crate::runtime::accept::accept_until;
use crate::runtime::counters::Counter;
use crate::runtime::helper::Helper;

/// Connections at once; further ones are told so and closed.
const CONNECTIONS_MAX: usize = 8;
/// Bytes of a request.
const LINE_BYTES_MAX: usize = 64 * 1_024;
/// A connection that says nothing for so long is closed.
const SILENCE: Duration = Duration::from_secs(60);
/// A reader that takes longer than this for an answer is closed.
const READING: Duration = Duration::from_secs(5);
/// How often a thread looks whether it shall end.
const LOOK: Duration = Duration::from_millis(100);
/// Bytes of a socket's path that the kernel has room for.
const PATH_BYTES_MAX: usize = 107;

crate::counters! {
    /// What happened at the operator's socket.
    pub struct AdminCounters: "admin" {
        connections: "Connections taken.",
        strangers: "Connections closed at once, because they were another user's.",
        crowded: "Connections closed at once, because there were too many.",
        requests: "Requests answered.",
        malformed: "Requests that could not be understood.",
        too_long: "Connections closed because a request was too long.",
        silent: "Connections closed because nothing came.",
        stuck: "Connections closed because an answer was not read.",
    }
}

/// The socket, before anybody is served.
#[derive(Debug)]
pub struct Opened {
    listener: UnixListener,
    file: SocketFile,
}

/// The file of a socket: goes with it.
#[derive(Debug)]
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // The next start removes what stays.
        let _ = fs::remove_file(&self.0);
    }
}

fn wrong(kind: ErrorKind, what: String) -> io::Error {
    io::Error::new(kind, what)
}

impl Opened {
    /// Opens it at `path`, for this process' user alone. What an exchange that was killed has left there is removed.
    ///
    /// # Errors
    /// Somebody listens there, it is something else, or what the system says.
    pub fn at(path: &Path) -> io::Result<Self> {
        let length = path.as_os_str().len();
        if length > PATH_BYTES_MAX {
            return Err(wrong(
                ErrorKind::InvalidInput,
                format!("{length} bytes are too long for the name of a socket; the most is {PATH_BYTES_MAX}"),
            ));
        }
        match fs::symlink_metadata(path) {
            Ok(known) if !known.file_type().is_socket() => {
                return Err(wrong(
                    ErrorKind::AlreadyExists,
                    "it is there, and no socket".to_owned(),
                ));
            }
            Ok(_) if UnixStream::connect(path).is_ok() => {
                return Err(wrong(
                    ErrorKind::AddrInUse,
                    "another process listens there".to_owned(),
                ));
            }
            Ok(_) => fs::remove_file(path)?,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        // Who connects before the mode is set is asked who he is like everybody.
        let listener = UnixListener::bind(path)?;
        let file = SocketFile(path.to_owned());
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener, file })
    }

    /// Serves whoever comes.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn serve(self, office: Office) -> io::Result<Server> {
        let Self { listener, file } = self;
        let served = Arc::new(Served {
            office,
            connections: AtomicUsize::new(0),
            counting: Mutex::new(()),
            ending: AtomicBool::new(false),
        });
        let its = Arc::clone(&served);
        let helper = Helper::start("admin", move |stop| {
            let accept = |listener: &UnixListener| listener.accept().map(|(stream, _)| stream);
            accept_until(stop, LOOK, &listener, accept, |stream| take(stream, &its));
        })?;
        Ok(Server {
            _helper: helper,
            served,
            file,
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.served.ending.store(true, Ordering::Release);
    }
}

/// The socket while it is served. Dropping it ends that; connections are closed soon after.
#[derive(Debug)]
pub struct Server {
    _helper: Helper,
    served: Arc<Served>,
    file: SocketFile,
}

impl Server {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.file.0
    }
}

/// What the threads share.
#[derive(Debug)]
struct Served {
    office: Office,
    connections: AtomicUsize,
    /// Counters have one writer: who holds this.
    counting: Mutex<()>,
    ending: AtomicBool,
}

impl Served {
    fn count(&self, counter: impl Fn(&AdminCounters) -> &Counter) {
        let _writer = self.counting.lock().unwrap_or_else(PoisonError::into_inner);
        let counters: &Arc<CachePadded<AdminCounters>> = self.office.counters();
        counter(counters).increment();
    }
}

/// Gives a connection a thread of its own, unless it may not be here.
fn take(stream: UnixStream, served: &Arc<Served>) {
    let Ok(peer) = Peer::of(&stream) else {
        return;
    };
    if !peer.is_owner() {
        served.count(|counters| &counters.strangers);
        return;
    }
    let times = [
        stream.set_nonblocking(false),
        stream.set_read_timeout(Some(LOOK)),
        stream.set_write_timeout(Some(READING)),
    ];
    if times.iter().any(Result::is_err) {
        return;
    }
    if served.connections.fetch_add(1, Ordering::AcqRel) >= CONNECTIONS_MAX {
        served.connections.fetch_sub(1, Ordering::AcqRel);
        served.count(|counters| &counters.crowded);
        let answer = Answer::refused(format!("{CONNECTIONS_MAX} others are connected: try again"));
        // It is closed either way.
        let _ = (&stream).write_all((answer.line() + "\n").as_bytes());
        return;
    }
    served.count(|counters| &counters.connections);
    let its = Arc::clone(served);
    let started = thread::Builder::new()
        .name("admin-connection".into())
        .spawn(move || {
            let mut talk = Talk {
                stream,
                peer,
                served: &its,
            };
            talk.run();
            its.connections.fetch_sub(1, Ordering::AcqRel);
        });
    if started.is_err() {
        served.connections.fetch_sub(1, Ordering::AcqRel);
    }
}

/// One connection.
struct Talk<'a> {
    stream: UnixStream,
    peer: Peer,
    served: &'a Served,
}

impl Talk<'_> {
    fn run(&mut self) {
        let mut line = Vec::new();
        while let Some(rest) = self.read_line(&mut line) {
            let answer = match std::str::from_utf8(&line).map(serde_json::from_str) {
                Ok(Ok(request)) => self.served.office.answer(self.peer, request),
                Ok(Err(error)) => {
                    self.served.count(|counters| &counters.malformed);
                    Answer::refused(format!("the request can not be understood: {error}"))
                }
                Err(_) => {
                    self.served.count(|counters| &counters.malformed);
                    Answer::refused("the request is no text")
                }
            };
            self.served.count(|counters| &counters.requests);
            if !self.write(&(answer.line() + "\n")) {
                return;
            }
            line = rest;
        }
    }

    /// Reads until `line` has a whole one; gives what came behind it. `None` when the connection is over.
    fn read_line(&mut self, line: &mut Vec<u8>) -> Option<Vec<u8>> {
        let began = Instant::now();
        let mut piece = [0; 4_096];
        loop {
            if let Some(end) = line.iter().position(|byte| *byte == b'\n') {
                let mut rest = line.split_off(end);
                rest.remove(0);
                return Some(rest);
            }
            if line.len() > LINE_BYTES_MAX {
                self.served.count(|counters| &counters.too_long);
                let answer = Answer::refused(format!("a request has at most {LINE_BYTES_MAX} bytes"));
                self.write(&(answer.line() + "\n"));
                return None;
            }
            if self.served.ending.load(Ordering::Acquire) {
                return None;
            }
            match self.stream.read(&mut piece) {
                Ok(0) => return None,
                Ok(length) => line.extend(&piece[..length]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
            if began.elapsed() > SILENCE {
                self.served.count(|counters| &counters.silent);
                return None;
            }
        }
    }

    /// False when it is not read.
    fn write(&mut self, text: &str) -> bool {
        let began = Instant::now();
        let mut rest = text.as_bytes();
        while !rest.is_empty() && began.elapsed() < READING {
            match self.stream.write(rest) {
                Ok(0) => return false,
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break,
                Err(_) => return false,
            }
        }
        if !rest.is_empty() {
            self.served.count(|counters| &counters.stuck);
        }
        rest.is_empty()
    }
}
