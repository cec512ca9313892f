//! Fetching what a command will touch before its turn comes. A receive loop knows the commands behind the present one;
//! what they touch lies at random in tables far larger than the caches, each look depending on the one before: session,
//! account; name, order, neighbours. Two calls, some commands apart, follow that chain so that little is waited for.
//! A hint in every respect: nothing changes, whatever is asked, and a wrong guess costs only time.

use super::Exchange;
use super::command::{Command, CommandKind};
use crate::sys::table::prefetch;

/// How far ahead of the command's turn the call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ahead {
    /// Farther: the session, and where the name of an order to find is.
    Names,
    /// Nearer: the account, the order.
    Orders,
}

impl Exchange {
    /// Has fetched what `command` will touch, as far as what was fetched before tells. See [`Ahead`].
    #[inline]
    pub fn prefetch(&self, command: &Command, ahead: Ahead) {
        let kind = command.kind;
        let order = command.order();
        if kind == CommandKind::Enter as u8 {
            let Some(session) = self.sessions.get(command.session as usize) else {
                return;
            };
            match ahead {
                Ahead::Names => prefetch(session),
                Ahead::Orders => prefetch(&self.accounts[session.account as usize]),
            }
            return;
        }
        let name = if kind == CommandKind::Replace as u8 {
            order.orig_user_ref
        } else {
            order.user_ref
        };
        match ahead {
            Ahead::Names => self.index.prefetch(command.session, name),
            Ahead::Orders => self.arena.prefetch(self.index.guess(command.session, name)),
        }
    }
}
