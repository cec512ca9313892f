//! What the output stage counts.

crate::counters! {
    /// What the output stage shows while it runs.
    pub struct LiveOutputCounters: "output" {
        turns: "Turns of the stage.",
        idle_turns: "Turns in which there was nothing to do.",
        undurable: "Turns in which what the engine had written waited for the journal.",
        releases: "Turns in which something left.",
        records: "Records taken from the engine.",
        release_most: "The most records of one turn.",
        events: "Events of these records.",
        acknowledgements: "Messages to sessions over UDP.",
        acknowledgement_datagrams: "Datagrams of these messages.",
        acknowledgement_drops: "Datagrams of these messages that the kernel did not take.",
        feed_messages: "Messages of market data.",
        feed_datagrams: "Datagrams of market data, each line counted.",
        feed_drops: "Datagrams of market data that the kernel did not take.",
    }
}

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

impl LiveOutputCounters {
    /// Shows what has been counted so far.
    pub(super) fn show(&self, counted: &OutputCounters) {
        let OutputCounters {
            records,
            events,
            releases,
            acknowledgements,
            feed,
        } = counted;
        self.records.set(*records);
        self.events.set(*events);
        self.releases.set(*releases);
        self.acknowledgements.set(acknowledgements.messages);
        self.acknowledgement_datagrams.set(acknowledgements.datagrams);
        self.acknowledgement_drops
            .set(acknowledgements.dropped + acknowledgements.failed);
        self.feed_messages.set(feed.messages);
        self.feed_datagrams.set(feed.datagrams);
        self.feed_drops.set(feed.dropped + feed.failed);
    }
}
