//! What customers ask, as commands.

use engine::exchange::command::{Command, CommandKind, Order, OrderOptions, UNKNOWN_INSTRUMENT};
use protocol::units::Price;
use zerocopy::FromZeros;

use super::decimal;
use super::options::{self, Asked};
use super::words::{Outcome, Word, Words};
use super::world::World;

const REQUESTS: &str = "buy, sell, short, short-exempt, side, replace, cancel, modify, mass-cancel, disable, enable, \
                        query, connect, disconnect";

/// `NAME request ...`, `NAME.7 request ...`: the next UserRefNum, or the one that is named.
pub(crate) fn of_customer(world: &mut World, word: Word<'_>, words: &mut Words<'_>) -> Outcome<Command> {
    let (name, number) = match word.text.split_once('.') {
        Some((name, number)) => (name, Some(number)),
        None => (word.text, None),
    };
    let session = world.session(word, name)?;
    let mark = world.exchange.session(session).expect("it is known").mark;
    let user_ref = match number {
        None => mark.saturating_add(1),
        Some(number) => number
            .parse()
            .map_err(|_| word.fail("behind the point stands a UserRefNum"))?,
    };
    let verb = words.need(REQUESTS)?;
    let mut command = match verb.text {
        "buy" => enter(world, words, user_ref, b'B')?,
        "sell" => enter(world, words, user_ref, b'S')?,
        "short" => enter(world, words, user_ref, b'T')?,
        "short-exempt" => enter(world, words, user_ref, b'E')?,
        "side" => {
            let side = words.need("a side")?.character("a side")?;
            enter(world, words, user_ref, side)?
        }
        "replace" => replace(world, words, session, user_ref)?,
        "cancel" | "modify" => reduce(world, words, session, verb.text)?,
        "mass-cancel" => mass_cancel(world, words, user_ref)?,
        "disable" => with_number(CommandKind::DisableOrderEntry, user_ref),
        "enable" => with_number(CommandKind::EnableOrderEntry, user_ref),
        "query" => Command::new(CommandKind::AccountQuery),
        "connect" => Command::new(CommandKind::ConnectionStart),
        "disconnect" => Command::new(CommandKind::ConnectionEnd),
        _ => return Err(verb.fail(format!("allowed here: {REQUESTS}"))),
    };
    words.end()?;
    command.session = session;
    let kind = CommandKind::from_byte(command.kind);
    if let Some(CommandKind::Enter | CommandKind::Replace) = kind {
        let locate = match kind {
            Some(CommandKind::Enter) => command.instrument,
            _ => original(world, session, command.order().orig_user_ref),
        };
        world.used_for.entry((session, user_ref)).or_insert(locate);
    }
    Ok(command)
}

/// The price as it goes over the wire.
fn price(words: &mut Words<'_>) -> Outcome<u64> {
    let allowed = "a price, market, or `raw` and a number";
    let word = words.need(allowed)?;
    match word.text {
        "market" => Ok(Price::MARKET.0),
        "raw" => words.need("a number")?.number("a raw price"),
        text => decimal::parse(text, 4)
            .and_then(|price| u64::try_from(price).ok())
            .ok_or_else(|| {
                word.fail(format!(
                    "a price has at most 4 decimal places; allowed here: {allowed}"
                ))
            }),
    }
}

/// An order that says nothing special.
fn plain(user_ref: u32) -> Order {
    Order {
        price: 0,
        user_ref,
        orig_user_ref: 0,
        quantity: 0,
        cl_ord_id: *b"              ",
        side: b'B',
        time_in_force: b'0',
        display: b'Y',
        capacity: b'A',
        sweep: b'N',
        cross_type: b'N',
    }
}

/// `buy 10 BTC-USD at 60.00 OPTIONS`
fn enter(world: &World, words: &mut Words<'_>, user_ref: u32, side: u8) -> Outcome<Command> {
    let quantity = words.need("a quantity")?;
    let symbol = words.need("a symbol")?;
    let instrument = world.find_instrument(symbol.text).unwrap_or(UNKNOWN_INSTRUMENT);
    let mut order = plain(user_ref);
    order.side = side;
    order.quantity = world.lots(instrument, quantity)?;
    words.keyword("at")?;
    order.price = price(words)?;
    asked(world, words, CommandKind::Enter, instrument, order)
}

/// `replace 1 with 8 at 61.00 OPTIONS`
fn replace(world: &World, words: &mut Words<'_>, session: u32, user_ref: u32) -> Outcome<Command> {
    let mut order = plain(user_ref);
    // A replacement has none of these.
    (order.side, order.capacity, order.cross_type) = (0, 0, 0);
    order.orig_user_ref = words.need("a UserRefNum")?.number("a UserRefNum")?;
    let instrument = original(world, session, order.orig_user_ref);
    words.keyword("with")?;
    order.quantity = world.lots(instrument, words.need("a quantity")?)?;
    words.keyword("at")?;
    order.price = price(words)?;
    let mut command = asked(world, words, CommandKind::Replace, instrument, order)?;
    command.instrument = 0;
    Ok(command)
}

fn asked(
    world: &World,
    words: &mut Words<'_>,
    kind: CommandKind,
    instrument: u16,
    order: Order,
) -> Outcome<Command> {
    let mut asked = Asked {
        order,
        options: OrderOptions::new_zeroed(),
        flags: 0,
    };
    options::read(world, instrument, words, &mut asked)?;
    Ok(Command {
        flags: asked.flags,
        instrument,
        ..Command::new(kind)
    }
    .with_order(asked.order)
    .with_options(asked.options))
}

/// `cancel 1`, `cancel 1 to 5`, `modify 1 buy to 5`
fn reduce(world: &World, words: &mut Words<'_>, session: u32, verb: &str) -> Outcome<Command> {
    let user_ref = words.need("a UserRefNum")?.number("a UserRefNum")?;
    let mut order = Order {
        user_ref,
        ..Order::new_zeroed()
    };
    let instrument = original(world, session, user_ref);
    let kind = if verb == "modify" {
        order.side = words.one_of(&[("buy", b'B'), ("sell", b'S'), ("short", b'T')])?;
        words.keyword("to")?;
        order.quantity = world.lots(instrument, words.need("a quantity")?)?;
        CommandKind::Modify
    } else {
        if words.peek().is_some() {
            words.keyword("to")?;
            order.quantity = world.lots(instrument, words.need("a quantity")?)?;
        }
        CommandKind::Cancel
    };
    Ok(Command::new(kind).with_order(order))
}

/// `mass-cancel symbol BTC-USD firm ANN group 7 side buy`
fn mass_cancel(world: &World, words: &mut Words<'_>, user_ref: u32) -> Outcome<Command> {
    let mut command = with_number(CommandKind::MassCancel, user_ref);
    let mut options = command.options();
    while let Some(word) = words.next() {
        match word.text {
            "symbol" => {
                let symbol = words.need("a symbol")?.text;
                command.instrument = world.find_instrument(symbol).unwrap_or(UNKNOWN_INSTRUMENT);
            }
            "firm" => options.firm = words.need("a firm")?.padded("a firm")?,
            "group" => {
                options.group = words.need("a group")?.number("a group")?;
                options.present |= OrderOptions::HAS_GROUP;
            }
            "side" => {
                options.side = words.one_of(&[("buy", b'B'), ("sell", b'S'), ("short", b'T')])?;
                options.present |= OrderOptions::HAS_SIDE;
            }
            "malformed" => options.present |= OrderOptions::MALFORMED,
            _ => return Err(word.fail("allowed here: symbol, firm, group, side, malformed")),
        }
    }
    Ok(command.with_options(options))
}

/// A request of the account's own: a number and a firm, which is blank.
fn with_number(kind: CommandKind, user_ref: u32) -> Command {
    let order = Order {
        user_ref,
        ..Order::new_zeroed()
    };
    let options = OrderOptions {
        present: OrderOptions::HAS_FIRM,
        firm: *b"    ",
        ..OrderOptions::new_zeroed()
    };
    Command::new(kind).with_order(order).with_options(options)
}

/// The instrument of an order, by what its number was used for; the first one of a number that was never used.
fn original(world: &World, session: u32, user_ref: u32) -> u16 {
    *world.used_for.get(&(session, user_ref)).unwrap_or(&1)
}
