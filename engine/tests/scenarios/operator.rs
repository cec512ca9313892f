//! What the operator asks, as commands.

use engine::exchange::command::{ALL_ACCOUNTS, Command, CommandKind, KillSwitch};
use engine::exchange::instrument::State;

use super::decimal;
use super::define::{STATES, change, define};
use super::words::{Outcome, Words};
use super::world::World;

/// `operator ...`
pub(crate) fn asks(world: &mut World, words: &mut Words<'_>) -> Outcome<Command> {
    #[derive(Clone, Copy)]
    enum Asked {
        Deposit,
        Withdraw,
        Set,
        Announce,
        Add,
        Change,
        Kill,
        Revive,
        Protect,
        Roll,
        Unknown,
    }
    let asked = words.one_of(&[
        ("deposits", Asked::Deposit),
        ("withdraws", Asked::Withdraw),
        ("sets", Asked::Set),
        ("announces", Asked::Announce),
        ("adds", Asked::Add),
        ("changes", Asked::Change),
        ("kills", Asked::Kill),
        ("revives", Asked::Revive),
        ("protects", Asked::Protect),
        ("rolls-the-day", Asked::Roll),
        ("asks-nonsense", Asked::Unknown),
    ])?;
    let command = match asked {
        Asked::Deposit | Asked::Withdraw => {
            let amount = words.need("an amount")?;
            let asset = words.need("an asset")?;
            let (kind, preposition) = match asked {
                Asked::Deposit => (CommandKind::Deposit, "for"),
                _ => (CommandKind::Withdraw, "from"),
            };
            words.keyword(preposition)?;
            let account = words.need("an account")?;
            // NOBODY and NOTHING are for the refusals.
            let account = if account.text == "NOBODY" {
                u32::MAX
            } else {
                world.account(account)?
            };
            let (asset, amount) = match asset.text {
                "NOTHING" => (u32::MAX, amount.number("of nothing")?),
                _ => {
                    let asset = world.asset(asset)?;
                    (asset, world.amount(asset, amount)?)
                }
            };
            transfer(kind, account, asset, amount)
        }
        Asked::Set => {
            let symbol = words.need("a symbol")?;
            let locate = if symbol.text == "NOTHING" {
                0
            } else {
                world.instrument(symbol)?
            };
            let mut command = set_state(locate, words.one_of(&STATES)?);
            if words.take("for") {
                let kind = words.one_of(&[
                    ("opening", b'O'),
                    ("closing", b'C'),
                    ("halt", b'H'),
                    ("nonsense", b'N'),
                ])?;
                command = command.with_auction(command.state_change().value, kind);
            }
            command
        }
        Asked::Protect => {
            let symbol = words.need("a symbol")?;
            let locate = if symbol.text == "NOTHING" {
                0
            } else {
                world.instrument(symbol)?
            };
            let (mut ppm, mut seconds) = (0, 0);
            if !words.take("not") {
                let word = words.need("a percentage, or not")?;
                ppm = decimal::parse_rate(word.text)
                    .ok_or_else(|| word.fail("a rate is written 5%"))?
                    .unsigned_abs();
                words.keyword("pause")?;
                let word = words.need("seconds")?;
                seconds = word
                    .text
                    .strip_suffix('s')
                    .and_then(|seconds| seconds.parse().ok())
                    .ok_or_else(|| word.fail("a time is written 30s"))?;
            }
            let mut command = Command::new(CommandKind::SetProtection).with_protection(ppm, seconds);
            command.instrument = locate;
            command
        }
        Asked::Roll => Command::new(CommandKind::RollDay),
        Asked::Announce => {
            let code = words.need("an event code")?.character("an event code")?;
            value(CommandKind::SystemEvent, code)
        }
        Asked::Add => define(world, words)?,
        Asked::Change => change(world, words)?,
        Asked::Kill | Asked::Revive => {
            let account = words.need("an account, or EVERYBODY")?;
            let account = match account.text {
                "EVERYBODY" => ALL_ACCOUNTS,
                // One that there is not.
                "NOBODY" => ALL_ACCOUNTS - 1,
                _ => world.account(account)?,
            };
            let mut command = Command::new(CommandKind::KillSwitch);
            command.body = zerocopy::transmute!(KillSwitch {
                account,
                is_on: u8::from(matches!(asked, Asked::Kill)),
                spare: [0; 35],
            });
            command
        }
        Asked::Unknown => Command {
            kind: u8::MAX,
            ..Command::new(CommandKind::Deposit)
        },
    };
    words.end()?;
    Ok(command)
}

/// The state of an instrument.
pub(crate) fn set_state(instrument: u16, state: State) -> Command {
    let mut command = value(CommandKind::SetState, state as u8);
    command.instrument = instrument;
    command
}

/// A command that carries one byte.
pub(crate) fn value(kind: CommandKind, value: u8) -> Command {
    Command::new(kind).with_state(value)
}

/// A deposit or withdrawal.
pub(crate) fn transfer(kind: CommandKind, account: u32, asset: u32, amount: u128) -> Command {
    Command::new(kind).with_transfer(account, asset, amount)
}
