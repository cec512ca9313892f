//! Where number and tag stand: in datagrams of orders the number is in the header and the tag at the end; behind packets of
//! acknowledgements, which are MoldUDP64, both follow.

use super::keys::Key;
use super::mac::{Mac, TAG_BYTES, Tag};
use crate::blocks::DATAGRAM_BYTES_MAX;
use crate::order_entry::OrderDatagram;

/// Bytes of a send counter.
const COUNTER_BYTES: usize = 8;

/// Bytes behind a packet and its padding: the send counter and the tag.
pub const TRAILER_BYTES: usize = COUNTER_BYTES + TAG_BYTES;

/// The number of a datagram of orders and what its tag covers, when the tag is right. Nothing else of it was looked at.
pub fn open_datagram<'a>(mac: &Mac, bytes: &'a [u8]) -> Option<(u64, &'a [u8])> {
    let (covered, tag) = tagged(bytes)?;
    let number = OrderDatagram::number_of(covered)?;
    mac.verifies(number, covered, tag).then_some((number, covered))
}

/// The send counter of a packet of acknowledgements and the packet with its padding, when the tag is right.
pub fn open_packet<'a>(mac: &Mac, bytes: &'a [u8]) -> Option<(u64, &'a [u8])> {
    let (covered, tag) = tagged(bytes)?;
    let (packet, counter) = covered.split_last_chunk::<COUNTER_BYTES>()?;
    let counter = u64::from_be_bytes(*counter);
    mac.verifies(counter, covered, tag).then_some((counter, packet))
}

fn tagged(bytes: &[u8]) -> Option<(&[u8], &Tag)> {
    // What is longer than a datagram may be was cut by whoever received it.
    bytes
        .split_last_chunk::<TAG_BYTES>()
        .filter(|_| bytes.len() <= DATAGRAM_BYTES_MAX)
}

/// Seals packets: counts them, and no count comes twice.
#[derive(Debug)]
pub struct Sealer {
    mac: Mac,
    next: u64,
}

impl Sealer {
    /// What the first of these counts from. The output stage's packets count from 1.
    const ANSWERS_FROM: u64 = 1 << 63;

    /// For a stream as it comes into being.
    pub fn of_stream(key: &Key) -> Self {
        Self {
            mac: key.mac(),
            next: 1,
        }
    }

    /// For what is sent again beside the stream, by somebody else: the upper half of the counts.
    pub fn of_answers(key: &Key) -> Self {
        Self {
            mac: key.mac(),
            next: Self::ANSWERS_FROM,
        }
    }

    /// Which of the two a count is from: false for the stream, true for answers.
    pub fn is_answer(counter: u64) -> bool {
        counter >= Self::ANSWERS_FROM
    }

    /// The number before the first of either.
    pub fn before(is_answer: bool) -> u64 {
        if is_answer { Self::ANSWERS_FROM - 1 } else { 0 }
    }

    /// Fills the last [`TRAILER_BYTES`] of `bytes`, in front of which the packet and its padding stand.
    ///
    /// # Panics
    /// When `bytes` are shorter.
    pub fn seal(&mut self, bytes: &mut [u8]) {
        let (covered, tag) = bytes
            .split_last_chunk_mut::<TAG_BYTES>()
            .expect("there is room for the tag");
        let (_, counter) = covered
            .split_last_chunk_mut::<COUNTER_BYTES>()
            .expect("there is room for the counter");
        *counter = self.next.to_be_bytes();
        *tag = self.mac.tag(self.next, covered);
        self.next += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authentication::{LoginKeys, MacAlgorithm, MacSecret, Secret};
    use crate::order_entry::DatagramPacker;

    fn keys(algorithm: MacAlgorithm) -> LoginKeys {
        let secret = Secret::new([3; 32]);
        LoginKeys::derive(&MacSecret { algorithm, secret }, &[4; 16], b"O000010001")
    }

    #[test]
    fn a_sealed_datagram_opens_and_a_changed_one_does_not() {
        for algorithm in MacAlgorithm::ALL {
            let mac = keys(algorithm).to_exchange.mac();
            let mut packer = DatagramPacker::new(DATAGRAM_BYTES_MAX - TAG_BYTES);
            packer.start(*b"TOKEN001", 77);
            assert!(packer.push(b"Q"));
            let bytes = packer
                .finish_mac(Some(64), |covered| mac.tag(77, covered))
                .to_vec();
            assert_eq!(open_datagram(&mac, &bytes), Some((77, &bytes[..48])));
            for length in 0..bytes.len() {
                assert_eq!(open_datagram(&mac, &bytes[..length]), None, "cut to {length}");
            }
            for bit in 0..8 * bytes.len() {
                let mut changed = bytes.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(open_datagram(&mac, &changed), None, "bit {bit}");
            }
            assert_eq!(open_datagram(&keys(algorithm).to_client.mac(), &bytes), None);
            assert_eq!(
                open_datagram(&mac, &[0; DATAGRAM_BYTES_MAX + 1]),
                None,
                "too long"
            );
        }
    }

    #[test]
    fn sealed_packets_count_and_the_two_senders_never_meet() {
        for algorithm in MacAlgorithm::ALL {
            let key = keys(algorithm).to_client;
            let mac = key.mac();
            for (mut sealer, first, is_answer) in [
                (Sealer::of_stream(&key), 1, false),
                (Sealer::of_answers(&key), 1 << 63, true),
            ] {
                for counter in first..first + 3 {
                    let mut bytes = [9; 20 + TRAILER_BYTES];
                    sealer.seal(&mut bytes);
                    assert_eq!(open_packet(&mac, &bytes), Some((counter, &[9; 20][..])));
                    assert_eq!(Sealer::is_answer(counter), is_answer);
                    assert!(counter > Sealer::before(is_answer));
                    bytes[3] ^= 1;
                    assert_eq!(open_packet(&mac, &bytes), None);
                }
            }
        }
    }
}
