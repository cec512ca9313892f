//! Instruments: prices on the tick, exact fills, rates that can be paid.

use std::collections::HashSet;

use protocol::units::{Price, Symbol};
use toml::Spanned;

use super::{AMOUNT_MAX, amount, asset, symbol};
use crate::config::error::Problems;
use crate::config::number::{Number, decimal, percentage};
use crate::config::{Asset, Instrument, file, price_max_default};
use crate::limits::PAUSE;

/// Decimals of a price.
const PRICE_DECIMALS: u8 = 4;
/// Smallest base units of a lot stay below: the value of any number of lots then fits.
const LOT_MAX: u128 = 1 << 90;
/// 100 %, in parts per million.
const WHOLE_PPM: i64 = 1_000_000;

pub(super) fn instruments(
    entries: &[Spanned<file::Instrument>],
    assets: &[Asset],
    problems: &mut Problems<'_>,
) -> Vec<Instrument> {
    let mut seen = HashSet::new();
    let mut instruments = Vec::new();
    for entry in entries {
        let line = problems.line(entry.span().start);
        let entry = entry.get_ref();
        let Some(symbol) = symbol(&entry.symbol, "instruments.symbol", problems) else {
            continue;
        };
        if !seen.insert(symbol) {
            problems.add(
                entry.symbol.span(),
                format!("instruments.{symbol}"),
                "the instrument is there twice",
                "take one of them out, or give it another symbol",
            );
        }
        instruments.extend(instrument(entry, symbol, line, assets, problems));
    }
    instruments
}

/// A price: a whole number of 0.0001, above 0, at most [`Price::MAX`].
fn price(number: &Spanned<Number>, key: &str, problems: &mut Problems<'_>) -> Option<u32> {
    let value = number.get_ref();
    let price = value.units(PRICE_DECIMALS);
    let fits = price.filter(|price| (1..=u128::from(Price::MAX.0)).contains(price));
    if fits.is_none() {
        problems.add(
            number.span(),
            key,
            format!("{value} is not a price"),
            format!(
                "write a multiple of 0.0001 above 0, at most {}",
                decimal(u128::from(Price::MAX.0), PRICE_DECIMALS)
            ),
        );
    }
    fits.and_then(|price| u32::try_from(price).ok())
}

fn instrument(
    entry: &file::Instrument,
    symbol: Symbol,
    line: usize,
    assets: &[Asset],
    problems: &mut Problems<'_>,
) -> Option<Instrument> {
    let key = |name: &str| format!("instruments.{symbol}.{name}");
    let base = asset(
        entry.base.get_ref(),
        entry.base.span(),
        &key("base"),
        assets,
        problems,
    );
    let quote = asset(
        entry.quote.get_ref(),
        entry.quote.span(),
        &key("quote"),
        assets,
        problems,
    );
    let tick_size = price(&entry.tick_size, &key("tick_size"), problems);
    let (collar, maker_fee, taker_fee) = rates(entry, &key, problems);
    let protection = protection(entry, &key, problems);
    let (base, quote, tick_size) = (base?, quote?, tick_size?);
    if base.name == quote.name {
        problems.add(
            entry.quote.span(),
            key("quote"),
            format!("{} is traded for itself", base.name),
            "name another asset",
        );
        return None;
    }

    let tick_multiple = |number: &Spanned<Number>, name: &str, problems: &mut Problems<'_>| {
        let value = price(number, &key(name), problems)?;
        if value % tick_size == 0 {
            return Some(value);
        }
        problems.add(
            number.span(),
            key(name),
            format!(
                "{} is not a multiple of the tick size {}",
                number.get_ref(),
                entry.tick_size.get_ref()
            ),
            "round it to a multiple, or make tick_size smaller",
        );
        None
    };
    let price_max = match &entry.max_price {
        Some(number) => tick_multiple(number, "max_price", problems)?,
        None => price_max_default(tick_size),
    };
    let reference_price = tick_multiple(&entry.reference_price, "reference_price", problems)?;
    if reference_price > price_max {
        problems.add(
            entry.reference_price.span(),
            key("reference_price"),
            format!(
                "{} is above the highest price {}",
                entry.reference_price.get_ref(),
                decimal(u128::from(price_max), PRICE_DECIMALS)
            ),
            "raise max_price, or quote for fewer units with price_unit",
        );
        return None;
    }

    let lot_size = amount(&entry.lot_size, base, &key("lot_size"), problems)?;
    if lot_size >= LOT_MAX {
        problems.add(
            entry.lot_size.span(),
            key("lot_size"),
            format!(
                "{} {} are too many for one lot",
                entry.lot_size.get_ref(),
                base.name
            ),
            format!("write less than {}", decimal(LOT_MAX, base.decimals)),
        );
        return None;
    }
    let price_unit = match &entry.price_unit {
        Some(number) => amount(number, base, &key("price_unit"), problems)?,
        None => 10_u128.pow(u32::from(base.decimals)),
    };
    let price_unit_span = entry
        .price_unit
        .as_ref()
        .map_or(entry.lot_size.span(), Spanned::span);
    if price_unit % lot_size != 0 || u32::try_from(price_unit / lot_size).is_err() {
        problems.add(
            price_unit_span,
            key("price_unit"),
            format!(
                "a price for {} {} is not for a whole number of lots of {} (1 to 4,294,967,295)",
                decimal(price_unit, base.decimals),
                base.name,
                entry.lot_size.get_ref()
            ),
            "make price_unit a multiple of lot_size",
        );
        return None;
    }
    // What one lot costs at one tick, in smallest quote units, must be whole: a fill is then exact.
    let lots_in_unit = price_unit / lot_size;
    let tick_units = u128::from(tick_size) * 10_u128.pow(u32::from(quote.decimals));
    let divisor = 10_u128.pow(u32::from(PRICE_DECIMALS)) * lots_in_unit;
    if tick_units % divisor != 0 {
        problems.add(
            entry.tick_size.span(),
            key("tick_size"),
            format!(
                "a lot of {} {} at one tick of {} costs no whole number of the smallest {} (10^-{})",
                entry.lot_size.get_ref(),
                base.name,
                entry.tick_size.get_ref(),
                quote.name,
                quote.decimals
            ),
            format!(
                "make tick_size or lot_size larger, or give {} more decimals",
                quote.name
            ),
        );
        return None;
    }

    let quantity_max = *entry.max_quantity.get_ref();
    let highest = u128::from(price_max / tick_size) * u128::from(quantity_max);
    if quantity_max == 0
        || highest
            .checked_mul(tick_units / divisor)
            .is_none_or(|value| value > AMOUNT_MAX)
    {
        problems.add(
            entry.max_quantity.span(),
            key("max_quantity"),
            format!(
                "{quantity_max} lots at the highest price can not be counted in 10^-{}",
                quote.decimals
            ),
            "write 1 or more lots; lower it, or max_price, where the value is too large",
        );
        return None;
    }
    let notional_max = amount(&entry.max_notional, quote, &key("max_notional"), problems)?;
    let fat_finger = match &entry.fat_finger {
        Some(number) => amount(number, quote, &key("fat_finger"), problems)?,
        None => 0,
    };
    let (volatility_ppm, pause_seconds) = protection?;
    Some(Instrument {
        symbol,
        base: base.name,
        quote: quote.name,
        lot_size,
        price_unit,
        notional_max,
        fat_finger,
        tick_size,
        price_max,
        quantity_max,
        collar_ppm: collar?,
        maker_fee_ppm: maker_fee?,
        taker_fee_ppm: taker_fee?,
        reference_price,
        volatility_ppm,
        pause_seconds,
        line,
    })
}

/// Volatility and the length of its pause; zeros when there is no protection.
fn protection(
    entry: &file::Instrument,
    key: &impl Fn(&str) -> String,
    problems: &mut Problems<'_>,
) -> Option<(u32, u32)> {
    let Some(volatility) = &entry.volatility else {
        if let Some(pause) = &entry.pause {
            problems.add(
                pause.span(),
                key("pause"),
                "there is no volatility that it could follow",
                "add volatility, or take pause out",
            );
        }
        return Some((0, 0));
    };
    let ppm = volatility.get_ref().0;
    let ppm_fits = (1..=WHOLE_PPM).contains(&ppm);
    if !ppm_fits {
        problems.add(
            volatility.span(),
            key("volatility"),
            format!("{} is no distance from the last trade", percentage(ppm)),
            "write more than 0%, at most 100%, or leave the key out for no protection",
        );
    }
    let seconds = entry
        .pause
        .as_ref()
        .map_or(PAUSE.default, |pause| pause.get_ref().0);
    let seconds_fit = (PAUSE.least..=PAUSE.most).contains(&seconds);
    if let Some(pause) = &entry.pause
        && !seconds_fit
    {
        problems.add(
            pause.span(),
            key("pause"),
            format!("{seconds} seconds are no pause"),
            format!(
                "write {} s to {} s; left out, it is {} s",
                PAUSE.least, PAUSE.most, PAUSE.default
            ),
        );
    }
    let ppm = u32::try_from(ppm).ok().filter(|_| ppm_fits)?;
    let seconds = u32::try_from(seconds).ok().filter(|_| seconds_fit)?;
    Some((ppm, seconds))
}

/// Collar, maker fee, taker fee.
fn rates(
    entry: &file::Instrument,
    key: &impl Fn(&str) -> String,
    problems: &mut Problems<'_>,
) -> (Option<u32>, Option<i32>, Option<i32>) {
    let collar = entry.collar.get_ref().0;
    let collar_fits = (1..=10 * WHOLE_PPM).contains(&collar);
    if !collar_fits {
        problems.add(
            entry.collar.span(),
            key("collar"),
            format!("{} is no collar", percentage(collar)),
            "write more than 0%, at most 1000%",
        );
    }
    let (maker, taker) = (entry.maker_fee.get_ref().0, entry.taker_fee.get_ref().0);
    let taker_fits = (0..WHOLE_PPM).contains(&taker);
    if !taker_fits {
        problems.add(
            entry.taker_fee.span(),
            key("taker_fee"),
            format!("{} is no taker fee", percentage(taker)),
            "write 0% or more, below 100%",
        );
    }
    // Judged against a taker fee that can be.
    let maker_fits = taker_fits && maker < WHOLE_PPM && maker.saturating_add(taker) >= 0;
    if taker_fits && !maker_fits {
        problems.add(
            entry.maker_fee.span(),
            key("maker_fee"),
            format!(
                "{} with a taker fee of {}: a rebate must be paid from the taker's fee",
                percentage(maker),
                percentage(taker)
            ),
            format!("write {} or more, below 100%", percentage(-taker)),
        );
    }
    let rate = |fits: bool, value: i64| i32::try_from(value).ok().filter(|_| fits);
    (
        u32::try_from(collar).ok().filter(|_| collar_fits),
        rate(maker_fits, maker),
        rate(taker_fits, taker),
    )
}
