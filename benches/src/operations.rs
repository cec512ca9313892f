//! A stream in words that every order book understands: what the contenders get that are not the exchange.
//!
//! Orders are named by the exchange's order numbers, which are dense and ascending. A market order becomes an
//! immediate one at the bound that the collar sets at that moment. Self-match prevention is done beforehand: the own
//! orders that the exchange takes out of the way of an incoming one are canceled before it, which leads to the same
//! fills. So the list is a little longer than the stream (by one in some hundred matches).

use std::collections::HashMap;

use engine::exchange::Exchange;
use engine::exchange::book::Side;
use engine::exchange::command::{Command, CommandKind, InstrumentDefinition};
use engine::exchange::event::{Event, EventKind};
use protocol::units::Price;

use crate::fills::FillsHash;
use crate::market::TICK_SIZE;
use crate::replay;
use crate::workload::Stream;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Ask {
    /// A new order that rests with what does not execute.
    Rest,
    /// A new order; what does not execute at once is canceled.
    Immediate,
    /// All of `number` is canceled.
    Cancel,
    /// `number` keeps its place with `quantity` lots left, no more than it had.
    Reduce,
    /// `number` is canceled, and `new_number` rests at `tick` with `quantity` lots. It does not cross.
    Move,
}

/// One operation: 32 bytes, two to a cache line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, align(32))]
pub struct Operation {
    /// The order: a new one's number, or the one that is meant.
    pub number: u32,
    /// The number that a moved order goes on with.
    pub new_number: u32,
    /// Limit in ticks. Of a cancel or a reduction 0.
    pub tick: u32,
    /// Lots. Of a cancel 0.
    pub quantity: u32,
    /// Owner.
    pub account: u32,
    /// The order's instrument, from 1.
    pub instrument: u16,
    /// The order's side.
    pub side: Side,
    /// What is asked.
    pub ask: Ask,
}

const _: () = assert!(size_of::<Operation>() == 32);

/// A stream's operations.
#[derive(Debug)]
pub struct Operations {
    /// Up to the measured part. Not measured.
    pub setup: Vec<Operation>,
    /// The measured part.
    pub measured: Vec<Operation>,
    /// By locate less 1: the lowest and the highest tick at which an order rests.
    pub ranges: Vec<(u32, u32)>,
    /// Highest order number.
    pub numbers: u32,
    /// Accounts.
    pub accounts: u32,
    /// Most orders that rest at a time.
    pub live_most: u32,
    /// Fills of the measured part.
    pub fills: u64,
    /// Over all of them.
    pub fills_hash: u64,
    /// Orders that rest at the end.
    pub live_at_end: u32,
    /// How many fills each of the stream's measured commands caused; 255 stands for more.
    pub fills_by_command: Vec<u8>,
    /// The same of the measured operations.
    pub fills_by_operation: Vec<u8>,
}

impl Operations {
    /// Runs the stream once through an exchange and translates.
    ///
    /// # Panics
    /// When the stream has what the words do not reach.
    pub fn of(stream: &Stream) -> Self {
        let mut translator = Translator::new(stream);
        for command in &stream.setup {
            translator.translate(command);
        }
        let setup = std::mem::take(&mut translator.operations);
        translator.fills_hash = FillsHash::default();
        translator.fills_by_command.clear();
        translator.fills_by_operation.clear();
        for command in &stream.measured {
            translator.translate(command);
        }
        assert_eq!(
            translator.exchange.state_hash(),
            stream.state_hash,
            "equal commands lead to equal states"
        );
        Self {
            setup,
            measured: translator.operations,
            ranges: translator.ranges,
            numbers: translator.numbers,
            accounts: stream.workload.accounts,
            live_most: stream.workload.limits().orders,
            fills: translator.fills_hash.count(),
            fills_hash: translator.fills_hash.value(),
            live_at_end: translator.resting.len() as u32,
            fills_by_command: translator.fills_by_command,
            fills_by_operation: translator.fills_by_operation,
        }
    }
}

struct Translator {
    exchange: Exchange,
    events: Vec<Event>,
    operations: Vec<Operation>,
    ranges: Vec<(u32, u32)>,
    numbers: u32,
    fills_hash: FillsHash,
    fills_by_command: Vec<u8>,
    fills_by_operation: Vec<u8>,
    /// By locate less 1: what a market order's bound is reckoned from, 0.0001.
    references: Vec<u32>,
    definition: InstrumentDefinition,
    /// Side, instrument and lots of what rests, by number.
    resting: HashMap<u32, (Side, u16, u32)>,
}

impl Translator {
    fn new(stream: &Stream) -> Self {
        let instruments = usize::from(stream.workload.instruments);
        let definition: InstrumentDefinition = stream
            .setup
            .iter()
            .find(|command| command.kind == CommandKind::AddInstrument as u8)
            .expect("a market has instruments")
            .definition();
        Self {
            exchange: Exchange::new(stream.workload.limits()),
            events: Vec::new(),
            operations: Vec::new(),
            ranges: vec![(u32::MAX, 0); instruments],
            numbers: 0,
            fills_hash: FillsHash::default(),
            fills_by_command: Vec::new(),
            fills_by_operation: Vec::new(),
            references: vec![definition.reference_price; instruments],
            definition,
            resting: HashMap::new(),
        }
    }

    fn translate(&mut self, command: &Command) {
        let mut events = std::mem::take(&mut self.events);
        events.clear();
        replay::apply(&mut self.exchange, command, &mut events);
        let kind = CommandKind::from_byte(command.kind).expect("commands are made of kinds");
        if matches!(
            kind,
            CommandKind::Enter | CommandKind::Cancel | CommandKind::Replace
        ) {
            self.clear_the_way(command, &events);
            let operation = self.operation(kind, command, &events);
            self.note(&operation);
            let before = self.fills_hash.count();
            self.learn(&operation, &events);
            let fills = u8::try_from(self.fills_hash.count() - before).unwrap_or(u8::MAX);
            self.fills_by_command.push(fills);
            self.push(operation, fills);
        }
        self.events = events;
    }

    fn push(&mut self, operation: Operation, fills: u8) {
        self.operations.push(operation);
        self.fills_by_operation.push(fills);
    }

    /// Cancels what self-match prevention takes out.
    fn clear_the_way(&mut self, command: &Command, events: &[Event]) {
        for event in events {
            match event.kind() {
                EventKind::SelfMatchDeleted => {
                    let number = number(event);
                    let (side, instrument, _) = self.resting.remove(&number).expect("it rested");
                    let cancel = Operation {
                        ask: Ask::Cancel,
                        side,
                        instrument,
                        account: command.session,
                        number,
                        new_number: 0,
                        tick: 0,
                        quantity: 0,
                    };
                    self.push(cancel, 0);
                }
                EventKind::SelfMatchReduced | EventKind::SelfMatchIncoming => {
                    panic!("all accounts here cancel the oldest")
                }
                EventKind::Rejected => panic!("nothing here is refused"),
                _ => {}
            }
        }
    }

    fn operation(&self, kind: CommandKind, command: &Command, events: &[Event]) -> Operation {
        let order = command.order();
        let first = events.first().expect("each of these kinds is answered");
        let tick = (order.price / u64::from(TICK_SIZE)) as u32;
        let enter = Operation {
            ask: Ask::Rest,
            side: Side::Buy,
            instrument: first.instrument,
            account: command.session,
            number: number(first),
            new_number: 0,
            tick,
            quantity: order.quantity,
        };
        if kind == CommandKind::Enter {
            let side = Side::from_byte(order.side).expect("the generator's orders have sides");
            let is_market = order.price == Price::MARKET.0;
            return Operation {
                ask: if is_market || order.time_in_force == b'3' {
                    Ask::Immediate
                } else {
                    Ask::Rest
                },
                side,
                tick: if is_market {
                    self.bound(command.instrument, side)
                } else {
                    tick
                },
                ..enter
            };
        }
        if kind == CommandKind::Cancel {
            assert_eq!(first.kind(), EventKind::CanceledDeleted, "what rests is canceled");
            return Operation {
                ask: Ask::Cancel,
                side: self.resting[&enter.number].0,
                tick: 0,
                quantity: 0,
                ..enter
            };
        }
        // A replaced order keeps its number, or the next event names the old one.
        let moved = events
            .get(1)
            .filter(|event| event.kind() == EventKind::BookReplaced);
        let old = moved.map_or(enter.number, number);
        Operation {
            ask: if moved.is_some() { Ask::Move } else { Ask::Reduce },
            side: self.resting[&old].0,
            number: old,
            new_number: if moved.is_some() { enter.number } else { 0 },
            tick: if moved.is_some() { tick } else { 0 },
            quantity: first.quantity,
            ..enter
        }
    }

    /// The farthest tick a market order reaches.
    fn bound(&self, instrument: u16, side: Side) -> u32 {
        let reference = u64::from(self.references[usize::from(instrument) - 1]);
        let (collar, tick_size) = (
            u64::from(self.definition.collar_ppm),
            u64::from(self.definition.tick_size),
        );
        match side {
            Side::Buy => {
                let high = reference * (1_000_000 + collar) / 1_000_000 / tick_size;
                (high as u32).min(self.definition.price_max / self.definition.tick_size)
            }
            Side::Sell => (reference * (1_000_000 - collar))
                .div_ceil(1_000_000)
                .div_ceil(tick_size) as u32,
        }
    }

    fn note(&mut self, operation: &Operation) {
        self.numbers = self.numbers.max(operation.number).max(operation.new_number);
        if matches!(operation.ask, Ask::Rest | Ask::Move) {
            let range = &mut self.ranges[usize::from(operation.instrument) - 1];
            *range = (range.0.min(operation.tick), range.1.max(operation.tick));
        }
    }

    /// What was filled, and what rests now.
    fn learn(&mut self, operation: &Operation, events: &[Event]) {
        let mut left = operation.quantity;
        for event in events {
            if event.kind() != EventKind::ExecutedResting {
                continue;
            }
            let maker = number(event);
            self.fills_hash
                .add(operation.number, maker, event.price / TICK_SIZE, event.quantity);
            self.references[usize::from(event.instrument) - 1] = event.price;
            left -= event.quantity;
            let resting = self.resting.get_mut(&maker).expect("it rested");
            resting.2 -= event.quantity;
            if resting.2 == 0 {
                self.resting.remove(&maker);
            }
        }
        let (side, instrument) = (operation.side, operation.instrument);
        match operation.ask {
            Ask::Rest if left > 0 => {
                self.resting.insert(operation.number, (side, instrument, left));
            }
            Ask::Rest | Ask::Immediate => {}
            Ask::Cancel => {
                self.resting.remove(&operation.number);
            }
            Ask::Reduce => {
                self.resting.insert(operation.number, (side, instrument, left));
            }
            Ask::Move => {
                self.resting.remove(&operation.number);
                self.resting
                    .insert(operation.new_number, (side, instrument, left));
            }
        }
    }
}

fn number(event: &Event) -> u32 {
    u32::try_from(event.number).expect("a stream has fewer than 4 billion orders")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Workload;
    use crate::workload::WORKLOADS;

    #[test]
    fn every_order_is_told_and_self_matches_are_cleared() {
        for workload in WORKLOADS.map(Workload::reduced) {
            let stream = workload.stream(20_000);
            let operations = Operations::of(&stream);
            let extra = operations.measured.len() as u64 - 20_000;
            assert!(extra < stream.counts.matches / 50, "{extra}");
            assert_eq!(operations.fills, stream.counts.matches);
            let moves = operations
                .measured
                .iter()
                .filter(|operation| matches!(operation.ask, Ask::Move | Ask::Reduce))
                .count() as u64;
            assert_eq!(moves, stream.counts.replaces);
        }
    }
}
