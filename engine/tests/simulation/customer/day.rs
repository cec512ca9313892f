//! A day of a customer: its stream, and what became of the requests of that day.

use std::collections::BTreeMap;

use protocol::text::{self, SessionName};

use super::Fate;

/// A numbered stream of a customer, from message 1 on.
#[derive(Debug, Default)]
pub(crate) struct Day {
    /// The stream's name, once a login has said it.
    pub(super) name: Option<SessionName>,
    /// The name that it will have, if no day is missed.
    pub(super) expected: Option<SessionName>,
    /// In order.
    pub(crate) stream: Vec<Vec<u8>>,
    pub(crate) fates: BTreeMap<u32, Fate>,
    /// It has ended, and all of it was heard.
    pub(crate) is_whole: bool,
    /// It has ended: what is missing comes over TCP.
    pub(super) is_ending: bool,
    /// The next number is known. On the first day that is 1; later some are taken by orders of the day before.
    pub(super) knows_numbers: bool,
}

impl Day {
    /// The number of the day; 0 while its name is not known.
    pub(crate) fn number(&self) -> u32 {
        self.name.map_or(0, number_of)
    }

    /// Its name for a login; blank asks for the stream of today.
    pub(super) fn text(&self) -> String {
        let name = self.name.or(self.expected);
        name.map_or(String::new(), |name| String::from_utf8_lossy(&name).into_owned())
    }
}

/// The name of the same stream a day later.
pub(super) fn next_name(mut name: SessionName) -> SessionName {
    let digits = format!("{:04}", number_of(name) + 1);
    name[6..].copy_from_slice(digits.as_bytes());
    name
}

/// The number of the day in a stream's name: its last four digits.
pub(crate) fn number_of(name: SessionName) -> u32 {
    let digits = text::parse_number(&name[6..]).expect("streams have the day in their names");
    u32::try_from(digits).expect("four digits")
}
