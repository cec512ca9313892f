//! Random commands from a seed: mostly sensible, some of them wrong in one field, and now and then a burst that makes a
//! long step.

use engine::exchange::command::{
    ALL_ACCOUNTS, Command, CommandKind, FLAG_LOW_SPACE, Order, OrderOptions, UNKNOWN_INSTRUMENT,
};
use protocol::testing::Random;

use super::model::ModelOrder;
use super::setting::{MIDDLE, WHALE, tick_size};
use super::world::{World, kill_switch, no_options, plain_order};

/// What the generator does for some commands in a row.
#[derive(Debug, Clone, Copy)]
enum Burst {
    None,
    /// The whale enters one-lot orders.
    Flood {
        left: u32,
        instrument: u16,
        is_buy: bool,
        /// The orders end by themselves, and so does the flood.
        expires: bool,
    },
    /// Somebody ends the flood.
    Ending {
        instrument: u16,
        is_buy: bool,
        expires: bool,
    },
}

/// Makes commands for a world.
pub(super) struct Generator {
    pub random: Random,
    burst: Burst,
}

impl Generator {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            burst: Burst::None,
        }
    }

    /// How long nothing comes before the next command, nanoseconds: little mostly, up to a second now and then.
    pub(super) fn pause(&mut self) -> u64 {
        match self.burst {
            Burst::Ending { expires: true, .. } => 3_000_000_000,
            Burst::None if self.random.chance(1, 150) => self.random.below(1_000_000_000),
            _ => self.random.below(1_200_000),
        }
    }

    /// The next command; the world tells marks and live orders.
    pub(super) fn next(&mut self, world: &World) -> Command {
        match self.burst {
            Burst::Flood {
                left,
                instrument,
                is_buy,
                expires,
            } => {
                self.burst = if left == 0 {
                    Burst::Ending {
                        instrument,
                        is_buy,
                        expires,
                    }
                } else {
                    Burst::Flood {
                        left: left - 1,
                        instrument,
                        is_buy,
                        expires,
                    }
                };
                return self.flood(world, instrument, is_buy, expires);
            }
            Burst::Ending {
                instrument,
                is_buy,
                expires,
            } => {
                self.burst = Burst::None;
                return if expires {
                    Command::new(CommandKind::Expire)
                } else {
                    self.end_of_flood(world, instrument, is_buy)
                };
            }
            Burst::None => {}
        }
        if self.random.chance(1, 1_500) {
            self.burst = Burst::Flood {
                left: *self.random.pick(&[100, 300, 300, 420, 900]),
                instrument: self.random.below(3) as u16 + 1,
                is_buy: self.random.chance(1, 2),
                expires: self.random.chance(1, 6),
            };
        }
        // As the engine does, but for some times when it is late.
        let is_due = world
            .exchange
            .next_expiry()
            .is_some_and(|time| time <= world.time);
        if is_due && self.random.chance(9, 10) {
            return Command::new(CommandKind::Expire);
        }
        if let Some(command) = self.revive(world) {
            return command;
        }
        match self.random.below(1_000) {
            0..500 => self.enter(world),
            500..660 => self.replace(world),
            660..820 => self.cancel(world),
            820..850 => self.modify(world),
            850..858 => self.mass_cancel(world),
            858..861 => self.with_number(world, CommandKind::DisableOrderEntry),
            861..881 => self.enable(world),
            881..890 => self.with_session(world, CommandKind::AccountQuery),
            890..894 => self.with_session(world, CommandKind::ConnectionEnd),
            894..899 => self.with_session(world, CommandKind::ConnectionStart),
            899..955 => self.transfer(world),
            955..957 => self.kill(),
            957..963 => self.change_account(world),
            963..969 => self.change_instrument(world),
            969..971 => Command::new(CommandKind::Expire),
            _ => self.state(),
        }
    }

    fn session(&mut self, world: &World) -> u32 {
        self.random.below(world.model.sessions.len() as u64) as u32
    }

    /// Mostly the next number; a gap, a repeat, the highest.
    fn user_ref(&mut self, world: &World, session: u32) -> u32 {
        let mark = world.model.sessions[session as usize].mark;
        match self.random.below(200) {
            0..6 => mark + 1 + self.random.below(50) as u32,
            6..10 => mark.saturating_sub(self.random.below(3) as u32),
            10 => u32::MAX,
            _ => mark + 1,
        }
    }

    /// A price in 0.0001 near the middle; passive orders also far from it.
    fn price(&mut self, instrument: u16, is_buy: bool) -> u64 {
        let middle = MIDDLE[usize::from(instrument) - 1];
        let near = self.random.below(17);
        let far = if self.random.chance(1, 12) {
            20 + self.random.below(60)
        } else {
            0
        };
        let tick = if is_buy {
            middle - far + near - 12
        } else {
            middle + far + near - 4
        };
        tick * tick_size(instrument)
    }

    fn quantity(&mut self) -> u32 {
        match self.random.below(12) {
            0..4 => 1,
            4..8 => 1 + self.random.below(9) as u32,
            8..11 => 1 + self.random.below(120) as u32,
            _ => 100 + self.random.below(900) as u32,
        }
    }

    /// What enter and replace say alike.
    fn terms(&mut self, instrument: u16, is_buy: bool, open: u32) -> (Order, OrderOptions) {
        let mut order = plain_order();
        let mut options = no_options();
        order.price = self.price(instrument, is_buy);
        order.side = if is_buy { b'B' } else { b'S' };
        order.cl_ord_id[..4].copy_from_slice(&(self.random.next_u64() as u32).to_be_bytes());
        order.capacity = *self.random.pick(b"APRO");
        match self.random.below(20) {
            0..3 => order.time_in_force = b'3',
            3..5 => {
                order.time_in_force = b'3';
                self.minimum(&mut options, open);
            }
            5..8 => {
                order.price = *self.random.pick(&[0x7FFF_FFFF, u64::MAX, i64::MAX as u64]);
                if self.random.chance(1, 3) {
                    self.minimum(&mut options, open);
                }
            }
            8 => {
                options.present |= OrderOptions::HAS_POST_ONLY;
                options.post_only = b'P';
            }
            9 => order.time_in_force = b'G',
            10..12 => {
                order.time_in_force = b'6';
                options.present |= OrderOptions::HAS_EXPIRE_TIME;
                options.expire_time = *self.random.pick(&[1, 1, 1, 2, 2, 3, 7, 86_399]);
            }
            12 => {
                // Says nothing here.
                options.present |= OrderOptions::HAS_EXPIRE_TIME;
                options.expire_time = self.random.below(90_000) as u32;
            }
            _ => {}
        }
        if self.random.chance(1, 8) {
            order.display = b'A';
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
    fn minimum(&mut self, options: &mut OrderOptions, open: u32) {
        options.present |= OrderOptions::HAS_MIN_QUANTITY;
        options.min_quantity = match self.random.below(3) {
            0 => 1 + self.random.below(u64::from(open.max(1))) as u32,
            _ => open,
        };
    }

    /// Has the order take, with a minimum, where one of its session's own rests.
    fn meet_oneself(
        &mut self,
        world: &World,
        command: &mut Command,
        order: &mut Order,
        options: &mut OrderOptions,
    ) {
        let Some(own) = self.live(world, command.session) else {
            return;
        };
        command.instrument = own.instrument;
        order.quantity = own.open + self.random.below(5) as u32;
        let through = self.random.below(4) * tick_size(own.instrument);
        (order.side, order.price) = if own.is_buy {
            (b'S', own.price - through)
        } else {
            (b'B', own.price + through)
        };
        order.time_in_force = b'3';
        options.present &= !OrderOptions::HAS_POST_ONLY;
        options.post_only = 0;
        self.minimum(options, order.quantity);
    }

    /// Breaks one thing, so that every refusal comes up.
    fn spoil(
        &mut self,
        instrument: u16,
        command: &mut Command,
        order: &mut Order,
        options: &mut OrderOptions,
    ) {
        match self.random.below(20) {
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
            3 => order.cross_type = *self.random.pick(b"OCHS"),
            4 => order.display = *self.random.pick(b"NZ"),
            5 => options.present |= OrderOptions::HAS_PEG,
            6 => options.present |= OrderOptions::HAS_DISCRETION,
            7 => options.present |= OrderOptions::HAS_ROUTE,
            8 => {
                options.present |= OrderOptions::HAS_MIN_QUANTITY;
                options.min_quantity = order.quantity.saturating_add(1);
            }
            9 => {
                options.present |= OrderOptions::HAS_MAX_FLOOR;
                options.max_floor = self.random.below(9) as u32;
            }
            10 => order.quantity = *self.random.pick(&[0, 1_000_001, u32::MAX]),
            11 => {
                order.price = *self
                    .random
                    .pick(&[0, 1, 10_000_001, 4_000_000_001, 1_999_990_000])
            }
            12 => {
                // Beyond the collar, or past the highest price.
                let middle = MIDDLE[usize::from(instrument) - 1] * tick_size(instrument);
                order.price = if order.side == b'B' {
                    middle * 5 / 4
                } else {
                    middle * 3 / 4
                };
            }
            13 => order.quantity = 300 + self.random.below(4_000) as u32,
            14 => command.flags |= FLAG_LOW_SPACE,
            15 => options.present |= OrderOptions::MALFORMED,
            16 => options.present |= OrderOptions::HAS_STOP_PRICE,
            17 => options.present |= OrderOptions::HAS_FUNDS,
            18 => {
                options.present |= OrderOptions::HAS_POST_ONLY;
                options.post_only = b'P';
                order.time_in_force = b'3';
            }
            _ => order.price = 2_100_000_000,
        }
    }

    fn enter(&mut self, world: &World) -> Command {
        let mut command = Command::new(CommandKind::Enter);
        command.session = self.session(world);
        command.instrument = self.random.below(3) as u16 + 1;
        let is_buy = self.random.chance(1, 2);
        let quantity = self.quantity();
        let (mut order, mut options) = self.terms(command.instrument, is_buy, quantity);
        order.quantity = quantity;
        order.user_ref = self.user_ref(world, command.session);
        if self.random.chance(1, 20) {
            self.meet_oneself(world, &mut command, &mut order, &mut options);
        }
        if self.random.chance(1, 12) {
            let instrument = command.instrument;
            self.spoil(instrument, &mut command, &mut order, &mut options);
        }
        command.with_order(order).with_options(options)
    }

    /// A live order of the session, mostly; else a number that names nothing there.
    fn live(&mut self, world: &World, session: u32) -> Option<ModelOrder> {
        let orders: Vec<_> = world
            .model
            .resting()
            .filter(|order| order.session == session)
            .collect();
        if orders.is_empty() || self.random.chance(1, 15) {
            return None;
        }
        Some(orders[self.random.below(orders.len() as u64) as usize].clone())
    }

    fn replace(&mut self, world: &World) -> Command {
        let mut command = Command::new(CommandKind::Replace);
        command.session = self.session(world);
        let old = self.live(world, command.session);
        let (mut order, mut options);
        match old {
            None => {
                (order, options) = self.terms(1, true, 5);
                order.quantity = 5;
                order.orig_user_ref = self.random.below(200) as u32;
            }
            Some(old) => {
                let open = match self.random.below(5) {
                    0 => old.open,
                    1 => 1 + self.random.below(u64::from(old.open)) as u32,
                    2 => old.open + 1 + self.random.below(5) as u32,
                    _ => self.quantity(),
                };
                (order, options) = self.terms(old.instrument, old.is_buy, open);
                order.quantity = old.executed + open;
                if old.executed > 0 && self.random.chance(1, 5) {
                    order.quantity = 1 + self.random.below(u64::from(old.executed)) as u32;
                }
                order.orig_user_ref = old.user_ref;
                if self.random.chance(1, 2) {
                    order.price = old.price;
                }
                if self.random.chance(1, 3) {
                    // Across the spread by as much as the collar allows.
                    let tick = tick_size(old.instrument);
                    let step = self.random.below(12) * tick;
                    order.price = if old.is_buy {
                        MIDDLE[usize::from(old.instrument) - 1] * tick + step
                    } else {
                        MIDDLE[usize::from(old.instrument) - 1] * tick - step
                    };
                }
                command.instrument = old.instrument;
                if self.random.chance(1, 25) {
                    self.spoil(old.instrument, &mut command, &mut order, &mut options);
                }
            }
        }
        // The message has neither symbol nor side.
        command.instrument = 0;
        (order.side, order.capacity, order.cross_type) = (0, 0, 0);
        order.user_ref = self.user_ref(world, command.session);
        command.with_order(order).with_options(options)
    }

    fn cancel(&mut self, world: &World) -> Command {
        let mut command = Command::new(CommandKind::Cancel);
        command.session = self.session(world);
        let mut order = plain_order();
        (order.user_ref, order.quantity) = match self.live(world, command.session) {
            None => (self.random.below(300) as u32, 0),
            Some(live) => {
                let total = u64::from(live.executed + live.open);
                let quantity = match self.random.below(4) {
                    0 => self.random.below(total + 2) as u32,
                    1 if live.executed > 0 => 1 + self.random.below(u64::from(live.executed)) as u32,
                    _ => 0,
                };
                (live.user_ref, quantity)
            }
        };
        command.with_order(order)
    }

    fn modify(&mut self, world: &World) -> Command {
        let mut command = Command::new(CommandKind::Modify);
        command.session = self.session(world);
        let mut order = plain_order();
        if let Some(live) = self.live(world, command.session) {
            order.user_ref = live.user_ref;
            order.quantity = self.random.below(u64::from(live.executed + live.open) + 2) as u32;
            order.side = if live.is_buy != self.random.chance(1, 6) {
                b'B'
            } else {
                b'S'
            };
        }
        command.with_order(order)
    }

    fn mass_cancel(&mut self, world: &World) -> Command {
        let mut command = self.with_number(world, CommandKind::MassCancel);
        let mut options = no_options();
        if self.random.chance(1, 2) {
            command.instrument = *self.random.pick(&[1, 2, 3, UNKNOWN_INSTRUMENT]);
        }
        if self.random.chance(1, 2) {
            options.present |= OrderOptions::HAS_SIDE;
            options.side = *self.random.pick(b"BSBST");
        }
        if self.random.chance(1, 4) {
            options.present |= OrderOptions::HAS_FIRM;
            options.firm = *self.random.pick(&[*b"XX  ", *b"    ", *b"F1  "]);
        }
        if self.random.chance(1, 4) {
            options.present |= OrderOptions::HAS_GROUP;
            options.group = self.random.below(3) as u16;
        }
        if self.random.chance(1, 20) {
            options.present |= OrderOptions::MALFORMED;
        }
        command.with_options(options)
    }

    fn with_session(&mut self, world: &World, kind: CommandKind) -> Command {
        let mut command = Command::new(kind);
        command.session = self.session(world);
        command
    }

    pub(super) fn with_number(&mut self, world: &World, kind: CommandKind) -> Command {
        let command = self.with_session(world, kind);
        let mut order = plain_order();
        order.user_ref = self.user_ref(world, command.session);
        command.with_order(order)
    }

    fn flood(&mut self, world: &World, instrument: u16, is_buy: bool, expires: bool) -> Command {
        let mut command = Command::new(CommandKind::Enter);
        command.session = WHALE;
        command.instrument = instrument;
        let mut order = plain_order();
        order.user_ref = world.model.sessions[WHALE as usize].mark + 1;
        order.side = if is_buy { b'B' } else { b'S' };
        order.quantity = 1;
        let away = self.random.below(4);
        let middle = MIDDLE[usize::from(instrument) - 1];
        let tick = if is_buy {
            middle - 5 - away
        } else {
            middle + 5 + away
        };
        order.price = tick * tick_size(instrument);
        if !expires {
            return command.with_order(order);
        }
        order.time_in_force = b'6';
        let mut options = no_options();
        options.present = OrderOptions::HAS_EXPIRE_TIME;
        options.expire_time = 2 + self.random.below(2) as u32;
        command.with_order(order).with_options(options)
    }

    /// A sweep by another account or by the whale itself, a mass cancel, the kill switch, or a lost connection.
    fn end_of_flood(&mut self, world: &World, instrument: u16, is_buy: bool) -> Command {
        let choice = self.random.below(8);
        let kind = match choice {
            0 => CommandKind::MassCancel,
            1 => CommandKind::DisableOrderEntry,
            2 => CommandKind::ConnectionEnd,
            6 => return kill_switch(WHALE, 1),
            7 => return kill_switch(ALL_ACCOUNTS, 1),
            _ => CommandKind::Enter,
        };
        let mut command = Command::new(kind);
        command.session = if choice < 4 {
            WHALE
        } else {
            *self.random.pick(&[0, 4, 6])
        };
        let mut order = plain_order();
        order.user_ref = world.model.sessions[command.session as usize].mark + 1;
        if kind == CommandKind::Enter {
            command.instrument = instrument;
            order.side = if is_buy { b'S' } else { b'B' };
            order.quantity = 600;
            order.time_in_force = b'3';
            let middle = MIDDLE[usize::from(instrument) - 1];
            let tick = if is_buy { middle - 9 } else { middle + 9 };
            order.price = tick * tick_size(instrument);
        }
        command.with_order(order)
    }
}
