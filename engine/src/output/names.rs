//! Names of the day's streams. Session indexes and roll counters come from a checked configuration, so that they have
//! room in a name.

use protocol::text::{SessionName, market_data_session, order_entry_session};

/// Name of the market data stream on the day `roll`.
///
/// # Panics
/// When `roll` is above 999,999.
pub fn market_data_name(roll: u32) -> SessionName {
    market_data_session(roll).expect("the roll counter has six digits")
}

/// Name of an order-entry session's stream on the day `roll`.
///
/// # Panics
/// When `session` is above 99,999 or `roll` above 9,999.
pub fn order_entry_name(session: u32, roll: u32) -> SessionName {
    order_entry_session(session, roll).expect("the session's index has five digits, the roll counter four")
}
