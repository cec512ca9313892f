//! An instrument as the file would say it.

use super::number::{decimal, percentage};
use crate::exchange::command::{InstrumentDefinition, whole};

/// Values as decimal text, without quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// In the quote asset.
    pub tick_size: String,
    /// In the base asset.
    pub lot_size: String,
    /// In the base asset.
    pub price_unit: String,
    /// In the quote asset.
    pub reference_price: String,
    /// In the quote asset.
    pub max_price: String,
    /// Lots.
    pub max_quantity: String,
    /// In the quote asset.
    pub max_notional: String,
    /// In the quote asset; 0 = no such check.
    pub fat_finger: String,
    /// With its percent sign.
    pub collar: String,
    /// With its percent sign.
    pub maker_fee: String,
    /// With its percent sign.
    pub taker_fee: String,
}

impl Description {
    /// Of a definition whose assets have these decimals.
    pub fn new(definition: &InstrumentDefinition, base_decimals: u8, quote_decimals: u8) -> Self {
        let price = |price: u32| decimal(u128::from(price), 4);
        let rate = |parts_per_million: i32| percentage(i64::from(parts_per_million));
        Self {
            tick_size: price(definition.tick_size),
            lot_size: decimal(whole(definition.lot_size), base_decimals),
            price_unit: decimal(whole(definition.price_unit), base_decimals),
            reference_price: price(definition.reference_price),
            max_price: price(definition.price_max),
            max_quantity: definition.quantity_max.to_string(),
            max_notional: decimal(whole(definition.notional_max), quote_decimals),
            fat_finger: decimal(whole(definition.fat_finger), quote_decimals),
            collar: percentage(i64::from(definition.collar_ppm)),
            maker_fee: rate(definition.maker_fee_ppm),
            taker_fee: rate(definition.taker_fee_ppm),
        }
    }

    /// Key and value, in the order of the built-in configuration.
    pub fn entries(&self) -> [(&'static str, &str); 11] {
        [
            ("tick_size", &self.tick_size),
            ("lot_size", &self.lot_size),
            ("price_unit", &self.price_unit),
            ("reference_price", &self.reference_price),
            ("max_price", &self.max_price),
            ("max_quantity", &self.max_quantity),
            ("max_notional", &self.max_notional),
            ("fat_finger", &self.fat_finger),
            ("collar", &self.collar),
            ("maker_fee", &self.maker_fee),
            ("taker_fee", &self.taker_fee),
        ]
    }
}
