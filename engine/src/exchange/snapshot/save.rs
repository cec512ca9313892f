//! The state into bytes.

use zerocopy::IntoBytes;

use super::bytes::Output;
use super::record::{SlotRecord, TotalsRecord};
use crate::exchange::account::{Account, RateBucket, Session};
use crate::exchange::auction::Auction;
use crate::exchange::book::Side;
use crate::exchange::book::arena::{FLAG_STOP, FLAG_TOTALS, NONE};
use crate::exchange::instrument::{Instrument, LastTrade};
use crate::exchange::ledger::{Asset, Balance};
use crate::exchange::schedule::FeeSchedule;
use crate::exchange::stops::Reached;
use crate::exchange::unseen::Part;
use crate::exchange::{Exchange, LastSystemEvent, Limits, Work};

impl Exchange {
    /// Appends the whole state to `into`: what [`Exchange::load`] makes an equal exchange of.
    ///
    /// # Panics
    /// When a command is unfinished: what is left of it is not written.
    pub fn save(&self, into: &mut Vec<u8>) {
        // A new field has to be decided on here.
        let Self {
            limits,
            arena,
            pools,
            // Made anew from what the orders say.
            index: _,
            roster: _,
            expiry: _,
            schedules,
            ledger,
            instruments,
            auctions,
            timers,
            // What a command needs while it lasts.
            uncross: _,
            band: _,
            run_out,
            reached,
            // Their orders come later.
            unseen: _,
            // Sorted anew.
            symbols: _,
            accounts,
            all_killed,
            sessions,
            usernames: _,
            order_number,
            match_number,
            day,
            midnight_ns,
            system_event,
            skips,
            sequence,
            now,
            work,
        } = self;
        let is_done = matches!(work, Work::Nothing) && *reached == Reached::NOTHING;
        assert!(is_done && run_out.first() == NONE, "between two commands");
        let out = &mut Output(into);
        save_limits(limits, out);
        for number in [*sequence, *now, *order_number, *match_number] {
            out.u64(number);
        }
        out.u32(*day);
        // No day began in 1970.
        out.u64(midnight_ns.unwrap_or(0));
        let told = system_event.unwrap_or(LastSystemEvent { code: 0, time: 0 });
        let LastSystemEvent { code, time } = told;
        out.u8(code);
        out.u64(time);
        out.u32(*skips);
        out.u8(u8::from(*all_killed));
        out.count(ledger.assets().len());
        for asset in ledger.assets() {
            save_asset(asset, out);
        }
        out.count(schedules.all().len());
        for schedule in schedules.all() {
            let FeeSchedule {
                maker_ppm,
                taker_ppm,
                // Follows from the others.
                rate_max_ppm: _,
            } = *schedule;
            out.u32(maker_ppm.cast_unsigned());
            out.u32(taker_ppm.cast_unsigned());
        }
        out.count(instruments.len());
        for (instrument, auction) in instruments.iter().zip(auctions) {
            save_instrument(instrument, out);
            let Auction {
                kind,
                // Its orders come later.
                waiting: _,
            } = auction;
            out.u8(*kind as u8);
        }
        for time in timers.times() {
            out.u64(time);
        }
        out.count(accounts.len());
        for account in accounts {
            save_account(account, out);
        }
        self.save_balances(out);
        out.count(sessions.len());
        for session in sessions {
            save_session(session, out);
        }
        for locate in 1..=self.instrument_count() {
            for side in [Side::Buy, Side::Sell] {
                self.save_queue(self.resting_handles(locate, side), out);
                self.save_queue(self.dark_handles(locate, side), out);
                self.save_queue(self.stop_handles(locate, side), out);
            }
            self.save_queue(self.waiting_handles(locate), out);
        }
        for account in accounts {
            self.save_ages(account, out);
        }
        // What loading must come to.
        for used in [arena.used(), pools.levels_used(), pools.nodes_used()] {
            out.u32(used);
        }
    }

    /// Balances that are not zero.
    fn save_balances(&self, out: &mut Output<'_>) {
        let place = out.later();
        let mut count = 0;
        for account in 0..self.account_count() {
            for asset in 0..self.asset_count() as u16 {
                let Balance { available, held } = self.ledger.balance(account, asset);
                if available | held == 0 {
                    continue;
                }
                out.u32(account);
                out.u32(u32::from(asset));
                out.u128(available);
                out.u128(held);
                count += 1;
            }
        }
        out.fill_in(place, count);
    }

    /// The slots of a queue, the first first.
    fn save_queue(&self, handles: impl Iterator<Item = u32>, out: &mut Output<'_>) {
        let place = out.later();
        let mut count = 0;
        for handle in handles {
            self.save_slot(handle, out);
            count += 1;
        }
        out.fill_in(place, count);
    }

    fn save_slot(&self, handle: u32, out: &mut Output<'_>) {
        let slot = self.arena.get(handle);
        out.record(&SlotRecord::new(handle, slot, self.arena.details(handle)));
        if slot.is(FLAG_TOTALS) {
            out.record(&TotalsRecord::new(&self.arena.totals(handle)));
        }
        // The reserve of a stop waits with it, in no queue.
        if slot.is(FLAG_STOP)
            && let Part::Shown(reserve) = self.part(handle)
        {
            let details = self.arena.details(reserve);
            out.record(&SlotRecord::new(reserve, self.arena.get(reserve), details));
        }
    }

    /// The account's orders, the oldest first.
    fn save_ages(&self, account: &Account, out: &mut Output<'_>) {
        out.count(account.open_orders as usize);
        let mut handle = self.oldest_of(account);
        while handle != NONE {
            out.u32(handle);
            handle = self.behind(handle);
        }
    }
}

pub(super) fn save_limits(limits: &Limits, out: &mut Output<'_>) {
    let Limits {
        assets,
        instruments,
        accounts,
        sessions,
        orders,
        levels,
        fee_schedules,
    } = *limits;
    for limit in [
        assets,
        instruments,
        accounts,
        sessions,
        orders,
        levels,
        fee_schedules,
    ] {
        out.u32(limit);
    }
}

fn save_asset(asset: &Asset, out: &mut Output<'_>) {
    let Asset {
        name,
        decimals,
        deposited,
        withdrawn,
        fees,
    } = *asset;
    out.record(&name);
    out.u8(decimals);
    out.u128(deposited);
    out.u128(withdrawn);
    out.u128(fees.cast_unsigned());
}

fn save_instrument(instrument: &Instrument, out: &mut Output<'_>) {
    let Instrument {
        definition,
        state,
        // Follows from its orders, and from its protection.
        beside: _,
        schedule,
        // These follow from the definition.
        tick_max: _,
        tick_value: _,
        lot_size: _,
        gate: _,
        volatility_ppm,
        pause_seconds,
        // Its orders come later.
        book: _,
        last_trade,
    } = instrument;
    out.record(definition);
    out.u8(*state as u8);
    out.u32(u32::from(*schedule));
    out.u32(*volatility_ppm);
    out.u32(*pause_seconds);
    let LastTrade {
        price,
        quantity,
        match_number,
        time,
    } = *last_trade;
    out.u32(price);
    out.u32(quantity);
    out.u64(match_number);
    out.u64(time);
}

fn save_account(account: &Account, out: &mut Output<'_>) {
    let Account {
        // Its orders come later.
        open_orders: _,
        list: _,
        order_entry_enabled,
        is_killed,
        definition,
    } = account;
    out.record(definition);
    out.u8(u8::from(*order_entry_enabled));
    out.u8(u8::from(*is_killed));
}

fn save_session(session: &Session, out: &mut Output<'_>) {
    let Session {
        account,
        mark,
        bucket: RateBucket { worked_off },
        username,
        connected,
    } = session;
    out.u32(*account);
    out.u32(*mark);
    out.u64(*worked_off);
    out.0.extend_from_slice(username.as_bytes());
    out.u8(u8::from(*connected));
}
