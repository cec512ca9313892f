//! One TCP connection: its stream, what came and is not understood yet, what is to go and has not gone yet. All bounded.

use std::io::{self, ErrorKind};
use std::net::SocketAddrV4;

use protocol::soup::{Decoder, encode};

use super::store::{Cursor, FellOff, Store};
use crate::runtime::seams::Stream;

/// How often it is looked whether what was written has arrived: a system call each time.
const ARRIVAL_LOOK_NS: u64 = 10_000_000;

/// What one read brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filled {
    /// So many bytes.
    Bytes(usize),
    /// Nothing is there now: everything the client sent so far was seen.
    Nothing,
    /// There is no room: packets wait to be taken.
    NoRoom,
    /// It was not read.
    NotRead,
    /// The client has closed its side.
    End,
}

/// A non-blocking connection.
#[derive(Debug)]
pub(super) struct Connection<S> {
    stream: S,
    peer: SocketAddrV4,
    /// What came.
    pub(super) decoder: Decoder,
    output: Box<[u8]>,
    start: usize,
    end: usize,
    heard_ns: u64,
    queued_ns: u64,
    /// Bytes queued since the beginning.
    queued_bytes: u64,
    /// Since when what waits, here or in the kernel, has not moved; meaningless while nothing waits.
    stuck_ns: u64,
    /// Bytes that the stream took; of these, as it was looked last, those that had not arrived, and those that had. Not looked
    /// again before a time.
    taken: u64,
    unsent: usize,
    arrived: u64,
    look_ns: u64,
    /// The stream has taken bytes that have not left it.
    is_held: bool,
}

impl<S: Stream> Connection<S> {
    /// A connection accepted at `now_ns`, with so much room for either direction.
    pub(super) fn new(
        stream: S,
        peer: SocketAddrV4,
        now_ns: u64,
        input_bytes: usize,
        output_bytes: usize,
    ) -> Self {
        Self {
            stream,
            peer,
            decoder: Decoder::new(input_bytes),
            output: vec![0; output_bytes].into_boxed_slice(),
            start: 0,
            end: 0,
            heard_ns: now_ns,
            queued_ns: now_ns,
            queued_bytes: 0,
            stuck_ns: now_ns,
            taken: 0,
            unsent: 0,
            arrived: 0,
            look_ns: now_ns,
            is_held: false,
        }
    }

    /// Who is at the other end.
    pub(super) fn peer(&self) -> SocketAddrV4 {
        self.peer
    }

    /// When something last came.
    pub(super) fn heard_ns(&self) -> u64 {
        self.heard_ns
    }

    /// Reads once.
    pub(super) fn fill(&mut self, now_ns: u64) -> io::Result<Filled> {
        let space = self.decoder.space();
        if space.is_empty() {
            return Ok(Filled::NoRoom);
        }
        match self.stream.read(space) {
            Ok(0) => Ok(Filled::End),
            Ok(count) => {
                self.decoder.filled(count);
                self.heard_ns = now_ns;
                Ok(Filled::Bytes(count))
            }
            Err(error) if is_not_now(&error) => Ok(Filled::Nothing),
            Err(error) => Err(error),
        }
    }

    /// Queues one packet that `write` puts into the buffer it is given. False, and nothing queued, when it has no room.
    pub(super) fn put(&mut self, now_ns: u64, write: impl FnOnce(&mut [u8]) -> Option<usize>) -> bool {
        let Some(count) = write(&mut self.output[self.end..]) else {
            return false;
        };
        self.queued(now_ns, count);
        true
    }

    /// Queues as many of `packets` (whole packets, one behind the other) as have room; returns how many bytes.
    pub(super) fn put_packets(&mut self, now_ns: u64, packets: &[u8]) -> usize {
        let room = self.output.len() - self.end;
        let mut count = 0;
        while let Some(length) = packets[count..].first_chunk::<2>() {
            let packet = 2 + usize::from(u16::from_be_bytes(*length));
            if count + packet > room {
                break;
            }
            count += packet;
        }
        self.output[self.end..self.end + count].copy_from_slice(&packets[..count]);
        self.queued(now_ns, count);
        count
    }

    /// Queues Sequenced Data from `cursor` on, about `budget` bytes at most; returns how many bytes.
    pub(super) fn put_stream(
        &mut self,
        now_ns: u64,
        store: &Store,
        cursor: &mut Cursor,
        budget: usize,
    ) -> Result<usize, FellOff> {
        let before = self.end;
        while self.end - before < budget {
            let Some(stored) = store.read(cursor)? else {
                break;
            };
            if !self.put(now_ns, |buffer| encode::sequenced(stored.bytes, buffer)) {
                break;
            }
            cursor.advance(&stored);
        }
        Ok(self.end - before)
    }

    /// Queues the end of the session; false when there is no room now.
    pub(super) fn put_end(&mut self, now_ns: u64) -> bool {
        self.put_packets(now_ns, &encode::END_OF_SESSION) > 0
    }

    /// Queues a heartbeat when nothing was queued for `interval_ns` and nothing waits.
    pub(super) fn put_heartbeat(&mut self, now_ns: u64, interval_ns: u64) -> bool {
        let due = !self.is_waiting() && now_ns.saturating_sub(self.queued_ns) >= interval_ns;
        due && self.put_packets(now_ns, &encode::SERVER_HEARTBEAT) > 0
    }

    /// Writes what waits, as far as the stream takes it and hands it on; returns how many bytes it took.
    pub(super) fn flush(&mut self, now_ns: u64) -> io::Result<usize> {
        let before = self.start;
        while self.start < self.end {
            match self.stream.write(&self.output[self.start..self.end]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.start += count;
                    self.taken += count as u64;
                    self.moved(now_ns);
                    self.look_ns = now_ns;
                }
                Err(error) if is_not_now(&error) => break,
                Err(error) => return Err(error),
            }
        }
        match self.stream.flush() {
            Ok(()) if self.is_held => {
                self.is_held = false;
                self.moved(now_ns);
            }
            Ok(()) => {}
            Err(error) if is_not_now(&error) => self.is_held = true,
            Err(error) => return Err(error),
        }
        let written = self.start - before;
        self.make_room();
        Ok(written)
    }

    /// Bytes ever queued.
    pub(super) fn queued_bytes(&self) -> u64 {
        self.queued_bytes
    }

    /// True while something that was queued has not left.
    pub(super) fn is_waiting(&self) -> bool {
        self.start < self.end || self.is_held
    }

    /// True when nothing waits, here or in the kernel: the connection can be closed, and whatever its peer says then, nothing is
    /// lost. Who asks once asks until it is so.
    pub(super) fn has_arrived(&mut self, now_ns: u64) -> bool {
        if now_ns >= self.look_ns {
            self.look_ns = now_ns + ARRIVAL_LOOK_NS;
            self.unsent = self.stream.unsent();
            // What is put in behind, such as a heartbeat, is no sign that something moves in front.
            let arrived = self.taken.saturating_sub(self.unsent as u64);
            if arrived > self.arrived {
                (self.arrived, self.stuck_ns) = (arrived, now_ns);
            }
        }
        !self.is_waiting() && self.unsent == 0
    }

    /// True when something waits and nothing of it moved for `limit_ns`.
    pub(super) fn is_stuck(&self, now_ns: u64, limit_ns: u64) -> bool {
        (self.is_waiting() || self.unsent > 0) && now_ns.saturating_sub(self.stuck_ns) >= limit_ns
    }

    /// Reads away what came, boundedly: a socket that is closed with unread bytes tells its peer "reset", which may
    /// overtake what was just written.
    pub(super) fn discard_input(&mut self) {
        const READS_MAX: usize = 16;
        self.decoder.clear();
        for _ in 0..READS_MAX {
            // Whatever the read says, the connection is closed next.
            match self.stream.read(self.decoder.space()) {
                Ok(count) if count > 0 => {}
                _ => return,
            }
        }
    }

    /// Something that waits here has moved; where it is known that what left before does not arrive, that says nothing.
    fn moved(&mut self, now_ns: u64) {
        if self.unsent == 0 {
            self.stuck_ns = now_ns;
        }
    }

    fn queued(&mut self, now_ns: u64, count: usize) {
        if !self.is_waiting() {
            self.moved(now_ns);
        }
        if count > 0 {
            self.queued_ns = now_ns;
        }
        self.end += count;
        self.queued_bytes += count as u64;
    }

    /// Moves what waits to the front once half of the buffer is behind it, so that each byte moves about once.
    fn make_room(&mut self) {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        } else if self.start >= self.output.len() / 2 {
            self.output.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
    }
}

/// True for "try again later".
fn is_not_now(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;
    use crate::runtime::sim_net::{SimStream, TcpSettings};
    use std::net::Ipv4Addr;

    const PEER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 4_000);

    fn pair(buffer_bytes: usize) -> (Connection<SimStream>, SimStream) {
        let settings = TcpSettings {
            buffer_bytes,
            piece_bytes: 7,
        };
        let (near, far) = SimStream::pair(settings);
        (Connection::new(near, PEER, 0, 64, 256), far)
    }

    fn read_all(stream: &mut SimStream) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut piece = [0; 64];
        while let Ok(count @ 1..) = stream.read(&mut piece) {
            bytes.extend(&piece[..count]);
        }
        bytes
    }

    #[test]
    fn a_stream_arrives_whole_through_a_narrow_pipe() {
        let (mut connection, mut far) = pair(10);
        let mut store = Store::new(64 * 1_024, 1);
        let mut expected = Vec::new();
        for sequence in 1..=200_u64 {
            let message = vec![sequence as u8; sequence as usize % 50];
            store.push(0, sequence, &message);
            expected.extend(((message.len() + 1) as u16).to_be_bytes());
            expected.push(b'S');
            expected.extend(message);
        }
        let mut cursor = store.cursor(0, 1).expect("stored");
        let mut got = Vec::new();
        while got.len() < expected.len() {
            connection
                .put_stream(0, &store, &mut cursor, 100)
                .expect("nothing falls off");
            connection.flush(0).expect("connected");
            got.extend(read_all(&mut far));
        }
        assert_eq!(got, expected);
    }

    #[test]
    fn a_stuck_reader_shows() {
        let (mut connection, mut far) = pair(4);
        assert_eq!(connection.put_packets(5, b"\0\x08U1234567"), 10);
        assert_eq!(connection.flush(5).expect("connected"), 4);
        assert!(!connection.is_stuck(14, 10));
        assert!(connection.is_stuck(15, 10));
        assert_eq!(read_all(&mut far), b"\0\x08U1");
        assert_eq!(connection.flush(15).expect("connected"), 4);
        assert!(!connection.is_stuck(24, 10));
        read_all(&mut far);
        connection.flush(24).expect("connected");
        assert!(!connection.is_stuck(99, 10), "nothing waits");
    }

    #[test]
    fn what_has_left_has_not_arrived() {
        let (mut connection, mut far) = pair(10);
        assert!(connection.has_arrived(0));
        connection.put_packets(5, b"\0\x08U1234567");
        assert!(!connection.has_arrived(5), "it waits here");
        connection.flush(5).expect("connected");
        assert!(!connection.is_waiting());
        assert!(
            !connection.has_arrived(5),
            "five bytes have no room on the other machine"
        );
        assert!(!connection.is_stuck(14, 10));
        far.read_exact(&mut [0; 2]).expect("it is there");
        let later = 5 + ARRIVAL_LOOK_NS;
        assert!(!connection.has_arrived(later));
        assert!(!connection.is_stuck(later + 9, 10), "some of it has arrived");
        assert!(connection.is_stuck(later + 10, 10));
        read_all(&mut far);
        assert!(connection.has_arrived(later + ARRIVAL_LOOK_NS));
        assert!(!connection.is_stuck(later + ARRIVAL_LOOK_NS, 0), "nothing waits");
    }

    #[test]
    fn only_whole_packets_are_queued() {
        let (mut connection, _far) = pair(4);
        let packets = b"\0\x13U123456789012345678".repeat(20);
        assert_eq!(connection.put_packets(0, &packets), 252, "12 of 21 bytes fit 256");
        assert_eq!(connection.put_packets(0, &packets), 0);
        assert_eq!(connection.put_packets(0, b"\0\x01H"), 3);
    }

    #[test]
    fn heartbeats_fill_silence_only() {
        let (mut connection, mut far) = pair(64);
        assert!(!connection.put_heartbeat(9, 10));
        assert!(connection.put_heartbeat(10, 10));
        assert!(!connection.put_heartbeat(30, 10), "the last one still waits");
        connection.flush(30).expect("connected");
        assert_eq!(read_all(&mut far), b"\0\x01H");
        connection.put_packets(31, b"\0\x01H");
        connection.flush(31).expect("connected");
        assert!(!connection.put_heartbeat(40, 10));
        assert!(connection.put_heartbeat(41, 10));
    }

    #[test]
    fn reading_stops_when_nothing_is_taken() {
        let (mut connection, mut far) = pair(1_000);
        far.write_all(&[1; 7]).expect("room");
        assert_eq!(connection.fill(3).expect("connected"), Filled::Bytes(7));
        assert_eq!(connection.heard_ns(), 3);
        assert_eq!(connection.fill(4).expect("connected"), Filled::Nothing);
        for _ in 0..20 {
            far.write_all(&[1; 7]).expect("room");
        }
        while connection.fill(5).expect("connected") != Filled::NoRoom {}
        drop(far);
        assert_eq!(
            connection.fill(6).expect("connected"),
            Filled::NoRoom,
            "the end comes after the bytes"
        );
        connection.decoder.clear();
        while connection.fill(6).expect("connected") != Filled::End {
            connection.decoder.clear();
        }
    }
}
