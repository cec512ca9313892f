//! Fetching what a command will touch before its turn comes. A receive loop knows the commands behind the present one;
//! what they touch lies at random in tables far larger than the caches, each look depending on the one before: session,
//! account, balance, level; name, order. Two calls, some commands apart, follow that chain so that little is waited for. A
//! third one, for an order's neighbors, cost more than it brought. A hint in every respect: nothing changes, whatever is
//! asked, and a wrong guess costs only time.

use super::Exchange;
use super::book::Side;
use super::book::arena::OrderSlot;
use super::command::{Command, CommandKind, Order};
use crate::sys::table::prefetch;

/// How far ahead of the command's turn the call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ahead {
    /// Farther: the session, and where the name of an order to find is.
    Names,
    /// Nearer: the account, its balance, where a new order's level is found; the order itself.
    Orders,
}

impl Exchange {
    /// Has fetched what `command` will touch, as far as what was fetched before tells. See [`Ahead`].
    #[inline]
    pub fn prefetch(&self, command: &Command, ahead: Ahead) {
        let order = command.order();
        if command.kind == CommandKind::Enter as u8 {
            self.prefetch_new(command, &order, ahead);
            return;
        }
        let name = if command.kind == CommandKind::Replace as u8 {
            order.orig_user_ref
        } else {
            order.user_ref
        };
        if ahead == Ahead::Names {
            self.index.prefetch(command.session, name);
            return;
        }
        self.arena.prefetch(self.index.guess(command.session, name));
    }

    /// The orders and the level that an order hangs on.
    #[inline(always)]
    pub(super) fn prefetch_neighbors(&self, slot: &OrderSlot) {
        self.pools.prefetch(slot.level);
        for neighbor in [slot.prev, slot.next] {
            self.arena.prefetch(neighbor);
        }
        self.roster.prefetch(slot.place);
        prefetch(&self.accounts[slot.account as usize]);
    }

    #[inline(always)]
    fn prefetch_new(&self, command: &Command, order: &Order, ahead: Ahead) {
        let Some(session) = self.sessions.get(command.session as usize) else {
            return;
        };
        if ahead == Ahead::Names {
            prefetch(session);
            return;
        }
        let Some(instrument) = self.instrument(command.instrument) else {
            return;
        };
        let side = if order.side == b'B' { Side::Buy } else { Side::Sell };
        prefetch(&self.accounts[session.account as usize]);
        self.ledger.prefetch(session.account, instrument.asset(side));
        // A price of nonsense is refused in its turn.
        let tick = order.price as u32 / instrument.definition.tick_size;
        instrument.book.side(side).prefetch(&self.pools, tick);
    }
}
