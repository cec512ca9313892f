//! MinQty, in the plainest way: the match is tried in a copy of everything.

use super::Model;
use super::types::{Asked, ModelOrder, Place, within};

impl Model {
    /// True when the order executes its minimum among the first 1,024 orders. Counts which case it was.
    pub(super) fn reaches_minimum(&mut self, incoming: &ModelOrder, asked: Asked) -> bool {
        let minimum = asked.min_quantity;
        let is_met = self.would_execute(incoming, asked, 1_024).0 >= minimum;
        let opposite =
            |order: &&ModelOrder| order.instrument == incoming.instrument && order.is_buy != incoming.is_buy;
        let is_reached = |order: &&ModelOrder| order.place == Place::Book && within(incoming, order.price);
        let reached: Vec<_> = self.orders.iter().filter(opposite).filter(is_reached).collect();
        let all: u64 = reached.iter().map(|order| u64::from(order.open)).sum();
        let own = reached.iter().any(|order| order.account == incoming.account);
        let unseen = reached.iter().any(|order| order.reserve() > 0);
        let result = if is_met { "met" } else { "missed" };
        self.hit(format!("minimum {result}"));
        if own {
            self.hit(format!("minimum {result} with own orders there"));
        }
        if unseen {
            self.hit(format!("minimum {result} with unseen orders there"));
        }
        if is_met {
            return true;
        }
        let (without_bound, reason) = self.would_execute(incoming, asked, usize::MAX);
        if without_bound >= minimum {
            self.hit("minimum missed for the bound");
        } else if reason == b'Z' {
            self.hit("minimum missed for funds");
        } else if own && all >= u64::from(minimum) {
            let mode = char::from(asked.mode);
            self.hit(format!("minimum missed for own orders {mode}"));
        } else if reason == b'V' {
            self.hit("minimum missed for a pause");
        }
        false
    }

    /// The lots that the order would execute if it met no more than `looks` orders, and why it would end.
    fn would_execute(&mut self, incoming: &ModelOrder, asked: Asked, looks: usize) -> (u32, u8) {
        // What is only tried is not met.
        let coverage = std::mem::take(&mut self.coverage);
        let (mut trial, mut order) = (self.clone(), incoming.clone());
        self.coverage = coverage;
        let reason = trial.sweep(&mut order, asked.funds, looks);
        let paused = trial.instrument(order.instrument).state == b'V';
        (
            order.executed - incoming.executed,
            if paused { b'V' } else { reason },
        )
    }
}
