//! Strangers at the doors of the real program: none of them gets in, none stays, and a customer is served.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use protocol::soup::encode;

use crate::client::{Client, Refused};
use crate::exchange::{Directory, Exchange};

/// Nothing in this test takes that long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Says `bytes`, one in each `pause`, until the exchange hangs up; gives how many it did not come to say.
fn dawdle(address: SocketAddr, bytes: &[u8], pause: Duration) -> usize {
    let mut stream = TcpStream::connect(address).expect("the door is open");
    stream.set_read_timeout(Some(pause)).expect("a timeout");
    let begin = Instant::now();
    let mut rest = bytes;
    while begin.elapsed() < PATIENCE {
        if let Some((first, others)) = rest.split_first() {
            if stream.write_all(&[*first]).is_err() {
                return rest.len();
            }
            rest = others;
        }
        // Nothing is ever said to it; the wait is the pause.
        match stream.read(&mut [0; 64]) {
            Ok(0) => return rest.len(),
            Ok(_) => panic!("a stranger was answered"),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return rest.len(),
        }
    }
    panic!("it is still connected");
}

#[test]
fn strangers_do_not_get_in_and_do_not_stay() {
    let directory = Directory::new();
    let exchange = Exchange::start(&directory.configuration(|text| text));
    let door = exchange.address("order_entry_tcp");
    let mut login = [0; 64];
    let length = encode::login("T1", "secret", "", 1, None, &mut login).expect("fits");
    std::thread::scope(|scope| {
        // Nothing at all, a login that dribbles in, and something that is no login.
        let silent = scope.spawn(|| dawdle(door, &[], Duration::from_millis(200)));
        let dribble = scope.spawn(|| dawdle(door, &login[..length], Duration::from_millis(200)));
        let junk = scope.spawn(|| dawdle(door, b"GET / HTTP/1.1\r\n\r\n", Duration::from_millis(1)));
        silent.join().expect("it was closed");
        let unsaid = dribble.join().expect("it was closed");
        assert!(unsaid > 0, "it said its login to the end");
        junk.join().expect("it was closed");
    });
    // Each guess waits for those before it.
    for guess in ["1", "22", "333", "4444"] {
        match Client::login(door, "T1", guess, 1) {
            Err(Refused::Rejected(b'A')) => {}
            Err(other) => panic!("{guess}: {other:?}"),
            Ok(_) => panic!("{guess} is not its password"),
        }
    }
    // Orders without a token that anybody was given: nearly all end in the kernel.
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    for token in 0..200_u64 {
        let token = token.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
        let bytes = [&token[..], &vec![b'O'; token[7] as usize]].concat();
        socket
            .send_to(&bytes, exchange.address("order_entry_udp"))
            .expect("loopback takes it");
    }
    let mut customer = Client::login(door, "T0", "secret", 1).expect("it is an account");
    customer.bind();
    socket.set_nonblocking(true).expect("a socket");
    assert!(socket.recv(&mut [0; 64]).is_err(), "strangers are not answered");
    exchange.stop();
}
