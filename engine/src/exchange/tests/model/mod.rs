//! A naive exchange: one vector of orders, nothing stored that can be added up, every rule as the wire contract says it.
//! It shares layouts with the exchange (commands, events, definitions) and no code. Slow on purpose.
//!
//! What differs from the exchange by design: there are no queues, who is first is looked for each time; the ledger knows
//! totals only (what is held is added up from the orders each time), fees are kept as exact sums in millionths, funds of
//! a market order are found by bisection, the price of a cross by trying every one that matters, a minimum by matching
//! in a copy.

mod canceling;
mod clearing;
mod crossing;
mod day;
mod entering;
mod matching;
mod minimum;
mod operating;
mod refusing;
mod replacing;
mod states;
mod stopping;
mod types;

use std::collections::BTreeMap;

use engine::exchange::command::{
    AccountDefinition, Command, CommandKind, InstrumentDefinition, Order, whole,
};
use engine::exchange::event::{Event, EventKind};

pub(super) use types::{Ended, ModelAsset, ModelOrder};
use types::{ModelAccount, ModelInstrument, ModelSession, Name, Place, ceiling};

/// The price of a market order in events.
const MARKET: u32 = 0x7FFF_FFFF;

#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    pub assets: Vec<ModelAsset>,
    pub accounts: Vec<ModelAccount>,
    pub sessions: Vec<ModelSession>,
    pub instruments: Vec<ModelInstrument>,
    /// Every order that waits, in no particular order.
    pub orders: Vec<ModelOrder>,
    /// By the operator.
    pub all_killed: bool,
    /// Code and time of the last System Event.
    pub told: Option<(u8, u64)>,
    /// How often each case was met.
    pub coverage: BTreeMap<String, u64>,
    /// Orders the exchange has room for.
    pub orders_max: usize,
    /// Levels the exchange has room for.
    pub levels_max: usize,
    /// Different fees that the exchange has room for, and those there were.
    pub schedules_max: usize,
    pub schedules: Vec<(i32, i32)>,
    order_number: u64,
    match_number: u64,
    /// How many numbers there were since the first day: who came first.
    rank: u64,
    day: u64,
    /// When imbalances are told next.
    pub imbalances: Option<u64>,
    now: u64,
    /// Where prices were when the command began, by instrument.
    references: Vec<u64>,
    /// The instrument that traded in this command, lowest and highest price.
    extremes: Option<(u16, u64, u64)>,
    /// Reserve orders whose displayed part was used up in this command, the first first.
    ran_out: Vec<u64>,
    events: Vec<Event>,
    ended: Vec<Ended>,
}

impl Model {
    /// What the command causes: events, and the orders that ended, in order.
    pub(super) fn apply(&mut self, command: &Command) -> (Vec<Event>, Vec<Ended>) {
        let is_refused_roll = command.kind == CommandKind::RollDay as u8 && !self.may_roll();
        // Only a new day counts from another midnight.
        self.now = if is_refused_roll {
            command.time.max(self.now)
        } else {
            command.time
        };
        self.references = self.instruments.iter().map(ModelInstrument::reference).collect();
        self.extremes = None;
        let order = command.order();
        match CommandKind::from_byte(command.kind).expect("the test makes known commands") {
            CommandKind::Enter => self.enter(command, order),
            CommandKind::Replace => self.replace(command, order),
            CommandKind::Cancel => self.cancel(command.session, order),
            CommandKind::Modify => self.modify(command.session, order),
            CommandKind::MassCancel => self.mass_cancel(command, order),
            CommandKind::DisableOrderEntry => {
                if let Some(account) = self.number_to_act(command, order) {
                    self.accounts[account as usize].enabled = false;
                    self.answer(EventKind::OrderEntryDisabled, command.session, order.user_ref);
                    self.cancel_matching(b'S', |order| order.account == account);
                }
            }
            CommandKind::EnableOrderEntry => {
                if let Some(account) = self.number_to_act(command, order) {
                    self.accounts[account as usize].enabled = true;
                    self.answer(EventKind::OrderEntryEnabled, command.session, order.user_ref);
                }
            }
            CommandKind::AccountQuery => {
                let next = self.sessions[command.session as usize].mark + 1;
                self.events.push(Event {
                    session: command.session,
                    quantity: next,
                    ..Event::new(EventKind::AccountAnswered)
                });
            }
            CommandKind::ConnectionStart => self.sessions[command.session as usize].connected = true,
            CommandKind::ConnectionEnd => {
                let session = &mut self.sessions[command.session as usize];
                session.connected = false;
                let account = session.account as usize;
                if self.accounts[account].definition.cancel_on_disconnect != 0 {
                    self.cancel_matching(b'Z', |order| order.session == command.session);
                }
            }
            CommandKind::Expire => self.expire(),
            CommandKind::ChangeAccount => self.change_account(&command.definition()),
            CommandKind::ChangeInstrument => {
                self.change_instrument(command.instrument, &command.definition())
            }
            CommandKind::KillSwitch => self.kill_switch(&command.kill_switch()),
            CommandKind::CancelOrders => self.cancel_orders(command),
            CommandKind::ChangePassword => {
                if command.password_change().session as usize >= self.sessions.len() {
                    self.refuse_operation(2);
                }
            }
            CommandKind::Deposit | CommandKind::Withdraw => self.transfer(command),
            CommandKind::SetState => self.set_state(command),
            CommandKind::SetProtection => self.set_protection(command),
            CommandKind::Reopen => self.reopen(command.instrument),
            CommandKind::Imbalance => self.tell_imbalances(),
            CommandKind::SystemEvent => self.system_event(command.state_change().value),
            CommandKind::RollDay => self.roll_day(),
            kind => panic!("the model's world is set up by its own functions, not by {kind:?}"),
        }
        self.cascade();
        self.refresh();
        (std::mem::take(&mut self.events), std::mem::take(&mut self.ended))
    }

    pub(super) fn add_account(&mut self, definition: AccountDefinition) {
        self.accounts.push(ModelAccount {
            definition,
            enabled: true,
            killed: false,
            totals: vec![0; self.assets.len()],
        });
    }

    pub(super) fn add_session(&mut self, account: u32) {
        self.sessions.push(ModelSession {
            account,
            mark: 0,
            connected: false,
            backlog: 0,
            charged_at: 0,
        });
    }

    pub(super) fn add_instrument(&mut self, definition: InstrumentDefinition) {
        self.add_schedule((definition.maker_fee_ppm, definition.taker_fee_ppm));
        self.instruments.push(ModelInstrument {
            definition,
            state: b'P',
            auction: b'O',
            reopens: None,
            volatility_ppm: 0,
            pause_seconds: 0,
            last_price: 0,
            last_quantity: 0,
            last_match: 0,
            last_time: 0,
        });
    }

    pub(super) fn instrument(&self, locate: u16) -> &ModelInstrument {
        &self.instruments[usize::from(locate) - 1]
    }

    fn instrument_mut(&mut self, locate: u16) -> &mut ModelInstrument {
        &mut self.instruments[usize::from(locate) - 1]
    }

    fn is_there(&self, locate: u16) -> bool {
        (1..=self.instruments.len()).contains(&usize::from(locate))
    }

    /// The next order number.
    fn coming_name(&self) -> Name {
        Name {
            number: self.order_number + 1,
            rank: self.rank + 1,
        }
    }

    fn take_name(&mut self) -> Name {
        let name = self.coming_name();
        (self.order_number, self.rank) = (name.number, name.rank);
        name
    }

    /// The orders of a side that show something, best first.
    pub(super) fn shown(&self, instrument: u16, is_buy: bool) -> Vec<&ModelOrder> {
        self.line(instrument, is_buy, |order| {
            let key = types::price_key(is_buy, order.price);
            (order.displayed > 0).then_some((key, order.shown.rank))
        })
    }

    /// The orders of a side that do not show all, best first.
    pub(super) fn dark(&self, instrument: u16, is_buy: bool) -> Vec<&ModelOrder> {
        self.line(instrument, is_buy, |order| {
            let key = types::price_key(is_buy, order.price);
            (order.place == Place::Book && order.reserve() > 0).then_some((key, order.name.rank))
        })
    }

    /// The stops of a side, the one that prices would reach first.
    pub(super) fn stops(&self, instrument: u16, is_buy: bool) -> Vec<&ModelOrder> {
        self.line(instrument, is_buy, |order| {
            let key = types::price_key(!is_buy, order.stop);
            (order.place == Place::Stop).then_some((key, order.name.rank))
        })
    }

    fn line(
        &self,
        instrument: u16,
        is_buy: bool,
        key: impl Fn(&ModelOrder) -> Option<(u64, u64)>,
    ) -> Vec<&ModelOrder> {
        let is_here = |order: &&ModelOrder| order.instrument == instrument && order.is_buy == is_buy;
        let mut line: Vec<_> = self
            .orders
            .iter()
            .filter(is_here)
            .filter(|order| key(order).is_some())
            .collect();
        line.sort_by_key(|order| key(order));
        line
    }

    /// What the account's orders bind of an asset.
    pub(super) fn held(&self, account: u32, asset: u32) -> i128 {
        self.orders
            .iter()
            .filter(|order| order.account == account)
            .map(|order| match self.hold(order) {
                (of, amount) if of == asset => amount,
                _ => 0,
            })
            .sum()
    }

    /// What the account is free to use of an asset.
    pub(super) fn available(&self, account: u32, asset: u32) -> i128 {
        let available = self.accounts[account as usize].totals[asset as usize] - self.held(account, asset);
        assert!(
            available >= 0,
            "account {account} asset {asset}: {available} available"
        );
        available
    }

    /// The instrument's fees now.
    pub(super) fn fees(&self, instrument: u16) -> (i32, i32) {
        let definition = &self.instruments[usize::from(instrument) - 1].definition;
        (definition.maker_fee_ppm, definition.taker_fee_ppm)
    }

    fn hit(&mut self, case: impl AsRef<str>) {
        match self.coverage.get_mut(case.as_ref()) {
            Some(times) => *times += 1,
            None => {
                self.coverage.insert(case.as_ref().to_owned(), 1);
            }
        }
    }

    /// Exact quote units.
    fn value(&self, instrument: u16, price: u64, quantity: u32) -> i128 {
        let definition = &self.instruments[usize::from(instrument) - 1].definition;
        let scale = 10_i128.pow(u32::from(self.assets[usize::from(definition.quote)].decimals));
        let numerator = i128::from(price) * i128::from(quantity) * whole(definition.lot_size) as i128 * scale;
        let denominator = whole(definition.price_unit) as i128 * 10_000;
        assert_eq!(numerator % denominator, 0, "a fill is exact");
        numerator / denominator
    }

    /// The asset that an order binds, and how much of it.
    pub(super) fn hold(&self, order: &ModelOrder) -> (u32, i128) {
        let definition = &self.instruments[usize::from(order.instrument) - 1].definition;
        if !order.is_buy {
            let amount = i128::from(order.open) * whole(definition.lot_size) as i128;
            return (u32::from(definition.base), amount);
        }
        if !order.is_held {
            return (u32::from(definition.quote), 0);
        }
        let value = self.value(order.instrument, order.price, order.open);
        let rate = order.fees.0.max(order.fees.1).max(0);
        let worst = ceiling(order.exact_fees + value * i128::from(rate)) - order.charged();
        (u32::from(definition.quote), value + worst.max(0))
    }

    fn answer(&mut self, kind: EventKind, session: u32, user_ref: u32) {
        self.events.push(Event {
            session,
            user_ref,
            ..Event::new(kind)
        });
    }

    fn reject(&mut self, session: u32, user_ref: u32, reason: u16) {
        self.hit(format!("refused {reason:#06x}"));
        self.events.push(Event {
            session,
            user_ref,
            detail: u32::from(reason),
            ..Event::new(EventKind::Rejected)
        });
    }

    /// The account, when the request's number is new; the mark follows it. The highest number is refused.
    fn number_consumed(&mut self, command: &Command, order: &Order) -> Option<u32> {
        let session = &mut self.sessions[command.session as usize];
        if order.user_ref <= session.mark {
            self.hit("repeated number");
            return None;
        }
        if order.user_ref == u32::MAX {
            self.hit("highest number");
            self.reject(command.session, order.user_ref, 0x000F);
            return None;
        }
        if order.user_ref > session.mark + 1 {
            self.hit("number gap");
        }
        let session = &mut self.sessions[command.session as usize];
        session.mark = order.user_ref;
        Some(session.account)
    }

    /// The same for what nobody may ask who may only view.
    fn number_to_act(&mut self, command: &Command, order: &Order) -> Option<u32> {
        let account = self.number_consumed(command, order)?;
        if self.accounts[account as usize].definition.permissions == 2 {
            self.hit("request refused to who may only view");
            self.reject(command.session, order.user_ref, 0x000C);
            return None;
        }
        Some(account)
    }

    fn end(&mut self, order: ModelOrder, state: u8) {
        self.ended.push(Ended { order, state });
    }

    fn find(&self, session: u32, user_ref: u32) -> Option<ModelOrder> {
        self.orders
            .iter()
            .find(|order| order.session == session && order.user_ref == user_ref)
            .cloned()
    }

    fn order(&self, number: u64) -> &ModelOrder {
        let order = self.orders.iter().find(|order| order.name.number == number);
        order.expect("it waits")
    }

    /// Takes an order out.
    fn take(&mut self, number: u64) {
        self.orders.retain(|order| order.name.number != number);
    }

    fn update(&mut self, order: &ModelOrder) {
        let place = self
            .orders
            .iter()
            .position(|other| other.name.number == order.name.number);
        self.orders[place.expect("it waits")] = order.clone();
    }
}
