//! The configuration: one TOML file in, typed and checked values out. Nothing else reads it; stages get what is theirs.
//!
//! Decimals exist here only: what comes out are counts of ticks, lots and smallest units.

mod check;
mod describe;
mod environment;
mod error;
mod file;
mod hash;
mod number;
mod subnet;
mod types;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use protocol::units::{Price, Symbol};
use zeroize::Zeroizing;

use crate::password::Proof;
use crate::setup::Remembered;
pub use describe::Description;
pub use environment::{Environment, Origin};
pub use error::{ConfigError, Problem};
pub use subnet::{Subnet, SubnetError};
pub use types::{
    Account, AccountPermissions, Asset, Authentication, Capacities, Day, Deposit, DropCopy, Durability,
    IdleChoice, Instrument, Journal, LayoutChoice, Log, LogLevel, Network, Operating, PlainPasswords,
    ReceiveChoice, Retransmission, SelfMatch, Session, Threads, Tls,
};

/// The built-in configuration, as a file that explains itself.
pub const DEFAULT: &str = include_str!("default.toml");

/// What the built-in configuration is called in messages.
const DEFAULT_NAME: &str = "built-in configuration";

/// A checked configuration: names are unique, references lead somewhere, amounts are exact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where it came from, for messages.
    pub file: String,
    /// Assets, in the order of the file.
    pub assets: Vec<Asset>,
    /// Instruments, in the order of the file.
    pub instruments: Vec<Instrument>,
    /// Accounts with their sessions, in the order of the file.
    pub accounts: Vec<Account>,
    /// Logins that read a firm's streams.
    pub drop_copies: Vec<DropCopy>,
    /// The times of the day; `None`: instruments trade around the clock.
    pub day: Option<Day>,
    /// Doors.
    pub network: Network,
    /// Who the TCP doors are, for TLS; `None`: they are plain.
    pub tls: Option<Tls>,
    /// Room.
    pub capacities: Capacities,
    /// Disk.
    pub journal: Journal,
    /// Cores.
    pub threads: Threads,
    /// Who operates it.
    pub operating: Operating,
    /// What is logged.
    pub log: Log,
    /// What operators added and changed while the exchange ran. Not of the file: a start reads it in the data directory.
    pub remembered: Remembered,
}

impl Config {
    /// The built-in configuration.
    pub fn built_in() -> Self {
        // A test reads it too, so that this can not fail in a build that was tested.
        Self::parse(DEFAULT_NAME, DEFAULT).unwrap_or_else(|error| unreachable!("{error}"))
    }

    /// The times of the day for people, or what happens when there are none.
    pub fn day_sentence(&self) -> String {
        self.day.map_or_else(
            || {
                "around the clock. At 71 hours (23:00 UTC, every second date) it ends and rolls: orders for the day are \
                 canceled, nothing trades for half a minute. Times in [day] say otherwise"
                    .to_owned()
            },
            |day| day.to_string(),
        )
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When it can not be read, or says something that can not be.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        Ok(Self::read_with(Some(path), &Environment::default())?.0)
    }

    /// Reads a file (`None`: the built-in configuration), and what the environment says instead. Gives the text too, which is
    /// wiped when it goes.
    ///
    /// # Errors
    /// When the file can not be read, or one of them says something that can not be.
    pub fn read_with(
        path: Option<&Path>,
        environment: &Environment,
    ) -> Result<(Self, Zeroizing<String>), ConfigError> {
        let (file, text) = match path {
            None => (DEFAULT_NAME.to_owned(), Zeroizing::new(DEFAULT.to_owned())),
            Some(path) => {
                let file = path.display().to_string();
                match text_of(path) {
                    Ok(text) => (file, text),
                    Err(source) => return Err(ConfigError::Unreadable { file, source }),
                }
            }
        };
        Ok((Self::parse_with(&file, &text, environment)?, text))
    }

    /// Reads `text`; `file` is its name in messages.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(file: &str, text: &str) -> Result<Self, ConfigError> {
        Self::parse_with(file, text, &Environment::default())
    }

    /// [`Self::parse`], and what the environment says instead.
    ///
    /// # Errors
    /// Everything that is wrong with one of them.
    pub fn parse_with(file: &str, text: &str, environment: &Environment) -> Result<Self, ConfigError> {
        check::check(file, text, environment)
    }

    /// Names what the journal's contents depend on: instruments, accounts, deposits and the limits of the exchange.
    /// Passwords, secrets, doors, files and cores may change without changing it. The same on every machine.
    pub fn configuration_hash(&self) -> u64 {
        hash::configuration(self)
    }

    /// What turned out wrong after it was checked: a file that it names has changed.
    #[cfg(feature = "tls")]
    pub(crate) fn problem(&self, key: &str, what: String, remedy: String) -> ConfigError {
        ConfigError::Invalid(vec![Problem {
            file: self.file.clone(),
            line: 0,
            key: key.to_owned(),
            what,
            remedy,
        }])
    }

    /// Logins whose passwords stand in the file as they are.
    pub fn plain_passwords(&self) -> usize {
        let sessions = self.accounts.iter().flat_map(|account| &account.sessions);
        let copies = self.drop_copies.iter().map(|copy| &copy.proof);
        let proofs = sessions.map(|session| &session.proof).chain(copies);
        proofs.filter(|proof| matches!(proof, Proof::Plain(_))).count()
    }

    /// The asset of that name.
    pub fn asset(&self, name: Symbol) -> Option<&Asset> {
        self.assets.iter().find(|asset| asset.name == name)
    }
}

/// A file's text, which may have passwords in it: it is wiped when it goes.
fn text_of(path: &Path) -> io::Result<Zeroizing<String>> {
    let mut file = File::open(path)?;
    // Room for all of it from the start, and for the byte that shows its end: text that grows leaves copies behind.
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(0);
    let mut text = Zeroizing::new(String::new());
    text.try_reserve_exact(length.saturating_add(1))?;
    file.read_to_string(&mut text)?;
    Ok(text)
}

/// Units with `decimals` decimals as people write them, without zeros at the end.
pub fn amount_text(units: u128, decimals: u8) -> String {
    number::decimal(units, decimals)
}

/// A decimal number in units with `decimals` decimals.
///
/// # Errors
/// It is no number, negative, or no whole number of units.
pub fn amount_of(text: &str, decimals: u8) -> Result<u128, String> {
    let number: number::Number = text.parse()?;
    number
        .units(decimals)
        .ok_or_else(|| format!("{text:?} is not an amount with at most {decimals} decimals"))
}

/// A percentage in parts per million.
///
/// # Errors
/// It is none, or has more than 4 decimals.
pub fn rate_of(text: &str) -> Result<i64, String> {
    text.parse().map(|number::PartsPerMillion(rate)| rate)
}

/// Parts per million as a percentage.
pub fn rate_text(parts_per_million: i64) -> String {
    number::percentage(parts_per_million)
}

/// Highest price an instrument may have unless its configuration says more: below NASDAQ's market threshold.
fn price_max_default(tick_size: u32) -> u32 {
    let highest = (Price::MARKET_THRESHOLD.0 - 1) as u32;
    highest - highest % tick_size
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password::Password;
    use protocol::authentication::{MacAlgorithm, Secret};

    /// The problems of the built-in configuration after one change.
    fn problems(from: &str, to: &str) -> Vec<Problem> {
        assert!(
            DEFAULT.contains(from),
            "{from:?} is not in the built-in configuration"
        );
        match Config::parse("x.toml", &DEFAULT.replacen(from, to, 1)) {
            Ok(_) => Vec::new(),
            Err(ConfigError::Invalid(problems)) => problems,
            Err(error) => panic!("{error}"),
        }
    }

    /// One change, one problem: at the changed line, with this key and these words.
    #[track_caller]
    fn check(from: &str, to: &str, key: &str, words: &str) {
        let found = problems(from, to);
        let line = 1 + DEFAULT[..DEFAULT.find(from).expect("it is there")]
            .matches('\n')
            .count();
        let [problem] = &found[..] else {
            panic!("{from:?} -> {to:?}: {found:?}");
        };
        assert_eq!(
            (problem.line, problem.key.as_str(), problem.file.as_str()),
            (line, key, "x.toml"),
            "{problem}"
        );
        assert!(problem.to_string().contains(words), "{problem}");
        assert!(!problem.remedy.is_empty());
    }

    #[test]
    fn the_built_in_configuration_is_valid_and_has_what_the_demo_needs() {
        let config = Config::built_in();
        assert!(config.instruments.len() >= 4 && config.accounts.len() >= 8);
        for account in &config.accounts {
            assert_eq!(account.deposits.len(), config.assets.len(), "{}", account.name());
            assert_eq!(account.sessions.len(), 1);
        }
    }

    #[test]
    fn a_key_left_out_has_the_value_of_the_built_in_configuration() {
        let built_in = Config::built_in();
        let end = DEFAULT.find("[network]").expect("there is one");
        let config = Config::parse("x.toml", &DEFAULT[..end]).expect("sections may be left out");
        assert_eq!(config.network, built_in.network);
        assert_eq!(config.tls, built_in.tls);
        assert_eq!(config.capacities, built_in.capacities);
        assert_eq!(config.journal, built_in.journal);
        assert_eq!(config.threads, built_in.threads);
        assert_eq!(config.operating, built_in.operating);
        assert_eq!(config.log, built_in.log);
    }

    #[test]
    fn amounts_are_smallest_units() {
        let config = Config::built_in();
        let bitcoin = &config.instruments[0];
        assert_eq!(
            (bitcoin.tick_size, bitcoin.lot_size, bitcoin.price_unit),
            (100, 10_000, 100_000_000)
        );
        assert_eq!(
            (bitcoin.collar_ppm, bitcoin.maker_fee_ppm, bitcoin.taker_fee_ppm),
            (100_000, -50, 200)
        );
        assert_eq!(
            (bitcoin.reference_price, bitcoin.price_max),
            (600_000_000, 4_000_000_000)
        );
        assert_eq!(bitcoin.notional_max, 100_000_000 * 100_000_000);
        let shiba = &config.instruments[3];
        assert_eq!(
            (shiba.tick_size, shiba.lot_size, shiba.price_unit),
            (1, 100_000_000_000, 100_000_000_000)
        );
        assert_eq!(config.instruments[1].price_max, 1_999_999_900);
        assert_eq!(config.accounts[0].deposits[0].amount, 20 * 100_000_000);
    }

    #[test]
    fn what_the_file_gets_wrong_is_named_with_its_line() {
        let network = "order_entry_udp = \"127.0.0.1:26400\"";
        check(
            "durability = \"sync\"",
            "durabilty = \"sync\"",
            "durabilty",
            "unknown field `durabilty`",
        );
        check(
            "\"sync\"   ",
            "\"fsync\"   ",
            "durability",
            "expected one of `sync`, `async`, `none`",
        );
        check(
            "\"0.01\"\nlot_size = \"0.0001\"",
            "0.01\nlot_size = \"0.0001\"",
            "tick_size",
            "as text",
        );
        check(
            network,
            "order_entry_udp = \"localhost\"",
            "network.order_entry_udp",
            "port",
        );
        check(
            "\"239.192.0.1:26477\"",
            "\"10.0.0.1:26477\"",
            "network.line_a",
            "multicast",
        );
        check(
            "\"239.192.0.2:26477\"",
            "\"239.192.0.1:26477\"",
            "network.line_b",
            "same address",
        );
        check(
            "\"127.0.0.1:26478\"",
            "\"127.0.0.1:26400\"",
            "network.recovery_tcp",
            "own",
        );
        check(
            "\"127.0.0.1:26479\"",
            "\"127.0.0.1:26478\"",
            "network.snapshot_tcp",
            "own",
        );
        check(
            "retransmission_udp = \"127.0.0.1:26478\"",
            "retransmission_udp = \"127.0.0.1:26400\"",
            "network.retransmission_udp",
            "own",
        );
        check(
            "[\"127.0.0.0/8\"]",
            "[\"10.1.0.0/8\"]",
            "network.retransmission_networks",
            "behind the first 8",
        );
        check(
            "[\"127.0.0.0/8\"]",
            "[\"10.0.0.0/8\", \"all\"]",
            "network.retransmission_networks",
            "10.1.0.0/16",
        );
        check(
            "retransmission_bytes = \"1 MiB\"",
            "retransmission_bytes = \"1 KiB\"",
            "network.retransmission_bytes",
            "65536",
        );
        check("orders = 262144", "orders = 1", "capacities.orders", "16");
        check(
            "instruments = 64",
            "instruments = 3",
            "capacities.instruments",
            "4 or more",
        );
        check(
            "fee_schedules = 1024",
            "fee_schedules = 1",
            "capacities.fee_schedules",
            "each change of fees needs one",
        );
        check(
            "\"64 MiB\"\nbatch",
            "5000001\nbatch",
            "journal.segment_size",
            "4 KiB",
        );
        check("cores = []", "cores = [0, 0]", "threads.cores", "of its own");
    }

    #[test]
    fn what_the_instruments_get_wrong_is_named_with_its_line() {
        let key = |name: &str| format!("instruments.BTC-USD.{name}");
        check("\"BTC-USD\"", "\"BTC-USD-X\"", "instruments.symbol", "8 visible");
        check("\"ETH-USD\"", "\"BTC-USD\"", "instruments.BTC-USD", "twice");
        check(
            "base = \"BTC\"",
            "base = \"BCT\"",
            &key("base"),
            "no asset \"BCT\"",
        );
        check("quote = \"USD\"", "quote = \"BTC\"", &key("quote"), "itself");
        check(
            "tick_size = \"0.01\"",
            "tick_size = \"0.00001\"",
            &key("tick_size"),
            "0.0001",
        );
        check(
            "lot_size = \"0.0001\"",
            "lot_size = \"0.000000001\"",
            &key("lot_size"),
            "8 decimals",
        );
        check(
            "lot_size = \"0.0001\"",
            "lot_size = \"0.0003\"",
            &key("price_unit"),
            "multiple of lot_size",
        );
        check(
            "reference_price = \"60000\"",
            "reference_price = \"0.005\"",
            &key("reference_price"),
            "tick",
        );
        check(
            "max_price = \"400000\"",
            "max_price = \"429496.73\"",
            &key("max_price"),
            "429496.7294",
        );
        check(
            "reference_price = \"60000\"",
            "reference_price = \"400001\"",
            &key("reference_price"),
            "above",
        );
        check(
            "max_quantity = 10000000 ",
            "max_quantity = 0 ",
            &key("max_quantity"),
            "1 or more",
        );
        check("\"10%\"   ", "\"0%\"   ", &key("collar"), "0%");
        check(
            "\"-0.005%\"   ",
            "\"-0.03%\"   ",
            &key("maker_fee"),
            "write -0.02% or more",
        );
        check("\"0.02%\"", "\"-1%\"", &key("taker_fee"), "0% or more");
    }

    #[test]
    fn a_fill_that_is_no_whole_number_of_quote_units_is_refused() {
        let from = "decimals = 8\n\n[[assets]]\nname = \"BTC\"";
        let to = "decimals = 5\n\n[[assets]]\nname = \"BTC\"";
        let keys: Vec<_> = problems(from, to)
            .into_iter()
            .map(|problem| problem.key)
            .collect();
        assert_eq!(keys, ["instruments.BTC-USD.tick_size"]);
    }

    #[test]
    fn protection_is_a_rate_and_a_time() {
        let from = "collar = \"10%\"   ";
        let with = |keys: &str| format!("{keys}\n{from}");
        let key = |name: &str| format!("instruments.BTC-USD.{name}");
        check(
            from,
            &with("volatility = \"0%\""),
            &key("volatility"),
            "more than 0%",
        );
        check(
            from,
            &with("volatility = \"101%\""),
            &key("volatility"),
            "at most 100%",
        );
        check(from, &with("pause = \"1 min\""), &key("pause"), "add volatility");
        check(
            from,
            &with("pause = \"24 h\" \nvolatility = \"5%\""),
            &key("pause"),
            "86399",
        );
        for (keys, ppm, seconds) in [
            ("volatility = \"5%\"", 50_000, 120),
            ("volatility = \"0.5%\"\npause = 30", 5_000, 30),
            ("", 0, 0),
        ] {
            let text = DEFAULT.replacen(from, &with(keys), 1);
            let config = Config::parse("x.toml", &text).expect("it is right");
            let instrument = &config.instruments[0];
            assert_eq!(
                (instrument.volatility_ppm, instrument.pause_seconds),
                (ppm, seconds)
            );
        }
    }

    #[test]
    fn a_day_is_a_round_of_times() {
        const TIMES: &str = "[day]\npre_open = \"07:00\"\nopening_auction = \"07:50\"\nopen = \"08:00\"\n\
                             closing_auction = \"16:25\"\nclose = \"16:35\"\nroll = \"17:00\"\n";
        assert_eq!(Config::built_in().day, None);
        let parse = |day: &str| Config::parse("x.toml", &format!("{DEFAULT}\n{day}"));
        let day = parse(TIMES).expect("it is right").day.expect("it is there");
        assert_eq!((day.pre_open, day.close), (7 * 3600, 16 * 3600 + 35 * 60));
        // It may pass midnight, wherever.
        let late = TIMES
            .replace("07:00", "22:00")
            .replace("07:50", "23:00")
            .replace("\"08:00", "\"00:00");
        assert!(parse(&late).is_ok());
        for (from, to, words) in [
            ("08:00", "07:50", ["day.open", "not later than opening_auction"]),
            ("16:25", "07:59", ["day.closing_auction", "within 24 hours"]),
            ("17:00", "07:00", ["day.roll", "not later than close"]),
            ("17:00", "25:00", ["roll", "like \"09:30\""]),
            ("open = \"08:00\"\n", "", ["day", "missing field `open`"]),
            ("roll", "end", ["end", "unknown field `end`"]),
        ] {
            let error = parse(&TIMES.replacen(from, to, 1))
                .expect_err("it is wrong")
                .to_string();
            assert!(words.iter().all(|word| error.contains(word)), "{error}");
            assert!(error.contains("remedy"), "{error}");
        }
    }

    #[test]
    fn what_the_accounts_get_wrong_is_named_with_its_line() {
        check("name = \"B\"", "name = \"A\"", "accounts.A.name", "twice");
        check(
            "username = \"B\"",
            "username = \"a\"",
            "accounts.B.sessions.username",
            "another session",
        );
        check(
            "username = \"B\"",
            "username = \"BERNARD\"",
            "accounts.B.sessions.username",
            "1 to 6",
        );
        check(
            "firm = \"MMKA\"",
            "firm = \"MAKER\"",
            "accounts.MAKER1.firm",
            "1 to 4",
        );
        check(
            "SHIB = \"1000000000\"",
            "DOGE = \"1\"",
            "accounts.A.deposits.DOGE",
            "no asset",
        );
        check(
            "SHIB = \"1000000000\"",
            "SHIB = \"-1\"",
            "accounts.A.deposits.SHIB",
            "above 0",
        );
        let secret = problems("password = \"demo\"", "password = \"much too long\"");
        assert!(
            !format!("{secret:?}").contains("much"),
            "passwords are not repeated"
        );
    }

    #[test]
    fn a_session_has_a_password_or_its_hash() {
        let hash = Password::new(b"demo").hash().expect("there is memory");
        let hashed = format!("password_hash = \"{}\"", hash.text());
        let key = "accounts.A.sessions.password";
        let plain = "password = \"demo\"";
        let config = Config::parse("x.toml", &DEFAULT.replacen(plain, &hashed, 1)).expect("it is right");
        assert_eq!(config.accounts[0].sessions[0].proof, Proof::Hashed(hash));
        assert_eq!(config.plain_passwords(), config.accounts.len() - 1);
        check(
            plain,
            &format!("{plain}, {hashed}"),
            &format!("{key}_hash"),
            "as well",
        );
        check(&format!(", {plain}"), "", key, "neither");
        let cut = hashed.replace("$v=19", "");
        let found = problems(plain, &cut.replace("m=19456", "m=999999"));
        assert_eq!((found.len(), &*found[0].key), (1, &*format!("{key}_hash")));
        assert!(found[0].remedy.contains("exchange hash-password"), "{found:?}");
        assert!(!format!("{found:?}").contains("$argon2id"), "it is not repeated");
    }

    #[test]
    fn a_drop_copy_has_a_name_of_its_own_and_a_firm() {
        let with = |copy: &str| {
            let text = format!("{DEFAULT}\n[[drop_copy]]\n{copy}\n");
            match Config::parse("x.toml", &text) {
                Ok(config) => Ok(config),
                Err(ConfigError::Invalid(problems)) => Err(problems),
                Err(error) => panic!("{error}"),
            }
        };
        let whole = "username = \"copy\"\nfirm = \"DEMO\"\npassword = \"demo\"";
        let config = with(whole).expect("it is right");
        let copy = &config.drop_copies[0];
        assert_eq!((&copy.username, &copy.firm), (b"COPY  ", b"DEMO"));
        assert_eq!(config.plain_passwords(), config.accounts.len() + 1);
        assert_eq!(
            config.configuration_hash(),
            Config::built_in().configuration_hash()
        );
        for (from, to, key) in [
            ("\"copy\"", "\"a\"", "drop_copy.a.username"),
            ("\"copy\"", "\"copycopy\"", "drop_copy.username"),
            ("\"DEMO\"", "\"\"", "drop_copy.copy.firm"),
            ("password = \"demo\"", "", "drop_copy.copy.password"),
            (
                "password = \"demo\"",
                "password_hash = \"demo\"",
                "drop_copy.copy.password_hash",
            ),
        ] {
            let found = with(&whole.replace(from, to)).expect_err(key);
            assert_eq!((found.len(), &*found[0].key), (1, key), "{found:?}");
        }
    }

    #[test]
    fn plain_passwords_are_for_loopback_unless_it_is_said() {
        let hash = Password::new(b"demo").hash().expect("there is memory");
        let hashed = format!("password_hash = \"{}\"", hash.text());
        // Who may read them on the way is another question.
        let sentence = "plain_tcp = \"i-accept-that-passwords-travel-in-the-clear\"";
        let plain = DEFAULT.replacen("plain_tcp = \"on-loopback\"", sentence, 1);
        for door in ["127.0.0.1:26400\"\nline_a", "127.0.0.1:26478", "127.0.0.1:26479"] {
            let open = plain.replacen(door, &door.replace("127.0.0.1", "0.0.0.0"), 1);
            let Err(ConfigError::Invalid(found)) = Config::parse("x.toml", &open) else {
                panic!("{door} lets strangers in");
            };
            let [problem] = &found[..] else {
                panic!("{found:?}");
            };
            assert_eq!(problem.key, "accounts.A.sessions.password");
            assert!(problem.to_string().contains("network."), "{problem}");
            assert!(problem.remedy.contains("exchange hash-password"), "{problem}");
            let said = open.replacen("\"on-loopback\"", "\"anywhere\"", 1);
            assert!(Config::parse("x.toml", &said).is_ok());
            let hashes = open.replace("password = \"demo\"", &hashed);
            assert!(Config::parse("x.toml", &hashes).is_ok());
        }
    }

    #[test]
    fn a_tag_needs_a_secret_and_a_token_needs_none() {
        let key = |name: &str| format!("accounts.TRADE4.{name}");
        let of = |keys: &str| problems("fee_reports = true", keys);
        let secret = "0123456789abcdef".repeat(4);
        let mac = "authentication = \"mac\"";
        assert_eq!(of(&format!("{mac}\nsecret = \"{secret}\"")), []);
        assert_eq!(of("authentication = \"token\""), []);
        let missing = "/nowhere/secret";
        for (keys, name, words) in [
            (mac.to_owned(), "authentication", "needs a secret"),
            (format!("{mac}\nsecret = \"{}\"", &secret[1..]), "secret", "64"),
            (
                format!("{mac}\nsecret_file = \"{missing}\""),
                "secret_file",
                missing,
            ),
            (
                format!("{mac}\nsecret = \"{secret}\"\nsecret_file = \"x\""),
                "secret_file",
                "already",
            ),
            (format!("secret = \"{secret}\""), "secret", "token"),
            ("secret_file = \"x\"".to_owned(), "secret_file", "token"),
            ("mac = \"aes-128-gmac\"".to_owned(), "mac", "token"),
        ] {
            let found = of(&keys);
            let [problem] = &found[..] else {
                panic!("{keys}: {found:?}");
            };
            assert_eq!(problem.key, key(name));
            assert!(problem.to_string().contains(words), "{problem}");
            assert!(
                !problem.to_string().contains(&secret[1..]),
                "secrets are not repeated"
            );
        }
        assert_eq!(of("mac = \"hmac\"").len(), 1);
    }

    #[test]
    fn a_secret_comes_from_its_file_and_is_told_to_nobody() {
        let digits = "0123456789abcdef".repeat(4);
        let path = std::env::temp_dir().join(format!("config-secret-{}", std::process::id()));
        let with = |secret: &str| {
            let keys = format!("authentication = \"mac\"\nmac = \"siphash-2-4-128\"\n{secret}");
            Config::parse("x.toml", &DEFAULT.replacen("fee_reports = true", &keys, 1))
        };
        let by_file = format!("secret_file = \"{}\"", path.display());
        std::fs::write(&path, &digits).expect("the directory is there");
        let set = |mode| {
            let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
            std::fs::set_permissions(&path, permissions).expect("it is ours");
        };
        set(0o644);
        let error = with(&by_file).expect_err("everybody may read it").to_string();
        for words in ["accounts.TRADE4.secret_file", "mode 0644", "chmod 600"] {
            assert!(error.contains(words), "{error}");
        }
        set(0o600);
        let config = with(&by_file).expect("it is right");
        std::fs::remove_file(&path).expect("it is ours");
        let account = config.accounts.iter().find(|account| account.name() == "TRADE4");
        let Authentication::Mac(mac) = &account.expect("it is there").authentication else {
            panic!("its datagrams have tags");
        };
        assert_eq!(mac.algorithm, MacAlgorithm::SipHash24);
        assert_eq!(Some(&mac.secret), Secret::from_hex(&digits).as_ref());
        assert!(!format!("{config:?}").contains(&digits[..16]));
        // A new secret is no other configuration: the journal goes on.
        let other = with(&format!("secret = \"{}\"", "ab".repeat(32))).expect("it is right");
        let none = Config::parse("x.toml", &DEFAULT.replacen("fee_reports = true", "", 1));
        let hashes = [&config, &other, &none.expect("it is right")].map(Config::configuration_hash);
        assert_eq!(hashes, [hashes[0]; 3]);
    }

    #[test]
    fn a_door_that_others_reach_is_under_tls_or_the_operator_insists() {
        let sentence = "plain_tcp = \"i-accept-that-passwords-travel-in-the-clear\"";
        let anywhere = DEFAULT.replacen(
            "plain_passwords = \"on-loopback\"",
            "plain_passwords = \"anywhere\"",
            1,
        );
        for (from, to, key) in [
            (
                "order_entry_tcp = \"127.0.0.1:26400\"",
                "order_entry_tcp = \"10.0.0.1:26400\"",
                "network.order_entry_tcp",
            ),
            ("\"127.0.0.1:26478\"", "\"0.0.0.0:26478\"", "network.recovery_tcp"),
            (
                "\"127.0.0.1:26479\"",
                "\"192.0.2.1:26479\"",
                "network.snapshot_tcp",
            ),
        ] {
            let text = anywhere.replacen(from, to, 1);
            let Err(ConfigError::Invalid(found)) = Config::parse("x.toml", &text) else {
                panic!("{key} lets everybody read");
            };
            let [problem] = &found[..] else {
                panic!("{found:?}");
            };
            assert_eq!(problem.key, key);
            for words in ["reads the passwords", "[tls]", sentence] {
                assert!(problem.to_string().contains(words), "{problem}");
            }
            let insisted = text.replacen("plain_tcp = \"on-loopback\"", sentence, 1);
            assert!(Config::parse("x.toml", &insisted).is_ok());
        }
        let wrong = problems("plain_tcp = \"on-loopback\"", "plain_tcp = \"yes\"");
        assert_eq!(wrong.len(), 1, "{wrong:?}");
        assert!(wrong[0].to_string().contains("on-loopback"), "{wrong:?}");
    }

    #[cfg(feature = "tls")]
    #[test]
    fn certificate_and_key_are_read_when_the_file_is_checked() {
        let authority = tls::testing::Authority::new("ours");
        let (files, other) = (
            authority.identity(&["192.0.2.1"]),
            authority.identity(&["192.0.2.1"]),
        );
        let off = "certificate = \"off\"";
        let section = |certificate: &Path, key: &Path| {
            let (certificate, key) = (certificate.display(), key.display());
            format!("certificate = \"{certificate}\"\nkey = \"{key}\"")
        };
        let right = section(&files.certificate, &files.key);
        let text = DEFAULT
            .replacen(off, &right, 1)
            .replace("127.0.0.1:26400", "192.0.2.1:26400")
            .replacen(
                "plain_passwords = \"on-loopback\"",
                "plain_passwords = \"anywhere\"",
                1,
            );
        let config = Config::parse("x.toml", &text).expect("passwords are under TLS");
        assert_eq!(config.tls.map(|tls| tls.key), Some(files.key.clone()));
        for (keys, key, words) in [
            (
                section(&files.certificate, &other.key),
                "tls.key",
                "another certificate",
            ),
            (
                section(Path::new("/nowhere/x.pem"), &files.key),
                "tls.certificate",
                "/nowhere/x.pem can not be read",
            ),
            (
                format!("{right}\nclient_authority = \"/nowhere\""),
                "tls.client_authority",
                "can not be read",
            ),
            (
                format!("certificate = \"{}\"", files.certificate.display()),
                "tls.certificate",
                "without its key",
            ),
            (
                "key = \"x\"".to_owned(),
                "tls.key",
                "of no use without a certificate",
            ),
            (
                format!("{off}\nkey = \"x\""),
                "tls.key",
                "of no use without a certificate",
            ),
        ] {
            let found = problems(off, &keys);
            let [problem] = &found[..] else {
                panic!("{keys}: {found:?}");
            };
            assert_eq!(problem.key, key);
            assert!(problem.to_string().contains(words), "{problem}");
        }
        // Another certificate is no other configuration: the journal goes on.
        let plain = Config::built_in().configuration_hash();
        let under_tls = Config::parse("x.toml", &DEFAULT.replacen(off, &right, 1)).expect("it is right");
        assert_eq!(under_tls.configuration_hash(), plain);
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let text = DEFAULT.replace("collar = \"10%\"", "collar = \"0%\"");
        let Err(ConfigError::Invalid(problems)) = Config::parse("x.toml", &text) else {
            panic!("it is wrong");
        };
        assert_eq!(problems.len(), 2);
    }

    #[test]
    fn the_hash_names_what_the_journal_depends_on() {
        let config = Config::built_in();
        let mut doors = config.clone();
        doors.network.line_b = None;
        doors.journal.durability = Durability::None;
        doors.accounts[0].sessions[0].proof = Proof::Plain(Password::new(b"x"));
        assert_eq!(config.configuration_hash(), doors.configuration_hash());
        let mut limited = config.clone();
        limited.accounts[0].permissions = AccountPermissions::View;
        assert_ne!(config.configuration_hash(), limited.configuration_hash());
        let mut fees = config.clone();
        fees.instruments[0].taker_fee_ppm += 1;
        assert_ne!(config.configuration_hash(), fees.configuration_hash());
    }

    #[test]
    fn a_file_that_is_not_there_says_how_to_make_one() {
        let error = Config::read(Path::new("/nowhere/x.toml")).expect_err("it is not there");
        assert!(
            error.to_string().contains("--print-default > /nowhere/x.toml"),
            "{error}"
        );
    }
}
