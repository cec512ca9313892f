//! What is wrong with a configuration: where, what, and how to mend it.

use std::fmt;
use std::ops::Range;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file's name, "built-in configuration", or the variable of the environment.
    pub file: String,
    /// Line in the file, from 1; 0 when it is about what the file does not say.
    pub line: usize,
    /// Section and key, `instruments.BTC-USD.tick_size`.
    pub key: String,
    /// What is wrong.
    pub what: String,
    /// How to mend it.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            key,
            what,
            remedy,
        } = self;
        match line {
            0 => write!(f, "{file}: {key}: {what}\n    remedy: {remedy}"),
            _ => write!(f, "{file}:{line}: {key}: {what}\n    remedy: {remedy}"),
        }
    }
}

/// Why a configuration is refused.
#[derive(Debug)]
pub enum ConfigError {
    /// The file can not be read.
    Unreadable {
        /// The file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// Everything that is wrong with what it says, at least one.
    Invalid(Vec<Problem>),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { file, source } => write!(
                f,
                "{file}: can not be read: {source}\n    remedy: name an existing file with --config, or make one with \
                 `exchange check --print-default > {file}`"
            ),
            Self::Invalid(problems) => {
                for (index, problem) in problems.iter().enumerate() {
                    if index > 0 {
                        writeln!(f)?;
                    }
                    problem.fmt(f)?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable { source, .. } => Some(source),
            Self::Invalid(_) => None,
        }
    }
}

/// Collects problems, knows lines.
pub(super) struct Problems<'a> {
    file: &'a str,
    text: &'a str,
    /// Variables and their keys: what stands behind the text.
    environment: Vec<(String, String)>,
    found: Vec<Problem>,
}

impl<'a> Problems<'a> {
    pub(super) fn new(file: &'a str, text: &'a str, environment: Vec<(String, String)>) -> Self {
        Self {
            file,
            text,
            environment,
            found: Vec::new(),
        }
    }

    /// The line a place in the text is on, from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or(self.text);
        1 + before.bytes().filter(|byte| *byte == b'\n').count()
    }

    /// The variable and its key that stand at a place.
    fn variable(&self, at: usize) -> Option<&(String, String)> {
        self.environment.get(at.checked_sub(self.text.len() + 1)?)
    }

    pub(super) fn add(
        &mut self,
        span: Range<usize>,
        key: impl Into<String>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let (file, line) = match self.variable(span.start) {
            Some((name, _)) => (name.clone(), 0),
            None => (self.file.to_owned(), self.line(span.start)),
        };
        self.found.push(Problem {
            file,
            line,
            key: key.into(),
            what: what.into(),
            remedy: remedy.into(),
        });
    }

    /// What the TOML reader says: syntax, unknown and missing keys, values of the wrong kind.
    pub(super) fn add_toml(&mut self, error: &toml::de::Error) {
        let span = error.span().unwrap_or(0..0);
        let variable = self.variable(span.start).map(|(_, key)| key.as_str());
        let line = self.line(span.start);
        let written = self.text.lines().nth(line - 1).unwrap_or_default().trim();
        let key = match (variable, written.split_once('=')) {
            (Some(key), _) => key,
            (None, Some((key, _))) => key.trim(),
            (None, None) => written,
        };
        let message = error.message();
        let remedy = if message.contains("unknown field") {
            "take the key out, or write one of the expected ones"
        } else if message.contains("missing field") {
            "add the key to this entry; `exchange check --print-default` shows it in use"
        } else if message.contains("unknown variant") {
            "write one of the expected values"
        } else {
            "`exchange check --print-default` shows how each key is written"
        };
        let (key, message) = (key.to_owned(), message.replace('\n', "; "));
        self.add(span, key, message, remedy);
    }

    /// `Err` when there were any, in the order of the file.
    pub(super) fn finish(mut self) -> Result<(), ConfigError> {
        if self.found.is_empty() {
            return Ok(());
        }
        self.found.sort_by_key(|problem| problem.line);
        Err(ConfigError::Invalid(self.found))
    }
}
