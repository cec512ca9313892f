//! The sending end of a numbered stream in packets: numbers, packing, heartbeats.

use super::HEARTBEAT_NS;
use crate::packet::Packer;
use crate::text::SessionName;

/// Packs messages and says heartbeats. What it makes goes to a `send` that is given each whole packet: a lost packet is
/// the receiver's to ask for again.
#[derive(Debug, Clone)]
pub struct Sender {
    packer: Packer,
    sent_at: u64,
    heartbeat_ns: u64,
}

impl Sender {
    /// A stream whose next message is `next_sequence`, in packets of at most `limit` bytes.
    pub fn new(session: SessionName, next_sequence: u64, limit: usize, now: u64) -> Self {
        Self {
            packer: Packer::new(session, next_sequence, limit),
            sent_at: now,
            heartbeat_ns: HEARTBEAT_NS,
        }
    }

    /// Another interval between heartbeats, nanoseconds.
    pub fn with_heartbeat(self, heartbeat_ns: u64) -> Self {
        Self { heartbeat_ns, ..self }
    }

    /// Appends a message and answers its number. A packet that it no longer fits in is sent first, padded to `pad_to`
    /// bytes.
    pub fn push(&mut self, now: u64, message: &[u8], pad_to: Option<usize>, send: impl FnMut(&[u8])) -> u64 {
        let sequence = self.packer.next_sequence();
        if !self.packer.push(message) {
            self.flush(now, pad_to, send);
            let has_room = self.packer.push(message);
            assert!(
                has_room,
                "an empty packet has room for every message that push takes"
            );
        }
        sequence
    }

    /// Sends what was not sent yet.
    pub fn flush(&mut self, now: u64, pad_to: Option<usize>, mut send: impl FnMut(&[u8])) {
        if let Some(packet) = self.packer.finish(pad_to) {
            send(packet);
            self.sent_at = now;
        }
    }

    /// Sends a heartbeat when nothing was sent for an interval. True when it did.
    pub fn poll(&mut self, now: u64, mut send: impl FnMut(&[u8])) -> bool {
        if now < self.deadline() {
            return false;
        }
        if self.packer.is_empty() {
            send(&self.packer.heartbeat());
            self.sent_at = now;
        } else {
            self.flush(now, None, send);
        }
        true
    }

    /// Sends what was not sent yet, then the end of the session. To be repeated while the end shall be heard.
    pub fn end(&mut self, now: u64, mut send: impl FnMut(&[u8])) {
        self.flush(now, None, &mut send);
        send(&self.packer.end_of_session());
        self.sent_at = now;
    }

    /// When [`Sender::poll`] has something to send.
    pub fn deadline(&self) -> u64 {
        self.sent_at.saturating_add(self.heartbeat_ns)
    }

    /// The number that the next message gets.
    pub fn next_sequence(&self) -> u64 {
        self.packer.next_sequence()
    }

    /// The stream's name.
    pub fn session(&self) -> SessionName {
        self.packer.session()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{Packet, PacketKind};

    const SECOND: u64 = HEARTBEAT_NS;

    #[test]
    fn messages_get_numbers_and_full_packets_leave() {
        let mut packets = Vec::new();
        let mut sender = Sender::new(*b"ITCH000001", 5, 64, 0);
        for index in 0_u8..7 {
            let sequence = sender.push(1, &[index; 12], Some(64), |packet| packets.push(packet.to_vec()));
            assert_eq!(sequence, 5 + u64::from(index));
        }
        sender.flush(1, None, |packet| packets.push(packet.to_vec()));
        sender.flush(1, None, |_| panic!("nothing is left"));
        assert_eq!(
            packets.iter().map(Vec::len).collect::<Vec<_>>(),
            [64, 64, 20 + 14]
        );
        let numbers: Vec<_> = packets
            .iter()
            .flat_map(|packet| Packet::parse(packet).unwrap().numbered().map(|(n, _)| n))
            .collect();
        assert_eq!(numbers, (5..12).collect::<Vec<_>>());
    }

    #[test]
    fn silence_is_broken_by_heartbeats() {
        let mut kinds = Vec::new();
        let mut sender = Sender::new(*b"ITCH000001", 1, 1_472, 0);
        let mut note = |bytes: &[u8]| {
            let packet = Packet::parse(bytes).unwrap();
            kinds.push((packet.kind(), packet.sequence()));
        };
        assert!(!sender.poll(SECOND - 1, &mut note));
        assert!(sender.poll(SECOND, &mut note));
        assert!(!sender.poll(SECOND + 1, &mut note));
        sender.push(SECOND + 2, b"a", None, &mut note);
        sender.flush(SECOND + 2, None, &mut note);
        assert_eq!(sender.deadline(), 2 * SECOND + 2);
        assert!(sender.poll(2 * SECOND + 2, &mut note));
        sender.end(3 * SECOND, &mut note);
        let expected = [
            (PacketKind::Heartbeat, 1),
            (PacketKind::Messages, 1),
            (PacketKind::Heartbeat, 2),
            (PacketKind::EndOfSession, 2),
        ];
        assert_eq!(kinds, expected);
    }

    #[test]
    fn a_heartbeat_never_announces_what_is_not_sent() {
        let mut sender = Sender::new(*b"ITCH000001", 1, 1_472, 0);
        sender.push(0, b"a", None, |_| panic!("it fits"));
        let mut sent = Vec::new();
        assert!(sender.poll(SECOND, |packet| sent.push(Packet::parse(packet).unwrap().kind())));
        assert_eq!(sent, [PacketKind::Messages]);
    }
}
