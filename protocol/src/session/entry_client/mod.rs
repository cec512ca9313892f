//! The client's end of order entry: UserRefNums, what was not answered yet, and when it is sent again.
//!
//! Fed with every request before it is sent and with every response in the order of the stream, it knows three things:
//! - A request with a new number is kept until its answer. Answers come in processing order, so an answer to a later
//!   number says that an earlier one without an answer was not applied and never will be: its bytes are handed back, to
//!   be entered under a new number.
//! - A cancel or modify has no number of its own. It is kept until the order is at or below what it asked for, or has
//!   ended; a repeat is harmless.
//! - Orders are followed by what the stream says, as far as that needs: open and executed quantity.

mod orders;
mod terms;
mod waiting;

pub use terms::{Effect, EntryClientConfig, Kept, NotKept};

use crate::order_entry::{Request, Response};
use orders::Orders;
use std::collections::VecDeque;
use waiting::{REQUEST_BYTES_MAX, Waiting};

/// The client's book-keeping for one session and day.
#[derive(Debug, Clone)]
pub struct EntryClient {
    config: EntryClientConfig,
    next: u32,
    orders: Orders,
    /// Ascending by number.
    requests: VecDeque<Waiting>,
    reductions: Vec<Waiting>,
    /// No re-send is due before this.
    due_at: u64,
    resent: u64,
}

impl EntryClient {
    /// Begins with UserRefNum 1.
    ///
    /// # Panics
    /// When the configuration has no room for an order.
    pub fn new(config: EntryClientConfig) -> Self {
        assert!(config.orders_max > 0, "no room for an order");
        Self {
            config,
            next: 1,
            orders: Orders::new(config.orders_max),
            requests: VecDeque::with_capacity(config.requests_max),
            reductions: Vec::with_capacity(config.reductions_max),
            due_at: u64::MAX,
            resent: 0,
        }
    }

    /// The number for the next request that needs one; `None` when there is none left (0xFFFFFFFF is refused), or no
    /// room for another order. The same is given until a request with it is kept.
    pub fn next_user_ref(&self) -> Option<u32> {
        let last = u64::from(self.next) + self.orders.slot_count() as u64;
        (u64::from(self.next)..last.min(u32::MAX.into()))
            .map(|user_ref| user_ref as u32)
            .find(|user_ref| self.orders.has_room(*user_ref))
    }

    /// Keeps a request that is about to be sent.
    pub fn keep(&mut self, now: u64, bytes: &[u8]) -> Result<Kept, NotKept> {
        let request = Request::decode(bytes).map_err(NotKept::Malformed)?;
        if bytes.len() > REQUEST_BYTES_MAX {
            return Err(NotKept::TooLong);
        }
        match request {
            Request::Cancel(message, _) => self.keep_reduction(now, message.user_ref_num.get(), bytes),
            Request::Modify(message, _) => self.keep_reduction(now, message.user_ref_num.get(), bytes),
            Request::AccountQuery(..) | Request::ReRequest(_) | Request::Unknown(_) => Ok(Kept::NotNeeded),
            Request::Enter(..) | Request::Replace(..) => self.keep_numbered(now, &request, bytes, true),
            Request::MassCancel(..) | Request::DisableOrderEntry(..) | Request::EnableOrderEntry(..) => {
                self.keep_numbered(now, &request, bytes, false)
            }
        }
    }

    /// Takes the next response of the stream. `not_applied` gets number and bytes of each request of which it is now
    /// certain that the exchange did not and will not apply it under this number; cancels kept for it are dropped.
    pub fn response(&mut self, response: &Response<'_>, mut not_applied: impl FnMut(u32, &[u8])) -> Effect {
        let first_answer = match response {
            Response::Accepted(message, _) => Some(message.user_ref_num.get()),
            Response::Replaced(message, _) => Some(message.user_ref_num.get()),
            Response::Rejected(message, _) => Some(message.user_ref_num.get()),
            Response::MassCancel(message, _) => Some(message.user_ref_num.get()),
            Response::OrderEntryDisabled(message, _) => Some(message.user_ref_num.get()),
            Response::OrderEntryEnabled(message, _) => Some(message.user_ref_num.get()),
            _ => None,
        };
        if let Some(user_ref) = first_answer {
            self.answered_below(user_ref, &mut not_applied);
            if self
                .requests
                .front()
                .is_some_and(|waiting| waiting.user_ref == user_ref)
            {
                self.requests.pop_front();
            }
            self.next = self.next.max(user_ref.saturating_add(1));
        }
        let finished = match response {
            Response::AccountQuery(message, _) => {
                let next = message.next_user_ref_num.get();
                self.answered_below(next, &mut not_applied);
                self.next = self.next.max(next);
                None
            }
            Response::Accepted(message, _) => {
                self.orders
                    .accept(message.user_ref_num.get(), message.quantity.get(), 0);
                None
            }
            Response::Replaced(message, _) => {
                let (original, user_ref) = (message.orig_user_ref_num.get(), message.user_ref_num.get());
                let executed = self.orders.executed(original).unwrap_or(0);
                self.orders.free(original);
                self.orders.accept(user_ref, message.quantity.get(), executed);
                for waiting in self
                    .reductions
                    .iter_mut()
                    .filter(|waiting| waiting.user_ref == original)
                {
                    waiting.set_user_ref(user_ref);
                }
                None
            }
            Response::Rejected(message, _) => {
                let user_ref = message.user_ref_num.get();
                self.orders.free(user_ref);
                self.drop_reductions(user_ref, |_| true);
                None
            }
            Response::Executed(message, _) => {
                self.reduce(message.user_ref_num.get(), message.quantity.get(), true)
            }
            Response::Canceled(message, _) => {
                self.reduce(message.user_ref_num.get(), message.quantity.get(), false)
            }
            Response::AiqCanceled(message, _) => {
                self.reduce(message.user_ref_num.get(), message.decrement_shares.get(), false)
            }
            // Asked for again it would be refused again.
            Response::CancelReject(message, _) => {
                self.drop_reductions(message.user_ref_num.get(), |_| true);
                None
            }
            Response::Modified(message, _) => {
                let user_ref = message.user_ref_num.get();
                let open = self.orders.open(user_ref).unwrap_or(0);
                let finished = self.reduce(user_ref, open.saturating_sub(message.quantity.get()), false);
                self.drop_reductions(user_ref, |waiting| waiting.message_type() == b'M');
                finished
            }
            _ => None,
        };
        if let Some(user_ref) = response.user_ref() {
            self.drop_effective(user_ref);
        }
        Effect {
            answered: first_answer,
            finished,
        }
    }

    /// Gives each request whose re-send is due to `send`, numbered ones first and ascending. Returns how many. Each
    /// sending needs a datagram number of its own; several may share a datagram.
    pub fn poll(&mut self, now: u64, mut send: impl FnMut(&[u8])) -> usize {
        if now < self.due_at {
            return 0;
        }
        let mut sent = 0;
        self.due_at = u64::MAX;
        for waiting in self.requests.iter_mut().chain(&mut self.reductions) {
            if now >= waiting.due_at {
                send(waiting.bytes());
                sent += 1;
                waiting.interval_ns = waiting
                    .interval_ns
                    .saturating_mul(2)
                    .min(self.config.resend_max_ns);
                waiting.due_at = now.saturating_add(waiting.interval_ns);
            }
            self.due_at = self.due_at.min(waiting.due_at);
        }
        self.resent += sent as u64;
        sent
    }

    /// When [`EntryClient::poll`] may have something to send; `None` while nothing waits.
    pub fn deadline(&self) -> Option<u64> {
        (self.waiting_count() > 0).then_some(self.due_at)
    }

    /// Makes everything due at once with fresh intervals: after a new connection.
    pub fn resend_all(&mut self, now: u64) {
        for waiting in self.requests.iter_mut().chain(&mut self.reductions) {
            waiting.due_at = now;
            waiting.interval_ns = self.config.resend_ns;
        }
        self.due_at = now;
    }

    /// Numbers below `next` are used, as an answer outside the stream said: the next one is at least that.
    pub fn use_from(&mut self, next: u32) {
        self.next = self.next.max(next);
    }

    /// Requests and reductions that wait.
    pub fn waiting_count(&self) -> usize {
        self.requests.len() + self.reductions.len()
    }

    /// Requests that wait for the answer to their number.
    pub fn unanswered_count(&self) -> usize {
        self.requests.len()
    }

    /// True when a request with this number waits for its answer.
    pub fn is_unanswered(&self, user_ref: u32) -> bool {
        self.requests
            .binary_search_by_key(&user_ref, |waiting| waiting.user_ref)
            .is_ok()
    }

    /// Open quantity of a live order, lots.
    pub fn open_quantity(&self, user_ref: u32) -> Option<u32> {
        self.orders.open(user_ref)
    }

    /// Number of live orders.
    pub fn live_count(&self) -> usize {
        self.orders.live_count()
    }

    /// Re-sends so far.
    pub fn resent(&self) -> u64 {
        self.resent
    }

    fn keep_numbered(
        &mut self,
        now: u64,
        request: &Request<'_>,
        bytes: &[u8],
        is_order: bool,
    ) -> Result<Kept, NotKept> {
        let user_ref = request
            .new_user_ref()
            .expect("only requests with a number of their own come here");
        if user_ref < self.next || user_ref == u32::MAX || (is_order && !self.orders.has_room(user_ref)) {
            return Err(NotKept::Number);
        }
        if self.requests.len() == self.config.requests_max {
            return Err(NotKept::Full);
        }
        if is_order {
            self.orders.reserve(user_ref);
        }
        self.next = user_ref + 1;
        let waiting = self.waiting(now, user_ref, bytes);
        self.requests.push_back(waiting);
        Ok(Kept::UntilAnswered)
    }

    fn keep_reduction(&mut self, now: u64, user_ref: u32, bytes: &[u8]) -> Result<Kept, NotKept> {
        if !self.orders.is_known(user_ref) {
            return Err(NotKept::NoSuchOrder);
        }
        // One of a kind is enough, the one that takes more off: both were sent, and they only reduce.
        let old = self
            .reductions
            .iter()
            .position(|old| old.user_ref == user_ref && old.message_type() == bytes[0]);
        if old.is_none() && self.reductions.len() == self.config.reductions_max {
            return Err(NotKept::Full);
        }
        let waiting = self.waiting(now, user_ref, bytes);
        match old {
            Some(index) if self.reductions[index].target() <= waiting.target() => {}
            Some(index) => self.reductions[index] = waiting,
            None => self.reductions.push(waiting),
        }
        // What asks for no less than the order has is without effect and without answer.
        self.drop_effective(user_ref);
        let is_kept = self
            .reductions
            .iter()
            .any(|kept| kept.user_ref == user_ref && kept.message_type() == bytes[0]);
        Ok(if is_kept {
            Kept::UntilEffective
        } else {
            Kept::NotNeeded
        })
    }

    fn waiting(&mut self, now: u64, user_ref: u32, bytes: &[u8]) -> Waiting {
        let due_at = now.saturating_add(self.config.resend_ns);
        self.due_at = self.due_at.min(due_at);
        Waiting::new(user_ref, bytes, due_at, self.config.resend_ns)
    }

    /// Hands back the requests below `user_ref`: they were passed over.
    fn answered_below(&mut self, user_ref: u32, not_applied: &mut impl FnMut(u32, &[u8])) {
        while let Some(waiting) = self.requests.pop_front_if(|waiting| waiting.user_ref < user_ref) {
            self.orders.free(waiting.user_ref);
            self.drop_reductions(waiting.user_ref, |_| true);
            not_applied(waiting.user_ref, waiting.bytes());
        }
    }

    /// Takes `quantity` off an order's open quantity; answers the order when it has ended.
    fn reduce(&mut self, user_ref: u32, quantity: u32, is_execution: bool) -> Option<u32> {
        let has_ended = self.orders.reduce(user_ref, quantity, is_execution);
        if has_ended {
            self.drop_reductions(user_ref, |_| true);
        }
        has_ended.then_some(user_ref)
    }

    /// Drops reductions of a live order that is where they wanted it.
    fn drop_effective(&mut self, user_ref: u32) {
        let Some(total) = self.orders.total(user_ref) else {
            return;
        };
        self.drop_reductions(user_ref, |waiting| {
            let target = waiting.target();
            target > 0 && total <= target
        });
    }

    fn drop_reductions(&mut self, user_ref: u32, is_done: impl Fn(&Waiting) -> bool) {
        if !self.reductions.is_empty() {
            self.reductions
                .retain(|waiting| waiting.user_ref != user_ref || !is_done(waiting));
        }
    }
}

#[cfg(test)]
mod tests;
