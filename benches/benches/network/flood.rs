//! More orders than the exchange can take, from a thread that costs little: sessions that send valid orders at a rate whatever
//! becomes of them, and do not read their answers.
//!
//! Each datagram enters orders on both sides of its instrument, cancels those of the session's datagram before, and takes what
//! others have left: where a datagram is lost its orders never were, and where its cancels are lost somebody takes the orders.
//! So the books stay small however much is lost.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use client_sim::fleet::Participant;
use engine::runtime::seams::{DatagramSink, DatagramSource};
use engine::sys::source::{Options, Source, open};
use engine::sys::udp::UdpSink;
use protocol::order_entry::own::{BindUdp, UdpBound};
use protocol::order_entry::requests::{CancelOrder, EnterOrder};
use protocol::order_entry::{DatagramPacker, write_message};
use protocol::soup::{Decoder, ServerPacket, encode};
use protocol::units::Symbol;
use zerocopy::{FromBytes, IntoBytes};

/// Orders of a datagram that rest, as many that are canceled, and orders that take.
const RESTING: u32 = 11;
const TAKING: u32 = 6;
/// Requests of a datagram.
pub(crate) const REQUESTS: u64 = (2 * RESTING + TAKING) as u64;
/// Between two looks at the clock when nothing is due.
const TICK: Duration = Duration::from_micros(100);
/// A login that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is asked of the flood, and what it has done.
#[derive(Debug, Default)]
pub(crate) struct Dial {
    /// Requests a second.
    pub(crate) rate: AtomicU64,
    /// Datagrams that the kernel has taken.
    pub(crate) sent: AtomicU64,
    pub(crate) is_over: AtomicBool,
}

/// Sessions that are logged in, ready to send.
pub(crate) struct Flood {
    senders: Vec<Sender>,
}

impl Flood {
    /// Logs in.
    pub(crate) fn login(
        server: SocketAddrV4,
        participants: &[Participant],
        references: &[(Symbol, u64)],
    ) -> Result<Self, String> {
        let login = |(index, participant): (usize, &Participant)| {
            Sender::login(server, participant, references[index % references.len()])
                .map_err(|error| format!("{}: {error}", participant.username))
        };
        let senders: Result<_, String> = participants.iter().enumerate().map(login).collect();
        Ok(Self { senders: senders? })
    }

    /// Sends at the dial's rate until it is over. By then the exchange should be idle: the last datagram of each session must
    /// come.
    pub(crate) fn run(mut self, dial: &Dial) -> io::Result<()> {
        let mut began = Instant::now();
        let (mut rate, mut sent) = (0, 0);
        while !dial.is_over.load(Ordering::Relaxed) {
            let asked = dial.rate.load(Ordering::Relaxed);
            if asked != rate {
                (rate, sent, began) = (asked, 0, Instant::now());
            }
            let due = began.elapsed().as_nanos() * u128::from(rate) / u128::from(REQUESTS) / 1_000_000_000;
            let missing = (due as u64).saturating_sub(sent);
            if missing == 0 {
                thread::sleep(TICK);
                continue;
            }
            // The sessions share what is due; a burst of one goes out in one piece.
            let share = missing.div_ceil(self.senders.len() as u64);
            for sender in &mut self.senders {
                let count = share.min(sender.sink.burst_max() as u64);
                if sender.send(count)? {
                    dial.sent.fetch_add(count, Ordering::Relaxed);
                }
                sent += count;
            }
        }
        // The last word: its number tells how many before it were lost.
        for sender in &mut self.senders {
            sender.send(1)?;
            dial.sent.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

struct Sender {
    source: Source,
    sink: UdpSink,
    /// Ends the session when it is dropped.
    _connection: TcpStream,
    server: SocketAddrV4,
    token: [u8; 8],
    symbol: Symbol,
    reference: u64,
    packer: DatagramPacker,
    burst: Vec<u8>,
    number: u64,
    next_ref: u32,
}

impl Sender {
    fn login(
        server: SocketAddrV4,
        participant: &Participant,
        (symbol, reference): (Symbol, u64),
    ) -> io::Result<Self> {
        let any = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
        let (source, description) = open(any, &Options::with_offload()).map_err(io::Error::other)?;
        let mut connection = TcpStream::connect(server)?;
        connection.set_read_timeout(Some(PATIENCE))?;
        let mut packet = [0; 64];
        let bind = BindUdp {
            message_type: b'u',
            udp_port: description.address.port().into(),
        };
        let login = encode::login(
            &participant.username,
            &participant.password,
            "",
            0,
            None,
            &mut packet,
        );
        let length = login.ok_or_else(|| io::Error::other("name or password do not fit"))?;
        connection.write_all(&packet[..length])?;
        let length = encode::unsequenced(bind.as_bytes(), &mut packet).expect("it fits");
        connection.write_all(&packet[..length])?;
        let mut decoder = Decoder::new(1 << 16);
        let bound = loop {
            let count = connection.read(decoder.space())?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            decoder.filled(count);
            if let Some(bound) = bound(&mut decoder)? {
                break bound;
            }
        };
        Ok(Self {
            sink: source.sink(true)?,
            source,
            _connection: connection,
            server: SocketAddrV4::new(*server.ip(), bound.udp_port.get()),
            token: bound.token,
            symbol,
            reference,
            packer: DatagramPacker::default(),
            burst: Vec::new(),
            number: 0,
            next_ref: 1,
        })
    }

    /// Sends so many datagrams in one piece; whether the kernel has taken them.
    fn send(&mut self, count: u64) -> io::Result<bool> {
        // Answers only make room for others.
        self.source.poll(64, |_, _| {});
        self.burst.clear();
        let mut each = 0;
        for _ in 0..count {
            self.datagram();
            let bytes = self.packer.finish(None);
            each = bytes.len();
            self.burst.extend_from_slice(bytes);
        }
        match self.sink.send_burst(self.server, &self.burst, each) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn datagram(&mut self) {
        self.number += 1;
        self.packer.start(self.token, self.number);
        for step in 0..RESTING {
            let order = CancelOrder {
                message_type: b'X',
                // Of the first datagram: orders that never were.
                user_ref_num: self.next_ref.saturating_sub(RESTING + TAKING - step).into(),
                quantity: 0.into(),
            };
            self.push(order.as_bytes());
        }
        let tick = 100;
        for step in 0..RESTING {
            let distance = tick * (1 + u64::from(step / 2));
            match step % 2 {
                0 => self.enter(b'B', self.reference - distance, 1, b'0'),
                _ => self.enter(b'S', self.reference + distance, 1, b'0'),
            }
        }
        let far = tick * u64::from(RESTING);
        for step in 0..TAKING {
            match step % 2 {
                0 => self.enter(b'B', self.reference + far, 2, b'3'),
                _ => self.enter(b'S', self.reference - far, 2, b'3'),
            }
        }
    }

    fn enter(&mut self, side: u8, price: u64, quantity: u32, time_in_force: u8) {
        let message = EnterOrder {
            message_type: b'O',
            user_ref_num: self.next_ref.into(),
            side,
            quantity: quantity.into(),
            symbol: self.symbol.0,
            price: price.into(),
            time_in_force,
            display: b'Y',
            capacity: b'P',
            inter_market_sweep_eligibility: b'N',
            cross_type: b'N',
            cl_ord_id: *b"flood         ",
            appendage_length: 0.into(),
        };
        let mut bytes = [0; 64];
        let length = write_message(&message, &[], &mut bytes).expect("64 bytes are enough");
        self.push(&bytes[..length]);
        self.next_ref += 1;
    }

    fn push(&mut self, message: &[u8]) {
        assert!(self.packer.push(message), "{REQUESTS} requests fit a datagram");
    }
}

/// Logs in and binds `udp_port` of ours.
pub(crate) fn login(
    server: SocketAddrV4,
    participant: &Participant,
    udp_port: u16,
) -> io::Result<(TcpStream, UdpBound)> {
    let mut connection = TcpStream::connect(server)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    let mut packet = [0; 64];
    let bind = BindUdp {
        message_type: b'u',
        udp_port: udp_port.into(),
    };
    let login = encode::login(
        &participant.username,
        &participant.password,
        "",
        0,
        None,
        &mut packet,
    );
    let length = login.ok_or_else(|| io::Error::other("name or password do not fit"))?;
    connection.write_all(&packet[..length])?;
    let length = encode::unsequenced(bind.as_bytes(), &mut packet).expect("it fits");
    connection.write_all(&packet[..length])?;
    let mut decoder = Decoder::new(1 << 16);
    loop {
        let count = connection.read(decoder.space())?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        decoder.filled(count);
        if let Some(bound) = bound(&mut decoder)? {
            return Ok((connection, bound));
        }
    }
}

/// UDP Bound, when it has come.
fn bound(decoder: &mut Decoder) -> io::Result<Option<UdpBound>> {
    while let Some(packet) = decoder.next_from_server().map_err(io::Error::other)? {
        match packet {
            ServerPacket::LoginRejected(reason) => {
                return Err(io::Error::other(format!("login refused: {}", char::from(reason))));
            }
            ServerPacket::Unsequenced(message) => {
                if let Ok(bound) = UdpBound::read_from_bytes(message)
                    && bound.message_type == b'u'
                {
                    return Ok(Some(bound));
                }
            }
            _ => {}
        }
    }
    Ok(None)
}
