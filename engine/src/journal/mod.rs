//! The journal: every command on disk, in order, before anything of it is told to anybody.
//!
//! The layout is in `docs/protocol/journal.md`. A directory holds segments `0000000001.journal`, `0000000002.journal`
//! ..., each a header block and then frames; a frame is one batch of commands, written and synced at once.
//!
//! Invariants:
//! - **Order**: sequence numbers in the journal are 1, 2, 3 ... without a hole.
//! - **Durable first**: with [`Durability::Sync`], `released` is at least n only if all commands up to n were written
//!   and a sync that began after the write has returned without an error.
//! - **One write**: at most one write is in flight. So after a crash at most one frame, the last, is not whole; a
//!   frame that is whole behind one that is not can only be damage.
//! - **Append only**: a 4 KiB block that belongs to a frame is never written again. What is left of a torn frame is
//!   zeroed before anything is written behind it, so that behind the last frame there are zeros only.
//! - **First failure is final**: after an error, or a write that fell short, nothing is released and nothing written.
//! - **Settled before read**: recovery syncs what a killed process left in the kernel's cache, and drops the cache,
//!   before it believes what it reads. Otherwise a frame could be read, released, and lost with the power later.
//! - **One process**: the lock of the directory is held as long as its [`FileDisk`] lives.
//!
//! Not here: what commands mean, snapshots (`snapshot`), the clock.

mod ahead;
mod disk;
mod error;
mod file_disk;
mod file_threads;
mod frame;
mod lock;
mod reader;
mod recovered;
mod replay;
mod retention;
mod scan;
mod segmented;
mod settings;
mod sim_disk;
#[cfg(test)]
mod tests;
mod unused;
mod verify;
mod writer;

pub use disk::{Disk, SEGMENT_BYTES_DEFAULT, Segments, Write, file_name};
pub use error::JournalError;
pub use file_disk::{Backend, Directory, FileDisk};
pub use frame::{
    BLOCK_BYTES, Commands, FORMAT_VERSION, FrameHeader, PAYLOAD_BYTES_DEFAULT, PAYLOAD_BYTES_MAX,
    SegmentHeader,
};
pub use lock::DirectoryLock;
pub use reader::{Batch, Progress, ReadOptions, Reader};
pub use recovered::{Position, Recovered, Torn};
pub use replay::{PROGRESS_BYTES, recover, replay};
pub use retention::{Removed, first_command, remove_before};
pub use settings::{Durability, Links, Settings};
pub use sim_disk::{Crash, Fault, SimDisk};
#[cfg(test)]
pub(crate) use tests::TemporaryDirectory;
pub use unused::unused_bytes;
pub use verify::{Report, verify, verify_segments};
pub use writer::{JournalCounters, JournalStage};
