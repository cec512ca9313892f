//! The engine stage over the traffic, and what it hands to the others.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use benches::{Stream, bound, replay};
use engine::ingress::{EngineLinks, EngineStage};
use engine::runtime::Stage;
use engine::runtime::clock::Clock;
use engine::runtime::links::{Cell as RingCell, Journaled, Rouse};
use engine::runtime::shutdown::Shutdown;

use super::traffic::{Lending, Traffic};
use super::{DATAGRAMS_PER_TURN, RING};
use crate::load::SESSIONS;

/// What the engine stage made of the traffic, turn by turn.
pub(super) struct Engine {
    pub(super) time: Duration,
    pub(super) turns: Vec<(Vec<Journaled>, Vec<RingCell>)>,
}

pub(super) fn engine(stream: &Stream, traffic: &Traffic) -> Engine {
    let (mut inbound_to, inbound) = rtrb::RingBuffer::new(2 * SESSIONS);
    let (notes, _notes) = rtrb::RingBuffer::new(RING);
    let (journal, mut journaled) = rtrb::RingBuffer::new(RING);
    let (output, mut cells) = rtrb::RingBuffer::new(RING);
    let links = EngineLinks {
        inbound,
        notes,
        rouse: Rouse::default(),
        journal,
        output,
        low_space: Arc::new(AtomicBool::new(false)),
        shutdown: Shutdown::default(),
    };
    let left = Rc::new(Cell::new(0));
    let source = Lending {
        traffic,
        next: 0,
        left: Rc::clone(&left),
    };
    let mut stage = EngineStage::new(
        bound::engine_config(),
        links,
        replay::prepared(stream),
        source,
        Clock::system(),
    );
    bound::bind(SESSIONS as u32, &mut inbound_to);
    let mut engine = Engine {
        time: Duration::ZERO,
        turns: Vec::new(),
    };
    let count = traffic.datagrams().count();
    // The first turn takes the logins.
    for _ in 0..=count.div_ceil(DATAGRAMS_PER_TURN) {
        let began = Instant::now();
        stage.poll();
        engine.time += began.elapsed();
        let mut turn = (Vec::new(), Vec::new());
        while let Ok(command) = journaled.pop() {
            turn.0.push(command);
        }
        while let Ok(cell) = cells.pop() {
            turn.1.push(cell);
        }
        engine.turns.push(turn);
        left.set(DATAGRAMS_PER_TURN);
    }
    assert_eq!(
        stage.counters().requests.get(),
        traffic.orders as u64,
        "every order was taken"
    );
    engine
}
