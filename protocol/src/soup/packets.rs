//! What the packets of each direction say.

use super::decoder::RawPacket;
use super::messages::{LoginAccepted, LoginRejected, LoginRequest, LoginRequest410};
use crate::layout::exact;
use crate::malformed::Malformed;
use crate::text::{self, SessionName, parse_number, trim};

/// Who logs in, and for what. Fields are without padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Login<'a> {
    /// To be compared without regard to case ([`text::same`]).
    pub username: &'a [u8],
    /// To be compared without regard to case.
    pub password: &'a [u8],
    /// Empty = the session that is active now. May begin with our `+`; see [`Login::is_replay`].
    pub requested_session: &'a [u8],
    /// The first message wanted; 0 = start with the most recently generated one.
    pub requested_sequence: u64,
    /// Milliseconds without anything from the client after which it wants to be disconnected (4.10 logins only).
    pub heartbeat_timeout_ms: Option<u32>,
}

impl Login<'_> {
    /// True when the login asks for a read-only replay beside the live connection: the requested session begins with
    /// `+`.
    pub fn is_replay(&self) -> bool {
        self.requested_session.first() == Some(&b'+')
    }

    /// True when the login asks for the session `name`, or for none in particular. The field has ten characters and so
    /// has a name: in a replay login the `+` stands in place of the name's first character.
    pub fn asks_for(&self, name: &SessionName) -> bool {
        match self.requested_session {
            [] | [b'+'] => true,
            [b'+', rest @ ..] => text::same(rest, &name[1..]),
            requested => text::same(requested, name),
        }
    }
}

/// From a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientPacket<'a> {
    /// `L`, in either length.
    Login(Login<'a>),
    /// `U`: a request or question.
    Unsequenced(&'a [u8]),
    /// `R`.
    Heartbeat,
    /// `O`.
    Logout,
    /// `+`: free text, to be ignored.
    Debug(&'a [u8]),
    /// A type we do not know: to be counted and ignored.
    Unknown(u8),
}

impl<'a> ClientPacket<'a> {
    /// Understands a packet.
    pub fn decode(packet: RawPacket<'a>) -> Result<Self, Malformed> {
        Ok(match packet.packet_type() {
            b'L' => Self::Login(decode_login(packet.bytes())?),
            b'U' => Self::Unsequenced(packet.payload()),
            b'R' => Self::Heartbeat,
            b'O' => Self::Logout,
            b'+' => Self::Debug(packet.payload()),
            other => Self::Unknown(other),
        })
    }
}

/// From a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerPacket<'a> {
    /// `A`.
    LoginAccepted {
        /// The session logged in to; ten characters, or padded on either side by other servers ([`text::trim`]).
        session: SessionName,
        /// The number of the next Sequenced Data.
        next_sequence: u64,
    },
    /// `J`, with its reason.
    LoginRejected(u8),
    /// `S`: the next message of the stream.
    Sequenced(&'a [u8]),
    /// `U`: an answer beside the stream.
    Unsequenced(&'a [u8]),
    /// `H`.
    Heartbeat,
    /// `Z`.
    EndOfSession,
    /// `+`: free text, to be ignored.
    Debug(&'a [u8]),
    /// A type we do not know: to be counted and ignored.
    Unknown(u8),
}

impl<'a> ServerPacket<'a> {
    /// Understands a packet.
    pub fn decode(packet: RawPacket<'a>) -> Result<Self, Malformed> {
        Ok(match packet.packet_type() {
            b'A' => {
                let accepted: &LoginAccepted = exact(packet.bytes())?;
                Self::LoginAccepted {
                    session: accepted.session,
                    next_sequence: parse_number(&accepted.sequence_number)?,
                }
            }
            b'J' => Self::LoginRejected(exact::<LoginRejected>(packet.bytes())?.reject_reason_code),
            b'S' => Self::Sequenced(packet.payload()),
            b'U' => Self::Unsequenced(packet.payload()),
            b'H' => Self::Heartbeat,
            b'Z' => Self::EndOfSession,
            b'+' => Self::Debug(packet.payload()),
            other => Self::Unknown(other),
        })
    }
}

/// Understands a login of either length.
fn decode_login(bytes: &[u8]) -> Result<Login<'_>, Malformed> {
    if bytes.len() == size_of::<LoginRequest410>() {
        let login: &LoginRequest410 = exact(bytes)?;
        let timeout = parse_number(&login.heartbeat_timeout)?;
        return Ok(Login {
            username: trim(&login.username),
            password: trim(&login.password),
            requested_session: trim(&login.requested_session),
            requested_sequence: parse_number(&login.requested_sequence_number)?,
            heartbeat_timeout_ms: Some(u32::try_from(timeout).map_err(|_| Malformed::Number)?),
        });
    }
    let login: &LoginRequest = exact(bytes)?;
    Ok(Login {
        username: trim(&login.username),
        password: trim(&login.password),
        requested_session: trim(&login.requested_session),
        requested_sequence: parse_number(&login.requested_sequence_number)?,
        heartbeat_timeout_ms: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::soup::{Decoder, encode};

    fn from_client(bytes: &[u8]) -> Result<String, Malformed> {
        let mut decoder = Decoder::new(256);
        assert_eq!(decoder.feed(bytes), bytes.len());
        decoder
            .next_from_client()
            .map(|packet| format!("{:?}", packet.expect("a whole packet")))
    }

    fn login_of(bytes: &[u8], check: impl FnOnce(Login<'_>)) {
        let mut decoder = Decoder::new(256);
        assert_eq!(decoder.feed(bytes), bytes.len());
        match decoder.next_from_client() {
            Ok(Some(ClientPacket::Login(login))) => check(login),
            other => panic!("not a login: {other:?}"),
        }
    }

    #[test]
    fn logins_of_both_lengths_and_either_padding() {
        let mut buffer = [0; 64];
        let length = encode::login("maker1", "secret", "", 0, None, &mut buffer).unwrap();
        assert_eq!(length, 49);
        login_of(&buffer[..length], |login| {
            assert_eq!((login.username, login.password), (&b"maker1"[..], &b"secret"[..]));
            assert_eq!((login.requested_session, login.requested_sequence), (&b""[..], 0));
            assert_eq!(login.heartbeat_timeout_ms, None);
        });
        let length = encode::login("m", "s", "O000000001", 77, Some(15_000), &mut buffer).unwrap();
        assert_eq!(length, 54);
        login_of(&buffer[..length], |login| {
            assert_eq!(
                (login.requested_session, login.requested_sequence),
                (&b"O000000001"[..], 77)
            );
            assert_eq!(login.heartbeat_timeout_ms, Some(15_000));
        });
        login_of(
            b"\0\x2fL     m         sO0000000012                   ",
            |login| {
                assert_eq!(
                    (login.username, login.password, login.requested_sequence),
                    (&b"m"[..], &b"s"[..], 2)
                );
            },
        );
    }

    #[test]
    fn wrong_logins_are_malformed() {
        assert_eq!(from_client(b"\0\x02Lx"), Err(Malformed::Short));
        let mut buffer = [0; 64];
        let length = encode::login("m", "s", "", 1, None, &mut buffer).unwrap();
        buffer[40] = b'x';
        assert_eq!(from_client(&buffer[..length]), Err(Malformed::Number));
        let blank = [&b"\0\x2fL"[..], &[b' '; 46]].concat();
        assert_eq!(from_client(&blank), Err(Malformed::Number));
    }

    #[test]
    fn a_replay_login_names_a_session_behind_its_plus() {
        let login = |requested_session| Login {
            username: b"",
            password: b"",
            requested_session,
            requested_sequence: 1,
            heartbeat_timeout_ms: None,
        };
        let name = b"O000010002";
        assert!(login(b"+").is_replay() && login(b"+").asks_for(name));
        assert!(login(b"+000010002").is_replay() && login(b"+000010002").asks_for(name));
        assert!(!login(b"+000010001").asks_for(name));
        assert!(!login(b"").is_replay() && login(b"").asks_for(name));
        assert!(login(b"o000010002").asks_for(name));
        assert!(!login(b"O000010001").asks_for(name));
    }

    #[test]
    fn what_a_server_encodes_is_read() {
        let mut stream = Vec::new();
        let mut buffer = [0; 64];
        for length in [
            encode::login_accepted(*b"O000000001", 5, &mut buffer).map(|n| stream.extend(&buffer[..n])),
            encode::login_rejected(b'S', &mut buffer).map(|n| stream.extend(&buffer[..n])),
            encode::sequenced(b"abc", &mut buffer).map(|n| stream.extend(&buffer[..n])),
            encode::unsequenced(b"", &mut buffer).map(|n| stream.extend(&buffer[..n])),
            encode::debug(b"version", &mut buffer).map(|n| stream.extend(&buffer[..n])),
        ] {
            assert!(length.is_some());
        }
        stream.extend(encode::SERVER_HEARTBEAT);
        stream.extend(encode::END_OF_SESSION);
        stream.extend(b"\0\x01?");
        let mut decoder = Decoder::new(256);
        assert_eq!(decoder.feed(&stream), stream.len());
        for expected in [
            ServerPacket::LoginAccepted {
                session: *b"O000000001",
                next_sequence: 5,
            },
            ServerPacket::LoginRejected(b'S'),
            ServerPacket::Sequenced(b"abc"),
            ServerPacket::Unsequenced(b""),
            ServerPacket::Debug(b"version"),
            ServerPacket::Heartbeat,
            ServerPacket::EndOfSession,
            ServerPacket::Unknown(b'?'),
        ] {
            assert_eq!(decoder.next_from_server(), Ok(Some(expected)));
        }
        assert_eq!(decoder.next_from_server(), Ok(None));
    }

    #[test]
    fn what_a_client_encodes_is_read() {
        let mut buffer = [0; 64];
        let length = encode::unsequenced(b"Q", &mut buffer).unwrap();
        let stream = [&buffer[..length], &encode::CLIENT_HEARTBEAT, &encode::LOGOUT].concat();
        let mut decoder = Decoder::new(256);
        decoder.feed(&stream);
        for expected in [
            ClientPacket::Unsequenced(b"Q"),
            ClientPacket::Heartbeat,
            ClientPacket::Logout,
        ] {
            assert_eq!(decoder.next_from_client(), Ok(Some(expected)));
        }
    }
}
