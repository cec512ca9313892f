//! OUCH responses of commands and events. One function per message; the encoder decides which and when.
//!
//! Where the Appendage Length is optional we send the short form: clients of the 2023 editions expect it.

use protocol::layout::WireMessage;
use protocol::order_entry::responses::{
    AccountQueryResponse, AiqCanceled, CancelReject, DisableOrderEntryResponse, EnableOrderEntryResponse,
    MassCancelResponse, OrderAccepted, OrderCanceled, OrderExecuted, OrderModified, OrderPriorityUpdate,
    OrderRejected, OrderReplaced, OrderRestated, SystemEvent,
};
use protocol::order_entry::values::{cancel_reason, liquidity_flag, restated_reason};
use protocol::order_entry::{OptionsWriter, options, write_message};
use zerocopy::network_endian::U16;

use super::echo::{ECHOED_ON_ACCEPTED, ECHOED_ON_MASS_CANCEL, ECHOED_ON_REPLACED, echo};
use super::window::MESSAGE_BYTES_MAX;
use crate::exchange::command::{Command, CommandKind, OrderOptions};
use crate::exchange::event::{CarriedText, Event, EventKind};

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

/// An order that survived the roll of the day: told anew, with what it kept.
pub(super) fn carried(time: u64, event: &Event, text: &CarriedText, symbol: [u8; 8]) -> OrderAccepted {
    let [side, ..] = event.detail.to_le_bytes();
    OrderAccepted {
        message_type: b'A',
        timestamp: time.into(),
        user_ref_num: event.user_ref.into(),
        side,
        quantity: event.quantity.into(),
        symbol,
        price: u64::from(event.price).into(),
        time_in_force: text.time_in_force,
        display: text.display,
        order_reference_number: event.number.into(),
        capacity: text.capacity,
        inter_market_sweep_eligibility: text.sweep,
        cross_type: text.cross_type,
        order_state: event.code,
        cl_ord_id: text.cl_ord_id,
        appendage_length: U16::ZERO,
    }
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

/// The displayed part of a reserve order was filled up: its number in the market data, and how much is seen of it.
pub(super) fn restated<'a>(draft: &'a mut Draft, time: u64, event: &Event) -> &'a [u8] {
    let fixed = OrderRestated {
        message_type: b'R',
        timestamp: time.into(),
        user_ref_num: event.user_ref.into(),
        reason: restated_reason::REFRESH_OF_DISPLAY,
        appendage_length: U16::ZERO,
    };
    draft.write(&fixed, |writer| {
        let fits = writer.push_u64(options::SECONDARY_ORD_REF_NUM, event.number)
            && writer.push_u32(options::DISPLAY_QUANTITY, event.quantity);
        assert!(fits, "two options fit");
    })
}

/// A stop entered the market.
pub(super) fn priority_updated(time: u64, event: &Event) -> OrderPriorityUpdate {
    OrderPriorityUpdate {
        message_type: b'T',
        timestamp: time.into(),
        user_ref_num: event.user_ref.into(),
        price: u64::from(event.price).into(),
        display: event.code,
        order_reference_number: event.number.into(),
    }
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

pub(super) fn cancel_refused(time: u64, event: &Event) -> CancelReject {
    CancelReject {
        message_type: b'I',
        timestamp: time.into(),
        user_ref_num: event.user_ref.into(),
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
