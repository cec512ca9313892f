//! An exchange of this process on free ports, and an operator at its socket.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use engine::admin::{Answer, Request};
use engine::assembly::{self, Final, Running};
use engine::config::Config;
use engine::runtime::clock::Clock;
use protocol::soup::{Decoder, ServerPacket, encode};
use serde_json::Value;

/// Nothing in these tests takes so long; a test that waits longer has found something.
const PATIENCE: Duration = Duration::from_secs(90);

/// A data directory that is removed with its contents.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("admin-{}-{number}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).expect("the build directory can be written");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The built-in configuration in here, on free ports.
    pub(crate) fn config(&self) -> Config {
        let mut config = Config::built_in();
        config.network.use_free_ports();
        config.network.line_b = None;
        config.capacities.limits.orders = 4_096;
        config.capacities.limits.accounts = 32;
        config.capacities.limits.sessions = 32;
        config.capacities.store = 1 << 20;
        config.journal.directory.clone_from(&self.0);
        config.journal.segment_bytes = 4 << 20;
        config
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What can not be removed stays in the build directory.
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) struct World {
    running: Running,
    socket: BufReader<UnixStream>,
}

impl World {
    pub(crate) fn start(config: &Config) -> Self {
        Self::start_by(config, Clock::system())
    }

    pub(crate) fn start_by(config: &Config, clock: Clock) -> Self {
        let mut told = Vec::new();
        let running = assembly::start_by(config, clock, |line| told.push(line.to_owned()));
        let running = running.unwrap_or_else(|error| panic!("{error}; {told:?}"));
        let socket = BufReader::new(connect(&running));
        Self { running, socket }
    }

    pub(crate) fn running(&self) -> &Running {
        &self.running
    }

    /// Takes over another configuration, as after SIGHUP.
    pub(crate) fn reload(&mut self, config: &Config) -> Vec<String> {
        self.running.reload(config).expect("it can be taken over")
    }

    pub(crate) fn connect(&self) -> UnixStream {
        connect(&self.running)
    }

    /// Says a line, as it is, and reads one.
    pub(crate) fn say(&mut self, line: &str) -> Answer {
        let socket = self.socket.get_mut();
        socket.write_all(line.as_bytes()).expect("the socket is open");
        socket.write_all(b"\n").expect("the socket is open");
        let mut answer = String::new();
        self.socket.read_line(&mut answer).expect("an answer comes");
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
    }

    pub(crate) fn ask(&mut self, request: &Request) -> Answer {
        self.say(&serde_json::to_string(request).expect("requests can be said"))
    }

    /// Asks for something that is done; gives the answer.
    #[track_caller]
    pub(crate) fn must(&mut self, request: &Request) -> Answer {
        let answer = self.ask(request);
        assert!(answer.ok, "{request:?}: {answer:?}");
        answer
    }

    /// Asks for something that is refused; gives the reason.
    #[track_caller]
    pub(crate) fn refused(&mut self, request: &Request) -> String {
        let answer = self.ask(request);
        assert!(!answer.ok, "{request:?}: {answer:?}");
        answer.error.expect("it says why")
    }

    /// The rows of an answer.
    #[track_caller]
    pub(crate) fn rows(&mut self, request: &Request) -> Vec<Value> {
        self.must(request).rows.expect("there are rows")
    }

    /// The row of `request`'s answer that has `value` in `column`.
    #[track_caller]
    pub(crate) fn row(&mut self, request: &Request, column: &str, value: &str) -> Value {
        let rows = self.rows(request);
        let found = rows.iter().find(|row| row[column] == value);
        found
            .unwrap_or_else(|| panic!("{value} in {column} of {rows:?}"))
            .clone()
    }

    pub(crate) fn door(&self) -> SocketAddr {
        SocketAddr::V4(self.running.addresses().order_entry_tcp)
    }

    /// Whether a login is let in.
    pub(crate) fn lets_in(&self, username: &str, password: &str) -> bool {
        self.login(username, password, "").is_some()
    }

    /// The connection of a login that names a stream; `None` when it is not let in.
    pub(crate) fn login(&self, username: &str, password: &str, stream_name: &str) -> Option<TcpStream> {
        let mut stream = TcpStream::connect(self.door()).expect("the door is open");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let mut buffer = [0; 64];
        let length = encode::login(username, password, stream_name, 1, None, &mut buffer).expect("names fit");
        stream.write_all(&buffer[..length]).expect("the connection holds");
        let mut decoder = Decoder::new(64 << 10);
        loop {
            let count = stream.read(decoder.space()).expect("a verdict comes");
            assert!(count > 0, "a verdict comes");
            decoder.filled(count);
            match decoder.next_from_server().expect("SoupBinTCP") {
                Some(ServerPacket::LoginAccepted { .. }) => return Some(stream),
                Some(ServerPacket::LoginRejected(_)) => return None,
                _ => {}
            }
        }
    }

    /// Waits for something that comes by itself.
    pub(crate) fn wait_until(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> bool) {
        let began = Instant::now();
        while !is_so(self) {
            assert!(began.elapsed() < PATIENCE, "{what} comes in time");
            std::thread::yield_now();
        }
    }

    pub(crate) fn stop(self) -> Final {
        let ended = self.running.stop().expect("it ends in order");
        assert!(ended.is_equal(), "the replica is the engine");
        ended.exchange.check_invariants().expect("it adds up");
        ended
    }
}

fn connect(running: &Running) -> UnixStream {
    let path = running.admin_socket().expect("there is one");
    let stream = UnixStream::connect(path).expect("it is open");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}
