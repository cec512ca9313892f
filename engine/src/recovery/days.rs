//! Which day's stream a login asks for: that of today, or of the day before while it is kept.

use protocol::soup::Login;
use protocol::text::SessionName;

use super::store::Store;
use crate::exchange::DAYS_MAX;

/// The day before can be recovered for so long.
pub(super) const DAY_BEFORE_NS: u64 = 600_000_000_000;

/// What a login asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The stream of this name, of this day.
    Day(u32, SessionName),
    /// The next day's: who asks may have heard of the roll before this stage.
    Tomorrow,
    /// No stream that there is.
    Nothing,
}

/// Finds the stream that `login` asks for by the names that `name_of` gives to days; blank is today's.
pub(super) fn wanted_day(login: &Login<'_>, store: &Store, name_of: impl Fn(u32) -> SessionName) -> Wanted {
    let today = store.day();
    let name = name_of(today);
    if login.asks_for(&name) {
        return Wanted::Day(today, name);
    }
    if let Some(before) = store.day_before() {
        let name = name_of(before);
        if login.asks_for(&name) {
            return Wanted::Day(before, name);
        }
    }
    if today < DAYS_MAX && login.asks_for(&name_of(today + 1)) {
        Wanted::Tomorrow
    } else {
        Wanted::Nothing
    }
}
