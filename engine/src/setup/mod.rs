//! Configuration is input too: what the file says and the exchange does not know yet, or knows otherwise, becomes
//! commands, sequenced and journaled like any other. What can not be changed any more is refused, with what it was and how
//! to go on.
//!
//! The start of the first day is the same as any later one: an empty exchange lacks everything.
//!
//! ```text
//!  System Event O; assets; instruments (R and H each) with their protection; accounts with deposits and sessions;
//!  System Event S; without a configured day also: System Event Q; instruments to trading (H each)
//! ```
//!
//! With a configured day the engine's schedule goes on from there: it opens, closes and ends. Without one it ends the day
//! when that has lasted long enough, and opens the next one; a start that comes behind the roll, before that, opens it here.
//!
//! A start that was cut off anywhere in between is taken up where it ended: see [`commands`]. What an operator added or
//! changed while the exchange ran stays: see [`Remembered`].

mod accounts;
mod instruments;
mod remembered;

use std::collections::HashMap;

use protocol::market_data::values::{cross_type, event_code};
use protocol::units::Symbol;

use crate::config::{Config, ConfigError, Problem};
use crate::exchange::command::{AssetDefinition, Command, CommandKind};
use crate::exchange::event::EventKind;
use crate::exchange::instrument::State;
use crate::exchange::{Exchange, Limits, Progress};
use crate::limits::{LEVELS, ORDERS};
pub use remembered::{Changed, Remembered, said_of};

/// The commands that bring `exchange` to what `config` says, without numbers and times.
///
/// A new account gets its deposits before its first session, so that an account without sessions has exactly what was
/// deposited of them: what a crash left out is found and made up for.
///
/// # Errors
/// Everything the configuration changes or leaves out that can not be changed.
pub fn commands(config: &Config, exchange: &Exchange) -> Result<Vec<Command>, ConfigError> {
    let system_event = exchange.last_system_event().map(|event| event.code);
    let mut setup = Setup {
        config,
        exchange,
        commands: Vec::new(),
        problems: Vec::new(),
    };
    if system_event.is_none() {
        setup.system_event(event_code::START_OF_MESSAGES);
    }
    let assets = setup.assets();
    setup.instruments(&assets);
    setup.fee_schedules();
    setup.accounts(&assets);
    if matches!(system_event, None | Some(event_code::START_OF_MESSAGES)) {
        setup.system_event(event_code::START_OF_SYSTEM_HOURS);
    }
    // A day whose end has begun is ended by the schedule, and the next one opened.
    let is_ending = matches!(
        system_event,
        Some(event_code::END_OF_MARKET_HOURS | event_code::END_OF_SYSTEM_HOURS | event_code::END_OF_MESSAGES)
    );
    if config.day.is_none() && !is_ending {
        setup.open(system_event);
    }
    if setup.problems.is_empty() {
        Ok(setup.commands)
    } else {
        Err(ConfigError::Invalid(setup.problems))
    }
}

/// Sets up an exchange of its own, to see that the core takes everything the configuration says.
///
/// # Errors
/// What the core refuses: the configuration's checks and the core's disagree.
pub fn rehearse(config: &Config) -> Result<(), ConfigError> {
    let limits = Limits {
        orders: ORDERS.least as u32,
        levels: LEVELS.least as u32,
        ..config.capacities.limits
    };
    let mut exchange = Exchange::new(limits);
    let mut problems = Vec::new();
    for (sequence, command) in (1..).zip(commands(config, &exchange)?) {
        let mut events = Vec::new();
        let progress = exchange.apply(&Command { sequence, ..command }, &mut events);
        assert!(progress == Progress::Done, "a command of the setup has one step");
        for event in events {
            if event.kind() == EventKind::OperationRefused {
                problems.push(Problem {
                    file: config.file.clone(),
                    line: 0,
                    key: format!("setup command {sequence}"),
                    what: format!(
                        "the exchange refuses {:?} (refusal {})",
                        CommandKind::from_byte(command.kind),
                        event.detail
                    ),
                    remedy: "this is a mistake in `exchange check`: report it with the configuration"
                        .to_owned(),
                });
            }
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(ConfigError::Invalid(problems))
    }
}

/// What the remedies have in common.
const EMPTY_DIRECTORY: &str = "or start with an empty data directory (--data)";

struct Setup<'a> {
    config: &'a Config,
    exchange: &'a Exchange,
    commands: Vec<Command>,
    problems: Vec<Problem>,
}

impl Setup<'_> {
    fn system_event(&mut self, code: u8) {
        self.commands
            .push(Command::new(CommandKind::SystemEvent).with_state(code));
    }

    /// Instruments that trade around the clock are opened: new ones, those that a day which is configured no more has left
    /// before its opening or in an auction, and those that are closed since the roll.
    fn open(&mut self, system_event: Option<u8>) {
        let known = self.exchange.instrument_count();
        let has_opened = system_event == Some(event_code::START_OF_MARKET_HOURS);
        let in_state = |locate: u16, state| {
            let instrument = self.exchange.instrument(locate);
            instrument.is_some_and(|instrument| instrument.state == state)
        };
        let is_shut = |locate: u16| !has_opened && in_state(locate, State::Closed);
        // What is closed while the market is open was closed by somebody. So none may be when that begins, wherever this is
        // cut off.
        let shut = (1..=known)
            .filter(|locate| is_shut(*locate))
            .map(|locate| Command {
                instrument: locate,
                ..Command::new(CommandKind::SetState).with_auction(State::PreOpen as u8, cross_type::OPENING)
            });
        self.commands.extend(shut);
        if !has_opened {
            self.commands
                .push(Command::new(CommandKind::SystemEvent).with_state(event_code::START_OF_MARKET_HOURS));
        }
        let added = self
            .commands
            .iter()
            .filter(|command| command.kind == CommandKind::AddInstrument as u8)
            .count();
        let new = (known + 1..).take(added);
        let waiting = (1..=known).filter(|locate| {
            is_shut(*locate) || in_state(*locate, State::PreOpen) || in_state(*locate, State::Auction)
        });
        let commands: Vec<_> = waiting
            .chain(new)
            .map(|locate| Command {
                instrument: locate,
                ..Command::new(CommandKind::SetState).with_state(State::Trading as u8)
            })
            .collect();
        self.commands.extend(commands);
    }

    fn refuse(&mut self, line: usize, key: String, what: String, remedy: &str) {
        self.problems.push(Problem {
            file: self.config.file.clone(),
            line,
            key,
            what,
            remedy: format!("{remedy}, {EMPTY_DIRECTORY}"),
        });
    }

    /// A value of the journal that the file says otherwise.
    fn changed(&mut self, line: usize, key: String, was: &str, is: &str) {
        self.refuse(
            line,
            key,
            format!("is {is}, but was {was} when the journal began, and can not be changed"),
            &format!("write {was} again"),
        );
    }

    /// Something of the journal that the file leaves out.
    fn missing(&mut self, section: &str, name: &str) {
        self.refuse(
            0,
            format!("{section}.{name}"),
            "is in the journal, but not in the configuration; it can not be taken away".to_owned(),
            &format!("add the [[{section}]] entry again"),
        );
    }

    /// Index of each configured asset.
    fn assets(&mut self) -> HashMap<Symbol, u16> {
        let mut indices = HashMap::new();
        for index in 0..self.exchange.asset_count() {
            let Some(asset) = self.exchange.asset(index).copied() else {
                continue;
            };
            let name = Symbol(asset.name);
            match self.config.asset(name).copied() {
                None if self.config.remembered.has_asset(name.as_str()) => {}
                None => self.missing("assets", name.as_str()),
                Some(configured) if configured.decimals != asset.decimals => self.changed(
                    configured.line,
                    format!("assets.{name}.decimals"),
                    &asset.decimals.to_string(),
                    &configured.decimals.to_string(),
                ),
                Some(_) => {}
            }
            indices.insert(name, u16::try_from(index).expect("asset capacities have 16 bits"));
        }
        for asset in &self.config.assets {
            let next = u16::try_from(indices.len()).expect("asset capacities have 16 bits");
            indices.entry(asset.name).or_insert_with(|| {
                let definition = AssetDefinition {
                    name: asset.name.0,
                    decimals: asset.decimals,
                    spare: [0; 95],
                };
                self.commands
                    .push(Command::new(CommandKind::AddAsset).with_definition(&definition));
                next
            });
        }
        indices
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::command::{InstrumentDefinition, whole};
    use crate::exchange::event::{Event, EventKind};
    use crate::exchange::{Exchange, Progress};

    /// Applies commands as the sequencer would; gives their events.
    fn apply(exchange: &mut Exchange, commands: &[Command]) -> Vec<Event> {
        let mut events = Vec::new();
        for command in commands {
            let command = Command {
                sequence: exchange.sequence() + 1,
                time: exchange.now() + 1,
                ..*command
            };
            assert_eq!(exchange.apply(&command, &mut events), Progress::Done);
        }
        events
    }

    fn say(exchange: &mut Exchange, code: u8) {
        apply(
            exchange,
            &[Command::new(CommandKind::SystemEvent).with_state(code)],
        );
    }

    fn small() -> Config {
        let mut config = Config::built_in();
        config.capacities.limits.orders = 64;
        config.capacities.limits.levels = 64;
        config
    }

    fn empty(config: &Config) -> Exchange {
        Exchange::new(config.capacities.limits)
    }

    #[test]
    fn the_first_day_starts_as_the_protocol_says() {
        let config = small();
        let mut exchange = empty(&config);
        let commands = commands(&config, &exchange).expect("nothing is refused");
        let events = apply(&mut exchange, &commands);
        let feed: String = events
            .iter()
            .filter_map(|event| match event.kind() {
                EventKind::SystemEvent => Some(char::from(event.code)),
                EventKind::InstrumentListed => Some('R'),
                EventKind::TradingAction => Some('H'),
                EventKind::OperationRefused => Some('!'),
                _ => None,
            })
            .collect();
        assert_eq!(feed, "ORHRHRHRHSQHHHH");
        assert_eq!(exchange.session_count(), 12);
        for (index, account) in config.accounts.iter().enumerate() {
            for deposit in &account.deposits {
                let asset = (0..exchange.asset_count())
                    .find(|asset| {
                        exchange
                            .asset(*asset)
                            .is_some_and(|known| known.name == deposit.asset.0)
                    })
                    .expect("it was added");
                assert_eq!(exchange.balance(index as u32, asset).available, deposit.amount);
            }
        }
        for locate in 1..=exchange.instrument_count() {
            assert!(
                exchange
                    .instrument(locate)
                    .is_some_and(|known| known.state == State::Trading)
            );
        }
    }

    #[test]
    fn a_second_start_has_nothing_to_do() {
        let config = small();
        let mut exchange = empty(&config);
        let first = commands(&config, &exchange).expect("nothing is refused");
        apply(&mut exchange, &first);
        assert_eq!(commands(&config, &exchange).expect("nothing is refused"), []);
    }

    #[test]
    fn a_start_cut_off_anywhere_is_taken_up() {
        let config = small();
        let mut whole_day = empty(&config);
        let all = commands(&config, &whole_day).expect("nothing is refused");
        apply(&mut whole_day, &all);
        for cut in 0..all.len() {
            let mut exchange = empty(&config);
            apply(&mut exchange, &all[..cut]);
            let rest = commands(&config, &exchange).expect("nothing is refused");
            assert_eq!(rest, all[cut..], "cut at {cut}");
        }
    }

    #[test]
    fn what_is_new_is_added() {
        let config = small();
        let mut exchange = empty(&config);
        let first = commands(&config, &exchange).expect("nothing is refused");
        apply(&mut exchange, &first);

        let mut more = config.clone();
        let mut dogecoin = more.assets[1];
        dogecoin.name = Symbol::new("DOGE").expect("short");
        more.assets.insert(0, dogecoin);
        let mut instrument = more.instruments[0];
        instrument.symbol = Symbol::new("DOGE-USD").expect("short");
        instrument.base = dogecoin.name;
        more.instruments.push(instrument);
        let mut account = more.accounts[0].clone();
        account.name = *b"C               ";
        account.sessions[0].username = *b"C     ";
        account.deposits.truncate(1);
        more.accounts.insert(0, account);
        let mut session = more.accounts[1].sessions[0].clone();
        session.username = *b"A2    ";
        more.accounts[1].sessions.push(session);

        let commands = commands(&more, &exchange).expect("nothing is refused");
        let kinds: Vec<_> = commands
            .iter()
            .map(|command| CommandKind::from_byte(command.kind))
            .collect();
        assert_eq!(
            kinds,
            [
                CommandKind::AddAsset,
                CommandKind::AddInstrument,
                CommandKind::AddAccount,
                CommandKind::Deposit,
                CommandKind::AddSession,
                CommandKind::AddSession,
                CommandKind::SetState,
            ]
            .map(Some)
        );
        let definition: InstrumentDefinition = commands[1].definition();
        assert_eq!((definition.base, definition.quote), (5, 0));
        assert_eq!(commands[3].transfer().account, 12);
        assert_eq!(
            whole(commands[3].transfer().amount),
            more.accounts[0].deposits[0].amount
        );
        assert_eq!(commands[6].instrument, 5);
        let events = apply(&mut exchange, &commands);
        assert!(
            events
                .iter()
                .all(|event| event.kind() != EventKind::OperationRefused)
        );
    }

    #[test]
    fn what_can_not_change_is_refused_with_what_it_was() {
        let config = small();
        let mut exchange = empty(&config);
        let first = commands(&config, &exchange).expect("nothing is refused");
        apply(&mut exchange, &first);
        let check = |change: &dyn Fn(&mut Config), words: [&str; 3]| {
            let mut changed = config.clone();
            change(&mut changed);
            let error = commands(&changed, &exchange)
                .expect_err("it is refused")
                .to_string();
            assert_eq!(error.matches("remedy").count(), 1, "{error}");
            for word in words {
                assert!(error.contains(word), "{error}");
            }
        };
        check(
            &|config| config.instruments[0].tick_size = 1,
            [
                "instruments.BTC-USD.tick_size",
                "was \"0.01\"",
                "write \"0.01\" again",
            ],
        );
        check(
            &|config| config.assets[0].decimals = 9,
            ["assets.USD.decimals", "was 8", "empty data directory"],
        );
        check(
            &|config| config.accounts[1].sessions.clear(),
            ["accounts.sessions", "\"B\"", "can not be taken away"],
        );
        check(
            &|config| {
                config.instruments.remove(2);
            },
            [
                "instruments.SOL-USD",
                "not in the configuration",
                "[[instruments]]",
            ],
        );
        check(
            &|config| config.instruments.swap(2, 3),
            ["instruments.KSHIBUSD", "place 3", "stock locate is 4"],
        );
        check(
            &|config| config.instruments[1].price_max -= 100,
            ["instruments.ETH-USD.max_price", "was \"199999.99\"", "write"],
        );
    }

    #[test]
    fn what_changed_becomes_commands() {
        let config = small();
        let mut exchange = empty(&config);
        let first = commands(&config, &exchange).expect("nothing is refused");
        apply(&mut exchange, &first);

        let mut changed = config.clone();
        changed.instruments[1].taker_fee_ppm = 1_000;
        changed.instruments[1].collar_ppm = 70_000;
        changed.accounts[2].open_orders_max = 7;
        changed.accounts[2].firm = *b"NEW ";
        let some = commands(&changed, &exchange).expect("nothing is refused");
        let kinds: Vec<_> = some
            .iter()
            .map(|command| CommandKind::from_byte(command.kind))
            .collect();
        assert_eq!(
            kinds,
            [CommandKind::ChangeInstrument, CommandKind::ChangeAccount].map(Some)
        );
        assert_eq!(apply(&mut exchange, &some), []);
        let known = exchange.instrument(2).expect("it is there").definition;
        assert_eq!((known.taker_fee_ppm, known.collar_ppm), (1_000, 70_000));
        let known = exchange.account(2).expect("it is there").definition;
        assert_eq!(known, changed.accounts[2].definition());
        // Done once, there is nothing more to do.
        assert_eq!(commands(&changed, &exchange).expect("nothing is refused"), []);
    }

    #[test]
    fn protection_is_set_and_changed() {
        let mut config = small();
        config.instruments[0].volatility_ppm = 50_000;
        config.instruments[0].pause_seconds = 60;
        let mut exchange = empty(&config);
        let first = commands(&config, &exchange).expect("nothing is refused");
        let at = first
            .iter()
            .position(|command| command.kind == CommandKind::SetProtection as u8)
            .expect("it is set");
        assert_eq!(first[at - 1].kind, CommandKind::AddInstrument as u8);
        assert_eq!(first[at].instrument, 1);
        let events = apply(&mut exchange, &first);
        assert!(
            events
                .iter()
                .all(|event| event.kind() != EventKind::OperationRefused)
        );
        assert_eq!(exchange.protection(1), (50_000, 60));

        for (ppm, seconds) in [(50_000, 30), (0, 0), (1_000, 1)] {
            config.instruments[0].volatility_ppm = ppm;
            config.instruments[0].pause_seconds = seconds;
            let some = commands(&config, &exchange).expect("nothing is refused");
            assert_eq!(some.len(), 1);
            apply(&mut exchange, &some);
            assert_eq!(exchange.protection(1), (ppm, seconds));
        }
        assert_eq!(commands(&config, &exchange).expect("nothing is refused"), []);
    }

    #[test]
    fn with_a_day_nothing_is_opened_and_without_one_what_it_left_is() {
        let mut config = small();
        let text = "pre_open = \"07:00\"\nopening_auction = \"08:00\"\nopen = \"09:00\"\n\
                    closing_auction = \"16:00\"\nclose = \"17:00\"\nroll = \"18:00\"\n";
        let with_day = Config::parse("x.toml", &format!("{}\n[day]\n{text}", crate::config::DEFAULT));
        config.day = with_day.expect("it is right").day;
        let mut exchange = empty(&config);
        let first = commands(&config, &exchange).expect("nothing is refused");
        apply(&mut exchange, &first);
        let last = first.last().expect("there are some");
        assert_eq!(
            (last.kind, last.state_change().value),
            (CommandKind::SystemEvent as u8, b'S')
        );
        for code in [b'S', b'Q', b'M', b'E', b'C'] {
            say(&mut exchange, code);
            let again = commands(&config, &exchange).expect("nothing is refused");
            assert_eq!(again, [], "after {}", char::from(code));
        }

        config.day = None;
        let opened = |exchange: &mut Exchange, code| {
            say(exchange, code);
            let commands = commands(&config, exchange).expect("nothing is refused");
            let event = commands
                .first()
                .is_some_and(|command| command.kind == CommandKind::SystemEvent as u8);
            (event, commands.len() - usize::from(event))
        };
        assert_eq!(opened(&mut exchange, b'S'), (true, 4));
        assert_eq!(
            opened(&mut exchange, b'Q'),
            (false, 4),
            "pre-open, cut off at the opening"
        );
        let close = Command::new(CommandKind::SetState).with_state(State::Closed as u8);
        apply(
            &mut exchange,
            &[Command {
                instrument: 2,
                ..close
            }],
        );
        assert_eq!(opened(&mut exchange, b'Q'), (false, 3), "closed by somebody");
        for code in [b'M', b'E', b'C'] {
            assert_eq!(opened(&mut exchange, code), (false, 0), "the day is ended first");
        }
        say(&mut exchange, b'S');
        let behind_roll = commands(&config, &exchange).expect("nothing is refused");
        let told: Vec<_> = behind_roll
            .iter()
            .map(|command| (command.instrument, char::from(command.state_change().value)))
            .collect();
        let opening = [(2, 'P'), (0, 'Q'), (1, 'T'), (2, 'T'), (3, 'T'), (4, 'T')];
        assert_eq!(told, opening, "closed since the roll");
    }

    #[test]
    fn fees_that_no_schedule_is_left_for_are_refused() {
        let mut config = small();
        config.capacities.limits.fee_schedules = 3;
        let mut exchange = empty(&config);
        let first = commands(&config, &exchange).expect("nothing is refused");
        apply(&mut exchange, &first);
        let used = exchange.fee_schedules().len() as i32;
        for taker in 1_000..1_003 - used {
            config.instruments[0].taker_fee_ppm = taker;
            let change = commands(&config, &exchange).expect("there is room");
            assert_eq!(apply(&mut exchange, &change), []);
        }
        config.instruments[0].taker_fee_ppm = 2_000;
        let error = commands(&config, &exchange)
            .expect_err("it is refused")
            .to_string();
        assert!(error.contains("instruments.BTC-USD.maker_fee"), "{error}");
        assert!(error.contains("that there was before"), "{error}");
    }
}
