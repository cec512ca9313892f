//! Changes: each a command with who asked for it, given when its names were found, told when it is durable.

use std::sync::MutexGuard;
use std::thread;
use std::time::{Duration, Instant};

use super::answer::{Answer, Done};
use super::desk::{Outcome, Unanswered};
use super::listing::{find_account, find_asset};
use super::office::Office;
use super::peer;
use super::questions::{account, instrument, said, session, unknown};
use super::request::Request;
use super::utc::utc;
use super::words::{Names, refusal, words};
use crate::config::amount_of;
use crate::exchange::command::{ALL_ACCOUNTS, Command, CommandKind};
use crate::setup::Remembered;

/// How long somebody waits for a snapshot to be on disk, or for the schedule, and how often is looked.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
pub(super) const LOOK: Duration = Duration::from_millis(20);

/// What one request changes.
pub(super) struct Changes<'a> {
    pub(super) office: &'a Office,
    who: u32,
    remembered: MutexGuard<'a, Remembered>,
    done: Vec<Done>,
    /// The last command was refused: it changed nothing, for certain.
    pub(super) is_refused: bool,
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
            Request::Password { login } => self.change_password(&login),
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
            | Request::DropCopies {}
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
