//! The exchange's book without the exchange: its arena, levels and ladders, orders found by number, no money.

use engine::exchange::book::Book;
use engine::exchange::book::arena::{Arena, NONE, OrderSlot};
use engine::exchange::book::ladder::Pools;
use engine::sys::table::table;

use super::{Case, Contender};
use crate::fills::{FillsHash, Tape, Told, What};
use crate::market;
use crate::operations::{Ask, Operation};

/// Our book alone.
#[derive(Debug)]
pub struct OurBook<'a> {
    case: &'a Case,
    arena: Arena,
    pools: Pools,
    books: Vec<Book>,
    /// By order number.
    handles: Vec<u32>,
    told: Tape,
    match_number: u64,
}

impl<'a> Contender<'a> for OurBook<'a> {
    fn prepared(case: &'a Case) -> Self {
        let limits = case.stream.workload.limits();
        let pools = Pools::new(limits.levels, limits.instruments * 2, 0);
        let tick_max = market::PRICE_MAX / market::TICK_SIZE;
        let books = (1..=case.stream.workload.instruments)
            .map(|locate| Book::new(locate, 0, tick_max))
            .collect();
        let mut book = Self {
            case,
            arena: Arena::new(limits.orders),
            pools,
            books,
            handles: table(case.operations.numbers as usize + 1, NONE),
            told: Tape::new(),
            match_number: 0,
        };
        for operation in &case.operations.setup {
            book.operate(operation);
            book.told.drain(&mut FillsHash::default());
        }
        book
    }

    fn operations(&self) -> usize {
        self.case.operations.measured.len()
    }

    #[inline]
    fn apply(&mut self, place: usize) {
        self.operate(&self.case.operations.measured[place]);
    }

    fn drain(&mut self, hash: &mut FillsHash) {
        self.told.drain(hash);
    }

    fn check(&self) {
        assert_eq!(self.arena.used(), self.case.operations.live_at_end, "orders rest");
    }
}

impl OurBook<'_> {
    #[inline]
    fn operate(&mut self, operation: &Operation) {
        match operation.ask {
            Ask::Rest | Ask::Immediate => self.enter(operation),
            Ask::Cancel => {
                let handle = self.handles[operation.number as usize];
                let open = self.arena.get(handle).open;
                self.book(operation).remove_from(handle);
                self.arena.remove(handle);
                self.tell(operation, What::Canceled, open);
            }
            Ask::Reduce => {
                let handle = self.handles[operation.number as usize];
                let by = self.arena.get(handle).open - operation.quantity;
                self.book(operation).reduce(handle, by);
                self.tell(operation, What::Replaced, operation.quantity);
            }
            Ask::Move => {
                let handle = self.handles[operation.number as usize];
                self.book(operation).remove_from(handle);
                let slot = self.arena.get_mut(handle);
                (slot.tick, slot.open) = (operation.tick, operation.quantity);
                slot.number = u64::from(operation.new_number);
                self.book(operation).add(handle);
                self.handles[operation.new_number as usize] = handle;
                self.tell(operation, What::Replaced, operation.quantity);
            }
        }
    }

    fn enter(&mut self, operation: &Operation) {
        self.tell(operation, What::Accepted, operation.quantity);
        let place = usize::from(operation.instrument) - 1;
        let opposite = operation.side.opposite();
        let mut left = operation.quantity;
        while left > 0 {
            let best = self.books[place].side(opposite).best();
            if best == NONE {
                break;
            }
            let level = self.pools.level(best);
            let (tick, maker) = (level.tick, level.head);
            if !operation.side.crosses(operation.tick, tick) {
                break;
            }
            let slot = self.arena.get(maker);
            let (quantity, number) = (left.min(slot.open), slot.number as u32);
            let is_filled = quantity == slot.open;
            left -= quantity;
            self.match_number += 1;
            self.told.write(Told {
                match_number: self.match_number,
                maker: number,
                tick,
                ..Told::of(operation, What::Filled, quantity)
            });
            if is_filled {
                self.book(operation).remove_from(maker);
                self.arena.remove(maker);
            } else {
                self.book(operation).reduce(maker, quantity);
            }
        }
        if left == 0 {
            return;
        }
        if operation.ask == Ask::Immediate {
            self.tell(operation, What::Canceled, left);
            return;
        }
        let handle = self.arena.insert(&OrderSlot {
            open: left,
            account: operation.account,
            session: operation.account,
            number: u64::from(operation.number),
            tick: operation.tick,
            instrument: operation.instrument,
            side: operation.side,
            ..OrderSlot::EMPTY
        });
        self.handles[operation.number as usize] = handle;
        self.book(operation).add(handle);
    }

    fn tell(&mut self, operation: &Operation, what: What, quantity: u32) {
        self.told.write(Told::of(operation, what, quantity));
    }

    /// The operation's book with what it works on.
    fn book(&mut self, operation: &Operation) -> Parts<'_> {
        Parts {
            book: &mut self.books[usize::from(operation.instrument) - 1],
            pools: &mut self.pools,
            arena: &mut self.arena,
        }
    }
}

struct Parts<'a> {
    book: &'a mut Book,
    pools: &'a mut Pools,
    arena: &'a mut Arena,
}

impl Parts<'_> {
    fn add(self, handle: u32) {
        self.book.add(self.pools, self.arena, handle);
    }

    fn remove_from(self, handle: u32) {
        let slot = *self.arena.get(handle);
        self.book.remove(self.pools, self.arena, &slot);
    }

    fn reduce(self, handle: u32, by: u32) {
        self.book.reduce(self.pools, self.arena, handle, by);
    }
}
