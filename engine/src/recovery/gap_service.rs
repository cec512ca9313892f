//! Gap recovery of market data: a login with a requested sequence number replays from there, then stays live.

use std::io::{Read, Write};

use protocol::soup::Login;

use super::connection::Connection;
use super::credentials::MarketDataLogins;
use super::door::DoorCounters;
use super::market_data_name;
use super::service::{Caller, Close, Service, Verdict, View};
use super::store::{Cursor, FEED_STREAM, NotServable};
use crate::planted::{self, Bug};

/// What is behind the gap-recovery door.
#[derive(Debug)]
pub(super) struct GapService {
    logins: MarketDataLogins,
    roll: u32,
}

impl GapService {
    pub(super) fn new(logins: MarketDataLogins, roll: u32) -> Self {
        Self { logins, roll }
    }
}

impl Service for GapService {
    type Open = Cursor;

    fn login(&mut self, login: &Login<'_>, _caller: Caller, view: View<'_>) -> Verdict<Cursor> {
        if !self.logins.allows(login.username, login.password) {
            return Verdict::NotAuthorized;
        }
        let name = market_data_name(self.roll);
        if !login.asks_for(&name) {
            return Verdict::SessionNotAvailable;
        }
        let late = u64::from(planted::is(Bug::RecoveryBeginsLate));
        match view.store.cursor(FEED_STREAM, login.requested_sequence + late) {
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
        queued.map_err(|_| Close::FellOff)
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
