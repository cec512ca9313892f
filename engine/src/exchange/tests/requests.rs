//! What clients ask for in the random run: orders, and what becomes of them.

use engine::exchange::command::{Command, CommandKind, OrderOptions, UNKNOWN_INSTRUMENT};

use super::generator::Generator;
use super::model::ModelOrder;
use super::setting::{MIDDLE, tick_size};
use super::terms::MARKET;
use super::world::{World, no_options, plain_order};

impl Generator {
    /// A price in 0.0001 near the middle; passive orders also far from it.
    pub(super) fn price(&mut self, instrument: u16, is_buy: bool) -> u64 {
        let middle = MIDDLE[usize::from(instrument) - 1];
        let near = self.random.below(17);
        let far = if self.random.chance(1, 12) {
            20 + self.random.below(60)
        } else {
            0
        };
        let tick = if is_buy {
            middle - far + near - 12
        } else {
            middle + far + near - 4
        };
        tick * tick_size(instrument)
    }

    fn quantity(&mut self) -> u32 {
        match self.random.below(12) {
            0..4 => 1,
            4..8 => 1 + self.random.below(9) as u32,
            8..11 => 1 + self.random.below(120) as u32,
            _ => 100 + self.random.below(900) as u32,
        }
    }

    pub(super) fn enter(&mut self, world: &World) -> Command {
        let mut command = Command::new(CommandKind::Enter);
        command.session = self.session(world);
        command.instrument = self.random.below(3) as u16 + 1;
        let is_buy = self.random.chance(1, 2);
        let quantity = self.quantity();
        let (mut order, mut options) = self.terms(command.instrument, is_buy, quantity);
        order.quantity = quantity;
        self.wait(world, command.instrument, &mut order, &mut options);
        order.user_ref = self.user_ref(world, command.session);
        if self.random.chance(1, 20) {
            self.meet_oneself(world, &mut command, &mut order, &mut options);
        }
        if self.random.chance(1, 12) {
            let instrument = command.instrument;
            self.spoil(instrument, &mut command, &mut order, &mut options);
        }
        command.with_order(order).with_options(options)
    }

    /// Now and then a buy that entered under lower fees than there are.
    fn outdated(&mut self, world: &World) -> Option<ModelOrder> {
        if !self.random.chance(1, 8) {
            return None;
        }
        let highest = |fees: (i32, i32)| fees.0.max(fees.1);
        let is_outdated = |order: &&ModelOrder| {
            order.is_buy && highest(order.fees) < highest(world.model.fees(order.instrument))
        };
        let orders: Vec<_> = world.model.orders.iter().filter(is_outdated).collect();
        (!orders.is_empty()).then(|| (*self.random.pick(&orders)).clone())
    }

    /// A live order of the session, mostly; else a number that names nothing there.
    pub(super) fn live(&mut self, world: &World, session: u32) -> Option<ModelOrder> {
        let orders: Vec<_> = world
            .model
            .orders
            .iter()
            .filter(|order| order.session == session)
            .collect();
        if orders.is_empty() || self.random.chance(1, 15) {
            return None;
        }
        Some(orders[self.random.below(orders.len() as u64) as usize].clone())
    }

    pub(super) fn replace(&mut self, world: &World) -> Command {
        let mut command = Command::new(CommandKind::Replace);
        command.session = self.session(world);
        let mut old = self.live(world, command.session);
        let outdated = self.outdated(world);
        if let Some(outdated) = &outdated {
            command.session = outdated.session;
            old = Some(outdated.clone());
        }
        let (mut order, mut options);
        match old {
            None => {
                (order, options) = self.terms(1, true, 5);
                order.quantity = 5;
                order.orig_user_ref = self.random.below(200) as u32;
            }
            Some(old) => {
                let open = match self.random.below(5) {
                    0 => old.open,
                    1 => 1 + self.random.below(u64::from(old.open)) as u32,
                    2 => old.open + 1 + self.random.below(5) as u32,
                    _ => self.quantity(),
                };
                (order, options) = self.terms(old.instrument, old.is_buy, open);
                order.quantity = old.executed + open;
                if old.executed > 0 && self.random.chance(1, 5) {
                    order.quantity = 1 + self.random.below(u64::from(old.executed)) as u32;
                }
                order.orig_user_ref = old.user_ref;
                if self.random.chance(1, 2) {
                    order.price = if old.is_market { MARKET } else { old.price };
                }
                self.replace_alike(world, &old, &mut order, &mut options);
                if self.random.chance(1, 3) {
                    // Across the spread by as much as the collar allows.
                    let tick = tick_size(old.instrument);
                    let step = self.random.below(12) * tick;
                    order.price = if old.is_buy {
                        MIDDLE[usize::from(old.instrument) - 1] * tick + step
                    } else {
                        MIDDLE[usize::from(old.instrument) - 1] * tick - step
                    };
                }
                if self.random.chance(1, if outdated.is_some() { 2 } else { 15 }) {
                    order.price = old.price;
                    order.quantity = old.executed + most(world, &old);
                }
                command.instrument = old.instrument;
                if self.random.chance(1, 25) {
                    self.spoil(old.instrument, &mut command, &mut order, &mut options);
                }
            }
        }
        // The message has neither symbol nor side.
        command.instrument = 0;
        (order.side, order.capacity, order.cross_type) = (0, 0, 0);
        order.user_ref = self.user_ref(world, command.session);
        command.with_order(order).with_options(options)
    }

    pub(super) fn cancel(&mut self, world: &World) -> Command {
        let mut command = Command::new(CommandKind::Cancel);
        command.session = self.session(world);
        let mut order = plain_order();
        (order.user_ref, order.quantity) = match self.live(world, command.session) {
            None => (self.random.below(300) as u32, 0),
            Some(live) => {
                let total = u64::from(live.executed + live.open);
                let quantity = match self.random.below(4) {
                    0 => self.random.below(total + 2) as u32,
                    1 if live.executed > 0 => 1 + self.random.below(u64::from(live.executed)) as u32,
                    _ => 0,
                };
                (live.user_ref, quantity)
            }
        };
        command.with_order(order)
    }

    pub(super) fn modify(&mut self, world: &World) -> Command {
        let mut command = Command::new(CommandKind::Modify);
        command.session = self.session(world);
        let mut order = plain_order();
        if let Some(live) = self.live(world, command.session) {
            order.user_ref = live.user_ref;
            order.quantity = self.random.below(u64::from(live.executed + live.open) + 2) as u32;
            order.side = if live.is_buy != self.random.chance(1, 6) {
                b'B'
            } else {
                b'S'
            };
        }
        command.with_order(order)
    }

    pub(super) fn mass_cancel(&mut self, world: &World) -> Command {
        let mut command = self.with_number(world, CommandKind::MassCancel);
        let mut options = no_options();
        if self.random.chance(1, 2) {
            command.instrument = *self.random.pick(&[1, 2, 3, UNKNOWN_INSTRUMENT]);
        }
        if self.random.chance(1, 2) {
            options.present |= OrderOptions::HAS_SIDE;
            options.side = *self.random.pick(b"BSBST");
        }
        if self.random.chance(1, 4) {
            options.present |= OrderOptions::HAS_FIRM;
            options.firm = *self.random.pick(&[*b"XX  ", *b"    ", *b"F1  "]);
        }
        if self.random.chance(1, 4) {
            options.present |= OrderOptions::HAS_GROUP;
            options.group = self.random.below(3) as u16;
        }
        if self.random.chance(1, 20) {
            options.present |= OrderOptions::MALFORMED;
        }
        command.with_options(options)
    }
}

/// The most lots that the order could have for its fees and all that its account has.
fn most(world: &World, order: &ModelOrder) -> u32 {
    let lot = ModelOrder {
        open: 1,
        ..order.clone()
    };
    let (asset, held) = world.model.hold(order);
    let lots = (world.model.available(order.account, asset) + held) / world.model.hold(&lot).1.max(1);
    // More than the instrument takes is no use.
    lots.clamp(1, 5_000) as u32
}
