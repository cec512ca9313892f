//! The demo's verdicts: each measured at the end, none assumed.

use std::fmt;

use engine::assembly::Final;
use engine::exchange::Exchange;
use engine::exchange::book::Side as EngineSide;
use feed_handler::{Digest, Market, Side};
use serde_json::{Value, json};

use super::floor::Floor;
use crate::report::Report;

/// What was checked.
#[derive(Debug, Clone)]
pub(super) struct Checks {
    every_order_answered: bool,
    feed_books_equal: bool,
    money_conserved: bool,
    recovery_equal: bool,
    replica_equal: bool,
    balances_as_implied: bool,
    complaints: Vec<String>,
}

impl Checks {
    /// Compares customers, subscribers and the exchange's last state.
    pub(super) fn new(report: &Report, floor: &Floor, last: &Final) -> Self {
        let mut complaints = report.faults.1.clone();
        let mut holds = |what: &str, result: Result<(), String>| match result {
            Ok(()) => true,
            Err(complaint) => {
                complaints.push(format!("{what}: {complaint}"));
                false
            }
        };
        let caught_up = floor
            .has_feed_caught_up()
            .then_some(())
            .ok_or_else(|| "not everything that was published was read in time".to_owned());
        let feed_books_equal = holds("feed", caught_up)
            & holds("feed book", equal_books(&last.exchange, floor.market()))
            & holds("feed", clean(floor.market()))
            & holds("best prices while trading", tickers_agree(floor.tickers()));
        let late = floor
            .late_market()
            .ok_or_else(|| "it has not read everything".to_owned())
            .and_then(|late| {
                clean(late)?;
                let (theirs, ours) = (late.books().digest(), floor.market().books().digest());
                (theirs == ours)
                    .then_some(())
                    .ok_or_else(|| format!("its books' digest is {theirs:016x}, not {ours:016x}"))
            });
        let recovery_equal = holds("late subscriber", late);
        let money_conserved = holds("money", last.exchange.check_conservation())
            & holds("exchange", last.exchange.check_invariants())
            & holds(
                "money between the customers",
                report
                    .verdict
                    .conserved_between
                    .then_some(())
                    .ok_or_else(|| "sums before and after differ".to_owned()),
            );
        let replica_equal = holds(
            "replica",
            last.is_equal()
                .then_some(())
                .ok_or_else(|| "it has another state than the engine".to_owned()),
        );
        Self {
            every_order_answered: report.verdict.every_order_answered,
            feed_books_equal,
            money_conserved,
            recovery_equal,
            replica_equal,
            balances_as_implied: report.verdict.balances_as_implied,
            complaints,
        }
    }

    /// True when nothing failed.
    pub(super) fn all(&self) -> bool {
        self.named().iter().all(|(_, _, passed)| *passed)
    }

    /// What was wrong.
    pub(super) fn complaints(&self) -> &[String] {
        &self.complaints
    }

    /// By name.
    pub(super) fn json(&self) -> Value {
        let members = self
            .named()
            .into_iter()
            .map(|(name, _, passed)| (name.to_owned(), json!(passed)));
        Value::Object(members.collect())
    }

    fn named(&self) -> [(&'static str, &'static str, bool); 6] {
        [
            (
                "every_order_answered",
                "every order answered",
                self.every_order_answered,
            ),
            (
                "feed_books_equal",
                "feed books equal engine books",
                self.feed_books_equal,
            ),
            ("money_conserved", "money conserved", self.money_conserved),
            (
                "recovery_equal",
                "late subscriber has the same books",
                self.recovery_equal,
            ),
            ("replica_equal", "replica equals engine", self.replica_equal),
            (
                "balances_as_implied",
                "balances as executions and fees imply",
                self.balances_as_implied,
            ),
        ]
    }
}

impl fmt::Display for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (_, name, passed) in self.named() {
            writeln!(f, "{} {name}", if passed { "ok    " } else { "FAILED" })?;
        }
        for complaint in &self.complaints {
            writeln!(f, "       {complaint}")?;
        }
        Ok(())
    }
}

/// The digest that a subscriber with the same book would have.
fn engine_digest(exchange: &Exchange, locate: u16) -> u64 {
    let mut digest = Digest::new();
    for (side, name) in [(EngineSide::Buy, Side::Buy), (EngineSide::Sell, Side::Sell)] {
        for order in exchange.resting(locate, side) {
            digest.order(name, order.price, order.feed_number, order.displayed);
        }
    }
    digest.finish()
}

/// Every book of the exchange, order by order, against the subscriber's.
///
/// # Errors
/// Which book differs, or that there was nothing to compare.
pub fn equal_books(exchange: &Exchange, market: &Market) -> Result<(), String> {
    for locate in 1..=exchange.instrument_count() {
        let (theirs, ours) = (engine_digest(exchange, locate), market.book(locate).digest());
        if theirs != ours {
            return Err(format!(
                "instrument {locate}: digest {ours:016x}, the engine's is {theirs:016x}"
            ));
        }
    }
    // At the end there may be none: orders go with the connection of who wants that. Then all that rested must be gone here, too.
    let entered = [b'A', b'F'].map(|kind| market.statistics().messages[usize::from(kind)]);
    if entered == [0, 0] {
        return Err("no order ever rested: there was nothing to compare".to_owned());
    }
    Ok(())
}

/// No message that did not fit.
fn clean(market: &Market) -> Result<(), String> {
    let statistics = market.statistics();
    let wrong = statistics.error_count() + statistics.malformed + statistics.unknown;
    if wrong > 0 {
        return Err(format!("{wrong} messages did not fit the book"));
    }
    if statistics.total() == 0 {
        return Err("no message came".to_owned());
    }
    Ok(())
}

fn tickers_agree((equal, different): (u64, u64)) -> Result<(), String> {
    if different > 0 {
        Err(format!(
            "{different} answers differed from the book of that moment"
        ))
    } else if equal == 0 {
        Err("no answer could be compared".to_owned())
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Checks = Checks {
        every_order_answered: true,
        feed_books_equal: true,
        money_conserved: true,
        recovery_equal: true,
        replica_equal: true,
        balances_as_implied: true,
        complaints: Vec::new(),
    };

    #[test]
    fn one_failure_fails_all() {
        assert!(GOOD.all());
        let failures: [fn(&mut Checks); 6] = [
            |checks| checks.every_order_answered = false,
            |checks| checks.feed_books_equal = false,
            |checks| checks.money_conserved = false,
            |checks| checks.recovery_equal = false,
            |checks| checks.replica_equal = false,
            |checks| checks.balances_as_implied = false,
        ];
        for fail in failures {
            let mut checks = GOOD;
            fail(&mut checks);
            assert!(!checks.all());
            assert_eq!(checks.to_string().matches("FAILED").count(), 1);
        }
    }

    #[test]
    fn nothing_compared_is_not_a_success() {
        assert!(tickers_agree((0, 0)).is_err());
        assert!(tickers_agree((5, 1)).is_err());
        assert!(tickers_agree((5, 0)).is_ok());
        let market = Market::new(feed_handler::Capacity {
            instruments: 1,
            orders: 1,
            levels: 1,
        });
        assert!(clean(&market).is_err());
    }
}
