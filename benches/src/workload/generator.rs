//! Makes a workload's commands, one after the other, each after the events of the one before.

use engine::exchange::Exchange;
use engine::exchange::book::Side;
use engine::exchange::command::{Command, CommandKind, Order};
use engine::exchange::event::{Event, EventKind};
use engine::ingress::EventsHash;
use protocol::testing::Random;
use protocol::units::Price;

use super::{Counts, LiveOrders, Stream, Workload};
use crate::market::{START_TICK, TICK_SIZE};
use crate::replay;

/// From one command to the next.
const STEP_NS: u64 = 1_000;
/// OUCH time in force: day.
const DAY: u8 = b'0';
/// OUCH time in force: immediate or cancel.
const IMMEDIATE: u8 = b'3';

pub(super) struct Generator {
    workload: Workload,
    random: Random,
    exchange: Exchange,
    live: LiveOrders,
    /// By locate, in ticks; the first one is no instrument's.
    mids: Vec<u32>,
    /// By session, the number used last.
    user_refs: Vec<u32>,
    sequence: u64,
    events: Vec<Event>,
    events_hash: EventsHash,
    counts: Counts,
}

impl Generator {
    pub(super) fn new(workload: Workload) -> Self {
        Self {
            workload,
            random: Random::new(workload.seed),
            exchange: Exchange::new(workload.limits()),
            live: LiveOrders::default(),
            mids: vec![START_TICK; usize::from(workload.instruments) + 1],
            user_refs: vec![0; workload.accounts as usize],
            sequence: 0,
            events: Vec::new(),
            events_hash: EventsHash::default(),
            counts: Counts::default(),
        }
    }

    pub(super) fn live(&self) -> &LiveOrders {
        &self.live
    }

    /// The measured part begins.
    pub(super) fn start_counting(&mut self) {
        self.events_hash = EventsHash::default();
        self.counts = Counts {
            live_least: self.live.len() as u64,
            live_most: self.live.len() as u64,
            ..Counts::default()
        };
    }

    /// Numbers and times the command, applies it, and learns from its events.
    pub(super) fn apply(&mut self, command: &mut Command) {
        self.sequence += 1;
        command.sequence = self.sequence;
        command.time = self.sequence * STEP_NS;
        self.events.clear();
        replay::apply(&mut self.exchange, command, &mut self.events);
        self.live.observe(command, &self.events);
        self.events_hash.add(&self.events);
        self.count(command);
    }

    fn count(&mut self, command: &Command) {
        let happened = |kind| self.events.iter().filter(|event| event.kind() == kind).count() as u64;
        let (matches, rejected) = (
            happened(EventKind::ExecutedIncoming),
            happened(EventKind::Rejected),
        );
        let counts = &mut self.counts;
        counts.matches += matches;
        counts.rejected += rejected;
        counts.events += self.events.len() as u64;
        counts.live_least = counts.live_least.min(self.live.len() as u64);
        counts.live_most = counts.live_most.max(self.live.len() as u64);
        let order = command.order();
        match CommandKind::from_byte(command.kind) {
            Some(CommandKind::Enter) if order.price == Price::MARKET.0 => counts.markets += 1,
            Some(CommandKind::Enter) if order.time_in_force == IMMEDIATE => counts.immediates += 1,
            Some(CommandKind::Enter) => {
                counts.limits += 1;
                counts.limits_crossing += u64::from(matches > 0);
            }
            Some(CommandKind::Cancel) => counts.cancels += 1,
            Some(CommandKind::Replace) => counts.replaces += 1,
            _ => {}
        }
    }

    /// What was made, and what it led to.
    ///
    /// # Panics
    /// When the exchange breaks an invariant, or what lives by its events is not what lives in it.
    pub(super) fn finish(self, setup: Vec<Command>, measured: Vec<Command>) -> Stream {
        if let Err(broken) = self.exchange.check_invariants() {
            panic!("the exchange broke an invariant: {broken}");
        }
        let resting: u32 = (0..self.workload.accounts)
            .filter_map(|account| self.exchange.account(account))
            .map(|account| account.open_orders)
            .sum();
        assert_eq!(
            resting as usize,
            self.live.len(),
            "events tell of every live order"
        );
        for place in 0..self.live.len() {
            let known = self.live.at(place);
            let view = self.exchange.order(known.session, known.user_ref);
            let same = view.is_some_and(|view| {
                (view.open, view.executed, view.price, view.side)
                    == (known.open, known.executed, known.price, known.side.byte())
            });
            assert!(same, "{known:?} by its events, {view:?} in the exchange");
        }
        Stream {
            workload: self.workload,
            setup,
            measured,
            counts: self.counts,
            events_hash: self.events_hash.value(),
            state_hash: self.exchange.state_hash(),
        }
    }

    /// One operation of the mix.
    pub(super) fn operation(&mut self) -> Command {
        match self.random.below(1_000) {
            0..480 => self.passive_order(),
            480..600 => self.taking_order(DAY),
            600..900 => self.cancel(),
            900..925 => self.market_order(),
            925..950 => self.taking_order(IMMEDIATE),
            _ => self.replace(),
        }
    }

    /// A limit order that rests.
    pub(super) fn passive_order(&mut self) -> Command {
        let (instrument, side) = self.place();
        let tick = self.passive_tick(instrument, side);
        let quantity = self.random.between(1, 100) as u32;
        self.enter(instrument, side, price(tick), quantity, DAY)
    }

    /// A limit order that reaches the other side; a passive one when that is empty.
    fn taking_order(&mut self, time_in_force: u8) -> Command {
        let (instrument, side) = self.place();
        let beyond = self.random.between(0, u64::from(self.workload.width / 4)) as u32;
        let tick = match (self.best(instrument, side.opposite()), side) {
            (Some(best), Side::Buy) => best + beyond,
            (Some(best), Side::Sell) => best.saturating_sub(beyond).max(1),
            (None, _) => self.passive_tick(instrument, side),
        };
        let quantity = self.taking_quantity();
        self.enter(instrument, side, price(tick), quantity, time_in_force)
    }

    fn market_order(&mut self) -> Command {
        let (instrument, side) = self.place();
        let quantity = self.taking_quantity();
        self.enter(instrument, side, Price::MARKET.0, quantity, IMMEDIATE)
    }

    fn cancel(&mut self) -> Command {
        if self.live.is_empty() {
            return self.passive_order();
        }
        let place = self.random.below(self.live.len() as u64) as usize;
        let order = *self.live.at(place);
        Command {
            session: order.session,
            ..Command::new(CommandKind::Cancel)
        }
        .with_order(Order {
            user_ref: order.user_ref,
            ..blank()
        })
    }

    fn replace(&mut self) -> Command {
        if self.live.is_empty() {
            return self.passive_order();
        }
        let place = self.random.below(self.live.len() as u64) as usize;
        let order = *self.live.at(place);
        let (price, open) = if self.random.chance(1, 2) {
            (
                u64::from(order.price),
                self.random.between(1, u64::from(order.open)),
            )
        } else {
            let tick = self.passive_tick(order.instrument, order.side);
            (price(tick), self.random.between(1, 100))
        };
        Command {
            session: order.session,
            ..Command::new(CommandKind::Replace)
        }
        .with_order(Order {
            price,
            user_ref: self.next_user_ref(order.session),
            orig_user_ref: order.user_ref,
            quantity: order.executed + open as u32,
            time_in_force: DAY,
            ..worded()
        })
    }

    fn enter(
        &mut self,
        instrument: u16,
        side: Side,
        price: u64,
        quantity: u32,
        time_in_force: u8,
    ) -> Command {
        let session = self.random.below(u64::from(self.workload.accounts)) as u32;
        Command {
            session,
            instrument,
            ..Command::new(CommandKind::Enter)
        }
        .with_order(Order {
            price,
            user_ref: self.next_user_ref(session),
            quantity,
            side: side.byte(),
            time_in_force,
            ..worded()
        })
    }

    fn next_user_ref(&mut self, session: u32) -> u32 {
        let last = &mut self.user_refs[session as usize];
        *last += 1;
        *last
    }

    /// Where an order goes. The mid of its instrument may take a step first.
    fn place(&mut self) -> (u16, Side) {
        let instrument = self.random.between(1, u64::from(self.workload.instruments)) as u16;
        let mid = &mut self.mids[usize::from(instrument)];
        match self.random.below(512) {
            0 => *mid += 1,
            1 => *mid -= 1,
            _ => {}
        }
        let side = *self.random.pick(&[Side::Buy, Side::Sell]);
        (instrument, side)
    }

    /// A tick that does not cross.
    fn passive_tick(&mut self, instrument: u16, side: Side) -> u32 {
        let distance = self.distance();
        let mid = self.mids[usize::from(instrument)];
        let other = self.best(instrument, side.opposite());
        match side {
            Side::Buy => {
                let tick = mid.saturating_sub(distance).max(1);
                other.map_or(tick, |ask| tick.min(ask - 1))
            }
            Side::Sell => other.map_or(mid + distance, |bid| (mid + distance).max(bid + 1)),
        }
    }

    /// From the mid, in ticks.
    fn distance(&mut self) -> u32 {
        let Workload { width, reach, .. } = self.workload;
        if reach == 0 {
            let widest = self.random.between(1, u64::from(width));
            return 1 + self.random.below(widest) as u32;
        }
        let magnitude = 1_u64 << self.random.between(0, u64::from(reach.ilog2()));
        let farthest = (2 * magnitude - 1).min(u64::from(reach));
        self.random.between(magnitude, farthest) as u32
    }

    fn taking_quantity(&mut self) -> u32 {
        let is_crowded = self.live.len() >= self.workload.live as usize;
        self.random.between(1, if is_crowded { 300 } else { 40 }) as u32
    }

    /// Best tick of a side.
    fn best(&self, instrument: u16, side: Side) -> Option<u32> {
        let (price, _) = self.exchange.best(instrument, side)?;
        Some(price / TICK_SIZE)
    }
}

fn price(tick: u32) -> u64 {
    u64::from(tick) * u64::from(TICK_SIZE)
}

/// An order that says nothing.
fn blank() -> Order {
    zerocopy::transmute!([0_u8; size_of::<Order>()])
}

/// What all orders here say alike.
fn worded() -> Order {
    Order {
        cl_ord_id: *b"benchmark     ",
        display: b'Y',
        capacity: b'A',
        sweep: b'N',
        cross_type: b'N',
        ..blank()
    }
}
