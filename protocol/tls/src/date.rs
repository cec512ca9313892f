//! When a certificate begins and ends to be valid, read from its own bytes.

use std::fmt;
use std::time::SystemTime;

const DAY_S: i64 = 86_400;

/// A moment, in seconds since 1970 (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(pub i64);

impl Date {
    /// The present.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Self(since.map_or(0, |since| since.as_secs() as i64))
    }

    /// Whole days from `now` until then; negative when it has passed.
    pub fn days_from(self, now: Self) -> i64 {
        (self.0 - now.0).div_euclid(DAY_S)
    }

    /// Of a calendar that goes on into the past for ever.
    fn of(year: i64, month: i64, day: i64, seconds: i64) -> Self {
        // Years begin in March, so that the day that is there now and then is their last one.
        let year = if month <= 2 { year - 1 } else { year };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Self((era * 146_097 + day_of_era - 719_468) * DAY_S + seconds)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.0.div_euclid(DAY_S) + 719_468;
        let minutes = self.0.rem_euclid(DAY_S) / 60;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = (month_from_march + 2) % 12 + 1;
        let year = era * 400 + year_of_era + i64::from(month <= 2);
        let (hour, minute) = (minutes / 60, minutes % 60);
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02} UTC")
    }
}

/// From when until when a certificate is valid; `None` when its bytes are not laid out as one.
pub(crate) fn validity(certificate: &[u8]) -> Option<(Date, Date)> {
    let mut body = Der(Der(Der(certificate).take(SEQUENCE)?).take(SEQUENCE)?);
    // The version may be left out; then come serial number, algorithm and issuer.
    if body.0.first() == Some(&VERSION) {
        body.take(VERSION)?;
    }
    for tag in [INTEGER, SEQUENCE, SEQUENCE] {
        body.take(tag)?;
    }
    let mut validity = Der(body.take(SEQUENCE)?);
    Some((validity.time()?, validity.time()?))
}

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xA0;

/// What is left to read: tag, length, contents, one behind the other.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The contents of the next element, which has this tag.
    fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        let [found, first, rest @ ..] = self.0 else {
            return None;
        };
        let (length, rest) = match first {
            0..=0x7F => (usize::from(*first), rest),
            // So many bytes of length follow. No certificate needs more than four.
            0x81..=0x84 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7F))?;
                let length = bytes
                    .iter()
                    .fold(0, |length, byte| length << 8 | usize::from(*byte));
                (length, rest)
            }
            _ => return None,
        };
        let (contents, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        (*found == tag).then_some(contents)
    }

    fn time(&mut self) -> Option<Date> {
        let tag = *self.0.first()?;
        let text = self.take(tag)?;
        let digits = text.strip_suffix(b"Z")?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let number = |digits: &[u8]| {
            digits
                .iter()
                .fold(0, |number, digit| number * 10 + i64::from(digit - b'0'))
        };
        let (year, rest) = match (tag, digits.len()) {
            // Two digits: 1950 to 2049.
            (UTC_TIME, 12) => {
                let year = number(&digits[..2]);
                (year + if year < 50 { 2_000 } else { 1_900 }, &digits[2..])
            }
            (GENERALIZED_TIME, 14) => (number(&digits[..4]), &digits[4..]),
            _ => return None,
        };
        let [month, day, hour, minute, second] = [0, 2, 4, 6, 8].map(|at| number(&rest[at..at + 2]));
        let is_right = (1..=12).contains(&month) && (1..=31).contains(&day);
        is_right.then(|| Date::of(year, month, day, hour * 3_600 + minute * 60 + second))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_the_calendars() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00 UTC"),
            (951_782_400, "2000-02-29 00:00 UTC"),
            (1_709_210_096, "2024-02-29 12:34 UTC"),
            (2_524_607_999, "2049-12-31 23:59 UTC"),
            (4_107_542_400, "2100-03-01 00:00 UTC"),
        ] {
            assert_eq!(Date(seconds).to_string(), text);
        }
        assert_eq!(Date::of(2024, 2, 29, 45_296), Date(1_709_210_096));
        assert_eq!(Date::of(1970, 1, 1, 0), Date(0));
        assert_eq!(Date(2 * DAY_S + 5).days_from(Date(0)), 2);
        assert_eq!(Date(0).days_from(Date(1)), -1);
    }

    #[test]
    fn a_certificate_says_how_long_it_is_valid() {
        let mut parameters = rcgen::CertificateParams::new(["localhost".to_owned()]).expect("a name");
        parameters.not_before = rcgen::date_time_ymd(2020, 2, 29);
        parameters.not_after = rcgen::date_time_ymd(2060, 1, 2);
        let key = rcgen::KeyPair::generate().expect("a key");
        let certificate = parameters.self_signed(&key).expect("a certificate");
        let (from, until) = validity(certificate.der()).expect("it is laid out as one");
        assert_eq!(
            (from.to_string().as_str(), until.to_string().as_str()),
            ("2020-02-29 00:00 UTC", "2060-01-02 00:00 UTC")
        );
        for length in 0..certificate.der().len() {
            assert_eq!(validity(&certificate.der()[..length]), None, "{length}");
        }
    }
}
