//! Values of options that may be `off`.

use std::fmt::Display;
use std::str::FromStr;

/// A value that may be switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switchable<T>(
    /// `None`: off.
    pub Option<T>,
);

impl<T: FromStr> FromStr for Switchable<T>
where
    T::Err: Display,
{
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self(None));
        }
        text.parse()
            .map(|value| Self(Some(value)))
            .map_err(|error| format!("{error}, and not `off`"))
    }
}
