//! Sessions as the engine's stage sees them: logged in, and bound to an address and a token.

use std::net::{Ipv4Addr, SocketAddrV4};

use engine::ingress::{EngineConfig, EventsHash};
use engine::runtime::links::Inbound;
use rtrb::Producer;

use crate::hash;

/// A session's token: spread like the random ones that the exchange gives.
pub fn token(session: u32) -> [u8; 8] {
    hash::mix(1, &session.to_le_bytes()).to_le_bytes()
}

/// Where its orders come from.
pub fn address(session: u32) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::LOCALHOST, 10_000 + session as u16)
}

/// Logs in and binds sessions 0 .. `sessions`: two messages each.
///
/// # Panics
/// When the ring has no room for them.
pub fn bind(sessions: u32, inbound: &mut Producer<Inbound>) {
    for session in 0..sessions {
        let connection = u64::from(session) + 1;
        let login = Inbound::Login {
            session,
            connection,
            day: 1,
        };
        let bind = Inbound::Bind {
            session,
            connection,
            token: token(session),
            address: address(session),
            keys: None,
        };
        for message in [login, bind] {
            inbound.push(message).expect("the ring has room for all");
        }
    }
}

/// An engine without a schedule, whose first command is its first.
pub fn engine_config() -> EngineConfig {
    EngineConfig {
        schedule: None,
        day_ns: 0,
        events_hash: EventsHash::default(),
        ready_at: 0,
    }
}
