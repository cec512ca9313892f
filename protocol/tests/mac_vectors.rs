//! The values in `docs/protocol/order-datagrams.md` by which strangers check their implementation of `mac` authentication
//! are those of the code. They were made with Python's `hmac` and `openssl mac`, not with it.

use std::path::PathBuf;

use protocol::authentication::{LoginKeys, Mac, MacAlgorithm, MacSecret, Secret, open_datagram, open_packet};
use protocol::order_entry::{OrderDatagram, Request};
use protocol::packet::{Packet, PacketKind};
use protocol::testing::from_hex;

/// The bytes behind a name in the table of test vectors.
fn vector(name: &str) -> Vec<u8> {
    let path: PathBuf = [
        env!("CARGO_MANIFEST_DIR"),
        "..",
        "docs/protocol/order-datagrams.md",
    ]
    .iter()
    .collect();
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let row = text
        .lines()
        .find_map(|line| line.strip_prefix(&format!("| {name} | ")))
        .unwrap_or_else(|| panic!("no test vector {name:?}"));
    from_hex(row.trim_end_matches(" |").trim_matches('`'))
}

fn keys(algorithm: MacAlgorithm) -> LoginKeys {
    let secret = String::from_utf8(hex(&vector("Secret"))).expect("digits");
    let secret = Secret::from_hex(&secret).expect("32 bytes");
    let salt = vector("Salt").try_into().expect("16 bytes");
    let session = vector("Session name").try_into().expect("10 characters");
    LoginKeys::derive(&MacSecret { algorithm, secret }, &salt, &session)
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    bytes
        .iter()
        .flat_map(|byte| format!("{byte:02x}").into_bytes())
        .collect()
}

#[test]
fn keys_are_those_of_the_document() {
    let keys = keys(MacAlgorithm::Aes128Gmac);
    for (key, name) in [
        (keys.to_exchange, "Key client to exchange"),
        (keys.to_client, "Key exchange to client"),
    ] {
        let words = key.to_words();
        let bytes = [words[0].to_le_bytes(), words[1].to_le_bytes()].concat();
        assert_eq!(bytes, vector(name), "{name}");
    }
}

fn each(check: impl Fn(LoginKeys, &str)) {
    check(keys(MacAlgorithm::Aes128Gmac), "GMAC");
    check(keys(MacAlgorithm::SipHash24), "SipHash");
}

#[test]
fn a_datagram_has_the_tag_of_the_document() {
    let covered = vector("Datagram");
    let datagram = OrderDatagram::parse(&covered).expect("it is one");
    assert!(
        datagram
            .requests()
            .eq([Request::decode(b"X\0\0\0\x07\0\0\0\0").expect("a cancel")])
    );
    each(|keys, name| {
        let mac: Mac = keys.to_exchange.mac();
        let tag = vector(&format!("Its tag, {name}"));
        assert_eq!(mac.tag(datagram.number(), &covered).to_vec(), tag);
        let sealed = [&covered[..], &tag].concat();
        assert_eq!(open_datagram(&mac, &sealed), Some((1, &covered[..])));
    });
}

#[test]
fn packets_have_the_tags_of_the_document() {
    for (packet, counter) in [("Heartbeat", 1), ("Heartbeat sent again", 1 << 63)] {
        each(|keys, name| {
            let tag = vector(&format!("{packet}: its tag, {name}"));
            let sealed = [vector(packet), tag].concat();
            let (count, bytes) = open_packet(&keys.to_client.mac(), &sealed).expect("the tag is right");
            assert_eq!(count, counter);
            let heartbeat = Packet::parse(bytes).expect("it is one");
            assert_eq!(
                (heartbeat.kind(), heartbeat.sequence()),
                (PacketKind::Heartbeat, 9)
            );
        });
    }
}
