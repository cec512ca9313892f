//! Buy or sell.

use std::hint::select_unpredictable;

/// Buy or sell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Side {
    /// A bid, `B` on the wire.
    Buy = b'B',
    /// An offer, `S` on the wire.
    Sell = b'S',
}

impl Side {
    /// The side for a wire byte; `None` for anything but `B` and `S`.
    #[inline]
    pub fn from_byte(byte: u8) -> Option<Self> {
        // PERF: which of the two it is can not be foretold, that it is one of them can.
        let is_buy = byte == b'B';
        (is_buy | (byte == b'S')).then(|| select_unpredictable(is_buy, Self::Buy, Self::Sell))
    }

    /// The other side.
    pub fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    pub(crate) fn index(self) -> usize {
        match self {
            Self::Buy => 0,
            Self::Sell => 1,
        }
    }

    /// The side of an index.
    pub(crate) fn from_index(index: u32) -> Self {
        if index == 0 { Self::Buy } else { Self::Sell }
    }
}
