//! Two customers who fill the books, trade and cancel, so that messages of every kind are on the lines.

use protocol::testing::Random;

use crate::client::Client;
use crate::exchange::Exchange;

/// The reference price of the test's instrument.
const PRICE: u64 = 600_000_000;
const TICK: u64 = 100;
/// Requests sent at once.
const BATCH: u32 = 10;

pub(crate) struct Traders {
    clients: [Client; 2],
    random: Random,
}

impl Traders {
    pub(crate) fn login(exchange: &Exchange) -> Self {
        let address = exchange.address("order_entry_tcp");
        let login = |name| Client::login(address, name, "secret", 1).expect("the login is right");
        Self {
            clients: [login("T0"), login("T1")],
            random: Random::new(1),
        }
    }

    /// So many orders, and some cancels; all of them are answered.
    pub(crate) fn trade(&mut self, orders: u32) {
        for _ in 0..orders / BATCH {
            let who = self.random.below(2) as usize;
            let client = &mut self.clients[who];
            let mut requests = Vec::new();
            for _ in 0..BATCH {
                // One buys, the other sells; now and then far enough to trade.
                let side = [b'B', b'S'][who];
                let away = self.random.below(40) * TICK;
                let price = match (side, self.random.chance(1, 5)) {
                    (b'B', false) | (b'S', true) => PRICE - away,
                    _ => PRICE + away,
                };
                requests.push(client.order(side, self.random.between(1, 50) as u32, price));
                if self.random.chance(1, 4) {
                    let canceled = self.random.between(1, u64::from(client.user_ref)) as u32;
                    requests.push(Client::cancel(canceled));
                }
            }
            let last = client.user_ref;
            client.send(&requests).expect("connected");
            client
                .receive(|client| client.is_answered(last))
                .expect("the exchange answers");
        }
    }
}
