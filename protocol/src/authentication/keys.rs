//! The keys of a login, derived by HKDF-SHA-256 (RFC 5869) on both sides.

use std::fmt;

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::mac::Mac;
use super::secret::Secret;
use crate::text::SessionName;

/// Bytes of the salt in UDP Bound.
pub const SALT_BYTES: usize = 16;
/// Bytes of a key.
pub(super) const KEY_BYTES: usize = 16;

/// How tags are made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MacAlgorithm {
    /// GMAC with AES-128 (NIST SP 800-38D), the datagram's number as its nonce.
    #[default]
    Aes128Gmac,
    /// SipHash-2-4 with a result of 128 bits.
    SipHash24,
}

impl MacAlgorithm {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Aes128Gmac, Self::SipHash24];

    /// As configurations name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Aes128Gmac => "aes-128-gmac",
            Self::SipHash24 => "siphash-2-4-128",
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }
}

/// What is configured for an account, on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MacSecret {
    /// How its tags are made.
    pub algorithm: MacAlgorithm,
    /// What the keys of its logins are derived from.
    pub secret: Secret,
}

/// The key of one direction of one login. Never printed. It is copied from stage to stage by value; it dies with its
/// login, and nothing can be learned from it about the secret or about another login.
#[derive(Clone, Copy)]
pub struct Key {
    algorithm: MacAlgorithm,
    bytes: [u8; KEY_BYTES],
}

impl Key {
    /// Ready to make and to verify tags.
    pub fn mac(&self) -> Mac {
        Mac::new(self.algorithm, &self.bytes)
    }

    /// As a cell of a ring.
    pub fn to_words(self) -> [u64; 4] {
        let [low, high] = [0, 1].map(|half| {
            let bytes = self.bytes.as_chunks().0[half];
            u64::from_le_bytes(bytes)
        });
        [low, high, u64::from(self.algorithm == MacAlgorithm::SipHash24), 0]
    }

    /// Back from [`Key::to_words`].
    pub fn from_words(words: [u64; 4]) -> Self {
        let mut bytes = [0; KEY_BYTES];
        bytes[..8].copy_from_slice(&words[0].to_le_bytes());
        bytes[8..].copy_from_slice(&words[1].to_le_bytes());
        let algorithm = match words[2] {
            0 => MacAlgorithm::Aes128Gmac,
            _ => MacAlgorithm::SipHash24,
        };
        Self { algorithm, bytes }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ***", self.algorithm.name())
    }
}

/// Both keys of a login.
#[derive(Debug, Clone, Copy)]
pub struct LoginKeys {
    /// For datagrams of orders.
    pub to_exchange: Key,
    /// For packets of acknowledgements.
    pub to_client: Key,
}

impl LoginKeys {
    /// The keys of the login that was told `salt` in UDP Bound, to the stream `session`.
    pub fn derive(mac: &MacSecret, salt: &[u8; SALT_BYTES], session: &SessionName) -> Self {
        let mut output = Zeroizing::new([0; 2 * KEY_BYTES]);
        Hkdf::<Sha256>::new(Some(salt), mac.secret.bytes())
            .expand(session, &mut *output)
            .expect("a hash as long as the two keys can be had");
        let [to_exchange, to_client] = [0, 1].map(|half| Key {
            algorithm: mac.algorithm,
            bytes: output.as_chunks().0[half],
        });
        Self {
            to_exchange,
            to_client,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::from_hex;

    /// RFC 5869, appendix A: SHA-256, the test cases 1 to 3.
    #[test]
    fn hkdf_is_that_of_the_rfc() {
        let counted = |from: u8, to: u8| (from..=to).collect::<Vec<u8>>();
        let cases = [
            (
                vec![0x0b; 22],
                counted(0, 0x0c),
                counted(0xf0, 0xf9),
                "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
            ),
            (
                counted(0, 0x4f),
                counted(0x60, 0xaf),
                counted(0xb0, 0xff),
                "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09\
                 da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
            ),
            (
                vec![0x0b; 22],
                Vec::new(),
                Vec::new(),
                "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
            ),
        ];
        for (secret, salt, info, expected) in cases {
            let expected = from_hex(expected);
            let mut output = vec![0; expected.len()];
            Hkdf::<Sha256>::new(Some(&salt), &secret)
                .expand(&info, &mut output)
                .expect("short enough");
            assert_eq!(output, expected);
        }
    }

    #[test]
    fn each_login_session_and_direction_has_a_key_of_its_own() {
        let derive = |secret: u8, salt: u8, session: &SessionName| {
            let mac = MacSecret {
                algorithm: MacAlgorithm::Aes128Gmac,
                secret: Secret::new([secret; 32]),
            };
            let keys = LoginKeys::derive(&mac, &[salt; 16], session);
            [keys.to_exchange.bytes, keys.to_client.bytes]
        };
        let all = [
            derive(7, 1, b"O000010001"),
            derive(7, 2, b"O000010001"),
            derive(7, 1, b"O000020001"),
            derive(8, 1, b"O000010001"),
        ]
        .concat();
        let mut distinct = all.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), all.len());
        assert_eq!(
            derive(7, 1, b"O000010001"),
            [all[0], all[1]],
            "both sides get the same"
        );
    }

    #[test]
    fn a_key_passes_through_a_ring_and_is_not_printed() {
        for algorithm in MacAlgorithm::ALL {
            let key = Key {
                algorithm,
                bytes: std::array::from_fn(|index| index as u8),
            };
            let back = Key::from_words(key.to_words());
            assert_eq!((back.algorithm, back.bytes), (algorithm, key.bytes));
            assert_eq!(format!("{key:?}"), format!("{} ***", algorithm.name()));
            assert_eq!(MacAlgorithm::named(algorithm.name()), Some(algorithm));
        }
        assert_eq!(MacAlgorithm::named("hmac"), None);
    }
}
