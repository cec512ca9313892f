//! TLS 1.3 for connections that never wait: the exchange's TCP doors, and the clients that come to them.
//!
//! Lives here: an [`Identity`] (who a door is, from PEM files), a [`Trust`] (whom a client believes), and a [`Stream`] that
//! reads and writes what is inside, bounded, over anything that reads and writes bytes.
//! Must not be here: sockets, and what is said inside.
//!
//! TLS 1.3 is the only version, without resumption and without early data: a connection here lives for a day, and what is said
//! twice must not count twice.

#[cfg(feature = "arguments")]
mod arguments;
mod client;
mod date;
mod failure;
mod file;
mod identity;
mod pace;
mod stream;
#[cfg(feature = "testing")]
pub mod testing;
mod trust;

#[cfg(feature = "arguments")]
pub use arguments::TlsArguments;
pub use client::ClientStream;
pub use date::Date;
pub use failure::Failure;
pub use file::{FileError, Refused, Which};
pub use identity::{Identity, IdentityFiles};
pub use stream::{BYTES_MAX, MaybeTls, Stream};
pub use trust::{Trust, TrustFiles};
