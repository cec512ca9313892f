//! What a person can say, on the command line and at the prompt alike.

use clap::{Args, Parser, Subcommand};
use rust_decimal::Decimal;

/// One instruction.
#[derive(Debug, Clone, Subcommand)]
pub enum Verb {
    /// Buys an amount of the base asset: `buy BTC-USD 0.01 --market`, `buy BTC-USD 0.01 --limit 59000`.
    Buy(Order),
    /// Sells an amount of the base asset.
    Sell(Order),
    /// Changes price and total quantity of a resting order.
    Replace {
        /// The order's number.
        user_ref: u32,
        /// New quantity, what was executed included.
        quantity: Decimal,
        /// New price.
        price: Decimal,
    },
    /// Cancels a resting order, or all of them.
    Cancel {
        /// The order's number, or `all`.
        user_ref: Which,
    },
    /// Shows how an order is.
    Status {
        /// The order's number.
        user_ref: u32,
    },
    /// Lists the open orders.
    Orders,
    /// Shows what the account owns.
    Balance {
        /// One asset only.
        asset: Option<String>,
    },
    /// Shows last trade, best bid and best ask.
    Ticker {
        /// The instrument.
        symbol: String,
    },
    /// Lists the instruments with their limits.
    Instruments,
}

/// An order of a person.
#[derive(Debug, Clone, Args)]
#[command(group = clap::ArgGroup::new("price").required(true))]
pub struct Order {
    /// The instrument, such as BTC-USD.
    pub symbol: String,
    /// How much of the base asset.
    pub quantity: Decimal,
    /// At the best prices there are, within the collar.
    #[arg(long, group = "price", conflicts_with_all = ["ioc", "fok", "post_only"])]
    pub market: bool,
    /// At this price or better.
    #[arg(long, group = "price")]
    pub limit: Option<Decimal>,
    /// What does not trade at once is canceled.
    #[arg(long, conflicts_with_all = ["fok", "post_only"])]
    pub ioc: bool,
    /// All at once or nothing.
    #[arg(long, conflicts_with = "post_only")]
    pub fok: bool,
    /// Canceled rather than trade at once.
    #[arg(long)]
    pub post_only: bool,
}

/// One order or all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// All open orders of the account.
    All,
    /// This one.
    One(u32),
}

impl std::str::FromStr for Which {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.eq_ignore_ascii_case("all") {
            return Ok(Self::All);
        }
        text.parse()
            .map(Self::One)
            .map_err(|_| "the number of an order, or `all`".to_owned())
    }
}

/// A line at the prompt.
#[derive(Debug, Parser)]
#[command(
    name = "",
    multicall = true,
    disable_help_flag = true,
    about = "Orders, questions, `help`, and `quit` to leave."
)]
pub struct Line {
    /// The instruction.
    #[command(subcommand)]
    pub verb: LineVerb,
}

/// What is said at the prompt.
#[derive(Debug, Subcommand)]
pub enum LineVerb {
    /// An instruction as on the command line.
    #[command(flatten)]
    Verb(Verb),
    /// Leaves; resting orders stay.
    #[command(visible_alias = "exit")]
    Quit,
}

/// Understands a line at the prompt; the error is text to be shown.
pub fn parse_line(line: &str) -> Result<LineVerb, String> {
    Line::try_parse_from(line.split_whitespace())
        .map(|line| line.verb)
        .map_err(|error| error.render().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_understood() {
        let Ok(LineVerb::Verb(Verb::Buy(order))) = parse_line("buy BTC-USD 0.01 --limit 100.5 --ioc") else {
            panic!("not understood")
        };
        assert_eq!(order.quantity, "0.01".parse().expect("a decimal"));
        assert_eq!(order.limit, Some("100.5".parse().expect("a decimal")));
        assert!(order.ioc && !order.market);
        for good in [
            "sell KSHIBUSD 1000 --market",
            "buy BTC-USD 1 --limit 5 --fok",
            "buy BTC-USD 1 --limit 5 --post-only",
            "replace 3 0.5 100",
            "cancel 7",
            "cancel all",
            "status 7",
            "orders",
            "balance",
            "balance USD",
            "ticker BTC-USD",
            "instruments",
            "quit",
            "exit",
        ] {
            assert!(parse_line(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused_with_words() {
        for wrong in [
            "buy BTC-USD 0.01",
            "buy BTC-USD 0.01 --market --limit 5",
            "buy BTC-USD 0.01 --market --ioc",
            "buy BTC-USD 0.01 --limit 5 --ioc --post-only",
            "buy BTC-USD lots --market",
            "cancel nothing",
            "status",
            "steal 5",
        ] {
            let complaint = parse_line(wrong).expect_err(wrong);
            assert!(complaint.len() > 10, "{wrong}: {complaint}");
        }
        let help = parse_line("help").expect_err("help is text");
        assert!(help.contains("buy") && help.contains("quit"), "{help}");
    }
}
