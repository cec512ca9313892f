//! The operations for books that know only new orders and cancels.
//!
//! A replacement becomes a cancel and a new order, which loses its place in the queue where the exchange lets it keep
//! it. So fills differ from the exchange's here and there, and later wishes may find their order gone: such are left
//! out. The bare array book makes the list and the fills that are to be expected.

use crate::ceiling::{ArrayBook, NoMoney};
use crate::fills::{FillsHash, Tape};
use crate::operations::{Ask, Operation, Operations};

pub(super) fn of(operations: &Operations) -> Operations {
    let replaces = |list: &[Operation]| {
        let replaces = list
            .iter()
            .filter(|operation| matches!(operation.ask, Ask::Reduce | Ask::Move));
        replaces.count() as u32
    };
    let new_numbers = replaces(&operations.setup) + replaces(&operations.measured);
    let mut plain = Operations {
        setup: Vec::new(),
        measured: Vec::new(),
        ranges: operations.ranges.clone(),
        numbers: operations.numbers + new_numbers,
        accounts: operations.accounts,
        live_most: operations.live_most,
        fills: 0,
        fills_hash: 0,
        live_at_end: 0,
        fills_by_command: Vec::new(),
        fills_by_operation: Vec::new(),
    };
    let mut maker = Maker {
        book: ArrayBook::new(&plain),
        tape: Tape::new(),
        names: (0..=operations.numbers).collect(),
        ticks: vec![0; operations.numbers as usize + new_numbers as usize + 1],
        next: operations.numbers + 1,
        hash: FillsHash::default(),
        made: Vec::new(),
        fills: Vec::new(),
    };
    for operation in &operations.setup {
        maker.translate(operation);
    }
    plain.setup = std::mem::take(&mut maker.made);
    maker.fills.clear();
    maker.hash = FillsHash::default();
    for operation in &operations.measured {
        maker.translate(operation);
    }
    plain.measured = maker.made;
    plain.fills_by_operation = maker.fills;
    plain.fills = maker.hash.count();
    plain.fills_hash = maker.hash.value();
    plain.live_at_end = maker.book.live();
    plain
}

struct Maker {
    book: ArrayBook<NoMoney>,
    tape: Tape,
    /// By the number in the full list: the number here.
    names: Vec<u32>,
    /// By the number here.
    ticks: Vec<u32>,
    next: u32,
    hash: FillsHash,
    made: Vec<Operation>,
    fills: Vec<u8>,
}

impl Maker {
    fn translate(&mut self, operation: &Operation) {
        let number = self.names[operation.number as usize];
        match operation.ask {
            Ask::Rest | Ask::Immediate => self.make(*operation),
            Ask::Cancel | Ask::Reduce | Ask::Move => {
                let open = self.book.open(number);
                if open == 0 {
                    return;
                }
                self.make(Operation {
                    ask: Ask::Cancel,
                    number,
                    new_number: 0,
                    tick: 0,
                    quantity: 0,
                    ..*operation
                });
                if operation.ask == Ask::Cancel {
                    return;
                }
                let is_move = operation.ask == Ask::Move;
                let name = if is_move {
                    operation.new_number
                } else {
                    operation.number
                };
                let new = self.next;
                self.next += 1;
                self.names[name as usize] = new;
                self.make(Operation {
                    ask: Ask::Rest,
                    number: new,
                    new_number: 0,
                    tick: if is_move {
                        operation.tick
                    } else {
                        self.ticks[number as usize]
                    },
                    quantity: operation.quantity,
                    ..*operation
                });
            }
        }
    }

    fn make(&mut self, operation: Operation) {
        if operation.ask == Ask::Rest {
            self.ticks[operation.number as usize] = operation.tick;
        }
        let before = self.hash.count();
        self.book.apply(&operation, &mut self.tape);
        self.tape.drain(&mut self.hash);
        self.fills
            .push(u8::try_from(self.hash.count() - before).unwrap_or(u8::MAX));
        self.made.push(operation);
    }
}
