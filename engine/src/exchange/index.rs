//! From a client's name of an order (session, UserRefNum) to its handle: a hash table of chains, the links in the orders
//! themselves, twice as many buckets as orders, with a secret of the process so that nobody can choose names that
//! collide. Nothing depends on the table's order: the secret never shows in events or state.

use super::book::arena::{Arena, NONE};
use super::hashing::hash;
use crate::sys::table::{prefetch, table};

/// Buckets of neighboring names that lie together, in one cache line.
const BLOCK: u32 = 16;

#[derive(Debug)]
pub(super) struct Index {
    /// First order of each chain.
    buckets: Vec<u32>,
    /// 32 less the bits of the number of blocks.
    block_shift: u32,
    seed: u64,
}

impl Index {
    pub(super) fn new(capacity: u32, seed: u64) -> Self {
        let buckets = (capacity as usize * 2)
            .next_power_of_two()
            .clamp(2 * BLOCK as usize, 1 << 31);
        Self {
            buckets: table(buckets, NONE),
            block_shift: 32 - (buckets as u32 / BLOCK).trailing_zeros(),
            seed,
        }
    }

    /// PERF: sixteen names that follow each other share a line, so that a session's new orders find theirs in the cache.
    /// Where a name lies within it is the hash's business too: else names that are multiples of sixteen would crowd.
    #[inline(always)]
    fn bucket(&self, session: u32, user_ref: u32) -> usize {
        let hash = hash(u64::from(session) << 32 | u64::from(user_ref / BLOCK), self.seed);
        let block = hash >> self.block_shift;
        (block * BLOCK + (user_ref ^ hash) % BLOCK) as usize
    }

    /// The handle; [`NONE`] when there is no such order.
    #[inline(always)]
    pub(super) fn find(&self, arena: &Arena, session: u32, user_ref: u32) -> u32 {
        let mut handle = self.buckets[self.bucket(session, user_ref)];
        while handle != NONE {
            let slot = arena.get(handle);
            if slot.user_ref == user_ref && slot.session == session {
                break;
            }
            handle = slot.chain;
        }
        handle
    }

    /// A handle that probably has this name, without a look at the order itself. For prefetching only.
    #[inline(always)]
    pub(super) fn guess(&self, session: u32, user_ref: u32) -> u32 {
        self.buckets[self.bucket(session, user_ref)]
    }

    /// Has the name's bucket fetched before it is needed.
    #[inline(always)]
    pub(super) fn prefetch(&self, session: u32, user_ref: u32) {
        prefetch(&self.buckets[self.bucket(session, user_ref)]);
    }

    /// Adds the name of `handle`; returns the link that its order must keep.
    #[inline(always)]
    pub(super) fn insert(&mut self, session: u32, user_ref: u32, handle: u32) -> u32 {
        let bucket = self.bucket(session, user_ref);
        std::mem::replace(&mut self.buckets[bucket], handle)
    }

    /// Removes the name of `handle`, which must be there; `chain` is the link in its order.
    #[inline(always)]
    pub(super) fn remove(&mut self, arena: &mut Arena, session: u32, user_ref: u32, handle: u32, chain: u32) {
        let bucket = self.bucket(session, user_ref);
        let mut before = self.buckets[bucket];
        if before == handle {
            self.buckets[bucket] = chain;
            return;
        }
        // The slots assert that `before` is one: a listed order is in its chain.
        while arena.get(before).chain != handle {
            before = arena.get(before).chain;
        }
        arena.get_mut(before).chain = chain;
    }
}

#[cfg(test)]
mod tests {
    use super::super::book::arena::OrderSlot;
    use super::*;
    use protocol::testing::Random;
    use std::collections::HashMap;

    #[test]
    fn agrees_with_a_map() {
        // Any secret of the process, and any session number, may come.
        for (seed, first_session) in [(42, 0), (u64::MAX, 0), (1, u32::MAX - 2)] {
            compare_with_a_map(seed, first_session);
        }
    }

    fn compare_with_a_map(seed: u64, first_session: u32) {
        let mut random = Random::new(1);
        let mut arena = Arena::new(500);
        let mut index = Index::new(500, seed);
        let mut model: HashMap<(u32, u32), u32> = HashMap::new();
        for _ in 0..50_000_u32 {
            let (session, user_ref) = (first_session + random.below(3) as u32, random.below(400) as u32);
            let found = index.find(&arena, session, user_ref);
            assert_eq!(found, model.get(&(session, user_ref)).copied().unwrap_or(NONE));
            if let Some(handle) = model.remove(&(session, user_ref)) {
                let chain = arena.get(handle).chain;
                index.remove(&mut arena, session, user_ref, handle, chain);
                arena.remove(handle);
            } else if !arena.is_full() {
                let handle = arena.insert(&OrderSlot {
                    session,
                    user_ref,
                    ..OrderSlot::EMPTY
                });
                arena.get_mut(handle).chain = index.insert(session, user_ref, handle);
                model.insert((session, user_ref), handle);
            }
        }
        for ((session, user_ref), handle) in model {
            let chain = arena.get(handle).chain;
            index.remove(&mut arena, session, user_ref, handle, chain);
        }
        assert!(index.buckets.iter().all(|&bucket| bucket == NONE));
    }

    /// Names that keep a distance, whatever it is, spread as well as any: chains stay short.
    #[test]
    fn no_distance_between_names_makes_chains_long() {
        const NAMES: u32 = 10_000;
        for distance in [1, 2, 15, 16, 17, 256, 4_096] {
            let index = Index::new(NAMES, 99);
            let mut chains = vec![0_u32; index.buckets.len()];
            for name in 0..NAMES {
                chains[index.bucket(3, name * distance)] += 1;
            }
            let longest = chains.into_iter().max().unwrap_or(0);
            assert!(longest <= 12, "distance {distance}: {longest} in one bucket");
        }
    }
}
