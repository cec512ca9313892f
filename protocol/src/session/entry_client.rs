//! The client's end of order entry: UserRefNums, what was not answered yet, and when it is sent again.
//!
//! Fed with every request before it is sent and with every response in the order of the stream, it knows three things:
//! - A request with a new number is kept until its answer. Answers come in processing order, so an answer to a later
//!   number says that an earlier one without an answer was not applied and never will be: its bytes are handed back, to
//!   be entered under a new number.
//! - A cancel or modify has no number of its own. It is kept until the order is at or below what it asked for, or has
//!   ended; a repeat is harmless.
//! - Orders are followed by what the stream says, as far as that needs: open and executed quantity.

use crate::malformed::Malformed;
use crate::order_entry::{Request, Response};
use std::collections::VecDeque;

/// Bytes of the longest request that is kept: Enter Order with every option once has 171.
const REQUEST_BYTES_MAX: usize = 192;

/// Bounds and times of an [`EntryClient`]. Memory is allocated once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryClientConfig {
    /// Most live orders.
    pub orders_max: usize,
    /// Most requests with a number of their own that wait for an answer.
    pub requests_max: usize,
    /// Most cancels and modifies that wait for their effect.
    pub reductions_max: usize,
    /// Time until the first re-send, nanoseconds; doubled with each further one.
    pub resend_ns: u64,
    /// Longest time between two re-sends, nanoseconds.
    pub resend_max_ns: u64,
}

impl Default for EntryClientConfig {
    /// 16,384 orders, 1,024 of each kind waiting, re-sends after 20 ms up to 1 s.
    fn default() -> Self {
        Self {
            orders_max: 16_384,
            requests_max: 1_024,
            reductions_max: 1_024,
            resend_ns: 20_000_000,
            resend_max_ns: 1_000_000_000,
        }
    }
}

/// Why a request was not kept; it should not be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotKept {
    /// The exchange could not decode it either.
    Malformed(Malformed),
    /// Its number is not above those used before, is not one that [`EntryClient::next_user_ref`] would give, or is the
    /// last there is.
    Number,
    /// As many are waiting as may.
    Full,
    /// It is longer than any sensible request.
    TooLong,
    /// It cancels or modifies an order that is not known to live.
    NoSuchOrder,
}

impl core::fmt::Display for NotKept {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Malformed(malformed) => write!(f, "malformed request: {malformed}"),
            Self::Number => f.write_str("the UserRefNum cannot be used"),
            Self::Full => f.write_str("too many requests wait for their answers"),
            Self::TooLong => f.write_str("the request is too long"),
            Self::NoSuchOrder => f.write_str("no such order is live"),
        }
    }
}

impl core::error::Error for NotKept {}

/// How long a request is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Until its number is answered.
    UntilAnswered,
    /// Until the order is at or below what it asks, or has ended.
    UntilEffective,
    /// Not at all: account queries, re-requests.
    NotNeeded,
}

/// What a response meant for what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Effect {
    /// The number whose first answer it is.
    pub answered: Option<u32>,
    /// The order that has ended with it.
    pub finished: Option<u32>,
}

/// A request as it was sent.
#[derive(Debug, Clone)]
struct Waiting {
    /// Its own number; for cancel and modify the order's.
    user_ref: u32,
    due_at: u64,
    interval_ns: u64,
    length: u8,
    bytes: [u8; REQUEST_BYTES_MAX],
}

impl Waiting {
    fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    fn set_user_ref(&mut self, user_ref: u32) {
        self.user_ref = user_ref;
        // Type, then UserRefNum: so in both requests without a number of their own.
        self.bytes[1..5].copy_from_slice(&user_ref.to_be_bytes());
    }

    /// What a cancel or modify wants the order's whole quantity to be.
    fn target(&self) -> u32 {
        match Request::decode(self.bytes()) {
            Ok(Request::Cancel(message, _)) => message.quantity.get(),
            Ok(Request::Modify(message, _)) => message.quantity.get(),
            _ => unreachable!("only cancels and modifies are kept among the reductions"),
        }
    }
}

/// An order, as far as the stream tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Order {
    /// 0 = the slot is free.
    user_ref: u32,
    /// False until the exchange has accepted it.
    is_live: bool,
    open: u32,
    executed: u32,
}

/// The client's book-keeping for one session and day.
#[derive(Debug, Clone)]
pub struct EntryClient {
    config: EntryClientConfig,
    next: u32,
    /// Found by the remainder of the UserRefNum; a number whose slot is taken is skipped, which gaps allow.
    orders: Box<[Order]>,
    live_count: usize,
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
            orders: vec![Order::default(); config.orders_max].into_boxed_slice(),
            live_count: 0,
            requests: VecDeque::with_capacity(config.requests_max),
            reductions: Vec::with_capacity(config.reductions_max),
            due_at: u64::MAX,
            resent: 0,
        }
    }

    /// The number for the next request that needs one; `None` when there is none left (0xFFFFFFFF is refused), or no
    /// room for another order. The same is given until a request with it is kept.
    pub fn next_user_ref(&self) -> Option<u32> {
        let last = u64::from(self.next) + self.orders.len() as u64;
        (u64::from(self.next)..last.min(u32::MAX.into()))
            .map(|user_ref| user_ref as u32)
            .find(|user_ref| self.orders[self.slot(*user_ref)].user_ref == 0)
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
    /// certain that the exchange did not and will not apply it under this number.
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
                self.lives(message.user_ref_num.get(), message.quantity.get(), 0);
                None
            }
            Response::Replaced(message, _) => {
                let (original, user_ref) = (message.orig_user_ref_num.get(), message.user_ref_num.get());
                let executed = self.order(original).map_or(0, |order| order.executed);
                self.free(original);
                self.lives(user_ref, message.quantity.get(), executed);
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
                self.free(user_ref);
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
            Response::Modified(message, _) => {
                let user_ref = message.user_ref_num.get();
                let open = self.order(user_ref).map_or(0, |order| order.open);
                let finished = self.reduce(user_ref, open.saturating_sub(message.quantity.get()), false);
                self.drop_reductions(user_ref, |waiting| waiting.bytes[0] == b'M');
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
        self.order(user_ref)
            .filter(|order| order.is_live)
            .map(|order| order.open)
    }

    /// Number of live orders.
    pub fn live_count(&self) -> usize {
        self.live_count
    }

    /// Re-sends so far.
    pub fn resent(&self) -> u64 {
        self.resent
    }

    fn slot(&self, user_ref: u32) -> usize {
        user_ref as usize % self.orders.len()
    }

    fn order(&self, user_ref: u32) -> Option<&Order> {
        Some(&self.orders[self.slot(user_ref)]).filter(|order| user_ref != 0 && order.user_ref == user_ref)
    }

    fn order_mut(&mut self, user_ref: u32) -> Option<&mut Order> {
        let slot = self.slot(user_ref);
        Some(&mut self.orders[slot]).filter(|order| user_ref != 0 && order.user_ref == user_ref)
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
        let slot = self.slot(user_ref);
        if user_ref < self.next || user_ref == u32::MAX || (is_order && self.orders[slot].user_ref != 0) {
            return Err(NotKept::Number);
        }
        if self.requests.len() == self.config.requests_max {
            return Err(NotKept::Full);
        }
        if is_order {
            self.orders[slot] = Order {
                user_ref,
                ..Order::default()
            };
        }
        self.next = user_ref + 1;
        let waiting = self.waiting(now, user_ref, bytes);
        self.requests.push_back(waiting);
        Ok(Kept::UntilAnswered)
    }

    fn keep_reduction(&mut self, now: u64, user_ref: u32, bytes: &[u8]) -> Result<Kept, NotKept> {
        if self.order(user_ref).is_none() {
            return Err(NotKept::NoSuchOrder);
        }
        // The newest of a kind says what the client wants.
        let old = self
            .reductions
            .iter()
            .position(|old| old.user_ref == user_ref && old.bytes[0] == bytes[0]);
        if old.is_none() && self.reductions.len() == self.config.reductions_max {
            return Err(NotKept::Full);
        }
        let waiting = self.waiting(now, user_ref, bytes);
        match old {
            Some(index) => self.reductions[index] = waiting,
            None => self.reductions.push(waiting),
        }
        Ok(Kept::UntilEffective)
    }

    fn waiting(&mut self, now: u64, user_ref: u32, bytes: &[u8]) -> Waiting {
        let due_at = now.saturating_add(self.config.resend_ns);
        self.due_at = self.due_at.min(due_at);
        let mut waiting = Waiting {
            user_ref,
            due_at,
            interval_ns: self.config.resend_ns,
            // At most REQUEST_BYTES_MAX, as `keep` checked.
            length: bytes.len() as u8,
            bytes: [0; REQUEST_BYTES_MAX],
        };
        waiting.bytes[..bytes.len()].copy_from_slice(bytes);
        waiting
    }

    /// Hands back the requests below `user_ref`: they were passed over.
    fn answered_below(&mut self, user_ref: u32, not_applied: &mut impl FnMut(u32, &[u8])) {
        while let Some(waiting) = self.requests.pop_front_if(|waiting| waiting.user_ref < user_ref) {
            self.free(waiting.user_ref);
            self.drop_reductions(waiting.user_ref, |_| true);
            not_applied(waiting.user_ref, waiting.bytes());
        }
    }

    /// The exchange has accepted an order. One whose slot belongs to another (it was not entered through here) is not
    /// followed.
    fn lives(&mut self, user_ref: u32, open: u32, executed: u32) {
        if open == 0 {
            self.free(user_ref);
            return;
        }
        let slot = self.slot(user_ref);
        let order = &mut self.orders[slot];
        if (order.user_ref != user_ref && order.user_ref != 0) || order.is_live {
            return;
        }
        *order = Order {
            user_ref,
            is_live: true,
            open,
            executed,
        };
        self.live_count += 1;
    }

    fn free(&mut self, user_ref: u32) {
        if let Some(order) = self.order_mut(user_ref) {
            let was_live = order.is_live;
            *order = Order::default();
            self.live_count -= usize::from(was_live);
        }
    }

    /// Takes `quantity` off an order's open quantity; answers the order when nothing is left.
    fn reduce(&mut self, user_ref: u32, quantity: u32, is_execution: bool) -> Option<u32> {
        let order = self.order_mut(user_ref).filter(|order| order.is_live)?;
        order.open = order.open.saturating_sub(quantity);
        if is_execution {
            order.executed = order.executed.saturating_add(quantity);
        }
        if order.open > 0 {
            return None;
        }
        self.free(user_ref);
        self.drop_reductions(user_ref, |_| true);
        Some(user_ref)
    }

    /// Drops reductions of a live order that is where they wanted it.
    fn drop_effective(&mut self, user_ref: u32) {
        let Some(order) = self.order(user_ref).filter(|order| order.is_live) else {
            return;
        };
        let total = order.open.saturating_add(order.executed);
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
mod tests {
    use super::*;
    use crate::layout::WireMessage;
    use crate::order_entry::requests::{CancelOrder, DisableOrderEntry, ModifyOrder};
    use zerocopy::IntoBytes;

    const CONFIG: EntryClientConfig = EntryClientConfig {
        orders_max: 4,
        requests_max: 3,
        reductions_max: 2,
        resend_ns: 10,
        resend_max_ns: 35,
    };

    fn request(message_type: u8, size: usize, place: usize, user_ref: u32) -> Vec<u8> {
        let mut bytes = vec![0; size];
        bytes[0] = message_type;
        bytes[place..place + 4].copy_from_slice(&user_ref.to_be_bytes());
        bytes
    }

    fn enter(user_ref: u32) -> Vec<u8> {
        request(b'O', 47, 1, user_ref)
    }

    fn replace(original: u32, user_ref: u32) -> Vec<u8> {
        let mut bytes = request(b'U', 40, 5, user_ref);
        bytes[1..5].copy_from_slice(&original.to_be_bytes());
        bytes
    }

    fn cancel(user_ref: u32, quantity: u32) -> Vec<u8> {
        let message = CancelOrder {
            message_type: b'X',
            user_ref_num: user_ref.into(),
            quantity: quantity.into(),
        };
        message.as_bytes().to_vec()
    }

    fn response(message_type: u8, size: usize, fields: &[(usize, u32)]) -> Vec<u8> {
        let mut bytes = vec![0; size];
        bytes[0] = message_type;
        for (place, value) in fields {
            bytes[*place..place + 4].copy_from_slice(&value.to_be_bytes());
        }
        bytes
    }

    fn accepted(user_ref: u32, quantity: u32) -> Vec<u8> {
        response(b'A', 64, &[(9, user_ref), (14, quantity)])
    }

    fn replaced(original: u32, user_ref: u32, quantity: u32) -> Vec<u8> {
        response(b'U', 68, &[(9, original), (13, user_ref), (18, quantity)])
    }

    fn rejected(user_ref: u32) -> Vec<u8> {
        response(b'J', 29, &[(9, user_ref)])
    }

    fn canceled(user_ref: u32, quantity: u32) -> Vec<u8> {
        response(b'C', 18, &[(9, user_ref), (13, quantity)])
    }

    fn executed(user_ref: u32, quantity: u32) -> Vec<u8> {
        response(b'E', 36, &[(9, user_ref), (13, quantity)])
    }

    /// Feeds a response; answers its effect and the numbers handed back.
    fn feed(client: &mut EntryClient, bytes: &[u8]) -> (Effect, Vec<u32>) {
        let mut lost = Vec::new();
        let effect = client.response(&Response::decode(bytes).unwrap(), |user_ref, bytes| {
            assert_eq!(Request::decode(bytes).unwrap().new_user_ref(), Some(user_ref));
            lost.push(user_ref);
        });
        (effect, lost)
    }

    fn due(client: &mut EntryClient, now: u64) -> Vec<Vec<u8>> {
        let mut sent = Vec::new();
        client.poll(now, |bytes| sent.push(bytes.to_vec()));
        sent
    }

    #[test]
    fn a_request_is_sent_again_with_back_off_until_answered() {
        let mut client = EntryClient::new(CONFIG);
        assert_eq!(client.next_user_ref(), Some(1));
        assert_eq!(client.keep(0, &enter(1)), Ok(Kept::UntilAnswered));
        assert_eq!(client.next_user_ref(), Some(2));
        let times: Vec<_> = (0..120)
            .filter(|now| !due(&mut client, *now).is_empty())
            .collect();
        assert_eq!(times, [10, 30, 65, 100]);
        assert_eq!(client.resent(), 4);
        let (effect, lost) = feed(&mut client, &accepted(1, 5));
        assert_eq!((effect.answered, lost), (Some(1), vec![]));
        assert_eq!((client.deadline(), client.open_quantity(1)), (None, Some(5)));
        assert!(due(&mut client, 1_000).is_empty());
    }

    #[test]
    fn a_number_that_was_passed_over_is_handed_back() {
        let mut client = EntryClient::new(CONFIG);
        for user_ref in 1..=3 {
            client.keep(0, &enter(user_ref)).unwrap();
        }
        let (effect, lost) = feed(&mut client, &accepted(3, 5));
        assert_eq!((effect.answered, lost), (Some(3), vec![1, 2]));
        assert_eq!((client.unanswered_count(), client.live_count()), (0, 1));
        assert_eq!(client.next_user_ref(), Some(4));
    }

    #[test]
    fn numbers_must_ascend_and_the_last_is_never_used() {
        let mut client = EntryClient::new(CONFIG);
        assert_eq!(client.keep(0, &enter(0)), Err(NotKept::Number));
        client.keep(0, &enter(7)).unwrap();
        assert_eq!(client.keep(0, &enter(7)), Err(NotKept::Number));
        assert_eq!(client.keep(0, &enter(u32::MAX)), Err(NotKept::Number));
        client.use_from(u32::MAX - 1);
        assert_eq!(client.next_user_ref(), Some(u32::MAX - 1));
        client.keep(0, &enter(u32::MAX - 1)).unwrap();
        assert_eq!(client.next_user_ref(), None);
    }

    #[test]
    fn numbers_of_taken_slots_are_skipped_and_everything_is_bounded() {
        let mut client = EntryClient::new(CONFIG);
        for user_ref in 1..=3 {
            client.keep(0, &enter(user_ref)).unwrap();
        }
        assert_eq!(client.keep(0, &enter(4)), Err(NotKept::Full));
        for user_ref in 1..=3 {
            feed(&mut client, &accepted(user_ref, 5));
        }
        client.keep(0, &enter(4)).unwrap();
        feed(&mut client, &accepted(4, 5));
        assert_eq!(client.next_user_ref(), None, "four orders live");
        feed(&mut client, &executed(3, 5));
        assert_eq!(
            client.next_user_ref(),
            Some(7),
            "5 and 6 would share the slots of 1 and 2"
        );
        assert_eq!(client.keep(0, &enter(5)), Err(NotKept::Number));
        client.keep(0, &enter(7)).unwrap();
        client.keep(0, &cancel(1, 0)).unwrap();
        client.keep(0, &cancel(2, 0)).unwrap();
        assert_eq!(client.keep(0, &cancel(4, 0)), Err(NotKept::Full));
        assert_eq!(
            client.keep(0, &cancel(1, 3)),
            Ok(Kept::UntilEffective),
            "takes the place of the first"
        );
        assert_eq!(client.keep(0, &cancel(9, 0)), Err(NotKept::NoSuchOrder));
        assert_eq!(
            client.keep(0, &[&enter(8)[..45], &[1, 0], &[0; 256]].concat()),
            Err(NotKept::Malformed(Malformed::Appendage))
        );
        assert_eq!(client.keep(0, b"Q"), Ok(Kept::NotNeeded));
    }

    #[test]
    fn a_cancel_is_sent_until_the_order_has_ended() {
        let mut client = EntryClient::new(CONFIG);
        client.keep(0, &enter(1)).unwrap();
        feed(&mut client, &accepted(1, 10));
        client.keep(0, &cancel(1, 0)).unwrap();
        feed(&mut client, &executed(1, 4));
        feed(&mut client, &canceled(1, 2));
        assert_eq!(due(&mut client, 10), [cancel(1, 0)]);
        let (effect, _) = feed(&mut client, &canceled(1, 4));
        assert_eq!(effect.finished, Some(1));
        assert_eq!((client.waiting_count(), client.live_count()), (0, 0));
    }

    #[test]
    fn a_partial_cancel_is_sent_until_the_whole_quantity_is_what_it_asks() {
        let mut client = EntryClient::new(CONFIG);
        client.keep(0, &enter(1)).unwrap();
        feed(&mut client, &accepted(1, 10));
        client.keep(0, &cancel(1, 6)).unwrap();
        feed(&mut client, &executed(1, 3));
        assert_eq!(client.waiting_count(), 1, "3 executed and 7 open are still 10");
        feed(&mut client, &canceled(1, 4));
        assert_eq!((client.waiting_count(), client.open_quantity(1)), (0, Some(3)));
    }

    #[test]
    fn a_modify_waits_for_its_answer() {
        let mut client = EntryClient::new(CONFIG);
        client.keep(0, &enter(1)).unwrap();
        feed(&mut client, &accepted(1, 10));
        let modify = ModifyOrder {
            message_type: b'M',
            user_ref_num: 1.into(),
            side: b'B',
            quantity: 4.into(),
        };
        client.keep(0, modify.as_bytes()).unwrap();
        feed(&mut client, &response(b'M', 18, &[(9, 1), (14, 4)]));
        assert_eq!((client.waiting_count(), client.open_quantity(1)), (0, Some(4)));
    }

    #[test]
    fn a_cancel_follows_its_order_through_a_replace() {
        let mut client = EntryClient::new(CONFIG);
        client.keep(0, &enter(1)).unwrap();
        feed(&mut client, &accepted(1, 10));
        feed(&mut client, &executed(1, 4));
        client.keep(0, &replace(1, 2)).unwrap();
        client.keep(0, &cancel(1, 0)).unwrap();
        let (effect, lost) = feed(&mut client, &replaced(1, 2, 8));
        assert_eq!(
            (effect, lost),
            (
                Effect {
                    answered: Some(2),
                    finished: None
                },
                vec![]
            )
        );
        assert_eq!(
            (client.open_quantity(1), client.open_quantity(2)),
            (None, Some(8))
        );
        assert_eq!(due(&mut client, 10), [cancel(2, 0)]);
        assert_eq!(feed(&mut client, &canceled(2, 8)).0.finished, Some(2));
    }

    #[test]
    fn a_refused_replace_leaves_the_original() {
        let mut client = EntryClient::new(CONFIG);
        client.keep(0, &enter(1)).unwrap();
        feed(&mut client, &accepted(1, 10));
        client.keep(0, &replace(1, 2)).unwrap();
        assert_eq!(feed(&mut client, &rejected(2)).0.answered, Some(2));
        assert_eq!(
            (
                client.open_quantity(1),
                client.open_quantity(2),
                client.live_count()
            ),
            (Some(10), None, 1)
        );
        assert_eq!(client.waiting_count(), 0);
    }

    #[test]
    fn requests_without_an_order_are_answered_too() {
        let mut client = EntryClient::new(CONFIG);
        let disable = DisableOrderEntry {
            message_type: b'D',
            user_ref_num: 1.into(),
            firm: *b"FIRM",
            appendage_length: 0.into(),
        };
        client.keep(0, disable.as_bytes()).unwrap();
        assert!(client.is_unanswered(1));
        let size = <DisableOrderEntry as WireMessage>::LAYOUT.size + 8;
        feed(&mut client, &response(b'G', size, &[(9, 1)]));
        assert!(!client.is_unanswered(1));
        client.keep(0, &enter(2)).unwrap();
        client.keep(0, &enter(3)).unwrap();
        let (_, lost) = feed(&mut client, &response(b'Q', 13, &[(9, 3)]));
        assert_eq!(
            (lost, client.is_unanswered(3), client.next_user_ref()),
            (vec![2], true, Some(4))
        );
    }

    #[test]
    fn a_new_connection_sends_everything_again() {
        let mut client = EntryClient::new(CONFIG);
        client.keep(0, &enter(1)).unwrap();
        client.keep(0, &cancel(1, 0)).unwrap();
        client.resend_all(3);
        assert_eq!(due(&mut client, 3), [enter(1), cancel(1, 0)]);
    }
}
