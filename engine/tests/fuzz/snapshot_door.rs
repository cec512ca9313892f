//! The snapshot door: whatever a client says there, it gets a refusal, or the beginning of the one snapshot there is, and nobody
//! notices. `engine/fuzz` gives it to a fuzzer that is guided by coverage.

use feed_handler::{Capacity, Market, snapshot};
use protocol::soup::{ServerPacket, encode};

use crate::world::World;

const MILLISECOND: u64 = 1_000_000;
/// Orders of the snapshot.
const ORDERS: u32 = 60;
/// A snapshot is made and sent in less.
const TURNS: u32 = 8;

/// What a visitor was told.
struct Told {
    market: Market,
    is_accepted: bool,
    is_refused: bool,
    /// The number with which the feed goes on, when the snapshot is whole.
    next: Option<u64>,
}

impl Told {
    fn nothing() -> Self {
        Self {
            market: Market::new(Capacity {
                instruments: 4,
                orders: 256,
                levels: 128,
            }),
            is_accepted: false,
            is_refused: false,
            next: None,
        }
    }

    fn packet(&mut self, packet: ServerPacket<'_>) {
        assert!(!self.is_refused, "{packet:?} behind a refusal");
        match packet {
            ServerPacket::LoginAccepted {
                session,
                next_sequence,
            } => {
                assert!(!self.is_accepted, "accepted twice");
                assert_eq!((&session, next_sequence), (b"ITCH000001", 1));
                self.is_accepted = true;
            }
            ServerPacket::LoginRejected(_) => {
                assert!(!self.is_accepted, "refused behind the acceptance");
                self.is_refused = true;
            }
            ServerPacket::Sequenced(message) => {
                assert!(self.is_accepted && self.next.is_none(), "{message:?}");
                self.next = snapshot::take(message, &mut self.market).expect("a message of a snapshot");
            }
            ServerPacket::Debug(_) | ServerPacket::Heartbeat => assert!(self.is_accepted),
            other => panic!("{other:?}"),
        }
    }
}

/// An exchange with orders, and what its snapshot is: books, and the number with which the feed goes on.
pub(crate) struct SnapshotDoor {
    world: World,
    whole: (u64, Option<u64>),
}

impl SnapshotDoor {
    pub(crate) fn new() -> Self {
        let mut world = World::new(5);
        world.quote(ORDERS);
        // Nobody else says anything: whatever changes, a visitor has done.
        world.pass(60_000 * MILLISECOND);
        world.pass(MILLISECOND);
        let mut door = Self {
            world,
            whole: (0, None),
        };
        let mut login = [0; 64];
        let length = encode::login("ANY", "any", "", 1, None, &mut login).expect("it fits");
        let told = door.told(&login[..length]);
        assert!(told.next.is_some(), "a login gets a snapshot");
        assert_eq!(told.market.books().order_count(), ORDERS as usize);
        door.whole = (told.market.books().digest(), told.next);
        door
    }

    /// What is answered to a visitor who says this, with a pause in it.
    fn told(&mut self, said: &[u8]) -> Told {
        let mut told = Told::nothing();
        let Some(mut link) = self.world.late_comer() else {
            return told;
        };
        let pause = said.first().map_or(0, |byte| usize::from(*byte)).min(said.len());
        for part in [&said[..pause], &said[pause..]] {
            link.say(part);
            self.world.pass(MILLISECOND);
        }
        for _ in 0..TURNS {
            if link.hear(|packet| told.packet(packet)).is_none() {
                break;
            }
            self.world.pass(MILLISECOND);
        }
        told
    }

    /// A visitor; true when it got the snapshot.
    pub(crate) fn visit(&mut self, said: &[u8]) -> bool {
        let before = self.world.exchange.exchange().sequence();
        let told = self.told(said);
        let after = self.world.exchange.exchange().sequence();
        assert_eq!(before, after, "a visitor changes nothing");
        if told.next.is_some() {
            assert_eq!((told.market.books().digest(), told.next), self.whole);
        }
        told.next.is_some()
    }

    pub(crate) fn end(self) {
        self.world.end();
    }
}
