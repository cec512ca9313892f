//! Random commands from a seed: mostly sensible, some of them wrong in one field, and now and then a burst that makes a
//! long step.

use engine::exchange::command::{ALL_ACCOUNTS, Command, CommandKind, Order, OrderOptions};
use protocol::testing::Random;

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
            .next_due()
            .map(|due| due.time)
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

    pub(super) fn session(&mut self, world: &World) -> u32 {
        self.random.below(world.model.sessions.len() as u64) as u32
    }

    /// Mostly the next number; a gap, a repeat, the highest.
    pub(super) fn user_ref(&mut self, world: &World, session: u32) -> u32 {
        let mark = world.model.sessions[session as usize].mark;
        match self.random.below(200) {
            0..6 => mark + 1 + self.random.below(50) as u32,
            6..10 => mark.saturating_sub(self.random.below(3) as u32),
            10 => u32::MAX,
            _ => mark + 1,
        }
    }

    pub(super) fn with_session(&mut self, world: &World, kind: CommandKind) -> Command {
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

    /// Has the order take, with a minimum, where one of its session's own rests.
    pub(super) fn meet_oneself(
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
        let tick_size = tick_size(own.instrument);
        let through = self.random.below(4) * tick_size;
        (order.side, order.price) = if own.is_buy {
            // There is no price below the first tick.
            (b'S', own.price.saturating_sub(through).max(tick_size))
        } else {
            (b'B', own.price + through)
        };
        order.time_in_force = b'3';
        options.present &= !OrderOptions::HAS_POST_ONLY;
        options.post_only = 0;
        self.minimum(options, order.quantity);
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
