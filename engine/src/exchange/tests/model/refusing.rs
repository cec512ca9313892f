//! What is refused, and for which reason: the rungs as the wire contract says them.

use engine::exchange::command::{
    AccountDefinition, Command, FLAG_LOW_SPACE, Order, OrderOptions, UNKNOWN_INSTRUMENT, whole,
};

use super::Model;
use super::types::{Asked, ModelAccount};

impl Model {
    /// Order entry disabled, message rate.
    pub(super) fn refuse_client(&mut self, session: u32, account: u32) -> Result<(), u16> {
        let ModelAccount { enabled, killed, .. } = self.accounts[account as usize];
        if !enabled || killed || self.all_killed {
            if killed || self.all_killed {
                self.hit("refused by the operator's kill switch");
            }
            return Err(0x000C);
        }
        let AccountDefinition {
            rate_per_second,
            rate_burst,
            ..
        } = self.accounts[account as usize].definition;
        if rate_per_second > 0 {
            let interval = 1_000_000_000 / u64::from(rate_per_second);
            let session = &mut self.sessions[session as usize];
            session.backlog = session.backlog.saturating_sub(self.now - session.charged_at);
            session.charged_at = self.now;
            if session.backlog > interval * u64::from(rate_burst) {
                return Err(0x0029);
            }
            session.backlog += interval;
        }
        Ok(())
    }

    pub(super) fn refuse_state(&self, instrument: u16) -> Result<(), u16> {
        match self.instruments[usize::from(instrument) - 1].state {
            b'T' => Ok(()),
            b'X' | b'P' => Err(0x0002),
            b'H' | b'C' => Err(0x0007),
            _ => Err(0x0014),
        }
    }

    /// From time in force to the value of the order.
    pub(super) fn refuse_terms(
        &self,
        instrument: u16,
        account: u32,
        is_buy: bool,
        order: &Order,
        options: &OrderOptions,
        executed: u32,
    ) -> Result<Asked, u16> {
        let definition = &self.instruments[usize::from(instrument) - 1].definition;
        let account = &self.accounts[account as usize].definition;
        let sentinel = [0x7FFF_FFFF, u64::MAX, i64::MAX as u64].contains(&order.price);
        let is_high = order.price >= 2_000_000_000 && definition.price_max <= 2_000_000_000;
        let is_market = sentinel || is_high;
        let is_immediate = order.time_in_force == b'3';
        let is_post_only = options.has(OrderOptions::HAS_POST_ONLY) && options.post_only == b'P';
        let ends = match order.time_in_force {
            b'0' | b'3' | b'G' => None,
            b'6' if options.has(OrderOptions::HAS_EXPIRE_TIME)
                && options.expire_time > 0
                && options.expire_time < 24 * 60 * 60 =>
            {
                Some(self.now + 1_000_000_000 * u64::from(options.expire_time))
            }
            _ => return Err(0x000F),
        };
        if order.cross_type != b'N' {
            return Err(0x0014);
        }
        if order.display != b'Y' && order.display != b'A' {
            return Err(0x0003);
        }
        if options.has(OrderOptions::MALFORMED)
            || options.has(OrderOptions::HAS_STOP_PRICE)
            || options.has(OrderOptions::HAS_FUNDS)
            || (is_post_only && (is_immediate || is_market))
        {
            return Err(0x000F);
        }
        let is_pegged = options.has(OrderOptions::HAS_PRICE_TYPE) && options.price_type != b'L';
        if options.has(OrderOptions::HAS_PEG) || is_pegged {
            return Err(0x0011);
        }
        if options.has(OrderOptions::HAS_DISCRETION) {
            return Err(0x000F);
        }
        if options.has(OrderOptions::HAS_ROUTE) {
            return Err(0x0016);
        }
        let open = order.quantity.saturating_sub(executed);
        if options.min_quantity > 0 && (!(is_immediate || is_market) || options.min_quantity > open) {
            return Err(0x000D);
        }
        if options.has(OrderOptions::HAS_MAX_FLOOR) {
            return Err(0x0004);
        }
        if order.quantity == 0 || order.quantity > definition.quantity_max {
            return Err(0x0013);
        }
        if account.quantity_max > 0 && order.quantity > account.quantity_max {
            return Err(0x0031);
        }
        let book = &self.instruments[usize::from(instrument) - 1];
        if !is_market {
            if order.price == 0
                || order.price > u64::from(definition.price_max)
                || !order.price.is_multiple_of(u64::from(definition.tick_size))
            {
                return Err(0x001D);
            }
            if !book.inside_collar(is_buy, order.price) {
                return Err(0x0026);
            }
        }
        let valued_at = if is_market { book.reference() } else { order.price };
        let value = self.value(instrument, valued_at, open) as u128;
        let (notional_max, fat_finger) = (whole(definition.notional_max), whole(definition.fat_finger));
        if notional_max > 0 && value > notional_max {
            return Err(0x001F);
        }
        if fat_finger > 0 && value > fat_finger {
            return Err(0x0006);
        }
        Ok(Asked {
            is_market,
            is_immediate,
            is_post_only,
            min_quantity: options.min_quantity,
            mode: if options.has(OrderOptions::HAS_SELF_MATCH) {
                options.self_match
            } else {
                account.self_match
            },
            ends,
        })
    }

    pub(super) fn refuse_enter(
        &mut self,
        command: &Command,
        order: &Order,
        account: u32,
    ) -> Result<(Asked, bool), u16> {
        self.refuse_client(command.session, account)?;
        let locate = command.instrument;
        if locate == UNKNOWN_INSTRUMENT || locate == 0 || usize::from(locate) > self.instruments.len() {
            return Err(0x0017);
        }
        self.refuse_state(locate)?;
        let is_buy = match order.side {
            b'B' => true,
            b'S' => false,
            b'T' => return Err(0x002B),
            b'E' => return Err(0x002F),
            _ => return Err(0x0009),
        };
        let asked = self.refuse_terms(locate, account, is_buy, order, &command.options(), 0)?;
        let open_orders = self.resting().filter(|order| order.account == account).count();
        let limit = self.accounts[account as usize].definition.open_orders_max as usize;
        if !asked.is_market && !asked.is_immediate && limit > 0 && open_orders >= limit {
            return Err(0x000F);
        }
        if command.flags & FLAG_LOW_SPACE != 0 {
            return Err(0x000A);
        }
        if self.resting().count() >= self.orders_max {
            self.hit("no room for an order");
            return Err(0x000A);
        }
        self.refuse_level(&asked, locate, is_buy, order.price)?;
        Ok((asked, is_buy))
    }

    /// An order that may rest needs a level, there already or new.
    pub(super) fn refuse_level(
        &mut self,
        asked: &Asked,
        instrument: u16,
        is_buy: bool,
        price: u64,
    ) -> Result<(), u16> {
        let mut levels: Vec<_> = self
            .resting()
            .map(|order| (order.instrument, order.is_buy, order.price))
            .collect();
        levels.sort_unstable();
        levels.dedup();
        let may_rest = !asked.is_market && !asked.is_immediate;
        if may_rest && levels.len() >= self.levels_max && !levels.contains(&(instrument, is_buy, price)) {
            self.hit("no room for a level");
            return Err(0x000A);
        }
        Ok(())
    }

    /// The price that a market order does not pass: the furthest valid one inside the collar.
    pub(super) fn bound(&self, instrument: u16, is_buy: bool) -> u64 {
        let instrument = &self.instruments[usize::from(instrument) - 1];
        let tick = u64::from(instrument.definition.tick_size);
        let highest = u64::from(instrument.definition.price_max) / tick;
        let (mut inside, mut outside) = if is_buy { (1, highest + 1) } else { (highest, 0) };
        // Bisection: the collar is monotone, and a buy at one tick, a sell at the highest is inside it or nothing is.
        while inside.abs_diff(outside) > 1 {
            let middle = inside.midpoint(outside);
            if instrument.inside_collar(is_buy, middle * tick) {
                inside = middle;
            } else {
                outside = middle;
            }
        }
        inside * tick
    }
}
