//! An engine's worth of surroundings for one recovery stage: an exchange whose output goes into a window and whose
//! commands go into a ring, TCP doors, a UDP switchboard, and a clock turned by hand.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use protocol::soup::{Decoder, ServerPacket, encode};
use rtrb::{Consumer, Producer, RingBuffer};

use crate::exchange::command::{
    AccountDefinition, AssetDefinition, Command, CommandKind, InstrumentDefinition, Order, SessionDefinition,
    halves,
};
use crate::exchange::event::Event;
use crate::exchange::{Exchange, Limits, Progress};
use crate::output::window::{self, Writer};
use crate::output::{Encoder, MessageSink, Numbers};
use crate::recovery::durable::Durable;
use crate::recovery::{RecoveryConfig, RecoveryLinks, RecoveryStage, Start};
use crate::runtime::Stage;
use crate::runtime::clock::Clock;
use crate::runtime::links::{EngineNote, Inbound, Rouse};
use crate::runtime::sim_net::{
    self, SimConnector, SimListener, SimSender, SimStream, Switchboard, TcpSettings,
};
use zerocopy::FromZeros;

pub(super) const MILLISECOND: u64 = 1_000_000;
pub(super) const SECOND: u64 = 1_000 * MILLISECOND;
pub(super) const EXCHANGE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 26_400);
pub(super) const CLIENT: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 7), 40_000);
pub(super) const LIMITS: Limits = Limits {
    assets: 4,
    instruments: 4,
    accounts: 4,
    sessions: 4,
    orders: 4_096,
    levels: 1_024,
    fee_schedules: 16,
};

/// Everything that was said, per stream; the feed is the last.
#[derive(Default)]
pub(super) struct Said {
    pub(super) sessions: [Vec<Vec<u8>>; 4],
    pub(super) feed: Vec<Vec<u8>>,
}

/// Writes what the engine says to the window and keeps it for comparison.
struct Outlet<'a> {
    window: Option<&'a mut Writer>,
    said: &'a mut Said,
    said_before: &'a mut Said,
}

impl MessageSink for Outlet<'_> {
    fn feed(&mut self, sequence: u64, message: &[u8]) {
        self.said.feed.push(message.to_vec());
        assert_eq!(self.said.feed.len() as u64, sequence);
        if let Some(window) = &mut self.window {
            window.message(window::FEED_STREAM, sequence, message);
        }
    }

    fn session(&mut self, session: u32, sequence: u64, message: &[u8]) {
        let stream = &mut self.said.sessions[session as usize];
        stream.push(message.to_vec());
        assert_eq!(stream.len() as u64, sequence);
        if let Some(window) = &mut self.window {
            window.message(session, sequence, message);
        }
    }

    fn new_day(&mut self, day: u32, _ended: &Numbers) {
        *self.said_before = std::mem::take(self.said);
        if let Some(window) = &mut self.window {
            window.day(day);
        }
    }
}

pub(super) struct World {
    pub(super) now: Arc<AtomicU64>,
    pub(super) stage: RecoveryStage<SimListener, SimListener, SimSender>,
    pub(super) board: Switchboard,
    pub(super) notes: Producer<EngineNote>,
    pub(super) inbound: Consumer<Inbound>,
    pub(super) said: Said,
    /// On the day before.
    pub(super) said_before: Said,
    /// Commands are durable, but not yet given to the replica.
    pub(super) withhold: bool,
    withheld: Vec<Command>,
    unreleased: Option<Command>,
    order_entry: SimConnector,
    gap_recovery: SimConnector,
    glimpse: SimConnector,
    window: Writer,
    commands: Producer<Command>,
    exchange: Exchange,
    encoder: Encoder,
    sequence: u64,
}

/// An order with the usual fields.
pub(super) fn order(user_ref: u32, side: u8, quantity: u32, price: u64) -> Order {
    Order {
        price,
        user_ref,
        quantity,
        cl_ord_id: *b"ORDER         ",
        side,
        time_in_force: b'0',
        display: b'Y',
        capacity: b'P',
        sweep: b'N',
        cross_type: b'N',
        ..Order::new_zeroed()
    }
}

/// A request of a session for instrument 1.
pub(super) fn request(kind: CommandKind, session: u32, order: Order) -> Command {
    Command {
        session,
        instrument: 1,
        ..Command::new(kind)
    }
    .with_order(order)
}

/// BTC and USD, BTC-USD trading, two accounts; sessions ALICE0 and ALICE1 of the first, BOB of the second.
pub(super) fn setup_commands() -> Vec<Command> {
    let asset = |name: &[u8; 8]| {
        let definition = AssetDefinition {
            name: *name,
            decimals: 8,
            ..AssetDefinition::new_zeroed()
        };
        Command::new(CommandKind::AddAsset).with_definition(&definition)
    };
    let account = |name: &[u8; 16]| {
        let definition = AccountDefinition {
            name: *name,
            firm: *b"FIRM",
            open_orders_max: 2_000,
            quantity_max: 1_000_000,
            self_match: b'W',
            ..AccountDefinition::new_zeroed()
        };
        Command::new(CommandKind::AddAccount).with_definition(&definition)
    };
    let session = |username: &[u8; 6], account| {
        let definition = SessionDefinition {
            username: *username,
            account,
            ..SessionDefinition::new_zeroed()
        };
        Command::new(CommandKind::AddSession).with_definition(&definition)
    };
    let deposit = |account, asset| {
        Command::new(CommandKind::Deposit).with_transfer(account, asset, 1_000_000_000_000_000)
    };
    let instrument = InstrumentDefinition {
        symbol: *b"BTC-USD ",
        lot_size: halves(10_000),
        price_unit: halves(100_000_000),
        notional_max: halves(1_000_000_000_000_000),
        tick_size: 100,
        price_max: 4_000_000_000,
        quantity_max: 1_000_000,
        taker_fee_ppm: 1_000,
        base: 0,
        quote: 1,
        ..InstrumentDefinition::new_zeroed()
    };
    vec![
        asset(b"BTC     "),
        asset(b"USD     "),
        Command::new(CommandKind::AddInstrument).with_definition(&instrument),
        account(b"ALICE           "),
        account(b"BOB             "),
        session(b"ALICE0", 0),
        session(b"ALICE1", 0),
        session(b"BOB   ", 1),
        deposit(0, 0),
        deposit(0, 1),
        deposit(1, 0),
        deposit(1, 1),
        Command {
            instrument: 1,
            ..Command::new(CommandKind::SetState).with_state(b'T')
        },
    ]
}

/// A configuration with room for little, so that bounds show.
pub(super) fn config() -> RecoveryConfig {
    let config = RecoveryConfig {
        store_bytes: 1_024 * 1_024,
        finished_orders: 64,
        questions_max: 8,
        ..RecoveryConfig::new(LIMITS)
    };
    for (username, session) in [("ALICE0", 0), ("ALICE1", 1), ("BOB", 2)] {
        let password = format!("{username}pw");
        config
            .credentials
            .add(username, &password, session)
            .expect("valid");
    }
    config
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(config(), TcpSettings::default(), 1_024 * 1_024)
    }

    /// A world whose exchange is set up and whose stage has heard of it.
    pub(super) fn with(config: RecoveryConfig, tcp: TcpSettings, window_bytes: usize) -> Self {
        let mut world = Self::empty(config, tcp, window_bytes, 4_096);
        for command in setup_commands() {
            world.apply(command);
        }
        world.run();
        world
    }

    pub(super) fn empty(
        config: RecoveryConfig,
        tcp: TcpSettings,
        window_bytes: usize,
        inbound_capacity: usize,
    ) -> Self {
        let start = Start::empty(&config);
        Self::resumed(config, start, tcp, window_bytes, inbound_capacity)
    }

    /// A world whose stage goes on where `start` stands.
    pub(super) fn resumed(
        config: RecoveryConfig,
        start: Start,
        tcp: TcpSettings,
        window_bytes: usize,
        inbound_capacity: usize,
    ) -> Self {
        let now = Arc::new(AtomicU64::new(SECOND));
        let (order_entry_listener, order_entry) = sim_net::tcp(tcp);
        let (gap_listener, gap_recovery) = sim_net::tcp(tcp);
        let (glimpse_listener, glimpse) = sim_net::tcp(tcp);
        let (glimpse_logins, glimpse_door) = (config.market_data_logins.clone(), config.gap_recovery.clone());
        let (window, reader) = window::create(window_bytes);
        let (commands, commands_end) = RingBuffer::new(64 * 1_024);
        let (notes, notes_end) = RingBuffer::new(1_024);
        let (inbound_end, inbound) = RingBuffer::new(inbound_capacity);
        let board = Switchboard::new(1, 4_096);
        let links = RecoveryLinks {
            window: reader,
            commands: Durable::ring(commands_end),
            notes: notes_end,
            rouse: Rouse::default(),
            inbound: inbound_end,
        };
        let mut stage = RecoveryStage::resume(
            config,
            links,
            start,
            Clock::Manual(Arc::clone(&now)),
            order_entry_listener,
            gap_listener,
            board.sender(EXCHANGE),
        );
        stage.open_glimpse(glimpse_listener, glimpse_logins, glimpse_door);
        Self {
            now,
            stage,
            board,
            notes,
            inbound,
            said: Said::default(),
            said_before: Said::default(),
            withhold: false,
            withheld: Vec::new(),
            unreleased: None,
            order_entry,
            gap_recovery,
            glimpse,
            window,
            commands,
            exchange: Exchange::new(LIMITS),
            encoder: Encoder::new(LIMITS.instruments, LIMITS.sessions),
            sequence: 0,
        }
    }

    /// Sequences and applies a command as the engine would; its messages are released at once. Returns its number.
    pub(super) fn apply(&mut self, command: Command) -> u64 {
        self.sequence += 1;
        let command = Command {
            sequence: self.sequence,
            time: self.sequence,
            ..command
        };
        let mut outlet = Outlet {
            window: Some(&mut self.window),
            said: &mut self.said,
            said_before: &mut self.said_before,
        };
        let mut events: Vec<Event> = Vec::new();
        let mut progress = self.exchange.apply(&command, &mut events);
        loop {
            self.encoder.encode(&command, &events, &mut outlet);
            if progress == Progress::Done {
                break;
            }
            events.clear();
            progress = self.exchange.resume(&mut events);
        }
        self.window.released(self.sequence);
        self.window.publish();
        self.withheld.push(command);
        if !self.withhold {
            self.give_commands();
        }
        self.sequence
    }

    /// Makes a command durable that output has not released.
    pub(super) fn give_unreleased(&mut self, command: Command) {
        let command = Command {
            sequence: self.sequence + 1,
            time: self.sequence + 1,
            ..command
        };
        self.unreleased = Some(command);
        self.commands.push(command).expect("room for the test's commands");
    }

    /// Releases it.
    pub(super) fn release(&mut self) {
        let command = self.unreleased.take().expect("there is one");
        self.withhold = true;
        self.apply(command);
        // The replica has it already.
        self.withheld.clear();
        self.withhold = false;
        self.run();
    }

    /// Gives the replica what was withheld.
    pub(super) fn give_commands(&mut self) {
        for command in self.withheld.drain(..) {
            self.commands.push(command).expect("room for the test's commands");
        }
    }

    pub(super) fn enter(&mut self, session: u32, order: Order) -> u64 {
        self.apply(request(CommandKind::Enter, session, order))
    }

    /// Closes the market and rolls the day; what is good till canceled is left.
    pub(super) fn roll(&mut self) {
        self.apply(Command {
            instrument: 1,
            ..Command::new(CommandKind::SetState).with_state(b'X')
        });
        self.apply(Command::new(CommandKind::SystemEvent).with_state(b'M'));
        let before = self.exchange.day();
        self.apply(Command::new(CommandKind::RollDay));
        assert_eq!(self.exchange.day(), before + 1);
    }

    /// Number of the last command.
    pub(super) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Lets time pass and the stage work until it has nothing to do.
    pub(super) fn run(&mut self) {
        for _ in 0..100_000 {
            self.now.fetch_add(MILLISECOND, Ordering::Relaxed);
            if self.stage.poll() == 0 {
                return;
            }
        }
        panic!("the stage never rests");
    }

    /// Lets `ns` pass in small steps.
    pub(super) fn pass(&mut self, ns: u64) {
        for _ in 0..ns / (50 * MILLISECOND) {
            self.now.fetch_add(50 * MILLISECOND, Ordering::Relaxed);
            self.stage.poll();
        }
    }

    /// What the engine was told.
    pub(super) fn told(&mut self) -> Vec<Inbound> {
        std::iter::from_fn(|| self.inbound.pop().ok()).collect()
    }

    pub(super) fn client(&self) -> Client {
        self.client_from(CLIENT)
    }

    pub(super) fn client_from(&self, address: SocketAddrV4) -> Client {
        Client::new(self.order_entry.connect(address).expect("listening"))
    }

    pub(super) fn subscriber(&self) -> Client {
        self.subscriber_from(CLIENT)
    }

    pub(super) fn subscriber_from(&self, address: SocketAddrV4) -> Client {
        Client::new(self.gap_recovery.connect(address).expect("listening"))
    }

    /// At the snapshot door.
    pub(super) fn late_comer(&self) -> Client {
        Client::new(self.glimpse.connect(CLIENT).expect("listening"))
    }

    /// A client that has logged in to its session from `sequence` on; the login's packets are taken away.
    pub(super) fn logged_in(&mut self, username: &str, session: &str, sequence: u64) -> Client {
        let mut client = self.client();
        client.login(username, &format!("{username}pw"), session, sequence);
        self.run();
        let got = client.receive();
        assert!(matches!(got.first(), Some(Got::Accepted(..))), "{got:?}");
        client.unread = got[2..].to_vec();
        client
    }
}

/// What a client received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Got {
    Accepted(String, u64),
    Rejected(char),
    Sequenced(Vec<u8>),
    Unsequenced(Vec<u8>),
    Heartbeat,
    EndOfSession,
    Debug(String),
    /// The connection ended.
    End,
}

pub(super) struct Client {
    pub(super) stream: Option<SimStream>,
    decoder: Decoder,
    unread: Vec<Got>,
    ended: bool,
}

impl Client {
    fn new(stream: SimStream) -> Self {
        Self {
            stream: Some(stream),
            decoder: Decoder::new(70_000),
            unread: Vec::new(),
            ended: false,
        }
    }

    pub(super) fn send(&mut self, bytes: &[u8]) {
        let stream = self.stream.as_mut().expect("connected");
        stream
            .write_all(bytes)
            .expect("the pipe has room for a test's packets");
    }

    pub(super) fn login(&mut self, username: &str, password: &str, session: &str, sequence: u64) {
        let mut buffer = [0; 64];
        let length = encode::login(username, password, session, sequence, None, &mut buffer);
        self.send(&buffer[..length.expect("fits")]);
    }

    pub(super) fn unsequenced(&mut self, message: &[u8]) {
        let mut buffer = [0; 4_096];
        let length = encode::unsequenced(message, &mut buffer).expect("fits");
        self.send(&buffer[..length]);
    }

    /// Everything that came.
    pub(super) fn receive(&mut self) -> Vec<Got> {
        let mut got = std::mem::take(&mut self.unread);
        let mut piece = [0; 4_096];
        let Some(stream) = &mut self.stream else {
            return got;
        };
        loop {
            match stream.read(&mut piece) {
                Ok(0) => {
                    self.ended = true;
                    got.push(Got::End);
                    self.stream = None;
                    return got;
                }
                Ok(count) => {
                    let mut rest = &piece[..count];
                    while !rest.is_empty() {
                        let fed = self.decoder.feed(rest);
                        rest = &rest[fed..];
                        while let Some(packet) = self.decoder.next_from_server().expect("well formed") {
                            got.push(match packet {
                                ServerPacket::LoginAccepted {
                                    session,
                                    next_sequence,
                                } => Got::Accepted(String::from_utf8_lossy(&session).into(), next_sequence),
                                ServerPacket::LoginRejected(reason) => Got::Rejected(reason.into()),
                                ServerPacket::Sequenced(message) => Got::Sequenced(message.to_vec()),
                                ServerPacket::Unsequenced(message) => Got::Unsequenced(message.to_vec()),
                                ServerPacket::Heartbeat => Got::Heartbeat,
                                ServerPacket::EndOfSession => Got::EndOfSession,
                                ServerPacket::Debug(text) => Got::Debug(String::from_utf8_lossy(text).into()),
                                other => panic!("unexpected: {other:?}"),
                            });
                        }
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return got,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// The messages of the stream that came; heartbeats are passed over, anything else is an error.
    pub(super) fn messages(&mut self) -> Vec<Vec<u8>> {
        let got = self.receive().into_iter();
        got.filter_map(|got| match got {
            Got::Sequenced(message) => Some(message),
            Got::Heartbeat => None,
            other => panic!("unexpected: {other:?}"),
        })
        .collect()
    }

    /// The answers that came; heartbeats are passed over, anything else is an error.
    pub(super) fn answers(&mut self) -> Vec<Vec<u8>> {
        let got = self.receive().into_iter();
        got.filter_map(|got| match got {
            Got::Unsequenced(message) => Some(message),
            Got::Heartbeat => None,
            other => panic!("unexpected: {other:?}"),
        })
        .collect()
    }

    /// True when the server has closed the connection.
    pub(super) fn is_closed(&mut self) -> bool {
        let got = self.receive();
        self.unread = got;
        self.ended
    }
}
