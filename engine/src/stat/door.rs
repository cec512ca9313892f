//! The door for those who collect metrics: HTTP/1.0, one answer for each connection, a thread for each of a few at once.
//!
//! It is read by whoever reaches its address, so it is on loopback unless the configuration says otherwise. What it says is
//! numbers; what it takes is one short request.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;

use crate::runtime::accept::accept_until;
use crate::runtime::counters::Counter;
use crate::runtime::helper::Helper;

/// Connections at once; further ones are closed.
const CONNECTIONS_MAX: usize = 4;
/// Bytes of a request.
const REQUEST_BYTES_MAX: usize = 4_096;
/// How long a request may take to come, and an answer to be read.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often a thread looks whether it shall end.
const LOOK: Duration = Duration::from_millis(100);

crate::counters! {
    /// What happened at the metrics' door.
    pub struct MetricsCounters: "metrics" {
        answered: "Readings given.",
        refused: "Requests for something else, and what was no request.",
        crowded: "Connections closed at once, because there were too many.",
    }
}

/// Makes the text.
type Tell = Box<dyn Fn() -> String + Send + Sync>;

/// The open door. Dropping it closes it.
pub struct MetricsDoor {
    _helper: Helper,
    address: SocketAddrV4,
}

struct Served {
    tell: Tell,
    connections: AtomicUsize,
    /// Counters have one writer: who holds this.
    counting: Mutex<()>,
    counters: Arc<CachePadded<MetricsCounters>>,
}

impl fmt::Debug for MetricsDoor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MetricsDoor").field(&self.address).finish()
    }
}

impl MetricsDoor {
    /// Opens it at `address` (port 0: a free one); `tell` makes the text for each who asks.
    ///
    /// # Errors
    /// The address can not be had, or no thread be started.
    pub fn open(
        address: SocketAddrV4,
        counters: Arc<CachePadded<MetricsCounters>>,
        tell: impl Fn() -> String + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let SocketAddr::V4(address) = listener.local_addr()? else {
            unreachable!("it was bound to an IPv4 address");
        };
        let served = Arc::new(Served {
            tell: Box::new(tell),
            connections: AtomicUsize::new(0),
            counting: Mutex::new(()),
            counters,
        });
        let helper = Helper::start("metrics", move |stop| {
            let accept = |listener: &TcpListener| listener.accept().map(|(stream, _)| stream);
            accept_until(stop, LOOK, &listener, accept, |stream| take(stream, &served));
        })?;
        Ok(Self {
            _helper: helper,
            address,
        })
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddrV4 {
        self.address
    }
}

impl Served {
    fn count(&self, counter: impl Fn(&MetricsCounters) -> &Counter) {
        let _writer = self.counting.lock().unwrap_or_else(PoisonError::into_inner);
        counter(&self.counters).increment();
    }
}

fn take(stream: TcpStream, served: &Arc<Served>) {
    if served.connections.fetch_add(1, Ordering::AcqRel) >= CONNECTIONS_MAX {
        served.connections.fetch_sub(1, Ordering::AcqRel);
        served.count(|counters| &counters.crowded);
        return;
    }
    let its = Arc::clone(served);
    let started = thread::Builder::new()
        .name("metrics-reader".into())
        .spawn(move || {
            // A reader that has gone away is nobody's loss.
            let _ = answer(stream, &its);
            its.connections.fetch_sub(1, Ordering::AcqRel);
        });
    if started.is_err() {
        served.connections.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Reads one request and answers it.
fn answer(mut stream: TcpStream, served: &Served) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let began = Instant::now();
    let (mut request, mut piece) = (Vec::new(), [0; 1_024]);
    while !ends(&request) {
        let length = stream.read(&mut piece)?;
        request.extend(&piece[..length]);
        if length == 0 || request.len() > REQUEST_BYTES_MAX || began.elapsed() > PATIENCE {
            served.count(|counters| &counters.refused);
            return Ok(());
        }
    }
    let line = request.split(|byte| *byte == b'\r' || *byte == b'\n').next();
    let line = String::from_utf8_lossy(line.unwrap_or_default()).into_owned();
    let mut words = line.split(' ');
    let path = |target: &str| target.split('?').next().unwrap_or_default().to_owned();
    let (status, body) = match (words.next(), words.next().map(path).as_deref()) {
        (Some("GET"), Some("/metrics")) => {
            served.count(|counters| &counters.answered);
            ("200 OK", (served.tell)())
        }
        (Some("GET"), Some("/")) => ("200 OK", "Counters of an exchange: /metrics\n".to_owned()),
        (Some("GET"), _) => ("404 Not Found", "there is only /metrics\n".to_owned()),
        _ => ("405 Method Not Allowed", "GET /metrics\n".to_owned()),
    };
    if !status.starts_with("200") {
        served.count(|counters| &counters.refused);
    }
    let head = format!(
        "HTTP/1.0 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())
}

/// The request's head is whole.
fn ends(request: &[u8]) -> bool {
    request.windows(4).any(|four| four == b"\r\n\r\n") || request.windows(2).any(|two| two == b"\n\n")
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn open() -> (MetricsDoor, Arc<CachePadded<MetricsCounters>>) {
        let counters = MetricsCounters::shared();
        let free = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
        let door = MetricsDoor::open(free, Arc::clone(&counters), || "one 1\n".to_owned());
        (door.expect("a port is free"), counters)
    }

    fn ask(door: &MetricsDoor, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(door.address()).expect("it is open");
        // It may be closed before all was taken.
        let _ = stream.write_all(request);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[test]
    fn a_reading_is_given_to_who_asks_for_it() {
        let (door, counters) = open();
        let answer = ask(&door, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.0 200 OK\r\n"), "{answer}");
        assert!(
            answer.contains("Content-Length: 6\r\n") && answer.ends_with("\r\n\r\none 1\n"),
            "{answer}"
        );
        assert!(ask(&door, b"GET /metrics?x=y HTTP/1.0\n\n").ends_with("one 1\n"));
        assert!(ask(&door, b"GET /else HTTP/1.0\r\n\r\n").contains("404"));
        assert!(ask(&door, b"POST /metrics HTTP/1.0\r\n\r\n").contains("405"));
        assert!(ask(&door, b"\xFF\xFE\r\n\r\n").contains("405"));
        assert_eq!(ask(&door, &[b'x'; 10_000]), "");
        assert_eq!((counters.answered.get(), counters.refused.get()), (2, 4));
    }

    #[test]
    fn a_crowd_that_says_nothing_is_not_waited_for_long() {
        let (door, counters) = open();
        let crowd: Vec<_> = (0..8)
            .map(|_| TcpStream::connect(door.address()).expect("it is open"))
            .collect();
        let began = Instant::now();
        while counters.crowded.get() < 4 {
            assert!(began.elapsed() < Duration::from_secs(60), "they are turned away");
            thread::yield_now();
        }
        // Those who say nothing make room by themselves.
        while !ask(&door, b"GET /metrics HTTP/1.0\r\n\r\n").ends_with("one 1\n") {
            assert!(began.elapsed() < Duration::from_secs(60), "there is room again");
        }
        drop(crowd);
    }
}
