//! A second connection of a customer that only reads: a login with `+` replays a stream from any number on, beside the
//! live one.

use std::net::SocketAddrV4;

use engine::runtime::sim_net::SimConnector;
use protocol::text::SessionName;

use crate::link::{Heard, Link};

/// A client says something over TCP this often.
const HEARTBEAT_NS: u64 = 1_000_000_000;

pub(super) struct Reader {
    link: Link,
    name: SessionName,
    from: u64,
    heartbeat_at: u64,
}

impl Reader {
    /// Asks for the stream `name` from message `from` on. `is_today`: it need not be named.
    pub(super) fn start(
        door: &SimConnector,
        address: SocketAddrV4,
        username: &str,
        name: SessionName,
        is_unnamed: bool,
        from: u64,
    ) -> Option<Self> {
        let session = match is_unnamed {
            true => "+".to_owned(),
            false => format!("+{}", String::from_utf8_lossy(&name[1..])),
        };
        Some(Self {
            link: Link::login(door, address, username, &session, from)?,
            name,
            from,
            heartbeat_at: 0,
        })
    }

    /// Takes what came: name of the stream, number and bytes of each message. False when it is over.
    pub(super) fn turn(&mut self, now: u64, mut take: impl FnMut(SessionName, u64, Vec<u8>)) -> bool {
        if now >= self.heartbeat_at {
            self.heartbeat_at = now + HEARTBEAT_NS;
            self.link.heartbeat();
        }
        while let Some(heard) = self.link.poll() {
            match heard {
                // Unnamed, it is the stream of today, whichever that is by now.
                Heard::Accepted(name) => self.name = name,
                Heard::Message(sequence, message) => {
                    assert_eq!(
                        sequence, self.from,
                        "a replay begins where it was asked to, without holes"
                    );
                    self.from += 1;
                    take(self.name, sequence, message);
                }
                Heard::Answer(answer) => panic!("who only reads is answered {answer:?}"),
                Heard::Rejected(_) | Heard::End | Heard::Over => return false,
                Heard::Other => {}
            }
        }
        true
    }
}
