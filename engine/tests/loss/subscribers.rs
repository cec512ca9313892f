//! Subscribers on threads of their own, and what their books have to be.

use std::net::{SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use feed_handler::clock::Clock;
use feed_handler::receiver::Receiver;
use feed_handler::recovery::Credentials;
use feed_handler::recovery_link::TcpConnect;
use feed_handler::retransmission::RetransmissionConfig;
use feed_handler::retransmission_link::UdpRequests;
use feed_handler::{Capacity, Market, State, Subscriber, SubscriberConfig};
use protocol::testing::Random;

use crate::PATIENCE;
use crate::client::{Client, Said};
use crate::exchange::Exchange;
use crate::network::{Line, Network};

const CAPACITY: Capacity = Capacity {
    instruments: 4,
    orders: 32_768,
    levels: 8_192,
};

/// How a subscriber comes to the stream.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Join {
    /// There before the round began; what was before that it replays.
    First,
    /// Late, with a replay from message 1.
    Replay,
    /// Late, with a snapshot.
    Snapshot,
}

/// The whole stream, as it came over TCP.
pub(crate) struct Reference {
    market: Market,
    messages: u64,
}

impl Reference {
    pub(crate) fn messages(&self) -> u64 {
        self.messages
    }
}

/// Reads everything there is from message 1 on. A heartbeat over TCP says that there is no more.
pub(crate) fn reference(exchange: &Exchange) -> Reference {
    let mut client = Client::login(exchange.address("recovery_tcp"), "", "", 1).expect("it is open");
    while !matches!(client.next().expect("it stays"), Said::Other) || client.messages.is_empty() {}
    let mut market = Market::new(CAPACITY);
    for message in client.messages.values() {
        market.apply(message).expect("the feed is well formed");
    }
    assert_eq!(market.statistics().error_count(), 0);
    Reference {
        market,
        messages: client.messages.len() as u64,
    }
}

/// Somebody who subscribes until everything is there.
pub(crate) struct Subscription {
    join: Join,
    is_stale: Arc<AtomicBool>,
    /// Number of the first message that will not come; 0 while nobody knows.
    end: Arc<AtomicU64>,
    thread: JoinHandle<Subscriber<Line, TcpConnect>>,
}

fn v4(address: SocketAddr) -> SocketAddrV4 {
    match address {
        SocketAddr::V4(address) => address,
        SocketAddr::V6(_) => panic!("the doors have IPv4 addresses"),
    }
}

impl Subscription {
    pub(crate) fn start(exchange: &Exchange, network: &Arc<Network>, join: Join) -> Self {
        let config = SubscriberConfig {
            line_a: v4(exchange.address("line_a")),
            line_b: Some(v4(exchange.address("line_b"))),
            capacity: CAPACITY,
            ..SubscriberConfig::default()
        };
        let lines = [Some(config.line_a), config.line_b];
        let mut index = 0;
        let lines = lines.map(|address| {
            index += 1;
            address.map(|address| Line {
                receiver: Receiver::join(address, config.interface).expect("the group can be joined"),
                network: Arc::clone(network),
                index: index - 1,
                random: Random::new(index as u64 + 10 * join as u64),
            })
        });
        let recovery = TcpConnect(exchange.address("recovery_tcp"));
        let door = UdpRequests::new(exchange.address("retransmission_udp"));
        let mut subscriber =
            Subscriber::over(&config, lines, Some(recovery)).ask_over(door, RetransmissionConfig::default());
        if matches!(join, Join::Snapshot) {
            let snapshot = TcpConnect(exchange.address("snapshot_tcp"));
            subscriber = subscriber.join_by(snapshot, Credentials::default());
        }
        let (is_stale, end) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (its_stale, its_end) = (Arc::clone(&is_stale), Arc::clone(&end));
        let thread = thread::spawn(move || follow(subscriber, &its_stale, &its_end));
        Self {
            join,
            is_stale,
            end,
            thread,
        }
    }

    pub(crate) fn told(&self) -> String {
        format!("{:?}", self.join)
    }

    /// True when it has said so since it came.
    pub(crate) fn is_stale(&self) -> bool {
        self.is_stale.load(Ordering::Relaxed)
    }

    /// Waits until it is live and has everything; what it lived through, and how many answers it had over UDP. Its books are
    /// those of `reference`.
    pub(crate) fn ended(self, reference: &Reference) -> (String, u64) {
        self.end.store(reference.messages + 1, Ordering::Relaxed);
        let subscriber = self.thread.join().expect("it comes to its end");
        let market = subscriber.market();
        assert_eq!(market.statistics().error_count(), 0);
        assert_eq!(
            market.book(1).digest(),
            reference.market.book(1).digest(),
            "{:?}",
            self.join
        );
        assert!(
            market.books().order_count() > 100,
            "there is something to compare"
        );
        let statistics = subscriber.statistics();
        let asked = &statistics.retransmission;
        let told = format!(
            "lost on A {}, on B {}; {} of the snapshot, {} replayed, {} recovered, {} gaps, the longest {:.1?}; asked {} times \
             over UDP, {} answers",
            statistics.lines[0].lost,
            statistics.lines[1].lost,
            statistics.snapshot,
            statistics.replayed,
            statistics.recovered,
            statistics.gaps.gaps,
            Duration::from_nanos(statistics.gaps.longest_ns),
            asked.requests,
            asked.answers
        );
        (told, asked.answers)
    }
}

fn follow(
    mut subscriber: Subscriber<Line, TcpConnect>,
    is_stale: &AtomicBool,
    end: &AtomicU64,
) -> Subscriber<Line, TcpConnect> {
    let clock = Clock::new();
    let mut ending = None;
    loop {
        let work = subscriber.poll(clock.now_ns());
        let state = subscriber.state();
        if state == State::Stale {
            is_stale.store(true, Ordering::Relaxed);
        }
        let end = end.load(Ordering::Relaxed);
        if end > 0 {
            let next = subscriber.next_sequence();
            assert!(next.is_none_or(|next| next <= end), "{next:?} of {end}");
            if next == Some(end) && state == State::Live {
                return subscriber;
            }
            let since = *ending.get_or_insert_with(Instant::now);
            assert!(
                since.elapsed() < PATIENCE,
                "{state:?}, next message {next:?} of {end}, {:?}, {:?}",
                subscriber.recovery_failure(),
                subscriber.statistics()
            );
        }
        if work == 0 {
            thread::sleep(Duration::from_micros(200));
        }
    }
}
