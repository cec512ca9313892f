//! Tests of the output stage: what is said ([`encoding`], of auctions and unseen orders [`unseen`]), when it leaves and
//! to whom ([`stage`]).

mod encoding;
mod stage;
mod unseen;

use protocol::units::U48;

use crate::exchange::command::{Command, CommandKind, InstrumentDefinition, Order, halves};
use crate::exchange::event::{Event, EventKind};
use zerocopy::FromZeros;

/// A time that needs more than 32 bits.
pub(super) const TIME: u64 = 0x0001_0203_0405_0607;

pub(super) fn feed_time() -> U48 {
    U48::new(TIME)
}

pub(super) fn event(kind: EventKind, change: impl FnOnce(&mut Event)) -> Event {
    let mut event = Event::new(kind);
    change(&mut event);
    event
}

pub(super) fn command(kind: CommandKind) -> Command {
    Command {
        sequence: 1,
        time: TIME,
        ..Command::new(kind)
    }
}

/// A request with every field of the body different.
pub(super) fn order() -> Order {
    Order {
        price: 0x1_0000_0001,
        user_ref: 71,
        orig_user_ref: 70,
        quantity: 72,
        cl_ord_id: *b"CLIENT-ORDER-1",
        side: b'B',
        time_in_force: b'0',
        display: b'Y',
        capacity: b'P',
        sweep: b'N',
        cross_type: b'C',
    }
}

/// BTC-USD in lots of 0.0001 BTC.
pub(super) fn bitcoin() -> InstrumentDefinition {
    InstrumentDefinition {
        symbol: *b"BTC-USD ",
        lot_size: halves(10_000),
        price_unit: halves(100_000_000),
        ..InstrumentDefinition::new_zeroed()
    }
}

/// The command and the event that list [`bitcoin`] under stock locate 1.
pub(super) fn listing() -> (Command, Event) {
    (
        command(CommandKind::AddInstrument).with_definition(&bitcoin()),
        event(EventKind::InstrumentListed, |event| {
            event.instrument = 1;
            event.number = u64::from_be_bytes(*b"BTC-USD ");
            event.quantity = 10_000;
        }),
    )
}
