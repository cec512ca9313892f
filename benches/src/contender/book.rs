//! The exchange's book without the exchange: its arena, levels and ladders, orders found by number, no money.

use engine::exchange::book::Book;
use engine::exchange::book::arena::{Arena, NONE, OrderSlot};
use engine::exchange::book::ladder::{Bucket, Pools};
use engine::sys::table::{prefetch_at, table};

use super::core::OUTLOOKS;
use super::{Case, Contender};
use crate::fills::{FillsHash, Tape, Told, What};
use crate::market;
use crate::operations::{Ask, Operation};

/// What was seen of an operation before its turn.
#[derive(Debug, Clone, Copy)]
struct Seen {
    bucket: Bucket,
    handle: u32,
    level: u32,
}

impl Seen {
    const NOTHING: Self = Self {
        bucket: Bucket::UNKNOWN,
        handle: NONE,
        level: NONE,
    };
}

/// Our book alone. With an `AHEAD` above 0 it looks at each operation three times before its turn, so many operations
/// apart, as the exchange does.
#[derive(Debug)]
pub struct OurBook<'a, const AHEAD: usize> {
    case: &'a Case,
    arena: Arena,
    pools: Pools,
    books: Vec<Book>,
    /// By order number.
    handles: Vec<u32>,
    told: Tape,
    match_number: u64,
    /// Of the operations whose places have these lowest bits.
    seen: [Seen; OUTLOOKS],
}

impl<'a, const AHEAD: usize> Contender<'a> for OurBook<'a, AHEAD> {
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
            seen: [Seen::NOTHING; OUTLOOKS],
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
    fn ahead(&mut self, place: usize) {
        const { assert!(3 * AHEAD < OUTLOOKS) };
        if AHEAD == 0 {
            return;
        }
        let operations = &self.case.operations.measured;
        if let Some(operation) = operations.get(place + 3 * AHEAD) {
            let side = self.books[usize::from(operation.instrument) - 1].side(operation.side);
            let bucket = side.bucket(&self.pools, operation.tick);
            self.pools.prefetch_bucket(bucket);
            prefetch_at(&self.handles, operation.number);
            self.seen[(place + 3 * AHEAD) % OUTLOOKS].bucket = bucket;
        }
        if let Some(operation) = operations.get(place + 2 * AHEAD) {
            let seen = &mut self.seen[(place + 2 * AHEAD) % OUTLOOKS];
            seen.handle = self.handles[operation.number as usize];
            self.arena.prefetch(seen.handle);
            // The first ones come too late for the first look.
            if seen.bucket != Bucket::UNKNOWN {
                seen.level = self.pools.guess(seen.bucket);
                self.pools.prefetch_if_any(seen.level);
            }
        }
        if place + AHEAD < operations.len() {
            let seen = self.seen[(place + AHEAD) % OUTLOOKS];
            let slot = self.arena.peek(seen.handle);
            self.pools.prefetch(slot.level);
            self.arena.prefetch(slot.prev);
            self.arena.prefetch(slot.next);
            self.arena.prefetch(self.pools.peek(seen.level).tail);
        }
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

impl<const AHEAD: usize> OurBook<'_, AHEAD> {
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
