//! Accounts: names, logins, what they own at first.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use protocol::authentication::{MacAlgorithm, MacSecret, Secret};
use protocol::units::{Symbol, text_field};
use toml::Spanned;

use super::{AMOUNT_MAX, amount, asset};
use crate::config::error::Problems;
use crate::config::number::decimal;
use crate::config::{
    Account, Asset, Authentication, Deposit, DropCopy, Network, PlainPasswords, Session, file,
};
use crate::password::{Hash, Password, Proof};

/// Most requests a second that can be counted in nanoseconds.
const RATE_MAX: u32 = 1_000_000_000;

pub(super) fn accounts(
    entries: &[Spanned<file::Account>],
    assets: &[Asset],
    usernames: &mut HashSet<[u8; 6]>,
    problems: &mut Problems<'_>,
) -> Vec<Account> {
    let mut names = HashSet::new();
    let mut totals: HashMap<Symbol, u128> = HashMap::new();
    let mut accounts = Vec::new();
    for entry in entries {
        let line = problems.line(entry.span().start);
        let entry = entry.get_ref();
        let Some(name) = text_of(&entry.name, "accounts.name", problems) else {
            continue;
        };
        let key = |part: &str| format!("accounts.{}.{part}", entry.name.get_ref());
        if !names.insert(name) {
            problems.add(
                entry.name.span(),
                key("name"),
                "the account is there twice",
                "take one of them out, or give it another name",
            );
        }
        let firm = match &entry.firm {
            Some(firm) => text_of(firm, &key("firm"), problems).unwrap_or([b' '; 4]),
            None => [b' '; 4],
        };
        let mut at_least_one = |count: &Option<Spanned<u32>>, name: &str| match count {
            Some(count) if *count.get_ref() == 0 => {
                problems.add(
                    count.span(),
                    key(name),
                    "0 allows no order at all",
                    "write 1 or more, or leave the key out",
                );
                0
            }
            Some(count) => *count.get_ref(),
            None => u32::MAX,
        };
        let open_orders_max = at_least_one(&entry.max_open_orders, "max_open_orders");
        let quantity_max = at_least_one(&entry.max_quantity, "max_quantity");
        // Above this an interval between two requests would be no nanosecond.
        let rate_per_second = entry.max_rate.as_ref().map_or(0, |rate| *rate.get_ref());
        if let Some(rate) = &entry.max_rate
            && !(1..=RATE_MAX).contains(rate.get_ref())
        {
            problems.add(
                rate.span(),
                key("max_rate"),
                format!("{} requests a second is no rate", rate.get_ref()),
                format!("write 1 to {RATE_MAX}, or leave the key out for no limit"),
            );
        }
        if let Some(burst) = &entry.max_burst
            && entry.max_rate.is_none()
        {
            problems.add(
                burst.span(),
                key("max_burst"),
                "there is no rate it could exceed",
                "add max_rate, or take max_burst out",
            );
        }
        accounts.push(Account {
            name,
            firm,
            sessions: sessions(&entry.sessions, &key, usernames, problems),
            deposits: deposits(entry, assets, &key, &mut totals, problems),
            open_orders_max,
            quantity_max,
            rate_per_second,
            rate_burst: entry.max_burst.as_ref().map_or(0, |burst| *burst.get_ref()),
            self_match: entry.self_match,
            cancel_on_disconnect: entry.cancel_on_disconnect,
            fee_reports: entry.fee_reports,
            permissions: entry.permissions,
            authentication: authentication(entry, &key, problems),
            line,
        });
    }
    accounts
}

/// A padded name of 1 to `N` visible characters.
fn text_of<const N: usize>(
    text: &Spanned<String>,
    key: &str,
    problems: &mut Problems<'_>,
) -> Option<[u8; N]> {
    let value = text.get_ref();
    let field = text_field::<N>(value).filter(|_| !value.is_empty() && !value.contains(' '));
    if field.is_none() {
        problems.add(
            text.span(),
            key,
            format!("{value:?} does not have 1 to {N} visible ASCII characters"),
            "shorten it, leave out spaces and letters with accents",
        );
    }
    field
}

/// How the account's datagrams prove themselves; on problems anything.
fn authentication(
    entry: &file::Account,
    key: &impl Fn(&str) -> String,
    problems: &mut Problems<'_>,
) -> Authentication {
    let chosen = entry.authentication.as_ref();
    let Some(chosen) = chosen.filter(|chosen| *chosen.get_ref() == file::Authentication::Mac) else {
        for (span, name) in [
            (entry.mac.as_ref().map(Spanned::span), "mac"),
            (entry.secret.as_ref().map(Spanned::span), "secret"),
            (entry.secret_file.as_ref().map(Spanned::span), "secret_file"),
        ] {
            if let Some(span) = span {
                problems.add(
                    span,
                    key(name),
                    "it is of no use to authentication = \"token\"",
                    "write authentication = \"mac\", or take the key out",
                );
            }
        }
        return Authentication::Token;
    };
    let secret = match (&entry.secret, &entry.secret_file) {
        (Some(text), None) => {
            let secret = Secret::from_hex(&text.get_ref().0);
            if secret.is_none() {
                // What it is instead is not repeated.
                problems.add(
                    text.span(),
                    key("secret"),
                    "the secret does not have 64 hexadecimal digits",
                    "write what `openssl rand -hex 32` prints, or name a file with secret_file",
                );
            }
            secret
        }
        (None, Some(file)) => {
            let path = Path::new(file.get_ref());
            let secret = Secret::read(path);
            if let Err(error) = &secret {
                problems.add(
                    file.span(),
                    key("secret_file"),
                    format!("{}: {error}", path.display()),
                    error.remedy(path),
                );
            }
            secret.ok()
        }
        (Some(_), Some(file)) => {
            problems.add(
                file.span(),
                key("secret_file"),
                "the account has a secret already",
                "take secret or secret_file out",
            );
            None
        }
        (None, None) => {
            problems.add(
                chosen.span(),
                key("authentication"),
                "\"mac\" needs a secret",
                "add secret_file = \"FILE\", made with `(umask 077; openssl rand -hex 32 > FILE)`",
            );
            None
        }
    };
    let algorithm = match entry.mac.as_ref().map(Spanned::get_ref) {
        None | Some(file::Mac::Aes128Gmac) => MacAlgorithm::Aes128Gmac,
        Some(file::Mac::SipHash24) => MacAlgorithm::SipHash24,
    };
    secret.map_or(Authentication::Token, |secret| {
        Authentication::Mac(MacSecret { algorithm, secret })
    })
}

fn sessions(
    entries: &[Spanned<file::Session>],
    key: &impl Fn(&str) -> String,
    usernames: &mut HashSet<[u8; 6]>,
    problems: &mut Problems<'_>,
) -> Vec<Session> {
    let mut sessions = Vec::new();
    for entry in entries {
        let entry = entry.get_ref();
        let username = text_of::<6>(&entry.username, &key("sessions.username"), problems);
        let words = Words {
            password: &entry.password,
            hash: &entry.password_hash,
            username: &entry.username,
        };
        let proof = proof(&words, |part| key(&format!("sessions.{part}")), problems);
        let (Some(username), Some(proof)) = (username, proof) else {
            continue;
        };
        // Logins are compared case-insensitively.
        let username = username.map(|letter| letter.to_ascii_uppercase());
        if !usernames.insert(username) {
            problems.add(
                entry.username.span(),
                key("sessions.username"),
                format!(
                    "{:?} logs in to another session too (case does not count)",
                    entry.username.get_ref()
                ),
                "give each session a username of its own",
            );
        }
        sessions.push(Session { username, proof });
    }
    sessions
}

/// The words of the file that say how a login proves itself.
struct Words<'a> {
    username: &'a Spanned<String>,
    password: &'a Option<Spanned<file::SecretText>>,
    hash: &'a Option<Spanned<String>>,
}

pub(super) fn drop_copies(
    entries: &[Spanned<file::DropCopy>],
    usernames: &mut HashSet<[u8; 6]>,
    problems: &mut Problems<'_>,
) -> Vec<DropCopy> {
    let mut copies = Vec::new();
    for entry in entries {
        let line = problems.line(entry.span().start);
        let entry = entry.get_ref();
        let Some(username) = text_of::<6>(&entry.username, "drop_copy.username", problems) else {
            continue;
        };
        let key = |part: &str| format!("drop_copy.{}.{part}", entry.username.get_ref());
        let words = Words {
            username: &entry.username,
            password: &entry.password,
            hash: &entry.password_hash,
        };
        let firm = text_of::<4>(&entry.firm, &key("firm"), problems);
        let (Some(firm), Some(proof)) = (firm, proof(&words, key, problems)) else {
            continue;
        };
        let username = username.map(|letter| letter.to_ascii_uppercase());
        if !usernames.insert(username) {
            problems.add(
                entry.username.span(),
                key("username"),
                "somebody else logs in by this name (case does not count)",
                "give each session and each drop copy a username of its own",
            );
        }
        copies.push(DropCopy {
            username,
            firm,
            proof,
            line,
        });
    }
    copies
}

/// What logins are compared with. Neither password nor hash is repeated in messages.
fn proof(words: &Words<'_>, key: impl Fn(&str) -> String, problems: &mut Problems<'_>) -> Option<Proof> {
    match (words.password, words.hash) {
        (Some(text), None) => {
            let password = Password::chosen(&text.get_ref().0);
            if password.is_none() {
                problems.add(
                    text.span(),
                    key("password"),
                    "the password does not have 1 to 10 visible ASCII characters",
                    "a SoupBinTCP login has room for 10 characters without spaces",
                );
            }
            password.map(Proof::Plain)
        }
        (None, Some(text)) => {
            let hash = Hash::read(text.get_ref());
            if let Err(error) = &hash {
                problems.add(
                    text.span(),
                    key("password_hash"),
                    error,
                    "write what `exchange hash-password` prints",
                );
            }
            hash.ok().map(Proof::Hashed)
        }
        (Some(_), Some(hash)) => {
            problems.add(
                hash.span(),
                key("password_hash"),
                "it has a password as well",
                "take password out",
            );
            None
        }
        (None, None) => {
            problems.add(
                words.username.span(),
                key("password"),
                "it has neither password nor password_hash",
                "add password_hash = what `exchange hash-password` prints",
            );
            None
        }
    }
}

/// Passwords as they are belong to an exchange that nobody reaches from elsewhere, unless the operator says otherwise.
pub(super) fn plain_passwords(
    entries: &[Spanned<file::Account>],
    copies: &[Spanned<file::DropCopy>],
    network: &Network,
    problems: &mut Problems<'_>,
) {
    let Some(door) = network.open_door() else {
        return;
    };
    if network.plain_passwords == PlainPasswords::Anywhere {
        return;
    }
    let plain = entries.iter().flat_map(|entry| {
        let account = entry.get_ref();
        let passwords = account.sessions.iter().map(|session| &session.get_ref().password);
        passwords.flatten().map(|password| {
            let key = format!("accounts.{}.sessions.password", account.name.get_ref());
            (key, password.span())
        })
    });
    let copied = copies.iter().filter_map(|copy| {
        let copy = copy.get_ref();
        let key = format!("drop_copy.{}.password", copy.username.get_ref());
        copy.password.as_ref().map(|password| (key, password.span()))
    });
    // One is enough: the others are told by the same remedy.
    if let Some((key, span)) = plain.chain(copied).next() {
        problems.add(
            span,
            key,
            format!("a plain password, though {door} is not on loopback"),
            "write password_hash = what `exchange hash-password` prints, for each session; or say in [network] \
             plain_passwords = \"anywhere\"",
        );
    }
}

fn deposits(
    entry: &file::Account,
    assets: &[Asset],
    key: &impl Fn(&str) -> String,
    totals: &mut HashMap<Symbol, u128>,
    problems: &mut Problems<'_>,
) -> Vec<Deposit> {
    let mut deposits = Vec::new();
    for (name, number) in &entry.deposits {
        let key = key(&format!("deposits.{name}"));
        let Some(asset) = asset(name, number.span(), &key, assets, problems) else {
            continue;
        };
        let Some(units) = amount(number, asset, &key, problems) else {
            continue;
        };
        // Neither summand is above 2^100, so that the sum fits.
        let total = totals.entry(asset.name).or_default();
        *total += units;
        if *total > AMOUNT_MAX {
            *total = AMOUNT_MAX;
            problems.add(
                number.span(),
                &key,
                format!("all deposits of {name} together are more than can be counted"),
                format!("deposit at most {} in all", decimal(AMOUNT_MAX, asset.decimals)),
            );
            continue;
        }
        deposits.push(Deposit {
            asset: asset.name,
            amount: units,
        });
    }
    deposits
}
