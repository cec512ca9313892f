//! Bytes into a state: everything is inserted into an empty exchange.

use super::bytes::{Broken, Input};
use super::record::{SlotRecord, TotalsRecord};
use super::save::save_limits;
use crate::exchange::account::{Account, RateBucket, Session};
use crate::exchange::auction::Auction;
use crate::exchange::book::Side;
use crate::exchange::book::arena::{FLAG_EXPIRES, FLAG_LISTED, FLAG_MARKET, FLAG_STOP, FLAG_TOTALS, NONE};
use crate::exchange::checks::NOTIONAL_BITS;
use crate::exchange::command::whole;
use crate::exchange::instrument::{CrossKind, Instrument, LastTrade, State};
use crate::exchange::ledger::{Asset, Balance};
use crate::exchange::money::notional;
use crate::exchange::schedule::FeeSchedule;
use crate::exchange::unseen::{Part, Unseen};
use crate::exchange::{Exchange, LastSystemEvent, Limits};

use super::bytes::Output;

impl Exchange {
    /// The exchange that [`Exchange::save`] wrote down, with another secret of its indices. Reads from the front of
    /// `from`.
    ///
    /// # Errors
    /// When the bytes are not those of a state of these capacities. What passes may still be another state than the one
    /// that was saved: compare [`Exchange::state_hash`].
    pub fn load(limits: Limits, hash_seed: u64, from: &mut Input<'_>) -> Result<Self, Broken> {
        let mut loading = Loading {
            exchange: Self::with_hash_seed(limits, hash_seed),
            taken: vec![false; limits.orders as usize],
            listed: 0,
        };
        loading.load(from)?;
        let exchange = loading.exchange;
        let used = [
            exchange.arena.used(),
            exchange.pools.levels_used(),
            exchange.pools.nodes_used(),
        ];
        for used in used {
            if from.u32()? != used {
                return Err(Broken("the orders do not add up"));
            }
        }
        Ok(exchange)
    }
}

/// What an order executed at the price at which it rests is less than 2 to the power of this: an order's value is less than 2 to
/// the power of [`NOTIONAL_BITS`]. A fee, of at most all of it in millionths, fits 128 bits.
const RESTED_BITS: u32 = NOTIONAL_BITS + 4;
/// What it executed before, and the fees of that, are less than 2 to the power of this: with the rest they fit 128 bits.
const TOTALS_BITS: u32 = 126;

/// An exchange in the making.
struct Loading {
    exchange: Exchange,
    /// Handles that were given out.
    taken: Vec<bool>,
    /// Orders with a name that are in no account's list yet.
    listed: usize,
}

impl Loading {
    fn load(&mut self, from: &mut Input<'_>) -> Result<(), Broken> {
        let limits = self.exchange.limits;
        let mut expected = Vec::new();
        save_limits(&limits, &mut Output(&mut expected));
        for byte in expected {
            if from.u8()? != byte {
                return Err(Broken("its capacities are others"));
            }
        }
        let exchange = &mut self.exchange;
        exchange.sequence = from.u64()?;
        exchange.now = from.u64()?;
        exchange.order_number = from.u64()?;
        exchange.match_number = from.u64()?;
        exchange.day = from.u32()?;
        exchange.midnight_ns = Some(from.u64()?).filter(|&midnight_ns| midnight_ns != 0);
        let (code, time) = (from.u8()?, from.u64()?);
        exchange.system_event = Some(LastSystemEvent { code, time }).filter(|event| event.code != 0);
        exchange.skips = from.u32()?;
        exchange.all_killed = from.bool()?;
        for _ in 0..from.count(limits.assets as usize)? {
            exchange.ledger.restore_asset(load_asset(from)?);
        }
        for index in 0..from.count(limits.fee_schedules as usize)? {
            let [maker, taker] = [from.u32()?, from.u32()?].map(u32::cast_signed);
            let schedule = FeeSchedule::new(maker, taker).ok_or(Broken("a fee schedule out of bounds"))?;
            if exchange.schedules.index_of(schedule).map(usize::from) != Some(index) {
                return Err(Broken("a fee schedule that is there twice"));
            }
        }
        for _ in 0..from.count(limits.instruments as usize)? {
            self.load_instrument(from)?;
        }
        self.load_timers(from)?;
        for _ in 0..from.count(limits.accounts as usize)? {
            self.exchange.accounts.push(load_account(from)?);
        }
        self.load_balances(from)?;
        for _ in 0..from.count(limits.sessions as usize)? {
            self.load_session(from)?;
        }
        for locate in 1..=self.exchange.instrument_count() {
            for side in [Side::Buy, Side::Sell] {
                self.load_queue(locate, Some(side), from, Exchange::restore_displayed)?;
                self.load_queue(locate, Some(side), from, Exchange::join_dark)?;
                self.load_queue(locate, Some(side), from, Exchange::join_stops_with_room)?;
            }
            self.load_queue(locate, None, from, Exchange::join_waiting)?;
        }
        for account in 0..self.exchange.accounts.len() {
            self.load_ages(account, from)?;
        }
        if self.listed != 0 {
            return Err(Broken("an order in no account's list"));
        }
        for handle in 0..self.taken.len() as u32 {
            if self.taken[handle as usize] && !self.adds_up(handle) {
                return Err(Broken("an order that does not add up"));
            }
        }
        self.exchange.arena.close(&self.taken);
        Ok(())
    }

    fn load_instrument(&mut self, from: &mut Input<'_>) -> Result<(), Broken> {
        let exchange = &mut self.exchange;
        let locate = exchange.instrument_count() + 1;
        let definition = from.record()?;
        let mut instrument = Instrument::new(definition, exchange.ledger.assets(), locate)
            .ok_or(Broken("an instrument that breaks a rule"))?;
        instrument.state = State::from_byte(from.u8()?).ok_or(Broken("an unknown state"))?;
        let index = from.u32()?;
        let schedule = exchange.schedules.all().get(index as usize);
        instrument.go_by(index as u16, schedule.ok_or(Broken("an unknown fee schedule"))?);
        instrument.volatility_ppm = from.u32()?;
        instrument.pause_seconds = from.u32()?;
        instrument.note_protection();
        instrument.last_trade = LastTrade {
            price: from.u32()?,
            quantity: from.u32()?,
            match_number: from.u64()?,
            time: from.u64()?,
        };
        let symbol = instrument.definition.symbol;
        let Err(place) = exchange
            .symbols
            .binary_search_by_key(&symbol, |&(symbol, _)| symbol)
        else {
            return Err(Broken("a symbol that is there twice"));
        };
        let mut auction = Auction::new(locate, instrument.tick_max);
        auction.kind = CrossKind::from_byte(from.u8()?).ok_or(Broken("an unknown kind of cross"))?;
        exchange.symbols.insert(place, (symbol, locate));
        exchange.unseen.push(Unseen::new(locate, instrument.tick_max));
        exchange.auctions.push(auction);
        exchange.timers.add_instrument();
        exchange.instruments.push(instrument);
        Ok(())
    }

    fn load_timers(&mut self, from: &mut Input<'_>) -> Result<(), Broken> {
        let exchange = &mut self.exchange;
        let mut times = Vec::with_capacity(exchange.instruments.len() + 1);
        for _ in 0..=exchange.instruments.len() {
            times.push(from.u64()?);
        }
        let states = exchange.instruments.iter().map(|instrument| instrument.state);
        exchange.timers.restore(states, &times);
        Ok(())
    }

    fn load_balances(&mut self, from: &mut Input<'_>) -> Result<(), Broken> {
        let exchange = &mut self.exchange;
        let most = exchange.accounts.len() * exchange.ledger.assets().len();
        for _ in 0..from.count(most)? {
            let (account, asset) = (from.u32()?, from.u32()?);
            let balance = Balance {
                available: from.u128()?,
                held: from.u128()?,
            };
            if account >= exchange.account_count() || asset >= exchange.asset_count() {
                return Err(Broken("a balance of nobody"));
            }
            exchange.ledger.restore_balance(account, asset as u16, balance);
        }
        Ok(())
    }

    fn load_session(&mut self, from: &mut Input<'_>) -> Result<(), Broken> {
        let exchange = &mut self.exchange;
        let session = Session {
            account: from.u32()?,
            mark: from.u32()?,
            bucket: RateBucket {
                worked_off: from.u64()?,
            },
            username: from.record()?,
            connected: from.bool()?,
        };
        if session.account >= exchange.account_count() {
            return Err(Broken("a session of nobody"));
        }
        let Err(place) = exchange.usernames.binary_search(&session.username) else {
            return Err(Broken("a session that is there twice"));
        };
        exchange.usernames.insert(place, session.username);
        exchange.sessions.push(session);
        Ok(())
    }

    /// A queue of one side, or of both, the first order first; `join` puts it behind those before.
    fn load_queue(
        &mut self,
        locate: u16,
        side: Option<Side>,
        from: &mut Input<'_>,
        join: fn(&mut Exchange, u32),
    ) -> Result<(), Broken> {
        for _ in 0..from.count(self.taken.len())? {
            let (handle, record) = self.load_slot(locate, side, from)?;
            if record.is(FLAG_STOP) && record.has_reserve() {
                self.load_slot(locate, side, from)?;
            }
            let exchange = &mut self.exchange;
            if side.is_none() && !record.is(FLAG_MARKET) && exchange.cross_kind(handle).is_none() {
                return Err(Broken("an order that waits for nothing"));
            }
            join(exchange, handle);
        }
        Ok(())
    }

    /// A slot, under its name if it has one, and in the queue of the ends if it has one; in no book yet.
    fn load_slot(
        &mut self,
        locate: u16,
        side: Option<Side>,
        from: &mut Input<'_>,
    ) -> Result<(u32, SlotRecord), Broken> {
        let record: SlotRecord = from.record()?;
        let (handle, mut slot) = (record.handle, record.slot()?);
        let is_free = self.taken.get(handle as usize) == Some(&false);
        let exchange = &mut self.exchange;
        let instrument = &exchange.instruments[usize::from(locate) - 1];
        let sound = is_free
            && slot.instrument == locate
            && side.is_none_or(|side| slot.side == side)
            && slot.tick <= instrument.tick_max
            && slot.account < exchange.account_count()
            && slot.session < exchange.session_count()
            && record.has_other_within(self.taken.len())
            && usize::from(slot.schedule) < exchange.schedules.all().len();
        if !sound {
            return Err(Broken("an order that can not be"));
        }
        self.taken[handle as usize] = true;
        if record.is(FLAG_LISTED) {
            let place = exchange.index.place(slot.session, slot.user_ref);
            if exchange
                .index
                .find(&exchange.arena, place, slot.session, slot.user_ref)
                != NONE
            {
                return Err(Broken("an order that is there twice"));
            }
            slot.chain = exchange.index.insert(place, handle);
            self.listed += 1;
        }
        exchange.arena.restore(handle, slot, record.details());
        if record.is(FLAG_TOTALS) {
            let totals: TotalsRecord = from.record()?;
            exchange.arena.set_totals(handle, totals.totals());
        }
        if record.is(FLAG_EXPIRES) {
            exchange.schedule_expiry(handle);
        }
        Ok((handle, record))
    }

    /// True when what is computed of an order fits its numbers, and the two slots of a reserve order are each other's.
    fn adds_up(&self, handle: u32) -> bool {
        let exchange = &self.exchange;
        let slot = exchange.arena.get(handle);
        let is_other = |other: u32| self.taken.get(other as usize) == Some(&true);
        let open = match exchange.part(handle) {
            Part::Shown(reserve) if is_other(reserve) && exchange.part(reserve) == Part::Reserve(handle) => {
                slot.open.checked_add(exchange.arena.get(reserve).open)
            }
            Part::Reserve(order) if is_other(order) && exchange.part(order) == Part::Shown(handle) => {
                Some(slot.open)
            }
            Part::Shown(_) | Part::Reserve(_) => None,
            Part::Displayed | Part::Hidden => Some(slot.open),
        };
        let totals = exchange.arena.totals(handle);
        let rested = slot.executed.checked_sub(totals.executed);
        let tick_value = exchange.instrument_of(slot.instrument).tick_value;
        open.and_then(|open| slot.executed.checked_add(open)).is_some()
            && rested.is_some_and(|rested| notional(slot.tick, rested, tick_value) >> RESTED_BITS == 0)
            && whole(totals.notional) >> TOTALS_BITS == 0
            && whole(totals.fees).cast_signed().unsigned_abs() >> TOTALS_BITS == 0
    }

    /// The account's orders, the oldest first.
    fn load_ages(&mut self, account: usize, from: &mut Input<'_>) -> Result<(), Broken> {
        for _ in 0..from.count(self.listed)? {
            let handle = from.u32()?;
            if self.taken.get(handle as usize) != Some(&true) {
                return Err(Broken("an order that is nowhere"));
            }
            let Exchange {
                arena,
                accounts,
                roster,
                ..
            } = &mut self.exchange;
            let slot = arena.get_mut(handle);
            if slot.account as usize != account || !slot.is(FLAG_LISTED) || slot.place != NONE {
                return Err(Broken("an order in another's list"));
            }
            let owner = &mut accounts[account];
            slot.place = roster.push(&mut owner.list, handle);
            owner.open_orders += 1;
            self.listed -= 1;
        }
        Ok(())
    }
}

impl Exchange {
    /// Puts a displayed order behind those at its price.
    fn restore_displayed(&mut self, handle: u32) {
        let place = usize::from(self.arena.get(handle).instrument) - 1;
        let book = &mut self.instruments[place].book;
        book.add(&mut self.pools, &mut self.arena, handle);
    }
}

fn load_asset(from: &mut Input<'_>) -> Result<Asset, Broken> {
    Ok(Asset {
        name: from.record()?,
        decimals: from.u8()?,
        deposited: from.u128()?,
        withdrawn: from.u128()?,
        fees: from.u128()?.cast_signed(),
    })
}

fn load_account(from: &mut Input<'_>) -> Result<Account, Broken> {
    let mut account = Account::new(from.record()?);
    account.order_entry_enabled = from.bool()?;
    account.is_killed = from.bool()?;
    Ok(account)
}
