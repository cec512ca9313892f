//! One hash for the tables that are found by a short key: orders by their names, levels by their prices. Secret numbers of
//! the process keep anybody from choosing keys that collide. Nothing that leaves the exchange depends on it.

/// Folded multiplication: both halves of the product depend on all bits of the key.
#[inline(always)]
pub(super) fn hash(key: u64, seed: u64) -> u32 {
    let factor = seed.rotate_left(32) ^ 0x9E37_79B9_7F4A_7C15 | 1;
    let product = u128::from(key ^ seed) * u128::from(factor);
    let folded = (product as u64) ^ ((product >> 64) as u64);
    (folded >> 32) as u32 ^ folded as u32
}
