//! How a journal ends.

use std::fmt;

/// A place in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Number of the segment.
    pub segment: u64,
    /// Bytes from its start.
    pub offset: u64,
}

/// The rest of the write that was in flight when the process or the machine stopped. Nothing of it was acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    /// Path of the segment.
    pub file: String,
    /// Where it begins.
    pub offset: u64,
    /// From there to the last byte that is not zero.
    pub bytes: u64,
    /// The first command that is not in the journal.
    pub sequence: u64,
    /// What is wrong with it.
    pub what: &'static str,
}

impl fmt::Display for Torn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "torn tail cut: {}, offset {}, {} bytes, from command {} on ({}); it was in flight when the exchange \
             stopped and never acknowledged",
            self.file, self.offset, self.bytes, self.sequence, self.what
        )
    }
}

/// How the journal ends, for the one who continues it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Sequence number of the last command; 0 = there is none.
    pub last_sequence: u64,
    /// Checksum of the last frame, which the next one repeats; 0 = there is none.
    pub last_frame_checksum: u32,
    /// Behind the last frame; `None` when there is not even a segment with a header.
    pub position: Option<Position>,
    /// Midnight that times count from, as in the last segment's header: nanoseconds since 1970.
    pub day_ns: Option<u64>,
    /// Of the last segment.
    pub configuration_hash: Option<u64>,
    /// What was cut.
    pub torn: Option<Torn>,
    /// Frames read.
    pub frames: u64,
    /// Bytes of commands read.
    pub payload_bytes: u64,
    /// What was read is on the disk itself.
    pub(super) settled: bool,
}
