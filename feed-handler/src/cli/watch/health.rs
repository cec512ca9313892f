//! How the feed does: its state, what was lost and mended, which line leads, how old a message is when it comes.

use crate::cli::feed::Following;
use feed_handler::{State, timestamp};
use hdrhistogram::Histogram;
use std::time::{SystemTime, UNIX_EPOCH};

const SECOND_NS: u64 = 1_000_000_000;
const DAY_NS: u64 = 86_400 * SECOND_NS;
/// Latencies are kept with three digits up to a minute.
const LATENCY_MAX_NS: u64 = 60 * SECOND_NS;

/// What is shown of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) state: State,
    pub(super) session: String,
    pub(super) next_sequence: u64,
    pub(super) behind: u64,
    /// In the last second.
    pub(super) messages_per_second: u64,
    /// Nanoseconds from the exchange's timestamp to here, in the last second and since the join: p50, p99, most. `None`
    /// while nothing came.
    pub(super) latency: [Option<[u64; 3]>; 2],
    /// Messages whose timestamp is later than this machine's clock.
    pub(super) from_the_future: u64,
    pub(super) gaps: u64,
    pub(super) recovered: u64,
    pub(super) replayed: u64,
    /// Messages that A and B did not bring.
    pub(super) lost: [u64; 2],
    /// Packets that A and B brought first, and the mean nanoseconds by which.
    pub(super) leads: [(u64, u64); 2],
    pub(super) malformed: u64,
    pub(super) book_errors: u64,
    /// The market does not fit the capacity.
    pub(super) overflows: bool,
}

/// Measures; makes a report a frame.
#[derive(Debug)]
pub(super) struct Health {
    is_live: bool,
    timestamp: u64,
    recent: Histogram<u64>,
    all: Histogram<u64>,
    from_the_future: u64,
    messages: u64,
    /// When the second began, and the messages up to then.
    second: (u64, u64),
    report: Report,
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_MAX_NS, 3).expect("the bounds are in order")
}

impl Health {
    pub(super) fn new() -> Self {
        Self {
            is_live: false,
            timestamp: 0,
            recent: histogram(),
            all: histogram(),
            from_the_future: 0,
            messages: 0,
            second: (0, 0),
            report: Report {
                state: State::Recovering,
                session: String::new(),
                next_sequence: 1,
                behind: 0,
                messages_per_second: 0,
                latency: [None; 2],
                from_the_future: 0,
                gaps: 0,
                recovered: 0,
                replayed: 0,
                lost: [0; 2],
                leads: [(0, 0); 2],
                malformed: 0,
                book_errors: 0,
                overflows: false,
            },
        }
    }

    /// From here on messages come as they are sent.
    pub(super) fn live(&mut self) {
        self.is_live = true;
        self.second.1 = self.messages;
    }

    /// A message came. Those of one moment are measured once: they travel together.
    pub(super) fn message(&mut self, message: &[u8]) {
        self.messages += 1;
        if !self.is_live {
            return;
        }
        let timestamp = timestamp::of(message);
        if timestamp == self.timestamp {
            return;
        }
        self.timestamp = timestamp;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        match age((now.as_nanos() % u128::from(DAY_NS)) as u64, timestamp) {
            Some(age_ns) => {
                // Saturating: what is older than a minute counts as a minute.
                self.recent.saturating_record(age_ns.max(1));
            }
            None => self.from_the_future += 1,
        }
    }

    /// Before a frame.
    pub(super) fn look(&mut self, subscriber: &Following, now_ns: u64) {
        let passed_ns = now_ns.saturating_sub(self.second.0);
        if passed_ns >= SECOND_NS {
            let messages = u128::from(self.messages - self.second.1);
            self.report.messages_per_second =
                (messages * u128::from(SECOND_NS) / u128::from(passed_ns)) as u64;
            self.second = (now_ns, self.messages);
            self.all.add(&self.recent).expect("both have the same bounds");
            self.report.latency = [percentiles(&self.recent), percentiles(&self.all)];
            self.recent.reset();
        }
        let statistics = subscriber.statistics();
        let market = subscriber.market().statistics();
        self.report = Report {
            state: subscriber.state(),
            session: super::super::output::session_text(subscriber.session()),
            next_sequence: subscriber.next_sequence().unwrap_or(1),
            behind: subscriber.behind(),
            from_the_future: self.from_the_future,
            gaps: statistics.gaps.gaps + statistics.gaps.gaps_provoked,
            recovered: statistics.recovered,
            replayed: statistics.replayed,
            lost: statistics.lines.map(|line| line.lost),
            leads: statistics
                .lines
                .map(|line| (line.leads, line.lead_ns.checked_div(line.leads).unwrap_or(0))),
            malformed: statistics.malformed.iter().sum::<u64>() + market.malformed,
            book_errors: market.error_count(),
            overflows: subscriber.market().overflow().is_some(),
            ..self.report.clone()
        };
    }

    pub(super) fn report(&self) -> &Report {
        &self.report
    }
}

fn percentiles(histogram: &Histogram<u64>) -> Option<[u64; 3]> {
    (!histogram.is_empty()).then(|| {
        [
            histogram.value_at_quantile(0.5),
            histogram.value_at_quantile(0.99),
            histogram.max(),
        ]
    })
}

/// Nanoseconds since `timestamp`, when the time of day in UTC is `now`. The feed does not say its date: of all days the
/// nearest is meant. `None` when it is later than now.
fn age(now: u64, timestamp: u64) -> Option<u64> {
    let age = (now + DAY_NS - timestamp % DAY_NS) % DAY_NS;
    (age < DAY_NS / 2).then_some(age)
}

/// `850ns`, `12.3us`, `4.56ms`, `1.20s`.
pub(super) fn duration(ns: u64) -> String {
    match ns {
        0..1_000 => format!("{ns}ns"),
        1_000..1_000_000 => format!("{}.{}us", ns / 1_000, ns % 1_000 / 100),
        1_000_000..1_000_000_000 => format!("{}.{:02}ms", ns / 1_000_000, ns % 1_000_000 / 10_000),
        _ => format!("{}.{:02}s", ns / 1_000_000_000, ns % 1_000_000_000 / 10_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_of_the_nearest_day() {
        assert_eq!(age(500, 200), Some(300));
        assert_eq!(age(500, 2 * DAY_NS + 200), Some(300));
        assert_eq!(age(5, DAY_NS - 5), Some(10));
        assert_eq!(age(200, 500), None);
    }

    #[test]
    fn durations_are_short() {
        let texts = [850, 12_345, 4_567_890, 1_200_000_000].map(duration);
        assert_eq!(texts, ["850ns", "12.3us", "4.56ms", "1.20s"]);
    }
}
