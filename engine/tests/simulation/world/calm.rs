//! The end of a run: the faults end, everybody comes back, and what is on its way arrives.

use engine::assembly::Inline;
use engine::exchange::command::Command;

use super::wire::Stream;
use super::{Place, QUIET_NS, QUIET_TURNS, SLOW_NS, World, session_of};
use crate::handler::Handler;

impl World {
    /// The faults end, everybody comes back, and everything that is on its way arrives.
    pub(super) fn calm_down(&mut self) {
        self.tell(format_args!("calm"));
        self.mend_all();
        if self.may_fail || self.file.accounts < self.setting.customers {
            self.file.accounts = self.setting.customers;
            self.kill();
            self.start();
        }
        self.finish_plan();
        self.open_everything();
        let mut turns = 0;
        while !self.deaths.is_empty() {
            self.calm_turn(SLOW_NS);
            turns += 1;
            assert!(turns < QUIET_TURNS, "the dead do not come back");
        }
        while !self.is_quiet() {
            self.calm_turn(QUIET_NS);
            turns += 1;
            assert!(
                turns < QUIET_TURNS,
                "the world does not become quiet: {}",
                self.whats_missing()
            );
        }
    }

    /// A turn in which nobody asks for anything new. What was asked for before may still end the process.
    pub(super) fn calm_turn(&mut self, pace_ns: u64) {
        self.pass(false, pace_ns);
        if self.has_ended() {
            self.kill();
            self.start();
            // Starting takes its time, and it was not calm meanwhile.
            self.mend_all();
        }
    }

    /// The operator does something for certain, in a world that is calm.
    pub(super) fn operate_surely(&mut self, command: Command) {
        let is_taken = |exchange: &mut Inline| exchange.is_ready() && exchange.try_operate(command);
        while !self.exchange.as_mut().is_some_and(is_taken) {
            self.calm_turn(QUIET_NS);
        }
    }

    pub(super) fn whats_missing(&self) -> String {
        let customers = self.customers.iter().filter(|customer| !customer.is_quiet());
        let place = self.feed_place();
        let handlers = self.handlers.iter().filter(|handler| !handler.is_whole(place));
        let names: Vec<_> = customers.map(|customer| &customer.username).collect();
        let handlers: Vec<_> = handlers.map(Handler::describe).collect();
        format!("customers {names:?}, subscribers {handlers:#?}; the feed is at {place:?}")
    }

    /// The day, and how much of its feed was sent.
    pub(super) fn feed_place(&self) -> Place {
        let day = self.today();
        (day, self.wire.length(Stream::feed(day)) as u64)
    }

    /// Everybody has everything: known by the numbers of those who have most, so the network must be given the time of
    /// some heartbeats as well.
    pub(super) fn is_quiet(&mut self) -> bool {
        let quiet = |world: &Self| {
            let place = world.feed_place();
            let (day, _) = place;
            let is_released = world
                .exchange
                .as_ref()
                .is_some_and(|exchange| exchange.released() == exchange.exchange().sequence());
            if !is_released {
                return false;
            }
            let mut customers = world.customers.iter().enumerate();
            // Whoever missed the last message does not know it before a heartbeat comes through.
            customers.all(|(index, customer)| {
                let today = customer.today();
                // Over TCP nobody is told how long its stream is.
                let length = world.exchange.as_ref().and_then(|exchange| {
                    let session = session_of(exchange.exchange(), &customer.username)?;
                    exchange.session_sequence(session)
                });
                customer.is_quiet()
                    && today.number() == day
                    && length == Some(today.stream.len() as u64)
                    && today.stream.len() >= world.wire.length(Stream::customer(day, index))
            }) && world.handlers.iter().all(|handler| handler.is_whole(place))
        };
        if !quiet(self) {
            return false;
        }
        // Account queries are not kept: those that are still on their way must not come in when all is over.
        self.customers.iter_mut().for_each(|customer| customer.hold(true));
        // Heartbeats tell of what was lost at the end.
        let until = self.now_ns + 5_000_000_000;
        let before = self.size();
        while self.now_ns < until {
            self.calm_turn(QUIET_NS);
        }
        let is_quiet = quiet(self) && self.size() == before;
        if !is_quiet {
            self.customers
                .iter_mut()
                .for_each(|customer| customer.hold(false));
        }
        is_quiet
    }

    /// Commands, messages sent, messages heard.
    pub(super) fn size(&self) -> (u64, u64, usize) {
        let exchange = self.exchange.as_ref();
        let commands = exchange.map_or(0, |exchange| exchange.exchange().sequence());
        let days = self.customers.iter().flat_map(|customer| &customer.days);
        (
            commands,
            self.wire.count(),
            days.map(|day| day.stream.len()).sum(),
        )
    }
}
