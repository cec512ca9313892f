//! From the exchange's commands and events to operations.

use std::collections::HashMap;

use engine::exchange::Exchange;
use engine::exchange::book::Side;
use engine::exchange::command::{Command, CommandKind, InstrumentDefinition};
use engine::exchange::event::{Event, EventKind};
use protocol::units::Price;

use super::{Ask, Operation};
use crate::fills::FillsHash;
use crate::market::TICK_SIZE;
use crate::replay;
use crate::workload::Stream;

/// Runs commands and writes down what they come to.
pub(super) struct Translator {
    pub(super) exchange: Exchange,
    events: Vec<Event>,
    pub(super) operations: Vec<Operation>,
    pub(super) ranges: Vec<(u32, u32)>,
    pub(super) numbers: u32,
    pub(super) fills_hash: FillsHash,
    pub(super) fills_by_command: Vec<u8>,
    pub(super) fills_by_operation: Vec<u8>,
    /// By locate less 1: what a market order's bound is reckoned from, 0.0001.
    references: Vec<u32>,
    definition: InstrumentDefinition,
    /// Side, instrument and lots of what rests, by number.
    pub(super) resting: HashMap<u32, (Side, u16, u32)>,
}

impl Translator {
    pub(super) fn new(stream: &Stream) -> Self {
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

    pub(super) fn translate(&mut self, command: &Command) {
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
