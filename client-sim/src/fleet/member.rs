//! One customer: a client, a character, and what is checked about them.

use protocol::order_entry::Answer;
use protocol::order_entry::own::OrderStatus;
use protocol::units::Symbol;

use super::{FeedJoin, Participant, Shared};
use crate::checker::Balance;
use crate::connection::{ClientConfig, ConfigError, Event, Handler, OrderEntryClient, Phase, SendError};
use crate::instruments::Instruments;
use crate::latency::Kind;
use crate::orders::{Change, Order, OrderState, Orders, RequestKind};
use crate::request::{DAY, GOOD_TILL_CANCELED, NewOrder, Terms};
use crate::workload::{Intent, Market, Persona, Role};

/// Lost requests waiting to be entered again, and answers waiting to be looked at, at most.
const WAITING_MAX: usize = 1_024;

/// A customer.
pub struct Member {
    /// Its login name.
    pub name: String,
    /// Its connection.
    pub client: OrderEntryClient,
    ears: Ears,
    role: Role,
    seed: u64,
    /// Orders that rest outlive the day.
    outlives_day: bool,
}

/// What listens while the client is polled.
struct Ears {
    persona: Option<Box<dyn Persona>>,
    account: usize,
    name: String,
    /// Requests that never arrived, to be entered again.
    again: Vec<u32>,
    statuses: Vec<OrderStatus>,
    /// Balance questions asked and answered.
    balances_asked: u32,
    balances_answered: u32,
    /// The answer to this question counts: `(question, after the last order)`.
    counting: Option<(u32, bool)>,
    /// Leaves its orders in the book at the end.
    stays: bool,
}

impl Member {
    pub(super) fn new(
        config: ClientConfig,
        participant: &Participant,
        account: usize,
        seed: u64,
        outlives_day: bool,
        now_ns: u64,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            name: participant.username.clone(),
            client: OrderEntryClient::new(config, now_ns)?,
            ears: Ears {
                persona: None,
                account,
                name: participant.username.clone(),
                again: Vec::with_capacity(WAITING_MAX),
                statuses: Vec::with_capacity(WAITING_MAX),
                balances_asked: 0,
                balances_answered: 0,
                counting: None,
                stays: false,
            },
            role: participant.role,
            seed,
            outlives_day,
        })
    }

    /// What it is.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Gets its character, once the instruments are known.
    pub(super) fn begin(&mut self, instruments: &Instruments, levels: u64, stays: bool) {
        self.ears.stays = stays;
        self.ears.persona = Some(self.role.persona(instruments, levels, self.seed));
    }

    pub(super) fn poll(&mut self, now_ns: u64, shared: &mut Shared) -> usize {
        let mut listening = Listening {
            ears: &mut self.ears,
            shared,
        };
        let work = self.client.poll(now_ns, &mut listening);
        if !self.ears.again.is_empty() && self.client.is_ready() {
            self.enter_again(now_ns);
        }
        for status in self.ears.statuses.drain(..) {
            if let Some(lie) = contradiction(&status, self.client.orders()) {
                let number = status.user_ref_num;
                shared
                    .checker
                    .fault(|| format!("{}: the status of order {number} {lie}", self.name));
            }
        }
        work
    }

    pub(super) fn next(&mut self, market: &Market) -> Option<Intent> {
        self.ears.persona.as_mut()?.next(market, self.client.orders())
    }

    pub(super) fn finish(&mut self) -> Option<Intent> {
        if self.ears.stays {
            return None;
        }
        self.ears.persona.as_mut()?.finish(self.client.orders())
    }

    pub(super) fn trade(&mut self, instrument: usize, price: u64, quantity: u32) {
        if let Some(persona) = &mut self.ears.persona {
            persona.trade(instrument, price, quantity);
        }
    }

    pub(super) fn perform(
        &mut self,
        intent: &Intent,
        intended_ns: u64,
        now_ns: u64,
    ) -> Result<(), SendError> {
        let number = match *intent {
            Intent::Enter(order) => {
                let order = NewOrder {
                    time_in_force: self.time_in_force(order.time_in_force),
                    ..order
                };
                self.client.enter(&order, intended_ns, now_ns)?
            }
            Intent::Replace {
                user_ref,
                quantity,
                price,
            } => {
                let terms = Terms {
                    time_in_force: self.time_in_force(DAY),
                    ..Terms::default()
                };
                self.client
                    .replace_on(&terms, user_ref, quantity, price, intended_ns, now_ns)?
            }
            Intent::Cancel { user_ref, quantity } => {
                self.client
                    .cancel_meant(user_ref, quantity, intended_ns, now_ns)?;
                return Ok(());
            }
            Intent::MassCancel(symbol) => {
                self.client.mass_cancel(symbol, intended_ns, now_ns)?;
                return Ok(());
            }
            Intent::AskStatus(user_ref) => return self.client.ask_status(user_ref),
            Intent::AskBalances => return self.ask_balances(),
        };
        if let Some(persona) = &mut self.ears.persona {
            persona.numbered(intent, number);
        }
        Ok(())
    }

    /// Asks for the balances that are compared: before the first order, or after the last.
    pub(super) fn count(&mut self, after: bool) {
        let question = (self.ears.balances_asked, after);
        // Not ready for a moment: asked when it is, by `keep_counting`.
        self.ears.counting = self.ask_balances().is_ok().then_some(question);
    }

    /// Asks again where the question could not be asked, or its connection was lost.
    pub(super) fn keep_counting(&mut self, after: bool) {
        if self.ears.counting.is_none() && self.client.is_ready() {
            self.count(after);
        }
    }

    /// True when that answer came.
    pub(super) fn is_counted(&self) -> bool {
        self.ears
            .counting
            .is_some_and(|(question, _)| self.ears.balances_answered > question)
    }

    /// True when it leaves its orders in the book at the end.
    pub(super) fn stays(&self) -> bool {
        self.ears.stays
    }

    /// True when no lost request waits to be entered again.
    pub(super) fn has_nothing_to_repeat(&self) -> bool {
        self.ears.again.is_empty()
    }

    /// Cancels what is still live, one by one; how many.
    pub(super) fn cancel_all(&mut self, now_ns: u64) -> u64 {
        if self.ears.stays {
            return 0;
        }
        let live: Vec<u32> = self
            .client
            .orders()
            .iter()
            .filter(|order| order.state == OrderState::Live)
            .map(|order| order.user_ref)
            .collect();
        let canceled = live
            .into_iter()
            .filter(|user_ref| self.client.cancel(*user_ref, 0, now_ns).is_ok())
            .count();
        self.client.flush(now_ns);
        canceled as u64
    }

    pub(super) fn logout(&mut self, now_ns: u64, shared: &mut Shared) {
        let mut listening = Listening {
            ears: &mut self.ears,
            shared,
        };
        self.client.logout(now_ns, &mut listening);
    }

    fn time_in_force(&self, wanted: u8) -> u8 {
        if wanted == DAY && self.outlives_day {
            GOOD_TILL_CANCELED
        } else {
            wanted
        }
    }

    fn ask_balances(&mut self) -> Result<(), SendError> {
        self.client.ask_balance(None)?;
        self.ears.balances_asked += 1;
        Ok(())
    }

    fn enter_again(&mut self, now_ns: u64) {
        for user_ref in self.ears.again.drain(..) {
            // What can not be entered now stays what it is: never applied.
            if self.client.enter_again(user_ref, now_ns).is_err() {
                break;
            }
        }
        self.client.flush(now_ns);
    }
}

/// Ears with the book that they write into.
struct Listening<'a> {
    ears: &'a mut Ears,
    shared: &'a mut Shared,
}

impl Handler for Listening<'_> {
    fn event(&mut self, now_ns: u64, event: Event<'_>) {
        let Self { ears, shared } = self;
        match event {
            Event::Order(update) => {
                let order = &update.order;
                match update.change {
                    Change::Accepted | Change::Replaced { .. } => {
                        shared.acknowledged(order, now_ns);
                        // One that never rests never shows there, and is forgotten in time.
                        shared.rests(order.order_number, order.intended_ns);
                    }
                    Change::Rejected { reason } => {
                        shared.acknowledged(order, now_ns);
                        let last = shared.rejected.len() - 1;
                        shared.rejected[usize::from(reason).min(last)] += 1;
                    }
                    // By the customer, with a cancel of its own for this order.
                    Change::Canceled { reason: b'U', .. } if order.cancel_intended_ns != 0 => {
                        shared.measure(Kind::CancelAck, order.cancel_intended_ns, now_ns);
                    }
                    Change::NotApplied
                        if order.kind != RequestKind::Replace && ears.again.len() < WAITING_MAX =>
                    {
                        ears.again.push(order.user_ref);
                    }
                    _ => {}
                }
                shared.checker.update(ears.account, update, &shared.instruments);
                if let Some(persona) = &mut ears.persona {
                    persona.update(update);
                }
            }
            Event::DayEnded(orders) => {
                // What was left in the book at the end of the day goes on; what was lost is not wanted any more.
                shared.checker.settled(&ears.name, orders, true);
                shared.feed.forget();
                shared.days_ended += 1;
                ears.again.clear();
                ears.statuses.clear();
                if let Some(persona) = &mut ears.persona {
                    persona.day_ended();
                }
            }
            Event::Fault(fault) => shared.checker.fault(|| format!("{}: {fault}", ears.name)),
            Event::Answer(Answer::Balance(balance)) => {
                if Symbol(balance.asset) == Symbol::BLANK {
                    ears.balances_answered += 1;
                    return;
                }
                let Some((question, after)) = ears.counting else {
                    return;
                };
                if question != ears.balances_answered {
                    return;
                }
                let told = Balance {
                    total: balance.total.get(),
                    available: balance.available.get(),
                    held: balance.held.get(),
                };
                let asset = Symbol(balance.asset);
                if after {
                    if told.held != 0 && !ears.stays {
                        shared.checker.fault(|| {
                            format!(
                                "{}: {} of {asset} held without an open order",
                                ears.name, told.held
                            )
                        });
                    }
                    shared.checker.after(ears.account, asset, told);
                } else {
                    shared.checker.before(ears.account, asset, told);
                }
            }
            Event::Answer(Answer::OrderStatus(status)) if ears.statuses.len() < WAITING_MAX => {
                ears.statuses.push(*status);
            }
            Event::Answer(Answer::Ticker(ticker)) if shared.tickers.len() < super::TICKERS_MAX => {
                shared.tickers.push(*ticker);
            }
            Event::Phase(Phase::Waiting) => {
                // Questions under way are lost with their connection.
                if ears
                    .counting
                    .is_some_and(|(question, _)| ears.balances_answered <= question)
                {
                    ears.counting = None;
                }
                ears.balances_answered = ears.balances_asked;
            }
            Event::Lost(error) => {
                shared.lost_connections += 1;
                shared.trouble = Some(error.to_string());
            }
            _ => {}
        }
    }
}

impl Shared {
    fn acknowledged(&mut self, order: &Order, now_ns: u64) {
        match order.kind {
            RequestKind::Enter => self.measure(Kind::OrderAck, order.intended_ns, now_ns),
            RequestKind::Replace => self.measure(Kind::ReplaceAck, order.intended_ns, now_ns),
            _ => {}
        }
    }

    fn measure(&mut self, kind: Kind, intended_ns: u64, now_ns: u64) {
        let (from, until) = self.measured;
        if from <= intended_ns && intended_ns < until {
            self.latencies.record(kind, intended_ns, now_ns);
        }
    }

    fn rests(&mut self, order_number: u64, intended_ns: u64) {
        let (from, until) = self.measured;
        if intended_ns < from || until <= intended_ns {
            return;
        }
        match &mut self.feed {
            FeedJoin::Nobody => {}
            FeedJoin::Here(joined) => joined.acknowledged(order_number, intended_ns),
            FeedJoin::There(ring) => ring.acknowledged(order_number, intended_ns),
        }
    }
}

/// What is wrong with an answer about an order that has come to its end here and there.
fn contradiction(status: &OrderStatus, orders: &Orders) -> Option<&'static str> {
    let order = orders.newest(status.user_ref_num.get())?;
    let there = match status.state {
        b'F' => OrderState::Filled,
        b'C' => OrderState::Canceled,
        _ => return None,
    };
    if !matches!(order.state, OrderState::Filled | OrderState::Canceled) {
        return None;
    }
    if order.state != there {
        Some("names another end")
    } else if order.executed != status.executed.get() {
        Some("names another executed quantity")
    } else if order.executed_notional != status.executed_notional.get() {
        Some("names another value")
    } else if order.fees != status.fees.get() {
        Some("names other fees")
    } else {
        None
    }
}
