//! An exchange and the model beside it: both take each command, and everything that can be seen is compared.

use protocol::units::text_field;

use super::model::{Ended, Model, ModelAsset, ModelOrder};
use engine::exchange::command::{
    AccountDefinition, AssetDefinition, Command, CommandKind, DEFINITION_BYTES, InstrumentDefinition,
    KillSwitch, Order, OrderOptions, SessionDefinition,
};
use engine::exchange::event::{Event, EventKind};
use engine::exchange::snapshot::Input;
use engine::exchange::{EndedOrder, Exchange, Limits, OrderView, Outlook, Progress, STEP_EVENTS_MAX, Sink};
use zerocopy::FromZeros;

/// Everything a command caused.
#[derive(Debug, Default)]
pub(super) struct Caused {
    pub events: Vec<Event>,
    pub ended: Vec<(EndedOrder, u8)>,
    pub steps: usize,
}

impl Sink for Caused {
    const WANTS_FINISHED: bool = true;

    fn event(&mut self, event: Event) {
        self.events.push(event);
    }

    fn order_finished(&mut self, order: &EndedOrder, state: u8) {
        self.ended.push((*order, state));
    }
}

/// Runs a command to its end and checks the length of each step.
pub(super) fn run(exchange: &mut Exchange, command: &Command) -> Caused {
    run_foreseen(exchange, command, &Outlook::NONE)
}

/// The same for a command that was looked at before.
fn run_foreseen(exchange: &mut Exchange, command: &Command, outlook: &Outlook) -> Caused {
    let mut caused = Caused::default();
    let mut progress = exchange.apply_foreseen(command, outlook, &mut caused);
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
    /// Takes the same commands, if it is there, and looks at each before; its index has another secret.
    twin: Option<Exchange>,
}

impl World {
    pub(super) fn new(limits: Limits) -> Self {
        let mut model = Model::default();
        model.orders_max = limits.orders as usize;
        model.levels_max = limits.levels as usize;
        model.schedules_max = limits.fee_schedules as usize;
        Self {
            exchange: Exchange::new(limits),
            model,
            time: 0,
            log: Vec::new(),
            twin: None,
        }
    }

    /// From here on a second exchange takes what the first takes; it begins with what was logged.
    pub(super) fn with_twin(mut self, hash_seed: u64) -> Self {
        self.twin = Some(self.rebuilt(hash_seed));
        self
    }

    /// From here on the second exchange is one that was loaded from what the first one saves now.
    pub(super) fn reload_twin(&mut self, hash_seed: u64) {
        let mut saved = Vec::new();
        self.exchange.save(&mut saved);
        let mut input = Input(&saved);
        let loaded = Exchange::load(self.exchange.limits(), hash_seed, &mut input);
        let loaded = loaded.expect("what was saved can be loaded");
        assert!(input.0.is_empty(), "all of it");
        let (found, expected) = (loaded.state_hash(), self.exchange.state_hash());
        assert_eq!(found, expected, "a loaded state is the saved one");
        loaded.check_invariants().expect("a loaded state is sound");
        let mut again = Vec::new();
        loaded.save(&mut again);
        assert!(again == saved, "and is saved as it was");
        self.twin = Some(loaded);
    }

    /// An exchange that has taken the log.
    pub(super) fn rebuilt(&self, hash_seed: u64) -> Exchange {
        let mut exchange = Exchange::with_hash_seed(self.exchange.limits(), hash_seed);
        for command in &self.log {
            run(&mut exchange, command);
        }
        exchange
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
        let mut command = Command::new(CommandKind::SetState).with_state(state);
        command.instrument = instrument;
        self.apply(command);
    }

    pub(super) fn deposit(&mut self, account: u32, asset: u32, amount: u128) {
        self.apply(transfer(CommandKind::Deposit, account, asset, amount));
    }

    /// Both take the command; everything is compared.
    pub(super) fn apply(&mut self, command: Command) -> Caused {
        let command = self.stamp(command);
        self.log.push(command);
        let client = client_of(&command);
        let before = self.exchange.hash_of_the_rest(client);
        let caused = run(&mut self.exchange, &command);
        if is_without_effect(&command, &caused) {
            let after = self.exchange.hash_of_the_rest(client);
            assert_eq!(before, after, "a refusal changes nothing: {}", tell(&command));
        }
        if let Some(twin) = &mut self.twin {
            let mut outlook = twin.look_out(&command);
            twin.look_again(&command, &mut outlook);
            twin.look_around(&command, &outlook);
            let same = run_foreseen(twin, &command, &outlook);
            assert!(same.events == caused.events, "equal commands: {}", tell(&command));
            // Hashing two whole states is dear, and a state that differs goes on to differ.
            if command.sequence.is_multiple_of(8) {
                assert_eq!(self.exchange.state_hash(), twin.state_hash(), "equal states");
            }
        }
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
            (found, state),
            Ended {
                order,
                state: expected,
            },
        ) in caused.ended.iter().zip(&ended)
        {
            compare_ended(found, order);
            assert_eq!(state, expected, "how {order:?} ended");
        }
        check_minimum(&command, &caused.events);
        self.compare();
        if let Err(broken) = self.exchange.check_invariants() {
            panic!("{broken}, after {}", tell(&command));
        }
        caused
    }

    pub(super) fn compare_view(&self, view: &OrderView, order: &ModelOrder) {
        let expected = OrderView {
            session: order.session,
            account: order.account,
            user_ref: order.user_ref,
            number: order.name.number,
            instrument: order.instrument,
            side: if order.is_buy { b'B' } else { b'S' },
            quantity: order.executed + order.open,
            executed: order.executed,
            open: order.open,
            displayed: order.displayed,
            feed_number: if order.displayed > 0 {
                order.shown.number
            } else {
                view.feed_number
            },
            price: price_of(order),
            executed_notional: order.executed_value as u128,
            fees: order.charged(),
            cl_ord_id: order.cl_ord_id,
        };
        assert_eq!(*view, expected, "an order, in the exchange and in the model");
    }
}

fn compare_ended(found: &EndedOrder, order: &ModelOrder) {
    let expected = EndedOrder {
        session: order.session,
        account: order.account,
        user_ref: order.user_ref,
        number: order.name.number,
        instrument: order.instrument,
        side: if order.is_buy { b'B' } else { b'S' },
        quantity: order.executed + order.open,
        executed: order.executed,
        price: price_of(order),
        executed_notional: order.executed_value as u128,
        fees: order.charged(),
    };
    assert_eq!(
        *found, expected,
        "an ended order, in the exchange and in the model"
    );
}

fn price_of(order: &ModelOrder) -> u32 {
    if order.is_market {
        0x7FFF_FFFF
    } else {
        order.price as u32
    }
}

/// The session of a client's request; for the operator's, one that does not exist.
fn client_of(command: &Command) -> u32 {
    if command.kind <= CommandKind::AccountQuery as u8 {
        command.session
    } else {
        u32::MAX
    }
}

/// True when the command was refused, or a client's request ignored: then only mark, rate bucket and clock may differ.
fn is_without_effect(command: &Command, caused: &Caused) -> bool {
    match &caused.events[..] {
        [] => command.kind <= CommandKind::AccountQuery as u8,
        [only] => matches!(only.kind(), EventKind::Rejected | EventKind::OperationRefused),
        _ => false,
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
    Command::new(kind).with_transfer(account, asset, amount)
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
