//! Money arithmetic: values, fees and holds of an order. Integers only; products in u128; every rounding is named.

/// Parts per million in one.
pub const PPM: u32 = 1_000_000;

/// Value of `quantity` lots at `tick`, in smallest quote units. `tick_value`: value of one lot at one tick.
#[inline(always)]
pub fn notional(tick: u32, quantity: u32, tick_value: u64) -> u128 {
    u128::from(u64::from(tick) * u64::from(quantity)) * u128::from(tick_value)
}

/// What an order has been over-charged by rounding, in millionths of a quote unit: `charged x 1,000,000 - exact`,
/// always below 1,000,000.
pub type FeeRemainder = u32;

/// `value x rate` in millionths, where it fits 64 bits: nearly always (at 200 ppm up to 9 x 10^16 units, 900 million
/// dollars at eight decimals).
/// PERF: division of a u64 by a constant is a multiplication, that of a u128 a call.
fn millionths(value: u128, rate_ppm: u32) -> Option<u64> {
    u64::try_from(value).ok()?.checked_mul(u64::from(rate_ppm))
}

/// The fee of one fill: what is missing from the order's charged fees to the ceiling of its cumulative fee.
/// Negative for a rebate. Returns the fee in smallest quote units and the order's new remainder.
#[inline(always)]
pub fn fee(notional: u128, rate_ppm: i32, remainder: FeeRemainder) -> (i128, FeeRemainder) {
    let Some(magnitude) = millionths(notional, rate_ppm.unsigned_abs()) else {
        return fee_wide(notional, rate_ppm, remainder);
    };
    let (one, remainder) = (u64::from(PPM), u64::from(remainder));
    if rate_ppm > 0 {
        if magnitude <= remainder {
            return (0, (remainder - magnitude) as u32);
        }
        let missing = magnitude - remainder;
        let fee = missing.div_ceil(one);
        (i128::from(fee), (fee * one - missing) as u32)
    } else {
        // ceil of a negative number rounds towards zero.
        let Some(surplus) = magnitude.checked_add(remainder) else {
            return fee_wide(notional, rate_ppm, remainder as u32);
        };
        (-i128::from(surplus / one), (surplus % one) as u32)
    }
}

/// The same for values of any size.
#[cold]
fn fee_wide(notional: u128, rate_ppm: i32, remainder: FeeRemainder) -> (i128, FeeRemainder) {
    let one = u128::from(PPM);
    let magnitude = notional * u128::from(rate_ppm.unsigned_abs());
    let remainder = u128::from(remainder);
    if rate_ppm > 0 {
        let missing = magnitude.saturating_sub(remainder);
        let fee = missing.div_ceil(one);
        (fee as i128, (fee * one + remainder - magnitude) as u32)
    } else {
        let surplus = magnitude + remainder;
        (-((surplus / one) as i128), (surplus % one) as u32)
    }
}

/// The fees that were charged for fills of `value` in all, while the remainder went from `before` to `now`: what [`fee`]
/// gave for each of them, added up.
pub fn charged(value: u128, rate_ppm: i32, before: FeeRemainder, now: FeeRemainder) -> i128 {
    let difference = i64::from(now) - i64::from(before);
    let narrow = i64::try_from(value).ok().and_then(|value| {
        let exact = value.checked_mul(i64::from(rate_ppm))?;
        exact.checked_add(difference)
    });
    match narrow {
        Some(charged) => i128::from(charged / i64::from(PPM)),
        None => (value as i128 * i128::from(rate_ppm) + i128::from(difference)) / i128::from(PPM),
    }
}

/// What a buyer holds for an order's open quantity: its value at the limit, and the fee it can still cost at the
/// highest rate, less what rounding has charged in advance.
#[inline(always)]
pub fn buy_hold(tick: u32, open: u32, tick_value: u64, rate_max_ppm: u32, remainder: FeeRemainder) -> u128 {
    hold_for(notional(tick, open, tick_value), rate_max_ppm, remainder)
}

/// The same for the value at the limit.
#[inline(always)]
pub fn hold_for(value: u128, rate_max_ppm: u32, remainder: FeeRemainder) -> u128 {
    let fee = match millionths(value, rate_max_ppm) {
        // PERF: a multiplication; the ceiling of the quotient as such is two.
        Some(fee) if fee <= u64::MAX - u64::from(PPM) => {
            u128::from((fee.saturating_sub(u64::from(remainder)) + u64::from(PPM - 1)) / u64::from(PPM))
        }
        _ => (value * u128::from(rate_max_ppm))
            .saturating_sub(u128::from(remainder))
            .div_ceil(u128::from(PPM)),
    };
    value + fee
}

/// The most lots at `tick`, up to `wanted`, that `funds` pay for, fee included. By halving: at most 32 turns, whatever
/// the numbers are (counting down from an estimate takes millions when a lot is worth a few units).
pub fn affordable(
    funds: u128,
    wanted: u32,
    tick: u32,
    tick_value: u64,
    rate_ppm: i32,
    remainder: FeeRemainder,
) -> u32 {
    let (mut most, mut beyond) = (0, u64::from(wanted) + 1);
    while beyond - most > 1 {
        let middle = most.midpoint(beyond);
        // Below `beyond`, so that it fits.
        if cost(tick, middle as u32, tick_value, rate_ppm, remainder) <= funds {
            most = middle;
        } else {
            beyond = middle;
        }
    }
    most as u32
}

/// What `quantity` lots at `tick` cost a buyer, fee included.
pub fn cost(tick: u32, quantity: u32, tick_value: u64, rate_ppm: i32, remainder: FeeRemainder) -> u128 {
    let value = notional(tick, quantity, tick_value);
    let (fee, _) = fee(value, rate_ppm, remainder);
    value
        .checked_add_signed(fee)
        .expect("a rebate is smaller than the value it is paid on")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_one_lot_fills_never_overdraw_the_hold() {
        // 100.01 at 10 basis points: rounding each fill up would charge 10,010 of 10,001 held.
        let (tick, tick_value, rate) = (10_001, 1_000, 1_000);
        let mut remainder = 0;
        let mut open = 10;
        let mut charged = 0;
        let fee_held = buy_hold(tick, open, tick_value, rate, remainder) - notional(tick, open, tick_value);
        while open > 0 {
            let before = buy_hold(tick, open, tick_value, rate, remainder);
            let (fee, rest) = fee(notional(tick, 1, tick_value), 1_000, remainder);
            (open, remainder) = (open - 1, rest);
            let after = buy_hold(tick, open, tick_value, rate, remainder);
            assert!(before - after >= notional(tick, 1, tick_value) + fee as u128);
            charged += fee;
        }
        assert_eq!(charged, 100_010);
        assert_eq!(fee_held, 100_010);
    }

    #[test]
    fn cumulative_fee_is_the_ceiling_of_the_exact_sum() {
        let mut remainder = 0;
        let mut charged = 0;
        let mut exact: i128 = 0;
        let mut value: u128 = 1;
        for rate in [25, -10, 3, 999_999, -25, 0, 1, 7] {
            for _ in 0..50 {
                value = value * 31 % 1_000_003 + 1;
                let (part, rest) = fee(value, rate, remainder);
                remainder = rest;
                charged += part;
                exact += value as i128 * i128::from(rate);
                assert_eq!(charged * i128::from(PPM) - i128::from(remainder), exact);
                assert!(remainder < PPM);
            }
        }
    }

    /// However large the fills: one unit to more than 64 bits hold.
    #[test]
    fn charged_is_the_sum_of_the_fees() {
        for shift in [0, 20, 40, 60, 70, 90] {
            for rate in [-1_000_000, -50, 0, 1, 200, 1_000_000] {
                let (mut remainder, mut sum, mut value) = (0, 0, 0);
                for fill in 1..20_u128 {
                    let before = remainder;
                    let fill = (fill << shift) + 7;
                    let (part, rest) = fee(fill, rate, remainder);
                    assert_eq!(charged(fill, rate, before, rest), part);
                    (remainder, sum, value) = (rest, sum + part, value + fill);
                }
                assert_eq!(charged(value, rate, 0, remainder), sum, "{value} at {rate}");
            }
        }
    }

    /// Values around the border of 64 bits, where the short way and the wide one meet.
    #[test]
    fn both_ways_of_a_fee_agree() {
        for shift in 0..64 {
            for value in [(1_u128 << shift) - 1, 1 << shift, (1 << shift) + 12_345] {
                for rate in [-1_000_000, -50, 0, 1, 200, 1_000_000] {
                    for remainder in [0, 1, 999_999] {
                        assert_eq!(
                            fee(value, rate, remainder),
                            fee_wide(value, rate, remainder),
                            "{value} at {rate}, {remainder}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn affordable_is_the_largest_that_fits() {
        for funds in [0_u128, 1, 999, 1_000, 1_001, 123_456, 10_000_000] {
            for rate in [0, 1, 1_000, 500_000, 1_000_000] {
                for remainder in [0, 1, 999_999] {
                    let quantity = affordable(funds, u32::MAX, 7, 13, rate, remainder);
                    assert!(cost(7, quantity, 13, rate, remainder) <= funds);
                    assert!(
                        cost(7, quantity + 1, 13, rate, remainder) > funds,
                        "{funds} {rate}"
                    );
                    let half = quantity / 2;
                    assert_eq!(affordable(funds, half, 7, 13, rate, remainder), half);
                }
            }
        }
    }

    /// A lot is worth one unit and there are thousands of millions of them: an estimate from the price of one lot is
    /// millions of lots off. Counting those down, this test would take minutes.
    #[test]
    fn affordable_is_found_at_once_when_lots_are_tiny() {
        for funds in (1..2_000).map(|step| 2_000_000 * step) {
            let quantity = affordable(funds, u32::MAX, 1, 1, 2_500, 0);
            assert_eq!(u128::from(quantity), funds * 1_000_000 / 1_002_500);
        }
    }
}
