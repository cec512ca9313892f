//! Which line brings a packet first, and by how much.

use crate::arbiter::Line;

/// Packets remembered; the lines are apart by milliseconds at most.
const REMEMBERED: usize = 1_024;

#[derive(Debug, Clone, Copy)]
struct First {
    sequence: u64,
    line: Line,
    ns: u64,
}

/// What the second copy of a packet tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lead {
    /// The line that was first.
    pub(crate) line: Line,
    /// Nanoseconds between the copies.
    pub(crate) ns: u64,
}

/// First copies that wait for their second.
#[derive(Debug)]
pub(crate) struct Leads {
    firsts: Box<[Option<First>]>,
}

impl Leads {
    pub(crate) fn new() -> Self {
        Self {
            firsts: vec![None; REMEMBERED].into_boxed_slice(),
        }
    }

    pub(crate) fn clear(&mut self) {
        self.firsts.fill(None);
    }

    /// Notes a packet by the number of its first message; answers the lead when it is the second copy.
    pub(crate) fn note(&mut self, line: Line, sequence: u64, now_ns: u64) -> Option<Lead> {
        let place = &mut self.firsts[sequence as usize % REMEMBERED];
        match *place {
            Some(first) if first.sequence == sequence => {
                if first.line == line {
                    return None;
                }
                *place = None;
                Some(Lead {
                    line: first.line,
                    ns: now_ns.saturating_sub(first.ns),
                })
            }
            Some(first) if first.sequence > sequence => None,
            _ => {
                *place = Some(First {
                    sequence,
                    line,
                    ns: now_ns,
                });
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_copy_tells_the_lead() {
        let mut leads = Leads::new();
        assert_eq!(leads.note(Line::B, 7, 100), None);
        assert_eq!(leads.note(Line::B, 7, 110), None, "the same line again");
        assert_eq!(
            leads.note(Line::A, 7, 150),
            Some(Lead {
                line: Line::B,
                ns: 50
            })
        );
        assert_eq!(leads.note(Line::A, 7, 160), None, "forgotten");
        leads.clear();
        assert_eq!(leads.note(Line::B, 7, 170), None);
    }
}
