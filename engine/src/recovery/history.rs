//! Orders that ended, the last so many of each account, and what replaced numbers became. Allocated at start.

use crate::exchange::OrderView;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::exchange::command::{Command, halves, whole};
use crate::exchange::event::Event;
use crate::exchange::snapshot::{Broken, Input, Output};
use crate::sys::table::{prefetch_whole, table};

/// What question `s` tells of an order, whatever became of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OrderStatus {
    /// The newest UserRefNum of its chain.
    pub user_ref: u32,
    /// Order reference number; 0 when it never had one.
    pub number: u64,
    /// `L` live, `F` filled, `C` canceled, `R` rejected, `U` unknown.
    pub state: u8,
    /// `B` or `S`; a space when it is not known.
    pub side: u8,
    /// Stock locate; 0 or [`crate::exchange::command::UNKNOWN_INSTRUMENT`] when it has none.
    pub instrument: u16,
    /// Lots, as entered or replaced.
    pub quantity: u32,
    /// Lots.
    pub executed: u32,
    /// Lots.
    pub open: u32,
    /// 0.0001 of the quote asset, as on the wire.
    pub price: u64,
    /// Quote units.
    pub executed_notional: u128,
    /// Quote units; negative is a rebate.
    pub fees: i128,
}

impl OrderStatus {
    /// An order nothing is known of.
    pub fn unknown(user_ref: u32) -> Self {
        Self {
            user_ref,
            state: b'U',
            side: b' ',
            ..Self::default()
        }
    }

    /// An order as the exchange shows it, in `state`; one that is not live has nothing open.
    pub fn of(order: &OrderView, state: u8) -> Self {
        Self {
            user_ref: order.user_ref,
            number: order.number,
            state,
            side: order.side,
            instrument: order.instrument,
            quantity: order.quantity,
            executed: order.executed,
            open: if state == b'L' { order.open } else { 0 },
            price: u64::from(order.price),
            executed_notional: order.executed_notional,
            fees: order.fees,
        }
    }

    /// A request that was refused.
    pub fn rejected(command: &Command, event: &Event) -> Self {
        let request = command.order();
        Self {
            user_ref: event.user_ref,
            state: b'R',
            side: if request.side == 0 { b' ' } else { request.side },
            instrument: command.instrument,
            quantity: request.quantity,
            price: request.price,
            ..Self::default()
        }
    }
}

/// An order's name within the exchange: session and UserRefNum.
type Key = u64;

fn key(session: u32, user_ref: u32) -> Key {
    u64::from(session) << 32 | u64::from(user_ref)
}

/// Says that a number was replaced by another.
#[derive(Debug, Clone, Copy, Default)]
struct Link {
    from: Key,
    to: u32,
}

/// In a snapshot, instead of an account: there are no more.
const NOBODY: u32 = u32::MAX;

/// An [`OrderStatus`] in a snapshot.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
struct StatusRecord {
    number: u64,
    price: u64,
    executed_notional: [u64; 2],
    fees: [u64; 2],
    user_ref: u32,
    quantity: u32,
    executed: u32,
    open: u32,
    instrument: u16,
    state: u8,
    side: u8,
    spare: [u8; 4],
}

impl StatusRecord {
    fn new(status: &OrderStatus) -> Self {
        let OrderStatus {
            user_ref,
            number,
            state,
            side,
            instrument,
            quantity,
            executed,
            open,
            price,
            executed_notional,
            fees,
        } = *status;
        Self {
            number,
            price,
            executed_notional: halves(executed_notional),
            fees: halves(fees.cast_unsigned()),
            user_ref,
            quantity,
            executed,
            open,
            instrument,
            state,
            side,
            spare: [0; 4],
        }
    }

    fn status(&self) -> OrderStatus {
        OrderStatus {
            user_ref: self.user_ref,
            number: self.number,
            state: self.state,
            side: self.side,
            instrument: self.instrument,
            quantity: self.quantity,
            executed: self.executed,
            open: self.open,
            price: self.price,
            executed_notional: whole(self.executed_notional),
            fees: whole(self.fees).cast_signed(),
        }
    }
}

/// The last entries of each account: `each` slots per account, one behind the other.
#[derive(Debug)]
struct Rings<T> {
    slots: Vec<T>,
    /// Entries ever put in, per account.
    counts: Box<[u64]>,
    each: usize,
}

impl<T: Clone + Default> Rings<T> {
    fn new(accounts: usize, each: usize) -> Self {
        Self {
            slots: table(accounts * each, T::default()),
            counts: vec![0; accounts].into_boxed_slice(),
            each,
        }
    }

    #[inline]
    fn push(&mut self, account: u32, entry: T) {
        if self.each == 0 {
            return;
        }
        let slot = self.next_slot(account);
        self.counts[account as usize] += 1;
        self.slots[slot] = entry;
    }

    /// Where the account's next entry goes. Not to be asked when there is no room at all.
    #[inline]
    fn next_slot(&self, account: u32) -> usize {
        let place = self.counts[account as usize] % self.each as u64;
        account as usize * self.each + place as usize
    }

    fn prefetch(&self, account: u32) {
        if self.each > 0
            && let Some(slot) = self.slots.get(self.next_slot(account)..)
        {
            prefetch_whole(slot);
        }
    }

    fn clear(&mut self) {
        self.counts.fill(0);
    }

    /// Accounts with entries.
    fn used(&self) -> impl Iterator<Item = u32> + '_ {
        (0..)
            .zip(&self.counts)
            .filter(|(_, count)| **count > 0)
            .map(|(account, _)| account)
    }

    /// The account whose saved entries follow; `None` behind the last.
    fn next_account(&self, from: &mut Input<'_>) -> Result<Option<u32>, Broken> {
        match from.u32()? {
            NOBODY => Ok(None),
            account if (account as usize) < self.counts.len() => Ok(Some(account)),
            _ => Err(Broken("finished orders of nobody")),
        }
    }

    /// Oldest first.
    fn entries(&self, account: u32) -> impl DoubleEndedIterator<Item = &T> {
        let start = account as usize * self.each;
        let count = self.counts.get(account as usize).copied().unwrap_or(0);
        let slots = self.slots.get(start..start + self.each).unwrap_or(&[]);
        let used = &slots[..self
            .each
            .min(usize::try_from(count).unwrap_or(usize::MAX))
            .min(slots.len())];
        let oldest = if used.len() < self.each || self.each == 0 {
            0
        } else {
            (count % self.each as u64) as usize
        };
        let (newer, older) = used.split_at(oldest);
        older.iter().chain(newer)
    }
}

/// The last orders that ended, and the last numbers that were replaced.
#[derive(Debug)]
pub struct History {
    finished: Rings<(Key, OrderStatus)>,
    replaced: Rings<Link>,
}

impl History {
    /// Room for `each` orders and as many replaced numbers per account, for `accounts` accounts.
    pub fn new(accounts: u32, each: usize) -> Self {
        Self {
            finished: Rings::new(accounts as usize, each),
            replaced: Rings::new(accounts as usize, each),
        }
    }

    /// The day rolls: numbers begin again.
    pub fn forget_all(&mut self) {
        self.finished.clear();
        self.replaced.clear();
    }

    /// Appends all that is remembered to `into`.
    pub fn save(&self, into: &mut Vec<u8>) {
        let Self { finished, replaced } = self;
        let out = &mut Output(into);
        for account in finished.used() {
            out.u32(account);
            out.count(finished.entries(account).count());
            for (key, status) in finished.entries(account) {
                out.u64(*key);
                out.record(&StatusRecord::new(status));
            }
        }
        out.u32(NOBODY);
        for account in replaced.used() {
            out.u32(account);
            out.count(replaced.entries(account).count());
            for Link { from, to } in replaced.entries(account) {
                out.u64(*from);
                out.u32(*to);
            }
        }
        out.u32(NOBODY);
    }

    /// Takes in what was saved; where there is less room now, the newest of it.
    ///
    /// # Errors
    /// When the bytes are not those of a history.
    pub fn load(&mut self, from: &mut Input<'_>) -> Result<(), Broken> {
        while let Some(account) = self.finished.next_account(from)? {
            for _ in 0..from.count(usize::MAX)? {
                let key = from.u64()?;
                let status: StatusRecord = from.record()?;
                self.finished.push(account, (key, status.status()));
            }
        }
        while let Some(account) = self.replaced.next_account(from)? {
            for _ in 0..from.count(usize::MAX)? {
                let link = Link {
                    from: from.u64()?,
                    to: from.u32()?,
                };
                self.replaced.push(account, link);
            }
        }
        Ok(())
    }

    /// An order of the account ended, or a request was refused.
    pub fn finish(&mut self, account: u32, session: u32, status: OrderStatus) {
        self.finished
            .push(account, (key(session, status.user_ref), status));
    }

    /// Has fetched what the account's next [`History::finish`] writes to.
    #[inline]
    pub(super) fn prefetch(&self, account: u32) {
        self.finished.prefetch(account);
    }

    /// The order known by `from` goes on as `to`.
    pub fn replace(&mut self, account: u32, session: u32, from: u32, to: u32) {
        let link = Link {
            from: key(session, from),
            to,
        };
        self.replaced.push(account, link);
    }

    /// The number that a chain goes by now, as far as it is remembered.
    pub fn newest(&self, account: u32, session: u32, user_ref: u32) -> u32 {
        // The links are in the order of the replaces, so that one pass follows the whole chain.
        self.replaced.entries(account).fold(user_ref, |newest, link| {
            if link.from == key(session, newest) {
                link.to
            } else {
                newest
            }
        })
    }

    /// How the order of this (newest) number ended, if that is remembered.
    pub fn find(&self, account: u32, session: u32, user_ref: u32) -> Option<OrderStatus> {
        let wanted = key(session, user_ref);
        let mut entries = self.finished.entries(account).rev();
        entries.find(|(key, _)| *key == wanted).map(|(_, status)| *status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(user_ref: u32, state: u8) -> OrderStatus {
        OrderStatus {
            state,
            ..OrderStatus::unknown(user_ref)
        }
    }

    #[test]
    fn the_last_orders_of_each_account_are_remembered() {
        let mut history = History::new(2, 3);
        for user_ref in 1..=10 {
            history.finish(0, 7, status(user_ref, b'F'));
        }
        history.finish(1, 8, status(10, b'C'));
        assert_eq!(history.find(0, 7, 7), None);
        for user_ref in 8..=10 {
            assert_eq!(history.find(0, 7, user_ref), Some(status(user_ref, b'F')));
        }
        assert_eq!(history.find(1, 8, 10), Some(status(10, b'C')));
        // Sessions of one account do not share numbers, and accounts do not share orders.
        assert_eq!(history.find(0, 8, 10), None);
        assert_eq!(history.find(1, 7, 10), None);
        history.forget_all();
        assert_eq!(history.find(0, 7, 10), None);
        history.finish(0, 7, status(1, b'F'));
        assert_eq!(history.find(0, 7, 1), Some(status(1, b'F')));
    }

    #[test]
    fn a_chain_answers_with_its_newest_number() {
        let mut history = History::new(1, 4);
        history.replace(0, 2, 1, 2);
        history.replace(0, 3, 1, 9);
        history.replace(0, 2, 2, 5);
        history.replace(0, 2, 5, 6);
        for user_ref in [1, 2, 5, 6] {
            assert_eq!(history.newest(0, 2, user_ref), 6);
        }
        assert_eq!(history.newest(0, 3, 1), 9);
        assert_eq!(history.newest(0, 2, 3), 3);
        // The first link is overwritten: its number is forgotten, the rest of the chain is not.
        history.replace(0, 2, 6, 8);
        assert_eq!(history.newest(0, 2, 1), 1);
        assert_eq!(history.newest(0, 2, 2), 8);
    }

    #[test]
    fn what_was_saved_is_remembered_again() {
        let mut history = History::new(3, 4);
        for user_ref in 1..=6 {
            history.finish(2, 7, status(user_ref, b'F'));
            history.replace(0, 1, user_ref, user_ref + 1);
        }
        let mut fees = status(9, b'C');
        (fees.fees, fees.executed_notional, fees.price, fees.side) = (-5, 1 << 70, 3, b'B');
        history.finish(1, 3, fees);
        let mut saved = Vec::new();
        history.save(&mut saved);
        let mut same = History::new(3, 4);
        let mut input = Input(&saved);
        same.load(&mut input).expect("it was saved");
        assert!(input.0.is_empty());
        let mut again = Vec::new();
        same.save(&mut again);
        assert!(saved == again);
        assert_eq!(same.find(1, 3, 9), Some(fees));
        // Less room: the newest.
        let mut less = History::new(3, 2);
        less.load(&mut Input(&saved)).expect("it was saved");
        assert_eq!(less.find(2, 7, 6), Some(status(6, b'F')));
        assert_eq!(less.find(2, 7, 4), None);
        // Cut short, or of another account.
        assert!(
            History::new(3, 4)
                .load(&mut Input(&saved[..saved.len() - 1]))
                .is_err()
        );
        assert!(History::new(1, 4).load(&mut Input(&saved)).is_err());
    }

    #[test]
    fn no_room_remembers_nothing() {
        let mut history = History::new(1, 0);
        history.finish(0, 0, status(1, b'F'));
        history.replace(0, 0, 1, 2);
        assert_eq!(history.find(0, 0, 1), None);
        assert_eq!(history.newest(0, 0, 1), 1);
        assert_eq!(History::new(0, 4).find(3, 0, 1), None);
    }
}
