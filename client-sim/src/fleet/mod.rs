//! Many customers on one thread: they join, are counted, trade in an open loop, take everything back, and are counted
//! again.

mod config;
mod member;
mod observer;
mod shared;
mod totals;
mod turns;

use protocol::units::Symbol;

pub use config::{FleetConfig, FleetError, Mix, Participant};
pub use member::Member;
pub use observer::{FeedEars, new_order};
pub use shared::{FeedJoin, Shared};
pub use totals::{AtStop, FleetTotals};
pub(crate) use turns::schedule;

use crate::checker::{Checker, Verdict};
use crate::connection::{ClientConfig, Phase, SendError};
use crate::faults::Faults;
use crate::instruments::Instruments;
use crate::latency::{FeedLatency, Latencies};
use crate::pacer::Pacer;
use crate::workload::{Intent, Market, News, Role};

/// Orders remembered until acknowledgement and feed have both told of them.
const FEED_LATENCY_SLOTS: usize = 1 << 16;
/// Most orders sent between two looks at the sockets.
const ORDERS_PER_TURN: usize = 256;

/// How far a fleet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Logging in.
    Joining,
    /// Canceling what an earlier life of the sessions left in the book.
    Clearing,
    /// Asking for the balances before the first order.
    Counting,
    /// Trading.
    Running,
    /// Canceling what is left, waiting for the last answers.
    Settling,
    /// Asking for the balances after the last order.
    Auditing,
    /// Done.
    Done,
}

/// Least time between two questions of investors. At a million orders a second they would else ask thousands of times, as no
/// person does, and the answers over TCP would cost more than the orders.
const QUESTION_NS: u64 = 5_000_000;
/// Time between two questions for the tickers.
const TICKER_NS: u64 = 50_000_000;
/// Answers kept for somebody to look at.
pub const TICKERS_MAX: usize = 64;

/// The customers.
pub struct Fleet {
    config: FleetConfig,
    members: Vec<Member>,
    shared: Shared,
    market: Market,
    pacer: Pacer,
    schedule: Vec<usize>,
    turn: usize,
    stage: Stage,
    cancels: u64,
    news: News,
    /// When the measured trading began: after the warm-up.
    began_ns: u64,
    ended_ns: u64,
    /// What there was when it began; `None` during the warm-up.
    at_begin: Option<AtStop>,
    at_stop: AtStop,
    /// Requests made before the trading began.
    cleared: u64,
    settle_check_ns: u64,
    question_due_ns: u64,
    ticker_due_ns: u64,
}

impl Fleet {
    /// Makes the customers; they connect when polled.
    pub fn new(config: FleetConfig, now_ns: u64) -> Result<Self, FleetError> {
        if config.participants.is_empty() {
            return Err(FleetError::Empty);
        }
        let mut checker = Checker::default();
        let mut members = Vec::new();
        for (index, participant) in config.participants.iter().enumerate() {
            let seed = config.seed.wrapping_mul(1_000).wrapping_add(index as u64);
            let client = ClientConfig {
                trust: config.trust.clone(),
                door: config.door,
                mac: config.mac.clone(),
                orders_per_datagram: config.orders_per_datagram,
                pad_to: config.pad_to,
                orders: config.orders,
                outgoing: Faults::new(config.loss_per_million, seed.wrapping_add(100)),
                incoming: Faults::new(config.loss_per_million, seed.wrapping_add(200)),
                timing: config.timing,
                ..ClientConfig::new(config.server, &participant.username, &participant.password)
            };
            let account = checker.account(&participant.account);
            let member = Member::new(client, participant, account, seed, config.outlive_day, now_ns)
                .map_err(|error| FleetError::Config(participant.username.clone(), error))?;
            members.push(member);
        }
        let schedule = schedule(config.participants.iter().map(|one| one.role), config.mix);
        Ok(Self {
            pacer: Pacer::new(config.rate, now_ns),
            config,
            members,
            shared: Shared {
                checker,
                latencies: Latencies::default(),
                feed: FeedJoin::Here(FeedLatency::new(FEED_LATENCY_SLOTS)),
                measured: (u64::MAX, u64::MAX),
                rejected: [0; 64],
                instruments: Instruments::default(),
                lost_connections: 0,
                trouble: None,
                days_ended: 0,
                tickers: Vec::with_capacity(TICKERS_MAX),
            },
            market: Market::default(),
            schedule,
            turn: 0,
            stage: Stage::Joining,
            cancels: 0,
            news: News::new(&Instruments::default(), &[], 0),
            began_ns: now_ns,
            ended_ns: now_ns,
            at_begin: None,
            at_stop: AtStop::default(),
            cleared: 0,
            settle_check_ns: 0,
            question_due_ns: 0,
            ticker_due_ns: 0,
        })
    }

    /// How far it is.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// The members.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// What the members added up.
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The same, to be changed by a display.
    pub fn shared_mut(&mut self) -> &mut Shared {
        &mut self.shared
    }

    /// The market as the customers see it.
    pub fn market(&self) -> &Market {
        &self.market
    }

    /// True while it trades and is not measured yet.
    pub fn is_warming_up(&self) -> bool {
        self.stage == Stage::Running && self.at_begin.is_none()
    }

    /// Nanoseconds of measured trading so far.
    pub fn running_ns(&self) -> u64 {
        self.ended_ns.saturating_sub(self.began_ns)
    }

    /// Counts over all members.
    pub fn totals(&self) -> FleetTotals {
        let mut totals = FleetTotals {
            cancels: self.cancels,
            executions: self.shared.checker.executions(),
            ..FleetTotals::default()
        };
        for member in &self.members {
            let orders = member.client.orders().totals();
            let client = member.client.counters();
            let udp = member.client.udp_counters();
            totals.requests += orders.requests;
            totals.answered += orders.answered;
            totals.rejected += orders.rejected;
            totals.not_applied += orders.not_applied;
            totals.messages += client.messages;
            totals.resends += client.resends + client.cancel_resends;
            totals.gaps += client.gaps;
            totals.re_requests += client.re_requests;
            totals.replays += client.replays;
            totals.dropped += udp.dropped_in + udp.dropped_out;
            totals.datagrams += udp.sent;
            totals.carried += orders.carried;
            totals.live += member.client.orders().live_count() as u64;
        }
        totals
    }

    /// A look at the feed: best prices and trades go to the customers, order numbers to the latencies.
    pub fn feed_ears(&mut self, now_ns: u64) -> FeedEars<'_> {
        FeedEars::new(&mut self.market, &mut self.members, &mut self.shared, now_ns)
    }

    /// For a fleet that hears no feed: asks for the tickers now and then, and shows the answers to the customers.
    pub fn refresh_market(&mut self, now_ns: u64) {
        for index in 0..self.shared.tickers.len() {
            let ticker = self.shared.tickers[index];
            let known = self.shared.instruments.iter();
            if let Some(index) = known
                .map(|instrument| instrument.symbol)
                .position(|symbol| symbol == Symbol(ticker.symbol))
            {
                let side = |price: u64, quantity: u64| (price > 0).then_some((price, quantity));
                let bid = side(ticker.bid_price.get(), ticker.bid_quantity.get());
                let ask = side(ticker.ask_price.get(), ticker.ask_quantity.get());
                self.market.set_best(index, bid, ask);
                let last = (ticker.last_price.get(), ticker.last_quantity.get());
                if last.0 > 0 && self.market.quote(index).last != Some(last) {
                    self.market.set_last(index, last.0, last.1);
                    for member in &mut self.members {
                        member.trade(index, last.0, last.1);
                    }
                }
            }
        }
        self.shared.tickers.clear();
        if now_ns < self.ticker_due_ns || self.stage != Stage::Running {
            return;
        }
        self.ticker_due_ns = now_ns + TICKER_NS;
        for index in 0..self.shared.instruments.len() {
            let symbol = self
                .shared
                .instruments
                .get(index)
                .map(|instrument| instrument.symbol);
            // Not connected for a moment: asked again soon.
            if symbol.is_some_and(|symbol| self.ask_ticker(symbol).is_err()) {
                return;
            }
        }
    }

    /// Ends the trading: what is left is canceled, the last answers are waited for, the balances asked.
    pub fn stop(&mut self, now_ns: u64) {
        if matches!(self.stage, Stage::Joining | Stage::Clearing | Stage::Counting) {
            self.stage = Stage::Done;
        } else if self.stage == Stage::Running {
            self.ended_ns = now_ns;
            self.at_stop = self.measured();
            self.shared.measured.1 = now_ns;
            self.stage = Stage::Settling;
        }
    }

    /// What the trading came to: nothing of what takes everything back afterwards is counted.
    pub fn at_stop(&self) -> AtStop {
        match self.stage {
            Stage::Running => self.measured(),
            _ => self.at_stop,
        }
    }

    /// What came since the warm-up.
    fn measured(&self) -> AtStop {
        let (now, before) = (self.now(), self.at_begin.unwrap_or_default());
        AtStop {
            offered: now.offered.map(|due| due - before.offered.unwrap_or(0)),
            sent: now.sent - before.sent,
            not_applied: now.not_applied - before.not_applied,
            waiting: now.waiting.saturating_sub(before.waiting),
        }
    }

    fn now(&self) -> AtStop {
        let totals = self.totals();
        let waiting: usize = self.members.iter().map(|member| member.client.waiting()).sum();
        AtStop {
            offered: self.pacer.due_until(self.ended_ns),
            sent: totals.requests + totals.cancels - self.cleared,
            not_applied: totals.not_applied,
            waiting: waiting as u64,
        }
    }

    /// Does what there is to do. Returns how much.
    pub fn poll(&mut self, now_ns: u64) -> Result<usize, FleetError> {
        let mut work = 0;
        let days_ended = self.shared.days_ended;
        for member in &mut self.members {
            work += member.poll(now_ns, &mut self.shared);
            if let Phase::Ended(reason) = member.client.phase() {
                return Err(FleetError::Ended {
                    name: member.name.clone(),
                    reason,
                    trouble: self.shared.trouble.clone().unwrap_or_else(|| "none".to_owned()),
                });
            }
        }
        if self.stage == Stage::Clearing && self.shared.days_ended > days_ended {
            // The mass cancels may not have been taken before the day ended.
            self.stage = Stage::Joining;
        }
        match self.stage {
            Stage::Joining => self.join(now_ns),
            Stage::Clearing => self.clear(),
            Stage::Counting => {
                self.members
                    .iter_mut()
                    .for_each(|member| member.keep_counting(false));
                if self.members.iter().all(Member::is_counted) {
                    let Self { config, .. } = self;
                    self.pacer = Pacer::arriving(config.arrivals, config.rate, now_ns, config.seed);
                    self.began_ns = now_ns + self.config.warm_up_ns;
                    self.ended_ns = now_ns;
                    self.cleared = self.totals().requests;
                    self.shared.measured.0 = self.began_ns;
                    self.stage = Stage::Running;
                }
            }
            Stage::Running => {
                if self.at_begin.is_none() && now_ns >= self.began_ns {
                    self.at_begin = Some(self.now());
                }
                work += self.act(now_ns);
                self.ended_ns = now_ns;
            }
            Stage::Settling => self.settle(now_ns),
            Stage::Auditing => {
                self.members
                    .iter_mut()
                    .for_each(|member| member.keep_counting(true));
                if self.members.iter().all(Member::is_counted) {
                    self.stage = Stage::Done;
                }
            }
            Stage::Done => {}
        }
        Ok(work)
    }

    /// When something is due that no socket will tell: the next order.
    pub fn next_due_ns(&self, now_ns: u64) -> u64 {
        match self.stage {
            Stage::Running if self.config.rate == 0 => now_ns,
            Stage::Running => self.pacer.next_ns(),
            _ => now_ns + 1_000_000,
        }
    }

    /// True when orders are sent at a rate; else as many are sent as are answered.
    pub fn is_paced(&self) -> bool {
        self.config.rate > 0
    }

    /// True while somebody who was let in reads what it has missed.
    pub fn is_catching_up(&self) -> bool {
        let mut phases = self.members.iter().map(|member| member.client.phase());
        phases.any(|phase| phase == Phase::CatchingUp)
    }

    /// How many messages of their streams they know of, all together.
    pub fn heard(&self) -> u64 {
        self.members
            .iter()
            .map(|member| member.client.next_sequence())
            .sum()
    }

    /// True while a request of somebody waits for its answer.
    pub fn is_waiting(&self) -> bool {
        self.members.iter().any(|member| {
            let (first, end) = member.client.orders().unanswered();
            first < end
        })
    }

    /// Looks at every order and balance. Call it when the stage is [`Stage::Done`].
    pub fn verdict(&mut self) -> Verdict {
        let done = self.stage == Stage::Done;
        for member in &self.members {
            self.shared
                .checker
                .settled(&member.name, member.client.orders(), member.stays());
        }
        if !done {
            self.shared
                .checker
                .fault(|| "the customers did not come to an end".to_owned());
        }
        self.shared.checker.verdict()
    }

    /// Says good-bye to the exchange.
    pub fn logout(&mut self, now_ns: u64) {
        for member in &mut self.members {
            member.logout(now_ns, &mut self.shared);
        }
    }

    fn join(&mut self, now_ns: u64) {
        if !self.members.iter().all(|member| member.client.is_ready()) {
            return;
        }
        let instruments = self.members[0].client.orders().instruments().clone();
        let references: Vec<u64> = instruments
            .iter()
            .map(|instrument| {
                self.config
                    .references
                    .iter()
                    .find(|(symbol, _)| *symbol == instrument.symbol)
                    .map_or(0, |(_, price)| *price)
            })
            .collect();
        if self.market.len() != instruments.len() {
            self.market = Market::new(instruments.len());
            self.news = News::new(&instruments, &references, self.config.seed);
        }
        let mut staying = self.config.stay;
        for member in &mut self.members {
            let stays = member.role() == Role::MarketMaker && staying > 0;
            staying -= usize::from(stays);
            member.begin(&instruments, self.config.levels, stays);
            if member.client.mass_cancel(None, now_ns, now_ns).is_err() {
                // Lost its connection just now: the next turn begins again.
                return;
            }
            member.client.flush(now_ns);
        }
        self.shared.instruments = instruments;
        self.stage = Stage::Clearing;
    }

    fn clear(&mut self) {
        let cleared = |member: &Member| member.client.is_ready() && member.client.is_settled();
        if self.members.iter().all(cleared) {
            self.members.iter_mut().for_each(|member| member.count(false));
            self.stage = Stage::Counting;
        }
    }

    /// Asks how an instrument stands; the answer comes to [`Shared::tickers`].
    pub fn ask_ticker(&mut self, symbol: Symbol) -> Result<(), SendError> {
        self.members[0].client.ask_ticker(symbol)
    }

    fn act(&mut self, now_ns: u64) -> usize {
        let mut acted = 0;
        while acted < ORDERS_PER_TURN {
            let Some(intended_ns) = self.pacer.due(now_ns) else {
                break;
            };
            if !self.act_once(intended_ns, now_ns) {
                break;
            }
            self.pacer.taken();
            acted += 1;
        }
        for member in &mut self.members {
            member.client.flush(now_ns);
        }
        acted
    }

    /// Lets the next customer in turn that has something to send send it.
    fn act_once(&mut self, intended_ns: u64, now_ns: u64) -> bool {
        self.news.order(&mut self.market);
        for _ in 0..self.schedule.len() {
            let member = &mut self.members[self.schedule[self.turn]];
            self.turn = (self.turn + 1) % self.schedule.len();
            let (first, end) = member.client.orders().unanswered();
            if end - first >= self.config.window || !member.client.is_ready() {
                continue;
            }
            let Some(intent) = member.next(&self.market) else {
                continue;
            };
            let is_question = matches!(intent, Intent::AskStatus(_) | Intent::AskBalances);
            if is_question && now_ns < self.question_due_ns {
                continue;
            }
            match member.perform(&intent, intended_ns, now_ns) {
                Ok(()) if is_question => self.question_due_ns = now_ns + QUESTION_NS,
                Ok(()) => {
                    self.cancels += u64::from(matches!(intent, Intent::Cancel { .. }));
                    return true;
                }
                // Live a moment ago, gone now; or no room: another time.
                Err(
                    SendError::NotLive(_)
                    | SendError::NotReady
                    | SendError::Busy
                    | SendError::Throttled(_)
                    | SendError::Number(_),
                ) => {}
            }
        }
        false
    }

    /// Takes everything back; when all is answered asks for the balances.
    fn settle(&mut self, now_ns: u64) {
        let mut settled = true;
        for member in &mut self.members {
            while let Some(intent) = member.finish() {
                // What is not live any more needs no cancel.
                if member.perform(&intent, now_ns, now_ns).is_ok() {
                    self.cancels += u64::from(matches!(intent, Intent::Cancel { .. }));
                }
            }
            member.client.flush(now_ns);
            settled &=
                member.client.is_ready() && member.client.is_settled() && member.has_nothing_to_repeat();
        }
        if !settled || now_ns < self.settle_check_ns {
            return;
        }
        self.settle_check_ns = now_ns + 1_000_000;
        let left = self
            .members
            .iter_mut()
            .map(|member| member.cancel_all(now_ns))
            .sum::<u64>();
        self.cancels += left;
        if left == 0 {
            for member in &mut self.members {
                member.count(true);
            }
            self.stage = Stage::Auditing;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fleet_without_participants_is_refused() {
        let server = "127.0.0.1:1".parse().expect("an address");
        let empty = FleetConfig::new(server, Vec::new());
        assert_eq!(Fleet::new(empty, 0).err(), Some(FleetError::Empty));
    }
}
