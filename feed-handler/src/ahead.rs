//! Many messages at once: what the next ones will touch is fetched before they are applied.
//!
//! Lives here: which bytes of a message say what it will touch, and in which order that is fetched.
//! Must not be here: what a message does. A look is a hint: it changes nothing, and may be wrong.
//!
//! Orders and levels lie anywhere in tables that are larger than the caches, and each is known only when the one before is
//! there: number, order, its neighbors; book, prices, level, its youngest order. So a group of messages is looked at in turns, and what
//! one turn needs for a message was fetched by the turn before, while the others of the group were looked at.
//!
//! PERF: the turns branch on nothing that can not be foretold. The messages that put an order into a book are gathered in
//! a list of their own, because the type of the next message is a coin thrown.

use crate::index::Place;
use crate::market::Market;
use crate::side::Side;
use protocol::Malformed;

/// Messages of a group.
const GROUP: usize = 32;

/// What is known of a message.
#[derive(Debug, Clone, Copy, Default)]
struct Look {
    place: Place,
    node: u32,
    level: u32,
}

/// What is known of a message that puts an order into a book.
#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    /// Which message of the group.
    message: usize,
    locate: u16,
    place: Place,
    level: u32,
}

impl Market {
    /// Applies messages in their order, as [`Market::apply`] does one. Behind each `seen` gets the market, the message,
    /// and whether it was well formed. All are applied when it returns.
    ///
    /// The more messages there are at once, the faster it is: those of a packet, better those of a piece of a file.
    pub fn apply_all<'a>(
        &mut self,
        messages: impl IntoIterator<Item = &'a [u8]>,
        mut seen: impl FnMut(&Self, &'a [u8], Result<(), Malformed>),
    ) {
        let mut messages = messages.into_iter();
        let mut group: [&[u8]; GROUP] = [&[]; GROUP];
        loop {
            let mut count = 0;
            while count < GROUP
                && let Some(message) = messages.next()
            {
                group[count] = message;
                count += 1;
            }
            let group = &group[..count];
            self.look_ahead(group);
            for message in group {
                let result = self.apply(message);
                seen(self, message, result);
            }
            if count < GROUP {
                return;
            }
        }
    }

    fn look_ahead(&self, group: &[&[u8]]) {
        let orders = self.books().stored();
        let mut looks = [Look::default(); GROUP];
        let mut entries = [Entry::default(); GROUP];
        let mut entered = 0;
        for (number, (message, look)) in group.iter().zip(&mut looks).enumerate() {
            let locate = u16::from_be_bytes(bytes(message, 1));
            look.place = orders.fetch_place(u64::from_be_bytes(bytes(message, 11)));
            entries[entered % GROUP] = Entry {
                message: number,
                locate,
                ..Entry::default()
            };
            entered += usize::from(is_entry(message));
        }
        let entries = &mut entries[..entered];
        let looks = &mut looks[..group.len()];
        for look in looks.iter_mut() {
            look.node = orders.fetch_order(look.place);
        }
        for look in looks.iter_mut() {
            look.level = orders.fetch_neighbors(look.node);
        }
        for entry in entries.iter_mut() {
            let message = group[entry.message];
            // An order keeps its side, so that a replacement does not name one.
            let is_replace = u32::from(message[0] == b'U');
            let old = orders.side(looks[entry.message].level).index() as u32;
            let new = u32::from(bytes(message, 19) == [b'S']);
            let side = Side::from_index(old & is_replace | new & (1 - is_replace));
            let price = u32::from_be_bytes(bytes(message, 32 - is_replace as usize));
            entry.place = orders.fetch_price(entry.locate, side, price);
        }
        for entry in entries.iter_mut() {
            entry.level = orders.fetch_level(entry.place);
        }
        for entry in entries.iter() {
            orders.fetch_youngest(entry.level);
        }
    }
}

/// True when a message puts an order into a book.
fn is_entry(message: &[u8]) -> bool {
    const ENTRIES: u64 = 1 << (b'A' - 64) | 1 << (b'F' - 64) | 1 << (b'U' - 64);
    let kind = message.first().copied().unwrap_or(0);
    kind & 0xC0 == 64 && (ENTRIES >> (kind & 63)) & 1 == 1
}

/// The bytes from `offset` on; zeros where a message has none.
#[inline]
fn bytes<const COUNT: usize>(message: &[u8], offset: usize) -> [u8; COUNT] {
    match message.get(offset..offset + COUNT) {
        Some(bytes) => bytes.try_into().expect("it was asked for as many"),
        None => [0; COUNT],
    }
}
