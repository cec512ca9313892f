//! `exchange instruments`: the instrument file. Ticks, lots and decimals as decimal text, so that no reader rounds them.

use engine::config::{Config, Description, Instrument};
use serde::Serialize;

use super::{ConfigArgument, Failure, print};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArgument,
    /// As JSON, for programs.
    #[arg(long)]
    json: bool,
}

/// An instrument as programs read it.
#[derive(Debug, Serialize)]
struct Row {
    symbol: String,
    locate: usize,
    base: String,
    base_decimals: u8,
    quote: String,
    quote_decimals: u8,
    /// Decimal text, in the quote asset.
    tick_size: String,
    /// Decimal text, in the base asset.
    lot_size: String,
    /// Decimal text, in the base asset.
    price_unit: String,
    max_price: String,
    reference_price: String,
    /// Lots.
    max_quantity: u32,
    /// Decimal text, in the quote asset.
    max_notional: String,
    /// Decimal text, in the quote asset; absent: no such check.
    #[serde(skip_serializing_if = "Option::is_none")]
    fat_finger: Option<String>,
    collar_ppm: u32,
    maker_fee_ppm: i32,
    taker_fee_ppm: i32,
    /// Absent: no protection.
    #[serde(skip_serializing_if = "is_zero")]
    volatility_ppm: u32,
    #[serde(skip_serializing_if = "is_zero")]
    pause_seconds: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn row(config: &Config, index: usize, instrument: &Instrument) -> Row {
    let decimals = |name| config.asset(name).map_or(0, |asset| asset.decimals);
    let text = Description::new(
        &instrument.definition(0, 0),
        decimals(instrument.base),
        decimals(instrument.quote),
    );
    Row {
        symbol: instrument.symbol.to_string(),
        locate: index + 1,
        base: instrument.base.to_string(),
        base_decimals: decimals(instrument.base),
        quote: instrument.quote.to_string(),
        quote_decimals: decimals(instrument.quote),
        tick_size: text.tick_size,
        lot_size: text.lot_size,
        price_unit: text.price_unit,
        max_price: text.max_price,
        reference_price: text.reference_price,
        max_quantity: instrument.quantity_max,
        max_notional: text.max_notional,
        fat_finger: (instrument.fat_finger > 0).then_some(text.fat_finger),
        collar_ppm: instrument.collar_ppm,
        maker_fee_ppm: instrument.maker_fee_ppm,
        taker_fee_ppm: instrument.taker_fee_ppm,
        volatility_ppm: instrument.volatility_ppm,
        pause_seconds: instrument.pause_seconds,
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let config = arguments.config.read()?.0;
    let rows: Vec<_> = config
        .instruments
        .iter()
        .enumerate()
        .map(|(index, instrument)| row(&config, index, instrument))
        .collect();
    let text = if arguments.json {
        let json = serde_json::to_string_pretty(&rows).map_err(|error| Failure::Ended(error.to_string()))?;
        json + "\n"
    } else {
        table(&rows)
    };
    print(&text)
}

fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "{:<8} {:>6} {:>8} {:>10} {:>10} {:>12} {:>10} {:>10}\n",
        "symbol", "locate", "tick", "lot", "price per", "reference", "maker ppm", "taker ppm"
    );
    for row in rows {
        text += &format!(
            "{:<8} {:>6} {:>8} {:>10} {:>10} {:>12} {:>10} {:>10}\n",
            row.symbol,
            row.locate,
            row.tick_size,
            row.lot_size,
            row.price_unit,
            row.reference_price,
            row.maker_fee_ppm,
            row.taker_fee_ppm
        );
    }
    text
}
