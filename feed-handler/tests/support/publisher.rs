//! A publisher on real sockets: multicast lines A and B, and a gap recovery service with a thread for each client.

use super::SESSION;
use protocol::packet::{Packer, RequestPacket};
use protocol::soup::{ClientPacket, Decoder, REJECT_SESSION, encode};
use socket2::{Domain, Socket, Type};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// What was published, and who waits for more.
#[derive(Default)]
struct Log {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    messages: Vec<Vec<u8>>,
    closed: bool,
}

pub struct Publisher {
    socket: UdpSocket,
    pub lines: [SocketAddrV4; 2],
    pub recovery: SocketAddr,
    /// Answers requests over UDP.
    pub retransmission: SocketAddr,
    /// So many of the next requests are not answered.
    pub unanswered: Arc<AtomicU32>,
    log: Arc<Log>,
}

/// Groups of tests that run at the same time in one process differ.
static GROUPS: AtomicU16 = AtomicU16::new(1);

impl Publisher {
    /// Nothing published yet.
    pub fn new() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
        socket.set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
        socket.set_multicast_loop_v4(true).unwrap();
        socket
            .bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())
            .unwrap();
        let socket = UdpSocket::from(socket);
        // The port is this process's alone while the socket lives, and so are the lines.
        let port = socket.local_addr().unwrap().port();
        let group = GROUPS.fetch_add(1, Ordering::Relaxed) as u8;
        let lines = [1, 2].map(|line| SocketAddrV4::new(Ipv4Addr::new(239, 255, group, line), port));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let recovery = listener.local_addr().unwrap();
        let log = Arc::new(Log::default());
        let served = Arc::clone(&log);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if served.state.lock().unwrap().closed {
                    return;
                }
                let (stream, served) = (stream.unwrap(), Arc::clone(&served));
                // A client that leaves ends its thread.
                thread::spawn(move || serve(stream, &served));
            }
        });
        let requests = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let retransmission = requests.local_addr().unwrap();
        let (unanswered, asked) = (Arc::new(AtomicU32::new(0)), Arc::clone(&log));
        let ignored = Arc::clone(&unanswered);
        thread::spawn(move || answer(&requests, &asked, &ignored));
        Self {
            socket,
            lines,
            recovery,
            retransmission,
            unanswered,
            log,
        }
    }

    /// Publishes messages in packets of up to `per_packet`, on both lines.
    pub fn publish(&self, messages: &[Vec<u8>], per_packet: usize) {
        for chunk in messages.chunks(per_packet) {
            let packet = self.append(chunk);
            self.send(&packet);
        }
    }

    /// As `publish`, but only the recovery service has them: what a subscriber that was not there missed.
    pub fn publish_unheard(&self, messages: &[Vec<u8>]) {
        for chunk in messages.chunks(20) {
            self.append(chunk);
        }
    }

    /// A heartbeat on both lines.
    pub fn heartbeat(&self) {
        let next = self.log.state.lock().unwrap().messages.len() as u64 + 1;
        self.send(&Packer::new(SESSION, next, 1_472).heartbeat());
    }

    pub fn send(&self, packet: &[u8]) {
        for line in self.lines {
            self.socket.send_to(packet, line).unwrap();
        }
    }

    fn append(&self, messages: &[Vec<u8>]) -> Vec<u8> {
        let mut state = self.log.state.lock().unwrap();
        let mut packer = Packer::new(SESSION, state.messages.len() as u64 + 1, 1_472);
        for message in messages {
            assert!(packer.push(message), "the chunk fits a packet");
        }
        state.messages.extend_from_slice(messages);
        self.log.changed.notify_all();
        packer.finish(None).expect("chunks are not empty").to_vec()
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.log.state.lock().unwrap().closed = true;
        self.log.changed.notify_all();
        // Wakes the accepting thread, which then sees that it is over; when it cannot be reached it is over already.
        let _reached = TcpStream::connect(self.recovery);
        // So does the one that answers requests.
        let _sent = self.socket.send_to(&[], self.retransmission);
    }
}

/// Answers requests for messages of the log, one packet each, until it is closed.
fn answer(requests: &UdpSocket, log: &Log, unanswered: &AtomicU32) {
    let mut buffer = [0; 64];
    while let Ok((length, from)) = requests.recv_from(&mut buffer) {
        let state = log.state.lock().unwrap();
        if state.closed {
            return;
        }
        let request = RequestPacket::parse(&buffer[..length]).unwrap();
        assert_eq!(request.session, SESSION);
        let is_ignored = unanswered
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            .is_ok();
        let first = request.sequence_number.get();
        let mut packer = Packer::new(SESSION, first, 1_472);
        let wanted = state.messages.iter().skip(first as usize - 1);
        for message in wanted.take(request.requested_message_count.get().into()) {
            if !packer.push(message) {
                break;
            }
        }
        if let Some(packet) = packer.finish(None).filter(|_| !is_ignored) {
            requests.send_to(packet, from).unwrap();
        }
    }
}

/// One client of the recovery service, until it leaves.
fn serve(mut stream: TcpStream, log: &Log) {
    let mut decoder = Decoder::new(1_024);
    let mut buffer = [0; 256];
    let from = loop {
        match decoder.next_from_client().unwrap() {
            Some(ClientPacket::Login(login)) => {
                assert!(login.asks_for(&SESSION));
                break login.requested_sequence;
            }
            Some(other) => panic!("{other:?} before the login"),
            None => {
                let Ok(count @ 1..) = stream.read(decoder.space()) else {
                    return;
                };
                decoder.filled(count);
            }
        }
    };
    let mut next = from.max(1) as usize;
    let mut state = log.state.lock().unwrap();
    if next > state.messages.len() + 1 {
        drop(state);
        let length = encode::login_rejected(REJECT_SESSION, &mut buffer).unwrap();
        // A client that has left needs no answer.
        let _left = stream.write_all(&buffer[..length]);
        return;
    }
    let length = encode::login_accepted(SESSION, next as u64, &mut buffer).unwrap();
    let mut outgoing = buffer[..length].to_vec();
    while !state.closed {
        for message in &state.messages[next - 1..] {
            let length = encode::sequenced(message, &mut buffer).unwrap();
            outgoing.extend_from_slice(&buffer[..length]);
        }
        next = state.messages.len() + 1;
        drop(state);
        if outgoing.is_empty() {
            outgoing.extend_from_slice(&encode::SERVER_HEARTBEAT);
        }
        if stream.write_all(&outgoing).is_err() {
            return;
        }
        outgoing.clear();
        state = log.state.lock().unwrap();
        if state.messages.len() < next {
            state = log
                .changed
                .wait_timeout(state, Duration::from_millis(100))
                .unwrap()
                .0;
        }
    }
}
