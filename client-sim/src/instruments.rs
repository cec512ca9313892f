//! Instruments as the exchange describes them (question `i`), and the way between decimals and the wire's integers.
//!
//! Decimals live here and nowhere deeper: an order travels as ticks and lots.

use protocol::order_entry::own::InstrumentReply;
use protocol::units::{Price, Symbol};
use rust_decimal::Decimal;

/// A decimal that the instrument can not express.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScaleError {
    /// Not above zero.
    #[error("must be above zero")]
    NotPositive,
    /// Not a whole number of steps.
    #[error("must be a multiple of {0}")]
    NotAMultiple(Decimal),
    /// More than the field or the instrument can carry.
    #[error("too large")]
    TooLarge,
}

/// A description of an instrument that contradicts itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DescriptionError {
    /// A size that must not be zero is zero.
    #[error("instrument {0}: tick size, lot size and price unit must be above zero")]
    Zero(Symbol),
    /// More decimals than can be counted with, or numbers whose product overflows.
    #[error("instrument {0}: sizes and decimals are out of range")]
    Range(Symbol),
    /// A fill would need rounding.
    #[error("instrument {0}: tick size x lot size / price unit is not a whole number of quote units")]
    NotExact(Symbol),
}

/// One instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instrument {
    /// Its name.
    pub symbol: Symbol,
    /// ITCH stock locate.
    pub locate: u16,
    /// What is bought and sold.
    pub base: Symbol,
    /// Decimals of the base asset's smallest unit.
    pub base_decimals: u8,
    /// What it is paid with.
    pub quote: Symbol,
    /// Decimals of the quote asset's smallest unit.
    pub quote_decimals: u8,
    /// Price step in 0.0001 of the quote asset.
    pub tick_size: u64,
    /// Smallest base units in one lot.
    pub lot_size: u128,
    /// Smallest base units the price is quoted for.
    pub price_unit: u128,
    /// Most lots in one order.
    pub max_quantity: u32,
    /// Most quote units one order may be worth.
    pub max_notional: u128,
    /// Parts per million around the reference price.
    pub collar_ppm: u32,
    /// Parts per million of a fill's value; negative is a rebate.
    pub maker_fee_ppm: i32,
    /// Parts per million of a fill's value.
    pub taker_fee_ppm: i32,
    /// As the question answers it: `T` trading, and so on.
    pub state: u8,
    /// Quote units of one lot at a price of 0.0001, as a reduced fraction.
    value: (u128, u128),
}

/// Decimals that u128 powers of ten and `Decimal` both carry.
const DECIMALS_MAX: u8 = 28;

fn greatest_common_divisor(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl Instrument {
    /// Takes an answer to question `i`.
    pub fn from_reply(reply: &InstrumentReply) -> Result<Self, DescriptionError> {
        let symbol = Symbol(reply.symbol);
        let (tick_size, lot_size, price_unit) = (
            reply.tick_size.get(),
            reply.lot_size.get(),
            reply.price_unit.get(),
        );
        if tick_size == 0 || lot_size == 0 || price_unit == 0 {
            return Err(DescriptionError::Zero(symbol));
        }
        if reply.base_decimals > DECIMALS_MAX || reply.quote_decimals > DECIMALS_MAX {
            return Err(DescriptionError::Range(symbol));
        }
        let range = || DescriptionError::Range(symbol);
        let numerator = lot_size
            .checked_mul(10_u128.pow(u32::from(reply.quote_decimals)))
            .ok_or_else(range)?;
        let denominator = price_unit.checked_mul(10_000).ok_or_else(range)?;
        let common = greatest_common_divisor(numerator, denominator);
        let value = (numerator / common, denominator / common);
        if !u128::from(tick_size).is_multiple_of(value.1) {
            return Err(DescriptionError::NotExact(symbol));
        }
        Ok(Self {
            symbol,
            locate: reply.stock_locate.get(),
            base: Symbol(reply.base_asset),
            base_decimals: reply.base_decimals,
            quote: Symbol(reply.quote_asset),
            quote_decimals: reply.quote_decimals,
            tick_size,
            lot_size,
            price_unit,
            max_quantity: reply.max_quantity.get(),
            max_notional: reply.max_notional.get(),
            collar_ppm: reply.collar.get(),
            maker_fee_ppm: reply.maker_fee.get(),
            taker_fee_ppm: reply.taker_fee.get(),
            state: reply.state,
            value,
        })
    }

    /// What `lots` at `price` are worth, in quote units. `None` when it is not a whole number (the price is no multiple
    /// of the tick size) or overflows: an exchange that says so is wrong.
    pub fn value(&self, price: u64, lots: u32) -> Option<u128> {
        let product = (u128::from(price) * u128::from(lots)).checked_mul(self.value.0)?;
        product
            .is_multiple_of(self.value.1)
            .then(|| product / self.value.1)
    }

    /// `lots` in the base asset's smallest units; `None` on overflow.
    pub fn base_units(&self, lots: u32) -> Option<u128> {
        self.lot_size.checked_mul(u128::from(lots))
    }

    /// The price as the wire carries it.
    pub fn price(&self, decimal: Decimal) -> Result<Price, ScaleError> {
        let price = whole_units(decimal, 4)?
            .ok_or_else(|| ScaleError::NotAMultiple(self.price_decimal(Price(self.tick_size))))?;
        let price = u64::try_from(price).map_err(|_| ScaleError::TooLarge)?;
        if !price.is_multiple_of(self.tick_size) {
            return Err(ScaleError::NotAMultiple(
                self.price_decimal(Price(self.tick_size)),
            ));
        }
        if price > Price::MAX.0 {
            return Err(ScaleError::TooLarge);
        }
        Ok(Price(price))
    }

    /// An amount of the base asset in lots.
    pub fn lots(&self, decimal: Decimal) -> Result<u32, ScaleError> {
        let step = || ScaleError::NotAMultiple(self.quantity_decimal(1));
        let units = whole_units(decimal, u32::from(self.base_decimals))?.ok_or_else(step)?;
        if !units.is_multiple_of(self.lot_size) {
            return Err(step());
        }
        let lots = u32::try_from(units / self.lot_size).map_err(|_| ScaleError::TooLarge)?;
        if lots > self.max_quantity {
            return Err(ScaleError::TooLarge);
        }
        Ok(lots)
    }

    /// An amount of the quote asset in its smallest units.
    pub fn quote_units(&self, decimal: Decimal) -> Result<u64, ScaleError> {
        let units = whole_units(decimal, u32::from(self.quote_decimals))?
            .ok_or_else(|| ScaleError::NotAMultiple(self.quote_decimal(1)))?;
        u64::try_from(units).map_err(|_| ScaleError::TooLarge)
    }

    /// A price for people.
    pub fn price_decimal(&self, price: Price) -> Decimal {
        amount(u128::from(price.0), 4)
    }

    /// Lots as an amount of the base asset.
    pub fn quantity_decimal(&self, lots: u64) -> Decimal {
        amount(self.lot_size.saturating_mul(u128::from(lots)), self.base_decimals)
    }

    /// Quote units for people.
    pub fn quote_decimal(&self, units: u128) -> Decimal {
        amount(units, self.quote_decimals)
    }
}

/// `decimal` x 10^`decimals` as an integer: `Ok(None)` when that is not whole.
fn whole_units(decimal: Decimal, decimals: u32) -> Result<Option<u128>, ScaleError> {
    if decimal <= Decimal::ZERO {
        return Err(ScaleError::NotPositive);
    }
    let decimal = decimal.normalize();
    if decimal.scale() > decimals {
        return Ok(None);
    }
    let mantissa = decimal.mantissa().unsigned_abs();
    let factor = 10_u128
        .checked_pow(decimals - decimal.scale())
        .ok_or(ScaleError::TooLarge)?;
    mantissa.checked_mul(factor).map(Some).ok_or(ScaleError::TooLarge)
}

/// Smallest units of an asset as a decimal. What a `Decimal` can not hold (above 7.9e28 units) loses its last digits:
/// it is printed, never counted with.
pub fn amount(units: u128, decimals: u8) -> Decimal {
    let (mut units, mut scale) = (units, u32::from(decimals));
    let max = Decimal::MAX.mantissa().unsigned_abs();
    while scale > u32::from(DECIMALS_MAX) || (units > max && scale > 0) {
        units /= 10;
        scale -= 1;
    }
    let units = i128::try_from(units.min(max)).unwrap_or(i128::MAX);
    Decimal::try_from_i128_with_scale(units, scale).map_or(Decimal::MAX, |decimal| decimal.normalize())
}

/// All instruments of an exchange, in the order of their locates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Instruments {
    list: Vec<Instrument>,
}

impl Instruments {
    /// Adds one, or replaces the one of the same locate.
    pub fn learn(&mut self, instrument: Instrument) {
        match self
            .list
            .binary_search_by_key(&instrument.locate, |known| known.locate)
        {
            Ok(index) => self.list[index] = instrument,
            Err(index) => self.list.insert(index, instrument),
        }
    }

    /// In the order of their locates.
    pub fn iter(&self) -> impl Iterator<Item = &Instrument> {
        self.list.iter()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// True before the first.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The instrument at `index` in the order of the locates.
    pub fn get(&self, index: usize) -> Option<&Instrument> {
        self.list.get(index)
    }

    /// By name.
    pub fn find(&self, symbol: Symbol) -> Option<&Instrument> {
        self.list.iter().find(|instrument| instrument.symbol == symbol)
    }

    /// Decimals of an asset's smallest unit; `None` when no instrument names it.
    pub fn decimals(&self, asset: Symbol) -> Option<u8> {
        self.list.iter().find_map(|instrument| {
            if instrument.base == asset {
                Some(instrument.base_decimals)
            } else if instrument.quote == asset {
                Some(instrument.quote_decimals)
            } else {
                None
            }
        })
    }
}

impl FromIterator<Instrument> for Instruments {
    fn from_iter<T: IntoIterator<Item = Instrument>>(instruments: T) -> Self {
        let mut all = Self::default();
        for instrument in instruments {
            all.learn(instrument);
        }
        all
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use protocol::units::text_field;
    use zerocopy::FromZeros;

    /// An answer to question `i` for `symbol` (base and quote are its two halves), 8 decimals each.
    pub(crate) fn reply(symbol: &str, locate: u16) -> InstrumentReply {
        let (base, quote) = symbol.split_once('-').expect("a dash in the middle");
        let mut reply = InstrumentReply::new_zeroed();
        reply.message_type = b'i';
        reply.symbol = text_field(symbol).expect("short");
        reply.stock_locate = locate.into();
        reply.base_asset = text_field(base).expect("short");
        reply.base_decimals = 8;
        reply.quote_asset = text_field(quote).expect("short");
        reply.quote_decimals = 8;
        reply.tick_size = 100.into();
        reply.lot_size = 10_000.into();
        reply.price_unit = 100_000_000.into();
        reply.max_quantity = 1_000_000.into();
        reply.max_notional = (10_u128.pow(18)).into();
        reply.collar = 100_000.into();
        reply.maker_fee = 500.into();
        reply.taker_fee = 1_000.into();
        reply.state = b'T';
        reply
    }

    /// BTC-USD with a tick of 0.01 and lots of 0.0001.
    pub(crate) fn bitcoin() -> Instrument {
        Instrument::from_reply(&reply("BTC-USD", 1)).expect("consistent")
    }

    fn decimal(text: &str) -> Decimal {
        text.parse().expect("a decimal")
    }

    #[test]
    fn decimals_become_ticks_and_lots() {
        let bitcoin = bitcoin();
        assert_eq!(bitcoin.price(decimal("100.5")), Ok(Price(1_005_000)));
        assert_eq!(bitcoin.price(decimal("100.50000000")), Ok(Price(1_005_000)));
        assert_eq!(
            bitcoin.price(decimal("100.001")),
            Err(ScaleError::NotAMultiple(decimal("0.01")))
        );
        assert_eq!(
            bitcoin.price(decimal("100.00001")),
            Err(ScaleError::NotAMultiple(decimal("0.01")))
        );
        assert_eq!(bitcoin.price(decimal("0")), Err(ScaleError::NotPositive));
        assert_eq!(bitcoin.price(decimal("-1")), Err(ScaleError::NotPositive));
        assert_eq!(bitcoin.price(decimal("429496.73")), Err(ScaleError::TooLarge));
        assert_eq!(bitcoin.lots(decimal("0.01")), Ok(100));
        assert_eq!(
            bitcoin.lots(decimal("0.00011")),
            Err(ScaleError::NotAMultiple(decimal("0.0001")))
        );
        assert_eq!(bitcoin.lots(decimal("101")), Err(ScaleError::TooLarge));
        assert_eq!(
            bitcoin.lots(decimal("79228162514264337593543950335")),
            Err(ScaleError::TooLarge)
        );
    }

    #[test]
    fn values_are_exact_or_nothing() {
        let bitcoin = bitcoin();
        // 0.0003 BTC at 100.01 is 0.030003 USD.
        assert_eq!(bitcoin.value(1_000_100, 3), Some(3_000_300));
        assert_eq!(bitcoin.quote_decimal(3_000_300), decimal("0.030003"));
        assert_eq!(bitcoin.quantity_decimal(3), decimal("0.0003"));
        let mut coarse = reply("X-USD", 2);
        coarse.quote_decimals = 2;
        assert_eq!(
            Instrument::from_reply(&coarse),
            Err(DescriptionError::NotExact(Symbol(coarse.symbol)))
        );
        // 1000 coins a price unit, lots of 1000 coins, two decimals of quote: a tick of a lot is one cent.
        coarse.price_unit = (1_000 * 100_000_000).into();
        coarse.lot_size = (1_000 * 100_000_000).into();
        let coin = Instrument::from_reply(&coarse).expect("exact");
        assert_eq!(coin.value(100, 7), Some(7));
        assert_eq!(coin.value(150, 1), None);
    }

    #[test]
    fn nonsense_descriptions_are_refused() {
        for damage in [
            |reply: &mut InstrumentReply| reply.tick_size = 0.into(),
            |reply: &mut InstrumentReply| reply.lot_size = 0.into(),
            |reply: &mut InstrumentReply| reply.price_unit = 0.into(),
            |reply: &mut InstrumentReply| reply.quote_decimals = 200,
            |reply: &mut InstrumentReply| reply.lot_size = u128::MAX.into(),
        ] {
            let mut reply = reply("BTC-USD", 1);
            damage(&mut reply);
            assert!(Instrument::from_reply(&reply).is_err());
        }
    }

    #[test]
    fn amounts_print_however_large() {
        assert_eq!(amount(150_000_000, 8), decimal("1.5"));
        assert_eq!(amount(7, 0), decimal("7"));
        assert!(amount(u128::MAX, 18) > Decimal::ZERO);
    }
}
