//! Tags over bytes: GMAC, or SipHash.

use std::fmt;

use aes_gcm::aead::AeadInOut;
use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{Aes128Gcm, KeyInit};
use siphasher::sip128::SipHasher24;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::keys::{KEY_BYTES, MacAlgorithm};

pub use crate::order_entry::datagram::TAG_BYTES;

/// A tag.
pub type Tag = [u8; TAG_BYTES];

/// Makes and verifies the tags of one direction of one login. Nothing is allocated for it. Wiped when dropped.
pub struct Mac(Keyed);

#[allow(
    clippy::large_enum_variant,
    reason = "one for each binding, and its owner boxes it"
)]
enum Keyed {
    Gmac(Aes128Gcm),
    // The hasher's state is the key and costs four instructions to make; this one is wiped.
    SipHash(Zeroizing<[u8; KEY_BYTES]>),
}

impl Mac {
    pub(super) fn new(algorithm: MacAlgorithm, key: &[u8; KEY_BYTES]) -> Self {
        Self(match algorithm {
            MacAlgorithm::Aes128Gmac => Keyed::Gmac(Aes128Gcm::new(key.into())),
            MacAlgorithm::SipHash24 => Keyed::SipHash(Zeroizing::new(*key)),
        })
    }

    /// The tag over `covered`. A `number` is used once under a key: GMAC takes it as its nonce, and SipHash finds it in the
    /// bytes.
    pub fn tag(&self, number: u64, covered: &[u8]) -> Tag {
        match &self.0 {
            Keyed::Gmac(cipher) => gmac(cipher, &nonce(number), covered),
            Keyed::SipHash(key) => SipHasher24::new_with_key(key).hash(covered).as_bytes(),
        }
    }

    /// True when `tag` is the one over `covered`. It takes as long wherever the two differ.
    pub fn verifies(&self, number: u64, covered: &[u8], tag: &Tag) -> bool {
        self.tag(number, covered).ct_eq(tag).into()
    }
}

/// 96 bits: zeros, then the number.
fn nonce(number: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&number.to_be_bytes());
    nonce
}

/// GCM of nothing, with the bytes beside it.
fn gmac(cipher: &Aes128Gcm, nonce: &[u8; 12], covered: &[u8]) -> Tag {
    let nothing: &mut [u8] = &mut [];
    cipher
        .encrypt_inout_detached(nonce.into(), covered, InOutBuf::from(nothing))
        .expect("a datagram is shorter than 2^61 bytes")
        .into()
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Keyed::Gmac(_) => "aes-128-gmac ***",
            Keyed::SipHash(_) => "siphash-2-4-128 ***",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::from_hex;

    /// NIST's GCM vectors (gcmEncryptExtIV128.rsp, no plaintext, 16 bytes beside it, the first), and IEEE 802.1AE's
    /// example of a packet that is authenticated only.
    #[test]
    fn gmac_is_that_of_the_standards() {
        let cases = [
            (
                "77be63708971c4e240d1cb79e8d77feb",
                "e0e00f19fed7ba0136a797f3",
                "7a43ec1d9c0a5a78a0b16533a6213cab",
                "209fcc8d3675ed938e9c7166709dd946",
            ),
            (
                "ad7a2bd03eac835a6f620fdcb506b345",
                "12153524c0895e81b2c28465",
                "d609b1f056637a0d46df998d88e5222ab2c2846512153524c0895e8108000f101112131415161718191a1b1c1d1e1f20\
                 2122232425262728292a2b2c2d2e2f30313233340001",
                "f09478a9b09007d06f46e9b6a1da25dd",
            ),
        ];
        for (key, nonce, covered, tag) in cases {
            let key: [u8; 16] = from_hex(key).try_into().expect("16 bytes");
            let nonce = from_hex(nonce).try_into().expect("12 bytes");
            let cipher = Aes128Gcm::new(&key.into());
            assert_eq!(gmac(&cipher, &nonce, &from_hex(covered)).to_vec(), from_hex(tag));
        }
    }

    /// The reference implementation's vectors of SipHash-2-4 with 128 bits: key 00 01 ... 0f, the first bytes of 00 01 ...
    #[test]
    fn siphash_is_that_of_its_authors() {
        let key = std::array::from_fn(|index| index as u8);
        let mac = Mac::new(MacAlgorithm::SipHash24, &key);
        for (length, tag) in [
            (0, "a3817f04ba25a8e66df67214c7550293"),
            (1, "da87c1d86b99af44347659119b22fc45"),
            (2, "8177228da4a45dc7fca38bdef60affe4"),
            (3, "9c70b60c5267a94e5f33b6b02985ed51"),
        ] {
            let covered: Vec<u8> = (0..length).collect();
            assert_eq!(mac.tag(1, &covered).to_vec(), from_hex(tag), "{length}");
        }
    }

    #[test]
    fn every_bit_of_key_number_bytes_and_tag_counts() {
        let covered = [5; 40];
        for algorithm in MacAlgorithm::ALL {
            let mac = Mac::new(algorithm, &[1; 16]);
            let tag = mac.tag(9, &covered);
            assert!(mac.verifies(9, &covered, &tag));
            assert!(!Mac::new(algorithm, &[2; 16]).verifies(9, &covered, &tag));
            assert!(!mac.verifies(9, &covered[..39], &tag));
            if algorithm == MacAlgorithm::Aes128Gmac {
                assert!(!mac.verifies(10, &covered, &tag));
            }
            for bit in 0..8 * covered.len() {
                let mut changed = covered;
                changed[bit / 8] ^= 1 << (bit % 8);
                assert!(!mac.verifies(9, &changed, &tag));
            }
            for bit in 0..8 * tag.len() {
                let mut changed = tag;
                changed[bit / 8] ^= 1 << (bit % 8);
                assert!(!mac.verifies(9, &covered, &changed));
            }
            assert!(!format!("{mac:?}").contains("1, 1"));
        }
    }
}
