//! Small values of the command line.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use protocol::authentication::{MacAlgorithm, MacSecret, Secret};
use protocol::units::Symbol;
use rust_decimal::Decimal;

use crate::fleet::{Mix, Participant};
use crate::workload::Role;

/// What datagrams are authenticated with, where accounts are configured with authentication = "mac".
#[derive(Debug, Args)]
pub struct MacArguments {
    /// The file with the account's secret, 64 hexadecimal digits that its owner alone may read: every datagram gets a tag.
    #[arg(long, value_name = "FILE")]
    pub secret_file: Option<PathBuf>,
    /// How tags are made: aes-128-gmac or siphash-2-4-128, as the exchange's configuration says.
    #[arg(long, value_name = "NAME", default_value = "aes-128-gmac", value_parser = algorithm, requires = "secret_file")]
    pub mac: MacAlgorithm,
}

impl MacArguments {
    /// Reads the file.
    pub fn secret(&self) -> Result<Option<MacSecret>, String> {
        let Some(path) = &self.secret_file else {
            return Ok(None);
        };
        let secret = Secret::read(path)
            .map_err(|error| format!("{}: {error}; {}", path.display(), error.remedy(path)))?;
        Ok(Some(MacSecret {
            algorithm: self.mac,
            secret,
        }))
    }
}

fn algorithm(text: &str) -> Result<MacAlgorithm, String> {
    MacAlgorithm::named(text).ok_or_else(|| {
        let names = MacAlgorithm::ALL.map(MacAlgorithm::name);
        format!("write {}", names.join(" or "))
    })
}

/// Orders a second, or as many as the machine gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// This many a second.
    PerSecond(u64),
    /// As fast as possible.
    Max,
}

impl Rate {
    /// As the pacer counts: 0 = as fast as possible.
    pub fn per_second(self) -> u64 {
        match self {
            Self::PerSecond(rate) => rate,
            Self::Max => 0,
        }
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.eq_ignore_ascii_case("max") {
            return Ok(Self::Max);
        }
        let (digits, factor) = match text.trim_end_matches(['k', 'K', 'm', 'M']) {
            digits if digits.len() == text.len() => (digits, 1),
            digits if text.ends_with(['k', 'K']) => (digits, 1_000),
            digits => (digits, 1_000_000),
        };
        match digits.replace(['_', ','], "").parse::<u64>() {
            Ok(0) | Err(_) => {
                Err("a number of orders a second above 0, such as 5000 or 20k, or `max`".to_owned())
            }
            Ok(rate) => rate
                .checked_mul(factor)
                .filter(|rate| *rate <= 100_000_000)
                .map(Self::PerSecond)
                .ok_or_else(|| "at most 100,000,000 orders a second".to_owned()),
        }
    }
}

/// A time: `10s`, `500ms`, `2m`, `1h`, or seconds without a unit.
pub fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let unit = &text[digits.len()..];
    let seconds: f64 = digits
        .parse()
        .map_err(|_| "a time such as 10s, 500ms, 2m or 1h".to_owned())?;
    let factor = match unit {
        "ms" => 1e-3,
        "s" | "" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3_600.0,
        _ => return Err(format!("unknown unit `{unit}`: use ms, s, m or h")),
    };
    Duration::try_from_secs_f64(seconds * factor)
        .ok()
        .filter(|duration| !duration.is_zero() && duration.as_secs() < 1_000_000)
        .ok_or_else(|| "a time above zero and below eleven days".to_owned())
}

/// A mix: `maker=6,trader=3,investor=1`; who is not named sends nothing.
pub fn mix(text: &str) -> Result<Mix, String> {
    let mut mix = Mix {
        makers: 0,
        traders: 0,
        investors: 0,
    };
    for part in text.split(',') {
        let (name, weight) = part
            .split_once('=')
            .ok_or_else(|| format!("`{part}`: write maker=6,trader=3,investor=1"))?;
        let weight: u32 = weight
            .parse()
            .ok()
            .filter(|weight| *weight <= 1_000)
            .ok_or_else(|| format!("`{weight}` is not a weight from 0 to 1000"))?;
        match name.trim() {
            "maker" => mix.makers = weight,
            "trader" => mix.traders = weight,
            "investor" => mix.investors = weight,
            other => return Err(format!("`{other}`: maker, trader or investor")),
        }
    }
    if mix.makers + mix.traders + mix.investors == 0 {
        return Err("somebody must send something".to_owned());
    }
    Ok(mix)
}

/// A reference price: `BTC-USD=60000`.
pub fn reference(text: &str) -> Result<(Symbol, u64), String> {
    let (symbol, price) = text
        .split_once('=')
        .ok_or_else(|| "write SYMBOL=PRICE, such as BTC-USD=60000".to_owned())?;
    let symbol = Symbol::new(symbol).ok_or_else(|| format!("`{symbol}` is longer than 8 characters"))?;
    let price: Decimal = price
        .parse()
        .map_err(|_| format!("`{price}` is not a decimal number"))?;
    let price = price
        .checked_mul(Decimal::from(10_000))
        .filter(|price| price.fract().is_zero() && *price > Decimal::ZERO)
        .and_then(|price| u64::try_from(price).ok())
        .ok_or_else(|| format!("`{price}` is not a price above zero with at most four decimals"))?;
    Ok((symbol, price))
}

/// A login: `USER:PASSWORD`, with `@ACCOUNT` where several logins share an account.
pub fn login(text: &str) -> Result<(String, String, String), String> {
    let (username, rest) = text
        .split_once(':')
        .ok_or_else(|| "write USER:PASSWORD or USER:PASSWORD@ACCOUNT".to_owned())?;
    let (password, account) = rest.rsplit_once('@').unwrap_or((rest, username));
    Ok((username.to_owned(), password.to_owned(), account.to_owned()))
}

/// The demonstration accounts of the exchange's built-in configuration, and what they do.
pub const DEMO_LOGINS: [(&str, Role); 10] = [
    ("MAKER1", Role::MarketMaker),
    ("TRADE1", Role::Trader),
    ("INVST1", Role::Investor),
    ("MAKER2", Role::MarketMaker),
    ("TRADE2", Role::Trader),
    ("INVST2", Role::Investor),
    ("TRADE3", Role::Trader),
    ("INVST3", Role::Investor),
    ("TRADE4", Role::Trader),
    ("INVST4", Role::Investor),
];

/// Their password.
pub const DEMO_PASSWORD: &str = "demo";

/// The prices that the built-in configuration begins with, in 0.0001.
pub const DEMO_REFERENCES: [(&str, u64); 4] = [
    ("BTC-USD", 600_000_000),
    ("ETH-USD", 30_000_000),
    ("SOL-USD", 1_500_000),
    ("KSHIBUSD", 125),
];

/// The first `count` demonstration accounts.
pub fn demo_participants(count: usize) -> Vec<Participant> {
    DEMO_LOGINS
        .iter()
        .take(count)
        .map(|(name, role)| Participant {
            username: (*name).to_owned(),
            password: DEMO_PASSWORD.to_owned(),
            account: (*name).to_owned(),
            role: *role,
        })
        .collect()
}

/// The references as a fleet takes them.
pub fn demo_references() -> Vec<(Symbol, u64)> {
    DEMO_REFERENCES
        .iter()
        .filter_map(|(symbol, price)| Some((Symbol::new(symbol)?, *price)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates() {
        assert_eq!("max".parse(), Ok(Rate::Max));
        assert_eq!("5000".parse(), Ok(Rate::PerSecond(5_000)));
        assert_eq!("20k".parse(), Ok(Rate::PerSecond(20_000)));
        assert_eq!("1_000_000".parse(), Ok(Rate::PerSecond(1_000_000)));
        assert_eq!("2M".parse(), Ok(Rate::PerSecond(2_000_000)));
        for wrong in [
            "",
            "0",
            "fast",
            "-1",
            "1.5",
            "999999999999",
            "18446744073709551615k",
        ] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations() {
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(duration("1.5"), Ok(Duration::from_millis(1_500)));
        for wrong in ["", "s", "0s", "-1s", "10 parsecs", "1e30s", "nan"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn mixes_logins_and_references() {
        let all = mix("maker=5,trader=2").expect("a mix");
        assert_eq!((all.makers, all.traders, all.investors), (5, 2, 0));
        for wrong in ["", "maker", "maker=x", "baker=1", "maker=0", "maker=1001"] {
            assert!(mix(wrong).is_err(), "{wrong}");
        }
        let (username, password, account) = login("MAKER1:pass@FUND").expect("a login");
        assert_eq!(
            (&username[..], &password[..], &account[..]),
            ("MAKER1", "pass", "FUND")
        );
        assert_eq!(login("A:demo").expect("a login").2, "A");
        assert!(login("A").is_err());
        let (symbol, price) = reference("KSHIBUSD=0.0125").expect("a price");
        assert_eq!((symbol.as_str(), price), ("KSHIBUSD", 125));
        for wrong in [
            "BTC-USD",
            "BTC-USD=x",
            "BTC-USD=0",
            "BTC-USD=-1",
            "BTC-USD=0.00001",
            "TOOLONGNAME=1",
        ] {
            assert!(reference(wrong).is_err(), "{wrong}");
        }
        assert_eq!(demo_participants(4).len(), 4);
        assert_eq!(demo_references().len(), 4);
    }
}
