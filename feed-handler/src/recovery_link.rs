//! The recovery client's socket: connects without waiting, moves bytes, tries again later when it failed. A simulation
//! has connections of its own ([`Connect`]).

use crate::recovery::{Credentials, RecoveryClient, RecoveryFailure};
use protocol::text::SessionName;
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

/// Reads of one turn, so that a long replay does not keep the lines waiting.
const READS_MAX: usize = 4;
const CONNECT_TIMEOUT_NS: u64 = 5_000_000_000;
/// The pause after a failure doubles from the first to the second of these.
const PAUSE_NS: (u64, u64) = (20_000_000, 2_000_000_000);
/// How long a connection that has done its work waits for the next gap.
const LINGER_NS: u64 = 50_000_000;

/// How the recovery service is reached.
pub trait Connect {
    /// A connection; reading and writing never wait.
    type Stream: Read + Write + core::fmt::Debug;

    /// Begins to connect, without waiting.
    ///
    /// # Errors
    /// What it fails with at once.
    fn connect(&mut self) -> Result<Self::Stream, ErrorKind>;

    /// True when the connection stands, false while it is under way.
    ///
    /// # Errors
    /// What it failed with.
    fn is_up(&self, stream: &Self::Stream) -> Result<bool, ErrorKind>;

    /// What an error of the stream means.
    fn explain(&self, error: &std::io::Error) -> RecoveryFailure {
        RecoveryFailure::Broken(error.kind())
    }
}

/// TCP to an address.
#[derive(Debug, Clone, Copy)]
pub struct TcpConnect(pub SocketAddr);

#[derive(Debug)]
enum Link<S> {
    Down,
    Connecting { stream: S, since_ns: u64 },
    Up { stream: S, idle_since_ns: Option<u64> },
}

/// Counts of one link.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RecoveryStatistics {
    /// Connections begun.
    pub connections: u64,
    /// Connections that failed or were refused.
    pub failures: u64,
    /// Messages received, those that were there already included.
    pub messages: u64,
}

/// A recovery client with its connection.
#[derive(Debug)]
pub struct RecoveryLink<C: Connect = TcpConnect> {
    connect: C,
    client: RecoveryClient,
    link: Link<C::Stream>,
    wanted: (Option<SessionName>, u64),
    retry_ns: u64,
    pause_ns: u64,
    failure: Option<RecoveryFailure>,
    /// A stream that was read to its end, and the number behind its last message.
    ended: Option<(SessionName, u64)>,
    statistics: RecoveryStatistics,
}

impl RecoveryLink {
    /// One over TCP that is not connected.
    pub fn new(address: SocketAddr, credentials: Credentials) -> Self {
        Self::over(TcpConnect(address), credentials)
    }

    /// Where the service is.
    pub fn address(&self) -> SocketAddr {
        self.connect.0
    }
}

impl<C: Connect> RecoveryLink<C> {
    /// One that is not connected.
    pub fn over(connect: C, credentials: Credentials) -> Self {
        Self {
            connect,
            client: RecoveryClient::new(credentials),
            link: Link::Down,
            wanted: (None, 0),
            retry_ns: 0,
            pause_ns: PAUSE_NS.0,
            failure: None,
            ended: None,
            statistics: RecoveryStatistics::default(),
        }
    }

    /// Wants the messages of `session` from `from` on. Connects unless it is connected for that session already, or has
    /// failed a moment ago.
    pub fn ask(&mut self, session: Option<SessionName>, from: u64, now_ns: u64) {
        let other = self
            .client
            .session()
            .is_some_and(|current| session.is_some_and(|wanted| wanted != current));
        // A stream is of use while it has not passed what is wanted.
        let passed = self.client.session().is_some() && self.client.next() > from;
        match &mut self.link {
            Link::Up { .. } if other || passed || self.client.has_ended() => self.link = Link::Down,
            Link::Up { idle_since_ns, .. } => *idle_since_ns = None,
            Link::Connecting { .. } | Link::Down => {}
        }
        self.wanted = (session, from);
        if matches!(self.link, Link::Down) && now_ns >= self.retry_ns {
            self.statistics.connections += 1;
            match self.connect.connect() {
                Ok(stream) => {
                    self.link = Link::Connecting {
                        stream,
                        since_ns: now_ns,
                    }
                }
                Err(kind) => self.fail(RecoveryFailure::Connect(kind), now_ns),
            }
        }
    }

    /// True while a connection stands.
    pub fn is_up(&self) -> bool {
        matches!(self.link, Link::Up { .. })
    }

    /// Nothing is missing: hangs up when nothing is asked for soon.
    pub fn release(&mut self, now_ns: u64) {
        match &mut self.link {
            Link::Down => {}
            Link::Connecting { .. } => self.link = Link::Down,
            Link::Up { idle_since_ns, .. } => {
                let idle_since_ns = *idle_since_ns.get_or_insert(now_ns);
                if now_ns.saturating_sub(idle_since_ns) >= LINGER_NS {
                    self.hang_up(now_ns);
                }
            }
        }
    }

    /// Moves bytes; hands messages with session and number to `deliver`. Answers the number of messages.
    pub fn poll(&mut self, now_ns: u64, deliver: impl FnMut(SessionName, u64, &[u8])) -> usize {
        match self.turn(now_ns, deliver) {
            Ok(messages) => {
                if messages > 0 {
                    self.pause_ns = PAUSE_NS.0;
                    self.failure = None;
                }
                messages
            }
            Err(failure) => {
                self.fail(failure, now_ns);
                0
            }
        }
    }

    /// True when the stream of `session` was read to its end, and has no message `from`.
    pub fn has_ended_at(&self, session: Option<SessionName>, from: u64) -> bool {
        self.ended
            .is_some_and(|(ended, next)| session == Some(ended) && from >= next)
    }

    /// Why the last attempt failed; `None` after a message came.
    pub fn failure(&self) -> Option<RecoveryFailure> {
        self.failure
    }

    /// Counts so far.
    pub fn statistics(&self) -> &RecoveryStatistics {
        &self.statistics
    }

    fn turn(
        &mut self,
        now_ns: u64,
        mut deliver: impl FnMut(SessionName, u64, &[u8]),
    ) -> Result<usize, RecoveryFailure> {
        self.finish_connecting(now_ns)?;
        let Link::Up { stream, .. } = &mut self.link else {
            return Ok(0);
        };
        let mut messages = 0;
        let mut has_read = false;
        for _ in 0..READS_MAX {
            match stream.read(self.client.space()) {
                Ok(0) if self.client.has_ended() => {
                    self.link = Link::Down;
                    return Ok(messages);
                }
                Ok(0) => return Err(RecoveryFailure::Closed),
                Ok(count) => {
                    has_read = true;
                    let came = self.client.filled(count, now_ns, &mut deliver)?;
                    messages += came;
                    self.statistics.messages += came as u64;
                    if self.client.has_ended() {
                        self.ended = self.client.session().map(|session| (session, self.client.next()));
                        self.retry_ns = now_ns.saturating_add(PAUSE_NS.0);
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(self.connect.explain(&error)),
            }
        }
        self.client.tick(now_ns)?;
        // What a server said before it closed is read to its end, even if it does not listen any more. Once nothing comes, the error
        // comes again.
        match flush(&self.connect, stream, &mut self.client) {
            Err(failure) if !has_read => Err(failure),
            _ => Ok(messages),
        }
    }

    fn finish_connecting(&mut self, now_ns: u64) -> Result<(), RecoveryFailure> {
        let Link::Connecting { stream, since_ns } = &self.link else {
            return Ok(());
        };
        if !self.connect.is_up(stream).map_err(RecoveryFailure::Connect)? {
            if now_ns.saturating_sub(*since_ns) >= CONNECT_TIMEOUT_NS {
                return Err(RecoveryFailure::Connect(ErrorKind::TimedOut));
            }
            return Ok(());
        }
        let Link::Connecting { stream, .. } = core::mem::replace(&mut self.link, Link::Down) else {
            return Ok(());
        };
        self.link = Link::Up {
            stream,
            idle_since_ns: None,
        };
        let (session, from) = self.wanted;
        self.client.login(session, from, now_ns);
        Ok(())
    }

    /// Leaves in order; the next [`RecoveryLink::ask`] connects anew.
    pub(crate) fn hang_up(&mut self, now_ns: u64) {
        self.client.logout(now_ns);
        if let Link::Up { stream, .. } = &mut self.link
            && let Err(failure) = flush(&self.connect, stream, &mut self.client)
        {
            // The server sees the end of the connection instead of a logout, which means the same.
            self.failure = Some(failure);
        }
        self.link = Link::Down;
    }

    fn fail(&mut self, failure: RecoveryFailure, now_ns: u64) {
        self.link = Link::Down;
        self.failure = Some(failure);
        self.statistics.failures += 1;
        self.retry_ns = now_ns.saturating_add(self.pause_ns);
        self.pause_ns = (2 * self.pause_ns).min(PAUSE_NS.1);
    }
}

fn flush<C: Connect>(
    connect: &C,
    stream: &mut C::Stream,
    client: &mut RecoveryClient,
) -> Result<(), RecoveryFailure> {
    while !client.outgoing().is_empty() {
        match stream.write(client.outgoing()) {
            Ok(0) => return Err(RecoveryFailure::Closed),
            Ok(count) => client.sent(count),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(connect.explain(&error)),
        }
    }
    match stream.flush() {
        // What the stream holds goes out in the next turn.
        Err(error) if !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
            Err(connect.explain(&error))
        }
        _ => Ok(()),
    }
}

impl Connect for TcpConnect {
    type Stream = TcpStream;

    fn connect(&mut self) -> Result<TcpStream, ErrorKind> {
        let address = self.0;
        let begin = || {
            let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
            socket.set_nonblocking(true)?;
            socket.set_tcp_nodelay(true)?;
            match socket.connect(&address.into()) {
                Err(error) if failed_at_once(error.kind()) => Err(error),
                // Under way: the outcome shows in the socket's error or its peer.
                Ok(()) | Err(_) => Ok(TcpStream::from(socket)),
            }
        };
        begin().map_err(|error: std::io::Error| error.kind())
    }

    fn is_up(&self, stream: &TcpStream) -> Result<bool, ErrorKind> {
        match stream.take_error().unwrap_or_else(Some) {
            Some(error) => Err(error.kind()),
            None => Ok(stream.peer_addr().is_ok()),
        }
    }
}

/// True for what connecting fails with at once. Being under way is an error too, of a kind without a stable name; what
/// is taken for it wrongly ends with the time limit.
fn failed_at_once(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::NetworkDown
            | ErrorKind::AddrInUse
            | ErrorKind::AddrNotAvailable
            | ErrorKind::PermissionDenied
            | ErrorKind::InvalidInput
            | ErrorKind::Unsupported
            | ErrorKind::OutOfMemory
    )
}
