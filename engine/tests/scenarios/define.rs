//! Definitions of assets, instruments, accounts and sessions, and changes of them, as commands.

use engine::exchange::command::{
    AccountChange, AccountDefinition, AssetDefinition, Command, CommandKind, InstrumentChange,
    InstrumentDefinition, SessionDefinition, halves,
};
use engine::exchange::instrument::State;
use zerocopy::FromZeros;

use super::decimal;
use super::words::{Outcome, Word, Words};
use super::world::World;

/// States, as they are written.
pub(crate) const STATES: [(&str, State); 7] = [
    ("pre-open", State::PreOpen),
    ("auction", State::Auction),
    ("trading", State::Trading),
    ("pause", State::VolatilityPause),
    ("halted", State::Halted),
    ("cancel-only", State::CancelOnly),
    ("closed", State::Closed),
];

/// Self-match modes, as they are written.
pub(crate) const MODES: [(&str, u8); 5] = [("O", b'O'), ("W", b'W'), ("D", b'D'), ("B", b'B'), ("X", b'X')];

/// What an account may do, as it is written; 3 is for the refusal.
const PERMISSIONS: [(&str, u8); 4] = [("trade", 0), ("cancel", 1), ("view", 2), ("nonsense", 3)];

/// What can be added.
#[derive(Clone, Copy)]
pub(crate) enum Thing {
    Asset,
    Instrument,
    Account,
    Session,
}

/// Things, as they are written.
pub(crate) const THINGS: [(&str, Thing); 4] = [
    ("asset", Thing::Asset),
    ("instrument", Thing::Instrument),
    ("account", Thing::Account),
    ("session", Thing::Session),
];

/// The command that adds something. Its name is remembered when the exchange has room for it.
pub(crate) fn define(world: &mut World, words: &mut Words<'_>) -> Outcome<Command> {
    match words.one_of(&THINGS)? {
        Thing::Asset => asset(words),
        Thing::Instrument => instrument(world, words),
        Thing::Account => account(world, words),
        Thing::Session => session(world, words),
    }
}

fn asset(words: &mut Words<'_>) -> Outcome<Command> {
    let name = words.need("a name")?.padded("an asset")?;
    let mut definition = AssetDefinition {
        name,
        decimals: 8,
        ..AssetDefinition::new_zeroed()
    };
    if words.take("decimals") {
        definition.decimals = words.need("a number")?.number("decimals")?;
    }
    Ok(Command::new(CommandKind::AddAsset).with_definition(&definition))
}

/// `BTC-USD`, or `of SHIB in USD` behind any other symbol.
pub(crate) fn pair<'a>(symbol: Word<'a>, words: &mut Words<'a>) -> Outcome<(&'a str, &'a str)> {
    if words.take("of") {
        let base = words.need("an asset")?.text;
        words.keyword("in")?;
        return Ok((base, words.need("an asset")?.text));
    }
    symbol.text.split_once('-').ok_or_else(|| {
        symbol.fail("of which asset? Write `BTC-USD`, or `of BASE in QUOTE` behind the symbol")
    })
}

fn instrument(world: &World, words: &mut Words<'_>) -> Outcome<Command> {
    let symbol = words.need("a symbol")?;
    let (base, quote) = pair(symbol, words)?;
    let find = |name: &str| {
        world
            .find_asset(name)
            .ok_or_else(|| symbol.fail(format!("there is no asset {name}")))
    };
    let (base, quote) = (find(base)?, find(quote)?);
    let mut definition = InstrumentDefinition {
        symbol: symbol.padded("a symbol")?,
        price_max: 1_999_999_999,
        quantity_max: u32::MAX,
        base: base as u16,
        quote: quote as u16,
        ..InstrumentDefinition::new_zeroed()
    };
    let one = match decimal::parse("1", world.exchange.asset(base).expect("it was found").decimals) {
        Some(one) => one,
        None => unreachable!("one is a number"),
    };
    (definition.price_unit, definition.lot_size) = (halves(one), halves(one));
    definition.tick_size = 100;
    let allowed = [&OF_INSTRUMENT[..], &FIXED_OF_INSTRUMENT].concat();
    instrument_clauses(world, words, &allowed, &mut definition)?;
    only(words, &allowed, "state")?;
    Ok(Command::new(CommandKind::AddInstrument).with_definition(&definition))
}

/// Clauses of an instrument that can be changed ...
const OF_INSTRUMENT: [&str; 7] = [
    "reference",
    "collar",
    "max-value",
    "fat-finger",
    "max-lots",
    "maker",
    "taker",
];
/// ... and those that can not.
const FIXED_OF_INSTRUMENT: [&str; 4] = ["tick", "lot", "unit", "max-price"];

/// Reads clauses while there are any.
fn instrument_clauses(
    world: &World,
    words: &mut Words<'_>,
    allowed: &[&str],
    definition: &mut InstrumentDefinition,
) -> Outcome<()> {
    let (base, quote) = (u32::from(definition.base), u32::from(definition.quote));
    while let Some(clause) = words.peek().filter(|word| allowed.contains(&word.text)) {
        words.next();
        let value = words.need("a value")?;
        let amount = |asset| world.amount(asset, value).map(halves);
        let rate =
            || decimal::parse_rate(value.text).ok_or_else(|| value.fail("a rate is written 2bp or 10%"));
        match clause.text {
            "tick" => definition.tick_size = price(value)?,
            "lot" => definition.lot_size = amount(base)?,
            "unit" => definition.price_unit = amount(base)?,
            "reference" => definition.reference_price = price(value)?,
            "collar" => definition.collar_ppm = rate()?.unsigned_abs(),
            "max-value" => definition.notional_max = amount(quote)?,
            "fat-finger" => definition.fat_finger = amount(quote)?,
            "max-price" => definition.price_max = price(value)?,
            "max-lots" => definition.quantity_max = value.number("a number of lots")?,
            "maker" => definition.maker_fee_ppm = rate()?,
            _ => definition.taker_fee_ppm = rate()?,
        }
    }
    Ok(())
}

/// What follows the clauses must be `behind`, or nothing.
fn only(words: &Words<'_>, clauses: &[&str], behind: &str) -> Outcome<()> {
    match words.peek() {
        Some(word) if word.text != behind => {
            Err(word.fail(format!("allowed here: {}, {behind}", clauses.join(", "))))
        }
        _ => Ok(()),
    }
}

fn price(word: Word<'_>) -> Outcome<u32> {
    decimal::parse(word.text, 4)
        .and_then(|price| u32::try_from(price).ok())
        .ok_or_else(|| word.fail("a price has at most 4 decimal places and is at most 429496.7295"))
}

fn account(world: &mut World, words: &mut Words<'_>) -> Outcome<Command> {
    let word = words.need("a name")?;
    let name: [u8; 6] = word.padded("an account")?;
    if !word
        .text
        .bytes()
        .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    {
        return Err(word.fail("names are upper case letters and digits"));
    }
    let mut definition = AccountDefinition {
        name: word.padded("an account")?,
        firm: name[..4].try_into().expect("four of six"),
        self_match: b'O',
        ..AccountDefinition::new_zeroed()
    };
    account_clauses(words, &mut definition)?;
    only(words, &OF_ACCOUNT, "has")?;
    if world.exchange.account_count() < world.exchange.limits().accounts {
        world.accounts.push(word.text.to_owned());
    }
    Ok(Command::new(CommandKind::AddAccount).with_definition(&definition))
}

const OF_ACCOUNT: [&str; 11] = [
    "firm",
    "self-match",
    "max-lots",
    "max-orders",
    "rate",
    "burst",
    "cancel-on-disconnect",
    "no-cancel-on-disconnect",
    "fee-reports",
    "no-fee-reports",
    "may",
];

/// Reads clauses while there are any.
fn account_clauses(words: &mut Words<'_>, definition: &mut AccountDefinition) -> Outcome<()> {
    while let Some(clause) = words.peek().filter(|word| OF_ACCOUNT.contains(&word.text)) {
        words.next();
        match clause.text {
            "cancel-on-disconnect" => definition.cancel_on_disconnect = 1,
            "no-cancel-on-disconnect" => definition.cancel_on_disconnect = 0,
            "fee-reports" => definition.fee_reports = 1,
            "no-fee-reports" => definition.fee_reports = 0,
            "may" => definition.permissions = words.one_of(&PERMISSIONS)?,
            "firm" => definition.firm = words.need("a firm")?.padded("a firm")?,
            "self-match" => definition.self_match = words.one_of(&MODES)?,
            "max-lots" => definition.quantity_max = words.need("a number")?.number("a number of lots")?,
            "max-orders" => definition.open_orders_max = words.need("a number")?.number("orders")?,
            "rate" => definition.rate_per_second = words.need("a number")?.number("requests a second")?,
            _ => definition.rate_burst = words.need("a number")?.number("requests at once")?,
        }
    }
    Ok(())
}

/// `account ANN max-orders 3`, `instrument BTC-USD taker 3bp`: what is not named stays. NOBODY and NOTHING are for the
/// refusals.
pub(crate) fn change(world: &World, words: &mut Words<'_>) -> Outcome<Command> {
    if words.one_of(&[("account", true), ("instrument", false)])? {
        let name = words.need("an account")?;
        let mut definition = AccountDefinition::new_zeroed();
        let mut index = u32::MAX;
        if name.text != "NOBODY" {
            index = world.account(name)?;
            definition = world.exchange.account(index).expect("it was found").definition;
        }
        account_clauses(words, &mut definition)?;
        let change = AccountChange::new(index, &definition);
        return Ok(Command::new(CommandKind::ChangeAccount).with_definition(&change));
    }
    let symbol = words.need("a symbol")?;
    let mut definition = InstrumentDefinition::new_zeroed();
    let mut locate = u16::MAX;
    if symbol.text != "NOTHING" {
        locate = world.instrument(symbol)?;
        definition = *world.definition(locate);
    }
    instrument_clauses(world, words, &OF_INSTRUMENT, &mut definition)?;
    let mut command =
        Command::new(CommandKind::ChangeInstrument).with_definition(&InstrumentChange::new(&definition));
    command.instrument = locate;
    Ok(command)
}

fn session(world: &mut World, words: &mut Words<'_>) -> Outcome<Command> {
    let word = words.need("a name")?;
    words.keyword("of")?;
    let owner = words.need("an account")?;
    // `of NOBODY` is for the refusal.
    let account = if owner.text == "NOBODY" {
        u32::MAX
    } else {
        world.account(owner)?
    };
    let definition = SessionDefinition {
        username: word.padded("a session")?,
        account,
        ..SessionDefinition::new_zeroed()
    };
    let is_new = !world.sessions.iter().any(|known| known == word.text);
    if is_new && account != u32::MAX && world.exchange.session_count() < world.exchange.limits().sessions {
        world.sessions.push(word.text.to_owned());
    }
    Ok(Command::new(CommandKind::AddSession).with_definition(&definition))
}
