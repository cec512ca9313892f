//! Numbers as people write them: decimals, percentages, sizes. Here alone decimals are read.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A decimal number: an integer or text. A TOML float is refused: it has been rounded before we see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number(pub(super) Decimal);

/// A percentage (`"0.05%"`) in parts per million.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PartsPerMillion(pub(super) i64);

/// Bytes: an integer or text (`"64 MiB"`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bytes(pub(super) u64);

/// A length of time: seconds as an integer, or text (`"2 min"`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seconds(pub(super) u64);

/// A time of the day (`"09:30"`), in seconds since midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TimeOfDay(pub(super) u32);

impl Number {
    /// The value as a count of units with `decimals` decimals. `None` when it is negative, no whole number of units,
    /// or too large.
    pub(super) fn units(self, decimals: u8) -> Option<u128> {
        let number = self.0.normalize();
        let missing = u32::from(decimals).checked_sub(number.scale())?;
        u128::try_from(number.mantissa())
            .ok()?
            .checked_mul(10_u128.checked_pow(missing)?)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Units with `decimals` decimals as a decimal number, without zeros at its end.
pub(super) fn decimal(units: u128, decimals: u8) -> String {
    let digits = format!("{units:0>width$}", width = usize::from(decimals) + 1);
    let (whole, fraction) = digits.split_at(digits.len() - usize::from(decimals));
    let fraction = fraction.trim_end_matches('0');
    match fraction {
        "" => whole.to_owned(),
        _ => format!("{whole}.{fraction}"),
    }
}

/// Seconds since midnight as a time of the day.
pub(super) fn time_of_day(seconds: u32) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match seconds {
        0 => format!("{hours:02}:{minutes:02}"),
        _ => format!("{hours:02}:{minutes:02}:{seconds:02}"),
    }
}

/// Parts per million as a percentage.
pub(super) fn percentage(parts_per_million: i64) -> String {
    let sign = if parts_per_million < 0 { "-" } else { "" };
    format!(
        "{sign}{}%",
        decimal(u128::from(parts_per_million.unsigned_abs()), 4)
    )
}

impl FromStr for Number {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Decimal::from_str_exact(text.trim())
            .map(Self)
            .map_err(|_| format!("{text:?} is not a decimal number; write one like \"0.01\""))
    }
}

impl FromStr for PartsPerMillion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let percent = text
            .trim()
            .strip_suffix('%')
            .ok_or_else(|| format!("{text:?} is not a percentage; write one like \"0.05%\""))?;
        let parts = Number::from_str(percent)?
            .0
            .checked_mul(Decimal::from(10_000))
            .ok_or_else(|| format!("{text:?} is too large"))?;
        if !parts.is_integer() {
            return Err(format!(
                "{text:?} has more than 4 decimals; a rate is a multiple of 0.0001%"
            ));
        }
        i64::try_from(parts.mantissa() / 10_i128.pow(parts.scale()))
            .map(Self)
            .map_err(|_| format!("{text:?} is too large"))
    }
}

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let end = text
            .find(|letter: char| !letter.is_ascii_digit())
            .unwrap_or(text.len());
        let (digits, unit) = text.split_at(end);
        let factor: u64 = match unit.trim() {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => {
                return Err(format!(
                    "{text:?} is not a size; write one like \"64 MiB\" (KiB, MiB, GiB)"
                ));
            }
        };
        digits
            .parse::<u64>()
            .ok()
            .and_then(|count| count.checked_mul(factor))
            .map(Self)
            .ok_or_else(|| format!("{text:?} is not a size; write one like \"64 MiB\""))
    }
}

impl FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let end = text
            .find(|letter: char| !letter.is_ascii_digit())
            .unwrap_or(text.len());
        let (digits, unit) = text.split_at(end);
        let factor = match unit.trim() {
            "" | "s" => Some(1),
            "min" => Some(60),
            "h" => Some(3600),
            _ => None,
        };
        factor
            .zip(digits.parse::<u64>().ok())
            .and_then(|(factor, count)| count.checked_mul(factor))
            .map(Self)
            .ok_or_else(|| format!("{text:?} is not a length of time; write one like \"2 min\" (s, min, h)"))
    }
}

impl FromStr for TimeOfDay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let two_digits = |part: &str, below: u32| {
            let digits = part.len() == 2 && part.bytes().all(|letter| letter.is_ascii_digit());
            part.parse::<u32>().ok().filter(|value| digits && *value < below)
        };
        let parts: Vec<_> = text.trim().split(':').collect();
        let time = match parts[..] {
            [hours, minutes] => Some((hours, minutes, "00")),
            [hours, minutes, seconds] => Some((hours, minutes, seconds)),
            _ => None,
        };
        time.and_then(|(hours, minutes, seconds)| {
            Some(two_digits(hours, 24)? * 3600 + two_digits(minutes, 60)? * 60 + two_digits(seconds, 60)?)
        })
        .map(Self)
        .ok_or_else(|| {
            format!("{text:?} is not a time of the day; write one like \"09:30\" or \"09:30:15\", in UTC")
        })
    }
}

/// Reads a value from text, or from an integer where `FromStr` understands its digits.
struct Text<T> {
    expecting: &'static str,
    kind: PhantomData<T>,
}

impl<T: FromStr<Err = String>> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expecting)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<T, E> {
        value.to_string().parse().map_err(E::custom)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<T, E> {
        Err(E::custom(format!(
            "a number with a fraction is written as text, so that no digit is rounded: \"{value}\""
        )))
    }
}

/// Reads `T` out of text or an integer.
macro_rules! deserialize_text {
    ($name:ident, $expecting:literal) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Text {
                    expecting: $expecting,
                    kind: PhantomData,
                })
            }
        }
    };
}

deserialize_text!(
    Number,
    "a whole number, or a decimal number as text like \"0.01\""
);
deserialize_text!(PartsPerMillion, "a percentage as text like \"0.05%\"");
deserialize_text!(Bytes, "a number of bytes, or text like \"64 MiB\"");
deserialize_text!(Seconds, "a number of seconds, or text like \"2 min\"");
deserialize_text!(TimeOfDay, "a time of the day as text like \"09:30\", in UTC");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_exact_or_refused() {
        let number = |text: &str| Number::from_str(text).expect("a number");
        assert_eq!(number("0.01").units(8), Some(1_000_000));
        assert_eq!(number("1.500").units(1), Some(15));
        assert_eq!(number("0.001").units(2), None);
        assert_eq!(number("-1").units(2), None);
        assert_eq!(number("79228162514264337593543950335").units(18), None);
    }

    #[test]
    fn percentages_are_parts_per_million() {
        assert_eq!("0.05%".parse(), Ok(PartsPerMillion(500)));
        assert_eq!("-0.0050 %".parse(), Ok(PartsPerMillion(-50)));
        assert!("0.00001%".parse::<PartsPerMillion>().is_err());
        assert!("0.05".parse::<PartsPerMillion>().is_err());
        assert_eq!(percentage(-50), "-0.005%");
        assert_eq!(percentage(100_000), "10%");
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!("64 MiB".parse(), Ok(Bytes(64 << 20)));
        assert_eq!("4096".parse(), Ok(Bytes(4096)));
        assert!("64 MB".parse::<Bytes>().is_err());
        assert!("99999999999 GiB".parse::<Bytes>().is_err());
    }

    #[test]
    fn times_have_units_or_colons() {
        for (text, seconds) in [("90", 90), ("90 s", 90), ("2 min", 120), ("1h", 3600)] {
            assert_eq!(text.parse(), Ok(Seconds(seconds)));
        }
        for wrong in [
            "",
            "2 m",
            "-1",
            "1.5 min",
            "99999999999999999999",
            "9999999999999999999 h",
        ] {
            assert!(wrong.parse::<Seconds>().is_err(), "{wrong}");
        }
        for (text, seconds) in [("00:00", 0), ("09:30", 34_200), ("23:59:59", 86_399)] {
            assert_eq!(text.parse(), Ok(TimeOfDay(seconds)));
            assert_eq!(time_of_day(seconds), text);
        }
        for wrong in [
            "",
            "9:30",
            "24:00",
            "09:60",
            "09:30:60",
            "+9:30",
            "09",
            "09:30:15:00",
            "0930",
        ] {
            assert!(wrong.parse::<TimeOfDay>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn decimals_print_without_zeros_at_the_end() {
        assert_eq!(decimal(1_000_000, 8), "0.01");
        assert_eq!(decimal(1_000_000, 4), "100");
        assert_eq!(decimal(0, 8), "0");
        assert_eq!(decimal(7, 0), "7");
    }
}
