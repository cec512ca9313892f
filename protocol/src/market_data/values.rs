//! The values that fields of market-data messages have, as far as we send them.

use crate::layout::values;

values! {
    /// ITCH System Event.
    mod event_code: u8 = "Event Code" {
        START_OF_MESSAGES = b'O', "start of messages";
        START_OF_SYSTEM_HOURS = b'S', "start of system hours";
        START_OF_MARKET_HOURS = b'Q', "start of market hours";
        END_OF_MARKET_HOURS = b'M', "end of market hours";
        END_OF_SYSTEM_HOURS = b'E', "end of system hours";
        END_OF_MESSAGES = b'C', "end of messages";
    }
}

values! {
    /// State of an instrument in Stock Trading Action.
    mod trading_state: u8 = "Trading State" {
        HALTED = b'H', "halted; also closed";
        PAUSED = b'P', "paused by volatility";
        QUOTATION_ONLY = b'Q', "quotation only: before the opening and in an auction";
        TRADING = b'T', "trading";
    }
}

values! {
    /// Side of an order in the book.
    mod side: u8 = "Buy/Sell Indicator" {
        BUY = b'B', "buy";
        SELL = b'S', "sell";
    }
}

values! {
    /// Whether an execution counts in the day's volume.
    mod printable: u8 = "Printable" {
        YES = b'Y', "counts";
        NO = b'N', "does not count: a cross trade reports the volume once";
    }
}

values! {
    /// Which auction a cross was.
    mod cross_type: u8 = "Cross Type" {
        OPENING = b'O', "opening cross";
        CLOSING = b'C', "closing cross";
        HALT = b'H', "cross after a halt or pause";
    }
}

values! {
    /// Which side of an auction has more.
    mod imbalance_direction: u8 = "Imbalance Direction" {
        BUY = b'B', "more to buy";
        SELL = b'S', "more to sell";
        NONE = b'N', "balanced";
        INSUFFICIENT = b'O', "too few orders to say";
        PAUSED = b'P', "paused";
    }
}

/// Every list of this module: title and values, for the documents.
pub const LISTS: &[(&str, &[(u64, &str)])] = &[
    (event_code::TITLE, event_code::ALL),
    (trading_state::TITLE, trading_state::ALL),
    (side::TITLE, side::ALL),
    (printable::TITLE, printable::ALL),
    (cross_type::TITLE, cross_type::ALL),
    (imbalance_direction::TITLE, imbalance_direction::ALL),
];
