//! The client's side of gap recovery: a SoupBinTCP login with a requested sequence number, then the stream in order.
//!
//! Lives here: login, numbering, heartbeats, time limits; bytes and time are arguments.
//! Must not be here: sockets ([`crate::recovery_link`]), and what is done with the messages.

use protocol::Malformed;
use protocol::soup::{Decoder, REJECT_NOT_AUTHORIZED, REJECT_SESSION, ServerPacket, encode};
use protocol::text::SessionName;
use std::io::ErrorKind;

/// Bytes of stream held; several times the longest packet of the feed.
const DECODER_BYTES: usize = 256 << 10;
/// A client says so when it has sent nothing for this long.
const HEARTBEAT_NS: u64 = 1_000_000_000;
/// A login is answered within this time.
const LOGIN_TIMEOUT_NS: u64 = 5_000_000_000;
/// A server that is silent for this long, heartbeats included, is gone.
const SILENCE_TIMEOUT_NS: u64 = 15_000_000_000;

/// Name and password for the recovery service; blank where it asks for none.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    username: String,
    password: String,
}

/// A name of more than 6 or a password of more than 10 printable ASCII characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a user name has at most 6, a password at most 10 printable ASCII characters")]
pub struct CredentialsError;

impl Credentials {
    /// Checks that both fit a login.
    pub fn new(username: &str, password: &str) -> Result<Self, CredentialsError> {
        protocol::units::text_field::<6>(username).ok_or(CredentialsError)?;
        protocol::units::text_field::<10>(password).ok_or(CredentialsError)?;
        Ok(Self {
            username: username.to_owned(),
            password: password.to_owned(),
        })
    }
}

impl core::fmt::Debug for Credentials {
    /// Without the password.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Credentials")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// Why a recovery ended before it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecoveryFailure {
    /// No connection.
    #[error("no connection: {0}")]
    Connect(ErrorKind),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(ErrorKind),
    /// TLS failed.
    #[cfg(feature = "tls")]
    #[error(transparent)]
    Untrusted(tls::Failure),
    /// The server closed the connection.
    #[error("the server closed the connection")]
    Closed,
    /// Login Rejected, with its reason.
    #[error("the login was refused: {}", reject_meaning(*.0))]
    Rejected(u8),
    /// The server is in another session than the one asked for.
    #[error("the server answered for another session")]
    OtherSession,
    /// The server begins behind the first message asked for.
    #[error("asked for messages from {asked} on, the server begins at {offered}")]
    Unavailable {
        /// The first message wanted.
        asked: u64,
        /// The first it has.
        offered: u64,
    },
    /// Nothing came for too long.
    #[error("the server is silent")]
    Silent,
    /// Not SoupBinTCP.
    #[error("not understood: {0}")]
    Malformed(Malformed),
}

impl RecoveryFailure {
    /// True when trying again changes nothing: who runs the client has to do something.
    pub fn is_final(self) -> bool {
        match self {
            Self::Rejected(reason) => reason == REJECT_NOT_AUTHORIZED,
            #[cfg(feature = "tls")]
            Self::Untrusted(failure) => failure.is_final(),
            _ => false,
        }
    }
}

fn reject_meaning(reason: u8) -> &'static str {
    match reason {
        REJECT_NOT_AUTHORIZED => "user name or password is wrong (A)",
        REJECT_SESSION => "the session or the messages asked for are not available (S)",
        _ => "for an undefined reason",
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Idle,
    LoggingIn { since_ns: u64 },
    Streaming,
    Ended,
}

/// One conversation with the recovery service.
#[derive(Debug)]
pub struct RecoveryClient {
    credentials: Credentials,
    decoder: Decoder,
    phase: Phase,
    wanted: Option<SessionName>,
    session: SessionName,
    next: u64,
    outgoing: [u8; 128],
    outgoing_length: usize,
    sent_ns: u64,
    heard_ns: u64,
}

impl RecoveryClient {
    /// One that has not logged in.
    pub fn new(credentials: Credentials) -> Self {
        Self {
            credentials,
            decoder: Decoder::new(DECODER_BYTES),
            phase: Phase::Idle,
            wanted: None,
            session: [b' '; 10],
            next: 0,
            outgoing: [0; 128],
            outgoing_length: 0,
            sent_ns: 0,
            heard_ns: 0,
        }
    }

    /// Begins a conversation on a fresh connection: asks for the messages of `session` (`None`: the current one) from
    /// `from` on.
    pub fn login(&mut self, session: Option<SessionName>, from: u64, now_ns: u64) {
        self.decoder.clear();
        self.wanted = session;
        self.next = from;
        self.outgoing_length = 0;
        // A name that is not text cannot be asked for: the current session is, and its name compared with the answer.
        let is_text = |name: &SessionName| name.iter().all(|byte| (b' '..=b'~').contains(byte));
        let name = session.filter(is_text).unwrap_or([b' '; 10]);
        let name = core::str::from_utf8(&name).unwrap_or_default();
        let Credentials { username, password } = &self.credentials;
        let length = encode::login(username, password, name, from, None, &mut self.outgoing);
        self.outgoing_length = length.expect("Credentials::new and the line above checked every field");
        self.sent_ns = now_ns;
        self.heard_ns = now_ns;
        self.phase = Phase::LoggingIn { since_ns: now_ns };
    }

    /// Bytes to be sent now.
    pub fn outgoing(&self) -> &[u8] {
        &self.outgoing[..self.outgoing_length]
    }

    /// Says that the first `count` of [`RecoveryClient::outgoing`] were sent.
    pub fn sent(&mut self, count: usize) {
        let count = count.min(self.outgoing_length);
        self.outgoing.copy_within(count..self.outgoing_length, 0);
        self.outgoing_length -= count;
    }

    /// Where received bytes go.
    pub fn space(&mut self) -> &mut [u8] {
        self.decoder.space()
    }

    /// Takes in the first `count` bytes of [`RecoveryClient::space`] and hands each message with its session and number
    /// to `deliver`. Answers the number of messages. After an error the connection is of no use.
    pub fn filled(
        &mut self,
        count: usize,
        now_ns: u64,
        mut deliver: impl FnMut(SessionName, u64, &[u8]),
    ) -> Result<usize, RecoveryFailure> {
        self.decoder.filled(count);
        self.heard_ns = now_ns;
        let mut messages = 0;
        while let Some(packet) = self
            .decoder
            .next_from_server()
            .map_err(RecoveryFailure::Malformed)?
        {
            match (self.phase, packet) {
                (
                    Phase::LoggingIn { .. },
                    ServerPacket::LoginAccepted {
                        session,
                        next_sequence,
                    },
                ) => {
                    if self.wanted.is_some_and(|wanted| wanted != session) {
                        return Err(RecoveryFailure::OtherSession);
                    }
                    if next_sequence > self.next {
                        return Err(RecoveryFailure::Unavailable {
                            asked: self.next,
                            offered: next_sequence,
                        });
                    }
                    self.session = session;
                    self.next = next_sequence;
                    self.phase = Phase::Streaming;
                }
                (Phase::LoggingIn { .. }, ServerPacket::LoginRejected(reason)) => {
                    return Err(RecoveryFailure::Rejected(reason));
                }
                (Phase::Streaming, ServerPacket::Sequenced(message)) => {
                    deliver(self.session, self.next, message);
                    self.next = self.next.saturating_add(1);
                    messages += 1;
                }
                (Phase::Streaming, ServerPacket::EndOfSession) => self.phase = Phase::Ended,
                // Heartbeats have done their work by coming; the rest has no meaning here.
                _ => {}
            }
        }
        Ok(messages)
    }

    /// Does what is due: a heartbeat to send, a server that is silent for too long.
    pub fn tick(&mut self, now_ns: u64) -> Result<(), RecoveryFailure> {
        let silent_ns = now_ns.saturating_sub(self.heard_ns);
        match self.phase {
            Phase::LoggingIn { since_ns } if now_ns.saturating_sub(since_ns) >= LOGIN_TIMEOUT_NS => {
                return Err(RecoveryFailure::Silent);
            }
            Phase::Streaming if silent_ns >= SILENCE_TIMEOUT_NS => return Err(RecoveryFailure::Silent),
            Phase::Streaming if now_ns.saturating_sub(self.sent_ns) >= HEARTBEAT_NS => {
                self.send(&encode::CLIENT_HEARTBEAT, now_ns);
            }
            _ => {}
        }
        Ok(())
    }

    /// Puts a Logout Request into [`RecoveryClient::outgoing`]; nothing more is expected.
    pub fn logout(&mut self, now_ns: u64) {
        if self.phase == Phase::Streaming {
            self.send(&encode::LOGOUT, now_ns);
        }
        self.phase = Phase::Idle;
    }

    /// The session of the stream, once the login was accepted.
    pub fn session(&self) -> Option<SessionName> {
        matches!(self.phase, Phase::Streaming | Phase::Ended).then_some(self.session)
    }

    /// True once the server said that the stream has ended.
    pub fn has_ended(&self) -> bool {
        self.phase == Phase::Ended
    }

    /// The number of the next message.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Appends a packet that must go out; when the connection does not even take three bytes a second, one is left out.
    fn send(&mut self, packet: &[u8; 3], now_ns: u64) {
        if let Some(space) = self.outgoing[self.outgoing_length..].first_chunk_mut() {
            *space = *packet;
            self.outgoing_length += packet.len();
        }
        self.sent_ns = now_ns;
    }
}
