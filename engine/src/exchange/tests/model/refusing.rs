//! What is refused, and for which reason: the rungs as the wire contract says them.

use engine::exchange::command::{
    AccountDefinition, Command, FLAG_LOW_SPACE, Order, OrderOptions, UNKNOWN_INSTRUMENT, whole,
};

use super::Model;
use super::types::{Asked, ModelAccount, ModelOrder, Place};

impl Model {
    /// Order entry disabled, message rate.
    pub(super) fn refuse_client(&mut self, session: u32, account: u32) -> Result<(), u16> {
        let ModelAccount { enabled, killed, .. } = self.accounts[account as usize];
        let permissions = self.accounts[account as usize].definition.permissions;
        if !enabled || killed || self.all_killed || permissions != 0 {
            match permissions {
                1 => self.hit("order refused to who may cancel"),
                2 => self.hit("order refused to who may view"),
                _ => {}
            }
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

    /// What an instrument's state takes: everything, nothing, or what can wait for a cross.
    pub(super) fn refuse_state(
        &mut self,
        instrument: u16,
        order: &Order,
        options: &OrderOptions,
    ) -> Result<(), u16> {
        let instrument = self.instrument(instrument);
        let state = char::from(instrument.state);
        let reason = match instrument.state {
            b'T' => return Ok(()),
            b'X' => 0x0002,
            b'H' | b'C' => 0x0007,
            _ if order.time_in_force == b'3' => 0x0014,
            _ if options.has(OrderOptions::HAS_POST_ONLY) && options.post_only == b'P' => 0x0014,
            _ if options.has(OrderOptions::HAS_FUNDS) => 0x0014,
            _ => return Ok(()),
        };
        self.hit(format!("refused {reason:#06x} in state {state}"));
        Err(reason)
    }

    /// From time in force to the value of the order; `old` is the order that it replaces.
    pub(super) fn refuse_terms(
        &mut self,
        instrument: u16,
        account: u32,
        is_buy: bool,
        order: &Order,
        options: &OrderOptions,
        old: Option<&ModelOrder>,
    ) -> Result<Asked, u16> {
        self.understand(instrument, account, is_buy, order, options, old)
            .map_err(|(reason, why)| {
                if !why.is_empty() {
                    self.hit(format!("refused {reason:#06x}: {why}"));
                }
                reason
            })
    }

    /// What the order asks; else the reason, and what it is about where a reason has several.
    fn understand(
        &self,
        instrument: u16,
        account: u32,
        is_buy: bool,
        order: &Order,
        options: &OrderOptions,
        old: Option<&ModelOrder>,
    ) -> Result<Asked, (u16, &'static str)> {
        let book = self.instrument(instrument);
        let definition = &book.definition;
        let account = &self.accounts[account as usize].definition;
        let sentinel = [0x7FFF_FFFF, u64::MAX, i64::MAX as u64].contains(&order.price);
        let is_high = order.price >= 2_000_000_000 && definition.price_max <= 2_000_000_000;
        let is_market = sentinel || is_high;
        let is_immediate = order.time_in_force == b'3';
        let is_post_only = options.has(OrderOptions::HAS_POST_ONLY) && options.post_only == b'P';
        let names_stop = options.has(OrderOptions::HAS_STOP_PRICE);
        let was_stop = old.is_some_and(|old| old.place == Place::Stop);
        let is_stop = names_stop || was_stop;
        let names_funds = options.has(OrderOptions::HAS_FUNDS);
        let first = |reasons: &[(bool, u16, &'static str)]| {
            let applies = reasons.iter().find(|(applies, ..)| *applies);
            applies.map_or(Ok(()), |&(_, reason, why)| Err((reason, why)))
        };
        let ends = match order.time_in_force {
            b'0' | b'3' | b'G' => None,
            b'6' if options.has(OrderOptions::HAS_EXPIRE_TIME)
                && options.expire_time > 0
                && options.expire_time < 24 * 60 * 60 =>
            {
                Some(self.now + 1_000_000_000 * u64::from(options.expire_time))
            }
            _ => return Err((0x000F, "")),
        };
        let has_minimum = options.min_quantity > 0;
        let only = match order.cross_type {
            b'N' => false,
            b'O' | b'C' | b'H' => true,
            _ => return Err((0x0014, "undefined cross")),
        };
        first(&[
            (only && is_immediate, 0x0014, "auction-only, immediate"),
            (only && is_post_only, 0x0014, "auction-only, post-only"),
            (only && is_stop, 0x0014, "auction-only, stop"),
            (only && has_minimum, 0x0014, "auction-only, minimum"),
            (!b"YAN".contains(&order.display), 0x0003, ""),
            (options.has(OrderOptions::MALFORMED), 0x000F, ""),
            (is_post_only && (is_immediate || is_market), 0x000F, ""),
            (is_post_only && is_stop, 0x000F, "post-only stop"),
            (
                names_stop && old.is_some() && !was_stop,
                0x000F,
                "stop price for an order that is none",
            ),
            (names_funds && is_stop, 0x000F, "funds for a stop"),
            (names_funds && !is_market, 0x000F, "funds for a limit order"),
            (names_funds && !is_buy, 0x000F, "funds to sell"),
            (names_funds && options.funds == 0, 0x000F, "funds of nothing"),
            (names_funds && only, 0x000F, "auction-only, funds"),
        ])?;
        let is_pegged = options.has(OrderOptions::HAS_PRICE_TYPE) && options.price_type != b'L';
        let open = order.quantity.saturating_sub(old.map_or(0, |old| old.executed));
        let waits = only || book.collects();
        let takes_now = (is_immediate || is_market) && !waits;
        let floor = options.max_floor;
        let has_floor = options.has(OrderOptions::HAS_MAX_FLOOR);
        let is_small = u64::from(floor) * 256 < u64::from(open);
        let is_price = |price: u64| {
            (1..=u64::from(definition.price_max)).contains(&price)
                && price.is_multiple_of(u64::from(definition.tick_size))
        };
        let stop = match (names_stop, old) {
            (true, _) => options.stop_price,
            (false, Some(old)) if was_stop => old.stop,
            _ => 0,
        };
        let account_max = account.quantity_max;
        first(&[
            (options.has(OrderOptions::HAS_PEG) || is_pegged, 0x0011, ""),
            (options.has(OrderOptions::HAS_DISCRETION), 0x000F, ""),
            (options.has(OrderOptions::HAS_ROUTE), 0x0016, ""),
            (has_minimum && is_stop, 0x000D, "minimum of a stop"),
            (has_minimum && !takes_now, 0x000D, ""),
            (has_minimum && options.min_quantity > open, 0x000D, ""),
            (has_floor && floor == 0, 0x0004, "nothing"),
            (has_floor && floor > open, 0x0004, "more than the order"),
            (has_floor && is_small, 0x0004, "too little"),
            (has_floor && order.display == b'N', 0x0004, "of a hidden order"),
            (has_floor && is_immediate, 0x0004, "of an immediate order"),
            (has_floor && is_market, 0x0004, "of a market order"),
            (has_floor && only, 0x0004, "of an auction-only order"),
            (
                order.quantity == 0 || order.quantity > definition.quantity_max,
                0x0013,
                "",
            ),
            (account_max > 0 && order.quantity > account_max, 0x0031, ""),
            (!is_market && !is_price(order.price), 0x001D, ""),
            (is_stop && !is_price(stop), 0x001D, "stop price"),
        ])?;
        // What the price is measured from.
        let measure = if is_stop { stop } else { book.reference() };
        if !is_market && !book.inside_collar(is_buy, order.price, measure) {
            return Err((0x0026, if is_stop { "around a stop price" } else { "" }));
        }
        let valued_at = if is_market { measure } else { order.price };
        let value = self.value(instrument, valued_at, open) as u128;
        let (notional_max, fat_finger) = (whole(definition.notional_max), whole(definition.fat_finger));
        first(&[
            (notional_max > 0 && value > notional_max, 0x001F, ""),
            (fat_finger > 0 && value > fat_finger, 0x0006, ""),
        ])?;
        Ok(Asked {
            is_market,
            price: if is_market {
                self.bound(instrument, is_buy, measure)
            } else {
                order.price
            },
            is_post_only,
            min_quantity: options.min_quantity,
            mode: if options.has(OrderOptions::HAS_SELF_MATCH) {
                options.self_match
            } else {
                account.self_match
            },
            ends,
            stop,
            // A floor as high as the order is none.
            floor: if floor == open { 0 } else { floor },
            funds: names_funds.then_some(i128::from(options.funds)),
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
        if locate == UNKNOWN_INSTRUMENT || !self.is_there(locate) {
            return Err(0x0017);
        }
        let options = command.options();
        self.refuse_state(locate, order, &options)?;
        let is_buy = match order.side {
            b'B' => true,
            b'S' => false,
            b'T' => return Err(0x002B),
            b'E' => return Err(0x002F),
            _ => return Err(0x0009),
        };
        let asked = self.refuse_terms(locate, account, is_buy, order, &options, None)?;
        Ok((asked, is_buy))
    }

    /// Whether there is room for the order: the account's, the disk's, ours.
    pub(super) fn refuse_room(&mut self, command: &Command, order: &ModelOrder) -> Result<(), u16> {
        let may_rest = !order.is_market && !order.is_immediate();
        let place = self.waits(order).or(may_rest.then_some(Place::Book));
        let open_orders = self.orders.iter().filter(|other| other.account == order.account);
        let open_orders = open_orders.count();
        let limit = self.accounts[order.account as usize].definition.open_orders_max as usize;
        if place.is_some() && limit > 0 && open_orders >= limit {
            return Err(0x000F);
        }
        if command.flags & FLAG_LOW_SPACE != 0 {
            return Err(0x000A);
        }
        if self.slots() + slots_of(order) > self.orders_max {
            self.hit("no room for an order");
            return Err(0x000A);
        }
        self.refuse_levels(order, place)
    }

    /// What the orders take of the room there is.
    pub(super) fn slots(&self) -> usize {
        self.orders.iter().map(slots_of).sum()
    }

    /// An order that waits needs its levels, there already or new.
    pub(super) fn refuse_levels(&mut self, order: &ModelOrder, place: Option<Place>) -> Result<(), u16> {
        let Some(place) = place else {
            return Ok(());
        };
        let mut levels: Vec<_> = self.orders.iter().flat_map(levels_of).collect();
        levels.sort_unstable();
        levels.dedup();
        let placed = self.placed(order.clone(), place);
        let is_new = |level: &_| !levels.contains(level);
        let new = levels_of(&placed).into_iter().filter(is_new).count() + levels_later(&placed);
        let set_aside: usize = self.orders.iter().map(levels_later).sum();
        if levels.len() + set_aside + new > self.levels_max {
            self.hit("no room for a level");
            return Err(0x000A);
        }
        Ok(())
    }

    /// The price that a market order does not pass: the furthest valid one inside the collar.
    pub(super) fn bound(&self, instrument: u16, is_buy: bool, reference: u64) -> u64 {
        let instrument = self.instrument(instrument);
        let tick = u64::from(instrument.definition.tick_size);
        let highest = u64::from(instrument.definition.price_max) / tick;
        let (mut inside, mut outside) = if is_buy { (1, highest + 1) } else { (highest, 0) };
        // Bisection: the collar is monotone, and a buy at one tick, a sell at the highest is inside it or nothing is.
        while inside.abs_diff(outside) > 1 {
            let middle = inside.midpoint(outside);
            if instrument.inside_collar(is_buy, middle * tick, reference) {
                inside = middle;
            } else {
                outside = middle;
            }
        }
        inside * tick
    }
}

/// The queues that an order stands in.
fn levels_of(order: &ModelOrder) -> Vec<(u16, bool, u8, u64)> {
    let level = |queue, price| (order.instrument, order.is_buy, queue, price);
    match order.place {
        Place::Book => {
            let shown = (order.displayed > 0).then_some(level(0, order.price));
            let dark = (order.reserve() > 0).then_some(level(1, order.price));
            shown.into_iter().chain(dark).collect()
        }
        Place::Stop => vec![level(2, order.stop)],
        // Market orders that wait for different crosses stand apart, as limit orders do.
        Place::Cross if order.is_market => vec![level(order.cross_type.to_ascii_lowercase(), order.price)],
        Place::Cross => vec![level(order.cross_type, order.price)],
    }
}

/// What an order takes of the room for orders: a reserve takes as much again.
pub(super) fn slots_of(order: &ModelOrder) -> usize {
    1 + usize::from(order.floor > 0 && order.reserve() > 0)
}

/// Levels that are set aside for a stop, so that it can rest when it comes in.
fn levels_later(order: &ModelOrder) -> usize {
    match (order.place, order.is_market, order.floor) {
        (Place::Stop, false, 0) => 1,
        (Place::Stop, false, _) => 2,
        _ => 0,
    }
}
