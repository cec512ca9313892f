//! A changed configuration, while the exchange runs: who may log in and the level of the log are taken over at once,
//! everything else at the next start.
//!
//! All of it or nothing: what the file says is checked whole before the first login changes.

use crate::config::{Account, Asset, Config, DropCopy, Instrument};
use crate::password::{Password, Proof};
use crate::recovery::credentials::Credentials;

/// What a running exchange needs to take over another configuration.
#[derive(Debug)]
pub(super) struct Reloadable {
    /// The file as it was understood last.
    loaded: Config,
    credentials: Credentials,
}

impl Reloadable {
    pub(super) fn new(loaded: &Config, credentials: Credentials) -> Self {
        Self {
            loaded: loaded.clone(),
            credentials,
        }
    }

    /// Takes over from `new` what can be; says what was done and what waits for a restart, a line each. The level of the log
    /// is the caller's to change.
    ///
    /// # Errors
    /// Why nothing was done.
    pub(super) fn reload(&mut self, new: &Config) -> Result<Vec<String>, String> {
        let old = &self.loaded;
        let is_old = |copy: &DropCopy| {
            old.drop_copies
                .iter()
                .any(|known| known.username == copy.username)
        };
        let (kept, added): (Vec<_>, Vec<_>) = new.drop_copies.iter().partition(|copy| is_old(copy));
        for copy in &added {
            let name = text(&copy.username);
            if self.credentials.has(name) {
                return Err(format!(
                    "{}:{}: drop_copy.{name}.username: it is the login name of a session\n    remedy: give the drop copy \
                     another username",
                    new.file, copy.line
                ));
            }
        }
        let mut passwords = 0;
        let sessions = new.accounts.iter().flat_map(|account| &account.sessions);
        for session in sessions {
            let name = text(&session.username);
            // One that is new waits for a restart.
            let is_changed = self
                .credentials
                .configured(name)
                .is_some_and(|was| was != session.proof);
            if is_changed && self.credentials.reconfigure(name, session.proof.clone()) {
                passwords += 1;
            }
        }
        let is_left = |copy: &&DropCopy| !new.drop_copies.iter().any(|left| left.username == copy.username);
        let gone: Vec<_> = old.drop_copies.iter().filter(is_left).collect();
        for copy in &gone {
            self.credentials.remove(text(&copy.username));
        }
        let changed: Vec<_> = kept
            .into_iter()
            .filter(|copy| !old.drop_copies.contains(copy))
            .collect();
        for copy in &changed {
            self.credentials.remove(text(&copy.username));
        }
        for copy in changed.iter().chain(&added) {
            let proof = copy.proof.clone();
            self.credentials
                .add_drop_copy(text(&copy.username), proof, copy.firm)
                .map_err(|error| error.to_string())?;
        }
        let mut lines = vec![format!(
            "reload: {}: {passwords} passwords are new; drop copies: {} more, {} changed, {} gone",
            new.file,
            added.len(),
            changed.len(),
            gone.len()
        )];
        if old.log != new.log {
            lines[0] += &format!("; log level {}, was {}", new.log.level, old.log.level);
        }
        let waiting = differences(old, new);
        if !waiting.is_empty() {
            lines.push(format!("reload: restart needed for {}", waiting.join(", ")));
        }
        // What waits is compared with the file of the start until then.
        self.loaded.drop_copies.clone_from(&new.drop_copies);
        self.loaded.log = new.log;
        Ok(lines)
    }
}

/// Keys and sections that say something else than before, but for who may log in.
fn differences(old: &Config, new: &Config) -> Vec<String> {
    let mut found = Vec::new();
    if assets(&old.assets) != assets(&new.assets) {
        found.push("assets".to_owned());
    }
    let plain = |instrument: &Instrument| Instrument {
        line: 0,
        ..*instrument
    };
    let name = |instrument: &Instrument| format!("instruments.{}", instrument.symbol);
    compare(&mut found, &old.instruments, &new.instruments, plain, name);
    let name = |account: &Account| format!("accounts.{}", account.name());
    compare(&mut found, &old.accounts, &new.accounts, but_passwords, name);
    for (section, is_equal) in [
        ("day", old.day == new.day),
        ("network", old.network == new.network),
        ("tls", old.tls == new.tls),
        ("capacities", old.capacities == new.capacities),
        ("journal", old.journal == new.journal),
        ("threads", old.threads == new.threads),
        ("operating", old.operating == new.operating),
    ] {
        if !is_equal {
            found.push(section.to_owned());
        }
    }
    found
}

fn assets(assets: &[Asset]) -> Vec<Asset> {
    let plain = |asset: &Asset| Asset { line: 0, ..*asset };
    assets.iter().map(plain).collect()
}

/// Names what is of one list only, or not the same in both.
fn compare<T, P: PartialEq>(
    found: &mut Vec<String>,
    old: &[T],
    new: &[T],
    plain: impl Fn(&T) -> P,
    name: impl Fn(&T) -> String,
) {
    let has = |list: &[T], one: &T| {
        let mut named = list.iter().filter(|other| name(other) == name(one));
        named.any(|other| plain(other) == plain(one))
    };
    let gone = old.iter().filter(|one| !has(new, one));
    let come = new.iter().filter(|one| !has(old, one));
    for one in gone.chain(come) {
        let name = name(one);
        if !found.contains(&name) {
            found.push(name);
        }
    }
}

/// The account, as if all its sessions had one password.
fn but_passwords(account: &Account) -> Account {
    let mut account = Account {
        line: 0,
        ..account.clone()
    };
    for session in &mut account.sessions {
        session.proof = Proof::Plain(Password::nobodys());
    }
    account
}

fn text(field: &[u8]) -> &str {
    std::str::from_utf8(field).unwrap_or("?").trim()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::DEFAULT;
    use crate::recovery::credentials::Checked;

    const COPY: &str = "[[drop_copy]]\nusername = \"COPY\"\nfirm = \"DEMO\"\npassword = \"demo\"\n";

    fn config(text: &str) -> Config {
        Config::parse("x.toml", text).expect("it is right")
    }

    /// The built-in configuration, running.
    fn running() -> Reloadable {
        let config = config(DEFAULT);
        let credentials = Credentials::default();
        let sessions = config.accounts.iter().flat_map(|account| &account.sessions);
        for (index, session) in (0..).zip(sessions) {
            let added = credentials.configure(text(&session.username), session.proof.clone(), index);
            added.expect("names are unique");
        }
        Reloadable::new(&config, credentials)
    }

    #[test]
    fn passwords_and_drop_copies_are_taken_over() {
        let mut running = running();
        let credentials = running.credentials.clone();
        let first = DEFAULT.replacen("password = \"demo\"", "password = \"other\"", 1);
        let lines = running
            .reload(&config(&(first.clone() + COPY)))
            .expect("it is right");
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains("1 passwords are new; drop copies: 1 more, 0 changed, 0 gone"));
        assert_eq!(credentials.check(b"A", b"demo"), Checked::Wrong);
        assert_eq!(credentials.check(b"A", b"other"), Checked::Session(0));
        assert_eq!(credentials.check(b"COPY", b"demo"), Checked::DropCopy(*b"DEMO"));
        let changed = COPY.replace("DEMO", "RTLA");
        running
            .reload(&config(&(first.clone() + &changed)))
            .expect("it is right");
        assert_eq!(credentials.check(b"COPY", b"demo"), Checked::DropCopy(*b"RTLA"));
        let lines = running.reload(&config(&first)).expect("it is right");
        assert!(lines[0].contains("0 passwords are new; drop copies: 0 more, 0 changed, 1 gone"));
        assert_eq!(credentials.check(b"COPY", b"demo"), Checked::Wrong);
    }

    #[test]
    fn another_level_of_the_log_is_told_once_and_needs_no_restart() {
        let mut running = running();
        let text = DEFAULT.replacen("level = \"info\"", "level = \"error\"", 1);
        let lines = running.reload(&config(&text)).expect("it is right");
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].ends_with("; log level error, was info"), "{lines:?}");
        let lines = running.reload(&config(&text)).expect("it is right");
        assert!(lines[0].ends_with(" gone"), "{lines:?}");
    }

    #[test]
    fn what_an_operator_changed_stays_until_the_file_says_something_new() {
        let mut running = running();
        let credentials = running.credentials.clone();
        let proof = |text: &[u8]| Proof::Plain(Password::new(text));
        assert!(credentials.change("A", proof(b"changed")));
        running.reload(&config(DEFAULT)).expect("it is right");
        assert_eq!(credentials.check(b"A", b"changed"), Checked::Session(0));
        let first = DEFAULT.replacen("password = \"demo\"", "password = \"other\"", 1);
        running.reload(&config(&first)).expect("it is right");
        assert_eq!(credentials.check(b"A", b"other"), Checked::Session(0));
        assert_eq!(credentials.configured("A"), Some(proof(b"other")));
    }

    #[test]
    fn what_waits_for_a_restart_is_named_each_time() {
        let mut running = running();
        let text = DEFAULT
            .replacen("collar = \"10%\"", "collar = \"9%\"", 1)
            .replacen("firm = \"MMKA\"", "firm = \"MMKX\"", 1)
            .replacen("store = \"256 MiB\"", "store = \"128 MiB\"", 1);
        for _ in 0..2 {
            let lines = running.reload(&config(&text)).expect("it is right");
            let expected = "reload: restart needed for instruments.BTC-USD, accounts.MAKER1, capacities";
            assert_eq!(lines[1], expected);
        }
        // Comments and order of lines are nothing new.
        let lines = running
            .reload(&config(&format!("# new\n{DEFAULT}")))
            .expect("it is right");
        assert_eq!(lines.len(), 1, "{lines:?}");
    }

    #[test]
    fn a_drop_copy_that_can_not_be_changes_nothing() {
        let mut running = running();
        let credentials = running.credentials.clone();
        // Added by an operator: no file knows it.
        let hash = Password::new(b"x").hash().expect("there is memory");
        credentials.add_hashed("COPY", hash, 99).expect("valid");
        let text = DEFAULT.replacen("password = \"demo\"", "password = \"other\"", 1) + COPY;
        let error = running.reload(&config(&text)).expect_err("the name is taken");
        assert!(
            error.contains("drop_copy.COPY.username") && error.contains("remedy"),
            "{error}"
        );
        assert_eq!(credentials.check(b"A", b"demo"), Checked::Session(0));
    }
}
