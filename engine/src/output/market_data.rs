//! ITCH messages of events. One function per message; the encoder decides which and when.

use protocol::market_data::messages::{
    AddOrder, AddOrderAttributed, CrossTrade, Noii, OrderCancel, OrderDelete, OrderExecuted,
    OrderExecutedWithPrice, OrderReplace, StockDirectory, StockTradingAction, SystemEvent, Trade,
};
use protocol::market_data::values::{printable, side};
use protocol::units::U48;
use zerocopy::network_endian::{U16, U32, U64};

use crate::exchange::event::Event;
use crate::planted::{self, Bug};

/// Receivers ignore it.
const TRACKING_NUMBER: U16 = U16::ZERO;

pub(super) fn system_event(time: U48, event: &Event) -> SystemEvent {
    SystemEvent {
        message_type: b'S',
        stock_locate: U16::ZERO,
        tracking_number: TRACKING_NUMBER,
        timestamp: time,
        event_code: event.code,
    }
}

/// The fields that speak of listings in the United States say "not applicable".
pub(super) fn stock_directory(time: U48, event: &Event) -> StockDirectory {
    StockDirectory {
        message_type: b'R',
        stock_locate: event.instrument.into(),
        tracking_number: TRACKING_NUMBER,
        timestamp: time,
        stock: event.number.to_be_bytes(),
        market_category: b' ',
        financial_status_indicator: b' ',
        round_lot_size: event.quantity.into(),
        round_lots_only: b'N',
        issue_classification: b'Q',
        issue_sub_type: *b"Z ",
        authenticity: b'P',
        short_sale_threshold_indicator: b' ',
        ipo_flag: b' ',
        luld_reference_price_tier: b' ',
        etp_flag: b' ',
        etp_leverage_factor: U32::ZERO,
        inverse_indicator: b'N',
    }
}

pub(super) fn stock_trading_action(time: U48, event: &Event) -> StockTradingAction {
    StockTradingAction {
        message_type: b'H',
        stock_locate: event.instrument.into(),
        tracking_number: TRACKING_NUMBER,
        timestamp: time,
        stock: event.number.to_be_bytes(),
        trading_state: event.code,
        reserved: b' ',
        reason: [b' '; 4],
    }
}

pub(super) fn add_order(time: U48, event: &Event, symbol: [u8; 8]) -> AddOrder {
    AddOrder {
        message_type: b'A',
        stock_locate: event.instrument.into(),
        tracking_number: TRACKING_NUMBER,
        timestamp: time,
        order_reference_number: event.number.into(),
        buy_sell_indicator: event.code,
        shares: event.quantity.into(),
        stock: symbol,
        price: event.price.into(),
    }
}

pub(super) fn add_order_attributed(time: U48, event: &Event, symbol: [u8; 8]) -> AddOrderAttributed {
    AddOrderAttributed {
        message_type: b'F',
        stock_locate: event.instrument.into(),
        tracking_number: TRACKING_NUMBER,
        timestamp: time,
        order_reference_number: event.number.into(),
        buy_sell_indicator: event.code,
        shares: event.quantity.into(),
        stock: symbol,
        price: event.price.into(),
        attribution: event.detail.to_le_bytes(),
    }
}

pub(super) fn order_executed(time: U48, resting: &Event, match_number: u64) -> OrderExecuted {
    OrderExecuted {
        message_type: b'E',
        stock_locate: resting.instrument.into(),
        tracking_number: TRACKING_NUMBER,
        timestamp: time,
        order_reference_number: resting.number.into(),
        executed_shares: resting.quantity.into(),
        match_number: match_number.into(),
    }
}

/// A displayed order's part in a cross. It is not printable: the cross trade carries the volume once.
pub(super) fn order_executed_in_cross(time: U48, event: &Event, match_number: u64) -> OrderExecutedWithPrice {
    OrderExecutedWithPrice {
        message_type: b'C',
        stock_locate: event.instrument.into(),
        tracking_number: TRACKING_NUMBER,
        timestamp: time,
        order_reference_number: event.number.into(),
        executed_shares: event.quantity.into(),
        match_number: match_number.into(),
        printable: printable::NO,
        execution_price: event.price.into(),
    }
}

/// An execution against something that is not displayed: neither its number nor its side is told.
pub(super) fn trade(time: U48, resting: &Event, match_number: u64, symbol: [u8; 8]) -> Trade {
    Trade {
        message_type: b'P',
        stock_locate: resting.instrument.into(),
        tracking_number: TRACKING_NUMBER,
        timestamp: time,
        order_reference_number: U64::ZERO,
        buy_sell_indicator: side::BUY,
        shares: resting.quantity.into(),
        stock: symbol,
        price: resting.price.into(),
        match_number: match_number.into(),
    }
}

pub(super) fn cross_trade(time: U48, event: &Event, symbol: [u8; 8]) -> CrossTrade {
    CrossTrade {
        message_type: b'Q',
        stock_locate: event.instrument.into(),
        tracking_number: TRACKING_NUMBER,
        timestamp: time,
        shares: U64::new(u64::from(event.detail) << 32 | u64::from(event.quantity)),
        stock: symbol,
        cross_price: event.price.into(),
        match_number: event.number.into(),
        cross_type: event.code,
    }
}

/// `volume` has the prices and what is paired, `side` what is left and where.
pub(super) fn imbalance(time: U48, volume: &Event, side: &Event, symbol: [u8; 8]) -> Noii {
    // The indicator is a character.
    let [.., variation] = volume.quantity.to_be_bytes();
    Noii {
        message_type: b'I',
        stock_locate: volume.instrument.into(),
        tracking_number: TRACKING_NUMBER,
        timestamp: time,
        paired_shares: volume.number.into(),
        imbalance_shares: side.number.into(),
        imbalance_direction: side.code,
        stock: symbol,
        far_price: volume.detail.into(),
        near_price: volume.price.into(),
        current_reference_price: volume.user_ref.into(),
        cross_type: volume.code,
        price_variation_indicator: variation,
    }
}

pub(super) fn order_cancel(time: U48, event: &Event) -> OrderCancel {
    OrderCancel {
        message_type: b'X',
        stock_locate: event.instrument.into(),
        tracking_number: TRACKING_NUMBER,
        timestamp: time,
        order_reference_number: event.number.into(),
        cancelled_shares: (event.quantity - u32::from(planted::is(Bug::CancelToldWrong))).into(),
    }
}

pub(super) fn order_delete(time: U48, event: &Event) -> OrderDelete {
    OrderDelete {
        message_type: b'D',
        stock_locate: event.instrument.into(),
        tracking_number: TRACKING_NUMBER,
        timestamp: time,
        order_reference_number: event.number.into(),
    }
}

/// `replaced` carries what rests now, `original_number` is what it was known as.
pub(super) fn order_replace(time: U48, replaced: &Event, original_number: u64) -> OrderReplace {
    OrderReplace {
        message_type: b'U',
        stock_locate: replaced.instrument.into(),
        tracking_number: TRACKING_NUMBER,
        timestamp: time,
        original_order_reference_number: U64::new(original_number),
        new_order_reference_number: replaced.number.into(),
        shares: replaced.quantity.into(),
        price: replaced.price.into(),
    }
}
