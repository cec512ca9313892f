//! The order of refusals: a request that is wrong in everything, and a row for each repair. And: a refusal changes nothing
//! but the session's mark, its rate bucket and the clock.

use protocol::units::text_field;

use super::world::{World, blank, no_options, plain_account, plain_order};
use engine::exchange::Limits;
use engine::exchange::command::{
    AccountDefinition, Command, CommandKind, FLAG_LOW_SPACE, InstrumentDefinition, Order, OrderOptions,
    UNKNOWN_INSTRUMENT, halves,
};
use engine::exchange::event::{Event, EventKind};

const CLIENT: u32 = 0;
const OTHER: u32 = 1;
const SECOND: u64 = 1_000_000_000;
/// Price of one lot's worth of one quote unit.
const ONE: u64 = 10_000;

/// Two accounts and one instrument with every limit: 3 orders, 2 open ones for the client, 400 lots for its account.
fn world() -> World {
    let mut world = World::new(Limits {
        assets: 2,
        instruments: 1,
        accounts: 2,
        sessions: 2,
        orders: 3,
        levels: 100,
        fee_schedules: 64,
    });
    world.add_asset("USD", 0);
    world.add_asset("BTC", 0);
    world.add_instrument(InstrumentDefinition {
        symbol: text_field("BTC-USD").expect("short"),
        lot_size: halves(1),
        price_unit: halves(1),
        notional_max: halves(30_000),
        fat_finger: halves(20_000),
        tick_size: ONE as u32,
        price_max: 1_000 * ONE as u32,
        quantity_max: 500,
        collar_ppm: 100_000,
        reference_price: 100 * ONE as u32,
        base: 1,
        quote: 0,
        ..blank()
    });
    world.add_account(AccountDefinition {
        quantity_max: 400,
        open_orders_max: 2,
        rate_per_second: 1,
        rate_burst: 2,
        ..plain_account("CLIENT")
    });
    world.add_account(plain_account("OTHER"));
    world.deposit(CLIENT, 0, 100);
    world.deposit(OTHER, 0, 1_000);
    world
}

/// A limit buy of one lot at 10 that rests.
fn rest(world: &mut World, session: u32) -> u32 {
    let mut order = plain_order();
    order.user_ref = world.model.sessions[session as usize].mark + 1;
    (order.quantity, order.price) = (1, 10 * ONE);
    let mut command = Command::new(CommandKind::Enter).with_order(order);
    (command.session, command.instrument) = (session, 1);
    let caused = world.apply(command);
    assert_eq!(caused.events[0].kind(), EventKind::Accepted);
    order.user_ref
}

/// A request under repair.
struct Attempt {
    world: World,
    command: Command,
    order: Order,
    options: OrderOptions,
    /// An order that a later repair cancels.
    kept: u32,
}

impl Attempt {
    /// Sends it under the next number, or the one it has if that is the last there is.
    fn send(&mut self) -> Vec<Event> {
        if self.order.user_ref != u32::MAX {
            self.order.user_ref = self.world.model.sessions[CLIENT as usize].mark + 1;
        }
        let command = self.command.with_order(self.order).with_options(self.options);
        self.world.apply(command).events
    }

    fn has_not(&mut self, option: u32) {
        self.options.present &= !option;
    }

    /// A request that brings a number and nothing else.
    fn simple(&mut self, kind: CommandKind) {
        let mut order = plain_order();
        order.user_ref = self.world.model.sessions[CLIENT as usize].mark + 1;
        self.world.apply(Command::new(kind).with_order(order));
    }

    /// Cancels an order of a session.
    fn cancel(&mut self, session: u32, user_ref: u32) {
        let mut order = plain_order();
        order.user_ref = user_ref;
        let mut command = Command::new(CommandKind::Cancel).with_order(order);
        command.session = session;
        let caused = self.world.apply(command);
        assert_eq!(caused.events.len(), 1);
    }
}

/// What is wrong, the reason that says so, and the repair.
type Rung = (&'static str, u16, fn(&mut Attempt));

/// The terms: enter and replace alike.
const TERMS: &[Rung] = &[
    ("time in force", 0x000F, |attempt| {
        attempt.order.time_in_force = b'0'
    }),
    ("cross type", 0x0014, |attempt| attempt.order.cross_type = b'N'),
    ("display", 0x0003, |attempt| attempt.order.display = b'Y'),
    ("an option with an undefined value", 0x000F, |attempt| {
        attempt.has_not(OrderOptions::MALFORMED);
    }),
    ("stop price", 0x000F, |attempt| {
        attempt.has_not(OrderOptions::HAS_STOP_PRICE);
    }),
    ("funds option", 0x000F, |attempt| {
        attempt.has_not(OrderOptions::HAS_FUNDS)
    }),
    ("peg", 0x0011, |attempt| attempt.has_not(OrderOptions::HAS_PEG)),
    ("price type", 0x0011, |attempt| attempt.options.price_type = b'L'),
    ("discretion", 0x000F, |attempt| {
        attempt.has_not(OrderOptions::HAS_DISCRETION)
    }),
    ("route", 0x0016, |attempt| {
        attempt.has_not(OrderOptions::HAS_ROUTE)
    }),
    ("minimum quantity without immediate", 0x000D, |attempt| {
        attempt.order.time_in_force = b'3';
    }),
    ("minimum quantity above quantity", 0x000D, |attempt| {
        attempt.options.min_quantity = 0;
        attempt.order.time_in_force = b'0';
    }),
    ("max floor", 0x0004, |attempt| {
        attempt.has_not(OrderOptions::HAS_MAX_FLOOR)
    }),
    ("quantity 0", 0x0013, |attempt| attempt.order.quantity = 501),
    ("quantity above the instrument's", 0x0013, |attempt| {
        attempt.order.quantity = 401
    }),
    ("quantity above the account's", 0x0031, |attempt| {
        attempt.order.quantity = 400
    }),
    ("price 0", 0x001D, |attempt| attempt.order.price = 1_001 * ONE),
    ("price above the highest", 0x001D, |attempt| {
        attempt.order.price = 111 * ONE + 1
    }),
    ("price between two ticks", 0x001D, |attempt| {
        attempt.order.price = 111 * ONE
    }),
    ("price outside the collar", 0x0026, |attempt| {
        attempt.order.price = 110 * ONE
    }),
    ("value above the highest", 0x001F, |attempt| {
        attempt.order.quantity = 200
    }),
    ("value above the fat-finger limit", 0x0006, |attempt| {
        attempt.order.quantity = 10
    }),
];

/// What enter and replace have first.
const CLIENT_FIRST: &[Rung] = &[
    ("the last number", 0x000F, |attempt| attempt.order.user_ref = 0),
    ("order entry disabled", 0x000C, |attempt| {
        attempt.simple(CommandKind::EnableOrderEntry);
    }),
    ("message rate", 0x0029, |attempt| {
        attempt.world.time += 100 * SECOND
    }),
];

/// What an enter has before its terms.
const ENTER_FIRST: &[Rung] = &[
    ("no symbol", 0x0017, |attempt| {
        attempt.command.instrument = UNKNOWN_INSTRUMENT
    }),
    ("unknown symbol", 0x0017, |attempt| attempt.command.instrument = 1),
    ("closed", 0x0002, |attempt| attempt.world.set_state(1, b'H')),
    ("halted", 0x0007, |attempt| attempt.world.set_state(1, b'C')),
    ("cancel only", 0x0007, |attempt| attempt.world.set_state(1, b'P')),
    ("pre-open", 0x0014, |attempt| attempt.world.set_state(1, b'A')),
    ("auction", 0x0014, |attempt| attempt.world.set_state(1, b'V')),
    ("volatility pause", 0x0014, |attempt| {
        attempt.world.set_state(1, b'T');
        // The rungs at the end stay broken: two open orders, and no room for a fourth.
        attempt.kept = rest(&mut attempt.world, CLIENT);
        rest(&mut attempt.world, CLIENT);
        rest(&mut attempt.world, OTHER);
    }),
    ("short sale", 0x002B, |attempt| attempt.order.side = b'E'),
    ("exempt short sale", 0x002F, |attempt| attempt.order.side = b'X'),
    ("side", 0x0009, |attempt| attempt.order.side = b'B'),
];

/// What an enter has after its terms.
const ENTER_LAST: &[Rung] = &[
    ("open orders", 0x000F, |attempt| {
        attempt.cancel(CLIENT, attempt.kept);
        attempt.kept = rest(&mut attempt.world, OTHER);
    }),
    ("disk nearly full", 0x000A, |attempt| attempt.command.flags = 0),
    ("no room for an order", 0x000A, |attempt| {
        attempt.cancel(OTHER, attempt.kept)
    }),
    ("funds", 0x0020, |attempt| attempt.world.deposit(CLIENT, 0, 1_010)),
];

/// What a replace has before its terms.
const REPLACE_FIRST: &[Rung] = &[
    ("an order that never was", 0x0015, |attempt| {
        attempt.world.set_state(1, b'T');
        attempt.order.orig_user_ref = rest(&mut attempt.world, OTHER);
    }),
    ("an order of another session", 0x0015, |attempt| {
        attempt.order.orig_user_ref = rest(&mut attempt.world, CLIENT);
        attempt.world.set_state(1, b'X');
    }),
    ("closed", 0x0002, |attempt| attempt.world.set_state(1, b'H')),
    ("halted", 0x0007, |attempt| attempt.world.set_state(1, b'A')),
    ("auction", 0x0014, |attempt| attempt.world.set_state(1, b'T')),
];

/// What a replace has after its terms.
const REPLACE_LAST: &[Rung] = &[
    ("disk nearly full", 0x000A, |attempt| attempt.command.flags = 0),
    ("funds", 0x0020, |attempt| attempt.world.deposit(CLIENT, 0, 1_000)),
];

/// Everything about the terms is wrong.
fn wrong_terms() -> (Order, OrderOptions) {
    let order = Order {
        side: b'T',
        time_in_force: b'6',
        cross_type: b'O',
        display: b'?',
        user_ref: u32::MAX,
        ..plain_order()
    };
    let options = OrderOptions {
        present: OrderOptions::MALFORMED
            | OrderOptions::HAS_STOP_PRICE
            | OrderOptions::HAS_FUNDS
            | OrderOptions::HAS_PEG
            | OrderOptions::HAS_PRICE_TYPE
            | OrderOptions::HAS_DISCRETION
            | OrderOptions::HAS_ROUTE
            | OrderOptions::HAS_MIN_QUANTITY
            | OrderOptions::HAS_MAX_FLOOR,
        min_quantity: 1,
        price_type: b'P',
        ..no_options()
    };
    (order, options)
}

/// A request of a kind in which everything is wrong.
fn attempt(kind: CommandKind) -> Attempt {
    let mut world = world();
    let (order, options) = wrong_terms();
    // Three orders at once are what the rate allows; that they are refused does not help.
    for user_ref in 1..=3 {
        let order = Order { user_ref, ..order };
        let caused = world.apply(Command::new(CommandKind::Enter).with_order(order));
        assert_eq!(caused.events[0].detail, 0x0017);
    }
    let mut attempt = Attempt {
        world,
        command: Command {
            flags: FLAG_LOW_SPACE,
            ..Command::new(kind)
        },
        order,
        options,
        kept: 0,
    };
    attempt.simple(CommandKind::DisableOrderEntry);
    attempt.world.set_state(1, b'X');
    attempt
}

/// Climbs: each rung is refused for its reason and for no other, changes nothing, and is repaired.
fn climb<'a>(attempt: &mut Attempt, rungs: impl IntoIterator<Item = &'a Rung>) {
    for &(what, reason, repair) in rungs {
        let before = attempt.world.exchange.hash_of_the_rest(CLIENT);
        let events = attempt.send();
        let expected = Event {
            session: CLIENT,
            user_ref: attempt.order.user_ref,
            detail: u32::from(reason),
            ..Event::new(EventKind::Rejected)
        };
        assert_eq!(events, [expected], "{what}");
        let after = attempt.world.exchange.hash_of_the_rest(CLIENT);
        assert_eq!(before, after, "{what}: a refusal changes nothing");
        repair(attempt);
        // Below the rung of the message rate time stands still.
        if attempt.world.time > 0 {
            attempt.world.time += 10 * SECOND;
        }
    }
}

#[test]
fn an_order_is_refused_for_the_first_reason_that_applies() {
    let mut attempt = attempt(CommandKind::Enter);
    for rungs in [CLIENT_FIRST, ENTER_FIRST, TERMS, ENTER_LAST] {
        climb(&mut attempt, rungs);
    }
    let events = attempt.send();
    assert_eq!(events[0].kind(), EventKind::Accepted);
    assert_eq!(attempt.world.exchange.balance(CLIENT, 0).available, 0);
}

#[test]
fn a_replacement_is_refused_for_the_first_reason_that_applies() {
    let mut attempt = attempt(CommandKind::Replace);
    climb(&mut attempt, CLIENT_FIRST);
    climb(&mut attempt, REPLACE_FIRST);
    // Side and cross type are the original's.
    climb(&mut attempt, TERMS.iter().filter(|rung| rung.0 != "cross type"));
    climb(&mut attempt, REPLACE_LAST);
    let events = attempt.send();
    assert_eq!(events[0].kind(), EventKind::Replaced);
    assert_eq!(attempt.world.exchange.balance(CLIENT, 0).available, 0);
}

#[test]
fn post_only_contradicts_an_order_that_never_rests() {
    for (time_in_force, price) in [(b'3', 10 * ONE), (b'0', 0x7FFF_FFFF)] {
        let mut world = world();
        let order = Order {
            user_ref: 1,
            quantity: 1,
            price,
            time_in_force,
            ..plain_order()
        };
        let options = OrderOptions {
            present: OrderOptions::HAS_POST_ONLY,
            post_only: b'P',
            ..no_options()
        };
        let mut command = Command::new(CommandKind::Enter)
            .with_order(order)
            .with_options(options);
        command.instrument = 1;
        assert_eq!(world.apply(command).events[0].detail, 0x000F);
    }
}

#[test]
fn a_number_at_or_below_the_mark_changes_nothing_but_the_clock() {
    let mut world = world();
    let first = rest(&mut world, CLIENT);
    for kind in [
        CommandKind::Enter,
        CommandKind::Replace,
        CommandKind::MassCancel,
        CommandKind::DisableOrderEntry,
        CommandKind::EnableOrderEntry,
    ] {
        for user_ref in [0, first] {
            let mut order = plain_order();
            (order.user_ref, order.orig_user_ref) = (user_ref, first);
            (order.quantity, order.price) = (5, 10 * ONE);
            let mut command = Command::new(kind).with_order(order);
            command.instrument = 1;
            let session = world.exchange.sessions[CLIENT as usize];
            let before = world.exchange.hash_of_the_rest(CLIENT);
            assert_eq!(world.apply(command).events, []);
            assert_eq!(world.exchange.hash_of_the_rest(CLIENT), before);
            let after = world.exchange.sessions[CLIENT as usize];
            assert_eq!((after.mark, after.bucket), (session.mark, session.bucket));
        }
    }
}
