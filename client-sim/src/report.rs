//! What a run says at its end: text for people, one JSON object for programs.

use std::fmt;

use serde_json::{Map, Value, json};

use crate::checker::Verdict;
use crate::fleet::{AtStop, Fleet, FleetTotals};
use crate::latency::{Kind, Kinds, Percentiles};
use crate::reason;

/// A run of a fleet.
#[derive(Debug, Clone)]
pub struct Report {
    /// Seconds of trading.
    pub seconds: f64,
    /// Requests and cancels within those seconds.
    pub at_stop: AtStop,
    /// Counts, those that took everything back at the end included.
    pub totals: FleetTotals,
    /// Orders and replacements to acknowledgement, from the intended time.
    pub ack_latency: Percentiles,
    /// Order to feed, from the intended time; nothing where no feed was heard.
    pub feed_latency: Percentiles,
    /// The histograms behind both, each kind by itself.
    pub kinds: Kinds,
    /// Refusals by reason, the frequent first.
    pub refusals: Vec<(u16, u64)>,
    /// What the checker says.
    pub verdict: Verdict,
    /// Contradictions: how many, and the first as text.
    pub faults: (u64, Vec<String>),
    /// Connections lost and made anew, and what the last one was lost by.
    pub lost_connections: u64,
    /// See there.
    pub trouble: Option<String>,
    /// Rolls of the day, each counted by each session.
    pub days_ended: u64,
}

impl Report {
    /// Takes the fleet's figures; call it when the fleet is done.
    pub fn new(fleet: &mut Fleet) -> Self {
        let verdict = fleet.verdict();
        let shared = fleet.shared();
        let mut kinds = shared.latencies.whole();
        if let Some(joined) = shared.feed.here() {
            kinds.of_mut(Kind::OrderFeed).merge(joined.latency());
        }
        let mut refusals: Vec<(u16, u64)> = shared
            .rejected
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0)
            .map(|(reason, count)| (u16::try_from(reason).unwrap_or(u16::MAX), *count))
            .collect();
        refusals.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        Self {
            seconds: fleet.running_ns() as f64 / 1e9,
            at_stop: fleet.at_stop(),
            totals: fleet.totals(),
            ack_latency: kinds.acknowledgements().percentiles(),
            feed_latency: kinds.of(Kind::OrderFeed).percentiles(),
            kinds,
            refusals,
            verdict,
            faults: (shared.checker.fault_count(), shared.checker.faults().to_vec()),
            lost_connections: shared.lost_connections,
            trouble: shared.trouble.clone(),
            days_ended: shared.days_ended,
        }
    }

    /// Requests answered within the time, a second, cancels included.
    pub fn orders_per_second(&self) -> f64 {
        if self.seconds > 0.0 {
            self.at_stop.answered() as f64 / self.seconds
        } else {
            0.0
        }
    }

    /// Requests with a number that have no answer, and are not known never to have been applied.
    pub fn unanswered(&self) -> u64 {
        self.totals
            .requests
            .saturating_sub(self.totals.answered + self.totals.not_applied)
    }

    /// Requests and cancels, those that took everything back at the end included.
    pub fn orders_sent(&self) -> u64 {
        self.totals.requests + self.totals.cancels
    }

    /// The figures every run has, as members of an object.
    pub fn members(&self) -> Map<String, Value> {
        let refusals: Map<String, Value> = self
            .refusals
            .iter()
            .map(|(reason, count)| (format!("0x{reason:04X}"), json!(count)))
            .collect();
        let totals = &self.totals;
        let object = json!({
            "seconds": self.seconds,
            "orders_sent": self.orders_sent(),
            "orders_offered_in_time": self.at_stop.offered,
            "orders_sent_in_time": self.at_stop.sent,
            "orders_answered_in_time": self.at_stop.answered(),
            "requests_unanswered": self.unanswered(),
            "requests_sent": totals.requests,
            "cancels_sent": totals.cancels,
            "requests_answered": totals.answered,
            "requests_refused": totals.rejected,
            "requests_not_applied": totals.not_applied,
            "acks_received": totals.messages,
            "executions": totals.executions,
            "orders_per_second": self.orders_per_second(),
            "ack_latency_ns": self.ack_latency.json(),
            "latency_ns": self.kinds.percentiles().json(),
            "order_gaps": totals.gaps,
            "order_resends": totals.resends,
            "order_re_requests": totals.re_requests,
            "order_replays": totals.replays,
            "order_datagrams_sent": totals.datagrams,
            "order_datagrams_dropped": totals.dropped,
            "connections_lost": self.lost_connections,
            "sessions_rolled": self.days_ended,
            "orders_carried": totals.carried,
            "refusals": refusals,
            "faults": self.faults.0,
        });
        match object {
            Value::Object(members) => members,
            _ => unreachable!("the macro above makes an object"),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let totals = &self.totals;
        writeln!(
            f,
            "{} orders sent in {:.1} s, {} of them answered by then: {:.0} a second",
            self.at_stop.sent,
            self.seconds,
            self.at_stop.answered(),
            self.orders_per_second()
        )?;
        if let Some(offered) = self.at_stop.offered {
            writeln!(
                f,
                "due within that time were {offered}: {} could not be sent, as too many waited for their answer",
                offered.saturating_sub(self.at_stop.sent)
            )?;
        }
        writeln!(
            f,
            "in all {} requests with a number and {} cancels, those included that took everything back at the end",
            totals.requests, totals.cancels
        )?;
        writeln!(
            f,
            "answered {}, of them refused {}; never applied {}; unanswered {}; executions {}; messages received {}",
            totals.answered,
            totals.rejected,
            totals.not_applied,
            self.unanswered(),
            totals.executions,
            totals.messages
        )?;
        write!(f, "{}", self.kinds.percentiles())?;
        writeln!(
            f,
            "datagrams {}, dropped on purpose {}; gaps {}, re-requests {}, replays {}; sent again {}",
            totals.datagrams, totals.dropped, totals.gaps, totals.re_requests, totals.replays, totals.resends
        )?;
        if let Some(trouble) = &self.trouble {
            writeln!(
                f,
                "connections lost and made anew {}, the last one by: {trouble}",
                self.lost_connections
            )?;
        }
        if self.days_ended > 0 {
            writeln!(
                f,
                "sessions that went over a roll of the day {}; orders carried {}",
                self.days_ended, totals.carried
            )?;
        }
        for (reason, count) in &self.refusals {
            writeln!(f, "refused {count} times: {}", reason::describe(*reason))?;
        }
        for fault in &self.faults.1 {
            writeln!(f, "WRONG: {fault}")?;
        }
        if self.faults.0 > self.faults.1.len() as u64 {
            writeln!(f, "WRONG: {} more", self.faults.0 - self.faults.1.len() as u64)?;
        }
        Ok(())
    }
}
