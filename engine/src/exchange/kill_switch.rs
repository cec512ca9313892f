//! The operator's kill switch: no more orders from an account, or from all, and those it has are canceled. And the half of
//! it: those it has are canceled, and further ones are taken.
//!
//! The switch stands beside the client's own Disable Order Entry and has nothing to do with it: neither lifts the other.

use super::account::Account;
use super::book::arena::NONE;
use super::canceling::CancelFilter;
use super::command::{ALL_ACCOUNTS, ALL_SESSIONS, CancelOrders, Command};
use super::event::Refusal;
use super::setup::refuse;
use super::sink::{Progress, Sink, Step};
use super::{Exchange, Work};

/// Most accounts that a step looks at, so that a step stays short when few of them have orders.
const ACCOUNTS_PER_STEP: u32 = 1_024;

impl Exchange {
    /// True when the operator lets nothing in from this account.
    pub(super) fn is_killed(&self, account: &Account) -> bool {
        account.is_killed || self.all_killed
    }

    /// True while the kill switch for all accounts is on.
    pub fn all_killed(&self) -> bool {
        self.all_killed
    }

    /// The switch of one account and the one for all are two: all-off leaves the accounts that were killed alone as
    /// they are.
    pub(super) fn kill_switch<S: Sink>(&mut self, command: &Command, step: &mut Step<'_, S>) -> Progress {
        let switch = command.kill_switch();
        let is_on = match switch.is_on {
            0 => false,
            1 => true,
            _ => return refuse(step, Refusal::Invalid),
        };
        if switch.account == ALL_ACCOUNTS {
            self.all_killed = is_on;
            return if is_on {
                self.cancel_everybody(0, self.oldest_of_first(), b'S', step)
            } else {
                Progress::Done
            };
        }
        let Some(account) = self.accounts.get_mut(switch.account as usize) else {
            return refuse(step, Refusal::Unknown);
        };
        account.is_killed = is_on;
        if !is_on {
            return Progress::Done;
        }
        let next = self.roster.first(&account.list);
        self.cancel_all(next, CancelFilter::ALL, b'S', step)
    }

    /// Those of one session, or of all; of one instrument, or of all.
    pub(super) fn cancel_orders<S: Sink>(&mut self, command: &Command, step: &mut Step<'_, S>) -> Progress {
        let CancelOrders { account, session, .. } = command.cancel_orders();
        let session = (session != ALL_SESSIONS).then_some(session);
        let is_its = |session| {
            let session = self.session(session);
            session.is_some_and(|session| session.account == account)
        };
        let Some(owner) = self.accounts.get(account as usize) else {
            return refuse(step, Refusal::Unknown);
        };
        let is_instrument = command.instrument == 0 || self.instrument(command.instrument).is_some();
        if !is_instrument || !session.is_none_or(is_its) {
            return refuse(step, Refusal::Unknown);
        }
        let next = self.roster.first(&owner.list);
        self.cancel_all(next, CancelFilter::of(session, command.instrument), b'S', step)
    }

    /// The oldest order of the first account.
    pub(super) fn oldest_of_first(&self) -> u32 {
        let first = self.accounts.first();
        first.map_or(NONE, |account| self.oldest_of(account))
    }

    /// Cancels everybody's orders: account by account, of each the oldest first, as far as the step reaches. At the end of
    /// the day (reason `E`) those that outlive it stay.
    pub(super) fn cancel_everybody<S: Sink>(
        &mut self,
        mut account: u32,
        mut next: u32,
        reason: u8,
        step: &mut Step<'_, S>,
    ) -> Progress {
        let end = account.saturating_add(ACCOUNTS_PER_STEP);
        loop {
            while next != NONE {
                if !step.has_room() {
                    self.work = Work::CancelEverybody {
                        account,
                        next,
                        reason,
                    };
                    return Progress::More;
                }
                let handle = next;
                next = self.behind(handle);
                if reason != b'E' || self.ends_with_day(handle) {
                    self.cancel_resting(handle, reason, step);
                }
            }
            account += 1;
            let Some(behind) = self.accounts.get(account as usize) else {
                return Progress::Done;
            };
            next = self.oldest_of(behind);
            if account == end {
                self.work = Work::CancelEverybody {
                    account,
                    next,
                    reason,
                };
                return Progress::More;
            }
        }
    }
}
