//! A naive exchange: sorted vectors, nothing stored that can be added up, every rule as the wire contract says it. It
//! shares layouts with the exchange (commands, events, definitions) and no code. Slow on purpose.
//!
//! What differs from the exchange by design: the ledger knows totals only (what is held is added up from the orders each
//! time), fees are kept as exact sums in millionths, funds of a market order are found by bisection, time priority is
//! the order number.

mod minimum;

use std::collections::BTreeMap;

use engine::exchange::command::{
    ALL_ACCOUNTS, AccountChange, AccountDefinition, Command, CommandKind, FLAG_LOW_SPACE, InstrumentChange,
    InstrumentDefinition, KillSwitch, Order, OrderOptions, UNKNOWN_INSTRUMENT, whole,
};
use engine::exchange::event::{Event, EventKind};

/// The price of a market order in events.
const MARKET: u32 = 0x7FFF_FFFF;
const MILLION: i128 = 1_000_000;

/// A resting order, or the incoming one.
#[derive(Debug, Clone)]
pub(super) struct ModelOrder {
    pub session: u32,
    pub account: u32,
    pub user_ref: u32,
    pub number: u64,
    /// The number of the chain's first order: its age within the account.
    pub age: u64,
    pub instrument: u16,
    pub is_buy: bool,
    pub is_market: bool,
    /// The limit; a market order's collar bound.
    pub price: u64,
    pub open: u32,
    pub executed: u32,
    pub executed_value: i128,
    /// Exact fees so far, millionths of a quote unit.
    pub exact_fees: i128,
    pub attributed: bool,
    pub firm: [u8; 4],
    pub group: u16,
    pub capacity: u8,
    pub cross_type: u8,
    pub cl_ord_id: [u8; 14],
    /// When it ends by itself.
    pub ends: Option<u64>,
    /// Maker's and taker's, as they were when it got its number.
    pub fees: (i32, i32),
}

impl ModelOrder {
    /// What it was charged: the exact sum, rounded up.
    pub(super) fn charged(&self) -> i128 {
        ceiling(self.exact_fees)
    }
}

/// An order that ended, and how: `F` or `C`.
#[derive(Debug, Clone)]
pub(super) struct Ended {
    pub order: ModelOrder,
    pub state: u8,
}

#[derive(Debug, Clone)]
pub(super) struct ModelAccount {
    pub definition: AccountDefinition,
    pub enabled: bool,
    /// By the operator.
    pub killed: bool,
    /// Available and held together, by asset.
    pub totals: Vec<i128>,
}

#[derive(Debug, Clone)]
pub(super) struct ModelSession {
    pub account: u32,
    pub mark: u32,
    pub connected: bool,
    /// Nanoseconds of allowed rate that are used up, as of `charged_at`.
    backlog: u64,
    charged_at: u64,
}

#[derive(Debug, Clone)]
pub(super) struct ModelInstrument {
    pub definition: InstrumentDefinition,
    pub state: u8,
    pub last_price: u64,
    pub last_quantity: u32,
    pub last_match: u64,
    pub last_time: u64,
    /// Best first, then by order number.
    pub bids: Vec<ModelOrder>,
    pub asks: Vec<ModelOrder>,
}

impl ModelInstrument {
    pub(super) fn side(&self, is_buy: bool) -> &Vec<ModelOrder> {
        if is_buy { &self.bids } else { &self.asks }
    }

    fn side_mut(&mut self, is_buy: bool) -> &mut Vec<ModelOrder> {
        if is_buy { &mut self.bids } else { &mut self.asks }
    }

    fn reference(&self) -> u64 {
        if self.last_price != 0 {
            self.last_price
        } else {
            u64::from(self.definition.reference_price)
        }
    }

    /// True when the price is not further than the collar on the aggressive side.
    fn inside_collar(&self, is_buy: bool, price: u64) -> bool {
        let (reference, ppm) = (
            i128::from(self.reference()),
            i128::from(self.definition.collar_ppm),
        );
        if reference == 0 || ppm == 0 {
            return true;
        }
        let scaled = i128::from(price) * MILLION;
        if is_buy {
            scaled <= reference * (MILLION + ppm)
        } else {
            scaled >= reference * (MILLION - ppm)
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct ModelAsset {
    pub decimals: u8,
    pub deposited: i128,
    pub withdrawn: i128,
    pub fees: i128,
}

/// What an order asks, understood.
#[derive(Debug, Clone, Copy)]
struct Asked {
    is_market: bool,
    is_immediate: bool,
    is_post_only: bool,
    min_quantity: u32,
    mode: u8,
    /// When it ends by itself.
    ends: Option<u64>,
}

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

fn ceiling(millionths: i128) -> i128 {
    -((-millionths).div_euclid(MILLION))
}

impl Model {
    /// What the command causes: events, and the orders that ended, in order.
    pub(super) fn apply(&mut self, command: &Command) -> (Vec<Event>, Vec<Ended>) {
        self.now = command.time;
        let order = command.order();
        match CommandKind::from_byte(command.kind).expect("the test makes known commands") {
            CommandKind::Enter => self.enter(command, &order),
            CommandKind::Replace => self.replace(command, &order),
            CommandKind::Cancel => self.cancel(command.session, &order),
            CommandKind::Modify => self.modify(command.session, &order),
            CommandKind::MassCancel => self.mass_cancel(command, &order),
            CommandKind::DisableOrderEntry => {
                if let Some(account) = self.number_consumed(command, &order) {
                    self.accounts[account as usize].enabled = false;
                    self.answer(EventKind::OrderEntryDisabled, command.session, order.user_ref);
                    self.cancel_matching(b'S', |order| order.account == account);
                }
            }
            CommandKind::EnableOrderEntry => {
                if let Some(account) = self.number_consumed(command, &order) {
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
    fn fees(&self, instrument: u16) -> (i32, i32) {
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

    /// Order entry disabled, message rate.
    fn refuse_client(&mut self, session: u32, account: u32) -> Result<(), u16> {
        let ModelAccount { enabled, killed, .. } = self.accounts[account as usize];
        if !enabled || killed || self.all_killed {
            if killed || self.all_killed {
                self.hit("refused by the operator's kill switch");
            }
            return Err(0x000C);
        }
        let AccountDefinition {
            rate_per_second,
            rate_burst,
            ..
        } = self.accounts[account as usize].definition;
        if rate_per_second > 0 {
            let interval = 1_000_000_000 / u64::from(rate_per_second);
            let session = &mut self.sessions[session as usize];
            session.backlog = session.backlog.saturating_sub(self.now - session.charged_at);
            session.charged_at = self.now;
            if session.backlog > interval * u64::from(rate_burst) {
                return Err(0x0029);
            }
            session.backlog += interval;
        }
        Ok(())
    }

    fn refuse_state(&self, instrument: u16) -> Result<(), u16> {
        match self.instruments[usize::from(instrument) - 1].state {
            b'T' => Ok(()),
            b'X' | b'P' => Err(0x0002),
            b'H' | b'C' => Err(0x0007),
            _ => Err(0x0014),
        }
    }

    /// From time in force to the value of the order.
    fn refuse_terms(
        &self,
        instrument: u16,
        account: u32,
        is_buy: bool,
        order: &Order,
        options: &OrderOptions,
        executed: u32,
    ) -> Result<Asked, u16> {
        let definition = &self.instruments[usize::from(instrument) - 1].definition;
        let account = &self.accounts[account as usize].definition;
        let sentinel = [0x7FFF_FFFF, u64::MAX, i64::MAX as u64].contains(&order.price);
        let is_high = order.price >= 2_000_000_000 && definition.price_max <= 2_000_000_000;
        let is_market = sentinel || is_high;
        let is_immediate = order.time_in_force == b'3';
        let is_post_only = options.has(OrderOptions::HAS_POST_ONLY) && options.post_only == b'P';
        let ends = match order.time_in_force {
            b'0' | b'3' | b'G' => None,
            b'6' if options.has(OrderOptions::HAS_EXPIRE_TIME)
                && options.expire_time > 0
                && options.expire_time < 24 * 60 * 60 =>
            {
                Some(self.now + 1_000_000_000 * u64::from(options.expire_time))
            }
            _ => return Err(0x000F),
        };
        if order.cross_type != b'N' {
            return Err(0x0014);
        }
        if order.display != b'Y' && order.display != b'A' {
            return Err(0x0003);
        }
        if options.has(OrderOptions::MALFORMED)
            || options.has(OrderOptions::HAS_STOP_PRICE)
            || options.has(OrderOptions::HAS_FUNDS)
            || (is_post_only && (is_immediate || is_market))
        {
            return Err(0x000F);
        }
        let is_pegged = options.has(OrderOptions::HAS_PRICE_TYPE) && options.price_type != b'L';
        if options.has(OrderOptions::HAS_PEG) || is_pegged {
            return Err(0x0011);
        }
        if options.has(OrderOptions::HAS_DISCRETION) {
            return Err(0x000F);
        }
        if options.has(OrderOptions::HAS_ROUTE) {
            return Err(0x0016);
        }
        let open = order.quantity.saturating_sub(executed);
        if options.min_quantity > 0 && (!(is_immediate || is_market) || options.min_quantity > open) {
            return Err(0x000D);
        }
        if options.has(OrderOptions::HAS_MAX_FLOOR) {
            return Err(0x0004);
        }
        if order.quantity == 0 || order.quantity > definition.quantity_max {
            return Err(0x0013);
        }
        if account.quantity_max > 0 && order.quantity > account.quantity_max {
            return Err(0x0031);
        }
        let book = &self.instruments[usize::from(instrument) - 1];
        if !is_market {
            if order.price == 0
                || order.price > u64::from(definition.price_max)
                || !order.price.is_multiple_of(u64::from(definition.tick_size))
            {
                return Err(0x001D);
            }
            if !book.inside_collar(is_buy, order.price) {
                return Err(0x0026);
            }
        }
        let valued_at = if is_market { book.reference() } else { order.price };
        let value = self.value(instrument, valued_at, open) as u128;
        let (notional_max, fat_finger) = (whole(definition.notional_max), whole(definition.fat_finger));
        if notional_max > 0 && value > notional_max {
            return Err(0x001F);
        }
        if fat_finger > 0 && value > fat_finger {
            return Err(0x0006);
        }
        Ok(Asked {
            is_market,
            is_immediate,
            is_post_only,
            min_quantity: options.min_quantity,
            mode: if options.has(OrderOptions::HAS_SELF_MATCH) {
                options.self_match
            } else {
                account.self_match
            },
            ends,
        })
    }

    fn refuse_enter(&mut self, command: &Command, order: &Order, account: u32) -> Result<(Asked, bool), u16> {
        self.refuse_client(command.session, account)?;
        let locate = command.instrument;
        if locate == UNKNOWN_INSTRUMENT || locate == 0 || usize::from(locate) > self.instruments.len() {
            return Err(0x0017);
        }
        self.refuse_state(locate)?;
        let is_buy = match order.side {
            b'B' => true,
            b'S' => false,
            b'T' => return Err(0x002B),
            b'E' => return Err(0x002F),
            _ => return Err(0x0009),
        };
        let asked = self.refuse_terms(locate, account, is_buy, order, &command.options(), 0)?;
        let open_orders = self.resting().filter(|order| order.account == account).count();
        let limit = self.accounts[account as usize].definition.open_orders_max as usize;
        if !asked.is_market && !asked.is_immediate && limit > 0 && open_orders >= limit {
            return Err(0x000F);
        }
        if command.flags & FLAG_LOW_SPACE != 0 {
            return Err(0x000A);
        }
        if self.resting().count() >= self.orders_max {
            self.hit("no room for an order");
            return Err(0x000A);
        }
        self.refuse_level(&asked, locate, is_buy, order.price)?;
        Ok((asked, is_buy))
    }

    /// An order that may rest needs a level, there already or new.
    fn refuse_level(&mut self, asked: &Asked, instrument: u16, is_buy: bool, price: u64) -> Result<(), u16> {
        let mut levels: Vec<_> = self
            .resting()
            .map(|order| (order.instrument, order.is_buy, order.price))
            .collect();
        levels.sort_unstable();
        levels.dedup();
        let may_rest = !asked.is_market && !asked.is_immediate;
        if may_rest && levels.len() >= self.levels_max && !levels.contains(&(instrument, is_buy, price)) {
            self.hit("no room for a level");
            return Err(0x000A);
        }
        Ok(())
    }

    /// The price that a market order does not pass: the furthest valid one inside the collar.
    fn bound(&self, instrument: u16, is_buy: bool) -> u64 {
        let instrument = &self.instruments[usize::from(instrument) - 1];
        let tick = u64::from(instrument.definition.tick_size);
        let highest = u64::from(instrument.definition.price_max) / tick;
        let (mut inside, mut outside) = if is_buy { (1, highest + 1) } else { (highest, 0) };
        // Bisection: the collar is monotone, and a buy at one tick, a sell at the highest is inside it or nothing is.
        while inside.abs_diff(outside) > 1 {
            let middle = inside.midpoint(outside);
            if instrument.inside_collar(is_buy, middle * tick) {
                inside = middle;
            } else {
                outside = middle;
            }
        }
        inside * tick
    }

    fn enter(&mut self, command: &Command, order: &Order) {
        let Some(account) = self.number_consumed(command, order) else {
            return;
        };
        let (asked, is_buy) = match self.refuse_enter(command, order, account) {
            Ok(good) => good,
            Err(reason) => return self.reject(command.session, order.user_ref, reason),
        };
        let options = command.options();
        let firm = if options.has(OrderOptions::HAS_FIRM) {
            options.firm
        } else {
            self.accounts[account as usize].definition.firm
        };
        let incoming = ModelOrder {
            session: command.session,
            account,
            user_ref: order.user_ref,
            number: self.order_number + 1,
            age: self.order_number + 1,
            instrument: command.instrument,
            is_buy,
            is_market: asked.is_market,
            price: if asked.is_market {
                self.bound(command.instrument, is_buy)
            } else {
                order.price
            },
            open: order.quantity,
            executed: 0,
            executed_value: 0,
            exact_fees: 0,
            attributed: order.display == b'A',
            firm,
            group: options.group,
            capacity: order.capacity,
            cross_type: order.cross_type,
            cl_ord_id: order.cl_ord_id,
            ends: asked.ends,
            fees: self.fees(command.instrument),
        };
        let (asset, needed) = self.hold(&incoming);
        if needed > self.available(account, asset) {
            return self.reject(command.session, order.user_ref, 0x0020);
        }
        self.order_number += 1;
        let takes = self.crosses(&incoming);
        let dies = asked.is_post_only && takes;
        self.events.push(Event {
            code: if dies { b'D' } else { b'L' },
            instrument: incoming.instrument,
            session: incoming.session,
            user_ref: incoming.user_ref,
            quantity: incoming.open,
            price: if asked.is_market {
                MARKET
            } else {
                incoming.price as u32
            },
            number: incoming.number,
            ..Event::new(EventKind::Accepted)
        });
        self.go(incoming, asked, dies);
    }

    /// True when the best opposite order is within the order's price.
    fn crosses(&self, order: &ModelOrder) -> bool {
        let book = &self.instruments[usize::from(order.instrument) - 1];
        book.side(!order.is_buy)
            .first()
            .is_some_and(|best| within(order, best.price))
    }

    /// What an accepted order does: dies as post-only, fails its minimum, or matches and rests or not.
    fn go(&mut self, mut incoming: ModelOrder, asked: Asked, dies: bool) {
        if dies {
            self.hit("post-only dead");
            return self.cancel_rest(incoming, b'G');
        }
        if asked.min_quantity > 0 && !self.reaches_minimum(&incoming, asked) {
            return self.cancel_rest(incoming, b'I');
        }
        let reason = self.sweep(&mut incoming, asked);
        if incoming.open == 0 {
            return;
        }
        if asked.is_market || asked.is_immediate {
            self.hit(format!(
                "{} remainder {}",
                if asked.is_market { "market" } else { "immediate" },
                char::from(reason)
            ));
            return self.cancel_rest(incoming, reason);
        }
        self.events.push(Event {
            code: if incoming.is_buy { b'B' } else { b'S' },
            instrument: incoming.instrument,
            session: incoming.session,
            user_ref: incoming.user_ref,
            quantity: incoming.open,
            price: incoming.price as u32,
            detail: if incoming.attributed {
                u32::from_le_bytes(incoming.firm)
            } else {
                0
            },
            number: incoming.number,
            ..Event::new(EventKind::Added)
        });
        self.rest(incoming);
    }

    fn rest(&mut self, order: ModelOrder) {
        let side = self.instruments[usize::from(order.instrument) - 1].side_mut(order.is_buy);
        side.push(order);
        side.sort_by_key(|order| {
            let price = if order.is_buy {
                u64::MAX - order.price
            } else {
                order.price
            };
            (price, order.number)
        });
    }

    /// Matches as far as book, price and funds reach. Returns why it ended, for what is left.
    fn sweep(&mut self, incoming: &mut ModelOrder, asked: Asked) -> u8 {
        let before = self.events.len();
        let reason = loop {
            if incoming.open == 0 {
                self.end(incoming.clone(), b'F');
                break b'F';
            }
            let book = &self.instruments[usize::from(incoming.instrument) - 1];
            let Some(best) = book.side(!incoming.is_buy).first().cloned() else {
                break b'I';
            };
            if !within(incoming, best.price) {
                break if asked.is_market { b'K' } else { b'I' };
            }
            if best.account == incoming.account {
                self.meet_oneself(incoming, best, asked.mode);
                if incoming.open == 0 {
                    break b'Q';
                }
                continue;
            }
            let wanted = incoming.open.min(best.open);
            let quantity = self.affordable(incoming, best.price, wanted);
            if quantity > 0 {
                self.fill(incoming, best, quantity);
            }
            if quantity < wanted {
                break b'Z';
            }
        };
        if self.events.len() - before > 256 {
            let side = if incoming.is_buy { "buy" } else { "sell" };
            self.hit(format!("{side} sweep longer than a step"));
        }
        reason
    }

    /// The most lots, up to `wanted`, that a market buyer can pay at `price` with the fee: all for everybody else.
    fn affordable(&self, incoming: &ModelOrder, price: u64, wanted: u32) -> u32 {
        if !(incoming.is_market && incoming.is_buy) {
            return wanted;
        }
        let definition = &self.instruments[usize::from(incoming.instrument) - 1].definition;
        let funds = self.available(incoming.account, u32::from(definition.quote));
        let fits = |quantity| {
            let value = self.value(incoming.instrument, price, quantity);
            let exact = incoming.exact_fees + value * i128::from(incoming.fees.1);
            value + ceiling(exact) - incoming.charged() <= funds
        };
        let (mut good, mut bad) = (0, u64::from(wanted) + 1);
        while bad - good > 1 {
            let middle = good.midpoint(bad);
            if fits(middle as u32) {
                good = middle;
            } else {
                bad = middle;
            }
        }
        good as u32
    }

    fn fill(&mut self, incoming: &mut ModelOrder, best: ModelOrder, quantity: u32) {
        let definition = self.instruments[usize::from(incoming.instrument) - 1].definition;
        let value = self.value(incoming.instrument, best.price, quantity);
        let amount = i128::from(quantity) * whole(definition.lot_size) as i128;
        let mut maker = best.clone();
        self.match_number += 1;
        if quantity < best.open {
            self.hit("partial fill of resting");
        }
        if quantity < incoming.open {
            self.hit("partial fill of incoming");
        }
        if incoming.is_buy && !incoming.is_market && best.price < incoming.price {
            self.hit("price improvement");
            if incoming.fees.1 > 0 {
                self.hit("price improvement with fees");
            }
        }
        let mut fees = [0; 2];
        if best.fees != incoming.fees {
            self.hit("match of an order with old fees");
        }
        let rates = (best.fees.0, incoming.fees.1);
        for (fee, (order, rate)) in fees
            .iter_mut()
            .zip([(&mut maker, rates.0), (&mut *incoming, rates.1)])
        {
            let before = order.charged();
            order.exact_fees += value * i128::from(rate);
            *fee = order.charged() - before;
            order.open -= quantity;
            order.executed += quantity;
            order.executed_value += value;
            let totals = &mut self.accounts[order.account as usize].totals;
            let sign = if order.is_buy { 1 } else { -1 };
            totals[usize::from(definition.base)] += sign * amount;
            totals[usize::from(definition.quote)] -= sign * value + *fee;
            self.assets[usize::from(definition.quote)].fees += *fee;
        }
        if fees[0] < 0 {
            self.hit("rebate");
        }
        for (kind, code, number, fee, order) in [
            (EventKind::ExecutedResting, b'A', maker.number, fees[0], &maker),
            (
                EventKind::ExecutedIncoming,
                b'R',
                self.match_number,
                fees[1],
                &*incoming,
            ),
        ] {
            if self.accounts[order.account as usize].definition.fee_reports != 0 {
                self.events.push(Event {
                    session: order.session,
                    user_ref: order.user_ref,
                    number: fee as u64,
                    ..Event::new(EventKind::Fee)
                });
            }
            self.events.push(Event {
                code,
                instrument: order.instrument,
                session: order.session,
                user_ref: order.user_ref,
                quantity,
                price: best.price as u32,
                number,
                ..Event::new(kind)
            });
        }
        let now = self.now;
        let match_number = self.match_number;
        let book = &mut self.instruments[usize::from(incoming.instrument) - 1];
        book.last_price = best.price;
        book.last_quantity = quantity;
        book.last_match = match_number;
        book.last_time = now;
        self.put_first(maker, b'F');
    }

    /// Writes the best opposite order back, or ends it when nothing of it is left.
    fn put_first(&mut self, order: ModelOrder, state: u8) {
        let side = self.instruments[usize::from(order.instrument) - 1].side_mut(order.is_buy);
        if order.open == 0 {
            side.remove(0);
            self.end(order, state);
        } else {
            side[0] = order;
        }
    }

    fn meet_oneself(&mut self, incoming: &mut ModelOrder, mut best: ModelOrder, mode: u8) {
        self.hit(format!("self match {}", char::from(mode)));
        let prevented = incoming.open.min(best.open);
        let (from_best, from_incoming) = match mode {
            b'O' => (best.open, 0),
            b'W' => (0, incoming.open),
            b'D' => (prevented, prevented),
            b'B' => (best.open, incoming.open),
            other => panic!("self-match mode {other}"),
        };
        let price = best.price as u32;
        let report = |kind, order: &ModelOrder, quantity| Event {
            code: mode,
            instrument: order.instrument,
            session: order.session,
            user_ref: order.user_ref,
            quantity,
            price,
            detail: prevented,
            number: order.number,
            ..Event::new(kind)
        };
        if from_best > 0 {
            best.open -= from_best;
            let kind = if best.open == 0 {
                EventKind::SelfMatchDeleted
            } else {
                EventKind::SelfMatchReduced
            };
            self.events.push(report(kind, &best, from_best));
            self.put_first(best, b'C');
        }
        if from_incoming > 0 {
            incoming.open -= from_incoming;
            self.events
                .push(report(EventKind::SelfMatchIncoming, incoming, from_incoming));
            if incoming.open == 0 {
                self.end(incoming.clone(), b'C');
            }
        }
    }

    fn end(&mut self, order: ModelOrder, state: u8) {
        self.ended.push(Ended { order, state });
    }

    /// Cancels what is left of an order that is not in the book.
    fn cancel_rest(&mut self, mut order: ModelOrder, reason: u8) {
        self.events.push(Event {
            code: reason,
            instrument: order.instrument,
            session: order.session,
            user_ref: order.user_ref,
            quantity: order.open,
            number: order.number,
            ..Event::new(EventKind::CanceledUnbooked)
        });
        order.open = 0;
        self.end(order, b'C');
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

    fn cancel_resting(&mut self, mut order: ModelOrder, reason: u8) {
        self.take(order.number);
        self.events.push(Event {
            code: reason,
            instrument: order.instrument,
            session: order.session,
            user_ref: order.user_ref,
            quantity: order.open,
            number: order.number,
            ..Event::new(EventKind::CanceledDeleted)
        });
        order.open = 0;
        self.end(order, b'C');
    }

    fn cancel(&mut self, session: u32, request: &Order) {
        let Some(mut order) = self.find(session, request.user_ref) else {
            return self.hit("cancel of nothing live");
        };
        let total = order.executed + order.open;
        if request.quantity >= total {
            self.hit("cancel that raises");
        } else if request.quantity <= order.executed {
            if request.quantity > 0 {
                self.hit("partial cancel at or below executed");
            }
            self.cancel_resting(order, b'U');
        } else {
            self.hit("partial cancel");
            let removed = total - request.quantity;
            order.open -= removed;
            self.update(&order);
            self.events.push(Event {
                code: b'U',
                instrument: order.instrument,
                session: order.session,
                user_ref: order.user_ref,
                quantity: removed,
                number: order.number,
                ..Event::new(EventKind::CanceledReduced)
            });
        }
    }

    fn modify(&mut self, session: u32, request: &Order) {
        let Some(mut order) = self.find(session, request.user_ref) else {
            return;
        };
        let side = if order.is_buy { b'B' } else { b'S' };
        let total = order.executed + order.open;
        if request.side != side || request.quantity >= total {
            return self.hit("modify ignored");
        }
        if request.quantity <= order.executed {
            self.hit("modify to nothing");
            return self.cancel_resting(order, b'U');
        }
        self.hit("modify");
        let removed = total - request.quantity;
        order.open -= removed;
        self.update(&order);
        self.events.push(Event {
            code: side,
            instrument: order.instrument,
            session: order.session,
            user_ref: order.user_ref,
            quantity: order.open,
            ..Event::new(EventKind::Modified)
        });
        self.events.push(Event {
            instrument: order.instrument,
            quantity: removed,
            number: order.number,
            ..Event::new(EventKind::Reduced)
        });
    }

    /// Cancels resting orders, oldest first.
    fn cancel_matching(&mut self, reason: u8, matches: impl Fn(&ModelOrder) -> bool) {
        let mut orders: Vec<_> = self.resting().filter(|order| matches(order)).cloned().collect();
        orders.sort_by_key(|order| order.age);
        self.cancel_each(orders, reason);
    }

    /// Cancels the orders whose time has come, the earliest first.
    fn expire(&mut self) {
        let now = self.now;
        let is_over = |order: &&ModelOrder| order.ends.is_some_and(|ends| ends <= now);
        let mut orders: Vec<_> = self.resting().filter(is_over).cloned().collect();
        orders.sort_by_key(|order| (order.ends, order.number));
        self.cancel_each(orders, b'T');
    }

    fn refuse_operation(&mut self, refusal: u32) {
        self.hit(format!("operation refused {refusal}"));
        self.events.push(Event {
            detail: refusal,
            ..Event::new(EventKind::OperationRefused)
        });
    }

    /// False when the table is full.
    fn add_schedule(&mut self, fees: (i32, i32)) -> bool {
        if !self.schedules.contains(&fees) {
            if self.schedules.len() == self.schedules_max {
                return false;
            }
            self.schedules.push(fees);
        }
        true
    }

    fn change_account(&mut self, change: &AccountChange) {
        let Some(account) = self.accounts.get_mut(change.account as usize) else {
            return self.refuse_operation(2);
        };
        if !b"OWDB".contains(&change.self_match) {
            return self.refuse_operation(1);
        }
        account.definition = AccountDefinition {
            firm: change.firm,
            open_orders_max: change.open_orders_max,
            quantity_max: change.quantity_max,
            rate_per_second: change.rate_per_second,
            rate_burst: change.rate_burst,
            self_match: change.self_match,
            cancel_on_disconnect: change.cancel_on_disconnect,
            fee_reports: change.fee_reports,
            ..account.definition
        };
        self.hit("account changed");
    }

    fn change_instrument(&mut self, instrument: u16, change: &InstrumentChange) {
        if instrument == 0 || usize::from(instrument) > self.instruments.len() {
            return self.refuse_operation(2);
        }
        let (maker, taker) = (change.maker_fee_ppm, change.taker_fee_ppm);
        let is_sound = (0..=1_000_000).contains(&taker) && maker + taker >= 0 && maker <= 1_000_000;
        if !is_sound || change.quantity_max == 0 {
            return self.refuse_operation(1);
        }
        if !self.add_schedule((maker, taker)) {
            return self.refuse_operation(4);
        }
        let before = self.fees(instrument);
        let definition = &mut self.instruments[usize::from(instrument) - 1].definition;
        *definition = InstrumentDefinition {
            notional_max: change.notional_max,
            fat_finger: change.fat_finger,
            quantity_max: change.quantity_max,
            collar_ppm: change.collar_ppm,
            maker_fee_ppm: maker,
            taker_fee_ppm: taker,
            reference_price: change.reference_price,
            ..*definition
        };
        self.hit("instrument changed");
        if before != (maker, taker) && self.resting().any(|order| order.instrument == instrument) {
            self.hit("fees changed while orders rest");
        }
    }

    fn kill_switch(&mut self, switch: &KillSwitch) {
        let is_for = |account| switch.account == ALL_ACCOUNTS || switch.account == account;
        if switch.is_on > 1 {
            return self.refuse_operation(1);
        }
        if switch.account == ALL_ACCOUNTS {
            self.all_killed = switch.is_on == 1;
        } else if let Some(account) = self.accounts.get_mut(switch.account as usize) {
            account.killed = switch.is_on == 1;
        } else {
            return self.refuse_operation(2);
        }
        if switch.is_on == 1 {
            let mut orders: Vec<_> = self
                .resting()
                .filter(|order| is_for(order.account))
                .cloned()
                .collect();
            orders.sort_by_key(|order| (order.account, order.age));
            if !orders.is_empty() {
                let scope = if switch.account == ALL_ACCOUNTS {
                    "all"
                } else {
                    "one"
                };
                self.hit(format!("kill switch for {scope}"));
                if orders.len() > 256 {
                    self.hit(format!("kill switch for {scope} longer than a step"));
                }
            }
            self.cancel_each(orders, b'S');
        }
    }

    fn cancel_each(&mut self, orders: Vec<ModelOrder>, reason: u8) {
        if orders.len() > 256 {
            self.hit(format!("cancels longer than a step {}", char::from(reason)));
        }
        if !orders.is_empty() {
            self.hit(format!("orders canceled together {}", char::from(reason)));
        }
        for order in orders {
            self.cancel_resting(order, reason);
        }
    }

    fn mass_cancel(&mut self, command: &Command, request: &Order) {
        let Some(account) = self.number_consumed(command, request) else {
            return;
        };
        self.answer(EventKind::MassCanceled, command.session, request.user_ref);
        let options = command.options();
        if options.has(OrderOptions::MALFORMED) {
            return;
        }
        let firm = options.has(OrderOptions::HAS_FIRM) && options.firm != *b"    ";
        let before = self.events.len();
        self.cancel_matching(b'U', |order| {
            let side = if order.is_buy { b'B' } else { b'S' };
            order.account == account
                && (command.instrument == 0 || command.instrument == order.instrument)
                && (!firm || options.firm == order.firm)
                && (!options.has(OrderOptions::HAS_GROUP) || options.group == order.group)
                && (!options.has(OrderOptions::HAS_SIDE) || options.side == side)
        });
        let takes = self.events.len() > before;
        for (is_there, by) in [
            (command.instrument != 0, "symbol"),
            (firm, "firm"),
            (options.has(OrderOptions::HAS_GROUP), "group"),
            (options.has(OrderOptions::HAS_SIDE), "side"),
        ] {
            if is_there && takes {
                self.hit(format!("mass cancel by {by}"));
            }
        }
    }

    fn replace(&mut self, command: &Command, request: &Order) {
        let Some(account) = self.number_consumed(command, request) else {
            return;
        };
        if let Err(reason) = self.try_replace(command, request, account) {
            self.reject(command.session, request.user_ref, reason);
        }
    }

    fn try_replace(&mut self, command: &Command, request: &Order, account: u32) -> Result<(), u16> {
        self.refuse_client(command.session, account)?;
        let old = self
            .find(command.session, request.orig_user_ref)
            .ok_or(0x0015_u16)?;
        self.refuse_state(old.instrument)?;
        let inherited = Order {
            cross_type: old.cross_type,
            ..*request
        };
        let options = command.options();
        let asked = self.refuse_terms(
            old.instrument,
            account,
            old.is_buy,
            &inherited,
            &options,
            old.executed,
        )?;
        let mut new = ModelOrder {
            user_ref: request.user_ref,
            ..old.clone()
        };
        if request.quantity <= old.executed {
            self.hit("replace at or below executed");
            self.replaced(&new, b'D');
            self.take(old.number);
            self.rest(new.clone());
            self.cancel_resting(new, b'U');
            return Ok(());
        }
        if command.flags & FLAG_LOW_SPACE != 0 {
            return Err(0x000A);
        }
        self.refuse_level(&asked, old.instrument, old.is_buy, request.price)?;
        new.open = request.quantity - old.executed;
        new.is_market = asked.is_market;
        new.price = if asked.is_market {
            self.bound(old.instrument, old.is_buy)
        } else {
            request.price
        };
        new.attributed = request.display == b'A';
        new.cl_ord_id = request.cl_ord_id;
        new.ends = asked.ends;
        let rests = !asked.is_market && !asked.is_immediate;
        let same_display = new.attributed == old.attributed;
        let keeps = rests && new.price == old.price && new.open <= old.open && same_display;
        if !keeps {
            new.fees = self.fees(old.instrument);
        }
        let place = if keeps { "in its place" } else { "anew" };
        match (old.ends, new.ends) {
            (None, Some(_)) => self.hit(format!("replace that makes the order end, {place}")),
            (Some(_), None) => self.hit(format!("replace that keeps the order from ending, {place}")),
            (Some(_), Some(_)) => self.hit(format!("replace that moves the order's end, {place}")),
            (None, None) => {}
        }
        if keeps && old.fees != self.fees(old.instrument) {
            self.hit("replace that keeps its place and old fees");
        }
        let (asset, needed) = self.hold(&new);
        let (_, freed) = self.hold(&old);
        let available = self.available(account, asset);
        if needed > available + freed {
            return Err(0x0020);
        }
        if needed > available {
            self.hit("replace that needs the old hold");
            if self.crosses(&new) {
                self.hit("replace across the spread that needs the old hold");
            }
        }
        if keeps {
            self.hit("replace that keeps its place");
            self.replaced(&new, b'L');
            if new.open < old.open {
                self.events.push(Event {
                    instrument: old.instrument,
                    quantity: old.open - new.open,
                    number: old.number,
                    ..Event::new(EventKind::Reduced)
                });
            }
            self.update(&new);
            return Ok(());
        }
        self.take(old.number);
        self.order_number += 1;
        new.number = self.order_number;
        let crosses = self.crosses(&new);
        let dies = asked.is_post_only && crosses;
        self.replaced(&new, if dies { b'D' } else { b'L' });
        if rests && !crosses && same_display {
            self.hit("replace that rests whole");
            self.events.push(Event {
                instrument: old.instrument,
                number: old.number,
                ..Event::new(EventKind::BookReplaced)
            });
            self.rest(new);
            return Ok(());
        }
        if crosses {
            self.hit("replace that crosses");
        }
        if old.executed > 0 && crosses {
            self.hit("replace that crosses after executions");
        }
        self.events.push(Event {
            instrument: old.instrument,
            number: old.number,
            ..Event::new(EventKind::Deleted)
        });
        self.go(new, asked, dies);
        Ok(())
    }

    fn replaced(&mut self, order: &ModelOrder, state: u8) {
        let side = if order.is_buy { b'B' } else { b'S' };
        self.events.push(Event {
            code: state,
            instrument: order.instrument,
            session: order.session,
            user_ref: order.user_ref,
            quantity: order.open,
            price: if order.is_market {
                MARKET
            } else {
                order.price as u32
            },
            detail: u32::from_le_bytes([side, order.capacity, order.cross_type, 0]),
            number: order.number,
            ..Event::new(EventKind::Replaced)
        });
    }

    fn transfer(&mut self, command: &Command) {
        let transfer = command.transfer();
        let amount = whole(transfer.amount) as i128;
        let asset = &mut self.assets[transfer.asset as usize];
        if command.kind == CommandKind::Deposit as u8 {
            asset.deposited += amount;
            self.accounts[transfer.account as usize].totals[transfer.asset as usize] += amount;
        } else if self.available(transfer.account, transfer.asset) < amount {
            self.refuse_operation(5);
        } else {
            self.assets[transfer.asset as usize].withdrawn += amount;
            self.accounts[transfer.account as usize].totals[transfer.asset as usize] -= amount;
        }
    }
}

/// True when a resting price is within the incoming order's.
fn within(incoming: &ModelOrder, resting: u64) -> bool {
    if incoming.is_buy {
        resting <= incoming.price
    } else {
        resting >= incoming.price
    }
}
