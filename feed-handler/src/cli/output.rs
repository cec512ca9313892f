//! Prices and quantities as text and JSON.

use super::Failure;
use feed_handler::Side;
use feed_handler::auction::{Cross, Imbalance};
use feed_handler::bar::Bar;
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

/// Who took, or what it was where the feed does not say: `buy`, `sell`, `hidden`, `opening`, `closing`, `halt`.
pub(crate) fn nature_text(trade: &Trade) -> &'static str {
    match (trade.cross, aggressor_text(trade)) {
        (Some(cross), _) => cross.name(),
        (None, Some(aggressor)) => aggressor,
        (None, None) => "hidden",
    }
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
        "cross": trade.cross.map(|kind| kind.name()),
        "match_number": trade.match_number,
        "time": decimal::time_of_day(trade.timestamp),
    })
}

/// `opening: 1.25 paired at 60000.0000, 0.5 more to buy; far 60001.0000; reference 60000.0000, variation below 1%`.
pub(crate) fn imbalance_text(imbalance: &Imbalance, lots_per_unit: u32) -> String {
    let quantity = |lots| decimal::quantity(lots, lots_per_unit);
    let mut text = format!("{}: ", imbalance.kind.name());
    text += &match imbalance.near {
        0 => imbalance.direction_name().to_owned(),
        near => format!(
            "{} paired at {}",
            quantity(imbalance.paired),
            decimal::price(near)
        ),
    };
    if imbalance.side().is_some() {
        text += &format!(
            ", {} more to {}",
            quantity(imbalance.quantity),
            imbalance.direction_name()
        );
    }
    if imbalance.far != 0 {
        text += &format!("; far {}", decimal::price(imbalance.far));
    }
    text += &format!("; reference {}", decimal::price(imbalance.reference));
    if let Some(variation) = imbalance.variation_name() {
        text += &format!(", variation {variation}");
    }
    text
}

/// The same for programs. A price of 0 is none.
pub(crate) fn imbalance_json(imbalance: &Imbalance, lots_per_unit: u32) -> Value {
    let quantity = |lots| decimal::quantity(lots, lots_per_unit).to_string();
    let price = |price| (price != 0).then(|| decimal::price(price).to_string());
    json!({
        "auction": imbalance.kind.name(),
        "paired": quantity(imbalance.paired),
        "imbalance": quantity(imbalance.quantity),
        "direction": imbalance.direction_name(),
        "near": price(imbalance.near),
        "far": price(imbalance.far),
        "reference": price(imbalance.reference),
        "variation": imbalance.variation_name(),
        "time": decimal::time_of_day(imbalance.timestamp),
    })
}

/// `opening: 60000.0000 x 1.25  at 08:00:00.000000000, match 7`.
pub(crate) fn cross_text(cross: &Cross, lots_per_unit: u32) -> String {
    let kind = cross.kind.name();
    let time = decimal::time_of_day(cross.timestamp);
    if cross.quantity == 0 {
        return format!("{kind}: nothing traded  at {time}");
    }
    format!(
        "{kind}: {} x {}  at {time}, match {}",
        decimal::price(cross.price),
        decimal::quantity(cross.quantity, lots_per_unit),
        cross.match_number
    )
}

/// The same for programs.
pub(crate) fn cross_json(cross: &Cross, lots_per_unit: u32) -> Value {
    json!({
        "auction": cross.kind.name(),
        "price": (cross.quantity != 0).then(|| decimal::price(cross.price).to_string()),
        "quantity": decimal::quantity(cross.quantity, lots_per_unit).to_string(),
        "match_number": cross.match_number,
        "time": decimal::time_of_day(cross.timestamp),
    })
}

/// The trades of a span of time, for programs. Prices are null without a trade.
pub(crate) fn bar_json(bar: &Bar, lots_per_unit: u32) -> Value {
    let price = |price| (!bar.is_empty()).then(|| decimal::price(price).to_string());
    json!({
        "open": price(bar.open),
        "high": price(bar.high),
        "low": price(bar.low),
        "close": price(bar.close),
        "volume": decimal::quantity(bar.volume, lots_per_unit).to_string(),
        "trades": bar.trades,
        "vwap": price(bar.vwap()),
        "turnover": decimal::turnover(bar.turnover, lots_per_unit).to_string(),
    })
}

/// A symbol as the feed has it.
pub(crate) fn symbol_field(text: &str) -> Result<[u8; 8], Failure> {
    protocol::units::Symbol::new(text)
        .map(|symbol| symbol.0)
        .ok_or_else(|| {
            Failure::Usage(format!(
                "{text:?} is no symbol: at most 8 printable ASCII characters"
            ))
        })
}

/// Ten characters of a session's name.
pub(crate) fn session_text(session: Option<[u8; 10]>) -> String {
    session.map_or(String::new(), |name| String::from_utf8_lossy(&name).into_owned())
}
