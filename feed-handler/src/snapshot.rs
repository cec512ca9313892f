//! A GLIMPSE snapshot: the market as of one moment, and the number with which the feed goes on from there.
//!
//! Lives here: what its messages mean ([`take`]), and a join over a connection ([`SnapshotJoin`]), which begins again when
//! the connection breaks: a snapshot is whole or of no use.
//! Must not be here: the lines; what came on them meanwhile is held by the arbiter.

use crate::market::Market;
use crate::recovery::{Credentials, RecoveryFailure};
use crate::recovery_link::{Connect, RecoveryLink};
use protocol::Malformed;
use protocol::market_data::SnapshotMessage;
use protocol::text::SessionName;

/// The first message of every snapshot.
const FIRST: u64 = 1;

/// Takes the next message of a snapshot into `market`, which was empty before the first one. `Some` at the end: the number
/// of the first feed message that the market does not know.
///
/// # Errors
/// When it is no message; the market is as before.
pub fn take(message: &[u8], market: &mut Market) -> Result<Option<u64>, Malformed> {
    match SnapshotMessage::decode(message)? {
        SnapshotMessage::Feed(_) => market.apply(message).map(|()| None),
        SnapshotMessage::End { next_sequence } => Ok(Some(next_sequence)),
    }
}

/// A snapshot that was taken whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Joined {
    /// The session that its number belongs to.
    pub session: SessionName,
    /// The first message that is not in it.
    pub next_sequence: u64,
}

/// Logs in, and takes a snapshot.
#[derive(Debug)]
pub struct SnapshotJoin<C: Connect> {
    link: RecoveryLink<C>,
    /// Number of the next message of the snapshot.
    next: u64,
    /// Failures of the link that are known.
    failures: u64,
    messages: u64,
    malformed: u64,
}

impl<C: Connect> SnapshotJoin<C> {
    /// One that is not connected.
    pub fn new(connect: C, credentials: Credentials) -> Self {
        Self {
            link: RecoveryLink::over(connect, credentials),
            next: FIRST,
            failures: 0,
            messages: 0,
            malformed: 0,
        }
    }

    /// Connects, receives, applies to `market`. Answers the messages taken, and the snapshot's end when it has come.
    pub fn poll(&mut self, now_ns: u64, market: &mut Market) -> (usize, Option<Joined>) {
        let failures = self.link.statistics().failures;
        if failures != self.failures {
            self.failures = failures;
            self.next = FIRST;
        }
        self.link.ask(None, self.next, now_ns);
        let (mut joined, mut taken, mut malformed) = (None, 0, 0);
        let next = &mut self.next;
        // A server that hangs up behind the end has failed, and what it sent before has come all the same.
        self.link.poll(now_ns, |session, number, message| {
            taken += 1;
            if joined.is_some() {
                return;
            }
            if number == FIRST {
                market.clear();
            }
            *next = number + 1;
            match take(message, market) {
                Ok(end) => {
                    joined = end.map(|next_sequence| Joined {
                        session,
                        next_sequence,
                    });
                }
                Err(_) => malformed += 1,
            }
        });
        self.malformed += malformed;
        self.messages += taken as u64;
        if joined.is_some() {
            self.link.hang_up(now_ns);
            self.next = FIRST;
        }
        (taken, joined)
    }

    /// Why the last attempt failed; `None` after a message came.
    pub fn failure(&self) -> Option<RecoveryFailure> {
        self.link.failure()
    }

    /// Messages received, those of attempts that broke included.
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// Messages that are none, left out.
    pub fn malformed(&self) -> u64 {
        self.malformed
    }
}
