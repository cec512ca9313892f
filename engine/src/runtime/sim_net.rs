//! A network in memory, for tests and simulation: TCP connections with non-blocking semantics, and a switchboard of UDP
//! sockets and multicast groups that loses, doubles, damages, reorders and delays from a seed, and whose ways can be cut.
//!
//! Nothing here reads a clock or starts a thread: what is sent is there at the next poll, unless the faults say no. What is
//! delayed arrives when the caller says how late it is.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::seams::{DatagramSink, DatagramSource, Listener, Stream};

/// A lock that a panicking test does not spoil for the others.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Seeded random numbers (SplitMix64): the same seed gives the same faults.
#[derive(Debug, Clone)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn happens(&mut self, parts_per_million: u32) -> bool {
        self.next() % 1_000_000 < u64::from(parts_per_million)
    }
}

/// One direction of a TCP connection.
#[derive(Debug, Default)]
struct Pipe {
    bytes: VecDeque<u8>,
    /// The writing end is gone: what is left can be read, then the stream ends.
    writer_gone: bool,
    /// The reading end is gone: writing fails.
    reader_gone: bool,
    /// The connection was reset: both ends fail at once.
    reset: bool,
    /// The way is cut: what was written waits, its end too.
    held: bool,
}

/// How TCP connections behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpSettings {
    /// Bytes that one direction holds; more would block.
    pub buffer_bytes: usize,
    /// Most bytes that one read or write moves: small values cut packets everywhere.
    pub piece_bytes: usize,
}

impl Default for TcpSettings {
    fn default() -> Self {
        Self {
            buffer_bytes: 64 * 1_024,
            piece_bytes: usize::MAX,
        }
    }
}

/// An end of a TCP connection in memory. Dropping it closes the connection in order.
#[derive(Debug)]
pub struct SimStream {
    incoming: Arc<Mutex<Pipe>>,
    outgoing: Arc<Mutex<Pipe>>,
    settings: TcpSettings,
}

impl SimStream {
    /// Two ends of one connection.
    pub fn pair(settings: TcpSettings) -> (Self, Self) {
        let (a, b) = (Arc::default(), Arc::default());
        let one = Self {
            incoming: Arc::clone(&a),
            outgoing: Arc::clone(&b),
            settings,
        };
        let other = Self {
            incoming: b,
            outgoing: a,
            settings,
        };
        (one, other)
    }

    /// Ends the connection at once: what is on its way is lost, both ends fail with `ConnectionReset`.
    pub fn reset(&self) {
        for pipe in [&self.incoming, &self.outgoing] {
            let mut pipe = lock(pipe);
            pipe.reset = true;
            pipe.bytes.clear();
        }
    }

    /// Cuts the way to this end, or from it, or mends it: what is written meanwhile arrives afterwards.
    pub fn hold(&self, incoming: bool, outgoing: bool) {
        lock(&self.incoming).held = incoming;
        lock(&self.outgoing).held = outgoing;
    }

    /// Bytes that wait to be read at the other end, and can be.
    pub fn unread(&self) -> usize {
        let pipe = lock(&self.outgoing);
        match pipe.held || pipe.reader_gone || pipe.reset {
            true => 0,
            false => pipe.bytes.len(),
        }
    }

    /// Bytes that wait to be read at this end.
    pub fn waiting(&self) -> usize {
        lock(&self.incoming).bytes.len()
    }
}

impl io::Read for SimStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut pipe = lock(&self.incoming);
        if pipe.held {
            return Err(ErrorKind::WouldBlock.into());
        }
        if pipe.reset {
            return Err(ErrorKind::ConnectionReset.into());
        }
        if buffer.is_empty() {
            return Ok(0);
        }
        if pipe.bytes.is_empty() {
            return if pipe.writer_gone {
                Ok(0)
            } else {
                Err(ErrorKind::WouldBlock.into())
            };
        }
        let count = buffer
            .len()
            .min(pipe.bytes.len())
            .min(self.settings.piece_bytes.max(1));
        for (to, from) in buffer.iter_mut().zip(pipe.bytes.drain(..count)) {
            *to = from;
        }
        Ok(count)
    }
}

impl io::Write for SimStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut pipe = lock(&self.outgoing);
        if pipe.reset {
            return Err(ErrorKind::ConnectionReset.into());
        }
        if pipe.reader_gone {
            return Err(ErrorKind::BrokenPipe.into());
        }
        if bytes.is_empty() {
            return Ok(0);
        }
        let room = self.settings.buffer_bytes.saturating_sub(pipe.bytes.len());
        let count = bytes.len().min(room).min(self.settings.piece_bytes.max(1));
        if count == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        pipe.bytes.extend(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for SimStream {
    fn unsent(&self) -> usize {
        let pipe = lock(&self.outgoing);
        // Half of the room is the reader's machine's.
        match pipe.reader_gone || pipe.reset {
            true => 0,
            false => pipe.bytes.len().saturating_sub(self.settings.buffer_bytes / 2),
        }
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        lock(&self.outgoing).writer_gone = true;
        lock(&self.incoming).reader_gone = true;
    }
}

#[derive(Debug, Default)]
struct Backlog {
    waiting: VecDeque<(SimStream, SocketAddrV4)>,
    listener_gone: bool,
}

/// A TCP door in memory.
#[derive(Debug)]
pub struct SimListener {
    backlog: Arc<Mutex<Backlog>>,
}

/// Connects to a [`SimListener`]; clones connect to the same one.
#[derive(Debug, Clone)]
pub struct SimConnector {
    backlog: Arc<Mutex<Backlog>>,
    settings: TcpSettings,
}

/// A door and the way to it.
pub fn tcp(settings: TcpSettings) -> (SimListener, SimConnector) {
    let backlog = Arc::default();
    let listener = SimListener {
        backlog: Arc::clone(&backlog),
    };
    (listener, SimConnector { backlog, settings })
}

impl SimConnector {
    /// Connects from `address`; `ConnectionRefused` when the listener is gone.
    pub fn connect(&self, address: SocketAddrV4) -> io::Result<SimStream> {
        let mut backlog = lock(&self.backlog);
        if backlog.listener_gone {
            return Err(ErrorKind::ConnectionRefused.into());
        }
        let (client, server) = SimStream::pair(self.settings);
        backlog.waiting.push_back((server, address));
        Ok(client)
    }
}

impl Listener for SimListener {
    type Stream = SimStream;

    fn accept(&mut self) -> io::Result<Option<(SimStream, SocketAddrV4)>> {
        Ok(lock(&self.backlog).waiting.pop_front())
    }
}

impl Drop for SimListener {
    fn drop(&mut self) {
        let mut backlog = lock(&self.backlog);
        backlog.listener_gone = true;
        backlog.waiting.clear();
    }
}

/// What the switchboard does to datagrams, each in parts per million, judged for each receiver.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// Not delivered.
    pub loss_ppm: u32,
    /// Delivered twice.
    pub duplicate_ppm: u32,
    /// Delivered before up to [`Faults::reorder_depth`] datagrams that wait already.
    pub reorder_ppm: u32,
    /// Delivered with one bit flipped.
    pub damage_ppm: u32,
    /// See [`Faults::reorder_ppm`].
    pub reorder_depth: usize,
    /// Delivered later, by up to [`Faults::delay_ns_max`]: those behind it overtake it.
    pub delay_ppm: u32,
    /// See [`Faults::delay_ppm`].
    pub delay_ns_max: u64,
    /// Delivered with its end missing.
    pub truncate_ppm: u32,
    /// Receivers verify checksums, as UDP has them: a datagram with a flipped bit is dropped. Where nobody verifies them
    /// (a virtual network between two machines of one host) it arrives.
    pub is_checked: bool,
}

/// What the switchboard did so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SwitchCounters {
    /// Put into a receiver's queue, repeats included.
    pub delivered: u64,
    /// Lost by [`Faults::loss_ppm`].
    pub lost: u64,
    /// Doubled.
    pub duplicated: u64,
    /// Put out of order.
    pub reordered: u64,
    /// Damaged, delivered or not.
    pub damaged: u64,
    /// Cut short.
    pub truncated: u64,
    /// Held back for a time.
    pub delayed: u64,
    /// Lost because the way was cut.
    pub cut: u64,
    /// Nobody is bound to the address, or no member of the group to the port.
    pub unreachable: u64,
    /// The receiver's queue was full.
    pub overflowed: u64,
}

#[derive(Debug)]
struct Port {
    queue: VecDeque<(SocketAddrV4, Vec<u8>)>,
    groups: BTreeSet<Ipv4Addr>,
}

/// The name of a socket: several may be bound to one address.
type PortKey = (SocketAddrV4, u64);

#[derive(Debug)]
struct Late {
    port: PortKey,
    from: SocketAddrV4,
    datagram: Vec<u8>,
}

#[derive(Debug)]
struct Switch {
    ports: BTreeMap<PortKey, Port>,
    next_port: u64,
    queue_max: usize,
    faults: Faults,
    random: Random,
    counters: SwitchCounters,
    /// As the caller said last.
    now_ns: u64,
    /// By the time they arrive; ties in the order they were sent.
    late: BTreeMap<(u64, u64), Late>,
    /// From whom to whom nothing passes.
    cuts: BTreeSet<(Ipv4Addr, Ipv4Addr)>,
    /// Whose datagrams are kept, and those kept.
    tap: Option<Ipv4Addr>,
    tapped: Vec<(SocketAddrV4, Vec<u8>)>,
}

impl Switch {
    fn send(&mut self, from: SocketAddrV4, to: SocketAddrV4, bytes: &[u8]) {
        let Self {
            ports,
            queue_max,
            faults,
            random,
            counters,
            now_ns,
            late,
            cuts,
            tap,
            tapped,
            ..
        } = self;
        if *tap == Some(*from.ip()) {
            tapped.push((to, bytes.to_vec()));
        }
        let mut reached = false;
        for (key, port) in ports.iter_mut() {
            let (address, _) = key;
            let receives = if to.ip().is_multicast() {
                address.port() == to.port() && port.groups.contains(to.ip())
            } else {
                *address == to
            };
            if !receives {
                continue;
            }
            reached = true;
            if !cuts.is_empty() && cuts.contains(&(*from.ip(), *address.ip())) {
                counters.cut += 1;
                continue;
            }
            if random.happens(faults.loss_ppm) {
                counters.lost += 1;
                continue;
            }
            let copies = if random.happens(faults.duplicate_ppm) {
                counters.duplicated += 1;
                2
            } else {
                1
            };
            for _ in 0..copies {
                if port.queue.len() >= *queue_max {
                    counters.overflowed += 1;
                    continue;
                }
                let mut datagram = bytes.to_vec();
                if !datagram.is_empty() && random.happens(faults.damage_ppm) {
                    counters.damaged += 1;
                    let place = random.below(datagram.len());
                    datagram[place] ^= 1 << random.below(8);
                    if faults.is_checked {
                        continue;
                    }
                }
                if !datagram.is_empty() && random.happens(faults.truncate_ppm) {
                    counters.truncated += 1;
                    datagram.truncate(random.below(datagram.len()));
                }
                if random.happens(faults.delay_ppm) {
                    counters.delayed += 1;
                    let arrival_ns = *now_ns + 1 + random.next() % faults.delay_ns_max.max(1);
                    let late_datagram = Late {
                        port: *key,
                        from,
                        datagram,
                    };
                    // The count never falls, so that no two have the same place.
                    late.insert((arrival_ns, counters.delayed), late_datagram);
                    continue;
                }
                let depth = faults.reorder_depth.min(port.queue.len());
                let place = if depth > 0 && random.happens(faults.reorder_ppm) {
                    counters.reordered += 1;
                    port.queue.len() - 1 - random.below(depth)
                } else {
                    port.queue.len()
                };
                port.queue.insert(place, (from, datagram));
                counters.delivered += 1;
            }
        }
        if !reached {
            counters.unreachable += 1;
        }
    }

    fn advance(&mut self, now_ns: u64) {
        self.now_ns = now_ns;
        while let Some(first) = self.late.first_entry() {
            if first.key().0 > now_ns {
                break;
            }
            let Late { port, from, datagram } = first.remove();
            // Its receiver may be gone meanwhile.
            let Some(port) = self.ports.get_mut(&port) else {
                self.counters.unreachable += 1;
                continue;
            };
            if port.queue.len() < self.queue_max {
                port.queue.push_back((from, datagram));
                self.counters.delivered += 1;
            } else {
                self.counters.overflowed += 1;
            }
        }
    }
}

/// Where UDP sockets in memory meet. Clones are the same switchboard.
#[derive(Debug, Clone)]
pub struct Switchboard {
    switch: Arc<Mutex<Switch>>,
}

impl Switchboard {
    /// Nothing bound, no faults; a receiver's queue holds `queue_max` datagrams.
    pub fn new(seed: u64, queue_max: usize) -> Self {
        let switch = Switch {
            ports: BTreeMap::new(),
            next_port: 0,
            queue_max,
            faults: Faults::default(),
            random: Random(seed),
            counters: SwitchCounters::default(),
            now_ns: 0,
            late: BTreeMap::new(),
            cuts: BTreeSet::new(),
            tap: None,
            tapped: Vec::new(),
        };
        Self {
            switch: Arc::new(Mutex::new(switch)),
        }
    }

    /// From now on.
    pub fn set_faults(&self, faults: Faults) {
        lock(&self.switch).faults = faults;
    }

    /// It is `now_ns`: what was delayed until now arrives.
    pub fn advance(&self, now_ns: u64) {
        lock(&self.switch).advance(now_ns);
    }

    /// From now on nothing passes from one machine to the other, nor what is sent to a group the other is in; the way
    /// back is another one. What is delayed already still arrives.
    pub fn cut(&self, from: Ipv4Addr, to: Ipv4Addr) {
        lock(&self.switch).cuts.insert((from, to));
    }

    /// Ends a cut.
    pub fn mend(&self, from: Ipv4Addr, to: Ipv4Addr) {
        lock(&self.switch).cuts.remove(&(from, to));
    }

    /// From now on keeps a copy of what `machine` sends, as it is sent, for [`Switchboard::take_tapped`].
    pub fn tap(&self, machine: Ipv4Addr) {
        lock(&self.switch).tap = Some(machine);
    }

    /// What was sent since it was last asked, with its destinations.
    pub fn take_tapped(&self) -> Vec<(SocketAddrV4, Vec<u8>)> {
        std::mem::take(&mut lock(&self.switch).tapped)
    }

    /// Counted so far.
    pub fn counters(&self) -> SwitchCounters {
        lock(&self.switch).counters
    }

    /// A socket bound to `address`, for sending and receiving. Several may share an address: each gets every datagram
    /// (which is what members of a group on one port need).
    pub fn bind(&self, address: SocketAddrV4) -> SimSocket {
        let mut switch = lock(&self.switch);
        switch.next_port += 1;
        let key = (address, switch.next_port);
        let port = Port {
            queue: VecDeque::new(),
            groups: BTreeSet::new(),
        };
        switch.ports.insert(key, port);
        SimSocket {
            switch: Arc::clone(&self.switch),
            key,
        }
    }

    /// Something that sends with `address` as its source and receives nothing.
    pub fn sender(&self, address: SocketAddrV4) -> SimSender {
        SimSender {
            switch: Arc::clone(&self.switch),
            address,
        }
    }
}

/// A UDP socket in memory. Dropping it unbinds it.
#[derive(Debug)]
pub struct SimSocket {
    switch: Arc<Mutex<Switch>>,
    key: (SocketAddrV4, u64),
}

impl SimSocket {
    /// Where it is bound.
    pub fn address(&self) -> SocketAddrV4 {
        self.key.0
    }

    /// Receives what is sent to `group` on the socket's port.
    pub fn join(&self, group: Ipv4Addr) {
        if let Some(port) = lock(&self.switch).ports.get_mut(&self.key) {
            port.groups.insert(group);
        }
    }

    /// The next datagram and its source.
    pub fn receive(&mut self) -> Option<(SocketAddrV4, Vec<u8>)> {
        lock(&self.switch).ports.get_mut(&self.key)?.queue.pop_front()
    }
}

impl DatagramSource for SimSocket {
    fn poll(&mut self, max: usize, mut take: impl FnMut(SocketAddrV4, &[u8])) -> usize {
        for taken in 0..max {
            // The lock is not held while the datagram is looked at: its taker may send.
            let Some((from, bytes)) = self.receive() else {
                return taken;
            };
            take(from, &bytes);
        }
        max
    }
}

impl DatagramSink for SimSocket {
    fn send(&mut self, to: SocketAddrV4, bytes: &[u8]) -> io::Result<()> {
        lock(&self.switch).send(self.key.0, to, bytes);
        Ok(())
    }
}

impl Drop for SimSocket {
    fn drop(&mut self) {
        lock(&self.switch).ports.remove(&self.key);
    }
}

/// Sends datagrams in the name of an address.
#[derive(Debug, Clone)]
pub struct SimSender {
    switch: Arc<Mutex<Switch>>,
    address: SocketAddrV4,
}

impl DatagramSink for SimSender {
    fn send(&mut self, to: SocketAddrV4, bytes: &[u8]) -> io::Result<()> {
        lock(&self.switch).send(self.address, to, bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    const CLIENT: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), 4_000);
    const SERVER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 2), 5_000);
    const GROUP: Ipv4Addr = Ipv4Addr::new(239, 192, 0, 1);

    #[test]
    fn a_pipe_blocks_when_empty_or_full_and_ends_in_order() {
        let settings = TcpSettings {
            buffer_bytes: 5,
            piece_bytes: 3,
        };
        let (mut listener, connector) = tcp(settings);
        assert!(listener.accept().expect("no error").is_none());
        let mut client = connector.connect(CLIENT).expect("listening");
        let (mut server, from) = listener.accept().expect("no error").expect("one waits");
        assert_eq!(from, CLIENT);
        let mut buffer = [0; 8];
        assert_eq!(
            server.read(&mut buffer).map_err(|error| error.kind()),
            Err(ErrorKind::WouldBlock)
        );
        assert_eq!(client.write(b"abcdef").expect("room"), 3);
        assert_eq!(client.write(b"def").expect("room"), 2);
        assert_eq!(
            client.write(b"f").map_err(|error| error.kind()),
            Err(ErrorKind::WouldBlock)
        );
        assert_eq!(server.read(&mut buffer).expect("bytes"), 3);
        drop(client);
        assert_eq!(server.read(&mut buffer).expect("bytes"), 2);
        assert_eq!(&buffer[..2], b"de");
        assert_eq!(server.read(&mut buffer).expect("the end"), 0);
        assert_eq!(
            server.write(b"x").map_err(|error| error.kind()),
            Err(ErrorKind::BrokenPipe)
        );
    }

    #[test]
    fn a_reset_loses_what_was_on_its_way() {
        let (mut one, mut other) = SimStream::pair(TcpSettings::default());
        one.write_all(b"lost").expect("room");
        one.reset();
        let mut buffer = [0; 8];
        assert_eq!(
            other.read(&mut buffer).map_err(|error| error.kind()),
            Err(ErrorKind::ConnectionReset)
        );
    }

    #[test]
    fn a_closed_door_refuses() {
        let (listener, connector) = tcp(TcpSettings::default());
        drop(listener);
        let refused = connector
            .connect(CLIENT)
            .map(|_| ())
            .map_err(|error| error.kind());
        assert_eq!(refused, Err(ErrorKind::ConnectionRefused));
    }

    #[test]
    fn datagrams_reach_their_address_and_groups_their_members() {
        let board = Switchboard::new(1, 16);
        let mut client = board.bind(CLIENT);
        let mut server = board.bind(SERVER);
        client.send(SERVER, b"one").expect("sent");
        assert_eq!(server.receive(), Some((CLIENT, b"one".to_vec())));
        let feed = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 26_477);
        let mut members = [board.bind(feed), board.bind(feed), board.bind(feed)];
        members[0].join(GROUP);
        members[2].join(GROUP);
        server
            .send(SocketAddrV4::new(GROUP, 26_477), b"feed")
            .expect("sent");
        let got = members.each_mut().map(|member| member.receive().is_some());
        assert_eq!(got, [true, false, true]);
        assert_eq!(board.counters().delivered, 3);
        server.send(SocketAddrV4::new(GROUP, 1), b"feed").expect("sent");
        assert_eq!(board.counters().unreachable, 1);
    }

    #[test]
    fn faults_come_from_the_seed_in_about_their_share() {
        let run = |seed| {
            let board = Switchboard::new(seed, 100_000);
            board.set_faults(Faults {
                loss_ppm: 100_000,
                duplicate_ppm: 50_000,
                reorder_ppm: 200_000,
                damage_ppm: 10_000,
                reorder_depth: 30,
                ..Faults::default()
            });
            let mut server = board.bind(SERVER);
            let mut sender = board.sender(CLIENT);
            for number in 0..10_000_u32 {
                sender.send(SERVER, &number.to_be_bytes()).expect("sent");
            }
            let mut got = Vec::new();
            server.poll(usize::MAX, |_, bytes| got.push(bytes.to_vec()));
            (got, board.counters())
        };
        let (got, counters) = run(7);
        assert_eq!((got.clone(), counters), run(7));
        assert_ne!(got, run(8).0);
        assert!((800..1_200).contains(&counters.lost), "{counters:?}");
        assert!((350..550).contains(&counters.duplicated), "{counters:?}");
        assert!((1_500..2_200).contains(&counters.reordered), "{counters:?}");
        assert!((50..150).contains(&counters.damaged), "{counters:?}");
        assert_eq!(got.len() as u64, counters.delivered);
    }

    #[test]
    fn what_is_delayed_arrives_when_its_time_has_come() {
        let board = Switchboard::new(1, 16);
        board.set_faults(Faults {
            delay_ppm: 1_000_000,
            delay_ns_max: 1_000,
            ..Faults::default()
        });
        board.advance(5_000);
        let mut server = board.bind(SERVER);
        for number in 0..8_u8 {
            board.sender(CLIENT).send(SERVER, &[number]).expect("sent");
        }
        board.advance(5_000);
        assert_eq!(server.receive(), None);
        board.advance(6_000);
        let mut got = Vec::new();
        server.poll(16, |_, bytes| got.push(bytes[0]));
        assert!(!got.is_sorted(), "they overtake each other");
        got.sort_unstable();
        assert_eq!(got, [0, 1, 2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn a_cut_has_one_direction() {
        let board = Switchboard::new(1, 16);
        let (mut client, mut server) = (board.bind(CLIENT), board.bind(SERVER));
        board.tap(*CLIENT.ip());
        board.cut(*CLIENT.ip(), *SERVER.ip());
        client.send(SERVER, b"there").expect("sent");
        server.send(CLIENT, b"back").expect("sent");
        assert_eq!(server.receive(), None);
        assert_eq!(client.receive(), Some((SERVER, b"back".to_vec())));
        assert_eq!(
            board.take_tapped(),
            [(SERVER, b"there".to_vec())],
            "it was sent all the same"
        );
        board.mend(*CLIENT.ip(), *SERVER.ip());
        client.send(SERVER, b"there").expect("sent");
        assert!(server.receive().is_some());

        let (mut one, mut other) = SimStream::pair(TcpSettings::default());
        one.hold(false, true);
        one.write_all(b"there").expect("room");
        other.write_all(b"back").expect("room");
        let mut buffer = [0; 8];
        let held = other.read(&mut buffer).map_err(|error| error.kind());
        assert_eq!(held, Err(ErrorKind::WouldBlock));
        assert_eq!(one.read(&mut buffer).expect("there"), 4);
        one.hold(false, false);
        assert_eq!(other.read(&mut buffer).expect("there"), 5);
    }

    #[test]
    fn a_full_queue_drops() {
        let board = Switchboard::new(1, 2);
        let mut server = board.bind(SERVER);
        let mut sender = board.sender(CLIENT);
        for _ in 0..3 {
            sender.send(SERVER, b"x").expect("sent");
        }
        assert_eq!(board.counters().overflowed, 1);
        assert_eq!(server.poll(10, |_, _| {}), 2);
    }
}
