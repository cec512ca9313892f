//! Gap recovery of market data: a login with a requested sequence number replays from there, then stays live.

use std::io::{Read, Write};

use protocol::soup::Login;

use super::connection::Connection;
use super::credentials::MarketDataLogins;
use super::days::{Wanted, wanted_day};
use super::door::DoorCounters;
use super::market_data_name;
use super::service::{Caller, Close, Service, Verdict, View};
use super::store::{Cursor, FEED_STREAM, NotServable};

/// What is behind the gap-recovery door.
#[derive(Debug)]
pub(super) struct GapService {
    logins: MarketDataLogins,
}

impl GapService {
    pub(super) fn new(logins: MarketDataLogins) -> Self {
        Self { logins }
    }
}

impl Service for GapService {
    type Open = Cursor;

    fn login(&mut self, login: &Login<'_>, _caller: Caller, view: View<'_>) -> Verdict<Cursor> {
        if !self.logins.allows(login.username, login.password) {
            return Verdict::NotAuthorized;
        }
        let (day, name) = match wanted_day(login, view.store, market_data_name) {
            Wanted::Day(day, name) => (day, name),
            Wanted::Tomorrow => return Verdict::NotYet,
            Wanted::Nothing => return Verdict::SessionNotAvailable,
        };
        match view.store.cursor_of(day, FEED_STREAM, login.requested_sequence) {
            Ok(cursor) => Verdict::Accept(name, cursor.next_sequence(), cursor),
            Err(NotServable::Beyond { .. }) => Verdict::NotYet,
            Err(NotServable::Gone | NotServable::UnknownStream) => Verdict::SessionNotAvailable,
        }
    }

    fn is_ready(&self, _open: &Cursor) -> bool {
        true
    }

    fn message(&mut self, _open: &mut Cursor, _caller: Caller, _bytes: &[u8], counters: &mut DoorCounters) {
        counters.ignored += 1;
    }

    fn turn<S: Read + Write>(
        &mut self,
        open: &mut Cursor,
        _caller: Caller,
        connection: &mut Connection<S>,
        budget: usize,
        view: View<'_>,
    ) -> Result<usize, Close> {
        let queued = connection.put_stream(view.now_ns, view.store, open, budget);
        let queued = queued.map_err(|_| Close::FellOff)?;
        if view.store.is_at_end(open) && connection.put_end(view.now_ns) {
            return Err(Close::Rolled);
        }
        Ok(queued)
    }

    fn silence(
        &mut self,
        _open: &mut Cursor,
        _caller: Caller,
        _limit_ns: u64,
        _now_ns: u64,
    ) -> Result<(), Close> {
        Err(Close::Silent)
    }

    fn end(&mut self, _open: &Cursor, _caller: Caller, _close: Close) -> bool {
        true
    }
}
