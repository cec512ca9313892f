//! The client's own orders: what is known of every UserRefNum, and the bytes to send it again.
//!
//! A fixed table indexed by number. A number whose slot still belongs to an unfinished order is skipped (the protocol
//! allows gaps), so that nothing is ever forgotten before its end. Answers come in the order of the numbers: everything
//! up to the highest answered number is settled, one way or the other.
//!
//! The numbers are a day's. At its end the table is emptied, and what is left waits to be told of under its new number.

mod answers;
mod order;
mod roll;

pub use order::{CL_ORD_ID_BLANK, Change, Fault, Order, OrderState, RequestKind, Update};

use crate::instruments::Instruments;

/// Bytes of the longest request kept for re-sending.
pub const REQUEST_BYTES_MAX: usize = 96;

/// No number can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Every slot belongs to an unfinished order.
    #[error("{0} unfinished orders: the table is full")]
    Full(usize),
    /// The session has used its last number for the day.
    #[error("the session has no UserRefNum left today")]
    Exhausted,
}

/// A request's bytes.
#[derive(Debug, Clone, Copy)]
struct Request {
    length: u8,
    bytes: [u8; REQUEST_BYTES_MAX],
}

/// Counts over everything seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Numbered requests made.
    pub requests: u64,
    /// Enter and replace requests among them.
    pub orders: u64,
    /// Numbered requests answered.
    pub answered: u64,
    /// Orders accepted.
    pub accepted: u64,
    /// Orders replaced.
    pub replaced: u64,
    /// Requests refused.
    pub rejected: u64,
    /// Requests that never reached the exchange.
    pub not_applied: u64,
    /// Executions of own orders.
    pub executions: u64,
    /// Canceled messages, self matches included.
    pub canceled: u64,
    /// Messages about orders that this client did not enter.
    pub foreign: u64,
    /// Orders carried into a new day.
    pub carried: u64,
}

/// Own orders by UserRefNum.
#[derive(Debug)]
pub struct Orders {
    slots: Vec<Order>,
    requests: Vec<Request>,
    /// The next number to try.
    next: u32,
    /// Smallest number of this client; lower ones belong to whoever used the session before. None before the exchange
    /// has said which number is next: then everything is somebody else's.
    first_own: Option<u32>,
    /// A number of this day was used here.
    has_asked: bool,
    /// What was live at the end of the day before and was not told of yet, oldest first.
    left: Vec<Order>,
    /// Highest answered number.
    answered: u32,
    /// Orders that are live.
    live: usize,
    instruments: Instruments,
    totals: Totals,
}

impl Orders {
    /// A table of `capacity` orders (rounded up to a power of two).
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.next_power_of_two();
        Self {
            slots: vec![Order::UNUSED; capacity],
            requests: vec![
                Request {
                    length: 0,
                    bytes: [0; REQUEST_BYTES_MAX]
                };
                capacity
            ],
            next: 1,
            first_own: None,
            has_asked: false,
            left: Vec::new(),
            answered: 0,
            live: 0,
            instruments: Instruments::default(),
            totals: Totals::default(),
        }
    }

    /// Teaches the instruments, so that values and fees are known. Orders of another life of the session may have been told
    /// of before.
    pub fn set_instruments(&mut self, instruments: Instruments) {
        self.instruments = instruments;
        for slot in 0..self.slots.len() {
            if self.slots[slot].user_ref != 0 {
                self.slots[slot].instrument = self.position(self.slots[slot].symbol);
            }
        }
    }

    /// The instruments it knows.
    pub fn instruments(&self) -> &Instruments {
        &self.instruments
    }

    /// The exchange said which number is next. Lower ones that were never made here belong to another life of the
    /// session. Never goes backwards.
    pub fn start_at(&mut self, next: u32) {
        let next = next.max(1);
        if !self.has_asked {
            self.first_own = Some(next);
            self.answered = self.answered.max(next - 1);
        }
        self.next = self.next.max(next);
    }

    /// True once the exchange has said which number is next.
    pub fn is_started(&self) -> bool {
        self.first_own.is_some()
    }

    /// The next number to be given, unless its slot is taken.
    pub fn next_user_ref(&self) -> u32 {
        self.next
    }

    /// The order of a number; `None` when never used or long finished and forgotten.
    pub fn get(&self, user_ref: u32) -> Option<&Order> {
        let order = &self.slots[self.slot(user_ref)];
        (order.user_ref == user_ref && user_ref != 0).then_some(order)
    }

    /// The order that carries on `user_ref` now: itself or the newest replacement.
    pub fn newest(&self, user_ref: u32) -> Option<&Order> {
        let mut order = self.get(user_ref)?;
        while order.state == OrderState::Replaced {
            order = self.get(order.successor)?;
        }
        Some(order)
    }

    /// All orders the table still knows, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Order> {
        self.slots.iter().filter(|order| order.user_ref != 0)
    }

    /// Live orders.
    pub fn live_count(&self) -> usize {
        self.live
    }

    /// Numbers without an answer: `(first, end)`, end excluded; skipped numbers lie between.
    pub fn unanswered(&self) -> (u32, u32) {
        ((self.answered + 1).min(self.next), self.next)
    }

    /// True when every request has its answer.
    pub fn is_settled(&self) -> bool {
        let (first, end) = self.unanswered();
        (first..end).all(|user_ref| {
            self.get(user_ref)
                .is_none_or(|order| order.state != OrderState::Pending)
        })
    }

    /// Counts.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// The bytes of a request.
    pub fn request(&self, user_ref: u32) -> Option<&[u8]> {
        let slot = self.slot(user_ref);
        (self.slots[slot].user_ref == user_ref && user_ref != 0).then(|| {
            let request = &self.requests[slot];
            &request.bytes[..usize::from(request.length)]
        })
    }

    /// Gives the next free number.
    pub(crate) fn allocate(&mut self) -> Result<u32, NumberError> {
        for _ in 0..self.slots.len() {
            if self.next == u32::MAX {
                return Err(NumberError::Exhausted);
            }
            let user_ref = self.next;
            if self.slots[self.slot(user_ref)].state.is_final() {
                return Ok(user_ref);
            }
            self.next += 1;
        }
        Err(NumberError::Full(self.slots.len()))
    }

    /// Enters `order` (its `user_ref` from [`Orders::allocate`]) with the bytes that ask for it.
    pub(crate) fn insert(&mut self, mut order: Order, request: &[u8]) {
        debug_assert!(order.user_ref >= self.next);
        order.state = OrderState::Pending;
        order.instrument = self.position(order.symbol);
        let slot = self.slot(order.user_ref);
        self.next = order.user_ref + 1;
        self.first_own.get_or_insert(order.user_ref);
        self.has_asked = true;
        self.slots[slot] = order;
        let kept = &mut self.requests[slot];
        kept.length =
            u8::try_from(request.len()).expect("requests are built with at most REQUEST_BYTES_MAX bytes");
        kept.bytes[..request.len()].copy_from_slice(request);
        self.totals.requests += 1;
        self.totals.orders += u64::from(matches!(order.kind, RequestKind::Enter | RequestKind::Replace));
    }

    /// Takes over a live order that was entered in another life of this session (question `o`).
    pub(crate) fn adopt(&mut self, mut order: Order) -> bool {
        let slot = self.slot(order.user_ref);
        if order.user_ref == 0 || !self.slots[slot].state.is_final() {
            return false;
        }
        order.instrument = self.position(order.symbol);
        order.state = OrderState::Live;
        self.slots[slot] = order;
        self.live += 1;
        true
    }

    /// Notes that the request was sent (again).
    pub(crate) fn sent(&mut self, user_ref: u32, now_ns: u64) {
        let slot = self.slot(user_ref);
        let order = &mut self.slots[slot];
        if order.user_ref == user_ref {
            order.sent_ns = now_ns;
            order.sendings = order.sendings.saturating_add(1);
        }
    }

    /// Notes that a cancel down to `quantity` is wanted, meant to be sent at `intended_ns`. `false` when there is nothing to
    /// cancel.
    pub(crate) fn want_cancel(&mut self, user_ref: u32, quantity: u32, intended_ns: u64) -> bool {
        let slot = self.slot(user_ref);
        let order = &mut self.slots[slot];
        if order.user_ref != user_ref || order.state.is_final() {
            return false;
        }
        if !order.cancel_is_open() {
            order.cancel_intended_ns = intended_ns;
        }
        order.cancel_to = order.cancel_to.min(quantity);
        order.cancel_is_open()
    }

    fn slot(&self, user_ref: u32) -> usize {
        user_ref as usize & (self.slots.len() - 1)
    }

    fn position(&self, symbol: protocol::units::Symbol) -> Option<u16> {
        self.instruments
            .iter()
            .position(|instrument| instrument.symbol == symbol)
            .and_then(|index| u16::try_from(index).ok())
    }
}

#[cfg(test)]
impl Orders {
    /// Acts as an exchange that accepts and cancels everything at once: answers the number the intent got.
    pub(crate) fn simulate(&mut self, intent: &crate::workload::Intent) -> Option<u32> {
        use crate::workload::Intent;
        let user_ref = self.allocate().expect("the table has room");
        match *intent {
            Intent::Enter(order) => {
                let entered = Order {
                    user_ref,
                    side: order.side,
                    symbol: order.symbol,
                    quantity: order.quantity,
                    open: order.quantity,
                    price: order.price,
                    tag: order.tag,
                    ..Order::UNUSED
                };
                self.insert(entered, b"O");
                let slot = self.slot(user_ref);
                self.slots[slot].state = OrderState::Live;
                Some(user_ref)
            }
            Intent::Replace {
                user_ref: original,
                quantity,
                price,
            } => {
                let before = *self.get(original)?;
                let replacement = Order {
                    user_ref,
                    original,
                    quantity,
                    open: quantity - before.executed,
                    price,
                    kind: RequestKind::Replace,
                    ..before
                };
                self.insert(replacement, b"U");
                let old = self.slot(original);
                self.slots[old].state = OrderState::Replaced;
                self.slots[old].successor = user_ref;
                let slot = self.slot(user_ref);
                self.slots[slot].state = OrderState::Live;
                Some(user_ref)
            }
            Intent::Cancel { user_ref, .. } => {
                let slot = self.slot(user_ref);
                self.slots[slot].state = OrderState::Canceled;
                Some(user_ref)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
