//! Many messages at once: what the next ones will touch is fetched before they are applied.
//!
//! Lives here: which bytes of a message say what it will touch, and in which order that is fetched.
//! Must not be here: what a message does. A look is a hint: it changes nothing, and may be wrong.
//!
//! Orders and levels lie anywhere in tables that are larger than the caches, and each is known only when the one before is
//! there: number, order, its neighbors; price, level, its youngest order. So a group of messages is looked at in turns, and what
//! one turn needs for a message was fetched by the turn before. In between some messages of the group before are applied: that
//! is the time in which memory answers.
//!
//! PERF: the turns branch on nothing that can not be foretold. The messages that put an order into a book are gathered in
//! a list of their own, because the type of the next message is a coin thrown.

use crate::book::Books;
use crate::index::Place;
use crate::market::Market;
use crate::side::Side;
use protocol::Malformed;

/// Messages of a group. PERF: 16 and 48 are some percent slower, 64 and more a tenth.
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
    message: u32,
    level: u32,
}

/// Messages in a row, and what is known of them.
#[derive(Debug)]
struct Group<'a> {
    messages: [&'a [u8]; GROUP],
    looks: [Look; GROUP],
    entries: [Entry; GROUP],
    /// How many messages, and how many of them are entries.
    count: usize,
    entered: usize,
}

impl<'a> Group<'a> {
    fn new() -> Self {
        Self {
            messages: [&[]; GROUP],
            looks: [Look::default(); GROUP],
            entries: [Entry::default(); GROUP],
            count: 0,
            entered: 0,
        }
    }

    /// Takes the next messages in place of those it had.
    fn take(&mut self, messages: &mut impl Iterator<Item = &'a [u8]>) {
        self.count = 0;
        for (place, message) in self.messages.iter_mut().zip(messages) {
            *place = message;
            self.count += 1;
        }
    }

    /// The messages that are applied behind a turn.
    fn part(&self, turn: usize) -> &[&'a [u8]] {
        &self.messages[self.count * turn / TURNS.len()..self.count * (turn + 1) / TURNS.len()]
    }
}

/// What is done for a whole group at a time, in this order.
const TURNS: [fn(&Books, &mut Group<'_>); 5] = [places, orders, neighbors, levels, youngest];

fn places(books: &Books, group: &mut Group<'_>) {
    let mut entered = 0;
    let messages = &group.messages[..group.count];
    for (number, (message, look)) in (0..).zip(messages.iter().zip(&mut group.looks)) {
        // Type, locate, tracking number, timestamp, order number; all messages of books have those.
        let front = message.first_chunk().unwrap_or(&[0; 19]);
        let [kind, .., a, b, c, d, e, f, g, h] = *front;
        look.place = books
            .stored()
            .fetch_place(u64::from_be_bytes([a, b, c, d, e, f, g, h]));
        group.entries[entered % GROUP].message = number;
        entered += usize::from(IS_ENTRY[usize::from(kind)]);
    }
    group.entered = entered;
}

fn orders(books: &Books, group: &mut Group<'_>) {
    for look in &mut group.looks[..group.count] {
        look.node = books.stored().fetch_order(look.place);
    }
}

fn neighbors(books: &Books, group: &mut Group<'_>) {
    for look in &mut group.looks[..group.count] {
        look.level = books.stored().fetch_neighbors(look.node);
    }
}

fn levels(books: &Books, group: &mut Group<'_>) {
    for entry in &mut group.entries[..group.entered] {
        let message = group.messages[entry.message as usize];
        // An order keeps its side, so that a replacement does not name one.
        let is_replace = u32::from(message[0] == b'U');
        let old = books
            .stored()
            .side(group.looks[entry.message as usize].level)
            .index() as u32;
        let new = u32::from(bytes(message, 19) == [b'S']);
        let side = Side::from_index(old & is_replace | new & (1 - is_replace));
        let locate = u16::from_be_bytes(bytes(message, 1));
        let price = u32::from_be_bytes(bytes(message, 32 - is_replace as usize));
        entry.level = books.fetch_level(locate, side, price);
    }
}

fn youngest(books: &Books, group: &mut Group<'_>) {
    for entry in &group.entries[..group.entered] {
        books.stored().fetch_youngest(entry.level);
    }
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
        let mut messages = messages.into_iter().fuse();
        let (mut one, mut other) = (Group::new(), Group::new());
        let (mut now, mut next) = (&mut one, &mut other);
        loop {
            next.take(&mut messages);
            for (number, turn) in TURNS.iter().enumerate() {
                turn(self.books(), next);
                for message in now.part(number) {
                    let result = self.apply(message);
                    seen(self, message, result);
                }
            }
            if next.count == 0 {
                return;
            }
            std::mem::swap(&mut now, &mut next);
        }
    }
}

/// Types of messages that put an order into a book.
const IS_ENTRY: [bool; 256] = {
    let mut is_entry = [false; 256];
    is_entry[b'A' as usize] = true;
    is_entry[b'F' as usize] = true;
    is_entry[b'U' as usize] = true;
    is_entry
};

/// The bytes from `offset` on; zeros where a message has none.
#[inline]
fn bytes<const COUNT: usize>(message: &[u8], offset: usize) -> [u8; COUNT] {
    match message.get(offset..offset + COUNT) {
        Some(bytes) => bytes.try_into().expect("it was asked for as many"),
        None => [0; COUNT],
    }
}
