//! Why bytes from outside were not taken. Small and `Copy`: the caller counts it and drops the bytes.

/// What is wrong with a message, packet or datagram. Nothing of it may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Malformed {
    /// No bytes at all, where at least a type byte must be.
    Empty,
    /// Shorter than its fixed part.
    Short,
    /// Longer than it may be, or bytes that belong to nothing follow it.
    Long,
    /// The optional appendage overruns the message, or an option in it overruns the appendage.
    Appendage,
    /// A count or length inside does not fit what is there.
    Inconsistent,
    /// A number written in characters is not one, or is too large.
    Number,
}

impl Malformed {
    /// Every kind, in the order of [`Malformed::index`]: the labels of counters.
    pub const ALL: [Self; 6] = [
        Self::Empty,
        Self::Short,
        Self::Long,
        Self::Appendage,
        Self::Inconsistent,
        Self::Number,
    ];

    /// Position in [`Malformed::ALL`], for an array of counters.
    pub fn index(self) -> usize {
        self as usize
    }
}

impl core::fmt::Display for Malformed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Empty => "empty",
            Self::Short => "shorter than its fixed part",
            Self::Long => "longer than it may be",
            Self::Appendage => "the appendage does not fit",
            Self::Inconsistent => "a count or length inside does not fit",
            Self::Number => "not a number",
        })
    }
}

impl core::error::Error for Malformed {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_positions() {
        for (position, kind) in Malformed::ALL.into_iter().enumerate() {
            assert_eq!(kind.index(), position);
        }
    }
}
