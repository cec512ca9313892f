//! Units: one type each, so that a price is never added to a quantity.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Declares an integer unit.
macro_rules! unit {
    ($(#[$meta:meta])* $name:ident($inner:ty)) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(transparent)]
        pub struct $name(pub $inner);

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<$inner> for $name {
            fn from(value: $inner) -> Self {
                Self(value)
            }
        }
    };
}

unit!(
    /// Number of lots of an instrument.
    Quantity(u32)
);
unit!(
    /// The exchange's name for an order: unique within a trading day, ascending, the same in OUCH and ITCH.
    OrderNumber(u64)
);
unit!(
    /// The name of a match: unique within a trading day, ascending, the same in OUCH and ITCH.
    MatchNumber(u64)
);
unit!(
    /// The client's name for an order (OUCH UserRefNum): strictly increasing within a session and day.
    UserRef(u32)
);
unit!(
    /// Number of an instrument within the day (ITCH Stock Locate): 1 and up in the order of the instrument table.
    Locate(u16)
);
unit!(
    /// Number of a message in a stream; the first is 1.
    Sequence(u64)
);
unit!(
    /// Nanoseconds since the midnight UTC before the trading day's start.
    Timestamp(u64)
);

/// A price in units of 0.0001 of the quote asset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Price(pub u64);

impl Price {
    /// The price a client sends for a market order: 214,748.3647.
    pub const MARKET: Self = Self(0x7FFF_FFFF);
    /// Highest price an order may rest at: what ITCH's four bytes can say, 429,496.7294 (one less than all ones).
    pub const MAX: Self = Self(u32::MAX as u64 - 1);
    /// At and above this price NASDAQ reads "market": 200,000.0000.
    pub const MARKET_THRESHOLD: Self = Self(2_000_000_000);

    /// True for the values that always mean "market": 0x7FFFFFFF, all ones, the largest signed 64-bit value.
    pub fn is_market_sentinel(self) -> bool {
        self == Self::MARKET || self.0 == u64::MAX || self.0 == i64::MAX as u64
    }
}

impl core::fmt::Display for Price {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}.{:04}", self.0 / 10_000, self.0 % 10_000)
    }
}

/// Eight characters, left-justified, padded with spaces.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(transparent)]
pub struct Symbol(pub [u8; 8]);

impl Symbol {
    /// Eight spaces: "none" or "all", as the message says.
    pub const BLANK: Self = Self([b' '; 8]);

    /// Pads `text` to eight characters. `None` when it is longer, or not printable ASCII.
    pub fn new(text: &str) -> Option<Self> {
        text_field(text).map(Self)
    }

    /// The characters without their padding; `?` in place of anything that is not UTF-8.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or("?").trim()
    }
}

impl core::fmt::Display for Symbol {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(self.as_str())
    }
}

impl core::fmt::Debug for Symbol {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

/// A text field of `N` bytes: left-justified, padded with spaces. `None` when `text` is longer, or not printable ASCII.
pub fn text_field<const N: usize>(text: &str) -> Option<[u8; N]> {
    let bytes = text.as_bytes();
    if bytes.len() > N || !bytes.iter().all(|byte| (b' '..=b'~').contains(byte)) {
        return None;
    }
    let mut field = [b' '; N];
    field[..bytes.len()].copy_from_slice(bytes);
    Some(field)
}

/// A 48-bit big-endian integer: ITCH's timestamps.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    FromBytes,
    IntoBytes,
    KnownLayout,
    Immutable,
    Unaligned,
)]
#[repr(transparent)]
pub struct U48([u8; 6]);

impl U48 {
    /// The low 48 bits of `value`; ITCH has no room for more (72 hours of nanoseconds need 48 bits).
    pub fn new(value: u64) -> Self {
        let [_, _, rest @ ..] = value.to_be_bytes();
        Self(rest)
    }

    /// The value.
    pub fn get(self) -> u64 {
        let [a, b, c, d, e, f] = self.0;
        u64::from_be_bytes([0, 0, a, b, c, d, e, f])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_print_four_decimals() {
        assert_eq!(Price(1_000_050).to_string(), "100.0050");
    }

    #[test]
    fn symbols_are_padded_and_bounded() {
        assert_eq!(Symbol::new("BTC-USD").map(|symbol| symbol.0), Some(*b"BTC-USD "));
        assert_eq!(Symbol::new("KSHIBUSDX"), None);
        assert_eq!(Symbol::new("BT\u{e9}"), None);
    }

    #[test]
    fn forty_eight_bits_hold_three_days_of_nanoseconds() {
        let three_days = 72 * 3_600 * 1_000_000_000_u64;
        assert_eq!(U48::new(three_days).get(), three_days);
    }
}
