//! One side of one book: eight bytes for each tick, and three levels of bits that tell where the next order is.

use engine::exchange::book::Side;
use engine::sys::table::{prefetch_at, table};

use super::NONE;

/// First and last order of a tick. The last is meant only while there is a first.
#[derive(Debug, Clone, Copy)]
struct Level {
    head: u32,
    tail: u32,
}

/// Levels are counted from the best end of the range, on both sides: a lower place is a better price.
#[derive(Debug)]
pub(super) struct Ladder {
    best: u32,
    /// Tick of place 0.
    origin: u32,
    /// All bits set when places go down with ticks: bids. Arithmetic instead of a branch that nobody can predict.
    down: u32,
    /// Lowest places that hold orders, 64 to a word; words that are not 0, 64 to a word; and again.
    bits: [Vec<u64>; 3],
    levels: Vec<Level>,
}

impl Ladder {
    /// For ticks from `low` to `high`.
    pub(super) fn new(side: Side, low: u32, high: u32) -> Self {
        let (low, high) = (low.min(high), high);
        let places = (high - low) as usize + 1;
        let words = |places: usize| vec![0; places.div_ceil(64)];
        let first = words(places);
        let second = words(first.len());
        let third = words(second.len());
        let empty = Level {
            head: NONE,
            tail: NONE,
        };
        Self {
            best: NONE,
            down: if side == Side::Buy { u32::MAX } else { 0 },
            origin: if side == Side::Buy { high } else { low },
            bits: [first, second, third],
            levels: table(places, empty),
        }
    }

    /// The best place, [`NONE`] when there is none.
    #[inline]
    pub(super) fn best(&self) -> u32 {
        self.best
    }

    /// The place of a tick inside the range; of one beyond the best end a negative number's bits.
    #[inline]
    pub(super) fn place(&self, tick: u32) -> u32 {
        (tick.wrapping_sub(self.origin) ^ self.down).wrapping_sub(self.down)
    }

    /// How many places an order of the other side with this limit reaches. "No best" is beyond all of them.
    #[inline]
    pub(super) fn reached(&self, tick: u32) -> u32 {
        // Ticks have fewer than 31 bits.
        (self.place(tick).wrapping_add(1) as i32).max(0) as u32
    }

    /// First order of a place.
    #[inline]
    pub(super) fn head(&self, place: u32) -> u32 {
        self.levels[place as usize].head
    }

    /// Has a tick's level fetched.
    #[inline]
    pub(super) fn prefetch(&self, tick: u32) {
        prefetch_at(&self.levels, self.place(tick));
    }

    /// Puts an order at the end of its tick; the one before it.
    #[inline]
    pub(super) fn push(&mut self, tick: u32, number: u32) -> u32 {
        let place = self.place(tick);
        let level = &mut self.levels[place as usize];
        if level.head != NONE {
            return std::mem::replace(&mut level.tail, number);
        }
        *level = Level {
            head: number,
            tail: number,
        };
        let mut bit = place as usize;
        for words in &mut self.bits {
            let word = &mut words[bit / 64];
            let was_empty = *word == 0;
            *word |= 1 << (bit % 64);
            if !was_empty {
                break;
            }
            bit /= 64;
        }
        self.best = self.best.min(place);
        NONE
    }

    /// The order behind the last is gone.
    #[inline]
    pub(super) fn set_tail(&mut self, tick: u32, tail: u32) {
        let place = self.place(tick);
        self.levels[place as usize].tail = tail;
    }

    /// Another order is the first, or none.
    #[inline]
    pub(super) fn set_head(&mut self, place: u32, head: u32) {
        self.levels[place as usize].head = head;
        if head == NONE {
            self.clear(place);
        }
    }

    fn clear(&mut self, place: u32) {
        let mut bit = place as usize;
        for words in &mut self.bits {
            let word = &mut words[bit / 64];
            *word &= !(1 << (bit % 64));
            if *word != 0 {
                break;
            }
            bit /= 64;
        }
        if place == self.best {
            self.best = self.next(place as usize);
        }
    }

    /// The first place behind `place` that holds orders.
    fn next(&self, place: usize) -> u32 {
        let [first, second, third] = &self.bits;
        let behind = |words: &[u64], bit: usize| {
            let word = words.get(bit / 64)? & (!0 << (bit % 64));
            (word != 0).then(|| bit / 64 * 64 + word.trailing_zeros() as usize)
        };
        if let Some(found) = behind(first, place) {
            return found as u32;
        }
        let word = behind(second, place / 64 + 1).or_else(|| {
            let word = behind(third, place / 4096 + 1).or_else(|| {
                // Only a range of more than 262,144 ticks has more than one word here.
                let begin = place / 262_144 + 1;
                let at = (begin..third.len()).find(|&at| third[at] != 0)?;
                Some(at * 64 + third[at].trailing_zeros() as usize)
            })?;
            Some(word * 64 + second[word].trailing_zeros() as usize)
        });
        word.map_or(NONE, |word| word as u32 * 64 + first[word].trailing_zeros())
    }
}
