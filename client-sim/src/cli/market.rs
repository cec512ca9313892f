//! `client-sim market`: simulates the customers' market on an exchange of its own, and says how much it looks like one.

use std::io::{self, Write};
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::arguments;
use crate::fleet::Mix;
use crate::pacer::Arrivals;
use crate::simulated::{MarketPlan, simulate};

/// Simulates a market in a thread, without network, and prints its statistics.
#[derive(Debug, Args)]
pub struct MarketArguments {
    /// How long, in the time of the market; it is simulated faster.
    #[arg(long = "for", default_value = "10m", value_parser = arguments::duration)]
    pub duration: Duration,
    /// The time before that, of which nothing is counted.
    #[arg(long, default_value = "20s", value_parser = arguments::duration)]
    pub warm_up: Duration,
    /// Orders a second of all customers together.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub rate: u64,
    /// How orders are spread over the time.
    #[arg(long, value_enum, default_value_t = Arrivals::Bursts)]
    pub arrivals: Arrivals,
    /// Who sends how much.
    #[arg(long, default_value = "maker=12,trader=6,investor=1", value_parser = arguments::mix)]
    pub mix: Mix,
    /// The market follows from it.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Between two looks at the books, which returns are made of.
    #[arg(long, default_value = "500ms", value_parser = arguments::duration)]
    pub step: Duration,
    /// One JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

/// Simulates.
pub fn run(arguments: &MarketArguments) -> Result<bool, String> {
    let market = simulate(&MarketPlan {
        seed: arguments.seed,
        rate: arguments.rate,
        arrivals: arguments.arrivals,
        mix: arguments.mix,
        duration: arguments.duration,
        warm_up: arguments.warm_up,
        step: arguments.step,
    })?;
    let report = market.statistics.report(&market.instruments);
    let [makers, traders, investors] = market.sent;
    let mut out = io::stdout().lock();
    if arguments.json {
        let mut json = report.json();
        json["sent"] = json!({ "makers": makers, "traders": traders, "investors": investors });
        json["refused"] = json!(market.refused);
        json["fingerprint"] = json!(format!("{:016x}", market.fingerprint));
        writeln!(out, "{json}")
    } else {
        writeln!(
            out,
            "orders, replacements and cancels of market makers {makers}, traders {traders}, investors {investors}; refused {}\n{report}",
            market.refused
        )
    }
    .map_err(|error| format!("cannot write: {error}"))?;
    Ok(true)
}
