//! A command in words, for who reads what happened.

use super::listing::{decimals, permissions_text, state_text, text};
use crate::config::{amount_text, rate_text};
use crate::exchange::Exchange;
use crate::exchange::command::{
    ALL_ACCOUNTS, ALL_SESSIONS, AccountChange, AccountDefinition, AssetDefinition, Command, CommandKind,
    InstrumentChange, InstrumentDefinition, SessionDefinition, whole,
};
use crate::exchange::event::Refusal;
use crate::exchange::instrument::State;
use protocol::market_data::values::event_code;

/// Names of what commands mention by number.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a>(pub &'a Exchange);

impl Names<'_> {
    fn account(&self, account: u32) -> String {
        let account = self.0.account(account);
        account.map_or_else(|| "?".to_owned(), |account| text(&account.definition.name))
    }

    fn session(&self, session: u32) -> String {
        let session = self.0.session(session);
        session.map_or_else(|| "?".to_owned(), |session| text(&session.username))
    }

    fn instrument(&self, locate: u16) -> String {
        let instrument = self.0.instrument(locate);
        instrument.map_or_else(|| "?".to_owned(), |known| text(&known.definition.symbol))
    }

    fn asset(&self, asset: u32) -> (String, u8) {
        let asset = self.0.asset(asset);
        asset.map_or_else(
            || ("?".to_owned(), 0),
            |asset| (text(&asset.name), asset.decimals),
        )
    }
}

/// True for what is told of who reads what happened: all but what customers ask for every day, and timers.
pub fn is_told(kind: CommandKind) -> bool {
    use CommandKind::{AccountQuery, Cancel, Enter, Expire, Imbalance, MassCancel, Modify, Replace};
    let is_traders = matches!(
        kind,
        Enter | Replace | Cancel | Modify | MassCancel | AccountQuery
    );
    !is_traders && !matches!(kind, Expire | Imbalance)
}

/// Why a command was not carried out.
pub(super) fn refusal(number: u32) -> &'static str {
    const TEXTS: [(Refusal, &str); 5] = [
        (
            Refusal::Invalid,
            "it contradicts itself, or what there is now does not allow it",
        ),
        (Refusal::Unknown, "it names something that is not there"),
        (Refusal::Duplicate, "the name is taken"),
        (Refusal::Full, "the configured capacity is used up"),
        (Refusal::Insufficient, "there is not so much available"),
    ];
    let found = TEXTS.iter().find(|(refusal, _)| *refusal as u32 == number);
    found.map_or("it was refused", |(_, text)| text)
}

/// What `command` does. `names` are those before it, but for what it adds itself.
pub fn words(command: &Command, names: Names<'_>) -> String {
    let symbol = || names.instrument(command.instrument);
    let session = || {
        let owner = names.0.session(command.session);
        let account = owner.map_or_else(|| "?".to_owned(), |owner| names.account(owner.account));
        format!("session {} of account {account}", names.session(command.session))
    };
    match CommandKind::from_byte(command.kind) {
        Some(CommandKind::Deposit) => transfer("deposit", "to", command, names),
        Some(CommandKind::Withdraw) => transfer("withdraw", "from", command, names),
        Some(CommandKind::AddAsset) => {
            let asset: AssetDefinition = command.definition();
            format!("add asset {} with {} decimals", text(&asset.name), asset.decimals)
        }
        Some(CommandKind::AddInstrument) => {
            let instrument: InstrumentDefinition = command.definition();
            format!("add instrument {}", text(&instrument.symbol))
        }
        Some(CommandKind::AddAccount) => {
            let account: AccountDefinition = command.definition();
            format!("add account {}", text(&account.name))
        }
        Some(CommandKind::AddSession) => {
            let session: SessionDefinition = command.definition();
            format!(
                "add session {} to account {}",
                text(&session.username),
                names.account(session.account)
            )
        }
        Some(CommandKind::SetState) => set_state(command, &symbol()),
        Some(CommandKind::KillSwitch) => {
            let switch = command.kill_switch();
            let who = match switch.account {
                ALL_ACCOUNTS => "all accounts".to_owned(),
                account => format!("account {}", names.account(account)),
            };
            format!(
                "kill switch {} for {who}",
                if switch.is_on == 0 { "off" } else { "on" }
            )
        }
        Some(CommandKind::CancelOrders) => {
            let wanted = command.cancel_orders();
            let whose = match wanted.session {
                ALL_SESSIONS => format!("account {}", names.account(wanted.account)),
                session => format!("session {}", names.session(session)),
            };
            let place = match command.instrument {
                0 => String::new(),
                _ => format!(" in {}", symbol()),
            };
            format!("cancel all orders of {whose}{place}")
        }
        Some(CommandKind::ChangePassword) => {
            format!(
                "new password for session {}",
                names.session(command.password_change().session)
            )
        }
        Some(CommandKind::ChangeAccount) => change_account(command, names),
        Some(CommandKind::ChangeInstrument) => change_instrument(command, names),
        Some(CommandKind::SetProtection) => {
            let protection = command.protection();
            format!(
                "protection of {}: volatility {}, pause {} s",
                symbol(),
                rate_text(i64::from(protection.volatility_ppm)),
                protection.pause_seconds
            )
        }
        Some(CommandKind::SystemEvent) => system_event(command.state_change().value),
        Some(CommandKind::RollDay) => "the day rolls".to_owned(),
        Some(CommandKind::Reopen) => format!("{}: the volatility pause ends", symbol()),
        Some(CommandKind::ConnectionStart) => format!("login: {}", session()),
        Some(CommandKind::ConnectionEnd) => format!("end of the connection: {}", session()),
        Some(CommandKind::DisableOrderEntry) => format!("disables its own order entry: {}", session()),
        Some(CommandKind::EnableOrderEntry) => format!("enables its own order entry: {}", session()),
        Some(CommandKind::SkipPoison) => format!("command {} was left out by the operator", command.body[0]),
        Some(kind) => format!("{kind:?}"),
        None => format!("a command of kind {}", command.kind),
    }
}

fn transfer(verb: &str, direction: &str, command: &Command, names: Names<'_>) -> String {
    let transfer = command.transfer();
    let (asset, decimals) = names.asset(transfer.asset);
    let amount = amount_text(whole(transfer.amount), decimals);
    format!(
        "{verb} {amount} {asset} {direction} account {}",
        names.account(transfer.account)
    )
}

fn set_state(command: &Command, symbol: &str) -> String {
    let change = command.state_change();
    let state = State::from_byte(change.value);
    let cross = match change.auction {
        b'O' => ", for the opening",
        b'C' => ", for the closing",
        b'H' => ", after a halt",
        _ => "",
    };
    match state {
        Some(state) => format!("{symbol}: {}{cross}", state_text(state)),
        None => format!("{symbol}: state {:?}", char::from(change.value)),
    }
}

fn change_account(command: &Command, names: Names<'_>) -> String {
    let change: AccountChange = command.definition();
    let limited = |limit: u32, none: u32| match limit {
        limit if limit == none => "none".to_owned(),
        limit => limit.to_string(),
    };
    format!(
        "limits of account {}: firm {:?}, open orders {}, quantity {}, rate {} burst {}, cancel on disconnect {}, may {}",
        names.account(change.account),
        text(&change.firm),
        limited(change.open_orders_max, u32::MAX),
        limited(change.quantity_max, u32::MAX),
        limited(change.rate_per_second, 0),
        change.rate_burst,
        change.cancel_on_disconnect != 0,
        permissions_text(change.permissions)
    )
}

fn change_instrument(command: &Command, names: Names<'_>) -> String {
    let change: InstrumentChange = command.definition();
    let known = names.0.instrument(command.instrument);
    let (_, quote) = known.map_or((0, 0), |known| decimals(names.0, &known.definition));
    let amount = |halves| amount_text(whole(halves), quote);
    format!(
        "fees and limits of {}: maker {}, taker {}, quantity {}, value {}, fat finger {}, collar {}, reference {}",
        names.instrument(command.instrument),
        rate_text(i64::from(change.maker_fee_ppm)),
        rate_text(i64::from(change.taker_fee_ppm)),
        change.quantity_max,
        amount(change.notional_max),
        amount(change.fat_finger),
        rate_text(i64::from(change.collar_ppm)),
        amount_text(u128::from(change.reference_price), 4)
    )
}

fn system_event(code: u8) -> String {
    let meaning = match code {
        event_code::START_OF_MESSAGES => "start of messages",
        event_code::START_OF_SYSTEM_HOURS => "start of system hours",
        event_code::START_OF_MARKET_HOURS => "start of market hours",
        event_code::END_OF_MARKET_HOURS => "end of market hours: orders of the day end",
        event_code::END_OF_SYSTEM_HOURS => "end of system hours",
        event_code::END_OF_MESSAGES => "end of messages",
        _ => "unknown",
    };
    format!("system event {}: {meaning}", char::from(code))
}
