//! Commands written down for a purpose, where a workload's random ones do not lead: a market, then orders by hand.

use std::time::Instant;

use engine::exchange::book::Side;
use engine::exchange::command::{Command, CommandKind, Order, OrderOptions};
use engine::exchange::event::{Event, EventKind};
use engine::exchange::{Exchange, Limits};
use engine::ingress::EventsHash;
use zerocopy::FromZeros;

use crate::contender::ROOM;
use crate::market::{self, ACCOUNTS, TICK_SIZE};
use crate::replay;

/// An order's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name {
    /// Session, and account of the same index.
    pub session: u32,
    /// Number of the request.
    pub user_ref: u32,
}

/// One instrument, [`ACCOUNTS`] accounts, and what they do.
#[derive(Debug)]
pub struct Script {
    limits: Limits,
    commands: Vec<Command>,
    measured_from: usize,
    user_refs: Vec<u32>,
}

impl Script {
    /// A market with room for `orders` and as many levels, and nothing happens yet.
    pub fn new(orders: u32) -> Self {
        let mut script = Self {
            limits: market::limits(1, ACCOUNTS, orders, orders),
            commands: Vec::new(),
            measured_from: 0,
            user_refs: vec![0; ACCOUNTS as usize],
        };
        for command in market::commands(1, ACCOUNTS) {
            script.push(command);
        }
        script
    }

    /// From here on it is measured.
    pub fn measure(&mut self) {
        self.measured_from = self.commands.len();
    }

    /// Measured commands.
    pub fn measured(&self) -> usize {
        self.commands.len() - self.measured_from
    }

    /// A limit order that rests.
    pub fn rest(&mut self, session: u32, side: Side, tick: u32, quantity: u32) -> Name {
        self.enter(session, side, tick, quantity, b'0', OrderOptions::new_zeroed())
    }

    /// A limit order that executes whole at once or not at all.
    pub fn fill_or_kill(&mut self, session: u32, side: Side, tick: u32, quantity: u32) -> Name {
        let options = OrderOptions {
            present: OrderOptions::HAS_MIN_QUANTITY,
            min_quantity: quantity,
            ..OrderOptions::new_zeroed()
        };
        self.enter(session, side, tick, quantity, b'3', options)
    }

    /// An order goes.
    pub fn cancel(&mut self, name: Name) {
        self.push(
            Command {
                session: name.session,
                ..Command::new(CommandKind::Cancel)
            }
            .with_order(Order {
                user_ref: name.user_ref,
                ..Order::new_zeroed()
            }),
        );
    }

    /// All orders of a group that no order is in.
    pub fn cancel_no_group(&mut self, session: u32) {
        let options = OrderOptions {
            present: OrderOptions::HAS_GROUP,
            group: 7,
            ..OrderOptions::new_zeroed()
        };
        self.mass_cancel(session, options);
    }

    /// All orders of the account.
    pub fn cancel_all(&mut self, session: u32) {
        self.mass_cancel(session, OrderOptions::new_zeroed());
    }

    fn mass_cancel(&mut self, session: u32, options: OrderOptions) {
        let user_ref = self.next_user_ref(session);
        let order = Order {
            user_ref,
            ..Order::new_zeroed()
        };
        let command = Command {
            session,
            ..Command::new(CommandKind::MassCancel)
        };
        self.push(command.with_order(order).with_options(options));
    }

    fn enter(
        &mut self,
        session: u32,
        side: Side,
        tick: u32,
        quantity: u32,
        time_in_force: u8,
        options: OrderOptions,
    ) -> Name {
        let user_ref = self.next_user_ref(session);
        let order = Order {
            price: u64::from(tick) * u64::from(TICK_SIZE),
            user_ref,
            quantity,
            side: side.byte(),
            time_in_force,
            cl_ord_id: *b"script        ",
            display: b'Y',
            capacity: b'A',
            sweep: b'N',
            cross_type: b'N',
            ..Order::new_zeroed()
        };
        let command = Command {
            session,
            instrument: 1,
            ..Command::new(CommandKind::Enter)
        };
        self.push(command.with_order(order).with_options(options));
        Name { session, user_ref }
    }

    fn next_user_ref(&mut self, session: u32) -> u32 {
        let last = &mut self.user_refs[session as usize];
        *last += 1;
        *last
    }

    fn push(&mut self, mut command: Command) {
        command.sequence = self.commands.len() as u64 + 1;
        command.time = command.sequence * 1_000;
        self.commands.push(command);
    }

    /// Runs it. The times of the measured commands go into `each`, nanoseconds, each with a reading of the clock in it;
    /// the hash is over the events of all.
    ///
    /// # Panics
    /// When an order is refused: then the script does not do what it says.
    pub fn run(&self, each: &mut Vec<u32>) -> u64 {
        each.clear();
        each.reserve(self.measured());
        let mut exchange = Exchange::with_hash_seed(self.limits, 0x5EED);
        let mut events: Vec<Event> = Vec::with_capacity(ROOM);
        let mut hash = EventsHash::default();
        for (place, command) in self.commands.iter().enumerate() {
            let start = Instant::now();
            replay::apply(&mut exchange, command, &mut events);
            let time = start.elapsed().as_nanos();
            if place >= self.measured_from {
                each.push(u32::try_from(time).unwrap_or(u32::MAX));
            }
            assert!(
                events.iter().all(|event| event.kind() != EventKind::Rejected),
                "{command:?} was refused"
            );
            hash.add(&events);
            events.clear();
        }
        hash.value()
    }
}
