//! What both sources do with a datagram once the kernel has delivered it.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use super::control::{CONTROL_BYTES, Control};
use crate::counters;
use crate::runtime::counters::CachePadded;

counters! {
    /// What a datagram source counts.
    pub struct SourceCounters: "source" {
        datagrams: "Datagrams received.",
        truncated: "Datagrams dropped because they are longer than a receive buffer.",
        unaddressed: "Datagrams dropped because the kernel gave no IPv4 source address.",
        kernel_drops: "Times that the kernel dropped a datagram, or a joined burst of them: no token of ours began it, or the socket's receive buffer was full.",
        buffers_exhausted: "Times that all receive buffers were in use; the datagrams wait in the socket.",
        rearmed: "Times that the multishot receive ended and was armed again.",
        failures: "Times that the kernel refused to receive; it was tried again.",
    }
}

/// Bytes of `sockaddr_in`.
pub(super) const NAME_BYTES: usize = size_of::<libc::sockaddr_in>();

/// Bytes of a receive buffer that hold address and control data; the rest holds the datagram.
pub(super) const PREFIX_BYTES: usize = NAME_BYTES + CONTROL_BYTES;

/// After so many failures in a row nothing will come any more: a deaf exchange has to stop.
const FAILURES_MAX: u32 = 1_000;

/// A datagram as the kernel delivered it.
pub(super) struct Delivered<'a> {
    pub(super) name: &'a [u8],
    pub(super) control: &'a [u8],
    pub(super) payload: &'a [u8],
    pub(super) truncated: bool,
}

/// Checks and counts what was delivered.
pub(super) struct Reception {
    pub(super) counters: Arc<CachePadded<SourceCounters>>,
    dropped_before: u32,
    failures_in_row: u32,
}

impl Reception {
    pub(super) fn new() -> Self {
        Self {
            counters: SourceCounters::shared(),
            dropped_before: 0,
            failures_in_row: 0,
        }
    }

    /// Hands the datagram (all of them, when several were joined by receive offload) to `take`; returns how many.
    #[inline]
    pub(super) fn deliver(
        &mut self,
        delivered: &Delivered<'_>,
        take: &mut impl FnMut(SocketAddrV4, &[u8]),
    ) -> usize {
        self.failures_in_row = 0;
        let control = Control::parse(delivered.control);
        if let Some(dropped) = control.dropped {
            self.counters
                .kernel_drops
                .add(u64::from(dropped.wrapping_sub(self.dropped_before)));
            self.dropped_before = dropped;
        }
        if delivered.truncated {
            self.counters.truncated.increment();
            return 0;
        }
        let Some(address) = address(delivered.name) else {
            self.counters.unaddressed.increment();
            return 0;
        };
        let payload = delivered.payload;
        let count = match control.segment {
            Some(segment) if segment > 0 && segment < payload.len() => {
                let mut count = 0;
                for datagram in payload.chunks(segment) {
                    take(address, datagram);
                    count += 1;
                }
                count
            }
            _ => {
                take(address, payload);
                1
            }
        };
        self.counters.datagrams.add(count as u64);
        count
    }

    /// Counts a refusal of the kernel.
    ///
    /// # Panics
    ///
    /// After [`FAILURES_MAX`] of them in a row: the exchange can not hear its clients any more.
    #[cold]
    pub(super) fn failed(&mut self, what: &str, error: &std::io::Error) {
        self.counters.failures.increment();
        self.failures_in_row += 1;
        assert!(
            self.failures_in_row < FAILURES_MAX,
            "{what} failed {FAILURES_MAX} times in a row, last with: {error}"
        );
    }
}

/// Reads a `sockaddr_in`.
fn address(name: &[u8]) -> Option<SocketAddrV4> {
    let family = u16::from_ne_bytes(name.get(0..2)?.try_into().ok()?);
    if i32::from(family) != libc::AF_INET {
        return None;
    }
    let port = u16::from_be_bytes(name.get(2..4)?.try_into().ok()?);
    let ip: [u8; 4] = name.get(4..8)?.try_into().ok()?;
    Some(SocketAddrV4::new(Ipv4Addr::from(ip), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: [u8; 16] = {
        let mut name = [0; 16];
        [name[0], name[1]] = libc::sa_family_t::to_ne_bytes(libc::AF_INET as u16);
        [name[2], name[3]] = 26_400_u16.to_be_bytes();
        [name[4], name[5], name[6], name[7]] = [10, 1, 2, 3];
        name
    };

    fn control(level: i32, kind: i32, value: u32) -> Vec<u8> {
        let mut bytes = 20_usize.to_ne_bytes().to_vec();
        bytes.extend(level.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(value.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes
    }

    fn deliver(
        reception: &mut Reception,
        name: &[u8],
        control: &[u8],
        payload: &[u8],
        truncated: bool,
    ) -> Vec<Vec<u8>> {
        let delivered = Delivered {
            name,
            control,
            payload,
            truncated,
        };
        let mut taken = Vec::new();
        let count = reception.deliver(&delivered, &mut |address, bytes| {
            assert_eq!(address, SocketAddrV4::new(Ipv4Addr::new(10, 1, 2, 3), 26_400));
            taken.push(bytes.to_vec());
        });
        assert_eq!(count, taken.len());
        taken
    }

    #[test]
    fn joined_datagrams_are_cut_where_they_were_joined() {
        let mut reception = Reception::new();
        let joined = control(libc::SOL_UDP, libc::UDP_GRO, 3);
        assert_eq!(
            deliver(&mut reception, &NAME, &joined, b"abcdefgh", false),
            [&b"abc"[..], b"def", b"gh"]
        );
        assert_eq!(deliver(&mut reception, &NAME, &joined, b"abc", false), [b"abc"]);
        assert_eq!(deliver(&mut reception, &NAME, &joined, b"", false), [b""]);
        let senseless = control(libc::SOL_UDP, libc::UDP_GRO, 0);
        assert_eq!(
            deliver(&mut reception, &NAME, &senseless, b"abcd", false),
            [b"abcd"]
        );
        assert_eq!(reception.counters.datagrams.get(), 6);
    }

    #[test]
    fn truncated_and_unaddressed_datagrams_are_counted_and_dropped() {
        let mut reception = Reception::new();
        assert!(deliver(&mut reception, &NAME, &[], b"abc", true).is_empty());
        assert!(deliver(&mut reception, &NAME[..7], &[], b"abc", false).is_empty());
        assert!(deliver(&mut reception, &[0; 16], &[], b"abc", false).is_empty());
        assert!(deliver(&mut reception, &[], &[], b"abc", false).is_empty());
        let counters = &reception.counters;
        assert_eq!(
            (
                counters.truncated.get(),
                counters.unaddressed.get(),
                counters.datagrams.get()
            ),
            (1, 3, 0)
        );
    }

    #[test]
    fn the_drop_count_of_the_kernel_may_wrap() {
        let mut reception = Reception::new();
        for dropped in [5, 5, u32::MAX, 1] {
            let control = control(libc::SOL_SOCKET, super::super::control::SO_RXQ_OVFL, dropped);
            deliver(&mut reception, &NAME, &control, b"", false);
        }
        assert_eq!(reception.counters.kernel_drops.get(), u64::from(u32::MAX) + 2);
    }

    #[test]
    #[should_panic(expected = "failed 1000 times in a row")]
    fn a_source_that_fails_for_good_stops_the_process() {
        let mut reception = Reception::new();
        let error = std::io::Error::from_raw_os_error(libc::ENOMEM);
        for round in 0..2 * FAILURES_MAX {
            if round == FAILURES_MAX - 1 {
                deliver(&mut reception, &NAME, &[], b"a datagram ends the row", false);
            }
            reception.failed("receiving", &error);
        }
    }
}
