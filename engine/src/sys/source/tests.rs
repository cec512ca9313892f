//! Real sockets on loopback, without privileges. Loopback delivers a datagram to the receiver's socket within the
//! sender's call, so what was sent is there to be polled: nothing has to be waited for by time.

use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use super::*;
use crate::runtime::seams::DatagramSink;
use crate::sys::parker::Parker;
use crate::sys::udp::{MulticastOptions, MulticastSink, multicast_receiver};

const ANY: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);

/// A datagram of its own for each number.
fn datagram(number: u32, length: usize) -> Vec<u8> {
    let mut bytes = number.to_be_bytes().to_vec();
    bytes.resize(length, number.to_be_bytes()[3]);
    bytes
}

type Taken = Vec<(SocketAddrV4, Vec<u8>)>;

/// Polls until nothing more comes: an empty poll after an empty poll (the first may only have armed the receive again).
fn poll_all(source: &mut Source, max: usize) -> Taken {
    let mut taken = Taken::new();
    let mut empty = 0;
    while empty < 3 {
        let before = taken.len();
        let count = source.poll(max, |address, bytes| taken.push((address, bytes.to_vec())));
        assert_eq!(count, taken.len() - before);
        empty = if count == 0 { empty + 1 } else { 0 };
    }
    taken
}

/// Runs a test with both kinds; where the kernel forbids io_uring the second one alone, and says so.
fn with_both(options: &Options, test: impl Fn(Source, Description)) {
    for method in [Method::IoUring, Method::Recvmmsg] {
        match open(ANY, &Options { method, ..*options }) {
            Ok((source, description)) => test(source, description),
            Err(error) if method == Method::IoUring => {
                assert!(uring_is_forbidden(), "{error}");
                eprintln!("skipped for io_uring: {error}");
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Independent of the code under test.
fn uring_is_forbidden() -> bool {
    io_uring::IoUring::new(8).is_err()
}

fn client() -> (UdpSocket, SocketAddrV4) {
    let socket = UdpSocket::bind(ANY).unwrap();
    let std::net::SocketAddr::V4(address) = socket.local_addr().unwrap() else {
        unreachable!("bound to IPv4")
    };
    (socket, address)
}

#[test]
fn datagrams_come_whole_in_order_and_with_their_source() {
    with_both(&Options::default(), |mut source, description| {
        assert!(poll_all(&mut source, 64).is_empty());
        let (first, first_address) = client();
        let (second, second_address) = client();
        let lengths = [4, 5, 48, 1_000, 1_472, 1_968];
        for (number, length) in (0..).zip(lengths) {
            first
                .send_to(&datagram(number, length), description.address)
                .unwrap();
            second
                .send_to(&datagram(number + 100, length), description.address)
                .unwrap();
        }
        let taken = poll_all(&mut source, 64);
        let expected: Taken = (0..)
            .zip(lengths)
            .flat_map(|(number, length)| {
                [
                    (first_address, datagram(number, length)),
                    (second_address, datagram(number + 100, length)),
                ]
            })
            .collect();
        assert_eq!(taken, expected);
        first.send_to(&[], description.address).unwrap();
        assert_eq!(poll_all(&mut source, 64), [(first_address, vec![])]);
        assert_eq!(source.counters().datagrams.get(), 13);
        assert_eq!(source.counters().failures.get(), 0);
    });
}

#[test]
fn a_poll_takes_no_more_than_asked_for() {
    with_both(&Options::default(), |mut source, description| {
        // The first poll arms the receive.
        assert_eq!(source.poll(8, |_, _| {}), 0);
        let (client, _) = client();
        for number in 0..50 {
            client
                .send_to(&datagram(number, 60), description.address)
                .unwrap();
        }
        let mut taken = 0;
        while taken < 50 {
            let mut called = 0;
            let count = source.poll(8, |_, bytes| {
                assert_eq!(bytes, datagram(taken + called, 60));
                called += 1;
            });
            assert!(count <= 8 && called as usize == count);
            taken += called;
        }
        assert_eq!(source.poll(0, |_, _| panic!("none was asked for")), 0);
    });
}

#[test]
fn datagrams_longer_than_a_buffer_are_counted_and_dropped() {
    with_both(&Options::default(), |mut source, description| {
        let (client, address) = client();
        for (number, length) in [(1, 100), (2, 2_100), (3, 65_507), (4, 100)] {
            client
                .send_to(&datagram(number, length), description.address)
                .unwrap();
        }
        assert_eq!(
            poll_all(&mut source, 64),
            [(address, datagram(1, 100)), (address, datagram(4, 100))]
        );
        assert_eq!(source.counters().truncated.get(), 2);
        assert_eq!(source.counters().datagrams.get(), 2);
    });
}

#[test]
fn tiny_buffer_rings_run_dry_and_lose_nothing() {
    const DATAGRAMS: u32 = 500;
    let options = Options {
        buffer_count: 4,
        ..Options::default()
    };
    with_both(&options, |mut source, description| {
        let (client, address) = client();
        // Armed before they come, and not.
        for armed in [true, false] {
            if armed {
                assert!(poll_all(&mut source, 1_000).is_empty());
            }
            let before = source.counters().datagrams.get();
            // Fewer than the smallest receive buffer of a kernel holds (212,992 bytes, 830 for each).
            for number in 0..DATAGRAMS / 4 {
                client
                    .send_to(&datagram(number, 64), description.address)
                    .unwrap();
            }
            let taken = poll_all(&mut source, 1_000);
            let expected: Taken = (0..DATAGRAMS / 4)
                .map(|number| (address, datagram(number, 64)))
                .collect();
            assert_eq!(taken, expected);
            assert_eq!(
                source.counters().datagrams.get() - before,
                u64::from(DATAGRAMS / 4)
            );
        }
        if matches!(source, Source::IoUring(_)) {
            assert!(source.counters().buffers_exhausted.get() > 0);
            assert!(source.counters().rearmed.get() >= source.counters().buffers_exhausted.get());
        }
        assert_eq!(source.counters().failures.get(), 0);
        assert_eq!(source.counters().kernel_drops.get(), 0);
    });
}

#[test]
fn many_times_more_datagrams_than_buffers_go_round() {
    const ROUNDS: u32 = 300;
    const BURST: u32 = 37;
    let options = Options {
        buffer_count: 64,
        ..Options::default()
    };
    with_both(&options, |mut source, description| {
        let (client, address) = client();
        for round in 0..ROUNDS {
            for number in 0..BURST {
                client
                    .send_to(&datagram(round * BURST + number, 200), description.address)
                    .unwrap();
            }
            let expected: Taken = (0..BURST)
                .map(|number| (address, datagram(round * BURST + number, 200)))
                .collect();
            assert_eq!(poll_all(&mut source, 16), expected);
        }
        assert_eq!(source.counters().datagrams.get(), u64::from(ROUNDS * BURST));
    });
}

#[test]
fn drops_of_the_kernel_are_counted() {
    const SENT: u64 = 2_000;
    let options = Options {
        receive_buffer_bytes: 16_384,
        ..Options::default()
    };
    with_both(&options, |mut source, description| {
        let (client, _) = client();
        for number in 0..SENT {
            let number = u32::try_from(number).unwrap();
            client
                .send_to(&datagram(number, 1_000), description.address)
                .unwrap();
        }
        let received = poll_all(&mut source, 64).len() as u64;
        assert!(received > 0 && received < SENT, "{received}");
        // The kernel tells with the next datagram that it has room for.
        client.send_to(b"last", description.address).unwrap();
        assert_eq!(poll_all(&mut source, 64).len(), 1);
        assert_eq!(source.counters().kernel_drops.get(), SENT - received);
    });
}

#[test]
fn what_begins_with_no_token_of_ours_is_dropped_by_the_kernel() {
    const SENT: u64 = 200;
    let mint = TokenMint::new(0x9e37_79b9_7f4a_7c15);
    let options = Options {
        tokens: Some(mint),
        receive_buffer_bytes: 16_384,
        ..Options::with_offload()
    };
    with_both(&options, |mut source, description| {
        assert!(!description.hints.iter().any(|hint| hint.contains("junk")));
        let (client, _) = client();
        let other = (1..u64::MAX)
            .map(u64::to_be_bytes)
            .find(|&token| !mint.may_be_ours(token));
        let junk = [&other.unwrap()[..], &[0; 1_392]].concat();
        // More than the receive buffer has room for: they take no place in it.
        for _ in 0..SENT {
            client.send_to(&junk, description.address).unwrap();
        }
        let ours = [&mint.mint().unwrap()[..], &[0; 1_392]].concat();
        client.send_to(&ours, description.address).unwrap();
        let taken = poll_all(&mut source, 64);
        assert!(
            taken.len() == 1 && taken[0].1 == ours,
            "{} have come",
            taken.len()
        );
        assert_eq!(source.counters().kernel_drops.get(), SENT);
    });
}

#[test]
fn joined_datagrams_come_one_by_one() {
    with_both(&Options::with_offload(), |mut source, description| {
        assert!(description.offload);
        let (client, address) = client();
        let socket = socket2::SockRef::from(&client);
        let whole: Vec<u8> = (0..10)
            .flat_map(|number| datagram(number, 1_200))
            .chain([9; 300])
            .collect();
        segment(&socket, 1_200);
        client.send_to(&whole, description.address).unwrap();
        segment(&socket, 0);
        client.send_to(b"alone", description.address).unwrap();
        let mut expected: Taken = (0..10).map(|number| (address, datagram(number, 1_200))).collect();
        expected.push((address, vec![9; 300]));
        expected.push((address, b"alone".to_vec()));
        assert_eq!(poll_all(&mut source, 64), expected);
    });
}

/// Lets the kernel cut what `socket` sends into datagrams of `bytes`; 0 switches it off.
fn segment(socket: &Socket, bytes: libc::c_int) {
    use std::os::fd::AsRawFd;
    // SAFETY: pointer and size of an integer on the stack.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_UDP,
            libc::UDP_SEGMENT,
            (&raw const bytes).cast(),
            size_of_val(&bytes) as libc::socklen_t,
        )
    };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
}

#[test]
fn answers_leave_from_the_socket_that_the_orders_went_to() {
    with_both(&Options::default(), |mut source, description| {
        let (client, _) = client();
        client.send_to(b"order", description.address).unwrap();
        let mut sink = source.sink(true).unwrap();
        let count = source.poll(64, |address, bytes| {
            assert_eq!(bytes, b"order");
            sink.send(address, b"accepted").unwrap();
        });
        // io_uring has armed its receive with that poll and may deliver with the next.
        let count = count + source.poll(64, |address, _| sink.send(address, b"accepted").unwrap());
        assert_eq!(count, 1);
        let mut buffer = [0; 64];
        let (length, from) = client.recv_from(&mut buffer).unwrap();
        assert_eq!(
            (&buffer[..length], from),
            (&b"accepted"[..], description.address.into())
        );
        // A client that is gone is no error, now or later.
        let (gone, gone_address) = self::client();
        drop(gone);
        for _ in 0..3 {
            sink.send(gone_address, b"accepted").unwrap();
        }
        client.send_to(b"order", description.address).unwrap();
        assert_eq!(poll_all(&mut source, 64).len(), 1);
        assert_eq!(source.counters().failures.get(), 0);
    });
}

#[test]
fn a_source_moves_to_the_thread_that_polls_it_and_wakes_it_when_parked() {
    with_both(&Options::default(), |mut source, description| {
        let (client, address) = client();
        let thread = std::thread::spawn(move || {
            let mut parker = Parker::new().unwrap();
            let mut numbers = Vec::new();
            while numbers.len() < 200 {
                let count = source.poll(64, |from, bytes| {
                    assert_eq!(from, address);
                    numbers.push(u32::from_be_bytes(bytes[..4].try_into().unwrap()));
                });
                if count == 0 {
                    parker.announce();
                    parker.park(Duration::from_secs(600), |watch| source.watch(watch));
                }
            }
            numbers
        });
        for number in 0..200 {
            client
                .send_to(&datagram(number, 64), description.address)
                .unwrap();
            if number % 10 == 0 {
                std::thread::yield_now();
            }
        }
        assert_eq!(thread.join().unwrap(), (0..200).collect::<Vec<_>>());
    });
}

#[test]
fn the_port_is_free_as_soon_as_the_source_is_dropped() {
    with_both(&Options::default(), |mut source, description| {
        assert_eq!(poll_all(&mut source, 8).len(), 0);
        let method = if description.method == "io_uring" {
            Method::IoUring
        } else {
            Method::Recvmmsg
        };
        drop(source);
        for _ in 0..20 {
            let (mut source, again) = open(
                description.address,
                &Options {
                    method,
                    ..Options::default()
                },
            )
            .unwrap();
            assert_eq!(again.address, description.address);
            assert_eq!(poll_all(&mut source, 8).len(), 0);
        }
    });
}

#[test]
fn the_description_says_what_was_chosen_and_why() {
    let (source, description) = open(ANY, &Options::default()).unwrap();
    if uring_is_forbidden() {
        assert!(matches!(source, Source::Recvmmsg(_)));
        assert!(
            description.to_string().contains("(not io_uring: "),
            "{description}"
        );
    } else {
        assert!(matches!(source, Source::IoUring(_)), "{description}");
        assert_eq!(description.fallback, None);
    }
    assert!(
        description
            .to_string()
            .starts_with(&format!("UDP {} through ", description.address))
    );
    assert_ne!(description.address.port(), 0);
    for (code, setting, part) in [
        (libc::EPERM, "2", "kernel.io_uring_disabled=0"),
        (libc::EPERM, "1", "io_uring_group"),
        (libc::EPERM, "0", "filter"),
        (libc::ENOSYS, "", "has none"),
        (libc::EINVAL, "0", "Linux 6.1"),
        (libc::ENOMEM, "0", "ulimit -l"),
    ] {
        assert!(advice(Some(code), setting).contains(part));
    }
    assert_eq!(advice(Some(libc::EIO), "0"), "");
}

#[test]
fn senseless_options_are_refused() {
    let refused = |method, buffer_count, buffer_bytes| {
        let options = Options {
            method,
            buffer_count,
            buffer_bytes,
            ..Options::default()
        };
        open(ANY, &options).is_err()
    };
    for (buffer_count, buffer_bytes) in [(3, 2_048), (0, 2_048), (8, 0), (8, 80), (8, 64)] {
        assert!(refused(Method::IoUring, buffer_count, buffer_bytes));
    }
    for buffer_bytes in [0, 64, 81] {
        assert!(refused(Method::Recvmmsg, 8, buffer_bytes));
    }
    // They are not taken for a kernel without io_uring.
    assert!(uring_is_forbidden() || refused(Method::Auto, 3, 2_048));
}

#[test]
fn methods_are_read_by_name() {
    for method in [Method::Auto, Method::IoUring, Method::Recvmmsg] {
        let name = ["auto", "io_uring", "recvmmsg"][method as usize];
        assert_eq!(name.parse(), Ok(method));
    }
    assert!("af_xdp".parse::<Method>().is_err());
}

#[test]
fn market_data_goes_to_every_subscriber_of_its_line_only() {
    // A port that is free now; the groups are ours alone with it.
    let port = client().1.port();
    let groups = [1, 2].map(|last| SocketAddrV4::new(Ipv4Addr::new(239, 192, 77, last), port));
    let first = [(); 2].map(|()| multicast_receiver(groups[0], Ipv4Addr::LOCALHOST).unwrap());
    let second = multicast_receiver(groups[1], Ipv4Addr::LOCALHOST).unwrap();
    let mut sink = MulticastSink::open(&groups, &MulticastOptions::default()).unwrap();
    // As many as the smallest receive buffer of a kernel holds (212,992 bytes, 2,300 for each).
    for number in 0..80 {
        sink.send(groups[0], &datagram(number, 1_400)).unwrap();
        sink.send(groups[1], &datagram(number + 1_000, 1_400)).unwrap();
    }
    let mut buffer = [0; 2_048];
    for (socket, offset) in [(&first[0], 0), (&first[1], 0), (&second, 1_000)] {
        for number in 0..80 {
            let length = socket.recv(&mut buffer).unwrap();
            assert_eq!(buffer[..length], datagram(number + offset, 1_400));
        }
        socket.set_nonblocking(true).unwrap();
        assert_eq!(
            socket.recv(&mut buffer).unwrap_err().kind(),
            io::ErrorKind::WouldBlock
        );
    }
    let elsewhere = SocketAddrV4::new(Ipv4Addr::new(239, 192, 77, 3), port);
    assert!(sink.send(elsewhere, b"x").is_err());
    assert!(MulticastSink::open(&[ANY], &MulticastOptions::default()).is_err());
    assert!(multicast_receiver(ANY, Ipv4Addr::LOCALHOST).is_err());
}
