//! Reasons of the exchange in words: what was refused or canceled, and what to do about it.

/// What a reject reason means, and what helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The reason.
    pub code: u16,
    /// What it means.
    pub meaning: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

/// Every reason this exchange gives.
const REFUSALS: [Refusal; 27] = [
    refusal(
        0x0002,
        "the instrument is closed",
        "wait until it opens; `instruments` shows its state",
    ),
    refusal(
        0x0003,
        "this way of display is not possible for this order",
        "enter the order displayed",
    ),
    refusal(
        0x0004,
        "the displayed part of a reserve order is not possible",
        "leave --display-max out, or make it larger; at most the order, at least a 256th of it, and not with --hidden, \
         --ioc or --market",
    ),
    refusal(
        0x0006,
        "the order is worth far more than usual",
        "check price and quantity; split the order if you mean it",
    ),
    refusal(0x0007, "the instrument is halted", "wait until trading resumes"),
    refusal(0x0009, "the side must be buy or sell", "use `buy` or `sell`"),
    refusal(
        0x000A,
        "the exchange is at its capacity or its disk is nearly full",
        "cancel orders, or try again later",
    ),
    refusal(
        0x000C,
        "order entry is disabled for the account",
        "enable order entry, or ask the operator",
    ),
    refusal(
        0x000D,
        "a minimum quantity needs immediate-or-cancel and at most the order's quantity",
        "use --ioc or --fok; a stop order has none",
    ),
    refusal(
        0x000F,
        "an option, the time in force, or the number of open orders is not allowed",
        "leave special options out (--stop with --post-only, --funds without --market); cancel some open orders",
    ),
    refusal(0x0011, "pegged orders are not offered", "use a limit price"),
    refusal(
        0x0013,
        "the quantity is zero or more than the instrument allows",
        "`instruments` shows the limits",
    ),
    refusal(
        0x0014,
        "orders collect for an auction now, or this one can not wait for its auction",
        "leave --ioc, --fok, --post-only and --funds out, or wait until trading begins",
    ),
    refusal(
        0x0015,
        "the order to replace is not live any more",
        "enter a new order",
    ),
    refusal(0x0016, "orders are not routed elsewhere", "leave the route out"),
    refusal(
        0x0017,
        "there is no such symbol",
        "`instruments` lists the symbols",
    ),
    refusal(
        0x001D,
        "the price, or that of the stop, is not a multiple of the tick size or out of range",
        "`instruments` shows the tick size",
    ),
    refusal(
        0x001F,
        "the order's value is above the instrument's limit",
        "split the order",
    ),
    refusal(
        0x0020,
        "not enough money or holdings available",
        "`balance` shows what is available; cancel orders that hold it, or trade less",
    ),
    refusal(
        0x0026,
        "the price is too far from the last trade, or from the stop's own price",
        "use a price nearer to the market; `ticker` shows it",
    ),
    refusal(0x0029, "too many messages a second", "send more slowly"),
    refusal(0x002A, "too many equal messages", "send more slowly"),
    refusal(0x002B, "short sales are not offered", "sell what you own"),
    refusal(0x002C, "market orders are not allowed", "use a limit price"),
    refusal(0x002F, "short sales are not offered", "sell what you own"),
    refusal(
        0x0030,
        "the order's value is above the account's limit",
        "split the order",
    ),
    refusal(
        0x0031,
        "the quantity is above the account's limit",
        "split the order",
    ),
];

const fn refusal(code: u16, meaning: &'static str, remedy: &'static str) -> Refusal {
    Refusal {
        code,
        meaning,
        remedy,
    }
}

/// What a reject reason means; `None` for one this exchange does not give.
pub fn refusal_of(code: u16) -> Option<&'static Refusal> {
    REFUSALS.iter().find(|refusal| refusal.code == code)
}

/// A reject reason in one line.
pub fn describe(code: u16) -> String {
    match refusal_of(code) {
        Some(refusal) => format!("{} (0x{code:04X}): {}", refusal.meaning, refusal.remedy),
        None => format!("reason 0x{code:04X}"),
    }
}

/// What a cancel reason means.
pub fn canceled(code: u8) -> &'static str {
    match code {
        b'U' => "as asked for",
        b'I' => "nothing more to trade with at this price: an immediate or market order does not wait",
        b'K' => "the next price is too far from the last trade",
        b'G' => "post-only, and it would have traded at once",
        b'E' => "the trading day ended",
        b'T' => "its time ran out",
        b'Z' => "by the exchange: the connection ended, or the buyer's money did",
        b'S' => "by the operator or the account's kill switch",
        b'H' => "its auction has passed",
        b'Q' => "it would have traded with an order of the same account",
        _ => "for a reason not known here",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::order_entry::values::{cancel_reason, reject_reason};

    #[test]
    fn reasons_are_those_of_the_protocol_once_each() {
        for refusal in &REFUSALS {
            assert!(
                reject_reason::ALL
                    .iter()
                    .any(|(code, _)| *code == u64::from(refusal.code)),
                "0x{:04X}",
                refusal.code
            );
            assert!(describe(refusal.code).contains(refusal.remedy));
        }
        assert!(REFUSALS.windows(2).all(|pair| pair[0].code < pair[1].code));
        assert_eq!(describe(0x00FF), "reason 0x00FF");
    }

    #[test]
    fn cancel_reasons_of_the_exchange_have_words() {
        for code in *b"UIKGETZSHQ" {
            assert_ne!(canceled(code), canceled(b'?'));
            assert!(
                cancel_reason::ALL
                    .iter()
                    .any(|(known, _)| *known == u64::from(code))
            );
        }
    }
}
