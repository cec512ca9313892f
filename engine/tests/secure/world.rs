//! An exchange of this process whose TCP doors are under TLS, and who comes to them.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, SocketAddrV4, TcpStream};
use std::time::{Duration, Instant};

use engine::assembly::{self, Running};
use engine::config::{Config, Durability, Tls};
use protocol::soup::{Decoder, ServerPacket, encode};
use tls::testing::Authority;
use tls::{IdentityFiles, Stream, Trust, TrustFiles};

/// Nothing in these tests takes so long; a test that waits longer has found something.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The built-in configuration on free ports; nothing of it is kept.
pub(crate) fn config() -> Config {
    let mut config = Config::built_in();
    config.network.use_free_ports();
    config.network.line_b = None;
    config.capacities.limits.orders = 4_096;
    config.capacities.limits.accounts = 32;
    config.capacities.limits.sessions = 32;
    config.capacities.store = 1 << 20;
    config.journal.durability = Durability::None;
    config
}

pub(crate) struct World {
    pub(crate) running: Running,
    pub(crate) authority: Authority,
    pub(crate) files: IdentityFiles,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|_, _| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Config, &Authority)) -> Self {
        let authority = Authority::new("ours");
        let files = authority.identity(&["127.0.0.1"]);
        let mut config = config();
        config.tls = Some(Tls {
            certificate: files.certificate.clone(),
            key: files.key.clone(),
            client_authority: None,
        });
        change(&mut config, &authority);
        let running = assembly::start(&config).unwrap_or_else(|error| panic!("{error}"));
        Self {
            running,
            authority,
            files,
        }
    }

    pub(crate) fn trust(&self) -> Trust {
        trust(&self.authority.trust(None))
    }

    pub(crate) fn order_entry(&self) -> SocketAddr {
        self.running.addresses().order_entry_tcp.into()
    }

    /// A counter of a door.
    pub(crate) fn count(&self, door: &str, name: &str) -> u64 {
        let mut found = None;
        for group in self
            .running
            .counters()
            .iter()
            .filter(|group| group.group() == door)
        {
            group.each(&mut |reading| {
                if reading.label == name {
                    found = Some(reading.value);
                }
            });
        }
        found.unwrap_or_else(|| panic!("no counter {name:?} of {door:?}"))
    }

    /// Waits until a counter of the order-entry door has this value.
    #[track_caller]
    pub(crate) fn expect(&self, name: &str, value: u64) {
        let began = Instant::now();
        while self.count("order_entry", name) != value {
            let count = self.count("order_entry", name);
            assert!(began.elapsed() < PATIENCE, "{name}: {count} and not {value}");
            std::thread::yield_now();
        }
    }

    pub(crate) fn stop(self) {
        let ended = self.running.stop().expect("it ends in order");
        assert!(ended.is_equal(), "the replica is the engine");
    }
}

pub(crate) fn trust(files: &TrustFiles) -> Trust {
    Trust::read(files).expect("the files are right")
}

pub(crate) fn connect(address: impl Into<SocketAddr>) -> TcpStream {
    let stream = TcpStream::connect(address.into()).expect("the door is open");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.set_nodelay(true).expect("no delay");
    stream
}

pub(crate) fn under_tls(address: SocketAddrV4, trust: &Trust) -> Stream<TcpStream> {
    let ip = (*address.ip()).into();
    trust.connect(connect(address), ip).expect("there is randomness")
}

/// A login as it stands on the wire.
pub(crate) fn login(username: &str, password: &str) -> Vec<u8> {
    let mut buffer = [0; 64];
    let length = encode::login(username, password, "", 1, None, &mut buffer).expect("names fit");
    buffer[..length].to_vec()
}

/// What was said to a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    Accepted,
    Rejected(u8),
    Message(Vec<u8>),
    Other,
}

/// Who speaks SoupBinTCP inside whatever it is.
pub(crate) struct Customer<S: Read + Write> {
    pub(crate) stream: S,
    decoder: Decoder,
}

impl<S: Read + Write> Customer<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            decoder: Decoder::new(64 << 10),
        }
    }

    pub(crate) fn say(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the connection holds");
    }

    /// Sends a message as Unsequenced Data.
    pub(crate) fn send(&mut self, message: &[u8]) {
        let mut buffer = [0; 256];
        let length = encode::unsequenced(message, &mut buffer).expect("it fits");
        self.say(&buffer[..length]);
    }

    /// The next packet; `Err`: why there is none.
    pub(crate) fn next(&mut self) -> std::io::Result<Said> {
        let began = Instant::now();
        loop {
            match self.decoder.next_from_server().expect("SoupBinTCP") {
                Some(ServerPacket::LoginAccepted { .. }) => return Ok(Said::Accepted),
                Some(ServerPacket::LoginRejected(reason)) => return Ok(Said::Rejected(reason)),
                Some(ServerPacket::Sequenced(message)) => return Ok(Said::Message(message.to_vec())),
                Some(_) => return Ok(Said::Other),
                None => {}
            }
            match self.stream.read(self.decoder.space()) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.decoder.filled(count),
                // Only part of a record has come.
                Err(error) if error.kind() == ErrorKind::WouldBlock && began.elapsed() < PATIENCE => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes what comes until a message of this type does.
    pub(crate) fn message(&mut self, message_type: u8) -> Vec<u8> {
        loop {
            match self.next().expect("it comes") {
                Said::Message(message) if message[0] == message_type => return message,
                _ => {}
            }
        }
    }

    /// Logs in; what is said to that.
    pub(crate) fn login(&mut self, username: &str, password: &str) -> Said {
        self.say(&login(username, password));
        self.next().expect("a verdict comes")
    }
}
