//! One hash for the tables that are found by a short key: orders by their names, levels by their prices. Secret numbers of
//! the process keep anybody from choosing keys that collide. Nothing that leaves the exchange depends on it.

/// The secret numbers of one table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hasher {
    seed: u64,
    factor: u64,
}

impl Hasher {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            factor: seed.rotate_left(32) ^ 0x9E37_79B9_7F4A_7C15 | 1,
        }
    }

    /// Folded multiplication: both halves of the product depend on all bits of the key.
    #[inline(always)]
    pub(super) fn hash(&self, key: u64) -> u32 {
        let product = u128::from(key ^ self.seed) * u128::from(self.factor);
        let folded = (product as u64) ^ ((product >> 64) as u64);
        (folded >> 32) as u32 ^ folded as u32
    }
}
