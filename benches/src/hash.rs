//! A hash of bytes, to compare results; not against people who want collisions.

/// Adds `bytes` to `hash`. Splitting the bytes differently gives a different hash.
pub fn mix(hash: u64, bytes: &[u8]) -> u64 {
    let mut hash = fold(hash ^ bytes.len() as u64);
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        hash = fold(hash ^ u64::from_le_bytes(word));
    }
    hash
}

/// Both halves of a product, one upon the other: every bit in goes to every bit out.
fn fold(value: u64) -> u64 {
    let product = u128::from(value ^ 0x9E37_79B9_7F4A_7C15) * 0xD6E8_FEB8_6659_FD93;
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::mix;

    #[test]
    fn every_byte_and_the_length_count() {
        let hash = mix(1, b"123456789");
        for other in [&b"023456789"[..], b"123456780", b"12345678", b"123456789\0"] {
            assert_ne!(hash, mix(1, other));
        }
        assert_ne!(hash, mix(2, b"123456789"));
    }
}
