//! Valid inputs, made from the layouts: each message once, with and without options.

use protocol::layout::Layout;
use protocol::market_data::{self, binary_file};
use protocol::order_entry::{self, DatagramPacker, OptionsWriter, options};
use protocol::packet::{Packer, RequestPacket};
use protocol::soup::encode;
use protocol::testing::Random;
use zerocopy::IntoBytes;

/// One message of each layout, with plausible fields: small numbers and letters.
fn messages(layouts: &[&[Layout]]) -> Vec<Vec<u8>> {
    let mut random = Random::new(1);
    let mut all = Vec::new();
    for layout in layouts.iter().flat_map(|layouts| layouts.iter()) {
        let mut bytes = vec![0; layout.size];
        bytes.iter_mut().for_each(|byte| {
            *byte = *random.pick(&[0, 0, 0, 1, 2, b'A', b'B', b' ']);
        });
        bytes[0] = layout.message_type;
        if layout.has_appendage_length() {
            let length = bytes.len();
            bytes[length - 2..].fill(0);
            all.push(bytes.clone());
            let appendage = options().swap_remove(0);
            bytes[length - 2..].copy_from_slice(&(appendage.len() as u16).to_be_bytes());
            bytes.extend(appendage);
        }
        all.push(bytes);
    }
    all
}

pub(super) fn requests() -> Vec<Vec<u8>> {
    messages(&[order_entry::requests::LAYOUTS, order_entry::own::LAYOUTS])
}

pub(super) fn responses() -> Vec<Vec<u8>> {
    messages(&[order_entry::responses::LAYOUTS, order_entry::own::LAYOUTS])
}

pub(super) fn feed() -> Vec<Vec<u8>> {
    messages(&[market_data::messages::LAYOUTS, market_data::glimpse::LAYOUTS])
}

/// All options at once, and each alone.
pub(super) fn options() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let mut buffer = [0; 512];
    for single in 0..=options::DEFINITIONS.len() {
        let mut writer = OptionsWriter::new(&mut buffer);
        for (place, option) in options::DEFINITIONS.iter().enumerate() {
            if single == 0 || single == place + 1 {
                let mut value = [1; 8];
                if let Some(first) = option.values.first() {
                    value[0] = *first;
                }
                // What has no room is left out.
                let _ = writer.push(option.tag, &value[..option.size]);
            }
        }
        all.push(writer.finish().to_vec());
    }
    all
}

pub(super) fn order_datagrams() -> Vec<Vec<u8>> {
    let mut packer = DatagramPacker::default();
    let mut all = Vec::new();
    for (number, some) in (1..).zip(requests().chunks(3)) {
        packer.start(*b"TOKENTOK", number);
        for message in some {
            assert!(packer.push(message), "three requests fit");
        }
        all.push(packer.finish(None).to_vec());
        all.push([packer.finish(Some(600)), &[7; 16]].concat());
    }
    all
}

pub(super) fn packets() -> Vec<Vec<u8>> {
    let mut packer = Packer::new(*b"ITCH000001", 1, 1_400);
    let mut all = vec![packer.heartbeat().to_vec(), packer.end_of_session().to_vec()];
    for some in feed().chunks(4) {
        for message in some {
            assert!(packer.push(message), "four messages fit");
        }
        all.push(packer.finish(None).expect("not empty").to_vec());
    }
    all.push(RequestPacket::new(*b"ITCH000001", 3, 9).as_bytes().to_vec());
    all
}

pub(super) fn recorded_day() -> Vec<Vec<u8>> {
    let mut day = Vec::new();
    let mut buffer = [0; 256];
    for message in feed() {
        let length = binary_file::write_record(&message, &mut buffer).expect("it fits");
        day.extend(&buffer[..length]);
    }
    vec![day[..120].to_vec(), day]
}

/// What a client says, and what a server says, each as one stream.
pub(super) fn streams() -> Vec<Vec<u8>> {
    let mut buffer = [0; 512];
    let mut client = Vec::new();
    let length =
        encode::login("ALICE", "secret", "OE00001001", 7, Some(5_000), &mut buffer).expect("it fits");
    client.extend(&buffer[..length]);
    let length = encode::login("ALICE", "secret", "", 1, None, &mut buffer).expect("it fits");
    client.extend(&buffer[..length]);
    for message in requests() {
        let length = encode::unsequenced(&message, &mut buffer).expect("it fits");
        client.extend(&buffer[..length]);
    }
    client.extend(encode::CLIENT_HEARTBEAT);
    let mut server = Vec::new();
    let length = encode::login_accepted(*b"OE00001001", 8, &mut buffer).expect("it fits");
    server.extend(&buffer[..length]);
    let length = encode::debug(b"exchange", &mut buffer).expect("it fits");
    server.extend(&buffer[..length]);
    for message in responses() {
        let length = encode::sequenced(&message, &mut buffer).expect("it fits");
        server.extend(&buffer[..length]);
    }
    server.extend(encode::SERVER_HEARTBEAT);
    let length = encode::login_rejected(b'A', &mut buffer).expect("it fits");
    server.extend(&buffer[..length]);
    client.extend(encode::LOGOUT);
    server.extend(encode::END_OF_SESSION);
    // Short ones too: what comes late in a long one is seldom reached.
    let mut all = vec![client.clone(), server.clone()];
    all.extend(client.chunks(90).map(<[u8]>::to_vec));
    all.extend(server.chunks(90).map(<[u8]>::to_vec));
    all
}
