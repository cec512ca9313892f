//! What a person can say, on the command line and at the prompt alike.

use clap::error::ErrorKind;
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
        #[arg(value_parser = decimal, allow_negative_numbers = true)]
        quantity: Decimal,
        /// New price.
        #[arg(value_parser = decimal, allow_negative_numbers = true)]
        price: Decimal,
        /// How much of it others see from now on.
        #[command(flatten)]
        seen: Seen,
        /// New price that wakes a waiting stop order; left out: the one that it has.
        #[arg(long, value_name = "PRICE", value_parser = decimal)]
        stop: Option<Decimal>,
        /// Stays when the day ends; without this it ends with the day.
        #[arg(long)]
        gtc: bool,
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
#[command(group = clap::ArgGroup::new("price"))]
pub struct Order {
    /// The instrument, such as BTC-USD.
    pub symbol: String,
    /// How much of the base asset.
    #[arg(required_unless_present = "funds", value_parser = decimal, allow_negative_numbers = true)]
    pub quantity: Option<Decimal>,
    /// At the best prices there are, within the collar.
    #[arg(long, group = "price", conflicts_with_all = ["ioc", "fok", "post_only", "hidden", "display_max"])]
    pub market: bool,
    /// At this price or better.
    #[arg(long, group = "price", value_name = "PRICE", value_parser = decimal, allow_negative_numbers = true)]
    pub limit: Option<Decimal>,
    /// What does not trade at once is canceled.
    #[arg(long, conflicts_with_all = ["fok", "post_only", "hidden", "display_max", "gtc"])]
    pub ioc: bool,
    /// All at once or nothing.
    #[arg(long, conflicts_with_all = ["post_only", "hidden", "display_max", "gtc"])]
    pub fok: bool,
    /// Canceled rather than trade at once.
    #[arg(long)]
    pub post_only: bool,
    /// Stays when the day ends; without this it ends with the day.
    #[arg(long)]
    pub gtc: bool,
    /// How much of it others see.
    #[command(flatten)]
    pub seen: Seen,
    /// Waits unseen until a trade is at this price or beyond: above for a buy, below for a sell.
    #[arg(long, value_name = "PRICE", value_parser = decimal, conflicts_with_all = ["fok", "post_only", "at", "funds"])]
    pub stop: Option<Decimal>,
    /// For this auction only: it waits for it and takes no part in anything else.
    #[arg(long, value_name = "AUCTION", conflicts_with_all = ["ioc", "fok", "post_only", "funds"])]
    pub at: Option<Auction>,
    /// A market buy for at most so much of the quote asset, fees included. Without a quantity: for as much as that buys.
    #[arg(long, value_name = "AMOUNT", value_parser = decimal, conflicts_with = "limit")]
    pub funds: Option<Decimal>,
}

/// How much of an order others see.
#[derive(Debug, Clone, Copy, Args)]
pub struct Seen {
    /// Nobody sees it; it trades behind the displayed orders of its price.
    #[arg(long, conflicts_with = "display_max")]
    pub hidden: bool,
    /// Others see at most so much of the base asset at once; the rest is reserve.
    #[arg(long, value_name = "QUANTITY", value_parser = decimal)]
    pub display_max: Option<Decimal>,
}

/// What a replacement says anew.
#[derive(Debug, Clone, Copy)]
pub struct ReplaceTerms {
    /// How much of it others see.
    pub seen: Seen,
    /// New price that wakes a waiting stop order.
    pub stop: Option<Decimal>,
    /// Stays when the day ends.
    pub gtc: bool,
}

/// Which auction an order is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Auction {
    /// The opening cross.
    Open,
    /// The closing cross.
    Close,
    /// The cross after a halt or a pause.
    Halt,
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

/// A decimal number as people write it: with a point, or digits in groups of three.
fn decimal(text: &str) -> Result<Decimal, String> {
    let without_groups = match text.split_once('.').map_or(text, |(whole, _)| whole) {
        whole if is_grouped(whole) => text.replace(',', ""),
        _ => text.to_owned(),
    };
    without_groups
        .parse()
        .map_err(|_| match text.replace(',', ".").parse::<Decimal>() {
            Ok(number) => format!("write it with a point: {number}"),
            Err(_) => "it is not a number; write it like 0.01 or 60000.50".to_owned(),
        })
}

/// `60,000` and `1,000,000`, but not `1,5`.
fn is_grouped(whole: &str) -> bool {
    let mut groups = whole.split(',');
    let is_number = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    let is_first = groups
        .next()
        .is_some_and(|group| (1..=3).contains(&group.len()) && is_number(group));
    let mut groups = groups.peekable();
    is_first && groups.peek().is_some() && groups.all(|group| group.len() == 3 && is_number(group))
}

/// Understands a line at the prompt; the error is text to be shown.
pub fn parse_line(line: &str) -> Result<LineVerb, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let is_order = words.first().is_some_and(|verb| matches!(*verb, "buy" | "sell"));
    let spoken = if is_order { as_options(&words) } else { words };
    Line::try_parse_from(spoken)
        .map(|line| line.verb)
        .map_err(|error| {
            let mut text = error.render().to_string();
            if is_order && error.kind() == ErrorKind::UnknownArgument {
                text +=
                    "\nan order is written like `buy BTC-USD 0.01 at 60000`, or `sell BTC-USD 0.01 market`\n";
            }
            text
        })
}

/// An order as it is spoken, `buy BTC-USD 0.01 at 60000` or `sell BTC-USD 0.01 market`, with its options as they are written.
fn as_options<'a>(words: &[&'a str]) -> Vec<&'a str> {
    words
        .iter()
        .map(|word| match *word {
            "at" => "--limit",
            "market" => "--market",
            word => word,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_understood() {
        let Ok(LineVerb::Verb(Verb::Buy(order))) = parse_line("buy BTC-USD 0.01 --limit 100.5 --ioc") else {
            panic!("not understood")
        };
        assert_eq!(order.quantity, Some("0.01".parse().expect("a decimal")));
        assert_eq!(order.limit, Some("100.5".parse().expect("a decimal")));
        assert!(order.ioc && !order.market);
        let Ok(LineVerb::Verb(Verb::Buy(order))) = parse_line("buy BTC-USD -1 --limit 60,000.50") else {
            panic!("not understood")
        };
        assert_eq!(
            order.quantity.map(|quantity| quantity.is_sign_negative()),
            Some(true)
        );
        assert_eq!(
            order.limit.map(|limit| limit.to_string()).as_deref(),
            Some("60000.50")
        );
        for good in [
            "sell KSHIBUSD 1000 --market",
            "buy BTC-USD 1 --limit 5 --fok",
            "buy BTC-USD 1 --limit 5 --post-only",
            "buy BTC-USD 1 --limit 5 --hidden --gtc",
            "buy BTC-USD 1 --limit 5 --display-max 0.1",
            "sell BTC-USD 1 --market --stop 4",
            "sell BTC-USD 1 --limit 3.9 --stop 4 --hidden",
            "sell BTC-USD 1 --limit 4 --at open",
            "buy BTC-USD 1 --market --at close",
            "buy BTC-USD --market --funds 100",
            "buy BTC-USD 1 --market --funds 100",
            "buy BTC-USD 1 at 60,000.50",
            "sell BTC-USD 1 at 3.9 --stop 4",
            "sell BTC-USD 1 market",
            "buy BTC-USD market --funds 100",
            "replace 3 0.5 100",
            "replace 3 0.5 100 --display-max 0.1",
            "replace 3 0.5 100 --hidden --stop 101 --gtc",
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
            "buy BTC-USD 0.01 --market --limit 5",
            "buy BTC-USD 0.01 --market --ioc",
            "buy BTC-USD 0.01 --limit 5 --ioc --post-only",
            "buy BTC-USD lots --market",
            "buy BTC-USD --market",
            "buy BTC-USD --limit 5 --funds 100",
            "buy BTC-USD 1 --limit 5 --hidden --display-max 0.1",
            "buy BTC-USD 1 --market --hidden",
            "buy BTC-USD 1 --limit 5 --ioc --display-max 0.1",
            "buy BTC-USD 1 --limit 5 --stop 4 --post-only",
            "buy BTC-USD 1 --limit 5 --at noon",
            "buy BTC-USD 1 --limit 5 --at open --ioc",
            "buy BTC-USD 1 --market --stop 5 --funds 100",
            "cancel nothing",
            "status",
            "steal 5",
        ] {
            let complaint = parse_line(wrong).expect_err(wrong);
            assert!(complaint.len() > 10, "{wrong}: {complaint}");
        }
        for (wrong, words) in [
            ("buy BTC-USD 1,5 --market", "with a point: 1.5"),
            ("buy BTC-USD much --market", "like 0.01"),
            (
                "buy BTC-USD 0.01 60000",
                "written like `buy BTC-USD 0.01 at 60000`",
            ),
            ("buy BTC-USD 1 --limit 60,00.5", "like 0.01"),
        ] {
            let complaint = parse_line(wrong).expect_err(wrong);
            assert!(complaint.contains(words), "{wrong}: {complaint}");
        }
        let help = parse_line("help").expect_err("help is text");
        assert!(help.contains("buy") && help.contains("quit"), "{help}");
    }
}
