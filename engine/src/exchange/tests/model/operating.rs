//! What the operator does.

use engine::exchange::command::{
    ALL_ACCOUNTS, ALL_SESSIONS, AccountChange, AccountDefinition, Command, CommandKind, InstrumentChange,
    InstrumentDefinition, KillSwitch, whole,
};
use engine::exchange::event::{Event, EventKind};

use super::Model;

impl Model {
    pub(super) fn refuse_operation(&mut self, refusal: u32) {
        self.hit(format!("operation refused {refusal}"));
        self.events.push(Event {
            detail: refusal,
            ..Event::new(EventKind::OperationRefused)
        });
    }

    /// False when the table is full.
    pub(super) fn add_schedule(&mut self, fees: (i32, i32)) -> bool {
        if !self.schedules.contains(&fees) {
            if self.schedules.len() == self.schedules_max {
                return false;
            }
            self.schedules.push(fees);
        }
        true
    }

    pub(super) fn change_account(&mut self, change: &AccountChange) {
        let Some(account) = self.accounts.get_mut(change.account as usize) else {
            return self.refuse_operation(2);
        };
        if !b"OWDB".contains(&change.self_match) || change.permissions > 2 {
            return self.refuse_operation(1);
        }
        account.definition = AccountDefinition {
            firm: change.firm,
            open_orders_max: change.open_orders_max,
            quantity_max: change.quantity_max,
            rate_per_second: change.rate_per_second,
            rate_burst: change.rate_burst,
            self_match: change.self_match,
            cancel_on_disconnect: change.cancel_on_disconnect,
            fee_reports: change.fee_reports,
            permissions: change.permissions,
            ..account.definition
        };
        self.hit("account changed");
    }

    pub(super) fn change_instrument(&mut self, instrument: u16, change: &InstrumentChange) {
        if instrument == 0 || usize::from(instrument) > self.instruments.len() {
            return self.refuse_operation(2);
        }
        let (maker, taker) = (change.maker_fee_ppm, change.taker_fee_ppm);
        let is_sound = (0..=1_000_000).contains(&taker) && maker + taker >= 0 && maker <= 1_000_000;
        if !is_sound || change.quantity_max == 0 {
            return self.refuse_operation(1);
        }
        if !self.add_schedule((maker, taker)) {
            return self.refuse_operation(4);
        }
        let before = self.fees(instrument);
        let definition = &mut self.instruments[usize::from(instrument) - 1].definition;
        *definition = InstrumentDefinition {
            notional_max: change.notional_max,
            fat_finger: change.fat_finger,
            quantity_max: change.quantity_max,
            collar_ppm: change.collar_ppm,
            maker_fee_ppm: maker,
            taker_fee_ppm: taker,
            reference_price: change.reference_price,
            ..*definition
        };
        self.hit("instrument changed");
        if before != (maker, taker) && self.orders.iter().any(|order| order.instrument == instrument) {
            self.hit("fees changed while orders rest");
        }
    }

    pub(super) fn cancel_orders(&mut self, command: &Command) {
        let wanted = command.cancel_orders();
        let session = (wanted.session != ALL_SESSIONS).then_some(wanted.session);
        let is_its = session.is_none_or(|session| {
            let session = self.sessions.get(session as usize);
            session.is_some_and(|session| session.account == wanted.account)
        });
        let is_account = (wanted.account as usize) < self.accounts.len();
        let is_instrument = usize::from(command.instrument) <= self.instruments.len();
        if !is_account || !is_its || !is_instrument {
            return self.refuse_operation(2);
        }
        self.cancel_matching(b'S', |order| {
            order.account == wanted.account
                && session.is_none_or(|session| order.session == session)
                && (command.instrument == 0 || order.instrument == command.instrument)
        });
    }

    pub(super) fn kill_switch(&mut self, switch: &KillSwitch) {
        let is_for = |account| switch.account == ALL_ACCOUNTS || switch.account == account;
        if switch.is_on > 1 {
            return self.refuse_operation(1);
        }
        if switch.account == ALL_ACCOUNTS {
            self.all_killed = switch.is_on == 1;
        } else if let Some(account) = self.accounts.get_mut(switch.account as usize) {
            account.killed = switch.is_on == 1;
        } else {
            return self.refuse_operation(2);
        }
        if switch.is_on == 1 {
            let mut orders: Vec<_> = self
                .orders
                .iter()
                .filter(|order| is_for(order.account))
                .cloned()
                .collect();
            orders.sort_by_key(|order| (order.account, order.age));
            if !orders.is_empty() {
                let scope = if switch.account == ALL_ACCOUNTS {
                    "all"
                } else {
                    "one"
                };
                self.hit(format!("kill switch for {scope}"));
                if orders.len() > 256 {
                    self.hit(format!("kill switch for {scope} longer than a step"));
                }
            }
            self.cancel_each(orders, b'S');
        }
    }

    pub(super) fn transfer(&mut self, command: &Command) {
        let transfer = command.transfer();
        let amount = whole(transfer.amount) as i128;
        let asset = &mut self.assets[transfer.asset as usize];
        if command.kind == CommandKind::Deposit as u8 {
            asset.deposited += amount;
            self.accounts[transfer.account as usize].totals[transfer.asset as usize] += amount;
        } else if self.available(transfer.account, transfer.asset) < amount {
            self.refuse_operation(5);
        } else {
            self.assets[transfer.asset as usize].withdrawn += amount;
            self.accounts[transfer.account as usize].totals[transfer.asset as usize] -= amount;
        }
    }
}
