//! What a client tells its owner.

use std::io;

use protocol::order_entry::{Answer, Response};

use crate::orders::{Fault, Orders, Update};

/// Where a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Not connected; tries when it is time.
    Waiting,
    /// TCP is being connected.
    Connecting,
    /// The login was sent.
    LoggingIn,
    /// Logged in: learns instruments, reads what it has missed, asks for its next number.
    CatchingUp,
    /// Asked for UDP.
    Binding,
    /// Orders can be sent.
    Ready,
    /// Over for good.
    Ended(EndReason),
}

/// Why a client ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndReason {
    /// Asked to.
    #[error("logged out")]
    LoggedOut,
    /// User name or password is wrong.
    #[error("the exchange refused the login: check user name and password")]
    NotAuthorized,
    /// The session is over, or its messages are not kept any more.
    #[error("the exchange refused the session: it is over, or its messages are not kept any more")]
    SessionNotAvailable,
    /// TLS failed, and will again.
    #[error(transparent)]
    Untrusted(tls::Failure),
    /// Not reachable for too long.
    #[error("the exchange could not be reached: is it running, and is the address right?")]
    Unreachable,
}

/// What happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// The connection stands elsewhere now.
    Phase(Phase),
    /// A connection was lost; the client tries again by itself.
    Lost(&'a io::Error),
    /// A message of the stream, in its turn, before what it changes is told.
    Message {
        /// Its number.
        sequence: u64,
        /// The message.
        response: &'a Response<'a>,
    },
    /// An own order (or other numbered request) changed.
    Order(&'a Update),
    /// The day has ended, and its stream was read to the end. These are its orders: what has no answer was never applied.
    /// Their numbers mean nothing from here on. What outlives the day is told of in the new one, under a new number
    /// ([`crate::orders::Change::Carried`]).
    DayEnded(&'a Orders),
    /// An answer to a question.
    Answer(Answer<'a>),
    /// A message that can not be true. The orders stay as they were known before.
    Fault(Fault),
}

/// Who is told.
pub trait Handler {
    /// Something happened at `now_ns` (the time given to the poll).
    fn event(&mut self, now_ns: u64, event: Event<'_>);
}

impl<F: FnMut(u64, Event<'_>)> Handler for F {
    fn event(&mut self, now_ns: u64, event: Event<'_>) {
        self(now_ns, event);
    }
}
