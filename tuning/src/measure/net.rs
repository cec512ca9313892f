//! Sockets on loopback, and a ring.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use io_uring::IoUring;
use socket2::SockRef;

use super::quantile;
use crate::checks::network::ASKED_BYTES;

/// Round trips of each kind, and how long they may take altogether.
const TRIPS: usize = 2_000;
const TRIPS_TIME_MAX: Duration = Duration::from_millis(300);
/// How long a blocked thread waits for a datagram, at most.
const PATIENCE: Duration = Duration::from_millis(100);
/// An order.
const DATAGRAM: [u8; 64] = [0; 64];
/// More than any buffer holds that is asked for here.
const FLOOD: usize = 4_096;
/// The exchange's rings: submissions and completions.
const SUBMISSIONS: u32 = 8;
const COMPLETIONS: u32 = 4_096;

/// Two threads that send one datagram to and fro, p50 in us.
#[derive(Debug, Clone, Copy)]
pub struct RoundTrip {
    /// Both ask the socket again and again.
    pub spinning_us: f64,
    /// Both sleep in the kernel until something comes.
    pub blocking_us: f64,
}

/// What a socket's buffer holds.
#[derive(Debug, Clone, Copy)]
pub struct Buffer {
    /// Granted of what the exchange asks for.
    pub granted_bytes: u64,
    /// Datagrams that waited in it.
    pub held: usize,
    /// Datagrams that waited in a buffer that nobody asked to be larger.
    pub held_by_default: usize,
}

/// What came of asking for a ring.
#[derive(Debug, Clone)]
pub enum Ring {
    /// It was set up and given back.
    Works,
    /// What the kernel said.
    Refused(String),
}

fn socket() -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket)
}

/// Receives, spinning or blocked, until something comes, or for as long as it may.
fn receive(socket: &UdpSocket, deadline: Instant) -> io::Result<SocketAddr> {
    let mut bytes = [0; 128];
    loop {
        match socket.recv_from(&mut bytes) {
            Ok((_, from)) => return Ok(from),
            Err(error) if error.kind() != ErrorKind::WouldBlock || Instant::now() >= deadline => {
                return Err(error);
            }
            Err(_) => {}
        }
    }
}

/// Both kinds; nothing where loopback does not answer.
pub(super) fn round_trip() -> Option<RoundTrip> {
    Some(RoundTrip {
        spinning_us: trips(true).ok()?,
        blocking_us: trips(false).ok()?,
    })
}

/// The median of one kind, in us.
fn trips(spins: bool) -> io::Result<f64> {
    let (near, far) = (socket()?, socket()?);
    near.connect(far.local_addr()?)?;
    near.set_nonblocking(spins)?;
    far.set_nonblocking(spins)?;
    let stop = AtomicBool::new(false);
    let mut times = thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                // Nothing came for a while, or the other side is gone: look whether it is over.
                let Ok(from) = receive(&far, Instant::now() + PATIENCE) else {
                    continue;
                };
                // A datagram that is lost ends the measurement at the other side.
                let _ = far.send_to(&DATAGRAM, from);
            }
        });
        let times = there_and_back(&near);
        stop.store(true, Ordering::Relaxed);
        times
    })?;
    times.sort_unstable();
    Ok(quantile(&times, 0.5) as f64 / 1e3)
}

fn there_and_back(socket: &UdpSocket) -> io::Result<Vec<u64>> {
    let end = Instant::now() + TRIPS_TIME_MAX;
    let mut times = Vec::with_capacity(TRIPS);
    while times.len() < TRIPS && Instant::now() < end {
        let begun = Instant::now();
        socket.send(&DATAGRAM)?;
        receive(socket, begun + PATIENCE)?;
        times.push(begun.elapsed().as_nanos() as u64);
    }
    Ok(times)
}

/// Sends to a socket that nobody reads, and counts what is there then.
pub(super) fn buffer() -> Option<Buffer> {
    let asked = socket().ok()?;
    let asked_socket = SockRef::from(&asked);
    asked_socket.set_recv_buffer_size(ASKED_BYTES as usize).ok()?;
    // The kernel doubles what is asked for, for its own needs, and tells the double.
    let granted_bytes = asked_socket.recv_buffer_size().ok()? as u64 / 2;
    Some(Buffer {
        granted_bytes,
        held: held(&asked).ok()?,
        held_by_default: held(&socket().ok()?).ok()?,
    })
}

fn held(socket: &UdpSocket) -> io::Result<usize> {
    let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    sender.connect(socket.local_addr()?)?;
    for _ in 0..FLOOD {
        sender.send(&DATAGRAM)?;
    }
    socket.set_nonblocking(true)?;
    let mut bytes = [0; 128];
    Ok((0..FLOOD).take_while(|_| socket.recv(&mut bytes).is_ok()).count())
}

/// Sets up a ring as the exchange does.
pub(super) fn ring() -> Ring {
    let built: io::Result<IoUring> = IoUring::builder()
        .setup_r_disabled()
        .setup_single_issuer()
        .setup_defer_taskrun()
        .setup_taskrun_flag()
        .setup_cqsize(COMPLETIONS)
        .build(SUBMISSIONS);
    // Enabled and entered once: a filter may allow one call and forbid the next.
    let result = built.and_then(|ring| {
        ring.submitter().register_enable_rings()?;
        ring.submit()
    });
    match result {
        Ok(_) => Ring::Works,
        Err(error) => Ring::Refused(error.to_string()),
    }
}
