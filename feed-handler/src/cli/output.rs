//! Prices and quantities as text and JSON.

use feed_handler::Side;
use feed_handler::book::PriceLevel;
use feed_handler::decimal;
use feed_handler::ticker::{Instrument, Trade};
use serde_json::{Value, json};

/// `65000.0000 x 1.25`.
pub(crate) fn level_text(level: Option<PriceLevel>, lots_per_unit: u32) -> String {
    level.map_or("-".to_owned(), |level| {
        let quantity = decimal::quantity(level.quantity, lots_per_unit);
        format!("{} x {quantity}", decimal::price(level.price))
    })
}

/// Decimals as strings, so that nothing is rounded.
pub(crate) fn level_json(level: PriceLevel, lots_per_unit: u32) -> Value {
    json!({
        "price": decimal::price(level.price).to_string(),
        "quantity": decimal::quantity(level.quantity, lots_per_unit).to_string(),
        "orders": level.orders,
    })
}

/// Who took.
pub(crate) fn aggressor_text(trade: &Trade) -> Option<&'static str> {
    trade.aggressor.map(|side| match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    })
}

/// One trade; the instrument gives the scale.
pub(crate) fn trade_json(trade: &Trade, instrument: &Instrument) -> Value {
    json!({
        "price": decimal::price(trade.price).to_string(),
        "quantity": decimal::quantity(trade.quantity, instrument.lots_per_unit).to_string(),
        "aggressor": aggressor_text(trade),
        "kind": match trade.kind {
            feed_handler::ticker::TradeKind::Displayed => "displayed",
            feed_handler::ticker::TradeKind::Hidden => "hidden",
            feed_handler::ticker::TradeKind::Cross => "cross",
        },
        "match_number": trade.match_number,
        "time": decimal::time_of_day(trade.timestamp),
    })
}

/// Ten characters of a session's name.
pub(crate) fn session_text(session: Option<[u8; 10]>) -> String {
    session.map_or(String::new(), |name| String::from_utf8_lossy(&name).into_owned())
}
