//! Answers for people, and as JSON.

use protocol::order_entry::own::{Balance, OpenOrder, OrderStatus, Ticker};
use protocol::units::{Price, Symbol};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::desk::Outcome;
use crate::instruments::{Instrument, Instruments, amount};
use crate::reason;

/// Something to print: as text, or as one JSON value.
#[derive(Debug)]
pub(super) struct Shown {
    /// For people.
    pub(super) text: String,
    /// For programs.
    pub(super) json: Value,
    /// False when what was asked for did not happen.
    pub(super) is_good: bool,
}

impl Shown {
    fn good(text: String, json: Value) -> Self {
        Self {
            text,
            json,
            is_good: true,
        }
    }
}

fn state_name(state: u8) -> &'static str {
    match state {
        b'L' => "live",
        b'F' => "filled",
        b'C' => "canceled",
        b'R' => "rejected",
        _ => "unknown",
    }
}

fn side_name(side: u8) -> &'static str {
    if side == b'B' { "buy" } else { "sell" }
}

fn signed(units: i128, decimals: u8) -> Decimal {
    let decimal = amount(units.unsigned_abs(), decimals);
    if units < 0 { -decimal } else { decimal }
}

fn price_text(instrument: &Instrument, price: u64) -> String {
    if price >= Price::MARKET_THRESHOLD.0 || Price(price).is_market_sentinel() {
        "market".to_owned()
    } else {
        instrument.price_decimal(Price(price)).to_string()
    }
}

/// The average price of what was executed.
fn average(instrument: &Instrument, status: &OrderStatus) -> Option<Decimal> {
    let quantity = instrument.quantity_decimal(u64::from(status.executed.get()));
    let units = amount(instrument.price_unit, instrument.base_decimals);
    let value = instrument.quote_decimal(status.executed_notional.get());
    value
        .checked_mul(units)?
        .checked_div(quantity)
        .map(|price| price.round_dp(8).normalize())
}

/// How an order stands.
pub(super) fn status(instrument: Option<&Instrument>, status: &OrderStatus, reason: Option<u8>) -> Shown {
    let user_ref = status.user_ref_num.get();
    let Some(instrument) = instrument.filter(|_| status.state != b'U') else {
        return Shown {
            text: format!("order {user_ref} is not known (any more)"),
            json: json!({ "order": user_ref, "state": "unknown" }),
            is_good: false,
        };
    };
    let quantity = |lots: u32| instrument.quantity_decimal(u64::from(lots));
    let executed = status.executed.get();
    let fees = signed(status.fees.get(), instrument.quote_decimals);
    let mut text = format!(
        "order {user_ref}: {} {} {} at {}: {}",
        side_name(status.side),
        quantity(status.quantity.get()),
        instrument.symbol,
        price_text(instrument, status.price.get()),
        state_name(status.state),
    );
    if executed > 0 {
        let average = average(instrument, status).map_or_else(|| "?".to_owned(), |price| price.to_string());
        text += &format!(
            "; {} executed at {average} on average, worth {} {}, fees {fees}",
            quantity(executed),
            instrument.quote_decimal(status.executed_notional.get()),
            instrument.quote,
        );
    }
    if status.open.get() > 0 {
        text += &format!(
            "; {} open (`cancel {user_ref}` takes it back)",
            quantity(status.open.get())
        );
    }
    if let Some(reason) = reason {
        text += &format!("; why canceled: {}", reason::canceled(reason));
    }
    let json = json!({
        "order": user_ref,
        "state": state_name(status.state),
        "side": side_name(status.side),
        "symbol": instrument.symbol.as_str(),
        "quantity": quantity(status.quantity.get()).to_string(),
        "executed": quantity(executed).to_string(),
        "open": quantity(status.open.get()).to_string(),
        "price": price_text(instrument, status.price.get()),
        "average_price": average(instrument, status).map(|price| price.to_string()),
        "value": instrument.quote_decimal(status.executed_notional.get()).to_string(),
        "fees": fees.to_string(),
        "order_number": status.order_reference_number.get(),
        "cancel_reason": reason.map(|reason| char::from(reason).to_string()),
    });
    Shown {
        text,
        json,
        is_good: status.state != b'R',
    }
}

/// What became of a request.
pub(super) fn outcome(instrument: Option<&Instrument>, outcome: &Outcome) -> Shown {
    match outcome {
        Outcome::Taken(taken, reason) => {
            let mut shown = status(instrument, taken, *reason);
            // Taken, and gone without a trade: not what was asked for.
            shown.is_good &= taken.state != b'C' || taken.executed.get() > 0;
            shown
        }
        Outcome::Refused {
            user_ref,
            reason,
            sentence,
        } => Shown {
            text: match sentence {
                Some(sentence) => format!("refused: {sentence}"),
                None => format!("refused: {}", reason::describe(*reason)),
            },
            json: json!({
                "order": user_ref,
                "state": "rejected",
                "reason": format!("0x{reason:04X}"),
                "meaning": reason::refusal_of(*reason).map(|refusal| refusal.meaning),
                "remedy": reason::refusal_of(*reason).map(|refusal| refusal.remedy),
                "sentence": sentence,
            }),
            is_good: false,
        },
    }
}

/// Open orders, oldest first.
pub(super) fn orders(instruments: &Instruments, orders: &[OpenOrder]) -> Shown {
    let mut lines = Vec::new();
    let mut values = Vec::new();
    for order in orders {
        let Some(instrument) = instruments.find(Symbol(order.symbol)) else {
            continue;
        };
        let quantity = |lots: u32| instrument.quantity_decimal(u64::from(lots));
        let price = price_text(instrument, order.price.get());
        lines.push(format!(
            "{:>8}  {:<4} {:<8} {:>14} of {:>14} open at {:>14}",
            order.user_ref_num.get(),
            side_name(order.side),
            instrument.symbol,
            quantity(order.open.get()).to_string(),
            quantity(order.quantity.get()).to_string(),
            price,
        ));
        values.push(json!({
            "order": order.user_ref_num.get(),
            "side": side_name(order.side),
            "symbol": instrument.symbol.as_str(),
            "quantity": quantity(order.quantity.get()).to_string(),
            "executed": quantity(order.executed.get()).to_string(),
            "open": quantity(order.open.get()).to_string(),
            "price": price,
        }));
    }
    if lines.is_empty() {
        lines.push("no open orders".to_owned());
    }
    Shown::good(lines.join("\n"), Value::Array(values))
}

/// Balances.
pub(super) fn balances(instruments: &Instruments, balances: &[Balance]) -> Shown {
    let mut lines = vec![format!(
        "{:<8} {:>24} {:>24} {:>24}",
        "asset", "total", "available", "held"
    )];
    let mut values = Vec::new();
    for balance in balances {
        let asset = Symbol(balance.asset);
        // An asset of no instrument is shown in its smallest units.
        let decimals = instruments.decimals(asset).unwrap_or(0);
        let text = |units: u128| amount(units, decimals).to_string();
        let (total, available, held) = (
            text(balance.total.get()),
            text(balance.available.get()),
            text(balance.held.get()),
        );
        lines.push(format!("{asset:<8} {total:>24} {available:>24} {held:>24}"));
        values.push(json!({
            "asset": asset.as_str(), "total": total, "available": available, "held": held,
        }));
    }
    Shown::good(lines.join("\n"), Value::Array(values))
}

/// Last trade and best prices.
pub(super) fn ticker(instrument: &Instrument, ticker: &Ticker) -> Shown {
    let side = |price: u64, quantity: u64| {
        (price != 0).then(|| {
            (
                instrument.price_decimal(Price(price)).to_string(),
                instrument.quantity_decimal(quantity).to_string(),
            )
        })
    };
    let last = side(ticker.last_price.get(), u64::from(ticker.last_quantity.get()));
    let bid = side(ticker.bid_price.get(), ticker.bid_quantity.get());
    let ask = side(ticker.ask_price.get(), ticker.ask_quantity.get());
    let text = |side: &Option<(String, String)>| {
        side.as_ref().map_or_else(
            || "none".to_owned(),
            |(price, quantity)| format!("{price} x {quantity}"),
        )
    };
    let value = |side: &Option<(String, String)>| {
        side.as_ref()
            .map(|(price, quantity)| json!({ "price": price, "quantity": quantity }))
    };
    Shown::good(
        format!(
            "{}: last {}, bid {}, ask {}",
            instrument.symbol,
            text(&last),
            text(&bid),
            text(&ask)
        ),
        json!({
            "symbol": instrument.symbol.as_str(),
            "last": value(&last),
            "last_match_number": ticker.last_match_number.get(),
            "bid": value(&bid),
            "ask": value(&ask),
        }),
    )
}

/// The instruments and their limits.
pub(super) fn instruments(instruments: &Instruments) -> Shown {
    let mut lines = vec![format!(
        "{:<8} {:>10} {:>14} {:>10} {:>16} {:>8} {:>9} {:>9}  state",
        "symbol", "tick", "smallest order", "price for", "largest order", "collar", "maker fee", "taker fee"
    )];
    let mut values = Vec::new();
    for instrument in instruments.iter() {
        let tick = instrument.price_decimal(Price(instrument.tick_size)).to_string();
        let lot = instrument.quantity_decimal(1).to_string();
        let unit = amount(instrument.price_unit, instrument.base_decimals).to_string();
        let largest = instrument
            .quantity_decimal(u64::from(instrument.max_quantity))
            .to_string();
        let percent = |ppm: i64| format!("{}%", Decimal::new(ppm, 4).normalize());
        let collar = percent(i64::from(instrument.collar_ppm));
        let maker = percent(i64::from(instrument.maker_fee_ppm));
        let taker = percent(i64::from(instrument.taker_fee_ppm));
        let state = instrument_state(instrument.state);
        lines.push(format!(
            "{:<8} {tick:>10} {lot:>14} {unit:>10} {largest:>16} {collar:>8} {maker:>9} {taker:>9}  {state}",
            instrument.symbol
        ));
        values.push(json!({
            "symbol": instrument.symbol.as_str(),
            "locate": instrument.locate,
            "base": instrument.base.as_str(),
            "quote": instrument.quote.as_str(),
            "tick_size": tick,
            "lot_size": lot,
            "price_unit": unit,
            "max_quantity": largest,
            "collar": collar,
            "maker_fee": maker,
            "taker_fee": taker,
            "state": state,
        }));
    }
    Shown::good(lines.join("\n"), Value::Array(values))
}

fn instrument_state(state: u8) -> &'static str {
    match state {
        b'T' => "trading",
        b'H' => "halted",
        b'Q' | b'A' => "auction",
        b'P' => "pre-open",
        b'V' => "volatility pause",
        b'C' => "cancels only",
        b'X' => "closed",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instruments::tests::bitcoin;
    use zerocopy::FromZeros;

    fn filled() -> OrderStatus {
        OrderStatus {
            user_ref_num: 7.into(),
            state: b'F',
            side: b'B',
            symbol: *b"BTC-USD ",
            quantity: 100.into(),
            executed: 100.into(),
            price: Price::MARKET.0.into(),
            // 0.01 BTC at 60,000.
            executed_notional: 60_000_000_000.into(),
            fees: (-12_000_000_i128).into(),
            ..OrderStatus::new_zeroed()
        }
    }

    #[test]
    fn a_filled_order_tells_its_price_and_fees() {
        let shown = status(Some(&bitcoin()), &filled(), None);
        assert!(shown.is_good);
        assert_eq!(
            shown.text,
            "order 7: buy 0.01 BTC-USD at market: filled; 0.01 executed at 60000 on average, worth 600 USD, fees -0.12"
        );
        assert_eq!(shown.json["average_price"], "60000");
        assert_eq!(shown.json["fees"], "-0.12");
    }

    #[test]
    fn an_unknown_order_and_a_refusal_are_not_good() {
        let unknown = OrderStatus {
            state: b'U',
            ..filled()
        };
        assert!(!status(Some(&bitcoin()), &unknown, None).is_good);
        let gone = OrderStatus {
            state: b'C',
            executed: 0.into(),
            ..filled()
        };
        let shown = outcome(Some(&bitcoin()), &Outcome::Taken(gone, Some(b'I')));
        assert!(!shown.is_good && shown.text.contains("nothing more to trade with"));
        assert!(
            status(Some(&bitcoin()), &gone, None).is_good,
            "asked how it is, that is good"
        );
        let refused = Outcome::Refused {
            user_ref: 7,
            reason: 0x20,
            sentence: None,
        };
        let shown = outcome(None, &refused);
        assert!(!shown.is_good);
        assert!(shown.text.contains("not enough money") && shown.text.contains("`balance`"));
        assert_eq!(shown.json["reason"], "0x0020");
    }

    #[test]
    fn a_market_without_trades_says_none() {
        let mut ticker_reply = Ticker::new_zeroed();
        ticker_reply.bid_price = 600_000_000.into();
        ticker_reply.bid_quantity = 100.into();
        let shown = ticker(&bitcoin(), &ticker_reply);
        assert_eq!(shown.text, "BTC-USD: last none, bid 60000 x 0.01, ask none");
        assert_eq!(shown.json["ask"], Value::Null);
    }

    #[test]
    fn lists_have_a_line_each() {
        let known: Instruments = [bitcoin()].into_iter().collect();
        assert_eq!(instruments(&known).text.lines().count(), 2);
        assert_eq!(orders(&known, &[]).text, "no open orders");
        let balance = Balance {
            asset: *b"USD     ",
            total: 150_000_000.into(),
            available: 100_000_000.into(),
            held: 50_000_000.into(),
            ..Balance::new_zeroed()
        };
        let shown = balances(&known, &[balance]);
        assert_eq!(shown.json[0]["total"], "1.5");
        assert!(
            shown
                .text
                .lines()
                .nth(1)
                .is_some_and(|line| line.ends_with("0.5"))
        );
    }
}
