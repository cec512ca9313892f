//! What a door asks of the service behind it, and what it tells it.

use std::net::SocketAddrV4;

use protocol::soup::Login;
use protocol::text::SessionName;

use super::connection::Connection;
use super::door::DoorCounters;
use super::replica::Replica;
use super::store::Store;
use crate::runtime::links;
use crate::runtime::seams::Stream;

/// Why a connection is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Close {
    /// Logout, end of the stream, or an error of it.
    Ended,
    /// Something that no client of this protocol sends.
    Malformed,
    /// Not TLS, or not the TLS of this door, or changed on the way.
    Untrusted,
    /// No login came.
    LoginTimeout,
    /// Nothing came for too long.
    Silent,
    /// It takes nothing.
    Stuck,
    /// It was too slow for the store.
    FellOff,
    /// Its stream has ended, and it was told so: the day has rolled.
    Rolled,
    /// A newer login of the session took over.
    TakenOver,
}

/// What a service says to a login.
pub(super) enum Verdict<T> {
    /// Come in: the stream's name, the number of the next message, what the service keeps of it.
    Accept(SessionName, u64, T),
    /// `J` `A`.
    NotAuthorized,
    /// `J` `S`.
    SessionNotAvailable,
    /// `J` `S`, unless the messages asked for come soon.
    NotYet,
    /// The door is busy: ask again.
    Busy,
}

/// What the services read.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) store: &'a Store,
    /// `None` while a snapshot is taken of it: whatever needs it waits.
    pub(super) replica: Option<&'a Replica>,
    /// The turn's time.
    pub(super) now_ns: u64,
}

/// Who a login comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller {
    pub(super) id: links::Connection,
    pub(super) peer: SocketAddrV4,
}

/// What is behind a door.
pub(super) trait Service {
    /// What it keeps of a logged-in connection.
    type Open;

    /// Judges a login. Asked again while it says [`Verdict::NotYet`] or [`Verdict::Busy`].
    fn login(&mut self, login: &Login<'_>, caller: Caller, view: View<'_>) -> Verdict<Self::Open>;

    /// True when the connection's next packet can be taken, whatever it is.
    fn is_ready(&self, open: &Self::Open) -> bool;

    /// Takes Unsequenced Data.
    fn message(&mut self, open: &mut Self::Open, caller: Caller, bytes: &[u8], counters: &DoorCounters);

    /// Queues what the connection is to get, Sequenced Data up to about `budget` bytes; returns the work done.
    fn turn<S: Stream>(
        &mut self,
        open: &mut Self::Open,
        caller: Caller,
        connection: &mut Connection<S>,
        budget: usize,
        view: View<'_>,
    ) -> Result<usize, Close>;

    /// Nothing came for `limit_ns`, and everything that came was seen: over, or not?
    fn silence(
        &mut self,
        open: &mut Self::Open,
        caller: Caller,
        limit_ns: u64,
        now_ns: u64,
    ) -> Result<(), Close>;

    /// The connection is over. False when this could not be said on: ask again.
    fn end(&mut self, open: &Self::Open, caller: Caller, close: Close) -> bool;
}
