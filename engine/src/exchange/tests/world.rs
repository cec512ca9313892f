//! An exchange and the model beside it: both take each command, and everything that can be seen is compared.

use protocol::units::text_field;

use super::super::command::{
    AccountDefinition, AssetDefinition, Command, CommandKind, DEFINITION_BYTES, InstrumentDefinition,
    KillSwitch, Order, OrderOptions, SessionDefinition, StateChange, Transfer, halves,
};
use super::super::event::{Event, EventKind};
use super::super::{Exchange, Limits, OrderView, Progress, STEP_EVENTS_MAX, Sink};
use super::model::{Ended, Model, ModelAsset, ModelOrder};
use crate::exchange::book::Side;
use zerocopy::FromZeros;

/// Everything a command caused.
#[derive(Debug, Default)]
pub(super) struct Caused {
    pub events: Vec<Event>,
    pub ended: Vec<(OrderView, u8)>,
    pub steps: usize,
}

impl Sink for Caused {
    const WANTS_FINISHED: bool = true;

    fn event(&mut self, event: Event) {
        self.events.push(event);
    }

    fn order_finished(&mut self, order: &OrderView, state: u8) {
        self.ended.push((*order, state));
    }
}

/// Runs a command to its end and checks the length of each step.
pub(super) fn run(exchange: &mut Exchange, command: &Command) -> Caused {
    let mut caused = Caused::default();
    let mut progress = exchange.apply(command, &mut caused);
    caused.steps = 1;
    let mut before = 0;
    while progress == Progress::More {
        assert!(exchange.is_busy(), "an unfinished command is state");
        assert!(caused.events.len() - before <= STEP_EVENTS_MAX as usize);
        before = caused.events.len();
        progress = exchange.resume(&mut caused);
        caused.steps += 1;
    }
    assert!(caused.events.len() - before <= STEP_EVENTS_MAX as usize);
    assert!(!exchange.is_busy());
    caused
}

/// A definition that says nothing yet.
pub(super) fn blank<T: FromZeros>() -> T {
    T::new_zeroed()
}

/// An order as nearly everybody sends it: a displayed limit buy for the day.
pub(super) fn plain_order() -> Order {
    Order {
        price: 0,
        user_ref: 0,
        orig_user_ref: 0,
        quantity: 0,
        cl_ord_id: *b"              ",
        side: b'B',
        time_in_force: b'0',
        display: b'Y',
        capacity: b'A',
        sweep: b'N',
        cross_type: b'N',
    }
}

/// No options.
pub(super) fn no_options() -> OrderOptions {
    blank()
}

/// An account with nothing special: no limits, cancel oldest.
pub(super) fn plain_account(name: &str) -> AccountDefinition {
    AccountDefinition {
        name: text_field(name).expect("short"),
        firm: *b"FIRM",
        self_match: b'O',
        ..blank()
    }
}

/// An exchange with the model beside it.
pub(super) struct World {
    pub exchange: Exchange,
    pub model: Model,
    pub time: u64,
    /// Every command so far, stamped.
    pub log: Vec<Command>,
}

impl World {
    pub(super) fn new(limits: Limits) -> Self {
        let mut model = Model::default();
        model.orders_max = limits.orders as usize;
        model.schedules_max = limits.fee_schedules as usize;
        Self {
            exchange: Exchange::new(limits),
            model,
            time: 0,
            log: Vec::new(),
        }
    }

    /// Numbers and times a command.
    pub(super) fn stamp(&self, command: Command) -> Command {
        Command {
            sequence: self.exchange.sequence() + 1,
            time: self.time,
            ..command
        }
    }

    /// A set-up command: the exchange alone takes it.
    fn set_up(&mut self, command: Command) {
        let command = self.stamp(command);
        self.log.push(command);
        let caused = run(&mut self.exchange, &command);
        let refused = caused.events.iter().any(|event| event.detail != 0);
        assert!(!refused, "set-up: {:?}", caused.events);
    }

    pub(super) fn add_asset(&mut self, name: &str, decimals: u8) {
        self.set_up(define(
            CommandKind::AddAsset,
            &AssetDefinition {
                name: text_field(name).expect("short"),
                decimals,
                ..blank()
            },
        ));
        self.model.assets.push(ModelAsset {
            decimals,
            deposited: 0,
            withdrawn: 0,
            fees: 0,
        });
    }

    pub(super) fn add_instrument(&mut self, definition: InstrumentDefinition) {
        self.set_up(define(CommandKind::AddInstrument, &definition));
        self.model.add_instrument(definition);
        self.set_state(self.exchange.instrument_count(), b'T');
    }

    /// An account and its first session.
    pub(super) fn add_account(&mut self, definition: AccountDefinition) {
        self.set_up(define(CommandKind::AddAccount, &definition));
        self.model.add_account(definition);
        self.add_session(self.exchange.account_count() - 1);
    }

    pub(super) fn add_session(&mut self, account: u32) {
        let username = format!("S{:05}", self.exchange.session_count());
        self.set_up(define(
            CommandKind::AddSession,
            &SessionDefinition {
                username: text_field(&username).expect("six characters"),
                account,
                ..blank()
            },
        ));
        self.model.add_session(account);
    }

    pub(super) fn set_state(&mut self, instrument: u16, state: u8) {
        let mut command = Command::new(CommandKind::SetState);
        command.instrument = instrument;
        command.body = zerocopy::transmute!(StateChange {
            value: state,
            spare: [0; 39],
        });
        self.apply(command);
    }

    pub(super) fn deposit(&mut self, account: u32, asset: u32, amount: u128) {
        self.apply(transfer(CommandKind::Deposit, account, asset, amount));
    }

    /// Both take the command; everything is compared.
    pub(super) fn apply(&mut self, command: Command) -> Caused {
        let command = self.stamp(command);
        self.log.push(command);
        let caused = run(&mut self.exchange, &command);
        let (events, ended) = self.model.apply(&command);
        if caused.events != events {
            let place = (0..events.len().max(caused.events.len()))
                .find(|&place| events.get(place) != caused.events.get(place))
                .unwrap_or(0);
            panic!(
                "event {place}: the exchange says\n{:?}\nthe model says\n{:?}\nof {} and {} events of {}",
                caused.events.get(place),
                events.get(place),
                caused.events.len(),
                events.len(),
                tell(&command)
            );
        }
        assert_eq!(
            caused.ended.len(),
            ended.len(),
            "orders ended by {}",
            tell(&command)
        );
        for (
            (view, state),
            Ended {
                order,
                state: expected,
            },
        ) in caused.ended.iter().zip(&ended)
        {
            self.compare_view(view, order);
            assert_eq!(state, expected, "how {order:?} ended");
        }
        check_minimum(&command, &caused.events);
        self.compare();
        if let Err(broken) = self.exchange.check_invariants() {
            panic!("{broken}, after {}", tell(&command));
        }
        caused
    }

    fn compare_view(&self, view: &OrderView, order: &ModelOrder) {
        let expected = OrderView {
            session: order.session,
            account: order.account,
            user_ref: order.user_ref,
            number: order.number,
            instrument: order.instrument,
            side: if order.is_buy { b'B' } else { b'S' },
            quantity: order.executed + order.open,
            executed: order.executed,
            open: order.open,
            price: if order.is_market {
                0x7FFF_FFFF
            } else {
                order.price as u32
            },
            executed_notional: order.executed_value as u128,
            fees: order.charged(),
            cl_ord_id: order.cl_ord_id,
        };
        assert_eq!(*view, expected, "an order, in the exchange and in the model");
    }

    /// Balances, books, accounts, sessions, last trades.
    fn compare(&self) {
        let Self { exchange, model, .. } = self;
        assert_eq!(exchange.all_killed(), model.all_killed);
        for (asset, expected) in model.assets.iter().enumerate() {
            let actual = exchange.asset(asset as u32).expect("it exists");
            assert_eq!(actual.deposited as i128, expected.deposited);
            assert_eq!(actual.withdrawn as i128, expected.withdrawn);
            assert_eq!(actual.fees, expected.fees, "fees in asset {asset}");
            for account in 0..model.accounts.len() as u32 {
                let balance = exchange.balance(account, asset as u32);
                assert_eq!(
                    (balance.available as i128, balance.held as i128),
                    (
                        model.available(account, asset as u32),
                        model.held(account, asset as u32)
                    ),
                    "account {account} asset {asset}: available and held"
                );
            }
        }
        for (place, instrument) in model.instruments.iter().enumerate() {
            let locate = place as u16 + 1;
            assert_eq!(
                exchange.instrument(locate).map(|known| known.definition),
                Some(instrument.definition)
            );
            for (side, orders) in [(Side::Buy, &instrument.bids), (Side::Sell, &instrument.asks)] {
                let mut expected = orders.iter();
                for view in exchange.resting(locate, side) {
                    let order = expected
                        .next()
                        .unwrap_or_else(|| panic!("no such order rests: {view:?}"));
                    self.compare_view(&view, order);
                }
                assert!(expected.next().is_none(), "an order does not rest");
                let mut levels: Vec<(u32, u64, u32)> = Vec::new();
                for order in orders {
                    match levels.last_mut() {
                        Some(level) if u64::from(level.0) == order.price => {
                            level.1 += u64::from(order.open);
                            level.2 += 1;
                        }
                        _ => levels.push((order.price as u32, u64::from(order.open), 1)),
                    }
                }
                assert!(exchange.levels(locate, side).eq(levels), "levels of {locate}");
            }
            let last = exchange.instrument(locate).expect("it exists").last_trade;
            assert_eq!(
                (u64::from(last.price), last.quantity, last.match_number, last.time),
                (
                    instrument.last_price,
                    instrument.last_quantity,
                    instrument.last_match,
                    instrument.last_time
                ),
                "last trade of {locate}"
            );
        }
        for (index, account) in model.accounts.iter().enumerate() {
            let actual = exchange.account(index as u32).expect("it exists");
            assert_eq!(actual.definition, account.definition);
            assert_eq!(
                (actual.order_entry_enabled, actual.is_killed),
                (account.enabled, account.killed)
            );
            let mut orders: Vec<_> = model
                .resting()
                .filter(|order| order.account == index as u32)
                .collect();
            orders.sort_by_key(|order| order.age);
            assert_eq!(actual.open_orders as usize, orders.len());
            let numbers = orders.iter().map(|order| order.number);
            assert!(
                exchange
                    .open_orders(index as u32)
                    .map(|view| view.number)
                    .eq(numbers),
                "account {index}: open orders, oldest first"
            );
        }
        for (index, session) in model.sessions.iter().enumerate() {
            let actual = exchange.session(index as u32).expect("it exists");
            assert_eq!((actual.mark, actual.connected), (session.mark, session.connected));
        }
    }
}

/// An order with a minimum executes at least that much at once, or nothing.
fn check_minimum(command: &Command, events: &[Event]) {
    let kinds = [CommandKind::Enter as u8, CommandKind::Replace as u8];
    let incoming = |event: &&Event| event.kind == EventKind::ExecutedIncoming as u8;
    let executed: u32 = events.iter().filter(incoming).map(|event| event.quantity).sum();
    let minimum = command.options().min_quantity;
    if kinds.contains(&command.kind) && executed > 0 {
        assert!(executed >= minimum, "{executed} executed by {}", tell(command));
    }
}

/// A command with a definition.
pub(super) fn define<T: zerocopy::IntoBytes + zerocopy::Immutable>(
    kind: CommandKind,
    definition: &T,
) -> Command {
    const { assert!(size_of::<T>() == DEFINITION_BYTES) };
    Command::new(kind).with_definition(definition)
}

/// A deposit or withdrawal.
pub(super) fn transfer(kind: CommandKind, account: u32, asset: u32, amount: u128) -> Command {
    let mut command = Command::new(kind);
    command.body = zerocopy::transmute!(Transfer {
        amount: halves(amount),
        account,
        asset,
        spare: [0; 16],
    });
    command
}

/// The operator's kill switch.
pub(super) fn kill_switch(account: u32, is_on: u8) -> Command {
    let mut command = Command::new(CommandKind::KillSwitch);
    command.body = zerocopy::transmute!(KillSwitch {
        account,
        is_on,
        spare: [0; 35],
    });
    command
}

/// A command in words.
pub(super) fn tell(command: &Command) -> String {
    let kind = CommandKind::from_byte(command.kind);
    format!(
        "command {} {kind:?} session {} instrument {} flags {} {:?} {:?}",
        command.sequence,
        command.session,
        command.instrument,
        command.flags,
        command.order(),
        command.options()
    )
}
