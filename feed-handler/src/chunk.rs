//! Some keys of a ladder, in order: a cache line.
//!
//! Must not be here: whose keys they are.
//!
//! PERF: a key is put in and taken out by comparing it with all, and moving all, at once: the same few instructions for wherever it
//! belongs.

use crate::pages::Pages;

/// Words of a chunk: how many keys it has, and its keys.
const WORDS: usize = 16;
/// Bytes of a chunk.
const BYTES: usize = WORDS * size_of::<i32>();
/// Most keys of a chunk.
const KEYS: usize = WORDS - 1;
/// Keys that stay when a chunk is split.
const HALF: usize = KEYS.div_ceil(2);

/// The first word is how many keys there are; behind the last one all are `i32::MAX`.
type Chunk = [i32; WORDS];

/// All chunks.
#[derive(Debug)]
pub(crate) struct Chunks {
    lines: Pages,
    /// Chunks that were ever in use.
    used: u32,
    /// The first of the free ones, and how many; each names the next.
    free: u32,
    free_count: u32,
}

impl Chunks {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            lines: Pages::new(most, BYTES),
            used: 0,
            free: 0,
            free_count: 0,
        }
    }

    pub(crate) fn clear(&mut self) {
        self.used = 0;
        self.free_count = 0;
    }

    /// A chunk that has one key.
    pub(crate) fn take(&mut self, key: i32) -> u32 {
        let number = self.take_any();
        let mut chunk = [i32::MAX; WORDS];
        chunk[..2].copy_from_slice(&[1, key]);
        self.set(number, chunk);
        number
    }

    /// Puts a key in; false when there is no room.
    #[inline]
    pub(crate) fn insert(&mut self, number: u32, key: i32) -> bool {
        let mut before = self.get(number);
        let count = before[0];
        if count as usize == KEYS {
            return false;
        }
        before[0] = i32::MIN;
        let mut after = before;
        for place in 1..WORDS {
            after[place] = before[place - 1].max(before[place].min(key));
        }
        after[0] = count + 1;
        self.set(number, after);
        true
    }

    /// Takes a key out that is there; true when it was the last one.
    #[inline]
    pub(crate) fn remove(&mut self, number: u32, key: i32) -> bool {
        let before = self.get(number);
        debug_assert!(
            before[1..=before[0] as usize].contains(&key),
            "a key that is removed is there"
        );
        let mut after = [i32::MAX; WORDS];
        for place in 1..KEYS {
            let next = before[place + 1];
            after[place] = if before[place] < key { before[place] } else { next };
        }
        let last = before[KEYS];
        after[KEYS] = if last < key { last } else { i32::MAX };
        after[0] = before[0] - 1;
        self.set(number, after);
        after[0] == 0
    }

    /// Moves the upper half of a full chunk into a new one; answers the lowest key of that, and which it is.
    #[cold]
    pub(crate) fn split(&mut self, number: u32) -> (i32, u32) {
        let mut low = self.get(number);
        let mut high = [i32::MAX; WORDS];
        high[1..=KEYS - HALF].copy_from_slice(&low[1 + HALF..]);
        low[1 + HALF..].fill(i32::MAX);
        (low[0], high[0]) = (HALF as i32, (KEYS - HALF) as i32);
        let other = self.take_any();
        self.set(number, low);
        self.set(other, high);
        (high[1], other)
    }

    /// Gives a chunk back.
    pub(crate) fn give_back(&mut self, number: u32) {
        let mut chunk = self.get(number);
        chunk[0] = self.free as i32;
        self.set(number, chunk);
        self.free = number;
        self.free_count += 1;
    }

    /// The keys of a chunk, the last one first.
    pub(crate) fn keys(&self, number: u32) -> impl Iterator<Item = i32> + use<> {
        let chunk = self.get(number);
        (1..=chunk[0] as usize).rev().map(move |place| chunk[place])
    }

    /// How many are in use.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        (self.used - self.free_count) as usize
    }

    fn take_any(&mut self) -> u32 {
        if self.free_count > 0 {
            let number = self.free;
            self.free = self.get(number)[0] as u32;
            self.free_count -= 1;
            return number;
        }
        self.used += 1;
        self.used - 1
    }

    #[inline]
    fn get(&self, number: u32) -> Chunk {
        zerocopy::transmute!(self.lines.rows::<BYTES>()[number as usize])
    }

    #[inline]
    fn set(&mut self, number: u32, chunk: Chunk) {
        self.lines.rows_mut::<BYTES>()[number as usize] = zerocopy::transmute!(chunk);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(chunks: &Chunks, number: u32) -> Vec<i32> {
        chunks.keys(number).collect()
    }

    #[test]
    fn keys_are_in_order_and_a_full_chunk_is_split() {
        let mut chunks = Chunks::new(2);
        let chunk = chunks.take(i32::MAX);
        for key in [7, i32::MIN, 3, 5, 1, 9, 2, 8, 0, 11, 6, 4, 10, -1] {
            assert!(chunks.insert(chunk, key));
        }
        let all = [i32::MAX, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, -1, i32::MIN];
        assert_eq!(listed(&chunks, chunk), all);
        assert!(!chunks.insert(chunk, 12), "it is full");
        let (low, other) = chunks.split(chunk);
        assert_eq!((low, listed(&chunks, other).as_slice()), (5 + 1, &all[..7]));
        assert_eq!(listed(&chunks, chunk), &all[7..]);
        assert!(!chunks.remove(other, i32::MAX));
        assert_eq!(listed(&chunks, other), &all[1..7]);
        for key in &all[1..6] {
            assert!(!chunks.remove(other, *key));
        }
        assert!(chunks.remove(other, 6), "it was the last one");
        chunks.give_back(other);
        assert_eq!((chunks.count(), chunks.take(1), chunks.count()), (1, other, 2));
    }
}
