//! Requests over UDP for messages of the feed: whatever comes, a stranger gets nothing, and anybody else what he asked for, in
//! one packet, or nothing.

use protocol::packet::{DATAGRAM_BYTES_MAX, Packet, RequestPacket};
use protocol::testing::fuzz::fuzz;

use crate::world::World;

/// Orders that make the feed longer than a packet.
const ORDERS: u32 = 60;

/// Who asks (one byte), then a request.
fn corpus() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for (session, from, count) in [
        (b"ITCH000001", 1, 1),
        (b"ITCH000001", 20, 10),
        (b"ITCH000001", 1, u16::MAX),
        (b"ITCH000001", u64::MAX, 1),
        (b"ITCH000002", 1, 1),
        (b"O000000001", 1, 1),
    ] {
        for who in 0..2 {
            let request = RequestPacket::new(*session, from, count);
            all.push([&[who], &request.to_bytes()[..]].concat());
        }
    }
    all
}

#[test]
fn retransmission() {
    let mut world = World::new(3);
    world.quote(ORDERS);
    let whole = RequestPacket::new(*b"ITCH000001", 1, u16::MAX).to_bytes();
    assert_eq!(world.request(false, &whole).len(), 1, "the door is open");
    fuzz("retransmission", 20_000, &corpus(), |bytes| {
        let Some((who, said)) = bytes.split_first() else {
            return false;
        };
        let is_stranger = who % 2 == 1;
        let answers = world.request(is_stranger, said);
        let [answer] = &answers[..] else {
            assert!(answers.is_empty(), "{} packets", answers.len());
            return false;
        };
        assert!(!is_stranger, "a stranger is answered");
        let request = RequestPacket::parse(said).expect("nothing else is answered");
        let packet = Packet::parse(answer).expect("MoldUDP64");
        assert!(answer.len() <= DATAGRAM_BYTES_MAX);
        assert_eq!(
            (packet.session(), packet.sequence()),
            (request.session, request.sequence_number.get())
        );
        assert!((1..=request.requested_message_count.get()).contains(&packet.count()));
        true
    });
    world.end();
}
