//! Every kind of command, from the first on, done and refused, short and in many steps.

use std::collections::HashSet;

use engine::exchange::command::{
    Command, CommandKind, FLAG_LOW_SPACE, Order, OrderOptions, UNKNOWN_INSTRUMENT,
};
use engine::exchange::event::{Event, EventKind};
use engine::exchange::{Exchange, Progress, STEP_EVENTS_MAX};
use zerocopy::FromZeros;

use super::market::{self, DOLLAR, LIMITS};
use super::{auctions, none, operating, unseen};

pub(crate) const MAKER: u32 = 0;
pub(crate) const TAKER: u32 = 1;

pub(crate) struct World {
    pub(crate) exchange: Exchange,
    events: Vec<Event>,
    /// Nanoseconds.
    pub(crate) time: u64,
    /// Kinds that were run.
    kinds: HashSet<CommandKind>,
}

/// What a command came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Came {
    pub(crate) steps: usize,
    /// Its first event, or nothing.
    pub(crate) first: Option<EventKind>,
}

impl World {
    fn new() -> Self {
        Self {
            exchange: Exchange::new(LIMITS),
            events: Vec::with_capacity(STEP_EVENTS_MAX as usize),
            time: 0,
            kinds: HashSet::new(),
        }
    }

    /// Runs a command to its end, in the exchange's sight of the allocator.
    pub(crate) fn run(&mut self, command: Command) -> Came {
        let kind = CommandKind::from_byte(command.kind);
        let command = Command {
            sequence: self.exchange.sequence() + 1,
            time: self.time,
            ..command
        };
        let Self { exchange, events, .. } = self;
        let what = format!("{kind:?}, command {}", command.sequence);
        let mut first = None;
        events.clear();
        let steps = none(&what, || {
            let mut progress = exchange.apply(&command, events);
            first = events.first().map(Event::kind);
            let mut steps = 1;
            while progress == Progress::More {
                events.clear();
                progress = exchange.resume(events);
                steps += 1;
            }
            steps
        });
        self.kinds.extend(kind);
        Came { steps, first }
    }

    pub(crate) fn next(&self, session: u32) -> u32 {
        self.exchange.session(session).expect("it was added").mark + 1
    }

    /// A request of the session, for the first instrument, under its next number.
    pub(crate) fn ask(
        &mut self,
        kind: CommandKind,
        session: u32,
        change: impl FnOnce(&mut Order, &mut OrderOptions),
    ) -> Came {
        let mut order = market::order(self.next(session), b'B', 1, 100 * DOLLAR);
        let mut options = OrderOptions::new_zeroed();
        change(&mut order, &mut options);
        let mut command = Command::new(kind).with_order(order).with_options(options);
        (command.session, command.instrument) = (session, u16::from(kind == CommandKind::Enter));
        self.run(command)
    }

    pub(crate) fn enter(&mut self, session: u32, side: u8, quantity: u32, price: u64) -> Came {
        self.ask(CommandKind::Enter, session, |order, _| {
            (order.side, order.quantity, order.price) = (side, quantity, price);
        })
    }

    /// The maker's sells, one lot each, until `left` places of the arena are free.
    pub(crate) fn fill(&mut self, left: u32) {
        let resting = self.exchange.account(MAKER).expect("it was added").open_orders
            + self.exchange.account(TAKER).expect("it was added").open_orders;
        for _ in resting..LIMITS.orders - left {
            let came = self.enter(MAKER, b'S', 1, 100 * DOLLAR);
            assert_eq!(came.first, Some(EventKind::Accepted));
        }
    }
}

#[test]
fn no_kind_of_command_allocates() {
    let mut world = World::new();
    operating::operator(&mut world);
    orders(&mut world);
    replacements(&mut world);
    long_ones(&mut world);
    prices_far_apart(&mut world);
    unseen::unseen(&mut world);
    operating::ends(&mut world);
    operating::kill_switches(&mut world);
    operating::changes(&mut world);
    operating::the_day(&mut world);
    auctions::crosses(&mut world);
    auctions::pause(&mut world);
    auctions::rolls(&mut world);
    connections(&mut world);
    let all: HashSet<_> = (0..=u8::MAX).filter_map(CommandKind::from_byte).collect();
    let missing: Vec<_> = all.difference(&world.kinds).collect();
    assert!(
        missing.is_empty(),
        "no row for {missing:?}: add one that does it and one that is refused"
    );
}

/// What an enter may come to.
fn orders(world: &mut World) {
    type Change = fn(&mut Order, &mut OrderOptions);
    let accepted: [Change; 9] = [
        |order, _| order.time_in_force = b'3',
        |order, _| order.price = 0x7FFF_FFFF,
        |order, _| order.time_in_force = b'G',
        |order, _| (order.display, order.side) = (b'A', b'S'),
        |_, options| (options.present, options.post_only) = (OrderOptions::HAS_POST_ONLY, b'P'),
        |order, options| {
            order.time_in_force = b'3';
            (options.present, options.min_quantity) = (OrderOptions::HAS_MIN_QUANTITY, 1);
        },
        |order, options| {
            (order.price, order.quantity) = (0x7FFF_FFFF, 1_000);
            (options.present, options.min_quantity) = (OrderOptions::HAS_MIN_QUANTITY, 1_000);
        },
        |_, options| (options.present, options.self_match) = (OrderOptions::HAS_SELF_MATCH, b'D'),
        |order, options| {
            order.side = b'S';
            (options.present, options.self_match) = (OrderOptions::HAS_SELF_MATCH, b'B');
        },
    ];
    for change in accepted {
        for session in [MAKER, TAKER] {
            assert_eq!(
                world.ask(CommandKind::Enter, session, change).first,
                Some(EventKind::Accepted)
            );
        }
    }
    let refused: [Change; 9] = [
        |order, _| order.user_ref = u32::MAX,
        |order, _| order.side = b'T',
        |order, _| order.time_in_force = b'?',
        |order, _| order.display = b'?',
        |order, _| order.quantity = 0,
        |order, _| order.price = 1,
        |order, _| order.price = 190 * DOLLAR,
        |_, options| options.present = OrderOptions::MALFORMED,
        |order, _| order.quantity = 1_000_001,
    ];
    for kind in [CommandKind::Enter, CommandKind::Replace] {
        for change in refused {
            assert_eq!(world.ask(kind, TAKER, change).first, Some(EventKind::Rejected));
        }
    }
    let mut unknown =
        Command::new(CommandKind::Enter).with_order(market::order(world.next(TAKER), b'B', 1, DOLLAR));
    (unknown.session, unknown.instrument) = (TAKER, UNKNOWN_INSTRUMENT);
    assert_eq!(world.run(unknown).first, Some(EventKind::Rejected));
    // The same number again.
    assert_eq!(world.run(unknown).first, None);
    let mut late =
        Command::new(CommandKind::Enter).with_order(market::order(world.next(TAKER), b'B', 1, DOLLAR));
    (late.session, late.instrument, late.flags) = (TAKER, 1, FLAG_LOW_SPACE);
    assert_eq!(world.run(late).first, Some(EventKind::Rejected));
    // More than there are units for.
    assert_eq!(
        world.enter(2, b'S', 1, 100 * DOLLAR).first,
        Some(EventKind::Rejected)
    );
    world.ask(CommandKind::MassCancel, MAKER, |_, _| {});
    world.ask(CommandKind::MassCancel, TAKER, |_, _| {});
}

/// In place, to the tail, across, to nothing, refused; and what reduces.
fn replacements(world: &mut World) {
    world.enter(MAKER, b'S', 10, 110 * DOLLAR);
    world.enter(TAKER, b'B', 10, 90 * DOLLAR);
    let replaced = Some(EventKind::Replaced);
    for (quantity, price) in [(9, 90), (12, 90), (12, 91), (30, 110), (5, 110)] {
        let original = world.next(TAKER) - 1;
        let came = world.ask(CommandKind::Replace, TAKER, |order, _| {
            (order.orig_user_ref, order.quantity, order.price) = (original, quantity, price * DOLLAR);
        });
        assert_eq!(came.first, replaced, "{quantity} at {price}");
    }
    let dead = world.ask(CommandKind::Replace, TAKER, |order, _| order.orig_user_ref = 1);
    assert_eq!(dead.first, Some(EventKind::Rejected));
    world.enter(MAKER, b'S', 10, 110 * DOLLAR);
    let live = world.next(MAKER) - 1;
    for kind in [CommandKind::Modify, CommandKind::Cancel] {
        let came = |world: &mut World, user_ref, quantity| {
            let came = world.ask(kind, MAKER, |order, _| {
                (order.user_ref, order.side, order.quantity) = (user_ref, b'S', quantity);
            });
            came.first.is_some()
        };
        let first = if kind == CommandKind::Modify { 9 } else { 8 };
        assert!(came(world, live, first), "{kind:?} reduces");
        assert!(!came(world, live, first), "{kind:?} finds nothing to do");
        assert!(!came(world, 1, 0), "{kind:?} of nothing");
    }
    let cancels = |order: &mut Order, _: &mut OrderOptions| (order.user_ref, order.quantity) = (live, 0);
    assert!(world.ask(CommandKind::Cancel, MAKER, cancels).first.is_some());
    let query = world.ask(CommandKind::AccountQuery, MAKER, |_, _| {});
    assert_eq!(query.first, Some(EventKind::AccountAnswered));
    world.ask(CommandKind::MassCancel, MAKER, |_, _| {});
}

/// Commands of many steps, on a full arena.
fn long_ones(world: &mut World) {
    world.fill(0);
    assert_eq!(
        world.enter(TAKER, b'B', 1, 100 * DOLLAR).first,
        Some(EventKind::Rejected)
    );
    let filled = |world: &mut World| world.fill(1);
    type Long = fn(&mut World) -> Came;
    let long: [(&str, Long); 5] = [
        ("sweep", |world| {
            world.enter(TAKER, b'B', LIMITS.orders, 100 * DOLLAR)
        }),
        ("market sweep", |world| {
            world.enter(TAKER, b'B', LIMITS.orders, 0x7FFF_FFFF)
        }),
        ("self matches", |world| world.enter(MAKER, b'B', 1, 100 * DOLLAR)),
        ("mass cancel", |world| {
            world.ask(CommandKind::MassCancel, MAKER, |_, _| {})
        }),
        ("kill switch", |world| {
            world.ask(CommandKind::DisableOrderEntry, MAKER, |_, _| {})
        }),
    ];
    world.ask(CommandKind::Cancel, MAKER, |order, _| {
        (order.user_ref, order.quantity) = (order.user_ref - 1, 0);
    });
    for (what, run) in long {
        filled(world);
        let came = run(world);
        assert!(came.steps > 1, "{what} in {came:?}");
        for session in [MAKER, TAKER] {
            world.ask(CommandKind::MassCancel, session, |_, _| {});
        }
    }
    assert_eq!(
        world.enter(MAKER, b'S', 1, 100 * DOLLAR).first,
        Some(EventKind::Rejected)
    );
    let enabled = world.ask(CommandKind::EnableOrderEntry, MAKER, |_, _| {});
    assert_eq!(enabled.first, Some(EventKind::OrderEntryEnabled));
}

/// Levels all over the prices there are, until there are no more; twice, so that all are used again.
fn prices_far_apart(world: &mut World) {
    for _ in 0..2 {
        let mut refused = 0;
        for place in 0..u64::from(LIMITS.levels) + 20 {
            let price = 150 * DOLLAR + place * 300 * DOLLAR;
            refused += u32::from(world.enter(MAKER, b'S', 1, price).first == Some(EventKind::Rejected));
        }
        assert!(refused >= 20, "{refused} found no level");
        world.ask(CommandKind::MassCancel, MAKER, |_, _| {});
    }
}

fn connections(world: &mut World) {
    let mut command = Command::new(CommandKind::ConnectionStart);
    assert_eq!(world.run(command).first, None);
    world.fill(0);
    command.kind = CommandKind::ConnectionEnd as u8;
    let came = world.run(command);
    assert_eq!(came.first, Some(EventKind::CanceledDeleted));
    assert!(came.steps > 1);
    // Nobody is there, and nobody is known.
    assert_eq!(world.run(command).first, None);
    command.session = 99;
    assert_eq!(world.run(command).first, None);
    world
        .exchange
        .check_invariants()
        .expect("books and balances add up");
}
