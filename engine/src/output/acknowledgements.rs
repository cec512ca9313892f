//! OUCH responses of commands and events. One function per message; the encoder decides which and when.
//!
//! Where the Appendage Length is optional we send the short form: clients of the 2023 editions expect it.

use protocol::order_entry::responses::{
    AccountQueryResponse, AiqCanceled, DisableOrderEntryResponse, EnableOrderEntryResponse,
    MassCancelResponse, OrderAccepted, OrderCanceled, OrderExecuted, OrderModified, OrderRejected,
    OrderReplaced, SystemEvent,
};
use zerocopy::network_endian::U16;
use zerocopy::{Immutable, IntoBytes};

use super::window::MESSAGE_BYTES_MAX;
use crate::exchange::command::{Command, CommandKind, OrderOptions};
use crate::exchange::event::{Event, EventKind};

/// Reason of every AIQ Canceled.
const REASON_SELF_MATCH: u8 = b'Q';
/// Liquidity flag: the order rested.
const ADDED: u8 = b'A';
/// Liquidity flag: the order came in.
const REMOVED: u8 = b'R';

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

/// Option 131 Fee, in quote units.
const OPTION_FEE: u8 = 131;

/// A message with an appendage, put together in place.
#[derive(Debug)]
pub(super) struct Draft {
    bytes: [u8; MESSAGE_BYTES_MAX],
    fixed: usize,
    length: usize,
}

impl Draft {
    pub(super) fn new() -> Self {
        Self {
            bytes: [0; MESSAGE_BYTES_MAX],
            fixed: 0,
            length: 0,
        }
    }

    /// Starts with the fixed part, which ends in the Appendage Length.
    fn begin(&mut self, fixed: &(impl IntoBytes + Immutable)) -> &mut Self {
        let bytes = fixed.as_bytes();
        self.bytes[..bytes.len()].copy_from_slice(bytes);
        self.fixed = bytes.len();
        self.length = bytes.len();
        self
    }

    /// Appends an option. All that a message may carry together fit: the longest has 142 bytes.
    fn option(&mut self, tag: u8, value: &[u8]) {
        let element = &mut self.bytes[self.length..self.length + 2 + value.len()];
        element[0] = 1 + value.len() as u8;
        element[1] = tag;
        element[2..].copy_from_slice(value);
        self.length += 2 + value.len();
    }

    /// Appends those options of `allowed` that were sent, in the order of their numbers.
    fn echo(&mut self, options: &OrderOptions, allowed: u32) -> &mut Self {
        let echoed = options.present & allowed;
        if echoed == 0 {
            return self;
        }
        let mut when = |bit: u32, tag: u8, value: &[u8]| {
            if echoed & bit != 0 {
                self.option(tag, value);
            }
        };
        when(OrderOptions::HAS_FIRM, 2, &options.firm);
        when(
            OrderOptions::HAS_MIN_QUANTITY,
            3,
            &options.min_quantity.to_be_bytes(),
        );
        when(OrderOptions::HAS_CUSTOMER_TYPE, 4, &[options.customer_type]);
        when(OrderOptions::HAS_MAX_FLOOR, 5, &options.max_floor.to_be_bytes());
        when(OrderOptions::HAS_PRICE_TYPE, 6, &[options.price_type]);
        when(OrderOptions::HAS_POST_ONLY, 12, &[options.post_only]);
        when(
            OrderOptions::HAS_RANDOM_RESERVES,
            13,
            &options.random_reserves.to_be_bytes(),
        );
        when(
            OrderOptions::HAS_EXPIRE_TIME,
            15,
            &options.expire_time.to_be_bytes(),
        );
        when(OrderOptions::HAS_TRADE_NOW, 16, &[options.trade_now]);
        when(OrderOptions::HAS_HANDLE_INST, 17, &[options.handle_inst]);
        when(OrderOptions::HAS_GROUP, 24, &options.group.to_be_bytes());
        when(OrderOptions::HAS_SHARES_LOCATED, 25, &[options.shares_located]);
        when(OrderOptions::HAS_SIDE, 27, &[options.side]);
        when(OrderOptions::HAS_USER_REF_INDEX, 28, &[options.user_ref_index]);
        when(
            OrderOptions::HAS_STOP_PRICE,
            128,
            &options.stop_price.to_be_bytes(),
        );
        when(OrderOptions::HAS_SELF_MATCH, 129, &[options.self_match]);
        when(OrderOptions::HAS_FUNDS, 130, &options.funds.to_be_bytes());
        self
    }

    /// Writes the Appendage Length; gives the message.
    fn finish(&mut self) -> &[u8] {
        let appendage = U16::new((self.length - self.fixed) as u16);
        self.bytes[self.fixed - 2..self.fixed].copy_from_slice(appendage.as_bytes());
        &self.bytes[..self.length]
    }
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
    draft
        .begin(&fixed)
        .echo(&command.options(), ECHOED_ON_ACCEPTED)
        .finish()
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
    draft
        .begin(&fixed)
        .echo(&command.options(), ECHOED_ON_REPLACED)
        .finish()
}

/// `fee`: of this execution, for an account that asks for it.
pub(super) fn executed<'a>(
    draft: &'a mut Draft,
    time: u64,
    event: &Event,
    match_number: u64,
    fee: Option<u64>,
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
    draft.begin(&fixed);
    if let Some(fee) = fee {
        draft.option(OPTION_FEE, &fee.to_be_bytes());
    }
    draft.finish()
}

pub(super) fn mass_canceled<'a>(
    draft: &'a mut Draft,
    command: &Command,
    event: &Event,
    symbol: [u8; 8],
) -> &'a [u8] {
    let options = command.options();
    let fixed = MassCancelResponse {
        message_type: b'X',
        timestamp: command.time.into(),
        user_ref_num: event.user_ref.into(),
        firm: firm(&options),
        symbol,
        appendage_length: U16::ZERO,
    };
    draft.begin(&fixed).echo(&options, ECHOED_ON_MASS_CANCEL).finish()
}

pub(super) fn order_entry_disabled<'a>(draft: &'a mut Draft, command: &Command, event: &Event) -> &'a [u8] {
    let options = command.options();
    let fixed = DisableOrderEntryResponse {
        message_type: b'G',
        timestamp: command.time.into(),
        user_ref_num: event.user_ref.into(),
        firm: firm(&options),
        appendage_length: U16::ZERO,
    };
    draft
        .begin(&fixed)
        .echo(&options, OrderOptions::HAS_USER_REF_INDEX)
        .finish()
}

pub(super) fn order_entry_enabled<'a>(draft: &'a mut Draft, command: &Command, event: &Event) -> &'a [u8] {
    let options = command.options();
    let fixed = EnableOrderEntryResponse {
        message_type: b'K',
        timestamp: command.time.into(),
        user_ref_num: event.user_ref.into(),
        firm: firm(&options),
        appendage_length: U16::ZERO,
    };
    draft
        .begin(&fixed)
        .echo(&options, OrderOptions::HAS_USER_REF_INDEX)
        .finish()
}

/// The Firm field of a request, as it came.
fn firm(options: &OrderOptions) -> [u8; 4] {
    if options.has(OrderOptions::HAS_FIRM) {
        options.firm
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
        reason: REASON_SELF_MATCH,
        quantity_prevented_from_trading: event.detail.into(),
        execution_price: u64::from(event.price).into(),
        liquidity_flag: if event.kind() == EventKind::SelfMatchIncoming {
            REMOVED
        } else {
            ADDED
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
