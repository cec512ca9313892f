//! A subscriber that comes late and hears nothing but TCP: the replay from the first message on, then what is new.

use std::net::{SocketAddr, SocketAddrV4};

use feed_handler::recovery::Credentials;
use feed_handler::recovery_link::RecoveryLink;
use feed_handler::{Capacity, Market};

/// The subscriber.
#[derive(Debug)]
pub(super) struct Late {
    link: RecoveryLink,
    market: Market,
    next: u64,
}

impl Late {
    pub(super) fn new(recovery: SocketAddrV4, capacity: Capacity) -> Self {
        Self {
            link: RecoveryLink::new(SocketAddr::V4(recovery), Credentials::default()),
            market: Market::new(capacity),
            next: 1,
        }
    }

    /// Goes on. Returns how much it did.
    pub(super) fn poll(&mut self, now_ns: u64) -> usize {
        self.link.ask(None, self.next, now_ns);
        let Self { link, market, next } = self;
        link.poll(now_ns, |_session, sequence, message| {
            if sequence == *next {
                // What can not be read is counted by the market, and shows in the comparison.
                let _counted = market.apply(message);
                *next += 1;
            }
        })
    }

    /// The number of the next message.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Its books.
    pub(super) fn market(&self) -> &Market {
        &self.market
    }
}
