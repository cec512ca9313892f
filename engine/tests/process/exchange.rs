//! An `exchange run` in a directory of its own, on ports of its own.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Nothing in these tests takes so long; a test that waits longer has found something.
const PATIENCE: Duration = Duration::from_secs(90);

/// A directory that is removed with its contents.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!(
            "process-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).expect("the build directory can be written");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a configuration for this directory; gives its path. `change` edits the text.
    pub(crate) fn configuration(&self, change: impl FnOnce(String) -> String) -> PathBuf {
        let data = self.0.join("data");
        let text = change(configuration(&data));
        let path = self.0.join("exchange.toml");
        fs::write(&path, text).expect("the build directory can be written");
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What can not be removed stays in the build directory.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Sessions of the test configuration: `T0`, `T1` ...
pub(crate) const SESSIONS: usize = 4;
/// What each account gets, smallest units of USD and BTC (both have 8 decimals).
pub(crate) const DEPOSITS: [u128; 2] = [1_000_000_000 * 100_000_000, 100_000 * 100_000_000];

/// Two assets, one instrument without fees, four accounts, small capacities, free ports.
fn configuration(data: &Path) -> String {
    let mut text = String::from(
        r#"
assets = [{ name = "USD", decimals = 8 }, { name = "BTC", decimals = 8 }]

[[instruments]]
symbol = "BTC-USD"
base = "BTC"
quote = "USD"
tick_size = "0.01"
lot_size = "0.0001"
reference_price = "60000"
max_quantity = 10000000
max_notional = "100000000"
collar = "10%"
maker_fee = "0%"
taker_fee = "0%"
"#,
    );
    for account in 0..SESSIONS {
        write!(
            text,
            r#"
[[accounts]]
name = "T{account}"
sessions = [{{ username = "T{account}", password = "secret" }}]
deposits = {{ USD = "1000000000", BTC = "100000" }}
"#
        )
        .expect("strings take everything");
    }
    let data = data.display();
    write!(
        text,
        r#"
[network]
order_entry_udp = "127.0.0.1:0"
order_entry_tcp = "127.0.0.1:0"
recovery_tcp = "127.0.0.1:0"
snapshot_tcp = "127.0.0.1:0"
retransmission_udp = "127.0.0.1:0"
metrics = "127.0.0.1:0"
line_a = "239.192.0.1:0"
line_b = "239.192.0.2:0"

[capacities]
assets = 4
instruments = 4
accounts = 8
sessions = 8
orders = 16384
levels = 4096
finished_orders = 64
store = "64 MiB"

[journal]
directory = "{data}"
segment_size = "4 MiB"
"#
    )
    .expect("strings take everything");
    text
}

/// A running exchange. Killed when dropped.
pub(crate) struct Exchange {
    child: Child,
    addresses: HashMap<String, SocketAddr>,
    /// Collects what is said on standard error.
    errors: Option<JoinHandle<String>>,
    /// What was said there so far.
    said: Arc<Mutex<String>>,
}

/// How a process ended.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// Standard error.
    pub(crate) errors: String,
}

/// The binary with arguments, both outputs piped.
fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_exchange"));
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs the binary to its end; gives exit code, standard output, standard error.
pub(crate) fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = command(arguments).output().expect("the binary was built");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

impl Exchange {
    /// Starts and waits until it says that it is ready.
    pub(crate) fn start(configuration: &Path) -> Self {
        Self::try_start(configuration, &[])
            .unwrap_or_else(|ended| panic!("did not start ({}): {}", ended.status, ended.errors))
    }

    /// Starts with more arguments; `Err` when it ends before it is ready.
    pub(crate) fn try_start(configuration: &Path, arguments: &[&str]) -> Result<Self, Ended> {
        let file = configuration.to_str().expect("the path is text");
        let arguments = [&["run", "--config", file], arguments].concat();
        Self::spawned(command(&arguments))
    }

    /// Starts with variables of the environment and waits until it says that it is ready.
    pub(crate) fn start_with(configuration: &Path, variables: &[(&str, &str)]) -> Self {
        let file = configuration.to_str().expect("the path is text");
        let mut command = command(&["run", "--config", file]);
        command.envs(variables.iter().copied());
        Self::spawned(command)
            .unwrap_or_else(|ended| panic!("did not start ({}): {}", ended.status, ended.errors))
    }

    /// Starts with a umask that forbids nothing, and waits until it says that it is ready.
    pub(crate) fn start_without_umask(configuration: &Path) -> Self {
        let mut command = Command::new("sh");
        command
            .args(["-c", "umask 0 && exec \"$0\" run --config \"$1\""])
            .arg(env!("CARGO_BIN_EXE_exchange"))
            .arg(configuration)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self::spawned(command)
            .unwrap_or_else(|ended| panic!("did not start ({}): {}", ended.status, ended.errors))
    }

    /// Starts it traced by `strace` with these arguments; `None` when there is no strace, or it may not trace.
    pub(crate) fn start_traced(configuration: &Path, strace: &[&str]) -> Option<Self> {
        let mut command = Command::new("strace");
        command
            .args(strace)
            .args([env!("CARGO_BIN_EXE_exchange"), "run", "--config"])
            .arg(configuration)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let is_there = Command::new("strace").arg("-V").output().is_ok();
        is_there.then(|| Self::spawned(command).ok()).flatten()
    }

    /// Waits until it says that it is ready.
    fn spawned(mut command: Command) -> Result<Self, Ended> {
        let mut child = command.spawn().expect("the binary was built");
        let said = Arc::new(Mutex::new(String::new()));
        let errors = collect(child.stderr.take().expect("it is piped"), Arc::clone(&said));
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
        out.read_line(&mut line).expect("the pipe can be read");
        let Some(line) = line.strip_prefix("ready ") else {
            let status = child.wait().expect("it was started");
            let errors = errors.join().expect("collecting does not panic");
            return Err(Ended { status, errors });
        };
        let addresses = line
            .split_whitespace()
            .filter_map(|pair| pair.split_once('='))
            .map(|(door, address)| (door.to_owned(), address.parse().expect("an address")))
            .collect();
        Ok(Self {
            child,
            addresses,
            errors: Some(errors),
            said,
        })
    }

    /// Where a door is: `order_entry_tcp` ...
    pub(crate) fn address(&self, door: &str) -> SocketAddr {
        self.addresses[door]
    }

    /// A number of the metrics, by its name.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let mut stream = TcpStream::connect(self.address("metrics")).expect("it is open");
        stream
            .write_all(b"GET /metrics HTTP/1.0\r\n\r\n")
            .expect("it is taken");
        let mut page = String::new();
        stream.read_to_string(&mut page).expect("it is text");
        let lines = page.lines().filter_map(|line| line.split_once(' '));
        let mut values = lines.filter(|(known, _)| *known == name).map(|(_, value)| value);
        let value = values.next().unwrap_or_else(|| panic!("{name} in\n{page}"));
        value.parse().expect("a number")
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, signal: &str) {
        let process = self.child.id().to_string();
        let status = Command::new("kill")
            .args(["-s", signal, &process])
            .status()
            .expect("there is a kill command");
        assert!(status.success(), "kill -s {signal} {process}");
    }

    /// Waits until it has said these words on standard error.
    pub(crate) fn wait_until_said(&self, words: &str) {
        let began = Instant::now();
        while !self.said.lock().expect("nobody panics with it").contains(words) {
            assert!(began.elapsed() < PATIENCE, "it says {words:?} in time");
            thread::yield_now();
        }
    }

    /// Waits for its end.
    pub(crate) fn ended(mut self) -> Ended {
        let status = self.child.wait().expect("it was started");
        let errors = self.errors.take().expect("it is taken once");
        Ended {
            status,
            errors: errors.join().expect("collecting does not panic"),
        }
    }

    /// Asks it to end in order and checks that it does.
    pub(crate) fn stop(self) -> String {
        self.signal("INT");
        let ended = self.ended();
        assert!(ended.status.success(), "{}: {}", ended.status, ended.errors);
        ended.errors
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let Some(errors) = self.errors.take() else { return };
        // A test has failed. It may end by itself at this moment.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Ok(errors) = errors.join() {
            eprintln!("exchange {}:\n{errors}", self.child.id());
        }
    }
}

/// Reads to the end on a thread of its own, so that the pipe never fills.
fn collect(pipe: ChildStderr, said: Arc<Mutex<String>>) -> JoinHandle<String> {
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines() {
            let line = line.expect("messages are text");
            let mut said = said.lock().expect("nobody panics with it");
            *said += &line;
            said.push('\n');
        }
        said.lock().expect("nobody panics with it").clone()
    })
}
