//! Checks what the exchange did: every order followed to its end, every balance what executions and fees imply, nothing
//! made or destroyed between the customers.

use protocol::units::Symbol;

use crate::instruments::Instruments;
use crate::orders::{Change, Order, OrderState, Orders, RequestKind, Update};

/// Contradictions kept as text; all are counted.
const FAULTS_KEPT: usize = 16;

/// A balance as question `b` answers it, in smallest units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Balance {
    /// All of it.
    pub total: u128,
    /// Not held.
    pub available: u128,
    /// Held by open orders.
    pub held: u128,
}

/// One asset of one account.
#[derive(Debug, Clone, Copy)]
struct AssetBook {
    asset: Symbol,
    before: Option<Balance>,
    after: Option<Balance>,
    /// What executions and fees did, smallest units.
    change: i128,
    /// What of it went to the exchange as fees (negative: came from it as rebates).
    fees: i128,
}

/// One account.
#[derive(Debug)]
struct AccountBook {
    name: String,
    assets: Vec<AssetBook>,
}

/// The checker.
#[derive(Debug, Default)]
pub struct Checker {
    accounts: Vec<AccountBook>,
    faults: Vec<String>,
    fault_count: u64,
    executions: u64,
}

/// What came out. A check that could not be made is false.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Every request was answered or is known never to have been applied; no answer contradicted another.
    pub every_order_answered: bool,
    /// Every account's balances changed by exactly what its executions and fees imply.
    pub balances_as_implied: bool,
    /// Over all accounts: what was there before is there now, fees counted in. True only where all counterparties are
    /// among the accounts.
    pub conserved_between: bool,
}

impl Checker {
    /// The place of account `name`, made when it is new.
    pub fn account(&mut self, name: &str) -> usize {
        if let Some(index) = self.accounts.iter().position(|account| account.name == name) {
            return index;
        }
        self.accounts.push(AccountBook {
            name: name.to_owned(),
            assets: Vec::new(),
        });
        self.accounts.len() - 1
    }

    /// Notes something that can not be true.
    pub fn fault(&mut self, text: impl FnOnce() -> String) {
        self.fault_count += 1;
        if self.faults.len() < FAULTS_KEPT {
            self.faults.push(text());
        }
    }

    /// The first contradictions.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    /// How many contradictions there were.
    pub fn fault_count(&self) -> u64 {
        self.fault_count
    }

    /// Executions seen, both sides of a trade counted where both are ours.
    pub fn executions(&self) -> u64 {
        self.executions
    }

    /// Follows an order of `account`.
    pub fn update(&mut self, account: usize, update: &Update, instruments: &Instruments) {
        let order = &update.order;
        let Change::Executed {
            quantity, value, fee, ..
        } = update.change
        else {
            return;
        };
        self.executions += 1;
        let instrument = order
            .instrument
            .and_then(|index| instruments.get(usize::from(index)));
        let (Some(instrument), Some(value), Some(fee)) = (instrument, value, fee) else {
            self.fault(|| format!("order {}: executed in an unknown instrument", order.user_ref));
            return;
        };
        let base = instrument
            .base_units(quantity)
            .and_then(|units| i128::try_from(units).ok());
        let (Some(base), Ok(value)) = (base, i128::try_from(value)) else {
            self.fault(|| format!("order {}: an execution beyond any balance", order.user_ref));
            return;
        };
        let sign = if order.side == b'B' { 1 } else { -1 };
        self.asset(account, instrument.base).change += sign * base;
        let quote = self.asset(account, instrument.quote);
        quote.change -= sign * value + fee;
        quote.fees += fee;
    }

    /// The balance before the first order.
    pub fn before(&mut self, account: usize, asset: Symbol, balance: Balance) {
        self.plausible(account, asset, balance);
        self.asset(account, asset).before = Some(balance);
    }

    /// The balance after the last.
    pub fn after(&mut self, account: usize, asset: Symbol, balance: Balance) {
        self.plausible(account, asset, balance);
        self.asset(account, asset).after = Some(balance);
    }

    /// Forgets the balances after the last order: they are going to be asked for again.
    pub fn forget_after(&mut self) {
        for account in &mut self.accounts {
            account.assets.iter_mut().for_each(|book| book.after = None);
        }
    }

    /// Looks at what a customer knows of its orders at the end. `may_rest` when orders were left in the book.
    pub fn settled(&mut self, name: &str, orders: &Orders, may_rest: bool) {
        let totals = orders.totals();
        if totals.answered + totals.not_applied != totals.requests {
            self.fault(|| {
                format!(
                    "{name}: {} requests, {} answered, {} not applied",
                    totals.requests, totals.answered, totals.not_applied
                )
            });
        }
        for order in orders.iter() {
            if let Some(complaint) = complaint(order, may_rest) {
                self.fault(|| format!("{name}: order {} {complaint}", order.user_ref));
            }
        }
    }

    /// Compares everything and says what came out.
    pub fn verdict(&mut self) -> Verdict {
        let every_order_answered = self.fault_count == 0;
        let mut complaints = Vec::new();
        for account in &self.accounts {
            for book in &account.assets {
                if let Some(complaint) = book.complaint() {
                    complaints.push(format!(
                        "account {} asset {}: {complaint}",
                        account.name, book.asset
                    ));
                }
            }
        }
        let measured = self.accounts.iter().any(|account| !account.assets.is_empty());
        let balances_as_implied = complaints.is_empty() && measured;
        let mut conserved_between = balances_as_implied;
        for asset in self.assets() {
            let books = || self.books(asset);
            let before = total(books().map(|book| book.before));
            let after = total(books().map(|book| book.after));
            let fees: i128 = books().map(|book| book.fees).sum();
            if before.is_none() || before != after.and_then(|after| after.checked_add(fees)) {
                conserved_between = false;
            }
        }
        for complaint in complaints {
            self.fault(|| complaint);
        }
        Verdict {
            every_order_answered,
            balances_as_implied,
            conserved_between,
        }
    }

    fn plausible(&mut self, account: usize, asset: Symbol, balance: Balance) {
        if balance.available.checked_add(balance.held) != Some(balance.total) {
            let name = self.accounts[account].name.clone();
            self.fault(|| format!("account {name} asset {asset}: available and held are not the total"));
        }
    }

    fn asset(&mut self, account: usize, asset: Symbol) -> &mut AssetBook {
        let assets = &mut self.accounts[account].assets;
        let index = match assets.iter().position(|book| book.asset == asset) {
            Some(index) => index,
            None => {
                assets.push(AssetBook {
                    asset,
                    before: None,
                    after: None,
                    change: 0,
                    fees: 0,
                });
                assets.len() - 1
            }
        };
        &mut assets[index]
    }

    fn assets(&self) -> Vec<Symbol> {
        let mut assets: Vec<Symbol> = self
            .accounts
            .iter()
            .flat_map(|account| account.assets.iter().map(|book| book.asset))
            .collect();
        assets.sort_unstable();
        assets.dedup();
        assets
    }

    fn books(&self, asset: Symbol) -> impl Iterator<Item = &AssetBook> {
        self.accounts
            .iter()
            .flat_map(|account| &account.assets)
            .filter(move |book| book.asset == asset)
    }
}

impl AssetBook {
    fn complaint(&self) -> Option<String> {
        let (Some(before), Some(after)) = (self.before, self.after) else {
            return Some("the balance is not known".to_owned());
        };
        let implied = i128::try_from(before.total)
            .ok()
            .and_then(|before| before.checked_add(self.change));
        let actual = i128::try_from(after.total).ok();
        if implied.is_none() || implied != actual {
            return Some(format!(
                "{} before and executions of {} make another total than {}",
                before.total, self.change, after.total
            ));
        }
        None
    }
}

/// What is wrong with an order at the end.
fn complaint(order: &Order, may_rest: bool) -> Option<&'static str> {
    let is_order = matches!(order.kind, RequestKind::Enter | RequestKind::Replace);
    match order.state {
        OrderState::Pending => return Some("has no answer"),
        OrderState::Live if !may_rest => return Some("is still live"),
        OrderState::Live | OrderState::Filled | OrderState::Canceled => {}
        _ => return None,
    }
    let parts = u64::from(order.executed) + u64::from(order.canceled) + u64::from(order.open);
    // The end of a chain by a replacement that asks for too little: what was open was canceled, not what was asked for.
    let ended_by_replace = order.kind == RequestKind::Replace && order.executed >= order.quantity;
    (is_order && parts != u64::from(order.quantity) && !ended_by_replace)
        .then_some("has parts that do not add up to its quantity")
}

/// The sum of the totals; `None` when one is not known, or on overflow.
fn total(balances: impl Iterator<Item = Option<Balance>>) -> Option<i128> {
    balances
        .map(|balance| i128::try_from(balance?.total).ok())
        .try_fold(0_i128, |sum, total| sum.checked_add(total?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instruments::tests::bitcoin;

    const UNIT: u128 = 100_000_000;

    fn usd() -> Symbol {
        Symbol::new("USD").expect("short")
    }

    fn btc() -> Symbol {
        Symbol::new("BTC").expect("short")
    }

    fn balance(total: u128) -> Balance {
        Balance {
            total,
            available: total,
            held: 0,
        }
    }

    fn execution(side: u8, fee: i128) -> Update {
        // 100 lots (0.01 BTC) at 100: worth 1.
        Update {
            order: Order {
                user_ref: 1,
                state: OrderState::Filled,
                side,
                instrument: Some(0),
                quantity: 100,
                executed: 100,
                ..Order::UNUSED
            },
            change: Change::Executed {
                quantity: 100,
                price: 1_000_000,
                liquidity: b'R',
                match_number: 1,
                value: Some(UNIT),
                fee: Some(fee),
                reported_fee: None,
            },
        }
    }

    /// Buyer and seller trade once: the buyer pays a fee of 10, the seller gets a rebate of 4. Then `plant`.
    fn verdict(plant: impl FnOnce(&mut Checker)) -> Verdict {
        let instruments: Instruments = [bitcoin()].into_iter().collect();
        let mut checker = Checker::default();
        let (buyer, seller) = (checker.account("buyer"), checker.account("seller"));
        for account in [buyer, seller] {
            checker.before(account, usd(), balance(5 * UNIT));
            checker.before(account, btc(), balance(UNIT));
        }
        checker.update(buyer, &execution(b'B', 10), &instruments);
        checker.update(seller, &execution(b'S', -4), &instruments);
        checker.after(buyer, usd(), balance(4 * UNIT - 10));
        checker.after(buyer, btc(), balance(UNIT + UNIT / 100));
        checker.after(seller, usd(), balance(6 * UNIT + 4));
        checker.after(seller, btc(), balance(UNIT - UNIT / 100));
        plant(&mut checker);
        checker.verdict()
    }

    const GOOD: Verdict = Verdict {
        every_order_answered: true,
        balances_as_implied: true,
        conserved_between: true,
    };

    #[test]
    fn a_true_story_passes() {
        assert_eq!(verdict(|_| {}), GOOD);
    }

    #[test]
    fn a_balance_off_by_one_unit_is_caught() {
        for lie in [UNIT - UNIT / 100 - 1, UNIT - UNIT / 100 + 1] {
            let verdict = verdict(|checker| checker.after(1, btc(), balance(lie)));
            assert!(!verdict.balances_as_implied && !verdict.conserved_between);
        }
    }

    #[test]
    fn money_made_in_an_untouched_asset_is_caught() {
        let eth = Symbol::new("ETH").expect("short");
        let verdict = verdict(|checker| {
            checker.before(0, eth, balance(7));
            checker.after(0, eth, balance(8));
        });
        assert!(!verdict.balances_as_implied);
    }

    #[test]
    fn a_balance_that_was_not_asked_for_fails() {
        let verdict = verdict(Checker::forget_after);
        assert!(!verdict.balances_as_implied && !verdict.conserved_between);
        assert!(
            !Checker::default().verdict().balances_as_implied,
            "nothing measured is not a success"
        );
    }

    #[test]
    fn one_side_of_a_trade_alone_is_not_conserved() {
        let instruments: Instruments = [bitcoin()].into_iter().collect();
        let mut checker = Checker::default();
        let buyer = checker.account("buyer");
        checker.before(buyer, usd(), balance(5 * UNIT));
        checker.before(buyer, btc(), balance(UNIT));
        checker.update(buyer, &execution(b'B', 0), &instruments);
        checker.after(buyer, usd(), balance(4 * UNIT));
        checker.after(buyer, btc(), balance(UNIT + UNIT / 100));
        let verdict = checker.verdict();
        assert!(verdict.balances_as_implied && !verdict.conserved_between);
    }

    #[test]
    fn parts_of_a_balance_must_add_up() {
        let verdict = verdict(|checker| {
            let lie = Balance {
                total: 4 * UNIT - 10,
                available: 1,
                held: 1,
            };
            checker.after(0, usd(), lie);
        });
        assert!(!verdict.every_order_answered);
    }

    #[test]
    fn orders_must_end_and_add_up() {
        let order = Order {
            user_ref: 1,
            quantity: 10,
            executed: 4,
            canceled: 6,
            state: OrderState::Canceled,
            ..Order::UNUSED
        };
        assert_eq!(complaint(&order, false), None);
        let lies = [
            Order { canceled: 5, ..order },
            Order {
                state: OrderState::Pending,
                ..order
            },
            Order {
                state: OrderState::Live,
                open: 0,
                ..order
            },
        ];
        for lie in lies {
            assert!(complaint(&lie, false).is_some(), "{lie:?}");
        }
        assert_eq!(
            complaint(
                &Order {
                    state: OrderState::Live,
                    open: 6,
                    canceled: 0,
                    ..order
                },
                true
            ),
            None
        );
        let mut checker = Checker::default();
        let mut orders = Orders::new(4);
        orders.start_at(1);
        orders.simulate(&crate::workload::Intent::Enter(crate::request::NewOrder::limit(
            btc(),
            b'B',
            1,
            100,
        )));
        checker.settled("someone", &orders, false);
        // A request without an answer, and an order that still lives.
        assert_eq!(checker.fault_count(), 2);
        assert!(!checker.verdict().every_order_answered);
    }

    #[test]
    fn contradictions_are_counted_and_bounded() {
        let mut checker = Checker::default();
        for number in 0..1_000 {
            checker.fault(|| format!("fault {number}"));
        }
        assert_eq!(
            (checker.fault_count(), checker.faults().len()),
            (1_000, FAULTS_KEPT)
        );
    }
}
