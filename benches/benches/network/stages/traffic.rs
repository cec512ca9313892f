//! The orders that the stages are measured with: a stream of the matching core's, as datagrams of six sessions.

use std::cell::Cell;
use std::net::SocketAddrV4;
use std::rc::Rc;

use benches::{Stream, Workload, bound, request};
use engine::runtime::seams::DatagramSource;
use protocol::order_entry::DatagramPacker;

use crate::load::SESSIONS;

/// A handful of instruments with a few thousand orders: about what the loads' customers make of the built-in market.
pub(super) const WORKLOAD: Workload = Workload {
    name: "whole path",
    instruments: 4,
    live: 2_000,
    accounts: SESSIONS as u32,
    width: 200,
    reach: 0,
    seed: 1,
};

/// A stream's measured commands in datagrams.
pub(super) struct Traffic {
    datagrams: Vec<(u32, Vec<u8>)>,
    pub(super) orders: usize,
}

impl Traffic {
    /// Up to `size` orders of one session a datagram, the sessions in turn.
    pub(super) fn of(stream: &Stream, size: usize) -> Self {
        let mut requests = vec![Vec::new(); SESSIONS];
        for command in &stream.measured {
            requests[command.session as usize].push(request::bytes(command));
        }
        let mut chunks: Vec<_> = requests.iter().map(|own| own.chunks(size)).collect();
        let mut packer = DatagramPacker::default();
        let mut datagrams = Vec::new();
        loop {
            let before = datagrams.len();
            for (session, chunks) in (0..).zip(&mut chunks) {
                let Some(chunk) = chunks.next() else {
                    continue;
                };
                packer.start(bound::token(session), datagrams.len() as u64 + 1);
                for request in chunk {
                    assert!(packer.push(request), "{size} requests fit a datagram");
                }
                datagrams.push((session, packer.finish(None).to_vec()));
            }
            if datagrams.len() == before {
                break;
            }
        }
        Self {
            datagrams,
            orders: stream.measured.len(),
        }
    }

    pub(super) fn datagrams(&self) -> impl Iterator<Item = &[u8]> {
        self.datagrams.iter().map(|(_, bytes)| bytes.as_slice())
    }
}

/// Lends the datagrams one after the other, as many as `left` says.
pub(super) struct Lending<'a> {
    pub(super) traffic: &'a Traffic,
    pub(super) next: usize,
    pub(super) left: Rc<Cell<usize>>,
}

impl DatagramSource for Lending<'_> {
    fn poll(&mut self, max: usize, mut take: impl FnMut(SocketAddrV4, &[u8])) -> usize {
        let there = self.traffic.datagrams.len() - self.next;
        let count = self.left.get().min(max).min(there);
        for (session, bytes) in &self.traffic.datagrams[self.next..self.next + count] {
            take(bound::address(*session), bytes);
        }
        self.next += count;
        self.left.set(self.left.get() - count);
        count
    }
}
