//! The sides of all books: the prices of each in order.
//!
//! Must not be here: levels and orders.
//!
//! The keys of a ladder lie in chunks ([`crate::chunk`]), and a directory says with which key each of them begins. A chunk that is full
//! is split, and one that is empty goes. Memory is taken at the start, for any way in which the levels may lie: no chunk is
//! empty, so there are not more than levels. A ladder has a block of its own for a directory of the usual length.
//! One that needs more moves into a block of twice the size, and back when it needs a quarter of that: so blocks of a
//! size have at least so many chunks each, and there can not be more of them than levels allow.
//!
//! PERF: a level is found by a hash ([`crate::index`]), so that a ladder is only asked when a level comes or goes. Directory and
//! chunk are read and written whole, without a branch: where a price belongs can not be foretold.

use crate::chunk::Chunks;
use crate::pages::Pages;
use crate::side::Side;

/// Chunks in a ladder's own block: their first keys fill a cache line.
const HOME: usize = 16;
/// A key as it is compared: signed, because the processor compares signed numbers many at once.
const BIAS: u32 = 1 << 31;
/// What the first chunk begins with: it has what is below the others.
const LOWEST: u32 = i32::MIN as u32;
/// Stands where no chunk begins.
const UNUSED: u32 = u32::MAX ^ BIAS;

/// Where a ladder's directory is. Its chunks ascend towards the best price, so that the best is the last.
#[derive(Debug, Clone, Copy)]
struct Ladder {
    /// Its block has room for [`HOME`] chunks, doubled so often; 0: its own.
    doubled: u8,
    /// Which of the blocks of that size.
    block: u32,
    /// Chunks.
    length: u32,
}

/// Directories of one size. A block has the lowest keys that its chunks may have, and then their numbers.
#[derive(Debug)]
struct Blocks {
    size: usize,
    words: Pages,
    /// Blocks that were ever in use.
    used: u32,
    free: Vec<u32>,
}

impl Blocks {
    /// So many blocks of a size.
    fn new(size: usize, most: usize) -> Self {
        Self {
            size,
            words: Pages::new(most, 2 * size * size_of::<u32>()),
            used: 0,
            free: Vec::with_capacity(most),
        }
    }

    /// A block without chunks.
    fn take(&mut self) -> u32 {
        let block = self.free.pop().unwrap_or_else(|| {
            self.used += 1;
            self.used - 1
        });
        self.block_mut(block).0.fill(UNUSED);
        block
    }

    /// Lowest keys, numbers of the chunks.
    fn block(&self, block: u32) -> (&[u32], &[u32]) {
        self.words.words()[2 * block as usize * self.size..][..2 * self.size].split_at(self.size)
    }

    fn block_mut(&mut self, block: u32) -> (&mut [u32], &mut [u32]) {
        self.words.words_mut()[2 * block as usize * self.size..][..2 * self.size].split_at_mut(self.size)
    }

    fn clear(&mut self) {
        self.used = 0;
        self.free.clear();
    }
}

/// All ladders: two for each instrument.
#[derive(Debug)]
pub(crate) struct Ladders {
    ladders: Vec<Ladder>,
    /// By how often their size is doubled; the first has each ladder's own block.
    sizes: Box<[Blocks]>,
    chunks: Chunks,
}

fn index(locate: u16, side: Side) -> usize {
    2 * usize::from(locate) + side.index()
}

impl Ladders {
    /// For instruments up to this locate, and so many prices of all of them.
    pub(crate) fn new(instruments: u16, levels: u32) -> Self {
        let ladders = 2 * (usize::from(instruments) + 1);
        let levels = levels as usize;
        let mut sizes = vec![Blocks::new(HOME, ladders)];
        let mut size = HOME;
        while size < levels {
            size *= 2;
            // The least that a ladder has in one of these.
            let chunks = size / 4 + 1;
            sizes.push(Blocks::new(size, (levels / chunks).min(ladders)));
        }
        Self {
            ladders: Vec::with_capacity(ladders),
            sizes: sizes.into_boxed_slice(),
            chunks: Chunks::new(levels),
        }
    }

    /// Makes the ladders of all instruments up to this one.
    pub(crate) fn open(&mut self, locate: u16) {
        while self.ladders.len() <= index(locate, Side::Sell) {
            let block = self.sizes[0].take();
            self.ladders.push(Ladder {
                doubled: 0,
                block,
                length: 0,
            });
        }
    }

    /// Removes all keys.
    pub(crate) fn clear(&mut self) {
        self.sizes.iter_mut().for_each(Blocks::clear);
        for ladder in &mut self.ladders {
            *ladder = Ladder {
                doubled: 0,
                block: self.sizes[0].take(),
                length: 0,
            };
        }
        self.chunks.clear();
    }

    /// The keys of a side, the best first; none for an instrument that has no ladders.
    pub(crate) fn keys(&self, locate: u16, side: Side) -> impl Iterator<Item = u32> + use<'_> {
        let chunks = self.ladders.get(index(locate, side)).map_or(&[][..], |ladder| {
            let (_, chunks) = self.sizes[usize::from(ladder.doubled)].block(ladder.block);
            &chunks[..ladder.length as usize]
        });
        chunks
            .iter()
            .rev()
            .flat_map(|chunk| self.chunks.keys(*chunk))
            .map(|key| key as u32 ^ BIAS)
    }

    /// Puts a key in that is not there.
    pub(crate) fn insert(&mut self, locate: u16, side: Side, key: u32) {
        let index = index(locate, side);
        let key = (key ^ BIAS) as i32;
        let ladder = self.ladders[index];
        if ladder.length == 0 {
            let chunk = self.chunks.take(key);
            self.put(index, 0, key, chunk);
            return;
        }
        let (lows, chunks) = self.sizes[usize::from(ladder.doubled)].block(ladder.block);
        let place = place(lows, ladder.length as usize, key);
        let chunk = chunks[place];
        if self.chunks.insert(chunk, key) {
            return;
        }
        let (low, high) = self.chunks.split(chunk);
        self.put(index, place + 1, low, high);
        let is_inserted = self.chunks.insert(if key < low { chunk } else { high }, key);
        debug_assert!(is_inserted, "half a chunk has room");
    }

    /// Removes a key that is there.
    pub(crate) fn remove(&mut self, locate: u16, side: Side, key: u32) {
        let index = index(locate, side);
        let key = (key ^ BIAS) as i32;
        let ladder = self.ladders[index];
        let (lows, chunks) = self.sizes[usize::from(ladder.doubled)].block(ladder.block);
        let place = place(lows, ladder.length as usize, key);
        let chunk = chunks[place];
        if self.chunks.remove(chunk, key) {
            self.chunks.give_back(chunk);
            self.take_out(index, place);
        }
    }

    /// Puts a chunk into a directory.
    #[cold]
    fn put(&mut self, index: usize, place: usize, low: i32, chunk: u32) {
        let mut ladder = self.ladders[index];
        let length = ladder.length as usize;
        if length == self.sizes[usize::from(ladder.doubled)].size {
            ladder = self.move_to(index, ladder.doubled + 1);
        }
        let (lows, chunks) = self.sizes[usize::from(ladder.doubled)].block_mut(ladder.block);
        lows.copy_within(place..length, place + 1);
        chunks.copy_within(place..length, place + 1);
        lows[place] = if place == 0 { LOWEST } else { low as u32 };
        chunks[place] = chunk;
        self.ladders[index].length += 1;
    }

    /// Takes a chunk out of a directory.
    #[cold]
    fn take_out(&mut self, index: usize, place: usize) {
        let ladder = &mut self.ladders[index];
        let blocks = &mut self.sizes[usize::from(ladder.doubled)];
        let size = blocks.size;
        let length = ladder.length as usize;
        let (lows, chunks) = blocks.block_mut(ladder.block);
        lows.copy_within(place + 1..length, place);
        chunks.copy_within(place + 1..length, place);
        lows[0] = LOWEST;
        lows[length - 1] = UNUSED;
        ladder.length -= 1;
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
        let (lows, chunks) = from.block_mut(old.block);
        let (new_lows, new_chunks) = to.block_mut(block);
        new_lows[..length].copy_from_slice(&lows[..length]);
        new_lows[length..].fill(UNUSED);
        new_chunks[..length].copy_from_slice(&chunks[..length]);
        if old.doubled > 0 {
            from.free.push(old.block);
        }
        self.ladders[index] = Ladder {
            doubled,
            block,
            length: old.length,
        };
        self.ladders[index]
    }
}

/// Which of a directory's chunks has a key, or should have it.
#[inline]
fn place(lows: &[u32], length: usize, key: i32) -> usize {
    let not_above = match <&[u32; HOME]>::try_from(lows) {
        Ok(lows) => lows.iter().map(|low| u32::from(*low as i32 <= key)).sum::<u32>() as usize,
        Err(_) => lows[..length].partition_point(|low| *low as i32 <= key),
    };
    // The highest key of all is not below what stands for none.
    not_above.min(length).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::testing::Random;

    #[test]
    fn it_is_a_sorted_list() {
        for width in [3, 20, 1_000, 1 << 32] {
            let mut random = Random::new(width);
            let mut ladders = Ladders::new(1, 2_000);
            ladders.open(1);
            let mut model: Vec<u32> = Vec::new();
            for _ in 0..3_000 {
                let key = match random.below(10) {
                    0 => 0,
                    1 => u32::MAX,
                    _ => random.below(width) as u32,
                };
                match model.binary_search(&key) {
                    Ok(place) if random.chance(model.len() as u64, 200) => {
                        ladders.remove(1, Side::Buy, key);
                        model.remove(place);
                    }
                    Ok(_) => {}
                    Err(place) => {
                        ladders.insert(1, Side::Buy, key);
                        model.insert(place, key);
                    }
                }
                assert!(ladders.keys(1, Side::Buy).eq(model.iter().rev().copied()));
                assert_eq!(ladders.keys(1, Side::Sell).next(), None);
            }
            ladders.clear();
            assert_eq!(ladders.keys(1, Side::Buy).next(), None);
        }
    }

    /// Levels wander from one book to another, all of them in one and a few in each: there is a block for every way they lie.
    #[test]
    fn blocks_are_enough_for_any_way_that_levels_lie() {
        const LEVELS: u32 = 3_000;
        const INSTRUMENTS: u16 = 200;
        let mut random = Random::new(5);
        let mut ladders = Ladders::new(INSTRUMENTS, LEVELS);
        ladders.open(INSTRUMENTS);
        let room: Vec<_> = ladders
            .sizes
            .iter()
            .map(|blocks| blocks.words.words().len() / (2 * blocks.size))
            .collect();
        let mut held: Vec<(u16, Side, u32)> = Vec::new();
        let mut next = 0;
        for round in 0..60 {
            // So many books, evenly.
            let books = 1 + random.below(1 << (round % 9)) as u16 % (2 * INSTRUMENTS);
            let all = random.chance(1, 2);
            while held.len() < LEVELS as usize {
                next += 1;
                let book = random.below(books.into()) as u16;
                let (locate, side) = (1 + book / 2, Side::from_index(u32::from(book % 2)));
                ladders.insert(locate, side, next);
                held.push((locate, side, next));
            }
            let left = if all {
                0
            } else {
                random.below(LEVELS.into()) as usize
            };
            while held.len() > left {
                let place = random.below(held.len() as u64) as usize;
                let (locate, side, key) = held.swap_remove(place);
                ladders.remove(locate, side, key);
            }
            if round == 30 {
                ladders.clear();
                held.clear();
            }
        }
        let keys: usize = (0..=INSTRUMENTS)
            .map(|locate| ladders.keys(locate, Side::Buy).count() + ladders.keys(locate, Side::Sell).count())
            .sum();
        assert_eq!(keys, held.len());
        for (blocks, room) in ladders.sizes.iter().zip(room) {
            assert!(blocks.used as usize <= room, "no more than there are");
        }
        assert!(ladders.chunks.count() <= held.len(), "no chunk is empty");
    }
}
