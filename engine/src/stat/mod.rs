//! What a running exchange counts, read by whoever asks: counters of all stages, what waits between them, how long things
//! took, who was refused how often.
//!
//! The stages store numbers that only they write; reading them costs them nothing but a cache line. What waits in a ring is
//! the difference of what went in and what came out.

mod door;
mod metrics;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use crossbeam_utils::CachePadded;
use serde::{Deserialize, Serialize};

use crate::ingress::EngineCounters;
use crate::journal::JournalCounters;
use crate::output::OutputGroups;
use crate::recovery::RecoveryGroups;
use crate::runtime::counters::{Counter, Counters};
use crate::runtime::histogram::Histogram;
pub use door::{MetricsCounters, MetricsDoor};
pub use metrics::metrics;

/// Everything that can be read.
#[derive(Clone)]
pub struct Live {
    /// Of all stages and helpers.
    pub counters: Vec<Arc<dyn Counters>>,
    /// How long things took.
    pub times: Vec<Arc<CachePadded<Histogram>>>,
    /// What the depths are reckoned from.
    pub flow: Flow,
    /// By session: requests that were refused.
    pub refused: Arc<[Counter]>,
    /// The disk is nearly full.
    pub low_space: Arc<AtomicBool>,
    /// When counting began.
    pub began: Instant,
}

/// What went in and out where.
#[derive(Debug, Clone)]
pub struct Flow {
    /// The engine's.
    pub engine: Arc<CachePadded<EngineCounters>>,
    /// The journal's.
    pub journal: Arc<CachePadded<JournalCounters>>,
    /// The output's.
    pub output: OutputGroups,
    /// Recovery's.
    pub recovery: RecoveryGroups,
    /// The last command that may be told.
    pub released: Arc<CachePadded<AtomicU64>>,
    /// Commands that were there before counting began.
    pub replayed: u64,
}

/// One number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Number {
    /// Its name.
    pub label: String,
    /// The value.
    pub value: u64,
    /// A level or a position: it has no rate.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_level: bool,
    /// What it is.
    pub sentence: String,
}

/// The numbers of one stage or part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its name.
    pub group: String,
    /// In the order of their declaration.
    pub counters: Vec<Number>,
}

/// How long something took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Took {
    /// Its name.
    pub label: String,
    /// What takes so long.
    pub sentence: String,
    /// Times counted.
    pub total: u64,
    /// All of them together, nanoseconds.
    pub sum_ns: u64,
    /// The longest since the start, nanoseconds.
    pub most_ns: u64,
    /// Upper ends of buckets, nanoseconds, and how many times are in each.
    pub buckets: Vec<(u64, u64)>,
}

/// A session's refusals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Its login name, or its index where that is not known.
    pub session: String,
    /// Orders and replacements that were refused.
    pub requests: u64,
}

/// A reading of everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stat {
    /// Nanoseconds since counting began.
    pub at_ns: u64,
    /// The program's version.
    pub version: String,
    /// The last command that may be told.
    pub released: u64,
    /// The disk is nearly full: orders are refused.
    pub low_space: bool,
    /// What waits between the stages.
    pub depths: Vec<Number>,
    /// Counters of all stages and helpers.
    pub groups: Vec<Group>,
    /// How long things took.
    pub times: Vec<Took>,
    /// Sessions that were refused something.
    pub refused: Vec<Refused>,
}

/// True for what tells a level or a position and has no rate.
fn is_level(group: &str, label: &str) -> bool {
    label.ends_with("_most")
        || matches!(
            (group, label),
            (_, "open") | ("recovery", "applied") | ("snapshots", "bytes" | "last")
        )
}

impl Live {
    /// Reads everything; `name` gives the login name of a session.
    pub fn read(&self, name: impl Fn(u32) -> Option<String>) -> Stat {
        let depths = self.flow.depths();
        let groups = self.counters.iter().map(|counters| group(counters.as_ref()));
        let times = self.times.iter().map(|histogram| {
            let times = histogram.read();
            Took {
                label: times.label.to_owned(),
                sentence: times.sentence.to_owned(),
                total: times.total,
                sum_ns: times.sum,
                most_ns: times.most,
                buckets: times.buckets,
            }
        });
        let refused = (0..)
            .zip(self.refused.iter())
            .filter(|(_, count)| count.get() > 0);
        Stat {
            at_ns: u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            released: self.flow.released.load(Ordering::Acquire),
            low_space: self.low_space.load(Ordering::Relaxed),
            depths,
            groups: groups.collect(),
            times: times.collect(),
            refused: refused
                .map(|(session, count)| Refused {
                    session: name(session).unwrap_or_else(|| session.to_string()),
                    requests: count.get(),
                })
                .collect(),
        }
    }

    /// Sessions that were refused something.
    pub fn refused_sessions(&self) -> Vec<u32> {
        let all = (0..).zip(self.refused.iter());
        all.filter(|(_, count)| count.get() > 0)
            .map(|(session, _)| session)
            .collect()
    }
}

fn group(counters: &dyn Counters) -> Group {
    let name = counters.group();
    let mut numbers = Vec::new();
    counters.each(&mut |reading| {
        numbers.push(Number {
            label: reading.label.to_owned(),
            value: reading.value,
            is_level: is_level(name, reading.label),
            sentence: reading.sentence.to_owned(),
        });
    });
    Group {
        group: name.to_owned(),
        counters: numbers,
    }
}

impl Flow {
    /// What waits. Who takes is read before who gives, so that nothing is less than none.
    fn depths(&self) -> Vec<Number> {
        let applied = self.recovery.stage.applied.get();
        let (told, written) = (self.output.stage.events.get(), self.journal.commands.get());
        let released = self.released.load(Ordering::Acquire);
        let (events, commands) = (self.engine.events.get(), self.engine.commands.get());
        let depth = |label: &str, value: u64, sentence: &str| Number {
            label: label.to_owned(),
            value,
            is_level: true,
            sentence: sentence.to_owned(),
        };
        vec![
            depth(
                "to_journal",
                commands.saturating_sub(written),
                "Commands on their way from the engine to the journal.",
            ),
            depth(
                "undurable",
                (self.replayed + commands).saturating_sub(released),
                "Commands that were taken and may not be told yet.",
            ),
            depth(
                "to_output",
                events.saturating_sub(told),
                "Events on their way from the engine to the output.",
            ),
            depth(
                "to_replica",
                released.saturating_sub(applied),
                "Commands that may be told and that the replica has not applied yet.",
            ),
        ]
    }
}
