//! What the books can hold, and why a message does not fit them.

/// How much the books can hold; allocated at the start, resident as it is used, in pages of 2 MiB where the kernel gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Highest locate accepted.
    pub instruments: u16,
    /// Resting orders of all instruments together.
    pub orders: u32,
    /// Price levels of all instruments and sides together.
    pub levels: u32,
}

impl Default for Capacity {
    /// 16,384 instruments, 2^20 orders, 2^18 levels.
    fn default() -> Self {
        Self {
            instruments: 16_384,
            orders: 1 << 20,
            levels: 1 << 18,
        }
    }
}

/// Why a message does not fit the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[repr(u8)]
pub enum BookError {
    /// The message names an order that is not in the books.
    #[error("unknown order number")]
    UnknownOrder,
    /// An order number that is already resting.
    #[error("order number already in use")]
    DuplicateOrder,
    /// The order rests in another instrument's book.
    #[error("order belongs to another instrument")]
    WrongInstrument,
    /// More executed or canceled than the order had; it was removed.
    #[error("more executed or canceled than was open")]
    ExcessQuantity,
    /// An order without lots.
    #[error("quantity of zero")]
    ZeroQuantity,
    /// Neither buy nor sell.
    #[error("undefined side")]
    UndefinedSide,
    /// Locate 0 or above [`Capacity::instruments`].
    #[error("locate beyond the capacity for instruments")]
    InstrumentCapacity,
    /// [`Capacity::orders`] are resting already.
    #[error("capacity for orders reached")]
    OrderCapacity,
    /// [`Capacity::levels`] are in use already.
    #[error("capacity for price levels reached")]
    LevelCapacity,
}

impl BookError {
    /// Number of kinds.
    pub const COUNT: usize = 9;
    /// All kinds, in the order of their discriminants.
    pub const ALL: [Self; Self::COUNT] = [
        Self::UnknownOrder,
        Self::DuplicateOrder,
        Self::WrongInstrument,
        Self::ExcessQuantity,
        Self::ZeroQuantity,
        Self::UndefinedSide,
        Self::InstrumentCapacity,
        Self::OrderCapacity,
        Self::LevelCapacity,
    ];

    /// True when a limit of this subscriber, not the feed, is the cause.
    pub fn is_capacity(self) -> bool {
        matches!(
            self,
            Self::InstrumentCapacity | Self::OrderCapacity | Self::LevelCapacity
        )
    }
}
