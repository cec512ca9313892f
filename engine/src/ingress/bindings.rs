//! Who may speak: the live connection of each session, the UDP binding that hangs on it, and what its datagrams must show.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::net::SocketAddrV4;

use protocol::authentication::{Key, Mac, ReplayWindow, open_datagram};

use crate::runtime::links::Connection;

/// Datagram numbers skipped at once: more were not lost, the client counts in a way of its own.
const SKIPPED_MAX: u64 = 1 << 24;

/// Why a datagram from a bound address is dropped before it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// Its tag is not right, or not there.
    Unauthenticated,
    /// Its number has come before, or is too old to know.
    Replayed,
}

/// What datagrams of a binding with `mac` authentication must show.
#[derive(Debug)]
pub(super) struct Guard {
    mac: Mac,
    window: ReplayWindow,
}

impl Guard {
    fn new(key: &Key) -> Self {
        Self {
            mac: key.mac(),
            window: ReplayWindow::default(),
        }
    }

    /// The datagram without its tag. The tag first: nothing else of it has any effect before.
    pub(super) fn admit<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Refused> {
        let (number, covered) = open_datagram(&self.mac, bytes).ok_or(Refused::Unauthenticated)?;
        if self.window.take(number) {
            Ok(covered)
        } else {
            Err(Refused::Replayed)
        }
    }
}

/// A session's door.
#[derive(Debug, Default)]
pub(super) struct Door {
    /// The TCP connection that is logged in.
    pub(super) connection: Option<Connection>,
    /// Token and address of its UDP binding.
    pub(super) binding: Option<([u8; 8], SocketAddrV4)>,
    /// When a good datagram last came, the clock's nanoseconds; 0 = never.
    pub(super) heard_ns: u64,
    /// The highest datagram number of the binding.
    number: u64,
    /// With `mac` authentication.
    guard: Option<Box<Guard>>,
}

/// All doors, by session, and by token.
#[derive(Debug)]
pub(super) struct Bindings {
    doors: Vec<Door>,
    tokens: HashMap<u64, u32, BuildHasherDefault<TokenHasher>>,
}

impl Bindings {
    pub(super) fn new(sessions_max: usize) -> Self {
        let mut tokens = HashMap::default();
        tokens.reserve(sessions_max);
        Self {
            doors: (0..sessions_max).map(|_| Door::default()).collect(),
            tokens,
        }
    }

    pub(super) fn door(&self, session: u32) -> Option<&Door> {
        self.doors.get(session as usize)
    }

    /// True when `connection` is the session's live one.
    pub(super) fn is_live(&self, session: u32, connection: Connection) -> bool {
        self.door(session)
            .is_some_and(|door| door.connection == Some(connection))
    }

    /// A new connection takes the session over; what the old one bound dies. Answers whether there was a binding.
    pub(super) fn login(&mut self, session: u32, connection: Connection) -> bool {
        let was_bound = self.unbind(session);
        self.doors[session as usize] = Door {
            connection: Some(connection),
            ..Door::default()
        };
        was_bound
    }

    /// The live connection has ended. Answers whether there was a binding.
    pub(super) fn logout(&mut self, session: u32) -> bool {
        let was_bound = self.unbind(session);
        self.doors[session as usize] = Door::default();
        was_bound
    }

    /// All connections end, and all bindings die.
    pub(super) fn clear(&mut self) {
        self.doors.fill_with(Door::default);
        self.tokens.clear();
    }

    /// Binds; an older binding of the session dies at once. With a `key` its datagrams have tags.
    pub(super) fn bind(&mut self, session: u32, token: [u8; 8], address: SocketAddrV4, key: Option<&Key>) {
        self.unbind(session);
        self.tokens.insert(u64::from_le_bytes(token), session);
        let door = &mut self.doors[session as usize];
        (door.binding, door.number) = (Some((token, address)), 0);
        door.guard = key.map(|key| Box::new(Guard::new(key)));
    }

    fn unbind(&mut self, session: u32) -> bool {
        let door = &mut self.doors[session as usize];
        door.guard = None;
        match door.binding.take() {
            Some((token, _)) => self.tokens.remove(&u64::from_le_bytes(token)).is_some(),
            None => false,
        }
    }

    /// The session of a datagram with this token from this address; `None` for strangers.
    pub(super) fn session_of(&self, token: [u8; 8], from: SocketAddrV4) -> Option<u32> {
        let session = *self.tokens.get(&u64::from_le_bytes(token))?;
        (self.doors[session as usize].binding == Some((token, from))).then_some(session)
    }

    /// What a datagram of the session has to show beyond its token and address.
    pub(super) fn guard(&mut self, session: u32) -> Option<&mut Guard> {
        self.doors[session as usize].guard.as_deref_mut()
    }

    /// A good datagram has come. Answers how many before it have not: a number that comes late was counted.
    pub(super) fn heard(&mut self, session: u32, number: u64, now_ns: u64) -> u64 {
        let door = &mut self.doors[session as usize];
        door.heard_ns = now_ns;
        let ahead = number.saturating_sub(door.number);
        door.number = door.number.max(number);
        match ahead {
            1..=SKIPPED_MAX => ahead - 1,
            _ => 0,
        }
    }
}

/// Tokens come from the operating system's random source and only we insert them: they are their own hash.
#[derive(Debug, Default)]
struct TokenHasher(u64);

impl Hasher for TokenHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, token: u64) {
        self.0 = token;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn numbers_tell_what_has_not_come() {
        let mut bindings = Bindings::new(1);
        bindings.login(0, 1);
        bindings.bind(0, [1; 8], SocketAddrV4::new(Ipv4Addr::LOCALHOST, 4_000), None);
        let numbers = [
            (1, 0),
            (2, 0),
            (5, 2),
            (4, 0),
            (5, 0),
            (6, 0),
            (u64::MAX, 0),
            (7, 0),
        ];
        for (number, missing) in numbers {
            assert_eq!(bindings.heard(0, number, 1), missing, "{number}");
        }
        bindings.bind(0, [2; 8], SocketAddrV4::new(Ipv4Addr::LOCALHOST, 4_000), None);
        assert_eq!(bindings.heard(0, 3, 1), 2, "each binding counts from one");
    }

    #[test]
    fn a_binding_lives_as_long_as_its_connection() {
        let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 4_000);
        let other = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 4_001);
        let mut bindings = Bindings::new(2);
        assert!(!bindings.login(1, 7));
        bindings.bind(1, [1; 8], address, None);
        assert_eq!(bindings.session_of([1; 8], address), Some(1));
        assert_eq!(
            bindings.session_of([1; 8], other),
            None,
            "a stranger with a stolen token"
        );
        assert_eq!(bindings.session_of([2; 8], address), None);
        bindings.bind(1, [3; 8], other, None);
        assert_eq!(
            bindings.session_of([1; 8], address),
            None,
            "the older binding dies at once"
        );
        assert_eq!(bindings.session_of([3; 8], other), Some(1));
        assert!(bindings.login(1, 8), "a new connection takes over");
        assert!(!bindings.is_live(1, 7) && bindings.is_live(1, 8));
        assert_eq!(bindings.session_of([3; 8], other), None);
        assert!(!bindings.logout(1));
        assert!(!bindings.is_live(1, 8));
        bindings.login(1, 9);
        bindings.bind(1, [4; 8], address, None);
        bindings.clear();
        assert!(!bindings.is_live(1, 9));
        assert_eq!(bindings.session_of([4; 8], address), None);
    }
}
