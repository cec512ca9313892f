//! `mac` authentication on real sockets: what strangers, echoes and forgers send to an exchange has no effect, and is
//! counted.
//!
//! Each test lets the same customers trade with two exchanges whose clocks stand still, attacks one of them, and compares
//! their states in the end. With `MAC_FORGED=10000000` in the environment ten million tags are forged, which is the figure
//! of a release.

mod attacked;
mod customer;

use std::net::UdpSocket;

use protocol::authentication::{LoginKeys, MacAlgorithm, TAG_BYTES};
use protocol::order_entry::OrderDatagram;
use protocol::testing::Random;

use attacked::{Attacked, secret_of};
use customer::Customer;

/// Tags forged unless the environment says how many.
const FORGED: u64 = 20_000;

fn each(test: impl Fn(MacAlgorithm)) {
    for algorithm in MacAlgorithm::ALL {
        test(algorithm);
    }
}

#[test]
fn a_datagram_from_another_address_is_a_strangers() {
    each(|algorithm| {
        let mut exchange = Attacked::start(algorithm);
        let mut alice = exchange.customer("A");
        let good = alice.order();
        let stranger = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        exchange.expect("strangers", 2, || {
            for bytes in [&good, &alice.order()] {
                stranger.send_to(bytes, alice.exchange()).expect("loopback");
            }
        });
        stranger.set_nonblocking(true).expect("a socket");
        assert!(stranger.recv(&mut [0; 64]).is_err(), "strangers get nothing");
        exchange.expect("requests", 1, || alice.send(&good));
        exchange.compare(1);
    });
}

#[test]
fn a_datagram_is_taken_once() {
    each(|algorithm| {
        let mut exchange = Attacked::start(algorithm);
        let mut alice = exchange.customer("A");
        let good = alice.order();
        exchange.expect("requests", 1, || alice.send(&good));
        exchange.expect("replayed", 3, || {
            for _ in 0..3 {
                alice.send(&good);
            }
        });
        exchange.compare(1);
    });
}

#[test]
fn the_window_takes_what_is_late_and_not_what_is_too_late() {
    each(|algorithm| {
        let mut exchange = Attacked::start(algorithm);
        let mut alice = exchange.customer("A");
        let numbered: Vec<_> = (0..1_030).map(|_| alice.heartbeat()).collect();
        // The last first: six of those behind it are too old.
        exchange.expect("datagrams", 1, || alice.send(&numbered[1_029]));
        exchange.expect("replayed", 6, || {
            for late in numbered[..6].iter().rev() {
                alice.send(late);
            }
        });
        exchange.expect("datagrams", 4, || {
            for place in [6, 1_028, 500, 7] {
                alice.send(&numbered[place]);
            }
        });
        exchange.expect("replayed", 1, || alice.send(&numbered[500]));
        // What is dropped does not move the window.
        let mut far = alice.heartbeat_numbered(u64::MAX);
        *far.last_mut().expect("it has a tag") ^= 1;
        exchange.expect("unauthenticated", 1, || alice.send(&far));
        exchange.expect("datagrams", 1, || alice.send(&numbered[8]));
        exchange.expect_all(&[("malformed", 0), ("strangers", 0), ("replayed", 7)]);
        let order = alice.order();
        exchange.expect("requests", 1, || alice.send(&order));
        exchange.compare(1);
    });
}

#[test]
fn a_datagram_cut_anywhere_is_dropped() {
    each(|algorithm| {
        let mut exchange = Attacked::start(algorithm);
        let mut alice = exchange.customer("A");
        let good = alice.order();
        let lengths = 8..good.len() as u64;
        exchange.expect("unauthenticated", lengths.end - lengths.start, || {
            for length in lengths {
                alice.send(&good[..length as usize]);
            }
        });
        for length in 0..8 {
            alice.send(&good[..length]);
        }
        let longer = [&good[..], &[0]].concat();
        let longest = [&good[..], &vec![0; 1_473 - good.len()]].concat();
        exchange.expect("unauthenticated", 1, || alice.send(&longer));
        // What is too short for a token the kernel has dropped.
        assert_eq!(exchange.dropped_by_the_kernel(), 8);
        exchange.expect_all(&[("malformed", 0)]);
        // What is longer than a receive buffer does not come so far.
        alice.send(&longest);
        exchange.expect("requests", 1, || alice.send(&good));
        exchange.compare(1);
    });
}

#[test]
fn every_bit_counts() {
    each(|algorithm| {
        let mut exchange = Attacked::start(algorithm);
        let mut alice = exchange.customer("A");
        let good = alice.order();
        let flipped = |bit: usize| {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            bytes
        };
        (0..64).for_each(|bit| alice.send(&flipped(bit)));
        let rest = 64..8 * good.len();
        exchange.expect("unauthenticated", rest.len() as u64, || {
            rest.for_each(|bit| alice.send(&flipped(bit)));
        });
        // Of what has another token the kernel drops most; three of its bytes it does not look at.
        let strangers = exchange.counter("strangers");
        assert!((24..64).contains(&strangers), "{strangers}");
        assert_eq!(exchange.dropped_by_the_kernel(), 64 - strangers);
        exchange.expect("requests", 1, || alice.send(&good));
        exchange.compare(1);
    });
}

#[test]
fn a_tag_of_another_key_is_none() {
    each(|algorithm| {
        let mut exchange = Attacked::start(algorithm);
        let mut alice = exchange.customer("A");
        let bob = exchange.customer("B");
        let good = alice.order();
        let covered = &good[..good.len() - TAG_BYTES];
        let number = OrderDatagram::number_of(covered).expect("it has one");
        let with = |key: protocol::authentication::Key| {
            let tag = key.mac().tag(number, covered);
            [covered, &tag].concat()
        };
        let derive = |name: &str, salt, session| {
            let keys = LoginKeys::derive(&secret_of(algorithm, name), salt, session);
            keys.to_exchange
        };
        let other = MacAlgorithm::ALL[usize::from(algorithm == MacAlgorithm::ALL[0])];
        let other = LoginKeys::derive(&secret_of(other, "A"), &alice.salt(), &alice.session());
        let forged = [
            with(bob.keys().to_exchange),
            with(alice.keys().to_client),
            with(derive("B", &alice.salt(), &alice.session())),
            with(derive("A", &bob.salt(), &alice.session())),
            with(derive("A", &alice.salt(), &bob.session())),
            with(other.to_exchange),
            [covered, &[0; TAG_BYTES]].concat(),
            covered.to_vec(),
        ];
        exchange.expect("unauthenticated", forged.len() as u64, || {
            forged.iter().for_each(|bytes| alice.send(bytes));
        });
        assert_eq!(with(alice.keys().to_exchange), good);
        exchange.expect("requests", 1, || alice.send(&good));
        exchange.compare(1);
    });
}

#[test]
fn no_forged_tag_is_taken() {
    let count =
        std::env::var("MAC_FORGED").map_or(FORGED, |count| count.parse().expect("MAC_FORGED: a number"));
    each(|algorithm| {
        let mut exchange = Attacked::start(algorithm);
        let mut alice = exchange.customer("A");
        let good = alice.order();
        let mut random = Random::new(1);
        let mut forged = good.clone();
        let tag_at = good.len() - TAG_BYTES;
        let mut left = count;
        while left > 0 {
            // No more than the socket holds.
            let now = left.min(64);
            exchange.expect("unauthenticated", now, || {
                for _ in 0..now {
                    random.fill(&mut forged[tag_at..]);
                    if random.chance(1, 2) {
                        // And what an attacker would have it say.
                        random.fill(&mut forged[8..tag_at]);
                    }
                    alice.send(&forged);
                }
            });
            left -= now;
        }
        exchange.expect_all(&[
            ("requests", 0),
            ("replayed", 0),
            ("malformed", 0),
            ("strangers", 0),
        ]);
        exchange.expect("requests", 1, || alice.send(&good));
        exchange.compare(1);
    });
}

#[test]
fn nothing_of_a_replayed_capture_is_taken() {
    each(|algorithm| {
        let mut exchange = Attacked::start(algorithm);
        let mut alice = exchange.customer("A");
        let orders = 40;
        let capture: Vec<_> = (0..1_500)
            .map(|place| match place % (1_500 / orders) {
                0 => alice.order(),
                _ => alice.heartbeat(),
            })
            .collect();
        let requests = capture.len().div_ceil(1_500 / orders) as u64;
        let send_all = |alice: &Customer, exchange: &mut Attacked, counter: &'static str| {
            for some in capture.chunks(64) {
                exchange.expect(counter, some.len() as u64, || {
                    some.iter().for_each(|bytes| alice.send(bytes));
                });
            }
        };
        send_all(&alice, &mut exchange, "datagrams");
        exchange.expect_all(&[("requests", requests)]);
        send_all(&alice, &mut exchange, "replayed");
        exchange.expect_all(&[("requests", requests)]);
        // Nor in the session's next login, from wherever.
        let mut again = exchange.customer_from("A", &alice);
        send_all(&again, &mut exchange, "strangers");
        // Whoever could put the new token into it has no tag for it.
        let renamed: Vec<_> = capture
            .iter()
            .take(64)
            .map(|bytes| [&again.token()[..], &bytes[8..]].concat())
            .collect();
        exchange.expect("unauthenticated", 64, || {
            renamed.iter().for_each(|bytes| again.send(bytes))
        });
        exchange.expect_all(&[("requests", requests)]);
        let order = again.order();
        exchange.expect("requests", 1, || again.send(&order));
        exchange.compare_logged_in_twice(requests);
    });
}

#[test]
fn acknowledgements_come_sealed_and_again_when_asked_for() {
    each(|algorithm| {
        let mut exchange = Attacked::start(algorithm);
        let mut alice = exchange.customer("A");
        for _ in 0..60 {
            let order = alice.order();
            exchange.expect("requests", 1, || alice.send(&order));
        }
        let live = alice.receive(60);
        assert!(live.counters.iter().all(|counter| *counter < 1 << 63));
        let question = alice.re_request(live.first, 60);
        alice.send(&question);
        let again = alice.receive(60);
        assert!(again.counters.iter().all(|counter| *counter >= 1 << 63));
        assert_eq!((live.first, live.messages), (again.first, again.messages));
        exchange.compare(60);
    });
}
