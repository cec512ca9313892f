//! Questions: answered from the replica, as of the last command that is durable.

use serde::Serialize;

use super::answer::Answer;
use super::desk::{Bell, Unanswered};
use super::listing::{self, ROWS_MAX, Wanted, find_account, find_session};
use crate::exchange::command::AccountDefinition;
use crate::recovery::credentials::Credentials;
use protocol::units::Symbol;

/// Rows of open orders unless more are wanted.
const ORDERS: usize = 1_000;

/// An account's limits. `null`: none.
#[derive(Debug, Serialize)]
struct AccountFacts {
    #[serde(flatten)]
    row: listing::AccountRow,
    sessions: Vec<String>,
    max_open_orders: Option<u32>,
    max_quantity: Option<u32>,
    max_rate: Option<u32>,
    max_burst: u32,
    self_match: &'static str,
    cancel_on_disconnect: bool,
    fee_reports: bool,
    permissions: &'static str,
}

/// Something that is named and not there.
pub(super) fn unknown(what: &str, name: &str) -> String {
    format!("there is no {what} {name:?}; `exchange admin {what}s` lists them")
}

/// The account of that name.
pub(super) fn account(bell: &Bell, name: &str) -> Result<u32, String> {
    let wanted = name.to_owned();
    let found = bell.look(move |replica| find_account(replica.exchange(), &wanted));
    found.map_err(said)?.ok_or_else(|| unknown("account", name))
}

/// The session of that name, and its account.
pub(super) fn session(bell: &Bell, name: &str) -> Result<(u32, u32), String> {
    let wanted = name.to_owned();
    let found = bell.look(move |replica| {
        let exchange = replica.exchange();
        let index = find_session(exchange, &wanted)?;
        exchange.session(index).map(|session| (index, session.account))
    });
    found.map_err(said)?.ok_or_else(|| unknown("session", name))
}

/// The stock locate of that symbol.
pub(super) fn instrument(bell: &Bell, symbol: &str) -> Result<u16, String> {
    let not_there = || unknown("instrument", symbol);
    let wanted = Symbol::new(symbol).ok_or_else(not_there)?;
    let found = bell.look(move |replica| replica.exchange().find_instrument(wanted.0));
    found.map_err(said)?.ok_or_else(not_there)
}

pub(super) fn said(unanswered: Unanswered) -> String {
    unanswered.to_string()
}

/// The account's definition.
pub(super) fn definition(bell: &Bell, account: u32) -> Result<AccountDefinition, String> {
    let found = bell.look(move |replica| {
        let account = replica.exchange().account(account);
        account.map(|account| account.definition)
    });
    found
        .map_err(said)?
        .ok_or_else(|| "the account has gone".to_owned())
}

pub(super) fn accounts(bell: &Bell) -> Result<Answer, String> {
    let (rows, more) = listing::accounts(bell).map_err(said)?;
    Ok(Answer::rows(&rows, more))
}

pub(super) fn sessions(bell: &Bell) -> Result<Answer, String> {
    let (rows, more) = listing::sessions(bell).map_err(said)?;
    Ok(Answer::rows(&rows, more))
}

/// Logins of drop copies, and who reads.
pub(super) fn drop_copies(bell: &Bell, credentials: &Credentials) -> Result<Answer, String> {
    let (rows, more) = listing::drop_copies(bell, &credentials.drop_copies()).map_err(said)?;
    Ok(Answer::rows(&rows, more))
}

pub(super) fn instruments(bell: &Bell) -> Result<Answer, String> {
    let (rows, more) = listing::instruments(bell).map_err(said)?;
    Ok(Answer::rows(&rows, more))
}

pub(super) fn one_account(bell: &Bell, name: &str) -> Result<Answer, String> {
    let index = account(bell, name)?;
    let definition = definition(bell, index)?;
    let row = bell.look(move |replica| listing::account_row(replica.exchange(), index));
    let row = row.map_err(said)?.ok_or_else(|| unknown("account", name))?;
    let (balances, sessions) = listing::balances(bell, index).map_err(said)?;
    let limited = |limit: u32, none: u32| (limit != none).then_some(limit);
    let facts = AccountFacts {
        row,
        sessions,
        max_open_orders: limited(definition.open_orders_max, u32::MAX),
        max_quantity: limited(definition.quantity_max, u32::MAX),
        max_rate: limited(definition.rate_per_second, 0),
        max_burst: definition.rate_burst,
        self_match: match definition.self_match {
            b'O' => "cancel-oldest",
            b'D' => "decrement",
            b'B' => "cancel-both",
            _ => "cancel-newest",
        },
        cancel_on_disconnect: definition.cancel_on_disconnect != 0,
        fee_reports: definition.fee_reports != 0,
        permissions: listing::permissions_text(definition.permissions),
    };
    Ok(Answer::rows(&balances, false).about(&facts))
}

/// Open orders of an account, a session, an instrument, or all.
pub(super) fn orders(
    bell: &Bell,
    of_account: Option<&str>,
    of_session: Option<&str>,
    of_instrument: Option<&str>,
    limit: Option<usize>,
) -> Result<Answer, String> {
    let mut wanted = Wanted {
        account: of_account.map(|name| account(bell, name)).transpose()?,
        session: None,
        instrument: of_instrument.map(|symbol| instrument(bell, symbol)).transpose()?,
    };
    if let Some(name) = of_session {
        let (index, owner) = session(bell, name)?;
        if wanted.account.is_some_and(|account| account != owner) {
            return Err(format!("session {name:?} is another account's"));
        }
        (wanted.account, wanted.session) = (Some(owner), Some(index));
    }
    let limit = limit.unwrap_or(ORDERS).min(ROWS_MAX);
    let (rows, more) = listing::orders(bell, wanted, limit).map_err(said)?;
    Ok(Answer::rows(&rows, more))
}
