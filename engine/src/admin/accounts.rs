//! Accounts and sessions: new ones, their limits.

use zerocopy::{FromZeros, IntoBytes};

use super::changes::Changes;
use super::listing::{find_account, find_session};
use super::questions::{self, account, said, session};
use super::request::{AccountLimits, Login};
use crate::exchange::command::{AccountChange, AccountDefinition, Command, CommandKind, SessionDefinition};
use crate::password::{Hash, Proof};
use crate::setup::Changed;
use protocol::units::text_field;

/// Most requests a second that can be counted in nanoseconds.
const RATE_MAX: u32 = 1_000_000_000;

impl Changes<'_> {
    pub(super) fn add_account(
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
        let known = self
            .office
            .bell
            .look(move |replica| find_account(replica.exchange(), &wanted));
        if known.map_err(said)?.is_some() {
            return Err(format!("there is an account {name:?} already"));
        }
        self.remember(|remembered| remembered.add_account(name))?;
        self.give(Command::new(CommandKind::AddAccount).with_definition(&definition))?;
        let index = account(&self.office.bell, name)?;
        for login in logins {
            self.add_session(index, login)?;
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
        let is_taken = self.office.shown.credentials.has(&username);
        match known.map_err(said)? {
            Some(_) => Err(format!("there is a session {username:?} already")),
            None if is_taken => Err(format!("{username:?} is the login name of a drop copy")),
            None => Ok((username, name, hash)),
        }
    }

    pub(super) fn add_session(&mut self, account: u32, login: &Login) -> Result<(), String> {
        let (username, name, hash) = self.check_login(login)?;
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
        let (index, _) = session(&self.office.bell, &username)?;
        self.office
            .shown
            .credentials
            .add_hashed(&username, hash, index)
            .map_err(|error| error.to_string())
    }

    /// The command comes first: whoever could change a password without its being journaled would do so without a name.
    pub(super) fn change_password(&mut self, login: &Login) -> Result<Option<String>, String> {
        let username = login.username.to_ascii_uppercase();
        let hash = Hash::read(&login.password_hash)?;
        let (index, _) = session(&self.office.bell, &username)?;
        let credentials = &self.office.shown.credentials;
        let instead_of = match credentials.configured(&username) {
            None => None,
            Some(Proof::Plain(password)) => Some(password.hash()?),
            Some(Proof::Hashed(hash)) => Some(hash),
        };
        self.give(Command::new(CommandKind::ChangePassword).with_password_change(index))?;
        self.remember(|remembered| remembered.change_password(&username, &hash, instead_of.as_ref()))
            .map_err(|error| format!("the password before still holds: {error}"))?;
        credentials.change(&username, Proof::Hashed(hash));
        Ok(Some("it holds from the next login on".to_owned()))
    }

    pub(super) fn account_limits(
        &mut self,
        name: &str,
        limits: &AccountLimits,
    ) -> Result<Option<String>, String> {
        let index = account(&self.office.bell, name)?;
        let mut definition = questions::definition(&self.office.bell, index)?;
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
    if let Some(permissions) = limits.permissions {
        definition.permissions = permissions.permissions() as u8;
    }
    Ok(())
}
