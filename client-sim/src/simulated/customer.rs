//! A customer of the simulated market: a character, its orders, and one end of a TCP connection.

use std::io::{ErrorKind, Read, Write};

use engine::runtime::sim_net::SimStream;
use protocol::order_entry::own::InstrumentsRequest;
use protocol::order_entry::{Answer, Response};
use protocol::soup::{Decoder, ServerPacket, encode};
use zerocopy::IntoBytes;

use crate::instruments::{Instrument, Instruments};
use crate::orders::{Order, Orders, RequestKind};
use crate::request::{self, Bytes, Terms};
use crate::workload::{Intent, Market, Persona, Role};

/// Unfinished orders at most.
const ORDERS: usize = 4_096;

pub(super) struct Customer {
    name: String,
    pub(super) role: Role,
    persona: Option<Box<dyn Persona>>,
    pub(super) orders: Orders,
    stream: SimStream,
    decoder: Decoder,
    unsent: Vec<u8>,
    instruments: Instruments,
    knows_instruments: bool,
    /// The order that the last cancel was for; 0 = none.
    canceling: u32,
}

impl Customer {
    /// Logs in, and asks for the instruments.
    pub(super) fn new(name: &str, password: &str, role: Role, stream: SimStream) -> Result<Self, String> {
        let mut buffer = [0; 64];
        let length = encode::login(name, password, "", 1, None, &mut buffer)
            .ok_or_else(|| format!("{name}: the login is too long"))?;
        let mut customer = Self {
            name: name.to_owned(),
            role,
            persona: None,
            orders: Orders::new(ORDERS),
            stream,
            decoder: Decoder::new(16 << 10),
            unsent: buffer[..length].to_vec(),
            instruments: Instruments::default(),
            knows_instruments: false,
            canceling: 0,
        };
        customer.orders.start_at(1);
        customer.say(InstrumentsRequest { message_type: b'i' }.as_bytes())?;
        Ok(customer)
    }

    /// Knows what is traded.
    pub(super) fn is_ready(&self) -> bool {
        self.knows_instruments
    }

    pub(super) fn begin(&mut self, instruments: &Instruments, levels: u64, seed: u64) {
        self.persona = Some(self.role.persona(instruments, levels, seed));
    }

    /// Sends what it wants to. False when there is nothing.
    pub(super) fn act(&mut self, market: &Market, now_ns: u64) -> Result<bool, String> {
        let Some(persona) = &mut self.persona else {
            return Ok(false);
        };
        let Some(intent) = persona.next(market, &self.orders) else {
            return Ok(false);
        };
        self.canceling = 0;
        match intent {
            Intent::Enter(order) => {
                let user_ref = self.number()?;
                let entered = Order {
                    user_ref,
                    side: order.side,
                    symbol: order.symbol,
                    time_in_force: order.time_in_force,
                    quantity: order.quantity,
                    price: order.price,
                    tag: order.tag,
                    intended_ns: now_ns,
                    ..Order::UNUSED
                };
                self.send(&intent, entered, &request::enter(user_ref, &order))?;
            }
            Intent::Replace {
                user_ref: original,
                quantity,
                price,
            } => {
                let Some(before) = self.orders.newest(original).copied() else {
                    return Ok(false);
                };
                let user_ref = self.number()?;
                let replacement = Order {
                    user_ref,
                    kind: RequestKind::Replace,
                    original: before.user_ref,
                    side: before.side,
                    symbol: before.symbol,
                    time_in_force: request::DAY,
                    quantity,
                    price,
                    tag: before.tag,
                    intended_ns: now_ns,
                    ..Order::UNUSED
                };
                let bytes = request::replace(user_ref, &before, quantity, price, &Terms::default());
                self.send(&intent, replacement, &bytes)?;
            }
            Intent::Cancel { user_ref, quantity } => {
                if !self.orders.want_cancel(user_ref, quantity, now_ns) {
                    return Ok(false);
                }
                self.canceling = user_ref;
                self.say(request::cancel(user_ref, quantity).as_slice())?;
            }
            // Questions change nothing.
            Intent::MassCancel(_) | Intent::AskStatus(_) | Intent::AskBalances => return Ok(false),
        }
        Ok(true)
    }

    /// The last thing that it sent has had its effect.
    pub(super) fn is_answered(&self) -> bool {
        let (first, end) = self.orders.unanswered();
        first == end
            && !self
                .orders
                .newest(self.canceling)
                .is_some_and(Order::cancel_is_open)
    }

    pub(super) fn trade(&mut self, instrument: usize, price: u64, lots: u32) {
        if let Some(persona) = &mut self.persona {
            persona.trade(instrument, price, lots);
        }
    }

    pub(super) fn heartbeat(&mut self) {
        self.unsent.extend_from_slice(&encode::CLIENT_HEARTBEAT);
    }

    /// Sends what can be sent, takes what came.
    pub(super) fn poll(&mut self) -> Result<(), String> {
        if !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(count) => drop(self.unsent.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(format!("{}: {error}", self.name)),
            }
        }
        loop {
            match self.stream.read(self.decoder.space()) {
                Ok(0) => return Err(format!("{}: the exchange hung up", self.name)),
                Ok(count) => self.decoder.filled(count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(format!("{}: {error}", self.name)),
            }
            self.take()?;
        }
    }

    fn take(&mut self) -> Result<(), String> {
        let Self {
            name,
            persona,
            orders,
            decoder,
            instruments,
            knows_instruments,
            ..
        } = self;
        let wrong = |what: String| format!("{name}: {what}");
        while let Some(packet) = decoder
            .next_from_server()
            .map_err(|error| wrong(error.to_string()))?
        {
            match packet {
                ServerPacket::Sequenced(message) => {
                    let response = Response::decode(message).map_err(|error| wrong(error.to_string()))?;
                    orders
                        .apply(&response, |update| {
                            if let Some(persona) = persona {
                                persona.update(&update);
                            }
                        })
                        .map_err(|fault| wrong(fault.to_string()))?;
                }
                ServerPacket::Unsequenced(answer) => {
                    if let Ok(Answer::Instrument(reply)) = Answer::decode(answer) {
                        match Instrument::from_reply(reply) {
                            Ok(instrument) => instruments.learn(instrument),
                            // After the last one comes an empty one.
                            Err(_) => {
                                *knows_instruments = true;
                                orders.set_instruments(instruments.clone());
                            }
                        }
                    }
                }
                ServerPacket::LoginRejected(reason) => {
                    return Err(wrong(format!("the login was refused ({})", char::from(reason))));
                }
                ServerPacket::EndOfSession => return Err(wrong("the session has ended".to_owned())),
                _ => {}
            }
        }
        Ok(())
    }

    fn number(&mut self) -> Result<u32, String> {
        self.orders
            .allocate()
            .map_err(|error| format!("{}: {error}", self.name))
    }

    fn send(&mut self, intent: &Intent, order: Order, bytes: &Bytes) -> Result<(), String> {
        self.orders.insert(order, bytes.as_slice());
        self.say(bytes.as_slice())?;
        if let Some(persona) = &mut self.persona {
            persona.numbered(intent, order.user_ref);
        }
        Ok(())
    }

    fn say(&mut self, message: &[u8]) -> Result<(), String> {
        let mut buffer = [0; 256];
        let length = encode::unsequenced(message, &mut buffer)
            .ok_or_else(|| format!("{}: a request is too long", self.name))?;
        self.unsent.extend_from_slice(&buffer[..length]);
        Ok(())
    }
}
