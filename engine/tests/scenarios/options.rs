//! What may follow the price of an order or a replacement.

use engine::exchange::command::{FLAG_LOW_SPACE, Order, OrderOptions};

use super::decimal;
use super::define::MODES;
use super::words::{Outcome, Words};
use super::world::World;

const ALLOWED: &str = "ioc, fok, gtc, gtt, day, tif, post-only, min, self-match, attributed, hidden, display, firm, \
                       group, capacity, sweep, cross, floor, price-type, pegged, discretion, routed, stop, funds, \
                       expires, customer, trade-now, handling, reserves, located, broker, index, malformed, low-disk";

/// A request that is being read.
pub(crate) struct Asked {
    pub(crate) order: Order,
    pub(crate) options: OrderOptions,
    /// The command's.
    pub(crate) flags: u8,
}

/// Reads to the end of the line.
pub(crate) fn read(world: &World, instrument: u16, words: &mut Words<'_>, asked: &mut Asked) -> Outcome<()> {
    let Asked {
        order,
        options,
        flags,
    } = asked;
    while let Some(word) = words.next() {
        let bit = match word.text {
            "ioc" => set(&mut order.time_in_force, b'3'),
            "fok" => {
                order.time_in_force = b'3';
                options.min_quantity = order.quantity;
                OrderOptions::HAS_MIN_QUANTITY
            }
            "gtc" => set(&mut order.time_in_force, b'G'),
            "gtt" => {
                let time = words.need("a time")?;
                options.expire_time = time
                    .text
                    .strip_suffix('s')
                    .and_then(|seconds| seconds.parse().ok())
                    .ok_or_else(|| time.fail("a lifetime is written 30s"))?;
                order.time_in_force = b'6';
                OrderOptions::HAS_EXPIRE_TIME
            }
            "day" => set(&mut order.time_in_force, b'0'),
            "tif" => set(&mut order.time_in_force, character(words)?),
            "attributed" => set(&mut order.display, b'A'),
            "hidden" => set(&mut order.display, b'N'),
            "display" => set(&mut order.display, character(words)?),
            "capacity" => set(&mut order.capacity, character(words)?),
            "sweep" => set(&mut order.sweep, character(words)?),
            "cross" => set(&mut order.cross_type, character(words)?),
            "post-only" => {
                options.post_only = b'P';
                OrderOptions::HAS_POST_ONLY
            }
            "min" => {
                options.min_quantity = world.lots(instrument, words.need("a quantity")?)?;
                OrderOptions::HAS_MIN_QUANTITY
            }
            "floor" => {
                options.max_floor = world.lots(instrument, words.need("a quantity")?)?;
                OrderOptions::HAS_MAX_FLOOR
            }
            "self-match" => {
                options.self_match = words.one_of(&MODES[..4])?;
                OrderOptions::HAS_SELF_MATCH
            }
            "firm" => {
                options.firm = words.need("a firm")?.padded("a firm")?;
                OrderOptions::HAS_FIRM
            }
            "group" => {
                options.group = words.need("a group")?.number("a group")?;
                OrderOptions::HAS_GROUP
            }
            "price-type" => {
                options.price_type = character(words)?;
                OrderOptions::HAS_PRICE_TYPE
            }
            "pegged" => OrderOptions::HAS_PEG,
            "discretion" => OrderOptions::HAS_DISCRETION,
            "routed" => OrderOptions::HAS_ROUTE,
            "stop" => {
                let price = words.need("a price")?;
                options.stop_price = decimal::parse(price.text, 4)
                    .and_then(|price| u64::try_from(price).ok())
                    .ok_or_else(|| price.fail("a price has at most 4 decimal places"))?;
                OrderOptions::HAS_STOP_PRICE
            }
            "funds" => {
                let amount = words.need("an amount")?;
                let units = match world.exchange.instrument(instrument) {
                    Some(known) => world.amount(u32::from(known.definition.quote), amount)?,
                    None => amount.number("an amount of no asset")?,
                };
                options.funds = units as u64;
                OrderOptions::HAS_FUNDS
            }
            "expires" => {
                options.expire_time = words.need("seconds")?.number("seconds")?;
                OrderOptions::HAS_EXPIRE_TIME
            }
            "customer" => {
                options.customer_type = character(words)?;
                OrderOptions::HAS_CUSTOMER_TYPE
            }
            "trade-now" => {
                options.trade_now = character(words)?;
                OrderOptions::HAS_TRADE_NOW
            }
            "handling" => {
                options.handle_inst = character(words)?;
                OrderOptions::HAS_HANDLE_INST
            }
            "reserves" => {
                options.random_reserves = words.need("a number")?.number("reserves")?;
                OrderOptions::HAS_RANDOM_RESERVES
            }
            "located" => {
                options.shares_located = character(words)?;
                OrderOptions::HAS_SHARES_LOCATED
            }
            "broker" => {
                options.locate_broker = words.need("a broker")?.padded("a broker")?;
                OrderOptions::HAS_LOCATE_BROKER
            }
            "index" => {
                options.user_ref_index = words.need("a number")?.number("an index")?;
                OrderOptions::HAS_USER_REF_INDEX
            }
            "malformed" => OrderOptions::MALFORMED,
            "low-disk" => {
                *flags |= FLAG_LOW_SPACE;
                0
            }
            _ => return Err(word.fail(format!("allowed here: {ALLOWED}"))),
        };
        options.present |= bit;
    }
    Ok(())
}

fn character(words: &mut Words<'_>) -> Outcome<u8> {
    words.need("a character")?.character("this")
}

/// A field of the order itself, which no bit announces.
fn set(field: &mut u8, value: u8) -> u32 {
    *field = value;
    0
}
