//! From an order to its message on the feed: two doors tell of it, in any order. Where the two are on one thread a
//! [`FeedLatency`] joins them. Where the feed has a thread of its own, the orders' thread sends it what it knows by a ring
//! ([`orders_to_feed`]).

use super::Latency;

/// Room of the ring: what the orders' thread learns between two looks of the feed's.
const RING: usize = 1 << 14;

/// An order that was acknowledged: its number, and when it was meant to be sent.
type Acknowledged = (u64, u64);

/// The end of the orders' thread.
#[derive(Debug)]
pub struct OrdersEnd {
    ring: rtrb::Producer<Acknowledged>,
    mask: u64,
}

/// The end of the feed's thread.
#[derive(Debug)]
pub struct FeedEnd {
    ring: rtrb::Consumer<Acknowledged>,
    mask: u64,
    /// What is joined.
    pub joined: FeedLatency,
}

/// Two ends that join one of `every` order numbers (a power of two; 1 = all).
pub fn orders_to_feed(every: u64, slots: usize) -> (OrdersEnd, FeedEnd) {
    let mask = every.next_power_of_two() - 1;
    let (producer, consumer) = rtrb::RingBuffer::new(RING);
    let feed = FeedEnd {
        ring: consumer,
        mask,
        joined: FeedLatency::new(slots),
    };
    (OrdersEnd { ring: producer, mask }, feed)
}

impl OrdersEnd {
    /// An order that rests was acknowledged. Left out when the feed's thread does not keep up.
    pub fn acknowledged(&mut self, order_number: u64, intended_ns: u64) {
        if order_number & self.mask == 0 {
            // A full ring loses a sample and nothing else.
            let _lost = self.ring.push((order_number, intended_ns));
        }
    }
}

impl FeedEnd {
    /// True for an order number whose latency is measured.
    pub fn is_sampled(&self, order_number: u64) -> bool {
        order_number & self.mask == 0
    }

    /// Takes what the orders' thread has sent.
    pub fn take(&mut self) {
        while let Ok((order_number, intended_ns)) = self.ring.pop() {
            self.joined.acknowledged(order_number, intended_ns);
        }
    }
}

/// Joins what two doors tell about an order: its acknowledgement knows when it was meant to be sent, the feed when it
/// was seen. They come in any order; a fixed table remembers the first until the second comes. An entry that another
/// order number pushes out is counted: its latency is not known.
#[derive(Debug)]
pub struct FeedLatency {
    slots: Vec<Half>,
    latency: Latency,
    unmatched: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Half {
    /// 0: empty.
    order_number: u64,
    /// From the acknowledgement; 0 = not yet.
    intended_ns: u64,
    /// From the feed; 0 = not yet.
    seen_ns: u64,
}

impl FeedLatency {
    /// Remembers up to `slots` orders (rounded up to a power of two).
    pub fn new(slots: usize) -> Self {
        Self {
            slots: vec![Half::default(); slots.next_power_of_two()],
            latency: Latency::default(),
            unmatched: 0,
        }
    }

    /// An order that rests was acknowledged; it was meant to be sent at `intended_ns`.
    pub fn acknowledged(&mut self, order_number: u64, intended_ns: u64) {
        let half = self.half(order_number);
        half.intended_ns = intended_ns;
        self.join(order_number);
    }

    /// The feed showed the order at `now_ns`.
    pub fn seen(&mut self, order_number: u64, now_ns: u64) {
        let half = self.half(order_number);
        half.seen_ns = now_ns;
        self.join(order_number);
    }

    /// Forgets halves: order numbers begin again.
    pub fn forget(&mut self) {
        self.slots.fill(Half::default());
    }

    /// The latencies joined so far.
    pub fn latency(&self) -> &Latency {
        &self.latency
    }

    /// Mutable: for a display that starts again each second.
    pub fn latency_mut(&mut self) -> &mut Latency {
        &mut self.latency
    }

    /// Orders of which only one half was ever known.
    pub fn unmatched(&self) -> u64 {
        self.unmatched
    }

    fn slot(&self, order_number: u64) -> usize {
        (order_number as usize) & (self.slots.len() - 1)
    }

    fn half(&mut self, order_number: u64) -> &mut Half {
        let slot = self.slot(order_number);
        let half = &mut self.slots[slot];
        if half.order_number != order_number {
            self.unmatched += u64::from(half.order_number != 0);
            *half = Half {
                order_number,
                ..Half::default()
            };
        }
        half
    }

    fn join(&mut self, order_number: u64) {
        let slot = self.slot(order_number);
        let half = self.slots[slot];
        if half.intended_ns != 0 && half.seen_ns != 0 {
            self.latency.record(half.intended_ns, half.seen_ns);
            self.slots[slot] = Half::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_threads_join_a_sample() {
        let (mut orders, mut feed) = orders_to_feed(4, 64);
        for number in 1..=16 {
            assert_eq!(feed.is_sampled(number), number % 4 == 0);
            orders.acknowledged(number, 10);
        }
        feed.joined.seen(8, 25);
        feed.take();
        feed.joined.seen(12, 30);
        assert_eq!(feed.joined.latency().percentiles().count, 2);
        // A ring that nobody empties loses samples, and does no harm.
        (0..2 * RING as u64).for_each(|number| orders.acknowledged(number * 4, 1));
    }

    #[test]
    fn halves_join_in_any_order() {
        let mut feed = FeedLatency::new(4);
        feed.acknowledged(1, 100);
        feed.seen(1, 150);
        feed.seen(2, 300);
        feed.acknowledged(2, 200);
        assert_eq!(feed.latency().percentiles().count, 2);
        assert_eq!(feed.latency().percentiles().max, 100);
        // 3 never appears on the feed; 7 takes its slot.
        feed.acknowledged(3, 1);
        feed.acknowledged(7, 2);
        assert_eq!(feed.unmatched(), 1);
        // On the next day 7 is another order.
        feed.forget();
        feed.seen(7, 900);
        assert_eq!(feed.latency().percentiles().count, 2);
    }
}
