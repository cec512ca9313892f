//! From what the file says to what it means: every value checked, every problem named with its place and remedy.

mod accounts;
mod day;
mod instruments;
mod sections;
mod tls;

use std::collections::HashSet;

use protocol::units::Symbol;
use serde::Deserialize;
use toml::Spanned;
use toml::de::DeTable;

use super::error::Problems;
use super::number::{Number, decimal};
use super::{Asset, Config, ConfigError, Environment, Log, file};
use crate::setup::Remembered;

/// Most decimals an asset may have.
const DECIMALS_MAX: u8 = 18;
/// Most value of an order, and most of an asset in all accounts together, in smallest units: room in 128 bits for the
/// fee's parts per million and for sums.
const AMOUNT_MAX: u128 = 1 << 100;

/// Reads and checks a whole file, and what the environment says instead.
pub(super) fn check(name: &str, text: &str, environment: &Environment) -> Result<Config, ConfigError> {
    let mut problems = Problems::new(name, text, environment.names());
    let read = DeTable::parse(text).and_then(|mut table| {
        environment.overlay(table.get_mut(), text.len(), &mut problems);
        file::File::deserialize(toml::Deserializer::from(table))
    });
    let file = match read {
        Ok(file) => file,
        Err(error) => {
            problems.add_toml(&error);
            problems.finish()?;
            unreachable!("a problem was added");
        }
    };
    let capacities = sections::capacities(&file.capacities, &mut problems);
    let limits = &capacities.limits;
    for (section, count, limit) in [
        ("assets", file.assets.len(), limits.assets),
        ("instruments", file.instruments.len(), limits.instruments),
        ("accounts", file.accounts.len(), limits.accounts),
        (
            "sessions",
            file.accounts
                .iter()
                .map(|account| account.get_ref().sessions.len())
                .sum(),
            limits.sessions,
        ),
    ] {
        if count == 0 {
            problems.add(
                0..0,
                section,
                "there is none, and nobody could trade",
                match section {
                    "sessions" => {
                        "give an account sessions = [{ username = ..., password_hash = ... }]".to_owned()
                    }
                    _ => format!("add [[{section}]] entries; `exchange check --print-default` shows some"),
                },
            );
        } else if count > limit as usize {
            let span = file.capacities.span_of(section).unwrap_or(0..0);
            problems.add(
                span,
                format!("capacities.{section}"),
                format!("{limit} is less than the {count} of this file"),
                format!("set capacities.{section} to {count} or more"),
            );
        }
    }
    let assets = assets(&file.assets, &mut problems);
    let instruments = instruments::instruments(&file.instruments, &assets, &mut problems);
    let schedules: HashSet<_> = instruments
        .iter()
        .map(|instrument| (instrument.maker_fee_ppm, instrument.taker_fee_ppm))
        .collect();
    if schedules.len() > limits.fee_schedules as usize {
        let span = file.capacities.fee_schedules.as_ref().map_or(0..0, Spanned::span);
        let (limit, count) = (limits.fee_schedules, schedules.len());
        problems.add(
            span,
            "capacities.fee_schedules",
            format!(
                "{limit} is less than the {count} different pairs of maker_fee and taker_fee of this file"
            ),
            format!("set capacities.fee_schedules to {count} or more: each change of fees needs one"),
        );
    }
    let mut usernames = HashSet::new();
    let accounts = accounts::accounts(&file.accounts, &assets, &mut usernames, &mut problems);
    let drop_copies = accounts::drop_copies(&file.drop_copies, &mut usernames, &mut problems);
    let day = file.day.as_ref().and_then(|day| day::day(day, &mut problems));
    let network = sections::network(&file.network, &mut problems);
    tls::open_plainly(&file, &network, &mut problems);
    let tls = tls::tls(&file.tls, &mut problems);
    accounts::plain_passwords(&file.accounts, &file.drop_copies, &network, &mut problems);
    let journal = sections::journal(&file.journal, &mut problems);
    let threads = sections::threads(&file.threads, &mut problems);
    let operating = sections::operating(&file.operating, &mut problems);
    problems.finish()?;
    Ok(Config {
        file: name.to_owned(),
        assets,
        instruments,
        accounts,
        drop_copies,
        day,
        network,
        tls,
        capacities,
        journal,
        threads,
        operating,
        log: Log {
            level: file.log.level.unwrap_or_default(),
        },
        remembered: Remembered::default(),
    })
}

impl file::Capacities {
    /// Where a count is limited.
    fn span_of(&self, section: &str) -> Option<std::ops::Range<usize>> {
        match section {
            "assets" => self.assets.as_ref(),
            "instruments" => self.instruments.as_ref(),
            "accounts" => self.accounts.as_ref(),
            _ => self.sessions.as_ref(),
        }
        .map(Spanned::span)
    }
}

/// A name of up to eight visible characters. Adds a problem and gives `None` otherwise.
fn symbol(text: &Spanned<String>, key: &str, problems: &mut Problems<'_>) -> Option<Symbol> {
    let name = text.get_ref();
    let symbol = Symbol::new(name).filter(|_| !name.is_empty() && !name.contains(' '));
    if symbol.is_none() {
        problems.add(
            text.span(),
            key,
            format!("{name:?} is not a name of 1 to 8 visible ASCII characters"),
            "shorten it, leave out spaces and letters with accents",
        );
    }
    symbol
}

fn assets(entries: &[Spanned<file::Asset>], problems: &mut Problems<'_>) -> Vec<Asset> {
    let mut seen = HashSet::new();
    let mut assets = Vec::new();
    for entry in entries {
        let line = problems.line(entry.span().start);
        let entry = entry.get_ref();
        let key = format!("assets.{}", entry.name.get_ref());
        let Some(name) = symbol(&entry.name, "assets.name", problems) else {
            continue;
        };
        if !seen.insert(name) {
            problems.add(
                entry.name.span(),
                &key,
                "the asset is there twice",
                "take one of them out",
            );
        }
        let decimals = *entry.decimals.get_ref();
        if decimals > DECIMALS_MAX {
            problems.add(
                entry.decimals.span(),
                format!("{key}.decimals"),
                format!("{decimals} decimals are more than {DECIMALS_MAX}"),
                format!("write 0 to {DECIMALS_MAX}"),
            );
            continue;
        }
        assets.push(Asset { name, decimals, line });
    }
    assets
}

/// An amount above 0 in smallest units of an asset.
fn amount(number: &Spanned<Number>, asset: &Asset, key: &str, problems: &mut Problems<'_>) -> Option<u128> {
    let value = number.get_ref();
    let units = value
        .units(asset.decimals)
        .filter(|units| (1..=AMOUNT_MAX).contains(units));
    if units.is_none() {
        problems.add(
            number.span(),
            key,
            format!("{value} is not an amount of {}", asset.name),
            format!(
                "write a number above 0 with at most {} decimals, at most {}",
                asset.decimals,
                decimal(AMOUNT_MAX, asset.decimals)
            ),
        );
    }
    units
}

/// The asset an instrument or a deposit names.
fn asset<'a>(
    name: &str,
    span: std::ops::Range<usize>,
    key: &str,
    assets: &'a [Asset],
    problems: &mut Problems<'_>,
) -> Option<&'a Asset> {
    let found = assets.iter().find(|asset| asset.name.as_str() == name);
    if found.is_none() {
        problems.add(
            span,
            key,
            format!("there is no asset {name:?}"),
            format!("add [[assets]] with name = {name:?}, or name one that is there"),
        );
    }
    found
}
