//! Instruments: new ones, their fees and limits.

use std::fmt::Write;

use zerocopy::FromZeros;

use super::changes::Changes;
use super::listing::{decimals, find_asset, text};
use super::questions::{instrument, said};
use super::request::InstrumentLimits;
use crate::config::{Config, amount_of, rate_of};
use crate::exchange::Limits;
use crate::exchange::command::{
    AssetDefinition, Command, CommandKind, InstrumentChange, InstrumentDefinition, halves,
};
use crate::setup::{Changed, said_of};

/// Most value of an order that can be counted.
const AMOUNT_MAX: u128 = 1 << 100;

/// An instrument as it is.
#[derive(Debug, Clone, Copy)]
struct Known {
    locate: u16,
    definition: InstrumentDefinition,
    /// Parts per million, and seconds.
    protection: (u32, u32),
    quote_decimals: u8,
}

impl Changes<'_> {
    fn known(&self, symbol: &str) -> Result<Known, String> {
        let bell = &self.office.bell;
        let locate = instrument(bell, symbol)?;
        let known = bell.look(move |replica| {
            let exchange = replica.exchange();
            let definition = exchange.instrument(locate)?.definition;
            Some(Known {
                locate,
                definition,
                protection: exchange.protection(locate),
                quote_decimals: decimals(exchange, &definition).1,
            })
        });
        known
            .map_err(said)?
            .ok_or_else(|| "the instrument has gone".to_owned())
    }

    pub(super) fn fees(
        &mut self,
        symbol: &str,
        maker: Option<&str>,
        taker: Option<&str>,
    ) -> Result<Option<String>, String> {
        let known = self.known(symbol)?;
        let mut change = InstrumentChange::new(&known.definition);
        let rate = |text: &str| {
            let rate = i32::try_from(rate_of(text)?);
            rate.map_err(|_| format!("{text:?} is too large for a fee"))
        };
        if let Some(maker) = maker {
            change.maker_fee_ppm = rate(maker)?;
        }
        if let Some(taker) = taker {
            change.taker_fee_ppm = rate(taker)?;
        }
        self.change_instrument(symbol, &known, &change, known.protection)
    }

    pub(super) fn instrument_limits(
        &mut self,
        symbol: &str,
        limits: &InstrumentLimits,
    ) -> Result<Option<String>, String> {
        let known = self.known(symbol)?;
        let mut change = InstrumentChange::new(&known.definition);
        let amount = |text: &str| match amount_of(text, known.quote_decimals)? {
            units if units <= AMOUNT_MAX => Ok(units),
            _ => Err(format!("{text:?} is more than can be counted")),
        };
        let parts = |text: &str| {
            let parts = u32::try_from(rate_of(text)?);
            parts.map_err(|_| format!("{text:?} is no distance"))
        };
        if let Some(lots) = limits.max_quantity {
            change.quantity_max = lots;
        }
        if let Some(value) = &limits.max_notional {
            change.notional_max = halves(amount(value)?);
        }
        if let Some(value) = &limits.fat_finger {
            change.fat_finger = halves(amount(value)?);
        }
        if let Some(collar) = &limits.collar {
            change.collar_ppm = match parts(collar)? {
                0 => return Err("a collar of 0% lets no order in".to_owned()),
                parts => parts,
            };
        }
        if let Some(price) = &limits.reference_price {
            let units = amount_of(price, 4)?;
            let fits = u32::try_from(units).ok().filter(|price| {
                price.is_multiple_of(known.definition.tick_size)
                    && (1..=known.definition.price_max).contains(price)
            });
            change.reference_price =
                fits.ok_or_else(|| format!("{price:?} is not a price of {symbol}: a multiple of its tick"))?;
        }
        let mut protection = known.protection;
        if let Some(volatility) = &limits.volatility {
            protection.0 = parts(volatility)?;
        }
        if let Some(seconds) = limits.pause {
            protection.1 = seconds;
        }
        if protection.0 == 0 {
            protection.1 = 0;
        }
        self.change_instrument(symbol, &known, &change, protection)
    }

    fn change_instrument(
        &mut self,
        symbol: &str,
        known: &Known,
        change: &InstrumentChange,
        protection: (u32, u32),
    ) -> Result<Option<String>, String> {
        let is_changed = *change != InstrumentChange::new(&known.definition);
        if !is_changed && protection == known.protection {
            return Ok(Some("it is so already".to_owned()));
        }
        let mut instruments = self.office.shown.config.instruments.iter();
        let configured = instruments.find(|configured| configured.symbol.as_str() == symbol);
        if let Some(configured) = configured {
            let said = said_of(configured);
            self.remember(|remembered| remembered.change(Changed::Instrument(symbol), &said))?;
        }
        let here = |command: Command| Command {
            instrument: known.locate,
            ..command
        };
        if is_changed {
            self.give(here(
                Command::new(CommandKind::ChangeInstrument).with_definition(change),
            ))?;
        }
        if protection != known.protection {
            let (ppm, seconds) = protection;
            self.give(here(
                Command::new(CommandKind::SetProtection).with_protection(ppm, seconds),
            ))?;
        }
        Ok(None)
    }

    /// Adds what `definition` says: `[[assets]]` and `[[instruments]]` as in a configuration file.
    pub(super) fn add_instruments(&mut self, definition: &str) -> Result<Option<String>, String> {
        let found = self.office.bell.look(|replica| {
            let exchange = replica.exchange();
            let assets = (0..exchange.asset_count()).filter_map(|index| exchange.asset(index));
            let assets: Vec<_> = assets.map(|asset| (text(&asset.name), asset.decimals)).collect();
            (assets, exchange.limits())
        });
        let (assets, limits) = found.map_err(said)?;
        let config = parse(definition, &assets, &limits)?;
        for configured in &config.instruments {
            let symbol = configured.symbol;
            let known = self
                .office
                .bell
                .look(move |replica| replica.exchange().find_instrument(symbol.0));
            if known.map_err(said)?.is_some() {
                return Err(format!("there is an instrument {:?} already", symbol.as_str()));
            }
        }
        for asset in &config.assets {
            if assets.iter().any(|(name, _)| name == asset.name.as_str()) {
                continue;
            }
            self.remember(|remembered| remembered.add_asset(asset.name.as_str()))?;
            let definition = AssetDefinition {
                name: asset.name.0,
                decimals: asset.decimals,
                ..AssetDefinition::new_zeroed()
            };
            self.give(Command::new(CommandKind::AddAsset).with_definition(&definition))?;
        }
        let bell = self.office.bell.clone();
        let index = |name: &str| {
            let wanted = name.to_owned();
            let found = bell.look(move |replica| find_asset(replica.exchange(), &wanted));
            let index = found.map_err(said)?.and_then(|index| u16::try_from(index).ok());
            index.ok_or_else(|| format!("the asset {name:?} has gone"))
        };
        let mut symbols = Vec::new();
        for configured in &config.instruments {
            let symbol = configured.symbol.as_str();
            let definition = configured.definition(
                index(configured.base.as_str())?,
                index(configured.quote.as_str())?,
            );
            self.remember(|remembered| remembered.add_instrument(symbol))?;
            self.give(Command::new(CommandKind::AddInstrument).with_definition(&definition))?;
            if configured.volatility_ppm > 0 {
                let locate = instrument(&self.office.bell, symbol)?;
                let protection = Command::new(CommandKind::SetProtection)
                    .with_protection(configured.volatility_ppm, configured.pause_seconds);
                self.give(Command {
                    instrument: locate,
                    ..protection
                })?;
            }
            symbols.push(symbol.to_owned());
        }
        Ok(Some(format!(
            "{} collects orders and does not trade yet: `exchange admin resume {}` opens it",
            symbols.join(" "),
            symbols.join(" ")
        )))
    }
}

/// Reads instruments as a configuration file has them, among the assets that there are.
fn parse(definition: &str, assets: &[(String, u8)], limits: &Limits) -> Result<Config, String> {
    // Behind what was given, so that lines keep their numbers. A configuration needs somebody who trades.
    let mut whole = format!("{definition}\n");
    for (name, decimals) in assets {
        let _ = write!(whole, "[[assets]]\nname = {name:?}\ndecimals = {decimals}\n");
    }
    let (most_assets, most_instruments) = (limits.assets, limits.instruments);
    let _ = write!(
        whole,
        "[[accounts]]\nname = \"NOBODY\"\nsessions = [{{ username = \"NOBODY\", password = \"none\" }}]\n\
         [capacities]\nassets = {most_assets}\ninstruments = {most_instruments}\n"
    );
    let config = Config::parse("definition", &whole).map_err(|error| error.to_string())?;
    if config.accounts.len() > 1 {
        return Err("only assets and instruments can be added so".to_owned());
    }
    Ok(config)
}
