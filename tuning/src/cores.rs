//! Sets of cores, in the kernel's notation: `0-3,7`.

use std::collections::BTreeSet;
use std::fmt;

/// The highest number that is taken for a core's: lists from outside must not fill the memory.
const CORE_MAX: usize = 65_535;

/// A set of cores.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cores(BTreeSet<usize>);

impl Cores {
    /// Reads `0-3,7`; an empty text is the empty set.
    pub fn parse(text: &str) -> Option<Self> {
        let mut cores = BTreeSet::new();
        for part in text.trim().split(',').filter(|part| !part.is_empty()) {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last): (usize, usize) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
            if first > last || last > CORE_MAX {
                return None;
            }
            cores.extend(first..=last);
        }
        Some(Self(cores))
    }

    /// Whether `core` is among them.
    pub fn contains(&self, core: usize) -> bool {
        self.0.contains(&core)
    }

    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().copied()
    }

    /// Those that are not in `other`.
    pub fn without(&self, other: &Self) -> Self {
        Self(self.0.difference(&other.0).copied().collect())
    }

    /// Those that are in both.
    pub fn common(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).copied().collect())
    }
}

impl FromIterator<usize> for Cores {
    fn from_iter<I: IntoIterator<Item = usize>>(cores: I) -> Self {
        Self(cores.into_iter().collect())
    }
}

impl fmt::Display for Cores {
    /// As the kernel writes it; `none` for the empty set.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return formatter.write_str("none");
        }
        let mut runs: Vec<(usize, usize)> = Vec::new();
        for core in self.iter() {
            match runs.last_mut() {
                Some((_, last)) if *last + 1 == core => *last = core,
                _ => runs.push((core, core)),
            }
        }
        let texts: Vec<_> = runs
            .iter()
            .map(|(first, last)| match first == last {
                true => first.to_string(),
                false => format!("{first}-{last}"),
            })
            .collect();
        formatter.write_str(&texts.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_read_and_written_as_the_kernel_does() {
        for (text, shown) in [
            ("0-3,7\n", "0-3,7"),
            ("2,1,0", "0-2"),
            ("", "none"),
            ("\n", "none"),
            ("5", "5"),
            ("0-1,3-4", "0-1,3-4"),
        ] {
            assert_eq!(
                Cores::parse(text).map(|cores| cores.to_string()).as_deref(),
                Some(shown),
                "{text}"
            );
        }
        for wrong in ["x", "3-1", "-", "1-", "0-99999999999", "1;2", "-1"] {
            assert_eq!(Cores::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sets_are_compared() {
        let all = Cores::parse("0-3").expect("a set");
        let some = Cores::parse("2-5").expect("a set");
        assert_eq!(all.without(&some).to_string(), "0-1");
        assert_eq!(all.common(&some).to_string(), "2-3");
        assert!(all.contains(3) && !all.contains(4));
        assert_eq!((all.len(), some.is_empty()), (4, false));
    }
}
