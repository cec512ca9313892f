//! A small exchange in memory: two customers, one on each way in.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use engine::assembly::{Inline, Simulated};
use engine::config::Config;
use engine::journal::SimDisk;
use engine::poison::Skips;
use engine::runtime::clock::Clock;
use engine::runtime::seams::DatagramSink;
use engine::runtime::sim_net::{SimConnector, SimSocket, SimStream, Switchboard, TcpSettings, tcp};
use protocol::order_entry::Answer;
use protocol::order_entry::own::BindUdp;
use protocol::order_entry::requests::EnterOrder;
use protocol::soup::{Decoder, ServerPacket, encode};
use zerocopy::IntoBytes;

const EXCHANGE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const BEGINS_NS: u64 = (20_000 * 86_400 + 9 * 3_600) * 1_000_000_000;
const SEGMENT_BYTES: u64 = 1 << 20;
const MILLISECOND: u64 = 1_000_000;

/// Two instruments' worth of nothing special.
pub(crate) fn configuration() -> String {
    let mut text = r#"
assets = [{ name = "USD", decimals = 8 }, { name = "BTC", decimals = 8 }]

[[instruments]]
symbol = "BTC-USD"
base = "BTC"
quote = "USD"
tick_size = "0.01"
lot_size = "0.0001"
reference_price = "60000"
max_quantity = 500000
max_notional = "1000000"
collar = "10%"
maker_fee = "-0.01%"
taker_fee = "0.03%"

[network]
retransmission_networks = ["10.0.1.0/24"]

[capacities]
assets = 4
instruments = 2
accounts = 4
sessions = 4
orders = 256
levels = 64
connections = 64
finished_orders = 16
journal_ring = 1024
output_ring = "64 KiB"
replica_ring = 1024
window = "64 KiB"
store = "1 MiB"
fee_schedules = 4
"#
    .to_owned();
    for name in ["T0", "T1"] {
        text += &format!(
            r#"
[[accounts]]
name = "{name}"
firm = "FRM0"
sessions = [{{ username = "{name}", password = "secret" }}]
deposits = {{ USD = "1000000", BTC = "100" }}
"#
        );
    }
    text
}

/// A connection that is logged in.
pub(crate) struct Link {
    pub(crate) stream: SimStream,
    decoder: Decoder,
}

impl Link {
    /// Every answer that came; `None` when the connection is over.
    pub(crate) fn receive(&mut self, mut answer: impl FnMut(&[u8])) -> Option<()> {
        self.hear(|packet| {
            if let ServerPacket::Unsequenced(bytes) = packet {
                answer(bytes);
            }
        })
    }

    /// Everything that came; `None` when the connection is over.
    pub(crate) fn hear(&mut self, mut packet: impl FnMut(ServerPacket<'_>)) -> Option<()> {
        loop {
            while let Some(next) = self
                .decoder
                .next_from_server()
                .expect("the exchange says SoupBinTCP")
            {
                packet(next);
            }
            match self.stream.read(self.decoder.space()) {
                Ok(0) => return None,
                Ok(count) => self.decoder.filled(count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Some(()),
                Err(_) => return None,
            }
        }
    }

    pub(crate) fn say(&mut self, bytes: &[u8]) {
        // What has no room is lost, as the connection is when nobody takes it.
        let _ = self.stream.write(bytes);
    }
}

pub(crate) struct World {
    clock: Arc<AtomicU64>,
    network: Switchboard,
    pub(crate) disk: SimDisk,
    pub(crate) config: Config,
    pub(crate) exchange: Inline,
    order_entry: SimConnector,
    gap_recovery: SimConnector,
    glimpse: SimConnector,
    pub(crate) socket: SimSocket,
    /// Of somebody who is not known.
    stranger: SimSocket,
    entry: SocketAddrV4,
    pub(crate) token: [u8; 8],
    /// T0 over UDP, T1 over TCP.
    pub(crate) links: [Link; 2],
}

/// A plain order under the number `number`, so many cents above `price`.
pub(crate) fn order(number: u32, side: u8, quantity: u32, price: u64) -> EnterOrder {
    EnterOrder {
        message_type: b'O',
        user_ref_num: number.into(),
        side,
        quantity: quantity.into(),
        symbol: *b"BTC-USD ",
        price: (price + u64::from(number) * 100).into(),
        time_in_force: b'0',
        display: b'Y',
        capacity: b'P',
        inter_market_sweep_eligibility: b'N',
        cross_type: b'N',
        cl_ord_id: *b"fuzz          ",
        appendage_length: 0.into(),
    }
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut config = Config::parse("fuzz.toml", &configuration()).expect("it is valid");
        config.journal.snapshot_commands = 100;
        let clock = Arc::new(AtomicU64::new(BEGINS_NS));
        let network = Switchboard::new(seed, 4_096);
        network.advance(BEGINS_NS);
        let disk = SimDisk::new(seed, SEGMENT_BYTES, 1 << 30, 1);
        let outside = Simulated {
            clock: Clock::Manual(Arc::clone(&clock)),
            network: network.clone(),
            disk: disk.clone(),
            address: EXCHANGE,
            hash_seed: seed,
            skips: Skips::default(),
        };
        let (order_entry_door, order_entry) = tcp(TcpSettings::default());
        let (gap_door, gap_recovery) = tcp(TcpSettings::default());
        let (glimpse_door, glimpse) = tcp(TcpSettings::default());
        let mut exchange =
            Inline::start(&config, &outside, order_entry_door, gap_door).expect("an empty disk is enough");
        exchange.open_glimpse(glimpse_door);
        exchange.turn_until_ready().expect("it starts");
        let entry = SocketAddrV4::new(EXCHANGE, config.network.order_entry_udp.port());
        let socket = network.bind(SocketAddrV4::new(Ipv4Addr::new(10, 0, 1, 0), 5_000));
        let links = ["T0", "T1"].map(|name| log_in(&order_entry, name));
        let mut world = Self {
            clock,
            network: network.clone(),
            disk,
            config,
            exchange,
            order_entry,
            gap_recovery,
            glimpse,
            socket,
            stranger: network.bind(SocketAddrV4::new(Ipv4Addr::new(10, 0, 2, 0), 5_000)),
            entry,
            token: [0; 8],
            links,
        };
        world.bind();
        world
    }

    /// T0 binds; when its connection was taken over meanwhile it comes back first.
    fn bind(&mut self) {
        let bind = BindUdp {
            message_type: b'u',
            udp_port: self.socket.address().port().into(),
        };
        let mut buffer = [0; 64];
        let length = encode::unsequenced(bind.as_bytes(), &mut buffer).expect("it fits");
        for _ in 0..10 {
            self.links[0].say(&buffer[..length]);
            for _ in 0..100 {
                self.pass(MILLISECOND);
                let mut token = None;
                let lives = self.links[0].receive(|answer| {
                    if let Ok(Answer::UdpBound(bound)) = Answer::decode(answer) {
                        token = Some(bound.token);
                    }
                });
                if let Some(token) = token {
                    self.token = token;
                    return;
                }
                if lives.is_none() {
                    self.links[0] = log_in(&self.order_entry, "T0");
                    break;
                }
            }
        }
        panic!("it is not bound");
    }

    /// Time passes and the stages work.
    pub(crate) fn pass(&mut self, ns: u64) {
        let now = self.clock.fetch_add(ns, Ordering::Relaxed) + ns;
        self.network.advance(now);
        for _ in 0..8 {
            if self.exchange.turn() == 0 {
                break;
            }
        }
        assert_eq!(self.exchange.failure(), None);
    }

    /// Who was thrown out comes back.
    pub(crate) fn mend(&mut self) {
        for (index, name) in ["T0", "T1"].into_iter().enumerate() {
            if self.links[index].receive(|_| {}).is_none() {
                self.links[index] = log_in(&self.order_entry, name);
                self.pass(MILLISECOND);
                if index == 0 {
                    self.bind();
                }
            }
        }
        while self.socket.receive().is_some() {}
    }

    /// T1 bids, `count` times, each time a little more: now the feed is longer than a packet.
    pub(crate) fn quote(&mut self, count: u32) {
        for number in 1..=count {
            let order = order(number, b'B', 1, 590_000_000);
            let mut buffer = [0; 128];
            let length = encode::unsequenced(order.as_bytes(), &mut buffer).expect("it fits");
            self.links[1].say(&buffer[..length]);
            self.pass(MILLISECOND);
        }
    }

    /// A connection to the snapshot door; `None` when it is full.
    pub(crate) fn late_comer(&self) -> Option<Link> {
        let from = SocketAddrV4::new(Ipv4Addr::new(10, 0, 3, 2), 1_024);
        let stream = self.glimpse.connect(from).ok()?;
        Some(Link {
            stream,
            decoder: Decoder::new(64 << 10),
        })
    }

    /// A connection that says one thing.
    pub(crate) fn visit(&mut self, is_gap_recovery: bool, bytes: &[u8]) {
        let door = if is_gap_recovery {
            &self.gap_recovery
        } else {
            &self.order_entry
        };
        let from = SocketAddrV4::new(Ipv4Addr::new(10, 0, 3, 1), 1_024);
        let Ok(mut stream) = door.connect(from) else {
            return;
        };
        let _ = stream.write(bytes);
        self.pass(MILLISECOND);
        let _ = stream.read(&mut [0; 512]);
        self.pass(MILLISECOND);
    }

    pub(crate) fn send(&mut self, datagram: &[u8]) {
        self.socket
            .send(self.entry, datagram)
            .expect("the switchboard takes everything");
    }

    /// Says something at the retransmission door; what is answered.
    pub(crate) fn request(&mut self, is_stranger: bool, datagram: &[u8]) -> Vec<Vec<u8>> {
        let door = self.config.network.retransmission.as_ref().expect("it is open");
        let door = SocketAddrV4::new(EXCHANGE, door.address.port());
        let socket = if is_stranger {
            &mut self.stranger
        } else {
            &mut self.socket
        };
        socket
            .send(door, datagram)
            .expect("the switchboard takes everything");
        self.pass(MILLISECOND);
        let socket = if is_stranger {
            &mut self.stranger
        } else {
            &mut self.socket
        };
        std::iter::from_fn(|| socket.receive())
            .filter(|(from, _)| *from == door)
            .map(|(_, datagram)| datagram)
            .collect()
    }

    /// Everything adds up, and the replica is what the engine is.
    pub(crate) fn end(self) -> SimDisk {
        self.exchange
            .exchange()
            .check_invariants()
            .unwrap_or_else(|error| panic!("books and balances: {error}"));
        let last = self.exchange.stop().expect("it ends in order");
        assert!(last.is_equal(), "engine and replica have different states");
        self.disk
    }
}

fn log_in(door: &SimConnector, name: &str) -> Link {
    let index = name.as_bytes()[1] - b'0';
    let from = SocketAddrV4::new(Ipv4Addr::new(10, 0, 1, index), 1_024);
    let mut link = Link {
        stream: door.connect(from).expect("it listens"),
        decoder: Decoder::new(64 << 10),
    };
    let mut buffer = [0; 64];
    let length = encode::login(name, "secret", "", 0, None, &mut buffer).expect("it fits");
    link.say(&buffer[..length]);
    link
}
