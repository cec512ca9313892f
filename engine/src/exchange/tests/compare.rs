//! Everything that can be seen of the exchange, against the model.
//!
//! What the model adds up from its orders is added up once for each comparison, in one pass over them.

use engine::exchange::book::Side;

use super::model::ModelOrder;
use super::world::World;

/// What the orders of one account add up to.
#[derive(Default)]
struct Sums {
    /// Held, by asset.
    held: Vec<i128>,
    /// Age and number of each order.
    orders: Vec<(u64, u64)>,
}

impl World {
    /// Balances, books, accounts, sessions, last trades.
    pub(super) fn compare(&self) {
        assert_eq!(self.exchange.all_killed(), self.model.all_killed);
        let told = self.exchange.last_system_event();
        assert_eq!(told.map(|event| (event.code, event.time)), self.model.told);
        let mut sums: Vec<_> = (0..self.model.accounts.len())
            .map(|_| Sums {
                held: vec![0; self.model.assets.len()],
                orders: Vec::new(),
            })
            .collect();
        for order in &self.model.orders {
            let (asset, held) = self.model.hold(order);
            let sums = &mut sums[order.account as usize];
            sums.held[asset as usize] += held;
            sums.orders.push((order.age, order.name.number));
        }
        self.compare_balances(&sums);
        self.compare_accounts(&mut sums);
        for locate in 1..=self.model.instruments.len() as u16 {
            self.compare_instrument(locate);
        }
        self.compare_due();
        // Each order's view is dear, and one that differs goes on to differ.
        if self.exchange.sequence().is_multiple_of(16) {
            for order in &self.model.orders {
                let view = self.exchange.order(order.session, order.user_ref);
                let view = view.unwrap_or_else(|| panic!("the exchange does not have {order:?}"));
                self.compare_view(&view, order);
            }
            self.compare_unseen();
        }
    }

    /// Who is first where nobody sees it.
    fn compare_unseen(&self) {
        let Self { exchange, model, .. } = self;
        let numbers =
            |orders: Vec<&ModelOrder>| -> Vec<u64> { orders.iter().map(|order| order.name.number).collect() };
        for locate in 1..=model.instruments.len() as u16 {
            for side in [Side::Buy, Side::Sell] {
                let is_buy = side == Side::Buy;
                let dark: Vec<_> = exchange.dark(locate, side).map(|view| view.number).collect();
                assert_eq!(
                    dark,
                    numbers(model.dark(locate, is_buy)),
                    "dark orders of {locate}"
                );
                let stops: Vec<_> = exchange.stops(locate, side).map(|view| view.number).collect();
                assert_eq!(stops, numbers(model.stops(locate, is_buy)), "stops of {locate}");
            }
        }
    }

    fn compare_due(&self) {
        let ends = self.model.orders.iter().filter_map(|order| order.ends);
        let reopens = self
            .model
            .instruments
            .iter()
            .filter_map(|instrument| instrument.reopens);
        assert_eq!(
            self.exchange.next_due().map(|due| due.time),
            ends.chain(reopens).chain(self.model.imbalances).min(),
            "what is due next"
        );
    }

    fn compare_balances(&self, sums: &[Sums]) {
        let Self { exchange, model, .. } = self;
        for (asset, expected) in model.assets.iter().enumerate() {
            let actual = exchange.asset(asset as u32).expect("it exists");
            assert_eq!(actual.deposited as i128, expected.deposited);
            assert_eq!(actual.withdrawn as i128, expected.withdrawn);
            assert_eq!(actual.fees, expected.fees, "fees in asset {asset}");
            for (account, (owner, sums)) in model.accounts.iter().zip(sums).enumerate() {
                let balance = exchange.balance(account as u32, asset as u32);
                let (total, held) = (owner.totals[asset], sums.held[asset]);
                assert_eq!(
                    (balance.available as i128, balance.held as i128),
                    (total - held, held),
                    "account {account} asset {asset}: available and held"
                );
                assert!(total >= held, "account {account} asset {asset}: overdrawn");
            }
        }
    }

    fn compare_accounts(&self, sums: &mut [Sums]) {
        let Self { exchange, model, .. } = self;
        for (index, (account, sums)) in model.accounts.iter().zip(sums).enumerate() {
            let actual = exchange.account(index as u32).expect("it exists");
            assert_eq!(actual.definition, account.definition);
            assert_eq!(
                (actual.order_entry_enabled, actual.is_killed),
                (account.enabled, account.killed)
            );
            assert_eq!(actual.open_orders as usize, sums.orders.len());
            sums.orders.sort_unstable();
            assert!(
                exchange
                    .open_orders(index as u32)
                    .map(|view| view.number)
                    .eq(sums.orders.iter().map(|&(_, number)| number)),
                "account {index}: open orders, oldest first"
            );
        }
        for (index, session) in model.sessions.iter().enumerate() {
            let actual = exchange.session(index as u32).expect("it exists");
            assert_eq!((actual.mark, actual.connected), (session.mark, session.connected));
        }
    }

    fn compare_instrument(&self, locate: u16) {
        let Self { exchange, model, .. } = self;
        let instrument = &model.instruments[usize::from(locate) - 1];
        let actual = exchange.instrument(locate).expect("it exists");
        assert_eq!(actual.definition, instrument.definition);
        assert_eq!(actual.state as u8, instrument.state, "state of {locate}");
        let last = actual.last_trade;
        assert_eq!(
            (u64::from(last.price), last.quantity, last.match_number, last.time),
            (
                instrument.last_price,
                instrument.last_quantity,
                instrument.last_match,
                instrument.last_time
            ),
            "last trade of {locate}"
        );
        if instrument.state == b'T' {
            let [bid, ask] = [Side::Buy, Side::Sell].map(|side| exchange.best(locate, side));
            let is_crossed = bid.zip(ask).is_some_and(|(bid, ask)| bid.0 >= ask.0);
            assert!(!is_crossed, "the book of {locate} is crossed: {bid:?} {ask:?}");
        }
        for side in [Side::Buy, Side::Sell] {
            let orders = model.shown(locate, side == Side::Buy);
            let mut expected = orders.iter();
            for view in exchange.resting(locate, side) {
                let order = expected
                    .next()
                    .unwrap_or_else(|| panic!("no such order rests: {view:?}"));
                self.compare_view(&view, order);
            }
            assert!(expected.next().is_none(), "an order does not rest");
            let of = |level: &[&ModelOrder]| {
                let lots = level.iter().map(|order| u64::from(order.displayed)).sum::<u64>();
                (level[0].price as u32, lots, level.len() as u32)
            };
            let levels = orders.chunk_by(|a, b| a.price == b.price).map(of);
            assert!(exchange.levels(locate, side).eq(levels), "levels of {locate}");
        }
    }
}
