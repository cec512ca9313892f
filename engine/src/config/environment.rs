//! What the environment says instead of the file: `EXCHANGE_SECTION_KEY=VALUE`, such as
//! `EXCHANGE_NETWORK_LINE_A=239.192.7.1:26477`.
//!
//! A variable is a key of the file that was written later: it is checked as the file is, and what is wrong with it is told
//! by the variable's name. Assets, instruments and accounts are of the file only: they are what the journal is about.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::Problems;

/// How the names of all variables of this program begin.
const PREFIX: &str = "EXCHANGE_";
/// Sections of the file whose keys may be variables.
const SECTIONS: [&str; 8] = [
    "capacities",
    "day",
    "journal",
    "log",
    "network",
    "operating",
    "threads",
    "tls",
];
/// Variables that the command line reads.
const COMMAND_LINE: [&str; 2] = ["EXCHANGE_LOG", "EXCHANGE_LOG_FORMAT"];

/// The variables that begin with `EXCHANGE_`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment(Vec<Variable>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Variable {
    name: String,
    value: String,
}

impl Variable {
    /// Section and key; `None` when there is no such section.
    fn place(&self) -> Option<(&'static str, String)> {
        let rest = self.name.strip_prefix(PREFIX)?.to_ascii_lowercase();
        SECTIONS.into_iter().find_map(|section| {
            let key = rest.strip_prefix(section)?.strip_prefix('_')?;
            Some((section, key.to_owned()))
        })
    }

    /// As TOML reads it, where it is a number, a list, true or false, or in quotes; else it is text.
    fn value(&self) -> DeValue<'_> {
        match DeValue::parse(&self.value).map(Spanned::into_inner) {
            Ok(
                value @ (DeValue::Boolean(_) | DeValue::Integer(_) | DeValue::Array(_) | DeValue::String(_)),
            ) => value,
            _ => DeValue::String(self.value.as_str().into()),
        }
    }
}

/// Where the value of a key comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// `network.line_a`.
    pub key: String,
    /// The variable; `None`: the file.
    pub variable: Option<String>,
}

impl Environment {
    /// That of this process.
    pub fn of_process() -> Self {
        Self::of(std::env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            Some((name, value.to_string_lossy().into_owned()))
        }))
    }

    /// Names and values, as an environment has them.
    pub fn of(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut found: Vec<_> = variables
            .into_iter()
            .filter(|(name, _)| name.starts_with(PREFIX) && !COMMAND_LINE.contains(&name.as_str()))
            .map(|(name, value)| Variable { name, value })
            .collect();
        found.sort_by(|one, other| one.name.cmp(&other.name));
        Self(found)
    }

    /// What is written in `text`, and in a variable instead. Empty where the text is no TOML.
    pub fn origins(&self, text: &str) -> Vec<Origin> {
        let Ok(table) = DeTable::parse(text) else {
            return Vec::new();
        };
        let mut origins: Vec<_> = SECTIONS
            .into_iter()
            .filter_map(|section| Some((section, table.get_ref().get(section)?.get_ref().as_table()?)))
            .flat_map(|(section, keys)| keys.keys().map(move |key| format!("{section}.{}", key.get_ref())))
            .map(|key| Origin { key, variable: None })
            .collect();
        for variable in &self.0 {
            let Some((section, key)) = variable.place() else {
                continue;
            };
            let key = format!("{section}.{key}");
            origins.retain(|origin| origin.key != key);
            origins.push(Origin {
                key,
                variable: Some(variable.name.clone()),
            });
        }
        origins
    }

    /// The variables' names with their keys, in the order of [`Self::span`].
    pub(super) fn names(&self) -> Vec<(String, String)> {
        self.0
            .iter()
            .map(|variable| {
                let key = variable.place().map(|(section, key)| format!("{section}.{key}"));
                (variable.name.clone(), key.unwrap_or_default())
            })
            .collect()
    }

    /// Where variable `index` stands: behind a text of `length` bytes.
    fn span(index: usize, length: usize) -> Range<usize> {
        length + 1 + index..length + 2 + index
    }

    /// Puts the variables into what was read from a text of `length` bytes.
    pub(super) fn overlay<'a>(&'a self, table: &mut DeTable<'a>, length: usize, problems: &mut Problems<'_>) {
        for (index, variable) in self.0.iter().enumerate() {
            let span = Self::span(index, length);
            let Some((section, key)) = variable.place() else {
                problems.add(
                    span,
                    "environment",
                    "no key of the configuration has this name",
                    format!(
                        "unset it, or write EXCHANGE_SECTION_KEY with one of the sections {}",
                        SECTIONS.join(", ")
                    ),
                );
                continue;
            };
            if !table.contains_key(section) {
                table.insert(
                    Spanned::new(span.clone(), section.into()),
                    Spanned::new(span.clone(), DeValue::Table(DeTable::new())),
                );
            }
            // A section that is no table is the file's problem, and is told as such.
            if let Some(DeValue::Table(keys)) = table.get_mut(section).map(Spanned::get_mut) {
                keys.remove(key.as_str());
                keys.insert(
                    Spanned::new(span.clone(), key.into()),
                    Spanned::new(span, variable.value()),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, ConfigError, DEFAULT};

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment::of(
            variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        )
    }

    fn parse(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::parse_with("x.toml", DEFAULT, &environment(variables))
    }

    #[test]
    fn variables_hold_instead_of_the_file() {
        let config = parse(&[
            ("EXCHANGE_NETWORK_LINE_A", "239.192.7.1:30000"),
            ("EXCHANGE_NETWORK_RECEIVE_OFFLOAD", "true"),
            ("EXCHANGE_NETWORK_MULTICAST_TTL", "3"),
            ("EXCHANGE_JOURNAL_DIRECTORY", "/srv/exchange"),
            ("EXCHANGE_JOURNAL_SEGMENT_SIZE", "4 MiB"),
            ("EXCHANGE_JOURNAL_DURABILITY", "\"async\""),
            ("EXCHANGE_THREADS_CORES", "[3, 1]"),
            ("EXCHANGE_LOG_LEVEL", "warn"),
            ("EXCHANGE_LOG", "not of the configuration"),
            ("EXCHANGE_LOG_FORMAT", "neither"),
            ("PATH", "/bin"),
        ])
        .expect("it is right");
        assert_eq!(config.network.line_a.to_string(), "239.192.7.1:30000");
        assert!(config.network.receive_offload);
        assert_eq!(config.network.multicast_ttl, 3);
        assert_eq!(config.journal.directory.to_str(), Some("/srv/exchange"));
        assert_eq!(config.journal.segment_bytes, 4 << 20);
        assert_eq!(config.journal.durability, crate::config::Durability::Async);
        assert_eq!(config.threads.cores, [3, 1]);
        assert_eq!(config.log.level, crate::config::LogLevel::Warn);
    }

    #[test]
    fn a_section_that_the_file_lacks_can_be_a_variables() {
        let end = DEFAULT.find("[network]").expect("there is one");
        let variables = environment(&[("EXCHANGE_NETWORK_MULTICAST_TTL", "3")]);
        let config = Config::parse_with("x.toml", &DEFAULT[..end], &variables).expect("it is right");
        assert_eq!(config.network.multicast_ttl, 3);
    }

    #[test]
    fn what_a_variable_gets_wrong_is_told_by_its_name() {
        for (name, value, key, words) in [
            (
                "EXCHANGE_NETWORK_LINE_A",
                "10.0.0.1:26477",
                "network.line_a",
                "multicast",
            ),
            ("EXCHANGE_NETWORK_LINE_A", "nonsense", "network.line_a", "port"),
            (
                "EXCHANGE_NETWORK_LINE_C",
                "x",
                "network.line_c",
                "unknown field `line_c`",
            ),
            (
                "EXCHANGE_JOURNAL_DURABILITY",
                "fsync",
                "journal.durability",
                "expected one of",
            ),
            ("EXCHANGE_LOG_LEVEL", "debug", "log.level", "expected one of"),
            ("EXCHANGE_CAPACITIES_ORDERS", "1", "capacities.orders", "16"),
            (
                "EXCHANGE_CAPACITIES_ORDERS",
                "many",
                "capacities.orders",
                "invalid type",
            ),
            (
                "EXCHANGE_NETWROK_LINE_A",
                "x",
                "environment",
                "no key of the configuration",
            ),
            (
                "EXCHANGE_ACCOUNTS_A",
                "x",
                "environment",
                "no key of the configuration",
            ),
        ] {
            let error = parse(&[(name, value)]).expect_err(name).to_string();
            assert!(error.starts_with(&format!("{name}: {key}: ")), "{error}");
            assert!(error.contains(words) && error.contains("remedy: "), "{error}");
        }
    }

    #[test]
    fn origins_name_each_key_once() {
        let variables = environment(&[
            ("EXCHANGE_NETWORK_LINE_A", "x"),
            ("EXCHANGE_THREADS_IDLE", "spin"),
        ]);
        let origins = variables.origins("[network]\nline_a = \"y\"\nline_b = \"off\"\n");
        let told: Vec<_> = origins
            .iter()
            .map(|origin| (origin.key.as_str(), origin.variable.as_deref()))
            .collect();
        assert_eq!(
            told,
            [
                ("network.line_b", None),
                ("network.line_a", Some("EXCHANGE_NETWORK_LINE_A")),
                ("threads.idle", Some("EXCHANGE_THREADS_IDLE")),
            ]
        );
    }
}
