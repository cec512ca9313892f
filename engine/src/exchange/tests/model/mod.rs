//! A naive exchange: sorted vectors, nothing stored that can be added up, every rule as the wire contract says it. It
//! shares layouts with the exchange (commands, events, definitions) and no code. Slow on purpose.
//!
//! What differs from the exchange by design: the ledger knows totals only (what is held is added up from the orders each
//! time), fees are kept as exact sums in millionths, funds of a market order are found by bisection, time priority is
//! the order number.

mod canceling;
mod entering;
mod matching;
mod minimum;
mod operating;
mod refusing;
mod types;

use std::collections::BTreeMap;

use engine::exchange::command::{
    AccountDefinition, Command, CommandKind, InstrumentDefinition, Order, whole,
};
use engine::exchange::event::{Event, EventKind};

pub(super) use types::{Ended, ModelAsset, ModelOrder};
use types::{ModelAccount, ModelInstrument, ModelSession, ceiling};

/// The price of a market order in events.
const MARKET: u32 = 0x7FFF_FFFF;

#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    pub assets: Vec<ModelAsset>,
    pub accounts: Vec<ModelAccount>,
    pub sessions: Vec<ModelSession>,
    pub instruments: Vec<ModelInstrument>,
    /// By the operator.
    pub all_killed: bool,
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
    now: u64,
    events: Vec<Event>,
    ended: Vec<Ended>,
}

impl Model {
    /// What the command causes: events, and the orders that ended, in order.
    pub(super) fn apply(&mut self, command: &Command) -> (Vec<Event>, Vec<Ended>) {
        self.now = command.time;
        let order = command.order();
        match CommandKind::from_byte(command.kind).expect("the test makes known commands") {
            CommandKind::Enter => self.enter(command, order),
            CommandKind::Replace => self.replace(command, order),
            CommandKind::Cancel => self.cancel(command.session, order),
            CommandKind::Modify => self.modify(command.session, order),
            CommandKind::MassCancel => self.mass_cancel(command, order),
            CommandKind::DisableOrderEntry => {
                if let Some(account) = self.number_consumed(command, order) {
                    self.accounts[account as usize].enabled = false;
                    self.answer(EventKind::OrderEntryDisabled, command.session, order.user_ref);
                    self.cancel_matching(b'S', |order| order.account == account);
                }
            }
            CommandKind::EnableOrderEntry => {
                if let Some(account) = self.number_consumed(command, order) {
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
            CommandKind::Deposit | CommandKind::Withdraw => self.transfer(command),
            CommandKind::SetState => {
                let instrument = &mut self.instruments[usize::from(command.instrument) - 1];
                instrument.state = command.state_change().value;
                let code = match instrument.state {
                    b'P' | b'A' => b'Q',
                    b'T' => b'T',
                    b'V' => b'P',
                    _ => b'H',
                };
                self.events.push(Event {
                    instrument: command.instrument,
                    code,
                    number: u64::from_be_bytes(instrument.definition.symbol),
                    ..Event::new(EventKind::TradingAction)
                });
            }
            kind => panic!("the model's world is set up by its own functions, not by {kind:?}"),
        }
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
            last_price: 0,
            last_quantity: 0,
            last_match: 0,
            last_time: 0,
            bids: Vec::new(),
            asks: Vec::new(),
        });
    }

    /// Every resting order, in no particular order.
    pub(super) fn resting(&self) -> impl Iterator<Item = &ModelOrder> {
        self.instruments
            .iter()
            .flat_map(|instrument| instrument.bids.iter().chain(&instrument.asks))
    }

    /// What the account's orders bind of an asset.
    pub(super) fn held(&self, account: u32, asset: u32) -> i128 {
        self.resting()
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
        if order.is_market {
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

    fn end(&mut self, order: ModelOrder, state: u8) {
        self.ended.push(Ended { order, state });
    }

    fn find(&self, session: u32, user_ref: u32) -> Option<ModelOrder> {
        self.resting()
            .find(|order| order.session == session && order.user_ref == user_ref)
            .cloned()
    }

    /// Takes an order out of the book.
    fn take(&mut self, number: u64) {
        for instrument in &mut self.instruments {
            instrument.bids.retain(|order| order.number != number);
            instrument.asks.retain(|order| order.number != number);
        }
    }

    fn update(&mut self, order: &ModelOrder) {
        let side = self.instruments[usize::from(order.instrument) - 1].side_mut(order.is_buy);
        let place = side.iter().position(|other| other.number == order.number);
        side[place.expect("it rests")] = order.clone();
    }
}
