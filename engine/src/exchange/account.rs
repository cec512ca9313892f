//! Accounts and their sessions.

use super::book::arena::NONE;
use super::command::AccountDefinition;

/// Who owns balances and orders.
#[derive(Debug, Clone, Copy)]
pub struct Account {
    /// As defined.
    pub definition: AccountDefinition,
    /// False after Disable Order Entry (the account's kill switch).
    pub order_entry_enabled: bool,
    /// Orders resting now.
    pub open_orders: u32,
    pub(super) oldest: u32,
    pub(super) newest: u32,
}

impl Account {
    pub(super) fn new(definition: AccountDefinition) -> Self {
        Self {
            definition,
            order_entry_enabled: true,
            open_orders: 0,
            oldest: NONE,
            newest: NONE,
        }
    }
}

/// A port of an account: its own UserRefNums, its own stream of answers.
#[derive(Debug, Clone, Copy)]
pub struct Session {
    /// Account index.
    pub account: u32,
    /// Login name, padded.
    pub username: [u8; 6],
    /// Last processed UserRefNum.
    pub mark: u32,
    /// Between connection start and end.
    pub connected: bool,
    /// Rate bucket: when the requests taken so far are worked off at the allowed rate (generic cell rate algorithm).
    pub(super) bucket_time: u64,
}

impl Session {
    /// Charges one request at `now`. False, and nothing charged, when the bucket is full.
    pub(super) fn charge(&mut self, now: u64, rate_per_second: u32, burst: u32) -> bool {
        if rate_per_second == 0 {
            return true;
        }
        let interval = 1_000_000_000 / u64::from(rate_per_second);
        let start = self.bucket_time.max(now);
        if start - now > interval * u64::from(burst) {
            return false;
        }
        self.bucket_time = start + interval;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bucket_allows_burst_then_rate() {
        let mut session = Session {
            account: 0,
            username: [b' '; 6],
            mark: 0,
            connected: true,
            bucket_time: 0,
        };
        let second = 1_000_000_000;
        let taken = (0..100).filter(|_| session.charge(second, 10, 4)).count();
        assert_eq!(taken, 5, "one at the rate, four on top");
        let later = (0..100).filter(|_| session.charge(2 * second, 10, 4)).count();
        assert_eq!(later, 5);
        assert!((0..1_000).all(|_| session.charge(0, 0, 0)), "rate 0 is no limit");
    }
}
