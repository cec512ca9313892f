//! Over the roll of the day: numbers begin again, and what outlives its day is told of under a new one.
//!
//! An order keeps its ClOrdID. What executed before the roll was the old day's: the order goes on with what was open, and
//! with what rounding its fees has charged in advance.

use protocol::order_entry::responses::OrderAccepted;
use protocol::units::Symbol;

use super::Orders;
use super::answers::is_same_price;
use super::order::{CL_ORD_ID_BLANK, Change, Fault, Order, OrderState, RequestKind, Update};
use crate::request::GOOD_TILL_CANCELED;

/// Millionths of a quote unit in one.
const MILLIONTHS: i128 = 1_000_000;

impl Orders {
    /// The day's stream was read to its end: what has no answer was never applied.
    pub(crate) fn end_day(&mut self, not_applied: &mut impl FnMut(Update)) {
        self.lose(self.next, not_applied);
        self.answered = self.next - 1;
    }

    /// Live orders that should not be there at the end of their day.
    pub(crate) fn outlived(&self) -> impl Iterator<Item = Fault> {
        self.iter()
            .filter(|order| {
                order.state == OrderState::Live && !matches!(order.time_in_force, 0 | GOOD_TILL_CANCELED)
            })
            .map(|order| Fault::OutlivedItsDay(order.user_ref))
    }

    /// Begins a day without numbers. What is live waits to be told of.
    pub(crate) fn begin_day(&mut self) {
        let live = |order: &&Order| order.state == OrderState::Live;
        self.left = self.iter().filter(live).copied().collect();
        self.left.sort_unstable_by_key(|order| order.order_number);
        self.slots.fill(Order::UNUSED);
        (self.next, self.first_own, self.has_asked) = (1, None, false);
        (self.answered, self.live) = (0, 0);
    }

    /// All that outlived the day was told of: the next of those that were forgotten.
    pub(crate) fn not_carried(&mut self) -> Option<Fault> {
        self.left.pop().map(|order| Fault::NotCarried(order.user_ref))
    }

    /// An order that this client did not enter today: one of the day before goes on. `None` when it is not known.
    pub(super) fn carry(&mut self, answer: &OrderAccepted) -> Result<Option<Change>, Fault> {
        let user_ref = answer.user_ref_num.get();
        let is_named = |order: &Order| order.cl_ord_id == answer.cl_ord_id;
        let is_as_left = |order: &Order| {
            order.side == answer.side
                && order.symbol == Symbol(answer.symbol)
                && order.open == answer.quantity.get()
                && is_same_price(order.price, answer.price.get())
        };
        // The client may have given one name to several orders. What was learned by a question has none here.
        let place = self
            .left
            .iter()
            .position(|order| is_named(order) && is_as_left(order))
            .or_else(|| {
                let is_nameless = |order: &Order| order.cl_ord_id == CL_ORD_ID_BLANK;
                self.left
                    .iter()
                    .position(|order| is_nameless(order) && is_as_left(order))
            });
        let Some(place) = place else {
            let is_other = answer.cl_ord_id != CL_ORD_ID_BLANK && self.left.iter().any(is_named);
            return if is_other {
                Err(Fault::NotAsSent(user_ref))
            } else {
                Ok(None)
            };
        };
        let before = self.left.remove(place);
        let carried = Order {
            user_ref,
            kind: RequestKind::Enter,
            cl_ord_id: answer.cl_ord_id,
            time_in_force: answer.time_in_force,
            quantity: before.open,
            executed: 0,
            canceled: 0,
            order_number: answer.order_reference_number.get(),
            original: 0,
            executed_notional: 0,
            fees: 0,
            fees_exact: before.fees_exact - before.fees * MILLIONTHS,
            fees_reported: 0,
            cancel_to: match before.cancel_to {
                Order::NO_CANCEL => Order::NO_CANCEL,
                wanted => wanted.saturating_sub(before.executed),
            },
            ..before
        };
        if !self.adopt(carried) {
            return Err(Fault::AnsweredTwice(user_ref));
        }
        self.totals.carried += 1;
        Ok(Some(Change::Carried {
            before: before.user_ref,
        }))
    }
}
