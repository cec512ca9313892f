//! What each target does with an input, and whether it takes it. `engine/fuzz` gives them to a fuzzer that is guided by
//! coverage.

use protocol::market_data::{FeedMessage, SnapshotMessage, binary_file};
use protocol::order_entry::{Answer, Options, OrderDatagram, Question, Request, Response};
use protocol::packet::{Packet, RequestPacket};
use protocol::session::{EntryClient, EntryClientConfig, Receiver, ReceiverConfig, ReplayWindow};
use protocol::soup::Decoder;

/// Requests and questions.
pub(crate) fn requests(bytes: &[u8]) -> bool {
    let question = Question::decode(bytes);
    let _ = format!("{question:?}");
    let request = Request::decode(bytes);
    request.is_ok_and(|request| {
        assert!(request.options().iter().count() <= bytes.len());
        let _ = (request.new_user_ref(), format!("{request:?}"));
        true
    })
}

/// Responses and answers.
pub(crate) fn responses(bytes: &[u8]) -> bool {
    let answer = Answer::decode(bytes);
    let _ = format!("{answer:?}");
    Response::decode(bytes).is_ok_and(|response| {
        let _ = (response.user_ref(), format!("{response:?}"));
        true
    })
}

/// The options behind a request.
pub(crate) fn options(bytes: &[u8]) -> bool {
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
}

/// A datagram of orders.
pub(crate) fn order_datagrams(bytes: &[u8]) -> bool {
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
}

/// A message of the feed, or of a snapshot.
pub(crate) fn feed_messages(bytes: &[u8]) -> bool {
    let snapshot = SnapshotMessage::decode(bytes);
    let _ = format!("{snapshot:?}");
    FeedMessage::decode(bytes).is_ok_and(|message| {
        let _ = (message.locate(), message.timestamp(), format!("{message:?}"));
        true
    })
}

/// A packet of the feed, or a request for one.
pub(crate) fn packets(bytes: &[u8]) -> bool {
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
}

/// A recorded day.
pub(crate) fn recorded_days(bytes: &[u8]) -> bool {
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

/// A SoupBinTCP stream, of either side, whole and in pieces.
pub(crate) fn streams_in_pieces(bytes: &[u8]) -> bool {
    let piece = bytes.first().map_or(1, |byte| 1 + usize::from(*byte) % 40);
    let mut is_taken = false;
    for from_client in [true, false] {
        let whole = said(bytes, bytes.len(), from_client);
        assert_eq!(said(bytes, piece, from_client), whole, "in pieces of {piece}");
        is_taken |= !whole.1 && !whole.0.is_empty();
    }
    is_taken
}

/// Takes apart what `sessions::joined` put together; the last one is as long as there are bytes.
fn parts(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut all = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
        let (part, others) = rest.split_at(length);
        all.push(part);
        bytes = others;
    }
    all
}

/// Packets, as a subscriber gets them.
pub(crate) fn receivers(bytes: &[u8]) -> bool {
    let config = ReceiverConfig {
        held_max: 64,
        window: 32,
        ..ReceiverConfig::default()
    };
    let mut receiver = Receiver::new(config, None, 1, 0);
    let (mut now, mut expected) = (0, 1);
    for part in parts(bytes) {
        now += 3_000_000;
        let mut deliver = |sequence: u64, _: &[u8]| {
            assert_eq!(sequence, expected, "in order, each once");
            expected += 1;
        };
        match Packet::parse(part) {
            Ok(packet) => {
                let _ = receiver.packet(now, &packet, &mut deliver);
            }
            // What is no packet may be a message with its number, as it comes over TCP.
            Err(_) => {
                let number = part
                    .first_chunk::<8>()
                    .map_or(0, |number| u64::from_be_bytes(*number));
                receiver.message(now, number, part, &mut deliver);
            }
        }
        let next = receiver.next_sequence();
        assert_eq!(next, expected);
        let mut asked = 0;
        receiver.requests(now, |first, count| {
            assert!(first >= next && count > 0);
            asked += u64::from(count);
        });
        assert!(asked <= 32, "{asked} messages asked for at once");
        assert!(receiver.known_sequence() >= next);
        let _ = (
            receiver.missing(),
            receiver.has_gap(),
            receiver.deadline(),
            receiver.is_finished(),
        );
    }
    receiver.skip_to(expected.saturating_add(1), |_, _| {});
    expected > 1
}

/// Requests and responses, as a client that remembers has them.
pub(crate) fn entry_clients(bytes: &[u8]) -> bool {
    let config = EntryClientConfig {
        orders_max: 16,
        requests_max: 8,
        reductions_max: 8,
        ..EntryClientConfig::default()
    };
    let mut client = EntryClient::new(config);
    let (mut now, mut has_kept) = (0, false);
    for part in parts(bytes) {
        now += 10_000_000;
        // Half of what is kept has the number that is next.
        let mut request = part.to_vec();
        if let (Some(next), true) = (client.next_user_ref(), part.len() >= 5 && part[4] & 1 == 0)
            && matches!(part[0], b'O' | b'C' | b'D' | b'E')
        {
            request[1..5].copy_from_slice(&next.to_be_bytes());
        }
        has_kept |= client.keep(now, &request).is_ok();
        if let Ok(response) = Response::decode(part) {
            let _ = client.response(&response, |_, request| {
                assert!(Request::decode(request).is_ok(), "what was kept is a request");
            });
        }
        client.poll(now, |request| assert!(Request::decode(request).is_ok()));
        assert!(client.unanswered_count() <= 8 && client.waiting_count() <= 16);
        assert!(client.live_count() <= 16);
        let _ = client.deadline();
    }
    has_kept
}

/// Numbers of datagrams with tags.
pub(crate) fn replay_windows(bytes: &[u8]) -> bool {
    let mut window = ReplayWindow::new();
    let mut taken = Vec::new();
    for number in bytes.as_chunks::<8>().0 {
        let number = u64::from_be_bytes(*number);
        if window.accept(number) {
            assert!(!taken.contains(&number), "{number} was taken twice");
            taken.push(number);
        }
        assert!(!window.accept(number), "{number} is new for ever");
    }
    taken.len() > 4
}
