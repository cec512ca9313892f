//! Two ends of a connection in memory: what is said inside arrives whole, what must not be believed is not, and nothing grows.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt;
use std::rc::Rc;

use tls::testing::Authority;
use tls::{BYTES_MAX, Failure, FileError, Identity, IdentityFiles, Stream, Trust, TrustFiles, Which};

const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
/// Longer than any handshake here.
const TURNS_MAX: usize = 2_000_000;

/// One direction of a connection.
#[derive(Debug, Default)]
struct Pipe {
    bytes: VecDeque<u8>,
    is_closed: bool,
}

/// An end that moves a few bytes at a time and has room for some.
#[derive(Debug)]
struct End {
    incoming: Rc<RefCell<Pipe>>,
    outgoing: Rc<RefCell<Pipe>>,
    piece: usize,
    room: usize,
}

fn ends(piece: usize, room: usize) -> (End, End) {
    // Its room is taken now: what is measured is the streams'.
    let pipe = || Pipe {
        bytes: VecDeque::with_capacity(room.min(1 << 17)),
        is_closed: false,
    };
    let (one, other) = (Rc::new(RefCell::new(pipe())), Rc::new(RefCell::new(pipe())));
    let end = |incoming: &Rc<_>, outgoing: &Rc<_>| End {
        incoming: Rc::clone(incoming),
        outgoing: Rc::clone(outgoing),
        piece,
        room,
    };
    (end(&one, &other), end(&other, &one))
}

impl Read for End {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut pipe = self.incoming.borrow_mut();
        let count = buffer.len().min(pipe.bytes.len()).min(self.piece);
        if count == 0 && !pipe.is_closed {
            return Err(ErrorKind::WouldBlock.into());
        }
        for (to, from) in buffer.iter_mut().zip(pipe.bytes.drain(..count)) {
            *to = from;
        }
        Ok(count)
    }
}

impl Write for End {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut pipe = self.outgoing.borrow_mut();
        let count = bytes
            .len()
            .min(self.room - self.room.min(pipe.bytes.len()))
            .min(self.piece);
        if count == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        pipe.bytes.extend(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.outgoing.borrow_mut().is_closed = true;
    }
}

fn identity(files: &IdentityFiles) -> Identity {
    Identity::read(files).expect("the files are right")
}

fn trust(files: &TrustFiles) -> Trust {
    Trust::read(files).expect("the files are right")
}

/// What a read brings; `None`: nothing yet.
fn read(stream: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut buffer = vec![0; 3_000];
    match stream.read(&mut buffer) {
        Ok(count) => Ok(Some(buffer[..count].to_vec())),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

/// Lets both read until one of them fails or has read something; says why, or what.
fn meet(server: &mut Stream<End>, client: &mut Stream<End>) -> [io::Result<Option<Vec<u8>>>; 2] {
    for _ in 0..TURNS_MAX {
        let each = [read(server), read(client)];
        if !matches!(each, [Ok(None), Ok(None)]) {
            return each;
        }
    }
    panic!("nothing happens");
}

/// What the client says of a server with this identity.
fn verdict(identity: &Identity, trust: &Trust) -> Result<(), Failure> {
    let (near, far) = ends(usize::MAX, usize::MAX);
    let mut server = identity.accept(near).expect("there is randomness");
    let mut client = trust.connect(far, ADDRESS).expect("there is randomness");
    client.write_all(b"hello").expect("there is room");
    let mut failure = None;
    for _ in 0..TURNS_MAX {
        let at_server = read(&mut server);
        if let Err(error) = read(&mut client) {
            failure = Some(Failure::of(&error).expect("it is about TLS"));
        }
        match (at_server, failure) {
            (Ok(Some(bytes)), None) if bytes == b"hello" => return Ok(()),
            // The server knows too that it is over: by an alert, or because it was the one to refuse.
            (Err(error), Some(failure)) => {
                assert!(Failure::of(&error).is_some(), "{error}");
                return Err(failure);
            }
            (Err(error), None) => assert_eq!(error.kind(), ErrorKind::InvalidData),
            (Ok(None), _) => {}
            (Ok(Some(bytes)), _) => panic!("{bytes:?}"),
        }
    }
    panic!("nothing happens");
}

#[test]
fn what_is_said_arrives_whole_through_a_narrow_pipe() {
    let authority = Authority::new("ours");
    let identity = identity(&authority.identity(&["192.0.2.1"]));
    let trust = trust(&authority.trust(None));
    for (piece, room) in [(7, 50), (usize::MAX, 4_000), (usize::MAX, usize::MAX)] {
        let (near, far) = ends(piece, room);
        let mut server = identity.accept(near).expect("there is randomness");
        let mut client = trust.connect(far, ADDRESS).expect("there is randomness");
        let said: Vec<u8> = (0..100_000_u32).map(|number| (number * 7 % 251) as u8).collect();
        let (mut sent, mut returned, mut got) = (0, 0, Vec::new());
        let mut back = Vec::new();
        for _ in 0..TURNS_MAX {
            sent += client.write(&said[sent..]).unwrap_or(0);
            if let Some(bytes) = read(&mut server).expect("nothing fails") {
                got.extend(bytes);
            }
            if returned < got.len() {
                returned += server.write(&got[returned..]).unwrap_or(0);
            }
            let _ = (server.flush(), client.flush());
            if let Some(bytes) = read(&mut client).expect("nothing fails") {
                back.extend(bytes);
            }
            if back.len() == said.len() {
                break;
            }
        }
        assert!(got == said && back == said, "pieces of {piece}");
        drop(client);
        let end = (0..TURNS_MAX).find_map(|_| read(&mut server).expect("nothing fails"));
        assert_eq!(end, Some(Vec::new()), "the end is seen");
    }
}

#[test]
fn a_client_that_only_reads_says_its_hello() {
    let authority = Authority::new("ours");
    let identity = identity(&authority.identity(&[&ADDRESS.to_string()]));
    let trust = trust(&authority.trust(None));
    let (near, far) = ends(usize::MAX, 1 << 16);
    let mut client = trust.connect(near, ADDRESS).expect("there is randomness");
    let mut server = identity.accept(far).expect("there is randomness");
    assert_eq!(
        client.read(&mut [0; 8]).expect_err("nothing is said").kind(),
        ErrorKind::WouldBlock
    );
    assert!(
        !server.socket().incoming.borrow().bytes.is_empty(),
        "its hello is there"
    );
    // And the handshake goes on by reading alone.
    server.write_all(b"welcome").expect("there is room");
    let [_, heard] = meet(&mut server, &mut client);
    assert_eq!(heard.expect("it is right"), Some(b"welcome".to_vec()));
}

#[test]
fn what_was_taken_and_has_not_left_is_told() {
    let authority = Authority::new("ours");
    let (near, far) = ends(usize::MAX, 6_000);
    let mut server = identity(&authority.identity(&["192.0.2.1"]))
        .accept(near)
        .expect("there is randomness");
    let mut client = trust(&authority.trust(None))
        .connect(far, ADDRESS)
        .expect("there is randomness");
    client.write_all(b"hello").expect("there is room");
    assert_eq!(
        meet(&mut server, &mut client)[0]
            .as_ref()
            .expect("nothing fails")
            .as_deref(),
        Some(&b"hello"[..])
    );
    server.flush().expect("all has left");
    assert_eq!(server.write(&[1; 50_000]).expect("a record is taken"), 16 * 1_024);
    assert_eq!(
        server.flush().expect_err("it does not fit").kind(),
        ErrorKind::WouldBlock
    );
    assert_eq!(
        server.write(&[1]).expect_err("there is one already").kind(),
        ErrorKind::WouldBlock
    );
    while server.flush().is_err() {
        read(&mut client).expect("nothing fails");
    }
    assert_eq!(server.write(&[1]).expect("there is room"), 1);
}

#[test]
fn who_is_not_to_be_believed_is_not() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let right = identity(&ours.identity(&["192.0.2.1", "exchange.example"]));
    assert_eq!(verdict(&right, &trust(&ours.trust(None))), Ok(()));
    assert_eq!(
        verdict(&right, &trust(&ours.trust(Some("exchange.example")))),
        Ok(())
    );
    assert_eq!(
        verdict(&right, &trust(&ours.trust(Some("other.example")))),
        Err(Failure::WrongName)
    );
    assert_eq!(
        verdict(&right, &trust(&theirs.trust(None))),
        Err(Failure::UnknownAuthority)
    );
    let elsewhere = identity(&ours.identity(&["192.0.2.2"]));
    assert_eq!(
        verdict(&elsewhere, &trust(&ours.trust(None))),
        Err(Failure::WrongName)
    );
}

#[test]
fn clients_show_who_they_are_where_they_are_asked() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let mut files = ours.identity(&["192.0.2.1"]);
    files.client_authority = Some(ours.file());
    let door = identity(&files);
    let with = |files: Option<IdentityFiles>| {
        trust(&TrustFiles {
            identity: files.map(|files| (files.certificate, files.key)),
            ..ours.trust(None)
        })
    };
    assert_eq!(verdict(&door, &with(Some(ours.identity(&["maker"])))), Ok(()));
    assert_eq!(verdict(&door, &with(None)), Err(Failure::ClientCertificate));
    assert_eq!(
        verdict(&door, &with(Some(theirs.identity(&["maker"])))),
        Err(Failure::ClientCertificate)
    );
}

#[test]
fn bytes_that_are_no_tls_end_the_connection_at_once() {
    let authority = Authority::new("ours");
    let identity = identity(&authority.identity(&["192.0.2.1"]));
    // A login in plain; the hello of TLS 1.2; a record longer than any.
    for (bytes, alert) in [
        (
            &b"\0\x2FLmaker1demo                1                   0"[..],
            false,
        ),
        (&hello_of_1_2(), true),
        (&b"\x16\x03\x01\xFF\xFF"[..], false),
    ] {
        let (near, mut far) = ends(usize::MAX, usize::MAX);
        let mut server = identity.accept(near).expect("there is randomness");
        far.write_all(bytes).expect("there is room");
        let error = (0..TURNS_MAX)
            .find_map(|_| read(&mut server).err())
            .expect("it is no TLS 1.3");
        let failure = Failure::of(&error).expect("it is about TLS");
        assert!(
            matches!(failure, Failure::NotTls | Failure::Version),
            "{failure:?}"
        );
        let answer = read(&mut far).expect("it is open").unwrap_or_default();
        if alert {
            // An alert: fatal, "protocol version".
            assert_eq!(answer, b"\x15\x03\x03\0\x02\x02\x46");
        }
        assert!(answer.len() <= 64, "{answer:?}");
    }
}

/// What a client says that knows TLS 1.2 at most.
fn hello_of_1_2() -> Vec<u8> {
    let mut body = b"\x03\x03".to_vec();
    body.extend([7; 32]);
    // No session; one suite; no compression; groups and signatures.
    body.extend(b"\0\0\x02\xC0\x2B\x01\0\0\x12\0\x0A\0\x04\0\x02\0\x1D\0\x0D\0\x06\0\x04\x04\x03\x08\x04");
    let mut message = vec![1, 0, 0, body.len() as u8];
    message.extend(body);
    let mut record = b"\x16\x03\x01\0".to_vec();
    record.push(message.len() as u8);
    record.extend(message);
    record
}

#[test]
fn a_changed_byte_is_noticed() {
    let authority = Authority::new("ours");
    let (near, far) = ends(usize::MAX, usize::MAX);
    let wire = Rc::clone(&near.incoming);
    let mut server = identity(&authority.identity(&["192.0.2.1"]))
        .accept(near)
        .expect("there is randomness");
    let mut client = trust(&authority.trust(None))
        .connect(far, ADDRESS)
        .expect("there is randomness");
    client.write_all(b"hello").expect("there is room");
    assert!(meet(&mut server, &mut client)[0].is_ok());
    client.write_all(b"again").expect("there is room");
    *wire.borrow_mut().bytes.back_mut().expect("it is on the wire") ^= 1;
    let error = read(&mut server).expect_err("it was changed");
    assert_eq!(Failure::of(&error), Some(Failure::Broken));
}

#[test]
fn a_connection_holds_no_more_than_its_bound() {
    let authority = Authority::new("ours");
    let door = identity(&authority.identity(&["192.0.2.1"]));
    let trust = trust(&authority.trust(None));
    // A hello that says it is long and never ends: three times what may be held.
    let mut endless = Vec::new();
    for index in 0..24 {
        endless.extend(b"\x16\x03\x01\x40\0");
        let mut record = vec![0; 16 * 1_024];
        if index == 0 {
            record[..4].copy_from_slice(&[1, 0, 0xFF, 0xFF]);
        }
        endless.extend(record);
    }
    let (near, mut far) = ends(usize::MAX, usize::MAX);
    let mut taken = 0;
    let measured = allocation_counter::measure(|| {
        let mut server = door.accept(near).expect("there is randomness");
        for piece in endless.chunks(1_000) {
            taken += far.write(piece).expect("it is open");
            while !far.outgoing.borrow().bytes.is_empty() {
                if read(&mut server).is_err() {
                    return;
                }
            }
        }
    });
    println!(
        "a hello without end: {} bytes at most, after {taken}",
        measured.bytes_max
    );
    assert!(taken < endless.len(), "it is broken off");
    assert!(measured.bytes_max <= BYTES_MAX as u64, "{measured:?}");

    let (near, far) = ends(usize::MAX, 1 << 16);
    let mut client = trust.connect(far, ADDRESS).expect("there is randomness");
    client.write_all(b"hello").expect("there is room");
    let mut server = None;
    let measured = allocation_counter::measure(|| {
        let mut made = door.accept(near).expect("there is randomness");
        while !matches!(read(&mut made), Ok(Some(_))) {
            let _ = read(&mut client);
        }
        server = Some(made);
    });
    let mut server = server.expect("it was made");
    println!("after a handshake: {} bytes", measured.bytes_current);
    // A reader that never reads.
    let measured = allocation_counter::measure(|| while server.write(&[1; 50_000]).is_ok() {});
    println!(
        "with a reader that takes nothing: {} bytes more",
        measured.bytes_current
    );
    assert!(measured.bytes_max <= 64 * 1_024, "{measured:?}");
}

#[test]
fn files_that_are_of_no_use_say_so_and_what_to_do() {
    let authority = Authority::new("ours");
    let right = authority.identity(&["192.0.2.1"]);
    let other = authority.identity(&["192.0.2.1"]);
    let refused = |files: &IdentityFiles| Identity::read(files).expect_err("it is wrong");
    let check = |files: IdentityFiles, which: Which, words: &[&str]| {
        let refused = refused(&files);
        let told = format!("{refused}; {}", refused.remedy());
        assert_eq!(refused.which, which, "{told}");
        for word in words {
            assert!(told.contains(word), "{told}");
        }
    };
    let with = |change: &dyn Fn(&mut IdentityFiles)| {
        let mut files = right.clone();
        change(&mut files);
        files
    };
    check(
        with(&|files| files.certificate = "/nowhere/exchange.pem".into()),
        Which::Certificate,
        &["/nowhere/exchange.pem", "can not be read", "No such file"],
    );
    check(
        with(&|files| files.key = other.key.clone()),
        Which::Key,
        &["another certificate"],
    );
    check(
        with(&|files| files.key = files.certificate.clone()),
        Which::Key,
        &["no private key", "genpkey"],
    );
    check(
        with(&|files| files.certificate = files.key.clone()),
        Which::Certificate,
        &["no certificate", "BEGIN CERTIFICATE"],
    );
    let junk = authority.write("junk", "-----BEGIN CERTIFICATE-----\nAAAA\n");
    check(
        with(&|files| files.certificate = junk.clone()),
        Which::Certificate,
        &["not PEM"],
    );
    check(
        with(&|files| files.client_authority = Some(files.key.clone())),
        Which::Authority,
        &["no certificate"],
    );
    check(
        authority.identity_until(&["192.0.2.1"], 2021),
        Which::Certificate,
        &["expired", "2021-01-01 00:00 UTC", "renew"],
    );
    check(
        with(&|files| files.key = authority.directory().to_owned()),
        Which::Key,
        &["no file"],
    );
    std::fs::set_permissions(&right.key, PermissionsExt::from_mode(0o644)).expect("it is ours");
    check(right.clone(), Which::Key, &["mode 0644", "chmod 600"]);
    std::fs::set_permissions(&right.key, PermissionsExt::from_mode(0o640)).expect("it is ours");
    assert!(identity(&right).valid_until() > tls::Date::now());

    let refused = Trust::read(&authority.trust(Some("no name"))).expect_err("it has a space");
    assert!(matches!(refused.error, FileError::NoName), "{refused}");
}
