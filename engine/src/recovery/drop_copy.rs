//! Drop copies: logins of a firm that read the streams of its accounts' sessions beside their owners, and can do nothing else.
//!
//! One connection reads one stream. It is named as its owner names it, with or without `+`, or by the session's login name,
//! which means the stream of today. Whose sessions are a firm's is asked at the login: an operator can change it.

use std::net::SocketAddrV4;

use protocol::soup::Login;
use protocol::text;

use super::days::{Wanted, wanted_day};
use super::order_entry_name;
use super::store::Store;
use crate::exchange::Exchange;

/// A connection that reads a stream as a drop copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Its login name, padded.
    pub username: [u8; 6],
    /// The firm it was let in for, padded.
    pub firm: [u8; 4],
    /// The session whose stream it reads.
    pub session: u32,
    /// Where it comes from.
    pub address: SocketAddrV4,
    /// Number of the next message for it.
    pub next: u64,
    /// Messages of the stream from there on: they wait for it.
    pub behind: u64,
}

/// Who a drop copy's connection is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader {
    pub(super) username: [u8; 6],
    pub(super) firm: [u8; 4],
}

/// The session whose stream a login of `firm` asks for, and the login as its owner would have said it. `None` when it names
/// none of the firm's: whether there is such a session elsewhere is not told.
pub(super) fn stream<'a>(
    exchange: &Exchange,
    firm: [u8; 4],
    login: &Login<'a>,
    store: &Store,
) -> Option<(u32, Login<'a>)> {
    let asked = login.requested_session;
    let asked = asked.strip_prefix(b"+").unwrap_or(asked);
    // Of several sessions none is meant in particular.
    if asked.is_empty() {
        return None;
    }
    (0..exchange.session_count()).find_map(|index| {
        let session = exchange.session(index)?;
        let account = exchange.account(session.account)?;
        if account.definition.firm != firm {
            return None;
        }
        if text::same(asked, &session.username) {
            let today = Login {
                requested_session: b"+",
                ..*login
            };
            return Some((index, today));
        }
        match wanted_day(login, store, |day| order_entry_name(index, day)) {
            Wanted::Nothing => None,
            Wanted::Day(..) | Wanted::Tomorrow => Some((index, *login)),
        }
    })
}
