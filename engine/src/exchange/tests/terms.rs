//! What an order of the random run says: kind, time in force, display, options; and one thing wrong with it now and
//! then.

use engine::exchange::command::{Command, FLAG_LOW_SPACE, Order, OrderOptions, UNKNOWN_INSTRUMENT};

use super::generator::Generator;
use super::model::ModelOrder;
use super::setting::{MIDDLE, tick_size};
use super::world::{World, no_options, plain_order};

/// The price of a market order.
pub(super) const MARKET: u64 = 0x7FFF_FFFF;

impl Generator {
    /// What enter and replace say alike.
    pub(super) fn terms(&mut self, instrument: u16, is_buy: bool, open: u32) -> (Order, OrderOptions) {
        let mut order = plain_order();
        let mut options = no_options();
        order.price = self.price(instrument, is_buy);
        order.side = if is_buy { b'B' } else { b'S' };
        order.cl_ord_id[..4].copy_from_slice(&(self.random.next_u64() as u32).to_be_bytes());
        order.capacity = *self.random.pick(b"APRO");
        order.sweep = *self.random.pick(b"NY");
        match self.random.below(20) {
            0..3 => order.time_in_force = b'3',
            3..5 => {
                order.time_in_force = b'3';
                self.minimum(&mut options, open);
            }
            5..8 => {
                order.price = *self.random.pick(&[MARKET, u64::MAX, i64::MAX as u64]);
                if self.random.chance(1, 3) {
                    self.minimum(&mut options, open);
                }
                if is_buy && self.random.chance(1, 3) {
                    self.funds(instrument, open, &mut options);
                }
            }
            8 => {
                options.present |= OrderOptions::HAS_POST_ONLY;
                options.post_only = b'P';
            }
            9..12 => order.time_in_force = b'G',
            12..14 => {
                order.time_in_force = b'6';
                options.present |= OrderOptions::HAS_EXPIRE_TIME;
                options.expire_time = *self.random.pick(&[1, 1, 1, 2, 2, 3, 7, 86_399]);
            }
            14 => {
                // Says nothing here.
                options.present |= OrderOptions::HAS_EXPIRE_TIME;
                options.expire_time = self.random.below(90_000) as u32;
            }
            _ => {}
        }
        if self.random.chance(1, 8) {
            order.display = b'A';
        }
        if self.random.chance(1, 9) {
            order.display = b'N';
        }
        let is_market = [MARKET, u64::MAX, i64::MAX as u64].contains(&order.price);
        let may_rest = order.time_in_force != b'3' && !is_market;
        if may_rest && order.display != b'N' && self.random.chance(1, 7) {
            options.present |= OrderOptions::HAS_MAX_FLOOR;
            let most = u64::from(open.div_ceil(*self.random.pick(&[1, 2, 4, 4])).max(1));
            options.max_floor = 1 + self.random.below(most) as u32;
        }
        if self.random.chance(1, 5) {
            options.present |= OrderOptions::HAS_SELF_MATCH;
            options.self_match = *self.random.pick(b"OWDB");
        }
        if self.random.chance(1, 10) {
            options.present |= OrderOptions::HAS_FIRM;
            options.firm = *self.random.pick(&[*b"XX  ", *b"YY  "]);
        }
        if self.random.chance(1, 6) {
            options.present |= OrderOptions::HAS_GROUP;
            options.group = self.random.below(3) as u16;
        }
        (order, options)
    }

    /// All or nothing, sometimes with a lower minimum.
    pub(super) fn minimum(&mut self, options: &mut OrderOptions, open: u32) {
        options.present |= OrderOptions::HAS_MIN_QUANTITY;
        options.min_quantity = match self.random.below(3) {
            0 => 1 + self.random.below(u64::from(open.max(1))) as u32,
            _ => open,
        };
    }

    /// Money for about as many lots, or for fewer.
    fn funds(&mut self, instrument: u16, open: u32, options: &mut OrderOptions) {
        options.present |= OrderOptions::HAS_FUNDS;
        // Quote units of a lot in the middle.
        let lot = [10_000_000, 3_500, 250_000][usize::from(instrument) - 1];
        let lots = 1 + self.random.below(2 * u64::from(open));
        options.funds = lots * lot / (1 + self.random.below(3)) + self.random.below(1_000);
    }

    /// Has a new order wait for an auction or a price now and then.
    pub(super) fn wait(
        &mut self,
        world: &World,
        instrument: u16,
        order: &mut Order,
        options: &mut OrderOptions,
    ) {
        let contradict =
            OrderOptions::HAS_MIN_QUANTITY | OrderOptions::HAS_POST_ONLY | OrderOptions::HAS_FUNDS;
        if order.time_in_force == b'3' && !self.random.chance(1, 4) {
            return;
        }
        if self.random.chance(1, 9) {
            order.cross_type = *self.random.pick(b"OCH");
        } else if self.random.chance(1, 6) {
            options.present |= OrderOptions::HAS_STOP_PRICE;
            options.stop_price = self.stop_price(world, instrument, order.side == b'B');
            order.price = match self.random.below(8) {
                0..4 => MARKET,
                4..7 => options.stop_price,
                _ => order.price,
            };
        } else {
            return;
        }
        if order.time_in_force == b'0' && self.random.chance(1, 3) {
            order.time_in_force = b'G';
        }
        if self.random.chance(19, 20) {
            options.present &= !contradict;
            (options.min_quantity, options.post_only, options.funds) = (0, 0, 0);
            if order.cross_type != b'N' || order.price == MARKET {
                options.present &= !OrderOptions::HAS_MAX_FLOOR;
                options.max_floor = 0;
            }
            if order.cross_type != b'N' && order.time_in_force == b'3' {
                order.time_in_force = b'0';
            }
        }
    }

    /// Some ticks away from the last price; now and then there already.
    fn stop_price(&mut self, world: &World, instrument: u16, is_buy: bool) -> u64 {
        let tick = tick_size(instrument);
        let last = world.model.instruments[usize::from(instrument) - 1].last_price;
        let from = if last == 0 {
            MIDDLE[usize::from(instrument) - 1]
        } else {
            last / tick
        };
        let away = self.random.below(7);
        let price = match (is_buy, self.random.chance(1, 12)) {
            (true, false) | (false, true) => from + away,
            _ => from.saturating_sub(away).max(1),
        };
        price * tick
    }

    /// A replacement that often says what the order said.
    pub(super) fn replace_alike(
        &mut self,
        world: &World,
        old: &ModelOrder,
        order: &mut Order,
        options: &mut OrderOptions,
    ) {
        if self.random.chance(1, 2) {
            order.display = old.display;
        }
        if old.floor > 0 && self.random.chance(2, 3) {
            options.present |= OrderOptions::HAS_MAX_FLOOR;
            options.max_floor = old.floor;
        }
        let is_stop = old.stop > 0;
        if self.random.chance(1, if is_stop { 3 } else { 60 }) {
            options.present |= OrderOptions::HAS_STOP_PRICE;
            options.stop_price = if is_stop && self.random.chance(1, 2) {
                old.stop
            } else {
                self.stop_price(world, old.instrument, old.is_buy)
            };
        }
        if (is_stop || old.cross_type != b'N') && self.random.chance(4, 5) {
            let contradict =
                OrderOptions::HAS_MIN_QUANTITY | OrderOptions::HAS_POST_ONLY | OrderOptions::HAS_FUNDS;
            options.present &= !contradict;
            (options.min_quantity, options.post_only, options.funds) = (0, 0, 0);
            if order.time_in_force == b'3' {
                order.time_in_force = b'0';
            }
        }
    }

    /// Breaks one thing, so that every refusal comes up.
    pub(super) fn spoil(
        &mut self,
        instrument: u16,
        command: &mut Command,
        order: &mut Order,
        options: &mut OrderOptions,
    ) {
        let middle = MIDDLE[usize::from(instrument) - 1] * tick_size(instrument);
        match self.random.below(24) {
            0 => command.instrument = *self.random.pick(&[0, 4, UNKNOWN_INSTRUMENT]),
            1 => order.side = *self.random.pick(b"TEX"),
            2 => {
                order.time_in_force = *self.random.pick(b"566EZ");
                options.present |= OrderOptions::HAS_EXPIRE_TIME;
                options.expire_time = *self.random.pick(&[0, 86_400, u32::MAX]);
                if self.random.chance(1, 3) {
                    options.present &= !OrderOptions::HAS_EXPIRE_TIME;
                    options.expire_time = 0;
                }
            }
            3 => order.cross_type = *self.random.pick(b"SRZ"),
            4 => order.display = *self.random.pick(b"ZX"),
            5 => options.present |= OrderOptions::HAS_PEG,
            6 => options.present |= OrderOptions::HAS_DISCRETION,
            7 => options.present |= OrderOptions::HAS_ROUTE,
            8 => {
                options.present |= OrderOptions::HAS_MIN_QUANTITY;
                options.min_quantity = order.quantity.saturating_add(1);
            }
            9 => {
                options.present |= OrderOptions::HAS_MAX_FLOOR;
                options.max_floor = match self.random.below(3) {
                    0 => 0,
                    1 => order.quantity.saturating_add(1),
                    _ => (order.quantity / 256).saturating_sub(1),
                };
            }
            10 => order.quantity = *self.random.pick(&[0, 1_000_001, u32::MAX]),
            11 => {
                order.price = *self
                    .random
                    .pick(&[0, 1, 10_000_001, 4_000_000_001, 1_999_990_000])
            }
            12 => {
                // Beyond the collar, or past the highest price.
                order.price = if order.side == b'B' {
                    middle * 5 / 4
                } else {
                    middle * 3 / 4
                };
            }
            13 => order.quantity = 300 + self.random.below(4_000) as u32,
            14 => command.flags |= FLAG_LOW_SPACE,
            15 => options.present |= OrderOptions::MALFORMED,
            16 => {
                options.present |= OrderOptions::HAS_STOP_PRICE;
                options.stop_price = *self.random.pick(&[0, 1, middle + 1, u64::MAX, MARKET]);
            }
            17 => {
                // For nothing, with a limit, to sell.
                options.present |= OrderOptions::HAS_FUNDS;
                options.funds = *self.random.pick(&[0, 1, 1_000_000]);
            }
            18 => {
                options.present |= OrderOptions::HAS_POST_ONLY;
                options.post_only = b'P';
                order.time_in_force = b'3';
            }
            19 => {
                // MaxFloor that contradicts the rest.
                options.present |= OrderOptions::HAS_MAX_FLOOR;
                options.max_floor = 1 + self.random.below(u64::from(order.quantity.max(1))) as u32;
                match self.random.below(3) {
                    0 => order.time_in_force = b'3',
                    1 => order.price = MARKET,
                    _ => order.display = b'N',
                }
            }
            20 => {
                // A stop that contradicts the rest.
                options.present |= OrderOptions::HAS_STOP_PRICE;
                options.stop_price = middle;
                match self.random.below(3) {
                    0 => {
                        options.present |= OrderOptions::HAS_POST_ONLY;
                        options.post_only = b'P';
                    }
                    1 => self.minimum(options, order.quantity),
                    _ => {
                        options.present |= OrderOptions::HAS_FUNDS;
                        options.funds = 1_000_000;
                    }
                }
            }
            21 => {
                // An order for an auction that wants something else.
                order.cross_type = *self.random.pick(b"OCH");
                match self.random.below(4) {
                    0 => order.time_in_force = b'3',
                    1 => {
                        options.present |= OrderOptions::HAS_POST_ONLY;
                        options.post_only = b'P';
                    }
                    2 => self.minimum(options, order.quantity),
                    _ => {
                        options.present |= OrderOptions::HAS_STOP_PRICE;
                        options.stop_price = middle;
                    }
                }
            }
            22 => {
                // A limit beyond the collar of its stop.
                options.present |= OrderOptions::HAS_STOP_PRICE;
                options.stop_price = middle;
                order.price = if order.side == b'B' {
                    middle * 5 / 4
                } else {
                    middle * 3 / 4
                };
            }
            _ => order.price = 2_100_000_000,
        }
    }
}
