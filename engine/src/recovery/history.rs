//! Orders that ended, the last so many of each account, and what replaced numbers became. Allocated at start.

use crate::exchange::{EndedOrder, OrderView};
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

    /// A live order as the exchange shows it.
    pub fn live(order: &OrderView) -> Self {
        Self {
            user_ref: order.user_ref,
            number: order.number,
            state: b'L',
            side: order.side,
            instrument: order.instrument,
            quantity: order.quantity,
            executed: order.executed,
            open: order.open,
            price: u64::from(order.price),
            executed_notional: order.executed_notional,
            fees: order.fees,
        }
    }
}

/// An order that ended, or a request that was refused. Nothing of it is open.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub struct FinishedOrder {
    executed_notional: u128,
    fees: i128,
    /// Order reference number; of a refused request, which has none, its price: a client may write any.
    number_or_price: u64,
    session: u32,
    user_ref: u32,
    quantity: u32,
    executed: u32,
    price: u32,
    instrument: u16,
    state: u8,
    side: u8,
}

impl FinishedOrder {
    /// `state` is `F` or `C`.
    #[inline(always)]
    pub fn ended(order: &EndedOrder, state: u8) -> Self {
        Self {
            executed_notional: order.executed_notional,
            fees: order.fees,
            number_or_price: order.number,
            session: order.session,
            user_ref: order.user_ref,
            quantity: order.quantity,
            executed: order.executed,
            price: order.price,
            instrument: order.instrument,
            state,
            side: order.side,
        }
    }

    /// A request of `session` that was refused.
    pub fn rejected(session: u32, command: &Command, event: &Event) -> Self {
        let request = command.order();
        Self {
            session,
            user_ref: event.user_ref,
            state: b'R',
            side: if request.side == 0 { b' ' } else { request.side },
            instrument: command.instrument,
            quantity: request.quantity,
            number_or_price: request.price,
            ..Self::default()
        }
    }

    /// Lots: it was larger than what the exchange has of it.
    #[inline(always)]
    pub fn set_quantity(&mut self, quantity: u32) {
        self.quantity = quantity;
    }

    /// The session, of a request that was refused.
    pub(super) fn refused_to(&self) -> Option<u32> {
        (self.state == b'R').then_some(self.session)
    }

    fn key(&self) -> Key {
        key(self.session, self.user_ref)
    }

    /// What question `s` tells of it.
    fn status(&self) -> OrderStatus {
        let (number, price) = if self.state == b'R' {
            (0, self.number_or_price)
        } else {
            (self.number_or_price, u64::from(self.price))
        };
        OrderStatus {
            user_ref: self.user_ref,
            number,
            state: self.state,
            side: self.side,
            instrument: self.instrument,
            quantity: self.quantity,
            executed: self.executed,
            open: 0,
            price,
            executed_notional: self.executed_notional,
            fees: self.fees,
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

/// A [`FinishedOrder`] in a snapshot, behind its session and number.
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
    fn new(order: &FinishedOrder) -> Self {
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
        } = order.status();
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

    /// `name` has the session, and the number again.
    fn order(&self, name: Key) -> Result<FinishedOrder, Broken> {
        let is_rejected = self.state == b'R';
        let order = FinishedOrder {
            executed_notional: whole(self.executed_notional),
            fees: whole(self.fees).cast_signed(),
            number_or_price: if is_rejected { self.price } else { self.number },
            session: (name >> 32) as u32,
            user_ref: self.user_ref,
            quantity: self.quantity,
            executed: self.executed,
            price: if is_rejected {
                0
            } else {
                u32::try_from(self.price).map_err(|_| Broken("a finished order's price"))?
            },
            instrument: self.instrument,
            state: self.state,
            side: self.side,
        };
        if order.key() != name {
            return Err(Broken("a finished order's number"));
        }
        Ok(order)
    }
}

/// A finished order where it is kept.
///
/// PERF: one cache line. A start writes one for two of three commands, each somewhere else.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(64))]
struct Line(FinishedOrder);
const _: () = assert!(size_of::<Line>() == 64);

/// The last entries of each account: `each` slots per account, one behind the other.
#[derive(Debug)]
struct Rings<T> {
    slots: Vec<T>,
    ends: Box<[End]>,
    each: usize,
}

/// Where an account's entries end.
#[derive(Debug, Clone, Copy, Default)]
struct End {
    /// The place of the next one among the account's slots; the oldest is there when all are used.
    next: u32,
    used: u32,
}

impl<T: Clone + Default> Rings<T> {
    fn new(accounts: usize, each: usize) -> Self {
        Self {
            slots: table(accounts * each, T::default()),
            ends: vec![End::default(); accounts].into_boxed_slice(),
            each,
        }
    }

    #[inline]
    fn push(&mut self, account: u32, entry: T) {
        if self.each == 0 {
            return;
        }
        let slot = self.next_slot(account);
        let end = &mut self.ends[account as usize];
        end.used = end.used.max(end.next + 1);
        end.next += 1;
        if end.next as usize == self.each {
            end.next = 0;
        }
        self.slots[slot] = entry;
    }

    /// Where the account's next entry goes. Not to be asked when there is no room at all.
    #[inline]
    fn next_slot(&self, account: u32) -> usize {
        account as usize * self.each + self.ends[account as usize].next as usize
    }

    #[inline]
    fn prefetch(&self, account: u32) {
        if self.each > 0
            && let Some(slot) = self.slots.get(self.next_slot(account)..)
        {
            prefetch_whole(slot);
        }
    }

    fn clear(&mut self) {
        self.ends.fill(End::default());
    }

    /// Accounts with entries.
    fn used(&self) -> impl Iterator<Item = u32> + '_ {
        (0..)
            .zip(&self.ends)
            .filter(|(_, end)| end.used > 0)
            .map(|(account, _)| account)
    }

    /// The account whose saved entries follow; `None` behind the last.
    fn next_account(&self, from: &mut Input<'_>) -> Result<Option<u32>, Broken> {
        match from.u32()? {
            NOBODY => Ok(None),
            account if (account as usize) < self.ends.len() => Ok(Some(account)),
            _ => Err(Broken("finished orders of nobody")),
        }
    }

    /// Oldest first.
    fn entries(&self, account: u32) -> impl DoubleEndedIterator<Item = &T> {
        let start = account as usize * self.each;
        let end = self.ends.get(account as usize).copied().unwrap_or_default();
        let used = self
            .slots
            .get(start..start + end.used as usize)
            .unwrap_or_default();
        // Before they are all used, the oldest is the first.
        let oldest = if used.len() < self.each {
            0
        } else {
            end.next as usize
        };
        let (newer, older) = used.split_at(oldest);
        older.iter().chain(newer)
    }
}

/// The last orders that ended, and the last numbers that were replaced.
#[derive(Debug)]
pub struct History {
    finished: Rings<Line>,
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
            for Line(order) in finished.entries(account) {
                out.u64(order.key());
                out.record(&StatusRecord::new(order));
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
                let name = from.u64()?;
                let record: StatusRecord = from.record()?;
                self.finished.push(account, Line(record.order(name)?));
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
    #[inline]
    pub fn finish(&mut self, account: u32, order: FinishedOrder) {
        self.finished.push(account, Line(order));
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
        entries
            .find(|Line(order)| order.key() == wanted)
            .map(|Line(order)| order.status())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(session: u32, user_ref: u32, state: u8) -> FinishedOrder {
        FinishedOrder {
            session,
            user_ref,
            state,
            side: b'S',
            ..FinishedOrder::default()
        }
    }

    fn status(user_ref: u32, state: u8) -> OrderStatus {
        order(0, user_ref, state).status()
    }

    #[test]
    fn the_last_orders_of_each_account_are_remembered() {
        let mut history = History::new(2, 3);
        for user_ref in 1..=10 {
            history.finish(0, order(7, user_ref, b'F'));
        }
        history.finish(1, order(8, 10, b'C'));
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
        history.finish(0, order(7, 1, b'F'));
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
            history.finish(2, order(7, user_ref, b'F'));
            history.replace(0, 1, user_ref, user_ref + 1);
        }
        let mut fees = order(3, 9, b'C');
        (fees.fees, fees.executed_notional, fees.price, fees.side) = (-5, 1 << 70, 3, b'B');
        fees.number_or_price = 1 << 40;
        history.finish(1, fees);
        let mut refused = order(3, 10, b'R');
        refused.number_or_price = 1 << 50;
        history.finish(1, refused);
        let mut saved = Vec::new();
        history.save(&mut saved);
        let mut same = History::new(3, 4);
        let mut input = Input(&saved);
        same.load(&mut input).expect("it was saved");
        assert!(input.0.is_empty());
        let mut again = Vec::new();
        same.save(&mut again);
        assert!(saved == again);
        assert_eq!(same.find(1, 3, 9), Some(fees.status()));
        let refused = same.find(1, 3, 10).expect("it was saved");
        assert_eq!((refused.number, refused.price), (0, 1 << 50));
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
        history.finish(0, order(0, 1, b'F'));
        history.replace(0, 0, 1, 2);
        assert_eq!(history.find(0, 0, 1), None);
        assert_eq!(history.newest(0, 0, 1), 1);
        assert_eq!(History::new(0, 4).find(3, 0, 1), None);
    }
}
