//! What the output stage counts.

use std::sync::Arc;

use crate::runtime::counters::{CachePadded, Counters, Named};

crate::counters! {
    /// What the output stage counts.
    pub struct OutputCounters: "output" {
        turns: "Turns of the stage.",
        idle_turns: "Turns in which there was nothing to do.",
        undurable: "Turns in which what the engine had written waited for the journal.",
        releases: "Turns in which something left.",
        records: "Records taken from the engine.",
        release_most: "The most records of one turn.",
        events: "Events of these records.",
    }
}

crate::counters! {
    /// What was sent of one kind of stream.
    pub struct StreamCounters: "stream" {
        messages: "Messages packed for sending; one on both lines counts once, one of an unbound session not at all.",
        datagrams: "Datagrams handed to the kernel, heartbeats included; one on both lines counts twice.",
        bytes: "Bytes of those datagrams.",
        heartbeats: "Heartbeats among those datagrams, and ends of the feed.",
        dropped: "Datagrams dropped because the kernel had no room.",
        failed: "Datagrams dropped because sending failed otherwise: no route, too long, interface down.",
    }
}

/// The groups of the output stage.
#[derive(Debug, Clone)]
pub struct OutputGroups {
    /// The stage.
    pub stage: Arc<CachePadded<OutputCounters>>,
    /// Acknowledgements over UDP.
    pub acknowledgements: Arc<CachePadded<StreamCounters>>,
    /// Market data.
    pub feed: Arc<CachePadded<StreamCounters>>,
}

impl OutputGroups {
    /// All of them, under their names.
    pub fn all(&self) -> [Arc<dyn Counters>; 3] {
        [
            Arc::clone(&self.stage) as Arc<dyn Counters>,
            Named::new("acknowledgements", &self.acknowledgements),
            Named::new("feed", &self.feed),
        ]
    }
}
