//! The step rule: at most 256 events a step, and the steps together are what one long step would be. And: equal commands
//! make equal states.

use super::generator::Generator;
use super::setting;
use super::world::{World, blank, plain_account, plain_order};
use engine::exchange::command::{Command, CommandKind, InstrumentDefinition, Order, OrderOptions, halves};
use engine::exchange::event::{Event, EventKind};
use engine::exchange::{Limits, Progress, STEP_EVENTS_MAX};
use protocol::units::text_field;

const MAKER: u32 = 0;
const TAKER: u32 = 1;
const ORDERS: u32 = 700;

/// A maker with 700 one-lot sells at 100, every fee reported.
fn world() -> World {
    let mut world = World::new(Limits {
        assets: 2,
        instruments: 1,
        accounts: 2,
        sessions: 2,
        orders: ORDERS + 1,
        levels: 10,
        fee_schedules: 64,
    });
    world.add_asset("USD", 0);
    world.add_asset("BTC", 0);
    world.add_instrument(InstrumentDefinition {
        symbol: text_field("BTC-USD").expect("short"),
        lot_size: halves(1),
        price_unit: halves(1),
        tick_size: 10_000,
        price_max: 10_000_000,
        quantity_max: 10_000,
        taker_fee_ppm: 1_000,
        base: 1,
        quote: 0,
        ..blank()
    });
    for name in ["MAKER", "TAKER"] {
        let mut account = plain_account(name);
        (account.fee_reports, account.cancel_on_disconnect) = (1, 1);
        world.add_account(account);
    }
    world.deposit(MAKER, 0, 1_000_000);
    world.deposit(MAKER, 1, u128::from(ORDERS));
    world.deposit(TAKER, 0, 1_000_000);
    for _ in 0..ORDERS {
        world.apply(order(&world, MAKER, b'S', 1));
    }
    world
}

fn order(world: &World, session: u32, side: u8, quantity: u32) -> Command {
    let mut order = plain_order();
    order.user_ref = world.model.sessions[session as usize].mark + 1;
    (order.side, order.quantity, order.price) = (side, quantity, 1_000_000);
    let mut command = Command::new(CommandKind::Enter).with_order(order);
    (command.session, command.instrument) = (session, 1);
    command
}

fn number(world: &World, kind: CommandKind, session: u32) -> Command {
    let mut order = plain_order();
    order.user_ref = world.model.sessions[session as usize].mark + 1;
    let mut command = Command::new(kind).with_order(order);
    command.session = session;
    command
}

/// The model, which knows no steps, agrees about all events; `apply` compares them and looks at each step's length.
#[test]
fn long_commands_resume_and_say_the_same_as_one_long_step() {
    type Case = (&'static str, fn(&World) -> Command, u32);
    let cases: [Case; 6] = [
        (
            "sweep",
            |world| order(world, TAKER, b'B', ORDERS + 5),
            4 * ORDERS + 2,
        ),
        (
            "sweep that ends within",
            |world| order(world, TAKER, b'B', 300),
            4 * 300 + 1,
        ),
        // The maker's own buy: cancel oldest.
        ("self matches", |world| order(world, MAKER, b'B', 1), ORDERS + 2),
        (
            "mass cancel",
            |world| number(world, CommandKind::MassCancel, MAKER),
            ORDERS + 1,
        ),
        (
            "kill switch",
            |world| number(world, CommandKind::DisableOrderEntry, MAKER),
            ORDERS + 1,
        ),
        (
            "lost connection",
            |world| number(world, CommandKind::ConnectionEnd, MAKER),
            ORDERS,
        ),
    ];
    for (what, make, events) in cases {
        let mut world = world();
        let command = make(&world);
        let caused = world.apply(command);
        assert_eq!(caused.events.len(), events as usize, "{what}");
        assert!(
            caused.steps > events as usize / STEP_EVENTS_MAX as usize,
            "{what}"
        );
    }
}

#[test]
fn a_match_and_its_fees_are_in_one_step() {
    let mut world = world();
    let command = world.stamp(order(&world, TAKER, b'B', ORDERS));
    let mut progress = None;
    while progress != Some(Progress::Done) {
        let mut step: Vec<Event> = Vec::new();
        progress = Some(match progress {
            None => world.exchange.apply(&command, &mut step),
            Some(_) => world.exchange.resume(&mut step),
        });
        let count = |kind| step.iter().filter(|event| event.kind() == kind).count();
        let matches = count(EventKind::ExecutedResting);
        assert!(matches > 0);
        assert_eq!(count(EventKind::ExecutedIncoming), matches);
        assert_eq!(count(EventKind::Fee), 2 * matches);
    }
}

#[test]
#[should_panic(expected = "the command before is unfinished")]
fn no_other_command_is_taken_meanwhile() {
    let mut world = world();
    let mut events: Vec<Event> = Vec::new();
    let first = world.stamp(order(&world, TAKER, b'B', ORDERS));
    assert_eq!(world.exchange.apply(&first, &mut events), Progress::More);
    let second = world.stamp(order(&world, MAKER, b'S', 1));
    let _ = world.exchange.apply(&second, &mut events);
}

/// Another index seed, another way to run the steps: the same state after each command, and again when an exchange is
/// rebuilt from the commands.
#[test]
fn equal_commands_make_equal_states() {
    let mut generator = Generator::new(7);
    let mut world = setting::world(7).with_twin(0xDEAD_BEEF);
    for _ in 0..3_000 {
        let command = generator.next(&mut world);
        world.apply(command);
    }
    assert_eq!(world.rebuilt(1).state_hash(), world.exchange.state_hash());
}

/// What a later command could be answered differently for is in the hash: each change alone makes another state.
#[test]
fn whatever_an_order_says_shows_in_the_hash() {
    let hash = |change: fn(&mut Order, &mut OrderOptions)| {
        let mut world = world();
        let plain = order(&world, TAKER, b'B', 1);
        let (mut order, mut options) = (*plain.order(), plain.options());
        order.price = 500_000;
        change(&mut order, &mut options);
        let caused = world.apply(plain.with_order(order).with_options(options));
        assert_eq!(caused.events.len(), 2, "accepted and added");
        world.exchange.state_hash()
    };
    let changes: [fn(&mut Order, &mut OrderOptions); 12] = [
        |_, _| {},
        |order, _| order.price = 510_000,
        |order, _| order.quantity = 2,
        |order, _| order.cl_ord_id[13] = b'A',
        |order, _| order.time_in_force = b'G',
        |order, _| order.display = b'A',
        |order, _| order.capacity = b'P',
        |order, _| order.sweep = b'Y',
        |_, options| (options.present, options.firm) = (OrderOptions::HAS_FIRM, *b"ELSE"),
        |_, options| (options.present, options.group) = (OrderOptions::HAS_GROUP, 1),
        |order, options| {
            order.time_in_force = b'6';
            (options.present, options.expire_time) = (OrderOptions::HAS_EXPIRE_TIME, 1);
        },
        |order, options| {
            order.time_in_force = b'6';
            (options.present, options.expire_time) = (OrderOptions::HAS_EXPIRE_TIME, 2);
        },
    ];
    let mut hashes: Vec<u64> = changes.into_iter().map(hash).collect();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), changes.len());
}
