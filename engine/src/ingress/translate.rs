//! From a decoded request to the command it asks for. Decides nothing: what the client sent stays as it came.

use protocol::order_entry::options::{self as tags, Options};
use protocol::order_entry::{Request, requests};
use zerocopy::FromZeros;

use crate::exchange::Exchange;
use crate::exchange::command::{Command, CommandKind, Order, OrderOptions, UNKNOWN_INSTRUMENT};

/// The command a request of `session` asks for; `None` for those that ask for none (re-requests, unknown types).
pub(super) fn command(request: &Request<'_>, session: u32, exchange: &Exchange) -> Option<Command> {
    let find = |symbol| exchange.find_instrument(symbol).unwrap_or(UNKNOWN_INSTRUMENT);
    let mut instrument = 0;
    let (kind, order, options) = match *request {
        Request::Enter(message, options) => {
            instrument = find(message.symbol);
            (CommandKind::Enter, enter(message), options)
        }
        Request::Replace(message, options) => (CommandKind::Replace, replace(message), options),
        Request::Cancel(message, options) => {
            let (user_ref, quantity) = (message.user_ref_num.get(), message.quantity.get());
            (
                CommandKind::Cancel,
                Order {
                    user_ref,
                    quantity,
                    ..Order::new_zeroed()
                },
                options,
            )
        }
        Request::Modify(message, options) => {
            let (user_ref, quantity) = (message.user_ref_num.get(), message.quantity.get());
            let order = Order {
                user_ref,
                quantity,
                side: message.side,
                ..Order::new_zeroed()
            };
            (CommandKind::Modify, order, options)
        }
        Request::MassCancel(message, options) => {
            if message.symbol != [b' '; 8] {
                instrument = find(message.symbol);
            }
            let mut order = numbered(message.user_ref_num.get());
            // The response echoes the symbol, known or not.
            order.cl_ord_id[..8].copy_from_slice(&message.symbol);
            return Some(with_firm(
                CommandKind::MassCancel,
                session,
                instrument,
                order,
                message.firm,
                options,
            ));
        }
        Request::DisableOrderEntry(message, options) => {
            let order = numbered(message.user_ref_num.get());
            return Some(with_firm(
                CommandKind::DisableOrderEntry,
                session,
                0,
                order,
                message.firm,
                options,
            ));
        }
        Request::EnableOrderEntry(message, options) => {
            let order = numbered(message.user_ref_num.get());
            return Some(with_firm(
                CommandKind::EnableOrderEntry,
                session,
                0,
                order,
                message.firm,
                options,
            ));
        }
        Request::AccountQuery(_, options) => (CommandKind::AccountQuery, Order::new_zeroed(), options),
        Request::ReRequest(_) | Request::Unknown(_) => return None,
    };
    let command = Command {
        session,
        instrument,
        ..Command::new(kind)
    }
    .with_order(order);
    Some(if options.is_empty() {
        command
    } else {
        command.with_options(understood(options))
    })
}

fn numbered(user_ref: u32) -> Order {
    Order {
        user_ref,
        ..Order::new_zeroed()
    }
}

fn enter(message: &requests::EnterOrder) -> Order {
    Order {
        price: message.price.get(),
        user_ref: message.user_ref_num.get(),
        orig_user_ref: 0,
        quantity: message.quantity.get(),
        cl_ord_id: message.cl_ord_id,
        side: message.side,
        time_in_force: message.time_in_force,
        display: message.display,
        capacity: message.capacity,
        sweep: message.inter_market_sweep_eligibility,
        cross_type: message.cross_type,
    }
}

fn replace(message: &requests::ReplaceOrder) -> Order {
    Order {
        price: message.price.get(),
        user_ref: message.user_ref_num.get(),
        orig_user_ref: message.orig_user_ref_num.get(),
        quantity: message.quantity.get(),
        cl_ord_id: message.cl_ord_id,
        time_in_force: message.time_in_force,
        display: message.display,
        sweep: message.inter_market_sweep_eligibility,
        ..Order::new_zeroed()
    }
}

/// The account's own requests name their firm in the message.
fn with_firm(
    kind: CommandKind,
    session: u32,
    instrument: u16,
    order: Order,
    firm: [u8; 4],
    options: Options<'_>,
) -> Command {
    let mut understood = understood(options);
    understood.firm = firm;
    understood.present |= OrderOptions::HAS_FIRM;
    Command {
        session,
        instrument,
        ..Command::new(kind)
    }
    .with_order(order)
    .with_options(understood)
}

/// The options in their places. Tags we do not know are skipped; known ones of a wrong size, with an undefined value, or
/// sent twice make the whole [`OrderOptions::MALFORMED`].
fn understood(options: Options<'_>) -> OrderOptions {
    let mut all = OrderOptions::new_zeroed();
    if !options.are_defined() {
        all.present = OrderOptions::MALFORMED;
        return all;
    }
    for (tag, value) in options.iter() {
        all.present |= place(&mut all, tag, value);
    }
    all
}

/// Puts one option into its place; answers its bit, or 0 for an option that says nothing here.
fn place(all: &mut OrderOptions, tag: u8, value: &[u8]) -> u32 {
    let is_zero = value.iter().all(|&byte| byte == 0);
    match tag {
        tags::FIRM => text(&mut all.firm, value, OrderOptions::HAS_FIRM),
        tags::MIN_QTY => number(&mut all.min_quantity, value, OrderOptions::HAS_MIN_QUANTITY),
        tags::CUSTOMER_TYPE => character(&mut all.customer_type, value, OrderOptions::HAS_CUSTOMER_TYPE),
        tags::MAX_FLOOR => number(&mut all.max_floor, value, OrderOptions::HAS_MAX_FLOOR),
        tags::PRICE_TYPE => character(&mut all.price_type, value, OrderOptions::HAS_PRICE_TYPE),
        tags::PEG_OFFSET if !is_zero => OrderOptions::HAS_PEG,
        tags::DISCRETION_PRICE | tags::DISCRETION_PEG_OFFSET if !is_zero => OrderOptions::HAS_DISCRETION,
        tags::DISCRETION_PRICE_TYPE if value != b"L" => OrderOptions::HAS_DISCRETION,
        tags::POST_ONLY => character(&mut all.post_only, value, OrderOptions::HAS_POST_ONLY),
        tags::RANDOM_RESERVES => number(&mut all.random_reserves, value, OrderOptions::HAS_RANDOM_RESERVES),
        tags::ROUTE if value != b"    " => OrderOptions::HAS_ROUTE,
        tags::EXPIRE_TIME => number(&mut all.expire_time, value, OrderOptions::HAS_EXPIRE_TIME),
        tags::TRADE_NOW => character(&mut all.trade_now, value, OrderOptions::HAS_TRADE_NOW),
        tags::HANDLE_INST => character(&mut all.handle_inst, value, OrderOptions::HAS_HANDLE_INST),
        tags::GROUP_ID => match value.try_into().map(u16::from_be_bytes) {
            Ok(group) => {
                all.group = group;
                OrderOptions::HAS_GROUP
            }
            Err(_) => OrderOptions::MALFORMED,
        },
        tags::SHARES_LOCATED => character(&mut all.shares_located, value, OrderOptions::HAS_SHARES_LOCATED),
        tags::LOCATE_BROKER => text(&mut all.locate_broker, value, OrderOptions::HAS_LOCATE_BROKER),
        tags::SIDE => character(&mut all.side, value, OrderOptions::HAS_SIDE),
        tags::USER_REF_IDX => character(&mut all.user_ref_index, value, OrderOptions::HAS_USER_REF_INDEX),
        tags::STOP_PRICE => long(&mut all.stop_price, value, OrderOptions::HAS_STOP_PRICE),
        tags::SELF_MATCH => character(&mut all.self_match, value, OrderOptions::HAS_SELF_MATCH),
        tags::FUNDS => long(&mut all.funds, value, OrderOptions::HAS_FUNDS),
        _ => 0,
    }
}

fn text(field: &mut [u8; 4], value: &[u8], bit: u32) -> u32 {
    value.try_into().map_or(OrderOptions::MALFORMED, |value| {
        *field = value;
        bit
    })
}

fn number(field: &mut u32, value: &[u8], bit: u32) -> u32 {
    value.try_into().map_or(OrderOptions::MALFORMED, |value| {
        *field = u32::from_be_bytes(value);
        bit
    })
}

fn long(field: &mut u64, value: &[u8], bit: u32) -> u32 {
    value.try_into().map_or(OrderOptions::MALFORMED, |value| {
        *field = u64::from_be_bytes(value);
        bit
    })
}

fn character(field: &mut u8, value: &[u8], bit: u32) -> u32 {
    match value {
        [byte] => {
            *field = *byte;
            bit
        }
        _ => OrderOptions::MALFORMED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Limits;
    use protocol::order_entry::{OptionsWriter, write_message};

    fn exchange() -> Exchange {
        Exchange::new(Limits {
            assets: 2,
            instruments: 1,
            accounts: 1,
            sessions: 1,
            orders: 16,
            levels: 16,
            fee_schedules: 1,
        })
    }

    /// The command that an Enter Order with these options asks for.
    fn entered(display: u8, cross_type: u8, append: impl FnOnce(&mut OptionsWriter<'_>)) -> Command {
        let message = requests::EnterOrder {
            message_type: b'O',
            user_ref_num: 7.into(),
            side: b'B',
            quantity: 50.into(),
            symbol: *b"BTC-USD ",
            price: 600_000.into(),
            time_in_force: b'0',
            display,
            capacity: b'P',
            inter_market_sweep_eligibility: b'N',
            cross_type,
            cl_ord_id: [b' '; 14],
            appendage_length: 0.into(),
        };
        let (mut options, mut bytes) = ([0; 64], [0; 128]);
        let mut writer = OptionsWriter::new(&mut options);
        append(&mut writer);
        let length = write_message(&message, writer.finish(), &mut bytes).expect("it fits");
        let request = Request::decode(&bytes[..length]).expect("it is well formed");
        command(&request, 3, &exchange()).expect("it asks for a command")
    }

    #[test]
    fn what_a_stop_a_reserve_and_an_auction_order_say_comes_through_unchanged() {
        let command = entered(b'N', b'O', |writer| {
            assert!(writer.push_u32(tags::MAX_FLOOR, 0x0102_0304));
            assert!(writer.push_u64(tags::STOP_PRICE, 0x1112_1314_1516_1718));
            assert!(writer.push_u64(tags::FUNDS, 0x2122_2324_2526_2728));
        });
        let (order, options) = (command.order(), command.options());
        assert_eq!((order.display, order.cross_type), (b'N', b'O'));
        assert_eq!(
            (options.max_floor, options.stop_price, options.funds),
            (0x0102_0304, 0x1112_1314_1516_1718, 0x2122_2324_2526_2728)
        );
        let all = OrderOptions::HAS_MAX_FLOOR | OrderOptions::HAS_STOP_PRICE | OrderOptions::HAS_FUNDS;
        assert_eq!(options.present, all);
        // Zero is a value: refusing it is the exchange's business.
        let command = entered(b'Y', b'N', |writer| assert!(writer.push_u64(tags::STOP_PRICE, 0)));
        assert_eq!(command.options().present, OrderOptions::HAS_STOP_PRICE);
    }

    #[test]
    fn values_of_another_size_make_the_whole_malformed() {
        for (tag, value) in [
            (tags::MAX_FLOOR, &[0_u8; 8][..]),
            (tags::STOP_PRICE, &[0; 4]),
            (tags::FUNDS, &[0; 16]),
        ] {
            let command = entered(b'Y', b'N', |writer| assert!(writer.push(tag, value)));
            assert_eq!(command.options().present, OrderOptions::MALFORMED, "option {tag}");
        }
    }
}
