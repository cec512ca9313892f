//! Cases as text: what is sent, and what it causes. Exchange and model take each line side by side.
//!
//! A line is a request or something that the operator does; those behind it, indented, are its events. An order is
//! session, side, lots, price (`M` for a market order), then what else it says: `n` hidden, `f3` shows 3 lots, `s12` waits
//! for 12, `xO` only for the opening, `ioc`, `g` good till canceled, `o2` replaces its session's order 2, `$500` funds.

use std::fmt::Write;

use super::market::{ONE, SECOND, instrument, market_of, next};
use super::world::{World, no_options, plain_order};
use engine::exchange::command::{Command, CommandKind, InstrumentDefinition, Order, OrderOptions};
use engine::exchange::event::{Event, EventKind};

/// A number behind the letter of a word.
fn number(word: &str) -> u64 {
    word[1..].parse().expect("a number")
}

fn order(world: &World, words: &[&str]) -> Command {
    let session = words[0].parse().expect("a session");
    let mut order = plain_order();
    let mut options = no_options();
    order.user_ref = next(world, session);
    order.side = words[1].as_bytes()[0];
    order.quantity = words[2].parse().expect("lots");
    order.price = match words[3] {
        "M" => 0x7FFF_FFFF,
        price => price.parse::<u64>().expect("a price") * ONE,
    };
    for word in &words[4..] {
        match word.as_bytes()[0] {
            b'n' => order.display = b'N',
            b'g' => order.time_in_force = b'G',
            b'i' => order.time_in_force = b'3',
            b'x' => order.cross_type = word.as_bytes()[1],
            b'o' => order.orig_user_ref = number(word) as u32,
            b'f' => {
                options.present |= OrderOptions::HAS_MAX_FLOOR;
                options.max_floor = number(word) as u32;
            }
            b's' => {
                options.present |= OrderOptions::HAS_STOP_PRICE;
                options.stop_price = number(word) * ONE;
            }
            b'$' => {
                options.present |= OrderOptions::HAS_FUNDS;
                options.funds = number(word);
            }
            _ => panic!("{word}: what is that?"),
        }
    }
    let kind = if order.orig_user_ref == 0 {
        CommandKind::Enter
    } else {
        CommandKind::Replace
    };
    let mut command = Command::new(kind).with_order(order).with_options(options);
    (command.session, command.instrument) = (session, u16::from(kind == CommandKind::Enter));
    command
}

pub(super) fn command(world: &mut World, line: &str) -> Command {
    let words: Vec<_> = line.split_whitespace().collect();
    let first = |word: &str| word.as_bytes()[0];
    let mut command = match words[0] {
        "state" => {
            let auction = words.get(2).map_or(0, |word| first(word));
            Command::new(CommandKind::SetState).with_auction(first(words[1]), auction)
        }
        "event" => Command::new(CommandKind::SystemEvent).with_state(first(words[1])),
        "roll" => Command::new(CommandKind::RollDay),
        "imbalance" => Command::new(CommandKind::Imbalance),
        "reopen" => {
            world.time += SECOND;
            Command::new(CommandKind::Reopen)
        }
        "protect" => Command::new(CommandKind::SetProtection)
            .with_protection(words[1].parse().expect("parts per million"), 1),
        "cancel" => {
            let mut order: Order = plain_order();
            order.user_ref = words[2].parse().expect("a number");
            order.quantity = words[3].parse().expect("lots");
            let mut command = Command::new(CommandKind::Cancel).with_order(order);
            command.session = words[1].parse().expect("a session");
            return command;
        }
        _ => return order(world, &words),
    };
    command.instrument = 1;
    command
}

/// An event in short: kind, whose, what, for how much.
fn short(event: &Event) -> String {
    let kind = event.kind();
    let mut text = format!("{kind:?}");
    let number = event.number;
    let (code, side) = (char::from(event.code), char::from(event.detail as u8));
    let price = match u64::from(event.price) {
        0x7FFF_FFFF => "M".to_owned(),
        price => (price / ONE).to_string(),
    };
    let quantity = event.quantity;
    match kind {
        EventKind::Rejected => write!(text, " {:#06x}", event.detail),
        EventKind::Accepted | EventKind::Replaced => {
            write!(text, " {}/{} {quantity} #{number}", event.session, event.user_ref)
        }
        EventKind::Added => write!(text, " {code} {quantity} at {price} #{number}"),
        EventKind::Carried => write!(
            text,
            " {}/{} {side} {quantity} at {price} #{number}",
            event.session, event.user_ref
        ),
        EventKind::PriorityUpdated => {
            write!(text, " {}/{} at {price} #{number}", event.session, event.user_ref)
        }
        EventKind::CrossMatch | EventKind::CrossDone => write!(text, " {code} {quantity} at {price}"),
        EventKind::ImbalanceVolume => write!(
            text,
            " {number} near {price} far {} {}",
            u64::from(event.detail) / ONE,
            match quantity as u8 {
                b' ' => '-',
                variation => char::from(variation),
            }
        ),
        EventKind::ImbalanceSide => write!(text, " {number} {code}"),
        EventKind::TradingAction | EventKind::SystemEvent => write!(text, " {code}"),
        EventKind::ExecutedIncoming => {
            write!(
                text,
                " {}/{} {quantity} at {price}",
                event.session, event.user_ref
            )
        }
        EventKind::ExecutedResting
        | EventKind::ExecutedUnseen
        | EventKind::CrossExecuted
        | EventKind::CrossExecutedUnseen => {
            write!(text, " {}/{} {quantity} #{number}", event.session, event.user_ref)
        }
        EventKind::CanceledUnbooked
        | EventKind::CanceledReduced
        | EventKind::CanceledDeleted
        | EventKind::SelfMatchIncoming
        | EventKind::SelfMatchUnseen
        | EventKind::SelfMatchReduced
        | EventKind::SelfMatchDeleted => {
            write!(text, " {}/{} {quantity} {code}", event.session, event.user_ref)
        }
        EventKind::Restated | EventKind::Reduced => write!(text, " {quantity} #{number}"),
        _ => Ok(()),
    }
    .expect("a string takes everything");
    text
}

/// Runs a case in a market of four accounts and compares every event. Of an order that is only accepted and waits the
/// events may be left out.
pub(super) fn check(case: &str) {
    check_in(instrument(), case);
}

pub(super) fn check_in(instrument: InstrumentDefinition, case: &str) {
    let mut world = market_of(4, instrument);
    let mut lines = case
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| (line.starts_with("            "), line.trim()))
        .peekable();
    while let Some((is_event, line)) = lines.next() {
        assert!(!is_event, "{line}: an event of nothing");
        let command = command(&mut world, line);
        let events = world.apply(command).events;
        let mut expected = Vec::new();
        while let Some((_, event)) = lines.next_if(|&(is_event, _)| is_event) {
            expected.push(event.to_owned());
        }
        let told: Vec<_> = events.iter().map(short).collect();
        if expected.is_empty() {
            let waits = |event: &String| {
                ["Accepted", "Added", "TradingAction"]
                    .iter()
                    .any(|kind| event.starts_with(kind))
            };
            assert!(told.iter().all(waits), "{line}: {told:#?}");
        } else {
            assert!(told == expected, "{line}:\n{told:#?}\nnot\n{expected:#?}");
        }
    }
}
