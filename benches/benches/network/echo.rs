//! Floors of a round trip: sockets that send back what comes, and a cache line between two cores.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use client_sim::latency::Latency;
use engine::runtime::seams::{DatagramSink, DatagramSource};
use engine::sys::affinity;
use engine::sys::source::{Method, Options, open};

/// Bytes of an echoed datagram: about an order.
const BYTES: usize = 64;
/// Round trips of the cache line.
const LINE_TRIPS: u64 = 20_000;

/// How the server waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    /// A plain socket, asked again and again.
    Spinning,
    /// The exchange's own source and sink, without an exchange.
    Uring,
}

/// A server that sends back, and a client that spins on a plain socket.
pub(crate) struct Echo {
    client: UdpSocket,
    stop: Arc<AtomicBool>,
    server: Option<JoinHandle<io::Result<()>>>,
}

impl Echo {
    pub(crate) fn start(server: Server, core: Option<usize>) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let its_stop = Arc::clone(&stop);
        let any = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
        let client = UdpSocket::bind(any)?;
        client.set_nonblocking(true)?;
        let pinned = move || core.map(affinity::pin);
        let (address, server) = match server {
            Server::Spinning => {
                let socket = UdpSocket::bind(any)?;
                socket.set_nonblocking(true)?;
                let address = socket.local_addr()?;
                let body = move || {
                    // Refused: the figure says what it is without.
                    let _refused = pinned();
                    spin(&socket, &its_stop)
                };
                (
                    address,
                    thread::Builder::new().name("echo".to_owned()).spawn(body)?,
                )
            }
            Server::Uring => {
                let options = Options {
                    method: Method::Auto,
                    ..Options::with_offload()
                };
                let (mut source, description) = open(any, &options).map_err(io::Error::other)?;
                let mut sink = source.sink(true)?;
                let body = move || {
                    let _refused = pinned();
                    while !its_stop.load(Ordering::Relaxed) {
                        let mut outcome = Ok(());
                        source.poll(64, |from, bytes| {
                            if let Err(error) = sink.send(from, bytes) {
                                outcome = Err(error);
                            }
                        });
                        outcome?;
                    }
                    Ok(())
                };
                let thread = thread::Builder::new().name("echo".to_owned()).spawn(body)?;
                (SocketAddr::V4(description.address), thread)
            }
        };
        client.connect(address)?;
        Ok(Self {
            client,
            stop,
            server: Some(server),
        })
    }

    /// One after the other, with a pause between them.
    pub(crate) fn trips(&mut self, count: u32, pause: Duration, latency: &mut Latency) -> io::Result<()> {
        let mut buffer = [0; 2 * BYTES];
        for number in 0..count {
            let mut datagram = [0; BYTES];
            datagram[..4].copy_from_slice(&number.to_be_bytes());
            let began = Instant::now();
            self.client.send(&datagram)?;
            let length = loop {
                match self.client.recv(&mut buffer) {
                    Ok(length) => break length,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::hint::spin_loop(),
                    Err(error) => return Err(error),
                }
            };
            let ended = Instant::now();
            latency.record(0, (ended - began).as_nanos() as u64);
            while ended.elapsed() < pause {
                std::hint::spin_loop();
            }
            assert_eq!(buffer[..length], datagram, "it comes back as it went");
        }
        Ok(())
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(server) = self.server.take() {
            match server.join() {
                Ok(Ok(())) => {}
                Ok(Err(error)) => eprintln!("the echo's server: {error}"),
                Err(_) if thread::panicking() => {}
                Err(_) => panic!("the echo's server has panicked"),
            }
        }
    }
}

fn spin(socket: &UdpSocket, stop: &AtomicBool) -> io::Result<()> {
    let mut buffer = [0; 2 * BYTES];
    while !stop.load(Ordering::Relaxed) {
        match socket.recv_from(&mut buffer) {
            Ok((length, from)) => {
                socket.send_to(&buffer[..length], from)?;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::hint::spin_loop(),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Nanoseconds in which a cache line goes to another core and back: the median of ten counts.
pub(crate) fn cache_line_ns(core: Option<usize>) -> u64 {
    let line = Arc::new(AtomicU64::new(0));
    let other = Arc::clone(&line);
    let answering = thread::spawn(move || {
        let _refused = core.map(affinity::pin);
        for turn in 0..10 * LINE_TRIPS {
            while other.load(Ordering::Acquire) != 2 * turn + 1 {
                std::hint::spin_loop();
            }
            other.store(2 * turn + 2, Ordering::Release);
        }
    });
    let mut counts: Vec<u64> = (0..10)
        .map(|round| {
            let began = Instant::now();
            for turn in round * LINE_TRIPS..(round + 1) * LINE_TRIPS {
                line.store(2 * turn + 1, Ordering::Release);
                while line.load(Ordering::Acquire) != 2 * turn + 2 {
                    std::hint::spin_loop();
                }
            }
            began.elapsed().as_nanos() as u64 / LINE_TRIPS
        })
        .collect();
    answering.join().expect("it only counts");
    counts.sort_unstable();
    counts[counts.len() / 2]
}
