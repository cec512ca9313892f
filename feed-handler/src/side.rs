//! Buy or sell.

/// Buy or sell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Side {
    /// A bid, `B` on the wire.
    Buy,
    /// An offer, `S` on the wire.
    Sell,
}

impl Side {
    /// The side for a wire byte; `None` for anything but `B` and `S`.
    #[inline]
    pub fn from_byte(byte: u8) -> Option<Self> {
        // PERF: which of the two it is can not be foretold, that it is one of them can. The two bytes differ in more bits than the
        // lowest; by that one no compiler makes a branch of it.
        let index = (byte ^ b'B') & 1;
        (byte == b'B' + index * (b'S' - b'B')).then(|| Self::from_index(u32::from(index)))
    }

    /// The wire byte: `B` or `S`.
    pub fn to_byte(self) -> u8 {
        match self {
            Self::Buy => b'B',
            Self::Sell => b'S',
        }
    }

    /// The other side.
    pub fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// 0 or 1.
    #[inline]
    pub(crate) fn index(self) -> usize {
        self as usize
    }

    /// The side of an index.
    #[inline]
    pub(crate) fn from_index(index: u32) -> Self {
        if index == 0 { Self::Buy } else { Self::Sell }
    }
}
