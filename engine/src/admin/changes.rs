//! Changes: each a command with who asked for it, given when its names were found, told when it is durable.

use std::sync::MutexGuard;
use std::thread;
use std::time::{Duration, Instant};

use zerocopy::{FromZeros, IntoBytes};

use super::answer::{Answer, Done};
use super::desk::{Outcome, Unanswered};
use super::listing::{find_account, find_asset, find_session, state_text};
use super::office::Office;
use super::peer;
use super::questions::{account, instrument, said, session, unknown};
use super::request::{AccountLimits, Login, Request, StateName};
use super::utc::utc;
use super::words::{Names, refusal, words};
use crate::config::amount_of;
use crate::exchange::command::{
    ALL_ACCOUNTS, AccountChange, AccountDefinition, Command, CommandKind, SessionDefinition,
};
use crate::exchange::instrument::State;
use crate::password::Hash;
use crate::setup::{Changed, Remembered};
use protocol::market_data::values::event_code;
use protocol::units::text_field;

/// How long somebody waits for a snapshot to be on disk, or for the schedule, and how often is looked.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(20);
/// Most requests a second that can be counted in nanoseconds.
const RATE_MAX: u32 = 1_000_000_000;

/// What one request changes.
pub(super) struct Changes<'a> {
    pub(super) office: &'a Office,
    who: u32,
    remembered: MutexGuard<'a, Remembered>,
    done: Vec<Done>,
    /// The last command was refused: it changed nothing, for certain.
    is_refused: bool,
}

impl Office {
    /// Carries out a request of the user `who`.
    pub(super) fn change(&self, who: u32, request: Request) -> Answer {
        let mut changes = Changes {
            office: self,
            who,
            remembered: self.changing(),
            done: Vec::new(),
            is_refused: false,
        };
        let result = changes.carry_out(request);
        let done = changes.done;
        match result {
            Ok(text) => Answer {
                text,
                ..Answer::done(done)
            },
            Err(error) => Answer {
                done,
                ..Answer::refused(error)
            },
        }
    }
}

impl Changes<'_> {
    fn carry_out(&mut self, request: Request) -> Result<Option<String>, String> {
        let bell = &self.office.bell;
        match request {
            Request::Deposit {
                account,
                asset,
                amount,
            } => self.transfer(CommandKind::Deposit, &account, &asset, &amount),
            Request::Withdraw {
                account,
                asset,
                amount,
            } => self.transfer(CommandKind::Withdraw, &account, &asset, &amount),
            Request::AddAccount {
                account,
                limits,
                logins,
            } => self.add_account(&account, &limits, &logins),
            Request::AddSession { account: name, login } => {
                let owner = account(bell, &name)?;
                self.add_session(owner, &login)?;
                Ok(None)
            }
            Request::AddInstrument { definition } => self.add_instruments(&definition),
            Request::Fees {
                instrument,
                maker,
                taker,
            } => self.fees(&instrument, maker.as_deref(), taker.as_deref()),
            Request::AccountLimits { account, limits } => self.account_limits(&account, &limits),
            Request::InstrumentLimits { instrument, limits } => self.instrument_limits(&instrument, &limits),
            Request::State {
                instrument,
                state,
                cross,
            } => self.state(instrument.as_deref(), state, cross),
            Request::Kill { account: name, on } => {
                let index = match name {
                    Some(name) => account(bell, &name)?,
                    None => ALL_ACCOUNTS,
                };
                let command = Command::new(CommandKind::KillSwitch).with_kill_switch(index, on);
                self.give(command).map(canceled)
            }
            Request::Cancel {
                account,
                session,
                instrument,
            } => self.cancel(account.as_deref(), session.as_deref(), instrument.as_deref()),
            Request::Roll {} => self.roll(),
            Request::Snapshot {} => self.snapshot().map(Some),
            Request::Accounts {}
            | Request::Account { .. }
            | Request::Sessions {}
            | Request::Instruments {}
            | Request::Orders { .. }
            | Request::Position {}
            | Request::Stat {}
            | Request::Stop {} => Err("it changes nothing".to_owned()),
        }
    }

    /// Gives a command, and waits until it is durable and applied.
    pub(super) fn give(&mut self, command: Command) -> Result<Outcome, String> {
        self.is_refused = false;
        let bell = &self.office.bell;
        let what = bell
            .look(move |replica| words(&command, Names(replica.exchange())))
            .map_err(said)?;
        let outcome = bell
            .change(command.asked_by(self.who))
            .map_err(|unanswered: Unanswered| format!("{what}: {unanswered}"))?;
        let operated = outcome.operated;
        self.is_refused = operated.refusal != 0;
        if self.is_refused {
            return Err(format!(
                "{what}: refused (command {}): {}",
                operated.sequence,
                refusal(operated.refusal)
            ));
        }
        let midnight_ns = outcome.midnight_ns.unwrap_or(self.office.shown.first_day_ns);
        self.done.push(Done {
            command: operated.sequence,
            time: utc(midnight_ns + operated.time),
            who: peer::name(self.who),
            what,
        });
        Ok(outcome)
    }

    /// Remembers something beside the journal, before it is given.
    pub(super) fn remember(&mut self, change: impl FnOnce(&mut Remembered)) -> Result<(), String> {
        let mut remembered = self.remembered.clone();
        change(&mut remembered);
        if remembered == *self.remembered {
            return Ok(());
        }
        if let Some(directory) = &self.office.shown.directory {
            let failed = |error| format!("{}: can not be written to: {error}", directory.display());
            remembered.write(directory).map_err(failed)?;
        }
        *self.remembered = remembered;
        Ok(())
    }

    fn transfer(
        &mut self,
        kind: CommandKind,
        account: &str,
        asset: &str,
        amount: &str,
    ) -> Result<Option<String>, String> {
        let (wanted_account, wanted_asset) = (account.to_owned(), asset.to_owned());
        let found = self.office.bell.look(move |replica| {
            let exchange = replica.exchange();
            let asset = find_asset(exchange, &wanted_asset);
            let decimals = asset
                .and_then(|asset| exchange.asset(asset))
                .map(|asset| asset.decimals);
            (find_account(exchange, &wanted_account), asset.zip(decimals))
        });
        let (index, known) = found.map_err(said)?;
        let index = index.ok_or_else(|| unknown("account", account))?;
        let (asset, decimals) = known.ok_or_else(|| {
            format!("there is no asset {asset:?}; `exchange admin account NAME` lists them")
        })?;
        let units = amount_of(amount, decimals)?;
        if units == 0 {
            return Err("nothing is nothing to be moved".to_owned());
        }
        self.give(Command::new(kind).with_transfer(index, asset, units))?;
        Ok(None)
    }

    fn add_account(
        &mut self,
        name: &str,
        limits: &AccountLimits,
        logins: &[Login],
    ) -> Result<Option<String>, String> {
        let mut definition = AccountDefinition {
            name: field(name, "an account's name")?,
            firm: [b' '; 4],
            open_orders_max: u32::MAX,
            quantity_max: u32::MAX,
            self_match: b'W',
            ..AccountDefinition::new_zeroed()
        };
        limit(&mut definition, limits)?;
        for login in logins {
            self.check_login(login)?;
        }
        let wanted = name.to_owned();
        let found = self.office.bell.look(move |replica| {
            let exchange = replica.exchange();
            (find_account(exchange, &wanted), exchange.account_count())
        });
        let (known, next) = found.map_err(said)?;
        if known.is_some() {
            return Err(format!("there is an account {name:?} already"));
        }
        self.remember(|remembered| remembered.add_account(name))?;
        self.give(Command::new(CommandKind::AddAccount).with_definition(&definition))?;
        for login in logins {
            self.add_session(next, login)?;
        }
        Ok(None)
    }

    /// Name and hash of a login that nobody has.
    fn check_login(&self, login: &Login) -> Result<(String, [u8; 6], Hash), String> {
        let username = login.username.to_ascii_uppercase();
        let name = field(&username, "a login's name")?;
        let hash = Hash::read(&login.password_hash)?;
        let wanted = username.clone();
        let known = self
            .office
            .bell
            .look(move |replica| find_session(replica.exchange(), &wanted));
        match known.map_err(said)? {
            Some(_) => Err(format!("there is a session {username:?} already")),
            None => Ok((username, name, hash)),
        }
    }

    fn add_session(&mut self, account: u32, login: &Login) -> Result<(), String> {
        let (username, name, hash) = self.check_login(login)?;
        let index = self
            .office
            .bell
            .look(|replica| replica.exchange().session_count())
            .map_err(said)?;
        self.remember(|remembered| remembered.add_session(&username, &hash))?;
        let definition = SessionDefinition {
            username: name,
            account,
            ..SessionDefinition::new_zeroed()
        };
        let given = self.give(Command::new(CommandKind::AddSession).with_definition(&definition));
        if let Err(error) = given {
            // A session that there is not needs no password. What is not known yet may still be there later.
            if self.is_refused {
                self.remember(|remembered| {
                    remembered.sessions.remove(&username);
                })?;
            }
            return Err(error);
        }
        self.office
            .shown
            .credentials
            .add_hashed(&username, hash, index)
            .map_err(|error| error.to_string())
    }

    fn account_limits(&mut self, name: &str, limits: &AccountLimits) -> Result<Option<String>, String> {
        let index = account(&self.office.bell, name)?;
        let mut definition = super::questions::definition(&self.office.bell, index)?;
        let before = definition;
        limit(&mut definition, limits)?;
        if definition == before {
            return Ok(Some("it is so already".to_owned()));
        }
        let config = &self.office.shown.config;
        let mut accounts = config.accounts.iter();
        if let Some(configured) = accounts.find(|configured| configured.name == definition.name) {
            let configured = AccountChange::new(index, &configured.definition());
            self.remember(|remembered| remembered.change(Changed::Account(name), configured.as_bytes()))?;
        }
        let change = AccountChange::new(index, &definition);
        self.give(Command::new(CommandKind::ChangeAccount).with_definition(&change))?;
        Ok(None)
    }

    fn state(
        &mut self,
        symbol: Option<&str>,
        state: StateName,
        cross: Option<char>,
    ) -> Result<Option<String>, String> {
        let cross = match cross {
            None => 0,
            Some(cross @ ('O' | 'C' | 'H')) => cross as u8,
            Some(other) => {
                return Err(format!(
                    "{other:?} is no cross: O opening, C closing, H after a halt"
                ));
            }
        };
        let instruments = match symbol {
            Some(symbol) => vec![instrument(&self.office.bell, symbol)?],
            None => {
                let others = self
                    .standings()?
                    .into_iter()
                    .filter(|(_, is)| *is != state.state());
                others.map(|(locate, _)| locate).collect()
            }
        };
        if instruments.is_empty() {
            return Ok(Some(format!(
                "all of them are {} already",
                state_text(state.state())
            )));
        }
        for locate in instruments {
            self.set_state(locate, state.state(), cross)?;
        }
        Ok(None)
    }

    fn set_state(&mut self, locate: u16, state: State, cross: u8) -> Result<Outcome, String> {
        self.give(Command {
            instrument: locate,
            ..Command::new(CommandKind::SetState).with_auction(state as u8, cross)
        })
    }

    /// The state of each instrument.
    fn standings(&self) -> Result<Vec<(u16, State)>, String> {
        let standings = self.office.bell.look(|replica| {
            let exchange = replica.exchange();
            let all = (1..=exchange.instrument_count()).filter_map(|locate| {
                let instrument = exchange.instrument(locate)?;
                Some((locate, instrument.state))
            });
            all.collect()
        });
        standings.map_err(said)
    }

    fn cancel(
        &mut self,
        of_account: Option<&str>,
        of_session: Option<&str>,
        in_instrument: Option<&str>,
    ) -> Result<Option<String>, String> {
        let bell = &self.office.bell;
        let mut owner = of_account.map(|name| account(bell, name)).transpose()?;
        let named = of_session.map(|name| session(bell, name)).transpose()?;
        if let Some((_, account)) = named {
            if owner.is_some_and(|owner| owner != account) {
                return Err("the session is another account's".to_owned());
            }
            owner = Some(account);
        }
        let locate = in_instrument.map(|symbol| instrument(bell, symbol)).transpose()?;
        let owner = owner.ok_or("say whose orders: an account's, or a session's")?;
        let command = Command {
            instrument: locate.unwrap_or(0),
            ..Command::new(CommandKind::CancelOrders)
                .with_cancel_orders(owner, named.map(|(session, _)| session))
        };
        self.give(command).map(canceled)
    }

    /// Closes all instruments and says that the day has ended; half a minute later the engine's schedule rolls it.
    fn roll(&mut self) -> Result<Option<String>, String> {
        const ENDING: [u8; 3] = [
            event_code::END_OF_MARKET_HOURS,
            event_code::END_OF_SYSTEM_HOURS,
            event_code::END_OF_MESSAGES,
        ];
        let system_event = |changes: &Self| {
            let told = changes
                .office
                .bell
                .look(|replica| replica.exchange().last_system_event());
            told.map(|told| told.map_or(b' ', |told| told.code)).map_err(said)
        };
        if !ENDING.contains(&system_event(self)?) {
            self.close_all()?;
            let ends = Command::new(CommandKind::SystemEvent).with_state(event_code::END_OF_MARKET_HOURS);
            self.give(ends)?;
        }
        // The schedule goes on from there. With times of the day it would wait for the last of them.
        let began = Instant::now();
        while self.office.shown.config.day.is_some() {
            match system_event(self)? {
                event_code::END_OF_SYSTEM_HOURS => {
                    let ends = Command::new(CommandKind::SystemEvent).with_state(event_code::END_OF_MESSAGES);
                    self.give(ends)?;
                    break;
                }
                event_code::END_OF_MARKET_HOURS if began.elapsed() < PATIENCE => {
                    thread::sleep(LOOK);
                }
                _ => break,
            }
        }
        Ok(Some(
            "the day rolls half a minute after the end of messages; then connections close, and the next one begins".to_owned(),
        ))
    }

    fn close_all(&mut self) -> Result<(), String> {
        for (locate, state) in self.standings()? {
            if state != State::Closed {
                self.set_state(locate, State::Closed, 0)?;
            }
        }
        Ok(())
    }

    fn snapshot(&mut self) -> Result<String, String> {
        let none = "no snapshots are taken: the exchange keeps nothing";
        let counters = self.office.shown.snapshots.as_ref().ok_or(none)?;
        let lost = || counters.failed.get() + counters.no_room.get();
        let before = lost();
        let wanted = self.office.bell.snapshot().map_err(said)?.ok_or(none)?;
        let began = Instant::now();
        while counters.last.get() < wanted {
            if lost() > before {
                return Err("it could not be written: look at room and health of the disk".to_owned());
            }
            if began.elapsed() > PATIENCE {
                return Err(format!(
                    "the state after command {wanted} is not on disk yet; it may still be written"
                ));
            }
            thread::sleep(LOOK);
        }
        Ok(format!(
            "a snapshot of the state after command {} is on disk",
            counters.last.get()
        ))
    }
}

fn canceled(outcome: Outcome) -> Option<String> {
    Some(format!("{} orders were canceled", outcome.operated.canceled))
}

/// A padded name of visible characters.
pub(super) fn field<const N: usize>(name: &str, what: &str) -> Result<[u8; N], String> {
    let field = text_field::<N>(name)
        .filter(|_| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic()));
    field.ok_or_else(|| format!("{name:?} is not {what}: 1 to {N} visible ASCII characters"))
}

/// Changes what is to be changed.
fn limit(definition: &mut AccountDefinition, limits: &AccountLimits) -> Result<(), String> {
    if let Some(firm) = &limits.firm {
        definition.firm = field(firm, "a firm")?;
    }
    let least_one = |count: Option<u32>, what: &str| match count {
        Some(0) => Err(format!("{what} of 0 allows no order at all: use the kill switch")),
        count => Ok(count),
    };
    if let Some(count) = least_one(limits.max_open_orders, "max_open_orders")? {
        definition.open_orders_max = count;
    }
    if let Some(count) = least_one(limits.max_quantity, "max_quantity")? {
        definition.quantity_max = count;
    }
    if let Some(rate) = limits.max_rate {
        if rate > RATE_MAX {
            return Err(format!(
                "{rate} requests a second is no rate: the most is {RATE_MAX}"
            ));
        }
        definition.rate_per_second = rate;
    }
    if let Some(burst) = limits.max_burst {
        definition.rate_burst = burst;
    }
    if let Some(cancels) = limits.cancel_on_disconnect {
        definition.cancel_on_disconnect = cancels.into();
    }
    Ok(())
}
