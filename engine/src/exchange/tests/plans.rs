//! What the generator does for some commands in a row: floods that make long steps, auctions, cascades, the end of a
//! day.

use engine::exchange::command::{ALL_ACCOUNTS, Command, CommandKind, Order, OrderOptions};

use super::generator::Generator;
use super::setting::{MIDDLE, WHALE, tick_size};
use super::terms::MARKET;
use super::world::{World, kill_switch, no_options, plain_order};

/// Orders of the whale, of one lot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flood {
    instrument: u16,
    is_buy: bool,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Day,
    /// They end by themselves.
    Expiring,
    /// They outlive the day.
    Lasting,
    /// They wait for a price.
    Stops,
}

/// One command of a plan.
#[derive(Debug, Clone, Copy)]
pub(super) enum Act {
    Enter(Flood),
    /// Somebody ends the flood.
    End(Flood),
    /// A large order against the flood: `through` ticks beyond the middle.
    Against {
        flood: Flood,
        through: u64,
    },
    /// A large reserve order that the stops of the flood trade with.
    Feed(Flood),
    Expire,
    State(u16, u8),
    SystemEvent(u8),
    Roll,
}

impl Generator {
    /// What is done next for a while.
    pub(super) fn plan(&mut self) {
        let mut flood = Flood {
            instrument: self.random.below(3) as u16 + 1,
            is_buy: self.random.chance(1, 2),
            what: What::Day,
        };
        let count = *self.random.pick(&[100, 300, 300, 420, 900]);
        let mut acts = Vec::new();
        match self.random.below(12) {
            0 | 1 => {
                flood.what = What::Expiring;
                acts.extend((0..count).map(|_| Act::Enter(flood)));
                acts.push(Act::Expire);
            }
            2 => {
                acts.push(Act::State(flood.instrument, *self.random.pick(b"AAPV")));
                acts.extend((0..count).map(|_| Act::Enter(flood)));
                acts.push(Act::Against { flood, through: 9 });
                let end = if self.random.chance(1, 4) { b'X' } else { b'T' };
                acts.push(Act::State(flood.instrument, end));
            }
            3 | 4 => {
                flood.what = What::Stops;
                acts.push(Act::Feed(flood));
                let count = *self.random.pick(&[3, 10, 30, 120, 200]);
                acts.extend((0..count).map(|_| Act::Enter(flood)));
                acts.push(Act::Feed(flood));
                acts.push(Act::Against { flood, through: 4 });
            }
            5 | 6 => {
                flood.what = What::Lasting;
                let count = *self.random.pick(&[0, 0, 20, 100, 300]);
                acts.extend((0..count).map(|_| Act::Enter(flood)));
                for instrument in 1..=3 {
                    let before = *self.random.pick(b"TTAH");
                    acts.push(Act::State(instrument, before));
                    acts.push(Act::State(instrument, b'X'));
                }
                if self.random.chance(1, 6) {
                    acts.push(Act::Roll);
                }
                acts.push(Act::SystemEvent(b'M'));
                acts.push(Act::Roll);
                for instrument in 1..=3 {
                    acts.push(Act::State(instrument, *self.random.pick(b"PPAT")));
                }
            }
            _ => {
                acts.extend((0..count).map(|_| Act::Enter(flood)));
                acts.push(Act::End(flood));
            }
        }
        self.plan.extend(acts);
    }

    pub(super) fn act(&mut self, world: &World, act: Act) -> Command {
        match act {
            Act::Enter(flood) => self.enter_flood(world, flood),
            Act::End(flood) => self.end_of_flood(world, flood),
            Act::Against { flood, through } => {
                let session = *self.random.pick(&[0, 4, 6]);
                let mut order = against(flood, through);
                if flood.what == What::Stops {
                    // What sets the stops off goes the way that they wait for.
                    order = against(
                        Flood {
                            is_buy: !flood.is_buy,
                            ..flood
                        },
                        through,
                    );
                    order.quantity = 3 + self.random.below(20) as u32;
                }
                enter(world, session, flood.instrument, order, no_options())
            }
            Act::Feed(flood) => self.feed(world, flood),
            Act::Expire => Command::new(CommandKind::Expire),
            Act::State(instrument, state) => {
                let mut command = Command::new(CommandKind::SetState).with_state(state);
                command.instrument = instrument;
                command
            }
            Act::SystemEvent(code) => Command::new(CommandKind::SystemEvent).with_state(code),
            Act::Roll => Command::new(CommandKind::RollDay),
        }
    }

    fn enter_flood(&mut self, world: &World, flood: Flood) -> Command {
        let mut order = plain_order();
        let mut options = no_options();
        order.side = if flood.is_buy { b'B' } else { b'S' };
        order.quantity = 1;
        let away = self.random.below(4);
        let middle = MIDDLE[usize::from(flood.instrument) - 1];
        let tick_size = tick_size(flood.instrument);
        let tick = if flood.is_buy {
            middle - 5 - away
        } else {
            middle + 5 + away
        };
        order.price = tick * tick_size;
        match flood.what {
            What::Day => {}
            What::Lasting => {
                order.time_in_force = b'G';
                self.outlive(flood, &mut order, &mut options);
            }
            What::Expiring => {
                order.time_in_force = b'6';
                options.present = OrderOptions::HAS_EXPIRE_TIME;
                options.expire_time = 2 + self.random.below(2) as u32;
            }
            What::Stops => {
                options.present = OrderOptions::HAS_STOP_PRICE;
                let tick = if flood.is_buy {
                    middle + 3 + away
                } else {
                    middle - 3 - away
                };
                options.stop_price = tick * tick_size;
                order.price = if self.random.chance(1, 4) {
                    options.stop_price
                } else {
                    MARKET
                };
            }
        }
        enter(world, WHALE, flood.instrument, order, options)
    }

    /// What outlives a day is of every kind.
    fn outlive(&mut self, flood: Flood, order: &mut Order, options: &mut OrderOptions) {
        match self.random.below(8) {
            0 => order.display = b'N',
            1 => {
                order.quantity = 5;
                options.present = OrderOptions::HAS_MAX_FLOOR;
                options.max_floor = 2;
            }
            2 => {
                options.present = OrderOptions::HAS_STOP_PRICE;
                let middle = MIDDLE[usize::from(flood.instrument) - 1];
                let tick = if flood.is_buy { middle + 9 } else { middle - 9 };
                options.stop_price = tick * tick_size(flood.instrument);
                if self.random.chance(1, 2) {
                    order.price = MARKET;
                }
            }
            3 => {
                order.cross_type = *self.random.pick(b"OCH");
                if self.random.chance(1, 3) {
                    order.price = MARKET;
                }
            }
            _ => {}
        }
    }

    /// What the stops of a flood trade with: on the other side, where the first of them are set off.
    fn feed(&mut self, world: &World, flood: Flood) -> Command {
        let session = *self.random.pick(&[0, 4, 6]);
        let mut order = plain_order();
        let mut options = no_options();
        order.side = if flood.is_buy { b'S' } else { b'B' };
        order.quantity = 100 + self.random.below(200) as u32;
        let away = self.random.below(4);
        let middle = MIDDLE[usize::from(flood.instrument) - 1];
        let tick = if flood.is_buy {
            middle + 3 + away
        } else {
            middle - 3 - away
        };
        order.price = tick * tick_size(flood.instrument);
        if self.random.chance(1, 2) {
            options.present = OrderOptions::HAS_MAX_FLOOR;
            options.max_floor = 2 + self.random.below(9) as u32;
        }
        enter(world, session, flood.instrument, order, options)
    }

    /// A sweep by another account or by the whale itself, a mass cancel, the kill switch, or a lost connection.
    fn end_of_flood(&mut self, world: &World, flood: Flood) -> Command {
        let choice = self.random.below(8);
        let kind = match choice {
            0 => CommandKind::MassCancel,
            1 => CommandKind::DisableOrderEntry,
            2 => CommandKind::ConnectionEnd,
            6 => return kill_switch(WHALE, 1),
            7 => return kill_switch(ALL_ACCOUNTS, 1),
            _ => CommandKind::Enter,
        };
        let session = if choice < 4 {
            WHALE
        } else {
            *self.random.pick(&[0, 4, 6])
        };
        if kind == CommandKind::Enter {
            let mut order = against(flood, 9);
            order.time_in_force = b'3';
            return enter(world, session, flood.instrument, order, no_options());
        }
        let mut order = plain_order();
        order.user_ref = world.model.sessions[session as usize].mark + 1;
        let mut command = Command::new(kind).with_order(order);
        command.session = session;
        command
    }
}

/// 600 lots against a flood.
fn against(flood: Flood, through: u64) -> Order {
    let mut order = plain_order();
    order.side = if flood.is_buy { b'S' } else { b'B' };
    order.quantity = 600;
    let middle = MIDDLE[usize::from(flood.instrument) - 1];
    let tick = if flood.is_buy {
        middle - through
    } else {
        middle + through
    };
    order.price = tick * tick_size(flood.instrument);
    order
}

/// An order under its session's next number.
fn enter(world: &World, session: u32, instrument: u16, mut order: Order, options: OrderOptions) -> Command {
    order.user_ref = world.model.sessions[session as usize].mark + 1;
    let mut command = Command::new(CommandKind::Enter)
        .with_order(order)
        .with_options(options);
    (command.session, command.instrument) = (session, instrument);
    command
}
