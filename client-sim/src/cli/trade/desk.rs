//! A person's desk: one client, asked one thing at a time.

use std::collections::VecDeque;
use std::time::Duration;

use feed_handler::clock::Clock;
use protocol::order_entry::Answer;
use protocol::order_entry::own::{Balance, OpenOrder, OrderStatus, Ticker};
use protocol::order_entry::values::{cross_type, display};
use protocol::units::{Price, Symbol};
use rust_decimal::Decimal;

use crate::connection::{ClientConfig, Event, Handler, OrderEntryClient, Phase};
use crate::instruments::{Instrument, Instruments, ScaleError};
use crate::orders::{Change, Update};
use crate::request::{DAY, GOOD_TILL_CANCELED, IMMEDIATE_OR_CANCEL, NewOrder, Terms};

use super::explain::{self, Asked, Facts};
use super::verb;

/// How long an answer may take.
const PATIENCE_NS: u64 = 10_000_000_000;
/// Things told that nobody looked at yet, at most.
const TOLD_MAX: usize = 4_096;

/// What the exchange told.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Changes of own orders.
    pub(super) updates: VecDeque<Update>,
    statuses: VecDeque<OrderStatus>,
    open_orders: VecDeque<OpenOrder>,
    balances: VecDeque<Balance>,
    tickers: VecDeque<Ticker>,
    /// Why the last connection was lost.
    trouble: Option<String>,
    /// The day has rolled since somebody looked.
    pub(super) day_ended: bool,
}

impl Handler for Told {
    fn event(&mut self, _now_ns: u64, event: Event<'_>) {
        fn keep<T>(queue: &mut VecDeque<T>, item: T) {
            if queue.len() == TOLD_MAX {
                queue.pop_front();
            }
            queue.push_back(item);
        }
        match event {
            Event::Order(update) => keep(&mut self.updates, *update),
            Event::Answer(Answer::OrderStatus(status)) => keep(&mut self.statuses, *status),
            Event::Answer(Answer::OpenOrder(order)) => keep(&mut self.open_orders, *order),
            Event::Answer(Answer::Balance(balance)) => keep(&mut self.balances, *balance),
            Event::Answer(Answer::Ticker(ticker)) => keep(&mut self.tickers, *ticker),
            Event::DayEnded(_) => {
                // Their numbers mean nothing any more.
                self.updates.clear();
                self.day_ended = true;
                self.trouble = Some("the trading day has ended meanwhile".to_owned());
            }
            Event::Lost(error) => self.trouble = Some(error.to_string()),
            Event::Fault(fault) => self.trouble = Some(format!("the exchange contradicts itself: {fault}")),
            _ => {}
        }
    }
}

/// The desk.
pub(super) struct Desk {
    client: OrderEntryClient,
    clock: Clock,
    /// What was told and not looked at.
    pub(super) told: Told,
}

/// The answer to a numbered request.
enum Answered {
    /// It was taken under this number.
    Taken(u32),
    /// The reject reason.
    Refused(u16),
}

/// How an order stands.
#[derive(Debug, Clone)]
pub(super) enum Outcome {
    /// Refused, with the reason.
    Refused {
        /// Its number.
        user_ref: u32,
        /// The reject reason.
        reason: u16,
        /// The reason with the figures of this order, where they are known.
        sentence: Option<String>,
    },
    /// Taken; this is how it stands now, and why something was canceled.
    Taken(OrderStatus, Option<u8>),
}

impl Desk {
    /// Logs in.
    pub(super) fn open(config: ClientConfig) -> Result<Self, String> {
        let clock = Clock::new();
        let server = config.server;
        let client = OrderEntryClient::new(config, clock.now_ns()).map_err(|error| error.to_string())?;
        let mut desk = Self {
            client,
            clock,
            told: Told::default(),
        };
        desk.until(|desk| desk.client.is_ready().then_some(()))
            .map_err(|error| format!("{server}: {error}"))?;
        Ok(desk)
    }

    /// The instruments.
    pub(super) fn instruments(&self) -> &Instruments {
        self.client.orders().instruments()
    }

    /// The instrument of that name, in whatever case.
    pub(super) fn instrument(&self, name: &str) -> Result<Instrument, String> {
        let symbol = Symbol::new(&name.to_uppercase());
        symbol
            .and_then(|symbol| self.instruments().find(symbol))
            .copied()
            .ok_or_else(|| {
                let known: Vec<&str> = self
                    .instruments()
                    .iter()
                    .map(|instrument| instrument.symbol.as_str())
                    .collect();
                format!("there is no instrument {name}; there are {}", known.join(", "))
            })
    }

    /// Receives what there is.
    pub(super) fn poll(&mut self) -> Result<(), String> {
        let now_ns = self.clock.now_ns();
        self.client.poll(now_ns, &mut self.told);
        match self.client.phase() {
            Phase::Ended(reason) => Err(match &self.told.trouble {
                Some(trouble) => format!("{reason} ({trouble})"),
                None => reason.to_string(),
            }),
            _ => Ok(()),
        }
    }

    /// Enters an order and waits until it is known how it stands.
    pub(super) fn enter(&mut self, side: u8, order: &verb::Order) -> Result<(Instrument, Outcome), String> {
        let instrument = self.instrument(&order.symbol)?;
        if !order.market && order.limit.is_none() {
            return Err(
                "at what price? `--limit PRICE`: at this price or better; `--market`: at the best there is"
                    .to_owned(),
            );
        }
        let funds = match order.funds {
            Some(_) if side != b'B' => {
                return Err("--funds is what a buy may spend; a sell has a quantity".to_owned());
            }
            Some(amount) => funds(&instrument, amount)?,
            None => 0,
        };
        let quantity = match order.quantity {
            Some(quantity) => lots(&instrument, quantity, "quantity")?,
            None => self.lots_for(&instrument, funds)?,
        };
        let price = match order.limit {
            Some(limit) => price(&instrument, limit)?,
            None => Price::MARKET,
        };
        let (display, max_floor) = seen(&instrument, &order.seen, quantity)?;
        let order = NewOrder {
            time_in_force: if order.ioc || order.fok {
                IMMEDIATE_OR_CANCEL
            } else if order.gtc {
                GOOD_TILL_CANCELED
            } else {
                DAY
            },
            post_only: order.post_only,
            min_quantity: if order.fok { quantity } else { 0 },
            display,
            max_floor,
            cross_type: order.at.map_or(cross_type::CONTINUOUS, |auction| match auction {
                verb::Auction::Open => cross_type::OPENING,
                verb::Auction::Close => cross_type::CLOSING,
                verb::Auction::Halt => cross_type::HALT,
            }),
            stop_price: stop(&instrument, order.stop)?,
            funds,
            ..NewOrder::limit(instrument.symbol, side, quantity, price.0)
        };
        let now_ns = self.clock.now_ns();
        let user_ref = self
            .client
            .enter(&order, now_ns, now_ns)
            .map_err(|error| error.to_string())?;
        let asked = Asked {
            side,
            lots: quantity,
            price: (price != Price::MARKET).then_some(price.0),
            stop: (order.stop_price > 0).then_some(order.stop_price),
        };
        let outcome = self.outcome(user_ref)?;
        Ok((instrument, self.explained(outcome, &instrument, &asked)))
    }

    /// Puts the figures to a refusal.
    fn explained(&mut self, outcome: Outcome, instrument: &Instrument, asked: &Asked) -> Outcome {
        let Outcome::Refused { user_ref, reason, .. } = outcome else {
            return outcome;
        };
        let mut facts = Facts::default();
        if let Ok((_, ticker)) = self.ticker(instrument.symbol.as_str()) {
            facts.last = Some(ticker.last_price.get()).filter(|price| *price > 0);
        }
        let asset = if asked.side == b'B' {
            instrument.quote
        } else {
            instrument.base
        };
        if reason == explain::FUNDS
            && let Ok(balances) = self.balances(Some(asset.as_str()))
        {
            facts.funds = balances
                .first()
                .map(|balance| (balance.available.get(), balance.held.get()));
        }
        Outcome::Refused {
            user_ref,
            reason,
            sentence: explain::refusal(reason, instrument, asked, &facts),
        }
    }

    /// Lots that `funds` certainly do not buy more of: twice as many as at the best price, or the last one.
    fn lots_for(&mut self, instrument: &Instrument, funds: u64) -> Result<u32, String> {
        let (_, ticker) = self.ticker(instrument.symbol.as_str())?;
        let (ask, last) = (ticker.ask_price.get(), ticker.last_price.get());
        let price = if ask == 0 { last } else { ask };
        let lot = Some(price)
            .filter(|price| *price > 0)
            .and_then(|price| instrument.value(price, 1))
            .ok_or("there is no price to measure the funds by; give a quantity")?;
        let lots = (2 * u128::from(funds) / lot.max(1)).clamp(1, u128::from(instrument.max_quantity));
        Ok(u32::try_from(lots).unwrap_or(instrument.max_quantity))
    }

    /// Replaces an order and waits until it is known how it stands.
    pub(super) fn replace(
        &mut self,
        user_ref: u32,
        quantity: Decimal,
        limit: Decimal,
        said: &verb::ReplaceTerms,
    ) -> Result<Outcome, String> {
        self.learn_open_orders()?;
        let order = *self
            .client
            .orders()
            .newest(user_ref)
            .ok_or_else(|| format!("order {user_ref} is not open; `orders` lists those that are"))?;
        let instrument = self.instrument(order.symbol.as_str())?;
        let lots = lots(&instrument, quantity, "quantity")?;
        let price = price(&instrument, limit)?;
        let (display, max_floor) = seen(&instrument, &said.seen, lots)?;
        let terms = Terms {
            time_in_force: if said.gtc { GOOD_TILL_CANCELED } else { DAY },
            display,
            max_floor,
            stop_price: stop(&instrument, said.stop)?,
            ..Terms::default()
        };
        let now_ns = self.clock.now_ns();
        let number = self
            .client
            .replace_on(&terms, order.user_ref, lots, price.0, now_ns, now_ns)
            .map_err(|error| error.to_string())?;
        let asked = Asked {
            side: order.side,
            lots: lots.saturating_sub(order.executed),
            price: Some(price.0),
            stop: (terms.stop_price > 0).then_some(terms.stop_price),
        };
        let outcome = self.outcome(number)?;
        Ok(self.explained(outcome, &instrument, &asked))
    }

    /// Cancels an order; how it stands then.
    pub(super) fn cancel(&mut self, user_ref: u32) -> Result<OrderStatus, String> {
        self.learn_open_orders()?;
        let now_ns = self.clock.now_ns();
        if self.client.cancel(user_ref, 0, now_ns).is_ok() {
            self.client.flush(now_ns);
            self.until(|desk| desk.client.is_settled().then_some(()))?;
        }
        self.status(user_ref)
    }

    /// Cancels all open orders; how many.
    pub(super) fn cancel_all(&mut self) -> Result<usize, String> {
        let open = self.open_orders()?.len();
        let now_ns = self.clock.now_ns();
        let user_ref = self
            .client
            .mass_cancel(None, now_ns, now_ns)
            .map_err(|error| error.to_string())?;
        if let Answered::Refused(reason) = self.answer(user_ref)? {
            return Err(crate::reason::describe(reason));
        }
        // The answers to later questions reflect the cancels, which follow the response at once.
        let left = self.open_orders()?.len();
        Ok(open - left.min(open))
    }

    /// How an order stands.
    pub(super) fn status(&mut self, user_ref: u32) -> Result<OrderStatus, String> {
        self.told.statuses.clear();
        self.client
            .ask_status(user_ref)
            .map_err(|error| error.to_string())?;
        self.until(|desk| desk.told.statuses.pop_front())
    }

    /// The open orders.
    pub(super) fn open_orders(&mut self) -> Result<Vec<OpenOrder>, String> {
        self.told.open_orders.clear();
        self.client.ask_open_orders().map_err(|error| error.to_string())?;
        let mut orders = Vec::new();
        loop {
            let order = self.until(|desk| desk.told.open_orders.pop_front())?;
            if order.user_ref_num.get() == 0 {
                return Ok(orders);
            }
            orders.push(order);
        }
    }

    /// The balance of one asset, or of all.
    pub(super) fn balances(&mut self, asset: Option<&str>) -> Result<Vec<Balance>, String> {
        let asset = match asset {
            Some(name) => Some(
                Symbol::new(&name.to_uppercase())
                    .filter(|symbol| *symbol != Symbol::BLANK)
                    .ok_or_else(|| format!("`{name}` is not the name of an asset"))?,
            ),
            None => None,
        };
        self.told.balances.clear();
        self.client
            .ask_balance(asset)
            .map_err(|error| error.to_string())?;
        let mut balances = Vec::new();
        loop {
            let balance = self.until(|desk| desk.told.balances.pop_front())?;
            let is_blank = Symbol(balance.asset) == Symbol::BLANK;
            if is_blank && asset.is_some() {
                return Err("there is no such asset".to_owned());
            }
            if is_blank {
                return Ok(balances);
            }
            balances.push(balance);
            if asset.is_some() {
                return Ok(balances);
            }
        }
    }

    /// Last trade and best prices.
    pub(super) fn ticker(&mut self, symbol: &str) -> Result<(Instrument, Ticker), String> {
        let instrument = self.instrument(symbol)?;
        self.told.tickers.clear();
        self.client
            .ask_ticker(instrument.symbol)
            .map_err(|error| error.to_string())?;
        let ticker = self.until(|desk| desk.told.tickers.pop_front())?;
        Ok((instrument, ticker))
    }

    /// Leaves.
    pub(super) fn close(mut self) {
        let now_ns = self.clock.now_ns();
        self.client.logout(now_ns, &mut self.told);
    }

    /// Waits for the answer to an order, and asks how it stands.
    fn outcome(&mut self, user_ref: u32) -> Result<Outcome, String> {
        let user_ref = match self.answer(user_ref)? {
            Answered::Taken(user_ref) => user_ref,
            Answered::Refused(reason) => {
                return Ok(Outcome::Refused {
                    user_ref,
                    reason,
                    sentence: None,
                });
            }
        };
        let status = self.status(user_ref)?;
        // What the status reflects has been told, or is on its way.
        let reflected = status.as_of_sequence.get();
        self.until(|desk| (desk.client.next_sequence() > reflected).then_some(()))?;
        let reason = self
            .client
            .orders()
            .newest(user_ref)
            .filter(|order| order.canceled > 0)
            .and_then(|order| u8::try_from(order.reason).ok());
        // The prompt tells what happens later; this is told now.
        self.told.updates.clear();
        Ok(Outcome::Taken(status, reason))
    }

    /// Waits for the answer to a numbered request. A request that never arrived is made again.
    fn answer(&mut self, mut user_ref: u32) -> Result<Answered, String> {
        let now_ns = self.clock.now_ns();
        self.client.flush(now_ns);
        loop {
            let change = self
                .until(|desk| {
                    desk.told
                        .updates
                        .pop_front()
                        .filter(|update| update.order.user_ref == user_ref)
                        .map(|update| update.change)
                })
                .map_err(|error| {
                    format!("{error}; order {user_ref} may have been entered: `status {user_ref}` tells")
                })?;
            match change {
                Change::Rejected { reason } => return Ok(Answered::Refused(reason)),
                Change::NotApplied => {
                    let now_ns = self.clock.now_ns();
                    user_ref = self
                        .client
                        .enter_again(user_ref, now_ns)
                        .map_err(|error| error.to_string())?;
                    self.client.flush(now_ns);
                }
                _ => return Ok(Answered::Taken(user_ref)),
            }
        }
    }

    /// Orders of earlier visits become known to the client.
    fn learn_open_orders(&mut self) -> Result<(), String> {
        self.open_orders().map(drop)
    }

    fn until<T>(&mut self, mut done: impl FnMut(&mut Self) -> Option<T>) -> Result<T, String> {
        let started_ns = self.clock.now_ns();
        loop {
            self.poll()?;
            if let Some(result) = done(self) {
                return Ok(result);
            }
            if self.clock.now_ns() - started_ns > PATIENCE_NS {
                return Err(match &self.told.trouble {
                    Some(trouble) => format!("no answer from the exchange: {trouble}"),
                    None => "no answer from the exchange".to_owned(),
                });
            }
            std::thread::sleep(Duration::from_micros(100));
        }
    }
}

fn lots(instrument: &Instrument, quantity: Decimal, what: &str) -> Result<u32, String> {
    instrument.lots(quantity).map_err(|error| match error {
        ScaleError::TooLarge => format!(
            "{what} {quantity}: one order may have at most {} {}",
            instrument.quantity_decimal(u64::from(instrument.max_quantity)),
            instrument.base
        ),
        error => format!("{what} {quantity}: {error}"),
    })
}

/// OUCH display, and the lots displayed at once of a reserve order (0 = all).
fn seen(instrument: &Instrument, seen: &verb::Seen, quantity: u32) -> Result<(u8, u32), String> {
    if seen.hidden {
        return Ok((display::HIDDEN, 0));
    }
    let Some(most) = seen.display_max else {
        return Ok((display::VISIBLE, 0));
    };
    let most_lots = lots(instrument, most, "--display-max")?;
    if most_lots > quantity {
        return Err(format!("--display-max {most} is more than the order itself"));
    }
    Ok((display::VISIBLE, most_lots))
}

/// The wire price of a stop; 0 = none.
fn stop(instrument: &Instrument, stop: Option<Decimal>) -> Result<u64, String> {
    stop.map_or(Ok(0), |stop| {
        let price = instrument.price(stop);
        price
            .map(|price| price.0)
            .map_err(|error| format!("--stop {stop}: {error}"))
    })
}

/// Quote units that a buy may spend.
fn funds(instrument: &Instrument, amount: Decimal) -> Result<u64, String> {
    instrument
        .quote_units(amount)
        .map_err(|error| format!("--funds {amount}: {error}"))
}

fn price(instrument: &Instrument, limit: Decimal) -> Result<Price, String> {
    instrument
        .price(limit)
        .map_err(|error| format!("price {limit}: {error}"))
}
