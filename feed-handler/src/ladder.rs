//! The sides of all books: which prices have orders, in their order, and where the level of each price is.
//!
//! Must not be here: what a level holds ([`crate::orders`]).
//!
//! The prices of a ladder are multiples of its unit. Sixty-four of them in a row are a page: a bit for each says whether it
//! has orders, and its level lies in a row of its own, so that a level that comes or goes is a bit and no search. A directory says in ascending
//! order which pages a ladder has. A page without orders goes; so there are never more pages than levels, and memory is taken at
//! the start for any way in which the levels may lie. A ladder has a block of its own for a directory of the usual length. One
//! that needs more moves into a block of twice the size, and back when it needs a quarter of that: so blocks of a size have at
//! least so many pages each, and there can not be more of them than levels allow.
//!
//! The unit is the greatest that divides all prices the ladder has seen. A price that it does not divide makes it smaller, and
//! all levels of the ladder move ([`Ladders::divide`]); each time it is at most half, so that it happens at most 32 times a day.
//!
//! PERF: how many levels there are is counted without checks for overflow: never more than there is room for.
//!
//! PERF: pages that lie next to each other are found without the directory, in a small table of each ladder.

use crate::blocks::Blocks;
use crate::pages::Pages;
use crate::side::Side;

/// Prices of a page.
pub(crate) const PRICES: u32 = u64::BITS;
/// Pages in a ladder's own block.
const HOME: usize = 16;
/// Pages that are found without the directory: as many as follow each other.
const NEAR: usize = 16;
/// Bytes of what is known of one of them.
const NEAR_BYTES: usize = size_of::<u64>();
/// The unit of a ladder whose only price is 0.
const ANY_UNIT: u32 = 10_000;

/// One side of a book.
#[derive(Debug, Clone, Copy)]
struct Ladder {
    /// 2^32 divided by the unit, rounded up: a multiplication in place of a division.
    inverse: u64,
    /// 0.0001; 0 before the first price.
    unit: u32,
    /// Which of the blocks of a size.
    block: u32,
    /// Pages.
    length: u32,
    /// Its block has room for [`HOME`] pages, doubled so often; 0: its own.
    doubled: u8,
}

impl Ladder {
    /// Without pages.
    fn new(unit: u32, block: u32) -> Self {
        Self {
            // Without a unit nothing is looked for.
            inverse: (1_u64 << 32).div_ceil(u64::from(unit.max(1))),
            unit,
            block,
            length: 0,
            doubled: 0,
        }
    }

    /// The price in units; something else when it is no multiple of the unit.
    ///
    /// For a price of k units the product is k * 2^32 and less than k * unit, which is at most 2^32, more.
    #[inline]
    fn units(&self, price: u32) -> u32 {
        (u64::from(price).wrapping_mul(self.inverse) >> 32) as u32
    }
}

/// Prices in a row.
#[derive(Debug, Clone, Copy)]
struct Page {
    /// Which have orders, the lowest in the lowest bit. Never 0 while a ladder has the page.
    used: u64,
    /// The lowest price in units, divided by [`PRICES`].
    number: u32,
    /// Whose it is.
    ladder: u32,
}

/// Why a price has no row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoRow {
    /// All levels are taken.
    Full,
    /// It is no multiple of the ladder's unit: [`Ladders::divide`].
    OffUnit,
}

/// All ladders: two for each instrument.
#[derive(Debug)]
pub(crate) struct Ladders {
    ladders: Vec<Ladder>,
    /// For each ladder the pages that were asked for last: the number and one above, and the page below. 0: none.
    near: Pages,
    /// By how often their size is doubled; the first has each ladder's own block.
    sizes: Box<[Blocks]>,
    pages: Vec<Page>,
    free: Vec<u32>,
    /// The pages of a ladder whose levels move.
    moving: Vec<u32>,
    /// Prices that have orders, and how many there may be.
    levels: u32,
    capacity: u32,
}

/// The ladder of a side.
#[inline]
fn index(locate: u16, side: Side) -> usize {
    2 * usize::from(locate) + side.index()
}

/// Where a page of a ladder is remembered.
#[inline]
fn near_place(ladder: usize, number: u32) -> usize {
    ladder * NEAR + number as usize % NEAR
}

impl Ladders {
    /// For instruments up to this locate, and so many prices of all of them.
    pub(crate) fn new(instruments: u16, capacity: u32) -> Self {
        let ladders = 2 * (usize::from(instruments) + 1);
        let levels = capacity as usize;
        let mut sizes = vec![Blocks::new(HOME, ladders)];
        let mut size = HOME;
        while size < levels {
            size *= 2;
            // The least that a ladder has in one of these.
            let pages = size / 4 + 1;
            sizes.push(Blocks::new(size, (levels / pages).min(ladders)));
        }
        Self {
            ladders: Vec::with_capacity(ladders),
            near: Pages::new(ladders * NEAR, NEAR_BYTES),
            sizes: sizes.into_boxed_slice(),
            pages: Vec::with_capacity(levels),
            free: Vec::with_capacity(levels),
            moving: Vec::with_capacity(levels),
            levels: 0,
            capacity,
        }
    }

    /// Makes the ladders of all instruments up to this one.
    pub(crate) fn open(&mut self, locate: u16) {
        while self.ladders.len() <= index(locate, Side::Sell) {
            let block = self.sizes[0].take();
            self.ladders.push(Ladder::new(0, block));
        }
    }

    /// Removes all prices.
    pub(crate) fn clear(&mut self) {
        self.sizes.iter_mut().for_each(Blocks::clear);
        for ladder in &mut self.ladders {
            *ladder = Ladder::new(0, self.sizes[0].take());
        }
        let near = self.near.rows_mut::<NEAR_BYTES>();
        near[..self.ladders.len() * NEAR].fill([0; NEAR_BYTES]);
        self.pages.clear();
        self.free.clear();
        self.levels = 0;
    }

    /// Pages that were ever in use: rows of others were never asked for.
    pub(crate) fn pages(&self) -> usize {
        self.pages.len()
    }

    /// The rows of a side's prices that have orders, the best first; none for an instrument that has no ladders.
    pub(crate) fn rows(&self, locate: u16, side: Side) -> impl Iterator<Item = u32> + use<'_> {
        let pages = self.ladders.get(index(locate, side)).map_or(&[][..], |ladder| {
            let (_, pages) = self.sizes[usize::from(ladder.doubled)].block(ladder.block);
            &pages[..ladder.length as usize]
        });
        let count = pages.len();
        (0..count).flat_map(move |place| {
            let page = match side {
                Side::Buy => pages[count - 1 - place],
                Side::Sell => pages[place],
            };
            let mut used = self.pages[page as usize].used;
            core::iter::from_fn(move || {
                let bit = match side {
                    Side::Buy => used.checked_ilog2()?,
                    Side::Sell => (used != 0).then(|| used.trailing_zeros())?,
                };
                used &= !(1 << bit);
                Some(page * PRICES + bit)
            })
        })
    }

    /// The row of a price when it is near those asked for before and a multiple of the unit; no promise that it has orders.
    #[inline]
    fn near(&self, locate: u16, side: Side, price: u32) -> Option<u32> {
        let ladder = self.ladders.get(index(locate, side))?;
        let is_multiple = u64::from(ladder.units(price)) * u64::from(ladder.unit) == u64::from(price);
        is_multiple.then(|| self.guess(locate, side, price))?
    }

    /// The same where it is enough that it is probably the row.
    #[inline]
    pub(crate) fn guess(&self, locate: u16, side: Side, price: u32) -> Option<u32> {
        let index = index(locate, side);
        let units = self.ladders.get(index)?.units(price);
        let number = units / PRICES;
        let near = u64::from_ne_bytes(self.near.rows()[near_place(index, number)]);
        let is_it = near >> 32 == u64::from(number) + 1;
        is_it.then(|| (near as u32).wrapping_mul(PRICES) | (units % PRICES))
    }

    /// The row of a price that gets an order. The instrument is open.
    #[inline(always)]
    pub(crate) fn enter(&mut self, locate: u16, side: Side, price: u32) -> Result<u32, NoRow> {
        let row = match self.near(locate, side, price) {
            Some(row) => row,
            None => self.far(index(locate, side), price)?,
        };
        let page = &mut self.pages[(row / PRICES) as usize];
        // PERF: whether it has orders can not be foretold, that there is room can. Of a comparison the compiler may make a branch.
        let is_used = (page.used >> (row % PRICES)) as u32 & 1;
        let levels = self.levels.wrapping_add(is_used ^ 1);
        if levels > self.capacity {
            return Err(NoRow::Full);
        }
        page.used |= 1 << (row % PRICES);
        self.levels = levels;
        Ok(row)
    }

    /// An order of a row's price is gone: the last one (1), or not (0).
    ///
    /// PERF: without a branch, because that can not be foretold.
    #[inline]
    pub(crate) fn leave(&mut self, row: u32, is_last: u32) {
        let page = &mut self.pages[(row / PRICES) as usize];
        page.used &= !(u64::from(is_last) << (row % PRICES));
        self.levels = self.levels.wrapping_sub(is_last);
        if page.used == 0 {
            self.take_out(row / PRICES);
        }
    }

    /// Makes the unit of a side such that a price is a multiple of it. `moved` is told for each level the row it had and the one it has:
    /// the level is to be moved at once, as the old row may be the next one's new row.
    #[cold]
    pub(crate) fn divide(&mut self, locate: u16, side: Side, price: u32, mut moved: impl FnMut(u32, u32)) {
        let index = index(locate, side);
        let old = self.ladders[index];
        let (_, pages) = self.sizes[usize::from(old.doubled)].block(old.block);
        self.moving.clear();
        self.moving.extend_from_slice(&pages[..old.length as usize]);
        if old.doubled > 0 {
            self.sizes[usize::from(old.doubled)].give_back(old.block);
        }
        self.near.rows_mut::<NEAR_BYTES>()[index * NEAR..][..NEAR].fill([0; NEAR_BYTES]);
        let unit = match greatest_divisor(old.unit, price) {
            0 => ANY_UNIT,
            unit => unit,
        };
        // Its own block waits for it.
        self.ladders[index] = Ladder::new(unit, index as u32);
        for place in 0..self.moving.len() {
            let page = self.moving[place];
            let Page { mut used, number, .. } = self.pages[page as usize];
            while used != 0 {
                let bit = used.trailing_zeros();
                used &= used - 1;
                self.pages[page as usize].used = used;
                self.levels -= 1;
                if used == 0 {
                    self.free.push(page);
                }
                let to = self.enter(locate, side, (number * PRICES + bit) * old.unit);
                moved(
                    page * PRICES + bit,
                    to.expect("a level that has left has room, and is a multiple of what divides its unit"),
                );
            }
        }
    }

    /// The row of a price whose page is not among the near ones; the page is made when there is none.
    #[cold]
    fn far(&mut self, index: usize, price: u32) -> Result<u32, NoRow> {
        let ladder = self.ladders[index];
        let units = ladder.units(price);
        if ladder.unit == 0 || u64::from(units) * u64::from(ladder.unit) != u64::from(price) {
            let is_full = self.levels == self.capacity;
            return Err(if is_full { NoRow::Full } else { NoRow::OffUnit });
        }
        let number = units / PRICES;
        let (numbers, pages) = self.sizes[usize::from(ladder.doubled)].block(ladder.block);
        let page = match numbers[..ladder.length as usize].binary_search(&number) {
            Ok(place) => pages[place],
            Err(place) => self.put(index, place, number)?,
        };
        let near = (u64::from(number) + 1) << 32 | u64::from(page);
        self.near.rows_mut()[near_place(index, number)] = near.to_ne_bytes();
        Ok(page * PRICES + units % PRICES)
    }

    /// Makes a page, and puts it into the directory at its place.
    fn put(&mut self, index: usize, place: usize, number: u32) -> Result<u32, NoRow> {
        // Its level will be new, and no page is without a level.
        if self.levels == self.capacity {
            return Err(NoRow::Full);
        }
        let new = Page {
            used: 0,
            number,
            ladder: index as u32,
        };
        let page = match self.free.pop() {
            Some(page) => {
                self.pages[page as usize] = new;
                page
            }
            None => {
                self.pages.push(new);
                self.pages.len() as u32 - 1
            }
        };
        let mut ladder = self.ladders[index];
        let length = ladder.length as usize;
        if length == self.sizes[usize::from(ladder.doubled)].size() {
            ladder = self.move_to(index, ladder.doubled + 1);
        }
        let (numbers, pages) = self.sizes[usize::from(ladder.doubled)].block_mut(ladder.block);
        numbers.copy_within(place..length, place + 1);
        pages.copy_within(place..length, place + 1);
        numbers[place] = number;
        pages[place] = page;
        self.ladders[index].length += 1;
        Ok(page)
    }

    /// Takes a page without levels out of its directory, and gives it back.
    #[cold]
    fn take_out(&mut self, page: u32) {
        let Page { number, ladder, .. } = self.pages[page as usize];
        let index = ladder as usize;
        let ladder = &mut self.ladders[index];
        let blocks = &mut self.sizes[usize::from(ladder.doubled)];
        let size = blocks.size();
        let length = ladder.length as usize;
        let (numbers, pages) = blocks.block_mut(ladder.block);
        let place = numbers[..length].partition_point(|other| *other < number);
        numbers.copy_within(place + 1..length, place);
        pages.copy_within(place + 1..length, place);
        ladder.length -= 1;
        self.free.push(page);
        let near = &mut self.near.rows_mut()[near_place(index, number)];
        if u64::from_ne_bytes(*near) as u32 == page {
            *near = [0; NEAR_BYTES];
        }
        if ladder.doubled > 0 && length - 1 <= size / 4 {
            self.move_to(index, self.ladders[index].doubled - 1);
        }
    }

    /// Moves a directory into a block of the next or the last size.
    fn move_to(&mut self, index: usize, doubled: u8) -> Ladder {
        let old = self.ladders[index];
        // Its own block waits for it.
        let block = if doubled == 0 {
            index as u32
        } else {
            self.sizes[usize::from(doubled)].take()
        };
        let length = old.length as usize;
        let (low, high) = self.sizes.split_at_mut(usize::from(old.doubled.max(doubled)));
        let (from, to) = if doubled > old.doubled {
            (&mut low[usize::from(old.doubled)], &mut high[0])
        } else {
            (&mut high[0], &mut low[usize::from(doubled)])
        };
        let (numbers, pages) = from.block_mut(old.block);
        let (new_numbers, new_pages) = to.block_mut(block);
        new_numbers[..length].copy_from_slice(&numbers[..length]);
        new_pages[..length].copy_from_slice(&pages[..length]);
        if old.doubled > 0 {
            from.give_back(old.block);
        }
        self.ladders[index] = Ladder {
            doubled,
            block,
            ..old
        };
        self.ladders[index]
    }
}

/// The greatest number that divides both; the other one when one is 0.
fn greatest_divisor(one: u32, other: u32) -> u32 {
    let (mut one, mut other) = (one, other);
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::testing::Random;
    use std::collections::BTreeMap;

    /// Ladders, and beside them what each row's level would hold: its instrument, side and price.
    struct Beside {
        ladders: Ladders,
        rows: BTreeMap<u32, (u16, Side, u32)>,
        model: BTreeMap<(u16, Side, u32), u32>,
    }

    impl Beside {
        fn new(instruments: u16, levels: u32) -> Self {
            let mut ladders = Ladders::new(instruments, levels);
            ladders.open(instruments);
            Self {
                ladders,
                rows: BTreeMap::new(),
                model: BTreeMap::new(),
            }
        }

        fn enter(&mut self, locate: u16, side: Side, price: u32) -> Result<(), NoRow> {
            let row = match self.ladders.enter(locate, side, price) {
                Err(NoRow::OffUnit) => {
                    let (rows, model) = (&mut self.rows, &mut self.model);
                    self.ladders.divide(locate, side, price, |from, to| {
                        let level = rows.remove(&from).expect("a level that moves was there");
                        assert_eq!(rows.insert(to, level), None, "it moves to where none is");
                        model.insert(level, to);
                    });
                    self.ladders.enter(locate, side, price)?
                }
                answer => answer?,
            };
            let level = (locate, side, price);
            assert_eq!(
                *self.rows.entry(row).or_insert(level),
                level,
                "a row has one price"
            );
            assert_eq!(
                *self.model.entry(level).or_insert(row),
                row,
                "a price has one row"
            );
            Ok(())
        }

        fn leave(&mut self, level: (u16, Side, u32)) {
            let row = self.model.remove(&level).expect("it was there");
            self.rows.remove(&row);
            self.ladders.leave(row, 1);
        }

        fn check(&self, locate: u16) {
            for side in [Side::Buy, Side::Sell] {
                let mut prices: Vec<u32> = self
                    .ladders
                    .rows(locate, side)
                    .map(|row| self.rows[&row].2)
                    .collect();
                if side == Side::Buy {
                    prices.reverse();
                }
                let range = (locate, side, 0)..=(locate, side, u32::MAX);
                assert!(
                    self.model
                        .range(range)
                        .map(|(level, _)| level.2)
                        .eq(prices.iter().copied()),
                    "{side:?} {prices:?}"
                );
            }
        }
    }

    #[test]
    fn it_is_a_sorted_list() {
        for width in [3, 20, 1_000, 100_000, 1 << 32] {
            let mut random = Random::new(width);
            let mut beside = Beside::new(1, 2_000);
            for step in 0..6_000 {
                let unit = [1, 5, 100][random.below(3) as usize].min(width);
                let price = match random.below(20) {
                    0 => 0,
                    1 => u32::MAX,
                    // Coarse prices at first, so that the unit has something to divide.
                    _ if step < 3_000 => (random.below(width) / unit / 100 * unit * 100) as u32,
                    _ => (random.below(width) / unit * unit) as u32,
                };
                let side = [Side::Buy, Side::Sell][random.below(2) as usize];
                beside.enter(1, side, price).expect("there is room");
                if random.chance(beside.model.len() as u64, 400) {
                    let place = random.below(beside.model.len() as u64) as usize;
                    let level = *beside.model.keys().nth(place).expect("it is within");
                    beside.leave(level);
                }
                beside.check(1);
            }
            beside.ladders.clear();
            assert_eq!(beside.ladders.rows(1, Side::Buy).next(), None);
        }
    }

    /// Levels wander from one book to another, all of them in one and a few in each, near each other and far: there is a
    /// block for every way they lie, and a page.
    #[test]
    fn there_is_room_for_any_way_that_levels_lie() {
        const LEVELS: u32 = 3_000;
        const INSTRUMENTS: u16 = 200;
        let mut random = Random::new(5);
        let mut beside = Beside::new(INSTRUMENTS, LEVELS);
        let memory = |ladders: &Ladders| {
            let sizes = ladders.sizes.iter();
            let blocks: usize = sizes.map(|blocks| blocks.free_capacity()).sum();
            blocks + ladders.pages.capacity() + ladders.free.capacity() + ladders.moving.capacity()
        };
        let at_start = memory(&beside.ladders);
        let sizes = beside.ladders.sizes.iter();
        let room: Vec<usize> = sizes.map(Blocks::room).collect();
        let mut next = 0;
        for round in 0..60_u32 {
            // So many books, evenly.
            let books = 1 + random.below(1 << (round % 9)) as u16 % (2 * INSTRUMENTS);
            let stride = [1, 7, 64, 1_000][random.below(4) as usize];
            let all = random.chance(1, 2);
            while beside.model.len() < LEVELS as usize {
                next += stride;
                let book = random.below(books.into()) as u16;
                let (locate, side) = (1 + book / 2, Side::from_index(u32::from(book % 2)));
                beside.enter(locate, side, next).expect("there is room");
            }
            assert_eq!(beside.enter(1, Side::Buy, next + 1), Err(NoRow::Full));
            assert_eq!(beside.enter(1, Side::Buy, u32::MAX), Err(NoRow::Full));
            for locate in 1..=INSTRUMENTS {
                beside.check(locate);
            }
            let left = if all {
                0
            } else {
                random.below(LEVELS.into()) as usize
            };
            let mut held: Vec<_> = beside.model.keys().copied().collect();
            while held.len() > left {
                let place = random.below(held.len() as u64) as usize;
                beside.leave(held.swap_remove(place));
            }
            if round == 30 {
                beside.ladders.clear();
                beside.rows.clear();
                beside.model.clear();
            }
        }
        let ladders = &beside.ladders;
        for (blocks, room) in ladders.sizes.iter().zip(room) {
            assert!(blocks.used() <= room, "no more blocks than there are");
        }
        assert_eq!(memory(ladders), at_start, "all room was taken at the start");
        assert!(
            ladders.pages.len() - ladders.free.len() <= beside.model.len(),
            "no page is empty"
        );
    }

    #[test]
    fn a_unit_divides_its_prices() {
        for unit in [1, 2, 3, 7, 100, 10_000, 65_535, 65_536, 1 << 31, u32::MAX] {
            let ladder = Ladder::new(unit, 0);
            for units in (0..u32::MAX / unit).take(1_000).chain([u32::MAX / unit]) {
                assert_eq!(ladder.units(units * unit), units, "{units} times {unit}");
            }
        }
        assert_eq!(greatest_divisor(0, 12), 12);
        assert_eq!(greatest_divisor(12, 0), 12);
        assert_eq!(greatest_divisor(1_234_500, 1_234_600), 100);
    }
}
