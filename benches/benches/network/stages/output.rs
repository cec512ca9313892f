//! The output stage over what the engine handed to it, and recovery behind it.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use benches::Stream;
use engine::output::{Encoder, MessageSink, Numbers, OutputConfig, OutputLinks, OutputStage, window};
use engine::recovery::durable::Durable;
use engine::recovery::{RecoveryConfig, RecoveryLinks, RecoveryStage, Start};
use engine::replay::Replay;
use engine::runtime::Stage;
use engine::runtime::clock::Clock;
use engine::runtime::links::Rouse;
use engine::runtime::sim_net::{TcpSettings, tcp};

use super::ingress::Engine;
use super::kernel::{self, Noting};
use super::{BURST, DATAGRAM_BYTES, RING, Steps};

/// Takes messages, which have to be made for it.
struct Unheard;

impl MessageSink for Unheard {
    fn feed(&mut self, _sequence: u64, message: &[u8]) {
        std::hint::black_box(message);
    }

    fn session(&mut self, _session: u32, _sequence: u64, message: &[u8]) {
        std::hint::black_box(message);
    }

    fn new_day(&mut self, _day: u32, _ended: &Numbers) {}
}

/// An encoder that stands where the measured part begins.
fn prepared_encoder(stream: &Stream) -> Encoder {
    let mut replay = Replay::new(stream.workload.limits(), 0);
    for command in &stream.setup {
        let applied = replay.apply(command, None, &mut engine::replay::Nobody);
        applied.expect("nothing is compared");
    }
    replay.encoder
}

pub(super) fn encode(stream: &Stream, steps: &Steps) -> Duration {
    let mut encoder = prepared_encoder(stream);
    let began = Instant::now();
    for (command, events) in steps.iter() {
        encoder.encode(command, events, &mut Unheard);
    }
    began.elapsed()
}

/// What the output stage, and recovery behind it, took.
pub(super) struct Out {
    pub(super) time: Duration,
    pub(super) recovery: Duration,
    pub(super) acknowledgements: Vec<kernel::Sending>,
    pub(super) market_data: Vec<kernel::Sending>,
}

pub(super) fn output(stream: &Stream, engine: &Engine) -> Out {
    let limits = stream.workload.limits();
    let replayed = stream.setup.len() as u64;
    let (window_to, window_from) = window::create(1 << 24);
    let (mut cells_to, records) = rtrb::RingBuffer::new(RING);
    let (mut commands_to, commands) = rtrb::RingBuffer::new(RING);
    let (notes_to, notes) = rtrb::RingBuffer::new(16);
    let (inbound, _inbound) = rtrb::RingBuffer::new(16);
    let line = |last| SocketAddrV4::new(Ipv4Addr::new(239, 192, 0, last), 1);
    let config = OutputConfig {
        sessions: limits.sessions,
        day: 1,
        has_ended: false,
        line_a: line(1),
        line_b: Some(line(2)),
        datagram_bytes_max: DATAGRAM_BYTES,
        replayed,
    };
    let links = OutputLinks {
        records,
        released: Arc::new(AtomicU64::new(u64::MAX).into()),
        window: window_to,
    };
    let sink = |burst_max| {
        let sink = Noting {
            burst_max,
            ..Noting::default()
        };
        let noted = Rc::clone(&sink.sendings);
        (sink, noted)
    };
    let ((answers_to, answers), (feed_to, feed)) = (sink(BURST), sink(1));
    let mut stage = OutputStage::new(
        config,
        links,
        prepared_encoder(stream),
        Clock::system(),
        answers_to,
        feed_to,
    );
    let recovery_config = RecoveryConfig {
        store_bytes: 16 << 20,
        ..RecoveryConfig::new(limits)
    };
    let mut start = Start::empty(&recovery_config);
    for command in &stream.setup {
        start.replay(command);
    }
    let recovery_links = RecoveryLinks {
        window: window_from,
        commands: Durable::ring(commands),
        notes,
        rouse: Rouse::default(),
        inbound,
    };
    let ((door, _way), (gaps, _gaps)) = (tcp(TcpSettings::default()), tcp(TcpSettings::default()));
    let mut recovery = RecoveryStage::resume(
        recovery_config,
        recovery_links,
        start,
        Clock::system(),
        door,
        gaps,
        Noting::default(),
    );
    let (mut time, mut behind) = (Duration::ZERO, Duration::ZERO);
    for (journaled, cells) in &engine.turns {
        cells_to.push_entire_slice(cells).expect("it has room");
        let began = Instant::now();
        while stage.poll() > 0 {}
        time += began.elapsed();
        for journaled in journaled {
            commands_to.push(journaled.command).expect("it has room");
        }
        let began = Instant::now();
        while recovery.poll() > 0 {}
        behind += began.elapsed();
    }
    let last = replayed
        + engine
            .turns
            .iter()
            .map(|(turn, _)| turn.len() as u64)
            .sum::<u64>();
    let applied = recovery.replica().map(|replica| replica.applied());
    assert_eq!(applied, Some(last), "the replica has come to the end");
    drop(notes_to);
    Out {
        time,
        recovery: behind,
        acknowledgements: answers.take(),
        market_data: feed.take(),
    }
}
