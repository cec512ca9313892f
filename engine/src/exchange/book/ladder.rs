//! How a price is found, and the next one behind it.
//!
//! A level is found by its price in one hash table for all books. What is best, and what comes behind, is told by a tree of
//! 64-way nodes over tick numbers for each instrument and side, levels at its leaves; only a level that comes or goes
//! touches it. Coming takes as many steps as the price range needs (4 for 16 million ticks, 6 for all of ITCH's), one
//! when it is near the one before; the next level behind an emptied one is a bit scan, a few steps up and down at worst.
//! So dense, wide and hostile books cost about the same. Nodes and levels come from pools sized at start.

use super::Side;
use super::arena::NONE;
use crate::exchange::hashing::Hasher;
use crate::sys::table::{prefetch_at, prefetch_if_any, table};

/// A price level: orders of one side at one price, first come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, align(32))]
pub struct Level {
    /// Price in ticks.
    pub tick: u32,
    /// The ladder it belongs to.
    ladder: u32,
    /// First order.
    pub head: u32,
    /// Last order; next free level when the level is free.
    pub tail: u32,
    /// Lots of all orders.
    pub quantity: u64,
    /// The leaf it hangs on.
    leaf: u32,
    /// The next level whose hash is the same.
    chain: u32,
}

const _: () = assert!(size_of::<Level>() == 32);

impl Level {
    const FREE: Self = Self {
        tick: 0,
        ladder: NONE,
        head: NONE,
        tail: NONE,
        quantity: 0,
        leaf: NONE,
        chain: NONE,
    };
}

/// Where a level is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket(u32);

impl Bucket {
    /// Not reckoned yet.
    pub const UNKNOWN: Self = Self(NONE);
}

/// Buckets of neighboring ticks that lie together.
const BLOCK: u32 = 1 << BLOCK_BITS;
const BLOCK_BITS: u32 = 4;

const FAN_BITS: u32 = 6;
/// Most nodes from the root to a leaf.
const DEPTH_MAX: usize = 32_usize.div_ceil(FAN_BITS as usize);
const FAN: usize = 1 << FAN_BITS;

/// A node: bit i of `occupied` says that `children[i]` is a node, or a level in a leaf.
#[derive(Debug, Clone, Copy)]
struct Node {
    occupied: u64,
    parent: u32,
    /// Tick number without the bits below this node; tells whether a remembered leaf still means these ticks.
    prefix: u32,
    /// A leaf's ladder; [`INNER`] for inner nodes, [`NONE`] when free. An inner node can have the prefix of a leaf, and
    /// must not be taken for one that is remembered.
    ladder: u32,
    children: [u32; FAN],
}

/// `Node::ladder` of a node that is no leaf.
const INNER: u32 = NONE - 1;

impl Node {
    const FREE: Self = Self {
        occupied: 0,
        parent: NONE,
        prefix: 0,
        ladder: NONE,
        children: [NONE; FAN],
    };
}

/// Pools of nodes and levels shared by all ladders.
#[derive(Debug)]
pub struct Pools {
    nodes: Vec<Node>,
    nodes_free: u32,
    nodes_fresh: u32,
    nodes_used: u32,
    levels: Vec<Level>,
    levels_free: u32,
    levels_fresh: u32,
    levels_used: u32,
    /// First level of each hash.
    buckets: Vec<u32>,
    /// 32 less the bits of the number of blocks in `buckets`.
    block_shift: u32,
    hasher: Hasher,
}

/// One side of one book.
#[derive(Debug)]
pub struct Ladder {
    side: Side,
    id: u32,
    /// [`NONE`] while the ladder is empty: most ladders of an exchange are.
    root: u32,
    /// Bits that the root's children cover: 0 when the root is a leaf.
    root_shift: u32,
    best: u32,
    /// Where a level was added last: the next one is near more often than not.
    last_leaf: u32,
}

impl Pools {
    /// Room for `levels` price levels, and for the nodes of `ladders` books' sides. `seed` is a secret of the process, so
    /// that nobody can choose prices that collide.
    pub fn new(levels: u32, ladders: u32, seed: u64) -> Self {
        let buckets = (levels as usize * 2)
            .next_power_of_two()
            .clamp(2 * BLOCK as usize, 1 << 31);
        let nodes = levels as usize * 2 + ladders as usize * 8;
        Self {
            nodes: table(nodes, Node::FREE),
            nodes_free: NONE,
            nodes_fresh: 0,
            nodes_used: 0,
            levels: table(levels as usize, Level::FREE),
            levels_free: NONE,
            levels_fresh: 0,
            levels_used: 0,
            buckets: table(buckets, NONE),
            block_shift: 32 - (buckets as u32 / BLOCK).trailing_zeros(),
            hasher: Hasher::new(seed),
        }
    }

    /// Where a ladder's level at `tick` is looked for.
    ///
    /// PERF: the buckets of 16 neighboring ticks share a cache line, whatever the table's size: trading is near the last
    /// price.
    #[inline(always)]
    fn bucket(&self, ladder: u32, tick: u32) -> Bucket {
        let hash = self
            .hasher
            .hash(u64::from(ladder) << 32 | u64::from(tick / BLOCK));
        let block = hash.wrapping_shr(self.block_shift);
        // Prices that are multiples of sixteen ticks would crowd without the hash's own bits.
        Bucket((block << BLOCK_BITS) | ((tick ^ hash) % BLOCK))
    }

    /// The ladder's level at `tick`, [`NONE`] when there is none.
    #[inline(always)]
    fn find(&self, bucket: Bucket, ladder: u32, tick: u32) -> u32 {
        let mut level = self.guess(bucket);
        while level != NONE {
            let here = self.level(level);
            if here.tick == tick && here.ladder == ladder {
                break;
            }
            level = here.chain;
        }
        level
    }

    /// The level that is probably meant, without a look at the level itself. For prefetching only.
    #[inline(always)]
    pub fn guess(&self, bucket: Bucket) -> u32 {
        self.buckets[bucket.0 as usize]
    }

    fn link(&mut self, bucket: Bucket, level: u32) {
        self.level_mut(level).chain = std::mem::replace(&mut self.buckets[bucket.0 as usize], level);
    }

    fn unlink(&mut self, level: u32) {
        let Level {
            ladder, tick, chain, ..
        } = *self.level(level);
        let bucket = self.bucket(ladder, tick).0 as usize;
        let mut before = self.buckets[bucket];
        if before == level {
            self.buckets[bucket] = chain;
            return;
        }
        while self.level(before).chain != level {
            before = self.level(before).chain;
        }
        self.level_mut(before).chain = chain;
    }

    /// True when a level can be added to any ladder.
    #[inline(always)]
    pub fn has_room(&self) -> bool {
        ((self.levels_used as usize) < self.levels.len())
            & (self.nodes_used as usize + DEPTH_MAX < self.nodes.len())
    }

    /// Sets room aside for `levels` levels of a ladder like `ladder`, that will come when nobody can refuse them any more.
    /// The caller has checked [`Ladder::has_room_for`].
    pub fn set_aside(&mut self, ladder: &Ladder, levels: u32) {
        self.levels_used += levels;
        self.nodes_used += levels * ladder.depth();
    }

    /// Room that was set aside is free again.
    pub fn give_back(&mut self, ladder: &Ladder, levels: u32) {
        self.levels_used -= levels;
        self.nodes_used -= levels * ladder.depth();
    }

    /// Price levels in use, or set aside.
    pub fn levels_used(&self) -> u32 {
        self.levels_used
    }

    /// Nodes in use.
    pub fn nodes_used(&self) -> u32 {
        self.nodes_used
    }

    /// The level.
    pub fn level(&self, level: u32) -> &Level {
        &self.levels[level as usize]
    }

    /// The level, or one whose last order is the first there is, when there is none: it is cheap to fetch.
    #[inline(always)]
    pub fn peek(&self, level: u32) -> &Level {
        const NOTHING: &Level = &Level {
            tail: 0,
            ..Level::FREE
        };
        self.levels.get(level as usize).unwrap_or(NOTHING)
    }

    /// Has the line of a level, which must be one, fetched before it is needed.
    #[inline(always)]
    pub fn prefetch(&self, level: u32) {
        prefetch_at(&self.levels, level);
    }

    /// The same for what may be none.
    #[inline(always)]
    pub fn prefetch_if_any(&self, level: u32) {
        prefetch_if_any(&self.levels, level);
    }

    /// Has the bucket's line fetched before it is needed.
    #[inline(always)]
    pub fn prefetch_bucket(&self, bucket: Bucket) {
        prefetch_at(&self.buckets, bucket.0);
    }

    /// The level, to change.
    pub fn level_mut(&mut self, level: u32) -> &mut Level {
        &mut self.levels[level as usize]
    }

    fn take_node(&mut self, ladder: u32, parent: u32, prefix: u32) -> u32 {
        let node = if self.nodes_free == NONE {
            self.nodes_fresh += 1;
            self.nodes_fresh - 1
        } else {
            let node = self.nodes_free;
            self.nodes_free = self.nodes[node as usize].parent;
            node
        };
        self.nodes_used += 1;
        let slot = &mut self.nodes[node as usize];
        // Children need no clearing: only those with a bit in `occupied` are read.
        (slot.occupied, slot.parent, slot.prefix, slot.ladder) = (0, parent, prefix, ladder);
        node
    }

    fn free_node(&mut self, node: u32) {
        let slot = &mut self.nodes[node as usize];
        slot.ladder = NONE;
        slot.parent = self.nodes_free;
        self.nodes_free = node;
        self.nodes_used -= 1;
    }

    fn take_level(&mut self, bucket: Bucket, ladder: u32, tick: u32, leaf: u32) -> u32 {
        let level = if self.levels_free == NONE {
            self.levels_fresh += 1;
            self.levels_fresh - 1
        } else {
            let level = self.levels_free;
            self.levels_free = self.levels[level as usize].tail;
            level
        };
        self.levels_used += 1;
        self.levels[level as usize] = Level {
            tick,
            ladder,
            leaf,
            ..Level::FREE
        };
        self.link(bucket, level);
        level
    }

    fn free_level(&mut self, level: u32) {
        self.unlink(level);
        let slot = &mut self.levels[level as usize];
        slot.tail = self.levels_free;
        slot.leaf = NONE;
        self.levels_free = level;
        self.levels_used -= 1;
    }
}

/// `tick` without its lowest `bits` bits; `bits` may be 32 and more.
fn prefix(tick: u32, bits: u32) -> u32 {
    tick.checked_shr(bits).unwrap_or(0)
}

fn digit(tick: u32, shift: u32) -> usize {
    (tick >> shift) as usize & (FAN - 1)
}

impl Ladder {
    /// An empty ladder for ticks 0 ..= `tick_max`; takes nothing of the pools until there is a level.
    pub fn new(side: Side, id: u32, tick_max: u32) -> Self {
        let bits = 32 - tick_max.leading_zeros();
        Self {
            side,
            id,
            root: NONE,
            root_shift: bits.saturating_sub(1) / FAN_BITS * FAN_BITS,
            best: NONE,
            last_leaf: NONE,
        }
    }

    /// Its side: which price is best.
    pub fn side(&self) -> Side {
        self.side
    }

    /// The best level's handle, [`NONE`] when the side is empty.
    #[inline(always)]
    pub fn best(&self) -> u32 {
        self.best
    }

    /// True when a level at any price can be added.
    #[inline(always)]
    pub fn has_room(&self, pools: &Pools) -> bool {
        self.has_room_for(pools, 1)
    }

    /// True when so many levels at any prices can be added.
    #[inline(always)]
    pub fn has_room_for(&self, pools: &Pools, levels: u32) -> bool {
        (pools.levels_used + levels) as usize <= pools.levels.len()
            && (pools.nodes_used + levels * self.depth()) as usize <= pools.nodes.len()
    }

    /// Most nodes that a new level takes.
    #[inline(always)]
    fn depth(&self) -> u32 {
        self.root_shift / FAN_BITS + 1
    }

    /// Where the level at `tick` is looked for; it stays the same as long as the pools do.
    #[inline(always)]
    pub fn bucket(&self, pools: &Pools, tick: u32) -> Bucket {
        pools.bucket(self.id, tick)
    }

    /// The level at `tick`, [`NONE`] when there is none.
    #[inline(always)]
    pub fn find(&self, pools: &Pools, tick: u32) -> u32 {
        pools.find(self.bucket(pools, tick), self.id, tick)
    }

    /// The level at `tick`, whose bucket this is, added when there is none. The caller has checked [`Ladder::has_room`].
    #[inline(always)]
    pub fn find_or_insert(&mut self, pools: &mut Pools, bucket: Bucket, tick: u32) -> u32 {
        match pools.find(bucket, self.id, tick) {
            NONE => self.insert(pools, bucket, tick),
            level => level,
        }
    }

    /// Adds the level at `tick`.
    #[inline(never)]
    fn insert(&mut self, pools: &mut Pools, bucket: Bucket, tick: u32) -> u32 {
        let leaf = self.leaf(pools, tick);
        self.last_leaf = leaf;
        let level = pools.take_level(bucket, self.id, tick, leaf);
        let place = digit(tick, 0);
        let node = &mut pools.nodes[leaf as usize];
        node.occupied |= 1 << place;
        node.children[place] = level;
        if self.best == NONE || self.side.is_better(tick, pools.level(self.best).tick) {
            self.best = level;
        }
        level
    }

    /// The leaf for `tick`, added with all above it when there is none.
    fn leaf(&mut self, pools: &mut Pools, tick: u32) -> u32 {
        if self.last_leaf != NONE {
            let node = &pools.nodes[self.last_leaf as usize];
            if node.ladder == self.id && node.prefix == prefix(tick, FAN_BITS) {
                return self.last_leaf;
            }
        }
        if self.root == NONE {
            let owner = if self.root_shift == 0 { self.id } else { INNER };
            self.root = pools.take_node(owner, NONE, 0);
        }
        let (mut node, mut shift) = (self.root, self.root_shift);
        while shift > 0 {
            let place = digit(tick, shift);
            let here = &pools.nodes[node as usize];
            if here.occupied & (1 << place) == 0 {
                let owner = if shift == FAN_BITS { self.id } else { INNER };
                let child = pools.take_node(owner, node, prefix(tick, shift));
                let here = &mut pools.nodes[node as usize];
                here.occupied |= 1 << place;
                here.children[place] = child;
                node = child;
            } else {
                node = here.children[place];
            }
            shift -= FAN_BITS;
        }
        node
    }

    /// The next level behind `level`, [`NONE`] at the end.
    pub fn behind(&self, pools: &Pools, level: u32) -> u32 {
        let here = pools.level(level);
        let (mut node, mut shift, tick) = (here.leaf, 0, here.tick);
        loop {
            let occupied = pools.nodes[node as usize].occupied;
            let place = digit(tick, shift) as u32;
            let behind = match self.side {
                Side::Sell => occupied & (!0_u64).checked_shl(place + 1).unwrap_or(0),
                Side::Buy => occupied & ((1_u64 << place) - 1),
            };
            if behind != 0 {
                return self.best_below(pools, node, shift, behind);
            }
            node = pools.nodes[node as usize].parent;
            if node == NONE {
                return NONE;
            }
            shift += FAN_BITS;
        }
    }

    /// Down from `node` to the best level among its children in `mask`.
    fn best_below(&self, pools: &Pools, mut node: u32, mut shift: u32, mut mask: u64) -> u32 {
        loop {
            let place = match self.side {
                Side::Sell => mask.trailing_zeros(),
                Side::Buy => 63 - mask.leading_zeros(),
            };
            node = pools.nodes[node as usize].children[place as usize];
            if shift == 0 {
                return node;
            }
            shift -= FAN_BITS;
            mask = pools.nodes[node as usize].occupied;
        }
    }

    /// Takes an empty level out.
    #[inline(never)]
    pub fn remove(&mut self, pools: &mut Pools, level: u32) {
        if self.best == level {
            self.best = self.behind(pools, level);
        }
        let Level { leaf, tick, .. } = *pools.level(level);
        pools.free_level(level);
        let (mut node, mut shift) = (leaf, 0);
        loop {
            let here = &mut pools.nodes[node as usize];
            here.occupied &= !(1 << digit(tick, shift));
            if here.occupied != 0 {
                return;
            }
            let parent = here.parent;
            pools.free_node(node);
            if parent == NONE {
                self.root = NONE;
                return;
            }
            node = parent;
            shift += FAN_BITS;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::testing::Random;
    use std::collections::BTreeMap;

    /// Random inserts and removals against a sorted map, over several ranges.
    #[test]
    fn agrees_with_a_sorted_map() {
        for (seed, tick_max) in [
            (1, 40),
            (2, 63),
            (3, 64),
            (4, 5_000),
            (5, 42_949_672),
            (6, u32::MAX - 1),
        ] {
            for side in [Side::Buy, Side::Sell] {
                let mut random = Random::new(seed);
                let mut pools = Pools::new(300, 2, 5);
                let mut ladder = Ladder::new(side, 7, tick_max);
                let mut model = BTreeMap::new();
                for _ in 0..20_000 {
                    let tick = if random.below(2) == 0 {
                        random.below(u64::from(tick_max) + 1) as u32
                    } else {
                        (tick_max / 2)
                            .saturating_add(random.below(100) as u32)
                            .min(tick_max)
                    };
                    match model.get(&tick) {
                        Some(&level) => {
                            assert_eq!(ladder.find(&pools, tick), level);
                            model.remove(&tick);
                            ladder.remove(&mut pools, level);
                        }
                        None if ladder.has_room(&pools) => {
                            assert_eq!(ladder.find(&pools, tick), NONE);
                            let bucket = ladder.bucket(&pools, tick);
                            model.insert(tick, ladder.find_or_insert(&mut pools, bucket, tick));
                        }
                        None => {
                            let (&tick, &level) = model.iter().next().expect("full means not empty");
                            model.remove(&tick);
                            ladder.remove(&mut pools, level);
                        }
                    }
                    let best = match side {
                        Side::Buy => model.last_key_value(),
                        Side::Sell => model.first_key_value(),
                    };
                    assert_eq!(ladder.best(), best.map_or(NONE, |(_, &level)| level));
                }
                let mut walk = Vec::new();
                let mut level = ladder.best();
                while level != NONE {
                    walk.push(pools.level(level).tick);
                    level = ladder.behind(&pools, level);
                }
                let mut expected: Vec<u32> = model.keys().copied().collect();
                if side == Side::Buy {
                    expected.reverse();
                }
                assert_eq!(walk, expected);
                for level in model.into_values() {
                    ladder.remove(&mut pools, level);
                }
                assert_eq!((pools.levels_used, pools.nodes_used), (0, 0), "nothing is left");
            }
        }
    }
}
