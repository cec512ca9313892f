//! The ways through the kernel by themselves: the exchange's own source and sinks, nothing behind them.

use std::cell::RefCell;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::rc::Rc;
use std::time::{Duration, Instant};

use engine::runtime::seams::{DatagramSink, DatagramSource};
use engine::sys::source::{Options, open};
use engine::sys::udp::{MulticastOptions, MulticastSink};
use feed_handler::receiver::{Datagrams, Receiver};

use super::traffic::Traffic;

/// Datagrams between two looks at the clock.
const BATCH: usize = 64;

/// What a stage sent: how many bytes, as datagrams of how many.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sending {
    pub(super) bytes: usize,
    pub(super) each: usize,
}

/// A sink that only writes down what is sent.
#[derive(Debug, Default)]
pub(super) struct Noting {
    pub(super) sendings: Rc<RefCell<Vec<Sending>>>,
    /// As the real sink has it.
    pub(super) burst_max: usize,
}

impl DatagramSink for Noting {
    fn send(&mut self, to: SocketAddrV4, bytes: &[u8]) -> io::Result<()> {
        self.send_burst(to, bytes, bytes.len())
    }

    fn burst_max(&self) -> usize {
        self.burst_max.max(1)
    }

    fn send_burst(&mut self, _to: SocketAddrV4, bytes: &[u8], each: usize) -> io::Result<()> {
        self.sendings.borrow_mut().push(Sending {
            bytes: bytes.len(),
            each,
        });
        Ok(())
    }
}

/// The times that sending and receiving the datagrams of orders takes: the client's sends, and the exchange's source.
pub(super) fn orders(traffic: &Traffic) -> io::Result<(Duration, Duration)> {
    let any = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
    let (mut source, description) = open(any, &Options::with_offload()).map_err(io::Error::other)?;
    let (client, _) = open(any, &Options::with_offload()).map_err(io::Error::other)?;
    let mut client = client.sink(true)?;
    let datagrams: Vec<&[u8]> = traffic.datagrams().collect();
    let (mut sending, mut receiving) = (Duration::ZERO, Duration::ZERO);
    let mut burst = Vec::new();
    for batch in datagrams.chunks(BATCH) {
        // As `client-sim` does: padded to one size, so that the kernel can cut.
        let each = batch.iter().map(|datagram| datagram.len()).max().unwrap_or(1);
        burst.clear();
        for datagram in batch {
            let end = burst.len() + each;
            burst.extend_from_slice(datagram);
            burst.resize(end, 0);
        }
        let began = Instant::now();
        for piece in burst.chunks(client.burst_max() * each) {
            client.send_burst(description.address, piece, each)?;
        }
        sending += began.elapsed();
        let began = Instant::now();
        let mut taken = 0;
        while taken < batch.len() {
            taken += source.poll(BATCH, |_, _| {});
        }
        receiving += began.elapsed();
    }
    Ok((sending, receiving))
}

/// The times that sending acknowledgements takes, and receiving them.
pub(super) fn acknowledgements(sendings: &[Sending]) -> io::Result<(Duration, Duration)> {
    let any = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
    let (server, _) = open(any, &Options::with_offload()).map_err(io::Error::other)?;
    let mut sink = server.sink(true)?;
    let (mut client, description) = open(any, &Options::with_offload()).map_err(io::Error::other)?;
    let bytes = vec![7; sendings.iter().map(|sending| sending.bytes).max().unwrap_or(0)];
    let (mut sent, mut received) = (Duration::ZERO, Duration::ZERO);
    for batch in sendings.chunks(6) {
        let began = Instant::now();
        for sending in batch {
            sink.send_burst(description.address, &bytes[..sending.bytes], sending.each)?;
        }
        sent += began.elapsed();
        let expected: usize = batch
            .iter()
            .map(|sending| sending.bytes.div_ceil(sending.each))
            .sum();
        let began = Instant::now();
        let mut taken = 0;
        while taken < expected {
            taken += client.poll(BATCH, |_, _| {});
        }
        received += began.elapsed();
    }
    Ok((sent, received))
}

/// The time that sending market data takes, on both lines with a subscriber to both, and that of receiving it.
pub(super) fn market_data(sendings: &[Sending]) -> io::Result<(Duration, Duration)> {
    let mut lines = Vec::new();
    for last in [1, 2] {
        let group = Ipv4Addr::new(239, 192, 0, last);
        lines.push(SocketAddrV4::new(
            group,
            UdpSocket::bind((group, 0))?.local_addr()?.port(),
        ));
    }
    let mut sink = MulticastSink::open(&lines, &MulticastOptions::default()).map_err(io::Error::other)?;
    let join = |line: &SocketAddrV4| Receiver::join(*line, Ipv4Addr::LOCALHOST).map_err(io::Error::other);
    let mut receivers = lines.iter().map(join).collect::<io::Result<Vec<_>>>()?;
    let bytes = vec![7; sendings.iter().map(|sending| sending.bytes).max().unwrap_or(0)];
    let mut buffer = vec![0; feed_handler::receiver::DATAGRAM_BYTES_MAX];
    let (mut sent, mut received) = (Duration::ZERO, Duration::ZERO);
    for batch in sendings.chunks(BATCH) {
        let began = Instant::now();
        // The stage sends each packet on line A and then on line B: both are among the sendings.
        for (index, sending) in batch.iter().enumerate() {
            sink.send(lines[index % lines.len()], &bytes[..sending.bytes])?;
        }
        sent += began.elapsed();
        let began = Instant::now();
        for receiver in &mut receivers {
            while receiver.receive(&mut buffer)?.is_some() {}
        }
        received += began.elapsed();
    }
    Ok((sent, received))
}
