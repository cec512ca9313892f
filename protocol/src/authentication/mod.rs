//! `mac` authentication of order entry over UDP, for both ends: an account's secret, the keys of a login, tags, and the
//! window that takes each number once.
//!
//! The secret is configured on both sides and never travels. Both sides derive the keys of a login from it, one for each
//! direction, so that no number is ever used twice under a key and nothing recorded in one login is of use in another.

mod keys;
mod mac;
mod sealed;
mod secret;
mod window;

pub use keys::{Key, LoginKeys, MacAlgorithm, MacSecret, SALT_BYTES};
pub use mac::{Mac, TAG_BYTES, Tag};
pub use sealed::{Sealer, TRAILER_BYTES, open_datagram, open_packet};
pub use secret::{SECRET_BYTES, Secret, SecretFileError};
pub use window::{ReplayWindow, WINDOW_NUMBERS};
