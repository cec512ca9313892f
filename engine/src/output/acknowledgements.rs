//! OUCH responses of commands and events. One function per message; the encoder decides which and when.
//!
//! Where the Appendage Length is optional we send the short form: clients of the 2023 editions expect it.

use protocol::layout::WireMessage;
use protocol::order_entry::responses::{
    AccountQueryResponse, AiqCanceled, DisableOrderEntryResponse, EnableOrderEntryResponse,
    MassCancelResponse, OrderAccepted, OrderCanceled, OrderExecuted, OrderModified, OrderRejected,
    OrderReplaced, SystemEvent,
};
use protocol::order_entry::values::{cancel_reason, liquidity_flag};
use protocol::order_entry::{OptionsWriter, options, write_message};
use zerocopy::network_endian::U16;

use super::window::MESSAGE_BYTES_MAX;
use crate::exchange::command::{Command, CommandKind, OrderOptions};
use crate::exchange::event::{Event, EventKind};

/// Options that Order Accepted echoes: those of the protocol table that an accepted order can carry, and our own.
const ECHOED_ON_ACCEPTED: u32 = OrderOptions::HAS_FIRM
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
const ECHOED_ON_REPLACED: u32 = OrderOptions::HAS_FIRM
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
const ECHOED_ON_MASS_CANCEL: u32 =
    OrderOptions::HAS_GROUP | OrderOptions::HAS_SIDE | OrderOptions::HAS_USER_REF_INDEX;

/// Bytes of the longest appendage of ours, and then some: all options that Accepted echoes have 78.
const APPENDAGE_BYTES_MAX: usize = 128;

/// Room for one message with an appendage, used again and again.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    appendage: [u8; APPENDAGE_BYTES_MAX],
    message: [u8; MESSAGE_BYTES_MAX],
}

impl Draft {
    pub(super) fn new() -> Self {
        Self {
            appendage: [0; APPENDAGE_BYTES_MAX],
            message: [0; MESSAGE_BYTES_MAX],
        }
    }

    /// The message with the options that `append` writes.
    fn write(&mut self, fixed: &impl WireMessage, append: impl FnOnce(&mut OptionsWriter<'_>)) -> &[u8] {
        let mut writer = OptionsWriter::new(&mut self.appendage);
        append(&mut writer);
        let length = write_message(fixed, writer.finish(), &mut self.message);
        &self.message[..length.expect("the buffer is larger than any message")]
    }
}

/// Appends those options of `allowed` that were sent, in the order of their numbers.
fn echo(writer: &mut OptionsWriter<'_>, sent: &OrderOptions, allowed: u32) {
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

pub(super) fn accepted<'a>(
    draft: &'a mut Draft,
    command: &Command,
    event: &Event,
    symbol: [u8; 8],
) -> &'a [u8] {
    let order = command.order();
    let fixed = OrderAccepted {
        message_type: b'A',
        timestamp: command.time.into(),
        user_ref_num: event.user_ref.into(),
        side: order.side,
        quantity: event.quantity.into(),
        symbol,
        price: u64::from(event.price).into(),
        time_in_force: order.time_in_force,
        display: order.display,
        order_reference_number: event.number.into(),
        capacity: order.capacity,
        inter_market_sweep_eligibility: order.sweep,
        cross_type: order.cross_type,
        order_state: event.code,
        cl_ord_id: order.cl_ord_id,
        appendage_length: U16::ZERO,
    };
    draft.write(&fixed, |writer| {
        echo(writer, &command.options(), ECHOED_ON_ACCEPTED)
    })
}

pub(super) fn replaced<'a>(
    draft: &'a mut Draft,
    command: &Command,
    event: &Event,
    symbol: [u8; 8],
) -> &'a [u8] {
    let order = command.order();
    let [side, capacity, cross_type, _] = event.detail.to_le_bytes();
    let fixed = OrderReplaced {
        message_type: b'U',
        timestamp: command.time.into(),
        orig_user_ref_num: order.orig_user_ref.into(),
        user_ref_num: event.user_ref.into(),
        side,
        quantity: event.quantity.into(),
        symbol,
        price: u64::from(event.price).into(),
        time_in_force: order.time_in_force,
        display: order.display,
        order_reference_number: event.number.into(),
        capacity,
        inter_market_sweep_eligibility: order.sweep,
        cross_type,
        order_state: event.code,
        cl_ord_id: order.cl_ord_id,
        appendage_length: U16::ZERO,
    };
    draft.write(&fixed, |writer| {
        echo(writer, &command.options(), ECHOED_ON_REPLACED)
    })
}

/// `fee`: of this execution, for an account that asks for it.
pub(super) fn executed<'a>(
    draft: &'a mut Draft,
    time: u64,
    event: &Event,
    match_number: u64,
    fee: Option<i64>,
) -> &'a [u8] {
    let fixed = OrderExecuted {
        message_type: b'E',
        timestamp: time.into(),
        user_ref_num: event.user_ref.into(),
        quantity: event.quantity.into(),
        price: u64::from(event.price).into(),
        liquidity_flag: event.code,
        match_number: match_number.into(),
        appendage_length: U16::ZERO,
    };
    draft.write(&fixed, |writer| {
        if let Some(fee) = fee {
            assert!(writer.push_fee(fee), "one option fits");
        }
    })
}

pub(super) fn mass_canceled<'a>(
    draft: &'a mut Draft,
    command: &Command,
    event: &Event,
    symbol: [u8; 8],
) -> &'a [u8] {
    let sent = command.options();
    let fixed = MassCancelResponse {
        message_type: b'X',
        timestamp: command.time.into(),
        user_ref_num: event.user_ref.into(),
        firm: firm(&sent),
        symbol,
        appendage_length: U16::ZERO,
    };
    draft.write(&fixed, |writer| echo(writer, &sent, ECHOED_ON_MASS_CANCEL))
}

pub(super) fn order_entry_disabled<'a>(draft: &'a mut Draft, command: &Command, event: &Event) -> &'a [u8] {
    let sent = command.options();
    let fixed = DisableOrderEntryResponse {
        message_type: b'G',
        timestamp: command.time.into(),
        user_ref_num: event.user_ref.into(),
        firm: firm(&sent),
        appendage_length: U16::ZERO,
    };
    draft.write(&fixed, |writer| {
        echo(writer, &sent, OrderOptions::HAS_USER_REF_INDEX)
    })
}

pub(super) fn order_entry_enabled<'a>(draft: &'a mut Draft, command: &Command, event: &Event) -> &'a [u8] {
    let sent = command.options();
    let fixed = EnableOrderEntryResponse {
        message_type: b'K',
        timestamp: command.time.into(),
        user_ref_num: event.user_ref.into(),
        firm: firm(&sent),
        appendage_length: U16::ZERO,
    };
    draft.write(&fixed, |writer| {
        echo(writer, &sent, OrderOptions::HAS_USER_REF_INDEX)
    })
}

/// The Firm field of a request, as it came.
fn firm(sent: &OrderOptions) -> [u8; 4] {
    if sent.has(OrderOptions::HAS_FIRM) {
        sent.firm
    } else {
        [b' '; 4]
    }
}

pub(super) fn rejected(command: &Command, event: &Event) -> OrderRejected {
    let has_name = matches!(
        CommandKind::from_byte(command.kind),
        Some(CommandKind::Enter | CommandKind::Replace)
    );
    OrderRejected {
        message_type: b'J',
        timestamp: command.time.into(),
        user_ref_num: event.user_ref.into(),
        // Reasons have two bytes on the wire; the exchange knows no larger ones.
        reason: (event.detail as u16).into(),
        cl_ord_id: if has_name {
            command.order().cl_ord_id
        } else {
            [b' '; 14]
        },
    }
}

pub(super) fn canceled(time: u64, event: &Event) -> OrderCanceled {
    OrderCanceled {
        message_type: b'C',
        timestamp: time.into(),
        user_ref_num: event.user_ref.into(),
        quantity: event.quantity.into(),
        reason: event.code,
    }
}

pub(super) fn self_match(time: u64, event: &Event) -> AiqCanceled {
    AiqCanceled {
        message_type: b'D',
        timestamp: time.into(),
        user_ref_num: event.user_ref.into(),
        decrement_shares: event.quantity.into(),
        reason: cancel_reason::SELF_MATCH,
        quantity_prevented_from_trading: event.detail.into(),
        execution_price: u64::from(event.price).into(),
        liquidity_flag: if event.kind() == EventKind::SelfMatchIncoming {
            liquidity_flag::REMOVED
        } else {
            liquidity_flag::ADDED
        },
        aiq_strategy: event.code,
    }
}

pub(super) fn modified(time: u64, event: &Event) -> OrderModified {
    OrderModified {
        message_type: b'M',
        timestamp: time.into(),
        user_ref_num: event.user_ref.into(),
        side: event.code,
        quantity: event.quantity.into(),
    }
}

pub(super) fn account_answered(time: u64, event: &Event) -> AccountQueryResponse {
    AccountQueryResponse {
        message_type: b'Q',
        timestamp: time.into(),
        next_user_ref_num: event.quantity.into(),
    }
}

pub(super) fn session_event(time: u64, event: &Event) -> SystemEvent {
    SystemEvent {
        message_type: b'S',
        timestamp: time.into(),
        event_code: event.code,
    }
}
