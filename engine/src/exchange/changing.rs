//! What the operator changes while the exchange runs: limits of accounts; fees and limits of instruments.
//!
//! A change is for what comes after it. Orders that rest stay, though they would be refused now, and keep the fee
//! schedule they entered under.

use super::Exchange;
use super::command::{AccountChange, Command, InstrumentChange, Permissions};
use super::event::Refusal;
use super::schedule::FeeSchedule;
use super::setup::{is_self_match_mode, refuse};
use super::sink::{Progress, Sink, Step};

impl Exchange {
    pub(super) fn change_account<S: Sink>(&mut self, command: &Command, step: &mut Step<'_, S>) -> Progress {
        let change: AccountChange = command.definition();
        let Some(account) = self.accounts.get_mut(change.account as usize) else {
            return refuse(step, Refusal::Unknown);
        };
        if !is_self_match_mode(change.self_match) || Permissions::from_byte(change.permissions).is_none() {
            return refuse(step, Refusal::Invalid);
        }
        let definition = &mut account.definition;
        definition.firm = change.firm;
        definition.open_orders_max = change.open_orders_max;
        definition.quantity_max = change.quantity_max;
        definition.rate_per_second = change.rate_per_second;
        definition.rate_burst = change.rate_burst;
        definition.self_match = change.self_match;
        definition.cancel_on_disconnect = change.cancel_on_disconnect;
        definition.fee_reports = change.fee_reports;
        definition.permissions = change.permissions;
        Progress::Done
    }

    /// What a password is is no part of the state: the doors know it.
    pub(super) fn change_password<S: Sink>(&mut self, command: &Command, step: &mut Step<'_, S>) -> Progress {
        match self.session(command.password_change().session) {
            Some(_) => Progress::Done,
            None => refuse(step, Refusal::Unknown),
        }
    }

    pub(super) fn change_instrument<S: Sink>(
        &mut self,
        command: &Command,
        step: &mut Step<'_, S>,
    ) -> Progress {
        let change: InstrumentChange = command.definition();
        let place = usize::from(command.instrument).wrapping_sub(1);
        let Some(instrument) = self.instruments.get_mut(place) else {
            return refuse(step, Refusal::Unknown);
        };
        let Some(schedule) = FeeSchedule::new(change.maker_fee_ppm, change.taker_fee_ppm) else {
            return refuse(step, Refusal::Invalid);
        };
        if change.quantity_max == 0 {
            return refuse(step, Refusal::Invalid);
        }
        let Some(index) = self.schedules.index_of(schedule) else {
            return refuse(step, Refusal::Full);
        };
        let definition = &mut instrument.definition;
        definition.notional_max = change.notional_max;
        definition.fat_finger = change.fat_finger;
        definition.quantity_max = change.quantity_max;
        definition.collar_ppm = change.collar_ppm;
        definition.maker_fee_ppm = change.maker_fee_ppm;
        definition.taker_fee_ppm = change.taker_fee_ppm;
        definition.reference_price = change.reference_price;
        instrument.go_by(index, &schedule);
        Progress::Done
    }
}
