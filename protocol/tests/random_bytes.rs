//! No decoder panics whatever the bytes, and what is encoded is decoded to the same. Seeded: a failure names its round.

use protocol::layout::Layout;
use protocol::market_data::{self, FeedMessage, SnapshotMessage, binary_file};
use protocol::order_entry::{
    self, Answer, DatagramPacker, Options, OptionsWriter, OrderDatagram, Question, Request, Response,
    datagram, options,
};
use protocol::packet::{self, Packer, Packet, PacketKind, RequestPacket};
use protocol::soup::{self, ClientPacket, Decoder, ServerPacket, encode};
use protocol::testing::Random;

const ROUNDS: u64 = 50_000;

/// Random bytes that begin with one of `first_bytes` in most rounds, of a length near one of `sizes` in most.
fn junk(random: &mut Random, first_bytes: &[u8], sizes: &[usize]) -> Vec<u8> {
    let length = match random.below(4) {
        0 => random.below(300) as usize,
        1 => random.pick(sizes) + random.below(12) as usize,
        2 => random.pick(sizes).saturating_sub(random.below(3) as usize),
        _ => *random.pick(sizes),
    };
    let mut bytes = vec![0; length];
    if !random.chance(1, 4) {
        random.fill(&mut bytes);
    }
    if let Some(first) = bytes.first_mut()
        && !random.chance(1, 10)
    {
        *first = *random.pick(first_bytes);
    }
    bytes
}

/// Feeds a decoder with junk; it has to say both yes and no often enough, or the junk is too blind.
fn survives(seed: u64, first_bytes: &[u8], sizes: &[usize], mut decode: impl FnMut(&[u8]) -> bool) {
    let mut random = Random::new(seed);
    let mut decoded = 0;
    for _ in 0..ROUNDS {
        decoded += u64::from(decode(&junk(&mut random, first_bytes, sizes)));
    }
    assert!(
        (ROUNDS / 100..ROUNDS * 99 / 100).contains(&decoded),
        "{decoded} of {ROUNDS} decoded"
    );
}

fn types_and_sizes(layouts: &[&[Layout]]) -> (Vec<u8>, Vec<usize>) {
    let all = || layouts.iter().flat_map(|layouts| layouts.iter());
    (
        all().map(|layout| layout.message_type).collect(),
        all().map(|layout| layout.size).collect(),
    )
}

#[test]
fn message_decoders_survive() {
    let (types, sizes) = types_and_sizes(&[order_entry::requests::LAYOUTS, order_entry::own::LAYOUTS]);
    survives(1, &types, &sizes, |bytes| {
        Request::decode(bytes).is_ok_and(|request| {
            // Printing walks through everything that is lent.
            !format!("{request:?}").is_empty() && request.options().iter().count() <= bytes.len()
        })
    });
    survives(2, &types, &sizes, |bytes| {
        Question::decode(bytes).is_ok_and(|q| !format!("{q:?}").is_empty())
    });
    survives(3, &types, &sizes, |bytes| {
        Answer::decode(bytes).is_ok_and(|a| !format!("{a:?}").is_empty())
    });
    let (types, sizes) = types_and_sizes(&[order_entry::responses::LAYOUTS]);
    survives(4, &types, &sizes, |bytes| {
        Response::decode(bytes).is_ok_and(|response| {
            let _ = response.user_ref();
            !format!("{response:?}").is_empty()
        })
    });
    let (types, sizes) = types_and_sizes(&[market_data::messages::LAYOUTS, market_data::glimpse::LAYOUTS]);
    survives(5, &types, &sizes, |bytes| {
        let _ = SnapshotMessage::decode(bytes);
        FeedMessage::decode(bytes).is_ok_and(|message| {
            let _ = (message.locate(), message.timestamp());
            !format!("{message:?}").is_empty()
        })
    });
}

#[test]
fn options_survive() {
    survives(6, &[1, 2, 3, 5, 9], &[0, 2, 3, 6, 10], |bytes| {
        Options::parse(bytes).is_ok_and(|parsed| {
            let _ = (
                parsed.are_defined(),
                parsed.stop_price(),
                parsed.fee(),
                parsed.firm(),
            );
            // Every byte belongs to exactly one option.
            parsed.iter().map(|(_, value)| value.len() + 2).sum::<usize>() == bytes.len()
        })
    });
}

/// A datagram with `header` bytes, its count at the end of them, and blocks that mostly fit.
fn blocks_junk(random: &mut Random, header: usize) -> Vec<u8> {
    let mut bytes = vec![0; header];
    random.fill(&mut bytes);
    let count = random.below(6) as u16;
    bytes[header - 2..].copy_from_slice(&count.to_be_bytes());
    for _ in 0..count {
        let message = junk(random, b"OUXMCDEQrz", &[9, 47, 40, 10, 1]);
        let length = if random.chance(1, 20) {
            random.below(70_000) as u16
        } else {
            message.len() as u16
        };
        bytes.extend(length.to_be_bytes());
        bytes.extend(message);
    }
    match random.below(10) {
        0 => bytes.truncate(random.below(bytes.len() as u64 + 1) as usize),
        1 => bytes.extend([0, 0, 1]),
        2..5 => bytes.resize(bytes.len() + random.below(900) as usize, 0),
        _ => {}
    }
    bytes
}

#[test]
fn datagrams_and_packets_survive() {
    let mut random = Random::new(7);
    let (mut datagrams, mut packets, mut requests, mut messages) = (0, 0, 0, 0_usize);
    for round in 0..ROUNDS {
        let bytes = blocks_junk(&mut random, datagram::HEADER_BYTES);
        if let Ok(datagram) = OrderDatagram::parse(&bytes) {
            datagrams += 1;
            let count = usize::from(datagram.message_count());
            assert_eq!(datagram.messages().count(), count, "round {round}");
            assert_eq!(datagram.requests().count(), count, "round {round}");
            messages += count;
        }
        let _ = OrderDatagram::number_of(&bytes);
        let _ = OrderDatagram::token_of(&bytes);
        let bytes = blocks_junk(&mut random, packet::HEADER_BYTES);
        if let Ok(packet) = Packet::parse(&bytes) {
            packets += 1;
            assert_eq!(
                packet.numbered().count(),
                usize::from(packet.count()),
                "round {round}"
            );
            assert!(packet.next_sequence() >= packet.sequence(), "round {round}");
        }
        let bytes = junk(&mut random, &[0], &[20]);
        requests += u64::from(RequestPacket::parse(&bytes).is_ok());
    }
    for decoded in [datagrams, packets, requests] {
        assert!(
            (ROUNDS / 100..ROUNDS * 99 / 100).contains(&decoded),
            "{decoded} of {ROUNDS} decoded"
        );
    }
    assert!(messages > 1_000, "{messages} messages in good datagrams");
}

#[test]
fn streams_survive() {
    let mut random = Random::new(8);
    let (mut packets, mut errors) = (0_u64, 0_u64);
    for _ in 0..5_000 {
        let mut decoder = Decoder::new(128);
        let from_client = random.chance(1, 2);
        for _ in 0..20 {
            let mut bytes = junk(&mut random, &[0], &[3, 33, 49, 54]);
            if let [_, length, packet_type, ..] = &mut bytes[..]
                && random.chance(3, 4)
            {
                *length = *random.pick(&[1, 2, 31, 47, 52, 0]);
                *packet_type = *random.pick(b"LAJSUHZRO+?");
            }
            let _ = decoder.feed(&bytes);
            let mut next = || {
                Ok::<_, protocol::Malformed>(if from_client {
                    decoder.next_from_client()?.map(|packet| format!("{packet:?}"))
                } else {
                    decoder.next_from_server()?.map(|packet| format!("{packet:?}"))
                })
            };
            loop {
                match next() {
                    Ok(Some(_)) => packets += 1,
                    Ok(None) => break,
                    Err(_) => {
                        errors += 1;
                        decoder.clear();
                        break;
                    }
                }
            }
        }
    }
    assert!(
        packets > 10_000 && errors > 1_000,
        "{packets} packets, {errors} errors"
    );
}

#[test]
fn recorded_days_survive() {
    survives(9, &[0], &[0, 2, 5], |bytes| {
        let records: Vec<_> = binary_file::Reader::new(bytes).collect();
        assert!(
            records.iter().rev().skip(1).all(Result::is_ok),
            "damage is the last thing told"
        );
        let good: usize = records.iter().flatten().map(|message| message.len() + 2).sum();
        if let Some(Err(damage)) = records.last() {
            assert_eq!(damage.position, good);
            return false;
        }
        assert_eq!(good, bytes.len());
        true
    });
}

/// Options with defined values, in a random choice and order.
fn random_options(random: &mut Random, buffer: &mut [u8]) -> usize {
    let mut writer = OptionsWriter::new(buffer);
    for option in options::DEFINITIONS {
        if random.chance(1, 4) {
            let mut value = [0; 8];
            random.fill(&mut value);
            if !option.values.is_empty() {
                value[0] = *random.pick(option.values);
            }
            assert!(writer.push(option.tag, &value[..option.size]));
        }
    }
    writer.finish().len()
}

/// Random messages of each layout, written with random options: decoded to the same.
macro_rules! round_trips {
    ($random:ident, $enum:ident { $( $variant:ident($message:ty) ),* $(,)? }) => {
        $(
            for round in 0..200 {
                let mut message = <$message as zerocopy::FromZeros>::new_zeroed();
                $random.fill(zerocopy::IntoBytes::as_mut_bytes(&mut message));
                message.message_type = <$message as protocol::layout::WireMessage>::LAYOUT.message_type;
                let mut appendage = [0; 256];
                let length = random_options(&mut $random, &mut appendage);
                let mut buffer = [0; 512];
                let written = order_entry::write_message(&message, &appendage[..length], &mut buffer).expect("room");
                let Ok($enum::$variant(decoded, options)) = $enum::decode(&buffer[..written]) else {
                    panic!("{} round {round}", stringify!($variant));
                };
                assert_eq!(options.bytes(), &appendage[..length]);
                assert!(options.are_defined());
                // All but Appendage Length, which the encoder sets.
                let mut copy = *decoded;
                let layout = <$message as protocol::layout::WireMessage>::LAYOUT;
                if layout.has_appendage_length() {
                    let bytes = zerocopy::IntoBytes::as_mut_bytes(&mut copy);
                    bytes[layout.size - 2..]
                        .copy_from_slice(&zerocopy::IntoBytes::as_bytes(&message)[layout.size - 2..]);
                }
                assert_eq!(copy, message);
            }
        )*
    };
}

#[test]
fn order_entry_round_trips() {
    use order_entry::requests as ask;
    use order_entry::responses as tell;
    let mut random = Random::new(10);
    round_trips!(random, Request {
        Enter(ask::EnterOrder), Replace(ask::ReplaceOrder), Cancel(ask::CancelOrder), Modify(ask::ModifyOrder),
        MassCancel(ask::MassCancel), DisableOrderEntry(ask::DisableOrderEntry),
        EnableOrderEntry(ask::EnableOrderEntry), AccountQuery(ask::AccountQuery),
    });
    round_trips!(random, Response {
        SystemEvent(tell::SystemEvent), Accepted(tell::OrderAccepted), Replaced(tell::OrderReplaced),
        Canceled(tell::OrderCanceled), AiqCanceled(tell::AiqCanceled), Executed(tell::OrderExecuted),
        BrokenTrade(tell::BrokenTrade), Rejected(tell::OrderRejected), CancelPending(tell::CancelPending),
        CancelReject(tell::CancelReject), PriorityUpdate(tell::OrderPriorityUpdate), Modified(tell::OrderModified),
        Restated(tell::OrderRestated), MassCancel(tell::MassCancelResponse),
        OrderEntryDisabled(tell::DisableOrderEntryResponse), OrderEntryEnabled(tell::EnableOrderEntryResponse),
        AccountQuery(tell::AccountQueryResponse),
    });
}

#[test]
fn datagrams_and_packets_round_trip() {
    let mut random = Random::new(11);
    let mut datagram_packer = DatagramPacker::default();
    let mut packer = Packer::new(*b"ITCH000001", 1, 600);
    let mut sequence = 1;
    for round in 0..2_000 {
        let mut token = [0; 8];
        random.fill(&mut token);
        let number = random.next_u64();
        datagram_packer.start(token, number);
        let mut messages = Vec::new();
        for _ in 0..random.below(40) {
            let mut message = vec![0; 1 + random.below(60) as usize];
            random.fill(&mut message);
            message[0] = b'z';
            if datagram_packer.push(&message) {
                messages.push(message);
            }
        }
        let pad_to = random.chance(1, 2).then(|| random.below(1_600) as usize);
        let bytes = datagram_packer.finish(pad_to);
        let datagram = OrderDatagram::parse(bytes).unwrap_or_else(|error| panic!("round {round}: {error}"));
        assert_eq!((datagram.token(), datagram.number()), (token, number));
        assert!(datagram.messages().eq(messages.iter().map(Vec::as_slice)));

        let mut messages = Vec::new();
        for _ in 0..=random.below(20) {
            let mut message = vec![0; random.below(60) as usize];
            random.fill(&mut message);
            if packer.push(&message) {
                messages.push(message);
            }
        }
        let packet = Packet::parse(packer.finish(pad_to).expect("not empty")).expect("our own packet");
        assert_eq!(
            (packet.sequence(), packet.kind()),
            (sequence, PacketKind::Messages)
        );
        assert!(packet.messages().eq(messages.iter().map(Vec::as_slice)));
        sequence = packet.next_sequence();
    }
    assert_eq!(packer.next_sequence(), sequence);
}

#[test]
fn streams_round_trip_in_any_pieces() {
    let mut random = Random::new(12);
    let mut buffer = [0; 512];
    let mut stream = Vec::new();
    let mut payloads = Vec::new();
    for _ in 0..2_000 {
        let mut payload = vec![0; random.below(200) as usize];
        random.fill(&mut payload);
        let length = encode::sequenced(&payload, &mut buffer).expect("room");
        stream.extend(&buffer[..length]);
        payloads.push(payload);
    }
    let mut decoder = Decoder::new(256);
    let mut rest = &stream[..];
    let mut decoded = payloads.iter();
    while !rest.is_empty() {
        let wanted = (1 + random.below(300) as usize).min(rest.len());
        let taken = decoder.feed(&rest[..wanted]);
        assert!(taken > 0, "a drained decoder has room");
        rest = &rest[taken..];
        while let Some(packet) = decoder.next_from_server().expect("our own packets") {
            assert_eq!(
                Some(packet),
                decoded.next().map(|payload| ServerPacket::Sequenced(payload))
            );
        }
    }
    assert_eq!(decoded.next(), None);
}

#[test]
fn logins_round_trip() {
    let mut random = Random::new(13);
    let mut buffer = [0; 64];
    for _ in 0..2_000 {
        let sequence = random.next_u64() >> random.below(64);
        let timeout = random.chance(1, 2).then(|| random.below(100_000) as u32);
        let length =
            encode::login("user", "password", "+00000001", sequence, timeout, &mut buffer).expect("fits");
        let mut decoder = Decoder::new(64);
        assert_eq!(decoder.feed(&buffer[..length]), length);
        let Ok(Some(ClientPacket::Login(login))) = decoder.next_from_client() else {
            panic!("no login")
        };
        assert_eq!((login.username, login.password), (&b"user"[..], &b"password"[..]));
        assert_eq!(
            (login.requested_sequence, login.heartbeat_timeout_ms),
            (sequence, timeout)
        );
        assert!(login.is_replay());
        let length = encode::login_accepted(*b"O000000001", sequence, &mut buffer).expect("fits");
        assert_eq!(length, 33);
        assert_eq!(decoder.feed(&buffer[..length]), length);
        let expected = ServerPacket::LoginAccepted {
            session: *b"O000000001",
            next_sequence: sequence,
        };
        assert_eq!(decoder.next_from_server(), Ok(Some(expected)));
    }
    assert_eq!(encode::login_rejected(soup::REJECT_SESSION, &mut buffer), Some(4));
}
