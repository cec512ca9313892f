//! What the operator does in the random run: money, states, the kill switch, changes.

use engine::exchange::command::{
    ALL_ACCOUNTS, AccountChange, Command, CommandKind, InstrumentChange, halves,
};

use super::generator::Generator;
use super::setting::{FEES, MIDDLE, WHALE, endowment, tick_size};
use super::world::{World, define, kill_switch, transfer};

impl Generator {
    /// Brings an account back towards what it started with; now and then more than it has is to be withdrawn.
    pub(super) fn transfer(&mut self, world: &World) -> Command {
        let account = self.random.below(u64::from(WHALE)) as u32;
        let asset = self.random.below(3) as u32;
        let start = endowment(account, asset);
        let total = world.model.accounts[account as usize].totals[asset as usize] as u128;
        if total > start || self.random.chance(1, 5) {
            let part = total / (1 + u128::from(self.random.below(3)));
            return transfer(CommandKind::Withdraw, account, asset, part + 1);
        }
        let amount = start / (1 + u128::from(self.random.below(30)));
        transfer(CommandKind::Deposit, account, asset, amount)
    }

    /// Mostly for somebody who is disabled.
    pub(super) fn enable(&mut self, world: &World) -> Command {
        let mut command = self.with_number(world, CommandKind::EnableOrderEntry);
        let sessions = &world.model.sessions;
        let disabled = sessions
            .iter()
            .position(|session| !world.model.accounts[session.account as usize].enabled);
        if let Some(session) = disabled {
            command.session = session as u32;
            let mut order = *command.order();
            order.user_ref = sessions[session].mark + 1;
            command = command.with_order(order);
        }
        command
    }

    /// Trading mostly; seldom nonsense.
    pub(super) fn state(&mut self, world: &World) -> Command {
        let locate = self.random.below(3) as u16 + 1;
        let is_trading = world.model.instruments[usize::from(locate) - 1].state == b'T';
        let is_odd = self.random.chance(1, if is_trading { 6 } else { 3 });
        // From trading, or from one into another.
        let odd: &[u8] = if is_trading { b"PAAVHCX" } else { b"PAVHCXX" };
        let value = if is_odd { *self.random.pick(odd) } else { b'T' };
        let auction = if self.random.chance(1, 6) {
            *self.random.pick(b"OCH")
        } else {
            0
        };
        let mut command = Command::new(CommandKind::SetState).with_auction(value, auction);
        command.instrument = locate;
        if self.random.chance(1, 60) {
            match self.random.below(3) {
                0 => command.instrument = *self.random.pick(&[0, 4, u16::MAX]),
                1 => command = command.with_auction(b'Z', 0),
                _ => command = command.with_auction(b'A', b'Z'),
            }
        }
        command
    }

    /// What the clock asks for, at another time.
    pub(super) fn clock(&mut self) -> Command {
        let mut command = Command::new(*self.random.pick(&[CommandKind::Imbalance, CommandKind::Reopen]));
        if command.kind == CommandKind::Reopen as u8 {
            command.instrument = *self.random.pick(&[1, 2, 3, 1, 2, 3, 0, 4]);
        }
        command
    }

    /// Near prices, so that there are pauses, or none.
    pub(super) fn protect(&mut self) -> Command {
        let ppm = *self.random.pick(&[0, 0, 0, 4_000, 8_000, 20_000]);
        let seconds = *self.random.pick(&[1, 1, 2]);
        let mut command = Command::new(CommandKind::SetProtection).with_protection(ppm, seconds);
        command.instrument = *self.random.pick(&[1, 2, 3, 1, 2, 3, 1, 2, 3, 4]);
        command
    }

    /// The day ends, or is said to.
    pub(super) fn day(&mut self) -> Command {
        match self.random.below(4) {
            0 => Command::new(CommandKind::RollDay),
            1 => Command::new(CommandKind::SystemEvent).with_state(b'M'),
            _ => Command::new(CommandKind::SystemEvent).with_state(*self.random.pick(b"QEC")),
        }
    }

    /// On, seldom, and now and then for an account that is not there.
    pub(super) fn kill(&mut self) -> Command {
        let account = *self.random.pick(&[ALL_ACCOUNTS, 0, 1, 2, 3, 4, 5, 6, 7, 99]);
        let is_on = *self.random.pick(&[1, 1, 1, 0, 2]);
        kill_switch(account, is_on)
    }

    /// Off for one that is on; all accounts soon, since nothing happens until then. And who may not trade may again.
    pub(super) fn revive(&mut self, world: &World) -> Option<Command> {
        let model = &world.model;
        if model.all_killed && self.random.chance(1, 12) {
            return Some(kill_switch(ALL_ACCOUNTS, 0));
        }
        let mut accounts = model.accounts.iter();
        if let Some(account) = accounts.position(|account| account.definition.permissions != 0)
            && self.random.chance(1, 40)
        {
            let mut change = AccountChange::new(account as u32, &model.accounts[account].definition);
            change.permissions = 0;
            return Some(define(CommandKind::ChangeAccount, &change));
        }
        let killed = model.accounts.iter().position(|account| account.killed)?;
        self.random.chance(1, 60).then(|| kill_switch(killed as u32, 0))
    }

    /// Some limits of an account; seldom nonsense.
    pub(super) fn change_account(&mut self, world: &World) -> Command {
        let account = self.random.below(u64::from(WHALE)) as u32;
        let definition = &world.model.accounts[account as usize].definition;
        let mut change = AccountChange::new(account, definition);
        match self.random.below(9) {
            0 => change.open_orders_max = *self.random.pick(&[0, 0, 0, 3, 12]),
            1 => change.quantity_max = *self.random.pick(&[0, 0, 0, 40, 150]),
            2 => {
                (change.rate_per_second, change.rate_burst) =
                    *self
                        .random
                        .pick(&[(0, 0), (0, 0), (0, 0), (60, 3), (1_000, 0), (7, 20)]);
            }
            3 => change.self_match = *self.random.pick(b"OWDB"),
            4 => change.cancel_on_disconnect ^= 1,
            5 => change.fee_reports ^= 1,
            6 => change.firm = *self.random.pick(&[*b"XX  ", *b"F1  ", *b"F2  "]),
            7 => change.permissions = *self.random.pick(&[0, 1, 1, 2, 2]),
            _ => match self.random.below(3) {
                0 => change.account = 99,
                1 => change.permissions = 3,
                _ => change.self_match = b'?',
            },
        }
        define(CommandKind::ChangeAccount, &change)
    }

    /// Fees mostly, and limits that soon come back; seldom nonsense.
    pub(super) fn change_instrument(&mut self, world: &World) -> Command {
        let locate = self.random.below(3) as u16 + 1;
        let definition = &world.model.instruments[usize::from(locate) - 1].definition;
        let mut change = InstrumentChange::new(definition);
        let mut named = locate;
        match self.random.below(12) {
            0..6 => (change.maker_fee_ppm, change.taker_fee_ppm) = *self.random.pick(&FEES),
            6 => change.quantity_max = *self.random.pick(&[500, 5_000, 5_000, 1_000_000]),
            7 => change.collar_ppm = *self.random.pick(&[0, 20_000, 20_000, 100_000]),
            8 => {
                let middle = MIDDLE[usize::from(locate) - 1] * tick_size(locate);
                change.reference_price = (middle * *self.random.pick(&[9, 10, 11]) / 10) as u32;
            }
            9 if locate == 3 => {
                change.notional_max = halves(*self.random.pick(&[0, 62_500_000, 20_000_000]));
                change.fat_finger = halves(*self.random.pick(&[0, 30_000_000, 10_000_000]));
            }
            10 => named = *self.random.pick(&[0, 4, u16::MAX]),
            _ => match self.random.below(3) {
                0 => change.quantity_max = 0,
                1 => (change.maker_fee_ppm, change.taker_fee_ppm) = (-11, 10),
                _ => change.taker_fee_ppm = 1_000_001,
            },
        }
        let mut command = define(CommandKind::ChangeInstrument, &change);
        command.instrument = named;
        command
    }
}
