//! What there is: capacities, assets, instruments, accounts, sessions. `given` defines and opens it; the operator's
//! `adds` sends the bare command.

use engine::exchange::command::{
    AccountDefinition, AssetDefinition, Command, CommandKind, InstrumentDefinition, SessionDefinition,
    StateChange, Transfer, halves,
};
use engine::exchange::{Limits, instrument::State};
use protocol::units::text_field;
use zerocopy::FromZeros;

use super::decimal;
use super::words::{Outcome, Word, Words};
use super::world::{LIMITS, World};

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

#[derive(Clone, Copy)]
enum Thing {
    Asset,
    Instrument,
    Account,
    Session,
}

const THINGS: [(&str, Thing); 4] = [
    ("asset", Thing::Asset),
    ("instrument", Thing::Instrument),
    ("account", Thing::Account),
    ("session", Thing::Session),
];

/// `given capacity orders 3 ...`: must come before everything else.
pub(crate) fn capacity(world: &mut World, word: Word<'_>, words: &mut Words<'_>) -> Outcome<()> {
    if world.exchange.sequence() > 0 {
        return Err(word.fail("capacities come before everything else"));
    }
    let mut limits: Limits = LIMITS;
    while words.peek().is_some() {
        let field = words.one_of(&[
            ("orders", 0),
            ("levels", 1),
            ("accounts", 2),
            ("sessions", 3),
            ("assets", 4),
            ("instruments", 5),
        ])?;
        let number = words.need("a number")?.number("a capacity")?;
        let fields = [
            &mut limits.orders,
            &mut limits.levels,
            &mut limits.accounts,
            &mut limits.sessions,
            &mut limits.assets,
            &mut limits.instruments,
        ];
        *fields.into_iter().nth(field).expect("there are six") = number;
    }
    *world = World::new(limits);
    Ok(())
}

/// `given asset ...` and the like: everything that it needs, in the order it is needed.
pub(crate) fn given(world: &mut World, word: Word<'_>, words: &mut Words<'_>) -> Outcome<()> {
    let run = |world: &mut World, command: Command| {
        let events = world.apply(command).map_err(|broken| word.fail(broken))?;
        match events.iter().find(|event| event.detail != 0) {
            None => Ok(()),
            Some(event) => Err(word.fail(format!("the exchange does not take this: {event:?}"))),
        }
    };
    let thing = words.clone().one_of(&THINGS)?;
    let mut later = words.clone();
    if let Thing::Instrument = thing {
        let (_, symbol) = (words.next(), words.need("a symbol")?);
        let (base, quote) = pair(symbol, words)?;
        for name in [base, quote] {
            if world.find_asset(name).is_none() {
                let asset = AssetDefinition {
                    name: text_field(name).ok_or_else(|| symbol.fail("an asset has at most 8 characters"))?,
                    decimals: 8,
                    ..AssetDefinition::new_zeroed()
                };
                run(world, Command::new(CommandKind::AddAsset).with_definition(&asset))?;
            }
        }
    }
    let command = define(world, &mut later)?;
    run(world, command)?;
    match thing {
        Thing::Instrument => {
            let state = if later.take("state") {
                later.one_of(&STATES)?
            } else {
                State::Trading
            };
            run(world, set_state(world.exchange.instrument_count(), state))?;
        }
        Thing::Account => {
            let account = world.exchange.account_count() - 1;
            let session = SessionDefinition {
                username: text_field(&world.accounts[account as usize]).expect("define has looked"),
                account,
                ..SessionDefinition::new_zeroed()
            };
            run(
                world,
                Command::new(CommandKind::AddSession).with_definition(&session),
            )?;
            world.sessions.push(world.accounts[account as usize].clone());
            if later.take("has") {
                while let Some(amount) = later.next() {
                    let asset = world.asset(later.need("an asset")?)?;
                    let amount = world.amount(asset, amount)?;
                    run(world, transfer(CommandKind::Deposit, account, asset, amount))?;
                }
            }
        }
        Thing::Asset | Thing::Session => {}
    }
    later.end()
}

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
fn pair<'a>(symbol: Word<'a>, words: &mut Words<'a>) -> Outcome<(&'a str, &'a str)> {
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
    const CLAUSES: [&str; 11] = [
        "tick",
        "lot",
        "unit",
        "reference",
        "collar",
        "max-value",
        "fat-finger",
        "max-price",
        "max-lots",
        "maker",
        "taker",
    ];
    while let Some(clause) = words.peek().filter(|word| CLAUSES.contains(&word.text)) {
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
    if let Some(word) = words.peek().filter(|word| word.text != "state") {
        return Err(word.fail(format!("allowed here: {}, state", CLAUSES.join(", "))));
    }
    Ok(Command::new(CommandKind::AddInstrument).with_definition(&definition))
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
    const CLAUSES: [&str; 8] = [
        "firm",
        "self-match",
        "max-lots",
        "max-orders",
        "rate",
        "burst",
        "cancel-on-disconnect",
        "fee-reports",
    ];
    while let Some(clause) = words.peek().filter(|word| CLAUSES.contains(&word.text)) {
        words.next();
        match clause.text {
            "cancel-on-disconnect" => definition.cancel_on_disconnect = 1,
            "fee-reports" => definition.fee_reports = 1,
            "firm" => definition.firm = words.need("a firm")?.padded("a firm")?,
            "self-match" => definition.self_match = words.one_of(&MODES)?,
            "max-lots" => definition.quantity_max = words.need("a number")?.number("a number of lots")?,
            "max-orders" => definition.open_orders_max = words.need("a number")?.number("orders")?,
            "rate" => definition.rate_per_second = words.need("a number")?.number("requests a second")?,
            _ => definition.rate_burst = words.need("a number")?.number("requests at once")?,
        }
    }
    if let Some(word) = words.peek().filter(|word| word.text != "has") {
        return Err(word.fail(format!("allowed here: {}, has", CLAUSES.join(", "))));
    }
    if world.exchange.account_count() < world.exchange.limits().accounts {
        world.accounts.push(word.text.to_owned());
    }
    Ok(Command::new(CommandKind::AddAccount).with_definition(&definition))
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

/// The state of an instrument.
pub(crate) fn set_state(instrument: u16, state: State) -> Command {
    let mut command = value(CommandKind::SetState, state as u8);
    command.instrument = instrument;
    command
}

/// A command that carries one byte.
pub(crate) fn value(kind: CommandKind, value: u8) -> Command {
    let mut command = Command::new(kind);
    command.body = zerocopy::transmute!(StateChange {
        value,
        spare: [0; 39],
    });
    command
}

/// A deposit or withdrawal.
pub(crate) fn transfer(kind: CommandKind, account: u32, asset: u32, amount: u128) -> Command {
    let mut command = Command::new(kind);
    command.body = zerocopy::transmute!(Transfer {
        amount: halves(amount),
        account,
        asset,
        spare: [0; 16],
    });
    command
}
