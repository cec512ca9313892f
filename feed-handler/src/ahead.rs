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
//! a list of their own, because the type of the next message is a coin thrown. Where groups are full the compiler knows how often each
//! loop runs, and each function is in its only caller: the end of a loop, a call and a check of a count cost as much as a look.

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

    /// Takes the next messages in place of those it had, and fetches where the search for their orders begins.
    #[inline(always)]
    fn take(&mut self, books: &Books, messages: &mut impl Iterator<Item = &'a [u8]>) {
        let (mut count, mut entered) = (0_usize, 0_usize);
        for ((place, look), message) in self.messages.iter_mut().zip(&mut self.looks).zip(messages) {
            *place = message;
            // Type, locate, tracking number, timestamp, order number; all messages of books have those.
            let front = message.first_chunk().unwrap_or(&[0; 19]);
            let [kind, .., a, b, c, d, e, f, g, h] = *front;
            look.place = books
                .stored()
                .fetch_place(u64::from_be_bytes([a, b, c, d, e, f, g, h]));
            self.entries[entered % GROUP].message = count as u32;
            entered = entered.wrapping_add(usize::from(IS_ENTRY[usize::from(kind)]));
            count = count.wrapping_add(1);
        }
        (self.count, self.entered) = (count, entered);
    }

    /// Messages, known beforehand where the group is full.
    #[inline(always)]
    fn size<const FULL: bool>(&self) -> usize {
        if FULL { GROUP } else { self.count }
    }

    /// The messages that are applied behind a turn.
    #[inline(always)]
    fn part<const FULL: bool>(&self, turn: usize) -> &[&'a [u8]] {
        let count = self.size::<FULL>();
        &self.messages[count * turn / TURNS..count * (turn + 1) / TURNS]
    }
}

/// What is done for a whole group at a time: [`Group::take`] and the four functions below, in their order.
const TURNS: usize = 5;

#[inline(always)]
fn orders<const FULL: bool>(books: &Books, group: &mut Group<'_>) {
    let count = group.size::<FULL>();
    for look in &mut group.looks[..count] {
        look.node = books.stored().fetch_order(look.place);
    }
}

#[inline(always)]
fn neighbors<const FULL: bool>(books: &Books, group: &mut Group<'_>) {
    let count = group.size::<FULL>();
    for look in &mut group.looks[..count] {
        look.level = books.stored().fetch_neighbors(look.node);
    }
}

fn levels(books: &Books, group: &mut Group<'_>) {
    for entry in &mut group.entries[..group.entered] {
        let number = entry.message as usize % GROUP;
        let message = group.messages[number];
        // As many bytes as a replacement has; an added order has one more, and names its side.
        let Some(front) = message.first_chunk::<35>() else {
            continue;
        };
        let is_replace = usize::from(front[0] == b'U');
        let Some(price) = message[32 - is_replace..].first_chunk() else {
            continue;
        };
        // An order keeps its side, so that a replacement does not name one.
        let old = books.stored().side(group.looks[number].level).index();
        let new = usize::from(front[19] == b'S');
        let side = Side::from_index((old & is_replace | new & (1 - is_replace)) as u32);
        let locate = u16::from_be_bytes([front[1], front[2]]);
        entry.level = books.fetch_level(locate, side, u32::from_be_bytes(*price));
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
            next.take(self.books(), &mut messages);
            if now.count == GROUP && next.count == GROUP {
                self.step::<true, _>(now, next, &mut seen);
            } else {
                self.step::<false, _>(now, next, &mut seen);
            }
            if next.count == 0 {
                return;
            }
            std::mem::swap(&mut now, &mut next);
        }
    }

    /// Looks at the next group, and applies this one in between.
    fn step<'a, const FULL: bool, F>(&mut self, now: &Group<'a>, next: &mut Group<'a>, seen: &mut F)
    where
        F: FnMut(&Self, &'a [u8], Result<(), Malformed>),
    {
        self.apply_part::<FULL, F>(now, 0, seen);
        orders::<FULL>(self.books(), next);
        self.apply_part::<FULL, F>(now, 1, seen);
        neighbors::<FULL>(self.books(), next);
        self.apply_part::<FULL, F>(now, 2, seen);
        levels(self.books(), next);
        self.apply_part::<FULL, F>(now, 3, seen);
        youngest(self.books(), next);
        self.apply_part::<FULL, F>(now, 4, seen);
    }

    #[inline(always)]
    fn apply_part<'a, const FULL: bool, F>(&mut self, now: &Group<'a>, turn: usize, seen: &mut F)
    where
        F: FnMut(&Self, &'a [u8], Result<(), Malformed>),
    {
        for message in now.part::<FULL>(turn) {
            let result = self.apply(message);
            seen(self, message, result);
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
