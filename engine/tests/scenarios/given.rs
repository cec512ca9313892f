//! What there is: capacities, assets, instruments, accounts, sessions. `given` defines and opens it; the operator's
//! `adds` sends the bare command of `define`.

use engine::exchange::command::{AssetDefinition, Command, CommandKind, SessionDefinition};
use engine::exchange::{Limits, instrument::State};
use protocol::units::text_field;
use zerocopy::FromZeros;

use super::define::{STATES, THINGS, Thing, define, pair};
use super::operator::{set_state, transfer};
use super::words::{Outcome, Word, Words};
use super::world::{LIMITS, World};

/// `given capacity orders 3 ...`: must come before everything else.
pub(crate) fn capacity(world: &mut World, word: Word<'_>, words: &mut Words<'_>) -> Outcome<()> {
    if world.exchange.sequence() > 0 {
        return Err(word.fail("capacities come before everything else"));
    }
    let mut limits: Limits = LIMITS;
    while words.peek().is_some() {
        let field = words.one_of(&[
            ("orders", 0),
            ("levels", 1),
            ("accounts", 2),
            ("sessions", 3),
            ("assets", 4),
            ("instruments", 5),
            ("fee-schedules", 6),
        ])?;
        let number = words.need("a number")?.number("a capacity")?;
        let fields = [
            &mut limits.orders,
            &mut limits.levels,
            &mut limits.accounts,
            &mut limits.sessions,
            &mut limits.assets,
            &mut limits.instruments,
            &mut limits.fee_schedules,
        ];
        *fields.into_iter().nth(field).expect("there are seven") = number;
    }
    *world = World::new(limits);
    Ok(())
}

/// `given asset ...` and the like: everything that it needs, in the order it is needed.
pub(crate) fn given(world: &mut World, word: Word<'_>, words: &mut Words<'_>) -> Outcome<()> {
    let run = |world: &mut World, command: Command| {
        let events = world.apply(command).map_err(|broken| word.fail(broken))?;
        match events.iter().find(|event| event.detail != 0) {
            None => Ok(()),
            Some(event) => Err(word.fail(format!("the exchange does not take this: {event:?}"))),
        }
    };
    let thing = words.clone().one_of(&THINGS)?;
    let mut later = words.clone();
    if let Thing::Instrument = thing {
        let (_, symbol) = (words.next(), words.need("a symbol")?);
        let (base, quote) = pair(symbol, words)?;
        for name in [base, quote] {
            if world.find_asset(name).is_none() {
                let asset = AssetDefinition {
                    name: text_field(name).ok_or_else(|| symbol.fail("an asset has at most 8 characters"))?,
                    decimals: 8,
                    ..AssetDefinition::new_zeroed()
                };
                run(world, Command::new(CommandKind::AddAsset).with_definition(&asset))?;
            }
        }
    }
    let command = define(world, &mut later)?;
    run(world, command)?;
    match thing {
        Thing::Instrument => {
            let state = if later.take("state") {
                later.one_of(&STATES)?
            } else {
                State::Trading
            };
            run(world, set_state(world.exchange.instrument_count(), state))?;
        }
        Thing::Account => {
            let account = world.exchange.account_count() - 1;
            let session = SessionDefinition {
                username: text_field(&world.accounts[account as usize]).expect("define has looked"),
                account,
                ..SessionDefinition::new_zeroed()
            };
            run(
                world,
                Command::new(CommandKind::AddSession).with_definition(&session),
            )?;
            world.sessions.push(world.accounts[account as usize].clone());
            if later.take("has") {
                while let Some(amount) = later.next() {
                    let asset = world.asset(later.need("an asset")?)?;
                    let amount = world.amount(asset, amount)?;
                    run(world, transfer(CommandKind::Deposit, account, asset, amount))?;
                }
            }
        }
        Thing::Asset | Thing::Session => {}
    }
    later.end()
}
