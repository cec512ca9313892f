//! Instruments: new ones are added behind the old. Of those, fees and limits may have changed; what orders and prices
//! are measured in must be what it was.

use std::collections::HashMap;

use protocol::units::Symbol;

use super::{Changed, Setup, said_of};
use crate::config::{Description, Instrument};
use crate::exchange::command::{Command, CommandKind, InstrumentChange, InstrumentDefinition};

/// What can not change: resting orders, values and the price ladder are measured in it.
const FIXED: [&str; 4] = ["tick_size", "lot_size", "price_unit", "max_price"];

impl Setup<'_> {
    /// Adds instruments, changes those that are there.
    pub(super) fn instruments(&mut self, assets: &HashMap<Symbol, u16>) {
        let comparable = self.problems.is_empty();
        let mut all_there = true;
        // Stock locates of those that the file has: it has them in this order.
        let mut configured = Vec::new();
        for locate in 1..=self.exchange.instrument_count() {
            let Some(instrument) = self.exchange.instrument(locate) else {
                continue;
            };
            let symbol = Symbol(instrument.definition.symbol);
            if self
                .config
                .instruments
                .iter()
                .any(|configured| configured.symbol == symbol)
            {
                configured.push(locate);
            } else if !self.config.remembered.has_instrument(symbol.as_str()) {
                all_there = false;
                self.missing("instruments", symbol.as_str());
            }
        }
        let mut in_order = all_there;
        let mut next = self.exchange.instrument_count();
        for (place, instrument) in (1_u16..).zip(&self.config.instruments) {
            let definition = instrument.definition(assets[&instrument.base], assets[&instrument.quote]);
            match self.exchange.find_instrument(definition.symbol) {
                Some(locate) if in_order && configured.get(usize::from(place) - 1) != Some(&locate) => {
                    // Those behind it stand wrong because of it.
                    in_order = false;
                    self.refuse(
                        instrument.line,
                        format!("instruments.{}", instrument.symbol),
                        format!("stands at place {place}, but its stock locate is {locate}"),
                        "put the instruments in their old order, and new ones behind them",
                    );
                }
                // Amounts can be compared only while their assets agree.
                Some(locate) if comparable => {
                    let known = self.exchange.instrument(locate);
                    if let Some(was) = known.map(|known| known.definition) {
                        self.compare_instruments(instrument, &was);
                        if !self.is_changed(instrument) {
                            self.change_instrument(locate, &was, &definition);
                            self.protect(locate, self.exchange.protection(locate), instrument);
                        }
                    }
                }
                Some(_) => {}
                None => {
                    next += 1;
                    self.commands
                        .push(Command::new(CommandKind::AddInstrument).with_definition(&definition));
                    self.protect(next, (0, 0), instrument);
                }
            }
        }
    }

    /// When it pauses, unless that is what it does.
    fn protect(&mut self, locate: u16, was: (u32, u32), configured: &Instrument) {
        let is = (configured.volatility_ppm, configured.pause_seconds);
        if is != was {
            self.commands.push(Command {
                instrument: locate,
                ..Command::new(CommandKind::SetProtection).with_protection(is.0, is.1)
            });
        }
    }

    fn change_instrument(&mut self, locate: u16, was: &InstrumentDefinition, is: &InstrumentDefinition) {
        let change = InstrumentChange::new(is);
        if change != InstrumentChange::new(was) {
            self.commands.push(Command {
                instrument: locate,
                ..Command::new(CommandKind::ChangeInstrument).with_definition(&change)
            });
        }
    }

    /// True when an operator has changed it, and the file says of it what it said then.
    fn is_changed(&self, configured: &Instrument) -> bool {
        let what = Changed::Instrument(configured.symbol.as_str());
        self.config.remembered.is_changed(what, &said_of(configured))
    }

    /// Room for the pairs of fees that are new.
    pub(super) fn fee_schedules(&mut self) {
        let known = self.exchange.fee_schedules();
        let mut pairs: Vec<_> = known
            .iter()
            .map(|schedule| (schedule.maker_ppm, schedule.taker_ppm))
            .collect();
        let limit = self.exchange.limits().fee_schedules as usize;
        for instrument in &self.config.instruments {
            let pair = (instrument.maker_fee_ppm, instrument.taker_fee_ppm);
            if pairs.contains(&pair) {
                continue;
            }
            pairs.push(pair);
            if pairs.len() > limit {
                self.refuse(
                    instrument.line,
                    format!("instruments.{}.maker_fee", instrument.symbol),
                    format!(
                        "with taker_fee it is a new pair of fees, and the {limit} of capacities.fee_schedules are used up"
                    ),
                    "write a pair of fees that there was before",
                );
                return;
            }
        }
    }

    fn compare_instruments(&mut self, configured: &Instrument, was: &InstrumentDefinition) {
        let known = |index: u16| self.exchange.asset(u32::from(index));
        let named = |name: Symbol| (name, self.config.asset(name).map_or(0, |asset| asset.decimals));
        let (base, quote) = (named(configured.base), named(configured.quote));
        for (key, (name, _), index) in [("base", base, was.base), ("quote", quote, was.quote)] {
            let was = known(index).map_or(Symbol::BLANK, |asset| Symbol(asset.name));
            if was != name {
                let key = format!("instruments.{}.{key}", configured.symbol);
                self.changed(
                    configured.line,
                    key,
                    &format!("\"{was}\""),
                    &format!("\"{name}\""),
                );
            }
        }
        let known_decimals = |index: u16| known(index).map_or(0, |asset| asset.decimals);
        let was = Description::new(was, known_decimals(was.base), known_decimals(was.quote));
        // The indices of assets are not described.
        let is = Description::new(&configured.definition(0, 0), base.1, quote.1);
        for ((key, was), (_, is)) in was.entries().into_iter().zip(is.entries()) {
            if FIXED.contains(&key) && was != is {
                let key = format!("instruments.{}.{key}", configured.symbol);
                self.changed(configured.line, key, &format!("\"{was}\""), &format!("\"{is}\""));
            }
        }
    }
}
