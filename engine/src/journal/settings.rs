//! What the journal stage is given.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use crossbeam_utils::CachePadded;
use rtrb::{Consumer, Producer};

use super::frame::PAYLOAD_BYTES_DEFAULT;
use crate::exchange::command::Command;
use crate::runtime::links::Journaled;
use crate::runtime::shutdown::Shutdown;

/// When a command may be told to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// When its write and the sync after it have returned.
    #[default]
    Sync,
    /// When its write has begun. A crash may lose the last write; everything else is as with `Sync`.
    Async,
    /// At once: there is no journal.
    None,
}

/// What the stage needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// When commands are released.
    pub durability: Durability,
    /// Written into every frame. With another one than the last segment's, a new segment is begun.
    pub configuration_hash: u64,
    /// Nanoseconds from 1970 to the midnight that `Command::time` counts from. With another one than the last
    /// segment's, a new segment is begun.
    pub day_ns: u64,
    /// Most bytes of commands in a frame, 128 to `frame::PAYLOAD_BYTES_MAX`.
    pub frame_payload_bytes_max: usize,
}

impl Settings {
    /// Durability `Sync` and frames of [`PAYLOAD_BYTES_DEFAULT`].
    pub fn new(configuration_hash: u64, day_ns: u64) -> Self {
        Self {
            durability: Durability::Sync,
            configuration_hash,
            day_ns,
            frame_payload_bytes_max: PAYLOAD_BYTES_DEFAULT,
        }
    }
}

/// What the stage shares with others.
pub struct Links {
    /// From the engine: commands in order, without a hole.
    pub commands: Consumer<Journaled>,
    /// To the replica: the same commands, when they are written. With a disk the journal does not wait for room there.
    pub replica: Producer<Command>,
    /// The last command that `replica` had no room for; who reads there finds it, and those before it that are missing, on
    /// disk.
    pub left_to_disk: Arc<CachePadded<AtomicU64>>,
    /// Commands up to this one may be told. Set to the last recovered one at start.
    pub released: Arc<CachePadded<AtomicU64>>,
    /// The disk is nearly full: cancels only.
    pub low_space: Arc<AtomicBool>,
    /// How a failure stops the exchange.
    pub shutdown: Shutdown,
}
