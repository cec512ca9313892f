//! Statements about how things stand: balances, books, orders. They change nothing.

use engine::exchange::OrderView;
use engine::exchange::book::Side;

use super::decimal;
use super::words::{Outcome, Words};
use super::world::World;

/// The first words of such statements.
pub(crate) const KINDS: [&str; 10] = [
    "balance", "book", "queue", "dark", "stops", "waiting", "order", "last", "fees", "due",
];

/// The whole statement as it is true.
pub(crate) fn truth(world: &World, words: &mut Words<'_>) -> Outcome<String> {
    let kind = words.need("a kind")?;
    let subject = words.need("what it is about")?;
    let about = match kind.text {
        "balance" => {
            let account = world.account(subject)?;
            let asset = words.need("an asset")?;
            let index = world.asset(asset)?;
            let balance = world.exchange.balance(account, index);
            let show = |amount| world.show_amount(index, amount as i128);
            let (available, held) = (show(balance.available), show(balance.held));
            format!(
                "{} {} available {available} held {held}",
                subject.text, asset.text
            )
        }
        "fees" => {
            let asset = world.asset(subject)?;
            let fees = world.exchange.asset(asset).expect("it was found").fees;
            format!("{} {}", subject.text, world.show_amount(asset, fees))
        }
        "waiting" => {
            let locate = world.instrument(subject)?;
            let orders = world.exchange.waiting(locate).map(|view| {
                let quantity = world.show_lots(locate, u64::from(view.open));
                let price = world.show_price(locate, view.price);
                format!("{} {quantity}@{price}", world.name(view.session, view.user_ref))
            });
            format!("{} {}", subject.text, or_none(orders))
        }
        "due" => {
            let next = world.exchange.next_due().map(|due| {
                let symbol = match due.instrument {
                    0 => String::new(),
                    locate => format!(" {}", world.symbol(locate)),
                };
                let after = due.time.saturating_sub(world.time);
                format!(
                    "{:?}{symbol} in {}s",
                    due.kind,
                    decimal::show(i128::from(after), 9, 0)
                )
            });
            format!("{} {}", subject.text, or_none(next.into_iter()))
        }
        "book" => {
            let locate = world.instrument(subject)?;
            let (bids, asks) = (
                levels(world, locate, Side::Buy),
                levels(world, locate, Side::Sell),
            );
            format!("{} bids {bids} asks {asks}", subject.text)
        }
        "queue" | "dark" => {
            let locate = world.instrument(subject)?;
            let exchange = &world.exchange;
            let side = |side| match kind.text {
                "queue" => queue(world, locate, exchange.resting(locate, side), |view| {
                    view.displayed
                }),
                _ => queue(world, locate, exchange.dark(locate, side), |view| {
                    view.open - view.displayed
                }),
            };
            let (bids, asks) = (side(Side::Buy), side(Side::Sell));
            format!("{} bids {bids} asks {asks}", subject.text)
        }
        "stops" => {
            let locate = world.instrument(subject)?;
            let side = |side| {
                queue(world, locate, world.exchange.stops(locate, side), |view| {
                    view.open
                })
            };
            let (buys, sells) = (side(Side::Buy), side(Side::Sell));
            format!("{} buys {buys} sells {sells}", subject.text)
        }
        "last" => {
            let locate = world.instrument(subject)?;
            let last = world
                .exchange
                .instrument(locate)
                .expect("it was found")
                .last_trade;
            let told = if last.match_number == 0 {
                "none".to_owned()
            } else {
                let quantity = world.show_lots(locate, u64::from(last.quantity));
                let price = world.show_price(locate, last.price);
                format!("{quantity}@{price} match {}", last.match_number)
            };
            format!("{} {told}", subject.text)
        }
        _ => {
            let (name, user_ref) = subject
                .text
                .split_once('.')
                .ok_or_else(|| subject.fail("an order is written NAME.7"))?;
            let session = world.session(subject, name)?;
            let user_ref = user_ref
                .parse()
                .map_err(|_| subject.fail("behind the point stands a UserRefNum"))?;
            format!("{} {}", subject.text, order(world, session, user_ref))
        }
    };
    Ok(format!("{} {about}", kind.text))
}

fn order(world: &World, session: u32, user_ref: u32) -> String {
    if let Some(order) = world.exchange.order(session, user_ref) {
        let (value, fees) = (order.executed_notional, order.fees);
        let amounts = amounts(world, order.instrument, [order.open, order.executed], value, fees);
        return format!("live {amounts}");
    }
    let Some((order, state)) = world.ended.get(&(session, user_ref)) else {
        return "unknown".to_owned();
    };
    let state = if *state == b'F' { "filled" } else { "canceled" };
    let lots = [order.quantity - order.executed, order.executed];
    let amounts = amounts(world, order.instrument, lots, order.executed_notional, order.fees);
    format!("{state} {amounts}")
}

fn amounts(world: &World, locate: u16, lots: [u32; 2], value: u128, fees: i128) -> String {
    let quote = u32::from(world.definition(locate).quote);
    let [open, executed] = lots.map(|lots| world.show_lots(locate, u64::from(lots)));
    format!(
        "open {open} executed {executed} value {} fees {}",
        world.show_amount(quote, value as i128),
        world.show_amount(quote, fees),
    )
}

fn or_none(texts: impl Iterator<Item = String>) -> String {
    let texts: Vec<_> = texts.collect();
    if texts.is_empty() {
        "-".to_owned()
    } else {
        texts.join(" ")
    }
}

/// Quantity and price of each level, best first.
fn levels(world: &World, locate: u16, side: Side) -> String {
    or_none(world.exchange.levels(locate, side).map(|(price, quantity, _)| {
        format!(
            "{}@{}",
            world.show_lots(locate, quantity),
            world.show_price(locate, price)
        )
    }))
}

/// Owner, quantity and price of each order, first to trade first.
fn queue(
    world: &World,
    locate: u16,
    orders: impl Iterator<Item = OrderView>,
    lots: impl Fn(&OrderView) -> u32,
) -> String {
    or_none(orders.map(|view| {
        let quantity = world.show_lots(locate, u64::from(lots(&view)));
        let price = world.show_price(locate, view.price);
        format!("{} {quantity}@{price}", world.name(view.session, view.user_ref))
    }))
}
