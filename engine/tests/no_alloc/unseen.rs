//! Orders that are not displayed, or not all, and those that wait for a price: in, changed, met, out, in many steps.

use engine::exchange::command::{CommandKind, OrderOptions};
use engine::exchange::event::EventKind;

use super::exchange::{Came, MAKER, TAKER, World};
use super::market::DOLLAR;

const MARKET: u64 = 0x7FFF_FFFF;

/// Lots and price, of them displayed (0 = all, [`NONE`] = none), and the price that it waits for.
#[derive(Clone, Copy)]
struct Unseen {
    side: u8,
    quantity: u32,
    price: u64,
    floor: u32,
    stop: u64,
}

const NONE: u32 = u32::MAX;

const SELL: Unseen = Unseen {
    side: b'S',
    quantity: 4,
    price: 100 * DOLLAR,
    floor: 0,
    stop: 0,
};

fn send(world: &mut World, session: u32, original: u32, asked: Unseen) -> Came {
    let kind = if original > 0 {
        CommandKind::Replace
    } else {
        CommandKind::Enter
    };
    world.ask(kind, session, |order, options| {
        (order.side, order.quantity, order.price) = (asked.side, asked.quantity, asked.price);
        order.orig_user_ref = original;
        match asked.floor {
            0 => {}
            NONE => order.display = b'N',
            floor => {
                options.present |= OrderOptions::HAS_MAX_FLOOR;
                options.max_floor = floor;
            }
        }
        if asked.stop > 0 {
            options.present |= OrderOptions::HAS_STOP_PRICE;
            options.stop_price = asked.stop;
        }
    })
}

/// All of it.
pub(crate) fn unseen(world: &mut World) {
    let stop = Unseen {
        side: b'B',
        price: 105 * DOLLAR,
        stop: 101 * DOLLAR,
        ..SELL
    };
    let kinds = [
        Unseen { floor: NONE, ..SELL },
        Unseen { floor: 1, ..SELL },
        stop,
        Unseen { floor: 1, ..stop },
        Unseen {
            price: MARKET,
            ..stop
        },
    ];
    for asked in kinds {
        let session = if asked.stop > 0 { TAKER } else { MAKER };
        assert_eq!(send(world, session, 0, asked).first, Some(EventKind::Accepted));
        for (quantity, floor) in [(3, asked.floor), (5, asked.floor), (5, 0)] {
            let original = world.next(session) - 1;
            let came = send(
                world,
                session,
                original,
                Unseen {
                    quantity,
                    floor,
                    ..asked
                },
            );
            assert_eq!(came.first, Some(EventKind::Replaced));
        }
        let live = world.next(session) - 1;
        for quantity in [3, 0] {
            let came = world.ask(CommandKind::Cancel, session, |order, _| {
                (order.user_ref, order.quantity) = (live, quantity);
            });
            assert!(came.first.is_some());
        }
    }
    for refused in [Unseen { floor: 5, ..SELL }, Unseen { stop: 1, ..SELL }] {
        assert_eq!(send(world, MAKER, 0, refused).first, Some(EventKind::Rejected));
    }
    funds(world);
    cascade(world, stop);
}

/// Option 130: as far as it goes.
fn funds(world: &mut World) {
    send(world, MAKER, 0, Unseen { floor: NONE, ..SELL });
    let came = world.ask(CommandKind::Enter, TAKER, |order, options| {
        (order.quantity, order.price) = (4, MARKET);
        (options.present, options.funds) = (OrderOptions::HAS_FUNDS, 2_500_000);
    });
    assert_eq!(came.first, Some(EventKind::Accepted));
    world.ask(CommandKind::MassCancel, MAKER, |_, _| {});
}

/// Stops that reach each other, reserve orders that they run out, all filled up behind them; and what ends the rest.
fn cascade(world: &mut World, stop: Unseen) {
    const COUNT: u64 = 100;
    for place in 0..COUNT {
        let price = 101 * DOLLAR + place / 2 * DOLLAR / 100;
        let floor = if place % 2 == 0 { 1 } else { NONE };
        send(world, MAKER, 0, Unseen { price, floor, ..SELL });
        let waits = Unseen {
            price: 110 * DOLLAR,
            stop: price,
            ..stop
        };
        assert_eq!(send(world, TAKER, 0, waits).first, Some(EventKind::Accepted));
    }
    let came = world.enter(TAKER, b'B', 1, 101 * DOLLAR);
    assert!(came.steps > 1, "{came:?}");
    let instrument = world.exchange.instrument(1).expect("it was added");
    assert_eq!(
        u64::from(instrument.last_trade.price),
        101 * DOLLAR + (COUNT - 1) / 2 * DOLLAR / 100
    );
    for session in [MAKER, TAKER] {
        world.ask(CommandKind::MassCancel, session, |_, _| {});
    }
    for _ in 0..100 {
        send(world, MAKER, 0, Unseen { floor: 1, ..SELL });
    }
    let came = world.enter(TAKER, b'B', 100, 100 * DOLLAR);
    assert!(came.steps > 1, "{came:?}");
    assert!(
        world
            .ask(CommandKind::MassCancel, MAKER, |_, _| {})
            .first
            .is_some()
    );
    world.ask(CommandKind::MassCancel, TAKER, |_, _| {});
    world
        .exchange
        .check_invariants()
        .expect("books and balances add up");
}
