//! Orders, as far as the stream tells: open and executed quantity.

/// One order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Order {
    /// 0 = the slot is free.
    user_ref: u32,
    /// False until the exchange has accepted it.
    is_live: bool,
    open: u32,
    executed: u32,
}

/// Orders found by the remainder of their UserRefNum. A number whose slot is taken is skipped, which gaps allow.
#[derive(Debug, Clone)]
pub(super) struct Orders {
    slots: Box<[Order]>,
    live_count: usize,
}

impl Orders {
    /// Room for `count` orders, allocated here and never again.
    pub(super) fn new(count: usize) -> Self {
        Self {
            slots: vec![Order::default(); count].into_boxed_slice(),
            live_count: 0,
        }
    }

    /// Number of slots.
    pub(super) fn slot_count(&self) -> usize {
        self.slots.len()
    }

    /// Number of live orders.
    pub(super) fn live_count(&self) -> usize {
        self.live_count
    }

    /// True when an order with this number would have room.
    pub(super) fn has_room(&self, user_ref: u32) -> bool {
        self.slots[self.slot(user_ref)].user_ref == 0
    }

    /// True for an order that lives or may come to live.
    pub(super) fn is_known(&self, user_ref: u32) -> bool {
        self.get(user_ref).is_some()
    }

    /// Open quantity of a live order.
    pub(super) fn open(&self, user_ref: u32) -> Option<u32> {
        self.live(user_ref).map(|order| order.open)
    }

    /// Executed quantity of a live order.
    pub(super) fn executed(&self, user_ref: u32) -> Option<u32> {
        self.live(user_ref).map(|order| order.executed)
    }

    /// Open and executed quantity of a live order together.
    pub(super) fn total(&self, user_ref: u32) -> Option<u32> {
        self.live(user_ref)
            .map(|order| order.open.saturating_add(order.executed))
    }

    /// Keeps the slot for an order that is about to be entered. It must have room.
    pub(super) fn reserve(&mut self, user_ref: u32) {
        let slot = self.slot(user_ref);
        self.slots[slot] = Order {
            user_ref,
            ..Order::default()
        };
    }

    /// The exchange has accepted an order. One whose slot belongs to another (it was not entered through here) is not
    /// followed.
    pub(super) fn accept(&mut self, user_ref: u32, open: u32, executed: u32) {
        if open == 0 {
            self.free(user_ref);
            return;
        }
        let slot = self.slot(user_ref);
        let order = &mut self.slots[slot];
        if (order.user_ref != user_ref && order.user_ref != 0) || order.is_live {
            return;
        }
        *order = Order {
            user_ref,
            is_live: true,
            open,
            executed,
        };
        self.live_count += 1;
    }

    /// The order has ended, or never came to live.
    pub(super) fn free(&mut self, user_ref: u32) {
        if !self.is_known(user_ref) {
            return;
        }
        let slot = self.slot(user_ref);
        self.live_count -= usize::from(self.slots[slot].is_live);
        self.slots[slot] = Order::default();
    }

    /// Takes `quantity` off a live order's open quantity. True when nothing is left: the order has ended.
    pub(super) fn reduce(&mut self, user_ref: u32, quantity: u32, is_execution: bool) -> bool {
        if self.live(user_ref).is_none() {
            return false;
        }
        let slot = self.slot(user_ref);
        let order = &mut self.slots[slot];
        order.open = order.open.saturating_sub(quantity);
        if is_execution {
            order.executed = order.executed.saturating_add(quantity);
        }
        let has_ended = order.open == 0;
        if has_ended {
            self.free(user_ref);
        }
        has_ended
    }

    fn slot(&self, user_ref: u32) -> usize {
        user_ref as usize % self.slots.len()
    }

    fn get(&self, user_ref: u32) -> Option<&Order> {
        Some(&self.slots[self.slot(user_ref)]).filter(|order| user_ref != 0 && order.user_ref == user_ref)
    }

    fn live(&self, user_ref: u32) -> Option<&Order> {
        self.get(user_ref).filter(|order| order.is_live)
    }
}
