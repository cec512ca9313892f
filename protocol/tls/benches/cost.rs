//! What TLS costs the thread that serves the TCP doors: a handshake, and a message of an order's length either way.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::hint::black_box;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use tls::testing::Authority;
use tls::{Identity, Stream, Trust};

const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Runs of each figure.
const RUNS: usize = 9;
/// Handshakes of a run.
const HANDSHAKES: u32 = 100;
/// Messages of a run.
const MESSAGES: u32 = 100_000;
/// Bytes of a message: an Enter Order in its packet.
const MESSAGE_BYTES: usize = 50;
/// Between two steps of a handshake the door makes none for three times as long as the first took.
const PAUSE: Duration = Duration::from_millis(2);

type Pipe = Rc<RefCell<VecDeque<u8>>>;

/// One end of a connection in memory.
struct End {
    incoming: Pipe,
    outgoing: Pipe,
}

impl Read for End {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.incoming.borrow_mut().read(buffer)? {
            0 => Err(ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }
}

impl Write for End {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outgoing.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn ends() -> (End, End) {
    let (one, other) = (Pipe::default(), Pipe::default());
    let near = End {
        incoming: Rc::clone(&one),
        outgoing: Rc::clone(&other),
    };
    let far = End {
        incoming: other,
        outgoing: one,
    };
    (near, far)
}

/// Calls `work`, and adds the time it took.
fn timed<T>(took: &mut Duration, work: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let result = work();
    *took += began.elapsed();
    result
}

/// A connection, and what its handshake cost the door.
fn handshake(identity: &Identity, trust: &Trust) -> (Stream<End>, Stream<End>, Duration) {
    let (near, far) = ends();
    let mut took = Duration::ZERO;
    let mut client = trust.connect(far, ADDRESS).expect("there is randomness");
    client.write_all(b"hello").expect("there is room");
    let mut server = timed(&mut took, || identity.accept(near).expect("there is randomness"));
    let mut buffer = [0; 64];
    loop {
        thread::sleep(PAUSE);
        match timed(&mut took, || server.read(&mut buffer)) {
            Ok(count) => {
                assert_eq!(&buffer[..count], b"hello");
                return (server, client, took);
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}"),
        }
        let _ = client.read(&mut [0; 64]);
    }
}

/// What `count` messages cost the door, to read and to write.
fn messages(server: &mut Stream<End>, client: &mut Stream<End>, count: u32) -> [Duration; 2] {
    let (mut reading, mut writing) = (Duration::ZERO, Duration::ZERO);
    let mut buffer = [0; MESSAGE_BYTES];
    for number in 0..count {
        client
            .write_all(&[number as u8; MESSAGE_BYTES])
            .expect("there is room");
        let read = timed(&mut reading, || server.read(&mut buffer)).expect("it is there");
        assert!(read == MESSAGE_BYTES && buffer == [number as u8; MESSAGE_BYTES]);
        let written = timed(&mut writing, || {
            server.write(black_box(&buffer)).expect("there is room")
        });
        assert_eq!(written, MESSAGE_BYTES);
        client.read_exact(&mut buffer).expect("it is there");
    }
    [reading, writing]
}

fn main() {
    let (identity, trust, _authority) = made();
    if std::env::args().any(|argument| argument == "--bench") {
        measure(&identity, &trust);
    } else {
        let (mut server, mut client, _) = handshake(&identity, &trust);
        messages(&mut server, &mut client, 100);
    }
}

fn made() -> (Identity, Trust, Authority) {
    let authority = Authority::new("a bench");
    let identity = Identity::read(&authority.identity(&["127.0.0.1"])).expect("the files are right");
    let trust = Trust::read(&authority.trust(None)).expect("the files are right");
    (identity, trust, authority)
}

fn measure(identity: &Identity, trust: &Trust) {
    println!("{RUNS} runs: median (least-most); a key for P-256, messages of {MESSAGE_BYTES} bytes");
    let mut found = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..RUNS {
        let took: Duration = (0..HANDSHAKES).map(|_| handshake(identity, trust).2).sum();
        found[0].push(took.as_secs_f64() * 1e6 / f64::from(HANDSHAKES));
        let (mut server, mut client, _) = handshake(identity, trust);
        for (found, took) in found[1..]
            .iter_mut()
            .zip(messages(&mut server, &mut client, MESSAGES))
        {
            found.push(took.as_secs_f64() * 1e9 / f64::from(MESSAGES));
        }
    }
    for (name, mut figures) in ["handshake, us", "message read, ns", "message written, ns"]
        .iter()
        .zip(found)
    {
        figures.sort_by(f64::total_cmp);
        let (least, median, most) = (figures[0], figures[RUNS / 2], figures[RUNS - 1]);
        println!("{name:<22}{median:.0} ({least:.0}-{most:.0})");
    }
}
