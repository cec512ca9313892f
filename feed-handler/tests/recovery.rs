//! The recovery client against a scripted server, byte for byte.

use feed_handler::recovery::{Credentials, RecoveryClient, RecoveryFailure};
use protocol::Malformed;
use protocol::soup::encode;
use protocol::testing::Random;

const SESSION: [u8; 10] = *b"ITCH000001";
const SECOND_NS: u64 = 1_000_000_000;

fn accepted(session: [u8; 10], next: u64) -> Vec<u8> {
    let mut buffer = [0; 64];
    let length = encode::login_accepted(session, next, &mut buffer).unwrap();
    buffer[..length].to_vec()
}

fn sequenced(text: &[u8]) -> Vec<u8> {
    let mut buffer = [0; 64];
    let length = encode::sequenced(text, &mut buffer).unwrap();
    buffer[..length].to_vec()
}

/// A client that has asked for messages from 5 on, its login sent.
fn client(session: Option<[u8; 10]>) -> RecoveryClient {
    let mut client = RecoveryClient::new(Credentials::new("FEED", "secret").unwrap());
    client.login(session, 5, 0);
    let length = client.outgoing().len();
    client.sent(length);
    client
}

type Delivered = Vec<(u64, Vec<u8>)>;

fn feed(client: &mut RecoveryClient, bytes: &[u8], now_ns: u64) -> Result<Delivered, RecoveryFailure> {
    client.space()[..bytes.len()].copy_from_slice(bytes);
    let mut delivered = Vec::new();
    let count = client.filled(bytes.len(), now_ns, |session, sequence, message| {
        assert_eq!(session, SESSION);
        delivered.push((sequence, message.to_vec()));
    })?;
    assert_eq!(count, delivered.len());
    Ok(delivered)
}

#[test]
fn the_login_asks_for_session_and_number() {
    let mut client = RecoveryClient::new(Credentials::new("FEED", "secret").unwrap());
    assert!(client.outgoing().is_empty());
    client.login(Some(SESSION), 5, 0);
    let login = b"\0\x2fLFEED  secret    ITCH000001                   5";
    assert_eq!(client.outgoing(), login);
    client.sent(10);
    assert_eq!(client.outgoing(), &login[10..]);
    client.login(None, 5, 0);
    assert_eq!(&client.outgoing()[19..29], b"          ");
    assert!(Credentials::new("TOOLONG", "").is_err() && Credentials::new("", "elevenchars").is_err());
    assert!(!format!("{:?}", Credentials::new("FEED", "secret").unwrap()).contains("secret"));
}

#[test]
fn a_stream_in_any_pieces_is_numbered() {
    let stream = [
        accepted(SESSION, 5),
        b"\0\x06+hello".to_vec(),
        sequenced(b"five"),
        b"\0\x01H".to_vec(),
        sequenced(b""),
        sequenced(b"seven"),
        b"\0\x01Z".to_vec(),
    ]
    .concat();
    for piece in 1..stream.len() {
        let mut client = client(None);
        assert_eq!(client.session(), None);
        let mut delivered = Vec::new();
        for bytes in stream.chunks(piece) {
            delivered.extend(feed(&mut client, bytes, 1).unwrap());
        }
        let expected = [(5, b"five".to_vec()), (6, b"".to_vec()), (7, b"seven".to_vec())];
        assert_eq!(delivered, expected, "pieces of {piece}");
        assert_eq!(
            (client.session(), client.next(), client.has_ended()),
            (Some(SESSION), 8, true)
        );
    }
}

#[test]
fn answers_that_end_it() {
    let other = *b"ITCH000002";
    let unavailable = RecoveryFailure::Unavailable { asked: 5, offered: 9 };
    let table: [(Vec<u8>, RecoveryFailure); 6] = [
        (b"\0\x02JA".to_vec(), RecoveryFailure::Rejected(b'A')),
        (b"\0\x02JS".to_vec(), RecoveryFailure::Rejected(b'S')),
        (accepted(other, 5), RecoveryFailure::OtherSession),
        (accepted(SESSION, 9), unavailable),
        (b"\0\0".to_vec(), RecoveryFailure::Malformed(Malformed::Empty)),
        (
            b"\0\x05Aabcd".to_vec(),
            RecoveryFailure::Malformed(Malformed::Short),
        ),
    ];
    for (answer, failure) in table {
        assert_eq!(feed(&mut client(Some(SESSION)), &answer, 1), Err(failure));
        assert!(!failure.to_string().is_empty());
    }
    // Earlier than asked is no harm: what is known already is not used twice.
    let mut client = client(Some(SESSION));
    assert_eq!(feed(&mut client, &accepted(SESSION, 3), 1), Ok(vec![]));
    assert_eq!(client.next(), 3);
}

#[test]
fn messages_before_the_login_is_accepted_are_not_used() {
    let mut client = client(None);
    assert_eq!(feed(&mut client, &sequenced(b"early"), 1), Ok(vec![]));
    assert_eq!(feed(&mut client, &accepted(SESSION, 5), 1), Ok(vec![]));
    assert_eq!(
        feed(&mut client, &sequenced(b"five"), 1),
        Ok(vec![(5, b"five".to_vec())])
    );
}

#[test]
fn heartbeats_go_out_and_silence_ends_it() {
    let mut waiting = client(None);
    assert_eq!(waiting.tick(5 * SECOND_NS - 1), Ok(()));
    assert_eq!(waiting.tick(5 * SECOND_NS), Err(RecoveryFailure::Silent));

    let mut client = client(None);
    feed(&mut client, &accepted(SESSION, 5), SECOND_NS / 2).unwrap();
    client.tick(SECOND_NS - 1).unwrap();
    assert_eq!(client.outgoing(), b"");
    client.tick(SECOND_NS).unwrap();
    assert_eq!(client.outgoing(), b"\0\x01R");
    client.sent(3);
    feed(&mut client, b"\0\x01H", 10 * SECOND_NS).unwrap();
    assert_eq!(client.tick(25 * SECOND_NS - 1), Ok(()));
    assert_eq!(client.tick(25 * SECOND_NS), Err(RecoveryFailure::Silent));
}

#[test]
fn a_client_that_cannot_send_stays_bounded() {
    let mut client = client(None);
    feed(&mut client, &accepted(SESSION, 5), 0).unwrap();
    for second in 1..1_000 {
        feed(&mut client, b"\0\x01H", second * SECOND_NS).unwrap();
        client.tick(second * SECOND_NS).unwrap();
    }
    assert!(client.outgoing().len() <= 128);
    assert!(client.outgoing().chunks(3).all(|packet| packet == b"\0\x01R"));
}

#[test]
fn it_leaves_with_a_logout() {
    let mut client = client(None);
    feed(&mut client, &accepted(SESSION, 5), 0).unwrap();
    client.logout(1);
    assert_eq!(client.outgoing(), b"\0\x01O");
    assert_eq!(feed(&mut client, &sequenced(b"late"), 2), Ok(vec![]));
}

#[test]
fn random_bytes_never_panic() {
    let mut random = Random::new(3);
    for _ in 0..2_000 {
        let mut client = client(None);
        let mut bytes = [accepted(SESSION, 5), sequenced(b"five"), sequenced(b"six")].concat();
        for _ in 0..random.below(6) {
            let place = random.below(bytes.len() as u64) as usize;
            bytes[place] = random.next_u64() as u8;
        }
        let space = client.space();
        space[..bytes.len()].copy_from_slice(&bytes);
        // Whatever it answers is right; that it answers is the test.
        let _outcome = client.filled(bytes.len(), 1, |_, _, _| ());
    }
}
