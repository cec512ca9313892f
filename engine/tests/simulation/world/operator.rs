//! People at the switches: instruments are halted and opened, accounts switched off, money paid in and out, fees, limits and
//! permissions changed; and the file is another one at the next start.

use engine::exchange::command::{AccountChange, Command, CommandKind, InstrumentChange, KillSwitch};
use engine::exchange::instrument::State;

use super::told::ASSETS;
use super::{World, configuration};
use crate::permits;

impl World {
    /// Once a turn: whatever the seed has of this, now and then.
    pub(super) fn operate(&mut self) {
        let random = &mut self.random;
        let command = if self.setting.has_operator && random.below(60) == 0 {
            Some(self.switch())
        } else if self.setting.has_transfers && random.below(40) == 0 {
            Some(self.transfer())
        } else if self.setting.has_changes && random.below(60) == 0 {
            self.change()
        } else if !self.setting.permissions.is_empty() && random.below(60) == 0 {
            self.permit()
        } else {
            None
        };
        let Some(command) = command else { return };
        if let Some(exchange) = &mut self.exchange
            && exchange.is_ready()
            && exchange.try_operate(command)
        {
            let kind = CommandKind::from_byte(command.kind).expect("there is such a kind");
            self.coverage.met("commands of the operator");
            self.coverage.met(format!("operator: {kind:?}"));
            self.tell(format_args!("the operator: {kind:?}"));
        }
    }

    /// Halts, opens, switches off and on, lets trading pause.
    fn switch(&mut self) -> Command {
        let instrument = 1 + self.random.below(2) as u16;
        let account = self.random.below(u64::from(self.setting.customers)) as u32;
        let is_on = u8::from(self.random.chance(1, 3));
        let set_state = Command {
            instrument,
            ..Command::new(CommandKind::SetState)
        };
        match self.random.below(8) {
            0..=2 => set_state.with_auction(
                *self.random.pick(&[
                    State::Trading as u8,
                    State::Halted as u8,
                    State::CancelOnly as u8,
                    State::PreOpen as u8,
                    State::Auction as u8,
                    State::Closed as u8,
                ]),
                *self.random.pick(b"OCH"),
            ),
            3 | 4 => set_state.with_state(State::Trading as u8),
            5 => Command {
                instrument,
                ..Command::new(CommandKind::SetProtection)
            }
            .with_protection(*self.random.pick(&[0, 1, 10]), 1 + self.random.below(2) as u32),
            _ => {
                let switch = KillSwitch {
                    account,
                    is_on,
                    spare: [0; 35],
                };
                Command {
                    body: zerocopy::transmute!(switch),
                    ..Command::new(CommandKind::KillSwitch)
                }
            }
        }
    }

    /// Pays money in or out; what is asked for is not always there.
    fn transfer(&mut self) -> Command {
        let account = self.random.below(u64::from(self.file.accounts));
        let asset = self.random.below(ASSETS as u64) as u32;
        let coins = 10_u128.pow([8, 8, 18][asset as usize]);
        let thousandths = u128::from(1 + self.random.below(200_000));
        let kind = *self.random.pick(&[CommandKind::Deposit, CommandKind::Withdraw]);
        Command::new(kind).with_transfer(account as u32, asset, coins * thousandths / 1_000)
    }

    /// Changes fees, or what an account may do. `None` before there is something to change.
    fn change(&mut self) -> Option<Command> {
        let exchange = self.exchange.as_ref()?.exchange();
        if self.random.chance(2, 3) {
            let place = self.random.below(2) as usize;
            let definition = exchange.instrument(place as u16 + 1)?.definition;
            let (maker_fee_ppm, taker_fee_ppm) = *self.random.pick(&configuration::FEES[place]);
            let change = InstrumentChange {
                maker_fee_ppm,
                taker_fee_ppm,
                ..InstrumentChange::new(&definition)
            };
            return Some(
                Command {
                    instrument: place as u16 + 1,
                    ..Command::new(CommandKind::ChangeInstrument)
                }
                .with_definition(&change),
            );
        }
        let account = self.random.below(u64::from(self.file.accounts)) as u32;
        let definition = exchange.account(account)?.definition;
        let change = AccountChange {
            open_orders_max: *self.random.pick(&[5, 40, 100_000]),
            quantity_max: *self.random.pick(&[20, 1_000, 500_000]),
            self_match: *self.random.pick(b"OWDB"),
            ..AccountChange::new(account, &definition)
        };
        Some(Command::new(CommandKind::ChangeAccount).with_definition(&change))
    }

    /// Lets an account do more, or less. `None` before it is there.
    fn permit(&mut self) -> Option<Command> {
        let exchange = self.exchange.as_ref()?.exchange();
        let account = self.random.below(u64::from(self.file.accounts)) as u32;
        let definition = exchange.account(account)?.definition;
        let permissions = permits::one(&mut self.random);
        let change = AccountChange {
            permissions: permissions.permissions() as u8,
            ..AccountChange::new(account, &definition)
        };
        Some(Command::new(CommandKind::ChangeAccount).with_definition(&change))
    }

    /// Before a start: somebody may have written accounts into the file, and other fees.
    pub(super) fn change_file(&mut self) {
        let is_first = self.turns == 0;
        if self.setting.late > 0 && !is_first && self.random.chance(1, 2) {
            self.file.accounts = self.setting.customers.min(self.file.accounts + 1);
            self.file.fees = [0; 2].map(|_| self.random.below(3) as usize);
            self.coverage.met("starts with another file");
        }
        let durability = self.config.journal.durability;
        self.config = configuration::of(&self.setting, self.file);
        self.config.journal.durability = durability;
    }

    /// Every instrument trades: where orders collect for a cross, something is told each second.
    pub(super) fn open_everything(&mut self) {
        for instrument in 1..=2 {
            let open = Command {
                instrument,
                ..Command::new(CommandKind::SetState)
            };
            self.operate_surely(open.with_state(State::Trading as u8));
        }
    }
}
