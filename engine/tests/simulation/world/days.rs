//! Days: time leaps over what is dull in them, and the operator lets them roll.

use engine::exchange::command::{Command, CommandKind};
use engine::exchange::instrument::State;
use protocol::market_data::values::event_code;

use super::{MIDNIGHT_NS, World, configuration};

const SECOND_NS: u64 = 1_000_000_000;
const DAY_NS: u64 = 86_400 * SECOND_NS;
/// Nobody is silent for so long as to be given up.
const LEAP_NS: u64 = 6 * SECOND_NS;

impl World {
    /// The exchange's day; 1 while there is none.
    pub(super) fn today(&self) -> u32 {
        self.exchange
            .as_ref()
            .map_or(1, |exchange| exchange.exchange().day())
    }

    /// Nothing happens for some seconds, or until the next morning.
    pub(super) fn leap(&mut self) {
        let since_beginning = (self.exchange_ns() - MIDNIGHT_NS)
            .saturating_sub(u64::from(configuration::BEGINS_S) * SECOND_NS)
            % DAY_NS;
        let is_evening = since_beginning > u64::from(configuration::ROLLED_S) * SECOND_NS;
        let leap_ns = if is_evening && self.random.chance(1, 4) {
            self.coverage.met("nights");
            (DAY_NS - since_beginning).saturating_sub(self.random.below(SECOND_NS))
        } else {
            self.random.below(LEAP_NS)
        };
        self.now_ns += leap_ns;
        self.wire.leap(self.now_ns);
        self.coverage.met("leaps of time");
        self.tell(format_args!("time leaps by {leap_ns} ns"));
    }

    /// The operator makes up its mind to end the day and begin the next; now and then something is left out.
    pub(super) fn plan_a_roll(&mut self) {
        let state = |instrument, state: State| {
            Command {
                instrument,
                ..Command::new(CommandKind::SetState)
            }
            .with_state(state as u8)
        };
        let event = |code| Command::new(CommandKind::SystemEvent).with_state(code);
        self.plan
            .extend([state(1, State::Closed), state(2, State::Closed)]);
        for code in [
            event_code::END_OF_MARKET_HOURS,
            event_code::END_OF_SYSTEM_HOURS,
            event_code::END_OF_MESSAGES,
        ] {
            if self.random.below(10) > 0 {
                self.plan.push_back(event(code));
            }
        }
        self.plan.push_back(Command::new(CommandKind::RollDay));
        if self.random.chance(1, 2) {
            let auction = *self.random.pick(&[State::PreOpen, State::Auction]);
            self.plan.extend([state(1, auction), state(2, auction)]);
        }
        self.plan
            .extend([state(1, State::Trading), state(2, State::Trading)]);
        self.coverage.met("rolls that the operator wants");
    }

    /// The next step of the plan, if it can be taken.
    pub(super) fn go_on_with_plan(&mut self) {
        let (Some(command), Some(exchange)) = (self.plan.front(), &mut self.exchange) else {
            return;
        };
        if self.random.chance(1, 3) && exchange.is_ready() && exchange.try_operate(*command) {
            self.tell(format_args!(
                "the operator: {:?} {}",
                CommandKind::from_byte(command.kind),
                command.state_change().value
            ));
            self.plan.pop_front();
        }
    }

    /// What the operator has begun it brings to its end.
    pub(super) fn finish_plan(&mut self) {
        while let Some(command) = self.plan.pop_front() {
            self.operate_surely(command);
            self.calm_turn(super::QUIET_NS);
        }
    }
}
