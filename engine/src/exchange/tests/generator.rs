//! Random commands from a seed: mostly sensible, some of them wrong in one field, and now and then a plan for many in a
//! row.

use std::collections::VecDeque;

use engine::exchange::command::{Command, CommandKind, Order, OrderOptions};
use protocol::testing::Random;

use super::plans::Act;
use super::setting::tick_size;
use super::world::{World, plain_order};

/// Makes commands for a world.
pub(super) struct Generator {
    pub random: Random,
    pub plan: VecDeque<Act>,
}

impl Generator {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            plan: VecDeque::new(),
        }
    }

    /// The next command. The world's time goes on: little mostly, up to a second now and then.
    pub(super) fn next(&mut self, world: &mut World) -> Command {
        world.time += match self.plan.front() {
            Some(Act::Expire) => 3_000_000_000,
            None if self.random.chance(1, 150) => self.random.below(1_000_000_000),
            _ => self.random.below(1_200_000),
        };
        let command = self.choose(world);
        if command.kind == CommandKind::RollDay as u8 && world.model.may_roll() {
            // The new day has a midnight of its own.
            world.time = self.random.below(1_000_000_000);
        }
        command
    }

    /// The world tells marks and live orders.
    fn choose(&mut self, world: &World) -> Command {
        if let Some(act) = self.plan.pop_front() {
            return self.act(world, act);
        }
        if self.random.chance(15, 14_000) {
            self.plan(world);
        }
        // As the engine does, but for some times when it is late.
        if let Some(due) = world.exchange.next_due()
            && due.time <= world.time
            && self.random.chance(9, 10)
        {
            return due.command();
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
            971..975 => self.clock(),
            975..978 => self.protect(),
            978 => self.day(),
            _ => self.state(world),
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
        order.cross_type = b'N';
        let contradict = OrderOptions::HAS_POST_ONLY
            | OrderOptions::HAS_STOP_PRICE
            | OrderOptions::HAS_FUNDS
            | OrderOptions::HAS_MAX_FLOOR;
        options.present &= !contradict;
        (options.post_only, options.stop_price) = (0, 0);
        (options.funds, options.max_floor) = (0, 0);
        self.minimum(options, order.quantity);
    }
}
