//! The ceiling: a bare order book that checks nothing, as fast as safe code is on one core.
//!
//! A price level is a place in an array that counts ticks, an order a record in an array that counts order numbers, a
//! queue a list of record numbers. Nothing is looked up, refused or allocated. It shows what the machine can do with
//! the same stream; what the exchange does on top of it (names, checks, fees, any price, a million sessions) costs the
//! difference. With [`Balances`] for `M` it also holds and settles every order's money.

mod ladder;
mod money;

use engine::exchange::book::Side;
use engine::sys::table::{prefetch_at, table};

use crate::fills::{Tape, Told, What};
use crate::operations::{Ask, Operation, Operations};
use ladder::Ladder;
pub use money::{Balances, Money, NoMoney};

/// "No record".
const NONE: u32 = u32::MAX;

/// An order: two to a cache line.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(32))]
struct Record {
    /// The order behind.
    next: u32,
    /// The order before.
    prev: u32,
    /// Lots left.
    open: u32,
    /// Limit in ticks.
    tick: u32,
    /// Owner.
    account: u32,
    /// Place of its ladder.
    ladder: u32,
}

/// All books of a market.
#[derive(Debug)]
pub struct ArrayBook<M> {
    records: Vec<Record>,
    /// By locate less 1 times 2, plus the side.
    ladders: Vec<Ladder>,
    money: M,
    match_number: u64,
    live: u32,
}

impl<M: Money> ArrayBook<M> {
    /// Empty books with room for all of `operations`.
    pub fn new(operations: &Operations) -> Self {
        let empty = Record {
            next: NONE,
            prev: NONE,
            open: 0,
            tick: 0,
            account: 0,
            ladder: 0,
        };
        Self {
            records: table(operations.numbers as usize + 1, empty),
            ladders: operations
                .ranges
                .iter()
                .flat_map(|&(low, high)| {
                    [
                        Ladder::new(Side::Buy, low, high),
                        Ladder::new(Side::Sell, low, high),
                    ]
                })
                .collect(),
            money: M::new(operations),
            match_number: 0,
            live: 0,
        }
    }

    /// Orders that rest.
    pub fn live(&self) -> u32 {
        self.live
    }

    /// What a resting order has left.
    pub fn open(&self, number: u32) -> u32 {
        self.records[number as usize].open
    }

    /// The money, to look whether it is all there.
    pub fn money(&self) -> &M {
        &self.money
    }

    /// Has fetched what [`ArrayBook::apply`] will need first: the record, the level, the balance.
    #[inline]
    pub fn prefetch(&self, operation: &Operation) {
        prefetch_at(&self.records, operation.number);
        if matches!(operation.ask, Ask::Rest | Ask::Immediate | Ask::Move) {
            self.ladders[ladder_of(operation)].prefetch(operation.tick);
        }
        self.money
            .prefetch(operation.account, ladder_of(operation) as u32);
    }

    /// Does one operation and tells of it.
    #[inline]
    pub fn apply(&mut self, operation: &Operation, told: &mut Tape) {
        match operation.ask {
            Ask::Rest | Ask::Immediate => self.enter(operation, told),
            Ask::Cancel => {
                let open = self.take(operation.number);
                told.write(Told::of(operation, What::Canceled, open));
            }
            Ask::Reduce => {
                let record = &mut self.records[operation.number as usize];
                let less = record.open.wrapping_sub(operation.quantity);
                record.open = operation.quantity;
                let (account, ladder, tick) = (record.account, record.ladder, record.tick);
                self.money.release(account, ladder, tick, less);
                told.write(Told::of(operation, What::Replaced, operation.quantity));
            }
            Ask::Move => {
                self.take(operation.number);
                self.money.hold(
                    operation.account,
                    ladder_of(operation) as u32,
                    operation.tick,
                    operation.quantity,
                );
                self.rest(operation.new_number, operation, operation.quantity);
                told.write(Told::of(operation, What::Replaced, operation.quantity));
            }
        }
    }

    #[inline]
    fn enter(&mut self, operation: &Operation, told: &mut Tape) {
        told.write(Told::of(operation, What::Accepted, operation.quantity));
        let ladder = ladder_of(operation);
        self.money.hold(
            operation.account,
            ladder as u32,
            operation.tick,
            operation.quantity,
        );
        let opposite = &mut self.ladders[ladder ^ 1];
        let reached = opposite.reached(operation.tick);
        let mut left = operation.quantity;
        while opposite.best() < reached {
            let best = opposite.best();
            let number = opposite.head(best);
            let maker = &mut self.records[number as usize];
            let quantity = left.min(maker.open);
            left = left.wrapping_sub(quantity);
            maker.open = maker.open.wrapping_sub(quantity);
            self.match_number = self.match_number.wrapping_add(1);
            told.write(Told {
                match_number: self.match_number,
                maker: number,
                tick: maker.tick,
                ..Told::of(operation, What::Filled, quantity)
            });
            self.money.settle(
                (operation.account, operation.tick),
                (maker.account, maker.tick),
                ladder as u32,
                quantity,
            );
            if maker.open == 0 {
                let next = maker.next;
                if next != NONE {
                    self.records[next as usize].prev = NONE;
                }
                opposite.set_head(best, next);
                self.live = self.live.wrapping_sub(1);
            }
            if left == 0 {
                return;
            }
        }
        if operation.ask == Ask::Rest {
            self.rest(operation.number, operation, left);
        } else {
            self.money
                .release(operation.account, ladder as u32, operation.tick, left);
            told.write(Told::of(operation, What::Canceled, left));
        }
    }

    #[inline]
    fn rest(&mut self, number: u32, operation: &Operation, open: u32) {
        let ladder = ladder_of(operation);
        let tail = self.ladders[ladder].push(operation.tick, number);
        if tail != NONE {
            self.records[tail as usize].next = number;
        }
        self.records[number as usize] = Record {
            next: NONE,
            prev: tail,
            open,
            tick: operation.tick,
            account: operation.account,
            ladder: ladder as u32,
        };
        self.live = self.live.wrapping_add(1);
    }

    /// Takes an order out; what it had left.
    #[inline]
    fn take(&mut self, number: u32) -> u32 {
        let record = self.records[number as usize];
        let ladder = &mut self.ladders[record.ladder as usize];
        if record.next == NONE {
            ladder.set_tail(record.tick, record.prev);
        } else {
            self.records[record.next as usize].prev = record.prev;
        }
        if record.prev == NONE {
            let place = ladder.place(record.tick);
            ladder.set_head(place, record.next);
        } else {
            self.records[record.prev as usize].next = record.next;
        }
        self.money
            .release(record.account, record.ladder, record.tick, record.open);
        self.live = self.live.wrapping_sub(1);
        self.records[number as usize].open = 0;
        record.open
    }
}

fn ladder_of(operation: &Operation) -> usize {
    (usize::from(operation.instrument).wrapping_sub(1) << 1) | operation.side as usize
}
