//! A date as people type it.

const DAY_NS: i64 = 86_400_000_000_000;

/// A day of the Gregorian calendar from 1970 to 2199: days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Date(u32);

impl Date {
    /// Nanoseconds from 1970 to its first midnight, UTC.
    pub(crate) fn midnight_ns(self) -> i64 {
        i64::from(self.0) * DAY_NS
    }
}

fn is_leap(year: u32) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_in(year: u32, month: u32) -> u32 {
    const DAYS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    DAYS[month as usize - 1] + u32::from(month == 2 && is_leap(year))
}

impl std::str::FromStr for Date {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "a date from 1970 to 2199, as 2026-11-27".to_owned();
        let mut parts = text.splitn(3, '-');
        let mut part = |digits: usize| {
            let part = parts.next().filter(|part| part.len() == digits)?;
            part.bytes()
                .all(|byte| byte.is_ascii_digit())
                .then(|| part.parse::<u32>().ok())?
        };
        let (year, month, day) = part(4)
            .and_then(|year| Some((year, part(2)?, part(2)?)))
            .filter(|(year, month, _)| (1970..2200).contains(year) && (1..=12).contains(month))
            .ok_or_else(wrong)?;
        if day == 0 || day > days_in(year, month) {
            return Err(wrong());
        }
        let years: u32 = (1970..year).map(|year| 365 + u32::from(is_leap(year))).sum();
        let months: u32 = (1..month).map(|month| days_in(year, month)).sum();
        Ok(Self(years + months + day - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_days_since_1970() {
        for (text, days) in [
            ("1970-01-01", 0),
            ("2000-03-01", 11_017),
            ("2026-11-27", 20_784),
            ("2199-12-31", 84_005),
        ] {
            assert_eq!(text.parse(), Ok(Date(days)), "{text}");
        }
        assert!("2024-02-29".parse::<Date>().is_ok());
        for wrong in [
            "2023-02-29",
            "2026-13-01",
            "2026-1-1",
            "1969-12-31",
            "2200-01-01",
            "20261127",
            "2026-00-01",
            "+026-01-01",
        ] {
            assert!(wrong.parse::<Date>().is_err(), "{wrong}");
        }
    }
}
