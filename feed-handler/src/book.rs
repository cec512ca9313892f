//! Order-by-order books of all instruments, rebuilt from the feed.
//!
//! Lives here: what each book message does to a book. What a reader sees of it is [`BookView`].
//! Must not be here: sequence numbers, sockets, names of instruments, last trades.
//!
//! A message that does not fit the book (unknown order, more executed than was there ...) is an error value; the book
//! marks itself damaged and stays usable. Nothing panics and nothing grows beyond the capacities.

use crate::digest::Digest;
use crate::ladder::{Ladders, NoRow};
use crate::orders::{Found, NONE, NewLevel, NewOrder, Orders};
use crate::side::Side;

pub use crate::book_error::{BookError, Capacity};
pub use crate::view::{BookView, PriceLevel, RestingOrder};

/// More levels than this there is no room for: each may need a page of prices, whose rows are numbered.
const MOST_LEVELS: u32 = 1 << 24;

/// What an execution or cancel hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// Price of the order, 0.0001.
    pub price: u32,
    /// Side of the order.
    pub side: Side,
}

/// The books of all instruments.
#[derive(Debug)]
pub struct Books {
    orders: Orders,
    ladders: Ladders,
    /// By locate: a message did not fit.
    damaged: Vec<bool>,
    capacity: Capacity,
}

impl Books {
    /// Empty books.
    pub fn new(capacity: Capacity) -> Self {
        let levels = capacity.levels.min(MOST_LEVELS);
        Self {
            orders: Orders::new(capacity.orders, levels),
            ladders: Ladders::new(capacity.instruments, levels),
            damaged: Vec::with_capacity(usize::from(capacity.instruments) + 1),
            capacity,
        }
    }

    /// What they can hold.
    pub fn capacity(&self) -> Capacity {
        self.capacity
    }

    /// Removes every order; damage is forgotten.
    pub fn clear(&mut self) {
        self.orders.clear(self.ladders.pages());
        self.ladders.clear();
        self.damaged.fill(false);
    }

    /// Resting orders in all books.
    pub fn order_count(&self) -> usize {
        self.orders.len()
    }

    /// Highest locate seen so far, 0 when none.
    pub fn highest_locate(&self) -> u16 {
        self.damaged.len().saturating_sub(1) as u16
    }

    /// One instrument's book. A locate that never occurred has an empty one.
    pub fn book(&self, locate: u16) -> BookView<'_> {
        let is_damaged = self
            .damaged
            .get(usize::from(locate))
            .is_some_and(|damaged| *damaged);
        BookView::new(&self.orders, &self.ladders, locate, is_damaged)
    }

    /// The instrument occurs; so do all with a lower locate.
    pub fn open(&mut self, locate: u16) -> Result<(), BookError> {
        if locate == 0 || locate > self.capacity.instruments {
            return Err(BookError::InstrumentCapacity);
        }
        if usize::from(locate) >= self.damaged.len() {
            self.ladders.open(locate);
            self.damaged.resize(usize::from(locate) + 1, false);
        }
        Ok(())
    }

    /// ITCH `A`, `F`: an order rests behind the others of its price.
    pub fn add(
        &mut self,
        locate: u16,
        number: u64,
        side: Side,
        quantity: u32,
        price: u32,
        attribution: [u8; 4],
    ) -> Result<(), BookError> {
        // PERF: what a call in between would save and restore costs each order.
        if locate == 0 || usize::from(locate) >= self.damaged.len() {
            return self.open_and_add(locate, number, side, quantity, price, attribution);
        }
        let result = self.try_add(locate, number, side, quantity, price, attribution);
        self.note(locate, result)
    }

    /// The first order of an instrument that nothing was said of before.
    #[cold]
    fn open_and_add(
        &mut self,
        locate: u16,
        number: u64,
        side: Side,
        quantity: u32,
        price: u32,
        attribution: [u8; 4],
    ) -> Result<(), BookError> {
        self.open(locate)?;
        self.add(locate, number, side, quantity, price, attribution)
    }

    /// ITCH `E`, `C`, `X`: takes lots off an order; the last lot removes it.
    pub fn reduce(&mut self, locate: u16, number: u64, quantity: u32) -> Result<Hit, BookError> {
        let result = self.locate_order(locate, number).and_then(|found| {
            let (hit, open) = (self.hit(found), self.orders.order(found.node).quantity);
            if quantity < open {
                self.orders.reduce(found.node, quantity);
                return Ok(hit);
            }
            self.remove(found);
            if quantity > open {
                return Err(BookError::ExcessQuantity);
            }
            Ok(hit)
        });
        self.note(locate, result)
    }

    /// ITCH `D`: removes an order.
    #[inline]
    pub fn delete(&mut self, locate: u16, number: u64) -> Result<Hit, BookError> {
        let result = self.locate_order(locate, number).map(|found| {
            let hit = self.hit(found);
            self.remove(found);
            hit
        });
        self.note(locate, result)
    }

    /// ITCH `U`: an order leaves and another of the same side and attribution rests at the end of its price.
    pub fn replace(
        &mut self,
        locate: u16,
        number: u64,
        new_number: u64,
        quantity: u32,
        price: u32,
    ) -> Result<(), BookError> {
        let result = self.locate_order(locate, number).and_then(|found| {
            let (side, attribution) = (self.hit(found).side, self.orders.order(found.node).attribution);
            self.remove(found);
            self.try_add(locate, new_number, side, quantity, price, attribution)
        });
        self.note(locate, result)
    }

    /// The digest of all books; see [`crate::digest`].
    pub fn digest(&self) -> u64 {
        let mut digest = Digest::new();
        for locate in 1..=self.highest_locate() {
            let book = self.book(locate);
            if book.best(Side::Buy).is_some() || book.best(Side::Sell).is_some() {
                digest.book(locate, book.digest());
            }
        }
        digest.finish()
    }

    /// The orders, for fetching; see [`crate::ahead`].
    #[inline]
    pub(crate) fn stored(&self) -> &Orders {
        &self.orders
    }

    /// Fetches the level that a price has or will have, if it is easily found; answers it.
    #[inline]
    pub(crate) fn fetch_level(&self, locate: u16, side: Side, price: u32) -> u32 {
        let near = self.ladders.guess(locate, side, price);
        let level = near.map_or(NONE, |row| self.orders.level_of(row));
        self.orders.fetch_node(level);
        level
    }

    fn note<T>(&mut self, locate: u16, result: Result<T, BookError>) -> Result<T, BookError> {
        if result.is_err()
            && let Some(damaged) = self.damaged.get_mut(usize::from(locate))
        {
            *damaged = true;
        }
        result
    }

    fn locate_order(&self, locate: u16, number: u64) -> Result<Found, BookError> {
        let place = self.orders.place(number);
        let found = self.orders.find(place, number).ok_or(BookError::UnknownOrder)?;
        let level = self.orders.level(self.orders.order(found.node).level);
        if level.locate != locate {
            return Err(BookError::WrongInstrument);
        }
        Ok(found)
    }

    #[inline]
    fn hit(&self, found: Found) -> Hit {
        let level = self.orders.level(self.orders.order(found.node).level);
        Hit {
            price: level.price,
            side: level.side,
        }
    }

    fn try_add(
        &mut self,
        locate: u16,
        number: u64,
        side: Side,
        quantity: u32,
        price: u32,
        attribution: [u8; 4],
    ) -> Result<(), BookError> {
        if quantity == 0 {
            return Err(BookError::ZeroQuantity);
        }
        let start = self.orders.place(number);
        if self.orders.has(start, number) {
            return Err(BookError::DuplicateOrder);
        }
        if self.orders.is_full() {
            return Err(BookError::OrderCapacity);
        }
        let row = match self.ladders.enter(locate, side, price) {
            Ok(row) => row,
            Err(NoRow::Full) => return Err(BookError::LevelCapacity),
            Err(NoRow::OffUnit) => self.enter_off_unit(locate, side, price),
        };
        let level = NewLevel {
            row,
            locate,
            side,
            price,
        };
        let order = NewOrder {
            number,
            quantity,
            attribution,
        };
        self.orders.append(start, level, order);
        Ok(())
    }

    #[cold]
    fn enter_off_unit(&mut self, locate: u16, side: Side, price: u32) -> u32 {
        let orders = &mut self.orders;
        self.ladders
            .divide(locate, side, price, |from, to| orders.move_level(from, to));
        self.ladders
            .enter(locate, side, price)
            .expect("there is room for a level, and the unit divides its price")
    }

    fn remove(&mut self, found: Found) {
        let (row, is_last) = self.orders.remove(found);
        self.ladders.leave(row, is_last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Capacity = Capacity {
        instruments: 4,
        orders: 4,
        levels: 3,
    };

    fn books() -> Books {
        Books::new(SMALL)
    }

    fn buy(books: &mut Books, number: u64, quantity: u32, price: u32) -> Result<(), BookError> {
        books.add(1, number, Side::Buy, quantity, price, *b"    ")
    }

    fn queue(books: &Books, side: Side) -> Vec<(u32, u64, u32)> {
        books
            .book(1)
            .orders(side)
            .map(|order| (order.price, order.number, order.quantity))
            .collect()
    }

    #[test]
    fn best_price_first_then_oldest() {
        let mut books = books();
        buy(&mut books, 1, 5, 100).unwrap();
        buy(&mut books, 2, 6, 101).unwrap();
        buy(&mut books, 3, 7, 100).unwrap();
        books.add(1, 4, Side::Sell, 8, 105, *b"FIRM").unwrap();
        assert_eq!(queue(&books, Side::Buy), [(101, 2, 6), (100, 1, 5), (100, 3, 7)]);
        let levels: Vec<_> = books.book(1).levels(Side::Buy).collect();
        let level = |price, quantity, orders| PriceLevel {
            price,
            quantity,
            orders,
        };
        assert_eq!(levels, [level(101, 6, 1), level(100, 12, 2)]);
        assert_eq!(
            books.book(1).orders(Side::Sell).next().unwrap().attribution,
            *b"FIRM"
        );
        assert!(!books.book(1).is_crossed() && !books.book(1).is_damaged());
    }

    #[test]
    fn executions_reduce_and_remove() {
        let mut books = books();
        buy(&mut books, 1, 5, 100).unwrap();
        let hit = Hit {
            price: 100,
            side: Side::Buy,
        };
        assert_eq!(books.reduce(1, 1, 2), Ok(hit));
        assert_eq!(queue(&books, Side::Buy), [(100, 1, 3)]);
        assert_eq!(books.reduce(1, 1, 3), Ok(hit));
        assert_eq!(books.book(1).best(Side::Buy), None);
        assert_eq!(books.digest(), Digest::START);
    }

    #[test]
    fn a_replacement_goes_to_the_end_and_keeps_side_and_firm() {
        let mut books = books();
        books.add(1, 1, Side::Sell, 5, 100, *b"FIRM").unwrap();
        books.add(1, 2, Side::Sell, 5, 100, *b"    ").unwrap();
        books.replace(1, 1, 9, 4, 100).unwrap();
        assert_eq!(queue(&books, Side::Sell), [(100, 2, 5), (100, 9, 4)]);
        assert_eq!(
            books.book(1).orders(Side::Sell).last().unwrap().attribution,
            *b"FIRM"
        );
        assert_eq!(books.delete(1, 1), Err(BookError::UnknownOrder));
    }

    #[test]
    fn what_does_not_fit_is_an_error_and_marks_the_book() {
        type Act = fn(&mut Books) -> Result<(), BookError>;
        let table: [(BookError, Act); 9] = [
            (BookError::UnknownOrder, |books| books.delete(1, 77).map(drop)),
            (BookError::DuplicateOrder, |books| buy(books, 1, 1, 100)),
            (BookError::WrongInstrument, |books| {
                books.open(2)?;
                books.reduce(2, 1, 1).map(drop)
            }),
            (BookError::ExcessQuantity, |books| books.reduce(1, 1, 6).map(drop)),
            (BookError::ZeroQuantity, |books| buy(books, 2, 0, 100)),
            (BookError::InstrumentCapacity, |books| {
                books.add(5, 2, Side::Buy, 1, 1, *b"    ")
            }),
            (BookError::InstrumentCapacity, |books| {
                books.add(0, 2, Side::Buy, 1, 1, *b"    ")
            }),
            (BookError::OrderCapacity, |books| {
                (2..=5).try_for_each(|number| buy(books, number, 1, 100))
            }),
            (BookError::LevelCapacity, |books| {
                (2..=4).try_for_each(|number| buy(books, number, 1, 100 + number as u32))
            }),
        ];
        for (expected, act) in table {
            let mut books = books();
            buy(&mut books, 1, 5, 100).unwrap();
            assert_eq!(act(&mut books), Err(expected));
            let damaged = books.book(1).is_damaged() || books.book(2).is_damaged();
            assert_eq!(damaged, expected != BookError::InstrumentCapacity, "{expected:?}");
            books.clear();
            assert!(!books.book(1).is_damaged() && books.order_count() == 0);
        }
    }

    #[test]
    fn freed_orders_and_levels_are_used_again() {
        let mut books = books();
        for round in 0..1_000_u64 {
            let number = 3 * round;
            for offset in 0..3 {
                buy(&mut books, number + offset, 1, (number + 7 * offset) as u32).unwrap();
            }
            for offset in [1, 0, 2] {
                books.delete(1, number + offset).unwrap();
            }
        }
        assert_eq!(books.order_count(), 0);
    }

    #[test]
    fn far_and_near_prices_are_found() {
        let mut books = Books::new(Capacity {
            levels: 1_000,
            orders: 1_000,
            ..SMALL
        });
        let price = |number: u64| (number * 7_919 % 1_000) as u32;
        for number in 0..1_000 {
            buy(&mut books, number, 1, price(number)).unwrap();
        }
        let prices: Vec<_> = books.book(1).levels(Side::Buy).map(|level| level.price).collect();
        assert_eq!(prices, (0..1_000).rev().collect::<Vec<_>>());
        for number in 0..1_000 {
            assert_eq!(books.delete(1, number).unwrap().price, price(number));
        }
        assert_eq!(books.order_count(), 0);
    }
}
