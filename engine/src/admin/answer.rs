//! What is answered to an operator.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A command that was carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Its number in the journal.
    pub command: u64,
    /// When it was sequenced, UTC.
    pub time: String,
    /// Who asked for it.
    pub who: String,
    /// What it did, in words.
    pub what: String,
}

/// The answer to a request: one line.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// False: it was not done, or not all of it.
    pub ok: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Commands that were carried out, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub done: Vec<Done>,
    /// What is to be said beside that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The one thing that was asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<Value>,
    /// What there is, an object each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<Vec<Value>>,
    /// There are more rows than were wanted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

impl Answer {
    /// It was not done.
    pub fn refused(error: impl Into<String>) -> Self {
        Self {
            error: Some(error.into()),
            ..Self::default()
        }
    }

    /// It was done, and there is something to be said.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            ok: true,
            text: Some(text.into()),
            ..Self::default()
        }
    }

    /// These commands were carried out.
    pub fn done(done: Vec<Done>) -> Self {
        Self {
            ok: true,
            done,
            ..Self::default()
        }
    }

    /// One thing.
    pub fn of<T: Serialize>(about: &T) -> Self {
        Self {
            ok: true,
            about: Some(value(about)),
            ..Self::default()
        }
    }

    /// What there is.
    pub fn rows<T: Serialize>(rows: &[T], more: bool) -> Self {
        let rows = rows.iter().map(value).collect();
        Self {
            ok: true,
            rows: Some(rows),
            more,
            ..Self::default()
        }
    }

    /// The same with the thing that they belong to.
    #[must_use]
    pub fn about<T: Serialize>(mut self, about: &T) -> Self {
        self.about = Some(value(about));
        self
    }

    /// As a line, without its end.
    pub fn line(&self) -> String {
        // Strings, numbers and objects with text as keys: there is nothing that JSON can not say.
        serde_json::to_string(self).unwrap_or_else(|error| unreachable!("{error}"))
    }
}

fn value<T: Serialize>(row: &T) -> Value {
    serde_json::to_value(row).unwrap_or_else(|error| unreachable!("{error}"))
}
