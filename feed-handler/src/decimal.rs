//! Prices and quantities for people: the feed's integers scaled by the instrument directory.

use rust_decimal::Decimal;

/// Decimals kept when lots do not divide into units evenly.
const QUANTITY_DECIMALS: u32 = 12;

/// A price in 0.0001 as a decimal with four places.
pub fn price(price: u32) -> Decimal {
    Decimal::new(i64::from(price), 4)
}

/// A number of lots as units the price is quoted for, without trailing zeros. `lots_per_unit` of 0 counts as 1.
pub fn quantity(lots: u64, lots_per_unit: u32) -> Decimal {
    let units = Decimal::from(lots) / Decimal::from(lots_per_unit.max(1));
    units.round_dp(QUANTITY_DECIMALS).normalize()
}

/// A sum of price (0.0001) times lots in the quote asset, without trailing zeros. `lots_per_unit` of 0 counts as 1.
pub fn turnover(turnover: u128, lots_per_unit: u32) -> Decimal {
    let scale = Decimal::from(lots_per_unit.max(1)) * Decimal::from(10_000);
    let sum = i128::try_from(turnover)
        .ok()
        .and_then(|sum| Decimal::try_from_i128_with_scale(sum, 0).ok())
        .unwrap_or(Decimal::MAX);
    (sum / scale).round_dp(QUANTITY_DECIMALS).normalize()
}

/// A time of day as `hh:mm:ss.nnnnnnnnn`; hours pass 24 when a trading day is longer.
pub fn time_of_day(nanoseconds: u64) -> String {
    let seconds = nanoseconds / 1_000_000_000;
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    format!(
        "{hours:02}:{minutes:02}:{:02}.{:09}",
        seconds % 60,
        nanoseconds % 1_000_000_000
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaled_by_the_directory() {
        assert_eq!(price(u32::MAX - 1).to_string(), "429496.7294");
        assert_eq!(price(650_000_000).to_string(), "65000.0000");
        assert_eq!(quantity(12_345, 10_000).to_string(), "1.2345");
        assert_eq!(quantity(20_000, 10_000).to_string(), "2");
        assert_eq!(quantity(1, 3).to_string(), "0.333333333333");
        assert_eq!(quantity(u64::MAX, 0).to_string(), u64::MAX.to_string());
        assert_eq!(turnover(650_000_000 * 12_345, 10_000).to_string(), "80242.5");
        assert!(turnover(u128::MAX, 0) > Decimal::from(u64::MAX));
        assert_eq!(time_of_day(90_061_000_000_007), "25:01:01.000000007");
    }
}
