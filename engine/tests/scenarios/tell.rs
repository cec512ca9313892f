//! Events in the scenarios' words. What a reader of the request knows already is not said again: whose order it is when
//! it is the request's own, its price and quantity when they are as entered.

use engine::exchange::command::{Command, CommandKind};
use engine::exchange::event::{Event, EventKind};

use super::world::World;

/// The words an event may begin with, behind its owner.
pub(crate) const BEGINNINGS: [&str; 24] = [
    "accepted",
    "rejected",
    "replaced",
    "canceled",
    "self-match",
    "executed",
    "fee",
    "book",
    "modified",
    "mass-cancel",
    "cancel",
    "order-entry",
    "next",
    "listed",
    "trading-action",
    "system-event",
    "refused",
    "cross",
    "imbalance",
    "paired",
    "priority",
    "restated",
    "carried",
    "day",
];

/// Everything a command caused, one text for each event.
pub(crate) fn tell(world: &World, command: &Command, events: &[Event]) -> Vec<String> {
    let one = |(place, event): (usize, &Event)| {
        // A fee is paid in the quote asset of the execution behind it.
        let locate = match events.get(place + 1) {
            Some(next) if event.kind() == EventKind::Fee => next.instrument,
            _ => event.instrument,
        };
        owner(world, command, event)
            + &words(world, command, event, locate)
            + &elsewhere(world, command, event)
    };
    events.iter().enumerate().map(one).collect()
}

/// Whose it is, if it is not the request's own order.
fn owner(world: &World, command: &Command, event: &Event) -> String {
    use EventKind as Kind;
    match event.kind() {
        Kind::Deleted
        | Kind::Reduced
        | Kind::BookReplaced
        | Kind::InstrumentListed
        | Kind::TradingAction
        | Kind::SystemEvent
        | Kind::OperationRefused
        | Kind::CrossMatch
        | Kind::CrossDone
        | Kind::ImbalanceVolume
        | Kind::ImbalanceSide
        | Kind::DayRolled => return String::new(),
        _ => {}
    }
    let asks =
        CommandKind::from_byte(command.kind).filter(|kind| (*kind as u8) < CommandKind::ConnectionEnd as u8);
    let own = asks.map(|_| (command.session, command.order().user_ref));
    let is_own = own == Some((event.session, event.user_ref));
    match event.kind() {
        Kind::SessionEvent => format!("{} ", world.sessions[event.session as usize]),
        Kind::AccountAnswered if own.is_some_and(|own| own.0 == event.session) => String::new(),
        _ if is_own => String::new(),
        _ => format!("{} ", world.name(event.session, event.user_ref)),
    }
}

/// The instrument, where the request does not say it and it is not the first.
fn elsewhere(world: &World, command: &Command, event: &Event) -> String {
    let is_named = event.instrument <= 1 || event.instrument == command.instrument;
    let says_it = matches!(
        event.kind(),
        EventKind::InstrumentListed | EventKind::TradingAction
    );
    let asked = world.used_for.get(&(
        command.session,
        command.order().orig_user_ref.max(command.order().user_ref),
    ));
    if is_named || says_it || asked == Some(&event.instrument) {
        String::new()
    } else {
        format!(" in {}", world.symbol(event.instrument))
    }
}

fn words(world: &World, command: &Command, event: &Event, locate: u16) -> String {
    let lots = |lots| world.show_lots(locate, u64::from(lots));
    let price = || world.show_price(locate, event.price);
    let number = event.number;
    let code = char::from(event.code);
    let quote = || u32::from(world.definition(locate).quote);
    match event.kind() {
        EventKind::Accepted => {
            let order = command.order();
            let as_entered = event.quantity == order.quantity
                && (u64::from(event.price) == order.price)
                && event.instrument == command.instrument;
            let terms = if as_entered {
                String::new()
            } else {
                format!(" {} at {}", lots(event.quantity), price())
            };
            format!("accepted #{number}{terms}{}", state(event.code))
        }
        EventKind::Rejected => format!("rejected 0x{:04X} {}", event.detail, reject_reason(event.detail)),
        EventKind::Replaced => {
            let [byte, capacity, cross, _] = event.detail.to_le_bytes();
            let mut rest = String::new();
            if capacity != b'A' {
                rest += &format!(" capacity {}", char::from(capacity));
            }
            if cross != b'N' {
                rest += &format!(" cross {}", char::from(cross));
            }
            let (quantity, side) = (lots(event.quantity), side(byte));
            format!(
                "replaced #{number} {side} {quantity} at {}{rest}{}",
                price(),
                state(event.code)
            )
        }
        EventKind::CanceledUnbooked | EventKind::CanceledReduced | EventKind::CanceledDeleted => {
            let (quantity, reason) = (lots(event.quantity), cancel_reason(event.code));
            format!(
                "canceled {quantity} #{number} {code} {reason}{}",
                of_book(event.kind())
            )
        }
        EventKind::SelfMatchIncoming
        | EventKind::SelfMatchReduced
        | EventKind::SelfMatchDeleted
        | EventKind::SelfMatchUnseen => format!(
            "self-match {code} prevents {} at {}, cancels {} #{number}{}",
            lots(event.detail),
            price(),
            lots(event.quantity),
            of_book(event.kind()),
        ),
        EventKind::ExecutedResting | EventKind::ExecutedUnseen => {
            format!(
                "executed {} at {} #{number} {}",
                lots(event.quantity),
                price(),
                flag(event.code)
            )
        }
        EventKind::ExecutedIncoming => {
            let (quantity, flag) = (lots(event.quantity), flag(event.code));
            format!("executed {quantity} at {} match {number} {flag}", price())
        }
        EventKind::Added => {
            let firm = match event.detail {
                0 => String::new(),
                firm => format!(" firm {}", String::from_utf8_lossy(&firm.to_le_bytes())),
            };
            let (side, quantity) = (side(event.code), lots(event.quantity));
            format!("book adds #{number} {side} {quantity} at {}{firm}", price())
        }
        EventKind::Deleted => format!("book deletes #{number}"),
        EventKind::Reduced => format!("book reduces #{number} by {}", lots(event.quantity)),
        EventKind::BookReplaced => format!("book replaces #{number}"),
        EventKind::Modified => {
            let locate = world.used_for.get(&(event.session, event.user_ref));
            let locate = *locate.unwrap_or(&event.instrument);
            let open = world.show_lots(locate, u64::from(event.quantity));
            format!("modified {} {open}", side(event.code))
        }
        EventKind::MassCanceled => "mass-cancel answered".to_owned(),
        EventKind::OrderEntryDisabled => "order-entry disabled".to_owned(),
        EventKind::CancelRefused => "cancel refused".to_owned(),
        EventKind::OrderEntryEnabled => "order-entry enabled".to_owned(),
        EventKind::AccountAnswered => format!("next {}", event.quantity),
        EventKind::InstrumentListed => format!("listed {}", world.symbol(locate)),
        EventKind::TradingAction => {
            let symbol = String::from_utf8_lossy(&number.to_be_bytes())
                .trim_end()
                .to_owned();
            format!("trading-action {symbol} {code}")
        }
        EventKind::SystemEvent | EventKind::SessionEvent => format!("system-event {code}"),
        EventKind::Fee => format!("fee {}", world.show_amount(quote(), i128::from(number as i64))),
        EventKind::OperationRefused => format!("refused {}", refusal(event.detail)),
        EventKind::CrossMatch => {
            format!(
                "cross {code} match {number} of {} at {}",
                lots(event.quantity),
                price()
            )
        }
        EventKind::CrossExecuted | EventKind::CrossExecutedUnseen => {
            let unseen = if event.kind() == EventKind::CrossExecuted {
                ""
            } else {
                " unseen"
            };
            format!(
                "executed {} at {} #{number}{unseen} {}",
                lots(event.quantity),
                price(),
                flag(event.code)
            )
        }
        EventKind::CrossDone if event.price == 0 => format!("cross {code} done without volume"),
        EventKind::CrossDone => {
            let volume = u64::from(event.detail) << 32 | u64::from(event.quantity);
            format!(
                "cross {code} done match {number} volume {} at {}",
                world.show_lots(locate, volume),
                price()
            )
        }
        EventKind::ImbalanceVolume => format!(
            "paired {} near {} far {} reference {} cross {code} variation {}",
            world.show_lots(locate, number),
            price(),
            world.show_price(locate, event.detail),
            world.show_price(locate, event.user_ref),
            match event.quantity as u8 {
                b' ' => "none".to_owned(),
                variation => char::from(variation).to_string(),
            },
        ),
        EventKind::ImbalanceSide => format!("imbalance {} {code}", world.show_lots(locate, number)),
        EventKind::PriorityUpdated => format!("priority #{number} at {}", price()),
        EventKind::Restated => format!("restated #{number} shows {}", lots(event.quantity)),
        EventKind::CarriedText => "carried".to_owned(),
        EventKind::Carried => {
            let side = side(event.detail.to_le_bytes()[0]);
            format!("carried #{number} {side} {} at {}", lots(event.quantity), price())
        }
        EventKind::DayRolled => format!("day {number}"),
    }
}

fn side(byte: u8) -> &'static str {
    match byte {
        b'B' => "buy",
        b'S' => "sell",
        _ => "neither",
    }
}

fn state(code: u8) -> &'static str {
    if code == b'L' { "" } else { " dead" }
}

fn flag(code: u8) -> &'static str {
    match code {
        b'A' => "added",
        b'R' => "removed",
        b'J' => "added unseen",
        b'O' => "opening",
        b'C' => "closing",
        b'H' => "after halt",
        _ => "otherwise",
    }
}

/// What becomes of the order in the book.
fn of_book(kind: EventKind) -> &'static str {
    match kind {
        EventKind::CanceledReduced | EventKind::SelfMatchReduced => ", the rest stays",
        EventKind::CanceledDeleted | EventKind::SelfMatchDeleted => ", book deletes it",
        _ => "",
    }
}

fn cancel_reason(code: u8) -> &'static str {
    match code {
        b'U' => "user",
        b'I' => "immediate",
        b'K' => "collar",
        b'G' => "post-only",
        b'E' => "end of day",
        b'T' => "expired",
        b'Z' => "system",
        b'S' => "supervisory",
        b'H' => "auction passed",
        _ => "unknown",
    }
}

fn reject_reason(reason: u32) -> &'static str {
    match reason {
        0x0002 => "closed",
        0x0003 => "display",
        0x0004 => "max floor",
        0x0006 => "fat finger",
        0x0007 => "halted",
        0x0009 => "side",
        0x000A => "capacity",
        0x000C => "order entry disabled",
        0x000D => "minimum quantity",
        0x000F => "other",
        0x0011 => "pegging",
        0x0013 => "quantity",
        0x0014 => "cross",
        0x0015 => "replace",
        0x0016 => "routing",
        0x0017 => "symbol",
        0x001D => "price",
        0x001F => "value",
        0x0020 => "funds",
        0x0026 => "collar",
        0x0029 => "rate",
        0x002B => "short sale",
        0x002F => "short sale exempt",
        0x0031 => "account maximum",
        _ => "unknown",
    }
}

fn refusal(detail: u32) -> &'static str {
    match detail {
        1 => "invalid",
        2 => "unknown",
        3 => "duplicate",
        4 => "full",
        5 => "insufficient",
        _ => "otherwise",
    }
}
