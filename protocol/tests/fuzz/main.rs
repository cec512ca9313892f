//! Every decoder and session machine of the wire, given valid bytes that were changed a little: no panic, and what is taken
//! makes sense. `FUZZ_SECONDS=60 cargo test --release -p protocol --test fuzz -- --nocapture` runs each target for a minute.

mod corpus;
mod sessions;

use protocol::market_data::{FeedMessage, SnapshotMessage, binary_file};
use protocol::order_entry::{Answer, Options, OrderDatagram, Question, Request, Response};
use protocol::packet::{Packet, RequestPacket};
use protocol::soup::Decoder;
use protocol::testing::fuzz::fuzz;

/// Executions of a target among all tests.
const USUAL: u64 = 40_000;

#[test]
fn requests() {
    fuzz("requests", USUAL, &corpus::requests(), |bytes| {
        let question = Question::decode(bytes);
        let _ = format!("{question:?}");
        let request = Request::decode(bytes);
        request.is_ok_and(|request| {
            assert!(request.options().iter().count() <= bytes.len());
            let _ = (request.new_user_ref(), format!("{request:?}"));
            true
        })
    });
}

#[test]
fn responses() {
    fuzz("responses", USUAL, &corpus::responses(), |bytes| {
        let answer = Answer::decode(bytes);
        let _ = format!("{answer:?}");
        Response::decode(bytes).is_ok_and(|response| {
            let _ = (response.user_ref(), format!("{response:?}"));
            true
        })
    });
}

#[test]
fn options() {
    fuzz("options", USUAL, &corpus::options(), |bytes| {
        Options::parse(bytes).is_ok_and(|options| {
            let _ = (
                options.are_defined(),
                options.stop_price(),
                options.fee(),
                options.funds(),
            );
            let _ = (
                options.firm(),
                options.min_quantity(),
                options.expire_time(),
                options.side(),
            );
            let whole: usize = options.iter().map(|(_, value)| value.len() + 2).sum();
            assert_eq!(whole, bytes.len(), "every byte belongs to one option");
            true
        })
    });
}

#[test]
fn order_datagrams() {
    fuzz("order_datagrams", USUAL, &corpus::order_datagrams(), |bytes| {
        let _ = OrderDatagram::token_of(bytes);
        let _ = OrderDatagram::number_of(bytes);
        OrderDatagram::parse(bytes).is_ok_and(|datagram| {
            let count = usize::from(datagram.message_count());
            assert_eq!(datagram.messages().count(), count);
            assert_eq!(datagram.requests().count(), count);
            let lengths: usize = datagram.messages().map(|message| message.len() + 2).sum();
            assert!(lengths <= bytes.len());
            true
        })
    });
}

#[test]
fn feed_messages() {
    fuzz("feed_messages", USUAL, &corpus::feed(), |bytes| {
        let snapshot = SnapshotMessage::decode(bytes);
        let _ = format!("{snapshot:?}");
        FeedMessage::decode(bytes).is_ok_and(|message| {
            let _ = (message.locate(), message.timestamp(), format!("{message:?}"));
            true
        })
    });
}

#[test]
fn packets() {
    fuzz("packets", USUAL, &corpus::packets(), |bytes| {
        if let Ok(request) = RequestPacket::parse(bytes) {
            let _ = format!("{request:?}");
        }
        Packet::parse(bytes).is_ok_and(|packet| {
            assert_eq!(packet.numbered().count(), usize::from(packet.count()));
            assert!(packet.next_sequence() >= packet.sequence());
            let lengths: usize = packet.messages().map(|message| message.len() + 2).sum();
            assert!(lengths <= bytes.len());
            true
        })
    });
}

#[test]
fn recorded_days() {
    fuzz("recorded_days", USUAL, &corpus::recorded_day(), |bytes| {
        let mut good = 0;
        for record in binary_file::Reader::new(bytes) {
            match record {
                Ok(message) => good += message.len() + 2,
                Err(damage) => {
                    assert_eq!(damage.position, good, "damage is told where it is");
                    return false;
                }
            }
        }
        // The end of the file may be told by an empty record.
        assert!(good <= bytes.len());
        true
    });
}

/// Everything that a stream says, decoded from pieces of the given length; and whether it ends in an error.
fn said(bytes: &[u8], piece: usize, from_client: bool) -> (Vec<String>, bool) {
    let mut decoder = Decoder::new(256);
    let mut packets = Vec::new();
    for mut rest in bytes.chunks(piece.max(1)) {
        while !rest.is_empty() {
            let fed = decoder.feed(rest);
            rest = &rest[fed..];
            loop {
                let next = if from_client {
                    decoder
                        .next_from_client()
                        .map(|packet| packet.map(|packet| format!("{packet:?}")))
                } else {
                    decoder
                        .next_from_server()
                        .map(|packet| packet.map(|packet| format!("{packet:?}")))
                };
                match next {
                    Ok(Some(packet)) => packets.push(packet),
                    Ok(None) => break,
                    Err(_) => return (packets, true),
                }
            }
            if fed == 0 && !rest.is_empty() && decoder.space().is_empty() {
                panic!("a decoder that was drained has no room");
            }
        }
    }
    (packets, false)
}

#[test]
fn streams_in_pieces() {
    fuzz("streams_in_pieces", USUAL / 4, &corpus::streams(), |bytes| {
        let piece = bytes.first().map_or(1, |byte| 1 + usize::from(*byte) % 40);
        let mut is_taken = false;
        for from_client in [true, false] {
            let whole = said(bytes, bytes.len(), from_client);
            assert_eq!(said(bytes, piece, from_client), whole, "in pieces of {piece}");
            is_taken |= !whole.1 && !whole.0.is_empty();
        }
        is_taken
    });
}
