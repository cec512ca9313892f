//! Gap recovery of market data: a login with a requested sequence number replays from there, however old it is, then
//! stays live.

use protocol::soup::Login;

use super::addresses::Guests;
use super::archive::Asker;
use super::connection::Connection;
use super::credentials::{Checked, MarketDataLogins};
use super::days::{Wanted, wanted_day};
use super::door::DoorCounters;
use super::feeder::Feeder;
use super::market_data_name;
use super::service::{Caller, Close, Service, Verdict, View};
use super::store::{FEED_STREAM, NotServable};
use crate::planted::{self, Bug};
use crate::runtime::seams::Stream;

/// What is behind the gap-recovery door.
#[derive(Debug)]
pub(super) struct GapService {
    logins: MarketDataLogins,
    archive: Option<Asker>,
    /// Who is logged in.
    guests: Guests,
}

impl GapService {
    /// For at most `connections` at once.
    pub(super) fn new(logins: MarketDataLogins, connections: usize) -> Self {
        Self {
            logins,
            archive: None,
            guests: Guests::new(connections),
        }
    }

    /// The addresses that are logged in.
    pub(super) fn guests(&self) -> &Guests {
        &self.guests
    }

    /// What the store does not have any more is asked for there.
    pub(super) fn set_archive(&mut self, archive: Asker) {
        self.archive = Some(archive);
    }
}

impl Service for GapService {
    type Open = Feeder;

    fn login(&mut self, login: &Login<'_>, caller: Caller, view: View<'_>) -> Verdict<Feeder> {
        match self.logins.check(login.username, login.password) {
            Checked::Session(_) | Checked::DropCopy(_) => {}
            Checked::Wrong => return Verdict::NotAuthorized,
            Checked::Later => return Verdict::Busy,
        }
        let (day, name) = match wanted_day(login, view.store, market_data_name) {
            Wanted::Day(day, name) => (day, name),
            Wanted::Tomorrow => return Verdict::NotYet,
            Wanted::Nothing => return Verdict::SessionNotAvailable,
        };
        let archive = self.archive.as_ref();
        let late = u64::from(planted::is(Bug::RecoveryBeginsLate));
        match Feeder::start(view, archive, day, FEED_STREAM, login.requested_sequence + late) {
            Ok((feeder, next)) => {
                self.guests.enters(*caller.peer.ip());
                Verdict::Accept(name, next, feeder)
            }
            Err(NotServable::Beyond { .. }) => Verdict::NotYet,
            Err(NotServable::Gone | NotServable::UnknownStream) => Verdict::SessionNotAvailable,
        }
    }

    fn is_ready(&self, _open: &Feeder) -> bool {
        true
    }

    fn message(&mut self, _open: &mut Feeder, _caller: Caller, _bytes: &[u8], counters: &DoorCounters) {
        counters.ignored.increment();
    }

    fn turn<S: Stream>(
        &mut self,
        open: &mut Feeder,
        _caller: Caller,
        connection: &mut Connection<S>,
        budget: usize,
        view: View<'_>,
    ) -> Result<usize, Close> {
        let queued = open.put(connection, budget, view, self.archive.as_ref())?;
        if open.is_at_end(view) && connection.put_end(view.now_ns) {
            return Err(Close::Rolled);
        }
        Ok(queued)
    }

    fn silence(
        &mut self,
        _open: &mut Feeder,
        _caller: Caller,
        _limit_ns: u64,
        _now_ns: u64,
    ) -> Result<(), Close> {
        Err(Close::Silent)
    }

    fn end(&mut self, open: &Feeder, caller: Caller, _close: Close) -> bool {
        self.guests.leaves(*caller.peer.ip());
        open.end(self.archive.as_ref());
        true
    }
}
