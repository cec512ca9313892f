//! MinQty, in the plainest way: the match is tried in a copy of everything.

use super::Model;
use super::types::{Asked, ModelOrder, within};

impl Model {
    /// True when the order executes its minimum among the first 1,024 orders. Counts which case it was.
    pub(super) fn reaches_minimum(&mut self, incoming: &ModelOrder, asked: Asked) -> bool {
        let minimum = asked.min_quantity;
        let is_met = self.would_execute(incoming, asked, 1_024).0 >= minimum;
        let book = &self.instruments[usize::from(incoming.instrument) - 1];
        let reached = book.side(!incoming.is_buy).iter();
        let reached: Vec<_> = reached.filter(|order| within(incoming, order.price)).collect();
        let all: u64 = reached.iter().map(|order| u64::from(order.open)).sum();
        let own = reached.iter().any(|order| order.account == incoming.account);
        let result = if is_met { "met" } else { "missed" };
        self.hit(format!("minimum {result}"));
        if own {
            self.hit(format!("minimum {result} with own orders there"));
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
        }
        false
    }

    /// The lots that the order would execute if no more than the best `orders` rested, and why it would end.
    fn would_execute(&self, incoming: &ModelOrder, asked: Asked, orders: usize) -> (u32, u8) {
        let (mut trial, mut order) = (self.clone(), incoming.clone());
        let book = &mut trial.instruments[usize::from(incoming.instrument) - 1];
        book.side_mut(!incoming.is_buy).truncate(orders);
        let reason = trial.sweep(&mut order, asked);
        (order.executed - incoming.executed, reason)
    }
}
