//! Where requests are answered, each on its connection's thread.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_utils::CachePadded;

use super::answer::Answer;
use super::desk::Bell;
use super::peer::{self, Peer};
use super::questions;
use super::request::Request;
use super::server::AdminCounters;
use crate::config::Config;
use crate::recovery::credentials::Credentials;
use crate::runtime::notices::Notices;
use crate::runtime::shutdown::Shutdown;
use crate::setup::Remembered;
use crate::snapshot::SnapshotCounters;
use crate::stat::Live;

/// What a running exchange shows to operators beside its replica.
pub struct Shown {
    /// Its configuration.
    pub config: Config,
    /// Where additions are remembered; `None` when nothing is kept.
    pub directory: Option<PathBuf>,
    /// Who may log in.
    pub credentials: Credentials,
    /// What it counts.
    pub live: Live,
    /// What became of snapshots.
    pub snapshots: Option<Arc<CachePadded<SnapshotCounters>>>,
    /// Told to the console.
    pub notices: Notices,
    /// The common end.
    pub shutdown: Shutdown,
    /// The midnight that times of the first day count from, nanoseconds since 1970.
    pub first_day_ns: u64,
}

/// See the module.
pub struct Office {
    pub(super) bell: Bell,
    pub(super) shown: Shown,
    /// Whoever changes something holds this: changes come one after the other, each knowing what the one before did.
    changing: Mutex<Remembered>,
    counters: Arc<CachePadded<AdminCounters>>,
}

impl fmt::Debug for Office {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Office").finish_non_exhaustive()
    }
}

impl Office {
    /// Answers from what `bell` reaches and `shown` has.
    pub fn new(bell: Bell, shown: Shown, counters: Arc<CachePadded<AdminCounters>>) -> Self {
        Self {
            changing: Mutex::new(shown.config.remembered.clone()),
            bell,
            shown,
            counters,
        }
    }

    pub(super) fn counters(&self) -> &Arc<CachePadded<AdminCounters>> {
        &self.counters
    }

    pub(super) fn changing(&self) -> MutexGuard<'_, Remembered> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers a request of `peer`.
    pub fn answer(&self, peer: Peer, request: Request) -> Answer {
        let bell = &self.bell;
        let answer = match request {
            Request::Accounts {} => questions::accounts(bell),
            Request::Account { account } => questions::one_account(bell, &account),
            Request::Sessions {} => questions::sessions(bell),
            Request::DropCopies {} => questions::drop_copies(bell, &self.shown.credentials),
            Request::Instruments {} => questions::instruments(bell),
            Request::Orders {
                account,
                session,
                instrument,
                limit,
            } => questions::orders(
                bell,
                account.as_deref(),
                session.as_deref(),
                instrument.as_deref(),
                limit,
            ),
            Request::Stat {} => Ok(Answer::of(
                &self.shown.live.read(|session| bell.session_name(session)),
            )),
            Request::Position {} => {
                let applied = bell.look(|replica| replica.applied());
                let about = |command| Answer::of(&serde_json::json!({ "command": command }));
                applied.map(about).map_err(questions::said)
            }
            Request::Stop {} => {
                let who = peer::name(peer.who());
                self.shown.notices.tell(format!("stop: {who} asked for it"));
                self.shown.shutdown.request();
                Ok(Answer::text(
                    "the exchange ends: what was taken is decided, written and told first",
                ))
            }
            change => return self.change(peer.who(), change),
        };
        answer.unwrap_or_else(Answer::refused)
    }
}
