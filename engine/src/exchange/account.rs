//! Accounts and their sessions.

use super::command::{AccountDefinition, Permissions};
use super::roster::List;
use crate::planted::{self, Bug};

/// Who owns balances and orders.
///
/// PERF: what every order reads lies in the first cache line.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub struct Account {
    /// Orders resting now.
    pub open_orders: u32,
    pub(super) list: List,
    /// False after Disable Order Entry (the account's kill switch).
    pub order_entry_enabled: bool,
    /// True while the operator's kill switch is on for this account; the client can not lift it.
    pub is_killed: bool,
    /// As defined.
    pub definition: AccountDefinition,
}

impl Account {
    pub(super) fn new(definition: AccountDefinition) -> Self {
        Self {
            definition,
            order_entry_enabled: true,
            is_killed: false,
            open_orders: 0,
            list: List::EMPTY,
        }
    }

    /// True when orders and replacements are taken from it, as far as its permissions go.
    #[inline(always)]
    pub(super) fn may_trade(&self) -> bool {
        self.definition.permissions == Permissions::Trade as u8 || planted::is(Bug::PermissionsIgnored)
    }

    /// True when it may change nothing at all.
    #[inline(always)]
    pub(super) fn may_only_view(&self) -> bool {
        self.definition.permissions == Permissions::View as u8 && !planted::is(Bug::PermissionsIgnored)
    }
}

/// A port of an account: its own UserRefNums, its own stream of answers.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(32))]
pub struct Session {
    /// Account index.
    pub account: u32,
    /// Last processed UserRefNum.
    pub mark: u32,
    pub(super) bucket: RateBucket,
    /// Login name, padded.
    pub username: [u8; 6],
    /// Between connection start and end.
    pub connected: bool,
}

const _: () = assert!(size_of::<Session>() == 32 && size_of::<Account>() == 128);

/// How much of an allowed rate is used up (generic cell rate algorithm).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RateBucket {
    /// When what was taken so far is worked off at the allowed rate, nanoseconds.
    pub(super) worked_off: u64,
}

impl RateBucket {
    /// Charges one request at `now` (nanoseconds). False, and nothing charged, when `burst` requests more than the rate
    /// allows have been taken. Rate 0 is no limit.
    #[inline(always)]
    pub fn charge(&mut self, now: u64, rate_per_second: u32, burst: u32) -> bool {
        if rate_per_second == 0 {
            return true;
        }
        let interval = 1_000_000_000 / u64::from(rate_per_second);
        let start = self.worked_off.max(now);
        if start - now > interval * u64::from(burst) {
            return false;
        }
        self.worked_off = start + interval;
        true
    }

    /// Adds `requests` to what was taken, whether the rate allows them or not: what follows has to wait.
    pub fn owe(&mut self, requests: u32, rate_per_second: u32) {
        if rate_per_second > 0 {
            self.worked_off += 1_000_000_000 / u64::from(rate_per_second) * u64::from(requests);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bucket_allows_burst_then_rate() {
        let mut bucket = RateBucket::default();
        let second = 1_000_000_000;
        let taken = (0..100).filter(|_| bucket.charge(second, 10, 4)).count();
        assert_eq!(taken, 5, "one at the rate, four on top");
        let later = (0..100).filter(|_| bucket.charge(2 * second, 10, 4)).count();
        assert_eq!(later, 5);
        assert!((0..1_000).all(|_| bucket.charge(0, 0, 0)), "rate 0 is no limit");
    }

    #[test]
    fn what_is_owed_is_worked_off_at_the_rate() {
        let mut bucket = RateBucket::default();
        let second = 1_000_000_000;
        assert!(bucket.charge(second, 10, 0));
        bucket.owe(9, 10);
        assert!(
            !bucket.charge(2 * second - 1, 10, 0),
            "nine more take nine tenths of a second"
        );
        assert!(bucket.charge(2 * second, 10, 0));
        bucket.owe(1_000, 0);
        assert!(bucket.charge(2 * second, 0, 0), "rate 0 is no limit");
    }
}
