//! Snapshots: the state of the exchange as of one command, beside the journal, so that a start need not apply all of it.
//!
//! ```text
//!  recovery stage -- replica --> keeper: writes it into memory, gives it back --> file, synced, renamed
//!  start: newest whole snapshot, else the one before, else none --> the journal from there
//! ```
//!
//! The layout is in `docs/protocol/snapshot.md`. A snapshot is a cache of the journal and never more: a start that finds
//! none, or none that is whole, applies the journal from its first command and comes to the same.
//!
//! Invariants:
//! - **Whole or not there**: a file gets its name when everything in it is synced.
//! - **Of what is durable**: the replica applies a command only after its write and sync have returned, so no snapshot
//!   knows a command that the journal can lose. A journal that ends before a snapshot was damaged.
//! - **Checked twice**: a checksum over every byte, and the state's own hash after loading.
//! - **Two are kept**: the newest, and the one before for the case that the newest was damaged. Where old days of the journal
//!   are removed, also the newest of each day that stays, so that what stays can be applied from its beginning.
//!
//! Not here: what a state consists of (`exchange::snapshot`, `output::Encoder`, `recovery::history`), the journal.

mod directory;
mod files;
mod header;
mod image;
mod keeper;

pub use directory::SnapshotDirectory;
pub use files::Snapshots;
pub use header::{FLAG_CLEAN, FORMAT_VERSION, Header, matching_hash};
pub use image::{Image, Origin, build, open, seal};
pub use keeper::{Keeper, KeeperSettings, Retention, SnapshotCounters};
