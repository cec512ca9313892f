//! Buy or sell.

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
    pub fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            b'B' => Some(Self::Buy),
            b'S' => Some(Self::Sell),
            _ => None,
        }
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
