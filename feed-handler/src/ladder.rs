//! The sides of all books: the prices of each in order.
//!
//! Must not be here: levels and orders.
//!
//! Memory is taken at the start, for any way in which the levels may lie. A ladder has a block of its own for the usual number of
//! prices. One that needs more moves into a block of twice the size, and back when it needs a quarter of that: so blocks of a
//! size have at least so many keys each, and there can not be more of them than levels allow.
//!
//! PERF: a level is found by a hash ([`crate::index`]), so that a ladder is only asked when a level comes or goes. Most do near the best
//! price: the last sixteen keys are compared all at once, without a branch; only what is not among them is searched for.

use crate::side::Side;

/// Keys that are looked at first. In front of a ladder's keys stand as many that are none.
const NEAR: usize = 16;
/// Keys of a ladder's own block, with those.
const HOME: usize = 48;

/// Where a ladder's keys are. They ascend towards the best price, so that the best is the last.
#[derive(Debug, Clone, Copy)]
struct Ladder {
    /// Its block has [`HOME`] keys, doubled so often; 0: its own.
    doubled: u8,
    /// Which of the blocks of that size.
    block: u32,
    /// Keys, with those in front.
    length: u32,
}

/// Blocks of one size.
#[derive(Debug)]
struct Blocks {
    size: usize,
    /// Of all blocks that were ever in use.
    keys: Vec<u32>,
    free: Vec<u32>,
}

impl Blocks {
    /// So many blocks of a size.
    fn new(size: usize, most: usize) -> Self {
        Self {
            size,
            keys: Vec::with_capacity(size * most),
            free: Vec::with_capacity(most),
        }
    }

    fn take(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            let block = self.keys.len() / self.size;
            debug_assert!(
                self.keys.len() + self.size <= self.keys.capacity(),
                "there is room for all that levels allow"
            );
            self.keys.resize(self.keys.len() + self.size, 0);
            block as u32
        })
    }

    fn block(&self, block: u32) -> &[u32] {
        &self.keys[block as usize * self.size..][..self.size]
    }

    fn block_mut(&mut self, block: u32) -> &mut [u32] {
        &mut self.keys[block as usize * self.size..][..self.size]
    }

    fn clear(&mut self) {
        self.keys.clear();
        self.free.clear();
    }
}

/// All ladders: two for each instrument.
#[derive(Debug)]
pub(crate) struct Ladders {
    ladders: Vec<Ladder>,
    /// By how often their size is doubled; the first has each ladder's own block.
    sizes: Box<[Blocks]>,
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
        while size < levels + NEAR {
            size *= 2;
            // The least that a ladder has in one of these.
            let keys = size / 4 + 1 - NEAR;
            sizes.push(Blocks::new(size, (levels / keys).min(ladders)));
        }
        Self {
            ladders: Vec::with_capacity(ladders),
            sizes: sizes.into_boxed_slice(),
        }
    }

    /// Makes the ladders of all instruments up to this one.
    pub(crate) fn open(&mut self, locate: u16) {
        while self.ladders.len() <= index(locate, Side::Sell) {
            let block = self.sizes[0].take();
            self.ladders.push(Ladder {
                doubled: 0,
                block,
                length: NEAR as u32,
            });
        }
    }

    /// Removes all keys.
    pub(crate) fn clear(&mut self) {
        for (block, ladder) in (0..).zip(&mut self.ladders) {
            *ladder = Ladder {
                doubled: 0,
                block,
                length: NEAR as u32,
            };
        }
        self.sizes[1..].iter_mut().for_each(Blocks::clear);
    }

    /// The keys of a side, the best last; none for an instrument that has no ladders.
    pub(crate) fn keys(&self, locate: u16, side: Side) -> &[u32] {
        self.ladders
            .get(index(locate, side))
            .map_or(&[], |ladder| &self.all(*ladder)[NEAR..])
    }

    /// Puts a key in that is not there.
    pub(crate) fn insert(&mut self, locate: u16, side: Side, key: u32) {
        let index = index(locate, side);
        let mut ladder = self.ladders[index];
        if ladder.length as usize == self.sizes[usize::from(ladder.doubled)].size {
            ladder = self.move_to(index, ladder.doubled + 1);
        }
        let length = ladder.length as usize;
        let block = self.sizes[usize::from(ladder.doubled)].block_mut(ladder.block);
        let place = place(&block[..length], key);
        block.copy_within(place..length, place + 1);
        block[place] = key;
        self.ladders[index].length += 1;
    }

    /// Removes a key that is there.
    pub(crate) fn remove(&mut self, locate: u16, side: Side, key: u32) {
        let index = index(locate, side);
        let ladder = &mut self.ladders[index];
        let blocks = &mut self.sizes[usize::from(ladder.doubled)];
        let length = ladder.length as usize;
        let block = blocks.block_mut(ladder.block);
        let place = place(&block[..length], key);
        debug_assert_eq!(block[place], key, "a key that is removed is there");
        block.copy_within(place + 1..length, place);
        ladder.length -= 1;
        if ladder.doubled > 0 && length - 1 <= blocks.size / 4 {
            self.move_to(index, self.ladders[index].doubled - 1);
        }
    }

    /// All keys, with those in front.
    fn all(&self, ladder: Ladder) -> &[u32] {
        &self.sizes[usize::from(ladder.doubled)].block(ladder.block)[..ladder.length as usize]
    }

    /// Moves a ladder into a block of the next or the last size.
    #[cold]
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
            (&low[usize::from(old.doubled)], &mut high[0])
        } else {
            (&high[0], &mut low[usize::from(doubled)])
        };
        to.block_mut(block)[..length].copy_from_slice(&from.block(old.block)[..length]);
        if old.doubled > 0 {
            self.sizes[usize::from(old.doubled)].free.push(old.block);
        }
        self.ladders[index] = Ladder {
            doubled,
            block,
            length: old.length,
        };
        self.ladders[index]
    }
}

/// Where a key is or belongs.
fn place(keys: &[u32], key: u32) -> usize {
    let (far, near) = keys.split_last_chunk::<NEAR>().expect("there are always as many");
    let below: u32 = near.iter().map(|other| u32::from(*other < key)).sum();
    if below == 0 {
        search(far, key)
    } else {
        far.len() + below as usize
    }
}

/// Where a key is or belongs among those that are not near.
#[inline(never)]
fn search(far: &[u32], key: u32) -> usize {
    match far.get(NEAR..) {
        Some(keys) => NEAR + keys.partition_point(|other| *other < key),
        None => NEAR,
    }
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
                assert_eq!(ladders.keys(1, Side::Buy), model);
                assert!(ladders.keys(1, Side::Sell).is_empty());
            }
            ladders.clear();
            assert!(ladders.keys(1, Side::Buy).is_empty());
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
            .map(|blocks| blocks.keys.capacity())
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
            .map(|locate| ladders.keys(locate, Side::Buy).len() + ladders.keys(locate, Side::Sell).len())
            .sum();
        assert_eq!(keys, held.len());
        let now: Vec<_> = ladders
            .sizes
            .iter()
            .map(|blocks| blocks.keys.capacity())
            .collect();
        assert_eq!(now, room, "nothing has grown");
    }
}
