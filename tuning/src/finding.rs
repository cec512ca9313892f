//! What was found about one knob, and what to think of it.

use std::fmt;

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As wanted.
    Good,
    /// It works; a change may bring something.
    CouldBeBetter,
    /// It costs so much, or breaks so much, that it should be changed.
    Bad,
    /// This host, or what was asked, has nothing of the kind.
    NotApplicable,
    /// The host does not let itself be looked at.
    CanNotBeSeen,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Good,
        Self::CouldBeBetter,
        Self::Bad,
        Self::NotApplicable,
        Self::CanNotBeSeen,
    ];
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Good => "good",
            Self::CouldBeBetter => "could be better",
            Self::Bad => "bad",
            Self::NotApplicable => "not applicable",
            Self::CanNotBeSeen => "can not be seen",
        })
    }
}

/// One line of a report.
#[derive(Debug, Clone)]
pub struct Finding {
    /// How it stands.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What would be best.
    pub wanted: String,
    /// What was measured just now about its gain or cost.
    pub measured: Option<String>,
    /// What changes it. Nothing when it is as wanted.
    pub command: Option<String>,
}

impl Finding {
    /// A verdict on what was found against what is wanted.
    pub fn new(verdict: Verdict, found: impl Into<String>, wanted: impl Into<String>) -> Self {
        Self {
            verdict,
            found: found.into(),
            wanted: wanted.into(),
            measured: None,
            command: None,
        }
    }

    /// There is nothing of the kind; `why` says what would have to be there.
    pub fn not_applicable(why: impl Into<String>, wanted: impl Into<String>) -> Self {
        Self::new(Verdict::NotApplicable, why, wanted)
    }

    /// `what` can not be read.
    pub fn unseen(what: impl fmt::Display, wanted: impl Into<String>) -> Self {
        Self::new(Verdict::CanNotBeSeen, format!("{what} can not be read"), wanted)
    }

    /// With what changes it. Dropped when it is as wanted, or when there is nothing to change.
    #[must_use]
    pub fn change(mut self, command: impl Into<String>) -> Self {
        if matches!(self.verdict, Verdict::CouldBeBetter | Verdict::Bad) {
            self.command = Some(command.into());
        }
        self
    }

    /// With what was measured just now.
    #[must_use]
    pub fn measured(mut self, text: Option<String>) -> Self {
        self.measured = text;
        self
    }
}
