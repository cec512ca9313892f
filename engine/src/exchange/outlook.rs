//! What can be said of a command before its turn comes: where its names and its level are found, and, so that they are there
//! when it comes, the lines it will touch. A receive loop knows the commands behind the present one; what they touch lies
//! at random in tables far larger than the caches, each look depending on the one before: session, account, balance;
//! name, order, neighbors; price, level. Three calls, some commands apart, follow those chains so that little is waited for.
//!
//! [`Exchange::look_out`] reckons what depends on the command alone, once; it holds however long ago that was. The two that
//! follow only fetch: nothing changes, whatever was asked, and a wrong guess costs only time.
//!
//! PERF: commands of all kinds go the same way through these functions, without a branch on the kind: it can not be
//! foretold, and a wrong turn costs more than a needless line.

use std::hint::select_unpredictable;

use super::Exchange;
use super::book::Side;
use super::book::arena::NONE;
use super::book::ladder::{Bucket, Ladder};
use super::command::{Command, CommandKind, Order};
use super::index::Place;
use crate::sys::table::prefetch_at;

/// What was reckoned for one command, and for no other.
#[derive(Debug, Clone, Copy)]
pub struct Outlook {
    /// Where the order that it names is found; where a new order's name belongs.
    name: Place,
    /// Where a new order's level is found, unless its instrument was not there.
    bucket: Bucket,
    /// The session's account.
    account: u32,
    /// The order that it probably names.
    order: u32,
    /// The level that is probably a new order's.
    level: u32,
}

impl Outlook {
    /// Nothing was looked at; all is reckoned when it is needed.
    pub const NONE: Self = Self {
        name: Place::UNKNOWN,
        bucket: Bucket::UNKNOWN,
        account: NONE,
        order: NONE,
        level: NONE,
    };

    /// True when what the command touches was fetched before.
    #[inline(always)]
    pub(super) fn is_fetched(&self) -> bool {
        self.name != Place::UNKNOWN
    }
}

impl Exchange {
    /// The first look: reckons, and has session, name and price fetched.
    #[inline(always)]
    pub fn look_out(&self, command: &Command) -> Outlook {
        let order = command.order();
        let is_replacement = command.kind == CommandKind::Replace as u8;
        let name = if is_replacement {
            order.orig_user_ref
        } else {
            order.user_ref
        };
        let name = self.index.place(command.session, name);
        prefetch_at(&self.sessions, command.session);
        self.index.prefetch(name);
        // What names an order has no instrument of its own: it looks at the first one's lowest level, which costs nothing.
        let place = usize::from(command.instrument.saturating_sub(1));
        let bucket = match self.instruments.get(place) {
            Some(instrument) => {
                let tick = order.price as u32 / instrument.definition.tick_size;
                instrument.book.side(side_of(order)).bucket(&self.pools, tick)
            }
            None => {
                return Outlook {
                    name,
                    ..Outlook::NONE
                };
            }
        };
        self.pools.prefetch_bucket(bucket);
        Outlook {
            name,
            bucket,
            ..Outlook::NONE
        }
    }

    /// The second look, some commands later: the account, the order, the level.
    #[inline(always)]
    pub fn look_again(&self, command: &Command, outlook: &mut Outlook) {
        let Some(session) = self.sessions.get(command.session as usize) else {
            return;
        };
        if outlook.bucket == Bucket::UNKNOWN {
            return;
        }
        outlook.account = session.account;
        prefetch_at(&self.accounts, session.account);
        let named = self.index.guess(outlook.name);
        let is_new = command.kind == CommandKind::Enter as u8;
        outlook.order = select_unpredictable(is_new, NONE, named);
        outlook.level = self.pools.guess(outlook.bucket);
        self.arena.prefetch(outlook.order);
        self.pools.prefetch_if_any(outlook.level);
    }

    /// The third look: the balance, the neighbors in level and account.
    #[inline(always)]
    pub fn look_around(&self, command: &Command, outlook: &Outlook) {
        let Some(account) = self.accounts.get(outlook.account as usize) else {
            return;
        };
        let order = self.arena.peek(outlook.order);
        self.pools.prefetch(order.level);
        self.arena.prefetch(order.prev);
        self.arena.prefetch(order.next);
        self.arena.prefetch(self.pools.peek(outlook.level).tail);
        self.roster.prefetch(order.place);
        self.roster.prefetch_end(&account.list);
        let is_new = outlook.order == NONE;
        let side = select_unpredictable(is_new, side_of(command.order()), order.side);
        let locate = select_unpredictable(is_new, command.instrument, order.instrument);
        if let Some(instrument) = self.instruments.get(usize::from(locate.wrapping_sub(1))) {
            self.ledger.prefetch(outlook.account, instrument.asset(side));
        }
    }

    /// Behind the second look, for a sink that wants to know of orders that end: has fetched what it is told of the order that
    /// the command names.
    #[inline(always)]
    pub fn look_at_end(&self, outlook: &Outlook) {
        self.arena.prefetch_details(outlook.order);
    }

    /// Where a name is found.
    #[inline(always)]
    pub(super) fn place_of(&self, outlook: &Outlook, session: u32, user_ref: u32) -> Place {
        if outlook.name == Place::UNKNOWN {
            return self.index.place(session, user_ref);
        }
        debug_assert_eq!(
            outlook.name,
            self.index.place(session, user_ref),
            "another command's"
        );
        outlook.name
    }

    /// Where the level of a new order is found.
    #[inline(always)]
    pub(super) fn bucket_of(&self, outlook: &Outlook, ladder: &Ladder, tick: u32) -> Bucket {
        if outlook.bucket == Bucket::UNKNOWN {
            return ladder.bucket(&self.pools, tick);
        }
        debug_assert_eq!(
            outlook.bucket,
            ladder.bucket(&self.pools, tick),
            "another command's"
        );
        outlook.bucket
    }

    /// All that an order hangs on is fetched at once, when nothing was looked at before.
    #[inline(always)]
    pub(super) fn prefetch_neighbors(&self, handle: u32) {
        let slot = self.arena.get(handle);
        self.pools.prefetch(slot.level);
        self.arena.prefetch(slot.prev);
        self.arena.prefetch(slot.next);
        self.roster.prefetch(slot.place);
        prefetch_at(&self.accounts, slot.account);
    }
}

/// The side, if it is one.
fn side_of(order: &Order) -> Side {
    if order.side == b'B' { Side::Buy } else { Side::Sell }
}
