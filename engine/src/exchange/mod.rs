//! The exchange proper: pure. No sockets, clocks, threads, files, logging, randomness, floats, allocation after start.
//! The same commands give the same events, byte for byte, on every machine.
//!
//! [`Exchange::apply`] takes a command and emits its events in steps of at most [`STEP_EVENTS_MAX`]; what is left of a
//! long command is state of the exchange, and no other command is taken until it ends.
//!
//! Who writes what: `ledger` alone writes balances, `book` alone queues orders, `checks` only reads.

pub mod account;
mod auction;
mod audit;
pub mod book;
mod canceling;
mod changing;
mod checks;
pub mod command;
mod cross;
mod dark;
mod day;
mod display;
mod due;
mod entering;
pub mod event;
mod expiry;
mod funds;
mod hashing;
mod imbalance;
mod index;
pub mod instrument;
mod kill_switch;
pub mod ledger;
mod matching;
mod minimum;
pub mod money;
mod outlook;
mod plain;
mod replacing;
mod reserve;
mod roster;
pub mod schedule;
mod settling;
mod setup;
mod sink;
mod skipping;
pub mod snapshot;
mod stops;
#[cfg(test)]
mod tests;
mod unseen;
mod view;
mod volatility;
mod waiting;

use account::{Account, Session};
use auction::{Auction, Uncross};
use book::Side;
use book::arena::{Arena, FLAG_DARK, FLAG_EXPIRES, FLAG_LISTED, NONE, OrderSlot};
use book::ladder::Pools;
use book::queue::Queue;
use canceling::CancelFilter;
use command::{Command, CommandKind};
use day::Carrying;
pub use day::{DAYS_MAX, LastSystemEvent};
pub use display::Telling;
pub use due::Due;
use due::Timers;
use expiry::ExpiryQueue;
use index::{Index, Place};
use instrument::Instrument;
use ledger::Ledger;
pub use outlook::Outlook;
use roster::Roster;
use schedule::FeeSchedules;
use sink::Step;
pub use sink::{Progress, STEP_EVENTS_MAX, Sink};
use stops::Reached;
use unseen::{Part, Unseen};
pub use view::{EndedOrder, OrderView};
use volatility::Band;

/// Raised whenever the same commands come to cause other events, or another state: then a journal of before can not be
/// applied any more, and only a snapshot that was taken at an orderly end is a beginning.
pub const MATCHING_VERSION: u32 = 2;

/// Capacities, allocated at start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most assets, 1 ..= 65,535.
    pub assets: u32,
    /// Most instruments, 1 ..= 65,534.
    pub instruments: u32,
    /// Most accounts.
    pub accounts: u32,
    /// Most sessions.
    pub sessions: u32,
    /// Most orders at once.
    pub orders: u32,
    /// Most price levels at once, all books together.
    pub levels: u32,
    /// Most different fee schedules since the first day, 1 ..= 65,535.
    pub fee_schedules: u32,
}

/// What is left to do of the present command.
#[derive(Debug, Clone, Copy)]
enum Work {
    Nothing,
    /// An incoming order goes on matching.
    Cross {
        handle: u32,
        /// Not in the displayed book alone, and what that causes is to be looked at then.
        looks_beside: bool,
    },
    /// What the executions in the instrument at this place have caused is looked at.
    Settle {
        place: usize,
    },
    /// Orders of an account are canceled, from this one on.
    CancelAll {
        next: u32,
        filter: CancelFilter,
        reason: u8,
    },
    /// Orders whose time has come are canceled.
    Expire,
    /// Orders of this account, from `next` on, and of the accounts behind it are canceled.
    CancelEverybody {
        account: u32,
        next: u32,
        reason: u8,
    },
    /// Orders meet in a cross.
    Meet,
    /// What a cross has left is canceled.
    ClearAuction,
    /// An instrument has closed without a cross.
    ClearMarketOrders {
        place: usize,
    },
    /// Imbalances are told, from this instrument on.
    Imbalance {
        place: usize,
    },
    /// The day rolls: instruments are told, from this one on.
    ListAgain {
        place: usize,
    },
    /// The day rolls: orders are carried into the new one, from this one on.
    Carry {
        at: Carrying,
    },
}

/// The exchange.
#[derive(Debug)]
pub struct Exchange {
    limits: Limits,
    arena: Arena,
    pools: Pools,
    index: Index,
    roster: Roster,
    expiry: ExpiryQueue,
    schedules: FeeSchedules,
    ledger: Ledger,
    instruments: Vec<Instrument>,
    /// What each instrument needs for its crosses only.
    auctions: Vec<Auction>,
    timers: Timers,
    /// The cross that is under way, or was last.
    uncross: Uncross,
    /// Where the present command's orders may match, if that was asked.
    band: Band,
    /// By instrument, in the same order.
    unseen: Vec<Unseen>,
    /// Orders whose displayed part has run out in the present command; they are in no level.
    run_out: Queue,
    reached: Reached,
    /// Sorted.
    symbols: Vec<([u8; 8], u16)>,
    accounts: Vec<Account>,
    /// The operator's kill switch for all accounts is on.
    all_killed: bool,
    sessions: Vec<Session>,
    /// Sorted.
    usernames: Vec<[u8; 6]>,
    order_number: u64,
    match_number: u64,
    /// 1 on the first day.
    day: u32,
    /// What the times of the day's commands count from.
    midnight_ns: Option<u64>,
    system_event: Option<LastSystemEvent>,
    /// Commands that were left out, as far as it is journaled.
    skips: u32,
    sequence: u64,
    now: u64,
    work: Work,
}

impl Exchange {
    /// An empty exchange with room for `limits`.
    pub fn new(limits: Limits) -> Self {
        Self::with_hash_seed(limits, 0)
    }

    /// As [`Exchange::new`], with a secret of this process so that no client can choose order names that collide in the
    /// index. It shows neither in events nor in state.
    pub fn with_hash_seed(limits: Limits, hash_seed: u64) -> Self {
        assert!((1..=u32::from(u16::MAX)).contains(&limits.assets), "assets");
        assert!(
            (1..u32::from(u16::MAX)).contains(&limits.instruments),
            "instruments"
        );
        assert!(
            (1..=u32::from(u16::MAX)).contains(&limits.fee_schedules),
            "fee schedules"
        );
        assert!(
            limits.orders < roster::ORDERS_MAX && limits.levels < NONE / 4,
            "orders and levels"
        );
        Self {
            limits,
            arena: Arena::new(limits.orders),
            pools: Pools::new(limits.levels, limits.instruments * 2, hash_seed),
            index: Index::new(limits.orders, hash_seed),
            roster: Roster::new(limits.orders),
            expiry: ExpiryQueue::new(limits.orders),
            schedules: FeeSchedules::new(limits.fee_schedules),
            ledger: Ledger::new(limits.accounts as usize, limits.assets as usize),
            instruments: Vec::with_capacity(limits.instruments as usize),
            auctions: Vec::with_capacity(limits.instruments as usize),
            timers: Timers::new(limits.instruments),
            uncross: Uncross::NONE,
            band: Band::ALL,
            unseen: Vec::with_capacity(limits.instruments as usize),
            run_out: Queue::EMPTY,
            reached: Reached::NOTHING,
            symbols: Vec::with_capacity(limits.instruments as usize),
            accounts: Vec::with_capacity(limits.accounts as usize),
            all_killed: false,
            sessions: Vec::with_capacity(limits.sessions as usize),
            usernames: Vec::with_capacity(limits.sessions as usize),
            order_number: 0,
            match_number: 0,
            day: 1,
            midnight_ns: None,
            system_event: None,
            skips: 0,
            sequence: 0,
            now: 0,
            work: Work::Nothing,
        }
    }

    /// The capacities.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Number of the last command taken; 0 before the first.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Time of the last command taken.
    pub fn now(&self) -> u64 {
        self.now
    }

    /// True while a command is unfinished.
    pub fn is_busy(&self) -> bool {
        !matches!(self.work, Work::Nothing)
    }

    /// Takes a command and runs its first step. The next command may come when this one is done.
    ///
    /// # Panics
    /// When busy, and when the command's number is not the next: the caller is broken, and going on would be wrong.
    pub fn apply(&mut self, command: &Command, sink: &mut impl Sink) -> Progress {
        self.apply_foreseen(command, &Outlook::NONE, sink)
    }

    /// The same for a command that was looked at before; `outlook` must be its own.
    ///
    /// # Panics
    /// As [`Exchange::apply`].
    pub fn apply_foreseen(&mut self, command: &Command, outlook: &Outlook, sink: &mut impl Sink) -> Progress {
        assert!(!self.is_busy(), "the command before is unfinished");
        assert!(
            command.sequence == self.sequence.wrapping_add(1),
            "commands are numbered without holes"
        );
        assert!(
            command.time >= self.now || command.kind == CommandKind::RollDay as u8,
            "time does not run backwards"
        );
        self.sequence = command.sequence;
        let before = std::mem::replace(&mut self.now, command.time);
        let step = &mut Step::new(sink);
        match CommandKind::from_byte(command.kind) {
            Some(CommandKind::Enter) => self.enter(command, outlook, step),
            Some(CommandKind::Replace) => self.replace(command, outlook, step),
            Some(CommandKind::Cancel) => self.cancel(command, outlook, step),
            Some(CommandKind::Modify) => self.modify(command, step),
            Some(CommandKind::MassCancel) => self.mass_cancel(command, step),
            Some(CommandKind::DisableOrderEntry) => self.disable_order_entry(command, step),
            Some(CommandKind::EnableOrderEntry) => self.enable_order_entry(command, step),
            Some(CommandKind::AccountQuery) => self.account_query(command, step),
            Some(CommandKind::ConnectionStart) => self.connection_start(command),
            Some(CommandKind::ConnectionEnd) => self.connection_end(command, step),
            Some(CommandKind::Expire) => self.expire(step),
            Some(CommandKind::SkipPoison) => self.skip_poison(),
            Some(CommandKind::Deposit) => self.deposit(command, step),
            Some(CommandKind::Withdraw) => self.withdraw(command, step),
            Some(CommandKind::AddAsset) => self.add_asset(command, step),
            Some(CommandKind::AddInstrument) => self.add_instrument(command, step),
            Some(CommandKind::AddAccount) => self.add_account(command, step),
            Some(CommandKind::AddSession) => self.add_session(command, step),
            Some(CommandKind::SetState) => self.set_state(command, step),
            Some(CommandKind::ChangeAccount) => self.change_account(command, step),
            Some(CommandKind::ChangeInstrument) => self.change_instrument(command, step),
            Some(CommandKind::KillSwitch) => self.kill_switch(command, step),
            Some(CommandKind::CancelOrders) => self.cancel_orders(command, step),
            Some(CommandKind::ChangePassword) => self.change_password(command, step),
            Some(CommandKind::SystemEvent) => self.system_event(command, step),
            Some(CommandKind::Imbalance) => self.imbalance(step),
            Some(CommandKind::Reopen) => self.reopen(command, step),
            Some(CommandKind::SetProtection) => self.set_protection(command, step),
            Some(CommandKind::RollDay) => self.roll_day(command, before, step),
            None => self.refuse_operation(step),
        }
    }

    /// Runs the next step of the unfinished command.
    pub fn resume(&mut self, sink: &mut impl Sink) -> Progress {
        let step = &mut Step::new(sink);
        match std::mem::replace(&mut self.work, Work::Nothing) {
            Work::Nothing => Progress::Done,
            Work::Cross {
                handle,
                looks_beside: false,
            } => self.cross(handle, step),
            Work::Cross { handle, .. } => self.cross_all(handle, step),
            Work::Settle { place } => self.settle_down(place, step),
            Work::CancelAll { next, filter, reason } => self.cancel_all(next, filter, reason, step),
            Work::Expire => self.expire(step),
            Work::CancelEverybody {
                account,
                next,
                reason,
            } => self.cancel_everybody(account, next, reason, step),
            Work::Meet => self.meet_all(step),
            Work::ClearAuction => self.clear_auction(step),
            Work::ClearMarketOrders { place } => self.clear_market_orders(place, step),
            Work::Imbalance { place } => self.tell_imbalances(place, step),
            Work::ListAgain { place } => self.list_again(place, step),
            Work::Carry { at } => self.carry_all(at, step),
        }
    }

    #[inline(always)]
    fn instrument_of(&self, locate: u16) -> &Instrument {
        &self.instruments[usize::from(locate) - 1]
    }

    /// The handle of a resting order.
    #[inline(always)]
    fn find_order(&self, session: u32, user_ref: u32) -> u32 {
        let place = self.index.place(session, user_ref);
        self.index.find(&self.arena, place, session, user_ref)
    }

    /// The oldest of an account's resting orders.
    fn oldest_of(&self, account: &Account) -> u32 {
        self.roster.first(&account.list)
    }

    /// The next of its account's resting orders.
    fn behind(&self, handle: u32) -> u32 {
        self.roster.behind(self.arena.get(handle).place)
    }

    /// What an order with `open` lots binds: the asset and the amount.
    #[inline(always)]
    fn hold_of(&self, slot: &OrderSlot, open: u32) -> (u16, u128) {
        let instrument = self.instrument_of(slot.instrument);
        match slot.side {
            Side::Sell => (instrument.definition.base, u128::from(open) * instrument.lot_size),
            Side::Buy if slot.pays_as_it_goes() => (instrument.definition.quote, 0),
            Side::Buy => (
                instrument.definition.quote,
                money::buy_hold(
                    slot.tick,
                    open,
                    instrument.tick_value,
                    self.schedules.get(slot.schedule).rate_max_ppm,
                    slot.fee_remainder,
                ),
            ),
        }
    }

    /// Gives back what an order no longer binds when its open quantity goes from `before` to `after`.
    #[inline(always)]
    fn release_hold(&mut self, handle: u32, before: u32, after: u32) {
        let slot = *self.arena.get(handle);
        if after == 0 && crate::planted::is(crate::planted::Bug::HoldNotReleased) {
            return;
        }
        let (asset, old) = self.hold_of(&slot, before);
        let (_, new) = if after == 0 {
            (asset, 0)
        } else {
            self.hold_of(&slot, after)
        };
        self.ledger.release(slot.account, asset, old - new);
    }

    /// Ends an order that is in no level any more: told to the sink, out of the lists, slot freed.
    #[inline(always)]
    fn finish<S: Sink>(&mut self, handle: u32, state: u8, step: &mut Step<'_, S>) {
        self.tell_finished(handle, self.arena.get(handle), state, step);
        self.release(handle);
    }

    /// Tells the sink that an order ends, if it wants to know. `slot` is the order's.
    #[inline(always)]
    fn tell_finished<S: Sink>(&self, handle: u32, slot: &OrderSlot, state: u8, step: &mut Step<'_, S>) {
        if S::WANTS_FINISHED {
            let ended = self.ended(handle, slot);
            step.sink.order_finished(&ended, state);
        }
    }

    /// An order that has ended, and was told, leaves the lists; its slot is free.
    #[inline(always)]
    fn release(&mut self, handle: u32) {
        let slot = *self.arena.get(handle);
        let name = self.index.place(slot.session, slot.user_ref);
        self.release_order(handle, &slot, name);
    }

    /// The same; `slot` has what the order's slot says about its owner and its lists, `name` is where its name is found.
    #[inline(always)]
    fn release_order(&mut self, handle: u32, slot: &OrderSlot, name: Place) {
        if slot.is(FLAG_EXPIRES | FLAG_DARK) {
            self.finish_unusual(handle);
        }
        if slot.is(FLAG_LISTED) {
            self.index.remove(&mut self.arena, name, handle, slot.chain);
            let owner = &mut self.accounts[slot.account as usize];
            owner.open_orders -= 1;
            self.roster.remove(&mut owner.list, slot.place);
        }
        self.arena.remove(handle);
    }

    /// What orders have that end by themselves, or have a reserve.
    #[inline(never)]
    fn finish_unusual(&mut self, handle: u32) {
        self.unschedule_expiry(handle);
        if let Part::Shown(reserve) = self.part(handle) {
            self.drop_reserve(handle, reserve);
        }
    }
}
