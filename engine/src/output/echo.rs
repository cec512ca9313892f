//! Options that come back to the client with the answer to its request.

use protocol::order_entry::{OptionsWriter, options};

use crate::exchange::command::OrderOptions;

/// Options that Order Accepted echoes: those of the protocol table that an accepted order can carry, and our own.
pub(super) const ECHOED_ON_ACCEPTED: u32 = OrderOptions::HAS_FIRM
    | OrderOptions::HAS_MIN_QUANTITY
    | OrderOptions::HAS_CUSTOMER_TYPE
    | OrderOptions::HAS_MAX_FLOOR
    | OrderOptions::HAS_PRICE_TYPE
    | OrderOptions::HAS_POST_ONLY
    | OrderOptions::HAS_RANDOM_RESERVES
    | OrderOptions::HAS_EXPIRE_TIME
    | OrderOptions::HAS_TRADE_NOW
    | OrderOptions::HAS_HANDLE_INST
    | OrderOptions::HAS_GROUP
    | OrderOptions::HAS_SHARES_LOCATED
    | OrderOptions::HAS_USER_REF_INDEX
    | OrderOptions::HAS_STOP_PRICE
    | OrderOptions::HAS_SELF_MATCH
    | OrderOptions::HAS_FUNDS;

/// Options that Order Replaced echoes.
pub(super) const ECHOED_ON_REPLACED: u32 = OrderOptions::HAS_FIRM
    | OrderOptions::HAS_MIN_QUANTITY
    | OrderOptions::HAS_MAX_FLOOR
    | OrderOptions::HAS_PRICE_TYPE
    | OrderOptions::HAS_POST_ONLY
    | OrderOptions::HAS_EXPIRE_TIME
    | OrderOptions::HAS_TRADE_NOW
    | OrderOptions::HAS_HANDLE_INST
    | OrderOptions::HAS_USER_REF_INDEX
    | OrderOptions::HAS_STOP_PRICE
    | OrderOptions::HAS_SELF_MATCH
    | OrderOptions::HAS_FUNDS;

/// Options that Mass Cancel Response echoes.
pub(super) const ECHOED_ON_MASS_CANCEL: u32 =
    OrderOptions::HAS_GROUP | OrderOptions::HAS_SIDE | OrderOptions::HAS_USER_REF_INDEX;

/// Appends those options of `allowed` that were sent, in the order of their numbers.
pub(super) fn echo(writer: &mut OptionsWriter<'_>, sent: &OrderOptions, allowed: u32) {
    let echoed = sent.present & allowed;
    if echoed == 0 {
        return;
    }
    let mut when = |bit: u32, tag: u8, value: &[u8]| {
        if echoed & bit != 0 {
            assert!(writer.push(tag, value), "all options together fit");
        }
    };
    when(OrderOptions::HAS_FIRM, options::FIRM, &sent.firm);
    when(
        OrderOptions::HAS_MIN_QUANTITY,
        options::MIN_QTY,
        &sent.min_quantity.to_be_bytes(),
    );
    when(
        OrderOptions::HAS_CUSTOMER_TYPE,
        options::CUSTOMER_TYPE,
        &[sent.customer_type],
    );
    when(
        OrderOptions::HAS_MAX_FLOOR,
        options::MAX_FLOOR,
        &sent.max_floor.to_be_bytes(),
    );
    when(
        OrderOptions::HAS_PRICE_TYPE,
        options::PRICE_TYPE,
        &[sent.price_type],
    );
    when(OrderOptions::HAS_POST_ONLY, options::POST_ONLY, &[sent.post_only]);
    when(
        OrderOptions::HAS_RANDOM_RESERVES,
        options::RANDOM_RESERVES,
        &sent.random_reserves.to_be_bytes(),
    );
    when(
        OrderOptions::HAS_EXPIRE_TIME,
        options::EXPIRE_TIME,
        &sent.expire_time.to_be_bytes(),
    );
    when(OrderOptions::HAS_TRADE_NOW, options::TRADE_NOW, &[sent.trade_now]);
    when(
        OrderOptions::HAS_HANDLE_INST,
        options::HANDLE_INST,
        &[sent.handle_inst],
    );
    when(
        OrderOptions::HAS_GROUP,
        options::GROUP_ID,
        &sent.group.to_be_bytes(),
    );
    when(
        OrderOptions::HAS_SHARES_LOCATED,
        options::SHARES_LOCATED,
        &[sent.shares_located],
    );
    when(OrderOptions::HAS_SIDE, options::SIDE, &[sent.side]);
    when(
        OrderOptions::HAS_USER_REF_INDEX,
        options::USER_REF_IDX,
        &[sent.user_ref_index],
    );
    when(
        OrderOptions::HAS_STOP_PRICE,
        options::STOP_PRICE,
        &sent.stop_price.to_be_bytes(),
    );
    when(
        OrderOptions::HAS_SELF_MATCH,
        options::SELF_MATCH,
        &[sent.self_match],
    );
    when(OrderOptions::HAS_FUNDS, options::FUNDS, &sent.funds.to_be_bytes());
}
