//! Why an order was refused, with the figures: what was needed and what there is.

use protocol::units::Price;
use rust_decimal::Decimal;

use crate::instruments::{Instrument, amount};

/// What was asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// OUCH side.
    pub(super) side: u8,
    /// Lots.
    pub(super) lots: u32,
    /// Wire price; `None` at the market.
    pub(super) price: Option<u64>,
    /// Wire price that a stop waits for.
    pub(super) stop: Option<u64>,
}

/// What the exchange told when it was asked after the refusal.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Facts {
    /// Of the asset that the order needs: available and held by open orders, smallest units.
    pub(super) funds: Option<(u128, u128)>,
    /// Wire price of the last trade.
    pub(super) last: Option<u64>,
}

/// Reject reasons that figures help to understand.
pub(super) const FUNDS: u16 = 0x0020;
const FAR_OFF: u16 = 0x0026;
const FAT_FINGER: u16 = 0x0006;
const NOTIONAL: u16 = 0x001F;
const HALTED: u16 = 0x0007;
const CLOSED: u16 = 0x0002;

/// Money as people write it: two decimals at least.
pub(super) fn money(units: u128, decimals: u8) -> Decimal {
    let mut decimal = amount(units, decimals);
    if decimal.scale() < 2 {
        decimal.rescale(2);
    }
    decimal
}

/// The refusal as a sentence; `None` where figures say no more than the reason does.
pub(super) fn refusal(reason: u16, instrument: &Instrument, asked: &Asked, facts: &Facts) -> Option<String> {
    match reason {
        FUNDS => not_enough(instrument, asked, facts),
        FAR_OFF => too_far(instrument, asked, facts),
        NOTIONAL | FAT_FINGER => {
            let value = value(instrument, asked, facts)?;
            let worth = money(value, instrument.quote_decimals);
            let quote = instrument.quote;
            Some(if reason == NOTIONAL {
                let most = money(instrument.max_notional, instrument.quote_decimals);
                format!(
                    "the order is worth {worth} {quote}, and one order may be worth at most {most} {quote}: split it"
                )
            } else {
                format!(
                    "the order is worth {worth} {quote}, far more than usual: check price and quantity, and split it if \
                     you mean it"
                )
            })
        }
        HALTED => Some(format!(
            "{} is halted: wait until trading goes on (`instruments` shows the state)",
            instrument.symbol
        )),
        CLOSED => Some(format!(
            "{} is closed: wait until it opens (`instruments` shows the state)",
            instrument.symbol
        )),
        _ => None,
    }
}

/// What the order is worth: at its price, else at that of the last trade.
fn value(instrument: &Instrument, asked: &Asked, facts: &Facts) -> Option<u128> {
    instrument.value(asked.price.or(asked.stop).or(facts.last)?, asked.lots)
}

fn not_enough(instrument: &Instrument, asked: &Asked, facts: &Facts) -> Option<String> {
    let (available, held) = facts.funds?;
    let (asset, needed, shown): (_, u128, fn(u128, u8) -> Decimal) = if asked.side == b'B' {
        let value = value(instrument, asked, facts)?;
        let rate = instrument.taker_fee_ppm.max(instrument.maker_fee_ppm).max(0);
        let fee = value.checked_mul(rate.unsigned_abs().into())?.div_ceil(1_000_000);
        (instrument.quote, value + fee, money)
    } else {
        (instrument.base, instrument.base_units(asked.lots)?, amount)
    };
    let decimals = if asked.side == b'B' {
        instrument.quote_decimals
    } else {
        instrument.base_decimals
    };
    let about = if asked.side == b'B' && asked.price.is_none() {
        "about "
    } else {
        ""
    };
    let mut text = format!(
        "not enough {asset}: {about}{} needed, {} available",
        shown(needed, decimals),
        shown(available, decimals)
    );
    if held > 0 {
        text += &format!(
            " ({} more are held by open orders: `orders` lists them)",
            shown(held, decimals)
        );
    }
    Some(text)
}

fn too_far(instrument: &Instrument, asked: &Asked, facts: &Facts) -> Option<String> {
    let price = instrument.price_decimal(Price(asked.price?));
    let percent = Decimal::new(i64::from(instrument.collar_ppm), 4).normalize();
    let (what, from) = match (asked.stop, facts.last) {
        (Some(stop), _) => ("the stop's price", Some(stop)),
        (None, Some(last)) => ("the last trade", Some(last)),
        (None, None) => ("the reference price (nothing has traded yet)", None),
    };
    let (is_buy, tick) = (asked.side == b'B', instrument.tick_size);
    let beyond = if is_buy { "above" } else { "below" };
    let Some(from) = from else {
        return Some(format!(
            "the price {price} is more than {percent}% {beyond} {what}"
        ));
    };
    let part = from / 1_000_000 * u64::from(instrument.collar_ppm)
        + from % 1_000_000 * u64::from(instrument.collar_ppm) / 1_000_000;
    let (bound, most) = if is_buy {
        ((from + part) / tick * tick, "at most")
    } else {
        (from.saturating_sub(part).div_ceil(tick) * tick, "at least")
    };
    Some(format!(
        "the price {price} is too far {beyond} {what}, {}: {most} {} is possible ({percent}%)",
        instrument.price_decimal(Price(from)),
        instrument.price_decimal(Price(bound))
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instruments::tests::bitcoin;

    fn asked(side: u8, lots: u32, price: Option<u64>) -> Asked {
        Asked {
            side,
            lots,
            price,
            stop: None,
        }
    }

    #[track_caller]
    fn says(reason: u16, asked: Asked, facts: Facts, sentence: &str) {
        assert_eq!(
            refusal(reason, &bitcoin(), &asked, &facts).as_deref(),
            Some(sentence)
        );
    }

    #[test]
    fn money_that_is_missing_is_told_with_figures() {
        let bitcoin = bitcoin();
        let unit = 10_u128.pow(u32::from(bitcoin.quote_decimals));
        let facts = Facts {
            funds: Some((96 * unit, 0)),
            last: Some(60_000_000),
        };
        let needed = {
            let value = bitcoin.value(1_000_000, 10_000).expect("whole");
            let rate = u128::from(
                bitcoin
                    .taker_fee_ppm
                    .max(bitcoin.maker_fee_ppm)
                    .max(0)
                    .unsigned_abs(),
            );
            money(value + (value * rate).div_ceil(1_000_000), bitcoin.quote_decimals)
        };
        says(
            FUNDS,
            asked(b'B', 10_000, Some(1_000_000)),
            facts,
            &format!("not enough USD: {needed} needed, 96.00 available"),
        );
        let text = refusal(FUNDS, &bitcoin, &asked(b'B', 10_000, None), &facts).expect("it has figures");
        assert!(text.starts_with("not enough USD: about "), "{text}");
        let base = 10_u128.pow(u32::from(bitcoin.base_decimals));
        let facts = Facts {
            funds: Some((base / 2, base)),
            last: None,
        };
        let whole = u32::try_from(base / bitcoin.lot_size).expect("few") * 3;
        says(
            FUNDS,
            asked(b'S', whole, None),
            facts,
            "not enough BTC: 3 needed, 0.5 available (1 more are held by open orders: `orders` lists them)",
        );
        assert_eq!(
            refusal(FUNDS, &bitcoin, &asked(b'S', 1, None), &Facts::default()),
            None
        );
    }

    #[test]
    fn a_price_too_far_off_tells_how_far_it_may_be() {
        let bitcoin = bitcoin();
        let percent = Decimal::new(i64::from(bitcoin.collar_ppm), 4).normalize();
        let facts = Facts {
            funds: None,
            last: Some(1_000_000),
        };
        let buy = refusal(FAR_OFF, &bitcoin, &asked(b'B', 1, Some(9_000_000)), &facts).expect("figures");
        let most = bitcoin.price_decimal(Price(
            (1_000_000 + u64::from(bitcoin.collar_ppm)) / bitcoin.tick_size * bitcoin.tick_size,
        ));
        assert_eq!(
            buy,
            format!(
                "the price 900 is too far above the last trade, 100: at most {most} is possible ({percent}%)"
            )
        );
        let sell = refusal(FAR_OFF, &bitcoin, &asked(b'S', 1, Some(100)), &facts).expect("figures");
        assert!(
            sell.contains("too far below the last trade, 100: at least"),
            "{sell}"
        );
        let first = refusal(
            FAR_OFF,
            &bitcoin,
            &asked(b'B', 1, Some(9_000_000)),
            &Facts::default(),
        );
        assert!(first.is_some_and(|text| text.contains("nothing has traded yet")));
        let stop = Asked {
            stop: Some(2_000_000),
            ..asked(b'B', 1, Some(9_000_000))
        };
        let text = refusal(FAR_OFF, &bitcoin, &stop, &facts).expect("figures");
        assert!(text.contains("the stop's price, 200"), "{text}");
    }

    #[test]
    fn values_beyond_a_limit_and_states_are_told() {
        let bitcoin = bitcoin();
        let large = asked(b'B', 1_000_000, Some(600_000_000));
        for (reason, words) in [
            (NOTIONAL, "may be worth at most"),
            (FAT_FINGER, "far more than usual"),
            (HALTED, "BTC-USD is halted"),
            (CLOSED, "BTC-USD is closed"),
        ] {
            let text = refusal(reason, &bitcoin, &large, &Facts::default()).expect("it has words");
            assert!(text.contains(words), "{text}");
        }
        assert_eq!(refusal(0x000C, &bitcoin, &large, &Facts::default()), None);
    }

    #[test]
    fn money_has_two_decimals_at_least() {
        assert_eq!(money(9_600_000_000, 8).to_string(), "96.00");
        assert_eq!(money(10_520_000_000, 8).to_string(), "105.20");
        assert_eq!(money(10_520_123_000, 8).to_string(), "105.20123");
    }
}
