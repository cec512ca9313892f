//! The exchange of a scenario, and what its names mean.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use engine::exchange::command::{Command, InstrumentDefinition, whole};
use engine::exchange::event::Event;
use engine::exchange::{EndedOrder, Exchange, Limits, Progress, STEP_EVENTS_MAX, Sink};

use super::decimal;
use super::words::{Outcome, Word};

/// What a scenario has room for unless it says otherwise.
pub(crate) const LIMITS: Limits = Limits {
    assets: 8,
    instruments: 8,
    accounts: 8,
    sessions: 8,
    orders: 2_000,
    levels: 200,
    fee_schedules: 8,
};

pub(crate) struct World {
    pub(crate) exchange: Exchange,
    /// Nanoseconds.
    pub(crate) time: u64,
    /// By account index.
    pub(crate) accounts: Vec<String>,
    /// By session index.
    pub(crate) sessions: Vec<String>,
    /// The instrument that a session's UserRefNum was used for.
    pub(crate) used_for: BTreeMap<(u32, u32), u16>,
    /// How orders ended: `F` or `C`.
    pub(crate) ended: BTreeMap<(u32, u32), (EndedOrder, u8)>,
}

/// Collects what a command causes.
#[derive(Default)]
struct Caused {
    events: Vec<Event>,
    ended: Vec<(EndedOrder, u8)>,
}

impl Sink for Caused {
    const WANTS_FINISHED: bool = true;

    fn event(&mut self, event: Event) {
        self.events.push(event);
    }

    fn order_finished(&mut self, order: &EndedOrder, state: u8) {
        self.ended.push((*order, state));
    }
}

/// Runs a command to its end. Its steps must not be too long.
fn run(exchange: &mut Exchange, command: &Command) -> Result<Caused, String> {
    let mut caused = Caused::default();
    let mut progress = exchange.apply(command, &mut caused);
    let mut before = 0;
    loop {
        let length = caused.events.len() - before;
        if length > STEP_EVENTS_MAX as usize {
            return Err(format!("a step has {length} events"));
        }
        before = caused.events.len();
        if progress == Progress::Done {
            return Ok(caused);
        }
        progress = exchange.resume(&mut caused);
    }
}

impl World {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            exchange: Exchange::new(limits),
            time: 0,
            accounts: Vec::new(),
            sessions: Vec::new(),
            used_for: BTreeMap::new(),
            ended: BTreeMap::new(),
        }
    }

    /// Runs a command to its end. Whatever the scenario is about: steps are as long as they may be, and books and
    /// balances add up afterwards.
    pub(crate) fn apply(&mut self, command: Command) -> Result<Vec<Event>, String> {
        let command = Command {
            sequence: self.exchange.sequence() + 1,
            time: self.time,
            ..command
        };
        // A panic is told like anything else that is wrong: with its place in the scenario.
        let run = AssertUnwindSafe(|| run(&mut self.exchange, &command));
        let caused = catch_unwind(run).map_err(|_| "the exchange panics here (see above)".to_owned())??;
        for (order, state) in caused.ended {
            self.ended.insert((order.session, order.user_ref), (order, state));
        }
        self.exchange.check_invariants()?;
        Ok(caused.events)
    }

    /// The session of a name.
    pub(crate) fn session(&self, word: Word<'_>, name: &str) -> Outcome<u32> {
        index(&self.sessions, name).ok_or_else(|| {
            word.fail(format!(
                "no such session; there are: {}",
                self.sessions.join(", ")
            ))
        })
    }

    /// The account of a name.
    pub(crate) fn account(&self, word: Word<'_>) -> Outcome<u32> {
        index(&self.accounts, word.text).ok_or_else(|| {
            word.fail(format!(
                "no such account; there are: {}",
                self.accounts.join(", ")
            ))
        })
    }

    /// The asset of a name.
    pub(crate) fn asset(&self, word: Word<'_>) -> Outcome<u32> {
        self.find_asset(word.text)
            .ok_or_else(|| word.fail("no such asset"))
    }

    pub(crate) fn find_asset(&self, name: &str) -> Option<u32> {
        (0..self.exchange.asset_count()).find(|&asset| self.asset_name(asset) == name)
    }

    fn asset_name(&self, asset: u32) -> String {
        let asset = self.exchange.asset(asset).expect("it is below the count");
        String::from_utf8_lossy(&asset.name).trim_end().to_owned()
    }

    fn decimals(&self, asset: u32) -> u8 {
        self.exchange.asset(asset).expect("it is known").decimals
    }

    /// The locate of a symbol, or `None`.
    pub(crate) fn find_instrument(&self, symbol: &str) -> Option<u16> {
        self.exchange
            .find_instrument(protocol::units::text_field(symbol)?)
    }

    /// The locate of a symbol that there must be.
    pub(crate) fn instrument(&self, word: Word<'_>) -> Outcome<u16> {
        self.find_instrument(word.text)
            .ok_or_else(|| word.fail("no such instrument"))
    }

    pub(crate) fn definition(&self, locate: u16) -> &InstrumentDefinition {
        &self.exchange.instrument(locate).expect("it is known").definition
    }

    pub(crate) fn symbol(&self, locate: u16) -> String {
        String::from_utf8_lossy(&self.definition(locate).symbol)
            .trim_end()
            .to_owned()
    }

    /// `user_ref` of a session, as it is written.
    pub(crate) fn name(&self, session: u32, user_ref: u32) -> String {
        format!("{}.{user_ref}", self.sessions[session as usize])
    }

    /// Smallest units of an amount of an asset.
    pub(crate) fn amount(&self, asset: u32, word: Word<'_>) -> Outcome<u128> {
        let decimals = self.decimals(asset);
        decimal::parse(word.text, decimals)
            .ok_or_else(|| word.fail(format!("an amount has at most {decimals} decimal places")))
    }

    pub(crate) fn show_amount(&self, asset: u32, amount: i128) -> String {
        decimal::show(amount, self.decimals(asset), 2)
    }

    /// Lots of a quantity in base units; of no instrument, lots.
    pub(crate) fn lots(&self, locate: u16, word: Word<'_>) -> Outcome<u32> {
        if self.exchange.instrument(locate).is_none() {
            return word.number("a quantity of no instrument");
        }
        let definition = self.definition(locate);
        let lot = whole(definition.lot_size);
        let units = self.amount(u32::from(definition.base), word)?;
        let lots = units / lot;
        if units % lot != 0 || lots > u128::from(u32::MAX) {
            let lot = self.show_lots(locate, 1);
            return Err(word.fail(format!(
                "a quantity is a number of lots of {lot}, at most {}",
                u32::MAX
            )));
        }
        Ok(lots as u32)
    }

    pub(crate) fn show_lots(&self, locate: u16, lots: u64) -> String {
        let definition = self.definition(locate);
        let units = u128::from(lots) * whole(definition.lot_size);
        decimal::show(units as i128, self.decimals(u32::from(definition.base)), 0)
    }

    /// A price with as many places as the tick size has, at least two.
    pub(crate) fn show_price(&self, locate: u16, price: u32) -> String {
        if price == 0x7FFF_FFFF {
            return "market".to_owned();
        }
        let tick = decimal::show(i128::from(self.definition(locate).tick_size), 4, 2);
        let places = tick.split_once('.').map_or(0, |(_, places)| places.len());
        decimal::show(i128::from(price), 4, places as u8)
    }
}

fn index(names: &[String], name: &str) -> Option<u32> {
    (0..)
        .zip(names)
        .find(|(_, known)| *known == name)
        .map(|(index, _)| index)
}
