//! What the generator does for some commands in a row: floods that make long steps, auctions, cascades, the end of a
//! day.

use engine::exchange::command::{ALL_ACCOUNTS, Command, CommandKind, Order, OrderOptions};

use super::generator::Generator;
use super::model::ModelOrder;
use super::setting::{MIDDLE, WHALE, tick_size};
use super::terms::MARKET;
use super::world::{World, kill_switch, no_options, plain_order};

/// Orders of the whale, of one lot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flood {
    instrument: u16,
    is_buy: bool,
    what: What,
    /// Where prices are, in ticks.
    near: u64,
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
    /// A limit order of somebody for the opening auction alone, or for the book, about the middle.
    Open(u16),
}

impl Generator {
    /// What is done next for a while.
    pub(super) fn plan(&mut self, world: &World) {
        let instrument = self.random.below(3) as u16 + 1;
        let flood = |what| Flood {
            instrument,
            is_buy: world.exchange.sequence().is_multiple_of(2),
            what,
            near: near(world, instrument, what),
        };
        let count = *self.random.pick(&[100, 300, 300, 420, 900]);
        match self.random.below(15) {
            0 | 1 => {
                self.floods(count, flood(What::Expiring));
                self.plan.push_back(Act::Expire);
            }
            2 | 3 => {
                let flood = flood(What::Day);
                let state = *self.random.pick(b"AAPV");
                self.plan.push_back(Act::State(instrument, state));
                self.floods(count, flood);
                self.plan.push_back(Act::Against { flood, through: 9 });
                let end = if self.random.chance(1, 4) { b'X' } else { b'T' };
                self.plan.push_back(Act::State(instrument, end));
            }
            4..7 => {
                let flood = flood(What::Stops);
                self.plan.push_back(Act::State(instrument, b'T'));
                let count = *self.random.pick(&[3, 5, 10, 30, 120, 200]);
                self.floods(count, flood);
                self.plan.extend([Act::Feed(flood); 3]);
                self.plan.push_back(Act::Against { flood, through: 4 });
            }
            7 | 8 => self.end_of_day(flood(What::Lasting)),
            9 => self.opening(instrument),
            _ => {
                let flood = flood(What::Day);
                self.floods(count, flood);
                self.plan.push_back(Act::End(flood));
            }
        }
    }

    fn floods(&mut self, count: u64, flood: Flood) {
        self.plan.extend((0..count).map(|_| Act::Enter(flood)));
    }

    /// Orders are collected for the opening auction, many of them for it alone, and it is held.
    fn opening(&mut self, instrument: u16) {
        self.plan.push_back(Act::State(instrument, b'X'));
        self.plan.push_back(Act::State(instrument, b'P'));
        let count = *self.random.pick(&[5, 10, 20, 40]);
        self.plan.extend((0..count).map(|_| Act::Open(instrument)));
        self.plan.push_back(Act::State(instrument, b'T'));
    }

    /// All markets close, in one way or another, and the next day opens.
    fn end_of_day(&mut self, flood: Flood) {
        let collects = self.random.chance(1, 3);
        if collects {
            self.plan.push_back(Act::State(flood.instrument, b'A'));
        }
        let count = *self.random.pick(&[0, 0, 20, 100, 300]);
        self.floods(count, flood);
        for instrument in 1..=3 {
            let before = if collects {
                b'H'
            } else {
                *self.random.pick(b"TTAH")
            };
            self.plan.push_back(Act::State(instrument, before));
            self.plan.push_back(Act::State(instrument, b'X'));
        }
        if self.random.chance(1, 6) {
            self.plan.push_back(Act::Roll);
        }
        self.plan.extend([Act::SystemEvent(b'M'), Act::Roll]);
        for instrument in 1..=3 {
            let state = *self.random.pick(b"PPAT");
            self.plan.push_back(Act::State(instrument, state));
        }
    }

    pub(super) fn act(&mut self, world: &World, act: Act) -> Command {
        match act {
            Act::Enter(flood) => self.enter_flood(world, flood),
            Act::End(flood) => self.end_of_flood(world, flood),
            Act::Against { flood, through } => {
                let session = *self.random.pick(&[0, 4, 6]);
                let order = if flood.what == What::Stops {
                    self.set_off(world, flood, through)
                } else {
                    against(flood, through)
                };
                enter(world, session, flood.instrument, order, no_options())
            }
            Act::Feed(flood) => self.feed(world, flood),
            Act::Expire => Command::new(CommandKind::Expire),
            Act::State(instrument, state) => {
                let mut command = Command::new(CommandKind::SetState).with_state(state);
                command.instrument = instrument;
                command
            }
            Act::Open(instrument) => self.for_the_opening(world, instrument),
            Act::SystemEvent(code) => Command::new(CommandKind::SystemEvent).with_state(code),
            Act::Roll => Command::new(CommandKind::RollDay),
        }
    }

    /// What sets the stops of a flood off goes their way, about as far as there is somebody.
    fn set_off(&mut self, world: &World, flood: Flood, through: u64) -> Order {
        let stops_go = Flood {
            is_buy: !flood.is_buy,
            ..flood
        };
        let mut order = against(stops_go, through);
        let there = world.model.orders.iter().filter(|other| {
            let is_within = if flood.is_buy {
                other.price <= order.price
            } else {
                other.price >= order.price
            };
            other.instrument == flood.instrument && other.is_buy != flood.is_buy && is_within
        });
        let lots: u32 = there.map(|other| other.open).sum();
        order.quantity = lots.saturating_sub(self.random.below(300) as u32).max(1);
        order
    }

    fn enter_flood(&mut self, world: &World, flood: Flood) -> Command {
        let mut order = plain_order();
        let mut options = no_options();
        order.side = if flood.is_buy { b'B' } else { b'S' };
        order.quantity = 1;
        let away = self.random.below(4);
        let tick_size = tick_size(flood.instrument);
        let tick = if flood.is_buy {
            flood.near - 5 - away
        } else {
            flood.near + 5 + away
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
                    flood.near + 2 + away
                } else {
                    flood.near - 2 - away
                };
                options.stop_price = tick * tick_size;
                order.price = MARKET;
                if self.random.chance(1, 3) {
                    order.price = options.stop_price;
                    order.time_in_force = *self.random.pick(b"00G3");
                }
            }
        }
        enter(world, WHALE, flood.instrument, order, options)
    }

    /// A limit order of somebody, for the opening auction alone mostly, of any size: the last that trades does so in part.
    fn for_the_opening(&mut self, world: &World, instrument: u16) -> Command {
        if let Some(command) = self.reserve_to_market(world, instrument) {
            return command;
        }
        let session = self.session(world);
        let (mut order, mut options) = (plain_order(), no_options());
        let is_buy = self.random.chance(1, 2);
        order.side = if is_buy { b'B' } else { b'S' };
        order.quantity = 1 + self.random.below(60) as u32;
        order.price = self.price(instrument, is_buy);
        match self.random.below(9) {
            0..6 => order.cross_type = b'O',
            6 => {
                options.present = OrderOptions::HAS_MAX_FLOOR;
                options.max_floor = order.quantity.div_ceil(2);
            }
            _ => {}
        }
        enter(world, session, instrument, order, options)
    }

    /// Now and then somebody who has a reserve order wants to be filled at any price.
    fn reserve_to_market(&mut self, world: &World, instrument: u16) -> Option<Command> {
        let is_reserve = |order: &&ModelOrder| order.instrument == instrument && order.floor > 0;
        let reserves: Vec<_> = world.model.orders.iter().filter(is_reserve).collect();
        if reserves.is_empty() || !self.random.chance(1, 8) {
            return None;
        }
        let old = *self.random.pick(&reserves);
        let mut order = plain_order();
        order.orig_user_ref = old.user_ref;
        order.user_ref = world.model.sessions[old.session as usize].mark + 1;
        order.quantity = old.executed + old.open;
        order.price = MARKET;
        // The message has neither symbol nor side.
        (order.side, order.capacity, order.cross_type) = (0, 0, 0);
        let mut command = Command::new(CommandKind::Replace)
            .with_order(order)
            .with_options(no_options());
        command.session = old.session;
        Some(command)
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
                let tick = if flood.is_buy {
                    flood.near + 9
                } else {
                    flood.near - 9
                };
                options.stop_price = tick * tick_size(flood.instrument);
                if self.random.chance(1, 2) {
                    order.price = MARKET;
                }
            }
            3 => {
                order.cross_type = *self.random.pick(b"OCHN");
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
        let away = self.random.below(3);
        let tick = if flood.is_buy {
            flood.near + 2 + away
        } else {
            flood.near - 2 - away
        };
        order.price = tick * tick_size(flood.instrument);
        if self.random.chance(2, 3) {
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
    let tick = if flood.is_buy {
        flood.near - through
    } else {
        flood.near + through
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

/// Where a flood gathers, in ticks: the middle; for stops the last price, when it is somewhere about.
fn near(world: &World, instrument: u16, what: What) -> u64 {
    let place = usize::from(instrument) - 1;
    let last = world.model.instruments[place].last_price / tick_size(instrument);
    if what == What::Stops && last.abs_diff(MIDDLE[place]) < 12 {
        last
    } else {
        MIDDLE[place]
    }
}
