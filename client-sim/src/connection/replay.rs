//! A read-only replay of the session's stream over a second TCP connection (a `+` login): fetches what re-requests over
//! UDP did not bring.

use std::io;

use protocol::soup::{ServerPacket, encode};

use super::config::ClientConfig;
use super::tcp::TcpLink;

/// How a replay is going.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Connecting,
    LoggingIn,
    Reading,
}

/// A replay under way.
#[derive(Debug)]
pub(super) struct Replay {
    link: TcpLink,
    step: Step,
    session: [u8; 10],
    /// The number of the next message it brings.
    next: u64,
    since_ns: u64,
}

/// A replay that brings nothing for this long is given up.
const PATIENCE_NS: u64 = 2_000_000_000;

impl Replay {
    /// Begins to fetch the messages of `session` from `next` on.
    pub(super) fn begin(
        config: &ClientConfig,
        session: [u8; 10],
        next: u64,
        now_ns: u64,
    ) -> io::Result<Self> {
        Ok(Self {
            link: TcpLink::begin(config.server, config.trust.as_ref())?,
            step: Step::Connecting,
            session,
            next,
            since_ns: now_ns,
        })
    }

    /// Goes on; `deliver` gets number and bytes of each message. An error ends the replay; it may be begun again.
    pub(super) fn poll(
        &mut self,
        config: &ClientConfig,
        now_ns: u64,
        mut deliver: impl FnMut(u64, &[u8]),
    ) -> io::Result<usize> {
        if self.step == Step::Connecting {
            if !self.link.is_connected()? {
                return self.patience(now_ns);
            }
            // `+` stands in place of the name's first character.
            let mut name = self.session;
            name[0] = b'+';
            let name = std::str::from_utf8(&name).map_err(io::Error::other)?;
            self.link
                .send_login(&config.username, &config.password, name.trim_end(), self.next)?;
            self.step = Step::LoggingIn;
            self.since_ns = now_ns;
        }
        self.link.flush()?;
        let received = self.link.receive()?;
        if received == 0 {
            return self.patience(now_ns);
        }
        self.since_ns = now_ns;
        let mut work = 0;
        while let Some(packet) = self.link.next_packet().map_err(io::Error::other)? {
            work += 1;
            match packet {
                ServerPacket::LoginAccepted { session, .. } if session != self.session => {
                    return Err(io::Error::other("the replay is of another session"));
                }
                ServerPacket::LoginAccepted { next_sequence, .. } => {
                    self.next = next_sequence;
                    self.step = Step::Reading;
                }
                ServerPacket::LoginRejected(reason) => {
                    return Err(io::Error::other(format!(
                        "the replay was refused ({})",
                        char::from(reason)
                    )));
                }
                ServerPacket::Sequenced(message) if self.step == Step::Reading => {
                    deliver(self.next, message);
                    self.next += 1;
                }
                ServerPacket::EndOfSession => return Err(io::ErrorKind::UnexpectedEof.into()),
                _ => {}
            }
        }
        Ok(work)
    }

    /// Says good-bye. That it may not arrive does no harm: closing the connection says the same.
    pub(super) fn end(mut self) {
        if self.link.send(&encode::LOGOUT) {
            let _closing = self.link.flush();
        }
    }

    fn patience(&self, now_ns: u64) -> io::Result<usize> {
        if now_ns.saturating_sub(self.since_ns) > PATIENCE_NS {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(0)
    }
}
