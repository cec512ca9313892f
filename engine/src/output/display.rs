//! The messages of a displayed state told anew: the feed's own, in the layout that the feed has.

use protocol::units::U48;
use zerocopy::IntoBytes;

use super::market_data as itch;
use crate::exchange::event::{Event, EventKind};

/// Gives `take` the feed message of an event of [`crate::exchange::Exchange::tell_displayed`]. `symbol` is its instrument's.
///
/// # Panics
/// When it is an event of another kind.
pub fn displayed(time: u64, event: &Event, symbol: [u8; 8], take: impl FnOnce(&[u8])) {
    let time = U48::new(time);
    match event.kind() {
        EventKind::SystemEvent => take(itch::system_event(time, event).as_bytes()),
        EventKind::InstrumentListed => take(itch::stock_directory(time, event).as_bytes()),
        EventKind::TradingAction => take(itch::stock_trading_action(time, event).as_bytes()),
        EventKind::Added if event.detail == 0 => take(itch::add_order(time, event, symbol).as_bytes()),
        EventKind::Added => take(itch::add_order_attributed(time, event, symbol).as_bytes()),
        kind => unreachable!("{kind:?} says nothing of what is displayed"),
    }
}
