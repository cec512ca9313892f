//! What goes wrong while everybody works: ways cut, customers that fall silent, slow and failing writes, clocks that
//! jump.

use engine::journal::Fault;

use super::{Death, EXCHANGE, World};

/// Silence that ends a session, and the grace that those have who were connected when the exchange started.
const SILENCE_NS: u64 = 15_000_000_000;
/// What a turn, and looking at all connections, may take more.
const SLACK_NS: u64 = 3_000_000_000;
/// A write that takes more turns may keep everybody waiting.
const WAITING_TURNS: u64 = 10;
/// Turns in which it must have been looked at.
const TURNS_AT_LEAST: u64 = 60;
/// ... of them when it was due for certain.
const TURNS_OVER: u64 = 20;

impl World {
    /// Once a turn, while there is trading.
    pub(super) fn disturb(&mut self) {
        if self.setting.has_cuts && self.random.below(150) == 0 {
            self.cut();
        }
        if self.setting.has_deaths && self.deaths.is_empty() && self.random.below(200) == 0 {
            self.die();
        }
        if self.setting.has_stalls && self.random.below(100) == 0 {
            let polls = 1 + self.random.below(200);
            self.outside.disk.stall(polls);
            self.coverage.met("writes that took long");
            self.tell(format_args!("the next write takes {polls} polls more"));
        }
        if self.setting.has_clock_steps && self.random.below(200) == 0 {
            let step = self.random.below(20_000_000_000);
            self.offset_ns += step as i64;
            self.coverage.met("clock steps forward");
            self.tell(format_args!("the exchange's clock jumps by {step} ns"));
        }
        if self.setting.has_schedule && self.random.below(25) == 0 {
            self.leap();
        }
        if self.setting.has_rolls && self.plan.is_empty() && self.random.below(200) == 0 {
            self.plan_a_roll();
        }
        self.go_on_with_plan();
        self.operate();
        let can_fail = self.exchange.is_some() && !self.may_fail;
        if self.setting.has_disk_failures && can_fail && self.random.below(400) == 0 {
            self.fail_disk();
        }
        if self.setting.has_full_disk && can_fail && self.random.below(300) == 0 {
            self.fill_disk();
        }
    }

    /// Cuts the way to or from a customer or handler, or mends it.
    fn cut(&mut self) {
        let index = self
            .random
            .below((self.customers.len() + self.handlers.len()) as u64) as usize;
        let (incoming, outgoing) = *self.random.pick(&[
            (true, false),
            (false, true),
            (true, true),
            (false, false),
            (false, false),
        ]);
        self.set_cut(index, incoming, outgoing);
    }

    fn set_cut(&mut self, index: usize, incoming: bool, outgoing: bool) {
        let network = &self.outside.network;
        if let Some(customer) = self.customers.get_mut(index) {
            customer.cut(network, incoming, outgoing);
        } else if let Some(handler) = self.handlers.get(index - self.customers.len()) {
            let address = *handler.address().ip();
            if incoming {
                network.cut(EXCHANGE, address);
            } else {
                network.mend(EXCHANGE, address);
            }
        }
        match (incoming, outgoing) {
            (true, true) => self.coverage.met("ways cut both ways"),
            (false, false) => {}
            _ => self.coverage.met("ways cut one way"),
        }
        self.tell(format_args!(
            "the way to {index} is cut: {incoming}, from it: {outgoing}"
        ));
    }

    pub(super) fn mend_all(&mut self) {
        for index in 0..self.customers.len() + self.handlers.len() {
            self.set_cut(index, false, false);
        }
    }

    /// A customer falls silent, or its program is gone and with it the connection.
    fn die(&mut self) {
        let index = self.random.below(self.customers.len() as u64) as usize;
        let customer = &mut self.customers[index];
        customer.is_dead = true;
        let is_closed = self.random.chance(1, 2);
        if is_closed {
            customer.link = None;
        }
        let ends_orders = index % 2 == 1;
        let was_there = customer.was_answered_on(
            self.exchange
                .as_ref()
                .map_or(1, |exchange| exchange.exchange().day()),
        );
        self.deaths.push(Death {
            customer: index,
            since_ns: self.exchange_ns(),
            day: self.today(),
            was_there,
            turns: 0,
            turns_over: 0,
        });
        self.coverage.met(match (is_closed, ends_orders) {
            (true, true) => "customers that hung up, their orders to be canceled",
            (true, false) => "customers that hung up",
            (false, true) => "customers that fell silent, their orders to be canceled",
            (false, false) => "customers that fell silent",
        });
        self.tell(format_args!("customer {index} is dead, hung up: {is_closed}"));
    }

    /// Those who have been dead for longer than anybody waits: their sessions are over, their orders canceled where that
    /// was asked for (P15). Then they come back.
    pub(super) fn judge_the_dead(&mut self) {
        let now_ns = self.exchange_ns();
        let Some(exchange) = &self.exchange else { return };
        let started_ns = self.started_ns;
        // While a write takes long and the rings are full, nobody is listened to.
        let released = exchange.released();
        let waits = released < exchange.exchange().sequence() && released == self.waiting.0;
        self.waiting = (released, if waits { self.waiting.1 + 1 } else { 0 });
        let is_stuck = self.waiting.1 > WAITING_TURNS;
        let mut risen = Vec::new();
        for death in &mut self.deaths {
            death.turns += 1;
            // What it had said is heard by and by.
            let link = self.customers[death.customer].link.as_ref();
            if is_stuck || link.is_some_and(|link| link.stream.unread() > 0) {
                death.since_ns = now_ns;
            }
            let since_ns = death.since_ns.max(started_ns);
            let is_over = now_ns.saturating_sub(since_ns) > SILENCE_NS + SILENCE_NS + SLACK_NS;
            // Time may have leapt, and not all had a turn since.
            death.turns_over = if is_over { death.turns_over + 1 } else { 0 };
            let had_turns = death.turns >= TURNS_AT_LEAST && death.turns_over >= TURNS_OVER;
            if !had_turns || !exchange.is_ready() {
                continue;
            }
            let exchange = exchange.exchange();
            if exchange.is_busy() {
                continue;
            }
            let username = &self.customers[death.customer].username;
            if let Some(session) = super::session_of(exchange, username) {
                let session = exchange.session(session).expect("it was just found");
                assert!(
                    !session.connected,
                    "{username} has been dead for long, and is connected"
                );
                let account = exchange.account(session.account).expect("sessions have accounts");
                // A roll ends all connections, and nothing is canceled because of that.
                let was_there = death.was_there && exchange.day() == death.day;
                if account.definition.cancel_on_disconnect != 0 && was_there {
                    assert_eq!(
                        account.open_orders, 0,
                        "{username} has been dead for long, and its orders rest"
                    );
                }
            }
            risen.push(death.customer);
        }
        for customer in risen {
            self.deaths.retain(|death| death.customer != customer);
            self.customers[customer].is_dead = false;
            self.coverage.met("dead customers found ended");
            self.tell(format_args!("customer {customer} comes back"));
        }
    }

    fn fail_disk(&mut self) {
        let fault = *self.random.pick(&[
            Fault::WriteError,
            Fault::ShortWrite,
            Fault::NoSpace,
            Fault::SyncError,
        ]);
        self.outside.disk.fail(1 + self.random.below(3), fault);
        self.may_fail = true;
        self.coverage.met(format!("disk: {fault:?}"));
        self.tell(format_args!("the disk will fail: {fault:?}"));
    }

    /// The disk has room for no or a few segments more, until the next start.
    fn fill_disk(&mut self) {
        let disk = &self.outside.disk;
        let used = disk.used_bytes();
        disk.set_capacity(used + self.random.below(3) * self.setting.segment_bytes);
        self.may_fail = true;
        self.coverage.met("disk: full");
        self.tell(format_args!("the disk is nearly full"));
    }
}
