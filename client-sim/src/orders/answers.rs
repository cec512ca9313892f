//! What each answer does to an order. An answer that can not be true changes nothing and is a [`Fault`].

use protocol::order_entry::Response;
use protocol::order_entry::responses::{
    AiqCanceled, OrderAccepted, OrderCanceled, OrderExecuted, OrderModified, OrderPriorityUpdate,
    OrderRejected, OrderReplaced,
};
use protocol::units::{Price, Symbol};

use super::Orders;
use super::order::{Change, Fault, Order, OrderState, RequestKind, Update};

/// The number of an order that changed, and how.
type Changed = (u32, Change);

fn is_market(price: u64) -> bool {
    price >= Price::MARKET_THRESHOLD.0 || Price(price).is_market_sentinel()
}

/// True for two ways to say the same price.
pub(super) fn is_same_price(one: u64, other: u64) -> bool {
    one == other || (is_market(one) && is_market(other))
}

/// Millionths of a quote unit, rounded up to whole units (toward the exchange).
fn rounded_up(millionths: i128) -> i128 {
    millionths.div_euclid(1_000_000) + i128::from(millionths.rem_euclid(1_000_000) != 0)
}

impl Orders {
    /// Takes one message of the numbered stream, in order, and tells `each` what changed by it.
    pub fn apply(&mut self, response: &Response<'_>, mut each: impl FnMut(Update)) -> Result<(), Fault> {
        let update = match *response {
            Response::Accepted(answer, _) => self.accepted(answer, &mut each)?,
            Response::Replaced(answer, _) => self.replaced(answer, &mut each)?,
            Response::Executed(answer, options) => self.executed(answer, options.fee().map(i128::from))?,
            Response::Canceled(answer, _) => self.canceled(answer, &mut each)?,
            Response::AiqCanceled(answer, _) => self.self_match_canceled(answer)?,
            Response::Rejected(answer, _) => self.rejected(answer, &mut each)?,
            Response::Modified(answer, _) => self.modified(answer)?,
            Response::PriorityUpdate(answer, _) => self.renumbered(answer)?,
            Response::MassCancel(answer, _) => {
                self.answered(answer.user_ref_num.get(), RequestKind::MassCancel, &mut each)?
            }
            Response::OrderEntryDisabled(answer, _) => self.answered(
                answer.user_ref_num.get(),
                RequestKind::DisableOrderEntry,
                &mut each,
            )?,
            Response::OrderEntryEnabled(answer, _) => self.answered(
                answer.user_ref_num.get(),
                RequestKind::EnableOrderEntry,
                &mut each,
            )?,
            Response::AccountQuery(answer, _) => {
                if self.is_started() {
                    self.settled_below(answer.next_user_ref_num.get(), &mut each);
                }
                None
            }
            Response::CancelReject(answer, _) => self.cancel_refused(answer.user_ref_num.get())?,
            // The day's frame, and messages that this exchange does not send or that change nothing known here.
            Response::SystemEvent(..)
            | Response::BrokenTrade(..)
            | Response::CancelPending(..)
            | Response::Restated(..)
            | Response::Unknown(_) => None,
        };
        // PERF: an order has some hundred bytes: it is copied once, here.
        if let Some((user_ref, change)) = update {
            each(self.update(user_ref, change));
        }
        Ok(())
    }

    /// Order Accepted.
    fn accepted(
        &mut self,
        answer: &OrderAccepted,
        not_applied: &mut impl FnMut(Update),
    ) -> Result<Option<Changed>, Fault> {
        let user_ref = answer.user_ref_num.get();
        if self.is_foreign(user_ref) {
            if let Some(change) = self.carry(answer)? {
                return Ok(Some((user_ref, change)));
            }
            self.totals.foreign += 1;
            let order = Order {
                user_ref,
                side: answer.side,
                symbol: Symbol(answer.symbol),
                cl_ord_id: answer.cl_ord_id,
                time_in_force: answer.time_in_force,
                quantity: answer.quantity.get(),
                open: answer.quantity.get(),
                price: answer.price.get(),
                order_number: answer.order_reference_number.get(),
                ..Order::UNUSED
            };
            return Ok(self.adopt(order).then_some((user_ref, Change::Accepted)));
        }
        let order = self.awaiting(user_ref)?;
        let price_as_sent = is_same_price(order.price, answer.price.get());
        if order.kind != RequestKind::Enter
            || order.side != answer.side
            || order.symbol != Symbol(answer.symbol)
            || order.quantity != answer.quantity.get()
            || !price_as_sent
        {
            return Err(Fault::NotAsSent(user_ref));
        }
        self.settle(user_ref, not_applied);
        self.totals.accepted += 1;
        self.live += 1;
        let order = self.order_mut(user_ref);
        order.state = OrderState::Live;
        order.open = order.quantity;
        order.order_number = answer.order_reference_number.get();
        Ok(Some((user_ref, Change::Accepted)))
    }

    /// Order Replaced.
    fn replaced(
        &mut self,
        answer: &OrderReplaced,
        not_applied: &mut impl FnMut(Update),
    ) -> Result<Option<Changed>, Fault> {
        let user_ref = answer.user_ref_num.get();
        let original = answer.orig_user_ref_num.get();
        if self.is_foreign(user_ref) {
            self.totals.foreign += 1;
            return Ok(self.foreign_replacement(answer));
        }
        let order = self.awaiting(user_ref)?;
        if order.kind != RequestKind::Replace || order.original != original {
            return Err(Fault::NotAsSent(user_ref));
        }
        let before = *self.get(original).ok_or(Fault::NeverSent(original))?;
        if before.state != OrderState::Live {
            return Err(Fault::NotLive(original));
        }
        let order = self.awaiting(user_ref)?;
        // A replacement that asks for no more than was executed keeps what was open, and its cancel follows.
        let is_end = order.quantity <= before.executed;
        let outstanding = if is_end {
            before.open
        } else {
            order.quantity - before.executed
        };
        let price_as_sent = is_end || order.price == answer.price.get() || is_market(order.price);
        if outstanding != answer.quantity.get()
            || before.side != answer.side
            || before.symbol != Symbol(answer.symbol)
            || !price_as_sent
        {
            return Err(Fault::NotAsSent(user_ref));
        }
        self.settle(user_ref, not_applied);
        self.totals.replaced += 1;
        let old = self.order_mut(original);
        old.state = OrderState::Replaced;
        old.successor = user_ref;
        old.open = 0;
        let order = self.order_mut(user_ref);
        order.state = OrderState::Live;
        order.side = before.side;
        order.open = answer.quantity.get();
        order.executed = before.executed;
        order.executed_notional = before.executed_notional;
        order.fees = before.fees;
        order.fees_exact = before.fees_exact;
        order.fees_reported = before.fees_reported;
        order.order_number = answer.order_reference_number.get();
        order.cancel_to = order.cancel_to.min(before.cancel_to);
        order.cancel_intended_ns = order.cancel_intended_ns.max(before.cancel_intended_ns);
        if order.open == 0 {
            self.end(user_ref, OrderState::Canceled);
        }
        Ok(Some((user_ref, Change::Replaced { original })))
    }

    /// Order Executed; `reported_fee` is option 131.
    fn executed(
        &mut self,
        answer: &OrderExecuted,
        reported_fee: Option<i128>,
    ) -> Result<Option<Changed>, Fault> {
        let user_ref = answer.user_ref_num.get();
        let quantity = answer.quantity.get();
        let price = answer.price.get();
        let Some(order) = self.live(user_ref)? else {
            return Ok(None);
        };
        if quantity == 0 || quantity > order.open {
            return Err(Fault::ExecutedBeyondOpen(user_ref));
        }
        let worse = match order.side {
            b'B' => price > order.price,
            _ => price < order.price,
        };
        if worse && !is_market(order.price) {
            return Err(Fault::WorseThanLimit(user_ref));
        }
        let mut value = None;
        let mut fee = None;
        let (mut fees, mut fees_exact) = (order.fees, order.fees_exact);
        if let Some(instrument) = order
            .instrument
            .and_then(|index| self.instruments.get(usize::from(index)))
        {
            let worth = instrument
                .value(price, quantity)
                .ok_or(Fault::NotExact(user_ref))?;
            let rate = if Order::is_maker(answer.liquidity_flag) {
                instrument.maker_fee_ppm
            } else {
                instrument.taker_fee_ppm
            };
            let exact = i128::try_from(worth)
                .ok()
                .and_then(|worth| worth.checked_mul(i128::from(rate)))
                .and_then(|exact| exact.checked_add(fees_exact))
                .ok_or(Fault::NotExact(user_ref))?;
            fees_exact = exact;
            let charged = rounded_up(exact) - fees;
            if reported_fee.is_some_and(|reported| reported != charged) {
                return Err(Fault::WrongFee(user_ref));
            }
            fees += charged;
            value = Some(worth);
            fee = Some(charged);
        }
        self.totals.executions += 1;
        let order = self.order_mut(user_ref);
        order.open -= quantity;
        order.executed += quantity;
        order.executed_notional += value.unwrap_or(0);
        order.fees = fees;
        order.fees_exact = fees_exact;
        order.fees_reported += reported_fee.unwrap_or(0);
        if order.open == 0 {
            let state = if order.canceled == 0 {
                OrderState::Filled
            } else {
                OrderState::Canceled
            };
            self.end(user_ref, state);
        }
        let change = Change::Executed {
            quantity,
            price,
            liquidity: answer.liquidity_flag,
            match_number: answer.match_number.get(),
            value,
            fee,
            reported_fee,
        };
        Ok(Some((user_ref, change)))
    }

    /// Order Canceled.
    fn canceled(
        &mut self,
        answer: &OrderCanceled,
        not_applied: &mut impl FnMut(Update),
    ) -> Result<Option<Changed>, Fault> {
        let user_ref = answer.user_ref_num.get();
        // A replacement that asks for no more than was executed ends the chain: the cancel is its answer.
        if let Some(order) = self.get(user_ref)
            && order.state == OrderState::Pending
            && order.kind == RequestKind::Replace
        {
            return self.canceled_by_replace(user_ref, answer, not_applied).map(Some);
        }
        self.reduced(user_ref, answer.quantity.get(), answer.reason)
    }

    /// AIQ Canceled (self-match prevention).
    fn self_match_canceled(&mut self, answer: &AiqCanceled) -> Result<Option<Changed>, Fault> {
        self.reduced(
            answer.user_ref_num.get(),
            answer.decrement_shares.get(),
            answer.reason,
        )
    }

    /// Order Modified: only ever reduces.
    fn modified(&mut self, answer: &OrderModified) -> Result<Option<Changed>, Fault> {
        let user_ref = answer.user_ref_num.get();
        let Some(order) = self.live(user_ref)? else {
            return Ok(None);
        };
        let outstanding = answer.quantity.get();
        if outstanding > order.open {
            return Err(Fault::NotAsSent(user_ref));
        }
        let order = self.order_mut(user_ref);
        order.canceled += order.open - outstanding;
        order.open = outstanding;
        if outstanding == 0 {
            self.end(user_ref, OrderState::Canceled);
        }
        Ok(Some((user_ref, Change::Modified)))
    }

    /// Cancel Reject: the account may not cancel. Asked for again it would be refused again.
    fn cancel_refused(&mut self, user_ref: u32) -> Result<Option<Changed>, Fault> {
        if self.live(user_ref)?.is_some() {
            self.order_mut(user_ref).cancel_to = Order::NO_CANCEL;
        }
        Ok(None)
    }

    /// Rejected.
    fn rejected(
        &mut self,
        answer: &OrderRejected,
        not_applied: &mut impl FnMut(Update),
    ) -> Result<Option<Changed>, Fault> {
        let user_ref = answer.user_ref_num.get();
        if self.is_foreign(user_ref) {
            self.totals.foreign += 1;
            return Ok(None);
        }
        self.awaiting(user_ref)?;
        self.settle(user_ref, not_applied);
        self.totals.rejected += 1;
        let reason = answer.reason.get();
        let order = self.order_mut(user_ref);
        order.reason = reason;
        order.state = OrderState::Rejected;
        Ok(Some((user_ref, Change::Rejected { reason })))
    }

    /// The answer to a mass cancel, or to disabling or enabling order entry.
    fn answered(
        &mut self,
        user_ref: u32,
        kind: RequestKind,
        not_applied: &mut impl FnMut(Update),
    ) -> Result<Option<Changed>, Fault> {
        if self.is_foreign(user_ref) {
            self.totals.foreign += 1;
            return Ok(None);
        }
        if self.awaiting(user_ref)?.kind != kind {
            return Err(Fault::NotAsSent(user_ref));
        }
        self.settle(user_ref, not_applied);
        self.order_mut(user_ref).state = OrderState::Answered;
        Ok(Some((user_ref, Change::Answered)))
    }

    /// Order Priority Update.
    fn renumbered(&mut self, answer: &OrderPriorityUpdate) -> Result<Option<Changed>, Fault> {
        let user_ref = answer.user_ref_num.get();
        if self.live(user_ref)?.is_none() {
            return Ok(None);
        }
        self.order_mut(user_ref).order_number = answer.order_reference_number.get();
        Ok(Some((user_ref, Change::Renumbered)))
    }

    /// The exchange says that `next` is its next number (Account Query): what is below is settled.
    fn settled_below(&mut self, next: u32, not_applied: &mut impl FnMut(Update)) {
        let end = next.min(self.next);
        if end > self.answered + 1 {
            self.lose(end, not_applied);
            self.answered = end - 1;
        }
        self.start_at(next);
    }

    /// Belongs to a life of the session before this client.
    fn is_foreign(&self, user_ref: u32) -> bool {
        self.first_own.is_none_or(|first| user_ref < first)
    }

    /// The request of `user_ref`, which must wait for its answer.
    fn awaiting(&self, user_ref: u32) -> Result<&Order, Fault> {
        let order = self.get(user_ref).ok_or(Fault::NeverSent(user_ref))?;
        if order.state != OrderState::Pending {
            return Err(Fault::AnsweredTwice(user_ref));
        }
        if user_ref <= self.answered {
            return Err(Fault::OutOfOrder(user_ref));
        }
        Ok(order)
    }

    /// The live order of `user_ref`; `Ok(None)` when it is somebody else's.
    fn live(&mut self, user_ref: u32) -> Result<Option<&Order>, Fault> {
        match self.get(user_ref) {
            Some(order) if order.state == OrderState::Live => {}
            Some(_) => return Err(Fault::NotLive(user_ref)),
            None if self.is_foreign(user_ref) => {
                self.totals.foreign += 1;
                return Ok(None);
            }
            None => return Err(Fault::NeverSent(user_ref)),
        }
        Ok(self.get(user_ref))
    }

    fn order_mut(&mut self, user_ref: u32) -> &mut Order {
        let slot = self.slot(user_ref);
        let order = &mut self.slots[slot];
        debug_assert_eq!(order.user_ref, user_ref);
        order
    }

    pub(super) fn update(&self, user_ref: u32, change: Change) -> Update {
        Update {
            order: self.slots[self.slot(user_ref)],
            change,
        }
    }

    /// `user_ref` was answered: what lies between it and the number answered before never reached the exchange.
    fn settle(&mut self, user_ref: u32, not_applied: &mut impl FnMut(Update)) {
        self.totals.answered += 1;
        self.lose(user_ref, not_applied);
        self.answered = user_ref;
    }

    pub(super) fn lose(&mut self, end: u32, not_applied: &mut impl FnMut(Update)) {
        for lost in self.answered + 1..end {
            let slot = self.slot(lost);
            let order = &mut self.slots[slot];
            if order.user_ref == lost && order.state == OrderState::Pending {
                order.state = OrderState::NotApplied;
                self.totals.not_applied += 1;
                not_applied(Update {
                    order: *order,
                    change: Change::NotApplied,
                });
            }
        }
    }

    fn end(&mut self, user_ref: u32, state: OrderState) {
        self.order_mut(user_ref).state = state;
        self.live -= 1;
    }

    fn reduced(&mut self, user_ref: u32, quantity: u32, reason: u8) -> Result<Option<Changed>, Fault> {
        let Some(order) = self.live(user_ref)? else {
            return Ok(None);
        };
        if quantity > order.open {
            return Err(Fault::CanceledBeyondOpen(user_ref));
        }
        self.totals.canceled += 1;
        let order = self.order_mut(user_ref);
        order.open -= quantity;
        order.canceled += quantity;
        order.reason = u16::from(reason);
        if order.open == 0 {
            self.end(user_ref, OrderState::Canceled);
        }
        Ok(Some((user_ref, Change::Canceled { quantity, reason })))
    }

    fn canceled_by_replace(
        &mut self,
        user_ref: u32,
        answer: &OrderCanceled,
        not_applied: &mut impl FnMut(Update),
    ) -> Result<Changed, Fault> {
        let original = self.awaiting(user_ref)?.original;
        let before = *self.get(original).ok_or(Fault::NeverSent(original))?;
        if before.state != OrderState::Live {
            return Err(Fault::NotLive(original));
        }
        let quantity = answer.quantity.get();
        if quantity != before.open {
            return Err(Fault::CanceledBeyondOpen(user_ref));
        }
        self.settle(user_ref, not_applied);
        self.totals.canceled += 1;
        let old = self.order_mut(original);
        old.state = OrderState::Replaced;
        old.successor = user_ref;
        old.open = 0;
        let order = self.order_mut(user_ref);
        order.side = before.side;
        order.executed = before.executed;
        order.executed_notional = before.executed_notional;
        order.fees = before.fees;
        order.fees_exact = before.fees_exact;
        order.fees_reported = before.fees_reported;
        order.canceled = quantity;
        order.reason = u16::from(answer.reason);
        order.order_number = before.order_number;
        self.end(user_ref, OrderState::Canceled);
        Ok((
            user_ref,
            Change::Canceled {
                quantity,
                reason: answer.reason,
            },
        ))
    }

    /// A replacement of another life of the session, seen in a replay of the stream.
    fn foreign_replacement(&mut self, answer: &OrderReplaced) -> Option<Changed> {
        let original = answer.orig_user_ref_num.get();
        let user_ref = answer.user_ref_num.get();
        let before = *self
            .get(original)
            .filter(|order| order.state == OrderState::Live)?;
        let order = Order {
            user_ref,
            kind: RequestKind::Replace,
            original,
            cl_ord_id: answer.cl_ord_id,
            time_in_force: answer.time_in_force,
            quantity: before.executed + answer.quantity.get(),
            open: answer.quantity.get(),
            price: answer.price.get(),
            order_number: answer.order_reference_number.get(),
            ..before
        };
        if !self.adopt(order) {
            return None;
        }
        let old = self.order_mut(original);
        old.state = OrderState::Replaced;
        old.successor = user_ref;
        old.open = 0;
        self.live -= 1;
        Some((user_ref, Change::Replaced { original }))
    }
}
