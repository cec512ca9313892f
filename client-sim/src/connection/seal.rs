//! `mac` authentication on the client's side of a binding: tags on what leaves, and on what comes the exchange's tag and a
//! number that was not there before.

use protocol::authentication::{
    LoginKeys, Mac, MacSecret, ReplayWindow, SALT_BYTES, Sealer, Tag, open_packet,
};
use protocol::text::SessionName;

/// Why a packet is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// Its tag is not right, or not there.
    Unauthenticated,
    /// It has come before, or is too old to know.
    Replayed,
}

/// The keys of one binding, and what has come.
#[derive(Debug)]
pub(super) struct Seal {
    leaving: Mac,
    arriving: Mac,
    /// The exchange counts the stream's packets and what it sends again each for itself.
    stream: ReplayWindow,
    answers: ReplayWindow,
}

impl Seal {
    pub(super) fn new(mac: &MacSecret, salt: &[u8; SALT_BYTES], session: &SessionName) -> Self {
        let keys = LoginKeys::derive(mac, salt, session);
        Self {
            leaving: keys.to_exchange.mac(),
            arriving: keys.to_client.mac(),
            stream: ReplayWindow::behind(Sealer::before(false)),
            answers: ReplayWindow::behind(Sealer::before(true)),
        }
    }

    /// The tag of a datagram that leaves.
    pub(super) fn tag(&self, number: u64, covered: &[u8]) -> Tag {
        self.leaving.tag(number, covered)
    }

    /// How many bytes of what came are the packet. The tag first: nothing else of it has any effect before.
    pub(super) fn admit(&mut self, bytes: &[u8]) -> Result<usize, Refused> {
        let (counter, packet) = open_packet(&self.arriving, bytes).ok_or(Refused::Unauthenticated)?;
        let window = match Sealer::is_answer(counter) {
            true => &mut self.answers,
            false => &mut self.stream,
        };
        if window.take(counter) {
            Ok(packet.len())
        } else {
            Err(Refused::Replayed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::authentication::{MacAlgorithm, Secret, TRAILER_BYTES};

    const SESSION: SessionName = *b"O000010001";

    fn sealed(sealer: &mut Sealer) -> Vec<u8> {
        let mut bytes = vec![6; 20 + TRAILER_BYTES];
        sealer.seal(&mut bytes);
        bytes
    }

    #[test]
    fn each_packet_of_the_exchange_is_taken_once() {
        for algorithm in MacAlgorithm::ALL {
            let secret = Secret::new([1; 32]);
            let mac = MacSecret { algorithm, secret };
            let mut seal = Seal::new(&mac, &[2; 16], &SESSION);
            let key = LoginKeys::derive(&mac, &[2; 16], &SESSION).to_client;
            for mut sealer in [Sealer::of_stream(&key), Sealer::of_answers(&key)] {
                let packets: Vec<_> = (0..2_000).map(|_| sealed(&mut sealer)).collect();
                for packet in packets[..500].iter().rev().chain(&packets[500..]) {
                    assert_eq!(seal.admit(packet), Ok(20));
                }
                for packet in &packets {
                    assert_eq!(seal.admit(packet), Err(Refused::Replayed));
                }
                for length in 0..packets[0].len() {
                    assert_eq!(seal.admit(&packets[0][..length]), Err(Refused::Unauthenticated));
                }
            }
            let mut other = Sealer::of_stream(&LoginKeys::derive(&mac, &[3; 16], &SESSION).to_client);
            assert_eq!(
                seal.admit(&sealed(&mut other)),
                Err(Refused::Unauthenticated),
                "another login's"
            );
        }
    }
}
