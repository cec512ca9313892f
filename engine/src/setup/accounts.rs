//! Accounts, their first deposits, their sessions.

use std::collections::HashMap;

use protocol::units::Symbol;
use zerocopy::IntoBytes;

use super::{Changed, Setup};
use crate::config::Account;
use crate::exchange::command::{AccountChange, Command, CommandKind, SessionDefinition};

impl Setup<'_> {
    pub(super) fn accounts(&mut self, assets: &HashMap<Symbol, u16>) {
        for index in 0..self.exchange.account_count() {
            let Some(account) = self.exchange.account(index) else {
                continue;
            };
            let name = account.definition.name;
            if !self
                .config
                .accounts
                .iter()
                .any(|configured| configured.name == name)
                && !self.config.remembered.has_account(text(&name).trim())
            {
                self.missing("accounts", text(&name).trim());
            }
        }
        let mut next = self.exchange.account_count();
        let config = self.config;
        for account in &config.accounts {
            match self.account_index(account.name) {
                Some(index) => {
                    self.change_account(index, account);
                    if !self.has_sessions(index) {
                        self.deposits(index, account, assets);
                    }
                    self.sessions(index, account);
                }
                None => {
                    self.commands
                        .push(Command::new(CommandKind::AddAccount).with_definition(&account.definition()));
                    self.deposits(next, account, assets);
                    self.sessions(next, account);
                    next += 1;
                }
            }
        }
        self.sessions_left_out();
        self.drop_copies();
    }

    fn account_index(&self, name: [u8; 16]) -> Option<u32> {
        (0..self.exchange.account_count()).find(|index| {
            self.exchange
                .account(*index)
                .is_some_and(|account| account.definition.name == name)
        })
    }

    fn known_sessions(&self) -> impl Iterator<Item = ([u8; 6], u32)> {
        (0..self.exchange.session_count())
            .filter_map(|index| self.exchange.session(index))
            .map(|session| (session.username, session.account))
    }

    fn has_sessions(&self, account: u32) -> bool {
        self.known_sessions().any(|(_, owner)| owner == account)
    }

    /// Everything but the name can change, for what comes after the change.
    fn change_account(&mut self, index: u32, configured: &Account) {
        let Some(known) = self.exchange.account(index) else {
            return;
        };
        let change = AccountChange::new(index, &configured.definition());
        let remembered = &self.config.remembered;
        let is_changed = remembered.is_changed(Changed::Account(configured.name()), change.as_bytes());
        if change != AccountChange::new(index, &known.definition) && !is_changed {
            self.commands
                .push(Command::new(CommandKind::ChangeAccount).with_definition(&change));
        }
    }

    /// What the account lacks of its first deposits.
    fn deposits(&mut self, index: u32, account: &Account, assets: &HashMap<Symbol, u16>) {
        for deposit in &account.deposits {
            let asset = u32::from(assets[&deposit.asset]);
            let there = self.exchange.balance(index, asset).total();
            let amount = deposit.amount.saturating_sub(there);
            if amount > 0 {
                let deposit = Command::new(CommandKind::Deposit).with_transfer(index, asset, amount);
                self.commands.push(deposit);
            }
        }
    }

    fn sessions(&mut self, index: u32, account: &Account) {
        for session in &account.sessions {
            let known = self
                .known_sessions()
                .find(|(username, _)| *username == session.username);
            match known {
                Some((_, owner)) if owner == index => {}
                Some(_) => self.refuse(
                    account.line,
                    format!("accounts.{}.sessions", account.name()),
                    format!(
                        "{:?} is a session of another account in the journal",
                        String::from_utf8_lossy(&session.username).trim()
                    ),
                    "give the session another username",
                ),
                None => {
                    let definition = SessionDefinition {
                        username: session.username,
                        spare: [0; 2],
                        account: index,
                        spare_two: [0; 92],
                    };
                    self.commands
                        .push(Command::new(CommandKind::AddSession).with_definition(&definition));
                }
            }
        }
    }

    /// The file's own names are compared already; a session that operators added may have one too.
    fn drop_copies(&mut self) {
        let config = self.config;
        for copy in &config.drop_copies {
            if self
                .known_sessions()
                .any(|(username, _)| username == copy.username)
            {
                self.refuse(
                    copy.line,
                    format!("drop_copy.{}.username", text(&copy.username).trim()),
                    "it is the login name of a session".to_owned(),
                    "give the drop copy another username",
                );
            }
        }
    }

    fn sessions_left_out(&mut self) {
        let configured: Vec<_> = self
            .config
            .accounts
            .iter()
            .flat_map(|account| &account.sessions)
            .map(|session| session.username)
            .collect();
        let left_out: Vec<_> = self
            .known_sessions()
            .map(|(username, _)| username)
            .filter(|username| !configured.contains(username))
            .filter(|username| self.config.remembered.hash(text(username).trim()).is_none())
            .collect();
        for username in left_out {
            self.refuse(
                0,
                "accounts.sessions".to_owned(),
                format!(
                    "session {:?} is in the journal, but not in the configuration; it can not be taken away",
                    String::from_utf8_lossy(&username).trim()
                ),
                "add it to its account again; a new password locks its user out",
            );
        }
    }
}

fn text(field: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(field)
}
