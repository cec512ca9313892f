//! Both ends of an order-entry session over a bad network: every order is applied once, every cancel has its effect,
//! and the client knows in the end what the exchange knows.

use protocol::order_entry::requests::{CancelOrder, EnterOrder, ReplaceOrder};
use protocol::order_entry::responses::{
    OrderAccepted, OrderCanceled, OrderExecuted, OrderRejected, OrderReplaced,
};
use protocol::order_entry::{DatagramPacker, OrderDatagram, Request, Response};
use protocol::packet::{Packer, Packet};
use protocol::session::{EntryClient, EntryClientConfig, Receiver, ReceiverConfig, ReplayWindow, Sender};
use protocol::testing::{Faults, Link, LinkCounts, Random};
use std::collections::{BTreeMap, BTreeSet};
use zerocopy::IntoBytes;

const SESSION: [u8; 10] = *b"O000000001";
const TOKEN: [u8; 8] = *b"TOKEN001";
const LATENCY: u64 = 50;
const INTENTS: u64 = 400;

/// A resting order at the exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Live {
    open: u32,
    executed: u32,
}

/// The exchange's side as far as a session needs it: mark, orders, a numbered stream.
struct Exchange {
    mark: u32,
    live: BTreeMap<u32, Live>,
    /// How often each of the client's intents was applied.
    applied: BTreeMap<u64, u32>,
    stream: Vec<Vec<u8>>,
    sender: Sender,
    resend: Packer,
    window: ReplayWindow,
    ignored: u64,
}

impl Exchange {
    fn new() -> Self {
        Self {
            mark: 0,
            live: BTreeMap::new(),
            applied: BTreeMap::new(),
            stream: Vec::new(),
            sender: Sender::new(SESSION, 1, 400, 0).with_heartbeat(20 * LATENCY),
            resend: Packer::new(SESSION, 1, 400),
            window: ReplayWindow::new(),
            ignored: 0,
        }
    }

    fn datagram(&mut self, now: u64, bytes: &[u8], random: &mut Random, down: &mut Link) {
        let datagram = OrderDatagram::parse(bytes).expect("the link damages nothing");
        assert_eq!(datagram.token(), TOKEN);
        if !self.window.accept(datagram.number()) {
            return;
        }
        for request in datagram.requests() {
            self.request(&request, now, random, down);
        }
        for message in &self.stream[self.sender.next_sequence() as usize - 1..] {
            self.sender
                .push(now, message, None, |packet| down.send(now, packet));
        }
        self.sender.flush(now, None, |packet| down.send(now, packet));
    }

    fn request(&mut self, request: &Request<'_>, now: u64, random: &mut Random, down: &mut Link) {
        if let Some(number) = request.new_user_ref() {
            if number <= self.mark {
                self.ignored += 1;
                return;
            }
            self.mark = number;
        }
        match request {
            Request::Enter(message, _) => {
                *self.applied.entry(intent(&message.cl_ord_id)).or_default() += 1;
                let user_ref = message.user_ref_num.get();
                if random.chance(1, 20) {
                    self.reject(user_ref);
                    return;
                }
                self.live.insert(
                    user_ref,
                    Live {
                        open: message.quantity.get(),
                        executed: 0,
                    },
                );
                let mut accepted: OrderAccepted = zerocopy::FromZeros::new_zeroed();
                accepted.message_type = b'A';
                accepted.user_ref_num = message.user_ref_num;
                accepted.quantity = message.quantity;
                self.stream.push(accepted.as_bytes().to_vec());
                if random.chance(1, 3) {
                    self.execute(user_ref, random.between(1, message.quantity.get().into()) as u32);
                }
            }
            Request::Replace(message, _) => {
                let (original, user_ref) = (message.orig_user_ref_num.get(), message.user_ref_num.get());
                let Some(old) = self.live.remove(&original) else {
                    self.reject(user_ref);
                    return;
                };
                let open = message.quantity.get().saturating_sub(old.executed).max(1);
                self.live.insert(user_ref, Live { open, ..old });
                let mut replaced: OrderReplaced = zerocopy::FromZeros::new_zeroed();
                replaced.message_type = b'U';
                replaced.orig_user_ref_num = original.into();
                replaced.user_ref_num = user_ref.into();
                replaced.quantity = open.into();
                self.stream.push(replaced.as_bytes().to_vec());
            }
            Request::Cancel(message, _) => {
                let user_ref = message.user_ref_num.get();
                let Some(order) = self.live.get_mut(&user_ref) else {
                    return;
                };
                let open = message
                    .quantity
                    .get()
                    .saturating_sub(order.executed)
                    .min(order.open);
                let canceled = order.open - open;
                if canceled == 0 {
                    return;
                }
                order.open = open;
                if open == 0 {
                    self.live.remove(&user_ref);
                }
                let canceled = OrderCanceled {
                    message_type: b'C',
                    timestamp: now.into(),
                    user_ref_num: user_ref.into(),
                    quantity: canceled.into(),
                    reason: b'U',
                };
                self.stream.push(canceled.as_bytes().to_vec());
            }
            Request::ReRequest(message) => {
                let first = message.sequence_number.get();
                self.resend.seek(first);
                let end = (first + u64::from(message.message_count.get())).min(self.stream.len() as u64 + 1);
                for sequence in first..end {
                    if !self.resend.push(&self.stream[sequence as usize - 1]) {
                        break;
                    }
                }
                if let Some(packet) = self.resend.finish(None) {
                    down.send(now, packet);
                }
            }
            other => panic!("no client here sends {other:?}"),
        }
    }

    fn execute(&mut self, user_ref: u32, quantity: u32) {
        let order = self.live.get_mut(&user_ref).expect("it lives");
        order.open -= quantity;
        order.executed += quantity;
        if order.open == 0 {
            self.live.remove(&user_ref);
        }
        let mut executed: OrderExecuted = zerocopy::FromZeros::new_zeroed();
        executed.message_type = b'E';
        executed.user_ref_num = user_ref.into();
        executed.quantity = quantity.into();
        self.stream.push(executed.as_bytes().to_vec());
    }

    fn reject(&mut self, user_ref: u32) {
        let mut rejected: OrderRejected = zerocopy::FromZeros::new_zeroed();
        rejected.message_type = b'J';
        rejected.user_ref_num = user_ref.into();
        self.stream.push(rejected.as_bytes().to_vec());
    }
}

/// What the client wanted travels as ClOrdID, so that an intent is known again under whatever number.
fn intent(cl_ord_id: &[u8; 14]) -> u64 {
    u64::from_be_bytes(cl_ord_id[..8].try_into().expect("eight bytes"))
}

struct Client {
    session: EntryClient,
    receiver: Receiver,
    packer: DatagramPacker,
    datagram_number: u64,
    /// Live orders that a full cancel was sent for.
    canceled: BTreeSet<u32>,
    handed_back: u64,
    replaced: u64,
}

impl Client {
    /// Sends messages, some to a datagram, each sending under a new datagram number.
    fn send(&mut self, now: u64, messages: &[Vec<u8>], up: &mut Link) {
        for few in messages.chunks(4) {
            self.datagram_number += 1;
            self.packer.start(TOKEN, self.datagram_number);
            for message in few {
                assert!(self.packer.push(message));
            }
            up.send(now, self.packer.finish(Some(300)));
        }
    }

    fn enter(&mut self, now: u64, intent: u64, quantity: u32, up: &mut Link) {
        let mut message: EnterOrder = zerocopy::FromZeros::new_zeroed();
        message.message_type = b'O';
        message.user_ref_num = self.session.next_user_ref().expect("room").into();
        message.quantity = quantity.into();
        message.cl_ord_id[..8].copy_from_slice(&intent.to_be_bytes());
        self.session.keep(now, message.as_bytes()).expect("kept");
        self.send(now, &[message.as_bytes().to_vec()], up);
    }

    fn cancel(&mut self, now: u64, user_ref: u32, quantity: u32, up: &mut Link) {
        let message = CancelOrder {
            message_type: b'X',
            user_ref_num: user_ref.into(),
            quantity: quantity.into(),
        };
        self.session.keep(now, message.as_bytes()).expect("kept");
        self.send(now, &[message.as_bytes().to_vec()], up);
    }

    fn replace(&mut self, now: u64, original: u32, quantity: u32, up: &mut Link) {
        let mut message: ReplaceOrder = zerocopy::FromZeros::new_zeroed();
        message.message_type = b'U';
        message.orig_user_ref_num = original.into();
        message.user_ref_num = self.session.next_user_ref().expect("room").into();
        message.quantity = quantity.into();
        self.session.keep(now, message.as_bytes()).expect("kept");
        self.send(now, &[message.as_bytes().to_vec()], up);
        self.replaced += 1;
    }
}

/// Runs one seed to its end; answers how often numbers were handed back, requests re-sent, and what the links did.
fn run(seed: u64) -> (u64, u64, LinkCounts) {
    let mut random = Random::new(seed);
    let mut up = Link::new(Faults::bad(LATENCY), random.next_u64());
    let mut down = Link::new(Faults::bad(LATENCY), random.next_u64());
    let mut exchange = Exchange::new();
    let config = EntryClientConfig {
        orders_max: 1_024,
        requests_max: 256,
        reductions_max: 256,
        resend_ns: 4 * LATENCY,
        resend_max_ns: 64 * LATENCY,
    };
    let receiver_config = ReceiverConfig {
        patience_ns: LATENCY / 2,
        retry_ns: 4 * LATENCY,
        request_max: 5,
        ..Default::default()
    };
    let mut client = Client {
        session: EntryClient::new(config),
        receiver: Receiver::new(receiver_config, Some(SESSION), 1, 0),
        packer: DatagramPacker::default(),
        datagram_number: 0,
        canceled: BTreeSet::new(),
        handed_back: 0,
        replaced: 0,
    };
    let mut intents = 0;
    for now in 0..3_000_000_u64 {
        if intents < INTENTS && random.chance(1, 30) {
            intents += 1;
            client.enter(now, intents, random.between(1, 100) as u32, &mut up);
        }
        if random.chance(1, 60) && client.session.live_count() > 0 && intents < INTENTS {
            // Any order that lives: canceled, reduced, or replaced.
            let live: Vec<u32> = (1..=exchange.mark)
                .filter(|number| client.session.open_quantity(*number).is_some())
                .collect();
            let user_ref = *random.pick(&live);
            match random.below(3) {
                0 => {
                    client.canceled.insert(user_ref);
                    client.cancel(now, user_ref, 0, &mut up);
                }
                1 => client.cancel(now, user_ref, random.between(1, 50) as u32, &mut up),
                _ if client.canceled.contains(&user_ref) => {}
                _ => client.replace(now, user_ref, random.between(1, 100) as u32, &mut up),
            }
        }
        while let Some((_, bytes)) = up.receive(now) {
            exchange.datagram(now, &bytes, &mut random, &mut down);
        }
        exchange.sender.poll(now, |packet| down.send(now, packet));
        let mut again = Vec::new();
        while let Some((_, bytes)) = down.receive(now) {
            let packet = Packet::parse(&bytes).expect("the link damages nothing");
            let Client {
                session,
                receiver,
                canceled,
                ..
            } = &mut client;
            receiver.packet(now, &packet, |_, message| {
                let response = Response::decode(message).expect("the exchange's own");
                let effect = session.response(&response, |_, bytes| {
                    if let Ok(Request::Enter(message, _)) = Request::decode(bytes) {
                        again.push((intent(&message.cl_ord_id), message.quantity.get()));
                    }
                });
                if let Some(user_ref) = effect.finished {
                    canceled.remove(&user_ref);
                }
                if let Response::Replaced(message, _) = response
                    && canceled.remove(&message.orig_user_ref_num.get())
                {
                    canceled.insert(message.user_ref_num.get());
                }
            });
        }
        client.handed_back += again.len() as u64;
        for (intent, quantity) in again {
            client.enter(now, intent, quantity, &mut up);
        }
        let mut messages = Vec::new();
        client.receiver.requests(now, |first, count| {
            let message = protocol::order_entry::own::ReRequest {
                message_type: b'r',
                sequence_number: first.into(),
                message_count: count.into(),
            };
            messages.push(message.as_bytes().to_vec());
        });
        client
            .session
            .poll(now, |message| messages.push(message.to_vec()));
        client.send(now, &messages, &mut up);
        let is_done = intents == INTENTS
            && client.session.waiting_count() == 0
            && client.receiver.next_sequence() == exchange.stream.len() as u64 + 1
            && up.in_flight() == 0;
        if is_done {
            check_the_end(seed, &client, &exchange);
            return (client.handed_back, client.session.resent(), up.counts());
        }
    }
    panic!(
        "seed {seed}: {} still wait, {:?}",
        client.session.waiting_count(),
        client.receiver.counts()
    );
}

fn check_the_end(seed: u64, client: &Client, exchange: &Exchange) {
    assert_eq!(
        exchange.applied.len() as u64,
        INTENTS,
        "seed {seed}: every order arrived"
    );
    let twice = exchange.applied.iter().find(|(_, count)| **count != 1);
    assert_eq!(twice, None, "seed {seed}: an order was applied more than once");
    assert_eq!(client.session.live_count(), exchange.live.len(), "seed {seed}");
    for (user_ref, order) in &exchange.live {
        assert_eq!(
            client.session.open_quantity(*user_ref),
            Some(order.open),
            "seed {seed}, order {user_ref}"
        );
    }
    assert!(
        client.canceled.is_empty(),
        "seed {seed}: {:?} live on after their cancel",
        client.canceled
    );
    assert!(
        exchange.ignored > 0 && client.replaced > 10,
        "seed {seed}: the run tried too little"
    );
}

#[test]
fn every_order_is_applied_once_over_a_bad_network() {
    let (mut handed_back, mut resent, mut lost, mut delayed) = (0, 0, 0, 0);
    for seed in 0..20 {
        let (back, again, counts) = run(seed);
        handed_back += back;
        resent += again;
        lost += counts.lost;
        delayed += counts.delayed;
    }
    // A generator that never meets the hard cases proves nothing.
    assert!(handed_back > 100, "{handed_back} numbers passed over");
    assert!(
        resent > 1_000 && lost > 1_000 && delayed > 1_000,
        "{resent} re-sent, {lost} lost, {delayed} delayed"
    );
}
