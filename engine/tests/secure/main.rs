//! TCP doors under TLS, on real sockets: everything works that works without, and who does not speak it, or not to us, is sent
//! away, is counted, and harms nobody.

mod openssl;
mod world;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use feed_handler::receiver::Receiver;
use feed_handler::recovery::RecoveryFailure;
use feed_handler::secure::DoorConnect;
use feed_handler::{State, Subscriber, SubscriberConfig};
use protocol::order_entry::requests::EnterOrder;
use protocol::order_entry::write_message;
use protocol::units::Symbol;
use tls::testing::Authority;
use tls::{Failure, Trust};
use world::{Customer, PATIENCE, Said, World, config, connect, login, trust, under_tls};

/// A bid for a Bitcoin's ten-thousandth.
fn order(user_ref: u32) -> Vec<u8> {
    let order = EnterOrder {
        message_type: b'O',
        user_ref_num: user_ref.into(),
        side: b'B',
        quantity: 100.into(),
        symbol: Symbol::new("BTC-USD").expect("it fits").0,
        price: 590_000_000.into(),
        time_in_force: b'0',
        display: b'Y',
        capacity: b'P',
        inter_market_sweep_eligibility: b'N',
        cross_type: b'N',
        cl_ord_id: *b"secure        ",
        appendage_length: 0.into(),
    };
    let mut buffer = [0; 128];
    let length = write_message(&order, &[], &mut buffer).expect("it fits");
    buffer[..length].to_vec()
}

/// A subscriber of the exchange's line A; with `from_snapshot` it takes the books from there.
fn subscriber(world: &World, trust: &Trust, from_snapshot: bool) -> Subscriber<Receiver, DoorConnect> {
    let addresses = world.running.addresses();
    let config = SubscriberConfig {
        line_a: addresses.line_a,
        line_b: None,
        recovery: Some(addresses.recovery_tcp.into()),
        snapshot: from_snapshot.then(|| addresses.snapshot_tcp.into()),
        ..SubscriberConfig::default()
    };
    Subscriber::through(&config, Some(trust)).expect("groups can be joined")
}

/// Polls until `is_so`.
fn until(
    subscriber: &mut Subscriber<Receiver, DoorConnect>,
    is_so: impl Fn(&Subscriber<Receiver, DoorConnect>) -> bool,
) {
    let began = Instant::now();
    while !is_so(subscriber) {
        assert!(
            began.elapsed() < PATIENCE,
            "{:?}, {:?}",
            subscriber.state(),
            subscriber.recovery_failure()
        );
        subscriber.poll(began.elapsed().as_nanos() as u64);
        std::thread::yield_now();
    }
}

/// True when the market has the bid of [`order`].
fn has_bid(subscriber: &Subscriber<Receiver, DoorConnect>) -> bool {
    subscriber.has_joined()
        && subscriber.state() == State::Live
        && subscriber
            .market()
            .find(*b"BTC-USD ")
            .and_then(|locate| subscriber.market().quote(locate))
            .is_some_and(|quote| quote.bid.is_some())
}

#[test]
fn a_login_an_order_recovery_and_a_snapshot() {
    let world = World::new();
    let mut customer = Customer::new(under_tls(
        world.running.addresses().order_entry_tcp,
        &world.trust(),
    ));
    assert_eq!(customer.login("A", "demo"), Said::Accepted);
    customer.send(&order(1));
    let accepted = customer.message(b'A');
    assert!(
        accepted.windows(6).any(|bytes| bytes == b"secure"),
        "{accepted:?}"
    );

    for from_snapshot in [false, true] {
        let mut subscriber = subscriber(&world, &world.trust(), from_snapshot);
        until(&mut subscriber, has_bid);
        let statistics = subscriber.statistics();
        if from_snapshot {
            assert!(statistics.snapshot > 0, "{statistics:?}");
        } else {
            assert!(statistics.replayed > 0, "{statistics:?}");
        }
    }
    assert_eq!(world.count("order_entry", "untrusted"), 0);
    assert!(world.count("gap_recovery", "logins") >= 1);
    assert_eq!(world.count("glimpse", "logins"), 1);
    drop(customer);
    world.expect("ended", 1);
    world.stop();
}

#[test]
fn who_speaks_no_tls_is_closed_and_counted_and_harms_nobody() {
    let world = World::new();
    let mut customer = Customer::new(under_tls(
        world.running.addresses().order_entry_tcp,
        &world.trust(),
    ));
    assert_eq!(customer.login("A", "demo"), Said::Accepted);
    let mut junk = Vec::from(*b"GET / HTTP/1.1\r\n\r\n");
    junk.resize(9_000, 0);
    for bytes in [login("B", "demo"), junk, vec![0x16, 3, 1, 0xFF, 0xFF]] {
        let mut stranger = connect(world.order_entry());
        stranger.write_all(&bytes).expect("it is taken");
        let mut answer = Vec::new();
        match stranger.read_to_end(&mut answer) {
            Ok(_) => {}
            // It had not read all that was said.
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
        // At most an alert, and nothing of an exchange.
        assert!(answer.len() <= 16, "{answer:?}");
    }
    world.expect("untrusted", 3);
    world.expect("open", 1);
    assert_eq!(world.count("order_entry", "logins"), 1);
    customer.send(&order(1));
    customer.message(b'A');
    drop(customer);
    world.stop();
}

#[test]
fn who_speaks_tls_to_a_plain_door_is_closed_and_counted() {
    let world = World::with(|config, _| config.tls = None);
    let address = world.running.addresses().order_entry_tcp;
    let mut customer = Customer::new(connect(address));
    assert_eq!(customer.login("A", "demo"), Said::Accepted);
    let mut stranger = Customer::new(under_tls(address, &world.trust()));
    let _ = stranger.stream.write(&login("B", "demo"));
    let error = stranger.next().expect_err("it is closed");
    assert!(
        matches!(
            error.kind(),
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset
        ),
        "{error}"
    );
    world.expect("malformed", 1);
    customer.send(&order(1));
    customer.message(b'A');
    drop((customer, stranger));
    world.stop();
}

#[test]
fn who_is_not_who_it_says_is_refused_by_our_client_in_words() {
    let world = World::new();
    let others = Authority::new("others");
    for (trust, failure) in [
        (trust(&others.trust(None)), Failure::UnknownAuthority),
        (
            trust(&world.authority.trust(Some("exchange.example"))),
            Failure::WrongName,
        ),
    ] {
        let mut subscriber = subscriber(&world, &trust, true);
        until(&mut subscriber, |subscriber| {
            subscriber.recovery_failure().is_some()
        });
        let told = subscriber.recovery_failure().expect("it failed");
        assert_eq!(told, RecoveryFailure::Untrusted(failure));
        assert!(told.is_final() && told.to_string().contains("--tls-"), "{told}");
    }
    assert_eq!(world.count("glimpse", "logins"), 0);
    world.stop();
}

#[test]
fn clients_without_a_certificate_do_not_get_in_where_one_is_asked_for() {
    let world = World::with(|config, authority| {
        let tls = config.tls.as_mut().expect("there is TLS");
        tls.client_authority = Some(authority.file());
    });
    let address = world.running.addresses().order_entry_tcp;
    let mut stranger = Customer::new(under_tls(address, &world.trust()));
    stranger.say(&login("A", "demo"));
    let error = stranger.next().expect_err("it is refused");
    assert_eq!(Failure::of(&error), Some(Failure::ClientCertificate), "{error}");
    world.expect("untrusted", 1);
    let own = world.authority.identity(&["maker"]);
    let files = tls::TrustFiles {
        identity: Some((own.certificate, own.key)),
        ..world.authority.trust(None)
    };
    let mut customer = Customer::new(under_tls(address, &trust(&files)));
    assert_eq!(customer.login("A", "demo"), Said::Accepted);
    drop((stranger, customer));
    world.stop();
}

#[test]
fn a_renewed_certificate_is_shown_without_a_restart() {
    let world = World::new();
    let address = world.running.addresses().order_entry_tcp;
    let told = |words: &str| {
        let began = Instant::now();
        loop {
            let notices = world.running.notices();
            if let Some(line) = notices.iter().find(|line| line.contains(words)) {
                return line.clone();
            }
            assert!(began.elapsed() < PATIENCE, "{words:?} is not told: {notices:?}");
            std::thread::yield_now();
        }
    };
    let mut before = Customer::new(under_tls(address, &world.trust()));
    assert_eq!(before.login("A", "demo"), Said::Accepted);
    let others = Authority::new("others");
    let renewed = others.identity(&["127.0.0.1"]);
    std::fs::copy(&renewed.certificate, &world.files.certificate).expect("it is ours");
    let line = told("not renewed");
    assert!(line.contains("another certificate"), "{line}");
    let mut old = Customer::new(under_tls(address, &world.trust()));
    assert_eq!(old.login("B", "demo"), Said::Accepted);
    std::fs::copy(&renewed.key, &world.files.key).expect("it is ours");
    told("TLS: renewed");
    let mut after = Customer::new(under_tls(address, &trust(&others.trust(None))));
    assert_eq!(after.login("TRADE1", "demo"), Said::Accepted);
    before.send(&order(1));
    before.message(b'A');
    drop((before, old, after));
    world.stop();
}

/// Says what a client says first, a byte at a time, until it is hung up on; how long that took.
fn dribble(mut stream: TcpStream, bytes: &[u8]) -> Duration {
    let began = Instant::now();
    stream
        .set_read_timeout(Some(Duration::from_millis(100)))
        .expect("a timeout");
    for byte in bytes.iter().chain(std::iter::repeat(&0)) {
        assert!(began.elapsed() < PATIENCE, "it is still connected");
        if stream.write_all(&[*byte]).is_err() {
            break;
        }
        // Nothing is ever said to it; the wait is the pause.
        match stream.read(&mut [0; 64]) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            _ => break,
        }
    }
    began.elapsed()
}

#[test]
fn a_handshake_that_dribbles_in_is_not_waited_for() {
    let world = World::new();
    // A hello that takes longer than a login may.
    let mut hello = Vec::from([0x16, 3, 1, 1, 0, 1, 0, 0, 0xFC, 3, 3]);
    hello.resize(261, 7);
    let took = dribble(connect(world.order_entry()), &hello);
    assert!((4..20).contains(&took.as_secs()), "{took:?}");
    world.expect("login_timeouts", 1);
    // Neither is one that stops after its handshake.
    let mut silent = Customer::new(under_tls(
        world.running.addresses().order_entry_tcp,
        &world.trust(),
    ));
    let error = silent.next().expect_err("it is closed");
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    world.expect("login_timeouts", 2);
    world.stop();
}

#[test]
fn a_crowd_of_handshakes_leaves_time_for_a_customer() {
    let world = World::with(|config, _| config.capacities.connections = 1_000);
    let address = world.running.addresses().order_entry_tcp;
    let trust = world.trust();
    let mut customer = Customer::new(under_tls(address, &trust));
    assert_eq!(customer.login("A", "demo"), Said::Accepted);
    let crowd: Vec<_> = (0..200)
        .map(|_| {
            let mut stream = under_tls(address, &trust);
            // The hello goes out; what comes back is not looked at.
            let _ = stream.write(b"").and_then(|_| stream.flush());
            stream
        })
        .collect();
    for user_ref in 1..=20 {
        customer.send(&order(user_ref));
        customer.message(b'A');
    }
    world.expect("open", 201);
    drop(crowd);
    world.expect("open", 1);
    drop(customer);
    world.stop();
}

#[test]
fn a_certificate_that_became_wrong_is_told_with_its_place_and_remedy() {
    let authority = Authority::new("ours");
    let files = authority.identity(&["127.0.0.1"]);
    let mut config = config();
    config.tls = Some(engine::config::Tls {
        certificate: files.certificate,
        key: authority.identity(&["127.0.0.1"]).key,
        client_authority: None,
    });
    let error = engine::assembly::start(&config)
        .map(|_| ())
        .expect_err("the key is another's");
    let told = error.to_string();
    for words in ["tls", "another certificate", "remedy: name the key"] {
        assert!(told.contains(words), "{told}");
    }
}
