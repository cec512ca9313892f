//! What must always be true, and a hash of everything that matters.

use super::book::Side;
use super::book::arena::{FLAG_EXPIRES, FLAG_LISTED, FLAG_MARKET, FLAG_STOP, FLAG_WAITS, NONE};
use super::book::ladder::Ladder;
use super::checks::GOOD_TILL_TIME;
use super::instrument::{CrossKind, State};
use super::stops::Reached;
use super::unseen::Part;
use super::{Exchange, Work};
use zerocopy::IntoBytes;

impl Exchange {
    /// Checks every invariant; an error names the first that is broken. Cost: all orders and balances.
    pub fn check_invariants(&self) -> Result<(), String> {
        if self.is_busy() {
            return Ok(());
        }
        if self.run_out.first() != NONE || self.reached != Reached::NOTHING {
            return Err("a command has left something undone".to_owned());
        }
        let mut stored = 0;
        for locate in 1..=self.instrument_count() {
            for side in [Side::Buy, Side::Sell] {
                stored += self.check_side(locate, side)?;
                stored += self.check_waiting(locate, side)?;
            }
            let best = |side| self.meeting_handles(locate, side).next();
            if let (Some(bid), Some(ask)) = (best(Side::Buy), best(Side::Sell))
                && self.arena.get(bid).tick >= self.arena.get(ask).tick
                && self.instrument_of(locate).state == State::Trading
            {
                return Err(format!("instrument {locate}: the best bid crosses the best ask"));
            }
        }
        if stored != self.arena.used() {
            return Err(format!(
                "{stored} slots are found, {} are used",
                self.arena.used()
            ));
        }
        self.check_expiries()?;
        self.timers
            .check(self.instruments.iter().map(|instrument| instrument.state))?;
        self.check_holds()?;
        self.check_conservation()
    }

    /// What waits for crosses: auction-only limit orders, and market orders beside the levels of their bounds.
    fn check_waiting(&self, locate: u16, side: Side) -> Result<u32, String> {
        let waiting = &self.auctions[usize::from(locate) - 1].waiting;
        let mut orders = 0;
        for kind in CrossKind::ALL {
            let ladder = waiting.limits(kind).side(side);
            orders += self.check_ladder(locate, side, ladder, |handle| {
                self.arena.get(handle).is(FLAG_WAITS) && self.cross_kind(handle) == Some(kind)
            })?;
        }
        for kind in CrossKind::ALL.map(Some).into_iter().chain([None]) {
            let line = waiting.line(kind, side);
            let (mut prev, mut open) = (NONE, 0);
            for handle in self.queue_from(line.first()) {
                let slot = self.arena.get(handle);
                let is_behind = prev == NONE || self.arena.get(prev).number < slot.number;
                let sound = slot.prev == prev
                    && is_behind
                    && self.pools.level(slot.level).tick == slot.tick
                    && self.cross_kind(handle) == kind
                    && (slot.side, slot.instrument) == (side, locate)
                    && slot.open > 0
                    && slot.is(FLAG_LISTED)
                    && slot.is(FLAG_MARKET)
                    && slot.is(FLAG_WAITS);
                if !sound {
                    return Err(format!(
                        "instrument {locate}: market order {} is not sound: {slot:?}",
                        slot.number
                    ));
                }
                open += u64::from(slot.open);
                orders += 1;
                prev = handle;
            }
            let bound = self.levels_of(Some(line.bounds()));
            let bound: u64 = bound.map(|level| self.pools.level(level).quantity).sum();
            if bound != open || !line.ends_with(prev) {
                return Err(format!(
                    "instrument {locate}: {open} lots wait at market, {bound} are bound"
                ));
            }
        }
        Ok(orders)
    }

    /// All books of one side; returns how many slots are in them.
    fn check_side(&self, locate: u16, side: Side) -> Result<u32, String> {
        let place = usize::from(locate) - 1;
        let (instrument, unseen) = (&self.instruments[place], &self.unseen[place]);
        let (displayed, dark) = (instrument.book.side(side), unseen.dark.side(side));
        if instrument.is_protected() != (instrument.volatility_ppm > 0) {
            return Err(format!("instrument {locate}: it is protected or not"));
        }
        if instrument.has_dark(side) == (dark.best() == NONE) {
            return Err(format!("instrument {locate}: there are dark orders or not"));
        }
        let displayed = self.check_ladder(locate, side, displayed, |handle| {
            let slot = self.arena.get(handle);
            let is_displayed = match self.part(handle) {
                Part::Displayed => true,
                Part::Shown(reserve) => {
                    self.part(reserve) == Part::Reserve(handle)
                        && slot.open <= self.arena.details(handle).max_floor
                }
                Part::Hidden | Part::Reserve(_) => false,
            };
            is_displayed && !slot.is(FLAG_STOP | FLAG_WAITS)
        })?;
        let dark = self.check_ladder(locate, side, dark, |handle| match self.part(handle) {
            Part::Hidden => !self.arena.get(handle).is(FLAG_STOP | FLAG_WAITS),
            Part::Reserve(order) => self.part(order) == Part::Shown(handle),
            Part::Displayed | Part::Shown(_) => false,
        })?;
        Ok(displayed + dark + self.check_stops(locate, side)?)
    }

    /// The stops that buy, or sell; returns how many slots they have.
    fn check_stops(&self, locate: u16, side: Side) -> Result<u32, String> {
        let place = usize::from(locate) - 1;
        let ladder = self.unseen[place].stops.side(side.opposite());
        if self.has_stops_of(place, side) == (ladder.best() == NONE) {
            return Err(format!("instrument {locate}: there are stops or not"));
        }
        let stops = self.check_ladder(locate, side, ladder, |handle| {
            self.arena.get(handle).is(FLAG_STOP)
        })?;
        let reserves = self.stop_handles(locate, side).filter(|&handle| {
            let reserve = match self.part(handle) {
                Part::Shown(reserve) => reserve,
                _ => return false,
            };
            self.part(reserve) == Part::Reserve(handle) && self.arena.get(reserve).open == 0
        });
        Ok(stops + reserves.count() as u32)
    }

    /// One ladder: levels in order, queues and sums sound, and each order as `belongs` wants it. Returns how many slots are
    /// in it.
    fn check_ladder(
        &self,
        locate: u16,
        side: Side,
        ladder: &Ladder,
        belongs: impl Fn(u32) -> bool,
    ) -> Result<u32, String> {
        let mut slots = 0;
        let mut before: Option<u32> = None;
        for index in self.levels_of(Some(ladder)) {
            let level = self.pools.level(index);
            if before.is_some_and(|tick| !ladder.side().is_better(tick, level.tick)) {
                return Err(format!("instrument {locate}: level {} out of order", level.tick));
            }
            before = Some(level.tick);
            let (mut handle, mut prev, mut quantity, mut count) = (level.head, NONE, 0, 0);
            while handle != NONE {
                let slot = self.arena.get(handle);
                let order = self.order_of(handle);
                let tick = if slot.is(FLAG_STOP) {
                    self.arena.details(handle).stop_tick
                } else {
                    slot.tick
                };
                let sound = slot.prev == prev
                    && slot.level == index
                    && tick == level.tick
                    && slot.side == side
                    && slot.instrument == locate
                    && slot.open > 0
                    && self.arena.get(order).is(FLAG_LISTED)
                    && belongs(handle);
                if !sound {
                    return Err(format!(
                        "instrument {locate}: order {} is not sound: {slot:?}",
                        slot.number
                    ));
                }
                let name = self.arena.get(order);
                if self.find_order(name.session, name.user_ref) != order {
                    return Err(format!("order {} is not found by its name", slot.number));
                }
                quantity += u64::from(slot.open);
                count += 1;
                (prev, handle) = (handle, slot.next);
            }
            if (level.tail, level.quantity) != (prev, quantity) || count == 0 {
                return Err(format!(
                    "instrument {locate}: level {} does not add up",
                    level.tick
                ));
            }
            slots += count;
        }
        Ok(slots)
    }

    /// Exactly the orders that are good till a time are in the queue of their ends.
    fn check_expiries(&self) -> Result<(), String> {
        self.expiry.check(&self.arena)?;
        let mut expiring = 0;
        for account in 0..self.account_count() {
            let mut handle = self.oldest_of(&self.accounts[account as usize]);
            while handle != NONE {
                let slot = self.arena.get(handle);
                if slot.is(FLAG_EXPIRES) != (slot.time_in_force == GOOD_TILL_TIME) {
                    return Err(format!("order {}: good till a time or not", slot.number));
                }
                expiring += usize::from(slot.is(FLAG_EXPIRES));
                handle = self.behind(handle);
            }
        }
        if expiring != self.expiry.len() {
            return Err(format!(
                "{expiring} orders expire, {} are queued",
                self.expiry.len()
            ));
        }
        Ok(())
    }

    /// Held equals the sum over open orders, per account and asset.
    fn check_holds(&self) -> Result<(), String> {
        for (index, account) in self.accounts.iter().enumerate() {
            let mut held = vec![0_u128; self.ledger.assets().len()];
            let (mut handle, mut orders) = (self.oldest_of(account), 0);
            while handle != NONE {
                let slot = self.arena.get(handle);
                if self.roster.at(slot.place) != handle || slot.account != index as u32 {
                    return Err(format!(
                        "account {index}: order list broken at order {}",
                        slot.number
                    ));
                }
                let (asset, hold) = self.hold_of(slot, self.open_of(handle));
                held[usize::from(asset)] += hold;
                orders += 1;
                handle = self.behind(handle);
            }
            if account.open_orders != orders {
                return Err(format!("account {index}: order list does not add up"));
            }
            for (asset, expected) in held.into_iter().enumerate() {
                let actual = self.ledger.balance(index as u32, asset as u16).held;
                if actual != expected {
                    return Err(format!(
                        "account {index} asset {asset}: held {actual}, orders hold {expected}"
                    ));
                }
            }
        }
        Ok(())
    }

    /// Per asset: balances and fees equal deposits less withdrawals.
    pub fn check_conservation(&self) -> Result<(), String> {
        for (index, asset) in self.ledger.assets().iter().enumerate() {
            let mut total = asset.fees;
            for account in 0..self.account_count() {
                let balance = self.ledger.balance(account, index as u16);
                total += balance.total() as i128;
            }
            let expected = asset.deposited as i128 - asset.withdrawn as i128;
            if total != expected {
                return Err(format!(
                    "asset {index}: {total} accounted for, {expected} deposited"
                ));
            }
        }
        Ok(())
    }

    /// A hash of the state: numbers, balances, accounts with the age of their orders, sessions, instruments, and every
    /// order in price-time order with all that it says. Equal after equal commands, whatever machine, whatever restarts.
    pub fn state_hash(&self) -> u64 {
        let mut hash = Mixer(0x6578_6368_616E_6765);
        hash.mix(self.sequence);
        hash.mix(self.now);
        self.mix_all(None, &mut hash);
        self.mix_work(&mut hash);
        hash.0
    }

    /// What is left to do of an unfinished command. (What its orders say is among the accounts' orders, or told already.)
    fn mix_work(&self, hash: &mut Mixer) {
        let number = |handle| match handle {
            NONE => 0,
            handle => self.arena.get(handle).number,
        };
        let (kind, value, handle) = match self.work {
            Work::Nothing => (0, 0, NONE),
            Work::Cross { handle, looks_beside } => (1, u64::from(looks_beside), handle),
            Work::Settle { place } => (2, place as u64, self.run_out.first()),
            Work::CancelAll { next, reason, .. } => (3, u64::from(reason), next),
            Work::Expire => (4, 0, NONE),
            Work::CancelEverybody {
                account,
                next,
                reason,
            } => (5, u64::from(account) << 8 | u64::from(reason), next),
            Work::Meet => (6, self.uncross.volume(), NONE),
            Work::ClearAuction => (7, self.uncross.volume(), NONE),
            Work::Imbalance { place } => (8, place as u64, NONE),
            Work::ListAgain { place } => (9, place as u64, NONE),
            Work::Carry { at } => (10, at.place() as u64, at.handle()),
            Work::ClearMarketOrders { place } => (11, place as u64, NONE),
        };
        let Reached { low, high } = self.reached;
        for value in [
            kind,
            value,
            number(handle),
            u64::from(low) << 32 | u64::from(high),
        ] {
            hash.mix(value);
        }
        if handle != NONE {
            hash.mix(u64::from(self.open_of(handle)));
        }
    }

    /// A hash of what a refused request of `session` leaves as it is: everything but the clock, and this session's mark
    /// and rate bucket.
    pub fn hash_of_the_rest(&self, session: u32) -> u64 {
        let mut hash = Mixer(0x7265_7374);
        self.mix_all(Some(session), &mut hash);
        hash.0
    }

    fn mix_all(&self, but_session: Option<u32>, hash: &mut Mixer) {
        let days = u64::from(self.skips) << 32 | u64::from(self.day);
        let midnight_ns = self.midnight_ns.unwrap_or(0);
        let (told, told_at) = self
            .system_event
            .map_or((0, 0), |event| (u64::from(event.code), event.time));
        for value in [
            self.order_number,
            self.match_number,
            days,
            midnight_ns,
            told,
            told_at,
        ] {
            hash.mix(value);
        }
        self.timers.visit(|value| hash.mix(value));
        self.ledger.visit(self.account_count(), |value| hash.mix(value));
        for schedule in self.schedules.all() {
            hash.mix(
                u64::from(schedule.maker_ppm.cast_unsigned()) << 32
                    | u64::from(schedule.taker_ppm.cast_unsigned()),
            );
        }
        hash.mix(u64::from(self.all_killed));
        for (index, account) in self.accounts.iter().enumerate() {
            hash.mix(
                u64::from(account.is_killed) << 33
                    | u64::from(account.order_entry_enabled) << 32
                    | u64::from(account.open_orders),
            );
            hash.mix_bytes(account.definition.as_bytes());
            for order in self.open_orders(index as u32) {
                hash.mix(order.number);
            }
        }
        for (index, session) in (0..).zip(&self.sessions) {
            hash.mix_bytes(&session.username);
            if but_session == Some(index) {
                hash.mix(u64::from(session.account) << 1 | u64::from(session.connected));
                continue;
            }
            hash.mix(
                u64::from(session.mark) << 32
                    | u64::from(session.account) << 1
                    | u64::from(session.connected),
            );
            hash.mix(session.bucket.worked_off);
        }
        for locate in 1..=self.instrument_count() {
            let instrument = self.instrument_of(locate);
            let last = instrument.last_trade;
            hash.mix_bytes(instrument.definition.as_bytes());
            hash.mix(instrument.state as u64);
            hash.mix(self.auctions[usize::from(locate) - 1].kind as u64);
            hash.mix(u64::from(instrument.volatility_ppm) << 32 | u64::from(instrument.pause_seconds));
            for value in [
                u64::from(last.price),
                u64::from(last.quantity),
                last.match_number,
                last.time,
            ] {
                hash.mix(value);
            }
            for side in [Side::Buy, Side::Sell] {
                for handle in self.resting_handles(locate, side) {
                    self.mix_order(handle, hash);
                }
                for handle in self.stop_handles(locate, side) {
                    self.mix_order(handle, hash);
                }
                for handle in self.dark_handles(locate, side) {
                    match self.part(handle) {
                        Part::Reserve(order) => {
                            let slot = self.arena.get(handle);
                            hash.mix(slot.number);
                            hash.mix(u64::from(slot.open));
                            hash.mix(self.arena.get(order).number);
                        }
                        _ => self.mix_order(handle, hash),
                    }
                }
            }
            for handle in self.waiting_handles(locate) {
                // The bound of a market order is not its price.
                hash.mix(u64::from(self.arena.get(handle).tick));
                self.mix_order(handle, hash);
            }
        }
    }

    fn mix_order(&self, handle: u32, hash: &mut Mixer) {
        let order = self.view(handle);
        let slot = self.arena.get(handle);
        let details = self.arena.details(handle);
        hash.mix(order.number);
        hash.mix(u64::from(order.session) << 32 | u64::from(order.user_ref));
        hash.mix(u64::from(order.open) << 32 | u64::from(order.executed));
        hash.mix(u64::from(order.price) << 32 | u64::from(slot.fee_remainder));
        hash.mix(u64::from(slot.schedule));
        for value in [order.executed_notional, order.fees as u128] {
            hash.mix(value as u64);
            hash.mix((value >> 64) as u64);
        }
        hash.mix_bytes(&details.cl_ord_id);
        hash.mix_bytes(&details.firm);
        hash.mix(u64::from(details.group));
        hash.mix(details.expire_time);
        hash.mix(u64::from(details.max_floor) << 32 | u64::from(details.stop_tick));
        hash.mix_bytes(&[
            slot.time_in_force,
            details.capacity,
            details.cross_type,
            details.display,
            details.sweep,
        ]);
    }
}

/// Mixes 64-bit values into one; for comparing states, not against people who want collisions.
struct Mixer(u64);

impl Mixer {
    fn mix(&mut self, value: u64) {
        let product = u128::from(self.0 ^ value ^ 0x9E37_79B9_7F4A_7C15) * 0xD6E8_FEB8_6659_FD93_u128;
        self.0 = (product as u64) ^ ((product >> 64) as u64);
        self.0 = self.0.rotate_left(23).wrapping_add(value);
    }

    fn mix_bytes(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut eight = [0; 8];
            eight[..chunk.len()].copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(eight));
        }
    }
}
