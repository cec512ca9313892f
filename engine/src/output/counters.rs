//! What the output stage counts.

/// Counters of one kind of stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StreamCounters {
    /// Messages packed for sending; a message on both lines counts once, one of an unbound session not at all.
    pub messages: u64,
    /// Datagrams handed to the kernel, heartbeats included; one on both lines counts twice.
    pub datagrams: u64,
    /// Bytes of those datagrams.
    pub bytes: u64,
    /// Heartbeats among those datagrams, and ends of the feed.
    pub heartbeats: u64,
    /// Datagrams dropped because the kernel had no room.
    pub dropped: u64,
    /// Datagrams dropped because sending failed otherwise (no route, too long, interface down).
    pub failed: u64,
}

/// Counters of the output stage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutputCounters {
    /// Records taken from the engine.
    pub records: u64,
    /// Events encoded.
    pub events: u64,
    /// Polls that released something.
    pub releases: u64,
    /// Acknowledgements over UDP.
    pub acknowledgements: StreamCounters,
    /// Market data.
    pub feed: StreamCounters,
}
